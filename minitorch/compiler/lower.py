"""Lower: a Loops kernel as a nest of loops, told exactly enough to be written down in any language.

    loops over (32, 16), reducing {1}: exp sum div
                                                            for i in outer: (32)
        buffers  b0 (in), b1 (out)                    →         pass 0, for j in inner: (16)   e = exp(b0[16 i + j]); s += e
                                                                pass 1, for j in inner:        b1[16 i + j] = e / s

A nest has its dims in two groups, outer and inner (those that reductions take together), as few of them as possible: dims
that are walked in step are one. The *level* of a value is how many passes over the inner dims must be over before it can
be computed. A value that is dear and is needed in a later pass than its own is *kept*.

torch: torch/_inductor/loop_body.py, ir.py (Reduction)
"""

from dataclasses import replace

from .. import primitives as rows
from .access import contiguous
from .graph import Value
from .nest import Count, Load, Nest, Op, Store

__all__ = ["lower"]

DEAR = frozenset(["exp", "log", "tanh", "erf", "erfc", "sigmoid", "pow", "div", "sqrt", "sin", "cos", "reciprocal", "log1p", "expm1"])
"""Rows that cost more than to fetch their result."""

KEPT_BYTES = 1 << 16
"""A row of kept values must fit into the nearest cache."""


def lower(kernel, found, plan):
    """The Nest of a Loops kernel.   found: the Access of each Value.   plan: where each lies; equal places are one buffer."""
    lowering = Lowering(kernel, found, plan.places, plan.constants)
    for member in kernel.members:
        lowering.member(member)
    for value in kernel.outputs:
        lowering.store(value, plan.strides.get(value) or contiguous(value.shape))
    return lowering.finished()


class Lowering:
    def __init__(self, kernel, found, places, constants):
        self.kernel, self.found, self.places, self.constants = kernel, found, places, constants
        self.ops, self.made, self.members, self.loads, self.stores, self.buffers = [], {}, {}, {}, [], []

    def member(self, member):
        step = member.step
        kind = "reduction" if step.row.kind == "reduction" else "full" if member.full else "outer"
        args = [self.operand(x, member) if x.__class__ is Value else x for x in step.inputs]
        dtypes = [x.dtype.name for x in step.reads]
        if step.row is rows.full:
            args = [step.params[1]]
        elif step.row is rows.arange:
            along = self.along(contiguous(step.out.shape), member.labels)
            args = [Count(step.out.dtype.name, along, 0, *step.params[:2])]
        params = (dtypes[0], step.out.dtype.name) if step.row is rows.cast else step.params
        if step.row in (rows.full, rows.arange) or kind == "reduction":
            params = ()
        op = Op(step.row.name, kind, args, params, step.out.dtype.name)
        levels = [x.level for x in args if x.__class__ is Op]
        op.level = max([x.level + (x.kind == "reduction") for x in args if x.__class__ is Op], default=0) if levels else 0
        self.ops.append(op)
        self.made[step.out], self.members[step.out] = op, member

    def operand(self, x, member):
        """What a step reads: an Op of this kernel, or memory."""
        access = self.found[x]
        if access.base in self.made:
            return self.made[access.base]
        constant = self.constants.get(access.base)
        if constant is not None and constant.row is rows.full:
            return constant.params[1]
        if member.step.row.kind == "reduction":
            labels = range(x.ndim)
        else:
            access, labels = access.broadcast(member.step.out.shape), member.labels
        along = self.along(access.strides, labels)
        if constant is not None:
            return Count(x.dtype.name, along, access.offset, *constant.params[:2])
        return Load(self.buffer(self.places[access.base]), x.dtype.name, along, access.offset)

    def buffer(self, place):
        if place not in self.buffers:
            self.buffers.append(place)
        return self.buffers.index(place)

    def along(self, strides, labels):
        """Strides by the kernel's dims, of strides by the dims that have these labels."""
        found = [0] * len(self.kernel.shape)
        for s, label in zip(strides, labels):
            if label is not None:
                found[label] += s
        return tuple(found)

    def store(self, value, strides):
        along = self.along(strides, self.members[value].labels)
        self.stores.append(Store(self.made[value], self.buffer(self.places[value]), along, 0))

    def finished(self):
        shape = self.kernel.shape
        dims = [d for d, n in enumerate(shape) if n != 1]
        places = [x for op in self.ops for x in op.args if x.__class__ in (Load, Count)] + self.stores
        runs = merged(dims, self.kernel.reduced, shape, [p.strides for p in places])
        loads: dict = {}
        for op in self.ops:
            op.args = [loads.setdefault(x, fewer(x, runs)) if x.__class__ in (Load, Count) else x for x in op.args]
        stores = [Store(s.op, s.buffer, tuple([s.strides[run[-1]] for run in runs]), s.offset) for s in self.stores]
        extents = []
        for run in runs:
            extents.append(1)
            for d in run:
                extents[-1] *= shape[d]
        inner = [k for k, run in enumerate(runs) if run[0] in self.kernel.reduced]
        outer = [k for k in range(len(runs)) if k not in inner]
        levels = [s.op.level for s in stores if s.op.kind == "full"]
        passes = max(levels + [op.level for op in self.ops if op.kind == "reduction"], default=0)
        by_rows = not inner or not outer or inner[-1] == len(runs) - 1
        nest = Nest(tuple(extents), outer, inner, by_rows, passes + 1, self.buffers, self.ops, stores)
        keep(nest)
        return nest


def fewer(load, runs):
    """The same by runs of dims."""
    return replace(load, strides=tuple([load.strides[run[-1]] for run in runs]))


def merged(dims, reduced, shape, strides):
    """Runs of neighbouring dims that every place walks through in step, so that one loop can take them."""
    runs: list = []
    for d in dims:
        last = runs[-1][-1] if runs else None
        if last is not None and (last in reduced) == (d in reduced) and all([s[last] == s[d] * shape[d] for s in strides]):
            runs[-1].append(d)
        else:
            runs.append([d])
    return runs


def keep(nest):
    """Mark what is dear and read in a later pass than its own: by rows only, where a row fits into the cache."""
    if nest.passes == 1 or not nest.by_rows or not nest.inner or nest.inner_size * 8 > KEPT_BYTES:
        return
    roots = [(op.args[0], op.level) for op in nest.ops if op.kind == "reduction"]
    roots += [(s.op, s.op.level) for s in nest.stores if s.op.kind == "full"]
    todo = [(x, p) for x, p in roots if x.__class__ is Op]
    seen = set()
    while todo:
        op, at = todo.pop()
        if (op, at) in seen or op.kind != "full":
            continue
        seen.add((op, at))
        if op.level < at and dear(op):
            if op.kept is None:
                op.kept = nest.kept
                nest.kept += 1
            todo.append((op, op.level))
        else:
            todo += [(x, at) for x in op.args if x.__class__ is Op]


def dear(op):
    """Whether something dear has to be computed for it, of what an inner point has."""
    if op.name in DEAR:
        return True
    return any([dear(x) for x in op.args if x.__class__ is Op and x.kind == "full" and x.kept is None])
