"""Matrix products and convolutions for a GPU: calls of its library where that takes them, else tiles of our own.

A convolution is a product whose left matrix, the windows side by side, is never laid out: a tile's numbers are fetched from
where the windows see them.

torch: ATen/native/cuda/Blas.cpp, torch/_inductor/kernel/conv.py
"""

import math

from ..backends import cuda, cudnn
from ..backends.matrices import Product, laid, merged
from ..native.cuda import MEMORY
from ..native.cuda_tiles import BLOCK, Tiled, added_up, tiled
from ..tables import windows
from .access import contiguous
from .cuda_epilogues import FINISHED, SMALL
from .launches import PARTIALS, Call, Launch

__all__ = ["multiplied", "slid"]

BUSY, LONG = 264, 256
"""Blocks that keep a large GPU busy; and the shortest sum that is worth a block of its own."""


def multiplied(kernel, found, plan):
    """The Launches or the Call of a matmul."""
    (step,) = kernel.steps
    (x, y, *more), out = step.inputs, step.out
    batch = out.shape[:-2]
    m, n, k = out.shape[-2], out.shape[-1], x.shape[-1]
    a, b, c = found[x].broadcast((*batch, m, k)), found[y].broadcast((*batch, k, n)), found[out]
    places, offsets = [plan.places[a.base], plan.places[b.base], plan.places[out]], (a.offset, b.offset, 0)
    dtypes, strides = (x.dtype.name, out.dtype.name), [access.strides for access in (a, b, c)]
    known = laid(batch, (m, n, k), strides) if m * n * k > SMALL and places[2].kind != "input" else None
    if known is not None:
        bias, adds, relu = FINISHED.get(step.row, (False, False, False))
        product = Product(dtypes=dtypes, rounds=cuda.matmul.allow_tf32, bias=bias, adds=adds, relu=relu, **known)
        places += [plan.places[found[v].base] for v in more]
        begins = [offset * v.dtype.itemsize for offset, v in zip((*offsets, *[found[v].offset for v in more]), (x, y, out, *more))]
        return [Call(product, begins, places, kernel)]
    count, between = merged(batch, *[s[:-2] for s in strides])
    extents = count if count.__class__ is tuple else (count,)
    each = [s if s.__class__ is tuple else (s,) for s in between]
    sides = [numbered(extents, s) for s in each]
    at = [
        " + ".join([str(offset), *side, *[f"{name} * {s}" for name, s in zip(names, access.strides[-2:]) if s]])
        for offset, side, names, access in zip(offsets, sides, ("mk", "kn", "mn"), (a, b, c))
    ]
    first = (a.strides[-2] == 1, b.strides[-1] == 1)
    tile = Tiled(
        m, n, k, math.prod(extents), dtypes, (f"x = b0[{at[0]}];",), (f"x = b1[{at[1]}];",), at[2],
        first, cuda.matmul.allow_tf32,
    )  # fmt: skip
    return launched(shared(tile), places, kernel)


def numbered(extents, strides):
    """The terms of a place that say in which product of a batch it is."""
    terms, rest = [], 1
    for n, s in zip(reversed(extents), reversed(strides)):
        if s and n > 1:
            terms.append(f"int64(z / {rest} % {n}) * {s}")
        rest *= n
    return terms


