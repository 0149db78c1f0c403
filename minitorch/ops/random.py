"""Draws: tensors filled with PyTorch's random numbers, in the order in which PyTorch fills them.

A draw goes by memory, not by index: it visits the places of a tensor by rising address. So ``x.t().uniform_()`` holds
the numbers that ``x.uniform_()`` would, transposed. What is drawn, and from how many words, is in ``backends/mt19937``.

torch: aten/src/ATen/native/Distributions.cpp and DistributionTemplates.h
"""

from .. import primitives as rows
from ..backends import for_device
from ..backends.philox import lanes_of
from ..errors import C_NAMES, TYPE_NAMES
from .memory_format import memory_order

__all__ = [
    "EXACT", "bernoulli", "bernoulli_", "cauchy_", "exponential_", "geometric_", "integer", "interval", "kept_on_gpu", "log_normal_",
    "moments", "multinomial", "normal_", "random_", "require", "stream_of", "uniform_",
]  # fmt: skip


def stream_of(generator, device):
    """The stream of a Generator; of None, the default stream of a device. Raises RuntimeError for one of another device."""
    if generator is None:
        return for_device(device).default_stream
    try:
        place, stream = generator.device.type, generator.stream
    except AttributeError:
        raise TypeError(
            f"argument 'generator' must be torch.Generator, not {type(generator).__name__}\n"
            "make one with torch.Generator().manual_seed(0)"
        ) from None
    if place != device.type:
        raise RuntimeError(
            f"Expected a '{device.type}' device type for generator but found '{place}'\nmake one there: torch.Generator('{device.type}')"
        )
    return stream


def _fill(x, row, generator, *params):
    """Write a draw over ``x``."""
    return x._write(row, (), (stream_of(generator, x.device), tuple(x.shape), memory_order(x), x.dtype, *params))


# ------------------------------------------------------------------------------------------------------- real numbers


def uniform_(x, from_=0.0, to=1.0, *, generator=None):
    """Uniform on [from, to).   torch: Tensor.uniform_

    >>> _ = torch.manual_seed(0)
    >>> torch.empty(3).uniform_()
    tensor([0.4963, 0.7682, 0.0885])
    """
    low, high = _number("uniform_", "from", 1, from_), _number("uniform_", "to", 2, to)
    require(x.dtype, "check_uniform_bounds", x.dtype.category >= 2)
    if not (low, high) == (0.0, 1.0):
        _check_uniform(x.dtype.to_real(), low, high)
    return _fill(x, rows.uniform, generator, low, high)


def _check_uniform(dtype, low, high):
    largest = LARGEST[dtype.name]
    for name, value in (("from", low), ("to", high)):
        if not -largest <= value <= largest:
            raise RuntimeError(
                f"{name} is out of bounds for {C_NAMES[dtype.name]}\nthe largest number there is {largest:g}"
            )
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}\nexchange the two bounds"
        )
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{TYPE_NAMES[dtype.name]}>::max(), but found to={high:g} and "
            f"from={low:g} which result in to-from to exceed the limit\ndraw from a smaller interval and scale it"
        )


def normal_(x, mean=0.0, std=1.0, *, generator=None):
    """Normal with that mean and standard deviation.   torch: Tensor.normal_.   Box & Muller 1958

    >>> _ = torch.manual_seed(0)
    >>> torch.empty(3).normal_()
    tensor([ 1.5410, -0.2934, -2.1788])
    """
    return _fill(x, rows.normal, generator, *moments("normal_", x.dtype, mean, std), not x.is_contiguous())


def moments(function, dtype, mean, std):
    """A normal's mean and standard deviation as floats."""
    mean, std = _number(function, "mean", 1, mean), _number(function, "std", 2, std)
    require(dtype, "normal_kernel_cpu", dtype.category >= 2)
    if not std >= 0:
        raise RuntimeError(
            f"normal expects std >= 0.0, but found std {std:g}\nstd is the standard deviation, not its logarithm"
        )
    return mean, std


def log_normal_(x, mean=1.0, std=2.0, *, generator=None):
    """exp(z), z normal with that mean and standard deviation.   torch: Tensor.log_normal_"""
    mean, std = _number("log_normal_", "mean", 1, mean), _number("log_normal_", "std", 2, std)
    require(x.dtype, "log_normal_cpu", x.is_floating_point())
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}\nstd is that of the logarithm")
    return _fill(x, rows.log_normal, generator, mean, std)


def exponential_(x, lambd=1.0, *, generator=None):
    """Exponential with rate ``lambd``: density λ exp(-λ x).   torch: Tensor.exponential_"""
    rate = _number("exponential_", "lambd", 1, lambd)
    if not x.is_floating_point():
        raise _continuous("Exponential", TYPE_NAMES[x.dtype.name])
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}\nlambd is the rate, 1 / mean")
    return _fill(x, rows.exponential, generator, rate)


