"""The transforms of Pillow's images: what each is called there.

torchvision: transforms/_functional_pil.py
"""

from ..pillow import bytes_of, channels_of, image_from, pillow
from . import on_tensors

__all__ = [
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "adjust_sharpness", "affine",
    "autocontrast", "crop", "equalize", "get_dimensions", "hflip", "invert", "pad", "perspective", "posterize", "resize",
    "rgb_to_grayscale", "rotate", "solarize", "vflip",
]  # fmt: skip


def get_dimensions(img):
    width, height = img.size
    return [channels_of(img), height, width]


# ---------------------------------------------------------------------------------------------------------
# Where pixels are


def hflip(img):
    return img.transpose(pillow().Transpose.FLIP_LEFT_RIGHT)


def vflip(img):
    return img.transpose(pillow().Transpose.FLIP_TOP_BOTTOM)


def crop(img, top, left, height, width):
    return img.crop((left, top, left + width, top + height))  # beyond its edges it is black


def resize(img, size, interpolation):
    return img.resize(tuple(size[::-1]), interpolation)


def pad(img, padding, fill, padding_mode):
    left, right, top, bottom = on_tensors.sides(padding)
    if padding_mode == "constant":
        return with_palette(img, pillow("ImageOps").expand(img, border=(left, top, right, bottom), fill=color(fill, img)))
    values = bytes_of(img).permute(2, 0, 1)
    padded = on_tensors.pad(values, padding, 0, padding_mode).permute(1, 2, 0)
    return with_palette(img, image_from(padded, img.mode))


def with_palette(before, after):
    """``after`` with the colours of ``before``, where a pixel is a number of a colour."""
    if before.mode == "P":
        after.putpalette(before.getpalette())
    return after


def color(fill, img):
    """``fill`` as Pillow wants it: a number for one channel, else a tuple."""
    channels = channels_of(img)
    fill = 0 if fill is None else fill
    if isinstance(fill, (int, float)) and channels > 1:
        fill = (fill,) * channels
    if isinstance(fill, (list, tuple)):
        if len(fill) not in (1, channels):
            raise ValueError(
                "The number of elements in 'fill' does not match the number of channels of the image "
                f"({len(fill)} != {channels})"
            )
        fill = tuple(fill) * (channels if len(fill) == 1 else 1)
    if img.mode == "F":
        return fill
    return tuple(int(x) for x in fill) if isinstance(fill, tuple) else int(fill)


def rotate(img, angle, interpolation, expand, center, fill):
    return img.rotate(angle, interpolation, expand, center, fillcolor=color(fill, img))


def affine(img, matrix, interpolation, fill):
    return img.transform(img.size, pillow().Transform.AFFINE, matrix, interpolation, fillcolor=color(fill, img))


def perspective(img, coefficients, interpolation, fill):
    method = pillow().Transform.PERSPECTIVE
    return img.transform(img.size, method, coefficients, interpolation, fillcolor=color(fill, img))


# ---------------------------------------------------------------------------------------------------------
# What they look like


def rgb_to_grayscale(img, num_output_channels):
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    gray = img.convert("L")
    return gray if num_output_channels == 1 else pillow().merge("RGB", (gray, gray, gray))


def adjust_brightness(img, factor):
    return pillow("ImageEnhance").Brightness(img).enhance(factor)


def adjust_contrast(img, factor):
    return pillow("ImageEnhance").Contrast(img).enhance(factor)


def adjust_saturation(img, factor):
    return pillow("ImageEnhance").Color(img).enhance(factor)


def adjust_sharpness(img, factor):
    return pillow("ImageEnhance").Sharpness(img).enhance(factor)


def adjust_hue(img, factor):
    on_tensors.check_hue(factor)
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    shift = int(factor * 255)
    hue = hue.point([(old + shift) % 256 for old in range(256)])
    return pillow().merge("HSV", (hue, saturation, value)).convert(img.mode)


def adjust_gamma(img, gamma, gain):
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    curve = [int((255 + 1 - 1e-3) * gain * pow(old / 255, gamma)) for old in range(256)]
    return img.convert("RGB").point(curve * 3).convert(img.mode)


def invert(img):
    return pillow("ImageOps").invert(img)


def posterize(img, bits):
    return pillow("ImageOps").posterize(img, bits)


def solarize(img, threshold):
    return pillow("ImageOps").solarize(img, threshold)


def autocontrast(img):
    return pillow("ImageOps").autocontrast(img)


def equalize(img):
    return pillow("ImageOps").equalize(img)
