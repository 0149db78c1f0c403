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
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold", "ntuple",
    "unfold",
]  # fmt: skip


def ntuple(x, n):
    """One number for all n spatial dims, or one for each."""
    return tuple(x) if isinstance(x, (tuple, list)) else (x,) * n
