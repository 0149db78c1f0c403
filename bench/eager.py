"""minitorch against PyTorch's eager mode, side by side in one run: ``make bench``. How to read it: README.md here.

Each library has a process of its own, and only one of the two works at a time. They take short rounds in turn
(ours, theirs, theirs, ours), so that a machine that slows down slows both; the ratio is taken round by round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from workloads import WORKLOADS

HERE = Path(__file__).resolve().parent
LIBRARIES = ("minitorch", "torch")
WHOLE = "minitorch.nn, minitorch.optim"  # what `import minitorch` leaves until it is used

PAUSE = 0.25  # seconds until the thread pool of the side that worked last has stopped spinning
TOLERANCE = 1e-4  # relative, between the losses of both
BUSY = 0.7  # cores that others use


# ---------------------------------------------------------------------------------------------------------
# Processes

def environment(threads):
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    # Bytecode is kept, as that of an installed package is: compiling ours at each start would be timed as its import.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **limits, "PYTHONPATH": path}


class Worker:
    """A process that has one of the libraries loaded and does what it is told."""

    def __init__(self, side, threads, **variables):
        command = [sys.executable, str(HERE / "worker.py"), side, str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**environment(threads), **variables}
        )

    def ask(self, **command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker ended at {command}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---------------------------------------------------------------------------------------------------------
# Measurements

def compare(workers, name, rounds, seconds):
    """The times of one step, a list for each side: {"minitorch": [...], "torch": [...]}"""
    times = {library: [] for library in LIBRARIES}
    for number in range(rounds):
        for library in LIBRARIES if number % 2 == 0 else reversed(LIBRARIES):
            time.sleep(PAUSE)
            times[library].append(workers[library].ask(seconds=seconds) / WORKLOADS[name].operations)
    return times


def losses_agree(workers, name, steps):
    """The largest relative difference between both sides' first losses; None where a workload has no loss."""
    for worker in workers.values():
        worker.ask(build=name)
    if WORKLOADS[name].operations > 1:
        return None

    ours, theirs = [workers[library].ask(losses=steps) for library in LIBRARIES]
    return max(abs(a - b) / abs(b) for a, b in zip(ours, theirs, strict=True))


def import_seconds(module, threads):
    script = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment(threads)
    )
    return float(done.stdout)


def import_times(rounds, threads):
    """In turn, each in a fresh process; the first round fills the caches and isn't counted."""
    modules = ("numpy", "minitorch", WHOLE, "torch")
    table = [[import_seconds(module, threads) for module in modules] for _ in range(rounds + 1)][1:]
    return {module: [row[i] for row in table] for i, module in enumerate(modules)}


def memory_use(threads, steps=200):
    """{"minitorch": (now, peak), "torch": (now, peak)} in bytes, after some steps of the MNIST MLP."""
    sizes = {}
    for library in LIBRARIES:
        worker = Worker(library, threads)
        worker.ask(build="MLP 784-256-10, Adam")
        sizes[library] = worker.ask(memory=steps)
        worker.close()
    return sizes


# ---------------------------------------------------------------------------------------------------------
# The report

def spread(values):
    """median [lower quartile, upper quartile]"""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return statistics.median(values), low, high


def readable(seconds):
    return f"{seconds * 1e6:9.2f} us" if seconds < 1e-3 else f"{seconds * 1e3:9.2f} ms"


def speed_row(name, times, difference):
    ours, theirs = statistics.median(times["minitorch"]), statistics.median(times["torch"])
    ratios = [b / a for a, b in zip(times["minitorch"], times["torch"], strict=True)]
    ratio, low, high = spread(ratios)

    goal = WORKLOADS[name].goal
    goal = "" if goal is None else f"{goal:.1f}"
    agreement = "" if difference is None else f"{difference:.0e}"
    best = min(times["torch"]) / min(times["minitorch"])
    quartiles = f"[{low:.2f}, {high:.2f}]"
    return f"{name:28} {readable(ours)} {readable(theirs)} {ratio:8.2f}  {quartiles:14} {best:6.2f}  {goal:>5}  {agreement:>7}"


def report_speed(names, rounds, seconds, threads):
    """Print a row for each workload; False if any pair of losses disagrees."""
    header = f"{'minitorch':>12} {'PyTorch':>12} {'speed':>8}  {'quartiles':14} {'best':>6}  {'goal':>5}  {'losses':>7}"
    print(f"{'one operation or one step':28} {header}")
    workers = {library: Worker(library, threads) for library in LIBRARIES}
    agree = True
    for name in names:
        difference = losses_agree(workers, name, steps=20)
        print(speed_row(name, compare(workers, name, rounds, seconds), difference), flush=True)
        agree = agree and (difference is None or difference <= TOLERANCE)

    for worker in workers.values():
        worker.close()
    return agree


def report_import(rounds, threads):
    times = import_times(rounds, threads)
    print(f"\nimport numpy {statistics.median(times['numpy']) * 1e3:.0f} ms, torch {statistics.median(times['torch']) * 1e3:.0f} ms")
    for module in ("minitorch", WHOLE):
        over = [(b - a) * 1e3 for a, b in zip(times["numpy"], times[module], strict=True)]
        value, low, high = spread(over)
        print(f"import {module}: {value:.0f} ms over numpy  [{low:.0f}, {high:.0f}]  (goal: 60 ms at most)")


def report_memory(threads):
    sizes = memory_use(threads)
    print("\nresident memory of the MNIST MLP run   minitorch   PyTorch   share")
    for position, label in enumerate(("after 200 steps", "at its peak")):
        ours, theirs = sizes["minitorch"][position], sizes["torch"][position]
        print(f"{label:37} {ours / 2**20:8.0f} M {theirs / 2**20:7.0f} M {ours / theirs:7.2f}  (goal: under 0.33)")


def warn_if_busy():
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"This machine is busy (load {load:.1f}). A thread that loses its core makes the others wait, which hurts")
        print("PyTorch's pool most: trust no ratio here that is far from the one in the column `best`.\n")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="", help="workloads whose name contains this, and nothing else")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--seconds", type=float, default=0.25, help="length of one side's round")
    options.add_argument("--threads", type=int, default=2, help="for both sides")
    chosen = options.parse_args()

    warn_if_busy()
    names = [name for name in WORKLOADS if chosen.only in name]
    agree = report_speed(names, chosen.rounds, chosen.seconds, chosen.threads)
    if not chosen.only:
        report_import(chosen.rounds, chosen.threads)
        report_memory(chosen.threads)
    if not agree:
        raise SystemExit(f"losses differ by more than {TOLERANCE}: one side computes something else")


if __name__ == "__main__":
    main()
