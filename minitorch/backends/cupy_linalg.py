"""Linear algebra on CuPy arrays: ``linalg.py``, and on the CPU what CuPy has no function for."""

import cupy

from . import linalg
from .cupy_rare import by_cpu
from .cupy_triangles import MOST, solved_in_place
from .factors import SOLVERS
from .linalg import (
    cholesky, cholesky_info, cholesky_solve, cofactors, cofactors_grad, det, eig, eigh, eigvals, eigvalsh, geqrf, inv, lu,
    lu_info, matrix_exp, part, permutation, pinv, qr, slogdet, solve, solve_triangular, svd, svdvals,
)  # fmt: skip

__all__ = [
    "cholesky", "cholesky_info", "cholesky_solve", "cofactors", "cofactors_grad", "det", "eig", "eigh", "eigvals",
    "eigvalsh", "geqrf", "inv", "ldl", "ldl_solve", "lu", "lu_info", "matrix_exp", "part", "permutation", "pinv", "qr",
    "slogdet", "solve", "solve_triangular", "svd", "svdvals",
]  # fmt: skip

ldl, ldl_solve = by_cpu(linalg.ldl), by_cpu(linalg.ldl_solve)
SOLVERS[cupy.ndarray] = MOST, solved_in_place
