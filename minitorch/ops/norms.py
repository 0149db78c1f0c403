"""Norms of vectors and of matrices, and distances."""

from math import inf

from ..tables.distances import distances as euclidean
from .factors import svdvals
from .matrix_checks import at_least_matrices, refuse_integers
from .reduce import dims_of, one_dim, undrop
from .spelling import numpy_names

__all__ = ["cdist", "dist", "matrix_norm", "norm", "renorm", "vector_norm"]


@numpy_names
def vector_norm(input, ord=2, dim=None, keepdim=False, *, dtype=None):
    """(Σ |x|^p)^(1/p) over ``dim``, of all elements if it is None; p = ``ord``.   torch: linalg.vector_norm

    ord = ∞ is the largest |x|, -∞ the smallest, 0 the count of nonzeros. The gradient at 0 is 0.
    """
    if isinstance(ord, str):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(ord).__name__}")
    if dtype is not None:
        input = widened(input, dtype)
    refuse_integers(input, "linalg.vector_norm")
    if input.dtype.itemsize == 2:  # narrow types: summed in float32, rounded once
        return vector_norm(input.float(), ord, dim, keepdim).to(input.dtype)
    if not input.numel() and (ord < 0 or ord == inf):
        check_empty(input, ord, dim)
    dims = dims_of(dim, input.ndim)
    if ord == 2:
        squares = (input * input.conjugate()).real if input.is_complex() else input.square()
        return root(squares.sum(dims, keepdim), 2)
    size = input.abs()
    if ord in (inf, -inf):
        return size.amax(dims, keepdim) if ord > 0 else size.amin(dims, keepdim)
    if ord == 0:
        return size.sign().sum(dims, keepdim)
    if ord == 1:
        return size.sum(dims, keepdim)
    zero = size.detach() == 0
    powers = size.masked_fill(zero, 1).pow(ord).masked_fill(zero, 0 if ord > 0 else inf)
    return root(powers.sum(dims, keepdim), ord)


def root(x, p):
    """x^(1/p), with the gradient 0 where that is 0."""
    if not (x._mode.grad and x.requires_grad):
        return x.sqrt() if p == 2 else x.pow(1 / p)
    zero = x.detach() == (0 if p > 0 else inf)
    x = x.masked_fill(zero, 1)
    return (x.sqrt() if p == 2 else x.pow(1 / p)).masked_fill(zero, 0)


def widened(input, dtype):
    """``input`` in the ``dtype`` that a norm is to be computed in. Raises RuntimeError if it would lose something."""
    name = "linalg.vector_norm"
    probe = input.new_zeros(0, dtype=dtype)
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {probe._type_name()}")
    if dtype.is_complex != input.is_complex():
        what = "complex" if input.is_complex() else "real"
        raise RuntimeError(f"{name}: dtype should be {what} for {what} inputs, but got {probe._type_name()}")
    if input._common_dtype([input, probe.reshape(0, 1)]) is not dtype:
        raise RuntimeError(
            f"{name}: the dtype of the input ({input._type_name()}) should be convertible without narrowing to the specified dtype "
            f"({probe._type_name()})"
        )
    return input.to(dtype)


def check_empty(input, ord, dim):
    """Raise RuntimeError for a norm over no elements that has no value there."""
    order = "inf" if ord == inf else "-inf" if ord == -inf else f"{ord:g}"
    start = f"linalg.vector_norm cannot compute the {order} norm on"
    if dim is None or dim in ((), []):
        raise RuntimeError(f"{start} an empty tensor because the operation does not have an identity")
    for d in dims_of(dim, input.ndim):
        if input.shape[d] == 0:
            raise RuntimeError(
                f"{start} the dimension {d}because this dimension is empty and the operation does not have an identity"
            )


