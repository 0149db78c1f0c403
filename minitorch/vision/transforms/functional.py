"""The transforms as functions, of a Pillow image or of a tensor (…, C, H, W) alike.

    on_images     Pillow's images
    on_tensors    tensors: uint8 from 0 to 255, floats from 0 to 1

A function here checks what both sides need, and calls the side that the image belongs to.

torchvision: transforms/functional.py
"""

import math
import warnings
from enum import Enum

from ...backends import ARRAY_TYPES
from ...creation import from_numpy, is_tensor, tensor
from ...dtypes import bool as bool_dtype
from ...dtypes import float32, float64, get_default_dtype, int16, int32, uint8
from ...linalg import lstsq
from ..pillow import bytes_of, image_from, is_image
from . import on_images, on_tensors

__all__ = [
    "InterpolationMode", "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation",
    "adjust_sharpness", "affine", "autocontrast", "center_crop", "convert_image_dtype", "crop", "equalize", "erase",
    "five_crop", "gaussian_blur", "get_dimensions", "get_image_num_channels", "get_image_size", "hflip", "interpolation_mode",
    "invert", "normalize", "pad", "perspective", "pil_to_tensor", "posterize", "resize", "resized_crop", "rgb_to_grayscale",
    "rotate", "solarize", "ten_crop", "to_grayscale", "to_pil_image", "to_tensor", "two_of",
    "vflip",
]  # fmt: skip


ARRAYS = tuple(ARRAY_TYPES)


class InterpolationMode(Enum):
    """How a pixel between others is made of them.   torchvision: transforms.InterpolationMode"""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


PILLOWS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
"""Pillow's numbers of them."""


def interpolation_mode(interpolation):
    """The mode, of itself or of Pillow's number."""
    if isinstance(interpolation, int):
        return InterpolationMode(next(name for name, number in PILLOWS.items() if number == interpolation))
    if not isinstance(interpolation, InterpolationMode):
        raise TypeError("Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant")
    return interpolation


def pillows_number(interpolation):
    return PILLOWS[interpolation.value.removesuffix("-exact")]


def side(img, message="img should be PIL Image. Got {}"):
    """The functions for images of this kind."""
    if is_tensor(img):
        return on_tensors
    if is_image(img):
        return on_images
    raise TypeError(message.format(type(img)))


def get_dimensions(img):
    """[channels, height, width].   torchvision: transforms.functional.get_dimensions"""
    return side(img, "Unexpected type {}").get_dimensions(img)


def get_image_size(img):
    """[width, height].   torchvision: transforms.functional.get_image_size"""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img):
    """How many channels.   torchvision: transforms.functional.get_image_num_channels"""
    return get_dimensions(img)[0]


# ---------------------------------------------------------------------------------------------------------
# Images to tensors, and back


def to_tensor(pic):
    """A Pillow image, or an array (H, W[, C]), as a tensor (C, H, W); bytes become floats from 0 to 1.

    torchvision: transforms.functional.to_tensor

    >>> from minitorch.vision.transforms.functional import to_tensor
    >>> to_tensor(torch.tensor([[[0, 51, 255]]], dtype=torch.uint8).numpy()).flatten()
    tensor([0.0000, 0.2000, 1.0000])
    """
    is_array = isinstance(pic, ARRAYS)
    if not (is_array or is_image(pic)):
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    if is_array and pic.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")

    values = from_numpy(pic) if is_array else bytes_of(pic)
    values = (values.unsqueeze(2) if values.ndim == 2 else values).permute(2, 0, 1).contiguous()
    return values.to(get_default_dtype()).div(255) if values.dtype == uint8 else values


