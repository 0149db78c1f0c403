"""Attention on a GPU: which one becomes a single step there, and that step as launches of native/cuda_attention.py.

    %4: float32 = matmul %2 %3          (%2, %3: bfloat16, widened)
    %5: bfloat16 = cast %4                                                    %14: bfloat16 = attend %q %k %v
    %6: float32 = cast %5                                           →         %15: float32 = attend_totals %q %k %v
    %7: float32 = amax %6;  …
    %14: bfloat16 = cast %13

In a narrow type every step of attention is done in float32 and rounded. One kernel does all of them and rounds once, so those casts are
looked through; the weights are still rounded before the second product, which a tensor core multiplies in the narrow type.

torch: ATen/native/transformers/cuda/flash_attn, torch/_inductor/fx_passes/fuse_attention.py
"""

import math

from .. import primitives as rows
from ..dtypes import bfloat16, float16, float32
from ..native.cuda import MEMORY
from ..native.cuda_attention import ATTENTION, PACK, THREADS, AttentionShape, Operand, attention_kernel
from .access import contiguous
from .attention import ATTEND, ATTEND_BACK, ATTEND_GRAD, ATTEND_TOTALS, Search, extras_of
from .graph import Graph, Step, Value
from .launches import PARTIALS, Launch

__all__ = ["attended_on_gpu", "attending_launches"]

NARROW = (float16, bfloat16)
WIDEST = 128
"""Numbers of a query, or a value: a warp has 16 rows of them in its registers."""


# ------------------------------------------------------------------------------------------------------- what it is


def attended_on_gpu(graph):
    """The graph with attention as single steps. What nobody reads now remains."""
    plain = Unrounded(graph)
    search, replaced = Search(plain.graph), {}
    for step in plain.graph.steps:
        if step.row is rows.matmul:
            found = search.attention(step)
            steps = None if found is None else search.written(found)
            replaced.update(plain.written(found, steps) if steps else {})
    steps = [new for step in graph.steps for new in replaced.get(step.out, (step,))]
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


class Unrounded:
    """A graph without the casts between float32 and narrow types.   same: Value → the one that it is a cast of.

    forms: Value → all that it is cast to, and itself.
    """

    def __init__(self, graph):
        self.same, self.forms, steps = {}, {}, []
        for step in graph.steps:
            rounded = step.row is rows.cast and rounds(step.inputs[0].dtype, step.out.dtype)
            step = step.having([self.same.get(x, x) if x.__class__ is Value else x for x in step.inputs])
            if rounded:
                self.same[step.out] = x = step.inputs[0]
                self.forms.setdefault(x, [x]).append(step.out)
            else:
                steps.append(step)
        outputs = [self.same.get(x, x) for x in graph.outputs]
        checks = [(self.same.get(x, x), error, message) for x, error, message in graph.checks]
        self.graph = Graph(graph.inputs, steps, outputs, checks)

    def form(self, x, dtype):
        """A Value in a dtype, or None."""
        return next((y for y in self.forms.get(x, [x]) if y.dtype is dtype), None)

    def written(self, found, steps):
        """{Value of the graph: the steps in its place}, of what Search has written; nothing if there is no kernel for it."""
        dtype = next((x.dtype for x in self.forms.get(found.weights, ()) if x.dtype in NARROW), None)
        if dtype is None or max(found.q.shape[-1], found.v.shape[-1]) > WIDEST:
            return {}
        (forth,) = steps[found.out]
        if extras_of(forth):
            return {}  # the kernel knows of no masks but the triangle, and of no dropout
        forth = self.formed(forth, dtype)
        if forth is None:
            return {}
        totals = Value(forth.out.shape[:-1], float32)
        made = {forth.out: [forth, Step(ATTEND_TOTALS, forth.inputs, forth.params, totals, forth.line)]}
        for out, (step, *turned) in steps.items():
            if step.row is not ATTEND_GRAD:
                continue
            back, target = self.formed(step, dtype, turned), self.form(out, dtype)
            if back is None or target is None:
                return {}
            back.row, back.inputs = ATTEND_BACK, (forth.out, totals, *back.inputs)
            made[target] = [back, *[Step(s.row, (back.out,), s.params, target, s.line) for s in turned]]
        return made

    def formed(self, step, dtype, turned=()):
        """A step of Search's on numbers of a dtype, or None if they aren't there."""
        inputs = [self.form(x, dtype) for x in step.inputs]
        out = Value(step.out.shape, dtype) if turned else self.form(step.out, dtype)
        return None if None in inputs or out is None else Step(step.row, inputs, step.params, out, step.line)


