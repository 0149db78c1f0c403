"""The table's rows of linear algebra: inverses, equations, and the factorizations of matrices.

All work on batches of matrices, (*, n, m). A row has one output, a factorization has several: it is a row without
derivative, whose output packs them all, and beside it a row that takes one of them out, ``svd_part(A, packed, 1)``, with
the derivative of that one by A. See docs/design/factors.md.

g is a gradient as PyTorch has it, so for complex A it comes of Aᴴ and not Aᵀ.

The formulas: M. Giles 2008, An extended collection of matrix derivative results; Walter and Lehmann 2010 (QR); Murray
2016, arXiv:1602.07527 (Cholesky); Townsend 2016, Differentiating the singular value decomposition; Boeddeker 2017,
arXiv:1701.00392 (complex eigenvectors); Golub and Pereyra 1973 (pseudoinverse).
"""

from ..table import FLOATS, TABLE, Primitive

__all__ = [
    "FACTORS", "cholesky", "cholesky_info", "cholesky_solve", "cofactors", "det", "eig", "eigh", "eigvals", "eigvalsh",
    "geqrf", "inv", "ldl", "ldl_solve", "lu", "lu_info", "matrix_exp", "parts", "permutation", "pinv", "qr",
    "slogdet", "solve", "solve_triangular", "svd", "svdvals",
]  # fmt: skip


def row(name, forward, *vjps, label=None, ready=None):
    return Primitive(name, "decomposition", forward, vjps, label=label, ready=ready)


FACTORS: dict = {}
"""The name of a factorization's row → (forward, shapes, kinds): what finds its results, and how they look, as ``factors`` says."""


def factors(name, forward, shapes, kinds, vjp=None, label=None):
    """A row that packs several results, and ``name``_part(x, packed, which, *params), which takes one of them out.

    forward(xp, x, *params) → the results.   shapes(n, m, *params): those of the results for a matrix (n, m). kinds: for each " ",
    or "r" if it is real for complex matrices, or "i" if it consists of integers. vjp(g, which, x, packed, *params) → the gradient of x.
    """

    def packed(xp, x, *params):
        return xp.linalg.pack(forward(xp, x, *params), x.shape[:-2])

    def part(xp, x, packed, which, *params):
        return xp.linalg.part(packed, which, shapes(*x.shape[-2:], *params), kinds[which])

    vjps = (lambda g, _out, x, packed, which, *params: vjp(g, which, x, packed, *params), None)
    FACTORS[name] = forward, shapes, kinds
    row(f"{name}_part", part, *(vjps if vjp else ()), label=label)
    return row(name, packed)


def parts(name, x, packed, *params):
    """What the row ``name`` packed: as many tensors as it has results."""
    piece, count = TABLE[f"{name}_part"], len(FACTORS[name][2])
    return [x._apply(piece, (x, packed), (which, *params)) for which in range(count)]


# --------------------------------------------------------------------------------------------- inverses and determinants
# ``name`` is that of the function, for the error; "" lets a matrix without a result pass.

inv = row(
    "inv", lambda xp, x, name: xp.linalg.inv(x, name), lambda g, out, _x, _name: -(out.mH @ g @ out.mH), label="LinalgInvEx"
)
# solve(A, B, name): X with A X = B
solve = row(
    "solve",
    lambda xp, x, y, name: xp.linalg.solve(x, y, name),
    lambda g, out, x, _y, name: -(g._apply(solve, (x.mH, g), (name,)) @ out.mH).sum_to_size(x.shape),
    lambda g, _out, x, like_y, name: g._apply(solve, (x.mH, g), (name,)).sum_to_size(like_y.shape),
    label="LinalgSolveEx",
)
# solve_triangular(A, B, upper, unit): the same for a triangle A; with ``unit`` its diagonal counts as ones
solve_triangular = row(
    "solve_triangular",
    lambda xp, x, y, upper, unit: xp.linalg.solve_triangular(x, y, upper, unit),
    lambda g, out, x, _y, upper, unit: -triangle(solved(x.mH, g, not upper, unit) @ out.mH, upper, unit).sum_to_size(x.shape),
    lambda g, _out, x, like_y, upper, unit: solved(x.mH, g, not upper, unit).sum_to_size(like_y.shape),
    label="LinalgSolveTriangular",
)
det = row(
    "det", lambda xp, x: xp.linalg.det(x), lambda g, _out, x: of_each(g) * x._apply(cofactors, (x,)).conjugate(), label="LinalgDet"
)
# det(A) A⁻ᵀ, of singular matrices too. Its derivative is that of det twice, so it is symmetric, and its own vjp
cofactors = row(
    "cofactors",
    lambda xp, x: xp.linalg.cofactors(x),
    lambda g, _out, x: g._apply(cofactors_grad, (g, x.conjugate())),
    label="LinalgDet",
)
cofactors_grad = row(
    "cofactors_grad",
    lambda xp, g, x: xp.linalg.cofactors_grad(g, x),
    lambda h, _out, _g, x: h._apply(cofactors_grad, (h, x.conjugate())),
    lambda h, _out, g, x: third_derivative(h, g.conjugate(), x.conjugate()),
    label="LinalgDet",
)
# the sign of the determinant, and the logarithm of its size
slogdet = factors(
    "slogdet",
    lambda xp, x: xp.linalg.slogdet(x),
    lambda n, m: ((), ()),
    " r",
    lambda g, which, x, packed: slogdet_vjp(g, which, x, packed),
    label="LinalgSlogdet",
)
# pinv(A, atol, rtol, hermitian): the pseudoinverse, of singular values above max(atol, rtol σ₁)
pinv = row(
    "pinv",
    lambda xp, x, atol, rtol, hermitian: xp.linalg.pinv(x, atol, rtol, hermitian),
    lambda g, out, x, _atol, _rtol, _hermitian: pinv_vjp(g, out, x),
    None,
    None,
    label="LinalgPinv",
)
# the derivative of exp at A in the direction g stands in the corner of exp([[A, g], [0, A]])  (Najfeld and Havel 1995)
matrix_exp = row(
    "matrix_exp", lambda xp, x: xp.linalg.matrix_exp(x), lambda g, _out, x: exp_vjp(g, x), ready=FLOATS, label="LinalgMatrixExp"
)


