"""The memory that a tensor and its views share, as an object: bytes, or elements of one dtype.

torch: torch/storage.py
"""

from . import dtypes
from .absent import absent
from .backends import backend_of, for_device, memory
from .device import CPU, as_device

__all__ = [
    "BFloat16Storage", "BoolStorage", "ByteStorage", "CharStorage", "ComplexDoubleStorage", "ComplexFloatStorage",
    "DoubleStorage", "FloatStorage", "HalfStorage", "IntStorage", "LongStorage", "STORAGE_TYPES", "ShortStorage",
    "TypedStorage", "UntypedStorage", "is_storage", "storage", "storage_of_dtype", "untyped_storage",
]  # fmt: skip

__getattr__ = absent(__name__)


class UntypedStorage:
    """A tensor's whole memory as bytes: ``x.untyped_storage()``.   torch: UntypedStorage

    >>> x = torch.zeros(2, 3)
    >>> x.untyped_storage().nbytes(), x[1].untyped_storage().data_ptr() == x.data_ptr()
    (24, True)
    """

    __slots__ = ("__weakref__", "owner", "raw", "version")
    is_sparse = False

    def __init__(self, size=0, *, owner=None, device=CPU):
        room = for_device(as_device(device)).empty((size,), dtypes.uint8) if owner is None else None
        self.raw = room if owner is None else backend_of((owner,)).bytes_of(owner)
        self.owner = self.raw if owner is None else owner
        self.version = None  # what counts the writes to it, once a tensor is made of it

    @staticmethod
    def from_file(filename, shared=False, nbytes=0):
        """A file as memory, its first ``nbytes``. With ``shared`` what is written goes to the file, which is made as long
        as that.   torch: UntypedStorage.from_file"""
        return UntypedStorage(owner=memory.of_mapping(memory.mapped(filename, shared, nbytes), 0, nbytes))

    device = property(lambda self: backend_of((self.raw,)).device_of(self.raw))
    is_cuda = property(lambda self: self.device.type == "cuda")

    def nbytes(self):
        """How many bytes there are."""
        return self.raw.size

    def size(self):
        """How many bytes there are."""
        return self.raw.size

    def element_size(self):
        """1."""
        return 1

    def data_ptr(self):
        """The address of the first byte."""
        return backend_of((self.raw,)).address(self.owner)

    def tolist(self):
        """The bytes, as integers."""
        return self.raw.tolist()

    def clone(self):
        """A copy of the memory."""
        made = UntypedStorage(self.raw.size, device=self.device)
        made.raw[:] = self.raw
        return made

    def cpu(self):
        """In the CPU's memory: itself, or a copy there."""
        return UntypedStorage(owner=backend_of((self.raw,)).to_cpu(self.raw)) if self.is_cuda else self

    def cuda(self, device=None, non_blocking=False):
        """In a GPU's memory: itself, or a copy there."""
        xp = for_device(as_device("cuda" if device is None else device))
        return self if self.is_cuda else UntypedStorage(owner=xp.from_cpu(self.raw))

    def untyped(self):
        """Itself."""
        return self

    def is_shared(self):
        """Whether forked processes share it."""
        return self.is_cuda or memory.is_shared(self.owner)

    def is_pinned(self, device="cuda"):
        """Whether a GPU may copy from it by itself: no."""
        return False

    def __len__(self):
        return self.raw.size

    def __getitem__(self, index):
        found = self.raw[index]
        return found.tolist()

    def __setitem__(self, index, value):
        self.raw[index] = value

    def __eq__(self, other):
        return isinstance(other, UntypedStorage) and self.data_ptr() == other.data_ptr() and len(self) == len(other)

    __hash__ = object.__hash__

    def __repr__(self):
        lines = "".join(f" {byte}\n" for byte in self.raw.tolist())
        return f"{lines}[torch.storage.UntypedStorage(device={self.device}) of size {len(self)}]"


