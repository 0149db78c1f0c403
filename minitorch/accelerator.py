"""Whatever computes beside the CPU: GPUs, by ``torch.cuda``.   torch: torch/accelerator"""

from .absent import absent
from .backends import gpu_count
from .device import device
from .making import lacking

__all__ = [
    "current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count",
    "device_index", "empty_cache", "is_available", "set_device_idx", "set_device_index", "set_stream", "synchronize",
]  # fmt: skip

__getattr__ = absent(__name__)


def is_available():
    """Whether there is a GPU.   torch: accelerator.is_available"""
    return gpu_count() > 0


def device_count():
    """How many GPUs there are.   torch: accelerator.device_count"""
    return gpu_count()


def current_accelerator(check_available=False):
    """The kind of device; None without one.   torch: accelerator.current_accelerator"""
    return device("cuda") if is_available() else None


def only_there(name):
    text = "Cannot access accelerator device when none is available.\nask is_available() first"
    return lacking(f"accelerator.{name}", RuntimeError, text)


current_device_index, current_device_idx = only_there("current_device_index"), only_there("current_device_idx")
device_index, set_device_idx, set_device_index = map(only_there, ("device_index", "set_device_idx", "set_device_index"))
current_stream, empty_cache = only_there("current_stream"), only_there("empty_cache")
set_stream, synchronize = only_there("set_stream"), only_there("synchronize")
