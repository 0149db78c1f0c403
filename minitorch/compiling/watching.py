"""What a recorded function can reach besides the tensors that it is given, watched for changes.

    scale = 2.0
    @torch.compile
    def step(x):                     reaches model, optimizer and scale by name: roots
        ...                          and through them modules, parameters, groups, settings

A program is right for as long as all of that is what it was when it was recorded. To look at everything at each call would
cost more than a small step does, so it is looked at in three ways:

- roots (globals, closure cells, ``self``, defaults) and plain objects: by identity, at each call;
- what is registered in modules, ``training``, and memory that a tensor was given (``x.data = …``): by one number that
  counts such changes (``graph.CHANGES``); only when it moved is everything looked at again;
- numbers in optimizers' groups: by identity at each call; those that schedulers change are read anew (``rates``).

torch: torch/_dynamo/guards.py
"""

import types
from collections import deque

from ..engine import Tensor
from ..nn.hooks import CALL_HOOKS, EVERYWHERE
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from .tree import PLAIN

__all__ = ["Watch"]

MANY = 5000
"""Entries in all that are watched at most; what has more is a data set, not a setting."""

OPAQUE = (types.ModuleType, type, types.BuiltinFunctionType, Tensor)


class Names:
    """Some names of a namespace, a dict, and what they stood for."""

    __slots__ = ("names", "space", "values")
    kind = "something that it reaches by name"

    def __init__(self, space, names):
        self.space, self.names = space, tuple(names)
        self.values = self.now()

    def now(self):
        return [self.space.get(name, Watch) for name in self.names]

    def test(self, space, values, know):
        """An expression for whether all is as it was, by identity; ``space`` and ``values`` are names for ours in it.

        know: object → a name for it.
        """
        return " and ".join([f"{space}.get({know(name)}) is {values}[{k}]" for k, name in enumerate(self.names)])

    def rows(self):
        """The same for native code: rows of ``walking.py``, a kind and its operands each."""
        return [("named", self.space, name, self.values, k) for k, name in enumerate(self.names)]

    def words(self):
        """What changed, as one would say it."""
        found = [name for name, old, new in zip(self.names, self.values, self.now()) if not unchanged(old, new)]
        return repr(found[0]) if found else self.kind

    def holds(self):
        """Whether the values are what they were, or equal numbers; then these are the ones to watch."""
        now = self.now()
        if len(now) != len(self.values) or not all(map(unchanged, now, self.values)):
            return False
        self.values[:] = now
        return True


class Whole(Names):
    """All entries of a dict."""

    kind = "a dict, or an object's attributes,"

    def now(self):
        return list(self.space.values())

    def test(self, space, values, know):
        return f"len({space}) == {len(self.values)} and all(map(is_, {space}.values(), {values}))"

    def rows(self):
        return [("values", self.space, self.values, self.holds)]


class Items(Names):
    """All elements of a list."""

    kind = "a list"

    def now(self):
        return list(self.space)

    def test(self, space, values, know):
        return f"len({space}) == {len(self.values)} and all(map(is_, {space}, {values}))"

    def rows(self):
        return [("items", self.space, self.values)]


class Elements(Items):
    """All elements of a set or a deque."""

    kind = "a set or a deque"

    def rows(self):
        return [("asked", self.holds)]


class Cells(Names):
    """What the cells of a closure hold."""

    kind = "a variable of a function around it"

    def now(self):
        return [cell.cell_contents if filled(cell) else Watch for cell in self.space]

    def test(self, space, values, know):
        full = [(k, cell) for k, cell in enumerate(self.space) if filled(cell)]
        return " and ".join([f"{know(cell)}.cell_contents is {values}[{k}]" for k, cell in full]) or "True"

    def rows(self):
        return [("cell", cell, self.values, k) for k, cell in enumerate(self.space) if filled(cell)]


def filled(cell):
    try:
        return cell.cell_contents is not Watch
    except ValueError:
        return False


def unchanged(a, b):
    return a is b or (a.__class__ is b.__class__ and a.__class__ in PLAIN and a == b)


