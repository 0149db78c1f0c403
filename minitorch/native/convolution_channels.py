"""A convolution whose vectors are output channels: each place asks for the numbers that it sees, one by one, and for no others.

    panel     channels, taps, outputs        the weight, turned: a row of vectors for each channel and tap
    strip     images, places, outputs        what the tiles add to; turned back at the end

    tile      some places of a row by some vectors of outputs, for each channel and tap     strip[place] += x[place + tap] panel[tap]

Nothing is laid out with borders. Which columns a tap reaches is known when the text is written, so a step of a tile has
multiply-adds for those alone, whatever the stride; which rows it reaches stands in a table. So small images, of which a large
kernel sees more border than image, take the time of what is there, and every third number is as near as every one.

What it costs is to turn the weight: there must be enough places for it.

torch: oneDNN puts channels into lanes to the same end (ATen/native/mkldnn/Conv.cpp)
"""

from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from math import prod

from .convolution_dense import BEGIN, STRIP, TURN
from .convolution_geometry import Planes, reached
from .convolution_images import turn, write_turn
from .convolution_layout import write_table
from .gemm import SMALLEST_CHUNK, Code, parts, pieces
from .target import SIZES
from .text import Text
from .vectors import Vectors

__all__ = [
    "NEAR", "TURNING", "channels_in_lanes", "channels_text", "stretches_of", "vectors_of", "write_back", "write_picked",
]  # fmt: skip

PANEL, NEAR = 1 << 19, 1 << 18
"""Bytes that a panel, and the strip, should not exceed."""

WRITTEN, MOST = 400, 1 << 17
"""Multiply-adds that are written out in a tile, at most; what all rows of the result see, and all columns, at most."""

TURNING, PICKING, STEP, BETTER = 8, 24, 3, 1.03
"""What it costs to turn a vector of the weight, or to pick it number by number, and to begin with a channel and row, counted in vectors
that are multiplied and added; how many times less all must cost to be taken."""

LARGE, FAR = 1 << 20, 4
"""Bytes of a weight that no near cache holds, and how many times more it then costs to turn: all its rows are read at once."""


