"""Whole programs print the same on a GPU as on the CPU. On the stand-in some that are quick; ``whole_programs.py`` runs them all."""

import subprocess
import sys
from pathlib import Path

import pytest
from whole_programs import PROGRAMS, QUICK, outcome

import minitorch


@pytest.mark.parametrize("program", QUICK)
def test_quick_programs_on_the_stand_in(program):
    if minitorch.cuda.is_available():
        pytest.skip("whole_programs.py runs all of them on the GPU")
    pytest.importorskip("scipy", reason="the stand-in has its special functions from SciPy")
    assert outcome(program) is None


def test_the_small_steps_for_the_sanitizer_give_the_cpu_s_numbers():
    if minitorch.cuda.is_available():
        pytest.skip("bench/gpu.py runs them there")
    command = [sys.executable, str(Path(__file__).with_name("small_steps.py")), "--only", "pool"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 3, done.stdout + done.stderr


def test_all_examples_are_among_the_programs():
    assert {"names", "digits", "resume", "gpt", "mnist", "mnist_torchvision"} == {x[9:-3] for x in PROGRAMS if x.startswith("examples/")}
