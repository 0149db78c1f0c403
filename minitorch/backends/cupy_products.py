"""Products of matrices, by cuBLAS: float16 and bfloat16 on tensor cores, with sums in float32.

float32 is computed exactly unless ``torch.backends.cuda.matmul.allow_tf32`` or ``set_float32_matmul_precision("high")``
lets tensor cores round its factors to TF32, of 10 bits. What no call of the library can walk along is copied first.
"""

import ctypes
import itertools
import math
from functools import lru_cache, partial
from importlib import import_module

import cupy
import numpy
from cupy.cuda import runtime

from ..settings import SETTINGS
from .cublas import WORKSPACE, CublasLt
from .cupy_launch import room
from .cupy_memory import strided
from .matrices import Product, laid

__all__ = ["Workspace", "linear", "matmul", "multiply_often", "repeatedly"]

LIBRARIES: dict = {}
"""The number of a GPU → the library there."""
WORKSPACES: dict = {}
"""(the number of a GPU, a stream) → the Workspace of products that run there one after the other."""


class Workspace:
    """Memory for what an algorithm leaves in between. It grows to what the largest needs, from ``size`` bytes on."""

    def __init__(self, size=0):
        self.size, self.memory = size, None

    def address(self, size):
        if self.memory is None or self.size < size:
            self.size = max(self.size, size)
            self.memory = cupy.cuda.alloc(self.size)
        return self.memory.ptr


def library():
    """The library of products on the current GPU."""
    number = runtime.getDevice()
    found = LIBRARIES.get(number)
    if found is None:
        import_module("cupy_backends.cuda.libs.cublas")  # CuPy knows where it lies, and loads it
        found = LIBRARIES[number] = CublasLt(ctypes.CDLL(f"libcublasLt.so.{runtime.runtimeGetVersion() // 1000}"))
    return found


def multiply(product, addresses, workspace=None):
    """C = A B of what lies at the addresses of A, B, C and what is added, on the current stream."""
    run(library().plan(product, addresses), addresses, workspace)


def run(plan, addresses, workspace):
    plan.run(addresses, *surroundings(plan, workspace))


def surroundings(plan, workspace):
    """The address of a plan's workspace, and the current stream."""
    stream, needed = cupy.cuda.get_current_stream().ptr, plan.workspace
    if needed and workspace is None:
        place = runtime.getDevice(), stream
        workspace = WORKSPACES.get(place) or WORKSPACES.setdefault(place, Workspace(WORKSPACE))
    return workspace.address(needed) if needed else 0, stream


def repeatedly(product, unit):
    """A function of the addresses that ``multiply`` takes, all of them multiples of ``unit``, for many calls in a row on one stream."""
    plan = library().plan(product, [unit] * (3 + product.bias + product.adds))
    workspace, stream = surroundings(plan, None)
    return lambda addresses: plan.run(addresses, workspace, stream)


def multiply_often(product, addresses, workspace, captured):
    """The same of what will be multiplied many times: the first time, the library's algorithms are tried.

    captured(work): a function that does again what ``work()`` launches, at once.
    """
    plan = library().plan(product, addresses)
    if len(plan.candidates) > 1 and not SETTINGS.deterministic:
        trial = partial(run, plan, addresses, Workspace())
        plan.settle(lambda: seconds(trial, captured))
    run(plan, addresses, workspace)


TRIALS, RUNS = 3, 20


def seconds(work, captured):
    """How long it takes: the least of some trials, of some runs each that Python doesn't hold up."""
    work()
    replay, times = captured(lambda: [work() for _ in range(RUNS)]), []
    for _ in range(TRIALS):
        begin, end = cupy.cuda.Event(), cupy.cuda.Event()
        begin.record()
        replay()
        end.record()
        end.synchronize()
        times.append(cupy.cuda.get_elapsed_time(begin, end))
    return min(times)


