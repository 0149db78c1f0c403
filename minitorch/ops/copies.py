"""Views, copied: ``narrow_copy`` is ``narrow`` with memory of its own.   torch: the functions whose names end in _copy"""

from .. import primitives as rows
from ..making import named
from .indexing import select, unbind
from .joining import split, split_with_sizes
from .movement import detach, diagonal, expand, permute, squeeze, t, transpose, unfold, unsqueeze, view
from .spelling import numpy_names
from .strides import as_strided

__all__ = [
    "alias_copy", "as_strided_copy", "detach_copy", "diagonal_copy", "expand_copy", "narrow_copy", "permute_copy",
    "select_copy", "slice_copy", "split_copy", "split_with_sizes_copy", "squeeze_copy", "t_copy", "transpose_copy",
    "unbind_copy", "unfold_copy", "unsqueeze_copy", "view_copy",
]  # fmt: skip


def fresh(x):
    """A copy in row-major order; of several, a tuple of them."""
    return tuple([fresh(each) for each in x]) if isinstance(x, tuple) else x._apply(rows.contiguous, (x,))


def copied(seen, name=None):
    """The function that copies what the view function ``seen`` returns."""

    def function(input, *args, **kwargs):
        return fresh(seen(input, *args, **kwargs))

    name = name or seen.__name__
    return named(function, f"{name}_copy", f"A copy of ``{name}``.   torch: {name}_copy")


def whole(input):
    """The tensor itself."""
    return input


def sliced(input, dim=0, start=None, end=None, step=1):
    """x[start:end:step] along ``dim``."""
    d = dim if dim >= 0 else dim + input.ndim
    return input[(*[slice(None)] * d, slice(start, end, step))]


@numpy_names
def narrow_copy(input, dim, start, length):
    """A copy of ``narrow``.   torch: narrow_copy"""
    if input.ndim and dim >= input.ndim:
        raise RuntimeError(
            "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false.  (Could this error message be "
            "improved?  If so, please report an enhancement request to PyTorch.)\nthe tensor has fewer dims"
        )
    return fresh(input.narrow(dim, start, length))


alias_copy, slice_copy = copied(whole, "alias"), copied(sliced, "slice")
as_strided_copy, detach_copy, diagonal_copy = copied(as_strided), copied(detach), copied(diagonal)
expand_copy, permute_copy = copied(expand), copied(permute)
select_copy, split_copy, split_with_sizes_copy = copied(select), copied(split), copied(split_with_sizes)
squeeze_copy, t_copy, transpose_copy = copied(squeeze), copied(t), copied(transpose)
unbind_copy, unfold_copy, unsqueeze_copy, view_copy = copied(unbind), copied(unfold), copied(unsqueeze), copied(view)
