"""The functions that files of tensors call to make them again, and the names that files know them by.

torch: torch/_utils.py, torch/_tensor.py
"""

import collections

from .. import dtypes
from ..backends import backend_of
from ..device import device as device_type
from ..engine import Tensor, of_class, wrap
from ..layout import jagged, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from ..nn.parameter import Buffer, Parameter
from ..size import Size
from ..storage import STORAGE_TYPES, TypedStorage, UntypedStorage

__all__ = [
    "MAKING", "OURS", "REBUILDING", "layout_of_name", "rebuild_from_type_v2", "rebuild_parameter",
    "rebuild_parameter_with_state", "rebuild_tensor", "rebuild_tensor_v2", "rebuild_tensor_v3",
]  # fmt: skip


def laid_over(storage, dtype, offset, size, stride):
    """The tensor of ``size`` in a storage. All tensors in one storage share one count of writes."""
    if len(size) != len(stride):
        raise RuntimeError(f"mismatch in length of strides and shape\nstrides {stride}, shape {size}")
    if any(s < 0 for s in stride):
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}")
    try:
        xp = backend_of((storage.raw,))
        array = xp.laid_over(storage.raw, xp.array_dtype(dtype), size, stride, offset)
    except (OverflowError, TypeError, ValueError):
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
    return rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, storage.dtype, metadata)


def rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None):
    """A tensor in a storage of bytes."""
    place = (storage.untyped(), dtype, storage_offset, size, stride)
    tensor = laid_over(*place)
    if metadata and (metadata.get("conj") or metadata.get("neg")):
        tensor = read_as(metadata, *place)
    return tensor.requires_grad_(bool(requires_grad))


def read_as(metadata, storage, dtype, offset, size, stride):
    """A tensor whose memory holds the conjugate or the negative: PyTorch computes when it is used, here it is done at once.

    It is of a copy of the whole memory, as a view may be larger than that. Where the memory itself isn't read yet, the
    copy is filled when it is (``storage.afterwards``).
    """
    whole = laid_over(storage, dtype, 0, (storage.nbytes() // dtype.itemsize,), (1,))
    copy = whole.clone()

    def fill():
        values = whole.conj() if metadata.get("conj") else whole
        copy.copy_(-values if metadata.get("neg") else values)

    getattr(storage, "afterwards", []).append(fill)
    fill()
    return copy.as_strided(size, stride, offset)


def rebuild_parameter(data, requires_grad, backward_hooks):
    """A Parameter on a tensor."""
    return rebuild_parameter_with_state(data, requires_grad, backward_hooks, {})


def rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    """A Parameter on a tensor, with attributes."""
    if not isinstance(data, Tensor):
        raise TypeError(f"a Parameter is made of a tensor, not of {type(data)}")
    made = Parameter(data, bool(requires_grad))
    made.__dict__.update(attributes(state))
    return made


def rebuild_from_type_v2(function, new_type, arguments, state):
    """A tensor with attributes, or of a class of its own."""
    if function not in MAKING or not (isinstance(new_type, type) and issubclass(new_type, Tensor)):
        raise TypeError(f"no tensor is made by {function} as {new_type}")
    made, state = function(*arguments), attributes(state)
    if state.pop("_is_buffer", False):
        made = Buffer(made, persistent=state.get("persistent", True))
    elif new_type is not Tensor:
        made = of_class(new_type, made).requires_grad_(made.requires_grad)
    made.__dict__.update(state)
    return made


def attributes(state):
    """A tensor's attributes, of what PyTorch saves for them: a dict, or one and that of the slots."""
    named = state[0] if isinstance(state, tuple) else state
    return {str(name): value for name, value in named.items() if name != "_retained"}  # that one is the engine's


def layout_of_name(name):
    """A layout, such as "torch.strided"."""
    return LAYOUTS[name]


MAKING = (rebuild_tensor, rebuild_tensor_v2, rebuild_tensor_v3)
REBUILDING = (*MAKING, rebuild_from_type_v2, rebuild_parameter, rebuild_parameter_with_state)
LAYOUTS = {repr(item): item for item in (jagged, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided)}

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
    ("torch.serialization", "_get_layout"): layout_of_name,
    ("torch.storage", "TypedStorage"): TypedStorage,
    ("torch.storage", "UntypedStorage"): UntypedStorage,
    **{("torch", name): kind for name, kind in STORAGE_TYPES.items()},
    **{("torch", d.name): d for d in dtypes.DTYPES},
}
"""What the names in PyTorch's files stand for here."""
