"""Muon: momentum, orthogonalized.   torch: torch/optim/_muon.py"""

import math

from ..engine import Tensor
from ..ops.conversion import zeros_like
from .hyperparameters import rate
from .optimizer import Optimizer

__all__ = ["Muon"]


class Muon(Optimizer):
    """b ← b + (1 - momentum) (g - b),   p ← p (1 - lr weight_decay) - lr' O(u)   for matrices p.

    u is b, or with nesterov g + momentum (b - g). O(u) is nearly U Vᵀ, where u = U S Vᵀ: ``ns_steps`` of Newton & Schulz's
    iteration with the coefficients (a, b, c), in bfloat16. lr' is lr √max(1, rows / columns), and with
    ``adjust_lr_fn="match_rms_adamw"`` 0.2 lr √max(rows, columns), to take steps as long as AdamW's.

    It is for the matrices within a network; train biases, embeddings and the last layer with AdamW.

    torch: optim.Muon.   Jordan 2024, kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv:2502.16982

    >>> w = nn.Parameter(tensor([[2.0, 0.0], [0.0, 1.0]]))
    >>> o = optim.Muon([w], lr=0.1, weight_decay=0.0)
    >>> (w * w).sum().backward()
    >>> o.step(); bool(w[0, 0] < 2)
    True
    """

    def __init__(
        self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True, ns_coefficients=(3.4445, -4.7750, 2.0315),
        eps=1e-7, ns_steps=5, adjust_lr_fn=None,
    ):  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not 0.0 <= value:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")

        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}\n"
                        "train the others with AdamW"
                    )

    def update(self, group):
        lr, decay, momentum = rate(group), rate(group, "weight_decay"), rate(group, "momentum")

        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if p.is_complex():
                raise RuntimeError("Muon does not support complex parameters")
            state = self.state[p]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = zeros_like(g)
            b = state["momentum_buffer"].lerp_(g, 1 - momentum)
            u = orthogonalized(g.lerp(b, momentum) if group["nesterov"] else b, group)
            p.mul_(1 - lr * decay)
            p.add_(u, alpha=-lr * _stretch(group["adjust_lr_fn"], *p.shape))


def orthogonalized(u, group):
    """U Vᵀ of u = U S Vᵀ, roughly: each round takes every singular value s to a s + b s³ + c s⁵, which is near 1."""
    if group["ns_steps"] >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(group["ns_coefficients"]) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = group["ns_coefficients"]
    tall = u.shape[0] > u.shape[1]
    x = u.bfloat16()
    x = x.t() if tall else x
    x = x / x.norm().clamp(min=group["eps"])  # no singular value above 1
    for _ in range(group["ns_steps"]):
        square = x @ x.t()
        x = _combined(a, x, 1, _combined(b, square, c, square, square), x)
    return x.t() if tall else x


def _combined(beta, x, alpha, y, z):
    """beta x + alpha y z of bfloat16 matrices, rounded once."""
    return (x.float() * beta + (y.float() @ z.float()) * alpha).bfloat16()


def _stretch(name, rows, columns):
    """How much longer than lr the step of a matrix of that size is."""
    return 0.2 * math.sqrt(max(rows, columns)) if name == "match_rms_adamw" else math.sqrt(max(1, rows / columns))
