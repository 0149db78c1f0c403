"""Tensors that a Module knows as its own: what it learns, and what it keeps.

torch: nn/parameter.py
"""

from ..creation import empty, wanting
from ..engine import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A Tensor to be learned: assigned to a Module's attribute it is one of its ``parameters()``.

    It shares the memory of ``data``, and it wants its gradient, made under ``no_grad`` too.   torch: nn.Parameter

    >>> nn.Parameter(tensor([1., 2.]))
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data=None, requires_grad=True):
        data = empty(0) if data is None else data
        made = Tensor.__new__(cls, data.detach())
        return wanting(made, requires_grad)

    def __deepcopy__(self, memo):
        # without the gradient, as in torch
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A Tensor to be kept: assigned to a Module's attribute it is one of its ``buffers()``.

    persistent: whether it is part of ``state_dict``.   torch: nn.Buffer

    >>> class Counter(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.count = nn.Buffer(tensor(0))
    >>> dict(Counter().state_dict())
    {'count': tensor(0)}
    """

    __slots__ = ()

    def __new__(cls, data=None, *, persistent=True):
        data = empty(0) if data is None else data
        made = Tensor.__new__(cls, data.detach())
        made.requires_grad_(data.requires_grad)
        made.persistent = persistent
        return made
