"""Functions of several rows that run as one kernel where their tensors are large.

    gelu = composite(lambda x: x * 0.5 * ((x * math.sqrt(0.5)).erf() + 1), "gelu")

The mathematics is said once, in Tensors. Small tensors run it as it is, row by row. For large ones it is run on a few sample
numbers while a listener writes down what passes the gate, forward and back; that is a formula, and the backend makes a
kernel of it (native/rowformula.py), one forward and one for each gradient. There is no second set of formulas.

Which of the two ways is taken depends on shapes alone. Where somebody listens at the gate, or gradients are to be
differentiated again, it is the mathematics itself.

torch: torch/csrc/jit/codegen/fuser did this; ATen/native has such kernels by hand
"""

from .. import primitives as rows
from ..backends import for_device
from ..creation import arange
from ..device import CPU
from ..modes import MODE
from ..table import Primitive
from ..tape import Listening
from .reverse import grad

__all__ = ["composite"]

PASSED_ON = frozenset(["alias", "contiguous", "copy", "detach", "expand", "permute", "reshape"])
"""Rows that only say how an array is seen."""
REDUCTIONS = frozenset(["sum", "mean", "amax"])


class Unspoken(Exception):
    """A step that no formula has."""


class Composite:
    """A function of ``count`` tensors and then of numbers, which may be one kernel.

    The first tensor has any shape. The function is elementwise, of tensors of that shape; or with ``along`` it goes along the
    last dim, and the other tensors are vectors of that length.
    """

    def __init__(self, function, name, count, along, label):
        self.function, self.count, self.along, self.formulas = function, count, along, {}
        self.slopes = [
            Primitive(f"{name}_slope_{i}", "composite", lambda xp, *args, i=i: self.run(xp, i, args)) for i in range(count)
        ]
        self.row = Primitive(name, "composite", self.forward, [self.vjp(i) for i in range(count)], label=label)

    def vjp(self, i):
        """The vjp of input ``i``, which reads all inputs: its arguments tell so."""
        if self.count == 1:
            return lambda g, _out, x, *params: self.gradient(i, g, (x,), params)
        if self.count == 2:
            return lambda g, _out, x, y, *params: self.gradient(i, g, (x, y), params)
        return lambda g, _out, x, y, z, *params: self.gradient(i, g, (x, y, z), params)

    def __call__(self, *args):
        """What the function gives."""
        if MODE.listeners or not self.fits(args[: self.count]):
            return self.function(*args)
        inputs, params = args[: self.count], args[self.count :]
        if self.formulas_for(self.columns(inputs[0]._array), params) is None:
            return self.function(*args)
        return inputs[0]._apply(self.row, inputs, params)

    def columns(self, array):
        return array.shape[-1] if self.along else None

    def fits(self, inputs):
        """Whether the tensors are large, on the CPU, in float32 and contiguous, and have the shapes that are meant."""
        xp, first = for_device(CPU), inputs[0]._array
        if first.size < xp.ENOUGH_FOR_COMPOSITES or first.__class__ is not xp.ndarray or first.dtype.char != "f":
            return False
        shape = first.shape[-1:] if self.along else first.shape
        if self.along and not 1 < first.shape[-1] <= first.size // 2:
            return False
        for x in inputs:
            array = x._array
            if array.__class__ is not xp.ndarray or array.dtype is not first.dtype or not array.flags.c_contiguous:
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
        columns = self.columns(arrays[0])
        kernel = xp.composite_kernel(arrays[0].dtype.char, *self.formulas_for(columns, params)[which])
        return kernel(*arrays, columns=columns)

    def gradient(self, i, g, inputs, params):
        """The gradient of input ``i``; one that can be differentiated again if gradients are recorded."""
        if not MODE.grad:
            return g._apply(self.slopes[i], (g, *inputs), params)
        inputs = [x.view(x.shape) for x in inputs]  # so that each is an input of its own, whatever was passed twice
        return grad(self.function(*inputs, *params), inputs[i], g, create_graph=True)[0]

    def formulas_for(self, columns, params):
        """The formulas by ``which``; None if there is one missing, or no compiler."""
        key = columns, params
        if key not in self.formulas:
            mode = MODE
            before = mode.grad, mode.inference, mode.autocast
            mode.inference, mode.autocast = False, None
            try:
                found = {which: self.formula(which, columns, params) for which in (None, *range(self.count))}
                kernel = for_device(CPU).composite_kernel
                self.formulas[key] = found if all([kernel("f", *formula) for formula in found.values()]) else None
            except Unspoken:
                self.formulas[key] = None
            finally:
                mode.grad, mode.inference, mode.autocast = before
        return self.formulas[key]

    def formula(self, which, columns, params):
        """(arrays, steps, result, whether it is added up over the rows), written down from a run on sample numbers."""
        height = 2 if columns != 2 else 3
        shape = (height, columns) if self.along else (height,)
        shapes = [shape] + [shape[-1:]] * (self.count - 1)
        samples = [sample(s, k) for k, s in enumerate(shapes)]
        MODE.grad = which is not None
        if which is None:
            with Listening() as steps:
                result = self.function(*samples, *params)
        else:
            g = sample(shape, self.count)
            samples[which].requires_grad = True
            with Listening() as steps:
                (result,) = grad(self.function(*samples, *params), samples[which], g)
            samples, shapes = [g, *samples], [shape, *shapes]
        kinds = tuple(["matrix" if s == shape else "row" for s in shapes])
        return (kinds, *as_formula(steps, samples, result, shape))


