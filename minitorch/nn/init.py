"""Where learning starts: tensors filled in place, with the draws that PyTorch would make.

Each function returns its tensor. The names end in ``_`` because they write; the old names without it warn.

torch: nn/init.py
"""

import math
import warnings
from functools import wraps

from ..absent import absent
from ..creation import empty_like
from ..creation import eye as identity
from ..engine import no_grad
from ..making import named
from ..random import randperm

__all__ = [
    "calculate_gain", "constant", "constant_", "dirac", "dirac_", "eye", "eye_", "kaiming_normal", "kaiming_normal_",
    "kaiming_uniform", "kaiming_uniform_", "normal", "normal_", "ones_", "orthogonal", "orthogonal_", "sparse",
    "sparse_", "trunc_normal_", "uniform", "uniform_", "xavier_normal", "xavier_normal_", "xavier_uniform",
    "xavier_uniform_", "zeros_",
]  # fmt: skip

__getattr__ = absent(__name__)


# ---------------------------------------------------------------------------------------------------------
# Plain values and plain draws


@no_grad()
def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """U(a, b).   torch: nn.init.uniform_"""
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """N(mean, std²).   torch: nn.init.normal_"""
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def constant_(tensor, val):
    """``val`` everywhere.   torch: nn.init.constant_

    >>> nn.init.constant_(torch.empty(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    return tensor.fill_(val)


@no_grad()
def ones_(tensor):
    """1 everywhere.   torch: nn.init.ones_"""
    return tensor.fill_(1.0)


@no_grad()
def zeros_(tensor):
    """0 everywhere.   torch: nn.init.zeros_"""
    return tensor.zero_()


@no_grad()
def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """N(mean, std²) without its values outside [a, b], which are drawn again.   torch: nn.init.trunc_normal_

    >>> bool((nn.init.trunc_normal_(torch.empty(1000), a=-1, b=2) >= -1).all())
    True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=3,
        )

    inside = _normal_cdf((b - mean) / std) - _normal_cdf((a - mean) / std)
    if inside > 0.3:
        return _redraw_outside(tensor, mean, std, a, b, generator)
    return _accept_by_density(tensor, mean, std, a, b, generator)


def _normal_cdf(x):
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _redraw_outside(tensor, mean, std, a, b, generator):
    """From the normal distribution: most draws are inside."""
    # as numbers of the tensor's own precision, or a rounded value could be outside for ever
    low, high = tensor.new_tensor(a).item(), tensor.new_tensor(b).item()

    tensor.normal_(mean, std, generator=generator)
    outside = (tensor < low) | (tensor > high)
    while outside.any():
        again = empty_like(tensor).normal_(mean, std, generator=generator)
        tensor.copy_(again.where(outside, tensor))
        outside = (tensor < low) | (tensor > high)
    return tensor


def _accept_by_density(tensor, mean, std, a, b, generator):
    """From U(a, b), each value kept with the probability density(value) / highest density in [a, b]."""
    mode = max(a, min(mean, b))
    log_peak = -0.5 * ((mode - mean) / std) ** 2

    def rejected(values):
        log_density = (values - mean).div_(std).pow_(2).mul_(-0.5).sub_(log_peak)
        return empty_like(values).uniform_(generator=generator).log_() > log_density

    tensor.uniform_(a, b, generator=generator)
    pending = rejected(tensor)
    while pending.any():
        again = empty_like(tensor).uniform_(a, b, generator=generator)
        tensor.copy_(again.where(pending, tensor))
        pending &= rejected(again)
    return tensor


# ---------------------------------------------------------------------------------------------------------
# Matrices and kernels that pass their input on


