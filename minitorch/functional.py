"""Functions that PyTorch wrote in Python, by the path of their file.   torch: torch/functional.py"""

from .absent import absent
from .ops.einsum import einsum
from .ops.joining import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    block_diag,
    broadcast_tensors,
    cartesian_prod,
    meshgrid,
    split,
)  # fmt: skip
from .ops.linalg import chain_matmul, tensordot
from .ops.norms import cdist, norm
from .ops.older_linalg import lu
from .ops.sorting import unique, unique_consecutive, unravel_index
from .ops.stft import stft
from .size import broadcast_shapes

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes", "broadcast_tensors", "cartesian_prod",
    "cdist", "chain_matmul", "einsum", "lu", "meshgrid", "norm", "split", "stft", "tensordot", "unique",
    "unique_consecutive", "unravel_index",
]  # fmt: skip

__getattr__ = absent(__name__)
