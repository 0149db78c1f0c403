"""Tensors that a Module knows as its own: what it learns, and what it keeps.

torch: nn/parameter.py
"""

from ..absent import absent
from ..creation import empty, wanting
from ..dtypes import bfloat16, float16, float32, float64
from ..engine import Tensor, of_class, wrap

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin", "is_lazy"]

__getattr__ = absent(__name__)


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
        made = of_class(cls, data.detach())
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
        made = of_class(cls, data.detach())
        made.requires_grad_(data.requires_grad)
        made.persistent = persistent
        return made


# ---------------------------------------------------------------------------------------------------------
# Without a shape yet


class UninitializedTensorMixin:
    """A parameter or buffer that has a dtype and a device, and gets its shape and memory by ``materialize``.

    To compute with it raises ValueError, to ask for its shape RuntimeError.
    torch: nn.parameter.UninitializedTensorMixin
    """

    __slots__ = ()
    cls_to_become: type = Tensor

    def materialize(self, shape, device=None, dtype=None):
        """Give it memory of ``shape``, whose values may be anything; from now on it is an ordinary tensor."""
        data = self.data
        self.data = empty(shape, device=device or data.device, dtype=dtype or data.dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self):
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. "
            "This error usually happens in `load_state_dict` when trying to load "
            "an uninitialized parameter into an initialized one. "
            "Call `forward` to initialize the parameters before accessing their attributes."
        )

    @property
    def _array(self):  # every row of the table asks for it
        raise ValueError(
            "Attempted to use an uninitialized parameter. "
            "This error happens when you are using a `LazyModule` or "
            f"explicitly manipulating `torch.nn.parameter.{type(self).__name__}` "
            "objects. When using LazyModules Call `forward` with a dummy batch "
            "to initialize the parameters before calling torch functions"
        )

    @_array.setter
    def _array(self, array):
        Tensor._array.__set__(self, array)

    # what it can do without a shape

    @property
    def data(self):
        return wrap(Tensor._array.__get__(self))

    @data.setter
    def data(self, new):
        self._array, self._storage = new.data._array, new._storage

    dtype = property(lambda self: self.data.dtype)
    device = property(lambda self: self.data.device)

    def is_floating_point(self):
        return self.data.is_floating_point()

    def is_complex(self):
        return self.data.is_complex()

    def to(self, *args, **kwargs):
        data = self.data.to(*args, **kwargs)
        return type(self)(self.requires_grad, data.device, data.dtype)

    def cpu(self):
        return self.to("cpu")

    def cuda(self, device=None):
        return self.to("cuda" if device is None else device)

    def float(self):
        return self.to(float32)

    def double(self):
        return self.to(float64)

    def half(self):
        return self.to(float16)

    def bfloat16(self):
        return self.to(bfloat16)

    def copy_(self, source, non_blocking=False):
        if not is_lazy(source):
            raise RuntimeError("an uninitialized parameter has no memory to copy into\ncall materialize(shape) first")
        return self

    def share_memory_(self):
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. "
            "Call `forward` to initialize the parameters before calling "
            "`module.share_memory()`."
        )

    def __repr__(self):
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad, self.device, self.dtype)

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]


def is_lazy(param):
    """Whether ``param`` is an uninitialized parameter or buffer.   torch: nn.parameter.is_lazy"""
    return isinstance(param, UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A Parameter whose shape is not known yet.   torch: nn.UninitializedParameter

    >>> weight = nn.UninitializedParameter()
    >>> weight
    <UninitializedParameter>
    >>> weight.materialize((2, 3))
    >>> weight.shape
    torch.Size([2, 3])
    """

    __slots__ = ()
    cls_to_become = Parameter

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        made = of_class(cls, empty(0, device=device, dtype=dtype))
        return wanting(made, requires_grad)


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape is not known yet.   torch: nn.UninitializedBuffer"""

    __slots__ = ()

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        made = of_class(cls, empty(0, device=device, dtype=dtype))
        made.persistent = persistent
        return wanting(made, requires_grad)
