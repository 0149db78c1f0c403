"""The example that reads MNIST through torchvision's names, under ``minitorch run``, against what PyTorch printed for it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from vision.test_datasets import REAL, idx_bytes

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/mnist_torchvision.py"
NUMBER = re.compile(r"\d+\.\d+")

MADE_UP = """\
epoch 1: first loss 2.61423, last loss 1.70590
epoch 1: test loss 0.94233, test accuracy 73.00%
epoch 2: first loss 1.55027, last loss 1.32936
epoch 2: test loss 0.64627, test accuracy 87.00%
"""
"""Of PyTorch 2.13 and torchvision 0.28, on the files that ``write_digits`` makes."""


REAL_DIGITS = """\
epoch 1: first loss 2.62461, last loss 2.42096
epoch 1: test loss 2.26330, test accuracy 17.97%
"""
"""Likewise, on the first 256 images of each part of MNIST."""


def write_digits(root):
    """320 and 100 images of noise with a bright bar, whose place is the label."""
    folder = root / "MNIST/raw"
    folder.mkdir(parents=True)
    for part, count in (("train", 320), ("t10k", 100)):
        rng = np.random.default_rng(count)
        images, labels = rng.integers(0, 60, (count, 28, 28)), rng.integers(0, 10, count)
        for image, label in zip(images, labels):
            image[3 + 2 * label : 6 + 2 * label, 4:24] += 180
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return root


def run(*arguments, cwd):
    command = [sys.executable, "-m", "minitorch", "run", str(EXAMPLE), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={"PYTHONPATH": str(ROOT), "PATH": ""})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar, no warning
    return done.stdout


def assert_nearly(expected, found, tolerance):
    assert NUMBER.sub("#", expected) == NUMBER.sub("#", found)
    numbers = [list(map(float, NUMBER.findall(text))) for text in (found, expected)]
    np.testing.assert_allclose(*numbers, rtol=tolerance)


def test_example_prints_what_pytorch_prints(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    options = ["--epochs", 2, "--batch-size", 32, "--data", write_digits(tmp_path), "--out", tmp_path / "out"]
    assert_nearly(MADE_UP, run(*options, "--log", tmp_path / "log", cwd=tmp_path), 1e-3)
    assert (tmp_path / "out/wrong.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out/mnist.pt").exists() and len(list((tmp_path / "log").rglob("events*"))) == 3


@pytest.mark.skipif(not REAL.is_dir(), reason=f"MNIST's files are not in {REAL}")
def test_example_trains_on_real_digits(tmp_path):
    (tmp_path / "MNIST/raw").mkdir(parents=True)
    for path in REAL.glob("*.gz"):
        shutil.copy(path, tmp_path / "MNIST/raw")
    options = ["--epochs", 1, "--limit", 256, "--data", tmp_path, "--out", tmp_path / "out"]
    assert_nearly(REAL_DIGITS, run(*options, cwd=tmp_path), 1e-3)
