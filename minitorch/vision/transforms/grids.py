"""Turned, sheared and tilted tensors: a grid of places in the old image, one for each pixel of the new one.

torchvision: transforms/_functional_tensor.py
"""

from ...creation import empty, linspace, ones, tensor
from ...dtypes import float32
from ...nn.functional import grid_sample
from ...ops.elementwise import choose
from ...ops.joining import cat

__all__ = ["affine", "perspective", "rotate"]


def check_grid(img, interpolation, fill):
    if img.ndim < 2:
        raise TypeError("Tensor is not a torch image.")
    channels = 1 if img.ndim == 2 else img.shape[-3]
    if isinstance(fill, (tuple, list)) and len(fill) > 1 and len(fill) != channels:
        raise ValueError(
            "The number of elements in 'fill' cannot broadcast to match the number of channels of the image "
            f"({len(fill)} != {channels})"
        )
    if interpolation not in ("nearest", "bilinear"):
        raise ValueError(f"Interpolation mode '{interpolation}' is unsupported with Tensor input")


def working_dtype(img):
    return img.dtype if img.is_floating_point() else float32


def affine(img, matrix, interpolation, fill):
    check_grid(img, interpolation, fill)
    height, width = img.shape[-2:]
    return sampled(img, affine_grid(matrix, working_dtype(img), width, height, width, height), interpolation, fill)


def rotate(img, matrix, interpolation, expand, fill):
    check_grid(img, interpolation, fill)
    height, width = img.shape[-2:]
    across, down = expanded_size(matrix, width, height) if expand else (width, height)
    return sampled(img, affine_grid(matrix, working_dtype(img), width, height, across, down), interpolation, fill)


def affine_grid(matrix, dtype, width, height, across, down):
    """(1, down, across, 2): where each new pixel's centre comes from, on a scale where the old image is [-1, 1]."""
    theta = tensor(matrix, dtype=dtype).reshape(1, 2, 3)
    centres = pixel_centres(across, down, 0.5 - across * 0.5, 0.5 - down * 0.5, dtype)
    scale = tensor([0.5 * width, 0.5 * height], dtype=dtype)
    return centres.bmm(theta.transpose(1, 2) / scale).view(1, down, across, 2)


def pixel_centres(across, down, left, top, dtype):
    """(1, down * across, 3): x, y, 1 of each pixel, row by row, the first at (left, top)."""
    centres = empty((1, down, across, 3), dtype=dtype)
    centres[..., 0] = linspace(left, left + across - 1, steps=across)
    centres[..., 1] = linspace(top, top + down - 1, steps=down).unsqueeze(-1)
    centres[..., 2] = 1
    return centres.view(1, down * across, 3)


def expanded_size(matrix, width, height):
    """(width, height) of the smallest image that holds all of the turned one."""
    x, y = 0.5 * width, 0.5 * height
    corners = tensor([[-x, -y, 1.0], [-x, y, 1.0], [x, y, 1.0], [x, -y, 1.0]])
    turned = corners.matmul(tensor(matrix, dtype=float32).view(2, 3).t())
    middle = tensor([x, y])
    # rounding must not add a pixel
    most = (((turned.amax(0) + middle) / 1e-4).trunc() * 1e-4).ceil()
    least = (((turned.amin(0) + middle) / 1e-4).trunc() * 1e-4).floor()
    return tuple(int(length) for length in (most - least).tolist())


def perspective(img, coefficients, interpolation, fill):
    """x' = (a x + b y + c) / (g x + h y + 1), y' = (d x + e y + f) / (g x + h y + 1)."""
    check_grid(img, interpolation, fill)
    height, width = img.shape[-2:]
    a, b, c, d, e, f, g, h = coefficients
    dtype = working_dtype(img)
    centres = pixel_centres(width, height, 0.5, 0.5, dtype)
    over = tensor([[[a, b, c], [d, e, f]]], dtype=dtype).transpose(1, 2) / tensor([0.5 * width, 0.5 * height], dtype=dtype)
    under = tensor([[[g, h, 1.0], [g, h, 1.0]]], dtype=dtype).transpose(1, 2)
    grid = centres.bmm(over) / centres.bmm(under) - 1.0
    return sampled(img, grid.view(1, height, width, 2), interpolation, fill)


def sampled(img, grid, mode, fill):
    """The old image at the grid's places; ``fill`` (a number, or one for each channel) outside of it."""
    batch = img.unsqueeze(0) if img.ndim < 4 else img
    floats = batch.to(grid.dtype)
    grid = grid.expand(len(batch), *grid.shape[1:])
    if fill is not None:  # a channel of ones goes along, and tells afterwards what came from inside
        floats = cat([floats, ones((len(batch), 1, *batch.shape[2:]), dtype=grid.dtype)], 1)
    result = grid_sample(floats, grid, mode=mode, padding_mode="zeros", align_corners=False)
    if fill is not None:
        result, inside = result[:, :-1], result[:, -1:].expand(-1, batch.shape[1], -1, -1)
        values = tensor(fill if isinstance(fill, (tuple, list)) else [float(fill)], dtype=grid.dtype).view(1, -1, 1, 1)
        result = choose(inside < 0.5, values, result) if mode == "nearest" else result * inside + (1 - inside) * values
    result = result.squeeze(0) if img.ndim < 4 else result
    return result if img.is_floating_point() else result.round().to(img.dtype)