def cauchy_(x, median=0.0, sigma=1.0, *, generator=None):
    """Cauchy: density 1 / (π σ (1 + ((x - median) / σ)²)).   torch: Tensor.cauchy_"""
    median, sigma = _number("cauchy_", "median", 1, median), _number("cauchy_", "sigma", 2, sigma)
    if not x.is_floating_point():
        raise _continuous("Cauchy", C_NAMES[x.dtype.name])
    if not sigma > 0:
        raise RuntimeError(
            f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}\nsigma is half the width at half the height"
        )
    return _fill(x, rows.cauchy, generator, median, sigma)


# -------------------------------------------------------------------------------------------------------------- counts


def bernoulli_(x, p=0.5, *, generator=None):
    """1 with probability ``p``, a number or a tensor that broadcasts to ``x``, else 0.   torch: Tensor.bernoulli_

    >>> _ = torch.manual_seed(0)
    >>> torch.empty(6).bernoulli_(0.5)
    tensor([0., 0., 1., 0., 0., 0.])
    """
    if hasattr(p, "_apply"):
        require(p.dtype, "bernoulli_tensor_cpu_p_", p.is_floating_point())
        p = p.expand(x.shape)
        order = memory_order(x) if x.is_cpu else _common_order(x, p)
        return x._write(rows.bernoulli_each, (p,), (stream_of(generator, x.device), order, x.dtype))
    return _fill(x, rows.bernoulli, generator, _probability(x.dtype, p))


def _common_order(x, p):
    """The dims in the order in which a GPU walks two tensors: by memory, as far as that is the same for both; None by index."""
    order, sizes, strides = list(range(x.ndim)), x.shape, list(zip(x.stride(), p.stride(), strict=True))
    for i in range(x.ndim):
        for j in range(i + 1, x.ndim):
            a, b = order[i], order[j]
            pairs = [(m, n) for m, n in zip(strides[a], strides[b]) if m != n and 1 not in (sizes[a], sizes[b])]
            if pairs and all([m < n for m, n in pairs]):
                order[i], order[j] = b, a
    return None if order == sorted(order) else tuple(order)


