"""What is read, what is refused, and in which words."""

import collections
import datetime
import fractions
import gzip
import io
import os
import pickle
import zipfile

import numpy
import pytest
import torch
from oracle import agree, same_first_line

import minitorch


def file_of(lib, value):
    file = io.BytesIO()
    lib.save(value, file)
    file.seek(0)
    return file


def changed(file, old, new, entry="data.pkl"):
    """The archive with ``old`` replaced in one of its entries."""
    made = io.BytesIO()
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(made, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, content.replace(old, new) if name.endswith(entry) else content)
    made.seek(0)
    return made


def on_cuda(t):
    return changed(file_of(t, t.ones(1)), b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")


def elsewhere(t):
    return changed(file_of(t, t.ones(1)), b"X\x03\x00\x00\x00cpu", b"X\x03\x00\x00\x00abc")


class Odd:
    """Something that no file may contain."""


def whole_message(program, lib):
    try:
        program(lib)
    except Exception as error:
        return type(error).__name__, str(error)
    return None


@pytest.mark.parametrize("value", [fractions.Fraction(1, 2), os.system, numpy.float64(1), slice(1, 2), frozenset([1]), collections.deque([1])], ids=repr)
def test_what_is_refused(value):
    def program(t):
        return t.load(file_of(t, value))

    expected = whole_message(program, torch)
    assert expected is not None and expected == whole_message(program, minitorch)


def test_refused_operations():
    def program(t):
        return t.load(changed(file_of(t, [1]), b"]", b"\x8f"))

    same_first_line(program)


class Attack:
    def __reduce__(self):
        return print, ("owned",)


@pytest.mark.parametrize(
    "text",
    [
        pickle.dumps(Attack(), 2),
        b"\x80\x02ctorch\nTensor\n)R.",
        b"\x80\x02ctorch\nFloatStorage\n(X\x01\x00\x00\x00aK\x01u.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x08\x00\x00\x00__code__Ns\x86b.",
        b"\x80\x02]K\x01e.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00bz2\x86R.",
        b"\x80\x02ctorch\nTensor\nN}X\x07\x00\x00\x00__add__Ns\x86b.",
    ],
    ids=["reduce", "tensor", "class-item", "function-build", "append", "codec", "class-build"],
)
def test_hostile_pickles(text, capsys):
    file = changed(file_of(minitorch, None), b"\x80\x02N.", text)
    add = minitorch.Tensor.__add__
    with pytest.raises((pickle.UnpicklingError, LookupError, AttributeError)):
        minitorch.load(file)
    assert capsys.readouterr().out == "" and minitorch.Tensor.__add__ is add


@pytest.mark.parametrize(
    "program",
    [
        lambda t: t.load(io.BytesIO(b"")),
        lambda t: t.load(3),
        lambda t: t.load("/nowhere/at/all.pt"),
        lambda t: t.load(io.BytesIO(file_of(t, t.zeros(1000)).getvalue()[:500])),
        lambda t: t.load(io.BytesIO(b"garbage")),
        lambda t: t.load(io.BytesIO(b"garbage"), weights_only=False),
        lambda t: t.load(file_of(t, 1), mmap=True),
        lambda t: t.load(file_of(t, 1), weights_only=True, pickle_module=pickle),
        lambda t: t.load(changed(file_of(t, t.ones(1)), b"X\x01\x00\x00\x000", b"X\x01\x00\x00\x007")),
        lambda t: t.load(on_cuda(t)),
        lambda t: t.load(elsewhere(t)),
        lambda t: t.load(file_of(t, t.ones(1)), map_location="cuda"),
        lambda t: t.load(file_of(t, t.ones(1)), map_location={"cpu": "cuda:0"}),
        lambda t: t.load(file_of(t, t.ones(1)), map_location=3),
    ],
)
def test_errors_in_pytorch_words(program):
    outcomes = [whole_message(program, t) for t in (torch, minitorch)]
    assert outcomes[0] is not None
    assert [(kind, text.partition("\n")[0]) for kind, text in outcomes][0][0] == outcomes[1][0]
    first = outcomes[0][1].partition("\n")[0]
    assert outcomes[1][1].startswith(first)


@pytest.mark.parametrize("where", ["cpu", {"cuda:0": "cpu"}, "device", "function", "nothing"])
def test_places(where):
    def program(t):
        asked = []

        def move(storage, location):
            asked.append((location, storage.nbytes(), str(storage.device)))
            return storage if where == "function" else None

        place = {"device": t.device("cpu")}.get(where, move) if where in ("device", "function", "nothing") else where
        file = file_of(t, [t.ones(1)]) if where == "nothing" else on_cuda(t)
        return t.load(file, map_location=place), asked

    agree(program)


def test_storage_too_small():
    file = changed(file_of(minitorch, minitorch.ones(3)), b"K\x03\x85", b"K\x09\x85")
    with pytest.raises(RuntimeError, match="out of bounds for storage of size 12"):
        minitorch.load(file)


@pytest.mark.parametrize("size, stride, offset", [((3,), (-1,), 2), ((2,), (1,), -1), ((2**62,), (4,), 0), ((1,), (1,), 2**61)])
def test_no_view_leaves_its_storage(size, stride, offset):
    from minitorch.serialization.rebuilding import rebuild_tensor_v2

    storage = minitorch.ones(3).storage()
    with pytest.raises((RuntimeError, OverflowError)):
        rebuild_tensor_v2(storage, offset, size, stride, False, None)


def test_other_order_of_bytes():
    file = file_of(minitorch, minitorch.tensor([1, 2**40]))
    raw = minitorch.tensor([1, 2**40]).numpy()
    file = changed(changed(file, b"little", b"big", "byteorder"), raw.tobytes(), raw.byteswap().tobytes(), "data/0")
    assert torch.load(io.BytesIO(file.getvalue())).tolist() == minitorch.load(file).tolist() == [1, 2**40]


def test_safe_globals():
    def program(t):
        s = t.serialization
        before = s.get_safe_globals() if t is minitorch else []
        unsafe = s.get_unsafe_globals_in_checkpoint(file_of(t, fractions.Fraction(1, 2)))
        with s.safe_globals([fractions.Fraction]):
            inside = t.load(file_of(t, fractions.Fraction(1, 2)))
        s.add_safe_globals([(Odd, f"{Odd.__module__}.Odd")])
        odd = Odd()
        odd.a = 1
        known = t.load(file_of(t, odd)).a
        s.clear_safe_globals()
        return before, unsafe, inside, known, s.get_safe_globals()

    agree(program)


Pair = collections.namedtuple("Pair", "a b")
def test_blocked_modules_stay_blocked():
    def program(t):
        with t.serialization.safe_globals([os.system]):
            return t.load(file_of(t, os.system))

    same_first_line(program)
    assert "whose module posix is blocked" in whole_message(program, minitorch)[1] or os.name != "posix"


VALUES = [
    collections.defaultdict(list, {1: [2]}), Pair(1, 2), datetime.date(2020, 1, 1), range(3), ..., -(1 << 80), float("nan"), "\ud800", 1 + 2j, b"x" * 300,
    bytearray(b"\xff" * 300), bytearray(), [[[[]]]], set(), int, numpy.arange(3), b"",
]  # fmt: skip


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_else_is_in_files(value, legacy):
    def program(t):
        file = io.BytesIO()
        t.save(value, file, _use_new_zipfile_serialization=not legacy)
        file.seek(0)
        return repr(t.load(file))

    same_first_line(program) if value is ... else agree(program)


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_protocols(protocol):
    def program(t):
        file = io.BytesIO()
        t.save({"x": t.ones(2), "s": "text"}, file, pickle_protocol=protocol)
        file.seek(0)
        return t.load(file, weights_only=False)

    agree(program)


@pytest.mark.parametrize("legacy", [False, True])
def test_files_that_compress(tmp_path, legacy):
    for writer, reader in ((torch, minitorch), (minitorch, torch), (minitorch, minitorch)):
        with gzip.open(tmp_path / "file.gz", "wb") as file:
            writer.save(writer.arange(1000), file, _use_new_zipfile_serialization=not legacy)
        with gzip.open(tmp_path / "file.gz", "rb") as file:
            assert reader.load(file).tolist() == list(range(1000))


def test_a_file_in_a_file():
    def program(t):
        file = io.BytesIO(b"before it")
        file.seek(9)
        t.save(t.arange(3), file)
        file.seek(9)
        return t.load(file)

    agree(program)


@pytest.mark.parametrize("only, force, force_not", [(False, "1", ""), (False, "1", "yes"), (None, "", "y"), (False, "", "y"), (True, "", "y")])
@pytest.mark.filterwarnings("ignore:Environment variable")
def test_the_environment_decides(only, force, force_not, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", force)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", force_not)
    agree(lambda t: t.load(file_of(t, range(3)), weights_only=only))


def test_a_pickle_module_of_ones_own():
    class Own:
        class Unpickler(pickle.Unpickler):
            def find_class(self, module, name):
                return super().find_class(module, name) if name != "Fraction" else lambda text: f"1/2 as {text}"

    agree(lambda t: t.load(file_of(t, [fractions.Fraction(1, 2), t.ones(1)]), pickle_module=Own))


BOMBS = {
    "a tuple of two of a tuple of two of …": b")" + b"q\x00h\x00h\x00\x86" * 60 + b"}" + b"h\x00Ns",
    "a deep key": b"}N" + b"\x85" * 200_000 + b"Ns",
    "a long bytearray": b"c__builtin__\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R",
    "a large storage": b"ctorch\nFloatStorage\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85\x81",
    "copies": b"X\x40\x42\x0f\x00" + b"a" * 1_000_000 + b"q\x09" + b"c_codecs\nencode\nh\x09\x85R" * 3000,
    "slow codec": b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x08\x00\x00\x00punycode\x86R",
}


@pytest.mark.parametrize("name", BOMBS)
def test_short_files_that_would_make_much_work(name):
    with pytest.raises(pickle.UnpicklingError):
        minitorch.load(changed(file_of(minitorch, None), b"\x80\x02N.", b"\x80\x02" + BOMBS[name] + b"."))


def entries_of(change):
    """A good archive, its entries changed by ``change(name, content)``, which returns those to write instead of each."""
    made = io.BytesIO()
    with zipfile.ZipFile(file_of(minitorch, [minitorch.ones(3)])) as before, zipfile.ZipFile(made, "w") as after:
        for name in before.namelist():
            for new, content, method in change(name, before.read(name)):
                after.writestr(new, content, method)
    made.seek(0)
    return made


ARCHIVES = {
    "compressed": (lambda name, content: [(name, content, zipfile.ZIP_DEFLATED)], "it is compressed or encrypted"),
    "two of a name": (lambda name, content: [(name, content, 0)] * (1 + name.endswith("data/0")), "two entries have one name"),
    "outside": (lambda name, content: [("../../" + name, content, 0)], "locating file data.pkl: file not found"),
    "longer": (lambda name, content: [(name, content + b"x" * name.endswith("/0"), 0)], "it has 13 bytes, and 3 elements"),
    "order": (lambda name, content: [(name, b"middle" if name.endswith("order") else content, 0)], "Unknown endianness type: middle"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", ARCHIVES)
def test_archives_that_are_refused(case):
    change, words = ARCHIVES[case]
    with pytest.raises((RuntimeError, ValueError), match=words):
        minitorch.load(entries_of(change))


def test_changed_bytes_are_noticed_unless_sums_are_switched_off():
    file = file_of(minitorch, minitorch.ones(300))
    spoiled = io.BytesIO(file.getvalue().replace(minitorch.ones(2).numpy().tobytes(), minitorch.full((2,), 2.0).numpy().tobytes(), 1))
    with pytest.raises(RuntimeError, match="its bytes aren't those that were saved"):
        minitorch.load(spoiled)
    minitorch.serialization.set_crc32_options(False)
    try:
        assert minitorch.load(spoiled).sum() == 302
    finally:
        minitorch.serialization.set_crc32_options(True)
