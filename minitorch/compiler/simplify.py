"""Simplify: the same values, said with fewer and plainer rows.

    %3 = linear %0 %1 %2                  %3 = permute %1 {(1, 0)}
    %4 = copy %3                          %4 = matmul %0 %3
    %5 = exp %4                     →     %5 = add %4 %2
    %6 = exp %3                           %6 = exp %5
    return %6                             return %6

Rows that exist for speed in eager mode are spelled out in plain ones (``EXPANSIONS``), so that later stages know a few
dozen rows only and fusion sees what is inside. Copies disappear, for nobody can write to a value; what is computed twice is
computed once; what nobody reads isn't computed at all.

torch: torch/_inductor/decomposition.py, torch/_functorch/compile_utils.py (fx_graph_cse)
"""

import math

from .. import primitives as rows
from .graph import Graph, Step, Value

__all__ = ["dead", "simplify"]


def simplify(graph):
    """Every rewriting of this file, in order."""
    return dead(shared(expanded(graph)))


class Writer:
    """Writes steps: each method adds one and returns its Value."""

    def __init__(self, line=None):
        self.steps, self.line = [], line

    def step(self, row, inputs, params, shape, dtype, out=None):
        out = Value(shape, dtype) if out is None else out
        self.steps.append(Step(row, inputs, params, out, self.line))
        return out

    def pointwise(self, row, *inputs, dtype=None):
        shape = ()
        for x in inputs:
            if x.__class__ is Value:
                shape = broadcast(shape, x.shape)
        first = next(x for x in inputs if x.__class__ is Value)
        return self.step(row, inputs, (), shape, dtype or first.dtype)

    def __getattr__(self, name):
        """``w.add(x, y)`` for the elementwise row of that name."""
        row = rows.TABLE[name]
        return lambda *inputs: self.pointwise(row, *inputs)

    def reduce(self, row, x, dims):
        """A reduction over ``dims`` that keeps them at size 1."""
        shape = [1 if d in dims else n for d, n in enumerate(x.shape)]
        return self.step(row, (x,), (tuple(dims), True), shape, x.dtype)

    def reshape(self, x, shape):
        return x if x.shape == tuple(shape) else self.step(rows.reshape, (x,), (tuple(shape),), shape, x.dtype)

    def expand(self, x, shape):
        return x if x.shape == tuple(shape) else self.step(rows.expand, (x,), (tuple(shape),), shape, x.dtype)

    def permute(self, x, dims):
        return self.step(rows.permute, (x,), (tuple(dims),), [x.shape[d] for d in dims], x.dtype)

    def cast(self, x, dtype):
        return x if x.dtype is dtype else self.step(rows.cast, (x,), (dtype,), x.shape, dtype)

    def matmul(self, x, y):
        shape = (*broadcast(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1])
        return self.step(rows.matmul, (x, y), (), shape, x.dtype)


def broadcast(a, b):
    """The shape that two shapes make together.

    >>> broadcast((3, 1), (2,))
    (3, 2)
    """
    n = max(len(a), len(b))
    a, b = (1,) * (n - len(a)) + tuple(a), (1,) * (n - len(b)) + tuple(b)
    return tuple([y if x == 1 else x for x, y in zip(a, b)])


# ---------------------------------------------------------------------------------------------------------- expansions


def as_tuple(dims, ndim):
    """The dims of a reduction, as non-negative numbers; None and () mean all."""
    if dims is None or dims == ():
        return tuple(range(ndim))
    dims = (dims,) if dims.__class__ is int else dims
    return tuple(sorted([d % ndim for d in dims])) if ndim else ()


def linear(w, step):
    x, weight, *bias = step.inputs
    out = w.matmul(w.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1])), w.permute(weight, (1, 0)))
    out = w.reshape(out, step.out.shape)
    return w.add(out, bias[0]) if bias and bias[0] is not None else out


def matmul(w, step):
    """Operands of more dims than two lose those that one of them doesn't have: (B, M, K) (K, N) is one product."""
    x, y = step.inputs
    if y.ndim == 2 and x.ndim > 2:
        return w.reshape(w.matmul(w.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1])), y), step.out.shape)
    return None


def reduced(row):
    """A reduction written with its dims kept, then dropped by a reshape."""

    def expansion(w, step):
        (x,), (dims, keepdim) = step.inputs, step.params
        dims = as_tuple(dims, x.ndim)
        if keepdim and step.params[0] == dims:
            return None
        return w.reshape(w.reduce(row, x, dims), step.out.shape)

    return expansion


def mean(w, step):
    (x,), (dims, _) = step.inputs, step.params
    dims = as_tuple(dims, x.ndim)
    count = max(math.prod([x.shape[d] for d in dims]), 1)
    return w.reshape(w.div(w.reduce(rows.sum, x, dims), float(count)), step.out.shape)


def squared_error_mean(w, step):
    x, y = step.inputs
    difference = w.sub(x, y)
    total = w.reduce(rows.sum, w.mul(difference, difference), range(difference.ndim))
    return w.reshape(w.div(total, float(max(difference.size, 1))), ())


def softmax(w, step):
    (x,), (dim,) = step.inputs, step.params
    dims = as_tuple(dim, x.ndim)
    e = w.exp(w.sub(x, w.reduce(rows.amax, x, dims)))
    return w.div(e, w.reduce(rows.sum, e, dims))


def log_softmax(w, step):
    (x,), (dim,) = step.inputs, step.params
    dims = as_tuple(dim, x.ndim)
    shifted = w.sub(x, w.reduce(rows.amax, x, dims))
    return w.sub(shifted, w.log(w.reduce(rows.sum, w.exp(shifted), dims)))


