"""The element types of tensors, and the rule for what two of them make together.

PyTorch orders types by category first (bool < integer < floating point < complex) and by width second. A tensor with
dimensions outranks a 0-d tensor, which outranks a Python number: an operand of lower rank decides only if its category
is higher. So a float32 tensor times 2.5 stays float32, and an int64 tensor times 2.5 becomes the default dtype.

torch: c10/core/ScalarType.h, aten/src/ATen/native/TypeProperties.cpp
"""

import builtins
import math
from numbers import Number

from .errors import TYPE_NAMES

__all__ = [
    "DTYPES", "WIDE_UNSIGNED", "as_dtype", "bfloat16", "bool", "can_cast", "cdouble", "cfloat", "complex128", "complex64", "converted",
    "double", "dtype", "finfo", "float", "float16", "float32", "float64", "get_default_dtype", "half", "iinfo", "int", "int16",
    "int32", "int64", "int8", "long", "number_dtype", "promote_types", "result_dtype", "set_default_dtype", "short",
    "uint16", "uint32", "uint64", "uint8",
]  # fmt: skip

BOOL, INTEGER, FLOATING, COMPLEX = range(4)
"""The categories, lowest first."""


class dtype:
    """One element type: ``float32.itemsize`` is 4, ``float32.is_floating_point`` is True.

    torch: torch.dtype, and its printed form

    >>> torch.float32, torch.float32.itemsize, torch.int64.is_floating_point
    (torch.float32, 4, False)
    """

    __slots__ = ("category", "exponent_bits", "itemsize", "mantissa_bits", "name")

    def __init__(self, name, category, itemsize, exponent_bits=0, mantissa_bits=0):
        self.name, self.category, self.itemsize = name, category, itemsize
        self.exponent_bits, self.mantissa_bits = exponent_bits, mantissa_bits

    @property
    def is_floating_point(self):
        return self.category == FLOATING

    @property
    def is_complex(self):
        return self.category == COMPLEX

    @property
    def is_signed(self):
        return self.category != BOOL and not self.name.startswith("uint")

    def to_real(self):
        """The type of the real part."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self):
        """The complex type whose parts have this type. bfloat16 has none and makes complex64.

        Raises NotImplementedError for float16: there is no complex32.
        """
        if self.name == "float16":
            raise NotImplementedError("torch.complex32 is not here, since NumPy has no such type\nconvert with .float()")
        return {"float32": complex64, "bfloat16": complex64, "float64": complex128}.get(self.name, self)

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return self.name  # pickled and deep-copied as the module's global: there is one object a type


uint8 = dtype("uint8", INTEGER, 1)
int8 = dtype("int8", INTEGER, 1)
int16 = dtype("int16", INTEGER, 2)
int32 = dtype("int32", INTEGER, 4)
int64 = dtype("int64", INTEGER, 8)
float16 = dtype("float16", FLOATING, 2, 5, 10)
bfloat16 = dtype("bfloat16", FLOATING, 2, 8, 7)
float32 = dtype("float32", FLOATING, 4, 8, 23)
float64 = dtype("float64", FLOATING, 8, 11, 52)
complex64 = dtype("complex64", COMPLEX, 8, 8, 23)
complex128 = dtype("complex128", COMPLEX, 16, 11, 52)
bool_ = dtype("bool", BOOL, 1)

uint16, uint32, uint64 = [dtype(f"uint{8 * size}", INTEGER, size) for size in (2, 4, 8)]
WIDE_UNSIGNED = uint16, uint32, uint64
"""What files of tokens and pictures hold. They are stored and converted, and don't mix with other integers."""

DTYPES = (
    bool_, uint8, int8, int16, int32, int64, *WIDE_UNSIGNED, float16, bfloat16, float32, float64, complex64, complex128,
)  # fmt: skip
"""All of them, in the order in which a wider one of the same category comes later."""

PYTHON_TYPES = {builtins.bool: bool_, builtins.int: int64, builtins.float: float64, complex: complex128}
"""What Python's types stand for as a ``dtype`` argument."""

_default = float32
_promoted: dict = {}


def as_dtype(d):
    """``d`` as a dtype: it may be one of Python's types, or None.

    Raises TypeError for anything else.

    >>> from minitorch.dtypes import as_dtype
    >>> as_dtype(type(0.5)), as_dtype(torch.int8), as_dtype(None)
    (torch.float64, torch.int8, None)
    """
    if d is None or d.__class__ is dtype:
        return d
    if d in PYTHON_TYPES:
        return PYTHON_TYPES[d]
    raise TypeError(f"argument 'dtype' must be torch.dtype, not {d.__class__.__name__}\nsuch as torch.float32")


def get_default_dtype():
    """The type of a tensor made of Python floats: float32 unless set otherwise.   torch: get_default_dtype"""
    return _default


def set_default_dtype(d):
    """Make tensors of Python floats have type ``d``, a floating-point type.   torch: set_default_dtype

    Raises TypeError if ``d`` is no floating-point type.
    """
    global _default
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type\ngot {d!r}")
    _default = d


def promote_types(type1, type2):
    """The smallest type to which both can be cast without changing category.   torch: promote_types

    >>> torch.promote_types(torch.int32, torch.float16), torch.promote_types(torch.uint8, torch.int8)
    (torch.float16, torch.int16)
    """
    found = _promoted.get((type1, type2))
    if found is None:
        found = _promoted[type1, type2] = _promote(type1, type2)
    return found


