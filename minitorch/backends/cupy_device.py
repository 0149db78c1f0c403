"""The GPU itself, by CuPy: which one is used, its memory, its streams, and marks for NVIDIA's profiler."""

import cupy
from cupy.cuda import nvtx, runtime

__all__ = [
    "Capture", "PEAKS", "attributes", "capturing", "chosen", "device_block", "empty_cache", "free_and_total", "mark", "milliseconds",
    "new_event", "new_stream", "null_stream", "pool", "range_pop", "range_push", "stream_of_now", "synchronize",
    "use",
]  # fmt: skip


def chosen(index):
    """The number of a GPU, given as that, or None for the current one."""
    return runtime.getDevice() if index is None else index


def device_block(index):
    """A block in which that GPU is the current one."""
    return cupy.cuda.Device(index)


def use(index):
    """Make that GPU the current one."""
    cupy.cuda.Device(index).use()


def synchronize(index):
    """Wait for all work that was begun there."""
    with cupy.cuda.Device(index):
        runtime.deviceSynchronize()


def attributes(index):
    """What CUDA says about a GPU: a dict with "name", "major", "minor", "totalGlobalMem", "multiProcessorCount" …"""
    found = runtime.getDeviceProperties(index)
    return {**found, "name": found["name"].decode()}


# -------------------------------------------------------------------------------------------------------------- memory


def pool():
    """The pool from which arrays get their memory."""
    return cupy.get_default_memory_pool()


def empty_cache():
    """Give the memory that the pool keeps for later back to the system."""
    pool().free_all_blocks()


def free_and_total(index):
    """The GPU's free bytes, and all."""
    with cupy.cuda.Device(index):
        return runtime.memGetInfo()


class Peaks:
    """The most memory that was used and kept. It stands between the arrays and the pool, and looks after each allocation."""

    def __init__(self):
        self.used = self.kept = 0
        self.malloc, self.used_bytes, self.total_bytes = cupy.cuda.get_allocator(), pool().used_bytes, pool().total_bytes

    def allocate(self, size):
        """Memory of the pool."""
        memory = self.malloc(size)
        used = self.used_bytes()
        if used > self.used:
            self.used, self.kept = used, max(self.kept, self.total_bytes())
        return memory

    def reset(self):
        """Begin anew, from what is used now."""
        self.used, self.kept = self.used_bytes(), self.total_bytes()


PEAKS = Peaks()
cupy.cuda.set_allocator(PEAKS.allocate)


# ------------------------------------------------------------------------------------------------------------- streams


def new_event(timing, blocking):
    """A mark in a stream."""
    return cupy.cuda.Event(block=blocking, disable_timing=not timing)


def new_stream():
    """A queue of work beside the first one."""
    return cupy.cuda.Stream(non_blocking=True)


def stream_of_now():
    """The queue that work goes to."""
    return cupy.cuda.get_current_stream()


def capturing():
    """Whether what is begun now is written down and not done."""
    return cupy.cuda.get_current_stream().is_capturing()


def null_stream():
    """The first queue."""
    return cupy.cuda.Stream.null


def milliseconds(start, end):
    """The time between two marks."""
    return cupy.cuda.get_elapsed_time(start, end)


class Capture:
    """What the current stream is given from now on is written down; memory comes of a pool of its own, which nobody else uses.

    pool: another capture's, to share it.
    """

    def __init__(self, pool=None):
        self.pool, self.graph, self.stream = pool or cupy.cuda.MemoryPool(), None, cupy.cuda.get_current_stream()
        self.allocator = cupy.cuda.using_allocator(self.pool.malloc)
        self.allocator.__enter__()
        self.stream.begin_capture()

    def end(self):
        """The work is done from now on only when ``graph.launch()`` is called."""
        try:
            self.graph = self.stream.end_capture()
        finally:
            self.allocator.__exit__(None, None, None)


mark, range_push, range_pop = nvtx.Mark, nvtx.RangePush, nvtx.RangePop
