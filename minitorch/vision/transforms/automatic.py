"""Changes chosen by chance out of a list: the policies that were found by search, and the two without any search.

    AutoAugment            one of 25 pairs of changes, each with a probability and a strength    Cubuk et al. 2018, arXiv:1805.09501
    RandAugment            so many changes, all of one strength                                  Cubuk et al. 2019, arXiv:1909.13719
    TrivialAugmentWide     one change of any strength                                            Müller & Hutter 2021, arXiv:2103.10158

torchvision: transforms/autoaugment.py
"""

import math
from enum import Enum

from ...creation import arange, linspace
from ...nn import Module
from ...random import rand, randint
from . import functional as F
from .functional import InterpolationMode
from .geometry import fill_for

__all__ = ["AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]


class AutoAugmentPolicy(Enum):
    """For which data the pairs were found.   torchvision: transforms.AutoAugmentPolicy"""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


# ---------------------------------------------------------------------------------------------------------
# The changes


SIGNED = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness")
"""Those that go either way."""
NAMES = ("Identity", *SIGNED, "Posterize", "Solarize", "AutoContrast", "Equalize")

FACTORS = {
    "Brightness": F.adjust_brightness, "Color": F.adjust_saturation, "Contrast": F.adjust_contrast,
    "Sharpness": F.adjust_sharpness,
}  # fmt: skip
PLAIN = {"Identity": lambda img: img, "AutoContrast": F.autocontrast, "Equalize": F.equalize, "Invert": F.invert}


def changed(img, name, strength, interpolation, fill):
    """The image after one change."""
    if name in PLAIN:
        return PLAIN[name](img)
    if name in FACTORS:
        return FACTORS[name](img, 1.0 + strength)
    if name == "Rotate":
        return F.rotate(img, strength, interpolation, fill=fill)
    if name == "Posterize":
        return F.posterize(img, int(strength))
    if name == "Solarize":
        return F.solarize(img, strength)

    across = name.endswith("X")
    if name.startswith("Translate"):
        moved = [int(strength), 0] if across else [0, int(strength)]
        return F.affine(img, 0.0, moved, 1.0, [0.0, 0.0], interpolation, fill)
    degrees = math.degrees(math.atan(strength))
    shear = [degrees, 0.0] if across else [0.0, degrees]
    return F.affine(img, 0.0, [0, 0], 1.0, shear, interpolation, fill, center=[0, 0])


def greatest(height, width):
    """{change: its greatest strength}, of AutoAugment and RandAugment."""
    return {
        **dict.fromkeys(("ShearX", "ShearY"), 0.3), **dict.fromkeys(FACTORS, 0.9), "Rotate": 30.0, "Posterize": 4,
        "TranslateX": 150.0 / 331.0 * width, "TranslateY": 150.0 / 331.0 * height,
    }  # fmt: skip


WIDE = {
    **dict.fromkeys(("ShearX", "ShearY"), 0.99), **dict.fromkeys(FACTORS, 0.99), "Rotate": 135.0, "Posterize": 6,
    "TranslateX": 32.0, "TranslateY": 32.0,
}  # fmt: skip
"""The greatest strengths of TrivialAugmentWide."""


def strengths(name, bins, most):
    """The strengths of a change, from weakest to strongest; None where it has none."""
    if name in PLAIN:
        return None
    if name == "Posterize":  # bits that are left
        return 8 - (arange(bins) / ((bins - 1) / most[name])).round().int()
    return linspace(255.0, 0.0, bins) if name == "Solarize" else linspace(0.0, most[name], bins)


def signed(name, strength):
    """Half the time the other way, where there is one."""
    return -strength if name in SIGNED and randint(2, (1,)) else strength


class Automatic(Module):
    """What the three have in common: how pixels are made, and what is put where there were none."""

    def __init__(self, interpolation, fill):
        super().__init__()
        self.interpolation, self.fill = interpolation, fill

    def change(self, img, name, strength):
        fill = None if self.fill is None else fill_for(img, self.fill)
        return changed(img, name, strength, self.interpolation, fill)


# ---------------------------------------------------------------------------------------------------------
# The three


class RandAugment(Automatic):
    """``num_ops`` changes one after the other, of strength ``magnitude`` out of ``num_magnitude_bins``.

    torchvision: transforms.RandAugment
    """

    def __init__(self, num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__(interpolation, fill)
        self.num_ops, self.magnitude, self.num_magnitude_bins = num_ops, magnitude, num_magnitude_bins

    def forward(self, img):
        _, height, width = F.get_dimensions(img)
        for _ in range(self.num_ops):
            name = NAMES[randint(len(NAMES), (1,)).item()]
            of = strengths(name, self.num_magnitude_bins, greatest(height, width))
            strength = 0.0 if of is None else float(of[self.magnitude].item())
            img = self.change(img, name, signed(name, strength))
        return img

    def __repr__(self):
        return (
            f"{type(self).__name__}(num_ops={self.num_ops}, magnitude={self.magnitude}, "
            f"num_magnitude_bins={self.num_magnitude_bins}, interpolation={self.interpolation}, fill={self.fill})"
        )


class TrivialAugmentWide(Automatic):
    """One change of any strength.   torchvision: transforms.TrivialAugmentWide"""

    def __init__(self, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def forward(self, img):
        name = NAMES[randint(len(NAMES), (1,)).item()]
        of = strengths(name, self.num_magnitude_bins, WIDE)
        strength = 0.0 if of is None else float(of[randint(len(of), (1,)).item()].item())
        return self.change(img, name, signed(name, strength))

    def __repr__(self):
        return (
            f"{type(self).__name__}(num_magnitude_bins={self.num_magnitude_bins}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )


class AutoAugment(Automatic):
    """One of the policy's pairs: each of its two changes with a probability of its own.   torchvision: transforms.AutoAugment"""

    def __init__(self, policy=AutoAugmentPolicy.IMAGENET, interpolation=InterpolationMode.NEAREST, fill=None):
        super().__init__(interpolation, fill)
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"The provided policy {policy} is not recognized.")
        self.policy, self.policies = policy, pairs(POLICIES[policy.value])

    @staticmethod
    def get_params(transform_num):
        """(which pair, two numbers to compare with probabilities, two signs)."""
        return randint(transform_num, (1,)).item(), rand((2,)), randint(2, (2,))

    def forward(self, img):
        _, height, width = F.get_dimensions(img)
        which, chances, signs = self.get_params(len(self.policies))
        for (name, probability, level), chance, sign in zip(self.policies[which], chances, signs.tolist()):
            if chance <= probability:
                of = strengths(name, 10, greatest(height, width))
                strength = 0.0 if level is None else float(of[level].item())
                img = self.change(img, name, -strength if name in SIGNED and sign == 0 else strength)
        return img

    def __repr__(self):
        return f"{type(self).__name__}(policy={self.policy}, fill={self.fill})"


def pairs(text):
    """[((change, probability, level out of 10 or None), another), …] of the text of a policy."""
    return [tuple(read_change(change.split()) for change in pair.split(",")) for pair in text.split(";")]


def read_change(words):
    name, probability, *level = words
    return name, float(probability), int(level[0]) if level else None


POLICIES = {
    "imagenet": """
        Posterize 0.4 8, Rotate 0.6 9; Solarize 0.6 5, AutoContrast 0.6; Equalize 0.8, Equalize 0.6;
        Posterize 0.6 7, Posterize 0.6 6; Equalize 0.4, Solarize 0.2 4; Equalize 0.4, Rotate 0.8 8;
        Solarize 0.6 3, Equalize 0.6; Posterize 0.8 5, Equalize 1.0; Rotate 0.2 3, Solarize 0.6 8;
        Equalize 0.6, Posterize 0.4 6; Rotate 0.8 8, Color 0.4 0; Rotate 0.4 9, Equalize 0.6; Equalize 0.0, Equalize 0.8;
        Invert 0.6, Equalize 1.0; Color 0.6 4, Contrast 1.0 8; Rotate 0.8 8, Color 1.0 2; Color 0.8 8, Solarize 0.8 7;
        Sharpness 0.4 7, Invert 0.6; ShearX 0.6 5, Equalize 1.0; Color 0.4 0, Equalize 0.6; Equalize 0.4, Solarize 0.2 4;
        Solarize 0.6 5, AutoContrast 0.6; Invert 0.6, Equalize 1.0; Color 0.6 4, Contrast 1.0 8;
        Equalize 0.8, Equalize 0.6
    """,
    "cifar10": """
        Invert 0.1, Contrast 0.2 6; Rotate 0.7 2, TranslateX 0.3 9; Sharpness 0.8 1, Sharpness 0.9 3;
        ShearY 0.5 8, TranslateY 0.7 9; AutoContrast 0.5, Equalize 0.9; ShearY 0.2 7, Posterize 0.3 7;
        Color 0.4 3, Brightness 0.6 7; Sharpness 0.3 9, Brightness 0.7 9; Equalize 0.6, Equalize 0.5;
        Contrast 0.6 7, Sharpness 0.6 5; Color 0.7 7, TranslateX 0.5 8; Equalize 0.3, AutoContrast 0.4;
        TranslateY 0.4 3, Sharpness 0.2 6; Brightness 0.9 6, Color 0.2 8; Solarize 0.5 2, Invert 0.0;
        Equalize 0.2, AutoContrast 0.6; Equalize 0.2, Equalize 0.6; Color 0.9 9, Equalize 0.6;
        AutoContrast 0.8, Solarize 0.2 8; Brightness 0.1 3, Color 0.7 0; Solarize 0.4 5, AutoContrast 0.9;
        TranslateY 0.9 9, TranslateY 0.7 9; AutoContrast 0.9, Solarize 0.8 3; Equalize 0.8, Invert 0.1;
        TranslateY 0.7 9, AutoContrast 0.9
    """,
    "svhn": """
        ShearX 0.9 4, Invert 0.2; ShearY 0.9 8, Invert 0.7; Equalize 0.6, Solarize 0.6 6; Invert 0.9, Equalize 0.6;
        Equalize 0.6, Rotate 0.9 3; ShearX 0.9 4, AutoContrast 0.8; ShearY 0.9 8, Invert 0.4;
        ShearY 0.9 5, Solarize 0.2 6; Invert 0.9, AutoContrast 0.8; Equalize 0.6, Rotate 0.9 3;
        ShearX 0.9 4, Solarize 0.3 3; ShearY 0.8 8, Invert 0.7; Equalize 0.9, TranslateY 0.6 6; Invert 0.9, Equalize 0.6;
        Contrast 0.3 3, Rotate 0.8 4; Invert 0.8, TranslateY 0.0 2; ShearY 0.7 6, Solarize 0.4 8;
        Invert 0.6, Rotate 0.8 4; ShearY 0.3 7, TranslateX 0.9 3; ShearX 0.1 6, Invert 0.6;
        Solarize 0.7 2, TranslateY 0.6 7; ShearY 0.8 4, Invert 0.8; ShearX 0.7 9, TranslateY 0.8 3;
        ShearY 0.8 5, AutoContrast 0.7; ShearX 0.7 2, Invert 0.1
    """,
}
"""As the paper found them: pairs of changes, each with its probability and its strength from 0 to 9."""
