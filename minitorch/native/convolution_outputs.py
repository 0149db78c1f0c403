"""The gradient of a convolution's weight with output channels as lanes: what is summed is what a tap sees, and no border.

    strip     images, places, outputs        the outputs' gradient, turned
    panel     channels, taps, outputs        what the tiles add to; turned back at the end

    tile      some channels and a row of taps by some vectors of outputs     panel[c, tap] += x[c, place + tap] strip[place]

It is convolution_channels.py's way for the other gradient: the columns that a tap reaches are known when the text is written, and
the rows stand in a table. So small images fill their vectors whatever their rows are, and nothing of x is copied.

A chunk is some channels by some output channels, over all images.

torch: ATen/native/mkldnn/Conv.cpp (oneDNN)
"""

from dataclasses import dataclass
from itertools import product
from math import prod

from .convolution_channels import NEAR, TURNING, stretches_of, vectors_of, write_back, write_picked
from .convolution_geometry import Planes, reached
from .convolution_images import turn, write_turn
from .convolution_layout import write_table
from .gemm import SMALLEST_CHUNK, Code, parts, pieces
from .target import SIZES
from .text import Text
from .vectors import Vectors

__all__ = ["outputs_in_lanes", "outputs_text"]

WRITTEN, MOST = 300, 1 << 16
"""Multiply-adds that are written out in a tile, at most; rows that all taps see together, and columns, at most."""

CROWDED, CROWD = 2048, 8
"""Bytes from a channel to the next, or a multiple, by which they share a few places of the nearest cache: so many at once, at most."""

STEP, ENDING, FAR, BETTER = 3, 12, 1.25, 1.05
"""What it costs to go on to a row, and to end with a vector of sums, counted in vectors that are multiplied and added; how many times
more it costs if a near cache doesn't hold the strip; how many times less all must cost to be taken."""


