"""Weights that are computed from others: parametrizations, and the older hooks, against PyTorch."""

import copy
import pickle

import pytest
from oracle import agree


def classes(t):
    class Symmetric(t.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).mT

        def right_inverse(self, x):
            return x.triu()

    class Exp(t.nn.Module):
        def forward(self, x):
            return x.exp()

    class Sum(t.nn.Module):
        def forward(self, a, b):
            return a + b

        def right_inverse(self, x):
            return x / 4, x * 0.75

    class Wrong(t.nn.Module):
        def __init__(self, out=None, back=None):
            super().__init__()
            self.out, self.back = out, back

        def forward(self, *x):
            return x[0] if self.out is None else self.out(x[0])

        def right_inverse(self, x):
            if self.back is None:
                raise NotImplementedError
            return self.back(x)

    return {"Symmetric": Symmetric, "Exp": Exp, "Sum": Sum, "Wrong": Wrong}


def run(text):
    """The program that executes ``text``, with a square layer, and says what became of the layer."""

    def program(t):
        t.manual_seed(1)
        names = {"t": t, "layer": t.nn.Linear(3, 3), "P": t.nn.utils.parametrize, "Q": t.nn.utils.parametrizations}
        names |= classes(t)
        exec(text, names)
        layer = names["layer"]
        x = t.linspace(-1, 1, 6).reshape(2, 3)
        out = layer(x)
        out.sum().backward()
        state = dict(layer.state_dict())
        gradients = {name: p.grad for name, p in layer.named_parameters()}
        layer.eval()
        return repr(layer), type(layer).__name__, state, out, gradients, layer(x), names.get("result")

    return program


REGISTERED = {
    "one": "P.register_parametrization(layer, 'weight', Symmetric())",
    "no inverse": "P.register_parametrization(layer, 'weight', Exp())",
    "two": "P.register_parametrization(layer, 'weight', Symmetric())\nP.register_parametrization(layer, 'weight', Exp())",
    "two tensors": "P.register_parametrization(layer, 'weight', Symmetric())\nP.register_parametrization(layer, 'bias', Exp())",
    "several originals": "P.register_parametrization(layer, 'weight', Sum())",
    "of a buffer": "layer.register_buffer('extra', t.ones(2))\nresult = P.register_parametrization(layer, 'extra', Exp()).extra",
    "unsafe": "P.register_parametrization(layer, 'bias', Wrong(lambda x: x[:1]), unsafe=True)",
    "assigned": "P.register_parametrization(layer, 'weight', Symmetric())\nlayer.weight = t.eye(3)\nresult = layer.weight",
    "assigned several": "P.register_parametrization(layer, 'weight', Sum())\nlayer.weight = t.eye(3)\nresult = layer.weight",
    "assigned without inverse": "P.register_parametrization(layer, 'weight', Exp())\nlayer.weight = t.eye(3)",
    "removed": "P.register_parametrization(layer, 'weight', Exp())\nresult = layer.weight\nP.remove_parametrizations(layer, 'weight')",
    "removed, original left": (
        "P.register_parametrization(layer, 'weight', Exp())\nP.remove_parametrizations(layer, 'weight', False)"
    ),
    "removed one of two": (
        "P.register_parametrization(layer, 'weight', Exp())\nP.register_parametrization(layer, 'bias', Exp())\n"
        "P.remove_parametrizations(layer, 'weight')\nresult = P.is_parametrized(layer), P.is_parametrized(layer, 'weight')"
    ),
    "removed several": "P.register_parametrization(layer, 'weight', Sum())\nP.remove_parametrizations(layer, 'weight')",
    "removed several, original left": (
        "P.register_parametrization(layer, 'weight', Sum())\nP.remove_parametrizations(layer, 'weight', False)"
    ),
    "the parameter is the same object": (
        "w = layer.weight\nP.register_parametrization(layer, 'weight', Symmetric())\n"
        "a = layer.parametrizations.weight.original is w\nP.remove_parametrizations(layer, 'weight')\n"
        "result = a, layer.weight is w"
    ),
    "types": (
        "a = P.is_parametrized(layer), P.type_before_parametrizations(layer).__name__\n"
        "P.register_parametrization(layer, 'weight', Symmetric())\n"
        "result = a, P.is_parametrized(layer), P.is_parametrized(layer, 'bias'), P.type_before_parametrizations(layer).__name__,"
        " isinstance(layer, t.nn.Linear)"
    ),
    "evaluation": "layer.eval()\np = Exp()\nP.register_parametrization(layer, 'weight', p)\nresult = p.training\nlayer.train()",
    "deep copy": (
        "import copy\nP.register_parametrization(layer, 'weight', Symmetric())\nfirst = layer\nlayer = copy.deepcopy(layer)\n"
        "layer.weight = t.zeros(3, 3)\nresult = first.weight"
    ),
    "cached": (
        "P.register_parametrization(layer, 'weight', Exp())\n"
        "with P.cached():\n a = layer.weight is layer.weight\n with P.cached():\n  b = layer.weight is layer.weight\n"
        " layer(t.ones(3)).sum().backward()\nresult = a, b, layer.weight is layer.weight\nlayer.zero_grad()"
    ),
    "state": (
        "P.register_parametrization(layer, 'weight', Symmetric())\n"
        "other = P.register_parametrization(t.nn.Linear(3, 3), 'weight', Symmetric())\n"
        "result = str(layer.load_state_dict(other.state_dict()))"
    ),
    "transferred": (
        "P.register_parametrization(layer, 'weight', Exp())\nP.register_parametrization(layer, 'bias', Exp())\n"
        "layer = P.transfer_parametrizations_and_params(layer, t.nn.Linear(3, 3), 'weight')"
    ),
    "transferred, several": (
        "P.register_parametrization(layer, 'weight', Sum())\n"
        "layer = P.transfer_parametrizations_and_params(layer, t.nn.Linear(3, 3))"
    ),
    "registered anew": (
        "P.register_parametrization(layer, 'weight', Exp())\nP.remove_parametrizations(layer, 'weight')\n"
        "P.register_parametrization(layer, 'weight', Symmetric())"
    ),
    # what is refused
    "no such name": "P.register_parametrization(layer, 'wait', Exp())",
    "not parametrized": "P.remove_parametrizations(layer, 'weight')",
    "another shape": "P.register_parametrization(layer, 'weight', Wrong(lambda x: x[0]))",
    "another dtype": "P.register_parametrization(layer, 'weight', Wrong(lambda x: x.double()))",
    "no tensor": "P.register_parametrization(layer, 'weight', Wrong(lambda x: 3))",
    "inverse of another dtype": "P.register_parametrization(layer, 'weight', Wrong(back=lambda x: x.double()))",
    "inverse is no tensor": "P.register_parametrization(layer, 'weight', Wrong(back=lambda x: 3))",
    "inverse has no tensors": "P.register_parametrization(layer, 'weight', Wrong(back=lambda x: [x, 3]))",
    "second of another shape": (
        "P.register_parametrization(layer, 'weight', Exp())\nP.register_parametrization(layer, 'weight', Wrong(lambda x: x[0]))"
    ),
    "second is no tensor": (
        "P.register_parametrization(layer, 'weight', Exp())\nP.register_parametrization(layer, 'weight', Wrong(lambda x: 3))"
    ),
    "second inverse of another shape": (
        "P.register_parametrization(layer, 'weight', Exp())\n"
        "P.register_parametrization(layer, 'weight', Wrong(back=lambda x: x[0]))"
    ),
    "second inverse is no tensor": (
        "P.register_parametrization(layer, 'weight', Exp())\n"
        "P.register_parametrization(layer, 'weight', Wrong(back=lambda x: 3))"
    ),
    "none": "P.ParametrizationList([], layer.weight)",
    "a parameter assigned": "P.register_parametrization(layer, 'weight', Exp())\nlayer.weight = t.nn.Parameter(t.eye(3))",
    "assigned another dtype": "P.register_parametrization(layer, 'weight', Symmetric())\nlayer.weight = t.eye(3).double()",
    "assigned several of another dtype": "P.register_parametrization(layer, 'weight', Sum())\nlayer.weight = t.eye(3).double()",
}

