"""What a run takes from the moment it runs in: never part of a program. Compared before each call, or the function runs eagerly."""

import contextvars
import datetime
import logging
import os
import random
import secrets
import threading
import time
import uuid
import warnings
from pathlib import Path
from time import perf_counter as now

import pytest

import minitorch as torch

pytestmark = pytest.mark.usefixtures("answers")

SCALE = contextvars.ContextVar("scale", default=1.0)
LOCAL = threading.local()
LOCAL.scale = 1.0
SYSTEM = random.SystemRandom()


def factor(x, by=2.0, *, more=1.0):
    return x * by * more


class Clock:
    """An object with a clock."""

    now = staticmethod(time.monotonic)


def of_another_kind(x, by=5.0, *, more=1.0):
    return x * by + more


WATCHED = {
    "defaults": (lambda x: factor(x), lambda k: setattr(factor, "__defaults__", (float(k),))),
    "defaults by name": (lambda x: factor(x), lambda k: setattr(factor, "__kwdefaults__", {"more": float(k)})),
    "a default by name": (lambda x: factor(x), lambda k: factor.__kwdefaults__.update(more=float(k))),
    "code": (lambda x: factor(x), lambda k: setattr(factor, "__code__", of_another_kind.__code__)),
    "a context variable": (lambda x: x * SCALE.get(), lambda k: SCALE.set(float(k))),
    "of a thread": (lambda x: x * LOCAL.scale, lambda k: setattr(LOCAL, "scale", float(k))),
    "the environment": (lambda x: x * float(os.environ.get("SCALE", "1")), lambda k: os.environ.__setitem__("SCALE", str(k))),
    "getenv": (lambda x: x * float(os.getenv("SCALE", "1")), lambda k: os.environ.__setitem__("SCALE", str(k))),
}
"""(a step, what changes something it reads)"""


@pytest.fixture
def as_it_was(monkeypatch):
    """All that the changes touch, put back."""
    monkeypatch.setenv("SCALE", "1")
    for name in ("__defaults__", "__kwdefaults__", "__code__"):
        monkeypatch.setattr(factor, name, getattr(factor, name) if name != "__kwdefaults__" else {"more": 1.0})
    monkeypatch.setattr(LOCAL, "scale", 1.0)
    token = SCALE.set(1.0)
    yield
    SCALE.reset(token)


@pytest.mark.usefixtures("as_it_was")
@pytest.mark.parametrize("what", WATCHED)
def test_what_is_read_without_a_name_is_watched(what):
    function, change = WATCHED[what]
    step, x = torch.compile(function, fullgraph=True), torch.arange(3.0)
    for k in range(12):
        if k in (4, 8):
            change(k)
        assert step(x).tolist() == function(x).tolist()
    (signature,) = step.signatures.values()
    assert 2 <= len(signature.programs) <= 3


def test_another_thread_has_numbers_of_its_own():
    step, found = torch.compile(lambda x: x * LOCAL.scale * SCALE.get()), []
    x = torch.ones(1)
    for _ in range(4):
        step(x)

    def elsewhere():
        LOCAL.scale = 7.0
        SCALE.set(3.0)
        found.append(step(x).item())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [21.0] and step(x).item() == 1.0


def since(begin):
    return now() - begin


TAKEN = {
    "the time": (lambda x: x * time.time(), "asks for the time"),
    "the time, by another name": (lambda x: x + since(0.0), "asks for the time"),
    "the time, of an object": (lambda x: x + Clock.now(), "asks for the time"),
    "nanoseconds": (lambda x: x + time.time_ns() % 1000, "asks for the time"),
    "a branch on the time": (lambda x: x * 2 if time.monotonic() > 0 else x, "asks for the time"),
    "a date": (lambda x: x * datetime.datetime.now().microsecond, "asks for the time"),
    "today": (lambda x: x * datetime.date.today().day, "asks for the time"),
    "the system's numbers": (lambda x: x * os.urandom(1)[0], "asks the system for random numbers"),
    "secrets": (lambda x: x * secrets.randbelow(100), "asks the system for random numbers"),
    "a uuid": (lambda x: x * (uuid.uuid4().int % 100), "asks the system for random numbers"),
    "a generator of the system's": (lambda x: x * SYSTEM.random(), "asks the system for random numbers"),
    "a file": (lambda x: x * len(Path(__file__).read_text()), "opens a file"),
    "a seed": (lambda x: (torch.manual_seed(0), torch.rand(3) + x)[1], "a generator of random numbers"),
    "a generator": (lambda x: torch.rand(3, generator=torch.Generator().manual_seed(1)) + x, "a generator of random numbers"),
    "the state of a generator": (lambda x: (torch.get_rng_state(), torch.rand(3) + x)[1], "a generator of random numbers"),
    "a seed that was": (lambda x: x + torch.initial_seed() % 10, "a generator of random numbers"),
}


@pytest.mark.parametrize("what", TAKEN)
def test_what_differs_from_moment_to_moment_ends_the_graph(what):
    function, why = TAKEN[what]
    step = torch.compile(function)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(6):
            step(torch.ones(3))
    (signature,) = step.signatures.values()
    assert not signature.programs and len(said) == 1 and why in str(said[0].message)


def test_seeds_within_a_step_are_set_each_time():
    """And what is drawn after it goes on from there."""

    def seeded(x):
        torch.manual_seed(3)
        return torch.rand(2) + x

    def forked(x):
        with torch.random.fork_rng():
            y = torch.rand(2)
        return y + x

    for function in (seeded, forked):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*runs eagerly")
            found = []
            for step in (function, torch.compile(function)):
                torch.manual_seed(1)
                found.append([(step(torch.zeros(2)).tolist(), torch.rand(1).item()) for _ in range(6)])
        assert found[0] == found[1]


def test_what_a_step_logs_by_python_s_own_means_is_no_concern_of_it():
    """A logger asks for the time; the step doesn't."""
    log = logging.getLogger("test_moments")
    log.propagate, log.handlers = False, [logging.NullHandler()]
    step = torch.compile(lambda x: (log.warning("a step"), x * 2)[1] if time else x, fullgraph=True)
    for _ in range(3):
        assert step(torch.ones(2)).tolist() == [2.0, 2.0]
