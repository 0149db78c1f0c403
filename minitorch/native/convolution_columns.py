"""The gradient of a convolution's weight as a matrix product, for many output channels.

    gradient[o, (c, tap)] = Σ over (image, place) of  dy[o, (image, place)] x[(image, place), (c, tap)]

Of x the product reads what each tap sees, one column for each channel and tap. With few output channels such columns are
copies that cost more than they save (convolution_weight.py does without). With many they are read often enough, and then a
vector goes along the columns: it is full whatever the rows of an image are, and its lanes needn't be added up.

    layout      planes of some channels of some images, with their borders
    columns     32 of (channel, tap): the places of these images, one behind the other
    panel       the same, turned: a row of 32 for each place; from here on it is the product of gemm.py

Where the rows of a kernel are long, as of the 16 x 16 patches of a vision transformer, a panel is made without columns: what a
place sees of a row of its image is next to each other already, whatever the stride.

A chunk is some columns by some output channels, over all images.

torch: ATen/native/ConvolutionMM2d.cpp
"""

from contextlib import nullcontext
from dataclasses import replace
from math import prod

from .convolution_exact import write_exact, write_mending
from .convolution_geometry import sliding_forward
from .convolution_layout import round_up, write_layout, write_table
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

__all__ = ["columns_cost", "columns_text", "pays_by_columns"]

FEW, MANY, TALL = 32, 128, 512
"""Output channels that use a panel: from so many on it may pay, it pays, and so many at most are a chunk."""

FIRST = 8
"""Channels, at most, of an image that a network begins with."""

COPIED, MEASURED = 12, 1.05
"""What a number of a panel costs, counted in what it costs to multiply and add it; and that itself."""

WASTE = 1.1
"""How many times more places there are with the borders than without, at most, for vectors along the places."""

SMALL = 4096
"""Places of an image, at most: a thread needs room for a panel's columns of them."""

WRITTEN = 16
"""Rows of an image that are copied without a loop, at most."""

LONG = 8
"""Taps of a row from which panels are made of such rows; half as many with a stride, which columns must be picked out by first."""


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


def columns_cost(conv, target):
    """What they cost, about: how many vectors are multiplied and added for each output's and channel's number of an image's place."""
    lanes, area, inner = target.lanes(conv.kind), prod(conv.kernel), conv.channels // conv.groups
    vectors = round_up(inner * area, 2 * lanes) // lanes
    return vectors / inner * (MEASURED + (COPIED if area > 1 else COPIED / 2) * conv.groups / conv.outputs)


def pays_directly(conv, target):
    """Whether panels are written without columns: each place's row of a panel is made of the rows of its window. Needs masks."""
    enough = LONG if conv.stride[2] == 1 else LONG // 2
    return target.width >= 32 and conv.dilation[2] == 1 and conv.kernel[2] >= enough


class Columns:
    """What the functions of a kernel share.

    direct: whether there are no columns, and planes lie as they are but for their borders.
    places: of an image; area: taps; images: how many are taken at once; length: of a column, all their places.
    wide, outputs: columns and rows of a chunk; channels: that its columns are of, at most.
    """

    def __init__(self, name, conv, target):
        self.name, self.conv, self.kind, self.direct = name, conv, conv.kind, pays_directly(conv, target)
        self.sliding = sliding = sliding_forward(replace(conv, stride=(1, 1, 1)) if self.direct else conv)
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
        if self.direct:
            return self.length * cut.columns, 0, layout
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
    if own.direct:
        write_runs(text, v, own)
    else:
        write_table(text, f"{own.name}.taps", [offset for offset, _ in own.sliding.phases[0].taps])
        write_column(text, own)
    write_exact(text, own.name, own.conv)
    for count in sorted({min(product.n, tiling.columns), product.n % tiling.columns} - {0}):
        if not own.direct:
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


