#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""advise_test GOALLOCCTL: goallocctl advise, on traces that are made here.

The traces are short, so that their sums are known.  Output is TAP, on standard
output.
"""

import json
import pathlib
import random
import subprocess
import sys
import xml.etree.ElementTree

from tap import Place, need, run_tests

CTL = sys.argv[1]
SVG = "{http://www.w3.org/2000/svg}"
FLAGS = "gfp_flags=GFP_KERNEL node=-1 accounted=false"
MOD = "hold+0x1c/0x90 [mymod]"
PEER = "peer<x>+0x8/0x20 [peer&co]"
KERNEL = "alloc_fdtable+0x4a/0x100"


class Trace:
    """Lines of events, as one of the tools writes them."""

    FORMS = {
        "tracefs": "          insmod-97      [001] d..1.  {0:.6f}: {1}: {2}",
        "perf script": "insmod    97 [001] {0:12.6f}:       kmem:{1}: {2}",
        "with a period": "insmod    97 [001] {0:12.6f}:  1 kmem:{1}: {2}",
        "trace-cmd": "          insmod-97    [001] {0:12.6f}: {1:<20}  {2}",
    }

    def __init__(self, form="tracefs"):
        self.form = self.FORMS[form]
        self.lines = []
        self.now = 1000.0

    def add(self, event, text):
        self.now += 0.001
        if "{1:<" in self.form:
            event += ":"
        self.lines.append(self.form.format(self.now, event, text))

    def malloc(self, ptr, size, got, site=MOD, flags=FLAGS, event="kmalloc"):
        self.add(event, f"call_site={site} ptr={ptr:016x} bytes_req={size} "
                 f"bytes_alloc={got} {flags}")

    def free(self, ptr, site="drop+0x10/0x20 [mymod]"):
        self.add("kfree", f"call_site={site} ptr={ptr:016x}")

    def text(self):
        return "".join(line + "\n" for line in self.lines)


class Traces(Place):
    """Traces in a directory, and what goallocctl advise says of them."""

    def run(self, *args, status=0, stdin=None):
        done = subprocess.run([CTL, "advise", *args], text=True, input=stdin,
                              capture_output=True, check=False)
        need(done.returncode == status, args, done.returncode, done.stderr)
        need("runtime error" not in done.stderr and "Sanitizer" not in done.stderr,
             done.stderr)
        return done.stdout if status == 0 else done.stderr

    def json(self, data):
        return json.loads(self.run("-j", self.write("in", data)))


def amount(objects, requested, kmalloc, goalloc):
    return {"objects": objects, "requested": requested, "kmalloc": kmalloc,
            "goalloc": goalloc, "saved": kmalloc - goalloc}


def site(said, name):
    found = [s for s in said["sites"] if s["site"].startswith(name + "+")]
    need(len(found) == 1, name, said["sites"])
    return found[0]


def module(said, name):
    found = [m for m in said["modules"] if m["module"] == name]
    need(len(found) == 1, name, said["modules"])
    return found[0]


A = 0xffff888001000000


def sample(form="tracefs"):
    """The peak is when all of the first three are live."""
    t = Trace(form)
    t.malloc(A, 520, 1024)
    t.malloc(A + 0x1000, 2100, 4096, PEER)
    t.malloc(A + 0x10000, 40000, 65536, KERNEL)
    t.free(A)
    t.malloc(A + 0x2000, 33, 64)
    t.free(A + 0x2000)
    t.add("kmem_cache_alloc", f"call_site={KERNEL} ptr={A + 0x3000:016x} "
          f"bytes_req=100 bytes_alloc=104 {FLAGS}")
    t.free(A + 0x999000)
    return t


def test_sums(place):
    """Each tool's form of the same trace has the same sums."""
    for form in Trace.FORMS:
        said = place.json(sample(form).text())
        need(said["peak"] == amount(3, 42620, 70656, 576 + 2304 + 40960), form, said)
        need(said["all"] == amount(4, 42653, 70720, 576 + 48 + 2304 + 40960), form)
        need(site(said, "hold")["peak"] == amount(1, 520, 1024, 576), form)
        need(site(said, "hold")["all"] == amount(2, 553, 1088, 624), form)
        need(site(said, "hold")["freed"] == 2, form)
        # 3 ms and 1 ms.
        need(abs(site(said, "hold")["lived-ns"] - 4000000) < 3000, form, said)
        need(module(said, "")["peak"] == amount(1, 40000, 65536, 40960), form)
        need(module(said, "peer&co")["all"] == amount(1, 2100, 4096, 2304), form)
        need(said["frees"] == 3 and said["frees-of-unknown"] == 1, form, said)
        need(said["caches"]["objects"] == 1 and said["caches"]["requested"] == 100
             and said["caches"]["kmalloc"] == 104, form, said)
        need(said["lost"] == 0 and said["hashed"] == 0, form, said)
        need(abs(said["seconds"] - 0.007) < 0.0001, form, said["seconds"])


