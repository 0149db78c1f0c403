"""One side of a comparison: ``python bench/worker.py torch 2``, commanded by lines of JSON.

The first word is the side: minitorch, torch, "minitorch compiled", "torch compiled" or jax; the second how many threads.

{"build": name}    builds a workload afresh; answers null
{"first": n}       the time of its next n steps together, and its processor time with that of processes that it started: with
                   the first ones, what compiling takes
{"losses": n}      the losses of its next n steps
{"seconds": s}     runs it for about s seconds; answers the time of one step
{"cpu": s}         the same by the process's own clock, which stands still while others have the core
{"memory": n}      n more steps; answers the resident memory, now and at its peak, in bytes

Between commands the process waits for a line, so it takes no core from the other side.
"""

import importlib
import json
import resource
import sys
import time

from models import STEPS
from others import OTHERS
from workloads import WORKLOADS

BUILDS = {**WORKLOADS, **STEPS, **OTHERS}


def timed(step, seconds, clock=time.perf_counter):
    """The mean time of a step, over about ``seconds``; a tenth of that goes before, to warm up and to count."""
    warm, elapsed = 0, 0.0
    start = clock()
    while elapsed < seconds / 10:
        step()
        warm += 1
        elapsed = clock() - start

    steps = max(1, int(warm * seconds / elapsed))
    start = clock()
    for _ in range(steps):
        step()
    return (clock() - start) / steps


def processor():
    """Seconds of this process, and of those that it started and waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(x.ru_utime + x.ru_stime for x in spent)


def first(step, number):
    start, spent = time.perf_counter(), processor()
    for _ in range(number):
        step()
    return time.perf_counter() - start, processor() - spent


def resident():
    """(now, peak). The kernel's own peak of this program, where it tells: getrusage's may be the parent's."""
    try:
        with open("/proc/self/status") as status:
            sizes = dict(line.split(":", 1) for line in status)
        return [int(sizes[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")]
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return [peak, peak]


def memory(step, steps):
    for _ in range(steps):
        step()
    return resident()


def builder(side, threads):
    """``build(name)`` of a side."""
    if side == "jax":
        return importlib.import_module("in_jax").build
    library, *compiled = side.split()
    torch = importlib.import_module(library)
    torch.set_num_threads(threads)

    def build(name):
        step = BUILDS[name].build(torch)
        if compiled:
            step.function = torch.compile(step.function)
        return step

    return build


def main(side, threads):
    build, step = builder(side, threads), None
    for line in sys.stdin:
        (command, value), *_ = json.loads(line).items()
        answer = None
        if command == "build":
            step = build(value)
        elif command == "first":
            answer = first(step, value)
        elif command == "losses":
            answer = [step().item() for _ in range(value)]
        elif command == "seconds":
            answer = timed(step, value)
        elif command == "cpu":
            answer = timed(step, value, time.process_time)
        elif command == "memory":
            answer = memory(step, value)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
