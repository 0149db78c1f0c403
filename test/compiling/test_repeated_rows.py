"""Rows of a recorded run that are written down once and copied for others (compiler/repeated_rows.py)."""

import pytest

import minitorch as torch
from minitorch.compiler import repeated_rows
from minitorch.tape import taped

nn, optim = torch.nn, torch.optim


def model_of(shapes):
    """A module of parameters of these shapes."""
    module = nn.Module()
    torch.manual_seed(0)
    for k, shape in enumerate(shapes):
        module.register_parameter(f"w{k}", nn.Parameter(torch.randn(shape)))
    return module


def trained(shapes, optimizer, compiled, steps=6, change=lambda module: None, **options):
    """The parameters and the optimizer's states after some steps, whose rate falls."""
    module = model_of(shapes)
    change(module)
    chosen = getattr(optim, optimizer)(module.parameters(), **options)

    def step(x):
        chosen.zero_grad()
        sum([(w * w * x).sum() + (w * x).sum() for w in module.parameters()]).backward()
        chosen.step()

    step = torch.compile(step, fullgraph=True) if compiled else step
    for k in range(steps):
        for group in chosen.param_groups:
            group["lr"] *= 0.9
        step(torch.tensor(1.0 + k))
    states = [x for state in chosen.state.values() for x in state.values() if isinstance(x, torch.Tensor)]
    return [*module.parameters(), *states]


@pytest.fixture
def copied(monkeypatch):
    """The number of rows that were copied so far, in a list."""
    found, whole = [0], repeated_rows.Pattern.steps_of

    def counted(pattern, values):
        found[0] += 1
        return whole(pattern, values)

    monkeypatch.setattr(repeated_rows.Pattern, "steps_of", counted)
    return found


ALIKE = [(4, 3), (4, 3), (3,), (4, 3), (3,), (3,)]
OPTIMIZERS = [
    ("Adam", {"lr": 0.1}), ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}), ("AdamW", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "centered": True}), ("Adagrad", {"lr": 0.1}),
]  # fmt: skip


@pytest.mark.parametrize(("optimizer", "options"), OPTIMIZERS, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_what_is_copied_does_what_is_recorded(optimizer, options, copied):
    expected = trained(ALIKE, optimizer, False, **options)
    assert copied == [0]
    found = trained(ALIKE, optimizer, True, **options)
    assert copied[0] >= 4
    for x, y in zip(expected, found, strict=True):
        torch.testing.assert_close(y, x)


def test_the_run_that_is_recorded_has_eager_mode_s_bits():
    expected, found = [trained(ALIKE, "AdamW", compiled, steps=2, lr=0.1) for compiled in (False, True)]
    assert all([torch.equal(x, y) for x, y in zip(expected, found, strict=True)])


def test_parameters_that_share_memory_are_right():
    def change(module):
        module.w1.data = module.w0.data

    expected, found = [trained([(3,), (3,)], "AdamW", compiled, change=change, lr=0.1) for compiled in (False, True)]
    for x, y in zip(expected, found, strict=True):
        torch.testing.assert_close(y, x)


def test_tensors_that_hold_one_value_are_told_apart():
    """Of the first row both tensors hold the same, of the second each its own."""
    add = taped(lambda p, q: p.add_(q))

    def step(x, y, z, w):
        with torch.no_grad():
            x.copy_(y)
            add.each([(x, y), (z, w)])

    found = []
    for each in (step, torch.compile(step, fullgraph=True)):
        tensors = [torch.full((3,), float(k)) for k in range(4)]
        for _ in range(4):
            each(*tensors)
        found.append(tensors)
    for x, y in zip(*found, strict=True):
        assert torch.equal(x, y)


def test_double_precision_numbers_are_not_taken_for_rates():
    torch.set_default_dtype(torch.float64)
    try:
        expected, found = [trained([(), (), ()], "Adam", compiled, lr=0.1) for compiled in (False, True)]
    finally:
        torch.set_default_dtype(torch.float32)
    for x, y in zip(expected, found, strict=True):
        torch.testing.assert_close(y, x, rtol=1e-12, atol=0)
