"""Questions that are asked before each call of a program: is this as it was when the program was made?

    Names(globals, ["model"])     the name still stands for the same
    Items([1, 2])                 the list has the same elements
    Attributes(thing, ["lr"])     of an object's attributes these are the same

What ``watching.py`` finds that matters becomes one of these each. Each can be asked in three ways: as an expression in the
Python function that answers (``test``), as rows for the native one (``rows``), and by ``holds()``, slowly, which finds equal
numbers equal too. The first two may say no too often, never too seldom; then the third decides.

torch: torch/_dynamo/guards.py
"""

from operator import is_
from weakref import WeakValueDictionary

from .object_layout import IN_FUNCTION, OF_FUNCTIONS, VERSION, class_version
from .tree import same

__all__ = [
    "Attributes", "ClassData", "Current", "Elements", "Entries", "Items", "Names", "Numbers", "Outer", "Parts", "Remembers", "Slots",
    "Value", "Variable", "Whole",
]  # fmt: skip

ABSENT = object()
"""What a name stands for that isn't there."""


class Names:
    """Some names of a namespace, a dict, and what they stood for.

    Of those that stand for nothing only one question is asked: whether the namespace has as many names as then.
    """

    __slots__ = ("names", "size", "space", "values")
    kind = "something that it reaches by name"

    def __init__(self, space, names):
        self.space, self.names = space, tuple(names)
        self.values = self.now()
        self.size = [len(space)] if isinstance(space, dict) and any([x is ABSENT for x in self.values]) else None

    def now(self):
        return [self.space.get(name, ABSENT) for name in self.names]

    def before(self):
        """[(name, what it stood for)]."""
        return list(zip(self.names, self.values))

    def differing(self):
        """[(name, what it stood for, what it stands for now)] of those that aren't the same."""
        return [(name, old, new) for name, old in self.before() if not same(old, new := self.space.get(name, ABSENT))]

    def numbers(self):
        """[(dict, name)] of what is other than it was, if these are all numbers of the class that they were; else None."""
        found = self.differing()
        well = found and all([type(old) is type(new) and type(new) in (int, float) for _, old, new in found])
        return [(self.space, name) for name, *_ in found] if well else None

    def apart(self, names):
        """The same questions, but for these names."""
        return Names(self.space, [name for name, _ in self.before() if name not in names])

    def test(self, space, values, know):
        """An expression for whether all is as it was, by identity; ``space`` and ``values`` are names for ours in it.

        know: object → a name for it.
        """
        asked = [f"{space}.get({know(name)}) is {values}[{k}]" for k, name in self.there()]
        return " and ".join(asked if self.size is None else [*asked, f"len({space}) == {know(self.size)}[0]"])

    def there(self):
        """[(number, name)] of those that stood for something."""
        return [(k, name) for k, (name, x) in enumerate(zip(self.names, self.values)) if x is not ABSENT]

    def rows(self):
        """The same for native code: rows of ``native_answer.py``, a kind and its operands each."""
        if self.space.__class__ is not dict:
            return [("asked", self.holds)]  # a class that is derived from dict may say something else than what it holds
        found = [("named", self.space, name, self.values, k) for k, name in self.there()]
        return found if self.size is None else [*found, ("size", self.space, self.size)]

    def words(self):
        """What changed, as one would say it."""
        found = [name for name, old, new in zip(self.names, self.values, self.now()) if not same(old, new)]
        return repr(found[0]) if found else self.kind

    def holds(self):
        """Whether the values are what they were, or equal numbers; then these are the ones to watch."""
        now = self.now()
        if len(now) != len(self.values) or not (all(map(is_, now, self.values)) or all(map(same, now, self.values))):
            return False
        self.values[:] = now
        if self.size is not None:
            self.size[0] = len(self.space)
        return True


class Whole(Names):
    """All entries of a dict.   values: its keys, and then what they stand for."""

    kind = "a dict"

    def entries(self):
        """What matters of the dict."""
        return self.space

    def now(self):
        entries = self.entries()
        return [*entries, *entries.values()]

    def before(self):
        half = len(self.values) // 2
        names, values = self.values[:half], self.values[half:]
        return list(zip(names, values)) if names == [*self.entries()] else []

    def apart(self, names):
        return Rest(self.space, names)

    def test(self, space, values, know):
        return f"len({space}) == {len(self.values) // 2} and all(map(is_, (*{space}, *{space}.values()), {values}))"

    def rows(self):
        return [("entries", self.space, self.values, self.holds) if self.space.__class__ is dict else ("asked", self.holds)]


