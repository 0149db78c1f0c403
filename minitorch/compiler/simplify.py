"""Simplify: the same values, said with fewer and plainer rows.

    %3 = linear %0 %1 %2                  %3 = permute %1 {(1, 0)}
    %4 = copy %3                          %4 = matmul %0 %3
    %5 = exp %4                     →     %5 = add %4 %2
    %6 = exp %3                           %6 = exp %5
    return %6                             return %6

Rows that exist for speed in eager mode are spelled out in plain ones (decompositions.py), so that later stages know a few
dozen rows only and fusion sees what is inside. Copies disappear, for nobody can write to a value; what is computed twice is
computed once; what is laid together region by region is a concatenation (concatenations.py), and short products that are added
up are one long product (merged_products.py); what nobody reads isn't computed at all.

torch: torch/_inductor/decomposition.py, torch/_functorch/compile_utils.py (fx_graph_cse)
"""

from .. import primitives as rows
from ..dtypes import float32
from ..native.narrow import NARROW
from .composed import composed
from .concatenations import patched
from .decompositions import DECOMPOSITIONS, Writer
from .gather_scatter import PLACES
from .graph import Graph, Step, Value
from .merged_products import summed
from .pools import POOLS
from .resampling import RESAMPLING
from .rolls import ROLLS

__all__ = ["dead", "shared", "simplify"]


SPELLED_OUT = {**DECOMPOSITIONS, **PLACES, **POOLS, **RESAMPLING, **ROLLS}
"""Row → a function of a Writer and the step, see decompositions.py."""


def simplify(graph):
    """Every rewriting of this file, in order.

    >>> from minitorch.compiling.tracing import traced
    >>> print(simplify(traced(lambda x: x.square().clone() + x.square(), torch.ones(2))))
    %0: float32[2]
    %1: float32[2] = mul %0 %0
    %2: float32[2] = add %1 %1
    return %2
    """
    return dead(shared(summed(patched(dead(decomposed(graph))))))


def decomposed(graph):
    """Every row spelled out as far as ``DECOMPOSITIONS`` goes; copies and the like are the value itself.

        %2 = copy %1            %3 = mul %1 %1
        %3 = square %2     →
    """
    same: dict = {}
    steps, checks = [], list(graph.checks)
    todo = list(reversed(graph.steps))
    while todo:
        step = todo.pop()
        step = step.having([same.get(x, x) if x.__class__ is Value else x for x in step.inputs])
        step = without_empty(step)
        if nothing(step):
            same[step.out] = step.inputs[0]
            continue
        decomposition = widened if is_narrow(step) else composed if step.row.kind == "composite" else SPELLED_OUT.get(step.row)
        writer = Writer(step.line)
        value = None if decomposition is None else decomposition(writer, step)
        if value is None:
            steps.append(step)
            continue
        if value.dtype is not step.out.dtype:
            value = writer.cast(value, step.out.dtype)
        checks += writer.checks
        last = Step(MARK, (value,), (), step.out)
        todo += [last, *reversed(writer.steps)]
    return replaced(graph, steps, same, checks)


def without_empty(step):
    """What has no elements comes of nothing, and is no part of a concatenation.

        %1: float32[0] = slice %0              %1: float32[0] = full {(0), 0, float32}
        %2: float32[3] = cat %0 %1       →     %2: float32[3] = cat %0
    """
    if step.out.size == 0 and step.row.kind not in ("random", "creation"):
        return Step(rows.full, (), (step.out.shape, 0, step.out.dtype), step.out, step.line)
    if step.row is rows.cat and any([x.size == 0 for x in step.inputs]):
        return step.having([x for x in step.inputs if x.size])
    return step


def is_narrow(step):
    """Whether a step computes with a narrow type; what only moves numbers leaves them as they are."""
    if step.out.dtype.name not in NARROW and not any([x.dtype.name in NARROW for x in step.reads]):
        return False
    if step.row is rows.full:
        return step.out.size > 0
    computes = step.row.kind == "elementwise" or (step.row.ready is not None and step.row.kind != "joining")
    return computes and step.row not in (rows.cast, rows.copy)


def widened(w, step):
    """A step on float16 or bfloat16 is done in float32, and its result rounded once, as at the gate.

        %2: bfloat16 = exp %1     →     %3: float32 = cast %1;  %4: float32 = exp %3;  %2: bfloat16 = cast %4
    """
    inputs = [w.cast(x, float32) if x.__class__ is Value and x.dtype.name in NARROW else x for x in step.inputs]
    dtype = float32 if step.out.dtype.name in NARROW else step.out.dtype
    params = (*step.params[:-1], dtype) if step.row is rows.full else step.params
    return w.step(step.row, inputs, params, step.out.shape, dtype)


def replaced(graph, steps, same, checks):
    """A graph of other steps, whose outputs and checks are now called otherwise."""
    checks = [(same.get(x, x), error, message) for x, error, message in checks]
    return Graph(graph.inputs, steps, [same.get(x, x) for x in graph.outputs], checks)


class Mark:
    """Stands in the list of what is still to be rewritten where a decomposition ends: its value is that of the step."""

    name = kind = "mark"


MARK = Mark()
COPIES = (MARK, rows.copy, rows.contiguous, rows.detach, rows.unmoved)


def nothing(step):
    """Whether a step only hands on its input."""
    x = step.inputs[0] if step.inputs else None
    if x.__class__ is not Value:
        return False
    if step.row in COPIES or (step.row is rows.cat and len(step.inputs) == 1):
        return True
    if step.row is rows.write and step.inputs[1].__class__ is Value and step.inputs[1].size == 0:
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
    found = replaced(graph, steps, same, graph.checks)
    return Graph(found.inputs, found.steps, found.outputs, dict.fromkeys(found.checks))


def dead(graph):
    """What nobody reads isn't computed; draws are, for the generator's sake.

        %2 = mul %0 %1            %2 = mul %0 %1
        %3 = exp %0          →    return %2
        return %2
    """
    read = {*graph.outputs, *[value for value, *_ in graph.checks]}
    steps = []
    for step in reversed(graph.steps):
        if step.out in read or step.row.kind == "random":
            read.update(step.reads)
            steps.append(step)
    return Graph(graph.inputs, reversed(steps), graph.outputs, graph.checks)
