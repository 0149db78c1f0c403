"""einops on our tensors. Rogozhnikov 2022, "Einops: clear and reliable tensor manipulations with Einstein-like notation".

Where einops is installed, ``import minitorch`` loads this file, and einops finds the backend in it by itself:

    from einops import rearrange, reduce, repeat, einsum, pack, unpack
    from minitorch.einops.layers import Rearrange, Reduce, EinMix       (einops.layers.torch would load PyTorch)
"""

from einops._backends import AbstractBackend

from ..creation import arange, from_numpy
from ..dtypes import int64
from ..engine import Tensor
from ..ops.einsum import einsum
from ..ops.joining import cat, stack

__all__ = ["Backend"]


class Backend(AbstractBackend):
    """What einops asks of a library of tensors."""

    framework_name = "minitorch"

    def is_appropriate_type(self, tensor):
        return isinstance(tensor, Tensor)

    def from_numpy(self, x):
        made = from_numpy(x)
        return made.requires_grad_() if self.is_float_type(made) else made

    def to_numpy(self, x):
        return x.numpy(force=True)

    def arange(self, start, stop):
        return arange(start, stop, dtype=int64)

    def transpose(self, x, axes):
        return x.permute(axes)

    def reduce(self, x, operation, axes):
        if operation in ("min", "max"):
            return getattr(x, f"a{operation}")(axes)
        if operation in ("sum", "mean"):
            return getattr(x, operation)(axes)
        for d in sorted(axes, reverse=True):  # any, all, prod: one dim at a time
            x = getattr(x, operation)(d)
        return x

    def stack_on_zeroth_dimension(self, tensors):
        return stack(tensors)

    def add_axis(self, x, new_position):
        return x.unsqueeze(new_position)

    def tile(self, x, repeats):
        return x.expand([n if size == 1 else size for n, size in zip(repeats, x.shape)])

    def concat(self, tensors, axis):
        return cat(tensors, axis)

    def is_float_type(self, x):
        return x.is_floating_point()

    def einsum(self, pattern, *x):
        return einsum(pattern, *x)
