"""Functions of several rows that run as one kernel where their tensors are large.

    gelu = composite(lambda x: x * 0.5 * ((x * math.sqrt(0.5)).erf() + 1), "gelu")

The mathematics is said once, in Tensors. Small tensors run it as it is, row by row. For large ones it is run on a few sample
numbers while a listener writes down what passes the gate, forward and back; that is a formula, and the backend makes a
kernel of it (native/rowformula.py), one forward and one for each gradient. There is no second set of formulas.

Which of the two ways is taken depends on shapes alone. Where somebody listens at the gate, or gradients are to be
differentiated again, it is the mathematics itself. Only who records for the compiler hears of the kernel, and asks
``formula_of`` what it stands for; the numbers of such a run are computed strip by strip (strips.py), so that it takes no
more memory than any other.

torch: torch/csrc/jit/codegen/fuser did this; ATen/native has such kernels by hand
"""

import math

from .. import primitives as rows
from ..backends import ARRAY_TYPES
from ..backends.once import ONCE
from ..creation import arange
from ..modes import MODE, all_compile
from ..replay_forward import replayed
from ..table import Primitive
from ..tape import Listening
from .reverse import grad
from .strips import in_strips

__all__ = ["composite", "formula_of"]

PASSED_ON = frozenset(["alias", "contiguous", "copy", "detach", "expand", "permute", "reshape"])
"""Rows that only say how an array is seen."""
REDUCTIONS = frozenset(["sum", "mean", "amax"])


class Unspoken(Exception):
    """A step that no formula has."""


class Grid:
    """How a function goes along its first tensor, and what the others are: vectors, or of its shape.

    sizes: two shapes to try it with, so that what depends on the shape shows; sums: the dims of these that it sums over.
    summed: the dims of any other shape that it sums over.
    """

    def __init__(self, sizes, sums, vector, of, summed):
        self.sizes, self.sums, self.vector, self.of, self.summed = sizes, sums, vector, of, summed

    def vector_shape(self, shape):
        return shape if self.vector is None else (shape[self.vector],)


GRIDS = {
    None: Grid(((7,),), (), None, lambda shape: None, lambda shape: ()),
    "rows": Grid(
        ((3, 5), (3, 7)), (1,), -1, lambda shape: (1, math.prod(shape[:-1]), shape[-1]), lambda shape: (len(shape) - 1,)
    ),
    "channels": Grid(
        ((2, 3, 5), (2, 3, 7)), (0, 2), 1, lambda shape: (shape[0], shape[1], math.prod(shape[2:])),
        lambda shape: (0, *range(2, len(shape))),
    ),
}
"""By "along". of: (parts, rows, columns) of a shape, for native/rowformula.py: with "channels" a row is a channel's numbers."""


COMPOSITES: dict = {}
"""Row → (its Composite, which of the kernels of that it is)."""


