"""The GPU itself, by CuPy: which one is used, its memory, its streams, and marks for NVIDIA's profiler."""

import cupy
from cupy.cuda import nvtx, runtime

__all__ = [
    "PEAKS", "attributes", "chosen", "device_block", "empty_cache", "free_and_total", "mark", "milliseconds",
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
    """The most memory that was used and kept, as far as anybody asked: CuPy doesn't count it."""

    def __init__(self):
        self.used = self.kept = 0

    def look(self):
        """Take in what is used now."""
        self.used = max(self.used, pool().used_bytes())
        self.kept = max(self.kept, pool().total_bytes())
        return self

    def reset(self):
        """Begin anew, from what is used now."""
        self.used = self.kept = 0
        self.look()


PEAKS = Peaks()


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


def null_stream():
    """The first queue."""
    return cupy.cuda.Stream.null


def milliseconds(start, end):
    """The time between two marks."""
    return cupy.cuda.get_elapsed_time(start, end)


mark, range_push, range_pop = nvtx.Mark, nvtx.RangePush, nvtx.RangePop
