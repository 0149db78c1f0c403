"""Objects of classes: whole layers, optimizers, schedulers and generators, in files that are trusted."""

import io
import sys
import types
import warnings

import pytest
import torch
from oracle import assert_same, plain

import minitorch


def file_of(lib, value, legacy):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's word on a class whose source it doesn't find
        lib.save(value, file, _use_new_zipfile_serialization=not legacy)
    file.seek(0)
    return file


def vectors(t):
    return t.arange(12.0).reshape(3, 4) / 10


def images(t):
    return t.arange(64.0).reshape(1, 4, 4, 4) / 10


def tokens(t):
    return t.arange(6).reshape(2, 3)


def sequences(t):
    return t.arange(24.0).reshape(2, 3, 4) / 10


LAYERS = [
    ("Linear(4, 2)", vectors), ("Bilinear(4, 4, 2)", None), ("BatchNorm1d(4)", vectors), ("LayerNorm(4)", vectors), ("GroupNorm(2, 4)", vectors), ("RMSNorm(4)", vectors),
    ("GELU()", vectors), ("Softmax(-1)", vectors), ("PReLU()", vectors), ("Dropout(0.5)", vectors), ("Identity()", vectors), ("Sequential(t.nn.Linear(4, 2), t.nn.Tanh())", vectors),
    ("Conv2d(4, 2, 3, padding='same')", images), ("ConvTranspose2d(4, 2, 2)", images), ("MaxPool2d(2)", images), ("AdaptiveAvgPool2d(1)", images), ("BatchNorm2d(4)", images), ("InstanceNorm2d(4)", images),
    ("Upsample(scale_factor=2)", images), ("PixelShuffle(2)", images), ("ZeroPad2d(1)", images), ("Unfold(2)", images), ("Flatten()", images),
    ("Embedding(7, 3)", tokens), ("EmbeddingBag(7, 3)", tokens), ("GRUCell(4, 3)", vectors), ("LSTM(4, 3, 2, bidirectional=True)", sequences),
    ("MultiheadAttention(4, 2)", None), ("TransformerEncoder(t.nn.TransformerEncoderLayer(4, 2, 8, activation='gelu', batch_first=True), 2)", sequences),
    ("CrossEntropyLoss(label_smoothing=0.1)", None), ("ModuleDict({'a': t.nn.ReLU()})", None), ("ParameterList([t.ones(2)])", None),
]  # fmt: skip
WAYS = [(torch, minitorch), (minitorch, torch), (minitorch, minitorch)]


def made(text, t):
    t.manual_seed(0)
    return eval(f"t.nn.{text}", {"t": t}).eval()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("text, data", LAYERS, ids=[text for text, _ in LAYERS])
def test_layers(text, data, legacy):
    for writer, reader in WAYS:
        got, own = reader.load(file_of(writer, made(text, writer), legacy), weights_only=False), made(text, reader)
        assert repr(got) == repr(own) and type(got) is type(own)
        if data is None:
            continue
        if not isinstance(got, (torch.nn.TransformerEncoder, torch.nn.LSTM)):
            assert_same(plain(own.state_dict()), plain(got.state_dict()))
        assert_same(plain(own(data(reader))), plain(got(data(reader))))


OPTIMIZERS = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD", "Adafactor", "Muon"]
SCHEDULERS = ["StepLR(o, 2)", "CosineAnnealingLR(o, 5)", "ExponentialLR(o, 0.9)", "OneCycleLR(o, 0.1, 10)", "LinearLR(o)", "ReduceLROnPlateau(o)"]


def steps(optimizer, t, count=2):
    for _ in range(count):
        for p in optimizer.param_groups[0]["params"]:
            p.grad = t.full_like(p, 0.5)
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_go_on(name):
    for writer, reader in WAYS:
        before = steps(getattr(writer.optim, name)([writer.nn.Parameter(writer.ones(2, 2))], lr=0.1), writer)
        got = reader.load(file_of(writer, before, False), weights_only=False)
        steps(got, reader), steps(before, writer)
        assert_same(plain(before.param_groups[0]["params"]), plain(got.param_groups[0]["params"]))


