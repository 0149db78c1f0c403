"""Matrix products of any shape by one kernel: C = A B + a vector for each row of C, as eager mode wants them.

``gemm.py`` writes a kernel for each shape, which a compiled program can wait for. Here shapes and strides come with the call,
so a process compiles few kernels, once: for A whose rows are contiguous or its columns, and likewise for B. The way is the
same, tile by tile along a panel of B that was copied into the first-level cache:

    chunk       rows i0 to i1 and columns j0 to j1 of one matrix of the batch
    block       a stretch of at most DEPTH steps along k
    panel       B's columns, as many as two vectors have lanes, behind each other; beyond the last one zeros
    tile        a function for each number of rows and of vectors: its sums stay in registers

Tiles are compiled apart, and once: they are told A's strides, and read copies of B, so all four kernels share them.
Of 16-bit numbers (pairs.py) A is copied too, once for each block of a chunk; the sums of a chunk are float32, in a place of their
own, and are rounded when it is done.

A tile adds its sums to what it finds at ``from``: the vector in the first block (zeros if there is none), C in the others.
The cut depends on shapes alone, so numbers don't depend on who runs which chunk.

torch: ATen/native/LinearAlgebra.cpp, addmm_out   Goto & van de Geijn 2008, Anatomy of high-performance matrix multiplication
"""

from functools import lru_cache
from math import prod

from .gemm import CHAINS, SMALLEST_CHUNK, Code, pieces, tallest
from .kernel import Kernel
from .link import Written, host
from .narrow import NARROW
from .pairs import Narrow, pack, pack_rows
from .target import SIZES
from .text import Text
from .transpose import write_turned
from .vectors import Vectors

__all__ = ["TILE", "Writer", "product"]

DEPTH = 256
"""Steps along k: so many rows of a panel fill the first-level cache."""

VECTORS = 2
"""How many of them a panel is wide."""

ROWS = 12, 8, 4, 2, 1
"""Rows of a tile: of these, as many as there are registers for. What is left at the end is done by several of them, since each
tile has to be compiled."""

TALL, LARGEST_CHUNK = 256, 16_000_000
"""A chunk's rows and floating-point operations, at most."""

SHORT = 1 << 20
"""Multiplications up to which a call keeps Python's lock and stays on its thread: to do otherwise takes 3 of some 20 microseconds."""

WIDE = 512
"""A chunk's columns, at most, where its sums are in the second cache until they are rounded."""

WORDS = ("chunks", "grain", "m", "n", "k", "a_step", "b_step", "inner", "a_outer", "a_inner", "b_outer", "b_inner",
         "tall", "wide", "rows", "biased")  # fmt: skip
"""What comes with a call. The steps are from one contiguous row, or column, to the next; ``inner`` is the number of matrices in
the inner dim of a batch, whose strides follow."""


PARAMETERS = "ptr %a, i64 %a_row, i64 %a_column, ptr %b, ptr %from, i64 %from_step, ptr %c, i64 %c_step, i64 %k"
"""What a tile is given beside the number of its rows and columns: a place in A and how far apart rows and columns lie there, a panel
of B, what the sums are added to, where they go."""

TILE = f"declare void @one(i64, {', '.join([word.split()[0] for word in PARAMETERS.split(', ')])}, i64)"
"""How a text that calls tiles declares them."""


