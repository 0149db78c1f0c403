"""Reading and writing at places: x[...], gather and scatter.

An index is taken in two steps. First the basic part, a view: integers select, slices cut, None adds a dim. Then integer
tensors pick elements, in the dims that are left; a boolean tensor stands for the positions where it holds.
"""


from .. import primitives as rows
from ..dtypes import bool as bool_dtype
from ..dtypes import uint8
from ..errors import class_name
from .index_checks import check_index, refuse_outside, within
from .keys import as_entries, basic_key, resolved, without_ellipsis
from .reduce import one_dim
from .spelling import numpy_names, spelled

__all__ = [
    "gather", "getitem", "index_add", "index_add_", "index_add_at_", "index_at", "index_copy", "index_copy_",
    "index_fill", "index_fill_", "index_put", "index_put_", "index_put_at", "index_select", "masked_scatter",
    "masked_scatter_", "masked_select", "multi_slice", "narrow", "nll", "nll_grad", "scatter",
    "scatter_", "scatter_add", "scatter_add_", "scatter_inputs", "select", "setitem", "several_views", "take", "take_along_dim", "unbind",
]  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- x[...]


def getitem(input, key):
    """x[key]: integers, slices, None, Ellipsis, integer and boolean tensors, lists.

    >>> x = torch.arange(6).reshape(2, 3)
    >>> x[1, ::2], x[x > 3]
    (tensor([3, 5]), tensor([4, 5]))
    """
    shape = input._array.shape
    if key.__class__ is int and shape and 0 <= key < shape[0]:
        return input._apply(rows.slice, (input,), ((key, *[(0, n, 1) for n in shape[1:]]),))
    basic = basic_key(key, shape)
    if basic is not None:
        return input._apply(rows.slice, (input,), (basic,))
    view, indices, dims = resolved(input, key)
    if not indices:
        return view if view is not input else input._apply(rows.reshape, (input,), (tuple(input._array.shape),))
    return view.index_at(indices, dims)


LARGEST_EXACT = 1 << 53


def setitem(input, key, value):
    """x[key] = value, in place; the value, a number or a tensor, is broadcast."""
    if not hasattr(value, "_apply"):
        if type(value) in (int, float) and input._array.dtype.char in "fd" and abs(value) < LARGEST_EXACT:
            basic = basic_key(key, input._array.shape)
            if basic is not None:
                view = input._apply(rows.slice, (input,), (basic,))
                view._write(rows.assign, (view, value))
                return
        value = number_value(input, value)
        if hasattr(key, "_apply") and key.dtype is bool_dtype and key.shape == input.shape:
            input.masked_fill_(key, value)
            return
    covered = under_mask(input, key, value) if input._mode.readers else None
    if covered is not None:
        view, mask, value = covered
        view._write(rows.where, (value, mask, view))
        return
    view, indices, dims = resolved(input, key)
    ndim = view.ndim - len(indices) + max([i.ndim for i in indices], default=0)
    while value.ndim > ndim and value.shape[0] == 1:
        value = value.squeeze(0)
    if not indices:
        if value.ndim and value._array.shape != view._array.shape:
            value = value.expand(view._array.shape)
        view.copy_(value)
        return
    if value.ndim == 0 and any([entry.dtype is uint8 for entry in as_entries(input, key) if hasattr(entry, "_apply")]):
        raise RuntimeError("masked_fill_ only supports boolean masks, but got mask with dtype unsigned char\nconvert it: mask.bool()")
    if value.dtype is not input.dtype:
        if value.ndim == 0 and is_one_mask(as_entries(input, key)):
            value = value.to(input.dtype)
        else:
            raise RuntimeError(index_put_dtypes(input, value))
    view._write(rows.index_put, (view, value, *indices), (dims, False))


def under_mask(input, key, value):
    """(the view that a key selects but for its one mask; the mask and the value as they broadcast there), or None.

        x[mask, 1:] = row        →        x[:, 1:], mask[:, None], row

    The same write with nothing looked at: for who records it. With few places of large rows, numbers of places are quicker.
    None for keys with other tensors, and where each place takes a value of its own: how many there are the mask alone knows.
    """
    entries = without_ellipsis(input, as_entries(input, key))
    if not is_one_mask(entries):
        return None
    at = next(k for k, entry in enumerate(entries) if hasattr(entry, "_apply"))
    mask, behind = entries[at], len([entry for entry in entries[at + 1 :] if entry.__class__ is not int])
    view, others, _ = resolved(input, (*entries[:at], *[slice(None)] * mask.ndim, *entries[at + 1 :]))
    front, size = view.ndim - behind, value.shape
    if len(size) > behind:
        size = (*size[: len(size) - behind - 1], *[size[len(size) - behind - 1]] * mask.ndim, *size[len(size) - behind :])
    allowed = [(1,) if behind <= d < behind + mask.ndim else (1, n) for d, n in enumerate(view.shape[::-1])]
    fits = len(size) <= view.ndim and all([n in choice for n, choice in zip(size[::-1], allowed)])
    if others or not fits or mask.shape != view.shape[front - mask.ndim : front] or (value.dtype is not input.dtype and value.ndim):
        return None
    return view, mask.reshape(*mask.shape, *[1] * behind), value.to(input.dtype).reshape(size)


