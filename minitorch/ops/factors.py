"""Factorizations of matrices, in the form that torch.linalg gives them.

A: (*, n, m), a batch of matrices. What several functions return has names, as in ``torch.linalg.svd(A).S``.
Raises LinAlgError for a matrix that has no such factors; the ``_ex`` forms return its number in ``info`` instead.
"""

from ..backends import backend_of
from ..dtypes import int32
from ..errors import factor_error, not_implemented
from ..tables import linalg as rows
from .matrix_checks import at_least_matrices, refuse_integers, square
from .results import several

__all__ = [
    "cholesky", "cholesky_ex", "eig", "eigh", "eigvals", "eigvalsh", "factored", "geqrf", "householder_product", "identity",
    "ldl_factor", "ldl_factor_ex", "ldl_solve", "lu", "lu_factor", "lu_factor_ex", "lu_unpack", "ormqr", "permuted",
    "qr", "svd", "svdvals",
]  # fmt: skip

linalg_cholesky_ex = several("linalg_cholesky_ex", "L", "info")
linalg_qr = several("linalg_qr", "Q", "R")
linalg_lu = several("linalg_lu", "P", "L", "U")
linalg_lu_factor = several("linalg_lu_factor", "LU", "pivots")
linalg_lu_factor_ex = several("linalg_lu_factor_ex", "LU", "pivots", "info")
linalg_ldl_factor = several("linalg_ldl_factor", "LD", "pivots")
linalg_ldl_factor_ex = several("linalg_ldl_factor_ex", "LD", "pivots", "info")
linalg_eigh = several("linalg_eigh", "eigenvalues", "eigenvectors")
linalg_eig = several("linalg_eig", "eigenvalues", "eigenvectors")
linalg_svd = several("linalg_svd", "U", "S", "Vh")
lu_unpack_result = several("lu_unpack", "P", "L", "U")
geqrf_result = several("geqrf", "a", "tau")


def identity(like, n, m=None):
    """Ones on the diagonal of a matrix (n, m) of zeros, ``like`` another tensor."""
    m = n if m is None else m
    return (like._arange(n).unsqueeze(1) == like._arange(m)).to(like.dtype)


def factored(name, x, *params):
    """The results of the factorization ``name``. Where nobody watches they aren't packed, which takes longer than to factor little."""
    mode, array = x._mode, x._array
    if not (mode.listeners or mode.inference or (mode.grad and x.requires_grad)):
        xp, (forward, shapes, kinds) = backend_of((array,)), rows.FACTORS[name]
        try:
            found = forward(xp, array, *params)
        except Exception:  # noqa: S110
            pass  # the gate says what is wrong
        else:
            shapes = shapes(*array.shape[-2:], *params)
            results = zip(found, shapes, kinds, strict=True)
            return [x._wrap(xp.linalg.alone(y, array.shape[:-2] + shape, kind)) for y, shape, kind in results]
    return rows.parts(name, x, x._apply(rows.TABLE[name], (x,), params), *params)


# ------------------------------------------------------------------------------------------------------------ A = L Lᴴ


def cholesky(A, *, upper=False):
    """The lower triangle L with L Lᴴ = A, or ``upper``: Lᴴ. Of A only that triangle is read.   torch: linalg.cholesky

    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return triangular_root(A, upper, "linalg.cholesky")


def triangular_root(A, upper, name):
    square(A, "linalg.cholesky" if name != "cholesky" else name)
    refuse_integers(A, "linalg.cholesky")
    return A.mH._apply(rows.cholesky, (A.mH,), (name,)).mH if upper else A._apply(rows.cholesky, (A,), (name,))


def cholesky_ex(A, *, upper=False, check_errors=False):
    """``cholesky``, and the order of the first leading minor that isn't positive, or 0.   torch: linalg.cholesky_ex"""
    factor = triangular_root(A, upper, "linalg.cholesky_ex" if check_errors else "")
    detached = (A.mH if upper else A).detach()
    return linalg_cholesky_ex(factor, detached._apply(rows.cholesky_info, (detached,)))


# ------------------------------------------------------------------------------------------------------------- A = Q R


