"""Singular value decompositions of large matrices from a few random directions.

N. Halko, P. G. Martinsson and J. A. Tropp, Finding structure with randomness, arXiv:0909.4061, algorithms 4.4 and 5.1.
"""

from ..ops.factors import qr, svd
from ..random import randn

__all__ = ["pca_lowrank", "svd_lowrank"]


def basis(A, q, niter, M):
    """Q with q orthonormal columns, for which Q Qᴴ (A - M) is nearly A - M."""

    def applied(B, turned=False):
        product = (A.mH if turned else A) @ B
        return product if M is None else product - (M.mH if turned else M) @ B

    Q = qr(applied(randn(A.shape[-1], q, dtype=A.dtype, device=A.device))).Q
    for _ in range(niter):
        Q = qr(applied(Q, turned=True)).Q
        Q = qr(applied(Q)).Q
    return Q


def svd_lowrank(A, q=6, niter=2, M=None):
    """U, S and V of the q largest singular values of A, nearly; with M of A - M.   torch: svd_lowrank"""
    q = 6 if q is None else q
    M = None if M is None else M.broadcast_to(A.shape)
    wide = A.shape[-2] < A.shape[-1]
    if wide:
        A, M = A.mH, None if M is None else M.mH
    Q = basis(A, q, niter, M)
    B = Q.mH @ A
    U, S, Vh = svd(B if M is None else B - Q.mH @ M, full_matrices=False)
    U, V = Q @ U, Vh.mH
    return (V, S, U) if wide else (U, S, V)


def pca_lowrank(A, q=None, center=True, niter=2):
    """``svd_lowrank`` of A, or of A less the mean of its rows if ``center``.   torch: pca_lowrank"""
    n, m = A.shape[-2:]
    q = min(6, n, m) if q is None else q
    if not 0 <= q <= min(n, m):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(n, m)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, True) if center else A, q, niter)
