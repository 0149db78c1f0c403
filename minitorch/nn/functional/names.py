"""PyTorch's second set of names for the element types, which its messages use: int64 is Long there."""

from ...errors import TYPE_NAMES

__all__ = ["scalar_name"]


def scalar_name(dtype):
    return TYPE_NAMES[str(dtype).removeprefix("torch.")]
