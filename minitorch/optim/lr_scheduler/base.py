"""What every learning-rate schedule shares: the count of epochs, and writing the new rate into the optimizer's groups.

A schedule is a recurrence: ``get_lr`` makes the next rates from the present ones in the groups (so schedules can be
chained), and some have a closed form as well, used when ``step`` is told the epoch.

torch: torch/optim/lr_scheduler.py
"""

import functools
import types
import warnings
from weakref import ref

from ...engine import Tensor
from ...modes import tracer
from ..optimizer import Optimizer

__all__ = [
    "EPOCH_DEPRECATED", "LRScheduler", "check_optimizer", "functions_state", "group_values", "load_functions",
    "per_group", "set_value",
]  # fmt: skip

EPOCH_DEPRECATED = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. "
    "Please use `scheduler.step()` to step the scheduler. With an epoch the closed form is used, where there is one."
)


class LRScheduler:
    """The base of all schedules; a subclass writes ``get_lr``, which returns the next rate of each group.

    last_epoch: -1 to start, or the number of the last epoch done, to go on with groups that have their ``initial_lr``.

    torch: optim.lr_scheduler.LRScheduler

    >>> class Halving(optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [lr * 0.5**self.last_epoch for lr in self.base_lrs]
    >>> o = optim.SGD([nn.Parameter(torch.ones(2))], lr=1.0)
    >>> schedule = Halving(o)
    >>> for epoch in range(2):
    ...     o.step()
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer, last_epoch=-1):
        check_optimizer(optimizer)
        self.optimizer = optimizer

        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    "last_epoch >= 0.\nload the optimizer's state_dict before making the scheduler, or start with "
                    "last_epoch=-1"
                )
        self.base_lrs = group_values(optimizer, "initial_lr")
        self.last_epoch = last_epoch

        _watch_step(optimizer)
        self._initial_step()

    def _initial_step(self):
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def step(self, epoch=None):
        """Set the rates of the next epoch. Call it after ``optimizer.step()``."""
        if (recording := tracer()) is not None:
            return recording.aside(functools.partial(self.step, epoch))
        if self._step_count == 1:
            self._check_order()
        self._step_count += 1

        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATED, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch=None):
        closed_form = getattr(self, "_get_closed_form_lr", None)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch

        self._get_lr_called_within_step = True
        try:
            rates = self.get_lr() if epoch is None or closed_form is None else closed_form()
        finally:
            self._get_lr_called_within_step = False
        self._set_lr(rates)

    def _set_lr(self, rates):
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            set_value(group, "lr", lr)
        self._last_lr = group_values(self.optimizer, "lr")

    def get_last_lr(self):
        """The rate of each group, as the last step set it."""
        return self._last_lr

    def get_lr(self):
        """The next rate of each group: for ``step`` to call. Outside it, use ``get_last_lr``."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=2,
            )
        return self._next_lr()

    def _next_lr(self):
        raise NotImplementedError

    def _unchanged(self):
        return group_values(self.optimizer, "lr")

    def _times(self, factor):
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def state_dict(self):
        """All of the schedule but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict):
        """Go on where the schedule that made ``state_dict`` was."""
        self.__dict__.update(state_dict)

    def _check_order(self):
        if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. "
                "Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`.",
                UserWarning,
                stacklevel=3,
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite order: "
                "`optimizer.step()` before `lr_scheduler.step()`, or the first value of the schedule is never used.",
                UserWarning,
                stacklevel=3,
            )


def _watch_step(optimizer):
    """Let this optimizer's ``step`` note that it was called, for the warning about the order."""
    if hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        return

    step, owner = optimizer.step.__func__, ref(optimizer)  # a strong reference would be a cycle

    @functools.wraps(step)
    def wrapper(*args, **kwargs):
        optimizer = owner()
        optimizer._opt_called = True
        return step(optimizer, *args, **kwargs)

    wrapper._wrapped_by_lr_sched = True
    optimizer.step = wrapper


# ---------------------------------------------------------------------------------------------------------------------
# Values of groups.  A rate may be a Tensor: then it is copied where it is kept, and written in place where it is set
# ---------------------------------------------------------------------------------------------------------------------


def _copied(value):
    return value.clone() if isinstance(value, Tensor) else value


def group_values(optimizer, key):
    """The value of ``key`` in each group."""
    return [_copied(group[key]) for group in optimizer.param_groups]


def set_value(group, key, value):
    """Set ``group[key]``."""
    if isinstance(group[key], Tensor):
        group[key].fill_(value.squeeze() if isinstance(value, Tensor) else value)
    else:
        group[key] = value


def per_group(name, optimizer, value):
    """One value for each group, from a list of them or from one value for all."""
    n = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [_copied(value) for _ in range(n)]
    if len(value) != n:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {n}."
        )
    return [_copied(v) for v in value]


def check_optimizer(optimizer):
    """PyTorch's error for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


# ---------------------------------------------------------------------------------------------------------------------
# Functions given by the user: a plain one isn't saved; an object that can be called is, by its attributes
# ---------------------------------------------------------------------------------------------------------------------


def functions_state(functions):
    """What a state_dict holds of ``functions``."""
    return [None if f is None or isinstance(f, types.FunctionType) else f.__dict__.copy() for f in functions]


def load_functions(functions, states):
    """Give the attributes back that ``functions_state`` took."""
    for f, state in zip(functions, states, strict=True):
        if state is not None:
            f.__dict__.update(state)
