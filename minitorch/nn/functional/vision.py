"""Images looked at elsewhere, and channels that become pixels.

torch: aten/src/ATen/native/GridSampler.cpp, AffineGridGenerator.cpp, PixelShuffle.cpp, ChannelShuffle.cpp
"""

import itertools
import warnings

from ...creation import linspace, zeros
from ...errors import not_implemented
from ...layout import contiguous_format

__all__ = [
    "affine_grid", "affine_grid_generator", "channel_shuffle", "grid_sample", "grid_sampler", "native_channel_shuffle",
    "pixel_shuffle", "pixel_unshuffle",
]  # fmt: skip

MODES, PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
"""In the order of the numbers that ``torch.grid_sampler`` takes."""

# ---------------------------------------------------------------------------------------------------- looking elsewhere


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """The input at the places in ``grid``, whose last dim is (x, y) or (x, y, z), from -1 (left, top) to 1.

    input: (N, C, H, W), grid: (N, H', W', 2) → (N, C, H', W'), and likewise for volumes.
    mode: 'bilinear' (of volumes: trilinear), 'nearest' or 'bicubic'.
    padding_mode: what lies outside: 'zeros', the nearest element of the 'border', or the 'reflection'.
    align_corners: -1 and 1 are the middles of the outer elements; else their outer edges.
    torch: F.grid_sample.   Jaderberg et al. 2015, arXiv:1506.02025

    >>> F.grid_sample(tensor([[[[1., 3.]]]]), tensor([[[[0., 0.]]]]), align_corners=True)
    tensor([[[[2.]]]])
    """
    if mode not in MODES:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'\n"
            "volumes are sampled trilinearly by mode='bilinear'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'\nit says what lies outside of the input"
        )
    return _sampled(input, grid, mode, padding_mode, _corners(align_corners))


def grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners):
    """``grid_sample`` with numbers for the modes, in the order in which they are listed there.   torch: torch.grid_sampler"""
    return _sampled(input, grid, MODES[interpolation_mode], PADDINGS[padding_mode], align_corners)


def _corners(align_corners):
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
            "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details.",
            stacklevel=3,
        )
    return bool(align_corners)


def _sampled(input, grid, mode, padding, align):
    _check_grid(input, grid, mode)
    sizes = input.shape[2:]
    places = [x.flatten(1) for x in grid.unbind(-1)][::-1]  # in the order of the dims: (N, places) each
    at = [((x + 1) * (n - 1) if align else (x + 1) * n - 1) / 2 for x, n in zip(places, sizes, strict=True)]
    if mode != "bicubic":
        at = [_moved_inside(x, n, padding, align) for x, n in zip(at, sizes, strict=True)]

    flat, total = input.flatten(2), None
    for taps in itertools.product(*[_taps(x, n, mode, padding, align) for x, n in zip(at, sizes, strict=True)]):
        place, weight = taps[0]
        for (along, its_weight), n in zip(taps[1:], sizes[1:], strict=True):
            place = place * n + along
            weight = its_weight if weight is None else weight if its_weight is None else weight * its_weight
        seen = flat.gather(2, place.unsqueeze(1).expand(-1, flat.shape[1], -1))
        seen = seen if weight is None else seen * weight.unsqueeze(1)
        total = seen if total is None else total + seen
    return total.reshape(*input.shape[:2], *grid.shape[1:-1])


def _taps(x, n, mode, padding, align):
    """The elements of a dim that places there are made of: (index, weight) pairs; a weight of None is 1."""
    if mode == "nearest":
        one = x.sign() - x.detach().sign() + 1 if x.requires_grad else None  # the places have a gradient: 0
        return [_tap(x.detach().round(), one, n, padding)]
    low = x.detach().floor()
    part = x - low
    if mode == "bilinear":
        return [_tap(low, 1 - part, n, padding), _tap(low + 1, part, n, padding)]
    found = []
    for i in range(-1, 3):
        at = low + i if padding == "zeros" else _moved_inside(low + i, n, padding, align).trunc()
        found.append(_tap(at, _cubic(part - i), n, padding))
    return found


def _tap(at, weight, n, padding):
    """Whole numbers ``at`` as indices; where they lie outside, those have no weight."""
    if padding == "zeros":
        inside = ((at >= 0) & (at < n)).to(at.dtype)
        weight = inside if weight is None else weight * inside
    return at.clamp(0, n - 1).long(), weight


def _cubic(x):
    """Keys' cubic filter with slope -3/4 at 1."""
    x = x.abs()
    near = ((1.25 * x - 2.25) * x) * x + 1
    far = (((x - 5) * x + 8) * x - 4) * -0.75
    return near.where(x <= 1, far)


def _moved_inside(x, n, padding, align):
    """The coordinate of what stands at ``x`` outside of 0 … n - 1."""
    if padding == "zeros":
        return x
    if padding == "reflection":
        low, span = (0.0, n - 1) if align else (-0.5, n)
        if span == 0:
            return x * 0
        far = (x - low).abs()
        turns = (far.detach() / span).floor()
        rest = far - turns * span
        x = rest.where(turns.remainder(2) == 0, span - rest) + low
    return x.where((x > 0) & (x < n - 1), x.detach().clamp(0, n - 1))  # on the border the slope is 0


