"""How far apart, and in which direction.   torch: aten/src/ATen/native/Distance.cpp"""

import math

from ...dtypes import float32, float64
from ...errors import not_implemented
from ...ops.spelling import numpy_names

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "pdist"]


@numpy_names
def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """x1 · x2 / (max(|x1|, eps) · max(|x2|, eps)) over ``dim``.   torch: F.cosine_similarity

    >>> F.cosine_similarity(tensor([[1., 0.]]), tensor([[1., 1.]]))
    tensor([0.7071])
    """
    shape = x1._broadcast_shape(x1.shape, x2.shape)
    x1, x2 = x1.expand(shape), x2.expand(shape)
    if x1.dtype is not x2.dtype:
        dtype = x1._common_dtype((x1, x2))
        x1, x2 = x1.to(dtype), x2.to(dtype)
    unit1 = x1 / x1.norm(2, dim, keepdim=True).clamp(min=eps)
    unit2 = x2 / x2.norm(2, dim, keepdim=True).clamp(min=eps)
    return (unit1 * unit2).sum(dim)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of x1 - x2 + eps over the last dimension.   torch: F.pairwise_distance

    >>> F.pairwise_distance(tensor([[3., 4.]]), tensor([[0., 0.]]))
    tensor([5.0000])
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """input / max(|input|, eps), with the p-norm over ``dim``.   torch: F.normalize

    >>> F.normalize(tensor([[3., 4.]]))
    tensor([[0.6000, 0.8000]])
    """
    result = input / input.norm(p, dim, keepdim=True).clamp(min=eps)
    return result if out is None else out.copy_(result)


def pdist(input, p=2):
    """The p-norms of the differences of all pairs of rows, i < j.   x: (N, M) → (N (N - 1) / 2).   torch: F.pdist

    >>> F.pdist(tensor([[0., 0.], [3., 4.], [0., 4.]]))
    tensor([5., 4., 3.])
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D\na row is a point")
    if not input.is_floating_point():
        raise RuntimeError("pdist only supports floating-point dtypes\nuse x.float()")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values\ngot p={p}")
    if input.dtype not in (float32, float64):
        raise not_implemented("pdist", input._type_name())
    n = input.shape[0]
    first, second = input.new_ones(n, n).triu(1).nonzero(as_tuple=True)
    difference = input.index_select(0, first) - input.index_select(0, second)
    if p != math.inf:
        same = (difference == 0).all(1)  # where a norm has no slope, there is none
        return difference.masked_fill(same.unsqueeze(1), 1).norm(p, 1).masked_fill(same, 0)
    if input.shape[1] == 0:
        return difference.sum(1)
    sizes = difference.abs()
    found = sizes.detach().amax(1)
    # of equal sizes each has the whole gradient, where a maximum would share it
    return found + (sizes - sizes.detach()).where(sizes == found.unsqueeze(1), 0).sum(1)
