"""Adafactor: Adam's second moments in rows and columns.   torch: torch/optim/_adafactor.py"""

from ..dtypes import finfo
from ..engine import Tensor
from ..ops.conversion import zeros_like
from .hyperparameters import acts, advance, larger, measured, rate, smaller, step_count
from .optimizer import Optimizer

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """p ← p (1 - lr weight_decay) - α u / max(1, RMS(u) / d),   u = g / √v,   α = max(eps₂, RMS(p)) min(lr, 1/√t)

    v is an average of g² that forgets at the rate t^beta2_decay. Of a matrix only its row means r and column means c are
    kept, and v = r c / mean(r); of more dims the last two are the matrix. No divisor is below eps₁, by default the
    dtype's own.   maximize: g is taken negative.

    torch: optim.Adafactor.   Shazeer & Stern 2018, arXiv:1804.04235

    >>> w = nn.Parameter(tensor([1.0, -2.0]))
    >>> o = optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> o.step(); w.detach()          # each moves by lr times the weights' size
    tensor([ 0.8419, -1.8419])
    """

    _absent = {"foreach": None}

    def __init__(
        self, params, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0, *, foreach=None,
        maximize=False,
    ):  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for wrong, text, value in (
            (not 0.0 <= lr, "Learning rate should be >= 0", lr),
            (not 0.0 >= beta2_decay, "beta2_decay should be <= 0", beta2_decay),
            (eps[0] is not None and not 0.0 <= eps[0], "epsilon1 should be >= 0", eps[0]),
            (not 0.0 <= eps[1], "epsilon2 should be >= 0", eps[1]),
            (not 1.0 <= d, "Clipping threshold d should be >= 1", d),
            (not 0.0 <= weight_decay, "weight_decay should be >= 0", weight_decay),
        ):
            if wrong:
                raise ValueError(f"{text} but is: {value}")
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def start(self, p, group):
        state, shape = self.state[p], p.shape
        state["step"] = step_count()
        if len(shape) > 1:
            state["row_var"] = p.new_zeros((*shape[:-1], 1))
            state["col_var"] = p.new_zeros((*shape[:-2], 1, shape[-1]))
        else:
            state["variance"] = zeros_like(p)
        return state

    def update(self, group):
        lr, decay, (eps1, eps2) = rate(group), rate(group, "weight_decay"), group["eps"]

        for p, g in self.gradients(group):
            if p.is_complex():
                raise RuntimeError("Adafactor does not support complex parameters")
            state = self.state[p] or self.start(p, group)
            t = advance(state["step"])
            smallest = finfo(p.dtype).eps if eps1 is None else eps1
            alpha = larger(eps2, _rms(p)) * smaller(lr, t**-0.5)
            if acts(decay):
                p.mul_(1 - lr * decay)

            v = _moments(state, g, t ** group["beta2_decay"], smallest)
            u = v.clamp_(min=smallest * smallest).rsqrt_().mul_(g)
            p.add_(u, alpha=-alpha / larger(1.0, _rms(u) / group["d"]))


def _rms(x):
    """√mean(x²), as a number."""
    return measured(x.norm(2)) / x.numel() ** 0.5


def _moments(state, g, rate, smallest):
    """The average of g², brought up to date: itself, or the product of its rows' and columns' means."""
    if g.ndim < 2:
        return state["variance"].lerp_(g * g, rate).clone()
    rows, columns = state["row_var"], state["col_var"]
    rows.lerp_(g.norm(dim=-1, keepdim=True).square_().div_(g.size(-1)), rate)
    columns.lerp_(g.norm(dim=-2, keepdim=True).square_().div_(g.size(-2)), rate)
    return (rows @ columns).div_(rows.mean(dim=-2, keepdim=True).clamp_(min=smallest))