def _check_grid(input, grid, mode):
    n = input.ndim - 2
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}\nthere is a grid for each sample"
        )
    if grid.shape[-1] != n:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {n} in last dimension, but got grid with sizes {list(grid.shape)}\n"
            "its last dim holds (x, y) or (x, y, z)"
        )
    if n not in (2, 3) or grid.ndim != input.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    for dim in range(2, input.ndim):
        if input.shape[dim] == 0:
            raise RuntimeError(
                f"grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes {list(input.shape)} "
                f"with dimension {dim} being empty"
            )
    if n == 3 and mode == "bicubic":
        raise RuntimeError(
            "grid_sampler(): bicubic interpolation only supports 4D input\nuse mode='bilinear' for volumes"
        )
    if not input.is_floating_point():
        raise not_implemented(f"grid_sampler_{n}d_cpu_kernel_impl", input._type_name())
    if input.dtype != grid.dtype:
        raise RuntimeError(
            f"expected scalar type {input._type_name()} but found {grid._type_name()}\nconvert the grid: grid.to(input.dtype)"
        )


def affine_grid(theta, size, align_corners=None):
    """The grid for ``grid_sample`` that an affine map of the output's coordinates gives.

    theta: (N, 2, 3), size: (N, C, H, W) → (N, H, W, 2); for volumes (N, 3, 4), (N, C, D, H, W) → (N, D, H, W, 3).
    torch: F.affine_grid

    >>> F.affine_grid(tensor([[[1., 0., 0.], [0., 1., 0.]]]), (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    align = _corners(align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}\nuse theta.float()")
    if len(size) not in (4, 5):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{size}.\nthe size is that of the output: (N, C, H, W) or (N, C, D, H, W)"
        )
    n = len(size) - 2
    if theta.ndim != 3 or theta.shape[-2] != n or theta.shape[-1] != n + 1:
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got {theta.shape}.\n"
            "the last column is the shift"
        )
    if align and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This is not an "
            "intended use case of affine_grid. See the documentation of affine_grid for details.",
            stacklevel=2,
        )
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}\nevery dim needs an element")
    return affine_grid_generator(theta, size, align)


def affine_grid_generator(theta, size, align_corners):
    """``affine_grid`` without its checks.   torch: torch.affine_grid_generator

    Rounded as PyTorch does it, up to the last bit where the map is none at all: then all places are those of pixels, and on
    which side of one a place lies decides the gradient.
    """
    sizes, total = list(size[2:]), 0.0
    for dim, n in reversed(list(enumerate(sizes))):
        at = linspace(-1, 1, n, dtype=theta.dtype, device=theta.device) if n > 1 else zeros(1, dtype=theta.dtype, device=theta.device)
        at = at if align_corners else at * (n - 1) / n
        column = theta[:, :, len(sizes) - 1 - dim].reshape(-1, *[1] * len(sizes), len(sizes))
        total = total + at.reshape(-1, *[1] * (len(sizes) - dim)) * column
    return total + theta[:, :, -1].reshape(-1, *[1] * len(sizes), len(sizes))


# ------------------------------------------------------------------------------------------------- channels and pixels


def pixel_shuffle(input, upscale_factor):
    """(*, C r², H, W) → (*, C, H r, W r): r² channels become a square of pixels.

    torch: F.pixel_shuffle.   Shi et al. 2016, arXiv:1609.05158

    >>> F.pixel_shuffle(torch.arange(4.).view(1, 4, 1, 1), 2)
    tensor([[[[0., 1.],
              [2., 3.]]]])
    """
    r = upscale_factor
    _check_shuffle(input, r, "pixel_shuffle", "upscale_factor")
    *lead, channels, height, width = input.shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
            f"input.size(-3)={channels} is not divisible by {r * r}"
        )
    x = input.reshape(*lead, channels // (r * r), r, r, height, width)
    x = x.movedim(-4, -2).movedim(-4, -1).clone(memory_format=contiguous_format)  # (*, C, H, r, W, r), in memory of its own
    return x.reshape(*lead, channels // (r * r), height * r, width * r)


def pixel_unshuffle(input, downscale_factor):
    """(*, C, H r, W r) → (*, C r², H, W): what ``pixel_shuffle`` did, undone.   torch: F.pixel_unshuffle"""
    r = downscale_factor
    _check_shuffle(input, r, "pixel_unshuffle", "downscale_factor")
    *lead, channels, height, width = input.shape
    for name, number, size in (("height", -2, height), ("width", -1, width)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({number})={size} is not "
                f"divisible by {r}"
            )
    x = input.reshape(*lead, channels, height // r, r, width // r, r)
    x = x.movedim(-3, -4).movedim(-1, -3).clone(memory_format=contiguous_format)  # (*, C, r, r, H, W), in memory of its own
    return x.reshape(*lead, channels * r * r, height // r, width // r)


def _check_shuffle(input, factor, name, what):
    if input.ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)\n"
            "the last three are channels, height and width"
        )
    if isinstance(factor, float):
        raise TypeError(f"{name}(): argument '{what}' (position 2) must be int, not float\ngive a whole number")
    if factor <= 0:
        raise RuntimeError(f"{name} expects a positive {what}, but got {factor}\n1 leaves all as it is")


def channel_shuffle(input, groups):
    """(N, C, *): the channels, in ``groups`` of equal size, dealt out one of each group after the other.

    torch: F.channel_shuffle.   Zhang et al. 2017, arXiv:1707.01083

    >>> F.channel_shuffle(torch.arange(4.).view(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    if input.ndim < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}\nthey are (N, C, *)"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}\n1 leaves all as it is"
        )
    channels = input.shape[1]
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups.\n"
            "the channels are dim 1"
        )
    x = input.reshape(input.shape[0], groups, channels // groups, *input.shape[2:]).transpose(1, 2)
    return x.clone().reshape(input.shape)


def native_channel_shuffle(input, groups):
    """``channel_shuffle``.   torch: F.native_channel_shuffle"""
    return channel_shuffle(input, groups)
