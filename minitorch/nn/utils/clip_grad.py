"""Gradients that aren't too large.

torch: nn/utils/clip_grad.py
"""

import math
import warnings
from types import GeneratorType

from ...creation import tensor
from ...engine import Tensor, no_grad
from ...ops.joining import stack

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


@no_grad()
def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale the gradients so that their norm, all taken as one vector, is at most ``max_norm``; return what it was.

    torch: nn.utils.clip_grad_norm_.   Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063

    >>> weight = nn.Parameter(tensor([3., 4.]))
    >>> weight.grad = tensor([3., 4.])
    >>> nn.utils.clip_grad_norm_([weight], max_norm=1.0), weight.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    if isinstance(parameters, GeneratorType):
        parameters = list(parameters)
        if not parameters:
            warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3)

    gradients = _gradients(parameters)
    total_norm = get_total_norm(gradients, norm_type, error_if_nonfinite)
    _scale(gradients, max_norm, total_norm)
    return total_norm


@no_grad()
def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """(Σ |x|ᵖ)^(1/p) over all elements of all tensors; p = inf is their largest.   torch: nn.utils.get_total_norm

    >>> nn.utils.get_total_norm([tensor([3.]), tensor([4.])])
    tensor(5.)
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return tensor(0.0)

    device = tensors[0].device
    norms = [x.norm(norm_type).to(device) for x in tensors]
    total_norm = stack(norms).norm(norm_type)
    if error_if_nonfinite and not math.isfinite(total_norm.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total_norm


@no_grad()
def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None) -> None:
    """gradient · min(1, max_norm / (total_norm + 1e-6)), in place.   torch: nn.utils.clip_grads_with_norm_"""
    _scale(_gradients(parameters), max_norm, total_norm)


@no_grad()
def clip_grad_value_(parameters, clip_value, foreach=None) -> None:
    """Bring every element of the gradients into [-clip_value, clip_value].   torch: nn.utils.clip_grad_value_

    >>> weight = nn.Parameter(tensor([3., 4.]))
    >>> weight.grad = tensor([0.1, -4.])
    >>> nn.utils.clip_grad_value_(weight, 1.0)
    >>> weight.grad
    tensor([ 0.1000, -1.0000])
    """
    clip_value = float(clip_value)
    for gradient in _gradients(parameters):
        gradient.clamp_(-clip_value, clip_value)


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Deprecated: call ``clip_grad_norm_``."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


def _gradients(parameters):
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in parameters if p.grad is not None]


def _scale(gradients, max_norm, total_norm):
    # always multiplied, by 1 if the norm is small: no value is read, so this can be traced
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.to(gradient.device))
