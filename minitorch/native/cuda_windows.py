"""Convolution on tensor cores: the product of windows and a weight, where the windows are never laid out.

    result[place, feature]  =  sum over channel, tap of   patch[channel][place + tap]  *  weight[feature][channel][tap]

A block has some hundred places and up to 64 features. Of 8 channels at a time (16 of narrow numbers) it fetches the patch that
the windows of its places see, and the weight; a tap then is a constant that is added to an address. A warp has 64 places and up
to 64 features, in pieces of 16 x 8 sums. The gradient of the input is the same with the weight turned around; where windows
move in steps, the pixels that see the same taps are a launch of their own.

Where there are few channels, the sum runs over channels and taps together: no number is multiplied by a channel that isn't there.

torch: cutlass/conv/kernel/implicit_gemm_convolution.h.   Where the numbers of a piece go: the PTX manual, mma
"""

from dataclasses import dataclass, replace
from functools import cached_property

from .cuda import MEMORY, stored
from .cuda_patches import COPIES, MOST_SHARED, Axis, Convolved, Lanes, Patch, above

__all__ = ["Gathered", "gathered", "together"]

FEATURES = 64
"""Features of a block."""
DEEP, ROOM = 72, 40 << 10
"""Taps and words together that a stage is to have, and bytes that it may take."""
MOST_TAPS = 32
"""Taps that are written out one by one."""
MOST_FLAT = 160
"""Channels and taps together that one sum runs over."""


