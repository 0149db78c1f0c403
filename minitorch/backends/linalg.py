"""Linear algebra: numpy.linalg's functions or cupy.linalg's, batched, with PyTorch's errors, and what they lack.

Every function takes (*, n, m) arrays and works on all matrices of the batch at once.
"""

import math

import numpy
from numpy.linalg import LinAlgError as NumpyError  # CuPy's too

from ..errors import factor_error
from .factors import cholesky_unchecked, lu_factors, permutation, refuse_others, solve_triangular
from .ldl import ldl_factors, ldl_solve
from .library import library_of
from .triangles import machine_equations, machine_pivots, machine_root

__all__ = [
    "alone", "cholesky", "cholesky_info", "cholesky_solve", "cofactors", "cofactors_grad", "det", "eig", "eigh", "eigvals",
    "eigvalsh", "geqrf", "inv", "ldl", "ldl_solve", "lu", "lu_info", "matrix_exp", "pack", "part", "permutation", "pinv",
    "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals",
]  # fmt: skip


def det(x):
    found = machine_pivots(x)
    return library_of(x).linalg.det(x) if found is None else found[0] * found[1].prod(-1)


# ----------------------------------------------------------------------------------------------- several results as one


def pack(parts, batch):
    """Several arrays (*batch, *shape) as one, (*batch, n): for each matrix the numbers of all, one after the other."""
    dtype = max([p.dtype for p in parts if p.dtype.kind in "fc"], key=lambda d: d.itemsize)
    flat = [p.reshape(*batch, math.prod(p.shape[len(batch) :])) for p in parts]
    return library_of(flat[0]).concatenate(flat, -1, dtype=dtype, casting="unsafe")


def part(packed, which, shapes, kind):
    """The array number ``which`` of what was packed, a copy; ``shapes`` are those of the parts, without the batch.

    kind: "r" for one that is real among complex ones, "i" for one of integers, else " ".
    """
    sizes = [math.prod(shape) for shape in shapes]
    start = sum(sizes[:which])
    return alone(packed[..., start : start + sizes[which]], packed.shape[:-1] + shapes[which], kind, True)


def alone(found, shape, kind, copy=False):
    """One result as an array of its own, of the ``kind`` that ``part`` speaks of."""
    found = library_of(found).asarray(found.real if kind in ("i", "r") else found)  # NumPy's numbers aren't arrays
    return found.reshape(shape).astype(numpy.int32 if kind == "i" else found.dtype, order="C", copy=copy)


# ----------------------------------------------------------------------------------------------- inverses and equations


def lu_info(x):
    """For each matrix, the number (from 1) of the first pivot that is 0, or 0: what LAPACK calls ``info``."""
    return first_zero(lu_factors(x)[0])


def first_zero(x):
    xp = library_of(x)
    zero = x.diagonal(0, -2, -1) == 0
    return xp.where(zero.any(-1), zero.argmax(-1) + 1 if zero.shape[-1] else 0, 0).astype(xp.int32)


def inv(x, name="linalg.inv"):
    """The inverse. With a ``name`` to complain by, raises LinAlgError for a singular matrix; else that one's is infinite."""
    xp = library_of(x)
    found = machine_equations(x)
    if found is not None:
        return found
    try:
        return xp.linalg.inv(x)
    except NumpyError:
        info = lu_info(x)
        if name:
            raise factor_error("inv", name, info.reshape(-1).tolist(), info.ndim) from None
        return each_regular(xp.linalg.inv, info, x)


def solve(x, y, name="torch.linalg.solve"):
    """X with A X = B, for batches that are broadcast; errors as in ``inv``."""
    xp = library_of(x)
    found = machine_equations(x, y)
    if found is not None:
        return found
    try:
        return xp.linalg.solve(x, y) if xp is numpy else xp.linalg.solve(*of_one_batch(x, y))
    except NumpyError:
        info = lu_info(x)
        if name:
            raise factor_error("solve", name, info.reshape(-1).tolist(), info.ndim) from None
        x, y = of_one_batch(x, y)
        return each_regular(xp.linalg.solve, xp.broadcast_to(info, x.shape[:-2]), x, y)


def of_one_batch(x, y):
    """Both, broadcast to batches of one shape."""
    xp, batch = library_of(x), numpy.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    return xp.broadcast_to(x, batch + x.shape[-2:]), xp.broadcast_to(y, batch + y.shape[-2:])


