"""A convolution of each channel by itself: forward, and the gradient of the input.

There is no sum over channels, so nothing would be read often enough to be worth laying out. Vectors come straight from the rows
of the image, at each shift of the kernel; what is beside the image is masked, and is 0.

    a row of x, at one shift       is loaded once, and added to all rows of the result that it reaches, each with its own tap
    ┌─────────────────────┐
    │ row 3, shifted by 1 │  →    row 2: w[2, 2]     row 3: w[1, 2]     row 4: w[0, 2]        of a kernel of 3 x 3
    └─────────────────────┘

With a stride, places come in *groups*. Forward a group is one place, and the next one sees what lies a stride further: a vector is
every second number of a row. The gradient of the input has groups of a stride's places, of which each is reached by taps of its
own (a phase); neighbouring groups see neighbours, and the phases of a row are interleaved when they are stored.

A tile is some groups of rows by some vectors of groups of columns: as many as there are registers for their sums. In a wide image
the tiles at its sides have masks, those between them have none. A chunk is one channel of one image; or of two, half a vector each,
if a row is no longer than that.

torch: ATen/native/cpu/DepthwiseConvKernel.cpp
"""

from dataclasses import dataclass
from itertools import product
from math import prod

from .convolution_geometry import axis_phases
from .gemm import SMALLEST_CHUNK, Code, pieces
from .text import Text
from .vectors import Vectors

__all__ = ["depthwise_text", "is_depthwise"]

WIDEST, LONGEST = 8, 800
"""Vectors of a tile's row, at most; multiply-adds that are written out in a tile, at most."""


def is_depthwise(conv, target):
    """Whether these kernels compute a convolution, and a machine has masks for their loads."""
    alone = conv.groups == conv.channels == conv.outputs > 1
    flat = conv.size[0] == conv.out[0] == conv.kernel[0] == 1 and conv.padding[0] == 0
    few = prod(conv.kernel) <= LONGEST and prod(conv.stride) <= target.registers // 3
    return target.width >= 32 and alone and flat and few


