"""``torch.amp`` by its old name, for "cuda".   torch: torch/cuda/amp"""

import functools
import sys
import warnings

from .. import amp
from ..absent import absent
from ..dtypes import float16
from ..paths import path

__all__ = ["GradScaler", "autocast", "autocast_mode", "custom_bwd", "custom_fwd", "grad_scaler"]

__getattr__ = absent(__name__)

autocast_mode, grad_scaler = [path(f"{__name__}.{file}", sys.modules[__name__]) for file in ("autocast_mode", "grad_scaler")]


def warn_of(old, new, stacklevel=3):
    message = f"`torch.cuda.amp.{old}(args...)` is deprecated. Please use `torch.amp.{new}` instead."
    warnings.warn(message, FutureWarning, stacklevel=stacklevel)


class autocast(amp.autocast):
    """``torch.amp.autocast("cuda")``."""

    def __init__(self, enabled=True, dtype=float16, cache_enabled=True):
        warn_of("autocast", "autocast('cuda', args...)")
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """``torch.amp.GradScaler("cuda")``."""

    def __init__(self, init_scale=2.0**16, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000, enabled=True):
        warn_of("GradScaler", "GradScaler('cuda', args...)")
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


def custom_fwd(fwd=None, *, cast_inputs=None):
    """``torch.amp.custom_fwd(device_type="cuda")``."""
    warn_of("custom_fwd", "custom_fwd(args..., device_type='cuda')")
    return functools.partial(amp.custom_fwd, device_type="cuda")(fwd, cast_inputs=cast_inputs)


def custom_bwd(bwd):
    """``torch.amp.custom_bwd(device_type="cuda")``."""
    warn_of("custom_bwd", "custom_bwd(args..., device_type='cuda')")
    return amp.custom_bwd(bwd, device_type="cuda")
