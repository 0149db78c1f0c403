"""Adamax.   torch: torch/optim/adamax.py"""

from ..ops.conversion import zeros_like
from .hyperparameters import acts, advance, check_betas, check_flags, check_lr, check_not_negative, rate, step_count
from .optimizer import Optimizer

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """m ← β₁ m + (1 - β₁) g,   u ← max(β₂ u, |g| + eps),   p ← p - lr / (1 - β₁ᵗ) · m / u   in the t-th step

    with g ← g + weight_decay p before: Adam with the largest gradient in place of the mean square.
    maximize: g is taken negative.

    torch: optim.Adamax.   Kingma & Ba 2015, arXiv:1412.6980, algorithm 2
    """

    _absent = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, foreach=None, *,
        maximize=False, differentiable=False, capturable=False,
    ):  # fmt: skip
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)

        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def start(self, p, group):
        state = self.state[p]
        state["step"] = step_count()
        state["exp_avg"] = zeros_like(p)
        state["exp_inf"] = zeros_like(p)
        return state

    def update(self, group):
        check_flags(group)
        lr, eps, decay = rate(group), group["eps"], rate(group, "weight_decay")
        b1, b2 = rate(group, "betas", 0), rate(group, "betas", 1)

        for p, g, state in self.stateful(group):
            t = advance(state["step"])
            if acts(decay):
                g = g.add(p, alpha=decay)

            m = state["exp_avg"].lerp_(g, 1 - b1)
            u = state["exp_inf"]
            u.copy_((u * b2).maximum(g.abs() + eps))
            p.addcdiv_(m, u, value=-lr / (1 - b1**t))
