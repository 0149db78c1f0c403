"""Convolution and pooling on CuPy arrays, by kernels of our own (native/cuda_convolution.py, cuda_pooling.py): the same that
compiled programs use. Each is compiled when a shape is first met, and kept.

torch: aten/src/ATen/native/cudnn/ConvShared.cpp, cuda/DilatedMaxPool2d.cu, AveragePool2d.cu
"""

import math
from functools import lru_cache, wraps

import cupy
import numpy

from ..native.cuda import PRELUDE
from ..native.cuda_convolution import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, convolution, on_cores
from ..native.cuda_pooling import largest, mean, returned, spread, taken
from . import cudnn
from .complex import complex_of
from .convolution import output_sizes
from .cupy_indexing import add_at
from .numpy import dtype_of
from .pooling import maps_of, overlapping

__all__ = [
    "avg_pool", "avg_pool_grad", "conv", "conv_input_grad", "conv_weight_grad", "max_pool_index", "pool_gather",
    "pool_scatter",
]  # fmt: skip


@lru_cache(1024)
def loaded(function):
    """The kernel of a Function."""
    kernel = cupy.RawModule(code=PRELUDE + function.text("kernel"), options=("-std=c++17",)).get_function("kernel")
    if function.shared:
        kernel.max_dynamic_shared_size_bytes = function.shared
    return kernel


def run(functions, **arrays):
    """Launch Functions, one after the other, on arrays by the names of their parameters."""
    size = max([function.partials for function in functions])
    if size:
        arrays["partials"] = cupy.empty(size, numpy.uint8)
    for function in functions:
        given = tuple([arrays[name] for name in function.parameters])
        loaded(function)(function.grid, (function.block,), given, shared_mem=function.shared)


# --------------------------------------------------------------------------------------------------------- convolution


def conv(x, weight, bias, geometry):
    """x: (N, C, *sizes), weight: (O, C / groups, *kernel), bias: (O) or None → (N, O, *positions)."""
    out = (len(x), len(weight), *output_sizes(x.shape[2:], weight.shape[2:], geometry))
    shapes = (x.shape, weight.shape, out)
    if bias is not None and out[0] and x.size and weight.size and computed_on_cores(FORWARD, x, shapes, geometry):
        return convolved(FORWARD, x, weight, out, shapes, geometry, bias)
    result = convolved(FORWARD, x, weight, out, shapes, geometry)
    return result if bias is None else cupy.add(result, bias.reshape(-1, *[1] * (x.ndim - 2)), result)


def conv_input_grad(g, weight, shape, geometry):
    """The gradient of an input of that shape. g: (N, O, *positions)."""
    return convolved(INPUT_GRADIENT, g, weight, tuple(shape), (tuple(shape), weight.shape, g.shape), geometry)


def conv_weight_grad(x, g, shape, geometry):
    """The gradient of a weight of that shape. x: (N, C, *sizes), g: (N, O, *positions)."""
    return convolved(WEIGHT_GRADIENT, x, g, tuple(shape), (x.shape, tuple(shape), g.shape), geometry)


def computed_on_cores(kind, x, shapes, geometry):
    name = dtype_of(x).name
    return on_cores(kind, *shapes, geometry, (name, name), cudnn.allow_tf32)


def convolved(kind, left, right, shape, shapes, geometry, bias=None):
    """A product of that shape.   shapes: see ``convolution``.   bias: only where tensor cores compute it."""
    if not (left.size and right.size and math.prod(shape)):
        return cupy.zeros(shape, left.dtype)
    if left.dtype.kind == "c":
        return of_parts(kind, left, right, shape, shapes, geometry)
    left, right, out = cupy.ascontiguousarray(left), cupy.ascontiguousarray(right), cupy.empty(shape, left.dtype)
    name, aligned = dtype_of(left).name, not (left.data.ptr | right.data.ptr) % 16
    functions = convolution(kind, *shapes, geometry, (name, name), cudnn.allow_tf32, aligned, bias is not None)
    more = {} if bias is None else {"bias": cupy.ascontiguousarray(bias)}
    run(functions, left=left, right=right, out=out, **more)
    return out


