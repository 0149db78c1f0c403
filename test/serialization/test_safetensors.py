"""The safetensors format against the public library, both ways."""

import io
import json
import os
import struct
import subprocess
import sys

import pytest
import safetensors
import safetensors.torch as theirs
import torch
from oracle import agree, assert_same, plain

import minitorch
from minitorch.serialization import safetensors as ours

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "uint16", "uint32", "uint64")


def tensors(t):
    made = {name: t.tensor([[1, 0, 1], [0, 1, 2]]).to(getattr(t, name)) for name in DTYPES}
    return {**made, "0-d": t.tensor(2.5), "empty": t.zeros(0, 3), "na\"me é": t.zeros(1), "part": t.arange(9.0)[3:6]}


def test_the_same_bytes():
    for metadata in (None, {"format": "pt", "a": "é"}):
        if metadata is None or len(metadata) == 1:
            assert theirs.save(tensors(torch), metadata) == ours.save(tensors(minitorch), metadata)
        got = ours.load(theirs.save(tensors(torch), metadata))
        assert_same(plain(dict(sorted(theirs.load(ours.save(tensors(minitorch), metadata)).items()))), plain(got))


def test_files_both_ways(tmp_path):
    theirs.save_file(tensors(torch), tmp_path / "theirs", {"k": "v"})
    ours.save_file(tensors(minitorch), tmp_path / "ours", {"k": "v"})
    expected = theirs.load_file(tmp_path / "theirs")
    assert_same(plain(expected), plain({name: ours.load_file(tmp_path / "theirs")[name] for name in expected}))
    assert_same(plain(expected), plain(dict(theirs.load_file(tmp_path / "ours"))))
    os.rename(tmp_path / "ours", tmp_path / "ours.safetensors")
    assert_same(plain(expected), plain({name: minitorch.load(tmp_path / "ours.safetensors", "cpu")[name] for name in expected}))


@pytest.mark.parametrize("where", [None, "cpu", "device", {"cpu": "cpu"}, lambda storage, location: storage])
def test_by_the_name_of_the_file(where, tmp_path):
    theirs.save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    agree(lambda t: t.load(tmp_path / "a.safetensors", t.device("cpu") if where == "device" else where))


SLICES = [(0,), (slice(None), slice(1, None)), (-1,), (Ellipsis, 1), (slice(0, 2, 2),), (1, 2), (5,), (0, 0, 0)]


def test_lazily(tmp_path):
    theirs.save_file(tensors(torch), tmp_path / "file", {"k": "v"})

    def everything(lib, name):
        with lib.safe_open(tmp_path / "file", "pt") as file:
            piece = file.get_slice(name)
            return sorted(file.keys()), file.metadata(), sorted(file.offset_keys()), piece.get_shape(), piece.get_dtype(), plain(file.get_tensor(name))

    for name in ("bfloat16", "int64", "0-d"):
        assert_same(list(everything(safetensors, name)), list(everything(ours, name)))
    with safetensors.safe_open(tmp_path / "file", "pt") as one, ours.safe_open(tmp_path / "file", "pt") as other:
        for index in SLICES:
            outcomes = []
            for file in (one, other):
                try:
                    outcomes.append(plain(file.get_slice("int32")[index]))
                except IndexError as error:
                    outcomes.append(type(error))
            assert_same(*outcomes)
        for file, error in ((one, safetensors.SafetensorError), (other, ours.SafetensorError)):
            with pytest.raises(error, match="File does not contain tensor zz"):
                file.get_tensor("zz")
    with pytest.raises(ours.SafetensorError, match="File is closed"):
        other.get_tensor("int32")
    for lib in (safetensors, ours):
        with pytest.raises(lib.SafetensorError, match="framework xx is invalid"):
            lib.safe_open(tmp_path / "file", "xx")
        with pytest.raises(FileNotFoundError, match="No such file or directory: .*none"):
            lib.safe_open(tmp_path / "none", "pt")


def test_what_is_written_to_a_mapped_tensor_stays_here(tmp_path):
    ours.save_file({"a": minitorch.zeros(3)}, tmp_path / "file")
    x = ours.load_file(tmp_path / "file")["a"]
    x.add_(1)
    assert x.tolist() == [1, 1, 1] and ours.load_file(tmp_path / "file")["a"].tolist() == [0, 0, 0]
    ours.save_file({"a": x}, tmp_path / "file")
    assert ours.load_file(tmp_path / "file")["a"].tolist() == [1, 1, 1]


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(**changes):
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


