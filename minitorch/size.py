"""The shape of a tensor, as PyTorch prints it.   torch: torch.Size"""

import math

__all__ = ["Size", "broadcast_shape"]


class Size(tuple):
    """A tuple of dims: ``torch.Size([2, 3])``.

    >>> torch.Size([2, 3]).numel()
    6
    """

    __slots__ = ()

    def numel(self):
        """The number of elements in a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, key):
        found = tuple.__getitem__(self, key)
        return Size(found) if isinstance(key, slice) else found

    def __add__(self, other):
        return Size(tuple.__add__(self, tuple(other)))

    def __repr__(self):
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __reduce__(self):
        return Size, (tuple(self),)


def broadcast_shape(shapes):
    """The shape that shapes, which are known to fit, are broadcast to."""
    length = max(map(len, shapes), default=0)
    padded = [(1,) * (length - len(shape)) + tuple(shape) for shape in shapes]
    return tuple([next((n for n in sizes if n != 1), 1) for sizes in zip(*padded, strict=True)])