def of_parts(kind, left, right, *rest):
    """A product of complex numbers is four of real ones."""
    products = [[convolved(kind, x, y, *rest) for y in (right.real, right.imag)] for x in (left.real, left.imag)]
    return complex_of(products[0][0] - products[1][1], products[0][1] + products[1][0])


# ------------------------------------------------------------------------------------------------------------- pooling


@lru_cache(1024)
def pooling(writer, *told):
    """The Function that one of cuda_pooling's writes."""
    return writer(*told)


def by_parts(function):
    """A function that is linear in its first array, for complex numbers too: of the real parts, and of the imaginary ones."""

    @wraps(function)
    def parted(x, *rest):
        return complex_of(function(x.real, *rest), function(x.imag, *rest)) if x.dtype.kind == "c" else function(x, *rest)

    return parted


def max_pool_index(x, geometry):
    """Where in its map, counted flat, the largest element of each window is: the first of several, the last NaN."""
    positions = geometry[-1]
    maps = maps_of(cupy.ascontiguousarray(x), len(positions))
    out = cupy.empty((*x.shape[: x.ndim - len(positions)], *positions), numpy.int64)
    if out.size:
        run([pooling(largest, len(maps), maps.shape[1:], geometry, dtype_of(x).name)], x=maps, out=out)
    return out


def absolute(index, sizes):
    """Flat indices within each map, as flat indices of all maps."""
    maps = maps_of(index, len(sizes))
    return maps.reshape(len(maps), math.prod(maps.shape[1:])) + (cupy.arange(len(maps)) * math.prod(sizes))[:, None]


@by_parts
def pool_gather(x, index, dims):
    """The elements of the maps of x, its last ``dims`` dims, at flat indices."""
    out, sizes = cupy.empty(index.shape, x.dtype), x.shape[x.ndim - dims :]
    if out.size:
        places = math.prod(index.shape[index.ndim - dims :])
        function = pooling(taken, out.size // places, math.prod(sizes), places, dtype_of(x).name)
        run([function], x=cupy.ascontiguousarray(x), index=cupy.ascontiguousarray(index), out=out)
    return out


@by_parts
def pool_scatter(g, index, shape, dims, windows):
    """Its adjoint: maps of zeros, with each g added where it was taken.   windows: see ``tables.windows.pool_gather``."""
    if windows.__class__ is tuple and g.size:
        out, sizes = cupy.empty(shape, g.dtype), shape[len(shape) - dims :]
        function = pooling(returned, out.size // math.prod(sizes), tuple(sizes), windows, dtype_of(g).name)
        run([function], g=cupy.ascontiguousarray(g), index=cupy.ascontiguousarray(index), out=out)
        return out
    out = cupy.zeros(math.prod(shape), g.dtype)
    if index.size:
        places = absolute(index, shape[len(shape) - dims :]).reshape(-1)
        if overlapping(windows):
            add_at(out, places, g.reshape(-1))
        else:
            out[places] = g.reshape(-1)
    return out.reshape(shape)


@lru_cache(256)
def counts_there(counts):
    """Counts for each position of each dim, behind each other, on the GPU."""
    return cupy.asarray([n for of_dim in counts for n in of_dim], numpy.int32)


def averaged(writer, source, name, shape, sizes, geometry, counts):
    """Run one of the two functions of a mean."""
    out = cupy.empty(shape, source.dtype)
    if out.size:
        arrays = {name: cupy.ascontiguousarray(source), "out": out}
        if counts.__class__ is tuple:
            arrays["counts"] = counts_there(counts)
        maps = math.prod(shape[: len(shape) - len(sizes)])
        run([pooling(writer, maps, tuple(sizes), geometry, dtype_of(source).name, counts)], **arrays)
    return out


@by_parts
def avg_pool(x, geometry, counts):
    """The sum of each window, divided by ``counts``: a number, or a tuple of one for each position of each dim."""
    positions = geometry[-1]
    lead = x.ndim - len(positions)
    return averaged(mean, x, "x", (*x.shape[:lead], *positions), x.shape[lead:], geometry, counts)


@by_parts
def avg_pool_grad(g, shape, geometry, counts):
    """Its adjoint, of that shape: what each window gives to its elements."""
    return averaged(spread, g, "g", tuple(shape), shape[len(shape) - len(geometry[0]) :], geometry, counts)
