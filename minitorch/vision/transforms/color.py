"""What pixels look like: gray, brighter, blurred, wiped out.

The random ones draw from the default generator, in torchvision's order.

torchvision: transforms/transforms.py
"""

from ...creation import empty, tensor
from ...nn import Module
from ...random import rand, randint, randperm
from . import functional as F
from .functional import two_of
from .geometry import rectangle, uniform, warn_of_order

__all__ = [
    "ColorJitter", "GaussianBlur", "Grayscale", "RandomAdjustSharpness", "RandomAutocontrast", "RandomEqualize",
    "RandomErasing", "RandomGrayscale", "RandomInvert", "RandomPosterize", "RandomSolarize",
]  # fmt: skip


class Grayscale(Module):
    """Gray, in one channel or in three.   torchvision: transforms.Grayscale"""

    def __init__(self, num_output_channels=1):
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img):
        return F.rgb_to_grayscale(img, num_output_channels=self.num_output_channels)

    def __repr__(self):
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class Sometimes(Module):
    """``changed(img)`` with probability ``p``, else the image."""

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, img):
        return self.changed(img) if rand(1) < self.p else img

    def __repr__(self):
        return f"{type(self).__name__}(p={self.p})"


class RandomGrayscale(Sometimes):
    """Gray with probability ``p``, in as many channels as before.   torchvision: transforms.RandomGrayscale"""

    def __init__(self, p=0.1):
        super().__init__(p)

    def changed(self, img):
        return F.rgb_to_grayscale(img, num_output_channels=F.get_dimensions(img)[0])


class RandomInvert(Sometimes):
    """White where it was black, with probability ``p``.   torchvision: transforms.RandomInvert"""

    def changed(self, img):
        return F.invert(img)


class RandomPosterize(Sometimes):
    """Only so many ``bits`` a channel, with probability ``p``.   torchvision: transforms.RandomPosterize"""

    def __init__(self, bits, p=0.5):
        super().__init__(p)
        self.bits = bits

    def changed(self, img):
        return F.posterize(img, self.bits)

    def __repr__(self):
        return f"{type(self).__name__}(bits={self.bits},p={self.p})"


class RandomSolarize(Sometimes):
    """Inverted from ``threshold`` up, with probability ``p``.   torchvision: transforms.RandomSolarize"""

    def __init__(self, threshold, p=0.5):
        super().__init__(p)
        self.threshold = threshold

    def changed(self, img):
        return F.solarize(img, self.threshold)

    def __repr__(self):
        return f"{type(self).__name__}(threshold={self.threshold},p={self.p})"


class RandomAdjustSharpness(Sometimes):
    """Blurred (0) to sharper (2), with probability ``p``.   torchvision: transforms.RandomAdjustSharpness"""

    def __init__(self, sharpness_factor, p=0.5):
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def changed(self, img):
        return F.adjust_sharpness(img, self.sharpness_factor)

    def __repr__(self):
        return f"{type(self).__name__}(sharpness_factor={self.sharpness_factor},p={self.p})"


class RandomAutocontrast(Sometimes):
    """Stretched from black to white, with probability ``p``.   torchvision: transforms.RandomAutocontrast"""

    def changed(self, img):
        return F.autocontrast(img)


class RandomEqualize(Sometimes):
    """Each brightness as frequent as the others, with probability ``p``.   torchvision: transforms.RandomEqualize"""

    def changed(self, img):
        return F.equalize(img)


class ColorJitter(Module):
    """Brightness, contrast, saturation and hue changed, in an order of chance.   torchvision: transforms.ColorJitter

    Each is a number x, for a factor between 1 - x and 1 + x (for hue between -x and x), or the two bounds.
    """

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        super().__init__()
        self.brightness = bounds_of(brightness, "brightness")
        self.contrast = bounds_of(contrast, "contrast")
        self.saturation = bounds_of(saturation, "saturation")
        self.hue = bounds_of(hue, "hue", center=0, limits=(-0.5, 0.5))

    @staticmethod
    def get_params(brightness, contrast, saturation, hue):
        """(the order, and the four factors, None where nothing changes)."""
        order = randperm(4)
        return order, *[None if bounds is None else uniform(*bounds) for bounds in (brightness, contrast, saturation, hue)]

    def forward(self, img):
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for which in order.tolist():
            if factors[which] is not None:
                img = changes[which](img, factors[which])
        return img

    def __repr__(self):
        return (
            f"{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, "
            f"saturation={self.saturation}, hue={self.hue})"
        )


