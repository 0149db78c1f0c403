"""How far apart, and in which direction.   torch: aten/src/ATen/native/Distance.cpp"""

__all__ = ["cosine_similarity", "normalize", "pairwise_distance"]


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """x1 · x2 / (max(|x1|, eps) · max(|x2|, eps)) over ``dim``.   torch: F.cosine_similarity

    >>> F.cosine_similarity(tensor([[1., 0.]]), tensor([[1., 1.]]))
    tensor([0.7071])
    """
    shape = x1._broadcast_shape(x1.shape, x2.shape)
    x1, x2 = x1.expand(shape), x2.expand(shape)
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
