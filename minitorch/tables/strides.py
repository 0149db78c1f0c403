"""The rows behind ``as_strided``, the one view that speaks of the memory under its source, and ``Tensor(x)``, the whole of it."""

from ..table import Primitive, movement

__all__ = ["alias", "as_strided"]

alias = movement("alias", lambda xp, x: x.view(), lambda g, _out, _x: g, view=True)

# as_strided(x, shape, strides, offset, own): what lies there in the memory of x, whose own (strides, offset) are ``own``
as_strided = Primitive(
    "as_strided",
    "movement",
    lambda xp, x, shape, strides, offset, own: xp.strided_view(x, shape, strides, offset, own),
    (lambda g, _out, like_x, _shape, strides, offset, own: g.gathered_in(like_x.shape, strides, offset, own),),
    view=True,
)
