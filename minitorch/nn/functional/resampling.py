"""Images, sequences and volumes of another size.   torch: aten/src/ATen/native/UpSample*.cpp"""

import warnings

from ...dtypes import uint8
from ...errors import not_implemented
from ...tables import resampling as rows
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

FIXED = ("nearest", "area", "nearest-exact")
"""The modes that know no ``align_corners``."""
DIMS = {"linear": (3,), "bilinear": (4,), "bicubic": (4,), "lanczos": (4,), "trilinear": (5,)}
KINDS = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic", "lanczos": "lanczos"}
AREA = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)
KERNELS = {"bicubic": "compute_indices_weights_cubic", "bilinear": "upsample_bilinear2d_channels_last"}


def interpolate(
    input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None, antialias=False
):
    """The input at another size: each new element is made of those that lie around its place in the old grid.

    input: (N, C, L), (N, C, H, W) or (N, C, D, H, W) → (N, C, *size).
    size, or scale_factor: of all dims, or of each.
    mode: 'nearest' (the element at ⌊i · step⌋), 'nearest-exact' (the one whose middle is nearest), 'linear', 'bilinear',
    'trilinear' (weighted by distance), 'bicubic', 'lanczos' (over more neighbours; images only) or 'area' (means).
    align_corners: the middles of the outer elements stay where they are; else their outer edges do.
    recompute_scale_factor: the step is the quotient of the sizes, which are whole numbers, instead of 1 / scale_factor.
    antialias: the filter of 'bilinear' and 'bicubic' becomes as wide as the step, so that nothing is skipped.
    torch: F.interpolate

    >>> F.interpolate(tensor([[[1., 3.]]]), scale_factor=2, mode="linear")
    tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    if mode in FIXED and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear\n"
            f"with mode={mode!r} leave it out"
        )
    before = tuple(input.shape[2:])
    size, scales = _size_and_scales(before, size, scale_factor)
    if recompute_scale_factor and scales is None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.\ngive a scale_factor")
    if size is None:
        size = [int(n * s) for n, s in zip(before, scales, strict=True)]
    if recompute_scale_factor or scales is None:
        scales = [None] * len(size)
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input\n"
            f"got mode={mode!r} and {input.ndim} dims"
        )
    _check_mode(input, mode, align_corners, antialias)

    if mode == "area":
        return AREA[input.ndim - 3](input, size)
    _check_sizes(input, before, size)
    if mode == "nearest" and input.ndim == 4:  # of images, PyTorch takes no account of a scale if its size is the same, or doubled
        scales = [None if s and m in (n, 2 * n) and m != n * s else s for n, m, s in zip(before, size, scales, strict=True)]
    kind = ("smooth " if antialias else "") + KINDS.get(mode, mode)
    plans = tuple([
        (kind, int(n), int(m), None if s is None else float(s), bool(align_corners))
        for n, m, s in zip(before, size, scales, strict=True)
    ])  # fmt: skip
    return _resampled(input, plans, mode)


def _resampled(input, plans, mode):
    if input.is_floating_point() or (mode in FIXED and input.dtype is uint8):
        return input._apply(rows.resample, (input,), (plans, False))
    if input.dtype is uint8 and input.ndim == 4:  # in float32, rounded
        return input.float()._apply(rows.resample, (input.float(),), (plans, False)).round().clamp(0, 255).to(uint8)
    if mode in FIXED:
        kernel = "upsample_nearest2d_channels_last" if input.ndim == 4 else "compute_indices_weights_nearest"
    else:
        smooth = plans[0][0].startswith("smooth")
        kernel = "compute_index_ranges_weights" if smooth else KERNELS.get(mode, "compute_indices_weights_linear")
    raise not_implemented(kernel, input._type_name())


def _size_and_scales(before, size, scale_factor):
    """The sizes wanted, or the factors, for each dim; the other is None."""
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined\none gives the other")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined\ngive size=, or scale_factor=")
    given = size if scale_factor is None else scale_factor
    if not isinstance(given, (tuple, list)):
        given = [given] * len(before)
    if len(given) != len(before):
        if scale_factor is None:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of "
                f"{list(before)} and output size of {size}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and output "
                "size in (o1, o2, ...,oK) format."
            )
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got input with spatial dimensions of "
            f"{list(before)} and scale_factor of shape {scale_factor}. Please provide input tensor in (N, C, d1, d2, ...,dK) format "
            "and scale_factor in (s1, s2, ...,sK) format."
        )
    if scale_factor is not None:
        return None, list(given)
    if not all([hasattr(n, "__index__") for n in given]):
        raise TypeError(
            "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], but got size with types "
            f"{[type(n) for n in given]}\na size is a whole number; to give a factor, use scale_factor="
        )
    return [int(n) for n in given], None


def _check_mode(input, mode, align_corners, antialias):
    """Raise NotImplementedError for a mode that doesn't go with the input's dims, ValueError for lanczos otherwise than it can."""
    n, wanted = input.ndim, DIMS.get(mode)
    known = mode in FIXED or wanted is not None
    if not known or not 3 <= n <= 5 or (wanted != (n,) and mode in ("bicubic", "lanczos")):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {n}D) for the modes: nearest | linear | bilinear | bicubic "
            f"| trilinear | lanczos | area | nearest-exact (got {mode})"
        )
    if wanted is not None and n not in wanted:
        raise NotImplementedError(
            f"Got {n}D input, but {mode} mode needs {wanted[0]}D input\nthe dims are samples, channels, and then those to resize"
        )
    if mode == "lanczos" and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True\nleave it out")
    if mode == "lanczos" and not antialias:
        raise ValueError("Lanczos mode requires antialias=True\nit is a filter for making images smaller")


def _check_sizes(input, before, size):
    if min(*before, *size) <= 0:
        letters = "DHW"[-len(size) :]
        old, new = [", ".join([f"{c}: {n}" for c, n in zip(letters, sizes)]) for sizes in (before, size)]
        link = "and " if len(size) == 1 else ""
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({old}) {link}output ({new})"
        )
    if input.shape[1] == 0:
        raise RuntimeError(
            f"Non-empty {input.ndim}D data tensor expected but got a tensor with sizes {list(input.shape)}"
        )


# ---------------------------------------------------------------------------------------------------------- older names


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """``interpolate``, by its older name.   torch: F.upsample"""
    _warn("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """``interpolate`` with mode='nearest'.   torch: F.upsample_nearest"""
    _warn("upsample_nearest")
    return interpolate(input, size, scale_factor)


def upsample_bilinear(input, size=None, scale_factor=None):
    """``interpolate`` with mode='bilinear' and align_corners=True.   torch: F.upsample_bilinear"""
    _warn("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def _warn(name):
    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=3
    )
