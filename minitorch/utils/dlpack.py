"""Memory shared with other libraries.   torch: torch/utils/dlpack.py"""

from ..creation import from_dlpack

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor):
    """A capsule that another library's ``from_dlpack`` takes, once.   torch: utils.dlpack.to_dlpack"""
    return tensor.__dlpack__()