class Writer:
    """Writes a kernel, or the tiles that it calls, for an LLVM kind, or a type of 16 bits. ``across``: whether A's and B's rows are
    contiguous, or else their columns; rows: those a tile may have, the most first, with 1."""

    def __init__(self, kind, across, target, rows=ROWS):
        self.narrow, self.kind = kind in NARROW, "float" if kind in NARROW else kind
        self.target, self.text, lanes = target, Text(), target.lanes(self.kind)
        self.a_across, self.b_across = across
        self.per = 2 if kind == "bfloat16" and target.dots else 1
        self.v = Narrow(self.text, kind, lanes, self.per) if self.narrow else Vectors(self.text, kind, lanes)
        self.columns = VECTORS * self.v.lanes
        most = min((target.registers - 2) // VECTORS - 1, rows[0])
        self.rows = [most, *[n for n in rows if n < most]]
        self.most = tuple(self.rows), self.columns, *((4, WIDE) if self.narrow else (1, 1 << 62))
        panel = (DEPTH + lanes + 1) * self.columns
        self.left = panel * SIZES[self.kind], ((DEPTH + lanes, 1) if self.a_across else (1, TALL + lanes))
        self.sums = (panel + (DEPTH + lanes) * (TALL + lanes)) * SIZES[self.kind]
        self.scratch = self.sums + TALL * WIDE * SIZES[self.kind] if self.narrow else panel * SIZES[self.kind]

    # -------------------------------------------------------------------------------------------------------- a tile

    def tile(self, rows, vectors):
        """``@tile.rows.vectors``: of the last vector the first ``%count`` lanes count."""
        text, v, kind = self.text, self.v, self.kind
        with text.function(f"internal fastcc void @tile.{rows}.{vectors}({PARAMETERS}, i64 %count)", "noinline nounwind"):
            sums, mask = iter(self.summed(rows, vectors)), self.v.below("%count")
            whole = f"<{', '.join(['i1 true'] * v.lanes)}>"
            for i in range(rows):
                before = text.at("%from", text.multiply("%from_step", i), kind)
                to = text.at("%c", text.multiply("%c_step", i), kind)
                for s in range(vectors):
                    lanes = mask if s == vectors - 1 else whole
                    found = v.load_where(text.at(before, s * v.lanes, kind), lanes)
                    v.store_where(v.add(next(sums), found), text.at(to, s * v.lanes, kind), lanes)

    def summed(self, rows, vectors):
        """The vectors of sums, row by row. Where they are few each is computed as several, and these are added up at the end: a sum
        that waits for its last product takes four times as long."""
        text, v, kind, number = self.text, self.v, self.kind, rows * vectors
        starts, chains = self.row_starts(rows), max(1, min(4, CHAINS // number))
        whole = text.multiply(text.divide("%k", chains)[0], chains)

        def step(p, sums):
            panel = text.at("%b", text.multiply(p, self.columns), kind)
            columns, following = [v.load(text.at(panel, s * v.lanes, kind)) for s in range(vectors)], []
            for place in self.column_of(starts, p):
                x = v.spread(text.load(kind, place))
                following += [v.multiply_add(x, vector, sums[len(following) + s]) for s, vector in enumerate(columns)]
            return following

        with text.loop("p", 0, whole, chains, carry=[(v.type, v.zero)] * (number * chains)) as p:
            p.carry(*[x for c in range(chains) for x in step(text.add(p, c), p.values[c * number : (c + 1) * number])])
        sums = p.values[:number]
        if chains > 1:
            for c in range(1, chains):
                sums = [v.add(x, y) for x, y in zip(sums, p.values[c * number :])]
            with text.loop("p", whole, "%k", carry=[(v.type, x) for x in sums]) as p:
                p.carry(*step(p, p.values))
            sums = p.values
        return sums

    def row_starts(self, rows):
        """Where every fourth row of A begins, and the distances of those between: few registers for many addresses."""
        text = self.text
        steps = [text.multiply("%a_row", i) for i in range(4)]
        bases = [text.at("%a", text.multiply("%a_row", i), self.kind) for i in range(0, rows, 4)]
        return [(bases[i // 4], steps[i % 4]) for i in range(rows)]

    def column_of(self, starts, p):
        """The addresses of A's numbers in step p."""
        text = self.text
        step = text.multiply(p, "%a_column")
        moved = {base: text.at(base, step, self.kind) for base, _ in starts}
        return [text.at(moved[base], distance, self.kind) for base, distance in starts]

    # ------------------------------------------------------------------------------------------------------- a panel

    def copy(self):
        """``@copy``: a panel of B, ``%count`` columns of it, with zeros up to its whole width."""
        text, v, kind = self.text, self.v, self.kind
        with text.function("internal fastcc void @copy(ptr %b, i64 %b_step, ptr %to, i64 %k, i64 %count)", "noinline nounwind"):
            if self.narrow:
                pack(text, v, self.b_across, "%b_step", self.columns, "%count")
            elif self.b_across:
                masks = [self.v.below(text.subtract("%count", s * v.lanes)) for s in range(VECTORS)]
                with text.loop("p", 0, "%k") as p:
                    row = text.at("%b", text.multiply(p, "%b_step"), kind)
                    to = text.at("%to", text.multiply(p, self.columns), kind)
                    for s, mask in enumerate(masks):
                        v.store(v.load_where(text.at(row, s * v.lanes, kind), mask), text.at(to, s * v.lanes, kind))
            else:
                self.turned()

    def copy_left(self):
        """``@left``: a block of A in units."""
        text, (_, (row, column)) = self.text, self.left
        with text.function("internal fastcc void @left(ptr %b, i64 %step, ptr %to, i64 %k, i64 %rows)", "noinline nounwind"):
            if self.a_across:
                pack_rows(text, self.v, "%step", row)
            else:
                pack(text, self.v, True, "%step", column, "%rows")

    def turned(self):
        """B's columns are contiguous: few numbers of each are copied one by one."""
        text, kind, short = self.text, self.kind, self.text.let("short", f"icmp slt i64 %k, {self.v.lanes}")
        with text.when(short), text.loop("p", 0, "%k") as p, text.loop("j", 0, "%count") as j:
            number = text.load(kind, text.at("%b", text.add(text.multiply(j, "%b_step"), p), kind))
            text.store(kind, number, text.at("%to", text.add(text.multiply(p, self.columns), j), kind))
        with text.when(text.let("long", f"xor i1 {short}, true")):
            write_turned(text, kind, self.v.lanes, "%b", "%b_step", "%to", self.columns, "%count", "%k")

    # ------------------------------------------------------------------------------------------------------ a kernel

    def kernel(self):
        text = self.text
        text.lines.append(TILE)
        self.copy()
        if self.narrow:
            self.copy_left()
        with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
            a, b, bias, c = (text.load("ptr", text.at("%p", 4 + i, "ptr")) for i in range(4))
            w = {name: text.load("i64", text.at("%p", 8 + i, "i64")) for i, name in enumerate(WORDS)}
            bands, strips = (self.ceiling(w[total], w[size]) for total, size in (("m", "tall"), ("n", "wide")))
            with text.loop("chunk", "%begin", "%end") as chunk:
                left, strip = text.divide(chunk, strips)
                matrix, band = text.divide(left, bands)
                outer, inner = text.divide(matrix, w["inner"])
                places = []
                for x, name in ((a, "a"), (b, "b")):
                    start = text.multiply(outer, w[f"{name}_outer"])
                    places.append(text.at(x, text.add(start, text.multiply(inner, w[f"{name}_inner"])), self.v.element))
                places.append(text.at(c, text.multiply(matrix, text.multiply(w["m"], w["n"])), self.v.element))
                starts = text.multiply(band, w["tall"]), text.multiply(strip, w["wide"])
                ends = [text.minimum(text.add(s, w[size]), w[n]) for s, size, n in zip(starts, ("tall", "wide"), "mn")]
                self.chunk(w, places, bias, *zip(starts, ends))
        return Code(str(text), None, None, self.scratch)

    def ceiling(self, total, size):
        return self.text.divide(self.text.add(self.text.add(total, size), -1), size)[0]

    def chunk(self, w, places, bias, band, strip):
        """Block after block along k, panel after panel, tile after tile."""
        text, kind = self.text, self.kind
        (a, b, c), (i0, i1), (j0, j1) = places, band, strip
        sums, row = (text.at("%scratch", self.sums, "i8"), WIDE) if self.narrow else (self.corner(c, i0, j0, w), w["n"])
        vector = text.at("%scratch", (DEPTH + self.v.lanes) * self.columns, kind)
        with text.loop("k", 0, w["k"], DEPTH * self.per) as k:
            numbers = text.minimum(text.subtract(w["k"], k), DEPTH * self.per)
            depth = text.divide(text.add(numbers, self.per - 1), self.per)[0]
            left = self.left_of(w, a, i0, text.subtract(i1, i0), k, numbers)
            with text.loop("j", j0, j1, self.columns) as j:
                count = text.minimum(text.subtract(j1, j), self.columns)
                corner = self.place(b, k, j, w["b_step"], self.b_across)
                text.do(f"call fastcc void @copy(ptr {corner}, i64 {w['b_step']}, ptr %scratch, i64 {numbers}, i64 {count})")
                self.copy_bias(w["biased"], text.at(bias, j, kind), vector, count)
                first = text.let("first", f"icmp eq i64 {k}, 0")
                from_step = text.let("step", f"select i1 {first}, i64 0, i64 {row}")
                with text.loop("i", i0, i1, w["rows"]) as i:
                    rows = text.minimum(text.subtract(i1, i), w["rows"])
                    to = text.at(sums, text.add(text.multiply(text.subtract(i, i0), row), text.subtract(j, j0)), kind)
                    before = text.let("from", f"select i1 {first}, ptr {vector}, ptr {to}")
                    c_part = f"ptr {before}, i64 {from_step}, ptr {to}, i64 {row}"
                    a_part = left(i)
                    text.do(f"call void @one(i64 {rows}, {a_part}, ptr %scratch, {c_part}, i64 {depth}, i64 {count})")
        if self.narrow:
            self.rounded(sums, self.corner(c, i0, j0, w), w["n"], text.subtract(i1, i0), text.subtract(j1, j0))

    def corner(self, c, i, j, w):
        return self.text.at(c, self.text.add(self.text.multiply(i, w["n"]), j), self.v.element)

    def rounded(self, sums, to, step, rows, columns):
        """The sums of a chunk as numbers of 16 bits."""
        text, v = self.text, self.v
        whole = text.multiply(text.divide(columns, v.lanes)[0], v.lanes)
        mask = v.below_of(v.lanes, text.subtract(columns, whole))
        with text.loop("i", 0, rows) as i:
            row, there = text.at(sums, text.multiply(i, WIDE), self.kind), text.at(to, text.multiply(i, step), v.element)
            for begin, end, some in ((0, whole, None), (whole, columns, f"<{v.lanes} x i1> {mask}")):
                with text.loop("j", begin, end, v.lanes) as j:
                    v.store_bits(v.rounded(v.load(text.at(row, j, self.kind))), text.at(there, j, v.element), some)

    def left_of(self, w, a, i0, rows, k, numbers):
        """A function of a row's number: A from there on, and how far apart rows and columns are, as a tile is told."""
        text = self.text
        if self.narrow:
            start, (row, column) = self.left
            to, corner = text.at("%scratch", start, "i8"), self.place(a, i0, k, w["a_step"], self.a_across)
            lies = "false" if self.per == 1 or not self.a_across else self.even(w["a_step"], w["k"])
            with text.when(text.let("copied", f"xor i1 {lies}, true")):
                text.do(f"call fastcc void @left(ptr {corner}, i64 {w['a_step']}, ptr {to}, i64 {numbers}, i64 {rows})")
            to = text.let("left", f"select i1 {lies}, ptr {corner}, ptr {to}")
            row = text.let("row", f"select i1 {lies}, i64 {text.divide(w['a_step'], 2)[0]}, i64 {row}")

            def left(i):
                place = text.at(to, text.multiply(text.subtract(i, i0), row), self.kind)
                return f"ptr {place}, i64 {row}, i64 {column}"
        else:
            row, column = (w["a_step"], 1) if self.a_across else (1, w["a_step"])

            def left(i):
                return f"ptr {self.place(a, i, k, w['a_step'], self.a_across)}, i64 {row}, i64 {column}"

        return left

    def even(self, *numbers):
        """Whether pairs of A are where they lie: rows begin at one, and end with one."""
        odd = [self.text.let("odd", f"and i64 {number}, 1") for number in numbers]
        return self.text.let("lies", f"icmp eq i64 {self.text.let('odd', f'or i64 {odd[0]}, {odd[1]}')}, 0")

    def place(self, matrix, row, column, step, across):
        """The address of an element of A or B."""
        far, near = (row, column) if across else (column, row)
        return self.text.at(matrix, self.text.add(self.text.multiply(far, step), near), self.v.element)

    def copy_bias(self, biased, place, vector, count):
        """The panel's part of the vector, or zeros, behind the panel."""
        text, v = self.text, self.v
        is_so = text.let("biased", f"icmp ne i64 {biased}, 0")
        for s in range(VECTORS):
            limit = text.let("limit", f"select i1 {is_so}, i64 {text.subtract(count, s * v.lanes)}, i64 0")
            found = v.load_where(text.at(place, s * v.lanes, self.kind), self.v.below(limit))
            v.store(found, text.at(vector, s * v.lanes, self.kind))

    def tiles(self):
        """``@one``: the tile of so many rows, or several, and of as many vectors as ``%count`` columns need. Its text."""
        text = self.text
        for rows in self.rows:
            for vectors in range(1, VECTORS + 1):
                self.tile(rows, vectors)
        with text.function(f"void @one(i64 %rows, {PARAMETERS}, i64 %count)", "noinline nounwind"):
            narrow = text.let("narrow", f"icmp sle i64 %count, {self.v.lanes}")
            odd = text.let("odd", f"zext i1 {narrow} to i64")
            which = text.subtract(text.multiply("%rows", 2), odd)
            cases = {2 * rows - 2 + vectors: (rows, vectors) for rows in self.rows for vectors in (1, 2)}
            labels = " ".join([f"i64 {key}, label %case.{key}" for key in cases])
            text.do(f"switch i64 {which}, label %several [ {labels} ]")
            for key, (rows, vectors) in cases.items():
                text.open(f"case.{key}")
                count = text.subtract("%count", (vectors - 1) * self.v.lanes)
                text.do(f"call fastcc void @tile.{rows}.{vectors}({PARAMETERS}, i64 {count})")
                text.do("br label %none")
            text.open("several")
            self.several()
            text.do("br label %none")
            text.open("none")
        return str(text)

    def several(self):
        """Rows for which there is no tile, by those that there are: the most rows first."""
        text, kind, left = self.text, self.kind, "%rows"
        for rows in self.rows:
            start = text.subtract("%rows", left)
            number, left = text.divide(left, rows)
            with text.loop("tile", 0, number) as t:
                row = text.add(start, text.multiply(t, rows))
                a = text.at("%a", text.multiply(row, "%a_row"), kind)
                before, to = (text.at(f"%{x}", text.multiply(row, f"%{x}_step"), kind) for x in ("from", "c"))
                a_part = f"ptr {a}, i64 %a_row, i64 %a_column"
                given = f"i64 {rows}, {a_part}, ptr %b, ptr {before}, i64 %from_step, ptr {to}, i64 %c_step"
                text.do(f"call void @one({given}, i64 %k, i64 %count)")


@lru_cache(4096)
def cut_of(shape, rows, columns, quicker, most):
    """(chunks, grain, tall, wide, rows of a tile) of a shape, for tiles of some of these ``rows``, and so many columns.

    quicker: how many times the operations of a chunk may be as many.   most: its columns, at most.
    """
    outer, inner, m, n, k = shape
    alike = [n for n in rows if 2 * n > rows[0] and m % n == 0]
    rows = alike[0] if alike else min(rows[0], m)
    tall = pieces(m, TALL if quicker > 1 else tallest(k, TALL, rows, n * SIZES["float"]), rows)
    flops = 2 * outer * inner * m * n * k
    share = min(max(flops // 16, SMALLEST_CHUNK * quicker), LARGEST_CHUNK * quicker)
    wide = pieces(n, min(share // (2 * tall * k), most), columns)
    chunks = outer * inner * -(-m // tall) * -(-n // wide)
    worth = -(-SMALLEST_CHUNK * chunks // flops)
    return chunks, max(1, min(worth // 2, chunks // 8)), tall, wide, rows


def words_of(shape, strides, most):
    """The WORDS of a call, but for the last; most: what a Writer has, which bounds the cut."""
    chunks, grain, tall, wide, rows = cut_of(shape, *most)
    (a_step, *a_batch), (b_step, *b_batch) = strides
    return (chunks, grain, *shape[2:], a_step, b_step, shape[1], *a_batch, *b_batch, tall, wide, rows)


class Product:
    """The kernel for matrices of a kind that lie in one way. What it is told of a product's shape is made once, by ``planned``."""

    def __init__(self, kind, across):
        writer = Writer(kind, across, host())
        self.most = writer.most
        code = Code(Written(lambda: writer.kernel().text, "product", kind, across), None, None, writer.scratch)
        tiles = Written(lambda: Writer(kind, across, host()).tiles(), "tiles", kind)
        self.kernel = Kernel(code, 4, "vectors", len(WORDS), more=tiles)

    def planned(self, shape, strides):
        """(run, words), for ``run(a, b, bias, c, *words, biased)``: c becomes a b, + bias if ``biased``; else that is any array.

        shape: (outer, inner, m, n, k), all positive, for outer x inner matrices; strides, in elements: of a and of b, each
        (from one contiguous row or column to the next, along outer, along inner). All arrays but c may be views.
        """
        alone = self.kernel.enter is not None and prod(shape) <= SHORT
        return self.kernel.enter if alone else self.shared, words_of(shape, strides, self.most)

    def shared(self, a, b, bias, c, *words):
        self.kernel(a, b, bias, c, words=words)


@lru_cache(None)
def product(kind, a_across, b_across):
    """The Product for matrices whose rows are contiguous (``across``), or else their columns; None without a compiler.

    >>> import numpy
    >>> a, b, c = numpy.ones((2, 3), "float32"), numpy.ones((3, 4), "float32"), numpy.empty((2, 4), "float32")
    >>> run, words = product("float", True, True).planned((1, 1, 2, 4, 3), ((3, 0, 0), (4, 0, 0)))
    >>> run(a, b, c, c, *words, 0).tolist()
    [[3.0, 3.0, 3.0, 3.0], [3.0, 3.0, 3.0, 3.0]]
    """
    try:
        return Product(kind, (a_across, b_across))
    except ImportError:
        return None
