# SPDX-License-Identifier: GPL-2.0
"""What the tests of goallocctl share: files to read, and TAP on standard output."""

import pathlib
import tempfile


class Bad(Exception):
    pass


def need(truth, *what):
    if not truth:
        raise Bad(*what)


class Place:
    """A directory with files in it."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def write(self, name, data):
        path = self.path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    def at(self, name):
        return str(self.path / name)


def run_tests(names, about, place, why_not=lambda name: None):
    """Run each test_*() of some names in a new place."""
    tests = [(n[5:].replace("_", " "), f) for n, f in names.items()
             if n.startswith("test_")]
    print("TAP version 13")
    for number, (name, test) in enumerate(tests, 1):
        if why_not(name):
            print(f"ok {number} {about}: {name} # SKIP {why_not(name)}")
            continue
        with tempfile.TemporaryDirectory() as path:
            try:
                test(place(path))
                print(f"ok {number} {about}: {name}")
            except Bad as why:
                print("#", *map(str, why.args), sep="\n# ")
                print(f"not ok {number} {about}: {name}")
    print(f"1..{len(tests)}", flush=True)
