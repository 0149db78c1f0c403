"""The tiles of a convolution as LLVM text: output channels by places, over all input channels and taps."""

from dataclasses import dataclass
from itertools import product
from math import gcd, prod

from .gemm import counts_of, pieces, rows_of

__all__ = ["Block", "block_of", "effort", "tile_name", "write_column", "write_out", "write_tile"]


@dataclass(frozen=True)
class Block:
    """A tile: ``rows`` channels of ``columns`` places out of ``length``. The last begins early enough to be whole.

    With ``run`` only the real outputs are computed, and that many of them are next to each other in the layout: rows of
    8 are half a vector each. Without, places are flat indices. Of columns all places are next to each other: ``length`` is
    filled up to whole vectors, and a smaller tile is the last.
    """

    rows: int
    columns: int
    length: int
    run: int


def block_of(sliding, phase, target):
    """The tile that computes few places too many, and that has few loads for each sum."""
    lanes, places, flat = target.lanes(sliding.kind), prod(phase.count), sliding.length(phase)
    if sliding.deep:
        return dense_block(sliding.rows, -(-places // lanes), lanes, target)
    if flat < lanes:
        return Block(rows_of(sliding.rows, target.registers - 3), flat, flat, 0)
    blocks, run = [flat_block(sliding.rows, flat, 0, lanes, target)], gcd(phase.count[2], lanes)
    if places >= lanes and 4 * run >= lanes:
        blocks.append(flat_block(sliding.rows, places, run, lanes, target))
    return min(blocks, key=lambda block: effort(block, lanes))


def flat_block(rows, length, run, lanes, target):
    """The tile over so many places, of which ``run`` are next to each other; 0: all."""
    # One row alone reads so many planes that no processor foresees the next: it takes as much of each as there are registers for.
    widest = target.registers - 6 if rows == 1 else min(max(2, (target.registers - 2) // (rows + 1)), 8)
    vectors = min(range(min(widest, length // lanes), 0, -1), key=lambda number: -(-length // (number * lanes)) * (number + 0.5))
    most = max(1, (target.registers - 2) // vectors - 1)
    # A vector put together from four runs takes its time: then as many rows as there can be shall use it.
    tall = pieces(rows, most) if run and 2 * run < lanes else rows_of(rows, most)
    return Block(tall, vectors * lanes, length, run)


def effort(block, lanes, edge=False):
    """What the places of a block cost, about, in vectors that are multiplied and added. edge: whether the last tile is a smaller one.

    A tile of one vector has twice as many loads. More than eight runs aren't found by registers alone, and a vector of four is put
    together by three instructions.
    """
    unit, runs = lanes if edge else block.columns, block.columns / block.run if block.run else 0
    vectors = -(-block.length // unit) * -(-unit // lanes)
    thin = 0.17 if block.columns <= lanes else 0
    return vectors * (1 + thin + 0.1 * max(0, runs - 8) + (0.8 / block.rows if 4 * block.run == lanes else 0))


def dense_block(rows, vectors, lanes, target):
    """The tile of so many whole vectors."""
    widest = min(max(2, (target.registers - 2) // (rows + 1)), 8, vectors)
    wide = min(range(widest, 0, -1), key=lambda number: (vectors // number * (number + 0.5) + vectors % number + 0.5))
    return Block(rows_of(rows, (target.registers - 2) // wide - 1), wide * lanes, vectors * lanes, 0)


def tile_name(name, rows, block, columns=0):
    return f"{name}.{rows}x{columns or block.columns}" + (f".{block.run}" if block.run else "")


def write_tile(text, v, name, sliding, block, rows, apart, columns=0):
    """The function ``@name``: ``rows`` x ``columns`` outputs, ``apart`` from row to row, over some channels and all taps.

    The channels are ``%plane`` numbers from each other. ``%taps`` holds ``%number`` pairs (distance in the layout, place in the
    weight), ``%runs`` where the runs begin. Of columns only some of the channels are there, and what they give is added.
    """
    kind, counts = sliding.kind, counts_of(v, columns or block.columns)
    each = len(counts) * v.lanes // block.run if block.run else 0
    arguments = "ptr %x, ptr %w, ptr %y, ptr %taps, i64 %number, ptr %runs, i64 %channels, i64 %plane"
    with text.function(f"internal fastcc void @{name}({arguments})", "noinline nounwind"):
        runs = [text.load("i64", text.at("%runs", i, "i64")) for i in range(each)]
        with text.loop("c", 0, "%channels", carry=[(v.type, v.zero)] * (rows * len(counts))) as c:
            plane = text.at("%x", text.multiply(c, "%plane"), kind)
            weight = text.at("%w", text.multiply(c, sliding.weight[2]), kind)
            with text.loop("t", 0, "%number", carry=[(v.type, value) for value in c.values]) as t:
                tap = text.at("%taps", text.multiply(t, 2), "i64")
                place = text.at(plane, text.load("i64", tap), kind)
                column = text.at(weight, text.load("i64", text.at(tap, 1, "i64")), kind)
                panel, sums, following = panel_of(text, v, kind, place, counts, runs), iter(t.values), []
                for i in range(rows):
                    w = v.spread(text.load(kind, text.at(column, i * sliding.weight[1], kind)))
                    following += [v.multiply_add(w, vector, next(sums)) for vector in panel]
                t.carry(*following)
            c.carry(*t.values)
        sums = iter(c.values)
        for i, (start, count) in product(range(rows), enumerate(counts)):
            place, value = text.at("%y", i * apart + start * v.lanes, kind), next(sums)
            v.store(v.add(v.load(place, count), value) if sliding.deep else value, place, count)


def panel_of(text, v, kind, place, counts, runs):
    """The vectors of inputs at one channel and tap."""
    if not runs:
        return [v.load(text.at(place, i * v.lanes, kind), count) for i, count in enumerate(counts)]
    pointers, each = [text.at(place, run, kind) for run in runs], len(runs) // len(counts)
    return [v.load_runs(pointers[start : start + each]) for start in range(0, len(runs), each)]


def write_column(text, v, name, sliding, phase):
    """The function ``@name``: what a tap sees from each of a phase's places, row behind row.

    A row's last vector runs over into the next row, which is written after it. What is read must not run over where ``%x`` is the
    input itself.
    """
    grid, (depths, rows, length) = sliding.grid, phase.count
    if grid[2] == length:
        rows, length = 1, rows * length
    with text.function(f"internal fastcc void @{name}(ptr %x, ptr %to)", "noinline nounwind"):
        with text.loop("depth", 0, depths) as depth, text.loop("row", 0, rows) as row:
            start = text.add(text.multiply(depth, grid[1] * grid[2]), text.multiply(row, grid[2]))
            to = text.add(text.multiply(depth, rows * length), text.multiply(row, length))
            x, to = text.at("%x", start, v.kind), text.at("%to", to, v.kind)
            whole = length // v.lanes * v.lanes
            with text.loop("j", 0, whole, v.lanes) as j:
                v.store(v.load(text.at(x, j, v.kind)), text.at(to, j, v.kind))
            if length > whole:
                v.store(v.load(text.at(x, whole, v.kind), length - whole if sliding.bare else None), text.at(to, whole, v.kind))


def write_out(text, v, name, sliding, phases, blocks, between):
    """The function ``@name``: the outputs of one channel from where the tiles left them to where they belong.

    The band begins with the row ``%first``; it leaves out ``%skip`` rows that another band has. Phases that fill the same rows in
    turn are written together; from one's strip to the next it is ``between`` numbers.
    """
    kind, phase = v.kind, phases[0]
    with text.function(f"internal fastcc void @{name}(ptr %from, ptr %y, i64 %first, i64 %skip)", "noinline nounwind"):
        froms = [text.at("%from", number * between, kind) for number in range(len(phases))]
        begins = ["%skip" if sliding.axis == axis else 0 for axis in (0, 1)]
        with text.loop("depth", begins[0], phase.count[0]) as depth, text.loop("row", begins[1], phase.count[1]) as row:
            sources = []
            for pointer, each, block in zip(froms, phases, blocks):
                sizes = each.count if block.run or sliding.deep else sliding.grid
                place = text.multiply(text.add(text.multiply(depth, sizes[1]), row), sizes[2])
                sources.append(text.at(pointer, place, kind))
            places = [depth, row]
            places[sliding.axis] = text.add(places[sliding.axis], "%first")
            places = [text.add(text.multiply(place, step), start) for place, step, start in zip(places, phase.step, phase.start)]
            to = text.add(text.multiply(places[0], sliding.depth_out), text.multiply(places[1], sliding.out[2]))
            to = text.at("%y", text.add(to, phase.start[2]), kind)
            write_row_out(text, v, sources, to, phase.step[2], sum(each.count[2] for each in phases))


def write_row_out(text, v, sources, to, step, count):
    """A row of outputs, ``step`` apart; from several sources in turn, without gaps."""
    wide = v.lanes * len(sources)
    whole = count // wide * wide

    def write(start, columns):
        values = [v.load(text.at(source, text.divide(start, len(sources))[0], v.kind)) for source in sources]
        if len(values) == 1:
            return v.store(values[0], text.at(to, text.multiply(start, step), v.kind), columns, step)
        for value, first in zip(v.interleave(*values), range(0, wide, v.lanes)):
            if columns > first:
                v.store(value, text.at(to, text.add(start, first), v.kind), min(v.lanes, columns - first))

    with text.loop("column", 0, whole, wide) as column:
        write(str(column), wide)
    if count > whole:
        write(whole, count - whole)
