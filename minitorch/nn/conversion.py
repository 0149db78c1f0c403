"""A module's tensors, all changed at once: moved, cast, frozen. These functions are methods of Module.

Every parameter stays the same object and only its data changes, so an optimizer made before still holds it.

torch: nn/modules/module.py
"""

import builtins

from ..creation import empty_like
from ..device import device as device_type
from ..dtypes import dtype as dtype_type
from ..engine import Tensor, no_grad
from ..graph import CHANGES

__all__ = [
    "_apply", "apply", "bfloat16", "cpu", "cuda", "double", "float", "half", "requires_grad_", "share_memory", "to",
    "to_empty", "type", "zero_grad",
]  # fmt: skip


def _apply(self, fn, recurse=True):
    """``fn(tensor)`` in place of every parameter's data, its gradient's data, and every buffer."""
    if recurse:
        for module in self.children():
            module._apply(fn)

    CHANGES[0] += 1
    for parameter in self._parameters.values():
        if parameter is None:
            continue
        with no_grad():
            gradient = parameter.grad
            parameter.data = fn(parameter)
            if gradient is not None:
                gradient.data = fn(gradient)

    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = fn(buffer)
    return self


def apply(self, fn):
    """Call ``fn(module)`` for every module below, then for this one: how weights are initialised anew.

    torch: Module.apply

    >>> def start_at_zero(module):
    ...     if isinstance(module, nn.Linear):
    ...         nn.init.zeros_(module.weight)
    >>> nn.Sequential(nn.Linear(2, 1)).apply(start_at_zero)[0].weight.data
    tensor([[0., 0.]])
    """
    for module in self.children():
        module.apply(fn)
    fn(self)
    return self


# ---------------------------------------------------------------------------------------------------------
# Where, and of which type


def to(self, *args, **kwargs):
    """Move and cast: ``to(device)``, ``to(dtype)``, ``to(device, dtype)``, ``to(tensor)``, or by keyword.

    Only floating-point tensors are cast; integer buffers stay what they are.   torch: Module.to

    >>> nn.Linear(2, 1).to(torch.float64).weight.dtype
    torch.float64
    """
    memory_format = kwargs.pop("memory_format", None)
    device, dtype = _target(args, kwargs)
    if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
        raise TypeError(
            f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}\n"
            "cast single tensors with tensor.to(dtype)"
        )

    def convert(tensor):
        wanted = dtype if tensor.is_floating_point() or tensor.is_complex() else None
        place = tensor.device if device is None else device
        format = memory_format if memory_format is not None and tensor.ndim in (4, 5) else None
        return tensor.to(device=place, dtype=wanted or tensor.dtype, memory_format=format)

    return self._apply(convert)


def _target(args, kwargs):
    """The device and the dtype, each perhaps None, that the arguments of ``to`` name."""
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    other = kwargs.pop("tensor", None)
    for ignored in ("non_blocking", "copy"):
        kwargs.pop(ignored, None)

    for position, value in enumerate(args):
        if isinstance(value, dtype_type) and dtype is None:
            dtype = value
        elif isinstance(value, Tensor) and position == 0:
            other = value
        elif isinstance(value, bool) and position > 0:
            continue  # non_blocking: every copy here has ended when `to` returns
        elif isinstance(value, (str, int, device_type)) and position == 0 and not isinstance(value, bool):
            device = value
        elif value is not None:
            kwargs[str(position)] = value
    if kwargs:
        given = ", ".join(builtins.type(value).__name__ for value in args)
        raise TypeError(
            f"to() received an invalid combination of arguments - got ({given}), but expected one of:\n"
            " * (device, dtype, non_blocking)   * (dtype, non_blocking)   * (tensor, non_blocking)"
        )

    if other is not None:
        return other.device, other.dtype
    return None if device is None else device_type(device), dtype


def to_empty(self, *, device, recurse=True):
    """Move without the values: new memory that holds anything.   torch: Module.to_empty"""
    return self._apply(lambda tensor: empty_like(tensor, device=device), recurse)


def cpu(self):
    """Move to the CPU.   torch: Module.cpu"""
    return self._apply(lambda tensor: tensor.cpu())


def cuda(self, device=None):
    """Move to a GPU.   torch: Module.cuda"""
    return self._apply(lambda tensor: tensor.cuda(device))


def type(self, dst_type):
    """Cast every parameter and buffer, those of integers too.   torch: Module.type"""
    return self._apply(lambda tensor: tensor.type(dst_type))


def float(self):
    """Cast to float32 what is floating-point.   torch: Module.float"""
    return self._apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)


def double(self):
    """Cast to float64 what is floating-point.   torch: Module.double"""
    return self._apply(lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)


def half(self):
    """Cast to float16 what is floating-point.   torch: Module.half"""
    return self._apply(lambda tensor: tensor.half() if tensor.is_floating_point() else tensor)


def bfloat16(self):
    """Cast to bfloat16 what is floating-point.   torch: Module.bfloat16"""
    return self._apply(lambda tensor: tensor.bfloat16() if tensor.is_floating_point() else tensor)


def share_memory(self):
    """Move all tensors into memory that processes forked from now on share.   torch: Module.share_memory"""
    return self._apply(lambda tensor: tensor.share_memory_())


# ---------------------------------------------------------------------------------------------------------
# Gradients


def requires_grad_(self, requires_grad=True):
    """Learn the parameters, or with False freeze them.   torch: Module.requires_grad_"""
    CHANGES[0] += 1
    for parameter in self.parameters():
        parameter.requires_grad_(requires_grad)
    return self


def zero_grad(self, set_to_none=True) -> None:
    """Forget the gradients, or without ``set_to_none`` fill them with zeros.   torch: Module.zero_grad"""
    for parameter in self.parameters():
        gradient = parameter.grad
        if gradient is None:
            continue
        if set_to_none:
            parameter.grad = None
        else:
            if gradient.grad_fn is not None:
                gradient.detach_()
            else:
                gradient.requires_grad_(False)
            gradient.zero_()
