"""Where pixels are: resizing, cropping, flipping, turning.

The random ones draw from the default generator, in torchvision's order, so that a seed gives torchvision's images.

torchvision: transforms/transforms.py
"""

import math
import warnings
from collections.abc import Sequence

from ...creation import empty, is_tensor, tensor
from ...nn import Module
from ...random import rand, randint
from . import functional as F
from .functional import InterpolationMode, interpolation_mode, two_of

__all__ = [
    "CenterCrop", "FiveCrop", "Pad", "RandomAffine", "RandomCrop", "RandomHorizontalFlip", "RandomPerspective",
    "RandomResizedCrop", "RandomRotation", "RandomVerticalFlip", "Resize", "TenCrop", "drawn", "fill_for", "rectangle",
    "uniform", "warn_of_order",
]  # fmt: skip


def uniform(low, high):
    """A float32 between them, by chance."""
    return empty(1).uniform_(low, high).item()


def drawn(below):
    """An integer from 0 up to, but not including, ``below``."""
    return randint(0, below, size=(1,)).item()


def check_length(value, name, lengths):
    told = " or ".join(str(length) for length in lengths)
    if not isinstance(value, Sequence):
        raise TypeError(f"{name} should be a sequence of length {told}.")
    if len(value) not in lengths:
        raise ValueError(f"{name} should be a sequence of length {told}.")


