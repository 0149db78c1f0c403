"""Tensors of random numbers, and the generators that they come from: at the same seed, PyTorch's numbers.

    torch.manual_seed(0)                 the default generator starts again
    x = torch.randn(2, 3)                draws from it
    g = torch.Generator().manual_seed(1)
    y = torch.rand(4, generator=g)       draws from another

The methods that fill a tensor (``x.normal_()``) are in ``ops/random.py``, the streams themselves in ``backends/mt19937.py``.

torch: torch/random.py, ATen/CPUGeneratorImpl.cpp, ATen/native/TensorFactories.cpp
"""

import os
from contextlib import contextmanager

from . import primitives as rows
from .absent import absent
from .backends import ACCELERATORS, for_device
from .backends.mt19937 import DEFAULT_SEED, STATE_BYTES, default_stream
from .device import as_device
from .dtypes import get_default_dtype, int64, uint8
from .engine import Tensor, create, no_grad, wrap
from .errors import TYPE_NAMES, not_a_tensor, size_error
from .layout import preserve_format
from .modes import demand, steer
from .ops.memory_format import memory_order
from .ops.random import EXACT, integer, interval, moments, require, stream_of

__all__ = [
    "Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "normal", "rand",
    "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state", "set_states_of_all",
    "states_of_all",
]  # fmt: skip

__getattr__ = absent(__name__)

# ---------------------------------------------------------------------------------------------------------- generators


class Generator:
    """A stream of random numbers of its own, for ``generator=``.   torch: Generator

    >>> g = torch.Generator().manual_seed(0)
    >>> torch.rand(2, generator=g)
    tensor([0.4963, 0.7682])
    """

    __slots__ = ("__weakref__", "device", "stream")

    def __init__(self, device="cpu"):
        self.device = as_device(device)
        try:
            xp = for_device(self.device)
        except AssertionError:
            raise RuntimeError(
                "Cannot get CUDA generator without ATen_cuda library.\nthis installation draws on the CPU: leave out device="
            ) from None
        self.stream = steer(xp.Stream(DEFAULT_SEED))

    def manual_seed(self, seed):
        """Start again from ``seed``, -2⁶³ ≤ seed < 2⁶⁴ (negative ones count from 2⁶⁴ down). Returns the generator."""
        if isinstance(seed, float) or not hasattr(seed, "__index__"):
            raise RuntimeError(
                f"manual_seed expected a long, but got {type(seed).__name__}\nany integer of 64 bits will do"
            )
        seed = seed.__index__()
        if not -(2**63) <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long\na seed has 64 bits: take it modulo 2**64")
        steer(self.stream).manual_seed(seed % 2**64)
        return self

    def seed(self):
        """Start again from a seed that nobody can know, and return it."""
        seed = int.from_bytes(os.urandom(8), "little")
        steer(self.stream).manual_seed(seed)
        return seed

    def initial_seed(self):
        """The seed that the stream started from."""
        return steer(self.stream).initial_seed

    def get_state(self):
        """All that decides the numbers to come, as PyTorch's 5056 bytes; of a GPU's, 16: its seed and its offset."""
        return wrap(steer(self.stream).get_state())

    def set_state(self, new_state):
        """Go on from a state that ``get_state`` returned, here or in PyTorch. Returns the generator."""
        if not isinstance(new_state, Tensor):
            raise TypeError(
                f"expected a torch.ByteTensor, but got {type(new_state).__name__}\npass what get_state() returned"
            )
        if new_state.dtype is not uint8:
            raise TypeError(
                f"RNG state must be a torch.ByteTensor\ngot one of {new_state.dtype}: pass what get_state() returned"
            )
        if self.device.type == "cpu" and new_state.numel() != STATE_BYTES:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE_BYTES} but found the input RNG state size to be "
                f"{new_state.numel()}\npass what get_state() returned"
            )
        steer(self.stream).set_state(new_state.numpy())
        return self

    def get_offset(self):
        """How many words each thread of a GPU has used. Raises RuntimeError for a generator of the CPU's."""
        return self._with_offset().offset

    def set_offset(self, offset):
        """Go on where each thread has used so many words, a multiple of 4."""
        self._with_offset().set_offset(offset)

    def _with_offset(self):
        if self.device.type == "cpu":
            raise RuntimeError("CPU Generator does not use offset\nget_state() and set_state() keep its place")
        return steer(self.stream)

    def clone_state(self):
        """A second generator, at the same place of the same stream."""
        clone = Generator(self.device)
        clone.stream = steer(self.stream).copy()
        return clone

    def __reduce__(self):
        return Generator, (self.device,), (self.initial_seed(), None, self.get_state())

    def __setstate__(self, state):
        _, _, tensor = state  # the seed is in it, and the place in a stream on a GPU is none here
        self.set_state(tensor)


