"""Schedules along half a cosine.   torch: torch/optim/lr_scheduler.py"""

import math
from functools import partial

from ...modes import tracer
from .base import LRScheduler

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (initial_lr - eta_min) (1 + cos(π epoch / T_max)) / 2

    torch: optim.lr_scheduler.CosineAnnealingLR.   Loshchilov & Hutter 2017, arXiv:1608.03983, without the restarts

    >>> o = optim.SGD([nn.Parameter(torch.ones(2))], lr=1.0)
    >>> schedule = optim.lr_scheduler.CosineAnnealingLR(o, T_max=2)
    >>> o.step(); schedule.step(); schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def _next_lr(self):
        t, T, low = self.last_epoch, self.T_max, self.eta_min
        groups = self.optimizer.param_groups
        if self._is_initial:
            return self._unchanged()
        if self._step_count == 1 and t > 0:
            return [low + (lr - low) * (1 + math.cos(t * math.pi / T)) / 2 for lr in self.base_lrs]

        # The recurrence divides by 1 + cos(π (t - 1) / T), which is 0 where the rate was lowest.
        if (t - 1 - T) % (2 * T) == 0:
            rises = [(lr - low) * (1 - math.cos(math.pi / T)) / 2 for lr in self.base_lrs]
            return [group["lr"] + rise for group, rise in zip(groups, rises, strict=True)]
        ratio = (1 + math.cos(math.pi * t / T)) / (1 + math.cos(math.pi * (t - 1) / T))
        return [ratio * (group["lr"] - low) + low for group in groups]

    def _get_closed_form_lr(self):
        t, T, low = self.last_epoch, self.T_max, self.eta_min
        return [low + (lr - low) * (1 + math.cos(math.pi * t / T)) / 2 for lr in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = eta_min + (initial_lr - eta_min) (1 + cos(π T_cur / T_i)) / 2, where T_cur goes from 0 to T_i and starts again.

    The first round takes T_0 epochs, each further one T_mult times as long. ``step`` may be given a fraction of an epoch.

    torch: optim.lr_scheduler.CosineAnnealingWarmRestarts.   Loshchilov & Hutter 2017, arXiv:1608.03983
    """

    def __init__(self, optimizer, T_0, T_mult=1, eta_min=0.0, last_epoch=-1):
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur = last_epoch
        super().__init__(optimizer, last_epoch)

    def _next_lr(self):
        low = self.eta_min
        return [low + (lr - low) * (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2 for lr in self.base_lrs]

    def step(self, epoch=None):
        """Set the rates of the next epoch, or of ``epoch``, which may be a fraction: epoch + batch / batches."""
        if (recording := tracer()) is not None:
            return recording.aside(partial(self.step, epoch))
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self._go_to(epoch)
        self.last_epoch = math.floor(epoch)

        self._get_lr_called_within_step = True
        try:
            rates = self.get_lr()
        finally:
            self._get_lr_called_within_step = False
        self._set_lr(rates)

    def _go_to(self, epoch):
        """Find the round that ``epoch`` lies in."""
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        first, growth = self.T_0, self.T_mult
        if epoch < first:
            self.T_i, self.T_cur = first, epoch
        elif growth == 1:
            self.T_cur = epoch % first
        else:
            # n rounds take first · (growthⁿ - 1) / (growth - 1) epochs
            n = int(math.log(epoch / first * (growth - 1) + 1, growth))
            self.T_cur = epoch - first * (growth**n - 1) / (growth - 1)
            self.T_i = first * growth**n
