"""Plan: where every value lies.

    destinations: %8 is to be in the memory of input %1         %8  the memory of %1, since nobody reads %1 after %8 is made
    %5 needed by kernels 2 to 4                            →    %5  arena, bytes 0 to 2048
    %7 needed by kernels 5 to 6                                 %7  arena, bytes 0 to 1024: what was there is over

One block of memory, the arena, holds all that only the program sees; a place in it is used again as soon as its value has
been read for the last time. What is to end up outside (a new value of a parameter, a result) is written there at once where
that is safe, else copied at the end.

A result may be "lent": its array lies in the arena, from the kernel that makes it until the next call, which makes it anew. So
before it is made, what the program keeps for itself lies there.

torch: torch/_inductor/memory.py, codegen/wrapper.py (buffer reuse).   First fit by size: Sekiyama et al. 2018, arXiv:1804.10001
"""

from bisect import insort
from dataclasses import dataclass

from .. import primitives as rows
from ..native.mathematics import KINDS
from .access import Access, contiguous, is_contiguous, reshaped
from .gather_scatter import PUT, TAKE
from .graph import Step, Value
from .kernels import ALIGNMENT, Attending, Foreign, Loops, Member, Pieces, Place, Product
from .pieces import laid_together

__all__ = ["Plan", "plan"]


@dataclass(eq=False)
class Plan:
    """places: of every Value that has memory of its own; strides: of those that don't lie in order; size: of the arena, in bytes.
    found: the Access of each Value, by now: also of copies, and of what is made within a concatenation.

    kernels: those of fusion, and the copies that are needed at the end; ``early`` are the first of them, after which the
    graph's checks are known: they write to no input, so that a program that refuses leaves everything as it was.

    constants: the steps that make one number everywhere, or count, by Value.   lives: (first kernel, last) of what is in the arena.
    lent: the byte of each result that lies there.   inside: the parts of concatenations that are made where they are to lie: (the
    whole, the byte in it) of each.
    """

    kernels: list
    found: dict
    places: dict
    strides: dict
    size: int
    constants: dict
    lives: dict
    early: list
    inside: dict
    lent: dict


def plan(kernels, found, graph, destinations):
    """Where everything lies.   destinations: for each output of the graph a Place that it must end up in; "lent" is an "output".

    >>> from minitorch.compiler.access import accesses
    >>> from minitorch.compiler.fuse import fuse
    >>> from minitorch.compiling.tracing import traced
    >>> from minitorch.compiler.writable import writable
    >>> graph = traced(lambda x: x @ x @ x @ x @ x, torch.ones(64, 64))
    >>> found = accesses(graph, {})
    >>> planned = plan(fuse(graph, found, writable), found, graph, [Place("output", 0)])
    >>> [tuple(planned.places[step.out]) for step in graph.steps], planned.size
    ([('arena', 0), ('arena', 16384), ('arena', 0), ('output', 0)], 32768)
    """
    planning = Planning(kernels, found, graph)
    lent = {place.at for place in destinations if place.kind == "lent"}
    destinations = [Place("output", place.at) if place.kind == "lent" else place for place in destinations]
    for value, destination in zip(graph.outputs, destinations, strict=True):
        if not planning.direct(value, destination):
            planning.copies.append((value, destination))
    planning.copy_the_rest()
    planning.begin_results()
    planning.lay_inside()
    return planning.finished(lent)