def _promote(a, b):
    if a is not b and (a in WIDE_UNSIGNED or b in WIDE_UNSIGNED) and FLOATING not in (a.category, b.category):
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{TYPE_NAMES[a.name]} and {TYPE_NAMES[b.name]}\n"
            "convert first, with .long() or .to(torch.int64)"
        )
    if a.category != b.category:
        low, high = sorted((a, b), key=lambda d: d.category)
        if high is complex64 and low is float64:
            return complex128
        return high
    if a is b:
        return a
    if {a, b} == {float16, bfloat16}:
        return float32  # neither holds the other
    if uint8 in (a, b):
        other = b if a is uint8 else a
        return int16 if other is int8 else other
    return max(a, b, key=DTYPES.index)


def can_cast(from_, to):
    """Whether values of one type can become another's by promotion: to a category that isn't lower.   torch: can_cast"""
    return from_.category <= to.category


def number_dtype(number):
    """The type that a Python number stands for: bool, int64, the default dtype, or the default's complex type.

    >>> from minitorch.dtypes import number_dtype
    >>> number_dtype(True), number_dtype(3), number_dtype(3.0)
    (torch.bool, torch.int64, torch.float32)
    """
    if isinstance(number, builtins.bool):
        return bool_
    if isinstance(number, builtins.int):
        return int64
    if isinstance(number, builtins.float):
        return _default
    if isinstance(number, complex):
        return _default.to_complex()
    if isinstance(number, Number):  # NumPy's
        return number_dtype(number.item())
    raise TypeError(f"expected a number, got {type(number).__name__}")


def result_dtype(dimensioned, scalars, numbers):
    """The type that operands of three ranks make together: lists of dtypes, of n-d and 0-d tensors and of numbers.

    torch: result_type
    """
    result = None
    for rank in (dimensioned, scalars, numbers):
        own = None
        for d in rank:
            own = d if own is None else promote_types(own, d)
        if own is None:
            continue
        if result is None:
            result = own
        elif own.category > result.category:
            result = result.to_complex() if own.is_complex and result.is_floating_point else own
    return result


class finfo:
    """The limits of a floating-point type: ``eps``, ``max``, ``min``, ``tiny``, ``bits``, ``resolution``.

    torch: finfo

    >>> torch.finfo(torch.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type=None):
        d = _default if type is None else type
        if not (d.is_floating_point or d.is_complex):
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'\ngot {d!r}")
        top = 2 ** (d.exponent_bits - 1) - 1
        self.dtype = d.to_real().name
        self.bits = 8 * d.to_real().itemsize
        self.eps = 2.0**-d.mantissa_bits
        self.max = (2.0 - self.eps) * 2.0**top
        self.min = -self.max
        self.tiny = self.smallest_normal = 2.0 ** (1 - top)
        self.resolution = 10.0 ** -builtins.int(d.mantissa_bits * 0.30103)

    def __repr__(self):
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer type: ``max``, ``min``, ``bits``.   torch: iinfo

    >>> torch.iinfo(torch.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    def __init__(self, type):
        if type.category != INTEGER:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'\ngot {type!r}")
        self.dtype, self.bits = type.name, 8 * type.itemsize
        self.min = -(2 ** (self.bits - 1)) if type.is_signed else 0
        self.max = 2 ** (self.bits - 1) - 1 if type.is_signed else 2**self.bits - 1

    def __repr__(self):
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


C_TYPES = {
    "bool": "bool", "int32": "int", "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float",
    "float64": "double", "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip
"""What messages call the types that numbers are converted to; of others, the name and "_t"."""


def converted(value, d):
    """A Python number as one that type ``d`` holds: whole for integers, True or False for booleans.

    Raises RuntimeError for a number out of range, or with an imaginary part that would be lost. Infinity is no number
    out of range, and negative ones may wrap in unsigned types, as in PyTorch.
    """
    if value.__class__ is builtins.float and -6e4 < value < 6e4 and d.category >= FLOATING:
        return value
    if value.__class__ is builtins.int and not -(2**63) <= value < 2**64:
        raise OverflowError("int too big to convert")
    if value.__class__ is complex and not (d.is_complex or value.imag):
        value = value.real
    if not holds(d, value):
        raise RuntimeError(
            f"value cannot be converted to type {C_TYPES.get(d.name, d.name + '_t')} without overflow\n"
            f"{d!r} can't hold {value}: choose another dtype"
        )
    if d.category == BOOL:
        return builtins.bool(value)
    if d.category == INTEGER:
        return builtins.int(value) if d.is_signed else builtins.int(value) % 2 ** (8 * d.itemsize)
    return builtins.float(value) if value.__class__ is builtins.int and value >= 2**63 else value


def holds(d, value):
    """Whether a Python number is in the range of type ``d``."""
    if d.category == BOOL:
        return True
    if value.__class__ is complex and not d.is_complex:
        return False
    if d.category == INTEGER:
        limits = iinfo(d)
        return (limits.min or -limits.max) <= value <= limits.max
    top = finfo(d).max
    parts = (value.real, value.imag) if value.__class__ is complex else (value,)
    return all([not math.isfinite(part) or -top <= part <= top for part in parts])


bool, short, int, long = bool_, int16, int32, int64
half, float, double = float16, float32, float64
cfloat, cdouble = complex64, complex128
