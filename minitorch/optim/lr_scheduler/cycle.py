"""Schedules that raise the rate and lower it again, and move the momentum against it.

torch: torch/optim/lr_scheduler.py
"""

import math

from .base import LRScheduler, check_optimizer, functions_state, load_functions, per_group, set_value

__all__ = ["CyclicLR", "OneCycleLR"]


class _Cycle(LRScheduler):
    """What both share: the momentum, which is ``momentum`` or, in optimizers of Adam's kind, the first of ``betas``."""

    def _start_momentum(self, base_momentum, max_momentum, start):
        """The lowest and highest momentum of each group. start: write the first one into the groups."""
        defaults, groups = self.optimizer.defaults, self.optimizer.param_groups
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")

        self.use_beta1 = "betas" in defaults
        highest = per_group("max_momentum", self.optimizer, max_momentum)
        lowest = per_group("base_momentum", self.optimizer, base_momentum)
        if start:
            for group, low, high in zip(groups, lowest, highest, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"], group["base_momentum"] = high, low
        return lowest, highest

    def _set_momentum(self, group, momentum):
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_Cycle):
    """lr goes evenly from ``base_lr`` to ``max_lr`` in step_size_up steps, and back in step_size_down, again and again.

    mode: "triangular" (every peak alike), "triangular2" (each half as high), "exp_range" (lower by ``gamma`` each step).
    scale_fn: a scale of one's own in place of a mode, of the cycle's number or of the step's, by scale_mode.
    cycle_momentum: the momentum goes from ``max_momentum`` to ``base_momentum`` meanwhile.

    torch: optim.lr_scheduler.CyclicLR.   Smith 2017, arXiv:1506.01186
    """

    def __init__(
        self, optimizer, base_lr, max_lr, step_size_up=2000, step_size_down=None, mode="triangular", gamma=1.0,
        scale_fn=None, scale_mode="cycle", cycle_momentum=True, base_momentum=0.8, max_momentum=0.9, last_epoch=-1,
    ):  # fmt: skip
        check_optimizer(optimizer)
        self.optimizer = optimizer
        base_lrs = per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                set_value(group, "lr", lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)

        up = float(step_size_up)
        down = up if step_size_down is None else float(step_size_down)
        self.total_size = up + down
        self.step_ratio = up / self.total_size

        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"

        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._start_momentum(
                base_momentum, max_momentum, start=last_epoch == -1
            )
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x):
        """The height of a peak, as a part of the first one's; x is the cycle's number or the step's."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return 1 / (2.0 ** (x - 1))
        return self.gamma**x if self.mode == "exp_range" else 1.0

    def _next_lr(self):
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        way = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)

        if self.cycle_momentum:
            limits = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in limits:
                self._set_momentum(group, high - (high - low) * way * scale)
        return [low + (high - low) * way * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self):
        """All but the optimizer and a plain ``scale_fn``. Of a callable object its attributes are saved."""
        return super().state_dict() | {"_scale_fn_custom": functions_state([self._scale_fn_custom])[0]}

    def load_state_dict(self, state_dict):
        """Go on where the schedule that made ``state_dict`` was; ``scale_fn`` stays this schedule's."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_scale_fn_custom"})
        load_functions([self._scale_fn_custom], [state_dict["_scale_fn_custom"]])


class OneCycleLR(_Cycle):
    """lr rises from max_lr / div_factor to max_lr in ``pct_start`` of all steps, then falls far below where it began.

    The end is the start / final_div_factor. anneal_strategy: along a "cos" or "linear".   three_phase: down to the
    start as fast as up, and to the end in the steps that are left.   cycle_momentum: the momentum falls while lr rises.
    Steps are batches, not epochs: total_steps, or epochs · steps_per_epoch.

    torch: optim.lr_scheduler.OneCycleLR.   Smith & Topin 2018, arXiv:1708.07120

    >>> o = optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1, momentum=0.9)
    >>> schedule = optim.lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=10)
    >>> for step in range(2):
    ...     o.step(); schedule.step()
    >>> schedule.get_last_lr()
    [1.0]
    """

    def __init__(
        self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None, pct_start=0.3,
        anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85, max_momentum=0.95, div_factor=25.0,
        final_div_factor=1e4, three_phase=False, last_epoch=-1,
    ):  # fmt: skip
        check_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        self._schedule_phases = _phases(pct_start, self.total_steps, three_phase)
        if pct_start < 0 or pct_start > 1 or not isinstance(pct_start, float):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_func_type = anneal_strategy

        highest = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, highest, strict=True):
                group["initial_lr"], group["max_lr"] = lr / div_factor, lr
                group["min_lr"] = group["initial_lr"] / final_div_factor

        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._start_momentum(base_momentum, max_momentum, start=last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def _next_lr(self):
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(f"Tried to step {t} times. The specified number of total steps is {self.total_steps}")

        start = 0.0
        for phase in self._schedule_phases:
            end = phase["end_step"]
            if t <= end or phase is self._schedule_phases[-1]:
                break
            start = end
        way = (t - start) / (end - start)

        groups = self.optimizer.param_groups
        rates = [self._between(group[phase["start_lr"]], group[phase["end_lr"]], way) for group in groups]
        if self.cycle_momentum:
            for group in groups:
                momentum = self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], way)
                self._set_momentum(group, momentum)
        return rates

    def _between(self, start, end, way):
        """From ``start`` to ``end`` as ``way`` goes from 0 to 1."""
        if self._anneal_func_type == "linear":
            return (end - start) * way + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * way) + 1)


def _total_steps(total_steps, epochs, steps_per_epoch):
    if total_steps is not None:
        return _positive("total_steps", total_steps)
    if epochs is not None and steps_per_epoch is not None:
        return _positive("epochs", epochs) * _positive("steps_per_epoch", steps_per_epoch)
    raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")


def _positive(name, n):
    if n <= 0 or not isinstance(n, int):
        raise ValueError(f"Expected positive integer {name}, but got {n}")
    return n


def _phases(pct_start, n, three_phase):
    """The phases: where each ends, and the names, in a group, of the values that it goes between."""

    def phase(end, rates, momenta):
        return {
            "end_step": end, "start_lr": rates[0], "end_lr": rates[1],
            "start_momentum": momenta[0], "end_momentum": momenta[1],
        }  # fmt: skip

    up = phase(float(pct_start * n) - 1, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
    if not three_phase:
        return [up, phase(n - 1, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))]
    return [
        up,
        phase(float(2 * pct_start * n) - 2, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum")),
        phase(n - 1, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum")),
    ]
