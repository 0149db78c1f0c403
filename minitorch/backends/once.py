"""Whether what this thread runs is run once, to be written down (compiler/trace.py).

A kernel takes tens of milliseconds to compile. Where NumPy needs one or two for the same, it isn't worth that for one run; the
program that comes of the run has kernels of its own.
"""

import threading

__all__ = ["ONCE"]


class Once(threading.local):
    """Each thread's own."""

    running = False


ONCE = Once()
