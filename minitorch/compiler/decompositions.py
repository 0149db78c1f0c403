"""Rows that exist for speed in eager mode, spelled out in plain ones: what the compiler needn't know, since it fuses.

    squared_error_mean %0 %1     →     %2 = sub %0 %1;  %3 = mul %2 %2;  %4 = sum %3;  %5 = div %4 n

torch: torch/_inductor/decomposition.py, torch/_decomp/decompositions.py
"""

import math

from .. import primitives as rows
from ..dtypes import bool as bool_dtype
from ..dtypes import float32, float64, int32, int64
from ..tables import softmax as softmax_rows
from ..tables import windows
from .graph import Step, Value

__all__ = ["DECOMPOSITIONS", "Writer"]


class Writer:
    """Writes steps: each method adds one and returns its Value."""

    def __init__(self, line=None):
        self.steps, self.checks, self.line = [], [], line

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

    def compare(self, row, *inputs):
        return self.pointwise(row, *inputs, dtype=bool_dtype)

    def and_(self, x, y):
        return self.compare(rows.logical_and, x, y)

    def or_(self, x, y):
        return self.compare(rows.logical_or, x, y)

    def where(self, x, condition, y):
        """x where the condition holds, else y; one of the two may be a number."""
        shape, dtype = condition.shape, (x if x.__class__ is Value else y).dtype
        for v in (x, y):
            shape = broadcast(shape, v.shape) if v.__class__ is Value else shape
        return self.step(rows.where, (x, condition, y), (), shape, dtype)

    def count(self, n):
        """0, 1, … n - 1."""
        return self.step(rows.arange, (), (0, 1, n, int64), (n,), int64)

    def refuse(self, wrong, error, message):
        """The program raises ``error(message)`` if any element of ``wrong`` is true."""
        if 0 in wrong.shape:
            return
        number = self.reduce(rows.amax, self.cast(wrong, int64), range(wrong.ndim)) if wrong.ndim else self.cast(wrong, int64)
        self.checks.append((self.reshape(number, ()), error, message))

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


# -------------------------------------------------------------------------------------------------- arithmetic, reductions


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

    def decomposition(w, step):
        (x,), (dims, keepdim) = step.inputs, step.params
        dims = as_tuple(dims, x.ndim)
        if row in (rows.sum, rows.prod) and x.dtype is not step.out.dtype:
            x = w.cast(x, step.out.dtype)  # integers add up in int64
        elif keepdim and step.params[0] == dims:
            return None
        return w.reshape(w.reduce(row, x, dims), step.out.shape)

    return decomposition


def mean(w, step):
    (x,), (dims, _) = step.inputs, step.params
    dims = as_tuple(dims, x.ndim)
    count = math.prod([x.shape[d] for d in dims])  # the mean of nothing is 0 / 0
    return w.reshape(w.div(w.reduce(rows.sum, x, dims), float(count)), step.out.shape)


def squared_error_mean(w, step):
    x, y = step.inputs
    difference = w.sub(x, y)
    total = w.reduce(rows.sum, w.mul(difference, difference), range(difference.ndim))
    return w.reshape(w.div(total, float(difference.size)), ())


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


def softmax_grad(w, step):
    (x, y), (dim,) = step.inputs, step.params
    return w.mul(y, w.sub(x, w.reduce(rows.sum, w.mul(x, y), as_tuple(dim, x.ndim))))


def log_softmax_grad(w, step):
    (x, y), (dim,) = step.inputs, step.params
    return w.sub(x, w.mul(w.exp(y), w.reduce(rows.sum, x, as_tuple(dim, x.ndim))))


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
    if x.__class__ is not Value or y.__class__ is not Value or x.dtype.is_complex:
        return None
    difference = w.sub(y, x)
    if weight.__class__ is Value:
        near = w.compare(rows.lt, w.abs(weight), 0.5)
        return w.where(w.add(x, w.mul(difference, weight)), near, w.sub(y, w.mul(difference, w.sub(1, weight))))
    return w.add(x, w.mul(difference, weight)) if abs(weight) < 0.5 else w.sub(y, w.mul(difference, 1 - weight))


def truth(row):
    """any or all: the largest, or the smallest, of 0 and 1."""

    def decomposition(w, step):
        (x,), (dims, _) = step.inputs, step.params
        if x.size == 0:
            return None
        one = w.cast(w.cast(x, bool_dtype), int32)
        return w.cast(w.reshape(w.reduce(row, one, as_tuple(dims, x.ndim)), step.out.shape), bool_dtype)

    return decomposition


def extreme_place(row):
    """argmax or argmin: the smallest of the places at which the extreme is; of NaN, where the first is."""

    def decomposition(w, step):
        (x,), (dim, _) = step.inputs, step.params
        if x.size == 0 or x.dtype not in (float32, float64, int64, int32):
            return None
        if dim is None:
            x, dim = w.reshape(x, (x.size,)), 0
        dim %= x.ndim
        shape = [n if d == dim else 1 for d, n in enumerate(x.shape)]
        here = w.compare(rows.eq, x, w.reduce(row, x, (dim,)))
        if x.dtype in (float32, float64):
            here = w.or_(here, w.compare(rows.isnan, x))
        places = w.where(w.reshape(w.count(x.shape[dim]), shape), here, x.shape[dim])
        return w.reshape(w.reduce(rows.amin, places, (dim,)), step.out.shape)

    return decomposition


