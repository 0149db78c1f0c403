"""nn.init, against PyTorch's: the same draws, the same numbers, the same errors and warnings."""

import pytest
import torch

import minitorch

SHAPES = [(2, 3), (3, 2), (5, 4), (16, 7), (4, 3, 3), (6, 2, 3, 3), (2, 2, 2, 2, 2), (40, 50)]

DRAWS = [
    ("uniform_", {}), ("uniform_", {"a": -2.0, "b": 3.0}),
    ("normal_", {}), ("normal_", {"mean": 1.0, "std": 0.1}),
    ("trunc_normal_", {}), ("trunc_normal_", {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 1.5}),
    ("trunc_normal_", {"std": 0.02}), ("trunc_normal_", {"a": 1.5, "b": 3.0}), ("trunc_normal_", {"a": 0.0, "b": 0.3}),
    ("xavier_uniform_", {}), ("xavier_uniform_", {"gain": 1.7}),
    ("xavier_normal_", {}), ("xavier_normal_", {"gain": 2}),
    ("kaiming_uniform_", {}), ("kaiming_uniform_", {"a": 2.0, "mode": "fan_out"}),
    ("kaiming_uniform_", {"nonlinearity": "relu"}), ("kaiming_uniform_", {"mode": "FAN_IN"}),
    ("kaiming_normal_", {}), ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "tanh"}),
]  # fmt: skip


def filled(lib, name, shape, dtype="float32", generator=False, **options):
    """A new tensor filled by ``nn.init.name``, and the next draw of the generator, which tells where it stands."""
    lib.manual_seed(3)
    tensor = lib.zeros(shape, dtype=getattr(lib, dtype))
    if generator:
        options["generator"] = lib.Generator().manual_seed(7)
    result = getattr(lib.nn.init, name)(tensor, **options)
    assert result is tensor
    return [tensor, lib.rand(1), lib.rand(1, generator=options.get("generator"))]


def assert_same(expected, actual, tolerance=0.0):
    for e, a in zip(expected, actual, strict=True):
        assert (str(e.dtype), tuple(e.shape)) == (str(a.dtype), tuple(a.shape))
        same = torch.tensor(a.tolist(), dtype=e.dtype).view(e.shape)
        torch.testing.assert_close(same, e, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("name", "options"), DRAWS, ids=str)
def test_draws(name, options, shape):
    assert_same(filled(torch, name, shape, **options), filled(minitorch, name, shape, **options))


@pytest.mark.parametrize("dtype", ["float64", "float16"])
@pytest.mark.parametrize(("name", "options"), DRAWS, ids=str)
def test_draws_of_other_dtypes(name, options, dtype):
    expected = filled(torch, name, (8, 9), dtype, **options)
    tolerance = 1e-12 if dtype == "float64" else 0.0  # logarithms and cosines are a last bit apart
    assert_same(expected, filled(minitorch, name, (8, 9), dtype, **options), tolerance)


@pytest.mark.parametrize(("name", "options"), [*DRAWS, ("orthogonal_", {}), ("sparse_", {"sparsity": 0.3})], ids=str)
def test_a_generator_of_ones_own(name, options):
    tolerance = 1e-5 if name == "orthogonal_" else 0.0
    expected = filled(torch, name, (6, 5), generator=True, **options)
    assert_same(expected, filled(minitorch, name, (6, 5), generator=True, **options), tolerance)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (4, 2, 3), (2, 3, 3, 3), (0, 3)], ids=str)
@pytest.mark.parametrize("options", [{}, {"gain": 2.5}], ids=str)
def test_orthogonal(shape, options):
    expected = filled(torch, "orthogonal_", shape, **options)
    assert_same(expected, filled(minitorch, "orthogonal_", shape, **options), 1e-5)


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(4, 3), (7, 2), (1, 5)], ids=str)
def test_sparse(shape, sparsity):
    expected = filled(torch, "sparse_", shape, sparsity=sparsity)
    assert_same(expected, filled(minitorch, "sparse_", shape, sparsity=sparsity, std=0.01))


@pytest.mark.parametrize(("name", "options"), [
    ("ones_", {}), ("zeros_", {}), ("constant_", {"val": 2.5}), ("eye_", {}),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (0, 2)], ids=str)
