"""Special functions on CuPy arrays: CuPy's own, under the names that the table uses. Those that it lacks the CPU computes.

torch: aten/src/ATen/native/cuda/Math.cuh
"""

import cupy
from cupyx.scipy.special import (
    digamma, entr, erfcx, erfinv, i0, i0e, i1, i1e, log_ndtr, ndtri, xlog1py, xlogy, zeta,
)  # fmt: skip
from cupyx.scipy.special import gammainc as igamma
from cupyx.scipy.special import gammaincc as igammac
from cupyx.scipy.special import gammaln as lgamma
from cupyx.scipy.special import i0 as modified_bessel_i0
from cupyx.scipy.special import i1 as modified_bessel_i1
from cupyx.scipy.special import j0 as bessel_j0
from cupyx.scipy.special import j1 as bessel_j1
from cupyx.scipy.special import k0 as modified_bessel_k0
from cupyx.scipy.special import k0e as scaled_modified_bessel_k0
from cupyx.scipy.special import k1 as modified_bessel_k1
from cupyx.scipy.special import k1e as scaled_modified_bessel_k1
from cupyx.scipy.special import y0 as bessel_y0
from cupyx.scipy.special import y1 as bessel_y1

from . import bessel, pathwise, polynomials
from .cupy_rare import by_cpu
from .gamma import trigamma

__all__ = [
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "beta_slope", "chebyshev_polynomial_t",
    "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w", "digamma", "entr", "erfcx", "erfinv",
    "gamma_slope", "hermite_polynomial_h", "hermite_polynomial_he", "i0", "i0e", "i1", "i1e", "igamma", "igammac",
    "laguerre_polynomial_l", "legendre_polynomial_p", "lgamma", "log_ndtr", "modified_bessel_i0", "modified_bessel_i1",
    "modified_bessel_k0", "modified_bessel_k1", "ndtri", "polygamma", "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1", "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v", "shifted_chebyshev_polynomial_w", "spherical_bessel_j0", "xlog1py", "xlogy",
    "zeta",
]  # fmt: skip

(
    chebyshev_polynomial_t, chebyshev_polynomial_u, chebyshev_polynomial_v, chebyshev_polynomial_w, hermite_polynomial_h,
    hermite_polynomial_he, laguerre_polynomial_l, legendre_polynomial_p, shifted_chebyshev_polynomial_t,
    shifted_chebyshev_polynomial_u, shifted_chebyshev_polynomial_v, shifted_chebyshev_polynomial_w,
) = [by_cpu(getattr(polynomials, name)) for name in polynomials.__all__]  # fmt: skip
airy_ai, spherical_bessel_j0 = by_cpu(bessel.airy_ai), by_cpu(bessel.spherical_bessel_j0)
gamma_slope, beta_slope = by_cpu(pathwise.gamma_slope), by_cpu(pathwise.beta_slope)


def polygamma(x, n, out=None):
    """The n-th derivative of digamma: (-1)^(n+1) n! ζ(n + 1, x)."""
    if n == 0:
        return digamma(x, out)
    if n == 1:
        return trigamma(x, out)
    factor = -1.0 if n % 2 == 0 else 1.0
    for k in range(2, n + 1):
        factor *= k
    return cupy.multiply(zeta(float(n + 1), x), x.dtype.type(factor), out)
