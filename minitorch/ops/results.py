"""What functions of several results return: a tuple whose entries have names."""

from collections import namedtuple
from functools import cache

__all__ = ["several"]


class Several:
    """A tuple of results, printed as PyTorch prints it."""

    __slots__ = ()
    _fields = ()

    def __repr__(self):
        entries = [f"{field}={value!r}" for field, value in zip(self._fields, self)]
        return f"torch.return_types.{type(self).__name__}(\n" + ",\n".join(entries) + ")"

    def __reduce__(self):
        return restored, (type(self).__name__, self._fields, tuple(self))


@cache
def several(name, *fields):
    """The class of the tuples that the function ``name`` returns.   torch: return_types

    >>> torch.tensor([[1, 3], [2, 0]]).max(1)
    torch.return_types.max(
    values=tensor([3, 2]),
    indices=tensor([1, 0]))
    """
    entries = namedtuple(name, fields)
    return type(name, (Several, entries), {"__slots__": (), "_fields": entries._fields})


def restored(name, fields, values):
    """Such a tuple, as it was pickled."""
    return several(name, *fields)(*values)
