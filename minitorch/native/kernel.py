"""One kernel as a function of arrays, for eager mode: ``kernel(x, weight, out)``.

    table       the ids of the array objects │ where their data are │ words: chunks, grain, lengths │ numbers
    main        finds the data behind each object, then lets the threads do the kernel's chunks

The text of a kernel reads its pointers from the second part of the table. One for arrays of any length reads lengths and
numbers behind them: they come with the call. Any number of threads may call a kernel at once.

torch: the stubs of ATen/native/DispatchStub.h
"""

import ctypes
import json
from functools import partial

from . import cache
from .entry import AVAILABLE, DATA, declared, entry, python_symbols
from .gemm import Code
from .link import WRITERS, Written, host, load, objects_of
from .text import Text
from .threads import runner, runtime_symbols, team

__all__ = ["Kernel", "code_of", "preamble"]

CALLED = "PyErr_BadArgument", "PyErr_Occurred", "PyFloat_AsDouble", "PyLong_AsLongLong", "Py_IncRef"
"""What ``enter`` needs of CPython."""


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


def code_of(write, *words):
    """The Code that ``write()`` makes for this machine, whose text isn't written if that was done before: see link.Written."""
    name, made = cache.key_of("code", cache.source(*WRITERS), repr(host()), repr(words)), None
    try:
        chunks, grain, scratch = json.loads(cache.read(name) or "[]")
    except ValueError:
        made = write()
        chunks, grain, scratch = made.chunks, made.grain, made.scratch
        cache.keep(name, json.dumps([chunks, grain, scratch]).encode())
    return Code(Written(lambda: (made or write()).text, *words), chunks, grain, scratch)


class Kernel:
    """The function ``@kernel`` of a Code, compiled for this machine, for ``count`` arrays.

    A Code without a number of chunks gets it with each call, in ``words``, as it gets other ``numbers``: so many there are.
    ImportError without llvmlite.

    enter: the same as a builtin function of arrays, then words, then numbers, for short work on the caller's thread. It keeps
    Python's lock, and gives the last array back. None where Python can't be entered so (``entry.AVAILABLE``).

    more: another text in vectors, with functions that the kernel calls.
    """

    def __init__(self, code, count, level="vectors", words=0, numbers=0, more=None):
        machine = host()
        told = count, code.chunks, code.grain, words, numbers, AVAILABLE, DATA
        main = Written(partial(entrance, count, code, words, numbers), "main", *told)
        texts = [(code.text, level), (main, "vectors"), *([] if more is None else [(more, "vectors")])]
        self.library = load(objects_of(texts, machine), {**runtime_symbols(), **(python_symbols(*CALLED) if AVAILABLE else {})})
        address = self.library.address("main")
        self.alone, self.together = (runner(address, code.scratch, shared) for shared in (False, True))
        parts = [("objects", ctypes.c_void_p * count), ("data", ctypes.c_void_p * count)]
        parts += [("words", ctypes.c_int64 * words), ("numbers", ctypes.c_double * numbers)]
        self.table = type("Table", (ctypes.Structure,), {"_fields_": parts})
        own = team(code.scratch)
        self.enter = entry(self.library, "enter", [own.address], own) if AVAILABLE else None

    def __call__(self, *arrays, words=(), numbers=(), shared=True):
        table = self.table(tuple(map(id, arrays)), (), words, numbers)
        (self.together if shared else self.alone)(ctypes.addressof(table))


def entrance(count, code, words, numbers):
    """What a kernel is called by: from native code, and from Python where that can be."""
    return main_text(count, code) + (enter_text(count, words, numbers) if AVAILABLE else "")


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


def enter_text(count, words, numbers):
    """The function that Python enters by: its arguments fill a table on the stack. TypeError for too few or too many."""
    text, given = Text(), count + words + numbers
    text.lines.append(declared(*CALLED))
    with text.function("ptr @enter(ptr %self, ptr %arguments, i64 %count)", result="ptr %done"):
        table = text.let("table", f"alloca [{given + count} x i64]")
        with text.when(text.let("wrong", f"icmp ne i64 %count, {given}")):
            text.do("call i32 @PyErr_BadArgument()")
            text.leave("ptr null")
        for k in range(given):
            x = text.load("ptr", text.at("%arguments", k, "ptr"))
            if k < count:
                text.store("ptr", x, text.at(table, k, "i64"))
            else:
                kind, read = ("i64", "PyLong_AsLongLong") if k < count + words else ("double", "PyFloat_AsDouble")
                number = text.let("number", f"call {kind} @{read}(ptr {x})")
                text.store(kind, number, text.at(table, count + k, "i64"))
        if words or numbers:
            error = text.let("error", "call ptr @PyErr_Occurred()")
            with text.when(text.let("failed", f"icmp ne ptr {error}, null")):
                text.leave("ptr null")
        pool = text.load("ptr", text.load("ptr", text.at("%self", DATA, "i8")))
        text.do(f"call void @main(ptr {pool}, ptr {table})")
        text.do(f"%done = load ptr, ptr {text.at('%arguments', count - 1, 'ptr')}")
        text.do("call void @Py_IncRef(ptr %done)")
    return str(text)
