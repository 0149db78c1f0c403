"""Damaged files in their hundreds, and kills at random moments: small runs of ``make fuzz`` and ``make kill``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))

import fuzz  # noqa: E402
import kill  # noqa: E402
from mutations import MUTATIONS  # noqa: E402

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="address space is limited, and processes forked, as Linux does it")


@linux
@pytest.mark.parametrize("kind", MUTATIONS)
def test_damaged_files_load_or_are_refused(kind, tmp_path):
    outcomes = fuzz.run(kind, 300, 7, str(tmp_path))
    assert sum(outcomes.values()) == 300 and len(outcomes) > 2


NOTICED = """
import os, sys, fuzz
looked, armed = fuzz.look_at, []
fuzz.resource.setrlimit, limit = lambda *a: (armed.append(1), limit(*a)), fuzz.resource.setrlimit
fuzz.look_at = lambda value: (ACT) if armed else looked(value)
fuzz.work("zip", 7, 0, 50, PATH)
"""


@linux
@pytest.mark.parametrize("act, status, word", [("os.abort()", -6, "Aborted"), ("bytearray(1 << 33)", 1, "MemoryError"), ("{}[3]", 1, "KeyError: 3")])
def test_the_fuzzer_notices(act, status, word, tmp_path):
    """A reader that crashes, one that takes all memory, and one that raises what it may not."""
    script = NOTICED.replace("ACT", act).replace("PATH", repr(str(tmp_path / "p")))
    path = os.pathsep.join([str(HERE), *sys.path])
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", script], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == status and word in done.stderr, done.stderr


@linux
def test_kills_at_random_moments(tmp_path):
    script = f"import sys; sys.path[:0] = {[str(HERE), *sys.path]!r}; import kill; kill.main(50, 1)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "killed 50 times while saving: the file was always whole" in done.stdout
    assert "all ended with the same bits" in done.stdout


def test_states_are_compared_bit_for_bit():
    t = kill.minitorch
    assert kill.same({"a": [t.tensor([0.0, float("nan")])]}, {"a": [t.tensor([0.0, float("nan")])]})
    assert not kill.same({"a": [t.tensor([0.0])]}, {"a": [t.tensor([-0.0])]})
    assert not kill.same({"a": 1}, {"a": 1.0}) and not kill.same({"a": 1}, {"b": 1})
