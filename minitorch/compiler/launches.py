"""What a kernel becomes for a GPU: launches of functions in CUDA's language, and calls of a library's products.

torch: torch/_inductor/runtime/triton_heuristics.py (the grid), select_algorithm.py (ExternKernelCaller)
"""

import math
from dataclasses import dataclass

from ..backends.matrices import Product
from .kernels import Place

__all__ = ["COUNTS", "Call", "Launch", "PARTIALS", "Source"]

PARTIALS = Place("partials", 0)
"""Memory for what the blocks of one launch leave for the next."""
COUNTS = Place("counts", 0)
"""Numbers that are 0 between launches: how many blocks are through."""


@dataclass(eq=False)
class Launch:
    """A function ``NAME`` of pointers, run by ``grid`` (x, y, z) blocks of ``block`` threads.

    parameters: as they are declared, one for each of ``buffers``, the Places behind them.   writes: the numbers of those
    that it writes to.   partials: bytes of them that it needs.   kernel, nest: what it was made of.   parts: the Launches
    that it is, where it is several.   functions: text that it rests on.   lives: how many blocks should
    have room on a processor, if the compiler is to be told.   shared: bytes of memory that the threads of a block share, beside
    what the body declares.
    """

    parameters: list
    body: str
    buffers: list
    grid: tuple
    block: int
    kernel: object
    writes: frozenset
    partials: int = 0
    nest: object = None
    parts: tuple = ()
    functions: str = ""
    lives: int = 0
    shared: int = 0

    def text(self, guards=0):
        """The function. It does nothing if one of ``guards`` numbers, whose pointers come last, isn't 0."""
        found = [f"const int64* wrong{k}" for k in range(guards)]
        stop = [f"    if ({' | '.join([f'*wrong{k}' for k in range(guards)])}) return;\n"] if guards else []
        bounds = f"{self.block}, {self.lives}" if self.lives else str(self.block)
        head = f'extern "C" __global__ void __launch_bounds__({bounds}) NAME({", ".join([*self.parameters, *found])}) {{\n'
        return "".join([head, *stop, self.body, "}\n"])

    @property
    def threads(self):
        return math.prod(self.grid) * self.block


@dataclass(eq=False)
class Call:
    """A Product of matrices by the GPU's library.   buffers: the Places of A, B, C and of what is added;   offsets: where each
    begins, in bytes."""

    product: Product
    offsets: list
    buffers: list
    kernel: object
    writes: frozenset = frozenset([2])
    partials: int = 0
    nest: object = None


class Source:
    """Lines of C++, indented by the blocks that they stand in."""

    def __init__(self):
        self.lines, self.depth, self.count = [], 1, 0

    def __str__(self):
        return "".join(self.lines)

    def do(self, line):
        self.lines.append("    " * self.depth + line + "\n")

    def let(self, kind, expression):
        """A constant of its own name."""
        self.count += 1
        self.do(f"const {kind} t{self.count} = {expression};")
        return f"t{self.count}"

    def open(self, head):
        self.do(head + " {")
        self.depth += 1

    def close(self):
        self.depth -= 1
        self.do("}")