class TypedStorage:
    """A tensor's whole memory as elements: ``x.storage()``. PyTorch calls it deprecated.   torch: TypedStorage

    >>> torch.arange(4).reshape(2, 2)[1].storage().tolist()
    [0, 1, 2, 3]
    """

    __slots__ = ("_dtype", "_untyped_storage")
    element_type: dtypes.dtype | None = None  # in the subclasses

    def __init__(self, size=0, *, wrap_storage=None, dtype=None, device=None):
        self._dtype = dtype or self.element_type or dtypes.get_default_dtype()
        data = None if isinstance(size, int) else list(size)
        count = size if data is None else len(data)
        if wrap_storage is None:
            wrap_storage = UntypedStorage(count * self._dtype.itemsize, device=CPU if device is None else device)
        self._untyped_storage = wrap_storage
        if data is not None:
            self.elements()[:] = data

    def elements(self):
        """The memory as an array."""
        raw = self._untyped_storage.raw
        xp = backend_of((raw,))
        dtype = xp.array_dtype(self._dtype)
        return xp.laid_over(raw, dtype, (raw.size // dtype.itemsize,), (1,), 0)

    dtype = property(lambda self: self._dtype)
    device = property(lambda self: self._untyped_storage.device)
    is_cuda = property(lambda self: self._untyped_storage.is_cuda)
    is_sparse = False

    def untyped(self):
        """The same memory as bytes."""
        return self._untyped_storage

    def nbytes(self):
        """How many bytes there are."""
        return self._untyped_storage.nbytes()

    def size(self):
        """How many elements there are."""
        return self.nbytes() // self._dtype.itemsize

    def element_size(self):
        """The bytes of one element."""
        return self._dtype.itemsize

    def data_ptr(self):
        """The address of the first element."""
        return self._untyped_storage.data_ptr()

    def tolist(self):
        """The elements, as Python numbers."""
        return self.elements().tolist()

    def pickle_storage_type(self):
        """The name of its class, such as "FloatStorage"."""
        return storage_of_dtype(self._dtype).__name__

    def __len__(self):
        return self.size()

    def __getitem__(self, index):
        return self.elements()[index].tolist()

    def __setitem__(self, index, value):
        self.elements()[index] = value

    def __repr__(self):
        lines = "".join(f" {x}\n" for x in self.tolist())
        return f"{lines}[torch.storage.TypedStorage(dtype={self._dtype}, device={self.device}) of size {len(self)}]"


class DoubleStorage(TypedStorage):
    """Memory of float64."""

    element_type = dtypes.float64


class FloatStorage(TypedStorage):
    """Memory of float32."""

    element_type = dtypes.float32


class HalfStorage(TypedStorage):
    """Memory of float16."""

    element_type = dtypes.float16


class BFloat16Storage(TypedStorage):
    """Memory of bfloat16."""

    element_type = dtypes.bfloat16


class LongStorage(TypedStorage):
    """Memory of int64."""

    element_type = dtypes.int64


class IntStorage(TypedStorage):
    """Memory of int32."""

    element_type = dtypes.int32


class ShortStorage(TypedStorage):
    """Memory of int16."""

    element_type = dtypes.int16


class CharStorage(TypedStorage):
    """Memory of int8."""

    element_type = dtypes.int8


class ByteStorage(TypedStorage):
    """Memory of uint8."""

    element_type = dtypes.uint8


class BoolStorage(TypedStorage):
    """Memory of bool."""

    element_type = dtypes.bool


class ComplexFloatStorage(TypedStorage):
    """Memory of complex64."""

    element_type = dtypes.complex64


class ComplexDoubleStorage(TypedStorage):
    """Memory of complex128."""

    element_type = dtypes.complex128


STORAGE_TYPES = {
    kind.__name__: kind
    for kind in (
        BFloat16Storage, BoolStorage, ByteStorage, CharStorage, ComplexDoubleStorage, ComplexFloatStorage, DoubleStorage,
        FloatStorage, HalfStorage, IntStorage, LongStorage, ShortStorage,
    )
}  # fmt: skip
"""By their names, under which files know them."""


def storage_of_dtype(dtype):
    """The class of the storages whose elements are of ``dtype``."""
    return next(kind for kind in STORAGE_TYPES.values() if kind.element_type is dtype)


def is_storage(obj):
    """Whether ``obj`` is a storage.   torch: is_storage"""
    return isinstance(obj, (UntypedStorage, TypedStorage))


def untyped_storage(input):
    """The memory that the tensor and its views share, as bytes.   torch: Tensor.untyped_storage"""
    array = input._array
    input._storage.open()
    return UntypedStorage(owner=backend_of((array,)).owner(array))


def storage(input):
    """The memory that the tensor and its views share, as elements.   torch: Tensor.storage"""
    return TypedStorage(wrap_storage=untyped_storage(input), dtype=input.dtype)
