"""Hooks: functions of the user's that a Module calls around its forward and its backward.

    hook                                           when                                     what it may return
    forward_pre(module, args)                      before forward                           new args
    forward(module, args, output)                  after forward                            a new output
    full_backward_pre(module, grad_output)         the outputs' gradients have arrived      new grad_output
    full_backward(module, grad_input, grad_output) the inputs' gradients have arrived too   new grad_input

A module keeps its hooks in dicts by number; the dicts in this file hold those that watch every module. A module
without hooks never comes here: ``Module.__call__`` looks at five empty dicts and calls ``forward``.

torch: nn/modules/module.py, utils/hooks.py
"""

import warnings
import weakref
from collections import OrderedDict
from functools import partial

from ..autograd import Function
from ..creation import zeros
from ..engine import Tensor, is_grad_enabled
from ..graph import CHANGES

__all__ = [
    "BackwardWatch", "CALL_HOOKS", "EVERYWHERE", "Observe", "RemovableHandle", "add_hook", "call_with_hooks", "every_buffer", "every_call",
    "every_module", "every_parameter", "register_module_buffer_registration_hook", "register_module_forward_hook",
    "register_module_forward_pre_hook", "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook", "register_module_parameter_registration_hook",
]  # fmt: skip


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes the hook out again, as does leaving a ``with`` block.

    torch: utils.hooks.RemovableHandle

    >>> layer = nn.Identity()
    >>> with layer.register_forward_hook(lambda module, args, output: output + 1):
    ...     layer(tensor(1.))
    tensor(2.)
    >>> layer(tensor(1.))
    tensor(1.)
    """

    next_id = 0

    def __init__(self, hooks_dict, *, extra_dict=()):
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1

        # weak: a handle that somebody keeps must not keep the module
        extra = [extra_dict] if isinstance(extra_dict, dict) else extra_dict
        self.dicts = [weakref.ref(d) for d in (hooks_dict, *extra)]

    def remove(self) -> None:
        """Take the hook out. A second call does nothing."""
        for reference in self.dicts:
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)
        CHANGES[0] += 1

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.remove()

    def __getstate__(self):
        return self.id, [reference() for reference in self.dicts]

    def __setstate__(self, state):
        self.id, dicts = state
        self.dicts = [weakref.ref(OrderedDict() if d is None else d) for d in dicts]
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)


def add_hook(hooks, hook, prepend=False, flags=()):
    """Put ``hook`` at the end, or the beginning, of ``hooks``, and its number in each of the dicts ``flags``."""
    handle = RemovableHandle(hooks, extra_dict=flags)
    hooks[handle.id] = hook
    for flag in flags:
        flag[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    CHANGES[0] += 1
    return handle


# ---------------------------------------------------------------------------------------------------------
# Hooks on every module

every_call: OrderedDict = OrderedDict()
"""The numbers of all of the next four: one look tells whether a call must care."""

every_forward_pre: OrderedDict = OrderedDict()
every_forward: OrderedDict = OrderedDict()
every_backward_pre: OrderedDict = OrderedDict()
every_backward: OrderedDict = OrderedDict()

with_kwargs_everywhere: OrderedDict = OrderedDict()
always_called_everywhere: OrderedDict = OrderedDict()

EVERYWHERE = (every_call, every_forward_pre, every_forward, every_backward_pre, every_backward)
CALL_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
"""The names of a module's own hooks that a call runs."""

every_parameter: OrderedDict = OrderedDict()
every_buffer: OrderedDict = OrderedDict()
every_module: OrderedDict = OrderedDict()


