"""A stream of batches: ``for batch in DataLoader(dataset, batch_size=32, shuffle=True)``.

An iterator of a DataLoader is one epoch: it asks the sampler for indices and turns them into batches, here or by
workers. With workers, up to ``prefetch_factor`` batches per worker are on their way at any time, and they are handed
out in the order in which they were asked for.

torch: torch/utils/data/dataloader.py
"""

import itertools
import os
import warnings
import weakref
from types import GenericAlias

from ...backends import gpu_count
from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .pinning import pinned
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed
from .worker import Ended, Failure, Job, Worker, dismiss, fetch_from, get_worker_info, receive_any, worker_context

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

FIXED = {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}
"""Attributes that can't be set later."""


class DataLoader:
    """Batches of a dataset's samples. torch: utils.data.DataLoader

    batch_size      samples in a batch; None: no batches, the samples themselves
    shuffle         in another random order each epoch
    sampler         an order of your own, batch_sampler: batches of your own
    num_workers     how many processes fetch; 0: this one does
    collate_fn      from a list of samples to a batch
    drop_last       leave out the last batch if it is smaller
    timeout         seconds to wait for a batch from a worker, 0: forever
    worker_init_fn  called in each worker with its number, after seeding
    multiprocessing_context   how workers are started: "fork", "spawn", "forkserver", or a context
    generator       where the order, and the base of the workers' seeds, are drawn from
    prefetch_factor how many batches each worker is ahead (2)
    persistent_workers        keep the workers from one epoch to the next
    in_order        hand out batches in the sampler's order; False: as they come
    pin_memory      put batches in memory that a GPU copies from by itself; pin_memory_device has no effect

    >>> loader = torch.utils.data.DataLoader(range(5), batch_size=2)
    >>> len(loader), list(loader)
    (3, [tensor([0, 1]), tensor([2, 3]), tensor([4])])
    """

    __class_getitem__ = classmethod(GenericAlias)
    _initialized = False

    def __init__(
        self,
        dataset,
        batch_size=1,
        shuffle=None,
        sampler=None,
        batch_sampler=None,
        num_workers=0,
        collate_fn=None,
        pin_memory=False,
        drop_last=False,
        timeout=0,
        worker_init_fn=None,
        multiprocessing_context=None,
        generator=None,
        *,
        prefetch_factor=None,
        persistent_workers=False,
        pin_memory_device="",
        in_order=True,
    ):
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.num_workers = num_workers
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device

        _check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        if sampler is None:
            sampler = _default_sampler(dataset, shuffle, generator)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)

        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)

        self._length_told = None
        self._iterator = None
        self._initialized = True

    def __setattr__(self, name, value):
        if self._initialized and name in FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized\n"
                "make another DataLoader"
            )
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self):
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, choice):
        if choice is not None and self.num_workers == 0:
            raise ValueError(
                "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
                "but got num_workers=0"
            )
        self._context = None if choice is None else worker_context(choice)

    @property
    def _auto_collation(self):
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self):
        if self.num_workers == 0:
            return _Iterator(self)
        if not self.persistent_workers:
            return _ParallelIterator(self)

        if self._iterator is not None and self._iterator.working:
            self._iterator.start_epoch(self)
        else:
            self._iterator = _ParallelIterator(self)
        return self._iterator

    def __len__(self):
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)

        # What a stream says of its length can be wrong: the iterator warns if there are more.
        length = self._length_told = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)


# ------------------------------------------------------------------------------------------------- reading the options


class _EndlessSampler(Sampler):
    """For an IterableDataset, which has an order of its own: it is asked for the next sample, again and again."""

    def __iter__(self):
        return itertools.repeat(None)


def _default_sampler(dataset, shuffle, generator):
    if isinstance(dataset, IterableDataset):
        return _EndlessSampler()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


def _check_workers(num_workers, timeout, prefetch_factor, persistent_workers):
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.\n"
            f"got num_workers={num_workers}"
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative\ngot timeout={timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError(f"prefetch_factor option should be non-negative\ngot prefetch_factor={prefetch_factor}")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if num_workers > cores:
        warnings.warn(
            f"This DataLoader will create {num_workers} worker processes in total. Our suggested max number of worker "
            f"in current system is {cores}, which is smaller than what this DataLoader is going to create.\n"
            "Workers that share a core slow each other down",
            stacklevel=3,
        )


def _check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last):
    if isinstance(dataset, IterableDataset):
        given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
        for name, value in given.items():
            if value is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}\n"
                    "the order is the dataset's own: change it in its __iter__"
                )

    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle\nthe sampler alone gives the order")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last\n"
            "the batch_sampler alone gives the batches"
        )
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last\n"
            "without batches there is no last one"
        )


# ---------------------------------------------------------------------------------------------------------- one epoch


