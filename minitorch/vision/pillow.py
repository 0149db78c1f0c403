"""Pillow, where an image is one of its own, and the way between its images and tensors.

Pillow is optional. What works on tensors doesn't ask for it; what needs it says how to get it.
"""

import sys
from importlib import import_module

from ..creation import frombuffer, is_tensor
from ..dtypes import float32, int16, int32, uint8

__all__ = ["bytes_of", "channels_of", "image_from", "is_image", "pillow"]

WIDE_BYTES = {"I": int32, "I;16" if sys.byteorder == "little" else "I;16B": int16, "F": float32}
"""Modes whose values aren't unsigned bytes."""


def pillow(name="Image"):
    """Pillow's module of that name. Raises ImportError, with how to install it."""
    try:
        return import_module(f"PIL.{name}")
    except ImportError as error:
        raise ImportError(
            f"No module named 'PIL': images need Pillow\npip install pytorch-mini[vision]   (PIL.{name}: {error})"
        ) from error


def is_image(value):
    """Whether it is a Pillow image; without Pillow there is none."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def channels_of(image):
    """How many bands a Pillow image has."""
    return len(image.getbands())


def bytes_of(image):
    """A Pillow image's values as a new tensor (height, width, channels). Black and white are 0 and 255."""
    if image.mode == "1":
        image = image.convert("L")
    values = frombuffer(bytearray(image.tobytes()), dtype=WIDE_BYTES.get(image.mode, uint8))
    return values.view(image.size[1], image.size[0], channels_of(image))


def image_from(values, mode):
    """A Pillow image of a tensor (height, width) or (height, width, channels) whose dtype is the mode's."""
    if not is_tensor(values):
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(values)}.")
    height, width = values.shape[:2]
    stored = "L" if mode == "1" else mode
    image = pillow().frombytes(stored, (width, height), values.contiguous().numpy().tobytes())
    return image if mode == stored else image.convert(mode)
