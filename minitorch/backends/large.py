"""Elementwise rows on large arrays, in machine code where llvmlite is: those that NumPy does badly.

NumPy takes its time for a maximum or a choice, and has no error function; machine code needs a quarter of it, and a tenth
for ``erf``. For less than ``ENOUGH`` elements it isn't worth loading a compiler, which takes 50 MB.
``python bench/crossover.py`` prints both times, size by size.
"""

import sys
from functools import lru_cache
from importlib import import_module

import numpy

from .keeping import keep_freed_memory
from .once import ONCE

__all__ = [
    "ENOUGH", "ENOUGH_FOR_ROWS", "ENOUGH_TO_ADD", "KINDS", "WORTH_SHARING", "added_in_machine_code", "along_rows", "exact_formula",
    "in_machine_code", "recurrent_pass",
]  # fmt: skip

ENOUGH = 1 << 18
"""Elements from which a row is done in machine code."""

ENOUGH_FOR_ROWS = 1 << 10
"""The same for softmax."""

ENOUGH_TO_ADD = 1 << 12
"""The same for rows that are added up at places: NumPy has to sort these first."""

WORTH_SHARING = 1 << 16
"""Elements from which several threads share what is done in machine code."""

ENOUGH_FOR_STEPS = 1 << 25
"""Multiplications from which a recurrent layer goes through its sequence in machine code."""

LITTLE = 1 << 12
"""Elements from which an exact formula is, if the compiler is loaded already."""

KINDS = {"f": "float", "d": "double"}


def in_machine_code(row, *arrays, out=None):
    """What the row makes of arrays of one shape, in ``out`` if that isn't None. None if machine code can't do it."""
    first, at = arrays[0], None
    kind = KINDS.get(first.dtype.char)
    if kind is None or not first.flags.forc or not first.dtype.isnative:
        return None
    for x in arrays[1:] if out is None else (*arrays[1:], out):
        if x.__class__ is not numpy.ndarray or x.shape != first.shape or x.strides != first.strides or x.dtype != first.dtype:
            return None
    if out is not None:
        at = next((i for i, x in enumerate(arrays) if x is out), None)
        if at is None and any([numpy.may_share_memory(out, x) for x in arrays]):
            return None
    found = formula_of(row, kind, len(arrays), at)
    if found is None:
        return None
    out = numpy.empty_like(first) if out is None else out
    found(*arrays, *(() if at is not None else (out,)), shared=first.size >= WORTH_SHARING)
    return out


@lru_cache(None)
def formula_of(row, kind, count, at):
    """The formula of one row; ``at``: which operand it is written over, None for a new array. None if there can be none."""
    keep_freed_memory()
    formulas = import_module("..native.formula", __package__)  # with all that it needs: most programs do without
    if not formulas.has_spelling(row, kind):
        return None
    operands = tuple([f"a{i}" for i in range(count)])
    arrays, place = (count + 1, count) if at is None else (count, at)
    return formulas.formula(kind, arrays, 0, ((row, operands),), ((place, "t0"),))


def along_rows(name, x):
    """softmax or log_softmax of x along its last dim; None if machine code can't do it, or it isn't worth it for once."""
    if x.dtype.char != "f" or not x.flags.c_contiguous or not x.dtype.isnative or ONCE.running:
        return None
    keep_freed_memory()
    found = import_module("..native.rowwise", __package__).rowwise(name)
    if found is None:
        return None
    out = numpy.empty_like(x)
    found(x, out, x.size >= WORTH_SHARING)
    return out


def added_in_machine_code(out, places, y):
    """Add each row of y to the row of ``out`` at its place, a number within ±len(out); False if machine code can't."""
    kind, columns = KINDS.get(out.dtype.char), y.size // len(y)
    if kind is None or y.dtype is not out.dtype or not out.flags.c_contiguous:
        return False
    keep_freed_memory()
    found = import_module("..native.scatter", __package__).row_adder(kind)
    if found is None:
        return False
    places = numpy.ascontiguousarray(numpy.where(places < 0, places + len(out), places), numpy.int64)
    found(places, numpy.ascontiguousarray(y).reshape(len(y), columns), out.reshape(len(out), columns))
    return True


def recurrent_pass(mode, back, arrays, weight, sizes, reverse):
    """Go through all steps of a recurrent layer, writing to the ``arrays``; False if machine code can't, or it doesn't pay.
    See native_recurrent.py."""
    if weight.size * sum(sizes) < ENOUGH_FOR_STEPS:
        return False
    return import_module(".native_recurrent", __package__).recurrent_pass(mode, back, arrays, weight, sizes, reverse)


def exact_formula(char, size, *formula):
    """Machine code for (arrays, numbers, steps, stores) of native/formula.py that gives NumPy's bits, as a function
    (*arrays, numbers); None if it wouldn't, or doesn't pay. So it may depend on whether anything else loaded the compiler.

    char: the arrays' dtype.char; size: their size.
    """
    if size < (LITTLE if "llvmlite.binding" in sys.modules else ENOUGH):
        return None
    keep_freed_memory()
    formulas = import_module("..native.formula", __package__)
    if char not in KINDS or not all([row in formulas.EXACT for row, _ in formula[2]]):
        return None
    found = formulas.formula(KINDS[char], *formula)
    return found and (lambda *arrays, numbers: found(*arrays, numbers=numbers, shared=size >= WORTH_SHARING))
