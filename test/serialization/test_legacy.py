"""The format from before PyTorch 1.6: what is refused in it, and what only old files have."""

import io
import pickle
import struct
import tarfile

import pytest
import torch
from oracle import same_first_line

import minitorch


def file_of(lib, value):
    file = io.BytesIO()
    lib.save(value, file, _use_new_zipfile_serialization=False)
    file.seek(0)
    return file


def changed(file, old, new):
    content = file.getvalue()
    assert content.count(old) == 1
    return io.BytesIO(content.replace(old, new))


def written(*pickles, tail=b""):
    return io.BytesIO(b"".join(p if isinstance(p, bytes) else pickle.dumps(p, 2) for p in pickles) + tail)


MAGIC = 0x1950A86A20F9469CFC6C


@pytest.mark.parametrize(
    "program",
    [
        lambda t: t.load(written(5)),
        lambda t: t.load(written(MAGIC, 1002)),
        lambda t: t.load(file_of(t, 1), mmap=True),
        lambda t: t.load(written(MAGIC, 1001, {}, b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", [])),
        lambda t: t.load(written(MAGIC, 1001, {}, b"\x80\x02cbuiltins\nprint\nX\x02\x00\x00\x00ls\x85R.", [])),
        lambda t: t.load(written(MAGIC, 1001, {}, b"\x80\x02K\x01\x85Q.", [])),
    ],
)
def test_refusals(program):
    same_first_line(program)


def test_the_tar_format_says_so(tmp_path):
    with tarfile.open(tmp_path / "old.pt", "w") as tar:
        tar.addfile(tarfile.TarInfo("storages"))
    same_first_line(lambda t: t.load(tmp_path / "old.pt"))
    with pytest.raises(NotImplementedError, match="before PyTorch 0.1.10"):
        minitorch.load(tmp_path / "old.pt", weights_only=False)


def test_memories_that_lie():
    whole = file_of(minitorch, minitorch.ones(3))
    for cut in (1, 5, 12, 13, 20, 30, 200):
        with pytest.raises((RuntimeError, EOFError, pickle.UnpicklingError)):
            minitorch.load(io.BytesIO(whole.getvalue()[:-cut]))
    with pytest.raises(RuntimeError, match="wrong byte size: expected 12 got 36"):
        minitorch.load(changed(whole, struct.pack("<q", 3), struct.pack("<q", 9)))
    with pytest.raises(RuntimeError, match="said to have 4000000000 bytes"):
        minitorch.load(changed(whole, b"K\x03Nt", b"J" + struct.pack("<i", 10**9) + b"Nt"))
    with pytest.raises(RuntimeError, match="other memories than its tensors"):
        minitorch.load(changed(whole, b"]q\x00X\x01\x00\x00\x000q\x01a", b"]q\x00"))


def test_parts_of_memories_share_them():
    """As files from before 0.4 have them: a note with a view. PyTorch reads them so, too."""
    first, second = (b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04" + view + b"tQ" for view in (b"N", b"X\x01\x00\x00\x001K\x01K\x02\x87"))
    tensor = b"ctorch._utils\n_rebuild_tensor\n(%bK\x00K%b\x85K\x01\x85tR"
    body = b"\x80\x02(" + tensor % (first, b"\x04") + tensor % (second, b"\x02") + b"t."
    file = written(MAGIC, 1001, {}, body, ["0"], tail=struct.pack("<q4f", 4, 1, 2, 3, 4))
    for lib in (torch, minitorch):
        file.seek(0)
        whole, part = lib.load(file)
        assert part.tolist() == [2, 3]
        whole[2] = 7
        assert part.tolist() == [2, 7]


@pytest.mark.parametrize("reader", [torch, minitorch])
def test_several_in_one_file(reader):
    file = io.BytesIO()
    for value in (1, 2):
        minitorch.save(minitorch.full((3,), value), file, _use_new_zipfile_serialization=False)
    file.seek(0)
    assert [reader.load(file).tolist() for _ in range(2)] == [[1, 1, 1], [2, 2, 2]]


def test_classes_of_layers_may_come_with_their_source():
    note = b"\x80\x02(X\x06\x00\x00\x00modulectorch.nn.modules.linear\nLinear\nNNtQ."
    assert minitorch.load(written(MAGIC, 1001, {}, note, []), weights_only=False) is minitorch.nn.Linear
