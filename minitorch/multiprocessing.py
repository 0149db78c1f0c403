"""Python's own ``multiprocessing``, under PyTorch's name. Tensors that are sent are copied.

To share a tensor's memory with processes that are forked later there is ``Tensor.share_memory_``.

torch: torch/multiprocessing
"""

import multiprocessing
from multiprocessing import (
    Array,
    Barrier,
    BoundedSemaphore,
    Condition,
    Event,
    JoinableQueue,
    Lock,
    Manager,
    Pipe,
    Pool,
    Process,
    Queue,
    RLock,
    Semaphore,
    SimpleQueue,
    TimeoutError,
    Value,
    active_children,
    cpu_count,
    current_process,
    freeze_support,
    get_all_start_methods,
    get_context,
    get_start_method,
    parent_process,
    set_start_method,
)

from .absent import absent

__all__ = [
    "Array", "Barrier", "BoundedSemaphore", "Condition", "Event", "JoinableQueue", "Lock", "Manager", "Pipe", "Pool",
    "Process", "ProcessExitedException", "ProcessRaisedException", "Queue", "RLock", "Semaphore", "SimpleQueue",
    "SpawnContext", "TimeoutError", "Value", "active_children", "cpu_count", "current_process", "freeze_support",
    "get_all_sharing_strategies", "get_all_start_methods", "get_context", "get_sharing_strategy", "get_start_method",
    "parent_process", "set_sharing_strategy", "set_start_method", "spawn", "start_processes",
]  # fmt: skip

__getattr__ = absent(__name__)

STRATEGIES = {"file_descriptor", "file_system"}
strategy = ["file_descriptor"]


def get_all_sharing_strategies():
    """The ways in which PyTorch sends tensors."""
    return set(STRATEGIES)


def get_sharing_strategy():
    """What it was set to."""
    return strategy[0]


def set_sharing_strategy(new_strategy):
    """Remembered: tensors are copied here."""
    if new_strategy not in STRATEGIES:
        raise AssertionError(f"invalid sharing strategy {new_strategy}")
    strategy[0] = new_strategy


class ProcessRaisedException(Exception):
    """A process that ``spawn`` started raised an exception."""

    def __init__(self, msg, error_index, error_pid):
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, error_pid


class ProcessExitedException(Exception):
    """A process that ``spawn`` started ended without success."""

    def __init__(self, msg, error_index, error_pid, exit_code, signal_name=None):
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, error_pid
        self.exit_code, self.signal_name = exit_code, signal_name


def run(function, i, args, errors):
    import traceback

    try:
        function(i, *args)
    except Exception:
        errors.put(traceback.format_exc())
        raise SystemExit(1) from None


class SpawnContext:
    """The processes that ``spawn(join=False)`` started."""

    def __init__(self, processes, errors):
        self.processes, self.errors = processes, errors

    def pids(self):
        """Their numbers in the operating system."""
        return [process.pid for process in self.processes]

    def join(self, timeout=None, grace_period=None):
        """Wait for them. True when all have ended; raises what the first to fail raised."""
        for process in self.processes:
            process.join(timeout)
        failed = [(i, p) for i, p in enumerate(self.processes) if p.exitcode not in (0, None)]
        if not failed:
            return all(p.exitcode == 0 for p in self.processes)
        for process in self.processes:
            process.terminate()
        index, process = failed[0]
        if self.errors[index].empty():
            raise ProcessExitedException(
                f"process {index} terminated with exit code {process.exitcode}", index, process.pid, process.exitcode
            )
        text = f"\n\n-- Process {index} terminated with the following error:\n{self.errors[index].get()}"
        raise ProcessRaisedException(text, index, process.pid)


def start_processes(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """``fn(i, *args)`` in ``nprocs`` processes.   torch: multiprocessing.start_processes"""
    context = multiprocessing.get_context(start_method)
    errors = [context.SimpleQueue() for _ in range(nprocs)]
    processes = [context.Process(target=run, args=(fn, i, args, errors[i]), daemon=daemon) for i in range(nprocs)]
    for process in processes:
        process.start()
    started = SpawnContext(processes, errors)
    if not join:
        return started
    started.join()
    return None


def spawn(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """``fn(i, *args)`` in ``nprocs`` fresh processes.   torch: multiprocessing.spawn"""
    return start_processes(fn, args, nprocs, join, daemon, start_method)
