"""Losses that compare two or three inputs with one another.   torch: aten/src/ATen/native/Loss.cpp"""

from .distance import pairwise_distance
from .reduction import legacy_reduction, reduce_loss

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip


def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """1 - cos where target is 1, max(0, cos - margin) where it is -1.   torch: F.cosine_embedding_loss

    input1, input2: (N, D) or (D), target: (N) or ()
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported\n"
                           "give 1 or -1 for each pair")  # fmt: skip
    if target.ndim == 1 and (input1.ndim != 2 or input2.ndim != 2):
        raise RuntimeError(
            f"1D target tensor expects 2D input tensors, but found inputs with sizes {list(input1.shape)} and "
            f"{list(input2.shape)}.\nthe pairs are (N, D), the target is (N)"
        )

    eps = 1e-12
    squares = ((input1 * input1).sum(-1) + eps) * ((input2 * input2).sum(-1) + eps)
    cosine = (input1 * input2).sum(-1) / squares.sqrt()
    alike = (1 - cosine).where(target == 1, 0)
    unlike = (cosine - margin).clamp(min=0).where(target == -1, 0)
    return reduce_loss(alike + unlike, reduction)


def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """input where target is 1, max(0, margin - input) where it is -1.   torch: F.hinge_embedding_loss"""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    pushed = (margin - input).clamp(min=0).where(target != 1, 0)
    pulled = input.where(target != -1, 0)
    return reduce_loss(pushed + pulled, reduction)


def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """max(0, -target · (input1 - input2) + margin): target 1 wants input1 to rank higher.   torch: F.margin_ranking_loss"""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} \nreshape or unsqueeze the target"
        )
    return reduce_loss((-target * (input1 - input2) + margin).clamp(min=0), reduction)


def triplet_margin_loss(
    anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, size_average=None, reduce=None, reduction="mean"
):
    """max(0, margin + |anchor - positive| - |anchor - negative|) with the p-norm; ``swap`` takes the nearer negative.

    torch: F.triplet_margin_loss.   Balntas et al. 2016
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}\nit is the distance to keep")
    return _triplet(anchor, positive, negative, lambda x, y: pairwise_distance(x, y, p, eps), margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean"
):
    """``triplet_margin_loss`` with any distance of two tensors.   torch: F.triplet_margin_with_distance_loss"""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}\nit is the distance to keep")
    return _triplet(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction)


def _triplet(anchor, positive, negative, distance, margin, swap, reduction):
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs\n"
            "unsqueeze the one that lacks a dimension"
        )

    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduce_loss((near - far + margin).clamp(min=0), reduction)