@numpy_names
def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """A norm of the matrices in the two dims ``dim``.   torch: linalg.matrix_norm

    ord: "fro" √Σ|a|², "nuc" Σσ, 2 and -2 the largest and smallest σ, 1 and -1 the largest and smallest sum of a column's
    |a|, ∞ and -∞ of a row's; σ are the singular values.
    """
    at_least_matrices(A, "linalg.matrix_norm")
    dim = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    check_matrix_norm(A, ord, dim)
    if dtype is not None:
        A = widened(A, dtype)
    if ord == "fro":
        return vector_norm(A, 2, dim, keepdim)
    n, m = [one_dim(d, A.ndim) for d in dim]
    if ord in ("nuc", 2, -2):
        values = svdvals(A.permute([d for d in range(A.ndim) if d not in (n, m)] + [n, m]))
        result = values.sum(-1) if ord == "nuc" else extreme(values, -1, ord)
    else:
        summed, over = (n, m) if abs(ord) == 1 else (m, n)
        result = extreme(vector_norm(A, 1, summed), over - (over > summed), ord)
    return undrop(result, (n, m), False) if keepdim else result


def extreme(x, dim, ord):
    """The largest over a dim, or the smallest for a negative ``ord``; 0 if there are none."""
    if not x.shape[dim]:
        return x.sum(dim)
    return x.amax(dim) if ord > 0 else x.amin(dim)


def check_matrix_norm(A, ord, dim):
    name = "linalg.matrix_norm"
    refuse_integers(A, name)
    if ord not in (("fro", "nuc") if isinstance(ord, str) else (1, -1, 2, -2, inf, -inf)):
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    if len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {' '.join(map(str, dim))}")
    if one_dim(dim[0], A.ndim) == one_dim(dim[1], A.ndim):
        raise RuntimeError(f"{name}: dims must be different. Got ({dim[0]}, {dim[1]})")


# ---------------------------------------------------------------------------------------------- PyTorch's older functions


def norm(input, p="fro", dim=None, keepdim=False, dtype=None):
    """``vector_norm`` over ``dim``; for p = "nuc" Σσ of the matrices in two dims.   torch: norm

    >>> torch.norm(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)
    """
    if p.__class__ is not str:
        return vector_norm(input, 2 if p is None else float(p), dim, keepdim, dtype=dtype)
    dims = tuple(range(input.ndim)) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
    if p == "fro" and (dim is None or len(dims) <= 2):
        return vector_norm(input, 2, dim, keepdim, dtype=dtype)
    return matrix_norm(input, p, dims, keepdim, dtype=dtype)


def dist(input, other, p=2):
    """The norm of x - y.   torch: dist"""
    return norm(input - other, p)


MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


def cdist(x1, x2, p=2.0, compute_mode=MODES[0]):
    """The p-norms of the differences of all rows of x and all rows of y: (*, n, k), (*, m, k) → (*, n, m).   torch: cdist

    ``compute_mode`` asks for a shortcut by matrix products, which rounds more; here it has no effect.
    """
    if compute_mode not in (*MODES, None):
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    for name, x in (("X1", x1), ("X2", x2)):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
        if not x.is_floating_point():
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {x._type_name()}")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if x1.dtype is not x2.dtype:
        raise RuntimeError(f"expected scalar type {x1._type_name()} but found {x2._type_name()}")
    if x1.dtype.itemsize == 2:
        return cdist(x1.float(), x2.float(), p).to(x1.dtype)
    if p == 2 and x1.shape[:-2] == x2.shape[:-2] and not x1._mode.listeners and x1.shape[-1] and x1._array.dtype.char in "fd":
        return x1._apply(euclidean, (x1, x2))
    differences = x1.unsqueeze(-2) - x2.unsqueeze(-3)
    return vector_norm(differences, p, -1) if x1.shape[-1] else differences.sum(-1)


@numpy_names
def renorm(input, p, dim, maxnorm):
    """x, with the slices along ``dim`` whose p-norm is larger than ``maxnorm`` scaled down to it.   torch: renorm"""
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    d = one_dim(dim, input.ndim)
    others = tuple([i for i in range(input.ndim) if i != d])
    norms = input.norm(p, others, True)
    return input * (maxnorm / (norms + 1e-7)).where(norms > maxnorm, 1.0)
