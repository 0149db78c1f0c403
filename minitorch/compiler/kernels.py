"""What fusion makes of a graph: kernels, each of which is one function of the compiled program.

    Loops      elementwise rows and reductions over one index space, in as few passes over it as the reductions need
    Product    a matrix product
    Attending  two products with a softmax between them, or their gradients
    Ordering   the places of a row's numbers in order, or of its largest
    Foreign    a row that the compiler can't write: NumPy runs it, in its place among the others
"""

from dataclasses import dataclass
from typing import NamedTuple

from .graph import Step

__all__ = [
    "ALIGNMENT", "Attending", "Convolution", "Foreign", "Loops", "Member", "Native", "Ordering", "Pieces", "Place", "Product",
    "draws_before", "in_turn", "leads",
]  # fmt: skip

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""


class Place(NamedTuple):
    """Where a value lies: in the "arena" at a byte, or in "input" or "output" number ``at``."""

    kind: str
    at: int


class Member:
    """A step in a Loops kernel. ``labels``: for each dim of its value the dim of the kernel that it runs along, or None.

    Its value is ``full`` if it has an element for each point of the index space; otherwise one for each that remains when
    the reduced dims are taken away.
    """

    __slots__ = ("full", "labels", "step")

    def __init__(self, step: Step, labels, full):
        self.step, self.labels, self.full = step, tuple(labels), full


class Loops:
    """``members``, over an index space of ``shape`` of which the dims in ``reduced`` are taken together by reductions."""

    def __init__(self, shape):
        self.shape, self.reduced, self.members, self.outputs = tuple(shape), frozenset(), [], []

    @property
    def steps(self):
        return [m.step for m in self.members]

    def __repr__(self):
        return f"loops over {self.shape}, reducing {sorted(self.reduced)}: {' '.join([s.row.name for s in self.steps])}"


class Product:
    """One matmul: (…, m, k) times (…, k, n)."""

    def __init__(self, step):
        self.steps, self.outputs = [step], [step.out]

    def __repr__(self):
        return f"product {self.steps[0].out!r}"


class Attending:
    """Attention, or its gradients: steps with the same inputs, computed together."""

    def __init__(self, step):
        self.steps, self.outputs = [step], [step.out]

    def __repr__(self):
        return f"{self.steps[0].row.name} {' '.join(map(repr, self.outputs))}"


class Convolution:
    """What slides a window: a convolution, one of its two gradients, or that of a pool."""

    def __init__(self, step):
        self.steps, self.outputs = [step], [step.out]

    def __repr__(self):
        return f"{self.steps[0].row.name} {self.steps[0].out!r}"


class Ordering:
    """What ranks the numbers of each row: argsort, topk_places."""

    def __init__(self, step):
        self.steps, self.outputs = [step], [step.out]

    def __repr__(self):
        return f"{self.steps[0].row.name} {self.steps[0].out!r}"


class Pieces:
    """A step whose value is laid together of others: cat, embed, write."""

    def __init__(self, step):
        self.steps, self.outputs = [step], [step.out]

    def __repr__(self):
        return f"{self.steps[0].row.name} {self.steps[0].out!r}"


class Foreign:
    """A step that NumPy runs."""

    def __init__(self, step):
        self.steps, self.outputs = [step], [step.out]

    def __repr__(self):
        return f"numpy {self.steps[0].row.name} {self.steps[0].out!r}"


@dataclass(eq=False)
class Native:
    """A kernel as LLVM text: a function ``@NAME(ptr %p, ptr %scratch, i64 %begin, i64 %end)``, whose name is given later.

    buffers: the Places that it finds behind %p.   chunks: how many there are; grain: to be claimed at once; shared: by
    several threads.   scratch: bytes that a thread needs.   level: how LLVM is to treat it, see link.   kernel: what it was.
    numbers: what stands in the table behind the buffers.   loops: () → the nest that it is made of, if it is of one: to hold all
    nests of a GPT's step would be half a megabyte.
    """

    text: str
    buffers: list
    chunks: int
    grain: int
    shared: bool
    scratch: int
    level: str
    kernel: object
    numbers: tuple = ()
    loops: object = None

    @property
    def nest(self):
        """Its loops, written anew; None if it isn't made of a nest."""
        return self.loops and self.loops()


def draws_before(kernels, first):
    """{kernel that draws: the one that draws before it, as it was recorded}: the generator goes on with each."""
    draws = sorted([k for k in kernels if any([step.row.kind == "random" for step in k.steps])], key=first.__getitem__)
    return dict(zip(draws[1:], draws))


def in_turn(kernels, needs, first):
    """The kernels in an order in which they can run: each as early as its first step was recorded, right behind what it needs.

    needs: kernel → those that must run before it.   first: kernel → the number of its first step.

    >>> in_turn("abc", {"a": {"c"}, "b": set(), "c": set()}, {"a": 0, "b": 1, "c": 2})
    ['c', 'a', 'b']
    """
    order, placed, waiting = [], set(), set()
    for kernel in sorted(kernels, key=first.__getitem__):
        todo = [kernel]
        while todo:
            missing = sorted(needs[todo[-1]] - placed, key=first.__getitem__, reverse=True)
            if missing and not waiting.isdisjoint(missing):
                raise ValueError(f"kernels need each other: {missing}")
            if missing:
                waiting.add(todo[-1])
                todo += missing
                continue
            done = todo.pop()
            waiting.discard(done)
            if done not in placed:
                placed.add(done)
                order.append(done)
    return order


def leads(needs, first, last):
    """Whether a kernel is needed by another, perhaps through others.

    >>> leads({"a": set(), "b": {"a"}, "c": {"b"}}, "a", "c")
    True
    """
    todo, seen = [last], {last}
    while todo:
        kernel = todo.pop()
        if kernel is first:
            return True
        todo += [k for k in needs[kernel] if k not in seen]
        seen.update(needs[kernel])
    return False
