"""Rows of Fourier transforms.

    X_k = n^-p Σ_j x_j e^(-2πi jk/n)          ``inverse``: e^(+2πi jk/n)

``power`` is p: 0, 0.5 or 1. The matrix is symmetric, so the adjoint of a transform is its inverse with the same power.

torch: aten/src/ATen/native/SpectralOps.cpp, and FunctionsManual.cpp (fft_r2c_backward, fft_c2r_backward)
"""

from ..table import REAL_FLOATS, Primitive

__all__ = ["fft", "irfft", "rfft"]


def transform(name, forward, vjp, label, ready=None):
    return Primitive(name, "contraction", forward, (vjp,), ready=ready, label=label)


# of complex numbers, over the dims in the tuple ``dims``
fft = transform(
    "fft",
    lambda xp, x, dims, inverse, power: xp.fft(x, dims, inverse, power),
    lambda g, _out, _x, dims, inverse, power: g._apply(fft, (g,), (dims, not inverse, power)),
    "FftC2C",
)
# of real numbers: of the last of ``dims`` only the first n // 2 + 1, since the others are their conjugates
rfft = transform(
    "rfft",
    lambda xp, x, dims, power: xp.rfft(x, dims, power),
    lambda g, _out, like_x, dims, power: g._apply(
        fft, (g.lengthened(dims[-1], like_x.shape[dims[-1]]),), (dims, True, power)
    ).real,
    "FftR2C",
    REAL_FLOATS,
)
# back to n real numbers along the last of ``dims``; what was left out counts in the gradient, so there it is doubled
irfft = transform(
    "irfft",
    lambda xp, x, dims, n, power: xp.irfft(x, dims, n, power),
    lambda g, _out, _x, dims, n, power: g._apply(rfft, (g,), (dims, power)).doubled(dims[-1], n),
    "FftC2R",
)
