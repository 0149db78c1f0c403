"""Complex numbers: made of two reals, taken apart, turned over.

A conjugate is computed at once, where PyTorch marks the tensor and waits: ``is_conj`` is always False.
"""

from .. import primitives
from ..dtypes import bool as bool_dtype
from ..errors import TYPE_NAMES, not_a_tensor
from ..tables import complex as rows

__all__ = [
    "across", "angle", "angle_slope", "complex", "conj", "conj_physical", "conj_physical_", "conjugate", "imag", "is_conj", "is_neg",
    "isreal", "paired", "polar", "real", "resolve_conj", "resolve_neg", "set_imag", "set_real", "sgn", "sgn_", "view_as_complex",
    "view_as_real",
]  # fmt: skip

REALS = ("float32", "float64")


def two_reals(function, names, x, y):
    """Raise RuntimeError unless a complex tensor can be made of the two."""
    for position, value in enumerate((x, y)):
        if not hasattr(value, "_apply"):
            raise not_a_tensor(function, names[position], position + 1, value)
    a, b = x.dtype.name, y.dtype.name
    if a not in (*REALS, "float16") or b not in (*REALS, "float16"):
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {TYPE_NAMES[a]} and {TYPE_NAMES[b]}"
        )
    if a != b:
        raise RuntimeError(
            f"Expected object of scalar type {TYPE_NAMES[a]} but got scalar type {TYPE_NAMES[b]} for second argument"
        )
    if a == "float16":
        raise NotImplementedError("complex32 is not here, since NumPy has no such type\nconvert both with .float()")


def complex(real, imag):
    """x + yi of two tensors of one dtype, float32 or float64.   torch: complex

    Raises RuntimeError for other dtypes.

    >>> torch.complex(torch.tensor([1.0, 2.0]), torch.tensor([0.0, -1.0]))
    tensor([1.+0.j, 2.-1.j])
    """
    two_reals("complex", ("real", "imag"), real, imag)
    return real._apply(rows.complex, (real, imag))


def polar(abs, angle):
    """r cos φ + i r sin φ.   torch: polar"""
    two_reals("polar", ("abs", "angle"), abs, angle)
    return complex(abs * angle.cos(), abs * angle.sin())


def view_as_real(input):
    """The parts of a complex tensor in a new last dim of size 2: the same memory.   torch: view_as_real

    Raises RuntimeError for real tensors.

    >>> torch.view_as_real(torch.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """
    if not input.is_complex():
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return input._apply(rows.view_as_real, (input,))


def view_as_complex(input):
    """Pairs of reals, along the last dim, as complex numbers: the same memory.   torch: view_as_complex

    Raises RuntimeError for other dtypes and sizes, and for pairs that don't lie side by side.

    >>> torch.view_as_complex(torch.tensor([[1.0, 2.0]]))
    tensor([1.+2.j])
    """
    if input.dtype.name not in REALS:
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: {input._type_name()}"
        )
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    strides = input.stride()
    if strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any([s % 2 for s in strides[:-1]]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    return paired(input)


def paired(input):
    """``view_as_complex`` of anything: where it can't be a view it is a copy."""
    return input._apply(rows.view_as_complex, (input,))


def real(input):
    """The real part, as a view; of a real tensor the tensor itself. It can be set: ``z.real = x``.   torch: real"""
    return input._apply(rows.view_as_real, (input,)).select(-1, 0) if input.is_complex() else input


def imag(input):
    """The imaginary part, as a view. It can be set: ``z.imag = y``. Raises RuntimeError for real tensors.   torch: imag"""
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return input._apply(rows.view_as_real, (input,)).select(-1, 1)


def set_real(input, value):
    """``z.real = x``."""
    real(input).copy_(value)


def set_imag(input, value):
    """``z.imag = y``."""
    imag(input).copy_(value)


def conjugate(input):
    """x - yi; of a real tensor the tensor itself. Named as for Python's numbers: vjps call it on both."""
    return input._apply(rows.conj, (input,)) if input._array.dtype.kind == "c" else input


def conj(input):
    """x - yi; of a real tensor the tensor itself.   torch: conj"""
    return conjugate(input)


def conj_physical(input):
    """x - yi; of a real tensor the tensor itself.   torch: conj_physical"""
    return conjugate(input)


def conj_physical_(input):
    """``conj_physical`` in place."""
    return input._write(rows.conj, (input,)) if input.is_complex() else input


def resolve_conj(input):
    """The tensor itself: a conjugate is computed at once.   torch: resolve_conj"""
    return input


def resolve_neg(input):
    """The tensor itself.   torch: resolve_neg"""
    return input


def is_conj(input):
    """False: a conjugate is computed at once.   torch: is_conj"""
    return False


def is_neg(input):
    """False: a negative is computed at once.   torch: is_neg"""
    return False


def isreal(input):
    """Whether the imaginary part is 0.   torch: isreal"""
    return imag(input) == 0 if input.is_complex() else input._create(primitives.full, (input._array.shape, True, bool_dtype), input.device)


def angle(input):
    """The angle of x + yi with the real axis, in (-π, π]; of a real number π if it is negative, else 0.   torch: angle

    >>> torch.tensor([1j, -1.0]).angle()
    tensor([1.5708, 3.1416])
    """
    return input._apply(rows.angle if input.is_complex() else rows.half_turn, (input,))


def sgn(input):
    """x / |x|, and 0 for 0: the sign, of complex numbers too.   torch: sgn"""
    return input._apply(rows.sgn, (input,)) if input.is_complex() else input.sign()


def sgn_(input):
    """``sgn`` in place."""
    return input._write(rows.sgn, (input,)) if input.is_complex() else input._write(primitives.sign, (input,))


# ------------------------------------------------------------------------------------- what the table's vjps are made of


def across(input, unit, x):
    """The part of a gradient that turns x, divided by |x|: the gradient of x / |x|."""
    size = x.abs()
    along = unit * (input * unit.conjugate()).real
    return ((input - along) / size).masked_fill(size == 0, 0)


def angle_slope(input):
    """i x / |x|², the gradient of x's angle; 0 at 0."""
    size = input.abs()
    return (input / (size * size) * 1j).masked_fill(size == 0, 0)
