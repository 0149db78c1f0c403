"""Triangles on the tiles of product.py: equations with one, and Cholesky's. What is subtracted in bulk is a tile; the rest is short.

    solve      A X = B, A lower       X in panels as wide as a tile, from the first row on, in strips as high as a tile:

                                      strip of X = strip of B - (A beside it) (X above)       a tile, whose panel is -X
                                      row by row: less what the strip's own rows add, over A's diagonal

    cholesky   L Lᵀ = A               L in panels as wide as a tile, from the left:

                                      panel of L = panel of A - (L left of it) (its first rows of L)ᵀ       tiles
                                      its square: row by row of Lᵀ; then the rows below, times the square's inverse from the right

    lu         P L U = A              panels as wide as a tile, from the left:

                                      its rows above the square: solved with L's triangle, as a panel of X
                                      the others: less (L left of it) (those above)       tiles
                                      column by column the largest of what is left becomes the pivot: its row changes places

An upper triangle is a lower one if rows and columns are counted from the end, and A's transpose one by other strides. A matrix
is a chunk of ``cholesky`` and of ``lu``, and so is a panel of X of ``solve``: numbers don't depend on who computes which.

torch: calls LAPACK's potrf and getrf, and BLAS's trsm.   Goto & van de Geijn 2008, High-performance implementation of the level-3 BLAS
"""

from functools import lru_cache

from .constants import constant
from .gemm import Code
from .kernel import Kernel
from .link import Written, host
from .product import TILE
from .product import Writer as Tiles
from .target import SIZES
from .text import Text
from .transpose import write_turned
from .vectors import Vectors

__all__ = ["cholesky", "lu", "triangular"]

CHOLESKY = "chunks", "grain", "n"
LU = "chunks", "grain", "rows", "columns"
SOLVE = "chunks", "grain", "n", "m", "panels", "a_row", "a_column", "a_matrix", "back", "unit", "thin"
"""What comes with a call. m: X's columns; panels: of X in a matrix; a_row, a_column, a_matrix: A's strides, of which one of the
first two is 1; back: whether rows and columns are to be counted from the end; unit: whether A's diagonal counts as ones; thin:
whether X has so few columns that each is solved by itself, in one panel."""

ABREAST = 4
"""Rows below the square that are done at once: while one waits for its last number, the others go on."""


