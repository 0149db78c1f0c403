"""A row meets a number that may be another at the next call (symbolic.py): what a Tracer writes down of it.

    mul(x, lr)                    mul(x, %7)      %7 is an input of the program, cast to the dtype of x
    add_scaled(x, g; -lr)         add(x, mul(g, %8))     where a number stands among a row's params, by rows without any

torch: torch/fx/passes/_tensorify_python_scalars.py
"""

from .. import primitives as rows
from ..backends import backend_of
from ..dtypes import float32, float64
from ..symbolic import Given, GivenInt, Reading, is_given
from .graph import Value

__all__ = ["met", "read", "without_givens"]


def clamped(x, low, high):
    x = x if low is None else (rows.maximum, x, low)
    return x if high is None else (rows.minimum, x, high)


SPELLED = {
    rows.clamp: clamped,
    rows.add_scaled: lambda x, y, alpha: (rows.add, x, (rows.mul, y, alpha)),
    rows.addcmul: lambda x, y, z, value: (rows.add, x, (rows.mul, (rows.mul, y, z), value)),
    rows.addcdiv: lambda x, y, z, value: (rows.add, x, (rows.mul, (rows.div, y, z), value)),
}  # fmt: skip
"""Rows with numbers among their params, said by others: (row, operand, operand), in which operands may be such again."""


def without_givens(things):
    """``things``, with the plain number for each Given: the program is right for that one alone."""
    return tuple([x.look() if is_given(x) else x for x in things])


def met(tracer, row, inputs, params, out):
    """The Value that a row makes of Givens among its inputs or params; None if that can't be written down.

    Beside narrow types it is computed in float32 and rounded once, as the gate does.
    """
    xp = backend_of((out._array,))
    dtype, made = xp.dtype_of(out._array), None
    if row is rows.full or row is rows.assign:
        made = (params if row is rows.full else inputs)[1]
        return tracer.fitted(read(tracer, made), out._array.shape, dtype) if is_given(made) and dtype.is_floating_point else None
    beside = [x.dtype for i, x in enumerate(inputs) if hasattr(x, "_array") and (row.mixes is None or i in row.mixes)]
    if row.kind != "elementwise" or not beside or not beside[0].is_floating_point or (params and row not in SPELLED):
        return None
    wide = float32 if beside[0].name in xp.NARROW else beside[0]

    def write(expression):
        """The Value, or number, of an expression: its steps are written down."""
        if expression.__class__ is not tuple:
            return expression
        each, *operands = expression
        values = [write(x) for x in operands]
        shape = out._broadcast_shape(*[x.shape for x in values if x.__class__ is Value])
        return tracer.add(each, values, (), shape, tracer.made_of(xp, each, values, ()))

    operands = [tracer.read(x) if hasattr(x, "_array") else read(tracer, x) if is_given(x) else x for x in (*inputs, *params)]
    operands = [tracer.fitted(x, x.shape, wide) if x.__class__ is Value and x.dtype.is_floating_point else x for x in operands]
    return tracer.fitted(write(SPELLED[row](*operands) if params else (row, *operands)), out._array.shape, dtype)


def read(tracer, given):
    """The Value of a Given: an input, a 0-d float64. An integer that no float is, is looked at."""
    given = given.as_float() if type(given) is GivenInt else given
    if given.__class__ is not Given:
        return float(given)
    for source in tracer.sources:
        if source.function.__class__ is Reading and source.function.text == given.text:
            return source.value
    return tracer.source_of(Reading(given.text), Value((), float64))
