"""What a distribution refuses, in PyTorch's words, and distributions of one's own."""

import importlib
import pkgutil
import sys
from pathlib import Path

import pytest
import torch
from oracle import agree

import minitorch

sys.path.append(str(Path(__file__).parent))
from test_distributions import tried  # noqa: E402

# Evaluated with t, the library; D, its distributions; and T, which makes a tensor.
WRONG = [
    "D.Normal(0.0, -1.0)", "D.Normal(T([0.0, float('nan')]), 1.0)", "D.Normal('a', 1.0)", "D.Normal(T([0.0] * 3), T([1.0] * 2))",
    "D.Normal(0.0, T([1.0, -1.0, 2.0]))", "D.Bernoulli()", "D.Bernoulli(0.3, 0.4)", "D.Bernoulli(T([1.5]))", "D.Bernoulli(2.0)",
    "D.Bernoulli(logits=float('nan'))", "D.Beta(-1.0, 2.0)", "D.Beta(T([1.0, 0.0]), 2.0)", "D.Binomial(T([-1.0]), T([0.5]))",
    "D.Binomial(3, T([1.5]))", "D.Binomial(3)", "D.Categorical()", "D.Categorical(T(0.5))", "D.Categorical(logits=T(0.5))",
    "D.Categorical(T([-1.0, 2.0]))", "D.Categorical(T([0.5, float('nan')]))", "D.Categorical(logits=T([0.0, float('nan')]))",
    "D.Cauchy(0.0, 0.0)", "D.Chi2(-1.0)", "D.ContinuousBernoulli(T(1.5), validate_args=True)", "D.Dirichlet(T(1.0))",
    "D.Dirichlet(T([0.0, 1.0]))", "D.Exponential(-1.0)", "D.FisherSnedecor(0.0, 1.0)", "D.Gamma(0.0, 1.0)", "D.Gamma(1.0, T([1.0, -2.0]))",
    "D.Geometric(T([0.0, 0.5]))", "D.Geometric(1.5)", "D.Gumbel(0.0, -1.0)", "D.HalfNormal(-1.0)", "D.HalfCauchy(0.0)",
    "D.Independent(D.Normal(0.0, 1.0), 1)", "D.LKJCholesky(1)", "D.LKJCholesky(3, 0.0)", "D.Laplace(0.0, 0.0)", "D.LogNormal(0.0, -1.0)",
    "D.LowRankMultivariateNormal(T(1.0), T([[1.0]]), T([1.0]))", "D.LowRankMultivariateNormal(T([1.0]), T([1.0]), T([1.0]))",
    "D.LowRankMultivariateNormal(T([1.0, 2.0]), T([[1.0]]), T([1.0, 2.0]))", "D.LowRankMultivariateNormal(T([1.0]), T([[1.0]]), T([1.0, 2.0]))",
    "D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(0.0, 1.0))", "D.MixtureSameFamily(D.Categorical(T([0.5, 0.5])), 3)",
    "D.MixtureSameFamily(D.Categorical(T([0.5, 0.5])), D.Normal(T([0.0] * 3), 1.0))",
    "D.MixtureSameFamily(D.Categorical(T([[0.5, 0.5]] * 2)), D.Normal(t.zeros(3, 2), 1.0))",
    "D.Multinomial(2.5, T([0.5, 0.5]))", "D.Multinomial(2)", "D.MultivariateNormal(T(0.0), t.eye(1))", "D.MultivariateNormal(T([0.0]))",
    "D.MultivariateNormal(T([0.0]), t.eye(1), t.eye(1))", "D.MultivariateNormal(T([0.0]), T([1.0]))", "D.MultivariateNormal(T([0.0]), scale_tril=T([1.0]))",
    "D.MultivariateNormal(T([0.0, 0.0]), T([[1.0, 2.0], [2.0, 1.0]]))", "D.MultivariateNormal(T([0.0, 0.0]), scale_tril=T([[1.0, 2.0], [2.0, 1.0]]))",
    "D.NegativeBinomial(3, T([1.0]))", "D.NegativeBinomial(-1.0, T([0.5]))", "D.OneHotCategorical(T([-1.0, 2.0]))", "D.Pareto(0.0, 1.0)",
    "D.Poisson(-1.0)", "D.RelaxedBernoulli(T(1.0))", "D.StudentT(-1.0)", "D.Uniform(1.0, 0.0)", "D.Uniform(T([0.0, 2.0]), 1.0)",
    "D.VonMises(T(0.0), T(-1.0))", "D.Weibull(0.0, 1.0)", "D.Wishart(T(1.0), t.eye(2))", "D.Wishart(T(3.0))", "D.Wishart(T(3.0), T([1.0]))",
    "D.TransformedDistribution(D.Normal(0.0, 1.0), 3)", "D.TransformedDistribution(D.Normal(0.0, 1.0), [3])",
    "D.TransformedDistribution(D.Normal(0.0, 1.0), D.StickBreakingTransform())",
]  # fmt: skip

