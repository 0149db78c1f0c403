"""The threads of compiled loops: not used here.   torch: torch/backends/openmp"""

__all__ = ["is_available"]


def is_available():
    """No."""
    return False
