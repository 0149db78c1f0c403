"""The examples under both libraries: the same source text, with ``minitorch`` replaced by ``torch`` for the oracle.

Same seed, so the same weights, the same order of samples, the same dropout and, to rounding, the same losses.
"""

import ast
import gzip
import io
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
MNIST = ROOT.parent / "shared" / "data" / "mnist"
LIBRARIES = ["torch", "minitorch"]

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
pytest.importorskip("matplotlib", reason="the digits example draws a picture")
sys.path.append(str(EXAMPLES))  # mnist.py imports its neighbour idx.py

import idx  # noqa: E402


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def load(name, library, draw=False):
    """An example as a module that imports ``library``; its picture, which takes a second, only where it is wanted."""
    path = EXAMPLES / f"{name}.py"
    module = types.ModuleType(f"{library}_{name}")
    module.__file__ = str(path)
    source = path.read_text(encoding="utf-8").replace("minitorch", library)
    exec(compile(source, path, "exec"), module.__dict__)
    if hasattr(module, "draw") and not draw:
        module.draw = lambda *_args: None
    return module


def run(name, library, argv):
    """Run an example's command line: (losses, the targets of every batch in order, what it sampled)."""
    module = load(name, library)
    order, samples = [], []

    def recorded(function, record, chosen):
        def recorder(*args, **kwargs):
            result = function(*args, **kwargs)
            record.append(chosen(result))
            return result

        return recorder

    if hasattr(module, "DataLoader"):

        class Recorder(module.DataLoader):
            def __iter__(self):
                for batch in super().__iter__():
                    order.append(batch[-1].tolist())
                    yield batch

        module.DataLoader = Recorder
    if hasattr(module, "batch"):
        module.batch = recorded(module.batch, order, lambda batch: batch[-1].tolist())
    if hasattr(module, "sample"):
        module.sample = recorded(module.sample, samples, lambda sample: getattr(sample, "tolist", lambda: sample)())
    return module.main([str(arg) for arg in argv]), order, samples


# ---- MNIST's files, made up ------------------------------------------------------------------------------------------


