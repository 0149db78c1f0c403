"""CUDA: rows that are added at places which labels name, as an embedding's gradient, are added in one order (native/cuda_scatter.py).

    %3 = reshape %label {(5, 1)}
    %4 = expand %3 {(5, 8)}                                    →    %5 = added rows %y %label
    %5 = put %zeros %y %4 {(-1, 1), True}

Threads that add as they come would give other last bits in each run. What is added otherwise (numbers at places in several dims)
still is, but for integers, of which no order shows, and with ``use_deterministic_algorithms``, when the backend does it.

torch: ATen/native/cuda/Embedding.cu, Indexing.cu
"""

import math

from .. import primitives as rows
from ..dtypes import float32
from ..native.cuda import MEMORY, NARROW
from ..native.cuda_scatter import ADDING, CHUNK, FEW, Sorting
from .access import accesses, contiguous, is_contiguous
from .gather_scatter import PUT, Row
from .graph import Graph, Step, Value
from .launches import PARTIALS, Launch

__all__ = ["ADDED_ROWS", "added_here", "adding", "rows_gathered"]

FLOATS = ("float32", "float64", *NARROW)
THREADS = 256
FILLED, MOST = 8, 1024
"""Numbers that a thread sets to 0, and blocks that do so at most."""


def added_rows(xp, y, labels, shape):
    zeros = xp.full(shape, 0, xp.dtype_of(y))
    return xp.index_put(zeros, y.reshape((*labels.shape, *shape[1:])), (labels,), (0,), True)


ADDED_ROWS = Row("added rows", added_rows)
"""Of y: (*labels, *shape[1:]) the sums of those rows that have one label; 0 for the others."""


def rows_gathered(graph, strides):
    """The graph, in which such rows are added by ADDED_ROWS.   strides: of the inputs that don't lie in order."""
    found, steps, makers = accesses(graph, strides), [], {step.out: step for step in graph.steps}
    for step in graph.steps:
        labels = labels_of(step, found) if step.row is PUT else None
        if labels is None:
            steps.append(step)
            continue
        x, y, *_ = step.inputs
        fresh = are_zeros(makers.get(x), makers)
        sums = step.out if fresh else Value(x.shape, x.dtype)
        steps.append(Step(ADDED_ROWS, (y, labels), (x.shape,), sums, step.line))
        steps += [] if fresh else sum_of(x, sums, step)
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def are_zeros(step, makers):
    """Whether a step makes zeros."""
    while step is not None and step.row is rows.cast:
        step = makers.get(step.inputs[0])
    return step is not None and step.row is rows.full and step.params[1] == 0


def sum_of(x, y, step):
    """The steps that leave x + y as the result of ``step``: narrow numbers are widened, and rounded once."""
    if x.dtype.name not in NARROW:
        return [Step(rows.add, (x, y), (), step.out, step.line)]
    wide, other, both = [Value(x.shape, float32) for _ in range(3)]
    return [
        Step(rows.cast, (x,), (float32,), wide, step.line), Step(rows.cast, (y,), (float32,), other, step.line),
        Step(rows.add, (wide, other), (), both, step.line), Step(rows.cast, (both,), (x.dtype,), step.out, step.line),
    ]  # fmt: skip


def labels_of(step, found):
    """The labels of whole rows that a ``put`` adds, in order; None if it does something else."""
    (x, y, *indices), (along, adds) = step.inputs, step.params
    count = y.ndim - x.ndim + 1
    if not adds or x.dtype.name not in FLOATS or tuple(along) != (-1, *range(count, y.ndim)) or y.shape[count:] != x.shape[1:]:
        return None
    index, places = found[indices[0]], y.shape[:count]
    walked = [s for n, s in zip(y.shape, index.strides) if n > 1]
    wanted = [s for n, s in zip(y.shape, (*contiguous(places), *[0] * (y.ndim - count))) if n > 1]
    whole = index.base.size == math.prod(places) and not index.offset and is_contiguous(found[index.base])
    return index.base if whole and walked == wanted else None


def adding(kernel, found, laid):
    """The Launches that sort the labels, add up what lies in one chunk of them, and put together what lies in several."""
    (step,) = kernel.steps
    (y, labels), out = step.inputs, step.out
    n, height, columns = labels.size, out.shape[0], math.prod(out.shape[1:])
    how, kind = Sorting(n, columns, out.dtype.name), MEMORY[out.dtype.name]
    filling = max(min(-(-out.size // (THREADS * FILLED)), MOST), how.blocks)
    before = f"    int* const order = (int*)partials, *const named = order + {n};\n"
    ends = f"({how.wide}*)(partials + {how.ends})"
    sort = [
        f"    if (blockIdx.x < {how.blocks}) sort_places(labels, order, named, {n}, {height});\n",
        f"    for (int64 i = int64(blockIdx.x) * {THREADS} + threadIdx.x; i < {out.size}; i += {filling * THREADS}) out[i] = {kind}(0);\n",
    ]
    shared = f"{n}, {height}, {columns}, {how.across}"
    bodies = [
        (filling, ("labels", "out"), "".join([before, *sort])),
        (how.adding, ("y", "out"), f"{before}    add_chunks(y, order, named, out, {ends}, {shared});\n"),
        (how.adding, ("out",), f"{before}    join_chunks(named, out, {ends}, {shared});\n"),
    ]
    at = {name: found[x] for name, x in (("labels", labels), ("y", y), ("out", out))}
    return [launched(kernel, laid, at, *one, how.room) for one in bodies[: 3 if n > CHUNK else 2]]


def launched(kernel, laid, at, blocks, names, body, room):
    """One of them.   at: the Access of what has a name."""
    kinds = {name: MEMORY[access.base.dtype.name] for name, access in at.items()}
    parameters = [f"{'' if name == 'out' else 'const '}{kinds[name]}* __restrict__ {name}" for name in names]
    moves = "".join([f"    {name} += {at[name].offset};\n" for name in names if at[name].offset])
    buffers = [*[laid.places[at[name].base] for name in names], PARTIALS]
    writes = frozenset([names.index("out")])
    parameters.append("char* __restrict__ partials")
    return Launch(parameters, moves + body, buffers, (blocks, 1, 1), THREADS, kernel, writes, room, functions=ADDING)


def added_here(step):
    """Whether a step is ADDED_ROWS of so few labels that they are sorted in the program."""
    return step.row is ADDED_ROWS and step.inputs[1].size <= FEW
