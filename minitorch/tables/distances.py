"""Euclidean distances of all rows of one matrix from all of another. Rows for speed: the differences are never there as a whole.

With w = g / d, d's gradient by x is what pulls at it, Σ_j w[i, j] (x[i] - y[j]); it is linear in all three.
"""

from ..table import REAL_FLOATS, Primitive

__all__ = ["distances"]


def per_distance(g, d):
    """g / d, and 0 where the rows are equal: there d has no slope."""
    return (g / d).masked_fill(d == 0, 0)


distances = Primitive(
    "distances",
    "composite",
    lambda xp, x, y: xp.distances(x, y),
    (
        lambda g, out, x, y: g._apply(pull, (per_distance(g, out), x, y)),
        lambda g, out, x, y: g._apply(pull, (per_distance(g, out).mT, y, x)),
    ),
    ready=REAL_FLOATS,
    label="Cdist",
)
# pull(w, x, y): Σ_j w[i, j] (x[i] - y[j])
pull = Primitive(
    "distances_pull",
    "composite",
    lambda xp, w, x, y: xp.pull(w, x, y),
    (
        lambda h, _out, _w, x, y: (h * x).sum(-1, True) - h @ y.mT,
        lambda h, _out, w, _x, _y: h * w.sum(-1, True),
        lambda h, _out, w, _x, _y: -(w.mT @ h),
    ),
    ready=REAL_FLOATS,
    label="CdistBackward",
)
