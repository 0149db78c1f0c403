"""Convolutions of one to three dims, their transposes, and the windows they are made of.

All ranks are one row, ``conv``, and all transposes another, ``conv_input_grad``: a transposed convolution is what goes
back to a convolution's input. Here shapes are checked, in PyTorch's words, and PyTorch's arguments become a geometry,
(stride, padding, dilation, groups), the first three with an entry for each dim; padding's is (before, after).
"""

import math

from ..errors import not_implemented
from ..tables import windows as rows

__all__ = [
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold", "unfold",
]  # fmt: skip


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """out[n, o, p] = b[o] + Σ_c,k W[o, c, k] · x[n, c, p · stride - padding + k · dilation].   torch: F.conv1d

    x: (N, C, L) or (C, L), W: (O, C / groups, kernel), b: (O) → (N, O, L').
    padding: a width, 'valid' (none) or 'same' (the output is as long as the input).

    >>> F.conv1d(tensor([[[1., 2., 4., 7.]]]), tensor([[[-1., 1.]]]))
    tensor([[[1., 2., 3.]]])
    """
    return convolve(input, weight, bias, stride, padding, dilation, groups, 1)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """``conv1d`` over two dims.   x: (N, C, H, W) or (C, H, W), W: (O, C / groups, *kernel) → (N, O, H', W').

    torch: F.conv2d.   LeCun et al. 1989

    >>> F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3), padding="same")
    tensor([[[[4., 6., 4.],
              [6., 9., 6.],
              [4., 6., 4.]]]])
    """
    return convolve(input, weight, bias, stride, padding, dilation, groups, 2)


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """``conv1d`` over three dims.   x: (N, C, D, H, W) or (C, D, H, W) → (N, O, D', H', W').   torch: F.conv3d"""
    return convolve(input, weight, bias, stride, padding, dilation, groups, 3)


