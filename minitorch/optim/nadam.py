"""NAdam.   torch: torch/optim/nadam.py"""

from ..ops.conversion import zeros_like
from .hyperparameters import (
    acts,
    advance,
    check_betas,
    check_flags,
    check_lr,
    check_not_negative,
    measured,
    rate,
    step_count,
)
from .optimizer import Optimizer

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """Adam with Nesterov's momentum: the step takes the momentum that the next gradient will meet.

    μₜ = β₁ (1 - 0.96^(t·momentum_decay) / 2),   Π = μ₁ ⋯ μₜ,   m and v as in Adam,   v̂ = v / (1 - β₂ᵗ)
    p ← p - lr [ (1 - μₜ) / (1 - Π) g + μₜ₊₁ / (1 - Π μₜ₊₁) m ] / (√v̂ + eps)

    weight_decay: g ← g + weight_decay p before, or p ← p (1 - lr weight_decay) if decoupled_weight_decay.

    torch: optim.NAdam.   Dozat 2016
    """

    _absent = {
        "maximize": False, "foreach": None, "capturable": False, "differentiable": False,
        "decoupled_weight_decay": False,
    }  # fmt: skip

    def __init__(
        self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
        decoupled_weight_decay=False, *, foreach=None, maximize=False, capturable=False, differentiable=False,
    ):  # fmt: skip
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("momentum_decay value", momentum_decay)

        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def start(self, p, group):
        state = self.state[p]
        state["step"] = step_count()
        state["mu_product"] = step_count(1.0)
        state["exp_avg"] = zeros_like(p)
        state["exp_avg_sq"] = zeros_like(p)
        return state

    def update(self, group):
        check_flags(group, "params, mu_products and state_steps")
        lr, eps, decay = rate(group), group["eps"], rate(group, "weight_decay")
        b1, b2 = rate(group, "betas", 0), rate(group, "betas", 1)
        slowing, decoupled, differentiable = (
            group["momentum_decay"], group["decoupled_weight_decay"], group["differentiable"],
        )  # fmt: skip

        for p, g, state in self.stateful(group):
            t = advance(state["step"])
            if acts(decay) and decoupled:
                p.mul_(1 - lr * decay)
            elif acts(decay):
                g = g.add(p, alpha=decay)

            mu, mu_next = [b1 * (1.0 - 0.5 * 0.96 ** (i * slowing)) for i in (t, t + 1)]
            product = measured(state["mu_product"].mul_(mu))
            m = state["exp_avg"].lerp_(g, 1 - b1)
            v = state["exp_avg_sq"].mul_(b2).addcmul_(g, g, value=1 - b2)

            root = (v / (1 - b2**t)).sqrt() + eps
            p.addcdiv_(g, root, value=-lr * (1.0 - mu) / (1.0 - product))
            p.addcdiv_(m.clone() if differentiable else m, root, value=-lr * mu_next / (1.0 - product * mu_next))
