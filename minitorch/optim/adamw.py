"""AdamW.   torch: torch/optim/adamw.py"""

from .adam import Adam

__all__ = ["AdamW"]


class AdamW(Adam):
    """Adam whose weight decay acts on the parameter, not on the gradient: p ← p (1 - lr weight_decay) before each step.

    torch: optim.AdamW.   Loshchilov & Hutter 2019, arXiv:1711.05101

    >>> w = nn.Parameter(tensor([1.0]))
    >>> o = optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> w.grad = tensor([0.0])
    >>> o.step(); w.detach()
    tensor([0.9500])
    """

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, *,
        maximize=False, foreach=None, capturable=False, differentiable=False, fused=None,
    ):  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
