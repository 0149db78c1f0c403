"""Convolutions as LLVM text, for any stride, padding, dilation and groups: forward, and the gradient of the input.

Nothing is unrolled into columns. The input is laid out with its padding, and an output's place is a *flat index* into
that layout, row after row, borders included. Then each tap of the kernel is one fixed distance away, for all outputs:

    x, padded, 6 wide                out, laid out 6 wide
    0 0 0 0 0 0                      a b c d · ·          out[j] = Σ w[tap] x[j + offset[tap]]
    0 x x x x 0                      e f g h · ·
    0 x x x x 0                      …                    offset of tap (r, s) = 6 r + s
    0 …                                                   · is computed too, and dropped

so a vector of outputs needs a vector of inputs that are next to each other, at any tap, and the tile is that of a matrix
product: rows are output channels, columns are places, and the step along k is a channel and a tap.

The places that are dropped cost time. So where the rows of outputs are a whole number of halves or quarters of a vector,
a tile takes only real outputs: a vector of 16 is two runs of 8, from two rows of the layout.

With a stride, the layout holds one smaller image for each remainder (phase) that a tap can have: tap 3 of stride 2 is one
place further in the odd image. So a stride costs only a copy that picks every second number. The gradient of the input
is the same sum with the roles of the channels exchanged and the taps backwards; with a stride, each phase of the result
is a small convolution of its own with the taps that reach it.

torch: ATen/native/mkldnn/Conv.cpp (oneDNN).   Anderson et al. 2017, Low-memory GEMM-based convolution, arXiv:1709.03395
"""

from dataclasses import dataclass, replace
from itertools import product
from math import gcd, prod

from .gemm import SMALLEST_CHUNK, Code, counts_of, parts, pieces, rows_of
from .target import SIZES, Target
from .text import Text
from .vectors import Vectors

__all__ = [
    "Conv", "Sliding", "forward_text", "input_gradient_text", "round_up", "sliding_forward", "supports", "write_layout",
    "write_row", "write_table",
]  # fmt: skip


