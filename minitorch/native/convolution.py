"""Convolutions as LLVM text, for any stride, padding, dilation and groups: forward, and the gradient of the input.

As a rule nothing is unrolled into columns. The input is laid out with its padding, and an output's place is a *flat index* into
that layout, row after row, borders included. Then each tap of the kernel is one fixed distance away, for all outputs:

    x, padded, 6 wide                out, laid out 6 wide
    0 0 0 0 0 0                      a b c d · ·          out[j] = Σ w[tap] x[j + offset[tap]]
    0 x x x x 0                      e f g h · ·
    0 x x x x 0                      …                    offset of tap (r, s) = 6 r + s
    0 …                                                   · is computed too, and dropped

so a vector of outputs needs a vector of inputs that are next to each other, at any tap, and the tile is that of a matrix
product: rows are output channels, columns are places, and the step along k is a channel and a tap.

The places that are dropped cost time. So where the rows of outputs are a whole number of halves or quarters of a vector,
a tile takes only real outputs: a vector of 16 is two runs of 8, from two rows of the layout. And where many places would be
dropped, as in small images, or a stride leaves few next to each other, columns are written after all (convolution_dense.py), images
lie side by side (convolution_images.py), or output channels do (convolution_channels.py): what costs least.

With a stride, the layout holds one smaller image for each remainder (phase) that a tap can have: tap 3 of stride 2 is one
place further in the odd image. So a stride costs only a copy that picks every second number. The gradient of the input
is the same sum with the roles of the channels exchanged and the taps backwards; with a stride, each phase of the result
is a small convolution of its own with the taps that reach it.

torch: ATen/native/mkldnn/Conv.cpp (oneDNN).   Anderson et al. 2017, Low-memory GEMM-based convolution, arXiv:1709.03395
"""

from dataclasses import dataclass, replace
from itertools import product
from math import prod

from .convolution_channels import channels_in_lanes, channels_text
from .convolution_dense import cost, dense, dense_rooms, flat_depth, folded, write_dense, write_dense_tables
from .convolution_depthwise import depthwise_text, is_depthwise
from .convolution_geometry import sliding_backward, sliding_forward
from .convolution_images import images_text, side_by_side
from .convolution_layout import round_up, write_layout, write_table
from .convolution_product import is_product, product_text
from .convolution_tiles import block_of, tile_name, write_out, write_tile
from .gemm import SMALLEST_CHUNK, Code, parts, pieces
from .target import SIZES, Target
from .text import Text
from .vectors import Vectors

__all__ = ["arranged", "flat", "forward_text", "input_gradient_text", "sliding_text", "supports"]


LAYOUT = 1 << 19
"""Bytes that a layout should not exceed: half of a second-level cache."""

LARGEST_LAYOUT = 1 << 26
"""Bytes that it may not exceed: each thread has one."""


def arranged(sliding_of, conv, target):
    """A pass as it is best computed: as columns where that costs less."""
    return min(flat(sliding_of, conv, target), dense(sliding_of, conv, target), key=lambda sliding: cost(sliding, target))


