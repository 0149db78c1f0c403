"""What a row of the table is. The rows themselves are in ``primitives.py``."""

import math

__all__ = [
    "ARITHMETIC", "FLOATS", "NUMERIC", "ORDERED", "Primitive", "REAL_FLOATS", "TABLE", "analytic", "contraction", "draw",
    "elementwise", "indexing", "inverse", "laid_out", "movement", "of_reals", "ordered", "reads", "reduction", "walked",
]  # fmt: skip

TABLE: dict = {}
"""Every row by its name."""

ARITHMETIC = frozenset("?bBhilqfdFD")
NUMERIC = frozenset("bBhilqfdFD")
FLOATS = frozenset("fdFD")
ORDERED = frozenset("?bBhilqfd")
REAL_FLOATS = frozenset("fd")
"""What a row computes in (``ready``): anything, numbers, those with a fraction; and without the complex ones, which have no order."""


class Primitive:
    """One row.

    kind     elementwise, reduction, movement, contraction, decomposition, indexing, joining, creation or random; or one of two
             that are for speed alone, and run where nobody listens: sequence, whose vjps are elsewhere (tables/recurrent.py),
             and composite, several rows in one (autograd/composite.py), of which the compiler may hear
    forward  (xp, *arrays, *params) → array; with ``writes`` it takes ``out=`` and may write its result there
    vjps     (g, out, *inputs, *params) → the gradient of one input; None where there is none. ``each`` instead of them:
             one function for all inputs of a row that takes any number, (g, i, shapes, *params); or ``jointly``, one for all
             gradients at once, (g, out, *inputs, *params) → a list
    ready    type codes (NumPy's dtype.char) that it computes in; the engine casts others (None: takes any, mixes none)
    mixes    the inputs that are brought to one dtype (None: all of them)
    view     the result may share the input's memory
    wants    the inputs that can have a gradient, as a set of bits
    label    the name that PyTorch prints for the row's gradient, without "Backward0"
    listed   whether it stands in the table: all do but those that are made on the way (replay_piece.py)
    """

    __slots__ = (
        "asks_shapes", "each", "forward", "jointly", "kind", "label", "mixes", "name", "reads", "ready", "saves", "shapes_of",
        "tapes", "view", "vjps", "wants", "writes",
    )  # fmt: skip

    def __init__(
        self, name, kind, forward, vjps=(), *, each=None, jointly=None, ready=None, mixes=None, view=False, writes=False,
        label=None, listed=True,
    ):  # fmt: skip
        self.name, self.kind, self.forward, self.each, self.jointly = name, kind, forward, each, jointly
        self.vjps = tuple(vjps)
        self.ready, self.mixes, self.view, self.writes = ready, mixes, view, writes
        self.label = label or name.title().replace("_", "")
        self.reads = tuple(reads(vjp) for vjp in self.vjps)
        self.shapes_of = tuple(sorted({i for vjp in self.vjps for i in reads(vjp, "like_")}))
        self.saves, self.tapes, self.asks_shapes = {}, {}, kind != "elementwise"
        self.wants = -1 if each or jointly else sum(1 << i for i, vjp in enumerate(self.vjps) if vjp is not None)
        if listed:
            TABLE[name] = self

    def saved_for(self, wanted, count, inputs):
        """Positions among (out, *inputs), of ``count`` inputs, that the vjps of those in the bit set ``wanted`` read."""
        positions = self.saves.get((wanted, count))
        if positions is not None:
            return positions
        if self.each is not None:  # indices are read; of the others only the shapes
            positions = tuple(i for i, x in enumerate(inputs, 1) if not (x.is_floating_point() or x.is_complex()))
        else:
            needed = [reads(self.jointly)] if self.jointly else [self.reads[i] for i in range(len(self.vjps)) if wanted >> i & 1]
            positions = tuple(sorted({p for read in needed for p in read if p <= count}))  # beyond them come params
        self.saves[wanted, count] = positions
        return positions

    def __repr__(self):
        return f"<primitive {self.name}>"

    def __reduce__(self):
        return TABLE.__getitem__, (self.name,)


def reads(vjp, like=None):
    """Which of ``(out, *inputs)`` a vjp reads the value of, by position; or of which it asks the shape: see above.

    >>> from minitorch.table import reads
    >>> reads(lambda g, _out, x, like_y: g * x), reads(lambda g, _out, x, like_y: g * x, "like_")
    ((1,), (2,))
    """
    if vjp is None:
        return ()
    code = vjp.__code__
    names = code.co_varnames[1 : code.co_argcount]  # g is always there
    if like is not None:
        return tuple(i for i, name in enumerate(names) if name.startswith(like))
    return tuple(i for i, name in enumerate(names) if not name.startswith(("_", "like_")))


def elementwise(name, forward, *vjps, ready=ARITHMETIC, mixes=None, label=None):
    return Primitive(name, "elementwise", forward, vjps, ready=ready, mixes=mixes, writes=True, label=label)


def analytic(name, forward, *vjps, label=None):
    """An elementwise row over the reals and the complex numbers: integers are made floating point first."""
    return elementwise(name, forward, *vjps, ready=FLOATS, label=label)


def of_reals(name, forward, *vjps, label=None):
    """An elementwise row over the reals alone."""
    return elementwise(name, forward, *vjps, ready=REAL_FLOATS, label=label)


def ordered(name, forward, *vjps, label=None):
    """An elementwise row that needs an order of its numbers: of all but the complex."""
    return elementwise(name, forward, *vjps, ready=ORDERED, label=label)


def reduction(name, forward, *vjps, ready=None, label=None):
    """Over the dims in the tuple ``dims``; ``keepdim`` leaves them at size 1."""
    return Primitive(name, "reduction", forward, vjps, ready=ready, label=label)


def movement(name, forward, *vjps, view=False, label=None):
    return Primitive(name, "movement", forward, vjps, view=view, label=label)


def indexing(name, forward, *vjps, ready=None, writes=False, mixes=None, label=None):
    return Primitive(name, "indexing", forward, vjps, ready=ready, writes=writes, mixes=mixes, label=label)


def contraction(name, forward, *vjps, label=None):
    return Primitive(name, "contraction", forward, vjps, ready=NUMERIC, label=label)


def draw(name, values):
    """A row of draws: ``values(stream, n, dtype, *params)`` are n numbers, laid out in a fresh array.

    forward(xp, stream, shape, order, dtype, *params): by rising address the memory holds the numbers as they were drawn.
    ``order`` is the dims from the outermost in memory to the innermost, None if that is how they come. A GPU's stream writes
    them where they are to be, if nothing else lies between.
    """

    def forward(xp, stream, shape, order, dtype, *params, out=None):
        n, kind = math.prod(shape), xp.array_dtype(dtype)
        if out is not None and not xp.SYNCHRONOUS:
            ordered = out if order is None else out.transpose(order)
            if ordered.flags.c_contiguous:
                values(stream.into(ordered.reshape(-1)), n, kind, *params)
                return out
        return laid_out(values(stream, n, kind, *params), shape, order)

    return Primitive(name, "random", forward, writes=True)


def laid_out(values, shape, order):
    """Flat ``values`` as an array of that shape, its dims in memory in that ``order``."""
    if order is None:
        return values.reshape(shape)
    return values.reshape([shape[d] for d in order]).transpose(inverse(order))


def walked(x, order):
    """The elements of ``x`` as a flat array, its dims taken in that ``order``."""
    return x.reshape(-1) if order is None else x.transpose(order).reshape(-1)


def inverse(dims):
    """The permutation that undoes ``dims``."""
    return tuple(dims.index(d) for d in range(len(dims)))
