"""Kullback and Leibler's divergence, by the types of the two distributions.   torch: torch/distributions/kl.py

The formulas are in kl_same.py, for two of one kind, and kl_cross.py, for two of different kinds.
"""

import warnings

from .distribution import Distribution

__all__ = ["kl_divergence", "register_kl"]

_KL_REGISTRY: dict = {}
_KL_MEMOIZE: dict = {}


def register_kl(type_p, type_q):
    """A decorator: ``kl_divergence(p, q)`` is that function of p and q, for these types and those derived from them.

    >>> class Mine(torch.distributions.Normal): pass
    >>> @torch.distributions.register_kl(Mine, Mine)
    ... def divergence(p, q):
    ...     return 0.0
    >>> torch.distributions.kl_divergence(Mine(0.0, 1.0), Mine(2.0, 1.0))
    0.0
    """
    for name, kind in (("p", type_p), ("q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected type_{name} to be a Distribution subclass but got {kind}")

    def decorator(function):
        _KL_REGISTRY[type_p, type_q] = function
        _KL_MEMOIZE.clear()  # which function is nearest may have changed
        return function

    return decorator


def kl_divergence(p, q):
    """∫ p(x) log(p(x) / q(x)) dx, for each of the batch.   torch: distributions.kl_divergence

    Raises NotImplementedError for pairs that nobody registered.

    >>> D = torch.distributions
    >>> D.kl_divergence(D.Normal(0.0, 1.0), D.Normal(1.0, 1.0))
    tensor(0.5000)
    """
    types = type(p), type(q)
    if types not in _KL_MEMOIZE:
        _KL_MEMOIZE[types] = _nearest(*types)
    function = _KL_MEMOIZE[types]
    if function is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {types[0].__name__} and q type {types[1].__name__}\n"
            "register_kl(type_p, type_q) adds one"
        )
    return function(p, q)


def _nearest(type_p, type_q):
    """The function registered for the nearest base classes; a warning if p's nearest and q's nearest aren't the same pair."""
    found = [pair for pair in _KL_REGISTRY if issubclass(type_p, pair[0]) and issubclass(type_q, pair[1])]
    if not found:
        return None

    def distance(pair):
        return type_p.__mro__.index(pair[0]), type_q.__mro__.index(pair[1])

    by_p, by_q = min(found, key=distance), min(found, key=lambda pair: distance(pair)[::-1])
    if _KL_REGISTRY[by_p] is not _KL_REGISTRY[by_q]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({by_p[0].__name__}, {by_q[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _KL_REGISTRY[by_p]
