"""docs/moving.md: its programs print what they say, its links lead somewhere, and its lists are of what is here."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from minitorch import vision

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/moving.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_programs_print_what_their_comment_says(program, tmp_path):
    expected = re.search(r"^print\(.*\) +# (.*)$", program, re.MULTILINE).group(1)
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert expected == done.stdout.strip()


def test_links_and_paths_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)", PAGE)
    assert links and [link for link in links if not (ROOT / "docs" / link).exists()] == []
    paths = re.findall(r"\b(?:test|examples)/[\w/.]+\b", PAGE)
    assert paths and [path for path in paths if not (ROOT / path).exists()] == []


def row(name):
    return re.search(rf"^\| `{name}` \| (.*) \|$", PAGE, re.MULTILINE).group(1)


def test_what_of_torchvision_is_said_to_be_here_is_here():
    assert set(re.findall(r"\w+", row("datasets"))) == set(vision.datasets.__all__) - {"utils"}
    assert re.findall(r"`(\w+)`", row("utils")) == vision.utils.__all__
    first, second = row("transforms").split("; of ")
    absent, more = (re.findall(r"\b[A-Z]\w+[a-z]\w*", text) for text in (first, second))
    assert set(more) <= set(vision.transforms.v2.__all__)
    assert len(absent) == 2 and not set(absent) & set(vision.transforms.__all__)
    assert not any(hasattr(vision, name) for name in ("io", "ops", "tv_tensors"))


def test_cases_are_as_many_as_it_says():
    from vision.cases import CASES

    assert f"compares {len(CASES)} cases" in PAGE
