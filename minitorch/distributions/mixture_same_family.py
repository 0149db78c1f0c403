"""Mixtures of one kind of distribution.   torch: torch/distributions/mixture_same_family.py"""

from ..engine import no_grad
from ..size import Size
from . import constraints
from .categorical import Categorical
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """p(x) = Σ πₖ pₖ(x), the πₖ of a Categorical, the pₖ along the last batch dim of ``component_distribution``.

    torch: distributions.MixtureSameFamily
    """

    arg_constraints: dict = {}
    has_rsample = False

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of torch.distributions.Distribution")
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution

        mixed, batch = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for a, b in zip(reversed(mixed), reversed(batch), strict=False):
            if a != 1 and b != 1 and a != b:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixed}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch})"
                )
        n, components = mixture_distribution.logits.shape[-1], component_distribution.batch_shape[-1]
        if n != components:
            raise ValueError(
                f"`mixture_distribution component` ({n}) does not equal `component_distribution.batch_shape[-1]` "
                f"({components})"
            )
        self._num_component, self._event_ndims = n, len(component_distribution.event_shape)
        super().__init__(batch, component_distribution.event_shape, validate_args=validate_args)

    def _expanded(self, batch_shape):
        return {
            "_component_distribution": self._component_distribution.expand(batch_shape + (self._num_component,)),
            "_mixture_distribution": self._mixture_distribution.expand(batch_shape),
            "_num_component": self._num_component, "_event_ndims": self._event_ndims,
        }  # fmt: skip

    @constraints.dependent_property
    def support(self):
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self):
        """Which component it is."""
        return self._mixture_distribution

    @property
    def component_distribution(self):
        """The components."""
        return self._component_distribution

    def _mean_over(self, values):
        """Σ πₖ values[k] over the components."""
        probs = self.mixture_distribution.probs
        fewer = 0 if len(self.mixture_distribution.batch_shape) == 1 else len(self._batch_shape) - probs.dim() + 1
        shape = probs.shape
        probs = probs.reshape(shape[:-1] + (1,) * fewer + shape[-1:] + (1,) * self._event_ndims)
        return (probs * values).sum(dim=-1 - self._event_ndims)

    @property
    def mean(self):
        return self._mean_over(self.component_distribution.mean)

    @property
    def variance(self):
        means = self.component_distribution.mean
        within = self._mean_over(self.component_distribution.variance)
        return within + self._mean_over((means - self._pad(self.mean)).pow(2.0))

    def cdf(self, x):
        return (self.component_distribution.cdf(self._pad(x)) * self.mixture_distribution.probs).sum(dim=-1)

    def log_prob(self, x):
        if self._validate_args:
            self._validate_sample(x)
        log_probs = self.component_distribution.log_prob(self._pad(x))
        return (log_probs + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(dim=-1)

    def sample(self, sample_shape=()):
        with no_grad():
            sample_shape = Size(sample_shape)
            dim = len(sample_shape) + len(self._batch_shape)
            which = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            which = which.reshape(which.shape + (1,) * (self._event_ndims + 1))
            which = which.repeat((1,) * (which.dim() - self._event_ndims) + tuple(self._event_shape))
            return drawn.gather(dim, which).squeeze(dim)

    def _pad(self, x):
        return x.unsqueeze(-1 - self._event_ndims)

    def __repr__(self):
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
