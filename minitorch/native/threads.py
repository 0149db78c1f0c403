"""Several threads in one program: chunks of a phase, claimed one by one.

A program is a native function ``void @main(ptr %pool, ptr %p)``: ``p`` is its table of pointers. It is a row of phases,
each a kernel ``void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)`` that does a range of chunks, with memory of
the thread's own in ``scratch``. For each phase it calls

    call void @minitorch_parallel(ptr %pool, ptr @kernel, ptr %p, i64 %chunks, i64 %grain)

and when that returns, all chunks are done:

    main        publishes the job ─ claims ─ claims ─ claims ─ no chunk left: waits until all are done
    worker      spins … sees it ─── claims ─ claims ─ spins … sleeps
    worker      asleep, is woken ───────────────────── too late: nobody waited for it

A phase ends when the last chunk is done, not when every thread has arrived: a worker that another process keeps from
running costs nothing but its help. (With fixed shares and a barrier, 1.4 ms became 12-21 ms as soon as a second process
took a core.) A worker may also lose its core in the middle of a chunk. The main thread must wait for that one, but then
works alone for ten times as long, so that a busy machine costs a tenth at most.

All there is to claim is one word, the ticket: job number and chunks left. A claim is a compare-and-swap on it, so whoever
read an old job's words fails.

The workers are Python's threads, each inside one long native call that holds no lock of Python's. They spin for some
50 microseconds after a job and then sleep. There is one pool in the process; a thread that finds it busy runs its
program alone. Before a fork the workers end, and both processes start new ones when they need them.

torch: aten/src/ATen/ParallelOpenMP.h
"""

import atexit
import ctypes
import mmap
import os
import threading
import time
from functools import lru_cache
from string import Template
from weakref import WeakSet

from ..backends.threads import POOL, get_num_threads
from .link import host, job_of, link
from .worklist import EXPECTED

__all__ = ["Block", "SCRATCH", "runner", "runtime_symbols", "team"]

# Where things lie in a pool, counted in words of 8 bytes. What is written often has two cache lines to itself.
TICKET, DONE, KERNEL, TABLE, CHUNKS, GRAIN, SLEEPING, STOP, WORKERS, ALONE = 0, 16, 32, 33, 34, 35, 48, 49, 50, 51
MUTEX, CONDITION, SCRATCH = 64, 80, 96
MOST = 256
"""Threads, at most."""

SPINS = 2000
"""Pauses before a thread sleeps: about 50 microseconds."""

PAUSES = {"x86_64": "call void @llvm.x86.sse2.pause()", "aarch64": "call void @llvm.aarch64.hint(i32 1)"}
PAUSES["arm64"] = PAUSES["aarch64"]

