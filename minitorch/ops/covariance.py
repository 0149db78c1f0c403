"""Covariances and correlations of variables, the rows of a matrix whose columns are observations."""

import warnings

from .complex import complex as complex_of

__all__ = ["corrcoef", "cov"]


def cov(input, *, correction=1, fweights=None, aweights=None):
    """Σ w (x - x̄)(y - ȳ)̅ / (Σ w - correction) for each two rows.   torch: cov

    fweights: how often each column was observed; aweights: how much it counts, which scales the correction too.
    Raises RuntimeError for weights that don't fit. Warns where nothing is left to divide by.

    >>> torch.cov(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    check_dims(input, "cov")
    if input._array.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    weights = checked_weights(x, fweights, aweights)
    total = x.shape[1] if weights is None else weights.sum()
    centred = x - ((x if weights is None else x * weights).sum(1) / total).unsqueeze(1)
    degrees = total - correction
    if aweights is not None and correction != 0:
        degrees = total - correction * (weights * aweights).sum() / total
    if degrees <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations.", stacklevel=2
        )
        degrees = 0
    products = centred @ (centred if weights is None else centred * weights).mH.to(centred.dtype)
    return (products / degrees).squeeze()


def check_dims(input, name):
    if input.ndim > 2:
        raise RuntimeError(
            f"{name}(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )


def checked_weights(x, fweights, aweights):
    """The product of both kinds of weights, of which any may be None."""
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        if w.ndim > 1:
            raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.ndim} dimensions")
        kinds, what = ("iu", "integral") if name == "fweights" else ("fV", "floating point")
        if w._array.dtype.kind not in kinds:
            raise RuntimeError(f"cov(): expected {name} to have {what} dtype but got {name} with {w._type_name()} dtype")
        if w.numel() != x.shape[1]:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got {w.numel()} != {x.shape[1]}"
            )
        if bool((w < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if fweights is None or aweights is None:
        return aweights if fweights is None else fweights
    return fweights * aweights


def corrcoef(input):
    """The covariances over the roots of both variances: between -1 and 1.   torch: corrcoef"""
    check_dims(input, "corrcoef")
    c = cov(input)
    if c.ndim == 0:
        return c / c
    deviation = c.diagonal().real.sqrt()
    c = c / deviation.unsqueeze(1) / deviation.unsqueeze(0)
    return complex_of(c.real.clamp(-1, 1), c.imag.clamp(-1, 1)) if c.is_complex() else c.clamp(-1, 1)