def pil_to_tensor(pic):
    """A Pillow image as a tensor (C, H, W) of its own values.   torchvision: transforms.functional.pil_to_tensor"""
    if not is_image(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    values = bytes_of(pic).permute(2, 0, 1)
    return values.to(bool_dtype) if pic.mode == "1" else values


MODES = {
    1: {uint8: "L", int16: "I;16", int32: "I", float32: "F"},
    2: {uint8: "LA"},
    3: {uint8: "RGB"},
    4: {uint8: "RGBA"},
}
"""How Pillow calls an image, by its channels and dtype."""
ALSO = {2: ["LA"], 3: ["RGB", "YCbCr", "HSV"], 4: ["RGBA", "CMYK", "RGBX"]}


def to_pil_image(pic, mode=None):
    """A tensor ([C,] H, W), or an array (H, W[, C]), as a Pillow image; floats from 0 to 1 become bytes.

    mode: how to read the channels, as Pillow names it. torchvision: transforms.functional.to_pil_image
    """
    if is_tensor(pic):
        values = pic.detach().cpu()
        values = values.permute(1, 2, 0) if values.ndim == 3 else values
    elif isinstance(pic, ARRAYS):
        values = from_numpy(pic)
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    values = values.unsqueeze(2) if values.ndim == 2 else values
    if values.ndim != 3:
        raise ValueError(f"pic should be 2/3 dimensional. Got {values.ndim} dimensions.")
    channels = values.shape[2]
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")

    if values.is_floating_point() and mode != "F":
        values = (values * 255).to(uint8)
    return image_from(values.squeeze(2) if channels == 1 else values, checked_mode(channels, values.dtype, mode))


def checked_mode(channels, dtype, mode):
    """``mode``, or the usual one of so many channels of that dtype."""
    usual = MODES[channels].get(dtype)
    if channels == 1:
        if mode is not None and mode != usual:
            raise ValueError(f"Incorrect mode ({mode}) supplied for input type {dtype}. Should be {usual}")
    elif mode is not None and mode not in ALSO[channels]:
        raise ValueError(f"Only modes {ALSO[channels]} are supported for {channels}D inputs")
    if mode is None and usual is None:
        raise TypeError(f"Input type {dtype} is not supported")
    return mode or usual


def convert_image_dtype(image, dtype=float32):
    """Another dtype, and the values on its scale.   torchvision: transforms.functional.convert_image_dtype

    >>> from minitorch.vision.transforms.functional import convert_image_dtype
    >>> convert_image_dtype(torch.tensor([[0.0, 0.5, 1.0]]), torch.uint8)
    tensor([[  0, 127, 255]], dtype=torch.uint8)
    """
    if not is_tensor(image):
        raise TypeError("Input img should be Tensor Image")
    return on_tensors.convert_image_dtype(image, dtype)


def check_tensor(img):
    if not is_tensor(img):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}\nToTensor() before it makes one")


def normalize(tensor, mean, std, inplace=False):
    """(tensor - mean) / std, channel by channel.   torchvision: transforms.functional.normalize

    >>> from minitorch.vision.transforms.functional import normalize
    >>> normalize(torch.ones(2, 1, 1), [0.5, 0.0], [0.5, 2.0]).flatten()
    tensor([1.0000, 0.5000])
    """
    check_tensor(tensor)
    return on_tensors.normalize(tensor, mean, std, inplace)


def erase(img, i, j, h, w, v, inplace=False):
    """``v`` in the rectangle of ``h`` rows from row ``i``, ``w`` columns from column ``j``.

    torchvision: transforms.functional.erase
    """
    check_tensor(img)
    return on_tensors.erase(img, i, j, h, w, v, inplace)


# ---------------------------------------------------------------------------------------------------------
# Sizes


def resized_size(height, width, size, max_size):
    """[height, width] of ``size``: both, or one for the shorter side, the longer being at most ``max_size``."""
    if len(size) == 2:
        return list(size)
    shorter, longer = size[0], int(size[0] * max(height, width) / min(height, width))
    if max_size is not None:
        if max_size <= shorter:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested size for the smaller edge size = {size}"
            )
        if longer > max_size:
            shorter, longer = int(max_size * shorter / longer), max_size
    return [longer, shorter] if width <= height else [shorter, longer]


def resize(img, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
    """Another size: [height, width], or a number for the shorter side.   torchvision: transforms.functional.resize

    >>> from minitorch.vision.transforms.functional import resize
    >>> resize(torch.zeros(3, 40, 60), 20).shape
    torch.Size([3, 20, 30])
    """
    interpolation = interpolation_mode(interpolation)
    if isinstance(size, (list, tuple)):
        if len(size) not in (1, 2):
            raise ValueError(f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element tuple/list")
        if max_size is not None and len(size) != 1:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, "
                "i.e. size should be an int or a sequence of length 1 in torchscript mode."
            )
    _, height, width = get_dimensions(img)
    wanted = resized_size(height, width, [size] if isinstance(size, int) else size, max_size)
    if [height, width] == wanted:
        return img
    if is_tensor(img):
        return on_tensors.resize(img, wanted, interpolation.value, antialias)
    if antialias is False:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.", stacklevel=2
        )
    return on_images.resize(img, wanted, pillows_number(interpolation))


def pad(img, padding, fill=0, padding_mode="constant"):
    """Wider by ``padding``: a number, [left and right, top and bottom], or [left, top, right, bottom].

    padding_mode: "constant" (``fill``), "edge", "reflect" (about the edge's pixel) or "symmetric" (about the edge).
    torchvision: transforms.functional.pad
    """
    if isinstance(padding, (tuple, list)) and len(padding) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple")
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    return side(img).pad(img, padding, fill, padding_mode)


def crop(img, top, left, height, width):
    """A part of it; what lies outside is black.   torchvision: transforms.functional.crop"""
    return side(img).crop(img, top, left, height, width)


