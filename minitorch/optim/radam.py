"""RAdam.   torch: torch/optim/radam.py"""

from ..engine import Tensor
from ..ops.conversion import zeros_like
from .hyperparameters import acts, advance, check_betas, check_flags, check_lr, check_not_negative, rate, step_count
from .optimizer import Optimizer

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """Adam that waits for its variance: until enough steps were seen, p ← p - lr m̂; then p ← p - lr r m̂ √(1 - β₂ᵗ) / (√v + eps).

    m̂ = m / (1 - β₁ᵗ);   ρ∞ = 2 / (1 - β₂) - 1,   ρₜ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ);   enough is ρₜ > 5, and
    r = √((ρₜ - 4)(ρₜ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρₜ)).

    weight_decay: g ← g + weight_decay p before, or p ← p (1 - lr weight_decay) if decoupled_weight_decay.

    torch: optim.RAdam.   Liu et al. 2020, arXiv:1908.03265
    """

    _absent = {
        "foreach": None, "maximize": False, "differentiable": False, "decoupled_weight_decay": False,
        "capturable": False,
    }  # fmt: skip

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False, *,
        foreach=None, maximize=False, capturable=False, differentiable=False,
    ):  # fmt: skip
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)

        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def start(self, p, group):
        state = self.state[p]
        state["step"] = step_count()
        state["exp_avg"] = zeros_like(p)
        state["exp_avg_sq"] = zeros_like(p)
        return state

    def update(self, group):
        check_flags(group)
        lr, eps, decay = rate(group), group["eps"], rate(group, "weight_decay")
        b1, b2 = rate(group, "betas", 0), rate(group, "betas", 1)
        decoupled = group["decoupled_weight_decay"]

        for p, g, state in self.stateful(group):
            t = advance(state["step"])
            if acts(decay) and decoupled:
                p.mul_(1 - lr * decay)
            elif acts(decay):
                g = g.add(p, alpha=decay)

            m = state["exp_avg"].lerp_(g, 1 - b1)
            v = state["exp_avg_sq"].mul_(b2).addcmul_(g, g, value=1 - b2)

            change = m / (1 - b1**t) * lr
            limit = 2 / (1 - b2) - 1
            length = limit - 2 * t * b2**t / (1 - b2**t)
            trusted = length > 5.0  # a Tensor where the step is recorded
            if isinstance(trusted, Tensor) or trusted:
                rectified = change * ((1 - b2**t) ** 0.5 / (v.sqrt() + eps)) * _rectification(length, limit)
                change = rectified.where(trusted, change) if isinstance(trusted, Tensor) else rectified
            p.sub_(change)


def _rectification(length, limit):
    """r, where the variance is to be trusted."""
    return ((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)) ** 0.5
