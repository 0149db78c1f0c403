"""Shifting and scaling to mean 0 and variance 1, over different dimensions.   torch: aten/src/ATen/native/*norm*.cpp

Half-precision inputs are normalized in float32 and rounded once, as PyTorch does.
"""

import math

from ...autograd.composite import composite
from ...dtypes import bfloat16, finfo, float16, float32
from ...engine import no_grad

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]


def _widened(input):
    """``input``, or its float32 copy if it has 16 bits."""
    return input.to(float32) if input.dtype in (float16, bfloat16) else input


def _standardized(x, dims, eps):
    """(x - mean) / sqrt(var + eps) over ``dims``; the variance divides by N."""
    centered = x - x.mean(dims, keepdim=True)
    return centered * (centered.square().mean(dims, keepdim=True) + eps).rsqrt()


# ----------------------------------------------------------------------------------------------------- over the samples


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """(x - mean) / sqrt(var + eps) · weight + bias, for each channel over the samples and positions.

    input: (N, C, *). In training, mean and variance are this batch's, and the running ones move towards them by
    ``momentum`` (towards the variance with N - 1); else they are the running ones.
    torch: F.batch_norm.   Ioffe & Szegedy 2015, arXiv:1502.03167

    >>> F.batch_norm(tensor([[1.], [3.]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    if training:
        _check_more_than_one(input)
    if eps <= 0:
        _check_eps(eps, training)
    if input.numel() == 0:
        return _of_nothing(input, weight, bias)
    _check_channels(input, running_mean, running_var, weight, bias)
    if not training:
        return _batch_norm_by(input, running_mean, running_var, weight, bias, eps)

    x = _widened(input)
    if x is input and weight is not None and bias is not None and _batch_norm.takes(x, weight, bias, eps):
        if running_mean is not None or running_var is not None:
            with no_grad():
                _update_both(input, running_mean, running_var, _channel_means(x), _channel_variances(x), momentum)
        return _batch_norm(x, weight, bias, eps)

    dims = _channel_dims(x)
    mean = x.mean(dims, keepdim=True)
    centered = x - mean
    var = centered.square().mean(dims, keepdim=True)
    with no_grad():
        _update_both(input, running_mean, running_var, mean, var, momentum)

    shape = _along_channels(input)
    scale = (var + eps).rsqrt()
    out = centered * (scale if weight is None else scale * weight.view(shape))
    out = out if bias is None else out + bias.view(shape)
    return out if x is input else out.to(input.dtype)


def _update_both(input, running_mean, running_var, mean, var, momentum):
    """The running statistics after this batch, the variance with N - 1."""
    count = input.numel() // max(input.shape[1], 1)
    _update_running(running_mean, mean, momentum)
    _update_running(running_var, var, momentum, count / max(count - 1, 1))


def _channel_dims(x):
    return (0, *range(2, x.ndim))


def _by_channel(x, weight, bias, eps):
    return _affine(_standardized(x, _channel_dims(x), eps), weight, bias, _along_channels(x))


def _variances(x):
    dims = _channel_dims(x)
    return (x - x.mean(dims, keepdim=True)).square().mean(dims)


_batch_norm = composite(_by_channel, "native_batch_norm", count=3, along="channels")
_scaled_by_channel = composite(
    lambda x, weight, bias: _affine(x, weight, bias, _along_channels(x)), "scaled_by_channel", count=3, along="channels"
)
_channel_means = composite(lambda x: x.mean(_channel_dims(x)), "channel_means", along="channels")
_channel_variances = composite(_variances, "channel_variances", along="channels")


def _batch_norm_by(input, mean, var, weight, bias, eps):
    """With given statistics it is one line, x · scale + shift."""
    if mean is None or var is None:
        name = "running_mean" if mean is None else "running_var"
        raise RuntimeError(f"{name} must be defined in evaluation mode\n"
                           "pass the statistics, or training=True to use the batch's own")  # fmt: skip
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    out = _scaled_by_channel(_widened(input), scale, shift)
    return out if out.dtype == input.dtype else out.to(input.dtype)


def _update_running(running, batch, momentum, correction=1.0):
    if running is not None:
        running.mul_(1 - momentum).add_(batch.detach().view(-1), alpha=momentum * correction)


def _along_channels(input):
    """The shape (C, 1, …) that lines a vector of channels up with (N, C, *)."""
    return (-1, *[1] * (input.ndim - 2))


def _check_channels(input, running_mean, running_var, weight, bias):
    channels = input.shape[1]
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, x in given.items():
        if x is not None and x.shape != (channels,):
            raise RuntimeError(f"{name} should contain {channels} elements not {x.numel()}\n"
                               f"the input has shape {tuple(input.shape)}: its channels are dimension 1")  # fmt: skip


def _of_nothing(input, weight, bias):
    """An input without elements, which needs no statistics and need not even have channels."""
    out = input.clone()
    out = out if weight is None else out * weight[0]
    return out if bias is None else out + bias[0]


def _check_more_than_one(input):
    if input.shape[0] * math.prod(input.shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}\n"
            "one value has no variance: use a larger batch, or drop_last=True in the DataLoader, or eval()"
        )


def _check_eps(eps, training):
    """It keeps a channel of equal values from dividing by 0."""
    if training:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")


def instance_norm(
    input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5
):
    """``batch_norm`` for each sample on its own.   torch: F.instance_norm.   Ulyanov et al. 2016, arXiv:1607.08022

    input: (N, C, *)
    """
    if not use_input_stats:
        return _batch_norm_by(input, running_mean, running_var, weight, bias, eps)
    positions = math.prod(input.shape[2:])
    if positions == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}\n"
                         "one value has no variance")  # fmt: skip

    if running_mean is None and running_var is None:
        return _by_group(input, input.shape[1], weight, bias, eps)
    x = _widened(input)
    dims = tuple(range(2, input.ndim))
    mean = x.mean(dims, keepdim=True)
    centered = x - mean
    var = centered.square().mean(dims, keepdim=True)
    with no_grad():
        _update_running(running_mean, mean.mean(0), momentum)
        _update_running(running_var, var.mean(0), momentum, positions / max(positions - 1, 1))

    out = _affine(centered * (var + eps).rsqrt(), weight, bias, _along_channels(input))
    return out if x is input else out.to(input.dtype)


# ---------------------------------------------------------------------------------------------------- over the features


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """(x - mean) / sqrt(var + eps) · weight + bias, over the last ``len(normalized_shape)`` dims.

    input: (*, *normalized_shape) → same. The variance divides by N.
    torch: F.layer_norm.   Ba, Kiros & Hinton 2016, arXiv:1607.06450

    >>> F.layer_norm(tensor([[1., 3.]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    _check_normalized_shape(input, normalized_shape, weight, bias, "*, ")
    input = input.contiguous()  # as what comes of it is
    x = _widened(input)
    if x is input and len(normalized_shape) == 1 and weight is not None and bias is not None:
        return _layer_norm(x, weight, bias, eps)
    if x is input and len(normalized_shape) == 1 and weight is None and bias is None:
        return _standardized_rows(x, eps)
    out = _affine(_standardized(x, _last_dims(normalized_shape), eps), weight, bias)
    return out if x is input else out.to(input.dtype)


_layer_norm = composite(
    lambda x, weight, bias, eps: _affine(_standardized(x, (-1,), eps), weight, bias), "native_layer_norm", count=3, along="rows"
)


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """x / sqrt(mean(x²) + eps) · weight, over the last ``len(normalized_shape)`` dims.

    eps: the element type's own epsilon, unless given.   torch: F.rms_norm.   Zhang & Sennrich 2019, arXiv:1910.07467

    >>> F.rms_norm(tensor([[3., 4.]]), (2,))
    tensor([[0.8485, 1.1314]])
    """
    _check_normalized_shape(input, normalized_shape, weight, None, "*")
    input = input.contiguous()
    x = _widened(input)
    eps = finfo(x.dtype).eps if eps is None else eps
    if x is input and len(normalized_shape) == 1 and weight is not None:
        return _rms_norm(x, weight, eps)
    out = _affine(_scaled_by_root(x, _last_dims(normalized_shape), eps), weight, None)
    return out if x is input else out.to(input.dtype)


def _scaled_by_root(x, dims, eps):
    return x * (x.square().mean(dims, keepdim=True) + eps).rsqrt()


_rms_norm = composite(
    lambda x, weight, eps: _scaled_by_root(x, (-1,), eps) * weight, "rms_norm", count=2, along="rows", label="FusedRmsNorm"
)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """``layer_norm`` of each group of channels, with a weight and a bias for each channel.

    input: (N, C, *), C divisible by num_groups.   torch: F.group_norm.   Wu & He 2018, arXiv:1803.08494
    """
    _check_groups(input, num_groups, weight, bias)
    return _by_group(input, num_groups, weight, bias, eps)


def _by_group(input, num_groups, weight, bias, eps):
    x = _widened(input)
    groups = x.reshape(input.shape[0], num_groups, input.shape[1] // num_groups * math.prod(input.shape[2:]))
    out = _standardized_rows(groups, eps).view(input.shape)
    out = _affine(out, weight, bias, _along_channels(input)) if weight is None or bias is None else _scaled_by_channel(out, weight, bias)
    return out if x is input else out.to(input.dtype)


_standardized_rows = composite(lambda x, eps: _standardized(x, (-1,), eps), "standardized", along="rows")


def _affine(x, weight, bias, shape=None):
    """x · weight + bias, the two viewed in ``shape``."""
    if weight is not None:
        x = x * (weight if shape is None else weight.view(shape))
    if bias is not None:
        x = x + (bias if shape is None else bias.view(shape))
    return x


def _last_dims(normalized_shape):
    return tuple(range(-len(normalized_shape), 0))


def _check_normalized_shape(input, normalized_shape, weight, bias, star):
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []\ngive the sizes of the last dims: (features,)"
        )
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and x.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(x.shape)} and "
                f"normalized_shape = {list(shape)}\nthey scale and shift each normalized element"
            )
    if input.shape[-len(shape):] != shape:  # fmt: skip
        sizes = ", ".join(map(str, shape))
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [{star}{sizes}], but got input of "
            f"size{list(input.shape)}\nnormalized_shape names the input's last dimensions"
        )