class _Iterator:
    """An epoch in this process."""

    def __init__(self, loader):
        self._dataset = loader.dataset
        self._index_sampler = loader._index_sampler
        self._num_workers = loader.num_workers
        self._pinning = loader.pin_memory and gpu_count() > 0
        if loader.pin_memory and not self._pinning:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, "
                "then device pinned memory won't be used.",
                stacklevel=3,
            )
        self._begin(loader)
        self._base_seed = draw_seed(loader.generator)  # even without workers: the stream is the same with and without
        self._prepare(loader)

    def _begin(self, loader):
        self._indices = iter(self._index_sampler)
        self._yielded = 0
        self._length_told = loader._length_told

    def _prepare(self, loader):
        self._fetch = fetch_from(loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last)

    def _next_batch(self):
        return self._fetch(next(self._indices))

    def __iter__(self):
        return self

    def __next__(self):
        batch = self._next_batch()
        self._yielded += 1
        told = self._length_told
        if told is not None and self._yielded > told and isinstance(self._dataset, IterableDataset):
            message = (
                f"Length of IterableDataset {self._dataset} was reported to be {told}"
                f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched. "
            )
            if self._num_workers:
                message += "Each worker goes through all of its copy, unless __iter__ splits the work by worker. "
            warnings.warn(message, stacklevel=2)
        return pinned(batch) if self._pinning else batch

    def __len__(self):
        return len(self._index_sampler)

    def __getstate__(self):
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled\npickle the DataLoader, and iterate anew")


class _Task:
    """A batch that was asked for: by whom, and what came of it once it has come."""

    __slots__ = ("done", "result", "worker")

    def __init__(self, worker):
        self.worker, self.done, self.result = worker, False, None


class _ParallelIterator(_Iterator):
    """An epoch, or with persistent workers one after another, by worker processes.

    Tasks are numbered and go to the workers in turn. ``_due`` is the number of the batch that is handed out next; one
    that comes before its time waits in ``_tasks``. For each batch handed out, another is asked for.
    """

    def _prepare(self, loader):
        if loader.prefetch_factor <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        self._persistent, self._in_order = loader.persistent_workers, loader.in_order
        self._timeout = loader.timeout
        self._limit = loader.prefetch_factor * loader.num_workers
        self._epoch = 0

        job = Job(
            loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last, self._base_seed,
            loader.worker_init_fn, loader.num_workers,
        )  # fmt: skip
        context = worker_context(loader.multiprocessing_context)
        self._workers = []
        # However this iterator ends, dropped half way, by an error or with the program: its workers leave.
        self._dismiss = weakref.finalize(self, dismiss, os.getpid(), self._workers)
        for i in range(loader.num_workers):
            self._workers.append(Worker(context, job, i, self._workers))

        self.start_epoch(loader)

    @property
    def working(self):
        """Whether there are workers for another epoch."""
        return self._dismiss.alive

    def start_epoch(self, loader):
        """Begin with the sampler; tasks of an earlier epoch that are still on their way are forgotten.

        The first epoch's sampler is begun twice, here and at the base seed, as in PyTorch: it may draw when it begins.
        """
        self._begin(loader)
        self._epoch += 1
        self._tasks = {}
        self._asked = self._due = 0
        self._turns = itertools.cycle(self._workers)
        for worker in self._workers:
            worker.active, worker.load = True, 0
        for _ in range(self._limit):
            self._ask()

    def _ask(self):
        """Give the sampler's next indices to the next worker, if there are both."""
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        worker = self._next_worker()
        if worker is not None:
            worker.send((self._epoch, self._asked, indices))
            worker.load += 1
            self._tasks[self._asked] = _Task(worker)
            self._asked += 1

    def _next_worker(self):
        active = sum(worker.active for worker in self._workers)
        for worker in itertools.islice(self._turns, len(self._workers)):
            if worker.active and (self._in_order or worker.load < self._limit // active):
                return worker
        return None

    def _next_batch(self):
        while self._find_due():
            if self._tasks[self._due].done:
                return self._hand_out(self._due)

            number, result = self._receive()
            task = self._tasks[number]
            if isinstance(result, Ended):
                task.worker.active = False
                if not self._persistent:
                    task.worker.send(None)
                self._ask()
                continue

            task.done, task.result = True, result
            if not self._in_order:
                return self._hand_out(number)

        if not self._persistent:
            self._dismiss()
        raise StopIteration

    def _find_due(self):
        """Go on to the next task that has a batch or will have one. A worker that has ended leaves some undone."""
        while self._due < self._asked:
            task = self._tasks.get(self._due)
            if task is not None and (task.done or task.worker.active):
                return True
            self._tasks.pop(self._due, None)
            self._due += 1
        return False

    def _hand_out(self, number):
        task = self._tasks.pop(number)
        self._due += number == self._due
        task.worker.load -= 1
        self._ask()
        if isinstance(task.result, Failure):
            task.result.reraise()
        return task.result

    def _receive(self):
        """The next ``(number, result)`` of this epoch. Whatever goes wrong here ends the iteration."""
        while True:
            try:
                message = receive_any(self._workers, self._timeout)
            except BaseException:  # a KeyboardInterrupt too: half a message may have been read
                self._dismiss()
                self._tasks, self._due = {}, self._asked
                raise

            if message is None:
                raise RuntimeError(
                    f"DataLoader timed out after {self._timeout} seconds\n"
                    "no batch came in that time: raise timeout=, or rerun with num_workers=0 to see where it is stuck"
                )
            epoch, number, result = message
            if epoch == self._epoch:
                return number, result