class Writer:
    """What both have in common. columns: of a panel, two vectors; high: rows of a strip."""

    def __init__(self, kind):
        tiles = Tiles(kind, (True, True), host())
        self.kind, self.text, self.high, self.columns = kind, Text(), tiles.rows[0], tiles.columns
        self.v = Vectors(self.text, kind, tiles.v.lanes)
        self.square = self.columns * self.columns
        self.text.lines += [TILE, f"@one_number = internal constant {kind} {constant(1, kind)}"]

    def number(self, pointer, index):
        return self.text.load(self.kind, self.text.at(pointer, index, self.kind))

    def pair(self, row):
        """The two vectors of a panel's row."""
        return [self.v.load(self.text.at(row, s * self.v.lanes, self.kind)) for s in range(2)]

    def put(self, vectors, row):
        for s, vector in enumerate(vectors):
            self.v.store(vector, self.text.at(row, s * self.v.lanes, self.kind))

    def less(self, factor, row, vectors):
        """The vectors, and a number times those of a row."""
        spread = self.v.spread(factor)
        return [self.v.multiply_add(spread, x, y) for x, y in zip(self.pair(row), vectors)]

    def negative(self, x):
        return self.text.let("negative", f"fneg {self.kind} {x}")

    def zero(self, place, count):
        self.text.do(f"call void @llvm.memset.p0.i64(ptr {place}, i8 0, i64 {self.text.multiply(count, SIZES[self.kind])}, i1 false)")

    def tile(self, rows, a, strides, panel, source, target, k, count):
        """``target`` = ``source`` + A times a panel; both are (where, from one row to the next)."""
        a_part = f"ptr {a}, i64 {strides[0]}, i64 {strides[1]}, ptr {panel}"
        moves = f"ptr {source[0]}, i64 {source[1]}, ptr {target[0]}, i64 {target[1]}"
        self.text.do(f"call void @one(i64 {rows}, {a_part}, {moves}, i64 {k}, i64 {count})")

    # ---------------------------------------------------------------------------------------------------------- solve

    def solve(self):
        text, kind = self.text, self.kind
        self.thin()
        with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
            a, b, out, work = (text.load("ptr", text.at("%p", 4 + i, "ptr")) for i in range(4))
            w = {name: text.load("i64", text.at("%p", 8 + i, "i64")) for i, name in enumerate(SOLVE)}
            back, thin = (text.let(name, f"icmp ne i64 {w[name]}, 0") for name in ("back", "thin"))
            w["divides"] = text.let("divides", f"icmp eq i64 {w['unit']}, 0")
            self.zero("%scratch", self.high * self.columns)
            with text.loop("chunk", "%begin", "%end") as chunk:
                matrix, number = text.divide(chunk, w["panels"])
                size = text.multiply(w["n"], w["m"])
                b_part, out_part = (text.at(x, text.multiply(matrix, size), kind) for x in (b, out))
                a_part = text.at(a, text.multiply(matrix, w["a_matrix"]), kind)
                panel = text.at(work, text.multiply(chunk, text.multiply(w["n"], self.columns)), kind)
                with text.when(thin):
                    self.each_column(w, a_part, b_part, out_part, panel, back)
                with text.when(text.let("wide", f"xor i1 {thin}, true")):
                    left = text.multiply(number, self.columns)
                    count = text.minimum(text.subtract(w["m"], left), self.columns)
                    self.panel(w, a_part, (b_part, out_part), panel, left, count, back)
        return str(text)

    def thin(self):
        """``@thin``: A x = b for contiguous x, in place of b. Along A's rows the numbers are sums, along its columns they are taken
        from all that follow."""
        text, kind, given = self.text, self.kind, "ptr %a, i64 %row, i64 %column, ptr noalias %x, i64 %n, i1 %back, i1 %divides"
        with text.function(f"internal fastcc void @thin({given})"):
            across = text.let("across", "icmp eq i64 %column, 1")
            with text.loop("t", 0, "%n") as t:
                left = text.subtract(text.subtract("%n", t), 1)
                i = text.let("i", f"select i1 %back, i64 {left}, i64 {t}")
                known = text.let("known", f"select i1 %back, i64 {text.add(i, 1)}, i64 0")
                later = text.let("later", f"select i1 %back, i64 0, i64 {text.add(i, 1)}")
                place, line = text.at("%x", i, kind), text.at("%a", text.multiply(i, "%row"), kind)
                length = text.let("length", f"select i1 {across}, i64 {t}, i64 0")
                with text.loop("k", 0, length, carry=[(kind, constant(0, kind))]) as k:
                    at = text.add(known, k)
                    product = text.let("product", f"fmul contract {kind} {self.number(line, at)}, {self.number('%x', at)}")
                    k.carry(text.let("sum", f"fadd reassoc contract {kind} {k.values[0]}, {product}"))
                found = text.let("rest", f"fsub {kind} {text.load(kind, place)}, {k.values[0]}")
                found = text.let("x", f"fdiv {kind} {found}, {self.pivot(text.at(line, text.multiply(i, '%column'), kind), '%divides')}")
                text.store(kind, found, place)
                length = text.let("length", f"select i1 {across}, i64 0, i64 {left}")
                line = text.at("%a", text.multiply(i, "%column"), kind)
                with text.loop("k", 0, length) as k:
                    at = text.add(later, k)
                    product = text.let("product", f"fmul contract {kind} {self.number(line, at)}, {found}")
                    to = text.at("%x", at, kind)
                    text.store(kind, text.let("rest", f"fsub contract {kind} {text.load(kind, to)}, {product}"), to)

    def pivot(self, place, divides):
        """A number of the diagonal, or 1 if it doesn't divide."""
        return self.text.load(self.kind, self.text.let("place", f"select i1 {divides}, ptr {place}, ptr @one_number"))

    def each_column(self, w, a, b, out, x, back):
        text, kind = self.text, self.kind
        with text.loop("column", 0, w["m"]) as column:
            with text.loop("i", 0, w["n"]) as i:
                text.store(kind, self.number(b, text.add(text.multiply(i, w["m"]), column)), text.at(x, i, kind))
            given = f"ptr {a}, i64 {w['a_row']}, i64 {w['a_column']}, ptr {x}, i64 {w['n']}, i1 {back}, i1 {w['divides']}"
            text.do(f"call fastcc void @thin({given})")
            with text.loop("i", 0, w["n"]) as i:
                text.store(kind, self.number(x, i), text.at(out, text.add(text.multiply(i, w["m"]), column), kind))

    def panel(self, w, a, moved, panel, left, count, back):
        """A panel of X, strip by strip. Where rows count from the end, all strides are negative."""
        text, kind = self.text, self.kind
        last = text.subtract(w["n"], 1)
        row, column, step = (
            text.let("step", f"select i1 {back}, i64 {text.subtract(0, x)}, i64 {x}") for x in (w["a_row"], w["a_column"], w["m"])
        )
        first_row = text.let("first", f"select i1 {back}, i64 {last}, i64 0")
        a = text.at(a, text.multiply(first_row, text.add(w["a_row"], w["a_column"])), kind)
        b, out = (text.at(x, text.add(text.multiply(first_row, w["m"]), left), kind) for x in moved)
        with text.loop("i", 0, w["n"], self.high) as i:
            rows = text.minimum(text.subtract(w["n"], i), self.high)
            strip, source = text.at(a, text.multiply(i, row), kind), text.at(b, text.multiply(i, step), kind)
            self.tile(rows, strip, (row, column), panel, (source, step), ("%scratch", self.columns), i, count)
            self.strip((row, column, w["divides"]), i, rows, strip, panel, (text.at(out, text.multiply(i, step), kind), step, count))

    def strip(self, triangle, i, rows, strip, panel, target):
        """What the rows of a strip do to each other. ``%scratch`` has what is left of B."""
        text, (row, column, divides), (out, step, count) = self.text, triangle, target
        own = text.at(panel, text.multiply(i, self.columns), self.kind)
        with text.loop("r", 0, rows) as r:
            line = text.at(text.at(strip, text.multiply(r, row), self.kind), text.multiply(i, column), self.kind)
            found = self.pair(text.at("%scratch", text.multiply(r, self.columns), self.kind))
            with text.loop("j", 0, r, carry=[(self.v.type, x) for x in found]) as j:
                factor = self.number(line, text.multiply(j, column))
                j.carry(*self.less(factor, text.at(own, text.multiply(j, self.columns), self.kind), j.values))
            pivot = self.v.spread(self.pivot(text.at(line, text.multiply(r, column), self.kind), divides))
            to = text.at(own, text.multiply(r, self.columns), self.kind)
            self.put([self.quotient(x, pivot) for x in j.values], to)
            with text.loop("c", 0, count) as c:
                place = text.at(text.at(out, text.multiply(r, step), self.kind), c, self.kind)
                text.store(self.kind, self.negative(self.number(to, c)), place)

    def quotient(self, x, pivot):
        """-(x / pivot)."""
        found = self.text.let("quotient", f"fdiv {self.v.type} {x}, {pivot}")
        return self.text.let("negative", f"fneg {self.v.type} {found}")

    # ------------------------------------------------------------------------------------------------------- cholesky

    def cholesky(self):
        """The square's Lᵀ is at the start of ``%scratch``; then come the numbers -1 / its diagonal."""
        text, kind = self.text, self.kind
        self.turn()
        self.factor_square()
        for rows in (ABREAST, 1):
            self.below(rows)
        self.one_matrix()
        with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
            a, out, work, info = (text.load("ptr", text.at("%p", 4 + i, "ptr")) for i in range(4))
            n = text.load("i64", text.at("%p", 8 + CHOLESKY.index("n"), "i64"))
            size = text.multiply(n, n)
            self.zero("%scratch", self.square)
            with text.loop("chunk", "%begin", "%end") as chunk:
                parts = [text.at(x, text.multiply(chunk, size), kind) for x in (a, out)]
                panel = text.at(work, text.multiply(chunk, text.multiply(n, self.columns)), kind)
                given = f"ptr {parts[0]}, ptr {parts[1]}, ptr {panel}, ptr %scratch, i64 {n}"
                found = text.let("found", f"call fastcc i64 @matrix({given})")
                text.store("i64", found, text.at(info, chunk, "i64"))
        return str(text)

    def one_matrix(self):
        """``i64 @matrix``: 0, or the order of the first leading minor that isn't positive."""
        text, kind = self.text, self.kind
        with text.function("internal fastcc i64 @matrix(ptr %a, ptr %l, ptr %panel, ptr %square, i64 %n)", result="i64 0"):
            with text.loop("j", 0, "%n", self.columns) as j:
                count = text.minimum(text.subtract("%n", j), self.columns)
                top = text.multiply(j, "%n")
                with text.when(text.let("later", f"icmp sgt i64 {j}, 0")):
                    text.do(f"call fastcc void @turn(ptr {text.at('%l', top, kind)}, i64 %n, ptr %panel, i64 {count}, i64 {j})")
                with text.loop("i", j, "%n", self.high) as i:
                    rows = text.minimum(text.subtract("%n", i), self.high)
                    place = text.multiply(i, "%n")
                    corner = text.add(place, j)
                    source, target = ((text.at(x, corner, kind), "%n") for x in ("%a", "%l"))
                    self.tile(rows, text.at("%l", place, kind), ("%n", 1), "%panel", source, target, j, count)
                corner = text.at("%l", text.add(top, j), kind)
                wrong = text.let("wrong", f"call fastcc i64 @square(ptr {corner}, i64 %n, ptr %square, i64 {count})")
                with text.when(text.let("failed", f"icmp ne i64 {wrong}, 0")):
                    text.leave(f"i64 {text.add(wrong, j)}")
                self.rows_below(corner, count, text.subtract("%n", text.add(j, count)))
                with text.loop("r", 0, count) as r:
                    rest = text.subtract(text.subtract(text.subtract("%n", j), r), 1)
                    self.zero(text.at(text.at(corner, text.multiply(r, "%n"), kind), text.add(r, 1), kind), rest)

    def turn(self):
        """``@turn``: a panel of so many rows of L, turned and negative. There are at least as many numbers as in two vectors."""
        text, kind = self.text, self.kind
        with text.function("internal fastcc void @turn(ptr %l, i64 %n, ptr %panel, i64 %count, i64 %k)"):
            write_turned(text, kind, self.v.lanes, "%l", "%n", "%panel", self.columns, "%count", "%k")
            with text.loop("k", 0, "%k") as k:
                row = text.at("%panel", text.multiply(k, self.columns), kind)
                self.put([text.let("negative", f"fneg {self.v.type} {x}") for x in self.pair(row)], row)

    def rows_below(self, corner, count, number):
        """All rows of the panel below its square, some at a time."""
        text = self.text
        first = text.at(corner, text.multiply(count, "%n"), self.kind)
        whole = text.multiply(text.divide(number, ABREAST)[0], ABREAST)
        for rows, begin, end in ((ABREAST, 0, whole), (1, whole, number)):
            with text.loop("i", begin, end, rows) as i:
                place = text.at(first, text.multiply(i, "%n"), self.kind)
                text.do(f"call fastcc void @below{rows}(ptr {place}, i64 %n, ptr %square)")

    def factor_square(self):
        """``i64 @square``: Lᵀ of a square at ``%c``, row by row, taken from all later ones; it goes to ``%t``, and L to ``%c``."""
        text, kind = self.text, self.kind
        with text.function("internal fastcc i64 @square(ptr %c, i64 %step, ptr %t, i64 %count)", result="i64 0"):
            with text.loop("i", 0, "%count") as i, text.loop("j", 0, "%count") as j:
                x = self.number("%c", text.add(text.multiply(i, "%step"), j))
                text.store(kind, x, text.at("%t", text.add(text.multiply(j, self.columns), i), kind))
            with text.loop("k", 0, "%count") as k:
                row = text.at("%t", text.multiply(k, self.columns), kind)
                pivot = self.number(row, k)
                bad = text.let("bad", f"fcmp ule {kind} {pivot}, {constant(0, kind)}")  # a NaN is bad, too
                with text.when(bad):
                    text.leave(f"i64 {text.add(k, 1)}")
                root = text.let("root", f"call {kind} @llvm.sqrt.f{8 * SIZES[kind]}({kind} {pivot})")
                inverse = text.let("inverse", f"fdiv {kind} {constant(1, kind)}, {root}")
                spread = self.v.spread(inverse)
                self.put([text.let("scaled", f"fmul {self.v.type} {x}, {spread}") for x in self.pair(row)], row)
                text.store(kind, root, text.at(row, k, kind))
                text.store(kind, self.negative(inverse), text.at("%t", text.add(k, self.square), kind))
                with text.loop("i", text.add(k, 1), "%count") as i:
                    later = text.at("%t", text.multiply(i, self.columns), kind)
                    self.put(self.less(self.negative(self.number(row, i)), row, self.pair(later)), later)
            with text.loop("i", 0, "%count") as i, text.loop("j", 0, text.add(i, 1)) as j:
                x = self.number("%t", text.add(text.multiply(j, self.columns), i))
                text.store(kind, x, text.at("%c", text.add(text.multiply(i, "%step"), j), kind))

    def below(self, rows):
        """``@below``: x with x Lᵀ = c for some rows c, in place: one column after the other is known, and taken from those right of it."""
        text, v = self.text, self.v
        with text.function(f"internal fastcc void @below{rows}(ptr %c, i64 %step, ptr %t)"):
            places = [text.at("%c", text.multiply("%step", r), self.kind) for r in range(rows)]
            left = [self.pair(place) for place in places]
            found = [[v.zero, v.zero] for _ in places]
            for column in range(self.columns):
                half, lane = divmod(column, v.lanes)
                scale = v.spread(self.number("%t", self.square + column))
                line, only = self.pair(text.at("%t", column * self.columns, self.kind)), v.mask(lane + 1, lane)
                for r in range(rows):
                    x = v.shuffle(left[r][half], v.zero, [lane] * v.lanes)
                    x = text.let("x", f"fmul {v.type} {x}, {scale}")  # the negative of the number that belongs there
                    found[r][half] = text.let("found", f"select {only}, {v.type} {x}, {v.type} {found[r][half]}")
                    left[r] = [v.multiply_add(x, y, z) if s >= half else z for s, (y, z) in enumerate(zip(line, left[r]))]
            for place, vectors in zip(places, found):
                self.put([text.let("x", f"fneg {v.type} {x}") for x in vectors], place)

    # ------------------------------------------------------------------------------------------------------------- lu

    def lu(self):
        text, kind = self.text, self.kind
        self.pivoted()
        self.one_factorization()
        with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
            a, work, pivots, order = (text.load("ptr", text.at("%p", 4 + i, "ptr")) for i in range(4))
            rows, columns = (text.load("i64", text.at("%p", 8 + LU.index(name), "i64")) for name in LU[2:])
            least = text.minimum(rows, columns)
            self.zero("%scratch", self.high * self.columns)
            with text.loop("chunk", "%begin", "%end") as chunk:
                matrix = text.at(a, text.multiply(chunk, text.multiply(rows, columns)), kind)
                panel = text.at(work, text.multiply(chunk, text.multiply(rows, self.columns)), kind)
                own = text.at(pivots, text.multiply(chunk, least), "i64"), text.at(order, text.multiply(chunk, rows), "i64")
                with text.loop("i", 0, rows) as i:
                    text.store("i64", i, text.at(own[1], i, "i64"))
                given = f"ptr {matrix}, ptr {panel}, ptr %scratch, ptr {own[0]}, ptr {own[1]}, i64 {rows}, i64 {columns}"
                text.do(f"call fastcc void @factors({given})")
        return str(text)

    def one_factorization(self):
        """``@factors``: of ``%a``, in its place. ``%panel`` has the panel's rows above its square, negative, and then the others."""
        text, kind = self.text, self.kind
        given = "ptr %a, ptr %panel, ptr %scratch, ptr %pivots, ptr %order, i64 %rows, i64 %columns"
        with text.function(f"internal fastcc void @factors({given})"):
            with text.loop("j", 0, "%columns", self.columns) as j:
                count = text.minimum(text.subtract("%columns", j), self.columns)
                above = text.minimum(j, "%rows")
                triangle = {"n": above, "m": "%columns", "a_row": "%columns", "a_column": 1, "divides": "false"}
                self.panel(triangle, "%a", ("%a", "%a"), "%panel", j, count, "false")
                below = text.at("%panel", text.multiply(above, self.columns), kind)
                self.zero(below, text.multiply(text.subtract("%rows", above), self.columns))
                with text.loop("i", above, "%rows", self.high) as i:
                    number = text.minimum(text.subtract("%rows", i), self.high)
                    line = text.at("%a", text.multiply(i, "%columns"), kind)
                    target = text.at("%panel", text.multiply(i, self.columns), kind), self.columns
                    self.tile(number, line, ("%columns", 1), "%panel", (text.at(line, j, kind), "%columns"), target, above, count)
                given = f"ptr {below}, ptr %a, ptr %pivots, ptr %order, i64 %rows, i64 %columns, i64 {above}, i64 {count}"
                text.do(f"call fastcc void @pivoted({given})")
                with text.loop("i", above, "%rows") as i, text.loop("c", 0, count) as c:
                    x = self.number("%panel", text.add(text.multiply(i, self.columns), c))
                    text.store(kind, x, text.at("%a", text.add(text.add(text.multiply(i, "%columns"), j), c), kind))

    def pivoted(self):
        """``@pivoted``: the factors of what is left of a panel, ``%c``, which begins at row ``%first``; whole rows change places."""
        text, kind = self.text, self.kind
        given = "ptr %c, ptr %a, ptr %pivots, ptr %order, i64 %rows, i64 %columns, i64 %first, i64 %count"
        with text.function(f"internal fastcc void @pivoted({given})"):
            left = text.subtract("%rows", "%first")
            with text.loop("k", 0, text.minimum("%count", left)) as k:
                found = self.largest(k, left)
                text.store("i64", text.add(found, "%first"), text.at("%pivots", text.add(k, "%first"), "i64"))
                with text.when(text.let("elsewhere", f"icmp ne i64 {found}, {k}")):
                    here, there = text.add(k, "%first"), text.add(found, "%first")
                    self.change_places("%c", kind, self.columns, k, found)
                    self.change_places("%a", kind, "%columns", here, there)
                    self.change_places("%order", "i64", 1, here, there)
                row = text.at("%c", text.multiply(k, self.columns), kind)
                pivot = self.number(row, k)
                with text.when(text.let("some", f"fcmp une {kind} {pivot}, {constant(0, kind)}")):
                    inverse = text.let("inverse", f"fdiv {kind} {constant(1, kind)}, {pivot}")
                    own = self.pair(row)
                    behind = [self.behind(k, s, x) for s, x in enumerate(own)]
                    with text.loop("i", text.add(k, 1), left) as i:
                        to = text.at("%c", text.multiply(i, self.columns), kind)
                        factor = text.let("factor", f"fmul {kind} {self.number(to, k)}, {inverse}")
                        spread = self.v.spread(self.negative(factor))
                        self.put([self.v.multiply_add(spread, x, y) for x, y in zip(behind, self.pair(to))], to)
                        text.store(kind, factor, text.at(to, k, kind))

    def largest(self, k, left):
        """The row, from k on, with the largest number in column k."""
        text, kind = self.text, self.kind
        bits = f"f{8 * SIZES[kind]}"
        size = text.let("size", f"call {kind} @llvm.fabs.{bits}({kind} {self.number('%c', text.multiply(k, self.columns + 1))})")
        with text.loop("i", text.add(k, 1), left, carry=[(kind, size), ("i64", k)]) as i:
            x = self.number("%c", text.add(text.multiply(i, self.columns), k))
            x = text.let("size", f"call {kind} @llvm.fabs.{bits}({kind} {x})")
            more = text.let("more", f"fcmp ogt {kind} {x}, {i.values[0]}")
            best = text.let("best", f"select i1 {more}, {kind} {x}, {kind} {i.values[0]}")
            i.carry(best, text.let("place", f"select i1 {more}, i64 {i}, i64 {i.values[1]}"))
        return i.values[1]

    def behind(self, k, s, vector):
        """A vector of a row without what is not right of column k."""
        text, lanes = self.text, self.v.lanes
        one = text.let("one", f"insertelement <{lanes} x i64> poison, i64 {text.subtract(k, s * lanes)}, i64 0")
        limit = text.let("limit", f"shufflevector <{lanes} x i64> {one}, <{lanes} x i64> poison, <{lanes} x i32> zeroinitializer")
        numbers = ", ".join(f"i64 {lane}" for lane in range(lanes))
        mask = text.let("mask", f"icmp sgt <{lanes} x i64> <{numbers}>, {limit}")
        return text.let("behind", f"select <{lanes} x i1> {mask}, {self.v.type} {vector}, {self.v.type} {self.v.zero}")

    def change_places(self, array, kind, length, i, j):
        """Two rows of an array."""
        text = self.text
        one, other = (text.at(array, text.multiply(row, length), kind) for row in (i, j))
        with text.loop("p", 0, length) as p:
            places = [text.at(row, p, kind) for row in (one, other)]
            x, y = (text.load(kind, place) for place in places)
            text.store(kind, y, places[0])
            text.store(kind, x, places[1])


