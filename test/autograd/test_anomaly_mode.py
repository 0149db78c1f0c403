"""Anomaly mode: where a NaN comes from."""

import warnings

import pytest
import torch

import minitorch as mt


def detect(lib, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lib.autograd.detect_anomaly(**options)


def spoiled(lib):
    x = lib.tensor([0.0, 1.0], requires_grad=True)
    return (x.sqrt() * 0).sum()


def found(lib, work):
    """The first line of the error, and "fine" without one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch shows the lines of forward as a warning
        try:
            work()
        except RuntimeError as error:
            return str(error).split("\n")[0]
    return "fine"


def inside(lib):
    with detect(lib):
        return found(lib, lambda: spoiled(lib).backward())


def gradient_on_request(lib):
    x = lib.tensor([0.0, 1.0], requires_grad=True)
    with detect(lib):
        return found(lib, lambda: lib.autograd.grad((x.sqrt() * 0).sum(), x))


def off(lib):
    with detect(lib, check_nan=False):
        return found(lib, lambda: spoiled(lib).backward())


def outside(lib):
    with detect(lib):
        y = spoiled(lib)
    return found(lib, y.backward)


def healthy(lib):
    x = lib.tensor([0.0, 1.0], requires_grad=True)
    with detect(lib):
        (x.exp() * x).sum().backward()
    return x.grad


def second_input(lib):
    a, b = (lib.tensor(v, requires_grad=True) for v in (2.0, 0.0))
    with detect(lib):
        return found(lib, lambda: (a * (b / b)).backward())


def switches(lib):
    seen = [lib.is_anomaly_enabled()]
    lib.autograd.set_detect_anomaly(True)
    try:
        seen += [lib.is_anomaly_enabled(), found(lib, lambda: spoiled(lib).backward())]
        with lib.autograd.set_detect_anomaly(False):
            seen += [lib.is_anomaly_enabled(), found(lib, lambda: spoiled(lib).backward())]
        seen.append(lib.is_anomaly_enabled())
    finally:
        lib.autograd.set_detect_anomaly(False)
    return [*seen, lib.is_anomaly_enabled(), found(lib, lambda: spoiled(lib).backward())]


PROGRAMS = [inside, gradient_on_request, off, outside, healthy, second_input]


@pytest.mark.parametrize("program", PROGRAMS)
def test_as_in_torch(program, agree):
    agree(program)


def test_switches(agree, monkeypatch):
    for name in ("is_anomaly_enabled", "is_anomaly_check_nan_enabled"):
        monkeypatch.setattr(mt, name, getattr(mt.autograd.anomaly_mode, name), raising=False)
    agree(switches)


def test_it_warns_that_it_is_slow():
    for lib in (torch, mt):
        with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"), lib.autograd.detect_anomaly():
            pass


def test_the_error_shows_the_line():
    with detect(mt), pytest.raises(RuntimeError) as caught:
        x = mt.tensor([0.0, 1.0], requires_grad=True)
        y = x.sqrt()  # here it begins
        (y * 0).sum().backward()
    assert "here it begins" in str(caught.value) and "(y * 0)" not in str(caught.value)


def test_another_listener_stays():
    seen = []
    from minitorch.modes import MODE

    MODE.listeners = (lambda *step: seen.append(step[0].name),)
    try:
        with detect(mt):
            mt.ones(2).exp()
        mt.ones(2).sin()
    finally:
        MODE.listeners = ()
    assert "exp" in seen and "sin" in seen
