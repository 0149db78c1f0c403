"""Exported models under onnxruntime: what they come to is what PyTorch's model comes to, at another batch size as well."""

import io
import sys
import types
import warnings
from pathlib import Path

import onnx
import pytest
import torch as pytorch

import minitorch as torch
import minitorch.nn as nn
import minitorch.nn.functional as F
from minitorch.onnx import OnnxExporterError, TrainingMode
from minitorch.onnx.errors import UnsupportedOperatorError

sys.path.append(str(Path(__file__).parent))

from cases import cases  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BATCH, BATCH_AND_TIME = {0: "batch"}, {0: "batch", 1: "time"}


def built(lib):
    lib.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of layers that say what they will not do
        return cases(lib)


ORACLE, OURS = built(pytorch), built(torch)


def tensors(tree):
    if isinstance(tree, (list, tuple)):
        return [x for part in tree for x in tensors(part)]
    return [tree]


def larger(x):
    """Twice the batch, with other numbers."""
    x = x.repeat(2, *[1] * (x.ndim - 1))
    return x + 0.01 * pytorch.arange(x.numel()).reshape(x.shape) if x.is_floating_point() else x


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ORACLE)
def test_onnxruntime_comes_to_what_pytorch_does(name):
    expected_of, example, _ = ORACLE[name]
    model, inputs, dynamic = OURS[name]
    other = [larger(x) for x in example]
    with pytorch.no_grad():
        expected = tensors(expected_of.eval()(*[x.clone() for x in other]))
    actual = torch.onnx.export(model, inputs, dynamic_shapes=dynamic)(*[torch.from_numpy(x.numpy()) for x in other])
    assert [(str(x.dtype), tuple(x.shape)) for x in expected] == [(str(x.dtype), tuple(x.shape)) for x in actual]
    for x, y in zip(expected, actual, strict=True):
        pytorch.testing.assert_close(pytorch.from_numpy(y.numpy()), x, atol=1e-5, rtol=1e-5, equal_nan=True)


# ------------------------------------------------------------------------------------------------------- whole models


def example(name):
    path = EXAMPLES / f"{name}.py"
    module = types.ModuleType(f"onnx_{name}")
    module.__file__ = str(path)
    sys.path.append(str(EXAMPLES))
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), module.__dict__)
    return module


def images(n, size):
    return torch.randn(n, 1, size, size)


def tokens(*shape):
    return torch.randint(0, 20, shape)


