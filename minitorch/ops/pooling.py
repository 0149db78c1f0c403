"""The largest, or the mean, of each window of one to three dims.

A maximum is found in two steps: where it is (``max_pool_index``, which has no gradient), and what is there
(``pool_gather``, whose gradient goes back to that one element). A window is described by a geometry, (kernel, stride,
padding, dilation, positions), with an entry for each dim.
"""

import math

from ..errors import not_implemented
from ..tables import windows as rows
from ..tables.resampling import resample

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
]  # fmt: skip

# ------------------------------------------------------------------------------------------------------------- largest


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest of each window.   x: (N, C, L) or (C, L) → (N, C, L').   torch: F.max_pool1d

    stride: the kernel's size unless given. ceil_mode: a last window may reach over the end.
    return_indices: also where they are. Of equal elements the first counts, and has the gradient.

    >>> F.max_pool1d(tensor([[1., 3., 2., 0.]]), 2)
    tensor([[3., 2.]])
    """
    return max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 1)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """``max_pool1d`` over two dims.   x: (N, C, H, W) or (C, H, W) → (N, C, H', W').   torch: F.max_pool2d"""
    return max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 2)


def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """``max_pool1d`` over three dims.   x: (N, C, D, H, W) or (C, D, H, W) → (N, C, D', H', W').   torch: F.max_pool3d"""
    return max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, 3)


def max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices, n):
    name = f"max_pool{n}d"
    shape = input._array.shape
    kernel, padding = sizes(kernel_size, n, name, "kernel_size"), sizes(padding, n, name, "padding")
    stride = kernel if is_missing(stride) else sizes(stride, n, name, "stride")
    dilation = sizes(dilation, n, name, "dilation")
    if n == 1 and not return_indices:
        check_max_pool1d(input, kernel[0], stride[0], padding[0], dilation[0])
    check_window(kernel, stride, padding, dilation)
    check_map(shape, n, name)
    positions = counts(shape[-n:], kernel, stride, padding, dilation, ceil_mode)
    check_positions(shape, positions, kernel, n, name)
    if input._array.dtype.kind in "bc":
        raise not_implemented(f"max_pool{max(n, 2)}d", input._type_name())

    geometry = (kernel, stride, padding, dilation, positions)
    index = input._apply(rows.max_pool_index, (input,), (geometry,))
    out = input._apply(rows.pool_gather, (input, index), (n, geometry))
    return (out, index) if return_indices else out


