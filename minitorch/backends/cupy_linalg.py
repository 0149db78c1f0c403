"""Linear algebra on CuPy arrays: ``linalg.py``, and on the CPU what CuPy has no function for."""

import cupy

from . import linalg
from .cupy_rare import by_cpu
from .cupy_triangles import MOST, solved_in_place
from .factors import SOLVERS
from .linalg import (
    alone, cholesky, cholesky_info, cholesky_solve, cofactors, cofactors_grad, det, eig, eigh, eigvals, eigvalsh, geqrf, inv, lu,
    lu_info, matrix_exp, pack, part, permutation, pinv, qr, slogdet, solve, solve_triangular, svd, svdvals,
)  # fmt: skip

__all__ = [
    "alone", "cholesky", "cholesky_info", "cholesky_solve", "cofactors", "cofactors_grad", "det", "eig", "eigh", "eigvals",
    "eigvalsh", "geqrf", "inv", "ldl", "ldl_solve", "lu", "lu_info", "matrix_exp", "pack", "part", "permutation", "pinv", "qr",
    "slogdet", "solve", "solve_triangular", "svd", "svdvals",
]  # fmt: skip

ldl_solve = by_cpu(linalg.ldl_solve)
SOLVERS[cupy.ndarray] = MOST, solved_in_place


def ldl(x, hermitian):
    """``linalg.ldl`` by the CPU."""
    return tuple(map(cupy.asarray, linalg.ldl(x.get(), hermitian)))
