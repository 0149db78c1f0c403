"""What every optimizer shares: parameter groups, state, ``state_dict``, hooks, and the course of one step.

An optimizer holds a list of groups. A group is a dict: its parameters under ``"params"`` and the numbers they are
trained with (``lr``, ``momentum`` …), which the user or a scheduler may change at any time. ``state`` maps a parameter
to a dict of what the algorithm remembers of it. An algorithm is a subclass with an ``update(group)``, and a
``start(p, group)`` where it remembers something: see sgd.py for the shortest one, adadelta.py for one that remembers.

torch: torch/optim/optimizer.py
"""

import functools
import warnings
from collections import OrderedDict
from collections.abc import Iterable
from copy import deepcopy

from ..dtypes import float32
from ..engine import Tensor, enable_grad, set_grad_enabled
from ..graph import CHANGES
from ..nn.hooks import add_hook
from ..ops.complex import view_as_real
from ..tensortypes import typename
from .hyperparameters import step_count
from .memory import Memory

__all__ = [
    "EVERY_STEP", "Optimizer", "ParamsT", "STEP_HOOKS", "as_real", "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook", "required",
]  # fmt: skip

ParamsT = Iterable
"""What an optimizer takes as ``params``: of Tensors, of (name, Tensor), or of dicts."""


class _Required:
    """Stands in ``defaults`` for an option without a default."""

    def __repr__(self):
        return "<required parameter>"


required = _Required()


# ---------------------------------------------------------------------------------------------------------------------
# Hooks
# ---------------------------------------------------------------------------------------------------------------------

_global_pre_hooks: OrderedDict = OrderedDict()
_global_post_hooks: OrderedDict = OrderedDict()
EVERY_STEP = _global_pre_hooks, _global_post_hooks
STEP_HOOKS = "_optimizer_step_pre_hooks", "_optimizer_step_post_hooks"
"""What runs around the steps of all optimizers, and the names of what does around those of one."""


def register_optimizer_step_pre_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` before each step of every optimizer. Returns a handle with ``remove()``."""
    return add_hook(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` after each step of every optimizer. Returns a handle with ``remove()``."""
    return add_hook(_global_post_hooks, hook)


def _between_hooks(step):
    """``step`` with the hooks run around it. A pre-hook may return (args, kwargs) to replace the step's own."""

    @functools.wraps(step)
    def wrapper(*args, **kwargs):
        self = args[0]

        for hook in (*_global_pre_hooks.values(), *self._optimizer_step_pre_hooks.values()):
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {replaced}.\n"
                        "this is about a step pre-hook's return value"
                    )
                args, kwargs = replaced

        out = step(*args, **kwargs)

        for hook in (*self._optimizer_step_post_hooks.values(), *_global_post_hooks.values()):
            hook(self, args, kwargs)
        return out

    wrapper.hooked = True
    return wrapper


def as_real(x):
    """``x``, or where it is complex a view of it as pairs of real numbers."""
    return view_as_real(x) if isinstance(x, Tensor) and x.is_complex() else x


# ---------------------------------------------------------------------------------------------------------------------
# The base class
# ---------------------------------------------------------------------------------------------------------------------


