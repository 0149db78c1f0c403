"""Functions that run as one kernel where their tensors are large: as PyTorch's, and as their own mathematics."""

import math

import numpy
import pytest
import torch

import minitorch
from minitorch.autograd import composite as composites
from minitorch.autograd import strips
from minitorch.autograd.composite import composite
from minitorch.backends import numpy as backend
from minitorch.backends import threads
from minitorch.nn.functional import activation, normalization

COLUMNS = 97
CASES = {
    "gelu": (activation._GELU["none"], [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.gelu(x)),
    "gelu, tanh": (activation._GELU["tanh"], [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.gelu(x, approximate="tanh")),
    "leaky_relu": (activation._leaky_relu, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.leaky_relu(x, 0.2)),
    "hardtanh": (activation._hardtanh, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.hardtanh(x, -0.7, 1.5)),
    "hardsigmoid": (activation._hardsigmoid, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.hardsigmoid(x)),
    "hardswish": (activation._hardswish, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.hardswish(x)),
    "softshrink": (activation._softshrink, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.softshrink(x, 0.3)),
    "softsign": (activation._softsign, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.softsign(x)),
    "elu": (activation._elu, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.elu(x, 0.7)),
    "selu": (activation._selu, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.selu(x)),
    "celu": (activation._celu, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.celu(x, 0.7)),
    "log_sigmoid": (activation._log_sigmoid, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.logsigmoid(x)),
    "softplus": (activation._softplus, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.softplus(x, 1.3, 2)),
    "mish": (activation._mish, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.mish(x)),
    "tanhshrink": (activation._tanhshrink, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.tanhshrink(x)),
    "silu": (activation._silu, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.silu(x)),
    "layer_norm": (
        normalization._layer_norm, [(50, 3, COLUMNS), (COLUMNS,), (COLUMNS,)],
        lambda t, x, w, b: t.nn.functional.layer_norm(x, (COLUMNS,), w, b, 1e-3),
    ),
    "rms_norm": (
        normalization._rms_norm, [(50, 3, COLUMNS), (COLUMNS,)], lambda t, x, w: t.nn.functional.rms_norm(x, (COLUMNS,), w)
    ),
    "batch_norm": (
        normalization._batch_norm, [(50, 3, COLUMNS), (3,), (3,)],
        lambda t, x, w, b: t.nn.functional.batch_norm(x, None, None, w, b, True, 0.1, 1e-3),
    ),
    "batch_norm, evaluated": (
        normalization._scaled_by_channel, [(50, 3, COLUMNS), (3,), (3,)],
        lambda t, x, w, b: t.nn.functional.batch_norm(x, t.ones_like(w), t.ones_like(w) * 2, w, b),
    ),
    "group_norm": (normalization._standardized_rows, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.group_norm(x, 3, eps=1e-3)),
    "instance_norm": (normalization._standardized_rows, [(50, 3, COLUMNS)], lambda t, x: t.nn.functional.instance_norm(x, eps=1e-3)),
}  # fmt: skip
each_case = pytest.mark.parametrize("name", CASES)
NUMBERS = {
    "leaky_relu": (0.2,), "hardtanh": (-0.7, 1.5), "softshrink": (0.3,), "elu": (0.7,), "celu": (0.7,), "softplus": (1.3, 2),
    "scaled_by_channel": (),
}  # fmt: skip


def params_of(composed):
    """The numbers that a composite takes behind its tensors."""
    return NUMBERS.get(composed.row.name, (1e-5,) if composed.grid.sums else ())


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    monkeypatch.setattr(backend, "ENOUGH_FOR_COMPOSITES", 1)
    monkeypatch.setattr(backend, "ENOUGH_TO_RECORD", 1)
    monkeypatch.setattr(backend, "NARROWEST", 1)


@pytest.fixture
def kernels(monkeypatch):
    """The names of the composites that ran."""
    ran = []
    run = composites.Composite.run

    def watched(self, xp, which, args):
        ran.append((self.row.name, which))
        return run(self, xp, which, args)

    monkeypatch.setattr(composites.Composite, "run", watched)
    return ran


def numbers(shape, seed=0):
    return numpy.random.default_rng(seed).standard_normal(shape).astype("float32") * 2


def trained(library, function, values, seed=None):
    """The result, and the gradients from one that isn't all alike."""
    inputs = [library.tensor(v, requires_grad=True) for v in values]
    out = function(library, *inputs)
    out.backward(library.tensor(numbers(out.shape, 9) if seed is None else seed))
    return [x.detach().numpy() for x in (out, *[x.grad for x in inputs])]


def compare(found, wanted, rtol=2e-5, atol=2e-6):
    for x, y in zip(found, wanted, strict=True):
        assert x.dtype == y.dtype and x.shape == y.shape
        numpy.testing.assert_allclose(x, y, rtol, atol * max(1, numpy.nanmax(abs(y[numpy.isfinite(y)]), initial=0)))


@each_case
def test_agrees_with_torch(name, kernels):
    composed, shapes, function = CASES[name]
    values = [numbers(shape, k) for k, shape in enumerate(shapes)]
    found = trained(minitorch, function, values)
    assert kernels == [(composed.row.name, which) for which in (None, *range(len(shapes)))]
    compare(found, trained(torch, function, values))


@each_case
def test_agrees_with_its_own_mathematics_to_second_order(name, monkeypatch):
    _, shapes, function = CASES[name]
    values = [numbers((4, 3, *shape[-1:]) if len(shape) > 1 else shape, k) for k, shape in enumerate(shapes)]

    def second(library):
        inputs = [library.tensor(v, requires_grad=True) for v in values]
        slopes = library.autograd.grad(function(library, *inputs).sin().sum(), inputs, create_graph=True)
        total = sum([(slope * slope).sum() for slope in slopes])
        return [x.detach().numpy() for x in (total, *library.autograd.grad(total, inputs))]

    found = second(minitorch)
    if name != "hardsigmoid":  # PyTorch's has no second derivative
        compare(found, second(torch), 1e-3, 1e-4)
    monkeypatch.setattr(backend, "ENOUGH_FOR_COMPOSITES", 1 << 62)
    compare(found, second(minitorch), 1e-4, 1e-5)


@each_case
@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (1, 2, 5), (2, 300), (700, 16)], ids=str)
def test_any_shape(name, shape, kernels):
    composed, shapes, _ = CASES[name]
    params = params_of(composed)
    values = [numbers(shape if k == 0 else composed.grid.vector_shape(shape), k) for k in range(len(shapes))]
    found = trained(minitorch, lambda _, *inputs: composed(*inputs, *params), values)
    assert len(kernels) == 1 + len(shapes)
    wanted = trained(minitorch, lambda _, *inputs: composed.function(*inputs, *params), values)
    compare(found, wanted, 1e-4, 1e-5)