# ---------------------------------------------------------------------------------------------------------------- mean


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window.   x: (N, C, L) or (C, L) → (N, C, L').   torch: F.avg_pool1d

    count_include_pad: zeros of the padding count as elements.

    >>> F.avg_pool1d(tensor([[1., 3., 2., 0.]]), 2)
    tensor([[2., 1.]])
    """
    return avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, None, 1)


def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """``avg_pool1d`` over two dims; ``divisor_override`` is what sums are divided by instead.   torch: F.avg_pool2d"""
    return avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 2)


def avg_pool3d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """``avg_pool1d`` over three dims; ``divisor_override`` is what sums are divided by instead.   torch: F.avg_pool3d"""
    return avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, 3)


def avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor, n):
    name = f"avg_pool{n}d"
    shape = input._array.shape
    kernel, padding = sizes(kernel_size, n, name, "kernel_size"), sizes(padding, n, name, "padding")
    stride = kernel if is_missing(stride) else sizes(stride, n, name, "stride")
    ones = (1,) * n
    if n == 1 and len(shape) not in (2, 3):
        raise dims_error(name, shape)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero\nwithout it, the mean is taken")
    check_window(kernel, stride, padding, ones)
    check_map(shape, n, name)
    positions = counts(shape[-n:], kernel, stride, padding, ones, ceil_mode)
    check_positions(shape, positions, kernel, n, name)
    if input.dtype.is_complex or not (input.is_floating_point() or input._type_name() == "Long"):
        raise not_implemented("avg_pool3d_out_frame" if n == 3 else "avg_pool2d", input._type_name())
    if divisor is None:
        divisor = elements_seen(shape[-n:], kernel, stride, padding, positions, count_include_pad)
    return input._apply(rows.avg_pool, (input,), ((kernel, stride, padding, ones, positions), divisor))


def elements_seen(shape, kernel, stride, padding, positions, count_include_pad):
    """How many elements each window has: a number for each position of each dim, or one for all of them."""
    found = []
    for size, k, s, p, count in zip(shape, kernel, stride, padding, positions, strict=True):
        low, high = (-p, size + p) if count_include_pad else (0, size)
        starts = [i * s - p for i in range(count)]
        found.append(tuple([min(start + k, high) - max(start, low) for start in starts]))
    alike = all([len(set(of_dim)) == 1 for of_dim in found])
    return math.prod([of_dim[0] for of_dim in found]) if alike else tuple(found)


# ------------------------------------------------------------------------------------------- as many windows as wanted


def adaptive_avg_pool1d(input, output_size):
    """The means of ``output_size`` windows that cover the input; window i of n begins at ⌊i L / n⌋, and ends before
    ⌈(i + 1) L / n⌉.   x: (N, C, L) or (C, L) → (N, C, output_size).   torch: F.adaptive_avg_pool1d

    >>> F.adaptive_avg_pool1d(tensor([[1., 3., 2., 0., 5.]]), 2)
    tensor([[2.0000, 2.3333]])
    """
    return adaptive_avg_pool(input, output_size, 1)


def adaptive_avg_pool2d(input, output_size):
    """``adaptive_avg_pool1d`` over two dims; None keeps the size of a dim.   torch: F.adaptive_avg_pool2d"""
    return adaptive_avg_pool(input, output_size, 2)


def adaptive_avg_pool3d(input, output_size):
    """``adaptive_avg_pool1d`` over three dims; None keeps the size of a dim.   torch: F.adaptive_avg_pool3d"""
    return adaptive_avg_pool(input, output_size, 3)


def adaptive_max_pool1d(input, output_size, return_indices=False):
    """The largest of ``output_size`` windows that cover the input, as ``adaptive_avg_pool1d`` chooses them.

    torch: F.adaptive_max_pool1d

    >>> F.adaptive_max_pool1d(tensor([[1., 3., 2., 0., 5.]]), 2)
    tensor([[3., 5.]])
    """
    return adaptive_max_pool(input, output_size, return_indices, 1)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """``adaptive_max_pool1d`` over two dims; None keeps the size of a dim.   torch: F.adaptive_max_pool2d"""
    return adaptive_max_pool(input, output_size, return_indices, 2)


def adaptive_max_pool3d(input, output_size, return_indices=False):
    """``adaptive_max_pool1d`` over three dims; None keeps the size of a dim.   torch: F.adaptive_max_pool3d"""
    return adaptive_max_pool(input, output_size, return_indices, 3)


def adaptive_avg_pool(input, output_size, n):
    name = f"adaptive_avg_pool{n}d"
    shape = input._array.shape
    wanted = wanted_sizes(shape, output_size, n, name)
    if min(wanted) < 0:
        numbers = (1, *wanted) if n == 1 else wanted
        listed = ", ".join(map(str, numbers[:2])) + "".join([f",{number}" for number in numbers[2:]])
        raise RuntimeError(
            f"adaptive_avg_pool{max(n, 2)}d: elements of output_size must be greater than or equal to 0 but received {{{listed}}}"
        )
    check_full(shape, n, name, "avg")
    if not input.is_floating_point():
        raise not_implemented("adaptive_avg_pool3d_cpu" if n == 3 else "adaptive_avg_pool2d", input._type_name())
    if 0 in wanted or 0 in shape:
        return input.sum(tuple(range(-n, 0)), keepdim=True).expand(*shape[:-n], *wanted) * 1

    if all([size % count == 0 for size, count in zip(shape[-n:], wanted, strict=True)]):
        kernel = tuple([size // count for size, count in zip(shape[-n:], wanted, strict=True)])
        geometry = (kernel, kernel, (0,) * n, (1,) * n, wanted)
        return input._apply(rows.avg_pool, (input,), (geometry, math.prod(kernel)))
    # A mean over a box is a mean of means, one dim after the other. Narrow types are rounded only at the end.
    x = input if input.dtype.itemsize >= 4 else input.float()
    plans = tuple([("area", size, count, None, False) for size, count in zip(shape[-n:], wanted, strict=True)])
    return x._apply(resample, (x,), (plans, False)).to(input.dtype)


def adaptive_max_pool(input, output_size, return_indices, n):
    name = f"adaptive_max_pool{n}d"
    shape = input._array.shape
    wanted = wanted_sizes(shape, output_size, n, name)
    check_full(shape, n, name, "max")
    if min(wanted) < 0:
        full = [*shape[: len(shape) - n], *([1, *wanted] if n == 1 else wanted)]
        negative = next(size for size in wanted if size < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {negative}: {full}")
    if not input.is_floating_point():
        raise not_implemented("adaptive_max_pool3d_cpu" if n == 3 else "adaptive_max_pool2d", input._type_name())

    lead = shape[: len(shape) - n]
    windows = True
    if all([count and size % count == 0 for size, count in zip(shape[-n:], wanted, strict=True)]):
        kernel = tuple([size // count for size, count in zip(shape[-n:], wanted, strict=True)])
        windows = (kernel, kernel, (0,) * n, (1,) * n, tuple(wanted))
        index = input._apply(rows.max_pool_index, (input,), (windows,))
    else:
        index = largest_of_spans(input.detach(), wanted, lead, n)
    out = input._apply(rows.pool_gather, (input, index), (n, windows))
    return (out, index) if return_indices else out


def largest_of_spans(x, wanted, lead, n):
    """Where the largest element of each window is, counted flat, for windows of different sizes.

    All get the size of the largest: the others repeat their last elements, which the first of equals comes before.
    """
    if 0 in wanted or 0 in lead:
        return x._from_data([], None, x.device).long().reshape(*lead, *wanted)
    within = x.shape[-n:]
    places = x._from_data(0, None, x.device).long()
    for size, count in zip(within, wanted, strict=True):
        found = spans(size, count)
        width = max([stop - start for start, stop in found])
        coordinates = [[min(start + i, stop - 1) for i in range(width)] for start, stop in found]
        places = places.unsqueeze(-1).unsqueeze(-1) * size + x._from_data(coordinates, None, x.device).long()
    # (count, width, count, width, …) → (positions, window)
    places = places.permute(*range(0, 2 * n, 2), *range(1, 2 * n, 2)).reshape(math.prod(wanted), -1)
    seen = x.reshape(-1, math.prod(within)).index_select(1, places.reshape(-1)).reshape(-1, *places.shape)
    best = seen.argmax(-1, keepdim=True)
    return places.expand(*seen.shape).gather(-1, best).reshape(*lead, *wanted)


def spans(size, count):
    """Where each of ``count`` windows starts and stops that cover ``size`` elements."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


# -------------------------------------------------------------------------------------------------------------- checks


def is_missing(stride):
    return stride is None or (isinstance(stride, (tuple, list)) and not stride)


def sizes(value, n, name, what):
    """One integer for all dims, or one for each, as a tuple. Raises RuntimeError for any other number of them."""
    if not isinstance(value, (tuple, list)):
        return (value,) * n
    if len(value) == n:
        return tuple(value)
    if len(value) == 1:
        return tuple(value) * n
    raise RuntimeError(size_message(n, name, what, len(value)) + f"\ngot {what}={tuple(value)}")


def size_message(n, name, what, length):
    if name == "avg_pool1d":
        return f"avg_pool1d() argument '{what}' should contain one int (got {length})"
    if name == "max_pool1d":
        allowed = "None, an int, list of ints, or tuple" if what == "stride" else "an int, list of ints or tuple"
        if what == "padding":
            allowed = "an int, list of ints, or tuple"
        return f"max_pool1d() {what} must be {allowed} of ints of size 1 but got size {length}"
    how = {"stride": "either be omitted, a single int", "dilation": "be either a single int"}.get(
        what, "either be a single int"
    )
    if name == "avg_pool3d":
        how = how.replace("either ", "")
    return f"{name}: {what} must {how}, or a tuple of {['two', 'three'][n - 2]} ints"


def check_max_pool1d(input, kernel, stride, padding, dilation):
    """Raise what PyTorch raises in one dim, where it has a kernel of its own."""
    shape = input._array.shape
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:"
            f"{list(shape)}\nthe dims are images (optional), channels, length"
        )
    for what, number in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        if what == "dilation":
            if padding < 0:
                raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {padding}")
            if padding > kernel // 2:
                raise RuntimeError(
                    f"max_pool1d() padding should be at most half of kernel size, but got padding={padding} and "
                    f"kernel_size={kernel}\nelse a window could lie outside of the input"
                )
        if number <= 0:
            raise RuntimeError(f"max_pool1d() {what} must be greater than zero, but got {number}")
    if shape[-1] + 2 * padding < dilation * (kernel - 1) + 1:
        size = (shape[-1] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        raise RuntimeError(
            f"max_pool1d() Invalid computed output size: {size}\nthe window is longer than the padded input"
        )
    if not input.is_floating_point():
        raise not_implemented("max_pool1d_impl", input._type_name())


def labelled(letters, numbers):
    """kH: 2 kW: 2"""
    numbers = (1, *numbers) if len(numbers) == 1 else numbers
    return " ".join([f"{letter}: {number}" for letter, number in zip(letters[-len(numbers) :], numbers, strict=True)])


def check_window(kernel, stride, padding, dilation):
    """Raise RuntimeError for numbers that mean nothing."""
    if 0 in stride:
        raise RuntimeError("stride should not be zero\nwithout stride=, it is the kernel's size")
    if min(kernel) <= 0:
        raise RuntimeError(f"kernel size should be greater than zero, but got {labelled(['kT', 'kH', 'kW'], kernel)}")
    if min(stride) <= 0:
        raise RuntimeError(f"stride should be greater than zero, but got {labelled(['dT', 'dH', 'dW'], stride)}")
    if min(dilation) <= 0:
        names = ["dilationT", "dilationH", "dilationW"]
        raise RuntimeError(f"dilation should be greater than zero, but got {labelled(names, dilation)}")
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and dilation={d}\n"
                "else a window could lie outside of the input"
            )
    if any([p > k // 2 for k, p in zip(kernel, padding, strict=True)]):
        raise RuntimeError(half_kernel_message(kernel, padding) + "\nelse a window could lie outside of the input")


def half_kernel_message(kernel, padding):
    k, p = dict(zip("WHT", kernel[::-1], strict=False)), dict(zip("WHT", padding[::-1], strict=False))
    k, p = {"H": 1, **k}, {"H": 0, **p}
    start = "pad should be smaller than or equal to half of kernel size, but got"
    if len(kernel) == 3:
        return f"{start} kT: {k['T']} kW: {k['W']} kH: {k['H']} padT: {p['T']} padW: {p['W']} padH: {p['H']}"
    return f"{start} padW = {p['W']}, padH = {p['H']}, kW = {k['W']}, kH = {k['H']}"


def check_map(shape, n, name):
    """Raise RuntimeError if the input isn't (N, C, *sizes) or (C, *sizes), with something in all but N."""
    if len(shape) not in (n + 1, n + 2):
        if n == 2 and name == "avg_pool2d" and len(shape) < 3:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-len(shape)}, {len(shape) - 1}], but got -3)\n"
                "the dims are images (optional), channels, height, width"
            )
        if name != "avg_pool2d" and n > 1:
            raise RuntimeError(
                f"non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input\ngot the shape {tuple(shape)}"
            )
    elif 0 not in shape[-n - 1 :]:
        return
    if n == 3:
        where = "avg_pool3d()" if name == "avg_pool3d" else "max_pool3d_with_indices_out_cpu_template()"
        raise RuntimeError(
            f"{where}: Expected input's non-batch dimensions to have positive length, but input has a shape of {list(shape)} and "
            "non-batch dimension 0 has length zero!"
        )
    shown = [*shape[:-1], 1, shape[-1]] if n == 1 else list(shape)
    raise RuntimeError(
        f"Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:{shown}"
    )


