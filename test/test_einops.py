"""einops on our tensors, under our own name, as on PyTorch's: values, gradients, layers."""

import subprocess
import sys

import einops
import einops.layers.torch
import numpy
import pytest
import torch
from oracle import Raised, agree, outcome

import minitorch
from minitorch.einops import layers

X = numpy.arange(24.0).reshape(2, 3, 4) / 7 - 1

EXPRESSIONS = [
    "rearrange(x, 'a b c -> (a b) c')", "rearrange(x, 'a (b d) c -> d b (c a)', d=3)", "rearrange([x, x * 2], 'n a b c -> a (n b) c')", "rearrange(x, '... c -> c ...')", "rearrange(x, 'a b c -> a 1 b c')", "repeat(x, 'a b c -> a r b c', r=2)", "repeat(x, 'a b c -> (a r) b (c s)', r=2, s=3)",
    "reduce(x, 'a b c -> a', 'mean')", "reduce(x, 'a b c -> b c', 'sum')", "reduce(x, 'a b (c p) -> a b c', 'max', p=2)", "reduce(x, 'a b c -> ', 'min')", "reduce(x, 'a b c -> b', 'prod')", "reduce(x > 0, 'a b c -> b', 'any')", "reduce(x > 0, 'a b c -> b', 'all')", "reduce(x, 'a b c -> a 1 1', 'mean')",
    "reduce(x, 'a b c -> a b', lambda x, dims: x.logsumexp(dims))", "einsum(x, x, 'a b c, a d c -> a b d')", "pack([x, x[0, 0]], '*')", "unpack(*pack([x, x[:, 0]], 'a * c'), 'a * c')", "list(parse_shape(x, 'a _ c').items())",
    "L.Rearrange('a b c -> c (a b)')(x)", "L.Reduce('a b c -> a c', 'mean')(x)", "repr(L.Rearrange('a b c -> a c b'))", "repr(L.Reduce('a b c -> a', 'max'))", "t.nn.Sequential(L.Rearrange('a b c -> a (b c)'), t.nn.ReLU())(x)",
]  # fmt: skip


def program(text):
    """The value of the expression for the tensor x, and the gradient of the sum of all in it."""

    def run(t):
        x = t.from_numpy(X.copy()).requires_grad_()
        L = layers if t is minitorch else einops.layers.torch
        value = eval(text, {**vars(einops), "t": t, "L": L, "x": x})
        for result in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(result, t.Tensor) and result.requires_grad:
                result.square().sum().backward()
        return value, x.grad

    return run


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    agree(program(text))


@pytest.mark.parametrize("wrong", ["rearrange(x, 'a b -> b a')", "rearrange(x, 'a (b d) c -> a b d c', d=5)", "reduce(x, 'a b c -> a', 'median')"])
def test_errors_are_those_of_einops(wrong):
    expected, got = [outcome(program(wrong), lib)[0] for lib in (torch, minitorch)]
    assert isinstance(expected, Raised) and expected == got


def test_a_layer_that_mixes_begins_as_in_pytorch():
    def mixed(t):
        t.manual_seed(0)
        kind = (layers if t is minitorch else einops.layers.torch).EinMix
        layer = kind("b (n c) d -> b d (e n)", weight_shape="n c e", bias_shape="n e", n=1, c=3, e=2)
        loss = layer(t.from_numpy(X).float()).square().sum()
        loss.backward()
        return loss, layer.weight, layer.bias, layer.weight.grad, layer.bias.grad, list(layer.state_dict())

    agree(mixed)


@pytest.mark.parametrize("first", ["from einops import reduce; import minitorch", "import minitorch; from einops import reduce"])
def test_either_may_be_imported_first_and_pytorch_is_not(first):
    ended = subprocess.run(
        [sys.executable, "-c", f"{first}; import sys; print(reduce(minitorch.ones(2, 3), 'a b -> a', 'sum').tolist(), 'torch' in sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert ended.stdout == "[3.0, 3.0] False\n", ended.stderr


def test_the_rest_of_what_a_backend_offers():
    backend = einops._backends.get_backend(minitorch.ones(2))
    assert backend.to_numpy(backend.from_numpy(X)).tolist() == X.tolist()
    assert backend.from_numpy(X).requires_grad and not backend.from_numpy(numpy.arange(3)).requires_grad
    assert backend.arange(1, 4).tolist() == [1, 2, 3]
