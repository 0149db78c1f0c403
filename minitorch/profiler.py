"""Where the time goes, row by row: how often each ran, and how long.

    with torch.profiler.profile() as prof:
        model(x)
    print(prof.key_averages().table(sort_by="cpu_time_total"))

It listens at the gate, which notes when a row begins: Python's own time between rows belongs to the block around them.
While somebody listens nothing is replayed from tapes: a profiled step is slower than others.

A compiled function's program is one event, and its kernels are events within it: they are timed where they run, by the clock
alone. Events that lie within another are its children; what those took isn't in its own ("self") time.

    Name                       Self CPU %    Self CPU   CPU total %   CPU total  CPU time avg  # of Calls
    compiled step                  16.1 %     1.932us       100.0 %    12.010us      12.010us           1
    kernel 0: matmul               46.2 %     5.551us        46.2 %     5.551us       5.551us           1

torch: torch/profiler, torch/autograd/profiler.py
"""

import enum
import gzip
import json
import os
import socket
import sys
import threading
import time
import warnings
from collections import namedtuple
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

    In steps of ``warmup`` the profiler listens, and forgets what it heard. Raises AssertionError for fewer steps than can be.

    >>> plan = torch.profiler.schedule(wait=1, warmup=1, active=2)
    >>> [plan(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} (need >= 0), "
            f"active={active} (need > 0), repeat={repeat} (need >= 0), skip_first={skip_first} (need >= 0)."
        )
    if warmup == 0:
        warnings.warn("Profiler won't be using warmup, this can skew profiler results", stacklevel=2)

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


class Interval(namedtuple("Interval", ["start", "end"])):
    """A stretch of time, in microseconds."""

    def elapsed_us(self):
        return self.end - self.start


