"""Recurrent layers on a GPU: for each step a product by the library, and the cell's formula in one kernel.

torch: ATen/native/cuda/RNN.cu, native/cudnn/RNN.cpp
"""

from functools import lru_cache

from ..native.cells import BACKWARD, FORWARD
from ..native.cuda_cells import THREADS, cell_text
from ..settings import SETTINGS
from .cupy_launch import Kernel, in_order, room
from .cupy_products import repeatedly
from .matrices import laid, like_others

__all__ = ["recurrent_pass"]

KINDS = {"f": "float", "d": "double"}


@lru_cache(64)
def kernel_of(mode, back, planes, kind):
    """(the kernel of a step's formula, the names of its arrays)"""
    text, names = cell_text((BACKWARD if back else FORWARD)[mode], planes, kind)
    return Kernel(text, "cell", "Q" * len(names) + "q" * 5), names


def recurrent_pass(mode, back, arrays, weight, sizes, reverse):
    """Go through all steps of a layer, writing to ``arrays``; False if no kernel can.

    mode: "LSTM"…; arrays: by the names of native/cells.py; weight: (G·H, H); sizes: how many sequences have each step.
    """
    kind = KINDS.get(weight.dtype.char)
    if kind is None or not weight.size or any([x.dtype != weight.dtype for x in arrays.values()]):
        return False
    going = Going(mode, back, {name: in_order(x) for name, x in arrays.items()}, in_order(weight), sum(sizes))
    parts = going.multiplied, going.computed
    for start, count in taken(sizes, reverse != back):
        for part in parts if going.step.product_first else parts[::-1]:
            part(start, count)
    return True


class Going:
    """The steps of one pass, on arrays in order.   rows: of the packed sequences."""

    def __init__(self, mode, back, arrays, weight, rows):
        planes = arrays["planes"]
        self.step, self.back, self.weight, self.rows = (BACKWARD if back else FORWARD)[mode], back, weight, rows
        self.hidden, self.batch = weight.shape[1], planes.shape[1] - rows
        self.arrays = arrays if back else {**arrays, "work": room((self.batch, len(weight)), weight.dtype)}
        self.kernel, names = kernel_of(mode, back, len(planes), KINDS[weight.dtype.char])
        self.at = {name: x.data.ptr for name, x in self.arrays.items()}
        self.pointers, self.products = [self.at[name] for name in names], {}
        together = weight.data.ptr | self.hidden * weight.itemsize
        for address in self.at.values():
            together |= address
        self.unit = together & -together

    def computed(self, start, count):
        """The cell's formula for a step."""
        blocks = -(-count * self.hidden // THREADS)
        self.kernel(blocks, THREADS, *self.pointers, start, count, self.rows, self.batch, self.hidden)

    def multiplied(self, start, count):
        """The product of a step."""
        how = self.step.product
        multiply = self.products.get(count)
        if multiply is None:
            dtype, rounds = self.weight.dtype.name, SETTINGS.precision != "highest"
            product = described(count, self.hidden, how.a_parts, how.c_parts, dtype, how.add and how.add.by, self.back, rounds)
            multiply = self.products[count] = repeatedly(product, self.unit)
        a, c, *add = [self.place(x, start) for x in (how.a, how.c, how.add) if x is not None]
        multiply([a, self.weight.data.ptr, c, *add])

    def place(self, place, start):
        """The address where a Place begins in a step."""
        index = {"row": start, "state": self.rows}.get(place.by, 0)
        return self.at[place.array] + (index * place.width + place.part) * self.hidden * self.weight.itemsize


def taken(sizes, reverse):
    """(first row, number of rows) of each step, in the order in which they are taken."""
    found, start = [], 0
    for count in sizes:
        found.append((start, count))
        start += count
    return found[::-1] if reverse else found


@lru_cache(1024)
def described(count, hidden, before, after, dtype, add, back, rounds):
    """The Product of a step: (count, before·H) by the weight, which forward is turned; what is added is a vector or a matrix."""
    k, n = before * hidden, after * hidden
    how = laid((), (count, n, k), [(k, 1), (n, 1) if back else (1, k), (n, 1)])
    return like_others(dtypes=(dtype, dtype), rounds=rounds, bias=add == "all", adds=add not in (None, "all"), **how)
