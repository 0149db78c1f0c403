"""The transforms of tensors (…, C, H, W), values from 0 to 1 for floats and up to the dtype's largest for integers.

torchvision: transforms/_functional_tensor.py
"""

from functools import lru_cache

from ...creation import as_tensor, ones, tensor, zeros_like
from ...dtypes import float32, float64, int8, int16, int32, int64, uint8
from ...modes import inference_mode
from ...nn.functional import conv2d, interpolate
from ...nn.functional import pad as padded
from ...ops.elementwise import choose
from ...ops.joining import cat, stack
from .grids import affine, perspective, rotate

__all__ = [
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "adjust_sharpness", "affine",
    "autocontrast", "check_hue", "convert_image_dtype", "crop", "equalize", "erase", "gaussian_blur", "get_dimensions",
    "hflip", "invert", "largest", "normalize", "pad", "perspective", "posterize", "resize", "rgb_to_grayscale", "rotate", "sides",
    "solarize", "vflip",
]  # fmt: skip

LARGEST = {uint8: 255, int8: 127, int16: 2**15 - 1, int32: 2**31 - 1, int64: 2**63 - 1}
"""What is white; floats, and all else, say 1."""


def largest(dtype):
    return LARGEST.get(dtype, 1)


def check_image(img):
    if img.ndim < 2:
        raise TypeError("Tensor is not a torch image.")


def check_channels(img, dims=2):
    """Only gray and RGB."""
    check_image(img)
    if img.ndim < dims:
        raise TypeError(f"Input image tensor should have at least {dims} dimensions, but found {img.ndim}")
    channels = get_dimensions(img)[0]
    if channels not in (1, 3):
        raise TypeError(f"Input image tensor permitted channel values are [1, 3], but found {channels}")


def get_dimensions(img):
    check_image(img)
    return [1 if img.ndim == 2 else img.shape[-3], *img.shape[-2:]]


