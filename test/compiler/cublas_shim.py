"""cuBLASLt without a GPU: an object in the library's place, whose matrices lie in the CPU's memory.

    CublasLt(Library())

It keeps what it is told as the library does: numbers of NVIDIA's interface (cublasLt.h, library_types.h), by columns. What
it is asked to compute it reads from its own descriptions, and refuses what they contradict.
"""

import ctypes
import itertools

import ml_dtypes
import numpy

__all__ = ["Library"]

DTYPES = {
    0: numpy.float32, 1: numpy.float64, 2: numpy.float16, 4: numpy.complex64, 5: numpy.complex128, 14: ml_dtypes.bfloat16,
}  # fmt: skip
SCALES = {68: (0, 4), 77: (0, 4), 70: (1, 5)}  # of sums: in which dtypes the factors before them may be
TF32 = 77
SUCCESS, INVALID, UNSUPPORTED = 0, 7, 15
WORKSPACE = 96
SIZES = {  # of what an attribute is set to
    "MatmulDesc": {3: 4, 4: 4, 7: 4, 8: 8}, "MatrixLayout": {5: 4, 6: 8}, "MatmulPreference": {1: 8, 3: 4, 5: 4, 6: 4, 7: 4, 8: 4},
}  # fmt: skip


class Function:
    """One of the library's functions: it takes what ctypes would take."""

    argtypes = restype = None

    def __init__(self, function):
        self.function = function

    def __call__(self, *arguments):
        assert len(arguments) == len(self.argtypes) and self.restype is ctypes.c_int
        found = []
        for kind, x in zip(self.argtypes, arguments):
            kind.from_param(x)  # TypeError for what it doesn't take
            assert x.__class__ is not int or kind is ctypes.c_void_p or kind(x).value == x, f"{x} is no {kind}"
            found.append(getattr(x, "_obj", x))
        return self.function(*found)


class Library:
    """made: what there is, by its address.   asked: the products that were computed, as described."""

    def __init__(self):
        self.made, self.asked, self.addresses = {}, [], itertools.count(4096, 16)

    def __getattr__(self, name):
        assert name.startswith("cublasLt"), name
        return Function(getattr(self, name[len("cublasLt") :]))

    def make(self, target, **what):
        target.value = next(self.addresses)
        self.made[target.value] = what
        return SUCCESS

    def set(self, kind, address, attribute, value, size):
        if ctypes.sizeof(value) != size or SIZES[kind].get(attribute) != size or (kind, attribute) == ("MatmulDesc", 7) and value.value not in (1, 2, 4, 6):
            return INVALID
        self.made[address][attribute] = value.value
        return SUCCESS

    def destroy(self, address):
        del self.made[address]
        return SUCCESS

    def Create(self, target):
        return self.make(target)

    def MatmulDescCreate(self, target, compute, scale):
        return self.make(target, compute=compute, scale=scale) if scale in SCALES.get(compute, ()) else UNSUPPORTED

    def MatrixLayoutCreate(self, target, kind, rows, columns, step):
        return self.make(target, kind=kind, rows=rows, columns=columns, step=step) if step >= rows else INVALID

    def MatmulPreferenceCreate(self, target):
        return self.make(target)

    def MatmulDescSetAttribute(self, *what):
        return self.set("MatmulDesc", *what)

    def MatrixLayoutSetAttribute(self, *what):
        return self.set("MatrixLayout", *what)

    def MatmulPreferenceSetAttribute(self, *what):
        return self.set("MatmulPreference", *what)

    MatmulDescDestroy = MatrixLayoutDestroy = MatmulPreferenceDestroy = destroy

    def MatmulAlgoGetHeuristic(self, handle, product, a, b, c, d, limits, most, found, count):
        """Two algorithms, of which the second needs no memory besides."""
        limits = self.made[limits]
        assert handle in self.made and c == d and ctypes.sizeof(found[0]) == 96 and len(found) == most and limits[3] == 2
        aligned = [limits.get(attribute, 256) for attribute in (5, 6, 7, 8)]
        for algorithm, workspace in zip(found, (WORKSPACE, 0)):
            algorithm.data[:] = product, a, b, c, *aligned
            algorithm.workspace = workspace
        count.value = 2
        return SUCCESS

    def Matmul(self, handle, product, one, a, a_laid, b, b_laid, zero, c, c_laid, d, d_laid, algorithm, workspace, size, stream):
        """D = A B, by columns, with what follows."""
        assert handle in self.made and algorithm.data[:4] == [product, a_laid, b_laid, c_laid] and c_laid == d_laid
        assert size == algorithm.workspace and bool(size) is bool(workspace) and all([x % n == 0 for x, n in zip((a, b, c, d), algorithm.data[4:])])
        said = self.made[product]
        scale = DTYPES[said["scale"]]
        alpha, beta = [matrix(x, {"kind": said["scale"], "rows": 1, "columns": 1, "step": 1})[0, 0, 0] for x in (one, zero)]
        assert alpha == 1 and (beta == 1 or (beta == 0 and c == d))
        layouts = [self.made[x] for x in (a_laid, b_laid, d_laid)]
        x, y, out = [matrix(address, layout) for address, layout in zip((a, b, d), layouts)]
        x, y = [z.swapaxes(1, 2) if said.get(attribute) else z for z, attribute in ((x, 3), (y, 4))]
        x, y = [z.astype(scale) for z in (x, y)]
        result = numpy.matmul(*[rounded(z) for z in (x, y)] if (said["compute"], scale) == (TF32, numpy.float32) else (x, y))
        if beta:
            result = result + matrix(c, layouts[2]).astype(scale)
        if said.get(7, 1) & 4:
            result = result + matrix(said[8], {**layouts[2], 5: 1, "columns": 1}).astype(scale)
        if said.get(7, 1) & 2:
            result = numpy.maximum(result, 0)
        assert result.shape == out.shape
        out[...] = result.astype(out.dtype)
        self.asked.append((said, *layouts))
        return SUCCESS


def rounded(x):
    """float32 numbers with 10 bits behind the first, as tensor cores multiply them."""
    return ((x.view("uint32") + 0x1000) & 0xFFFFE000).view("float32")


def matrix(address, layout):
    """(Batch, rows, columns) of what lies at an address."""
    kind = numpy.dtype(DTYPES[layout["kind"]])
    rows, columns, step, batch, between = layout["rows"], layout["columns"], layout["step"], layout.get(5, 1), layout.get(6, 0)
    count = (batch - 1) * between + (columns - 1) * step + rows
    memory = (ctypes.c_char * (count * kind.itemsize)).from_address(address)
    return numpy.ndarray((batch, rows, columns), kind, memory, 0, [n * kind.itemsize for n in (between, 1, step)])
