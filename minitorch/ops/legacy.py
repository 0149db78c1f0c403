"""Methods from PyTorch's first years, that old programs still call.

torch: torch/_tensor.py
"""

import math
import warnings

from ..backends import memory

__all__ = ["apply_", "index", "is_shared", "map_", "record_stream", "reinforce", "resize", "share_memory_"]


def resize(input, *sizes):
    """``view`` of a contiguous tensor, with a warning.   torch: Tensor.resize"""
    warnings.warn("non-inplace resize is deprecated", UserWarning, stacklevel=2)
    sizes = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    if math.prod(sizes) != input.numel():
        raise RuntimeError(
            f"requested resize to {'x'.join(map(str, sizes))} ({math.prod(sizes)} elements in total), but the given tensor has a size of "
            f"{'x'.join(map(str, input.shape))} ({input.numel()} elements). autograd's resize can only change the shape of a given "
            "tensor, while preserving the number of elements. "
        )
    return input.contiguous().view(*sizes)


def index(input, positions, dims):
    """Not here: indexing by functorch's first-class dims. Use ``x[i, j]``.   torch: Tensor.index"""
    raise NotImplementedError("Tensor.index: first-class dims aren't here\nwrite x[i, j]")


def apply_(input, callable):
    """``callable(x)`` in place of each element, one by one in Python: slow.   torch: Tensor.apply_

    >>> torch.tensor([1., 2.]).apply_(lambda x: x + 1)
    tensor([2., 3.])
    """
    if input.requires_grad:
        raise RuntimeError("Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead.")
    new = [callable(x) for x in input.reshape(-1).tolist()]
    return input.copy_(input.new_tensor(new).reshape(input.shape)) if new else input


def map_(input, tensor, callable):
    """``callable(x, y)`` in place of each element, y from ``tensor``, one by one in Python: slow.   torch: Tensor.map_"""
    if input.requires_grad:
        raise RuntimeError("Can't call map_() on Variable that requires grad. Use var.detach().map_() instead.")
    other = tensor.expand_as(input).reshape(-1).tolist()
    new = [callable(x, y) for x, y in zip(input.reshape(-1).tolist(), other, strict=True)]
    return input.copy_(input.new_tensor(new).reshape(input.shape)) if new else input


def reinforce(input, reward):
    """Removed from PyTorch: raises RuntimeError.   torch: Tensor.reinforce"""
    raise RuntimeError("reinforce() was removed.\nUse torch.distributions instead: action.log_prob(sample) times the reward")


def record_stream(input, stream):
    """Nothing on a GPU, whose memory is freed in the order of the work; on the CPU raises RuntimeError.   torch: Tensor.record_stream"""
    if input.is_cuda:
        return
    raise RuntimeError("unknown parameter type\nthere are no streams on the CPU")


def share_memory_(input):
    """Move the elements into memory that processes forked from now on share.   torch: Tensor.share_memory_

    The tensor must own its memory: views of it that exist already keep the old one.
    """
    if not is_shared(input):
        input.data = input._wrap(memory.shared(input._array))
    return input


def is_shared(input):
    """Whether the elements are in memory that forked processes share.   torch: Tensor.is_shared"""
    return input.is_cuda or memory.is_shared(input._array)
