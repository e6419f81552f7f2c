#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""profile_test GOALLOCCTL: goallocctl profile, on texts that are made here.

What it writes is read by Debian's go tool pprof, where that is installed, and by
Python's XML parser.  Output is TAP, on standard output.
"""

import gzip
import math
import pathlib
import random
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

from tap import Place, need, run_tests

CTL = sys.argv[1]
RATE = 524288
SVG = "{http://www.w3.org/2000/svg}"
# Stacks, the innermost first: name, offset, module.
OPEN = ("leak_open", 0x10, "mymod")
OPEN2 = ("leak_open", 0x18, "mymod")
INIT = ("leak_init", 0x20, "mymod")
PEER = ("peer_get<x>", 0x8, "peer&co")
CALL = ("do_one_initcall", 0x100, None)
KTHREAD = ("kthread", 0x30, None)
SAMPLES = [
    # objects and bytes in use and in all, stack, lifetimes
    ((2, 128, 8, 512), (OPEN, INIT, CALL), "<2us:3 <4us:3"),
    ((1, 64, 2, 128), (OPEN2, KTHREAD), ""),
    ((4, 1 << 22, 5, 5 << 20), (PEER, KTHREAD), "<8ms:1"),
]


def address(frame):
    name, offset, module = frame
    base = 0xffffffffc0000000 if module else 0xffffffff81000000
    return base + sum(map(ord, name)) * 4096 + offset


NONE = ("0 samples, 0 stacks, 0 names; "
        "0 objects of older profiles are live; 0 stacks made room")


def text(samples, kind=f"heap_v2/{RATE}", dropped=NONE):
    total = [sum(s[0][i] for s in samples) for i in range(4)]
    out = ["heap profile: {}: {} [{}: {}] @ ".format(*total) + kind]
    for values, stack, lifetimes in samples:
        out.append("{}: {} [{}: {}] @ ".format(*values) +
                   " ".join(f"{address(f):#x}" for f in stack))
        for frame in stack:
            name, offset, module = frame
            out.append(f"#\t{address(frame):#x}\t{name}+{offset:#x}/0x200" +
                       (f" [{module}]" if module else ""))
        if lifetimes:
            out.append(f"# lifetimes {lifetimes}")
    out.append(f"# dropped: {dropped}")
    return "\n".join(out) + "\n"


def scaled(objects, size, rate=RATE):
    scale = 1 if rate <= 1 else 1 / (1 - math.exp(-size / objects / rate))
    return int(objects * scale), int(size * scale)


def in_use(samples, name=None):
    """Scaled bytes of all samples, or of those whose innermost function it is."""
    return sum(scaled(*s[0][:2])[1] for s in samples
               if s[0][0] and name in (None, s[1][0][0]))


class Profiles(Place):
    """Profiles in a directory, and what goallocctl profile says of them."""

    def ctl(self, *args, status=0):
        done = subprocess.run([CTL, "profile", *args], text=True,
                              capture_output=True)
        need(done.returncode == status, args, done.returncode, done.stderr)
        need(status == 0 or re.match("goallocctl: |profile: ", done.stderr),
             done.stderr)
        return done.stdout if status == 0 else done.stderr

    def pprof(self, *args):
        done = subprocess.run(["go", "tool", "pprof", *args], text=True,
                              capture_output=True, check=False,
                              env={"HOME": str(self.path), "PATH":
                                   "/usr/local/bin:/usr/bin:/bin"})
        need(done.returncode == 0, args, done.stderr)
        return done.stdout


def flat(top, name):
    """Bytes of a function in pprof -top -unit=B."""
    row = re.search(rf"^ *(-?\d+)B? .* {re.escape(name)}$", top, re.M)
    need(row, name, top)
    return int(row[1])


def test_table(place):
    said = place.ctl(place.write("a", text(SAMPLES)))
    need(f"inuse_space: {in_use(SAMPLES)} bytes" in said, said)
    for name in ("leak_open", "peer_get<x>"):
        row = re.search(rf"^ *(\d+) .*  {name} \[", said, re.M)
        need(row and int(row[1]) == in_use(SAMPLES, name), name, said)
    row = re.search(r"^ *0 +0.00% +(\d+) .*  kthread$", said, re.M)
    need(row and int(row[1]) == in_use(SAMPLES[1:]), said)
    said = place.ctl("-allocs", place.at("a"))
    need(said.startswith("alloc_space: "), said)


def test_dropped(place):
    """What the kernel has dropped is told of, if it is anything."""
    said = place.ctl(place.write("a", text(SAMPLES)))
    need("dropped" not in said, said)
    some = NONE.replace("0 stacks", "20 stacks")
    said = place.ctl(place.write("b", text(SAMPLES, dropped=some)))
    need(said.endswith(f"dropped: {some}\n"), said)


def test_no_profile(place):
    """Where the kernel says why there is none, that is the answer."""
    for why in ("profile_rate is 0", "it needs check=1"):
        none = (f"heap profile: 0: 0 [0: 0] @ heap/0\n# no profile: {why}\n"
                f"# dropped: {NONE}\n")
        said = place.ctl(place.write("a", none), status=1)
        need(said.endswith(f"no profile: {why}\n"), said)


def test_rates(place):
    """heap/N means half of what heap_v2/N does; with 1 nothing is scaled."""
    want = place.ctl(place.write("a", text(SAMPLES)))
    need(place.ctl(place.write("b", text(SAMPLES, f"heap/{2 * RATE}"))) == want)
    said = place.ctl(place.write("c", text(SAMPLES, "heap_v2/1")))
    need(f"inuse_space: {128 + 64 + (1 << 22)} bytes in 7 objects" in said, said)


def test_pprof_top(place):
    place.ctl("-o", place.at("a.pb.gz"), place.write("a", text(SAMPLES)))
    top = place.pprof("-top", "-inuse_space", "-unit=B", place.at("a.pb.gz"))
    need("Type: inuse_space" in top, top)
    need(flat(top, "leak_open") == in_use(SAMPLES, "leak_open"), top)
    files = place.pprof("-top", "-files", "-unit=B", place.at("a.pb.gz"))
    need(flat(files, "[mymod]") == in_use(SAMPLES, "leak_open"), files)
    need(flat(files, "[peer&co]") == in_use(SAMPLES, "peer_get<x>"), files)


def test_pprof_raw(place):
    place.ctl("-o", place.at("a.pb.gz"), place.write("a", text(SAMPLES)))
    raw = place.pprof("-raw", place.at("a.pb.gz"))
    for part in ("PeriodType: space bytes", f"Period: {RATE}", f"dropped: {NONE}",
                 "alloc_objects/count alloc_space/bytes inuse_objects/count "
                 "inuse_space/bytes[dflt]", "lifetimes:[<2us:3 <4us:3]",
                 "[kernel]  [FN]", "[mymod]  [FN]", "[peer&co]  [FN]"):
        need(part in raw, part, raw)
    for values, _, _ in SAMPLES:
        row = [*scaled(*values[2:]), *scaled(*values[:2])]
        need(re.search(" +".join(map(str, row)) + ":", raw), row, raw)
    # One location for each return address, one function for each name.
    need(re.search(rf"{address(OPEN) - 1:#x} M=\d leak_open \[mymod\]:16 ", raw), raw)
    need(re.search(rf"{address(OPEN2) - 1:#x} M=\d leak_open \[mymod\]:24 ", raw), raw)


def test_pprof_agrees(place):
    """pprof scales the text itself, to the same numbers."""
    place.ctl("-o", place.at("a.pb.gz"), place.write("a", text(SAMPLES)))
    ours, theirs = (re.search(r"100% of (\S+) total",
                              place.pprof("-top", "-inuse_space", "-unit=B", f))
                    for f in (place.at("a.pb.gz"), place.at("a")))
    need(ours and theirs and ours[1] == theirs[1], ours, theirs)


LATER = [
    ((5, 320, 20, 1280), SAMPLES[0][1], "<2us:9 <4us:6"),
    SAMPLES[1],
    ((0, 0, 5, 5 << 20), SAMPLES[2][1], "<8ms:5"),
    ((1, 4096, 1, 4096), (INIT, CALL), ""),
]


def test_base(place):
    """A difference, to text and to what was written, is the same."""
    place.write("a", text(SAMPLES))
    place.write("b", text(LATER))
    place.ctl("-o", place.at("a.pb.gz"), place.at("a"))
    want = place.ctl("-base", place.at("a"), place.at("b"))
    need(place.ctl("-base", place.at("a.pb.gz"), place.at("b")) == want)
    need(f"inuse_space: {in_use(LATER) - in_use(SAMPLES)} bytes" in want, want)
    place.ctl("-base", place.at("a.pb.gz"), "-o", place.at("d.pb.gz"),
              place.at("b"))
    if shutil.which("go"):
        top = place.pprof("-top", "-unit=B", place.at("d.pb.gz"))
        need(flat(top, "peer_get") == -in_use(SAMPLES, "peer_get<x>"), top)
        raw = place.pprof("-raw", place.at("d.pb.gz"))
        need("lifetimes:[<2us:6 <4us:3]" in raw, raw)
    # A stack that is in the base alone has gone.
    back = place.ctl("-base", place.at("b"), place.at("a"))
    need(f"inuse_space: {in_use(SAMPLES) - in_use(LATER)} bytes" in back, back)
    # Nothing has come between a profile and itself.
    none = place.ctl("-base", place.at("a.pb.gz"), place.at("a"))
    need("inuse_space: 0 bytes in 0 objects" in none, none)
    # In it is a profile as well.
    need(place.ctl(place.at("a.pb.gz")) == place.ctl(place.at("a")))


def boxes(path):
    """Hover text, x, y and width of each box; all of the file is parsed."""
    root = xml.etree.ElementTree.parse(path).getroot()
    need(root.tag == SVG + "svg", root.tag)
    need(not root.findall(f".//{SVG}script"), "a script")
    for g in root.findall(SVG + "g"):
        rect = g.find(SVG + "rect")
        yield (g.find(SVG + "title").text, float(rect.get("x")),
               float(rect.get("y")), float(rect.get("width")))


def test_base_sizes(place):
    """A stack that has asked for several sizes is one, whatever their order."""
    first = ((2, 128, 8, 512), (OPEN, CALL), "<2us:3 <4us:3")
    second = ((3, 3072, 3, 3072), (OPEN, CALL), "<8us:2")
    more = ((5, 5120, 5, 5120), (OPEN, CALL), "<8us:2 <16us:1")
    base = place.write("base", text([first, second]))
    for now in ([second, first], [first, second]):
        said = place.ctl("-base", base, place.write("a", text(now)))
        need(said.startswith("inuse_space: 0 bytes in 0 objects\n"), said)
        need("leak_open" not in said, said)
    place.ctl("-base", base, "-o", place.at("a.pb.gz"),
              place.write("a", text([more, first])))
    if shutil.which("go"):
        top = place.pprof("-top", "-inuse_space", "-unit=B", place.at("a.pb.gz"))
        want = scaled(5, 5120)[1] - scaled(3, 3072)[1]
        need(flat(top, "leak_open") == want, want, top)
        need(f"of {want}B total" in top, top)


def test_flame(place):
    place.ctl("-flame", place.at("a.svg"), place.write("a", text(SAMPLES)))
    found = list(boxes(place.at("a.svg")))
    rows = {}
    for title, x, y, width in found:
        rows.setdefault(y, []).append((x, width, title))
    rows = [sorted(rows[y]) for y in sorted(rows, reverse=True)]
    need(rows[0][0][2].startswith("all: "), rows[0])
    whole = rows[0][0][1]
    need(abs(sum(w for _, w, _ in rows[1]) - whole) < 0.05, rows[1])
    # The widest is the first, boxes of a row do not overlap, and each stands on one.
    need(rows[1][0][2].startswith("kthread: "), rows[1])
    for below, row in zip(rows, rows[1:]):
        for (x, width, _), (after, _, _) in zip(row, row[1:]):
            need(x + width <= after + 0.02, row)
        for x, width, title in row:
            need(any(bx - 0.02 <= x and x + width <= bx + bw + 0.02
                     for bx, bw, _ in below), title)
    share = in_use(SAMPLES, "peer_get<x>") / in_use(SAMPLES)
    wide = next(w for t, _, _, w in found if t.startswith("peer_get<x> [peer&co]"))
    need(abs(wide - share * whole) < 0.02, wide, share * whole)
    colour = set(re.findall(r"hsl\([^)]*\)", pathlib.Path(place.at("a.svg")).read_text()))
    need(len(colour) == 3, colour)


def test_flame_nothing(place):
    place.ctl("-flame", place.at("a.svg"), place.write("a", text([])))
    need(not list(boxes(place.at("a.svg"))), "boxes of nothing")


def test_large(place):
    """Thousands of stacks, and functions that call themselves."""
    rnd = random.Random(1)
    names = [(f"f{i}", rnd.randrange(500), rnd.choice([None, "m1", "m2"]))
             for i in range(300)]
    many = []
    for i in range(3000):
        n = rnd.randrange(1, 40)
        objects = rnd.randrange(1, 100)
        size = objects * rnd.choice([8, 64, 4096, 1 << 20])
        many.append(((objects, size, objects * 2, size * 2),
                     tuple(rnd.choices(names, k=n)), ""))
    place.ctl("-o", place.at("a.pb.gz"), "-flame", place.at("a.svg"), "-text",
              place.write("a", text(many)))
    need(sum(1 for _ in boxes(place.at("a.svg"))) > 1000, "few boxes")
    need(f"inuse_space: {in_use(many)} bytes" in place.ctl(place.at("a.pb.gz")))


GOOD = text(SAMPLES)
DAMAGED = {
    "empty": "",
    "garbage": bytes(random.Random(2).randbytes(4096)),
    "no profile": "hello\n",
    "cut in a line": GOOD[:len(GOOD) // 2],
    "cut between lines": "\n".join(GOOD.split("\n")[:7]) + "\n",
    "no rate": GOOD.replace(f"heap_v2/{RATE}", "heap_v2/"),
    "another kind": GOOD.replace("heap_v2", "growthz"),
    "a negative number": GOOD.replace("\n2: 128", "\n-2: 128"),
    "65 bits": GOOD.replace("\n2: 128", f"\n{1 << 64}: 128"),
    "too large": GOOD.replace("[8: 512]", f"[8: {(1 << 64) - 1}]"),
    "more in use than allocated": GOOD.replace("\n2: 128 [8", "\n9: 128 [8"),
    "an address of letters": GOOD.replace("@ 0xf", "@ 0xz", 1),
    "an address of 65 bits": GOOD.replace("@ 0xf", "@ 0x1f", 1),
    "a frame too many": GOOD.replace("# lifetimes", "#\t0x1\tf+0x1/0x2\n# lifetimes", 1),
    "a frame of another stack": GOOD.replace("#\t0xf", "#\t0xe", 1),
    "a frame without a name": GOOD.replace("\tleak_open+0x10", "\t+0x10", 1),
    "an offset that is none": GOOD.replace("+0x10/", "+0xyz/", 1),
    "lifetimes without a number": GOOD.replace("<2us:3", "<2us", 1),
    "a deep stack": GOOD.replace("\n1: 64", "\n1: 64 [1: 64] @" + " 0x1" * 300 + "\n1: 64"),
    "a nul": GOOD.replace("leak_open", "leak\0open", 1),
}


def test_damaged(place):
    """Each is refused with a reason, and leaves an old file as it was."""
    for name, data in DAMAGED.items():
        need(data != GOOD, name)
        path = place.write("bad", data)
        place.write("out.pb.gz", "old")
        said = place.ctl("-o", place.at("out.pb.gz"), "-flame",
                         place.at("out.svg"), path, status=1)
        need(path in said, name, said)
        need((place.path / "out.pb.gz").read_text() == "old", name)
        left = sorted(f.name for f in place.path.iterdir())
        need(left == ["bad", "out.pb.gz"], name, left)


def test_damaged_pb(place):
    """A file that was written, with a byte changed or its end gone."""
    place.ctl("-o", place.at("a.pb.gz"), place.write("a", GOOD))
    whole = pathlib.Path(place.at("a.pb.gz")).read_bytes()
    for n in (2, 10, len(whole) // 2, len(whole) - 1):
        place.ctl(place.write("b", whole[:n]), status=1)
    rnd = random.Random(3)
    raw = gzip.decompress(whole)
    for _ in range(300):
        bad = bytearray(raw)
        for _ in range(rnd.randrange(1, 4)):
            bad[rnd.randrange(len(bad))] = rnd.randrange(256)
        done = subprocess.run([CTL, "profile", place.write("b", gzip.compress(bad))],
                              capture_output=True, check=False)
        need(done.returncode in (0, 1) and b"runtime error" not in done.stderr
             and b"Sanitizer" not in done.stderr, done, bytes(bad))


def test_no_place(place):
    """What cannot be written is told of, and nothing is left."""
    path = place.write("a", GOOD)
    place.ctl("-o", place.at("none/a.pb.gz"), path, status=1)
    place.ctl("-flame", place.at("none/a.svg"), path, status=1)
    place.ctl(place.at("none"), status=1)
    place.ctl("-base", place.at("none"), path, status=1)
    (place.path / "dir").mkdir()
    place.ctl("-o", place.at("dir"), path, status=1)
    need(sorted(f.name for f in place.path.iterdir()) == ["a", "dir"])
    full = subprocess.run(f"{CTL} profile {path} >/dev/full", shell=True,
                          capture_output=True, check=False)
    need(full.returncode == 1 and b"No space" in full.stderr, full)


def test_arguments(place):
    path = place.write("a", GOOD)
    for args in (["-seconds", "0"], ["-seconds", "x"], ["-seconds"], ["-zork"],
                 ["-seconds", "1", path], [path, path], ["-o"]):
        place.ctl(*args, status=2)
    said = place.ctl(status=1)
    need("is the module loaded" in said or "are you root" in said, said)


def why_not(name):
    if name.startswith("pprof") and not shutil.which("go"):
        return "golang-go is not installed"
    return None


run_tests(globals(), "profile", Profiles, why_not)
