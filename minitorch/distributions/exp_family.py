"""Exponential families, whose entropy and divergences follow from one function.   torch: torch/distributions/exp_family.py"""

from ..autograd import grad
from .distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """log p(x) = <t(x), θ> - F(θ) + k(x), with the natural parameters θ and F, the logarithm of what normalizes it.

    A subclass gives ``_natural_params``, ``_log_normalizer(*θ)`` and ``_mean_carrier_measure``, the mean of k.

    torch: distributions.ExponentialFamily.   Nielsen & Nock 2010, Entropies and cross-entropies of exponential families
    """

    @property
    def _natural_params(self):
        raise NotImplementedError

    def _log_normalizer(self, *natural_params):
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self):
        raise NotImplementedError

    def entropy(self):
        """F(θ) - <θ, ∇F(θ)> - E k(x)"""
        result = -self._mean_carrier_measure
        natural = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*natural)
        result = result + normalizer
        for p, g in zip(natural, grad(normalizer.sum(), natural, create_graph=True), strict=True):
            result = result - (p * g).reshape((*self._batch_shape, -1)).sum(-1)
        return result
