"""Intel's library of layers: not used here.   torch: torch/backends/mkldnn"""

from contextlib import contextmanager

from ..absent import absent

__all__ = ["allow_tf32", "deterministic", "enabled", "flags", "is_available", "set_flags"]

__getattr__ = absent(__name__)

enabled, deterministic, allow_tf32 = True, False, True


def is_available():
    """No."""
    return False


def set_flags(_enabled=None, _deterministic=None, _allow_tf32=None, _fp32_precision="none"):
    """Set some of the switches; returns what all were."""
    global enabled, deterministic, allow_tf32
    before = enabled, deterministic, allow_tf32
    enabled = enabled if _enabled is None else _enabled
    deterministic = deterministic if _deterministic is None else _deterministic
    allow_tf32 = allow_tf32 if _allow_tf32 is None else _allow_tf32
    return before


@contextmanager
def flags(enabled=False, deterministic=False, allow_tf32=True, fp32_precision="none"):
    """A block with the switches set so."""
    before = set_flags(enabled, deterministic, allow_tf32)
    try:
        yield
    finally:
        set_flags(*before)
