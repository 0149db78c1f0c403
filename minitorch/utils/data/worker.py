"""Processes that fetch batches ahead of time.

    parent                                   worker w
    ──────                                   ────────
    (epoch, number, indices)  ── pipe ──>    reader thread ──> inbox
                                             main thread:      fetch(indices), pickled
    (epoch, number, batch)    <── pipe ──    writer thread <── outbox

Each worker has a pipe of its own, so nothing is locked and a death is seen at once: the end of its pipe is there to be
read. The parent runs no thread, so it can fork at any time. In the worker, the reader thread takes what the parent
sends as soon as it comes: the parent never waits in a send, whatever the worker is busy with. The writer thread keeps
finished batches until the parent wants them: the worker runs ahead as far as ``prefetch_factor`` allows.

Arrays travel beside the pickle, as its out-of-band buffers (protocol 5, PEP 574), and are read into memory that the
batch then owns.

Processes are forked on Linux: nothing has to be picklable and nothing is imported again. Elsewhere they are spawned.
Python's own default differs from one version to the next, and is taken only where the program has set it. What forks
must not rely on the parent's threads: NumPy's are restarted by NumPy's own handler.

``multiprocessing`` is large: it is imported when the first worker is hired.

torch: torch/utils/data/_utils/worker.py (which uses shared queues, and shared memory for tensors)
"""

import itertools
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections import namedtuple

from ...backends.numpy import numpy
from ...backends.threads import set_num_threads
from ...random import manual_seed
from .collate import default_collate, tensors_are_stacked
from .dataset import IterableDataset, gathered, samples_of

__all__ = [
    "Ended", "Failure", "Job", "Worker", "WorkerInfo", "dismiss", "fetch_from", "get_worker_info", "receive_any", "serve",
    "worker_context",
]  # fmt: skip

PATIENCE = 5.0
"""Seconds: how often a worker looks whether its parent lives, and how long the parent waits for one to leave."""

Job = namedtuple("Job", "dataset batched collate_fn drop_last base_seed init_fn num_workers")
"""What all workers of one iterator are told."""

WorkerInfo = namedtuple("WorkerInfo", "id num_workers seed dataset")
"""What a worker knows about itself. torch: utils.data.get_worker_info"""

_info = None


def get_worker_info():
    """In a worker: its ``id``, ``num_workers``, ``seed`` and its own copy of the ``dataset``. Elsewhere: None.

    torch: utils.data.get_worker_info

    >>> torch.utils.data.get_worker_info() is None
    True
    """
    return _info


def fetch_from(dataset, batched, collate_fn, drop_last):
    """A function from what the sampler says, an index or a list of them, to a collated batch.

    It raises StopIteration when an IterableDataset has no more; there the sampler only says how many.
    """

    def fetch(indices):
        if not batched:
            return collate_fn(dataset[indices])
        batch = gathered(dataset, indices) if collate_fn is default_collate and tensors_are_stacked() else None
        return collate_fn(samples_of(dataset, indices)) if batch is None else batch

    def fetch_next(indices):
        if not batched:
            return collate_fn(next(samples))
        batch = list(itertools.islice(samples, len(indices)))
        if not batch or (drop_last and len(batch) < len(indices)):
            raise StopIteration
        return collate_fn(batch)

    if not isinstance(dataset, IterableDataset):
        return fetch
    samples = iter(dataset)
    return fetch_next


# ------------------------------------------------------------------------------------------------------ in the worker


def serve(connection, job, worker_id, parent, inherited):
    """A worker's life: do the tasks as they come, until told to stop or the parent is gone.

    A forked one is told the ``parent``'s process id, and which of its ends of pipes it has ``inherited`` and has to close.
    """
    import queue

    for other in inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business: it tells its workers to stop

    inbox, outbox, stopped = queue.SimpleQueue(), queue.SimpleQueue(), threading.Event()
    threading.Thread(target=_read, args=(connection, inbox, stopped, parent), daemon=True).start()
    threading.Thread(target=_write, args=(connection, outbox), daemon=True).start()

    failure = _prepare(job, worker_id)
    current, fetch, ended = None, None, False

    while True:
        task = inbox.get()
        if stopped.is_set():
            return

        epoch, number, indices = task
        if epoch != current:
            current, fetch, ended = epoch, None, False
        if ended:
            continue

        try:
            if failure is None and fetch is None:
                fetch = fetch_from(job.dataset, job.batched, job.collate_fn, job.drop_last)
            result = failure or fetch(indices)
        except Exception as error:
            ended = isinstance(error, StopIteration) and isinstance(job.dataset, IterableDataset)
            result = Ended() if ended else Failure(error, worker_id)
        outbox.put(_pack(epoch, number, result, worker_id))
        del task, result  # not kept alive while waiting


