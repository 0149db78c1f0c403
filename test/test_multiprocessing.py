"""Processes: what is Python's stays Python's, and a failure is told."""

import multiprocessing

import pytest

import minitorch.multiprocessing as mp


def work(i, shared, value):
    shared[i] = value + i


def fail(i):
    raise ValueError("no good")


def test_processes():
    assert mp.Process is multiprocessing.Process and mp.get_start_method() == multiprocessing.get_start_method()
    shared = multiprocessing.Array("i", 2)
    mp.start_processes(work, (shared, 5), nprocs=2, start_method="fork")
    assert list(shared) == [5, 6]


def test_failures():
    with pytest.raises(mp.ProcessRaisedException, match="no good") as caught:
        mp.start_processes(fail, nprocs=1, start_method="fork")
    assert caught.value.error_index == 0
