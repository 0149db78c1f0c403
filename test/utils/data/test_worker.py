"""Workers: what they draw, what they bring, how they fail, and that they always leave.

Most loaders here have a timeout, so that a mistake fails and doesn't hang.
"""

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import minitorch as mt
from minitorch.utils.data import worker as workers

data = mt.utils.data
HOME = Path(os.path.abspath(mt.__file__)).parent.parent
SOON = 30


def mapped(function, n, lib=mt):
    """A dataset of n samples, function(i)."""

    class Mapped(lib.utils.data.Dataset):
        def __len__(self):
            return n

        def __getitem__(self, i):
            return function(i)

    return Mapped()


def gone(pid):
    """Whether a process has ended: it may still wait for a parent to ask after it."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(condition, seconds=SOON):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def nobody_stays():
    yield
    gc.collect()
    assert multiprocessing.active_children() == []


# ------------------------------------------------------------------------------------------------------- what they draw


@pytest.mark.parametrize("options", [{}, {"persistent_workers": True}, {"generator": 9}], ids=str)
def test_the_streams_of_a_worker(options, agree):
    def program(lib, data):
        lib.manual_seed(2**33 + 1)
        made = {k: lib.Generator().manual_seed(v) if k == "generator" else v for k, v in options.items()}

        def draws(i):
            return lib.rand(2).tolist(), random.random(), np.random.rand(), data.get_worker_info().seed

        loader = data.DataLoader(mapped(draws, 7, lib), 2, num_workers=2, collate_fn=list, **made)
        return [list(loader) for _ in range(2)]

    agree(program)


def test_a_worker_knows_itself(agree):
    def program(lib, data):
        def facts(i):
            info = data.get_worker_info()
            return info.id, info.num_workers, len(info.dataset), type(info).__name__

        loader = data.DataLoader(mapped(facts, 3, lib), None, num_workers=2)
        return list(loader), data.get_worker_info()

    agree(program)


def test_worker_init_fn(agree):
    def program(lib, data):
        def begin(worker_id):
            data.get_worker_info().dataset.offset = 100 * (worker_id + 1)

        dataset = mapped(lambda i: dataset.offset + i, 5, lib)
        return list(data.DataLoader(dataset, num_workers=2, worker_init_fn=begin))

    agree(program)


# ------------------------------------------------------------------------------------------------------ what they bring

THINGS = {
    "tensor": lambda lib: lib.arange(6.0).reshape(2, 3),
    "0-d tensor": lambda lib: lib.tensor(3),
    "empty tensor": lambda lib: lib.zeros(0, 3),
    "transposed": lambda lib: lib.arange(6.0).reshape(2, 3).T,
    "half": lambda lib: lib.arange(4).to(lib.float16),
    "brain": lambda lib: lib.arange(4).to(lib.bfloat16),
    "bool": lambda lib: lib.arange(4) > 1,
    "text": lambda lib: "text",
    "nothing": lambda lib: None,
    "nested": lambda lib: {"a": [lib.ones(2), (1, lib.zeros(2, 1))]},
}


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS)
def test_what_arrives(thing, agree):
    agree(lambda lib, data: list(data.DataLoader([thing(lib)], batch_size=None, num_workers=1, timeout=SOON)))


def test_what_arrives_can_be_written_and_stays():
    loader = data.DataLoader(mapped(lambda i: mt.full((1000,), float(i)), 6), None, num_workers=2, timeout=SOON)
    kept = list(loader)
    for t in kept:
        t += 1
    assert [t.sum().item() for t in kept] == [1000.0 * (i + 1) for i in range(6)]


def test_arrays_travel_beside_the_pickle():
    body, buffers = workers._pack(1, 2, np.zeros((100, 100)), 0)
    assert len(body) < 500 and [buffer.nbytes for buffer in buffers] == [80000]


def test_large_messages_both_ways():
    """Far more than a pipe holds, in both directions at once."""

    class Large(data.Dataset):
        def __getitems__(self, indices):
            return [len(indices), np.full(500_000, indices[-1], np.int32)]

    batches = [list(range(i, i + 100_000)) for i in range(5)]
    loader = data.DataLoader(
        Large(), batch_sampler=batches, num_workers=2, prefetch_factor=3, collate_fn=tuple, timeout=SOON
    )
    seen = list(loader)
    assert [n for n, _ in seen] == [100_000] * 5
    assert [int(array[-1]) for _, array in seen] == [i + 99_999 for i in range(5)]


@pytest.mark.parametrize("factor", [1, 4])
def test_they_work_ahead(factor, tmp_path):
    """Each worker makes ``prefetch_factor`` batches, and no more, before the first is taken."""

    def touch(i):
        (tmp_path / str(i)).touch()
        return np.zeros(1_000_000, np.int8)

    iterator = iter(data.DataLoader(mapped(touch, 20), None, num_workers=2, prefetch_factor=factor))
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2 * factor)
    time.sleep(0.05)
    assert len(list(tmp_path.iterdir())) == 2 * factor

    next(iterator)
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2 * factor + 1)


def test_in_order_or_as_they_come():
    def slow_first(i):
        if i == 0:
            time.sleep(0.5)
        return i

    dataset = mapped(slow_first, 6)
    in_order = data.DataLoader(dataset, None, num_workers=2, timeout=SOON)
    as_they_come = data.DataLoader(dataset, None, num_workers=2, timeout=SOON, in_order=False)
    assert list(in_order) == [0, 1, 2, 3, 4, 5]
    assert sorted(seen := list(as_they_come)) == [0, 1, 2, 3, 4, 5] and seen[0] != 0


def test_persistent_workers_stay_and_others_do_not():
    dataset = mapped(lambda i: os.getpid(), 4)
    staying = data.DataLoader(dataset, None, num_workers=2, persistent_workers=True, timeout=SOON)
    assert list(staying) == list(staying)
    leaving = data.DataLoader(dataset, None, num_workers=2, timeout=SOON)
    assert not set(leaving) & set(leaving)


def test_an_epoch_of_persistent_workers_left_half_way():
    loader = data.DataLoader(range(40), 2, num_workers=2, persistent_workers=True, timeout=SOON)
    for batch in loader:
        assert batch.tolist() == [0, 1]
        break
    assert [batch.tolist() for batch in loader] == [[i, i + 1] for i in range(0, 40, 2)]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_start_methods(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    dataset = data.TensorDataset(mt.arange(5), mt.arange(5.0))
    loader = data.DataLoader(dataset, 2, num_workers=1, multiprocessing_context=method, timeout=60)
    assert [[t.tolist() for t in batch] for batch in loader] == [[[0, 1], [0, 1]], [[2, 3], [2, 3]], [[4], [4]]]


def test_the_programs_start_method_counts(monkeypatch):
    default = "fork" if sys.platform == "linux" else "spawn"
    assert workers.worker_context().get_start_method() == default
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none: "spawn")
    assert workers.worker_context().get_start_method() == "spawn"


# -------------------------------------------------------------------------------------------------------- how they fail


class TwoArguments(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)


class WithMessage(Exception):
    message = "default"

    def __init__(self, message):
        super().__init__(message)
        self.message = message


def local_error():
    class Local(Exception):
        pass

    return Local("here only")


ERRORS = {
    "value": lambda: ValueError("no good"),
    "key": lambda: KeyError("missing"),
    "index": lambda: IndexError(3),
    "two arguments": lambda: TwoArguments(1, 2),
    "message": lambda: WithMessage("words"),
    "unicode": lambda: UnicodeDecodeError("utf8", b"a", 0, 1, "bad"),
    "assertion": lambda: AssertionError(),
}


def fails_at(error, where, lib):
    def get(i):
        if i == where:
            raise error()
        return i

    return mapped(get, 6, lib)


def errors_of(loader):
    """What each batch raises."""
    iterator, seen = iter(loader), []
    while True:
        try:
            next(iterator)
        except StopIteration:
            return seen
        except Exception as error:
            seen.append(error.with_traceback(None))


def test_an_error_arrives_as_what_it_was():
    def fail(i):
        raise list(ERRORS.values())[i]()

    expected, got = (
        errors_of(lib.utils.data.DataLoader(mapped(fail, len(ERRORS), lib), num_workers=2, timeout=SOON))
        for lib in (torch, mt)
    )
    assert [type(error) for error in expected] == [type(error) for error in got]
    for i, (name, *errors) in enumerate(zip(ERRORS, expected, got, strict=True)):
        first, last = [], []
        for text in map(str, errors):
            lines = text.strip().split("\n")
            first.append(lines[:2])
            last.append(lines[-1])
            assert lines[2].startswith("  File ") and "in fail" in text, name
        assert first[0] == first[1] and last[0] == last[1], name
        assert first[1][0].endswith(f"in DataLoader worker process {i % 2}."), name


def error_of(**options):
    with pytest.raises(Exception) as caught:
        list(data.DataLoader(num_workers=1, timeout=SOON, **options))
    return caught.value


def test_an_error_whose_type_exists_only_there():
    error = error_of(dataset=fails_at(local_error, 2, mt))
    assert type(error) is RuntimeError and str(error).startswith("Caught Local in DataLoader worker process 0.")


def uninitialised():
    return OSError("cudaErrorInitializationError: initialization error")


def test_what_a_gpu_says_in_a_forked_process_is_told_as_pytorch_does():
    error = error_of(dataset=fails_at(uninitialised, 2, mt))
    assert type(error) is RuntimeError
    assert "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must use the 'spawn'" in str(error)


def test_a_batch_that_can_not_travel():
    error = error_of(dataset=[1], collate_fn=lambda samples: lambda: samples)
    assert "in DataLoader worker process 0." in str(error) and "pickle" in str(error)


@pytest.mark.parametrize("stage", ["worker_init_fn", "collate_fn", "__iter__", "sampler"])
def test_where_else_it_can_fail(stage):
    def fail(*_):
        raise ValueError("stop here")

    class Stream(data.IterableDataset):
        __iter__ = fail

    options = {
        "worker_init_fn": {"dataset": [1, 2], "worker_init_fn": fail},
        "collate_fn": {"dataset": [1, 2], "collate_fn": fail},
        "__iter__": {"dataset": Stream()},
        "sampler": {"dataset": [1, 2], "sampler": map(fail, [0, 1])},
    }
    error = error_of(**options[stage])
    assert type(error) is ValueError
    assert str(error).startswith("stop here" if stage == "sampler" else "Caught ValueError in DataLoader worker process 0.")


@pytest.mark.parametrize("persistent", [False, True])
def test_after_an_error_the_next_batches_come(persistent):
    loader = data.DataLoader(
        fails_at(lambda: ValueError("no"), 2, mt), None, num_workers=2, timeout=SOON, persistent_workers=persistent
    )
    for _ in range(2):
        iterator, seen = iter(loader), []
        while len(seen) < 6:
            try:
                seen.append(next(iterator))
            except ValueError:
                seen.append("error")
        assert seen == [0, 1, "error", 3, 4, 5]
        assert next(iterator, "end") == "end"


@pytest.mark.parametrize("death, word", [(lambda: os.kill(os.getpid(), signal.SIGKILL), "SIGKILL"),
                                         (lambda: os._exit(3), "exit code 3"),
                                         (lambda: sys.exit(4), "exit code 4")])  # fmt: skip
def test_a_death_is_noticed_at_once(death, word):
    def get(i):
        return os.getpid() if i < 2 else death()

    iterator = iter(data.DataLoader(mapped(get, 6), None, num_workers=1))
    pid = next(iterator)

    began = time.monotonic()
    with pytest.raises(RuntimeError) as caught:
        list(iterator)  # the second batch may have been on its way
    assert time.monotonic() - began < 4
    first, second = str(caught.value).split("\n")
    assert first == f"DataLoader worker (pid(s) {pid}) exited unexpectedly"
    assert word in second and str(pid) in second and "num_workers=0" in second
    assert next(iterator, "end") == "end"


def test_a_death_in_the_midst_of_a_batch():
    iterator = iter(data.DataLoader(mapped(lambda i: (os.getpid(), bytes(10**8)), 3), None, num_workers=1))
    pid, _ = next(iterator)
    wait_until(lambda: iterator._workers[0].connection.poll())  # it has begun to write the next
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(iterator)


def test_persistent_workers_that_died_are_replaced():
    loader = data.DataLoader(mapped(lambda i: os.getpid(), 4), None, num_workers=2, persistent_workers=True)
    first = list(loader)
    for pid in set(first):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(loader)
    assert not set(first) & set(list(loader))


def test_timeout(agree):
    def program(lib, data):
        return list(data.DataLoader(mapped(lambda i: time.sleep(1.5), 1, lib), None, num_workers=1, timeout=0.1))

    assert agree(program) == ("RuntimeError", "DataLoader timed out after 0.1 seconds")


def test_a_worker_that_can_not_be_started():
    with pytest.raises(Exception) as caught:
        iter(data.DataLoader(mapped(lambda i: i, 3), num_workers=2, multiprocessing_context="spawn"))
    assert "have to be picklable" in "".join(caught.value.__notes__)


# -------------------------------------------------------------------------------------------------------- how they leave


def pids_of(iterator):
    return [worker.process.pid for worker in iterator._workers]


@pytest.mark.parametrize("taken", [0, 3, None])
@pytest.mark.parametrize("persistent", [False, True])
def test_nobody_stays_when_the_iterator_is_dropped(taken, persistent):
    dataset = mapped(lambda i: np.zeros(200_000), 20)
    loader = data.DataLoader(dataset, 2, num_workers=2, persistent_workers=persistent, timeout=SOON)
    iterator = iter(loader)
    pids = pids_of(iterator)
    for _ in iterator if taken is None else range(taken):
        next(iterator, None)
    del iterator, loader
    gc.collect()
    assert all(map(gone, pids))


def test_those_who_do_not_listen_are_ended(monkeypatch):
    monkeypatch.setattr(workers, "PATIENCE", 0.2)
    iterator = iter(data.DataLoader(mapped(lambda i: time.sleep(100), 2), num_workers=2))
    pids = pids_of(iterator)
    began = time.monotonic()
    del iterator
    assert all(map(gone, pids)) and time.monotonic() - began < 4


def test_a_forked_copy_of_an_iterator_does_not_end_its_workers():
    iterator = iter(data.DataLoader(range(20), num_workers=1, timeout=SOON))
    child = multiprocessing.get_context("fork").Process(target=workers.dismiss, args=(os.getpid(), iterator._workers))
    child.start()
    child.join()
    assert child.exitcode == 0 and len(list(iterator)) == 20


def test_two_loaders_at_once():
    outer = data.DataLoader(range(4), num_workers=1, timeout=SOON)
    inner = data.DataLoader(range(3), num_workers=1, timeout=SOON)
    assert [(a.item(), b.item()) for a in outer for b in inner] == [(a, b) for a in range(4) for b in range(3)]


SCRIPT = """
import os, sys, time
import minitorch
from minitorch.utils.data import DataLoader, Dataset, worker