class Composite:
    """A function of ``count`` tensors and then of numbers, which may be one kernel."""

    def __init__(self, function, name, count, along, label):
        self.function, self.count, self.grid = function, count, GRIDS[along]
        self.replayed = replayed(function, label or name.title().replace("_", ""))
        self.formulas, self.compiled, self.kernels = {}, {}, {}
        self.slopes = [
            Primitive(f"{name}_slope_{i}", "composite", lambda xp, *args, i=i: self.run(xp, i, args)) for i in range(count)
        ]
        self.row = Primitive(name, "composite", self.forward, [self.vjp(i) for i in range(count)], label=label)
        COMPOSITES.update({row: (self, which) for which, row in ((None, self.row), *enumerate(self.slopes))})

    def vjp(self, i):
        """The vjp of input ``i``, which reads all inputs: its arguments tell so."""
        if self.count == 1:
            return lambda g, _out, x, *params: self.gradient(i, g, (x,), params)
        if self.count == 2:
            return lambda g, _out, x, y, *params: self.gradient(i, g, (x, y), params)
        return lambda g, _out, x, y, z, *params: self.gradient(i, g, (x, y, z), params)

    def __call__(self, *args):
        """What the function gives."""
        if not self.takes(*args):
            return self.replayed(*args)
        return args[0]._apply(self.row, args[: self.count], args[self.count :])

    def takes(self, *args):
        """Whether these arguments get the kernel."""
        if (MODE.listeners and not all_compile()) or not self.fits(args[: self.count]):
            return False
        xp, params = ARRAY_TYPES[args[0]._array.__class__], args[self.count :]
        return self.formulas_for(params) is not None and (MODE.listeners or self.compiles(xp, params))

    def fits(self, inputs):
        """Whether the tensors are large, of a dtype that there are kernels for, and contiguous, and have the shapes that are meant."""
        first, grid = inputs[0]._array, self.grid
        xp = ARRAY_TYPES[first.__class__]
        least, chars = (xp.ENOUGH_TO_RECORD, "f") if MODE.listeners else (xp.ENOUGH_FOR_COMPOSITES, xp.COMPOSED)
        if first.size < least or first.dtype.char not in chars:
            return False
        if first.ndim < len(grid.sizes[0]) - 1 or (grid.sums and grid.of(first.shape)[2] < xp.NARROWEST):
            return False
        shape = grid.vector_shape(first.shape)
        for x in inputs:
            array = x._array
            if array.__class__ is not first.__class__ or array.dtype is not first.dtype or not array.flags.c_contiguous:
                return False
            if x is not inputs[0] and array.shape != shape:
                return False
        return True

    # ------------------------------------------------------------------------------------------------------- its kernels

    def forward(self, xp, *args):
        return self.run(xp, None, args)

    def run(self, xp, which, args):
        """The kernel ``which`` on arrays: None forward, or the gradient of that input, where the first array is g."""
        count = self.count + (which is not None)
        arrays, params = args[:count], args[count:]
        shape, key = args[count - self.count].shape, (xp, arrays[0].dtype.char, which, params)
        grid = self.grid.of(shape)
        if ONCE.running and not self.compiled.get((xp, params)):
            return in_strips(xp, self.formulas_for(params)[which], arrays, shape, grid)
        kernel = self.kernels.get(key)
        if kernel is None:
            kernel = self.kernels[key] = xp.composite_kernel(key[1], *self.formulas_for(params)[which])
        return kernel(*arrays, grid=grid)

    def gradient(self, i, g, inputs, params):
        """The gradient of input ``i``; one that can be differentiated again if gradients are recorded."""
        if not MODE.grad:
            return g._apply(self.slopes[i], (g, *inputs), params)
        inputs = [x.view(x.shape) for x in inputs]  # so that each is an input of its own, whatever was passed twice
        return grad(self.function(*inputs, *params), inputs[i], g, create_graph=True)[0]

    def formulas_for(self, params):
        """The formulas by ``which``; None if there is one missing."""
        if params not in self.formulas:
            mode = MODE
            before = mode.grad, mode.inference, mode.autocast, mode.listeners, mode.readers
            mode.inference, mode.autocast, mode.listeners, mode.readers = False, None, (), ()
            try:
                self.formulas[params] = {which: self.formula(which, params) for which in (None, *range(self.count))}
            except Unspoken:
                self.formulas[params] = None
            finally:
                mode.grad, mode.inference, mode.autocast, mode.listeners, mode.readers = before
        return self.formulas[params]

    def compiles(self, xp, params):
        """Whether there are kernels for its formulas."""
        if (xp, params) not in self.compiled:
            self.compiled[xp, params] = all([xp.composite_kernel("f", *formula) for formula in self.formulas_for(params).values()])
        return self.compiled[xp, params]

    def formula(self, which, params):
        """(arrays, steps, result, what that is), written down from a run on sample numbers."""
        found = [self.written_down(which, params, shape) for shape in self.grid.sizes]
        if len(found) == 1:
            return found[0]
        lengths = [math.prod([shape[d] for d in self.grid.sums]) for shape in self.grid.sizes]
        kinds, steps, *rest = found[0]
        if [len(steps), *rest] != [len(found[1][1]), *found[1][2:]]:
            raise Unspoken("what it does depends on the shape")
        return kinds, tuple([same_step(a, b, lengths) for a, b in zip(steps, found[1][1], strict=True)]), *rest

    def written_down(self, which, params, shape):
        """The same for one shape."""
        shapes = [shape] + [self.grid.vector_shape(shape)] * (self.count - 1)
        samples = [sample(s, k) for k, s in enumerate(shapes)]
        MODE.grad = which is not None
        if which is None:
            with Listening() as steps:
                result = self.function(*samples, *params)
        else:
            g = sample(tuple(self.function(*samples, *params).shape), self.count)
            samples[which].requires_grad = True
            with Listening() as steps:
                (result,) = grad(self.function(*samples, *params), samples[which], g)
            samples, shapes = [g, *samples], [tuple(g.shape), *shapes]
        vector = "row" if self.grid.vector == -1 else "column"
        kinds = tuple(["matrix" if s == shape else vector for s in shapes])
        return (kinds, *as_formula(steps, samples, result, shape, self.grid))


def sample(shape, k):
    """Numbers without a pattern, from no generator."""
    return (arange(math.prod(shape)).float() * 0.7 + k).sin().reshape(shape)


