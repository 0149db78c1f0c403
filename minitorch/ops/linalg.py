"""Products of vectors, of matrices and of anything with more dims: nearly all are one row, ``matmul``, in other clothes."""

import warnings

from .. import primitives as rows
from ..errors import broadcast_error, not_a_tensor, not_implemented, refuse_mixture
from ..size import broadcast_shape
from .reduce import one_dim
from .spelling import numpy_names

__all__ = [
    "addmv_dtype_error", "bmm", "chain_matmul", "check_batches", "cross", "dot", "in_given_dtypes", "inner", "kron", "linear",
    "matmul", "mm", "mv", "outer", "rmatmul", "tensordot", "trace", "vdot",
]  # fmt: skip


def matmul(input, other):
    """The product over the last dim of x and the last but one of y: vectors, matrices, and batches of matrices.

    x: (*, n, k), y: (*, k, m) → (*, n, m), with the leading dims broadcast; a vector is a row on the left, a column on
    the right.   torch: matmul

    >>> torch.ones(2, 3) @ torch.ones(3)
    tensor([3., 3.])
    """
    try:
        x, y = input._array, other._array
    except AttributeError:
        raise not_a_tensor("matmul", "other", 1, other) from None
    if x.ndim >= 2 and y.ndim >= 2:
        if x.shape[-1] != y.shape[-2]:
            raise matmul_error(x.shape, y.shape, other.requires_grad)
        if y.ndim == 2 and x.ndim > 2 and not unwatched(input, other):  # one large product instead of many small ones
            flat = input.reshape(_count(x.shape[:-1]), x.shape[-1])
            flat = flat._apply(rows.matmul, (flat, other))
            return flat.reshape(*x.shape[:-1], y.shape[-1])
        return input._apply(rows.matmul, (input, other))
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D")
    if x.ndim == 1 and y.ndim == 1:
        return input.dot(other) if input._mode.autocast is None else dot_product(input, other)
    if x.ndim + y.ndim == 3 and x.shape[-1] == y.shape[0] and unwatched(input, other):
        return input._apply(rows.matmul, (input, other))
    if x.ndim == 1:
        if y.ndim > 2 and x.shape[0] != y.shape[-2]:
            raise matmul_error(x.shape, y.shape, other.requires_grad)
        return input.unsqueeze(0).matmul(other).squeeze(-2)
    if x.shape[-1] != y.shape[0]:
        raise mv_error(x.shape, y.shape)
    return input.matmul(other.unsqueeze(1)).squeeze(-1)


def unwatched(input, other):
    """Whether nobody asks how a product comes about: then vectors are multiplied as they are, which backends know how to."""
    mode = input._mode
    return not mode.listeners and mode.autocast is None and not (mode.grad and (input.requires_grad or other.requires_grad))


def rmatmul(input, other):
    """other @ input."""
    return matmul(other, input)


def matmul_error(a, b, wants=False):
    """For shapes whose sum dims differ.   wants: the second wants its gradient; PyTorch then makes one product of many."""
    if len(b) > 2 and len(a) <= 2 and wants:
        n, k = _count(b[:-2]) * b[-1], b[-2]
        return mv_error((n, k), a) if len(a) == 1 else matmul_error((n, k), a[::-1])
    if len(b) == 2:
        n, k = (a[0] if len(a) == 2 else -(-_count(a) // max(a[-1], 1))), a[-1]
        return RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {b[0]}x{b[1]})\n"
            f"the last size of the first, {k}, must be the first size of the second, {b[0]}"
        )
    apart = broadcast_error([a[:-2], b[:-2]])
    if apart is not None:
        return apart
    count = _count(broadcast_shape([a[:-2], b[:-2]]))
    return RuntimeError(
        f"Expected size for first two dimensions of batch2 tensor to be: [{count}, {a[-1]}] but got: "
        f"[{count}, {b[-2]}].\nthe shapes are {tuple(a)} and {tuple(b)}"
    )


def mv_error(a, b):
    """For a matrix, or several, and a vector."""
    n = _count(a[:-1])
    return RuntimeError(f"size mismatch, got input ({n}), mat ({n}x{a[-1]}), vec ({b[0]})")


def _count(shape):
    total = 1
    for n in shape:
        total *= n
    return total


