"""What programs import from torchvision: datasets, transforms, utils and the ResNets, under torchvision's names.

    from minitorch.vision import datasets, transforms

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    train = datasets.MNIST("data", train=True, download=True, transform=transform)

The same seed draws the same crops, flips and jitters as torchvision does. Images are Pillow's, and Pillow is needed only
where one is: ``pip install pytorch-mini[vision]``. Everything that takes a tensor works without it.

torch: the package torchvision 0.28, which goes with PyTorch 2.13
"""

from . import datasets, models, transforms, utils

__all__ = ["datasets", "get_image_backend", "models", "set_image_backend", "transforms", "utils"]

__version__ = "0.28.0+minitorch"


def get_image_backend():
    """What loads images: Pillow.   torchvision: get_image_backend"""
    return "PIL"


def set_image_backend(backend):
    """Only "PIL" is here.   torchvision: set_image_backend"""
    if backend != "PIL":
        raise ValueError(f"Invalid backend '{backend}'. Options are 'PIL' and 'accimage'\nhere it is always 'PIL'")
