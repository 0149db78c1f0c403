"""Memory that was freed is kept for the next array, and not given back to the system each time.

A training step frees its large arrays and makes new ones of the same sizes. The system hands memory out zeroed, page by
page: for a small convolutional network that was a fifth of the time. GNU's malloc can be told to keep it: it takes arrays of
up to 32 MB from its heap, and lets the heap shrink only when 256 MB at its end are free. What it takes next is asked for in large
pages: one fault where there were 512, which is a tenth of a small GPT's first steps. Elsewhere nothing changes.

torch: c10/core/impl/alloc_cpu.cpp leaves it to malloc
"""

import ctypes
import mmap
import os
from functools import cache

__all__ = ["keep_freed_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""malloc.h's numbers for the two."""

PIECE, PIECES, LARGE_PAGE = 16 << 20, 4, 2 << 20
"""Bytes of a block that comes from the heap, how many of them are asked for in advance, and how long large pages are."""


@cache
def keep_freed_memory():
    """From now on, in this process. Who set MALLOC_TRIM_THRESHOLD_ wants it otherwise."""
    if os.name != "posix" or "MALLOC_TRIM_THRESHOLD_" in os.environ:
        return
    library = ctypes.CDLL(None)
    tune = getattr(library, "mallopt", None)
    if tune is not None:
        tune(MMAP_THRESHOLD, 32 << 20)
        tune(TRIM_THRESHOLD, 256 << 20)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            ask_for_large_pages(library)


def ask_for_large_pages(library):
    """Let the heap grow by ``PIECES`` blocks that nobody uses yet, and so take no memory, and have the system put large pages there."""
    malloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)(("malloc", library))
    free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(("free", library))
    end = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_ssize_t)(("sbrk", library))
    advise = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)(("madvise", library))
    before = end(0)
    for block in [malloc(PIECE) for _ in range(PIECES)]:
        free(block)
    first, last = -(-before // LARGE_PAGE) * LARGE_PAGE, end(0)
    if first < last:  # else it took them from elsewhere: another thread's heap, or what was free
        advise(first, last - first, mmap.MADV_HUGEPAGE)
