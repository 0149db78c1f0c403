"""Several tensors to one, and one to several."""

import itertools
import warnings

from .. import primitives as rows
from ..making import named
from .indexing import several_views
from .reduce import one_dim
from .spelling import numpy_names, spelled

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_tensors", "cartesian_prod", "cat", "chunk",
    "column_stack", "combinations", "dsplit", "dstack", "hsplit", "hstack", "meshgrid", "split", "split_by_method", "split_with_sizes",
    "stack", "tensor_split", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "vsplit", "vstack",
]  # fmt: skip


def cat(tensors, dim=0, **numpy):
    """The tensors one after the other along ``dim``; all other sizes must agree.   torch: cat

    >>> torch.cat([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    """
    if numpy:
        return cat(tensors, **spelled("cat", numpy, dim=dim))
    tensors = several("cat", tensors)
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    shapes = [t._array.shape for t in tensors]
    if () in shapes:
        raise RuntimeError(f"zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated")
    shape = shapes[0]
    if (0,) in shapes:  # empty vectors join with anything: the result takes their dtype into account, and nothing else
        shape = next((s for s in shapes if s != (0,)), shape)
        d = one_dim(dim, len(shape))
        nothing = (*shape[:d], 0, *shape[d + 1 :])
        tensors = tuple([t.reshape(nothing) if s == (0,) else t for t, s in zip(tensors, shapes)])
        shapes = [nothing if s == (0,) else s for s in shapes]
    d = one_dim(dim, len(shape))
    before, behind = shape[:d], shape[d + 1 :]
    for i, s in enumerate(shapes):
        if len(s) != len(shape) or s[:d] != before or s[d + 1 :] != behind:
            raise joined_error(shapes, shape, d, i)
    return tensors[0]._apply(rows.cat, tensors, (d,))


def joined_error(shapes, shape, d, i):
    """The exception for shapes that don't fit a first one's, from number ``i`` on."""
    for other in shapes:
        if len(other) != len(shape):
            return RuntimeError(f"Tensors must have same number of dimensions: got {len(shape)} and {len(other)}")
    expected, got = next((n, m) for k, (n, m) in enumerate(zip(shape, shapes[i])) if n != m and k != d)
    return RuntimeError(
        f"Sizes of tensors must match except in dimension {d}. Expected size {expected} but got size {got} for tensor number {i} in "
        "the list."
    )


def several(name, tensors):
    """``tensors``, a list, as a tuple. Raises TypeError if that is no list of tensors."""
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    for i, t in enumerate(tensors):
        if not hasattr(t, "_array"):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}")
    return tuple(tensors)


def filled_list(name, tensors):
    """``several``; raises RuntimeError if there are none."""
    tensors = several(name, tensors)
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return tensors


def stack(tensors, dim=0, **numpy):
    """The tensors side by side in a new dim; all shapes must agree.   torch: stack"""
    if numpy:
        return stack(tensors, **spelled("stack", numpy, dim=dim))
    tensors = filled_list("stack", tensors)
    first = tensors[0]
    for i, t in enumerate(tensors):
        if t._array.shape != first._array.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first.shape)} at entry 0 and {list(t.shape)} at entry {i}"
            )
    return first._apply(rows.stack, tensors, (one_dim(dim, first._array.ndim + 1),))


def atleast_1d(*tensors):
    """0-d tensors as vectors.   torch: atleast_1d"""
    return each(tensors, lambda t: t.reshape(1) if t.ndim == 0 else t)


def atleast_2d(*tensors):
    """Tensors with dims added in front until there are two.   torch: atleast_2d"""
    return each(tensors, lambda t: t.reshape(1, -1) if t.ndim < 2 else t)


def atleast_3d(*tensors):
    """Tensors with at least three dims.   torch: atleast_3d"""
    return each(tensors, lambda t: t.reshape(1, -1, 1) if t.ndim < 2 else t.unsqueeze(-1) if t.ndim == 2 else t)


def each(tensors, function):
    many = len(tensors) == 1 and isinstance(tensors[0], (tuple, list))
    results = tuple([function(t) for t in (tensors[0] if many else tensors)])
    return results if many or len(results) > 1 else results[0]