TEXT = Template("""
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @usleep(i32)
declare i32 @clock_gettime(i32, ptr)

define void @minitorch_prepare(ptr %pool) {
  %mutex = getelementptr i64, ptr %pool, i64 $MUTEX
  %condition = getelementptr i64, ptr %pool, i64 $CONDITION
  call i32 @pthread_mutex_init(ptr %mutex, ptr null)
  call i32 @pthread_cond_init(ptr %condition, ptr null)
  ret void
}

; ------------------------------------------------------------------------------------------------- the main thread

define void @minitorch_parallel(ptr %pool, ptr %kernel, ptr %p, i64 %chunks, i64 %grain) {
  %scratch.at = getelementptr i64, ptr %pool, i64 $SCRATCH
  %scratch = load ptr, ptr %scratch.at
  %workers.at = getelementptr i64, ptr %pool, i64 $WORKERS
  %workers = load i64, ptr %workers.at
  %nobody = icmp eq i64 %workers, 0
  %little = icmp sle i64 %chunks, %grain
  %alone = or i1 %nobody, %little
  br i1 %alone, label %whole, label %share
whole:
  call void %kernel(ptr %p, ptr %scratch, i64 0, i64 %chunks)
  ret void
share:
  %start = call i64 @now()
  %until.at = getelementptr i64, ptr %pool, i64 $ALONE
  %until = load i64, ptr %until.at
  %shy = icmp slt i64 %start, %until
  br i1 %shy, label %whole, label %publish

publish:                                          ; nothing is left of the last job: nobody uses these words
  %kernel.at = getelementptr i64, ptr %pool, i64 $KERNEL
  %table.at = getelementptr i64, ptr %pool, i64 $TABLE
  %chunks.at = getelementptr i64, ptr %pool, i64 $CHUNKS
  %grain.at = getelementptr i64, ptr %pool, i64 $GRAIN
  %done.at = getelementptr i64, ptr %pool, i64 $DONE
  store atomic ptr %kernel, ptr %kernel.at release, align 8
  store atomic ptr %p, ptr %table.at release, align 8
  store atomic i64 %chunks, ptr %chunks.at release, align 8
  store atomic i64 %grain, ptr %grain.at release, align 8
  store atomic i64 0, ptr %done.at release, align 8
  %last = load atomic i64, ptr %pool monotonic, align 8
  %job = add i64 %last, 4294967296                ; the number of the job, in the upper half; the lower half is 0
  %ticket = or i64 %job, %chunks
  store atomic i64 %ticket, ptr %pool seq_cst, align 8
  %sleeping.at = getelementptr i64, ptr %pool, i64 $SLEEPING
  %sleeping = load atomic i64, ptr %sleeping.at seq_cst, align 8
  %awake = icmp eq i64 %sleeping, 0
  br i1 %awake, label %take.part, label %wake
wake:
  call void @minitorch_wake(ptr %pool)
  br label %take.part
take.part:
  call void @work(ptr %pool, ptr %scratch)
  %idle = call i64 @now()
  br label %look

look:                                             ; until the last chunk is done, whoever does it
  %turn = phi i64 [ 0, %take.part ], [ %turn.next, %wait ]
  %turn.next = add i64 %turn, 1
  %done = load atomic i64, ptr %done.at acquire, align 8
  %finished = icmp eq i64 %done, %chunks
  br i1 %finished, label %end, label %wait.how
wait.how:
  %soon = icmp ult i64 %turn, $SPINS
  br i1 %soon, label %wait.short, label %wait.long
wait.short:
  $PAUSE
  br label %wait
wait.long:                                        ; perhaps its thread was put off its core: leave it ours
  call i32 @usleep(i32 50)
  br label %wait
wait:
  br label %look
end:
  %quick = icmp ule i64 %turn, $SPINS
  br i1 %quick, label %back, label %judge
judge:                                            ; we took from start to idle; twice as much is what a chunk may take
  %now = call i64 @now()
  %waited = sub i64 %now, %idle
  %worked = sub i64 %idle, %start
  %fair = mul i64 %worked, 2
  %lost = sub i64 %waited, %fair
  %long = icmp sgt i64 %lost, 0
  br i1 %long, label %punish, label %back
punish:
  %penalty = mul i64 %lost, 10
  %then = add i64 %now, %penalty
  store i64 %then, ptr %until.at
  br label %back
back:
  ret void
}

define internal i64 @now() {                      ; nanoseconds
  %time = alloca [2 x i64]
  call i32 @clock_gettime(i32 $CLOCK, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr i64, ptr %time, i64 1
  %rest = load i64, ptr %rest.at
  %whole = mul i64 %seconds, 1000000000
  %sum = add i64 %whole, %rest
  ret i64 %sum
}

define void @minitorch_wake(ptr %pool) {
  %mutex = getelementptr i64, ptr %pool, i64 $MUTEX
  %condition = getelementptr i64, ptr %pool, i64 $CONDITION
  %sleeping.at = getelementptr i64, ptr %pool, i64 $SLEEPING
  call i32 @pthread_mutex_lock(ptr %mutex)
  store atomic i64 0, ptr %sleeping.at seq_cst, align 8
  call i32 @pthread_cond_broadcast(ptr %condition)
  call i32 @pthread_mutex_unlock(ptr %mutex)
  ret void
}

; ------------------------------------------------------------------------------------------------------- all threads

define internal void @work(ptr %pool, ptr %scratch) {
  %kernel.at = getelementptr i64, ptr %pool, i64 $KERNEL
  %table.at = getelementptr i64, ptr %pool, i64 $TABLE
  %chunks.at = getelementptr i64, ptr %pool, i64 $CHUNKS
  %grain.at = getelementptr i64, ptr %pool, i64 $GRAIN
  %done.at = getelementptr i64, ptr %pool, i64 $DONE
  br label %look
look:
  %ticket = load atomic i64, ptr %pool acquire, align 8
  %left = and i64 %ticket, 4294967295
  %none = icmp eq i64 %left, 0
  br i1 %none, label %end, label %claim
claim:                                            ; these words may be a later job's: then the ticket has changed too
  %kernel = load atomic ptr, ptr %kernel.at acquire, align 8
  %p = load atomic ptr, ptr %table.at acquire, align 8
  %chunks = load atomic i64, ptr %chunks.at acquire, align 8
  %grain = load atomic i64, ptr %grain.at acquire, align 8
  %take = call i64 @llvm.smin.i64(i64 %left, i64 %grain)
  %rest = sub i64 %ticket, %take
  %swap = cmpxchg ptr %pool, i64 %ticket, i64 %rest acq_rel monotonic, align 8
  %ours = extractvalue { i64, i1 } %swap, 1
  br i1 %ours, label %run, label %look
run:
  %begin = sub i64 %chunks, %left
  %until = add i64 %begin, %take
  call void %kernel(ptr %p, ptr %scratch, i64 %begin, i64 %until)
  %before = atomicrmw add ptr %done.at, i64 %take acq_rel, align 8
  br label %look
end:
  ret void
}

; ----------------------------------------------------------------------------------------------------------- a worker

define void @minitorch_worker(ptr %pool, i64 %number) {
entry:
  %mutex = getelementptr i64, ptr %pool, i64 $MUTEX
  %condition = getelementptr i64, ptr %pool, i64 $CONDITION
  %sleeping.at = getelementptr i64, ptr %pool, i64 $SLEEPING
  %stop.at = getelementptr i64, ptr %pool, i64 $STOP
  %scratches = getelementptr i64, ptr %pool, i64 $SCRATCH
  %scratch.at = getelementptr i64, ptr %scratches, i64 %number
  br label %look
look:
  %turn = phi i64 [ 0, %entry ], [ 0, %work ], [ 0, %slept ], [ %turn.next, %spin ]
  %turn.next = add i64 %turn, 1
  %ticket = load atomic i64, ptr %pool acquire, align 8
  %left = and i64 %ticket, 4294967295
  %some = icmp ne i64 %left, 0
  br i1 %some, label %work, label %idle
work:
  %scratch = load ptr, ptr %scratch.at
  call void @work(ptr %pool, ptr %scratch)
  br label %look
idle:
  %stop = load atomic i64, ptr %stop.at acquire, align 8
  %over = icmp ne i64 %stop, 0
  br i1 %over, label %end, label %stay
stay:
  %soon = icmp ult i64 %turn, $SPINS
  br i1 %soon, label %spin, label %sleep
spin:
  $PAUSE
  br label %look

sleep:                                            ; first say so, then look once more: whoever publishes does the reverse
  call i32 @pthread_mutex_lock(ptr %mutex)
  store atomic i64 1, ptr %sleeping.at seq_cst, align 8
  %ticket.again = load atomic i64, ptr %pool seq_cst, align 8
  %left.again = and i64 %ticket.again, 4294967295
  %stop.again = load atomic i64, ptr %stop.at seq_cst, align 8
  %reasons = or i64 %left.again, %stop.again
  %nothing = icmp eq i64 %reasons, 0
  br i1 %nothing, label %doze, label %slept
doze:
  call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %slept
slept:
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %look
end:
  ret void
}
""")


