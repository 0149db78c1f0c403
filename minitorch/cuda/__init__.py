"""NVIDIA's GPUs, by CuPy where there are any. A program that asks without one is told so, or gets PyTorch's exception: all
answers are then those of PyTorch's build for the CPU.

devices      which GPUs there are, and which is used          streams      queues of work, and marks in them
counting     their memory                                     generators   their random numbers
graphs       work that is done again and again

torch: torch/cuda
"""

import sys

from .. import dtypes
from ..absent import absent
from ..errors import OutOfMemoryError
from ..paths import path
from ..tensortypes import tensortype
from . import amp, nvtx
from .counting import (
    empty_cache,
    max_memory_allocated,
    max_memory_cached,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_cached,
    memory_reserved,
    memory_snapshot,
    memory_stats,
    memory_summary,
    reset_accumulated_memory_stats,
    reset_max_memory_allocated,
    reset_max_memory_cached,
    reset_peak_memory_stats,
    set_per_process_memory_fraction,
)  # fmt: skip
from .devices import (
    can_device_access_peer,
    cudart,
    current_device,
    device,
    device_count,
    device_of,
    get_arch_list,
    get_device_capability,
    get_device_name,
    get_device_properties,
    get_gencode_flags,
    init,
    ipc_collect,
    is_available,
    is_bf16_supported,
    is_initialized,
    is_tf32_supported,
    set_device,
    set_sync_debug_mode,
    synchronize,
)  # fmt: skip
from .generators import (
    DefaultGenerators,
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)  # fmt: skip
from .graphs import CUDAGraph, graph, graph_pool_handle
from .streams import (
    Event,
    Stream,
    StreamContext,
    current_stream,
    default_stream,
    is_current_stream_capturing,
    set_stream,
    stream,
)  # fmt: skip

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CUDAGraph", "CharTensor", "DoubleTensor", "Event", "FloatTensor",
    "HalfTensor", "IntTensor", "LongTensor", "OutOfMemoryError", "ShortTensor", "Stream", "StreamContext", "amp",
    "can_device_access_peer", "cudart", "current_device", "current_stream", "default_generators", "default_stream",
    "device", "device_count", "device_of", "empty_cache", "get_arch_list", "get_device_capability", "get_device_name",
    "get_device_properties", "get_gencode_flags", "get_rng_state", "get_rng_state_all", "graph", "graph_pool_handle", "has_half", "init",
    "initial_seed", "ipc_collect", "is_available", "is_bf16_supported", "is_current_stream_capturing",
    "is_initialized", "is_tf32_supported", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "max_memory_cached", "max_memory_reserved", "mem_get_info", "memory_allocated", "memory_cached", "memory_reserved",
    "memory_snapshot", "memory_stats", "memory_summary", "nvtx", "reset_accumulated_memory_stats",
    "reset_max_memory_allocated", "reset_max_memory_cached", "reset_peak_memory_stats", "seed", "seed_all",
    "set_device", "set_per_process_memory_fraction", "set_rng_state", "set_rng_state_all", "set_stream",
    "set_sync_debug_mode", "stream", "synchronize",
]  # fmt: skip

__getattr__ = absent(__name__)

has_half, default_generators = True, DefaultGenerators()
memory, random = [path(f"{__name__}.{file}", sys.modules[__name__]) for file in ("memory", "random")]


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
