"""What stands between the brackets of x[...]: integers, slices, None, the Ellipsis, tensors, lists.

torch: torch/csrc/autograd/python_variable_indexing.cpp, ATen/TensorIndexing.h
"""

import warnings

from .. import primitives as rows
from ..dtypes import bool as bool_dtype
from ..dtypes import int64, uint8

__all__ = ["as_entries", "basic_key", "resolved", "without_ellipsis"]


def basic_key(key, shape):
    """The table's form of a key of integers, slices and Nones that takes less than all; None for any other, and what is wrong."""
    entries = key if key.__class__ is tuple else (key,)
    basic, source, whole = [], 0, True
    for at, entry in enumerate(entries):
        if entry is None:
            basic.append(None)
            continue
        if entry is ...:
            missing = len(shape) - source - sum([e is not None for e in entries[at + 1 :]])
            if missing < 0 or any([e is ... for e in entries[at + 1 :]]):
                return None
            basic += [(0, n, 1) for n in shape[source : source + missing]]
            source += missing
            continue
        if source == len(shape):
            return None
        n = shape[source]
        if entry.__class__ is int and -n <= entry < n:
            basic.append(entry if entry >= 0 else entry + n)
            whole = False
        elif entry.__class__ is slice and (entry.step is None or (entry.step.__class__ is int and entry.step > 0)):
            start, stop, step = entry.indices(n)
            basic.append((start, stop if stop > start else start, step))
            whole = whole and stop - start == n and step == 1
        else:
            return None
        source += 1
    if whole and None not in basic:
        return None
    basic += [(0, n, 1) for n in shape[source:]]
    return tuple(basic)


def resolved(input, key):
    """The view that the basic part of ``key`` makes, the integer tensors that remain, and the dims that they index."""
    given = as_entries(input, key)
    entries = without_ellipsis(input, given)
    basic, indices, dims = [], [], []
    source = result = 0  # the dims reached, in the input and in the view
    trivial = True
    shape = input._array.shape
    for at, entry in enumerate(entries):
        if entry is None or entry.__class__ is bool:
            basic.append(None)
            if entry is not None:  # a new dim, of which nothing is taken if False
                indices.append(input._from_data([0] if entry else [], int64, input.device))
                dims.append(result)
            result, trivial = result + 1, False
        elif entry.__class__ is int:
            basic.append(in_range(entry, shape[source], given, at, len(entries)))
            source, trivial = source + 1, False
        elif entry.__class__ is slice:
            bounds = slice_bounds(entry, shape[source])
            trivial = trivial and bounds == (0, shape[source], 1)
            basic.append(bounds)
            source, result = source + 1, result + 1
        else:
            for index in positions(entry, shape, source, basic):
                basic.append((0, shape[source], 1))
                indices.append(index)
                dims.append(result)
                source, result = source + 1, result + 1
    view = input if trivial else input._apply(rows.slice, (input,), (tuple(basic),))
    return view, indices, tuple(dims)


def as_entries(input, key):
    """The key as a list: lists and arrays made tensors, 0-d tensors Python's integers and booleans."""
    if isinstance(key, list) and any(
        isinstance(k, (slice, list, type(None), type(...))) or hasattr(k, "_apply") for k in key
    ):
        key = tuple(key)
    return [entry if entry.__class__ in READY else as_entry(input, entry) for entry in (key if isinstance(key, tuple) else (key,))]


ONE_DIM = frozenset([int, slice])
READY = ONE_DIM | {bool, type(None), type(...)}
"""The classes of entries that stay as they are; most are for one dim each."""


def as_entry(input, entry):
    if isinstance(entry, (list, tuple, range)) or (hasattr(entry, "__array__") and not hasattr(entry, "_apply")):
        entry = input._from_data(entry, None, input.device)
        if entry.numel() == 0:
            entry = entry.to(int64)
    if hasattr(entry, "_apply"):
        kind = entry._array.dtype.kind
        if kind not in "iub":
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        if entry.ndim:
            return entry
        return entry.item() if kind == "i" else bool(entry.item())
    if hasattr(entry, "__index__"):
        return entry.__index__()
    if isinstance(entry, str):
        raise TypeError("new(): invalid data type 'str'\na tensor is indexed by places, not by names")
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
        f"{type(entry).__name__})"
    )


def without_ellipsis(input, entries):
    """``entries`` with the Ellipsis, or the end, filled up with full slices."""
    if len(entries) <= input._array.ndim and all([entry.__class__ in ONE_DIM for entry in entries]):
        return entries + [slice(None)] * (input._array.ndim - len(entries))
    used = 0
    for entry in entries:
        if entry is None or entry is ... or entry.__class__ is bool:
            continue
        used += entry.ndim if hasattr(entry, "_apply") and entry.dtype in (bool_dtype, uint8) else 1
    missing = input._array.ndim - used
    if missing < 0:
        if len(entries) == 1 and input._array.ndim == 0:
            if entries[0].__class__ is slice:
                raise IndexError("slice() cannot be applied to a 0-dim tensor.")
            if entries[0].__class__ is int:
                raise IndexError(
                    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim "
                    "tensor to a number"
                )
        raise IndexError(f"too many indices for tensor of dimension {input._array.ndim}")
    at = next((i for i, entry in enumerate(entries) if entry is ...), len(entries))
    return entries[:at] + [slice(None)] * missing + [e for e in entries[at + 1 :] if e is not ...]


def in_range(index, size, given=(), at=0, count=0):
    """``index`` counted from the front. Raises IndexError if it is out of range, naming its place in the key as ``given``;
    it came to stand at ``at`` among ``count`` when the Ellipsis was filled in."""
    if -size <= index < size:
        return index if index >= 0 else index + size
    dots = next((i for i, entry in enumerate(given) if entry is ...), count)
    place = at if at < dots else at - count + len(given)
    raise IndexError(f"index {index} is out of bounds for dimension {place} with size {size}")


def slice_bounds(entry, size):
    step = 1 if entry.step is None else entry.step.__index__()
    if step <= 0:
        raise ValueError("step must be greater than zero")
    start, stop, step = entry.indices(size)
    return (start, max(start, stop), step)


def positions(entry, shape, dim, before):
    """The integer tensors that an index tensor stands for: itself, or for a mask one for each of its dims."""
    if entry.dtype not in (bool_dtype, uint8):
        return [entry]
    if entry.dtype is uint8:
        warnings.warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.", stacklevel=4)
    for d, n in enumerate(entry.shape):
        if n != shape[dim + d]:
            left = [1 if b is None else len(range(*b)) for b in before if b.__class__ is not int]
            raise IndexError(
                f"The shape of the mask {list(entry.shape)} at index {d} does not match the shape of the indexed tensor "
                f"{left + list(shape[dim:])} at index {len(left) + d}"
            )
    return list(entry.nonzero().unbind(1))
