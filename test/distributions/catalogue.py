"""Every distribution with several sets of parameters: the rows that the tests run on both libraries.

A row makes a distribution of D, the library's ``distributions``, and x, a function that makes a float64 tensor (or of the
dtype that it is told) that wants a gradient.
"""

import math

__all__ = ["ROWS", "name_of"]

ROWS = {
    "Bernoulli": [
        lambda D, x: D.Bernoulli(x([0.2, 0.7, 0.5])), lambda D, x: D.Bernoulli(logits=x([[0.3], [-2.0]])),
        lambda D, x: D.Bernoulli(0.3), lambda D, x: D.Bernoulli(probs=x([0.0, 1.0])),
    ],
    "Beta": [
        lambda D, x: D.Beta(x([0.5, 2.0, 30.0]), x([0.7, 3.0, 10.0])), lambda D, x: D.Beta(2.0, 3.0),
        lambda D, x: D.Beta(x([[0.3], [12.0]]), 8.0),
    ],
    "Binomial": [
        lambda D, x: D.Binomial(7, x([0.2, 0.5, 0.9])), lambda D, x: D.Binomial(100, logits=x([0.4, -0.3])),
        lambda D, x: D.Binomial(x([3.0, 50.0]).detach(), x([0.4, 0.4])), lambda D, x: D.Binomial(5, x([0.0, 1.0])),
    ],
    "Categorical": [
        lambda D, x: D.Categorical(x([0.1, 0.4, 0.5])), lambda D, x: D.Categorical(logits=x([[0.1, 2.0], [-1.0, 3.0]])),
        lambda D, x: D.Categorical(x([[1.0, 0.0, 3.0]])), lambda D, x: D.Categorical(logits=x([[[0.3, 0.2, 0.1]]])),
    ],
    "Cauchy": [lambda D, x: D.Cauchy(x([0.0, 3.0]), x([1.0, 0.3])), lambda D, x: D.Cauchy(0.0, 2.0)],
    "Chi2": [lambda D, x: D.Chi2(x([0.5, 3.0, 40.0])), lambda D, x: D.Chi2(x(4.0))],
    "ContinuousBernoulli": [
        lambda D, x: D.ContinuousBernoulli(x([0.1, 0.5, 0.4995, 0.9])), lambda D, x: D.ContinuousBernoulli(logits=x([0.0, 2.0])),
        lambda D, x: D.ContinuousBernoulli(0.3),
    ],
    "Dirichlet": [
        lambda D, x: D.Dirichlet(x([0.5, 2.0, 8.0])), lambda D, x: D.Dirichlet(x([[0.3, 0.2], [20.0, 9.0]])),
    ],
    "Exponential": [lambda D, x: D.Exponential(x([0.3, 5.0])), lambda D, x: D.Exponential(2.0)],
    "FisherSnedecor": [lambda D, x: D.FisherSnedecor(x([1.5, 8.0]), x([3.0, 9.0])), lambda D, x: D.FisherSnedecor(4.0, 6.0)],
    "Gamma": [
        lambda D, x: D.Gamma(x([0.3, 2.0, 40.0]), x([1.0, 3.0, 0.5])), lambda D, x: D.Gamma(2.0, 3.0),
        lambda D, x: D.Gamma(x([[0.7], [9.0]]), x([1.0, 2.0, 4.0])),
    ],
    "GeneralizedPareto": [
        lambda D, x: D.GeneralizedPareto(x([0.0, 1.0, 2.0]), x([1.0, 0.5, 2.0]), x([0.2, -0.3, 0.0])),
        lambda D, x: D.GeneralizedPareto(x(0.0), x(1.0), x(0.7)),
    ],
    "Geometric": [
        lambda D, x: D.Geometric(x([0.2, 0.7, 1.0])), lambda D, x: D.Geometric(logits=x([0.3, -2.0])),
        lambda D, x: D.Geometric(0.3),
    ],
    "Gumbel": [lambda D, x: D.Gumbel(x([0.0, 2.0]), x([1.0, 0.4])), lambda D, x: D.Gumbel(x(1.0), x(2.0)), lambda D, x: D.Gumbel(1.0, 2.0)],
    "HalfCauchy": [lambda D, x: D.HalfCauchy(x([1.0, 0.4])), lambda D, x: D.HalfCauchy(2.0)],
    "HalfNormal": [lambda D, x: D.HalfNormal(x([1.0, 0.4])), lambda D, x: D.HalfNormal(2.0)],
    "Independent": [
        lambda D, x: D.Independent(D.Normal(x([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), x(2.0)), 1),
        lambda D, x: D.Independent(D.Normal(x([[0.0, 1.0]]), x(2.0)), 2), lambda D, x: D.Independent(D.Bernoulli(x([0.3, 0.4])), 0),
        lambda D, x: D.Independent(D.Dirichlet(x([[0.5, 2.0], [1.0, 3.0]])), 1),
    ],
    "InverseGamma": [lambda D, x: D.InverseGamma(x([0.7, 3.0, 1.5]), x([1.0, 2.0, 3.0])), lambda D, x: D.InverseGamma(x(2.5), x(1.0))],
    "Kumaraswamy": [lambda D, x: D.Kumaraswamy(x([0.5, 2.0, 3.0]), x([0.7, 3.0, 0.2])), lambda D, x: D.Kumaraswamy(x(2.0), x(3.0))],
    "LKJCholesky": [lambda D, x: D.LKJCholesky(3, x([0.5, 2.0])), lambda D, x: D.LKJCholesky(2, x(1.5)), lambda D, x: D.LKJCholesky(4, 1.0)],
    "Laplace": [lambda D, x: D.Laplace(x([0.0, 2.0]), x([1.0, 0.4])), lambda D, x: D.Laplace(0.0, 2.0)],
    "LogNormal": [lambda D, x: D.LogNormal(x([0.0, 2.0]), x([1.0, 0.4])), lambda D, x: D.LogNormal(0.0, 0.5)],
    "LogisticNormal": [
        lambda D, x: D.LogisticNormal(x([0.0, 1.0]), x([1.0, 0.4])), lambda D, x: D.LogisticNormal(x([[0.1], [0.2]]), x([0.3])),
    ],
    "LowRankMultivariateNormal": [
        lambda D, x: D.LowRankMultivariateNormal(x([0.0, 1.0, 2.0]), x([[1.0], [0.3], [-0.5]]), x([0.5, 1.0, 2.0])),
        lambda D, x: D.LowRankMultivariateNormal(x([[0.0, 1.0], [2.0, 3.0]]), x([[1.0, 0.2], [0.3, -0.4]]), x([0.5, 1.0])),
    ],
    "MixtureSameFamily": [
        lambda D, x: D.MixtureSameFamily(D.Categorical(x([0.3, 0.7])), D.Normal(x([-1.0, 2.0]), x([0.5, 1.0]))),
        lambda D, x: D.MixtureSameFamily(
            D.Categorical(x([[0.3, 0.7], [0.5, 0.5]])), D.Independent(D.Normal(x([[[0.0, 1.0], [2.0, 3.0]]] * 2), x(1.0)), 1)
        ),
        lambda D, x: D.MixtureSameFamily(D.Categorical(x([[0.3, 0.7], [0.5, 0.5]])), D.Exponential(x([[1.0, 2.0], [3.0, 4.0]]))),
    ],
    "Multinomial": [
        lambda D, x: D.Multinomial(5, x([0.1, 0.4, 0.5])), lambda D, x: D.Multinomial(3, logits=x([[0.1, 2.0], [-1.0, 3.0]])),
        lambda D, x: D.Multinomial(4, x([[1.0, 0.0, 3.0]])),
    ],
    "MultivariateNormal": [
        lambda D, x: D.MultivariateNormal(x([0.0, 1.0]), x([[2.0, 0.3], [0.3, 1.0]])),
        lambda D, x: D.MultivariateNormal(x([0.0, 1.0]), precision_matrix=x([[2.0, 0.3], [0.3, 1.0]])),
        lambda D, x: D.MultivariateNormal(x([[0.0, 1.0], [2.0, 3.0]]), scale_tril=x([[1.0, 0.0], [0.3, 0.5]])),
        lambda D, x: D.MultivariateNormal(x([0.0, 1.0]), scale_tril=x([[[1.0, 0.0], [0.3, 0.5]], [[2.0, 0.0], [0.1, 1.5]]])),
    ],
    "NegativeBinomial": [
        lambda D, x: D.NegativeBinomial(3, x([0.2, 0.5, 0.0])), lambda D, x: D.NegativeBinomial(x([0.5, 20.0]), logits=x([0.4, -0.3])),
    ],
    "Normal": [
        lambda D, x: D.Normal(x([0.0, 2.0]), x([1.0, 0.4])), lambda D, x: D.Normal(0.0, 2.0), lambda D, x: D.Normal(x([[0.0], [1.0]]), x([1.0, 2.0, 3.0])),
    ],
    "OneHotCategorical": [
        lambda D, x: D.OneHotCategorical(x([0.1, 0.4, 0.5])), lambda D, x: D.OneHotCategorical(logits=x([[0.1, 2.0], [-1.0, 3.0]])),
    ],
    "OneHotCategoricalStraightThrough": [
        lambda D, x: D.OneHotCategoricalStraightThrough(x([[0.1, 0.4, 0.5]])),
        lambda D, x: D.OneHotCategoricalStraightThrough(logits=x([0.1, 2.0])),
    ],
    "Pareto": [lambda D, x: D.Pareto(x([1.0, 2.0, 0.5]), x([0.7, 1.5, 4.0])), lambda D, x: D.Pareto(1.0, 3.0)],
    "Poisson": [lambda D, x: D.Poisson(x([0.5, 4.0, 30.0, 0.0])), lambda D, x: D.Poisson(3.0)],
    "RelaxedBernoulli": [
        lambda D, x: D.RelaxedBernoulli(x(0.5), x([0.2, 0.7])), lambda D, x: D.RelaxedBernoulli(x([1.0, 2.0]), logits=x([0.2, 0.7])),
    ],
    "RelaxedOneHotCategorical": [
        lambda D, x: D.RelaxedOneHotCategorical(x(0.5), x([0.1, 0.4, 0.5])),
        lambda D, x: D.RelaxedOneHotCategorical(x(2.0), logits=x([[0.1, 2.0], [-1.0, 3.0]])),
    ],
    "StudentT": [
        lambda D, x: D.StudentT(x([0.7, 1.5, 4.0]), x([0.0, 1.0, 2.0]), x([1.0, 2.0, 0.5])), lambda D, x: D.StudentT(x(3.0)),
        lambda D, x: D.StudentT(3.0),
    ],
    "TransformedDistribution": [
        lambda D, x: D.TransformedDistribution(D.Uniform(x([0.0, 0.1]), x(1.0)), [D.SigmoidTransform().inv, D.AffineTransform(x(1.0), x(2.0))]),
        lambda D, x: D.TransformedDistribution(D.Normal(x([0.0, 1.0]), x(1.0)), []),
        lambda D, x: D.TransformedDistribution(D.Normal(x([0.0, 1.0]), x(1.0)), D.StickBreakingTransform()),
        lambda D, x: D.TransformedDistribution(D.Normal(x([[0.0, 1.0]]), x(1.0)), [D.AffineTransform(0.5, -2.0), D.TanhTransform()]),
        lambda D, x: D.TransformedDistribution(
            D.Normal(x([0.0, 1.0, 2.0]), x(1.0)), [D.ReshapeTransform((3,), (3, 1)), D.ExpTransform(), D.PowerTransform(x(2.0))]
        ),
        lambda D, x: D.TransformedDistribution(D.Gamma(x([1.0, 2.0]), x(1.0)), D.AffineTransform(x([[1.0], [2.0]]), 2.0)),
    ],
    "Uniform": [lambda D, x: D.Uniform(x([0.0, 2.0]), x([1.0, 2.5])), lambda D, x: D.Uniform(-1.0, 2.0)],
    "VonMises": [lambda D, x: D.VonMises(x([0.0, 1.0]), x([0.5, 8.0])), lambda D, x: D.VonMises(x(math.pi), x(1e-6))],
    "Weibull": [lambda D, x: D.Weibull(x([1.0, 2.0]), x([0.7, 3.0])), lambda D, x: D.Weibull(x(1.0), x(2.0))],
    "Wishart": [
        lambda D, x: D.Wishart(x(4.0), x([[2.0, 0.3], [0.3, 1.0]])), lambda D, x: D.Wishart(x([3.0, 5.0]), scale_tril=x([[1.0, 0.0], [0.3, 0.5]])),
        lambda D, x: D.Wishart(4.0, precision_matrix=x([[2.0, 0.3], [0.3, 1.0]])),
    ],
}  # fmt: skip


def name_of(row):
    return f"{row[0]} {row[1]}"