@dataclass(frozen=True)
class Planes:
    """A plane that becomes a plane, by tiles of ``tall`` groups of rows by ``wide`` vectors of groups of columns.

    step: how far what a group sees is from what the one before it sees, in rows and columns. rows, columns: of each phase of a
    group, [(tap, where the first group sees it)]. channels: how many there are, if two images are taken at once, each half a
    vector; else 0. lanes: groups of columns in a vector of one image.
    """

    size: tuple[int, int]
    out: tuple[int, int]
    step: tuple[int, int]
    rows: tuple
    columns: tuple
    channels: int
    lanes: int
    tall: int
    wide: int

    @classmethod
    def of(cls, way, conv, target):
        """Of the "forward" pass, or of the gradient of the "input"."""
        axes = list(zip(conv.size, conv.kernel, conv.stride, conv.padding, conv.dilation))[1:]
        if way == "forward":
            size, out, step = conv.size[1:], conv.out[1:], conv.stride[1:]
            rows, columns = [[[(tap, tap * apart - pad) for tap in range(taps)]] for _, taps, _, pad, apart in axes]
        else:
            size, out, step = conv.out[1:], conv.size[1:], (1, 1)
            rows, columns = [[taps for _, _, taps in axis_phases(*axis)] for axis in axes]
        lanes, found = target.lanes(conv.kind), []
        height, width = -(-out[0] // len(rows)), -(-out[1] // len(columns))
        channels = conv.channels if conv.batch % 2 == 0 and 2 * width <= lanes else 0
        for wide in range(1, min(WIDEST, -(-width // lanes)) + 1):
            sums = wide * len(rows) * len(columns)
            most = min((target.registers - 2 - wide) // sums, LONGEST // (wide * prod(conv.kernel)))
            tall = pieces(height, max(1, most))
            found.append(cls(size, out, step, rows, columns, channels, lanes // 2 if channels else lanes, tall, wide))
        return min(found, key=lambda planes: planes.cost)

    @property
    def cost(self):
        """How many loads and multiply-adds a plane takes."""
        taps = sum(map(len, self.rows)) * sum(map(len, self.columns))
        loads = len(self.seen) * len(self.shifts) * self.wide
        return len(self.starts) * len(self.stretches) * (loads + self.tall * taps * (self.wide + 1))

    @property
    def shifts(self):
        """Where the first group of columns sees anything."""
        return sorted({at for phase in self.columns for _, at in phase})

    @property
    def seen(self):
        """The rows that a tile sees, counted from where its first group sees the distance 0."""
        return sorted({self.step[0] * group + at for group in range(self.tall) for phase in self.rows for _, at in phase})

    @property
    def starts(self):
        """The first group of rows of each tile."""
        return starts(-(-self.out[0] // len(self.rows)), self.tall)

    @property
    def stretches(self):
        """The first group of columns of each tile."""
        return starts(-(-self.out[1] // len(self.columns)), self.wide * self.lanes)

    def inside(self, start):
        """Whether a tile whose columns begin at a group has nothing to mask."""
        end, more = start + self.wide * self.lanes, self.step[1] - 1
        columns = [self.step[1] * start + at for at in self.shifts] + [self.step[1] * end + at for at in self.shifts]
        return min(columns) >= more and max(columns) <= self.size[1] - more and end * len(self.columns) <= self.out[1]


def starts(groups, number):
    """Where each of some tiles of ``number`` groups begins; the last one early enough to be whole.

    >>> starts(10, 4), starts(3, 4)
    ([0, 4, 6], [0])
    """
    return [min(start, max(0, groups - number)) for start in range(0, groups, number)]


def depthwise_text(way, name, conv, target, preamble, epilogue=None):
    """The kernel ``@name``: C from A and the weight B, as Code. The arguments are those of ``convolution.forward_text``."""
    text, planes = Text(), Planes.of(way, conv, target)
    images = 2 if planes.channels else 1
    v = Vectors(text, conv.kind, target.lanes(conv.kind))
    masked = {start: None if planes.inside(start) else start for start in planes.stretches}
    for begin in dict.fromkeys(masked.values()):
        write_tile(text, v, tile_name(name, begin), planes, conv, begin)
    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            image, channel = text.divide(chunk, conv.channels)
            image = text.multiply(image, images)
            plane = text.add(text.multiply(image, conv.channels), channel)
            x = text.at("%A", text.multiply(plane, prod(planes.size)), v.kind)
            w = text.at("%B", text.multiply(channel, prod(conv.kernel)), v.kind)
            y = text.at("%C", text.multiply(plane, prod(planes.out)), v.kind)
            write_tiles(text, v, name, planes, (x, w, y), masked)
            for i in range(images if epilogue else 0):
                epilogue(text, text.add(image, i), channel, text.add(channel, 1), 0, planes.out[0])
    chunks = conv.batch // images * conv.channels
    worth = -(-SMALLEST_CHUNK * chunks // max(1, conv.flops))
    return Code(str(text), chunks, max(1, min(worth // 2, chunks // 8)), 0)


def tile_name(name, begin):
    """The tile of the columns that begin at a group; None: of those that have nothing to mask."""
    return f"{name}.{'tile' if begin is None else begin}"


def write_tiles(text, v, name, planes, pointers, masked):
    """All tiles of a plane. masked: what ``write_tile`` is told of each stretch of columns."""
    x, w, y = pointers

    def call(row, column, begin):
        source = text.at(x, text.multiply(column, planes.step[1]), v.kind)
        to = text.at(y, text.multiply(column, len(planes.columns)), v.kind)
        text.do(f"call fastcc void @{tile_name(name, begin)}(ptr {source}, ptr {w}, ptr {to}, i64 {row})")

    alike = [start for start, begin in masked.items() if begin is None]
    with text.loop("row", 0, planes.starts[-1] + planes.tall, planes.tall) as row:
        row = text.minimum(row, planes.starts[-1])
        for start in [start for start, begin in masked.items() if begin is not None]:
            call(row, start, start)
        if alike:
            wide = planes.wide * planes.lanes
            with text.loop("column", alike[0], alike[-1] + wide, wide) as column:
                call(row, text.minimum(column, alike[-1]), None)


def write_tile(text, v, name, planes, conv, begin):
    """The function ``@name``: ``tall`` groups of rows of the result from ``%row`` on, of the columns from group ``begin`` on."""
    rows, columns = len(planes.rows), len(planes.columns)
    with text.function(f"internal fastcc void @{name}(ptr %x, ptr %w, ptr %y, i64 %row)", "noinline nounwind"):
        sums = dict.fromkeys(product(range(planes.tall), range(rows), range(columns), range(planes.wide)), v.zero)
        first = text.multiply("%row", planes.step[0])
        for at in planes.seen:
            inside = [0 <= planes.step[0] * start + at < planes.size[0] for start in planes.starts]
            row = text.add(first, at)
            if all(inside):
                sums = with_row(text, v, planes, conv, (row, at, begin), sums)
            elif any(inside):
                with once(text, row, planes.size[0], [(v.type, each) for each in sums.values()]) as turn:
                    more = with_row(text, v, planes, conv, (row, at, begin), dict(zip(sums, turn.values)))
                    turn.carry(*more.values())
                sums = dict(zip(sums, turn.values))
        for group, phase in product(range(planes.tall), range(rows)):
            row = text.add(text.multiply("%row", rows), group * rows + phase)
            found = [[sums[group, phase, column, j] for column in range(columns)] for j in range(planes.wide)]
            if planes.starts[-1] * rows + group * rows + phase < planes.out[0]:
                store_row(text, v, planes, row, begin, found)
            elif group * rows + phase < planes.out[0]:
                with once(text, row, planes.out[0]):
                    store_row(text, v, planes, row, begin, found)


def once(text, number, limit, carry=()):
    """What follows, if a number isn't negative and below a limit: a loop of one turn, or none."""
    bit = text.let("inside", f"icmp ult i64 {number}, {limit}")
    return text.loop("once", 0, text.let("times", f"zext i1 {bit} to i64"), carry=carry)


def with_row(text, v, planes, conv, where, sums):
    """The sums, with what a row of x adds to them. where: (its number, counted from the tile's first, the columns' begin)."""
    (row, at, begin), sums, reached = where, dict(sums), {}
    for (a, rows), (b, columns) in product(enumerate(planes.rows), enumerate(planes.columns)):
        for (i, down), (j, right) in product(rows, columns):
            group, rest = divmod(at - down, planes.step[0])
            if rest == 0 and 0 <= group < planes.tall:
                reached.setdefault(right, []).append(((group, a, b), i * conv.kernel[2] + j))
    x, pairs = text.at("%x", text.multiply(row, planes.size[1]), v.kind), {}
    for right in sorted(reached):
        vectors = [load_shifted(v, planes, x, right, begin, number, pairs) for number in range(planes.wide)]
        for place, tap in reached[right]:
            weight = v.spread(text.load(v.kind, text.at("%w", tap, v.kind)))
            for number, vector in enumerate(vectors):
                if vector is not None:
                    sums[*place, number] = v.multiply_add(weight, vector, sums[*place, number])
    return sums


def load_shifted(v, planes, x, right, begin, number, pairs):
    """What the groups of a vector see at a shift, 0 where that is outside; None where all of it is. Of two images, if they are together.

    pairs: what was loaded of a row for a stride of 2: from two vectors one takes every second number, for this shift and the next.
    """
    column = right + planes.step[1] * number * planes.lanes
    other = v.text.at(x, planes.channels * prod(planes.size), v.kind) if planes.channels else x
    if planes.step[1] == 2:
        even = column - column % 2
        if even not in pairs:
            places = (x, even), (other, even if planes.channels else even + planes.lanes)
            pairs[even] = [load_columns(v, planes, image, at, begin, 1) for image, at in places]
        found, order = pairs[even], range(column % 2, 2 * v.lanes, 2)
        return None if found == [None, None] else v.shuffle(*[vector or v.zero for vector in found], order)
    if not planes.channels:
        return load_columns(v, planes, x, column, begin, planes.step[1])
    half = halved(v)
    found = [load_columns(half, planes, image, column, begin, planes.step[1]) for image in (x, other)]
    return None if found == [None, None] else half.joined(*found)


def load_columns(v, planes, x, column, begin, step):
    """A vector of every ``step``-th number of a row, from a column on; None where all of it is outside."""
    place, start = v.text.at(x, column, v.kind), column + planes.step[1] * (begin or 0)
    count, skip = min(v.lanes, -(-(planes.size[1] - start) // step)), max(0, -(start // step))
    if begin is None:
        return v.load(place, stride=step)
    return v.load(place, count, step, skip) if count > skip else None


def store_row(text, v, planes, row, begin, found):
    """The vectors of a row go to where they belong: of each number of vectors, those of its phases in turn."""
    to, columns = text.at("%y", text.multiply(row, planes.out[1]), v.kind), len(planes.columns)
    images = [to, text.at(to, planes.channels * prod(planes.out), v.kind)] if planes.channels else [to]
    half = halved(v) if planes.channels else v
    for number, image in enumerate(images):
        for j, phases in enumerate(found):
            parts = [v.half(each, number) for each in phases] if planes.channels else phases
            for part, value in enumerate(half.interleave(*parts) if columns > 1 else parts):
                column = (j * columns + part) * half.lanes
                count = planes.lanes if begin is None else min(half.lanes, planes.out[1] - columns * begin - column)
                if count > 0:
                    half.store(value, text.at(image, column, v.kind), count)


def halved(v):
    """The same with half as many lanes."""
    return Vectors(v.text, v.kind, v.lanes // 2)
