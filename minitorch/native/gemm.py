"""Matrix products as LLVM text: C = A B, or C += A B, of fixed shapes, for any strides and any machine.

The heart is a tile of C that fills the vector registers. For each step along k it takes one row of B's panel, and each
row's number of A, spread over a vector:

                      panel of B: k rows, 32 columns                AVX-512: up to 14 x 2 vectors of sums
                      ┌────────┬────────┐                           AVX2:     6 x 2
          k →         │ 16     │ 16     │                           NEON:     9 x 3
       ┌───────────┐  ├────────┼────────┤                           SSE:      6 x 2
    14 │ A         │  │ sum    │ sum    │  14 rows of C
       └───────────┘  └────────┴────────┘

Around it, from the inside to the outside:

    tile        14 x 32 sums in registers, along a block of k
    panel       all tiles of a chunk's rows, with one panel of B, which stays in the first-level cache. The panel is
                copied first, row by row behind each other, if it will be used often enough, or if it must be turned
                (B's rows aren't contiguous, as in x Wᵀ): 16 x 16 numbers at a time
    k block     at most 256 steps, so that the panel fits; each adds to what is in C
    chunk       a block of rows and columns of one matrix of the batch; chunks are shared among threads

A matrix times a few vectors has no use for that: there the numbers along k are next to each other in both, and a tile
is 4 x 4 sums, each a vector of partial sums that is added up at the end.

The chunks don't depend on the number of threads, so neither do the sums. Shapes are fixed, so an edge is a smaller tile
with a constant mask, never a test in a loop.

torch: ATen/native/cpu/BlasKernel.cpp and MKL.   Goto & van de Geijn 2008, Anatomy of high-performance matrix multiplication
"""

import math
from dataclasses import dataclass, replace

from .mathematics import constant
from .pairs import Narrow, write_pack, write_rows
from .target import SIZES
from .text import Text
from .transpose import write_turned
from .vectors import Vectors

__all__ = [
    "CHAINS", "Code", "Ending", "Gemm", "NEAREST", "SMALLEST_CHUNK", "Tiling", "counts_of", "depth_of", "gemm_text", "parts", "pieces",
    "rows_of", "start_of", "tallest", "write_copy", "write_tile", "write_zeros",
]  # fmt: skip


@dataclass(frozen=True)
class Ending:
    """What happens to C where its sums are complete: a bias is added, and of that the positive part is taken.

    The bias has strides like C's, 0 where all rows, or columns, get the same. ``rounds``: C's numbers are narrow as A's and B's; then
    a row of C is contiguous, and k isn't cut, so it should be short.
    """

    bias: tuple | None = None
    relu: bool = False
    rounds: bool = False

    def flipped(self):
        """The same of Cᵀ."""
        return replace(self, bias=self.bias and (self.bias[0], self.bias[2], self.bias[1]))


@dataclass(frozen=True)
class Gemm:
    """A product: C[m, n] = A[m, k] B[k, n], ``batch`` times. Strides are (batch, row, column), in elements.

    ``batch`` may be several extents, as of the heads of several sequences; then a batch stride is as many strides.
    ``narrow`` is the type of A's and B's numbers, if those have 16 bits: see pairs.py. C's are of a ``kind``.
    ``runs`` = (n, stride): A's columns come n by n, from the first of them to the next so far; tiles alone know of it.
    """

    m: int
    n: int
    k: int
    a: tuple[int, int, int]
    b: tuple[int, int, int]
    c: tuple[int, int, int]
    batch: int | tuple = 1
    kind: str = "float"
    accumulate: bool = False
    runs: tuple | None = None
    ending: Ending = Ending()
    narrow: str | None = None

    @classmethod
    def of(cls, m, n, k, transpose_a=False, transpose_b=False, batch=1, **more):
        """The product of contiguous matrices, each as it is or transposed.

        >>> Gemm.of(2, 3, 4, transpose_b=True).b
        (12, 1, 4)
        """
        a = (m * k, 1, m) if transpose_a else (m * k, k, 1)
        b = (k * n, 1, k) if transpose_b else (k * n, n, 1)
        return cls(m, n, k, a, b, (m * n, n, 1), batch, **more)

    def flipped(self):
        """The same numbers as Cᵀ = Bᵀ Aᵀ."""
        a, b, c = ((batch, column, row) for batch, row, column in (self.b, self.a, self.c))
        return replace(self, m=self.n, n=self.m, a=a, b=b, c=c, ending=self.ending.flipped())

    @property
    def element(self):
        """LLVM's type of A's and B's numbers."""
        return "i16" if self.narrow else self.kind

    @property
    def result(self):
        """LLVM's type of C's numbers."""
        return "i16" if self.ending.rounds else self.kind

    @property
    def flops(self):
        return 2 * self.matrices * self.m * self.n * self.k

    @property
    def matrices(self):
        return math.prod(self.batch) if isinstance(self.batch, tuple) else self.batch


