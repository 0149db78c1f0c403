"""The same numbers in another arrangement. Where PyTorch returns a view, so do these: it shares the input's memory."""

import math

from .. import primitives as rows
from ..dtypes import dtype as dtype_type
from ..errors import size_error
from .reduce import dims_of, one_dim
from .spelling import numpy_names, spelled

__all__ = [
    "adjoint", "broadcast_to", "detach", "diag", "diag_embed", "diagflat", "diagonal", "embed", "expand", "expand_as",
    "flatten", "flip", "fliplr", "flipud", "fold_windows", "follow", "movedim", "pad_widths", "permute", "ravel",
    "repeat", "repeat_interleave", "reshape", "reshape_as", "roll", "rot90", "sizes", "squeeze", "sum_to",
    "sum_to_size", "swapaxes", "t", "tile", "transpose", "tril", "tril_", "triu", "triu_", "unflatten", "unfold",
    "unsqueeze", "view", "view_as", "written",
]  # fmt: skip


def sizes(given, function, argument="size", named=None):
    """Sizes given one by one, or as one sequence, as a tuple of integers. Raises TypeError for what isn't whole.

    function, argument: whose they are, for that.   named: the sequence, if it was given by the argument's name.
    """
    given = shape = given if named is None else (*given, named)
    if len(given) == 1 and not isinstance(given[0], (int, str)) and hasattr(given[0], "__iter__") and getattr(given[0], "ndim", 1):
        shape = given[0]
    return tuple([n if n.__class__ is int else whole(n, given, shape, function, argument) for n in shape])


def whole(n, given, shape, function, argument):
    """A size that is no plain int, as one."""
    if isinstance(n, float) or not hasattr(n, "__index__") or (hasattr(n, "is_floating_point") and n.is_floating_point()):
        raise size_error(n, given, shape, function, argument)
    return n.__index__()


