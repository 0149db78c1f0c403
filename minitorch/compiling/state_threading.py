"""What Python keeps from call to call: a function that leaves some of it behind, as one that is given it and gives it back.

    self.attention = weights              an attribute that shows what the last call did
    self.hidden = cell(x, self.hidden)    one that the next call goes on from
    features["conv1"] = y.detach()        an entry of a dict, as a hook leaves it
    self.total += loss.item()             a number that follows from tensors
    model.train()                         flags, that another function sets otherwise
    losses.append(loss.item())            one more element of a list that the function only ever appends to (append_only.py)

    function(x) → y   becomes   threaded(hidden, x) → y, (hidden,), ([loss],)

What is kept are then arguments and results like any other, and each call puts the results in their places. So programs know
nothing of it, and neither does a call that runs eagerly.

torch: torch/_dynamo/side_effects.py.   Moggi 1991, Notions of computation and monads (state)
"""

from ..compiler.traced_numbers import Number
from ..engine import Tensor
from ..graph import CHANGES
from ..nn.members import Members
from ..symbolic import is_given
from .append_only import only_appended_to
from .guards import Items, Variable
from .tree import PLAIN, flattened, others

__all__ = ["StateThread", "Threaded", "kept_by", "unthreaded"]

MOST = 256
"""Places and lists at most."""

ABSENT = object()
"""What is in a place where there is nothing."""

NUMBERS = (int, float, bool, type(None))
"""What a list may be given beside what follows from tensors. A text could be such a number's."""


class Threaded:
    """``function`` with what it keeps as its first arguments, and as the second of three results.   places: [(dict, name)].

    lists: those that it appends to; what it appended is the third result.   apart: {id of a dict: names in it, id of a list: none},
    which no guard need look after.
    """

    def __init__(self, function, places, lists):
        self.function, self.places, self.lists, self.apart = function, places, lists, dict(getattr(function, "apart", {}))
        for space, name in places:
            self.apart[id(space)] = self.apart.get(id(space), frozenset()) | {name}
        for x in lists:
            self.apart[id(x)] = frozenset()

    @property
    def __wrapped__(self):
        return self.function

    def now(self):
        """What is in the places."""
        return tuple([space.get(name, ABSENT) for space, name in self.places])

    def __call__(self, *args, **kwargs):
        count = len(self.places)
        for (space, name), x in zip(self.places, args[:count]):
            if is_given(x):
                space[name] = x
        lengths = [len(x) for x in self.lists]
        try:
            result = self.function(*args[count:], **kwargs)
            return result, self.now(), [self.taken_off(x, n) for x, n in zip(self.lists, lengths)]
        finally:
            for space, name in self.places:
                if is_given(x := space.get(name)):
                    space[name] = x.plain()

    def taken_off(self, x, n):
        """The elements of a list from place n on, which it loses."""
        found = x[n:]
        del x[n:]
        return found

    def put(self, things):
        """Put things in the places. Whether any but a plain number is another than was there."""
        moved = False
        for (space, name), x in zip(self.places, things):
            if space.get(name, ABSENT) is not x:
                moved = moved or x.__class__ is bool or x.__class__ not in PLAIN
                if x is ABSENT:
                    del space[name]
                else:
                    space[name] = x
        return moved

    def again(self, *args, **kwargs):
        """The same call later: what is in the places by now is there afterwards."""
        now = self.now()
        try:
            self.put(args)
            return self(*args, **kwargs)
        finally:
            self.put(now)


class StateThread:
    """Calls of a compiled Threaded function, which look like calls of the function."""

    def __init__(self, compiled):
        self.compiled = compiled

    def answer(self, args, kwargs):
        """What the function returns; what it keeps is in its places then."""
        threaded = self.compiled.function
        result, kept, appended = self.compiled(*threaded.now(), *args, **kwargs)
        for x, elements in zip(threaded.lists, appended):
            x += elements
        if threaded.put(kept):
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
    """([(dict, name)], lists) of what a run of a function put where its Watch looks, to be threaded; None if there is nothing.

    What is put there are tensors and numbers that follow from them, or tuples, lists and dicts of such; and flags.
    """
    places, lists = {}, {}
    for names in (*watch.often, *watch.seldom):
        if names.space.__class__ in (dict, Members, Variable):
            places.update({(id(names.space), name): (names.space, name) for name, old, new in names.differing() if follows(old, new)})
        elif names.__class__ is Items and (new := names.appended()) and made_of(new, NUMBERS) and only_appended_to(names.space, watch):
            lists[id(names.space)] = names.space
    known = sum([max(len(names), 1) for names in getattr(function, "apart", {}).values()])
    if not (places or lists) or len(places) + len(lists) + known > MOST:
        return None
    return list(places.values()), list(lists.values())


def follows(old, x):
    """Whether something is a tensor, or a number that follows from one, or made of such and of plain values; or a flag, as before."""
    return (made_of(x, PLAIN) and bool(flattened(x, is_traced)[0])) or (old.__class__ is bool and x.__class__ is bool)


def made_of(x, kinds):
    """Whether something is made of tensors, of numbers that follow from them, and of values of these kinds."""
    traced, form = flattened(x, is_traced)
    return all([each.__class__ in (Tensor, Number) for each in traced]) and all([each.__class__ in kinds for each in others(form)])


def is_traced(x):
    return isinstance(x, (Tensor, Number))


def unthreaded(function):
    """The user's own function."""
    while function.__class__ is Threaded:
        function = function.function
    return function
