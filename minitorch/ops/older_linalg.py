"""Linear algebra under the names it had before torch.linalg: what they compute is in ``factors.py`` and ``equations.py``."""

import warnings

from ..errors import not_implemented
from ..tables import linalg as rows
from . import equations, factors
from .matrix_checks import square
from .results import several

__all__ = [
    "cholesky", "cholesky_inverse", "cholesky_solve", "lu", "lu_solve", "pinverse", "qr", "svd", "triangular_solve",
]  # fmt: skip

qr_result = several("qr", "Q", "R")
svd_result = several("svd", "U", "S", "V")
triangular_solve_result = several("triangular_solve", "solution", "cloned_coefficient")


def deprecated(name, instead, glue=" and"):
    warnings.warn(
        f"torch.{name} is deprecated in favor of {instead}{glue} will be removed in a future PyTorch release.", stacklevel=3
    )


def cholesky(input, upper=False):
    """``linalg.cholesky``.   torch: cholesky"""
    deprecated("cholesky", "torch.linalg.cholesky")
    return factors.triangular_root(input, upper, "cholesky")


def cholesky_solve(input, input2, upper=False):
    """X with A X = B, for B and the triangle L with L Lᴴ = A, or ``upper``: Lᴴ.   torch: cholesky_solve"""
    b, a = input, input2
    if b.ndim < 2:
        raise RuntimeError(f"b should have at least 2 dimensions, but has {b.ndim} dimensions instead")
    if a.ndim < 2:
        raise RuntimeError(f"u should have at least 2 dimensions, but has {a.ndim} dimensions instead")
    check_sizes(b, a, "cholesky_solve")
    return a._apply(rows.cholesky_solve, (b, a), (bool(upper),))


def check_sizes(b, a, name):
    """Raise RuntimeError unless A X = B makes sense."""
    a._broadcast_shape(tuple(b.shape[:-2]), tuple(a.shape[:-2]))
    n, m = a.shape[-2:]
    if b.dtype is not a.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {b._type_name()} and A of type {a._type_name()} instead."
        )
    if n != m:
        raise RuntimeError(f"A must be batches of square matrices, but they are {n} by {m} matrices")
    if m != b.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {m} by {m} but each b matrix is {b.shape[-2]} by {b.shape[-1]}"
        )


def cholesky_inverse(input, upper=False):
    """A⁻¹, for the triangle L with L Lᴴ = A, or ``upper``: Lᴴ.   torch: cholesky_inverse"""
    square(input, "cholesky_inverse")
    if input._array.dtype.char not in "fdFD":
        raise not_implemented("cholesky_inverse_out_cpu", input._type_name())
    return cholesky_solve(factors.identity(input, input.shape[-1]).expand(input.shape), input, upper)


def qr(input, some=True):
    """``linalg.qr``, "reduced" if ``some``, else "complete".   torch: qr"""
    deprecated("qr", "torch.linalg.qr")
    return qr_result(*factors.qr(input, "reduced" if some else "complete"))


def svd(input, some=True, compute_uv=True):
    """``linalg.svd`` with V for Vᴴ; U and V are zeros without ``compute_uv``.   torch: svd"""
    if not compute_uv:
        n, m = input.shape[-2:]
        batch = input.shape[:-2]
        return svd_result(input.new_zeros((*batch, n, n)), factors.svdvals(input), input.new_zeros((*batch, m, m)))
    u, s, vh = factors.svd(input, not some)
    return svd_result(u, s, vh.mH)


def lu(input, pivot=True, get_infos=False):
    """``linalg.lu_factor``, or ``lu_factor_ex`` for ``get_infos``; it doesn't mind zeros in U.   torch: lu"""
    deprecated("lu", "torch.linalg.lu_factor / torch.linalg.lu_factor_ex")
    factored, pivots, info = factors.lu_factor_ex(input, pivot=pivot)
    return (factored, pivots, info) if get_infos else (factored, pivots)


def lu_solve(input, LU_data, LU_pivots):
    """``linalg.lu_solve``, with B first.   torch: lu_solve"""
    deprecated("lu_solve", "torch.linalg.lu_solve", "and")
    return equations.lu_solve(LU_data, LU_pivots, input)


def triangular_solve(input, A, upper=True, transpose=False, unitriangular=False):
    """X with A X = B, or Aᵀ X = B, for B and a triangle A; and a copy of A.   torch: triangular_solve"""
    deprecated("triangular_solve", "torch.linalg.solve_triangular", "and")
    for name, x in (("b", input), ("A", A)):
        if x.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it has {x.ndim} dimensions instead"
            )
    check_sizes(input, A, "triangular_solve")
    batch = A._broadcast_shape(tuple(input.shape[:-2]), tuple(A.shape[:-2]))
    turned = A.mT if transpose else A
    solution = equations.solve_triangular(turned, input, upper=bool(upper) != bool(transpose), unitriangular=unitriangular)
    return triangular_solve_result(solution, A.expand((*batch, *A.shape[-2:])).clone())


def pinverse(input, rcond=1e-15):
    """``linalg.pinv``: the pseudoinverse, of singular values above ``rcond`` times the largest.   torch: pinverse"""
    return equations.pinv(input, rcond)
