"""A library of convolutions: not used here.   torch: torch/backends/nnpack"""

__all__ = ["is_available"]


def is_available():
    """No."""
    return False