default_generator = Generator()
"""What draws without ``generator=`` come from. It begins anywhere: who wants the same numbers again seeds it."""
default_generator.stream = default_stream
default_generator.seed()


def manual_seed(seed):
    """Start the default generator again from ``seed``. Returns the generator.   torch: manual_seed

    >>> _ = torch.manual_seed(0)
    >>> torch.rand(1)
    tensor([0.4963])
    """
    default_generator.manual_seed(int(seed))
    seed_accelerators()
    return default_generator


def seed_accelerators():
    """Start the GPU's default generator, if it was loaded, from the same seed as the CPU's."""
    for xp in ACCELERATORS:
        xp.default_stream.manual_seed(default_generator.initial_seed())


def seed():
    """Start the default generator from a seed that nobody can know, and return it.   torch: seed"""
    drawn = default_generator.seed()
    seed_accelerators()
    return drawn


def initial_seed():
    """The seed that the default generator started from.   torch: initial_seed"""
    return default_generator.initial_seed()


def get_rng_state():
    """The state of the default generator.   torch: get_rng_state"""
    return default_generator.get_state()


def set_rng_state(new_state):
    """Let the default generator go on from ``new_state``.   torch: set_rng_state"""
    default_generator.set_state(new_state)


def states_of_all():
    """The states of the default generators, the CPU's first, as bytes."""
    return [stream.get_state().tobytes() for stream in default_streams()]


def set_states_of_all(states):
    """Let the default generators go on from what ``states_of_all`` returned."""
    for stream, state in zip(default_streams(), states):
        stream.set_state(state)


def default_streams():
    return [default_stream, *[xp.default_stream for xp in ACCELERATORS]]


@contextmanager
def fork_rng(devices=None, enabled=True, device_type="cuda"):
    """A block after which the default generators go on as if nothing had been drawn in it.   torch: random.fork_rng

    >>> _ = torch.manual_seed(0)
    >>> with torch.random.fork_rng():
    ...     a = torch.rand(1)
    >>> bool(a == torch.rand(1))
    True
    """
    states = steer(states_of_all()) if enabled else []
    try:
        yield
    finally:
        set_states_of_all(states)


# ------------------------------------------------------------------------------------------------------ of a given size