@no_grad()
def eye_(tensor):
    """The identity matrix, as far as it fits.   torch: nn.init.eye_

    >>> nn.init.eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported\nthis one has shape {tuple(tensor.shape)}")
    return tensor.copy_(identity(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


@no_grad()
def dirac_(tensor, groups=1):
    """The kernel of a convolution that returns its input: 1 in the middle of [i, i], else 0.

    tensor: (out_channels, in_channels / groups, 1 to 3 kernel dims).   torch: nn.init.dirac_

    >>> nn.init.dirac_(torch.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(
            f"Only tensors with 3, 4, or 5 dimensions are supported\nthis one has shape {tuple(tensor.shape)}"
        )
    if tensor.shape[0] % groups != 0:
        raise ValueError(f"dim 0 must be divisible by groups\nit is {tensor.shape[0]}, with {groups} groups")

    tensor.zero_()
    per_group = tensor.shape[0] // groups
    middle = tuple(size // 2 for size in tensor.shape[2:])
    for group in range(groups):
        for i in range(min(per_group, tensor.shape[1])):
            tensor[(group * per_group + i, i, *middle)] = 1
    return tensor


# ---------------------------------------------------------------------------------------------------------
# Draws that keep the size of signals, or of gradients, from layer to layer


def calculate_gain(nonlinearity, param=None):
    """By how much to enlarge weights to make up for what the nonlinearity takes.   torch: nn.init.calculate_gain

        linear, conv*, sigmoid 1 · tanh 5/3 · relu √2 · leaky_relu √(2 / (1 + slope²)) · selu 3/4

    param: leaky_relu's negative slope, 0.01 if not given.

    >>> nn.init.calculate_gain("relu")
    1.4142135623730951
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}\nknown: {', '.join([*_GAINS, 'leaky_relu'])}")


_GAINS = {
    **dict.fromkeys(["linear", "conv1d", "conv2d", "conv3d"], 1),
    **dict.fromkeys(["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"], 1),
    "sigmoid": 1,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def _calculate_fan_in_and_fan_out(tensor):
    """How many inputs an output depends on, and how many outputs an input reaches."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions\n"
            f"this one has shape {tuple(tensor.shape)}: for a bias use zeros_, uniform_ or normal_"
        )
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """U(-a, a), a = gain √(6 / (fan_in + fan_out)).   torch: nn.init.xavier_uniform_

    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"

    >>> bool(nn.init.xavier_uniform_(torch.empty(2, 4)).abs().max() <= 1)
    True
    """
    bound = math.sqrt(3) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """N(0, std²), std = gain √(2 / (fan_in + fan_out)).   torch: nn.init.xavier_normal_

    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks"
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _xavier_std(tensor, gain):
    return gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """U(-bound, bound), bound = gain √(3 / fan).   torch: nn.init.kaiming_uniform_

    a: the slope of a leaky_relu behind the layer.   mode: "fan_in" keeps the size of signals, "fan_out" of gradients.
    He, Zhang, Ren & Sun 2015, arXiv:1502.01852

    >>> bool(nn.init.kaiming_uniform_(torch.empty(3, 6), nonlinearity="relu").abs().max() <= 1)
    True
    """
    if 0 in tensor.shape:
        return _nothing_to_fill(tensor)
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """N(0, std²), std = gain / √fan, with the arguments of ``kaiming_uniform_``.   torch: nn.init.kaiming_normal_

    He, Zhang, Ren & Sun 2015, arXiv:1502.01852
    """
    if 0 in tensor.shape:
        return _nothing_to_fill(tensor)
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _kaiming_std(tensor, a, mode, nonlinearity):
    return calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))


def _calculate_correct_fan(tensor, mode):
    mode, modes = mode.lower(), ["fan_in", "fan_out"]
    if mode not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode)]


def _nothing_to_fill(tensor):
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return tensor


# ---------------------------------------------------------------------------------------------------------
# Orthogonal and sparse matrices


@no_grad()
def orthogonal_(tensor, gain=1, generator=None):
    """gain · Q, where Q's rows or columns, whichever are fewer, are orthonormal. Kernel dims count as columns.

    torch: nn.init.orthogonal_.   Saxe, McClelland & Ganguli 2014, arXiv:1312.6120

    >>> w = nn.init.orthogonal_(torch.empty(2, 3))
    >>> bool(((w @ w.T) - torch.eye(2)).abs().max() < 1e-6)
    True
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"Only tensors with 2 or more dimensions are supported\nthis one has shape {tuple(tensor.shape)}"
        )
    if tensor.numel() == 0:
        return tensor

    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    normal = tensor.new_empty((rows, columns)).normal_(0, 1, generator=generator)
    q = _orthonormal_columns(normal.T).T if rows < columns else _orthonormal_columns(normal)
    return tensor.copy_(q.reshape(tensor.shape)).mul_(gain)


def _orthonormal_columns(matrix):
    """Q of matrix = QR, with R's diagonal positive: uniform among all.   Mezzadri 2007, arXiv:math-ph/0609050

    Gram-Schmidt in float64, each column freed twice of its part along those before it: once leaves too much of it.
    """
    q = matrix.double().clone()
    for j in range(q.shape[1]):
        before, column = q[:, :j], q[:, j]
        for _ in range(2):
            column -= before @ (before.T @ column)
        column /= column.norm()
    return q


@no_grad()
def sparse_(tensor, sparsity, std=0.01, generator=None):
    """N(0, std²), but in each column a share ``sparsity`` of zeros.   torch: nn.init.sparse_

    The places of the zeros come from the default generator, as in torch.   Martens 2010, "Deep learning via
    Hessian-free optimization"

    >>> (nn.init.sparse_(torch.empty(4, 3), sparsity=0.5) == 0).sum(0)
    tensor([2, 2, 2])
    """
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported\nthis one has shape {tuple(tensor.shape)}")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    tensor.normal_(0, std, generator=generator)
    for column in range(columns):
        tensor[randperm(rows)[:zeros], column] = 0
    return tensor


# ---------------------------------------------------------------------------------------------------------
# The old names


def _old_name(function):
    old, new = function.__name__[:-1], function.__name__

    @wraps(function)
    def deprecated(*args, **kwargs):
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning, stacklevel=2
        )
        return function(*args, **kwargs)

    return named(deprecated, old, f"Deprecated: call ``{new}``.")


uniform, normal, constant = _old_name(uniform_), _old_name(normal_), _old_name(constant_)
eye, dirac, orthogonal, sparse = _old_name(eye_), _old_name(dirac_), _old_name(orthogonal_), _old_name(sparse_)
xavier_uniform, xavier_normal = _old_name(xavier_uniform_), _old_name(xavier_normal_)
kaiming_uniform, kaiming_normal = _old_name(kaiming_uniform_), _old_name(kaiming_normal_)

_no_grad_uniform_, _no_grad_normal_, _no_grad_trunc_normal_ = uniform_, normal_, trunc_normal_
_no_grad_fill_, _no_grad_zero_ = constant_, zeros_
