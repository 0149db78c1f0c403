"""NVIDIA's GPUs: none here. A program that asks is told so, and one that doesn't ask gets PyTorch's exception.

All answers are those of PyTorch's build for the CPU.   torch: torch/cuda
"""

import sys
import warnings
from collections import OrderedDict
from contextlib import contextmanager

from .. import dtypes
from ..absent import absent
from ..device import as_device
from ..errors import OutOfMemoryError
from ..making import lacking
from ..paths import path
from ..tensortypes import tensortype
from . import amp, nvtx

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CUDAGraph", "CharTensor", "DoubleTensor", "Event", "FloatTensor",
    "HalfTensor", "IntTensor", "LongTensor", "OutOfMemoryError", "ShortTensor", "Stream", "StreamContext", "amp",
    "can_device_access_peer", "cudart", "current_device", "current_stream", "default_generators", "default_stream",
    "device", "device_count", "device_of", "empty_cache", "get_arch_list", "get_device_capability", "get_device_name",
    "get_device_properties", "get_gencode_flags", "get_rng_state", "get_rng_state_all", "has_half", "init",
    "initial_seed", "ipc_collect", "is_available", "is_bf16_supported", "is_current_stream_capturing",
    "is_initialized", "is_tf32_supported", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "max_memory_cached", "max_memory_reserved", "mem_get_info", "memory_allocated", "memory_cached", "memory_reserved",
    "memory_snapshot", "memory_stats", "memory_summary", "nvtx", "reset_accumulated_memory_stats",
    "reset_max_memory_allocated", "reset_max_memory_cached", "reset_peak_memory_stats", "seed", "seed_all",
    "set_device", "set_per_process_memory_fraction", "set_rng_state", "set_rng_state_all", "set_stream",
    "set_sync_debug_mode", "stream", "synchronize",
]  # fmt: skip

__getattr__ = absent(__name__)

has_half, default_generators = True, ()
memory, random = [path(f"{__name__}.{file}", sys.modules[__name__]) for file in ("memory", "random")]


def is_available():
    """No."""
    return False


def is_initialized():
    """No."""
    return False


def is_bf16_supported(including_emulation=True):
    """No."""
    return False


def is_tf32_supported():
    """No."""
    return False


def device_count():
    """0."""
    return 0


def get_arch_list():
    """No GPU's architecture is compiled for."""
    return []


def get_gencode_flags():
    """None was compiled with."""
    return ""


# ------------------------------------------------------------------------------------------------------- what is harmless


def manual_seed(seed):
    """Nothing: the CPU's generator is ``torch.manual_seed``'s."""


def manual_seed_all(seed):
    """Nothing."""


def seed():
    """Nothing."""


def seed_all():
    """Nothing."""


def set_rng_state(new_state, device="cuda"):
    """Nothing."""


def set_rng_state_all(new_states):
    """Nothing."""


def get_rng_state_all():
    """The states of no generators."""
    return []


def empty_cache():
    """Nothing."""


def set_stream(stream):
    """Nothing."""


def memory_allocated(device=None):
    """0 bytes."""
    return 0


def max_memory_allocated(device=None):
    """0 bytes."""
    return 0


def memory_reserved(device=None):
    """0 bytes."""
    return 0


def max_memory_reserved(device=None):
    """0 bytes."""
    return 0


def memory_cached(device=None):
    """``memory_reserved`` by its old name."""
    renamed("memory_cached", "memory_reserved")
    return 0


def max_memory_cached(device=None):
    """``max_memory_reserved`` by its old name."""
    renamed("max_memory_cached", "max_memory_reserved")
    return 0


def renamed(old, new):
    warnings.warn(f"`torch.cuda.{old}` has been renamed to `torch.cuda.{new}`", FutureWarning, stacklevel=3)


def memory_stats(device=None):
    """Nothing to count."""
    return OrderedDict()


class StreamContext:
    """A block whose work goes to a stream: to none, here."""

    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


def stream(stream):
    """A block, and nothing more."""
    return StreamContext(stream)


# -------------------------------------------------------------------------------------------------------- what isn't there

ONLY_CPU = "this installation computes on the CPU only: ask torch.cuda.is_available() first"


def on_gpus(name, kind=AssertionError, text="Torch not compiled with CUDA enabled"):
    """The function ``name``, which raises what PyTorch's build for the CPU raises."""
    return lacking(f"cuda.{name}", kind, text if kind is KeyError else f"{text}\n{ONLY_CPU}")


