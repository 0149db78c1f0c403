"""Intel's library of linear algebra: not used here.   torch: torch/backends/mkl"""

from ..absent import absent

__all__ = ["is_available"]

__getattr__ = absent(__name__)


def is_available():
    """No."""
    return False