@dataclass(frozen=True)
class Outputs(Planes):
    """Tiles of ``tall`` channels and ``taps`` of a row by ``vectors`` of outputs; ``number`` images are turned at once.

    band: channels of a chunk. lines: for each row of taps, the rows that it sees: (distance in x, place of the result). stretches,
    kinds: as ``convolution_channels.Channels`` has them. area: numbers of a kernel.
    """

    lanes: int
    vectors: int
    tall: int
    taps: int
    number: int
    band: int
    area: int
    lines: tuple
    stretches: tuple
    kinds: tuple

    @property
    def wide(self):
        """Output channels of a tile, and of a chunk."""
        return self.vectors * self.lanes

    @property
    def bands(self):
        return -(-self.inner // self.band)

    @property
    def shares(self):
        return -(-self.rows // self.wide)

    @property
    def chunks(self):
        return self.groups * self.bands * self.shares

    @property
    def cost(self):
        """How many vectors are multiplied and added, about, for each output's and channel's number of an image's place."""
        total, sums = 0, self.tall * self.vectors
        for _, _, kind, times, _ in self.stretches:
            seen, columns = sum(map(len, self.kinds[kind])), len(self.kinds[kind])
            work = max(seen * sums * max(1, 8 / (sums * self.taps)), seen * self.tall + columns * self.vectors)
            total += times * (work + STEP)
        total *= sum(map(len, self.lines)) / sums
        places = prod(self.out)
        total *= BETTER * (FAR if places * self.wide * SIZES[self.kind] > NEAR else 1)
        total += ENDING * self.area / self.batch + TURNING * places / self.band
        return total * -(-self.rows // self.lanes) / self.rows / places


def outputs_in_lanes(conv, target):
    """The gradient of the weight with outputs in lanes, as it is best computed; None if it can't be."""
    planes, lanes, size = Planes.of(conv, True), target.lanes(conv.kind), SIZES[conv.kind]
    depths, rows, columns = reached(conv, True)
    (_, height, width), (deep, tall, taps) = planes.size, conv.kernel
    lines = [[] for _ in range(deep * tall)]
    for (z, depth), (y, row) in product(enumerate(depths), enumerate(rows)):
        for (i, u), (j, v) in product(depth, row):
            lines[u * tall + v].append(((i * height + j) * width, (z * planes.out[1] + y) * planes.out[2]))
    if max(sum(map(len, lines)), sum(map(len, columns))) > MOST:
        return None
    found, strip = [], prod(planes.out) * lanes * size
    for vectors in range(1, min(4, -(-planes.rows // lanes)) + 1):
        most = (target.registers - 2 - vectors) // (vectors * taps)
        if most < 1:
            break
        some = pieces(planes.inner, min(most, CROWD) if prod(planes.size) * size % CROWDED == 0 else most)
        stretches, kinds = stretches_of(columns, pieces(len(columns), max(1, WRITTEN // (some * taps * vectors))))
        fits = [n for n in range(1, planes.batch + 1) if planes.batch % n == 0 and n * strip * vectors <= NEAR]
        number = max(1, min(16, conv.flops // SMALLEST_CHUNK) // (planes.groups * -(-planes.rows // (vectors * lanes))))
        band = pieces(planes.inner, -(-planes.inner // number), some)
        found.append(Outputs(**vars(planes), lanes=lanes, vectors=vectors, tall=some, taps=taps, number=max(fits, default=1), band=band,
                             area=prod(conv.kernel), lines=tuple(map(tuple, lines)), stretches=stretches, kinds=kinds))  # fmt: skip
    return min(found, key=lambda each: each.cost, default=None)


# ---------------------------------------------------------------------------------------------------------- the kernel


def outputs_text(name, outputs, flops, preamble):
    """The kernel ``@name``, as Code. See ``convolution_weight.weight_gradient_text``."""
    text, kind = Text(), outputs.kind
    v = Vectors(text, kind, outputs.lanes)
    write_parts(text, v, name, outputs)
    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            unit, share = text.divide(chunk, outputs.shares)
            group, band = text.divide(unit, outputs.bands)
            c0, r0 = text.multiply(band, outputs.band), text.multiply(share, outputs.wide)
            c1 = text.minimum(text.add(c0, outputs.band), outputs.inner) if outputs.bands > 1 else outputs.inner
            r1 = text.minimum(text.add(r0, outputs.wide), outputs.rows) if outputs.shares > 1 else outputs.rows
            write_chunk(text, v, name, outputs, (group, c0, c1, r0, r1))
    worth = -(-SMALLEST_CHUNK * outputs.chunks // max(1, flops))
    numbers = panel_of(outputs) + outputs.number * prod(outputs.out) * outputs.wide
    return Code(str(text), outputs.chunks, max(1, min(worth // 2, outputs.chunks // 8)), numbers * SIZES[kind])


def panel_of(outputs):
    """Numbers of a panel."""
    return outputs.band * outputs.area * outputs.wide


def write_parts(text, v, name, outputs):
    """The tiles and tables: the rows that each row of taps sees; where they begin in the table."""
    starts = [0]
    for line in outputs.lines:
        starts.append(starts[-1] + len(line))
    write_table(text, f"{name}.lines", [word for line in outputs.lines for entry in line for word in entry])
    write_table(text, f"{name}.starts", starts)
    edges = {min(outputs.wide, outputs.rows), outputs.rows % outputs.wide} - {0}
    talls = {outputs.tall, outputs.band % outputs.tall, (outputs.inner % outputs.band) % outputs.tall} - {0}
    for vectors, tall in sorted(product({vectors_of(outputs, count) for count in edges}, talls)):
        write_tile(text, v, f"{name}.{tall}x{vectors}", outputs, tall, vectors)
    write_turn(text, name, outputs)


def write_tile(text, v, name, outputs, tall, vectors):
    """The function ``@name``: ``tall`` channels and a row of taps by some vectors of outputs, over some images and all they see.

    ``%lines`` holds ``%number`` pairs (distance in x, place of the result).
    """
    kind, plane, wide, taps = outputs.kind, prod(outputs.size), vectors * outputs.lanes, outputs.taps
    arguments = "ptr %x, ptr %dy, ptr %to, ptr %lines, i64 %number, i64 %images"
    with text.function(f"internal fastcc void @{name}({arguments})", "noinline nounwind"):
        with text.loop("image", 0, "%images", carry=[(v.type, v.zero)] * (tall * taps * vectors)) as image:
            x = text.at("%x", text.multiply(image, outputs.groups * outputs.inner * plane), kind)
            dy = text.at("%dy", text.multiply(image, prod(outputs.out) * wide), kind)
            with text.loop("t", 0, "%number", carry=[(v.type, value) for value in image.values]) as t:
                entry = text.at("%lines", text.multiply(t, 2), "i64")
                row = text.at(x, text.load("i64", entry), kind)
                seen, sums = text.at(dy, text.multiply(text.load("i64", text.at(entry, 1, "i64")), wide), kind), t.values
                for stretch in outputs.stretches:
                    sums = with_stretch(text, v, outputs, stretch, (row, seen), (tall, vectors), sums)
                t.carry(*sums)
            image.carry(*t.values)
        for (c, tap), i in product(product(range(tall), range(taps)), range(vectors)):
            place = text.at("%to", (c * outputs.area + tap) * wide + i * v.lanes, kind)
            value = image.values[(c * taps + tap) * vectors + i]
            v.store(v.add(v.load(place), value) if outputs.number < outputs.batch else value, place)


def with_stretch(text, v, outputs, stretch, operands, tile, sums):
    """The sums, with what the stretches of one kind add to them."""
    (first, begin, kind, times, step), (row, seen), (tall, vectors) = stretch, operands, tile
    columns, wide, plane = outputs.kinds[kind], vectors * outputs.lanes, prod(outputs.size)

    def added(s, sums):
        x = text.at(row, text.add(text.multiply(s, step), begin), v.kind)
        dy, sums = text.at(seen, text.add(text.multiply(s, len(columns) * wide), first * wide), v.kind), list(sums)
        for number, column in enumerate(columns):
            gradients = [v.load(text.at(dy, number * wide + i * v.lanes, v.kind)) for i in range(vectors)]
            for c, (at, tap) in product(range(tall), column):
                value = v.spread(text.load(v.kind, text.at(x, c * plane + at, v.kind)))
                for i in range(vectors):
                    place = (c * outputs.taps + tap) * vectors + i
                    sums[place] = v.multiply_add(gradients[i], value, sums[place])
            x = text.unknown(x)  # or LLVM keeps what several columns see, for which there are no registers
        return sums

    if times == 1:
        return added(0, sums)
    with text.loop("s", 0, times, carry=[(v.type, value) for value in sums]) as s:
        s.carry(*added(s, s.values))
    return s.values


# ----------------------------------------------------------------------------------------------------------- the chunk


def write_chunk(text, v, name, outputs, where):
    """One chunk: some images at a time, turned; each of its channels with all of its outputs."""
    (group, c0, c1, r0, r1), kind, area, lanes = where, outputs.kind, outputs.area, outputs.lanes
    seen, out = prod(outputs.size), prod(outputs.out)
    strip, channels = text.at("%scratch", panel_of(outputs), kind), text.subtract(c1, c0)
    for count, start, end in parts(text, text.subtract(r1, r0), outputs.rows, outputs.wide):
        wide = vectors_of(outputs, count) * lanes
        with text.loop("r", start, end, outputs.wide):
            if outputs.number < outputs.batch:
                size = text.multiply(channels, area * wide * SIZES[kind])
                text.do(f"call void @llvm.memset.p0.i64(ptr %scratch, i8 0, i64 {size}, i1 false)")
            with text.loop("image", 0, outputs.batch, outputs.number) as image:
                index = text.add(text.multiply(image, outputs.groups), group)
                dy = text.multiply(text.add(text.multiply(index, outputs.rows), r0), out)
                write_strip(text, v, name, outputs, (text.at("%B", dy, kind), strip), count)
                x = text.multiply(text.add(text.multiply(index, outputs.inner), c0), seen)
                write_tiles(text, name, outputs, (text.at("%A", x, kind), strip), channels, count)
            to = text.add(text.multiply(group, outputs.weight[0]), text.multiply(r0, outputs.weight[1]))
            to = text.at("%C", text.add(to, text.multiply(c0, area)), kind)
            length, apart = text.multiply(channels, area), outputs.weight[1]
            square = min(outputs.band, outputs.inner % outputs.band or outputs.band) * area >= lanes
            write_back(text, v, name, ("%scratch", to), (length, apart, wide), count, square)


def write_strip(text, v, name, outputs, places, count):
    """The gradients of ``count`` outputs at the places of some images, turned."""
    (dy, strip), kind, lanes, out = places, outputs.kind, outputs.lanes, prod(outputs.out)
    wide = vectors_of(outputs, count) * lanes
    with text.loop("i", 0, outputs.number) as i:
        source = text.at(dy, text.multiply(i, outputs.groups * outputs.rows * out), kind)
        to = text.at(strip, text.multiply(i, out * wide), kind)
        if out >= lanes:
            turn(text, name, source, out, to, wide, count, out)
        else:
            write_picked(text, v, (source, to), (out, out, wide), count)


def write_tiles(text, name, outputs, operands, channels, count):
    """All tiles of some images: channel after channel, row of taps after row of taps."""
    (x, strip), kind, vectors, area = operands, outputs.kind, vectors_of(outputs, count), outputs.area
    total = outputs.band if outputs.bands == 1 or outputs.inner % outputs.band == 0 else outputs.inner
    for tall, start, end in parts(text, channels, total, outputs.tall):
        with text.loop("c", start, end, outputs.tall) as c, text.loop("line", 0, len(outputs.lines)) as line:
            place = text.at(f"@{name}.starts", line, "i64")
            begin, stop = [text.load("i64", text.at(place, n, "i64")) for n in (0, 1)]
            lines, number = text.at(f"@{name}.lines", text.multiply(begin, 2), "i64"), text.subtract(stop, begin)
            to = text.add(text.multiply(c, area), text.multiply(line, outputs.taps))
            to = text.at("%scratch", text.multiply(to, vectors * outputs.lanes), kind)
            operand = text.at(x, text.multiply(c, prod(outputs.size)), kind)
            more = f"ptr {lines}, i64 {number}, i64 {outputs.number}"
            text.do(f"call fastcc void @{name}.{tall}x{vectors}(ptr {operand}, ptr {strip}, ptr {to}, {more})")