def mm(input, mat2):
    """The product of two matrices.   torch: mm"""
    if input.ndim != 2:
        raise RuntimeError("self must be a matrix")
    if mat2.ndim != 2:
        raise RuntimeError("mat2 must be a matrix")
    return input.matmul(mat2)


def bmm(input, mat2):
    """The products of two batches of matrices, (b, n, k) and (b, k, m).   torch: bmm"""
    check_batches(input, mat2)
    return input.matmul(mat2)


def check_batches(input, mat2):
    """Raise RuntimeError unless these are batches of matrices that can be multiplied."""
    x, y = input._array.shape, mat2._array.shape
    if len(x) == len(y) == 3 and x[0] == y[0] and x[2] == y[1]:
        return
    if input.ndim != 3:
        raise RuntimeError("batch1 must be a 3D tensor")
    if mat2.ndim != 3:
        raise RuntimeError("batch2 must be a 3D tensor")
    raise RuntimeError(
        f"Expected size for first two dimensions of batch2 tensor to be: [{x[0]}, {x[2]}] but got: [{y[0]}, {y[1]}].\n"
        f"the shapes are {tuple(x)} and {tuple(y)}"
    )


def mv(input, vec):
    """The product of a matrix and a vector.   torch: mv"""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}\nfor other ranks there is matmul")
    if input.dtype is not vec.dtype and input.shape[1] == vec.shape[0]:
        raise addmv_dtype_error(vec, input, vec)
    return input.matmul(vec) if input._mode.autocast is None else in_given_dtypes(mv, input, vec)


def addmv_dtype_error(*tensors):
    """For a vector to add, a matrix and a vector."""
    names = [x._type_name() for x in tensors]
    return RuntimeError(
        f"addmv input tensors must have the same dtype, but got {names[0]}, {names[1]}, and {names[2]}\nconvert them with .to(dtype)"
    )


def in_given_dtypes(product, *tensors, **options):
    """A product that autocast leaves as it is, though the row it is made of is on its list."""
    mode = tensors[0]._mode
    before, mode.autocast = mode.autocast, None
    try:
        return product(*tensors, **options)
    finally:
        mode.autocast = before


def dot(input, tensor):
    """Σ x y of two vectors.   torch: dot"""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.shape != tensor.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{input.shape[0]}] and src [{tensor.shape[0]}] to have the same number of "
            f"elements, but got {input.shape[0]} and {tensor.shape[0]} elements respectively"
        )
    if input.dtype is not tensor.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {input._type_name()} and {tensor._type_name()}"
        )
    if input._mode.autocast is not None:
        return in_given_dtypes(dot_product, input, tensor)
    return dot_product(input, tensor)


def dot_product(input, other):
    if unwatched(input, other):
        return input._apply(rows.matmul, (input, other))
    return input.unsqueeze(0).matmul(other.unsqueeze(1)).reshape(())


def vdot(input, other):
    """Σ x y of two vectors, with the conjugate of x.   torch: vdot"""
    return input.conjugate().dot(other)


def outer(input, vec2):
    """x yᵀ of two vectors.   torch: outer"""
    if input.ndim != 1 or vec2.ndim != 1:
        name, wrong = ("self", input) if input.ndim != 1 else ("vec2", vec2)
        raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {wrong.ndim}-D")
    return input.unsqueeze(1) * vec2.unsqueeze(0)


def inner(input, other):
    """Σ over the last dim of both.   torch: inner"""
    x, y = input._array.shape, other._array.shape
    if not x or not y:
        return input * other
    if x[-1] != y[-1]:
        raise RuntimeError(f"inner() the last dimension must match on both input tensors but got shapes {list(x)} and {list(y)}")
    if len(x) == len(y) == 1:
        return input.dot(other)
    if len(y) < 3:
        return input.matmul(other if len(y) == 1 else other.mT)
    return input.tensordot(other, ([-1], [-1]))


@numpy_names
def cross(input, other, dim=None):
    """The vector product of vectors of three.   torch: cross"""
    if dim is None:
        warnings.warn("Using torch.cross without specifying the dim arg is deprecated.\ngive dim=", stacklevel=2)
        dim = next((d for d, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    d = one_dim(dim, input.ndim)
    if input.shape[d] != 3 or other.shape[d] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[d]} and {other.shape[d]}"
        )
    return input.roll(-1, d) * other.roll(1, d) - input.roll(1, d) * other.roll(-1, d)


