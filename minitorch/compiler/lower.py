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
from ..native.mathematics import KINDS
from ..native.target import SIZES
from .access import contiguous
from .draws import DRAWN
from .gather_scatter import PUT, TAKE
from .graph import Step, Value
from .kernels import Loops, Member, Place
from .nest import Count, Load, Nest, Op, Store
from .pieces import laid_together
from .scans import RUNNING

__all__ = ["lower"]

DEAR = frozenset(["exp", "log", "tanh", "erf", "erfc", "sigmoid", "pow", "div", "sqrt", "sin", "cos", "reciprocal", "log1p", "expm1"])
"""Rows that cost more than to fetch their result."""

KEPT_BYTES = 1 << 16
"""A row of kept values must fit into the nearest cache."""


def lower(kernel, found, plan):
    r"""The Nests of a Loops or Pieces kernel, to run one after the other.

    found: the Access of each Value.   plan: where each lies; equal places are one buffer.

    >>> from minitorch.compiler.access import accesses
    >>> from minitorch.compiler.fuse import fuse
    >>> from minitorch.compiler.plan import plan
    >>> from minitorch.compiler.pseudocode import readable
    >>> from minitorch.compiler.simplify import simplify
    >>> from minitorch.compiling.tracing import traced
    >>> from minitorch.compiler.writable import writable
    >>> graph = simplify(traced(lambda x: x.softmax(1), torch.ones(32, 100)))
    >>> planned = plan(fuse(graph, accesses(graph, {}), writable), accesses(graph, {}), graph, [Place("output", 0)])
    >>> (nest,) = lower(planned.kernels[0], planned.found, planned)
    >>> print("\n".join(readable(nest, ["x", "y"])))
    for i in 32:
        for j in 100:  m1 = max(m1, x[100i + j])
        for j in 100:  t1[j] = exp(x[100i + j] - m1);  s1 += t1[j]
        for j in 100:  y[100i + j] = t1[j] / s1
    """
    return [loops(kernel, found, plan)] if kernel.__class__ is Loops else nests(kernel.steps[0], found, plan)


def loops(kernel, found, plan):
    """The Nest of a Loops kernel."""
    lowering = Lowering(kernel, found, plan.places, plan.constants)
    for member in kernel.members:
        lowering.member(member)
    for value in kernel.outputs:
        lowering.store(value, plan.strides.get(value) or found[value].strides)
    return lowering.finished()


def nests(step, found, plan):
    """The Nests that lay a value together, one for each piece."""
    made = []
    for x, place, adds in laid_together(step):
        if x.__class__ is Value and there(found[x].base, x, step.out, place, plan):
            continue
        copy = Value(place.shape, step.out.dtype)
        piece = Step(rows.full, (), (place.shape, x, copy.dtype), copy) if x.__class__ is not Value else Step(rows.copy, (x,), (), copy)
        kernel = Loops(place.shape)
        member = Member(piece, [None if n == 1 else d for d, n in enumerate(place.shape)], True)
        kernel.members.append(member)
        lowering = Lowering(kernel, found, {**plan.places, copy: plan.places[step.out]}, plan.constants)
        lowering.member(member)
        lowering.store(copy, place.strides, place.offset, adds)
        made.append(lowering.finished())
    return made if step.row is not PUT else [*made, scattering(step, found, plan)]


def there(base, x, whole, place, plan):
    """Whether a piece lies already where it is to be. A part of one that does must be copied: it is at another place as well."""
    if base in plan.inside:
        return plan.inside[base] == (whole, place.offset * base.dtype.itemsize)
    return base is x and plan.places.get(x) == plan.places[whole]


def scattering(step, found, plan):
    """The nest that stores a put's source at its places."""
    y = step.inputs[1]
    copy = Value(y.shape, y.dtype)
    kernel = Loops(y.shape)
    member = Member(Step(rows.copy, (y,), (), copy), range(y.ndim), True)
    kernel.members.append(member)
    lowering = Lowering(kernel, found, plan.places, plan.constants)
    lowering.member(member)
    lowering.put(copy, step, member.labels)
    return lowering.finished()


