"""Losses of an element and its target, and of probabilities.   torch: aten/src/ATen/native/Loss.cpp

Every one takes reduction='mean', 'sum' or 'none', and PyTorch's old size_average and reduce, with a warning.
"""

import math
import warnings

from ...autograd.composite import composite
from ...creation import full_like
from ...dtypes import bfloat16, float16
from ...engine import no_grad
from ...mixed_precision import BLOCKS, raised
from ...modes import demand
from ...replay_forward import replayed
from .activation import log1p_exp
from .reduction import broadcast_with_a_warning, legacy_reduction, reduce_loss

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
]  # fmt: skip

# --------------------------------------------------------------------------------------------------------------- distances


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """(input - target)². With ``weight`` the mean is the weighted one.   torch: F.mse_loss

    >>> F.mse_loss(tensor([1., 2.]), tensor([1., 4.]))
    tensor(2.)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if BLOCKS:
        input, target, weight = raised(input, target, weight)
    if not input.is_same_size(target):
        input, target = broadcast_with_a_warning(input, target)
    if reduction == "mean" and weight is None:
        return input.squared_error_mean(target)

    loss = (input - target).square()
    return reduce_loss(loss, reduction) if weight is None else _weighted(loss, weight, input, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """|input - target|.   torch: F.l1_loss

    >>> F.l1_loss(tensor([1., 2.]), tensor([1., 4.]))
    tensor(1.)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if input.shape != target.shape:
        input, target = broadcast_with_a_warning(input, target)

    loss = (input - target).abs()
    return reduce_loss(loss, reduction) if weight is None else _weighted(loss, weight, input, reduction)


def _weighted(loss, weight, input, reduction):
    _check_weight(weight, input)
    total = loss * weight
    return total.sum() / weight.sum() if reduction == "mean" else reduce_loss(total, reduction)


def _check_weight(weight, input):
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.\n"
                         f"the weight has shape {tuple(weight.shape)}, the input {tuple(input.shape)}")  # fmt: skip


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """d² / (2 beta) where d = |input - target| < beta, else d - beta / 2.   torch: F.smooth_l1_loss.   Girshick 2015"""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if input.shape != target.shape:
        input, target = broadcast_with_a_warning(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.\n"
                           f"got beta={beta}: the distance at which the square becomes a line")  # fmt: skip

    if beta == 0:
        return reduce_loss((input - target).abs(), reduction)
    return reduce_loss(_huber(input, target, beta) / beta, reduction)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """d² / 2 where d = |input - target| < delta, else delta · (d - delta / 2).   torch: F.huber_loss.   Huber 1964"""
    if input.shape != target.shape:
        input, target = broadcast_with_a_warning(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.\n"
                           f"got delta={delta}: the distance at which the square becomes a line")  # fmt: skip

    loss = _huber(input, target, delta)
    if weight is not None:
        _check_weight(weight, input)
        loss = loss * weight
    return reduce_loss(loss, reduction)


def _up_to(input, target, delta):
    """A square as far as ``delta``, and a line from there: with q = min(d, delta), q²/2 + delta · (d - q)."""
    distance = (input - target).abs()
    near = distance.masked_fill(distance > delta, delta)  # a NaN counts as near: its gradient is NaN too
    return near * near * 0.5 + (distance - near) * delta


_huber = composite(_up_to, "huber", 2)


# ------------------------------------------------------------------------------------------- likelihoods of distributions


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """target · (log target - input), where input is a log-probability; with log_target the target is one, too.

    Its own reduction 'batchmean', the sum over the batch size, is what mathematics calls the KL divergence.
    torch: F.kl_div.   Kullback & Leibler 1951
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=2,
        )

    loss = (_kl_of_logarithms if log_target else _kl)(input, target)
    if reduction == "batchmean":
        return loss.sum() / input.size(0) if input.ndim else loss
    return reduce_loss(loss, reduction)


def _divergence(input, target):
    log_target = target.where(target != 0, 1).log()  # 0 · log 0 is 0 here
    return target * log_target - target * input


_kl = composite(_divergence, "kl_div", 2)
_kl_of_logarithms = composite(lambda input, target: target.exp() * (target - input), "kl_div_of_logarithms", 2)


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """(log var + (input - target)² / var) / 2, var at least eps; ``full`` adds log(2π) / 2.   torch: F.gaussian_nll_loss

    var: like input, or (*) for an input (*, features), or with a 1 in place of one size, or one number.   Nix & Weigend 1994
    """
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError(
                "var has negative entry/entries\na variance is never negative: give exp(x) of what is learnt"
            )
        var = full_like(input, var)
    elif var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif input.ndim != var.ndim or sum(v for n, v in zip(input.shape, var.shape, strict=True) if n != v) != 1:
            raise ValueError("var is of incorrect size\n"
                             f"the input has shape {tuple(input.shape)}, var {tuple(var.shape)}")  # fmt: skip
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid\nuse reduction='mean', 'sum' or 'none'")
    if (var._array < 0).any():  # a check: it passes no gate
        raise ValueError("var has negative entry/entries\na variance is never negative: give exp(x) of what is learnt")

    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)  # without a trace: the gradient of a variance below eps stays
    loss = (var.log() + (input - target).square() / var) * 0.5
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduce_loss(loss, reduction)


def poisson_nll_loss(
    input, target, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None, reduction="mean"
):
    """exp(input) - target · input, or input - target · log(input + eps) when the input is no logarithm.

    ``full`` adds Stirling's approximation of log(target!) where target > 1.   torch: F.poisson_nll_loss
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)

    if log_input:
        loss = input.exp() - target * input
    else:
        loss = input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + (target * (2 * math.pi)).log() * 0.5
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return reduce_loss(loss, reduction)