def solved(a, b, upper, unit=False):
    return a._apply(solve_triangular, (a, b), (upper, unit))


def triangle(x, upper, strict):
    """One triangle of ``x``, without its diagonal if ``strict``."""
    return x.triu(1 if strict else 0) if upper else x.tril(-1 if strict else 0)


def of_each(x):
    """Numbers, one for each matrix of a batch, to multiply the matrices by."""
    return x.unsqueeze(-1).unsqueeze(-1)


def slogdet_vjp(g, which, x, packed):
    """A⁻ᴴ is the derivative of log det: of its real part, and of i times the angle. A real sign doesn't change by a little."""
    if which == 0:
        if not x.is_complex():
            return x.zeros_like()
        turn = g * parts("slogdet", x, packed)[0].conjugate()
        g = (turn - turn.conjugate()) / 2
    return of_each(g) * x._apply(inv, (x,), ("",)).mH


def third_derivative(h, g, x):
    """Of det, in the directions ``h`` and ``g``; of matrices that have an inverse.

    With V = A⁻ᵀ the second is det(A) (tr(gᵀV) tr(hᵀV) - tr(hᵀV gᵀV)), and V changes by -V dAᵀ V.
    """
    v = x._apply(inv, (x,), ("",)).mT
    first, second = g.mT @ v, h.mT @ v
    both = second @ first
    a, b, c = [of_each(m.diagonal(0, -2, -1).sum(-1)) for m in (first, second, both)]
    inner = both + first @ second - b * first - a * second
    return of_each(x._apply(det, (x,))) * ((a * b - c) * v + v @ inner)


def pinv_vjp(g, out, x):
    """By Golub and Pereyra: for the part that A reaches, and for what it leaves out on either side."""
    h, k = g.mH, out.mH
    left, right = h @ out, out @ h
    return -(k @ g @ k) + (left - x @ (out @ left)) @ k + k @ (right - (right @ out) @ x)


def exp_vjp(g, x):
    a, n = x.mH, x.shape[-1]
    top, bottom = g._cat((a, g), -1), g._cat((a.zeros_like(), a), -1)
    whole = g._cat((top, bottom), -2)
    return whole._apply(matrix_exp, (whole,)).narrow(-2, 0, n).narrow(-1, n, n)


# -------------------------------------------------------------------------------------------------------- factorizations

