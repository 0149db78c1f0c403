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
- optimizers: the numbers in groups by identity at each call, and those that schedulers change are read anew (``rates``);
  what they remember by a number that counts its changes.

Of an object, a class or a file of functions only those names matter that occur in a function that may run: a trainer may
count its steps. Where a function asks for names that it makes up as it goes (``getattr``, ``vars``), all of them matter.

torch: torch/_dynamo/guards.py
"""

import array
import contextvars
import ctypes
import functools
import os
import sys
import threading
import types
import weakref
from collections import deque

from ..amp.grad_scaler import GradScaler
from ..backends import cudnn, for_device
from ..device import CPU
from ..engine import Tensor
from ..nn.hooks import CALL_HOOKS, EVERYWHERE
from ..nn.members import BOOKS, watch
from ..nn.module import Module
from ..optim.lr_scheduler.base import LRScheduler
from ..optim.memory import Memory
from ..optim.optimizer import EVERY_STEP, STEP_HOOKS, Optimizer
from ..settings import SETTINGS
from .guards import (
    Attributes,
    ClassData,
    Current,
    Elements,
    Entries,
    Items,
    Names,
    Numbers,
    Outer,
    Parts,
    Remembers,
    Slots,
    Value,
    Whole,
)
from .names_in_code import globals_in, modules_in, names_in
from .tree import PLAIN

__all__ = ["ARRAY", "Watch", "ours", "settled", "settled_file", "switches_of_gpus"]

MANY, MANY_ENTRIES = 5000, 100_000
"""Things that are watched at most, and entries in all of them: to look at so many takes a tenth of a millisecond at each call.

A function that reaches more, as a data set of objects, isn't compiled; a vocabulary is.
"""

ARRAY = type(for_device(CPU).empty((), Tensor(0).dtype))

ENVIRONMENT = {"environ": os.environ, "getenv": os.environ, "getenvb": os.environ}
"""What a function asks for the environment by."""

MAKES_UP = {"__dict__", "__getattr__", "__getattribute__", "asdict", "astuple", "attrgetter", "getattr", "vars"}
"""A function that has one of these may ask for any name."""

ASKS_MEMORY = {"step", "state", "state_dict", "load_state_dict", "add_param_group", *MAKES_UP}
"""A function that has none of these asks nothing of what an optimizer remembers: ``LBFGS`` changes it around its closure."""

ASKS_TYPES = frozenset(["type"])
"""Globals by which a function asks what something is, and is told the truth."""

COMPARING = frozenset(["__class__"])
"""What the methods say that ``dataclass`` writes: of two objects, never of a number."""

ASKS_RATES = frozenset(["param_groups", "get_last_lr", "_last_lr", "last_epoch"])
"""A function that has one of these may read a learning rate, or count a scheduler's steps."""

ASKS_ATTRIBUTES = frozenset(["getattr", "hasattr"])
"""A function that has one of these may ask a tensor or a function for an attribute that nobody gave to it yet."""

UNASKED = {"forward", "backward", "setup_context"}
"""Methods that the library calls."""

MAKING = frozenset({"__init__", "__new__", "__init_subclass__", "__repr__", "__str__", "__del__", "__getstate__", "__setstate__"})
"""Methods of an object that exists that no operator calls."""


