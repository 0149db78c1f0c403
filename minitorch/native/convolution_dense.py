"""A convolution without places that are dropped: what each tap sees is copied, so that all real outputs are next to each other.

    layout     some channels of some images, with their borders          0 0 0 0 0
                                                                         0 a b c 0
    columns    a row for each channel and tap: what it sees of each      0 d e f 0     tap (1, 2):  b c 0 e f 0 h i 0
               place, image behind image, filled up to whole vectors     0 g h i 0
                                                                         0 0 0 0 0
    strip      the outputs of the same places, to which the tiles add; at the end they are copied to where they belong

The columns are read once for each tile of output channels: with many of these the copy costs little, and small images, of which
the layout's flat indices would waste a third on borders, fill their vectors. Which of both is taken is what costs less.

torch: ATen/native/im2col.h
"""

from dataclasses import replace
from math import inf, prod

from .convolution_layout import write_table
from .convolution_tiles import block_of, effort, tile_name, write_column
from .gemm import parts, pieces
from .target import SIZES
from .text import Text

__all__ = [
    "BEGIN", "STRIP", "TURN", "cost", "dense", "dense_rooms", "flat_depth", "folded", "vectors_of", "write_dense", "write_dense_tables",
]  # fmt: skip

PLACES = 512
"""Places that are taken at once, at most: of several images, or of a band of one."""

COLUMNS = 1 << 18
"""Bytes that the columns should not exceed, beside a tile's weights in the second-level cache."""

STRIP = 1 << 23
"""Bytes that the strips may not exceed."""

COPY, BEGIN, TURN, CHANNEL, FAR, BEYOND, BETTER = 4, 8, 3, 6, 1.25, 2, 1.03
"""What costs how much, counted in vectors that are multiplied and added: to copy a vector; to begin and end a vector of a strip, and
to add to it; to go on to a tile's next channel; how many times more it costs if a cache doesn't hold the layout, or if it is four times
larger than that; how many times less columns must cost to be taken."""


