"""What is read, what is refused, and in which words."""

import collections
import fractions
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
