"""Compiled steps beside those of others, in turn in one run: ``make bench-compiled``. How to read it: README.md here.

    compiled       minitorch.compile(step)            torch           PyTorch's eager mode, which all are compared with
    minitorch      the same step, eager               torch compiled  torch.compile(step)
                                                      jax             jax.jit of the same step (in_jax.py)
"""

import argparse
import contextlib
import importlib.util
import os
import statistics
import tempfile
import time

from eager import PAUSE, TOLERANCE, Worker, readable, warn_if_busy
from models import STEPS
from others import OTHERS

SIDES = {
    "compiled": "minitorch compiled", "minitorch": "minitorch", "torch": "torch", "torch compiled": "torch compiled", "jax": "jax",
}  # fmt: skip
"""The columns, and what the workers call them."""

COMPILING = [name for name in SIDES if name not in ("minitorch", "torch")]
CALLS = 3
"""The first calls, in which every side has compiled what it is going to."""


def variables(folder, threads):
    """Where the sides keep what they compiled, and how JAX is told its threads."""
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" if threads == 1 else ""
    return {
        "MINITORCH_CACHE_DIR": folder, "TORCHINDUCTOR_CACHE_DIR": folder, "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "JAX_PLATFORMS": "cpu", "NPROC": str(threads), "XLA_FLAGS": flags,
    }  # fmt: skip


@contextlib.contextmanager
def workers(sides, threads, folder):
    made = {side: Worker(SIDES[side], threads, **variables(folder, threads)) for side in sides}
    try:
        yield made
    finally:
        for worker in made.values():
            worker.close()


def tolerance(name):
    return 10 * TOLERANCE if name in OTHERS else TOLERANCE


# ---------------------------------------------------------------------------------------------------------
# Measurements

def first_losses(made, name, steps=20):
    """{side: the largest relative difference of its first losses from PyTorch's}"""
    for worker in made.values():
        worker.ask(build=name)
    if name == "GPT 64 letters" or name in OTHERS:  # in some of these rounding grows a hundredfold in a step
        steps = 2
    found = {side: worker.ask(losses=steps) for side, worker in made.items()}
    return {
        side: max([abs(a - b) / abs(b) for a, b in zip(losses, found["torch"], strict=True)]) for side, losses in found.items()
    }


def times_of(made, rounds, seconds, clock):
    """{side: its times of a step}, round by round, in turn."""
    times: dict = {side: [] for side in made}
    for number in range(rounds):
        for side in made if number % 2 == 0 else reversed(made):
            time.sleep(PAUSE)
            times[side].append(made[side].ask(**{clock: seconds}))
    return times


def first_calls(name, sides, threads):
    """{side: (with empty caches, with what these calls left on disk)}: (seconds, processor time) of the first calls, each time
    in a fresh process."""
    found = {}
    for side in [side for side in sides if side in COMPILING]:
        with tempfile.TemporaryDirectory() as folder:
            both = []
            for _ in range(2):
                with workers([side], threads, folder) as made:
                    made[side].ask(build=name)
                    both.append(made[side].ask(first=CALLS))
            found[side] = both
    return found


# ---------------------------------------------------------------------------------------------------------
# The report

def row(name, times, differences):
    """The time of each side, and its speed over PyTorch's eager mode; "wrong" where the losses differ."""
    cells = []
    for side, values in times.items():
        speed = statistics.median([b / a for a, b in zip(values, times["torch"], strict=True)])
        cell = f"{readable(statistics.median(values))} {speed:7.2f}"
        cells.append(f"{cell}{' ' if differences[side] <= tolerance(name) else '!'}")
    best = min(times["torch"]) / min(times["compiled"])
    goal = {**STEPS, **OTHERS}[name].goal or ""
    return f"{name:27}{''.join([f'{cell:>23}' for cell in cells])} {best:7.2f} {goal:>6}  {differences['compiled']:7.0e}"


def report_steps(names, sides, chosen, threads):
    """Print a row for each workload. Gives whether all of our losses are PyTorch's."""
    clock = "cpu" if chosen.cpu else "seconds"
    print(f"{threads} thread{'s' * (threads > 1)}, {'CPU' if chosen.cpu else 'wall'} time of a step, speed over PyTorch's eager mode")
    print(f"{'':27}{''.join([f'{side:>22} ' for side in sides])} {'best':>7} {'goal':>6}   losses")
    agree = True
    for name in names:
        with tempfile.TemporaryDirectory() as folder, workers(sides, threads, folder) as made:
            differences = first_losses(made, name)
            print(row(name, times_of(made, chosen.rounds, chosen.seconds, clock), differences), flush=True)
            agree = agree and differences["compiled"] <= tolerance(name)
    print()
    return agree


def report_first(names, sides, threads):
    print(f"the first {CALLS} calls on {threads} thread{'s' * (threads > 1)}, in seconds (and of processor time):")
    print("with empty caches, and with what these left on disk")
    print(f"{'':27}{''.join([f'{side:>33}' for side in sides if side in COMPILING])}")
    for name in names:
        found = first_calls(name, sides, threads)
        cells = [f"{'  '.join([f'{wall:6.2f} ({cpu:6.2f})' for wall, cpu in both]):>33}" for both in found.values()]
        print(f"{name:27}{''.join(cells)}", flush=True)


def arguments():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="", help="workloads whose name contains this, and nothing else")
    options.add_argument("--others", action="store_true", help="steps that the compiler wasn't made for (others.py) instead")
    options.add_argument("--threads", default="1,2", help="for all sides; several numbers are several tables")
    options.add_argument("--sides", default=",".join(SIDES), help="some of these, with commas between")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=0.5, help="length of one side's round")
    options.add_argument("--cpu", action="store_true", help="CPU time instead of wall time: for one thread on a busy machine")
    options.add_argument("--first-only", action="store_true", help="nothing but the first calls")
    options.add_argument("--no-first", action="store_true", help="leave out the first calls, which take minutes")
    return options.parse_args()


def main():
    chosen = arguments()
    warn_if_busy()
    names = [name for name in (OTHERS if chosen.others else STEPS) if chosen.only in name]
    if not names:
        raise SystemExit(f"no workload's name contains {chosen.only!r}")
    sides = [side for side in SIDES if side in {*chosen.sides.split(","), "compiled", "torch"}]
    if chosen.others and "jax" in sides:
        sides.remove("jax")  # in_jax.py has none of them
    if "jax" in sides and importlib.util.find_spec("jax") is None:
        print("JAX isn't installed (it comes with the extra `bench`): its column is left out\n")
        sides.remove("jax")
    os.environ.pop("MINITORCH_CACHE", None)
    tables = [] if chosen.first_only else chosen.threads.split(",")
    agree = [report_steps(names, sides, chosen, int(threads)) for threads in tables]
    if not chosen.no_first:
        report_first([name for name in names if not name.startswith("width")], sides, int(chosen.threads.split(",")[-1]))
    if not all(agree):
        raise SystemExit("losses differ by more than they may: one side computes something else")


if __name__ == "__main__":
    main()