def write_runs(text, v, own):
    """The function ``run``: at each place the first ``%count`` numbers from there on go to the place's row of a panel.

    The tables: where a panel's runs begin in the list of them all; of each its distance in the planes, its column, its length.
    """
    sliding, stride, out, found, starts = own.sliding, own.conv.stride, own.conv.out, [], []
    taps, length = [offset for offset, _ in sliding.phases[0].taps], own.conv.kernel[2]
    for first in range(0, own.product.n, own.tiling.columns):
        starts.append(len(found) // 3)
        j, end = first, min(first + own.tiling.columns, own.product.n)
        while j < end:
            channel, tap = divmod(j, own.area)
            count = min(length - tap % length, end - j, v.lanes)
            found += [channel * sliding.plane + taps[tap], j - first, count]
            j += count
    write_table(text, f"{own.name}.runs", found)
    write_table(text, f"{own.name}.starts", [*starts, len(found) // 3])
    with text.function(f"internal fastcc void @{own.name}.run(ptr %x, ptr %to, i64 %count)", "noinline nounwind"):
        mask = v.below("%count")
        with text.loop("depth", 0, out[0]) as depth, text.loop("row", 0, out[1]) as row:
            line = text.add(text.multiply(depth, stride[0] * sliding.grid[1]), text.multiply(row, stride[1]))
            x = text.at("%x", text.multiply(line, sliding.grid[2]), v.kind)
            place = text.multiply(text.add(text.multiply(depth, out[1]), row), out[2] * own.tiling.columns)
            to = text.at("%to", place, v.kind)
            with text.loop("j", 0, out[2]) as j:
                value = v.load_where(text.at(x, text.multiply(j, stride[2]), v.kind), mask)
                v.store_where(value, text.at(to, text.multiply(j, own.tiling.columns), v.kind), mask)


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
        first = j0 if own.direct else tap
        x = text.at(x, text.multiply(c0, -sliding.plane), kind) if own.direct else x  # where the first of all channels would be
        write_panels(text, own, (x, dy, text.at("%scratch", panel, kind), to), images, (tall, wide, first))


def write_planes(text, own, places, images, channels):
    """Lay out some channels of some images: where they are then."""
    (x, to), sliding, kind = places, own.sliding, own.kind
    with text.loop("i", 0, images) as i, text.loop("c", 0, channels) as c:
        source = text.multiply(text.add(text.multiply(i, sliding.groups * sliding.inner), c), prod(sliding.size))
        place = text.multiply(text.add(text.multiply(i, own.channels), c), sliding.plane)
        text.do(f"call fastcc void @{own.name}.layout(ptr {text.at(x, source, kind)}, ptr {text.at(to, place, kind)}, i64 0)")
    return to


def write_panels(text, own, operands, images, extent):
    """Panel after panel, tile after tile. ``x`` begins ``begin`` columns before the chunk's first."""
    (x, dy, columns, to), (tall, wide, begin) = operands, extent
    product, tiling, kind = own.product, own.tiling, own.kind
    length = text.multiply(images, own.places)
    for count, start, end in parts(text, wide, product.n, tiling.columns):
        with text.loop("j", start, end, tiling.columns) as j:
            (write_rows if own.direct else write_columns)(text, own, (x, columns), images, text.add(j, begin), count)
            with text.loop("k", 0, length, tiling.depth) as k:
                depth, panel = text.minimum(text.subtract(length, k), tiling.depth), "%scratch"
                if own.direct:
                    panel = text.at(panel, text.multiply(k, tiling.columns), kind)
                else:
                    text.do(f"call fastcc void @{own.name}.copy{count}(ptr {text.at(columns, k, kind)}, ptr %scratch, i64 {depth})")
                for rows, first, last in parts(text, tall, product.m, tiling.rows):
                    with text.loop("i", first, last, tiling.rows) as i:
                        row = text.at(dy, text.add(text.multiply(i, product.a[1]), k), kind)
                        corner = text.at(to, text.add(text.multiply(i, product.c[1]), j), kind)
                        text.do(f"call fastcc void @{own.name}.{rows}x{count}(ptr {row}, ptr {panel}, ptr {corner}, i64 {depth})")


def write_rows(text, own, places, images, first, count):
    """The whole panel whose first column has that number, run by run."""
    (x, _), sliding, kind, width = places, own.sliding, own.kind, own.tiling.columns
    image = own.channels * sliding.plane if not sliding.bare else sliding.groups * sliding.inner * sliding.plane
    panel = text.at(f"@{own.name}.starts", text.divide(first, width)[0], "i64")
    with text.loop("s", text.load("i64", panel), text.load("i64", text.at(panel, 1, "i64"))) as s:
        run = text.at(f"@{own.name}.runs", text.multiply(s, 3), "i64")
        distance, column, length = [text.load("i64", text.at(run, i, "i64")) for i in range(3)]
        with text.loop("i", 0, images) as i:
            source = text.at(x, text.add(text.multiply(i, image), distance), kind)
            to = text.at("%scratch", text.add(text.multiply(i, own.places * width), column), kind)
            text.do(f"call fastcc void @{own.name}.run(ptr {source}, ptr {to}, i64 {length})")


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
