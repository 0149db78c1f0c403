"""A sample of everything.py: layers, optimizers and examples agree eager and compiled, and compile as far as is written here."""

import sys
import warnings
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import everything  # noqa: E402

WHOLE = [
    "Linear", "Bilinear", "Conv2d", "BatchNorm1d", "LayerNorm", "GroupNorm", "Embedding", "CrossEntropyLoss", "MaxPool2d", "GELU",
    "LSTMCell", "TransformerEncoderLayer",
]  # fmt: skip
OPTIMIZERS = {
    "Adadelta": "whole", "Adafactor": "whole", "Adagrad": "whole", "Adam": "whole", "Adamax": "whole", "AdamW": "whole", "ASGD": "whole",
    "Muon": "whole", "NAdam": "whole", "RAdam": "whole", "RMSprop": "whole", "Rprop": "whole", "SGD": "whole", "LBFGS": "eager: item",
}  # fmt: skip
"""How each of them goes."""


def entry_of(entries, name):
    return next(e for e in entries if name in (e.name.removeprefix("nn.") if hasattr(e, "name") else e.optim_cls.__name__,))


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*runs eagerly")
        warnings.filterwarnings("ignore", module="torch")
        yield


@pytest.mark.parametrize("use", everything.USES)
@pytest.mark.parametrize("name", WHOLE)
def test_a_layer_compiles_whole(name, use):
    _, layer, args, kwargs = next(everything.layer_samples(entry_of(everything.LAYERS, name), 1))
    assert everything.layer_case(use, layer, args, kwargs) == "whole"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_agrees(name):
    _, run = next(everything.optimizer_cases(entry_of(everything.OPTIMIZERS, name)))
    found, expected = run(), OPTIMIZERS[name]
    assert found.startswith(expected)


@pytest.mark.parametrize("name", ["digits", "mnist mlp", "names mlp", "gpt", "resume"])
def test_a_step_of_an_example_compiles_whole(name):
    _, run = list(everything.example_cases(name))[-1]
    assert run() == "whole"
