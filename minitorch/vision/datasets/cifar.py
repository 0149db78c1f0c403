"""CIFAR-10 and CIFAR-100: 32×32 colour photographs.   Krizhevsky 2009, "Learning multiple layers of features"

    root/cifar-10-batches-py/data_batch_1 … data_batch_5      10,000 images each
    root/cifar-10-batches-py/test_batch
    root/cifar-10-batches-py/batches.meta                      the names of the classes

torchvision: datasets/cifar.py
"""

import os

from ...ops.joining import cat
from ..pillow import pillow
from .pickles import read_batch
from .utils import check_integrity, download_and_extract_archive
from .vision import VisionDataset

__all__ = ["CIFAR10", "CIFAR100"]


class CIFAR10(VisionDataset):
    """Ten classes: (Pillow image in RGB, label).   torchvision: datasets.CIFAR10

    root: where the folder of batches is. train: the training set, else the test set. download: fetch it if it isn't there.
    data: an array of unsigned bytes (N, 32, 32, 3); targets: a list of integers.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta = {"filename": "batches.meta", "key": "label_names", "md5": "5ff9c542aee3614f3951f8cda6e48888"}

    def __init__(self, root, train=True, transform=None, target_transform=None, download=False):
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                "Dataset not found or corrupted. You can use download=True to download it\n"
                f"or put its files into {self._path()}"
            )

        batches = [read_batch(self._path(file)) for file, _ in (self.train_list if train else self.test_list)]
        images = cat([batch["data"] for batch in batches]).view(-1, 3, 32, 32)
        self.data = images.permute(0, 2, 3, 1).numpy()
        self.targets = [target for batch in batches for target in batch.get("labels", batch.get("fine_labels"))]
        self._load_meta()

    def _path(self, file=""):
        return os.path.join(self.root, self.base_folder, file)

    def _load_meta(self):
        path = self._path(self.meta["filename"])
        if not check_integrity(path, self.meta["md5"]):
            raise RuntimeError(
                "Dataset metadata file not found or corrupted. You can use download=True to download it\n"
                f"it should be {path}"
            )
        self.classes = read_batch(path)[self.meta["key"]]
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}

    def __getitem__(self, index):
        return self.transformed(pillow().fromarray(self.data[index]), self.targets[index])

    def __len__(self):
        return len(self.data)

    def _check_integrity(self):
        return all(check_integrity(self._path(file), md5) for file, md5 in self.train_list + self.test_list)

    def download(self):
        """Fetch and unpack the archive, unless it is there whole. Raises RuntimeError."""
        if not self._check_integrity():
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def extra_repr(self):
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """A hundred classes.   torchvision: datasets.CIFAR100"""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {"filename": "meta", "key": "fine_label_names", "md5": "7973b15100ade9c7d40fb424638fde48"}
