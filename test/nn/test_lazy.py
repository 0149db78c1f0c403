"""Layers without a shape: what they are before the first input, after it, and how their state is saved and loaded."""

import copy
import pickle

import pytest
import torch
from oracle import agree

import minitorch

LAYERS = {
    "LazyLinear(4)": (2, 3),
    "LazyLinear(4, bias=False, dtype=t.float64)": (3,),
    "LazyConv1d(4, 3, groups=2)": (2, 6, 8),
    "LazyConv2d(4, 3, padding=1, padding_mode='circular')": (6, 8, 8),
    "LazyConv3d(4, 2, bias=False)": (1, 2, 3, 4, 5),
    "LazyConvTranspose1d(4, 3, stride=2)": (2, 6, 8),
    "LazyConvTranspose2d(4, 3, groups=2)": (2, 6, 4, 4),
    "LazyConvTranspose3d(4, 2)": (1, 2, 3, 4, 5),
    "LazyBatchNorm1d()": (5, 3),
    "LazyBatchNorm2d(momentum=None, bias=False)": (2, 3, 4, 4),
    "LazyBatchNorm3d(affine=False)": (2, 3, 2, 2, 2),
    "LazyInstanceNorm1d()": (2, 3, 4),
    "LazyInstanceNorm2d(track_running_stats=False)": (2, 3, 4, 4),
    "LazyInstanceNorm3d(0.1, 0.2)": (2, 3, 2, 2, 2),
}
each_layer = pytest.mark.parametrize(("layer", "shape"), LAYERS.items())


def made(layer, t):
    t.manual_seed(3)
    return eval(f"t.nn.{layer}", {"t": t})


def given(t, layer, shape):
    count = t.zeros(shape).numel()
    return t.linspace(-1, 1, count, dtype=t.float64 if "float64" in layer else t.float32).reshape(shape) ** 2


@each_layer
def test_first_input_makes_an_ordinary_layer(layer, shape):
    def program(t):
        module = made(layer, t)
        before = repr(module), type(module).__name__, {key: repr(value)[:24] for key, value in module.state_dict().items()}
        out = module(given(t, layer, shape))
        out.exp().sum().backward()
        hooks = len(module._forward_pre_hooks) + len(module._load_state_dict_pre_hooks)
        return before, repr(module), type(module).__name__, out, dict(module.state_dict()), [p.grad for p in module.parameters()], hooks

    agree(program)


@each_layer
def test_state_loads_in_either_condition(layer, shape):
    def program(t):
        ready, fresh, third = made(layer, t), made(layer, t), made(layer, t)
        ready(given(t, layer, shape))
        told = [str(fresh.load_state_dict(third.state_dict()))]  # nothing known on both sides
        told.append(str(fresh.load_state_dict(ready.state_dict())))
        return told, dict(fresh.state_dict()), fresh.has_uninitialized_params(), fresh(given(t, layer, shape)), repr(fresh)

    agree(program)


@pytest.mark.parametrize("layer", ["LazyLinear(4)", "LazyConv2d(4, 3)"])
def test_unknown_state_into_known_layer_is_refused(layer):
    def program(t):
        ready = made(layer, t)
        ready(given(t, layer, (2, 3, 4, 4)))
        ready.load_state_dict(made(layer, t).state_dict())

    agree(program)


@each_layer
def test_copies_and_casts_stay_lazy(layer, shape):
    def program(t):
        module = made(layer, t)
        # PyTorch cannot deep copy an UninitializedBuffer
        copied = copy.deepcopy(module) if t is minitorch or not module._buffers else module
        others = copied, pickle.loads(pickle.dumps(module)), made(layer, t).to(t.float64)
        dtypes = [str(p.dtype) for p in others[2].parameters()] + [str(b.dtype) for b in others[2].buffers()]
        return [[repr(other), other.has_uninitialized_params()] for other in others], dtypes

    agree(program)


def test_optimizer_sees_the_parameters_made_before():
    def program(t):
        module = t.nn.Sequential(made("LazyLinear(3)", t), t.nn.ReLU(), made("LazyLinear(1)", t))
        parameters = list(module.parameters())
        module(t.ones(2, 5))
        optimizer = t.optim.SGD(module.parameters(), lr=0.1)
        module(t.ones(2, 5)).sum().backward()
        optimizer.step()
        return all(a is b for a, b in zip(parameters, module.parameters(), strict=True)), list(module.parameters())

    agree(program)


PROGRAMS = {
    "shape": lambda t: t.nn.UninitializedParameter().shape,
    "text": lambda t: repr(t.nn.UninitializedBuffer()),
    "is_lazy": lambda t: [t.nn.parameter.is_lazy(x) for x in (t.nn.UninitializedParameter(), t.nn.Parameter(), 3)],
    "requires_grad": lambda t: [t.nn.UninitializedParameter(x).requires_grad for x in (True, False)],
    "integer": lambda t: t.nn.UninitializedParameter(dtype=t.int64),
    "share": lambda t: t.nn.UninitializedParameter().share_memory_(),
    "materialize": lambda t: materialized(t),
    "wrong rank": lambda t: t.nn.LazyConv2d(2, 1)(t.zeros(2, 3)),
    "groups": lambda t: t.nn.LazyConv2d(2, 1, groups=2)(t.zeros(1, 3, 2, 2)),
    "no method": lambda t: own_layer(t, lambda self, x: t.nn.modules.lazy.LazyModuleMixin.initialize_parameters(self, x))(t.zeros(2)),
    "not all": lambda t: own_layer(t, lambda self, x: None)(t.zeros(2)),
    "becomes itself": lambda t: repr(own_layer(t, lambda self, x: self.weight.materialize(x.shape))(t.zeros(2)).shape),
    "cast": lambda t: str(t.nn.UninitializedParameter().half().dtype),
}


def materialized(t):
    x = t.nn.UninitializedParameter(dtype=t.float64)
    x.materialize((2, 3))
    y = t.nn.UninitializedBuffer()
    y.materialize((2,), dtype=t.int64)
    return type(x).__name__, x.shape, str(x.dtype), x.requires_grad, x.is_leaf, type(y).__name__, y.shape, str(y.dtype)


def own_layer(t, initialize):
    class Own(t.nn.modules.lazy.LazyModuleMixin, t.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = t.nn.UninitializedParameter()

        initialize_parameters = initialize

        def forward(self, x):
            return x

    return Own()


@pytest.mark.parametrize("name", PROGRAMS)
def test_parameters_without_shape(name):
    agree(PROGRAMS[name])


@pytest.mark.parametrize("use", ["x + 1", "x.sum()", "t.nn.functional.relu(x)", "x.detach()", "x[0]", "x.zero_()"])
def test_computing_is_refused(use):
    for t in (torch, minitorch):
        x = t.nn.UninitializedParameter()
        with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
            eval(use, {"t": t, "x": x})
