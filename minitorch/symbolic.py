"""A number that a function was given while its run is written down (compiler/trace.py), where the next call may give another.

    step(x, y, lr)            lr is a Given, "n0"; so is an integer, a GivenInt
    scale = 1 - 0.9 * lr      so is this, "(1 - (0.9 * n0))": each call works it out again, as Python does
    w.sub_(scale * g)         a row meets it: what was written down has one more input
    if scale > 0.5: …         a question, "((1 - (0.9 * n0)) > 0.5)": the program is right while its answer is the same
    print(scale)              so is a look: "is it this very number?"

torch: torch/fx/experimental/symbolic_shapes.py, torch.SymFloat
"""

import math
import operator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter_ns

from .backends import for_device
from .device import CPU
from .modes import MODE
from .size import Size

__all__ = ["Given", "GivenInt", "Questions", "Reading", "bare", "begun", "hold", "is_given", "mathematics", "opened"]

LONGEST = 1000
"""Characters of a text; what would be longer is looked at, and begins anew as a plain number."""

EXACT = 1 << 53
"""Below this each integer is a float."""


class Questions:
    """What was asked of the numbers of one run: {text: the answer}. When it has ended, they are numbers as others.

    nodes: those that keep one for backward.
    """

    def __init__(self):
        self.asked, self.nodes, self.ended = {}, [], False

    def end(self):
        """The run has ended. What it leaves to go backward through keeps plain numbers from now on."""
        self.ended = True
        for node in self.nodes:
            node.params = tuple(map(plain, node.params))
            node.saved = None if node.saved is None else list(map(plain, node.saved))
        self.nodes.clear()

    def given(self, number, text):
        """The Given that stands for a number of this run; for a text that is too long the number itself, which is looked at."""
        made = (GivenInt if number.__class__ is int else Given)(number)
        made.text, made.questions, MADE[0] = text, self, True
        return made if len(text) < LONGEST else made.look()


MADE = [False]
"""Whether there ever was a Given in this process: most programs have none, and needn't look for any."""


def bare(things):
    """``things``, with the plain number for each Given, for who computes with them. There are none while nobody listens.

    What stands within tuples, lists and slices decides a shape or a place: it is looked at.
    """
    return [plain(x) for x in things] if MADE[0] and MODE.listeners else things


def begun(row, params):
    """The params of a row that begins, for those who listen, and for who computes with them. The moment is noted."""
    MODE.begun = perf_counter_ns()
    if not MADE[0]:
        return tuple(params), params
    return opened(row, params), bare(params)


def opened(row, params):
    """The params of a row in which Givens are left that it computes with; of others the numbers are looked at."""
    computes = row.kind in ("elementwise", "creation")
    return tuple([x if is_given(x) and computes else looked_at(x) for x in params])


def plain(x):
    kind = type(x)
    if kind is Given or kind is GivenInt:
        return x.plain()
    if kind is tuple or kind is list or kind is Size:
        return kind([looked_at(v) for v in x]) if any(map(holds, x)) else x
    return slice(*map(looked_at, (x.start, x.stop, x.step))) if kind is slice and holds(x) else x


def looked_at(x):
    """The plain number for a Given: the program is right for that one alone."""
    return x.look() if is_given(x) else plain(x)


def holds(x):
    """Whether something is a Given, or has one in it."""
    if type(x) is slice:
        x = x.start, x.stop, x.step
    return is_given(x) or (isinstance(x, (tuple, list)) and any(map(holds, x)))


def is_given(x):
    """Whether something is a number that stands for others. Its ``__class__`` may say int."""
    return type(x) is Given or type(x) is GivenInt


def hold(node):
    """A Node was left that may keep a Given for backward: the end of the run must know of it."""
    for x in (*node.saved, *node.params):
        if is_given(x):
            x.questions.nodes.append(node)
            return


class Reading:
    """Where an input of a program comes from that is worked out of numbers that are given: ``text`` says how."""

    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text


