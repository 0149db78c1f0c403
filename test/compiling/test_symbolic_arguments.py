"""Floats that are other arguments at each call: one program for all of them, where they are only computed with."""

import math
import warnings

import pytest

import minitorch as torch
from minitorch.nn import functional as F
from minitorch.symbolic import Given

VALUES = [0.9 / (1 + k) for k in range(12)]

MOVE = {
    "a factor": lambda x, lr: x * lr,
    "in a formula": lambda x, lr: x - (1 - 0.9 * lr) * x / (lr + 2) ** 2,
    "of either sign": lambda x, lr: x + abs(-lr) % 0.25 + lr // 0.1,
    "alpha": lambda x, lr: x.add(x, alpha=-lr),
    "in place": lambda x, lr: x.clone().mul_(lr).add_(x, alpha=lr).addcmul_(x, x, value=lr).addcdiv_(x, x.abs() + 1, value=-lr),
    "bounds": lambda x, lr: x.clamp(-lr, lr),
    "one bound": lambda x, lr: x.clamp(max=lr),
    "compared": lambda x, lr: (x > lr).sum(),
    "chosen": lambda x, lr: torch.where(x > 0, x, lr),
    "exponent": lambda x, lr: x.abs() ** lr + lr**x,
    "filled": lambda x, lr: x.clone().fill_(lr) + torch.full((4,), lr) + torch.tensor(lr),
    "assigned": lambda x, lr: torch.zeros(3).index_fill(0, torch.tensor([1]), 1.0).add(lr),
    "interpolated": lambda x, lr: x.lerp(x * 2, lr),
    "of integers": lambda x, lr: x.long() * lr,
    "narrow": lambda x, lr: x.bfloat16() * lr + lr,
    "narrow, in place": lambda x, lr: x.half().mul_(lr).sub_(x.half(), alpha=lr),
    "double": lambda x, lr: x.double() * lr,
    "a slope": lambda x, lr: F.leaky_relu(x, lr),
    "smoothing": lambda x, lr: F.cross_entropy(x, torch.arange(5) % 4, label_smoothing=lr),
    "a gradient": lambda x, lr: torch.func.grad(lambda v: ((v * lr).square() + v**lr).sum() * lr)(x.abs() + 1),
    "a number given back": lambda x, lr: (x * 2, lr, lr * 2),
    "the smaller": lambda x, lr: x * min(1.0, 3 * lr),
    "a branch": lambda x, lr: x * lr if lr > 0.2 else x - lr,
    "whole part": lambda x, lr: x * int(lr * 3),
}
"""Here few programs do for all values."""

SETTLE = {
    "of C": lambda x, lr: x * math.sqrt(lr),
    "rounded by C": lambda x, lr: x * float(f"{lr:.1f}"),
    "in a list": lambda x, lr: torch.tensor([lr, 1.0]).sum() * x,
    "in an array": lambda x, lr: x * float(__import__("numpy").sign(lr - 0.2)),
    "rounded": lambda x, lr: x * round(lr, 1),
    "a place": lambda x, lr: x[: math.floor(lr * 4) + 1],
    "a probability": lambda x, lr: F.dropout(x, lr),
}
"""Here each value has a program of its own, up to a number of them, or runs eagerly. None is wrong."""


def assert_same(found, expected):
    found, expected = [list(x) if isinstance(x, tuple) else [x] for x in (found, expected)]
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert type(a) is type(b)
        if isinstance(a, torch.Tensor):
            torch.testing.assert_close(a, b, rtol=2e-6, atol=1e-6, equal_nan=True)
        else:
            assert a == b


def answered(function, values=VALUES):
    """The compiled function, after calls with the values whose answers were right."""
    compiled, x = torch.compile(function), torch.arange(-9.0, 11.0).reshape(5, 4) / 5
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*runs eagerly")
        for k, lr in enumerate(values):
            torch.manual_seed(k)
            expected = function(x, lr)
            torch.manual_seed(k)
            assert_same(compiled(x, lr), expected)
    return compiled


def moving(compiled):
    """The programs that aren't for one number alone."""
    return [p for s in compiled.signatures.values() for p in s.programs if not p.fixed and "answer" in vars(p) and p.answer.source.count("n0 = ")]


@pytest.mark.parametrize("what", MOVE)
def test_a_number_that_is_computed_with_moves(what):
    compiled = answered(MOVE[what])
    assert 1 <= len(moving(compiled)) <= 3 and not any([s.eager for s in compiled.signatures.values()])


@pytest.mark.parametrize("what", SETTLE)
def test_a_number_that_is_looked_at_is_never_another(what):
    answered(SETTLE[what])
    answered(SETTLE[what], [0.5, 0.51, 0.5, 0.51, 0.5, 0.51, 0.1, 0.9])


