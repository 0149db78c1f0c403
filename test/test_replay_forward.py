"""Functions replayed on arrays where no gradient is recorded: the numbers are those of the function, bit for bit."""

import math

import pytest

import minitorch as torch
from minitorch import replay_forward
from minitorch.nn import functional as F
from minitorch.replay_forward import KINDS, WORTH, replayed


def shares(x, y, scale):
    return (x * scale + y).softmax(-1)


def mixed(x, y, scale):
    return x.where(y > 0, scale).mean(-1, keepdim=True)


def turned(x, y, scale):
    return (x + y).transpose(0, 1) * scale


def counted(function):
    """The function, and a list that gets longer whenever it really runs."""
    runs = []

    def watched(*args):
        runs.append(args)
        return function(*args)

    return replayed(watched), runs


def inputs(*shape, dtype=torch.float32):
    return [torch.randn(*shape).to(dtype) for _ in range(2)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("function", [shares, mixed, turned], ids=lambda f: f.__name__)
def test_the_same_bits(function, dtype):
    again, runs = counted(function)
    with torch.no_grad():
        for k in range(WORTH + 4):
            x, y = inputs(3, 4, dtype=dtype)
            found, expected = again(x, y, 0.7), function(x, y, 0.7)
            assert found.dtype is expected.dtype and found.shape == expected.shape and found.tolist() == expected.tolist()
            assert len(runs) == min(k, WORTH) + 1
            found.add_(1)  # it has memory of its own
            assert x.tolist() != found.tolist()


def test_other_shapes_and_numbers_are_other_calls():
    again, runs = counted(shares)
    with torch.no_grad():
        for _ in range(WORTH + 2):
            for shape, scale in (((3, 4), 2.0), ((4, 3), 2.0), ((3, 4), 2), ((3, 4), True), ((1, 4), 1.0)):
                x, y = inputs(*shape)
                assert again(x, y, scale).tolist() == shares(x, y, scale).tolist()
    assert len(runs) == 5 * (WORTH + 1)


def test_one_tensor_passed_twice_is_two():
    again, _ = counted(shares)
    x, y = inputs(3, 4)
    with torch.no_grad():
        for _ in range(WORTH + 2):
            again(x, x, 0.5)
        assert again(x, y, 0.5).tolist() == shares(x, y, 0.5).tolist()


def test_zeros_of_both_signs():
    again, _ = counted(lambda x, zero: x.where(x > 0, zero))
    x = torch.tensor([-1.0, 1.0])
    with torch.no_grad():
        for zero in (0.0, -0.0):
            signs = [math.copysign(1, again(x, zero)[0].item()) for _ in range(WORTH + 2)]
            assert signs == [math.copysign(1, zero)] * (WORTH + 2)


@pytest.mark.parametrize("function", [lambda x, y: x, lambda x, y: (x + y)[0], lambda x, y: x + torch.rand(3)], ids=["itself", "a view", "a draw"])
def test_what_cannot_be_replayed_runs(function):
    again, runs = counted(function)
    with torch.no_grad():
        for _ in range(WORTH + 3):
            x, y = inputs(3, 3)
            found = again(x, y)
            assert (found is x) == (function(x, y) is x)
    assert len(runs) == WORTH + 3


def test_where_gradients_are_recorded_or_somebody_listens_the_function_runs():
    again, runs = counted(shares)
    with torch.no_grad():
        for _ in range(WORTH + 2):
            again(*inputs(3, 4), 0.7)
    before, (x, y) = len(runs), inputs(3, 4)
    x.requires_grad = True
    again(x, y, 0.7).sum().backward()
    assert x.grad is not None and len(runs) == before + 1
    with torch.no_grad(), torch.profiler.profile() as told:
        again(x, y, 0.7)
    assert len(runs) == before + 2 and any(["softmax" in event.key for event in told.key_averages()])
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        again(x, y, 0.7)
    assert len(runs) == before + 3


def test_inference_mode_makes_inference_tensors():
    again, _ = counted(shares)
    with torch.inference_mode():
        for _ in range(WORTH + 2):
            assert again(*inputs(3, 4), 0.7).is_inference()
    with torch.no_grad():
        assert not again(*inputs(3, 4), 0.7).is_inference()


def test_so_many_kinds_are_kept():
    again, _ = counted(shares)
    with torch.no_grad():
        for k in range(KINDS + 3):
            again(*inputs(1, 2), k + 0.5)
    assert len(again.tapes) <= KINDS


@pytest.mark.parametrize("name", ["layer_norm", "gelu", "attention"])
def test_the_librarys_own_functions_are_written_down_once(name, monkeypatch):
    x, weight = torch.randn(3, 2, 4, 8), torch.randn(8)
    run = {
        "layer_norm": lambda: F.layer_norm(x, (8,), weight, weight),
        "gelu": lambda: F.gelu(x),
        "attention": lambda: F.scaled_dot_product_attention(x, x, x, torch.ones(4, 4, dtype=torch.bool).tril()),
    }[name]
    made = []
    monkeypatch.setattr(replay_forward, "written", lambda *args, kept=replay_forward.written: made.append(args) or kept(*args))
    expected = run()
    with torch.no_grad():
        for _ in range(WORTH + 3):
            assert run().tolist() == expected.tolist()
    assert len(made) == 1
