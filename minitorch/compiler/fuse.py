"""Fuse: one loop instead of twenty.

    %3 = mul %0 %1
    %4 = exp %3                         one kernel over (32, 16), reducing dim 1:
    %5 = sum %4 {(1), True}        →        pass 1: e = exp(x * y), total += e
    %6 = div %4 %5                          pass 2: e / total

A step joins the kernel that makes what it reads, if both run over the same index space and no way leads from that kernel
to the step through a third one. Movement isn't computed at all where strides can express it (access.py).

torch: torch/_inductor/scheduler.py
"""

import math

from .. import primitives as rows
from ..tables import windows
from .access import drops_ones
from .attention import ATTENDING
from .cuda_convolution import CONV_INPUT_GRAD_KEEP, CONV_RELU
from .dependencies import in_turn, leads
from .epilogues import FINISHED
from .gather_scatter import PUT, TAKE
from .kernels import REDUCTIONS, Attending, Convolution, Foreign, Loops, Member, Ordering, Pieces, Product
from .max_pooling import POOL_RETURN
from .pools import FOLD
from .scans import RUNNING, along_rows, has_scans
from .sorting_text import RANKING

__all__ = ["fuse"]

ALONE = {
    rows.matmul: Product, **dict.fromkeys(FINISHED, Product), **dict.fromkeys(ATTENDING, Attending),
    rows.cat: Pieces, rows.embed: Pieces, rows.write: Pieces, PUT: Pieces, FOLD: Pieces, rows.pad: Pieces,
    CONV_RELU: Convolution, CONV_INPUT_GRAD_KEEP: Convolution, POOL_RETURN: Convolution, windows.conv: Convolution,
    windows.conv_input_grad: Convolution, windows.conv_weight_grad: Convolution, **dict.fromkeys(RANKING, Ordering),
}  # fmt: skip
"""Rows that are kernels of their own."""

LARGEST, FAR = 80, 64
"""Steps in one kernel: beyond that compilation takes longer than fusion gains. And between siblings, in the order of the graph."""

TERMS, SMALL = 2, 4096
"""Additions that are done together at least, where the terms of a sum are FAR apart; and elements that are too few to care."""


def fuse(graph, found, writable, siblings=False):
    """The kernels of a graph, in an order in which they can run.

    found: the Access of each Value.   writable(step): whether the compiler can write an elementwise row or a reduction.
    siblings: whether sums over the same numbers share a kernel though neither needs the other.

    >>> from minitorch.compiler.access import accesses
    >>> from minitorch.compiler.simplify import simplify
    >>> from minitorch.compiling.tracing import traced
    >>> from minitorch.compiler.writable import writable
    >>> graph = simplify(traced(lambda x: x.softmax(1), torch.ones(32, 100)))
    >>> fuse(graph, accesses(graph, {}), writable)
    [loops over (32, 100), reducing [1]: amax sub exp sum div]
    """
    fusion = Fusion(found, writable)
    fusion.number = {step.out: k for k, step in enumerate(graph.steps)}
    for step in graph.steps:
        fusion.take(step)
    for step in reversed(list(fusion.waiting.values())):  # the last first: they take what they read along
        fusion.place(step)
    wanted = [*graph.outputs, *[value for value, *_ in graph.checks]]
    for value in wanted:
        fusion.lay_down(found[value].base)
    fusion.merge()
    if siblings:
        fusion.join_siblings()
    return fusion.ordered(wanted)


