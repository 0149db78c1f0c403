"""Losses of scores against class indices.   torch: aten/src/ATen/native/LossNLL.cpp, LossMulti*.cpp"""

from ...creation import ones_like, zeros_like
from ...dtypes import int64, uint8
from ...mixed_precision import BLOCKS, raised
from .activation import log1p_exp
from .reduction import check_reduction, legacy_reduction, reduce_loss

__all__ = ["cross_entropy", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss"]


def cross_entropy(
    input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean", label_smoothing=0.0
):
    """-log softmax(input)[target]: the surprise at the right class.   torch: F.cross_entropy

    input: (C), (N, C) or (N, C, d1, …) scores; target: class indices (), (N), (N, d1, …), or probabilities of the
    input's shape. ``weight`` (C) counts classes differently, and the mean is over the weights; targets equal to
    ``ignore_index`` count nothing. label_smoothing = s mixes the target with the uniform distribution, (1 - s) : s.

    >>> F.cross_entropy(tensor([[0., 0.], [1e4, 0.]]), tensor([0, 1]), reduction="none")
    tensor([6.9315e-01, 1.0000e+04])
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}\n"
                           "it is the share of the uniform distribution")  # fmt: skip
    if BLOCKS:
        input, target, weight = raised(input, target, weight)

    class_dim = 0 if input.ndim == 1 else 1
    if target.shape == input.shape:
        return _soft_cross_entropy(input, target, weight, class_dim, ignore_index, reduction, label_smoothing)
    log_p = input.log_softmax(class_dim)
    if label_smoothing:
        return _smooth_nll(log_p, target, weight, class_dim, ignore_index, reduction, label_smoothing)
    return _nll(log_p, target, weight, class_dim, ignore_index, reduction)


def _soft_cross_entropy(input, target, weight, class_dim, ignore_index, reduction, label_smoothing):
    """-Σ_c weight_c · target_c · log softmax(input)_c; the mean is over the samples."""
    if not target.dtype.is_floating_point:
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {target._type_name()}\n"
            "a target of the input's shape is a distribution; class indices have one dimension less: target.argmax(1)"
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target\n"
                           "set the rows to ignore to zero instead")  # fmt: skip

    classes = input.shape[class_dim]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    terms = input.log_softmax(class_dim) * target
    if weight is not None:
        terms = terms * _along(weight, input.ndim, class_dim)
    loss = -terms.sum(class_dim)
    return loss.sum() / (input.numel() / classes) if reduction == "mean" else reduce_loss(loss, reduction)


def _smooth_nll(log_p, target, weight, class_dim, ignore_index, reduction, label_smoothing):
    """(1 - s) · nll + s · the mean over the classes of -log p."""
    hard = _nll(log_p, target, weight, class_dim, ignore_index, reduction)
    if weight is not None:
        log_p_weighted = log_p * _along(weight, log_p.ndim, class_dim)
    else:
        log_p_weighted = log_p
    uniform = -log_p_weighted.sum(class_dim)
    valid = target != ignore_index
    uniform = uniform.where(valid, 0)

    if reduction == "mean":
        counted = valid.sum() if weight is None else _weights_of(target, weight, valid).sum()
        uniform = uniform.sum() / counted
    else:
        uniform = reduce_loss(uniform, reduction)
    return hard * (1 - label_smoothing) + uniform * (label_smoothing / log_p.shape[class_dim])


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """-input[target], for an input of log-probabilities: cross_entropy after log_softmax.   torch: F.nll_loss

    >>> F.nll_loss(tensor([[-1., -2.], [-3., -4.]]), tensor([0, 1]))
    tensor(2.5000)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if input.ndim == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)\nthe input is (C), (N, C) or (N, C, d1, …)")
    return _nll(input, target, weight, 0 if input.ndim == 1 else 1, ignore_index, reduction)


def _nll(log_p, target, weight, class_dim, ignore_index, reduction):
    """The common end of nll_loss and cross_entropy."""
    if log_p.dtype.itemsize == 2:  # narrow types: summed in float32, rounded once
        weight = weight if weight is None else weight.float()
        return _nll(log_p.float(), target, weight, class_dim, ignore_index, reduction).to(log_p.dtype)
    if target.dtype is not int64 or target.shape != log_p.shape[:1] * class_dim + log_p.shape[2:]:
        target = _checked_target(log_p, target)
    if weight is not None:
        _check_weight(log_p, weight, class_dim)

    plain = weight is None and reduction == "mean"
    try:
        losses = log_p.nll(target, class_dim, ignore_index, plain)
    except (IndexError, RuntimeError):
        raise _bad_class(target.where(target != ignore_index, 0), log_p.shape[class_dim]) from None

    if plain or weight is None:
        return losses if plain else reduce_loss(losses, reduction)
    weights = _weights_of(target, weight, target != ignore_index)
    losses = losses * weights
    return losses.sum() / weights.sum() if reduction == "mean" else reduce_loss(losses, reduction)


def _weights_of(target, weight, valid):
    """The weight of each target's class, 0 where it is ignored.   target: (*) → (*)"""
    index = target.where(valid, 0)
    return weight.index_select(0, index.flatten()).view(index.shape).where(valid, 0)


def _along(weight, ndim, class_dim):
    """``weight`` (C) as (1, C, 1, …), to multiply the classes of an ndim-dimensional tensor."""
    return weight if class_dim == ndim - 1 else weight.view(-1, *[1] * (ndim - class_dim - 1))


# ----------------------------------------------------------------------------------------------- what's wrong with a target


def _checked_target(log_p, target):
    """The target as int64 of the right shape, if it is one; else PyTorch's error."""
    _check_target_shape(log_p, target)
    if target.dtype not in (int64, uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target._type_name()}\n"
                           "a target is a class index: target.long()")  # fmt: skip
    target = target.long()
    return target.reshape(()) if log_p.ndim == 1 else target


