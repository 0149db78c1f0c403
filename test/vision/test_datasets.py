"""Datasets from files made here, whole and damaged, and real MNIST where it is at hand."""

import gzip
import hashlib
import io
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minitorch as torch
from minitorch.utils.data import DataLoader
from minitorch.vision import datasets, transforms

REAL = Path(__file__).resolve().parents[3] / "shared/data/mnist"


def idx_bytes(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype("u1").tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype("u1")
LABELS = np.array([3, 0, 9, 1, 3], "u1")


def write_mnist(root, name="MNIST", compress=False, change=None):
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for part, count in (("train", 5), ("t10k", 2)):
        for kind, array in (("images-idx3", IMAGES[:count]), ("labels-idx1", LABELS[:count])):
            file, data = f"{part}-{kind}-ubyte", idx_bytes(array)
            data = (change or {}).get(file, lambda data: data)(data)
            (folder / (f"{file}.gz" if compress else file)).write_bytes(gzip.compress(data) if compress else data)
    return root


# ---------------------------------------------------------------------------------------------------------
# MNIST


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("kind", [datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST])
def test_mnist_reads_its_files(tmp_path, kind, compress):
    write_mnist(tmp_path, kind.__name__, compress)
    train, test = kind(tmp_path, download=True), kind(str(tmp_path), train=False, transform=transforms.ToTensor())
    assert (len(train), len(test)) == (5, 2)
    assert train.data.dtype == torch.uint8 and train.targets.dtype == torch.int64
    np.testing.assert_array_equal(IMAGES, train.data.numpy())
    assert LABELS.tolist() == train.targets.tolist()

    image, label = train[2]
    assert (image.mode, image.size, label, type(label)) == ("L", (28, 28), 9, int)
    np.testing.assert_array_equal(IMAGES[2], np.asarray(image))
    assert test[1][0].shape == (1, 28, 28)
    assert len(train.classes) == 10 and train.class_to_idx[train.classes[7]] == 7


def test_mnist_describes_itself(tmp_path):
    write_mnist(tmp_path)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    expected = f"""Dataset MNIST
    Number of datapoints: 5
    Root location: {tmp_path}
    Split: Train
    StandardTransform
Transform: Compose(
               ToTensor()
               Normalize(mean=(0.1307,), std=(0.3081,))
           )"""
    assert expected == repr(datasets.MNIST(str(tmp_path), transform=transform))
    assert repr(datasets.MNIST(str(tmp_path), False)).endswith("Split: Test")


def test_transforms_of_image_and_target(tmp_path):
    write_mnist(tmp_path)
    dataset = datasets.MNIST(tmp_path, transform=lambda image: image.size, target_transform=lambda label: -label)
    assert dataset[0] == ((28, 28), -3)
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform can be passed as argument"):
        datasets.VisionDataset(tmp_path, transforms=abs, transform=abs)


def test_mnist_goes_through_workers(tmp_path):
    dataset = datasets.MNIST(write_mnist(tmp_path), transform=transforms.ToTensor())
    images, labels = next(iter(DataLoader(dataset, batch_size=5, num_workers=2)))
    assert labels.tolist() == LABELS.tolist()
    np.testing.assert_array_equal(IMAGES[:, None] / np.float32(255), images.numpy())


def cut(data):
    return data[:-3]


HUGE = bytes([0, 0, 8, 3]) + struct.pack(">3I", *[2**32 - 1] * 3) + bytes(10)
DAMAGED = {
    "cut": ("train-images-idx3-ubyte", cut, r"expected 3920 bytes of data of shape \(5, 28, 28\), found 3917"),
    "lies": ("train-images-idx3-ubyte", lambda data: HUGE, "expected 79228162458924105385300197375 bytes .* found 10"),
    "empty": ("train-labels-idx1-ubyte", lambda data: b"", "expected 8 bytes of header, found 0"),
    "long": ("train-labels-idx1-ubyte", lambda data: data + b"!", "announces 5 bytes of data, but more follow"),
    "page": ("train-labels-idx1-ubyte", lambda data: b"<!DOCTYPE html>", "begin with 00 00 08 01, found 3c 21 44 4f"),
    "few": ("train-labels-idx1-ubyte", lambda data: idx_bytes(LABELS[:4]), "5 images of train, but 4 labels"),
}


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("case", DAMAGED)
def test_mnist_says_what_is_wrong_with_a_file(tmp_path, case, compress):
    file, change, message = DAMAGED[case]
    write_mnist(tmp_path, compress=compress, change={file: change})
    with pytest.raises(ValueError, match=message):
        datasets.MNIST(tmp_path)


def test_damaged_gzip(tmp_path):
    write_mnist(tmp_path, compress=True)
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    for data, message in ((whole[:1000], "is cut short"), (whole[:-8] + bytes(8), "damaged gzip data: CRC check failed")):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=message):
            datasets.MNIST(tmp_path)


