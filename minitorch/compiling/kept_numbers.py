"""Numbers that Python keeps from call to call, and that change: they go into a program and come out of it, as arguments and results do.

    self.steps += 1                       an attribute that counts
    group["lr"] = rate(self.steps)        a number of an optimizer's group
    state["total"] += 1                  an entry of a dict
    nonlocal steps; steps += 1           a variable of a function around it

A run that is recorded finds a Given there (symbolic.py), and what it leaves behind is how each call works out the next number.

torch: torch/_dynamo/side_effects.py
"""

from ..compiler.traced_numbers import Number
from ..symbolic import is_given
from .guards import Variable
from .tree import flattened, rebuilt

__all__ = ["Places", "floats_again", "plain_again"]

MOST = 16
"""Places at most; a function that changes more numbers isn't one that counts."""


class Places:
    """Where a function was seen to keep numbers that change.   known: {(id of a dict or Variable, name): it}.

    left: ids of optimizers' groups that schedulers step within the function: each replay reads their numbers, and has the schedulers step.
    """

    def __init__(self, left=()):
        self.known, self.left = {}, set(left)

    def leave(self, groups):
        """Leave the numbers of some optimizers' groups to schedulers. Gives whether any of them were known as places."""
        self.left.update(map(id, groups))
        return any([key in self.left for key, _ in self.known])

    def note(self, watch):
        """Whether all that is other than a Watch found it are numbers in dicts, and some of them in places that weren't known."""
        found = [names.numbers() for names in (*watch.often, *watch.seldom) if not names.holds()]
        if None in found:
            return False
        places = {(id(space), name): space for pairs in found for space, name in pairs if id(space) not in self.left}
        before = len(self.known)
        if len(self.known | places) <= MOST:
            self.known |= places
        return len(self.known) > before

    def numbers(self):
        """{place: the number there}."""
        found = {(key, name): space.get(name) for (key, name), space in self.known.items()}
        return {place: x for place, x in found.items() if type(x) in (int, float)}  # another thread may be recording

    def put(self, given):
        """Put Givens there.   given: {place: it}."""
        for place, x in given.items():
            if place in self.known:
                self.known[place][place[1]] = x

    def taken(self, given):
        """[(dict, name, class of the number, how the one is worked out that is there afterwards)] of the places with Givens, which end."""
        found = []
        for place in [place for place in given if place in self.known]:
            space, name = self.known[place], place[1]
            x = space.get(name)
            if is_given(x):
                found.append((space, name, given[place].kind, x.text))
                space[name] = x.plain()
            elif type(x) in (int, float):
                found.append((space, name, given[place].kind, f"({x!r})"))
            else:
                del self.known[place]
        return found


def plain_again(watch):
    """Put plain numbers where a run left Givens, in what a Watch reaches."""
    for space, key, x in everything(watch):
        if is_given(x):
            space[key] = x.plain()


def floats_again(watch):
    """Put floats where a run left Numbers, in what a Watch reaches."""
    for space, key, x in everything(watch):
        if type(x) is Number or type(x) is tuple:
            numbers, form = flattened(x, lambda v: type(v) is Number)
            if numbers:
                space[key] = rebuilt(form, map(float.__float__, numbers))


def everything(watch):
    """[(dict, list or Variable, key, what is there)] of what a Watch looks at."""
    found = []
    for names in (*watch.often, *watch.seldom):
        space = names.space
        if isinstance(space, (dict, list, Variable)):
            items = space.items() if isinstance(space, dict) else enumerate(space) if isinstance(space, list) else names.items()
            found += [(space, key, x) for key, x in items]
    return found
