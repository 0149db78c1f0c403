"""A few threads that share the images of a batch, each computing with BLAS on its own.

NumPy lets go of Python's lock while it copies and multiplies, so plain Python threads are enough. They beat BLAS's own
threads where copies stand between small products, and they don't collapse when another process takes a core: pieces of
work are claimed one by one, and the work is done when the last piece is, whoever did it. A thread that never woke up is
not waited for.

torch: at::parallel_for in ATen/Parallel.h
"""

import ctypes
import os
import threading
from glob import glob
from itertools import count

import numpy

__all__ = ["POOL", "get_num_threads", "scratch", "set_num_threads", "share"]

BLAS_NAMES = [
    prefix + "openblas_{}_num_threads" + suffix for prefix in ("scipy_", "") for suffix in ("64_", "")
]  # fmt: skip


class Blas:
    """How many threads BLAS may use in one product: for NumPy's own OpenBLAS. Another BLAS stays as it is."""

    def __init__(self):
        self.get = self.set = None
        home = os.path.dirname(numpy.__file__)
        for path in [*glob(home + ".libs/*openblas*"), *glob(home + "/.dylibs/*openblas*")]:
            library = ctypes.CDLL(path)  # it is loaded already: this finds it
            for name in BLAS_NAMES:
                if hasattr(library, name.format("set")):
                    self.get, self.set = getattr(library, name.format("get")), getattr(library, name.format("set"))
                    return


class Job:
    """Pieces of work that threads claim one by one."""

    def __init__(self, pieces, prepare):
        self.pieces, self.prepare = iter(pieces), prepare  # next() on a list's iterator is atomic
        self.size, self.finished = len(pieces), count(1)
        self.error = None
        self.done = threading.Lock()
        self.done.acquire()

    def run(self):
        """Do pieces until none is left. Whoever finishes the last one says so."""
        work = None
        for piece in self.pieces:
            try:
                if self.error is None:
                    work = work or self.prepare()
                    work(piece)
            except Exception as error:
                self.error = error
            if next(self.finished) == self.size:
                self.done.release()


class Pool:
    """Threads that sleep until there is a job. They start with the first job, and again in a process that was forked."""

    def __init__(self):
        self.busy = threading.Lock()
        self.bells, self.job = [], None
        self.rivals = False  # whether threads other than BLAS's share work in this process: these, or machine code's
        self.blas, self.threads = None, None

    def size(self):
        """The threads to use, the caller's among them: as many as BLAS would use, 1 if BLAS can't be told to use one."""
        if self.threads is None:
            self.blas = self.blas or Blas()
            self.threads = self.blas.get() if self.blas.get else 1
        return self.threads

    def work(self, bell):
        numpy.seterr(all="ignore")
        while True:
            bell.acquire()
            job = self.job
            if job is not None:
                job.run()

    def run(self, job):
        self.rivals = True
        for _ in range(self.size() - 1 - len(self.bells)):
            bell = threading.Lock()
            bell.acquire()
            threading.Thread(target=self.work, args=(bell,), daemon=True).start()
            self.bells.append(bell)

        before = self.blas.get() if self.blas.get else 1
        if self.blas.set:
            self.blas.set(1)
        self.job = job
        try:
            for bell in self.bells[: self.size() - 1]:
                if bell.locked():  # else it was rung before, and hasn't woken up yet
                    bell.release()
            job.run()
            job.done.acquire()
        finally:
            self.job = None
            if self.blas.set:
                self.blas.set(before)

    def forget(self):
        """In a forked child the threads are gone."""
        blas, threads = self.blas, self.threads
        if self.job is not None and blas.set:
            blas.set(threads)
        Pool.__init__(self)
        self.blas, self.threads = blas, threads


POOL = Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)


def get_num_threads():
    """How many threads share one operation."""
    return POOL.size()


def set_num_threads(threads):
    """Let that many threads share one operation, and a matrix product."""
    POOL.size()
    POOL.threads = threads
    if POOL.blas.set:
        POOL.blas.set(threads)


def share(pieces, prepare, parallel=True):
    """Do all ``pieces``: each thread calls ``prepare()`` once, and what that returns with one piece after the other.

    If ``parallel`` is false, or another thread's work is being shared, the caller does them all.
    """
    if parallel and len(pieces) > 1 and POOL.size() > 1 and POOL.busy.acquire(blocking=False):
        job = Job(pieces, prepare)
        try:
            POOL.run(job)
        finally:
            POOL.busy.release()
        if job.error is not None:
            raise job.error
        return
    work = prepare()
    for piece in pieces:
        work(piece)


# ------------------------------------------------------------------------------------------------------------- scratch


class Buffers(threading.local):
    def __init__(self):
        self.by_name = {}


BUFFERS = Buffers()
LARGEST = 1 << 24


def scratch(name, shape, dtype):
    """An array to compute in, with anything in it. It is this thread's, until it asks for ``name`` again.

    Fresh memory costs more than what is computed in it: the system hands it out, zeroed, page by page.
    """
    dtype = numpy.dtype(dtype)
    size = dtype.itemsize
    for n in shape:
        size *= n
    if size > LARGEST:
        return numpy.empty(shape, dtype)
    buffer = BUFFERS.by_name.get(name)
    if buffer is None or buffer.size < size:
        buffer = BUFFERS.by_name[name] = numpy.empty(size, numpy.uint8)
    return buffer[:size].view(dtype).reshape(shape)
