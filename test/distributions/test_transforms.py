"""Transforms, constraints and the registry between them, against PyTorch's."""

import sys
from pathlib import Path

import pytest
from oracle import agree

sys.path.append(str(Path(__file__).parent))
from test_distributions import Maker, tried, with_gradients  # noqa: E402

# A row: how the transform is made, and a point of its domain.
TRANSFORMS = {
    "exp": (lambda D, x: D.ExpTransform(), [-1.0, 0.0, 2.0]),
    "power": (lambda D, x: D.PowerTransform(x([0.5, -2.0, 3.0])), [0.3, 1.0, 2.0]),
    "power of a number": (lambda D, x: D.PowerTransform(2.0), [0.3, 1.0]),
    "sigmoid": (lambda D, x: D.SigmoidTransform(), [-1.0, 0.0, 200.0]),
    "softplus": (lambda D, x: D.SoftplusTransform(), [-1.0, 0.0, 30.0]),
    "tanh": (lambda D, x: D.TanhTransform(), [-1.0, 0.0, 2.0]),
    "abs": (lambda D, x: D.AbsTransform(), [-1.0, 0.5, 2.0]),
    "affine": (lambda D, x: D.AffineTransform(x(1.0), x([2.0, -3.0, 0.5])), [-1.0, 0.0, 2.0]),
    "affine numbers": (lambda D, x: D.AffineTransform(1.0, -2.0), [-1.0, 0.0, 2.0]),
    "affine vectors": (lambda D, x: D.AffineTransform(1.0, x([2.0, -3.0]), event_dim=1), [[-1.0, 0.0], [1.0, 2.0]]),
    "affine wide": (lambda D, x: D.AffineTransform(x([[1.0], [2.0]]), 2), [-1.0, 0.0, 2.0]),
    "softmax": (lambda D, x: D.SoftmaxTransform(), [[-1.0, 0.0, 2.0], [1.0, 1.0, 1.0]]),
    "sticks": (lambda D, x: D.StickBreakingTransform(), [[-1.0, 0.0, 2.0], [1.0, 1.0, 1.0]]),
    "correlations": (lambda D, x: D.CorrCholeskyTransform(), [[-1.0, 0.0, 2.0], [0.1, 0.2, 0.3]]),
    "lower cholesky": (lambda D, x: D.LowerCholeskyTransform(), [[-1.0, 0.5], [0.3, 2.0]]),
    "positive definite": (lambda D, x: D.PositiveDefiniteTransform(), [[-1.0, 0.5], [0.3, 0.2]]),
    "reshape": (lambda D, x: D.ReshapeTransform((2, 2), (4,)), [[[-1.0, 0.5], [0.3, 0.2]]]),
    "compose": (lambda D, x: D.ComposeTransform([D.AffineTransform(x(1.0), 2.0), D.ExpTransform()]), [-1.0, 0.0, 2.0]),
    "compose to vectors": (lambda D, x: D.ComposeTransform([D.TanhTransform(), D.StickBreakingTransform()]), [-1.0, 0.0, 2.0]),
    "compose nothing": (lambda D, x: D.ComposeTransform([]), [-1.0, 0.0, 2.0]),
    "identity": (lambda D, x: D.identity_transform, [-1.0, 0.0, 2.0]),
    "independent": (lambda D, x: D.IndependentTransform(D.ExpTransform(), 1), [[-1.0, 0.0], [1.0, 2.0]]),
    "cat": (lambda D, x: D.CatTransform([D.ExpTransform(), D.AffineTransform(x(1.0), 3.0)], dim=0, lengths=[1, 2]), [-1.0, 0.0, 2.0]),
    "cat of vectors": (lambda D, x: D.CatTransform([D.SoftmaxTransform(), D.SoftmaxTransform()], dim=-2, lengths=[1, 1]), [[-1.0, 0.0], [1.0, 2.0]]),
    "cat ones": (lambda D, x: D.CatTransform([D.ExpTransform(), D.TanhTransform()], dim=-1), [-1.0, 0.5]),
    "stack": (lambda D, x: D.StackTransform([D.ExpTransform(), D.TanhTransform()], dim=1), [[-1.0, 0.0], [1.0, 2.0]]),
    "cdf": (lambda D, x: D.CumulativeDistributionTransform(D.Normal(x(1.0), x(2.0))), [-1.0, 0.0, 2.0]),
}  # fmt: skip


