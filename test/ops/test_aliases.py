"""PyTorch's other names are the same functions here."""

import torch

import minitorch
from minitorch.ops import aliases


def test_other_names_are_the_same_functions():
    for name in aliases.__all__:
        assert hasattr(torch, name) or hasattr(torch.Tensor, name), name
        found = getattr(minitorch, name, None)
        assert getattr(found, "__wrapped__", found) is getattr(aliases, name) or name.endswith("_"), name
