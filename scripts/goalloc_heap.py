# SPDX-License-Identifier: GPL-2.0
"""What a kernel's memory says of goalloc's heap; goalloc-drgn and goalloc-crash
differ only in how they read that memory.

Such a reader has read(address, bytes), field(struct, member) -> (offset, bytes),
sizeof(type or variable), constant(name) and symbol(name), the last one for the
kernel's own symbols.  It raises Unreadable where there is no memory, and Unknown
for what its debug information lacks.  So no layout is written down here.  Of
goalloc's macros, which debug information has not, these are repeated:
"""

import argparse
import re
import signal
import struct
import sys

PAGE = 4096  # or a part of the kernel's
L2_SHIFT = 32
TINY_SIZE = 16
TINY_LAST = 14
RED_ZONE = 8
RECORD_MAGIC = 0x676F64656275672E

DESCRIPTION = """\
commands:
  span ADDRESS...  which span, object, state and owner an address is of
  owners           the objects and bytes of each module, as in debugfs
  classes          the same by size class, as owners_classes in debugfs

The exit status is 1 if something is damaged, or if the heap cannot be read."""


class Unreadable(Exception):
    """There is no such memory in the core, or in the kernel."""

    def __init__(self, address):
        super().__init__(f'cannot read memory at {address:#x}')


class Unknown(Exception):
    """Debug information lacks something, or is of another goalloc."""


class Damaged(Exception):
    """What was read cannot be true."""


class Struct:
    """A struct in the kernel's memory, read at once."""

    def __init__(self, kernel, name, address):
        self.kernel, self.name, self.address = kernel, name, address
        self.data = kernel.read(address, kernel.sizeof(f'struct {name}'))

    def at(self, member):
        """The address of a member."""
        return self.address + self.kernel.field(self.name, member)[0]

    def bytes(self, member):
        """A member as it is."""
        offset, size = self.kernel.field(self.name, member)
        return self.data[offset:offset + size]

    def __getitem__(self, member):
        return int.from_bytes(self.bytes(member), 'little')

    def text(self, member):
        """A member that is a string."""
        return self.bytes(member).split(b'\0')[0].decode('ascii', 'replace')


def words(data):
    """The pointers in an array of them."""
    return struct.unpack(f'<{len(data) // 8}Q', data)


class Module:
    """goalloc in the kernel's list of modules."""

    def __init__(self, kernel, path):
        self.kernel = kernel
        self.module = self.find()
        self.verify(path)
        self.symbols = dict(self.read_symbols())

    def find(self):
        """The struct module."""
        head = self.kernel.symbol('modules')
        entry = words(self.kernel.read(head, 8))[0]
        offset = self.kernel.field('module', 'list')[0]
        for _ in range(10000):
            if entry == head:
                raise Unknown('goalloc is not loaded in this kernel')
            module = Struct(self.kernel, 'module', entry - offset)
            if module.text('name') == 'goalloc':
                return module
            entry = words(module.bytes('list'))[0]
        raise Damaged('the list of modules has no end')

    def build_id(self):
        """That of the module that is loaded."""
        base = self.module['sect_attrs']
        first = base + self.kernel.field('module_sect_attrs', 'attrs')[0]
        number = Struct(self.kernel, 'module_sect_attrs', base)['nsections']
        for i in range(min(number, 1000)):
            at = first + i * self.kernel.sizeof('struct module_sect_attr')
            attr = Struct(self.kernel, 'module_sect_attr', at)
            # The first member of the first member is the name's address.
            name = self.kernel.read(words(attr.data[:8])[0], 19)
            if name == b'.note.gnu.build-id\0':
                return self.kernel.read(attr['address'] + 16, 20)
        raise Unknown('the loaded goalloc has no build ID')

    def verify(self, path):
        """See to it that the file is what is loaded."""
        with open(path, 'rb') as file:
            found = re.search(b'\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0(.{20})',
                              file.read(), re.DOTALL)
        file_id, loaded = found and found.group(1), self.build_id()
        if file_id != loaded:
            raise Unknown(f'{path} is not the goalloc that is loaded there: '
                          f'build ID {file_id.hex() if file_id else "none"}, '
                          f'not {loaded.hex()}')

    def read_symbols(self):
        """Yield the module's symbols and their addresses."""
        table = Struct(self.kernel, 'mod_kallsyms', self.module['kallsyms'])
        size = self.kernel.sizeof('Elf64_Sym')
        number = table['num_symtab']
        if not 1 <= number <= 100000:
            raise Damaged(f'goalloc has {number} symbols')
        symbols = self.kernel.read(table['symtab'], number * size)
        ends = [struct.unpack_from('<I', symbols, i * size)[0] for i in range(number)]
        if max(ends) > 1 << 24:
            raise Damaged(f'the names of the symbols take {max(ends)} bytes')
        strings = self.read_strings(table['strtab'], max(ends))
        for i, start in enumerate(ends):
            name = strings[start:strings.find(b'\0', start)].decode('ascii', 'replace')
            yield name, struct.unpack_from('<Q', symbols, i * size + 8)[0]

    def read_strings(self, base, last):
        """The names of the symbols, of which the last begins at an offset."""
        size = last + PAGE - (base + last) % PAGE
        strings = self.kernel.read(base, size)
        if b'\0' not in strings[last:]:
            strings += self.kernel.read(base + size, PAGE)
        return strings

    def symbol(self, name):
        """The address of one of goalloc's variables."""
        if name not in self.symbols:
            raise Unknown(f'no symbol {name} in the loaded goalloc')
        return self.symbols[name]