class Rest(Whole):
    """All entries of a dict but for some, which somebody else looks after.   left: the names of those."""

    __slots__ = ("left",)

    def __init__(self, space, left):
        self.left = frozenset(left)
        super().__init__(space, ())

    def entries(self):
        return {name: x for name, x in self.space.items() if name not in self.left}

    def apart(self, names):
        return Rest(self.space, self.left | names)

    def test(self, space, values, know):
        return "False"  # ask

    def rows(self):
        return [("asked", self.holds)]


class Attributes(Whole):
    """Some attributes of an object, which may come to be or cease; the others may be anything.

    names: sets of names.   known: those of them that there are.   values: all entries, which are looked at first, since that is quick.
    """

    __slots__ = ("known",)

    def __init__(self, space, *names):
        self.space, self.names = space, names
        self.values, self.known = self.now(), self.named()

    def named(self):
        said, *more = self.names
        if not more:
            return {name: x for name, x in self.space.items() if name in said}
        return {name: x for name, x in self.space.items() if any([name in names for names in self.names])}

    def before(self):
        return [*self.known.items(), *[(name, ABSENT) for name in self.named() if name not in self.known]]

    def apart(self, names):
        return Names(self.space, sorted(frozenset().union(*self.names) - names))

    def words(self):
        """Which of them changed."""
        found = [name for name, *_ in self.differing()]
        return repr(found[0]) if found else "an object's attributes"

    def holds(self):
        now = self.now()
        if len(now) == len(self.values) and all(map(is_, now, self.values)):
            return True
        named = self.named()
        if not same_items(named, self.known):
            return False
        self.known, self.values[:] = named, now
        return True


class Asked(Names):
    """What only Python can look up: the name still stands for the same, as ``look`` finds it in ``space``."""

    __slots__ = ()

    def look(self, name):
        raise NotImplementedError

    def numbers(self):
        return None

    def now(self):
        return [self.look(name) for name in self.names]

    def test(self, space, values, know):
        return "False"  # ask

    def rows(self):
        return [("asked", self.holds)]


class Slots(Asked):
    """Attributes of an object that keeps them in slots."""

    def look(self, name):
        return getattr(self.space, name, ABSENT)


class Parts(Slots):
    """The code and the defaults of a function, which may be replaced by others."""

    __slots__ = ()
    kind = "a function"

    def __init__(self, function):
        super().__init__(function, OF_FUNCTIONS)

    def test(self, space, values, know):
        return " and ".join([f"{space}.{name} is {values}[{k}]" for k, name in enumerate(OF_FUNCTIONS)])

    def rows(self):
        if IN_FUNCTION is None:
            return [("asked", self.holds)]
        return [("part_of", self.space, place, 0 if x is None else id(x)) for place, x in zip(IN_FUNCTION, self.values)]


class Current(Asked):
    """What a ContextVar stands for here and now."""

    __slots__ = ()
    kind = "a context variable"

    def now(self):
        return [self.space.get(ABSENT)]


class Unnamed(Names):
    """What isn't the entries of a dict."""

    __slots__ = ()

    def numbers(self):
        return None


class ClassData(Unnamed):
    """What some names stand for in a class and in those that it comes from, by the number that counts their changes.

    values: that number, and for each of these classes {name: what it stands for}.
    """

    __slots__ = ()
    kind = "a class"

    def now(self):
        spaces, names = [vars(each) for each in self.space.__mro__], frozenset(self.names)  # all: ``super()`` asks further up
        return [class_version(self.space), *[{name: space[name] for name in names & space.keys()} for space in spaces]]

    def words(self):
        """Which of them changed."""
        pairs = list(zip(self.values[1:], self.now()[1:]))
        found = sorted([name for old, new in pairs for name in {*old, *new} if not same(old.get(name, ABSENT), new.get(name, ABSENT))])
        return repr(found[0]) if found else self.kind

    def test(self, space, values, know):
        return f"0 != {know(class_version)}({space}) == {values}[0]"

    def rows(self):
        return [("asked", self.holds)] if VERSION is None else [("version", self.space, self.values)]

    def holds(self):
        now = self.now()
        if len(now) != len(self.values) or not all(map(same_items, now[1:], self.values[1:])):
            return False
        self.values[:] = now
        return True