def test_each_value_by_itself_has_no_program_of_its_own():
    """A number that stays for a while is a constant until it changes; then one program reads it."""
    compiled = answered(lambda x, lr: x * lr, [0.5] * 4 + [0.25] * 4 + [0.125] * 3)
    assert len(moving(compiled)) == 1 and sum([len(s.programs) for s in compiled.signatures.values()]) <= 3


def test_signs_of_zero_and_what_is_no_number():
    answered(lambda x, lr: x * lr if lr else x / lr if lr != lr else lr / x, [1.0, 2.0, 0.5, 3.0, -0.0, 0.0, -0.0, 4.0, math.inf, 7.0])


def test_what_python_cannot_work_out_is_raised():
    def inverse(x, lr):
        return x * (1 / lr)

    compiled = answered(inverse)
    with pytest.raises(ZeroDivisionError):
        compiled(torch.ones(5, 4), 0.0)
    assert compiled(torch.ones(5, 4), 4.0)[0, 0] == 0.25


def test_by_name_and_beside_others():
    @torch.compile
    def moved(x, *, lr, decay=0.5, flag=True):
        return x * lr - decay * x if flag else x

    x = torch.ones(3)
    for k in range(10):
        lr, decay = 1.0 + k, 1 / (k + 2)
        assert_same(moved(x, lr=lr, decay=decay), x * lr - decay * x)
    assert len(moving(moved)) == 1
    assert_same(moved(x, lr=1, decay=0.25), x * 0.75)  # an int is another thing


def test_weights_are_moved_by_a_rate_that_is_given():
    model = torch.nn.Linear(3, 2)
    twin = torch.nn.Linear(3, 2)
    twin.load_state_dict(model.state_dict())

    def step_of(model):
        def step(x, lr):
            loss = model(x).square().mean() * lr
            model.zero_grad()
            loss.backward()
            with torch.no_grad():
                for p in model.parameters():
                    p.sub_(lr * p.grad)
            return loss.detach(), lr

        return step

    eager, compiled, x = step_of(twin), torch.compile(step_of(model)), torch.randn(4, 3)
    for lr in VALUES:
        assert_same(compiled(x, lr), eager(x, lr))
        assert_same(model.weight.detach(), twin.weight.detach())
    assert len(moving(compiled)) == 1


def test_a_later_backward_finds_the_number_of_its_own_forward():
    w = torch.ones(3, requires_grad=True)
    scaled = torch.compile(lambda x, lr: (w * x).square() * lr)
    x = torch.tensor([1.0, 2.0, 3.0])
    for lr in VALUES:
        scaled(x, lr).sum().backward()
    assert len(moving(scaled)) == 1
    w.grad = None
    first, second = scaled(x, 10.0), scaled(x, 100.0)
    first.sum().backward()
    assert_same(w.grad, 20 * x * x)
    second.sum().backward()
    assert_same(w.grad, 220 * x * x)


def test_a_number_that_is_kept_somewhere():
    """What a function stores is a plain float, and no program would store it."""
    seen = []

    def noted(x, lr):
        seen.append(lr * 2)
        return x * lr

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*runs eagerly")
        compiled = torch.compile(noted)
        for lr in VALUES:
            compiled(torch.ones(2), lr)
    assert seen == [lr * 2 for lr in VALUES]


def test_checked_calls_compare_them_too():
    checked = torch.compile(lambda x, lr: x * lr + lr, check=True)
    for lr in VALUES:
        assert_same(checked(torch.ones(2), lr), torch.ones(2) * lr + lr)


def test_what_a_run_leaves_to_go_backward_through_keeps_plain_numbers():
    """Eager mode remembers how a row went backward: with one number at a place where the next has another."""
    w, x = torch.ones(3, requires_grad=True), torch.tensor([1.0, 2.0, 3.0])

    def scaled(x, lr):
        return (w * lr).add(x, alpha=lr) * lr

    compiled = torch.compile(scaled)
    for lr in [0.5, 0.25, 0.125, 0.75]:
        for function, rate in [(compiled, lr), (scaled, 2 * lr)]:
            result = function(x, rate)
            assert all([x.__class__ is not Given for x in (*result._node.saved, *result._node.params)])
            w.grad = None
            result.sum().backward()
            assert_same(w.grad, torch.full((3,), rate * rate))


def test_numbers_end_with_a_run_that_fails():
    kept = []

    @torch.compile
    def failing(x, lr):
        kept.append(lr)
        raise ValueError(str(lr * 2))

    for lr in [0.5, 0.25, 0.125]:
        with pytest.raises(ValueError, match=str(lr * 2)):
            failing(torch.ones(2), lr)
    assert_same(torch.ones(2) * kept[-1], torch.full((2,), 0.125))
    assert (torch.ones(2, requires_grad=True) * kept[-1])._node.saved[2].__class__ is float
