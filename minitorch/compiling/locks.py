"""Locks of programs: one thread at a time is in each, and a child that is forked meanwhile finds them open.

A fork copies the memory, locks included, but only the thread that forks. So a lock that another thread held would stay shut
in the child: its programs would never answer again. What they were in the middle of doesn't matter there, since each call
fills in all that it reads.
"""

import os
import threading
from weakref import WeakSet

__all__ = ["lock"]

LOCKS: WeakSet = WeakSet()


def lock():
    """A lock that is open in a forked child."""
    made = threading.Lock()
    LOCKS.add(made)
    return made


def in_child():
    for made in LOCKS:
        made._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=in_child)
