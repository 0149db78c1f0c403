"""Matrix products for a GPU: calls of its library where that takes them, else tiles of our own.

torch: ATen/native/cuda/Blas.cpp
"""

import math

from ..backends import cuda
from ..backends.matrices import laid, like_others, merged
from ..native.cuda import MEMORY
from ..native.cuda_tiles import BLOCK, Tiled, added_up, tiled
from .epilogues import FINISHED, SMALL
from .launches import PARTIALS, Call, Launch

__all__ = ["multiplied"]


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
        product = like_others(dtypes=dtypes, rounds=cuda.matmul.allow_tf32, bias=bias, adds=adds, relu=relu, **known)
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
    return launched(tile.shared(), places, kernel)


def numbered(extents, strides):
    """The terms of a place that say in which product of a batch it is."""
    terms, rest = [], 1
    for n, s in zip(reversed(extents), reversed(strides)):
        if s and n > 1:
            terms.append(f"int64(z / {rest} % {n}) * {s}")
        rest *= n
    return terms


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