def is_one_mask(entries):
    """Whether of these entries of a key one is a mask, and none is another tensor."""
    tensors = [entry for entry in entries if hasattr(entry, "_apply")]
    return len(tensors) == 1 and tensors[0].dtype is bool_dtype


def index_put_dtypes(input, value):
    return (
        f"Index put requires the source and destination dtypes match, got {input._type_name()} for the destination and "
        f"{value._type_name()} for the source.\ncast the value first: value.to(x.dtype)"
    )


def number_value(input, value):
    """A Python or NumPy number as a 0-d tensor of the input's dtype. Raises TypeError for anything else."""
    if isinstance(value, (bool, int, float, complex)) or getattr(value, "shape", None) == ():
        return input.new_tensor(value)
    raise TypeError(
        f"can't assign a {class_name(value)} to a torch.{input._type_name()}Tensor\nmake it a tensor first: torch.tensor(...)"
    )


def index_at(input, indices, dims):
    """The elements at integer tensors, one for each of ``dims``."""
    return input._apply(rows.index, (input, *indices), (tuple(dims),))


def index_put_at(input, value, indices, dims, accumulate):
    """A copy of the input with ``value`` written to, or added at, places."""
    return input._apply(rows.index_put, (input, value, *indices), (tuple(dims), accumulate))


def index_add_at_(input, value, indices, dims):
    """``value`` added at places, in place."""
    return input._write(rows.index_put, (input, value, *indices), (tuple(dims), True))


def index_put_(input, indices, values, accumulate=False):
    """``values`` written to, or added at, the places of a tuple of index tensors.   torch: Tensor.index_put_"""
    if values.dtype is not input.dtype:
        raise RuntimeError(index_put_dtypes(input, values))
    covered = under_mask(input, tuple(indices), values) if input._mode.readers and not accumulate else None
    if covered is not None:
        view, mask, values = covered
        view._write(rows.where, (values, mask, view))
        return input
    view, found, dims = resolved(input, tuple(indices))
    if found:
        view._write(rows.index_put, (view, values, *found), (dims, accumulate))
    elif accumulate:  # indices of no dims: numbers, which select
        view.add_(values)
    else:
        view.copy_(values)
    return input


def index_put(input, indices, values, accumulate=False):
    """``index_put_`` on a copy.   torch: index_put"""
    return input.clone().index_put_(indices, values, accumulate)


# ----------------------------------------------------------------------------------------------------------- basic views


def multi_slice(input, key):
    """The view at a key in the table's form: an integer, a (start, stop, step) or None for each dim."""
    return input._apply(rows.slice, (input,), (tuple(key),))


def select(input, dim=None, index=None, **numpy):
    """x[..., index, ...] at ``dim``: a view without that dim.   torch: select"""
    if numpy:
        return select(input, index=index, **spelled("select", numpy, dim=dim))
    shape = input._array.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = one_dim(dim, len(shape))
    index, size = index if index.__class__ is int else int(index), shape[d]
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {d}")
    key = *[(0, n, 1) for n in shape[:d]], index if index >= 0 else index + size
    return input._apply(rows.slice, (input,), (key,))


def narrow(input, dim=None, start=None, length=None, **numpy):
    """x[..., start : start + length, ...] at ``dim``: a view.   torch: narrow"""
    if numpy:
        return narrow(input, start=start, length=length, **spelled("narrow", numpy, dim=dim))
    shape = input._array.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    d = one_dim(dim, len(shape))
    if hasattr(start, "_apply") and (start.ndim or start._array.dtype.kind not in "iu"):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    start, size = int(start), shape[d]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start = start + size if start < 0 else start
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    key = *[(0, n, 1) for n in shape[:d]], (start, start + length, 1)
    return input._apply(rows.slice, (input,), (key,))


