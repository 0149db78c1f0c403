"""Averaged stochastic gradient descent.   torch: torch/optim/asgd.py"""

from ..engine import Tensor
from ..ops.conversion import zeros_like
from .hyperparameters import (
    acts,
    advance,
    check_flags,
    check_lr,
    check_not_negative,
    larger,
    measured,
    rate,
    step_count,
)
from .optimizer import Optimizer

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """p ← (1 - lambd η) p - η g,   a ← a + μ (p - a);   then η = lr / (1 + lambd lr t)^alpha, μ = 1 / max(1, t - t0)

    with g ← g + weight_decay p before. The average a, in ``state[p]["ax"]``, is p itself up to step t0.

    torch: optim.ASGD.   Polyak & Juditsky 1992
    """

    _absent = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, foreach=None, maximize=False,
        differentiable=False, capturable=False,
    ):  # fmt: skip
        check_lr(lr)
        check_not_negative("weight_decay value", weight_decay)

        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def start(self, p, group):
        state = self.state[p]
        state["step"] = step_count()
        state["eta"] = step_count(rate(group))
        state["mu"] = step_count(1.0)
        state["ax"] = zeros_like(p)
        return state

    def update(self, group):
        check_flags(group, "params, mus, etas, and state_steps")
        lr, decay = rate(group), rate(group, "weight_decay")
        lambd, alpha, t0 = group["lambd"], group["alpha"], group["t0"]

        for p, g, state in self.stateful(group):
            t = advance(state["step"])
            if acts(decay):
                g = g.add(p, alpha=decay)

            eta, mu, a = measured(state["eta"]), measured(state["mu"]), state["ax"]
            p.mul_(1 - lambd * eta).add_(g, alpha=-eta)
            a.copy_(_average(a, p, mu))

            # Through a tensor of the count's own dtype: a float64 weight's eta, once loaded, is a float64 that holds it.
            state["eta"].copy_(step_count(lr / (1 + lambd * lr * t) ** alpha))
            state["mu"].copy_(step_count(1 / larger(1, t - t0)))


def _average(a, p, mu):
    """a + μ (p - a); p itself where μ is 1, whatever a was."""
    if isinstance(mu, Tensor):
        return p.where(mu == 1, a + (p - a) * mu)
    return p if mu == 1 else a + (p - a) * mu
