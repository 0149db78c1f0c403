"""Reductions."""

from ...dtypes import bool as boolean
from ...dtypes import int32, int64

__all__ = ["REDUCTIONS"]


def over(kind):
    """The operator ``kind``, over some dims."""
    return lambda o, x, dims, keepdim: o.node(kind, x, list(dims), keepdims=int(keepdim), noop_with_empty_axes=1)


def summed(o, x, dims, keepdim):
    return over("ReduceSum")(o, o.cast(x, int64) if o.dtype is boolean else x, dims, keepdim)


def extreme(kind):
    """The largest or the smallest: of truth values as numbers."""

    def reduce(o, x, dims, keepdim):
        if o.dtype is not boolean:
            return over(kind)(o, x, dims, keepdim)
        return o.cast(over(kind)(o, o.cast(x, int32), dims, keepdim), boolean)

    return reduce


def some_true(kind):
    """Whether one is true (ReduceMax), or all are (ReduceMin)."""
    return lambda o, x, dims, keepdim: o.cast(over(kind)(o, o.cast(o.cast(x, boolean), int32), dims, keepdim), boolean)


def place_of(kind):
    """Where along a dim, or in the flat tensor, the extreme is."""

    def find(o, x, dim, keepdim):
        x = o.cast(x, int32) if o.dtype is boolean else x
        if dim is not None:
            return o.node(kind, x, axis=dim, keepdims=int(keepdim))
        flat = o.node(kind, o.Reshape(x, [-1]), axis=0, keepdims=0)
        return o.Reshape(flat, [1] * len(o.out.shape)) if keepdim else flat

    return find


def squared_error_mean(o, x, y):
    difference = o.Sub(x, y)
    return o.ReduceMean(o.Mul(difference, difference), keepdims=0)


def logcumsumexp(o, x, dim):
    """By way of the largest of all: what is far below it is lost."""
    most = o.ReduceMax(x, [dim], keepdims=1)
    return o.Add(o.Log(o.CumSum(o.Exp(o.Sub(x, most)), o.constant(dim, int64))), most)


REDUCTIONS = {
    "sum": summed,
    "mean": over("ReduceMean"),
    "prod": lambda o, x, dim, keepdim: over("ReduceProd")(o, x, (dim,), keepdim),
    "amax": extreme("ReduceMax"),
    "amin": extreme("ReduceMin"),
    "any": some_true("ReduceMax"),
    "all": some_true("ReduceMin"),
    "argmax": place_of("ArgMax"),
    "argmin": place_of("ArgMin"),
    "squared_error_mean": squared_error_mean,
    "softmax": lambda o, x, dim: o.Softmax(x, axis=dim),
    "log_softmax": lambda o, x, dim: o.LogSoftmax(x, axis=dim),
    "cumsum": lambda o, x, dim: o.CumSum(x, o.constant(dim, int64)),
    "logcumsumexp": logcumsumexp,
}
