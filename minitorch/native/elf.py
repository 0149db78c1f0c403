"""Machine code put where it can run, without LLVM: what is left of linking where addresses are whole words.

    object     sections of bytes │ symbols: a name, a section, a place in it │ places where an address is to be written
    memory     code and constants, to be read and run │ data, to be written

LLVM's own linker can do more, and loading it takes 20 ms and 50 MB. A process that finds its code on disk does without both.
``placed`` gives None for whatever it doesn't know, and then LLVM has to be asked: for other systems than Linux on x86-64,
where an object isn't in this form, and for relocations other than an address of 8 bytes, which is all that LLVM's large
code model leaves to be done. Unwind tables are left out: no exception passes through our code.

torch: nothing of its own: dlopen does it.   System V Application Binary Interface, AMD64 supplement, chapter 4
"""

import ctypes
import mmap
import platform
import struct
import sys

__all__ = ["Memory", "placed"]

LIBRARY = ctypes.CDLL(None) if sys.platform != "win32" else None
"""All that this process has loaded for everybody, the C library with it."""

AVAILABLE = sys.platform == "linux" and platform.machine() == "x86_64"

PREFIX, RELOCATABLE, X86_64 = b"\x7fELF\x02\x01", 1, 62
HEADER, SECTION, SYMBOL, RELOCATION = (struct.Struct(f"<{form}") for form in ("16xHH20xQ10xHHH", "IIQQQQIIQQ", "IBBHQQ", "QQq"))
BYTES, SYMBOLS, ADDRESSES, ZEROS, UNWIND = 1, 2, 4, 8, 0x70000001
"""Kinds of sections. Those of all others have nothing that must be in memory."""
WRITTEN, LOADED, THREADS_OWN = 1, 2, 0x400
"""What a section's flags say: it is data, it must be in memory, each thread has its own."""
LOCAL, WEAK = 0, 2
"""Whom a symbol is for: its object alone; whoever has no other."""
NOWHERE = 0
"""Instead of a section: of a symbol that another object has."""
ADDRESS = 1
"""The relocation: the address of a symbol, plus a number, as 8 bytes."""


class Unknown(Exception):
    """Something that isn't done here."""


class Object:
    """The sections of an object that must be in memory, as (flags, alignment, bytes) by number, and its tables."""

    def __init__(self, data):
        if not data.startswith(PREFIX):
            raise Unknown("another form")
        kind, machine, start, size, count, _ = HEADER.unpack_from(data)
        if (kind, machine, size) != (RELOCATABLE, X86_64, SECTION.size):
            raise Unknown("another machine")
        self.loaded, self.symbols, self.relocations, self.places = {}, [], [], {}
        headers = [SECTION.unpack_from(data, start + k * size) for k in range(count)]
        for number, (_, kind, flags, _, offset, length, link, info, alignment, _) in enumerate(headers):
            body = bytes(length) if kind == ZEROS else data[offset : offset + length]
            if kind == SYMBOLS:
                self.symbols = [(text_at(data, headers[link][4] + name), *rest) for name, *rest in SYMBOL.iter_unpack(body)]
            elif kind == ADDRESSES:
                self.relocations += [(info, *entry) for entry in RELOCATION.iter_unpack(body)]
            elif flags & LOADED and kind != UNWIND:
                if kind not in (BYTES, ZEROS) or flags & THREADS_OWN:
                    raise Unknown("another kind of section")
                self.loaded[number] = flags, max(alignment, 1), bytearray(body)

    def address(self, symbol):
        """Where a symbol of this object lies."""
        _, _, _, section, value, _ = symbol
        if section not in self.places:
            raise Unknown("a symbol elsewhere")
        return self.places[section] + value


def text_at(data, start):
    return data[start : data.index(b"\0", start)].decode()


class Memory:
    """Objects in memory.   addresses: of their functions. Whoever calls one must hold this."""

    def __init__(self, objects, symbols):
        code = laid_out(objects, False, 0)
        size = laid_out(objects, True, code)
        self.block = mmap.mmap(-1, max(size, 1), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.block))
        for item in objects:
            item.places = {number: start + at for number, at in item.places.items()}
        self.addresses = named(objects)
        known = {**symbols, **self.addresses}
        for item in objects:
            relocate(item, known)
            for number, (*_, body) in item.loaded.items():
                at = item.places[number] - start
                self.block[at : at + len(body)] = bytes(body)
        if code and LIBRARY.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(code), mmap.PROT_READ | mmap.PROT_EXEC):
            raise Unknown("the system wants no code here")


def laid_out(objects, written, at):
    """Give each section that is written to, or each that isn't, its place from byte ``at`` on; where the next page begins."""
    for item in objects:
        for number, (flags, alignment, body) in item.loaded.items():
            if bool(flags & WRITTEN) is written:
                item.places[number] = at = -(-at // alignment) * alignment
                at += len(body)
    return -(-at // mmap.PAGESIZE) * mmap.PAGESIZE


def named(objects):
    """{name: address} of all that objects have for each other."""
    found, weak = {}, {}
    for item in objects:
        for symbol in item.symbols:
            name, info, _, section, *_ = symbol
            if info >> 4 != LOCAL and section != NOWHERE:
                kept = weak if info >> 4 == WEAK else found
                if name in found:
                    raise Unknown("two of a name")
                kept.setdefault(name, item.address(symbol))
    return {**weak, **found}


def relocate(item, known):
    """Write addresses where an object has places for them."""
    for number, place, info, more in item.relocations:
        if number not in item.loaded:
            continue  # of a table that isn't in memory
        symbol = item.symbols[info >> 32]
        if info & 0xFFFFFFFF != ADDRESS:
            raise Unknown("another relocation")
        name, address = symbol[0], item.address(symbol) if symbol[3] != NOWHERE else known.get(symbol[0])
        if address is None:
            address = outside(name)
        struct.pack_into("<Q", item.loaded[number][2], place, (address + more) % (1 << 64))


def outside(name):
    """Where a function of the C library, or of Python's, lies."""
    try:
        return ctypes.cast(getattr(LIBRARY, name), ctypes.c_void_p).value
    except AttributeError:
        raise Unknown(f"no function {name}") from None


def placed(objects, symbols):
    """The Memory of objects that call each other, ``symbols``: {name: address} and the C library. None where LLVM has to do it."""
    if not AVAILABLE:
        return None
    try:
        return Memory([Object(data) for data in objects], symbols)
    except (Unknown, struct.error, OSError):
        return None