def unbind(input, dim=0, **numpy):
    """A tuple of all slices along ``dim``, without it: views.   torch: unbind"""
    if numpy:
        return unbind(input, **spelled("unbind", numpy, dim=dim))
    d = one_dim(dim, input.ndim)
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    views = tuple([input.select(d, i) for i in range(input.shape[d])])
    return several_views(views, "Unbind")


def several_views(views, name):
    """Mark views that one function made together: they may not be written to in a recorded computation."""
    for i, x in enumerate(views):
        view = x._view
        if view is not None and (view.made == "grad" or view.made == "several"):
            view.unfit("several", f"{i} of {name}")
            if x._node is not None:
                x._node.shown = f"{name}Backward0"
    return views


# ------------------------------------------------------------------------------------------------- indices along a dim


@numpy_names
def gather(input, dim, index, *, sparse_grad=False):
    """out[i][j] = x[index[i][j]][j] for dim 0, and so on.   torch: gather

    >>> torch.tensor([[1, 2], [3, 4]]).gather(1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    d = one_dim(dim, input.ndim)
    check_index("gather", input, index)
    if index.ndim != max(input.ndim, 1) and not index.numel():
        return input.reshape(-1).narrow(0, 0, 0).reshape(index.shape).clone()
    for other, (n, m) in enumerate(zip(index.shape, input.shape, strict=False)):
        if other != d and n > m:
            raise RuntimeError(
                f"Size does not match at dimension {other} expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {d}"
            )
    return input._apply(rows.gather, (input, index), (d,))


def nll(input, index, dim, ignored, average):
    """Minus the element of each row along ``dim`` at its index, without that dim; 0 where the index is ``ignored``.

    average: of all that aren't ignored, as one number. Raises IndexError for an index outside the dim.
    """
    return input._apply(rows.nll, (input, index), (dim, ignored, average))


def nll_grad(input, index, shape, dim, ignored, average):
    """The adjoint of ``nll``: zeros of ``shape``, with minus the input at the indices."""
    return input._apply(rows.nll_grad, (input, index), (tuple(shape), dim, ignored, average))


def scatter_inputs(input, dim, index, src, value):
    d = one_dim(dim, input.ndim)
    check_index("scatter", input, index)
    index = index if index.ndim or not input.ndim else index.reshape(1)
    src = value if src is None else src
    if not hasattr(src, "_apply"):
        src = input.new_full((), src)
    elif src.dtype is not input.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    elif src.ndim and any(n > m for n, m in zip(index.shape, src.shape, strict=False)):
        raise RuntimeError(
            f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension {d} and to be no "
            f"larger size than src {list(src.shape)}"
        )
    return (input, index, src), (d,)


@numpy_names
def scatter(input, dim, index, src=None, *, value=None, reduce=None):
    """A copy of x with out[index[i][j]][j] = src[i][j] for dim 0, and so on; ``src`` may be a number.   torch: scatter"""
    if reduce is not None:
        return input.clone().scatter_(dim, index, src, value=value, reduce=reduce)
    return input._apply(rows.scatter, *scatter_inputs(input, dim, index, src, value))


@numpy_names
def scatter_(input, dim, index, src=None, *, value=None, reduce=None):
    """``scatter`` in place; ``reduce`` "add" adds to what is there.   torch: Tensor.scatter_"""
    if reduce == "multiply":
        (_, index, src), (d,) = scatter_inputs(input, dim, index, src, value)
        return input._write(rows.scatter_reduce, (input, index, src.expand(index.shape)), (d, "prod"))
    row = {None: rows.scatter, "add": rows.scatter_add}.get(reduce)
    if row is None:
        raise RuntimeError("reduce argument must be either add or multiply.")
    return input._write(row, *scatter_inputs(input, dim, index, src, value))


@numpy_names
def scatter_add(input, dim, index, src):
    """A copy of x with src[i][j] added at [index[i][j]][j] for dim 0, and so on.   torch: scatter_add"""
    return input._apply(rows.scatter_add, *scatter_inputs(input, dim, index, src, None))


@numpy_names
def scatter_add_(input, dim, index, src):
    """``scatter_add`` in place."""
    return input._write(rows.scatter_add, *scatter_inputs(input, dim, index, src, None))


@numpy_names
def index_select(input, dim, index):
    """The slices of x at a vector of positions along ``dim``.   torch: index_select"""
    d = one_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if input.ndim == 0:
        return input.clone()
    index = index.reshape(-1)
    if not within(index, input.shape[d]):
        raise IndexError("index out of range in self")
    return input.index_at((index,), (d,))


@numpy_names
def index_add_(input, dim, index, source, *, alpha=1):
    """x[index[i]] += alpha source[i] along ``dim``.   torch: Tensor.index_add_"""
    d = one_dim(dim, input.ndim)
    if input.ndim and source.ndim and without(source.shape, d) != without(input.shape, d):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(input.shape)} source.shape = {list(source.shape)}"
        )
    refuse_outside(input, d, index, RuntimeError if alpha == 1 and input.ndim > 1 else None)
    source = source if alpha == 1 else source * alpha
    return at_dim(input, dim, index, source, True)


def without(shape, d):
    return (*shape[:d], *shape[d + 1 :])


@numpy_names
def index_copy_(input, dim, index, source):
    """x[index[i]] = source[i] along ``dim``.   torch: Tensor.index_copy_"""
    refuse_outside(input, one_dim(dim, input.ndim), index, IndexError, "index_copy_(): ")
    return at_dim(input, dim, index, source, False)


@numpy_names
def index_fill_(input, dim, index, value):
    """x[index[i]] = value along ``dim``.   torch: Tensor.index_fill_"""
    value = value if hasattr(value, "_apply") else input.new_full((), value)
    index = index.reshape(-1).unique() if index.numel() > 1 else index  # a place that is named twice counts once
    return at_dim(input, dim, index, value.to(input.dtype), False)


def at_dim(input, dim, index, source, accumulate):
    """``source`` written to, or added at, the slices at ``index`` along ``dim``, in place."""
    d = one_dim(dim, input.ndim)
    if input.ndim == 0:
        at_dim(input.unsqueeze(0), 0, index, source.reshape(-1), accumulate)
        return input
    return input._write(rows.index_put, (input, source, index if index.ndim == 1 else index.reshape(-1)), ((d,), accumulate))


@numpy_names
def index_add(input, dim, index, source, *, alpha=1):
    """``index_add_`` on a copy.   torch: index_add"""
    return input.clone().index_add_(dim, index, source, alpha=alpha)


@numpy_names
def index_copy(input, dim, index, source):
    """``index_copy_`` on a copy.   torch: index_copy"""
    return input.clone().index_copy_(dim, index, source)


@numpy_names
def index_fill(input, dim, index, value):
    """``index_fill_`` on a copy.   torch: index_fill"""
    return input.clone().index_fill_(dim, index, value)


def take(input, index):
    """The elements at positions in the flattened tensor.   torch: take"""
    try:
        return input.reshape(-1).index_at((index.long(),), (0,))
    except IndexError:
        n = input.numel()
        outside = next((i for i in index.flatten().tolist() if not -n <= i < n), None)
        if outside is None:
            raise
        raise IndexError(f"out of range: tried to access index {outside} on a tensor of {n} elements.") from None


@numpy_names
def take_along_dim(input, indices, dim=None):
    """``gather`` of places modulo the size, with the other dims broadcast; flattened if ``dim`` is None.   torch: take_along_dim"""
    if dim is None:
        return input.reshape(-1).gather(0, indices.reshape(-1))
    d = one_dim(dim, input.ndim)
    if indices.ndim != input.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    shape = [max(n, m) for n, m in zip(input.shape, indices.shape, strict=True)]
    own, wanted = list(shape), list(shape)
    own[d], wanted[d] = input.shape[d], indices.shape[d]
    indices = indices.expand(wanted)
    return input.expand(own).gather(d, indices.remainder(own[d]) if own[d] else indices)


def masked_select(input, mask):
    """The elements where ``mask`` holds, in one dim.   torch: masked_select"""
    if mask.dtype is not bool_dtype:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = input._broadcast_shape(input.shape, mask.shape)
    return input.expand(shape)[mask.expand(shape)]


def masked_scatter_(input, mask, source):
    """The places where ``mask`` holds take the elements of ``source`` in order.   torch: Tensor.masked_scatter_"""
    if mask.dtype is not bool_dtype:
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask._type_name()}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got{input._type_name()} and {source._type_name()}"
        )
    mask = mask.expand(input.shape)
    wanted = int(mask.sum())
    if source.numel() < wanted:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    input[mask] = source.reshape(-1)[:wanted]
    return input


def masked_scatter(input, mask, source):
    """``masked_scatter_`` on a copy, of the shape that tensor and mask broadcast to.   torch: masked_scatter"""
    shape = input._broadcast_shape(mask.shape, input.shape)
    return input.expand(shape).clone().masked_scatter_(mask, source)
