"""Everything that is to be seen on a GPU, in one call of less than ten minutes: ``python bench/gpu.py``. See README.md here.

    checks     the tests of test/device on the GPU; the losses of programs there beside those on the CPU; of each step too, and PyTorch's
    times      of four training steps: ours compiled and eager, torch.compile with CUDA graphs and PyTorch eager, in turn
    kernels    of each compiled step: its time, and its share of what the GPU can do for its bytes and its operations
    memory     the most that tensors had together in a step
    races      what NVIDIA's sanitizer finds in small steps, if it is installed and time is left

What fails is reported in its place, and the rest goes on. All of it is also written to a file of JSON (``--out``).
``--others`` measures the steps of gpu_others instead, which the compiler wasn't made for, without the checks.
``--dry`` goes through the same on the CPU, with steps of toy size: it shows that this script works, and no time of use.
"""

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from eager import HERE, environment
from gpu_others import OTHERS
from gpu_worker import STEPS

SIDES = ("minitorch compiled", "minitorch", "torch compiled", "torch")
GOALS = {"MLP": 3, "MNIST CNN": 3, "residual net": 1.2, "GPT": 1.2}
"""The speed over PyTorch's eager mode that we promise; and no less than torch.compile's."""
TOLERANCE = {"MLP": 1e-4, "MNIST CNN": 1e-3, "residual net": 1e-3, **dict.fromkeys(["GPT", *OTHERS], 3e-2)}
"""Relative, between the first losses on both devices and of both libraries: products are summed in another order there."""

LEAST = 60
"""Seconds that must be left for the sanitizer."""
FEW = 3
"""Steps that the CPU takes too: it is slow at steps of this size."""


