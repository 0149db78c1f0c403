"""How long things take: each stage of the compiler, and each kernel of a program.

A program's main function calls ``minitorch_parallel`` for each kernel. A Timed program is the same code, linked to another
function of that name, which reads the clock before and after. So nothing is compiled anew, and the kernels that are timed
are the very ones that run otherwise.

    log    count | begin, end of the first | begin, end of the second | …      seconds and nanoseconds, as clock_gettime has them

torch: torch/_inductor/utils.py (do_bench), torch/csrc/profiler
"""

import ctypes
import time
from string import Template

from ..native import cache
from ..native.link import link
from ..native.threads import runtime_symbols
from .kernels import Native
from .program import Program

__all__ = ["Built", "Timed", "steps_of"]

CLOCK = getattr(time, "CLOCK_MONOTONIC", None)
"""The number of the clock, for ``clock_gettime``; None where the system has no such function."""

MOST = 1 << 14
"""Kernels that are noted at most until somebody reads the log."""

TEXT = Template("""
declare void @minitorch_parallel(ptr, ptr, ptr, i64, i64)
declare i32 @clock_gettime(i32, ptr)

@minitorch_log = global [$WORDS x i64] zeroinitializer

define void @minitorch_timed(ptr %pool, ptr %kernel, ptr %p, i64 %chunks, i64 %grain) {
  %count = load i64, ptr @minitorch_log
  %place = and i64 %count, $LAST
  %word = shl i64 %place, 2
  %first = or i64 %word, 1
  %begin = getelementptr i64, ptr @minitorch_log, i64 %first
  %end = getelementptr i64, ptr %begin, i64 2
  call i32 @clock_gettime(i32 $CLOCK, ptr %begin)
  call void @minitorch_parallel(ptr %pool, ptr %kernel, ptr %p, i64 %chunks, i64 %grain)
  call i32 @clock_gettime(i32 $CLOCK, ptr %end)
  %more = add i64 %count, 1
  store i64 %more, ptr @minitorch_log
  ret void
}
""")


class Built:
    """How long each stage took, in seconds, and how many objects were in the cache on disk, and how many had to be made."""

    def __init__(self):
        self.stages: dict = {}
        self.last, self.asked = time.perf_counter(), cache.ASKED.copy()
        self.cached = self.compiled = 0

    def over(self, stage):
        """A stage is over, or another part of it."""
        now = time.perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self.last
        self.cached, self.compiled = [cache.ASKED[found] - self.asked[found] for found in (True, False)]
        self.last = now


class Timed(Program):
    """``program`` again, with an arena and a table of its own.   times(): when its kernels ran.   titles: of these."""

    straight = False

    def __init__(self, program):
        self.log = self.clock = None
        if CLOCK is not None:
            words = {"WORDS": 4 * MOST + 1, "LAST": MOST - 1, "CLOCK": CLOCK}
            self.clock = link(TEXT.substitute(words), symbols=runtime_symbols())
            self.log = (ctypes.c_int64 * words["WORDS"]).from_address(self.clock.address("minitorch_log"))
        super().__init__(program.image, lambda symbols: program.link(self.linked(symbols)), lambda: program.parts)
        self.built = program.built
        self.titles = [f"kernel {k}: {' '.join([step.row.name for step in steps_of(x)])}" for k, x in enumerate(self.kernels)]

    def linked(self, symbols):
        """What it is linked to: the clock in place of what it calls."""
        return symbols if self.clock is None else {**symbols, "minitorch_parallel": self.clock.address("minitorch_timed")}

    def run_step(self, step, inputs, outputs):
        if self.log is None:
            return super().run_step(step, inputs, outputs)
        begin = time.clock_gettime_ns(CLOCK)
        super().run_step(step, inputs, outputs)
        at = 4 * (self.log[0] % MOST) + 1
        self.log[at : at + 4] = [*divmod(begin, 10**9), *divmod(time.clock_gettime_ns(CLOCK), 10**9)]
        self.log[0] += 1

    def times(self):
        """(begin, end) of each kernel that ran since this was last asked, in nanoseconds of ``time.perf_counter``."""
        if self.log is None:
            return []
        count, self.log[0] = min(self.log[0], MOST), 0
        words = self.log[1 : 4 * count + 1]
        shift = time.perf_counter_ns() - time.clock_gettime_ns(CLOCK)
        moments = [words[k] * 10**9 + words[k + 1] + shift for k in range(0, 4 * count, 2)]
        return list(zip(moments[::2], moments[1::2]))


def steps_of(kernel):
    """What a kernel computes, whether it is native or NumPy's."""
    return kernel.kernel.steps if kernel.__class__ is Native else kernel.steps
