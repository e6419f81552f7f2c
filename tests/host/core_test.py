#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""core_test.py DIRECTORY VMLINUX MODULES TOOL...: ask each tool about the cores
that the cell "core" has made in a directory, and compare with what the guests
said there.  Prints TAP.  A tool is the path of goalloc-drgn or goalloc-crash, or
"NAME # SKIP REASON".
"""

import pathlib
import re
import shutil
import struct
import subprocess
import sys

# What must be said of the addresses that gocore has said, and of some near them.
KNOWN = [
    ('small', 0, r'object \d+ of 128, 64 bytes, class 6, live, of gocore'),
    ('small', 10, r'byte 10 of object \d+ of 128, 64 bytes, class 6, live, of gocore'),
    ('wasteful', 0, r'object 0 of 11, 704 bytes, class 29, live, of gocore'),
    ('wasteful', 8191, r'waste behind the last of 11 objects of 704 bytes'),
    ('noscan', 0, r'object \d+ of 8, 1024 bytes, class 32, noscan, live, of gocore'),
    ('suspected', 0, r'object \d+ of 64, 128 bytes, class 10, live, of gocore, '
                     r'72 bytes asked for, suspected by debug='),
    ('tiny3', 0, r'tiny object of 3 bytes, live, of gocore, in block \d+ of 512'),
    ('tiny3', 2, r'byte 2 of tiny object of 3 bytes, live, of gocore, in block \d+ .*'),
    ('tiny5', 0, r'tiny object of 5 bytes, live, of gocore, in block \d+ of 512'),
    ('tinyfreed', 0, r'no tiny object, in block \d+ of 512, of gocore'),
    ('large', 0, r'large object of 106496 bytes, live, of gocore'),
    ('large', 99999, r'byte 99999 of large object of 106496 bytes, live, of gocore'),
    ('freed', 0, r'object \d+ of 128, 64 bytes, class 6, (free|never used)'),
    ('run', 8192, r'(in a free run|byte 8192 of large object of 40960 bytes, freed)'),
    ('kmalloc', 0, r'not ours'),
    ('variable', 0, r'not ours'),
]
FOREIGN = ['0', '10', '7fffffffe000', '800000000000', 'ffff800000000000',
           'ffffffffffffffff']


class Tool:
    """A tool and what it is asked about."""

    def __init__(self, path, vmlinux, module, core):
        self.name = pathlib.Path(path).name
        self.args = {'tool': path, '-s': vmlinux, '-m': module, '-c': core}

    def ask(self, *command, **others):
        """The exit status and the output."""
        args = dict(self.args, **{f'-{key}': value for key, value in others.items()})
        line = [args.pop('tool')] + [str(word) for pair in args.items() for word in pair]
        done = subprocess.run(line + list(command), capture_output=True, text=True,
                              timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr


def part(console, name):
    """What a file of debugfs said, without what the kernel said meanwhile."""
    text = console.split(f'core: {name} begins\n')[1].split(f'core: {name} ends')[0]
    return ''.join(line + '\n' for line in text.splitlines() if line[:1] != '[')


def addresses(console):
    """What gocore has said."""
    return {name: int(value, 16) for name, value in
            re.findall(r'gocore: (\w+) 0x([0-9a-f]+)', console)}


def expect(what, answer, status, pattern):
    """Complain unless an answer is as it should be."""
    if 'Traceback' in answer[1] or answer[0] != status or \
            not re.search(pattern, answer[1]):
        return f'{what}: status {answer[0]}, {answer[1]}'
    return ''


def same_as_debugfs(tool, console, command, name):
    """The tool says what debugfs has said."""
    status, said = tool.ask(command)
    return '' if (status, said) == (0, part(console, name)) else f'{status}:\n{said}'


def known_addresses(tool, where):
    """What is at each address."""
    asked = [where[name] + off for name, off, _ in KNOWN]
    status, said = tool.ask('span', *[f'{address:x}' for address in asked])
    lines = [line for line in said.splitlines() if line.startswith('0x')]
    if status or len(lines) != len(KNOWN):
        return f'{status}:\n{said}'
    return '\n'.join(f'{name}+{off}: {line}'
                     for (name, off, want), line, address in zip(KNOWN, lines, asked)
                     if not re.fullmatch(f'{address:#x}: {want}', line))


def foreign_addresses(tool):
    """What is not ours, and what is no address."""
    status, said = tool.ask('span', *FOREIGN)
    good = status == 0 and re.fullmatch(r'(0x[0-9a-f]+: not ours\n){6}', said)
    return ('' if good else f'{status}:\n{said}') or \
        expect('no number', tool.ask('span', 'small'), 2, 'invalid') or \
        expect('65 bits', tool.ask('span', '1' + 16 * '0'), 2, '64 bits') or \
        expect('no address', tool.ask('span'), 2, 'takes addresses')


def other_kernels(tool, directory, console):
    """A core without goalloc, one with check=0, and files that are no cores."""
    where = addresses((directory / 'check=0.console').read_text())
    unchecked = directory / 'check=0.core'
    text = directory / 'text'
    text.write_text(console)
    return expect('without', tool.ask('owners', c=directory / 'without.core'), 1,
                  'goalloc is not loaded') or \
        expect('check=0', tool.ask('owners', c=unchecked), 1, 'owners need check=1') or \
        expect('check=0', tool.ask('span', f'{where["small"]:x}', c=unchecked), 0,
               'object .* live or free: with check=0 that is not known') or \
        expect('text', tool.ask('owners', c=text), 1, f'^{tool.name}: ') or \
        expect('no file', tool.ask('owners', c='/none'), 1, f'^{tool.name}: ')


def other_modules(tool, directory):
    """Another module, goalloc from another build, and what is no module."""
    module = pathlib.Path(tool.args['-m'])
    note = b'\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0'
    data = module.read_bytes()
    at = data.index(note) + len(note)
    other = directory / 'goalloc.ko'
    other.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
    pattern = 'is not the goalloc that is loaded there: build ID '
    return expect('other build', tool.ask('owners', m=other), 1, pattern) or \
        expect('client', tool.ask('owners', m=directory / 'goclient.ko'), 1, pattern) or \
        expect('no file', tool.ask('owners', m='/none'), 1, f'^{tool.name}: ')


class Memory:
    """A copy of a core, to be damaged."""

    def __init__(self, core, copy):
        shutil.copyfile(core, copy)
        copy.chmod(0o600)
        self.file = open(copy, 'r+b')       # pylint: disable=consider-using-with
        head = self.file.read(64)
        phoff, size = struct.unpack_from('<Q', head, 32)[0], 56
        for i in range(struct.unpack_from('<H', head, 56)[0]):
            self.file.seek(phoff + i * size)
            kind, _, offset, _, phys = struct.unpack('<IIQQQ', self.file.read(32))
            if kind == 1 and phys == 0:
                self.start = offset

    def poke(self, phys, old, new):
        """Replace bytes, which must be as expected."""
        self.file.seek(self.start + phys)
        if self.file.read(len(old)) != old:
            raise ValueError(f'{phys:#x} is not what it should be')
        self.file.seek(self.start + phys)
        self.file.write(new)
        self.file.flush()


def damaged_heap(tool, where, directory):
    """Spans that cannot be true, and words that lead nowhere."""
    _, said = tool.ask('span', f'{where["small"]:x}')
    span, base, page, arena = [int(word, 0) for word in re.search(
        r'span (0x\w+): .* at (0x\w+), page (\d+) of arena (\d+)', said).groups()]
    shift = (arena << 22) + (page << 13) - base
    copy = directory / 'damaged.core'
    memory = Memory(tool.args['-c'], copy)
    # The first word of a span is its base, the second leads to the state bytes.
    memory.file.seek(memory.start + span + shift + 8)
    states = memory.file.read(8)
    memory.poke(span + shift + 8, states, struct.pack('<Q', 0xdead4ead00000000))
    complaint = expect('states', tool.ask('owners', c=copy), 1,
                       r'goowner_a .*\n(.*\n)*damaged: span at .*: cannot read memory '
                       r'at 0xdead4ead0') or \
        expect('states', tool.ask('span', f'{where["small"]:x}', c=copy), 1,
               'not known\ndamaged: .*cannot read memory')
    memory.poke(span + shift + 8, struct.pack('<Q', 0xdead4ead00000000), states)
    # From @magic on: 64 bytes' and @elemsize.
    memory.poke(span + shift + 20, struct.pack('<I', 64), struct.pack('<I', 63))
    complaint = complaint or \
        expect('size', tool.ask('owners', c=copy), 1,
               r'goowner_a .*\n(.*\n)*damaged: span of .*: 128 objects of 63 bytes')
    memory.poke(span + shift + 20, struct.pack('<I', 63), struct.pack('<I', 64))
    states = struct.unpack('<Q', states)[0] + shift
    index = (where['small'] - base) // 64
    memory.file.seek(memory.start + states + index)
    memory.poke(states + index, memory.file.read(1), b'\x08')
    complaint = complaint or \
        expect('state', tool.ask('span', f'{where["small"]:x}', c=copy), 1, 'state 8')
    memory.file.close()
    copy.unlink()
    return complaint


def main():
    """Run all tests."""
    directory, vmlinux, modules = (pathlib.Path(arg) for arg in sys.argv[1:4])
    console = (directory / 'core.console').read_text()
    where = addresses(console)
    print('TAP version 13')
    number = 0
    for path in sys.argv[4:]:
        if ' # SKIP ' in path:
            number += 1
            print(f'ok {number} {path}')
            continue
        tool = Tool(path, vmlinux, modules / 'goalloc.ko', directory / 'core.core')
        for name, test, args in (
                ('owners are those of debugfs', same_as_debugfs,
                 (console, 'owners', 'owners')),
                ('classes are those of debugfs', same_as_debugfs,
                 (console, 'classes', 'owners_classes')),
                ('addresses of known objects', known_addresses, (where,)),
                ('addresses that are not ours', foreign_addresses, ()),
                ('kernels without goalloc, with check=0', other_kernels,
                 (directory, console)),
                ('modules that are not the one', other_modules, (directory,)),
                ('a damaged heap', damaged_heap, (where, directory))):
            complaint = test(tool, *args)
            number += 1
            for line in complaint.splitlines():
                print(f'# {line}')
            print(f'{"not " if complaint else ""}ok {number} {tool.name}: {name}',
                  flush=True)
    print(f'1..{number}')


main()
