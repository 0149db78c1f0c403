"""Processes that are killed at random moments (SIGKILL), while they save and while they train.

    make kill, or:  python test/serialization/kill.py [KILLS] [SEED]

saving      A file of four million equal bytes is written again and again, each time of another value. After each kill it
            must load, and be all of one value.
training    ``examples/resume.py`` is started, killed, and started again, until it ends. Its last checkpoint must be, bit for
            bit, that of a run that nobody killed: weights, running statistics, optimizer, scheduler, the order of the
            samples, and both generators. Run follows run until there were as many kills as asked for.

Each is a process of its own, forked from this one, which has loaded the library and nothing more.
"""

import os
import random
import signal
import sys
import tempfile
import time
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import minitorch

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples"))
import resume  # noqa: E402

STEPS = ["--steps", "150", "--every", "3", "--samples", "200", "--batch-size", "16"]
BYTES = 1 << 22


def killed(work, seconds):
    """Do ``work()`` in another process, kill that after some seconds, and say whether it was still at it.

    ``seconds`` are counted from when it began to work.
    """
    begun, beginning = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(beginning, b".")
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
                work()
            status = 0
        finally:
            os._exit(status)
    os.close(beginning)
    os.read(begun, 1)
    os.close(begun)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the process failed by itself")
    return os.WIFSIGNALED(status)


def saving(kills, draw, folder):
    """Returns how many different values were found."""
    path = os.path.join(folder, "file.pt")
    minitorch.save({"x": minitorch.zeros(BYTES, dtype=minitorch.uint8)}, path)
    found = set()

    def save_again(first):
        for value in range(first, first + 1000):
            minitorch.save({"x": minitorch.full((BYTES,), value % 256, dtype=minitorch.uint8)}, path)

    for first in range(1, 5 * kills, 5):
        assert killed(partial(save_again, first), draw.random() * 0.05)
        x = minitorch.load(path)["x"]
        assert x.numel() == BYTES and x.min() == x.max(), "the file is of two minds"
        found.add(x[0].item())
    return len(found)


def same(one, other):
    """Whether two states are equal, bit for bit."""
    if isinstance(one, minitorch.Tensor):
        return one.dtype is other.dtype and one.shape == other.shape and one.numpy().tobytes() == other.numpy().tobytes()
    if isinstance(one, dict):
        return [*one] == [*other] and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def training(kills, draw, folder):
    """Returns how many runs it took."""

    def run(name):
        return lambda: resume.main(["--out", os.path.join(folder, name), *STEPS])

    start = time.perf_counter()
    assert not killed(run("unbroken"), None)
    longest = (time.perf_counter() - start) / 3
    expected = minitorch.load(os.path.join(folder, "unbroken", "checkpoint.pt"))

    done = runs = 0
    while done < kills:
        runs += 1
        while done < kills and killed(run(f"run {runs}"), draw.random() * longest):
            done += 1
        killed(run(f"run {runs}"), None)
        assert same(expected, minitorch.load(os.path.join(folder, f"run {runs}", "checkpoint.pt"))), f"run {runs} ended otherwise"
    return runs


def main(kills=50, seed=0):
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        values = saving(kills, draw, folder)
        print(f"killed {kills} times while saving: the file was always whole ({values} different ones, {time.perf_counter() - start:.0f} s)")
        start = time.perf_counter()
        runs = training(kills, draw, folder)
        print(f"killed {kills} times in {runs} training runs: all ended with the same bits ({time.perf_counter() - start:.0f} s)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
