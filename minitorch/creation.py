"""Tensors out of nothing: from data, filled, counted."""

import math
import warnings
from numbers import Number

from . import primitives as rows
from .backends import ARRAY_TYPES, for_device
from .device import CPU, as_device
from .dtypes import as_dtype, float64, get_default_dtype, int64, number_dtype
from .dtypes import bool as bool_dtype
from .engine import Tensor, create, from_data, wrap
from .errors import class_name
from .layout import strided
from .modes import beside
from .ops.conversion import empty_like, full_like, ones_like, wanting, zeros_like
from .ops.memory_format import in_format
from .ops.movement import sizes
from .out import written_to
from .symbolic import Given, GivenInt

__all__ = [
    "arange", "as_tensor", "asarray", "empty", "empty_like", "empty_permuted", "empty_strided", "eye", "from_dlpack",
    "from_numpy", "frombuffer", "full", "full_like", "inclusive_range", "is_tensor", "linspace", "logspace", "ones",
    "ones_like", "result_type", "scalar_tensor", "tensor", "tril_indices", "triu_indices", "vander", "wanting", "zeros",
    "zeros_like",
]  # fmt: skip


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A new tensor of ``data``: numbers, nested lists, an array. Python's floats get the default dtype, integers int64.

    Raises ValueError for lists of unequal lengths.   torch: tensor

    >>> torch.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            stacklevel=2,
        )
    try:
        place = data.device if device is None and isinstance(data, Tensor) else as_device(device)
        data = data.look() if type(data) is GivenInt else data
        if data.__class__ is Given:
            made = create(rows.full, ((), data, as_dtype(dtype) or get_default_dtype()), place)
        else:
            made = from_data(data, as_dtype(dtype), place)
    except ValueError as error:
        raise (unequal_lengths(data) if "inhomogeneous" in str(error) else error) from None
    if made.requires_grad:
        made = made.detach()
    return wanting(made, requires_grad)


def unequal_lengths(data, dim=0):
    """The exception for a nested list that isn't rectangular, in PyTorch's words; None if it is."""
    if not isinstance(data[0], (list, tuple)):
        if isinstance(data[0], float):
            return TypeError("must be real number, not list\na list stands where the others are numbers")
        return TypeError("'list' object cannot be interpreted as an integer\na list stands where the others are numbers")
    length = len(data[0])
    for row in data:
        if not isinstance(row, (list, tuple)):
            return TypeError("not a sequence\na number stands where the others are lists")
        if len(row) != length:
            return ValueError(f"expected sequence of length {length} at dim {dim + 1} (got {len(row)})\nall rows must be equally long")
    return next(filter(None, [unequal_lengths(row, dim + 1) for row in data if row]), None)


def as_tensor(data, dtype=None, device=None):
    """``data`` as a tensor, sharing its memory where it can.   torch: as_tensor"""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    if isinstance(data, tuple(ARRAY_TYPES)):
        return from_numpy(data).to(device=as_device(device), dtype=dtype)
    return tensor(data, dtype=dtype, device=device)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """``as_tensor``, or with ``copy=True`` a copy.   torch: asarray"""
    made = as_tensor(obj, dtype, device)
    return wanting(made.clone() if copy else made, requires_grad)


def from_numpy(ndarray):
    """A tensor on the same memory as a NumPy array, or one mapped from a file: each sees what is written through the other.

    torch: from_numpy
    """
    xp = next((xp for kind, xp in ARRAY_TYPES.items() if isinstance(ndarray, kind)), None)
    if xp is None:
        raise TypeError(f"expected np.ndarray (got {class_name(ndarray)})")
    if ndarray.__class__ is not xp.ndarray:
        ndarray = ndarray.view(xp.ndarray)  # numpy.memmap and the like
    xp.dtype_of(ndarray)
    if any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently supported. "
            "(You can probably work around this by making a copy of your array  with array.copy().) "
        )
    return wrap(ndarray)


def from_dlpack(ext_tensor, *, device=None, copy=None):
    """A tensor on the memory of another library's tensor.   torch: from_dlpack"""
    kind, _ = ext_tensor.__dlpack_device__()
    made = wrap(for_device(CPU if kind == DLPACK_CPU else as_device("cuda")).from_dlpack(ext_tensor))
    return made if device is None else made.to(device)


DLPACK_CPU = 1
"""The CPU's number among DLPack's kinds of devices."""


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False):
    """A tensor on the memory of a bytes-like object.   torch: frombuffer"""
    xp = for_device(as_device(None))
    return wanting(wrap(xp.frombuffer(buffer, xp.array_dtype(dtype), count, offset)), requires_grad)


