"""What every distribution shares: its shapes, the checks of its parameters and of samples, and ``expand``.

A sample has the shape sample_shape + batch_shape + event_shape: how many are asked for, for how many sets of parameters,
and what one draw is. A distribution names its parameters in ``arg_constraints`` and keeps them as attributes.

torch: torch/distributions/distribution.py
"""

import warnings

from ..engine import Tensor, no_grad
from ..modes import demand, tracer
from ..size import Size
from . import constraints
from .utils import lazy_property

__all__ = ["Distribution"]


class Distribution:
    """The base of all: a subclass writes ``rsample`` or ``sample``, ``log_prob``, and what else it knows in closed form.

    validate_args: whether parameters and samples are checked; by default they are, but not under ``python -O``.

    torch: distributions.Distribution

    >>> d = torch.distributions.Normal(torch.zeros(3), 1.0)
    >>> d.batch_shape, d.event_shape, d.sample((2,)).shape
    (torch.Size([3]), torch.Size([]), torch.Size([2, 3]))
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    _parts: tuple = ()
    """The attributes that are distributions themselves, of the same batch."""
    _kept: tuple = ()
    """The attributes that an expanded distribution has unchanged."""

    @staticmethod
    def set_default_validate_args(value):
        """Whether distributions made from now on check their arguments."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(self, batch_shape=(), event_shape=(), validate_args=None):
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self):
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        for name, constraint in arg_constraints.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # the other way to give the same parameter
            value = getattr(self, name)
            what = f"parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution"
            self._demand(constraint, value, f"Expected {what} {{}} to satisfy the constraint {constraint!r}")

    def _demand(self, constraint, value, message):
        """Raise ValueError unless all of a Tensor satisfies a constraint. ``message`` has a gap for what the distribution is."""
        fits = constraint.check(value)
        if tracer() is None and fits.all():
            return
        demand(fits, ValueError, f"{message.format(self._described(tracer() is None))}, but found invalid values:", value)

    # -- shapes -------------------------------------------------------------------------------------------------------

    @property
    def batch_shape(self):
        """The shape of the sets of parameters."""
        return self._batch_shape

    @property
    def event_shape(self):
        """The shape of one draw."""
        return self._event_shape

    def _extended_shape(self, sample_shape=()):
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def expand(self, batch_shape, _instance=None):
        """The same distribution for a larger batch: its parameters are expanded, no memory is copied.

        >>> torch.distributions.Normal(0.0, 1.0).expand((2, 3)).batch_shape
        torch.Size([2, 3])
        """
        ours = next(cls for cls in type(self).__mro__ if cls.__module__.startswith(__package__))
        if ours is Distribution:
            raise NotImplementedError
        new = self._get_checked_instance(ours, _instance)
        batch_shape = Size(batch_shape)
        new.__dict__.update(self._expanded(batch_shape))
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _expanded(self, batch_shape):
        """The attributes of this distribution for that batch."""
        found = {name: getattr(self, name) for name in self._kept}
        for name, constraint in self.arg_constraints.items():
            if name in self.__dict__:
                x = self.__dict__[name]
                found[name] = x.expand(batch_shape + x.shape[x.dim() - constraint.event_dim :])
        found.update({name: getattr(self, name).expand(batch_shape) for name in self._parts})
        return found

    def _get_checked_instance(self, cls, _instance=None):
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"Subclass {self.__class__.__name__} of {cls.__name__} that defines a custom __init__ method must also "
                "define a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    # -- what a distribution knows of itself --------------------------------------------------------------------------

    @property
    def arg_constraints(self):
        """{parameter: where it may lie}."""
        raise NotImplementedError

    @property
    def support(self):
        """Where samples lie."""
        raise NotImplementedError

    @property
    def mean(self):
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self):
        """The likeliest value."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self):
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self):
        """The square root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape=()):
        """Draws, without gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=()):
        """Draws that are differentiable functions of the parameters, if ``has_rsample``."""
        raise NotImplementedError

    def sample_n(self, n):
        """``sample((n,))``, its old name."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", category=FutureWarning, stacklevel=2
        )
        return self.sample(Size((n,)))

    def log_prob(self, value):
        """The logarithm of the density, or of the probability, of each event in ``value``."""
        raise NotImplementedError

    def cdf(self, value):
        """The probability of a value up to ``value``."""
        raise NotImplementedError

    def icdf(self, value):
        """The value that ``cdf`` takes to ``value``."""
        raise NotImplementedError

    def enumerate_support(self, expand=True):
        """All values of a discrete distribution, along a new first dim."""
        raise NotImplementedError

    def entropy(self):
        """The mean of -log_prob, for each set of parameters."""
        raise NotImplementedError

    def perplexity(self):
        """exp(entropy)"""
        return self.entropy().exp()

    # -- checks -------------------------------------------------------------------------------------------------------

    def _validate_sample(self, value):
        """Raise ValueError unless ``value`` has a shape that fits, and lies in the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape, expected = value.size(), self._batch_shape + self._event_shape
        if shape[len(shape) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {shape} vs {self._event_shape}.")
        for i, j in zip(reversed(shape), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {shape} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `support` to enable sample validation. Please initialize the distribution "
                "with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        what = f"value argument ({type(value).__name__} of shape {tuple(shape)})"
        self._demand(support, value, f"Expected {what} to be within the support ({support!r}) of the distribution {{}}")

    def __repr__(self):
        return self._described(True)

    def _described(self, numbers):
        """As it is printed; without ``numbers``, which none who records a run may look at, by shapes alone."""
        found = {name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__}
        said = [f"{name}: {x if numbers and x.numel() == 1 else x.size()}" for name, x in found.items()]
        return f"{self.__class__.__name__}({', '.join(said)})"
