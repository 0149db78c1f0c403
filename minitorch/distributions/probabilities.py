"""What the distributions have in common that are given by ``probs`` or by ``logits``, one of the two."""

from ..size import Size
from .distribution import Distribution
from .utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits

__all__ = ["ByProbability"]


class ByProbability(Distribution):
    """probs: probabilities.   logits: log p / (1 - p).   Whichever isn't given is computed when it is first asked for."""

    _kept: tuple = ("_given",)

    def _take(self, probs, logits):
        """Keep the one that is given."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self._given = "logits" if probs is None else "probs"
        (self.__dict__[self._given],) = broadcast_all(logits if probs is None else probs)

    @property
    def _param(self):
        return self.__dict__[self._given]

    @property
    def param_shape(self):
        """The shape of the parameter, batch and all."""
        return self._param.size()

    @lazy_property
    def logits(self):
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self):
        return logits_to_probs(self.logits, is_binary=True)

    def _in_lockstep(self, values, expand):
        """The values of a support, (n), for each of the batch."""
        values = values.view(Size((-1,) + (1,) * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values