def hstack(tensors):
    """``cat`` along dim 1; along dim 0 for vectors.   torch: hstack"""
    tensors = atleast_1d(filled_list("hstack", tensors))
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors):
    """``cat`` along dim 0, vectors being rows.   torch: vstack"""
    return cat(atleast_2d(filled_list("vstack", tensors)), 0)


def dstack(tensors):
    """``cat`` along dim 2.   torch: dstack"""
    return cat(atleast_3d(filled_list("dstack", tensors)), 2)


def column_stack(tensors):
    """``hstack``, vectors being columns.   torch: column_stack"""
    tensors = filled_list("column_stack", tensors)
    return hstack([t.reshape(-1, 1) if t.ndim < 2 else t for t in tensors])


def split(tensor, split_size_or_sections, dim=0):
    """Pieces of the given size (the last may be smaller), or of the given sizes, along ``dim``: views.   torch: split"""
    check_divisible("split", tensor)
    d = one_dim(dim, tensor.ndim)
    n = tensor.shape[d]
    if not isinstance(split_size_or_sections, int):
        return tensor.split_with_sizes(split_size_or_sections, d)
    size = split_size_or_sections
    if size < 0 or (size == 0 and n):
        raise RuntimeError(
            f"split expects split_size be non-negative, but got split_size={size}"
            if size < 0
            else f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
        )
    starts = range(0, n, size) if n else [0]
    return several_views(parts_along(tensor, d, [(i, min(i + size, n), 1) for i in starts]), "Split")


def check_divisible(name, tensor):
    if not tensor._array.ndim:
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor")


def split_by_method(tensor, split_size, dim=0):
    """``split``, whose sizes have another name here.   torch: Tensor.split"""
    return split(tensor, split_size, dim)


@numpy_names
def split_with_sizes(tensor, split_sizes, dim=0):
    """Pieces of the given sizes along ``dim``: views.   torch: split_with_sizes"""
    check_divisible("split", tensor)
    d = one_dim(dim, tensor.ndim)
    if isinstance(split_sizes, str):
        raise TypeError("split_with_sizes(): argument 'split_sizes' (position 2) must be tuple of ints, not str")
    sizes = [int(n) for n in split_sizes]
    if min(sizes, default=0) < 0:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={sizes}"
        )
    if sum(sizes) != tensor.shape[d]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {tensor.shape[d]} (input tensor's size at dimension {dim}), but "
            f"got split_sizes={sizes}"
        )
    stops = list(itertools.accumulate(sizes))
    return several_views(parts_along(tensor, d, [(stop - n, stop, 1) for n, stop in zip(sizes, stops)]), "SplitWithSizes")


def parts_along(tensor, d, spans):
    """The parts of a tensor at each of the (start, stop, 1) along dim ``d``: views."""
    key, parts = [(0, n, 1) for n in tensor._array.shape], []
    for span in spans:
        key[d] = span
        parts.append(tensor._apply(rows.slice, (tensor,), (tuple(key),)))
    return tuple(parts)


def chunk(input, chunks, dim=0, **numpy):
    """At most ``chunks`` pieces of equal size (the last may be smaller) along ``dim``: views.   torch: chunk"""
    if numpy:
        return chunk(input, chunks, **spelled("chunk", numpy, dim=dim))
    check_divisible("chunk", input)
    if chunks <= 0:
        raise RuntimeError("chunk expects `chunks` to be greater than 0, got: " + str(chunks))
    d = one_dim(dim, input.ndim)
    n = input.shape[d]
    size = -(-n // int(chunks))
    if size == 0:
        return input.split_with_sizes([0] * chunks, d)
    return input.split(size, d)


@numpy_names
def tensor_split(input, indices_or_sections, dim=0):
    """Pieces as equal as possible, or cut at the given positions, along ``dim``: views.   torch: tensor_split"""
    if not input._array.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    d = one_dim(dim, input.ndim)
    n = input.shape[d]
    if hasattr(indices_or_sections, "tolist"):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
        small, larger = divmod(n, indices_or_sections)
        starts = [i * small + min(i, larger) for i in range(indices_or_sections)]
        return tuple([input.narrow(d, start, small + (i < larger)) for i, start in enumerate(starts)])
    cuts = [0, *[range(n)[c : c + 1].start if -n <= c < n else n if c >= n else 0 for c in indices_or_sections], n]
    return tuple([input.narrow(d, a, max(b - a, 0)) for a, b in zip(cuts[:-1], cuts[1:], strict=True)])


def by_dim(name, dim, least):
    """``hsplit``, ``vsplit`` or ``dsplit``."""

    def function(input, indices_or_sections):
        if input._array.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {input._array.ndim} dimensions!"
            )
        d = min(dim, input._array.ndim - 1)
        n, sections = input._array.shape[d], indices_or_sections
        if isinstance(sections, int) and (sections <= 0 or n % sections):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {d}, but the size of the dimension {n} is not divisible by the "
                f"split_size {sections}!"
            )
        return input.tensor_split(sections, d)

    return named(function, name, f"``tensor_split`` along dim {dim}.   torch: {name}")


