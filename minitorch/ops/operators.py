"""x + y and its like: the functions of that name, except that Python asks the other side where it is neither a tensor nor a number.

So ``x == None`` is False, ``[0] * n`` repeats the list, ``x + y`` may be what the class of y makes of it, and the rest is Python's
own TypeError.   torch: torch/csrc/autograd/python_variable_methods.cpp, TypeError_to_NotImplemented_
"""

from .. import primitives as rows
from ..making import named
from . import elementwise, linalg

__all__ = [
    "__add__", "__and__", "__eq__", "__floordiv__", "__ge__", "__gt__", "__iadd__", "__iand__", "__ifloordiv__", "__imod__",
    "__imul__", "__ior__", "__ipow__", "__isub__", "__itruediv__", "__ixor__", "__le__", "__lshift__", "__lt__",
    "__matmul__", "__mod__", "__mul__", "__ne__", "__or__", "__pow__", "__rfloordiv__", "__rlshift__", "__rmatmul__",
    "__rmod__", "__rpow__", "__rrshift__", "__rshift__", "__rsub__", "__rtruediv__", "__sub__", "__truediv__",
    "__xor__",
]  # fmt: skip


def left_to_python(other):
    """NotImplemented. Between tensors the TypeError that is being handled goes on."""
    if hasattr(other, "_array"):
        raise
    return NotImplemented


def operator(row):
    """``x + y``, by the row for it."""

    def function(input, other):
        try:
            return input._apply(row, (input, other))
        except TypeError:
            return left_to_python(other)

    return named(function, row.name, f"The operator for ``{row.name}``.")


def reflected(row):
    """``x - y`` where x is no tensor and y is asked."""

    def function(input, other):
        try:
            return input._apply(row, (other, input))
        except TypeError:
            return left_to_python(other)

    return named(function, row.name, f"The operator for ``{row.name}``, with the operands turned round.")


def in_place(row):
    """``x += y``."""

    def function(input, other):
        try:
            return input._write(row, (input, other))
        except TypeError:
            return left_to_python(other)

    return named(function, f"{row.name}_", f"The operator for ``{row.name}`` in place.")


def guarded(function):
    """The operator for what is more than a row."""

    def guard(input, other):
        try:
            return function(input, other)
        except TypeError:
            return left_to_python(other)

    return named(guard, function.__name__, f"The operator for ``{function.__name__}``.")


__add__, __sub__, __mul__ = operator(rows.add), operator(rows.sub), operator(rows.mul)
__truediv__, __floordiv__, __mod__ = operator(rows.div), operator(rows.floor_divide), operator(rows.remainder)
__pow__, __matmul__ = guarded(elementwise.pow), guarded(linalg.matmul)
__and__, __or__, __xor__ = operator(rows.bitwise_and), operator(rows.bitwise_or), operator(rows.bitwise_xor)
__lshift__, __rshift__ = operator(rows.left_shift), operator(rows.right_shift)
__eq__, __ne__ = operator(rows.eq), operator(rows.ne)
__lt__, __le__, __gt__, __ge__ = operator(rows.lt), operator(rows.le), operator(rows.gt), operator(rows.ge)

__rsub__, __rtruediv__, __rfloordiv__ = reflected(rows.sub), guarded(elementwise.rtruediv), reflected(rows.floor_divide)
__rmod__, __rpow__, __rmatmul__ = reflected(rows.remainder), reflected(rows.pow), guarded(linalg.rmatmul)
__rlshift__, __rrshift__ = reflected(rows.left_shift), reflected(rows.right_shift)

__iadd__, __isub__, __imul__, __itruediv__ = in_place(rows.add), in_place(rows.sub), in_place(rows.mul), in_place(rows.div)
__ifloordiv__, __imod__, __ipow__ = in_place(rows.floor_divide), in_place(rows.remainder), in_place(rows.pow)
__iand__, __ior__, __ixor__ = in_place(rows.bitwise_and), in_place(rows.bitwise_or), in_place(rows.bitwise_xor)
