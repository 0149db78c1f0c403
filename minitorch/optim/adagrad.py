"""Adagrad.   torch: torch/optim/adagrad.py"""

from ..ops.conversion import full_like
from ..tape import taped
from .hyperparameters import (
    acts,
    advanced,
    check_flags,
    check_fused,
    check_lr,
    check_not_negative,
    decaying,
    rate,
    step_count,
)
from .optimizer import Optimizer

__all__ = ["Adagrad", "descend"]


class Adagrad(Optimizer):
    """s ← s + g²,   p ← p - lr / (1 + (t - 1) lr_decay) · g / (√s + eps)   in the t-th step, with g ← g + weight_decay p.

    s starts as ``initial_accumulator_value``.   maximize: g is taken negative.

    torch: optim.Adagrad.   Duchi, Hazan & Singer 2011

    >>> w = nn.Parameter(tensor([1.0, -2.0]))
    >>> o = optim.Adagrad([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> o.step(); w.detach()
    tensor([ 0.5000, -1.5000])
    """

    _absent = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(
        self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, foreach=None, *,
        maximize=False, differentiable=False, fused=None,
    ):  # fmt: skip
        check_lr(lr)
        check_not_negative("lr_decay value", lr_decay)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("initial_accumulator_value value", initial_accumulator_value)
        check_not_negative("epsilon value", eps)

        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)

        for group in self.param_groups:
            for p in group["params"]:
                self.start(p, group)

    def start(self, p, group):
        state = self.state[p]
        state["step"] = step_count(fused=group["fused"])
        start = self.defaults["initial_accumulator_value"]
        state["sum"] = full_like(p, complex(start, start) if p.is_complex() else start)
        return state

    def update(self, group):
        check_flags(group)
        lr, lr_decay, eps, decay = rate(group), group["lr_decay"], group["eps"], rate(group, "weight_decay")
        differentiable = group["differentiable"]

        rows, met = [], list(self.stateful(group))
        counts = advanced([state["step"] for _, _, state in met])
        for (p, g, state), t in zip(met, counts, strict=True):
            s, step = state["sum"], -lr / (1 + (t - 1) * lr_decay)
            if not differentiable:
                rows.append((p, g, s, float(eps), step, decay) if acts(decay) else (p, g, s, float(eps), step))
                continue
            if acts(decay):
                g = g.add(p, alpha=decay)
            p.addcdiv_(g, s.addcmul_(g, g).sqrt() + eps, value=step)
        (decay_and_descend if acts(decay) else descend).each(rows)


@taped
def descend(p, g, s, eps, step):
    """The update itself."""
    s.addcmul_(g, g)
    p.addcdiv_(g, s.sqrt().add_(eps), value=step)


decay_and_descend = decaying(descend)