def add_scaled(w, step):
    x, y, alpha = (*step.inputs, *step.params)
    return w.add(x, w.mul(y, alpha)) if y.__class__ is Value else None


def addcmul(w, step):
    x, y, z, value = (*step.inputs, *step.params)
    product = w.mul(y, z)
    return w.add(x, product if value.__class__ is not Value and value == 1 else w.mul(product, value))


def addcdiv(w, step):
    x, y, z, value = (*step.inputs, *step.params)
    quotient = w.div(y, z)
    return w.add(x, quotient if value.__class__ is not Value and value == 1 else w.mul(quotient, value))


def lerp(w, step):
    x, y, weight = step.inputs
    if weight.__class__ is Value or x.__class__ is not Value or y.__class__ is not Value:
        return None
    difference = w.sub(y, x)
    return w.add(x, w.mul(difference, weight)) if abs(weight) < 0.5 else w.sub(y, w.mul(difference, 1 - weight))


def square(w, step):
    return w.mul(step.inputs[0], step.inputs[0])


def rsqrt(w, step):
    return w.reciprocal(w.sqrt(step.inputs[0]))


def clamp(w, step):
    x, low, high = (*step.inputs, *step.params)
    x = x if low is None else w.maximum(x, low)
    return x if high is None else w.minimum(x, high)


def stack(w, step):
    """A stack is a concatenation along a new dim of size 1."""
    (dim,) = step.params
    dim %= step.out.ndim
    shape = [1 if d == dim else n for d, n in enumerate(step.out.shape)]
    return w.step(rows.cat, [w.reshape(x, shape) for x in step.inputs], (dim,), step.out.shape, step.out.dtype)




EXPANSIONS = {
    rows.linear: linear, rows.matmul: matmul, rows.sum: reduced(rows.sum), rows.amax: reduced(rows.amax),
    rows.amin: reduced(rows.amin), rows.mean: mean, rows.squared_error_mean: squared_error_mean, rows.softmax: softmax,
    rows.log_softmax: log_softmax, rows.add_scaled: add_scaled, rows.addcmul: addcmul, rows.addcdiv: addcdiv,
    rows.lerp: lerp, rows.square: square, rows.rsqrt: rsqrt, rows.clamp: clamp, rows.stack: stack,
}  # fmt: skip
"""Row → a function of a Writer and the step, that gives the Value of the same in plainer rows; None: as it is."""


def expanded(graph):
    """Every row spelled out as far as ``EXPANSIONS`` goes; copies and the like are the value itself.

        %2 = copy %1            %3 = mul %1 %1
        %3 = square %2     →
    """
    same: dict = {}
    steps = []
    todo = list(reversed(graph.steps))
    while todo:
        step = todo.pop()
        step = step.having([same.get(x, x) if x.__class__ is Value else x for x in step.inputs])
        if nothing(step):
            same[step.out] = step.inputs[0]
            continue
        expansion = EXPANSIONS.get(step.row)
        writer = Writer(step.line)
        value = None if expansion is None else expansion(writer, step)
        if value is None:
            steps.append(step)
            continue
        if value.dtype is not step.out.dtype:
            value = writer.cast(value, step.out.dtype)
        same[step.out] = value
        last = Step(MARK, (value,), (), step.out)
        todo += [last, *reversed(writer.steps)]
    return Graph(graph.inputs, steps, [same.get(x, x) for x in graph.outputs])


class Mark:
    """Stands in the list of what is still to be rewritten where an expansion ends: its value is that of the step."""

    name = kind = "mark"


MARK = Mark()
COPIES = (MARK, rows.copy, rows.contiguous, rows.detach)


def nothing(step):
    """Whether a step only hands on its input."""
    x = step.inputs[0] if step.inputs else None
    if x.__class__ is not Value:
        return False
    if step.row in COPIES:
        return True
    if step.row in (rows.sum, rows.amax, rows.amin, rows.prod):  # over dims of size 1
        return x.shape == step.out.shape and x.dtype is step.out.dtype and x.size > 0
    if step.row in (rows.reshape, rows.expand):
        return x.shape == step.out.shape
    if step.row is rows.permute:
        return step.params[0] == tuple(range(x.ndim))
    return step.row is rows.cast and x.dtype is step.out.dtype


# --------------------------------------------------------------------------------------------------- once, or not at all


def shared(graph):
    """What is computed twice is computed once.

        %2 = exp %0             %2 = exp %0
        %3 = exp %0        →    %4 = add %2 %2
        %4 = add %2 %3
    """
    same: dict = {}
    known: dict = {}
    steps = []
    for step in graph.steps:
        step = step.having([same.get(x, x) if x.__class__ is Value else x for x in step.inputs])
        inputs = tuple([x if x.__class__ is Value else (x.__class__, repr(x)) for x in step.inputs])
        key = step.row, inputs, repr(step.params), step.out.dtype, step.out.shape
        if step.row.kind == "random":
            steps.append(step)
        elif key in known:
            same[step.out] = known[key]
        else:
            known[key] = step.out
            steps.append(step)
    return Graph(graph.inputs, steps, [same.get(x, x) for x in graph.outputs])


def dead(graph):
    """What nobody reads isn't computed; draws are, for the generator's sake.

        %2 = mul %0 %1            %2 = mul %0 %1
        %3 = exp %0          →    return %2
        return %2
    """
    read = set(graph.outputs)
    steps = []
    for step in reversed(graph.steps):
        if step.out in read or step.row.kind == "random":
            read.update(step.reads)
            steps.append(step)
    return Graph(graph.inputs, reversed(steps), graph.outputs)
