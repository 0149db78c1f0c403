"""Modules as functions of their parameters.   torch: _functorch/functional_call.py"""

from ..engine import no_grad
from ..nn.utils.stateless import call_with_tensors
from ..ops.joining import stack

__all__ = ["functional_call", "stack_module_state"]


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """``module(*args, **kwargs)`` with the given tensors, by path, in place of its parameters and buffers.

    parameter_and_buffer_dicts: one dict or several. What isn't in them stays the module's own.
    tie_weights: a tensor that the module has under two names is replaced under both.
    strict: raise RuntimeError for missing or unexpected names.   torch: func.functional_call

    >>> from minitorch.func import functional_call
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> functional_call(layer, {"weight": tensor([[1., 10.]])}, tensor([3., 4.]))
    tensor([43.])
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        tensors = parameter_and_buffer_dicts
    elif isinstance(parameter_and_buffer_dicts, (list, tuple)):
        tensors = _merged(parameter_and_buffer_dicts)
    else:
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, "
            f"but got {type(parameter_and_buffer_dicts)}"
        )
    return call_with_tensors(module, tensors, args, kwargs, tie_weights, strict)


def _merged(dicts):
    if not all(isinstance(d, dict) for d in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    keys = [key for d in dicts for key in d]
    repeated = [key for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return {key: x for d in dicts for key, x in d.items()}


def stack_module_state(models):
    """The parameters and the buffers of equal models, each stacked along a new first dim: two dicts, by path.

    torch: func.stack_module_state
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    return (
        _stacked([dict(model.named_parameters()) for model in models]),
        _stacked([dict(model.named_buffers()) for model in models]),
    )


def _stacked(states):
    found = {}
    for name, first in states[0].items():
        tensors = [state[name] for state in states]
        if len({x.requires_grad for x in tensors}) > 1:
            raise RuntimeError(
                f"Expected {name} from each model to have the same .requires_grad\n"
                "freeze it in all of the models or in none"
            )
        with no_grad():
            found[name] = stack(tensors).requires_grad_(first.requires_grad)
    return found