def test_mnist_that_is_not_there(tmp_path):
    with pytest.raises(RuntimeError, match="Dataset not found. You can use download=True to download it\n.*MNIST.raw"):
        datasets.MNIST(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"MNIST's files are not in {REAL}")
def test_real_mnist(tmp_path):
    folder = tmp_path / "MNIST/raw"
    folder.mkdir(parents=True)
    for path in REAL.glob("*.gz"):
        shutil.copy(path, folder)
    test = datasets.MNIST(tmp_path, train=False)
    assert len(test) == 10_000
    assert test.targets[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert test.targets.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert abs(test.data.double().mean().item() / 255 - 0.1325) < 1e-4


# ---------------------------------------------------------------------------------------------------------
# CIFAR


class Python2(pickle._Pickler):
    """Writes what Python 2 wrote: bytes as its strings, NumPy's functions under their old names."""

    def save_bytes(self, value):
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch = {**pickle._Pickler.dispatch, bytes: save_bytes}


def python2(value):
    file = io.BytesIO()
    Python2(file, protocol=2).dump(value)
    return file.getvalue().replace(b"cnumpy._core.multiarray", b"cnumpy.core.multiarray")


PIXELS = np.random.default_rng(1).integers(0, 256, (6, 3072)).astype("u1")
NAMES = ["airplane", "automobile"]


def write_cifar(root, dump=python2, batches=None):
    """A subclass of CIFAR10 whose files lie under ``root``, two images in each."""
    label = (lambda text: text.encode()) if dump is python2 else str
    contents = {f"batch_{k}": {label("data"): PIXELS[2 * k : 2 * k + 2], label("labels"): [k, 1]} for k in range(3)}
    contents["meta"] = {label("label_names"): [label(name) for name in NAMES], label("num_vis"): 3072}
    files = {name: dump(content) for name, content in contents.items()} | (batches or {})
    folder = root / "small"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    md5 = {name: hashlib.md5(data).hexdigest() for name, data in files.items()}

    class Small(datasets.CIFAR10):
        base_folder = "small"
        train_list = [[name, md5[name]] for name in ("batch_0", "batch_1")]
        test_list = [["batch_2", md5["batch_2"]]]
        meta = {"filename": "meta", "key": "label_names", "md5": md5["meta"]}

    return Small


@pytest.mark.parametrize("dump", [python2, lambda value: pickle.dumps(value, 2), pickle.dumps], ids=["python 2", "2", "now"])
def test_cifar_reads_its_batches(tmp_path, dump):
    kind = write_cifar(tmp_path, dump)
    train, test = kind(tmp_path), kind(tmp_path, train=False, transform=transforms.ToTensor())
    assert train.data.shape == (4, 32, 32, 3) and type(train.data) is np.ndarray
    np.testing.assert_array_equal(PIXELS[:4].reshape(4, 3, 32, 32).transpose(0, 2, 3, 1), train.data)
    assert (train.targets, test.targets) == ([0, 1, 1, 1], [2, 1])
    assert (train.classes, train.class_to_idx) == (NAMES, {"airplane": 0, "automobile": 1})
    image, label = train[3]
    assert (image.mode, image.size, label) == ("RGB", (32, 32), 1)
    np.testing.assert_array_equal(train.data[3], np.asarray(image))
    np.testing.assert_array_equal(test[1][0].numpy(), PIXELS[5].reshape(3, 32, 32) / np.float32(255))


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil"),))


class Lying:
    """Pickles as an array that says it is larger than it is."""

    def __reduce__(self):
        function, arguments, state = PIXELS[:1].__reduce__()
        return function, arguments, (1, (10**9, 3072), *state[2:])


BAD_BATCHES = {
    "code": (pickle.dumps({"data": Evil()}), "no dataset needs: it was not loaded"),
    "lies": (pickle.dumps({"data": Lying()}), r"an array of shape \(1000000000, 3072\) is said to have 3072 bytes"),
    "floats": (pickle.dumps({"data": np.zeros(3)}), "expected unsigned bytes"),
    "list": (pickle.dumps([1]), "expected a dict, found list"),
    "cut": (python2({b"data": PIXELS})[:-50], "not a batch of images"),
    "noise": (bytes(range(256)), "not a batch of images"),
}


@pytest.mark.parametrize("case", BAD_BATCHES)
def test_cifar_runs_nothing_and_says_what_is_wrong(tmp_path, case, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, message = BAD_BATCHES[case]
    with pytest.raises(ValueError, match=message):
        write_cifar(tmp_path, batches={"batch_1": data})(tmp_path)
    assert not (tmp_path / "evil").exists()


def test_cifar_that_is_not_there_or_changed(tmp_path):
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted. You can use download=True to download it"):
        datasets.CIFAR10(tmp_path)
    kind = write_cifar(tmp_path)
    (tmp_path / "small/batch_1").write_bytes(b"other")
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted"):
        kind(tmp_path)


# ---------------------------------------------------------------------------------------------------------
# Folders and noise


def write_folder(root):
    for path, size in (("dog/b.png", (4, 3)), ("dog/a.JPG", (5, 3)), ("cat/more/c.png", (2, 2)), ("cat/notes.txt", None)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if size is None:
            (root / path).touch()
        else:
            Image.new("L", size, 200).save(root / path)
    return root


def test_image_folder(tmp_path):
    dataset = datasets.ImageFolder(str(write_folder(tmp_path)), transform=transforms.PILToTensor())
    assert (dataset.classes, dataset.class_to_idx) == (["cat", "dog"], {"cat": 0, "dog": 1})
    paths = [(str(Path(path).relative_to(tmp_path)), label) for path, label in dataset.imgs]
    assert paths == [("cat/more/c.png", 0), ("dog/a.JPG", 1), ("dog/b.png", 1)]
    assert dataset.targets == [0, 1, 1] and len(dataset) == 3
    assert [tuple(image.shape) for image, _ in dataset] == [(3, 2, 2), (3, 3, 5), (3, 3, 4)]


def test_dataset_folder_takes_a_loader_and_a_test_of_files(tmp_path):
    write_folder(tmp_path)
    dataset = datasets.DatasetFolder(tmp_path, lambda path: Path(path).name, extensions=(".txt",), allow_empty=True)
    assert list(dataset) == [("notes.txt", 0)]
    dataset = datasets.ImageFolder(tmp_path, is_valid_file=lambda path: "b" in Path(path).name, allow_empty=True)
    assert len(dataset) == 1 and dataset[0][0].size == (4, 3)
    with pytest.raises(ValueError, match="Both extensions and is_valid_file cannot be None or not None at the same time"):
        datasets.DatasetFolder(tmp_path, str)
    with pytest.raises(FileNotFoundError, match=r"Found no valid file for the classes dog. Supported extensions are: .txt"):
        datasets.DatasetFolder(tmp_path, str, extensions=(".txt",))
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder in"):
        datasets.ImageFolder(tmp_path / "dog")


def test_fake_data_is_the_same_each_time_and_leaves_the_generator_alone():
    dataset = datasets.FakeData(3, (1, 4, 4), transform=transforms.ToTensor())
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = dataset[2]
    assert torch.equal(expected, torch.rand(1))
    assert torch.equal(first[0], dataset[2][0]) and first[1] == dataset[2][1]
    with pytest.raises(IndexError, match="FakeData index out of range"):
        dataset[3]
    assert len(list(dataset)) == 3
