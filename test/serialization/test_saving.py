"""What we write, PyTorch reads; and a file is there whole or not at all."""

import collections
import io
import os
import zipfile

import pytest
import torch
from oracle import agree, assert_same, plain, same_first_line

import minitorch

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")


def file_of(lib, value, legacy=False):
    file = io.BytesIO()
    lib.save(value, file, _use_new_zipfile_serialization=not legacy)
    file.seek(0)
    return file


def layouts(t):
    base = t.arange(24.0)
    return {
        "0-d": t.tensor(3.5), "empty": t.zeros(0, 3), "whole": base, "transposed": base.reshape(4, 6).t(), "part": base[3:9:2],
        "expanded": base[2].expand(3, 2), "column": base.reshape(4, 6)[:, 1],
    }  # fmt: skip


def model(t):
    t.manual_seed(0)
    net = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.BatchNorm1d(4), t.nn.ReLU(), t.nn.Linear(4, 2))
    optimizer = t.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(t.linspace(-1, 1, 15).reshape(5, 3) ** 2).square().sum().backward()
        optimizer.step()
    return {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "best": 0.5, "name": "né"}


PROGRAMS = {
    "dtypes": lambda t: {name: t.tensor([1, 0, 1]).to(getattr(t, name)) for name in DTYPES},
    "layouts": layouts,
    "gradients": lambda t: [t.ones(2, requires_grad=True), t.nn.Parameter(t.ones(1)), t.nn.Parameter(t.ones(1), requires_grad=False)],
    "types": lambda t: [t.float16, t.Size([2, 3]), t.zeros(2, 1).shape, str(t.device("cpu"))],
    "containers": lambda t: [None, True, -1, 1 << 70, 1.5, "é" * 300, (1, (2,), ()), {"a": [t.ones(1)]}, b"bytes", bytearray(b"a"), 1j, {1, 2}],
    "conjugates": lambda t: [t.tensor([[1 + 2j, 3j]]).conj(), t.tensor([1 + 2j, 3j]).conj().imag, t.tensor([2j]).conj().expand(3)],
    "collections": lambda t: [collections.OrderedDict(b=1, a=2), collections.Counter("aab")],
    "training": model,
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_reads_what_the_other_wrote(name, legacy):
    theirs, ours = PROGRAMS[name](torch), PROGRAMS[name](minitorch)
    assert_same(plain(ours), plain(torch.load(file_of(minitorch, ours, legacy))))
    assert_same(plain(theirs), plain(minitorch.load(file_of(torch, theirs, legacy))))
    assert_same(plain(ours), plain(minitorch.load(file_of(minitorch, ours, legacy))))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("writer, reader", [(minitorch, torch), (torch, minitorch), (minitorch, minitorch)])
def test_strides_and_shared_memory_are_kept(writer, reader, legacy):
    values = layouts(writer)
    values["again"] = values["whole"]
    got = reader.load(file_of(writer, values, legacy))
    assert {name: x.stride() for name, x in got.items()} == {name: x.stride() for name, x in layouts(torch).items()} | {"again": (1,)}
    assert got["again"] is got["whole"]
    got["whole"][7] = 100
    assert got["transposed"][1, 1] == 100 and got["part"][2] == 100 and got["column"][1] == 100


def test_writes_to_one_loaded_view_are_counted_for_all():
    x = minitorch.arange(4.0)
    x, y = minitorch.load(file_of(minitorch, (x, x[1:])))
    w = minitorch.ones(3, requires_grad=True)
    product = w * y
    x[2] = 5
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.sum().backward()


def test_attributes_of_tensors_and_parameters_are_kept():
    def program(t):
        x, p = t.zeros(1), t.nn.Parameter(t.ones(2))
        x.note, p.note = "of x", {"of": "p"}
        x, p = t.load(file_of(t, [x, p]))
        return x.note, p.note, type(p).__name__, p.requires_grad

    agree(program)


def test_layouts():
    for writer, reader in [(torch, minitorch), (minitorch, minitorch), (minitorch, torch)]:
        assert reader.load(file_of(writer, [writer.strided, writer.sparse_coo])) == [reader.strided, reader.sparse_coo]


def test_buffers_stay_buffers():
    for writer, reader in [(torch, minitorch), (minitorch, minitorch), (minitorch, torch)]:
        got = reader.load(file_of(writer, writer.nn.Buffer(writer.ones(2), persistent=False)))
        assert isinstance(got, reader.nn.Buffer) and got.persistent is False and got.tolist() == [1, 1]


def test_the_metadata_of_a_state_dict_is_kept():
    for writer, reader in [(minitorch, torch), (torch, minitorch)]:
        state = reader.load(file_of(writer, writer.nn.BatchNorm1d(2).state_dict()))
        assert state._metadata == torch.nn.BatchNorm1d(2).state_dict()._metadata
        reader.nn.BatchNorm1d(2).load_state_dict(state)


@pytest.mark.parametrize("writer, reader", [(minitorch, torch), (torch, minitorch), (minitorch, minitorch)])
def test_storages(writer, reader):
    x = writer.arange(3)
    got = reader.load(file_of(writer, x.untyped_storage()))
    assert type(got) is reader.storage.TypedStorage and got._untyped_storage.tolist() == x.untyped_storage().tolist()


def test_memories_are_aligned_and_files_are_the_same_each_time():
    values = layouts(minitorch)
    file, again = file_of(minitorch, values), file_of(minitorch, values)
    assert file.getvalue() == again.getvalue()
    content = file.getvalue()
    for info in zipfile.ZipFile(file).infolist():
        start = info.header_offset + 30 + len(info.filename) + len(info.extra)
        assert start % 64 == 0 and content[start : start + info.file_size] == zipfile.ZipFile(file).read(info)


def test_pytorch_maps_our_files(tmp_path):
    minitorch.save(layouts(minitorch), tmp_path / "file.pt")
    assert_same(plain(layouts(torch)), plain(torch.load(tmp_path / "file.pt", mmap=True)))
    assert zipfile.ZipFile(tmp_path / "file.pt").namelist()[0] == "file/data.pkl"


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.pt"
    minitorch.save([1], path)
    os.chmod(path, 0o640)
    with pytest.raises(Exception, match="pickle"):
        minitorch.save([lambda: 0], path)

    class Broken(minitorch.Tensor):
        pass

    with pytest.raises(Exception, match="pickle"):
        minitorch.save(Broken([1.0]), path)  # a local class has no name to be found by
    assert minitorch.load(path) == [1] and os.listdir(tmp_path) == ["file.pt"]
    minitorch.save([2], path)
    assert minitorch.load(path) == [2] and os.stat(path).st_mode & 0o777 == 0o640


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.pt"
    minitorch.save([1], path)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        minitorch.save([2], path)
    assert minitorch.load(path) == [1] and os.listdir(tmp_path) == ["file.pt"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link.pt").symlink_to(tmp_path / "file.pt")
    minitorch.save([1], tmp_path / "link.pt")
    assert (tmp_path / "link.pt").is_symlink() and minitorch.load(tmp_path / "file.pt") == [1]


def test_files_that_only_write():
    class Pipe:
        def __init__(self):
            self.content = b""

        def write(self, data):
            self.content += bytes(data)
            return len(data)

        def flush(self):
            pass

    pipe = Pipe()
    minitorch.save([minitorch.ones(2)], pipe)
    assert torch.load(io.BytesIO(pipe.content))[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    "program",
    [
        lambda t: t.save(1, 3),
        lambda t: t.save(1, "/nowhere/at/all.pt"),
        lambda t: file_of(t, (x := t.zeros(2), x.view(t.int32))),
    ],
)
def test_refusals(program):
    same_first_line(program)
