"""Ordinary PyTorch programs, run unchanged under PyTorch and under minitorch: line by line they print the same.

A program seeds itself and prints a line for each step. The words must be equal; the numbers, each loss among them, may
differ by the row's tolerance. ``$OUT`` in the arguments is an empty folder, and the rows of a list run in it one after the other.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
UNDER = {"torch": [], "minitorch": ["-m", "minitorch", "run"]}

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|inf|nan)(?![\w.])")

ORDINARY = 1e-4
"""The relative difference that float32's rounding makes in a hundred steps of a small network."""

CANCELLING = 1e-3
"""Likewise, where a loss is a difference of two sums much larger than itself: returns less their baseline."""

# program, the command lines to run in turn, and, where it is not the ordinary one, the tolerance with its reason
PROGRAMS = [
    ("vae", [""], ORDINARY),
    ("actor_critic", [""], CANCELLING),
    ("annotated_copy", [""], ORDINARY),
    ("contrastive", [""], ORDINARY),
    ("diffusion", [""], ORDINARY),
    ("dqn", [""], ORDINARY),
    ("graph_convolution", [""], ORDINARY),
    ("maml", [""], ORDINARY),
    ("pinn", [""], ORDINARY),
    ("ppo", [""], ORDINARY),
    ("reinforce", [""], CANCELLING),
    ("seq2seq_transformer", ["", "--norm-first"], ORDINARY),
]  # fmt: skip


def run(library, program, arguments, folder):
    """What the program prints under one of the libraries."""
    words = [word.replace("$OUT", str(folder)) for word in arguments.split()]
    command = [sys.executable, *UNDER[library], str(HERE / f"{program}.py"), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    assert ended.returncode == 0, f"{program} {arguments} under {library}:\n{ended.stdout[-500:]}\n{ended.stderr[-3000:]}"
    return ended.stdout


def assert_alike(expected, got, tolerance):
    """Two printed texts: the same words, and numbers that agree."""
    expected, got = expected.splitlines(), got.splitlines()
    for number, (line, ours) in enumerate(zip(expected, got), 1):
        told = f"line {number}: expected {line!r}, got {ours!r}"
        assert NUMBER.sub("#", line) == NUMBER.sub("#", ours), told
        for a, b in zip(NUMBER.findall(line), NUMBER.findall(ours)):
            exact = a.lstrip("-+").isdecimal()
            assert a == b if exact else float(b) == pytest.approx(float(a), rel=tolerance, abs=1e-6, nan_ok=True), told
    assert len(expected) == len(got) > 0


@pytest.mark.parametrize("program, lines, tolerance", PROGRAMS, ids=[row[0] for row in PROGRAMS])
def test_prints_the_same(program, lines, tolerance, tmp_path):
    for library in UNDER:
        (tmp_path / library).mkdir()
    for arguments in lines:
        expected, got = [run(library, program, arguments, tmp_path / library) for library in UNDER]
        assert_alike(expected.replace(str(tmp_path / "torch"), "."), got.replace(str(tmp_path / "minitorch"), "."), tolerance)