def angles_of(value, name, lengths=(2,)):
    """[-value, value] of a number, or a list of floats."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive.")
        value = [-value, value]
    check_length(value, name, lengths)
    return [float(degrees) for degrees in value]


def checked_fill(fill):
    if fill is not None and not isinstance(fill, (int, float, Sequence)):
        raise TypeError("Fill should be either a sequence or a number.")
    return 0 if fill is None else fill


def fill_for(img, fill):
    """A tensor wants floats, one for each channel."""
    if not is_tensor(img):
        return fill
    return [float(fill)] * F.get_dimensions(img)[0] if isinstance(fill, (int, float)) else [float(f) for f in fill]


# ---------------------------------------------------------------------------------------------------------
# Sizes


class Resize(Module):
    """To (height, width), or the shorter side to ``size``.   torchvision: transforms.Resize"""

    def __init__(self, size, interpolation=InterpolationMode.BILINEAR, max_size=None, antialias=True):
        super().__init__()
        if not isinstance(size, (int, Sequence)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size, self.max_size, self.antialias = size, max_size, antialias
        self.interpolation = interpolation_mode(interpolation)

    def forward(self, img):
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self):
        return (
            f"{type(self).__name__}(size={self.size}, interpolation={self.interpolation.value}, "
            f"max_size={self.max_size}, antialias={self.antialias})"
        )


class Sized(Module):
    """What has a size (height, width)."""

    def __init__(self, size):
        super().__init__()
        self.size = two_of(size)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size})"


class CenterCrop(Sized):
    """The middle.   torchvision: transforms.CenterCrop"""

    def forward(self, img):
        return F.center_crop(img, self.size)


class FiveCrop(Sized):
    """The four corners and the middle, as a tuple.   torchvision: transforms.FiveCrop"""

    def forward(self, img):
        return F.five_crop(img, self.size)


class TenCrop(Sized):
    """``FiveCrop`` of the image and of its mirror image.   torchvision: transforms.TenCrop"""

    def __init__(self, size, vertical_flip=False):
        super().__init__(size)
        self.vertical_flip = vertical_flip

    def forward(self, img):
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size}, vertical_flip={self.vertical_flip})"


class Pad(Module):
    """Wider by ``padding`` on each side.   torchvision: transforms.Pad"""

    def __init__(self, padding, fill=0, padding_mode="constant"):
        super().__init__()
        if not isinstance(padding, (int, float, tuple, list)):
            raise TypeError("Got inappropriate padding arg")
        if not isinstance(fill, (int, float, tuple, list)):
            raise TypeError("Got inappropriate fill arg")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        if isinstance(padding, Sequence) and len(padding) not in (1, 2, 4):
            raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple")
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def forward(self, img):
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self):
        return f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


# ---------------------------------------------------------------------------------------------------------
# Crops and flips by chance


class RandomCrop(Module):
    """A part of ``size`` from anywhere, after padding.   torchvision: transforms.RandomCrop

    >>> from minitorch.vision import transforms
    >>> transforms.RandomCrop(32, padding=4)(torch.zeros(3, 32, 32)).shape
    torch.Size([3, 32, 32])
    """

    def __init__(self, size, padding=None, pad_if_needed=False, fill=0, padding_mode="constant"):
        super().__init__()
        self.size = tuple(two_of(size))
        self.padding, self.pad_if_needed = padding, pad_if_needed
        self.fill, self.padding_mode = fill, padding_mode

    @staticmethod
    def get_params(img, output_size):
        """(top, left, height, width): a random place for it. The row is drawn before the column."""
        _, h, w = F.get_dimensions(img)
        height, width = output_size
        if h < height or w < width:
            raise ValueError(
                f"Required crop size {(height, width)} is larger than input image size {(h, w)}\n"
                "padding=… or pad_if_needed=True makes room"
            )
        if (h, w) == (height, width):
            return 0, 0, h, w
        return drawn(h - height + 1), drawn(w - width + 1), height, width

    def forward(self, img):
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, height, width = F.get_dimensions(img)
        if self.pad_if_needed and width < self.size[1]:
            img = F.pad(img, [self.size[1] - width, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and height < self.size[0]:
            img = F.pad(img, [0, self.size[0] - height], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self):
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class Flip(Module):
    """A flip with probability ``p``."""

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(Flip):
    """Left and right exchanged, with probability ``p``.   torchvision: transforms.RandomHorizontalFlip"""

    def forward(self, img):
        return F.hflip(img) if rand(1) < self.p else img


class RandomVerticalFlip(Flip):
    """Top and bottom exchanged, with probability ``p``.   torchvision: transforms.RandomVerticalFlip"""

    def forward(self, img):
        return F.vflip(img) if rand(1) < self.p else img


def rectangle(area, scale, ratio):
    """(long, short) sides of a rectangle: ``scale`` of the area, and a ratio of its sides, both drawn between bounds.

    The ratio's logarithm is uniform, so that 2:1 is as likely as 1:2.
    """
    log_ratio = tensor(ratio).log().tolist()
    part = area * uniform(scale[0], scale[1])
    aspect = tensor(uniform(*log_ratio)).exp().item()
    return round(math.sqrt(part * aspect)), round(math.sqrt(part / aspect))


def warn_of_order(scale, ratio):
    for value, name in ((scale, "Scale"), (ratio, "Ratio")):
        if not isinstance(value, Sequence):
            raise TypeError(f"{name} should be a sequence")
    if scale[0] > scale[1] or ratio[0] > ratio[1]:
        warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=3)


class RandomResizedCrop(Module):
    """A part of random area and shape, made ``size``.   torchvision: transforms.RandomResizedCrop

    scale: the least and the greatest part of the area. ratio: of width to height.   Szegedy et al. 2014, arXiv:1409.4842
    """

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), interpolation=InterpolationMode.BILINEAR, antialias=True):
        super().__init__()
        self.size = two_of(size)
        warn_of_order(scale, ratio)
        self.interpolation, self.antialias = interpolation_mode(interpolation), antialias
        self.scale, self.ratio = scale, ratio

    @staticmethod
    def get_params(img, scale, ratio):
        """(top, left, height, width). After ten rectangles that don't fit, the largest middle part that does."""
        _, height, width = F.get_dimensions(img)
        for _ in range(10):
            w, h = rectangle(height * width, scale, ratio)
            if 0 < w <= width and 0 < h <= height:
                return drawn(height - h + 1), drawn(width - w + 1), h, w

        shape, w, h = width / height, width, height
        if shape < min(ratio):
            h = round(w / min(ratio))
        elif shape > max(ratio):
            w = round(h * max(ratio))
        return (height - h) // 2, (width - w) // 2, h, w

    def forward(self, img):
        place = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *place, self.size, self.interpolation, antialias=self.antialias)

    def __repr__(self):
        scale, ratio = (tuple(round(bound, 4) for bound in bounds) for bounds in (self.scale, self.ratio))
        return (
            f"{type(self).__name__}(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


# ---------------------------------------------------------------------------------------------------------
# Turned and tilted by chance


class RandomRotation(Module):
    """Turned by an angle between ``degrees`` (or ± a number).   torchvision: transforms.RandomRotation"""

    def __init__(self, degrees, interpolation=InterpolationMode.NEAREST, expand=False, center=None, fill=0):
        super().__init__()
        self.degrees = angles_of(degrees, "degrees")
        if center is not None:
            check_length(center, "center", (2,))
        self.interpolation, self.expand, self.center = interpolation_mode(interpolation), expand, center
        self.fill = checked_fill(fill)

    @staticmethod
    def get_params(degrees):
        """The angle."""
        return uniform(*degrees)

    def forward(self, img):
        fill = fill_for(img, self.fill)
        return F.rotate(img, self.get_params(self.degrees), self.interpolation, self.expand, self.center, fill)

    def __repr__(self):
        center = "" if self.center is None else f", center={self.center}"
        return (
            f"{type(self).__name__}(degrees={self.degrees}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}{center}, fill={self.fill})"
        )


class RandomAffine(Module):
    """Turned, moved, scaled and sheared, each between bounds.   torchvision: transforms.RandomAffine

    translate: the greatest parts of width and height to move by. shear: degrees, ± a number, (from, to) along x, or four.
    """

    def __init__(self, degrees, translate=None, scale=None, shear=None, interpolation=InterpolationMode.NEAREST, fill=0, center=None):
        super().__init__()
        self.degrees = angles_of(degrees, "degrees")
        for value, name in ((translate, "translate"), (scale, "scale"), (center, "center")):
            if value is not None:
                check_length(value, name, (2,))
        if any(not 0.0 <= part <= 1.0 for part in translate or ()):
            raise ValueError("translation values should be between 0 and 1")
        if any(factor <= 0 for factor in scale or ()):
            raise ValueError("scale values should be positive")
        self.translate, self.scale, self.center = translate, scale, center
        self.shear = shear if shear is None else angles_of(shear, "shear", (2, 4))
        self.interpolation, self.fill = interpolation_mode(interpolation), checked_fill(fill)

    @staticmethod
    def get_params(degrees, translate, scale_ranges, shears, img_size):
        """(angle, (dx, dy), scale, (shear along x, along y)), drawn in this order."""
        angle, moved, scale, shear = uniform(*degrees), (0, 0), 1.0, [0.0, 0.0]
        if translate is not None:
            most = [float(part * length) for part, length in zip(translate, img_size)]
            moved = tuple(round(uniform(-distance, distance)) for distance in most)
        if scale_ranges is not None:
            scale = uniform(*scale_ranges)
        for axis in range(len(shears or ()) // 2):
            shear[axis] = uniform(shears[2 * axis], shears[2 * axis + 1])
        return angle, moved, scale, tuple(shear)

    def forward(self, img):
        fill = fill_for(img, self.fill)
        _, height, width = F.get_dimensions(img)
        params = self.get_params(self.degrees, self.translate, self.scale, self.shear, [width, height])
        return F.affine(img, *params, interpolation=self.interpolation, fill=fill, center=self.center)

    def __repr__(self):
        shown = {
            "translate": (self.translate, None), "scale": (self.scale, None), "shear": (self.shear, None),
            "interpolation": (self.interpolation.value, "nearest"), "fill": (self.fill, 0), "center": (self.center, None),
        }  # fmt: skip
        told = "".join(f", {name}={value}" for name, (value, usual) in shown.items() if value != usual)
        return f"{type(self).__name__}(degrees={self.degrees}{told})"


class RandomPerspective(Module):
    """Tilted, with probability ``p``: each corner moves by up to half of ``distortion_scale`` of the image.

    torchvision: transforms.RandomPerspective
    """

    def __init__(self, distortion_scale=0.5, p=0.5, interpolation=InterpolationMode.BILINEAR, fill=0):
        super().__init__()
        self.p, self.distortion_scale = p, distortion_scale
        self.interpolation, self.fill = interpolation_mode(interpolation), checked_fill(fill)

    @staticmethod
    def get_params(width, height, distortion_scale):
        """The corners' places before and after, from top left clockwise; x is drawn before y."""
        across, down = (int(distortion_scale * (length // 2)) for length in (width, height))
        left, right = (0, across + 1), (width - across - 1, width)
        top, bottom = (0, down + 1), (height - down - 1, height)
        bounds = [(left, top), (right, top), (right, bottom), (left, bottom)]
        endpoints = [[randint(*x, size=(1,)).item(), randint(*y, size=(1,)).item()] for x, y in bounds]
        return [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], endpoints

    def forward(self, img):
        fill = fill_for(img, self.fill)
        _, height, width = F.get_dimensions(img)
        if rand(1) < self.p:
            return F.perspective(img, *self.get_params(width, height, self.distortion_scale), self.interpolation, fill)
        return img

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"