# ---------------------------------------------------------------------------------------------------------- yes or no


def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-(target · log input + (1 - target) · log(1 - input)), each logarithm at least -100.

    The gradient is (input - target) / max(input · (1 - input), 1e-12), finite at 0 and at 1. Raises RuntimeError for an input
    or a target outside [0, 1], on the CPU; a GPU isn't waited for.   torch: F.binary_cross_entropy

    >>> F.binary_cross_entropy(tensor([0.5, 1.]), tensor([1., 1.]), reduction="none")
    tensor([0.6931, 0.0000])
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size.\nreshape or unsqueeze one of the two"
        )
    if target.dtype != input.dtype:
        raise RuntimeError(f"Found dtype {target._type_name()} but expected {input._type_name()}\n"
                           "cast the target: target.to(input.dtype)")  # fmt: skip

    for name, x in (("input", input), ("target", target)):
        if x.is_cpu:
            demand(_within_unit(x.detach()), RuntimeError, f"all elements of {name} should be between 0 and 1", x)
    if input.dtype in (float16, bfloat16):  # which have no 1e-12
        weight = None if weight is None else weight.float()
        return binary_cross_entropy(input.float(), target.float(), weight, reduction=reduction).to(input.dtype)
    loss = _surprise(input, target)
    if weight is not None:
        loss = loss * weight
    return reduce_loss(loss, reduction)


_within_unit = replayed(lambda x: (x.clamp(0, 1) == x).all())


def _of_probabilities(input, target):
    inside = input * (1 - input) >= 1e-12
    safe = input.where(inside, 0.5)
    loss = -(target * safe.log() + (1 - target) * (-safe).log1p())
    # At the ends the logarithm's slope is infinite: take the value there as it is, with a slope bounded by 1e12.
    end = input.detach()
    value = -(target * end.log().clamp(min=-100) + (1 - target) * (-end).log1p().clamp(min=-100))
    return loss.where(inside, value + (input - end) * ((end - target) * 1e12))


_surprise = composite(_of_probabilities, "binary_cross_entropy", 2)


def binary_cross_entropy_with_logits(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None
):
    """binary_cross_entropy(sigmoid(input), target), exact for the largest inputs; pos_weight scales the term of target 1.

    torch: F.binary_cross_entropy_with_logits

    >>> F.binary_cross_entropy_with_logits(tensor([1e4, -1e4]), tensor([1., 1.]), reduction="none")
    tensor([    0., 10000.])
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})\n"
                         "reshape or unsqueeze one of the two")  # fmt: skip
    if not target.dtype.is_floating_point:
        raise RuntimeError(
            f"result type {input._type_name()} can't be cast to the desired output type {target._type_name()}\n"
            "the target is a probability: target.float()"
        )

    # -log sigmoid(x) = log(1 + exp(-x)), and -log(1 - sigmoid(x)) = x + log(1 + exp(-x))
    if pos_weight is None:
        loss = _of_logits(input, target)
    else:
        loss = (1 - target) * input + log1p_exp(-input) * (target * (pos_weight - 1) + 1)
    if weight is not None:
        loss = loss * weight
    return reduce_loss(loss, reduction)


_of_logits = composite(lambda x, target: (1 - target) * x + log1p_exp(-x), "binary_cross_entropy_with_logits", 2)


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(-target · input)) for targets 1 and -1.   torch: F.soft_margin_loss"""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    return reduce_loss(log1p_exp(-target * input), reduction)