@each_case
def test_gradients_of_any_layout(name):
    _, shapes, function = CASES[name]
    values = [numbers(shape, k) for k, shape in enumerate(shapes)]
    wholes = [lambda t, *x: function(t, *x).sum(), lambda t, *x: function(t, *x).transpose(0, 1).sin().sum(), lambda t, *x: function(t, *x)[::2].sum()]
    for whole in wholes:
        found, wanted = [trained(library, whole, values, numpy.float32(1)) for library in (minitorch, torch)]
        compare(found, wanted, 1e-4, 2e-4)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 9), (6, 5, 4, 3), (2, 5, 3, 2, 7)], ids=lambda shape: f"{len(shape)} dims")
def test_batch_norm_keeps_its_statistics(shape, kernels):
    results = []
    for library in (minitorch, torch):
        layer = getattr(library.nn, f"BatchNorm{max(1, len(shape) - 2)}d")(5, eps=1e-4, momentum=0.3)
        for turn in range(3):
            x = library.tensor(numbers(shape, turn) + turn, requires_grad=True)
            (layer(x) + 0.5).square().sum().backward()
        numbered = [layer.running_mean, layer.running_var, layer.weight.grad, layer.bias.grad, layer.eval()(x)]
        results.append([x.detach().numpy() for x in numbered])
    compare(*results, 1e-4, 1e-5)
    assert kernels.count(("channel_means", None)) == kernels.count(("channel_variances", None)) == 3


@pytest.mark.parametrize("groups", [1, 2, 6], ids=lambda n: f"{n} groups")
def test_groups_of_channels_are_two_kernels(groups, kernels):
    """One standardizes, over a group; one has the channels' weights and biases."""

    def function(t, x, w, b):
        return t.nn.functional.group_norm(x, groups, w, b, 1e-3)

    values = [numbers(shape, k) for k, shape in enumerate([(4, 6, 8, 5), (6,), (6,)])]
    found = trained(minitorch, function, values)
    assert kernels == [("standardized", None), ("scaled_by_channel", None), *[("scaled_by_channel", k) for k in range(3)], ("standardized", 0)]
    compare(found, trained(torch, function, values))


