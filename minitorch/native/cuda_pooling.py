"""Pooling for a GPU, a thread for each element of the result.

    largest        where in its map the largest element of a window is: the first of several, the last NaN
    taken          the element there
    returned       its gradient: each pixel asks the windows that see it whether they took it, and adds up what they give
    mean, spread   the sum of a window, divided; and what each pixel gets of it

All that is added to a pixel is added by one thread, in the order of the windows. So nothing depends on which thread comes first.
A geometry is (kernel, stride, padding, dilation, positions), with an entry for each dim.

torch: ATen/native/cuda/DilatedMaxPool2d.cu, AveragePool2d.cu
"""

import math

from .cuda import KINDS, MEMORY, stored
from .cuda_convolution import Function

__all__ = ["largest", "mean", "returned", "spread", "taken"]

THREADS = 256
BLOCKS = 1 << 16
MOST_ASKED = 4
"""Windows along a dim that are written out one by one."""


def each(parameters, count, lines):
    """A Function that runs lines for i = 0, 1, … count - 1."""
    kind = "int64" if count >= 1 << 30 else "int"
    blocks = min(-(-count // THREADS), BLOCKS)
    text = "".join([f"        {line}\n" for line in lines])
    body = f"    for ({kind} i = {kind}(blockIdx.x) * {THREADS} + threadIdx.x; i < {count}; i += {blocks * THREADS}) {{\n{text}    }}\n"
    return Function(parameters, body, (blocks, 1, 1), THREADS)


def pointer(name, dtype, written=False):
    return f"{'' if written else 'const '}{MEMORY[dtype]}* __restrict__ {name}"


def split(extents, letter):
    """Lines that name the index along each dim of element i of some maps, and the map's number."""
    lines = [f"const int {letter}{d} = i / {math.prod(extents[d + 1 :])} % {n};" for d, n in enumerate(extents)]
    return [*lines, f"const int64 map = i / {math.prod(extents)};"]


def at(extents, names):
    """The place in a map, of an index for each dim.

    >>> at((5, 7), ["y", "x"])
    'y * 7 + x'
    """
    steps = [math.prod(extents[d + 1 :]) for d in range(len(extents))]
    return " + ".join([name if s == 1 else f"{name} * {s}" for name, s in zip(names, steps)])


def looking(sizes, geometry, inner):
    """Loops over what a window sees of its map: the indices are i0, i1, …; the first that there is, is first0, …"""
    kernel, stride, padding, dilation, _ = geometry
    lines = []
    for d, (s, p, step) in enumerate(zip(stride, padding, dilation)):
        inside = f"start{d} < 0 ? start{d} + ({step - 1} - start{d}) / {step} * {step} : start{d}"
        lines.append(f"const int start{d} = o{d} * {s} - {p}, first{d} = {inside if p else f'start{d}'};")
    for d, (k, step, n) in enumerate(zip(kernel, dilation, sizes)):
        lines.append(f"for (int i{d} = first{d}; i{d} < min(start{d} + {(k - 1) * step + 1}, {n}); i{d} += {step})")
    return [*lines, "{", *inner, "}"]


def asking(geometry, inner):
    """Loops over the windows that see pixel i0, i1, …: their positions are o0, o1, …"""
    kernel, stride, padding, dilation, positions = geometry
    lines = []
    for d, (k, s, p, step, n) in enumerate(zip(kernel, stride, padding, dilation, positions)):
        reach = (k - 1) * step
        count = reach // s + 1  # that see a pixel, at most: so few are asked all at once
        lines.append(f"const int far{d} = i{d} + {p};")
        lines += ["#pragma unroll"] if count <= MOST_ASKED else []
        lines.append(f"for (int o{d} = far{d} / {s} - {count - 1}; o{d} <= far{d} / {s}; ++o{d})")
        along = f" && (far{d} - o{d} * {s}) % {step} == 0" if step > 1 else ""
        lines.append(f"if (o{d} >= 0 && o{d} < {n} && far{d} - o{d} * {s} <= {reach}{along})")
        lines.append("{")
    return [*lines, *inner, *["}"] * len(kernel)]


def largest(maps, sizes, geometry, dtype):
    """The Function of ``x`` and ``out``."""
    positions, size = geometry[-1], math.prod(sizes)
    dims = range(len(sizes))
    kind = KINDS[dtype]
    here = at(sizes, [f"i{d}" for d in dims])
    lines = split(positions, "o")
    look = looking(sizes, geometry, [f"const {kind} y = x[map * {size} + {here}];", f"if (y > best || y != y) best = y, place = {here};"])
    first = at(sizes, [f"first{d}" for d in dims])
    starts = look[: len(sizes)]
    lines += [*starts, f"int place = {first};", f"{kind} best = x[map * {size} + place];", *look[len(sizes) :], "out[i] = place;"]
    return each({"x": pointer("x", dtype), "out": pointer("out", "int64", True)}, maps * math.prod(positions), lines)


def taken(maps, size, positions, dtype):
    """The Function of ``x``, ``index`` and ``out``: the elements of maps of that size at so many places of each."""
    parameters = {"x": pointer("x", dtype), "index": pointer("index", "int64"), "out": pointer("out", dtype, True)}
    return each(parameters, maps * positions, [f"out[i] = x[int64(i / {positions}) * {size} + index[i]];"])


def returned(maps, sizes, geometry, dtype):
    """The Function of ``g``, ``index`` and ``out``."""
    positions, size = geometry[-1], math.prod(sizes)
    dims, kind = range(len(sizes)), KINDS[dtype]
    place = f"map * {math.prod(positions)} + {at(positions, [f'o{d}' for d in dims])}"
    found = asking(geometry, [f"if (index[{place}] == here) sum += g[{place}];"])
    lines = [*split(sizes, "i"), f"const int here = i % {size};", f"{kind} sum = 0;", *found, f"out[i] = {stored('sum', dtype)};"]
    parameters = {"g": pointer("g", dtype), "index": pointer("index", "int64"), "out": pointer("out", dtype, True)}
    return each(parameters, maps * size, lines)


def shares(counts, dims):
    """(what a sum at o0, o1, … is divided by, parameters): a number, or the product of a number for each dim."""
    if counts.__class__ is not tuple:
        return f"{counts}", {}
    starts = [sum([len(c) for c in counts[:d]]) for d in dims]
    return " * ".join([f"counts[{start} + o{d}]" for d, start in zip(dims, starts)]), {"counts": "const int* __restrict__ counts"}


def mean(maps, sizes, geometry, dtype, counts):
    """The Function of ``x`` and ``out``; and of ``counts``, those of all dims behind each other, where they are a tuple."""
    positions, kind = geometry[-1], KINDS[dtype]
    dims = range(len(sizes))
    by, more = shares(counts, dims)
    look = looking(sizes, geometry, [f"sum += x[map * {math.prod(sizes)} + {at(sizes, [f'i{d}' for d in dims])}];"])
    lines = [*split(positions, "o"), f"{kind} sum = 0;", *look, f"out[i] = {stored(f'sum / {kind}({by})', dtype)};"]
    return each({"x": pointer("x", dtype), **more, "out": pointer("out", dtype, True)}, maps * math.prod(positions), lines)


def spread(maps, sizes, geometry, dtype, counts):
    """The Function of ``g`` and ``out``, and of ``counts``."""
    positions, kind = geometry[-1], KINDS[dtype]
    dims = range(len(sizes))
    by, more = shares(counts, dims)
    place = f"map * {math.prod(positions)} + {at(positions, [f'o{d}' for d in dims])}"
    found = asking(geometry, [f"sum += g[{place}] / {kind}({by});"])
    lines = [*split(sizes, "i"), f"{kind} sum = 0;", *found, f"out[i] = {stored('sum', dtype)};"]
    return each({"g": pointer("g", dtype), **more, "out": pointer("out", dtype, True)}, maps * math.prod(sizes), lines)