def bernoulli(input, p=None, *, generator=None):
    """1 with probability input[i], else 0; with ``p``, a tensor like ``input`` of ones with that probability.

    The result's gradient with respect to ``input`` is 0.   torch: bernoulli

    >>> torch.bernoulli(tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    stream = stream_of(generator, input.device)
    if p is not None:
        params = (stream, tuple(input.shape), None, input.dtype, _probability(input.dtype, p))
        return input._create(rows.bernoulli, params, input.device)
    require(input.dtype, "bernoulli_tensor_cpu_p_", input.is_floating_point())
    return input._apply(rows.bernoulli_each, (input,), (stream, None, input.dtype))


def kept_on_gpu(input, p):
    """1 with probability ``p``, else 0, for each element of a tensor on a GPU, as PyTorch's dropout draws there.

    A thread takes some elements that lie side by side; where it can't, they go by index, and not by memory.
    """
    order, array = memory_order(input), input._array
    dense = (array if order is None else array.transpose(order)).flags.c_contiguous
    lanes = lanes_of(array.size, array.itemsize, input.storage_offset()) if dense else 1
    params = (stream_of(None, input.device), tuple(input.shape), order if lanes > 1 else None, input.dtype, p, lanes)
    return input._create(rows.bernoulli, params, input.device)


def _probability(dtype, p):
    p = _number("bernoulli_", "p", 1, p)
    require(dtype, "bernoulli_scalar_cpu_", not dtype.is_complex)
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}\np is the probability of a one")
    return p


def geometric_(x, p, *, generator=None):
    """The number of trials up to the first success, each with probability ``p``: 1, 2, ….   torch: Tensor.geometric_"""
    p = _number("geometric_", "p", 1, p)
    require(x.dtype, "geometric_cpu", x.dtype.category in (1, 2))
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}\np is the probability of a success")
    return _fill(x, rows.geometric, generator, p)


def random_(x, *bounds, generator=None, **named):
    """Integers uniform on [from, to): ``random_(from, to)``, or ``random_(to)`` from 0 on.

    ``random_()`` takes all from 0 on that the dtype holds exactly; ``random_(from, None)`` all from there on.

    torch: Tensor.random_

    >>> _ = torch.manual_seed(0)
    >>> torch.empty(4, dtype=torch.int64).random_(10)
    tensor([4, 9, 3, 0])
    """
    require(x.dtype, "random_kernel_cpu", not x.dtype.is_complex)
    bounds += tuple(named.pop(name) for name in ("from", "to") if name in named)
    if len(bounds) > 2 or named:
        raise TypeError("random_() received an invalid combination of arguments\ncall it as random_(from, to)")
    if not bounds:
        return _fill(x, rows.random, generator, 0, EXACT[x.dtype.name] + 1, x.dtype.name in ("int64", "float64"))
    low, to = bounds if len(bounds) == 2 else (0, bounds[0])
    return _fill(x, rows.random, generator, *interval("random_", x.dtype, low, to))


def interval(function, dtype, low, to):
    """(low, span, wide) of the integers in [low, to), or up to the largest that ``dtype`` holds exactly.

    Raises RuntimeError if there is none, or one that the dtype can't hold. Spans from 2²⁸ on take 64 bits a draw.
    """
    names = ("from", "to") if function == "random_" else ("low", "high")
    low = integer(function, low, names[0])
    high = EXACT[dtype.name] + 1 if to is None else integer(function, to, names[1])
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}\n'to' itself is never drawn"
        )
    if to is None and low == -(2**63):
        return 0, 2**64, True  # all 64 bits, as they come
    smallest, largest = LIMITS[dtype.name]
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not smallest <= value <= largest:
            raise RuntimeError(
                f"{name} is out of bounds for {C_NAMES[dtype.name]}\nit holds integers from {smallest} to {largest}"
            )
    return low, high - low, high - low >= 2**28


def multinomial(input, num_samples, replacement=False, *, generator=None):
    """``num_samples`` indices for each row of ``input``, index i with a probability in proportion to input[…, i].

    input: (categories) or (rows, categories) → int64 (…, num_samples). Without replacement no index comes twice.

    torch: multinomial

    >>> _ = torch.manual_seed(0)
    >>> torch.multinomial(tensor([0.0, 10.0, 3.0, 0.0]), 2)
    tensor([1, 2])
    """
    samples = integer("multinomial", num_samples, "num_samples", 2)
    if not input.is_floating_point():
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {TYPE_NAMES[input.dtype.name]}\n"
            "convert the weights first, e.g. with .float()"
        )
    if input.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim\ngot a tensor of shape {tuple(input.shape)}")
    if samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples\nnum_samples is how many indices to draw for each row")
    if not replacement and samples > input.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement\n"
            f"asked for {samples} of {input.shape[-1]} categories: pass replacement=True to allow repetitions"
        )
    with_replacement = replacement and samples > 1
    row = rows.multinomial_with_replacement if with_replacement else rows.multinomial
    return input._apply(row, (input,), (stream_of(generator, input.device), memory_order(input), samples))


# -------------------------------------------------------------------------------------------------------------- checks

EXACT = {
    "bool": 1, "uint8": 2**8 - 1, "int8": 2**7 - 1, "int16": 2**15 - 1, "int32": 2**31 - 1, "int64": 2**63 - 1,
    "uint16": 2**16 - 1, "uint32": 2**32 - 1, "uint64": 2**64 - 1,
    "bfloat16": 2**8, "float16": 2**11, "float32": 2**24, "float64": 2**53,
}  # fmt: skip
"""The largest integer up to which a dtype holds every one."""

LARGEST = {
    "float16": 65504.0, "bfloat16": (2 - 2.0**-7) * 2.0**127, "float32": (2 - 2.0**-23) * 2.0**127,
    "float64": (2 - 2.0**-52) * 2.0**1023,
}  # fmt: skip

LIMITS = {name: (-EXACT[name] - 1, EXACT[name]) for name in ("int8", "int16", "int32", "int64")}
LIMITS |= {name: (0, EXACT[name]) for name in ("bool", "uint8", "uint16", "uint32", "uint64")}
LIMITS |= {name: (-largest, largest) for name, largest in LARGEST.items()}


def _number(function, argument, position, value):
    """``value`` as a float. Raises TypeError for what is none."""
    try:
        return value if value.__class__ is float else float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"{function}(): argument '{argument}' (position {position}) must be float, not {type(value).__name__}\n"
            "pass one number for the whole tensor"
        ) from None


def integer(function, value, argument, position=1):
    """``value`` as an int. Raises TypeError for what is none, ValueError for what has more than 64 bits."""
    if isinstance(value, float) or not hasattr(value, "__index__"):
        raise TypeError(
            f"{function}(): argument '{argument}' (position {position}) must be int, not {type(value).__name__}\n"
            "write it without a fraction, or as int(value)"
        )
    value = value.__index__()
    if not -(2**63) <= value < 2**63:
        raise ValueError("Overflow when unpacking long long\nintegers here have 64 bits, one of them for the sign")
    return value


def require(dtype, kernel, condition):
    if not condition:
        raise NotImplementedError(
            f"\"{kernel}\" not implemented for '{TYPE_NAMES[dtype.name]}'\nthis draw has no meaning for that dtype: use another"
        )


def _continuous(distribution, dtype_name):
    return RuntimeError(
        f"{distribution} distribution is a continuous probability distribution. dtype must be a floating point but you "
        f"specified {dtype_name}\ndraw in float32 and convert"
    )
