"""Compiled modules whose backward is called from outside, and functions that only compute."""

import pytest

import minitorch as torch
from minitorch import nn, optim
from minitorch.nn import functional as F


def network():
    return nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 3))


def course(wrap):
    """Numbers of a training run with two forwards before each backward, then of evaluation, then of gradients by the input."""
    torch.manual_seed(0)
    model = network()
    compiled, optimizer, found = wrap(model), optim.Adam(model.parameters(), lr=0.01), []
    for _ in range(8):
        x, y = torch.randn(8, 4), torch.randn(8, 3)
        loss = F.mse_loss(compiled(x), y) + compiled(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    model.eval()
    with torch.no_grad():
        found += [compiled(x).sum().item() for _ in range(4)]
    model.train()
    found.append(F.mse_loss(compiled(x), y).item())
    x.requires_grad_()
    for _ in range(4):
        (g,) = torch.autograd.grad(compiled(x).square().sum(), x)
        found.append(g.sum().item())
    return found


def test_a_compiled_module_trains_as_the_eager_one():
    expected, found = course(lambda model: model), course(lambda model: torch.compile(model, fullgraph=True))
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_a_module_under_autocast_may_leave_values_in_another_order(dtype):
    """What attention keeps for its backward: transposed tensors of narrow dtypes."""

    def course(wrap):
        torch.manual_seed(0)
        project, found = nn.Linear(8, 24), []

        def attended(x):
            q, k, v = (t.unflatten(-1, (2, 4)).transpose(1, 2) for t in project(x).chunk(3, -1))
            return (q @ k.transpose(-2, -1)).softmax(-1) @ v

        attention = wrap(attended)
        for _ in range(5):
            with torch.autocast("cpu", dtype=dtype):
                loss = attention(torch.randn(3, 5, 8)).float().square().mean()
            loss.backward()
            found.append(loss.item())
        return [*found, project.weight.grad.sum().item()]

    assert course(torch.compile) == pytest.approx(course(lambda model: model), rel=1e-2)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_narrow_types_are_computed_with_as_at_the_gate(dtype):
    """relu, which NumPy runs with a zero of each dtype, and a sum that bfloat16's own additions would lose."""
    x = torch.linspace(-1, 1, 600).to(dtype)
    compiled = compiled_at(lambda x: (x.relu() + 1).cumsum(0), x)
    assert torch.equal((x.relu() + 1).cumsum(0), compiled(x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_narrow_types_are_written_in_place(dtype):
    x = torch.linspace(-1, 1, 600).to(dtype)
    compiled = compiled_at(lambda x: (x * 2).relu_().mul_(0.3).clamp_max_(0.5), x)
    assert torch.equal((x * 2).relu_().mul_(0.3).clamp_max_(0.5), compiled(x))


def compiled_at(function, *args, calls=4):
    """The compiled function after it has become a program."""
    compiled = torch.compile(function, fullgraph=True)
    for _ in range(calls):
        compiled(*args)
    return compiled


def test_backward_twice_is_an_error_and_retain_graph_helps():
    x = torch.randn(3, requires_grad=True)
    compiled = compiled_at(lambda x: (x * x).sum(), x)
    y = compiled(x)
    y.backward(retain_graph=True)
    y.backward()
    assert torch.equal(x.grad, 4 * x.detach())
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_a_value_written_to_before_backward_is_an_error():
    x, w = torch.randn(3, requires_grad=True), torch.randn(3)
    compiled = compiled_at(lambda x, w: (x * w).sum(), x, w)
    y = compiled(x, w)
    w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_second_derivatives():
    x = torch.tensor([2.0], requires_grad=True)
    compiled = compiled_at(lambda x: x * x * x, x)
    (first,) = torch.autograd.grad(compiled(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    assert first.item() == 12 and second.item() == 12


def test_several_results_of_which_one_goes_backward():
    x = torch.randn(4, requires_grad=True)
    compiled = compiled_at(lambda x: {"a": x.sin(), "b": (x * 2, 7)}, x)
    found = compiled(x)
    assert found["b"][1] == 7
    found["b"][0].sum().backward()
    assert torch.equal(x.grad, torch.full((4,), 2.0))


def test_a_parameter_that_was_replaced_is_used():
    layer = nn.Linear(2, 2)
    compiled, x = torch.compile(layer), torch.randn(1, 2)
    for _ in range(4):
        compiled(x)
    layer.weight = nn.Parameter(torch.zeros(2, 2))
    layer.bias.data = torch.ones(2)
    assert torch.equal(compiled(x), torch.ones(1, 2))


def test_numbers_that_changed_outside_are_used():
    scale = 2.0

    def function(x):
        return x * scale

    compiled, x = torch.compile(function), torch.ones(2)
    for _ in range(4):
        compiled(x)
    scale = 5.0
    assert compiled(x).tolist() == [5.0, 5.0]


def test_shapes_have_programs_of_their_own():
    compiled = torch.compile(lambda x: x.sum() * 2)
    for n in (3, 5, 3, 5, 3, 5, 3, 5):
        assert compiled(torch.ones(n)).item() == 2 * n


def test_what_leaves_the_graph_is_named():
    def function(x):
        return x * x.sum().item()

    compiled, x = torch.compile(function, fullgraph=True), torch.ones(2)
    compiled(x)
    with pytest.raises(RuntimeError, match=r"item looks at a tensor's values, in .*test_modules.py:\d+"):
        compiled(x)
    eager = torch.compile(function)
    with pytest.warns(UserWarning, match="runs eagerly: item looks at"):
        for _ in range(6):
            assert eager(x).tolist() == [2.0, 2.0]


def test_tensors_of_numbers_are_constants_only_if_they_stay_the_same():
    count = 0

    def same(x):
        return x * torch.tensor([1.0, 2.0]) + torch.tensor(0.5)

    def another(x):
        nonlocal count
        count += 1
        return x * torch.tensor(float(count))

    x, compiled = torch.ones(2), torch.compile(same, fullgraph=True)
    assert [compiled(x).tolist() for _ in range(4)] == [[1.5, 2.5]] * 4
    compiled = torch.compile(another)
    with pytest.warns(UserWarning, match="others each time"):
        assert [compiled(x)[0].item() for _ in range(8)] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_an_array_of_numpys_is_read_anew():
    memory = torch.zeros(2).numpy()
    compiled, x = torch.compile(lambda x: x + torch.from_numpy(memory)), torch.ones(2)
    with pytest.warns(UserWarning, match="NumPy's"):
        for k in range(8):
            memory[...] = k
            assert compiled(x).tolist() == [1.0 + k] * 2


def test_a_cache_is_written_in_place():
    """A region of a buffer is written at each call: the rest of it stays, and nothing of it is copied."""
    cache, place = torch.zeros(64, 128), torch.tensor(0)

    def put(x):
        cache.index_copy_(0, place.reshape(1), x.reshape(1, -1))
        place.add_(1)
        return cache[:4].sum()

    compiled, expected = torch.compile(put, fullgraph=True), torch.zeros(64, 128)
    for k in range(8):
        x = torch.full((128,), float(k + 1))
        expected[k] = x
        assert compiled(x).item() == expected[:4].sum().item()
        assert torch.equal(cache, expected) and place.item() == k + 1