def each_regular(function, info, *arrays):
    """``function`` of the matrices whose ``info`` is 0, infinity for the others."""
    xp = library_of(arrays[-1])
    out = xp.full(arrays[-1].shape, xp.inf, arrays[-1].dtype)
    for at in numpy.ndindex(*info.shape):
        if info[at] == 0:
            out[at] = function(*[a[at] for a in arrays])
    return out


def slogdet(x):
    """The sign of the determinant and the logarithm of its size."""
    found = machine_pivots(x)
    if found is not None:
        sign, diagonal = found
        with numpy.errstate(divide="ignore"):
            return sign * numpy.sign(diagonal).prod(-1), numpy.log(numpy.abs(diagonal)).sum(-1)
    return library_of(x).linalg.slogdet(x)


def cofactors(x):
    """det(A) A⁻ᵀ, which exists for singular matrices too: with A = U S Vᵀ, det(U V) U diag(Π of the other s) Vᵀ."""
    u, s, vh, sign = svd_with_sign(x)
    return sign * ((u * products_without(s)[..., None, :]) @ vh).conj()


def cofactors_grad(g, x):
    """What the derivative of ``cofactors`` sends back for ``g``, singular matrices included (for real ones).

    In the basis of the singular vectors: the cofactor (i, i) grows with entry (k, k) by the product of the singular values but
    i and k, and the cofactor (i, j) falls with entry (j, i) by that product.
    """
    xp = library_of(g)
    u, s, vh, sign = svd_with_sign(x)
    inner = u.conj().mT @ g @ vh.conj().mT
    n, each = s.shape[-1], xp.arange(s.shape[-1])
    others = xp.repeat(s[..., None, :], n, -2)
    others[..., each, each] = 1  # row i: all but s_i
    pairs = products_without(others)
    pairs[..., each, each] = 0
    diagonal = (pairs @ inner.diagonal(0, -2, -1)[..., None])[..., 0]
    result = -(pairs * inner).mT
    result[..., each, each] = diagonal
    return sign * (u.conj() @ result @ vh.conj())


def svd_with_sign(x):
    u, s, vh = library_of(x).linalg.svd(x, full_matrices=False)
    return u, s, vh, (det(u) * det(vh))[..., None, None].astype(x.dtype)


def products_without(s):
    """For each element of the last dim the product of all others."""
    xp = library_of(s)
    ones = xp.ones_like(s[..., :1])
    before = xp.cumprod(xp.concatenate((ones, s[..., :-1]), -1), -1)
    after = xp.cumprod(xp.concatenate((ones, s[..., :0:-1]), -1), -1)[..., ::-1]
    return before * after if s.shape[-1] else s


def pinv(x, atol, rtol, hermitian):
    """A⁺: the singular values above max(atol, rtol σ₁) inverted, the others taken for 0."""
    xp = library_of(x)
    if not x.size:
        return xp.zeros(x.shape[:-2] + x.shape[:-3:-1], x.dtype)
    if hermitian:
        s, u = eigenpairs(x, "L")
        vh = u.conj().mT
    else:
        u, s, vh = singular(x, full_matrices=False)
    size = xp.abs(s)
    limit = xp.maximum(xp.asarray(atol), rtol * size.max(-1))[..., None]
    inverse = xp.where(size > limit, 1 / s, 0).astype(s.dtype)
    return (vh.conj().mT * inverse[..., None, :]) @ u.conj().mT


# ------------------------------------------------------------------------------------------------------- factorizations


def cholesky(x, name="linalg.cholesky"):
    """The lower triangle L with L Lᵀ = A. Raises LinAlgError if there is none; without a ``name``, leaves it half done."""
    try:
        return positive_root(x)
    except NumpyError:
        out, info = cholesky_unchecked(x)
        if name:
            raise factor_error("cholesky", name, info.reshape(-1).tolist(), info.ndim) from None
        return out


def positive_root(x):
    """Our cholesky, or else the library's, which may let a NaN pass."""
    xp = library_of(x)
    found = machine_root(x) if xp is numpy else None
    if found is not None:
        out, info = found
        if any(info.reshape(-1).tolist()):
            raise NumpyError
        return out
    out = xp.linalg.cholesky(x)
    if xp.isnan(out.diagonal(0, -2, -1)).any():
        raise NumpyError
    return out