def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The gradient of ``conv1d`` in its input, as a function: each x adds W · x to a window of the output.

    x: (N, C, L) or (C, L), W: (C, O / groups, kernel), b: (O) → (N, O, L').
    L' = (L - 1) · stride - 2 · padding + dilation · (kernel - 1) + output_padding + 1.   torch: F.conv_transpose1d

    >>> F.conv_transpose1d(tensor([[[1., 10.]]]), tensor([[[1., 2., 3.]]]))
    tensor([[[ 1., 12., 23., 30.]]])
    """
    return transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 1)


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """``conv_transpose1d`` over two dims.   torch: F.conv_transpose2d.   Zeiler et al. 2010"""
    return transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 2)


def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """``conv_transpose1d`` over three dims.   torch: F.conv_transpose3d"""
    return transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 3)


def convolve(input, weight, bias, stride, padding, dilation, groups, n):
    x, w = input._array.shape, weight._array.shape
    if len(x) == n + 1:
        return convolve(input.unsqueeze(0), weight, bias, stride, padding, dilation, groups, n).squeeze(0)
    check_dims(f"conv{n}d", x, w, stride, n)
    stride, dilation = sizes(stride, n, "stride"), sizes(dilation, n, "dilation")
    padding = widths(padding, w[2:], stride, dilation)
    check_settings(stride, padding, dilation, groups)
    check_channels(x, w, bias, groups, n, w[0], False)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, w[2:], strict=True)]
    framed = [size + before + after for size, (before, after) in zip(x[2:], padding, strict=True)]
    if any([r > size for r, size in zip(reach, framed, strict=True)]):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({by(framed)}). Kernel size: ({by(reach)}). Kernel size can't be greater "
            "than actual input size\ngive a larger input, or padding="
        )
    check_filled(x)
    check_dtypes(input, weight, bias, "compute_columns3d" if n == 3 else "slow_conv2d_cpu")
    operands = (input, weight) if bias is None else (input, weight, bias)
    return input._apply(rows.conv, operands, ((stride, padding, dilation, groups),))


def transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, n):
    x, w = input._array.shape, weight._array.shape
    if len(x) == n + 1:
        arguments = (weight, bias, stride, padding, output_padding, groups, dilation, n)
        return transposed(input.unsqueeze(0), *arguments).squeeze(0)
    check_dims(f"conv_transpose{n}d", x, w, stride, n)
    if isinstance(padding, str):
        raise TypeError(
            f"conv_transpose{n}d(): argument 'padding' must be tuple of ints, not str\n"
            "give the width that is to be taken off the output"
        )
    stride, dilation = sizes(stride, n, "stride"), sizes(dilation, n, "dilation")
    before, extra = sizes(padding, n, "padding"), sizes(output_padding, n, "output_padding")
    check_settings(stride, [(p, p) for p in before], dilation, groups, extra)
    check_channels(x, w, bias, groups, n, w[1] * groups, True)
    check_extra(extra, stride, dilation)

    # A stride's length of extra output is lost by a convolution. More than that is less padding, or plain zeros.
    after = [p if e < s else max(p - e, 0) for p, e, s in zip(before, extra, stride, strict=True)]
    left = [e if e < s else 0 for e, s in zip(extra, stride, strict=True)]
    zeros = [0 if e < s else max(e - p, 0) for p, e, s in zip(before, extra, stride, strict=True)]
    shape = [
        (size - 1) * s - p - a + d * (k - 1) + e + 1
        for size, s, p, a, d, k, e in zip(x[2:], stride, before, after, dilation, w[2:], left, strict=True)
    ]
    if any([size + z < 1 for size, z in zip(shape, zeros, strict=True)]):
        raise RuntimeError(
            f"Given input size per channel: ({by(x[2:])}). Calculated output size per channel: "
            f"({by([size + z for size, z in zip(shape, zeros, strict=True)])}). Output size is too small\ngive less padding"
        )
    check_filled(x)
    check_transposed_dtypes(input, weight, bias if n == 3 else None, f"slow_conv_transpose{max(n, 2)}d_out_cpu")
    geometry = (stride, tuple(zip(before, after, strict=True)), dilation, groups)
    out = input._apply(rows.conv_input_grad, (input, weight), ((x[0], w[1] * groups, *shape), geometry))
    if any(zeros):
        out = out.pad_widths([(0, 0), (0, 0), *[(0, z) for z in zeros]])
    return out if bias is None else out + bias.to(out.dtype).reshape(-1, *[1] * n)


# -------------------------------------------------------------------------------------------------------------- checks


def by(numbers):
    return " x ".join(map(str, numbers))


def sizes(value, n, name):
    """One integer for all dims, or one for each, as a tuple."""
    if isinstance(value, (tuple, list)):
        if len(value) == n:
            return tuple(value)
        if len(value) == 1:
            return tuple(value) * n
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {n} values to match the convolution dimensions, but got "
            f"{name}={list(value)}"
        )
    return (value,) * n


def widths(padding, kernel, stride, dilation):
    """Padding as a (before, after) for each dim."""
    if not isinstance(padding, str):
        return tuple([(p, p) for p in sizes(padding, len(kernel), "padding")])
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'\nit can be 'same', 'valid', or a width")
    if any([s != 1 for s in stride]):
        raise RuntimeError("padding='same' is not supported for strided convolutions\ngive the width as a number")
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return tuple([(t // 2, t - t // 2) for t in total])


def check_dims(name, x, w, stride, n):
    """Raise RuntimeError if the input or the weight have other dims than (N, C, *sizes) and (O, C, *kernel)."""
    if len(x) != n + 2:
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: {list(x)}\n"
            f"the dims are images (optional), channels, and {n} more"
        )
    if len(w) == n + 2:
        return
    if n == 1 and len(w) < 3:
        raise RuntimeError("weight should have at least three dimensions\nout channels, in channels, kernel")
    if n == 1:
        raise RuntimeError(
            f"Expected {len(w)}-dimensional input for {len(w)}-dimensional weight {list(w)}, but got 3-dimensional input of size "
            f"{list(x)} instead"
        )
    raise RuntimeError(
        f"expected stride to be a single integer value or a list of {len(w) - 2} values to match the convolution dimensions, but "
        f"got stride={list(sizes(stride, n, 'stride'))}\nthe weight has the shape {tuple(w)}, {n + 2} dims are expected"
    )


def check_settings(stride, padding, dilation, groups, extra=()):
    """Raise RuntimeError for numbers that mean nothing."""
    if any([p < 0 for pair in padding for p in pair]):
        raise RuntimeError("negative padding is not supported\nto cut the input, slice it: x[..., 1:-1]")
    if any([e < 0 for e in extra]):
        raise RuntimeError("negative output_padding is not supported\nto cut the output, raise padding")
    if any([s <= 0 for s in stride]):
        raise RuntimeError("non-positive stride is not supported\nthe smallest stride is 1")
    if any([d <= 0 for d in dilation]):
        raise RuntimeError(
            f"dilation should be greater than zero, but got {list(dilation)}\n1 leaves no holes in the kernel"
        )
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported\n1 connects all channels")


def check_channels(x, w, bias, groups, n, filters, is_transposed):
    """Raise RuntimeError if the channels of input, weight and bias don't fit together."""
    expected = w[0] if is_transposed else w[1] * groups
    if w[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size {list(w)} instead"
        )
    if w[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size "
            f"[{list(w)}] instead\neach group makes as many channels as the others"
        )
    given = "transposed=1" if is_transposed else f"groups={groups}"
    if x[1] != expected:
        raise RuntimeError(
            f"Given {given}, weight of size {list(w)}, expected input{list(x)} to have {expected} channels, but got {x[1]} channels "
            "instead\nchannels are dim 1 of the input (dim 0 without a batch)"
        )
    if bias is not None and bias._array.shape != (filters,):
        given = "transposed=1, " if is_transposed else ""
        raise RuntimeError(
            f"Given {given}weight of size {list(w)}, expected bias to be 1-dimensional with {filters} elements, but got bias of size "
            f"{list(bias._array.shape)} instead"
        )
    if 0 in w[2:]:
        found = f": {by(w[2:])} (TxHxW)" if n == 3 else f" kernel_height: {w[2] if n == 2 else 1} kernel_width: {w[-1]}"
        raise RuntimeError(
            f"kernel size should be greater than zero, but got{found}\nthe weight has the shape {tuple(w)}"
        )


def check_extra(extra, stride, dilation):
    """Raise RuntimeError for output padding that reaches beyond what a stride or a hole of the kernel leaves open."""
    if all([e < max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)]):
        return
    names = ["depth", "height", "width"][-max(len(extra), 2) :]
    told = []
    for what, numbers, filling in (("output_padding", extra, 0), ("stride", stride, 1), ("dilation", dilation, 1)):
        numbers = (filling, *numbers) if len(numbers) == 1 else numbers
        told += [f"{what}_{name}: {number}" for name, number in zip(names, numbers, strict=True)]
    raise RuntimeError(
        f"output padding must be smaller than either stride or dilation, but got {' '.join(told)}\n"
        "it chooses among the sizes that a strided convolution maps to the same one"
    )


