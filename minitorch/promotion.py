"""Numbers and dtypes brought together, before a row runs: PyTorch's promotion, made of casts.

An array library promotes by rules of its own, so it always sees equal dtypes here. Casts are rows too: they are recorded,
and gradients come back in each input's own dtype.

torch: aten/src/ATen/TensorIterator.cpp (compute_types), result_type
"""

from functools import cache

from . import errors, primitives
from .backends import ARRAY_TYPES, backend_of
from .dtypes import float32, get_default_dtype, number_dtype, result_dtype
from .mixed_precision import READY, cast_for
from .modes import MODE
from .symbolic import is_given
from .table import NUMERIC

__all__ = [
    "all_fit", "common_dtype", "explained", "fit", "forward_for", "on_one_device", "takes", "widened", "wrapped_numbers",
]  # fmt: skip

NUMBERS = {
    bool: frozenset("?bBhilqfdFD"), int: frozenset("bBhilqfdFD"), float: frozenset("fdFD"), complex: frozenset("FD"),
}  # fmt: skip
"""Which arrays (by dtype.char) a Python number can be combined with as it is, without changing the array's dtype."""

FRACTIONAL = (primitives.FLOATS, primitives.REAL_FLOATS)
"""What rows are ready for that make integers floating point."""


def fits(ready, dtype, number):
    """Whether a row that computes in ``ready`` takes arrays of ``dtype``, and Python numbers of a class, as they are."""
    if dtype is None:
        return False
    char = dtype.char
    return char in ready and (number is None or (number in NUMBERS and char in NUMBERS[number]))


def all_fit(ready, arrays):
    """``fits``, for arrays and numbers together: one dtype, which the numbers don't change."""
    dtype = number = None
    for a in arrays:
        if a.__class__ in ARRAY_TYPES:
            if dtype is None:
                dtype = a.dtype
            elif a.dtype is not dtype:
                return False
        elif number is not None and number is not a.__class__:
            return False
        else:
            number = a.__class__
    return fits(ready, dtype, number)


def some_fit(row, arrays):
    """``all_fit``, for the inputs that a row mixes: ``where`` takes its condition beside them as it is."""
    return row.mixes is not None and all_fit(row.ready, [arrays[i] for i in row.mixes])


def takes(row, arrays, dtype, number, mixed):
    """Whether a row computes with its inputs as they are: of one ``dtype`` unless ``mixed``, and Python numbers of a class."""
    return (not mixed and fits(row.ready, dtype, number)) or some_fit(row, arrays)


def fit(row, inputs):
    """``inputs`` cast to the dtype that they make together; their arrays; the forward to run on them.

    Casts are rows of their own, so gradients come back in each input's dtype. Narrow types (float16, bfloat16) are
    widened for the forward only, and its result is rounded once.
    """
    ready = READY.get(row, row.ready)
    if MODE.autocast is not None and row in READY:
        inputs = cast_for(row, inputs)
    forward = forward_for_alike(row, inputs)
    if forward is not None:
        return inputs, [x._array if hasattr(x, "_array") else x for x in inputs], forward
    some = next(x for x in inputs if hasattr(x, "_array"))
    inputs = [x if hasattr(x, "_array") or x.__class__ in NUMBERS or (is_given(x) and x.stands) else operand(row, x, some) for x in inputs]
    mixed = [x for i, x in enumerate(inputs) if row.mixes is None or i in row.mixes]
    if row.kind == "contraction":
        errors.refuse_mixture([x.dtype.name for x in mixed if hasattr(x, "_array")])
    dtype = common_dtype(mixed)
    if dtype.category == 0 and ready is NUMERIC and all([x._array.size for x in mixed]):
        raise errors.not_implemented(errors.product_kernel([x.ndim for x in mixed]), "Bool")
    if dtype.category < float32.category and ready in FRACTIONAL:
        dtype = get_default_dtype()
    if dtype.is_complex and "F" not in ready:
        raise errors.complex_error(row, dtype.name)
    tensors = []
    for i, x in enumerate(inputs):
        if hasattr(x, "_array") and x.dtype is not dtype and (row.mixes is None or i in row.mixes):
            x = x._apply(primitives.cast, (x,), (dtype,))
        tensors.append(x)
    arrays = [x._array if hasattr(x, "_array") else x.plain() if is_given(x) else x for x in tensors]
    forward = forward_in(row, dtype, backend_of(arrays))
    return tensors, [plain_number(x, dtype) for x in arrays] if forward is row.forward else arrays, forward