class Heap:
    """The heap, from the arena map down."""

    def __init__(self, kernel, path):
        self.kernel = kernel
        self.module = Module(kernel, path)
        self.damages = []
        heap = Struct(kernel, 'goheap', self.module.symbol('goalloc_heap'))
        self.heap = heap
        if not heap['map']:
            raise Unknown('goalloc has no heap: it is being loaded or unloaded')
        self.map = Struct(kernel, 'goarenamap', heap['map'])
        self.nil_span = self.module.symbol('gospan_nil')
        self.nil_arena = self.module.symbol('goarena_nil')
        arenas = kernel.field('goarenal2', 'arena')[1] // 8
        self.arena_shift = L2_SHIFT - (arenas.bit_length() - 1)
        self.pages = kernel.sizeof('nil_table') // 8
        self.page_size = (1 << self.arena_shift) // self.pages
        self.classes = kernel.sizeof('go_class_size') // 2
        self.sizes = struct.unpack(f'<{self.classes}H', kernel.read(
            self.module.symbol('go_class_size'), 2 * self.classes))
        self.read_constants()
        self.owners = self.read_owners()

    def read_constants(self):
        """The states of spans and objects, and whether the latter are kept."""
        constant = self.kernel.constant
        self.spans = {constant(f'GO_SPAN_{name.upper()}'): name
                      for name in ('none', 'free', 'small', 'large', 'dying')}
        self.object_states = {constant('GO_OBJ_FRESH'): 'never used',
                              constant('GO_OBJ_FREE'): 'free',
                              constant('GO_OBJ_POISONED'): 'free, poisoned'}
        self.suspected = constant('GO_OBJ_DEBUG')
        self.sited = constant('GO_OBJ_SITED')
        self.tiny = constant('GO_OBJ_TINY')
        self.sampled = constant('GO_OBJ_SAMPLED')
        self.live = constant('GO_OBJ_LIVE')
        # Its first member is the count, whatever wraps it.
        check = self.kernel.read(self.module.symbol('goalloc_check'), 4)
        self.check = struct.unpack('<i', check)[0] > 0

    def read_owners(self):
        """The table of owners."""
        size = self.kernel.sizeof('struct goowner')
        base = self.module.symbol('goowners')
        number = self.kernel.sizeof('goowners') // size
        return [Struct(self.kernel, 'goowner', base + i * size) for i in range(number)]

    def owner_name(self, owner):
        """Whose a state byte says an object is."""
        i = owner - self.live
        if not 0 <= i < len(self.owners):
            raise Damaged(f'owner {owner} is none')
        if self.owners[i]['state'] == self.kernel.constant('GO_OWNER_FREE'):
            raise Damaged(f'owner {i} has no module')
        return self.owners[i].text('name')

    def damaged(self, what, why):
        """Remember that something is damaged."""
        self.damages.append(f'damaged: {what}: {why}')

    # --- from an address to its span ---------------------------------------

    def arena_of(self, address):
        """The arena of an address and the number of its page, or None."""
        phys = (address + self.map['shift']) % (1 << 64)
        if phys >> L2_SHIFT >= self.map['nr']:
            return None
        l2 = words(self.kernel.read(self.map.at('l2') + 8 * (phys >> L2_SHIFT), 8))[0]
        low = phys % (1 << L2_SHIFT)
        entry = (l2 + self.kernel.field('goarenal2', 'arena')[0] +
                 8 * (low >> self.arena_shift))
        arena = words(self.kernel.read(entry, 8))[0]
        if arena == self.nil_arena:
            return None
        return (Struct(self.kernel, 'goarena', arena),
                low % (1 << self.arena_shift) // self.page_size)

    def table_of(self, arena):
        """What each page of an arena belongs to."""
        return words(self.kernel.read(arena['span'], 8 * self.pages))

    def read_span(self, address):
        """A span whose words can be true."""
        span = Struct(self.kernel, 'gospan', address)
        kind = self.spans.get(span['state'])
        if kind is None or not 1 <= span['npages'] <= self.pages:
            raise Damaged(f"state {span['state']}, {span['npages']} pages")
        if kind == 'small':
            spanclass, size, n = span['spanclass'], span['elemsize'], span['nelems']
            # Those above are of named caches, whose sizes are their own.
            if spanclass < 2 or not size or \
                    spanclass < 2 * self.classes and \
                    size != self.sizes[spanclass >> 1] or \
                    not 1 <= n * size <= self.bytes_of(span):
                raise Damaged(f'{n} objects of {size} bytes, span class {spanclass}')
        return span

    def bytes_of(self, span):
        """How long a span is; it may have half a page of ours."""
        return span['npages'] * self.page_size >> span['half']

    def find(self, address):
        """The arena, page and span of an address, or None."""
        found = self.arena_of(address)
        if not found:
            return None
        arena, page = found
        table = self.table_of(arena)
        # A free run is entered at its ends only.
        at = table[page]
        for i in range(page, -1, -1):
            if table[i] != self.nil_span:
                at = table[i]
                break
        if at == self.nil_span:
            return None
        span = self.read_span(at)
        if (address - span['base']) % (1 << 64) >= self.bytes_of(span):
            return None
        if table[page] == self.nil_span and self.spans[span['state']] != 'free':
            raise Damaged(f'page {page} of its arena leads nowhere')
        return arena, page, span

    # --- what is in a span --------------------------------------------------

    def states_of(self, span):
        """The state bytes of a small span."""
        return self.kernel.read(span['objstate'], span['nelems'])

    def tiny_objects(self, span, index):
        """Yield where in a block there are objects, and their bytes."""
        n, tiny = span['nelems'], span['tiny']
        out = struct.unpack('<I', self.kernel.read(tiny + 4 * index, 4))[0]
        back = struct.unpack('<H', self.kernel.read(tiny + 4 * n + 2 * index, 2))[0]
        for start in range(TINY_LAST + 1):
            if out & ~back & 1 << start:
                end = next((i for i in range(start + 1, TINY_SIZE)
                            if out >> 16 & 1 << i), TINY_SIZE)
                yield start, end - start

    def record_of(self, span, index):
        """The owner and the bytes of an object that debug= suspects."""
        size = self.kernel.sizeof('struct goredzone_record')
        at = span['base'] + (index + 1) * span['elemsize'] - size
        record = Struct(self.kernel, 'goredzone_record', at)
        if record['magic'] != RECORD_MAGIC ^ at:
            return self.live, span['elemsize'] - RED_ZONE - size
        return max(record['owner'], self.live), record['size']

    def site_record_of(self, span, index):
        """The owner and the bytes of an object that its call site counts: site.c."""
        at = span['base'] + (index + 1) * span['elemsize'] - 8
        word = words(self.kernel.read(at, 8))[0]
        return max(word & 0xff, self.live), word >> 24 & 0xffff

    def owner_of(self, state):
        """The owner of what is out and nothing special."""
        if state >= self.live:
            return state
        return state - (self.sampled if state >= self.sampled else self.tiny) + self.live

    def sizes_of(self, span, index, state):
        """The bytes of what is live in an object: of a block, those of its tiny ones."""
        tiny = []
        if state < self.live and span['tiny']:
            tiny = [size for _, size in self.tiny_objects(span, index)]
        return tiny if tiny or state < self.sampled else [span['elemsize']]

    def objects(self, span):
        """Yield owner, class and bytes of each live object of a span."""
        kind = self.spans[span['state']]
        if kind == 'large' and span['owner'] >= self.live:
            yield span['owner'], 0, span['elemsize']
        if kind != 'small':
            return
        size_class = min(span['spanclass'] >> 1, self.classes)
        for index, state in enumerate(self.states_of(span)):
            if state >= self.tiny:
                owner = self.owner_of(state)
                for size in self.sizes_of(span, index, state):
                    yield owner, size_class, size
            elif state == self.suspected:
                owner, size = self.record_of(span, index)
                yield owner, size_class, size
            elif state == self.sited:
                owner, size = self.site_record_of(span, index)
                yield owner, size_class, size
            elif state not in self.object_states:
                self.damaged(f'object {index} at {span["base"]:#x}',
                             f'state {state}')

    # --- walks --------------------------------------------------------------

    def arenas(self):
        """Yield all arenas."""
        i, nr = self.map['first'], self.map['nr']
        while i < nr:
            base = words(self.kernel.read(self.map.at('l2') + 8 * i, 8))[0]
            l2 = Struct(self.kernel, 'goarenal2', base)
            for at in words(l2.bytes('arena')):
                if at != self.nil_arena:
                    yield at
            if l2['next'] <= i:
                raise Damaged(f"second level {i} leads back to {l2['next']}")
            i = l2['next']

    def walk_arena(self, at):
        """Yield all spans of an arena."""
        arena = Struct(self.kernel, 'goarena', at)
        for page, address in enumerate(self.table_of(arena)):
            if address == self.nil_span:
                continue
            where = arena['base'] + page * self.page_size
            try:
                span = self.read_span(address)
                if span['base'] // self.page_size * self.page_size == where:
                    yield span
            except (Damaged, Unreadable) as error:
                self.damaged(f'span of {where:#x}', error)

    def walk(self):
        """Yield all spans; of what is damaged, as much as there is."""
        try:
            for at in self.arenas():
                try:
                    yield from self.walk_arena(at)
                except Unreadable as error:
                    self.damaged(f'arena at {at:#x}', error)
        except (Damaged, Unreadable) as error:
            self.damaged('the arena map', error)

    def count(self):
        """Objects and bytes by owner and class."""
        counts = {}
        for span in self.walk():
            try:
                for owner, size_class, size in self.objects(span):
                    self.owner_name(owner)
                    sums = counts.setdefault((owner - self.live, size_class), [0, 0])
                    sums[0] += 1
                    sums[1] += size
            except (Damaged, Unreadable) as error:
                self.damaged(f'span at {span["base"]:#x}', error)
        return counts


# --- what is printed ---------------------------------------------------------


def describe_object(heap, span, address):
    """An address in a small span, in words."""
    size, n = span['elemsize'], span['nelems']
    index, inside = divmod(address - span['base'], size)
    if index >= n:
        return f'waste behind the last of {n} objects of {size} bytes'
    cached = span['spanclass'] >= 2 * heap.classes
    noscan = ', noscan' if span['spanclass'] & 1 and not cached else ''
    of = 'a named cache' if cached else f'class {span["spanclass"] >> 1}'
    state = heap.states_of(span)[index]
    text = f'object {index} of {n}, {size} bytes, {of}{noscan}'
    text = f'byte {inside} of {text}' if inside else text
    if not heap.check:
        return f'{text}, live or free: with check=0 that is not known'
    owner = heap.owner_name(heap.owner_of(state)) if state >= heap.tiny else ''
    tiny = heap.tiny_objects(span, index) if heap.tiny <= state < heap.live and \
        span['tiny'] else ()
    tiny = list(tiny)
    if state >= heap.live or state >= heap.sampled and not tiny:
        return f'{text}, live, of {owner}'
    if state >= heap.tiny:
        for start, length in tiny:
            if start <= inside < start + length:
                at = f'byte {inside - start} of ' if inside > start else ''
                return f'{at}tiny object of {length} bytes, live, of {owner}, ' \
                       f'in block {index} of {n}'
        return f'no tiny object, in block {index} of {n}, of {owner}'
    if state == heap.suspected:
        owner, asked = heap.record_of(span, index)
        return f'{text}, live, of {heap.owner_name(owner)}, {asked} bytes asked for, ' \
               'suspected by debug='
    if state == heap.sited:
        owner, usable = heap.site_record_of(span, index)
        return f'{text}, live, of {heap.owner_name(owner)}, {usable} bytes to use, ' \
               'counted at its call site'
    if state not in heap.object_states:
        raise Damaged(f'{text}, state {state}')
    return f'{text}, {heap.object_states[state]}'


def describe(heap, address):
    """An address, in words."""
    found = heap.find(address)
    if not found:
        return 'not ours'
    arena, _, span = found
    kind, base = heap.spans[span['state']], span['base']
    if kind == 'small':
        text = describe_object(heap, span, address)
    elif kind in ('large', 'dying'):
        at = f'byte {address - base} of ' if address != base else ''
        text = f'{at}large object of {span["elemsize"]} bytes, '
        if kind == 'dying':
            text += 'freed'
        elif heap.check:
            text += f'live, of {heap.owner_name(span["owner"])}'
        else:
            text += 'live'
    else:
        text = f'in a {kind} run' if kind == 'free' else 'in a span that is nothing yet'
    first = (base - arena['base']) // heap.page_size
    number = ((arena['base'] + heap.map['shift']) % (1 << 64)) >> heap.arena_shift
    return f'{text}\n  span {span.address:#x}: {kind}, {span["npages"]} pages at ' \
           f'{base:#x}, page {first} of arena {number}'


def show_spans(heap, addresses):
    """Print what is at each address."""
    for address in addresses:
        try:
            text = describe(heap, address)
        except (Damaged, Unreadable) as error:
            heap.damaged(f'span of {address:#x}', error)
            text = 'not known'
        print(f'{address:#x}: {text}')


def show_owners(heap):
    """Print the objects and bytes of each module."""
    counts, constant = heap.count(), heap.kernel.constant
    print('# goalloc-owners v1\nowner' + ' ' * 58 +
          'objects          bytes   peak-objects     peak-bytes state')
    for i, owner in enumerate(heap.owners):
        if owner['state'] == constant('GO_OWNER_FREE'):
            continue
        objects, size = (sum(sums[k] for key, sums in counts.items() if key[0] == i)
                         for k in (0, 1))
        state = 'gone' if owner['state'] == constant('GO_OWNER_GONE') else \
            'loaded' if owner['mod'] else '-'
        print(f'{owner.text("name"):<55} {objects:14} {size:14} '
              f'{max(objects, owner["objects"]):14} {max(size, owner["bytes"]):14} {state}')
    print(f'left by modules that have gone: {heap.heap["left_objects"]} objects, '
          f'{heap.heap["left_bytes"]} bytes')
    full = heap.kernel.read(heap.module.symbol('goowners_full'), 4)
    if any(full):
        print(f'table full: {int.from_bytes(full, "little")} modules count as unknown')


def show_classes(heap):
    """Print the same by size class."""
    print('# goalloc-owners-classes v1\nowner' + ' ' * 51 +
          'class   size        objects          bytes')
    for (owner, size_class), (objects, size) in sorted(heap.count().items()):
        print(f'{heap.owners[owner].text("name"):<55} {size_class:5} '
              f'{(heap.sizes + (0,))[size_class]:6} {objects:14} {size:14}')


def parse(program):
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=program, epilog=DESCRIPTION, description="Read goalloc's heap.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('-s', dest='vmlinux', required=True, metavar='VMLINUX',
                        help='the kernel, with debug information')
    parser.add_argument('-m', dest='module', required=True, metavar='GOALLOC.KO',
                        help='goalloc as it is loaded there, not stripped')
    parser.add_argument('-c', dest='core', metavar='CORE',
                        help='a core; without one the kernel that is running')
    parser.add_argument('command', choices=('span', 'owners', 'classes'))
    parser.add_argument('addresses', nargs='*', metavar='ADDRESS',
                        type=lambda text: int(text, 16))
    args = parser.parse_args()
    if (args.command == 'span') != bool(args.addresses):
        parser.error('span takes addresses, in hexadecimal; the others none')
    if any(not 0 <= address < 1 << 64 for address in args.addresses):
        parser.error('an address has 64 bits')
    return args


def run(args, kernel):
    """Do what the command line says; the exit status."""
    heap = Heap(kernel, args.module)
    if args.command == 'span':
        show_spans(heap, args.addresses)
    elif not heap.check:
        raise Unknown('owners need check=1')
    elif args.command == 'owners':
        show_owners(heap)
    else:
        show_classes(heap)
    for line in heap.damages:
        print(line)
    return 1 if heap.damages else 0


def main(program, open_kernel):
    """Open a kernel as the command line says, and read its heap."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    args, kernel = parse(program), None
    try:
        kernel = open_kernel(args)
        sys.exit(run(args, kernel))
    except (Unreadable, Unknown, Damaged, OSError) as error:
        sys.exit(f'{program}: {error}')
    finally:
        if kernel:
            kernel.close()