@dataclass(frozen=True)
class Gathered(Convolved):
    """The sums of what windows see.   y, x: Axes;   images, groups: how many;   channels: that a window sees;   features: of a
    group.

    turned: the weight is told by (channel, feature) instead of (feature, channel).   dtypes: of what is read, and of the
    result, by name.   bias, relu: what is done to each sum at its end; turned, it is 0 where
    ``sign`` isn't positive.   rows: warps along places; tall: pieces of 16 of them that
    a warp has; broad: pieces of 8 features that it has at most.   stages: of shared memory.   lives: see ``Launch``.
    """

    y: Axis
    x: Axis
    images: int
    groups: int
    channels: int
    features: int
    turned: bool
    dtypes: tuple
    aligned: bool = False
    bias: bool = False
    relu: bool = False
    rows: int = 4
    stages: int = 2
    tall: int = 4
    broad: int = 4
    lives: int = 1

    @property
    def words(self):
        """Words that the channels of a place are."""
        return -(-self.channels // self.per)

    @property
    def window(self):
        """Taps of the whole weight."""
        return self.y.window * self.x.window

    @property
    def flat(self):
        """Whether the sum runs over channels and taps together."""
        return self.words < 8 and not self.turned and self.taps > 0 and self.words * self.window <= MOST_FLAT

    # --------------------------------------------------------------------------------------------------------- extents

    @property
    def places(self):
        """Of all images, in one strip."""
        return self.images * self.y.places * self.width

    @property
    def columns(self):
        """(warps along features, pieces of each)."""
        pieces = -(-min(self.features, FEATURES) // 8)
        return (1, pieces) if pieces <= self.broad else (-(-pieces // self.broad), self.broad)

    @property
    def threads(self):
        return 32 * self.rows * self.columns[0]

    @property
    def sides(self):
        """Places and features of a block."""
        across, pieces = self.columns
        return 16 * self.tall * self.rows, across * pieces * 8

    @property
    def grid(self):
        places, features = self.sides
        return -(-self.places // places) * self.strips, -(-self.features // features), self.groups

    @cached_property
    def depth(self):
        """Words of channels in a stage: as many as fit."""
        if self.flat:
            return self.words
        most = min(above(self.words, 8, 0), max(8, DEEP // max(self.taps, 1) // 8 * 8))
        return max([8, *[n for n in range(8, most + 1, 8) if self.stage_of(n) * 4 <= ROOM]])

    @property
    def steps(self):
        return -(-self.words // self.depth) if self.taps else 0

    @cached_property
    def patch(self):
        side, line = self.sides[0], self.y.places * self.width
        most = 0
        for start in range(0, min(self.places, side * line), side):
            first, last = start % line // self.width, (start % line + min(side, self.places) - 1) // self.width
            most = max(most, last // self.y.places * self.y.frame + last % self.y.places * self.y.each - first * self.y.each)
        return Patch(self.y, self.x, self.images, most + self.y.span, self.width, 0, self.threads, 0, self.pack)

    @property
    def pitch(self):
        """Words from channel to channel: a warp that reads 4 channels and 8 places meets each bank once."""
        return above(self.patch.size, 32, 8)

    def run_of(self, depth):
        """Words of the weight that lie side by side: (rows, of each, from one to the next)."""
        if self.turned:
            n = self.sides[1] * self.window
            return depth, n, above(n, 32, 8)
        n = depth * self.window
        return self.sides[1], n, above(above(n, 8, 0) if self.flat else n, 8, 4)

    def stage_of(self, depth):
        rows, _, pitch = self.run_of(depth)
        return above(depth * self.pitch + rows * pitch, 4, 0)

    @property
    def run(self):
        return self.run_of(self.depth)

    @property
    def stage(self):
        """Words of shared memory in a stage."""
        return self.stage_of(self.depth)

    @property
    def line(self):
        """Words from feature to feature, where the sums of a block lie in its memory."""
        return self.sides[0] + 4

    @property
    def pack_out(self):
        """Numbers that are written at once."""
        (high, sy, _), (wide, sx, _) = self.y.out, self.x.out
        whole = (sy, sx, wide) == (1, 1, self.x.places) and self.strips == 1 and high == self.y.places
        return 4 if whole and high * wide % 4 == 0 and self.dtypes[1] == "float32" else 1

    @property
    def shared(self):
        """Bytes of shared memory."""
        stages = self.stage * 4 * min(self.stages, max(self.steps, 1)) + (above(self.words * self.window, 8, 0) * 4 if self.flat else 0)
        return max(stages, self.sides[1] * self.line * 4)

    @property
    def fits(self):
        """Whether a GPU can do it."""
        return self.shared <= MOST_SHARED


def gathered(product):
    """The body of a function of ``left``, what is seen, ``right``, the weight, ``out``, and perhaps ``bias``."""
    return Writing(product).text()


def together(products):
    """(the body, the grid) of one function for several products, whose blocks stand one behind the other."""
    body, start = "", 0
    for product in products:
        inner = Writing(product, start).text().replace("\n    ", "\n        ")
        start += product.grid[0]
        body += f"    {'else ' if body else ''}if (blockIdx.x < {start}) {{\n    {inner.rstrip()}\n    }}\n"
    return body, (start, *products[0].grid[1:])


class Writing:
    def __init__(self, product, start=0):
        self.product = product
        self.patch, self.start = replace(product.patch, planes=product.depth), start
        self.pixels = product.y.extent * product.x.extent
        total = product.images * product.groups * product.channels * self.pixels
        self.wide = "int" if total < 1 << 31 else "int64"
        self.stages = min(product.stages, max(product.steps, 1))

    def text(self):
        product, (places, features) = self.product, self.product.sides
        across, pieces = product.columns
        block = f"(blockIdx.x - {self.start})" if self.start else "blockIdx.x"
        strip = (f"{block} % {product.strips}", f"{block} / {product.strips}") if product.strips > 1 else ("0", block)
        image = product.groups * product.channels * self.pixels
        return f"""\
    SHARED_WORDS(memory);
    const int lane = threadIdx.x % 32, group = lane / 4, four = lane % 4, warp = threadIdx.x / 32;
    const int column0 = {strip[0]} * {product.width}, m0 = ({strip[1]}) * {places}, n0 = blockIdx.y * {features}, z = blockIdx.z;
    const int row = warp / {across} * {16 * product.tall} + group, column = warp % {across} * {pieces * 8};
    const int row0 = m0 / {product.width}, top = {self.patch.row("row0")};
    int at[{product.tall}][2];
    #pragma unroll
    for (int i = 0; i < {2 * product.tall}; ++i) {{
        const int m = min(m0 + row + i * 8, {product.places - 1}), y = m / {product.width};
        at[i / 2][i % 2] = {self.patch.place(f"({self.patch.row('y')} - top)", f"m % {product.width}")};
    }}
{self.patch.located("from", image, self.wide)}\
    locate_from(row0, column0);
{self.fetch()}\
    float sum[{product.tall}][{pieces}][4] = {{}};
{self.flat_places() if product.flat else ""}\
    auto multiply = [&](const unsigned* patch) {{
{self.flat() if product.flat else self.by_taps()}\
    }};
{self.loop()}\
{self.end()}"""

    # --------------------------------------------------------------------------------------------------- what is fetched

    def fetch(self):
        return f"""\
    auto fetch = [&](unsigned* patch, int c0) {{
{self.fetch_patch()}{self.fetch_weight()}\
    }};
"""

    def fetch_patch(self):
        """Each thread follows a few places through the channels: from one to the next it adds a constant."""
        product, lanes, per, pack = self.product, self.patch.lanes, self.product.per, self.patch.pack
        teams, pitch = product.threads // lanes.team, product.pitch
        inside, both = ["inside"], ["inside"]
        if product.channels % (product.depth * per):
            channel = f"(c0 + team + round * {teams}) * {per}"
            inside, both = [*inside, f"{channel} < {product.channels}"], [*both, f"{channel} + 1 < {product.channels}"]
        word = f"place + round * {teams * pitch}, seen + int64(round) * {teams * per * self.pixels}"
        some = "" if lanes.exact else f"if (team + round * {teams} < {product.depth}) "
        return f"""\
        {{
            const int team = threadIdx.x / {lanes.team}, lane = threadIdx.x % {lanes.team};
            const auto* plane = left + int64(z * {product.channels} + (c0 + team) * {per}) * {self.pixels};
            #pragma unroll
            for (int i = 0; i < {lanes.turns}; ++i) {{
                const bool inside = from[i] >= 0;
                const auto* seen = plane + (inside ? from[i] : 0);
                const int e = (lane + i * {lanes.team}) * {pack};
                unsigned* place = patch + team * {pitch} + e;
                {f"if (e < {pitch})" if lanes.turns * lanes.team * pack > pitch else ""}
                #pragma unroll
                for (int round = 0; round < {lanes.rounds}; ++round) {{
                    {some}{self.copied(word, self.pixels, inside, both, pack)}
                }}
            }}
        }}
"""

    def copied(self, word, gap, there, both, pack=1):
        """Code that copies a word, or ``pack`` of them.   gap: to the second number of a word.   there, both: conditions of its numbers."""
        there, both = [" && ".join(conditions) or "true" for conditions in (there, both)]
        if self.product.per == 2:
            return f"copy_pair({word}, {gap}, {there}, {both});"
        return f"{COPIES[pack]}({word}, {there});"

    def fetch_weight(self):
        """Likewise through the rows of the weight."""
        product, (rows, run, pitch) = self.product, self.product.run
        window, per, channels, features = product.window, product.per, product.channels, product.features
        lengths = (features if product.turned else channels) * window, run
        pack = 1 if not product.aligned or per == 2 or any([n % 4 for n in lengths]) else 4
        lanes = Lanes.of(run // pack, rows, product.threads)
        teams, row = product.threads // lanes.team, f"(team + round * {product.threads // lanes.team})"
        some = channels % (product.depth * per) != 0
        gap, far = window, "q"
        if product.turned:
            start, gap = f"((z * {channels} + (c0 + team) * {per}) * {features} + n0) * {window}", features * window
            step, first = per * gap, f"(c0 + {row}) * {per}"
            known = [] if features % product.sides[1] == 0 else [f"q < ({features} - n0) * {window}"]
        else:
            start, step = f"((z * {features} + n0 + team) * {channels} + c0 * {per}) * {window}", channels * window
            if per == 2:
                far = f"q / {window} * {2 * window} + q % {window}"
            known = [] if features % product.sides[1] == 0 else [f"n0 + {row} < {features}"]
            first = f"(c0 + q / {window}) * {per}"
        there = [*known, *([f"{first} < {channels}"] if some else [])]
        both = [*known, *([f"{first} + 1 < {channels}"] if some else [])]
        word = f"place + round * {teams * pitch}, seen + int64(round) * {teams * step}"
        return f"""\
        {{
            const int team = threadIdx.x / {lanes.team};
            const auto* line = right + int64({start});
            #pragma unroll
            for (int i = 0; i < {lanes.turns}; ++i) {{
                const int q = (threadIdx.x % {lanes.team} + i * {lanes.team}) * {pack};
                const auto* seen = line + {far};
                unsigned* place = patch + {product.depth * product.pitch} + team * {pitch} + q;
                {f"if (q < {run})" if lanes.turns * lanes.team * pack > run else ""}
                #pragma unroll
                for (int round = 0; round < {lanes.rounds}; ++round) {{
                    {"" if lanes.exact else f"if ({row} < {rows}) "}{self.copied(word, gap, there, both, pack)}
                }}
            }}
        }}
"""

    # ----------------------------------------------------------------------------------------------- what is multiplied

    def loop(self):
        product, stages = self.product, self.stages
        if not product.steps:
            return ""
        if stages == 1:
            return "    fetch(memory, 0);\n    commit_copies();\n    wait_copies<0>();\n    __syncthreads();\n    multiply(memory);\n"
        ahead = stages - 1
        return f"""\
    #pragma unroll
    for (int k = 0; k < {ahead}; ++k) {{
        fetch(memory + k * {product.stage}, k * {product.depth});
        commit_copies();
    }}
    #pragma unroll 1
    for (int k = 0; k < {product.steps}; ++k) {{
        wait_copies<{ahead - 1}>();
        __syncthreads();
        if (k + {ahead} < {product.steps}) fetch(memory + (k + {ahead}) % {stages} * {product.stage}, (k + {ahead}) * {product.depth});
        commit_copies();
        multiply(memory + k % {stages} * {product.stage});
    }}
"""

    def number(self, word):
        return word if self.product.narrow else f"near_tf32({word})"

    def pieces(self, a, b):
        """Code for the pieces of both factors, and their products.   a(i, h, far), b(j, far): code for a word."""
        pieces = self.product.columns[1]
        word = self.product.dtypes[0] if self.product.narrow else "tf32"
        left = "".join([
            f"                p[i][{h + 2 * far}] = {self.number(a(h, far))};\n" for far in (0, 1) for h in (0, 1)
        ])  # fmt: skip
        return f"""\
            unsigned p[{self.product.tall}][4], q[{pieces}][2];
            #pragma unroll
            for (int i = 0; i < {self.product.tall}; ++i) {{
{left}\
            }}
            #pragma unroll
            for (int j = 0; j < {pieces}; ++j) {{
                q[j][0] = {self.number(b(0))};
                q[j][1] = {self.number(b(1))};
            }}
            #pragma unroll
            for (int i = 0; i < {self.product.tall}; ++i) {{
                #pragma unroll
                for (int j = 0; j < {pieces}; ++j) multiply_{word}(sum[i][j], p[i], q[j]);
            }}
"""

    def by_taps(self):
        """Eight words of channels at a time, tap by tap."""
        product, pitch = self.product, self.product.pitch
        _, _, across = product.run
        step, feature = (across, product.window) if product.turned else (product.window, across)
        found = [self.patch.tap(j, i) for j in range(product.y.taps) for i in range(product.x.taps)]
        y, x = product.y.taps_at() or [(0, 0)], product.x.taps_at() or [(0, 0)]
        dy = (y[1][0] - y[0][0], y[1][1] - y[0][1]) if len(y) > 1 else (0, 0)
        dx = (x[1][0] - x[0][0], x[1][1] - x[0][1]) if len(x) > 1 else (0, 0)
        first = found[0] if found else (0, 0)
        unroll = "#pragma unroll" if product.taps <= MOST_TAPS else "#pragma unroll 1"
        taps, every = product.x.taps or 1, product.taps or 1
        a = [[f"seen[at[i][{h}] + {far * 4 * pitch}]" for far in (0, 1)] for h in (0, 1)]
        b = [f"w[j * {8 * feature} + {far * 4 * step}]" for far in (0, 1)]
        return f"""\
        const unsigned* places = patch + four * {pitch};
        const unsigned* weight = patch + {product.depth * pitch} + (column + group) * {feature} + four * {step};
        {unroll}
        for (int k = 0; k < {product.depth // 8 * product.taps}; ++k) {{
            const int c = k / {every} * 8, ty = k % {every} / {taps}, tx = k % {taps};
            const unsigned* seen = places + c * {pitch} + ty * {dy[0] * self.patch.wide} + tx * {dx[0]} + {first[0]};
            const unsigned* w = weight + c * {step} + ty * {dy[1] * product.x.window} + tx * {dx[1]} + {first[1]};
{self.pieces(lambda h, far: a[h][far], lambda far: b[far])}\
        }}
"""

    # ---------------------------------------------------------------------------------------------- channels and taps

    @property
    def flat_steps(self):
        return -(-self.product.words * self.product.window // 8)

    def flat_places(self):
        """Where in the patch the words of each channel and tap are."""
        product, x, y = self.product, self.product.x, self.product.y
        dy, dx = y.step // y.scale * self.patch.wide, x.step // x.scale
        return f"""\
    int* far = (int*)memory + {product.stage};
    for (int k = threadIdx.x; k < {self.flat_steps * 8}; k += {product.threads}) {{
        const int tap = k % {product.window};
        far[k] = k / {product.window} * {product.pitch} + tap / {x.window} * {dy} + tap % {x.window} * {dx};
        if (k >= {product.words * product.window}) far[k] = -1;
    }}
"""

    def flat(self):
        product, (_, _, across) = self.product, self.product.run
        last = self.flat_steps - 1 if product.words * product.window % 8 else -1

        def there(far, word):  # what isn't there must not be infinite
            return f"(k == {last} && far{far} < 0 ? 0u : {word})" if last >= 0 else word

        def a(h, far):
            return there(far, f"patch[far{far} + at[i][{h}]]")

        def b(far):
            return there(far, f"weight[j * {8 * across} + k * 8 + {far * 4}]")

        return f"""\
        const unsigned* weight = patch + {product.depth * product.pitch} + (column + group) * {across} + four;
        #pragma unroll
        for (int k = 0; k < {self.flat_steps}; ++k) {{
            const int far0 = far[k * 8 + four], far1 = far[k * 8 + four + 4];
{self.pieces(a, b)}\
        }}
"""

    # ------------------------------------------------------------------------------------------------------------ the end

    def end(self):
        """Sums go to memory by way of the block's own, so that threads side by side write numbers side by side."""
        product, pieces = self.product, self.product.columns[1]
        total = "sum[i / 2][j][i % 2 * 2 + e]"
        if product.bias:
            total = f"{total} + float(bias[z * {product.features} + min(n0 + n, {product.features - 1})])"
        if product.relu and not product.turned:
            total = f"larger({total}, 0.0f)"
        return f"""\
    __syncthreads();
    float* results = (float*)memory;
    #pragma unroll
    for (int j = 0; j < {pieces}; ++j) {{
        #pragma unroll
        for (int e = 0; e < 2; ++e) {{
            const int n = column + j * 8 + four * 2 + e;
            #pragma unroll
            for (int i = 0; i < {2 * product.tall}; ++i) results[n * {product.line} + row + i * 8] = {total};
        }}
    }}
    __syncthreads();
{self.written()}"""

    def written(self):
        product, (places, features) = self.product, self.product.sides
        (high, sy, fy), (wide, sx, fx) = product.y.out, product.x.out
        beyond = f" && column0 + m % {product.width} < {product.x.places}" if product.strips > 1 else ""
        pack, kind = product.pack_out, MEMORY[product.dtypes[1]]
        lanes = places // pack
        teams = product.threads // lanes
        first = f"threadIdx.x / {lanes}" if teams > 1 else 0
        there = f"min({features}, {product.features} - n0)" if product.features % features else features
        step = high * wide
        store = f"target[n * {step}] = {stored('x.at[0]', product.dtypes[1])};"
        if pack == 4:
            store = f"*(Pack<float, 4>*)(target + n * {step}) = x;"
        masked = ""
        if product.relu and product.turned:
            masked = f"""\
                const Pack<{kind}, {pack}> seen = *(const Pack<{kind}, {pack}>*)(sign + at + n * {step});
                #pragma unroll
                for (int v = 0; v < {pack}; ++v) x.at[v] = float(seen.at[v]) <= 0.0f ? 0.0f : x.at[v];
"""
        return f"""\
    #pragma unroll 1
    for (int place = threadIdx.x % {lanes} * {pack}; place < {places}; place += {min(lanes, product.threads) * pack}) {{
        const int m = m0 + place, y = m / {product.width}, x = column0 + m % {product.width};
        if (m < {product.places}{beyond}) {{
            const int line = (y % {product.y.places} * {sy} + {fy}) * {wide} + x * {sx} + {fx};
            const int64 image = y / {product.y.places} * {product.groups} + z;
            const int64 at = (image * {product.features} + n0) * {step} + line;
            {kind}* target = out + at;
            #pragma unroll 8
            for (int n = {first}; n < {there}; n += {max(teams, 1)}) {{
                Pack<float, {pack}> x = *(const Pack<float, {pack}>*)(results + n * {product.line} + place);
{masked}\
                {store}
            }}
        }}
    }}
"""