class Optimizer:
    """The base of all optimizers: ``params`` is what they change, ``defaults`` the numbers of a group that names none.

    params: an iterable of Tensors, or of (name, Tensor), or of dicts with a key ``"params"`` and options of their own.

    torch: optim.Optimizer

    >>> w, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(1))
    >>> o = optim.SGD([{"params": w}, {"params": b, "lr": 0.5}], lr=0.1)
    >>> [group["lr"] for group in o.param_groups]
    [0.1, 0.5]
    """

    _absent: dict = {}
    """What a group saved by an older version means by not having an option: see ``__setstate__``."""

    def __init__(self, params, defaults):
        self.defaults = defaults
        self._prepare()

        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{typename(params)}\nput it in a list: [tensor]"
            )
        self.state = Memory()
        self.param_groups = []

        groups = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list\n"
                "has the model parameters, and was the iterator (model.parameters()) not used up before?"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare(self):
        """What neither a copy nor a pickle carries along: the hooks. And the class's ``step`` is made to run them."""
        for name in (
            *STEP_HOOKS, "_optimizer_state_dict_pre_hooks", "_optimizer_state_dict_post_hooks",
            "_optimizer_load_state_dict_pre_hooks", "_optimizer_load_state_dict_post_hooks",
        ):  # fmt: skip
            self.__dict__.setdefault(name, OrderedDict())

        # Here, not in step: a user's subclass brings a step of its own, and the hooks must run around that one too.
        cls = type(self)
        if not getattr(cls.step, "hooked", False):
            cls.step = _between_hooks(cls.step)

    # -- one step -----------------------------------------------------------------------------------------------------

    def step(self, closure=None):
        """Change each parameter by its gradient. ``closure``, if given, computes the loss (and the gradients) anew."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()

        with set_grad_enabled(self.defaults.get("differentiable", False)):
            for group in self.param_groups:
                self.update(group)
        return loss

    def _cuda_graph_capture_health_check(self):
        """Nothing: there is no graph of a GPU's to be captured. Optimizers copied from PyTorch call it in ``step``."""

    _accelerator_graph_capture_health_check = _cuda_graph_capture_health_check

    def update(self, group):
        """The algorithm: change the parameters of one group that have a gradient."""
        raise NotImplementedError

    def start(self, p, group):
        """Make the state of a parameter that is met for the first time, and return it."""
        raise NotImplementedError

    def gradients(self, group):
        """(parameter, gradient) for each of the group that has one; the sign is turned where the loss is maximized."""
        maximize = group["maximize"]
        for p in group["params"]:
            g = p.grad
            if g is not None:
                yield p, (-g if maximize else g)

    def stateful(self, group):
        """(parameter, gradient, state) likewise, the state begun by ``start`` where there is none.

        Complex numbers are given as pairs of real ones, views of shape (..., 2): the algorithms treat both parts alike.
        """
        for p, g in self.gradients(group):
            state = self.state[p] or self.start(p, group)
            if p.is_complex():
                p, g, state = as_real(p), as_real(g), {key: as_real(x) for key, x in state.items()}
            yield p, g, state

    def zero_grad(self, set_to_none=True):
        """Forget the gradients; with ``set_to_none=False`` fill them with zeros instead."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if set_to_none:
                    p.grad = None
                    continue

                if p.grad.grad_fn is not None:
                    p.grad.detach_()
                else:
                    p.grad.requires_grad_(False)
                p.grad.zero_()

    # -- groups -------------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group):
        """Train more parameters: ``param_group`` is a dict with ``"params"``, and options where they differ.

        >>> o = optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1)
        >>> o.add_param_group({"params": [nn.Parameter(torch.ones(3))], "lr": 0.01})
        >>> len(o.param_groups)
        2
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")

        self._list_params(param_group)
        for p in param_group["params"]:
            self._check_param(p)
        self._set_defaults(param_group)
        self._check_against_others(param_group)
        CHANGES[0] += 1
        self.param_groups.append(param_group)

    def _list_params(self, group):
        """Make ``group["params"]`` a list of Tensors, and put their names, if they came with such, beside it."""
        params = group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but "
                "the ordering of tensors in sets will change between runs. Please use a list instead."
            )
        params = list(params)

        names = [p[0] for p in params if isinstance(p, tuple)]
        group["params"] = [p[1] if isinstance(p, tuple) else p for p in params]
        if names and len(names) != len(params):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing\n"
                "pass model.named_parameters(), or model.parameters(), not a mixture"
            )
        if names:
            group["param_names"] = names

    def _check_param(self, p):
        if not isinstance(p, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {typename(p)}")
        if not self.defaults.get("differentiable", None) and not (p.is_leaf or p.retains_grad):
            raise ValueError(
                "can't optimize a non-leaf Tensor\n"
                "it was computed from others: optimize those, or call .detach().requires_grad_() on it first"
            )

    def _set_defaults(self, group):
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            group.setdefault(name, default)

    def _check_against_others(self, group):
        ids = {id(p) for p in group["params"]}
        if len(ids) != len(group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; each step changes them once per "
                "appearance, which is seldom meant",
                stacklevel=4,
            )

        for other in self.param_groups:
            if ("param_names" in group) != ("param_names" in other):
                which = "with names" if "param_names" in group else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {which} to the optimizer"
                )
        if any(id(p) in ids for other in self.param_groups for p in other["params"]):
            raise ValueError(
                "some parameters appear in more than one parameter group\n"
                "give each parameter to one group: leave the shared ones out of the others"
            )

    # -- saving and loading -------------------------------------------------------------------------------------------

    def state_dict(self):
        """{"state": {number: its state}, "param_groups": [group]}, where parameters are numbered through the groups.

        The Tensors in it are the optimizer's own: copy it (``copy.deepcopy``) to keep it over further steps.

        >>> optim.SGD([nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))]).state_dict()["param_groups"][0]["params"]
        [0, 1]
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)

        numbers, groups, start = {}, [], 0
        for group in self.param_groups:
            numbers.update({id(p): i for i, p in enumerate(group["params"], start)})
            start += len(group["params"])

            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {
            numbers[id(key)] if isinstance(key, Tensor) else key: dict(value) if isinstance(value, dict) else value
            for key, value in self.state.items()
        }

        out = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            replaced = hook(self, out)
            out = out if replaced is None else replaced
        return out

    def load_state_dict(self, state_dict):
        """Take over the state and the groups' numbers. Parameters are matched by place; state gets their dtype."""
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            replaced = hook(self, state_dict)
            state_dict = state_dict if replaced is None else replaced

        saved = deepcopy(state_dict["param_groups"])
        params = self._matched(saved)
        owners = {i: group for group in saved for i in group["params"]}

        state = Memory()
        for key, value in state_dict["state"].items():
            if key in params:
                state[params[key]] = _cast(value, params[key], owners[key])
            else:
                state[key] = value

        for group, new in zip(self.param_groups, saved, strict=True):
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})

        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def _matched(self, saved):
        """{number in the saved groups: parameter}."""
        if len(saved) != len(self.param_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups\n"
                f"it has {len(saved)}, this optimizer has {len(self.param_groups)}"
            )

        params = {}
        for i, (group, mine) in enumerate(zip(saved, self.param_groups, strict=True)):
            if len(group["params"]) != len(mine["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group\n"
                    f"group {i} was saved with {len(group['params'])} parameters and has {len(mine['params'])} here"
                )
            params.update(zip(group["params"], mine["params"], strict=True))
        return params

    def __getstate__(self):
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state):
        self.__dict__.update(state)
        if not isinstance(self.state, Memory):
            self.state = Memory(self.state)
        self._prepare()
        CHANGES[0] += 1
        self.defaults.setdefault("differentiable", False)

        for group in self.param_groups:
            for name, meaning in self._absent.items():
                group.setdefault(name, meaning)

            # Long ago the step count was a Python number.
            for p in group["params"]:
                old = self.state.get(p, {})
                if "step" in old and not isinstance(old["step"], Tensor):
                    old["step"] = step_count(float(old["step"]), group.get("fused"))

    def __repr__(self):
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            for key in sorted(group):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"

    # -- hooks --------------------------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return new (args, kwargs)."""
        return add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return add_hook(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` before ``state_dict``."""
        return add_hook(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; what it returns, if not None, is the result."""
        return add_hook(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` before ``load_state_dict``; what it returns, if not None, is loaded."""
        return add_hook(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` after ``load_state_dict``."""
        return add_hook(self._optimizer_load_state_dict_post_hooks, hook, prepend)


def _cast(value, p, group, key=None):
    """A loaded value with its Tensors in the dtype and on the device of the parameter ``p``; the step count keeps its own.

    key: the name it has in p's state, if it has one.   group: the saved group of p.
    """
    if isinstance(value, Tensor):
        if key == "step":
            return value.to(device=p.device, dtype=float32) if group.get("capturable") or group.get("fused") else value
        return value.to(device=p.device, dtype=p.dtype) if p.is_floating_point() else value.to(device=p.device)

    if isinstance(value, dict):
        return {k: _cast(v, p, group, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_cast(v, p, group) for v in value)
    return value