hsplit, vsplit, dsplit = by_dim("hsplit", 1, 1), by_dim("vsplit", 0, 2), by_dim("dsplit", 2, 3)


def unrelated(pieces):
    """Views that history takes for tensors of their own: what is written to one changes the memory, and no other's gradient."""
    made = []
    for piece in pieces:
        apart = piece._wrap(piece._array)
        apart._node = piece._node
        made.append(apart)
    return tuple(made)


@numpy_names
def unsafe_split(tensor, split_size, dim=0):
    """``split``, whose pieces one promises not to write to, or to use no more than one of.   torch: unsafe_split"""
    return unrelated(split(tensor, split_size, dim))


@numpy_names
def unsafe_split_with_sizes(input, split_sizes, dim=0):
    """``split_with_sizes``, whose pieces one promises not to write to, or to use no more than one of.   torch: unsafe_split_with_sizes"""
    return unrelated(split_with_sizes(input, split_sizes, dim))


@numpy_names
def unsafe_chunk(input, chunks, dim=0):
    """``chunk``, whose pieces one promises not to write to, or to use no more than one of.   torch: unsafe_chunk"""
    return unrelated(chunk(input, chunks, dim))


def broadcast_tensors(*tensors):
    """All tensors, expanded to their common shape: views.   torch: broadcast_tensors"""
    tensors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    shape = tensors[0]._broadcast_shape(*[t.shape for t in tensors])
    return tuple([t if t._array.shape == shape else t.expand(shape) for t in tensors])


def meshgrid(*tensors, indexing=None):
    """The grid of vectors: for each, its value at every grid point. "ij" puts the first along dim 0, "xy" along dim 1.

    Without ``indexing`` it is "ij", and PyTorch wants it said.   torch: meshgrid
    """
    if indexing is None:
        warnings.warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.\nit is \"ij\"", stacklevel=2
        )
        indexing = "ij"
    tensors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for t in tensors:
        if t.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {t}")
        if t.dtype is not tensors[0].dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(tensors) > 1
    order = [tensors[1], tensors[0], *tensors[2:]] if swap else list(tensors)
    shape = [t.numel() for t in order]
    grids = [t.reshape([-1 if d == i else 1 for d in range(len(order))]).expand(shape) for i, t in enumerate(order)]
    if swap:
        grids = [grids[1], grids[0], *grids[2:]]
    return tuple(grids)


def cartesian_prod(*tensors):
    """Every combination of the elements of vectors, one a row.   torch: cartesian_prod"""
    for t in tensors:
        if t.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([grid.reshape(-1) for grid in meshgrid(*tensors, indexing="ij")], 1)


def block_diag(*tensors):
    """Matrices along the diagonal of a larger one, 0 elsewhere.   torch: block_diag"""
    for i, t in enumerate(tensors):
        if t.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {t.ndim} dimensions"
            )
    tensors = [atleast_2d(t) for t in tensors]
    width = sum(t.shape[1] for t in tensors)
    rows_, left = [], 0
    for t in tensors:
        rows_.append(t.pad_widths([(0, 0), (left, width - left - t.shape[1])]))
        left += t.shape[1]
    return cat(rows_, 0)


def combinations(input, r=2, with_replacement=False):
    """Every choice of ``r`` elements of a vector, in order, one a row.   torch: combinations

    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    choices = (itertools.combinations_with_replacement if with_replacement else itertools.combinations)(range(len(input)), r)
    places = list(choices)
    return input[input._arange(1).new_tensor(places).reshape(len(places), r)]
