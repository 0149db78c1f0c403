"""What a backend is: a module with the array functions that the forwards of the table call as ``xp.…``.

Most are the array library's own; a few kernels (``erf``, ``scatter_add``, ``conv``, …) are written beside them. Besides,
each backend knows how its arrays tell their dtype and device. Here a backend is found by the type of an array.
"""

from importlib import import_module

from ..absent import absence
from . import numpy as numpy_backend

__all__ = ["ARRAY_TYPES", "backend_of", "for_device"]

SWITCHES = ("cuda", "cudnn", "cusparselt", "mkl", "mkldnn", "mps", "nnpack", "openmp", "opt_einsum")
"""PyTorch's names for what computes there: files of switches, loaded when first asked for."""


def __getattr__(name):
    if name in SWITCHES:
        return import_module(f".{name}", __name__)
    raise absence(__name__, name)


ARRAY_TYPES = {numpy_backend.ndarray: numpy_backend}
"""The array types that a Tensor can hold, and the backend of each."""


def for_device(device):
    """The backend whose arrays live on ``device``."""
    if device.type == "cpu":
        return numpy_backend
    if device.type == "cuda":
        raise AssertionError("Torch not compiled with CUDA enabled\nthis installation computes on the CPU only")
    if device.type == "meta":
        raise NotImplementedError("tensors without memory aren't here\nleave out device='meta'")
    raise RuntimeError(
        f"PyTorch is not linked with support for {device.type} devices\nthis installation computes on the CPU only"
    )


def backend_of(arrays):
    """The backend of the first array among ``arrays`` (numbers may stand beside them)."""
    for a in arrays:
        found = ARRAY_TYPES.get(type(a))
        if found is not None:
            return found
    return numpy_backend