class Lowering:
    def __init__(self, kernel, found, places, constants):
        self.kernel, self.found, self.places, self.constants = kernel, found, places, constants
        self.ops, self.made, self.members, self.stores, self.buffers = [], {}, {}, [], []
        self.serial = False

    def member(self, member):
        step = member.step
        kind = "reduction" if step.row.kind == "reduction" else "full" if member.full else "outer"
        if step.row is TAKE:
            args, places = self.taken(step, member)
        else:
            args = [self.operand(x, member) if x.__class__ is Value else x for x in step.inputs]
        dtypes = [x.dtype.name for x in step.reads]
        if step.row is rows.full:
            args = [step.params[1]]
        elif step.row is DRAWN:
            args.insert(2, Count("int64", self.along(in_turn(step), member.labels), 0, 0, 1))
        elif step.row is rows.arange:
            along = self.along(contiguous(step.out.shape), member.labels)
            args = [Count(step.out.dtype.name, along, 0, *step.params[:2])]
        params = (dtypes[0], step.out.dtype.name) if step.row is rows.cast else step.params
        if step.row is DRAWN:
            params = (*params, step.out.size)
        if step.row in (rows.full, rows.arange) or step.row in RUNNING or kind == "reduction":
            params = ()
        if step.row is TAKE:
            params = places
        op = Op(step.row.name, kind, args, params, step.out.dtype.name, operands(step))
        op.level = max([x.level + (x.kind == "reduction") for x in args if x.__class__ is Op], default=0)
        self.ops.append(op)
        self.made[step.out], self.members[step.out] = op, member

    def taken(self, step, member):
        """What a take reads: its indices, and the memory as far as the indices don't say where."""
        x, *indices = step.inputs
        access, (along,) = self.found[x], step.params
        strides = [(member.labels[d], s) for d, s in zip(along, access.strides) if d >= 0]
        source = self.along([s for _, s in strides], [label for label, _ in strides])
        source = Load(self.buffer(self.places[access.base]), x.dtype.name, source, access.offset)
        places = tuple([(x.shape[d], access.strides[d]) for d in sorted(range(x.ndim), key=lambda d: -along[d]) if along[d] < 0])
        return [*[self.operand(i, member) for i in indices], source], places

    def put(self, value, step, labels):
        """Store a value at the places that a put's indices say."""
        x, _, *indices = step.inputs
        along, adds = step.params
        strides = contiguous(x.shape)
        free = [(labels[d], s) for d, s in zip(along, strides) if d >= 0]
        member = self.members[value]
        dims = sorted([d for d in range(x.ndim) if along[d] < 0], key=lambda d: -along[d])
        at = tuple([(self.operand(i, member), x.shape[d], strides[d]) for i, d in zip(indices, dims)])
        place = self.along([s for _, s in free], [label for label, _ in free])
        self.stores.append(Store(self.made[value], self.buffer(self.places[step.out]), place, 0, at, adds))
        self.serial = 0 not in [label for label, _ in free]

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

    def store(self, value, strides, offset=0, adds=False):
        along = self.along(strides, self.members[value].labels)
        self.stores.append(Store(self.made[value], self.buffer(self.places[value]), along, offset, (), adds))

    def shift(self):
        """Let the buffers that are only read begin where the kernel begins to read: its text then says nothing of where.

            load %b0[1024 + i], of the arena from byte 0 on     →     load %b0[i], of the arena from byte 4096 on
        """
        kept = {s.buffer for s in self.stores} | {x.buffer for s in self.stores for x, *_ in s.at if x.__class__ is Load}
        starts: dict = {}
        for op in self.ops:
            for x in op.args:
                if x.__class__ is Load and x.buffer not in kept and self.buffers[x.buffer].kind == "arena":
                    offset, size = starts.get(x.buffer, (x.offset, SIZES[KINDS[x.dtype]]))
                    starts[x.buffer] = min(offset, x.offset), size
        for buffer, (offset, size) in starts.items():
            self.buffers[buffer] = Place("arena", self.buffers[buffer].at + offset * size)
        for op in self.ops:
            op.args = [
                replace(x, offset=x.offset - starts[x.buffer][0]) if x.__class__ is Load and x.buffer in starts else x for x in op.args
            ]

    def finished(self):
        self.shift()
        shape = self.kernel.shape
        dims = [d for d, n in enumerate(shape) if n != 1]
        places = [x for op in self.ops for x in op.args if x.__class__ in (Load, Count)] + self.stores
        places += [x for s in self.stores for x, *_ in s.at if x.__class__ in (Load, Count)]
        runs = merged(dims, self.kernel.reduced, shape, [p.strides for p in places])
        loads: dict = {}
        for op in self.ops:
            op.args = [loads.setdefault(x, fewer(x, runs)) if x.__class__ in (Load, Count) else x for x in op.args]
        stores = []
        for s in self.stores:
            at = tuple([(fewer(x, runs) if x.__class__ in (Load, Count) else x, n, stride) for x, n, stride in s.at])
            stores.append(replace(fewer(s, runs), at=at))
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
        nest = Nest(tuple(extents), outer, inner, by_rows, passes + 1, self.buffers, self.ops, stores, serial=self.serial)
        keep(nest)
        return nest


def in_turn(step):
    """By how much each dim of a draw moves the place of a number in it."""
    shape, order = step.out.shape, step.params[2]
    if order is None:
        return contiguous(shape)
    strides = dict(zip(order, contiguous([shape[d] for d in order]), strict=True))
    return [strides[d] for d in range(len(shape))]


def operands(step):
    """The dtype that a step computes in: that of what it reads. A ``where`` takes its conditions as they come."""
    inputs = step.inputs[::2] if step.row is rows.where else step.inputs
    return next((x.dtype.name for x in inputs if x.__class__ is Value), step.out.dtype.name)


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
    todo, seen = [op], {op}
    while todo:
        op = todo.pop()
        if op.name in DEAR:
            return True
        needed = [x for x in op.args if x.__class__ is Op and x.kind == "full" and x.kept is None and x not in seen]
        seen.update(needed)
        todo += needed
    return False
