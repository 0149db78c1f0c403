"""Switches of what computes on NVIDIA's GPUs. That of products decides (``cupy_products.py``); the others are remembered.

torch: torch/backends/cuda
"""

import warnings
from contextlib import contextmanager

from ..absent import absent
from ..settings import SETTINGS

__all__ = [
    "can_use_cudnn_attention", "can_use_efficient_attention", "can_use_flash_attention", "cudnn_sdp_enabled",
    "enable_cudnn_sdp", "enable_flash_sdp", "enable_math_sdp", "enable_mem_efficient_sdp", "flash_sdp_enabled",
    "is_built", "is_flash_attention_available", "math_sdp_enabled", "matmul", "mem_efficient_sdp_enabled",
    "sdp_kernel",
]  # fmt: skip

__getattr__ = absent(__name__)


class Products:
    """How exact products of float32 matrices are on a GPU: exact ("ieee"), or with factors rounded to TF32, of 10 bits, which is
    quicker. It is one setting with ``set_float32_matmul_precision``.

    >>> torch.backends.cuda.matmul.allow_tf32 = True
    >>> torch.get_float32_matmul_precision()
    'high'
    >>> torch.set_float32_matmul_precision("highest")
    >>> torch.backends.cuda.matmul.allow_tf32
    False
    """

    @property
    def allow_tf32(self):
        return SETTINGS.precision != "highest"

    @allow_tf32.setter
    def allow_tf32(self, allowed):
        SETTINGS.precision = "high" if allowed else "highest"

    @property
    def fp32_precision(self):
        return "tf32" if self.allow_tf32 else "ieee"

    @fp32_precision.setter
    def fp32_precision(self, precision):
        self.allow_tf32 = precision == "tf32"

    allow_fp16_reduced_precision_reduction = allow_bf16_reduced_precision_reduction = True
    allow_fp16_accumulation = False


matmul = Products()
ATTENTION = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built():
    """No."""
    return False


def is_flash_attention_available():
    """No."""
    return False


def can_use_flash_attention(params, debug=False):
    """No."""
    return False


def can_use_efficient_attention(params, debug=False):
    """No."""
    return False


def can_use_cudnn_attention(params, debug=False):
    """No."""
    return False


def flash_sdp_enabled():
    """What it was set to."""
    return ATTENTION["flash"]


def mem_efficient_sdp_enabled():
    """What it was set to."""
    return ATTENTION["mem_efficient"]


def math_sdp_enabled():
    """What it was set to."""
    return ATTENTION["math"]


def cudnn_sdp_enabled():
    """What it was set to."""
    return ATTENTION["cudnn"]


def enable_flash_sdp(enabled):
    """Allow one way to compute attention."""
    ATTENTION["flash"] = bool(enabled)


def enable_mem_efficient_sdp(enabled):
    """Allow one way to compute attention."""
    ATTENTION["mem_efficient"] = bool(enabled)


def enable_math_sdp(enabled):
    """Allow one way to compute attention."""
    ATTENTION["math"] = bool(enabled)


def enable_cudnn_sdp(enabled):
    """Allow one way to compute attention."""
    ATTENTION["cudnn"] = bool(enabled)


@contextmanager
def ways(**allowed):
    before = dict(ATTENTION)
    ATTENTION.update(allowed)
    try:
        yield {}
    finally:
        ATTENTION.update(before)


def sdp_kernel(enable_flash=True, enable_math=True, enable_mem_efficient=True, enable_cudnn=True):
    """A block in which some ways to compute attention are allowed. PyTorch calls it deprecated."""
    warnings.warn(
        "`torch.backends.cuda.sdp_kernel()` is deprecated. In the future, this context manager will be removed. Please see "
        "`torch.nn.attention.sdpa_kernel()` for the new context manager, with updated signature.",
        FutureWarning,
        stacklevel=2,
    )
    return ways(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
