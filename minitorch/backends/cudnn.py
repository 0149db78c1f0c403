"""Switches of the library that convolves on NVIDIA's GPUs. Of these, ``allow_tf32`` counts here too: convolutions of float32 are
computed from factors of 10 bits by tensor cores. The others are remembered, and decide nothing.

torch: torch/backends/cudnn
"""

from contextlib import contextmanager

from ..absent import absent

__all__ = [
    "allow_tf32", "benchmark", "benchmark_limit", "deterministic", "enabled", "flags", "is_acceptable", "is_available",
    "set_flags", "version",
]  # fmt: skip

__getattr__ = absent(__name__)

enabled, benchmark, deterministic, allow_tf32 = True, False, False, True
benchmark_limit, fp32_precision = None, "none"


def is_available():
    """No."""
    return False


def version():
    """None: it isn't there."""
    return None


def is_acceptable(tensor):
    """Whether it would compute with this tensor: no."""
    return False


def set_flags(_enabled=None, _benchmark=None, _benchmark_limit=None, _deterministic=None, _allow_tf32=None, _fp32_precision="none"):
    """Set some of the switches; returns what all were."""
    global enabled, benchmark, benchmark_limit, deterministic, allow_tf32
    before = enabled, benchmark, benchmark_limit, deterministic, allow_tf32
    enabled = enabled if _enabled is None else _enabled
    benchmark = benchmark if _benchmark is None else _benchmark
    benchmark_limit = benchmark_limit if _benchmark_limit is None else _benchmark_limit
    deterministic = deterministic if _deterministic is None else _deterministic
    allow_tf32 = allow_tf32 if _allow_tf32 is None else _allow_tf32
    return before


@contextmanager
def flags(enabled=False, benchmark=False, benchmark_limit=10, deterministic=False, allow_tf32=True, fp32_precision="none"):
    """A block with the switches set so."""
    before = set_flags(enabled, benchmark, benchmark_limit, deterministic, allow_tf32)
    try:
        yield
    finally:
        set_flags(*before)