@dataclass(frozen=True)
class Code:
    """A kernel's text, and how to run it: the number of its chunks, how many to claim at once, bytes of scratch."""

    text: str
    chunks: int
    grain: int
    scratch: int


# ---------------------------------------------------------------------------------------------------------- the tiling


@dataclass(frozen=True)
class Tiling:
    """How a product is cut: tiles of ``rows`` x ``columns``, blocks of ``depth`` along k, chunks of ``tall`` x ``wide``.

    ``way`` says how B is read: a "copied" panel, "direct", or "along" k, each column a vector.
    ``per``: numbers along k in each unit of a panel, in which ``depth`` counts. ``left``: how A's units are copied, by "rows" or in
    "strips" of tiles, or "" if they are read where they lie.
    """

    lanes: int
    rows: int
    columns: int
    depth: int
    tall: int
    wide: int
    way: str
    per: int = 1
    left: str = ""

    @property
    def step(self):
        """How far rows of units of a copy of A lie apart. Whole vectors; and in a cache's other lines."""
        return self.depth + self.lanes if self.left == "rows" else -(-self.rows // self.lanes) * self.lanes

    @property
    def strip(self):
        """The size of a copy of the rows of a tile."""
        return self.rows * self.step if self.left == "rows" else self.depth * self.step


def pieces(total, largest, unit=1):
    """The size of equal pieces, a multiple of ``unit`` and no larger than ``largest``, but at least one unit.

    >>> pieces(64, 14), pieces(784, 256, 16)
    (13, 208)
    """
    largest = max(unit, largest // unit * unit)
    number = max(1, -(-total // largest))
    size = -(-total // number)
    return max(unit, -(-size // unit) * unit)


LARGEST_CHUNK, SMALLEST_CHUNK = 32_000_000, 2_000_000
"""Floating-point operations: 0.3 ms, and 20 microseconds, where a core does 100 GFLOP/s."""


NEAREST = 32768
"""Bytes of a panel: what the nearest cache holds."""

FEW, SOME = 4, 16
"""Rows: up to so many use B too few times to be worth turning it, if k is short, or long."""

SQUARE = 4
"""Columns of a tile along k, and rows, if there are 32 registers: so often each number is used, and few streams come from memory."""

CROWDED = 4096
"""Bytes from one column of A to the next, or a multiple, by which all its columns share a few places of the nearest cache: a line is
lost before the next tile reads on in it. So a tile takes as much of it as it can."""

BRIEF, FOLLOWED = 16, 1 << 15
"""Numbers of a sum up to which C's lines take most of the time; then a chunk has so many bytes from its first row to its last, at
most, or the rows of one tile. Further apart they are more pages than a processor asks for ahead, and each line of a panel is waited
for: that takes up to four times as long."""

ALONG, ACROSS = 2048, 16
"""Steps of a block along k: where both are read along k, so that what rows share stays near; where each number of B is used
once, so that B is read in the order in which it lies."""


def tiling(gemm, target):
    """The tiling of a product, for a machine."""
    lanes, per = target.lanes(gemm.kind), 2 if gemm.narrow == "bfloat16" and target.dots else 1
    few = SOME if gemm.k >= 8 * lanes else FEW
    if gemm.m <= few and gemm.a[2] == 1 and gemm.b[1] == 1 and gemm.b[2] != 1:
        way, rows, columns, depth = "along", pieces(gemm.m, target.registers // 8), min(SQUARE, lanes), depth_of(gemm.k, ALONG, per * lanes)
    else:
        way, rows, columns, depth = tile_of(replace(gemm, k=-(-gemm.k // per)), target)

    if gemm.ending.rounds:
        depth = gemm.k if way == "along" else -(-gemm.k // per)
    row = gemm.c[1] * SIZES[gemm.result] if gemm.c[2] == gemm.b[2] == 1 else 0  # others' panels are dear
    tall = pieces(gemm.m, tallest(gemm.k, 256, rows, row), rows)
    quicker = 4 if gemm.narrow else 1  # where chunks share copies of A as well, they are larger
    share = min(max(gemm.flops // 16, SMALLEST_CHUNK * quicker), LARGEST_CHUNK * quicker)
    wide = pieces(gemm.n, share // max(1, 2 * tall * gemm.k), columns)
    as_it_lies = per == 2 and gemm.a[2] == 1 and gemm.a[1] % 2 == gemm.k % 2 == 0
    left = "" if not gemm.narrow or way == "along" or as_it_lies else "rows" if gemm.a[2] == 1 else "strips"
    return Tiling(lanes, rows, columns, depth, tall, wide, way, per, left)


def tallest(k, most, rows, row):
    """The rows of a chunk, at most, in tiles of ``rows``; a row of C has so many bytes."""
    return min(most, max(rows, FOLLOWED // max(1, row))) if k <= BRIEF else most


def units_of(gemm, cut):
    """The product of a panel of units and of A's, copied or where they lie."""
    if not gemm.narrow or cut.way == "along":
        return gemm
    a = {"rows": (0, cut.step, 1), "strips": (0, 1, cut.step), "": (0, gemm.a[1] // 2, 1)}[cut.left]
    return replace(gemm, k=-(-gemm.k // cut.per), a=a)


def tile_of(gemm, target):
    """(way, rows, columns, depth) where a tile's vectors lie across k."""
    lanes = target.lanes(gemm.kind)
    vectors = target.registers // 2 if gemm.m == 1 else min(max(2, (target.registers - 2) // (gemm.m + 1)), 8)
    if target.width == 16 and target.registers == 32:
        vectors = max(vectors, 3)
    columns = pieces(gemm.n, vectors * lanes, lanes)
    most = (target.registers - 2) // (columns // lanes) - 1
    crowded = gemm.a[1] == 1 and not gemm.narrow and gemm.a[2] * SIZES[gemm.kind] % CROWDED == 0 and gemm.m > 2 * most
    rows = pieces(gemm.m, most) if crowded else rows_of(gemm.m, most)
    way = "copied" if gemm.b[2] != 1 or gemm.m > 4 * rows or gemm.narrow else "direct"
    if way == "copied":
        return way, rows, columns, depth_of(gemm.k, NEAREST // SIZES[gemm.kind] // columns, lanes)
    once = gemm.m == 1 and gemm.n > columns
    return way, rows, columns, depth_of(gemm.k, ACROSS if once else 1024, lanes)


def depth_of(k, most, lanes):
    """The length of equal blocks along k, none of them shorter than a vector.

    >>> depth_of(784, 256, 16), depth_of(520, 256, 16)
    (208, 176)
    """
    depth = pieces(k, most, lanes)
    while depth > lanes and 0 < k % depth < lanes:
        depth -= lanes
    return depth


def rows_of(m, most):
    """The rows of a tile: a divisor of m if there is a good one, so that all tiles are the same; else about equal.

    >>> rows_of(64, 14), rows_of(100, 14), rows_of(37, 14)
    (8, 10, 13)
    """
    divisors = [rows for rows in range(max(1, most // 2 + 1), most + 1) if m % rows == 0]
    return max(divisors) if divisors else pieces(m, most)


# ------------------------------------------------------------------------------------------------------------ the tile


def vectors_of(text, gemm, cut):
    return Narrow(text, gemm.narrow, cut.lanes, cut.per) if gemm.narrow else Vectors(text, gemm.kind, cut.lanes)


def counts_of(v, columns):
    """How many lanes of each vector count in a row of ``columns``: all, but for the last one's."""
    return [min(v.lanes, columns - start) for start in range(0, columns, v.lanes)]


def write_tile(text, name, gemm, cut, rows, columns):
    """The function ``@name``: ``rows`` x ``columns`` of C, a block along k."""
    v = vectors_of(text, gemm, cut)
    sums_of = sums_along if cut.way == "along" else sums_of_tile
    adds, later = gemm.accumulate or gemm.k > cut.depth, ends_later(gemm, cut)
    arguments = f"ptr %a, ptr %b, ptr %c, i64 %k, ptr %bias{', i1 %last' if later else ''}"
    with text.function(f"internal fastcc void @{name}({arguments})", "noinline nounwind"):
        sums = iter(sums_of(text, v, gemm, cut, rows, columns))
        places = [(i, start * v.lanes, count) for i in range(rows) for start, count in enumerate(counts_of(v, columns))]
        for where in places:
            place, value = text.at("%c", corner_of(text, gemm.c, *where[:2]), gemm.result), next(sums)
            value = v.add(v.load(place, where[2], gemm.c[2]), value) if adds else value
            value = value if later else ended(text, v, gemm.ending, value, where)
            if gemm.ending.rounds:
                v.store_rounded(value, place, where[2])
            else:
                v.store(value, place, where[2], gemm.c[2])
        if later:
            with text.when("%last"):
                for where in places:
                    place = text.at("%c", corner_of(text, gemm.c, *where[:2]), gemm.kind)
                    value = ended(text, v, gemm.ending, v.load(place, where[2], gemm.c[2]), where)
                    v.store(value, place, where[2], gemm.c[2])


def ends_later(gemm, cut):
    """Whether tiles must be told which block along k is the last."""
    return gemm.k > cut.depth and gemm.ending != Ending()


def ended(text, v, ending, value, where):
    """A vector of C, of which the sums are complete, with what follows."""
    i, j, count = where
    if ending.bias is not None:
        place, stride = text.at("%bias", corner_of(text, ending.bias, i, j), v.kind), ending.bias[2]
        value = v.add(value, v.load(place, count, stride) if stride else v.spread(text.load(v.kind, place)))
    return v.larger(value, v.zero) if ending.relu else value


CHAINS = 8
"""Sums in work at once, at least: while a multiply-add waits for the last one's result, so many others could begin."""


def sums_of_tile(text, v, gemm, cut, rows, columns):
    """Row by row the vectors of sums: each step along k multiplies a row of the panel by a column of A.

    A tile of few sums has each of them two or four times, and adds those up at the end, so that none waits for itself.
    """
    counts, copied = counts_of(v, columns), cut.way == "copied"

    def step(p, sums):
        panel = text.at("%b", text.multiply(p, cut.columns if copied else gemm.b[1]), gemm.kind)
        row = [
            v.load(text.at(panel, start * v.lanes, gemm.kind), None if copied else count)
            for start, count in enumerate(counts)
        ]
        column, sums, following = text.at("%a", column_of(text, gemm, p), gemm.kind), iter(sums), []
        for i in range(rows):
            x = v.spread(text.load(gemm.kind, text.at(column, i * gemm.a[1], gemm.kind), 2 if gemm.narrow else None))
            following += [v.multiply_add(x, vector, next(sums)) for vector in row]
        return following

    number = rows * len(counts)
    chains = max(1, min(4, CHAINS // number)) if gemm.k >= 16 else 1
    whole = text.multiply(text.divide("%k", chains)[0], chains)
    with text.loop("p", 0, whole, chains, carry=[(v.type, v.zero)] * (number * chains)) as p:
        p.carry(*[x for c in range(chains) for x in step(text.add(p, c), p.values[c * number : (c + 1) * number])])
    sums = p.values[:number]
    if chains == 1:
        return sums
    for c in range(1, chains):
        sums = [v.add(x, y) for x, y in zip(sums, p.values[c * number : (c + 1) * number])]
    with text.loop("p", whole, "%k", carry=[(v.type, x) for x in sums]) as p:
        p.carry(*step(p, p.values))
    return p.values


def column_of(text, gemm, p):
    """How far from its row's start a number of A lies."""
    if gemm.runs is None:
        return text.multiply(p, gemm.a[2])
    run, rest = text.divide(p, gemm.runs[0])
    return text.add(text.multiply(run, gemm.runs[1]), text.multiply(rest, gemm.a[2]))


def sums_along(text, v, gemm, cut, rows, columns):
    """Row by row one vector of sums: each is a column of B times a row of A, a vector of both at a time."""

    def step(p, sums, count):
        left, right = (
            [v.fetch(text.at(f"%{name}", text.add(p, each * stride), v.element), count) for each in range(number)]
            for name, number, stride in (("a", rows, gemm.a[1]), ("b", columns, gemm.b[2]))
        )
        sums = iter(sums)
        return [v.multiply_add(x, y, next(sums)) for x in left for y in right]

    whole = text.multiply(text.divide("%k", v.reach)[0], v.reach)
    with text.loop("p", 0, whole, v.reach, carry=[(v.type, v.zero)] * (rows * columns)) as p:
        p.carry(*step(p, p.values, v.reach))
    if gemm.k % v.reach:
        with text.loop("p", whole, "%k", v.reach, carry=[(v.type, x) for x in p.values]) as p:
            p.carry(*step(p, p.values, gemm.k % v.reach))
    return added_up(v, p.values, rows, columns)


def added_up(v, sums, rows, columns):
    """For each row a vector that begins with the sums of its ``columns`` vectors. As many rows are added up at once as fit in one."""
    wide = 1 << (columns - 1).bit_length()
    some, found = v.lanes // wide, []
    for start in range(0, rows, some):
        vectors = [v.zero] * v.lanes
        for i in range(start, min(start + some, rows)):
            vectors[(i - start) * wide : (i - start) * wide + columns] = sums[i * columns : (i + 1) * columns]
        total = v.sums(vectors)
        for i in range(min(some, rows - start)):
            found.append(v.shuffle(total, v.zero, [(i * wide + lane) % v.lanes for lane in range(v.lanes)]) if i else total)
    return found


# ----------------------------------------------------------------------------------------------------- a panel's copy


def write_copy(text, name, gemm, cut, columns):
    """The function ``@name``: a panel of B, ``columns`` wide, one row behind the other in ``%to``."""
    v = vectors_of(text, gemm, cut)
    if gemm.narrow:
        return write_pack(text, name, v, gemm.b[1:], cut.columns, columns)
    with text.function(f"internal fastcc void @{name}(ptr %b, ptr %to, i64 %k)", "noinline nounwind"):
        if gemm.b[1] == 1 and gemm.b[2] != 1 and gemm.k >= v.lanes:
            write_turned(text, gemm.kind, v.lanes, "%b", gemm.b[2], "%to", cut.columns, columns, "%k")
            return
        with text.loop("p", 0, "%k") as p:
            row = text.at("%b", text.multiply(p, gemm.b[1]), gemm.kind)
            to = text.at("%to", text.multiply(p, cut.columns), gemm.kind)
            for start, count in enumerate(counts_of(v, columns)):
                vector = v.load(text.at(row, start * v.lanes * gemm.b[2], gemm.kind), count, gemm.b[2])
                v.store(vector, text.at(to, start * v.lanes, gemm.kind))


# ----------------------------------------------------------------------------------------------------------- the kernel


def better_flipped(gemm):
    """Whether Cᵀ = Bᵀ Aᵀ is the easier product: C's columns are contiguous, or there are too few columns for a vector."""
    if gemm.ending.rounds:
        return False
    if gemm.c[2] != 1 and gemm.c[1] == 1:
        return gemm.n > FEW or gemm.m <= FEW
    return gemm.n <= FEW < gemm.m


def gemm_text(name, gemm, target, preamble):
    """The kernel ``@name`` that computes a product, as Code. Its text is in vectors: link it at level "vectors".

    ``preamble`` is LLVM text that defines ``%A``, ``%B`` and ``%C`` from ``%p``; and ``%BIAS`` if there is one.
    """
    names = ["%A", "%B"]
    if better_flipped(gemm):
        gemm, names = gemm.flipped(), ["%B", "%A"]
    cut = tiling(gemm, target)
    text = Text()
    bands, strips = -(-gemm.m // cut.tall), -(-gemm.n // cut.wide)
    edge, rest = gemm.n % cut.columns, gemm.m % cut.rows
    for columns in {min(gemm.n, cut.columns), edge} - {0}:
        for rows in {min(gemm.m, cut.rows), rest} - {0}:
            write_tile(text, f"{name}.{rows}x{columns}", units_of(gemm, cut), cut, rows, columns)
        if cut.way == "copied":
            write_copy(text, f"{name}.copy{columns}", gemm, cut, columns)
    if cut.left == "rows":
        v = vectors_of(text, gemm, cut)
        write_rows(text, f"{name}.pack", v, gemm.a[1], cut.step, gemm.k % v.reach)
    for rows in ({min(gemm.m, cut.rows), rest} - {0}) if cut.left == "strips" else ():
        write_pack(text, f"{name}.pack{rows}", vectors_of(text, gemm, cut), (gemm.a[2], gemm.a[1]), cut.step, rows)

    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            left, strip = text.divide(chunk, strips)
            batch, band = text.divide(left, bands)
            i0, j0 = text.multiply(band, cut.tall), text.multiply(strip, cut.wide)
            i1 = text.minimum(text.add(i0, cut.tall), gemm.m) if bands > 1 else gemm.m
            j1 = text.minimum(text.add(j0, cut.wide), gemm.n) if strips > 1 else gemm.n
            write_chunk(text, name, gemm, cut, names, (batch, i0, i1, j0, j1))

    chunks = gemm.matrices * bands * strips
    worth = -(-SMALLEST_CHUNK * chunks // max(1, gemm.flops))
    units = cut.depth * cut.columns if cut.way == "copied" else 0
    units += -(-cut.tall // cut.rows) * cut.strip if cut.left else 0
    return Code(str(text), chunks, max(1, min(worth // 2, chunks // 8)), units * SIZES[gemm.kind])


def start_of(text, matrix, gemm, strides):
    """Where the matrix of that number begins."""
    if not isinstance(gemm.batch, tuple):
        return text.multiply(matrix, strides[0])
    start = 0
    for extent, stride in zip(reversed(gemm.batch), reversed(strides[0])):
        matrix, index = text.divide(matrix, extent)
        start = text.add(start, text.multiply(index, stride))
    return start


def strip_of(text, cut, i):
    """Where in scratch the units of A from row i on are: behind the panel."""
    number = text.divide(i, cut.rows)[0]
    return text.at("%scratch", text.add(text.multiply(number, cut.strip), cut.depth * cut.columns), "float")


def write_chunk(text, name, gemm, cut, names, where):
    """One chunk of C: block after block along k, panel after panel, tile after tile."""
    batch, i0, i1, j0, j1 = where
    a0 = text.at(names[0], text.add(start_of(text, batch, gemm, gemm.a), text.multiply(i0, gemm.a[1])), gemm.element)
    b0 = text.at(names[1], text.add(start_of(text, batch, gemm, gemm.b), text.multiply(j0, gemm.b[2])), gemm.element)
    c0 = text.at("%C", text.add(start_of(text, batch, gemm, gemm.c), corner_of(text, gemm.c, i0, j0)), gemm.result)
    bias, apart = "null", gemm.ending.bias
    if apart is not None:
        bias = text.at("%BIAS", text.add(start_of(text, batch, gemm, apart), corner_of(text, apart, i0, j0)), gemm.kind)
    tall, wide = text.subtract(i1, i0), text.subtract(j1, j0)

    inner = units_of(gemm, cut)
    if inner.k > cut.depth and not gemm.accumulate:
        write_zeros(text, gemm, c0, tall, wide)
    with text.loop("k", 0, max(1, inner.k), cut.depth) as k:
        depth = text.minimum(text.subtract(inner.k, k), cut.depth)
        first = k if inner is gemm else text.multiply(k, cut.per)
        numbers = depth if inner is gemm else text.minimum(text.subtract(gemm.k, first), cut.depth * cut.per)
        a = text.at(a0, text.multiply(first, gemm.a[2]), gemm.element)
        b = text.at(b0, text.multiply(first, gemm.b[1]), gemm.element)
        more = f", i1 {text.let('last', f'icmp eq i64 {text.add(k, depth)}, {inner.k}')}" if ends_later(inner, cut) else ""
        if cut.left == "rows":
            text.do(f"call fastcc void @{name}.pack(ptr {a}, ptr {strip_of(text, cut, 0)}, i64 {numbers}, i64 {tall})")
        for rows, start, end in parts(text, tall, gemm.m, cut.rows) if cut.left == "strips" else ():
            with text.loop("i", start, end, cut.rows) as i:
                row = text.at(a, text.multiply(i, gemm.a[1]), gemm.element)
                text.do(f"call fastcc void @{name}.pack{rows}(ptr {row}, ptr {strip_of(text, cut, i)}, i64 {numbers})")

        for columns, start, end in parts(text, wide, gemm.n, cut.columns):
            with text.loop("j", start, end, cut.columns) as j:
                panel = text.at(b, text.multiply(j, gemm.b[2]), gemm.element)
                if cut.way == "copied":
                    text.do(f"call fastcc void @{name}.copy{columns}(ptr {panel}, ptr %scratch, i64 {numbers})")
                    panel = "%scratch"
                for rows, first_row, last_row in parts(text, tall, gemm.m, cut.rows):
                    with text.loop("i", first_row, last_row, cut.rows) as i:
                        row = text.at(a, text.multiply(i, gemm.a[1]), gemm.element)
                        row = strip_of(text, cut, i) if cut.left else row
                        to, added = text.at(c0, corner_of(text, gemm.c, i, j), gemm.result), bias
                        if apart is not None:
                            added = text.at(bias, corner_of(text, apart, i, j), gemm.kind)
                        arguments = f"ptr {row}, ptr {panel}, ptr {to}, i64 {depth}, ptr {added}{more}"
                        text.do(f"call fastcc void @{name}.{rows}x{columns}({arguments})")


def corner_of(text, strides, i, j):
    """How far a row and a column are from the start of their matrix."""
    return text.add(text.multiply(i, strides[1]), text.multiply(j, strides[2]))


def write_zeros(text, gemm, c, tall, wide):
    """Make a chunk of C zero, for the blocks along k to add to."""
    with text.loop("i", 0, tall) as i:
        row = text.at(c, text.multiply(i, gemm.c[1]), gemm.kind)
        if gemm.c[2] == 1:
            size = text.multiply(wide, SIZES[gemm.kind])
            text.do(f"call void @llvm.memset.p0.i64(ptr {row}, i8 0, i64 {size}, i1 false)")
        else:
            with text.loop("j", 0, wide) as j:
                text.store(gemm.kind, constant(0, gemm.kind), text.at(row, text.multiply(j, gemm.c[2]), gemm.kind))


def parts(text, length, total, size):
    """A chunk's stretch in tiles of ``size``, and what is left at the end of ``total``: (size, begin, end) of both.

    All chunks but the last are multiples of ``size``: there the second part is empty.
    """
    whole = text.multiply(text.divide(length, size)[0], size)
    found = [(size, 0, whole)] if total >= size else []
    if total % size:
        found.append((total % size, whole, length))
    return found
