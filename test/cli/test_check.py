"""``minitorch check``: what it finds in scripts, notebooks and folders, and that it never runs them."""

import json

import pytest
from click.testing import CliRunner

from minitorch.cli import main

HEAD = "import torch\nimport torch.nn as nn\nfrom torch.nn import functional as F\nimport numpy as np\n"


def check(*paths):
    """(exit code, the report)."""
    done = CliRunner().invoke(main, ["check", "--json", *map(str, paths)])
    return done.exit_code, json.loads(done.stdout)


def checked(text, folder):
    path = folder / "script.py"
    path.write_text(HEAD + text)
    code, report = check(path)
    assert code == (1 if report["missing"] or report["keywords"] else 0) and report["unreadable"] == []
    return report


def names(rows):
    return {row["name"] for row in rows}


# source, the names that it uses and that are here, those that are missing
USES = [
    ("torch.zeros(2); torch.zeros(3)", {"torch.zeros"}, set()),
    ("nn.Linear(1, 2)(x)", {"torch.nn.Linear"}, set()),
    ("nn.Lineer(1, 2)", set(), {"torch.nn.Lineer"}),
    ("F.relu(x); torch.nn.functional.relu(x)", {"torch.nn.functional.relu"}, set()),
    ("from torch import zeros, nope", {"torch.zeros"}, {"torch.nope"}),
    ("from torch.utils.data import *\nDataLoader(x); IterDataPipe", {"torch.utils.data", "torch.utils.data.DataLoader"}, {"torch.utils.data.IterDataPipe"}),
    ("import torch.fx as fx\nfx.Graph()", set(), {"torch.fx", "torch.fx.Graph"}),
    ("import minitorch as mt\nmt.zeros(1)", {"torch.zeros"}, set()),
    ("G = torch.nn.functional\nG.nope(x)", set(), {"torch.nn.functional.nope"}),
    ("class Net(nn.Module):\n    def forward(self, x):\n        return self.nope(F.gelu(x))", {"torch.nn.Module", "torch.nn.functional.gelu"}, set()),
    ("@torch.no_grad()\ndef f(x: torch.Tensor = torch.ones(1)) -> torch.Tensor:\n    return x", {"torch.no_grad", "torch.Tensor", "torch.ones"}, set()),
    ("torch.float32.itemsize; torch.__version__.split('+')", {"torch.float32", "torch.__version__"}, set()),
    ("torch.ones(3).view(1, 3).to_mkldnn()", {"torch.ones", "Tensor.view"}, {"Tensor.to_mkldnn"}),
    ("torch.max(x, 0).values; torch.ones(1).numpy().astype(int)", {"torch.max", "torch.ones", "Tensor.values", "Tensor.numpy"}, set()),
    ("torch.sparse_coo_tensor(i, v)", set(), {"torch.sparse_coo_tensor"}),
    ("torch.cuda.synchronize()", {"torch.cuda.synchronize"}, set()),  # it refuses as PyTorch's does
    ("torch.backends.cudnn.benchmark = True", {"torch.backends.cudnn"}, set()),
    ("torch.mine = 1", set(), set()),
    ("getattr(torch, 'nope'); 'torch.nope'", set(), set()),
]  # fmt: skip


@pytest.mark.parametrize("text, here, missing", USES, ids=[row[0].splitlines()[-1] for row in USES])
def test_the_names_that_a_script_uses(text, here, missing, tmp_path):
    report = checked(text, tmp_path)
    assert set(report["here"]) - {"torch.nn", "torch.nn.functional"} == here
    assert names(report["missing"]) == missing


SHADOWED = [
    "def f(F):\n    return F.nope",
    "def f(*torch):\n    return torch.nope",
    "(lambda nn: nn.nope)(x)",
    "[F.nope for F in x]",
    "def f():\n    for nn in x:\n        print(nn.nope)",
    "def f():\n    import numpy as torch\n    torch.nope",
    "from mine import torch as ours\nours.nope",
    "from .nn import nope\nnope.nope",
    "def f():\n    G = torch.nn\n    G = x\n    G.nope",
]


@pytest.mark.parametrize("text", SHADOWED)
def test_a_name_that_means_something_else_is_not_pytorchs(text, tmp_path):
    assert names(checked(text, tmp_path)["missing"]) == set()


def test_uses_are_counted_and_placed(tmp_path):
    report = checked("torch.nope(1)\nx = [torch.zeros(1),\n     torch.nope(2)]", tmp_path)
    assert report["here"]["torch.zeros"] == 1
    file = str(tmp_path / "script.py")
    assert report["missing"][0]["uses"] == [
        {"file": file, "cell": None, "line": 5, "text": "torch.nope(1)"},
        {"file": file, "cell": None, "line": 7, "text": "torch.nope(2)]"},
    ]