class Worker:
    """A process of one side. Its answers are {"error": …} where something failed, also when it ended."""

    def __init__(self, side, device, size):
        command = [sys.executable, str(HERE / "gpu_worker.py"), side, device, size]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=environment(os.cpu_count() or 1), **pipes)

    def ask(self, **command):
        try:
            print(json.dumps(command), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except OSError:
            line = ""
        return json.loads(line) if line else {"error": "the process ended"}

    def close(self):
        try:
            self.process.communicate(timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.communicate()


def failed(answer):
    return isinstance(answer, dict) and "error" in answer


# ---------------------------------------------------------------------------------------------------------
# Measurements

def tests(seconds, where=HERE.parent / "test" / "device", processes=8):
    """What pytest reports of the tests that run on a GPU where there is one: those that fail and why, and its last line.

    None of the stand-in's tests is among them: it takes the place of the modules that a GPU's tests in its process use.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-k", "gpu and not stand-in", "-p", "no:cacheprovider", "-p", "no:benchmark"]
    command += ["-n", str(processes)] if importlib.util.find_spec("xdist") else []
    command.append(str(where))
    told = {**os.environ, "COLUMNS": "300"}  # else the reasons are cut off
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=HERE.parent, env=told)
    except subprocess.TimeoutExpired:
        return {"error": f"the tests took longer than {seconds} seconds"}
    lines = (done.stdout.strip() or done.stderr.strip() or "no report").splitlines()
    return "\n".join([*[line for line in lines if line.startswith(("FAILED", "ERROR"))], lines[-1]])


def programs(seconds):
    """What test/device/whole_programs.py reports: the programs that print other losses on the GPU, and how many there were."""
    command = [sys.executable, str(HERE.parent / "test" / "device" / "whole_programs.py"), "--seconds", str(seconds), "--at-once", "8"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * seconds, cwd=HERE.parent)
    except subprocess.TimeoutExpired:
        return {"error": f"the programs took longer than {2 * seconds} seconds"}
    return "\n".join([line for line in done.stdout.splitlines() if not line.endswith(": the same")]) or done.stderr[-300:]


TOOLS = ("racecheck", "memcheck", "initcheck")


def sanitized(seconds):
    """What NVIDIA's sanitizer says of small steps (test/device/small_steps.py), by tool, if it is installed."""
    if shutil.which("compute-sanitizer") is None:
        return "compute-sanitizer isn't installed"
    found = {}
    for tool in TOOLS:
        command = ["compute-sanitizer", "--tool", tool, sys.executable, str(HERE.parent / "test" / "device" / "small_steps.py")]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds / len(TOOLS))
            found[tool] = (done.stdout.strip() or done.stderr.strip() or "no report").splitlines()[-1]
        except subprocess.TimeoutExpired:
            found[tool] = f"it took longer than {seconds / len(TOOLS):.0f} seconds"
    return found


def farthest(a, b):
    """The largest relative difference of two lists of losses."""
    if failed(a) or failed(b):
        return None
    return max([abs(x - y) / max(abs(y), 1e-6) for x, y in zip(a, b, strict=True)])


def losses(workers, name, steps):
    """Of each side, the largest difference from PyTorch's eager ones; of our eager one from the CPU's too."""
    found = {}
    for side, worker in workers.items():
        built = worker.ask(build=name)
        found[side] = built if failed(built) else worker.ask(losses=steps)
    compared = {side: farthest(x, found["torch"]) for side, x in found.items()}
    few = found["minitorch"] if failed(found["minitorch"]) else found["minitorch"][:FEW]
    compared["minitorch, from the CPU"] = farthest(few, workers["minitorch"].ask(losses=FEW, device="cpu", name=name))
    return {"differ": compared, "errors": {side: x["error"] for side, x in found.items() if failed(x)}}


def times(workers, name, rounds, seconds):
    """The times of a step in rounds taken in turn, a list for each side."""
    found = {side: [] for side, worker in workers.items() if not failed(worker.ask(build=name))}
    for number in range(rounds):
        for side in list(found) if number % 2 == 0 else list(reversed(found)):
            answer = workers[side].ask(seconds=seconds)
            if failed(answer):
                del found[side]
            else:
                found[side].append(answer)
    return found


def measured(workers, name, arguments, peaks):
    """All of one step."""
    report = {"losses": losses(workers, name, 10)}
    report["times"] = times(workers, name, arguments.rounds, arguments.seconds)
    report["memory"] = {side: worker.ask(memory=3) for side, worker in workers.items()}
    kernels = workers["minitorch compiled"].ask(kernels=20)
    report["kernels"] = kernels if failed(kernels) or failed(peaks) else [shared(*kernel, peaks) for kernel in kernels]
    return report


def shared(name, seconds, moved, operations, kind, peaks):
    """A kernel, and its share of the roofline: of the time that its bytes or its operations take at least."""
    least = max(moved / peaks["copy"], operations / peaks[kind])
    return {"kernel": name, "seconds": seconds, "bytes": moved, "operations": operations, "share": least / seconds if seconds else None}


# ---------------------------------------------------------------------------------------------------------
# The report

def row(name, report):
    """One step as a line of the table."""
    medians = {side: statistics.median(x) for side, x in report["times"].items() if x}
    cells = [f"{medians[side] * 1e6:.0f} us" if side in medians else "failed" for side in SIDES]
    theirs, ours = medians.get("torch"), medians.get("minitorch compiled")
    speed = f"{theirs / ours:.2f}x" if theirs and ours else "-"
    other = f"{medians['torch compiled'] / ours:.2f}x" if ours and "torch compiled" in medians else "-"
    differ = [x for x in report["losses"]["differ"].values() if x is not None]
    agree = "not compared" if not differ else f"{max(differ):.0e}{'' if max(differ) < TOLERANCE[name] else ' APART'}"
    goal = f"{GOALS[name]}x" if name in GOALS else "-"
    return [name, *cells, speed, goal, other, agree]


def printed(report):
    heads = ["step", *SIDES, "speed", "goal", "over torch compiled", "losses"]
    print("\n" + " | ".join(heads))
    for name, part in report["steps"].items():
        print(" | ".join(row(name, part)))
    for name, part in report["steps"].items():
        bytes_of = {side: x for side, x in part["memory"].items() if not failed(x) and x}
        print(f"{name}, most bytes of tensors: " + ", ".join([f"{side} {x / 1e6:.0f} MB" for side, x in bytes_of.items()]))
        for side, error in part["losses"]["errors"].items():
            print(f"{name}, {side}: {error}")
        if failed(part["kernels"]):
            print(f"{name}, kernels: {part['kernels']['error']}")
            continue
        for kernel in sorted(part["kernels"], key=lambda kernel: -kernel["seconds"])[:8]:
            print(f"{name}: {kernel['seconds'] * 1e6:8.1f} us, {kernel['share'] or 0:4.0%} of the roofline: {kernel['kernel'][:90]}")
    for name in ("tests", "programs", "sanitizer", "peaks"):
        print(f"{name}: {report[name]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dry", action="store_true", help="toy sizes on the CPU")
    parser.add_argument("--others", action="store_true", help="steps of gpu_others")
    parser.add_argument("--only", default="", help="steps whose names contain this")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one round")
    parser.add_argument("--limit", type=float, default=540, help="seconds until no further step is begun")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    arguments = parser.parse_args()
    device, size, start = ("cpu", "tiny", time.time()) if arguments.dry else ("cuda", "real", time.time())
    unchecked = arguments.dry or arguments.others
    checks = {"tests": "not run", "programs": "not run"} if unchecked else {"tests": tests(150), "programs": programs(30)}
    report = {**checks, "peaks": None, "steps": {}, "not begun": []}
    workers = {side: Worker(side, device, size) for side in SIDES if not (arguments.dry and side == "torch compiled")}
    report["peaks"] = peaks = workers["torch"].ask(peaks=10)
    for name in OTHERS if arguments.others else STEPS:
        if arguments.only not in name:
            continue
        if time.time() - start > arguments.limit:
            report["not begun"].append(name)
            continue
        report["steps"][name] = measured(workers, name, arguments, peaks)
        arguments.out.write_text(json.dumps(report, indent=1))
    for worker in workers.values():
        worker.close()
    left = arguments.limit - (time.time() - start)
    report["sanitizer"] = "not run" if unchecked or left < LEAST else sanitized(left)
    arguments.out.write_text(json.dumps(report, indent=1))
    printed(report)


if __name__ == "__main__":
    main()
