"""Memory that was freed is kept for the next array, and not given back to the system each time.

A training step frees its large arrays and makes new ones of the same sizes. The system hands memory out zeroed, page by
page: for a small convolutional network that was a fifth of the time. GNU's malloc can be told to keep it: it takes arrays of
up to 32 MB from its heap, and lets the heap shrink only when 256 MB at its end are free. Elsewhere nothing changes.

torch: c10/core/impl/alloc_cpu.cpp leaves it to malloc
"""

import ctypes
import os
from functools import cache

__all__ = ["keep_freed_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""malloc.h's numbers for the two."""


@cache
def keep_freed_memory():
    """From now on, in this process. Who set MALLOC_TRIM_THRESHOLD_ wants it otherwise."""
    if os.name != "posix" or "MALLOC_TRIM_THRESHOLD_" in os.environ:
        return
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        tune(MMAP_THRESHOLD, 32 << 20)
        tune(TRIM_THRESHOLD, 256 << 20)
