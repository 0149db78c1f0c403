"""How long a statement takes.   torch: torch/utils/benchmark"""

import statistics
import timeit

from ..absent import absent

__all__ = ["Measurement", "Timer", "timer"]

__getattr__ = absent(__name__)

timer = timeit.default_timer


class Measurement:
    """Times of one statement, in seconds: ``median``, ``mean``, ``iqr``.   torch: utils.benchmark.Measurement"""

    def __init__(self, number_per_run, raw_times, stmt="", label=None, sub_label=None, description=None, num_threads=1):
        self.number_per_run, self.raw_times, self.stmt = number_per_run, raw_times, stmt
        self.label, self.sub_label, self.description, self.num_threads = label, sub_label, description, num_threads

    @property
    def times(self):
        """Of one execution, in each run."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self):
        """The middle one."""
        return statistics.median(self.times)

    @property
    def mean(self):
        """Their mean."""
        return statistics.fmean(self.times)

    @property
    def iqr(self):
        """How far apart the middle half is."""
        if len(self.times) < 2:
            return 0.0
        first, _, third = statistics.quantiles(self.times, n=4)
        return third - first

    def __repr__(self):
        unit, scale = next((u for u in (("s", 1), ("ms", 1e3), ("us", 1e6)) if self.median * u[1] >= 1), ("ns", 1e9))
        title = self.label or self.stmt
        return (
            f"<minitorch.utils.benchmark.Measurement>\n{title}\n  Median: {self.median * scale:.2f} {unit}\n"
            f"  {len(self.raw_times)} measurements, {self.number_per_run} runs per measurement, {self.num_threads} thread"
        )


class Timer:
    """Runs a statement many times.   torch: utils.benchmark.Timer

    >>> timer = torch.utils.benchmark.Timer("x + x", globals={"x": torch.ones(2)})
    >>> timer.timeit(10).number_per_run
    10
    """

    def __init__(self, stmt="pass", setup="pass", global_setup="", timer=timer, globals=None, label=None, sub_label=None,
                 description=None, env=None, num_threads=1, language="py"):  # fmt: skip
        if str(language).lower() not in ("py", "python", "language.python"):
            raise NotImplementedError("benchmarks of C++ aren't here\nmeasure Python statements")
        self.timer = timeit.Timer(stmt, setup, timer, globals=dict(globals or {}))
        self.told = {
            "stmt": stmt, "label": label, "sub_label": sub_label, "description": description, "num_threads": num_threads,
        }  # fmt: skip

    def timeit(self, number=1_000_000):
        """``number`` times, as one run."""
        self.timer.timeit(max(number // 100, 2))
        return Measurement(number, [self.timer.timeit(number)], **self.told)

    def blocked_autorange(self, callback=None, min_run_time=0.2):
        """Runs long enough to be exact, for ``min_run_time`` seconds."""
        number = 1
        while (spent := self.timer.timeit(number)) < min_run_time / 1000 and number < 1_000_000:
            number *= 10
        times, total = [], 0.0
        while total < min_run_time:
            spent = self.timer.timeit(number)
            times.append(spent)
            total += spent
        return Measurement(number, times, **self.told)

    adaptive_autorange = blocked_autorange