def matmul(x, y):
    """x y: matrices, or batches of them that are broadcast; or a vector on one side, or both."""
    if x.ndim == 1 or y.ndim == 1:
        rows, columns = x if x.ndim > 1 else x[None], y if y.ndim > 1 else y[:, None]
        return matmul(rows, columns).reshape(x.shape[:-1] + y.shape[1:])
    if x.ndim > y.ndim == 2:
        return matmul(x.reshape(-1, x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[1])
    return product_of(x, y, y.shape, y.strides, None)


def linear(x, weight, bias=None):
    """x Wᵀ + b. Raises ValueError unless W is a matrix and b a vector of its rows' number."""
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        raise ValueError("linear takes a matrix and a vector")
    rows = x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    out = product_of(rows, weight, weight.shape[::-1], weight.strides[::-1], bias)
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], weight.shape[0])


def product_of(x, y, y_shape, y_strides, bias):
    """The product of ``x`` and what ``y`` is with this shape and these strides, to each row of which a vector may be added."""
    if x.dtype.kind in "biu":
        return with_bias(cupy.matmul(x, strided(y, y_shape, y_strides)), bias)
    shape, copies, product = described(
        x.shape, x.strides, y_shape, y_strides, x.dtype, bias is not None, SETTINGS.precision != "highest"
    )
    if product is None:
        return with_bias(cupy.zeros(shape, x.dtype), bias)
    if copies != (AS_IT_IS, AS_IT_IS):
        x, y = copied(x, copies[0], shape), copied(strided(y, y_shape, y_strides), copies[1], shape)
    out = room(shape, x.dtype)
    addresses = [x.data.ptr, y.data.ptr, out.data.ptr]
    if product.bias:
        bias = bias if bias.strides == (bias.itemsize,) else cupy.ascontiguousarray(bias)
        addresses.append(bias.data.ptr)
    multiply(product, addresses)
    return with_bias(out, None if product.bias else bias)


def with_bias(out, bias):
    return out if bias is None else cupy.add(out, bias, out)


AS_IT_IS, IN_ORDER, EXPANDED = range(3)


def copied(x, how, shape):
    """``x`` as the library can walk along it, in a product of that shape."""
    if how == EXPANDED:
        x = cupy.broadcast_to(x, (*shape[:-2], *x.shape[-2:]))
    return x if how == AS_IT_IS else cupy.ascontiguousarray(x)


@lru_cache(4096)
def described(x_shape, x_strides, y_shape, y_strides, dtype, bias, rounds):
    """(The shape of x y, how both have to be copied, the Product); no Product, where nothing is multiplied."""
    batch = numpy.broadcast_shapes(x_shape[:-2], y_shape[:-2])
    m, k, n = *x_shape[-2:], y_shape[-1]
    shape = *batch, m, n
    if not math.prod(shape) or not k:
        return shape, (AS_IT_IS, AS_IT_IS), None
    for copies in sorted(itertools.product(range(3), repeat=2), key=sum):
        strides = [
            walked(x, [s // dtype.itemsize for s in steps], how, batch)
            for x, steps, how in zip((x_shape, y_shape), (x_strides, y_strides), copies)
        ]
        found = laid(batch, (m, n, k), [*strides, in_order(shape)])
        if found is not None:
            break
    return shape, copies, Product(dtypes=(dtype.name, dtype.name), rounds=rounds, bias=bias and dtype.kind != "c", **found)


def walked(shape, strides, how, batch):
    """The strides along ``batch`` and a matrix of an operand that was copied so."""
    if how == EXPANDED:
        return in_order((*batch, *shape[-2:]))
    strides = strides if how == AS_IT_IS else in_order(shape)
    spread = [0 if n == 1 else s for n, s in zip(shape[:-2], strides)]
    return (*[0] * (len(batch) - len(spread)), *spread, *strides[-2:])


def in_order(shape):
    """The strides of an array that lies in order.

    >>> in_order((2, 3, 4))
    (12, 4, 1)
    """
    return tuple([math.prod(shape[d + 1 :]) for d in range(len(shape))])
