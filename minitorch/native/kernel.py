"""One kernel as a function of arrays, for eager mode: ``kernel(x, weight, out)``.

    table       the ids of the array objects, then room for where their data are
    main        finds the data behind each object, then lets all threads do the kernel's chunks

The text of the kernel reads its pointers, %A, %B …, from the second half of the table. Any number of threads may call a
kernel at once.

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
    """The function ``@kernel`` of a Code, compiled for this machine. ``count``: of how many arrays.

    ImportError without llvmlite.
    """

    def __init__(self, code, count, level="vectors", shared=True):
        machine = host()
        grain = code.grain if shared else code.chunks
        objects = [object_of(code.text, machine, level), object_of(main_text(count, code.chunks, grain), machine, "vectors")]
        self.library = load(objects, runtime_symbols())
        self.run = runner(self.library.address("main"), code.scratch, shared)
        self.table = ctypes.c_void_p * (2 * count)

    def __call__(self, *arrays):
        table = self.table(*map(id, arrays))
        self.run(ctypes.addressof(table))


def main_text(count, chunks, grain):
    """The main function: the data of each array, then the kernel."""
    text = Text()
    text.lines.append("declare void @kernel(ptr, ptr, i64, i64)")
    text.lines.append("declare void @minitorch_parallel(ptr, ptr, ptr, i64, i64)")
    with text.function("void @main(ptr %pool, ptr %p)"):
        for number in range(count):
            array = text.load("ptr", text.at("%p", number, "ptr"))
            data = text.load("ptr", text.at(array, DATA, "i8"))
            text.store("ptr", data, text.at("%p", count + number, "ptr"))
        text.do(f"call void @minitorch_parallel(ptr %pool, ptr @kernel, ptr %p, i64 {chunks}, i64 {grain})")
    return str(text)
