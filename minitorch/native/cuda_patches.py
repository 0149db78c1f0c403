"""Patches: what windows see of some channels, in the memory that the threads of a block share.

    a tile of places            rows of the padded images that its windows reach      the places of a tap are the patch's,
    ┌─────────┐                 ┌───────────┐                                         shifted by one number
    │ . . . . │ 4 x 4 places →  │ 0 x x x 0 │  6 x 6 of each channel            →     at[place + tap]
    └─────────┘                 └───────────┘

A number is fetched once for a tile, however many taps see it, and no index is computed where numbers are multiplied. The rows
of all images are counted as if the padded images stood one below the other, so that a tile may begin and end anywhere.

A *word* is what a tensor core takes at a time: a float32 (which it reads as TF32), or two narrow numbers that follow each
other along the sum. Words are copied while others are multiplied: several *stages* of them lie side by side.

torch: cutlass/conv/threadblock.   Implicit products: Chetlur et al. 2014, arXiv:1410.0759
"""

import math
from dataclasses import dataclass

from .cuda import NARROW

__all__ = ["Axis", "COPIES", "Convolved", "Lanes", "MOST_SHARED", "Patch", "above"]

MOST_SHARED = 99 << 10
"""Bytes of memory that the threads of a block may share on every GPU with these tensor cores."""
COPIES = {1: "copy_word", 2: "copy_two", 4: "copy_four"}
"""The functions that copy so many words at once."""


@dataclass(frozen=True)
class Axis:
    """What windows see along one dim: tap j of place o sees o * stride + origin + j * step.

    extent: of what is seen; places: how many; taps: of the window, of which these are first, first + skip, … of the
    weight's ``window``.   out: (extent, stride, first) of the result's dim that the places are.
    """

    extent: int
    places: int
    stride: int
    origin: int
    taps: int
    step: int
    window: int
    first: int = 0
    skip: int = 1
    out: tuple = ()

    @property
    def scale(self):
        """Every so many of what is seen are in a patch."""
        return math.gcd(self.stride, self.step) if self.taps > 1 else self.stride

    @property
    def each(self):
        """Numbers of a patch from one place to the next."""
        return self.stride // self.scale

    @property
    def low(self):
        return min(0, (self.taps - 1) * self.step)

    @property
    def span(self):
        """Numbers of a patch that a window reaches over."""
        return abs((self.taps - 1) * self.step) // self.scale + 1

    @property
    def frame(self):
        """Numbers of a patch that all windows reach over."""
        return (self.places - 1) * self.each + self.span

    def taps_at(self):
        """(where in a patch, where in the weight) each tap is, from where the window begins."""
        return [((j * self.step - self.low) // self.scale, self.first + j * self.skip) for j in range(self.taps)]


class Convolved:
    """What both kinds of products say alike, of their Axes ``y`` and ``x`` and the ``dtypes`` of what they read."""

    @property
    def narrow(self):
        return self.dtypes[0] in NARROW

    @property
    def per(self):
        """Numbers of a word."""
        return 2 if self.narrow else 1

    @property
    def taps(self):
        return self.y.taps * self.x.taps

    @property
    def width(self):
        """Places of a row that a block has: all of them, or a part of a long row."""
        if self.x.places <= 64:
            return self.x.places
        return min(range(32, 65), key=lambda n: (-(-self.x.places // n) * n, -n))

    @property
    def strips(self):
        return -(-self.x.places // self.width)

    @property
    def pack(self):
        """Numbers of a patch that are fetched at once: so many divide the rows of an image, and make those of a patch little longer."""
        if self.narrow or not self.aligned or self.x.scale > 1:
            return 1
        strip, begin = self.width * self.x.stride if self.strips > 1 else 0, self.x.origin + self.x.low
        reach = (self.width - 1) * self.x.each + self.x.span
        fits = [n for n in (1, 2, 4) if self.x.extent % n == 0 and strip % n == 0]
        return max([n for n in fits if above(begin % n + reach, n, 0) <= 1.2 * reach])


def above(n, step, rest):
    """The first number from n on that is ``rest`` beyond a multiple of ``step``.

    >>> above(72, 32, 8), above(73, 32, 8)
    (72, 104)
    """
    return n + (rest - n) % step


@dataclass(frozen=True)
class Lanes:
    """How ``threads`` fetch ``planes`` of ``size`` words each: in teams of so many, a plane each."""

    team: int
    turns: int
    planes: int
    threads: int

    @classmethod
    def of(cls, size, planes, threads):
        teams = [team for team in (32, 64, 128, 256) if team <= threads]
        team = min(teams, key=lambda team: (max(-(-size // team) - 4, 0), -(-size // team) * -(-planes * team // threads), -team))
        return cls(team, -(-size // team), planes, threads)

    @property
    def rounds(self):
        return -(-self.planes * self.team // self.threads)

    @property
    def exact(self):
        return self.planes * self.team % self.threads == 0


@dataclass(frozen=True)
class Patch:
    """The patch of ``rows`` rows of ``width`` places.   y, x: Axes;   images: how many;   planes: of words in a stage.

    pack: words that are fetched at once. A row then begins where so many do, ``lead`` words before what its windows see.
    """

    y: Axis
    x: Axis
    images: int
    rows: int
    width: int
    planes: int
    threads: int
    pad: int = 0
    pack: int = 1

    @property
    def lead(self):
        return (self.x.origin + self.x.low) % self.pack

    @property
    def wide(self):
        """Numbers of a row: what its windows see, and perhaps some more that keep rows in different banks."""
        return above(self.lead + (self.width - 1) * self.x.each + self.x.span + self.pad, self.pack, 0)

    @property
    def size(self):
        return self.rows * self.wide

    @property
    def lanes(self):
        return Lanes.of(self.size // self.pack, self.planes, self.threads)

    def row(self, row):
        """Code for the row of a patch, were it of all images, where the windows of a row of places begin."""
        if self.y.frame == self.y.places * self.y.each:
            return f"({row}) * {self.y.each}"
        return f"(({row}) / {self.y.places} * {self.y.frame} + ({row}) % {self.y.places} * {self.y.each})"

    def place(self, row, column):
        """Code for where in the patch the windows begin of a place in that row of the patch, and that column of places."""
        return f"{row} * {self.wide} + {column} * {self.x.each} + {self.lead}"

    def tap(self, j, i):
        """(where in a patch, where in the weight) a tap is."""
        (y, v), (x, u) = self.y.taps_at()[j], self.x.taps_at()[i]
        return y * self.wide + x, v * self.x.window + u

    def located(self, names, image, wide):
        """A function of a first row of places and a first column that notes where a thread's words come from.

        image: numbers between two images (or pairs of them);   wide: the type of places.
        """
        y, x, lanes = self.y, self.x, self.lanes
        return f"""\
    {wide} {names}[{lanes.turns}];
    auto locate_{names} = [&](int row, int column) {{
        const int top = {self.row("row")};
        #pragma unroll
        for (int i = 0; i < {lanes.turns}; ++i) {{
            const int e = (threadIdx.x % {lanes.team} + i * {lanes.team}) * {self.pack}, v = top + e / {self.wide};
            const int image = v / {y.frame}, iy = v % {y.frame} * {y.scale} + {y.origin + y.low};
            const int ix = column * {x.stride} + e % {self.wide} * {x.scale} + {x.origin + x.low - self.lead};
            const bool inside = e < {self.size} && image < {self.images} && iy >= 0 && iy < {y.extent} && ix >= 0 && ix < {x.extent};
            {names}[i] = inside ? {wide}(image) * {image} + iy * {x.extent} + ix : -1;
        }}
    }};
"""