def flat(sliding_of, conv, target):
    """A pass by flat indices: images of few places several at a time, large ones in bands.

    A band is of such a height that a layout fits the cache, and that there is work for several threads.
    """
    whole, size = sliding_of(conv), SIZES[conv.kind]
    if flat_depth(conv):
        places, room = prod(whole.phases[0].count), max(1, LAYOUT // (size * whole.inner * whole.plane))
        enough = [n for n in range(1, room + 1) if conv.batch % n == 0 and n * places >= 2 * target.lanes(conv.kind)]
        if enough and enough[0] > 1:
            return replace(sliding_of(folded(conv, enough[0])), fold=enough[0])
    images = conv.batch * conv.groups
    ways = max(-(-whole.inner * whole.plane * size // LAYOUT), -(-8 // images))
    rows = -(-whole.total // ways)
    worth = -(-images * SMALLEST_CHUNK * whole.total // max(1, conv.flops))
    return sliding_of(conv, min(whole.total, max(4, rows, worth)))


def supports(conv):
    """Whether these kernels can compute a convolution: not if there is nothing to compute, or a plane is very large."""
    if min(conv.batch, conv.channels, conv.outputs, *conv.out, *conv.size) < 1:
        return False
    passes = [arranged(sliding_of, conv, Target.generic()) for sliding_of in (sliding_forward, sliding_backward)]
    layouts = [(each.deep or each.inner) * each.plane for each in passes] + [4 * sliding_forward(conv).plane]
    return max(layouts) * SIZES[conv.kind] <= LARGEST_LAYOUT


# ---------------------------------------------------------------------------------------------------------- the kernel


def forward_text(name, conv, target, preamble, epilogue=None):
    """The kernel ``@name``: C = the convolution of A with the weight B, as Code. Link it at level "vectors".

    ``preamble`` is LLVM text that defines ``%A``, ``%B`` and ``%C`` from ``%p``. ``epilogue(text, image, c0, c1, r0, r1)``,
    if there is one, writes what shall happen to rows r0 to r1 (those of the first dimension of a plane that isn't 1) of
    channels c0 to c1 as soon as they are done.
    """
    return passing("forward", sliding_forward, name, conv, target, preamble, epilogue)


def input_gradient_text(name, conv, target, preamble, epilogue=None):
    """The kernel ``@name``: C = the gradient of the input, from the output's gradient A and the weight B. See above."""
    return passing("input", sliding_backward, name, conv, target, preamble, epilogue)


def passing(way, sliding_of, name, conv, target, preamble, epilogue):
    """The kernel of a pass, in the way that costs least."""
    if is_product(conv) and epilogue is None:
        return product_text(way, name, conv, target, preamble)
    if is_depthwise(conv, target):
        return depthwise_text(way, name, conv, target, preamble, epilogue)
    sliding, images, channels = arranged(sliding_of, conv, target), side_by_side(way, conv, target), channels_in_lanes(way, conv, target)
    ways = [(cost(sliding, target), sliding_text, sliding)]
    ways += [(found.cost, write, found) for found, write in ((images, images_text), (channels, channels_text)) if found is not None]
    _, write, found = min(ways, key=lambda each: each[0])
    return write(name, found, conv.flops, target, preamble, epilogue)


def sliding_text(name, sliding, flops, target, preamble, epilogue=None):
    """The kernel of a sliding product."""
    text, kind = Text(), sliding.kind
    v = Vectors(text, kind, target.lanes(kind))
    blocks = [block_of(sliding, phase, target) for phase in sliding.phases]
    for numbers in sliding.together:
        tall = min(blocks[number].rows for number in numbers)
        blocks = [replace(block, rows=tall) if number in numbers else block for number, block in enumerate(blocks)]
    tallest = max(block.rows for block in blocks)
    units = sliding.batch * sliding.groups * sliding.bands
    shares = min(-(-8 // units), -(-sliding.rows // tallest))
    share = pieces(sliding.rows, -(-sliding.rows // shares), tallest)
    shares = -(-sliding.rows // share)
    rooms = Rooms.of(sliding, blocks, v.lanes, share)
    write_parts(text, v, name, sliding, blocks, rooms)

    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            unit, number = text.divide(chunk, shares)
            plane, band = text.divide(unit, sliding.bands)
            r0 = text.multiply(number, share)
            r1 = text.minimum(text.add(r0, share), sliding.rows) if shares > 1 else sliding.rows
            where = plane, text.multiply(band, sliding.band), r0, r1
            write_chunk(text, name, sliding, blocks, rooms, where)
            if epilogue:
                write_epilogue(text, sliding, epilogue, where)

    chunks = units * shares
    worth = -(-SMALLEST_CHUNK * chunks // max(1, flops))
    return Code(str(text), chunks, max(1, min(worth // 2, chunks // 8)), rooms.total * SIZES[kind])


@dataclass(frozen=True)
class Rooms:
    """Where things are in the scratch, in numbers: the layout, then ``columns``, then ``strips`` of outputs, one or more.

    apart: from one output channel to the next, in a strip or in the result. share: channels that a strip has.
    """

    columns: int
    strip: int
    strips: int
    apart: int
    share: int
    total: int

    @classmethod
    def of(cls, sliding, blocks, lanes, share):
        inner = sliding.deep or sliding.inner
        layout = 0 if sliding.bare else round_up(inner * sliding.plane + lanes, lanes)
        if sliding.deep:
            columns, apart = dense_rooms(sliding, blocks, lanes)
            strip = layout + columns + lanes
            return cls(layout, strip, len(blocks), apart, share, strip + len(blocks) * share * apart + lanes)
        if in_place(sliding, blocks):
            return cls(layout, layout, 1, prod(sliding.out), 0, layout)
        apart, share = round_up(max(block.length for block in blocks) + lanes, lanes), max(block.rows for block in blocks)
        strips = max(map(len, sliding.together))
        return cls(layout, layout, strips, apart, share, layout + strips * share * apart + lanes)

    def strip_of(self, number):
        """Where the strip of a phase begins."""
        return self.strip + number % self.strips * self.share * self.apart


def write_parts(text, v, name, sliding, blocks, rooms):
    """The functions and tables that the kernel needs."""
    if not sliding.bare:
        write_layout(text, v, f"{name}.layout", sliding)
    written = set()
    for block in blocks:
        edges = {min(block.rows, sliding.rows), sliding.rows % block.rows} - {0}
        for rows, columns in product(edges, {block.columns, sliding.deep and block.length % block.columns} - {0}):
            tile = tile_name(name, rows, block, columns)
            if tile not in written:
                write_tile(text, v, tile, sliding, block, rows, rooms.apart, columns)
            written.add(tile)
    for numbers in [] if in_place(sliding, blocks) else sliding.together:
        phases, some = zip(*[(sliding.phases[n], blocks[n]) for n in numbers])
        write_out(text, v, f"{name}.out{numbers[0]}", sliding, phases, some, rooms.share * rooms.apart)
    if sliding.deep:
        return write_dense_tables(text, v, name, sliding, rooms.apart)
    for number, (phase, block) in enumerate(zip(sliding.phases, blocks)):
        write_table(text, f"{name}.taps{number}", [word for tap in phase.taps for word in tap])
        places = product(*map(range, phase.count[:2]), range(0, phase.count[2], block.run or phase.count[2]))
        write_table(text, f"{name}.runs{number}", [sliding.flat(place) for place in places] if block.run else [])


def in_place(sliding, blocks):
    """Whether an output's index, as the tiles count it, is its place in the result."""
    (phase, *more), block = sliding.phases, blocks[0]
    rows = phase.count if block.run else sliding.grid
    whole = rows[1 + sliding.axis :] == sliding.out[1 + sliding.axis :] and (
        sliding.axis == 1 or rows[1] == sliding.out[1]
    )
    flat = not sliding.deep and sliding.fold == 1
    return whole and flat and not more and phase.step == (1, 1, 1) and sliding.total % sliding.band == 0


def write_chunk(text, name, sliding, blocks, rooms, where):
    """One chunk: a band of one image, or group of it, laid out; then block after block of its output channels."""
    plane, begin, r0, r1 = where
    kind = sliding.kind
    first = text.minimum(begin, sliding.total - sliding.band)  # the last band begins early enough to be whole
    skip = text.subtract(begin, first)
    image, group = text.divide(plane, sliding.groups)
    channel = text.multiply(group, sliding.inner * sliding.channel_in)
    x = text.at("%A", text.add(text.multiply(image, sliding.groups * sliding.inner * prod(sliding.size)), channel), kind)
    if sliding.bare and sliding.bands > 1:
        x = text.at(x, text.multiply(first, prod(sliding.size[1 + sliding.axis :])), kind)
    w = text.at("%B", text.add(text.multiply(group, sliding.weight[0]), text.multiply(r0, sliding.weight[1])), kind)
    channel = text.multiply(text.add(text.multiply(group, sliding.rows), r0), sliding.channel_out)
    y = text.at("%C", text.add(text.multiply(image, sliding.groups * sliding.rows * prod(sliding.out)), channel), kind)
    if sliding.deep:
        tall = text.subtract(r1, r0)
        write_dense(text, name, sliding, blocks, (rooms.columns, rooms.strip, rooms.apart), (x, w), (first, tall, rooms.share))
        for numbers in sliding.together:
            write_outs(text, name, sliding, numbers, (rooms, y), (tall, first, skip))
        return
    if not sliding.bare:
        with text.loop("c", 0, sliding.inner) as c:
            source = text.at(x, text.multiply(c, sliding.channel_in), kind)
            to = text.at("%scratch", text.multiply(c, sliding.plane), kind)
            text.do(f"call fastcc void @{name}.layout(ptr {source}, ptr {to}, i64 {first})")
        x = "%scratch"
    elif len(sliding.phases[0].taps) > 1:
        text.fetch(x, sliding.inner * prod(sliding.size) * SIZES[kind])  # so many planes side by side no processor foresees

    for numbers in sliding.together:
        for rows, start, end in parts(text, text.subtract(r1, r0), sliding.rows, blocks[numbers[0]].rows):
            with text.loop("r", start, end, blocks[numbers[0]].rows) as r:
                weight = text.at(w, text.multiply(r, sliding.weight[1]), kind)
                to = text.at(y, text.multiply(r, sliding.channel_out), kind)
                for number in numbers:
                    strip = text.at("%scratch", rooms.strip_of(number), kind)
                    if in_place(sliding, blocks):
                        strip = text.at(to, text.multiply(first, prod(sliding.out[1 + sliding.axis :])), kind)
                    write_tiles(text, name, sliding, (number, blocks[number], rows), (x, weight, strip))
                if not in_place(sliding, blocks):
                    write_outs(text, name, sliding, numbers, (rooms, to), (rows, first, skip))


def write_outs(text, name, sliding, numbers, places, where):
    """Some channels of a strip, or of several, go to where they belong."""
    (rooms, to), (rows, first, skip) = places, where
    with text.loop("i", 0, rows) as i:
        strip = text.at("%scratch", text.add(text.multiply(i, rooms.apart), rooms.strip_of(numbers[0])), sliding.kind)
        row = text.at(to, text.multiply(i, sliding.channel_out), sliding.kind)
        text.do(f"call fastcc void @{name}.out{numbers[0]}(ptr {strip}, ptr {row}, i64 {first}, i64 {skip})")


def write_tiles(text, name, sliding, which, pointers):
    """All tiles of some rows."""
    (number, block, rows), (x, weight, strip) = which, pointers
    taps = f"ptr @{name}.taps{number}, i64 {len(sliding.phases[number].taps)}"
    with text.loop("j", 0, block.length, block.columns) as panel:
        j, runs = text.minimum(panel, block.length - block.columns), f"@{name}.runs{number}"
        place = x if block.run else text.at(x, j, sliding.kind)
        if block.run:
            runs = text.at(runs, text.divide(j, block.run)[0], "i64")
        sums, tile = text.at(strip, j, sliding.kind), tile_name(name, rows, block)
        more = f"ptr {runs}, i64 {sliding.inner}, i64 {sliding.plane}"
        text.do(f"call fastcc void @{tile}(ptr {place}, ptr {weight}, ptr {sums}, {taps}, {more})")


def write_epilogue(text, sliding, epilogue, where):
    """What the caller wants done with a chunk's outputs."""
    plane, begin, r0, r1 = where
    image, group = text.divide(plane, sliding.groups)
    base = text.multiply(group, sliding.rows)
    c0, c1 = text.add(base, r0), text.add(base, r1)
    if sliding.fold > 1:
        with text.loop("i", 0, sliding.fold) as i:
            epilogue(text, text.add(text.multiply(image, sliding.fold), i), c0, c1, 0, sliding.out[1])
    else:
        step, size = sliding.phases[0].step[sliding.axis], sliding.out[sliding.axis]
        begin = text.multiply(begin, step)
        epilogue(text, image, c0, c1, begin, text.minimum(text.add(begin, sliding.band * step), size))
