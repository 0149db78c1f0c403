"""One operation over lists of tensors: ``torch._foreach_mul_(weights, 0.9)`` multiplies each of them in place.

Averages of weights and optimizers are written with these. PyTorch computes a list in few kernels; here it is a loop over
the tensors' own methods.   torch: aten/src/ATen/native/ForeachUtils.h
"""

import numbers

__all__ = ["foreach"]

BOTH = (
    "abs acos add addcdiv addcmul asin atan ceil clamp_max clamp_min cos cosh div erf erfc exp expm1 floor frac lerp lgamma log "
    "log10 log1p log2 maximum minimum mul neg pow reciprocal round rsqrt sigmoid sign sin sinh sqrt sub tan tanh trunc"
).split()
NAMES = {*BOTH, *(f"{name}_" for name in BOTH), "clone", "copy_", "max", "norm", "zero_"}
"""Methods of tensors that there are for lists, new ones and in place."""
METHODS = {"maximum": "clamp_min", "maximum_": "clamp_min_", "minimum": "clamp_max", "minimum_": "clamp_max_"}
"""Those that tensors know by another name."""


def foreach(name):
    """The function of that name over lists, or None.

    It takes a list of tensors, then for each argument of the method a list with one for each tensor, or one for all. It
    returns the results; in place, the list itself. Raises RuntimeError for no tensors, or lists of other lengths.

    >>> from minitorch.ops.foreach import foreach
    >>> foreach("add")([tensor([1.0]), tensor([2.0, 3.0])], [10, 20])
    (tensor([11.]), tensor([22., 23.]))
    """
    if name not in NAMES:
        return None

    def over_list(self, *arguments, **options):
        if not self:
            raise RuntimeError("Tensor list must have at least one tensor.\nwere the parameters, an iterator, used up before?")
        if name.startswith("addc") and len(arguments) == 3:
            *arguments, options["value"] = arguments
        columns = [one_for_each(argument, len(self)) for argument in arguments]
        named = {key: one_for_each(option, len(self)) for key, option in options.items()}
        results = []
        for i, x in enumerate(self):
            given, by_name = [column[i] for column in columns], {key: column[i] for key, column in named.items()}
            results.append(getattr(x, METHODS.get(name, name))(*given, **by_name))
        return self if name.endswith("_") else tuple(results)

    over_list.__name__ = over_list.__qualname__ = f"_foreach_{name}"
    return over_list


def one_for_each(argument, count):
    """An argument as a list of ``count``: it is that already, or one for all."""
    if not isinstance(argument, (list, tuple)):
        return [argument] * count
    if len(argument) != count:
        if isinstance(argument[0], numbers.Number):
            raise RuntimeError("Tensor list must have same number of elements as scalar list.")
        raise RuntimeError(f"Tensor lists must have the same number of tensors, got {count} and {len(argument)}")
    return argument
