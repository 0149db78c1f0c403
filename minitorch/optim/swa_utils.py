"""Averages of the weights that training passes through, which often do better than the last ones.

    averaged = AveragedModel(model)                              # equal weights; or multi_avg_fn=get_ema_multi_avg_fn(0.999)
    schedule = SWALR(optimizer, swa_lr=0.05)
    for epoch in ...: train(); averaged.update_parameters(model); schedule.step()
    update_bn(loader, averaged)                                  # the averaged weights' own statistics

torch: torch/optim/swa_utils.py
"""

import itertools
import math
from copy import deepcopy

from ..absent import absent
from ..creation import tensor
from ..dtypes import int64
from ..engine import no_grad
from ..modes import tracer
from ..nn.module import Module
from ..nn.norm import _BatchNorm
from .hyperparameters import measured
from .lr_scheduler.base import LRScheduler, per_group

__all__ = [
    "AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
    "update_bn",
]  # fmt: skip

__getattr__ = absent(__name__)


# ---------------------------------------------------------------------------------------------------------------------
# What an average does with a new value: one tensor, or lists of them in place
# ---------------------------------------------------------------------------------------------------------------------


def get_ema_avg_fn(decay=0.999):
    """f(average, new, n) = decay · average + (1 - decay) · new.   torch: optim.swa_utils.get_ema_avg_fn

    >>> f = optim.swa_utils.get_ema_avg_fn(0.75)
    >>> f(tensor([4.0]), tensor([0.0]), 1)
    tensor([3.])
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param, current_param, num_averaged):
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn():
    """f(average, new, n) = average + (new - average) / (n + 1): all n + 1 count the same.   torch: get_swa_avg_fn"""

    @no_grad()
    def swa_update(averaged_param, current_param, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_multi_avg_fn(decay=0.999):
    """``get_ema_avg_fn`` for lists of tensors, written into the averages.   torch: optim.swa_utils.get_ema_multi_avg_fn"""
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param_list, current_param_list, _):
        for average, new in zip(ema_param_list, current_param_list, strict=True):
            if average.is_floating_point():
                average.lerp_(new, 1 - decay)
            else:
                average.copy_(average * decay + new * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn():
    """``get_swa_avg_fn`` for lists of tensors, written into the averages.   torch: optim.swa_utils.get_swa_multi_avg_fn"""

    @no_grad()
    def swa_update(averaged_param_list, current_param_list, num_averaged):
        share = measured(1 / (num_averaged + 1))
        for average, new in zip(averaged_param_list, current_param_list, strict=True):
            if average.is_floating_point():
                average.lerp_(new, share)
            else:
                average.copy_(average + (new - average) * share)

    return swa_update


def _check_decay(decay):
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


# ---------------------------------------------------------------------------------------------------------------------
# The average
# ---------------------------------------------------------------------------------------------------------------------


class AveragedModel(Module):
    """A copy of ``model`` whose weights are the average of those that ``update_parameters`` was given.

    avg_fn(average, new, n) returns the next average of one tensor; multi_avg_fn(averages, news, n) writes those of a list;
    with neither all count the same. use_buffers: buffers are averaged too, and not just copied.

    torch: optim.swa_utils.AveragedModel.   Izmailov et al. 2018, arXiv:1803.05407

    >>> model = nn.Linear(1, 1, bias=False)
    >>> averaged = optim.swa_utils.AveragedModel(model)
    >>> for w in 1.0, 2.0, 6.0:
    ...     _ = nn.init.constant_(model.weight, w)
    ...     averaged.update_parameters(model)
    >>> averaged.module.weight.detach()
    tensor([[3.]])
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

    def update_parameters(self, model):
        """Take the weights of ``model`` into the average; the first are the average."""
        mine = [x.detach() for x in _members(self.module, self.use_buffers)]
        news = [x.detach().to(a.device) for a, x in zip(mine, _members(model, self.use_buffers), strict=True)]
        if tracer() is not None:  # a program chooses between numbers, not between ways
            self._average(mine, news)
            _copy(mine, [new.where(self.n_averaged == 0, average) for average, new in zip(mine, news, strict=True)])
        elif self.n_averaged == 0:
            _copy(mine, news)
        else:
            self._average(mine, news)
        if not self.use_buffers:
            _copy(self.module.buffers(), model.buffers())
        self.n_averaged += 1

    def _average(self, mine, news):
        """Bring new weights into an average that there is: one by one, or by lists of one dtype each for ``multi_avg_fn``."""
        if self.multi_avg_fn is None:
            average_of = self.avg_fn or get_swa_avg_fn()
            for average, new in zip(mine, news, strict=True):
                average.copy_(average_of(average, new, self.n_averaged))
            return
        for dtype in dict.fromkeys(x.dtype for x in mine):
            places = [i for i, x in enumerate(mine) if x.dtype is dtype]
            self.multi_avg_fn([mine[i] for i in places], [news[i] for i in places], self.n_averaged)


def _members(module, use_buffers):
    return itertools.chain(module.parameters(), module.buffers()) if use_buffers else module.parameters()


def _copy(places, values):
    for place, value in zip(places, values, strict=True):
        place.detach().copy_(value.detach())


@no_grad()
def update_bn(loader, model, device=None):
    """Make the running statistics of every batch norm in ``model`` anew, the plain averages over ``loader``'s batches.

    loader: batches that are tensors, or lists whose first is the input.   torch: optim.swa_utils.update_bn
    """
    momenta = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return

    was_training = model.training
    model.train()
    for module in momenta:
        module.momentum = None  # the plain average
    for batch in loader:
        x = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(x if device is None else x.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """lr goes from what it was to ``swa_lr`` in ``anneal_epochs``, along half a cosine ("cos") or a line ("linear"), and stays.

    torch: optim.swa_utils.SWALR

    >>> o = optim.SGD([nn.Parameter(torch.ones(2))], lr=1.0)
    >>> schedule = optim.swa_utils.SWALR(o, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> o.step(); schedule.step(); schedule.get_last_lr()
    [0.75]
    """

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        for group, rate in zip(optimizer.param_groups, per_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t):
        """How far the rate has gone when the share ``t`` of the epochs has."""
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def _gone(self, step):
        return self.anneal_func(max(0, min(1, step / max(1, self.anneal_epochs))))

    def _next_lr(self):
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._gone(step - 1), self._gone(step)

        rates = []
        for group in self.optimizer.param_groups:
            lr, swa_lr = group["lr"], group["swa_lr"]
            start = swa_lr if before == 1 else (lr - before * swa_lr) / (1 - before)
            rates.append(swa_lr * now + start * (1 - now))
        return rates