def qr(A, mode="reduced"):
    """Q, whose columns are orthonormal, and the upper triangle R, with Q R = A.   torch: linalg.qr

    mode: "reduced": Q (*, n, k), R (*, k, m) with k = min(n, m); "complete": Q (*, n, n), R (*, n, m); "r": R alone.
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    at_least_matrices(A, "linalg.qr")
    refuse_integers(A, "linalg.qr")
    q, r = factored("qr", A, mode)
    return linalg_qr(q.reshape(0) if mode == "r" else q, r)


def geqrf(input):
    """``qr`` as LAPACK leaves it: R, with Householder's vectors below it, and their factors tau.   torch: geqrf"""
    if input.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    if input._array.dtype.kind not in "fc":
        raise not_implemented("geqrf_cpu", input._type_name())
    x = input.detach()
    return geqrf_result(*factored("geqrf", x))


def reflectors(input, tau):
    """Householder's vectors V and the triangle T with H₁ ⋯ Hₖ = 1 - V T Vᴴ, where Hᵢ = 1 - τᵢ vᵢ vᵢᴴ.

    T = (1 + D S)⁻¹ D, for D = diag(τ) and S = VᴴV above its diagonal: so no τ needs an inverse. (Schreiber and Van Loan 1989)
    """
    k = tau.shape[-1]
    v = input.narrow(-1, 0, k).tril(-1) + identity(input, input.shape[-2], k)
    inner = tau.unsqueeze(-1) * (v.mH @ v).triu(1)
    return v, inner._apply(rows.solve_triangular, (inner, tau.diag_embed()), (True, True))


def householder_product(input, tau):
    """The first columns of the product of Householder's reflections: Q, of what ``geqrf`` returns.

    input: (*, n, m), tau: (*, k) → (*, n, m), for n >= m >= k.   torch: linalg.householder_product, orgqr
    """
    check_reflectors(input, tau)
    v, t = reflectors(input, tau)
    n, m = input.shape[-2:]
    return identity(input, n, m) - v @ (t @ v.narrow(-2, 0, m).mH)


def check_reflectors(input, tau):
    name = "torch.linalg.householder_product"
    if input.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if input.shape[-2] < input.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if input.shape[-1] < tau.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    if input.ndim - tau.ndim != 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau.ndim} and input.ndim is "
            f"equal to {input.ndim}"
        )
    if input.shape[:-2] != tau.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}"
        )
    if input.dtype is not tau.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau._type_name()} does not match input dtype {input._type_name()}")


def ormqr(input, tau, other, left=True, transpose=False):
    """Q C, or C Q if not ``left``, for the whole Q of what ``geqrf`` returned; with ``transpose`` it is Qᴴ.   torch: ormqr"""
    check_ormqr(input, tau, other, left)
    v, t = reflectors(input, tau)
    t = t.mH if transpose else t
    return other - v @ (t @ (v.mH @ other)) if left else other - ((other @ v) @ t) @ v.mH


def check_ormqr(input, tau, other, left):
    if input.ndim < 2:
        raise RuntimeError("torch.ormqr: input must have at least 2 dimensions.")
    if other.ndim < 2:
        raise RuntimeError("torch.ormqr: other must have at least 2 dimensions.")
    side = -2 if left else -1
    if other.shape[side] < tau.shape[-1]:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be greater than or equal to tau.shape[-1]")
    if other.shape[side] != input.shape[-2]:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2]")
    if tau.shape[-1] > input.shape[-1]:
        raise RuntimeError("torch.ormqr: tau.shape[-1] must be less than or equal to input.shape[-1]")
    for name, x, less in (("tau", tau, 1), ("other", other, 0)):
        if input.ndim - x.ndim != less:
            how = "one dimension less than" if less else "the same number of dimensions as"
            raise RuntimeError(
                f"torch.ormqr: Expected {name} to have {how} input, but got {name}.ndim equal to {x.ndim} and input.ndim is equal to "
                f"{input.ndim}"
            )
        if x.shape[: input.ndim - 2] != input.shape[:-2]:
            raise RuntimeError(
                f"torch.ormqr: Expected batch dimensions of {name} to be equal to input.shape[:-2], but got "
                f"{list(x.shape[: input.ndim - 2])}"
            )
    for name, x in (("tau", tau), ("other", other)):
        if x.dtype is not input.dtype:
            raise RuntimeError(
                f"torch.ormqr: Expected input and {name} to have the same dtype, but input has dtype {input._type_name()} and {name} "
                f"has dtype {x._type_name()}"
            )


