"""Programs kept on disk: a process that records a graph which was compiled before need only look it up, and link it.

    name    a hash of the graph as it was recorded, told in full; how its inputs lie, and where its results go; the machine; the
            source of all that makes programs of graphs, and the versions beneath it
    file    JSON: the numbers of the Image, and the names of the objects that it is linked of

The files lie beside the objects (native/cache.py), whose rules hold for them as well. Nothing in one is run, or looked up by
name, but for the errors that a check raises. Where anything is missing or isn't sound, the program is built anew, and so it
is where the hash couldn't tell two graphs apart: with parameters that aren't plain, or steps that NumPy runs.

torch: torch/_inductor/codecache.py (FxGraphCache)
"""

import hashlib
import json
import marshal
import sys

from ..autograd.composite import formula_of
from ..dtypes import dtype
from ..native import cache
from ..native.emit import versions
from ..native.entry import DATA
from ..table import TABLE, Primitive
from .composed import BY_HAND
from .graph import Value
from .image import Image

__all__ = ["Untold", "fetch", "keep", "name_of", "told"]

SOURCES = ("compiler", "native", "tables", "primitives.py", "table.py", "dtypes.py")
"""What a program depends on, beside the graph."""

PLAIN = (int, float, bool, str, complex, type(None))
ERRORS = {error.__name__: error for error in (IndexError, RuntimeError, ValueError)}


class Untold(Exception):
    """Something in a graph can't be told apart from another by its text."""


def name_of(graph, strides, destinations, target):
    """The name that a graph's program is kept under; None if it isn't kept."""
    if cache.folder() is None:
        return None
    try:
        ground = versions(), cache.source(*SOURCES), f"{sys.version} {DATA}", repr(target)
        plain = hashlib.sha256(marshal.dumps(told(graph, strides, destinations), 0))  # version 0: equal things are equal bytes
        return cache.key_of("program", *ground, plain.hexdigest())
    except (Untold, OSError, ValueError):
        return None


def told(graph, strides, destinations):
    """A graph as plain data, so that two that are alike are the same program, whatever their lines are called.

    >>> from minitorch.compiler.graph import Graph, Step, Value
    >>> x, y = [Value((2,), torch.float32) for _ in range(2)]
    >>> told(Graph([x], [Step(TABLE["exp"], [x], (), y)], [y]), {}, [])
    [[('float32', (2,), None)], ('exp', [('%', 0)], [], 'float32', (2,)), ([1], [])]
    """
    names = {x: ("%", k) for k, x in enumerate(graph.inputs)}
    lines: list = [[(x.dtype.name, x.shape, strides.get(x)) for x in graph.inputs]]
    for step in graph.steps:
        row, out = step.row, step.out
        if TABLE.get(row.name) is not row:
            raise Untold(row.name)
        names[out] = "%", len(names)
        inputs = [names[x] if x.__class__ is Value else plain(x) for x in step.inputs]
        params = [x if x.__class__ in PLAIN else plain(x) for x in step.params]
        lines.append((row.name, inputs, params, out.dtype.name, out.shape))
        if row.kind == "composite" and row not in BY_HAND:
            lines.append(repr(formula_of(row, step.params)[1]))
    for x, error, message in graph.checks:
        if error not in ERRORS.values():
            raise Untold(error)
        lines.append((names[x][1], error.__name__, message))
    lines.append(([names[x][1] for x in graph.outputs], [(place.kind, place.at) for place in destinations]))
    return lines


def plain(x):
    """A parameter in words that say all of it."""
    if x.__class__ in PLAIN:
        return x
    if isinstance(x, (tuple, list)):
        return [plain(y) for y in x]
    if isinstance(x, (dtype, Primitive)):
        return x.__class__.__name__, x.name
    raise Untold(x)


def keep(name, image, objects):
    """Keep an Image, and what it is linked of: (text, level) of each object, as they lie in the cache."""
    if name is None or image.foreign:
        return
    slots = [(kind, number, entry) for (kind, number), entry in image.slots.items()]
    cache.keep(name, json.dumps([{**vars(image), "slots": slots}, objects]).encode())


def fetch(name):
    """(Image, objects) of what was kept under a name; None if it isn't there, or not whole."""
    data = None if name is None else cache.read(name)
    if data is None:
        return None
    try:
        fields, keys = json.loads(data)
        slots = {(kind, number): entry for kind, number, entry in fields.pop("slots")}
        image = Image(slots=slots, **fields)
        sound = all([error in ERRORS for _, error, _ in image.checks])
        objects = [cache.fetch(key) for key in keys]
    except (ValueError, TypeError, AttributeError):
        return None
    return None if None in objects or not sound else (image, objects)