class Watch:
    """Everything that ``thing`` reaches: a function, or several and what they are given.

    often: looked at before each call.   seldom: when something registered changed.

    moving: the ids of optimizers' groups that somebody else looks after.   groups: all that there are.
    """

    def __init__(self, thing, moving=()):
        self.often, self.seldom, self.moving, self.groups = [], [], moving, []
        self.seen, self.count, self.kept = set(), 0, []
        self.seldom += [Whole(hooks, ()) for hooks in EVERYWHERE]
        todo = [thing]
        while todo and self.count < MANY:
            todo += self.look(todo.pop())

    def look(self, thing):
        """Watch one thing, and return what it leads to."""
        if id(thing) in self.seen or isinstance(thing, OPAQUE) or thing.__class__ in PLAIN:
            return []
        self.seen.add(id(thing))
        self.kept.append(thing)  # or its id might become another's
        self.count += 1
        if isinstance(thing, types.FunctionType):
            return self.look_at_function(thing)
        if isinstance(thing, types.MethodType):
            return [thing.__self__, thing.__func__]
        if isinstance(thing, Module):
            return self.look_at_module(thing)
        if isinstance(thing, Optimizer):
            return self.look_at_optimizer(thing)
        if isinstance(thing, dict):
            return self.add(Whole(thing, ()), self.often)
        if isinstance(thing, (list, tuple)):
            return self.add(Items(thing, ()), self.often) if isinstance(thing, list) else list(thing)
        if isinstance(thing, (set, deque)):
            return self.add(Elements(thing, ()), self.often)
        if ours(type(thing)):
            return []
        space = getattr(thing, "__dict__", None)
        return self.add(Whole(space, ()), self.often) if isinstance(space, dict) else []

    def add(self, names, where):
        self.count += len(names.values)
        if names.values or isinstance(names, (Whole, Items)):  # an empty list may grow
            where.append(names)
        return names.values

    def look_at_function(self, function):
        if ours(function):
            return []
        found = list(function.__defaults__ or ()) + list((function.__kwdefaults__ or {}).values())
        if function.__closure__:
            found += self.add(Cells(function.__closure__, ()), self.often)
        names = sorted(names_in(function.__code__) & set(function.__globals__))
        return found + self.add(Names(function.__globals__, names), self.often) if names else found

    def look_at_module(self, module):
        own = module.__dict__
        names = [name for name, x in own.items() if x.__class__ in PLAIN or isinstance(x, (Tensor, Module))]
        self.add(Names(own, names), self.seldom)
        self.seldom += [Whole(own[name], ()) for name in CALL_HOOKS]
        others = [x for name, x in own.items() if name not in names and not name.startswith("_")]
        forward = type(module).forward
        return [*module._modules.values(), *others, forward]

    def look_at_optimizer(self, optimizer):
        self.add(Names(optimizer.__dict__, ("state", "param_groups")), self.often)
        self.seldom.append(Items(optimizer.param_groups, ()))
        self.groups += optimizer.param_groups
        for group in optimizer.param_groups:
            if id(group) not in self.moving:  # the others are looked after by their Rates
                self.add(Whole(group, ()), self.often)
        return []

    def holds(self):
        """Whether what is looked at before each call is as it was."""
        for names in self.often:
            if not names.holds():
                return False
        return True

    def changed(self, moving):
        """A name for something that isn't as it was, or None.   moving: {id of a group: the numbers in it that may be others}."""
        for names in (*self.often, *self.seldom):
            if id(names.space) in moving:
                others = [k for k, x in zip(names.space, names.values) if not unchanged(x, names.space[k])]
                found = [repr(k) for k in others if k not in moving[id(names.space)]]
                if found:
                    return found[0]
            elif not names.holds():
                return names.words()
        return None

    def still_holds(self):
        """Whether all is as it was."""
        return self.holds() and all([names.holds() for names in self.seldom])


def ours(thing):
    """Whether a function or class is part of this library, whose own settings change by calls only."""
    return (getattr(thing, "__module__", None) or "").split(".")[0] == __package__.split(".")[0]


def names_in(code):
    """The names that a function's code, and that of functions within it, may look up."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= names_in(constant)
    return found
