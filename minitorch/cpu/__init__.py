"""The CPU, as PyTorch programs ask about devices.   torch: torch/cpu"""

from contextlib import nullcontext

from ..absent import absent
from ..device import CPU
from . import amp

__all__ = ["amp", "current_device", "current_stream", "device_count", "is_available", "set_device", "stream", "synchronize"]

__getattr__ = absent(__name__)


def is_available():
    """Yes."""
    return True


def device_count():
    """1."""
    return 1


def current_device():
    """'cpu'."""
    return str(CPU)


def set_device(device):
    """Nothing: there is one."""


def synchronize(device=None):
    """Nothing: each operation has ended when it returns."""


def current_stream(device=None):
    """None: there are no streams."""
    return None


def stream(stream):
    """A block, and nothing more."""
    return nullcontext()
