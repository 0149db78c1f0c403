"""How far two tensors are from each other, element by element, and whether that is more than rounding explains."""

import math
from typing import NamedTuple

from .. import dtypes
from ..creation import frombuffer
from ..engine import no_grad

__all__ = ["Allowed", "Distance", "distance", "exceeding", "fineness", "largest", "only_rounding"]

RELATIVE = {"float64": 1e-9, "float32": 3e-5, "float16": 2e-3, "bfloat16": 1.6e-2}
"""By dtype, the relative difference that is allowed before the first optimizer step."""

PARTS = {"complex64": "float32", "complex128": "float64"}

WORDS = {"float64": "int64", "float32": "int32", "float16": "int16", "bfloat16": "int16"}
"""By dtype, the integer of as many bits."""


class Allowed(NamedTuple):
    """The tolerance. None: that of the coarsest dtype met so far, and of the number of steps."""

    rtol: float | None = None
    atol: float | None = None
    ulp: int | None = None

    def bounds(self, dtype, steps, size=1.0):
        """(relative, absolute). A step of training makes differences of its own: each adds once more of the first.

        size: what the tensor is made of sums of, if that is more than 1. A sum can come to little, but not its rounding.
        """
        usual = RELATIVE[dtype] * (1 + steps)
        rtol = usual if self.rtol is None else self.rtol
        return rtol, max(size, 1.0) * usual / 10 if self.atol is None else self.atol


class Distance(NamedTuple):
    """What two tensors of one shape and dtype differ in. ratio: of the worst element to what is allowed."""

    ratio: float
    place: tuple  # of the worst element
    values: tuple  # on each side
    gap: float
    ulp: int | None
    differing: int  # how many elements differ by more than is allowed, among those written
    written: int


def fineness(dtype):
    """The relative difference that is ordinary for the dtype; 0 for integers."""
    return RELATIVE.get(PARTS.get(dtype, dtype), 0.0)


def elements(entry, every):
    """Each ``every``-th element, as numbers, complex ones by their parts."""
    dtype = getattr(dtypes, entry.dtype)
    x = frombuffer(bytearray(entry.data), dtype=dtype)[:: every // entry.every]
    if dtype.is_complex:
        x = x.view(getattr(dtypes, PARTS[entry.dtype]))
    return x


def distance(a, b, allowed, bounds):
    """The Distance of two entries that have the same shape and dtype, or None where there is nothing to compare.

    bounds: rtol and atol. |a - b| ≤ atol + rtol · scale is allowed. An element's scale is its own size, but no less than the
    median size in the tensor: what is left of a sum whose terms cancel can be no more exact than its terms. NaN is equal to NaN.
    """
    if a.data is None or b.data is None or not a.data:
        return None
    every, x, y = side_by_side(a, b)
    if a.data == b.data:
        return Distance(0.0, (), (), 0.0, 0, 0, x.numel())
    with no_grad():
        floats = a.dtype in RELATIVE or a.dtype in PARTS
        return inexact(a, x, y, every, allowed, bounds) if floats else exact(a, x, y, every)


def largest(entries):
    """The largest magnitude among the finite elements of all."""
    sizes = [elements(one, one.every).double().abs() for one in entries if one.data and fineness(one.dtype)]
    return max([float(x.masked_fill(x.isfinite().logical_not(), 0.0).max()) for x in sizes], default=0.0)


def side_by_side(a, b):
    """(every how many-th, elements, elements): those that both entries have."""
    every = max(a.every, b.every)
    return every, elements(a, every), elements(b, every)


def exceeding(a, b, allowed, bounds):
    """Which of the elements differ by more than is allowed."""
    _, x, y = side_by_side(a, b)
    return ratios(x, y, PARTS.get(a.dtype, a.dtype), allowed, bounds) > 1


def only_rounding(a, b):
    """Which elements of two gradients have not even four digits in common. Small as they are, they are made of rounding."""
    _, x, y = side_by_side(a, b)
    x, y = x.double(), y.double()
    return (x - y).abs() > 1e-4 * x.abs().maximum(y.abs())


def place_of(entry, position, every):
    """The index, in the tensor, of the ``position``-th element written."""
    flat = position // (2 if entry.dtype in PARTS else 1) * every
    place = []
    for n in reversed(entry.shape):
        flat, i = divmod(flat, n)
        place.insert(0, i)
    return tuple(place)


def exact(entry, x, y, every):
    wrong = x != y
    count = int(wrong.sum())
    if not count:
        return Distance(0.0, (), (), 0.0, 0, 0, x.numel())
    first = int(wrong.to(dtypes.uint8).argmax())
    values = x[first].item(), y[first].item()
    return Distance(math.inf, place_of(entry, first, every), values, abs(values[0] - values[1]), None, count, x.numel())


def inexact(entry, x, y, every, allowed, bounds):
    kind = PARTS.get(entry.dtype, entry.dtype)
    ratio = ratios(x, y, kind, allowed, bounds)
    worst = int(ratio.argmax())
    values = x[worst].item(), y[worst].item()
    finite = all(math.isfinite(value) for value in values)
    ulp = abs(int(order(x, kind)[worst]) - int(order(y, kind)[worst])) if finite else None
    gap = abs(values[0] - values[1]) if finite else math.inf
    place = place_of(entry, worst, every)
    return Distance(float(ratio[worst]), place, values, gap, ulp, int((ratio > 1).sum()), x.numel())


def ratios(x, y, kind, allowed, bounds):
    """Each element's distance by what is allowed for it."""
    a, b = x.double(), y.double()
    same = (a == b) | (a.isnan() & b.isnan())
    if allowed.ulp is not None:
        ratio = (order(x, kind).double() - order(y, kind).double()).abs() / max(allowed.ulp, 0.5)
    else:
        rtol, atol = bounds
        size = a.abs()
        usual = size[(size > 0) & size.isfinite()]
        usual = usual.median().item() if usual.numel() else 0.0
        ratio = (a - b).abs() / (atol + rtol * size.clamp(min=usual)).clamp(min=5e-324)
    ratio = ratio.masked_fill(a.isfinite().logical_not() | b.isfinite().logical_not(), math.inf)
    return ratio.masked_fill(same, 0.0)


def order(x, kind):
    """The floats as whole numbers in the same order, neighbours one apart."""
    bits = x.view(getattr(dtypes, WORDS[kind]))
    lowest = -(2 ** (8 * x.element_size() - 1))
    return bits.where(bits >= 0, lowest - bits).to(dtypes.int64)
