"""Where the time goes, row by row: how often each ran, and how long.

    with torch.profiler.profile() as prof:
        model(x)
    print(prof.key_averages().table(sort_by="cpu_time_total"))

It listens at the gate. A row's time is counted from the end of the row before it, or the start of the block it is in, so
Python's own is in it. While somebody listens nothing is replayed from tapes: a profiled step is slower than others.

A compiled function's program is one event, and its kernels are events within it: they are timed where they run, by the clock
alone. Events that lie within another are its children; what those took isn't in its own ("self") time.

    Name                       Self CPU %    Self CPU   CPU total %   CPU total  CPU time avg  # of Calls
    compiled step                  16.1 %     1.932us       100.0 %    12.010us      12.010us           1
    kernel 0: matmul               46.2 %     5.551us        46.2 %     5.551us       5.551us           1

torch: torch/profiler, torch/autograd/profiler.py
"""

import enum
import json
import os
import time
from functools import wraps

from .absent import absent
from .engine import MODE

__all__ = [
    "EventList", "FunctionEvent", "ProfilerAction", "ProfilerActivity", "kineto_available", "only_profilers", "profile",
    "record_function", "schedule", "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip

__getattr__ = absent(__name__)


class ProfilerActivity(enum.Enum):
    """Whose time is measured: the CPU's, here.   torch: profiler.ProfilerActivity"""

    CPU, XPU, MTIA, CUDA, HPU, PrivateUse1 = range(6)

    def __repr__(self):
        return f"<ProfilerActivity.{self.name}: {self.value}>"


class ProfilerAction(enum.Enum):
    """What to do in a step.   torch: profiler.ProfilerAction"""

    NONE, WARMUP, RECORD, RECORD_AND_SAVE = range(4)


def kineto_available():
    """No.   torch: profiler.kineto_available"""
    return False


def supported_activities():
    """The CPU's."""
    return {ProfilerActivity.CPU}


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """Which steps to measure: ``wait`` not, ``warmup`` not, ``active`` yes, and again.   torch: profiler.schedule

    >>> plan = torch.profiler.schedule(wait=1, warmup=1, active=2)
    >>> [plan(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """

    def action(step):
        if step < skip_first:
            return ProfilerAction.NONE
        round_, at = divmod(step - skip_first, wait + warmup + active)
        if (repeat and round_ >= repeat) or at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if at == wait + warmup + active - 1 else ProfilerAction.RECORD

    return action


class FunctionEvent:
    """One thing that ran, or all that ran of one kind: times are in microseconds.

    cpu_children: the events within it, without those within them.   cpu_parent: the one that it is within, or None.
    """

    def __init__(self, key, start, duration, count=1, category="cpu_op"):
        self.key = self.name = key
        self.start, self.count, self.category = start, count, category
        self.cpu_time_total = self.self_cpu_time_total = duration
        self.cpu_children, self.cpu_parent = [], None

    @property
    def cpu_time(self):
        """The time of one, on average."""
        return self.cpu_time_total / self.count

    def holds(self, other):
        """Whether another event lies within this one."""
        return other.start + other.cpu_time_total <= self.start + self.cpu_time_total + 1e-3


class EventList(list):
    """Events, that can be added up and printed."""

    def nest(self):
        """Tell each event what lies within it; in order of their starts."""
        self.sort(key=lambda e: (e.start, -e.cpu_time_total))
        around = []
        for event in self:
            event.cpu_children, event.cpu_parent, event.self_cpu_time_total = [], None, event.cpu_time_total
            while around and not around[-1].holds(event):
                around.pop()
            if around:
                event.cpu_parent = around[-1]
                event.cpu_parent.cpu_children.append(event)
                event.cpu_parent.self_cpu_time_total -= event.cpu_time_total
            around.append(event)
        return self

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0):
        """One event for each kind."""
        kinds = {}
        for event in self:
            known = kinds.setdefault(event.key, FunctionEvent(event.key, event.start, 0.0, 0))
            known.count += event.count
            known.cpu_time_total += event.cpu_time_total
            known.self_cpu_time_total += event.self_cpu_time_total
        return EventList(kinds.values())

    def total_average(self):
        """All as one."""
        return FunctionEvent("Total", 0, sum(e.self_cpu_time_total for e in self), sum(e.count for e in self))

    def table(self, sort_by=None, row_limit=100, max_src_column_width=75, max_name_column_width=55, max_shapes_column_width=80,
              header=None, top_level_events_only=False):  # fmt: skip
        """A table to print, the rows sorted by an attribute such as "cpu_time_total"."""
        events = list(self) if sort_by is None else sorted(self, key=lambda e: getattr(e, time_name(sort_by)), reverse=True)
        if top_level_events_only:
            events = [e for e in events if e.cpu_parent is None]
        events = events[: row_limit if row_limit >= 0 else None]
        total = sum(e.self_cpu_time_total for e in self) or 1.0
        width = min(max([30, *[len(e.key) for e in events]]), max_name_column_width)
        titles = ("Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls")
        rows = [f"{'Name':<{width}}" + "".join([f"{title:>14}" for title in titles])]
        for e in events:
            own, whole = [f"{100 * x / total:.2f}%" for x in (e.self_cpu_time_total, e.cpu_time_total)]
            cells = (own, shown(e.self_cpu_time_total), whole, shown(e.cpu_time_total), shown(e.cpu_time), e.count)
            rows.append(f"{e.key[:width]:<{width}}" + "".join([f"{cell:>14}" for cell in cells]))
        line = "-" * len(rows[0])
        return "\n".join([*([header] if header else []), line, rows[0], line, *rows[1:], line, f"Self CPU time total: {shown(total)}", ""])

    def __str__(self):
        return self.table()


