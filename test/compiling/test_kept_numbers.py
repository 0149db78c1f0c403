"""Numbers that Python keeps from call to call: counters, rates that a step works out, settings that somebody turns. A program reads and
sets them as an eager call does."""

import math
import threading
import warnings
from dataclasses import dataclass

import pytest

import minitorch as torch
from minitorch import nn
from minitorch.nn import functional as F


class Trainer:
    """A step and what it keeps. ``turn`` is what happens between calls."""

    rate = 0.1

    def __init__(self):
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.1, momentum=0.5)
        self.steps, self.total, self.lr, self.state, self.scale = 0, 0.0, 0.1, {"seen": 0, "best": None}, 1.0

    def fit(self, x, y):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.net(x), y) * self.scale
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def step(self, x, y):
        raise NotImplementedError

    def turn(self, k):
        pass

    def everything(self):
        """All that it keeps."""
        return [p.tolist() for p in self.net.parameters()], self.steps, self.total, self.lr, dict(self.state), self.scale, [
            group["lr"] for group in self.optimizer.param_groups
        ], {k: v for k, v in vars(self.net).items() if isinstance(v, (int, float))}  # fmt: skip


def kept(function, turn=None):
    return type(function.__name__, (Trainer,), {"step": function, **({"turn": turn} if turn else {})})


def counted(self, x, y):
    self.steps += 1
    return self.fit(x, y)


def used(self, x, y):
    self.steps += 1
    return self.fit(x, y) / self.steps


def every_third(self, x, y):
    self.steps = self.steps + 1
    loss = self.fit(x, y)
    return loss * 2 if self.steps % 3 == 0 else loss


@dataclass(order=True)
class Settings:
    every: int = 4
    smoothing: float = 0.1


SETTINGS = Settings()


def by_settings(self, x, y):
    self.steps += 1
    loss = F.cross_entropy(self.net(x), y, label_smoothing=SETTINGS.smoothing)
    loss.backward()
    if self.steps % SETTINGS.every == 0:
        self.optimizer.step()
        self.optimizer.zero_grad()
    return loss.detach()


def of_samples(self, x, y):
    self.state["seen"] += len(x)
    self.total += 0.5
    return self.fit(x, y) * self.total


def of_a_module(self, x, y):
    self.net.calls = getattr(self.net, "calls", 0) + 1
    return self.fit(x, y)


def warmup(self, x, y):
    self.steps += 1
    rate = self.rate * self.steps / 5 if self.steps < 5 else self.rate * 0.5 * (1 + math.cos(math.pi * self.steps / 40))
    for group in self.optimizer.param_groups:
        group["lr"] = rate
    return self.fit(x, y)


def decay(self, x, y):
    loss = self.fit(x, y)
    for group in self.optimizer.param_groups:
        group["lr"] *= 0.9
    return loss


def momentum(self, x, y):
    for group in self.optimizer.param_groups:
        group["momentum"] = 0.9 - 0.4 / (self.steps + 1)
    self.steps += 1
    return self.fit(x, y)


def around(self, x, y):
    self.steps = (self.steps + 1) % 4
    return self.fit(x, y) + self.steps


def set_back(self, x, y):
    self.steps = 0 if self.steps == 3 else self.steps + 1
    return self.fit(x, y)


def given(self, x, y):
    for group in self.optimizer.param_groups:
        group["lr"] = self.lr
    return self.fit(x, y)


def turned(self, k):
    self.lr = 0.1 / (k + 1)


def scaled(self, x, y):
    return self.fit(x, y)


def turned_scale(self, k):
    self.scale = 1 + k / 10


def counted_by_others(self, k):
    self.steps += k


def told_now_and_then(self, x, y):
    self.steps += 1
    if self.steps % 5 == 0:
        print("step", self.steps)
    return self.fit(x, y)


