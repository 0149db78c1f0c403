"""The block in which products are computed in a narrow dtype.   torch: torch/amp/autocast_mode.py"""

import functools
import warnings

from ..backends import ACCELERATORS, gpu_count
from ..device import as_device
from ..dtypes import bfloat16, float16, float32
from ..engine import MODE, Tensor
from ..mixed_precision import enter_autocast, leave_autocast, switch_autocast

__all__ = [
    "autocast", "clear_autocast_cache", "custom_bwd", "custom_fwd", "get_autocast_cpu_dtype", "get_autocast_dtype",
    "get_autocast_gpu_dtype", "is_autocast_available", "is_autocast_cache_enabled", "is_autocast_cpu_enabled",
    "is_autocast_enabled", "set_autocast_cache_enabled", "set_autocast_cpu_dtype", "set_autocast_cpu_enabled",
    "set_autocast_dtype", "set_autocast_enabled",
]  # fmt: skip

SUPPORTED = (bfloat16, float16)
DTYPE_OF = {"cpu": bfloat16, "mps": float16, "cuda": float16}
"""By kind of device, what products are computed in unless the block says otherwise."""
CACHE = [True]


class autocast:
    """In this block, or in the function that it decorates, products of matrices and convolutions are computed in
    ``dtype`` (bfloat16 or float16), losses in float32; all else in what its inputs are.

    It is about the tensors of one kind of device; where there is none ("cuda") it does nothing, with a warning. The backward
    pass belongs outside: if it is in the block it runs as if it weren't.   torch: autocast

    >>> with torch.autocast("cpu"):
    ...     y = torch.ones(2, 2) @ torch.ones(2, 2)
    >>> y.dtype, (y * torch.ones(2, 2)).dtype
    (torch.bfloat16, torch.float32)
    """

    def __init__(self, device_type, dtype=None, enabled=True, cache_enabled=None):
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = as_device(device_type).type
        self.fast_dtype = get_autocast_dtype(self.device) if dtype is None else dtype
        self.cache_enabled = cache_enabled
        self.enabled = enabled and self.possible()
        self.before = []

    def possible(self):
        """Whether such a block can do something. Warns if not."""
        if self.device == "cuda" and not ACCELERATORS and not gpu_count():
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", UserWarning, stacklevel=3)
            return False
        if self.device == "cpu" and self.fast_dtype not in SUPPORTED:
            warnings.warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
                f"CPU Autocast only supports dtypes of {', '.join(map(str, SUPPORTED))} currently.",
                UserWarning,
                stacklevel=3,
            )
            return False
        return True

    def __enter__(self):
        here = self.device == "cpu" or (self.device == "cuda" and bool(ACCELERATORS or gpu_count()))
        wanted = self.fast_dtype if self.enabled else None
        asked = (wanted, self.device) if here else (MODE.autocast, MODE.autocast_on)
        self.before.append(enter_autocast(*asked, CACHE[0] if self.cache_enabled is None else self.cache_enabled))
        return self

    def __exit__(self, *exception):
        leave_autocast(self.before.pop())
        return False

    def __call__(self, function):
        @functools.wraps(function)
        def in_autocast(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return in_autocast


def is_autocast_available(device_type):
    """Whether PyTorch has autocast for a kind of device.   torch: amp.is_autocast_available"""
    return as_device(device_type).type in ("cpu", "cuda", "mps", "xpu", "hpu", "mtia", "maia", "ipu", "xla", "privateuseone")


def is_autocast_enabled(device_type="cuda"):
    """Whether this is a block of ``autocast`` for a kind of device.   torch: is_autocast_enabled"""
    return as_device(device_type).type == MODE.autocast_on and MODE.autocast is not None


def set_autocast_enabled(device_type, enabled=None):
    """Turn it on or off in this thread from now on.   torch: set_autocast_enabled"""
    if enabled is None:
        device_type, enabled = "cuda", device_type
    kind = as_device(device_type).type
    if (kind == "cpu" or (kind == "cuda" and gpu_count())) and is_autocast_enabled(kind) is not bool(enabled):
        switch_autocast(DTYPE_OF[kind] if enabled else None, kind)


def get_autocast_dtype(device_type):
    """What products are computed in, for a kind of device.   torch: get_autocast_dtype"""
    return DTYPE_OF.get(as_device(device_type).type, bfloat16)


def set_autocast_dtype(device_type, dtype):
    """Choose it.   torch: set_autocast_dtype"""
    DTYPE_OF[as_device(device_type).type] = dtype


def old(name, new):
    message = f"torch.{name} is deprecated. Please use torch.{new} instead."
    warnings.warn(message, DeprecationWarning, stacklevel=3)


def is_autocast_cpu_enabled():
    """``is_autocast_enabled("cpu")``.   torch: is_autocast_cpu_enabled"""
    old("is_autocast_cpu_enabled()", "is_autocast_enabled('cpu')")
    return is_autocast_enabled("cpu")


def get_autocast_cpu_dtype():
    """``get_autocast_dtype("cpu")``.   torch: get_autocast_cpu_dtype"""
    old("get_autocast_cpu_dtype()", "get_autocast_dtype('cpu')")
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype():
    """``get_autocast_dtype("cuda")``.   torch: get_autocast_gpu_dtype"""
    old("get_autocast_gpu_dtype()", "get_autocast_dtype('cuda')")
    return get_autocast_dtype("cuda")


def set_autocast_cpu_enabled(enabled):
    """``set_autocast_enabled("cpu", enabled)``.   torch: set_autocast_cpu_enabled"""
    old("set_autocast_cpu_enabled(enabled)", "set_autocast_enabled('cpu', enabled)")
    set_autocast_enabled("cpu", enabled)


def set_autocast_cpu_dtype(dtype):
    """``set_autocast_dtype("cpu", dtype)``.   torch: set_autocast_cpu_dtype"""
    old("set_autocast_cpu_dtype(dtype)", "set_autocast_dtype('cpu', dtype)")
    set_autocast_dtype("cpu", dtype)


def is_autocast_cache_enabled():
    """Whether casts of weights are kept until the outermost block ends.   torch: is_autocast_cache_enabled"""
    return CACHE[0]


def set_autocast_cache_enabled(enabled):
    """Keep casts of weights in blocks that begin from now on, or don't.   torch: set_autocast_cache_enabled"""
    CACHE[0] = bool(enabled)


def clear_autocast_cache():
    """Forget the casts of weights that the block keeps.   torch: clear_autocast_cache"""
    if MODE.casts is not None:
        MODE.casts.clear()


# ------------------------------------------------------------------------------------------------ for autograd.Function


def cast(value, dtype):
    """Floating-point tensors in nested lists and dicts, cast."""
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() and value.dtype.itemsize < 8 else value
    if isinstance(value, dict):
        return {key: cast(item, dtype) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(cast(item, dtype) for item in value)
    return value


def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
    """Decorates the ``forward`` of a Function: it remembers whether autocast was on, or casts and turns it off.

    torch: amp.custom_fwd
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(*args, **kwargs):
        args[0]._dtype = get_autocast_dtype(device_type)
        on = args[0]._fwd_used_autocast = is_autocast_enabled(device_type)
        if cast_inputs is None or not on:
            return fwd(*args, **kwargs)
        args[0]._fwd_used_autocast = False
        with autocast(device_type, enabled=False):
            return fwd(*cast(args, cast_inputs or float32), **cast(kwargs, cast_inputs))

    return forward


def custom_bwd(bwd=None, *, device_type):
    """Decorates the ``backward`` of a Function: autocast is on if it was in ``forward``.   torch: amp.custom_bwd"""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(*args, **kwargs):
        with autocast(device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return backward