def time_name(name):
    return name if name in ("count", "cpu_time", "self_cpu_time_total") else "cpu_time_total"


def shown(us):
    return f"{us / 1e6:.3f}s" if us >= 1e6 else f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


RUNNING: list = []
"""The profilers that measure now: ``record_function`` tells them."""


def only_profilers():
    """The profilers that listen in this thread; None if others listen too."""
    found = [profiler for profiler in RUNNING if profiler.listen in MODE.listeners]
    return found if len(found) == len(MODE.listeners) else None


class profile:
    """Measure what runs in the block.   torch: profiler.profile

    schedule: which steps to measure, ``step()`` being called after each. on_trace_ready: called with the profiler after the
    last of them. The other options are PyTorch's, and change nothing.

    >>> with torch.profiler.profile() as prof:
    ...     y = torch.ones(2) + 1
    >>> [(event.key, event.count) for event in prof.key_averages()]
    [('aten::full', 1), ('aten::add', 1)]
    """

    def __init__(self, *, activities=None, schedule=None, on_trace_ready=None, record_shapes=False, profile_memory=False,
                 with_stack=False, with_flops=False, with_modules=False, experimental_config=None,
                 execution_trace_observer=None, acc_events=False, use_cuda=None, **more):  # fmt: skip
        self.schedule, self.on_trace_ready, self.step_num = schedule, on_trace_ready, 0
        self.recorded, self.last, self.measuring = EventList(), 0, False

    def listen(self, row, inputs, params, out, written):
        now = time.perf_counter_ns()
        self.recorded.append(FunctionEvent(f"aten::{row.name}{'_' if written else ''}", self.last / 1e3, (now - self.last) / 1e3))
        self.last = time.perf_counter_ns()

    def ran(self, name, begin, end, parts=(), category="cpu_op"):
        """Something ran of which the gate doesn't tell; ``parts``: (name, begin, end) of what lies within it, all in ns."""
        for key, first, last in ((name, begin, end), *parts):
            self.recorded.append(FunctionEvent(key, first / 1e3, (last - first) / 1e3, category=category))
        self.last = time.perf_counter_ns()

    def begin(self):
        if not self.measuring:
            self.measuring, self.recorded, self.last = True, EventList(), time.perf_counter_ns()
            MODE.listeners = (*MODE.listeners, self.listen)
            RUNNING.append(self)

    def end(self):
        if self.measuring:
            self.measuring = False
            MODE.listeners = tuple(listener for listener in MODE.listeners if listener != self.listen)
            RUNNING.remove(self)
            self.recorded.nest()

    def act(self):
        """Measure in the step that begins, or don't."""
        action = ProfilerAction.RECORD if self.schedule is None else self.schedule(self.step_num)
        if action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE):
            self.begin()
        else:
            self.end()
        return action

    def start(self):
        """Begin, as the block does."""
        self.action = self.act()

    def stop(self):
        """End, as the block does."""
        was = self.measuring
        self.end()
        if was and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self):
        """The next step begins."""
        if self.action is ProfilerAction.RECORD_AND_SAVE:
            self.stop()
        self.step_num += 1
        self.action = self.act()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()

    def events(self):
        """All that was measured, one by one."""
        return self.recorded.nest()

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """All that was measured, by kind."""
        return self.events().key_averages()

    def export_chrome_trace(self, path):
        """Write a file that Chrome's chrome://tracing shows."""
        events = [
            {"name": e.key, "ph": "X", "ts": e.start, "dur": e.cpu_time_total, "pid": os.getpid(), "tid": 0, "cat": e.category}
            for e in self.events()
        ]
        with open(path, "w") as file:
            json.dump({"schemaVersion": 1, "traceEvents": events, "displayTimeUnit": "ms"}, file)


class record_function:
    """A block whose time is measured under a name of its own.   torch: profiler.record_function"""

    def __init__(self, name, args=None):
        self.name = name

    def __enter__(self):
        self.start = time.perf_counter_ns()
        for profiler in RUNNING:
            profiler.last = self.start  # what was before belongs to nobody
        return self

    def __exit__(self, *exception):
        end = time.perf_counter_ns()
        for profiler in RUNNING:
            profiler.ran(self.name, self.start, end, category="user_annotation")

    def __call__(self, function):
        @wraps(function)
        def measured(*args, **kwargs):
            with record_function(self.name):
                return function(*args, **kwargs)

        return measured


def tensorboard_trace_handler(dir_name, worker_name=None, use_gzip=False):
    """For ``on_trace_ready``: writes each trace to a file in ``dir_name``.   torch: profiler.tensorboard_trace_handler"""

    def write(profiler):
        os.makedirs(dir_name, exist_ok=True)
        name = worker_name or f"worker_{os.getpid()}"
        profiler.export_chrome_trace(os.path.join(dir_name, f"{name}.{time.time_ns()}.pt.trace.json"))

    return write
