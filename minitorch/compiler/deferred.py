"""What Python makes of numbers that a program leaves: worked out after it ran, by Python.

    correct = (scores.argmax(1) == y).sum().item()      a Deferred, of the Value of the sum
    return correct / len(y)                             one of the same Value, that divides by 32

Given only where the source says that nobody looks at it (escape_analysis.py). It looks itself if it is asked all the same, and says so.
"""

import operator

from .traced_numbers import Number

__all__ = ["Deferred"]


def combined(function, turned=False, divides=False):
    """An operator that makes another Deferred; ``turned`` if this one is the second operand.

    What divides may be 0 in another run, and end it where this one goes on: by a Deferred nothing is divided.
    """

    def combine(self, other):
        known = other.__class__ in (int, float, Number, Deferred) and self.tracer is not None
        if not known or (divides and (turned or other.__class__ in (Number, Deferred))):
            self.look()
            other = other.now if other.__class__ is Deferred else other
            return function(other, self.now) if turned else function(self.now, other)
        of = other if other.__class__ is Deferred else Deferred(self.tracer, [], other)
        if other.__class__ is Number:
            of = Deferred(self.tracer, [other.value], float.__float__(other))
        first, last = (of, self) if turned else (self, of)
        count = len(first.parts)

        def make(values):
            return function(first.make(values[:count]), last.make(values[count:]))

        return Deferred(self.tracer, [*first.parts, *last.parts], function(first.now, last.now), make)

    return combine


def seen(function):
    """An operator that looks at the number."""

    def look(self, *others):
        self.look()
        return function(self.now, *others)

    return look


class Deferred:
    """What ``make`` makes of the Python values of ``parts``, Values of the graph.

    now: what that is in this run.   tracer: who writes the run down; None when it is over.
    """

    __slots__ = ("made", "now", "parts", "tracer")

    def __init__(self, tracer, parts, now, make=None):
        self.tracer, self.parts, self.now, self.made = tracer, parts, now, make

    def make(self, values):
        """The same of other values: of a part, or of none, simply that."""
        if self.made is not None:
            return self.made(values)
        return values[0] if self.parts else self.now

    def look(self):
        if self.tracer is not None:
            self.tracer.look(self.parts)

    __add__, __radd__ = combined(operator.add), combined(operator.add, True)
    __sub__, __rsub__ = combined(operator.sub), combined(operator.sub, True)
    __mul__, __rmul__ = combined(operator.mul), combined(operator.mul, True)
    __truediv__, __rtruediv__ = [combined(operator.truediv, turned, True) for turned in (False, True)]
    __floordiv__, __rfloordiv__ = [combined(operator.floordiv, turned, True) for turned in (False, True)]
    __mod__, __rmod__ = [combined(operator.mod, turned, True) for turned in (False, True)]
    __eq__, __ne__, __hash__ = seen(operator.eq), seen(operator.ne), seen(hash)
    __lt__, __le__, __gt__, __ge__ = seen(operator.lt), seen(operator.le), seen(operator.gt), seen(operator.ge)
    __bool__, __index__, __int__, __float__ = seen(bool), seen(operator.index), seen(int), seen(float)
    __neg__, __abs__, __round__, __str__, __format__ = seen(operator.neg), seen(abs), seen(round), seen(str), seen(format)
