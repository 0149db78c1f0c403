"""Mixed precision: products in bfloat16, and a scale that keeps small gradients from vanishing in float16.

autocast_mode    the block in which it happens; where is in ``mixed_precision.py``
grad_scaler      the loss times a large number, the gradients divided by it, and how that number is found

torch: torch/amp
"""

from ..absent import absent
from .autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from .grad_scaler import GradScaler

__all__ = [
    "GradScaler", "autocast", "autocast_mode", "custom_bwd", "custom_fwd", "grad_scaler", "is_autocast_available",
]  # fmt: skip

__getattr__ = absent(__name__)
