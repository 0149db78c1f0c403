"""Room around the last one, two or three dims.   torch: nn/modules/padding.py

Each takes one width for all sides, or (left, right), (left, right, top, bottom), (left, right, top, bottom, front, back).
"""

from . import functional as F
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "ReflectionPad1d",
    "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d", "ZeroPad1d",
    "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _PadNd(Module):
    spatial_dims = 0
    mode = "constant"
    value = None

    def __init__(self, padding):
        super().__init__()
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self.spatial_dims)

    def forward(self, input):
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self):
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """``value`` on both sides of the last dim.   torch: nn.ConstantPad1d

    >>> nn.ConstantPad1d(1, 9.)(tensor([[1., 2.]]))
    tensor([[9., 1., 2., 9.]])
    """

    spatial_dims = 1


class ConstantPad2d(_ConstantPadNd):
    """``value`` around the last two dims.   torch: nn.ConstantPad2d"""

    spatial_dims = 2


class ConstantPad3d(_ConstantPadNd):
    """``value`` around the last three dims.   torch: nn.ConstantPad3d"""

    spatial_dims = 3


class ZeroPad1d(ConstantPad1d):
    """Zeros on both sides of the last dim.   torch: nn.ZeroPad1d"""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Zeros around the last two dims.   torch: nn.ZeroPad2d"""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Zeros around the last three dims.   torch: nn.ZeroPad3d"""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class _ReflectionPadNd(_PadNd):
    mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """c b | a b c | b a: the edge is a mirror.   torch: nn.ReflectionPad1d

    >>> nn.ReflectionPad1d(1)(tensor([[1., 2., 3.]]))
    tensor([[2., 1., 2., 3., 2.]])
    """

    spatial_dims = 1


class ReflectionPad2d(_ReflectionPadNd):
    """A mirror around the last two dims.   torch: nn.ReflectionPad2d"""

    spatial_dims = 2


class ReflectionPad3d(_ReflectionPadNd):
    """A mirror around the last three dims.   torch: nn.ReflectionPad3d"""

    spatial_dims = 3


class _ReplicationPadNd(_PadNd):
    mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """a a | a b c | c c: the edge goes on.   torch: nn.ReplicationPad1d"""

    spatial_dims = 1


class ReplicationPad2d(_ReplicationPadNd):
    """The edges of the last two dims go on.   torch: nn.ReplicationPad2d"""

    spatial_dims = 2


class ReplicationPad3d(_ReplicationPadNd):
    """The edges of the last three dims go on.   torch: nn.ReplicationPad3d"""

    spatial_dims = 3


class _CircularPadNd(_PadNd):
    mode = "circular"

    def forward(self, input):
        self._check_input_dim(input)
        return super().forward(input)

    def _check_input_dim(self, input):
        if input.dim() - self.spatial_dims not in (1, 2):
            raise ValueError(
                f"expected {self.spatial_dims + 1}D or {self.spatial_dims + 2}D input (got {input.dim()}D input)\n"
                f"{type(self).__name__} has a shape of (N, C, …) or (C, …); this input has {tuple(input.shape)}"
            )


class CircularPad1d(_CircularPadNd):
    """b c | a b c | a b: it begins again.   torch: nn.CircularPad1d"""

    spatial_dims = 1


class CircularPad2d(_CircularPadNd):
    """The last two dims begin again.   torch: nn.CircularPad2d"""

    spatial_dims = 2


class CircularPad3d(_CircularPadNd):
    """The last three dims begin again.   torch: nn.CircularPad3d"""

    spatial_dims = 3
