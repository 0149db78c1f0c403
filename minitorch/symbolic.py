"""A number that a function was given while its run is written down (compiler/trace.py), where the next call may give another.

    step(x, y, lr)            lr is a Given, "n0"
    scale = 1 - 0.9 * lr      so is this, "(1 - (0.9 * n0))": each call works it out again, as Python does
    w.sub_(scale * g)         a row meets it: what was written down has one more input
    if scale > 0.5: …         a question, "((1 - (0.9 * n0)) > 0.5)": the program is right while its answer is the same
    print(scale)              so is a look: "is it this very number?"

torch: torch/fx/experimental/symbolic_shapes.py, torch.SymFloat
"""

from .modes import MODE

__all__ = ["Given", "Questions", "Reading", "bare", "hold"]

LONGEST = 1000
"""Characters of a text; what would be longer is looked at, and begins anew as a plain number."""


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
        made = Given(number)
        made.text, made.questions = text, self
        return made if len(text) < LONGEST else made.look()


def bare(things):
    """``things``, with the plain number for each Given, for who computes with them. There are none while nobody listens."""
    return [plain(x) for x in things] if MODE.listeners else things


def plain(x):
    return x.plain() if x.__class__ is Given else x


def hold(node):
    """A Node was left that may keep a Given for backward: the end of the run must know of it."""
    for x in (*node.saved, *node.params):
        if x.__class__ is Given:
            x.questions.nodes.append(node)
            return


class Reading:
    """Where an input of a program comes from that is worked out of numbers that are given: ``text`` says how."""

    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text


def said(x):
    """A number, or a Given, as it stands in a text."""
    return x.text if x.__class__ is Given else f"({x!r})"


def combined(name, symbol, turned=False):
    """A method of float's that makes another Given; ``turned`` if this one is the second operand."""
    plain = getattr(float, name)

    def combine(self, other):
        result = plain(self, other)
        if self.questions.ended or (result is NotImplemented and hasattr(other, "_array")):
            return result
        if result.__class__ is not float or other.__class__ not in (int, float, Given):
            self.look()
            return result
        first, last = (other, self) if turned else (self, other)
        return self.questions.given(result, f"({said(first)} {symbol} {said(last)})")

    return combine


def alone(name, form):
    """A method of float's that makes another Given of this one."""
    plain = getattr(float, name)

    def make(self):
        result = plain(self)
        return result if self.questions.ended else self.questions.given(result, form.format(self.text))

    return make


def asked(name, form):
    """A method of float's whose answer is a question: ``form`` has places for this one and the other."""
    plain = getattr(float, name)

    def ask(self, *others):
        result = plain(self, *others)
        if result is NotImplemented or self.questions.ended:
            return result
        if all([x.__class__ in (int, float, Given) for x in others]):
            self.questions.asked[form.format(self.text, *map(said, others))] = result
        else:
            self.look()
        return result

    return ask


def seen(name):
    """A method of float's that looks at the number."""
    plain = getattr(float, name)

    def look(self, *others):
        return plain(self.look(), *others)

    return look


class Given(float):
    """A float that is worked out as ``text`` says, of n0, n1 …   questions: those of its run."""

    __slots__ = ("questions", "text")

    def look(self):
        """The plain number. It must be the very same whenever what was written down is used."""
        number = float.__float__(self)
        if not self.questions.ended:
            self.questions.asked[self.text] = number
        return number

    def plain(self):
        """The plain number, for who computes with it in this run."""
        return float.__float__(self)

    @property
    def stands(self):
        """Whether it still stands for others."""
        return not self.questions.ended

    def conjugate(self):
        return self

    @property
    def real(self):
        return self

    def __reduce_ex__(self, protocol):
        return float, (self.look(),)

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
    __bool__, __int__ = asked("__bool__", "bool({})"), asked("__int__", "int({})")
    __divmod__, __rdivmod__, __hash__ = seen("__divmod__"), seen("__rdivmod__"), seen("__hash__")
    __float__, __trunc__, __round__ = seen("__float__"), seen("__trunc__"), seen("__round__")
    __floor__, __ceil__ = seen("__floor__"), seen("__ceil__")
    __format__, __repr__, __str__ = seen("__format__"), seen("__repr__"), seen("__str__")
    as_integer_ratio, hex, is_integer = seen("as_integer_ratio"), seen("hex"), seen("is_integer")
    imag = property(lambda self: 0.0)
