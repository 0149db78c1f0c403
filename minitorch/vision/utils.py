"""Many images as one: a grid to look at, and a file to keep.

torchvision: utils.py
"""

import math

from ..creation import is_tensor
from ..dtypes import uint8
from ..modes import no_grad
from ..ops.joining import cat, stack
from .pillow import image_from

__all__ = ["make_grid", "save_image"]


@no_grad()
def make_grid(tensor, nrow=8, padding=2, normalize=False, value_range=None, scale_each=False, pad_value=0.0):
    """Images in rows of ``nrow``, with ``padding`` pixels of ``pad_value`` around each.

    tensor: (N, C, H, W), or a list of (C, H, W), or one image (C, H, W) or (H, W) → (3 or C, height, width). One gray
    channel becomes three. normalize: move ``value_range`` (else the range of all images, or with ``scale_each`` of each)
    to [0, 1]. A single image is returned as it is, with no padding.
    torchvision: utils.make_grid

    >>> from minitorch.vision.utils import make_grid
    >>> make_grid(torch.zeros(6, 3, 4, 5), nrow=3).shape
    torch.Size([3, 14, 23])
    """
    images = as_batch(tensor)
    if normalize:
        images = normalized(images, value_range, scale_each)
    count, channels = images.shape[:2]
    if count == 1:
        return images.squeeze(0)

    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    height, width = images.shape[2] + padding, images.shape[3] + padding
    grid = images.new_full((channels, height * rows + padding, width * columns + padding), pad_value)
    for k in range(count):
        top, left = k // columns * height + padding, k % columns * width + padding
        grid[:, top : top + height - padding, left : left + width - padding] = images[k]
    return grid


def as_batch(tensor):
    """(N, C, H, W), three channels where there was one."""
    if not (is_tensor(tensor) or isinstance(tensor, list)):
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    if isinstance(tensor, list):
        for item in tensor:
            if not is_tensor(item):
                raise TypeError(f"tensor or list of tensors expected, got a list containing {type(item)}")
        tensor = stack(tensor, dim=0)

    if tensor.ndim == 2:
        tensor = tensor.unsqueeze(0)
    if tensor.ndim == 3:
        tensor = tensor.unsqueeze(0)
    if tensor.ndim == 4 and tensor.shape[1] == 1:
        tensor = cat((tensor, tensor, tensor), 1)
    return tensor


def normalized(images, value_range, scale_each):
    """A copy, its values moved to [0, 1]."""
    images = images.clone()
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
    for part in images if scale_each else [images]:
        low, high = value_range or (float(part.min()), float(part.max()))
        part.clamp_(min=low, max=high)
        part.sub_(low).div_(max(high - low, 1e-5))  # an image of one colour must not divide by 0
    return images


@no_grad()
def save_image(tensor, fp, format=None, **kwargs):
    """Write an image, or the grid of several, to a file; the file's name tells the format, unless ``format`` does.

    tensor: as for ``make_grid``, values in [0, 1]; ``kwargs`` are ``make_grid``'s. Needs Pillow.
    torchvision: utils.save_image
    """
    grid = make_grid(tensor, **kwargs)
    pixels = grid.mul(255).add_(0.5).clamp_(0, 255).permute(1, 2, 0).to("cpu", uint8)  # + ½: the cast rounds down
    modes = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
    if pixels.shape[2] not in modes:
        raise TypeError(f"Cannot handle this data type: (1, 1, {pixels.shape[2]}), |u1")
    image_from(pixels, modes[pixels.shape[2]]).save(fp, format=format)
