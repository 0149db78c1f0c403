"""The functions that files of tensors call to make them again, and the names that files know them by.

torch: torch/_utils.py, torch/_tensor.py
"""

import collections

from .. import dtypes
from ..backends import for_device, memory
from ..device import CPU
from ..device import device as device_type
from ..engine import Tensor, of_class, wrap
from ..nn.parameter import Buffer, Parameter
from ..size import Size
from ..storage import STORAGE_TYPES, TypedStorage, UntypedStorage

__all__ = [
    "NAMES", "OURS", "rebuild_from_type_v2", "rebuild_parameter", "rebuild_parameter_with_state", "rebuild_tensor",
    "rebuild_tensor_v2", "rebuild_tensor_v3",
]  # fmt: skip


def laid_over(storage, dtype, offset, size, stride):
    """The tensor of ``size`` in a storage. All tensors in one storage share one count of writes."""
    try:
        array = memory.laid_over(storage.raw, for_device(CPU).array_dtype(dtype), size, stride, offset)
    except (TypeError, ValueError):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {dtype.itemsize} requiring "
            f"a storage size of more are out of bounds for storage of size {storage.nbytes()}"
        ) from None
    if storage.version is None:
        storage.version = wrap(array)._storage
    return wrap(array, storage.version)


def rebuild_tensor(storage, storage_offset, size, stride):
    """A tensor in a storage."""
    return laid_over(storage.untyped(), storage.dtype, storage_offset, size, stride)


def rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None):
    """A tensor in a storage, that wants its gradient or not; ``metadata`` says whether the memory holds the conjugate."""
    return finished(rebuild_tensor(storage, storage_offset, size, stride), requires_grad, metadata)


def rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None):
    """A tensor in a storage of bytes."""
    return finished(laid_over(storage.untyped(), dtype, storage_offset, size, stride), requires_grad, metadata)


def finished(tensor, requires_grad, metadata):
    metadata = metadata or {}
    tensor = tensor.conj() if metadata.get("conj") else tensor
    tensor = -tensor if metadata.get("neg") else tensor
    return tensor.requires_grad_(requires_grad)


def rebuild_parameter(data, requires_grad, backward_hooks):
    """A Parameter on a tensor."""
    return Parameter(data, requires_grad)


def rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    """A Parameter on a tensor, with attributes."""
    made = Parameter(data, requires_grad)
    made.__dict__.update(state)
    return made


def rebuild_from_type_v2(function, new_type, arguments, state):
    """A tensor with attributes, or of a class of its own."""
    made = function(*arguments)
    if state.pop("_is_buffer", False):
        made = Buffer(made, persistent=state.get("persistent", True))
    elif new_type is not Tensor:
        made = of_class(new_type, made).requires_grad_(made.requires_grad)
    made.__dict__.update(state)
    return made


OURS = {
    ("collections", "Counter"): collections.Counter,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch", "Size"): Size,
    ("torch", "Tensor"): Tensor,
    ("torch", "device"): device_type,
    ("torch._tensor", "_rebuild_from_type_v2"): rebuild_from_type_v2,
    ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): rebuild_parameter_with_state,
    ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor_v2,
    ("torch._utils", "_rebuild_tensor_v3"): rebuild_tensor_v3,
    ("torch.nn.parameter", "Buffer"): Buffer,
    ("torch.nn.parameter", "Parameter"): Parameter,
    ("torch.storage", "TypedStorage"): TypedStorage,
    ("torch.storage", "UntypedStorage"): UntypedStorage,
    **{("torch", name): kind for name, kind in STORAGE_TYPES.items()},
    **{("torch", d.name): d for d in dtypes.DTYPES},
}
"""What the names in PyTorch's files stand for here."""

NAMES = {ours: name for name, ours in OURS.items() if ours.__class__ is not dtypes.dtype}
"""And the names that our own are written under."""
