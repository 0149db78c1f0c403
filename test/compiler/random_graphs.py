"""Random graphs of the table's rows, with arrays to run them on: what every stage of the compiler is held to.

A graph grows row by row on real arrays, so that shapes and dtypes are right by construction. Rows that jump (comparisons,
floor, casts to integers) are applied only to *exact* values: those that float32 holds without rounding, whatever the order
of their sums. All others may differ by rounding: how much is found by running the graph again with its numbers disturbed.
"""

import numpy

from minitorch import primitives as rows
from minitorch.backends import for_device
from minitorch.compiler.graph import Graph, Step, Value, evaluate
from minitorch.compiler.kernels import Place
from minitorch.device import CPU
from minitorch.dtypes import bool as bool_dtype
from minitorch.dtypes import float16, float32, float64, int32, int64
from minitorch.tables import windows

__all__ = ["Sample", "assert_close", "disturbed", "grown"]

XP = for_device(CPU)
XP.quiet()
TABLE = rows.TABLE

BASES = [(), (1,), (7,), (4, 3), (2, 4, 3), (1, 5), (0, 3), (3, 0, 2), (33, 17), (5, 130), (150, 2), (2, 3, 2, 3), (1, 1, 4), (260,)]
"""Shapes that a graph's values are made of: 0-d, empty, of size 1, and larger than a block of columns."""