def _prepare(job, worker_id):
    """Seed the worker's streams, tell it who it is, and run the user's ``worker_init_fn``; the Failure if that fails."""
    global _info

    set_num_threads(1)  # the workers themselves are what runs side by side
    seed = job.base_seed + worker_id
    manual_seed(seed)
    random.seed(seed)

    # A seed of its own for NumPy, whose generator is the same as `random`'s and would draw the same bits.
    entropy = [worker_id, job.base_seed & 0xFFFFFFFF, job.base_seed >> 32, 0]
    numpy.random.seed(numpy.random.SeedSequence(entropy).generate_state(4))

    _info = WorkerInfo(worker_id, job.num_workers, seed, job.dataset)
    try:
        if job.init_fn is not None:
            job.init_fn(worker_id)
    except Exception as error:
        return Failure(error, worker_id)


def _read(connection, inbox, stopped, parent):
    """Thread: from the pipe into the inbox, up to None. If the parent dies without a word, so does the worker."""
    import traceback

    try:
        while True:
            while not connection.poll(PATIENCE):
                # The pipe doesn't end with the parent while another of its children holds the parent's end.
                if parent is not None and os.getppid() != parent:
                    os._exit(1)
            task = connection.recv()
            if task is None:
                break
            inbox.put(task)
    except (EOFError, OSError):
        os._exit(1)
    except Exception:  # what the sampler gave can be pickled but not unpickled
        traceback.print_exc()
        os._exit(1)
    stopped.set()
    inbox.put(None)


def _write(connection, outbox):
    """Thread: from the outbox into the pipe."""
    try:
        while True:
            body, buffers = outbox.get()
            connection.send(([buffer.nbytes for buffer in buffers], body))
            for buffer in buffers:
                connection.send_bytes(buffer)
    except OSError:
        pass  # the parent doesn't want it any more


def _pack(epoch, number, result, worker_id):
    """The message as a pickle and its out-of-band buffers. What can't be pickled becomes a Failure, which can."""
    import pickle

    for _ in range(2):
        buffers = []
        try:
            body = pickle.dumps((epoch, number, result), protocol=5, buffer_callback=buffers.append)
            return body, [buffer.raw() for buffer in buffers]
        except Exception as error:
            if isinstance(result, Failure):
                result.kind = RuntimeError  # an exception class that exists only here
            else:
                result = Failure(error, worker_id)
    return pickle.dumps((epoch, number, result)), []


class Ended:
    """What a worker sends instead of a batch when its copy of an IterableDataset has no more."""


FORKED = "cudaErrorInitializationError"
CANNOT_FORK = (
    "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must use the 'spawn' start method\n"
    "keep the dataset's tensors on the CPU and move each batch, or say multiprocessing_context=\"spawn\""
)
"""What CUDA says in a process forked from one that uses it, and PyTorch's words for that."""


class Failure:
    """An exception on its way from a worker to the parent: its type, and its traceback as text."""

    def __init__(self, error, worker_id):
        import traceback

        if FORKED in str(error):
            error = RuntimeError(CANNOT_FORK).with_traceback(error.__traceback__)
        trace = "".join(traceback.format_exception(error))
        self.kind = type(error)
        self.text = f"Caught {self.kind.__name__} in DataLoader worker process {worker_id}.\nOriginal {trace}"

    def reraise(self):
        if self.kind is KeyError:
            raise KeyError(_Verbatim(self.text))
        if getattr(self.kind, "message", None):
            raise self.kind(message=self.text)
        try:
            error = self.kind(self.text)
        except Exception:  # its constructor wants something else
            error = RuntimeError(self.text)
        raise error


