"""The driver of compiled programs on the stand-in: kernels run as plain C++ (test/compiler/cuda_shim.py), on its arrays."""

import importlib
import sys
from pathlib import Path

import numpy
import stand_in

sys.path.append(str(Path(__file__).parent.parent / "compiler"))
shim = importlib.import_module("cuda_shim")

__all__ = ["COMPILER", "Driver"]

COMPILER = shim.COMPILER


class Driver(shim.Shim):
    """As ``Shim``, of arrays that hide NumPy's."""

    def __init__(self, xp):
        super().__init__()
        self.xp = xp

    def array(self, *where):
        return stand_in.dressed(super().array(*where))

    def address(self, array):
        """None for an array of the CPU's."""
        return array.data.ptr if array.__class__ is stand_in.ndarray else None

    def copy(self, target, source):
        numpy.copyto(target._numpy, source._numpy)

    def flag(self, array):
        return super().flag(array._numpy)
