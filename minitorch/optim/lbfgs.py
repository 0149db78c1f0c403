"""L-BFGS: Newton's method with a Hessian guessed from the last few steps.   torch: torch/optim/lbfgs.py"""

import math
from collections import namedtuple

from ..engine import enable_grad, no_grad
from ..ops.conversion import zeros_like
from ..ops.joining import cat
from .hyperparameters import check_lr, number
from .optimizer import Optimizer, as_real

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """p ← p + t d, where d ≈ -H⁻¹ g, and H⁻¹ comes of the last ``history_size`` changes of p and of g.

    ``step(closure)`` makes up to ``max_iter`` iterations and calls ``closure``, which computes the loss and the
    gradients, up to ``max_eval`` times (5/4 of max_iter, if not given). t is ``lr``, or is searched for with
    ``line_search_fn="strong_wolfe"``. It ends when no gradient exceeds ``tolerance_grad``, or a change of the loss or
    of any weight falls below ``tolerance_change``. One group only.

    torch: optim.LBFGS.   Liu & Nocedal 1989; Nocedal & Wright, Numerical Optimization, algorithms 7.4, 3.5 and 3.6

    >>> w = nn.Parameter(tensor([3.0, -4.0]))
    >>> o = optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     o.zero_grad()
    ...     loss = ((w - 1) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> o.step(closure).item(), w.detach()
    (29.0, tensor([1.0000, 1.0000]))
    """

    def __init__(
        self, params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7, tolerance_change=1e-9, history_size=100,
        line_search_fn=None,
    ):  # fmt: skip
        check_lr(lr)
        defaults = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @no_grad()
    def step(self, closure):
        """Up to ``max_iter`` iterations. Returns the loss before them."""
        group = self.param_groups[0]
        params, lr, most = group["params"], group["lr"], group["max_eval"]
        state = self.state[params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = _evaluated(closure)
        loss, g, evaluations = float(first_loss), _flat_gradient(params), 1
        state["func_evals"] += 1
        flat = _largest(g) <= group["tolerance_grad"]

        iteration = 0
        while iteration < group["max_iter"] and not flat:
            iteration += 1
            state["n_iter"] += 1
            d = _direction(state, g, group["history_size"])
            state["prev_flat_grad"], state["prev_loss"] = g.clone(), loss
            t = state["t"] = min(1.0, 1.0 / g.abs().sum()) * lr if state["n_iter"] == 1 else lr
            slope = number(g.dot(d))
            if slope > -group["tolerance_change"]:
                break

            spent, last = 0, iteration == group["max_iter"]
            if group["line_search_fn"] is not None:
                here = Point(0, loss, g, slope)
                loss, g, t, spent = self._searched(closure, here, number(t), d, most - evaluations)
            _move(params, number(t), d)
            if group["line_search_fn"] is None and not last:
                loss, g, spent = float(_evaluated(closure)), _flat_gradient(params), 1
            state["t"] = t
            evaluations += spent
            state["func_evals"] += spent

            flat = _largest(g) <= group["tolerance_grad"]
            still = _largest(d * number(t)) <= group["tolerance_change"]
            settled = abs(loss - state["prev_loss"]) < group["tolerance_change"]
            if last or evaluations >= most or still or settled:
                break
        return first_loss

    def _searched(self, closure, here, t, d, most):
        """(loss, gradient, t, evaluations) of the line search along ``d``."""
        group = self.param_groups[0]
        if group["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        params = group["params"]
        origin = [p.clone() for p in params]

        def at(t):
            _move(params, t, d)
            loss, g = float(_evaluated(closure)), _flat_gradient(params)
            for p, value in zip(params, origin, strict=True):
                p.copy_(value)
            return Point(t, loss, g, number(g.dot(d)))

        point, evaluations = _strong_wolfe(at, here, t, _largest(d), most)
        return point.loss, point.gradient, point.t, evaluations


def _evaluated(closure):
    with enable_grad():
        return closure()


def _flat_gradient(params):
    """All gradients in one row, zeros where there is none."""
    return cat([as_real(zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in params], 0)


def _largest(x):
    return number(x.abs().max())


def _move(params, t, d):
    """p ← p + t d, where ``d`` is one row for all parameters."""
    start = 0
    for p in map(as_real, params):
        p.add_(d[start : start + p.numel()].view_as(p), alpha=t)
        start += p.numel()


def _direction(state, g, history_size):
    """-H⁻¹ g, by two loops over the last changes y of the gradient and s of the weights; the state takes the newest."""
    if state["n_iter"] == 1:
        state.update(d=-g, old_dirs=[], old_stps=[], ro=[], H_diag=1)
        return state["d"]

    ys, ss, ros = state["old_dirs"], state["old_stps"], state["ro"]
    y, s = g - state["prev_flat_grad"], state["d"] * state["t"]
    curvature = y.dot(s)
    if number(curvature) > 1e-10:
        for kept, new in zip((ys, ss, ros), (y, s, 1.0 / curvature), strict=True):
            if len(kept) == history_size:
                kept.pop(0)
            kept.append(new)
        state["H_diag"] = curvature / y.dot(y)

    weights = state.setdefault("al", [None] * history_size)
    q = -g
    for i in reversed(range(len(ys))):
        weights[i] = ss[i].dot(q) * ros[i]
        q = q - weights[i] * ys[i]
    d = q * state["H_diag"]
    for i in range(len(ys)):
        d = d + ss[i] * (weights[i] - ys[i].dot(d) * ros[i])
    state["d"] = d
    return d


# ---------------------------------------------------------------------------------------------------------------------
# The line search
# ---------------------------------------------------------------------------------------------------------------------

Point = namedtuple("Point", "t loss gradient slope")
"""What is known at p + t d; slope is the derivative of the loss by t."""


def _strong_wolfe(at, here, t, size, most, c1=1e-4, c2=0.9, tolerance=1e-9):
    """(a point where the loss has fallen enough and is flat enough, the evaluations that it took).

    First steps grow until they bracket such a point, then the bracket shrinks.   size: of the largest element of d.
    """

    def too_high(point):
        return point.loss > here.loss + c1 * point.t * here.slope

    def flat(point):
        return abs(point.slope) <= -c2 * here.slope

    before, point, iterations, bracket = here, at(t), 0, None
    while iterations < most and bracket is None:
        if too_high(point) or (iterations > 1 and point.loss >= before.loss):
            bracket = [before, point]
        elif flat(point):
            return point, iterations + 1
        elif point.slope >= 0:
            bracket = [before, point]
        else:
            t = _lowest_between(before, point, (point.t + 0.01 * (point.t - before.t), point.t * 10))
            before, point = point, at(t)
            iterations += 1
    if bracket is None:
        return min(here, point, key=lambda point: point.loss), iterations + 1

    low, high = sorted(bracket, key=lambda point: point.loss)
    stuck = False
    while iterations < most and abs(high.t - low.t) * size >= tolerance:
        t, stuck = _inside(_lowest_between(low, high), low.t, high.t, stuck)
        point = at(t)
        iterations += 1

        if too_high(point) or point.loss >= low.loss:
            low, high = (point, low) if point.loss < low.loss else (low, point)
        elif flat(point):
            return point, iterations + 1
        else:
            low, high = point, (low if point.slope * (high.t - low.t) >= 0 else high)
    return low, iterations + 1


def _lowest_between(a, b, bounds=None):
    """Where the cubic that has the losses and slopes of two points is lowest, within ``bounds`` or between the two."""
    low, high = bounds or sorted((a.t, b.t))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0

    d2 = math.sqrt(square)
    if a.t > b.t:
        a, b = b, a
    width = b.slope - a.slope + 2 * d2
    if width == 0:
        return (low + high) / 2.0
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / width), low), high)


def _inside(t, a, b, stuck):
    """``t`` kept off the ends of the bracket, if it came too near them twice; and whether it came too near."""
    low, high = min(a, b), max(a, b)
    margin = 0.1 * (high - low)
    if min(high - t, t - low) >= margin:
        return t, False
    if stuck or t >= high or t <= low:
        return (high - margin if abs(t - high) < abs(t - low) else low + margin), False
    return t, True
