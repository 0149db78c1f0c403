"""Thousands of damaged files, read in a process of little memory: each loads, or is refused in so many words.

    make fuzz, or:  python test/serialization/fuzz.py [COUNT] [SEED]

For each of the formats COUNT files (10,000 if not given) are made from good ones by ``mutations``, and read by ``load``, by
``load(mmap=True)`` or ``safe_open``, and by ``describe``. The process that reads them has ``ROOM`` bytes of address space
beyond what it started with, and ``SECONDS`` of processor time for each file; if it dies, the file is kept and named.
"""

import io
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, OrderedDict

import minitorch
from minitorch.serialization import safetensors
from minitorch.serialization.describing import describe

sys.path.append(os.path.dirname(__file__))
from mutations import MUTATIONS  # noqa: E402

ROOM = 256 << 20
SECONDS = 10
REFUSALS = (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, safetensors.SafetensorError)
"""What the readers may raise: ValueError only for an unknown order of bytes, TypeError only for types that aren't here."""
WORDS = {ValueError: "Unknown endianness type", TypeError: "which isn't here"}
LARGEST = 1 << 20
"""The elements of a tensor to be looked at: an expanded one may have any number."""


def good():
    """Some objects, and their tensors by name."""
    t = minitorch
    t.manual_seed(0)
    net = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.BatchNorm1d(4))
    optimizer = t.optim.Adam(net.parameters())
    net(t.ones(2, 3) / 2).sum().backward()
    optimizer.step()
    x = t.arange(12.0)
    return [
        {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "rng": t.get_rng_state()[:99].clone()},
        [x, x[2:8:2], x.reshape(3, 4).t(), x[:1].expand(5, 3), t.tensor(1.5), t.zeros(0, 2), t.nn.Parameter(x.bfloat16())],
        {"a": [OrderedDict(b=(x * 1j).conj()), {1, 2}, b"bytes", bytearray(b"more"), None, 2.5, "text", t.float16, t.Size([1, 2]), t.device("cpu")]},
    ]  # fmt: skip


def files():
    """{format: good files}."""
    made = {"zip": [], "legacy": [], "safetensors": []}
    for value in good():
        for kind in ("zip", "legacy"):
            file = io.BytesIO()
            minitorch.save(value, file, _use_new_zipfile_serialization=kind == "zip")
            made[kind].append(file.getvalue())
    state = {name: x.clone() for name, x in good()[0]["model"].items()}
    made["safetensors"] = [safetensors.save(state, {"format": "pt"}), safetensors.save({"x": minitorch.ones(3).half(), "y": minitorch.tensor([True])})]
    return made


def look_at(value):
    """Read every number of every tensor in ``value``: a text of all of them."""
    found, todo = [], [value]
    while todo and len(found) < 10_000:
        item = todo.pop()
        if isinstance(item, minitorch.Tensor):
            found.append((item.dtype, tuple(item.shape), item.stride()))
            if item.numel() <= LARGEST:
                found.append(item.detach().clone().contiguous().view(-1).tolist() if item.ndim else item.item())
        elif isinstance(item, dict):
            todo += [*item.keys(), *item.values()] if len(item) < 1000 else []
        elif isinstance(item, (list, tuple)) and len(todo) < 10_000:
            todo += item
    return str(found)


def read(kind, content, path, way):
    """What is in the file, read in one of three ways."""
    with open(path, "wb") as file:
        file.write(content)
    if way == "describe":
        return describe(path)
    if kind == "safetensors":
        return look_at(safetensors.load(content) if way == "load" else safetensors.load_file(path))
    return look_at(minitorch.load(io.BytesIO(content) if way == "load" else path, mmap=way == "map" and kind == "zip"))


def mutation(originals, kind, seed, number):
    """The file of that number: (its content, whether only bytes were changed, its original, how it is to be read)."""
    draw = random.Random(f"{kind} {seed} {number}")
    original = draw.choice(originals[kind])
    change = draw.choice(MUTATIONS[kind])
    return change(draw, original), change is MUTATIONS[kind][0], original, draw.choice(["load", "load", "map", "describe"])


def check(originals, expected, kind, seed, number, path):
    """One file: how it ended. Raises what may not be raised."""
    content, by_chance, original, way = mutation(originals, kind, seed, number)
    try:
        found = read(kind, content, path, way)
    except REFUSALS as error:
        if isinstance(error, RecursionError) or WORDS.get(type(error), "") not in str(error):
            raise
        return type(error).__name__
    if kind == "zip" and by_chance and way == "load" and found != expected[original]:
        raise AssertionError("changed bytes were read as if they were good")
    return "loaded" if way != "describe" else "described"


def work(kind, seed, first, last, progress):
    """Read the files ``first`` to ``last``, in little memory. The number at hand stands in the file ``progress``."""
    originals = files()
    expected = {content: read("zip", content, progress, "load") for content in originals["zip"]}
    for content in originals[kind]:  # what is loaded when first used is loaded now
        for way in ("load", "map", "describe"):
            read(kind, content, progress, way)
    pages = int(open("/proc/self/statm").read().split()[0]) if os.path.exists("/proc/self/statm") else 0
    if pages:
        limit = pages * resource.getpagesize() + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    counts = Counter()
    for number in range(first, last):
        with open(progress, "w") as file:
            file.write(str(number))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        counts[check(originals, expected, kind, seed, number, f"{progress}.file")] += 1
    signal.setitimer(signal.ITIMER_PROF, 0)
    for outcome, count in counts.items():
        print(outcome, count)


def run(kind, count, seed, folder):
    """Read ``count`` files in a process of its own: {how they ended: how many}. Raises AssertionError if it died."""
    progress = os.path.join(folder, kind)
    command = [sys.executable, __file__, "--work", kind, str(seed), "0", str(count), progress]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    if done.returncode:
        number = int(open(progress).read())
        kept = f"{progress}-{number}.bad"
        content, _, _, way = mutation(files(), kind, seed, number)
        with open(kept, "wb") as file:
            file.write(content)
        raise AssertionError(f"file {number} (seed {seed}, {way}), kept as {kept}: exit {done.returncode}\n{done.stderr[-3000:]}")
    return {name: int(number) for name, number in (line.split() for line in done.stdout.splitlines())}


def main(count=10_000, seed=0):
    folder = tempfile.mkdtemp()
    for kind in MUTATIONS:
        start = time.perf_counter()
        outcomes = run(kind, count, seed, folder)
        listed = ", ".join(f"{number} {name}" for name, number in sorted(outcomes.items()))
        print(f"{kind}: {count} damaged files in {time.perf_counter() - start:.0f} s: {listed}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], *map(int, sys.argv[3:6]), sys.argv[6])
    else:
        main(*map(int, sys.argv[1:]))
