"""Linear equations, inverses, determinants and what is computed with them, in the form that torch.linalg gives them."""

from ..dtypes import finfo, int32
from ..errors import not_implemented
from ..tables import linalg as rows
from .factors import factored, identity, permuted
from .matrix_checks import at_least_matrices, refuse_integers, refuse_narrow, same_dtype, square
from .results import several

__all__ = [
    "det", "inv", "inv_ex", "largest", "logdet", "lu_solve", "matrix_exp", "matrix_power", "pinv", "slogdet", "solve", "solve_ex",
    "solve_triangular", "tolerances",
]  # fmt: skip

linalg_inv_ex = several("linalg_inv_ex", "inverse", "info")
linalg_solve_ex = several("linalg_solve_ex", "result", "info")
linalg_slogdet = several("linalg_slogdet", "sign", "logabsdet")


def det(input):
    """The determinants of square matrices; they have a gradient at singular matrices too.   torch: det, linalg.det

    >>> torch.det(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    square(input, "linalg.det")
    refuse_integers(input, "linalg.det")
    return input._apply(rows.det, (input,))


def slogdet(input):
    """The sign of the determinant, and the logarithm of its size.   torch: slogdet, linalg.slogdet"""
    square(input, "linalg.slogdet")
    refuse_narrow(input, "linalg.slogdet")
    return linalg_slogdet(*factored("slogdet", input))


def logdet(input):
    """The logarithm of the determinant; NaN where that is negative.   torch: logdet"""
    square(input, "logdet")
    refuse_narrow(input, "logdet")
    sign, size = slogdet(input)
    if input.is_complex():
        return sign.log() + size
    return size.masked_fill(sign == -1, float("nan"))


def inv(input):
    """A⁻¹. Raises LinAlgError if A is singular.   torch: inverse, linalg.inv"""
    return inverse(input, "linalg.inv")


def inverse(A, name):
    square(A, "linalg.inv")
    refuse_narrow(A, "linalg.inv")
    return A._apply(rows.inv, (A,), (name,))


def inv_ex(A, *, check_errors=False):
    """``inv``, and the number of the first zero among the pivots, or 0.   torch: linalg.inv_ex"""
    x = A.detach()
    result = inverse(A, "linalg.inv_ex" if check_errors else "")
    return linalg_inv_ex(result, x._apply(rows.lu_info, (x,)))


def solve(A, B, *, left=True):
    """X with A X = B, or X A = B if not ``left``. Raises LinAlgError if A is singular.   torch: linalg.solve

    A: (*, n, n), B: (*, n, k), with the leading dims broadcast, or vectors (n) or (*, n).
    """
    return solved(A, B, left, "torch.linalg.solve")


def solve_ex(A, B, *, left=True, check_errors=False):
    """``solve``, and the number of the first zero among the pivots, or 0.   torch: linalg.solve_ex"""
    x = A.detach()
    result = solved(A, B, left, "torch.linalg.solve_ex" if check_errors else "")
    return linalg_solve_ex(result, x._apply(rows.lu_info, (x,)))


def solved(A, B, left, name):
    refuse_integers(A, "linalg.solve")
    square(A, "linalg.solve")
    same_dtype(A, B, "linalg.solve")
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and A.shape[:-1] == B.shape)
    if vector and A.ndim > 2 and B.ndim == 1:
        B = B.expand(A.shape[:-1])
    matrices = B.unsqueeze(-1) if vector else B
    check_equation(A, matrices, left, "linalg.solve")
    if left:
        result = A._apply(rows.solve, (A, matrices), (name,))
    else:
        result = A._apply(rows.solve, (A.mT, matrices.mT), (name,)).mT
    return result.squeeze(-1) if vector else result


def check_equation(A, B, left, name):
    """Raise RuntimeError unless A X = B makes sense, or X A = B."""
    at_least_matrices(B, name, "B")
    if A.shape[-1] != B.shape[-2 if left else -1]:
        n, m = B.shape[-2:]
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A.shape[-2]}x{A.shape[-1]} and {n}x{m})"
        )
    a, b = A._array.shape[:-2], B._array.shape[:-2]
    if a != b:
        A._broadcast_shape(b, a)


def solve_triangular(input, B, *, upper, left=True, unitriangular=False):
    """X with A X = B, or X A = B if not ``left``, for a triangle A: ``upper`` or lower.   torch: linalg.solve_triangular

    The other triangle isn't read; nor is the diagonal, if ``unitriangular``: then it is taken for ones.
    """
    square(input, "linalg.solve_triangular")
    check_equation(input, B, left, "linalg.solve_triangular")
    if input._array.dtype.kind not in "fc":
        raise not_implemented("triangular_solve_cpu", input._type_name())
    if left:
        return input._apply(rows.solve_triangular, (input, B), (bool(upper), bool(unitriangular)))
    return input._apply(rows.solve_triangular, (input.mT, B.mT), (not upper, bool(unitriangular))).mT


def lu_solve(LU, pivots, B, *, left=True, adjoint=False):
    """X with A X = B, or X A = B if not ``left``, for what ``lu_factor(A)`` returned; with ``adjoint`` for Aᴴ.

    torch: linalg.lu_solve
    """
    check_factored(LU, pivots, B, left)
    if not left:
        return lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
    shape = LU._broadcast_shape(tuple(LU.shape[:-2]), tuple(B.shape[:-2]))
    order = permuted(pivots, LU.shape[-1])
    if not adjoint:
        x = in_order(B, order, shape)
        x = LU._apply(rows.solve_triangular, (LU, x), (False, True))
        return LU._apply(rows.solve_triangular, (LU, x), (True, False))
    turned = LU.mH
    x = LU._apply(rows.solve_triangular, (turned, B), (False, False))
    x = LU._apply(rows.solve_triangular, (turned, x), (True, True))
    return in_order(x, order.argsort(-1), shape)


def in_order(x, order, batch):
    """The rows of matrices, broadcast to a ``batch``, in an order of their own for each."""
    shape = (*batch, *x.shape[-2:])
    return x.expand(shape).gather(-2, order.unsqueeze(-1).expand(shape))


def check_factored(LU, pivots, B, left):
    square(LU, "torch.linalg.lu_solve")
    refuse_integers(LU, "torch.linalg.lu_solve")
    same_dtype(LU, B, "linalg.lu_solve", "LU")
    if pivots.dtype is not int32:
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    check_equation(LU, B, left, "linalg.lu_solve")
    if pivots.shape[-1:] != LU.shape[-1:]:
        raise RuntimeError(
            "linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix"
        )
    if LU.shape[:-1] != pivots.shape:
        raise RuntimeError(
            "linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
            f"{list(pivots.shape)} instead"
        )


# ---------------------------------------------------------------------------------------------------------- pseudoinverse


def tolerances(A, atol, rtol):
    """Both tolerances: given neither, the relative one is what rounding leaves uncertain."""
    default = finfo(A.dtype).eps * max(A.shape[-2:])
    if rtol is None and hasattr(atol, "_array"):
        rtol = (atol > 0).logical_not().to(atol.dtype) * default
    elif rtol is None:
        rtol = 0.0 if atol else default
    return 0.0 if atol is None else atol, rtol


def pinv(input, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """The pseudoinverse A⁺: with A = U diag(σ) Vᴴ it is V diag(1/σ) Uᴴ.   torch: linalg.pinv

    Singular values up to max(atol, rtol σ₁) count as 0; rtol is max(n, m) ε if neither is given. ``rcond`` is rtol by its
    older name. hermitian: A is its own Aᴴ, and its eigenvectors serve; the lower triangle of A is read.
    """
    if input.ndim < 2 or input._array.dtype.char not in "fdFD":
        raise RuntimeError(
            f"linalg.pinv({input._type_name()}{{{list(input.shape)}}}): expected a tensor with 2 or more dimensions of float, double, "
            "cfloat or cdouble types"
        )
    if hermitian:
        square(input, "linalg.pinv")
    atol, rtol = (0.0, rcond) if rcond is not None else tolerances(input, atol, rtol)
    return input._apply(rows.pinv, (input, atol, rtol), (bool(hermitian),))


def largest(x, bound):
    """The larger of ``x`` and a bound, a number or a tensor."""
    return x.maximum(bound) if hasattr(bound, "_array") else x.clamp(min=bound)


# ------------------------------------------------------------------------------------------------- powers and exponential


def matrix_power(input, n):
    """Aⁿ for an integer n, by squaring; for n < 0 of the inverse.   torch: matrix_power, linalg.matrix_power"""
    if not isinstance(n, int):
        raise TypeError(f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    square(input, "linalg.matrix_power")
    if n < 0:
        return matrix_power(inv(input), -n)
    if n == 0:
        return input.clone().copy_(identity(input, input.shape[-1]))
    result, power = None, input
    while n:
        if n % 2:
            result = power if result is None else result @ power
        n //= 2
        power = power @ power if n else power
    return result.clone() if result is input else result


def matrix_exp(input):
    """Σ Aᵏ / k!   torch: matrix_exp, linalg.matrix_exp"""
    square(input, "linalg.matrix_exp")
    refuse_integers(input, "linalg.matrix_exp")
    return input._apply(rows.matrix_exp, (input,))
