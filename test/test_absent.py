"""What a name that isn't here is answered with: PyTorch's first line, the program's line, and what there is instead."""

import importlib
import pickle
import re
import sys
from pathlib import Path

import pytest

import minitorch
from minitorch.absent import LEFT_OUT, advice, in_pytorch, lacking
from minitorch.cli.names import NOT_THERE, found

sys.path.append(str(Path(__file__).parent / "conformance"))

from absent import absent_names  # noqa: E402

DOCS = Path(__file__).parents[1] / "docs/missing.md"
MODULES = [
    "", ".autograd", ".backends", ".cuda", ".distributed", ".linalg", ".nn", ".nn.functional", ".nn.init", ".nn.modules.linear",
    ".nn.utils.rnn", ".optim", ".optim.lr_scheduler", ".special", ".utils.data",
]  # fmt: skip


def asked(library, module, name):
    return getattr(importlib.import_module(library + module), name)


@pytest.mark.parametrize("module", MODULES)
def test_the_first_line_is_pytorchs(module):
    with pytest.raises(AttributeError) as expected:
        asked("torch", module, "nothing_like_it")
    with pytest.raises(AttributeError) as got:
        asked("minitorch", module, "nothing_like_it")
    assert str(got.value).splitlines()[0] == str(expected.value)
    assert got.value.args[0] == str(expected.value) and got.value.name == "nothing_like_it"


@pytest.mark.parametrize("module", MODULES)
def test_the_first_line_of_an_import_is_pytorchs(module):
    lines = []
    for library in ("torch", "minitorch"):
        with pytest.raises(ImportError) as error:
            exec(f"from {library}{module} import nothing_like_it")
        lines.append(str(error.value).splitlines()[0].partition(" (")[0])
    assert lines[0] == lines[1] == f"cannot import name 'nothing_like_it' from 'torch{module}'"


def test_the_programs_line_and_what_is_near_follow():
    with pytest.raises(AttributeError) as error:
        minitorch.nn.Lineer(1, 2)
    line = error.traceback[0].lineno + 1
    assert str(error.value).splitlines()[1:] == [
        f"{__file__}:{line}: minitorch.nn.Lineer(1, 2)",
        "PyTorch has no such name either; nearest here: torch.nn.Linear",
    ]
    again = pickle.loads(pickle.dumps(error.value))
    assert str(again) == str(error.value)


def test_what_programs_ask_in_order_to_choose():
    assert not hasattr(minitorch, "npu") and not hasattr(minitorch.nn, "__wrapped__")
    assert getattr(minitorch.cuda, "nothing", 3) == 3


@pytest.mark.parametrize(
    "path, said",
    [
        ("torch.nn.relu", "nearest here: torch.relu, torch.nn.functional.relu, torch.nn.ReLU"),
        ("torch.Adam", "nearest here: torch.optim.Adam"),
        ("torch.DataLoader", "nearest here: torch.utils.data.DataLoader"),
        ("torch.unsqueeze_", "nearest here: Tensor.unsqueeze_, torch.unsqueeze"),
        ("torch.nested.nested_tensor", "left out: nested and masked tensors aren't here"),
        ("torch.nn.functional.scaled_mm", "PyTorch has it, minitorch doesn't yet"),
        ("torch._dynamo.config.verbose", "it isn't public in PyTorch"),
        ("torchvision.models.vgg16", "minitorch.vision has the part of torchvision that training programs import"),
    ],
)
def test_advice(path, said):
    assert said in advice(path)


def test_all_that_pytorch_has_and_we_lack_is_known():
    """Where this fails: python test/conformance/absent.py > minitorch/absent.txt. A name that came here since may still stand
    in the list, for it isn't asked for then; a whole module may not, for its star would speak for what isn't in it."""
    listed, absent = lacking(), absent_names()
    unknown = {m: [n for n in names if not in_pytorch(f"{m}.{n}".removesuffix(".*"))] for m, names in absent.items()}
    assert {module: names for module, names in unknown.items() if names} == {}
    assert [module for module, names in listed.items() if "*" in names and found(module) is not NOT_THERE] == []
    assert not in_pytorch("torch.nothing") and "Tensor" in listed


def test_the_reasons_are_those_of_the_docs():
    """Each reason speaks of a row of docs/missing.md: a name that it is the reason for stands there, or its module."""
    text = DOCS.read_text()
    for _, *starts in LEFT_OUT:
        assert any(re.search(rf"\b{start.rpartition('.')[2]}\b", text) for start in starts), starts