@pytest.mark.parametrize("turned", [False, True], ids=["forward", "inverse"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name, turned):
    make, point = TRANSFORMS[name]

    def program(lib):
        maker = Maker(lib, "float64")
        f = make(lib.distributions, maker)
        x = maker(point)
        if turned:
            x = maker(f(x).detach().tolist())
            f = f.inv
        y = f(x)
        found = {
            "value": with_gradients(lib, lambda: y, maker.made),
            "back": with_gradients(lib, lambda: f.inv(y.detach()), maker.made[:-1]),
            "jacobian": with_gradients(lib, lambda: f.log_abs_det_jacobian(x, y), maker.made),
            "shapes": tried(lambda: (f.forward_shape(x.shape), f.inverse_shape(y.shape))),
        }
        for attribute in ("domain", "codomain", "bijective", "event_dim", "sign"):
            value = tried(lambda attribute=attribute: getattr(f, attribute))
            found[attribute] = value
        found["again"] = f.inv.inv is f, f == f, f == f.inv, tried(lambda: f.with_cache(1)(x)), repr(f) == repr(f.inv.inv)
        return found

    agree(program)


@pytest.mark.parametrize("name", ["exp", "affine numbers", "compose", "cat ones", "stack", "independent", "power of a number"])
def test_texts_and_equality(name):
    make, _ = TRANSFORMS[name]

    def program(lib):
        f, g = (make(lib.distributions, Maker(lib, "float64")) for _ in range(2))
        return repr(f).split(" at ")[0], repr(f.inv).split(" at ")[0], f == g, f != g, f.inv == g.inv

    if name in ("cat ones", "stack"):  # both print nothing of their parts
        assert agree(program)[2] is False
    else:
        agree(program)


def test_what_is_cached_is_the_very_object():
    def program(lib):
        f = lib.distributions.ExpTransform(cache_size=1)
        x = lib.tensor([1.0, 2.0])
        y = f(x)
        g = lib.distributions.ComposeTransform([lib.distributions.TanhTransform(), lib.distributions.ExpTransform()], cache_size=1)
        return f(x) is y, f.inv(y) is x, f.inv.inv is f, g.inv(g(x)) is x

    assert all(agree(program))


CONSTRAINTS = {
    "real": (lambda c: c.real, [0.0, float("nan"), float("inf")]), "boolean": (lambda c: c.boolean, [0.0, 1.0, 0.5]),
    "positive": (lambda c: c.positive, [0.0, 1.0, -1.0]), "nonnegative": (lambda c: c.nonnegative, [0.0, 1.0, -1.0]),
    "greater": (lambda c: c.greater_than(2), [2.0, 3.0, 1.0]), "greater or equal": (lambda c: c.greater_than_eq(2.0), [2.0, 3.0, 1.0]),
    "less": (lambda c: c.less_than(2.0), [2.0, 3.0, 1.0]), "interval": (lambda c: c.interval(-1.0, 2.0), [2.0, 3.0, -1.0]),
    "half open": (lambda c: c.half_open_interval(-1.0, 2.0), [2.0, 3.0, -1.0]), "unit": (lambda c: c.unit_interval, [0.0, 1.0, 2.0]),
    "integers": (lambda c: c.integer_interval(0, 2), [0.0, 2.0, 3.0, 0.5]), "whole": (lambda c: c.nonnegative_integer, [0.0, 2.0, -1.0, 0.5]),
    "positive whole": (lambda c: c.positive_integer, [0.0, 2.0, 1.0]),
    "simplex": (lambda c: c.simplex, [[0.2, 0.8], [0.5, 0.6], [1.5, -0.5]]), "one hot": (lambda c: c.one_hot, [[0.0, 1.0], [1.0, 1.0]]),
    "multinomial": (lambda c: c.multinomial(3), [[1.0, 2.0], [3.0, 1.0], [-1.0, 2.0]]), "vectors": (lambda c: c.real_vector, [[0.0, 1.0], [1.0, float("nan")]]),
    "triangular": (lambda c: c.lower_triangular, [[[1.0, 0.0], [1.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]]),
    "cholesky": (lambda c: c.lower_cholesky, [[[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 1.0]]]),
    "correlations": (lambda c: c.corr_cholesky, [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [1.0, 1.0]]]),
    "square": (lambda c: c.square, [[[1.0, 0.0], [0.6, 0.8]]]), "not square": (lambda c: c.square, [[[1.0, 0.0]]]),
    "symmetric": (lambda c: c.symmetric, [[[1.0, 0.5], [0.5, 0.8]], [[1.0, 0.0], [1.0, 1.0]]]),
    "definite": (lambda c: c.positive_definite, [[[1.0, 0.5], [0.5, 0.8]], [[1.0, 2.0], [2.0, 1.0]]]),
    "semidefinite": (lambda c: c.positive_semidefinite, [[[1.0, 0.5], [0.5, 0.8]], [[1.0, 2.0], [2.0, 1.0]]]),
    "semidefinite, not symmetric": (lambda c: c.positive_semidefinite, [[[1.0, 0.5], [0.4, 0.8]]]),
    "independent": (lambda c: c.independent(c.positive, 1), [[1.0, 2.0], [0.0, 1.0]]),
    "cat": (lambda c: c.cat([c.positive, c.real], 0, [1, 2]), [-1.0, 2.0, -3.0]), "stack": (lambda c: c.stack([c.positive, c.real], 0), [-1.0, -3.0]),
    "dependent": (lambda c: c.dependent, [0.0]), "dependent, discrete": (lambda c: c.dependent(is_discrete=True), [0.0]),
    "mixture": (lambda c: c.MixtureSameFamilyConstraint(c.positive), [1.0, -1.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints(name):
    make, values = CONSTRAINTS[name]

    def program(lib):
        c = lib.distributions.constraints
        constraint = make(c)
        return (
            tried(lambda: constraint.check(lib.tensor(values, dtype=lib.float64))), tried(lambda: constraint.is_discrete),
            tried(lambda: constraint.event_dim), c.is_dependent(constraint),
            repr(constraint) if name not in ("cat", "stack", "independent") else type(constraint).__name__,
        )  # fmt: skip

    agree(program)


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_from_a_constraint_to_a_transform(name, registry):
    make, values = CONSTRAINTS[name]

    def program(lib):
        constraint = make(lib.distributions.constraints)
        x = lib.linspace(-0.5, 0.7, lib.tensor(values).numel(), dtype=lib.float64).reshape(lib.tensor(values).shape)

        def applied():
            f = getattr(lib.distributions, registry)(constraint)
            return type(f).__name__, f(x), constraint.check(f(x))

        return tried(applied)

    agree(program)


def test_a_constraint_of_ones_own():
    def program(lib):
        D = lib.distributions

        class Even(D.constraints.Constraint):
            def check(self, value):
                return value % 2 == 0

        missing = tried(lambda: D.transform_to(Even()))
        D.transform_to.register(Even, lambda c: D.AffineTransform(0.0, 2.0))
        wrong = tried(lambda: D.transform_to.register(int, lambda c: None))
        return missing, D.transform_to(Even())(lib.tensor(3.0)), wrong, repr(Even())

    agree(program)


ERRORS = {
    "cache": lambda D: D.ExpTransform(cache_size=2),
    "reshape": lambda D: D.ReshapeTransform((2, 2), (3,)),
    "reshape shape": lambda D: D.ReshapeTransform((2, 2), (4,)).forward_shape((3, 2)),
    "reshape short": lambda D: D.ReshapeTransform((2, 2), (4,)).forward_shape((2,)),
    "correlations": lambda D: D.CorrCholeskyTransform().forward_shape((4,)),
    "correlations not square": lambda D: D.CorrCholeskyTransform().inverse_shape((4, 3)),
    "sticks": lambda D: D.StickBreakingTransform().forward_shape(()),
    "cat": lambda D: D.CatTransform([1]),
    "cat lengths": lambda D: D.CatTransform([D.ExpTransform()], lengths=[1, 2]),
    "interval of what": lambda D: D.constraints.independent(1, 1),
    "interval of how many": lambda D: D.constraints.independent(D.constraints.real, -1),
    "vector": lambda D: D.utils.vec_to_tril_matrix(D.Normal(0.0, 1.0).sample((4,))),
    "triangle": lambda D: D.utils.tril_matrix_to_vec(D.Normal(0.0, 1.0).sample((2, 2)), diag=5),
    "broadcast": lambda D: D.utils.broadcast_all("a", 1.0),
    "event_dim": lambda D: D.StickBreakingTransform().event_dim and D.CorrCholeskyTransform().event_dim,
    "sign": lambda D: D.SoftmaxTransform().sign,
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    agree(lambda lib: tried(lambda: ERRORS[case](lib.distributions)))
