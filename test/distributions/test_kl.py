"""Divergences of every pair that PyTorch registers, with gradients; which function is chosen; the errors."""

import sys
import warnings
from pathlib import Path

import pytest
import torch
import torch.distributions.kl
from oracle import TOLERANCE, agree

import minitorch
import minitorch.distributions.kl

sys.path.append(str(Path(__file__).parent))
from catalogue import ROWS  # noqa: E402
from test_distributions import Maker, tried, with_gradients  # noqa: E402

LOOSE = {**TOLERANCE, "float64": (1e-7, 1e-9)}
SINGLE = {**TOLERANCE, "float64": (1e-4, 1e-6), "float32": (1e-4, 1e-6)}
"""Where parameters are numbers: those are float32."""

EXTRA = {
    "Beta": [lambda D, x: D.Beta(x([1.5, 2.0, 3.0]), x([2.5, 3.0, 0.5]))],
    "Uniform": [
        lambda D, x: D.Uniform(x([0.1, 0.2]), x([0.5, 0.9])), lambda D, x: D.Uniform(x([-1.0, 0.5]), x([2.0, 3.0])),
        lambda D, x: D.Uniform(x([0.0, -3.0]), x([1.0, 4.0])),
    ],
    "Pareto": [lambda D, x: D.Pareto(x([0.5, 2.0, 1.0]), x([2.5, 0.5, 1.5]))],
    "Binomial": [lambda D, x: D.Binomial(x([3.0, 100.0]).detach(), x([0.3, 0.6]))],
}  # fmt: skip


def kinds(lib):
    """The pairs of a library's own distributions: an example of register_kl may have left another here."""
    pairs = [(p.__name__, q.__name__) for p, q in lib.distributions.kl._KL_REGISTRY]
    return sorted([pair for pair in pairs if all([hasattr(lib.distributions, name) for name in pair])])


PAIRS = [pair for pair in kinds(torch) if pair != ("ExponentialFamily", "ExponentialFamily")]


def test_the_same_pairs_are_known():
    assert kinds(minitorch) == kinds(torch)


def fit(p, q):
    """Whether two distributions have batches that broadcast."""
    return all(1 in (m, n) or m == n for m, n in zip(reversed(p.batch_shape), reversed(q.batch_shape), strict=False))


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_divergences(pair):
    rows = [ROWS[kind] + EXTRA.get(kind, []) for kind in pair]
    tried_out = 0
    for i in range(len(rows[0])):
        for j in range(len(rows[1])):

            def program(lib, i=i, j=j):
                makers = Maker(lib, "float64"), Maker(lib, "float64")
                p, q = (row[k](lib.distributions, maker) for row, k, maker in zip(rows, (i, j), makers, strict=True))
                if not fit(p, q):
                    return "these don't fit"
                return with_gradients(lib, lambda: lib.distributions.kl_divergence(p, q), makers[0].made + makers[1].made)

            found = agree(program, SINGLE if not all(rows_are_double(rows, i, j)) else LOOSE)
            tried_out += not isinstance(found, str) and "Error" not in str(found[0])
    assert tried_out, "no pair of these has a divergence"


def rows_are_double(rows, i, j):
    """For each of the two, whether its parameters are tensors of float64."""
    for row, k in zip(rows, (i, j), strict=True):
        maker = Maker(torch, "float64")
        row[k](torch.distributions, maker)
        yield bool(maker.made)


@pytest.mark.parametrize("kind", ["Bernoulli", "Beta", "Dirichlet", "Exponential", "Gamma", "Normal", "Poisson", "Wishart"])
def test_bregman_divergences(kind):
    """What exponential families inherit is the same as what they have of their own."""

    def program(lib):
        maker = Maker(lib, "float64")
        p, q = (row(lib.distributions, maker) for row in (ROWS[kind][0], ROWS[kind][0]))
        registry = __import__(f"{lib.__name__}.distributions.kl", fromlist=["_"])._KL_REGISTRY
        family = lib.distributions.ExponentialFamily
        entropy = tried(lambda: family.entropy(p))
        return tried(lambda: registry[family, family](p, q)), entropy

    agree(program, LOOSE)


def test_the_nearest_pair_is_chosen():
    def program(lib):
        D = lib.distributions

        class Mine(D.Normal):
            pass

        class Other(Mine):
            pass

        found = [D.kl_divergence(Mine(0.0, 1.0), D.Normal(1.0, 1.0))]
        D.register_kl(Mine, D.Normal)(lambda p, q: "mine")
        found.append(D.kl_divergence(Other(0.0, 1.0), D.Normal(1.0, 1.0)))
        found.append(D.kl_divergence(D.Normal(0.0, 1.0), Mine(1.0, 1.0)))
        D.register_kl(D.Normal, Mine)(lambda p, q: "other")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found.append(D.kl_divergence(Other(0.0, 1.0), Other(1.0, 1.0)))
        return found, [str(w.message) for w in caught]

    agree(program)


def test_a_subclass_of_gamma_has_gammas_divergence():
    agree(lambda lib: lib.distributions.kl_divergence(lib.distributions.Chi2(3.0), lib.distributions.Chi2(5.0)))


@pytest.mark.parametrize(
    "pair",
    [("Normal", "Bernoulli"), ("Poisson", "Normal"), ("StudentT", "StudentT"), ("Gamma", "Dirichlet"), ("Bernoulli", "Normal")],
    ids="-".join,
)
def test_pairs_without_a_divergence(pair):
    def program(lib):
        maker = Maker(lib, "float64")
        p, q = (ROWS[kind][0](lib.distributions, maker) for kind in pair)
        return tried(lambda: lib.distributions.kl_divergence(p, q))

    agree(program)


def test_only_distributions_are_registered():
    with pytest.raises(TypeError, match="Expected type_p to be a Distribution subclass"):
        minitorch.distributions.register_kl(int, minitorch.distributions.Normal)
