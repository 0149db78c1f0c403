"""How much memory a training step takes: ours compiled, ours eager, and PyTorch's eager mode.

    python bench/memory.py
    python bench/memory.py --only GPT

Each number is of a process of its own that builds the model, and then does nothing but steps, in MB.

tensors  what parameters, their gradients, the optimizer's state and all that a step makes on its way take at its peak: as
         PyTorch's profiler and Python's tracemalloc see them being allocated; of a compiled step, its arena, its results and
         the gradients that lie elsewhere
working  the same without parameters and the optimizer's state, which are as large on each side

Resident memory, less what it was before the first step. Before that a small network is trained for some steps, so that the
libraries' code is there, LLVM's among it (``base``), and the heap gives back what is free. Nothing is in the cache on disk.

peak     the most there ever was, the first calls included, in which a function is recorded and compiled
steady   what is resident after 10 steps: gradients, the optimizer's state, what the steps work in, what the heap keeps
share    of our compiled step's tensors, working, peak and steady memory, in PyTorch's tensors, working and peak: PyTorch asks for
         that at each step
"""

import argparse
import importlib
import json
import math
import os
import subprocess
import sys
import tempfile
import tracemalloc

from models import STEPS
from worker import resident

from minitorch.native.heap import give_back

NAMES = [
    "GPT 4/4/128/64 b12 AdamW", "MNIST CNN b64 Adam", "residual net b32 SGD", "LSTM 128 64 steps b32 Adam", "MLP 784-256-10 b128 Adam"
]  # fmt: skip
SIDES = ["minitorch compiled", "minitorch", "torch"]
WARM, MEASURED = "MLP 2-16-16-1 b32 Adam", 10


def built(side, name):
    library, *compiled = side.split()
    torch = importlib.import_module(library)
    torch.set_num_threads(2)
    step = STEPS[name].build(torch)
    if compiled:
        step.function = torch.compile(step.function)
    return step


def measured(side, name):
    """In this process: (tensors, working, base, peak, steady) of a side, in bytes."""
    for kind in {"minitorch compiled", side} if side.startswith("minitorch") else {side}:
        warm = built(kind, WARM)
        for _ in range(MEASURED):
            warm()
    step = built(side, name)
    give_back()
    base, _ = resident()
    for _ in range(MEASURED):
        step()
    steady, peak = resident()
    kept = sum([p.numel() * p.element_size() for p in step.model.parameters()]) + sum(state_of(step))
    working = working_of(side, step)
    return kept + working, working, base, peak - base, steady - base


# --------------------------------------------------------------------------------------------------- what tensors take


def working_of(side, step):
    """What a step takes at its peak beside parameters and the optimizer's state."""
    gradients = sum([p.grad.numel() * p.grad.element_size() for p in step.model.parameters() if p.grad is not None])
    if side == "torch":
        return gradients + peak_of_torch(step)
    if side == "minitorch":
        return peak_of_python(step)
    (program,) = [x for s in step.function.signatures.values() for x in s.programs]
    plan = program.native.plan
    results = sum([math.prod(shape) * dtype.itemsize for shape, dtype in program.fresh])
    return plan.size + max(gradients, results) - sum([x.size * x.dtype.itemsize for x in plan.lent])


def state_of(step):
    """The bytes of each tensor that the optimizer keeps: it is what the step's function closes over."""
    function = getattr(step.function, "__wrapped__", step.function)
    for cell in function.__closure__:
        for state in getattr(cell.cell_contents, "state", {}).values():
            yield from [x.numel() * x.element_size() for x in state.values() if hasattr(x, "numel")]


def peak_of_torch(step):
    """The most that a step of PyTorch's allocates at a time, beside what it begins with, the gradients of the step before among it."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        step()
    events = [(e.start_ns(), e.nbytes()) for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    total = most = 0
    for _, size in sorted(events, key=lambda event: event[0]):
        total += size
        most = max(most, total)
    return most


def peak_of_python(step):
    """The most that a step of ours has allocated at a time; one before it allocates the gradients that it begins with."""
    tracemalloc.start()
    step()
    tracemalloc.reset_peak()
    step()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


# -------------------------------------------------------------------------------------------------------------- the table


def row(name):
    print(f"\n{name:26}  {'tensors':>7}  {'working':>7}  {'base':>6}  {'peak':>6}  {'steady':>6}")
    found = {}
    for side in SIDES:
        with tempfile.TemporaryDirectory() as cache:
            command = [sys.executable, __file__, "--measure", side, name]
            environment = {**os.environ, "MINITORCH_CACHE_DIR": cache}
            said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        found[side] = json.loads(said.splitlines()[-1])
        values = [f"{x / 1e6:6.1f}" for x in found[side]]
        print(f"  {side:24}  " + "  ".join([*[value.rjust(7) for value in values[:2]], *values[2:]]), flush=True)
    (ours, working, _, peak, steady), (theirs, all_theirs, _, most, _) = found["minitorch compiled"], found["torch"]
    shares = f"{ours / theirs:7.0%}  {working / all_theirs:7.0%}  {'':6}  {peak / most:6.0%}  {steady / most:6.0%}"
    print(f"  {'share of PyTorch':24}  {shares}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="workloads with this in their name")
    parser.add_argument("--measure", nargs=2, metavar=("SIDE", "NAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return print(json.dumps(measured(*options.measure)))
    for name in NAMES:
        if options.only in name:
            row(name)


if __name__ == "__main__":
    main()