REASONS = [
    ("torch.zeroes(1)", "PyTorch has no such name either; nearest here: torch.zeros"),
    ("F.grouped_mm", "PyTorch has it, minitorch doesn't yet"),
    ("torch.fx", "left out: it belongs to PyTorch's inner program representation, and is no way to write models"),
    ("torch.Conv2d", "nearest here: torch.nn.Conv2d, torch.conv2d"),
    ("torch.hub.load", "torch.hub.load: nothing is downloaded here; take the model's code from where it is kept"),
]


@pytest.mark.parametrize("text, why", REASONS)
def test_why_a_name_is_missing(text, why, tmp_path):
    assert why in checked(text, tmp_path)["missing"][0]["why"]


def test_keyword_arguments(tmp_path):
    text = "torch.cat(x, dim=0, colour=1)\nnn.Linear(1, 2, bias=False, color=2)\ntorch.sum(x, axis=0, out=y)\ndict(colour=3)\nx.sum(colour=4)"
    assert names(checked(text, tmp_path)["keywords"]) == {"torch.cat(colour=)", "torch.nn.Linear(color=)"}


def test_methods_of_unknown_objects_are_listed_apart_and_do_not_count(tmp_path):
    report = checked("x.to_mkldnn(); x.unsqueeze(0); x.split(','); x.numpy; np.solve(x); self.thing", tmp_path)
    assert names(report["perhaps"]) == {"Tensor.to_mkldnn"}
    assert report["methods"] == {"Tensor.numpy": 1, "Tensor.unsqueeze": 1}
    assert report["missing"] == []


def notebook(folder, *cells, name="notebook.ipynb"):
    rows = [{"cell_type": "code", "source": source} for source in cells]
    (folder / name).write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": ["# torch.nope"]}, *rows]}))
    return folder / name


def test_a_notebook_is_read_cell_by_cell_and_names_last(tmp_path):
    magic = [
        "%matplotlib inline\n",
        "!pip install einops\n",
        "files = !ls\n",
        "for i in x:\n",
        "    %time f(i)\n",
        "    torch.nope(i)\n",
    ]
    path = notebook(tmp_path, "import torch", magic, "%%bash\nls -l", "torch.zeros?\ntorch.zeroes(1)", "def f(:")
    code, report = check(path)
    assert code == 2 and report["unreadable"] == [f"{path}:cell 6:1: invalid syntax"]
    found = [(row["name"], row["uses"][0]["cell"], row["uses"][0]["line"]) for row in report["missing"]]
    assert found == [("torch.nope", 3, 6), ("torch.zeroes", 5, 2)]


def test_a_folder_is_read_without_what_others_wrote(tmp_path):
    for name in ("a.py", "sub/b.py", ".hidden/c.py", "venv/lib/d.py", "x/site-packages/e.py", "f.txt", ".g.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("import torch; torch.zeros(1)\nraise SystemExit('it was run')")
    notebook(tmp_path / "sub", "import torch; torch.ones(1)")
    code, report = check(tmp_path)
    assert (code, report["files"]) == (0, 4)
    assert report["here"] == {"torch.zeros": 3, "torch.ones": 1}


UNREADABLE = {
    "script.py": (b"def f(:", "script.py:1: invalid syntax"),
    "python2.py": (b"print 'x'", "python2.py:1: Missing parentheses in call to 'print'. Did you mean print(...)?"),
    "bytes.py": (b"x = '\xff'", "invalid or missing encoding declaration"),
    "null.py": (b"x = 1\0", "null.py"),
    "coding.py": (b"# -*- coding: nothing -*-", "unknown encoding"),
    "text.ipynb": (b"no json", "text.ipynb: Expecting value"),
    "other.ipynb": (b"[1, 2]", "other.ipynb: no notebook"),
    "missing.py": (None, "missing.py: No such file or directory"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_said_and_the_rest_is_read(name, tmp_path):
    content, said = UNREADABLE[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "good.py").write_text("import torch; torch.zeros(1)")
    code, report = check(tmp_path / name, tmp_path / "good.py")
    assert code == 2 and report["here"] == {"torch.zeros": 1}
    assert said in report["unreadable"][0]


def test_the_report_to_read(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("import torch\ntorch.zeroes(1)\ntorch.zeros(1, colour=2)\n")
    done = CliRunner().invoke(main, ["check", str(path)])
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "files read: 1. names of PyTorch's: 2, here: 1, not here: 1",
        "",
        "not here",
        "      1  torch.zeroes   PyTorch has no such name either; nearest here: torch.zeros",
        f"             {path}:2: torch.zeroes(1)",
        "",
        "keyword arguments that aren't taken",
        "      1  torch.zeros(colour=)",
        f"             {path}:3: torch.zeros(1, colour=2)",
        "",
        "here",
        "      1  torch.zeros",
    ]