@pytest.mark.filterwarnings("ignore:Seems like `optimizer.step")  # both libraries say so of a loaded scheduler
@pytest.mark.parametrize("text", SCHEDULERS)
def test_schedulers_go_on(text):
    for writer, reader in WAYS:
        optimizer = steps(writer.optim.SGD([writer.nn.Parameter(writer.ones(2))], lr=0.1, momentum=0.9), writer)
        before = eval(f"t.optim.lr_scheduler.{text}", {"t": writer, "o": optimizer})
        got = reader.load(file_of(writer, before, False), weights_only=False)
        rates = []
        for scheduler, t in ((before, writer), (got, reader)):
            for _ in range(4):
                steps(scheduler.optimizer, t, 1)
                scheduler.step(*([1.0] if "Plateau" in text else []))
                rates.append(scheduler.optimizer.param_groups[0]["lr"])
        assert rates[:4] == pytest.approx(rates[4:], rel=1e-12)


def test_generators_scalers_functions_and_data():
    def program(t):
        generator = t.Generator().manual_seed(3)
        t.rand(5, generator=generator)
        return [generator, t.amp.GradScaler("cpu"), t.nn.functional.gelu, t.relu, t.sin, t.nn.Linear, t.utils.data.TensorDataset(t.arange(3)), t.Size([1])]

    for writer, reader in WAYS:
        generator, scaler, *functions, cls, data, size = reader.load(file_of(writer, program(writer), False), weights_only=False)
        assert (generator.initial_seed(), reader.rand(3, generator=generator).tolist()) == (3, (g := program(torch)[0], torch.rand(3, generator=g).tolist())[1])
        assert scaler.state_dict() == torch.amp.GradScaler("cpu").state_dict()
        assert functions == [reader.nn.functional.gelu, reader.relu, reader.sin] and cls is reader.nn.Linear
        assert [x[0].item() for x in data] == [0, 1, 2] and size == (1,)


def test_a_generator_wants_trust():
    for lib in (torch, minitorch):
        with pytest.raises(Exception, match="GLOBAL torch._C.Generator was not an allowed global"):
            minitorch.load(file_of(lib, lib.Generator(), False))


def test_our_classes_are_named_as_pytorch_names_its_own():
    from minitorch.serialization.names import name_in_files

    for place in ("nn", "optim", "optim.lr_scheduler", "utils.data"):
        theirs, ours = (eval(f"t.{place}", {"t": t}) for t in (torch, minitorch))
        for name, cls in vars(ours).items():
            other = getattr(theirs, name, None)
            if isinstance(cls, type) and isinstance(other, type) and name == cls.__name__ and cls.__module__.startswith("minitorch"):
                assert name_in_files(cls) == (other.__module__, other.__qualname__), cls


def program_with_a_model(t):
    """A user's module, as it is under either library."""
    module = types.ModuleType("users_model")
    exec(
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 2)])
        self.register_buffer("scale", torch.ones(2) / 2)
        self.note = {"width": 4}

    def forward(self, x):
        return self.layers[1](self.layers[0](x).relu()) * self.scale
""",
        vars(module) | {"nn": t.nn, "torch": t},
        space := {},
    )
    module.Net = space["Net"]
    module.Net.__module__ = "users_model"
    return module


@pytest.mark.parametrize("legacy", [False, True])
def test_classes_of_the_users_own(legacy, monkeypatch):
    for writer, reader in WAYS:
        monkeypatch.setitem(sys.modules, "users_model", program_with_a_model(writer))
        writer.manual_seed(0)
        before = sys.modules["users_model"].Net()
        file = file_of(writer, before, legacy)
        monkeypatch.setitem(sys.modules, "users_model", program_with_a_model(reader))
        got = reader.load(file, weights_only=False)
        assert got.note == {"width": 4} and type(got) is sys.modules["users_model"].Net
        assert_same(plain(before(vectors(writer))), plain(got(vectors(reader))))
