"""What every dataset of images has: a root, transforms, and a description.

torchvision: datasets/vision.py
"""

import os

from ...utils.data import Dataset

__all__ = ["StandardTransform", "VisionDataset"]


def described(transform, head):
    """The transform's own lines, after ``head``."""
    first, *rest = repr(transform).splitlines()
    return [head + first, *[" " * len(head) + line for line in rest]]


class StandardTransform:
    """A transform of images and one of targets, as one of both."""

    def __init__(self, transform=None, target_transform=None):
        self.transform, self.target_transform = transform, target_transform

    def __call__(self, input, target):
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self):
        lines = [type(self).__name__]
        if self.transform is not None:
            lines += described(self.transform, "Transform: ")
        if self.target_transform is not None:
            lines += described(self.target_transform, "Target transform: ")
        return "\n".join(lines)


class VisionDataset(Dataset):
    """A dataset of images: write ``__getitem__`` and ``__len__``.   torchvision: datasets.VisionDataset

    transforms: of image and target together; or transform of the image, target_transform of the target.
    """

    def __init__(self, root=None, transforms=None, transform=None, target_transform=None):
        self.root = os.path.expanduser(root) if isinstance(root, str) else root
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.transform, self.target_transform = transform, target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def __getitem__(self, index):
        raise NotImplementedError

    def __len__(self):
        raise NotImplementedError

    def transformed(self, image, target):
        """Both, as the user wants them."""
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self):
        lines = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"Root location: {self.root}")
        lines += self.extra_repr().splitlines()
        if self.transforms is not None:
            lines.append(repr(self.transforms))
        return "\n".join([f"Dataset {type(self).__name__}", *["    " + line for line in lines]])

    def extra_repr(self):
        """More lines for the description."""
        return ""