def cholesky_solve(y, x, upper):
    """X with L Lᴴ X = B, or Lᴴ L X = B if ``upper``."""
    turned = x.conj().mT
    first = solve_triangular(turned if upper else x, y, False, False)
    return solve_triangular(x if upper else turned, first, True, False)


def cholesky_info(x):
    """For each matrix, the order of the first leading minor that isn't positive, or 0."""
    try:
        positive_root(x)
        return library_of(x).zeros(x.shape[:-2], numpy.int32)
    except NumpyError:
        return cholesky_unchecked(x)[1]


def unconverged(name, x):
    """The exception for a batch of which a matrix has no result, most often since it has a NaN."""
    wrong = ~library_of(x).isfinite(x).all((-2, -1))
    code = 2 if x.shape[-1] > 2 else 1
    info = [code * int(w) for w in wrong.reshape(-1)] if wrong.any() else [code]
    return factor_error(name, f"linalg.{name}", info, x.ndim - 2)


def eigenpairs(x, triangle, name="eigh"):
    refuse_others(x)
    try:
        return getattr(library_of(x).linalg, name)(x, triangle)
    except NumpyError:
        raise unconverged("eigh", x) from None


def eigh(x, triangle):
    """Eigenvalues and vectors of a symmetric matrix, of which one ``triangle`` is read."""
    return eigenpairs(x, triangle)


def eigvalsh(x, triangle):
    return eigenpairs(x, triangle, "eigvalsh")


def eig(x):
    """Eigenvalues and vectors, complex."""
    check_finite(x)
    values, vectors = library_of(x).linalg.eig(x)
    return as_complex(values), as_complex(vectors)


def eigvals(x):
    check_finite(x)
    return as_complex(library_of(x).linalg.eigvals(x))


def check_finite(x):
    if not library_of(x).isfinite(x).all():
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")


def as_complex(x):
    return x.astype({"f": "F", "d": "D"}.get(x.dtype.char, x.dtype.char))


def singular(x, **options):
    """The library's svd, which also takes matrices without elements."""
    try:
        return library_of(x).linalg.svd(x, **options)
    except NumpyError:
        raise unconverged("svd", x) from None


def svd(x, full):
    """U, the singular values and Vᴴ."""
    return singular(x, full_matrices=full)


def svdvals(x):
    return singular(x, compute_uv=False)


def qr(x, mode):
    """Q and R; for the mode "r" R alone, and nothing."""
    found = library_of(x).linalg.qr(x, mode)
    return (found[..., :0], found) if mode == "r" else found


def lu(x):
    """L and U in one, the pivots and ``lu_info``."""
    factors, pivots = lu_factors(x)
    return factors, pivots, first_zero(factors)


def ldl(x, hermitian):
    """L and D in one, the pivots and LAPACK's ``info``."""
    return ldl_factors(x, hermitian)


def geqrf(x):
    """R in the upper triangle with Householder's vectors below it, and their factors tau."""
    h, tau = library_of(x).linalg.qr(x, "raw")
    return h.mT, tau


# -------------------------------------------------------------------------------------------------------- exponential

PADE = (64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
        670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1)  # fmt: skip
"""The coefficients of the Padé approximation of degree 13 (Higham 2005, The scaling and squaring method, algorithm 2.3)."""
PADE_REACH = 5.4
"""The 1-norm up to which it is exact in double precision."""


def matrix_exp(x):
    """Σ Aᵏ / k!, by scaling, Padé's approximation, and squaring. Each matrix is squared as often as its norm asks for."""
    xp = library_of(x)
    if not x.size:
        return x.copy()
    wide = x.astype(xp.promote_types(x.dtype, xp.float64))
    norm = xp.abs(wide).sum(-2).max(-1)
    doublings = xp.ceil(xp.log2(xp.maximum(norm / PADE_REACH, 1)))
    doublings = xp.where(xp.isfinite(doublings), doublings, 0)
    a = wide / 2.0 ** doublings[..., None, None]
    one = xp.eye(x.shape[-1], dtype=wide.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a2 @ a4
    b = [float(c) for c in PADE]
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * one
    out = xp.linalg.solve(even - odd, even + odd)
    for k in range(int(doublings.max())):
        out = xp.where((doublings > k)[..., None, None], out @ out, out)
    return out.astype(x.dtype)