@each_case
def test_what_the_mathematics_does_itself(name, kernels):
    _, shapes, function = CASES[name]
    values = [numbers(shape, k) for k, shape in enumerate(shapes)]
    others = {
        "float64": [v.astype("float64") for v in values],
        "another layout": [numbers((3, 50, COLUMNS)).transpose(1, 0, 2), *values[1:]],
        "every second": [numbers((100, 3, COLUMNS))[::2], *values[1:]],
    }
    for inputs in others.values():
        wanted = function(torch, *[torch.from_numpy(v.copy()) for v in inputs])
        found = function(minitorch, *[minitorch.from_numpy(v) for v in inputs])
        numpy.testing.assert_allclose(found.numpy(), wanted.numpy(), 1e-4, 1e-5)
    with minitorch.profiler.profile() as profile:
        function(minitorch, *[minitorch.tensor(v) for v in values])
    in_order = 2 * (name in ("layer_norm", "rms_norm"))  # these lay other layouts out in order first
    assert len(kernels) == in_order and profile.key_averages()


@each_case
def test_nan_and_infinity_as_in_the_mathematics(name, monkeypatch):
    _, shapes, function = CASES[name]
    values = [numbers(shape, k) for k, shape in enumerate(shapes)]
    values[0][0, 0, :4] = numpy.nan, numpy.inf, -numpy.inf, 1e30
    values[0][1, 0, 3], values[0][2, 0, 3], values[0][3, 0, :2] = numpy.nan, -numpy.inf, (-1e-40, 0)
    found = trained(minitorch, function, values)
    monkeypatch.setattr(backend, "ENOUGH_FOR_COMPOSITES", 1 << 62)
    compare(found, trained(minitorch, function, values), 1e-4, 1e-5)


@each_case
def test_numbers_do_not_depend_on_the_threads(name, monkeypatch):
    _, shapes, function = CASES[name]
    monkeypatch.setattr("minitorch.backends.composites.WORTH_SHARING", 1)
    values = [numbers((400, *shape[1:]) if len(shape) > 1 else shape, k) for k, shape in enumerate(shapes)]
    before, found = threads.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            found.append(trained(minitorch, function, values))
    finally:
        threads.set_num_threads(before)
    for others in found[1:]:
        for x, y in zip(others, found[0], strict=True):
            numpy.testing.assert_array_equal(x, y)


@each_case
@pytest.mark.parametrize("shape", [(2, 2), (700, 16), (5, 3, 4, 6)], ids=str)
def test_strip_by_strip_as_the_kernels(name, shape, monkeypatch):
    monkeypatch.setattr(strips, "STRIP", 100)
    composed, _, _ = CASES[name]
    params, grid = params_of(composed), composed.grid.of(shape)
    for formula in composed.formulas_for(params).values():
        shapes = [shape if kind == "matrix" else composed.grid.vector_shape(shape) for kind in formula[0]]
        arrays = [numbers(s, k) for k, s in enumerate(shapes)]
        found = strips.in_strips(backend, formula, arrays, shape, grid)
        compare([found], [backend.composite_kernel("f", *formula)(*arrays, grid=grid)], 1e-4, 1e-5)


LAYERS = {
    "leaky_relu": lambda: minitorch.nn.LeakyReLU(0.3), "hardswish": lambda: minitorch.nn.Hardswish(), "relu6": lambda: minitorch.nn.ReLU6(),
    "gelu": lambda: minitorch.nn.GELU(), "silu": lambda: minitorch.nn.SiLU(), "layer_norm": lambda: minitorch.nn.LayerNorm(16),
    "rms_norm": lambda: minitorch.nn.RMSNorm(16), "batch_norm": lambda: minitorch.nn.BatchNorm2d(5),
}  # fmt: skip


def inference(model, x, g):
    with minitorch.no_grad():
        return model(x)


def training(model, x, g):
    model.zero_grad()
    out = model(x)
    out.backward(g)
    return out.detach()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("use", ["a step", "a backward outside", "inference"])
def test_a_run_is_recorded_with_them(name, use, kernels):
    results, ran, function = [], [], inference if use == "inference" else training
    for compiled in (False, True):
        minitorch.manual_seed(3)
        model = minitorch.nn.Sequential(minitorch.nn.Conv2d(2, 5, 1), LAYERS[name](), minitorch.nn.Conv2d(5, 2, 1))
        x, g = [minitorch.tensor(numbers((4, 2, 6, 16), k)) for k in range(2)]
        run, called = function, model
        kernels.clear()
        if compiled and use == "a backward outside":
            called = minitorch.compile(model, fullgraph=True)
        elif compiled:
            run = minitorch.compile(function, fullgraph=True)
        outs = [run(called, x, g) for _ in range(4)]
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        results.append([y.detach().numpy() for y in (*outs, *model.buffers(), *gradients)])
        ran.append(len(kernels))
    compare(*results, 1e-4, 1e-5)
    assert 0 < ran[1] < ran[0]


def test_a_formula_that_is_written_down_while_a_run_is_recorded(kernels):
    cubed = composite(lambda x: x * x * x, "cubed")
    compiled = minitorch.compile(lambda x: cubed(x + 1) * 2, fullgraph=True)
    x = minitorch.tensor(numbers((4, 8)))
    for _ in range(3):
        assert minitorch.allclose(compiled(x), (x + 1) ** 3 * 2)
    assert kernels == [("cubed", None)]


