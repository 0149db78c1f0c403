"""The functions between the layers, each as its formula. At a kink they have PyTorch's one-sided derivative.

With ``inplace=True`` the result replaces the input's elements. It is computed from a copy, since the gradient still
needs the old ones; so it saves no memory, and gives the right gradient where PyTorch does.

torch: nn/functional.py, aten/src/ATen/native/Activation.cpp
"""

import math
import warnings

from ...autograd.composite import composite
from ...creation import empty, empty_like, ones_like, zeros_like
from ...dtypes import float64
from ...engine import no_grad
from ...errors import not_implemented
from ...layout import contiguous_format
from ...ops.activation import hardshrink, prelu
from ...random import rand

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hardtanh_", "leaky_relu", "leaky_relu_", "log1p_exp", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "relu_",
    "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink", "softsign",
    "tanh", "tanhshrink", "threshold", "threshold_",
]  # fmt: skip

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946

# ------------------------------------------------------------------------------------------------ one sided by clamping


def relu(input, inplace=False):
    """max(x, 0).   torch: F.relu

    >>> F.relu(tensor([-1., 0., 2.]))
    tensor([0., 0., 2.])
    """
    return input.relu_() if inplace else input.relu()


def relu_(input):
    """``relu`` in place.   torch: F.relu_"""
    return input.relu_()


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where x > 0, else negative_slope · x.   torch: F.leaky_relu.   Maas, Hannun & Ng 2013

    >>> F.leaky_relu(tensor([-1., 2.]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    if inplace:
        return input.copy_(leaky_relu(input.clone(), negative_slope))
    return _leaky_relu(input, negative_slope)


_leaky_relu = composite(lambda x, slope: x.relu() + x.clamp(max=0) * slope, "leaky_relu")


def leaky_relu_(input, negative_slope=0.01):
    """``leaky_relu`` in place.   torch: F.leaky_relu_"""
    return leaky_relu(input, negative_slope, inplace=True)


def rrelu(input, lower=1 / 8, upper=1 / 3, training=False, inplace=False):
    """x where x > 0, else r · x: r is drawn from U(lower, upper) for each element in training, else their mean.

    torch: F.rrelu.   Xu et al. 2015, arXiv:1505.00853
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound\n"
                           f"got lower={lower}, upper={upper}")  # fmt: skip
    if inplace:
        return input.copy_(rrelu(input.clone(), lower, upper, training))
    if not training:
        return leaky_relu(input, (lower + upper) / 2)

    if input.is_cuda:
        return input * _slopes_on_gpu(input, lower, upper)
    with no_grad():
        negative = input <= 0
        slopes = ones_like(input)
        drawn = empty(int(negative.sum()), dtype=float64, device=input.device).uniform_(lower, upper)
        slopes[negative] = drawn.to(input.dtype)
    return input * slopes


def _slopes_on_gpu(input, lower, upper):
    """A slope is drawn for each element, needed or not, from (0, 1] by index; only then 1 takes its place where x > 0."""
    with no_grad():
        if input.dtype is float64:
            slopes = empty(input.shape, dtype=float64, device=input.device).uniform_(lower, upper)
        else:
            drawn = rand(input.shape, dtype=input.dtype, device=input.device)
            drawn = drawn.where(drawn != 0, 1)
            slopes = (drawn.double() * (upper - lower) + lower).float().to(input.dtype)
        return slopes.where(input <= 0, 1)


def rrelu_(input, lower=1 / 8, upper=1 / 3, training=False):
    """``rrelu`` in place.   torch: F.rrelu_"""
    return rrelu(input, lower, upper, training, inplace=True)


def elu(input, alpha=1.0, inplace=False):
    """x where x > 0, else alpha · (exp(x) - 1).   torch: F.elu.   Clevert, Unterthiner & Hochreiter 2016, arXiv:1511.07289

    >>> F.elu(tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """
    if inplace:
        return input.copy_(elu(input.clone(), alpha))
    return _elu(input, alpha)


def _with_curve(x, alpha):
    low = x.clamp(max=0).expm1()  # clamped: exp of a large x would overflow, and inf · 0 is no gradient
    return x.relu() + (low if alpha == 1 else low * alpha)


_elu = composite(_with_curve, "elu")


def elu_(input, alpha=1.0):
    """``elu`` in place.   torch: F.elu_"""
    return elu(input, alpha, inplace=True)


def selu(input, inplace=False):
    """scale · elu(x, alpha), with the two constants that keep mean 0 and variance 1 from layer to layer.

    torch: F.selu.   Klambauer et al. 2017, arXiv:1706.02515
    """
    if inplace:
        return input.copy_(selu(input.clone()))
    return _selu(input)


_selu = composite(lambda x: x.relu() * SELU_SCALE + x.clamp(max=0).expm1() * (SELU_ALPHA * SELU_SCALE), "selu")


def selu_(input):
    """``selu`` in place.   torch: F.selu_"""
    return selu(input, inplace=True)


def celu(input, alpha=1.0, inplace=False):
    """x where x > 0, else alpha · (exp(x / alpha) - 1): smooth at 0 for every alpha.   torch: F.celu.   arXiv:1704.07483"""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU\nalpha is the depth of the negative side")
    if inplace:
        return input.copy_(celu(input.clone(), alpha))
    return _celu(input, alpha)


_celu = composite(lambda x, alpha: x.relu() + (x.clamp(max=0) / alpha).expm1() * alpha, "celu")


def celu_(input, alpha=1.0):
    """``celu`` in place.   torch: F.celu_"""
    return celu(input, alpha, inplace=True)


# -------------------------------------------------------------------------------------------------- two sided, piecewise


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """x kept between min_val and max_val. On the bounds the gradient is 0 (``clamp`` lets it pass).   torch: F.hardtanh

    >>> F.hardtanh(tensor([-2., 0.5, 2.]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val\ngot min_val={min_val}, max_val={max_val}")
    if inplace:
        return input.copy_(hardtanh(input.clone(), min_val, max_val))
    if not input.dtype.is_floating_point:
        return input.clamp(int(min_val), int(max_val))
    return _hardtanh(input, min_val, max_val)


def _kept(x, low, high):
    return x.where((x > low) & (x < high), x.detach().clamp(low, high))


_hardtanh = composite(_kept, "hardtanh")


def hardtanh_(input, min_val=-1.0, max_val=1.0):
    """``hardtanh`` in place.   torch: F.hardtanh_"""
    return hardtanh(input, min_val, max_val, inplace=True)


def relu6(input, inplace=False):
    """min(max(x, 0), 6).   torch: F.relu6.   Krizhevsky 2010"""
    return hardtanh(input, 0, 6, inplace)


def hardsigmoid(input, inplace=False):
    """relu6(x + 3) / 6: a sigmoid of straight lines.   torch: F.hardsigmoid.   Howard et al. 2019, arXiv:1905.02244"""
    if inplace:
        return input.copy_(hardsigmoid(input.clone()))
    return _hardsigmoid(input)


_hardsigmoid = composite(lambda x: _kept(x + 3, 0, 6) / 6, "hardsigmoid")


def hardswish(input, inplace=False):
    """x · relu6(x + 3) / 6.   torch: F.hardswish.   Howard et al. 2019, arXiv:1905.02244"""
    if inplace:
        return input.copy_(hardswish(input.clone()))
    return _hardswish(input)


_hardswish = composite(lambda x: x * _kept(x + 3, 0, 6) / 6, "hardswish")


def softshrink(input, lambd=0.5):
    """x moved towards 0 by lambd, and stopped there.   torch: F.softshrink

    >>> F.softshrink(tensor([-2., 0.3, 2.]))
    tensor([-1.5000,  0.0000,  1.5000])
    """
    if not lambd >= 0:
        raise RuntimeError(f"lambda must be in range [0, inf], but found {lambd}\nlambd is a distance")
    return _softshrink(input, lambd)


_softshrink = composite(lambda x, distance: x - x.clamp(-distance, distance), "softshrink")


def threshold(input, threshold, value, inplace=False):
    """x where x > threshold, else value.   torch: F.threshold"""
    if inplace:
        return input.masked_fill_(input <= threshold, value)
    return input.masked_fill(input <= threshold, value)


def threshold_(input, threshold, value):
    """``threshold`` in place.   torch: F.threshold_"""
    return input.masked_fill_(input <= threshold, value)


# ---------------------------------------------------------------------------------------------------------------- smooth


def sigmoid(input):
    """1 / (1 + exp(-x)).   torch: F.sigmoid"""
    return input.sigmoid()


def tanh(input):
    """tanh(x).   torch: F.tanh"""
    return input.tanh()


def log1p_exp(x):
    """log(1 + exp(x)), without overflow and without loss of small values; its gradient is sigmoid(x) everywhere."""
    low = x.where(x <= 0, -x)  # -|x|, but with a derivative of 1 at 0 where abs has 0
    return x.relu() + low.exp().log1p()


def logsigmoid(input):
    """log(sigmoid(x)).   torch: F.logsigmoid

    >>> F.logsigmoid(tensor([-1e4, 0.]))
    tensor([-1.0000e+04, -6.9315e-01])
    """
    return _log_sigmoid(input)


_log_sigmoid = composite(lambda x: -log1p_exp(-x), "log_sigmoid")


def softplus(input, beta=1, threshold=20):
    """log(1 + exp(beta · x)) / beta; x itself where beta · x > threshold.   torch: F.softplus"""
    if not input.is_floating_point():
        raise not_implemented("softplus_cpu", input._type_name())
    return _softplus(input, beta, threshold)


def _rounded_corner(x, beta, threshold):
    z = x if beta == 1 else x * beta
    large = z > threshold
    curve = z.masked_fill(large, 0).exp().log1p()  # 0 there: what isn't used must not overflow either
    return x.where(large, curve if beta == 1 else curve / beta)


_softplus = composite(_rounded_corner, "softplus")


def silu(input, inplace=False):
    """x · sigmoid(x), also called swish.   torch: F.silu.   Hendrycks & Gimpel 2016, arXiv:1606.08415

    >>> F.silu(tensor([-1., 2.]))
    tensor([-0.2689,  1.7616])
    """
    if inplace:
        return input.copy_(silu(input.clone()))
    return _silu(input)


_silu = composite(lambda x: x * x.sigmoid(), "silu")


def mish(input, inplace=False):
    """x · tanh(softplus(x)).   torch: F.mish.   Misra 2019, arXiv:1908.08681"""
    if inplace:
        return input.copy_(mish(input.clone()))
    return _mish(input)


_mish = composite(lambda x: x * _rounded_corner(x, 1, 20).tanh(), "mish")


def gelu(input, approximate="none"):
    """x · Φ(x), where Φ is the normal distribution's cumulative function; 'tanh' is the paper's approximation of it.

    torch: F.gelu.   Hendrycks & Gimpel 2016, arXiv:1606.08415

    >>> F.gelu(tensor([-1., 2.]))
    tensor([-0.1587,  1.9545])
    """
    if approximate not in _GELU:
        raise RuntimeError(f"approximate argument must be either none or tanh.\ngot {approximate!r}")
    if input.dtype.itemsize == 2 and not _GELU[approximate].takes(input):  # narrow types: rounded once
        return gelu(input.float(), approximate).to(input.dtype)
    return _GELU[approximate](input)


def _gelu_near(x):
    inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
    return x * 0.5 * (inner.tanh() + 1)


_GELU = {
    "none": composite(lambda x: x * 0.5 * ((x * math.sqrt(0.5)).erf() + 1), "gelu"),
    "tanh": composite(_gelu_near, "gelu_tanh", label="Gelu"),
}


def softsign(input):
    """x / (1 + |x|).   torch: F.softsign"""
    return _softsign(input)


_softsign = composite(lambda x: x / (x.abs() + 1), "softsign")


def tanhshrink(input):
    """x - tanh(x).   torch: F.tanhshrink"""
    return _tanhshrink(input)


_tanhshrink = composite(lambda x: x - x.tanh(), "tanhshrink")


def glu(input, dim=-1):
    """a · sigmoid(b), where a and b are the halves of x along ``dim``.   torch: F.glu.   Dauphin et al. 2017, arXiv:1612.08083

    >>> F.glu(tensor([3., 0.]))
    tensor([1.5000])
    """
    if input.ndim == 0:
        raise RuntimeError(
            "glu does not support scalars because halving size must be even\ngive at least one dimension"
        )
    if input.size(dim) % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim % input.ndim} is size {input.size(dim)}\n"
            "the layer before must give twice as many features as you want"
        )
    a, b = input.chunk(2, dim)
    return a * b.sigmoid()


# ---------------------------------------------------------------------------------------------------------------- softmax


def _implicit_dim(name, ndim, stacklevel):
    """The dimension that PyTorch 0.1 chose when none was given."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel + 1,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """exp(x) / Σ exp(x) over ``dim``, shifted by the largest x so that exp can't overflow.   torch: F.softmax

    >>> F.softmax(tensor([0., 0., 1e4]), dim=0)
    tensor([0., 0., 1.])
    """
    if dim is None:
        dim = _implicit_dim("softmax", input.ndim, _stacklevel)
    return (input if dtype is None else input.to(dtype)).softmax(dim)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax(-x).   torch: F.softmin"""
    if dim is None:
        dim = _implicit_dim("softmin", input.ndim, _stacklevel)
    return (-input if dtype is None else (-input).to(dtype)).softmax(dim)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log(softmax(x)), computed as x - logsumexp(x).   torch: F.log_softmax"""
    if dim is None:
        dim = _implicit_dim("log_softmax", input.ndim, _stacklevel)
    return (input if dtype is None else input.to(dtype)).log_softmax(dim)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """softmax((logits + G) / tau) with Gumbel noise G: a sample of a category that has a gradient.

    With ``hard`` the value is one-hot, and the gradient is still the soft one's.
    torch: F.gumbel_softmax.   Jang, Gu & Poole 2017, arXiv:1611.01144
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)

    noise = -empty_like(logits, memory_format=contiguous_format).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one_hot = zeros_like(soft).scatter(dim, index, 1.0)
    return one_hot - soft.detach() + soft