def bounds_of(value, name, center=1, limits=(0, float("inf"))):
    """(least, greatest) factor of a number or a pair; None where both are ``center``, which changes nothing."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        least = center - float(value)
        value = [max(least, 0.0) if center else least, center + float(value)]
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        value = [float(bound) for bound in value]
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
    if not limits[0] <= value[0] <= value[1] <= limits[1]:
        raise ValueError(f"{name} values should be between {limits}, but got {value}.")
    return None if value[0] == value[1] == center else tuple(value)


class GaussianBlur(Module):
    """Blurred by a bell of a width between ``sigma``'s bounds.   torchvision: transforms.GaussianBlur"""

    def __init__(self, kernel_size, sigma=(0.1, 2.0)):
        super().__init__()
        self.kernel_size = two_of(kernel_size, "Kernel size should be a tuple/list of two integers")
        if any(size <= 0 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, (int, float)):
            if sigma <= 0:
                raise ValueError("If sigma is a single number, it must be positive.")
            sigma = (sigma, sigma)
        elif not (isinstance(sigma, (tuple, list)) and len(sigma) == 2):
            raise ValueError("sigma should be a single number or a list/tuple with length 2.")
        elif not 0.0 < sigma[0] <= sigma[1]:
            raise ValueError("sigma values should be positive and of the form (min, max).")
        self.sigma = sigma

    @staticmethod
    def get_params(sigma_min, sigma_max):
        """The width."""
        return uniform(sigma_min, sigma_max)

    def forward(self, img):
        sigma = self.get_params(*self.sigma)
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self):
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


class RandomErasing(Module):
    """A rectangle wiped out, with probability ``p``, in a tensor.   torchvision: transforms.RandomErasing

    scale: the least and the greatest part of the area. value: a number, one for each channel, or "random" for noise.
    Zhong et al. 2017, arXiv:1708.04896
    """

    def __init__(self, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False):
        super().__init__()
        if not isinstance(value, (int, float, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        warn_of_order(scale, ratio)
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if p < 0 or p > 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.p, self.scale, self.ratio, self.value, self.inplace = p, scale, ratio, value, inplace

    @staticmethod
    def get_params(img, scale, ratio, value=None):
        """(top, left, height, width, what to put there). After ten that don't fit, the image itself."""
        channels, height, width = img.shape[-3:]
        for _ in range(10):
            h, w = rectangle(height * width, scale, ratio)
            if h < height and w < width:
                if value is None:
                    filling = empty([channels, h, w]).normal_()
                else:
                    filling = tensor(value)[:, None, None]
                top = randint(0, height - h + 1, size=(1,)).item()
                return top, randint(0, width - w + 1, size=(1,)).item(), h, w, filling
        return 0, 0, height, width, img

    def forward(self, img):
        if not rand(1) < self.p:
            return img
        value = self.value
        if isinstance(value, str):
            value = None
        else:
            value = [float(v) for v in value] if isinstance(value, (tuple, list)) else [float(value)]
            if len(value) not in (1, img.shape[-3]):
                raise ValueError(
                    "If value is a sequence, it should have either a single value or "
                    f"{img.shape[-3]} (number of input channels)"
                )
        top, left, height, width, filling = self.get_params(img, self.scale, self.ratio, value)
        return F.erase(img, top, left, height, width, filling, self.inplace)

    def __repr__(self):
        return (
            f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, "
            f"value={self.value}, inplace={self.inplace})"
        )
