"""Integers that are other arguments at each call: one program for all, where they are only computed with; where they decide a place or
a size, a program for each, up to a number of them. Never another answer than eager mode's, and never an error that it doesn't raise."""

import json
import math
import operator
import pickle
import warnings

import pytest
from test_symbolic_arguments import answered

import minitorch as torch
from minitorch.nn import functional as F
from minitorch.symbolic import GivenInt, Questions

TABLE = [0.5] * 7 + [0.25] * 40

MOVE = {
    "a factor": lambda x, i: x * i,
    "in a formula": lambda x, i: x - (1 - 0.9**i) * x / (i + 2) ** 2 + i // 3 + i % 4 - (-i) + abs(i),
    "alpha": lambda x, i: x.add(x, alpha=i),
    "in place": lambda x, i: x.clone().mul_(i).add_(i).sub_(x, alpha=i).div_(i + 1),
    "bounds": lambda x, i: x.clamp(-i / 10, i / 10),
    "a bound": lambda x, i: x.clamp(max=i),
    "compared": lambda x, i: (x > i).sum(),
    "an exponent": lambda x, i: (x.abs() + 1) ** (i / 4),
    "filled": lambda x, i: torch.full((4,), 1.0) * i + x.clone().fill_(i),
    "a branch": lambda x, i: x * 2 if i % 4 == 0 else x,
    "two branches": lambda x, i: x * 2 if i > 3 and i & 1 else x - i,
    "nothing": lambda x, i: x * 2,
    "a schedule": lambda x, i: x * (0.5 * (1 + math.cos(math.pi * i / 40)) if i >= 4 else (i + 1) / 4),
    "the smaller": lambda x, i: x * min(1.0, i / 8),
    "given back": lambda x, i: (x * 2, i, i + 1, i / 2),
    "narrow": lambda x, i: x.bfloat16() * i,
    "double": lambda x, i: x.double() / (i + 1),
    "a mean": lambda x, i: (x * i + x) / (i + 1),
    "a gradient": lambda x, i: torch.func.grad(lambda v: ((v * i).square() + v).sum() * i)(x),
    "a root": lambda x, i: x * math.sqrt(i + 1) + math.log1p(i) + math.exp(-i),
}
"""Few programs do for all values."""

DECIDE = {
    "columns": lambda x, i: x[:, : i % 5],
    "a row": lambda x, i: x[i % 5],
    "rows": lambda x, i: x[: i % 4 + 1].sum(0),
    "of a list": lambda x, i: x * TABLE[i],
    "of a dict": lambda x, i: x * {1: 2.0}.get(i, 3.0),
    "a range": lambda x, i: sum([x * k for k in range(i % 4)], x),
    "enumerated": lambda x, i: sum([v * k for k, v in enumerate(x, i)]),
    "a size": lambda x, i: torch.zeros(i % 3 + 1).sum() + x,
    "a size of two": lambda x, i: torch.ones(2, i % 3 + 1).sum() * x,
    "a shape": lambda x, i: x.reshape(20 if i % 2 else 5, -1),
    "a view": lambda x, i: x.view(-1, 4 if i % 2 else 2),
    "arange": lambda x, i: torch.arange(i % 6).sum() * x,
    "linspace": lambda x, i: torch.linspace(0, 1, i + 1).sum() * x,
    "rolled": lambda x, i: x.roll(i, 1),
    "repeated": lambda x, i: x.repeat(i % 3 + 1, 1),
    "narrow": lambda x, i: x.narrow(0, i % 3, 2),
    "padded": lambda x, i: F.pad(x, (i % 3, 1)),
    "the largest": lambda x, i: x.topk(i % 4 + 1)[0],
    "split": lambda x, i: x.split(i % 4 + 1)[0],
    "a class": lambda x, i: F.one_hot(torch.tensor([0, 1]), i + 2),
    "a target": lambda x, i: F.cross_entropy(x, torch.tensor([i % 4] * 5)),
    "a tensor": lambda x, i: torch.tensor(i) * x,
    "a tensor of two": lambda x, i: torch.tensor([i, 1]).sum() * x,
    "integers": lambda x, i: x.long() * i + (x.long() << (i % 5)) - x.long() // (i + 1),
    "filled with integers": lambda x, i: torch.full((3,), i),
    "a dim": lambda x, i: x.sum(i % 2),
    "a power": lambda x, i: x ** (i % 4),
    "a place that is written": lambda x, i: x.clone().index_fill_(0, torch.tensor([i % 5]), 1.0),
    "written by a slice": lambda x, i: operator.setitem(y := x.clone(), i % 5, 0.0) or y,
    "a kernel": lambda x, i: F.avg_pool1d(x[None], i % 3 + 1),
    "a window": lambda x, i: x.unfold(1, i % 3 + 1, 1).sum(-1),
    "larger": lambda x, i: F.interpolate(x[None], size=i + 1),
    "a convolution": lambda x, i: F.conv1d(x[None], torch.ones(5, 1, 2), groups=5, stride=i % 2 + 1),
    "dropout": lambda x, i: F.dropout(x, (i % 5) / 10),
    "a text": lambda x, i: x * len(f"{i}") + len("%d" % i) + len(str(i)),
    "a whole root": lambda x, i: x * math.isqrt(i),
    "bits": lambda x, i: x * i.bit_length(),
    "a float": lambda x, i: x * float(i),
    "itself": lambda x, i: x * int(i),
    "rounded": lambda x, i: x * round(i / 3),
    "floor": lambda x, i: x[: math.floor(i / 4) + 1],
    "a divisor": lambda x, i: x * math.gcd(i, 12) + divmod(i, 3)[1],
    "a list that many times": lambda x, i: x * len([0] * i),
    "a number of a kind": lambda x, i: x * 2 if isinstance(i, int) and not isinstance(i, (bool, float)) else x,
    "the same number": lambda x, i: x * (1 if i in (2, 4) else 2),
    "a key": lambda x, i: x * len({i, 3}),
    "sorted": lambda x, i: x * sorted([3, i, 5])[0],
    "pickled": lambda x, i: x * pickle.loads(pickle.dumps(i)),
    "a matrix": lambda x, i: torch.eye(i % 4 + 1).sum() * x,
    "random": lambda x, i: torch.randint(0, i + 1, (3,)) + torch.rand(i % 3 + 1).sum(),
    "triangular": lambda x, i: x.tril(i % 3),
    "norm": lambda x, i: x.norm(i % 3 + 1),
}
"""Each value has a program of its own, up to a number of them, or runs eagerly."""


