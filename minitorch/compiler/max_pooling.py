"""Pools of largest elements: what is largest is known where it is looked for, and its gradient asks instead of scattering.

    %2 = max_pool_index %1                  %2 = best of four slices of %1;  %3 = which of the four, a byte
    %3 = pool_gather %1 %2
    …                                 →     …
    %8 = pool_scatter %7 %2                 %8 = keep %7 %2
    %9 = keep %8 %1                         %9 = where(%3 = which of four the pixel is, %8, 0)
    %10 = sum %9                            %10 = sum %8

Where windows lie side by side, all of it is loops that fuse with others. What is kept of a gradient by the sign of a pixel is
kept of it by the sign of the largest, which is that pixel; so a quarter of the numbers are read. Where windows overlap, each
pixel of a GPU's asks those that see it (native/cuda_pooling.py): nothing is added by several threads to one place. On the CPU such
pools find places and scatter on the way back.

torch: torch/_inductor/lowering.py (max_pool2d_with_indices_backward)
"""

import math

from .. import primitives as rows
from ..dtypes import int32, uint8
from ..tables import windows
from .decompositions import Writer
from .gather_scatter import Row
from .graph import Graph, Step
from .pools import MOST, describable, framed, largest_by_reduction, paired, seen, taps, tiled

__all__ = ["POOL_RETURN", "pooled"]

POOL_RETURN = Row("pool return", lambda xp, g, index, shape, dims, seen: xp.pool_scatter(g, index, shape, dims, seen))
"""``pool_scatter`` by windows that overlap, as a kernel of its own."""


def pooled(graph, overlaps=True):
    """The graph, with pools of largest elements so said.   overlaps: also the way back of those whose windows don't lie side by side."""
    pools: dict = {}
    back: dict = {}
    steps: list = []
    for step in graph.steps:
        writer, made = Writer(step.line), None
        if step.row is windows.max_pool_index and describable(step.inputs[0], step.params[0]):
            pools[step.out] = Pool(writer, step)
        elif step.row is windows.pool_gather and step.inputs[1] in pools and pools[step.inputs[1]].x is step.inputs[0]:
            made = renamed(pools[step.inputs[1]].best, step)
        elif step.row is windows.pool_scatter and step.params[2].__class__ is tuple and (overlaps or is_numbered(pools, step.inputs[1])):
            back[step.out] = Back(step.inputs, step.params)
            made = back[step.out].steps(writer, pools, step)
        elif step.row is rows.keep and step.inputs[0] in back and back[step.inputs[0]].is_of(step.inputs[1], pools):
            before = back[step.inputs[0]]
            g = writer.keep(before.g, pools[before.index].best)
            back[step.out] = Back((g, before.index), before.params)
            made = [*writer.steps, *back[step.out].steps(Writer(step.line), pools, step)]
        elif step.row is rows.sum and step.inputs[0] in back and back[step.inputs[0]].whole(step.params[0]):
            made = [Step(step.row, (back[step.inputs[0]].g,), step.params, step.out, step.line)]
        steps += [*writer.steps, step] if made is None else made
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def is_numbered(pools, index):
    """Whether an index is known as a number within a window, too."""
    return index in pools and pools[index].which is not None


def renamed(value, step):
    """The steps by which a step's result is that value."""
    return [Step(rows.reshape, (value,), (step.out.shape,), step.out, step.line)]


class Pool:
    """A ``max_pool_index``: what is largest; and where windows lie side by side, which of its window it is, counted flat."""

    def __init__(self, w, step):
        (self.x,), (geometry,) = step.inputs, step.params
        lead = self.x.ndim - len(geometry[0])
        self.tiled = tiled(self.x.shape[lead:], geometry)
        self.best, self.which = None, None
        if math.prod(geometry[0]) > MOST:
            self.best = largest_by_reduction(w, self.x, geometry)[-1]
            return
        frame = framed(w, self.x, geometry, -math.inf)
        for number, (_, key) in enumerate(taps(geometry)):
            value = seen(w, frame, key, geometry[-1])
            if self.best is None:
                self.best = value
                continue
            better = w.or_(w.compare(rows.gt, value, self.best), w.compare(rows.isnan, value))
            self.best = w.where(value, better, self.best)
            if self.tiled:
                self.which = self.numbered(w, number, better)

    def numbered(self, w, number, better):
        before = self.which if self.which is not None else self.number(w, 0, better.shape)
        return w.where(self.number(w, number, better.shape), better, before)

    def number(self, w, number, shape):
        return w.step(rows.full, (), (shape, number, uint8), shape, uint8)


class Back:
    """The gradient ``g`` of what pools took, brought back."""

    def __init__(self, inputs, params):
        (self.g, self.index), self.params = inputs, params

    def is_of(self, x, pools):
        """Whether the pools were of x."""
        return self.index in pools and pools[self.index].x is x

    def whole(self, dims):
        """Whether a sum over dims takes whole maps."""
        dims = (dims,) if dims.__class__ is int else dims
        every = range(self.g.ndim)
        return dims is None or {every[d] for d in dims or every} >= set(every[-self.params[1] :])

    def steps(self, w, pools, step):
        """The steps that make it the result of ``step``, or None if others do."""
        shape, dims, geometry = self.params
        lead = shape[: len(shape) - dims]
        if is_numbered(pools, self.index):
            pairs = paired(lead, geometry)
            asked, g = [w.expand(w.reshape(x, paired(lead, geometry, inside=False)), pairs) for x in (pools[self.index].which, self.g)]
            kernel = geometry[0]
            own = w.step(rows.arange, (), (0, 1, math.prod(kernel), int32), (math.prod(kernel),), int32)
            own = w.expand(w.reshape(own, [n for k in kernel for n in (1, k)]), pairs[len(lead) :])
            out = w.where(g, w.compare(rows.eq, w.cast(asked, int32), own), 0)
            return [*w.steps, *renamed(out, step)]
        if self.g.dtype.name in ("float32", "float64") and step.row is windows.pool_scatter:
            return [Step(POOL_RETURN, step.inputs, step.params, step.out, step.line)]
        return None if step.row is windows.pool_scatter else self.again(w, step)

    def again(self, w, step):
        """``pool_scatter`` of another gradient than the graph's, as the result of ``step``."""
        w.step(POOL_RETURN, (self.g, self.index), self.params, step.out.shape, step.out.dtype, step.out)
        return w.steps