def size_below(word):
    """isinf or isfinite: how |x| compares with infinity."""

    def decomposition(w, step):
        (x,) = step.inputs
        return w.compare(word, w.abs(x), math.inf) if x.dtype in (float32, float64) else None

    return decomposition


def square(w, step):
    return w.mul(step.inputs[0], step.inputs[0])


def rsqrt(w, step):
    return w.reciprocal(w.sqrt(step.inputs[0]))


def clamp(w, step):
    x, low, high = (*step.inputs, *step.params)
    x = x if low is None else w.maximum(x, low)
    return x if high is None else w.minimum(x, high)


def conv(w, step):
    """The bias of a convolution is added to it."""
    if len(step.inputs) == 2:
        return None
    x, weight, bias = step.inputs
    out = w.step(step.row, (x, weight), step.params, step.out.shape, step.out.dtype)
    return out if bias is None else w.add(out, w.reshape(bias, (bias.size, *(1,) * (x.ndim - 2))))


def stack(w, step):
    """A stack is a concatenation along a new dim of size 1."""
    (dim,) = step.params
    dim %= step.out.ndim
    shape = [1 if d == dim else n for d, n in enumerate(step.out.shape)]
    return w.step(rows.cat, [w.reshape(x, shape) for x in step.inputs], (dim,), step.out.shape, step.out.dtype)




# --------------------------------------------------------------------------------------------------------------- places


def triangle(keep):
    """tril or triu: 0 where column - row isn't within k."""

    def decomposition(w, step):
        (x,), (k,) = step.inputs, step.params
        row, column = w.count(x.shape[-2]), w.count(x.shape[-1])
        offset = w.sub(column, w.reshape(row, (x.shape[-2], 1)))
        return w.where(x, w.compare(keep, offset, k), zero_of(x))

    return decomposition


def zero_of(x):
    return False if x.dtype is bool_dtype else 0


def picked(w, index, size, dim, ndim):
    """Where the entry number along ``dim``, of ``size``, is the one that ``index`` says; both have ``ndim`` dims."""
    shape = [1] * ndim
    shape[dim] = size
    wide = [*index.shape[:dim], 1, *index.shape[dim:]]
    return w.compare(rows.eq, w.reshape(w.count(size), shape), w.reshape(w.cast(index, int64), wide))


def valid(w, index, size, ignored):
    """Which indices count. One that lies outside and isn't ignored is an error."""
    counts = w.compare(rows.ne, index, ignored)
    outside = w.or_(w.compare(rows.lt, index, 0), w.compare(rows.ge, index, size))
    w.refuse(w.and_(outside, counts), IndexError, f"Target is out of bounds.\nthere are {size} classes: 0 to {size - 1}")
    return counts


def shares(w, counts, dtype):
    """How many indices count, as a number of a dtype."""
    return w.reshape(w.reduce(rows.sum, w.cast(counts, dtype), range(counts.ndim)), ())


def nll(w, step):
    (x, index), (dim, ignored, average) = step.inputs, step.params
    dim %= x.ndim
    counts = valid(w, index, x.shape[dim], ignored)
    chosen = w.reduce(rows.sum, w.where(x, picked(w, index, x.shape[dim], dim, x.ndim), 0), (dim,))
    out = w.where(w.neg(w.reshape(chosen, index.shape)), counts, 0)
    if not average:
        return out
    total = w.reshape(w.reduce(rows.sum, out, range(out.ndim)), ()) if out.ndim else out
    return w.div(total, shares(w, counts, x.dtype))


def nll_grad(w, step):
    (g, index), (shape, dim, ignored, average) = step.inputs, step.params
    dim %= len(shape)
    counts = valid(w, index, shape[dim], ignored)
    slope = w.neg(g)
    if average:
        slope = w.div(slope, shares(w, counts, g.dtype))
    slope = w.where(slope, counts, 0)
    wide = [*index.shape[:dim], 1, *index.shape[dim:]]
    return w.where(w.reshape(slope, wide), picked(w, index, shape[dim], dim, len(shape)), 0)


DECOMPOSITIONS = {
    rows.linear: linear, rows.matmul: matmul, rows.sum: reduced(rows.sum), rows.amax: reduced(rows.amax),
    rows.amin: reduced(rows.amin), rows.prod: reduced(rows.prod), rows.mean: mean,
    rows.squared_error_mean: squared_error_mean, rows.softmax: softmax, rows.log_softmax: log_softmax,
    softmax_rows.softmax_grad: softmax_grad, softmax_rows.log_softmax_grad: log_softmax_grad,
    rows.add_scaled: add_scaled, rows.addcmul: addcmul, rows.addcdiv: addcdiv, rows.lerp: lerp, rows.square: square,
    rows.rsqrt: rsqrt, rows.clamp: clamp, rows.stack: stack, windows.conv: conv, rows.tril: triangle(rows.le),
    rows.triu: triangle(rows.ge), rows.nll: nll, rows.nll_grad: nll_grad,
    rows.any: truth(rows.amax), rows.all: truth(rows.amin), rows.argmax: extreme_place(rows.amax),
    rows.argmin: extreme_place(rows.amin), rows.isinf: size_below(rows.eq), rows.isfinite: size_below(rows.lt),
}  # fmt: skip
"""Row → a function of a Writer and the step, that gives the Value of the same in plainer rows; None: as it is."""


