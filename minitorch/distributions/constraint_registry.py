"""From a constraint to a transform that takes all real numbers into it.

    f = transform_to(constraints.positive)        # some transform: easy to optimize through
    f = biject_to(constraints.positive)           # a bijection, for changes of variables

Both are tables that can be added to: ``@transform_to.register(my_constraint)`` before a function of the constraint.

torch: torch/distributions/constraint_registry.py
"""

from . import constraints, transforms
from .utils import NUMBERS

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """Functions that make a transform, by the type of the constraint.

    >>> torch.distributions.transform_to(torch.distributions.constraints.unit_interval)
    SigmoidTransform()
    """

    def __init__(self):
        self._registry = {}
        super().__init__()

    def register(self, constraint, factory=None):
        """Let ``factory(constraint)`` make the transforms for constraints of that type; without it, a decorator."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, constraints.Constraint):
            constraint = type(constraint)
        if not isinstance(constraint, type) or not issubclass(constraint, constraints.Constraint):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint):
        """The transform for ``constraint``."""
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to, transform_to = ConstraintRegistry(), ConstraintRegistry()


def _affine(inner, loc, scale):
    return transforms.ComposeTransform([inner, transforms.AffineTransform(loc, scale)])


def _to_interval(constraint):
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, NUMBERS) and isinstance(high, NUMBERS) and low == 0 and high == 1:
        return transforms.SigmoidTransform()
    return _affine(transforms.SigmoidTransform(), low, high - low)


BOTH = {
    constraints.real: lambda c: transforms.identity_transform,
    constraints.greater_than: lambda c: _affine(transforms.ExpTransform(), c.lower_bound, 1),
    constraints.greater_than_eq: lambda c: _affine(transforms.ExpTransform(), c.lower_bound, 1),
    constraints.less_than: lambda c: _affine(transforms.ExpTransform(), c.upper_bound, -1),
    constraints.interval: _to_interval,
    constraints.half_open_interval: _to_interval,
    constraints.corr_cholesky: lambda c: transforms.CorrCholeskyTransform(),
}
for registry in (biject_to, transform_to):
    for constraint, factory in BOTH.items():
        registry.register(constraint, factory)


def _register_joined(registry):
    """Constraints that are made of others."""
    registry.register(
        constraints.independent,
        lambda c: transforms.IndependentTransform(registry(c.base_constraint), c.reinterpreted_batch_ndims),
    )
    registry.register(
        constraints.cat, lambda c: transforms.CatTransform([registry(part) for part in c.cseq], c.dim, c.lengths)
    )
    registry.register(
        constraints.stack, lambda c: transforms.StackTransform([registry(part) for part in c.cseq], c.dim)
    )


_register_joined(biject_to)
_register_joined(transform_to)
biject_to.register(constraints.simplex, lambda c: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: transforms.LowerCholeskyTransform())
for constraint in (constraints.positive_definite, constraints.positive_semidefinite):
    transform_to.register(constraint, lambda c: transforms.PositiveDefiniteTransform())