def forward_for_alike(row, inputs):
    """What to run if there is nothing to bring together: tensors of one narrow type, and perhaps numbers. Else None."""
    dtype, first = None, None
    for x in inputs:
        if hasattr(x, "_array"):
            if dtype is None:
                first = x._array
                dtype = first.dtype
            elif x._array.dtype is not dtype:
                return None
        elif type(x) is not float and type(x) is not int:
            return None
    if dtype.char not in "eE":
        return None
    xp = ARRAY_TYPES[first.__class__]
    return forward_in(row, xp.dtype_of(first), xp)


def forward_in(row, dtype, xp):
    """The row's forward for arrays of a dtype: its own, or that for narrow types."""
    return row.forward if dtype.name not in xp.NARROW or row.name in xp.NATIVE else widened(row, dtype)


def forward_for(row, inputs):
    """What the gate runs for a row, of ``inputs`` that were brought together already."""
    if row.ready is None:
        return row.forward
    first = next(x for i, x in enumerate(inputs) if hasattr(x, "_array") and (row.mixes is None or i in row.mixes))
    return forward_in(row, first.dtype, ARRAY_TYPES[first._array.__class__])


def common_dtype(operands):
    """The dtype that tensors and Python numbers make together, by PyTorch's three ranks."""
    tensors = [x for x in operands if hasattr(x, "_array")]
    return result_dtype(
        [x.dtype for x in tensors if x._array.ndim],
        [x.dtype for x in tensors if not x._array.ndim],
        [number_dtype(x) for x in operands if not hasattr(x, "_array")],
    )


def on_one_device(row, inputs, arrays):
    """``inputs``, on these ``arrays``, of which those of the CPU's are moved to the GPU of the others: single numbers of elementwise
    rows, and indices. None if there is nothing to move. Raises RuntimeError for others on two devices.

    torch: TensorIterator.cpp (compute_types)
    """
    kinds = {x.__class__ for x in arrays}
    if len(kinds) < 2 or len(kinds.intersection(ARRAY_TYPES)) < 2:
        return None
    tensors = [x for x in inputs if hasattr(x, "_array")]
    place = next((x.device for x in tensors if x._array.ndim or not x.is_cpu), None)
    moved = []
    for i, x in enumerate(inputs):
        if hasattr(x, "_array") and x.device != place:
            single = not x._array.ndim and (row.kind == "elementwise" or (row is primitives.index_put and i == 1))
            if not x.is_cpu or not (single or (i and row in INDEXED and x.dtype.category < float32.category)):
                raise errors.devices_error(place, x.device)
            x = x._apply(primitives.move, (x,), (place, x.device))
        moved.append(x)
    return moved


INDEXED = (primitives.index, primitives.index_put)


def plain_number(x, dtype):
    """A number that fits beside arrays of ``dtype``: an int beside booleans or floats is left to the array library."""
    return int(x) if x.__class__ is bool and dtype.category == 1 else x


@cache
def widened(row, dtype):
    """The row's forward for a narrow dtype: computed in float32, rounded once. By one kernel, if the backend has such."""

    def forward(xp, *arguments, out=None):
        result = xp.narrow_row(row.name, arguments)
        if result is not None:
            return result
        narrow = xp.array_dtype(dtype)
        arguments = [xp.widen(a) if a.__class__ in ARRAY_TYPES and a.dtype == narrow else a for a in arguments]
        result = xp.asarray(row.forward(xp, *arguments))
        return xp.cast(result, dtype) if result.dtype.char == "f" else result

    return forward


def operand(row, x, like):
    """Something foreign as an operand: an array becomes a tensor ``like`` another, a NumPy scalar a Python number."""
    if x.__class__ in ARRAY_TYPES:
        return like._wrap(x)
    if isinstance(x, (bool, int, float, complex)) or (hasattr(x, "item") and getattr(x, "shape", None) == ()):
        return x.item() if hasattr(x, "item") else float(x) if isinstance(x, float) else int(x)
    raise TypeError(
        f"{row.name}(): argument 'other' must be Tensor or Number, not {type(x).__name__}\nmake it a tensor first: torch.tensor(...)"
    )


def wrapped_numbers(inputs):
    """``inputs``, with integers that an integer dtype can't hold wrapped into it, as PyTorch does: uint8 + 300 adds 44."""
    dtype = common_dtype(inputs)
    bits, signed = 8 * dtype.itemsize, dtype.is_signed
    half = 1 << (bits - 1) if signed else 0
    wrapped = [(x + half) % (1 << bits) - half if x.__class__ is int else x for x in inputs]
    if wrapped == list(inputs):
        raise RuntimeError("value cannot be converted to type int64_t without overflow")
    return wrapped


def explained(row, arrays, error):
    """PyTorch's exception for what the array library raised."""
    real = [a for a in arrays if a.__class__ in ARRAY_TYPES]
    return errors.explain(row, [a.shape for a in real], [backend_of((a,)).dtype_of(a).name for a in real], error)
