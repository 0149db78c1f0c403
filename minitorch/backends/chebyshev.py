"""Sums of Chebyshev polynomials: how functions without a formula are stored.

On [a, b] a smooth function is c₀ T₀(t) + c₁ T₁(t) + …, where t runs from -1 to 1, and the c fall off so fast that twenty
of them hold every digit. Those here were computed at 40 digits from the functions' definitions.
"""

__all__ = ["chebyshev"]


def chebyshev(coefficients, x, low, high):
    """Σ cᵢ Tᵢ(t), where t goes from -1 to 1 as ``x`` goes from ``low`` to ``high``.   Clenshaw 1955"""
    t2 = (x - low) * (4.0 / (high - low)) - 2.0
    later = last = 0.0
    for c in coefficients[:0:-1]:
        last, later = t2 * last - later + c, last
    return t2 * last * 0.5 - later + coefficients[0]