def test_spans(place):
    """171 objects of 48 bytes are one more than a span has; large ones have none."""
    t = Trace()
    for i in range(171):
        t.malloc(A + i * 64, 40, 64)
    t.malloc(A + 0x100000, 40000, 65536)
    said = place.json(t.text())
    need(said["spans"] == 2 * 8192 + 40960, said["spans"])
    need(said["states"] == 171 * 10 // 8, said["states"])


def test_classes(place):
    """Every size: what gomalloc() would take, alignment included."""
    t = Trace()
    wanted = {1: 8, 8: 8, 9: 16, 96: 96, 97: 112, 192: 192, 2560: 3072,
              2561: 2688, 5120: 6144, 27136: 28672, 32768: 32768,
              32769: 40960, 4 << 20: 4 << 20}
    for i, size in enumerate(wanted):
        t.malloc(A + i * 0x1000000, size, 8 << 20, f"f{size}+0x1/0x2 [m]")
    said = place.json(t.text())
    for size, takes in wanted.items():
        is_ = site(said, f"f{size}")["all"]["goalloc"]
        need(is_ == takes, size, is_, takes)


def test_peak(place):
    """The peak of each site is what it had at the peak of all, at random."""
    rnd = random.Random(7)
    t, live, best, at_best = Trace(), {}, 0, {}
    for i in range(20000):
        grow = 0.55 if i < 9000 else 0.45
        if live and rnd.random() > grow:
            ptr = rnd.choice(list(live))
            t.free(ptr)
            del live[ptr]
            continue
        size = rnd.choice([24, 100, 520, 3000, 9000])
        got = {24: 32, 100: 128, 520: 1024, 3000: 4096, 9000: 16384}[size]
        name = f"f{rnd.randrange(40)}"
        ptr = A + (i << 20)
        live[ptr] = (name, got)
        t.malloc(ptr, size, got, f"{name}+0x1/0x2 [m{name[-1]}]")
        total = sum(g for _, g in live.values())
        if total > best:
            best, at_best = total, dict(live)
    said = place.json(t.text())
    need(said["peak"]["kmalloc"] == best and
         said["peak"]["objects"] == len(at_best), said["peak"], best)
    for s in said["sites"]:
        name = s["site"].split("+")[0]
        mine = [g for n, g in at_best.values() if n == name]
        need(s["peak"]["objects"] == len(mine) and
             s["peak"]["kmalloc"] == sum(mine), s, mine)
    for key in ("objects", "requested", "kmalloc", "goalloc", "saved"):
        need(sum(m["peak"][key] for m in said["modules"]) == said["peak"][key], key)
        need(sum(s["all"][key] for s in said["sites"]) == said["all"][key], key)
    saved = [s["peak"]["saved"] for s in said["sites"]]
    need(saved == sorted(saved, reverse=True), saved)


def test_not_seen(place):
    """What the trace cannot show is counted, and said."""
    t = Trace()
    t.malloc(A, 520, 1024)
    t.malloc(A, 520, 1024)				# its free had no event
    t.malloc(0, 520, 1024)				# failed
    t.add("kmalloc", f"call_site={MOD} ptr=(null) bytes_req=520 bytes_alloc=1024 {FLAGS}")
    t.malloc(A + 0x1000, 100, 128, flags="gfp_flags=GFP_KERNEL|GFP_DMA node=-1")
    t.malloc(A + 0x2000, 100, 128, flags="gfp_flags=GFP_KERNEL_ACCOUNT")
    t.malloc(A + 0x3000, 100, 128, flags="gfp_flags=GFP_KERNEL node=-1 accounted=true")
    t.malloc(A + 0x4000, 5 << 20, 8 << 20)
    t.lines.append("CPU:1 [LOST 17 EVENTS]")
    t.lines.append("CPU:0 [3 EVENTS DROPPED]")
    t.lines.append("CPU:0 [EVENTS DROPPED]")
    t.lines.append("insmod    97 [001]  1000.900000: PERF_RECORD_LOST lost 5")
    t.now = 999
    t.free(A)
    said = place.json(t.text())
    for name, n in {"frees-not-seen": 1, "failed": 2, "dma-objects": 1,
                    "accounted-objects": 2, "accounted-bytes": 256, "lost": 25,
                    "lost-uncounted": 1, "too-large": 1, "backwards": 1}.items():
        need(said[name] == n, name, said[name], n)
    # The first is not live any more.
    need(said["peak"]["objects"] == 5, said["peak"])
    need(said["all"]["saved"] == 2 * (1024 - 576) + 2 * (128 - 112), said["all"])
    text = place.run(place.at("in"))
    for line in ("25 events were lost", "1 times events were lost",
                 "1 frees were not seen", "2 allocations failed",
                 "1 objects, 128 bytes, are of a DMA zone",
                 "1 objects are of a size that goalloc refuses",
                 "2 objects, 256 bytes, are charged", "1 lines are older"):
        need(f"* {line}" in text, line, text)
    need("hashed" not in text and "no kfree" not in text, text)


def test_no_free(place):
    t = Trace()
    t.malloc(0xc0ffee00, 520, 1024)
    said = place.run(place.write("a", t.text()))
    need("There is no kfree event" in said and "hashed to 32 bits" in said, said)


def test_older_kernels(place):
    """kmalloc_node of its own, addresses for names, and no node="""
    t = Trace("perf script")
    t.malloc(A, 520, 1024, "ffffffffc0123456", "gfp_flags=GFP_ATOMIC", "kmalloc_node")
    t.malloc(A + 4096, 520, 1024, "0xffffffff81234567", "gfp_flags=0xcc0")
    t.malloc(A + 8192, 520, 1024, "f+0x1 [[mod]]")
    t.malloc(A + 12288, 520, 1024, "g+0x1 [[kernel.kallsyms]]")
    said = place.json(t.text())
    need(sorted(m["module"] for m in said["modules"]) == ["", "?", "mod"], said)
    need(module(said, "")["all"]["objects"] == 2, said)
    need("(some module)" in place.run(place.at("in")), "some module")


def test_hidden(place):
    """Of objects without an address no free is seen, and that is said."""
    t = Trace()
    for _ in range(2):
        t.malloc(A, 520, 1024)
        t.free(A)
    said = place.json(t.text().replace(f"{A:016x}", "(____ptrval____)"))
    need(said["peak"] == said["all"] == amount(2, 1040, 2048, 1152), said)
    need(said["hidden"] == 2 and said["frees-not-seen"] == 0, said)
    need("* 2 objects have no address" in place.run(place.at("in")), "hidden")


def test_kallsyms(place):
    """Modules by the names of functions, where the trace does not have them."""
    names = place.write("names", "".join(
        f"0000000000000000 {line}\n" for line in (
            "T alloc_fdtable", "t hold\t[mymod]", "t peer_get\t[peer]",
            "t twice\t[a]", "t twice\t[b]", "t both", "t both\t[a]",
            "t again\t[a]", "t again\t[a]", "d hol\t[x]", "t holder\t[x]")))
    t = Trace("perf script")
    wanted = {"alloc_fdtable": "", "hold": "mymod", "twice": "?", "both": "?",
              "again": "a", "nowhere": "", "named": "other"}
    for i, name in enumerate(wanted):
        t.malloc(A + i * 4096, 520, 1024, f"{name}+0x1c" +
                 (" [other]" if name == "named" else ""))
    path = place.write("a", t.text())
    said = json.loads(place.run("-j", "-kallsyms", names, path))
    for name, module_ in wanted.items():
        need(site(said, name)["module"] == module_, name, said)
    need(said["modules-known"] == 1, said)
    place.run("-kallsyms", place.at("none"), path, status=1)
    said = place.run("-kallsyms", path, path, status=1)
    need(f"{path}:1: not a line of /proc/kallsyms" in said, said)
    place.run("-kallsyms", names, status=2)
    bare = place.write("b", t.text().replace(" [other]", ""))
    need("No call site has a module" in place.run(bare), "said nothing")
    need("No call site has a module" not in place.run("-kallsyms", names, bare), "said")


def test_around(place):
    """What tools write around the events is passed over."""
    plain = place.json(sample().text())
    lines = sample().lines
    more = ["# tracer: nop", "#", "cpus=2", "CPU 1 is empty", "version = 6", ""]
    for line in lines:
        more += [line, "\tffffffff8123abcd kmalloc_trace+0x1d (/lib/modules/x)",
                 " => ret_from_fork", "          sh-1 [000] d..1. 1000.1: <stack trace>",
                 " sh-1 [000] 1000.100000: sched:sched_switch: prev_comm=a b [120] ==> c",
                 " sh-1 [000] 1000.100000: goalloc:malloc: call_site=x ptr=1",
                 " sh-1 [000] 1000.100000: do_idle <-cpu_startup_entry", ""]
    need(place.json("\n".join(more) + "\n") == plain, "differs")
    need(json.loads(place.run("-j", "-", stdin=sample().text())) == plain, "stdin")
    # A task may be called like an address.
    need(place.json(sample().text().replace("insmod", "deadbeef")) == plain, "hex")


def test_table(place):
    path = place.write("a", sample().text())
    said = place.run(path)
    row = next(l for l in said.split("\n") if l.startswith("live at the peak"))
    need(row.split()[4:] == ["3", "42620", "70656", "43840", "26816", "37.95%"], row)
    row = next(l for l in said.split("\n") if l.startswith("  of these, of modules"))
    need(row.split()[4:9] == ["2", "2620", "5120", "2880", "2240"], row)
    # The first of the call sites is the kernel's, which saves most.
    need("alloc_fdtable" in said.split("call site\n")[1].split("\n")[0], said)
    need("peer<x>+0x8/0x20 [peer&co]" in said and "(kernel)" in said, said)
    said = place.run("-top", "1", path)
    need(said.count("2 more\n") == 2 and "peer<x>" not in said, said)


def test_picture(place):
    path = place.at("a.svg")
    place.run("--svg", path, place.write("a", sample().text()))
    root = xml.etree.ElementTree.parse(path).getroot()
    words = [t.text for t in root.iter(SVG + "text")]
    for word in ("peer&co", "(kernel)", "hold+0x1c/0x90 [mymod]"):
        need(word in words, word, words)
    titles = [g.find(SVG + "title").text for g in root.iter(SVG + "g")]
    need("peer&co: 1 objects, requested 2100, kmalloc 4096, goalloc 2304 bytes"
         in titles, titles)
    # The parts of a row are as wide as its bytes, on one scale.
    for g in root.iter(SVG + "g"):
        widths = [float(r.get("width")) for r in g.iter(SVG + "rect")]
        if g.find(SVG + "title").text.startswith("all:"):
            scale = sum(widths) / 70656
        if g.find(SVG + "title").text.startswith("peer&co:"):
            for width, size in zip(widths, (2100, 204, 1792)):
                need(abs(width - size * scale) < 0.02, widths)
    script = pathlib.Path(path).read_text()
    need("<script" not in script and "href" not in script, "not self-contained")


GOOD = sample().text()
FIRST = GOOD.split("\n", maxsplit=1)[0]
DAMAGED = {
    "empty": ("", "no kmem:kmalloc event"),
    "only frees": (FIRST.replace("kmalloc:", "kmalloc_x:") + "\n", "no kmem:kmalloc"),
    "garbage": (random.Random(2).randbytes(4096), ""),
    "prose": (GOOD + "hello, world\n", ":9: not a line of a trace"),
    "a nul": (GOOD.replace("hold", "ho\0ld", 1), ":1: not text"),
    "perf.data": (b"PERFILE2" + bytes(100), "perf script -i"),
    "trace.dat": (b"\x17\x08\x44tracing" + bytes(100), "trace-cmd report -i"),
    "cut in a line": (GOOD[:-5], ":8: the file ends within a line"),
    "cut in bytes": (GOOD + FIRST.split(" bytes_alloc")[0] + "\n",
                     ":9: an event without bytes_req and bytes_alloc"),
    "no call_site": (FIRST.replace("call_site", "site") + "\n",
                     ":1: an event without call_site and ptr"),
    "no ptr": (GOOD.replace("ptr=", "p=", 1), ":1: an event without call_site and ptr"),
    "a pointer of letters": (GOOD.replace("ptr=ffff", "ptr=zfff", 1), ":1: "),
    "a pointer of 68 bits": (GOOD.replace("ptr=f", "ptr=ff", 1), ":1: "),
    "no size": (GOOD.replace("bytes_req=520", "bytes_req=", 1), ":1: "),
    "a negative size": (GOOD.replace("bytes_req=520", "bytes_req=-520", 1), ":1: "),
    "65 bits": (GOOD.replace("bytes_req=520", f"bytes_req={1 << 64}", 1), ":1: "),
    "less than asked for": (GOOD.replace("bytes_alloc=1024", "bytes_alloc=519", 1),
                            ":1: bytes_alloc cannot be"),
    "no bytes at all": (GOOD.replace("bytes_req=520 bytes_alloc=1024",
                                     "bytes_req=0 bytes_alloc=0", 1),
                        ":1: bytes_alloc cannot be"),
    "too many": (GOOD.replace("bytes_alloc=1024", f"bytes_alloc={1 << 41}", 1),
                 ":1: bytes_alloc cannot be"),
    "no site": (GOOD.replace("call_site=" + MOD, "call_site=", 1), ":1: "),
}


def test_damaged(place):
    """Each is refused with a reason and a line, and leaves an old picture."""
    for name, (data, why) in DAMAGED.items():
        path = place.write("bad", data)
        place.write("out.svg", "old")
        said = place.run("--svg", place.at("out.svg"), path, status=1)
        need(f"{path}" in said and why in said, name, said)
        need((place.path / "out.svg").read_text() == "old", name)
        left = sorted(f.name for f in place.path.iterdir())
        need(left == ["bad", "out.svg"], name, left)


def test_random_damage(place):
    """A byte changed here and there: an answer or a reason, never a crash."""
    rnd = random.Random(3)
    for _ in range(300):
        bad = bytearray(GOOD.encode())
        for _ in range(rnd.randrange(1, 6)):
            bad[rnd.randrange(len(bad))] = rnd.randrange(256)
        done = subprocess.run([CTL, "advise", "-j", place.write("b", bytes(bad))],
                              capture_output=True, check=False)
        need(done.returncode in (0, 1) and b"runtime error" not in done.stderr
             and b"Sanitizer" not in done.stderr, done, bytes(bad))
        if done.returncode == 0:
            json.loads(done.stdout)


def test_no_place(place):
    path = place.write("a", GOOD)
    place.run("--svg", place.at("none/a.svg"), path, status=1)
    place.run(place.at("none"), status=1)
    (place.path / "dir").mkdir()
    place.run("--svg", place.at("dir"), path, status=1)
    need(sorted(f.name for f in place.path.iterdir()) == ["a", "dir"])
    full = subprocess.run(f"{CTL} advise {path} >/dev/full", shell=True,
                          capture_output=True, check=False)
    need(full.returncode == 1 and b"No space" in full.stderr, full)


def test_arguments(place):
    path = place.write("a", GOOD)
    for args in (["-seconds", "0"], ["-seconds", "x"], ["-seconds"], ["-zork"],
                 ["-seconds", "1", path], ["-buffer", "1"], ["-buffer", "8", path],
                 ["-top", "0", path], [path, path], ["--svg"]):
        place.run(*args, status=2)


run_tests(globals(), "advise", Traces)
