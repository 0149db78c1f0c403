"""The gradient of a convolution's weight as LLVM text, by the same layout as the forward pass (see convolution.py).

    gradient[o, c, tap] = Σ over images and places of  dy[o, place] x[c, place + offset[tap]]

Along the places both are next to each other in memory, so the sums are vectors of partial sums, added up at the end: a
tile is a few output channels by a few taps, 3 x 9 for a kernel of 3 x 3 and AVX-512. For each channel the image is laid
out once and stays in the first-level cache, while the gradients of all output channels stream by.

Small images are taken several at a time, or adding up the vectors would cost more than filling them.

A chunk is some channels by some output channels, over all images: no two chunks add to the same number, and the order of
the sums doesn't depend on the threads.

Where there are many output channels a product of matrices is quicker (convolution_columns.py), and in small images, or with a stride,
to have them as lanes (convolution_outputs.py): what costs least.

Where rows are no multiple of half a vector (in small images a quarter), dy is copied into the layout's rows first, with
zeros for the border. What an infinite or NaN x makes of those is mended afterwards (convolution_exact.py).

torch: ATen/native/mkldnn/Conv.cpp (oneDNN)
"""

from dataclasses import dataclass
from itertools import product
from math import gcd, prod

from .convolution_columns import columns_cost, columns_text, pays_by_columns
from .convolution_dense import vectors_of
from .convolution_exact import write_exact, write_mending
from .convolution_geometry import Sliding, sliding_forward
from .convolution_layout import round_up, write_layout, write_row, write_table
from .convolution_outputs import outputs_in_lanes, outputs_text
from .convolution_product import is_product, product_text
from .gemm import SMALLEST_CHUNK, Code, parts, pieces
from .target import SIZES
from .text import Text
from .vectors import Vectors

__all__ = ["places_cost", "places_text", "weight_gradient_text"]


@dataclass(frozen=True)
class Cut:
    """How the sum is cut: tiles of ``rows`` outputs by ``group`` taps; chunks of ``channels`` by ``outputs``.

    A tile sums over ``images`` images. Kernels of very few taps take those of ``bundle`` channels together.
    Places are counted up to ``length``, in runs of ``run`` that are next to each other in x's layout; 0: in dy's too.
    far: x and dy are larger than any near cache.
    """

    rows: int
    group: int
    channels: int
    outputs: int
    length: int
    run: int
    images: int
    bundle: int
    far: bool


LARGEST_SCRATCH = 1 << 19
ENOUGH = 128
"""Vectors along the places: then adding them up takes less than a tenth of the time."""


