"""Rows of complex numbers: their parts, their size and angle, and how two reals make one.

They are not complex differentiable, so each has a derivative of its own: that of a real function of the two parts.

torch: aten/src/ATen/native/ComplexHelper.h, and FunctionsManual.cpp (sgn_backward, angle_backward)
"""

from ..table import REAL_FLOATS, Primitive, elementwise

__all__ = ["angle", "complex", "conj", "half_turn", "magnitude", "sgn", "view_as_complex", "view_as_real"]

COMPLEX = frozenset("FD")

conj = elementwise("conj", lambda xp, x, out=None: xp.conjugate(x, out), lambda g, _out, _x: g.conjugate(), ready=None)
# |x|, a real number
magnitude = elementwise(
    "magnitude",
    lambda xp, x, out=None: xp.absolute(x, out),
    lambda g, _out, x: g * x.sgn(),
    ready=COMPLEX,
    label="Abs",
)
# x / |x|, and 0 for 0
sgn = elementwise(
    "sgn", lambda xp, x, out=None: xp.unit(x, out), lambda g, out, x: g.across(out, x), ready=COMPLEX
)
# the angle of x with the real axis; of a real number half a turn or none
angle = elementwise(
    "angle",
    lambda xp, x, out=None: xp.arctan2(x.imag, x.real, out),
    lambda g, _out, x: g * x.angle_slope(),
    ready=COMPLEX,
)
half_turn = elementwise(
    "half_turn",
    lambda xp, x, out=None: xp.half_turn(x, out),
    lambda g, _out, _x: g.zeros_like(),
    ready=REAL_FLOATS,
    label="Angle",
)
# complex(x, y): x + yi
complex = elementwise(
    "complex",
    lambda xp, x, y, out=None: xp.complex_of(x, y, out),
    lambda g, _out, _x, _y: g.real,
    lambda g, _out, _x, _y: g.imag,
    ready=REAL_FLOATS,
)
# the same memory as pairs of reals in a new last dim; and back, which copies pairs that don't lie side by side
view_as_real = Primitive(
    "view_as_real", "movement", lambda xp, x: xp.pairs_of(x), (lambda g, _out, _x: g.paired(),), view=True
)
view_as_complex = Primitive(
    "view_as_complex", "movement", lambda xp, x: xp.paired(x), (lambda g, _out, _x: g.view_as_real(),), view=True
)