@dataclass(frozen=True)
class Channels(Planes):
    """Planes whose outputs are lanes: tiles of ``vectors`` of them by a stretch of columns of ``images`` images.

    number: images of a chunk. deep: channels whose panel is there at once. area: numbers of a kernel.
    band: rows of a chunk. lines: of each row of the result, what it sees: (distance in x, place in the weight). stretches: see
    ``stretches_of``. kinds: of each column, what it sees: (distance in x, place in the weight).
    """

    lanes: int
    vectors: int
    images: int
    number: int
    deep: int
    area: int
    band: int
    lines: tuple
    stretches: tuple
    kinds: tuple

    @property
    def wide(self):
        """Output channels of a tile."""
        return self.vectors * self.lanes

    @property
    def bands(self):
        """Into how many bands the rows of a result are cut."""
        return len(self.lines) // self.band

    @property
    def units(self):
        """Bundles of images, bands, and groups of channels."""
        return self.batch // self.number * self.groups * self.bands

    @property
    def share(self):
        """Output channels of a chunk."""
        shares = min(-(-8 // self.units), -(-self.rows // self.wide))
        return pieces(self.rows, -(-self.rows // shares), self.wide)

    @property
    def chunks(self):
        return self.units * -(-self.rows // self.share)

    @property
    def cost(self):
        """As ``convolution_dense.cost``. A step of a tile has a load for each of its places and vectors."""
        total, places = 0, prod(self.out)
        for _, _, kind, times, _ in self.stretches:
            points = self.images * sum(map(len, self.kinds[kind]))
            taps, tile = len({tap for column in self.kinds[kind] for _, tap in column}), self.images * len(self.kinds[kind])
            work = points * self.vectors * max(1, 8 / (tile * self.vectors))
            total += (max(work, points + taps * self.vectors) + STEP) * times
        total *= sum(map(len, self.lines)) / (self.images * self.vectors)
        turned = PICKING if self.weight[1] == self.area > 1 and self.area < self.lanes else TURNING
        if self.inner * self.area * self.rows * SIZES[self.kind] > LARGE and self.weight[2] == self.area:
            turned *= FAR
        total += turned * self.area * self.bands / self.number
        total += (BEGIN + TURN * -(-self.inner // self.deep)) * places / self.inner
        return BETTER * max(1, 7 / 8 + 1 / self.chunks) * total * -(-self.rows // self.lanes) / self.rows / places


def channels_in_lanes(way, conv, target):
    """The "forward" pass, or the gradient of the "input", with its outputs in lanes, as it is best computed; None if it can't be."""
    planes, area, size = Planes.of(conv, way == "forward"), prod(conv.kernel), SIZES[conv.kind]
    lanes, (depths, rows, columns) = target.lanes(conv.kind), reached(conv, way == "forward")
    (_, height, width), (_, tall, wide) = planes.size, conv.kernel
    lines = [[((i * height + j) * width, (u * tall + v) * wide) for (i, u), (j, v) in product(*line)] for line in product(depths, rows)]
    lines = tuple(tuple(sorted(line)) for line in lines)  # in the order in which x lies: backwards no cache foresees it
    if max(sum(map(len, lines)), sum(map(len, columns))) > MOST:
        return None
    found, period = [], 1 if way == "forward" else conv.stride[2]
    for vectors in range(1, min(4, -(-planes.rows // lanes)) + 1):
        most = max(1, (target.registers - 2 - vectors) // vectors)
        most = max(1, min(most, WRITTEN // vectors // max(1, max(map(len, columns)))))
        stretch = pieces(len(columns), most, period if most >= period else 1)
        stretches, kinds = stretches_of(columns, stretch)
        fits = [n for n in range(1, max(1, most // len(columns)) + 1) if planes.batch % n == 0]
        wide = vectors * lanes
        strip = prod(planes.out) * wide * size
        for images in {1, fits[-1]}:
            number = images_of(planes, images, -(-planes.rows // wide) * planes.groups, strip)
            deep = pieces(planes.inner, max(1, PANEL // (area * wide * size)))
            for band in bands_of(planes, planes.batch // number * -(-planes.rows // wide) * planes.groups):
                if strip * number <= STRIP:
                    found.append(Channels(**vars(planes), lanes=lanes, vectors=vectors, images=images, number=number, deep=deep,
                                          area=area, band=band, lines=lines, stretches=stretches, kinds=kinds))  # fmt: skip
    return min(found, key=lambda each: each.cost, default=None)


def images_of(planes, images, shares, strip):
    """How many images are a chunk: many, as they share a panel, but so that there are eight chunks and the strip is near."""
    ways = [n for n in range(images, planes.batch + 1, images) if planes.batch % n == 0]
    fits = [n for n in ways if planes.batch // n * shares >= 8 and n * strip <= NEAR]
    return max(fits, default=images)


def bands_of(planes, chunks):
    """How many rows may be a chunk: all of them, or so many that there are eight chunks."""
    unit, total = (planes.out[1], planes.out[0]) if planes.out[0] > 1 else (1, planes.out[1])
    fits = [n for n in range(1, total + 1) if total % n == 0 and chunks * total // n >= 8]
    return {total * unit, max(fits, default=total) * unit}


def stretches_of(columns, length):
    """The stretches of a row, and their kinds: those that see the same from where they begin are of one kind.

    A stretch stands for all of its kind that follow each other: (first column, where x begins, kind, how many, from one to the next in
    columns and in x).
    """
    stretches, kinds = [], {}
    for first in range(0, len(columns), length):
        some = columns[first : first + length]
        begin = min((at for column in some for at, _ in column), default=0)
        kind = kinds.setdefault(tuple(tuple((at - begin, tap) for at, tap in column) for column in some), len(kinds))
        *before, last = stretches or [(0, 0, None, 0, 0)]
        if kind == last[2] and (last[3] == 1 or begin == last[1] + last[3] * last[4]):
            stretches = [*before, (*last[:3], last[3] + 1, (begin - last[1]) // last[3])]
        else:
            stretches.append((first, begin, kind, 1, 0))
    return tuple(stretches), tuple(kinds)


# ---------------------------------------------------------------------------------------------------------- the kernel


def channels_text(name, channels, flops, target, preamble, epilogue=None):
    """The kernel ``@name``, as Code. See ``convolution.forward_text``."""
    text, kind, size = Text(), channels.kind, SIZES[channels.kind]
    v = Vectors(text, kind, channels.lanes)
    write_parts(text, v, name, channels)
    shares = -(-channels.rows // channels.share)
    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            unit, part = text.divide(chunk, shares)
            unit, band = text.divide(unit, channels.bands)
            bundle, group = text.divide(unit, channels.groups)
            r0 = text.multiply(part, channels.share)
            r1 = text.minimum(text.add(r0, channels.share), channels.rows) if shares > 1 else channels.rows
            first = text.multiply(bundle, channels.number)
            line = text.multiply(band, channels.band)
            write_chunk(text, v, name, channels, (first, group, r0, r1), line)
            if epilogue:
                base, rows = text.multiply(group, channels.rows), channels.band // (channels.out[1] if channels.out[0] > 1 else 1)
                begin = text.multiply(band, rows)
                with text.loop("i", 0, channels.number) as i:
                    epilogue(text, text.add(first, i), text.add(base, r0), text.add(base, r1), begin, text.add(begin, rows))
    worth = -(-SMALLEST_CHUNK * channels.chunks // max(1, flops))
    numbers = panel_of(channels) + channels.number * places_of(channels) * channels.wide
    return Code(str(text), channels.chunks, max(1, min(worth // 2, channels.chunks // 8)), numbers * size)


def panel_of(channels):
    """Numbers of a panel."""
    return channels.deep * channels.area * channels.wide


def places_of(channels):
    """Places of an image in a chunk."""
    return channels.band * channels.out[2]


def blocks_of(channels):
    """How many output channels a block of tiles may have: all it has room for, or what is left."""
    return sorted({min(channels.wide, channels.rows), channels.rows % channels.wide} - {0})


def vectors_of(channels, count):
    return -(-count // channels.lanes)


def write_parts(text, v, name, channels):
    """The tiles and tables: what each row sees; where that begins in the table."""
    starts = [0]
    for line in channels.lines:
        starts.append(starts[-1] + len(line))
    write_table(text, f"{name}.lines", [word for line in channels.lines for entry in line for word in entry])
    write_table(text, f"{name}.starts", starts)
    for vectors in sorted({vectors_of(channels, count) for count in blocks_of(channels)}):
        for number, kind in enumerate(channels.kinds):
            write_tile(text, v, f"{name}.{number}x{vectors}", channels, kind, vectors)
    if turns(channels):
        write_turn(text, name, channels)


def write_tile(text, v, name, channels, columns, vectors):
    """The function ``@name``: some columns of some images by some vectors of outputs, over some channels and all they see.

    ``%lines`` holds ``%number`` pairs (distance in x, place in the weight). Of a panel that has only some of the channels, what it
    gives is added.
    """
    kind, plane, lanes = channels.kind, prod(channels.size), channels.lanes
    points = [(image, column) for image in range(channels.images) for column in range(len(columns))]
    apart = channels.groups * channels.inner * plane
    taps = sorted({tap for column in columns for _, tap in column})
    arguments = "ptr %x, ptr %w, ptr %y, ptr %lines, i64 %number, i64 %channels"
    with text.function(f"internal fastcc void @{name}({arguments})", "noinline nounwind"):
        with text.loop("c", 0, "%channels", carry=[(v.type, v.zero)] * (len(points) * vectors)) as c:
            x = text.at("%x", text.multiply(c, plane), kind)
            w = text.at("%w", text.multiply(c, channels.area * vectors * lanes), kind)
            with text.loop("t", 0, "%number", carry=[(v.type, value) for value in c.values]) as t:
                entry = text.at("%lines", text.multiply(t, 2), "i64")
                row = text.at(x, text.load("i64", entry), kind)
                panel = text.at(w, text.multiply(text.load("i64", text.at(entry, 1, "i64")), vectors * lanes), kind)
                sums = list(t.values)
                for tap in taps:
                    weights = [v.load(text.at(panel, (tap * vectors + i) * lanes, kind)) for i in range(vectors)]
                    for number, (image, column) in enumerate(points):
                        for at in [at for at, each in columns[column] if each == tap]:
                            seen = v.spread(text.load(kind, text.at(row, image * apart + at, kind)))
                            for i in range(vectors):
                                sums[number * vectors + i] = v.multiply_add(weights[i], seen, sums[number * vectors + i])
                    row = text.unknown(row)  # or LLVM keeps what several taps see, for which there are no registers
                t.carry(*sums)
            c.carry(*t.values)
        for (number, (image, column)), i in product(enumerate(points), range(vectors)):
            place = text.at("%y", ((image * places_of(channels) + column) * vectors + i) * lanes, kind)
            value = c.values[number * vectors + i]
            v.store(v.add(v.load(place), value) if channels.deep < channels.inner else value, place)


# ----------------------------------------------------------------------------------------------------------- the chunk


def write_chunk(text, v, name, channels, where, line):
    """One chunk: block after block of its output channels, for all images of a bundle, from a row on."""
    (first, group, r0, r1), kind = where, channels.kind
    seen, out = prod(channels.size), prod(channels.out)
    x = text.add(text.multiply(first, channels.groups * channels.inner), text.multiply(group, channels.inner))
    x = text.at("%A", text.multiply(x, seen), kind)
    w = text.at("%B", text.add(text.multiply(group, channels.weight[0]), text.multiply(r0, channels.weight[1])), kind)
    y = text.add(text.multiply(first, channels.groups * channels.rows), text.add(text.multiply(group, channels.rows), r0))
    y = text.at("%C", text.add(text.multiply(y, out), text.multiply(line, channels.out[2])), kind)
    strip = text.at("%scratch", panel_of(channels), kind)
    for count, start, end in parts(text, text.subtract(r1, r0), channels.rows, channels.wide):
        with text.loop("r", start, end, channels.wide) as r:
            vectors = vectors_of(channels, count)
            if channels.deep < channels.inner:
                size = channels.number * places_of(channels) * vectors * channels.lanes * SIZES[kind]
                text.do(f"call void @llvm.memset.p0.i64(ptr {strip}, i8 0, i64 {size}, i1 false)")
            weight = text.at(w, text.multiply(r, channels.weight[1]), kind)
            with text.loop("c", 0, channels.inner, channels.deep) as c:
                deep = text.minimum(channels.deep, text.subtract(channels.inner, c))
                write_panel(text, v, name, channels, (text.at(weight, text.multiply(c, channels.weight[2]), kind), deep), count)
                write_lines(text, name, channels, (text.at(x, text.multiply(c, seen), kind), strip, deep), line, vectors)
            with text.loop("i", 0, channels.number) as i:
                source = text.at(strip, text.multiply(i, places_of(channels) * vectors * channels.lanes), kind)
                to = text.add(text.multiply(i, channels.groups * channels.rows), r)
                sizes = places_of(channels), out, vectors * channels.lanes
                write_back(text, v, name, (source, text.at(y, text.multiply(to, out), kind)), sizes, count, turns(channels))


def write_panel(text, v, name, channels, source, count):
    """The panel of some channels and ``count`` outputs: turned, or vector by vector picked from where they lie."""
    (weight, deep), (_, row, inner), area, lanes = source, channels.weight, channels.area, channels.lanes
    wide = vectors_of(channels, count) * lanes
    square = turns(channels) and count >= lanes
    if square and inner == area and channels.deep * area >= lanes and channels.inner % channels.deep == 0:
        return turn(text, name, weight, row, "%scratch", wide, count, text.multiply(deep, area))
    with text.loop("i", 0, deep) as i:
        source = text.at(weight, text.multiply(i, inner), v.kind)
        panel = text.at("%scratch", text.multiply(i, area * wide), v.kind)
        if square and row == area >= lanes:
            return turn(text, name, source, row, panel, wide, count, area)
        write_picked(text, v, (source, panel), (area, row, wide), count)


def write_picked(text, v, places, sizes, count):
    """What ``turn`` does, vector by vector, where there are no squares: sizes are (numbers of each, from one to the next, width)."""
    (source, to), (length, apart, wide) = places, sizes
    with text.loop("t", 0, length) as t:
        for begin in range(0, count, v.lanes):
            value = v.load(text.at(source, text.add(t, begin * apart), v.kind), min(v.lanes, count - begin), apart)
            v.store(value, text.at(to, text.add(text.multiply(t, wide), begin), v.kind))


def write_lines(text, name, channels, operands, first, vectors):
    """The tiles of some images: row after row from the ``first`` on, stretch after stretch."""
    (x, strip, deep), kind = operands, channels.kind
    plane, wide = prod(channels.size), vectors * channels.lanes
    with text.loop("i", 0, channels.number, channels.images) as i, text.loop("line", 0, channels.band) as line:
        place = text.at(f"@{name}.starts", text.add(line, first), "i64")
        begin, end = [text.load("i64", text.at(place, n, "i64")) for n in (0, 1)]
        more = f"ptr {text.at(f'@{name}.lines', text.multiply(begin, 2), 'i64')}, i64 {text.subtract(end, begin)}, i64 {deep}"
        image = text.at(x, text.multiply(i, channels.groups * channels.inner * plane), kind)
        row = text.add(text.multiply(i, places_of(channels)), text.multiply(line, channels.out[2]))
        row = text.at(strip, text.multiply(row, wide), kind)
        for column, start, number, times, step in channels.stretches:
            with text.loop("s", 0, times) if times > 1 else nullcontext(0) as s:
                operand = text.at(image, text.add(text.multiply(s, step), start), kind)
                to = text.at(row, text.add(text.multiply(s, len(channels.kinds[number]) * wide), column * wide), kind)
                text.do(f"call fastcc void @{name}.{number}x{vectors}(ptr {operand}, ptr %scratch, ptr {to}, {more})")


def turns(channels):
    """Whether there are squares to turn."""
    return min(places_of(channels), channels.rows) >= channels.lanes


def write_back(text, v, name, places, sizes, count, square):
    """``count`` channels of a strip go to where they belong.

    sizes: (how many numbers each has, from one to the next there, from number to number here). square: whether there are as many
    numbers as lanes.
    """
    (source, to), (length, apart, wide), lanes = places, sizes, v.lanes
    if square and count >= lanes:
        whole = text.multiply(text.divide(length, lanes)[0], lanes)
        turn(text, name, source, wide, to, apart, whole, count)
        if whole != length:  # the last ones once more, so that all squares are whole
            rest = text.subtract(length, lanes)
            turn(text, name, text.at(source, text.multiply(rest, wide), v.kind), wide, text.at(to, rest, v.kind), apart, lanes, count)
        return
    with text.loop("place", 0, length) as place:
        row, place = text.at(source, text.multiply(place, wide), v.kind), text.at(to, place, v.kind)
        for begin in range(0, count, lanes):
            value = v.load(text.at(row, begin, v.kind))
            v.store(value, text.at(place, begin * apart, v.kind), min(lanes, count - begin), apart)
