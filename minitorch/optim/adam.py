"""Adam.   torch: torch/optim/adam.py"""

from ..engine import Tensor
from ..ops.conversion import zeros_like
from ..tape import taped
from .hyperparameters import (
    acts,
    advanced,
    check_betas,
    check_flags,
    check_fused,
    check_lr,
    check_not_negative,
    decaying,
    rate,
    step_count,
)
from .optimizer import Optimizer

__all__ = ["Adam", "descend"]


class Adam(Optimizer):
    """m ← β₁ m + (1 - β₁) g,   v ← β₂ v + (1 - β₂) g²,   p ← p - lr m̂ / (√v̂ + eps)

    with m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) in the t-th step, and g ← g + weight_decay p before.
    decoupled_weight_decay: p ← p (1 - lr weight_decay) instead, as in AdamW.
    amsgrad: the largest v so far in place of v.   maximize: g is taken negative.

    torch: optim.Adam.   Kingma & Ba 2015, arXiv:1412.6980; amsgrad: Reddi, Kale & Kumar 2018, arXiv:1904.09237

    >>> w = nn.Parameter(tensor([1.0, -2.0]))
    >>> o = optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> o.step(); w.detach()          # the first step is lr long, whatever the gradient's size
    tensor([ 0.9000, -1.9000])
    """

    _absent = {
        "amsgrad": False, "maximize": False, "foreach": None, "capturable": False, "differentiable": False,
        "decoupled_weight_decay": False, "fused": None,
    }  # fmt: skip

    def __init__(
        self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *,
        foreach=None, maximize=False, capturable=False, differentiable=False, fused=None,
        decoupled_weight_decay=False,
    ):  # fmt: skip
        _check(lr, betas, eps, weight_decay, foreach and not capturable)
        betas = tuple(b.squeeze() if isinstance(b, Tensor) and b.dim() != 0 else b for b in betas)

        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_fused(fused, foreach, differentiable)

    def start(self, p, group):
        state = self.state[p]
        state["step"] = step_count(fused=group["fused"])
        state["exp_avg"] = zeros_like(p)
        state["exp_avg_sq"] = zeros_like(p)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_like(p)
        return state

    def update(self, group):
        check_flags(group)
        lr, eps, decay = rate(group), group["eps"], rate(group, "weight_decay")
        b1, b2 = rate(group, "betas", 0), rate(group, "betas", 1)
        amsgrad, decoupled, differentiable = group["amsgrad"], group["decoupled_weight_decay"], group["differentiable"]

        met = list(self.stateful(group))
        counts = advanced([state["step"] for _, _, state in met])
        if acts(decay) and decoupled:
            kept = 1 - lr * decay
            shrink.each([(p, kept) for p, _, _ in met])
        decays, rows = acts(decay) and not decoupled, []
        before, after, more = (1.0 - b1, b2, 1.0 - b2), float(eps), (decay,) if decays else ()

        corrections = {t: (1 - b1**t, (1 - b2**t) ** 0.5) for t in dict.fromkeys(counts)}
        back = -lr
        for (p, g, state), t in zip(met, counts, strict=True):
            m, v = state["exp_avg"], state["exp_avg_sq"]
            c1, c2 = corrections[t]
            if not differentiable:
                most = (state["max_exp_avg_sq"],) if amsgrad else ()
                rows.append((p, g, m, v, *most, *before, c2, after, back / c1, *more))
                continue

            if decays:
                g = g.add(p, alpha=decay)
            m.lerp_(g, 1 - b1)
            v.mul_(b2).addcmul_(g, g, value=1 - b2)
            if amsgrad:
                # Nothing that backward needs may be written later, as the averages will be in the next step.
                v = state["max_exp_avg_sq"].copy_(state["max_exp_avg_sq"].clone().maximum(v.clone()))
            p.sub_(m.clone() / (v.sqrt() / c2 + eps) * (lr / c1))
        if amsgrad:
            (decay_and_descend_by_most if decays else descend_by_most).each(rows)
        else:
            (decay_and_descend if decays else descend).each(rows)


@taped
def descend(p, g, m, v, rate1, b2, rate2, c2, eps, step):
    """The update itself: ``step`` is -lr / (1 - β₁ᵗ), ``c2`` √(1 - β₂ᵗ), and the rates are 1 - β₁ and 1 - β₂."""
    m.lerp_(g, rate1)
    v.mul_(b2).addcmul_(g, g, value=rate2)
    p.addcdiv_(m, v.sqrt().div_(c2).add_(eps), value=step)


@taped
def descend_by_most(p, g, m, v, most, rate1, b2, rate2, c2, eps, step):
    """The update of AMSGrad: by the largest ``v`` so far."""
    m.lerp_(g, rate1)
    v.mul_(b2).addcmul_(g, g, value=rate2)
    most.copy_(most.maximum(v))
    p.addcdiv_(m, most.sqrt().div_(c2).add_(eps), value=step)


decay_and_descend, decay_and_descend_by_most = decaying(descend), decaying(descend_by_most)


@taped
def shrink(p, factor):
    """p ← factor p."""
    p.mul_(factor)


def _check(lr, betas, eps, weight_decay, refuses_tensors):
    """PyTorch's errors for hyperparameters out of range, in PyTorch's order."""
    if isinstance(lr, Tensor) and refuses_tensors:
        raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
    check_lr(lr)
    check_not_negative("epsilon value", eps)
    check_betas(betas)
    check_not_negative("weight_decay value", weight_decay)

    kinds = {Tensor if isinstance(b, Tensor) else type(b) for b in betas[:2]}
    if kinds not in ({float}, {Tensor}):
        raise ValueError("betas must be either both floats or both Tensors")
    for i in 0, 1:
        if isinstance(betas[i], Tensor):
            if refuses_tensors:
                raise ValueError(f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True")
            if betas[i].numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")
