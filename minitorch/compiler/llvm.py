"""LLVM: a nest of loops as text.

    define void @body(ptr noalias %b0, ptr noalias %b1, ptr %scratch, i64 %begin, i64 %end)

runs the chunks [begin, end) of one kernel. A chunk is a block of a flat loop, one turn of the outermost loop, or a block of
columns. The text is written for single numbers; LLVM makes vector code of it, since it is told that the buffers don't
overlap, and that sums may be taken in any order.

torch: torch/_inductor/codegen/cpp.py
"""

import math

from ..native.mathematics import KINDS, constant, converted, spell
from ..native.narrow import NARROW
from ..native.text import Text
from .kernels import Native
from .nest import Count, Load, Op
from .scans import RUNNING

__all__ = ["native"]

BLOCK = 4096
"""Elements in a chunk of a flat loop."""
SLIM = 64
"""Columns, of which the sums are so few that adding to them one by one would be waiting."""
COLUMNS = 128
"""Columns that are reduced side by side: their sums stay in the nearest cache."""

PARALLEL = 1 << 15
"""Points of an index space from which several threads are worth waking."""

SCANS = {row.name: word for row, word in RUNNING.items()}
SHORT = 16
"""Turns of a loop below which LLVM makes vectors with masks."""
FEW, WRITTEN = 4, 16
"""Turns of a loop at most that are written one by one; and of such loops in each other, together."""

MEMORY = {"i1": "i8"}
"""Kinds that lie in memory as another."""
BYTES = {"float": 4, "double": 8, "i64": 8, "i32": 4, "i16": 2, "i8": 1, "i1": 1}


