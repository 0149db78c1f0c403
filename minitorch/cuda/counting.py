"""The memory of GPUs: CuPy's pool keeps what is freed, and hands it out again.   torch: torch/cuda/memory.py"""

import warnings
from collections import OrderedDict

from ..backends import ACCELERATORS
from .devices import driver, number_of, on_gpus

__all__ = [
    "empty_cache", "max_memory_allocated", "max_memory_cached", "max_memory_reserved", "mem_get_info",
    "memory_allocated", "memory_cached", "memory_reserved", "memory_snapshot", "memory_stats", "memory_summary",
    "reset_accumulated_memory_stats", "reset_max_memory_allocated", "reset_max_memory_cached",
    "reset_peak_memory_stats", "set_per_process_memory_fraction",
]  # fmt: skip


def empty_cache():
    """Give memory that isn't used back to the system.   torch: cuda.empty_cache"""
    if ACCELERATORS:
        driver().empty_cache()


def memory_allocated(device=None):
    """The bytes of all arrays that there are.   torch: cuda.memory_allocated"""
    return driver().pool().used_bytes() if ACCELERATORS else 0


def memory_reserved(device=None):
    """The bytes that the pool has from the system.   torch: cuda.memory_reserved"""
    return driver().pool().total_bytes() if ACCELERATORS else 0


def max_memory_allocated(device=None):
    """The most bytes that all arrays had together.   torch: cuda.max_memory_allocated"""
    return driver().PEAKS.used if ACCELERATORS else 0


def max_memory_reserved(device=None):
    """The most bytes that the pool had from the system.   torch: cuda.max_memory_reserved"""
    return driver().PEAKS.kept if ACCELERATORS else 0


def memory_cached(device=None):
    """``memory_reserved`` by its old name."""
    renamed("memory_cached", "memory_reserved")
    return memory_reserved(device)


def max_memory_cached(device=None):
    """``max_memory_reserved`` by its old name."""
    renamed("max_memory_cached", "max_memory_reserved")
    return max_memory_reserved(device)


def renamed(old, new):
    warnings.warn(f"`torch.cuda.{old}` has been renamed to `torch.cuda.{new}`", FutureWarning, stacklevel=3)


def memory_stats(device=None):
    """The same numbers under PyTorch's keys.   torch: cuda.memory_stats"""
    if not ACCELERATORS:
        return OrderedDict()
    return OrderedDict(
        {
            "allocated_bytes.all.current": memory_allocated(), "allocated_bytes.all.peak": max_memory_allocated(),
            "reserved_bytes.all.current": memory_reserved(), "reserved_bytes.all.peak": max_memory_reserved(),
        }  # fmt: skip
    )


@on_gpus(KeyError, "allocated_bytes.all.current")
def memory_summary(device=None, abbreviated=False):
    """The same numbers as lines of text.   torch: cuda.memory_summary"""
    driver()
    return "\n".join([f"{name:<32}{value:>16,} bytes" for name, value in memory_stats().items()])


@on_gpus(AttributeError, "module 'torch._C' has no attribute '_cuda_memorySnapshot'")
def memory_snapshot():
    """Raises NotImplementedError.   torch: cuda.memory_snapshot"""
    raise NotImplementedError("blocks of memory aren't listed\nmemory_stats() has the sums")


@on_gpus(AttributeError, "module 'torch._C' has no attribute '_cuda_resetPeakMemoryStats'")
def reset_peak_memory_stats(device=None):
    """Begin anew, from what is used now.   torch: cuda.reset_peak_memory_stats"""
    driver().PEAKS.reset()


@on_gpus(AttributeError, "module 'torch._C' has no attribute '_cuda_resetAccumulatedMemoryStats'")
def reset_accumulated_memory_stats(device=None):
    """Nothing: no sums are kept.   torch: cuda.reset_accumulated_memory_stats"""


def reset_max_memory_allocated(device=None):
    """``reset_peak_memory_stats``, with a warning.   torch: cuda.reset_max_memory_allocated"""
    resetting("reset_max_memory_allocated")


def reset_max_memory_cached(device=None):
    """``reset_peak_memory_stats``, with a warning.   torch: cuda.reset_max_memory_cached"""
    resetting("reset_max_memory_cached")


def resetting(name):
    warnings.warn(
        f"torch.cuda.{name} now calls torch.cuda.reset_peak_memory_stats, which resets /all/ peak memory stats.",
        FutureWarning,
        stacklevel=3,
    )
    reset_peak_memory_stats()


@on_gpus()
def mem_get_info(device=None):
    """The GPU's free bytes, and all.   torch: cuda.mem_get_info"""
    return driver().free_and_total(number_of(device))


@on_gpus()
def set_per_process_memory_fraction(fraction, device=None):
    """Let the pool have no more than this share of the memory.   torch: cuda.set_per_process_memory_fraction"""
    driver().pool().set_limit(fraction=fraction)
