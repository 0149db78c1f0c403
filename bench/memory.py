"""How much memory a training step takes: ours compiled, ours eager, and PyTorch's eager mode.

    python bench/memory.py
    python bench/memory.py --only GPT

Each number is of a process of its own that builds the model, and then does nothing but steps, in MB.

tensors  what parameters, their gradients, the optimizer's state and all that a step makes on its way take at its peak: as
         PyTorch's profiler and Python's tracemalloc see them being allocated; of a compiled step, its arena, and the gradients
         that lie elsewhere

Resident memory, less what it was before the first step. Before that a small network is trained for some steps, so that the
libraries' code is there, LLVM's among it (``base``), and the heap gives back what is free. Nothing is in the cache on disk.

peak     the most there ever was, the first calls included, in which a function is recorded and compiled
steady   what is resident after 10 steps: gradients, the optimizer's state, what the steps work in, what the heap keeps
share    of our compiled step's tensors, peak and steady memory, in PyTorch's tensors and peak: PyTorch asks for that at each step
"""

import argparse
import importlib
import json
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
    """In this process: (tensors, base, peak, steady) of a side, in bytes."""
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
    return tensors(side, step), base, peak - base, steady - base


# --------------------------------------------------------------------------------------------------- what tensors take


def tensors(side, step):
    parameters = list(step.model.parameters())
    kept = sum([p.numel() * p.element_size() for p in parameters]) + sum(state_of(step))
    if side == "torch":
        return kept + peak_of_torch(step)
    if side == "minitorch":
        return kept + peak_of_python(step)
    (program,) = [x for s in step.function.signatures.values() for x in s.programs]
    plan = program.native.plan
    apart = sum([p.grad.numel() * p.grad.element_size() for p in parameters]) - sum([x.size * x.dtype.itemsize for x in plan.lent])
    return kept + plan.size + apart


def state_of(step):
    """The bytes of each tensor that the optimizer keeps: it is what the step's function closes over."""
    function = getattr(step.function, "__wrapped__", step.function)
    for cell in function.__closure__:
        for state in getattr(cell.cell_contents, "state", {}).values():
            yield from [x.numel() * x.element_size() for x in state.values() if hasattr(x, "numel")]


def peak_of_torch(step):
    """The most that a step of PyTorch's allocates at a time, without what it begins with."""
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
    """The same of ours: the gradients that it begins with are gone before the first new one comes."""
    for p in step.model.parameters():
        p.grad = None
    tracemalloc.start()
    step()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


# -------------------------------------------------------------------------------------------------------------- the table


def row(name):
    print(f"\n{name:26}  {'tensors':>7}  {'base':>6}  {'peak':>6}  {'steady':>6}")
    found = {}
    for side in SIDES:
        with tempfile.TemporaryDirectory() as cache:
            command = [sys.executable, __file__, "--measure", side, name]
            environment = {**os.environ, "MINITORCH_CACHE_DIR": cache}
            said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        found[side] = json.loads(said.splitlines()[-1])
        values = [f"{x / 1e6:6.1f}" for x in found[side]]
        print(f"  {side:24}  " + "  ".join([values[0].rjust(7), *values[1:]]), flush=True)
    (ours, _, peak, steady), (theirs, _, most, _) = found["minitorch compiled"], found["torch"]
    print(f"  {'share of PyTorch':24}  {ours / theirs:7.0%}  {'':6}  {peak / most:6.0%}  {steady / most:6.0%}")


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