BAD = {
    "empty": b"", "short": b"abc", "too large": struct.pack("<Q", 2**40) + b"{}", "too long": struct.pack("<Q", 100) + b"{}", "no JSON": raw(b"{nope}"), "a list": raw([1]),
    "no UTF-8": raw(b"\xff\xfe"), "more behind": raw(entry(), bytes(9)), "cut": raw(entry(), bytes(7)), "too few bytes": raw(entry(data_offsets=[0, 4]), bytes(4)),
    "a hole": raw(entry(data_offsets=[4, 12]), bytes(12)), "negative": raw(entry(data_offsets=[-8, 0]), bytes(8)), "backwards": raw(entry(data_offsets=[8, 0]), bytes(8)),
    "type": raw(entry(dtype="F99"), bytes(8)), "shape overflows": raw(entry(shape=[2**62, 2**62]), bytes(8)), "shape overflows but for 0": raw(entry(shape=[2**62, 2**62, 0], data_offsets=[0, 0])),
    "negative shape": raw(entry(shape=[-2]), bytes(8)), "no offsets": raw({"a": {"dtype": "F32", "shape": [2]}}, bytes(8)), "metadata": raw({"__metadata__": {"a": 1}, **entry()}, bytes(8)),
    "overlap": raw({**entry(), "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, bytes(12)), "float": raw(entry(shape=[2.0]), bytes(8)), "bool": raw(entry(shape=[True]), bytes(4)),
    "nul": raw(b"{}\0"), "deep": raw(b'{"a":' + b"[" * 100_000), "three offsets": raw(entry(data_offsets=[0, 8, 8]), bytes(8)), "half a byte": raw(entry(dtype="F4", shape=[3], data_offsets=[0, 2]), bytes(2)),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files(case, tmp_path):
    with pytest.raises(safetensors.SafetensorError) as expected:
        theirs.load(BAD[case])
    with pytest.raises(ours.SafetensorError) as got:
        ours.load(BAD[case])
    text = str(expected.value)
    if "invalid JSON" not in text and "UTF-8" not in text and "overflows but" not in case and case != "half a byte":
        assert str(got.value).partition("\n")[0] == text.partition("\n")[0]
    (tmp_path / "file").write_bytes(BAD[case])
    with pytest.raises(ours.SafetensorError):
        ours.load_file(tmp_path / "file")


def test_a_name_twice_is_refused_though_the_public_library_takes_the_last():
    text = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    with pytest.raises(ours.SafetensorError, match="a name is there twice"):
        ours.load(raw(text, bytes(4)))


def test_types_that_are_not_here_say_so():
    content = theirs.save({"a": torch.zeros(2, dtype=torch.float8_e4m3fn), "b": torch.ones(1)})
    with pytest.raises(TypeError, match="tensor `a` is of type F8_E4M3, which isn't here"):
        ours.load(content)
    entries, _ = ours.read_header(io.BytesIO(content), len(content))
    assert entries["a"][:2] == ("F8_E4M3", [2])


def test_odd_places_are_copied():
    header = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[1],"data_offsets":[1,9]}}'
    content = raw(header, b"\x07" + struct.pack("<d", 0.5))
    assert {name: x.item() for name, x in ours.load(content).items()} == {"a": 7, "b": 0.5}


REFUSED = [
    lambda t, save, x: save({"a": x, "b": x[1:]}), lambda t, save, x: save({"a": x.reshape(2, 3).t()}), lambda t, save, x: save({"a": x[::2]}), lambda t, save, x: save({"a": 3}),
    lambda t, save, x: save([x]), lambda t, save, x: save({1: x}), lambda t, save, x: save({"a": x}, {"a": 1}), lambda t, save, x: save({"a": t.zeros(1, dtype=t.complex128)}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_refusals(number):
    messages = []
    for t, save in ((torch, theirs.save), (minitorch, ours.save)):
        with pytest.raises((RuntimeError, ValueError, TypeError, KeyError)) as caught:
            REFUSED[number](t, save, t.arange(6.0))
        messages.append((caught.type, str(caught.value).replace("minitorch", "torch").replace("{'b', 'a'}", "['a', 'b']").replace("{'a', 'b'}", "['a', 'b']")))
    assert messages[0] == messages[1]


def tied(t):
    t.manual_seed(0)
    net = t.nn.Sequential(t.nn.Linear(3, 3), t.nn.Linear(3, 3))
    net[1].weight = net[0].weight
    return net


def test_models_with_tied_weights(tmp_path):
    for writer, reader, save, load in ((torch, minitorch, theirs.save_model, ours.load_model), (minitorch, torch, ours.save_model, theirs.load_model)):
        net, other = tied(writer), tied(reader)
        save(net, tmp_path / "file")
        with safetensors.safe_open(tmp_path / "file", "pt") as file:
            assert file.metadata() == {"1.weight": "0.weight"}
        for p in other.parameters():
            p.data.zero_()
        assert load(other, tmp_path / "file") == (set(), [])
        assert_same(plain(tied(torch).state_dict()), plain(other.state_dict()))
    messages = []
    for t, save, load in ((torch, theirs.save_file, theirs.load_model), (minitorch, ours.save_file, ours.load_model)):
        save({"0.bias": t.ones(3), "x": t.ones(1)}, tmp_path / "file")
        with pytest.raises(RuntimeError) as caught:
            load(tied(t), tmp_path / "file")
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_a_large_file_is_not_read_into_memory(tmp_path):
    script = """
import resource, sys
from minitorch.serialization.safetensors import load_file, safe_open
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
x = load_file(sys.argv[1])["a"]
with safe_open(sys.argv[1], "pt") as file:
    print(x[-1].item(), file.get_slice("a")[5:7].tolist(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    ours.save_file({"a": minitorch.zeros(25_000_000)}, tmp_path / "file")
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "file"], capture_output=True, text=True, check=True)
    *values, kilobytes = done.stdout.split()
    assert values == ["0.0", "[0.0,", "0.0]"] and int(kilobytes) // (1024 if sys.platform == "darwin" else 1) < 20_000


def test_the_public_library_itself_runs_on_minitorch(tmp_path):
    (tmp_path / "program.py").write_text("""
import sys, torch
from safetensors.torch import load_file, safe_open, save_file
save_file({"a": torch.ones(2, 3), "b": torch.arange(3).bfloat16()}, sys.argv[1])
with safe_open(sys.argv[1], "pt") as file:
    print(load_file(sys.argv[1])["b"].tolist(), file.get_slice("a")[:1, 1:], torch.ones)
""")
    done = subprocess.run([sys.executable, "-m", "minitorch", "run", tmp_path / "program.py", tmp_path / "file"], capture_output=True, text=True)
    assert done.stdout.startswith("[0.0, 1.0, 2.0] tensor([[1., 1.]]) <function ones"), done.stderr
