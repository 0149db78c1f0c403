"""torch.linalg: linear algebra on batches of matrices.

What the functions of ``torch`` and the methods of Tensor share with it is in ``ops/``: ``torch.det`` is ``linalg.det``.

torch: torch.linalg
"""

from ..absent import absent
from ..mixed_precision import LINALG as HAVE_DOORS
from ..mixed_precision import autocast_doors
from ..errors import LinAlgError
from ..ops.equations import (
    det, inv, inv_ex, lu_solve, matrix_exp, matrix_power, pinv, slogdet, solve, solve_ex, solve_triangular,
)  # fmt: skip
from ..ops.factors import (
    cholesky, cholesky_ex, eig, eigh, eigvals, eigvalsh, householder_product, ldl_factor, ldl_factor_ex, ldl_solve, lu,
    lu_factor, lu_factor_ex, qr, svd, svdvals,
)  # fmt: skip
from ..ops.linalg import matmul
from ..ops.norms import matrix_norm, vector_norm
from ..out import LINALG, accepting_out
from ..replay_forward import LINALG as REPLAYED
from ..replay_forward import replay_doors
from .least_squares import cond, lstsq, matrix_rank
from .norms import norm
from .products import cross, diagonal, multi_dot, tensorinv, tensorsolve, vander, vecdot

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh",
    "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex", "ldl_solve", "lstsq", "lu", "lu_factor",
    "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm",
    "pinv", "qr", "slogdet", "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve",
    "vander", "vecdot", "vector_norm",
]  # fmt: skip

__getattr__ = absent(__name__)

globals().update(replay_doors(globals(), REPLAYED))
globals().update(autocast_doors(globals(), HAVE_DOORS))
globals().update(accepting_out(globals(), LINALG))