class Watch:
    """Everything that ``thing`` reaches: a function, or several and what they are given.

    often: looked at before each call.   seldom: when something registered changed.

    moving: the ids of optimizers' groups that somebody else looks after.   groups: all that there are.
    said: names that functions say, theirs: the user's functions alone; asks_types: whether these ask for the type of something.
    tensors: by id.   bare: functions without attributes.   whole: whether all was looked at that there is.
    """

    def __init__(self, thing, moving=(), apart=None):
        """apart: {id of a dict: names in it that somebody else looks after}."""
        self.often, self.seldom, self.moving, self.groups = [], [], moving, []
        self.seen, self.entries, self.kept = set(), 0, []
        self.said, self.theirs, self.owners, self.classes = set(UNASKED), set(), [], set()
        self.bare, self.tensors = [], {}
        self.origins, self.apart, self.asks_types = set(), apart or {}, False
        hooks = (*EVERYWHERE, *EVERY_STEP)
        self.seldom += [Whole(each, ()) for each in hooks]
        todo = [thing, *[hook for each in hooks for hook in each.values()]]
        while todo and len(self.kept) < MANY and self.entries < MANY_ENTRIES:
            todo += self.look(todo.pop())
            if not todo:  # names that were said since may lead further
                todo = [x for owner in self.owners for x in self.reached(owner) if id(x) not in self.seen and may_change(x)]
        self.whole = not todo
        if "get_last_lr" in self.said:
            self.said.add("_last_lr")
        if not ASKS_ATTRIBUTES.isdisjoint(self.said):
            bare = [*self.bare, *[x for x in self.tensors.values() if not vars(x)]]
            self.owners += [Owner(Attributes, vars(x)) for x in bare]
        said = frozenset(self.said - REGISTERED)  # one for all of them
        for owner in self.owners:
            self.add(owner.guard(said), self.seldom if owner.seldom else self.often)
        if self.apart:
            for where in (self.often, self.seldom):
                where[:] = [names.apart(self.apart[id(names.space)]) if id(names.space) in self.apart else names for names in where]

    def reached(self, owner):
        """What an Owner's names stand for, but for those that somebody else looks after."""
        left = self.apart.get(id(owner.space))
        return owner.reached(self.said) if left is None else [owner.space[name] for name in owner.names(self.said) if name not in left]

    def look(self, thing):
        """Watch one thing, and return what it leads to."""
        self.origins |= {type(thing).__name__, getattr(thing, "__name__" if isinstance(thing, types.ModuleType) else "__module__", None)}
        if isinstance(thing, Tensor):
            self.tensors[id(thing)] = thing
        if id(thing) in self.seen or not may_change(thing):
            return []
        self.seen.add(id(thing))
        self.kept.append(thing)  # or its id might become another's
        for kind, look in LOOKS.items():
            if isinstance(thing, kind):
                return look(self, thing)
        if ours(type(thing)):
            return [thing.__wrapped__] if hasattr(thing, "__wrapped__") else []  # a function that was compiled by itself
        return self.look_at_object(thing)

    def add(self, names, where):
        self.entries += len(names.values)
        if names.values or isinstance(names, (Whole, Items)):  # an empty list may grow
            where.append(names)
        return names.values

    # -------------------------------------------------------------------------------------------------- what there may be

    def look_at_dict(self, thing):
        return self.add(Whole(thing, ()), self.often)

    def look_at_tensor(self, tensor):
        self.look_at_members(type(tensor))
        self.owners.append(Owner(Attributes, vars(tensor)))
        return []

    def look_at_scaler(self, thing):
        space = thing.__dict__
        return self.add(Names(space, [name for name, x in space.items() if x.__class__ in PLAIN]), self.often)

    def look_at_scheduler(self, thing):
        self.owners.append(Owner(Attributes, vars(thing)))
        return [thing.optimizer]

    def look_at_list(self, thing):
        return [] if id(thing) in self.apart else self.add(Items(thing, ()), self.often)

    def look_at_set(self, thing):
        return self.add(Elements(thing, ()), self.often)

    def look_at_array(self, thing):
        self.add(Numbers(thing, ()), self.often)
        return []

    def look_at_method(self, method):
        self.theirs.add(method.__name__)
        return [method.__self__, method.__func__]

    def look_at_function(self, function):
        if ours(function) or settled(function):
            return made_of(function)
        code, space = function.__code__, function.__globals__
        self.said |= names_in(code)
        self.theirs |= names_in(code) - (COMPARING if written_by_dataclasses(code) else frozenset())
        self.asks_types |= not ASKS_TYPES.isdisjoint(globals_in(code))
        self.often.append(Parts(function))
        found = list(function.__defaults__ or ())
        found += self.add(Whole(function.__kwdefaults__, ()), self.often) if function.__kwdefaults__ else []
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            found += self.look_at_variable(name, cell)
        if vars(function):
            self.owners.append(Owner(Attributes, vars(function)))
        else:
            self.bare.append(function)
        found += modules_in(code, space)
        names = sorted(globals_in(code))
        return found + self.add(Names(space, names), self.often) if names else found

    def look_at_variable(self, name, cell):
        guard = Outer(cell, name)
        if id(guard.space) in self.seen:
            return []
        self.seen.add(id(guard.space))
        found = self.add(guard, self.often)
        return [] if name in self.apart.get(id(guard.space), ()) else found

    def look_at_file(self, module):
        if module is os:
            self.owners.append(Owner(Names, ENVIRONMENT))
        elif not ours_by_name(module.__name__) and not settled(module):
            self.owners.append(Owner(Names, vars(module)))
        return []

    def look_at_class(self, cls):
        """A class that is called by its name, so that it may be made one of."""
        self.look_at_members(cls, frozenset())
        self.look_at_members(type(cls))
        return []

    def look_at_members(self, cls, unasked=MAKING):
        """What is written in a class and in those that it comes from, but for those of ours and of Python's."""
        if (cls, unasked) not in self.classes and not all([ours(each) or settled(each) for each in cls.__mro__]):
            self.classes.add((cls, unasked))
            self.owners.append(Members(cls, unasked))

    def look_at_object(self, thing):
        cls = type(thing)
        self.look_at_members(cls)
        space, every = getattr(thing, "__dict__", None), settled(cls)
        if isinstance(space, dict):
            self.owners.append(Owner(Attributes, space, every))
        slots = [name for each in cls.__mro__ for name in slots_of(each)]
        return self.add(Slots(thing, slots), self.often) if slots and not every else []

    def look_at_module(self, module):
        own, cls = module.__dict__, type(module)
        watch(module)
        self.look_at_members(cls)
        for each in cls.__mro__:
            if ours(each):
                self.said |= said_by(each)
        every = ours(cls) or any([settled(each) and not ours(each) for each in cls.__mro__ if each is not object])
        self.owners.append(Owner(Attributes, own, every, seldom=True))
        self.seldom += [Whole(own.get(name, {}), ()) for name in (*BOOKS, *CALL_HOOKS)]  # an empty one may grow
        hooked = [name for name in CALL_HOOKS if own.get(name)]  # who clears it by hand isn't counted
        self.often += [Names(own, hooked), *[Whole(own[name], ()) for name in hooked]] if hooked else []
        tensors = [name for name, x in own.items() if isinstance(x, (Tensor, Module))]
        self.add(Names(own, tensors), self.seldom)
        tensors = [*module._parameters.values(), *module._buffers.values()]
        return [*tensors, *module._modules.values(), cls.forward, *[hook for name in CALL_HOOKS for hook in own.get(name, {}).values()]]

    def look_at_optimizer(self, optimizer):
        self.look_at_members(type(optimizer))
        self.add(Names(optimizer.__dict__, ("state", "param_groups")), self.often)
        hooks = [optimizer.__dict__[name] for name in STEP_HOOKS]
        self.often.append(Items(optimizer.param_groups, ()))
        self.seldom += [Whole(each, ()) for each in hooks]
        called = [hook for each in hooks for hook in each.values()]
        self.groups += optimizer.param_groups
        for group in optimizer.param_groups:
            self.add(Items(group["params"], ()), self.often)
            if id(group) not in self.moving:  # the others are looked after by their Rates
                self.add(Whole(group, ()), self.often)
        if isinstance(optimizer.state, Memory):
            stepped = any([id(group) in self.moving for group in optimizer.param_groups])
            self.owners.append(Remembering(optimizer.state, ASKS_MEMORY if stepped else self.theirs))
            return called
        return [optimizer.state, *called]

    # ----------------------------------------------------------------------------------------------------------- questions

    def reads_rates(self):
        """Whether the user's functions may read numbers of an optimizer's groups, or of a scheduler."""
        return not ASKS_RATES.isdisjoint(self.theirs)

    def wary(self, names):
        """Whether any of the names of files and functions is said by the user's functions, or anything of theirs is reached."""
        return not (names.isdisjoint(self.theirs) and names.isdisjoint(self.origins))

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
                found = [repr(k) for k, *_ in names.differing() if k not in moving[id(names.space)]]
                if found:
                    return found[0]
            elif not names.holds():
                return names.words()
        return None

    def still_holds(self):
        """Whether all is as it was."""
        return self.holds() and all([names.holds() for names in self.seldom])