def convert_image_dtype(img, dtype):
    if img.dtype == dtype:
        return img
    if img.is_floating_point():
        if dtype.is_floating_point:
            return img.to(dtype)
        if (img.dtype == float32 and dtype in (int32, int64)) or (img.dtype == float64 and dtype == int64):
            raise RuntimeError(
                f"The cast from {img.dtype} to {dtype} cannot be performed safely.\n"
                "the float has fewer digits than the integer: go by way of int16 or uint8"
            )
        return img.mul(largest(dtype) + 1.0 - 1e-3).to(dtype)  # each integer is as wide as the others
    before, after = largest(img.dtype), largest(dtype)
    if dtype.is_floating_point:
        return img.to(dtype) / float(before)
    if before > after:
        return img.div((before + 1) // (after + 1), rounding_mode="floor").to(dtype)
    return img.to(dtype) * ((after + 1) // (before + 1))


def normalize(img, mean, std, inplace):
    check_image(img)
    if not img.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {img.dtype}.\nToTensor() before it makes one")
    if img.ndim < 3:
        raise ValueError(f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {img.size()}")
    if isinstance(mean, (tuple, list)) and isinstance(std, (tuple, list)):
        mean, std = per_channel(tuple(mean), tuple(std), img.dtype)  # the same for each image
    else:
        mean, std = per_channel.__wrapped__(mean, std, img.dtype)
    return img.sub_(mean).div_(std) if inplace else img.sub(mean).div(std)


@lru_cache(64)
def per_channel(mean, std, dtype):
    """Both as tensors (C, 1, 1). Raises ValueError for a deviation of 0."""
    with inference_mode(False):  # they are kept, and may be used where gradients are wanted
        mean, std = (as_tensor(value, dtype=dtype) for value in (mean, std))
    if (std == 0).any():
        raise ValueError(f"std evaluated to zero after conversion to {dtype}, leading to division by zero.")
    return tuple(value.view(-1, 1, 1) if value.ndim == 1 else value for value in (mean, std))


def erase(img, i, j, h, w, v, inplace):
    check_image(img)
    img = img if inplace else img.clone()
    img[..., i : i + h, j : j + w] = v
    return img


# ---------------------------------------------------------------------------------------------------------
# Where pixels are


def hflip(img):
    check_image(img)
    return img.flip(-1)


def vflip(img):
    check_image(img)
    return img.flip(-2)


def crop(img, top, left, height, width):
    _, h, w = get_dimensions(img)
    right, bottom = left + width, top + height
    inside = img[..., max(top, 0) : bottom, max(left, 0) : right]
    if left >= 0 and top >= 0 and right <= w and bottom <= h:
        return inside
    # what lies outside is black; a crop that lies outside altogether has no inside
    around = [max(-left + min(0, right), 0), max(-top + min(0, bottom), 0), max(right - max(w, left), 0), max(bottom - max(h, top), 0)]
    return pad(inside, around, 0, "constant")


def sides(padding):
    """[left, right, top, bottom] of a number, [number], [left and right, top and bottom] or [left, top, right, bottom]."""
    if not isinstance(padding, (int, tuple, list)):
        raise TypeError("Got inappropriate padding arg")
    if isinstance(padding, int):
        return [padding] * 4
    if len(padding) == 1:
        return [padding[0]] * 4
    if len(padding) == 2:
        return [padding[0], padding[0], padding[1], padding[1]]
    return [padding[0], padding[2], padding[1], padding[3]]


def pad(img, padding, fill, padding_mode):
    check_image(img)
    fill = 0 if fill is None else fill
    if isinstance(fill, (tuple, list)) and len(fill) == 1:
        fill = fill[0]
    if not isinstance(fill, (int, float)):
        raise TypeError("Got inappropriate fill arg\na tensor is padded with one number")
    if padding_mode == "symmetric":
        return mirrored(img, *sides(padding))

    batch = img.unsqueeze(0) if img.ndim < 4 else img
    if padding_mode == "constant":
        batch = padded(batch, sides(padding), mode="constant", value=float(fill))
    else:
        exact = batch if img.dtype in (float32, float64) else batch.to(float32)
        mode = "replicate" if padding_mode == "edge" else padding_mode
        batch = padded(exact, sides(padding), mode=mode).to(img.dtype)
    return batch.squeeze(0) if img.ndim < 4 else batch


def mirrored(img, left, right, top, bottom):
    """Padded by a mirror that stands at the edge: the outermost pixel comes twice."""
    if img.ndim not in (3, 4):
        raise RuntimeError("Symmetric padding of N-D tensors are not supported yet")
    height, width = img.shape[-2:]
    img = img[..., max(-top, 0) : height - max(-bottom, 0), max(-left, 0) : width - max(-right, 0)]
    for dim, before, after in ((-1, left, right), (-2, top, bottom)):
        length = img.shape[dim]
        indices = [*range(before - 1, -1, -1), *range(length), *range(length - 1, length - 1 - after, -1)]
        img = img.index_select(dim, tensor(indices))
    return img


def as_floats(img):
    """(N, C, H, W) of floats, to compute with, and the way back to what it was."""
    batch = img.unsqueeze(0) if img.ndim < 4 else img
    floats = batch if img.is_floating_point() and img.dtype in (float32, float64) else batch.to(float32)

    def back(result):
        result = result.squeeze(0) if img.ndim < 4 else result
        if result.dtype == img.dtype:
            return result
        return (result if img.is_floating_point() else result.round()).to(img.dtype)

    return floats, back


def resize(img, size, interpolation, antialias):
    check_image(img)
    smooth = interpolation in ("bilinear", "bicubic")
    batch, back = as_floats(img)
    corners = False if smooth else None
    batch = interpolate(batch, size, mode=interpolation, align_corners=corners, antialias=bool(antialias) and smooth)
    if interpolation == "bicubic" and img.dtype == uint8:
        batch = batch.clamp(0, 255)  # cubics overshoot
    return back(batch)


# ---------------------------------------------------------------------------------------------------------
# What they look like


def rgb_to_grayscale(img, num_output_channels=1):
    check_channels(img, 3)
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    if img.shape[-3] == 3:
        r, g, b = img.unbind(-3)
        gray = (0.2989 * r + 0.587 * g + 0.114 * b).to(img.dtype).unsqueeze(-3)  # the eye's weights, ITU-R 601-2
    else:
        gray = img.clone()
    return gray.expand(img.shape) if num_output_channels == 3 else gray


def blend(img, other, ratio):
    """ratio img + (1 - ratio) other: beyond 1 it leads away from the other."""
    mixed = float(ratio) * img + (1 - float(ratio)) * other
    return mixed.clamp(0, largest(img.dtype)).to(img.dtype)


def check_factor(factor, name):
    if factor < 0:
        raise ValueError(f"{name}_factor ({factor}) is not non-negative.")


def check_hue(factor):
    if not -0.5 <= factor <= 0.5:
        raise ValueError(f"hue_factor ({factor}) is not in [-0.5, 0.5].")


def adjust_brightness(img, factor):
    check_factor(factor, "brightness")
    check_channels(img)
    return blend(img, zeros_like(img), factor)


def adjust_contrast(img, factor):
    check_factor(factor, "contrast")
    check_channels(img)
    gray = rgb_to_grayscale(img) if get_dimensions(img)[0] == 3 else img
    floats = gray if img.is_floating_point() else gray.to(float32)
    return blend(img, floats.mean(dim=(-3, -2, -1), keepdim=True), factor)


def adjust_saturation(img, factor):
    check_factor(factor, "saturation")
    check_channels(img)
    return img if get_dimensions(img)[0] == 1 else blend(img, rgb_to_grayscale(img), factor)


def adjust_hue(img, factor):
    check_hue(factor)
    check_channels(img)
    if get_dimensions(img)[0] == 1:
        return img
    h, s, v = hsv_of(convert_image_dtype(img, float32))
    return convert_image_dtype(rgb_of((h + factor) % 1, s, v), img.dtype)


def hsv_of(img):
    """Hue (a sixth each from red over yellow, green, … back to red), saturation and value."""
    r, g, b = img.unbind(-3)
    most, least = img.amax(-3), img.amin(-3)
    gray = most == least
    one = most.new_ones(())
    spread = choose(gray, one, most - least)
    rc, gc, bc = ((most - channel) / spread for channel in (r, g, b))

    is_r, is_g = most == r, (most == g) & (most != r)
    h = is_r * (bc - gc) + is_g * (2.0 + rc - bc) + (~(is_r | is_g)) * (4.0 + gc - rc)
    return (h / 6 + 1).fmod(1.0), (most - least) / choose(gray, one, most), most


def rgb_of(h, s, v):
    """(…, 3, H, W): in each sixth one channel is at its most, one at its least, one on the way."""
    sixth = (h * 6).floor()
    f = h * 6 - sixth
    sixth = (sixth.to(int64) % 6).unsqueeze(-3)
    p, q, t = ((v * part).clamp(0, 1) for part in (1 - s, 1 - s * f, 1 - s * (1 - f)))
    channels = [(v, q, p, p, t, v), (t, v, v, q, p, p), (p, p, t, v, v, q)]
    return cat([stack(values, -3).gather(-3, sixth) for values in channels], -3)


def adjust_gamma(img, gamma, gain):
    check_channels(img)
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    floats = img if img.is_floating_point() else convert_image_dtype(img, float32)
    return convert_image_dtype((gain * floats.pow(gamma)).clamp(0, 1), img.dtype)


def gaussian_blur(img, kernel_size, sigma):
    """The kernel is exp(-x²/2σ²), the edge a mirror."""
    check_image(img)
    batch, back = as_floats(img)
    across, down = (gaussian(size, width, batch.dtype) for size, width in zip(kernel_size, sigma))
    kernel = down[:, None].mm(across[None, :]).expand(batch.shape[-3], 1, len(down), len(across))
    half = [kernel_size[0] // 2, kernel_size[1] // 2]
    batch = padded(batch, [half[0], half[0], half[1], half[1]], mode="reflect")
    return back(conv2d(batch, kernel, groups=batch.shape[-3]))


def gaussian(size, sigma, dtype):
    """``size`` values of the bell, which add up to 1."""
    x = as_tensor([k - (size - 1) / 2 for k in range(size)], dtype=dtype)
    bell = (-0.5 * (x / sigma).pow(2)).exp()
    return bell / bell.sum()


def adjust_sharpness(img, factor):
    check_factor(factor, "sharpness")
    check_channels(img)
    if min(img.shape[-2:]) <= 2:
        return img
    batch, back = as_floats(img)
    kernel = ones((3, 3), dtype=batch.dtype)
    kernel[1, 1] = 5.0
    kernel /= kernel.sum()
    blurred = img.clone()
    inner = conv2d(batch, kernel.expand(batch.shape[-3], 1, 3, 3), groups=batch.shape[-3])
    blurred[..., 1:-1, 1:-1] = back(inner)  # the edge stays sharp
    return blend(img, blurred, factor)


def invert(img):
    check_channels(img, 3)
    return largest(img.dtype) - img


def check_bytes(img):
    if img.dtype != uint8:
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")


def posterize(img, bits):
    check_bytes(img)
    check_channels(img, 3)
    return img & (256 - 2 ** (8 - bits))


def solarize(img, threshold):
    check_channels(img, 3)
    if threshold > largest(img.dtype):
        raise TypeError("Threshold should be less than bound of img.")
    return choose(img >= threshold, invert(img), img)


def autocontrast(img):
    check_channels(img, 3)
    floats = img if img.is_floating_point() else img.to(float32)
    least, most = floats.amin((-2, -1), keepdim=True), floats.amax((-2, -1), keepdim=True)
    scale = largest(img.dtype) / (most - least)
    flat = scale.isfinite().logical_not()  # one colour only: left as it is
    least, scale = least.masked_fill(flat, 0), scale.masked_fill(flat, 1)
    return ((img - least) * scale).clamp(0, largest(img.dtype)).to(img.dtype)


def equalize(img):
    if img.ndim not in (3, 4):
        raise TypeError(f"Input image tensor should have 3 or 4 dimensions, but found {img.ndim}")
    check_bytes(img)
    check_channels(img)
    if img.ndim == 4:
        return stack([equalize(one) for one in img])
    return stack([equalized(channel) for channel in img])


def equalized(channel):
    """Each value becomes its rank: how many pixels are darker, on a scale of 0 to 255."""
    counts = channel.reshape(-1).bincount(minlength=256)
    step = counts[counts != 0][:-1].sum().item() // 255
    if step == 0:
        return channel
    table = (counts.cumsum(0) + step // 2).div(step, rounding_mode="floor")
    table = cat([table.new_zeros(1), table[:-1]]).clamp(0, 255)
    return table[channel.to(int64)].to(uint8)