def filled_in(shape, count):
    """``shape`` with its -1 replaced, for ``count`` elements. Raises RuntimeError if it doesn't fit."""
    if -1 in shape:
        known = -math.prod(shape)
        if shape.count(-1) > 1:
            raise RuntimeError("only one dimension can be inferred")
        if known == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 can be any "
                "value and is ambiguous"
            )
        if count % known == 0:
            return tuple([count // known if n == -1 else n for n in shape])
    elif math.prod(shape) == count:
        return shape
    for i, n in enumerate(shape):
        if n < -1:
            raise RuntimeError(f"invalid shape dimension {n} at index {i} of shape {list(shape)}")
    raise RuntimeError(
        f"shape '{list(shape)}' is invalid for input of size {count}\nthe product of the sizes must be {count}; one may be -1"
    )


def reshape(input, *given, shape=None):
    """The elements in row-major order in another shape, of which one size may be -1. A view where it can be.

    torch: reshape

    >>> torch.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return input._apply(rows.reshape, (input,), (filled_in(sizes(given, "reshape", "shape", shape), input._array.size),))


def view(input, *shape, size=None, dtype=None):
    """``reshape`` without ever copying; or, given a dtype, the same bytes read as that type.   torch: Tensor.view

    Raises RuntimeError where a view is impossible.
    """
    if not shape:
        shape = (size if dtype is None else dtype,)
    if isinstance(shape[0], dtype_type):
        return input._reinterpret(shape[0])
    result = input._apply(rows.reshape, (input,), (filled_in(sizes(shape, "view"), input._array.size),))
    if result._storage is not input._storage and input._array.size:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous "
            "subspaces). Use .reshape(...) instead."
        )
    return result


def view_as(input, other):
    """``view`` in the shape of ``other``.   torch: Tensor.view_as"""
    return input.view(other.shape)


def reshape_as(input, other):
    """``reshape`` to the shape of ``other``.   torch: Tensor.reshape_as"""
    return input.reshape(other.shape)


def flatten(input, start_dim=0, end_dim=-1):
    """The dims from ``start_dim`` to ``end_dim`` made one.   torch: flatten"""
    start, end = one_dim(start_dim, input.ndim), one_dim(end_dim, input.ndim)
    if input.ndim == 0:
        return input.reshape(1)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end:
        return input
    shape = input._array.shape
    return input._apply(
        rows.reshape, (input,), ((*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]),)
    )


def ravel(input):
    """All elements in one dim.   torch: ravel"""
    return input.contiguous().reshape(-1)


@numpy_names
def unflatten(input, dim, sizes):
    """One dim made several, of which one size may be -1.   torch: unflatten"""
    d = one_dim(dim, input.ndim)
    shape = input.shape
    try:
        inner = filled_in(tuple(sizes), shape[d])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {d} ({shape[d]}) in the input tensor"
        ) from None
    return input.reshape(*shape[:d], *inner, *shape[d + 1 :])


def permute(input, *given, dims=None):
    """The dims in another order.   torch: permute"""
    dims = sizes(given, "permute", "dims", dims)
    if len(dims) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of "
            f"dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}"
        )
    order = tuple([one_dim(d, input.ndim) for d in dims])
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return input._apply(rows.permute, (input,), (order,))


def transpose(input, dim0, dim1):
    """Two dims swapped.   torch: transpose"""
    ndim = input._array.ndim
    first, second = one_dim(dim0, ndim), one_dim(dim1, ndim)
    if ndim == 0:
        return input._apply(rows.permute, (input,), ((),))
    order = list(range(ndim))
    order[first], order[second] = second, first
    return input._apply(rows.permute, (input,), (tuple(order),))


swapaxes = transpose


def t(input):
    """The transpose of a matrix; a vector stays.   torch: t"""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return (
        input.transpose(0, 1) if input.ndim == 2 else input._apply(rows.permute, (input,), (tuple(range(input.ndim)),))
    )


def adjoint(input):
    """The last two dims swapped, and the conjugate of that.   torch: adjoint

    Raises RuntimeError for a vector.
    """
    if input._array.ndim == 1:
        raise RuntimeError("tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return input.mH


def movedim(input, source, destination):
    """Dims moved to other places, the rest in order.   torch: movedim"""
    source, destination = [x if isinstance(x, (tuple, list)) else [x] for x in (source, destination)]
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should contain the same number of dims as "
            f"destination ({list(destination)} dims)"
        )
    for name, dims in (("source", source), ("destination", destination)):
        if len({one_dim(d, input.ndim) for d in dims}) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(dims)})")
    source, destination = [one_dim(d, input.ndim) for d in source], [one_dim(d, input.ndim) for d in destination]
    if input.ndim == 0:
        return input.permute(())
    order = [d for d in range(input.ndim) if d not in source]
    for place, d in sorted(zip(destination, source, strict=True)):
        order.insert(place, d)
    return input.permute(order)


def unsqueeze(input, dim=None, **numpy):
    """A new dim of size 1 at ``dim``.   torch: unsqueeze"""
    if numpy:
        return unsqueeze(input, **spelled("unsqueeze", numpy, dim=dim))
    shape = input._array.shape
    d = one_dim(dim, len(shape) + 1)
    return input._apply(rows.reshape, (input,), ((*shape[:d], 1, *shape[d:]),))


def squeeze(input, dim=None, **numpy):
    """Without its dims of size 1: all of them, or those in ``dim``.   torch: squeeze"""
    if numpy:
        return squeeze(input, **spelled("squeeze", numpy, dim=dim))
    shape = input._array.shape
    dims = () if isinstance(dim, tuple) and not dim else dims_of(dim, len(shape))
    kept = [n for d, n in enumerate(shape) if n != 1 or d not in dims]
    return input._apply(rows.reshape, (input,), (tuple(kept),))


def expand(input, *given, size=None):
    """Seen larger: dims of size 1 repeated, new dims in front, -1 leaves a size. No memory is taken.   torch: expand"""
    target, shape = sizes(given, "expand", named=size), input._array.shape
    lead = len(target) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"expand(torch.{input._type_name()}Tensor{{{list(shape)}}}, size={list(target)}): the number of sizes "
            f"provided ({len(target)}) must be greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    old = (None,) * lead + tuple(shape)
    full = tuple([m if n == -1 else n for n, m in zip(target, old)])
    if None not in full and all([m == 1 or m == n for n, m in zip(full[lead:], shape)]):
        return input._apply(rows.expand, (input,), (full,))
    d = max([d for d, (n, m) in enumerate(zip(full, old)) if n is None or m not in (None, 1, n)])
    if full[d] is None:
        raise RuntimeError(f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {d}")
    raise RuntimeError(
        f"The expanded size of the tensor ({full[d]}) must match the existing size ({old[d]}) at non-singleton dimension {d}.  "
        f"Target sizes: {list(target)}.  Tensor sizes: {list(shape)}"
    )


def expand_as(input, other):
    """``expand`` to the shape of ``other``.   torch: Tensor.expand_as"""
    return input.expand(other.shape)


def broadcast_to(input, *given, size=None):
    """``expand`` to ``size``.   torch: broadcast_to"""
    return input.expand(*given) if size is None else input.expand(size)


def sum_to_size(input, *size):
    """Summed over the dims that ``size`` would be expanded in.   torch: Tensor.sum_to_size"""
    target = sizes(size, "sum_to_size")
    if input._array.dtype.kind in "biu" and (input._array.shape != target or not target):
        input = input.long()
    return input.sum_to(target) if input.ndim else input.sum()


def sum_to(input, target):
    """The adjoint of broadcasting: summed to the shape that was broadcast."""
    shape, target = input._array.shape, tuple(target)
    if shape == target:
        return input
    lead = len(shape) - len(target)
    repeated = [d for d, n in enumerate(target, lead) if n == 1 and shape[d] != 1]
    if lead < 0 or any(n not in (1, m) for n, m in zip(target, shape[lead:], strict=True)):
        raise RuntimeError(f"size {{{list(target)}}} is not expandable to size {{{list(shape)}}}.")
    total = input._apply(rows.sum, (input,), ((*range(lead), *repeated), False)).to(input.dtype)
    return total if total._array.shape == target else total.reshape(target)


def tile(input, *given, dims=None):
    """``repeat``, in which missing leading counts are 1.   torch: tile"""
    counts = sizes(given, "tile", "dims", dims)
    return input.repeat((1,) * (input.ndim - len(counts)) + counts)


def repeat(input, *given, repeats=None):
    """Copies side by side: ``repeats[d]`` of them along dim d.   torch: Tensor.repeat"""
    counts = sizes(given, "repeat", "repeats", repeats)
    lead = len(counts) - input.ndim
    if lead < 0:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor\n"
            f"the tensor has {input.ndim}: give at least as many counts"
        )
    shape = (1,) * lead + tuple(input.shape)
    pairs = [size for n, m in zip(counts, shape, strict=True) for size in (n, m)]
    spread = input.reshape([size for m in shape for size in (1, m)]).expand(pairs)
    result = spread.reshape([n * m for n, m in zip(counts, shape, strict=True)])
    return result if result._storage is not input._storage else result.clone()


@numpy_names
def repeat_interleave(input, repeats, dim=None, *, output_size=None):
    """Each element several times in a row, along ``dim`` or flattened; a tensor of counts gives each its own.

    torch: repeat_interleave
    """
    if dim is None:
        input, dim = input.reshape(-1), 0
    d = one_dim(dim, input.ndim)
    n = input.shape[d]
    if not hasattr(repeats, "_apply"):
        copies = input.unsqueeze(d + 1).expand(*input.shape[: d + 1], repeats, *input.shape[d + 1 :]).flatten(d, d + 1)
        return copies if copies._storage is not input._storage else copies.clone()
    counts = repeats.tolist()
    counts = counts * n if len(counts) == 1 else counts
    if len(counts) != n:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {len(counts)} and input.size({d}) = {n}"
        )
    places = [i for i, k in enumerate(counts) for _ in range(k)]
    return input.index_select(d, repeats.new_tensor(places))


def flip(input, *along, dims=None):
    """In reverse order along ``dims``: a copy.   torch: flip"""
    dims = sizes(along if dims is None else (dims,), "flip", "dims")
    return input._apply(rows.flip, (input,), (dims_of(dims, input.ndim) if dims else (),))


def fliplr(input):
    """``flip`` along dim 1.   torch: fliplr"""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return input.flip(1)


def flipud(input):
    """``flip`` along dim 0.   torch: flipud"""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return input.flip(0)


def rot90(input, k=1, dims=(0, 1)):
    """Turned by k quarter turns in the plane of ``dims``.   torch: rot90"""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    first, second = [one_dim(d, input.ndim) for d in dims]
    if first == second:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    if k % 4 == 1:
        return input.flip(second).transpose(first, second).contiguous()
    if k % 4 == 2:
        return input.flip(first, second)
    return input.flip(first).transpose(first, second).contiguous() if k % 4 == 3 else input.clone()


def roll(input, shifts, dims=None):
    """Shifted along ``dims``, what falls out coming in at the other end.   torch: roll"""
    if dims is None:
        return input.reshape(-1).roll(shifts, 0).reshape(input.shape)
    shifts, dims = [tuple(x) if isinstance(x, (tuple, list)) else (int(x),) for x in (shifts, dims)]
    if len(shifts) != len(dims):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    return input._apply(rows.roll, (input,), (shifts, tuple([one_dim(d, input.ndim) for d in dims])))


def pad_widths(input, widths, value=0):
    """``value`` around the input: a (before, after) for each dim; a negative one cuts."""
    if any(n < 0 for pair in widths for n in pair):
        cut = [(max(-b, 0), n - max(-a, 0), 1) for (b, a), n in zip(widths, input.shape, strict=True)]
        input = input._apply(rows.slice, (input,), (tuple(cut),))
        widths = [(max(b, 0), max(a, 0)) for b, a in widths]
    return input._apply(rows.pad, (input,), (tuple([tuple(pair) for pair in widths]), value))


def unfold(input, dimension, size, step):
    """The windows of ``size`` elements, ``step`` apart, along a dim, in a new last dim: a view.   torch: Tensor.unfold"""
    d = one_dim(dimension, input.ndim)
    largest = input.shape[d] if input.ndim else 1
    if size > largest:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {largest} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if input.ndim == 0:
        return input.expand(size)
    return input._apply(rows.unfold, (input,), (d, size, step))


def fold_windows(input, shape, dim, size, step):
    """The adjoint of ``unfold``: the windows in the last dim added up where they lay in a tensor of ``shape``."""
    return input._apply(rows.fold_windows, (input,), (tuple(shape), dim, size, step))


def tril(input, diagonal=0):
    """The part on and below a diagonal; 0 above.   torch: tril"""
    return matrices("tril", input)._apply(rows.tril, (input,), (diagonal,))


def matrices(name, input):
    """``input``. Raises RuntimeError if it has less than two dims."""
    if input._array.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions\nthis one has {input._array.ndim}")
    return input


def triu(input, diagonal=0):
    """The part on and above a diagonal; 0 below.   torch: triu"""
    return matrices("triu", input)._apply(rows.triu, (input,), (diagonal,))


def tril_(input, diagonal=0):
    """``tril`` in place."""
    return matrices("tril", input)._write(rows.tril, (input,), (diagonal,))


def triu_(input, diagonal=0):
    """``triu`` in place."""
    return matrices("triu", input)._write(rows.triu, (input,), (diagonal,))


def diagonal(input, offset=0, dim1=0, dim2=1):
    """The diagonal of two dims, as a new last dim: a view.   torch: diagonal"""
    first, second = two_dims(dim1, dim2, input.ndim)
    return input._apply(rows.diagonal, (input,), (offset, first, second))


def two_dims(dim1, dim2, ndim):
    """Both of a diagonal's dims, counted from 0. Raises RuntimeError if they are one."""
    first, second = one_dim(dim1, ndim), one_dim(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}\nname two dims")
    return first, second


def diag(input, diagonal=0):
    """The diagonal of a matrix, or the matrix with a vector on its diagonal.   torch: diag"""
    if input.ndim == 1:
        return input.diag_embed(diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return input.diagonal(diagonal).clone()


def diag_embed(input, offset=0, dim1=-2, dim2=-1):
    """Matrices with the last dim on their diagonals: element i in row i, column i + offset of ``dim1`` and ``dim2``, with an offset
    from 0 on.   torch: diag_embed
    """
    n = input.shape[-1] + abs(offset)
    first, second = two_dims(dim1, dim2, input.ndim + 1)
    shape = list(input.shape[:-1])
    for d in sorted((first, second)):
        shape.insert(d, n)
    return input.embed(tuple(shape), ((rows.diagonal, (offset, first, second)),))


def diagflat(input, offset=0):
    """The matrix with all elements of x on a diagonal.   torch: diagflat"""
    return input.reshape(-1).diag(offset)


# -------------------------------------------------------------------------------------------------------------- copies


def detach(input):
    """The same memory without history.   torch: Tensor.detach"""
    try:
        return input._apply(rows.detach, (input,))
    except RuntimeError:  # a view that lost its history; nobody asks for it where none is recorded
        mode = input._mode
        before, mode.grad = mode.grad, False
        try:
            return input._apply(rows.detach, (input,))
        finally:
            mode.grad = before


# ------------------------------------------------------------------------------ places in a base, for vjps and the engine


def follow(input, path):
    """The view of the input at the end of a path."""
    for row, params in path:
        input = input._apply(row, (input,), params)
    return input


def embed(input, shape, path):
    """Zeros of ``shape``, with the input at a path: the adjoint of ``follow``."""
    return input._apply(rows.embed, (input,), (tuple(shape), path))


def written(input, value, path):
    """A copy of the input with ``value`` at a path."""
    return input._apply(rows.write, (input, value), (path,))
