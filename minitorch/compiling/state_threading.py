"""Tensors that Python keeps from call to call: a function that leaves some behind, as one that is given them and gives them back.

    self.attention = weights              an attribute that shows what the last call did
    self.hidden = cell(x, self.hidden)    one that the next call goes on from
    features["conv1"] = y.detach()        an entry of a dict, as a hook leaves it

    function(x) → y   becomes   threaded(hidden, x) → y, (hidden,)

What is kept are then arguments and results like any other, and each call puts the results in their places. So programs know
nothing of it, and neither does a call that runs eagerly.

torch: torch/_dynamo/side_effects.py.   Moggi 1991, Notions of computation and monads (state)
"""

from ..engine import Tensor
from ..graph import CHANGES
from ..nn.members import Members
from .tree import PLAIN, flattened, others

__all__ = ["StateThread", "Threaded", "kept_by", "unthreaded"]

MOST = 32
"""Places at most; a function that keeps more tensors than these keeps a history."""

ABSENT = object()
"""What is in a place where there is nothing."""


class Threaded:
    """``function`` with what it keeps as its first arguments, and as the second of two results.   places: [(dict, name)].

    apart: {id of a dict: names in it}, which no guard need look after.
    """

    def __init__(self, function, places):
        self.function, self.places, self.apart = function, places, dict(getattr(function, "apart", {}))
        self.__qualname__ = getattr(function, "__qualname__", type(function).__qualname__)
        for space, name in places:
            self.apart[id(space)] = self.apart.get(id(space), frozenset()) | {name}

    @property
    def __wrapped__(self):
        return self.function

    def now(self):
        """What is in the places."""
        return tuple([space.get(name, ABSENT) for space, name in self.places])

    def __call__(self, *args, **kwargs):
        result = self.function(*args[len(self.places) :], **kwargs)
        return result, self.now()


class StateThread:
    """Calls of a compiled Threaded function, which look like calls of the function."""

    def __init__(self, compiled):
        self.compiled = compiled

    def answer(self, args, kwargs):
        """What the function returns; what it keeps is in its places then."""
        threaded, moved = self.compiled.function, False
        result, kept = self.compiled(*threaded.now(), *args, **kwargs)
        for (space, name), x in zip(threaded.places, kept):
            if space.get(name, ABSENT) is not x:
                moved = True
                if x is ABSENT:
                    del space[name]
                else:
                    space[name] = x
        if moved:
            self.count_change()
        return result

    def count_change(self):
        """Let others look again at what they reach; our own programs leave these places out."""
        now = CHANGES[0]
        CHANGES[0] += 1
        for program in [program for known in self.compiled.signatures.values() for program in known.programs]:
            if program.seen[0] == now:
                program.seen[0] += 1


def kept_by(function, watch):
    """[(dict, name)] of what a run of a function put where its Watch looks: tensors, or tuples, lists and dicts of such."""
    found = {}
    for names in (*watch.often, *watch.seldom):
        if names.space.__class__ in (dict, Members):
            found.update({(id(names.space), name): (names.space, name) for name, _, new in names.differing() if holds_tensors(new)})
    known = sum(map(len, getattr(function, "apart", {}).values()))
    return list(found.values()) if len(found) + known <= MOST else []


def holds_tensors(x):
    """Whether something is a tensor, or made of tensors and plain values."""
    tensors, form = flattened(x)
    return all([each.__class__ is Tensor for each in tensors]) and bool(tensors) and all([each.__class__ in PLAIN for each in others(form)])


def unthreaded(function):
    """The user's own function."""
    while function.__class__ is Threaded:
        function = function.function
    return function
