"""The gradients of softmax and of its logarithm, from what these gave. Rows for speed: several passes in one.

torch: _softmax_backward_data, _log_softmax_backward_data
"""

from ..table import REAL_FLOATS, reduction

__all__ = ["log_softmax_grad", "softmax_grad"]

# y (x - Σ x y)
softmax_grad = reduction(
    "softmax_grad",
    lambda xp, x, y, dim: xp.softmax_grad(x, y, dim),
    lambda g, _out, _x, y, dim: g.softmax_grad(y, dim),
    lambda g, _out, x, y, dim: g * (x - (x * y).sum(dim, True)) - x * (g * y).sum(dim, True),
    ready=REAL_FLOATS,
    label="SoftmaxBackward",
)
# x - e^y Σ x
log_softmax_grad = reduction(
    "log_softmax_grad",
    lambda xp, x, y, dim: xp.log_softmax_grad(x, y, dim),
    lambda g, _out, _x, y, dim: g - (g * y.exp()).sum(dim, True),
    lambda g, _out, x, y, dim: -g * y.exp() * x.sum(dim, True),
    ready=REAL_FLOATS,
    label="LogSoftmaxBackward",
)
