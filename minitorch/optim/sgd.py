"""Stochastic gradient descent, with momentum.   torch: torch/optim/sgd.py"""

from ..engine import Tensor
from .optimizer import Optimizer, check_flags, number

__all__ = ["SGD"]


class SGD(Optimizer):
    """p ← p - lr (g + weight_decay p).   With momentum: b ← momentum b + (1 - dampening) g, and p ← p - lr b.

    ``b`` starts as the first gradient. nesterov: p ← p - lr (g + momentum b).   maximize: g is taken negative.

    torch: optim.SGD.   Sutskever, Martens, Dahl & Hinton 2013

    >>> w = nn.Parameter(tensor([1.0, 2.0]))
    >>> o = optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> o.step(); w.tolist()
    [0.800000011920929, 1.600000023841858]
    """

    _absent = {"nesterov": False, "maximize": False, "foreach": None, "differentiable": False, "fused": False}

    def __init__(
        self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *,
        maximize=False, foreach=None, differentiable=False, fused=None,
    ):  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        if fused and differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if fused and foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def update(self, group):
        check_flags(group)
        lr, decay = number(group["lr"]), number(group["weight_decay"])
        momentum, dampening, nesterov = group["momentum"], group["dampening"], group["nesterov"]
        learns = isinstance(lr, Tensor)

        for p, g in self.gradients(group):
            if decay != 0:
                g = g.add(p, alpha=decay)

            if momentum != 0:
                state = self.state[p]
                b = state.get("momentum_buffer")
                if b is None:
                    b = state["momentum_buffer"] = g.detach().clone()
                else:
                    b.mul_(momentum).add_(g, alpha=1 - dampening)
                g = g.add(b, alpha=momentum) if nesterov else b

            if learns:
                p.addcmul_(g, lr, value=-1)
            else:
                p.add_(g, alpha=-lr)