def counts(shape, kernel, stride, padding, dilation, ceil_mode):
    """How many windows there are in each dim. With ``ceil_mode``, the last may reach out, but must begin within."""
    found = []
    for size, k, s, p, d in zip(shape, kernel, stride, padding, dilation, strict=True):
        room = size + 2 * p - d * (k - 1) - 1
        count = (room + s - 1 if ceil_mode else room) // s + 1
        if ceil_mode and (count - 1) * s >= size + p:
            count -= 1
        found.append(count)
    return tuple(found)


def check_positions(shape, positions, kernel, n, name):
    """Raise RuntimeError if there is no window."""
    if min(positions) >= 1:
        return
    if name == "avg_pool3d":
        raise RuntimeError(
            f"input image ({labelled(['T', 'H', 'W'], shape[-3:])}) smaller than kernel size ({labelled(['kT', 'kH', 'kW'], kernel)})"
        )
    before = [shape[-n - 1], 1] if n == 1 else [shape[-n - 1]]
    given, made = "x".join(map(str, [*before, *shape[-n:]])), "x".join(map(str, [*before, *positions]))
    raise RuntimeError(
        f"Given input size: ({given}). Calculated output size: ({made}). Output size is too small\n"
        "the window is larger than the padded input"
    )


def wanted_sizes(shape, output_size, n, name):
    """The sizes that an adaptive pooling is to give. Raises RuntimeError if they or the input don't have the dims for it."""
    if n == 1 and len(shape) not in (2, 3):
        raise dims_error(name, shape)
    if n > 1 and isinstance(output_size, (tuple, list)) and len(shape) <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}\ngot the shape {tuple(shape)}")
    if len(shape) not in (n + 1, n + 2):
        colon = ":" if "max" in name else ""
        raise RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got{colon} {list(shape)}")
    if not isinstance(output_size, (tuple, list)):
        output_size = (output_size,) * n
    if len(output_size) != n:
        if n == 1:
            message = f"{name}() argument 'output_size' should contain one int (got {len(output_size)})"
        elif "avg" in name:
            message = f"{name}: output_size must be {n}"
        else:
            message = f"{name}(): internal error: output_size.size() must be {n}"
        raise RuntimeError(f"{message}\ngot output_size={tuple(output_size)}")
    if n == 1 and output_size[0] is None:
        raise TypeError(
            f"{name}(): argument 'output_size' (position 2) must be tuple of ints, but found element of type NoneType at pos 0"
        )
    return tuple([given if wanted is None else wanted for wanted, given in zip(output_size, shape[-n:], strict=True)])


def check_full(shape, n, name, which):
    """Raise RuntimeError if there is nothing to take a mean of, or a maximum."""
    checked = range(len(shape) - n, len(shape)) if which == "avg" else range(len(shape) - n - 1, len(shape))
    for dim in checked:
        if shape[dim] == 0:
            shown, at = list(shape), dim
            if name == "adaptive_avg_pool1d":
                name, shown, at = "adaptive_avg_pool2d", [*shape[:-1], 1, shape[-1]], dim + 1
            raise RuntimeError(
                f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes {shown} with "
                f"dimension {at} being empty"
            )


def dims_error(name, shape):
    return RuntimeError(
        f"Expected 2 to 3 dimensions, but got {len(shape)}-dimensional tensor for argument #1 'self' (while checking arguments for "
        f"{name})\nthe dims are images (optional), channels, length"
    )
