"""bench/gpu.py, the one call for a machine with a GPU, gone through on the CPU: it measures, and survives what fails."""

import importlib
import json
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def bench():
    sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))
    try:
        yield importlib.import_module("gpu")
    finally:
        sys.path.pop(0)


def test_a_dry_run_compares_all_sides(bench, tmp_path, monkeypatch, capsys):
    out = tmp_path / "gpu.json"
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--dry", "--only", "MLP", "--rounds", "1", "--seconds", "0.01", "--out", str(out)])
    bench.main()
    step = json.loads(out.read_text())["steps"]["MLP"]
    assert set(step["times"]) == {"minitorch compiled", "minitorch", "torch"} and step["losses"]["errors"] == {}
    assert step["losses"]["differ"].keys() >= {"minitorch", "minitorch compiled", "minitorch, from the CPU"}
    assert max(step["losses"]["differ"].values()) < 1e-4
    assert "MLP | " in capsys.readouterr().out


def test_other_steps(bench, tmp_path, monkeypatch, capsys):
    options = ["--dry", "--others", "--only", "PPO", "--rounds", "1", "--seconds", "0.01", "--out", str(tmp_path / "gpu.json")]
    monkeypatch.setattr(sys, "argv", ["gpu.py", *options])
    bench.main()
    step = json.loads((tmp_path / "gpu.json").read_text())["steps"]["PPO"]
    assert step["losses"]["errors"] == {} and max(step["losses"]["differ"].values()) < 1e-4
    assert "PPO | " in capsys.readouterr().out


def test_a_side_that_fails_is_reported_and_the_others_go_on(bench):
    names = {"minitorch": "minitorch", "torch": "minitorch", "torch compiled": "no_such_library", "minitorch compiled": "minitorch compiled"}
    workers = {side: bench.Worker(name, "cpu", "tiny") for side, name in names.items()}
    try:
        arguments = type("Arguments", (), {"rounds": 1, "seconds": 0.01})
        report = bench.measured(workers, "MLP", arguments, [1.0, 1.0, 1.0])
    finally:
        for worker in workers.values():
            worker.close()
    assert list(report["losses"]["errors"]) == ["torch compiled"] and "no_such_library" in report["losses"]["errors"]["torch compiled"]
    assert set(report["times"]) == {"minitorch", "torch", "minitorch compiled"}
    assert bench.row("MLP", report)[3] == "failed" and report["losses"]["differ"]["minitorch"] == 0


FAILING = """
import pytest

@pytest.mark.parametrize("device", ["stand-in", "gpu"])
def test_one_on_a_gpu(device):
    assert device == "stand-in", "the driver said: " + 40 * "no "

def test_another_gpu():
    pass
"""


def test_tests_that_fail_are_named_with_what_they_said(bench, tmp_path):
    (tmp_path / "test_some.py").write_text(FAILING)
    *failures, last = bench.tests(60, tmp_path, processes=0).splitlines()
    assert last.startswith("1 failed, 1 passed, 1 deselected") and len(failures) == 1
    assert failures[0].startswith("FAILED") and f"test_one_on_a_gpu[gpu] - AssertionError: the driver said: {39 * 'no '}no" in failures[0]


SANITIZER = """#!/bin/sh
test "$1 $2" = "--tool initcheck" && exec sleep 5
echo "========= COMPUTE-SANITIZER"
echo "========= ERROR SUMMARY: 0 errors in $2"
"""


def test_what_the_sanitizer_says(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert bench.sanitized(10) == "compute-sanitizer isn't installed"
    (tmp_path / "compute-sanitizer").write_text(SANITIZER)
    (tmp_path / "compute-sanitizer").chmod(0o755)
    found = bench.sanitized(3)
    assert found["racecheck"] == "========= ERROR SUMMARY: 0 errors in racecheck" and "longer than 1 second" in found["initcheck"]


def test_a_share_of_the_roofline(bench):
    peaks = {"copy": 100.0, "float32": 10.0, "tf32": 20.0, "bfloat16": 30.0}
    assert bench.shared("add", 2.0, 100, 5, "float32", peaks)["share"] == 0.5
    assert bench.shared("matmul", 4.0, 100, 60, "bfloat16", peaks)["share"] == 0.5
    assert bench.shared("conv", 4.0, 100, 60, "tf32", peaks)["share"] == 0.75
