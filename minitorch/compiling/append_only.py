"""Lists that a function appends to and never reads: what they hold is nothing that its result could follow from.

    losses.append(loss.item())                  the name of the list, and at once ``append``
    self.history["loss"].append(loss.item())    the name of a dict that holds it, a constant, and then ``append``
    if len(losses) % 10 == 0: …                 the name, and something else: it may be read

The code of all functions that may run is looked through for the names that lead to the list. By what else they lead to it, as an
element of another list, or asked for by names that are made up, nothing can be told: then it counts as read.
"""

import dis
from functools import lru_cache
from types import CodeType, FunctionType

from .guards import Attributes, Names, Outer, Whole
from .tree import PLAIN

__all__ = ["only_appended_to"]

ASKS = frozenset([
    "__dict__", "__getattr__", "__getattribute__", "asdict", "attrgetter", "copy", "deepcopy", "dump", "dumps", "eval", "exec", "getattr",
    "globals", "locals", "save", "vars",
])  # fmt: skip
"""A function that says one of these may reach the list by no name that can be seen."""

ADDS = ("append", "extend")


def only_appended_to(thing, watch):
    """Whether the functions that a Watch found do no more with a list than append to it."""
    if not ASKS.isdisjoint(watch.theirs):
        return False
    names = names_of(thing, watch)
    if names is None:
        return False
    codes = [x.__code__ for x in watch.kept if isinstance(x, FunctionType)]
    return all([leads_to_append(code, name, keys) for code in codes for name, keys in names.items()])


def names_of(thing, watch):
    """{name that leads to a list: None, or the keys of it in a dict of that name}; None if more than names leads to it."""
    found: dict = {}
    for guard in (*watch.often, *watch.seldom):
        if not any([x is thing for x in guard.values]):
            continue
        names = [name for name, x in guard.before() if x is thing and isinstance(name, str)]
        if guard.__class__ in (Names, Attributes, Outer) and names:
            found.update(dict.fromkeys(names))
        elif guard.__class__ is Whole and len(names) == 1 and thing.__class__ is list:
            of_dict = names_of(guard.space, watch)
            if of_dict is None or any(of_dict.values()):
                return None
            found.update({name: (found.get(name) or frozenset()) | set(names) for name in of_dict})
        else:
            return None
    return found or None


def leads_to_append(code, name, keys):
    """Whether each use of a name, in a function's code and in that of functions within it, is followed by ``append``, or by a constant
    that isn't one of ``keys``, or by one and then ``append``."""
    steps = steps_of(code)
    for k, (kind, what) in enumerate(steps):
        if kind == "load" and what == name and not adds(steps[k + 1 : k + 4], keys):
            return False
    return all([leads_to_append(x, name, keys) for x in code.co_consts if isinstance(x, CodeType)])


def adds(after, keys):
    """Whether what follows a name's use does no more than append."""
    if keys is not None:
        (first, key), (second, _) = after[:2]
        if first != "constant" or second != "subscript":
            return False
        if key not in keys:
            return True
        after = after[2:]
    return after[0][0] == "load" and after[0][1] in ADDS


@lru_cache(1000)
def steps_of(code):
    """[(kind, name or constant)] of a function's instructions: a name that is looked up, a constant, a subscript, or something else.

    A local variable is something else: what it holds was looked up before.
    """
    found = []
    for x in dis.get_instructions(code):
        if x.opname == "LOAD_CONST":
            found.append(("constant", x.argval if x.argval.__class__ in PLAIN else None))
        elif x.opname.startswith("LOAD_") and "FAST" not in x.opname and x.opname != "LOAD_CLOSURE" and x.argval.__class__ is str:
            found.append(("load", x.argval))
        elif x.opname in ("BINARY_SUBSCR", "STORE_SUBSCR", "COPY") or (x.opname == "BINARY_OP" and x.argrepr == "[]"):
            found.append(("subscript", None))
        else:
            found.append(("other", None))
    return found + [("other", None)] * 3
