"""A convolution of many small images side by side: a vector is one place of as many images as it has lanes.

    x         images, channels, places      each image one behind the other
    turned    channels, places, images      the same place of all images next to each other
    strip     outputs, places, images       what the tiles add to; turned back at the end

An output's place then asks for whole vectors at each of its taps, whatever the stride and the size of an image. None of them is
dropped, and taps that would see only the border are left out: of a 3 x 3 kernel on 7 x 7 places these are a fifth of the work.

A table has the taps of each kind of place, as they are seen from there; another table has the places.

torch: oneDNN puts channels into lanes to the same end (ATen/native/mkldnn/Conv.cpp)
"""

from dataclasses import dataclass
from itertools import product
from math import prod

from .convolution_dense import BEGIN, STRIP, TURN
from .convolution_geometry import Planes, reached
from .convolution_layout import write_table
from .convolution_tiles import Block, effort, tile_name, write_tile
from .gemm import SMALLEST_CHUNK, Code, parts, pieces, rows_of
from .target import SIZES
from .text import Text
from .transpose import write_turned
from .vectors import Vectors

__all__ = ["Images", "images_text", "side_by_side", "turn", "write_turn"]

TURNED, MOST = 1 << 19, 1 << 14
"""Bytes that turned images should not exceed; taps of all places together, at most."""

TURNING, BETTER = 8, 1.08
"""What it costs to turn a vector, counted in vectors that are multiplied and added; how many times less all must cost to be taken."""


