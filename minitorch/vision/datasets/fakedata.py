"""Noise with labels, to try a program without its data.

torchvision: datasets/fakedata.py
"""

from ...random import fork_rng, manual_seed, randint, randn
from ..transforms import ToPILImage
from .vision import VisionDataset

__all__ = ["FakeData"]


class FakeData(VisionDataset):
    """Images of noise, each index always the same one, whatever was drawn before.   torchvision: datasets.FakeData

    Image i comes of the seed ``i + random_offset``; the generator stays where it was. Needs Pillow.
    """

    def __init__(self, size=1000, image_size=(3, 224, 224), num_classes=10, transform=None, target_transform=None,
                 random_offset=0):  # fmt: skip
        super().__init__(transform=transform, target_transform=target_transform)
        self.size, self.num_classes, self.image_size, self.random_offset = size, num_classes, image_size, random_offset

    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        with fork_rng():
            manual_seed(index + self.random_offset)
            image = randn(*self.image_size)
            target = randint(0, self.num_classes, size=(1,))[0]
        image, target = self.transformed(ToPILImage()(image), target)
        return image, target.item()

    def __len__(self):
        return self.size
