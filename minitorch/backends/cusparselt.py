"""NVIDIA's library of half-sparse products: not used here.   torch: torch/backends/cusparselt"""

__all__ = ["is_available"]


def is_available():
    """No."""
    return False
