"""Tensors that a step leaves in other memory than it found them in, as ``x.data = new`` does: as in eager mode, call by call."""

import copy
import warnings

import numpy as np
import pytest

import minitorch as torch
from minitorch import nn

PROGRAMS = {}


def program(compiles):
    """compiles: whether it stays a program."""

    def keep(function):
        PROGRAMS[function.__name__] = function, compiles
        return function

    return keep


@program(True)
def an_average_of_weights(compile):
    """Momentum encoders are written so; what was taken of the average before a step is left alone by the step."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        for p, q in zip(model.parameters(), average.parameters(), strict=True):
            q.data = q.data * 0.9 + p.data * 0.1
        with torch.no_grad():
            target = average(x)
        optimizer.zero_grad()
        loss = (model(x) - target - x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    step, seen = compile(step), compile(lambda x: average(x).sum())
    found = []
    for k in range(7):
        before = [q.data for q in average.parameters()]
        copies = [x.clone() for x in before]
        x = torch.randn(6, 4)
        found += [step(x).item(), seen(x).item()]
        assert all([torch.equal(x, y) for x, y in zip(before, copies, strict=True)])
        if k == 4:
            average[0].weight.data = torch.ones(8, 4)
    return found, step


def descent(update):
    """A line fitted by hand: ``update(p)`` at the end of each step."""

    def run(compile):
        torch.manual_seed(0)
        w, b = torch.randn(4, 3, requires_grad=True), torch.zeros(3, requires_grad=True)

        def step(x, y):
            loss = (x @ w + b - y).square().mean()
            loss.backward()
            for p in (w, b):
                update(p)
                p.grad = None
            return loss

        step = compile(step)
        return [step(torch.randn(5, 4), torch.randn(5, 3)).item() for _ in range(6)] + w.tolist() + b.tolist(), step

    return run


def down(p):
    p.data = p.data - 0.1 * p.grad


def down_out_of_order(p):
    p.data = (p.data - 0.1 * p.grad).t().contiguous().t() if p.ndim == 2 else p.data - 0.1 * p.grad


PROGRAMS["descent by hand"] = descent(down), True
PROGRAMS["a weight turned"] = descent(down_out_of_order), False


def on_one_tensor(change, compiles):
    """``change(q, x)`` gives a result, and may let q lie elsewhere."""

    def run(compile):
        torch.manual_seed(0)
        q, kept = torch.ones(3), []
        step = compile(lambda x: change(q, x, kept))
        found = []
        for _ in range(5):
            result = step(torch.randn(3))
            result.mul_(2)
            found.append((result.tolist(), q.tolist()))
        return found, step

    PROGRAMS[change.__name__] = run, compiles


def what_it_returns_as_well(q, x, kept):
    y = x + q
    q.data = y
    return y


def a_view_of_it_returned(q, x, kept):
    y = x + q
    q.data = y
    return y[:2]


def written_to_afterwards(q, x, kept):
    q.data = x + q
    q.mul_(0.5)
    return q * 1


def written_to_before(q, x, kept):
    old = q.detach()
    q.add_(1)
    q.data = x + q
    old.mul_(3)
    return old + q


def of_an_array(q, x, kept):
    q.data = torch.from_numpy(np.ones(3, dtype="float32"))
    return q * x


def of_its_argument(q, x, kept):
    q.data = x
    return q * 2


def twice(q, x, kept):
    q.data = q + x
    q.data = q * 2
    return q + x


for change, compiles in [
    (what_it_returns_as_well, False), (a_view_of_it_returned, False), (written_to_afterwards, True), (written_to_before, True),
    (of_an_array, False), (of_its_argument, False), (twice, True),
]:  # fmt: skip
    on_one_tensor(change, compiles)


@program(False)
def two_that_change_places(compile):
    torch.manual_seed(0)
    a, b = torch.ones(3), torch.zeros(3)

    def step(x):
        a.data, b.data = b.data, a.data
        return a * x

    step = compile(step)
    return [(step(torch.randn(3)).tolist(), a.tolist(), b.tolist()) for _ in range(5)], step


def numbers(nested):
    """All numbers in lists and tuples, one after the other."""
    return [x for part in nested for x in numbers(part)] if isinstance(nested, (list, tuple)) else [nested]


@pytest.mark.parametrize("name", PROGRAMS)
def test_tensors_are_left_in_new_memory(name):
    run, compiles = PROGRAMS[name]
    expected, _ = run(lambda function: function)
    with warnings.catch_warnings():
        if not compiles:
            warnings.simplefilter("ignore")  # of a step that runs eagerly
        found, step = run(torch.compile)
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-5, atol=1e-6)
    assert any([x.programs for x in step.signatures.values()]) is compiles
