"""Functions of several rows replayed on arrays, and gone back through in one Node: the numbers are those of the function, bit for bit."""

import math
import warnings

import pytest

import minitorch as torch
from minitorch import replay_piece
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
            assert len(runs) == min(k, WORTH) + 1 + (k >= WORTH)
            found.add_(1)  # it has memory of its own
            assert x.tolist() != found.tolist()


def test_other_shapes_and_numbers_are_other_calls():
    again, runs = counted(shares)
    with torch.no_grad():
        for _ in range(WORTH + 2):
            for shape, scale in (((3, 4), 2.0), ((4, 3), 2.0), ((3, 4), 2), ((3, 4), True), ((1, 4), 1.0)):
                x, y = inputs(*shape)
                assert again(x, y, scale).tolist() == shares(x, y, scale).tolist()
    assert len(runs) == 5 * (WORTH + 2)


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


@pytest.mark.parametrize("function", [lambda x, y: x, lambda x, y: (x + y)[0], lambda x, y: x + torch.tensor([1.0, 2.0, 3.0])], ids=["itself", "a view", "a constant"])
def test_what_cannot_be_replayed_runs(function):
    again, runs = counted(function)
    with torch.no_grad():
        for _ in range(WORTH + 3):
            x, y = inputs(3, 3)
            found = again(x, y)
            assert (found is x) == (function(x, y) is x)
    assert len(runs) == WORTH + 4


def spread(x, y, scale):
    """Reads its own result on the way back, keeps something between, and doesn't read all that it was given."""
    size = (x * scale).exp().sum(-1, keepdim=True).sqrt()
    return (x / size + y).square()


FUNCTIONS = [shares, mixed, turned, spread]


def gradients(function, x, y, wanted, seed):
    """The result; the gradients of those of x and y that are ``wanted``."""
    leaves = [v.detach().requires_grad_(w) for v, w in zip((x, y), wanted)]
    result = function(*leaves, 0.7)
    result.backward(seed)
    return [result, *[v.grad for v in leaves if v.grad is not None]]