# ------------------------------------------------------------------------------------------------------------ A = P L U


def lu_factor_ex(A, *, pivot=True, check_errors=False):
    """``lu_factor``, and the number of the first zero in U's diagonal, or 0.   torch: linalg.lu_factor_ex"""
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    several_dims(A, "torch.lu_factor")
    if A._array.dtype.kind not in "fc":
        raise not_implemented("lu_cpu", A._type_name())
    made = linalg_lu_factor_ex(*factored("lu", A))
    if check_errors is not False:
        check_factors(made.info, "torch.linalg.lu_factor" if check_errors is None else "torch.linalg.lu_factor_ex")
    return made


def check_factors(info, name):
    codes = info.reshape(-1).tolist()
    if any(codes):
        raise factor_error("lu", name, codes, info.ndim)


def lu_factor(A, *, pivot=True):
    """L and U in one matrix (the ones of L are left away), and the pivots: in step i row i changed places with row pivots[i].

    The rows count from 1. Raises RuntimeError if U has a zero in its diagonal.   torch: linalg.lu_factor
    """
    factored, pivots, _ = lu_factor_ex(A, pivot=pivot, check_errors=None)
    return linalg_lu_factor(factored, pivots)


def lu(A, *, pivot=True):
    """A permutation P and triangles L, with ones on its diagonal, and U, with P L U = A.   torch: linalg.lu"""
    several_dims(A, "linalg.lu")
    factored, pivots, _ = lu_factor_ex(A, pivot=pivot)
    return linalg_lu(*unpacked(factored, pivots))


def several_dims(A, name):
    if A.ndim < 2:
        raise RuntimeError(f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead")


def permuted(pivots, n):
    """Which of ``n`` rows stands at each place after the swaps."""
    return pivots._apply(rows.permutation, (pivots,), (n,))


def unpacked(factored, pivots):
    n, m = factored.shape[-2:]
    k = min(n, m)
    lower = factored.narrow(-1, 0, k).tril(-1) + identity(factored, n, k)
    order = permuted(pivots, n)
    places = (order._arange(n).unsqueeze(-1) == order.unsqueeze(-2)).to(factored.dtype)
    return places, lower, factored.narrow(-2, 0, k).triu()


def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True):
    """P, L and U of what ``lu_factor`` returned; empty those that aren't wanted.   torch: lu_unpack"""
    several_dims(LU_data, "torch.lu_unpack")
    if unpack_pivots and LU_pivots.dtype is not int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\n"
            "Note: this function is intended to be used with the output produced by torch.linalg.lu_factor"
        )
    n = LU_data.shape[-2]
    if unpack_pivots and LU_pivots.numel() and not 1 <= LU_pivots.min().item() <= LU_pivots.max().item() <= n:
        raise RuntimeError(
            "pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive."
            "Did you properly pass the result of lu_factor?"
        )
    empty = LU_data.new_zeros(0)
    places, lower, upper = unpacked(LU_data, LU_pivots if unpack_pivots else LU_pivots.int())
    return lu_unpack_result(
        places if unpack_pivots else empty, lower if unpack_data else empty, upper if unpack_data else empty
    )


# ------------------------------------------------------------------------------------------------------------ A = L D Lᵀ


def ldl_factor_ex(A, *, hermitian=False, check_errors=False):
    """``ldl_factor``, and the number of the first zero in D, or 0.   torch: linalg.ldl_factor_ex"""
    return factored_ldl(A, hermitian, "torch.linalg.ldl_factor_ex" if check_errors else "")


def factored_ldl(A, hermitian, name):
    square(A, "torch.linalg.ldl_factor_ex")
    refuse_integers(A, "torch.linalg.ldl_factor_ex")
    x = A.detach()
    made = linalg_ldl_factor_ex(*factored("ldl", x, hermitian))
    codes = made.info.reshape(-1).tolist() if name else ()
    if any(codes):
        raise RuntimeError(f"{name}: D is singular: its entry {max(codes)} is 0\nldl_factor_ex returns the factors all the same")
    return made