def two_of(size, message="Please provide only two dimensions (h, w) for size."):
    """(height, width) of a number or of one or two of them."""
    if isinstance(size, (int, float)):
        return int(size), int(size)
    if len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(message)
    return size


def center_crop(img, output_size):
    """The middle of it, with black around where it is too small.   torchvision: transforms.functional.center_crop"""
    height, width = two_of(output_size)
    _, image_height, image_width = get_dimensions(img)
    if width > image_width or height > image_height:
        across, down = max(width - image_width, 0), max(height - image_height, 0)
        img = pad(img, [across // 2, down // 2, (across + 1) // 2, (down + 1) // 2], fill=0)
        _, image_height, image_width = get_dimensions(img)
    top, left = round((image_height - height) / 2.0), round((image_width - width) / 2.0)
    return crop(img, top, left, height, width)


def resized_crop(img, top, left, height, width, size, interpolation=InterpolationMode.BILINEAR, antialias=True):
    """A part of it, made ``size``.   torchvision: transforms.functional.resized_crop"""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def five_crop(img, size):
    """The four corners and the middle.   torchvision: transforms.functional.five_crop"""
    height, width = two_of(size)
    _, image_height, image_width = get_dimensions(img)
    if width > image_width or height > image_height:
        raise ValueError(f"Requested crop size {size} is bigger than input size {(image_height, image_width)}")
    corners = [(top, left) for top in (0, image_height - height) for left in (0, image_width - width)]
    return (*[crop(img, top, left, height, width) for top, left in corners], center_crop(img, [height, width]))


def ten_crop(img, size, vertical_flip=False):
    """``five_crop`` of it and of its mirror image.   torchvision: transforms.functional.ten_crop"""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


# ---------------------------------------------------------------------------------------------------------
# Turned and tilted


def hflip(img):
    """Left and right exchanged.   torchvision: transforms.functional.hflip"""
    return side(img).hflip(img)


def vflip(img):
    """Top and bottom exchanged.   torchvision: transforms.functional.vflip"""
    return side(img).vflip(img)


def inverse_affine(center, angle, translate, scale, shear):
    """[a, b, c, d, e, f]: the new pixel (x, y) comes from (a x + b y + c, d x + e y + f).

    The way there is: turn by ``angle`` degrees about ``center``, shear, scale, then move by ``translate``.
    """
    turn, shear_x, shear_y = (math.radians(degrees) for degrees in (angle, *shear))
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -math.cos(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) - math.sin(turn)
    c = math.sin(turn - shear_y) / math.cos(shear_y)
    d = -math.sin(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) + math.cos(turn)

    a, b, c, d = d / scale, -b / scale, -c / scale, a / scale  # the determinant is 1 but for the scale
    x, y = -center[0] - translate[0], -center[1] - translate[1]
    return [a, b, a * x + b * y + center[0], c, d, c * x + d * y + center[1]]


def about_middle(img, center):
    """``center`` as seen from the middle of the image, which is what tensors are turned about."""
    if center is None:
        return [0.0, 0.0]
    _, height, width = get_dimensions(img)
    return [1.0 * (c - s * 0.5) for c, s in zip(center, [width, height])]


def rotate(img, angle, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=None):
    """Turned by ``angle`` degrees, counter-clockwise, about ``center``; ``expand`` makes room for all of it.

    torchvision: transforms.functional.rotate
    """
    interpolation = interpolation_mode(interpolation)
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")
    if not is_tensor(img):
        return side(img).rotate(img, angle, pillows_number(interpolation), expand, center, fill)
    matrix = inverse_affine(about_middle(img, center), -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    return on_tensors.rotate(img, matrix, interpolation.value, expand, fill)


def affine(img, angle, translate, scale, shear, interpolation=InterpolationMode.NEAREST, fill=None, center=None):
    """Turned by ``angle`` degrees clockwise, sheared by ``shear`` degrees, scaled, then moved by ``translate`` pixels.

    torchvision: transforms.functional.affine
    """
    interpolation = interpolation_mode(interpolation)
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, (list, tuple)):
        raise TypeError("Argument translate should be a sequence")
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    shear = [shear, 0.0] if isinstance(shear, (int, float)) else list(shear)
    shear = shear * 2 if len(shear) == 1 else shear
    if len(shear) != 2:
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")

    if is_tensor(img):
        matrix = inverse_affine(about_middle(img, center), angle, translate, scale, shear)
        return on_tensors.affine(img, matrix, interpolation.value, fill)
    _, height, width = get_dimensions(img)
    matrix = inverse_affine(center or [width * 0.5, height * 0.5], angle, translate, scale, shear)
    return on_images.affine(img, matrix, pillows_number(interpolation), fill)


def perspective(img, startpoints, endpoints, interpolation=InterpolationMode.BILINEAR, fill=None):
    """Tilted, so that the four corners ``startpoints`` come to lie on ``endpoints``: [x, y] each.

    torchvision: transforms.functional.perspective
    """
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(
            f"Please provide exactly four corners, got {len(startpoints)} startpoints and {len(endpoints)} endpoints."
        )
    rows = []
    for (x, y), (u, v) in zip(endpoints, startpoints):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    right = tensor(startpoints, dtype=float64).view(8)
    coefficients = lstsq(tensor(rows, dtype=float64), right, driver="gels").solution.to(float32).tolist()

    interpolation = interpolation_mode(interpolation)
    if is_tensor(img):
        return on_tensors.perspective(img, coefficients, interpolation.value, fill)
    return side(img).perspective(img, coefficients, pillows_number(interpolation), fill)


# ---------------------------------------------------------------------------------------------------------
# What they look like


def rgb_to_grayscale(img, num_output_channels=1):
    """Gray, in one channel or in three.   torchvision: transforms.functional.rgb_to_grayscale"""
    return side(img).rgb_to_grayscale(img, num_output_channels)


def to_grayscale(img, num_output_channels=1):
    """``rgb_to_grayscale`` of a Pillow image only.   torchvision: transforms.functional.to_grayscale"""
    if not is_image(img):
        raise TypeError("Input should be PIL Image")
    return on_images.rgb_to_grayscale(img, num_output_channels)


def adjust_brightness(img, brightness_factor):
    """0 is black, 1 changes nothing.   torchvision: transforms.functional.adjust_brightness"""
    return side(img).adjust_brightness(img, brightness_factor)


def adjust_contrast(img, contrast_factor):
    """0 is gray all over, 1 changes nothing.   torchvision: transforms.functional.adjust_contrast"""
    return side(img).adjust_contrast(img, contrast_factor)


def adjust_saturation(img, saturation_factor):
    """0 is black and white, 1 changes nothing.   torchvision: transforms.functional.adjust_saturation"""
    return side(img).adjust_saturation(img, saturation_factor)


def adjust_hue(img, hue_factor):
    """Colours moved around the circle, by -0.5 to 0.5 of it.   torchvision: transforms.functional.adjust_hue"""
    return side(img).adjust_hue(img, hue_factor)


def adjust_gamma(img, gamma, gain=1):
    """gain imgᵞ, on a scale of 0 to 1.   torchvision: transforms.functional.adjust_gamma"""
    return side(img).adjust_gamma(img, gamma, gain)


def adjust_sharpness(img, sharpness_factor):
    """0 is blurred, 1 changes nothing.   torchvision: transforms.functional.adjust_sharpness"""
    return side(img).adjust_sharpness(img, sharpness_factor)


def gaussian_blur(img, kernel_size, sigma=None):
    """Each pixel the mean of those around, weighted by a bell.   torchvision: transforms.functional.gaussian_blur"""
    kernel_size = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    if len(kernel_size) != 2:
        raise ValueError(f"If kernel_size is a sequence its length should be 2. Got {len(kernel_size)}")
    if any(size % 2 == 0 or size < 0 for size in kernel_size):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {kernel_size}")
    sigma = [size * 0.15 + 0.35 for size in kernel_size] if sigma is None else sigma
    sigma = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else list(sigma)
    sigma = sigma * 2 if len(sigma) == 1 else sigma
    if len(sigma) != 2:
        raise ValueError(f"If sigma is a sequence, its length should be 2. Got {len(sigma)}")
    if any(width <= 0 for width in sigma):
        raise ValueError(f"sigma should have positive values. Got {sigma}")

    if is_tensor(img):
        return on_tensors.gaussian_blur(img, kernel_size, sigma)
    if not is_image(img):
        raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    return to_pil_image(on_tensors.gaussian_blur(pil_to_tensor(img), kernel_size, sigma), mode=img.mode)


def invert(img):
    """White where it was black.   torchvision: transforms.functional.invert"""
    return side(img).invert(img)


def posterize(img, bits):
    """Only so many bits a channel.   torchvision: transforms.functional.posterize"""
    if not 0 <= bits <= 8:
        raise ValueError(f"The number if bits should be between 0 and 8. Got {bits}")
    return side(img).posterize(img, bits)


def solarize(img, threshold):
    """Inverted from ``threshold`` up.   torchvision: transforms.functional.solarize"""
    return side(img).solarize(img, threshold)


def autocontrast(img):
    """Stretched, channel by channel, from black to white.   torchvision: transforms.functional.autocontrast"""
    return side(img).autocontrast(img)


def equalize(img):
    """Each brightness as frequent as the others.   torchvision: transforms.functional.equalize"""
    return side(img).equalize(img)
