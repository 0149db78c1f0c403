"""Equations that needn't have one solution, and how near a matrix is to having none."""

from math import inf

from ..dtypes import finfo, int64
from ..ops.equations import inv_ex, largest, pinv, tolerances
from ..ops.factors import eigvalsh, svdvals
from ..ops.matrix_checks import at_least_matrices, refuse_integers, square
from ..ops.norms import matrix_norm
from ..ops.results import several

__all__ = ["cond", "lstsq", "matrix_rank"]

linalg_lstsq = several("linalg_lstsq", "solution", "residuals", "rank", "singular_values")


def lstsq(input, b, rcond=None, *, driver=None):
    """The X for which Σ (A X - B)² is least, of those the smallest.   torch: linalg.lstsq

    A: (*, n, m), B: (*, n, k) or (*, n) → X: (*, m, k) or (*, m). All drivers compute X by the pseudoinverse here; they
    differ in what else is returned: "gelsy" (the default) the rank, "gelsd" and "gelss" the singular values and residuals
    too, "gels" residuals only. Residuals are there for n > m and full rank; singular values up to ``rcond`` σ₁ count as 0.
    """
    A, B = input, b
    check_lstsq(A, B, driver)
    driver = driver or "gelsy"
    n, m = A.shape[-2:]
    rcond = finfo(A.dtype).eps * max(n, m) if rcond is None else rcond
    vector = B.ndim == A.ndim - 1
    right = B.unsqueeze(-1) if vector else B
    A._broadcast_shape(tuple(A.shape[:-2]), tuple(right.shape[:-2]))
    solution = pinv(A, rcond) @ right
    values = svdvals(A.detach())
    rank = (values > rcond * values.narrow(-1, 0, 1)).sum(-1) if min(n, m) else A.new_zeros(A.shape[:-2], dtype=int64)
    residuals = solution.real.reshape(-1).narrow(0, 0, 0)
    if n > m and driver != "gelsy" and (driver == "gels" or bool((rank == m).all())):
        miss = A @ solution - right
        residuals = (miss * miss.conjugate()).real.sum(-2)
    return linalg_lstsq(
        solution.squeeze(-1) if vector else solution,
        residuals,
        rank.new_zeros(0) if driver == "gels" else rank,
        values if driver in ("gelsd", "gelss") else values.new_zeros(0),
    )


def check_lstsq(A, B, driver):
    name = "torch.linalg.lstsq"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if B.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"{name}: Expected input and other to have the same dtype, but got input's dtype {A._type_name()} and other's dtype "
            f"{B._type_name()}"
        )
    if not 0 <= A.ndim - B.ndim <= 1:
        raise RuntimeError(
            f"{name}: input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1"
        )
    size, place = (B.shape[-1], -1) if B.ndim < A.ndim else (B.shape[-2], -2)
    if A.shape[-2] != size:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size({place})")
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    refuse_all_but_floats(A)


def refuse_all_but_floats(A):
    if A._array.dtype.char not in "fdFD":
        raise RuntimeError("This function doesn't handle types other than float and double")


def matrix_rank(input, tol=None, hermitian=False, *, atol=None, rtol=None):
    """How many singular values are larger than max(atol, rtol σ₁).   torch: linalg.matrix_rank

    ``tol`` is atol by its older name. hermitian: A is its own Aᴴ, and its eigenvalues serve.
    """
    at_least_matrices(input, "torch.linalg.matrix_rank", "input")
    refuse_all_but_floats(input)
    A = input.detach()
    if not A.numel():
        return A.new_zeros(A.shape[:-2], dtype=int64)
    values = eigvalsh(A).abs() if hermitian else svdvals(A)
    atol, rtol = (tol, 0.0) if tol is not None else tolerances(A, atol, rtol)
    return (values > largest(values.amax(-1) * rtol, atol).unsqueeze(-1)).sum(-1)


def cond(input, p=None):
    """‖A‖ ‖A⁻¹‖, by what factor errors may grow; ``p`` is the norm, for None and 2 σ₁ / σₙ.   torch: linalg.cond"""
    if input.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p not in (None, "fro", "nuc", 1, -1, 2, -2, inf, -inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if p in (None, 2, -2):
        values = svdvals(input)
        if not input.numel():
            return values.new_zeros(input.shape[:-2])
        first, last = values.select(-1, 0), values.select(-1, -1)
        return last / first if p == -2 else first / last
    square(input, f"linalg.cond(ord={p})")
    refuse_integers(input, "linalg.cond")
    if not input.numel():
        return input.abs().new_zeros(input.shape[:-2])
    inverse, info = inv_ex(input)
    result = matrix_norm(input, p) * matrix_norm(inverse, p)
    return result.masked_fill(info > 0, inf)
