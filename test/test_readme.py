"""The README's programs run as they stand there, and print what it says; its commands exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def printed_by(program):
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_programs_print_what_their_comment_says(program):
    expected = re.search(r"^print\(.*\) +# (.*)$", program, re.MULTILINE).group(1)
    assert printed_by(program) == expected


def test_the_training_example_prints_the_same_under_pytorch():
    program = next(program for program in PROGRAMS if "import minitorch as torch" in program)
    theirs = program.replace("import minitorch as torch", "import torch").replace("from minitorch", "from torch")
    assert printed_by(program) == printed_by(theirs)


def test_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = re.findall(r"\bmake ([a-z]+)", README)
    assert set(commands) - set(targets) == set()
    assert {"demo", "test"} <= set(commands)


def test_there_are_as_many_programs_as_it_says():
    rows = re.findall(r'^    \("(\w+)", ', (ROOT / "test/programs/test_programs.py").read_text(), re.MULTILINE)
    assert re.search(r"holds (\d+) programs", README).group(1) == str(len(set(rows)))
