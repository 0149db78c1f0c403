"""Images with labels.   torchvision: datasets

    vision            what every dataset here is
    mnist             MNIST and what has its format
    cifar             CIFAR-10 and CIFAR-100
    folder            a folder for each class
    fakedata          noise, to try things out
    idx, pickles      the formats of the first two, read without trust
    utils             downloads
"""

from . import utils
from .cifar import CIFAR10, CIFAR100
from .fakedata import FakeData
from .folder import DatasetFolder, ImageFolder
from .mnist import KMNIST, MNIST, FashionMNIST
from .vision import VisionDataset

__all__ = [
    "CIFAR10", "CIFAR100", "DatasetFolder", "FakeData", "FashionMNIST", "ImageFolder", "KMNIST", "MNIST", "VisionDataset",
    "utils",
]  # fmt: skip
