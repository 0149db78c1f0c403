"""What a backend is: a module with the array functions that the forwards of the table call as ``xp.…``.

Most are the array library's own; a few kernels (``erf``, ``scatter_add``, ``conv``, …) are written beside them. Besides,
each backend knows how its arrays tell their dtype and device. Here a backend is found by the type of an array.
"""

import os
from importlib import import_module

from ..absent import absence
from . import numpy as numpy_backend
from .mt19937 import DEFAULT_SEED

__all__ = ["ACCELERATORS", "ARRAY_TYPES", "backend_of", "for_device", "gpu_backend", "gpu_count"]

SWITCHES = ("cuda", "cudnn", "cusparselt", "mkl", "mkldnn", "mps", "nnpack", "openmp", "opt_einsum")
"""PyTorch's names for what computes there: files of switches, loaded when first asked for."""


def __getattr__(name):
    if name in SWITCHES:
        return import_module(f".{name}", __name__)
    raise absence(__name__, name)


ARRAY_TYPES = {numpy_backend.ndarray: numpy_backend}
"""The array types that a Tensor can hold, and the backend of each."""

ACCELERATORS: list = []
"""The backends besides NumPy that were loaded: while there is none, nobody needs to ask where an array lives."""


def for_device(device):
    """The backend whose arrays live on ``device``."""
    if device.type == "cpu":
        return numpy_backend
    if device.type == "cuda":
        return gpu_backend(device.index)
    if device.type == "meta":
        raise NotImplementedError("tensors without memory aren't here\nleave out device='meta'")
    raise RuntimeError(
        f"PyTorch is not linked with support for {device.type} devices\nthis installation computes on the CPU only"
    )


def gpu_count():
    """How many GPUs there are that CuPy can use; none without CuPy."""
    try:
        import cupy
    except ImportError:
        return 0
    return cupy.cuda.runtime.getDeviceCount() if cupy.cuda.is_available() else 0


def gpu_backend(index=None):
    """The backend of the current GPU, loaded at its first use; ``index`` must be that one's, if it is given.

    Raises AssertionError where there is no GPU, or no CuPy; RuntimeError for a GPU that isn't there.
    """
    if not ACCELERATORS:
        if not gpu_count():
            raise AssertionError(
                "Torch not compiled with CUDA enabled\nthis installation computes on the CPU only: for a GPU, install CuPy (docs/gpu.md)"
            )
        loaded = import_module(".cupy", __package__)
        ARRAY_TYPES[loaded.ndarray] = loaded
        ACCELERATORS.append(loaded)
        loaded.quiet()
        seeded = numpy_backend.default_stream.initial_seed  # ``torch.manual_seed`` was for both; nobody's seed is known
        loaded.default_stream.manual_seed(seeded if seeded != DEFAULT_SEED else int.from_bytes(os.urandom(8), "little"))
    loaded = ACCELERATORS[0]
    if index is not None and index != loaded.current_device():
        if index >= gpu_count():
            raise RuntimeError(f"CUDA error: invalid device ordinal\nthere are {gpu_count()} GPUs, counted from 0")
        raise NotImplementedError(f"cuda:{index} isn't the current GPU\nmake it so first: with torch.cuda.device({index}): ...")
    return loaded


def backend_of(arrays):
    """The backend of the first array among ``arrays`` (numbers may stand beside them)."""
    for a in arrays:
        found = ARRAY_TYPES.get(type(a))
        if found is not None:
            return found
    return numpy_backend