def ldl_factor(A, *, hermitian=False):
    """L and D of a symmetric (or ``hermitian``) A = L D Lᵀ, D in blocks of 1 and 2, and the pivots.   torch: linalg.ldl_factor"""
    return linalg_ldl_factor(*factored_ldl(A, hermitian, "torch.linalg.ldl_factor")[:2])


def ldl_solve(LD, pivots, B, *, hermitian=False):
    """X with A X = B, from the factors of A.   torch: linalg.ldl_solve"""
    square(LD, "torch.linalg.ldl_solve")
    refuse_integers(LD, "torch.linalg.ldl_solve")
    if B.ndim < 2:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got -2)")
    if LD.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for torch.linalg.ldl_solve: each A matrix is {LD.shape[-1]} by {LD.shape[-1]} but each b "
            f"matrix is {B.shape[-2]} by {B.shape[-1]}"
        )
    if pivots._array.dtype.kind not in "iu":
        raise RuntimeError(f"torch.linalg.ldl_solve: Expected pivots to be integers. Got {pivots._type_name()}")
    if LD.shape[:-1] != pivots.shape:
        raise RuntimeError(
            "torch.linalg.ldl_solve: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
            f"{list(pivots.shape)} instead"
        )
    if LD.dtype is not B.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {B._type_name()} and A of type {LD._type_name()} instead."
        )
    LD._broadcast_shape(tuple(LD.shape[:-2]), tuple(B.shape[:-2]))
    return LD.detach()._apply(rows.ldl_solve, (LD.detach(), pivots, B.detach()), (hermitian,))


# ----------------------------------------------------------------------------------------------------- A = V diag(λ) V⁻¹


def eigh(A, UPLO="L"):
    """Eigenvalues, rising, and orthonormal eigenvectors, as columns, of a symmetric or Hermitian A.   torch: linalg.eigh

    Only the lower triangle of A is read, or the upper one for UPLO = "U". A vector's sign (for complex A its phase) is free.
    """
    triangle = triangle_of(A, UPLO)
    return linalg_eigh(*factored("eigh", A, triangle))


def eigvalsh(A, UPLO="L"):
    """The eigenvalues of a symmetric or Hermitian A, rising.   torch: linalg.eigvalsh"""
    return A._apply(rows.eigvalsh, (A,), (triangle_of(A, UPLO),))


def triangle_of(A, UPLO):
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    square(A, "linalg.eigh")
    return UPLO.upper()


def eig(A):
    """Eigenvalues and eigenvectors, as columns of length 1, of any square A; both are complex.   torch: linalg.eig"""
    check_eig(A, "linalg.eig")
    return linalg_eig(*factored("eig", A))


def eigvals(A):
    """The eigenvalues of any square A, complex, in no order.   torch: linalg.eigvals"""
    check_eig(A, "linalg.eig" if A.requires_grad else "linalg.eigvals")
    return A._apply(rows.eigvals, (A,))


def check_eig(A, name):
    square(A, name)
    if A._array.dtype.kind in "biu":
        raise RuntimeError(f"Unknown Complex ScalarType for {A._type_name()}\nconvert the tensor first, e.g. with .float()")


# ----------------------------------------------------------------------------------------------------- A = U diag(σ) Vᴴ


def svd(A, full_matrices=True, *, driver=None):
    """U and V with orthonormal columns and the singular values S, falling, with U diag(S) Vᴴ = A.   torch: linalg.svd

    U: (*, n, n), S: (*, k), Vh: (*, m, m), with k = min(n, m); without ``full_matrices`` U: (*, n, k), Vh: (*, k, m).
    """
    check_svd(A, driver)
    full = bool(full_matrices)
    return linalg_svd(*factored("svd", A, full))


def svdvals(A, *, driver=None):
    """The singular values, falling.   torch: linalg.svdvals

    >>> torch.linalg.svdvals(torch.tensor([[3.0, 0.0], [0.0, -4.0]]))
    tensor([4., 3.])
    """
    check_svd(A, driver)
    return A._apply(rows.svdvals, (A,))


def check_svd(A, driver):
    at_least_matrices(A, "linalg.svd")
    refuse_integers(A, "linalg.svd")
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )
