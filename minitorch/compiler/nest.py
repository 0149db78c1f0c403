"""What lowering makes of a kernel: a nest of loops, told exactly enough to be written down in any language."""

from dataclasses import dataclass, field

__all__ = ["Count", "Load", "Nest", "Op", "Store"]


@dataclass(frozen=True)
class Load:
    """An element of buffer number ``buffer``: ``strides`` by the dims of the nest."""

    buffer: int
    dtype: str
    strides: tuple
    offset: int


@dataclass(frozen=True)
class Count:
    """A number that grows with the place: start + step * (offset + what ``strides`` make of the index)."""

    dtype: str
    strides: tuple
    offset: int
    start: object
    step: object


@dataclass(eq=False, repr=False)
class Op:
    """A row on ``args``: Ops, Loads, Counts or numbers of dtype ``operands``. ``kind``: "full", "outer" or "reduction"."""

    name: str
    kind: str
    args: list
    params: tuple
    dtype: str
    operands: str
    level: int = 0
    kept: int | None = None  # its place among the kept values

    def __repr__(self):
        return f"{self.name} {self.dtype}"  # its args have args of their own: all of them would be a long text


@dataclass(eq=False)
class Store:
    """An Op's value goes to a buffer; with ``at``, (index, size, stride) of each indexed dim, to places that values say.

    adds: it is added to what is there.
    """

    op: Op
    buffer: int
    strides: tuple
    offset: int
    at: tuple = ()
    adds: bool = False


@dataclass(eq=False)
class Nest:
    """shape: the extents; outer and inner: which dims are which, in the order of the loops.

    buffers: the Places that are read or written, by number.   by_rows: the inner loop walks along a row, else the
    reductions go down columns, many at a time.   kept: how many values of each inner point are kept from pass to pass.
    """

    shape: tuple
    outer: list
    inner: list
    by_rows: bool
    passes: int
    buffers: list = field(default_factory=list)
    ops: list = field(default_factory=list)
    stores: list = field(default_factory=list)
    kept: int = 0
    serial: bool = False  # chunks depend on each other

    @property
    def inner_size(self):
        size = 1
        for d in self.inner:
            size *= self.shape[d]
        return size