cholesky = row(
    "cholesky",
    lambda xp, x, name: xp.linalg.cholesky(x, name),
    lambda g, out, _x, _name: cholesky_vjp(g, out),
    label="LinalgCholeskyEx",
)
# cholesky_solve(B, L, upper): X with L Lᴴ X = B. A row for its derivative, which takes L for any matrix, as PyTorch's does
cholesky_solve = row(
    "cholesky_solve",
    lambda xp, y, x, upper: xp.linalg.cholesky_solve(y, x, upper),
    lambda g, _out, like_y, x, upper: g._apply(cholesky_solve, (g, x), (upper,)).sum_to_size(like_y.shape),
    lambda g, out, _y, x, upper: cholesky_solve_vjp(g, out, x, upper).sum_to_size(x.shape),
)
cholesky_info = row("cholesky_info", lambda xp, x: xp.linalg.cholesky_info(x))
lu_info = row("lu_info", lambda xp, x: xp.linalg.lu_info(x))
# Q and R. mode: "reduced", "complete", or "r", which leaves Q empty
qr = factors(
    "qr",
    lambda xp, x, mode: xp.linalg.qr(x, mode),
    lambda n, m, mode: (
        {"r": (0,), "complete": (n, n), "reduced": (n, min(n, m))}[mode],
        (n if mode == "complete" else min(n, m), m),
    ),
    "  ",
    lambda g, which, x, packed, mode: qr_vjp(g, which, x, packed, mode),
    label="LinalgQr",
)
# R with Householder's vectors below it, and their factors
geqrf = factors("geqrf", lambda xp, x: xp.linalg.geqrf(x), lambda n, m: ((n, m), (min(n, m),)), "  ")
# L without its ones and U in one, the pivots, and the number of the first zero in U's diagonal
lu = factors(
    "lu",
    lambda xp, x: xp.linalg.lu(x),
    lambda n, m: ((n, m), (min(n, m),), ()),
    " ii",
    lambda g, which, x, packed: lu_vjp(g, x, packed),
    label="LinalgLuFactorEx",
)
# permutation(pivots, n): where each of n rows comes from
permutation = row("permutation", lambda xp, pivots, n: xp.linalg.permutation(pivots - 1, n))
# L and D in one, the pivots, and the number of the first zero in D
ldl = factors("ldl", lambda xp, x, hermitian: xp.linalg.ldl(x, hermitian), lambda n, m, hermitian: ((n, n), (n,), ()), " ii")
ldl_solve = row("ldl_solve", lambda xp, x, pivots, y, hermitian: xp.linalg.ldl_solve(x, pivots, y, hermitian))
# eigenvalues and vectors of a symmetric matrix, of which the triangle "L" or "U" is read
eigh = factors(
    "eigh",
    lambda xp, x, triangle: xp.linalg.eigh(x, triangle),
    lambda n, m, triangle: ((n,), (n, n)),
    "r ",
    lambda g, which, x, packed, triangle: eigh_vjp(g, which, x, packed, triangle),
    label="LinalgEigh",
)
# of any matrix: complex
eig = factors(
    "eig",
    lambda xp, x: xp.linalg.eig(x),
    lambda n, m: ((n,), (n, n)),
    "  ",
    lambda g, which, x, packed: eig_vjp(g, which, x, packed),
    label="LinalgEig",
)
eigvals = row(
    "eigvals",
    lambda xp, x: xp.linalg.eigvals(x),
    lambda g, _out, x: eig_vjp(g, 0, x, x._apply(eig, (x,))),
    label="LinalgEig",
)
# U, the singular values, and Vᴴ. full: U and V are square
svd = factors(
    "svd",
    lambda xp, x, full: xp.linalg.svd(x, full),
    lambda n, m, full: ((n, n if full else min(n, m)), (min(n, m),), (m if full else min(n, m), m)),
    " r ",
    lambda g, which, x, packed, full: svd_vjp(g, which, x, packed, full),
    label="LinalgSvd",
)
# Rows for speed: alone, singular values and eigenvalues cost a fraction
svdvals = row(
    "svdvals",
    lambda xp, x: xp.linalg.svdvals(x),
    lambda g, _out, x: svd_vjp(g, 1, x, x._apply(svd, (x,), (False,)), False),
    label="LinalgSvd",
)
eigvalsh = row(
    "eigvalsh",
    lambda xp, x, triangle: xp.linalg.eigvalsh(x, triangle),
    lambda g, _out, x, triangle: eigh_vjp(g, 0, x, x._apply(eigh, (x,), (triangle,)), triangle),
    label="LinalgEigh",
)


def cholesky_vjp(g, out):
    inner = out.mH @ g
    inner = (inner.tril(-1) + inner.tril().mH) / 2
    half = solved(out.mH, inner, True)
    return solved(out.mH, half.mH, True).mH


def cholesky_solve_vjp(g, out, x, upper):
    inner = g._apply(cholesky_solve, (g, x), (upper,)) @ out.mH
    inner = inner + inner.mH
    return -(x @ inner if upper else inner @ x)


def qr_vjp(g, which, x, packed, mode):
    n, m = x.shape[-2:]
    if mode == "r":
        raise RuntimeError(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, "
            "mode='reduced') if you are going to differentiate through linalg.qr."
        )
    if mode == "complete" and n > m:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
    q, r = parts("qr", x, packed, mode)
    if m <= n:
        return square_qr_vjp(q, r, g if which == 0 else None, g if which == 1 else None)
    if which == 0:  # A = [X, Y]: X has the factors Q and U, and Y = Q V
        left = square_qr_vjp(q, r.narrow(-1, 0, n), g, None)
        return g._cat((left, x.narrow(-1, n, m - n).zeros_like()), -1)
    u, v = r.narrow(-1, 0, n), r.narrow(-1, n, m - n)
    gu, gv = g.narrow(-1, 0, n), g.narrow(-1, n, m - n)
    return g._cat((square_qr_vjp(q, u, q @ (v @ gv.mH), gu), q @ gv), -1)


