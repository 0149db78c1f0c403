"""To other types, other places, and to Python and NumPy; and new tensors like a given one."""

import builtins
import warnings
from numbers import Integral

from .. import dtypes
from .. import primitives as rows
from ..device import as_device
from ..device import device as Device
from ..errors import C_NAMES, broadcast_error, not_a_tensor, output_shape_error
from ..layout import preserve_format
from ..making import named
from ..size import Size
from ..tables.strides import alias
from .memory_format import in_format, suggested
from .movement import sizes

__all__ = [
    "LEGACY", "bfloat16", "bool", "byte", "cdouble", "cfloat", "char", "checked_sizes", "copy_", "cpu", "cuda", "double", "empty_like",
    "float", "full_like", "half", "int", "item", "long", "new", "new_empty", "new_full", "new_ones", "new_tensor",
    "new_zeros", "numpy",
    "ones_like", "short", "to", "tolist", "type", "type_as", "wanting", "zeros_like",
]  # fmt: skip


def to(input, *args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None):
    """Cast or moved: to a dtype, a device, or those of another tensor. The tensor itself if it is there already.

    torch: Tensor.to

    >>> torch.tensor([1.7]).to(torch.int64)
    tensor([1])
    """
    if len(args) > 1 and args[-1].__class__ is builtins.bool:  # to(dtype, non_blocking, copy)
        flags = [arg for arg in args if arg.__class__ is builtins.bool]
        copy = flags[1] if len(flags) > 1 else copy
    for arg in args:
        if isinstance(arg, dtypes.dtype) or arg in dtypes.PYTHON_TYPES:
            dtype = arg
        elif isinstance(arg, (str, Device)):
            device = arg
        elif hasattr(arg, "_apply"):
            dtype, device = arg.dtype, arg.device
        elif arg is not None and arg.__class__ is not builtins.bool and arg.__class__ is not builtins.int:
            raise TypeError(f"to() received an invalid combination of arguments - got ({arg.__class__.__name__})")
    if device is not None:
        place = placed(input, as_device(device))
        if place != input.device:
            return to(moved(input, place, dtype), dtype, memory_format=memory_format)
    if memory_format is not None:
        same = dtype is None or dtype is input.dtype
        if same and not copy and suggested(input) is memory_format:
            return input
        return in_format(to(input, dtype=dtype, copy=copy), memory_format)
    if dtype is None or dtype is input.dtype:
        return input.clone() if copy else input
    if dtype.__class__ is not dtypes.dtype:
        return to(input, dtype=dtypes.as_dtype(dtype), copy=copy)
    if input._array.dtype.kind == "c" and dtype.category in (dtypes.int64.category, dtypes.float64.category):
        warnings.warn("Casting complex values to real discards the imaginary part", stacklevel=2)
    return input._apply(rows.cast, (input,), (dtype,))


def placed(input, device):
    """A device with its number: of "cuda" the current one. Raises for one that isn't there."""
    found = input._check_device(device)
    return device if device.type == "cpu" or device.index is not None else Device(device.type, found.current_device())


def moved(input, device, dtype):
    """A copy on another device. What becomes smaller by a cast to ``dtype`` is cast first."""
    if dtype.__class__ is dtypes.dtype and dtype.itemsize < input.dtype.itemsize:
        input = to(input, dtype)
    return input._apply(rows.move, (input,), (device, input.device))


def caster(name, dtype):
    def cast(input, memory_format=None):
        return to(input, dtype, memory_format=memory_format)

    return named(cast, name, f"As {dtype.name}.   torch: Tensor.{name}")


float = caster("float", dtypes.float32)
double = caster("double", dtypes.float64)
half = caster("half", dtypes.float16)
cfloat = caster("cfloat", dtypes.complex64)
cdouble = caster("cdouble", dtypes.complex128)
bfloat16 = caster("bfloat16", dtypes.bfloat16)
long = caster("long", dtypes.int64)
int = caster("int", dtypes.int32)
short = caster("short", dtypes.int16)
char = caster("char", dtypes.int8)
byte = caster("byte", dtypes.uint8)
bool = caster("bool", dtypes.bool)

LEGACY = {
    "FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16, "BFloat16Tensor": dtypes.bfloat16,
    "LongTensor": dtypes.int64, "IntTensor": dtypes.int32, "ShortTensor": dtypes.int16, "CharTensor": dtypes.int8,
    "ByteTensor": dtypes.uint8, "BoolTensor": dtypes.bool, "ComplexFloatTensor": dtypes.complex64,
    "ComplexDoubleTensor": dtypes.complex128, "UInt16Tensor": dtypes.uint16, "UInt32Tensor": dtypes.uint32,
    "UInt64Tensor": dtypes.uint64,
}  # fmt: skip
"""PyTorch's oldest names of the dtypes."""


