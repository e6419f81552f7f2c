#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""plot-churn.py SAMPLES PICTURE: summarize and draw what scripts/churn measured.

Without matplotlib it draws no picture.
"""

import sys


def read(path):
    """Return the samples by allocator and phase, each a dict of numbers."""
    runs = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if not line.startswith("allocator="):
                continue
            fields = dict(f.split("=") for f in line.split())
            key = fields.pop("allocator"), fields.pop("phase")
            runs.setdefault(key, []).append(
                {k: int(v) for k, v in fields.items()})
    return runs


def ratio(sample, of="held"):
    return sample[of] / sample["live"]


def pages(sample):
    """Pages for objects over live bytes; kmalloc's samples count only pages."""
    return (sample["inuse"] + sample["idle"] or sample["held"]) / sample["live"]


def say(runs):
    for name in ("goalloc", "kmalloc"):
        steady = [ratio(s) for s in runs[name, "steady"]]
        quarter = len(steady) // 4
        print(f"{name}: held / live at the live size: "
              f"second quarter {sum(steady[quarter:2 * quarter]) / quarter:.3f}, "
              f"last quarter {sum(steady[-quarter:]) / quarter:.3f}, "
              f"most {max(steady):.3f}")
        drop = runs.get((name, "dropped"), [])
        for after in (0, 5, 10, 12, 15, 20, 25, 30):
            found = [s for s in drop if s["at"] >= after * 1000]
            if found:
                print(f"{name}: {found[0]['at'] / 1000:5.1f} s after the drop: "
                      f"{ratio(found[0]):.2f}, pages for objects alone "
                      f"{pages(found[0]):.2f}")


def draw(runs, path):
    try:
        import matplotlib
    except ImportError:
        print("no matplotlib: no picture")
        return
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "goalloc"
    from matplotlib import pyplot
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    for name, colour in (("goalloc", "tab:blue"), ("kmalloc", "tab:orange")):
        steady = runs[name, "steady"]
        left.plot([s["at"] / 1e6 for s in steady],
                  [ratio(s) for s in steady], colour, label=name)
        drop = runs[name, "dropped"]
        right.plot([s["at"] / 1e3 for s in drop],
                   [s["held"] / 2**20 for s in drop], colour, label=name)
    right.plot([s["at"] / 1e3 for s in drop],
               [s["live"] / 2**20 for s in drop], "black", label="live")
    left.set(title="at a steady live size", ylim=(1, 1.6),
             xlabel="million operations", ylabel="held / live")
    right.set(title="after 90 % were freed", ylim=(0, None),
              xlabel="seconds", ylabel="MiB held")
    left.legend()
    right.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


samples = read(sys.argv[1])
say(samples)
draw(samples, sys.argv[2])
