"""PyTorch's other names are the same functions here."""

import pytest
import torch
from oracle import agree

import minitorch
from minitorch.ops import aliases


def test_other_names_are_the_same_functions():
    for name in aliases.__all__:
        assert hasattr(torch, name) or hasattr(torch.Tensor, name), name
        found = getattr(minitorch, name, None)
        assert getattr(found, "__wrapped__", found) is getattr(aliases, name) or name.endswith("_"), name


IN_PLACE = ["arccos_", "arcsinh_", "arctan_", "deg2rad_", "frac_", "nan_to_num_", "rad2deg_"]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_functions_are_torch_s_as_well(name):
    agree(lambda t: (lambda x: [getattr(t, name)(x) is x, x])(t.tensor([0.5, 0.25, float("nan")])))