LOOKS = {
    Tensor: Watch.look_at_tensor,
    types.FunctionType: Watch.look_at_function,
    types.MethodType: Watch.look_at_method,
    types.ModuleType: Watch.look_at_file,
    type: Watch.look_at_class,
    Module: Watch.look_at_module,
    Optimizer: Watch.look_at_optimizer,
    GradScaler: Watch.look_at_scaler,
    LRScheduler: Watch.look_at_scheduler,
    dict: Watch.look_at_dict,
    list: Watch.look_at_list,
    tuple: lambda watch, thing: list(thing),
    (set, deque, bytearray, array.array): Watch.look_at_set,
    frozenset: lambda watch, thing: list(thing),
    types.MappingProxyType: lambda watch, thing: watch.add(Entries(thing, ()), watch.often),
    ctypes._SimpleCData: lambda watch, thing: watch.add(Value(thing, ()), watch.often),
    weakref.ref: lambda watch, thing: [thing()],
    ARRAY: Watch.look_at_array,
    contextvars.ContextVar: lambda watch, thing: watch.add(Current(thing, ()), watch.often),
    threading.local: lambda watch, thing: watch.add(Slots(thing, sorted(vars(thing))), watch.often),
    property: lambda watch, thing: [thing.fget],
    (staticmethod, classmethod): lambda watch, thing: [thing.__func__],
    functools.partial: lambda watch, thing: [thing.func, thing.args, thing.keywords],
    functools.cached_property: lambda watch, thing: [thing.func],
}
"""What is looked at, by its kind."""