def is_tensor(obj):
    """Whether ``obj`` is a Tensor.   torch: is_tensor"""
    return isinstance(obj, Tensor)


# -------------------------------------------------------------------------------------------------------------- filled


def shape_of(given, name, size=None):
    """Sizes as a tuple. Raises RuntimeError for a negative one, TypeError for what isn't whole.   name: of the function.

    size: the sequence of them, if it was given by this name.
    """
    shape = sizes(given, name, named=size)
    if any([n < 0 for n in shape]):
        if name == "zeros":
            raise RuntimeError("zeros: Dimension size must be non-negative.")
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def placed(made, requires_grad, out):
    """What was made, or ``out`` with that in it."""
    return wanting(made, requires_grad) if out is None else written_to(out, made.clone, (), {})


def filled(shape, value, dtype, device, requires_grad, out):
    if out is not None:
        return placed(create(rows.full, (shape, value, out.dtype), as_device(device)), False, out)
    dtype = number_dtype(value) if dtype is None else as_dtype(dtype)
    return wanting(create(rows.full, (shape, value, dtype), as_device(device)), requires_grad)


def check_layout(layout):
    """Raise unless all elements are to be stored."""
    if layout is not None and layout is not strided:
        if layout.__class__ is not strided.__class__:
            raise TypeError(f"zeros(): argument 'layout' must be torch.layout, not {layout.__class__.__name__}")
        raise NotImplementedError(f"sparse tensors ({layout}) aren't here\nleave out layout=, for one that stores all elements")


def zeros(*given, size=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False):
    """Zeros.   torch: zeros

    >>> torch.zeros(2, 3).shape
    torch.Size([2, 3])
    """
    check_layout(layout)
    return filled(shape_of(given, "zeros", size), 0, dtype or get_default_dtype(), device, requires_grad, out)


def ones(*given, size=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False):
    """Ones.   torch: ones"""
    check_layout(layout)
    return filled(shape_of(given, "ones", size), 1, dtype or get_default_dtype(), device, requires_grad, out)


def full(size, fill_value, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """One value everywhere; its type gives the dtype.   torch: full"""
    if isinstance(fill_value, Tensor):
        dtype = fill_value.dtype if dtype is None else dtype
        fill_value = fill_value.item()
    elif not isinstance(fill_value, Number):
        raise TypeError(f"full(): argument 'fill_value' (position 2) must be Number, not {class_name(fill_value)}")
    return filled(shape_of((size,), "full"), fill_value, dtype, device, requires_grad, out)


def empty(
    *given, size=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False, memory_format=None
):
    """Uninitialised memory.   torch: empty"""
    check_layout(layout)
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    made = create(rows.empty, (shape_of(given, "empty", size), dtype), as_device(device))
    return placed(in_format(made, memory_format, "empty"), requires_grad, out)


def empty_strided(size, stride, *, dtype=None, device=None, requires_grad=False):
    """Uninitialised memory, with the dims in the order that the strides give.   torch: empty_strided"""
    order = sorted(range(len(size)), key=lambda d: -stride[d])
    dense = empty([size[d] for d in order], dtype=dtype, device=device)
    return wanting(dense.permute([order.index(d) for d in range(len(size))]), requires_grad)


def empty_permuted(size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """Uninitialised memory, whose dims lie from the outermost to the innermost as ``physical_layout`` says.   torch: empty_permuted"""
    size, order = tuple(size), list(physical_layout)
    if len(order) != len(size):
        raise RuntimeError(
            f"Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = {len(size)} is not equal "
            f"to len(physical_layout) = {len(order)}"
        )
    for d in order:
        if not 0 <= d < len(size):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {d} at index {order.index(d)}).  NB: "
                "negative dims not currently supported; file an issue if you want it."
            )
    if len(set(order)) != len(order):
        raise RuntimeError(f"Duplicate dim not allowed\nthe layout {order} names one twice")
    dense = empty([size[d] for d in order], dtype=dtype, device=device)
    return wanting(dense.permute([order.index(d) for d in range(len(size))]), requires_grad)


def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False):
    """A 0-d tensor of a number, of the default dtype.   torch: scalar_tensor"""
    return full((), s, dtype=dtype or get_default_dtype(), device=device, requires_grad=requires_grad)