SHARED = os.name == "posix"
"""Elsewhere there are no such mutexes: every program runs on its caller's thread."""

TEXT_ALONE = Template("""
define void @minitorch_parallel(ptr %pool, ptr %kernel, ptr %p, i64 %chunks, i64 %grain) {
  %scratch.at = getelementptr i64, ptr %pool, i64 $SCRATCH
  %scratch = load ptr, ptr %scratch.at
  call void %kernel(ptr %p, ptr %scratch, i64 0, i64 %chunks)
  ret void
}
""")


@lru_cache(None)
def runtime(shared=SHARED):
    """The functions above, linked: one library for the process."""
    return link(runtime_text(shared), level="vectors")  # LLVM's passes would gain nothing


def runtime_text(shared=SHARED):
    words = {name: value for name, value in globals().items() if isinstance(value, int)}
    if not shared:
        return TEXT_ALONE.substitute(words)
    pause = PAUSES.get(host().triple.split("-")[0], "")
    return TEXT.substitute(words, PAUSE=pause, CLOCK=time.CLOCK_MONOTONIC)


EXPECTED.append(lambda: job_of(runtime_text(), host(), "vectors"))


def runtime_symbols():
    """What a program's text may call: {"minitorch_parallel": address}."""
    return {"minitorch_parallel": runtime().address("minitorch_parallel")}


class Block:
    """Memory outside Python's heap: ``size`` bytes of zeros at ``address``, at the start of a page. A fork makes two of it."""

    def __init__(self, size):
        self.size = max(size, 1)
        private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if os.name == "posix" else {}
        self.memory = mmap.mmap(-1, self.size, **private)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        if hasattr(mmap, "MADV_HUGEPAGE") and size >= 1 << 21:
            self.memory.madvise(mmap.MADV_HUGEPAGE)  # large pages: fewer faults, fewer misses of the address cache


