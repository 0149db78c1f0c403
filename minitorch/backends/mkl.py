"""Intel's library of linear algebra: not used here.   torch: torch/backends/mkl"""

__all__ = ["is_available"]


def is_available():
    """No."""
    return False