@pytest.mark.parametrize("wanted", [(True, False), (False, True), (True, True)], ids=["x", "y", "both"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_gradients_have_the_same_bits(function, dtype, wanted):
    if function is mixed and not wanted[0]:
        pytest.skip("of that it has no gradient")
    again, runs = counted(function)
    seed = torch.randn(function(*inputs(3, 4), 0.7).shape).to(dtype)
    for _ in range(WORTH + 20):  # the walk back is written down too (replay.py)
        x, y = inputs(3, 4, dtype=dtype)
        for found, expected in zip(gradients(again, x, y, wanted, seed), gradients(function, x, y, wanted, seed)):
            assert found.dtype is expected.dtype and found.shape == expected.shape and found.tolist() == expected.tolist()
    assert len(runs) == WORTH + 2


def written_down(function, wanted=(True, True)):
    """The function, called until it is a piece."""
    again, runs = counted(function)
    for _ in range(WORTH + 1):
        x, y = inputs(3, 4)
        again(x.requires_grad_(wanted[0]), y.requires_grad_(wanted[1]), 0.7)
    return again, runs


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_it_can_be_differentiated_again(function):
    again, runs = written_down(function)
    values, found = inputs(3, 4), []
    for f in (again, function):
        x, y = [v.detach().requires_grad_() for v in values]
        slopes = torch.autograd.grad(f(x, y, 0.7).sin().sum(), (x, y), create_graph=True, materialize_grads=True)
        total = sum([(d * d).sum() for d in slopes])
        found.append([*slopes, *torch.autograd.grad(total, (x, y), materialize_grads=True)])
    for a, b in zip(*found):
        torch.testing.assert_close(a, b)
    assert len(runs) > WORTH + 2  # it ran once more for that


def test_only_one_of_the_gradients_is_asked_for():
    again, _ = written_down(spread)
    x, y = [v.requires_grad_() for v in inputs(3, 4)]
    for v in (x, y):
        for result in (again(x, y, 0.7), spread(x, y, 0.7)):
            torch.testing.assert_close(torch.autograd.grad(result.sum(), v), torch.autograd.grad(spread(x, y, 0.7).sum(), v))


def test_one_node_with_the_functions_name_stands_for_it():
    again, _ = written_down(spread)
    x, y = [v.requires_grad_() for v in inputs(3, 4)]
    node = again(x, y, 0.7).grad_fn
    assert [edge.variable is v for (edge, _), v in zip(node.next_functions, (x, y))] == [True, True]
    assert len(node.next_functions) == 2 and node.name() == "watchedBackward0"


def test_what_is_read_may_not_be_written_to_and_what_isnt_may():
    again, _ = written_down(lambda x, y, scale: (x * x * scale) + y)
    x, y = [v.requires_grad_() * 1 for v in inputs(3, 4)]
    result = again(x, y, 0.7)
    y.add_(1)
    result.sum().backward(retain_graph=True)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()


def test_what_is_kept_between_as_a_view_of_an_input_may_not_be_written_to():
    again, _ = written_down(lambda x, y, scale: x.unsqueeze(0) * (x + y) * scale)
    x, y = [v.requires_grad_() * 1 for v in inputs(3, 4)]
    result = again(x, y, 0.7)
    x.detach().add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.sum().backward()


def test_a_result_without_a_gradient_has_none():
    again, _ = written_down(mixed, wanted=(False, True))
    x, y = inputs(3, 4)
    assert not again(x, y.requires_grad_(), 0.7).requires_grad


def test_a_graph_is_freed_once():
    again, _ = written_down(spread)
    x, y = [v.requires_grad_() for v in inputs(3, 4)]
    result = again(x, y, 0.7).sum()
    result.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        result.backward()


def test_inputs_that_are_views_and_tensors_of_inference_mode():
    again, _ = written_down(lambda x, y, scale: x * y * scale)
    base = torch.randn(6, 4, requires_grad=True)
    again(base[:3], base[3:], 0.7).sum().backward()
    assert base.grad.tolist() == (torch.cat([base[3:], base[:3]]) * torch.tensor(0.7)).tolist()
    with torch.inference_mode():
        x, y = inputs(3, 4)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        again(base[:3], y, 0.7)


def test_a_warning_is_given_each_time():
    def warns(x, y):
        warnings.warn("look", UserWarning, stacklevel=1)
        return x + y

    again, runs = counted(warns)
    for _ in range(WORTH + 3):
        with pytest.warns(UserWarning, match="look"):
            again(*inputs(2, 2))


def test_where_somebody_listens_or_casts_the_function_runs():
    again, runs = counted(shares)
    with torch.no_grad():
        for _ in range(WORTH + 2):
            again(*inputs(3, 4), 0.7)
    before, (x, y) = len(runs), inputs(3, 4)
    with torch.no_grad(), torch.profiler.profile() as told:
        again(x, y, 0.7)
    assert len(runs) == before + 1 and any(["softmax" in event.key for event in told.key_averages()])
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        again(x, y, 0.7)
    assert len(runs) == before + 2


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
    assert len(again.pieces) <= KINDS


@pytest.mark.parametrize("name", ["layer_norm", "gelu", "attention"])
def test_the_librarys_own_functions_are_written_down_once(name, monkeypatch):
    x, weight = torch.randn(3, 2, 4, 8), torch.randn(8)
    run = {
        "layer_norm": lambda: F.layer_norm(x, (8,), weight, weight),
        "gelu": lambda: F.gelu(x),
        "attention": lambda: F.scaled_dot_product_attention(x, x, x, torch.ones(4, 4, dtype=torch.bool).tril()),
    }[name]
    made = []
    monkeypatch.setattr(replay_piece, "written", lambda *args, kept=replay_piece.written: made.append(args) or kept(*args))
    expected = run()
    with torch.no_grad():
        for _ in range(WORTH + 3):
            assert run().tolist() == expected.tolist()
    assert len(made) == 1
