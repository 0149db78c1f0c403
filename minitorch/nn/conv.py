"""Convolutions: a small weight moved over all positions.   torch: nn/modules/conv.py"""

import math

from ..creation import empty
from . import functional as F
from . import init
from .functional.convolution import ntuple
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

PADDING_MODES = "zeros", "reflect", "replicate", "circular"


class _ConvNd(Module):
    """What the six have in common: weight (out, in / groups, *kernel), or (in, out / groups, *kernel) transposed.

    Both weight and bias are U(-1/√fan_in, 1/√fan_in), where fan_in = weight.shape[1] · the kernel's size.
    """

    spatial_dims = 0
    transposed = False

    def __init__(
        self, in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias, padding_mode,
        device=None, dtype=None,
    ):  # fmt: skip
        super().__init__()
        n = self.spatial_dims
        _check_groups(in_channels, out_channels, groups)
        _check_padding(padding, ntuple(stride, n), padding_mode)

        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = ntuple(kernel_size, n), ntuple(stride, n), ntuple(dilation, n)
        self.padding = padding if isinstance(padding, str) else ntuple(padding, n)
        self.output_padding = ntuple(output_padding, n)
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._widths()

        channels = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(empty(*channels, *self.kernel_size, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _widths(self):
        """The padding as F.pad wants it: (before, after) of the last dim first."""
        widths = []
        for i in reversed(range(self.spatial_dims)):
            if self.padding == "same":
                total = self.dilation[i] * (self.kernel_size[i] - 1)
                widths += [total // 2, total - total // 2]
            else:
                widths += [0, 0] if self.padding == "valid" else [self.padding[i]] * 2
        return widths

    def reset_parameters(self):
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = self.weight[0].numel()
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input, weight, bias):
        """With another weight than its own: a subclass that normalizes its weight calls this, as PyTorch's do."""
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        return self._convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def extra_repr(self):
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        n = self.spatial_dims
        if self.padding != (0,) * n:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * n:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * n:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


def _check_groups(in_channels, out_channels, groups):
    if groups <= 0:
        raise ValueError(f"groups must be a positive integer\ngot groups={groups}")
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups != 0:
            raise ValueError(f"{name} must be divisible by groups\ngot {name}={channels}, groups={groups}")


def _check_padding(padding, stride, padding_mode):
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}\n"
                             "or give the width as a number")  # fmt: skip
        if padding == "same" and any(s != 1 for s in stride):
            raise ValueError("padding='same' is not supported for strided convolutions\n"
                             "the output is smaller than the input there: give the width as a number")  # fmt: skip
    if padding_mode not in PADDING_MODES:
        raise ValueError(
            f"padding_mode must be one of {{'zeros', 'reflect', 'replicate', 'circular'}}, but got padding_mode={padding_mode!r}"
            "\n'zeros' is the default"
        )


class _Conv(_ConvNd):
    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
        padding_mode="zeros", device=None, dtype=None,
    ):  # fmt: skip
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )


class Conv1d(_Conv):
    """(N, C_in, L) → (N, C_out, L'), L' = (L + 2·padding - dilation·(kernel - 1) - 1) / stride + 1.   torch: nn.Conv1d

    >>> nn.Conv1d(1, 4, 3)(torch.zeros(2, 1, 10)).shape
    torch.Size([2, 4, 8])
    """

    spatial_dims = 1
    _convolve = staticmethod(F.conv1d)


class Conv2d(_Conv):
    """(N, C_in, H, W) → (N, C_out, H', W').   torch: nn.Conv2d.   LeCun et al. 1989

    padding: a width, a width for each dim, 'valid' or 'same' (the output has the input's size).

    >>> nn.Conv2d(1, 4, 3, padding=1)
    Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    spatial_dims = 2
    _convolve = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """(N, C_in, D, H, W) → (N, C_out, D', H', W').   torch: nn.Conv3d"""

    spatial_dims = 3
    _convolve = staticmethod(F.conv3d)


# ------------------------------------------------------------------------------------------------------------ transposed


class _ConvTransposeNd(_ConvNd):
    transposed = True

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True, dilation=1,
        padding_mode="zeros", device=None, dtype=None,
    ):  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}\n'
                             "its padding takes away from the output")  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias, padding_mode,
            device, dtype,
        )  # fmt: skip

    def forward(self, input, output_size=None):
        output_padding = self.output_padding if output_size is None else self._output_padding(input, output_size)
        return self._convolve(
            input, self.weight, self.bias, self.stride, self.padding, output_padding, self.groups, self.dilation
        )

    def _output_padding(self, input, output_size):
        """What must be added to the smallest output to make it ``output_size``: between 0 and stride - 1."""
        n = self.spatial_dims
        lead = input.dim() - n
        output_size = list(output_size)
        if len(output_size) == n + lead:
            output_size = output_size[lead:]
        if len(output_size) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or {n + lead} elements (got "
                f"{len(output_size)})\ngive the spatial sizes"
            )

        smallest = [
            (input.size(lead + d) - 1) * self.stride[d]
            - 2 * self.padding[d]
            + self.dilation[d] * (self.kernel_size[d] - 1)
            + 1
            for d in range(n)
        ]
        largest = [size + stride - 1 for size, stride in zip(smallest, self.stride, strict=True)]
        for d in range(n):
            if not smallest[d] <= output_size[d] <= largest[d]:
                raise ValueError(
                    f"requested an output size of {output_size}, but valid sizes range from {smallest} to {largest} (for an "
                    f"input of {input.shape[lead:]})\nstride - 1 more than the smallest are possible"
                )
        return tuple(size - least for size, least in zip(output_size, smallest, strict=True))


class ConvTranspose1d(_ConvTransposeNd):
    """The gradient of Conv1d with respect to its input, as a layer.   (N, C_in, L) → (N, C_out, L').

    L' = (L - 1)·stride - 2·padding + dilation·(kernel - 1) + output_padding + 1.   torch: nn.ConvTranspose1d

    >>> nn.ConvTranspose1d(4, 1, 3)(torch.zeros(2, 4, 8)).shape
    torch.Size([2, 1, 10])
    """

    spatial_dims = 1
    _convolve = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """(N, C_in, H, W) → (N, C_out, H', W').   torch: nn.ConvTranspose2d.   Zeiler et al. 2010"""

    spatial_dims = 2
    _convolve = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """(N, C_in, D, H, W) → (N, C_out, D', H', W').   torch: nn.ConvTranspose3d"""

    spatial_dims = 3
    _convolve = staticmethod(F.conv_transpose3d)
