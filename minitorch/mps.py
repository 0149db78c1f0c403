"""Apple's GPUs: none here.   torch: torch/mps"""

from .absent import absent
from .making import lacking

__all__ = [
    "current_allocated_memory", "device_count", "driver_allocated_memory", "empty_cache", "is_available",
    "manual_seed", "seed", "synchronize",
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


def seed():
    """Nothing."""


def only_there(name, inner):
    text = f"Cannot execute {inner}() without MPS backend.\nthis installation computes on the CPU only"
    return lacking(f"mps.{name}", RuntimeError, text)


synchronize, empty_cache = only_there("synchronize", "deviceSynchronize"), only_there("empty_cache", "emptyCache")
current_allocated_memory = only_there("current_allocated_memory", "currentAllocatedMemory")
driver_allocated_memory = only_there("driver_allocated_memory", "driverAllocatedMemory")
