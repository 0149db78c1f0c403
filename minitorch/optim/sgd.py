"""Stochastic gradient descent, with momentum.   torch: torch/optim/sgd.py"""

from ..engine import Tensor
from ..tape import taped
from .hyperparameters import acts, check_fused, check_lr, check_not_negative, decaying, rate
from .optimizer import Optimizer

__all__ = ["SGD", "descend", "look_ahead", "roll"]


class SGD(Optimizer):
    """p ← p - lr (g + weight_decay p).   With momentum: b ← momentum b + (1 - dampening) g, and p ← p - lr b.

    ``b`` starts as the first gradient. nesterov: p ← p - lr (g + momentum b).   maximize: g is taken negative.

    torch: optim.SGD.   Sutskever, Martens, Dahl & Hinton 2013

    >>> w = nn.Parameter(tensor([1.0, 2.0]))
    >>> o = optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> o.step(); w.detach()
    tensor([0.8000, 1.6000])
    """

    _absent = {"nesterov": False, "maximize": False, "foreach": None, "differentiable": False, "fused": False}

    def __init__(
        self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *,
        maximize=False, foreach=None, differentiable=False, fused=None,
    ):  # fmt: skip
        check_lr(lr)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)

    def update(self, group):
        lr, decay = rate(group), rate(group, "weight_decay")
        momentum, dampening, nesterov = rate(group, "momentum"), group["dampening"], group["nesterov"]
        rolls, usual = acts(momentum), not (dampening or isinstance(lr, Tensor))
        move, numbers = (look_ahead if nesterov else roll, (momentum,)) if rolls else (descend, ())
        if acts(decay):
            move, numbers = DECAYING[move], (*numbers, decay)

        rows = []
        for p, g in self.gradients(group):
            b = self.state[p].get("momentum_buffer") if rolls else None
            if not usual or (rolls and b is None):
                self.move_alone(p, g, b, lr, decay, momentum, group)
            else:
                rows.append((p, g, b, -lr, *numbers) if rolls else (p, g, -lr, *numbers))
        move.each(rows)

    def move_alone(self, p, g, b, lr, decay, momentum, group):
        """The update of one parameter, with whatever options; ``b`` is None before the first."""
        if acts(decay):
            g = g.add(p, alpha=decay)
        if acts(momentum):
            if b is None:
                b = self.state[p]["momentum_buffer"] = g.detach().clone()
            elif group["dampening"] == 0:
                b.mul_(momentum).add_(g)
            else:
                b.mul_(momentum).add_(g, alpha=1 - group["dampening"])
            g = g.add(b, alpha=momentum) if group["nesterov"] else b
        if isinstance(lr, Tensor):
            p.addcmul_(g, lr, value=-1)
        else:
            p.add_(g, alpha=-lr)


@taped
def descend(p, g, step):
    """p ← p + step g."""
    p.add_(g, alpha=step)


@taped
def roll(p, g, b, step, momentum):
    """b ← momentum b + g, and p ← p + step b."""
    b.mul_(momentum).add_(g)
    p.add_(b, alpha=step)


@taped
def look_ahead(p, g, b, step, momentum):
    """b ← momentum b + g, and p ← p + step (g + momentum b)."""
    b.mul_(momentum).add_(g)
    p.add_(g.add(b, alpha=momentum), alpha=step)


DECAYING = {move: decaying(move) for move in (descend, roll, look_ahead)}
