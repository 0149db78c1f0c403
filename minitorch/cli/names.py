"""What minitorch has under PyTorch's names: whether "torch.nn.Linear" is here, and whether it takes ``bias=``."""

import functools
import inspect
from importlib import import_module
from types import ModuleType

from ..absent import OURS

__all__ = ["NOT_THERE", "accepts", "found", "there"]

NOT_THERE = object()


@functools.cache
def found(name):
    """What ``name``, such as "torch.nn.Linear" or "Tensor.sum", is in minitorch; NOT_THERE if it is nothing.

    >>> found("torch.nn.Linear"), found("torch.nn.Lineer") is NOT_THERE
    (<class 'minitorch.nn.linear.Linear'>, True)
    """
    return walk(name)[1]


def there(name):
    """``name`` as far as it names a thing of PyTorch's: "torch.float32" of "torch.float32.itemsize". None if it isn't here."""
    path, value = walk(name, of_values=False)
    return None if value is NOT_THERE else path


def walk(name, of_values=True):
    """(path, what it is): to the end of ``name``, to the first part that isn't there, or to the first value, which is neither
    module nor class."""
    head, *parts = name.split(".")
    path, value = head, import_module("minitorch").Tensor if head == "Tensor" else imported(OURS[head])
    for part in parts:
        if value is NOT_THERE or not (of_values or isinstance(value, (type, ModuleType))):
            break
        path, value = f"{path}.{part}", attribute(value, part)
    return path, value


def attribute(value, name):
    """An attribute of a value; of a package also a module that has to be imported first."""
    found = getattr(value, name, NOT_THERE)
    return imported(f"{value.__name__}.{name}") if found is NOT_THERE and hasattr(value, "__path__") else found


def imported(module):
    try:
        return import_module(module)
    except ModuleNotFoundError:
        return NOT_THERE


def accepts(name, keyword):
    """Whether what ``name`` names can be called with ``keyword=``.

    >>> accepts("torch.cat", "dim"), accepts("torch.cat", "colour")
    (True, False)
    """
    value = found(name)
    if value is NOT_THERE:
        return False
    signatures = [value.__init__, value.__new__] if isinstance(value, type) else [value]
    return any(takes(function, keyword) for function in signatures)


def takes(function, keyword):
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    if keyword == "out" and hasattr(function, "__wrapped__"):
        return True  # the door before it takes it
    of_object = function in (object.__init__, object.__new__)
    rest = None if of_object else next((p.name for p in parameters.values() if p.kind is p.VAR_KEYWORD), None)
    if rest == "numpy":
        return keyword in parameters or keyword in ("axis", "keepdims")
    return keyword in parameters or rest is not None
