"""What slides over what: a convolution, and its two passes as planes that become planes.

    Conv        the sizes of a convolution
    Planes      the planes of a pass: forward, or the gradient of the input
    Sliding     how it is computed: out[row, place] = Σ weight[row, inner, tap] x[inner, place + tap]
    Phase       the outputs of it that are computed alike, by the same taps

Places are flat indices into a layout of the input (convolution.py has the picture).
"""

from dataclasses import dataclass
from itertools import product
from math import prod

__all__ = ["Conv", "Phase", "Planes", "Sliding", "axis_phases", "reached", "sliding_backward", "sliding_forward"]

MOST, FEW = 8, 8
"""Phases that are written together, at most; outputs that read a plane so few times that it isn't worth copying."""


@dataclass(frozen=True)
class Conv:
    """A convolution of ``batch`` images: (channels, *size) → (outputs, *out), in one, two or three dimensions.

    The weight is (outputs, channels / groups, *kernel). All arrays are contiguous. ``after``: the padding behind an image, where it
    isn't the same as before it.
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
    after: tuple[int, ...] | None = None

    def __post_init__(self):
        """Make three dimensions of one or two, the first ones of length 1."""
        rank = len(self.size)
        for name, filler in [("size", 1), ("kernel", 1), ("stride", 1), ("padding", 0), ("dilation", 1), ("after", 0)]:
            if getattr(self, name) is None:
                continue
            values = tuple(getattr(self, name))[-rank:]
            object.__setattr__(self, name, (filler,) * (3 - rank) + values)

    @property
    def out(self):
        """The size of an output.

        >>> Conv(1, 3, 8, (32, 32), (3, 3), (2, 2), (1, 1)).out
        (1, 16, 16)
        """
        spans = zip(self.size, self.kernel, self.stride, self.padding, self.after or self.padding, self.dilation)
        return tuple((n + pad + after - step * (k - 1) - 1) // stride + 1 for n, k, stride, pad, after, step in spans)

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
class Planes:
    """Planes that become planes, in each image and group: ``rows`` of the size ``out``, each of all ``inner`` of the size ``size``.

    ``weight`` has the strides of (group, row, inner).
    """

    batch: int
    groups: int
    inner: int
    rows: int
    size: tuple[int, ...]
    out: tuple[int, ...]
    weight: tuple[int, int, int]
    kind: str

    @classmethod
    def of(cls, conv, forward):
        """Those of the forward pass, or of the gradient of the input.

        >>> conv = Conv(8, 6, 10, (9, 9), (3, 3), groups=2)
        >>> Planes.of(conv, True).weight, Planes.of(conv, False).weight
        ((135, 27, 9), (135, 9, 27))
        """
        channels, outputs, area = conv.channels // conv.groups, conv.outputs // conv.groups, prod(conv.kernel)
        group, output = outputs * channels * area, channels * area
        if forward:
            return cls(conv.batch, conv.groups, channels, outputs, conv.size, conv.out, (group, output, area), conv.kind)
        return cls(conv.batch, conv.groups, outputs, channels, conv.out, conv.size, (group, area, output), conv.kind)


@dataclass(frozen=True)
class Sliding(Planes):
    """Planes that become planes: out[row, place] = Σ weight[row, inner, tap] x[inner, place + tap], for each group.

    The layout holds ``parts`` images of ``grid`` places for each plane: part (a, b, c) at place i is the input at
    i * step + part - low, 0 where that is outside.

    band: how many of the ``total`` outputs along ``axis`` are computed at once. fold: so many images are one, of as many depths.
    deep: the columns of so many channels are laid out at once (convolution_dense.py); 0: of none.
    """

    grid: tuple[int, ...]
    low: tuple[int, ...]
    step: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    phases: tuple[Phase, ...]
    axis: int
    total: int
    band: int
    fold: int = 1
    deep: int = 0

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
    def together(self):
        """The numbers of phases whose outputs are written at once: those of the same rows, where they fill them, in turn."""
        numbers, step = range(len(self.phases)), self.phases[0].step[2]
        if 1 < step <= MOST and [phase.start[2] for phase in self.phases] == [n % step for n in numbers]:
            return [tuple(numbers[n : n + step]) for n in numbers[::step]]
        return [(n,) for n in numbers]

    @property
    def plane(self):
        """How many numbers the layout of one plane holds; of the input itself a band has its distances."""
        return prod(self.size) if self.bare else len(self.parts) * prod(self.grid)

    @property
    def bare(self):
        """Whether the layout is the input itself. A band is copied all the same if it is read often."""
        once = self.rows <= FEW and [len(phase.taps) for phase in self.phases] == [1]
        alike = [mine == its or (once and i == self.axis) for i, (mine, its) in enumerate(zip(self.grid, self.size))]
        return all(alike) and self.low == (0, 0, 0) and self.step == (1, 1, 1) and self.fold == 1

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

    phase = Phase(count, (0, 0, 0), (1, 1, 1), tuple((offset(place), i) for i, place in enumerate(far)))
    return Sliding(
        **vars(Planes.of(conv, True)), grid=grid, low=conv.padding, step=conv.stride, parts=tuple(parts), phases=(phase,),
        axis=axis, total=conv.out[axis], band=count[axis],
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

    return Sliding(
        **vars(Planes.of(conv, False)), grid=grid, low=low, step=(1, 1, 1), parts=((0, 0, 0),), phases=tuple(phases),
        axis=axis, total=total, band=axes[axis][0][1],
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


def reached(conv, forward):
    """Along each dimension, for each place of the result: [(place that it sees, tap)]. Forward, or for the input's gradient.

    >>> reached(Conv(1, 1, 1, (3,), (3,), padding=(1,)), True)[2]
    [[(0, 1), (1, 2)], [(0, 0), (1, 1), (2, 2)], [(1, 0), (2, 1)]]
    """
    seen, out = (conv.size, conv.out) if forward else (conv.out, conv.size)
    axes = []
    for d, (stride, pad, step) in enumerate(zip(conv.stride, conv.padding, conv.dilation)):
        axis, kernel = [], range(conv.kernel[d])
        for place in range(out[d]):
            if forward:
                found = [(place * stride - pad + k * step, 0) for k in kernel]
            else:
                found = [divmod(place + pad - k * step, stride) for k in kernel]
            axis.append([(at, k) for k, (at, rest) in enumerate(found) if rest == 0 and 0 <= at < seen[d]])
        axes.append(axis)
    return axes