COMPILES = {
    "a counter": kept(counted),
    "a counter that is used": kept(used),
    "a branch on a counter": kept(every_third),
    "a branch by settings of a dataclass": kept(by_settings),
    "entries of a dict": kept(of_samples),
    "an attribute of a module": kept(of_a_module),
    "a schedule by hand": kept(warmup),
    "a decay": kept(decay),
    "a momentum": kept(momentum),
    "modulo": kept(around),
    "set back": kept(set_back),
    "a rate that is an attribute": kept(given, turned),
    "a factor that others turn": kept(scaled, turned_scale),
    "a counter that others turn too": kept(used, counted_by_others),
}


def index(self, x, y):
    self.steps += 1
    return self.fit(x, y) + x[self.steps % 4, 0]


def into_a_list(self, x, y):
    self.steps += 1
    self.state.setdefault("log", []).append(self.steps)
    return self.fit(x, y)


def a_best(self, x, y):
    self.steps += 1
    self.state["best"] = self.steps if self.state["best"] is None else max(self.state["best"], self.steps)
    return self.fit(x, y)


def another_kind(self, x, y):
    self.steps = self.steps + 1 if self.steps != 7 else 0.5
    return self.fit(x, y)


def raises(self, x, y):
    self.steps += 1
    if self.steps == 9:
        raise KeyError("nine")
    return self.fit(x, y)


RIGHT = {
    "an index": kept(index),
    "a list": kept(into_a_list),
    "what was none": kept(a_best),
    "another kind": kept(another_kind),
    "an error": kept(raises),
}
"""Compiled or not, these are right."""


def course(cls, compiled, calls=16):
    trainer, found = cls(), []
    step = torch.compile(trainer.step) if compiled else trainer.step
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*runs eagerly")
        for k in range(calls):
            trainer.turn(k)
            x = torch.randn(5, 4, generator=torch.Generator().manual_seed(k))
            try:
                found.append((step(x, torch.arange(5) % 3).item(), trainer.everything()))
            except KeyError as error:
                found.append((str(error), trainer.everything()))
    return found, step, trainer


def assert_alike(a, b):
    if isinstance(a, (tuple, list)):
        assert len(a) == len(b)
        for one, other in zip(a, b):
            assert_alike(one, other)
    elif isinstance(a, float):
        assert type(b) is float and math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)
    else:
        assert type(a) is type(b) and a == b


@pytest.mark.parametrize("what", COMPILES)
def test_numbers_that_python_keeps_go_in_and_come_out(what):
    found, step, _ = course(COMPILES[what], True)
    assert_alike(course(COMPILES[what], False)[0], found)
    (signature,) = step.signatures.values()
    assert not signature.eager and 1 <= len(signature.programs) <= 4


def test_who_prints_the_number_of_each_fifth_step_has_a_program_for_the_others(capsys):
    """It ran eagerly for good once it had printed. A branch that is taken runs eagerly, so each is printed."""
    found, step, trainer = course(kept(told_now_and_then), True, 44)
    assert capsys.readouterr().out == "".join([f"step {k}\n" for k in range(5, 45, 5)])
    (signature,) = step.signatures.values()
    assert len(signature.programs) == 1 and trainer.steps == 44
    assert_alike(course(kept(told_now_and_then), False, 44)[0], found)


@pytest.mark.parametrize("what", RIGHT)
def test_what_is_kept_is_right_in_any_case(what):
    assert_alike(course(RIGHT[what], False, 12)[0], course(RIGHT[what], True, 12)[0])


def test_others_notice_a_number_that_a_program_sets():
    """A second function has the attribute of a module for a constant, until the first sets it."""
    net, x = nn.Linear(2, 2), torch.ones(2)
    net.calls = 0

    def count(x):
        net.calls += 1
        return net(x)

    count, read = torch.compile(count), torch.compile(lambda x: x * net.calls)
    for k in range(8):
        count(x)
        assert net.calls == k + 1
        if k > 4:
            for _ in range(4):
                assert read(x).tolist() == [k + 1.0] * 2


def test_threads_count_what_each_does():
    trainer = COMPILES["a counter"]()
    step, x, y = torch.compile(trainer.step), torch.ones(5, 4), torch.arange(5) % 3
    for _ in range(6):
        step(x, y)
    threads = [threading.Thread(target=lambda: [step(x, y) for _ in range(20)]) for _ in range(1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trainer.steps == 26 and type(trainer.steps) is int