def test_plain_values(name, options, shape, dtype):
    options = {"val": 2} if options and dtype == "int64" else options
    assert_same(filled(torch, name, shape, dtype, **options), filled(minitorch, name, shape, dtype, **options))


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("shape", [(6, 2, 3), (6, 6, 4), (6, 3, 3, 5), (6, 1, 2, 3, 3)], ids=str)
def test_dirac(shape, groups):
    assert_same(filled(torch, "dirac_", shape, groups=groups), filled(minitorch, "dirac_", shape, groups=groups))


GAINS = [
    ("linear",), ("conv1d",), ("conv2d",), ("conv3d",), ("conv_transpose1d",), ("conv_transpose2d",),
    ("conv_transpose3d",), ("sigmoid",), ("tanh",), ("relu",), ("selu",), ("leaky_relu",), ("leaky_relu", 0.2),
    ("leaky_relu", 1),
]  # fmt: skip


@pytest.mark.parametrize("arguments", GAINS, ids=str)
def test_gain(arguments):
    assert torch.nn.init.calculate_gain(*arguments) == minitorch.nn.init.calculate_gain(*arguments)


@pytest.mark.parametrize("program", [
    lambda lib: lib.nn.init.calculate_gain("nope"),
    lambda lib: lib.nn.init.calculate_gain("leaky_relu", True),
    lambda lib: lib.nn.init.calculate_gain("leaky_relu", "x"),
    lambda lib: lib.nn.init.xavier_uniform_(lib.zeros(3)),
    lambda lib: lib.nn.init.xavier_normal_(lib.zeros(())),
    lambda lib: lib.nn.init.kaiming_uniform_(lib.zeros(3)),
    lambda lib: lib.nn.init.kaiming_normal_(lib.zeros(3, 2), mode="fan"),
    lambda lib: lib.nn.init.kaiming_normal_(lib.zeros(3, 2), nonlinearity="nope"),
    lambda lib: lib.nn.init.kaiming_uniform_(lib.zeros(0, 2)),
    lambda lib: lib.nn.init.kaiming_normal_(lib.zeros(2, 0)),
    lambda lib: lib.nn.init.eye_(lib.zeros(3)),
    lambda lib: lib.nn.init.dirac_(lib.zeros(3, 3)),
    lambda lib: lib.nn.init.dirac_(lib.zeros(3, 3, 3), groups=2),
    lambda lib: lib.nn.init.orthogonal_(lib.zeros(3)),
    lambda lib: lib.nn.init.sparse_(lib.zeros(3), 0.1),
    lambda lib: lib.nn.init.trunc_normal_(lib.zeros(20, 5), mean=5.0, a=-1.0, b=2.0),
    lambda lib: lib.nn.init.trunc_normal_(lib.zeros(3, 3), mean=-5.0, a=-2.0, b=1.0),
    lambda lib: lib.nn.init.constant(lib.zeros(2), 3.0),
    lambda lib: lib.nn.init.uniform(lib.zeros(2)),
    lambda lib: lib.nn.init.normal(lib.zeros(2), std=0.5),
    lambda lib: lib.nn.init.eye(lib.zeros(2, 2)),
    lambda lib: lib.nn.init.dirac(lib.zeros(2, 2, 2)),
    lambda lib: lib.nn.init.xavier_uniform(lib.zeros(2, 2)),
    lambda lib: lib.nn.init.xavier_normal(lib.zeros(2, 2)),
    lambda lib: lib.nn.init.kaiming_uniform(lib.zeros(2, 2)),
    lambda lib: lib.nn.init.kaiming_normal(lib.zeros(2, 2), a=1),
    lambda lib: lib.nn.init.sparse(lib.zeros(2, 2), sparsity=0.5),
    lambda lib: lib.nn.init.orthogonal(lib.zeros(1, 1)),
])  # fmt: skip
def test_errors_and_warnings(agree, program):
    agree(program)


@pytest.mark.parametrize("name", ["uniform_", "ones_", "eye_", "xavier_normal_", "orthogonal_", "trunc_normal_"])
def test_a_parameter_is_filled_without_a_trace(name):
    parameter = minitorch.nn.Parameter(minitorch.zeros(3, 3))
    getattr(minitorch.nn.init, name)(parameter)
    assert parameter.is_leaf and parameter.requires_grad and parameter.grad_fn is None


def test_layers_of_the_same_seed_are_equal():
    """Construction order and every draw are PyTorch's, so a model needs no copied weights."""

    def weights(lib):
        lib.manual_seed(0)
        model = lib.nn.Sequential(lib.nn.Linear(20, 30), lib.nn.Tanh(), lib.nn.Linear(30, 3))
        return list(model.parameters())

    assert_same(weights(torch), weights(minitorch))
