"""A tensor as Python sees it: a length, a truth, a number, something to iterate over or to hand to another library."""

import warnings

__all__ = [
    "as_array", "as_bool", "as_complex", "as_dlpack", "as_float", "as_index", "as_int", "contains", "dlpack_device", "from_ufunc",
    "iterator", "length",
]  # fmt: skip


def length(input):
    """len(x): the size of dim 0."""
    if not input._array.ndim:
        raise TypeError("len() of a 0-d tensor")
    return input._array.shape[0]


def iterator(input):
    """iter(x): the slices along dim 0."""
    if not input._array.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(input.unbind(0))


def as_bool(input):
    """bool(x), of one element. Raises RuntimeError for others."""
    if input._array.size == 1:
        return bool(input.item())
    if not input._array.size:
        raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
    raise RuntimeError(
        "Boolean value of Tensor with more than one value is ambiguous\nuse .any() or .all(), and & | ~ instead of and, or, not"
    )


def as_float(input):
    """float(x), of one element; with a warning if it wants a gradient. Raises ValueError for others."""
    warn_of_gradient(input)
    return float(real_element(input, "double"))


def as_int(input):
    """int(x), of one element. Raises ValueError for others."""
    return int(real_element(input, "int64_t"))


def as_complex(input):
    """complex(x), of one element; with a warning if it wants a gradient. Raises ValueError for others."""
    warn_of_gradient(input)
    return complex(only_element(input))


def warn_of_gradient(input):
    """Say that no gradient comes back through a Python number, to who might expect one."""
    if input._node is not None and input._mode.grad and input.requires_grad:
        warnings.warn(
            "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
            "Consider using tensor.detach() first.",
            stacklevel=3,
        )


def real_element(input, name):
    """The one element, a real number. Raises RuntimeError for others, as what ``name`` can't hold."""
    number = only_element(input)
    if number.__class__ is not complex:
        return number
    if number.imag:
        raise RuntimeError(f"value cannot be converted to type {name} without overflow\nit is complex: use complex(x)")
    return number.real


def only_element(input):
    if input._array.size != 1:
        raise ValueError("only one element tensors can be converted to Python scalars\nreduce it first, or use tolist()")
    return input.item()


def as_index(input):
    """x as a position in a list. Raises TypeError unless it is one integer."""
    if input._array.size != 1 or input._array.dtype.kind not in "biu":
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(input.item())


def contains(input, element):
    """element in x: whether some element equals it."""
    if hasattr(element, "_apply") or isinstance(element, (int, float, bool, complex)):
        return bool((input == element).any())
    raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")


def as_array(input, dtype=None, copy=None):
    """numpy.asarray(x): the memory itself if the type fits."""
    array = input.numpy()
    if dtype is not None and array.dtype != dtype:
        return array.astype(dtype)
    return array.copy() if copy else array


def from_ufunc(input, array, context=None, return_scalar=False):
    """What ``numpy.sqrt(x)`` and the like give back: a tensor again, truths as uint8.   torch: Tensor.__array_wrap__"""
    if array.dtype.kind == "b":
        array = array.astype("uint8")
    return input._wrap(array)


def as_dlpack(input, *, stream=None, **options):
    """The memory, for another library's ``from_dlpack``."""
    if input.is_cuda:
        return input.detach()._array.__dlpack__(stream=stream, **options)
    return input.numpy().__dlpack__(**options)


def dlpack_device(input):
    """Where that memory is, in DLPack's numbers."""
    return input._array.__dlpack_device__()