class Fusion:
    """Kernels as they grow. ``home``: the kernel that makes a Value;   labels: of the Values within kernels, see Member.

    waiting: elementwise steps that read nothing of a kernel that they could join. They join whoever needs them first.
    behind: {such a step: itself and the waiting ones that it would bring along}.
    number: of the step that makes a Value, in the order of the graph; age: of a kernel, in that in which they were begun.
    drawn: the kernel of the last draw, which the next one needs though it reads nothing of it: the generator goes on.
    together: the first step of one attention, or of its gradients.   partial: kernels of sums that aren't whole yet.
    constants: steps that make one number everywhere, or count. Loops write that down where they need it.
    """

    def __init__(self, found, writable):
        self.found, self.writable = found, writable
        self.kernels, self.home, self.labels, self.needs, self.waiting, self.behind = [], {}, {}, {}, {}, {}
        self.constants, self.number, self.age, self.drawn, self.together, self.partial = {}, {}, {}, None, {}, set()

    # ------------------------------------------------------------------------------------------------------ who joins whom

    def take(self, step):
        """Find the kernel of one step."""
        out = step.out
        if step.row in (rows.full, rows.arange) and self.writable(step):
            self.constants[out] = step
        elif self.found[out].base is not out:
            self.move(step)
        elif not self.writable(step):
            self.place_inputs(step)
            self.settle(self.add(Foreign(step)), step)
            if step.row.kind == "random":
                self.needs[self.home[out]].update([] if self.drawn is None else [self.drawn])
                self.drawn = self.home[out]
        elif step.row in ALONE:
            self.place_inputs(step)
            self.stand(step)
        elif step.row in REDUCTIONS:
            self.place_inputs(step)
            self.reduce(step)
        elif step.row in RUNNING:
            self.place_inputs(step)
            self.run_on(step)
        elif step.row is TAKE:
            self.place_inputs(step)
            self.wait(step)
        elif self.candidates(step):
            self.compute(step)
        else:
            self.wait(step)

    def wait(self, step):
        """Leave a step for whoever needs it; those that it would bring along are placed, if they are too many for one kernel."""
        coming = self.coming(step)
        early = self.early(step, coming)
        if early or len(coming) >= LARGEST:
            self.place_inputs(step)
            coming = ()
        self.partial.update([self.home[x] for x in early])
        self.behind[step] = {step, *coming}
        self.waiting[step.out] = step

    def early(self, step, coming):
        """What a sum has so far, if its terms come one by one, far apart: they needn't be kept until the last of them is there."""
        sums = [x.out for x in coming if x.row is rows.add and x.out.shape == step.out.shape]
        if step.row is not rows.add or step.out.size < SMALL or len(sums) < TERMS:
            return []
        far = self.number[step.out] - min([self.number[x] for x in sums]) >= FAR
        return [x for x in step.reads if x in sums] if far else []

    def coming(self, step):
        """The waiting steps that are needed for a step."""
        waiting = self.waiting
        readers = [waiting[base] for x in step.reads if (base := self.found[x].base) in waiting] if waiting else ()
        return {other for reader in readers for other in self.behind[reader] if other.out in waiting} if readers else ()

    def stand(self, step):
        """A kernel of its own; but what is asked of one attention is computed together, and so are its gradients."""
        first = self.together.setdefault((step.inputs, step.params[-5:]), step) if step.row in ATTENDING else step
        if first is step:
            return self.settle(self.add(ALONE[step.row](step)), step)
        kernel = self.home[first.out]
        kernel.steps.append(step)
        kernel.outputs.append(step.out)
        return self.settle(kernel, step)

    def place_inputs(self, step):
        """See to it that somebody makes what a step reads; of pieces the constant ones are written down by who lays them together."""
        for x in step.reads:
            base = self.found[x].base
            if base not in self.constants or ALONE.get(step.row) is not Pieces or not self.writable(step):
                self.lay_down(base)

    def lay_down(self, value):
        """See to it that somebody makes a value in memory."""
        if value in self.waiting:
            self.place(self.waiting[value])
        elif value in self.constants and value not in self.home:
            step = self.constants[value]
            kernel = self.add(Loops(value.shape))
            self.join(kernel, step, [None if n == 1 else d for d, n in enumerate(value.shape)])

    def place(self, step):
        """Give a waiting step a kernel, with all the waiting ones that it reads: first those that can't come along with a reader."""
        todo, found = [step], {}
        while todo:
            found[todo[-1]] = None
            todo += [other for other in self.apart(todo.pop()) if other not in found]
        for other in sorted(found, key=lambda other: self.number[other.out]):
            if self.waiting.pop(other.out, None) is not None:
                self.compute(other)

    def add(self, kernel):
        self.age[kernel] = len(self.kernels)
        self.kernels.append(kernel)
        self.needs[kernel] = set()
        return kernel

    def settle(self, kernel, step):
        """The step belongs to the kernel: note what that needs."""
        self.home[step.out] = kernel
        for x in step.reads:
            maker = self.home.get(self.found[x].base)
            if maker is not None and maker is not kernel:
                self.needs[kernel].add(maker)

    def inside(self, x, kernel):
        """The labels of a Value as it is seen within a kernel, or None."""
        labels = self.labels.get(x)
        return labels if labels is not None and self.home.get(self.found[x].base) is kernel else None

    def move(self, step):
        """A movement by strides: within the kernel that makes its base, the dims may still be told apart."""
        x, out = step.inputs[0], step.out
        labels = self.labels.get(x)
        if labels is None:
            return
        if step.row is rows.reshape and drops_ones(x.shape, out.shape):
            present = [label for n, label in zip(x.shape, labels) if n != 1]
            self.labels[out] = tuple([None if n == 1 else present.pop(0) for n in out.shape])
        elif step.row is rows.expand:
            more = len(out.shape) - len(x.shape)
            self.labels[out] = (None,) * more + labels
        elif step.row is rows.permute:
            self.labels[out] = tuple([labels[d] for d in step.params[0]])

    def candidates(self, step):
        """Kernels that a step might join: those that make what it reads, the youngest first."""
        if step.row is TAKE:
            return []  # it reads memory, wherever that is from
        makers = {self.home.get(self.found[x].base) for x in step.reads if x in self.labels} - {None}
        room = LARGEST - len(self.coming(step)) if makers else 0
        makers = [k for k in makers if k.__class__ is Loops and len(k.members) < room and (step.row is rows.cast or not along_rows(k))]
        return sorted(makers, key=self.age.__getitem__, reverse=True)

    def legal(self, kernel, step):
        """Whether nothing that the step reads from elsewhere needs the kernel itself, to the end of what is waiting."""
        for reader in (step, *self.coming(step)):
            for x in reader.reads:
                maker = self.home.get(self.found[x].base)
                if maker is not None and maker is not kernel and leads(self.needs, kernel, maker):
                    return False
                if maker is kernel and (reader.row is TAKE or self.inside(x, kernel) is None):
                    return False  # it is seen there in a way that only memory can give
        return True

    def compute(self, step):
        """An elementwise step: it joins a kernel, and what waits for it comes along."""
        kernel, labels = self.chosen(step)
        for other in self.apart(step):
            self.place(other)
        self.bring(step, kernel, labels)
        self.join(kernel, step, labels)

    def chosen(self, step):
        """The kernel that an elementwise step joins, a new one if need be, and the labels of its dims there."""
        for kernel in self.candidates(step):
            labels = self.run_along(kernel, step)
            if labels is not None and self.legal(kernel, step):
                return kernel, labels
        return self.add(Loops(step.out.shape)), tuple([None if n == 1 else d for d, n in enumerate(step.out.shape)])

    def apart(self, step):
        """The waiting steps that this one needs and that can't come along with it. They are placed before any does.

        Otherwise they might need one that came along, and the kernel them.
        """
        found, todo, seen = {}, [step], {step}
        while todo:
            reader = todo.pop()
            for x in reader.reads:
                waiting = self.waiting.get(self.found[x].base)
                if waiting is None:
                    continue
                if x is not waiting.out or x.shape != reader.out.shape:
                    found[waiting] = None
                elif waiting not in seen:
                    seen.add(waiting)
                    todo.append(waiting)
        return list(found)

    def bring(self, step, kernel, labels):
        """The waiting steps that this one needs come along: those that run over something else have been placed."""
        for other in sorted(self.coming(step), key=lambda other: self.number[other.out]):
            del self.waiting[other.out]
            self.join(kernel, other, labels)

    def join(self, kernel, step, labels, full=None):
        if full is None:
            full = not kernel.reduced or any([label in kernel.reduced for label in labels])
        kernel.members.append(Member(step, labels, full))
        self.labels[step.out] = tuple(labels)
        self.settle(kernel, step)

    def run_along(self, kernel, step):
        """The labels of the step's dims in a kernel, or None if it runs over something else.

        They are those of what it reads from the kernel; a dim that only outsiders have is taken to be the one at its place.
        """
        shape = step.out.shape
        labels = [None] * len(shape)
        for x in step.reads:
            known = self.inside(x, kernel)
            if known is None:
                continue
            more = len(shape) - x.ndim
            for j, label in enumerate(known, more):
                if label is None or x.shape[j - more] == 1:
                    continue
                if labels[j] not in (None, label):
                    return None
                labels[j] = label
        for j, n in enumerate(shape):
            if n != 1 and labels[j] is None and len(shape) == len(kernel.shape) and j not in labels:
                labels[j] = j
        real = [(n, label) for n, label in zip(shape, labels) if n != 1]
        if any([label is None or kernel.shape[label] != n for n, label in real]):
            return None
        found = {label for _, label in real}
        every = {d for d, n in enumerate(kernel.shape) if n != 1}
        if len(found) != len(real) or found not in (every, every - kernel.reduced):
            return None
        return tuple([None if n == 1 else label for n, label in zip(shape, labels)])

    def reduce(self, step):
        """A reduction, which keeps its dims: it joins a kernel that reduces the same ones, or none yet."""
        x, (dims, _) = step.inputs[0], step.params
        for kernel in self.candidates(step):
            known = self.inside(x, kernel)
            if known is None or has_scans(kernel) or not self.legal(kernel, step):
                continue
            reduced = frozenset([known[d] for d in dims if x.shape[d] != 1])
            every = {d for d, n in enumerate(kernel.shape) if n != 1}
            if {label for label in known if label is not None} != every or None in reduced or len(reduced) == 0:
                continue
            if kernel.reduced in (frozenset(), reduced):
                kernel.reduced = reduced
                return self.join(kernel, step, [None if d in dims else label for d, label in enumerate(known)], False)
        kernel = self.add(Loops(x.shape))
        kernel.reduced = frozenset([d for d in dims if x.shape[d] != 1])
        return self.join(kernel, step, [None if d in dims or x.shape[d] == 1 else d for d in range(x.ndim)], False)

    def run_on(self, step):
        """Running totals: they join a kernel down whose columns they run, beside others that do, but no reductions."""
        x, dim = step.inputs[0], step.params[0]
        for kernel in self.candidates(step):
            known = self.inside(x, kernel)
            every = {d for d, n in enumerate(kernel.shape) if n != 1}
            if known is None or {label for label in known if label is not None} != every or not self.legal(kernel, step):
                continue
            along = frozenset([known[dim]])
            if math.prod(kernel.shape[known[dim] + 1 :]) > 1 and (not kernel.reduced or (kernel.reduced == along and has_scans(kernel))):
                kernel.reduced = along
                return self.join(kernel, step, known, True)
        kernel = self.add(Loops(x.shape))
        kernel.reduced = frozenset([dim])
        return self.join(kernel, step, [None if n == 1 else d for d, n in enumerate(x.shape)], True)

    # ------------------------------------------------------------------------------------------------------------- the end

    def ordered(self, outputs):
        """The kernels in an order in which they can run, with the Values that others read as their outputs."""
        read = {self.found[x].base for x in outputs}
        for kernel in self.kernels:
            for step in kernel.steps:
                read.update([self.found[x].base for x in step.reads if self.home.get(self.found[x].base) is not kernel])
        for kernel in self.kernels:
            if kernel.__class__ is Loops:
                kernel.outputs = [step.out for step in kernel.steps if step.out in read]
        return self.sorted_early()

    def sorted_early(self):
        """What was computed together is then used soon, and the memory of it is free again."""
        first = {kernel: min([self.number.get(step.out, 0) for step in kernel.steps]) for kernel in self.kernels}
        return in_turn(self.kernels, self.needs, first)

    def merge(self):
        """A kernel that reads another's values over the same space becomes one with it.

        Two branches that meet again had kernels of their own, since neither reads the other.
        """
        place = {kernel: k for k, kernel in enumerate(self.kernels)}
        for kernel in list(self.kernels):
            makers = {self.home.get(self.found[x].base) for step in kernel.steps for x in step.reads} - {None, kernel}
            for other in sorted(makers, key=place.__getitem__):
                if kernel in self.needs and other not in self.partial and self.mergeable(other, kernel):
                    self.absorb(kernel, other)

    def join_siblings(self):
        """Reductions of the same dims of what lies at one place, or of what one kernel makes (recompute.py), become one kernel."""
        known: dict = {}
        for kernel in [k for k in self.kernels if k.__class__ is Loops and k.reduced]:
            for base in dict.fromkeys([self.found[x].base for step in kernel.steps for x in step.reads]):
                key = kernel.shape, kernel.reduced, self.home.get(base, base)
                other = known.get(key)
                if base.shape == kernel.shape and other in self.needs and self.apart_from(kernel, other):
                    self.absorb(kernel, other)
                known[key] = kernel

    def apart_from(self, kernel, other):
        """Whether neither of two kernels needs the other, and both together aren't too large."""
        if kernel is other or len(kernel.members) + len(other.members) > LARGEST:
            return False
        near = abs(self.number[kernel.steps[0].out] - self.number[other.steps[0].out]) <= FAR
        return near and not leads(self.needs, kernel, other) and not leads(self.needs, other, kernel)

    def absorb(self, kernel, other):
        """All that another kernel does is done by this one."""
        kernel.members[:0] = other.members
        self.home.update(dict.fromkeys([step.out for step in other.steps], kernel))
        self.kernels.remove(other)
        self.needs[kernel] |= self.needs.pop(other)
        for needs in self.needs.values():
            if other in needs:
                needs.remove(other)
                needs.add(kernel)
        self.needs[kernel].discard(kernel)

    def mergeable(self, first, second):
        """Whether two kernels run over the same space, without reductions, and no way leads through a third one."""
        if not first.__class__ is second.__class__ is Loops or first.shape != second.shape or first.reduced or second.reduced:
            return False
        if len(first.members) + len(second.members) > LARGEST or any([s.row is TAKE for s in (*first.steps, *second.steps)]):
            return False
        labels = {m.step.out: m.labels for m in first.members}
        for m in second.members:
            for x in m.step.reads:
                base = self.found[x].base
                if base in labels and not (base is x and x.shape == m.step.out.shape and labels[x] == m.labels):
                    return False
        return not any([leads(self.needs, first, k) for k in self.needs[second] if k is not first])
