"""The names that a function's code may look up, read off the code itself.

    def step(x):                         names_in     scale, model, weight, settings, rate …
        from settings import rate        globals_in   scale, model
        return x * scale * rate          modules_in   the module settings

torch: torch/_dynamo/bytecode_analysis.py
"""

import sys
from functools import lru_cache
from opcode import EXTENDED_ARG, opmap
from types import CodeType

__all__ = ["globals_in", "modules_in", "names_in"]

GLOBALS = {opmap["LOAD_GLOBAL"]: 1, opmap["STORE_GLOBAL"]: 0, opmap["DELETE_GLOBAL"]: 0, opmap["LOAD_NAME"]: 0}
"""Instructions on a global name, and the bits beside its number."""

IMPORTS = {opmap["IMPORT_NAME"]: 0, opmap["IMPORT_FROM"]: 0}


def names_in(code):
    """The names that a function's code, and that of functions within it, may look up: of anything, also as a text.

    >>> sorted(names_in((lambda x: x.scale * rate if "kind" in x else getattr(x, "old")).__code__))
    ['getattr', 'kind', 'old', 'rate', 'scale']
    """
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= names_in(constant)
        else:
            found.update([x for x in (constant if isinstance(constant, tuple) else (constant,)) if isinstance(x, str) and x.isidentifier()])
    return frozenset(found)


@lru_cache(1024)
def globals_in(code):
    """Those that are looked up as globals, or may be: all, if it asks for ``globals``."""
    found = operands(code, GLOBALS)
    return names_in(code) if "globals" in found else found


@lru_cache(1024)
def imports_in(code):
    """What it imports itself: names of modules, and of what is taken out of them."""
    return operands(code, IMPORTS)


def modules_in(code, space):
    """The modules that it imports itself, as far as they are loaded.   space: its globals."""
    names = imports_in(code)
    inner = [f"{space.get('__package__')}.{name}" for name in names]  # of ``from . import name``
    return [sys.modules[name] for name in (*names, *inner) if name in sys.modules]


def operands(code, kinds):
    """The names that instructions of these kinds are about, in a function's code and that of functions within it."""
    found, words, high = set(), code.co_code, 0
    for kind, low in zip(words[::2], words[1::2]):
        if kind in kinds:
            found.add(code.co_names[(high | low) >> kinds[kind]])
        high = (high | low) << 8 if kind == EXTENDED_ARG else 0
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= operands(constant, kinds)
    return frozenset(found)
