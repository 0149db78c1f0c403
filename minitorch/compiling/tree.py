"""Arguments and results as a flat list of tensors, and the shape of what held them.

    leaves, form = flattened({"x": x, "sizes": (3, y)})       leaves: [x, y]
    rebuilt(form, leaves)                                     the same again, of other tensors

torch: torch/utils/_pytree.py
"""

import dataclasses
from collections import OrderedDict

from ..engine import Tensor

__all__ = [
    "COUNTED", "GIVEN", "Kept", "LEAF", "PLAIN", "containers", "flattened", "loosened", "names_of", "numbers_in", "others", "rebuilt",
    "same",
]  # fmt: skip

LEAF = object()
"""Stands for a tensor in a form."""

GIVEN = object()
"""Stands for a float that may be another at each call: an argument by itself."""

COUNTED = object()
"""Stands for such an int."""


class Kept:
    """A value that is no tensor, as it was."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return other.__class__ is Kept and same(self.value, other.value)

    def __hash__(self):
        return hash(self.value) if self.value.__class__ in PLAIN else id(self.value)


PLAIN = (int, float, bool, str, bytes, complex, type(None))


def same(a, b):
    """Whether two are one object, or the same plain value: 0.0 and -0.0 are two."""
    if a is b:
        return True
    return a.__class__ is b.__class__ and a.__class__ in PLAIN and (repr(a) == repr(b) if a.__class__ in (float, complex) else a == b)


def is_tensor(value):
    return isinstance(value, Tensor)


def flattened(value, leaf=is_tensor):
    """The tensors in a value, in order, and its form: hashable, equal for values that differ only in their tensors.

    leaf: which values count as such.
    """
    leaves: list = []
    return leaves, form_of(value, leaves, leaf)


def form_of(value, leaves, leaf):
    kind = value.__class__
    if leaf(value):
        leaves.append(value)
        return LEAF
    if kind in (tuple, list):
        return (kind, *[form_of(x, leaves, leaf) for x in value])
    if isinstance(value, tuple) and hasattr(kind, "_make"):  # a named one
        return (kind, *[form_of(x, leaves, leaf) for x in value])
    if isinstance(value, dict) and not getattr(value, "__dict__", None):
        return (kind, tuple(value), *[form_of(x, leaves, leaf) for x in value.values()])
    if dataclasses.is_dataclass(value) and not isinstance(value, (type, dict)):
        names = names_of(value)
        return (kind, names, *[form_of(getattr(value, name), leaves, leaf) for name in names])
    return Kept(value)


def names_of(thing):
    """The names of the attributes that an object of a dataclass has."""
    space = getattr(thing, "__dict__", None)
    return tuple([f.name for f in dataclasses.fields(thing) if hasattr(thing, f.name)]) if space is None else tuple(space)


def numbers_in(form):
    """{place: it} of the floats and ints that are arguments by themselves. A place is a number, or a name.   form: (args, kwargs)'s."""
    _, (_, *args), (_, names, *named) = form
    places = (*enumerate(args), *zip(names, named))
    return {k: x.value for k, x in places if x.__class__ is Kept and x.value.__class__ in (float, int)}


def loosened(form, places):
    """The form of (args, kwargs) with GIVEN or COUNTED in some places."""

    def loose(place, x):
        return x if place not in places else COUNTED if x.value.__class__ is int else GIVEN

    kind, (first, *args), (second, names, *named) = form
    args, named = [loose(*pair) for pair in enumerate(args)], [loose(*pair) for pair in zip(names, named)]
    return kind, (first, *args), (second, names, *named)


def others(form):
    """The values in a form that are no tensors, and the classes of what holds them, but for Python's own."""
    if form.__class__ is Kept:
        return [form.value]
    if form.__class__ is not tuple:
        return []
    kind, *parts = form
    parts = parts if issubclass(kind, (tuple, list)) else parts[1:]  # behind their names
    return [*([] if kind in (tuple, list, dict) else [kind]), *[x for part in parts for x in others(part)]]


def rebuilt(form, leaves):
    """The value of a form, with ``leaves``, an iterator of tensors and numbers, in their places."""
    if form is LEAF or form is GIVEN or form is COUNTED:
        return next(leaves)
    if form.__class__ is Kept:
        return form.value
    kind = form[0]
    if kind in (tuple, list):
        return kind([rebuilt(x, leaves) for x in form[1:]])
    if issubclass(kind, tuple):
        return kind(*[rebuilt(x, leaves) for x in form[1:]])
    items = dict(zip(form[1], [rebuilt(x, leaves) for x in form[2:]]))
    made = kind.__new__(kind)  # without its own methods: all is to be as it was
    if issubclass(kind, dict):
        (OrderedDict if issubclass(kind, OrderedDict) else dict).update(made, items)
        return made
    for name, x in items.items():
        object.__setattr__(made, name, x)
    return made


def containers(value):
    """The lists, dicts and objects of dataclasses in a value, which whoever has it may change."""
    if isinstance(value, dict):
        return [value, *[x for part in value.values() for x in containers(part)]]
    if isinstance(value, (tuple, list)):
        return [*([value] if isinstance(value, list) else []), *[x for part in value for x in containers(part)]]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [value, *[x for name in names_of(value) for x in containers(getattr(value, name))]]
    return []
