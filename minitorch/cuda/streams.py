"""Queues of a GPU's work, and marks in them.   torch: torch/cuda/streams.py"""

from ..absent import absent
from .devices import driver, on_gpus

__all__ = [
    "DUMMY", "Event", "Stream", "StreamContext", "current_stream", "default_stream", "is_current_stream_capturing", "set_stream",
    "stream",
]  # fmt: skip

__getattr__ = absent(__name__)

DUMMY = "Tried to instantiate dummy base class {}"


class Event:
    """A mark in a stream: when the work before it is done, and at what time.   torch: cuda.Event"""

    @on_gpus(RuntimeError, DUMMY.format("Event"))
    def __init__(self, enable_timing=False, blocking=False, interprocess=False):
        self.inner = driver().new_event(enable_timing, blocking)

    def record(self, stream=None):
        """Put the mark behind what was begun in ``stream``, or in the current one."""
        self.inner.record((current_stream() if stream is None else stream).inner)

    def wait(self, stream=None):
        """Let ``stream``, or the current one, go on only when the mark is reached."""
        (current_stream() if stream is None else stream).inner.wait_event(self.inner)

    def query(self):
        """Whether the mark was reached."""
        return self.inner.done

    def elapsed_time(self, end_event):
        """The milliseconds from this mark to another."""
        return driver().milliseconds(self.inner, end_event.inner)

    def synchronize(self):
        """Wait for the mark."""
        self.inner.synchronize()


class Stream:
    """A queue of a GPU's work, beside others.   torch: cuda.Stream"""

    @on_gpus(RuntimeError, "torch.cuda.Stream requires CUDA support")
    def __init__(self, device=None, priority=0, *, inner=None):
        self.inner = driver().new_stream() if inner is None else inner

    def synchronize(self):
        """Wait until it is empty."""
        self.inner.synchronize()

    def query(self):
        """Whether it is empty."""
        return self.inner.done

    def record_event(self, event=None):
        """A mark behind what was begun."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event):
        """Go on only when a mark is reached."""
        event.wait(self)

    def wait_stream(self, stream):
        """Go on only when what was begun in another is done."""
        self.wait_event(stream.record_event())

    @property
    def cuda_stream(self):
        return self.inner.ptr

    def __eq__(self, other):
        return isinstance(other, Stream) and self.inner.ptr == other.inner.ptr

    def __hash__(self):
        return hash(self.inner.ptr)


class StreamContext:
    """A block whose work goes to a stream; to none, if that is None.   torch: cuda.StreamContext"""

    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        if self.stream is not None:
            self.stream.inner.__enter__()

    def __exit__(self, *exception):
        if self.stream is not None:
            self.stream.inner.__exit__(*exception)


def stream(stream):
    """A block whose work goes to ``stream``.   torch: cuda.stream"""
    return StreamContext(stream)


def set_stream(stream):
    """Let all work go to ``stream`` from now on.   torch: cuda.set_stream"""
    if stream is not None:
        stream.inner.use()


@on_gpus()
def current_stream(device=None):
    """The stream that work goes to.   torch: cuda.current_stream"""
    return Stream(inner=driver().stream_of_now())


@on_gpus()
def default_stream(device=None):
    """The first stream.   torch: cuda.default_stream"""
    return Stream(inner=driver().null_stream())


@on_gpus(RuntimeError, "Tried to instantiate dummy base class _cuda_isCurrentStreamCapturing")
def is_current_stream_capturing():
    """Whether a CUDAGraph is being captured.   torch: cuda.is_current_stream_capturing"""
    return driver().capturing()