LAYERS = {
    "weight_norm": "Q.weight_norm(layer)",
    "weight_norm, dim=1": "Q.weight_norm(layer, dim=1)",
    "weight_norm, dim=None": "Q.weight_norm(layer, dim=None)",
    "weight_norm of bias": "Q.weight_norm(layer, 'bias')",
    "weight_norm, old state": (
        "old = t.nn.utils.weight_norm(t.nn.Linear(3, 3)).state_dict()\nQ.weight_norm(layer)\n"
        "result = str(layer.load_state_dict(old))"
    ),
    "weight_norm assigned": "Q.weight_norm(layer)\nlayer.weight = t.eye(3) * 2",
    "spectral_norm": "Q.spectral_norm(layer)",
    "spectral_norm, three steps": "Q.spectral_norm(layer, n_power_iterations=3, eps=1e-6)",
    "spectral_norm, dim": "Q.spectral_norm(layer, dim=-1)",
    "spectral_norm of bias": "Q.spectral_norm(layer, 'bias')",
    "spectral_norm removed": "Q.spectral_norm(layer)\nP.remove_parametrizations(layer, 'weight')",
    "spectral_norm, no steps": "Q.spectral_norm(layer, n_power_iterations=0)",
    "spectral_norm, no such dim": "Q.spectral_norm(layer, dim=2)",
    "spectral_norm, no such name": "Q.spectral_norm(layer, 'wait')",
    "old weight_norm": "t.nn.utils.weight_norm(layer)",
    "old weight_norm, dim=None": "t.nn.utils.weight_norm(layer, dim=None)",
    "old weight_norm, twice": "t.nn.utils.weight_norm(layer)\nt.nn.utils.weight_norm(layer)",
    "old weight_norm, removed": "t.nn.utils.weight_norm(layer)\nt.nn.utils.remove_weight_norm(layer)",
    "old weight_norm, nothing to remove": "t.nn.utils.remove_weight_norm(layer)",
    "old weight_norm, lazy": "t.nn.utils.weight_norm(t.nn.LazyLinear(2))",
    "old spectral_norm": "t.nn.utils.spectral_norm(layer)",
    "old spectral_norm, two steps": "t.nn.utils.spectral_norm(layer, n_power_iterations=2)\nlayer(t.ones(3))\nlayer(t.ones(3))",
    "old spectral_norm, twice": "t.nn.utils.spectral_norm(layer)\nt.nn.utils.spectral_norm(layer)",
    "old spectral_norm, no steps": "t.nn.utils.spectral_norm(layer, n_power_iterations=0)",
    "old spectral_norm, removed": "t.nn.utils.spectral_norm(layer)\nlayer(t.ones(3))\nt.nn.utils.remove_spectral_norm(layer)",
    "old spectral_norm, nothing to remove": "t.nn.utils.remove_spectral_norm(layer)",
    "old spectral_norm, lazy": "t.nn.utils.spectral_norm(t.nn.LazyLinear(2))",
    "old spectral_norm, no bias": "t.nn.utils.spectral_norm(t.nn.Linear(2, 2, bias=False), 'bias')",
    "old spectral_norm, state": (
        "t.nn.utils.spectral_norm(layer)\nother = t.nn.utils.spectral_norm(t.nn.Linear(3, 3))\n"
        "state = other.state_dict()\nresult = str(layer.load_state_dict(state)), dict(state._metadata)"
    ),
}


