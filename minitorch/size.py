"""The shape of a tensor, as PyTorch prints it.   torch: torch.Size"""

import math

__all__ = ["Size"]


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