def cut_of(conv, sliding, target):
    """The cut of a weight's gradient, for a machine."""
    lanes, registers, area = target.lanes(conv.kind), target.registers, prod(conv.kernel)
    bundle = max(number for number in range(1, 1 + max(1, 9 // area)) if sliding.inner % number == 0)

    def loads_per_sum(group):
        rows = max(1, min((registers - 2) // (group + 1), sliding.rows))
        return (group + rows) / (group * rows)

    sizes = {area * bundle, conv.kernel[1] * conv.kernel[2], conv.kernel[2]}
    sizes = {size for size in sizes if size < registers // 2} or {pieces(conv.kernel[2], 8)}
    group = min(sorted(sizes), key=loads_per_sum)
    rows = pieces(sliding.rows, max(1, (registers - 2) // (group + 1)))

    run, flat = gcd(conv.out[2], lanes), sliding.length(sliding.phases[0])
    if 2 * run < lanes and (4 * run < lanes or flat < 1.3 * prod(conv.out)):
        run = 0
    length = prod(conv.out) if run else flat
    channels, outputs = chunk_of(conv, sliding, rows, bundle, run)
    room = (0 if sliding.bare else bundle * sliding.plane) + (0 if run else outputs * prod(sliding.grid))
    images = min(
        sliding.batch, -(-ENOUGH * lanes // length), max(1, LARGEST_SCRATCH // max(1, room * SIZES[conv.kind]))
    )
    return Cut(rows, group, channels, outputs, length, run, images, bundle, bytes_of(conv) > LARGE)


COPY, SUM, MEASURED = 4, 6, 1.2
"""What it costs to copy a vector, and to add up one of sums, counted in vectors that are multiplied and added; and these themselves."""

LARGE, FAR = 1 << 23, 3
"""Bytes of x and dy that no near cache holds, and what it then costs to read a number: as much as to copy so many."""

OVERHEAD = 0.15
"""What copying may add to the work, or there are fewer chunks; but not fewer than four, or than two where all comes from afar."""


def bytes_of(conv):
    """How large x and dy are."""
    return conv.batch * (conv.channels * prod(conv.size) + conv.outputs * prod(conv.out)) * SIZES[conv.kind]


def chunk_of(conv, sliding, rows, bundle, run):
    """(channels, outputs) of a chunk: about 16 chunks, if that is worth it, that copy as little as they can."""
    x_cost = 0.2 if sliding.bare else sliding.plane / prod(conv.out) * (2 if max(sliding.step) > 1 else 1)
    dy_cost, least = 0.2 if run else 1, 8
    if bytes_of(conv) > LARGE:
        x_cost, dy_cost, least = x_cost + FAR, dy_cost + FAR, 4

    def cost(bands, shares):
        return x_cost * shares / sliding.rows + dy_cost * bands / sliding.inner

    number = max(1, min(16 // sliding.groups, conv.flops // (sliding.groups * SMALLEST_CHUNK)))
    while True:
        cuts = [cut_into(ways, -(-number // ways), sliding, rows, bundle) for ways in range(1, min(number, sliding.inner) + 1)]
        (bands, shares), chunk = min(cuts, key=lambda cut: (prod(cut[0]) < number, cost(*cut[0])))
        if number < 2 or number * sliding.groups < least or cost(bands, shares) * COPY <= OVERHEAD * sliding.weight[2]:
            return chunk
        number //= 2


def cut_into(bands, shares, sliding, rows, bundle):
    """((bands of channels, shares of outputs), (channels, outputs) of a chunk): about so many, of whole bundles and tiles."""
    channels = round_up(-(-sliding.inner // bands), bundle)
    outputs = min(sliding.rows, round_up(-(-sliding.rows // shares), rows))
    return (-(-sliding.inner // channels), -(-sliding.rows // outputs)), (channels, outputs)


@dataclass(frozen=True)
class Layout:
    """Where things lie: x's channels and dy's, from one to the next and from image to image; and where each tap is."""

    name: str
    sliding: Sliding
    cut: Cut
    lanes: int

    @property
    def plane(self):
        """From one channel of x to the next."""
        return self.sliding.plane if self.sliding.bare else round_up(self.sliding.plane + self.lanes, self.lanes)

    @property
    def apart(self):
        """From one output channel's gradient to the next."""
        if self.cut.run:
            return prod(self.sliding.out)
        return round_up(self.sliding.out[0] * self.rows_of_dy * self.sliding.grid[2] + self.lanes, self.lanes)

    @property
    def rows_of_dy(self):
        """How many rows there are for each depth where dy is spread: those of the grid, if another depth follows."""
        return self.sliding.grid[1] if self.sliding.out[0] > 1 else self.sliding.out[1]

    @property
    def next_x(self):
        """From one image to the next."""
        return self.plane * (self.sliding.groups * self.sliding.inner if self.sliding.bare else self.cut.bundle)

    @property
    def next_dy(self):
        """From one image's gradient to the next."""
        return self.apart * (self.sliding.groups * self.sliding.rows if self.cut.run else self.cut.outputs)

    @property
    def scratch(self):
        """How many numbers of scratch the images take, and how many of them x does."""
        x = 0 if self.sliding.bare else self.cut.images * self.next_x
        return x + (0 if self.cut.run else self.cut.images * self.next_dy) + self.lanes, x

    def groups(self):
        """The groups of taps: (number of the first, its distance, the distances of all from it)."""
        taps = [i * self.plane + offset for i in range(self.cut.bundle) for offset, _ in self.sliding.phases[0].taps]
        for first in range(0, len(taps), self.cut.group):
            group = taps[first : first + self.cut.group]
            yield first, group[0], tuple(tap - group[0] for tap in group)

    def tile(self, rows, taps):
        """The name of a tile's function. Groups of taps that lie alike share it."""
        alike = list(dict.fromkeys(taps for _, _, taps in self.groups()))
        return f"{self.name}.{rows}x{len(taps)}.{alike.index(taps)}"


# ---------------------------------------------------------------------------------------------------------- the kernel


def weight_gradient_text(name, conv, target, preamble):
    """The kernel ``@name``: C = the gradient of the weight, from the input A and the output's gradient B, as Code.

    Link it at level "vectors". ``preamble`` is LLVM text that defines ``%A``, ``%B`` and ``%C`` from ``%p``.
    """
    if is_product(conv):
        return product_text("weight", name, conv, target, preamble)
    columns, outputs = pays_by_columns(conv, target), outputs_in_lanes(conv, target)
    if outputs is not None and outputs.cost < (columns_cost if columns else places_cost)(conv, target):
        return outputs_text(name, outputs, conv.flops, preamble)
    return (columns_text if columns else places_text)(name, conv, target, preamble)


def places_cost(conv, target):
    """What it costs with vectors along the places, about: see ``columns_cost``."""
    sliding, lanes, places = sliding_forward(conv), target.lanes(conv.kind), prod(conv.out)
    cut = cut_of(conv, sliding, target)
    total = prod(conv.kernel) * (MEASURED * -(-cut.length // lanes) + SUM / cut.images)
    if not sliding.bare:
        copied = len(sliding.parts) * vectors_of(sliding.grid, (0, 0, 0), lanes)
        total += COPY * max(conv.stride) * copied * -(-sliding.rows // cut.outputs) / sliding.rows
    return total / places


def places_text(name, conv, target, preamble):
    """The same with vectors along the places of an image."""
    text, sliding = Text(), sliding_forward(conv)
    v = Vectors(text, conv.kind, target.lanes(conv.kind))
    cut = cut_of(conv, sliding, target)
    layout = Layout(name, sliding, cut, v.lanes)
    write_functions(text, v, layout)
    write_exact(text, name, conv)

    bands, shares = -(-sliding.inner // cut.channels), -(-sliding.rows // cut.outputs)
    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            unit, share = text.divide(chunk, shares)
            group, band = text.divide(unit, bands)
            c0, o0 = text.multiply(band, cut.channels), text.multiply(share, cut.outputs)
            c1 = text.minimum(text.add(c0, cut.channels), sliding.inner) if bands > 1 else sliding.inner
            o1 = text.minimum(text.add(o0, cut.outputs), sliding.rows) if shares > 1 else sliding.rows
            write_chunk(text, layout, (group, c0, c1, o0, o1))
            taps = prod(conv.kernel)
            write_mending(text, v, name, conv, (group, text.multiply(c0, taps), text.multiply(c1, taps), o0, o1))

    chunks = sliding.groups * bands * shares
    worth = -(-SMALLEST_CHUNK * chunks // max(1, conv.flops))
    return Code(str(text), chunks, max(1, min(worth // 2, chunks // 8)), layout.scratch[0] * SIZES[conv.kind])


def write_chunk(text, layout, where):
    """One chunk: some images at a time, each of its channels with all of its outputs' gradients."""
    sliding, cut, (group, c0, c1, o0, o1) = layout.sliding, layout.cut, where
    kind, area, size = sliding.kind, sliding.weight[2], prod(sliding.size)
    to = text.at("%C", text.add(text.multiply(group, sliding.weight[0]), text.multiply(o0, sliding.weight[1])), kind)
    with text.loop("o", 0, text.subtract(o1, o0)) as o:
        row = text.at(to, text.add(text.multiply(o, sliding.weight[1]), text.multiply(c0, area)), kind)
        length = text.multiply(text.multiply(text.subtract(c1, c0), area), SIZES[kind])
        text.do(f"call void @llvm.memset.p0.i64(ptr {row}, i8 0, i64 {length}, i1 false)")

    with text.loop("image", 0, sliding.batch, cut.images) as image:
        images = text.minimum(cut.images, text.subtract(sliding.batch, image))
        index = text.add(text.multiply(image, sliding.groups), group)
        x = text.at("%A", text.multiply(text.multiply(index, sliding.inner), size), kind)
        channel = text.add(text.multiply(index, sliding.rows), o0)
        dy = text.at("%B", text.multiply(channel, prod(sliding.out)), kind)
        if not cut.run:
            dy = write_spreading(text, layout, dy, images, text.subtract(o1, o0))
        with text.loop("c", c0, c1, cut.bundle) as c:
            planes = text.at(x, text.multiply(c, size), kind)
            if cut.far and not sliding.bare:
                with text.loop("i", 0, images) as i:  # the next ones come nearer while the tiles work on these
                    following = text.multiply(text.add(text.multiply(i, sliding.groups * sliding.inner), cut.bundle), size)
                    text.fetch(text.at(planes, following, kind), cut.bundle * size * SIZES[kind])
            if not sliding.bare:
                planes = write_laying_out(text, layout, planes, images)
            write_tiles(text, layout, (planes, dy, text.at(to, text.multiply(c, area), kind), images), (o0, o1))


def write_spreading(text, layout, dy, images, outputs):
    """Copy the gradients of some images into rows of x's layout: where they are then."""
    sliding, kind = layout.sliding, layout.sliding.kind
    spread = text.at("%scratch", layout.scratch[1], kind)
    with text.loop("i", 0, images) as i, text.loop("o", 0, outputs) as o:
        source = text.multiply(text.add(text.multiply(i, sliding.groups * sliding.rows), o), prod(sliding.out))
        place = text.add(text.multiply(i, layout.next_dy), text.multiply(o, layout.apart))
        pointers = f"ptr {text.at(dy, source, kind)}, ptr {text.at(spread, place, kind)}"
        text.do(f"call fastcc void @{layout.name}.spread({pointers})")
    return spread


def write_laying_out(text, layout, planes, images):
    """Lay out a bundle of channels of some images: where they are then."""
    sliding, kind = layout.sliding, layout.sliding.kind
    with text.loop("i", 0, images) as i, text.loop("b", 0, layout.cut.bundle) as b:
        source = text.multiply(text.add(text.multiply(i, sliding.groups * sliding.inner), b), prod(sliding.size))
        place = text.add(text.multiply(i, layout.next_x), text.multiply(b, layout.plane))
        pointers = f"ptr {text.at(planes, source, kind)}, ptr {text.at('%scratch', place, kind)}"
        text.do(f"call fastcc void @{layout.name}.layout({pointers}, i64 0)")
    return "%scratch"


def write_tiles(text, layout, operands, outputs):
    """All tiles of one bundle of channels."""
    sliding, cut, (x, dy, to, images) = layout.sliding, layout.cut, operands
    kind = sliding.kind
    for rows, start, end in parts(text, text.subtract(outputs[1], outputs[0]), sliding.rows, cut.rows):
        with text.loop("o", start, end, cut.rows) as o:
            d, row = (
                text.at(dy, text.multiply(o, layout.apart), kind),
                text.at(to, text.multiply(o, sliding.weight[1]), kind),
            )
            for first, distance, taps in layout.groups():
                pointers = f"ptr {d}, ptr {text.at(x, distance, kind)}, ptr {text.at(row, first, kind)}"
                text.do(f"call fastcc void @{layout.tile(rows, taps)}({pointers}, i64 {images})")


# ------------------------------------------------------------------------------------------------------ its functions


def write_functions(text, v, layout):
    """The functions and the table that the kernel needs."""
    name, sliding, cut = layout.name, layout.sliding, layout.cut
    if not sliding.bare:
        write_layout(text, v, f"{name}.layout", sliding)
    if cut.run:
        out = sliding.out
        runs = [sliding.flat(place) for place in product(range(out[0]), range(out[1]), range(0, out[2], cut.run))]
        spare = -len(runs) % (v.lanes // cut.run)  # the last vector's lanes beyond the end: dy is 0 there
        write_table(text, f"{name}.runs", runs + runs[-1:] * spare)
    else:
        write_spread(text, v, layout)

    tiles = list(
        product({min(cut.rows, sliding.rows), sliding.rows % cut.rows} - {0}, {t for _, _, t in layout.groups()})
    )
    for count, stride in sorted(
        {(count, stride) for rows, taps in tiles for _, count, _, stride in sums_of(v, layout, rows, taps)}
    ):
        write_sum(text, v, layout, count, stride)
    for rows, taps in sorted(tiles):
        write_tile(text, v, layout, rows, taps)


def write_spread(text, v, layout):
    """The function ``spread``: the gradient of one output channel in the rows of x's layout, with zeros for its border.

    A row's last vector runs over into the next row, which is written after it.
    """
    out, grid, kind = layout.sliding.out, layout.sliding.grid, layout.sliding.kind
    with text.function(f"internal fastcc void @{layout.name}.spread(ptr %dy, ptr %to)", "noinline nounwind"):
        with text.loop("depth", 0, out[0]) as depth, text.loop("row", 0, layout.rows_of_dy) as row:
            source = text.at("%dy", text.multiply(text.add(text.multiply(depth, out[1]), row), out[2]), kind)
            to = text.at("%to", text.multiply(text.add(text.multiply(depth, grid[1]), row), grid[2]), kind)
            if layout.rows_of_dy == out[1]:
                write_row(text, v, (grid[2], (0, out[2]), 1, 0), source, to)
            else:
                real = text.let("real", f"icmp slt i64 {row}, {out[1]}")
                with text.when(real):
                    write_row(text, v, (grid[2], (0, out[2]), 1, 0), source, to)
                with text.when(text.let("border", f"xor i1 {real}, true")):
                    write_row(text, v, (grid[2], (0, 0), 1, 0), source, to)


def write_tile(text, v, layout, rows, taps):
    """A function that adds to the gradients of ``rows`` output channels at a group of taps."""
    cut, kind = layout.cut, layout.sliding.kind
    whole = cut.length // v.lanes * v.lanes

    def step(dy, x, j, sums, count):
        """One vector of places, of which ``count`` are real."""
        places = [text.at(x, j, kind)]
        if cut.run:
            runs = text.at(f"@{layout.name}.runs", text.divide(j, cut.run)[0], "i64")
            places = [text.load("i64", text.at(runs, i, "i64")) for i in range(v.lanes // cut.run)]
            places = [text.at(x, place, kind) for place in places]
        rows_of_dy = [v.load(text.at(dy, text.add(j, i * layout.apart), kind), count) for i in range(rows)]
        following = []
        for tap, distance in enumerate(taps):
            shifted = [text.at(place, distance, kind) for place in places]
            vector = v.load_runs(shifted) if cut.run else v.load(shifted[0], count)
            following += [v.multiply_add(d, vector, sums[tap * rows + i]) for i, d in enumerate(rows_of_dy)]
        return following

    arguments = "ptr %dy, ptr %x, ptr %to, i64 %images"
    with text.function(f"internal fastcc void @{layout.tile(rows, taps)}({arguments})", "noinline nounwind"):
        room = text.let("room", f"alloca [{rows * len(taps)} x {v.type}], align {v.lanes * v.size}")
        with text.loop("image", 0, "%images", carry=[(v.type, v.zero)] * (rows * len(taps))) as image:
            dy = text.at("%dy", text.multiply(image, layout.next_dy), kind)
            x = text.at("%x", text.multiply(image, layout.next_x), kind)
            with text.loop("j", 0, whole, v.lanes, carry=[(v.type, value) for value in image.values]) as j:
                j.carry(*step(dy, x, j, j.values, v.lanes))
            image.carry(*(step(dy, x, whole, j.values, cut.length - whole) if cut.length > whole else j.values))
        for sums, count, start, stride in sums_of(v, layout, rows, taps):
            for i, number in enumerate(sums):
                text.store(v.type, image.values[number], text.at(room, i, v.type))
            pointers = f"ptr {room}, ptr {text.at('%to', start, kind)}"
            text.do(f"call fastcc void @{layout.name}.sum{count}.{stride}({pointers})")


def sums_of(v, layout, rows, taps):
    """In which groups a tile's sums are added up: [(their numbers, how many, where the first goes, stride)].

    Next to each other in the gradient are the taps of a row. Where those are few, it is the rows of a tap.
    """
    stride, number, found = layout.sliding.weight[1], len(taps), []
    if number >= rows:
        groups = [([tap * rows + i for tap in range(number)], i * stride, 1) for i in range(rows)]
    else:
        groups = [(list(range(tap * rows, (tap + 1) * rows)), tap, stride) for tap in range(number)]
    for sums, start, step in groups:
        for first in range(0, len(sums), v.lanes):
            some = sums[first : first + v.lanes]
            found.append((some, len(some), start + first * step, step))
    return found


def write_sum(text, v, layout, count, stride):
    """A function that adds up each of ``count`` vectors, and adds the sums to the gradient.

    It isn't part of the tiles: what it shuffles takes LLVM longer than all the rest of them.
    """
    with text.function(
        f"internal fastcc void @{layout.name}.sum{count}.{stride}(ptr %from, ptr %to)", "noinline nounwind"
    ):
        vectors = [v.load(text.at("%from", i, v.type)) for i in range(count)]
        total = v.sums([*vectors, *[v.zero] * (v.lanes - count)])
        v.store(v.add(v.load("%to", count, stride), total), "%to", count, stride)
