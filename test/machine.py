"""What the tests of native kernels share: a table of arrays, and a kernel that is run over it."""

import ctypes
import mmap

import numpy as np

from minitorch.native.link import host, link
from minitorch.native.target import Target
from minitorch.native.threads import Block

MACHINES = [(Target.avx512(), "+avx512f"), (Target.avx2(), "+avx2"), (Target.generic(), ""), (Target.aarch64(), "")]
RUNNABLE = [
    target
    for target, needs in MACHINES
    if host().triple.split("-")[0] == target.triple.split("-")[0] and "linux" in host().triple and needs in host().features
]
"""Machines whose code this one can run as well."""


def preamble(*names):
    """LLVM text that defines %A, %B, … as the pointers of the table %p."""
    lines = [
        f"%{name}.at = getelementptr ptr, ptr %p, i64 {i}\n  %{name} = load ptr, ptr %{name}.at" for i, name in enumerate(names)
    ]
    return "\n  ".join(lines)


MARGIN = 4096


class Kernel:
    """A kernel's code, linked. Its scratch is full of NaN before each call, and what lies beyond must stay so."""

    def __init__(self, name, code, target=None, level="vectors"):
        self.code, self.library = code, link(code.text, target, level)
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        self.function = signature(self.library.address(name))
        self.scratch = Block(code.scratch + MARGIN)

    def __call__(self, *arrays, ranges=None):
        table = (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
        scratch = (ctypes.c_ubyte * self.scratch.size).from_address(self.scratch.address)
        for begin, end in ranges or [(0, self.code.chunks)]:
            ctypes.memset(scratch, 0xFF, self.scratch.size)
            self.function(ctypes.addressof(table), self.scratch.address, begin, end)
            assert bytes(scratch[-MARGIN:]) == b"\xff" * MARGIN


def guarded(array):
    """A copy that ends where memory ends: whoever reads beyond it crashes."""
    page, size = mmap.PAGESIZE, array.nbytes
    whole = -(-size // page) * page
    memory = mmap.mmap(-1, whole + page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + whole), page, 0) == 0
    copy = np.frombuffer(memory, array.dtype, array.size, whole - size).reshape(array.shape)
    copy[...] = array
    return copy


def view(buffer, shape, strides):
    """The array of that shape in a flat buffer, with strides in elements."""
    return np.lib.stride_tricks.as_strided(buffer, shape, [stride * buffer.itemsize for stride in strides])


def spread(shape, strides):
    """How many elements a buffer needs to hold an array."""
    return 1 + sum(stride * (size - 1) for size, stride in zip(shape, strides) if size)