def unknown(name, inner):
    """The same, where PyTorch's build for the CPU lacks an inner function."""
    return on_gpus(name, AttributeError, f"module 'torch._C' has no attribute '{inner}'")


init, synchronize, current_device, ipc_collect = map(on_gpus, ("init", "synchronize", "current_device", "ipc_collect"))
get_device_name, get_device_capability = on_gpus("get_device_name"), on_gpus("get_device_capability")
get_device_properties, can_device_access_peer = on_gpus("get_device_properties"), on_gpus("can_device_access_peer")
current_stream, default_stream, cudart = on_gpus("current_stream"), on_gpus("default_stream"), on_gpus("cudart")
get_rng_state, initial_seed, mem_get_info = on_gpus("get_rng_state"), on_gpus("initial_seed"), on_gpus("mem_get_info")
set_per_process_memory_fraction = on_gpus("set_per_process_memory_fraction")
set_sync_debug_mode = on_gpus("set_sync_debug_mode")
memory_summary = on_gpus("memory_summary", KeyError, "allocated_bytes.all.current")
memory_snapshot = unknown("memory_snapshot", "_cuda_memorySnapshot")
reset_peak_memory_stats = unknown("reset_peak_memory_stats", "_cuda_resetPeakMemoryStats")
reset_accumulated_memory_stats = unknown("reset_accumulated_memory_stats", "_cuda_resetAccumulatedMemoryStats")
is_current_stream_capturing = on_gpus(
    "is_current_stream_capturing", RuntimeError, "Tried to instantiate dummy base class _cuda_isCurrentStreamCapturing"
)
chosen = unknown("set_device", "_cuda_setDevice")


def set_device(device):
    """Nothing for a negative index; raises AttributeError for another.   torch: cuda.set_device"""
    index = device if isinstance(device, int) else as_device(device).index
    if index is None or index >= 0:
        chosen()


def reset_max_memory_allocated(device=None):
    """Raises AttributeError.   torch: cuda.reset_max_memory_allocated"""
    resetting("reset_max_memory_allocated")


def reset_max_memory_cached(device=None):
    """Raises AttributeError.   torch: cuda.reset_max_memory_cached"""
    resetting("reset_max_memory_cached")


def resetting(name):
    warnings.warn(
        f"torch.cuda.{name} now calls torch.cuda.reset_peak_memory_stats, which resets /all/ peak memory stats.",
        FutureWarning,
        stacklevel=3,
    )
    reset_peak_memory_stats()


class Dummy:
    """Something on a GPU, which can't be made."""

    text = "Tried to instantiate dummy base class {}"

    def __new__(cls, *args, **kwargs):
        raise RuntimeError(f"{cls.text.format(cls.__name__)}\n{ONLY_CPU}")


class Event(Dummy):
    """A mark in a stream: raises RuntimeError.   torch: cuda.Event"""


class Stream(Dummy):
    """A queue of a GPU's work: raises RuntimeError.   torch: cuda.Stream"""

    text = "torch.cuda.{} requires CUDA support"


class CUDAGraph(Dummy):
    """Work recorded for replay: raises RuntimeError.   torch: cuda.CUDAGraph"""


class device:
    """A block on one of the GPUs: can't be entered.   torch: cuda.device"""

    def __init__(self, device):
        self.index = device

    def __enter__(self):
        raise RuntimeError(f"PyTorch was compiled without CUDA support\n{ONLY_CPU}")

    def __exit__(self, *exception):
        return None


@contextmanager
def device_of(tensor):
    """A block on the GPU of a tensor: for one of the CPU's, nothing.   torch: cuda.device_of"""
    yield


FloatTensor = tensortype("FloatTensor", dtypes.float32, "torch.cuda")
DoubleTensor = tensortype("DoubleTensor", dtypes.float64, "torch.cuda")
HalfTensor = tensortype("HalfTensor", dtypes.float16, "torch.cuda")
BFloat16Tensor = tensortype("BFloat16Tensor", dtypes.bfloat16, "torch.cuda")
LongTensor = tensortype("LongTensor", dtypes.int64, "torch.cuda")
IntTensor = tensortype("IntTensor", dtypes.int32, "torch.cuda")
ShortTensor = tensortype("ShortTensor", dtypes.int16, "torch.cuda")
CharTensor = tensortype("CharTensor", dtypes.int8, "torch.cuda")
ByteTensor = tensortype("ByteTensor", dtypes.uint8, "torch.cuda")
BoolTensor = tensortype("BoolTensor", dtypes.bool, "torch.cuda")