def shared(tile):
    """The product by so many blocks that the GPU is busy."""
    blocks = math.prod(tile.grid)
    splits = min(-(-BUSY // blocks), tile.k // LONG, 64)
    return tile if splits < 2 else Tiled(**{**vars(tile), "splits": splits})


def launched(tile, places, kernel):
    """The Launches of a Tiled product of three buffers."""
    read, written = [MEMORY[name] for name in tile.dtypes]
    parameters = [f"const {read}* __restrict__ b0", f"const {read}* __restrict__ b1", f"{written}* __restrict__ b2"]
    writes = frozenset([2])
    if tile.splits == 1:
        return [Launch(parameters, tiled(tile, ("b0", "b1", "b2")), places, tile.grid, BLOCK, kernel, writes)]
    partials, count = "char* __restrict__ partials", tile.batch * tile.m * tile.n
    return [
        Launch(
            [*parameters[:2], partials], tiled(tile, ("b0", "b1", "b2")), [*places[:2], PARTIALS], tile.grid, BLOCK, kernel,
            frozenset(), tile.partials,
        ),
        Launch(
            [parameters[2], partials], added_up(tile, "b2"), [places[2], PARTIALS], (-(-count // BLOCK), 1, 1), BLOCK, kernel,
            frozenset([0]), tile.partials,
        ),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------------- convolutions


class Sliding:
    """A convolution, told as extents and as code.   image, window, seen: the extents of x, the weight and the result."""

    def __init__(self, step):
        *_, (self.stride, padding, self.dilation, self.groups) = step.params
        self.before = [before for before, _ in padding]
        x, weight, out = {
            windows.conv: (*step.inputs, step.out), windows.conv_input_grad: (step.out, step.inputs[1], step.inputs[0]),
            windows.conv_weight_grad: (step.inputs[0], step.out, step.inputs[1]),
        }[step.row]  # fmt: skip
        self.count, self.channels, *self.image = x.shape
        self.features, self.depth, *self.window = weight.shape  # depth: channels that a feature sees
        self.seen, self.dtypes = out.shape[2:], (step.inputs[0].dtype.name, step.out.dtype.name)
        self.each = self.features // self.groups
        self.pixels, self.taps, self.places = math.prod(self.image), math.prod(self.window), math.prod(self.seen)

    def split(self, name, extents, letter):
        """Code that names the index along each dim of a flat one."""
        steps = contiguous(extents)
        return [f"const int {letter}{d} = {name} / {s} % {n};" for d, (s, n) in enumerate(zip(steps, extents))]

    def fetched(self, buffer, name, lead, extents, letter):
        """Code that sets x to the number at these indices, if they lie within ``extents``."""
        inside = " && ".join([f"{letter}{d} >= 0 && {letter}{d} < {n}" for d, n in enumerate(extents)])
        at = " + ".join([f"{letter}{d} * {s}" for d, s in enumerate(contiguous(extents))])
        return f"if ({inside}) x = {buffer}[int64({lead}) * {math.prod(extents)} + {at}];"

    def looked_at(self, place, tap, image, channel, buffer):
        """Code for the number of x that a tap of the window sees at a place of the result."""
        code = [*self.split(place, self.seen, "o"), *self.split(tap, self.window, "w")]
        code += [
            f"const int i{d} = o{d} * {s} - {p} + w{d} * {step};"
            for d, (s, p, step) in enumerate(zip(self.stride, self.before, self.dilation))
        ]
        lead = f"({image}) * {self.channels} + z * {self.depth} + {channel}"
        return (*code, self.fetched(buffer, "x", lead, self.image, "i"))

    def forward(self):
        a = self.looked_at(f"m % {self.places}", f"k % {self.taps}", f"m / {self.places}", f"k / {self.taps}", "b0")
        k = self.depth * self.taps
        c = f"(int64(m / {self.places}) * {self.features} + z * {self.each} + n) * {self.places} + m % {self.places}"
        b = (f"x = b1[(z * {self.each} + n) * {k} + k];",)
        return self.product(self.count * self.places, self.each, k, a, b, c, (True, False))

    def input_gradient(self):
        """Each pixel gathers from the places whose windows see it."""
        pixel, tap = f"m % {self.pixels}", f"k % {self.taps}"
        code = [*self.split(pixel, self.image, "i"), *self.split(tap, self.window, "w")]
        aligned = []
        for d, (s, p, step) in enumerate(zip(self.stride, self.before, self.dilation)):
            code.append(f"const int s{d} = i{d} + {p} - w{d} * {step}, o{d} = s{d} < 0 ? -1 : s{d} / {s};")
            aligned += [f"s{d} % {s} == 0"] if s > 1 else []
        lead = f"m / {self.pixels} * {self.features} + z * {self.each} + k / {self.taps}"
        fetch = self.fetched("b0", "x", lead, self.seen, "o")
        a = (*code, f"if ({' && '.join(aligned)}) {fetch}" if aligned else fetch)
        b = (f"x = b1[((z * {self.each} + k / {self.taps}) * {self.depth} + n) * {self.taps} + {tap}];",)
        c = f"(int64(m / {self.pixels}) * {self.channels} + z * {self.depth} + n) * {self.pixels} + {pixel}"
        return self.product(self.count * self.pixels, self.depth, self.each * self.taps, a, b, c, (True, False))

    def weight_gradient(self):
        n = self.depth * self.taps
        a = (f"x = b1[(int64(k / {self.places}) * {self.features} + z * {self.each} + m) * {self.places} + k % {self.places}];",)
        b = self.looked_at(f"k % {self.places}", f"n % {self.taps}", f"k / {self.places}", f"n / {self.taps}", "b0")
        c = f"(z * {self.each} + m) * {n} + n"
        return self.product(self.each, n, self.count * self.places, a, b, c, (False, False))

    def product(self, m, n, k, a, b, c, rows_first):
        return Tiled(m, n, k, self.groups, self.dtypes, a, b, c, rows_first, cudnn.allow_tf32)


WAYS = {
    windows.conv: Sliding.forward, windows.conv_input_grad: Sliding.input_gradient,
    windows.conv_weight_grad: Sliding.weight_gradient,
}  # fmt: skip


def slid(kernel, found, plan):
    """The Launches of a convolution, or of one of its gradients. All that it reads lies in order."""
    (step,) = kernel.steps
    x, y = step.inputs
    offsets = [found[x].offset, found[y].offset]
    places = [plan.places[found[v].base] for v in (x, y, step.out)]
    launches = launched(shared(WAYS[step.row](Sliding(step))), places, kernel)
    for k, offset in enumerate(offsets):
        if offset:
            launches[0].body = f"    b{k} += {offset};\n" + launches[0].body
    return launches
