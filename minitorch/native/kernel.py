"""One kernel as a function of arrays, for eager mode: ``kernel(x, weight, out)``.

    table       the ids of the array objects │ where their data are │ words: chunks, grain, lengths │ numbers
    main        finds the data behind each object, then lets the threads do the kernel's chunks

The text of a kernel reads its pointers from the second part of the table. One for arrays of any length reads lengths and
numbers behind them: they come with the call. Any number of threads may call a kernel at once.

torch: the stubs of ATen/native/DispatchStub.h
"""

import ctypes

from .link import host, load, object_of
from .text import Text
from .threads import runner, runtime_symbols

__all__ = ["DATA", "Kernel", "preamble"]

DATA = object.__basicsize__
"""Where an array object keeps the address of its data: right behind what every Python object begins with."""


def preamble(names):
    """LLVM text that defines the pointers of a kernel's arrays, one for each letter.

    >>> print(preamble("A"))
      %at.1 = getelementptr ptr, ptr %p, i64 1
      %A = load ptr, ptr %at.1
    """
    text = Text()
    for number, name in enumerate(names):
        text.do(f"%{name} = load ptr, ptr {text.at('%p', len(names) + number, 'ptr')}")
    return "\n".join(text.lines)


class Kernel:
    """The function ``@kernel`` of a Code, compiled for this machine, for ``count`` arrays.

    A Code without a number of chunks gets it with each call, in ``words``, as it gets other ``numbers``: so many there are.
    ImportError without llvmlite.
    """

    def __init__(self, code, count, level="vectors", words=0, numbers=0):
        machine = host()
        objects = [object_of(code.text, machine, level), object_of(main_text(count, code), machine, "vectors")]
        self.library = load(objects, runtime_symbols())
        address = self.library.address("main")
        self.alone, self.together = (runner(address, code.scratch, shared) for shared in (False, True))
        parts = [("objects", ctypes.c_void_p * count), ("data", ctypes.c_void_p * count)]
        parts += [("words", ctypes.c_int64 * words), ("numbers", ctypes.c_double * numbers)]
        self.table = type("Table", (ctypes.Structure,), {"_fields_": parts})

    def __call__(self, *arrays, words=(), numbers=(), shared=True):
        table = self.table(tuple(map(id, arrays)), (), words, numbers)
        (self.together if shared else self.alone)(ctypes.addressof(table))


def main_text(count, code):
    """The main function: the data of each array, then the kernel."""
    text = Text()
    text.lines.append("declare void @kernel(ptr, ptr, i64, i64)")
    text.lines.append("declare void @minitorch_parallel(ptr, ptr, ptr, i64, i64)")
    with text.function("void @main(ptr %pool, ptr %p)"):
        for number in range(count):
            array = text.load("ptr", text.at("%p", number, "ptr"))
            data = text.load("ptr", text.at(array, DATA, "i8"))
            text.store("ptr", data, text.at("%p", count + number, "ptr"))
        chunks, grain = code.chunks, code.grain
        if chunks is None:
            chunks, grain = (text.load("i64", text.at("%p", 2 * count + word, "i64")) for word in (0, 1))
        text.do(f"call void @minitorch_parallel(ptr %pool, ptr @kernel, ptr %p, i64 {chunks}, i64 {grain})")
    return str(text)