def register_module_forward_pre_hook(hook):
    """Call ``hook(module, args)`` before each forward of every module.

    torch: nn.modules.module.register_module_forward_pre_hook
    """
    return add_hook(every_forward_pre, hook, flags=[every_call])


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Call ``hook(module, args, output)`` after each forward of every module: a look into a whole network.

    torch: nn.modules.module.register_module_forward_hook

    >>> from minitorch.nn.hooks import register_module_forward_hook
    >>> with register_module_forward_hook(lambda module, args, out: print(type(module).__name__, tuple(out.shape))):
    ...     y = nn.Sequential(nn.Linear(2, 3), nn.ReLU())(torch.ones(4, 2))
    Linear (4, 3)
    ReLU (4, 3)
    Sequential (4, 3)
    """
    flags = [every_call]
    if with_kwargs:
        flags.append(with_kwargs_everywhere)
    if always_call:
        flags.append(always_called_everywhere)
    return add_hook(every_forward, hook, flags=flags)


def register_module_full_backward_pre_hook(hook):
    """Call ``hook(module, grad_output)`` in backward, before that of every module.

    torch: nn.modules.module.register_module_full_backward_pre_hook
    """
    return add_hook(every_backward_pre, hook, flags=[every_call])


def register_module_full_backward_hook(hook):
    """Call ``hook(module, grad_input, grad_output)`` in backward, after that of every module.

    torch: nn.modules.module.register_module_full_backward_hook
    """
    return add_hook(every_backward, hook, flags=[every_call])


def register_module_parameter_registration_hook(hook):
    """Call ``hook(module, name, parameter)`` whenever a module gets a parameter; a returned one takes its place.

    torch: nn.modules.module.register_module_parameter_registration_hook
    """
    return add_hook(every_parameter, hook)


def register_module_buffer_registration_hook(hook):
    """Call ``hook(module, name, buffer)`` whenever a module gets a buffer; a returned one takes its place.

    torch: nn.modules.module.register_module_buffer_registration_hook
    """
    return add_hook(every_buffer, hook)


def register_module_module_registration_hook(hook):
    """Call ``hook(module, name, submodule)`` whenever a module gets a submodule; a returned one takes its place.

    torch: nn.modules.module.register_module_module_registration_hook
    """
    return add_hook(every_module, hook)


# ---------------------------------------------------------------------------------------------------------
# The call of a module that has hooks


def call_with_hooks(module, args, kwargs):
    """``module.forward(*args, **kwargs)`` with all hooks, those on every module first.

    If anything raises, the forward hooks registered with ``always_call`` that haven't run yet still do.
    """
    hooks = _forward_hooks(module)
    output = None
    try:
        args, kwargs = _before_forward(module, args, kwargs)
        watch = _watch_backward(module)
        if watch is not None:
            args = watch.inputs(args)

        output = module.forward(*args, **kwargs)

        while hooks:
            hook, with_kwargs, _ = hooks.pop(0)
            changed = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
            output = output if changed is None else changed
        output = output if watch is None else watch.outputs(output)
        if module._is_full_backward_hook is False:
            _watch_last_node(module, output)
        return output
    except Exception:
        _call_despite_error(module, [hook for hook in hooks if hook[2]], args, kwargs, output)
        raise


def _forward_hooks(module):
    """The forward hooks in order, each with its two flags: (hook, with_kwargs, always_call)."""
    found = []
    for hooks, with_kwargs, always_call in (
        (every_forward, with_kwargs_everywhere, always_called_everywhere),
        (module._forward_hooks, module._forward_hooks_with_kwargs, module._forward_hooks_always_called),
    ):
        found += [(hook, number in with_kwargs, number in always_call) for number, hook in hooks.items()]
    return found


def _before_forward(module, args, kwargs):
    """args and kwargs as the forward pre-hooks leave them."""
    for number, hook in (*every_forward_pre.items(), *module._forward_pre_hooks.items()):
        if number in module._forward_pre_hooks_with_kwargs:
            changed = hook(module, args, kwargs)
            if changed is None:
                continue
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}.\n"
                    "a hook registered with with_kwargs=True returns both"
                )
            args, kwargs = changed
        else:
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
    return args, kwargs


def _call_despite_error(module, hooks, args, kwargs, output):
    for hook, with_kwargs, _ in hooks:
        try:
            changed = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
            output = output if changed is None else changed
        except Exception as error:
            warnings.warn(
                "module forward hook with ``always_call=True`` raised an exception that was silenced as another "
                f"error was raised in forward: {error}",
                stacklevel=4,
            )


# ---------------------------------------------------------------------------------------------------------
# Backward


class Observe(Function):
    """y = x for each tensor; ``observer`` is given their gradients, all at once, and says what to pass on.

    torch: nn.modules._functions.BackwardHookFunction
    """

    @staticmethod
    def forward(ctx, observer, *tensors):
        ctx.observer = observer
        ctx.set_materialize_grads(False)
        same = tuple(x.view_as(x) for x in tensors)
        ctx.mark_non_differentiable(*[y for x, y in zip(tensors, same, strict=True) if not x.requires_grad])
        return same

    @staticmethod
    def backward(ctx, *gradients):
        return None, *ctx.observer(gradients)


def _watch_backward(module):
    """A BackwardWatch if any full backward hook is set, else None."""
    before = [*every_backward_pre.values(), *module._backward_pre_hooks.values()]
    after = [*every_backward.values()]
    if module._is_full_backward_hook is not False:
        after += module._backward_hooks.values()
    return BackwardWatch(module, before, after) if before or after else None


def _watch_last_node(module, output):
    """Let the old kind of backward hooks see the gradients of the one Node that made ``output``."""
    first = output
    while not isinstance(first, Tensor):
        first = next(x for x in first.values() if isinstance(x, Tensor)) if isinstance(first, dict) else first[0]
    if first.grad_fn is not None:
        for hook in module._backward_hooks.values():
            first.grad_fn.register_hook(partial(hook, module))


class BackwardWatch:
    """One call of a module as backward sees it: first the gradients of its outputs come, later those of its inputs.

        args → inputs(args) → forward → outputs(output)
                  ↑                         ↑
         grad_input: `after`       grad_output: `before`

    What isn't a Tensor, and a gradient that doesn't exist, is None to the hooks. An input that the output doesn't
    depend on has a gradient of zeros. If no input wants a gradient, the `after` hooks are called with `before`.

    torch: utils.hooks.BackwardHook
    """

    def __init__(self, module, before, after):
        self.module, self.before, self.after = module, before, after
        self.grad_output = None

    def inputs(self, args):
        self.input_count = len(args)
        args, self.input_index = self._observe(args, self._inputs_arrived)
        self.input_facts = [(args[i].shape, args[i].dtype, args[i].device) for i in self.input_index or ()]
        return args

    def outputs(self, output):
        if not isinstance(output, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors"
                f" but received {type(output)}",
                stacklevel=4,
            )
            return output

        several = isinstance(output, tuple)
        results = output if several else (output,)
        self.output_count = len(results)
        results, self.output_index = self._observe(results, self._outputs_arrived)
        return results if several else results[0]

    def _observe(self, values, observer):
        """``values`` with its Tensors observed, and where these are; (values, None) if no gradient will flow."""
        index = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
        if not (is_grad_enabled() and any(values[i].requires_grad for i in index)):
            return values, None

        observed = list(values)
        for i, tensor in zip(index, Observe.apply(observer, *[values[i] for i in index]), strict=True):
            observed[i] = tensor
        return (tuple(observed) if type(values) is tuple else type(values)(*observed)), index

    def _outputs_arrived(self, gradients):
        grad_output = _spread(gradients, self.output_index, self.output_count)
        for hook in self.before:
            changed = hook(self.module, grad_output)
            if changed is not None:
                _check_count(changed, grad_output, "Backward pre hook", "grad_output")
                grad_output = changed

        if self.input_index is None:
            self._call_without_inputs(grad_output)
        else:
            self.grad_output = grad_output
        return [grad_output[i] for i in self.output_index]

    def _call_without_inputs(self, grad_output):
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs"
            " require gradients.",
            stacklevel=5,
        )
        for hook in self.after:
            changed = hook(self.module, (None,) * self.input_count, grad_output)
            if changed is not None and not (isinstance(changed, tuple) and all(g is None for g in changed)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None "
                    "for all gradients.\nthere is no gradient that it could replace: return None"
                )

    def _inputs_arrived(self, gradients):
        gradients = [
            zeros(shape, dtype=dtype, device=device) if g is None else g
            for g, (shape, dtype, device) in zip(gradients, self.input_facts, strict=True)
        ]
        if self.grad_output is None:
            return gradients  # a gradient that came not by way of the outputs: this is a second derivative

        grad_input = _spread(gradients, self.input_index, self.input_count)
        for hook in self.after:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is not None:
                _check_count(changed, grad_input, "Backward hook", "grad_input")
                grad_input = changed

        self.grad_output = None
        return [grad_input[i] for i in self.input_index]


def _spread(gradients, index, count):
    """The gradients at their places among ``count`` values, None elsewhere."""
    spread = [None] * count
    for i, gradient in zip(index, gradients, strict=True):
        spread[i] = gradient
    return tuple(spread)


def _check_count(changed, gradients, kind, name):
    if len(changed) != len(gradients):
        raise RuntimeError(
            f"{kind} returned an invalid number of {name}, got {len(changed)}, but expected {len(gradients)}\n"
            f"return a tuple with one gradient for each entry of {name}, or None to change nothing"
        )
