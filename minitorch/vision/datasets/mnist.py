"""MNIST, and the datasets that took its format: 28×28 gray images of ten classes.

    root/MNIST/raw/train-images-idx3-ubyte         60,000 images, plain or as .gz
    root/MNIST/raw/train-labels-idx1-ubyte
    root/MNIST/raw/t10k-images-idx3-ubyte          10,000 for testing
    root/MNIST/raw/t10k-labels-idx1-ubyte

torchvision: datasets/mnist.py
"""

import os
import warnings

from ...dtypes import int64
from ..pillow import image_from
from .idx import find_idx, read_idx
from .utils import download_from_mirrors, extract_archive
from .vision import VisionDataset

__all__ = ["FashionMNIST", "KMNIST", "MNIST"]


class MNIST(VisionDataset):
    """Handwritten digits: (Pillow image of mode "L", label).   LeCun, Bottou, Bengio & Haffner 1998

    root: where ``MNIST/raw`` is. train: the training set, else the test set. download: fetch what isn't there.
    data: uint8 (N, 28, 28); targets: int64 (N). Damaged files raise ValueError; what isn't there, RuntimeError.
    torchvision: datasets.MNIST
    """

    mirrors = ["https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    """The files, and their MD5 checksums."""
    classes = [
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven", "8 - eight",
        "9 - nine",
    ]  # fmt: skip

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                "Dataset not found. You can use download=True to download it\n"
                f"or put its four files, plain or as .gz, into {self.raw_folder}"
            )
        self.data, self.targets = self._load_data()

    def _load_data(self):
        part = "train" if self.train else "t10k"
        data = read_idx(find_idx(self.raw_folder, f"{part}-images-idx3-ubyte"), 3)
        targets = read_idx(find_idx(self.raw_folder, f"{part}-labels-idx1-ubyte"), 1)
        if len(data) != len(targets):
            raise ValueError(f"{self.raw_folder}: {len(data)} images of {part}, but {len(targets)} labels")
        return data, targets.to(int64)

    def __getitem__(self, index):
        return self.transformed(image_from(self.data[index], "L"), int(self.targets[index]))

    def __len__(self):
        return len(self.data)

    @property
    def raw_folder(self):
        """Where the files are."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def processed_folder(self):
        """Where old versions of torchvision kept copies. Nothing is read from there."""
        return os.path.join(self.root, type(self).__name__, "processed")

    @property
    def class_to_idx(self):
        """{name: number}"""
        return {name: number for number, name in enumerate(self.classes)}

    def _missing(self):
        return [(file, md5) for file, md5 in self.resources if not find_idx(self.raw_folder, file.removesuffix(".gz"))]

    def _check_exists(self):
        return not self._missing()

    def download(self):
        """Fetch the files that aren't there, from the first mirror that has them whole. Raises RuntimeError."""
        for file, md5 in self._missing():
            download_from_mirrors([mirror + file for mirror in self.mirrors], self.raw_folder, file, md5)
            extract_archive(os.path.join(self.raw_folder, file))

    def extra_repr(self):
        return f"Split: {'Train' if self.train else 'Test'}"

    @property
    def train_labels(self):
        """The old name of ``targets``."""
        warnings.warn("train_labels has been renamed targets", stacklevel=2)
        return self.targets

    @property
    def test_labels(self):
        """The old name of ``targets``."""
        warnings.warn("test_labels has been renamed targets", stacklevel=2)
        return self.targets

    @property
    def train_data(self):
        """The old name of ``data``."""
        warnings.warn("train_data has been renamed data", stacklevel=2)
        return self.data

    @property
    def test_data(self):
        """The old name of ``data``."""
        warnings.warn("test_data has been renamed data", stacklevel=2)
        return self.data


class FashionMNIST(MNIST):
    """Clothes.   Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747.   torchvision: datasets.FashionMNIST"""

    mirrors = [
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


class KMNIST(MNIST):
    """Cursive Japanese letters.   Clanuwat et al. 2018, arXiv:1812.01718.   torchvision: datasets.KMNIST"""

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
