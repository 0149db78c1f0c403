"""CUDA: a nest of loops as text for a GPU.

    for i in 32:                                          row  = the block's number
        for j in 1000:  m = max(m, x[1000i + j])      →   lane = the thread's number
        for j in 1000:  …                                 for (j = lane; j < 1000; j += 256)  m = larger(m, x[…])
                                                          m = across_block<256>(Larger(), m)

Who runs what: without reductions each thread takes a point, or a few that lie side by side in memory. A reduction is the
work of a *team*: a warp or a part of it for a short row, a block for a long one, a column of threads where many sums go down
side by side. All of a team know the total, so the next pass goes on at once. Where there are few and long rows, several
blocks share each: a launch for each pass, whose blocks leave partial totals for the next to add up. What is done once for each
row at the end is the work of the block that comes last.

Sums are taken in an order that depends on nothing but the shape, or on the labels of what is added at places (cuda_scatter.py). Only
single numbers that are added at places in several dims come in any order.

torch: torch/_inductor/codegen/triton.py
"""

import math
from dataclasses import dataclass

from ..native.cuda import COMBINED, KINDS, SIZES, constant, next_power, stored
from .cuda_pointwise import THREADS, Flat, Writing, in_packs, packed
from .launches import COUNTS, PARTIALS
from .nest import Load, Op

__all__ = ["launches"]

BUSY = 264
"""Blocks that keep a large GPU busy: two for each of its processors."""
SHORT, LONG = 256, 1024
"""Rows up to these lengths are summed by a warp: the longer ones only where there are enough of them to keep the GPU busy."""
KEPT, HELD = 8, 64
"""Points of a row that a thread of a block should take; and values of them that it may keep in registers."""
MANY, DEEP = 2048, 64
"""Packs of columns from which a block takes as many as a warp has threads; and blocks that share a column at most."""


def launches(nest, kernel):
    """The Launches of a nest, to run one after the other."""
    if not nest.inner:
        return [Flat(nest, kernel).launch()]
    columns = in_columns(nest)
    if columns is not None:
        return [Columns(nest, kernel, columns).launch()]
    team = arranged(nest)
    if team.chunks == 1:
        return [Team(nest, kernel, team, range(nest.passes + 1)).launch()]
    *firsts, last = range(nest.passes)
    found = [Team(nest, kernel, team, [level]) for level in firsts]
    end = Team(nest, kernel, team, [last, nest.passes])
    ends = [end] if end.ends_well() else [Team(nest, kernel, team, [level]) for level in end.levels]
    return [one.launch() for one in (*found, *ends) if one.busy()]


@dataclass(frozen=True)
class Arranged:
    """Threads of a team, rows (or columns) of a block, blocks that share each row; points that a thread takes at once."""

    threads: int
    rows: int
    chunks: int
    pack: int