class FunctionEvent:
    """One thing that ran, or all that ran of one kind: times are in microseconds, memory in bytes.

    trace_name: its name in a trace, where each step has a number.
    cpu_children: the events within it, without those within them.   cpu_parent: the one that it is within, or None.
    input_shapes: of a row's inputs, [] for a number.   stack: "file(line): function", the innermost first.
    self_cpu_memory_usage: the memory that a row's result is laid in.
    """

    device_time = device_time_total = self_device_time_total = device_memory_usage = self_device_memory_usage = 0

    def __init__(self, name, start, duration, count=1, category="cpu_op", shapes=(), stack=(), memory=0):
        self.trace_name, self.name = name, "ProfilerStep*" if name.startswith("ProfilerStep#") else name
        self.key = self.name
        self.start, self.count, self.category, self.thread = start, count, category, threading.get_native_id()
        self.cpu_time_total = self.self_cpu_time_total = duration
        self.cpu_memory_usage = self.self_cpu_memory_usage = memory
        self.input_shapes, self.stack = list(shapes), list(stack)
        self.cpu_children, self.cpu_parent = [], None

    def __repr__(self):
        own, whole = shown(self.self_cpu_time_total), shown(self.cpu_time_total)
        return f"<FunctionEvent name={self.name} count={self.count} self_cpu_time={own} cpu_time={whole} input_shapes={self.input_shapes}>"

    @property
    def cpu_time(self):
        """The time of one, on average."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def time_range(self):
        """When it ran."""
        return Interval(self.start, self.start + self.cpu_time_total)

    def holds(self, other):
        """Whether another event lies within this one."""
        return other.start + other.cpu_time_total <= self.start + self.cpu_time_total + 1e-3

    def add(self, other):
        """Count another event of the kind too."""
        self.count += other.count
        for name in ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))


ADDED = ("cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage")


class EventList(list):
    """Events, that can be added up and printed."""

    @property
    def self_cpu_time_total(self):
        """What all of them took."""
        return sum([e.self_cpu_time_total for e in self])

    def nest(self):
        """Tell each event what lies within it; in order of their starts."""
        self.sort(key=lambda e: (e.start, -e.cpu_time_total))
        around = []
        for event in self:
            event.cpu_children, event.cpu_parent, event.self_cpu_time_total = [], None, event.cpu_time_total
            event.cpu_memory_usage = event.self_cpu_memory_usage
            while around and not around[-1].holds(event):
                around.pop()
            if around:
                event.cpu_parent = around[-1]
                event.cpu_parent.cpu_children.append(event)
                event.cpu_parent.self_cpu_time_total -= event.cpu_time_total
            for one in around:
                one.cpu_memory_usage += event.self_cpu_memory_usage
            around.append(event)
        return self

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """One event for each kind; for each shape of the inputs, for each place in the program, if so wished."""
        kinds = {}
        for event in self:
            shapes, stack = event.input_shapes if group_by_input_shape else [], event.stack[:group_by_stack_n]
            kind = event.key, str(shapes), tuple(stack)
            if kind not in kinds:
                kinds[kind] = FunctionEvent(event.key, event.start, 0.0, 0, event.category, shapes, stack)
            kinds[kind].add(event)
        return EventList(kinds.values())

    def total_average(self):
        """All as one."""
        return FunctionEvent("Total", 0, self.self_cpu_time_total, sum([e.count for e in self]))

    def table(self, sort_by=None, row_limit=100, max_src_column_width=75, max_name_column_width=55, max_shapes_column_width=80,
              header=None, top_level_events_only=False):  # fmt: skip
        """A table to print, the rows sorted by an attribute such as "cpu_time_total", the largest first; "" if nothing ran.

        Raises AttributeError where events have no such attribute.
        """
        if not self:
            return ""
        events = list(self)
        if sort_by is not None:
            name = sort_by.replace("cuda", "device").replace("xpu", "device").replace("privateuse1", "device")
            if not hasattr(events[0], name):
                raise AttributeError(f"'FunctionEvent' object has no attribute '{name}'\nsort_by is one of count, {', '.join(ADDED)}")
            events.sort(key=lambda e: getattr(e, name), reverse=True)
        if top_level_events_only:
            events = [e for e in events if e.cpu_parent is None]
        events = events[: row_limit if row_limit >= 0 else None]
        total = self.self_cpu_time_total
        columns = [Column("Name", [e.key for e in events], max_name_column_width, 30), *columns_of_times(events, total)]
        if any([e.cpu_memory_usage for e in self]):
            columns += [Column(title, [bytes_shown(getattr(e, name)) for e in events]) for title, name in MEMORY]
        columns.append(Column("# of Calls", [e.count for e in events]))
        if any([e.input_shapes for e in self]):
            columns.append(Column("Input Shapes", [e.input_shapes for e in events], max_shapes_column_width))
        if any([e.stack for e in self]):
            columns.append(Column("Source Location", [", ".join(e.stack) for e in events], max_src_column_width))
        rows = ["".join(cells) for cells in zip(*[column.cells() for column in columns])]
        line = "-" * len(rows[0])
        return "\n".join([*([header] if header else []), line, rows[0], line, *rows[1:], line, f"Self CPU time total: {shown(total)}", ""])

    def __str__(self):
        return self.table()


MEMORY = [("CPU Mem", "cpu_memory_usage"), ("Self CPU Mem", "self_cpu_memory_usage")]


class Column:
    """One of a table: its title, what is below, and how wide it may get, and is at least."""

    def __init__(self, title, values, most=14, least=14):
        self.title, self.values, self.most, self.least = title, [str(value) for value in values], most, least

    def cells(self):
        """Its lines. Names are to the left, all else to the right; what is too long is cut."""
        width = max(self.least, min(self.most, max([len(value) + 2 for value in self.values], default=0)))
        if self.title == "Name":
            return [f"{text[:width]:<{width}}" for text in (self.title, *self.values)]
        return [f"{text if len(text) < width else text[: width - 5] + '...':>{width}}" for text in (self.title, *self.values)]


def columns_of_times(events, total):
    yield Column("Self CPU %", [percent(e.self_cpu_time_total, total) for e in events])
    yield Column("Self CPU", [shown(e.self_cpu_time_total) for e in events])
    yield Column("CPU total %", [percent(e.cpu_time_total, total) for e in events])
    yield Column("CPU total", [shown(e.cpu_time_total) for e in events])
    yield Column("CPU time avg", [shown(e.cpu_time) for e in events])


def percent(part, whole):
    return f"{100 * part / whole:.2f}%" if whole else "--"


def shown(us):
    return f"{us / 1e6:.3f}s" if us >= 1e6 else f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


def bytes_shown(size):
    for unit, scale in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if size >= scale:
            return f"{size / scale:.2f} {unit}"
    return f"{size} B"


RUNNING: list = []
"""The profilers that measure now."""

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def in_this_thread():
    """The profilers that listen in this thread."""
    return [profiler for profiler in RUNNING if profiler.listen in MODE.listeners]


def only_profilers():
    """The profilers that listen in this thread; None if others listen too."""
    found = in_this_thread()
    return found if len(found) == len(MODE.listeners) else None


def users_stack():
    """Where in the user's program this is: "file(line): function", the innermost first."""
    found, frame = [], sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(HERE):
            found.append(f"{os.path.relpath(code.co_filename)}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back
    return found


class profile:
    """Measure what runs in the block.   torch: profiler.profile

    schedule: which steps to measure, ``step()`` being called after each. on_trace_ready: called with the profiler after the
    last of them. record_shapes, with_stack, profile_memory: whether events have their inputs' shapes, the place in the user's
    program, and the memory of what they made. acc_events: whether those of earlier rounds of the schedule are kept. The other
    options are PyTorch's, and change nothing.

    >>> with torch.profiler.profile() as prof:
    ...     y = torch.ones(2) + 1
    >>> [(event.key, event.count) for event in prof.key_averages()]
    [('aten::full', 1), ('aten::add', 1)]
    """

    def __init__(self, *, activities=None, schedule=None, on_trace_ready=None, record_shapes=False, profile_memory=False,
                 with_stack=False, with_flops=False, with_modules=False, experimental_config=None,
                 execution_trace_observer=None, acc_events=False, use_cuda=None, **more):  # fmt: skip
        self.activities = supported_activities() if activities is None else set(activities)
        self.schedule, self.on_trace_ready, self.step_num = schedule, on_trace_ready, 0
        self.record_shapes, self.profile_memory, self.with_stack, self.acc_events = record_shapes, profile_memory, with_stack, acc_events
        self.recorded, self.began, self.measuring, self.metadata = None, 0, False, {}

    def listen(self, row, inputs, params, out, written):
        end = time.perf_counter_ns()
        shapes = [list(getattr(x, "shape", ())) for x in inputs] if self.record_shapes else ()
        memory = out._array.nbytes if self.profile_memory and not written and out._array.base is None else 0
        stack = users_stack() if self.with_stack else ()
        begin, name = MODE.begun, f"aten::{row.name}{'_' if written else ''}"
        self.recorded.append(FunctionEvent(name, begin / 1e3, (end - begin) / 1e3, 1, "cpu_op", shapes, stack, memory))

    def ran(self, name, begin, end, parts=(), category="cpu_op"):
        """Something ran of which the gate doesn't tell; ``parts``: (name, begin, end) of what lies within it, all in ns."""
        stack = users_stack() if self.with_stack else ()
        for key, first, last in ((name, begin, end), *parts):
            self.recorded.append(FunctionEvent(key, first / 1e3, (last - first) / 1e3, 1, category, (), stack))

    def begin(self):
        if not self.measuring:
            self.measuring = True
            self.recorded = self.recorded if self.acc_events and self.recorded else EventList()
            MODE.listeners = (*MODE.listeners, self.listen)
            RUNNING.append(self)

    def end(self):
        if self.measuring:
            self.measuring = False
            MODE.listeners = tuple(listener for listener in MODE.listeners if listener != self.listen)
            RUNNING.remove(self)
            self.recorded.nest()

    def act(self):
        """Measure in the step that begins, or don't. What is heard while it warms up is forgotten: programs make their clocks there."""
        before, self.action = self.action, ProfilerAction.RECORD if self.schedule is None else self.schedule(self.step_num)
        if self.action is ProfilerAction.NONE:
            self.end()
        else:
            self.begin()
            if before is ProfilerAction.WARMUP:
                self.recorded[:] = [e for e in self.recorded if e.start < self.warm]
            if self.action is ProfilerAction.WARMUP and before is not ProfilerAction.WARMUP:
                self.warm = time.perf_counter_ns() / 1e3
        self.began = time.perf_counter_ns()

    action, warm = ProfilerAction.NONE, 0.0

    def start(self):
        """Begin, as the block does. Raises AssertionError if nothing is to be measured that can be."""
        if not self.activities & supported_activities():
            raise AssertionError("No valid profiler activities found\nactivities=[ProfilerActivity.CPU] is what there is here")
        self.act()

    def stop(self):
        """End, as the block does."""
        self.asked("stopping trace")
        self.end_step()
        was = self.measuring and self.action is not ProfilerAction.WARMUP
        self.end()
        if was and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self):
        """The next step begins."""
        self.end_step()
        self.step_num += 1
        if self.action is ProfilerAction.RECORD_AND_SAVE:
            self.stop()
        self.act()

    def end_step(self):
        """A step is one event."""
        if self.schedule is not None and self.measuring and self.action is not ProfilerAction.WARMUP and self.began:
            self.ran(f"ProfilerStep#{self.step_num}", self.began, time.perf_counter_ns(), category="user_annotation")
        self.began = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()

    def asked(self, what):
        if self.recorded is None and self.action is ProfilerAction.NONE and not self.step_num:
            raise AssertionError(f"Profiler must be initialized before {what}\nmeasure something first: with profile() as prof: ...")
        return self.recorded or EventList()

    def events(self):
        """All that was measured, one by one. Raises AssertionError before that."""
        return self.asked("accessing events").nest()

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """All that was measured, by kind; see EventList.key_averages."""
        return self.asked("getting key averages").nest().key_averages(group_by_input_shape, group_by_stack_n)

    def add_metadata(self, key, value):
        """Write a string beside the events into the trace."""
        self.metadata[key] = value

    def add_metadata_json(self, key, value):
        """The same with a value that is JSON."""
        self.metadata[key] = json.loads(value)

    def export_chrome_trace(self, path):
        """Write a file that Chrome's chrome://tracing shows; a packed one if its name ends in ".gz"."""
        pid = os.getpid()
        events = [
            {"name": e.trace_name, "ph": "X", "ts": e.start, "dur": e.cpu_time_total, "pid": pid, "tid": e.thread, "cat": e.category,
             "args": ({"Input Dims": e.input_shapes} if e.input_shapes else {}) | ({"Call stack": ";".join(e.stack)} if e.stack else {})}
            for e in self.asked("exporting chrome trace").nest()
        ]  # fmt: skip
        with (gzip.open if str(path).endswith(".gz") else open)(path, "wt") as file:
            json.dump({"schemaVersion": 1, **self.metadata, "traceEvents": events, "displayTimeUnit": "ms"}, file)


class record_function:
    """A block whose time is measured under a name of its own.   torch: profiler.record_function"""

    def __init__(self, name, args=None):
        self.name = name

    def __enter__(self):
        self.start = time.perf_counter_ns()
        return self

    def __exit__(self, *exception):
        end = time.perf_counter_ns()
        for profiler in in_this_thread():
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
        name = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        ending = ".pt.trace.json.gz" if use_gzip else ".pt.trace.json"
        profiler.export_chrome_trace(os.path.join(dir_name, f"{name}.{time.time_ns()}{ending}"))

    return write
