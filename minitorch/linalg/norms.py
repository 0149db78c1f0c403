"""``linalg.norm``, which chooses between the norms of vectors and of matrices."""

from ..ops.norms import matrix_norm, vector_norm
from ..ops.spelling import numpy_names

__all__ = ["norm"]


@numpy_names
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
