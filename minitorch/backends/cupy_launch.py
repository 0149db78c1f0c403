"""Kernels of our own on a GPU, launched at little cost: compiled by CuPy, which keeps what it compiled on disk.

    add = Kernel(text, "add", "QQQq")             its arguments: three addresses and a number, words of 8 bytes
    add(blocks, 256, x.data.ptr, y.data.ptr, out.data.ptr, x.size)

CuPy's own launch looks at each argument's type. Here all are packed at once, as ``struct`` does it. With ``whole`` they are
one argument, a struct of so many words, which a kernel can go through by number.

torch: c10/cuda, ATen/native/cuda/CUDALoops.cuh
"""

import ctypes
import struct

import cupy
from cupy.cuda import get_current_stream
from cupy.cuda.runtime import getDevice
from cupy_backends.cuda.api.driver import launchKernel

__all__ = ["Kernel", "in_order", "room"]

OPTIONS = ("-std=c++17", "--fmad=false")
"""A product and a sum are rounded each by itself, as where a kernel for each computes them."""

room = cupy.ndarray  # a new array: shape, dtype


def in_order(x):
    """The array in row-major order: itself, or a copy."""
    return x if x._c_contiguous else cupy.ascontiguousarray(x)


class Kernel:
    """A function (blocks, threads, *arguments). layout: their types as ``struct`` names them, all of 8 bytes."""

    def __init__(self, text, name, layout, whole=False, options=OPTIONS):
        self.layout = struct.Struct(f"={layout}")
        self.kernel = cupy.RawModule(code=text, options=options).get_function(name)
        self.whole, self.free, self.handles = whole, [], {}

    def __call__(self, blocks, threads, *arguments):
        if not blocks:
            return
        device = getDevice()
        handle = self.handles.get(device)
        if handle is None:
            handle = self.handles[device] = self.kernel.kernel.ptr  # compiled, or found on disk
        try:
            buffer, places, address = self.free.pop()  # nobody else writes to it meanwhile
        except IndexError:
            buffer, places, address = words_of(self.layout.size, self.whole)
        self.layout.pack_into(buffer, 0, *arguments)
        launchKernel(handle, blocks, 1, 1, threads, 1, 1, 0, get_current_stream().ptr, address, 0)
        self.free.append((buffer, places, address))


def words_of(size, whole):
    """Room for arguments of so many bytes, the pointers to each of them, and the address of these."""
    buffer = ctypes.create_string_buffer(size)
    start = ctypes.addressof(buffer)
    starts = [start] if whole else range(start, start + size, 8)
    places = (ctypes.c_void_p * len(starts))(*starts)
    return buffer, places, ctypes.addressof(places)
