"""What PyTorch's tensors can be asked that store only some of their elements. Ours store all, and say so.

torch: aten/src/ATen/native/sparse
"""

from ..making import lacking, named

__all__ = [
    "ccol_indices", "coalesce", "col_indices", "crow_indices", "indices", "is_coalesced", "row_indices", "smm", "sparse_dim",
    "sparse_mask", "sparse_resize_", "sspaddmm", "to_dense", "to_sparse", "to_sparse_coo", "to_sparse_csc", "to_sparse_csr",
    "values",
]  # fmt: skip


def asking(name, kind):
    """The method ``name`` of sparse tensors of a kind, which no tensor here is."""

    def method(input):
        raise RuntimeError(f"{name} expected {kind} tensor layout but got Strided\nthis tensor stores all its elements")

    return named(method, name, f"Of sparse tensors only: raises RuntimeError.   torch: Tensor.{name}")


COORDINATES = "sparse coordinate"
values, indices = asking("values", "sparse"), asking("indices", COORDINATES)
coalesce, is_coalesced = asking("coalesce", COORDINATES), asking("is_coalesced", COORDINATES)
crow_indices, col_indices = asking("crow_indices", "sparse row compressed"), asking("col_indices", "sparse row compressed")
ccol_indices = asking("ccol_indices", "sparse column compressed")
row_indices = asking("row_indices", "sparse column compressed")


def making(name):
    """The method ``name``, whose result would be sparse."""
    text = f"Tensor.{name}: sparse tensors aren't here\nkeep the tensor as it is, with all its elements"
    return lacking(f"Tensor.{name}", NotImplementedError, text)


to_sparse, to_sparse_coo, to_sparse_csr, to_sparse_csc = map(
    making, ("to_sparse", "to_sparse_coo", "to_sparse_csr", "to_sparse_csc")
)
sparse_mask, sparse_resize_, smm, sspaddmm = map(making, ("sparse_mask", "sparse_resize_", "smm", "sspaddmm"))


def sparse_dim(input):
    """How many dims are sparse: none.   torch: Tensor.sparse_dim"""
    return 0


def to_dense(input, dtype=None, *, masked_grad=None):
    """The tensor with all its elements: itself.   torch: Tensor.to_dense"""
    return input if dtype is None else input.to(dtype)
