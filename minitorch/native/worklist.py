"""Texts to be compiled, each claimed by whoever comes first: a thread of ours, or the process that helps (process.py).

    add       texts that aren't on disk      a Job each; what is in work already isn't there twice
    claim     the largest that nobody has    so what is left at the end is small, and nobody waits for long
    finish    its object, or None            None if the other process failed: ours compiles it then
    wait      for what the other has         not for ever: whoever waits too long compiles it as well

The other process comes while a thread is ``helped``: it records and compiles a function, and something isn't on disk. There
must be two cores, and two threads allowed. It takes 50 ms of the other core to get there; meanwhile ours begins. A thread of
ours hands it one text after the other: first what is ``EXPECTED``, which every program asks for at last. Both are gone when
the program is made, and before a fork. If anything goes wrong with it, it is ended, and not started again.

torch: torch/_inductor/async_compile.py
"""

import atexit
import os
import signal
import threading
from contextlib import contextmanager

from ..backends.threads import get_num_threads
from . import cache
from .process import Process

__all__ = ["ENOUGH", "EXPECTED", "Job", "WORK", "helped"]

PATIENCE = 2
"""Seconds that ours waits for a text, before it compiles it itself."""

IDLE = 2
"""Seconds without a text after which the other process is ended."""

PASSES = 6
"""How much longer LLVM takes for a text of loops than for one of vectors."""

ENOUGH = 60_000
"""What there must be to do: LLVM takes 40 ms for it, and as long as that until the other process is there."""

EXPECTED: list = []
"""Functions () → Job, of texts that every program needs; or None. They are put on the list once."""


class Job:
    """A text to be compiled at a level, for the machine that LLVM calls by ``words``; ``key`` is its name on disk.

    size: how long it takes, in a measure of its own.   claimed: somebody has it.   away: that is the other process.
    done: it is over, and ``made`` is the object, or None.
    """

    def __init__(self, key, text, words, level):
        self.key, self.text, self.words, self.level = key, text, words, level
        self.size = len(text) * (PASSES if level == "loops" else 1)
        self.claimed, self.away, self.made, self.done = False, False, None, threading.Event()


class Helped(threading.local):
    """Whether this thread may be helped."""

    now = False


HELPED = Helped()


@contextmanager
def helped():
    """A block, or a function, in which the other process may come to help."""
    before, HELPED.now = HELPED.now, True
    try:
        yield
    finally:
        HELPED.now = before


class Worklist:
    """What is to be compiled, and in work."""

    def __init__(self):
        self.turn = threading.Condition()
        self.jobs: dict = {}  # by their keys. What the other process did stays until that ends: it needn't be on disk
        self.thread, self.process, self.refused = None, None, False

    def add(self, jobs):
        """Jobs for the list. Gives those that are there: the same, or others of the same texts."""
        with self.turn:
            found = [self.jobs.setdefault(job.key, job) for job in jobs]
            self.turn.notify_all()
        return found

    def claim(self, among=None):
        """The largest Job that nobody has, of some; or for the other process, of all. None if there is none."""
        with self.turn:
            free = [job for job in (self.jobs.values() if among is None else among) if not job.claimed]
            job = max(free, key=lambda job: job.size, default=None)
            if job is not None:
                job.claimed, job.away = True, among is None
            return job

    def finish(self, job, made):
        """A Job is over."""
        with self.turn:
            job.made = made
            if not (job.away and made):
                self.jobs.pop(job.key, None)
        job.done.set()

    def withdraw(self, jobs):
        """Take back what nobody has."""
        with self.turn:
            for job in jobs:
                if not job.claimed:
                    self.jobs.pop(job.key, None)

    def wait(self, job):
        """The object of a Job that somebody has; None if it must be made all the same."""
        if job.away and not job.done.wait(PATIENCE):
            self.refused = True
            self.end()
        return job.made

    # ------------------------------------------------------------------------------------------------- the other process

    def start(self, size):
        """Let the other process come, if it may, and what there is to do is worth it."""
        with self.turn:
            if size >= ENOUGH and self.thread is None and not self.refused and HELPED.now and cores() > 1 and get_num_threads() > 1:
                self.thread = threading.Thread(target=self.serve, daemon=True, name="minitorch compiles")
                try:
                    self.thread.start()
                except RuntimeError:  # no more threads here, or Python is about to end
                    self.thread, self.refused = None, True

    def serve(self):
        """Start the other process, and hand it texts: what the thread does."""
        process = job = None
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGPIPE])  # that it ended is an error, and no reason to end
            process = Process()
            with self.turn:
                if not self.is_mine():
                    return
                self.process = process
            self.expect()
            process.greeted()
            while (job := self.next()) is not None:
                made = process.emitted(job.text, job.words, job.level)
                if made is not None:
                    cache.keep(job.key, made)
                self.finish(job, made)
        except Exception:  # whatever it is, ours can do without
            self.refused = self.refused or self.is_mine()
        finally:
            if job is not None:
                self.finish(job, None)
            if process is not None:
                process.end()
            if self.is_mine():
                self.end()

    def is_mine(self):
        """Whether this thread is the one that hands texts over, and wasn't told to stop."""
        return self.thread is threading.current_thread()

    def expect(self):
        """Put what is expected on the list, unless it is on disk."""
        jobs = [EXPECTED.pop()() for _ in range(len(EXPECTED))]
        self.add([job for job in jobs if job is not None and cache.read(job.key) is None])

    def next(self):
        """The next Job to hand over. None if there is none for a while, or no more shall be."""
        with self.turn:
            self.turn.wait_for(lambda: not self.is_mine() or any([not job.claimed for job in self.jobs.values()]), IDLE)
            return self.claim() if self.is_mine() else None

    def end(self, wait=False):
        """Let the other process go. What it is at, it leaves.   wait: until it is gone."""
        with self.turn:
            thread, process, self.thread, self.process = self.thread, self.process, None, None
            self.jobs = {key: job for key, job in self.jobs.items() if job.claimed and not job.done.is_set()}
            self.turn.notify_all()
        if process is not None:
            process.kill()
        if wait and thread is not None:
            thread.join()

    def before_fork(self):
        self.end(wait=True)
        self.turn.acquire()

    def after_fork(self):
        self.turn.release()


def cores():
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


WORK = Worklist()
atexit.register(WORK.end, wait=True)
