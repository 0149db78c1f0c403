"""The gradient of a convolution's weight as a matrix product, for many output channels.

    gradient[o, (c, tap)] = Σ over (image, place) of  dy[o, (image, place)] x[(image, place), (c, tap)]

Of x the product reads what each tap sees, one column for each channel and tap. With few output channels such columns are
copies that cost more than they save (convolution_weight.py does without). With many they are read often enough, and then a
vector goes along the columns: it is full whatever the rows of an image are, and its lanes needn't be added up.

    layout      planes of some channels of some images, with their borders
    columns     32 of (channel, tap): the places of these images, one behind the other
    panel       the same, turned: a row of 32 for each place; from here on it is the product of gemm.py

A chunk is some columns by some output channels, over all images.

torch: ATen/native/ConvolutionMM2d.cpp
"""

from contextlib import nullcontext
from math import prod

from .convolution_exact import write_exact, write_mending
from .convolution_geometry import sliding_forward
from .convolution_layout import write_layout, write_table
from .gemm import (
    NEAREST,
    SMALLEST_CHUNK,
    Code,
    Gemm,
    Tiling,
    depth_of,
    parts,
    pieces,
    rows_of,
    write_copy,
    write_tile,
    write_zeros,
)
from .target import SIZES
from .text import Text
from .vectors import Vectors

__all__ = ["columns_text", "pays_by_columns"]

FEW, MANY, TALL = 32, 128, 512
"""Output channels that use a panel: from so many on it may pay, it pays, and so many at most are a chunk."""

FIRST = 8
"""Channels, at most, of an image that a network begins with."""

WASTE = 1.1
"""How many times more places there are with the borders than without, at most, for vectors along the places."""

SMALL = 4096
"""Places of an image, at most: a thread needs room for a panel's columns of them."""

WRITTEN = 16
"""Rows of an image that are copied without a loop, at most."""


