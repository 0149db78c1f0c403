"""The largest, the mean or the norm of each window: see ``ops/pooling.py`` for the first two.   torch: F.max_pool2d …"""

from ...ops.pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from .convolution import ntuple

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d",
    "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices",
    "max_pool3d", "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------- norms


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(Σ xᵖ)^(1/p) of each window of (N, C, L).   torch: F.lp_pool1d"""
    means = avg_pool1d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return _norm_of_means(means, norm_type, ntuple(kernel_size, 1)[0])


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(Σ xᵖ)^(1/p) of each window of (N, C, H, W).   torch: F.lp_pool2d"""
    height, width = ntuple(kernel_size, 2)
    means = avg_pool2d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return _norm_of_means(means, norm_type, height * width)


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(Σ xᵖ)^(1/p) of each window of (N, C, D, H, W).   torch: F.lp_pool3d"""
    depth, height, width = ntuple(kernel_size, 3)
    means = avg_pool3d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return _norm_of_means(means, norm_type, depth * height * width)


def _norm_of_means(means, norm_type, count):
    """The p-th root of the sums; NaN of a negative one, as odd powers may have."""
    return (means.sign() * means.abs().relu() * count).pow(1 / norm_type)


# --------------------------------------------------------------------------------------------- maxima, and where they are


def max_pool1d_with_indices(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """``max_pool1d`` with return_indices=True.   torch: F.max_pool1d_with_indices"""
    return max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)


def max_pool2d_with_indices(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """``max_pool2d`` with return_indices=True.   torch: F.max_pool2d_with_indices"""
    return max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)


def max_pool3d_with_indices(
    input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """``max_pool3d`` with return_indices=True.   torch: F.max_pool3d_with_indices"""
    return max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)


def adaptive_max_pool1d_with_indices(input, output_size, return_indices=False):
    """``adaptive_max_pool1d`` with return_indices=True.   torch: F.adaptive_max_pool1d_with_indices"""
    return adaptive_max_pool1d(input, output_size, return_indices=True)


def adaptive_max_pool2d_with_indices(input, output_size, return_indices=False):
    """``adaptive_max_pool2d`` with return_indices=True.   torch: F.adaptive_max_pool2d_with_indices"""
    return adaptive_max_pool2d(input, output_size, return_indices=True)


def adaptive_max_pool3d_with_indices(input, output_size, return_indices=False):
    """``adaptive_max_pool3d`` with return_indices=True.   torch: F.adaptive_max_pool3d_with_indices"""
    return adaptive_max_pool3d(input, output_size, return_indices=True)


# ------------------------------------------------------------------------------------------------------------- and back


def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Each maximum at the place where max_pool1d found it, zeros elsewhere.   torch: F.max_unpool1d

    >>> x = tensor([[[1., 3., 2., 0.]]])
    >>> F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2)
    tensor([[[0., 3., 2., 0.]]])
    """
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 1)


def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Each maximum at the place where max_pool2d found it, zeros elsewhere.   torch: F.max_unpool2d"""
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 2)


def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Each maximum at the place where max_pool3d found it, zeros elsewhere.   torch: F.max_unpool3d"""
    return _unpool(input, indices, kernel_size, stride, padding, output_size, 3)


def _unpool(input, indices, kernel_size, stride, padding, output_size, n):
    kernel_size, padding = ntuple(kernel_size, n), ntuple(padding, n)
    stride = kernel_size if stride is None else ntuple(stride, n)
    if indices.shape != input.shape:
        more = [1] if n == 1 else []
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({[*input.shape, *more]}) but got indices tensor "
            f"with shape: {[*indices.shape, *more]}\nthey are what max_pool{n}d gives with return_indices=True"
        )
    sizes = _unpooled_sizes(input.shape[-n:], kernel_size, stride, padding, output_size)
    lead = input.shape[:-n]

    total = 1
    for size in sizes:
        total *= size
    try:
        flat = input.new_zeros(*lead, total).scatter(-1, indices.flatten(-n), input.flatten(-n))
    except (IndexError, RuntimeError):
        worst = int(indices.max()) if int(indices.max()) >= total else int(indices.min())
        raise RuntimeError(
            f"Found an invalid max index: {worst} (output volumes are of size {'x'.join(map(str, sizes))})\n"
            "give the indices and the kernel_size, stride and padding of the pooling, and output_size if it isn't the smallest"
        ) from None
    return flat.view(*lead, *sizes)


def _unpooled_sizes(shape, kernel_size, stride, padding, output_size):
    """The sizes before the pooling: several were possible, ``output_size`` may choose another than the usual one."""
    n = len(kernel_size)
    usual = [(shape[d] - 1) * stride[d] + kernel_size[d] - 2 * padding[d] for d in range(n)]
    if output_size is None:
        return usual
    chosen = list(output_size)[-n:]
    for d in range(n):
        least, most = usual[d] - stride[d], usual[d] + stride[d]
        if not least < chosen[d] < most:
            raise ValueError(
                f'invalid output_size "{chosen}" (dim {d} must be between {least} and {most})\n'
                "less than one stride away from the usual size"
            )
    return chosen
