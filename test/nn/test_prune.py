"""Pruned weights, masks and states against PyTorch's, random masks at the same seed."""

import pytest
from oracle import agree


def run(text):
    """The program that executes ``text`` with a layer, and says what became of it."""

    def program(t):
        import importlib

        t.manual_seed(4)
        prune = importlib.import_module(f"{t.__name__}.nn.utils.prune")
        layer = t.nn.Linear(5, 4)
        names = {"t": t, "layer": layer, "prune": prune}
        exec(text, names)
        layer = names["layer"]
        hooks = [type(hook).__name__ for hook in layer._forward_pre_hooks.values()]
        out = layer(t.linspace(-1, 1, 10).reshape(2, 5))
        out.sum().backward()
        gradients = {name: p.grad for name, p in layer.named_parameters()}
        return hooks, layer.weight, layer.bias, dict(layer.state_dict()), gradients, out, names.get("result")

    return program


PROGRAMS = {
    "identity": "prune.identity(layer, 'weight')",
    "random": "prune.random_unstructured(layer, 'weight', 0.3)",
    "random, a count": "prune.random_unstructured(layer, 'weight', 7)",
    "random, none": "prune.random_unstructured(layer, 'weight', 0)",
    "l1": "prune.l1_unstructured(layer, 'weight', 0.4)",
    "l1 of bias": "prune.l1_unstructured(layer, 'bias', 2)",
    "l1 by other scores": "prune.l1_unstructured(layer, 'bias', 2, importance_scores=t.tensor([3., 1., 2., 0.]))",
    "l1, all": "prune.l1_unstructured(layer, 'weight', 1.0)",
    "random slices": "prune.random_structured(layer, 'weight', 2, dim=0)",
    "random slices, last": "prune.random_structured(layer, 'weight', 0.5, dim=-1)",
    "random slices, none": "prune.random_structured(layer, 'weight', 0, dim=1)",
    "ln": "prune.ln_structured(layer, 'weight', 2, n=2, dim=0)",
    "ln, infinite": "prune.ln_structured(layer, 'weight', 0.4, n=float('inf'), dim=1)",
    "ln, last": "prune.ln_structured(layer, 'weight', 1, n=1, dim=-1)",
    "mask": "prune.custom_from_mask(layer, 'bias', t.tensor([1, 0, 0, 1]))",
    "l1 twice": "prune.l1_unstructured(layer, 'weight', 4)\nprune.l1_unstructured(layer, 'weight', 0.5)",
    "l1, then rows": "prune.l1_unstructured(layer, 'weight', 6)\nprune.ln_structured(layer, 'weight', 1, n=2, dim=0)",
    "rows, then rows": (
        "prune.ln_structured(layer, 'weight', 1, n=2, dim=0)\nprune.ln_structured(layer, 'weight', 1, n=2, dim=0)\n"
        "prune.random_structured(layer, 'weight', 1, dim=-1)"
    ),
    "l1, then mask, then random": (
        "prune.l1_unstructured(layer, 'bias', 1)\nprune.custom_from_mask(layer, 'bias', t.tensor([1., 0., 1., 1.]))\n"
        "prune.random_unstructured(layer, 'bias', 1)\n"
        "result = len(next(iter(layer._forward_pre_hooks.values())))"
    ),
    "removed": "prune.l1_unstructured(layer, 'weight', 4)\nprune.remove(layer, 'weight')\nresult = prune.is_pruned(layer)",
    "is pruned": (
        "a = prune.is_pruned(layer)\nprune.identity(layer, 'weight')\nresult = a, prune.is_pruned(t.nn.Sequential(layer))"
    ),
    "globally": (
        "other = t.nn.Linear(3, 2)\nprune.global_unstructured([(layer, 'weight'), (other, 'weight'), (layer, 'bias')],"
        " pruning_method=prune.L1Unstructured, amount=0.5)\nresult = other.weight, dict(other.state_dict())"
    ),
    "globally, twice, by scores": (
        "which = ((layer, 'weight'), (layer, 'bias'))\n"
        "prune.global_unstructured(which, prune.L1Unstructured, amount=5)\n"
        "prune.global_unstructured(which, prune.L1Unstructured, {(layer, 'bias'): t.zeros(4)}, amount=3)"
    ),
    "a method as a function": "result = prune.L1Unstructured(2).prune(t.tensor([3., -1., 2., 0.]))",
    "a method with a mask": (
        "result = prune.RandomUnstructured(1).prune(t.ones(4), default_mask=t.tensor([1., 0., 1., 1.]))"
    ),
    "trained": (
        "prune.l1_unstructured(layer, 'weight', 8)\noptimizer = t.optim.SGD(layer.parameters(), lr=0.1)\n"
        "layer(t.ones(5)).sum().backward()\noptimizer.step()\nlayer.zero_grad()\nlayer(t.ones(5))\nprune.remove(layer, 'weight')"
    ),
    # what is refused
    "too many": "prune.l1_unstructured(layer, 'weight', 21)",
    "negative": "prune.random_unstructured(layer, 'weight', -1)",
    "more than all": "prune.l1_unstructured(layer, 'weight', 1.5)",
    "no amount": "prune.l1_unstructured(layer, 'weight', 'all')",
    "slices of a vector": "prune.random_structured(layer, 'bias', 1, dim=0)",
    "no such dim": "prune.ln_structured(layer, 'weight', 1, n=2, dim=2)",
    "too many slices": "prune.random_structured(layer, 'weight', 5, dim=0)",
    "mask of another shape": "prune.custom_from_mask(layer, 'weight', t.ones(3))",
    "scores of another shape": "prune.l1_unstructured(layer, 'weight', 1, importance_scores=t.ones(3))",
    "not pruned": "prune.remove(layer, 'weight')",
    "globally, of no list": "prune.global_unstructured(3, prune.L1Unstructured, amount=1)",
    "globally, scores of no dict": "prune.global_unstructured([(layer, 'weight')], prune.L1Unstructured, [1], amount=1)",
    "globally, structured": (
        "try:\n prune.global_unstructured([(layer, 'weight')], prune.LnStructured, amount=1, n=2)\n"
        "except TypeError as error:\n result = str(error).replace('minitorch', 'torch')"
    ),
    "no method": "prune.PruningContainer().add_pruning_method(3)",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_pruned_layer(name):
    agree(run(PROGRAMS[name]))


def test_a_refused_method_leaves_the_layer_as_it_was():
    def program(t):
        import importlib

        prune = importlib.import_module(f"{t.__name__}.nn.utils.prune")
        layer = t.nn.Linear(2, 2)
        try:
            prune.l1_unstructured(layer, "weight", 99)
        except ValueError as error:
            return str(error), [name for name, _ in layer.named_parameters()], len(layer._forward_pre_hooks)

    agree(program)
