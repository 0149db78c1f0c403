"""Every distribution against PyTorch's: draws at the same seed, densities, moments, gradients, shapes, texts and errors."""

import sys
import warnings
from pathlib import Path

import numpy
import pytest
import torch
from oracle import TOLERANCE, Raised, agree, first_line, plain

import minitorch

sys.path.append(str(Path(__file__).parent))
from catalogue import ROWS, name_of  # noqa: E402

CASES = [(name, i) for name, rows in ROWS.items() for i in range(len(rows))]
TOLERANCE_32 = {**TOLERANCE, "float32": (2e-4, 2e-5)}
LOOSE = {**TOLERANCE, "float64": (1e-7, 1e-9), "float32": (2e-3, 2e-4)}
"""Draws of float64 and their gradients: PyTorch's approximations have digits of their own."""

PROPERTIES = [
    "batch_shape", "event_shape", "has_rsample", "has_enumerate_support", "mean", "mode", "variance", "stddev", "support",
    "arg_constraints",
]  # fmt: skip


class Maker:
    """Makes the tensors of a row, and remembers them for their gradients."""

    def __init__(self, lib, dtype):
        self.lib, self.dtype, self.made = lib, dtype, []

    def __call__(self, values):
        made = self.lib.tensor(values, dtype=getattr(self.lib, self.dtype), requires_grad=True)
        self.made.append(made)
        return made


def made(lib, case, dtype="float64"):
    maker = Maker(lib, dtype)
    return ROWS[case[0]][case[1]](lib.distributions, maker), maker.made


def tried(run):
    """What ``run()`` returns, or what it raises, described."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = run()
        except Exception as error:
            return Raised(type(error).__name__, first_line(error).replace("'minitorch.", "'torch."))
    if type(value).__module__.endswith("constraints") or type(value).__name__ == "dict":
        return repr(value)
    return value


def with_gradients(lib, run, leaves):
    """What ``run()`` returns, and its gradients by ``leaves``."""
    value = tried(run)
    if not isinstance(value, lib.Tensor) or not value.requires_grad or not leaves:
        return value
    weights = lib.cos(lib.arange(1.0, value.numel() + 1, dtype=lib.float64)).reshape(value.shape)
    gradients = tried(lambda: lib.autograd.grad((value.double() * weights).sum(), leaves, allow_unused=True, retain_graph=True))
    return value, gradients


def drawn(lib, d, shape=(4,)):
    lib.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Wishart's, of singular samples
        return d.sample(shape)


def each_case(test):
    return pytest.mark.parametrize("case", CASES, ids=name_of)(test)


@each_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_draws(case, dtype):
    def program(lib):
        d, leaves = made(lib, case, dtype)
        leaves = [] if case[0] == "Wishart" else leaves  # PyTorch writes over what its gradient needs, and raises
        results = []
        for shape in ((), (5,), (2, 20)):
            lib.manual_seed(11)
            results.append(tried(lambda shape=shape: d.sample(shape)))
            results.append(with_gradients(lib, lambda shape=shape: d.rsample(shape), leaves))
            results.append(lib.get_rng_state())
        return results

    agree(program, LOOSE)


@each_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_properties(case, dtype):
    def program(lib):
        d, leaves = made(lib, case, dtype)
        return {name: with_gradients(lib, lambda name=name: getattr(d, name), leaves) for name in PROPERTIES}

    agree(program, TOLERANCE_32)


def densities(lib, d, value, u, leaves):
    return {
        "log_prob": with_gradients(lib, lambda: d.log_prob(value), leaves),
        "cdf": with_gradients(lib, lambda: d.cdf(value), leaves),
        "icdf": with_gradients(lib, lambda: d.icdf(u.contiguous()), leaves),
        "in support": tried(lambda: d.support.check(value)),
    }


@each_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_densities(case, dtype):
    """log_prob, cdf and icdf, and their gradients by the parameters and by the value."""
    sample = plain(drawn(minitorch, made(minitorch, case, dtype)[0])).numbers

    def program(lib):
        d, leaves = made(lib, case, dtype)
        value = lib.from_numpy(numpy.array(sample))
        if value.is_floating_point() and not d.support.is_discrete:
            leaves = [*leaves, value.requires_grad_()]
        u = lib.linspace(0.03, 0.97, 4, dtype=getattr(lib, dtype)).reshape((4,) + (1,) * (value.dim() - 1)).expand(value.shape)
        if case[0] == "GeneralizedPareto" and lib is torch and dtype == "float64":
            lib.set_default_dtype(lib.float64)  # it compares with a number of the default dtype
        try:
            return densities(lib, d, value, u, leaves)
        finally:
            lib.set_default_dtype(lib.float32)

    agree(program, LOOSE if dtype == "float32" else {**TOLERANCE, "float64": (1e-8, 1e-10)})


@each_case
def test_entropies(case):
    def program(lib):
        d, leaves = made(lib, case)
        return [
            with_gradients(lib, d.entropy, leaves), tried(d.perplexity), tried(d.enumerate_support),
            tried(lambda: d.enumerate_support(expand=False)),
        ]  # fmt: skip

    agree(program, LOOSE)


@each_case
def test_expanded(case):
    dtype = "float32" if case[0] == "GeneralizedPareto" else "float64"  # as above

    def program(lib):
        d, _ = made(lib, case, dtype)
        d = d.expand((3, *d.batch_shape))
        again = d.expand((2, *d.batch_shape))
        value = drawn(lib, again, (2,))
        names = [name for name in PROPERTIES if name != "arg_constraints"]
        return (
            [tried(lambda name=name: getattr(again, name)) for name in names], value, tried(lambda: again.log_prob(value)),
            case[0] != "Multinomial" and tried(again.entropy),  # PyTorch's has lost what it needs for it
            tried(again.enumerate_support), type(again).__name__,
        )  # fmt: skip

    agree(program, LOOSE)


@each_case
def test_texts(case):
    def program(lib):
        d, _ = made(lib, case)
        before = repr(d).replace(", requires_grad=True", "").replace(", grad_fn=<UnbindBackward0>", "")
        tried(lambda: d.mean)
        return before, repr(d.expand((2, *d.batch_shape))), str(d.batch_shape), str(d.event_shape)

    agree(program)
