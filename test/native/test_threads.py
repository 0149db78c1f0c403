"""Phases shared by threads: every chunk once, in any weather, and a clean end."""

import ctypes
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from minitorch.backends.threads import get_num_threads, set_num_threads
from minitorch.native import threads
from minitorch.native.link import link
from minitorch.native.threads import Block, runner, runtime_symbols

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="programs run on one thread here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),  # what these tests are about
]

# p: the phases' sums, how many phases, how many chunks, grain, work per chunk. Each chunk is counted once, in its own cell;
# each phase adds what the phase before left in the cell's neighbour, so that a phase that began too early shows.
PROGRAM = """
declare void @minitorch_parallel(ptr, ptr, ptr, i64, i64)

define void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end) {
entry:
  store i64 %begin, ptr %scratch
  %from.at = getelementptr ptr, ptr %p, i64 0
  %from = load ptr, ptr %from.at
  %to.at = getelementptr ptr, ptr %p, i64 1
  %to = load ptr, ptr %to.at
  %numbers.at = getelementptr ptr, ptr %p, i64 2
  %numbers = load ptr, ptr %numbers.at
  %chunks.at = getelementptr i64, ptr %numbers, i64 1
  %chunks = load i64, ptr %chunks.at
  %work.at = getelementptr i64, ptr %numbers, i64 3
  %work = load i64, ptr %work.at
  br label %chunk
chunk:
  %i = phi i64 [ %begin, %entry ], [ %i.next, %done ]
  %more = icmp slt i64 %i, %end
  br i1 %more, label %labour, label %end.
labour:
  %turn = phi i64 [ 0, %chunk ], [ %turn.next, %labour ]
  %turn.next = add i64 %turn, 1
  store volatile i64 %turn, ptr %scratch
  %again = icmp slt i64 %turn.next, %work
  br i1 %again, label %labour, label %done
done:
  %i.next = add i64 %i, 1
  %neighbour = urem i64 %i.next, %chunks
  %source = getelementptr i64, ptr %from, i64 %neighbour
  %old = load i64, ptr %source
  %place = getelementptr i64, ptr %to, i64 %i
  %new = add i64 %old, 1
  store i64 %new, ptr %place
  br label %chunk
end.:
  ret void
}

define void @main(ptr %pool, ptr %p) {
entry:
  %q = alloca [3 x ptr]
  %a = load ptr, ptr %p
  %b.at = getelementptr ptr, ptr %p, i64 1
  %b = load ptr, ptr %b.at
  %numbers.at = getelementptr ptr, ptr %p, i64 2
  %numbers = load ptr, ptr %numbers.at
  %q1 = getelementptr ptr, ptr %q, i64 1
  %q2 = getelementptr ptr, ptr %q, i64 2
  store ptr %numbers, ptr %q2
  %phases = load i64, ptr %numbers
  %chunks.at = getelementptr i64, ptr %numbers, i64 1
  %chunks = load i64, ptr %chunks.at
  %grain.at = getelementptr i64, ptr %numbers, i64 2
  %grain = load i64, ptr %grain.at
  br label %phase
phase:
  %i = phi i64 [ 0, %entry ], [ %i.next, %phase ]
  %from = phi ptr [ %a, %entry ], [ %to, %phase ]
  %to = phi ptr [ %b, %entry ], [ %from, %phase ]
  store ptr %from, ptr %q
  store ptr %to, ptr %q1
  call void @minitorch_parallel(ptr %pool, ptr @kernel, ptr %q, i64 %chunks, i64 %grain)
  %i.next = add i64 %i, 1
  %more = icmp slt i64 %i.next, %phases
  br i1 %more, label %phase, label %end
end:
  ret void
}
"""


def program():
    library = link(PROGRAM, symbols=runtime_symbols())
    return library, library.address("main")


LIBRARY, MAIN = program() if os.name == "posix" else (None, 0)


def counts(run, phases, chunks, grain=1, work=1):
    """What is in the cells after ``phases`` phases: each should hold their number."""
    cells = [(ctypes.c_int64 * chunks)() for _ in range(2)]
    numbers = (ctypes.c_int64 * 4)(phases, chunks, grain, work)
    table = (ctypes.c_void_p * 3)(*map(ctypes.addressof, [*cells, numbers]))
    run(ctypes.addressof(table))
    return set(cells[phases % 2])


@pytest.fixture(params=[1, 2, 5], autouse=True)
def size(request):
    before = get_num_threads()
    set_num_threads(request.param)
    yield request.param
    set_num_threads(before)


@pytest.mark.parametrize("phases, chunks, grain", [(1, 1, 1), (1, 2, 1), (3, 7, 2), (50, 100, 1), (50, 64, 16), (1, 5, 100)])
def test_each_chunk_of_each_phase_is_done_once(phases, chunks, grain):
    assert counts(runner(MAIN, 64), phases, chunks, grain) == {phases}