worker.PATIENCE = 0.3

class Slow(Dataset):
    def __len__(self):
        return 10**7  # more than anybody waits for

    def __getitem__(self, i):
        if i > 3:
            time.sleep(SLEEP)
        return i

iterator = iter(DataLoader(Slow(), num_workers=2, persistent_workers=PERSISTENT))
next(iterator)
print(*[w.process.pid for w in iterator._workers], flush=True)
"""


def run(ending, sleep=0.0, persistent=False):
    """A program of its own, in a process group of its own: the process and the pids of its workers."""
    script = SCRIPT.replace("SLEEP", str(sleep)).replace("PERSISTENT", str(persistent)) + ending
    program = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")]))},
    )  # fmt: skip
    return program, [int(pid) for pid in program.stdout.readline().split()]


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "keep = [iterator]; keep.append(keep)", "os._exit(0)"])
def test_nobody_stays_when_the_program_ends(ending, persistent):
    program, pids = run(ending, sleep=0.01, persistent=persistent)
    out, err = program.communicate(timeout=SOON)
    assert (program.returncode, out, err) == (0, "", "") and len(pids) == 2
    wait_until(lambda: all(map(gone, pids)))


@pytest.mark.parametrize("sleep", [0.0, 0.01, 100.0])
def test_nobody_stays_when_the_program_is_killed(sleep):
    program, pids = run("time.sleep(100)", sleep=sleep)
    program.kill()
    program.communicate(timeout=SOON)
    wait_until(lambda: all(map(gone, pids)))


@pytest.mark.parametrize("sleep", [0.0, 100.0], ids=["busy", "stuck"])
def test_ctrl_c(sleep):
    program, pids = run("for _ in range(10**9): next(iterator, None)", sleep=sleep)
    time.sleep(0.1)
    os.killpg(program.pid, signal.SIGINT)
    _, err = program.communicate(timeout=SOON)
    assert program.returncode == -signal.SIGINT
    assert err.count("Traceback") == 1 and err.strip().endswith("KeyboardInterrupt")
    wait_until(lambda: all(map(gone, pids)))


