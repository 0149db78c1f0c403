"""The figures of ``minitorch.summary`` against formulas written by hand, and PyTorch's own count of the products."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import minitorch
from minitorch import nn
from minitorch.nn import functional as F


def figures(model, *args, **kwargs):
    return minitorch.summary(model, *args, verbose=False, **kwargs)


FLOAT = 4  # bytes
N, IN, OUT, HEIGHT, WIDTH = 5, 6, 8, 9, 7


def linear():
    flops = 2 * N * IN * OUT + N * OUT
    return nn.Linear(IN, OUT), (N, IN), IN * OUT + OUT, flops, FLOAT * (N * IN + IN * OUT + OUT + N * OUT)


def convolution():
    size = N * OUT * (HEIGHT - 2) * (WIDTH - 2)  # what it makes, of 3×3 pixels in each of IN / 2 channels
    weights = OUT * (IN // 2) * 9
    moved = FLOAT * (N * IN * HEIGHT * WIDTH + weights + size)
    return nn.Conv2d(IN, OUT, 3, groups=2, bias=False), (N, IN, HEIGHT, WIDTH), weights, 2 * size * (IN // 2) * 9, moved


def batch_norm():
    size = N * IN * HEIGHT * WIDTH
    # for each channel: + eps, 1/√, · weight, · mean, bias - ; then · and + for each element
    moved = FLOAT * (IN * (2 + 2 + 3 + 3 + 3) + 2 * (2 * size + IN))
    return nn.BatchNorm2d(IN), (N, IN, HEIGHT, WIDTH), 2 * IN, 5 * IN + 2 * size, moved


def lstm():
    steps, hidden = 3, OUT
    gates = N * 4 * hidden
    into = steps * (2 * gates * IN + gates) + 4 * hidden  # W x + (b + b'), for all steps at once
    step = 2 * gates * hidden + gates  # U h, and the sum of both
    cell = N * hidden * (5 + 3 + 1)  # σ σ tanh σ tanh;  i·g, f·c, o·tanh;  f·c + i·g
    return nn.LSTM(IN, hidden), (steps, N, IN), 4 * hidden * (IN + hidden + 2), into + steps * (step + cell), None


def attention():
    length, width, heads = 5, 8, 2
    rows = N * length
    projections = 2 * rows * width * 4 * width + rows * 4 * width
    scores = N * heads * length * length
    # q/√d, q kᵀ, softmax, weights · v, and the mean of the weights over heads
    flops = projections + rows * width + 2 * scores * (width // heads) * 2 + 5 * scores + scores
    model = nn.MultiheadAttention(width, heads)

    class Itself(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = model

        def forward(self, x):
            return self.attention(x, x, x)

    return Itself(), (length, N, width), 4 * width * width + 4 * width, flops, None


@pytest.mark.parametrize("layer", [linear, convolution, batch_norm, lstm, attention], ids=lambda layer: layer.__name__)
def test_figures_are_those_of_the_formulas(layer):
    model, size, parameters, flops, moved = layer()
    found = figures(model, input_size=size)
    assert (parameters, flops) == (found.parameters, found.flops)
    if moved is not None:
        assert moved == found.bytes
    assert found.total()["parameter_bytes"] == FLOAT * parameters


# Its counter doesn't look into LSTM's kernel, nor into the one for attention without weights.
COUNTED = {
    "nn.Linear(3, 4)": (2, 5, 3),
    "nn.Conv1d(4, 6, 3, groups=2)": (2, 4, 9),
    "nn.Conv2d(3, 8, 3, padding=1, stride=2)": (2, 3, 8, 8),
    "nn.ConvTranspose2d(8, 4, 2, groups=2, stride=2)": (2, 8, 5, 5),
    "nn.GRU(4, 5)": (3, 2, 4),
    "nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5))": (2, 3, 9, 9),
}


@pytest.mark.parametrize("text", COUNTED)
def test_products_are_as_many_as_pytorch_counts(text):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        eval(text, {"nn": torch.nn})(torch.zeros(COUNTED[text]))
    assert counter.get_total_flops() == figures(eval(text), input_size=COUNTED[text]).total()["products"]


class Tied(nn.Module):
    """A layer twice, a weight twice, one that is never called."""

    def __init__(self):
        super().__init__()
        self.embedding, self.middle, self.head = nn.Embedding(10, 4), nn.Linear(4, 4), nn.Linear(4, 10, bias=False)
        self.head.weight = self.embedding.weight
        self.again, self.unused = self.middle, nn.Linear(2, 2)
        self.unused.requires_grad_(False)
        self.dropout = nn.Dropout()

    def forward(self, tokens, scale=1.0):
        hidden = self.middle(self.dropout(self.middle(self.embedding(tokens))))
        return {"scores": self.head(hidden) * scale, "hidden": (hidden, "text")}


TOKENS = minitorch.tensor([[1, 2, 3]])


def test_what_is_shared_counts_once_and_what_is_fixed_apart():
    found = figures(Tied(), TOKENS)
    assert (found.parameters, found.trainable) == (40 + 20 + 6, 40 + 20)
    assert (found["head"].parameters, found["again"].first, found["middle"].calls) == (0, "middle", 2)
    assert found["middle"].flops == 2 * (2 * 3 * 4 * 4 + 3 * 4)
    assert found["unused"].output is None and found["unused"].flops == 0
    assert found["embedding"].flops == 0  # it looks up, and computes nothing
    assert found[""].output == {"scores": (1, 3, 10), "hidden": [(1, 3, 4)]}
    with pytest.raises(KeyError, match="no layer 'tail': they are '', 'embedding'"):
        found["tail"]


def test_arguments_can_be_one_several_or_named():
    one, several = figures(Tied(), TOKENS), figures(Tied(), (TOKENS, 2.0))
    named = figures(Tied(), {"tokens": TOKENS, "scale": 2.0})
    assert one.flops == several.flops == named.flops
    assert figures(nn.Bilinear(2, 3, 4), input_size=[(5, 2), (5, 3)])[""].output == (5, 4)
    assert figures(Tied()).parameters == 66 and figures(Tied()).flops == 0
    with pytest.raises(TypeError, match="expected a Module, got int"):
        minitorch.summary(3)


def test_modes_generator_and_statistics_stay_as_they_were():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())
    model[2].eval()
    minitorch.manual_seed(0)
    before, state = minitorch.get_rng_state(), {name: value.clone() for name, value in model.state_dict().items()}
    figures(model, input_size=(3, 4))
    assert minitorch.equal(before, minitorch.get_rng_state())
    assert [module.training for module in model.modules()] == [True, True, True, False]
    assert all(minitorch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert minitorch.modes.MODE.listeners == () and not nn.hooks.every_call


def test_a_model_that_fails_leaves_nothing_behind():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(5, 5))
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        figures(model, input_size=(3, 4))
    assert minitorch.modes.MODE.listeners == () and not nn.hooks.every_call and model.training


def test_table(capsys):
    found = minitorch.summary(Tied(), TOKENS)
    printed = capsys.readouterr().out
    assert printed.rstrip("\n") == str(found)
    lines = [line.split() for line in printed.splitlines()]
    assert ["Tied", "{scores:", "[1,", "3,", "10],", "hidden:", "[[1,", "3,", "4]]}", "66"] == lines[2][:10]
    assert ["middle:", "Linear", "[1,", "3,", "4]", "×2", "20"] == lines[4][:7]
    assert ["again:", "Linear", "(is", "middle)"] == lines[6]
    assert "66 (60 trainable, 6 fixed)" in printed
    assert repr(found) == "<Summary of Tied: 6 layers, 66 parameters>"

    minitorch.summary(Tied(), TOKENS, depth=0)
    assert len(capsys.readouterr().out.splitlines()) == 7


def test_functions_between_layers_count_for_the_module_around_them():
    class Scores(nn.Module):
        def forward(self, q, k):
            return F.softmax(q @ k.transpose(0, 1), -1)

    found = figures(Scores(), input_size=[(3, 4), (5, 4)])
    assert found.flops == 2 * 3 * 5 * 4 + 5 * 3 * 5
    assert found.bytes == 4 * (12 + 20 + 15) + 4 * (15 + 15)  # the transposed k is a view
