"""Where the parts of Python's objects lie, for native code that looks at them: measured, not known.

    PLACES.grad        48: a tensor's gradient is the address at byte 48 of its object
    PLACES is None     where something isn't as CPython and NumPy have it: then nothing native looks at objects

An attribute's place is found by putting a new object there and looking for its address. What can't be found so (an array's
facts, a count of references) is compared with what Python says of a few objects. It takes a fifth of a millisecond, once.

torch: torch/_C/_dynamo/guards.cpp is compiled against the headers that say so
"""

import ctypes
from collections import namedtuple
from functools import lru_cache
from sys import getrefcount

from ..backends import for_device
from ..device import CPU
from ..dtypes import float32
from ..engine import Tensor
from ..graph import Storage, View
from ..native.entry import AVAILABLE

__all__ = [
    "ALONE", "BASE", "DTYPE", "IN_FUNCTION", "ITEMS", "KIND", "NDIM", "OF_FUNCTIONS", "SHAPE", "SIZE", "STRIDES", "VERSION",
    "class_version", "places",
]  # fmt: skip

COUNT, KIND, SIZE = 0, object.__basicsize__ - 8, object.__basicsize__
"""In each object: how many hold it, and its class; in lists and tuples then how many elements they have."""

ITEMS = SIZE + 8
"""In a list, the address of its elements."""

NDIM, SHAPE, STRIDES, BASE, DTYPE = (SIZE + 8 * k for k in range(1, 6))
"""In an array, behind the address of its data: the number of dims, where shape and strides are, whose memory it is, dtype."""

ALONE = 2
"""How many hold what a list and one attribute hold."""

Places = namedtuple("Places", "array grad node view storage base seen version cell element")


def word(address):
    """The 8 bytes at an address."""
    return ctypes.c_int64.from_address(address).value


def place_of(cls, name):
    """Where in an object of a class an attribute lies, as bytes from its beginning; None if it isn't found in one place."""
    thing, value = object.__new__(cls), object()
    setattr(thing, name, value)
    found = [at for at in range(ITEMS - 8, cls.__basicsize__, 8) if word(id(thing) + at) == id(value)]
    return found[0] if len(found) == 1 else None


def place_in_cell():
    """Where a cell has what it holds."""
    value = object()
    (cell,) = (lambda: value).__closure__
    found = [at for at in range(SIZE, cell.__sizeof__(), 8) if word(id(cell) + at) == id(value)]
    return found[0] if len(found) == 1 else None


def place_of_version():
    """Where a class has the number that is another after each change of it or of a class that it comes from, 4 bytes.

    CPython's tp_version_tag: what doesn't stay when a class is changed, but for addresses.
    """
    cls = type("Changing", (), {"before": 1})
    found = []
    for name in ("one", "two", "three"):
        setattr(cls, name, 1)
        getattr(cls, name)
        found.append((ctypes.c_uint32 * (type.__basicsize__ // 4)).from_buffer_copy(ctypes.string_at(id(cls), type.__basicsize__)))
    places = [4 * k for k, (a, b, c) in enumerate(zip(*found)) if 0 < a < b < c]
    return places[0] if len(places) == 1 else None


OF_FUNCTIONS = ("__code__", "__defaults__", "__kwdefaults__")
"""What a function is made of that may be replaced."""


def places_in_function():
    """Where a function has each of these; 0 stands there for None. None if they aren't found."""

    def function(x=object(), *, y=1):  # noqa: B008
        return x, y

    parts = [id(getattr(function, name)) for name in OF_FUNCTIONS]
    words = range(SIZE, type(function).__basicsize__, 8)
    found = [[at for at in words if word(id(function) + at) == part] for part in parts]
    if any([len(places) != 1 for places in found]):
        return None
    function.__defaults__ = function.__kwdefaults__ = None
    places = [at for (at,) in found]
    return places if [word(id(function) + at) for at in places[1:]] == [0, 0] else None


IN_FUNCTION = places_in_function() if AVAILABLE else None

VERSION = place_of_version() if AVAILABLE else None


def class_version(cls):
    """A number that is another after each change of a class; 0 if there is no such.

    >>> class Thing:
    ...     size = 1
    >>> before = class_version(Thing)
    >>> Thing.size = 2
    >>> VERSION is None or class_version(Thing) != before
    True
    """
    if VERSION is None:
        return 0
    cls.__init__  # noqa: B018  CPython counts anew when it looks for something in the class
    return ctypes.c_uint32.from_address(id(cls) + VERSION).value


def place_in_tuple():
    """Where a tuple has its first element; the others follow."""
    one, two = pair = object(), object()
    found = [at for at in range(SIZE + 8, pair.__sizeof__() - 8, 8) if [word(id(pair) + at), word(id(pair) + at + 8)] == [id(one), id(two)]]
    return found[0] if len(found) == 1 else None


def as_expected():
    """Whether lists, tuples, counts and arrays are as the numbers above say."""
    held = [object()]
    thing = [held[0], held]
    pair = held, thing
    array = for_device(CPU).empty((2, 3, 5), float32).transpose(2, 0, 1)
    facts = [word(id(array) + at) for at in (SHAPE, STRIDES)]
    return (
        word(id(thing) + KIND) == id(list)
        and word(id(thing) + SIZE) == 2
        and [word(word(id(thing) + ITEMS) + 8 * k) for k in (0, 1)] == [id(x) for x in thing]
        and word(id(pair) + SIZE) == 2
        and ctypes.c_int32.from_address(id(held[0]) + COUNT).value == ALONE == getrefcount(held[0]) - 1
        and word(id(array) + KIND) == id(type(array))
        and ctypes.c_int32.from_address(id(array) + NDIM).value == 3
        and [word(facts[0] + 8 * k) for k in range(3)] == list(array.shape)
        and [word(facts[1] + 8 * k) for k in range(3)] == list(array.strides)
        and word(id(array) + BASE) == id(array.base)
        and word(id(array.base) + BASE) == 0
        and word(id(array) + DTYPE) == id(array.dtype)
        and word(id(array) + SIZE) == array.__array_interface__["data"][0]
    )


@lru_cache(None)
def places():
    """The Places of this Python and NumPy; None if native code had better not look at objects.

    >>> x = torch.ones(2)
    >>> places() is None or word(id(x) + places().array) == id(x._array)
    True
    """
    if not AVAILABLE:
        return None
    names = [(Tensor, "_array"), (Tensor, "_grad"), (Tensor, "_node"), (Tensor, "_view"), (Tensor, "_storage")]
    names += [(View, "base"), (View, "seen"), (Storage, "version")]
    found = [*[place_of(cls, name) for cls, name in names], place_in_cell(), place_in_tuple()]
    return Places(*found) if None not in found and as_expected() else None
