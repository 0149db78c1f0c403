"""The categorical distribution.   torch: torch/distributions/categorical.py"""

import math

from ..creation import arange, full
from ..dtypes import finfo
from ..ops.joining import broadcast_tensors
from ..ops.random import multinomial
from ..size import Size
from . import constraints
from .probabilities import ByProbability
from .utils import lazy_property, logits_to_probs, probs_to_logits

__all__ = ["Categorical"]


class Categorical(ByProbability):
    """P(i) = probs[…, i], for weights ``probs`` (*, n), or ``logits``, their logarithms; both are normalized.

    torch: distributions.Categorical

    >>> d = torch.distributions.Categorical(tensor([1.0, 3.0]))
    >>> d.probs, d.log_prob(tensor(1))
    (tensor([0.2500, 0.7500]), tensor(-0.2877))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _kept = ("_given", "_num_events")

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._take(probs, logits)
        if self._param.dim() < 1:
            raise ValueError(f"`{self._given}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._num_events = self._param.size()[-1]
        super().__init__(self._param.size()[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self):
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self):
        return logits_to_probs(self.logits)

    @property
    def mean(self):
        return full(self._extended_shape(), math.nan, dtype=self.probs.dtype, device=self.probs.device)

    @property
    def mode(self):
        return self.probs.argmax(dim=-1)

    @property
    def variance(self):
        return self.mean

    def sample(self, sample_shape=()):
        sample_shape = Size(sample_shape)
        drawn = multinomial(self.probs.reshape(-1, self._num_events), sample_shape.numel(), True).t()
        return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        value, log_probs = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return log_probs.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self):
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)  # 0 · -inf
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        return self._in_lockstep(arange(self._num_events, device=self._param.device), expand)