def arranged(nest):
    """How teams share the work."""
    points, pack = math.prod([nest.shape[d] for d in nest.outer]), packed(nest, nest.inner) if nest.by_rows else 1
    inner = nest.inner_size // pack
    if nest.by_rows and (nest.inner_size <= SHORT or (nest.inner_size <= LONG and points >= BUSY * THREADS // 32)):
        threads = min(32, next_power(inner))
        return Arranged(threads, THREADS // threads, 1, pack)
    rows = 1 if nest.by_rows else min(32, next_power(points))
    blocks = -(-points // rows)
    chunks = min(-(-2 * BUSY // blocks), inner * rows // (KEPT * THREADS), THREADS) if blocks < BUSY else 1
    if chunks > 1 or not nest.by_rows:
        return Arranged(THREADS // rows, rows, max(chunks, 1), pack)
    return Arranged(min(max(next_power(inner // KEPT), 128), 1024), 1, 1, pack)


def in_columns(nest):
    """How threads go down columns of which each has several; None if that can't be."""
    side_by_side = not nest.by_rows and nest.passes == 1 and nest.outer[-1] == len(nest.shape) - 1
    pack = packed(nest, nest.inner) if side_by_side else 1
    if pack == 1:
        return None
    groups = math.prod([nest.shape[d] for d in nest.outer]) // pack
    across = 8 if groups < MANY else 32
    blocks, down = -(-groups // across), THREADS // across
    chunks = max(min(-(-2 * BUSY // blocks), nest.inner_size // (KEPT * down), DEEP), 1)
    return Arranged(down, across, chunks, pack)


class Team(Writing):
    """Teams of threads go along the inner dims of each outer point, pass by pass.   levels: the passes of this launch.

    held: values of inner points that several passes need, each with the pass that finds it first; a thread keeps its own.
    """

    def __init__(self, nest, kernel, team, levels):
        super().__init__(nest, kernel, team.pack)
        self.team, self.levels, self.inner = team, levels, nest.inner_size // team.pack
        self.points = math.prod([nest.shape[d] for d in nest.outer])
        self.chunk = -(-self.inner // (team.chunks * team.threads)) * team.threads  # of a row, for each block
        self.turns = -(-self.inner // team.threads)
        self.held = self.worth_holding() if team.chunks == 1 else {}

    def roots(self, level):
        """What a pass computes at each inner point; at the end, once for each row."""
        if level == self.nest.passes:
            return [s.op for s in self.nest.stores if s.op.kind != "full"]
        full = [s.op for s in self.nest.stores if s.op.kind == "full" and s.op.level == level]
        return [op.args[0] for op in self.reductions(level)] + full

    def reductions(self, level):
        return [op for op in self.nest.ops if op.kind == "reduction" and op.level == level]

    def busy(self):
        """Whether there is anything to do in its passes."""
        return any([self.roots(level) for level in self.levels])

    def ends_well(self):
        """Whether a block may do what is done once for each row while others are still in the last pass."""
        last, end = self.levels
        stores = [(s.op.level if s.op.kind == "full" else end, s.buffer) for s in self.nest.stores]
        ahead, behind = [{buffer for level, buffer in stores if level == one} for one in (last, end)]
        return not (behind & self.buffers_read(last) or ahead & self.buffers_read(end))

    def buffers_read(self, level):
        """Where a pass reads."""
        todo, seen = self.roots(level), set()
        while todo:
            x = todo.pop()
            if x not in seen and x.__class__ is Op:
                todo += x.args
            seen.add(x)
        return {x.buffer for x in seen if x.__class__ is Load}

    def worth_holding(self):
        """What may be held, if that isn't too much."""
        first: dict = {}
        held: dict = {}
        for level in range(self.nest.passes):
            for x in self.inner_values(level):
                if x not in first:
                    first[x] = level
                elif x.__class__ is Load or x.kept is not None:
                    held[x] = first[x]
        return held if len(held) * self.turns * self.pack <= HELD else {}

    def inner_values(self, level):
        """Loads, and Ops that are kept, that a pass needs at each inner point."""
        found, todo = {}, self.roots(level)
        while todo:
            x = todo.pop()
            if x.__class__ is Load and any([x.strides[d] for d in self.nest.inner]):
                found[x] = None
            elif x.__class__ is Op and x.kind == "full" and x not in found:
                if x.kept is not None:
                    found[x] = None
                if x.kept is None or x.level == level:
                    todo += x.args[:-1] if x.name == "take" else x.args
        return found

    # ----------------------------------------------------------------------------------------------------- the launch

    def launch(self):
        source, team = self.source, self.team
        blocks = -(-self.points // team.rows)
        self.guard = "" if blocks * team.rows == self.points else "if (there) "
        lane, row = ("%", "/") if self.nest.by_rows else ("/", "%")
        across = team.threads if self.nest.by_rows else team.rows
        source.do(f"const int lane = threadIdx.x {lane} {across};")
        source.do(f"const {self.wide} place = {self.wide}(blockIdx.x) * {team.rows} + threadIdx.x {row} {across};")
        if self.guard:
            source.do(f"const bool there = place < {self.points};")
        source.do(f"const {self.wide} row = {f'there ? place : {self.points - 1}' if self.guard else 'place'};")
        self.split("row", self.nest.outer, [self.nest.shape[d] for d in self.nest.outer])
        memo = self.earlier()
        for k, x in enumerate(self.held):
            source.do(f"{KINDS[x.dtype]} h{k}[{self.turns * self.pack}];")
        for level in self.levels:
            if level < self.nest.passes:
                self.one_pass(level, memo)
        if self.nest.passes in self.levels:
            self.wait_for_others(memo)
            self.ending(memo, f"lane == 0{' && there' if self.guard else ''}")
        chunks = 1 if self.levels[0] == self.nest.passes else team.chunks
        return self.finished((blocks, chunks, 1), team.threads * team.rows)

    def one_pass(self, level, memo):
        """One way along the inner dims: afterwards all of the team know the totals."""
        reductions = self.reductions(level)
        stores = [s for s in self.nest.stores if s.op.kind == "full" and s.op.level == level]
        if not reductions and not stores:
            return
        self.outer_values(level, memo)
        totals = [self.total(op) for op in reductions]
        known = {x: f"h{k}[{self.turn()}]" for k, (x, at) in enumerate(self.held.items()) if at < level}
        loads = [x for x in self.inner_values(level) if x.__class__ is Load and x not in known]
        depth = self.loop()
        self.each_point(loads, stores, lambda: self.point(level, {**memo, **known}, zip(reductions, totals), stores))
        for _ in range(depth):
            self.source.close()
        for op, total in zip(reductions, totals):
            memo[op] = self.agreed(op, total)

    def point(self, level, memo, totals, stores):
        """What a pass does at one inner point."""
        for op, total in totals:
            x = self.value(op.args[0], memo, KINDS[op.dtype])
            self.source.do(f"{total} = {COMBINED[op.name]}()({total}, {x});")
        self.store_all(stores, memo)
        for k, (x, at) in enumerate(self.held.items()):
            if at == level:
                self.source.do(f"h{k}[{self.turn()}] = {self.value(x, memo)};")

    def turn(self):
        """Which of its points a thread is at."""
        return "turn" if self.pack == 1 else f"turn * {self.pack} + v"

    def outer_values(self, level, memo):
        """What is the same along a row, and needed in a pass, is computed before it."""
        todo, seen = self.roots(level), set()
        while todo:
            x = todo.pop()
            if x.__class__ is Op and x not in seen:
                seen.add(x)
                if x.kind == "outer":
                    self.value(x, memo)
                elif x.kind == "full":
                    todo += x.args

    def loop(self):
        """Opens the loop of a pass; gives how many blocks of text that are."""
        source, inner, threads = self.source, self.inner, self.team.threads
        depth = 1
        if self.held:
            source.do("#pragma unroll")
            source.open(f"for (int turn = 0; turn < {self.turns}; ++turn)")
            source.do(f"const {self.wide} j = lane + turn * {threads};")
            if self.turns * threads > inner:
                source.open(f"if (j < {inner})")
                depth = 2
        elif self.team.chunks > 1:
            begin = f"{self.wide}(blockIdx.y) * {self.chunk}"
            source.open(f"for ({self.wide} j = {begin} + lane; j < {begin} + {self.chunk} && j < {inner}; j += {threads})")
        else:
            source.open(f"for ({self.wide} j = lane; j < {inner}; j += {threads})")
        self.split("j", self.nest.inner, in_packs([self.nest.shape[d] for d in self.nest.inner], self.pack))
        return depth

    # --------------------------------------------------------------------------------------------------------- totals

    def total(self, op):
        """A variable with what a reduction begins with."""
        self.source.count += 1
        name, kind = f"total{self.source.count}", KINDS[op.dtype]
        self.source.do(f"{kind} {name} = {start(op.name, kind)};")
        return name

    def agreed(self, op, total):
        """The total of a whole team; or, where several blocks share a row, what this block leaves of it."""
        if self.team.chunks == 1:
            return self.source.let(KINDS[op.dtype], self.across(op, total))
        self.source.do(f"{total} = {self.across(op, total)};")
        self.source.do(f"if (lane == 0) {self.partial(op)}[blockIdx.y * {self.points} + row] = {total};")
        return total

    def across(self, op, total):
        combine, team = COMBINED[op.name], self.team
        if not self.nest.by_rows and team.rows > 1:
            return f"down_block<{team.threads * team.rows}, {team.rows}>({combine}(), {total})"
        return f"across_{'warp' if team.threads <= 32 else 'block'}<{team.threads}>({combine}(), {total})"

    def partial(self, op):
        """Where the blocks leave their totals of one reduction."""
        number = [x for x in self.nest.ops if x.kind == "reduction"].index(op)
        self.extra["char* __restrict__ partials"] = PARTIALS
        size = self.points * self.team.chunks * 8
        self.partials = max(self.partials, (number + 1) * size)
        return f"(({KINDS[op.dtype]}*)(partials + {number * size}))"

    def earlier(self):
        """The totals of passes that ran as launches before this one, as far as they are needed."""
        needed = [op for op in self.needed() if op.level < self.levels[0]]
        return {op: self.added_up(op) for op in self.nest.ops if op in needed}

    def added_up(self, op):
        """The total of what all blocks of a row have left."""
        total = self.total(op)
        self.source.open(f"for (int c = lane; c < {self.team.chunks}; c += {self.team.threads})")
        self.source.do(f"{total} = {COMBINED[op.name]}()({total}, left({self.partial(op)} + c * {self.points} + row));")
        self.source.close()
        return self.source.let(KINDS[op.dtype], self.across(op, total))

    def wait_for_others(self, memo):
        """Where several blocks share a row, the last one that is through a pass goes on alone, and knows the totals."""
        if self.team.chunks == 1 or len(self.levels) == 1:
            return
        totals = self.reductions(self.levels[0])
        if not totals:
            return self.source.do("if (blockIdx.y) return;")
        self.extra["unsigned* __restrict__ counts"] = COUNTS
        self.source.do(f"if (!last_of(counts + blockIdx.x, {self.team.chunks})) return;")
        memo.update([(op, self.added_up(op)) for op in totals])

    def needed(self):
        """The reductions that this launch's passes rest on."""
        todo, found = [x for level in self.levels for x in self.roots(level)], set()
        seen = set(todo)
        while todo:
            x = todo.pop()
            if x.__class__ is Op and x.kind == "reduction":
                found.add(x)
            elif x.__class__ is Op:
                todo += [a for a in x.args if a not in seen]
                seen.update(x.args)
        return found

    # -------------------------------------------------------------------------------------------------------- the end

    def ending(self, memo, one):
        """What there is once for each row goes to memory last of all: others of the team may still read what was there.

        one: the condition under which a thread does it.
        """
        stores = [s for s in self.nest.stores if s.op.kind != "full"]
        if not stores:
            return
        values = [self.value(s.op, memo) for s in stores]
        if {s.buffer for s in stores} & {x.buffer for op in self.nest.ops for x in op.args if x.__class__ is Load}:
            self.source.do("__syncthreads();")
        self.source.open(f"if ({one})")
        for s, x in zip(stores, values):
            self.source.do(f"b{s.buffer}[{self.position(s.strides, s.offset)}] = {stored(x, s.op.dtype)};")
        self.source.close()


class Columns(Team):
    """Sums go down columns that lie side by side: a thread has several of them, which it fetches at once.

        across = threadIdx.x % 8        columns 4 across to 4 across + 3 of the 32 that the block has
        lane   = threadIdx.x / 8        every 32nd row

    Then a thread for each column adds up what these have, and does what is done once for each. Eight threads side by side fetch
    128 bytes of a row, which is enough; so many blocks can share the work.
    """

    def __init__(self, nest, kernel, team):
        super().__init__(nest, kernel, team, [0, 1])
        self.inner, self.held = nest.inner_size, {}
        self.chunk = -(-self.inner // (team.chunks * team.threads)) * team.threads

    def launch(self):
        source, team, pack, extents = self.source, self.team, self.pack, [self.nest.shape[d] for d in self.nest.outer]
        width, groups, ops = team.rows * pack, self.points // pack, self.reductions(0)
        blocks = -(-groups // team.rows)
        source.do(f"const int across = threadIdx.x % {team.rows}, lane = threadIdx.x / {team.rows};")
        source.do(f"const {self.wide} group = {self.wide}(blockIdx.x) * {team.rows} + across;")
        totals = [self.several(op) for op in ops]
        if blocks * team.rows > groups:
            source.open(f"if (group < {groups})")
        self.split("group", self.nest.outer, in_packs(extents, pack))
        self.down(ops, totals)
        if blocks * team.rows > groups:
            source.close()
        combined = [f"down_columns<{THREADS}, {team.rows}, {pack}>({COMBINED[op.name]}(), {total})" for op, total in zip(ops, totals)]
        memo = {op: source.let(KINDS[op.dtype], x) for op, x in zip(ops, combined)}
        source.do(f"const {self.wide} place = {self.wide}(blockIdx.x) * {width} + threadIdx.x % {width};")
        source.do(f"const bool there = threadIdx.x < {width} && place < {self.points};")
        source.do(f"const {self.wide} row = place < {self.points} ? place : {self.points - 1};")
        self.split("row", self.nest.outer, extents)
        for op, total in memo.items() if team.chunks > 1 else ():
            source.do(f"if (there) {self.partial(op)}[blockIdx.y * {self.points} + row] = {total};")
        self.wait_for_others(memo)
        self.ending(memo, "there")
        return self.finished((blocks, team.chunks, 1), THREADS)

    def several(self, op):
        """What a reduction begins with, for each column of a thread."""
        self.source.count += 1
        name, kind = f"total{self.source.count}", KINDS[op.dtype]
        self.source.do(f"{kind} {name}[{self.pack}] = {{{', '.join([start(op.name, kind)] * self.pack)}}};")
        return name

    def down(self, ops, totals):
        """The way down."""
        source, threads, end = self.source, self.team.threads, self.inner
        begin = "lane" if self.team.chunks == 1 else f"{self.wide}(blockIdx.y) * {self.chunk} + lane"
        if self.team.chunks > 1:
            source.do(f"const {self.wide} end = {self.wide}(blockIdx.y + 1) * {self.chunk};")
            end = f"(end < {self.inner} ? end : {self.inner})"
        source.do("#pragma unroll 4")
        source.open(f"for ({self.wide} j = {begin}; j < {end}; j += {threads})")
        self.split("j", self.nest.inner, [self.nest.shape[d] for d in self.nest.inner])
        stores = [s for s in self.nest.stores if s.op.kind == "full"]
        loads = [x for x in self.inner_values(0) if x.__class__ is Load]
        each = [f"{total}[v]" for total in totals]
        self.each_point(loads, stores, lambda: self.point(0, {}, zip(ops, each), stores))
        source.close()

    def added_up(self, op):
        """Several threads share what was left of a column."""
        total, width, combine = self.total(op), self.team.rows * self.pack, COMBINED[op.name]
        self.source.do("#pragma unroll 4")
        self.source.open(f"for (int c = threadIdx.x / {width}; c < {self.team.chunks}; c += {THREADS // width})")
        self.source.do(f"{total} = {combine}()({total}, left({self.partial(op)} + c * {self.points} + row));")
        self.source.close()
        return self.source.let(KINDS[op.dtype], f"down_block<{THREADS}, {width}>({combine}(), {total})")


def start(name, kind):
    """What a reduction begins with."""
    if name in ("sum", "prod"):
        return constant(name == "prod", kind)
    if kind in ("float", "double"):
        return constant(-math.inf if name == "amax" else math.inf, kind)
    bits = 8 * SIZES[kind]
    return constant(-(1 << (bits - 1)) if name == "amax" else (1 << (bits - 1)) - 1, kind)