def square_qr_vjp(q, r, gq, gr):
    """Of a matrix with no more columns than rows; either gradient may be missing."""
    inner = 0 if gr is None else gr @ r.mH
    inner = inner if gq is None else inner - q.mH @ gq
    upper = (inner.triu() + inner.triu(1)) / 2
    total = q @ (upper + upper.mH)
    total = total if gq is None else total + gq
    return solved(r, total.mH, True).mH


def lu_vjp(g, x, packed):
    """With A = P L U. A wide matrix is P L [U, V], a tall one P [L, M] U."""
    n, m = x.shape[-2:]
    k = min(n, m)
    factored, pivots, _ = parts("lu", x, packed)
    square, gs = [t.narrow(-2, 0, k).narrow(-1, 0, k) for t in (factored, g)]
    lower, upper = square.tril(-1) + square.new_ones(k).diag_embed(), square.triu()
    inner = (lower.mH @ gs.tril(-1)).tril(-1) + (gs.triu() @ upper.mH).triu()
    if m > k:
        gv, v = g.narrow(-1, k, m - k), factored.narrow(-1, k, m - k)
        inner = inner - (gv @ v.mH).tril(-1)
    if n > k:
        gm, below = g.narrow(-2, k, n - k), factored.narrow(-2, k, n - k)
        inner = inner - (below.mH @ gm).triu()
    result = solved(upper, solved(lower.mH, inner, True, True).mH, True).mH
    if m > k:
        result = g._cat((result, solved(lower.mH, gv, True, True)), -1)
    if n > k:
        result = g._cat((result, solved(upper, gm.mH, True).mH), -2)
    order = pivots._apply(permutation, (pivots,), (n,)).argsort(-1)
    return result.gather(-2, order.unsqueeze(-1).expand(result.shape))


def over_gaps(x, values):
    """x[i, j] / (values[j] - values[i]), and 0 on the diagonal. (No infinity stands there: a GPU divides complex numbers by it to NaN.)"""
    own = values.new_ones(values.shape[-1:]).diag_embed()
    return x / (values.unsqueeze(-2) - values.unsqueeze(-1) + own) * (1 - own)


def eigh_vjp(g, which, x, packed, triangle):
    values, vectors = parts("eigh", x, packed, triangle)
    if which == 0:
        return (vectors * g.unsqueeze(-2)) @ vectors.mH
    inner = vectors.mH @ g
    return vectors @ over_gaps((inner - inner.mH) / 2, values) @ vectors.mH


def eig_vjp(g, which, x, packed):
    """The gradient of the eigenvectors for vectors of length 1."""
    values, vectors = parts("eig", x, packed)
    if which == 0:
        inner = g.unsqueeze(-1) * vectors.mH
    else:
        inner = vectors.mH @ g
        inner = inner - (vectors.mH @ vectors) * inner.diagonal(0, -2, -1).real.unsqueeze(-2)
        inner = over_gaps(inner, values.conjugate()) @ vectors.mH
    result = inner._apply(solve, (vectors.mH, inner), ("torch.linalg.solve",))
    return result if x.is_complex() else result.real


def svd_vjp(g, which, x, packed, full):
    u, s, vh = parts("svd", x, packed, full)
    n, m, k = *x.shape[-2:], s.shape[-1]
    u, vh = u.narrow(-1, 0, k), vh.narrow(-2, 0, k)
    if which == 1:
        return (u * g.unsqueeze(-2)) @ vh
    if which == 0:
        g = g.narrow(-1, 0, k)
        inner = u.mH @ g
        result = u @ (turned(inner, s) * s.unsqueeze(-2)) @ vh
        if n > k:
            result = result + ((g - u @ inner) / s.unsqueeze(-2)) @ vh
        if x.is_complex():  # the phases of U and V are tied together
            result = result + (u * (inner.diagonal(0, -2, -1).imag * 1j / s).unsqueeze(-2)) @ vh
        return result
    g = g.narrow(-2, 0, k)
    inner = vh @ g.mH
    result = u @ (s.unsqueeze(-1) * turned(inner, s)) @ vh
    return result + u @ ((g - inner.mH @ vh) / s.unsqueeze(-1)) if m > k else result


def turned(inner, s):
    """What turns the singular vectors: the skew part over the gaps between the squares of the singular values."""
    return over_gaps(inner - inner.mH, s * s)
