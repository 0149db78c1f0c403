"""Norms of vectors and of matrices.   torch: torch.linalg.norm and its parts"""

from math import inf

from ..ops.checks import at_least_matrices, refuse_integers
from ..ops.factors import svdvals
from ..ops.reduce import dims_of, one_dim, undrop

__all__ = ["matrix_norm", "norm", "vector_norm"]


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
        squares = (input * input.conjugate()).real
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


def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """A norm of the matrices in the two dims ``dim``.   torch: linalg.matrix_norm

    ord: "fro" √Σ|a|², "nuc" Σσ, 2 and -2 the largest and smallest σ, 1 and -1 the largest and smallest sum of a column's
    |a|, ∞ and -∞ of a row's; σ are the singular values.
    """
    at_least_matrices(A, "linalg.matrix_norm")
    dim = (dim,) if isinstance(dim, int) else tuple(dim)
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


def norm(input, ord=None, dim=None, keepdim=False, *, dtype=None):
    """``vector_norm`` or ``matrix_norm``, whichever fits: a matrix norm for two dims and an ``ord``.   torch: linalg.norm

    >>> torch.linalg.norm(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)
    """
    dims = (dim,) if isinstance(dim, int) else dim
    if ord is None:
        return vector_norm(input, 2, dims, keepdim, dtype=dtype)
    if dims is None:
        if input.ndim not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. " f"Got {input.ndim}D."
            )
    elif len(dims) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if isinstance(ord, str) or (input.ndim if dims is None else len(dims)) == 2:
        return matrix_norm(input, ord, (0, 1) if dims is None else dims, keepdim, dtype=dtype)
    return vector_norm(input, ord, dims, keepdim, dtype=dtype)
