"""Sparse and quantized tensors aren't here, and every function that would make one says so.

torch: torch/sparse, torch/ao/quantization
"""

from .absent import absent
from .making import lacking

__all__ = [
    "addmm", "dequantize", "fake_quantize_per_channel_affine", "fake_quantize_per_tensor_affine", "log_softmax", "mm",
    "quantize_per_channel", "quantize_per_tensor", "sampled_addmm", "softmax", "sparse_bsc_tensor",
    "sparse_bsr_tensor", "sparse_compressed_tensor", "sparse_coo_tensor", "sparse_csc_tensor", "sparse_csr_tensor",
    "spdiags", "spmm", "sum", "to_sparse_semi_structured",
]  # fmt: skip

__getattr__ = absent(__name__)


def sparse(path):
    instead = "use an ordinary tensor, that stores all its elements"
    return lacking(path, NotImplementedError, f"torch.{path}: sparse tensors aren't here\n{instead}")


def quantized(path):
    instead = "compute in float32, or in bfloat16 under torch.autocast"
    return lacking(path, NotImplementedError, f"torch.{path}: quantized tensors aren't here\n{instead}")


sparse_coo_tensor, sparse_csr_tensor, sparse_csc_tensor = map(sparse, ("sparse_coo_tensor", "sparse_csr_tensor", "sparse_csc_tensor"))
sparse_bsr_tensor, sparse_bsc_tensor = sparse("sparse_bsr_tensor"), sparse("sparse_bsc_tensor")
sparse_compressed_tensor, spmm = sparse("sparse_compressed_tensor"), sparse("spmm")
mm, addmm, sum, softmax, log_softmax, spdiags = map(
    sparse, ("sparse.mm", "sparse.addmm", "sparse.sum", "sparse.softmax", "sparse.log_softmax", "sparse.spdiags")
)
sampled_addmm, to_sparse_semi_structured = sparse("sparse.sampled_addmm"), sparse("sparse.to_sparse_semi_structured")
quantize_per_tensor, quantize_per_channel, dequantize = map(
    quantized, ("quantize_per_tensor", "quantize_per_channel", "dequantize")
)
fake_quantize_per_tensor_affine = quantized("fake_quantize_per_tensor_affine")
fake_quantize_per_channel_affine = quantized("fake_quantize_per_channel_affine")
