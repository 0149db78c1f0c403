"""Attention as LLVM text: softmax(scale · Q Kᵀ) V and its gradients, without a matrix of all scores.

A thread takes one matrix of the batch after the other, and goes down it a strip of queries at a time:

                 keys →
            ┌──────────────────┐
    strip   │ P P P 0          │     P = softmax(scale · Q Kᵀ), of 32 or 64 rows at a time, in the nearest caches
            └──────────────────┘     O = P V
    strip   │                  │
            └ ─ ─ ─ ─ ─ ─ ─ ─ ─┘

Going back, a strip's P is computed once more, and with it dP = G Vᵀ; then

    dS = scale · P (dP - Σ P dP)       dQ = dS K        dK += dSᵀ Q        dV += Pᵀ G

Where query i sees the keys 0 … i only (``causal``), what no query of a strip sees isn't computed: half of all, in the end.
Tensors may go over the scores (``extras``): one that is added, one that says which are seen, or which are hidden; and over P
one by which it is multiplied, as dropout does. They are read where they lie, broadcast as they are.

A row is whole before its largest score is taken, so the numbers are those of the plain formulas, and NaN fills its row.

torch: ATen/native/cpu/FlashAttentionKernel.cpp.   Dao et al. 2022, arXiv:2205.14135; Rabe & Staats 2021, arXiv:2112.05682
"""

import math
from dataclasses import dataclass

from .gemm import SMALLEST_CHUNK, Code, Gemm, Tiling, start_of, write_copy, write_tile, write_zeros
from .mathematics import constant, spell
from .target import SIZES
from .text import Text
from .vectors import Vectors

__all__ = ["Attention", "attention_gradient_text", "attention_text"]

SIZES_OF_ROW = "i64 %count, i64 %blocks"
MASKS = ("seen", "hidden")
"""Extras that are truths, a byte each."""
WIDE_FROM = 256
"""Queries from which strips are 64 rows."""


@dataclass(frozen=True)
class Attention:
    """``queries`` x ``keys`` scores of ``features`` numbers each, and ``values`` numbers to each key; ``batch`` times.

    strides: of each operand by its name, (batch, row), in elements; numbers of a row lie side by side. As in Gemm,
    ``batch`` may be several extents, and a batch stride as many.   extras: (role, number) of each of the operands X0, X1 …, in
    order: those "added"; masks of what is "seen", or "hidden", where a number is put elsewhere; and last one that says what of
    the weights is "kept", as often as a number says. Their strides are (batch, row, column).   spared: a query whose scores
    are all -infinity gets zeros, and not NaN.
    """

    queries: int
    keys: int
    features: int
    values: int
    strides: dict
    batch: int | tuple = 1
    scale: float = 1.0
    causal: bool = False
    kind: str = "float"
    extras: tuple = ()
    spared: bool = False

    @property
    def matrices(self):
        return math.prod(self.batch) if isinstance(self.batch, tuple) else self.batch

    @property
    def flops(self):
        """Of the way forth."""
        seen = 0.5 if self.causal else 1
        return int(2 * seen * self.matrices * self.queries * self.keys * (self.features + self.values))


