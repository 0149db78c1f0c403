"""The second version of the transforms, for one image at a time: most are those of the first.

    v2.Compose([v2.ToImage(), v2.RandomCrop(32, padding=4), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])

torchvision's also take boxes, masks and videos along, and several images at once; these don't. A tensor of bytes is resized
in float32 and rounded, where torchvision's second version computes in integers: 1 of 255 apart, with bicubic up to 11.

torchvision: transforms/v2
"""

from ...backends import ARRAY_TYPES
from ...creation import from_numpy, is_tensor
from ...dtypes import dtype as dtype_type
from ...dtypes import float32
from ...nn import Identity, Module
from ..pillow import is_image
from . import functional
from . import on_tensors as kernels
from .automatic import AutoAugment, AutoAugmentPolicy, RandAugment, TrivialAugmentWide
from .color import (
    ColorJitter,
    GaussianBlur,
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomErasing,
    RandomGrayscale,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)  # fmt: skip
from .containers import Compose, Lambda, RandomApply, RandomChoice, RandomOrder
from .conversion import LinearTransformation, Normalize, PILToTensor, ToPILImage, ToTensor
from .functional import InterpolationMode
from .geometry import (
    CenterCrop,
    FiveCrop,
    Pad,
    RandomAffine,
    RandomHorizontalFlip,
    RandomPerspective,
    RandomResizedCrop,
    RandomRotation,
    RandomVerticalFlip,
    Resize,
    TenCrop,
    drawn,
)  # fmt: skip
from .geometry import RandomCrop as FirstRandomCrop

__all__ = [
    "AutoAugment", "AutoAugmentPolicy", "CenterCrop", "ColorJitter", "Compose", "ConvertImageDtype", "FiveCrop",
    "GaussianBlur", "Grayscale", "Identity", "InterpolationMode", "Lambda", "LinearTransformation", "Normalize",
    "PILToTensor", "Pad", "RandAugment", "RandomAdjustSharpness", "RandomAffine", "RandomApply", "RandomAutocontrast",
    "RandomChoice", "RandomCrop", "RandomEqualize", "RandomErasing", "RandomGrayscale", "RandomHorizontalFlip",
    "RandomInvert", "RandomOrder", "RandomPerspective", "RandomPosterize", "RandomResizedCrop", "RandomRotation",
    "RandomSolarize", "RandomVerticalFlip", "Resize", "TenCrop", "ToDtype", "ToImage", "ToPILImage", "ToPureTensor",
    "ToTensor", "TrivialAugmentWide", "functional",
]  # fmt: skip


class ToImage(Module):
    """A Pillow image, or an array (H, W[, C]), as a tensor (C, H, W) of its own values.   torchvision: transforms.v2.ToImage"""

    def forward(self, inpt):
        if is_tensor(inpt):
            return inpt
        if is_image(inpt):
            return functional.pil_to_tensor(inpt)
        if not isinstance(inpt, tuple(ARRAY_TYPES)):
            raise TypeError(
                f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} instead."
            )
        values = from_numpy(inpt)
        return values.view(*values.shape, *[1] * (3 - values.ndim)).permute(2, 0, 1).contiguous()


class ToPureTensor(Module):
    """Changes nothing: all tensors are plain here.   torchvision: transforms.v2.ToPureTensor"""

    def forward(self, inpt):
        return inpt


class ToDtype(Module):
    """Another dtype; with ``scale`` the values on its scale, 255 becoming 1.   torchvision: transforms.v2.ToDtype"""

    def __init__(self, dtype, scale=False):
        super().__init__()
        if not isinstance(dtype, dtype_type):
            raise ValueError(f"dtype must be a dict or a torch.dtype, got {type(dtype)} instead\nhere, a torch.dtype")
        self.dtype, self.scale = dtype, scale

    def forward(self, inpt):
        if not is_tensor(inpt):
            return inpt
        if not self.scale or inpt.dtype == self.dtype:
            return inpt.to(self.dtype)
        if self.dtype.is_floating_point and not inpt.is_floating_point():
            return inpt.to(self.dtype) * (1 / kernels.largest(inpt.dtype))  # the first version divides
        return kernels.convert_image_dtype(inpt, self.dtype)

    def extra_repr(self):
        return f"scale={self.scale}"


class ConvertImageDtype(ToDtype):
    """``ToDtype`` with ``scale``.   torchvision: transforms.v2.ConvertImageDtype"""

    def __init__(self, dtype=float32):
        super().__init__(dtype, scale=True)


class RandomCrop(FirstRandomCrop):
    """A part of ``size`` from anywhere; nothing is drawn where there is no choice.   torchvision: transforms.v2.RandomCrop"""

    @staticmethod
    def get_params(img, output_size):
        """(top, left, height, width): a random place for it."""
        _, h, w = functional.get_dimensions(img)
        height, width = output_size
        if h < height or w < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than input image size {(h, w)}.")
        return drawn(h - height + 1) if h > height else 0, drawn(w - width + 1) if w > width else 0, height, width
