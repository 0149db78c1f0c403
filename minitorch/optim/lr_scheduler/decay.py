"""Schedules that multiply the rate by a factor: given by a function, by steps, or by a simple law.

torch: torch/optim/lr_scheduler.py
"""

from bisect import bisect_right
from collections import Counter

from .base import LRScheduler, functions_state, load_functions

__all__ = [
    "ConstantLR", "ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "PolynomialLR", "StepLR",
]  # fmt: skip


class LambdaLR(LRScheduler):
    """lr = initial_lr · lr_lambda(epoch).   lr_lambda: a function, or a list with one for each group.

    torch: optim.lr_scheduler.LambdaLR

    >>> o = optim.SGD([nn.Parameter(torch.ones(2))], lr=1.0)
    >>> schedule = optim.lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch))
    >>> o.step(); schedule.step(); schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        n = len(optimizer.param_groups)
        if not isinstance(lr_lambda, (list, tuple)):
            lr_lambda = [lr_lambda] * n
        if len(lr_lambda) != n:
            raise ValueError(f"Expected {n} lr_lambdas, but got {len(lr_lambda)}")
        self.lr_lambdas = list(lr_lambda)
        self._check_functions()
        super().__init__(optimizer, last_epoch)

    def _check_functions(self):
        pass  # torch checks them in MultiplicativeLR only

    def _next_lr(self):
        return [lr * f(self.last_epoch) for lr, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def state_dict(self):
        """All but the optimizer and plain functions. Of a callable object its attributes are saved."""
        return super().state_dict() | {"lr_lambdas": functions_state(self.lr_lambdas)}

    def load_state_dict(self, state_dict):
        """Go on where the schedule that made ``state_dict`` was; the functions stay this schedule's."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "lr_lambdas"})
        load_functions(self.lr_lambdas, state_dict["lr_lambdas"])


class MultiplicativeLR(LambdaLR):
    """lr ← lr · lr_lambda(epoch), from the second epoch on.   lr_lambda: a function, or a list with one for each group.

    torch: optim.lr_scheduler.MultiplicativeLR
    """

    def _check_functions(self):
        for f in self.lr_lambdas:
            if not callable(f):
                raise TypeError(f"lr_lambda should be a function, but got {type(f).__name__}")

    def _next_lr(self):
        if self._is_initial:
            return self._unchanged()
        groups = self.optimizer.param_groups
        return [group["lr"] * f(self.last_epoch) for group, f in zip(groups, self.lr_lambdas, strict=True)]


class StepLR(LRScheduler):
    """lr ← lr · gamma every ``step_size`` epochs.   torch: optim.lr_scheduler.StepLR

    >>> o = optim.SGD([nn.Parameter(torch.ones(2))], lr=1.0)
    >>> schedule = optim.lr_scheduler.StepLR(o, step_size=2, gamma=0.5)
    >>> for epoch in range(4):
    ...     o.step(); schedule.step(); print(schedule.get_last_lr())
    [1.0]
    [0.5]
    [0.5]
    [0.25]
    """

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def _next_lr(self):
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self._unchanged()
        return self._times(self.gamma)

    def _get_closed_form_lr(self):
        return [lr * self.gamma ** (self.last_epoch // self.step_size) for lr in self.base_lrs]


class MultiStepLR(LRScheduler):
    """lr ← lr · gamma at each epoch in ``milestones``.   torch: optim.lr_scheduler.MultiStepLR"""

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def _next_lr(self):
        if self.last_epoch not in self.milestones:
            return self._unchanged()
        return self._times(self.gamma ** self.milestones[self.last_epoch])

    def _get_closed_form_lr(self):
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [lr * self.gamma**passed for lr in self.base_lrs]


class ConstantLR(LRScheduler):
    """lr = initial_lr · factor for the first ``total_iters`` epochs.   torch: optim.lr_scheduler.ConstantLR"""

    def __init__(self, optimizer, factor=1.0 / 3, total_iters=5, last_epoch=-1):
        if factor > 1.0 or factor < 0:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _next_lr(self):
        if self.last_epoch == 0:
            return self._times(self.factor)
        if self.last_epoch != self.total_iters:
            return self._unchanged()
        return self._times(1.0 / self.factor)

    def _get_closed_form_lr(self):
        over = self.last_epoch >= self.total_iters
        return [lr * (self.factor + over * (1 - self.factor)) for lr in self.base_lrs]


class LinearLR(LRScheduler):
    """lr = initial_lr · factor, where the factor goes evenly from ``start_factor`` to ``end_factor`` in ``total_iters``.

    torch: optim.lr_scheduler.LinearLR

    >>> o = optim.SGD([nn.Parameter(torch.ones(2))], lr=1.0)
    >>> schedule = optim.lr_scheduler.LinearLR(o, start_factor=0.5, total_iters=2)
    >>> schedule.get_last_lr()
    [0.5]
    >>> o.step(); schedule.step(); schedule.get_last_lr()
    [0.75]
    """

    def __init__(self, optimizer, start_factor=1.0 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        if start_factor > 1.0 or start_factor <= 0:
            raise ValueError("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.")
        if end_factor > 1.0 or end_factor < 0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _next_lr(self):
        if self.last_epoch == 0:
            return self._times(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._unchanged()

        # factor(t) / factor(t - 1) = 1 + rise / (n · factor(t - 1)), both times n
        rise = self.end_factor - self.start_factor
        return self._times(1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))

    def _get_closed_form_lr(self):
        rise, n = self.end_factor - self.start_factor, self.total_iters
        return [lr * (self.start_factor + rise * min(n, self.last_epoch) / n) for lr in self.base_lrs]


class ExponentialLR(LRScheduler):
    """lr ← lr · gamma each epoch.   torch: optim.lr_scheduler.ExponentialLR"""

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _next_lr(self):
        return self._unchanged() if self._is_initial else self._times(self.gamma)

    def _get_closed_form_lr(self):
        return [lr * self.gamma**self.last_epoch for lr in self.base_lrs]


class PolynomialLR(LRScheduler):
    """lr = initial_lr · (1 - epoch / total_iters)^power, then 0.   torch: optim.lr_scheduler.PolynomialLR"""

    def __init__(self, optimizer, total_iters=5, power=1.0, last_epoch=-1):
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def _next_lr(self):
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._unchanged()
        left, left_before = 1.0 - self.last_epoch / self.total_iters, 1.0 - (self.last_epoch - 1) / self.total_iters
        return self._times((left / left_before) ** self.power)

    def _get_closed_form_lr(self):
        n = self.total_iters
        return [lr * (1.0 - min(n, self.last_epoch) / n) ** self.power for lr in self.base_lrs]
