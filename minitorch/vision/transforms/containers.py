"""Several transforms as one.

torchvision: transforms/transforms.py
"""

import random
from collections.abc import Sequence

from ...nn import Module
from ...random import rand

__all__ = ["Compose", "Lambda", "RandomApply", "RandomChoice", "RandomOrder"]


def listed(head, transforms):
    """``head(``, a line each, ``)``."""
    return "\n".join([f"{head}(", *[f"    {transform}" for transform in transforms], ")"])


class Compose:
    """One after the other.   torchvision: transforms.Compose

    >>> from minitorch.vision import transforms
    >>> transforms.Compose([transforms.Normalize([1.0], [2.0]), transforms.Lambda(torch.sum)])(torch.zeros(1, 2, 2))
    tensor(-2.)
    """

    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, img):
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self):
        return listed(type(self).__name__, self.transforms)


class Lambda:
    """Any function.   torchvision: transforms.Lambda"""

    def __init__(self, lambd):
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img):
        return self.lambd(img)

    def __repr__(self):
        return f"{type(self).__name__}()"


class RandomApply(Module):
    """All of them, with probability ``p``.   torchvision: transforms.RandomApply"""

    def __init__(self, transforms, p=0.5):
        super().__init__()
        self.transforms, self.p = transforms, p

    def forward(self, img):
        if self.p < rand(1):
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self):
        return listed(type(self).__name__, [f"p={self.p}", *self.transforms])


class Several:
    """Transforms to choose from, by Python's ``random`` as in torchvision: ``torch.manual_seed`` doesn't reach it."""

    def __init__(self, transforms):
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms

    def __repr__(self):
        return listed(type(self).__name__, self.transforms)


class RandomOrder(Several):
    """All of them, in an order of chance.   torchvision: transforms.RandomOrder"""

    def __call__(self, img):
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img


class RandomChoice(Several):
    """One of them, chosen with weights ``p``.   torchvision: transforms.RandomChoice"""

    def __init__(self, transforms, p=None):
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        self.p = p

    def __call__(self, *args):
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self):
        return f"{super().__repr__()}(p={self.p})"
