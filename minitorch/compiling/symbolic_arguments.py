"""Numbers among the arguments that are others from call to call: ``step(x, y, lr)`` under a schedule, ``step(x, y, i)``.

The second value that is seen makes of such an argument a number that moves. From then on a run that is recorded is handed a
Given for it (symbolic.py), and its program reads the number anew. What C code takes out of a Given nobody notices. So two runs with
different numbers must have been written down alike, to the last constant, before a program is believed to be right for all.
An integer that is looked at, which decides a place or a size, is a constant of each program's from then on.

torch: torch/_dynamo/variables/builder.py (wrap_symfloat)
"""

import re
from functools import partial

from ..compiler.program_cache import Untold, told
from ..symbolic import Questions, Reading
from .tree import loosened, numbers_in, same

__all__ = ["SymbolicNumbers", "UNSEEN", "of_call"]

UNSEEN = frozenset([
    "Decimal", "Fraction", "__class__", "copysign", "fmod", "frexp", "isclose", "ldexp", "modf", "nextafter", "np", "numpy", "struct",
])  # fmt: skip
"""A function that says one of these may ask a number something without its knowing, and get the same answer twice by chance."""

FORMS = 32
"""Kinds of calls of one function, alike but for numbers, that are watched for these."""

PLACE = re.compile(r"\bn(\d+)\b")
"""A number that is given, in a text."""

WAITS = 8
"""Runs that are recorded in vain, until numbers that move count as constants again."""


def of_call(known, key):
    """(the key in which GIVEN stands for numbers that move, what is known of these), or (the key, None).   known: {key: SymbolicNumbers}"""
    form, *rest = key
    numbers = numbers_in(form)
    if not numbers:
        return key, None
    loose = (loosened(form, numbers), *rest)
    if loose not in known and len(known) == FORMS:
        return key, None
    symbolic = known.setdefault(loose, SymbolicNumbers())
    symbolic.look(numbers)
    moving = symbolic.moving
    return ((loosened(form, moving), *rest), symbolic) if moving else (key, None)


class SymbolicNumbers:
    """What is known of the numbers of calls that are alike but for these.

    numbers: {place: number} as the last call had them.   moving: the places where there were several.   proofs: {(what was asked, which
    gradients there were): (how a run was written down, {place: numbers that it was so for})}.   decisive: places of integers that are
    looked at.
    """

    def __init__(self):
        self.first, self.numbers, self.moving, self.proofs, self.waits, self.settled = {}, {}, set(), {}, 0, False
        self.decisive = set()

    def look(self, numbers):
        """See the numbers of a call."""
        self.numbers = numbers
        for place, x in numbers.items():
            if not same(self.first.setdefault(place, x), x) and not self.settled and place not in self.decisive:
                self.moving.add(place)

    def keep(self, numbers):
        """See numbers that are kept elsewhere, and that move."""
        if not numbers.keys() <= self.first.keys():  # with more of them to read, runs may be alike
            self.settled, self.waits = False, 0
            self.proofs.clear()
        self.first, self.numbers = numbers | self.first, self.numbers | numbers
        if not self.settled:
            self.moving |= numbers.keys() - self.decisive

    def settle(self):
        """They are constants from now on, each a program's own."""
        self.settled = True
        self.moving.clear()
        self.proofs.clear()

    def handed(self, args, kwargs):
        """(args, kwargs, Questions, {place: Given}) with Givens for the numbers that move."""
        questions = Questions()
        places = [place for place in self.numbers if place in self.moving]
        given = {place: questions.given(self.numbers[place], f"n{k}") for k, place in enumerate(places)}
        args = tuple([given.get(k, x) for k, x in enumerate(args)])
        return args, {name: given.get(name, x) for name, x in kwargs.items()}, questions, given

    def looked_at(self, asked):
        """The places of integers that were looked at."""
        places = [place for place in self.numbers if place in self.moving]
        looked = {places[int(k)] for text, x in asked.items() if x.__class__ is not bool for k in PLACE.findall(text)}
        return {place for place in looked if self.numbers[place].__class__ is int}

    def strays(self, asked):
        """Whether a run looked at what others only computed with, as one that prints the number of every tenth step."""
        looked = self.looked_at(asked)
        return any([len(seen.get(place, ())) > 1 for _, seen in self.proofs.values() for place in looked])

    def decides(self, asked):
        """Whether some of the integers were looked at: then they don't move any more."""
        looked = self.looked_at(asked)
        self.decisive |= looked
        self.moving -= looked
        if looked:
            self.proofs.clear()
        return bool(looked)

    def proven(self, recording):
        """{place: number} of those that a program of the recording must find again, as far as is known; None if it isn't worth one yet.

        If the numbers turn out to be more than computed with, they are settled.
        """
        if self.decides(recording.asked):
            return None
        asked, now = tuple([(text, repr(x)) for text, x in recording.asked.items()]), written_down(recording)
        added = tuple([id(x) for kind, x in recording.externals if kind == "grad"])  # gradients that are there: another program's run
        before, seen = self.proofs.setdefault((asked, added), (now, {}))
        if now is None or not alike(before, now):
            return self.settle()
        moving = {place: self.numbers[place] for place in self.moving}
        again = bool(seen) and all([repr(x) in seen[place] for place, x in moving.items() if place in seen])
        for place, x in moving.items():
            seen.setdefault(place, set()).add(repr(x))
        fixed = {place: x for place, x in moving.items() if len(seen[place]) < 2}
        if len(fixed) < len(moving) or again:
            return fixed
        self.waits += 1
        return self.settle() if self.waits > WAITS else None


def alike(a, b):
    """Whether two runs were written down alike."""
    return a[0] == b[0] and len(a[1]) == len(b[1]) and all([x is y for x, y in zip(a[1], b[1])])


def written_down(recording):
    """(all that a recording says, the objects that it names); None if that can't be told."""
    try:
        words = [*told(recording.graph, recording.strides, [])]
        words += [] if recording.backward is None else [*told(recording.backward, {}, [])]
    except Untold:
        return None
    things = [leaf for leaf, *_ in recording.gradients]
    for kind, which in recording.externals:
        constant = kind == "tensor" and any([which._array is x for x in recording.constants])
        words.append((kind, which if kind == "argument" else which._array.tobytes() if constant else None))
        things += [] if kind == "argument" or constant else [which]
    for source, made in recording.sources:
        if source.__class__ is tuple:
            words.append(source[1])
            things.append(source[0])
        elif source.__class__ is Reading:
            words.append(source.text)
        elif source.__class__ is partial:
            words.append((source.func, repr(source.args)))  # a method is made anew each time that it is looked up
        else:
            words.append((source, made))
    words += [(name, text) for _, name, _, text in recording.kept]
    things += [space for space, *_ in recording.kept]
    words += [recording.written, recording.turned, recording.form, [state for _, *state in recording.gradients]]
    for kind, which, *rest in recording.returned:
        words.append((kind, None if kind == "gradient" else which, rest if kind == "new" else None))
    return words, things
