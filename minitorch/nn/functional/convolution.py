"""Convolutions, and the windows they are made of: see ``ops/conv.py``.   torch: F.conv2d and its relatives"""

from ...ops.conv import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    fold,
    unfold,
)

__all__ = [
    "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold", "ntuple",
    "unfold",
]  # fmt: skip


def ntuple(x, n):
    """One number for all n spatial dims, or one for each."""
    return tuple(x) if isinstance(x, (tuple, list)) else (x,) * n


def conv_tbc(input, weight, bias, pad=0):
    """``conv1d`` of (T, N, C) with a weight (kernel, C, O) → (T', N, O).   torch: F.conv_tbc"""
    out = conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
    return out.permute(2, 0, 1)