def rounds(one, other):
    return one is not other and {one, other} <= {float32, *NARROW} and float32 in (one, other)


# -------------------------------------------------------------------------------------------------------- as launches


def attending_launches(kernel, found, plan):
    """The Launches of attention, or of its gradients."""
    work = Attended(kernel, found, plan)
    return work.forth() if kernel.steps[0].row is ATTEND else work.back()


class Attended:
    """An Attending kernel: its numbers are where ``found`` and ``plan`` say.   SUMS stands for what one launch leaves for the next."""

    SUMS = object()

    def __init__(self, kernel, found, plan):
        self.kernel, self.found, self.plan = kernel, found, plan
        self.first = first = kernel.steps[0]
        self.made = {step.out for step in kernel.steps}
        self.batch, (q, k, v), (self.scale, causal, _) = first.out.shape[:-2], first.inputs[-3:], first.params[-3:]
        matrices = [x for step in kernel.steps for x in (*step.inputs, step.out) if x.dtype is not float32]
        packs = all([self.in_packs(x) for x in matrices])
        self.shape = AttentionShape(q.shape[-2], k.shape[-2], q.shape[-1], v.shape[-1], causal, packs, MEMORY[q.dtype.name])

    def in_packs(self, x):
        """Whether all rows begin at multiples of 16 bytes."""
        access, place = self.found[x], self.plan.places[self.found[x].base]
        steps = (access.offset, x.shape[-1], *access.strides[:-1])
        aligned = place.kind != "arena" or place.at % PACK == 0
        return aligned and not any([n * x.dtype.itemsize % PACK for n in steps])

    def forth(self):
        made = {step.row: step.out for step in self.kernel.steps}
        return [self.launch("attend", [*self.first.inputs, made[ATTEND], made.get(ATTEND_TOTALS)], None)]

    def back(self):
        """Those of the queries, which leave Σ G O; then those of the keys and values."""
        made = {step.params[0]: step.out for step in self.kernel.steps}
        out, totals, *given = self.first.inputs
        launches = [self.launch("attend_back", [*given, out, totals, self.SUMS, made.get(0)], 0)]
        if 1 in made or 2 in made:
            launches.append(self.launch("attend_across", [*given, totals, self.SUMS, made.get(1), made.get(2)], 0))
        return launches

    def launch(self, function, values, step):
        """A launch of a function on Values.   step: that of the rows of one that isn't wanted; None if it has no rows."""
        operands = [Operand(None, row=step) if x is None else self.operand(x) for x in values]
        there = [x for x in values if x is not None]
        places = [PARTIALS if x is self.SUMS else self.plan.places[self.found[x].base] for x in there]
        parameters, body, blocks, lives = attention_kernel(function, self.shape, operands, self.batch, self.scale)
        writes = frozenset([k for k, x in enumerate(there) if x in self.made])
        partials = 4 * math.prod(self.batch) * self.shape.queries if self.SUMS in values else 0
        return Launch(parameters, body, places, (blocks, 1, 1), THREADS, self.kernel, writes, partials, None, (), ATTENTION, lives)

    def operand(self, x):
        """Where a Value lies, or the sums."""
        if x is self.SUMS:
            return Operand("float", True, contiguous((*self.batch, self.shape.queries))[:-1])
        access = self.found[x].broadcast((*self.batch, *x.shape[len(self.batch) :]))
        batch, rows = access.strides[: len(self.batch)], access.strides[len(self.batch) : -1]
        return Operand(MEMORY[x.dtype.name], x in self.made, batch, rows[0] if rows else None, access.offset)