class _Verbatim(str):
    """KeyError prints the repr of what was missing; a traceback had better be printed as it is."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


# ------------------------------------------------------------------------------------------------------ in the parent


class Worker:
    """One process, as the parent sees it.

    active  it still has batches to give in this epoch
    load    how many tasks it has been given whose batches haven't been taken
    """

    def __init__(self, context, job, worker_id, others):
        self.active, self.load = True, 0
        self.connection, theirs = context.Pipe()
        forked = context.get_start_method() == "fork"
        parent = os.getpid() if forked else None
        inherited = [self.connection, *(worker.connection for worker in others)] if forked else []
        self.process = context.Process(target=serve, args=(theirs, job, worker_id, parent, inherited), daemon=True)
        try:
            _start(self.process)
        except Exception as error:
            self.connection.close()
            error.add_note(
                f"a DataLoader worker could not be started by {context.get_start_method()!r}: unless it is forked, the "
                "dataset, collate_fn and worker_init_fn have to be picklable, and a script needs "
                'if __name__ == "__main__":'
            )
            raise
        finally:
            theirs.close()

    def send(self, task):
        try:
            self.connection.send(task)
        except OSError:
            pass  # it is dead: whoever waits for its answer will notice

    def receive(self):
        """The next message, still as a pickle and its buffers; EOFError or OSError if the worker has died."""
        sizes, body = self.connection.recv()
        buffers = [bytearray(size) for size in sizes]
        for buffer in buffers:
            self.connection.recv_bytes_into(buffer)
        return body, buffers

    def epitaph(self):
        """How it died."""
        code = self.process.exitcode
        if code < 0:
            return f"{self.process.pid} was killed by {signal.Signals(-code).name}"
        return f"{self.process.pid} left with exit code {code}"


def _start(process):
    """``process.start()``, without Python's warning of forking beside threads where the only others are NumPy's."""
    with warnings.catch_warnings():
        if sys.version_info >= (3, 12) and threading.active_count() == 1:
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        process.start()


def worker_context(choice=None):
    """The multiprocessing context to use: the chosen one, else the program's, else fork on Linux, else spawn."""
    import multiprocessing

    if choice is None:
        choice = multiprocessing.get_start_method(allow_none=True)
    if choice is None:
        choice = "fork" if sys.platform == "linux" else "spawn"

    if isinstance(choice, str):
        methods = multiprocessing.get_all_start_methods()
        if choice not in methods:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {methods!r}, "
                f"but got multiprocessing_context={choice!r}"
            )
        return multiprocessing.get_context(choice)
    if not isinstance(choice, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the start method, "
            f"but got multiprocessing_context={choice}"
        )
    return choice


def receive_any(workers, timeout):
    """The next ``(epoch, number, result)`` of any active worker; None after ``timeout`` seconds, if that isn't 0.

    A RuntimeError if a worker died: what it had sent before is taken first.
    """
    import pickle
    from multiprocessing.connection import wait

    active = [worker for worker in workers if worker.active]
    signs = [sign for worker in active for sign in (worker.connection, worker.process.sentinel)]
    ready = wait(signs, timeout or None)
    if not ready:
        return None

    for worker in active:
        if worker.process.sentinel in ready:  # it is ending: once it has, what it sent last can be read
            worker.process.join(PATIENCE)
        if worker.connection in ready or (worker.process.sentinel in ready and worker.connection.poll()):
            try:
                body, buffers = worker.receive()
            except (EOFError, OSError):
                worker.process.join(PATIENCE)
            else:
                return pickle.loads(body, buffers=buffers)

    dead = [worker for worker in active if not worker.process.is_alive()]
    raise RuntimeError(
        f"DataLoader worker (pid(s) {', '.join(str(worker.process.pid) for worker in dead)}) exited unexpectedly\n"
        f"{'; '.join(worker.epitaph() for worker in dead)}: rerun with num_workers=0 to see what it was doing "
        "(SIGKILL usually means that memory ran out)"
    )


def dismiss(owner, workers):
    """Tell workers to leave and wait until they have; end those that don't. Only the process that hired them may."""
    if os.getpid() != owner:  # a forked child holds a copy of everything, this too
        return
    for worker in workers:
        worker.send(None)

    end = time.monotonic() + PATIENCE
    for worker in workers:
        worker.process.join(max(0, end - time.monotonic()))
        for stop in (worker.process.terminate, worker.process.kill):
            if worker.process.is_alive():
                stop()
                worker.process.join(PATIENCE)
        worker.connection.close()
        worker.process.close()
    workers.clear()
