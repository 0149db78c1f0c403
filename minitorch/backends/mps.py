"""Apple's GPUs: none here.   torch: torch/backends/mps"""

from ..absent import absent

__all__ = ["is_available", "is_built", "is_macos13_or_newer", "is_macos_or_newer"]

__getattr__ = absent(__name__)


def is_built():
    """No."""
    return False


def is_available():
    """No."""
    return False


def is_macos_or_newer(major, minor):
    """No."""
    return False


def is_macos13_or_newer():
    """No."""
    return False
