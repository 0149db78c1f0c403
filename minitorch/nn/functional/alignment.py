"""The loss of a sequence against a shorter one, wherever its parts may lie.   torch: aten/src/ATen/native/LossCTC.cpp"""

from ...creation import as_tensor
from ...dtypes import float32, float64, int64
from ...errors import not_implemented
from ...tables import resampling as rows
from .reduction import check_reduction, reduce_loss

__all__ = ["ctc_loss"]


def ctc_loss(
    log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False
):
    """-log of the probability that the frames spell the target, summed over all ways to align them (with blanks between).

    log_probs: (T, N, C) or (T, C), of ``log_softmax``; targets: (N, S) or, one after the other, (sum of the lengths);
    input_lengths, target_lengths: (N), tensors or tuples. The mean is of each loss divided by its target's length.
    zero_infinity: a target that is too long for its frames counts nothing.
    The gradient is that of the scores before ``log_softmax``, given at log_probs.
    torch: F.ctc_loss.   Graves et al. 2006

    >>> F.ctc_loss(torch.zeros(2, 1, 2).log_softmax(2), tensor([[1]]), (2,), (1,))
    tensor(0.2877)
    """
    check_reduction(reduction)
    batched = log_probs.ndim == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.unsqueeze(0) if targets.ndim == 1 else targets
    frames, batch, classes = log_probs.shape
    given = _lengths(input_lengths, "input_lengths", batch), _lengths(target_lengths, "target_lengths", batch)
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range\nit is {blank}, the classes are 0 to {classes - 1}")
    given = tuple([x.to(log_probs.device) for x in given])
    if log_probs.dtype not in (float32, float64):
        raise not_implemented("ctc_loss_cpu", log_probs._type_name())
    targets = _side_by_side(targets.detach().long(), given[1], batch)
    loss = log_probs._apply(rows.ctc_loss, (log_probs, targets, *given), (blank, bool(zero_infinity)))
    if reduction == "mean":
        return (loss / given[1].clamp(min=1).to(loss.dtype)).mean()
    return reduce_loss(loss if batched else loss.squeeze(0), reduction)


def _lengths(given, name, batch):
    given = given if hasattr(given, "_apply") else as_tensor(list(given), dtype=int64)
    if given.is_floating_point():
        raise RuntimeError(f"{name} must be integral\na length is a number of steps: {name}.long()")
    if given.numel() != batch:
        raise RuntimeError(f"{name} must be of size batch_size\ngot {given.numel()} for a batch of {batch}")
    return given.detach().reshape(-1).long()


def _side_by_side(targets, lengths, batch):
    """The targets as (N, S), whatever stands behind their ends. Those one after the other have to be looked at."""
    where = "for argument #2 'targets' (while checking arguments for ctc_loss_allocate_outputs)"
    if targets.ndim not in (1, 2):
        raise RuntimeError(f"Expected 1 to 2 dimensions, but got {targets.ndim}-dimensional tensor {where}")
    expected = batch if targets.ndim == 2 else int(lengths.clamp(min=0).sum())
    if targets.shape[0] != expected:
        raise RuntimeError(
            f"Expected tensor to have size {expected} at dimension 0, but got size {targets.shape[0]} {where}"
        )
    if targets.ndim == 2:
        return targets * (lengths._arange(targets.shape[1]) < lengths.unsqueeze(1))
    longest = max(lengths.tolist(), default=0)
    starts = lengths.cumsum(0) - lengths
    at = starts.unsqueeze(1) + lengths._arange(longest)
    return targets[at.clamp(0, max(len(targets) - 1, 0))] if longest > 0 else targets.reshape(batch, 0)