def sample(shape, k):
    """Numbers without a pattern, from no generator."""
    size = 1
    for n in shape:
        size *= n
    return (arange(size).float() * 0.7 + k).sin().reshape(shape)


def as_formula(steps, inputs, result, shape):
    """(steps, result, whether that is to be added up over the rows) as native/rowformula.py has them, of what passed the gate
    between ``inputs`` and ``result``. Unspoken if there is more to it.
    """
    names = {id(x._array): f"a{k}" for k, x in enumerate(inputs)}  # a saved value comes back as another tensor on its array
    totals, lines = set(), []
    for row, given, params, out, _ in steps:
        arrays = [id(x._array) if hasattr(x, "_array") else None for x in given]
        made = id(out._array)
        if row.name in PASSED_ON:
            if row.name in ("permute", "reshape") and plain(given[0].shape) != plain(out.shape):
                raise Unspoken(row.name)
            names[made] = names[arrays[0]]
            totals |= {made} if arrays[0] in totals else set()
        elif totals.intersection(arrays):
            raise Unspoken(row.name)
        elif row.name == "full":
            names[made] = params[1]
        elif row.name in REDUCTIONS:
            dims = tuple([d % len(shape) for d in params[0]])
            if tuple(given[0].shape) != shape or dims not in ((1,), (0,)) or (dims == (0,) and row.name != "sum"):
                raise Unspoken(row.name)
            if dims == (0,):
                names[made] = names[arrays[0]]
                totals.add(made)
            else:
                names[made] = f"t{len(lines)}"
                lines.append((row.name, (names[arrays[0]],)))
        elif row.kind == "elementwise" and row.name != "cast":
            operands = [names[a] if a is not None else x for a, x in zip(arrays, given)]
            if row.name == "pow" and operands[1] == 3:  # as the backends compute it
                lines.append(("square", (operands[0],)))
                row, operands = rows.mul, (f"t{len(lines) - 1}", operands[0])
            names[made] = f"t{len(lines)}"
            lines.append((row.name, (*operands, *params)))
        else:
            raise Unspoken(row.name)
    last = id(result._array)
    if tuple(result.shape) != (shape[-1:] if last in totals else shape):
        raise Unspoken("a result of another shape")
    return tuple(lines), names[last], last in totals


def plain(shape):
    """A shape without dims of size 1."""
    return tuple([n for n in shape if n != 1])


def composite(function, name, count=1, along=False, label=None):
    """The function, which large tensors run as one kernel. count: how many of its arguments are tensors, 1 to 3; along: whether
    it goes along the last dim, with vectors for the other tensors. label: what PyTorch calls its gradient, as in a Primitive.

    >>> twice = composite(lambda x: x + x, "twice")
    >>> twice(torch.ones(2))
    tensor([2., 2.])
    """
    return Composite(function, name, count, along, label)