def test_the_pool_has_as_many_threads_as_was_said(size):
    counts(runner(MAIN, 64), 2, 8)
    assert size == 1 or len(threads.CREW.pool.threads) == size - 1


def test_alone_means_alone():
    counts(runner(MAIN, 64), 1, 8)
    threads.CREW.rest()
    assert counts(runner(MAIN, 64, share=False), 50, 8) == {50}
    assert threads.CREW.pool is None


def test_without_threads_of_the_system_s():
    library = link(PROGRAM, symbols={"minitorch_parallel": threads.runtime(False).address("minitorch_parallel")})
    assert counts(runner(library.address("main"), 64, share=False), 50, 8) == {50}


def test_many_phases(size):
    phases = 100_000 if size < 3 else 10_000  # more threads than cores: slow, and right
    assert counts(runner(MAIN, 64), phases, 4) == {phases}


def test_workers_that_went_to_sleep_are_woken_or_not_needed():
    run = runner(MAIN, 64)
    for _ in range(30):
        threading.Event().wait(0.003)  # a thread spins for about 50 microseconds
        assert counts(run, 3, 16, work=2000) == {3}


def test_many_threads_run_programs_at_once():
    run, wrong = runner(MAIN, 64), []

    def task(number):
        for phases in range(1, 40):
            if counts(run, phases, 3 + number, work=50) != {phases}:
                wrong.append((number, phases))

    tasks = [threading.Thread(target=task, args=(number,)) for number in range(8)]
    for each in tasks:
        each.start()
    for each in tasks:
        each.join()
    assert wrong == []


def hog(seconds):
    return subprocess.Popen([sys.executable, "-c", f"import time\nend = time.time() + {seconds}\nwhile time.time() < end: pass"])


def test_other_processes_on_every_core():
    hogs = [hog(60) for _ in range(os.cpu_count() or 1)]
    try:
        run = runner(MAIN, 64)
        for _ in range(20):
            assert counts(run, 50, 16, work=1000) == {50}
    finally:
        for each in hogs:
            each.kill()
            each.wait()


def test_all_at_once(size):
    """Busy cores, threads that run programs, and forks between them."""
    hogs = [hog(60) for _ in range(os.cpu_count() or 1)]
    run, wrong = runner(MAIN, 64), []

    def task():
        for phases in range(1, 60):
            if counts(run, phases, 16, work=100) != {phases}:
                wrong.append(phases)

    tasks = [threading.Thread(target=task) for _ in range(4)]
    try:
        for each in tasks:
            each.start()
        for _ in range(3):
            child = os.fork()
            if child == 0:
                os._exit(0 if counts(run, 5, 16) == {5} else 1)
            assert os.waitpid(child, 0)[1] == 0
        for each in tasks:
            each.join()
    finally:
        for each in hogs:
            each.kill()
            each.wait()
    assert wrong == []


def test_scratch_grows_between_programs():
    for scratch in (64, 10_000, 5_000_000, 64):
        assert counts(runner(MAIN, scratch), 3, 50) == {3}


def test_a_block_is_memory():
    block = Block(3 << 20)
    assert block.address % 4096 == 0 and ctypes.string_at(block.address + (3 << 20) - 8, 8) == bytes(8)


# ---------------------------------------------------------------------------------------------------------
# Forks and ends


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_both_sides_of_a_fork_go_on(size):
    run = runner(MAIN, 64)
    assert counts(run, 20, 16) == {20}
    child = os.fork()
    if child == 0:
        fine = counts(run, 20, 16) == {20} and (size == 1 or threads.CREW.pool.threads[0].is_alive())
        threads.CREW.at_exit()
        os._exit(0 if fine else 1)
    assert counts(run, 20, 16) == {20}
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_makes_two_of_a_block():
    block = Block(8)
    word = ctypes.c_int64.from_address(block.address)
    word.value = 1
    child = os.fork()
    if child == 0:
        word.value += 1
        os._exit(word.value)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert word.value == 1


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_fork_while_another_thread_runs_programs():
    run, stop = runner(MAIN, 64), threading.Event()

    def task():
        while not stop.is_set():
            counts(run, 20, 16, work=100)

    other = threading.Thread(target=task)
    other.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                os._exit(0 if counts(run, 5, 16) == {5} else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        other.join()


SCRIPT = """
import threading
from test_threads import MAIN, counts, runner, set_num_threads
set_num_threads({size})
run = runner(MAIN, 64)
assert counts(run, 100, 16) == {{100}}
{end}
"""

ENDS = {
    "at once": "",
    "while a thread runs": "threading.Thread(target=lambda: [counts(run, 50, 16, work=1000) for _ in range(9999)], daemon=True).start()",
    "asleep": "import time; time.sleep(0.05)",
    "exit": "raise SystemExit(0)",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_process_ends_cleanly(end, size):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    script = SCRIPT.format(size=size, end=ENDS[end])
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