class Planning:
    def __init__(self, kernels, found, graph):
        self.found, self.graph = dict(found), graph
        self.early = needed_by_checks(kernels, found, graph)
        self.kernels = [*self.early, *[k for k in kernels if k not in self.early]]
        self.places = {x: Place("input", k) for k, x in enumerate(graph.inputs)}
        self.strides, self.copies, self.inside, self.first, self.begun = {}, [], {}, {}, {}
        self.lines = {step.out: step.line for step in graph.steps}
        self.maker = {x: k for k, kernel in enumerate(self.kernels) for x in kernel.outputs}
        self.readers: dict = {}
        for k, kernel in enumerate(self.kernels):
            for step in kernel.steps:
                for x in step.reads:
                    self.readers.setdefault(found[x].base, []).append((k, step, x))
        self.wanted = {found[x].base for x in graph.outputs}

    # --------------------------------------------------------------------------------------------------- destinations

    def direct(self, value, destination):
        """Let a value be made where it is to end up, if nothing is lost by that."""
        base, access = self.found[value].base, self.found[value]
        if base is not value and base.size == value.size and base.dtype is value.dtype and is_contiguous(access):
            if destination.kind != "output":
                return False
            value = base  # a reshape of it: the same bytes
        if value not in self.maker or value in self.places or not is_contiguous(self.found[value]):
            return False
        if destination.kind == "input":
            old = self.graph.inputs[destination.at]
            if not is_contiguous(self.found[old]) or old.dtype is not value.dtype or old.shape != value.shape:
                return False
            if self.maker[value] < len(self.early) or old in self.wanted or not self.over(old, value):
                return False
        self.places[value] = destination
        return True

    def over(self, old, value):
        """Whether nobody reads ``old`` after ``value`` is made in its place."""
        made_by = self.maker[value]
        kernel = self.kernels[made_by]
        for k, step, x in self.readers.get(old, ()):
            if k > made_by or (k == made_by and not self.in_step(kernel, step, x, value)):
                return False
        return True

    def in_step(self, kernel, step, x, value):
        """Whether a step reads of ``x`` just the element that its kernel writes of ``value`` at the same moment."""
        if kernel.__class__ is Pieces:  # a region of it is written over, the rest stays
            others = [self.found[y].base for y in step.reads[1:]]
            return step.row in (rows.write, PUT) and x is step.inputs[0] and self.found[x].base is x and x not in others
        if kernel.__class__ is not Loops or (step.row is TAKE and x is step.inputs[0]):
            return False  # a take reads anywhere
        members = {m.step.out: m for m in kernel.members}
        reader, writer = members[step.out], members[value]
        if kernel.reduced and (reader.full or writer.full or step.row.kind == "reduction" or self.later(kernel, step, value)):
            return False
        access = self.found[x].broadcast(step.out.shape)
        reads = {label: s for label, s in zip(reader.labels, access.strides) if label is not None}
        writes = {label: s for label, s in zip(writer.labels, contiguous(value.shape)) if label is not None}
        return reads == writes and access.offset == 0

    def later(self, kernel, step, value):
        """Whether a step of a kernel waits for more of its passes than ``value`` does, which is stored as soon as it is known."""
        known = {}
        for member in kernel.members:
            passes = max([known[base] for base in [self.found[x].base for x in member.step.reads] if base in known], default=0)
            known[member.step.out] = passes + (member.step.row.kind == "reduction")
        return known[step.out] > known[value]

    def copy_the_rest(self):
        """Kernels that copy what couldn't be made in its place. Who copies from memory that is copied to goes first."""
        targets = {d for _, d in self.copies}
        aside = []
        for value, destination in self.copies:
            place = self.places.get(self.found[value].base)
            if place in targets and not (place == destination and self.in_place(value, destination)):
                value = self.copy(value, None)
            aside.append((value, destination))
        for value, destination in aside:
            self.copy(value, destination)

    def begin_results(self):
        """What a result is written over in part, as sums of scattered values are, is made in the memory of that result."""
        last = self.last_readers()
        for result in [x for x, place in self.places.items() if place.kind == "output"]:
            value = result
            while value is not None:
                self.first[result] = k = self.maker[value]
                step = self.kernels[k].steps[0]
                old = step.inputs[0] if self.kernels[k].__class__ is Pieces and step.row in (rows.write, PUT) else None
                alike = old in self.maker and (old.shape, old.dtype, last[old]) == (value.shape, value.dtype, k)
                free = alike and old not in self.places and old not in self.wanted and is_contiguous(self.found[old])
                value = old if free and self.over(old, value) else None
                if value is not None:
                    self.places[value], self.begun[value] = self.places[result], result

    def last_readers(self):
        """The number of the kernel that reads a value last; that of what is checked is one more than there are."""
        last = {x: max([k for k, *_ in self.readers.get(x, ())], default=k) for x, k in self.maker.items()}
        return {**last, **{self.found[x].base: len(self.kernels) for x, *_ in self.graph.checks}}

    def in_place(self, value, destination):
        """Whether a value is the whole of the memory that it is to go to, and not that in another order."""
        access, strides = self.found[value], contiguous(value.shape)
        if destination.kind == "input":
            strides = self.found[self.graph.inputs[destination.at]].strides
        return (access.shape, access.strides, access.offset) == (value.shape, strides, 0)

    def copy(self, value, destination):
        """A kernel that copies a value to a place, or to the arena; gives the copy."""
        step = Step(rows.copy, (value,), (), Value(value.shape, value.dtype), self.lines.get(value))
        kernel = Loops(value.shape) if value.dtype.name in KINDS else Foreign(step)
        if kernel.__class__ is Loops:
            kernel.members.append(Member(step, [None if n == 1 else d for d, n in enumerate(value.shape)], True))
            kernel.outputs = [step.out]
        self.maker[step.out] = len(self.kernels)
        self.readers.setdefault(self.found[value].base, []).append((len(self.kernels), step, value))
        self.kernels.append(kernel)
        self.found[step.out] = Access(step.out, value.shape, contiguous(value.shape))
        if destination is not None:
            self.places[step.out] = destination
            if destination.kind == "input":
                self.strides[step.out] = self.found[self.graph.inputs[destination.at]].strides
        return step.out

    # -------------------------------------------------------------------------------------------------- within another one

    def lay_inside(self):
        """Let the parts of concatenations be made where they are to lie: the last ones first, whose parts may be others."""
        for kernel in reversed(self.kernels):
            whole = kernel.steps[0].out if kernel.__class__ is Pieces and kernel.steps[0].row is rows.cat else None
            if whole is None or self.places.get(whole) is not None:
                continue
            for x, part, _ in laid_together(kernel.steps[0]):
                base = self.found[x].base
                strides = self.fitting(x, base, part, kernel)
                if strides is not None:
                    self.inside[base] = whole, part.offset * base.dtype.itemsize
                    self.found[base] = Access(base, base.shape, strides)

    def fitting(self, x, base, part, kernel):
        """The strides by which the memory of a part can be written within the whole, or None if it must be copied."""
        access = self.found[x]
        if base not in self.maker or base in self.places or base in self.wanted or base in self.inside:
            return None
        if access.offset or base.size != x.size or not is_contiguous(access) or kernel.steps[0].inputs.count(x) > 1:
            return None
        if is_contiguous(Access(base, part.shape, part.strides)):
            return self.found[base].strides  # in order: nobody sees a difference
        written_anywhere = self.kernels[self.maker[base]].__class__ in (Loops, Product, Attending)
        checked = base in [self.found[value].base for value, *_ in self.graph.checks]
        cut = recut(part, self.found[base])
        return cut if written_anywhere and cut is not None and len(self.readers[base]) == 1 and not checked else None

    def whole_of(self, x):
        """The value that has memory of its own in which x lies, and at which byte."""
        at = 0
        while x in self.inside:
            x, start = self.inside[x]
            at += start
        return x, at

    # --------------------------------------------------------------------------------------------------------- the arena

    def finished(self, lent):
        """Blocks of memory, each for one value or for several that follow each other in it; then where each block lies.

        lent: numbers of results.
        """
        last = self.last_readers()
        self.wholes = {self.whole_of(x)[0] for x in self.inside}
        for x in self.inside:
            whole, _ = self.whole_of(x)
            last[whole] = max(last[whole], last[x])
        self.blocks = {}
        for k, kernel in enumerate(self.kernels):
            for x in kernel.outputs:
                whole, _ = self.whole_of(x)
                if whole not in self.places and whole not in self.blocks:
                    self.give(k, whole, last)
        made = [x for x, place in self.places.items() if place.kind == "output" and place.at in lent and x not in self.begun]
        results = {x: Block(x, self.first[x], len(self.kernels)) for x in made}
        starts, size = packed([*dict.fromkeys(self.blocks.values()), *results.values()])
        for x, block in self.blocks.items():
            self.places[x] = Place("arena", starts[block])
        for x in [x for kernel in self.kernels for x in kernel.outputs if x in self.inside]:
            whole, at = self.whole_of(x)
            self.places[x] = Place("arena", self.places[whole].at + at)
        lives = {x: (block.first, block.last) for x, block in [*self.blocks.items(), *results.items()] if x is block.value}
        constants = {s.out: s for s in self.graph.steps if s.row in (rows.full, rows.arange)}
        lent = {x: starts[block] for x, block in results.items()}
        return Plan(
            kernels=self.kernels, found=self.found, places=self.places, strides=self.strides, size=size, constants=constants,
            lives=lives, early=self.early, inside=self.inside, lent=lent,
        )  # fmt: skip

    def give(self, k, value, last):
        """A block for a value that kernel ``k`` makes: that of one which ends at the same moment, or another."""
        old = self.overwritten(k, value, last)
        if old is not None:
            block = self.blocks[value] = self.blocks[old]
            block.last, last[old] = last[value], -1
        else:
            self.blocks[value] = Block(value, k, last[value])

    def overwritten(self, k, value, last):
        """A value that a kernel reads for the last time, at the moment and place at which it writes another: the same memory."""
        kernel = self.kernels[k]
        for step in kernel.steps if kernel.__class__ in (Loops, Pieces) else ():
            for y in step.reads:
                old = self.found[y].base
                alike = old.size == value.size and old.dtype is value.dtype and last.get(old) == k and old not in kernel.outputs
                alike = alike and old not in self.inside and not self.wholes & {old, value}
                if alike and old in self.blocks and self.over(old, value):
                    return old
        return None


