"""What ``item()`` gives while a run is written down: a float that knows which Value it is, and notices who looks at it.

    return loss.item()                      the program's result is read after it ran
    total += loss.item(); … return total    so is a sum: arithmetic with such numbers is written down, in float64
    if loss.item() > best: …                Python decides by it: no program is right for the next call

Python's operators come by the methods of the class. What C code does with a float doesn't: so from the first such number on
the tracer is told of each builtin function that the user's code calls, and any but a few count as a look.

torch: torch/_dynamo/config.py (capture_scalar_outputs), torch.SymFloat
"""

import os
import sys
import time
from pathlib import Path

from .. import primitives as rows
from ..backends import for_device
from ..device import CPU
from ..dtypes import float64
from ..symbolic import is_given
from .symbolic_operands import read

__all__ = ["Calls", "Number", "is_tool", "number_of", "without_numbers"]


def seen(name):
    """A method of float's that looks at the number."""
    plain = getattr(float, name)

    def look(self, *others):
        self.leave()
        return plain(self, *others)

    return look


def combined(name, row, turned=False):
    """A method of float's that makes another such number; ``turned`` if this one is the second operand."""
    plain = getattr(float, name)

    def combine(self, other):
        given = is_given(other)
        result = plain(self, other.plain() if given else other)
        if result is NotImplemented or self.tracer is None:
            return result
        known = given or other.__class__ in (int, float) or (other.__class__ is Number and other.tracer is self.tracer)
        divides = row is rows.div and (turned or other.__class__ is Number or (given and not other))  # Python raises for division by 0
        if not known or divides:
            return seen(name)(self, other.look() if given else other)
        y = other.value if other.__class__ is Number else read(self.tracer, other) if given else float(other)
        value = self.tracer.add(row, (y, self.value) if turned else (self.value, y), (), (), float64)
        return number_of(self.tracer, value, result)

    return combine


class Number(float):
    """A float that ``value`` holds in each run.   tracer: who writes down what becomes of it; None when the run is over."""

    __slots__ = ("tracer", "value")

    def leave(self):
        """Somebody looks at it."""
        if self.tracer is not None:
            self.tracer.look([self.value])

    def __reduce__(self):
        self.leave()
        return float, (float.__float__(self),)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        self.leave()
        return getattr(ufunc, method)(*[float.__float__(x) if x.__class__ is Number else x for x in inputs], **options)

    __add__, __radd__ = combined("__add__", rows.add), combined("__radd__", rows.add, True)
    __sub__, __rsub__ = combined("__sub__", rows.sub), combined("__rsub__", rows.sub, True)
    __mul__, __rmul__ = combined("__mul__", rows.mul), combined("__rmul__", rows.mul, True)
    __truediv__, __rtruediv__ = combined("__truediv__", rows.div), combined("__rtruediv__", rows.div, True)
    __pow__, __rpow__ = seen("__pow__"), seen("__rpow__")
    __mod__, __rmod__ = seen("__mod__"), seen("__rmod__")
    __divmod__, __rdivmod__ = seen("__divmod__"), seen("__rdivmod__")
    __floordiv__, __rfloordiv__ = seen("__floordiv__"), seen("__rfloordiv__")
    __eq__, __ne__, __hash__ = seen("__eq__"), seen("__ne__"), seen("__hash__")
    __lt__, __le__, __gt__, __ge__ = seen("__lt__"), seen("__le__"), seen("__gt__"), seen("__ge__")
    __neg__, __pos__, __abs__, __bool__ = seen("__neg__"), seen("__pos__"), seen("__abs__"), seen("__bool__")
    __int__, __float__, __trunc__, __round__ = seen("__int__"), seen("__float__"), seen("__trunc__"), seen("__round__")
    __floor__, __ceil__ = seen("__floor__"), seen("__ceil__")
    __format__, __repr__, __str__ = seen("__format__"), seen("__repr__"), seen("__str__")


def number_of(tracer, value, number):
    """The Number that a Value is in this run."""
    made = Number(number)
    made.tracer, made.value = tracer, value
    tracer.numbers.append(made)
    return made


def without_numbers(things):
    """``things``, with the plain number for each Number."""
    return tuple([float.__float__(x) if x.__class__ is Number else x for x in things])


# ------------------------------------------------------------------------------------------------------- what C code sees

PYTHON = str(Path(os.__file__).parent)
ARRAYS = str(Path(str(sys.modules[for_device(CPU).ndarray.__module__].__file__)).parent) + os.sep
HARMLESS = frozenset([len, isinstance, issubclass, getattr, hasattr, setattr, id, iter, next, callable, sum, super])
CONTAINERS = (list, dict, set, tuple)


class Calls:
    """Tells a tracer of builtin functions that the user's code calls: from ``count`` on of those that may look at a float.

    package: where our files lie. What they call, by way of Python's library or others, from ``machinery`` on is our business.
    takes: (frame, function) → why no replay would do what that function does there, or None; then it is asked from ``begin`` on.
    """

    def __init__(self, tracer, package, takes=None):
        self.tracer, self.package, self.takes, self.watching, self.numbers = tracer, package, takes, False, False
        self.machinery = tuple([str(Path(package) / part) for part in ("backends", "native")])

    def begin(self):
        """The run begins."""
        if self.takes is not None and not self.watch():
            self.tracer.interrupt("a profiler is there, and so nobody sees whether it asks for the time")

    def count(self):
        """Whether it can tell who looks at a float, from here on."""
        self.numbers = self.numbers or self.watch()
        return self.numbers

    def watch(self):
        """Whether it is told: there is one place for who wants to be, and a profiler may have it."""
        if not self.watching and sys.getprofile() is None:
            self.watching = True
            sys.setprofile(self.called)
        return self.watching

    def end(self):
        """Watch nothing any more, and let go of the tracer, which holds this: what it knows is a megabyte."""
        if self.watching:
            sys.setprofile(None)
        self.watching, self.tracer = False, None

    def called(self, frame, event, function):
        if event != "c_call" or not self.watching or frame.f_globals.get("__name__", "").startswith("llvmlite"):
            return  # what LLVM made ends whenever nobody holds it any more
        why = None if self.takes is None else self.takes(frame, function)
        if why is not None:
            self.tracer.interrupt(why)
        owner = getattr(function, "__self__", None)
        if not self.numbers or function in HARMLESS or isinstance(owner, CONTAINERS) or owner is time:
            return
        tools = True
        while frame is not None and not (file := frame.f_code.co_filename).startswith(self.package):
            tools, frame = tools and is_tool(file), frame.f_back
        if frame is None or not (tools or file.startswith(self.machinery)):
            self.tracer.look([number.value for number in self.tracer.numbers])


def is_tool(file):
    """Whether a file is Python's own, or NumPy's: what happens there is the business of whoever called it."""
    if file.startswith(("<frozen", "<string", "<__array_function__", ARRAYS)):
        return True
    return file.startswith(PYTHON) and "site-packages" not in file
