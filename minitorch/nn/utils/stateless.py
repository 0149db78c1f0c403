"""A module called with other tensors than its own, as a function of them.   torch: nn/utils/stateless.py"""

import warnings
from contextlib import contextmanager

from ...engine import Tensor
from ..module import Module
from ..parallel import DataParallel

__all__ = ["call_with_tensors", "functional_call"]

MISSING = object()


def functional_call(module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """The older name of ``torch.func.functional_call``.   torch: nn.utils.stateless.functional_call"""
    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 "
        "and will be removed in a future version of PyTorch. "
        "Please use `torch.func.functional_call` instead which is a drop-in replacement.",
        FutureWarning,
        stacklevel=2,
    )
    return call_with_tensors(module, parameters_and_buffers, args, kwargs, tie_weights, strict)


def call_with_tensors(module, tensors, args=None, kwargs=None, tie_weights=True, strict=False):
    """``module(*args, **kwargs)`` with ``tensors`` (by path) in the place of its parameters and buffers.

    What the call wrote to a buffer by assignment is in ``tensors`` afterwards; the module is as before.
    tie_weights: a tensor that the module has under two names is replaced under both.
    strict: raise RuntimeError for missing or unexpected names.
    """
    if isinstance(module, DataParallel):
        raise RuntimeError("The stateless API can't be used with nn.DataParallel module")
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    given = _untied(module, tensors) if tie_weights else tensors
    if strict:
        _check_names(module, given)
    with _exchanged(module, given, tensors):
        return module(*args, **(kwargs or {}))


def _untied(module, tensors):
    """``tensors`` with an entry for each name of a tensor that has several."""
    own = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    names_of: dict[int, list] = {}
    for name, x in own:
        names_of.setdefault(id(x), []).append(name)
    untied = dict(tensors)
    for names in names_of.values():
        given = [name for name in names if name in tensors]
        if len(given) > 1 and len({id(tensors.get(name)) for name in names}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(names)}, "
                f"which are tied. Consider using tie_weights=False"
            )
        if given:
            untied.update(dict.fromkeys(names, tensors[given[0]]))
    return untied


def _check_names(module, tensors):
    own = dict([*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)])
    texts = [
        f"{kind} key(s): {', '.join(map(repr, names))}."
        for kind, names in (
            ("Unexpected", [name for name in tensors if name not in own]),
            ("Missing", [name for name in own if name not in tensors]),
        )
        if names
    ]
    if texts:
        raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(texts))


@contextmanager
def _exchanged(module, given, tensors):
    before = []
    try:
        for path, x in given.items():
            before.append((path, _exchange(module, path, x)))
        yield
    finally:
        for path, x in reversed(before):
            after = _exchange(module, path, x)
            if path in tensors and after is not MISSING:
                tensors[path] = after


def _exchange(module, path, x):
    """Put ``x`` at ``path``; return what was there."""
    path, _, name = path.rpartition(".")
    owner = module.get_submodule(path)
    if not isinstance(owner, Module):
        raise TypeError(f"{owner} is not an instance of torch.nn.Module")
    if x is not MISSING and x is not None and not isinstance(x, Tensor):
        raise TypeError(f"{x} is not an instance of torch.Tensor")
    if name == "":
        raise KeyError('tensor name can\'t be empty string ""')
    for book in (owner._parameters, owner._buffers):
        if name in book:
            found = book[name]
            book[name] = x
            return found
    found = getattr(owner, name, MISSING)
    if found is not MISSING and found is not None and not isinstance(found, Tensor):
        raise TypeError(f"attribute `{name}`: {found} is not an instance of torch.Tensor")
    if x is MISSING:
        delattr(owner, name)
    else:
        setattr(owner, name, x)
    return found
