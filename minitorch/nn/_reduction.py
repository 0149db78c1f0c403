"""How a loss is reduced, as a number and in PyTorch's old words.   torch: nn/_reduction.py"""

import warnings

from .functional.reduction import legacy_reduction, unknown_reduction

__all__ = ["get_enum", "legacy_get_enum", "legacy_get_string"]

NUMBERS = {"none": 0, "mean": 1, "elementwise_mean": 1, "sum": 2}


def get_enum(reduction):
    """0 for 'none', 1 for 'mean', 2 for 'sum'."""
    if reduction not in NUMBERS:
        raise unknown_reduction(reduction)
    if reduction == "elementwise_mean":
        warnings.warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.", stacklevel=2)
    return NUMBERS[reduction]


def legacy_get_string(size_average, reduce, emit_warning=True):
    """What the two booleans of PyTorch 0.4 say, in today's word."""
    with warnings.catch_warnings():
        if not emit_warning:
            warnings.simplefilter("ignore")
        return legacy_reduction(size_average, reduce)


def legacy_get_enum(size_average, reduce, emit_warning=True):
    """The same, as a number."""
    return get_enum(legacy_get_string(size_average, reduce, emit_warning))