class Writing:
    """What both kernels share: the tiles' sizes, where things lie in scratch, and the rows' functions."""

    def __init__(self, name, attention, target):
        self.name, self.attention, self.target, self.text = name, attention, target, Text()
        self.kind, self.lanes = attention.kind, target.lanes(attention.kind)
        self.columns, self.rows = 2 * self.lanes, 8 if target.registers == 32 else 4
        self.strip = 64 if attention.queries >= WIDE_FROM else 32
        self.panels = -(-attention.keys // self.columns)
        self.pitch = self.panels * self.columns  # of a row of scores
        extras = {f"X{k}": extra for k, extra in enumerate(attention.extras)}
        self.over = {x: extra for x, extra in extras.items() if extra[0] != "kept"}
        self.kept = {x: extra for x, extra in extras.items() if extra[0] == "kept"}
        self.masks = {x: extra for x, extra in self.over.items() if extra[0] in MASKS}
        self.used = 0

    def scratch(self, elements):
        """A pointer to so many elements of scratch."""
        start, self.used = self.used, self.used + elements
        return self.text.at("%scratch", start, self.kind)

    def gemm(self, m, n, k, a, b, c, accumulate=False):
        """A product of one matrix: strides are (row, column)."""
        return Gemm(m, n, k, (0, *a), (0, *b), (0, *c), 1, self.kind, accumulate)

    def product(self, name, gemm, turned=False):
        """Write the tiles of a product; gives a Product that calls them. turned: B is copied first, as its columns are rows."""
        cut = Tiling(self.lanes, self.rows, self.columns, max(1, gemm.k), gemm.m, gemm.n, "copied" if turned else "direct")
        name = f"{self.name}.{name}"
        for columns in {min(gemm.n, self.columns), gemm.n % self.columns} - {0}:
            for rows in {min(gemm.m, self.rows), gemm.m % self.rows} - {0}:
                write_tile(self.text, f"{name}.{rows}x{columns}", gemm, cut, rows, columns)
            if turned:
                write_copy(self.text, f"{name}.copy{columns}", gemm, cut, columns)
        return Product(self.text, name, gemm, cut)

    def over_rows(self, name, extras, body):
        """A function of a row of numbers and those of extras that lie over it: ``body(number, extras)`` is put in its place."""
        text, kind = self.text, self.kind
        given = "".join([f"ptr %{x}, " for x in extras])
        with text.function(f"internal void @{self.name}.{name}(ptr noalias %row, {given}{SIZES_OF_ROW})", "noinline nounwind"):
            with text.loop("j", 0, "%count") as j:
                at, found = text.at("%row", j, kind), []
                for x, (role, number) in extras.items():
                    place = text.multiply(j, self.attention.strides[x][2])
                    if role in MASKS:
                        byte = text.load("i8", text.at(f"%{x}", place, "i8"))
                        value = text.let("seen", f"icmp {'ne' if role == 'seen' else 'eq'} i8 {byte}, 0")
                    else:
                        value = text.load(kind, text.at(f"%{x}", place, kind))
                    found.append((role, constant(number, kind), value))
                text.store(kind, body(text.load(kind, at), found), at)

    def extra_functions(self):
        """What goes over the scores, over the weights, and back over the gradient of the scores."""
        text, kind, a = self.text, self.kind, self.attention

        def dressed(score, found):
            score = text.let("score", f"fmul {kind} {score}, {constant(a.scale, kind)}")
            for role, number, x in found:
                covered = f"fadd {kind} {score}, {x}" if role == "added" else f"select i1 {x}, {kind} {score}, {kind} {number}"
                score = text.let("score", covered)
            return score

        def kept(weight, found):
            ((_, number, x),) = found
            return text.let("kept", f"fmul {kind} {weight}, {text.let('share', f'fmul {kind} {x}, {number}')}")

        def bare(slope, found):
            for *_, seen in found:
                slope = text.let("slope", f"select i1 {seen}, {kind} {slope}, {kind} {constant(0, kind)}")
            return slope

        for name, extras, body in (("dressed", self.over, dressed), ("kept", self.kept, kept), ("bare", self.masks, bare)):
            if extras:
                self.over_rows(name, extras, body)

    def row_functions(self, gradient):
        """Functions of a row of scores, in blocks of a constant size, of which LLVM makes vectors."""
        text, kind, a = self.text, self.kind, self.attention
        scale, attributes = 1.0 if self.over else a.scale, "noinline nounwind"
        self.extra_functions()
        with text.function(f"internal void @{self.name}.softmax(ptr noalias %row, {SIZES_OF_ROW})", attributes):
            largest = self.largest()
            if a.spared:
                blind = text.let("blind", f"fcmp oeq {kind} {largest}, {constant(-math.inf, kind)}")
                largest = text.let("largest", f"select i1 {blind}, {kind} {constant(0, kind)}, {kind} {largest}")

            def exponential(at, seen):
                shifted = text.let("shifted", f"fsub {kind} {self.seen(at, seen)}, {largest}")
                e = spell(text, "exp", kind, [text.let("scaled", f"fmul {kind} {shifted}, {constant(scale, kind)}")])
                text.store(kind, e, at)
                return [e]

            (total,) = self.blocks("%row", exponential, 1)
            share = text.let("share", f"fdiv {kind} {constant(1, kind)}, {total}")
            if a.spared:
                share = text.let("share", f"select i1 {blind}, {kind} {constant(0, kind)}, {kind} {share}")
            self.blocks("%row", lambda at, _: text.store(kind, text.let("p", f"fmul {kind} {text.load(kind, at)}, {share}"), at))
        if not gradient:
            return
        with text.function(f"internal void @{self.name}.slopes(ptr noalias %row, ptr noalias %g, {SIZES_OF_ROW})", attributes):

            counts = a.spared and len(self.masks) < len(self.over)  # whether a query sees nothing, its weights say
            nothing = constant(0, kind)

            def product(at, seen):
                p = text.load(kind, self.beside())
                both = text.let("both", f"fmul {kind} {p}, {text.load(kind, at)}")
                return [text.let("seen", f"select i1 {seen}, {kind} {x}, {kind} {nothing}") for x in (both, *[p] * counts)]

            total, *weight = self.blocks("%g", product, 1 + counts)
            some = text.let("some", f"fcmp une {kind} {weight[0]}, {nothing}") if counts else "true"

            def slope(at, seen):
                p = text.load(kind, self.beside())
                seen = text.let("seen", f"and i1 {seen}, {some}") if counts else seen
                p = text.let("scaled", f"fmul {kind} {p}, {constant(a.scale, kind)}")
                s = text.let("slope", f"fmul {kind} {p}, {text.let('less', f'fsub {kind} {text.load(kind, at)}, {total}')}")
                text.store(kind, text.let("seen", f"select i1 {seen}, {kind} {s}, {kind} {nothing}"), at)

            self.blocks("%g", slope)

    def blocks(self, pointer, body, totals=0):
        """``body(address, whether it is seen)`` along a row, adding up what it gives; gives the totals."""
        text, kind = self.text, self.kind
        with text.loop("block", 0, "%blocks", carry=[(kind, constant(0, kind))] * totals) as block:
            first = text.multiply(block, self.columns)
            with text.loop("j", 0, self.columns, carry=[(kind, value) for value in block.values]) as j:
                self.index = text.add(first, j)
                seen = text.let("is", f"icmp slt i64 {self.index}, %count")
                made = body(text.at(pointer, self.index, kind), seen)
                j.carry(*[text.let("sum", f"fadd reassoc {kind} {value}, {x}") for value, x in zip(j.values, made or ())])
            block.carry(*j.values)
        return block.values

    def largest(self):
        """The largest score of ``%row`` that is seen, and NaN if one is. Written in vectors: LLVM doesn't find these."""
        text, v = self.text, Vectors(self.text, self.kind, self.lanes)
        lowest, bits = v.spread(constant(-math.inf, self.kind)), 32 if self.kind == "float" else 64
        wide = f"<{v.lanes} x i{bits}>"
        with text.loop("block", 0, "%blocks", carry=[(v.type, lowest)] * 2) as block:
            first, found = text.multiply(block, self.columns), []
            for half, most in enumerate(block.values):
                at = text.add(first, half * v.lanes)
                left = text.subtract("%count", at)
                left = text.let("left", f"trunc i64 {left} to i32") if bits == 32 else left
                one = text.let("one", f"insertelement {wide} poison, i{bits} {left}, i64 0")
                all_left = text.let("all", f"shufflevector {wide} {one}, {wide} poison, <{v.lanes} x i32> zeroinitializer")
                lanes = ", ".join([f"i{bits} {lane}" for lane in range(v.lanes)])
                seen = text.let("is", f"icmp slt {wide} <{lanes}>, {all_left}")
                score = v.load(text.at("%row", at, self.kind))
                score = text.let("score", f"select <{v.lanes} x i1> {seen}, {v.type} {score}, {v.type} {lowest}")
                found.append(v.larger(most, score))
            block.carry(*found)
        return text.let("largest", f"call {self.kind} @llvm.vector.reduce.fmaximum.{v.suffix}({v.type} {v.larger(*block.values)})")

    def seen(self, at, seen):
        """A score, or -infinity where it isn't seen."""
        score, lowest = self.text.load(self.kind, at), constant(-math.inf, self.kind)
        return self.text.let("score", f"select i1 {seen}, {self.kind} {score}, {self.kind} {lowest}")

    def beside(self):
        """The address in ``%row`` of what is handled in ``%g``."""
        return self.text.at("%row", self.index, self.kind)

    def start(self, operand, matrix):
        """Where the matrix of that number begins in an operand."""
        strides = self.attention.strides[operand]
        gemm = Gemm(1, 1, 1, strides, strides, strides, self.attention.batch, self.kind)
        kind = "i8" if operand in self.masks else self.kind
        return self.text.at(f"%{operand}", start_of(self.text, matrix, gemm, strides), kind)

    def row(self, operand):
        return self.attention.strides[operand][1]

    def turn(self, product, source, to):
        """Copy all panels of a matrix's transpose."""
        gemm, columns, text = product.gemm, self.columns, self.text
        for size, begin, end in spans(text, 0, gemm.n, gemm.n, columns):
            with text.loop("panel", begin, end, columns) as j:
                panel, place = text.at(source, text.multiply(j, gemm.b[2]), self.kind), text.at(to, text.multiply(j, gemm.k), self.kind)
                text.do(f"call fastcc void @{product.name}.copy{size}(ptr {panel}, ptr {place}, i64 {gemm.k})")

    def strips(self, body):
        """``body(first query, the one behind the last, how many keys they see in whole tiles)`` for each strip."""
        text, a = self.text, self.attention
        with text.loop("strip", 0, a.queries, self.strip) as i0:
            i1 = text.minimum(text.add(i0, self.strip), a.queries)
            width = a.keys
            if a.causal:
                panels, _ = text.divide(text.add(i1, self.columns - 1), self.columns)
                width = text.minimum(text.multiply(panels, self.columns), a.keys)
            body(i0, i1, width)

    def rows_of_scores(self, strip, function, *matrices, extras=()):
        """Call a function on each row of a strip of matrices in scratch, and on the rows of extras beside it."""
        if function in ("dressed", "kept", "bare") and not extras:
            return
        (i0, i1, width), text, a = strip, self.text, self.attention
        blocks, _ = text.divide(text.add(width, self.columns - 1), self.columns)
        with text.loop("query", i0, i1) as i:
            count = text.minimum(text.add(i, 1), a.keys) if a.causal else a.keys
            at = text.multiply(text.subtract(i, i0), self.pitch)
            places = [text.at(x, at, self.kind) for x in matrices]
            for x in extras:
                places.append(text.at(self.starts[x], text.multiply(i, a.strides[x][1]), "i8" if x in self.masks else self.kind))
            text.do(f"call void @{self.name}.{function}({', '.join([f'ptr {x}' for x in places])}, i64 {count}, i64 {blocks})")

    def kernel(self, preamble, body):
        """The kernel's function, as Code. A chunk is one matrix."""
        text, a = self.text, self.attention
        with text.function(f"void @{self.name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
            text.do(preamble)
            with text.loop("chunk", "%begin", "%end") as chunk:
                self.starts = {x: self.start(x, chunk) for x in (*self.over, *self.kept)}
                body(chunk)
        worth = -(-SMALLEST_CHUNK * a.matrices // max(1, a.flops))
        return Code(str(text), a.matrices, max(1, min(worth // 2, a.matrices // 8)), self.used * SIZES[self.kind])


class Product:
    """A product whose tiles are written: ``over`` calls them."""

    def __init__(self, text, name, gemm, cut):
        self.text, self.name, self.gemm, self.cut = text, name, gemm, cut

    def over(self, a, b, c, rows, width, depth=None):
        """Rows ``rows`` and the first ``width`` columns of C, from k = 0 to ``depth``. The pointers are those of row 0 of A and C."""
        text, gemm, cut, kind = self.text, self.gemm, self.cut, self.gemm.kind
        depth = gemm.k if depth is None else depth
        for columns, start, end in spans(text, 0, width, gemm.n, cut.columns):
            with text.loop("j", start, end, cut.columns) as j:
                panel = text.at(b, text.multiply(j, gemm.k if cut.way == "copied" else gemm.b[2]), kind)
                for tall, first, last in spans(text, *rows, gemm.m, cut.rows):
                    with text.loop("i", first, last, cut.rows) as i:
                        corner = text.add(text.multiply(i, gemm.c[1]), text.multiply(j, gemm.c[2]))
                        to, row = text.at(c, corner, kind), text.at(a, text.multiply(i, gemm.a[1]), kind)
                        text.do(f"call fastcc void @{self.name}.{tall}x{columns}(ptr {row}, ptr {panel}, ptr {to}, i64 {depth})")


def spans(text, begin, end, total, size):
    """A stretch in tiles of ``size``, and what is left at the end of ``total``: (size, begin, end) of both."""
    whole = text.add(begin, text.multiply(text.divide(text.subtract(end, begin), size)[0], size))
    found = [(size, begin, whole)] if total >= size else []
    if total % size:
        found.append((total % size, whole if found else begin, end))
    return found


def back(text, pointer, rows, pitch, kind):
    """The pointer to where row 0 would lie, if ``pointer`` is that of row number ``rows``."""
    return text.at(pointer, text.subtract(0, text.multiply(rows, pitch)), kind)


def attention_text(name, attention, target, preamble):
    """The kernel ``@name``: O = softmax(scale · Q Kᵀ) V.

    ``preamble`` is LLVM text that defines ``%Q``, ``%K``, ``%V``, ``%O``, and ``%X0`` … of extras.
    """
    w, a = Writing(name, attention, target), attention
    scores = w.product("scores", w.gemm(a.queries, a.keys, a.features, (w.row("Q"), 1), (1, w.row("K")), (w.pitch, 1)), True)
    mixed = w.product("mixed", w.gemm(a.queries, a.values, a.keys, (w.pitch, 1), (w.row("V"), 1), (w.row("O"), 1)))
    w.row_functions(False)

    def matrix(chunk):
        q, k, v, o = (w.start(operand, chunk) for operand in "QKVO")
        turned, p = w.scratch(w.panels * w.columns * a.features), w.scratch(w.strip * w.pitch)
        w.turn(scores, k, turned)

        def strip(i0, i1, width):
            first = back(w.text, p, i0, w.pitch, w.kind)
            scores.over(q, turned, first, (i0, i1), width)
            softmax(w, p, (i0, i1, width))
            w.rows_of_scores((i0, i1, width), "kept", p, extras=w.kept)
            mixed.over(first, v, o, (i0, i1), a.values, width)

        w.strips(strip)

    return w.kernel(preamble, matrix)


def softmax(w, p, strip):
    w.rows_of_scores(strip, "dressed", p, extras=w.over)
    w.rows_of_scores(strip, "softmax", p)


def attention_gradient_text(name, attention, target, preamble):
    """The kernel ``@name``: the gradients of Q, K and V, for one of O, called G.

    ``preamble`` is LLVM text that defines ``%G``, ``%Q``, ``%K``, ``%V``, ``%DQ``, ``%DK``, ``%DV``, and ``%X0`` … of extras.
    """
    w, a = Writing(name, attention, target), attention
    by_row, by_column = (w.pitch, 1), (1, w.pitch)
    scores = w.product("scores", w.gemm(a.queries, a.keys, a.features, (w.row("Q"), 1), (1, w.row("K")), by_row), True)
    weights = w.product("weights", w.gemm(a.queries, a.keys, a.values, (w.row("G"), 1), (1, w.row("V")), by_row), True)
    to_q = w.product("to_q", w.gemm(a.queries, a.features, a.keys, by_row, (w.row("K"), 1), (w.row("DQ"), 1)))
    to_k = w.product("to_k", w.gemm(a.keys, a.features, a.queries, by_column, (w.row("Q"), 1), (w.row("DK"), 1), True))
    to_v = w.product("to_v", w.gemm(a.keys, a.values, a.queries, by_column, (w.row("G"), 1), (w.row("DV"), 1), True))
    w.row_functions(True)

    def matrix(chunk):
        text = w.text
        g, q, k, v, dq, dk, dv = (w.start(operand, chunk) for operand in ("G", "Q", "K", "V", "DQ", "DK", "DV"))
        keys, values = w.scratch(w.panels * w.columns * a.features), w.scratch(w.panels * w.columns * a.values)
        p, d = w.scratch(w.strip * w.pitch), w.scratch(w.strip * w.pitch)
        w.turn(scores, k, keys)
        w.turn(weights, v, values)
        write_zeros(text, to_k.gemm, dk, a.keys, a.features)
        write_zeros(text, to_v.gemm, dv, a.keys, a.values)

        def strip(i0, i1, width):
            first_p, first_d = (back(text, x, i0, w.pitch, w.kind) for x in (p, d))
            rows = i0, i1, width
            scores.over(q, keys, first_p, (i0, i1), width)
            softmax(w, p, rows)
            weights.over(g, values, first_d, (i0, i1), width)
            w.rows_of_scores(rows, "kept", d, extras=w.kept)
            w.rows_of_scores(rows, "slopes", p, d)
            w.rows_of_scores(rows, "bare", d, extras=w.masks)
            w.rows_of_scores(rows, "kept", p, extras=w.kept)
            deep = text.subtract(i1, i0)
            q0, g0 = text.at(q, text.multiply(i0, w.row("Q")), w.kind), text.at(g, text.multiply(i0, w.row("G")), w.kind)
            to_v.over(p, g0, dv, (0, width), a.values, deep)
            to_k.over(d, q0, dk, (0, width), a.features, deep)
            to_q.over(first_d, k, dq, (i0, i1), a.features, width)

        w.strips(strip)

    return w.kernel(preamble, matrix)