REFUSED = [
    "D.Normal(0.0, 1.0).log_prob(1.0)", "D.Normal(0.0, 1.0).log_prob(T(float('nan')))", "D.Normal(t.zeros(3), 1.0).log_prob(t.zeros(2))",
    "D.Gamma(1.0, 1.0).log_prob(T(-1.0))", "D.Bernoulli(0.3).log_prob(T(0.5))", "D.Categorical(T([0.5, 0.5])).log_prob(T(2))",
    "D.Dirichlet(T([1.0, 2.0])).log_prob(T([0.5, 0.6]))", "D.Dirichlet(T([1.0, 2.0])).log_prob(T([0.5, 0.5, 0.0]))", "D.Poisson(1.0).log_prob(T(1.5))",
    "D.Uniform(0.0, 1.0).log_prob(T(2.0))", "D.Uniform(0.0, 1.0).cdf(T(2.0))", "D.Exponential(1.0).cdf(T(-2.0))", "D.Pareto(1.0, 1.0).log_prob(T(0.5))",
    "D.OneHotCategorical(T([0.5, 0.5])).log_prob(T([1.0, 1.0]))", "D.Multinomial(3, T([0.5, 0.5])).log_prob(T([2.0, 2.0]))",
    "D.Binomial(T([2.0, 3.0]), T(0.5)).entropy()", "D.Binomial(T([2.0, 3.0]), T(0.5)).enumerate_support()", "D.Independent(D.Bernoulli(T([0.5])), 1).enumerate_support()",
    "D.LogNormal(0.0, 1.0).log_prob(T(-1.0))", "D.MultivariateNormal(t.zeros(2), t.eye(2)).log_prob(t.zeros(3))", "D.Normal(0.0, 1.0).enumerate_support()",
    "D.Poisson(1.0).rsample()", "D.Poisson(1.0).entropy()", "D.Poisson(1.0).cdf(T(1.0))", "D.Gamma(1.0, 1.0).icdf(T(0.5))", "D.VonMises(T(0.0), T(1.0)).entropy()",
    "D.Distribution.set_default_validate_args(3)", "D.Distribution().mean", "D.Distribution().expand((2,))",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG + REFUSED)
def test_refused(text):
    def program(lib):
        return tried(lambda: eval(text, {"t": lib, "D": lib.distributions, "T": lib.tensor}))

    found = agree(program)
    assert isinstance(found, list) and str(found[0]).endswith("Error"), f"PyTorch takes it: {found}"


def test_unchecked():
    def program(lib):
        D = lib.distributions
        loose = D.Normal(0.0, -1.0, validate_args=False)
        found = [loose.log_prob(lib.tensor(1.0)), D.Gamma(1.0, 1.0, validate_args=False).log_prob(lib.tensor(-1.0))]
        D.Distribution.set_default_validate_args(False)
        found.append(D.Exponential(-1.0).mean)
        D.Distribution.set_default_validate_args(True)
        return found, loose.expand((2,))._validate_args

    agree(program)


def test_a_distribution_of_ones_own():
    def program(lib):
        D = lib.distributions

        class Triangular(D.Distribution):
            arg_constraints = {"high": D.constraints.positive}
            support = D.constraints.nonnegative
            has_rsample = True

            def __init__(self, high, validate_args=None):
                (self.high,) = D.utils.broadcast_all(high)
                super().__init__(self.high.shape, validate_args=validate_args)

            def rsample(self, sample_shape=()):
                return self.high * lib.rand(self._extended_shape(sample_shape)).sqrt()

            def log_prob(self, value):
                if self._validate_args:
                    self._validate_sample(value)
                return (2 * value / self.high**2).log()

            def expand(self, batch_shape, _instance=None):
                new = self._get_checked_instance(Triangular, _instance)
                new.high = self.high.expand(batch_shape)
                super(Triangular, new).__init__(lib.Size(batch_shape), validate_args=False)
                new._validate_args = self._validate_args
                return new

        lib.manual_seed(0)
        d = Triangular(lib.tensor([1.0, 2.0], requires_grad=True))
        bounded = D.TransformedDistribution(d.expand((3, 2)), D.AffineTransform(1.0, 2.0))
        return (
            repr(d), d.sample((3,)), d.rsample(), d.log_prob(lib.tensor([0.5, 0.5])), bounded.sample().shape,
            tried(lambda: d.log_prob(lib.tensor([-0.5, 0.5]))), tried(lambda: Triangular(-1.0)), tried(lambda: d.mean),
        )  # fmt: skip

    agree(program)


def test_subclasses_of_ours():
    def program(lib):
        D = lib.distributions

        class Plain(D.Normal):
            pass

        class Standard(D.Normal):
            def __init__(self):
                super().__init__(0.0, 1.0)

        return type(Plain(0.0, 1.0).expand((2,))).__name__, tried(lambda: Standard().expand((2,))), Plain(0.0, 1.0)

    agree(lambda lib: [x if isinstance(x, (str, tuple)) else repr(x) for x in program(lib)])


def test_sample_n_is_deprecated():
    agree(lambda lib: lib.distributions.Normal(0.0, 1.0).sample_n(3).shape)


def test_every_name_is_where_pytorch_has_it():
    assert set(torch.distributions.__all__) <= set(minitorch.distributions.__all__)
    for found in pkgutil.iter_modules(torch.distributions.__path__):
        theirs, ours = (importlib.import_module(f"{lib}.distributions.{found.name}") for lib in ("torch", "minitorch"))
        assert [name for name in getattr(theirs, "__all__", ()) if not hasattr(ours, name)] == [], found.name
