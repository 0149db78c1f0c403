"""CUDA: short rows are sorted by counting. An element goes where there are as many that come before it.

    %1 = argsort %0 {dim 1}   (2048, 8)     →     %2 = those that come before, (2048, 8, 8);  %3 = sum %2;  %1 = put the numbers 0 … 7 at %3

Of a row of n elements that is n comparisons each, side by side and without waiting; CuPy, which sorts the longer ones, ends a
captured stretch.

torch: aten/src/ATen/native/cuda/Sort.cu (sortKeyValueInplace)
"""

from .. import primitives as rows
from ..dtypes import float32, int32, int64
from ..native.narrow import NARROW
from .decompositions import Writer
from .gather_scatter import PUT, along_dim
from .graph import Graph

__all__ = ["ranked"]

LONGEST = 256
"""Elements of a row that is sorted so."""


def ranked(graph):
    """The graph, in which short rows are sorted by loops."""
    steps = []
    for step in graph.steps:
        steps += counted(step) if step.row in (rows.argsort, rows.topk_places) and fits(step) else [step]
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def fits(step):
    (x,), (dim, _) = step.inputs, asked(step)
    return x.ndim > 0 and x.size > 0 and x.shape[dim] <= LONGEST and not x.dtype.is_complex


def asked(step):
    """(dim, whether the largest come first)."""
    return step.params[:2] if step.row is rows.argsort else step.params[1:3]


def counted(step):
    """The steps that sort: NaN counts as the largest, and what is equal stays in order."""
    w, (x,), (dim, descending) = Writer(step.line), step.inputs, asked(step)
    dim %= x.ndim
    n, lead, rest = x.shape[dim], x.shape[:dim], x.shape[dim + 1 :]
    if x.dtype.name in (*NARROW, "bool"):
        x = w.cast(x, float32 if x.dtype.name in NARROW else int32)
    this, other = w.reshape(x, (*lead, n, 1, *rest)), w.reshape(x, (*lead, 1, n, *rest))
    small, large = (this, other) if descending else (other, this)
    before = w.compare(rows.lt, small, large)
    same = w.compare(rows.eq, this, other)
    if x.dtype.is_floating_point:
        no, other_no = w.compare(rows.isnan, small), w.compare(rows.isnan, large)
        before = w.or_(before, w.and_(other_no, w.compare(rows.logical_not, no)))
        same = w.or_(same, w.and_(no, other_no))
    shape = [1] * (x.ndim + 1)
    places = [w.reshape(w.count(n), [n if d == at else 1 for d in range(len(shape))]) for at in (dim, dim + 1)]
    before = w.or_(before, w.and_(same, w.compare(rows.lt, places[1], places[0])))
    rank = w.reduce(rows.sum, w.cast(before, int32), (dim + 1,))
    rank = w.cast(w.reshape(rank, x.shape), int64)
    zeros = w.step(rows.full, (), (x.shape, 0, int64), x.shape, int64)
    numbers = w.expand(w.reshape(w.count(n), [n if d == dim else 1 for d in range(x.ndim)]), x.shape)
    order = w.step(PUT, (zeros, numbers, rank), (along_dim(dim, x.ndim), False), x.shape, int64)
    key = tuple([(0, m, 1) for m in step.out.shape])
    w.step(rows.slice, (order,), (key,), step.out.shape, int64, step.out)
    return w.steps
