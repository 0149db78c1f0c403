"""What a file holds, without reading it; and from one format to another: ``minitorch inspect`` and ``convert``."""

import argparse
import io
import json
import subprocess
import sys

import numpy
import pytest
import torch
from click.testing import CliRunner
from oracle import assert_same, plain

import minitorch
from minitorch.cli import main
from minitorch.serialization import safetensors
from minitorch.serialization.describing import describe


def net(t):
    t.manual_seed(0)
    made = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.BatchNorm1d(4))
    made[0].tied = made[0].weight
    return made


def checkpoint(t):
    model = net(t)
    optimizer = t.optim.Adam(model.parameters())
    model(t.ones(2, 3) / 2).sum().backward()
    optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "name": "x" * 100, "arguments": argparse.Namespace(lr=0.1)}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("writer", [torch, minitorch])
def test_a_checkpoint(writer, legacy):
    file = io.BytesIO()
    value = checkpoint(writer)
    writer.save(value, file, _use_new_zipfile_serialization=not legacy)
    file.seek(0)
    found = describe(file)
    state = {f"model.{name}": x for name, x in value["model"].items()}
    state |= {f"optimizer.state.{i}.{name}": x for i, entry in value["optimizer"]["state"].items() for name, x in entry.items()}
    assert {entry.name: (f"torch.{entry.dtype}", entry.shape, entry.nbytes) for entry in found.tensors} == {
        name: (str(x.dtype), tuple(x.shape), x.numel() * x.element_size()) for name, x in state.items()
    }
    memory = {entry.name: entry.memory for entry in found.tensors}
    assert memory["model.0.weight"] == memory["model.0.tied"] != memory["model.0.bias"]
    assert sum(found.memories.values()) == sum(x.numel() * x.element_size() for name, x in state.items() if name != "model.0.tied")
    assert found.values["epoch"] == "3" and found.values["arguments.lr"] == "0.1" and found.values["name"].endswith("… (100 long)")
    assert found.values["optimizer.param_groups.0.betas"] == "[0.9, 0.999]"


class Attack:
    def __reduce__(self):
        return print, ("owned",)


def test_nothing_is_run(capsys):
    for protocol in range(2, 6):
        file = io.BytesIO()
        minitorch.save([Attack(), {1, 2}, frozenset([3]), b"bytes", "text", -1, 1 << 300, 1.5, net(minitorch)], file, pickle_protocol=protocol)
        file.seek(0)
        found = describe(file)
        assert found.values["0.0"] == "'owned'" and found.values["6"] == "an integer of 301 bits"
        assert any(entry.name.endswith("weight") for entry in found.tensors)
    assert capsys.readouterr().out == ""


def run(*arguments, code=0):
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done.output


def test_inspect(tmp_path):
    minitorch.save({"w": minitorch.ones(2, 3), "same": (x := minitorch.zeros(5)), "part": x[1:3], "n": 1}, tmp_path / "a.pt")
    text = run("inspect", tmp_path / "a.pt")
    assert "w     float32  (2, 3)  24 bytes" in text and "in memory 1, with 1 more" in text and "n = 1" in text
    assert text.endswith("3 tensors, 44 bytes in 2 memories\n")
    found = json.loads(run("inspect", "--json", tmp_path / "a.pt"))
    assert found["total_bytes"] == 44 and found["tensors"][2] == {"name": "part", "dtype": "float32", "shape": [2], "nbytes": 8, "memory": "1"}

    safetensors.save_file({"w": minitorch.ones(2, 3)}, tmp_path / "a.safetensors", {"license": "MIT"})
    assert "license: MIT" in (text := run("inspect", tmp_path / "a.safetensors")) and "float32  (2, 3)" in text
    (tmp_path / "bad").write_bytes(b"no such format")
    assert "Unsupported operand" in run("inspect", tmp_path / "bad", code=1)


def test_inspect_npz(tmp_path):
    for save, name in ((numpy.savez, "a.npz"), (numpy.savez_compressed, "b.npz")):
        save(tmp_path / name, w=numpy.ones((2, 3), numpy.float32), n=numpy.array(1), empty=numpy.zeros((0, 2)))
        found = describe(tmp_path / name)
        assert [tuple(entry)[:4] for entry in found.tensors] == [("w", "float32", (2, 3), 24), ("n", "int64", (), 8), ("empty", "float64", (0, 2), 0)]
    (tmp_path / "bad.npz").write_bytes((tmp_path / "a.npz").read_bytes().replace(b"NUMPY", b"NOMPY"))
    assert "NumPy can't read it: Bad CRC-32 for file" in run("inspect", tmp_path / "bad.npz", code=1)


def test_inspect_reads_only_the_beginning(tmp_path):
    """4 GB that are not on the disk, but for the header: reading them would take long, and that much memory."""
    path = tmp_path / "large.safetensors"
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 30], "data_offsets": [0, 4 << 30]}}).encode()
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + (4 << 30))
    script = f"import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)); from minitorch.cli import main; main(['inspect', {str(path)!r}])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and "1 tensor, 4.0 GB in 1 memory" in done.stdout, done.stderr


def test_convert_there_and_back(tmp_path):
    torch.save(net(torch).half().state_dict() | {"b": torch.ones(2, dtype=torch.bfloat16), "t": torch.ones(2, 3).t()}, tmp_path / "a.pt")
    assert "Some tensors share memory" in run("convert", tmp_path / "a.pt", tmp_path / "b.safetensors", code=1)
    assert "10 tensors" in run("convert", tmp_path / "a.pt", tmp_path / "b.safetensors", "--copy-shared")
    run("convert", tmp_path / "b.safetensors", tmp_path / "c.pt")
    assert_same(plain(dict(sorted(torch.load(tmp_path / "a.pt").items()))), plain(dict(sorted(torch.load(tmp_path / "c.pt").items()))))
    assert "BFloat16" in run("convert", tmp_path / "c.pt", tmp_path / "d.npz", code=1)


def test_convert_a_part(tmp_path):
    value = checkpoint(minitorch)
    del value["arguments"]
    minitorch.save({**value, "ema": {"module": {"w": minitorch.ones(1), "v": {"u": minitorch.zeros(1)}}}}, tmp_path / "a.ckpt")
    assert "these are no tensors: optimizer.param_groups, epoch, name" in run("convert", tmp_path / "a.ckpt", tmp_path / "b.npz", code=1)
    assert "no 'modle' in it, but model, optimizer" in run("convert", tmp_path / "a.ckpt", tmp_path / "b.npz", "--key", "modle", code=1)
    run("convert", tmp_path / "a.ckpt", tmp_path / "b.npz", "--key", "ema", "--strip", "module.")
    with numpy.load(tmp_path / "b.npz") as file:
        assert {name: file[name].tolist() for name in file.files} == {"w": [1], "v.u": [0]}
    run("convert", tmp_path / "b.npz", tmp_path / "c.pt")
    assert {name: x.tolist() for name, x in torch.load(tmp_path / "c.pt").items()} == {"w": [1], "v.u": [0]}
    minitorch.save({"a.b": minitorch.ones(1), "a": {"b": minitorch.ones(1)}}, tmp_path / "d.pt")
    assert "two tensors have one name: a.b" in run("convert", tmp_path / "d.pt", tmp_path / "e.safetensors", code=1)
    minitorch.save({"a": Attack()}, tmp_path / "f.pt")
    assert "was not an allowed global" in run("convert", tmp_path / "f.pt", tmp_path / "e.safetensors", code=1)
    assert not (tmp_path / "e.safetensors").exists()
