"""The numbers of an update: reading them, counting steps, and PyTorch's errors for numbers out of range.

``rate``, ``number``, ``measured``, ``advance`` and ``advanced`` are the only functions of an optimizer that bring a value into
Python. While a step is recorded, all but ``number`` give 0-d Tensors instead, which a replay reads and computes anew.
"""

from ..creation import tensor, zeros
from ..dtypes import float32, float64, get_default_dtype
from ..engine import Tensor, is_grad_enabled
from ..modes import MODE, tracer
from ..tape import taped

__all__ = [
    "acts", "advance", "advanced", "check_betas", "check_flags", "check_fused", "check_lr", "check_not_negative", "count_up",
    "decaying", "larger", "measured", "number", "rate", "smaller", "step_count",
]  # fmt: skip


def number(x):
    """A hyperparameter as a Python number. It may be a Tensor of one element; where it learns it stays a 0-d Tensor.

    >>> optim.hyperparameters.number(0.5), optim.hyperparameters.number(tensor([0.5]))
    (0.5, 0.5)
    """
    if not isinstance(x, Tensor):
        return x
    return x.squeeze() if x.requires_grad and is_grad_enabled() else x.item()


def rate(group, name="lr", place=None):
    """A number of a group that schedulers change, as a float; one that learns stays a 0-d Tensor, as in ``number``.

    While the step is recorded it is a 0-d float64 Tensor, so that replays see what schedulers did: ``lr`` always, others if
    they have moved.   place: which of several, as ``betas`` are.
    """
    x = group[name] if place is None else group[name][place]
    if MODE.listeners and (recording := tracer()) is not None:
        if isinstance(x, Tensor):
            return recording.rate_of(x)
        if name == "lr" or recording.moves(group, name):
            return recording.rate(group, name if place is None else (name, place))
    if x.__class__ is float:
        return x
    x = number(x)
    return x if isinstance(x, Tensor) else float(x)


def acts(x):
    """Whether a number isn't 0. One that is recorded (see ``rate``) may be another in a replay, and counts."""
    return x != 0 if x.__class__ is float else tracer() is not None or bool(x != 0)


def measured(x):
    """The value of a 0-d Tensor as a Python number (see ``rate``)."""
    return x.double() if MODE.listeners and tracer() is not None else number(x)


def advance(step):
    """Count one more step in the 0-d Tensor ``step``, and return the count as a Python number (see ``rate``)."""
    count_up(step)
    return measured(step)


def advanced(steps):
    """``advance`` for several at once: their counts, in a list."""
    count_up.each([(step,) for step in steps])
    if MODE.listeners and tracer() is not None:
        return [step.double() for step in steps]
    return [step.item() for step in steps]


def larger(x, y):
    """max(x, y), of numbers or of what is recorded in their place (see ``rate``): x unless y is larger.

    >>> optim.hyperparameters.larger(1.0, 2.0)
    2.0
    """
    return y.where(y > x, x) if isinstance(y, Tensor) else max(x, y)


def smaller(x, y):
    """min(x, y), likewise: x unless y is smaller."""
    return y.where(y < x, x) if isinstance(y, Tensor) else min(x, y)


@taped
def count_up(step):
    """step ← step + 1"""
    step.add_(1)


def decaying(move):
    """The update ``move(p, g, …)`` with g + decay p for g; ``decay`` comes last."""

    @taped
    def decay_and_move(p, g, *rest):
        move.function(p, g.add(p, alpha=rest[-1]), *rest[:-1])

    return decay_and_move


def step_count(value=0.0, fused=None):
    """A 0-d Tensor that counts steps: float32 also where the default is a half type, which can't count to 5,000."""
    dtype = float64 if get_default_dtype() is float64 and not fused else float32
    if isinstance(value, Tensor):
        return value.to(dtype)
    return tensor(value, dtype=dtype) if value else zeros((), dtype=dtype)


# ---------------------------------------------------------------------------------------------------------------------
# Checks
# ---------------------------------------------------------------------------------------------------------------------


def check_not_negative(name, value):
    """PyTorch's error for a negative number, or NaN."""
    if not 0.0 <= value:
        raise ValueError(f"Invalid {name}: {value}")


def check_lr(lr):
    """PyTorch's errors for a learning rate, which may be a Tensor of one element."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check_not_negative("learning rate", lr)


def check_betas(betas):
    """PyTorch's error for decay rates outside [0, 1)."""
    for i in 0, 1:
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")


def check_fused(fused, foreach, differentiable):
    """PyTorch's errors for ``fused`` together with others."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def check_flags(group, what="params and state_steps", xla=True):
    """PyTorch's errors, in ``step``, for flags that a CPU can't have, or can't have together. A graph of a GPU's takes counts
    that stay on the CPU, so ``capturable`` is taken there and changes nothing.

    Else ``foreach`` and ``fused`` change nothing here: they choose between kernels that compute the same numbers.
    """
    if group.get("capturable") and not all([p.is_cuda for p in group["params"]]):
        devices = ["cuda", "xpu", "hpu", "privateuseone"] + ["xla"] * xla
        raise AssertionError(
            f"If capturable=True, {what} must be on supported devices: {devices}.\nleave capturable=False on the CPU"
        )
    if group["foreach"] and group["differentiable"]:
        raise AssertionError("_foreach ops don't support autograd\npass foreach=False with differentiable=True")
