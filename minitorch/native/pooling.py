"""Max pooling of images as kernels: where the largest number of each window is, one kernel for each kind of window; what is
there; and the way back, zeros with each number put where it was taken.

A chunk is a map: a channel of an image. All places of a window are written one after the other, for a row of windows at a
time, so LLVM makes vectors of neighbouring windows. Of several largest it is the first, and of NaNs the last. What lies
beside the map is taken for what lies at its edge, in the same window: it comes before, or after, as the same number, and so
changes nothing. An index outside of its map is never followed: its map is marked.

torch: ATen/native/cpu/MaxPoolKernel.cpp and MaxUnpoolKernel.cpp
"""

from contextlib import contextmanager
from functools import cache

from .gemm import Code
from .kernel import Kernel
from .target import SIZES
from .text import Text

__all__ = ["finder", "picker", "placer"]

GRAIN = 1 << 12
"""Numbers that are worth a claim."""


def finding_text(kind, window, stride, padding, dilation):
    """The kernel ``find``, for a window of that size."""
    text = Text()
    sizes = ["height", "width", "down", "across"]
    with text.function(f"internal void @body(ptr noalias %x, ptr noalias %out, {', '.join([f'i64 %{s}' for s in sizes])})"):
        first, last = inner(text, window[1], stride[1], padding[1], dilation[1])
        with text.loop("i", 0, "%down") as i:
            top = text.subtract(text.multiply(i, stride[0]), padding[0])
            rows = [text.add(top, k * dilation[0]) for k in range(window[0])]
            rows = [text.multiply(inside(text, row, "%height"), "%width") for row in rows]
            out = text.at("%out", text.multiply(i, "%across"), "i64")
            for begin, end in ((0, first), (first, last), (last, "%across")):
                with text.loop("j", begin, end) as j:
                    left = text.subtract(text.multiply(j, stride[1]), padding[1])
                    columns = [text.add(left, m * dilation[1]) for m in range(window[1])]
                    if begin != first:
                        columns = [inside(text, column, "%width") for column in columns]
                    place = largest_of(text, kind, [text.add(row, column) for row in rows for column in columns])
                    text.store("i64", place, text.at(out, j, "i64"))
    with each_map(text, 2, sizes) as (chunk, (x, out), (height, width, down, across)):
        x = text.at(x, text.multiply(chunk, text.multiply(height, width)), kind)
        out = text.at(out, text.multiply(chunk, text.multiply(down, across)), "i64")
        text.do(f"call void @body(ptr {x}, ptr {out}, i64 {height}, i64 {width}, i64 {down}, i64 {across})")
    return str(text)


