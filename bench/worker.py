"""One side of a comparison: ``python bench/worker.py torch 2`` (or minitorch), commanded by lines of JSON.

{"build": name}    builds a workload afresh; answers null
{"losses": n}      the losses of its next n steps
{"seconds": s}     runs it for about s seconds; answers the time of one step
{"memory": n}      n more steps; answers the resident memory, now and at its peak, in bytes

Between commands the process waits for a line, so it takes no core from the other side.
"""

import importlib
import json
import resource
import sys
import time

from workloads import WORKLOADS


def timed(step, seconds):
    """The mean time of a step, over about ``seconds``; a tenth of that goes before, to warm up and to count."""
    warm, elapsed = 0, 0.0
    start = time.perf_counter()
    while elapsed < seconds / 10:
        step()
        warm += 1
        elapsed = time.perf_counter() - start

    steps = max(1, int(warm * seconds / elapsed))
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps


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


def main(library, threads):
    torch = importlib.import_module(library)
    if library == "torch":
        torch.set_num_threads(threads)

    step = None
    for line in sys.stdin:
        (command, value), *_ = json.loads(line).items()
        answer = None
        if command == "build":
            step = WORKLOADS[value].build(torch)
        elif command == "losses":
            answer = [step().item() for _ in range(value)]
        elif command == "seconds":
            answer = timed(step, value)
        elif command == "memory":
            answer = memory(step, value)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
