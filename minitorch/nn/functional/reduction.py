"""The last step of every loss: the mean, the sum, or every element.   torch: nn/_reduction.py"""

import warnings

__all__ = ["broadcast_with_a_warning", "check_reduction", "legacy_reduction", "reduce_loss", "unknown_reduction"]


def reduce_loss(loss, reduction):
    """The mean or the sum of ``loss``, or ``loss`` itself for 'none'.

    >>> F.mse_loss(tensor([1., 3.]), tensor([0., 0.]), reduction="sum")
    tensor(10.)
    """
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise unknown_reduction(reduction)


def check_reduction(reduction):
    """Raise ValueError for an unknown one, where PyTorch looks at it before anything else."""
    if reduction not in ("none", "mean", "sum"):
        raise unknown_reduction(reduction)


def unknown_reduction(reduction):
    return ValueError(f"{reduction} is not a valid value for reduction\nuse reduction='mean', 'sum' or 'none'")


def legacy_reduction(size_average, reduce):
    """What the two booleans of PyTorch 0.4 say, in today's word."""
    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce

    if not reduce:
        reduction = "none"
    else:
        reduction = "mean" if size_average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.", stacklevel=3
    )
    return reduction


def broadcast_with_a_warning(input, target):
    """Both, for what follows to broadcast, and a warning of the classic mistake: (N, 1) against (N) makes N² differences, and trains on
    nearly all the wrong ones. Of two dtypes they get one shape here, as in PyTorch: then one of no dims counts as much as the other.
    """
    if input.numel() == target.numel():
        fix = f"target.reshape{tuple(input.shape)} has the input's shape"
    else:
        fix = "check which of the two has a dimension too many (squeeze or unsqueeze it)"
    warnings.warn(
        f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). "
        "This will likely lead to incorrect results due to broadcasting. "
        f"Please ensure they have the same size.\n{fix}",
        stacklevel=3,
    )
    if input.dtype is target.dtype:
        return input, target
    shape = input._broadcast_shape(input.shape, target.shape)
    return input.expand(shape), target.expand(shape)