def pays_by_columns(conv, target):
    """Whether the gradient of a convolution's weight is quicker as a product: at once where vectors along rows are ill filled."""
    lanes, area, outputs = target.lanes(conv.kind), prod(conv.kernel), conv.outputs // conv.groups
    if prod(conv.out) > SMALL or conv.channels // conv.groups * area < 2 * lanes:
        return False
    sliding, filled = sliding_forward(conv), conv.out[2] % (lanes // 2) == 0
    few = conv.channels * area < 8 * 2 * lanes  # panels, which several threads can't share evenly
    if outputs < MANY and few and filled and conv.channels < FIRST and conv.kernel[2] > conv.stride[2] > 1:
        return False
    borders = not filled and max(lanes, sliding.length(sliding.phases[0])) > WASTE * prod(conv.out)
    return outputs >= MANY or (outputs >= FEW and (area == 1 or max(conv.stride) > 1 or borders))


class Columns:
    """What the functions of a kernel share.

    places: of an image; area: taps; images: how many are taken at once; length: of a column, all their places.
    wide, outputs: columns and rows of a chunk; channels: that its columns are of, at most.
    """

    def __init__(self, name, conv, target):
        self.name, self.conv, self.kind = name, conv, conv.kind
        self.sliding = sliding = sliding_forward(conv)
        self.places, self.area, lanes = prod(conv.out), prod(conv.kernel), target.lanes(conv.kind)
        most = NEAREST // SIZES[conv.kind] // (2 * lanes)
        self.images = images_of(conv.batch, self.places, most, lanes)
        self.length = self.images * self.places
        rows = rows_of(sliding.rows, (target.registers - 2) // 2 - 1)
        self.tiling = Tiling(lanes, rows, 2 * lanes, depth_of(self.length, most, lanes), 0, 0, "copied")

        number = max(1, min(16 // sliding.groups, conv.flops // (sliding.groups * SMALLEST_CHUNK)))
        columns = sliding.inner * self.area
        self.wide = pieces(columns, -(-columns // number), 2 * lanes)
        self.channels = min(sliding.inner, (self.wide - 2) // self.area + 2)
        shares = -(-number // -(-columns // self.wide))
        self.outputs = pieces(sliding.rows, min(TALL, max(MANY, -(-sliding.rows // shares))), rows)

        a, b, c = (0, self.places, 1), (0, 1, self.length), (0, sliding.weight[1], 1)
        runs = (self.places, sliding.groups * sliding.rows * self.places) if self.images > 1 else None
        self.product = Gemm(sliding.rows, columns, self.length, a, b, c, 1, conv.kind, accumulate=True, runs=runs)

    @property
    def rooms(self):
        """Numbers of scratch: for the panel, the columns and the layout."""
        cut, more = self.tiling, self.tiling.lanes
        layout = 0 if self.sliding.bare else self.images * self.channels * self.sliding.plane + more
        return cut.depth * cut.columns, self.length * cut.columns + more, layout


def images_of(batch, places, most, lanes):
    """How many images are taken at once: ``most`` places together, if they are small. The last ones fill a vector too.

    >>> images_of(32, 16, 256, 16), images_of(65, 4, 256, 16), images_of(3, 300, 256, 16)
    (16, 61, 1)
    """
    images = max(1, min(batch, most // places))
    while (batch % images or images) * places < min(lanes, images * places):
        images -= 1
    return images


def columns_text(name, conv, target, preamble):
    """The kernel ``@name``: see ``convolution_weight.weight_gradient_text``."""
    text, own = Text(), Columns(name, conv, target)
    sliding, v = own.sliding, Vectors(text, conv.kind, own.tiling.lanes)
    write_functions(text, v, own)
    bands, shares = -(-own.product.n // own.wide), -(-sliding.rows // own.outputs)
    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            unit, share = text.divide(chunk, shares)
            group, band = text.divide(unit, bands)
            j0, o0 = text.multiply(band, own.wide), text.multiply(share, own.outputs)
            j1 = text.minimum(text.add(j0, own.wide), own.product.n) if bands > 1 else own.product.n
            o1 = text.minimum(text.add(o0, own.outputs), sliding.rows) if shares > 1 else sliding.rows
            write_chunk(text, own, (group, j0, j1, o0, o1))
            write_mending(text, v, name, conv, (group, j0, j1, o0, o1))

    chunks = sliding.groups * bands * shares
    worth = -(-SMALLEST_CHUNK * chunks // max(1, conv.flops))
    return Code(str(text), chunks, max(1, min(worth // 2, chunks // 8)), sum(own.rooms) * SIZES[conv.kind])


# ------------------------------------------------------------------------------------------------------- its functions


def write_functions(text, v, own):
    """The functions and the table that the kernel needs."""
    product, tiling = own.product, own.tiling
    if not own.sliding.bare:
        write_layout(text, v, f"{own.name}.layout", own.sliding)
    write_table(text, f"{own.name}.taps", [offset for offset, _ in own.sliding.phases[0].taps])
    write_column(text, own)
    write_exact(text, own.name, own.conv)
    for count in sorted({min(product.n, tiling.columns), product.n % tiling.columns} - {0}):
        write_copy(text, f"{own.name}.copy{count}", product, tiling, count)
        for rows in sorted({min(product.m, tiling.rows), product.m % tiling.rows} - {0}):
            write_tile(text, f"{own.name}.{rows}x{count}", product, tiling, rows, count)


def write_column(text, own):
    """The function ``column``: what a tap sees of a plane, without what lies between the rows."""
    sliding, out, grid = own.sliding, own.sliding.out, own.sliding.grid
    length, rows = out[2], out[0] * out[1]
    if grid[2] == out[2] and (out[0] == 1 or grid[1] == out[1]):
        length, rows = length * rows, 1
    with text.function(f"internal fastcc void @{own.name}.column(ptr %x, ptr %to)", "noinline nounwind"):
        with text.loop("row", 0, rows) if rows > WRITTEN else nullcontext() as loop:
            for row in range(rows) if loop is None else [loop]:
                depth, line = text.divide(row, out[1])
                start = text.multiply(text.add(text.multiply(depth, grid[1]), line), grid[2])
                x, to = text.at("%x", start, sliding.kind), text.at("%to", text.multiply(row, length), sliding.kind)
                write_run(text, sliding.kind, own.tiling.lanes, length, x, to)


def write_run(text, kind, lanes, length, source, to):
    """Copy ``length`` numbers, by vectors and, of what is left, by halves, quarters and so on."""

    def write(start, lanes):
        vector = f"<{lanes} x {kind}>"
        value = text.load(vector, text.at(source, start, kind), SIZES[kind])
        text.store(vector, value, text.at(to, start, kind), SIZES[kind])

    whole = length // lanes * lanes
    with text.loop("j", 0, whole, lanes) as j:
        write(j, lanes)
    while whole < length:
        lanes //= 2
        if whole + lanes <= length:
            write(whole, lanes)
            whole += lanes


# ----------------------------------------------------------------------------------------------------------- the chunk


def write_chunk(text, own, where):
    """One chunk: some images at a time."""
    sliding, kind, (group, j0, j1, o0, o1) = own.sliding, own.kind, where
    to = text.add(text.multiply(group, sliding.weight[0]), text.multiply(o0, sliding.weight[1]))
    to = text.at("%C", text.add(to, j0), kind)
    tall, wide = text.subtract(o1, o0), text.subtract(j1, j0)
    write_zeros(text, own.product, to, tall, wide)
    c0, tap = text.divide(j0, own.area)
    channels = text.add(text.divide(text.add(text.add(tap, wide), -1), own.area)[0], 1)
    panel, columns, _ = own.rooms
    with text.loop("image", 0, sliding.batch, own.images) as image:
        images = text.minimum(own.images, text.subtract(sliding.batch, image))
        index = text.add(text.multiply(image, sliding.groups), group)
        x = text.add(text.multiply(index, sliding.inner), c0)
        x = text.at("%A", text.multiply(x, prod(sliding.size)), kind)
        dy = text.add(text.multiply(index, sliding.rows), o0)
        dy = text.at("%B", text.multiply(dy, own.places), kind)
        if not sliding.bare:
            x = write_planes(text, own, (x, text.at("%scratch", panel + columns, kind)), images, channels)
        write_panels(text, own, (x, dy, text.at("%scratch", panel, kind), to), images, (tall, wide, tap))


def write_planes(text, own, places, images, channels):
    """Lay out some channels of some images: where they are then."""
    (x, to), sliding, kind = places, own.sliding, own.kind
    with text.loop("i", 0, images) as i, text.loop("c", 0, channels) as c:
        source = text.multiply(text.add(text.multiply(i, sliding.groups * sliding.inner), c), prod(sliding.size))
        place = text.multiply(text.add(text.multiply(i, own.channels), c), sliding.plane)
        text.do(f"call fastcc void @{own.name}.layout(ptr {text.at(x, source, kind)}, ptr {text.at(to, place, kind)}, i64 0)")
    return to


def write_panels(text, own, operands, images, extent):
    """Panel after panel, tile after tile. The chunk's first column is tap number ``tap`` of its first channel."""
    (x, dy, columns, to), (tall, wide, tap) = operands, extent
    product, tiling, kind = own.product, own.tiling, own.kind
    length = text.multiply(images, own.places)
    for count, start, end in parts(text, wide, product.n, tiling.columns):
        with text.loop("j", start, end, tiling.columns) as j:
            write_columns(text, own, (x, columns), images, text.add(j, tap), count)
            with text.loop("k", 0, length, tiling.depth) as k:
                depth = text.minimum(text.subtract(length, k), tiling.depth)
                text.do(f"call fastcc void @{own.name}.copy{count}(ptr {text.at(columns, k, kind)}, ptr %scratch, i64 {depth})")
                for rows, first, last in parts(text, tall, product.m, tiling.rows):
                    with text.loop("i", first, last, tiling.rows) as i:
                        row = text.at(dy, text.add(text.multiply(i, product.a[1]), k), kind)
                        corner = text.at(to, text.add(text.multiply(i, product.c[1]), j), kind)
                        text.do(f"call fastcc void @{own.name}.{rows}x{count}(ptr {row}, ptr %scratch, ptr {corner}, i64 {depth})")


def write_columns(text, own, places, images, first, count):
    """``count`` columns, from that number on."""
    (x, to), sliding, kind = places, own.sliding, own.kind
    plane, image = sliding.plane, own.channels * sliding.plane
    if sliding.bare:
        image = sliding.groups * sliding.inner * plane
    with text.loop("s", 0, count) as s:
        channel, tap = text.divide(text.add(first, s), own.area)
        offset = text.load("i64", text.at(f"@{own.name}.taps", tap, "i64"))
        with text.loop("i", 0, images) as i:
            source = text.add(text.add(text.multiply(i, image), text.multiply(channel, plane)), offset)
            place = text.add(text.multiply(s, own.length), text.multiply(i, own.places))
            text.do(f"call fastcc void @{own.name}.column(ptr {text.at(x, source, kind)}, ptr {text.at(to, place, kind)})")
