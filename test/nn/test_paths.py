"""PyTorch's paths lead to our layers."""

import importlib
from pathlib import Path

import pytest
import torch
from oracle import agree

import minitorch

FILES = sorted(file.stem for file in Path(torch.nn.modules.__path__[0]).glob("[a-z]*.py"))


@pytest.mark.parametrize("file", FILES)
def test_every_file_of_layers_has_its_path(file):
    ours = importlib.import_module(f"minitorch.nn.modules.{file}")
    theirs = importlib.import_module(f"torch.nn.modules.{file}")
    for name in getattr(theirs, "__all__", ()):
        if hasattr(minitorch.nn, name):
            assert getattr(ours, name) is getattr(minitorch.nn, name)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        ours.Nothing  # noqa: B018


@pytest.mark.parametrize(
    "path",
    [
        "batchnorm._BatchNorm", "batchnorm._NormBase", "conv._ConvNd", "conv._ConvTransposeNd", "loss._Loss",
        "loss._WeightedLoss", "module._IncompatibleKeys", "module.Module", "module.register_module_forward_hook",
        "instancenorm._InstanceNorm", "utils._pair", "utils._ntuple",
    ],
)  # fmt: skip
def test_names_that_programs_import_privately(path):
    file, name = path.split(".")
    assert getattr(importlib.import_module(f"minitorch.nn.modules.{file}"), name) is not None


def test_the_package_has_the_layers():
    assert minitorch.nn.modules.Linear is minitorch.nn.Linear
    with pytest.raises(AttributeError):
        minitorch.nn.modules.Nothing  # noqa: B018


PROGRAMS = {
    "_pair": lambda u: (u._pair(3), u._pair([1, 2]), u._single(1), u._triple((1, 2, 3)), u._quadruple(0), u._pair.__name__),
    "_reverse_repeat_tuple": lambda u: u._reverse_repeat_tuple((1, 2, 3), 2),
    "_list_with_default": lambda u: (u._list_with_default([None, 2], [4, 5, 6]), u._list_with_default(3, [1])),
    "_list_with_default, too long": lambda u: u._list_with_default([None, 2], [4, 5]),
    "_ntuple of a string": lambda u: u._ntuple(2)("ab"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_utils(name):
    agree(lambda t: PROGRAMS[name](t.nn.modules.utils))


def test_a_prefix_is_taken_off():
    def program(t):
        state = t.nn.Sequential(t.nn.Sequential(t.nn.Linear(1, 1))).state_dict()
        t.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "0.")
        return list(state), list(state._metadata)

    agree(program)


@pytest.mark.parametrize("reduction", ["none", "mean", "elementwise_mean", "sum", "max"])
def test_reduction_as_a_number(reduction):
    agree(lambda t: t.nn._reduction.get_enum(reduction))


@pytest.mark.parametrize("flags", [(None, None), (True, False), (False, True), (False, False), (None, True)])
def test_reduction_in_old_words(flags):
    def program(t):
        return t.nn._reduction.legacy_get_string(*flags), t.nn._reduction.legacy_get_enum(*flags, emit_warning=False)

    agree(program)