SMOOTH = ["exp", "exp2", "expm1", "sin", "cos", "tanh", "sigmoid", "erf", "erfc", "atan", "asinh", "sinh", "cosh"]
PARTIAL = ["log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "tan", "asin", "acos", "acosh", "atanh"]
PLAIN = ["neg", "abs", "square", "copy", "relu", "contiguous", "detach"]
JUMPS = ["sign", "floor", "ceil", "trunc", "round", "isnan", "isinf", "isfinite", "signbit", "logical_not"]
COMPARED = ["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"]
BINARY = ["add", "sub", "mul", "maximum", "minimum", "add", "mul", "sub"]
WHOLE = ["bitwise_and", "bitwise_or", "bitwise_xor"]
KEEPS_EXACT = frozenset([*PLAIN, *JUMPS, *COMPARED, *BINARY, *WHOLE, "where", "keep", "cast", "sum", "amax", "amin", "linear", "matmul", "nll", "nll_grad"])
"""Rows that give an exact value for exact ones, if nothing grows too large; those that only move values do as well."""


class Known:
    """A Value of the graph, an array that it may hold, and whether that is exact."""

    def __init__(self, value, array, exact):
        self.value, self.array, self.exact = value, array, exact

    @property
    def kind(self):
        return self.array.dtype.kind

    @property
    def shape(self):
        return self.array.shape


class Sample:
    """A graph, arrays for its inputs, their strides where they don't lie in order, and where its outputs are to go.

    lean: whether the compiler shall save memory even where it isn't worth it, as it isn't for so small values.
    """

    def __init__(self, graph, arrays, strides, destinations, exact, lean):
        self.graph, self.arrays, self.strides, self.destinations, self.exact = graph, arrays, strides, destinations, exact
        self.lean, self.others = lean, None

    def __repr__(self):
        shown = [f"{a.dtype}{a.shape} {a.strides}: {a.ravel()[:6]}" for a in self.arrays]
        return f"\n{self.graph}\ninputs: {shown}\nto: {[(d.kind, d.at) for d in self.destinations]}"

    def copies(self):
        """The arrays again, in memory of their own with the same strides."""
        return [copied(a) for a in self.arrays]


def copied(array):
    if array.flags.c_contiguous:
        return array.copy()
    whole = numpy.zeros(max(1, sum([(n - 1) * s for n, s in zip(array.shape, array.strides) if n]) // array.itemsize + 1), array.dtype)
    twin = numpy.lib.stride_tricks.as_strided(whole, array.shape, array.strides)
    if array.size:
        twin[...] = array
    return twin


def narrow(array):
    """Whether float32, or float16 if that is theirs, holds all of these numbers, and their sums, without rounding."""
    finite = array[numpy.isfinite(array)].astype("float64")
    steps, largest = (64, 2**17) if array.dtype.itemsize > 2 else (8, 2**7)
    return bool(numpy.all(numpy.abs(finite) < largest) and numpy.all(finite * steps == numpy.rint(finite * steps)))


def broadcasts(a, b):
    try:
        return numpy.broadcast_shapes(a, b)
    except ValueError:
        return None


class Growing:
    """A graph as it grows. ``choose(list)`` gives one of a list: all that is random here."""

    def __init__(self, choose):
        self.choose, self.random = choose, numpy.random.default_rng(choose(range(1000)))
        self.inputs, self.steps, self.known, self.strides = [], [], [], {}
        self.base, self.special = choose(BASES), choose([False] * 4 + [True])
        self.wanted = []  # what is to be among the outputs

    # ------------------------------------------------------------------------------------------------------- the inputs

    def give(self):
        """One more input."""
        shape = self.shaped()
        dtype = self.choose([float32, float32, float32, float64, float64, float16, int64, bool_dtype, int32])
        exact = not dtype.name.startswith("float") or self.choose([True, False])
        array = self.numbers(shape, dtype, exact)
        layout = self.choose(["in order", "in order", "transposed", "stepped", "repeated"]) if array.ndim and array.size else "in order"
        if layout == "transposed":
            array = numpy.ascontiguousarray(array.T).T
        elif layout == "stepped":
            array = copied_into(array, numpy.zeros((*array.shape[:-1], array.shape[-1] * 2), array.dtype)[..., ::2])
        elif layout == "repeated":
            array = numpy.broadcast_to(array[:1], array.shape)
        value = Value(array.shape, dtype)
        if not array.flags.c_contiguous:
            self.strides[value] = tuple([s // array.itemsize for s in array.strides])
        self.inputs.append((value, array))
        self.known.append(Known(value, array, exact))

    def shaped(self):
        """The base shape, or one that is broadcast to it."""
        way = self.choose(["whole", "whole", "whole", "ones", "tail", "scalar"])
        if way == "ones":
            return tuple([1 if self.choose([True, False]) else n for n in self.base])
        return self.base if way == "whole" else self.base[1:] if way == "tail" else ()

    def numbers(self, shape, dtype, exact):
        name = dtype.name
        if name == "bool":
            return numpy.asarray(self.random.random(shape) < 0.5)
        if name.startswith("int"):
            return numpy.asarray(self.random.integers(-3, 6, shape), name)
        if not exact:
            return numpy.asarray(self.random.normal(size=shape), name)
        array = numpy.asarray(self.random.integers(-6, 7, shape) / 2, name)
        if self.special and array.size:
            flat = array.reshape(-1)
            for x in (numpy.nan, numpy.inf, -numpy.inf):
                flat[self.random.integers(0, array.size)] = x
        return array

    # --------------------------------------------------------------------------------------------------------- the steps

    def add(self, row, inputs, *params):
        """One more step of Knowns and numbers, unless its numbers are beyond what can be compared; gives its Known."""
        values = [x.value if x.__class__ is Known else x for x in inputs]
        step = Step(row, values, params, None)
        arrays = [x.array for x in inputs if x.__class__ is Known]
        array = evaluate(step, arrays)
        exact = all([x.exact for x in inputs if x.__class__ is Known]) and (row.name in KEEPS_EXACT or row.kind in ("movement", "indexing", "joining", "creation"))
        if row.name in ("sum", "linear", "matmul", "mean", "nll", "scatter_add", "index_put", "pool_scatter", "fold_windows") and array.dtype.kind == "f":
            exact = exact and narrow(evaluate(step, [numpy.abs(a) if a.dtype.kind == "f" else a for a in arrays]))
        if array.dtype.kind == "f":
            exact = exact and narrow(array)
            finite = array[numpy.isfinite(array)]
            if not exact and finite.size and numpy.abs(finite).max() > (1e6 if array.itemsize > 2 else 1e3):
                return None
        elif not all([x.exact for x in inputs if x.__class__ is Known]):
            return None
        step.out = Value(array.shape, XP.dtype_of(array))
        self.steps.append(step)
        self.known.append(Known(step.out, array, exact or array.dtype.kind != "f"))
        return self.known[-1]

    def pick(self, test=lambda k: True):
        """One of the values, rather a late one; None if there is none."""
        fit = [k for k in self.known if test(k)]
        return self.choose(fit[-4:] + fit) if fit else None

    def mate(self, x, same_shape=False):
        """Another value that fits to x in an elementwise row, or a number."""
        fit = [k for k in self.known if k.array.dtype == x.array.dtype and broadcasts(k.shape, x.shape) is not None]
        fit = [k for k in fit if k.shape == x.shape] if same_shape else fit
        number = {"f": [0.5, 2.0, -1.0, 3], "b": [True, False]}.get(x.kind, [2, -1, 0])
        return self.choose([*fit[-4:], *fit, self.choose(number)] if not same_shape else [*fit[-3:], *fit])

    def grow(self):
        """One more step, or a few that belong together."""
        way = self.choose(WAYS)
        way(self)

    def sample(self):
        """What has grown, with some of its values as outputs."""
        outputs, destinations, taken = [], [], set()
        for known in [*self.wanted, *[self.choose([*self.known[-3:], *self.known]) for _ in range(self.choose([1, 1, 2, 3, 4]))]]:
            places = [k for k, (value, array) in enumerate(self.inputs) if self.writable(k, known) and k not in taken]
            if places and self.choose([True, False]):
                k = self.choose(places)
                taken.add(k)
                destinations.append(Place("input", k))
            else:
                destinations.append(Place("output", sum([d.kind == "output" for d in destinations])))
            outputs.append(known)
        graph = Graph([value for value, _ in self.inputs], self.steps, [k.value for k in outputs])
        arrays, exact = [array for _, array in self.inputs], [k.exact for k in outputs]
        return Sample(graph, arrays, self.strides, destinations, exact, self.choose([False, True]))

    def writable(self, k, known):
        value, array = self.inputs[k]
        repeated = any([s == 0 and n > 1 for s, n in zip(array.strides, array.shape)])
        return value.shape == known.value.shape and value.dtype is known.value.dtype and not repeated


def copied_into(array, place):
    place[...] = array
    return place


# ------------------------------------------------------------------------------------------------------------ ways to grow


def is_float(k):
    return k.kind == "f"


def unary(g):
    x = g.pick(is_float)
    if x is not None:
        g.add(TABLE[g.choose([*SMOOTH, *PARTIAL, *PLAIN])], [x])


def plain(g):
    x = g.pick(lambda k: k.kind != "b")
    if x is not None:
        g.add(TABLE[g.choose(["neg", "abs", "square", "copy"])], [x])


def jump(g):
    x = g.pick(lambda k: k.exact and k.kind == "f")
    if x is not None:
        g.add(TABLE[g.choose(JUMPS)], [x])


def binary(g):
    x = g.pick(lambda k: k.kind != "b")
    if x is None:
        return
    y = g.mate(x)
    names = [*BINARY, *(["div", "div", "atan2", "hypot", "pow"] if x.kind == "f" else WHOLE)]
    pair = [x, y] if y.__class__ is Known or g.choose([True, False]) else [y, x]
    name = g.choose(names)
    if name == "pow":
        y = g.choose([2, 0.5, 3, 1.0, -1.0, 0.0])
        pair = [x, y]
    if name in ("maximum", "minimum", "atan2", "hypot", *WHOLE) and y.__class__ is not Known:
        pair = [x, y]
    g.add(TABLE[name], pair)


def mixed(g):
    """The rows that optimizers are made of."""
    x = g.pick(is_float)
    if x is None:
        return
    y, z = g.mate(x, True), g.mate(x, True)
    name = g.choose(["lerp", "addcmul", "addcdiv", "add_scaled", "clamp", "keep"])
    if name == "lerp":
        weight = g.choose([0.1, 0.9, y])
        g.add(rows.lerp, [x, z, weight])
    elif name in ("addcmul", "addcdiv"):
        g.add(TABLE[name], [x, y, z, g.choose([1, 0.5, -2.0])])
    elif name == "add_scaled":
        g.add(rows.add_scaled, [x, y, g.choose([2.0, -0.5])])
    elif name == "clamp":
        g.add(rows.clamp, [x], *g.choose([(-1.0, 1.0), (None, 0.5), (-0.5, None), (2.0, -2.0)]))
    elif y.exact:
        g.add(rows.keep, [x, y])


def compare(g):
    x = g.pick(lambda k: k.exact)
    if x is None:
        return
    y = g.mate(x)
    if y.__class__ is Known and not y.exact:
        return
    name = g.choose(COMPARED)
    if not (x.kind == "b" and name in ("lt", "le", "gt", "ge")):
        g.add(TABLE[name], [x, y])


def select(g):
    x = g.pick()
    condition = g.pick(lambda k: k.kind == "b" and broadcasts(k.shape, x.shape) is not None)
    if condition is None:
        return
    y = g.mate(x)
    if y.__class__ is Known and broadcasts(broadcasts(x.shape, condition.shape), y.shape) is None:
        return
    if y.__class__ is not Known and x.array.dtype == numpy.float32:
        y = numpy.float32(y).item()
    if y.__class__ is Known:
        g.add(rows.where, [x, condition, y] if g.choose([True, False]) else [y, condition, x])


def cast(g):
    x = g.pick(lambda k: k.exact and numpy.isfinite(k.array).all())
    if x is not None:
        g.add(rows.cast, [x], g.choose([float32, float64, float16, int64, int32, bool_dtype]))
    x = g.pick(lambda k: not k.exact)
    if x is not None:
        g.add(rows.cast, [x], g.choose([float32, float64]))


def some_dims(g, x):
    return tuple([d for d in range(x.array.ndim) if g.choose([True, False])]) or tuple(range(x.array.ndim))


def reduce(g):
    x = g.pick(lambda k: k.kind in "fib")
    if x is None:
        return
    dims, keepdim, name = some_dims(g, x), g.choose([True, False]), g.choose(["sum", "sum", "sum", "amax", "amin", "mean", "prod", "any", "all", "argmax", "cumsum"])
    if name in ("amax", "amin", "argmax") and (not x.array.size or x.kind == "b"):
        return
    if name == "mean" and x.kind == "f":
        g.add(rows.mean, [x], dims, keepdim)
    elif name == "prod":
        if x.array.ndim and x.array.size and x.exact:
            g.add(rows.prod, [x], dims[0], keepdim)
    elif name in ("any", "all"):
        if x.exact:
            g.add(TABLE[name], [x], dims, keepdim)
    elif name == "argmax":
        if x.exact and x.array.ndim:
            g.add(rows.argmax, [x], dims[0], keepdim)
    elif name == "cumsum":
        if x.array.ndim:
            g.add(rows.cumsum, [x], dims[0])
    elif name != "mean":
        g.add(TABLE[name], [x], dims, keepdim)


def chain(g):
    """Passes over the same rows: softmax, layer norm, and what comes of them."""
    x = g.pick(lambda k: k.kind == "f" and k.array.ndim > 0 and k.array.size > 0)
    if x is None:
        return
    dims = some_dims(g, x)
    name = g.choose(["softmax", "log_softmax", "softmax by hand", "layer norm", "share of the whole"])
    if name in ("softmax", "log_softmax"):
        g.add(TABLE[name], [x], dims[0])
    elif name == "softmax by hand":
        e = g.add(rows.exp, [g.add(rows.sub, [x, g.add(rows.amax, [x], dims, True)])])
        if e is not None:
            g.add(rows.div, [e, g.add(rows.sum, [e], dims, True)])
    elif name == "layer norm":
        centred = g.add(rows.sub, [x, g.add(rows.mean, [x], dims, True)])
        spread = g.add(rows.mean, [g.add(rows.square, [centred])], dims, True)
        if spread is not None:
            g.add(rows.mul, [centred, g.add(rows.rsqrt, [g.add(rows.add, [spread, 1e-1])])])
    else:
        total = g.add(rows.sum, [g.add(rows.abs, [x])], dims, True)
        if total is not None:
            share = g.add(rows.div, [x, g.add(rows.add, [total, 1.0])])
            if share is not None:
                g.add(rows.sum, [share], dims, g.choose([True, False]))


def factors(n):
    return [k for k in range(1, n + 1) if n % k == 0]


def move(g):
    x = g.pick(lambda k: k.array.ndim > 0) or g.pick()
    n, shape = x.array.ndim, x.shape
    d = g.choose(range(n)) if n else 0
    name = g.choose(["reshape", "reshape", "permute", "permute", "expand", "slice", "slice", "flip", "unfold", "roll", "tril", "diagonal", "pad"])
    if name == "reshape":
        if x.array.size:
            f = g.choose(factors(x.array.size))
            g.add(rows.reshape, [x], g.choose([(f, x.array.size // f), (x.array.size,), (1, *shape), (*shape, 1)]))
    elif name == "permute" and n:
        g.add(rows.permute, [x], tuple(int(k) for k in g.random.permutation(n)))
    elif name == "expand":
        wide = tuple([3 if m == 1 and g.choose([True, False]) else m for m in shape])
        g.add(rows.expand, [x], g.choose([wide, (2, *wide)]))
    elif name == "slice" and n:
        entries = [g.choose([(0, m, 1), (0, max(m - 1, 0), 1), (m // 2, m, 1), (0, m, 2), *([0, m - 1] if m else [])]) for m in shape]
        if g.choose([True, False, False]):
            entries.insert(g.choose(range(n + 1)), None)
        g.add(rows.slice, [x], tuple(entries))
    elif name == "flip" and n:
        g.add(rows.flip, [x], (d,))
    elif name == "unfold" and n and shape[d] >= 2:
        g.add(rows.unfold, [x], d, 2, g.choose([1, 2]))
    elif name == "roll" and n:
        g.add(rows.roll, [x], (1,), (d,))
    elif name == "tril" and n >= 2:
        g.add(g.choose([rows.tril, rows.triu]), [x], g.choose([-1, 0, 1]))
    elif name == "diagonal" and n >= 2:
        g.add(rows.diagonal, [x], 0, 0, 1)
    elif name == "pad" and n and x.array.dtype.kind == "f":
        g.add(rows.pad, [x], tuple([(1, 0)] * n), 0.5)


def join(g):
    x = g.pick(lambda k: k.array.ndim > 0)
    if x is None:
        return
    d = g.choose(range(x.array.ndim))
    fit = [k for k in g.known if k.array.dtype == x.array.dtype and k.array.ndim == x.array.ndim and k.shape[:d] + k.shape[d + 1 :] == x.shape[:d] + x.shape[d + 1 :]]
    others = [g.choose(fit) for _ in range(g.choose([1, 2]))]
    if g.choose([True, True, False]):
        g.add(rows.cat, [x, *others], d)
    elif all([y.shape == x.shape for y in others]):
        g.add(rows.stack, [x, *others], d)


def path_in(g, shape):
    """View rows into a value of that shape, and the shape of what they lead to."""
    n = len(shape)
    key = tuple([g.choose([(0, m, 1), (0, m, 2), (1, m, 1), *([m - 1] if m else [])]) for m in shape])
    path = [(rows.slice, (key,))]
    inside = numpy.zeros(shape)[rows.basic_key(key)].shape
    if g.choose([True, False]) and len(inside) == n >= 2:
        path.append((rows.permute, (tuple(reversed(range(n))),)))
        inside = tuple(reversed(inside))
    return tuple(path), inside


def put(g):
    x = g.pick(lambda k: k.array.ndim > 0)
    if x is None:
        return
    path, inside = path_in(g, x.shape)
    fit = [k for k in g.known if k.shape == inside and k.array.dtype == x.array.dtype]
    if fit and g.choose([True, False]):
        g.add(rows.write, [x, g.choose(fit)], path)
    elif fit:
        g.add(rows.embed, [g.choose(fit)], x.shape, path)
    elif x.kind == "f":
        y = x
        for row, params in path:
            y = g.add(row, [y], *params) if y is not None else None
        if y is not None:
            g.add(rows.write, [x, g.add(rows.mul, [y, 2.0]) or y], path)


def places(g):
    """Reading and writing where indices say."""
    x = g.pick(lambda k: k.array.ndim > 0 and k.array.size > 0)
    if x is None:
        return
    d = g.choose(range(x.array.ndim))
    name = g.choose(["index", "index", "gather", "scatter_add", "scatter", "index_put", "two"])
    if name in ("index", "index_put"):
        shape = g.choose([(3,), (2, 2), ()])
        i = g.index(shape, x.shape[d])
        if name == "index":
            g.add(rows.index, [x, i], (d,))
        else:
            whole = shape + x.shape[1:] if d == 0 else x.shape[:d] + shape + x.shape[d + 1 :]
            g.add(rows.index_put, [x, g.fresh(whole, x), i], (d,), True)
    elif name == "two" and x.array.ndim >= 2:
        g.add(rows.index, [x, g.index((4,), x.shape[0]), g.index((4,), x.shape[1])], (0, 1))
    elif name == "gather":
        g.add(rows.gather, [x, g.index(x.shape[:d] + (3,) + x.shape[d + 1 :], x.shape[d])], d)
    elif name == "scatter_add":
        shape = x.shape[:d] + (3,) + x.shape[d + 1 :]
        g.add(rows.scatter_add, [x, g.index(shape, x.shape[d]), g.fresh(shape, x)], d)
    elif name == "scatter":
        i = g.index((*x.shape[:d], 1, *x.shape[d + 1 :]), x.shape[d])
        g.add(rows.scatter, [x, i, g.fresh(i.shape, x)], d)


def index(self, shape, size):
    """A new input of places below ``size``, some of them counted from the end where that is allowed."""
    array = numpy.asarray(self.random.integers(0, size, shape), numpy.int64)
    return self.entered(array, int64)


def fresh(self, shape, like):
    """A new input of that shape."""
    return self.entered(self.numbers(shape, like.value.dtype, True), like.value.dtype)


def entered(self, array, dtype):
    value = Value(array.shape, dtype)
    self.inputs.append((value, array))
    self.known.append(Known(value, array, True))
    return self.known[-1]


Growing.index, Growing.fresh, Growing.entered = index, fresh, entered


def product(g):
    """A product, and perhaps what usually follows one."""
    x = g.pick(lambda k: k.kind == "f" and k.array.ndim >= 2 and k.array.size > 0 and numpy.isfinite(k.array).all())
    if x is None:
        return
    g.special = False  # BLAS leaves out what is multiplied by 0: infinity times 0 may be 0
    k, dtype = x.shape[-1], x.value.dtype
    n = g.choose([1, 3, 8, 17])
    exact = g.choose([True, False])
    if g.choose([True, False]):
        weight, bias = g.entered(g.numbers((n, k), dtype, True), dtype), g.entered(g.numbers((n,), dtype, True), dtype)
        out = g.add(rows.linear, [x, weight, bias])
    else:
        lead = x.shape[:-2] if exact else ()
        y = g.entered(g.numbers((*lead, k, n), dtype, True), dtype)
        if g.choose([True, False]):
            y = g.add(rows.permute, [g.entered(g.numbers((n, k), dtype, True), dtype)], (1, 0))
        out = g.add(rows.matmul, [x, y])
    if out is not None and g.choose([True, False]):
        out = g.add(g.choose([rows.relu, rows.tanh]), [out])
        if out is not None and g.choose([True, False]):
            g.add(rows.sum, [out], (0,), False)


def layer(g):
    """A layer and the way back through it: what is made on the way forth is read again later, by products and by loops."""
    x = g.pick(lambda k: k.kind == "f" and k.array.ndim == 2 and k.array.size > 0 and numpy.isfinite(k.array).all())
    if x is None:
        x = g.entered(g.numbers(g.choose([(4, 3), (1, 5), (33, 17), (5, 130)]), float32, False), float32)
    (_, k), dtype, n = x.shape, x.value.dtype, g.choose([1, 3, 17])
    bias, weight = [g.entered(g.numbers(shape, dtype, False), dtype) for shape in ((k,), (k, n))]
    h = g.add(rows.add, [x, bias])
    y = g.add(TABLE[g.choose(["erf", "tanh", "sigmoid"])], [g.add(rows.mul, [h, 0.5])])
    for _ in range(g.choose([0, 1, 2])):
        y = g.add(rows.mul, [y, g.choose([h, 0.25])])
    product = g.add(rows.matmul, [y, weight])
    slope = product and g.add(rows.tanh, [product])
    back = slope and g.add(rows.matmul, [slope, g.add(rows.permute, [weight], (1, 0))])
    if back is None:
        return
    turned = g.add(rows.permute, [y], (1, 0))
    back = g.add(rows.mul, [back, g.add(rows.sigmoid, [h])])
    mixed = g.add(g.choose([rows.mul, rows.add]), [back, g.choose([y, h, x])])
    grads = [g.add(rows.matmul, [turned, slope]), g.add(rows.sum, [mixed], (g.choose([0, 1]),), True), g.add(rows.matmul, [turned, back])]
    g.wanted += [x for x in grads if x is not None]


def turned(g, x):
    n = x.array.ndim
    return g.add(rows.permute, [x], (*range(n - 2), n - 1, n - 2))


def attention(g):
    """A softmax between two products, and the way back through it; sometimes with a step that the compiler must not overlook."""
    batch, length, keys = g.choose([(), (2,), (2, 3)]), g.choose([1, 5, 37]), g.choose([1, 5, 40])
    features, values, dtype = g.choose([1, 3, 8]), g.choose([1, 8, 19]), g.choose([float32, float32, float64])
    sizes = (length, features), (keys, features), (keys, values), (length, values)
    q, k, v, slope = [g.entered(g.numbers((*batch, *size), dtype, False), dtype) for size in sizes]
    scale, mask = g.choose([None, 0.5]), None
    scaled = q if scale is None else g.add(rows.mul, [q, scale])
    scores = g.add(rows.matmul, [scaled, turned(g, k)])
    if g.choose([True, False]):
        mask = g.add(rows.tril, [g.add(rows.full, [], (length, keys), True, bool_dtype)], g.choose([0, 0, 0, 1]))
        scores = g.add(rows.where, [scores, mask, -numpy.inf])
    weights = g.add(rows.softmax, [scores], -1)
    out = g.add(rows.matmul, [weights, v])
    g.wanted += [heads_together(g, out), *g.choose([[], [], [], [weights]])]
    if g.choose([True, False]):
        return
    back = g.add(rows.matmul, [slope, turned(g, v)])
    total = g.add(rows.sum, [g.add(rows.mul, [back, weights])], (back.array.ndim - 1,), True)
    back = g.add(rows.mul, [weights, g.add(rows.sub, [back, total])])
    if mask is not None:
        back = g.add(rows.where, [back, mask, g.choose([0, 0, 0, 1])])
    to_q = g.add(rows.matmul, [back, k])
    if scale is not None:
        to_q = g.add(rows.mul, [to_q, scale])
    to_k = turned(g, g.add(rows.matmul, [turned(g, scaled), back]))
    made = [heads_together(g, x) for x in (to_q, to_k, g.add(rows.matmul, [turned(g, weights), slope]))]
    if len(batch) == 2 and length == keys and g.choose([True, False]):
        made = [g.add(rows.cat, made, 2)]
        made = [g.add(rows.exp, made)]
    g.wanted += made


def heads_together(g, x):
    """(batch, heads, length, n) as (batch, length, heads * n); others as they are."""
    if x.array.ndim != 4:
        return x
    batch, heads, length, n = x.shape
    return g.add(rows.reshape, [g.add(rows.contiguous, [g.add(rows.permute, [x], (0, 2, 1, 3))])], (batch, length, heads * n))


def losses(g):
    x = g.pick(lambda k: k.kind == "f" and k.array.ndim in (1, 2, 3) and k.array.size > 0)
    if x is None:
        return
    d = 1 if x.array.ndim > 1 else 0
    i = g.index(x.shape[:d] + x.shape[d + 1 :], x.shape[d])
    if i.array.size > 1 and g.choose([True, False]):
        i.array.reshape(-1)[0] = -100
        if i.array.min() == i.array.max():
            return
    average = g.choose([True, False])
    if g.choose([True, False]):
        g.add(rows.nll, [x, i], d, -100, average)
    else:
        seed = g.entered(g.numbers(() if average else i.shape, x.value.dtype, True), x.value.dtype)
        g.add(rows.nll_grad, [seed, i], x.shape, d, -100, average)


def squares(g):
    x = g.pick(is_float)
    if x is not None:
        g.add(rows.squared_error_mean, [x, g.mate(x, True)])


def constants(g):
    shape = g.shaped()
    if g.choose([True, False]):
        g.add(rows.full, [], shape, *g.choose([(0, float32), (1.5, float64), (1.5, float16), (2, int64), (True, bool_dtype)]))
    elif shape:
        g.add(rows.arange, [], g.choose([0, 2, -1]), g.choose([1, 2]), shape[-1], g.choose([int64, float32, float64]))


def convolution(g):
    x = g.pick(lambda k: k.kind == "f" and k.array.ndim in (3, 4) and k.array.size > 0)
    if x is None:
        return
    dims = x.array.ndim - 2
    geometry = ((g.choose([1, 2]),) * dims, ((1, 1),) * dims, (1,) * dims, 1)
    g.special = False  # an infinite weight makes NaN of the zeros around an image in PyTorch's float64 and float16, not in its float32
    weight = g.entered(g.numbers((2, x.shape[1], *(2,) * dims), x.value.dtype, True), x.value.dtype)
    g.add(windows.conv, [x, weight], geometry)


WAYS = [
    unary, unary, plain, binary, binary, binary, mixed, jump, compare, select, select, cast, reduce, reduce, chain, chain, move, move,
    move, join, put, places, product, layer, attention, losses, squares, constants, convolution,
]  # fmt: skip


def grown(choose):
    """A Sample, made by ``choose``."""
    growing = Growing(choose)
    for _ in range(choose([1, 2, 3])):
        growing.give()
    for _ in range(choose([1, 2, 3, 5, 8, 13])):
        growing.grow()
    return growing.sample()


# --------------------------------------------------------------------------------------------------------------- comparing


def disturbed(sample, seed):
    """What the graph makes if each number that isn't exact is a little off, as another order of computing would leave it."""
    random = numpy.random.default_rng(seed)
    known = dict(zip(sample.graph.inputs, sample.arrays))
    for step in sample.graph.steps:
        array = evaluate(step, [known[x] for x in step.reads])
        if array.dtype.kind == "f" and step.row.kind != "movement" and not narrow(array):
            noise = 1 + 8 * numpy.finfo(array.dtype).eps * random.uniform(-1, 1, array.shape)
            array = numpy.asarray(array * noise).astype(array.dtype)
        known[step.out] = array
    return [known[x] for x in sample.graph.outputs]


def assert_close(sample, expected, got, what):
    """The outputs agree: exactly where they are exact, else as far as rounding allows."""
    others = sample.others = sample.others or [disturbed(sample, seed) for seed in range(3)]
    for k, (a, b) in enumerate(zip(expected, got, strict=True)):
        assert a.shape == b.shape and a.dtype == b.dtype, f"{what}: output {k} is {b.dtype}{b.shape}, expected {a.dtype}{a.shape}{sample!r}"
        if a.dtype.kind != "f" or sample.exact[k]:
            same = numpy.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        else:
            same = close(a, b, [x[k] for x in others])
        assert same, f"{what}: output {k} is\n{b}\nexpected\n{a}{sample!r}"


def close(a, b, others):
    steady = numpy.isfinite(a)
    for x in others:
        steady &= numpy.isfinite(x)
    loose = ~steady & numpy.any([~numpy.isclose(x, a, equal_nan=True) for x in others], axis=0)
    odd = ~steady & ~loose
    if not numpy.array_equal(a[odd], b[odd], equal_nan=True):
        return False
    a, b = a[steady], b[steady]
    if not a.size:
        return True
    noise = max([numpy.abs(x[steady] - a).max() for x in others])
    size = numpy.abs(a).max()
    return bool(numpy.all(numpy.abs(a - b) <= 20 * noise + 64 * numpy.finfo(a.dtype).eps * (1 + size)))
