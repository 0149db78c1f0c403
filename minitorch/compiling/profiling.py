"""A program's answer to a call while a profiler listens: one event, with the kernels in it.

Other listeners at the gate must see each row, so for them the function runs eagerly. A profiler only wants to know the
time: for it a twin of the program runs, the same code with a clock between its kernels (compiler/timing.py).

torch: torch/profiler (a compiled region is one event there, with inductor's kernels under it)
"""

import time

from ..modes import MODE
from ..profiler import only_profilers
from .answering import MISS

__all__ = ["profiled", "tell"]


def profiled(program, args, kwargs):
    """What a program answers, told to the profilers that listen; or MISS."""
    twin = program.twin()
    if not twin.still_fits():
        return MISS
    listeners, MODE.listeners = MODE.listeners, ()
    begin = time.perf_counter_ns()
    try:
        result = twin.answer(args, kwargs)
    finally:
        MODE.listeners = listeners
    if result is not MISS:
        tell(twin.title, twin.native, begin)
    return result


def tell(title, native, begin):
    """Tell the profilers of this thread that native code ran, from ``begin`` to now."""
    listening, end = only_profilers(), time.perf_counter_ns()
    if listening:
        parts = [(name, *moments) for name, moments in zip(native.titles, native.times())] if hasattr(native, "times") else []
        for profiler in listening:
            profiler.ran(title, begin, end, parts)
