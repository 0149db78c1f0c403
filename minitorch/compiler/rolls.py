"""What goes round, as plain movement: rolled dims are two parts that change places.

    %1 = roll %0 {1, dim 0}   (5, 4)     →     %2 = slice %0 {4 to 5};  %3 = slice %0 {0 to 4};  %1 = cat %2 %3

torch: torch/_decomp/decompositions.py (roll)
"""

from .. import primitives as rows

__all__ = ["ROLLS"]


def roll(w, step):
    (x,), (shifts, dims) = step.inputs, step.params
    for shift, dim in zip(shifts, dims, strict=True):
        n, dim = x.shape[dim], dim % x.ndim
        at = -shift % n if n else 0
        if at:
            parts = [part(w, x, dim, at, n), part(w, x, dim, 0, at)]
            x = w.step(rows.cat, parts, (dim,), x.shape, x.dtype)
    return x


def part(w, x, dim, start, stop):
    """x from ``start`` to ``stop`` along ``dim``."""
    key = tuple([(start, stop, 1) if d == dim else (0, n, 1) for d, n in enumerate(x.shape)])
    return w.step(rows.slice, (x,), (key,), [b - a for a, b, _ in key], x.dtype)


ROLLS = {rows.roll: roll}
"""Row → its decomposition, as in decompositions.py."""
