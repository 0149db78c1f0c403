"""Noise that switches elements off in training.   torch: aten/src/ATen/native/Dropout.cpp"""

import math
import warnings

from ...autograd.composite import composite
from ...creation import empty, empty_like
from ...dtypes import float64
from ...native.constants import rounded
from ...ops.random import kept_on_gpu

__all__ = ["alpha_dropout", "drop_features", "dropout", "dropout1d", "dropout2d", "dropout3d", "dropout_on_gpu", "feature_alpha_dropout"]

SATURATION = 1.7580993408473766
"""-SELU's value at minus infinity: the value to which alpha dropout sets what it drops."""


def dropout(input, p=0.5, training=True, inplace=False):
    """x · m / (1 - p), where each m is 0 with probability p, else 1: the expectation stays x.

    torch: F.dropout.   Srivastava et al. 2014

    >>> F.dropout(tensor([1., 2.]), p=0.5, training=False)
    tensor([1., 2.])
    """
    _check_probability(p)
    if not training or p == 0:
        return input
    if input.is_cuda and p < 1 and not inplace and input.numel():
        return dropout_on_gpu(input, 1 - p)[0]
    noise = _scaled_noise(empty_like(input), p)
    return input.mul_(noise) if inplace else input * noise


_dropped = composite(lambda x, kept, scale: x * kept * scale, "dropped", 2)


def dropout_on_gpu(input, keep):
    """(x m / keep, m) as one kernel of PyTorch's computes it: narrow types are rounded once, at the end."""
    kind, kept = "double" if input.dtype is float64 else "float", kept_on_gpu(input, keep)
    return _dropped(input, kept, rounded(1 / rounded(keep, kind), kind)), kept


def _scaled_noise(noise, p):
    """Fill ``noise`` with 0 and 1 / (1 - p). p = 1 draws nothing, as in PyTorch."""
    if p == 1:
        return noise.zero_()
    return noise.bernoulli_(1 - p).div_(1 - p)


def _check_probability(p):
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}\np is the fraction to drop")


# ------------------------------------------------------------------------------------------------------- whole channels


def _feature_noise(input):
    """Room for one number a sample and channel: (N, C, 1, …)."""
    if input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input\n"
                           "they are (N, C, …): whole channels are dropped")  # fmt: skip
    shape = (*input.shape[:2], *[1] * (input.ndim - 2))
    return empty(shape, dtype=input.dtype, device=input.device)


def drop_features(input, p, training, inplace):
    _check_probability(p)
    if not training or p == 0:
        return input
    noise = _scaled_noise(_feature_noise(input), p)
    return input.mul_(noise) if inplace else input * noise


def dropout1d(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels of (N, C, L) or (C, L).   torch: F.dropout1d.   Tompson et al. 2015, arXiv:1411.4280"""
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d exists to "
            "provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch dimension (i.e. 2D or 3D inputs).\nuse dropout for single elements"
        )
    return _channel_dropout(input, p, training, inplace, batched=input.ndim == 3)


def dropout2d(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels of (N, C, H, W).   torch: F.dropout2d.   Tompson et al. 2015, arXiv:1411.4280

    A 3-d input is read as (N, C, L), with PyTorch's warning: it was never read as (C, H, W).
    """
    if input.ndim not in (3, 4):
        _warn_of_rank("dropout2d", input.ndim, spatial=2)
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain "
            "the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return drop_features(input, p, training, inplace)


def dropout3d(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W).   torch: F.dropout3d"""
    if input.ndim not in (4, 5):
        _warn_of_rank("dropout3d", input.ndim, spatial=3)
    return _channel_dropout(input, p, training, inplace, batched=input.ndim != 4)


def _channel_dropout(input, p, training, inplace, batched):
    if batched:
        return drop_features(input, p, training, inplace)
    out = drop_features(input.unsqueeze(0), p, training, inplace).squeeze(0)
    return input if inplace else out


def _warn_of_rank(name, ndim, spatial):
    warnings.warn(
        f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an error in a future "
        "release. To retain the behavior and silence this warning, please use dropout instead. Note that "
        f"{name} exists to provide channel-wise dropout on inputs with {spatial} spatial dimensions, a channel "
        f"dimension, and an optional batch dimension (i.e. {spatial + 1}D or {spatial + 2}D inputs).",
        stacklevel=3,
    )


# ---------------------------------------------------------------------------------------------------------- alpha dropout


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout for SELU networks: sets to SELU's lowest value, and rescales so that mean 0 and variance 1 stay.

    torch: F.alpha_dropout.   Klambauer et al. 2017, arXiv:1706.02515
    """
    _check_probability(p)
    if not training or p == 0 or input.numel() == 0:
        return input
    return _alpha_noise(input, empty_like(input), p, inplace)


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Alpha dropout of whole channels.   torch: F.feature_alpha_dropout"""
    _check_probability(p)
    if not training or p == 0 or input.numel() == 0:
        return input
    return _alpha_noise(input, _feature_noise(input), p, inplace)


def _alpha_noise(input, noise, p, inplace):
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    noise.bernoulli_(1 - p)
    a = 1 / math.sqrt((SATURATION**2 * p + 1) * (1 - p))
    shift = (noise - 1).mul_(SATURATION * a).add_(SATURATION * a * p)
    noise.mul_(a)
    return input.mul_(noise).add_(shift) if inplace else input * noise + shift