def compiled(name, kind, count, words):
    """A Kernel with the tiles that it calls, and how many columns a panel has; None without a compiler."""
    try:
        tiles = Tiles(kind, (True, True), host())
        code = Code(Written(lambda: getattr(Writer(kind), name)(), "triangles", name, kind), None, None, (tiles.columns + 1) ** 2 * 8)
        return Kernel(code, count, "loops", words, more=Written(tiles.tiles, "tiles", kind)), tiles.columns
    except ImportError:
        return None


@lru_cache(None)
def cholesky(kind):
    """(kernel of (a, out, work, info), a panel's columns): contiguous (matrices, n, n) arrays; work: (matrices, n, columns).

    ``info``, int64, becomes the order of the first leading minor of each matrix that isn't positive, or 0. None without a compiler.
    """
    return compiled("cholesky", kind, 4, len(CHOLESKY))


@lru_cache(None)
def triangular(kind):
    """(kernel of (a, b, out, work), a panel's columns): b and out, which may be the same, are contiguous (matrices, n, m) arrays;
    work: (matrices, panels, n, columns). None without a compiler."""
    return compiled("solve", kind, 4, len(SOLVE))


@lru_cache(None)
def lu(kind):
    """(kernel of (a, work, pivots, order), a panel's columns): a, contiguous (matrices, rows, columns), becomes L without its ones
    and U; work: (matrices, rows, columns of a panel); pivots, int64: the row that changes places with each row, from 0; order, int64:
    where each row comes from. None without a compiler."""
    return compiled("lu", kind, 4, len(LU))
