"""Which GPUs there are, and which one is used.   torch: torch/cuda/__init__.py"""

from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from typing import NamedTuple

from ..backends import ACCELERATORS, gpu_backend, gpu_count
from ..device import as_device
from ..errors import ONLY_CPU

__all__ = [
    "can_device_access_peer", "cudart", "current_device", "device", "device_count", "device_of", "driver",
    "get_arch_list", "get_device_capability", "get_device_name", "get_device_properties", "get_gencode_flags", "init",
    "ipc_collect", "is_available", "is_bf16_supported", "is_initialized", "is_tf32_supported", "number_of", "on_gpus",
    "set_device", "set_sync_debug_mode", "synchronize",
]  # fmt: skip


def driver():
    """What speaks with the GPU (backends/cupy_device.py). Raises AssertionError if there is none."""
    gpu_backend()
    return import_module("..backends.cupy_device", __package__)


def on_gpus(kind=AssertionError, text="Torch not compiled with CUDA enabled"):
    """Decorates a function for GPUs: without one it raises what PyTorch's build for the CPU raises."""

    def decorate(function):
        @wraps(function)
        def asked(*args, **kwargs):
            if not ACCELERATORS and not gpu_count():
                raise kind(text if kind is KeyError else f"{text}\n{ONLY_CPU}")
            return function(*args, **kwargs)

        return asked

    return decorate


def number_of(device):
    """The number of a GPU that is given as a number, a device or its name; None is the current one."""
    if device is not None and not isinstance(device, int):
        device = as_device(device).index
    return driver().chosen(device)


def is_available():
    """Whether there is a GPU, and CuPy to use it.   torch: cuda.is_available"""
    return gpu_count() > 0


def is_initialized():
    """Whether a GPU was used.   torch: cuda.is_initialized"""
    return bool(ACCELERATORS)


def device_count():
    """How many GPUs there are.   torch: cuda.device_count"""
    return gpu_count()


@on_gpus()
def init():
    """Load what it takes to use a GPU; its first tensor does that too.   torch: cuda.init"""
    gpu_backend()


@on_gpus()
def current_device():
    """The number of the GPU that is used.   torch: cuda.current_device"""
    return number_of(None)


@on_gpus(AttributeError, "module 'torch._C' has no attribute '_cuda_setDevice'")
def use(index):
    driver().use(index)


def set_device(device):
    """Use another GPU from now on; nothing for a negative number.   torch: cuda.set_device"""
    index = device if isinstance(device, int) else as_device(device).index
    if index is None or index >= 0:
        use(index)


@on_gpus()
def synchronize(device=None):
    """Wait until the GPU has done all that was begun.   torch: cuda.synchronize"""
    driver().synchronize(number_of(device))


@on_gpus()
def ipc_collect():
    """Nothing: memory isn't handed to other processes.   torch: cuda.ipc_collect"""


class DeviceProperties(NamedTuple):
    """What a GPU is.   torch: cuda.get_device_properties"""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    warp_size: int


@on_gpus()
def get_device_properties(device=None):
    """Its name, memory, number of multiprocessors and so on.   torch: cuda.get_device_properties"""
    found = driver().attributes(number_of(device))
    names = ("name", "major", "minor", "totalGlobalMem", "multiProcessorCount", "warpSize")
    return DeviceProperties(*[found[name] for name in names])


@on_gpus()
def get_device_name(device=None):
    """Its name.   torch: cuda.get_device_name"""
    return get_device_properties(device).name


@on_gpus()
def get_device_capability(device=None):
    """What it can do, as NVIDIA numbers it: (9, 0) for an H100.   torch: cuda.get_device_capability"""
    return get_device_properties(device)[1:3]


def is_bf16_supported(including_emulation=True):
    """Whether it multiplies in bfloat16.   torch: cuda.is_bf16_supported"""
    return is_available() and get_device_capability() >= (8, 0)


def is_tf32_supported():
    """Whether it multiplies in TF32.   torch: cuda.is_tf32_supported"""
    return is_available() and get_device_capability() >= (8, 0)


def get_arch_list():
    """The architectures of the GPUs that there are: kernels are compiled where they run.   torch: cuda.get_arch_list"""
    return sorted({"sm_{}{}".format(*get_device_capability(i)) for i in range(gpu_count())})


def get_gencode_flags():
    """No flags: nothing was compiled beforehand.   torch: cuda.get_gencode_flags"""
    return ""


@on_gpus()
def can_device_access_peer(device, peer_device):
    """No: each GPU is used by itself.   torch: cuda.can_device_access_peer"""
    return False


@on_gpus()
def cudart():
    """Raises NotImplementedError.   torch: cuda.cudart"""
    raise NotImplementedError("CUDA's own functions aren't handed out\nCuPy has them: cupy.cuda.runtime")


@on_gpus()
def set_sync_debug_mode(debug_mode):
    """Raises NotImplementedError.   torch: cuda.set_sync_debug_mode"""
    raise NotImplementedError("nobody is told of waiting for a GPU")


class device:
    """A block in which a GPU is the one that is used.   torch: cuda.device"""

    def __init__(self, device):
        self.index, self.block = device, None

    @on_gpus(RuntimeError, "PyTorch was compiled without CUDA support")
    def __enter__(self):
        self.block = driver().device_block(number_of(self.index))
        self.block.__enter__()

    def __exit__(self, *exception):
        if self.block is not None:
            self.block.__exit__(*exception)


@contextmanager
def device_of(tensor):
    """A block in which the GPU of a tensor is used; for one of the CPU's, nothing.   torch: cuda.device_of"""
    if not tensor.is_cuda:
        yield
        return
    with device(tensor.device):
        yield
