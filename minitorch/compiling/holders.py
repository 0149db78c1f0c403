"""How many hold a tensor, and its array: whether a recorded run is the only one that sees it. CPython counts.

    holders(external) == ALONE         nobody but the Tracer holds the tensor
    sharers(tensor) == UNSHARED        nobody but the tensor holds its array
"""

from sys import getrefcount

__all__ = ["ALONE", "ARRAY_ALONE", "UNSHARED", "array_holders", "holders", "sharers"]


def holders(external):
    """How many hold an external's tensor, in a measure of its own: compare with ``ALONE``."""
    return getrefcount(external.tensor)


def array_holders(external):
    """How many hold the array behind it; compare with ``ARRAY_ALONE``."""
    return getrefcount(external.memory.owner)


class Single:
    """Something whose tensor nobody else holds, and whose array only that tensor and its memory do."""

    def __init__(self):
        self.tensor, self.memory, self.owner = Holder(), self, object()
        self.tensor.array = self.owner


class Holder:
    """Something that holds."""


def sharers(tensor):
    """How many hold the array of a tensor; compare with ``UNSHARED``."""
    return getrefcount(tensor._array)


class Unshared:
    """Something whose array nobody else holds."""

    def __init__(self):
        self._array = object()


ALONE, ARRAY_ALONE, UNSHARED = holders(Single()), array_holders(Single()), sharers(Unshared())
