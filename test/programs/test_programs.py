"""Ordinary PyTorch programs, run unchanged under PyTorch and under minitorch: line by line they print the same.

A program seeds itself and prints a line for each step. The words must be equal; the numbers, each loss among them, may
differ by the row's tolerance, or by one in the last place that was printed. The command lines of a row run one after the
other in one folder, empty at first.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minitorch.compare.printed import different_line

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "TORCHDYNAMO_DISABLE": "1"}
"""PyTorch leaves out its own compiler, which would take minutes."""

ORDINARY = 1e-4
"""The relative difference that float32's rounding makes in a hundred steps of a small network."""

DIVIDED = 1e-3
"""Likewise, where Adam or BatchNorm divides something close to zero by its own size."""

NARROW = 3e-2
"""Likewise, where products are rounded to bfloat16's 8 bits: two sums that differ in the last bit of float32 may then differ
by 2**-8."""

CANCELLING = 1e-3
"""Likewise, where a loss is a difference of two sums much larger than itself: returns less their baseline."""

GPT = [
    "prepare --out run", "train --out run --compile", "train --out run --compile --max_iters 100 --init_from resume", "sample --out run",
]  # fmt: skip

# program, the command lines to run in turn, and, where it is not the ordinary one, the tolerance with its reason
PROGRAMS = [
    ("vae", [""], ORDINARY),
    ("names", [f"--model {model}" for model in ("mlp", "rnn", "gru", "bow", "transformer")], ORDINARY),
    ("gan", [""], ORDINARY),
    ("dcgan", [""], DIVIDED),
    ("language_model", ["", "--model GRU --tied --lr 2"], ORDINARY),
    ("sine_waves", ["", "--line-search"], ORDINARY),
    ("resnet", ["", "--resume"], ORDINARY),
    ("resnet", ["--schedule onecycle"], DIVIDED),
    ("vit", ["", "--pool mean --mixup 0.4"], ORDINARY),
    ("gpt", GPT, ORDINARY),
    ("gpt", [GPT[0], "train --out run --max_iters 40 --dtype bfloat16 --slow_attention --bias --dropout 0.2"], NARROW),
    ("actor_critic", ["--episodes 32"], CANCELLING),  # later ones differ by 3e-3 in PyTorch itself, with other vectors (ATEN_CPU_CAPABILITY=default)
    ("annotated_copy", [""], ORDINARY),
    ("compression", [""], ORDINARY),
    ("contrastive", [""], ORDINARY),
    ("densities", [""], ORDINARY),
    ("diffusion", [""], ORDINARY),
    ("dqn", [""], ORDINARY),
    ("fourier_operator", [""], ORDINARY),
    ("gaussian_process", [""], ORDINARY),
    ("graph_convolution", [""], ORDINARY),
    ("maml", [""], ORDINARY),
    ("modern_gpt", [""], ORDINARY),
    ("neural_ode", [""], ORDINARY),
    ("optimizers", [""], ORDINARY),
    ("pinn", [""], ORDINARY),
    ("ppo", [""], ORDINARY),
    ("recommender", [""], ORDINARY),
    ("reinforce", [""], CANCELLING),
    ("segmentation", [""], ORDINARY),
    ("seq2seq_transformer", ["", "--norm-first"], ORDINARY),
    ("speech", [""], ORDINARY),
    ("style_transfer", [""], DIVIDED),
    ("tagging", [""], ORDINARY),
    ("translation", [""], ORDINARY),
    ("wgan_gp", [""], ORDINARY),
    ("word2vec", [""], ORDINARY),
]  # fmt: skip


class PyTorch:
    """The oracle: a process that has loaded PyTorch, and forks for each program."""

    def __init__(self):
        command = [sys.executable, str(HERE / "oracle_server.py")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)

    def run(self, program, arguments, folder):
        """What the program prints under PyTorch."""
        print(json.dumps([str(HERE / f"{program}.py"), arguments.split(), str(folder)]), file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        return printed(program, code, (folder / "stdout").read_text(), (folder / "stderr").read_text())

    def end(self):
        self.process.communicate()


@pytest.fixture(scope="module")
def pytorch():
    oracle = PyTorch()
    yield oracle
    oracle.end()


def run(program, arguments, folder):
    """What the program prints under minitorch."""
    command = [sys.executable, "-m", "minitorch", "run", str(HERE / f"{program}.py"), *arguments.split()]
    ended = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=folder)
    return printed(program, ended.returncode, ended.stdout, ended.stderr)


def printed(program, code, out, err):
    assert code == 0, f"{program} ended with {code}:\n{out[-500:]}\n{err[-3000:]}"
    return out


def assert_alike(expected, got, tolerance):
    """Two printed texts: the same words, and numbers that agree."""
    assert expected
    assert different_line((expected, got), tolerance) is None


@pytest.mark.parametrize("program, lines, tolerance", PROGRAMS, ids=[row[0] for row in PROGRAMS])
def test_prints_the_same(program, lines, tolerance, tmp_path, pytorch):
    theirs, ours = tmp_path / "torch", tmp_path / "minitorch"
    theirs.mkdir()
    ours.mkdir()
    for arguments in lines:
        assert_alike(pytorch.run(program, arguments, theirs), run(program, arguments, ours), tolerance)


@pytest.mark.parametrize("option", ["", " --compile"], ids=["eager", "compiled"])
def test_a_resumed_run_continues_the_curve(option, tmp_path):
    prepare, start, resume = [line.replace(" --compile", option) for line in GPT[:3]]
    run("gpt", prepare, tmp_path)
    whole = run("gpt", start + " --max_iters 100", tmp_path).splitlines()
    run("gpt", start, tmp_path)
    resumed = run("gpt", resume, tmp_path).splitlines()[3:]
    if not option:
        assert resumed == whole[-len(resumed) :]
    else:  # the first two steps of a compiled model run eagerly, and round otherwise than the program does
        assert_alike("\n".join(whole[-len(resumed) :]), "\n".join(resumed), 1e-4)