def check_filled(x):
    if 0 in x[2:]:
        raise RuntimeError(f"Only zero batch or zero channel inputs are supported, but got input shape: {list(x)}")


def check_dtypes(input, weight, bias, kernel):
    """Raise RuntimeError for different dtypes, which PyTorch doesn't mix here; NotImplementedError for booleans."""
    x, w = input._array.dtype, weight._array.dtype
    if bias is not None and bias._array.dtype != x:
        raise RuntimeError(
            f"Input type ({input._type_name('c')}) and bias type ({bias._type_name('c')}) should be the same\n"
            "convert one of them with .to(dtype)"
        )
    if x != w:
        raise different_dtypes(input, weight)
    if x.kind == "b":
        raise not_implemented(kernel, input._type_name())


def check_transposed_dtypes(input, weight, bias, kernel):
    """The same for a transposed convolution, of which PyTorch has none for small integers."""
    if input._type_name() == "Byte":
        raise not_implemented(kernel, "Byte")
    for other in (weight, bias):
        if other is not None and other._array.dtype != input._array.dtype:
            raise different_dtypes(input, other)
    if input._type_name() not in ("Float", "Double", "Half", "BFloat16", "Long", "ComplexFloat", "ComplexDouble"):
        raise not_implemented(kernel, input._type_name())


def different_dtypes(x, y):
    """The exception for an input and a weight of different dtypes; of bfloat16 in the words of PyTorch's library for that."""
    if x.dtype.name == "bfloat16":
        return RuntimeError(
            f"Input type (CPUBFloat16Type) and weight type (torch.{y._type_name()}Tensor) should be the same or input should be a MKLDNN "
            "tensor and weight is a dense tensor\nconvert one of them with .to(dtype)"
        )
    return RuntimeError(
        f"expected scalar type {x._type_name()} but found {y._type_name()}\nconvert one of them with .to(dtype)"
    )


