"""The row behind ``as_strided``: the one view that speaks of the memory under its source."""

from ..table import Primitive

__all__ = ["as_strided"]

# as_strided(x, shape, strides, offset, own): what lies there in the memory of x, whose own (strides, offset) are ``own``
as_strided = Primitive(
    "as_strided",
    "movement",
    lambda xp, x, shape, strides, offset, own: xp.strided_view(x, shape, strides, offset, own),
    (lambda g, _out, like_x, _shape, strides, offset, own: g.gathered_in(like_x.shape, strides, offset, own),),
    view=True,
)