def _check_target_shape(log_p, target):
    shape, given = list(log_p.shape), list(target.shape)
    wanted = shape[:1] + shape[2:]
    hint = f"\nan input of shape {tuple(shape)} wants one class index for each of {tuple(wanted)}"

    if len(shape) == 1:
        if len(given) > 1 or target.numel() != 1:
            raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {target.numel()}\n"
                             "an input with one dimension is one sample: its target is one class index")  # fmt: skip
        return
    if given == wanted:
        return
    if len(shape) == 4 and len(given) != 3:
        raise RuntimeError(
            f"only batches of spatial targets supported (3D tensors) but got targets of dimension: {len(given)}{hint}"
        )
    if given and shape[0] != given[0]:
        raise ValueError(f"Expected input batch_size ({shape[0]}) to match target batch_size ({given[0]}).{hint}")
    if len(shape) == 2:
        raise RuntimeError(f"0D or 1D target tensor expected, multi-target not supported{hint}")
    if len(shape) == 4:
        raise RuntimeError(f"size mismatch (got input: {shape} , target: {given}{hint}")
    raise RuntimeError(f"Expected target size {wanted}, got {given}{hint}")


def _check_weight(log_p, weight, class_dim):
    classes = log_p.shape[class_dim]
    if list(weight.shape) != [classes]:
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of "
            f"shape: {list(weight.shape)}\ngive one weight for each class"
        )
    if weight.dtype != log_p.dtype:
        raise RuntimeError(f"expected scalar type {log_p._type_name()} but found {weight._type_name()}\n"
                           "cast the weight: weight.to(input.dtype)")  # fmt: skip


def _bad_class(index, classes):
    index = index.flatten()
    worst = index[(index < 0) | (index >= classes)]
    if worst.numel() == 0:
        raise  # it wasn't the classes: let the original speak
    return IndexError(f"Target {int(worst[0])} is out of bounds.\n"
                      f"there are {classes} classes, numbered 0 to {classes - 1}")  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- margins


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Σ_c max(0, margin - input[target] + input[c])ᵖ / C over the other classes c.   torch: F.multi_margin_loss

    input: (N, C) or (C), target: (N) or ()
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError(f"only p == 1 and p == 2 supported\ngot p={p}")
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"weight must be one-dimensional\nit has shape {tuple(weight.shape)}")
    _check_scores(input)
    input = input.reshape(1) if input.ndim == 0 else input
    classes = input.shape[-1]
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {list(weight.shape)}\n"
                           "give one weight for each class")  # fmt: skip
    _check_margin_target(input, target)

    index = target.reshape(*input.shape[:-1], 1)
    try:
        gap = (margin - input.gather(-1, index) + input).relu()
    except (IndexError, RuntimeError):
        raise RuntimeError(f"target out of range\nthere are {classes} classes, numbered 0 to {classes - 1}") from None
    if p == 2:
        gap = gap.square()
    if weight is not None:
        gap = gap * weight.index_select(0, index.flatten()).view(index.shape)
    others = ones_like(input).scatter(-1, index, 0.0)
    return reduce_loss((gap * others).sum(-1) / classes, reduction)


def _check_scores(input):
    if input.ndim > 2 or 0 in input.shape[-1:]:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}\n"
            "the input is (C) or (N, C): a score for each class"
        )


def _check_margin_target(input, target):
    expected = [input.shape[0]] if input.ndim > 1 else [1]
    if (list(target.shape) or [1]) != expected:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
            f"Expected target size {expected}, but got {list(target.shape)}. Input has shape {list(input.shape)}.\n"
            "give one class index for each sample"
        )
    if target.dtype is not int64:
        raise RuntimeError(f"expected scalar type Long but found {target._type_name()}\n"
                           "a target is a class index: target.long()")  # fmt: skip


def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """Σ max(0, 1 - (input[t] - input[c])) / C over the targets t and the other classes c.   torch: F.multilabel_margin_loss

    input: (N, C) or (C), target: like input: class indices up to the first -1.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    check_reduction(reduction)
    _check_scores(input)
    if input.ndim == 0:  # one class
        input, target = input.reshape(1), target.reshape(1) if target.numel() == 1 else target
    if target.shape != input.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}\n"
            "fill each row of the target up with -1"
        )
    if target.dtype is not int64:
        raise RuntimeError(f"expected scalar type Long but found {target._type_name()}\n"
                           "the targets are class indices: target.long()")  # fmt: skip

    listed = (target >= 0).long().cumprod(-1)  # 1 as far as the first -1
    index = target * listed
    try:
        scores = input.gather(-1, index)
    except (IndexError, RuntimeError):
        raise RuntimeError("argument #2 'target' is out of range\n"
                           f"there are {input.shape[-1]} classes, and -1 ends the list") from None  # fmt: skip
    others = zeros_like(target).scatter_add(-1, index, listed) == 0
    gap = (1 - scores.unsqueeze(-1) + input.unsqueeze(-2)).relu()  # (*, targets, classes)
    counted = listed.bool().unsqueeze(-1) & others.unsqueeze(-2)
    return reduce_loss((gap * counted).sum((-2, -1)) / input.shape[-1], reduction)


def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """binary_cross_entropy_with_logits, averaged over the classes (the last dimension) first.

    torch: F.multilabel_soft_margin_loss
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    loss = (1 - target) * input + log1p_exp(-input)
    if weight is not None:
        loss = loss * weight
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid\nuse reduction='mean', 'sum' or 'none'")
    return reduce_loss(loss.mean(-1), reduction)
