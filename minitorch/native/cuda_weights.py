"""The gradient of a convolution's weight on tensor cores: a sum over all places of all images.

    gradient[feature, (channel, tap)]  =  sum over place of   g[feature][place]  *  patch[channel][place + tap]

A block has up to 64 features and some channels with all of their taps. It goes through rows of places: of each it fetches g and
the patch that the places' windows see. Several blocks share the sum, each leaves its part, and another function adds the parts up,
always in the same order. Of narrow numbers, a word is the same place of two images.

torch: cutlass/conv/threadblock/conv2d_wgrad_activation_tile_access_iterator_optimized.h
"""

import itertools
import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

from .cuda import stored
from .cuda_patches import COPIES, MOST_SHARED, Axis, Convolved, Lanes, Patch, above

__all__ = ["ADDERS", "Correlated", "added", "correlated"]

ADDERS = 32
"""Numbers that a block adds up."""
PARTS = 132
"""Blocks that share a sum: the processors of a large GPU."""
PIECES, FRAGMENTS = 160, 40
"""Pieces of 16 x 8 sums that a block has at most, and that a warp has."""
WARPS = 8
ROOM = 46 << 10
"""Bytes of a stage."""


@dataclass(frozen=True)
class Correlated(Convolved):
    """y, x: Axes of the forward product;   the rest as of ``cuda_windows.Gathered``.

    parts: how many blocks share each sum.
    """

    y: Axis
    x: Axis
    images: int
    groups: int
    channels: int
    features: int
    dtypes: tuple
    aligned: bool = False
    stages: int = 2
    lives: int = 1

    @property
    def layers(self):
        """Images, or pairs of them."""
        return -(-self.images // self.per)

    @property
    def threads(self):
        return 32 * WARPS

    # ----------------------------------------------------------------------------------------------------------- tiles

    @property
    def high(self):
        """Pieces along features of a block."""
        return min(-(-self.features // 16), 4)

    @cached_property
    def depth(self):
        """Channels of a block: as many as its warps hold the sums of, and as a stage has room for, shared evenly."""
        most = max(PIECES // self.high * 8 // self.taps, 1)
        shares = [-(-self.channels // blocks) for blocks in range(-(-self.channels // most), self.channels + 1)]
        return next((depth for depth in shares if self.bytes_of(1, depth) <= ROOM), 1)

    @property
    def across(self):
        """Pieces along channels and taps."""
        return -(-self.depth * self.taps // 8)

    @cached_property
    def warps(self):
        """(along features, along taps, along places; pieces of a warp along features, along taps): what reads least."""
        best = None
        for tall in (4, 2, 1):
            for over in (1, 2, 4, 8):
                down = -(-self.high // tall)
                wide = -(-self.across // over)
                if tall > self.high or WARPS % (down * over) or (tall * wide > FRAGMENTS and (tall, wide) != (1, 1)):
                    continue
                turns = WARPS // (down * over)
                useful = self.high * self.across / (tall * down * wide * over)
                cost = (4 * tall + 2 * wide) / (tall * wide) / useful + 0.05 * turns
                if best is None or cost < best[0]:
                    best = cost, (down, over, turns, tall, wide)
        return best and best[1]

    @property
    def fits(self):
        """Whether a GPU can do it: not where a window is as large as a map."""
        return self.warps is not None and self.shared <= MOST_SHARED

    @property
    def columns(self):
        return self.depth * self.taps

    @cached_property
    def rows(self):
        """Rows of places that a block takes at a time: they divide those of an image, or are those of several."""
        n = self.y.places
        found = [r for r in range(1, n + 1) if n % r == 0] + [n * k for k in range(2, min(self.layers, 64) + 1)]
        return min([r for r in found if self.bytes_of(r) <= ROOM] or [1], key=self.worth)

    def worth(self, rows):
        """What a place costs: what is added to fill pieces of 8, what is done once for each step, rows that are fetched twice."""
        count = rows * self.width
        return above(count, 8, 0) / count * (1 + 3 / count) + self.framed(rows) / (count * self.y.each) / 10, rows

    def framed(self, rows):
        """Rows of the patch of so many rows."""
        n = self.y.places
        last = rows - 1
        return last // n * self.y.frame + last % n * self.y.each + self.y.span

    @cached_property
    def spaced(self):
        """(numbers more in a row of a patch, rest by 32 of those from channel to channel) by which threads rarely meet in a bank."""
        bare = self.patch_of(1, 0).wide
        ways = itertools.product(range(0, 8, self.pack), range(0, 32, 4))
        return min(ways, key=lambda way: (self.met(bare + way[0], way[1]) + 0.64 * way[0] / bare, way))

    def met(self, wide, pitch):
        """How often a warp has to read, on average, to see 8 channels and taps at 4 places."""
        down, right = self.y.step // self.y.scale * wide, self.x.step // self.x.scale
        columns = range(min(self.channels, 8) * self.taps)
        taps = [n // self.taps * pitch + n % self.taps // self.x.taps * down + n % self.x.taps * right for n in columns]
        groups = [taps[start : start + 8] for start in range(0, len(taps), 8)]
        banks = [Counter([x % 32 for x in {tap + place * self.x.each for tap in group for place in range(4)}]) for group in groups]
        return sum([max(bank.values()) for bank in banks]) / len(banks)

    def patch_of(self, rows, pad=None):
        pad = self.spaced[0] if pad is None else pad
        return Patch(self.y, self.x, self.layers, self.framed(rows), self.width, 0, self.threads, pad, self.pack)

    def bytes_of(self, rows, depth=None):
        count = above(rows * self.width, 8, 0)
        return 4 * (self.high * 16 * above(count, 8, 4) + (depth or self.depth) * above(self.patch_of(rows).size, 32, self.spaced[1]))

    @property
    def patch(self):
        return replace(self.patch_of(self.rows), planes=self.depth)

    @property
    def count(self):
        """Places of a step."""
        return self.rows * self.width

    @property
    def pitches(self):
        """Words from feature to feature of g, and from channel to channel of the patch."""
        return above(above(self.count, 8, 0), 8, 4), above(self.patch.size, 32, self.spaced[1])

    @property
    def stage(self):
        g, patch = self.pitches
        return above(self.high * 16 * g + self.depth * patch, 4, 0)

    @property
    def steps(self):
        """All steps of the sum."""
        return -(-self.layers * self.y.places // self.rows) * self.strips

    @property
    def tiles(self):
        return -(-self.features // (self.high * 16)), -(-self.channels // self.depth)

    @property
    def parts(self):
        """Blocks that share each sum."""
        return max(1, min(self.steps, PARTS // (math.prod(self.tiles) * self.groups)))

    @property
    def grid(self):
        return *self.tiles, self.groups * self.parts

    @property
    def numbers(self):
        """Of the result."""
        return self.groups * self.features * self.channels * self.taps

    @property
    def partials(self):
        return self.parts * self.numbers * 4 if self.parts > 1 else 0

    @property
    def shared(self):
        down, over, turns, tall, wide = self.warps
        totals = down * over * tall * wide * 128 * 4 if turns > 1 else 0
        return max(self.stage * 4 * self.stages, totals) + 4 * above(self.count, 8, 0)


def correlated(product):
    """The body of a function of ``left``, what windows see, ``right``, the gradient of the result, and ``out``; or ``partials``."""
    return Writing(product).text()


class Writing:
    def __init__(self, product):
        self.product = product
        self.patch = product.patch
        self.pixels, self.places = product.y.extent * product.x.extent, product.y.places * product.x.places
        largest = product.images * product.groups * max(product.channels * self.pixels, product.features * self.places)
        self.wide = "int" if largest < 1 << 31 else "int64"

    def text(self):
        product = self.product
        down, over, _, tall, wide = product.warps
        _, pitch = product.pitches
        place, image = above(product.count, 8, 0), product.per * product.groups * product.channels * self.pixels
        across, parts = product.x.taps, product.parts
        down_taps, over_taps = product.y.step // product.y.scale * self.patch.wide, product.x.step // product.x.scale
        return f"""\
    SHARED_WORDS(memory);
    int* places = (int*)memory;
    unsigned* stages = memory + {place};
    const int lane = threadIdx.x % 32, group = lane / 4, four = lane % 4, warp = threadIdx.x / 32;
    const int m0 = blockIdx.x * {product.high * 16}, c0 = blockIdx.y * {product.depth};
    const int z = blockIdx.z / {parts}, part = blockIdx.z % {parts};
    const int row = warp % {down} * {tall * 16} + group, column = warp / {down} % {over} * {wide * 8} + group, turn = warp / {down * over};
    const int first = int(int64(part) * {product.steps} / {parts}), last = int((int64(part) + 1) * {product.steps} / {parts});
    for (int k = threadIdx.x; k < {place}; k += {product.threads}) {{
        const int y = min(k, {product.count - 1}) / {product.width}, x = min(k, {product.count - 1}) % {product.width};
        places[k] = {self.patch.place(self.patch.row("y"), "x")};
    }}
    int tap[{wide}];
    #pragma unroll
    for (int j = 0; j < {wide}; ++j) {{
        const int n = min(column + j * 8, {product.columns - 1}), t = n % {product.taps};
        tap[j] = n / {product.taps} * {pitch} + t / {across} * {down_taps} + t % {across} * {over_taps};
    }}
{self.patch.located("from", image, self.wide)}\
{self.located_g()}\
{self.fetch()}\
    float sum[{tall}][{wide}][4] = {{}};
{self.multiply()}\
{self.loop()}\
{self.end()}"""

    # --------------------------------------------------------------------------------------------------- what is fetched

    @property
    def pack(self):
        """Words of g that are fetched at once."""
        product = self.product
        if product.narrow or not product.aligned:
            return 1
        lengths = (product.count, self.places) if product.strips == 1 else (product.width, product.x.places)
        return 1 if any([n % 4 for n in lengths]) else 4

    @property
    def lanes(self):
        product = self.product
        return Lanes.of(above(product.count, 8, 0) // self.pack, product.high * 16, product.threads)

    def located_g(self):
        product, lanes = self.product, self.lanes
        across, n = product.width, product.y.places
        beyond = f" && column + x < {product.x.places}" if product.strips > 1 else ""
        image = product.per * product.groups * product.features * self.places
        return f"""\
    {self.wide} under[{lanes.turns}];
    auto locate_under = [&](int row, int column) {{
        #pragma unroll
        for (int i = 0; i < {lanes.turns}; ++i) {{
            const int e = (threadIdx.x % {lanes.team} + i * {lanes.team}) * {self.pack}, y = row + e / {across}, x = e % {across};
            const bool inside = e < {product.count} && y < {product.layers * n}{beyond};
            under[i] = inside ? {self.wide}(y / {n}) * {image} + y % {n} * {product.x.places} + column + x : -1;
        }}
    }};
"""

    def fetch(self):
        product = self.product
        g, pitch = product.pitches
        high, place = product.high * 16, f"stage + {product.high * 16 * g}"
        mine = self.planes(self.lanes, "under", g, ("f", "m0"), (high, product.features), ("right", self.places), "stage", self.pack)
        there = ("left", self.pixels)
        theirs = self.planes(self.patch.lanes, "from", pitch, ("c", "c0"), (product.depth, product.channels), there, place, self.patch.pack)
        strips = product.strips
        row, column = (f"k / {strips}", f"k % {strips} * {product.width}") if strips > 1 else ("k", "0")
        return f"""\
    auto fetch = [&](unsigned* stage, int k) {{
        const int row = {row} * {product.rows}, column = {column};
        locate_under(row, column);
        locate_from(row, column);
{mine}{theirs}\
    }};
"""

    def planes(self, lanes, names, pitch, index, counts, source, target, pack):
        """Copies of the words of some channels, or features.

        names: of the places that words come from.   index: its name, and the first one.   counts: how many a block has, and how
        many there are.   source: the buffer, and numbers of a plane in it.
        """
        product, (name, start), (count, extent), (buffer, size) = self.product, index, counts, source
        teams, image = product.threads // lanes.team, product.groups * extent * size
        there = "inside" if extent % count == 0 else f"inside && {name} + round * {teams} < {extent}"
        word = f"place + round * {teams * pitch}, seen + int64(round) * {teams * size}"
        copy = f"{COPIES[pack]}({word}, {there});"
        if product.per == 2:
            copy = f"copy_pair({word}, {image}, {there}, {there} && {names}[i] / {2 * image} * 2 + 1 < {product.images});"
        return f"""\
        {{
            const int team = threadIdx.x / {lanes.team}, {name} = {start} + team;
            const auto* plane = {buffer} + int64(z * {extent} + {name}) * {size};
            #pragma unroll
            for (int i = 0; i < {lanes.turns}; ++i) {{
                const bool inside = {names}[i] >= 0;
                const auto* seen = plane + (inside ? {names}[i] : 0);
                const int e = (threadIdx.x % {lanes.team} + i * {lanes.team}) * {pack};
                unsigned* place = {target} + team * {pitch} + e;
                {f"if (e < {pitch})" if lanes.turns * lanes.team * pack > pitch else ""}
                #pragma unroll
                for (int round = 0; round < {lanes.rounds}; ++round) {{
                    {"" if lanes.exact else f"if (team + round * {teams} < {count}) "}{copy}
                }}
            }}
        }}
"""

    # ----------------------------------------------------------------------------------------------- what is multiplied

    def number(self, word):
        return word if self.product.narrow else f"near_tf32({word})"

    def multiply(self):
        product = self.product
        _, _, turns, tall, wide = product.warps
        g, _ = product.pitches
        word, whole = product.dtypes[0] if product.narrow else "tf32", above(product.count, 8, 0)
        corners = [(h, far, f"mine[(i * 16 + {h * 8}) * {g} + {far * 4}]") for far in (0, 1) for h in (0, 1)]
        left = "".join([f"                p[i][{h + 2 * far}] = {self.number(at)};\n" for h, far, at in corners])
        right = [f"theirs[place{far} + tap[j]]" for far in (0, 1)]
        if product.width % 8 == 0:  # then the second four places of a piece follow the first
            right[1] = f"theirs[place0 + tap[j] + {4 * product.x.each}]"
        if whole > product.count:  # what isn't a place must not be infinite
            right = [f"(k + four + {far * 4} < {product.count} ? {at} : 0u)" for far, at in enumerate(right)]
        return f"""\
    auto multiply = [&](const unsigned* stage) {{
        const unsigned* theirs = stage + {product.high * 16 * g};
        #pragma unroll 2
        for (int k = turn * 8; k < {whole}; k += {turns * 8}) {{
            const unsigned* mine = stage + row * {g} + k + four;
            const int place0 = places[k + four], place1 = places[k + four + 4];
            unsigned p[{tall}][4];
            #pragma unroll
            for (int i = 0; i < {tall}; ++i) {{
{left}\
            }}
            #pragma unroll
            for (int j = 0; j < {wide}; ++j) {{
                unsigned q[2];
                q[0] = {self.number(right[0])};
                q[1] = {self.number(right[1])};
                #pragma unroll
                for (int i = 0; i < {tall}; ++i) multiply_{word}(sum[i][j], p[i], q);
            }}
        }}
    }};
"""

    def loop(self):
        product, stages = self.product, self.product.stages
        ahead = stages - 1
        return f"""\
    for (int k = 0; k < {ahead}; ++k) {{
        if (first + k < last) fetch(stages + k * {product.stage}, first + k);
        commit_copies();
    }}
    #pragma unroll 1
    for (int k = first; k < last; ++k) {{
        wait_copies<{max(ahead - 1, 0)}>();
        __syncthreads();
        if (k + {ahead} < last) fetch(stages + (k + {ahead} - first) % {stages} * {product.stage}, k + {ahead});
        commit_copies();
        multiply(stages + (k - first) % {stages} * {product.stage});
    }}
"""

    # ------------------------------------------------------------------------------------------------------------ the end

    def end(self):
        product = self.product
        _, _, turns, tall, wide = product.warps
        every, total = product.channels * product.taps, "sum[i][j][e]"
        where = f"(z * {product.features} + m) * {every} + c0 * {product.taps} + n"
        left = f"((float*)partials)[part * {product.numbers} + {where}] = {total}"
        if product.parts == 1:
            left = f"out[{where}] = {stored(total, product.dtypes[1])}"
        alone = "turn == 0 && " if turns > 1 else ""
        return f"""\
{self.gathered() if turns > 1 else ""}\
    #pragma unroll
    for (int i = 0; i < {tall}; ++i) {{
        #pragma unroll
        for (int j = 0; j < {wide}; ++j) {{
            #pragma unroll
            for (int e = 0; e < 4; ++e) {{
                const int m = m0 + row + i * 16 + e / 2 * 8, n = column - group + j * 8 + four * 2 + e % 2;
                if ({alone}m < {product.features} && n < {product.columns} && c0 * {product.taps} + n < {every}) {left};
            }}
        }}
    }}
"""

    def gathered(self):
        """Warps that took different places add up what they have, one after the other."""
        product = self.product
        down, over, turns, tall, wide = product.warps
        share = tall * wide * 4 * 32
        return f"""\
    float* totals = (float*)stages + warp % {down * over} * {share} + lane;
    wait_copies<0>();
    for (int t = {turns - 1}; t >= 0; --t) {{
        __syncthreads();
        if (turn == t) {{
            #pragma unroll
            for (int i = 0; i < {tall * wide * 4}; ++i) {{
                float& mine = sum[i / {wide * 4}][i / 4 % {wide}][i % 4];
                if (t < {turns - 1}) mine += totals[i * 32];
                totals[i * 32] = mine;
            }}
        }}
    }}
"""


def added(product):
    """The body of a function that adds the ``partials`` up: 32 numbers a block, 8 threads share the parts of each."""
    return f"""\
    __shared__ float sums[256];
    const int i = blockIdx.x * 32 + threadIdx.x % 32, first = threadIdx.x / 32;
    float sum = 0.0f;
    if (i < {product.numbers}) {{
        #pragma unroll 4
        for (int part = first; part < {product.parts}; part += 8) sum += ((const float*)partials)[int64(part) * {product.numbers} + i];
    }}
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (first == 0 && i < {product.numbers}) {{
        #pragma unroll
        for (int k = 1; k < 8; ++k) sum += sums[k * 32 + threadIdx.x];
        out[i] = {stored("sum", product.dtypes[1])};
    }}
"""
