"""Resilient backpropagation.   torch: torch/optim/rprop.py"""

from ..ops.conversion import full_like, zeros_like
from .hyperparameters import advance, check_flags, check_lr, rate, step_count
from .optimizer import Optimizer

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """p ← p - s sign(g), where each element has its own step s: longer while the sign of g stays, shorter when it turns.

    s ← s · etas[1] if g has its last sign, s · etas[0] if the other one (and g counts as 0 then), within step_sizes.
    s starts as ``lr``.   maximize: g is taken negative. For whole batches: a noisy sign means nothing.

    torch: optim.Rprop.   Riedmiller & Braun 1993
    """

    _absent = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), *,
        capturable=False, foreach=None, maximize=False, differentiable=False,
    ):  # fmt: skip
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")

        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def start(self, p, group):
        state = self.state[p]
        state["step"] = step_count()
        state["prev"] = zeros_like(p)
        size = rate(group)
        state["step_size"] = full_like(p, complex(size, size) if p.is_complex() else size)
        return state

    def update(self, group):
        check_flags(group)
        (shorter, longer), (shortest, longest) = group["etas"], group["step_sizes"]
        rate(group)  # only ``start`` uses it; but it may move, which who records a step has to know

        for p, g, state in self.stateful(group):
            advance(state["step"])
            g = g.detach()  # of g only signs are used, which have no derivative

            agreement = (g * state["prev"]).sign()
            turned = agreement < 0
            factor = agreement.masked_fill(agreement > 0, longer).masked_fill(turned, shorter)
            size = state["step_size"].mul_(factor.masked_fill(agreement == 0, 1)).clamp_(shortest, longest)

            g = g.masked_fill(turned, 0)
            p.addcmul_(g.sign(), size, value=-1)
            state["prev"].copy_(g)