def idx_bytes(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_mnist(folder, training=1280, testing=64, compress=False):
    """Four idx files of made-up images: each digit is a bar at its own height, hard to see in the noise.

    Hard, because a network that is quite sure has a loss of a few last bits, and no two libraries agree on those.
    """
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in [("train", training), ("t10k", testing)]:
        labels = random.integers(0, 10, count).astype(np.uint8)
        images = random.integers(0, 200, (count, 28, 28)).astype(np.uint8)
        for image, label in zip(images, labels):
            image[4 + 2 * label : 6 + 2 * label, 4:24] += 50
        for name, array in [("images-idx3", images), ("labels-idx1", labels)]:
            data, suffix = idx_bytes(array), ".gz" if compress else ""
            (folder / f"{part}-{name}-ubyte{suffix}").write_bytes(gzip.compress(data) if compress else data)
    return folder


@pytest.fixture(scope="module")
def made_up_mnist(tmp_path_factory):
    return write_mnist(tmp_path_factory.mktemp("mnist") / "plain")


# ---- both libraries go the same way ----------------------------------------------------------------------------------

SMALL_GPT = ["--steps", 100, "--batch-size", 4, "--block", 16, "--layers", 2, "--width", 16, "--sample", 40]
PROGRAMS = {
    # name: (example, arguments, steps compared)
    "digits": ("digits", ["--epochs", 5, "--out", "OUT"], 100),
    "mnist mlp": ("mnist", ["--data", "MADE UP", "--model", "mlp", "--epochs", 5], 100),
    "mnist mlp, real": ("mnist", ["--data", "MNIST", "--model", "mlp", "--limit", 1600, "--epochs", 4], 100),
    # ReLU and max pooling have kinks, where rounding decides: over more steps any two libraries drift apart.
    "mnist cnn": ("mnist", ["--data", "MADE UP", "--limit", 64, "--batch-size", 8, "--epochs", 3], 20),
    "mnist cnn, real": ("mnist", ["--data", "MNIST", "--limit", 128, "--batch-size", 8, "--epochs", 1], 16),
    "names mlp": ("names", ["--steps", 100], 100),
    "names rnn": ("names", ["--steps", 100, "--model", "rnn"], 100),
    "resume": ("resume", ["--steps", 100, "--samples", 500, "--out", "OUT"], 100),
    "gpt": ("gpt", ["--data", EXAMPLES / "names.py", *SMALL_GPT], 100),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_losses_orders_and_samples_equal_pytorchs(program, tmp_path, made_up_mnist):
    example, argv, steps = PROGRAMS[program]
    if "MNIST" in argv and not MNIST.is_dir():
        pytest.skip(f"MNIST's files are not in {MNIST}")

    def run_with(library):
        places = {"OUT": tmp_path / library, "MADE UP": made_up_mnist, "MNIST": MNIST}
        return run(example, library, [places.get(arg, arg) for arg in argv])

    expected_losses, expected_order, expected_samples = run_with("torch")
    losses, order, samples = run_with("minitorch")

    assert expected_order == order and len(order) >= steps
    assert len(expected_losses) == len(losses) >= steps
    np.testing.assert_allclose(losses[:steps], expected_losses[:steps], rtol=1e-4)
    assert expected_samples == samples
    if example == "digits":
        assert_checkpoints_agree(tmp_path / "torch/checkpoint.npz", tmp_path / "minitorch/checkpoint.npz")


def assert_checkpoints_agree(expected_path, path):
    """Equal losses are not enough: running statistics, and weights that the loss doesn't feel, are looked at too."""
    with np.load(expected_path) as expected, np.load(path) as saved:
        assert expected.files == saved.files and len(saved.files) > 40
        assert str(expected["plain"]) == str(saved["plain"])
        for name in saved.files:
            if name.startswith("model."):
                assert expected[name].dtype == saved[name].dtype
                np.testing.assert_allclose(saved[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("example", ["digits", "mnist", "names", "gpt", "resume"])
def test_example_is_an_ordinary_program_but_for_its_imports(example):
    allowed = {
        "import minitorch as torch",
        "import minitorch.nn as nn",
        "import minitorch.nn.functional as F",
        "from minitorch.utils.data import DataLoader, TensorDataset",
    }
    tree = ast.parse((EXAMPLES / f"{example}.py").read_text(encoding="utf-8"))
    ours = [node for node in ast.walk(tree) if "minitorch" in ast.dump(node) and isinstance(node, ast.stmt)]
    docstring, imports = ours[0], ours[1:]
    assert isinstance(docstring, ast.Expr)
    assert {ast.unparse(node) for node in imports} <= allowed and len(imports) >= 3


# ---- digits ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder that the demo fills, and what it prints."""
    out, printed = tmp_path_factory.mktemp("digits"), io.StringIO()
    before, sys.stdout = sys.stdout, printed
    try:
        load("digits", "minitorch", draw=True).main(["--out", str(out)])
    finally:
        sys.stdout = before
    return out, printed.getvalue().splitlines()


def test_digits_reach_98_percent_on_held_out_digits(trained):
    out, printed = trained
    words = printed[-1].split()
    assert words[:5] == ["accuracy", "on", "360", "held-out", "digits:"]
    assert float(words[5]) >= 98
    assert (out / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in out.iterdir()) == ["checkpoint.npz", "digits.png"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_digits_checkpoint_predicts_the_same_in_both_libraries(trained, capsys, library):
    out, printed = trained
    load("digits", library).main(["--predict", "--out", str(out)])
    assert printed[-1] == capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("library", LIBRARIES)
def test_digits_run_that_was_stopped_ends_with_the_same_bits(tmp_path, library):
    settings = ["--epochs", "3", "--batch-size", "256"]
    expected = load("digits", library).main([*settings, "--out", str(tmp_path / "unbroken")])

    stopped = load("digits", library)
    save = stopped.save_checkpoint

    def save_then_stop(*args):
        save(*args)
        raise KeyboardInterrupt

    stopped.save_checkpoint = save_then_stop
    for resume in ([], ["--resume"]):
        with pytest.raises(KeyboardInterrupt):
            stopped.main([*settings, *resume, "--out", str(tmp_path / "stopped")])
    losses = load("digits", library).main([*settings, "--resume", "--out", str(tmp_path / "stopped")])

    assert expected == losses
    with np.load(tmp_path / "unbroken/checkpoint.npz") as one, np.load(tmp_path / "stopped/checkpoint.npz") as other:
        assert sorted(one.files) == sorted(other.files) and len(one.files) > 40
        for name in one.files:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_digits_checkpoint_survives_a_failed_save(tmp_path, monkeypatch):
    digits = load("digits", "minitorch")
    settings = ["--epochs", "1", "--batch-size", "256", "--out", str(tmp_path)]
    digits.main(settings)
    before = (tmp_path / "checkpoint.npz").read_bytes()

    def fail(*_args, **_kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space left"):
        digits.main(settings)
    assert before == (tmp_path / "checkpoint.npz").read_bytes()


def test_digits_says_what_is_wrong_with_a_checkpoint(tmp_path):
    digits = load("digits", "minitorch")
    for flag in ("--resume", "--predict"):
        with pytest.raises(SystemExit, match="checkpoint.npz does not exist: train first"):
            digits.main([flag, "--out", str(tmp_path)])
    digits.main(["--epochs", "1", "--batch-size", "256", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="is of a run with .*'seed': 0"):
        digits.main(["--resume", "--seed", "1", "--epochs", "1", "--batch-size", "256", "--out", str(tmp_path)])


@pytest.mark.parametrize("first, second", [("torch", "minitorch"), ("minitorch", "torch")])
def test_a_run_begun_under_one_library_goes_on_under_the_other(tmp_path, first, second):
    settings = ["--samples", "300", "--out"]
    expected = load("resume", "torch").main([*settings, str(tmp_path / "unbroken"), "--steps", "50"])
    losses = load("resume", first).main([*settings, str(tmp_path / "moved"), "--steps", "27"])
    losses += load("resume", second).main([*settings, str(tmp_path / "moved"), "--steps", "50"])
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


# ---- reading idx files -----------------------------------------------------------------------------------------------

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "array", [IMAGES, np.zeros((0, 28, 28), np.uint8), np.arange(7, dtype=np.uint8)], ids=lambda array: str(array.shape)
)
@pytest.mark.parametrize("compress", [False, True])
def test_idx_reads_plain_and_gzipped(tmp_path, array, compress):
    data = idx_bytes(array)
    path = tmp_path / "file"  # known as gzip by its first bytes, whatever its name
    path.write_bytes(gzip.compress(data) if compress else data)
    values = idx.read(path, array.ndim)
    assert (array.shape, array.dtype) == (values.shape, values.dtype)
    np.testing.assert_array_equal(array, values)


GOOD = idx_bytes(IMAGES)
HUGE = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(10)
BAD_FILES = {
    "empty": (b"", "expected 16 bytes of header, found 0"),
    "cut in the header": (GOOD[:9], "expected 16 bytes of header, found 9"),
    "cut in the data": (GOOD[:-5], r"expected 24 bytes of data of shape \(2, 3, 4\), found 19"),
    "too long": (GOOD + b"!", "announces 24 bytes of data, but more follow"),
    "other type": (bytes([0, 0, 13, 3]) + GOOD[4:], "expected it to begin with 00 00 08 03, found 00 00 0d 03"),
    "labels for images": (bytes([0, 0, 8, 1]) + GOOD[4:], "begin with 00 00 08 03, found 00 00 08 01"),
    "no idx at all": (b"<!DOCTYPE html><html>", "begin with 00 00 08 03, found 3c 21 44 4f"),
    "header that lies": (HUGE, "expected 79228162458924105385300197375 bytes .* found 10"),
}


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("case", BAD_FILES)
def test_idx_names_what_is_wrong(tmp_path, case, compress):
    data, message = BAD_FILES[case]
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(data) if compress else data)
    with pytest.raises(ValueError, match=message) as caught:
        idx.read(path, 3)
    assert str(path) in str(caught.value)


def test_idx_damaged_gzip(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (4, 28, 28)).astype(np.uint8)
    whole = gzip.compress(idx_bytes(noise))
    path = tmp_path / "images.gz"

    path.write_bytes(whole[:1000])
    with pytest.raises(ValueError, match=r"images.gz: the file is cut short .* expected 3136 bytes .* found \d+"):
        idx.read(path, 3)

    path.write_bytes(whole[:-8] + bytes(8))
    with pytest.raises(ValueError, match="images.gz: damaged gzip data: CRC check failed"):
        idx.read(path, 3)


def test_idx_find_prefers_plain_and_says_where_to_get_the_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"neither .*labels nor labels.gz .*\n.*https://"):
        idx.find(tmp_path, "labels")
    (tmp_path / "labels.gz").touch()
    assert tmp_path / "labels.gz" == idx.find(tmp_path, "labels")
    (tmp_path / "labels").touch()
    assert tmp_path / "labels" == idx.find(tmp_path, "labels")


# ---- mnist, names and gpt: bad input ---------------------------------------------------------------------------------


def test_mnist_trains_the_same_on_plain_and_gzipped_files(tmp_path, made_up_mnist):
    zipped = write_mnist(tmp_path, compress=True)
    argv = ["--model", "mlp", "--epochs", "1", "--data"]
    mnist = load("mnist", "minitorch")
    assert mnist.main([*argv, str(made_up_mnist)]) == mnist.main([*argv, str(zipped)])


def overwrite(name, array):
    return lambda folder: (folder / name).write_bytes(idx_bytes(array))


LABELS, SMALL = "train-labels-idx1-ubyte", "train-images-idx3-ubyte"
BAD_FOLDERS = {
    "a file is missing": (lambda folder: (folder / LABELS).unlink(), f"{LABELS} nor .* exists"),
    "fewer labels": (overwrite(LABELS, np.zeros(19, np.uint8)), f"{LABELS}: expected 20 labels, .* found 19"),
    "label 10": (overwrite(LABELS, np.full(20, 10, np.uint8)), f"{LABELS}: expected labels from 0 to 9, found 10"),
    "other size": (overwrite(SMALL, IMAGES), f"{SMALL}: expected images of 28x28 pixels, found 3x4"),
    "a file is cut": (lambda folder: (folder / SMALL).write_bytes(GOOD[:-1]), "expected 24 bytes .* found 23"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_mnist_names_what_is_wrong_with_its_data(tmp_path, case):
    spoil, message = BAD_FOLDERS[case]
    spoil(write_mnist(tmp_path, training=20, testing=20))
    with pytest.raises(SystemExit, match=message):
        load("mnist", "minitorch").main(["--data", str(tmp_path)])


def test_mnist_wants_to_know_where_the_data_are(capsys):
    with pytest.raises(SystemExit):
        load("mnist", "minitorch").main([])
    assert "the following arguments are required: --data" in capsys.readouterr().err


def test_names_and_gpt_name_what_is_wrong_with_their_data(tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("anna\nAnna \n\neva\n", encoding="utf-8")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\xff")

    names, gpt = load("names", "minitorch"), load("gpt", "minitorch")
    for example, path, message in [
        (names, tmp_path / "absent", "absent does not exist"),
        (names, short, "short.txt has 2 different names: at least 20 are needed"),
        (gpt, tmp_path / "absent", "cannot read .*absent"),
        (gpt, binary, "cannot read .*binary as UTF-8 text"),
        (gpt, short, "the text has 16 characters: blocks of 64 need at least 1280"),
    ]:
        with pytest.raises(SystemExit, match=message):
            example.main(["--data", str(path)])


def test_gpt_reads_the_librarys_own_source():
    text = load("gpt", "minitorch").read_text(None, block=64)
    assert "class Tensor" in text
