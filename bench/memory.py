"""How much memory a training step takes: ours compiled, ours eager, and PyTorch's eager mode.

    python bench/memory.py
    python bench/memory.py --only GPT

Each number is of a process of its own that builds the model, and then does nothing but steps: resident memory, in MB, less
what it was before the first step. The libraries are loaded by then, LLVM among them; what that takes stands in ``base``.

peak     the most there ever was, the first calls included, in which a function is recorded and compiled
steady   what is resident after 10 steps: gradients, the optimizer's state, and what the steps work in
arena    of that, what the compiled program computes in
share    our compiled peak and steady memory, as shares of PyTorch's peak
"""

import argparse
import importlib
import json
import subprocess
import sys

from models import STEPS
from worker import resident

NAMES = ["GPT 4/4/128/64 b12 AdamW", "MNIST CNN b64 Adam", "MLP 784-256-10 b128 Adam"]
SIDES = ["minitorch compiled", "minitorch", "torch"]
WARM, MEASURED = 3, 10


def measured(side, name):
    """In this process: (base, peak, steady, arena) of a side, in bytes."""
    library, *compiled = side.split()
    torch = importlib.import_module(library)
    torch.set_num_threads(2)
    doubled = torch.compile(lambda x: x * 2) if library == "minitorch" else lambda x: x * 2
    for _ in range(WARM):
        doubled(torch.ones(4))
    step = STEPS[name].build(torch)
    if compiled:
        step.function = torch.compile(step.function)
    base, _ = resident()
    for _ in range(MEASURED):
        step()
    steady, peak = resident()
    arena = sum([x.native.plan.size for s in step.function.signatures.values() for x in s.programs]) if compiled else 0
    return base, peak - base, steady - base, arena


def row(name):
    print(f"\n{name:24}  {'base':>6}  {'peak':>6}  {'steady':>6}  {'arena':>6}")
    found = {}
    for side in SIDES:
        command = [sys.executable, __file__, "--measure", side, name]
        found[side] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"  {side:22}  " + "  ".join([f"{x / 1e6:6.1f}" for x in found[side]]), flush=True)
    (_, peak, steady, _), (_, theirs, *_) = found["minitorch compiled"], found["torch"]
    print(f"  {'share of PyTorch':22}  {'':6}  {peak / theirs:6.0%}  {steady / theirs:6.0%}")


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
