"""``torch.amp`` by its old name, for "cpu".   torch: torch/cpu/amp"""

import warnings

from .. import amp
from ..amp import autocast_mode, grad_scaler
from ..dtypes import bfloat16

__all__ = ["GradScaler", "autocast", "autocast_mode", "grad_scaler"]


def warn_of(old, new):
    message = f"`torch.cpu.amp.{old}(args...)` is deprecated. Please use `torch.amp.{new}` instead."
    warnings.warn(message, FutureWarning, stacklevel=3)


class autocast(amp.autocast):
    """``torch.amp.autocast("cpu")``."""

    def __init__(self, enabled=True, dtype=bfloat16, cache_enabled=True):
        warn_of("autocast", "autocast('cpu', args...)")
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """``torch.amp.GradScaler("cpu")``."""

    def __init__(self, init_scale=2.0**16, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000, enabled=True):
        warn_of("GradScaler", "GradScaler('cpu', args...)")
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
