"""Rows about numbers as they are stored and divided: common divisors, mantissas, neighbours."""

from ..table import Primitive, elementwise

__all__ = ["exponent", "gcd", "lcm", "mantissa", "nextafter"]

gcd = elementwise("gcd", lambda xp, x, y, out=None: xp.gcd(x, y, out))
lcm = elementwise("lcm", lambda xp, x, y, out=None: xp.lcm(x, y, out))
# x = mantissa 2^exponent, with ½ <= |mantissa| < 1
mantissa = Primitive(
    "mantissa",
    "elementwise",
    lambda xp, x: xp.frexp(x)[0],
    (lambda g, _out, x: g / g._apply(exponent, (x,)).to(g.dtype).exp2(),),
    label="Frexp",
)
exponent = Primitive("exponent", "elementwise", lambda xp, x: xp.frexp(x)[1])
nextafter = Primitive(
    "nextafter",
    "elementwise",
    lambda xp, x, y, out=None: xp.nextafter(x, y, out),
    (lambda g, _out, x, y: g.masked_fill(x == y, 0), lambda g, _out, _x, _y: g.zeros_like()),
    writes=True,
)