ORTHOGONAL = {
    "square": "Q.orthogonal(layer)",
    "square, cayley": "Q.orthogonal(layer, orthogonal_map='cayley')",
    "square, householder": "Q.orthogonal(layer, orthogonal_map='householder')",
    "wide": "layer = Q.orthogonal(t.nn.Linear(3, 2))",
    "tall": "layer = Q.orthogonal(t.nn.Linear(3, 5))",
    "tall, exponential": "layer = Q.orthogonal(t.nn.Linear(3, 5), orthogonal_map='matrix_exp')",
    "tall, cayley": "layer = Q.orthogonal(t.nn.Linear(3, 5), orthogonal_map='cayley')",
    "wide, plain": "layer = Q.orthogonal(t.nn.Linear(3, 2), use_trivialization=False)",
    "square, plain exponential": "layer = Q.orthogonal(layer, use_trivialization=False)",
    "assigned": "Q.orthogonal(layer)\nlayer.weight = t.eye(3)",
    "assigned, not orthogonal": "Q.orthogonal(layer)\nlayer.weight = t.eye(3) * 2 + 1",
    "plain exponential assigned": "Q.orthogonal(layer, use_trivialization=False)\nlayer.weight = t.eye(3)",
    "plain reflections assigned": (
        "Q.orthogonal(layer, orthogonal_map='householder', use_trivialization=False)\nlayer.weight = t.eye(3)"
    ),
    "another shape assigned": "Q.orthogonal(layer)\nlayer.weight = t.eye(2)",
    "of bias": "Q.orthogonal(layer, 'bias')",
    "no such name": "Q.orthogonal(layer, 'wait')",
    "no such map": "Q.orthogonal(layer, orthogonal_map='qr')",
    "removed": "Q.orthogonal(layer)\nP.remove_parametrizations(layer, 'weight')",
}


@pytest.mark.parametrize("name", ORTHOGONAL)
def test_orthogonal_weight(name):
    agree(run(ORTHOGONAL[name]), {"float32": (1e-4, 5e-6)})  # products of reflections add up rounding


@pytest.mark.parametrize("name", REGISTERED)
def test_parametrized_layer(name):
    agree(run(REGISTERED[name]))


@pytest.mark.parametrize("name", LAYERS)
def test_normalized_weight(name):
    agree(run(LAYERS[name]))


@pytest.mark.parametrize("layer", ["Conv2d(4, 6, 3, groups=2)", "ConvTranspose2d(4, 6, 3)", "Conv1d(3, 2, 2)"])
@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm", "parametrizations.weight_norm", "parametrizations.spectral_norm"])
def test_normalized_convolution(layer, norm):
    def program(t):
        t.manual_seed(1)
        module = eval(f"t.nn.utils.{norm}(t.nn.{layer})", {"t": t})
        shape = (2, 3, 8) if "1d" in layer else (2, 4, 7, 7)
        out = module(t.linspace(-1, 1, t.zeros(shape).numel()).reshape(shape))
        out.square().mean().backward()
        return out, dict(module.state_dict()), {name: p.grad for name, p in module.named_parameters()}

    agree(program)


def test_gan_step_goes_backward_through_two_forwards():
    def program(t):
        t.manual_seed(1)
        layer = t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(3, 3))
        (layer(t.ones(2, 3)) - layer(t.zeros(2, 3))).sum().backward()
        return [p.grad for p in layer.parameters()]

    agree(program)


def test_parametrized_layers_are_not_pickled():
    def program(t):
        layer = t.nn.utils.parametrizations.weight_norm(t.nn.Linear(2, 2))
        copy.deepcopy(layer)
        pickle.dumps(layer)

    agree(program)
