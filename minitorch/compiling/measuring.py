"""How long the kernels of a program take, and how fast the machine could be at best.

A program is measured on copies: it is the same code, with memory of its own, so nothing that the user holds changes.
Parameters and states are copied as they are now. What a call would bring is made up: floats are 0.5, all else 0.

The machine's best is measured, once in a process and for each number of threads: multiply-adds that stay in registers, and
y = -x over arrays of several sizes, the larger ones of which lie in slower memory.

torch: torch/_inductor/utils.py (do_bench)   Roofline: Williams, Waterman & Patterson 2009
"""

import math
import time
from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate

from .. import primitives as rows
from ..backends import for_device
from ..backends.threads import get_num_threads
from ..compiler import Place, build, timed
from ..compiler.graph import Graph, Step, Value
from ..device import CPU
from ..dtypes import float32
from ..native.link import host, link
from ..native.text import Text
from ..native.threads import runner, runtime_symbols

__all__ = ["bandwidth", "measured", "peak"]

SECONDS, FEWEST, MOST = 0.5, 8, 100
"""For one program: as many runs as fit, and how many at least and at most."""

SIZES = [1 << k for k in (14, 17, 20, 23, 26)]
"""Bytes that are moved in all, from the nearest cache to memory."""


# ----------------------------------------------------------------------------------------------------------- a program


def measured(native, inputs, strides, typical=None):
    """The seconds that each kernel takes, and the whole; [] for the kernels where there is no clock for native code to read.

    inputs: arrays to be copied, or None for what is made up.   strides: of the Values that don't lie in order.
    typical: what is taken of the times of several runs, by default the median.
    """
    typical = typical or median
    own = timed(native)
    given = [copied(array, value, strides) for array, value in zip(inputs, native.graph.inputs, strict=True)]
    made = outputs_of(own)
    own.point(given, made)
    runs, walls = [], []
    end = time.perf_counter() + SECONDS
    while len(runs) < FEWEST or (len(runs) < MOST and time.perf_counter() < end):
        own.run_between(given, made)
        runs.append(own.times())
        begin = time.perf_counter()
        if native.run is not None:
            native.segments[0](own.address)  # the code without clocks, on the memory of the copies
        else:
            own.run_between(given, made)
        walls.append(time.perf_counter() - begin)
        own.times()
    kernels = [typical([end - begin for begin, end in times]) / 1e9 for times in zip(*runs[1:])]  # the first has new pages
    return kernels, typical(walls)


def median(times):
    return sorted(times)[len(times) // 2]


def copied(array, value, strides):
    """An array like a Value that is laid out as its strides say, with the elements of ``array`` if there is one."""
    xp, laid = for_device(CPU), strides.get(value)
    fill = 0.5 if value.dtype.is_floating_point else 0
    if laid is None or 0 in value.shape:
        made = xp.full(value.shape, fill, value.dtype)
    else:
        extent = 1 + sum([(n - 1) * s for n, s in zip(value.shape, laid)])
        made = xp.strided_view(xp.full((extent,), fill, value.dtype), value.shape, laid, 0, ((1,), 0))
    if array is not None:
        xp.copyto(made, array)
    return made


def outputs_of(native):
    """Memory for the outputs of a program, by their numbers."""
    xp, facts = for_device(CPU), {p.at: x for x, p in native.plan.places.items() if p.kind == "output"}
    return [xp.empty(facts[k].shape, facts[k].dtype) if k in facts else None for k in range(max(facts, default=-1) + 1)]


# ----------------------------------------------------------------------------------------------------------- a machine


def bandwidth(size):
    """Bytes in a second at which ``size`` of them can be moved, read and written together.

    Between two sizes that were measured it is between their rates; and fewer bytes are never slower than more.
    """
    found = list(accumulate(reversed(rates(get_num_threads())), max))[::-1]
    place = bisect_left(SIZES, size)
    if place in (0, len(SIZES)):
        return found[min(place, len(SIZES) - 1)]
    part = math.log(size / SIZES[place - 1]) / math.log(SIZES[place] / SIZES[place - 1])
    return found[place - 1] + part * (found[place] - found[place - 1])


@lru_cache(None)
def rates(threads):
    """Bytes in a second for each of ``SIZES``."""
    found = []
    for size in SIZES:
        x, y = Value((size // 8,), float32), Value((size // 8,), float32)
        native = build(Graph([x], [Step(rows.neg, (x,), (), y)], [y]), {}, [Place("output", 0)])
        kernels, whole = measured(native, [None], {}, min)
        found.append(size / (kernels[0] if kernels else whole))
    return found


def peak(itemsize=4):
    """Operations in a second that all threads together do on floats of ``itemsize`` bytes."""
    return multiply_adds(get_num_threads()) * 4 / itemsize


CHAINS, TURNS, CHUNKS = 12, 20000, 16


@lru_cache(None)
def multiply_adds(threads):
    """Operations in a second on float32: multiply-adds in ``CHAINS`` registers that don't wait for each other."""
    library = link(text_of_multiply_adds(host()), level="vectors", symbols=runtime_symbols())
    run = runner(library.address("main"), 1 << 12)
    seconds = []
    for _ in range(8):
        begin = time.perf_counter()
        run(0)
        seconds.append(time.perf_counter() - begin)
    return 2 * CHAINS * TURNS * CHUNKS * host().lanes("float") / min(seconds)


def text_of_multiply_adds(target):
    """A program that does nothing but multiply and add."""
    text, kind = Text(), f"<{target.lanes('float')} x float>"
    text.lines += ["declare void @minitorch_parallel(ptr, ptr, ptr, i64, i64)", f"declare {kind} @llvm.fma({kind}, {kind}, {kind})"]
    with text.function("void @work(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        x = text.load(kind, "%scratch", 4)
        with text.loop("chunk", "%begin", "%end"):
            with text.loop("turn", 0, TURNS, carry=[(kind, "zeroinitializer")] * CHAINS) as turn:
                turn.carry(*[multiply_add(text, kind, x, total, target.fused) for total in turn.values])
            for k, total in enumerate(turn.values):
                text.store(kind, total, text.at("%scratch", k + 1, kind), 4)
    with text.function("void @main(ptr %pool, ptr %p)"):
        text.do(f"call void @minitorch_parallel(ptr %pool, ptr @work, ptr %p, i64 {CHUNKS}, i64 1)")
    return str(text)


def multiply_add(text, kind, x, total, fused):
    if fused:
        return text.let("total", f"call {kind} @llvm.fma({kind} {x}, {kind} {x}, {kind} {total})")
    return text.let("total", f"fadd {kind} {text.let('product', f'fmul {kind} {x}, {x}')}, {total}")
