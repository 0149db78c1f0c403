"""What some programs take from PyTorch's inside: gradients as one row of numbers and back, a check.   torch: torch/_utils.py"""

from .absent import absent
from .ops.joining import cat

__all__ = ["_assert", "_flatten_dense_tensors", "_unflatten_dense_tensors"]

__getattr__ = absent(__name__)


def _flatten_dense_tensors(tensors):
    """All elements of tensors of one dtype, in a row.   torch: _utils._flatten_dense_tensors

    >>> from minitorch._utils import _flatten_dense_tensors
    >>> _flatten_dense_tensors([torch.zeros(2), torch.ones(1, 1)])
    tensor([0., 0., 1.])
    """
    return cat([x.contiguous().view(-1) for x in tensors])


def _unflatten_dense_tensors(flat, tensors):
    """The same row cut into views of the tensors' shapes.   torch: _utils._unflatten_dense_tensors"""
    parts = flat.split([x.numel() for x in tensors])
    return tuple([part.view_as(x) for part, x in zip(parts, tensors, strict=True)])


def _assert(condition, message):
    """Raises AssertionError where ``condition``, a bool or a tensor of one, is false.   torch: _assert"""
    if not condition:
        raise AssertionError(message)