@dataclass(frozen=True)
class Images(Planes):
    """Planes of ``number`` images side by side, ``deep`` channels at a time, in vectors of ``lanes``.

    kinds: the taps of each kind of place, (distance in x, place in the weight). places: {vectors of a tile: [(place, where its
    taps' distances begin, kind)]}. shares: into how many parts the output channels are cut, so that there are enough chunks.
    """

    lanes: int
    number: int
    deep: int
    kinds: tuple
    places: dict
    block: Block

    @property
    def units(self):
        """Bundles of images, and groups of channels."""
        return self.batch // self.number * self.groups

    @property
    def share(self):
        """Output channels of a chunk."""
        shares = min(-(-8 // self.units), -(-self.rows // self.block.rows))
        return pieces(self.rows, -(-self.rows // shares), self.block.rows)

    @property
    def chunks(self):
        return self.units * -(-self.rows // self.share)

    @property
    def cost(self):
        """As ``convolution_dense.cost``. Fewer than eight chunks can't be shared evenly among threads, and one not at all."""
        tiles = [(effort(Block(0, n * self.lanes, n * self.lanes, 0), self.lanes), each) for n, each in self.places.items()]
        total = sum(vectors * sum(len(self.kinds[kind]) for _, _, kind in each) for vectors, each in tiles)
        vectors, turns = self.number // self.lanes, -(-self.inner // self.deep)
        total += TURNING * prod(self.size) * vectors / min(self.share, self.rows)
        total += (BEGIN + TURN * turns + TURNING) * prod(self.out) * vectors / self.inner
        return BETTER * max(1, 7 / 8 + 1 / self.chunks) * total / (prod(self.out) * self.number)


def side_by_side(way, conv, target):
    """The "forward" pass, or the gradient of the "input", of images side by side, as it is best computed; None if it can't be."""
    lanes, size, forward = target.lanes(conv.kind), SIZES[conv.kind], way == "forward"
    planes = Planes.of(conv, forward)
    inner, rows, seen, out = planes.inner, planes.rows, prod(planes.size), prod(planes.out)
    if conv.batch % lanes or out * prod(conv.kernel) > MOST or min(seen * inner, out * rows) < lanes:
        return None
    taps = list(taps_of(conv, forward))
    block = Block(rows_of(rows, (target.registers - 2) // 2 - 1), 2 * lanes, 2 * lanes, 0)
    found = []
    for number in [n for n in (lanes, 2 * lanes) if conv.batch % n == 0]:
        deep = pieces(inner, max(1, TURNED // (seen * number * size)))
        while deep > 1 and 0 < inner % deep * seen < lanes:
            deep -= 1
        fits = deep * seen >= lanes and seen * number * size <= TURNED and rows * out * number * size <= STRIP
        if fits and (rows % block.rows or block.rows) * out >= lanes:
            kinds, places = kinds_of(taps, number // lanes)
            found.append(Images(**vars(planes), lanes=lanes, number=number, deep=deep, kinds=kinds, places=places, block=block))
    return min(found, key=lambda images: images.cost, default=None)


def taps_of(conv, forward):
    """For each place of the result the taps that see something: [(place there, place in the weight)]."""
    seen = conv.size if forward else conv.out
    for axis in product(*reached(conv, forward)):
        yield [
            ((i * seen[1] + j) * seen[2] + k, (u * conv.kernel[1] + v) * conv.kernel[2] + w) for (i, u), (j, v), (k, w) in product(*axis)
        ]


def kinds_of(taps, vectors):
    """The kinds of places, and the places by the vectors of their tile: two neighbours of a kind are a tile if one is a vector."""
    kinds, places = {}, {1: [], 2: []}
    begins = [found[0][0] if found else 0 for found in taps]
    kind = [kinds.setdefault(tuple((at - begin, w) for at, w in found), len(kinds)) for found, begin in zip(taps, begins)]
    place = 0
    while place < len(taps):
        pair = place + 1 < len(taps) and kind[place + 1] == kind[place] and begins[place + 1] == begins[place] + 1
        tile = 2 if vectors == 2 or pair else 1
        places[tile].append((place, begins[place], kind[place]))
        place += tile // vectors
    return tuple(kinds), {tile: found for tile, found in places.items() if found}


# ---------------------------------------------------------------------------------------------------------- the kernel


def images_text(name, images, flops, target, preamble, epilogue=None):
    """The kernel ``@name`` of images side by side, as Code. See ``convolution.forward_text``."""
    text, kind, size = Text(), images.kind, SIZES[images.kind]
    v = Vectors(text, kind, images.lanes)
    write_parts(text, v, name, images)
    shares = -(-images.rows // images.share)
    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            unit, part = text.divide(chunk, shares)
            bundle, group = text.divide(unit, images.groups)
            r0 = text.multiply(part, images.share)
            r1 = text.minimum(text.add(r0, images.share), images.rows) if shares > 1 else images.rows
            first = text.multiply(bundle, images.number)
            write_chunk(text, name, images, (first, group, r0, r1))
            if epilogue:
                base = text.multiply(group, images.rows)
                with text.loop("i", 0, images.number) as i:
                    rows = images.out[0] if images.out[0] > 1 else images.out[1]
                    epilogue(text, text.add(first, i), text.add(base, r0), text.add(base, r1), 0, rows)

    chunks = images.chunks
    worth = -(-SMALLEST_CHUNK * chunks // max(1, flops))
    numbers = images.number * (images.deep * prod(images.size) + images.share * prod(images.out))
    return Code(str(text), chunks, max(1, min(worth // 2, chunks // 8)), numbers * size)


def write_parts(text, v, name, images):
    """The tiles and the tables. A place: where its outputs are, where its taps begin in x and in the table, and how many."""
    starts, words = [], []
    for kind in images.kinds:
        starts.append(len(words))
        words += [word for distance, place in kind for word in (distance * images.number, place)]
    write_table(text, f"{name}.taps", words)
    for vectors, places in images.places.items():
        found = [(place * images.number, begin * images.number, starts[kind], len(images.kinds[kind])) for place, begin, kind in places]
        write_table(text, f"{name}.places{vectors}", [word for place in found for word in place])
        for rows in sorted({min(images.block.rows, images.rows), images.rows % images.block.rows} - {0}):
            columns = vectors * v.lanes
            write_tile(text, v, tile_name(name, rows, images.block, columns), images, images.block, rows, apart_of(images), columns)
    write_turn(text, name, images)


def write_turn(text, name, planes):
    """The function ``turn`` of a kernel."""
    with text.function(f"internal fastcc void @{name}.turn(ptr %b, i64 %step, ptr %to, i64 %width, i64 %columns, i64 %k)"):
        write_turned(text, planes.kind, planes.lanes, "%b", "%step", "%to", "%width", "%columns", "%k")


def turn(text, name, source, step, to, width, columns, k):
    """A call of that function; see ``transpose.write_turned``."""
    numbers = f"ptr {source}, i64 {step}, ptr {to}, i64 {width}, i64 {columns}, i64 {k}"
    text.do(f"call fastcc void @{name}.turn({numbers})")


def apart_of(images):
    """From one output channel to the next in the strip."""
    return prod(images.out) * images.number


def write_chunk(text, name, images, where):
    """One chunk: some channels of a bundle of images after the other, each turned and multiplied; then the result, turned back."""
    (first, group, r0, r1), kind, lanes = where, images.kind, images.lanes
    seen, out, tall = prod(images.size), prod(images.out), text.subtract(r1, r0)
    x = text.add(text.multiply(first, images.groups * images.inner), text.multiply(group, images.inner))
    x = text.at("%A", text.multiply(x, seen), kind)
    w = text.at("%B", text.add(text.multiply(group, images.weight[0]), text.multiply(r0, images.weight[1])), kind)
    y = text.add(text.multiply(first, images.groups * images.rows), text.add(text.multiply(group, images.rows), r0))
    y, strip = text.at("%C", text.multiply(y, out), kind), text.at("%scratch", images.number * images.deep * seen, kind)
    size = text.multiply(tall, apart_of(images) * SIZES[kind])
    text.do(f"call void @llvm.memset.p0.i64(ptr {strip}, i8 0, i64 {size}, i1 false)")
    with text.loop("c", 0, images.inner, images.deep) as c:
        channels = text.minimum(images.deep, text.subtract(images.inner, c))
        source, length = text.at(x, text.multiply(c, seen), kind), text.multiply(channels, seen)
        step = images.groups * images.inner * seen
        turn(text, name, source, step, "%scratch", images.number, images.number, length)
        weight = text.at(w, text.multiply(c, images.weight[2]), kind)
        for rows, start, end in parts(text, tall, images.rows, images.block.rows):
            with text.loop("r", start, end, images.block.rows) as r:
                row = text.at(weight, text.multiply(r, images.weight[1]), kind)
                to = text.at(strip, text.multiply(r, apart_of(images)), kind)
                write_places(text, name, images, rows, (row, to, channels))

    numbers, step = text.multiply(tall, out), images.groups * images.rows * out
    whole = text.multiply(text.divide(numbers, lanes)[0], lanes)
    turn(text, name, strip, images.number, y, step, whole, images.number)
    rest = text.subtract(numbers, lanes)  # the last ones once more, so that all of them are whole vectors
    source = text.at(strip, text.multiply(rest, images.number), kind)
    turn(text, name, source, images.number, text.at(y, rest, kind), step, lanes, images.number)


def write_places(text, name, images, rows, operands):
    """The tiles of some rows: place after place."""
    (row, to, channels), plane = operands, prod(images.size) * images.number
    for vectors, places in images.places.items():
        with text.loop("place", 0, len(places)) as place:
            entry = text.at(f"@{name}.places{vectors}", text.multiply(place, 4), "i64")
            at, begin, start, number = [text.load("i64", text.at(entry, i, "i64")) for i in range(4)]
            tile = tile_name(name, rows, images.block, vectors * images.lanes)
            operand, sums = text.at("%scratch", begin, images.kind), text.at(to, at, images.kind)
            taps = text.at(f"@{name}.taps", start, "i64")
            more = f"ptr {taps}, i64 {number}, ptr null, i64 {channels}, i64 {plane}"
            text.do(f"call fastcc void @{tile}(ptr {operand}, ptr {row}, ptr {sums}, {more})")