def type(input, dtype=None, non_blocking=False):
    """The name of the tensor's type, such as 'torch.FloatTensor'; or the tensor cast to ``dtype``.   torch: Tensor.type"""
    if dtype is None:
        kind = "torch.cuda" if input.is_cuda else "torch"
        return next(f"{kind}.{name}" for name, d in LEGACY.items() if d is input.dtype)
    if isinstance(dtype, str):
        name = dtype.removeprefix("torch.")
        if name.startswith("cuda."):
            return type(cuda_of(input), f"torch.{name.removeprefix('cuda.')}")
        if name not in LEGACY:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = LEGACY[name]
    elif isinstance(dtype, builtins.type) and dtype not in dtypes.PYTHON_TYPES:  # torch.FloatTensor, or torch.Tensor
        dtype = getattr(dtype, "element_type", None) or dtypes.get_default_dtype()
    elif dtype.__class__ is not dtypes.dtype:
        raise TypeError("dtype must be a type, str, or dtype object")
    return to(input, dtype)


def cuda_of(input):
    """The tensor on a GPU. Raises RuntimeError if there is none."""
    try:
        return to(input, device="cuda")
    except AssertionError:
        raise RuntimeError(
            "Cannot initialize CUDA without ATen_cuda library.\nthis installation computes on the CPU only"
        ) from None


def new(input, *args, device=None):
    """PyTorch's oldest constructor, with the input's dtype: of sizes an uninitialised tensor, of a sequence one of its numbers.

    torch: Tensor.new

    >>> torch.tensor([1.5]).new([3, 4]), torch.zeros(1).new(2, 3).shape
    (tensor([3., 4.]), torch.Size([2, 3]))
    """
    if device is not None and as_device(device).type != input.device.type:
        kind = as_device(device).type
        raise RuntimeError(f"legacy constructor expects device type: {input.device.type} but device type: {kind} was passed")
    if not args:
        return new_empty(input, 0)
    if args[0].__class__ is Size or all([isinstance(arg, Integral) for arg in args]):
        return new_empty(input, *args)
    (data,) = args
    if hasattr(data, "_apply"):
        if data.dtype is not input.dtype:
            raise TypeError(f"expected {options(input.dtype)} (got {options(data.dtype)})")
        return data._apply(alias, (data,))
    if hasattr(data, "untyped"):
        return input._wrap(data.elements())
    if isinstance(data, (builtins.float, complex, builtins.bool)):
        raise TypeError(f"new(): data must be a sequence (got {data.__class__.__name__})")
    return input._from_data(data, input.dtype, input.device)


def options(dtype):
    """How PyTorch's messages spell the kind of a tensor."""
    return (
        f"TensorOptions(dtype={C_NAMES[dtype.name]}, device=cpu, layout=Strided, requires_grad=false (default), pinned_memory=false "
        "(default), memory_format=(nullopt))"
    )


def type_as(input, other):
    """Cast to the dtype of ``other``.   torch: Tensor.type_as"""
    if not hasattr(other, "_array"):
        raise not_a_tensor("type_as", "other", 1, other)
    return to(input, other.dtype, device=other.device)


def cpu(input, memory_format=None):
    """In the CPU's memory.   torch: Tensor.cpu"""
    return to(input, device="cpu")


def cuda(input, device=None, non_blocking=False, memory_format=None):
    """In a GPU's memory.   torch: Tensor.cuda"""
    return to(input, device="cuda" if device is None else device)


def copy_(input, src, non_blocking=False):
    """The elements of ``src``, broadcast and cast, into the input.   torch: Tensor.copy_"""
    if not hasattr(src, "_apply"):
        if not isinstance(src, (builtins.float, builtins.int, complex)):
            raise not_a_tensor("copy_", "other", 1, src)
        src = input.new_tensor(src)
    if src._array.ndim > input._array.ndim:
        shapes = input._array.shape, src._array.shape
        raise broadcast_error(shapes) or output_shape_error(input._array.shape, shapes, None)
    src = to(src, input.dtype, device=input.device) if src.device != input.device else to(src, input.dtype)
    return input._write(rows.assign, (input, src))


# ---------------------------------------------------------------------------------------------------- to Python and NumPy


def item(input):
    """The one element, as a Python number.   torch: Tensor.item

    Raises RuntimeError if there are none or several.
    """
    if input._array.size != 1:
        raise RuntimeError(
            f"a Tensor with {input._array.size} elements cannot be converted to Scalar\nreduce it first, or use tolist()"
        )
    number = input._array.item()
    if number.__class__ not in (builtins.float, builtins.int, builtins.bool, complex):
        number = builtins.float(number)
    if input._mode.readers:
        return input._leave("item", input, number)
    return number


def tolist(input):
    """The elements as nested lists of Python numbers.   torch: Tensor.tolist"""
    if input.dtype is dtypes.bfloat16:
        return input.detach().float().tolist()
    return input._leave("tolist", input, input._array.tolist())


def numpy(input, *, force=False):
    """The tensor's memory as a NumPy array, not a copy.   torch: Tensor.numpy

    Raises RuntimeError if it wants a gradient; with ``force`` the gradient is left behind.
    """
    if input.requires_grad and not force:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if input.is_cuda:
        if not force:
            raise TypeError(
                f"can't convert {input.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
            )
        return numpy(cpu(input.detach()))
    if input.dtype is dtypes.bfloat16:
        raise TypeError("Got unsupported ScalarType BFloat16\nNumPy has no such type: use .float().numpy()")
    input._leave("numpy", input)
    input._storage.open()
    return input._array