def inner(text, window, stride, padding, dilation):
    """(the first, the end) of the windows in a row that reach beyond neither end of it."""
    reach = padding - (window - 1) * dilation - 1
    begin = text.minimum(-(-padding // stride), "%across")
    room = text.maximum(text.add("%width", reach + stride), 0)
    return begin, text.maximum(begin, text.minimum(text.divide(room, stride)[0], "%across"))


def inside(text, place, size):
    """A place, or the nearest one that there is."""
    return text.maximum(text.minimum(place, text.subtract(size, 1)), 0)


def largest_of(text, kind, places):
    """Which of some places of ``%x`` has the largest number: the first of several, or the last NaN."""
    best, found = None, None
    for place in places:
        seen = text.load(kind, text.at("%x", place, kind))
        if best is None:
            best, found = seen, place
            continue
        larger = text.let("larger", f"fcmp ogt {kind} {seen}, {best}")
        better = text.let("better", f"or i1 {larger}, {text.let('nan', f'fcmp uno {kind} {seen}, {seen}')}")
        best = text.let("best", f"select i1 {better}, {kind} {seen}, {kind} {best}")
        found = text.let("place", f"select i1 {better}, i64 {place}, i64 {found}")
    return found


def picking_text(kind):
    """The kernel ``pick``. Its arrays: indices, the numbers, a mark for each map, the result."""
    text = Text()
    with text.function("internal void @body(ptr noalias %at, ptr noalias %x, ptr noalias %bad, ptr noalias %out, i64 %size, i64 %count)"):
        with text.loop("i", 0, "%count", carry=[("i1", "false")]) as i:
            index, outside = checked(text, i)
            text.store(kind, text.load(kind, text.at("%x", index, kind)), text.at("%out", i, kind))
            i.carry(text.let("any", f"or i1 {i.values[0]}, {outside}"))
        text.store("i8", text.let("mark", f"zext i1 {i.values[0]} to i8"), "%bad")
    with each_map(text, 4, ["size", "count"]) as (chunk, (index, x, bad, out), (size, count)):
        start, whole = text.multiply(chunk, count), text.multiply(chunk, size)
        arrays = [text.at(index, start, "i64"), text.at(x, whole, kind), text.at(bad, chunk, "i8"), text.at(out, start, kind)]
        text.do(f"call void @body({', '.join([f'ptr {array}' for array in arrays])}, i64 {size}, i64 {count})")
    return str(text)


def checked(text, i):
    """Index number ``i`` of ``%at``, 0 if it lies outside of the map, and whether it does."""
    index = text.load("i64", text.at("%at", i, "i64"))
    outside = text.let("outside", f"icmp uge i64 {index}, %size")
    return text.let("index", f"select i1 {outside}, i64 0, i64 {index}"), outside


def placing_text(kind):
    """The kernel ``place``. Its arrays: indices, the numbers, a mark for each map, the result."""
    text = Text()
    with text.function("internal void @body(ptr noalias %at, ptr noalias %x, ptr noalias %bad, ptr noalias %out, i64 %size, i64 %count)"):
        text.do(f"call void @llvm.memset.p0.i64(ptr %out, i8 0, i64 {text.multiply('%size', SIZES[kind])}, i1 false)")
        with text.loop("i", 0, "%count", carry=[("i1", "false")]) as i:
            index, outside = checked(text, i)
            text.store(kind, text.load(kind, text.at("%x", i, kind)), text.at("%out", index, kind))
            i.carry(text.let("any", f"or i1 {i.values[0]}, {outside}"))
        text.store("i8", text.let("mark", f"zext i1 {i.values[0]} to i8"), "%bad")
    with each_map(text, 4, ["size", "count"]) as (chunk, (index, x, bad, out), (size, count)):
        start = text.multiply(chunk, count)
        arrays = [text.at(index, start, "i64"), text.at(x, start, kind), text.at(bad, chunk, "i8")]
        arrays.append(text.at(out, text.multiply(chunk, size), kind))
        text.do(f"call void @body({', '.join([f'ptr {array}' for array in arrays])}, i64 {size}, i64 {count})")
    return str(text)


@contextmanager
def each_map(text, arrays, sizes):
    """The function ``@kernel`` of a text, with what is written inside for each map: (its number, arrays, sizes)."""
    with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        pointers = [text.load("ptr", text.at("%p", arrays + k, "ptr")) for k in range(arrays)]
        words = [text.load("i64", text.at("%p", 2 * arrays + 2 + k, "i64")) for k in range(len(sizes))]
        with text.loop("map", "%begin", "%end") as chunk:
            yield chunk, pointers, words


def made(text, arrays, words):
    """A function of so many arrays, the maps' number and words; None without a compiler."""
    try:
        kernel = Kernel(Code(text, None, None, 0), arrays, "loops", 2 + words)
    except ImportError:
        return None

    def run(*arrays, sizes):
        maps = len(arrays[0])
        grain = max(1, min(GRAIN * maps // max(arrays[0].size, 1), maps // 16))
        kernel(*arrays, words=(maps, grain, *sizes))

    return run


@cache
def finder(kind, window, stride, padding, dilation):
    """The function (x, out, sizes=(height, width, windows down, across)) of contiguous maps. A window that reaches beyond a map
    has places at the edge that it passes, as those have that are not dilated and not padded by more than half their size.

    >>> import numpy
    >>> x, out = numpy.array([[[1, 5, 2, 3]]], "float32"), numpy.empty((1, 1, 2), int)
    >>> finder("float", (1, 2), (1, 2), (0, 0), (1, 1))(x, out, sizes=(1, 4, 1, 2))
    >>> out.tolist()
    [[[1, 3]]]
    """
    return made(finding_text(kind, window, stride, padding, dilation), 2, 4)


@cache
def picker(kind):
    """The function (index, x, bad, out, sizes=(numbers in a map of x, indices in a map)): out is x at the indices; bad, a byte
    for each map, tells whether an index was none.
    """
    return made(picking_text(kind), 4, 2)


@cache
def placer(kind):
    """The function (index, x, bad, out, sizes=(numbers in a map of out, indices in a map)): out is zeros, and x at the indices;
    bad as ``picker`` has it.
    """
    return made(placing_text(kind), 4, 2)