# ------------------------------------------------------------------------------------------------------------- windows


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of an image, each as a column: what a convolution multiplies its weight with.

    x: (N, C, H, W) or (C, H, W) → (N, C · kernel, positions).   torch: F.unfold

    >>> F.unfold(torch.arange(9.).view(1, 1, 3, 3), 2)
    tensor([[[0., 1., 3., 4.],
             [1., 2., 4., 5.],
             [3., 4., 6., 7.],
             [4., 5., 7., 8.]]])
    """
    shape = input._array.shape
    kernel, dilation, padding, stride = window_settings(kernel_size, dilation, padding, stride)
    if len(shape) not in (3, 4) or 0 in shape[-3:]:
        if len(shape) < 3:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-len(shape)}, {len(shape) - 1}], but got {len(shape)})\n"
                "an image has channels, height and width"
            )
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: "
            f"{list(shape)}"
        )
    if input.dtype.category == 1:
        raise not_implemented("im2col_out_cpu", input._type_name())
    if len(shape) == 3:
        return unfold(input.unsqueeze(0), kernel, dilation, padding, stride).squeeze(0)
    counts = block_counts(shape[2:], kernel, dilation, padding, stride)
    if min(counts) < 1:
        raise RuntimeError(
            f"Given input with spatial size {shape[2:]}, kernel_size={kernel}, dilation={dilation}, padding={padding}, "
            f"calculated shape of the array of sliding blocks as {counts}, but its components must be at least one."
        )

    x = input.pad_widths([(0, 0), (0, 0), *[(p, p) for p in padding]]) if any(padding) else input
    for i in range(2):
        reach = dilation[i] * (kernel[i] - 1) + 1
        x = x.unfold(2 + i, reach, stride[i])[..., :: dilation[i]]
    # (N, C, *positions, *kernel)
    return x.permute(0, 1, 4, 5, 2, 3).reshape(shape[0], shape[1] * math.prod(kernel), math.prod(counts))


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """The adjoint of ``unfold``: each column added to where its window lay.

    x: (N, C · kernel, positions) or (C · kernel, positions) → (N, C, *output_size).   torch: F.fold

    >>> F.fold(torch.ones(1, 4, 4), 3, 2)
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    kernel, dilation, padding, stride = window_settings(kernel_size, dilation, padding, stride)
    size = pair(output_size, "output_size")
    if input.ndim == 2:
        return fold(input.unsqueeze(0), size, kernel, dilation, padding, stride).squeeze(0)
    check_columns(input, size, kernel, dilation, padding, stride)
    counts = block_counts(size, kernel, dilation, padding, stride)
    batch, channels = input.shape[0], input.shape[1] // math.prod(kernel)

    x = input.reshape(batch, channels, *kernel, *counts).permute(0, 1, 4, 5, 2, 3)
    framed = [n + 2 * p for n, p in zip(size, padding, strict=True)]
    for i in (1, 0):  # the last dim is always that of the windows to add: first the width's, then the height's
        x = with_holes(x, dilation[i])
        shape = list(x.shape[:-1])
        shape[2 + i] = framed[i]
        x = x.fold_windows(shape, 2 + i, x.shape[-1], stride[i])
    return x[:, :, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]


def with_holes(x, dilation):
    """x with dilation - 1 zeros between the elements of its last dim."""
    if dilation == 1 or x.shape[-1] == 1:
        return x
    spread = x.unsqueeze(-1).pad_widths([(0, 0)] * x.ndim + [(0, dilation - 1)])
    return spread.flatten(-2)[..., : dilation * (x.shape[-1] - 1) + 1]


def pair(value, name):
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise RuntimeError(
                f"It is expected {name} equals to 2, but got size {len(value)}\ngive a height and a width"
            )
        return tuple(value)
    return value, value


def window_settings(kernel_size, dilation, padding, stride):
    """All four as pairs. Raises RuntimeError for numbers that mean nothing."""
    found = []
    for name, value in (("kernel_size", kernel_size), ("dilation", dilation), ("padding", padding), ("stride", stride)):
        height, width = pair(value, name)
        shown_name = name.replace("_", " ")
        if name == "padding":
            if min(height, width) < 0:
                raise RuntimeError(f"padding should be non-negative, but got pad_height: {height} pad_width: {width}")
        elif min(height, width) <= 0:
            label = name.removesuffix("_size")
            raise RuntimeError(
                f"{shown_name} should be greater than zero, but got {label}_height: {height} {label}_width: {width}"
            )
        found.append((height, width))
    return found


def block_counts(size, kernel, dilation, padding, stride):
    """How many windows there are, in each dim."""
    return tuple([
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(size, kernel, dilation, padding, stride, strict=True)
    ])  # fmt: skip


def check_columns(input, size, kernel, dilation, padding, stride):
    """Raise RuntimeError if the columns aren't those of an image of that size."""
    shape = input.shape
    if len(shape) != 3 or 0 in shape[1:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but "
            f"got: {list(shape)}"
        )
    if input.dtype.category == 1:
        raise not_implemented("col2im_out_cpu", input._type_name())
    if shape[1] % math.prod(kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={shape[1]} and kernel_size={kernel}."
        )
    rows_, columns = block_counts(size, kernel, dilation, padding, stride)
    if rows_ * columns != shape[2] or min(rows_, columns) < 1:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}, expected "
            f"size of input's dimension 2 to match the calculated number of sliding blocks {rows_} * {columns} = {rows_ * columns}, "
            f"but got input.size(2)={shape[2]}."
        )
