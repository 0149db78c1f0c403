"""What a tensor is: its shape, its type, its place in memory. Each is a property or a method of Tensor."""

import math
import warnings

from ..backends import ACCELERATORS, ARRAY_TYPES, gpu_backend, gpu_count
from ..size import Size
from .reduce import one_dim

__all__ = [
    "H", "array_dtype", "data_ptr", "device", "dim", "element_size", "get_device", "is_complex", "is_cpu", "is_cuda",
    "is_distributed", "is_floating_point", "is_inference", "is_nonzero", "is_pinned", "is_signed", "mH", "mT",
    "nbytes", "ndim", "numel", "pin_memory", "shape", "size", "stride", "transposed",
]  # fmt: skip


def shape(input):
    """The sizes of all dims.   torch: Tensor.shape"""
    return Size(input._array.shape)


def ndim(input):
    """How many dims there are.   torch: Tensor.ndim"""
    return input._array.ndim


def dim(input):
    """How many dims there are.   torch: Tensor.dim"""
    return input._array.ndim


def size(input, dim=None):
    """The sizes of all dims, or of one.   torch: Tensor.size

    >>> torch.zeros(2, 3).size(-1)
    3
    """
    return Size(input._array.shape) if dim is None else input._array.shape[one_dim(dim, input._array.ndim)]


def array_dtype(input):
    """The type of the elements.   torch: Tensor.dtype"""
    array = input._array
    return ARRAY_TYPES[array.__class__].dtype_of(array)


def device(input):
    """Where the memory is.   torch: Tensor.device"""
    array = input._array
    return ARRAY_TYPES[array.__class__].device_of(array)


def is_cuda(input):
    """Whether the memory is a GPU's.   torch: Tensor.is_cuda"""
    return device(input).type == "cuda"


def is_cpu(input):
    """Whether the memory is the CPU's.   torch: Tensor.is_cpu"""
    return device(input).type == "cpu"


def get_device(input):
    """Which GPU's memory it is, -1 for the CPU's.   torch: Tensor.get_device"""
    where = device(input)
    return -1 if where.type == "cpu" else where.index or 0


def is_pinned(input, device=None):
    """Whether a GPU may copy from the memory by itself.   torch: Tensor.is_pinned"""
    return any([xp.is_pinned(input._array) for xp in ACCELERATORS])


def pin_memory(input, device=None):
    """A copy in memory that a GPU copies from by itself; without a GPU, the tensor itself.   torch: Tensor.pin_memory"""
    if is_cuda(input):
        raise RuntimeError(f"cannot pin '{input.type()}' only dense CPU tensors can be pinned")
    if not gpu_count() or is_pinned(input):
        return input
    return input._wrap(gpu_backend().pinned(input._array))


def is_distributed(input):
    """Whether it is spread over processes: no.   torch: Tensor.is_distributed"""
    return False


def is_inference(input):
    """Whether it was made in ``inference_mode``, and is of no use for gradients.   torch: is_inference"""
    return input._storage.inference


def is_nonzero(input):
    """Whether its only element isn't zero.   torch: Tensor.is_nonzero"""
    return bool(input)


def numel(input):
    """How many elements there are.   torch: Tensor.numel"""
    return input._array.size


def element_size(input):
    """The bytes of one element.   torch: Tensor.element_size"""
    return input._array.itemsize


def nbytes(input):
    """The bytes of all elements.   torch: Tensor.nbytes"""
    return input._array.size * input._array.itemsize


def stride(input, dim=None):
    """How many elements apart neighbours are along each dim, or along one.   torch: Tensor.stride"""
    array = input._array
    strides = tuple([s // array.itemsize for s in array.strides])
    if not array.size:  # NumPy's are zeros
        strides = tuple([math.prod([max(n, 1) for n in array.shape[d + 1 :]]) for d in range(array.ndim)])
    return strides if dim is None else strides[one_dim(dim, len(strides))]


def data_ptr(input):
    """The address of the first element.   torch: Tensor.data_ptr"""
    input._leave("data_ptr", input)
    array = input._array
    return ARRAY_TYPES[array.__class__].start_of(array)


def is_floating_point(input):
    """Whether the elements are floating-point numbers.   torch: is_floating_point"""
    return input._array.dtype.char in "fde" or array_dtype(input).is_floating_point


def is_complex(input):
    """Whether the elements are complex numbers.   torch: is_complex"""
    return input._array.dtype.kind == "c"


def is_signed(input):
    """Whether the elements can be negative.   torch: Tensor.is_signed"""
    return array_dtype(input).is_signed


REVERSED = (
    "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will throw an error in a "
    "future release. Consider `x.mT` to transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse "
    "the dimensions of a tensor."
)
NOT_REVERSED = "Tensor.T is deprecated on 0-D tensors. This function is the identity in these cases."


def transposed(input):
    """The dims in reverse order. PyTorch calls it deprecated for all but matrices.   torch: Tensor.T"""
    if input._array.ndim != 2:
        warnings.warn(REVERSED if input._array.ndim else NOT_REVERSED, stacklevel=2)
    return input.permute(tuple(range(input._array.ndim))[::-1])


def mT(input):  # noqa: N802
    """The last two dims swapped.   torch: Tensor.mT"""
    if not input._array.ndim:
        warnings.warn(NOT_REVERSED.replace(".T", ".mT"), stacklevel=2)
        return input
    return matrices(input, "tensor.mT").transpose(-2, -1)


def mH(input):  # noqa: N802
    """The last two dims swapped, and the conjugate of that.   torch: Tensor.mH"""
    return matrices(input, "tensor.mH").transpose(-2, -1).conjugate() if input._array.ndim else input.conjugate()


def H(input):  # noqa: N802
    """The two dims swapped, and the conjugate of that. Raises RuntimeError for other ranks.   torch: Tensor.H"""
    n = input._array.ndim
    if n not in (0, 2):
        hint = " For batches of matrices, consider using tensor.mH" if n > 2 else ""
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {n}-D tensor.{hint}")
    return mH(input)


def matrices(input, name):
    """The input. Raises RuntimeError for a vector."""
    if input._array.ndim < 2:
        raise RuntimeError(f"{name} is only supported on matrices or batches of matrices. Got {input._array.ndim}-D tensor.")
    return input