def chunks_of(nest):
    """How many chunks a nest has, and how many of them are worth a claim of their own."""
    work = math.prod(nest.shape)
    if not nest.outer:
        return 1, 1
    if not nest.by_rows:
        return (nest.shape[nest.outer[0]], 1) if len(nest.outer) > 1 else (-(-nest.shape[nest.outer[0]] // COLUMNS), 1)
    if len(nest.shape) == 1:
        return -(-nest.shape[0] // BLOCK), 4
    n = nest.shape[nest.outer[0]]
    return n, max(1, n * 16384 // max(work, 1))


def is_flat(nest):
    """Whether it is one loop, without reductions."""
    return len(nest.shape) == 1 and not nest.inner


def scratch_of(nest):
    """Bytes that a thread needs."""
    if nest.by_rows:
        return nest.kept * nest.inner_size * 8
    return len([op for op in nest.ops if op.kind != "full" or op.name in SCANS]) * COLUMNS * 8


def native(nest, kernel, again=None):
    r"""The text of a nest, and how it is to be called.   again: () → the same nest, for who wants to see it.

    The function ``@NAME`` fetches the buffers' addresses from its row of the table; its body knows that they don't overlap.

    >>> from minitorch.compiler.kernels import Place
    >>> from minitorch.compiler.nest import Nest, Store
    >>> double = Op("mul", "full", [Load(0, "float32", (1,), 0), 2], (), "float32", "float32")
    >>> nest = Nest((8,), [0], [], True, 1, [Place("input", 0), Place("output", 0)], [double], [Store(double, 1, (1,), 0)])
    >>> print("\n".join([line for line in native(nest, None).text.splitlines() if ".7" in line or ".8" in line]))
      %load.7 = load float, ptr %at.6
      %fmul.8 = fmul contract float %load.7, 0x4000000000000000
      store float %fmul.8, ptr %at.9
    """
    writing = (ByRows if nest.by_rows else ByColumns)(nest)
    text, buffers = writing.text, range(len(nest.buffers))
    numbers = nest.shape if is_flat(nest) else ()  # a flat loop's length comes with the call: one function for all lengths
    signature = ", ".join([
        *[f"ptr noalias %b{k}" for k in buffers], "ptr noalias %scratch", "i64 %begin", "i64 %end", *["i64 %n"] * len(numbers)
    ])  # fmt: skip
    with text.function(f"internal void @NAME.body({signature})"):
        writing.write()
    with text.function("void @NAME(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        addresses = [text.load("ptr", text.at("%p", k, "ptr")) for k in buffers]
        lengths = [text.load("i64", text.at("%p", len(addresses), "ptr")) for _ in numbers]
        arguments = ", ".join([
            *[f"ptr {x}" for x in addresses], "ptr %scratch", "i64 %begin", "i64 %end", *[f"i64 {n}" for n in lengths]
        ])  # fmt: skip
        text.do(f"call void @NAME.body({arguments})")
    chunks, grain = chunks_of(nest)
    shared = math.prod(nest.shape) >= PARALLEL and chunks > grain and not nest.serial
    return Native(str(text), nest.buffers, chunks, grain, shared, scratch_of(nest), "loops", kernel, numbers, again)


class Writing:
    """What both orders of loops share. ``index``: the register, or number, of each dim's index; scans: the Ops with running totals;
    written: the dims whose turns are written one by one."""

    def __init__(self, nest):
        self.nest, self.text, self.index = nest, Text(), {}
        self.scans = [op for op in nest.ops if op.name in SCANS]
        self.written = written_out(nest) if nest.by_rows else set()

    # -------------------------------------------------------------------------------------------------------- values

    def position(self, strides, offset):
        text, at = self.text, 0
        for d, s in enumerate(strides):
            if s:
                at = text.add(at, text.multiply(self.index[d], s))
        return text.add(at, offset)

    def placed(self, index, size, stride, memo):
        """How far an index leads. It was checked; but memory outside must not be touched before the program says so."""
        i = self.value(index, memo, "i64")
        return self.text.multiply(self.text.let("place", f"call i64 @llvm.umin.i64(i64 {i}, i64 {size - 1})"), stride)

    def taken(self, op, memo):
        *indices, source = op.args
        kind = KINDS[source.dtype]
        at = self.position(source.strides, source.offset)
        for index, (size, stride) in zip(indices, op.params):
            at = self.text.add(at, self.placed(index, size, stride, memo))
        return self.fetched(kind, self.text.at(f"%b{source.buffer}", at, MEMORY.get(kind, kind)))

    def counted(self, count, memo):
        """start + step * position."""
        kind = KINDS[count.dtype]
        at = converted(self.text, str(self.position(count.strides, count.offset)), "int64", count.dtype)
        if count.step != 1:
            at = spell(self.text, "mul", kind, [at, constant(count.step, kind)])
        return spell(self.text, "add", kind, [at, constant(count.start, kind)]) if count.start else at

    def load(self, load, memo):
        kind = KINDS[load.dtype]
        place = self.text.at(f"%b{load.buffer}", self.position(load.strides, load.offset), MEMORY.get(kind, kind))
        return self.fetched(kind, place)

    def fetched(self, kind, place):
        x = self.text.load(MEMORY.get(kind, kind), place)
        return self.text.let("bit", f"trunc i8 {x} to i1") if kind == "i1" else x

    def put(self, kind, x, place):
        if kind == "i1":
            x = self.text.let("byte", f"zext i1 {x} to i8")
        self.text.store(MEMORY.get(kind, kind), x, place)

    def store(self, store, x):
        kind = KINDS[store.op.dtype]
        self.put(kind, x, self.text.at(f"%b{store.buffer}", self.position(store.strides, store.offset), MEMORY.get(kind, kind)))

    def store_at(self, store, x, memo):
        """Put a value where indices say, or add it there."""
        kind, at = KINDS[store.op.dtype], self.position(store.strides, store.offset)
        for index, size, stride in store.at:
            at = self.text.add(at, self.placed(index, size, stride, memo))
        place = self.text.at(f"%b{store.buffer}", at, MEMORY.get(kind, kind))
        if store.adds:
            x = self.sum_of(store.op.dtype, self.fetched(kind, place), x)
        self.put(kind, x, place)

    def sum_of(self, dtype, x, y):
        """x + y; of narrow types rounded at once, as they lie in memory."""
        if dtype not in NARROW:
            return spell(self.text, "add", KINDS[dtype], [x, y])
        wide = [converted(self.text, value, dtype, "float32") for value in (x, y)]
        return converted(self.text, spell(self.text, "add", "float", wide), "float32", dtype)

    def store_all(self, stores, memo):
        """Store several values: all are computed before memory changes."""
        values = [self.value(store.op, memo) for store in stores]
        for store, x in zip(stores, values):
            if store.at or store.adds:
                self.store_at(store, x, memo)
            else:
                self.store(store, x)

    def value(self, x, memo, kind=None):
        """The register of an Op or Load at the present index; a number as a constant of ``kind``."""
        if x.__class__ not in (Op, Load, Count):
            return constant(x, kind)
        if x not in memo:
            memo[x] = (self.load if x.__class__ is Load else self.counted if x.__class__ is Count else self.computed)(x, memo)
        return memo[x]

    def computed(self, op, memo):
        if op.name == "take":
            return self.taken(op, memo)
        if op.name in SCANS:
            x = converted(self.text, self.value(op.args[0], memo, KINDS[op.operands]), op.operands, op.dtype)
            return spell(self.text, SCANS[op.name], KINDS[op.dtype], [self.total_of(op), x])
        if op.name in ("full", "arange"):
            return self.value(op.args[0], memo, KINDS[op.dtype])
        if op.name == "cast":
            return converted(self.text, self.value(op.args[0], memo, KINDS[op.params[0]]), *op.params)
        kind, kinds = KINDS[op.operands], [KINDS[op.operands]] * (len(op.args) + len(op.params))
        if op.name == "where":
            kinds[1] = "i1"
        values = [self.value(x, memo, k) for x, k in zip((*op.args, *op.params), kinds)]
        return spell(self.text, op.name, kind, values)

    # ---------------------------------------------------------------------------------------------------- reductions

    def start(self, op):
        """What a reduction begins with."""
        kind = KINDS[op.dtype]
        if op.name in ("sum", "prod") or op.name in SCANS:
            return constant(op.name == "prod" or SCANS.get(op.name) == "mul", kind)
        if kind in ("float", "double"):
            return constant(-math.inf if op.name == "amax" else math.inf, kind)
        bits = int(kind[1:])
        return str(-(1 << (bits - 1)) if op.name == "amax" else (1 << (bits - 1)) - 1)

    def combined(self, op, total, x):
        """The total with one value more. Sums and products may be taken in any order."""
        kind = KINDS[op.dtype]
        if op.name in ("sum", "prod"):
            word = {"sum": "add", "prod": "mul"}[op.name]
            word = f"f{word} reassoc nsz contract" if kind in ("float", "double") else word
            return self.text.let("total", f"{word} {kind} {total}, {x}")
        return spell(self.text, {"amax": "maximum", "amin": "minimum"}[op.name], kind, [total, x])

    def reductions(self, level):
        return [op for op in self.nest.ops if op.kind == "reduction" and op.level == level]

    def stores(self, kind, level):
        return [s for s in self.nest.stores if (s.op.kind == "full") is (kind == "full") and self.level_of(s.op) == level]

    def level_of(self, op):
        """The pass at whose beginning a value that isn't full can be stored; the pass in which a full one is."""
        return op.level + (op.kind == "reduction")

    def nested(self, dims, body):
        """Loops over ``dims`` around ``body()``."""
        if not dims:
            return body()
        d = dims[0]
        if d in self.written:
            for i in range(self.nest.shape[d]):
                self.index[d] = i
                self.nested(dims[1:], body)
            return
        for begin, end in self.stretches(d):
            with self.text.loop("i", begin, end) as i:
                self.index[d] = i
                self.nested(dims[1:], body)

    def stretches(self, d):
        """The ranges in which a dim is walked: one; or two that overlap, if the last of few turns don't fill a vector.

            12 turns    0 to 8, 4 to 12         what is stored twice is the same twice

        LLVM would mask the lanes beyond the end. Where memory isn't touched number by number it then takes one at a time, which is
        ten times as slow.
        """
        n, nest = self.nest.shape[d], self.nest
        whole = 1 << (n.bit_length() - 1)
        order = [*nest.outer, *nest.inner]
        after = order[order.index(d) + 1 :]
        if not FEW < n < SHORT or n == whole or not self.written.issuperset(after) or self.scans:
            return [(0, n)]
        loads = [x for op in nest.ops for x in op.args if x.__class__ is Load]
        gaps = any([abs(x.strides[d]) > 1 for x in [*loads, *nest.stores]])
        again = all([not s.at and not s.adds and s.buffer not in [x.buffer for x in loads] for s in nest.stores])
        return [(0, whole), (n - whole, n)] if gaps and again else [(0, n)]


def written_out(nest):
    """The last dims, in the order of the loops, whose turns are written one by one: LLVM makes vectors of the loop around them."""
    found, size = set(), 1
    for d in reversed([*nest.outer, *nest.inner][1:]):
        size *= nest.shape[d]
        if nest.shape[d] > FEW or size > WRITTEN:
            break
        found.add(d)
    return found


class ByRows(Writing):
    """For each point of the outer dims, the passes along the inner ones. Totals are registers."""

    def write(self):
        nest, text = self.nest, self.text
        if is_flat(nest):
            begin = text.multiply("%begin", BLOCK)
            end = text.minimum(text.multiply("%end", BLOCK), "%n")
            with text.loop("i", begin, end) as i:
                self.index[0] = i
                self.point()
        elif nest.outer:
            with text.loop("row", "%begin", "%end") as i:
                self.index[nest.outer[0]] = i
                self.nested(nest.outer[1:], self.point)
        else:
            self.point()

    def point(self):
        """All that happens at one point of the outer dims."""
        nest, memo = self.nest, {}
        if not nest.inner:
            return self.store_all(nest.stores, memo)
        for level in range(nest.passes + 1):
            for op in nest.ops:
                if op.kind == "outer" and op.level == level:
                    self.value(op, memo)
            self.store_all(self.stores("outer", level), memo)
            if level < nest.passes:
                memo.update(zip(self.reductions(level), self.one_pass(level, memo)))

    def one_pass(self, level, outer):
        """One way along the inner dims; gives the totals."""
        reductions = self.reductions(level)
        if not reductions and not self.stores("full", level):
            return []
        carried = reductions or self.scans  # no kernel has both
        return self.turns(list(self.nest.inner), [self.start(op) for op in carried], carried, level, outer, 0)

    def turns(self, dims, totals, reductions, level, outer, flat):
        """Loops over ``dims`` that carry the totals from turn to turn. ``flat``: which inner point this is."""
        if not dims:
            memo = dict(outer)
            if self.scans:
                self.totals = dict(zip(self.scans, totals))
                self.store_all(self.nest.stores, memo)
                return [self.value(op, memo) for op in self.scans]
            self.restore(level, memo, flat)
            totals = [self.combined(op, total, self.value(op.args[0], memo, KINDS[op.dtype])) for op, total in zip(reductions, totals)]
            self.store_all(self.stores("full", level), memo)
            self.keep(level, memo, flat)
            return totals
        d = dims[0]
        first = self.text.multiply(flat, self.nest.shape[d])
        if d in self.written:
            for j in range(self.nest.shape[d]):
                self.index[d] = j
                totals = self.turns(dims[1:], totals, reductions, level, outer, self.text.add(first, j))
            return totals
        carry = [(KINDS[op.dtype], total) for op, total in zip(reductions, totals)]
        with self.text.loop("j", 0, self.nest.shape[d], carry=carry) as j:
            self.index[d] = j
            flat = self.text.add(first, j)
            j.carry(*self.turns(dims[1:], j.values, reductions, level, outer, flat))
        return j.values

    def total_of(self, op):
        return self.totals[op]

    def slot(self, op, flat):
        """Where the value of ``op`` at an inner point is kept."""
        kind = KINDS[op.dtype]
        place = self.text.at("%scratch", self.text.add(flat, op.kept * self.nest.inner_size), "i64")
        if BYTES[kind] == 8:
            return place
        start = self.text.at("%scratch", op.kept * self.nest.inner_size, "i64")
        return self.text.at(start, flat, MEMORY.get(kind, kind))

    def keep(self, level, memo, flat):
        for op in self.nest.ops:
            if op.kept is not None and op.level == level:
                self.put(KINDS[op.dtype], self.value(op, memo), self.slot(op, flat))

    def restore(self, level, memo, flat):
        for op in self.nest.ops:
            if op.kept is not None and op.level < level and self.needed(op, level):
                memo[op] = self.fetched(KINDS[op.dtype], self.slot(op, flat))

    def needed(self, op, level):
        """Whether a pass reads a kept value."""
        roots = [r.args[0] for r in self.reductions(level)] + [s.op for s in self.stores("full", level)]
        todo = [x for x in roots if x.__class__ is Op]
        seen = set(todo)
        while todo:
            x = todo.pop()
            if x is op:
                return True
            if x.kind == "full" and not (x.kept is not None and x.level < level):
                more = [a for a in x.args if a.__class__ is Op and a not in seen]
                seen.update(more)
                todo += more
        return False


class ByColumns(Writing):
    """For each block of columns, the passes down the rows. Totals lie in scratch, one for each column of the block."""

    def write(self):
        nest, text = self.nest, self.text
        self.column = nest.outer[-1]
        self.slots = {op: k for k, op in enumerate([op for op in nest.ops if op.kind != "full" or op in self.scans])}
        if len(nest.outer) == 1:
            with text.loop("block", "%begin", "%end") as block:
                self.block(text.multiply(block, COLUMNS) if nest.shape[self.column] > COLUMNS else 0)
            return
        with text.loop("row", "%begin", "%end") as i:
            self.index[nest.outer[0]] = i
            self.nested(nest.outer[1:-1], self.blocks)

    def blocks(self):
        if self.nest.shape[self.column] <= COLUMNS:
            self.block(0)
            return
        with self.text.loop("column", 0, self.nest.shape[self.column], COLUMNS) as first:
            self.block(first)

    def block(self, first):
        """The columns from ``first`` on."""
        nest, text = self.nest, self.text
        self.first = first
        width = text.minimum(COLUMNS, text.subtract(nest.shape[self.column], first))
        for level in range(nest.passes + 1):
            self.between(level, width)
            if level < nest.passes and (self.reductions(level) or self.stores("full", level)):
                self.zero(level, width)
                self.nested(nest.inner[:-1], lambda level=level: self.rows(level, width))

    def columns(self, width):
        return self.text.loop("c", 0, width)

    def slot(self, op):
        kind = KINDS[op.dtype]
        start = self.text.at("%scratch", self.slots[op] * COLUMNS, "i64")
        return self.text.at(start, self.local, MEMORY.get(kind, kind))

    def at_column(self, c):
        self.local, self.index[self.column] = c, self.text.add(self.first, c)

    def zero(self, level, width):
        with self.columns(width) as c:
            self.at_column(c)
            for op in self.reductions(level) or self.scans:
                self.put(KINDS[op.dtype], self.start(op), self.slot(op))

    def rows(self, level, width):
        """All rows along the last of the inner dims. Narrow ones are taken four at a time: each total waits for the last one."""
        dim = self.nest.inner[-1]
        n, step = self.nest.shape[dim], 4 if self.nest.shape[self.column] <= SLIM else 1
        for begin, end, count in ((0, n // step * step, step), (n // step * step, n, 1)):
            if begin < end:
                with self.text.loop("row", begin, end, count) as row:
                    self.some_rows(level, width, [self.text.add(row, k) for k in range(count)])

    def some_rows(self, level, width, rows):
        """Rows of the block, side by side: each column's totals get the sum of their values."""
        reductions = self.reductions(level)
        with self.columns(width) as c:
            self.at_column(c)
            found = []
            for row in rows:
                memo, self.index[self.nest.inner[-1]] = {}, row
                found.append([self.value(op.args[0], memo, KINDS[op.dtype]) for op in reductions])
                self.store_all(self.stores("full", level), memo)
            for op, (x, *others) in zip(reductions, zip(*found)):
                for other in others:
                    x = self.combined(op, x, other)
                self.put(KINDS[op.dtype], self.combined(op, self.fetched(KINDS[op.dtype], self.slot(op)), x), self.slot(op))

    def between(self, level, width):
        """Between two passes: what the totals of the last one make possible, once for each column."""
        ops = [op for op in self.nest.ops if op.kind == "outer" and op.level == level]
        stores = self.stores("outer", level)
        if not ops and not stores:
            return
        with self.columns(width) as c:
            self.at_column(c)
            memo = {}
            for op in ops:
                memo[op] = self.computed(op, memo)
                self.put(KINDS[op.dtype], memo[op], self.slot(op))
            self.store_all(stores, memo)

    def total_of(self, op):
        return self.fetched(KINDS[op.dtype], self.slot(op))

    def computed(self, op, memo):
        x = super().computed(op, memo)
        if op.name in SCANS:
            self.put(KINDS[op.dtype], x, self.slot(op))
        return x

    def value(self, x, memo, kind=None):
        if x.__class__ is Op and x.kind != "full" and x not in memo:
            memo[x] = self.fetched(KINDS[x.dtype], self.slot(x))
        return super().value(x, memo, kind)