def rand(
    *dims,
    size=None,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """Uniform on [0, 1): ``rand(2, 3)`` or ``rand((2, 3))``.   torch: rand

    >>> _ = torch.manual_seed(0)
    >>> torch.rand(2, 2)
    tensor([[0.4963, 0.7682],
            [0.0885, 0.1320]])
    """
    shape = _shape_of("rand", dims, size)
    if out is not None:
        return _room(out, shape, dtype).uniform_(generator=generator)
    dtype = dtype or get_default_dtype()
    require(dtype, "check_uniform_bounds", dtype.category >= 2)
    return _draw(rows.uniform, shape, None, dtype, generator, (0.0, 1.0), device, requires_grad)


def randn(
    *dims,
    size=None,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """Standard normal: ``randn(2, 3)`` or ``randn((2, 3))``.   torch: randn

    >>> _ = torch.manual_seed(0)
    >>> torch.randn(3)
    tensor([ 1.5410, -0.2934, -2.1788])
    """
    shape = _shape_of("randn", dims, size)
    if out is not None:
        return _room(out, shape, dtype).normal_(generator=generator)
    return _standard_normal(shape, None, dtype or get_default_dtype(), generator, device, requires_grad)


def randint(*bounds, low=0, high=None, size=None, generator=None, out=None, dtype=None, layout=None, device=None,
            pin_memory=False, requires_grad=False):  # fmt: skip
    """Integers uniform on [low, high): ``randint(high, size)`` or ``randint(low, high, size)``.   torch: randint

    >>> _ = torch.manual_seed(0)
    >>> torch.randint(10, (4,))
    tensor([4, 9, 3, 0])
    """
    low, high, size = _interval_arguments("randint", bounds, low, high, size)
    shape = _shape_of("randint", (size,), None)
    if out is not None:
        return _room(out, shape, dtype).random_(low, high, generator=generator)
    dtype = dtype or int64
    require(dtype, "random_kernel_cpu", not dtype.is_complex)
    bounds = interval("randint", dtype, low, high)
    return _draw(rows.random, shape, None, dtype, generator, bounds, device, requires_grad)


def randperm(
    n, *, generator=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
):
    """The numbers 0 … n-1 in random order.   torch: randperm.   Fisher & Yates; Durstenfeld 1964

    >>> _ = torch.manual_seed(0)
    >>> torch.randperm(5)
    tensor([4, 0, 1, 3, 2])
    """
    n = integer("randperm", n, "n", 1)
    if n < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {n}: [{n}]\nn is how many numbers to shuffle"
        )
    if out is not None:
        return _room(out, (n,), dtype).copy_(randperm(n, generator=generator, dtype=out.dtype))
    dtype = dtype or int64
    require(dtype, "randperm", dtype.category in (1, 2))
    _check_permutation(dtype, n)
    return _draw(rows.permutation, (n,), None, dtype, generator, (), device, requires_grad)


def _check_permutation(dtype, n):
    """Raise RuntimeError if ``dtype`` can't hold the numbers below ``n`` exactly. (PyTorch lets bfloat16 pass.)"""
    largest = EXACT[dtype.name] + 1
    if n <= largest or dtype.name == "bfloat16":
        return
    if dtype.is_floating_point:
        bound = {"float32": "2^24+1", "float64": "2^53+1"}.get(dtype.name, largest)
        reason = f"n cannot be greater than {bound} for {TYPE_NAMES[dtype.name]} type."
    else:
        reason = f"value cannot be converted to type {dtype.name}_t without overflow"
    raise RuntimeError(f"{reason}\nit can't hold all the numbers below {n}: leave out dtype= for int64")


def normal(mean, std=1.0, size=None, *, generator=None, out=None, dtype=None, layout=None, device=None,
           pin_memory=False, requires_grad=False):  # fmt: skip
    """Normal with that mean and standard deviation: numbers and a ``size``, or tensors, one of each for each element.

    The gradients of ``mean`` and ``std`` are 0; for others write ``mean + std * torch.randn_like(mean)``.

    torch: normal

    >>> _ = torch.manual_seed(0)
    >>> torch.normal(tensor([0.0, 100.0]), 1.0)
    tensor([ 1.5410, 99.7066])
    """
    tensors = [x for x in (mean, std) if isinstance(x, Tensor)]
    if (size is None) != bool(tensors):
        raise TypeError(
            f"normal() received an invalid combination of arguments - got ({_names_of((mean, std, size))}), but expected one of:\n"
            "normal(mean, std, size) of numbers, or normal(mean, std) of tensors, of which one may be a number"
        )
    with no_grad():
        if tensors:
            drawn = _normal_each(mean, std, tensors, generator)
        else:
            shape = _shape_of("normal", (size,), None)
            drawn = _standard_normal(shape, None, dtype or get_default_dtype(), generator, device, False, mean, std)
    if out is not None:
        return _room(out, drawn.shape, dtype).copy_(drawn)
    if any([x.requires_grad for x in tensors]):
        return drawn._apply(rows.unmoved, (drawn, mean, std))
    return drawn.requires_grad_() if requires_grad else drawn


def _normal_each(mean, std, tensors, generator):
    """A standard normal for each element, times its ``std`` (unless that is one number), plus its ``mean``."""
    like = tensors[0]
    if not isinstance(std, Tensor):
        return _standard_normal(tuple(mean.shape), None, like.dtype, generator, like.device, False, 0.0, std).add_(mean)
    if std.numel():
        message = "normal expects all elements of std >= 0.0\nstd is the standard deviation, not its logarithm; there are"
        demand(std >= 0, RuntimeError, message, std)
    shape = tuple((mean + std).shape) if len(tensors) == 2 else tuple(std.shape)
    return _standard_normal(shape, None, like.dtype, generator, like.device, False).mul_(std).add_(mean)


# ---------------------------------------------------------------------------------------------------- like some tensor


def rand_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, generator=None):
    """Uniform on [0, 1), in the shape and dtype of ``input``, and laid out in memory as it is.   torch: rand_like

    >>> torch.rand_like(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    dtype = dtype or _like("rand_like", input).dtype
    require(dtype, "check_uniform_bounds", dtype.category >= 2)
    order = _order_like(input, memory_format)
    place = input.device if device is None else device
    return _draw(rows.uniform, tuple(input.shape), order, dtype, generator, (0.0, 1.0), place, requires_grad)


def randn_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, generator=None):
    """Standard normal, in the shape and dtype of ``input``, and laid out in memory as it is.   torch: randn_like"""
    dtype = dtype or _like("randn_like", input).dtype
    order = _order_like(input, memory_format)
    place = input.device if device is None else device
    return _standard_normal(tuple(input.shape), order, dtype, generator, place, requires_grad)


def randint_like(input, *bounds, low=0, high=None, dtype=None, layout=None, device=None, requires_grad=False,
                 memory_format=None, generator=None):  # fmt: skip
    """Integers uniform on [low, high): ``randint_like(x, high)`` or ``randint_like(x, low, high)``.   torch: randint_like"""
    dtype = dtype or _like("randint_like", input).dtype
    low, high, _ = _interval_arguments("randint_like", (*bounds, ()), low, high, None)
    require(dtype, "random_kernel_cpu", not dtype.is_complex)
    bounds = interval("randint_like", dtype, low, high)
    order = _order_like(input, memory_format)
    place = input.device if device is None else device
    return _draw(rows.random, tuple(input.shape), order, dtype, generator, bounds, place, requires_grad)


def _like(function, input):
    if not isinstance(input, Tensor):
        raise not_a_tensor(function, "input", 1, input)
    return input


def _order_like(input, memory_format):
    """The order of the dims in memory of a new tensor like ``input``."""
    return memory_order(input) if memory_format in (None, preserve_format) else memory_format.order


# ------------------------------------------------------------------------------------------------------------ arguments


def _draw(row, shape, order, dtype, generator, params, device, requires_grad):
    """A new tensor of draws."""
    place = as_device(device)
    drawn = create(row, (stream_of(generator, place), shape, order, dtype, *params), place)
    return drawn.requires_grad_() if requires_grad else drawn


def _standard_normal(shape, order, dtype, generator, device, requires_grad, mean=0.0, std=1.0):
    params = (*moments("normal", dtype, mean, std), order is not None)
    return _draw(rows.normal, shape, order, dtype, generator, params, device, requires_grad)


def _shape_of(function, dims, size):
    """The shape that was asked for: ``(2, 3)``, ``((2, 3),)`` or ``size=``."""
    if size is not None:
        dims = (size,)
    given = dims
    if len(dims) == 1 and isinstance(dims[0], (tuple, list)):
        dims = dims[0]
    elif not dims:
        raise TypeError(
            f"{function}() received an invalid combination of arguments - got (), but expected one of:\n"
            f"{function}(2, 3) or {function}((2, 3)); {function}(()) makes a tensor without dims"
        )
    for d in dims:
        if d.__class__ is not int and (isinstance(d, float) or not hasattr(d, "__index__")):
            raise size_error(d, given, dims, function, "size")
    shape = tuple([d.__index__() for d in dims])
    for n in shape:
        if n < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {n}: {list(shape)}\na dim has 0 elements or more"
            )
    return shape


def _interval_arguments(function, given, low, high, size):
    """(low, high, size) from positional (high,), (high, size), (low, high) or (low, high, size), and from names."""
    given, passed = list(given), _names_of(given)
    if given and size is None and not hasattr(given[-1], "__index__") and not isinstance(given[-1], float):
        size = given.pop()
    if len(given) == 2 and size is None:
        kind = type(given[1]).__name__
        raise TypeError(
            f"{function}(): argument 'size' (position 2) must be tuple of ints, not {kind}\nwrite it as ({given[1]},)"
        )
    if given and high is None:
        high = given.pop()
    if given:
        low = given.pop()
    if given or high is None or size is None:
        raise TypeError(
            f"{function}() received an invalid combination of arguments - got ({passed}), but expected one of:\n"
            f"{function}(high, size) or {function}(low, high, size), with a tuple as size"
        )
    return low, high, size


def _names_of(values):
    return ", ".join(type(value).__name__ for value in values if value is not None)


def _room(out, shape, dtype):
    """``out``, made to have that shape."""
    if dtype is not None and dtype is not out.dtype:
        raise RuntimeError(
            f"dtype {dtype} does not match dtype of out parameter ({out.dtype})\nleave out dtype=: it is that of out"
        )
    if tuple(out.shape) != tuple(shape):
        out.data = out.new_empty(shape)
    return out
