"""Calls with other tensors, fused layers, layers without first values, against PyTorch."""

import pytest
import torch
from oracle import agree

import minitorch


def model(t):
    t.manual_seed(2)
    made = t.nn.Sequential(t.nn.Linear(3, 3), t.nn.BatchNorm1d(3), t.nn.Linear(3, 3))
    made[2].weight = made[0].weight
    return made


X = "t.linspace(-1, 1, 12).reshape(4, 3)"
CALLS = {
    "parameters": "call(m, {'0.weight': t.eye(3)}, x)",
    "all, strictly": "call(m, {**dict(m.named_parameters(remove_duplicate=False)), **dict(m.named_buffers())}, (x,), strict=True)",
    "missing, strictly": "call(m, {'0.weight': t.eye(3)}, x, strict=True)",
    "unexpected, strictly": "call(m, {'weight': t.eye(3)}, x, strict=True)",
    "untied": "call(m, {'0.weight': t.eye(3), '0.bias': t.zeros(3)}, x, tie_weights=False)",
    "tied, two values": "call(m, {'0.weight': t.eye(3), '2.weight': t.eye(3)}, x)",
    "tied, one value": "(lambda w: call(m, {'0.weight': w, '2.weight': w}, x))(t.eye(3))",
    "by keyword": "call(m, {'0.bias': t.ones(3)}, kwargs={'input': x})",
    "no module there": "call(m, {'9.weight': t.eye(3)}, x)",
    "no tensor": "call(m, {'0.weight': 3}, x)",
    "not a tensor there": "call(m, {'0.in_features': t.ones(1)}, x)",
}


@pytest.mark.parametrize("name", CALLS)
def test_call_with_other_tensors(name):
    def program(t):
        m = model(t)
        value = eval(CALLS[name], {"t": t, "m": m, "x": eval(X, {"t": t}), "call": t.func.functional_call})
        return value, dict(m.state_dict())

    agree(program)


def test_gradients_go_to_the_given_tensors_and_the_module_is_as_before():
    def program(t):
        m = model(t)
        before = dict(m.named_parameters())
        given = {name: p.detach().clone().requires_grad_() for name, p in before.items()}
        buffers = {name: b.clone() for name, b in m.named_buffers()}
        t.func.functional_call(m, (given, buffers), eval(X, {"t": t})).square().sum().backward()
        same = all(p is before[name] for name, p in m.named_parameters())
        return [x.grad for x in given.values()], [p.grad for p in m.parameters()], same, buffers, dict(m.named_buffers())

    agree(program)


def test_an_error_in_the_call_leaves_the_module_as_before():
    for t in (torch, minitorch):
        layer = t.nn.Linear(2, 2)
        weight = layer.weight
        with pytest.raises(RuntimeError):
            t.func.functional_call(layer, {"weight": t.eye(2), "new": t.eye(2)}, t.ones(3))
        assert layer.weight is weight
        assert not hasattr(layer, "new")


@pytest.mark.parametrize("dicts", ["[{'a': 1}, {'a': 2}]", "[1]", "3"])
def test_refused_dicts(dicts):
    agree(lambda t: t.func.functional_call(t.nn.Linear(1, 1), eval(dicts), t.ones(1)))


def test_older_name_warns():
    agree(lambda t: t.nn.utils.stateless.functional_call(model(t), {"0.weight": t.eye(3)}, eval(X, {"t": t})))


@pytest.mark.parametrize(
    "models",
    [
        "[t.nn.BatchNorm1d(2), t.nn.BatchNorm1d(2)]", "[]", "[t.nn.Linear(1, 1), t.nn.ReLU()]",
        "[t.nn.Linear(1, 1), t.nn.Linear(1, 1).eval()]", "[t.nn.Linear(1, 1), t.nn.Linear(1, 1).requires_grad_(False)]",
    ],
)  # fmt: skip
def test_stacked_state(models):
    def program(t):
        t.manual_seed(0)
        params, buffers = t.func.stack_module_state(eval(models, {"t": t}))
        return params, buffers, [p.is_leaf for p in params.values()]

    agree(program)


FUSED = {
    "conv": "fuse_conv_bn_eval(t.nn.Conv2d(2, 3, 3).eval(), bn(t.nn.BatchNorm2d(3)))",
    "conv without bias": "fuse_conv_bn_eval(t.nn.Conv2d(2, 3, 3, bias=False).eval(), bn(t.nn.BatchNorm2d(3)))",
    "plain norm": "fuse_conv_bn_eval(t.nn.Conv2d(2, 3, 3).eval(), bn(t.nn.BatchNorm2d(3, affine=False)))",
    "transposed": "fuse_conv_bn_eval(t.nn.ConvTranspose2d(2, 3, 3).eval(), bn(t.nn.BatchNorm2d(3)), transpose=True)",
    "linear": "fuse_linear_bn_eval(t.nn.Linear(2, 3).eval(), bn(t.nn.BatchNorm1d(3)))",
    "linear without bias": "fuse_linear_bn_eval(t.nn.Linear(2, 3, bias=False).eval(), bn(t.nn.BatchNorm1d(3)))",
    "linear, one feature": "fuse_linear_bn_eval(t.nn.Linear(2, 3).eval(), bn(t.nn.BatchNorm1d(1)))",
    "linear, other features": "fuse_linear_bn_eval(t.nn.Linear(2, 3).eval(), bn(t.nn.BatchNorm1d(2)))",
    "training": "fuse_linear_bn_eval(t.nn.Linear(2, 3), bn(t.nn.BatchNorm1d(3)))",
    "no statistics": "fuse_linear_bn_eval(t.nn.Linear(2, 3).eval(), t.nn.BatchNorm1d(3, track_running_stats=False).eval())",
}


@pytest.mark.parametrize("name", FUSED)
def test_fused_layers(name):
    def program(t):
        t.manual_seed(0)

        def bn(layer):
            n = layer.num_features
            layer.running_mean.copy_(t.linspace(-1, 1, n))
            layer.running_var.copy_(t.linspace(0.5, 2, n))
            return layer.eval()

        tools = {f: getattr(t.nn.utils, f) for f in ("fuse_conv_bn_eval", "fuse_linear_bn_eval")}
        fused = eval(FUSED[name], {"t": t, "bn": bn, **tools})
        return repr(fused), dict(fused.named_parameters())

    agree(program)


def test_skip_init_draws_nothing():
    def program(t):
        t.manual_seed(0)
        layer = t.nn.utils.skip_init(t.nn.Linear, 3, out_features=2)
        return repr(layer), [p.requires_grad for p in layer.parameters()], t.rand(2)

    agree(program)


@pytest.mark.parametrize("cls", ["ReLU", "functional"])
def test_skip_init_needs_a_device(cls):
    def program(t):
        return t.nn.utils.skip_init(getattr(t.nn, cls) if cls == "ReLU" else dict)

    agree(program)