def needed_by_checks(kernels, found, graph):
    """The kernels that what is checked depends on, in order. A draw depends on the draws before it."""
    needed, early, drawn = {found[x].base for x, *_ in graph.checks}, [], False
    for kernel in reversed(kernels):
        draws = any([step.row.kind == "random" for step in kernel.steps])
        if not needed.isdisjoint(kernel.outputs) or (draws and drawn):
            early.append(kernel)
            drawn = drawn or draws
            needed.update([found[x].base for step in kernel.steps for x in step.reads])
    return early[::-1]


def recut(part, access):
    """Strides by which the dims of a value walk through a part, in the order in which they walk through its own memory; or None.

    >>> part = Access(None, (2, 6), (12, 1))                       # columns 0 to 6 of a row of 12
    >>> recut(part, Access(None, (3, 2, 2), (2, 6, 1)))            # two rows of three heads
    (2, 12, 1)
    """
    order = sorted(range(len(access.shape)), key=lambda d: -access.strides[d])
    cut = reshaped(part, tuple([access.shape[d] for d in order]))
    if cut is None:
        return None
    strides = dict(zip(order, cut[1]))
    return tuple([strides[d] for d in range(len(order))])


class Block:
    """Memory for ``value``, and those that come after it there, from kernel ``first`` to kernel ``last``."""

    def __init__(self, value, first, last):
        self.value, self.first, self.last = value, first, last
        self.size = -(-max(value.size, 1) * value.dtype.itemsize // ALIGNMENT) * ALIGNMENT


def packed(blocks):
    """({block: the byte where it lies}, the bytes of all).

    The largest is laid down first; each takes the first gap that is large enough among those that live at the same time.
    """
    starts, laid = {}, []
    for block in sorted(blocks, key=lambda block: (-block.size, block.first)):
        taken = [(low, high) for low, high, first, last in laid if first <= block.last and block.first <= last]
        start = starts[block] = first_gap(taken, block.size)
        insort(laid, (start, start + block.size, block.first, block.last))
    return starts, max([high for _, high, *_ in laid], default=0)


def first_gap(taken, need):
    """Where ``need`` bytes are free, below, between or above what is taken.

    >>> first_gap([(0, 64), (128, 192)], 64), first_gap([(0, 64), (128, 192)], 128)
    (64, 192)
    """
    start = 0
    for low, high in taken:
        if low - start >= need:
            return start
        start = max(start, high)
    return start
