"""What a recorded run knows by name: memory, by the array that owns it, and the value that it holds at the moment.

    x, y = zeros(4), x[1:]      one Memory, whose root is the layout of x; y is a region of it
    x.add_(1)                   it has a new value, and what y holds must be read from that

torch: torch/_functorch/_aot_autograd/functional_utils.py (how writes are removed)
"""

from ..backends import backend_of

__all__ = ["External", "Memory", "Source", "covers", "layout", "looks_of", "owner_of", "seen_by", "whole_of"]


def owner_of(array):
    """The array that owns the memory of another."""
    while array.base is not None and array.base.__class__ is array.__class__:
        array = array.base
    return array


def layout(array):
    """Where in its owner's memory an array lies: address, shape, strides and dtype."""
    return backend_of((array,)).start_of(array), array.shape, array.strides, array.dtype


def covers(root, array):
    """Whether an array lies within the bytes of a layout; if it has no elements, where it would begin."""
    address, shape, strides, dtype = root
    low, high = address, address + dtype.itemsize
    for n, s in zip(shape, strides, strict=True):
        low, high = low + min(0, (n - 1) * s), high + max(0, (n - 1) * s)
    start, shape, strides, dtype = layout(array)
    if 0 in shape:
        return low <= start <= high
    first, last = start, start + dtype.itemsize
    for n, s in zip(shape, strides, strict=True):
        first, last = first + min(0, (n - 1) * s), last + max(0, (n - 1) * s)
    return low <= first and last <= high


class Memory:
    """What an array owns: ``value`` is what it holds now, ``root`` the layout of it; ``seen`` what its regions hold.

    owner: that array, of memory older than the run. What is ``born`` in it may end in it, and is forgotten then: else a run
    that is traced would hold all that it ever made at once.   whole: whether ``root`` is the layout of the owner itself. Then
    it is found out, and what regions hold, when the first region is looked at.   first: else the array whose layout ``root`` is.
    met: the id of the tensor that an External holds.
    """

    __slots__ = ("born", "first", "key", "met", "owner", "root", "seen", "storage", "value", "whole", "writes")

    def __init__(self, array, value, storage, born):
        owner = owner_of(array)
        self.key, self.value, self.storage, self.born, self.writes = id(owner), value, storage, born, 0
        self.owner, self.whole = None if born else owner, owner is array
        self.first = None if born or self.whole else array
        self.root = self.seen = self.met = None
        if not (born and self.whole):
            self.look(array)

    def is_all(self, array):
        """Whether an array is surely all of it: the owner itself, or as it was met."""
        return array is self.first or (self.whole and array.base is None)

    def look(self, array):
        """Know the layout, of an array that is all of it."""
        if self.seen is None:
            self.root = layout(array)
            self.seen = {self.root: (self.value, self.writes)}


class External:
    """Memory that is older than the run. ``tensor`` is who was met first there, ``place`` how to find it at a replay.

    wants: whether it wanted a gradient then.
    """

    __slots__ = ("memory", "place", "tensor", "value", "wants")

    def __init__(self, tensor, value, memory, place):
        self.tensor, self.value, self.memory, self.place = tensor, value, memory, place
        self.wants, memory.met = tensor._node is not None, id(tensor)

    def overlaps(self):
        """Whether several of its elements lie at one place, as those of an expanded tensor: a write to one of them is to all."""
        _, shape, strides, dtype = self.memory.root
        reach = dtype.itemsize
        for stride, n in sorted([(abs(s), n) for n, s in zip(shape, strides, strict=True) if n > 1]):
            if stride < reach:
                return True
            reach = stride * n
        return False


def looks_of(tensor):
    """What of a tensor stays the same when its numbers change: which array it is, and whether it wants a gradient."""
    array = tensor._array
    return id(array), array.shape, array.strides, tensor.requires_grad


class Source:
    """A value that is made anew at each replay, by ``function()``, an array or a number; an effect has no value."""

    __slots__ = ("function", "value")

    def __init__(self, function, value):
        self.function, self.value = function, value


def seen_by(view):
    """The array that a View's path leads to from its base, as that is now: ``base.t_()`` may have changed it."""
    array = view.base._array
    for row, params in view.path:
        array = row.forward(backend_of((array,)), array, *params)
    return array


def whole_of(tensor):
    """The tensor that another is a view of, if it still is: ``x.data = new`` may have put either into other memory."""
    base = tensor._base
    return tensor if base is None or not covers(layout(base._array), tensor._array) else base