WHOLE = {
    "digits": (lambda: example("digits").DigitNet(), images(2, 8), BATCH, [images(7, 8), images(1, 8)]),
    "mnist_cnn": (lambda: example("mnist").ConvNet(), images(1, 28), BATCH, [images(3, 28)]),
    "mnist_mlp": (lambda: example("mnist").MLP(), images(1, 28), BATCH, [images(3, 28)]),
    "names_mlp": (lambda: example("names").MLP(27), tokens(2, 6), BATCH_AND_TIME, [tokens(5, 9), tokens(1, 3)]),
    "names_rnn": (lambda: example("names").RNN(27), tokens(2, 6), BATCH, [tokens(5, 6)]),
    "gpt": (lambda: example("gpt").GPT(20, 16, 2, 4, 32), tokens(1, 5), BATCH_AND_TIME, [tokens(3, 16), tokens(1, 1)]),
    "any image": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.GroupNorm(2, 8),
            nn.ConvTranspose2d(8, 8, 2, stride=2), nn.Upsample(scale_factor=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2),
        ),
        torch.randn(1, 3, 32, 32), {0: "batch", 2: "height", 3: "width"}, [torch.randn(2, 3, 40, 55)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_whole_models_at_other_sizes(name):
    make, x, dynamic, others = WHOLE[name]
    model = make()
    program = torch.onnx.export(model, (x,), dynamic_shapes=(dynamic,), verify=True)
    for other in others:
        with torch.no_grad():
            expected = model.eval()(other)
        torch.testing.assert_close(program(other)[0], expected, atol=1e-5, rtol=1e-5)


class Growing(nn.Module):
    """Attention over what was seen before and what is new: two lengths that add up."""

    def __init__(self):
        super().__init__()
        self.key = nn.Linear(8, 8)
        self.register_buffer("seen", torch.ones(64, 64).tril().bool())

    def forward(self, x, before):
        keys = torch.cat([before, self.key(x)], 1)
        start, end = before.shape[1], keys.shape[1]
        weights = (x @ keys.mT).masked_fill(~self.seen[start:end, :end], float("-inf")).softmax(-1)
        return {"out": weights @ keys, "keys": keys}


def test_sizes_that_are_sums_of_axes():
    model = Growing()
    shapes = {"x": {0: "batch", 1: "new"}, "before": {0: "batch", 1: "old"}}
    program = torch.onnx.export(model, (torch.randn(2, 3, 8), torch.randn(2, 4, 8)), dynamic_shapes=shapes)
    inputs = torch.randn(3, 5, 8), torch.randn(3, 2, 8)
    for expected, actual in zip(model(*inputs).values(), program(*inputs), strict=True):
        torch.testing.assert_close(actual, expected.detach(), atol=1e-5, rtol=1e-5)
    shape = program.model_proto.graph.output[1].type.tensor_type.shape
    assert [d.dim_param or d.dim_value for d in shape.dim] == ["batch", "new + old", 8]


def test_what_lies_like_transposed_patches():
    class Patches(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 4, 4, 4)

        def forward(self, x):
            h = self.patches(x).flatten(2).transpose(1, 2)
            return h + torch.zeros_like(h).masked_fill_(h > 0, 2)

    model = Patches()
    program = torch.onnx.export(model, (torch.randn(2, 3, 8, 8),), dynamic_shapes=({0: "batch"},))
    other = torch.randn(5, 3, 8, 8)
    torch.testing.assert_close(program(other)[0], model(other).detach(), atol=1e-5, rtol=1e-5)


def test_padding_of_an_encoder():
    class Padded(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 1)

        def forward(self, x, padding):
            return self.encoder(x, src_key_padding_mask=padding)

    model, x = Padded(), torch.randn(2, 5, 8)
    program = torch.onnx.export(model, (x, torch.zeros(2, 5).bool()), dynamic_shapes=(BATCH_AND_TIME,) * 2)
    for lengths in ([5, 3], [4, 1]):
        padding = torch.arange(5) >= torch.tensor(lengths)[:, None]
        with torch.no_grad():
            torch.testing.assert_close(program(x, padding)[0], model.eval()(x, padding), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("opset", range(18, onnx.defs.onnx_opset_version()))
def test_later_opsets(opset):
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.AvgPool2d(2, padding=1), nn.Flatten(), nn.Linear(16, 3), nn.GELU()
    )
    x = torch.randn(2, 1, 8, 8)
    program = torch.onnx.export(model, (x,), opset_version=opset)
    assert program.model_proto.opset_import[0].version == opset
    torch.testing.assert_close(program(x)[0], model(x).detach(), atol=1e-5, rtol=1e-5)


# ------------------------------------------------------------------------------------------------- what can't be exported


def squared_by_item(x):
    return x * x.max().item()


def one_way_or_the_other(x):
    return x if x.sum() > 0 else -x


REFUSED = {
    "item": (squared_by_item, None, "Python reads the elements"),
    "bool": (one_way_or_the_other, None, "Python reads the elements"),
    "numpy": (lambda x: torch.from_numpy(x.numpy() * 2), None, "Python reads the elements"),
    "no spelling": (
        lambda x: torch.linalg.svdvals(x),
        None,
        "Exporting the operator 'aten::svdvals' to ONNX opset version 18",
    ),
    "picked by value": (lambda x: x[x > 0], None, "Exporting the operator 'aten::nonzero'"),
    "memory": (
        lambda x: (x + 1).view(torch.int32),
        None,
        "the memory of a tensor is seen in a way that passes no gate",
    ),
    "random": (lambda x: F.dropout(x), None, "Exporting the operator 'aten::bernoulli'"),
    "loop": (
        lambda x: sum(x[i] for i in range(len(x))),
        BATCH,
        "the computation changes with the size of the dynamic axis 'batch'",
    ),
    "branch": (lambda x: x + 1 if len(x) > 3 else x * 2, BATCH, "the computation changes with the size"),
    "far branch": (lambda x: x[-6:], BATCH, "the computation changes with the size"),
    "number": (lambda x: x * len(x) ** 0.5, BATCH, "a size can't be told"),
    "half": (lambda x: x[: len(x) // 2], BATCH, "a size can't be told"),
    "table": (lambda x: x + torch.tensor([[1.0]] * len(x)), BATCH, "the computation changes with the size"),
    "wrong size": (
        lambda x: x.view(2, 4),
        BATCH,
        "the model does not run with other sizes of its dynamic axes (batch = 3)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_said_is_refused(name):
    function, dynamic, text = REFUSED[name]
    with pytest.raises(OnnxExporterError) as caught:
        torch.onnx.export(function, (torch.randn(2, 4),), dynamic_shapes=(dynamic,))
    first, *rest = str(caught.value).splitlines()
    assert first.startswith(text)
    assert rest and (name in ("memory", "wrong size") or "test_export.py, line" in rest[0])


def test_a_refusal_names_line_and_module():
    class Inner(nn.Module):
        def forward(self, x):
            return torch.linalg.svdvals(x)

    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.ReLU(), Inner()))
    with pytest.raises(UnsupportedOperatorError) as caught:
        torch.onnx.export(model, (torch.eye(3),))
    line = Inner.forward.__code__.co_firstlineno + 1
    assert str(caught.value).splitlines()[1].startswith(f"test_export.py, line {line} in module '1.1':")


# --------------------------------------------------------------------------------------------------------------- options


class Embedded(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(5, 4)
        self.norm = nn.BatchNorm1d(4)
        self.back = nn.Linear(4, 5, bias=False)
        self.back.weight = self.table.weight

    def forward(self, i, scale=1.0, *, shift=None):
        return self.back(self.norm(self.table(i)) * scale + shift)


def test_names_are_those_of_the_state_dict_and_of_forward():
    model, i = Embedded(), torch.tensor([1, 2])
    graph = torch.onnx.export(model, (i, 2.0), kwargs={"shift": torch.ones(4)}).model_proto.graph
    weights = {x.name for x in graph.initializer if not x.name.startswith("constant")}
    assert weights == {"table.weight", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"}
    assert [x.name for x in graph.input] == ["i", "shift"] and [x.name for x in graph.output] == ["output"]
    assert any(node.name.startswith("norm/") and "test_export.py" in node.doc_string for node in graph.node)

    named = torch.onnx.export(
        model, (i, 2.0), kwargs={"shift": torch.ones(4)}, input_names=["tokens"], output_names=["scores"]
    )
    assert [x.name for x in named.model_proto.graph.input] == ["tokens", "shift"]
    assert [x.name for x in named.model_proto.graph.output] == ["scores"]


def test_exporting_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    model[1].eval()
    before = model[0].running_mean.clone()
    torch.onnx.export(model, (torch.randn(4, 3),), training=TrainingMode.PRESERVE)
    assert model[0].training and not model[1].training
    assert torch.equal(model[0].running_mean, before)
    assert model[0].num_batches_tracked == 0


def test_dynamic_axes_by_input_names():
    program = torch.onnx.export(
        lambda x, y: x + y.sum(),
        (torch.ones(2, 3), torch.ones(4)),
        input_names=["x", "y"],
        dynamic_axes={"x": {0: "n"}, "y": [0]},
    )
    dims = [[d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim] for x in program.model_proto.graph.input]
    assert dims == [["n", 3], ["y_dynamic_axes_1"]]
    assert program(torch.ones(5, 3), torch.ones(7))[0].shape == (5, 3)


def test_files(tmp_path):
    model, x = nn.Linear(40, 30), torch.randn(2, 40)
    program = torch.onnx.export(model, (x,), tmp_path / "beside.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside.onnx", "beside.onnx.data"]
    assert torch.onnx.export(model, (x,), str(tmp_path / "one.onnx"), dynamo=False) is None
    buffer = io.BytesIO()
    torch.onnx.export(model, (x,), buffer)
    for read in (
        onnx.load(tmp_path / "beside.onnx"),
        onnx.load(tmp_path / "one.onnx"),
        onnx.load_from_string(buffer.getvalue()),
    ):
        assert read.graph == program.model_proto.graph or len(read.graph.initializer) == 2
        onnx.checker.check_model(read)
    without = tmp_path / "without.onnx"
    torch.onnx.export(model, (x,), without, export_params=False, keep_initializers_as_inputs=True, external_data=False)
    assert [value.name for value in onnx.load(without).graph.input] == ["input", "weight", "bias"]
    assert not onnx.load(without).graph.initializer


def test_options_that_are_not_here():
    x = (torch.ones(2),)
    for options, error in [
        ({"opset_version": 9}, ValueError), ({"report": True}, NotImplementedError), ({"input_names": ["a", "b"]}, ValueError),
        ({"dynamic_shapes": {"y": {0: "n"}}}, ValueError), ({"output_names": ["a", "b"]}, ValueError),
    ]:  # fmt: skip
        with pytest.raises(error):
            torch.onnx.export(lambda x: x + 1, x, **options)
    with pytest.raises(ValueError, match="the dynamic axis 'n' has 2 elements in one input and 3 in another"):
        torch.onnx.export(lambda x, y: (x, y), (torch.ones(2), torch.ones(3)), dynamic_shapes=({0: "n"}, {0: "n"}))


def test_a_function_knows_that_it_is_exported():
    said = []
    torch.onnx.export(lambda x: (said.append(torch.onnx.is_in_onnx_export()), x + 1)[1], (torch.ones(2),))
    assert said == [True] and not torch.onnx.is_in_onnx_export()
