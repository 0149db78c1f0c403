"""PyTorch's oldest types: ``torch.FloatTensor([1, 2])``, ``isinstance(x, torch.LongTensor)``, ``x.type(torch.ByteTensor)``.

Each stands for the tensors of one dtype, and isn't a class of tensors: all tensors are of class Tensor.

torch: torch/csrc/tensor/python_tensor.cpp
"""

import warnings

from . import dtypes
from .backends import gpu_count
from .creation import empty
from .device import CPU, set_default_device
from .dtypes import set_default_dtype
from .engine import Tensor
from .layout import strided
from .ops.conversion import LEGACY

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor",
    "IntTensor", "LongTensor", "ShortTensor", "set_default_tensor_type", "tensortype", "typename",
]  # fmt: skip


class tensortype(type):
    """The type of these types.

    >>> isinstance(torch.ones(1), torch.FloatTensor), torch.LongTensor([3])
    (True, tensor([3]))
    """

    layout, is_sparse = strided, False

    def __new__(cls, name, dtype, module="torch"):
        made = super().__new__(cls, name, (), {"__module__": module, "__slots__": ()})
        made.element_type = made.dtype = dtype
        made.is_cuda = module != "torch"
        return made

    def __init__(cls, name, dtype, module="torch"):
        super().__init__(name, (), {})

    def __call__(cls, *args, device=None):
        if cls.is_cuda and not gpu_count():
            raise TypeError(
                f"type {cls.__module__}.{cls.__name__} not available. Torch not compiled with CUDA enabled.\n"
                "this installation computes on the CPU only"
            )
        return empty(0, dtype=cls.element_type, device="cuda" if cls.is_cuda else CPU).new(*args, device=device)

    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor) and instance.dtype is cls.element_type and instance.is_cuda is cls.is_cuda


FloatTensor = tensortype("FloatTensor", dtypes.float32)
DoubleTensor = tensortype("DoubleTensor", dtypes.float64)
HalfTensor = tensortype("HalfTensor", dtypes.float16)
BFloat16Tensor = tensortype("BFloat16Tensor", dtypes.bfloat16)
LongTensor = tensortype("LongTensor", dtypes.int64)
IntTensor = tensortype("IntTensor", dtypes.int32)
ShortTensor = tensortype("ShortTensor", dtypes.int16)
CharTensor = tensortype("CharTensor", dtypes.int8)
ByteTensor = tensortype("ByteTensor", dtypes.uint8)
BoolTensor = tensortype("BoolTensor", dtypes.bool)


def set_default_tensor_type(t):
    """Make tensors of Python floats be of the type ``t``, or of the type of that name.   torch: set_default_tensor_type

    Raises TypeError for types that aren't of floating-point numbers. PyTorch calls it deprecated.
    """
    warnings.warn(
        "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use torch.set_default_dtype() and "
        "torch.set_default_device() as alternatives. ",
        UserWarning,
        stacklevel=2,
    )
    name = t if isinstance(t, str) else f"{t.__module__}.{t.__name__}"
    if name.startswith("torch.cuda."):
        raise TypeError(f"type {name} not available. Torch not compiled with CUDA enabled.")
    if name.removeprefix("torch.") not in LEGACY:
        raise TypeError(f"invalid type object: only floating-point types are supported as the default type\ngot {name}")
    set_default_dtype(LEGACY[name.removeprefix("torch.")])
    set_default_device(None)


def typename(obj):
    """The name of an object's type, as error messages write it: 'torch.FloatTensor' for tensors of float32.

    torch: typename

    >>> torch.typename(torch.tensor(1.0)), torch.typename("abc")
    ('torch.FloatTensor', 'str')
    """
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) else type(obj)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"
