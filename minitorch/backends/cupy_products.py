"""Products of matrices, by cuBLAS: float16 and bfloat16 on tensor cores, with sums in float32.

float32 is computed exactly unless ``torch.backends.cuda.matmul.allow_tf32`` or ``set_float32_matmul_precision("high")``
lets tensor cores round its factors to TF32, of 10 bits.
"""

import math

import cupy
import numpy
from cupy._core import _routines_linalg as products

from ..settings import SETTINGS

__all__ = ["linear", "matmul"]


def matmul(x, y):
    """x y: matrices, or batches of them that are broadcast."""
    choose_precision(x.dtype)
    out = cupy.matmul(x, y)
    return out if out.dtype == x.dtype else out.astype(x.dtype)


def choose_precision(dtype):
    """How cuBLAS computes in single precision from now on."""
    if dtype.char in "fF":
        chosen = products.COMPUTE_TYPE_DEFAULT if SETTINGS.precision == "highest" else products.COMPUTE_TYPE_TF32
        products.set_compute_type(numpy.float32, chosen)


def linear(x, weight, bias=None):
    """x Wᵀ + b. Raises ValueError unless W is a matrix and b a vector of its rows' number."""
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        raise ValueError("linear takes a matrix and a vector")
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    out = matmul(rows, weight.T).reshape(*x.shape[:-1], weight.shape[0])
    return out if bias is None else cupy.add(out, bias, out)