def same_items(now, before):
    """Whether two dicts have the same entries."""
    return now.keys() == before.keys() and all([same(before[name], now[name]) for name in now])


class Numbers(Asked):
    """What is in an array of NumPy's: a tensor that was made of them doesn't tell."""

    def now(self):
        return [(self.space.shape, self.space.dtype, self.space.tobytes())]

    def holds(self):
        return self.now() == self.values


class Remembers(Unnamed):
    """All that an optimizer remembers, by the number that counts its changes (``optim/memory.py``)."""

    kind = "the state of an optimizer"

    def now(self):
        entries = [(key, value, dict(value) if isinstance(value, dict) else None) for key, value in self.space.items()]
        return [self.space.changes[0], entries]

    def test(self, space, values, know):
        return f"{space}.changes[0] == {values}[0]"

    def rows(self):
        return [("first", self.space.changes, self.values)]

    def holds(self):
        now = self.now()
        if now[0] != self.values[0] and not same_entries(now[1], self.values[1]):
            return False
        self.values[:] = now
        return True


def same_entries(now, before):
    """Whether a memory has the same entries, by identity."""
    return len(now) == len(before) and all([
        k is p and v is w and (a is b or same_items(a, b))
        for (k, v, a), (p, w, b) in zip(now, before)
    ])  # fmt: skip


class Items(Unnamed):
    """All elements of a list."""

    kind = "a list"

    def now(self):
        return list(self.space)

    def appended(self):
        """What came to stand behind all that was there; None if anything else changed."""
        now, count = self.now(), len(self.values)
        return now[count:] if len(now) > count and all(map(is_, now, self.values)) else None

    def apart(self, names):
        return Names({}, ())

    def test(self, space, values, know):
        return f"len({space}) == {len(self.values)} and all(map(is_, {space}, {values}))"

    def rows(self):
        return [("items", self.space, self.values) if self.space.__class__ is list else ("asked", self.holds)]


class Elements(Items):
    """All elements of a set, a deque or an array of Python's."""

    kind = "a set, a deque or an array"

    def rows(self):
        return [("asked", self.holds)]


class Entries(Elements):
    """All entries of a mapping that is no dict, or that looks into one."""

    kind = "a mapping"

    def now(self):
        return [*self.space, *self.space.values()]

    def test(self, space, values, know):
        return "False"  # ask


class Value(Elements):
    """A number of C's, as ``multiprocessing.Value`` holds one."""

    kind = "a number of C's"

    def now(self):
        return [self.space.value]

    def test(self, space, values, know):
        return "False"  # ask


class Variable:
    """A cell of a closure, to be read and set as a dict of one name. Of each cell there is one at a time."""

    __slots__ = ("__weakref__", "cell")

    def __init__(self, cell):
        self.cell = cell

    def get(self, name, default=None):
        try:
            return self.cell.cell_contents
        except ValueError:
            return default

    def __setitem__(self, name, value):
        self.cell.cell_contents = value

    def __delitem__(self, name):
        del self.cell.cell_contents


VARIABLES: WeakValueDictionary = WeakValueDictionary()
"""{id of a cell: its Variable}."""


def variable_of(cell):
    found = VARIABLES.get(id(cell))
    if found is None:
        found = VARIABLES[id(cell)] = Variable(cell)
    return found


class Outer(Names):
    """What a variable of a function around it stands for."""

    __slots__ = ()

    def __init__(self, cell, name):
        super().__init__(variable_of(cell), (name,))

    def items(self):
        """[(its name, what it stands for now)]."""
        return list(zip(self.names, self.now()))

    def apart(self, names):
        return Names({}, ())

    def test(self, space, values, know):
        return "True" if self.values[0] is ABSENT else f"{know(self.space.cell)}.cell_contents is {values}[0]"

    def rows(self):
        return [] if self.values[0] is ABSENT else [("cell", self.space.cell, self.values, 0)]
