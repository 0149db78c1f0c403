"""Batches in memory that a GPU copies from by itself.   torch: torch/utils/data/_utils/pin_memory.py"""

from ...engine import Tensor

__all__ = ["pinned"]


def pinned(batch):
    """``batch`` with the tensors in it pinned, inside lists, tuples and dicts too, and whatever else knows how to."""
    if isinstance(batch, Tensor) or hasattr(batch, "pin_memory"):
        return batch.pin_memory()
    if isinstance(batch, dict):
        return type(batch)({key: pinned(item) for key, item in batch.items()})
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*[pinned(item) for item in batch])
    return type(batch)(pinned(item) for item in batch) if type(batch) in (list, tuple) else batch
