"""The backend under the real CuPy, on a machine without a GPU: it loads, has all names, and its views are what they should be.

    python test/device/under_cupy.py          CuPy must be installed; PyTorch needn't be

CuPy's arrays can be laid over the CPU's memory. Nothing can be computed with them, but shapes, strides, addresses and who
owns what are CuPy's own. ``stand_in.py`` says the same things about them.
"""

import importlib
import sys
from pathlib import Path

import cupy
import numpy

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
gpu, cpu = [importlib.import_module(f"minitorch.backends.{name}") for name in ("cupy", "numpy")]


def laid_over(array):
    """CuPy's array on the memory of NumPy's."""
    memory = cupy.cuda.UnownedMemory(array.ctypes.data, max(array.nbytes, 1), array, 0)
    return cupy.ndarray(array.shape, array.dtype, cupy.cuda.MemoryPointer(memory, 0), array.strides)


def main():
    assert [name for name in (*gpu.__all__, *cpu.__all__) if not hasattr(gpu, name)] == []
    special = importlib.import_module("minitorch.backends.cupy_special")
    assert [name for name in special.__all__ if not hasattr(special, name)] == []

    x = numpy.arange(24, dtype=numpy.float32).reshape(2, 3, 4)
    there = laid_over(x)
    views = {
        "expand": lambda xp, x: xp.expand(x[:, :1], (2, 3, 4)), "unfold": lambda xp, x: xp.unfold(x, 2, 2, 1), "slice": lambda xp, x: x[1, ::2, ...],
        "diagonal": lambda xp, x: xp.diagonal(x, 1, 1, 2), "reshape": lambda xp, x: x.reshape((2, 3, 4)), "permute": lambda xp, x: x.transpose((2, 0, 1)),
        "as_strided": lambda xp, x: xp.strided_view(x, (2, 2), (1, 1), 3, ((12, 4, 1), 0)), "detach": lambda xp, x: x.view(),
    }  # fmt: skip
    for name, view in views.items():
        expected, got = view(cpu, x), view(gpu, there)
        assert (got.shape, got.strides) == (expected.shape, expected.strides), name
        assert gpu.start_of(got) == cpu.start_of(expected) and got.base is there, name
        assert gpu.geometry(got) == cpu.geometry(expected) or name == "as_strided", name
    assert gpu.bytes_of(there[1]).nbytes == x.nbytes and gpu.owner(there[1]) is there
    print(f"CuPy {cupy.__version__}: {len(gpu.__all__)} names, {len(views)} views")


if __name__ == "__main__":
    main()