def switches_of_gpus():
    """What products and convolutions on a GPU are compiled by, to be looked at before each call."""
    return [Names(vars(SETTINGS), ["precision", "deterministic"]), Names(vars(cudnn), ["allow_tf32"])]


class Owner:
    """A dict of names of which only those matter that are said somewhere, whether they stand for something or not.

    guard: the kind that looks after them.   every: all that stand for something matter.
    """

    def __init__(self, guard, space, every=False, seldom=False):
        self.kind, self.space, self.every, self.seldom = guard, space, every, seldom

    def names(self, said):
        """Those that matter, given all that were said."""
        every = self.every or not said.isdisjoint(MAKES_UP)
        found = {x for x in self.space if isinstance(x, str)} if every else said & self.space.keys()
        return sorted(found - REGISTERED)

    def reached(self, said):
        """What they stand for."""
        return [self.space[name] for name in self.names(said)]

    def guard(self, said):
        """Looks after them, and after those that may come to be."""
        if self.kind is not Attributes:
            return self.kind(self.space, sorted(said.union(self.names(said))))
        every = self.every or not said.isdisjoint(MAKES_UP)
        return Attributes(self.space, said, *([frozenset(self.names(said))] if every else []))


class Remembering(Owner):
    """What an optimizer remembers: all of it matters, if a step was recorded or any function asks for it.   theirs: what those say."""

    def __init__(self, memory, theirs):
        super().__init__(Remembers, memory)
        self.theirs = theirs

    def names(self, said):
        return ()

    def guard(self, said):
        return Names({}, ()) if self.theirs.isdisjoint(ASKS_MEMORY) else Remembers(self.space, ())


