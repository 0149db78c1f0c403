"""Adadelta.   torch: torch/optim/adadelta.py"""

from ..ops.conversion import zeros_like
from .hyperparameters import acts, advance, check_flags, check_lr, check_not_negative, rate, step_count
from .optimizer import Optimizer

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """v ← rho v + (1 - rho) g²,   δ = √(u + eps) / √(v + eps) · g,   u ← rho u + (1 - rho) δ²,   p ← p - lr δ

    with g ← g + weight_decay p before. v and u start at 0.   maximize: g is taken negative.

    torch: optim.Adadelta.   Zeiler 2012, arXiv:1212.5701
    """

    _absent = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None, *,
        capturable=False, maximize=False, differentiable=False,
    ):  # fmt: skip
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative("epsilon value", eps)
        check_not_negative("weight_decay value", weight_decay)

        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def start(self, p, group):
        state = self.state[p]
        state["step"] = step_count()
        state["square_avg"] = zeros_like(p)
        state["acc_delta"] = zeros_like(p)
        return state

    def update(self, group):
        check_flags(group, xla=False)
        lr, rho, eps, decay = rate(group), group["rho"], group["eps"], rate(group, "weight_decay")

        for p, g, state in self.stateful(group):
            advance(state["step"])
            if acts(decay):
                g = g.add(p, alpha=decay)

            v, u = state["square_avg"], state["acc_delta"]
            v.mul_(rho).addcmul_(g, g, value=1 - rho)
            delta = u.add(eps).sqrt() / v.add(eps).sqrt() * g
            u.mul_(rho).addcmul_(delta, delta, value=1 - rho)
            p.add_(delta, alpha=-lr)