def linear(input, weight, bias=None):
    """y = x Wᵀ + b.   x: (*, in), W: (out, in), b: (out) → (*, out).   torch: nn.functional.linear

    Raises RuntimeError if the sizes or dtypes don't match.
    """
    try:
        if bias is None:
            return input._apply(rows.linear, (input, weight))
        return input._apply(rows.linear, (input, weight, bias))
    except (RuntimeError, IndexError, AttributeError, TypeError):
        pass  # and out of the block, or its error would be printed before the one that is raised next
    return linear_in_steps(input, weight, bias)


def linear_in_steps(input, weight, bias):
    """``linear`` where its row refuses: for a weight or a bias of another rank. Raises PyTorch's error where that fails too."""
    for position, (name, value) in enumerate((("input", input), ("weight", weight), ("bias", bias)), 1):
        if not hasattr(value, "_array") and (value is not None or name != "bias"):
            raise not_a_tensor("linear", name, position, value)
    x, w = input._array, weight._array
    refuse_mixture([x.dtype.name for x in (input, weight, bias) if x is not None])
    if w.ndim == 2 and x.ndim and x.shape[-1] != w.shape[1]:
        raise matmul_error(x.shape if x.ndim > 1 else (1, *x.shape), w.shape[::-1])
    result = input.matmul(weight.t() if w.ndim == 2 else weight)
    return result if bias is None else result + bias.expand(result._array.shape)


def chain_matmul(*matrices):
    """The product of several matrices.   torch: chain_matmul, deprecated"""
    warnings.warn(
        "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use torch.linalg.multi_dot instead, "
        "which accepts a list of two or more tensors rather than multiple parameters.",
        UserWarning,
        stacklevel=2,
    )
    result = matrices[0] if len(matrices) > 1 else matrices[0].clone()
    for matrix in matrices[1:]:
        result = result.mm(matrix)
    return result


def trace(input):
    """The sum of a matrix's diagonal.   torch: trace"""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    if input.dtype.category == 0:
        raise not_implemented("trace", "Bool")
    return input.diagonal().sum()


def tensordot(input, other, dims=2):
    """Σ over pairs of dims: the last ``dims`` of x with the first of y, or two lists.   torch: tensordot"""
    if isinstance(dims, int):
        dims = (list(range(-dims, 0)), list(range(dims)))
    left, right = [[d % x.ndim for d in ds] for x, ds in zip((input, other), dims, strict=True)]
    for i, j in zip(*dims, strict=True):
        n, m = input.shape[i], other.shape[j]
        if n != m and 1 in (n, m):
            input, other = (input, other.sum(j, True)) if n == 1 else (input.sum(i, True), other)
        elif n != m:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {input.shape[i]} in dim {i} and second has size "
                f"{other.shape[j]} in dim {j}"
            )
    kept = [d for d in range(input.ndim) if d not in left], [d for d in range(other.ndim) if d not in right]
    sizes = [[x.shape[d] for d in dims] for x, dims in zip((input, other), kept, strict=True)]
    inner_size = _count([input.shape[d] for d in left])
    x = as_matrix(input, kept[0] + left, (_count(sizes[0]), inner_size))
    y = as_matrix(other, right + kept[1], (inner_size, _count(sizes[1])))
    shape = tuple(sizes[0] + sizes[1])
    if not shape and x._mode.autocast is not None:
        return in_given_dtypes(dot_product, x.reshape(-1), y.reshape(-1))
    result = x.matmul(y)
    return result if result._array.shape == shape else result.reshape(shape)


def as_matrix(x, order, shape):
    """The dims in that order, and then as two."""
    x = x if order == sorted(order) else x.permute(order)
    return x if x._array.shape == shape else x.reshape(shape)


def kron(input, other):
    """Every product of an element of x and one of y, in blocks.   torch: kron"""
    n = max(input.ndim, other.ndim)
    x = input.reshape((1,) * (n - input.ndim) + tuple(input.shape))
    y = other.reshape((1,) * (n - other.ndim) + tuple(other.shape))
    spread_x = x.reshape([size for m in x.shape for size in (m, 1)])
    spread_y = y.reshape([size for m in y.shape for size in (1, m)])
    return (spread_x * spread_y).reshape([a * b for a, b in zip(x.shape, y.shape, strict=True)])
