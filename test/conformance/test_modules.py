"""A dozen layers of PyTorch's test database; the whole of it is run by ``python test/conformance/modules.py``."""

import pytest
from modules import chosen, failures

NAMES = [
    "AvgPool2d", "BCEWithLogitsLoss", "Bilinear", "Conv2d", "ConvTranspose1d", "CrossEntropyLoss", "Embedding", "GELU",
    "GRU", "GroupNorm", "InstanceNorm2d", "LSTMCell", "LayerNorm", "Linear", "MaxPool2d", "MultiheadAttention",
]  # fmt: skip


@pytest.mark.parametrize("entry", chosen(NAMES), ids=lambda entry: entry.name)
def test_layer_agrees_with_torch(entry):
    assert failures(entry, limit=3) == []


def test_names_choose_entries():
    assert {entry.name.removeprefix("nn.") for entry in chosen(NAMES)} == set(NAMES)
