"""What ``SummaryWriter`` writes is read back from its event files."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minitorch as torch
from minitorch import nn

pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")

from tensorboardX.proto.event_pb2 import Event  # noqa: E402
from tensorboardX.proto.graph_pb2 import GraphDef  # noqa: E402

from minitorch.utils.tensorboard import SummaryWriter  # noqa: E402


def events(folder):
    """All events in a folder's files: records of (length, checksum, bytes, checksum)."""
    found = []
    for path in sorted(Path(folder).rglob("events.out.tfevents.*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            found.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return found


def values(folder):
    """[(tag, step, value), …] of the summaries."""
    return [(value.tag, event.step, value) for event in events(folder) for value in event.summary.value]


def test_scalars(tmp_path):
    with SummaryWriter(log_dir=tmp_path) as writer:
        for step in range(3):
            writer.add_scalar("loss/train", torch.tensor(0.5 * step, requires_grad=True), step)
        writer.add_scalar("half", torch.tensor([2.5], dtype=torch.bfloat16), global_step=7, walltime=12.0)
        writer.add_scalar("python", 3)
        assert writer.get_logdir() == writer.log_dir == str(tmp_path)
    found = [(tag, step, value.simple_value) for tag, step, value in values(tmp_path)]
    assert found == [("loss/train", 0, 0.0), ("loss/train", 1, 0.5), ("loss/train", 2, 1.0), ("half", 7, 2.5), ("python", 0, 3.0)]
    assert [event.wall_time for event in events(tmp_path) if event.step == 7] == [12.0]


def test_several_curves_and_settings_lie_in_folders_of_their_own(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalars("loss", {"train": torch.tensor(1.0), "test": 2.0}, 5)
        writer.add_hparams({"lr": 0.1, "layers": torch.tensor(2)}, {"accuracy": torch.tensor(0.75)}, run_name="one")
        with pytest.raises(TypeError, match="hparam_dict and metric_dict should be dictionary."):
            writer.add_hparams([], {})
    assert [(step, value.simple_value) for _, step, value in values(tmp_path / "loss/train")] == [(5, 1.0)]
    assert [(step, value.simple_value) for _, step, value in values(tmp_path / "loss/test")] == [(5, 2.0)]
    assert ("accuracy", 0.75) in [(tag, value.simple_value) for tag, _, value in values(tmp_path / "one")]


def test_histograms(tmp_path):
    data = torch.linspace(-1, 1, 101)
    with SummaryWriter(tmp_path) as writer:
        writer.add_histogram("weights", nn.Parameter(data), 1)
        writer.add_histogram("auto", data.to(torch.float16), bins="auto")
    (_, step, first), (_, _, second) = values(tmp_path)
    assert (step, first.histo.num, first.histo.min, first.histo.max) == (1, 101, -1, 1)
    assert abs(first.histo.sum_squares - data.square().sum().item()) < 1e-4
    assert sum(first.histo.bucket) == sum(second.histo.bucket) == 101


def test_pictures_and_text(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_image("one", torch.rand(3, 4, 5), 0)
        writer.add_image("gray", torch.zeros(4, 5, dtype=torch.uint8), dataformats="HW")
        writer.add_images("many", torch.rand(2, 3, 4, 5))
        writer.add_image_with_boxes("boxed", torch.rand(3, 8, 9), torch.tensor([[1.0, 1.0, 4.0, 5.0]]))
        writer.add_text("notes", "hello", 2)
        writer.add_pr_curve("pr", torch.tensor([0, 1, 1]), torch.tensor([0.2, 0.4, 0.9]))
        writer.add_mesh("mesh", torch.rand(1, 5, 3))
    found = {tag: value for tag, _, value in values(tmp_path)}
    sizes = {tag: (value.image.height, value.image.width) for tag, value in found.items() if value.HasField("image")}
    assert sizes == {"one": (4, 5), "gray": (4, 5), "many": (4, 10), "boxed": (8, 9)}
    assert found["one"].image.encoded_image_string.startswith(b"\x89PNG")
    assert found["notes/text_summary"].tensor.string_val == [b"hello"]
    assert {"pr", "mesh"} <= {tag.partition("_")[0] for tag in found}


def test_figure(tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    figure = pyplot.figure(figsize=(2, 1), dpi=50)
    with SummaryWriter(tmp_path) as writer:
        writer.add_figure("plot", figure, 3)
    ((tag, step, value),) = values(tmp_path)
    assert (tag, step, value.image.height, value.image.width) == ("plot", 3, 50, 100)
    assert pyplot.get_fignums() == []


def test_embedding(tmp_path):
    points = torch.rand(4, 3)
    with SummaryWriter(tmp_path) as writer:
        writer.add_embedding(points, metadata=["a", "b", "c", "d"], label_img=torch.rand(4, 3, 8, 8), global_step=1)
    folder = tmp_path / "00001/default"
    np.testing.assert_allclose(np.loadtxt(folder / "tensors.tsv"), points.numpy(), rtol=1e-5)
    assert (folder / "metadata.tsv").read_text().split() == ["a", "b", "c", "d"]
    assert (folder / "sprite.png").exists()


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
        self.head = nn.Linear(3, 1)

    def forward(self, x, shift):
        return self.head(self.body(self.body(x)) + shift)


def test_graph_is_what_ran(tmp_path):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    model = Twice()
    after = torch.get_rng_state()
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(model, (torch.zeros(2, 3), torch.ones(2, 3)))
        with pytest.raises(ValueError, match="add_graph needs input_to_model"):
            writer.add_graph(model)
    assert not torch.equal(state, after) and torch.equal(after, torch.get_rng_state())

    graph = next(GraphDef.FromString(event.graph_def) for event in events(tmp_path) if event.graph_def)
    inputs = {node.name: list(node.input) for node in graph.node}
    assert len(inputs) == len(graph.node)
    body, weights = "Twice/body/0/", ["Twice/body/0/weight", "Twice/body/0/bias"]
    assert inputs[f"{body}linear"] == ["input/0", *weights]
    assert inputs["Twice/body/1/relu"] == [f"{body}linear"]
    assert inputs[f"{body}linear_1"] == ["Twice/body/1/relu", *weights]
    assert inputs["Twice/add"] == ["Twice/body/1/relu_1", "input/1"]
    assert inputs["output/0"] == ["Twice/head/linear"]
    shape = next(node for node in graph.node if node.name == "output/0").attr["_output_shapes"].list.shape[0]
    assert [dim.size for dim in shape.dim] == [2, 1]


def test_folder_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    SummaryWriter(comment="_lr0.1").close()
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("_lr0.1")


def test_file_suffix_and_flush(tmp_path):
    writer = SummaryWriter(tmp_path, filename_suffix=".mine")
    writer.add_scalar("x", 1.0, 0)
    writer.flush()
    (path,) = tmp_path.iterdir()
    assert path.name.endswith(".mine")
    assert [value.simple_value for _, _, value in values(tmp_path)] == [1.0]
    writer.add_scalar("x", 2.0, 1)
    writer.close()
    assert [value.simple_value for _, _, value in values(tmp_path)] == [1.0, 2.0]


def test_without_the_package_the_error_says_how_to_get_it():
    script = "import sys; sys.modules['tensorboardX'] = None; import minitorch.utils.tensorboard"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "ImportError: torch.utils.tensorboard needs the package tensorboardX\npip install pytorch-mini[tensorboard]" in done.stderr
