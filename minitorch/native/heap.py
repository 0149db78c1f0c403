"""The C library's heap: it keeps what was freed, for later; after a large job that is better given back. And Python's."""

import ctypes
import gc
from contextlib import contextmanager
from functools import lru_cache

__all__ = ["give_back", "uncollected"]


@lru_cache(None)
def trim():
    """The C library's ``malloc_trim``, or None where it has none."""
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):  # Windows has no such handle
        return None


def give_back():
    """Let the system have what was freed. LLVM leaves some 40 MB of it, a recorded run what its tensors took.

    >>> give_back()
    """
    if trim() is not None:
        trim()(0)


@contextmanager
def uncollected():
    """A block, or a function, that makes many objects which stay: Python looks for circles among them, once, when it is over.

    Left to itself it would look then at all that there is in the process as well, which for a small GPT took a tenth of its first calls.

    >>> import gc
    >>> with uncollected():
    ...     gc.isenabled()
    False
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.collect(0)
            gc.enable()