def same_step(step, other, lengths):
    """A step that was written down for two lengths of what is summed over: 1 / the length is known by its name."""
    (row, operands), (name, others) = step, other
    if row != name:
        raise Unspoken("what it does depends on the shape")
    named = []
    for a, b in zip(operands, others, strict=True):
        if a != b and not all([x.__class__ is float and math.isclose(x * n, 1) for x, n in zip((a, b), lengths)]):
            raise Unspoken(f"{a} or {b}")
        named.append(a if a == b else "inverse")
    return row, tuple(named)


class Transcript:
    """Steps as native/rowformula.py has them, of what passed the gate. Unspoken if there is more to it."""

    def __init__(self, inputs, shape, grid):
        # a saved value comes back as another tensor, but on the same array
        self.names = {id(x._array): f"a{k}" for k, x in enumerate(inputs)}
        self.shape, self.grid, self.totals, self.lines = shape, grid, set(), []

    def line(self, row, *operands):
        self.lines.append((row, operands))
        return f"t{len(self.lines) - 1}"

    def step(self, row, given, params, out, _):
        arrays = [id(x._array) if hasattr(x, "_array") else None for x in given]
        made = id(out._array)
        if row.name in PASSED_ON:
            if row.name in ("permute", "reshape") and plain(given[0].shape) != plain(out.shape):
                raise Unspoken(row.name)
            self.names[made] = self.names[arrays[0]]
            self.totals |= {made} if arrays[0] in self.totals else set()
        elif self.totals.intersection(arrays):
            raise Unspoken(row.name)
        elif row.name == "full":
            self.names[made] = params[1]
        elif row.name in REDUCTIONS:
            self.names[made] = self.reduction(row.name, given[0], params[0], made)
        elif row.kind == "elementwise" and row.name != "cast":
            operands = [self.names[a] if a is not None else x for a, x in zip(arrays, given)]
            if row.name == "pow" and operands[1] == 3:  # as the backends compute it
                row, operands = rows.mul, [self.line("square", operands[0]), operands[0]]
            if row is rows.clamp:
                self.names[made] = self.within(*operands, *params)
            else:
                self.names[made] = self.line(row.name, *operands, *params)
        else:
            raise Unspoken(row.name)

    def within(self, x, low, high):
        """x between two numbers, or on one side of one."""
        x = x if low is None else self.line("maximum", x, low)
        return x if high is None else self.line("minimum", x, high)

    def reduction(self, name, x, dims, made):
        """Along the grid's dims it is a number for each row; across them it can only be the result."""
        dims, across = tuple([d % x.ndim for d in dims]), tuple([d for d in range(len(self.shape)) if d not in self.grid.sums])
        if tuple(x.shape) != self.shape or not self.grid.sums or not (dims == self.grid.sums or (dims == across == (0,) and name == "sum")):
            raise Unspoken(name)
        if dims == self.grid.sums:
            return self.line(name, self.names[id(x._array)])
        self.totals.add(made)
        return self.names[id(x._array)]

    def of(self, result):
        """(steps, the result, what it is)"""
        last = id(result._array)
        if last in self.totals:
            return tuple(self.lines), self.names[last], "total"
        if tuple(result.shape) == self.shape:
            return tuple(self.lines), self.names[last], "matrix"
        if self.grid.vector != 1 or tuple(result.shape) != self.grid.vector_shape(self.shape):
            raise Unspoken("a result of another shape")
        return tuple(self.lines), self.names[last], "column"


def as_formula(steps, inputs, result, shape, grid):
    """(steps, result, what that is) of what passed the gate between ``inputs`` and ``result``."""
    transcript = Transcript(inputs, shape, grid)
    for step in steps:
        transcript.step(*step)
    return transcript.of(result)


def plain(shape):
    """A shape without dims of size 1."""
    return tuple([n for n in shape if n != 1])


def formula_of(row, params):
    """(the grid of a row of kind composite, its formula) for ``params``."""
    found, which = COMPOSITES[row]
    return found.grid, found.formulas_for(params)[which]


def composite(function, name, count=1, along=None, label=None):
    """The function, which large tensors run as one kernel. count: how many of its arguments are tensors, 1 to 3; label: what
    PyTorch calls its gradient, as in a Primitive. ``along`` says what it may sum over, and what its other tensors are:

        None         nothing: it is elementwise, and the others have the first one's shape
        "rows"       the last dim; the others are vectors of its length
        "channels"   all dims but the second; the others have a number for each channel, and so may the result

    >>> twice = composite(lambda x: x + x, "twice")
    >>> twice(torch.ones(2))
    tensor([2., 2.])
    """
    return Composite(function, name, count, along, label)