def dense(sliding_of, conv, target):
    """The pass, as columns: of some images, or of a band of one."""
    places, folds = prod(sliding_of(conv).phases[0].count), [1]
    if flat_depth(conv):
        folds = [n for n in range(1, max(1, PLACES // places) + 1) if conv.batch % n == 0]
    ways = [replace(sliding_of(folded(conv, n)), fold=n) for n in folds if n > 1]
    whole = sliding_of(conv)
    ways.append(sliding_of(conv, -(-whole.total // -(-places // PLACES))))
    return min([with_depth(sliding, target) for sliding in ways], key=lambda sliding: cost(sliding, target))


def with_depth(sliding, target):
    """The same with as many channels at once as have room."""
    blocks = [block_of(replace(sliding, deep=1), phase, target) for phase in sliding.phases]
    columns = max(1, max(len(phase.taps) * block.length for phase, block in zip(sliding.phases, blocks)))
    return replace(sliding, deep=pieces(sliding.inner, COLUMNS // (columns * SIZES[sliding.kind])))


def flat_depth(conv):
    """Whether the depth is free: images can be taken for depths."""
    return conv.size[0] == conv.out[0] == conv.kernel[0] == conv.stride[0] == 1 and conv.padding[0] == 0


def folded(conv, fold):
    """The same convolution of images that are ``fold`` depths each."""
    return replace(conv, batch=conv.batch // fold, size=(fold, *conv.size[1:]))


def cost(sliding, target):
    """What a pass costs, about: how many vectors are multiplied and added for each of its outputs and numbers of the weight."""
    lanes, total, copied, begun, size = target.lanes(sliding.kind), 0, 0, 0, SIZES[sliding.kind]
    places = sum(prod(phase.count) for phase in sliding.phases)
    for phase in sliding.phases:
        block, taps = block_of(sliding, phase, target), len(phase.taps)
        vectors = block.length // lanes
        total += taps * effort(block, lanes, sliding.deep > 0) + CHANNEL * -(-block.length // block.columns) / block.rows
        begin = BEGIN if sliding.deep or len(sliding.phases) > 1 else BEGIN // 2
        begun += vectors * (begin + TURN * -(-sliding.inner // (sliding.deep or sliding.inner))) / sliding.inner
        if sliding.deep:
            copied += COPY * taps * vectors_of(phase.count, sliding.grid, lanes)
    if not sliding.bare:
        copied += COPY * len(sliding.parts) * max(sliding.step) * vectors_of(sliding.grid, (0, 0, 0), lanes)
    if not sliding.deep and sliding.inner * sliding.plane * size > 4 * COLUMNS:
        total *= BEYOND if sliding.inner * sliding.plane * size > 16 * COLUMNS else FAR
    if sliding.deep and sliding.rows * places * size > STRIP:
        return inf
    shares = -(-8 // (sliding.batch * sliding.groups * sliding.bands))
    return (total + begun + copied * min(shares, sliding.rows) / sliding.rows) / places * (BETTER if sliding.deep else 1)


def vectors_of(count, grid, lanes):
    """How many vectors are moved to copy so many rows: all at once where nothing lies between them."""
    rows, length = count[0] * count[1], count[2]
    return count[0] * -(-count[1] * length // lanes) if grid[2] == length else rows * -(-length // lanes)


# ------------------------------------------------------------------------------------------------- functions and tables


def dense_rooms(sliding, blocks, lanes):
    """Numbers of scratch: for the columns, and for one output channel in each phase's strip.

    The rows of columns are an odd number of vectors: so a panel's lie in different sets of the nearest cache.
    """
    taps = max(len(phase.taps) for phase in sliding.phases)
    apart = (max(block.length for block in blocks) // lanes | 1) * lanes
    return sliding.deep * taps * apart, apart


def write_dense_tables(text: Text, v, name, sliding, apart):
    """For each phase: the taps' distances in the layout and in the columns, and the function that writes a column."""
    for number, phase in enumerate(sliding.phases):
        write_table(text, f"{name}.far{number}", [distance for distance, _ in phase.taps])
        write_table(text, f"{name}.taps{number}", [word for t, (_, place) in enumerate(phase.taps) for word in (t * apart, place)])
        write_column(text, v, f"{name}.column{number}", sliding, phase)


# ----------------------------------------------------------------------------------------------------------- the chunk


def write_dense(text, name, sliding, blocks, rooms, operands, where):
    """The tiles of one chunk: some channels at a time; the outputs are in the strips then.

    rooms: (where the columns begin in the scratch, where the strips, how long a strip's row is). where: (the band's first row,
    rows of the chunk, output channels that a strip has room for).
    """
    (x, w), (columns, strips, apart), (first, tall, share) = operands, rooms, where
    kind, (columns, strips) = sliding.kind, [text.at("%scratch", place, sliding.kind) for place in (columns, strips)]
    for number in range(len(blocks)):
        size = text.multiply(tall, apart * SIZES[kind])
        text.do(f"call void @llvm.memset.p0.i64(ptr {text.at(strips, number * share * apart, kind)}, i8 0, i64 {size}, i1 false)")
    with text.loop("c", 0, sliding.inner, sliding.deep) as c:
        channels = text.minimum(sliding.deep, text.subtract(sliding.inner, c))
        planes = text.at(x, text.multiply(c, sliding.channel_in), kind)
        if not sliding.bare:
            with text.loop("i", 0, channels) as i:
                source = text.at(planes, text.multiply(i, sliding.channel_in), kind)
                to = text.at("%scratch", text.multiply(i, sliding.plane), kind)
                text.do(f"call fastcc void @{name}.layout(ptr {source}, ptr {to}, i64 {first})")
            planes = "%scratch"
        weight = text.at(w, text.multiply(c, sliding.weight[2]), kind)
        for number, block in enumerate(blocks):
            taps, strip = len(sliding.phases[number].taps), text.at(strips, number * share * apart, kind)
            write_columns(text, name, sliding, number, (planes, columns), channels, apart)
            more = f"ptr @{name}.taps{number}, i64 {taps}, ptr null, i64 {channels}, i64 {taps * apart}"
            for rows, start, end in parts(text, tall, sliding.rows, block.rows):
                with text.loop("r", start, end, block.rows) as r:
                    row = text.at(weight, text.multiply(r, sliding.weight[1]), kind)
                    for count, begin, stop in parts(text, block.length, block.length, block.columns):
                        with text.loop("j", begin, stop, block.columns) as j:
                            to = text.at(strip, text.add(text.multiply(r, apart), j), kind)
                            tile = tile_name(name, rows, block, count)
                            text.do(f"call fastcc void @{tile}(ptr {text.at(columns, j, kind)}, ptr {row}, ptr {to}, {more})")


def write_columns(text, name, sliding, number, places, channels, apart):
    """The columns of some channels: one for each tap of a phase."""
    (planes, columns), taps = places, len(sliding.phases[number].taps)
    with text.loop("i", 0, channels) as i, text.loop("t", 0, taps) as t:
        distance = text.load("i64", text.at(f"@{name}.far{number}", t, "i64"))
        x = text.at(planes, text.add(text.multiply(i, sliding.plane), distance), sliding.kind)
        to = text.at(columns, text.multiply(text.add(text.multiply(i, taps), t), apart), sliding.kind)
        text.do(f"call fastcc void @{name}.column{number}(ptr {x}, ptr {to})")
