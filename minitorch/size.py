"""The shape of a tensor, as PyTorch prints it.   torch: torch.Size"""

import math

__all__ = ["Size", "broadcast_shape", "broadcast_shapes"]


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


def broadcast_shapes(*shapes):
    """The shape that tensors of those shapes are broadcast to; an integer is a shape of one dim.   torch: broadcast_shapes

    Raises RuntimeError if they can't be.

    >>> torch.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    shapes = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    for shape in shapes:
        for n in shape:
            if not isinstance(n, int):
                raise TypeError(f"Input shapes should be of type ints, a tuple of ints, or a list of ints, got {shape}")
            if n < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({n}): ({n})")
    found = Size(broadcast_shape(shapes))
    for k, shape in enumerate(shapes):
        for d, (n, m) in enumerate(zip(reversed(shape), reversed(found)), 1):
            if n not in (1, m):
                before = [next((s[-e] for s in shapes[:k] if len(s) >= e and s[-e] != 1), 1) for e in range(len(found), 0, -1)]
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {n} at -{d}! Mismatching argument at index {k} had {shape}; but "
                    f"expected shape should be broadcastable to {before}"
                )
    return found
