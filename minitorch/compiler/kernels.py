"""What fusion makes of a graph: kernels, each of which is one function of the compiled program.

    Loops        elementwise rows and reductions over one index space, in as few passes over it as the reductions need
    Product      a matrix product
    Attending    two products with a softmax between them, or their gradients
    Convolution  what slides a window: a convolution, one of its gradients, or that of a pool
    Ordering     the places of a row's numbers in order, or of its largest
    Pieces       a value that is laid together of others
    Foreign      a row that the compiler can't write: NumPy runs it, in its place among the others
"""

from dataclasses import dataclass
from typing import NamedTuple

from .. import primitives as rows
from .graph import Step

__all__ = [
    "ALIGNMENT", "Attending", "Convolution", "Foreign", "Loops", "Member", "Native", "Ordering", "Pieces", "Place", "Product",
    "REDUCTIONS",
]  # fmt: skip

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""
REDUCTIONS = (rows.sum, rows.amax, rows.amin, rows.prod)
"""Rows that take the elements along some dims together."""


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

    def put(self, k, step):
        """Give it another step in the place of its number ``k``."""
        self.members[k].step = step

    def copy(self):
        """The same kernel, which may be changed."""
        twin = Loops(self.shape)
        twin.reduced, twin.outputs = self.reduced, list(self.outputs)
        twin.members = [Member(m.step, m.labels, m.full) for m in self.members]
        return twin

    def __repr__(self):
        return f"loops over {self.shape}, reducing {sorted(self.reduced)}: {' '.join([s.row.name for s in self.steps])}"


class Alone:
    """A kernel of one step; of several where they have the same inputs, and are computed together."""

    title = ""

    def __init__(self, step):
        self.steps, self.outputs = [step], [step.out]

    def put(self, k, step):
        """Give it another step in the place of its number ``k``."""
        self.steps[k] = step

    def copy(self):
        """The same kernel, which may be changed."""
        twin = self.__class__(self.steps[0])
        twin.steps, twin.outputs = list(self.steps), list(self.outputs)
        return twin

    def __repr__(self):
        return f"{self.title or self.steps[0].row.name} {' '.join(map(repr, self.outputs))}"


class Product(Alone):
    """One matmul: (…, m, k) times (…, k, n)."""

    title = "product"


class Attending(Alone):
    """Attention, or its gradients: steps with the same inputs, computed together."""


class Convolution(Alone):
    """What slides a window: a convolution, one of its two gradients, or that of a pool."""


class Ordering(Alone):
    """What ranks the numbers of each row: argsort, topk_places."""


class Pieces(Alone):
    """A step whose value is laid together of others: cat, embed, write."""


class Foreign(Alone):
    """A step that NumPy runs."""

    def __repr__(self):
        return f"numpy {super().__repr__()}"


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
