"""The package that orders the products of ``einsum``: not used here.   torch: torch/backends/opt_einsum"""

__all__ = ["enabled", "get_opt_einsum", "is_available", "strategy"]

enabled, strategy = False, None


def is_available():
    """No."""
    return False


def get_opt_einsum():
    """None."""
    return None