def said(x):
    """A number, or a Given, as it stands in a text."""
    return x.text if is_given(x) else f"({x!r})"


def is_number(x):
    return type(x) in (int, float, Given, GivenInt)


def combined(name, symbol, turned=False):
    """A method of a number's that makes another Given; ``turned`` if this one is the second operand."""
    function = getattr(operator, name.replace("__r", "__") if turned else name)

    def combine(self, other):
        if self.questions.ended or not is_number(other):
            if hasattr(other, "leave") and not self.questions.ended:
                return NotImplemented  # what ``item`` gave: it knows how, where it can be written down
            if not hasattr(other, "_array"):
                self.look()
            return getattr(self.kind, name)(self.plain(), other.plain() if is_given(other) else other)
        first, last = (other, self) if turned else (self, other)
        return self.questions.given(function(plain(first), plain(last)), f"({said(first)} {symbol} {said(last)})")

    return combine


def alone(name, form):
    """A method of a number's that makes another Given of this one."""

    def make(self):
        result = getattr(self.kind, name)(self.plain())
        return result if self.questions.ended else self.questions.given(result, form.format(self.text))

    return make


def asked(name, form):
    """A method of a number's whose answer is a question: ``form`` has places for this one and the other."""

    def ask(self, *others):
        function = getattr(self.kind, name) if not others else getattr(operator, name)
        if not all(map(is_number, others)):
            return getattr(self.kind, name)(self.plain(), *others)
        result = function(self.plain(), *map(plain, others))
        if not self.questions.ended:
            self.questions.asked[form.format(self.text, *map(said, others))] = result
        return result

    return ask


def seen(name):
    """A method of a number's that looks at it."""

    def look(self, *others):
        return getattr(self.kind, name)(self.look(), *others)

    return look


class Symbolic:
    """What numbers have in common that are worked out as ``text`` says, of n0, n1 …   questions: those of their run.

    kind: what they are numbers of.
    """

    __slots__ = ()
    kind: type

    def look(self):
        """The plain number. It must be the very same whenever what was written down is used."""
        number = self.plain()
        if not self.questions.ended:
            self.questions.asked[self.text] = number
        return number

    @property
    def stands(self):
        """Whether it still stands for others."""
        return not self.questions.ended

    def conjugate(self):
        return self

    @property
    def real(self):
        return self

    @property
    def imag(self):
        return self.kind(0)

    def __reduce_ex__(self, protocol):
        return self.kind, (self.look(),)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return getattr(ufunc, method)(*map(plain, inputs), **options)  # a row computes with it, and says so itself

    __add__, __radd__ = combined("__add__", "+"), combined("__radd__", "+", True)
    __sub__, __rsub__ = combined("__sub__", "-"), combined("__rsub__", "-", True)
    __mul__, __rmul__ = combined("__mul__", "*"), combined("__rmul__", "*", True)
    __truediv__, __rtruediv__ = combined("__truediv__", "/"), combined("__rtruediv__", "/", True)
    __pow__, __rpow__ = combined("__pow__", "**"), combined("__rpow__", "**", True)
    __mod__, __rmod__ = combined("__mod__", "%"), combined("__rmod__", "%", True)
    __floordiv__, __rfloordiv__ = combined("__floordiv__", "//"), combined("__rfloordiv__", "//", True)
    __neg__, __pos__, __abs__ = alone("__neg__", "(-{})"), alone("__pos__", "(+{})"), alone("__abs__", "abs({})")
    __lt__, __le__ = asked("__lt__", "({} < {})"), asked("__le__", "({} <= {})")
    __gt__, __ge__ = asked("__gt__", "({} > {})"), asked("__ge__", "({} >= {})")
    __eq__, __ne__ = asked("__eq__", "({} == {})"), asked("__ne__", "({} != {})")
    __bool__ = asked("__bool__", "bool({})")
    __divmod__, __rdivmod__, __hash__ = seen("__divmod__"), seen("__rdivmod__"), seen("__hash__")
    __float__, __trunc__, __round__ = seen("__float__"), seen("__trunc__"), seen("__round__")
    __floor__, __ceil__ = seen("__floor__"), seen("__ceil__")
    __format__, __repr__, __str__ = seen("__format__"), seen("__repr__"), seen("__str__")


