"""A convolution of each channel by itself, with stride 1: forward, and the gradient of the input, which is the same with other taps.

There is no sum over channels, so nothing would be read often enough to be worth laying out. Vectors come straight from the rows
of the image, at each shift of the kernel; what is beside the image is masked, and is 0.

    a row of x, at one shift       is loaded once, and added to all rows of the result that it reaches, each with its own tap
    ┌─────────────────────┐
    │ row 3, shifted by 1 │  →    row 2: w[2, 2]     row 3: w[1, 2]     row 4: w[0, 2]        of a kernel of 3 x 3
    └─────────────────────┘

A tile is as many rows as there are registers for their sums. A chunk is one channel of one image; or of two, half a vector each, if
a row is no longer than that.

torch: ATen/native/cpu/DepthwiseConvKernel.cpp
"""

from dataclasses import dataclass
from math import prod

from .gemm import SMALLEST_CHUNK, Code, pieces
from .text import Text
from .vectors import Vectors

__all__ = ["depthwise_text", "is_depthwise"]

WIDEST, LONGEST = 8, 800
"""Vectors in a row, at most; multiply-adds that are written out in a tile, at most."""


def is_depthwise(conv, target):
    """Whether these kernels compute a convolution, and a machine has masks for their loads."""
    alone = conv.groups == conv.channels == conv.outputs > 1 and conv.stride == (1, 1, 1)
    flat = conv.size[0] == conv.kernel[0] == 1 and conv.padding[0] == 0
    width = -(-max(conv.size[2], conv.out[2]) // target.lanes(conv.kind))
    return target.width >= 32 and alone and flat and width <= WIDEST and width * prod(conv.kernel) <= LONGEST


@dataclass(frozen=True)
class Planes:
    """A plane that becomes a plane. ``taps``: (rows down, columns right, place in the weight). ``tall``: rows of a tile.

    ``channels``: how many there are, if two images are taken at once, each half a vector; else 0.
    """

    size: tuple[int, int]
    out: tuple[int, int]
    taps: tuple[tuple[int, int, int], ...]
    tall: int
    channels: int

    @classmethod
    def of(cls, way, conv, target):
        """Of the "forward" pass, or of the gradient of the "input"."""
        size, out, sign = (conv.size[1:], conv.out[1:], 1) if way == "forward" else (conv.out[1:], conv.size[1:], -1)
        shift = [[sign * (k * step - pad) for k in range(n)] for n, step, pad in list(zip(conv.kernel, conv.dilation, conv.padding))[1:]]
        taps = [(down, right, r * conv.kernel[2] + s) for r, down in enumerate(shift[0]) for s, right in enumerate(shift[1])]
        lanes = target.lanes(conv.kind)
        vectors, channels = -(-out[1] // lanes), conv.channels if conv.batch % 2 == 0 and 2 * max(size[1], out[1]) <= lanes else 0
        most = min((target.registers - 2 - vectors) // vectors, LONGEST // (vectors * len(taps)))
        return cls(size, out, tuple(taps), pieces(out[0], max(1, most)), channels)

    @property
    def starts(self):
        """The first row of each tile; the last begins early enough to be whole."""
        last = self.out[0] - self.tall
        return [min(row, last) for row in range(0, self.out[0], self.tall)]


def depthwise_text(way, name, conv, target, preamble, epilogue=None):
    """The kernel ``@name``: C from A and the weight B, as Code. The arguments are those of ``convolution.forward_text``."""
    text, planes = Text(), Planes.of(way, conv, target)
    images = 2 if planes.channels else 1
    v = Vectors(text, conv.kind, target.lanes(conv.kind))
    write_rows(text, v, f"{name}.rows", planes)
    with text.function(f"void @{name}(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        text.do(preamble)
        with text.loop("chunk", "%begin", "%end") as chunk:
            image, channel = text.divide(chunk, conv.channels)
            image = text.multiply(image, images)
            plane = text.add(text.multiply(image, conv.channels), channel)
            x = text.at("%A", text.multiply(plane, prod(planes.size)), v.kind)
            w = text.at("%B", text.multiply(channel, prod(conv.kernel)), v.kind)
            y = text.at("%C", text.multiply(plane, prod(planes.out)), v.kind)
            with text.loop("row", 0, planes.out[0], planes.tall) as row:
                first = text.minimum(row, planes.out[0] - planes.tall)
                text.do(f"call fastcc void @{name}.rows(ptr {x}, ptr {w}, ptr {y}, i64 {first})")
            for i in range(images if epilogue else 0):
                epilogue(text, text.add(image, i), channel, text.add(channel, 1), 0, planes.out[0])
    chunks = conv.batch // images * conv.channels
    worth = -(-SMALLEST_CHUNK * chunks // max(1, conv.flops))
    return Code(str(text), chunks, max(1, min(worth // 2, chunks // 8)), 0)


def write_rows(text, v, name, planes):
    """The function ``@name``: ``tall`` rows of the result, from row ``%row`` on."""
    width = planes.out[1]
    starts = range(0, width, v.lanes)
    downs = sorted({i + down for i in range(planes.tall) for down, _, _ in planes.taps})
    with text.function(f"internal fastcc void @{name}(ptr %x, ptr %w, ptr %y, i64 %row)", "noinline nounwind"):
        sums = [v.zero] * (planes.tall * len(starts))
        for down in downs:
            inside = [0 <= row + down < planes.size[0] for row in planes.starts]
            row = text.add("%row", down)
            if all(inside):
                sums = with_row(text, v, planes, row, down, sums)
            elif any(inside):
                bit = text.let("inside", f"icmp ult i64 {row}, {planes.size[0]}")
                times = text.let("times", f"zext i1 {bit} to i64")
                with text.loop("once", 0, times, carry=[(v.type, each) for each in sums]) as once:
                    once.carry(*with_row(text, v, planes, row, down, once.values))
                sums = once.values
        for i in range(planes.tall):
            to = text.at("%y", text.multiply(text.add("%row", i), width), v.kind)
            if planes.channels:
                for half, place in enumerate((to, text.at(to, planes.channels * prod(planes.out), v.kind))):
                    halved(v).store(v.half(sums[i], half), place, width)
                continue
            for j, start in enumerate(starts):
                v.store(sums[i * len(starts) + j], text.at(to, start, v.kind), min(v.lanes, width - start))


def with_row(text, v, planes, row, down, sums):
    """The sums, with what a row of x, ``down`` from the tile's first, adds to them."""
    width, vectors, sums = planes.size[1], len(sums) // planes.tall, list(sums)
    x = text.at("%x", text.multiply(row, width), v.kind)
    for right in sorted({right for _, right, _ in planes.taps}):
        shifted = [load_shifted(v, planes, x, start, width) for start in range(right, right + vectors * v.lanes, v.lanes)]
        for tap, place in [(i, place) for i, across, place in planes.taps if across == right and 0 <= down - i < planes.tall]:
            weight = v.spread(text.load(v.kind, text.at("%w", place, v.kind)))
            for j, vector in enumerate(shifted):
                if vector is not None:
                    number = (down - tap) * vectors + j
                    sums[number] = v.multiply_add(weight, vector, sums[number])
    return sums


def halved(v):
    """The same with half as many lanes."""
    return Vectors(v.text, v.kind, v.lanes // 2)


def load_shifted(v, planes, x, start, width):
    """A vector of a row from ``start`` on, 0 where that is outside; None where all of it is. Of two images, if they are together."""
    half = halved(v) if planes.channels else v
    count, skip = max(0, min(half.lanes, width - start)), max(0, -start)
    if count <= skip:
        return None
    place = v.text.at(x, start, v.kind)
    if not planes.channels:
        return v.load(place, count, skip=skip)
    other = v.text.at(place, planes.channels * prod(planes.size), v.kind)
    return half.joined(half.load(place, count, skip=skip), half.load(other, count, skip=skip))