# -------------------------------------------------------------------------------------------------------- tensors like it


def filled(input, shape, value, dtype, device, requires_grad):
    device = input.device if device is None else as_device(device)
    dtype = input.dtype if dtype is None else dtypes.as_dtype(dtype)
    return wanting(input._create(rows.full, (tuple(shape), value, dtype), device), requires_grad)


def wanting(made, requires_grad):
    """A new tensor, that wants its gradient or not. Raises RuntimeError if it can't have one."""
    if requires_grad and not (made.is_floating_point() or made.is_complex()):
        raise RuntimeError(
            f"Only Tensors of floating point and complex dtype can require gradients\nthis one has dtype {made.dtype}"
        )
    return made.requires_grad_(requires_grad)


def filled_like(name, input, value, dtype, device, requires_grad, memory_format):
    shape = shape_like(name, input)
    if input._array.flags.c_contiguous or (memory_format is not None and memory_format is not preserve_format):
        made = in_format(filled(input, shape, value, dtype, device, False), memory_format)
    else:
        made = lying_like(input, lambda lengths: filled(input, lengths, value, dtype, device, False))
    return wanting(made, requires_grad)


def lying_like(input, make):
    """What ``make`` gives of a shape, seen as the input: its dims in the same order in memory, without gaps."""
    order = input._memory_order()
    made = make([input._array.shape[d] for d in order])
    back = tuple(order.index(d) for d in range(len(order)))
    return made if back == tuple(range(len(order))) else made._strided(back)


def shape_like(name, input):
    """The shape of a tensor. Raises TypeError for what is none."""
    if not hasattr(input, "_array"):
        raise not_a_tensor(name, "input", 1, input)
    return input._array.shape


def checked_sizes(given, name, size=None):
    """Sizes as a tuple. Raises RuntimeError for a negative one.   size: the sequence of them, if it was given by this name."""
    shape = sizes(given, name, named=size)
    if any([n < 0 for n in shape]):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def new_full(input, size, fill_value, *, dtype=None, device=None, requires_grad=False):
    """A tensor of ``size`` filled with a value, of the input's dtype.   torch: Tensor.new_full"""
    if size.__class__ is builtins.int:
        raise TypeError("new_full(): argument 'size' (position 1) must be tuple of ints, not int")
    return filled(input, checked_sizes((size,), "new_full"), fill_value, dtype, device, requires_grad)


def new_zeros(input, *given, size=None, dtype=None, device=None, requires_grad=False):
    """Zeros of the input's dtype.   torch: Tensor.new_zeros"""
    return filled(input, checked_sizes(given, "new_zeros", size), 0, dtype, device, requires_grad)


def new_ones(input, *given, size=None, dtype=None, device=None, requires_grad=False):
    """Ones of the input's dtype.   torch: Tensor.new_ones"""
    return filled(input, checked_sizes(given, "new_ones", size), 1, dtype, device, requires_grad)


def new_empty(input, *given, size=None, dtype=None, device=None, requires_grad=False):
    """Uninitialised memory of the input's dtype.   torch: Tensor.new_empty"""
    device = input.device if device is None else as_device(device)
    dtype = input.dtype if dtype is None else dtypes.as_dtype(dtype)
    return wanting(input._create(rows.empty, (checked_sizes(given, "new_empty", size), dtype), device), requires_grad)


def new_tensor(input, data, *, dtype=None, device=None, requires_grad=False):
    """A copy of ``data`` as a tensor of the input's dtype.   torch: Tensor.new_tensor"""
    if hasattr(data, "_apply"):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than tensor.new_tensor(sourceTensor).",
            stacklevel=2,
        )
    device = input.device if device is None else as_device(device)
    return wanting(input._from_data(data, input.dtype if dtype is None else dtypes.as_dtype(dtype), device), requires_grad)


def zeros_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """Zeros in the input's shape.   torch: zeros_like"""
    return filled_like("zeros_like", input, 0, dtype, device, requires_grad, memory_format)


def ones_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """Ones in the input's shape.   torch: ones_like"""
    return filled_like("ones_like", input, 1, dtype, device, requires_grad, memory_format)


def full_like(input, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """A value in the input's shape.   torch: full_like"""
    return filled_like("full_like", input, fill_value, dtype, device, requires_grad, memory_format)


def empty_like(input, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
    """Uninitialised memory in the input's shape, and in its order of dims if that has no gaps.   torch: empty_like"""
    if memory_format is not None and memory_format is not preserve_format:
        made = new_empty(input, shape_like("empty_like", input), dtype=dtype, device=device)
        return wanting(in_format(made, memory_format), requires_grad)
    shape_like("empty_like", input)
    return wanting(lying_like(input, lambda lengths: new_empty(input, lengths, dtype=dtype, device=device)), requires_grad)
