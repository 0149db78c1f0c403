"""RMSprop.   torch: torch/optim/rmsprop.py"""

from ..ops.conversion import zeros_like
from ..tape import taped
from .hyperparameters import acts, check_flags, check_lr, check_not_negative, count_up, decaying, rate, step_count
from .optimizer import Optimizer

__all__ = ["RMSprop", "descend"]


class RMSprop(Optimizer):
    """v ← alpha v + (1 - alpha) g²,   p ← p - lr g / (√v + eps),   with g ← g + weight_decay p before.

    centered: √(v - m²) in place of √v, with m ← alpha m + (1 - alpha) g: an estimate of the variance.
    With momentum: b ← momentum b + g / (√v + eps), and p ← p - lr b.   maximize: g is taken negative.

    torch: optim.RMSprop.   Hinton's lecture 6e, 2012; centered: Graves 2013, arXiv:1308.0850

    >>> w = nn.Parameter(tensor([1.0]))
    >>> o = optim.RMSprop([w], lr=0.1)
    >>> w.grad = tensor([2.0])
    >>> o.step(); w.detach()          # √v is a tenth of |g| in the first step
    tensor([5.9605e-08])
    """

    _absent = {
        "momentum": 0, "centered": False, "foreach": None, "maximize": False, "differentiable": False,
        "capturable": False,
    }  # fmt: skip

    def __init__(
        self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False,
        capturable=False, foreach=None, maximize=False, differentiable=False,
    ):  # fmt: skip
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_not_negative("momentum value", momentum)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("alpha value", alpha)

        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def start(self, p, group):
        state = self.state[p]
        state["step"] = step_count()
        state["square_avg"] = zeros_like(p)
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros_like(p)
        if group["centered"]:
            state["grad_avg"] = zeros_like(p)
        return state

    def update(self, group):
        check_flags(group)
        lr, alpha, eps, decay = rate(group), group["alpha"], group["eps"], rate(group, "weight_decay")
        momentum, centered, differentiable = rate(group, "momentum"), group["centered"], group["differentiable"]
        plain = not (centered or differentiable)

        met = list(self.stateful(group))
        count_up.each([(state["step"],) for _, _, state in met])
        if plain:
            numbers, more = (float(alpha), 1.0 - alpha, float(eps), -lr), (decay,) if acts(decay) else ()
            if acts(momentum):
                move, numbers = (decay_and_roll if more else roll), (*numbers, momentum)
                move.each([(p, g, state["square_avg"], state["momentum_buffer"], *numbers, *more) for p, g, state in met])
            else:
                move = decay_and_descend if more else descend
                move.each([(p, g, state["square_avg"], *numbers, *more) for p, g, state in met])
            return

        for p, g, state in met:
            if acts(decay):
                g = g.add(p, alpha=decay)
            v = state["square_avg"].mul_(alpha).addcmul_(g, g, value=1 - alpha)
            if centered:
                m = state["grad_avg"].lerp_(g, 1 - alpha)
                v = v.addcmul(m, m, value=-1)
            root = v.sqrt()
            root = root.add(eps) if differentiable else root.add_(eps)

            if acts(momentum):
                b = state["momentum_buffer"].mul_(momentum).addcdiv_(g, root)
                p.add_(b, alpha=-lr)
            else:
                p.addcdiv_(g, root, value=-lr)


@taped
def descend(p, g, v, alpha, rate, eps, step):
    """The update itself, without momentum: ``rate`` is 1 - alpha, ``step`` is -lr."""
    v.mul_(alpha).addcmul_(g, g, value=rate)
    p.addcdiv_(g, v.sqrt().add_(eps), value=step)


@taped
def roll(p, g, v, b, alpha, rate, eps, step, momentum):
    """The update with momentum, whose buffer is ``b``."""
    v.mul_(alpha).addcmul_(g, g, value=rate)
    b.mul_(momentum).addcdiv_(g, v.sqrt().add_(eps))
    p.add_(b, alpha=step)


decay_and_descend, decay_and_roll = decaying(descend), decaying(roll)
