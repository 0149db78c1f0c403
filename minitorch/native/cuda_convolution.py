"""Convolutions for a GPU, told by shapes: which functions one becomes.

    float32 rounded to TF32, float16, bfloat16, of one dim or two      tensor cores: cuda_windows.py, cuda_weights.py
    float64, float32 that is to be exact, three dims                   tiles: cuda_sliding.py

torch: ATen/native/cudnn/Conv_v8.cpp
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from .cuda import MEMORY, NARROW
from .cuda_patches import Axis
from .cuda_sliding import Sliding
from .cuda_tiles import BLOCK, BUSY, added_up, tiled
from .cuda_weights import ADDERS, Correlated, added, correlated
from .cuda_windows import Gathered, gathered, together

__all__ = ["FORWARD", "Function", "INPUT_GRADIENT", "WEIGHT_GRADIENT", "convolution", "on_cores"]

FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT = "forward", "input gradient", "weight gradient"


@dataclass(frozen=True, eq=False)
class Function:
    """A function ``NAME`` of pointers.   parameters: as they are declared, by what they point to: "left" and "right", the factors,
    "bias", "sign", "out", "partials".   grid, block: how many blocks (x, y, z) of how many threads.   shared: bytes of memory that a
    block needs.   partials: bytes that blocks leave for the function that comes next.   lives: blocks that a processor holds at a
    time, so few registers must suffice.
    """

    parameters: dict
    body: str
    grid: tuple
    block: int
    shared: int = 0
    partials: int = 0
    lives: int = 1

    def text(self, name):
        head = f'extern "C" __global__ void __launch_bounds__({self.block}, {self.lives}) {name}({", ".join(self.parameters.values())})'
        return f"{head} {{\n{self.body}}}\n"


@lru_cache(256)
def products(kind, x, weight, out, geometry, dtypes, aligned=False, bias=False, relu=False):
    """What tensor cores would multiply: Gathered products or a Correlated one; None if they can't."""
    if len(x) > 4 or dtypes[0] not in (*NARROW, "float32"):
        return None
    if kind == WEIGHT_GRADIENT:
        found = [correlated_of(x, weight, out, geometry, dtypes, aligned)]
    elif kind == INPUT_GRADIENT:
        found = [replace(one, relu=relu) for one in input_gradients(x, weight, out, geometry, dtypes, aligned)]
    else:
        groups = geometry[-1]
        down, across = axes(x[2:], weight[2:], out[2:], geometry)
        found = [Gathered(down, across, x[0], groups, weight[1], weight[0] // groups, False, dtypes, aligned, bias, relu)]
    if kind != WEIGHT_GRADIENT:
        found = arranged(found)
    return found if all([one.fits for one in found]) else None


def arranged(found):
    """Gathered products, with so many rows of warps as fit into shared memory; and of large blocks two for each processor.

    Warps that have more features and places fetch less for each product, and there are fewer of them: so only if all processors
    have some.
    """
    wide = [replace(one, broad=8) for one in found]
    found = wide if blocks_of(wide) >= BUSY else found
    rows = tall = 4
    while tall > 1 and blocks_of(found) < BUSY // 2:
        tall //= 2
        found = [replace(one, tall=tall) for one in found]
    while rows > 1 and not all([one.fits for one in found]):
        rows //= 2
        found = [replace(one, rows=rows) for one in found]
    found = [replace(one, lives=2) if one.sides[1] == 64 else one for one in found]
    return [replace(one, tall=min(2, tall)) if one.flat and one.columns[1] == 4 else one for one in found]


def blocks_of(found):
    return sum([math.prod(one.grid) for one in found])


def on_cores(kind, x, weight, out, geometry, dtypes, rounds):
    """Whether tensor cores compute it. The arguments are those of ``convolution``."""
    return (rounds or dtypes[0] in NARROW) and products(kind, x, weight, out, geometry, dtypes, True) is not None


@lru_cache(256)
def convolution(kind, x, weight, out, geometry, dtypes, rounds, aligned=False, bias=False, relu=False):
    """The Functions, to run one after the other.

    kind: FORWARD, of x and the weight; INPUT_GRADIENT, of the result's gradient and the weight; WEIGHT_GRADIENT, of x and the
    result's gradient.   x, weight, out: shapes of what the forward product reads and makes.   dtypes: of the factors and of what
    is computed.   rounds: float32 is rounded to TF32.   aligned: both factors lie at multiples of 16 bytes.   bias, relu: what
    a FORWARD product on tensor cores ends with; with relu an INPUT_GRADIENT is 0 where ``sign``, relu's result, isn't positive.
    """
    if not on_cores(kind, x, weight, out, geometry, dtypes, rounds):
        return by_tiles(kind, Sliding(x, weight, out, geometry, dtypes, rounds))
    found = products(kind, x, weight, out, geometry, dtypes, aligned, bias, relu)
    if kind == WEIGHT_GRADIENT:
        return correlations(found[0])
    more = [name for name, wanted in (("bias", bias), ("sign", relu and kind == INPUT_GRADIENT)) if wanted]
    parameters = {**factors(dtypes), **{name: f"const {MEMORY[dtypes[1]]}* __restrict__ {name}" for name in more}, **made(dtypes)}
    body, grid = (gathered(found[0]), found[0].grid) if len(found) == 1 else together(found)
    return [Function(parameters, body, grid, found[0].threads, max([one.shared for one in found]), 0, found[0].lives)]


def factors(dtypes):
    return {name: f"const {MEMORY[dtypes[0]]}* __restrict__ {name}" for name in ("left", "right")}


def made(dtypes):
    return {"out": f"{MEMORY[dtypes[1]]}* __restrict__ out"}


PARTIALS = {"partials": "char* __restrict__ partials"}


def by_tiles(kind, sliding):
    tile = {FORWARD: sliding.forward, INPUT_GRADIENT: sliding.input_gradient, WEIGHT_GRADIENT: sliding.weight_gradient}[kind]()
    body = tiled(tile, ("left", "right", "out"))
    if tile.splits == 1:
        return [Function({**factors(tile.dtypes), **made(tile.dtypes)}, body, tile.grid, BLOCK)]
    blocks = -(-tile.batch * tile.m * tile.n // BLOCK)
    return [
        Function({**factors(tile.dtypes), **PARTIALS}, body, tile.grid, BLOCK, 0, tile.partials),
        Function({**made(tile.dtypes), **PARTIALS}, added_up(tile, "out"), (blocks, 1, 1), BLOCK, 0, tile.partials),
    ]


# ------------------------------------------------------------------------------------------------------- tensor cores


def both(values, filling):
    """Of one dim or two: two."""
    return (filling, *values) if len(values) == 1 else tuple(values)


def axes(sizes, kernel, positions, geometry):
    """The Axes of a convolution."""
    stride, padding, dilation, _ = geometry
    found = zip(both(sizes, 1), both(kernel, 1), both(positions, 1), both(stride, 1), both(padding, (0, 0)), both(dilation, 1))
    return [Axis(n, o, s, -before, k, d, k, out=(o, 1, 0)) for n, k, o, s, (before, _), d in found]


def phases(axis, padding, stride, dilation):
    """The Axes by which the pixels along a dim gather: one for those that are so many steps from a multiple of the stride.

    Pixel i is seen by tap r at the place o where o * stride - padding + r * dilation = i.
    """
    found = []
    for phase in range(min(stride, axis.extent)):
        taps = [r for r in range(axis.window) if (phase + padding - r * dilation) % stride == 0]
        origin = (phase + padding - taps[0] * dilation) // stride if taps else 0
        skip = taps[1] - taps[0] if len(taps) > 1 else 1
        pixels, first = -(-(axis.extent - phase) // stride), taps[0] if taps else 0
        step = -skip * dilation // stride
        found.append(Axis(axis.places, pixels, 1, origin, len(taps), step, axis.window, first, skip, (axis.extent, stride, phase)))
    return found


def input_gradients(x, weight, out, geometry, dtypes, aligned):
    """A Gathered product for the pixels that see the same taps, what takes longest first."""
    stride, padding, dilation, groups = geometry
    found = axes(x[2:], weight[2:], out[2:], geometry)
    told = zip(found, both(padding, (0, 0)), both(stride, 1), both(dilation, 1))
    down, across = [phases(axis, before, s, d) for axis, (before, _), s, d in told]
    found = [Gathered(a, b, x[0], groups, weight[0] // groups, weight[1], True, dtypes, aligned) for a in down for b in across]
    return sorted(found, key=lambda one: -one.taps)


def correlated_of(x, weight, out, geometry, dtypes, aligned):
    groups = geometry[-1]
    return Correlated(*axes(x[2:], weight[2:], out[2:], geometry), x[0], groups, weight[1], weight[0] // groups, dtypes, aligned)


def correlations(product):
    """The Functions of a Correlated product."""
    body, read, written, lives = correlated(product), factors(product.dtypes), made(product.dtypes), product.lives
    if product.parts == 1:
        return [Function({**read, **written}, body, product.grid, product.threads, product.shared, 0, lives)]
    blocks = -(-product.numbers // ADDERS)
    return [
        Function({**read, **PARTIALS}, body, product.grid, product.threads, product.shared, product.partials, lives),
        Function({**written, **PARTIALS}, added(product), (blocks, 1, 1), 256, 0, product.partials),
    ]