def _check_groups(input, num_groups, weight, bias):
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}\n"
                           "the input is (N, C, *)")  # fmt: skip
    channels = input.shape[1]
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}\nthe channels are dimension 1"
        )
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and x.shape != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(x.shape)} and input of shape {list(input.shape)}\nthe channels are dimension 1"
            )
    if input.shape[0] * channels // num_groups * math.prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(input.shape)}\n"
                         "a group with one value has no variance: use fewer groups")  # fmt: skip


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha · mean of x² over ``size`` neighbouring channels)^beta.   torch: F.local_response_norm

    input: (N, C, *).   Krizhevsky, Sutskever & Hinton 2012
    """
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality                          input (got {input.ndim} dimensions)"
                         "\nthe input is (N, C, *)")  # fmt: skip
    if input.numel() == 0:
        return input
    channels = input.shape[1]
    # the sum over a window of channels is the product with a band of ones
    shape = input.shape
    squares = input.square().flatten(2).transpose(1, 2)  # (N, positions, C)
    band = squares.new_ones(channels, channels).tril((size - 1) // 2).triu(-(size // 2))
    sums = squares.matmul(band.mT).transpose(1, 2).view(shape)
    means = sums / size if input.is_floating_point() else sums // size
    return input / (means * alpha + k).pow(beta)