@pytest.mark.parametrize("what", MOVE)
def test_an_integer_that_is_computed_with_moves(what):
    compiled = answered(MOVE[what], range(20))
    programs = [p for s in compiled.signatures.values() for p in s.programs]
    assert 1 <= len(programs) <= 5 and not any([s.eager for s in compiled.signatures.values()])


@pytest.mark.parametrize("what", DECIDE)
def test_an_integer_that_decides_is_never_another(what):
    answered(DECIDE[what], [0, 1, 2, 3, 3, 3, 3, 4, 7, 8, 3])


@pytest.mark.parametrize("what", ["columns", "a row", "a size", "rolled"])
def test_a_few_sizes_have_a_program_each(what):
    compiled = answered(DECIDE[what], [1, 2, 3] * 5)
    assert not any([s.eager for s in compiled.signatures.values()])
    assert sum([len(s.programs) for s in compiled.signatures.values()]) >= 3


def test_what_no_integer_gives_is_raised():
    def quotient(x, i):
        return x * (1 / i) * math.log(i)

    compiled, x = answered(quotient, range(1, 8)), torch.ones(5, 4)
    for i, kind in ((0, ZeroDivisionError), (-1, ValueError)):
        with pytest.raises(kind):
            compiled(x, i)
    assert compiled(x, 3)[0, 0] == quotient(x, 3)[0, 0]


def test_a_number_of_item_is_looked_at_by_mathematics():
    def scaled(x, i):
        return x * math.sqrt(x.sum().item()) * i

    compiled, found = torch.compile(scaled), []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for i in (1, 2, 3, 3, 3, 4, 5, 6, 7, 8):
            x = torch.full((2,), 1.0 + i % 2)
            found.append(compiled(x, i).tolist() == scaled(x, i).tolist())
    assert all(found) and len(said) == 1 and "item looks at a tensor's values" in str(said[0].message)


def test_truths_and_floats_are_no_integers():
    compiled, x = torch.compile(lambda x, i: x * i), torch.ones(2)
    for value in (1, 2, 3, True, 2.5, 4, False, 1.0, 5):
        assert compiled(x, value).tolist() == [float(value)] * 2


def test_an_integer_that_is_none_looks_like_one():
    questions = Questions()
    i = questions.given(7, "n0")
    assert type(i) is GivenInt and isinstance(i, int) and i.__class__ is int and not isinstance(i, bool)
    assert (i + 1).text == "(n0 + (1))" and (2 ** i / 3).text == "(((2) ** n0) / (3))" and not questions.asked
    assert [0] * i == [0] * 7 and list(range(i)) == list(range(7)) and questions.asked == {"n0": 7}
    questions.end()
    assert (type(i + 1), i + 1, 10 - i, i / 2, str(i), hash(i), i == 7) == (int, 8, 3, 3.5, "7", hash(7), True)
    assert json.dumps({"i": i + 0}) == '{"i": 7}'