class Team:
    """What one program needs to run: the words of a pool, and scratch for each of its threads."""

    def __init__(self):
        self.words = Block(8 * (SCRATCH + MOST))
        self.address = self.words.address
        self.scratch, self.room = [Block(0)], 0
        self.busy = threading.RLock()
        self.point()

    def put(self, word, value):
        ctypes.c_int64.from_address(self.address + 8 * word).value = value

    def point(self):
        for number, block in enumerate(self.scratch):
            self.put(SCRATCH + number, block.address)

    def reserve(self, size):
        """Let each thread have ``size`` bytes of scratch. No program may be running."""
        if size > self.room:
            self.scratch = [Block(size) for _ in self.scratch]
            self.room = size
            self.point()


class Pool(Team):
    """A team with workers."""

    def __init__(self, workers):
        super().__init__()
        call(runtime().address("minitorch_prepare"), self.address)
        self.scratch = [Block(0) for _ in range(workers + 1)]
        self.point()
        self.threads = []
        for number in range(1, workers + 1):
            self.start(number)
        self.put(WORKERS, len(self.threads))

    def start(self, number):
        address, pool = runtime().address("minitorch_worker"), self.address
        thread = threading.Thread(target=call, args=(address, pool, number), daemon=True, name=f"minitorch {number}")
        try:
            thread.start()
        except RuntimeError:
            return  # no more threads here, or Python is about to end: the others do the work
        self.threads.append(thread)

    def stop(self):
        """End the workers. No program may be running."""
        self.put(STOP, 1)
        call(runtime().address("minitorch_wake"), self.address)
        for thread in self.threads:
            thread.join()
        self.put(WORKERS, 0)


def call(address, *arguments):
    """Call a native function of pointers and integers, without Python's lock."""
    kinds = [ctypes.c_void_p if isinstance(argument, int) else None for argument in arguments]
    ctypes.CFUNCTYPE(None, *kinds)(address)(*arguments)


# ------------------------------------------------------------------------------------------------- who runs with whom


class Crew:
    """The process's one pool: made when a program first shares its work, and anew when the number of threads changes."""

    def __init__(self):
        self.busy = threading.Lock()
        self.pool, self.size, self.over = None, 0, not SHARED

    def pool_of(self, size):
        """The pool, with ``size`` threads. Only for whoever holds ``busy``."""
        if size != self.size:
            self.rest()
            POOL.rivals = True
            self.pool, self.size = Pool(min(size, MOST) - 1), size
        return self.pool

    def rest(self):
        """End the workers, until they are needed again."""
        if self.pool is not None:
            self.pool.stop()
        self.pool, self.size = None, 0

    def before_fork(self):
        if self.busy.acquire(timeout=10):
            self.rest()

    def after_fork(self):
        if self.busy.locked():
            self.busy.release()

    def in_child(self):
        self.busy = threading.Lock()
        self.pool, self.size = None, 0  # its workers, if it had any, are in the parent, as are the other threads
        TEAMS.clear()
        TEAMS.add(OWN.team)

    def at_exit(self):
        """When Python ends it takes away the code and the memory: no thread may be in it then, nor enter it again."""
        self.over = True
        with self.busy:
            self.rest()
        for team in set(TEAMS) - {OWN.team}:
            team.busy.acquire(timeout=10)  # and never released


class Own(threading.local):
    """What a thread runs its program with when it runs alone."""

    def __init__(self):
        self.team = Team()
        TEAMS.add(self.team)


TEAMS = WeakSet()
"""Of all threads that ran a program alone."""

CREW, OWN = Crew(), Own()
atexit.register(CREW.at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=CREW.before_fork, after_in_parent=CREW.after_fork, after_in_child=CREW.in_child)


def team(scratch):
    """What one program needs to run on its caller's thread alone: give its ``address`` to the main function.

    One thread may use it at a time.
    """
    made = Team()
    made.reserve(scratch)
    return made


def runner(address, scratch=0, share=True):
    """A function of a table's address that runs the program whose main function lies at ``address``.

    Each thread gets ``scratch`` bytes. With ``share`` the pool's threads help, unless another program has them: then,
    and without ``share``, the program runs on the caller's thread alone. Any number of threads may call it at once, if
    each brings a table of its own.
    """
    main = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address)

    def alone(table):
        team = OWN.team
        with team.busy:
            team.reserve(scratch)
            main(team.address, table)

    def together(table):
        size = get_num_threads()
        if size == 1 or CREW.over or not CREW.busy.acquire(blocking=False):
            return alone(table)
        try:
            pool = CREW.pool_of(size)
            pool.reserve(scratch)
            main(pool.address, table)
        finally:
            CREW.busy.release()

    return together if share else alone