class Given(Symbolic, float):
    """A float that is worked out as ``text`` says. C code takes its number without a word."""

    __slots__ = ("questions", "text")
    kind = float

    def plain(self):
        """The plain number, for who computes with it in this run."""
        return float.__float__(self)

    __int__ = asked("__int__", "int({})")
    as_integer_ratio, hex, is_integer = seen("as_integer_ratio"), seen("hex"), seen("is_integer")


class GivenInt(Symbolic):
    """An integer that is worked out as ``text`` says. It says that it is an int, and isn't: C code, which takes the number of one
    without a word, has to ask it for its number.
    """

    __slots__ = ("number", "questions", "text")
    __class__ = property(lambda self: int)
    kind = int

    def __init__(self, number):
        self.number = number

    def plain(self):
        return self.number

    def as_float(self):
        """The same number as a float, for rows that compute in floats."""
        return self.questions.given(float(self.number), f"float({self.text})") if abs(self.number) < EXACT else self.look()

    def __getattr__(self, name):
        return getattr(self.look() if hasattr(int, name) else 0, name)

    def __array__(self, dtype=None, copy=None):
        made = for_device(CPU).asarray(self.look())
        return made if dtype is None else made.astype(dtype)

    __index__, __int__, __invert__ = seen("__index__"), seen("__int__"), alone("__invert__", "(~{})")
    __and__, __rand__ = combined("__and__", "&"), combined("__rand__", "&", True)
    __or__, __ror__ = combined("__or__", "|"), combined("__ror__", "|", True)
    __xor__, __rxor__ = combined("__xor__", "^"), combined("__rxor__", "^", True)
    __lshift__, __rlshift__ = combined("__lshift__", "<<"), combined("__rlshift__", "<<", True)
    __rshift__, __rrshift__ = combined("__rshift__", ">>"), combined("__rrshift__", ">>", True)


# ------------------------------------------------------------------------------------------------------------ mathematics

FUNCTIONS = {
    name: getattr(math, name)
    for name in ("acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "degrees", "erf", "exp", "expm1", "fabs", "floor", "hypot",
                 "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "pow", "radians", "sin", "sinh", "sqrt", "tan", "tanh")
}  # fmt: skip
"""Functions of numbers that Python can work out again."""

RUNS = [0]
"""How many runs have theirs in place of those of ``math``."""


def of_givens(name, function):
    """A function of ``math``'s that gives another Given for Givens, or asks something of them."""

    def work_out(*numbers):
        given = next((x for x in numbers if is_given(x) and x.stands), None)
        if given is None or not all(map(is_number, numbers)):
            for x in numbers:
                if hasattr(x, "leave"):  # what ``item`` gave: C's function would look at it
                    x.leave()
            return function(*numbers)
        result, text = function(*map(plain, numbers)), f"math.{name}({', '.join(map(said, numbers))})"
        if result.__class__ is bool:
            given.questions.asked[text] = result
            return result
        return given.questions.given(result, text)

    return work_out


@contextmanager
def mathematics():
    """A block in which ``math.cos(lr)`` of a Given is another one, as torch.fx has it too.

    Who has the function by a name of its own calls C's, which takes the number without a word.
    """
    with LOCK:
        RUNS[0] += 1
        vars(math).update(SYMBOLIC)
    try:
        yield
    finally:
        with LOCK:
            RUNS[0] -= 1
            if not RUNS[0]:
                vars(math).update(FUNCTIONS)


SYMBOLIC = {name: of_givens(name, function) for name, function in FUNCTIONS.items()}
LOCK = Lock()