def test_one_tensor_as_two_inputs():
    x = numbers((2, 2))
    pair = composite(lambda x, w: x.mean(-1, keepdim=True) * x * w, "pair", count=2, along="rows")
    ours, w = minitorch.tensor(x, requires_grad=True), minitorch.tensor(x[0], requires_grad=True)
    for create_graph in (False, True):
        found = minitorch.autograd.grad(pair(ours, w).sum(), [ours, w], create_graph=create_graph)
        theirs, v = torch.tensor(x, requires_grad=True), torch.tensor(x[0], requires_grad=True)
        wanted = torch.autograd.grad((theirs.mean(-1, keepdim=True) * theirs * v).sum(), [theirs, v])
        for a, b in zip(found, wanted, strict=True):
            numpy.testing.assert_allclose(a.detach().numpy(), b.numpy(), 1e-5)
    square = composite(lambda x, y: x * y, "product_of_two", count=2)
    for create_graph in (False, True):
        (slope,) = minitorch.autograd.grad(square(ours, ours).sum(), [ours], create_graph=create_graph)
        numpy.testing.assert_allclose(slope.detach().numpy(), 2 * x)


def test_modes_and_saved_values():
    x = minitorch.tensor(numbers((4, 8)), requires_grad=True)
    y = minitorch.nn.functional.gelu(x)
    y.sum().backward(retain_graph=True)
    first = x.grad.clone()
    y.sum().backward()
    assert minitorch.equal(x.grad, first * 2)
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.sum().backward()
    y = minitorch.nn.functional.gelu(x)
    with minitorch.no_grad():
        assert minitorch.nn.functional.gelu(x).grad_fn is None
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    with minitorch.inference_mode():
        assert minitorch.nn.functional.gelu(x).is_inference()


def test_a_first_call_in_inference_mode_serves_training_too():
    twice = composite(lambda x: x * 2 + x * x, "twice_and_square")
    x = minitorch.tensor(numbers((4, 8)), requires_grad=True)
    with minitorch.inference_mode():
        twice(x)
    twice(x).sum().backward()
    numpy.testing.assert_allclose(x.grad.numpy(), 2 + 2 * x.detach().numpy(), 1e-6)


def test_narrow_rows_are_left_to_numpy(kernels, monkeypatch):
    monkeypatch.setattr(backend, "NARROWEST", 4)
    for shape, ran in (((40, 3), 0), ((40, 4), 1)):
        x, w, b = [minitorch.tensor(numbers(s)) for s in (shape, shape[1:], shape[1:])]
        minitorch.nn.functional.layer_norm(x, shape[1:], w, b)
        assert len(kernels) == ran
        minitorch.nn.functional.batch_norm(x, None, None, w, b, True)  # a channel's numbers lie apart
        minitorch.nn.functional.batch_norm(x.view(20, 2, -1)[..., : shape[1]].contiguous(), None, None, w[:2], b[:2], True)
        assert len(kernels) == 2 * ran
        kernels.clear()


UNSPOKEN = {
    "a sum of all": (lambda x: x - x.sum(), "rows"),
    "a running sum": (lambda x: x.cumsum(-1), "rows"),
    "other dims": (lambda x: x - x.mean(0), "rows"),
    "turned": (lambda x: x.t().contiguous().t() + x.reshape(-1).reshape(x.shape), "rows"),
    "another shape": (lambda x: x.sum(-1), "rows"),
    "its length": (lambda x: x * math.sqrt(x.shape[-1]), "rows"),
    "rows of channels": (lambda x: x + x.sum((0,), keepdim=True), "channels"),
    "a sum over one channel's images": (lambda x: x.sum((0, *range(2, x.ndim))).sum() + x, "channels"),
    "a cast": (lambda x: x.double().float(), None),
    "a draw": (lambda x: x * minitorch.zeros(x.shape).uniform_(1, 1), None),
}


@pytest.mark.parametrize("name", UNSPOKEN)
def test_what_is_no_formula_runs_as_it_is(name, kernels):
    function, along = UNSPOKEN[name]
    x = minitorch.tensor(numbers((6, 4)))
    assert minitorch.equal(composite(function, "unspoken", along=along)(x), function(x))
    assert kernels == []


def test_without_a_compiler(monkeypatch, kernels):
    monkeypatch.setattr(backend, "composite_kernel", lambda *what: None)
    x = minitorch.tensor(numbers((6, 4)))
    assert minitorch.equal(composite(lambda x: x + 1, "one_more")(x), x + 1)
    assert kernels == []
