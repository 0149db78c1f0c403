"""Intel's GPUs: none here.   torch: torch/xpu"""

from .absent import absent

__all__ = [
    "current_device", "device_count", "empty_cache", "get_device_name", "is_available", "manual_seed",
    "manual_seed_all", "synchronize",
]  # fmt: skip

__getattr__ = absent(__name__)


def is_available():
    """No."""
    return False


def device_count():
    """0."""
    return 0


def manual_seed(seed):
    """Nothing: the CPU's generator is ``torch.manual_seed``'s."""


def manual_seed_all(seed):
    """Nothing."""


def empty_cache():
    """Nothing."""


def synchronize(device=None):
    """Raises AssertionError."""
    raise AssertionError("Torch not compiled with XPU enabled\nthis installation computes on the CPU only")


def current_device():
    """Raises AssertionError."""
    synchronize()


def get_device_name(device=None):
    """Raises AssertionError."""
    synchronize()