def eye(n, m=None, *, out=None, dtype=None, device=None, requires_grad=False):
    """Ones on the diagonal, zeros elsewhere.   torch: eye"""
    for name, size in (("n", n), ("m", 0 if m is None else m)):
        if size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    dtype = out.dtype if dtype is None and out is not None else dtype
    made = zeros(n, n if m is None else m, dtype=dtype, device=device)
    made.diagonal().fill_(1)
    return placed(made, requires_grad, out)


# ------------------------------------------------------------------------------------------------------------- counted


def arange(start=0, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """start, start + step, … below ``end``.   torch: arange

    >>> torch.arange(1, 2, 0.5)
    tensor([1.0000, 1.5000])
    """
    start, end = (0, start) if end is None else (start, end)
    start, end, step = [x.item() if hasattr(x, "item") else x for x in (start, end, step)]
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None and out is not None:
        dtype = out.dtype
    if dtype is None:
        dtype = int64 if all(isinstance(x, int) for x in (start, end, step)) else get_default_dtype()
    dtype = as_dtype(dtype)
    if not dtype.is_floating_point:
        start, end, step = (x if isinstance(x, int) else int(x) for x in (start, end, step))
        if step == 0:
            raise ValueError("step must be nonzero")
    count = max(math.ceil((end - start) / step), 0)
    made = create(rows.arange, (start, step, count, dtype), as_device(device))
    return placed(made, requires_grad, out)


def inclusive_range(start, end=None, step=1, *, dtype=None, device=None, requires_grad=False):
    """start, start + step, … up to and with ``end``, of the default dtype. PyTorch calls it deprecated.   torch: range"""
    if end is None:
        raise TypeError('range() missing 1 required positional arguments: "end"\nwrite torch.arange(n) for 0 … n - 1')
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with Python's range "
        "builtin. Instead, use torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    count = math.floor((end - start) / step) + 1
    made = start + step * arange(count, dtype=float64, device=device)
    return wanting(made.to(dtype or get_default_dtype()), requires_grad)


def linspace(start, end, steps, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """``steps`` numbers from ``start`` to ``end``, evenly spaced, from both ends.   torch: linspace"""
    start, end = [x.item() if hasattr(x, "item") else x for x in (start, end)]
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    dtype = default_dtype(dtype, (start, end), out)
    xp = for_device(as_device(device))
    return placed(beside(wrap(xp.linspace(start, end, steps, dtype))), requires_grad, out)


def default_dtype(dtype, numbers, out):
    """``dtype`` if one was asked for, that of ``out``, or the one for what lies between such ``numbers``."""
    if dtype is not None:
        return as_dtype(dtype)
    if out is not None:
        return out.dtype
    return number_dtype(1j) if any([isinstance(x, complex) for x in numbers]) else get_default_dtype()


def logspace(start, end, steps, base=10.0, *, out=None, dtype=None, device=None, requires_grad=False):
    """base to the powers of ``linspace``.   torch: logspace"""
    dtype = default_dtype(dtype, (start, end), out)
    if not (dtype.is_floating_point or dtype.is_complex):
        start, end = int(start), int(end)
    powers = linspace(start, end, steps, dtype=float64, device=device)
    return placed((base**powers).to(dtype), requires_grad, out)


def tril_indices(row, col, offset=0, *, dtype=int64, device=None):
    """The positions on and below a diagonal, as two rows.   torch: tril_indices"""
    return ones(row, col, dtype=bool_dtype, device=device).tril(offset).nonzero().t().contiguous().to(dtype)


def triu_indices(row, col, offset=0, *, dtype=int64, device=None):
    """The positions on and above a diagonal, as two rows.   torch: triu_indices"""
    return ones(row, col, dtype=bool_dtype, device=device).triu(offset).nonzero().t().contiguous().to(dtype)


def vander(x, N=None, increasing=False):  # noqa: N803
    """The powers of a vector's elements, a row each.   torch: vander"""
    n = x.numel() if N is None else N
    bounds = (0, n, 1) if increasing or not n else (n - 1, -1, -1)
    powers = arange(*bounds, device=x.device)
    return x.unsqueeze(1) ** powers


def result_type(tensor1, tensor2):
    """The dtype that arithmetic on the two would have; each is a tensor or a number.   torch: result_type"""
    first = tensor1 if isinstance(tensor1, Tensor) else tensor2
    if not isinstance(first, Tensor):
        return full((), tensor1)._common_dtype((full((), tensor1), full((), tensor2)))
    return first._common_dtype((tensor1, tensor2))