class Members(Owner):
    """What is written in a class, and in those that it comes from: functions are reached, other things looked after."""

    def __init__(self, cls, unasked):
        self.spaces, space = [vars(each) for each in cls.__mro__ if not ours(each) and not settled(each)], {}
        for each in reversed(self.spaces):
            space |= each
        super().__init__(ClassData, space)
        self.of, self.unasked = cls, unasked

    def names(self, said):
        """Those that were said; and methods with two underscores, which operators call."""
        special = [name for name in self.space if name.startswith("__") and isinstance(self.space[name], FUNCTIONS)]
        return sorted({*(said & self.space.keys()), *special} - self.unasked)

    def reached(self, said):
        """What they stand for, in each class that has it: ``super()`` asks further up."""
        return [space[name] for space in self.spaces for name in self.names(said) if name in space]

    def guard(self, said):
        """Looks after them all with one number."""
        return ClassData(self.of, sorted({*self.names(said), *(said - self.unasked)}))


REGISTERED = set(vars(Module())) - {"training"}
"""Attributes that each module has, dicts of what is registered in it: they count their changes, or are looked at by themselves."""

FUNCTIONS = (types.FunctionType, staticmethod, classmethod, property, functools.cached_property)


def may_change(thing):
    """Whether there is anything to look at."""
    if isinstance(thing, Tensor):
        return bool(vars(thing)) or not ours(type(thing))  # what somebody gave to it, or wrote in its class
    return thing.__class__ not in PLAIN and not isinstance(thing, types.BuiltinFunctionType)


def slots_of(cls):
    """The names of a class's slots."""
    slots = vars(cls).get("__slots__", ())
    return [slots] if isinstance(slots, str) else [name for name in slots if name not in ("__dict__", "__weakref__")]


def made_of(function):
    """What a function was made of that is Python's own, ours or installed: what it decorates, and others that it calls."""
    held = [x for cell in function.__closure__ or () for x in Outer(cell, "").values]
    return [x for x in (*held, *vars(function).values()) if callable(x) or isinstance(x, types.MappingProxyType)]


def ours_by_name(module):
    return module.split(".")[0] == __package__.split(".")[0]


def ours(thing):
    """Whether a function or class is part of this library, whose own settings change by calls only."""
    return ours_by_name(getattr(thing, "__module__", None) or "")


def settled(thing):
    """Whether a function, class or module is Python's own or installed, so that nobody changes it in a running program."""
    if isinstance(thing, types.FunctionType):
        return settled_file(thing.__code__.co_filename)
    if isinstance(thing, type):
        if thing.__module__ == "builtins":
            return not thing.__flags__ & MADE_BY_PYTHON
        thing = sys.modules.get(thing.__module__)
    file = getattr(thing, "__file__", None)
    return settled_file(file) if file else getattr(thing, "__name__", None) in sys.builtin_module_names


MADE_BY_PYTHON = 1 << 9
"""CPython's Py_TPFLAGS_HEAPTYPE."""

PYTHON = os.path.dirname(os.__file__) + os.sep
"""Where Python's own files are."""


def settled_file(name):
    return name.startswith((PYTHON, "<frozen")) or "site-packages" in name or "dist-packages" in name


def written_by_dataclasses(code):
    return code.co_filename == "<string>" and code.co_name in ("__eq__", "__lt__", "__le__", "__gt__", "__ge__")


@functools.lru_cache(None)
def said_by(cls):
    """The names in the functions of a class of ours. What they make up are names of what is registered."""
    found = [names_in(x.__code__) for x in vars(cls).values() if isinstance(x, types.FunctionType)]
    return frozenset().union(*found) - MAKES_UP