@dataclass(frozen=True)
class Conv:
    """A convolution of ``batch`` images: (channels, *size) → (outputs, *out), in one, two or three dimensions.

    The weight is (outputs, channels / groups, *kernel). All arrays are contiguous.
    """

    batch: int
    channels: int
    outputs: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...] = (1, 1, 1)
    padding: tuple[int, ...] = (0, 0, 0)
    dilation: tuple[int, ...] = (1, 1, 1)
    groups: int = 1
    kind: str = "float"

    def __post_init__(self):
        """Make three dimensions of one or two, the first ones of length 1."""
        rank = len(self.size)
        for name, filler in [("size", 1), ("kernel", 1), ("stride", 1), ("padding", 0), ("dilation", 1)]:
            values = tuple(getattr(self, name))[-rank:]
            object.__setattr__(self, name, (filler,) * (3 - rank) + values)

    @property
    def out(self):
        """The size of an output.

        >>> Conv(1, 3, 8, (32, 32), (3, 3), (2, 2), (1, 1)).out
        (1, 16, 16)
        """
        spans = zip(self.size, self.kernel, self.stride, self.padding, self.dilation)
        return tuple((n + 2 * pad - step * (k - 1) - 1) // stride + 1 for n, k, stride, pad, step in spans)

    @property
    def flops(self):
        per_place = self.outputs * self.channels // self.groups * prod(self.kernel)
        return 2 * self.batch * prod(self.out) * per_place


# ------------------------------------------------------------------------------------------------------- the geometry


@dataclass(frozen=True)
class Phase:
    """Outputs that are computed alike: ``count`` of them, from ``start`` in steps of ``step``, by some of the taps.

    A tap is (its distance in the layout, its place in the weight).
    """

    count: tuple[int, ...]
    start: tuple[int, ...]
    step: tuple[int, ...]
    taps: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Sliding:
    """Planes that become planes: out[row, place] = Σ weight[row, inner, tap] x[inner, place + tap], for each group.

    The layout holds ``parts`` images of ``grid`` places for each plane: part (a, b, c) at place i is the input at
    i * step + part - low, 0 where that is outside. ``weight`` has the strides of (group, row, inner).
    """

    batch: int
    groups: int
    inner: int
    rows: int
    size: tuple[int, ...]
    out: tuple[int, ...]
    grid: tuple[int, ...]
    low: tuple[int, ...]
    step: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    phases: tuple[Phase, ...]
    weight: tuple[int, int, int]
    kind: str
    axis: int
    total: int
    band: int
    fold: int = 1

    @property
    def channel_in(self):
        """From one channel of the input to the next: a plane, or one image's share of it if ``fold`` images are one."""
        return prod(self.size) // self.fold

    @property
    def channel_out(self):
        """The same for the result."""
        return prod(self.out) // self.fold

    @property
    def depth_in(self):
        """From one depth of the input to the next, which is the next image if several are one."""
        return self.groups * self.inner * self.channel_in if self.fold > 1 else self.size[1] * self.size[2]

    @property
    def depth_out(self):
        """The same for the result."""
        return self.groups * self.rows * self.channel_out if self.fold > 1 else self.out[1] * self.out[2]

    @property
    def bands(self):
        """Into how many bands the outputs are cut along ``axis``: a layout holds what one of them needs."""
        return -(-self.total // self.band)

    @property
    def plane(self):
        """How many numbers the layout of one plane holds."""
        return len(self.parts) * prod(self.grid)

    @property
    def bare(self):
        """Whether the layout is the input itself."""
        return self.grid == self.size and self.low == (0, 0, 0) and self.step == (1, 1, 1) and self.fold == 1

    def flat(self, place):
        """The flat index of a place in the grid."""
        depth, row, column = place
        return (depth * self.grid[1] + row) * self.grid[2] + column

    def length(self, phase):
        """From the first output of a phase to the last, in flat indices."""
        return self.flat([count - 1 for count in phase.count]) + 1


def axis_of(size):
    """The dimension along which planes are cut into bands of rows."""
    return 0 if size[0] > 1 else 1


def cut_to(count, axis, band):
    """How many outputs along each dimension, if there are ``band`` along one."""
    return tuple(min(n, band) if i == axis and band else n for i, n in enumerate(count))


def sliding_forward(conv, band=0):
    """The forward pass: one phase; the input's parts are the remainders of taps."""
    axis = axis_of(conv.out)
    count = cut_to(conv.out, axis, band)
    reach = [(k - 1) * d for k, d in zip(conv.kernel, conv.dilation)]
    grid = tuple(n + far // s for n, far, s in zip(count, reach, conv.stride))
    far = [[t * d for t, d in zip(tap, conv.dilation)] for tap in product(*map(range, conv.kernel))]
    parts = sorted({tuple(x % s for x, s in zip(place, conv.stride)) for place in far})

    def offset(place):
        depth, row, column = (x // s for x, s in zip(place, conv.stride))
        part = parts.index(tuple(x % s for x, s in zip(place, conv.stride)))
        return ((part * grid[0] + depth) * grid[1] + row) * grid[2] + column

    inner, rows, area = conv.channels // conv.groups, conv.outputs // conv.groups, prod(conv.kernel)
    phase = Phase(count, (0, 0, 0), (1, 1, 1), tuple((offset(place), i) for i, place in enumerate(far)))
    weight = (rows * inner * area, inner * area, area)
    return Sliding(
        conv.batch, conv.groups, inner, rows, conv.size, conv.out, grid, conv.padding, conv.stride, tuple(parts),
        (phase,), weight, conv.kind, axis, conv.out[axis], count[axis],
    )  # fmt: skip


def sliding_backward(conv, band=0):
    """The gradient of the input: its place i * stride + phase hears from the outputs i + (phase + pad - tap) / stride."""
    axes = [axis_phases(*axis) for axis in zip(conv.size, conv.kernel, conv.stride, conv.padding, conv.dilation)]
    axis = axis_of(conv.size)
    total = axes[axis][0][1]
    if band and all(count == total for _, count, _ in axes[axis]):
        axes[axis] = [(phase, min(count, band), taps) for phase, count, taps in axes[axis]]
    low = tuple(max([0, *(-shift for _, _, taps in phases for _, shift in taps)]) for phases in axes)
    ends = [max([1, *(count + shift for _, count, taps in phases for _, shift in taps)]) for phases in axes]
    grid = tuple(before + end for before, end in zip(low, ends))

    phases = []
    for (a, x, us), (b, y, vs), (c, z, ws) in product(*axes):
        taps = []
        for (i, u), (j, v), (k, w) in product(us, vs, ws):
            offset = ((u + low[0]) * grid[1] + v + low[1]) * grid[2] + w + low[2]
            taps.append((offset, (i * conv.kernel[1] + j) * conv.kernel[2] + k))
        if x and y and z:
            phases.append(Phase((x, y, z), (a, b, c), conv.stride, tuple(taps)))

    inner, rows, area = conv.outputs // conv.groups, conv.channels // conv.groups, prod(conv.kernel)
    return Sliding(
        conv.batch, conv.groups, inner, rows, conv.out, conv.size, grid, low, (1, 1, 1), ((0, 0, 0),), tuple(phases),
        (rows * inner * area, area, rows * area), conv.kind, axis, total, axes[axis][0][1],
    )  # fmt: skip


def axis_phases(size, kernel, stride, padding, dilation):
    """Along one dimension, for each remainder: (remainder, how many places, [(tap, distance)]).

    >>> axis_phases(6, 3, 2, 1, 1)
    [(0, 3, [(1, 0)]), (1, 3, [(0, 1), (2, 0)])]
    """
    found = []
    for phase in range(stride):
        shifts = [(tap, phase + padding - tap * dilation) for tap in range(kernel)]
        taps = [(tap, shift // stride) for tap, shift in shifts if shift % stride == 0]
        found.append((phase, len(range(phase, size, stride)), taps))
    return found


LAYOUT = 1 << 19
"""Bytes that a layout should not exceed: half of a second-level cache."""

LARGEST_LAYOUT = 1 << 26
"""Bytes that it may not exceed: each thread has one."""


def arranged(sliding_of, conv, target):
    """A pass as it is best computed: images of few places several at a time, large ones in bands.

    A band is of such a height that a layout fits the cache, and that there is work for several threads.
    """
    whole, size = sliding_of(conv), SIZES[conv.kind]
    if conv.size[0] == conv.kernel[0] == conv.stride[0] == 1 and conv.padding[0] == 0:
        places, room = prod(whole.phases[0].count), max(1, LAYOUT // (size * whole.inner * whole.plane))
        enough = [n for n in range(1, room + 1) if conv.batch % n == 0 and n * places >= 2 * target.lanes(conv.kind)]
        if enough and enough[0] > 1:
            fold = enough[0]
            folded = replace(conv, batch=conv.batch // fold, size=(fold, *conv.size[1:]))
            return replace(sliding_of(folded), fold=fold)
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
    layouts = [each.inner * each.plane for each in passes] + [4 * sliding_forward(conv).plane]
    return max(layouts) * SIZES[conv.kind] <= LARGEST_LAYOUT


# -------------------------------------------------------------------------------------------------------- the layout


def write_layout(text, v, name, sliding):
    """The function ``@name``: one plane of the input, laid out. ``%first``: the row of outputs that a band begins with."""
    grid, size = sliding.grid, sliding.size
    with text.function(f"internal fastcc void @{name}(ptr %x, ptr %to, i64 %first)", "noinline nounwind"):
        for number, part in enumerate(sliding.parts):
            every = sliding.step[0] == 1 and part[0] == sliding.low[0] and grid[0] <= size[0]  # depth is inside
            with text.loop("depth", 0, grid[0]) as depth:
                if sliding.bands == 1 and every:  # then it is known which rows are outside
                    begin, end = inside_of(grid[1], size[1], sliding.step[1], part[1] - sliding.low[1])
                    for start, stop in ((0, begin), (begin, end), (end, grid[1])):
                        with text.loop("row", start, stop) as row:
                            write_layout_row(text, v, sliding, number, (depth, row), (start, stop) == (begin, end))
                else:
                    with text.loop("row", 0, grid[1]) as row:
                        write_layout_row(text, v, sliding, number, (depth, row), None)


def inside_of(places, size, step, shift):
    """The range of those of ``places`` whose source, i * step + shift, is one of ``size``.

    >>> inside_of(6, 4, 1, -1), inside_of(3, 4, 2, -1)
    ((1, 5), (1, 3))
    """
    begin = min(places, -(-max(0, -shift) // step))
    return begin, max(begin, min(places, -(-max(0, size - shift) // step)))


def write_layout_row(text, v, sliding, number, place, inside):
    """One row of a part of the layout. ``inside``: whether it has a source; None if only the program can tell."""
    grid, size, part, places = sliding.grid, sliding.size, sliding.parts[number], list(place)
    places[sliding.axis] = text.add(places[sliding.axis], "%first")
    source = [
        text.add(text.multiply(i, step), before - low)
        for i, step, before, low in zip(places, sliding.step, part, sliding.low)
    ]
    start = text.add(text.multiply(source[0], sliding.depth_in), text.multiply(source[1], size[2]))
    start = text.at("%x", start, sliding.kind)
    to = text.add(text.multiply(text.add(number * grid[0], place[0]), grid[1]), place[1])
    to = text.at("%to", text.multiply(to, grid[2]), sliding.kind)
    range_of_row = inside_of(grid[2], size[2], sliding.step[2], part[2] - sliding.low[2])
    row = grid[2], range_of_row, sliding.step[2], part[2] - sliding.low[2]
    if inside is None:
        bits = [text.let("in", f"icmp ult i64 {i}, {n}") for i, n in zip(source, size)]
        inside = text.let("in", f"and i1 {bits[0]}, {bits[1]}")
        with text.when(inside):
            write_row(text, v, row, start, to)
        with text.when(text.let("out", f"xor i1 {inside}, true")):
            write_row(text, v, (grid[2], (0, 0), 1, 0), start, to)
    else:
        write_row(text, v, row if inside else (grid[2], (0, 0), 1, 0), start, to)


def write_row(text, v, row, source, to):
    """(columns, (begin, end), step, shift): column i is the source's i * step + shift, and 0 where it isn't in the range.

    The last vector runs over into the next row, which is written after it.
    """
    columns, (begin, end), step, shift = row

    def write(first, count, skip):
        place = text.at(source, text.add(text.multiply(first, step), shift), v.kind)
        value = v.load(place, count, step, skip) if count > skip else v.zero
        v.store(value, text.at(to, first, v.kind))

    whole, until = -(-begin // v.lanes) * v.lanes, end // v.lanes * v.lanes
    for first in range(0, columns, v.lanes):
        if first == whole < until:
            with text.loop("column", whole, until, v.lanes) as column:
                write(column, v.lanes, 0)
        elif not whole <= first < until:
            write(first, max(0, min(v.lanes, end - first)), max(0, begin - first))


# ---------------------------------------------------------------------------------------------------------- the tiles


@dataclass(frozen=True)
class Block:
    """A tile: ``rows`` channels of ``columns`` places out of ``length``. The last begins early enough to be whole.

    With ``run`` only the real outputs are computed, and that many of them are next to each other in the layout: rows of
    8 are half a vector each. Without, places are flat indices.
    """

    rows: int
    columns: int
    length: int
    run: int


def block_of(sliding, phase, target):
    """The tile that computes few places too many, and that has few loads for each sum."""
    lanes, places, flat = target.lanes(sliding.kind), prod(phase.count), sliding.length(phase)
    run = gcd(phase.count[2], lanes)
    if places < lanes or 4 * run < lanes or (2 * run < lanes and flat < 1.05 * places):
        run = 0
    length = places if run else flat
    if length < lanes:
        return Block(rows_of(sliding.rows, target.registers - 3), length, length, 0)
    widest = min(max(2, (target.registers - 2) // (sliding.rows + 1)), 8, length // lanes)
    vectors = min(range(widest, 0, -1), key=lambda number: -(-length // (number * lanes)) * (number + 0.5))
    most = (target.registers - 2) // vectors - 1
    # A vector put together from four runs takes its time: then as many rows as there can be shall use it.
    rows = pieces(sliding.rows, most) if run and 2 * run < lanes else rows_of(sliding.rows, most)
    return Block(rows, vectors * lanes, length, run)


def write_tile(text, v, name, sliding, block, rows, apart):
    """The function ``@name``: ``rows`` x ``columns`` outputs, ``apart`` from row to row, over all channels and taps.

    ``%taps`` holds ``%number`` pairs (distance in the layout, place in the weight), ``%runs`` where the runs begin.
    """
    kind, counts = sliding.kind, counts_of(v, block.columns)
    each = len(counts) * v.lanes // block.run if block.run else 0
    arguments = "ptr %x, ptr %w, ptr %y, ptr %taps, i64 %number, ptr %runs"
    with text.function(f"internal fastcc void @{name}({arguments})", "noinline nounwind"):
        runs = [text.load("i64", text.at("%runs", i, "i64")) for i in range(each)]
        with text.loop("c", 0, sliding.inner, carry=[(v.type, v.zero)] * (rows * len(counts))) as c:
            plane = text.at("%x", text.multiply(c, sliding.plane), kind)
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
            v.store(next(sums), text.at("%y", i * apart + start * v.lanes, kind), count)


def panel_of(text, v, kind, place, counts, runs):
    """The vectors of inputs at one channel and tap."""
    if not runs:
        return [v.load(text.at(place, i * v.lanes, kind), count) for i, count in enumerate(counts)]
    pointers, each = [text.at(place, run, kind) for run in runs], len(runs) // len(counts)
    return [v.load_runs(pointers[start : start + each]) for start in range(0, len(runs), each)]


def write_out(text, v, name, sliding, phase, block):
    """The function ``@name``: the outputs of one channel from where the tiles left them to where they belong.

    The band begins with the row ``%first``; it leaves out ``%skip`` rows that another band has.
    """
    kind = sliding.kind
    with text.function(f"internal fastcc void @{name}(ptr %from, ptr %y, i64 %first, i64 %skip)", "noinline nounwind"):
        begins = ["%skip" if sliding.axis == axis else 0 for axis in (0, 1)]
        with text.loop("depth", begins[0], phase.count[0]) as depth, text.loop("row", begins[1], phase.count[1]) as row:
            sizes = phase.count if block.run else sliding.grid
            source = text.add(text.multiply(depth, sizes[1]), row)
            source = text.at("%from", text.multiply(source, sizes[2]), kind)
            places = [depth, row]
            places[sliding.axis] = text.add(places[sliding.axis], "%first")
            places = [
                text.add(text.multiply(place, step), start)
                for place, step, start in zip(places, phase.step, phase.start)
            ]
            to = text.add(text.multiply(places[0], sliding.depth_out), text.multiply(places[1], sliding.out[2]))
            to = text.add(to, phase.start[2])
            to, step, whole = text.at("%y", to, kind), phase.step[2], phase.count[2] // v.lanes * v.lanes
            with text.loop("column", 0, whole, v.lanes) as column:
                value = v.load(text.at(source, column, kind))
                v.store(value, text.at(to, text.multiply(column, step), kind), stride=step)
            if phase.count[2] > whole:
                value, place = v.load(text.at(source, whole, kind)), text.at(to, whole * step, kind)
                v.store(value, place, phase.count[2] - whole, step)


# ---------------------------------------------------------------------------------------------------------- the kernel


def forward_text(name, conv, target, preamble, epilogue=None):
    """The kernel ``@name``: C = the convolution of A with the weight B, as Code. Link it at level "vectors".

    ``preamble`` is LLVM text that defines ``%A``, ``%B`` and ``%C`` from ``%p``. ``epilogue(text, image, c0, c1, r0, r1)``,
    if there is one, writes what shall happen to rows r0 to r1 (those of the first dimension of a plane that isn't 1) of
    channels c0 to c1 as soon as they are done.
    """
    return sliding_text(name, arranged(sliding_forward, conv, target), conv.flops, target, preamble, epilogue)


def input_gradient_text(name, conv, target, preamble, epilogue=None):
    """The kernel ``@name``: C = the gradient of the input, from the output's gradient A and the weight B. See above."""
    return sliding_text(name, arranged(sliding_backward, conv, target), conv.flops, target, preamble, epilogue)


def sliding_text(name, sliding, flops, target, preamble, epilogue):
    """The kernel of a sliding product."""
    text, kind = Text(), sliding.kind
    v = Vectors(text, kind, target.lanes(kind))
    blocks = [block_of(sliding, phase, target) for phase in sliding.phases]
    layout = 0 if sliding.bare else round_up(sliding.inner * sliding.plane + v.lanes, v.lanes)
    tallest, longest = max(block.rows for block in blocks), max(block.length for block in blocks)
    apart = prod(sliding.out) if in_place(sliding, blocks) else round_up(longest + v.lanes, v.lanes)
    write_parts(text, v, name, sliding, blocks, apart)

    units = sliding.batch * sliding.groups * sliding.bands
    shares = min(-(-8 // units), -(-sliding.rows // tallest))
    share = pieces(sliding.rows, -(-sliding.rows // shares), tallest)
    shares = -(-sliding.rows // share)
    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            unit, number = text.divide(chunk, shares)
            plane, band = text.divide(unit, sliding.bands)
            r0 = text.multiply(number, share)
            r1 = text.minimum(text.add(r0, share), sliding.rows) if shares > 1 else sliding.rows
            where = plane, text.multiply(band, sliding.band), r0, r1
            write_chunk(text, name, sliding, blocks, (layout, apart), where)
            if epilogue:
                write_epilogue(text, sliding, epilogue, where)

    chunks = units * shares
    worth = -(-SMALLEST_CHUNK * chunks // max(1, flops))
    strip = 0 if in_place(sliding, blocks) else tallest * apart + v.lanes
    return Code(str(text), chunks, max(1, min(worth // 2, chunks // 8)), (layout + strip) * SIZES[kind])


def round_up(number, unit):
    return -(-number // unit) * unit


def write_parts(text, v, name, sliding, blocks, apart):
    """The functions and tables that the kernel needs."""
    if not sliding.bare:
        write_layout(text, v, f"{name}.layout", sliding)
    written = set()
    for number, (phase, block) in enumerate(zip(sliding.phases, blocks)):
        for rows in {min(block.rows, sliding.rows), sliding.rows % block.rows} - {0}:
            tile = tile_name(name, rows, block)
            if tile not in written:
                write_tile(text, v, tile, sliding, block, rows, apart)
            written.add(tile)
        if not in_place(sliding, blocks):
            write_out(text, v, f"{name}.out{number}", sliding, phase, block)
        write_table(text, f"{name}.taps{number}", [word for tap in phase.taps for word in tap])
        places = product(*map(range, phase.count[:2]), range(0, phase.count[2], block.run or phase.count[2]))
        write_table(text, f"{name}.runs{number}", [sliding.flat(place) for place in places] if block.run else [])


def tile_name(name, rows, block):
    return f"{name}.{rows}x{block.columns}" + (f".{block.run}" if block.run else "")


def write_table(text, name, numbers):
    """A constant array of integers."""
    text.lines.append(f"@{name} = internal constant [{len(numbers)} x i64] [{', '.join(f'i64 {n}' for n in numbers)}]")


def in_place(sliding, blocks):
    """Whether an output's index, as the tiles count it, is its place in the result."""
    (phase, *more), block = sliding.phases, blocks[0]
    rows = phase.count if block.run else sliding.grid
    whole = rows[1 + sliding.axis :] == sliding.out[1 + sliding.axis :] and (
        sliding.axis == 1 or rows[1] == sliding.out[1]
    )
    return whole and not more and phase.step == (1, 1, 1) and sliding.total % sliding.band == 0 and sliding.fold == 1


def write_chunk(text, name, sliding, blocks, sizes, where):
    """One chunk: a band of one image, or group of it, laid out; then block after block of its output channels."""
    plane, begin, r0, r1 = where
    kind, (layout, apart) = sliding.kind, sizes
    first = text.minimum(begin, sliding.total - sliding.band)  # the last band begins early enough to be whole
    skip = text.subtract(begin, first)
    image, group = text.divide(plane, sliding.groups)
    channel = text.multiply(group, sliding.inner * sliding.channel_in)
    x = text.at(
        "%A", text.add(text.multiply(image, sliding.groups * sliding.inner * prod(sliding.size)), channel), kind
    )
    w = text.at("%B", text.add(text.multiply(group, sliding.weight[0]), text.multiply(r0, sliding.weight[1])), kind)
    channel = text.multiply(text.add(text.multiply(group, sliding.rows), r0), sliding.channel_out)
    y = text.at("%C", text.add(text.multiply(image, sliding.groups * sliding.rows * prod(sliding.out)), channel), kind)
    if not sliding.bare:
        with text.loop("c", 0, sliding.inner) as c:
            source = text.at(x, text.multiply(c, sliding.channel_in), kind)
            to = text.at("%scratch", text.multiply(c, sliding.plane), kind)
            text.do(f"call fastcc void @{name}.layout(ptr {source}, ptr {to}, i64 {first})")
        x = "%scratch"
    elif len(sliding.phases[0].taps) > 1:
        text.fetch(x, sliding.inner * prod(sliding.size) * SIZES[kind])  # so many planes side by side no processor foresees

    for number, block in enumerate(blocks):
        for rows, start, end in parts(text, text.subtract(r1, r0), sliding.rows, block.rows):
            with text.loop("r", start, end, block.rows) as r:
                weight = text.at(w, text.multiply(r, sliding.weight[1]), kind)
                to = text.at(y, text.multiply(r, sliding.channel_out), kind)
                strip = text.at("%scratch", layout, kind)
                if in_place(sliding, blocks):
                    strip = text.at(to, text.multiply(first, prod(sliding.out[1 + sliding.axis :])), kind)
                write_tiles(text, name, sliding, (number, block, rows), (x, weight, strip))
                if not in_place(sliding, blocks):
                    with text.loop("i", 0, rows) as i:
                        source = text.at(strip, text.multiply(i, apart), kind)
                        row = text.at(to, text.multiply(i, sliding.channel_out), kind)
                        text.do(
                            f"call fastcc void @{name}.out{number}(ptr {source}, ptr {row}, i64 {first}, i64 {skip})"
                        )


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
        text.do(f"call fastcc void @{tile}(ptr {place}, ptr {weight}, ptr {sums}, {taps}, ptr {runs})")


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
