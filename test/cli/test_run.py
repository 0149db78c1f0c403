"""``minitorch run`` against Python itself: the same output, exit code and traceback; and ``torch`` is ours, in workers too."""

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON, RUN = [sys.executable], [sys.executable, "-m", "minitorch", "run"]


def call(command, folder, **options):
    """(exit code, what was printed, what was complained of)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, **options)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path):
    """A folder with a module, a package that can be run and one that can't, and a zip file."""
    files = {
        "mine.py": "import sys\nprint('mine', __name__)\n",
        "package/__init__.py": "print('package', __name__)\n",
        "package/__main__.py": WHO,
        "library/__init__.py": "",
        "faulty/__init__.py": "1 / 0\n",
        "faulty/__main__.py": "",
        "bare/readme.txt": "",
        "wrong.py": "def f(:\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with zipfile.ZipFile(tmp_path / "program.zip", "w") as archive:
        archive.writestr("__main__.py", WHO)
    return tmp_path


# ------------------------------------------------------------------------------------------------------ as Python runs it

WHO = """
import os, sys
import mine
print(__name__, __file__, __package__, __doc__, getattr(__spec__, "name", None), type(__loader__).__name__)
print(sys.argv, sys.path[0], os.getcwd(), sys.modules["__main__"].__dict__ is globals())
print(type(__builtins__), sorted(set(globals()) - {"__annotations__"}), sys.stdin.read())
""".replace("import mine\n", "")  # the same for a script, a folder, a zip file and a module

SCRIPTS = {
    "who and where": WHO,
    "a neighbour": "import mine",
    "main guard": "def main():\n    print('main')\n\nif __name__ == '__main__':\n    main()",
    "options": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float)\np.add_argument('rest', nargs='*')\nprint(p.parse_args())",
    "exit 3": "import sys\nprint('before')\nsys.exit(3)",
    "exit None": "raise SystemExit",
    "exit text": "raise SystemExit('no data')",
    "exit hook": "import atexit\natexit.register(print, 'at exit')\nimport sys; sys.exit(4)",
    "uncaught": "def f(x):\n    return 1 / x\n\nprint('before', flush=True)\nf(0)",
    "chained": "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('b') from error",
    "own hook": "import sys\nsys.excepthook = lambda kind, error, trace: print('hook', kind.__name__, trace.tb_lineno)\n\n1 / 0",
    "interrupted": "import atexit\natexit.register(print, 'at exit')\nprint('before')\nraise KeyboardInterrupt",
    "syntax error": "print('never')\ndef f(:",
    "encoding": "# -*- coding: latin-1 -*-\nprint('ä')",
    "thread": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\nprint('main')",
    "future": "from __future__ import annotations\nx: nowhere = 1\nprint(__annotations__)",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_runs_as_under_python(text, folder):
    (folder / "script.py").write_text(text, encoding="latin-1")
    arguments = ["script.py", "--lr", "0.1", "--", "-m", "--help"][: None if "argparse" not in text else 3]
    expected = call([*PYTHON, *arguments], folder, input="typed")
    assert call([*RUN, *arguments], folder, input="typed") == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ["package", "-h"], ["program.zip", "-h"], ["-m", "package", "-h"], ["-m", "mine", "--version"], ["missing.py"],
        ["bare"], ["-m", "missing"], ["-m", "library"], ["-m", "mine.missing"], ["wrong.py"], ["-m", "package.__main__"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_can_be_run(arguments, folder):
    expected = call([*PYTHON, *arguments], folder, input="typed")
    assert call([*RUN, *arguments], folder, input="typed") == expected


@pytest.mark.parametrize("text", ["import sys; print(sys.argv, sys.path[0] == '', __name__)", "x = 1\n1 / x - 1\nx.y"])
def test_a_program_from_standard_input(text, folder):
    expected = call([*PYTHON, "-", "-a"], folder, input=text)
    assert call([*RUN, "-", "-a"], folder, input=text) == expected


@pytest.mark.parametrize("options", [[], ["-P"], ["-W", "error"]], ids=" ".join)
def test_the_path_is_pythons_but_for_our_folder(options, folder):
    """Under -P Python leaves out the script's folder."""
    (folder / "script.py").write_text("import sys\nprint(*(p for p in sys.path if 'standing_in' not in p), *sys.warnoptions)")
    expected = call([sys.executable, *options, "script.py"], folder)
    assert call([sys.executable, *options, "-m", "minitorch", "run", "script.py"], folder) == expected


def test_a_package_that_fails_while_it_is_imported_shows_its_own_frames(folder):
    code, out, complaint = call([*RUN, "-m", "faulty"], folder)
    assert (code, out) == (1, "")
    assert complaint.splitlines()[1].strip() == f'File "{folder}/faulty/__init__.py", line 1, in <module>'
    assert complaint.splitlines()[-1] == "ZeroDivisionError: division by zero"


# ------------------------------------------------------------------------------------------------------------ torch is ours


def printed(text, folder, *arguments):
    """What a program prints under ``minitorch run``; it must succeed."""
    (folder / "script.py").write_text(textwrap.dedent(text))
    code, out, complaint = call([*RUN, "script.py", *arguments], folder)
    assert code == 0, complaint
    return out.splitlines()


def test_every_path_leads_to_the_same_module(folder):
    text = """
        import importlib, sys
        import torch, torch.nn as nn, torch.nn.functional as F
        from torch import nn as nn2, optim
        from torch.nn.modules.linear import Linear
        from torch.nn.modules.batchnorm import BatchNorm1d
        from torch.utils.data.dataloader import default_collate
        from torch.utils.data import *
        from torch.optim.lr_scheduler import StepLR
        from torch.autograd.variable import Variable
        import torch.cuda.amp, torch.functional, torch.distributed as dist, torch.nn.parallel, torch.backends.cudnn as cudnn
        import minitorch
        import minitorch.nn.functional

        assert torch is minitorch and nn is nn2 is minitorch.nn and F is minitorch.nn.functional
        assert Linear is minitorch.nn.Linear and isinstance(minitorch.nn.Linear(1, 1), nn.Module) and TensorDataset
        assert importlib.import_module("torch.cuda.amp") is minitorch.cuda.amp and torch.functional.split is torch.split
        assert nn.__spec__.name == "minitorch.nn" and torch.__name__ == "minitorch"
        print(torch.__file__)
        print([name for name, module in sys.modules.items() if "/site-packages/torch/" in (getattr(module, "__file__", "") or "")])
    """
    assert printed(text, folder) == [str(ROOT / "minitorch/__init__.py"), "[]"]


def test_libraries_that_import_torch_get_ours(folder):
    text = """
        import sys
        import einops, torch
        print(einops.rearrange(torch.arange(6), "(a b) -> b a", a=2).tolist())
        print(torch.is_tensor(einops.rearrange(torch.ones(2, 3), "a b -> b a")), torch.__version__)
    """
    assert printed(text, folder) == ["[[0, 3], [1, 4], [2, 5]]", "True 2.13.0+minitorch.0.1.0"]


def test_an_installed_pytorch_is_left_alone(folder):
    text = """
        import importlib.util, subprocess, sys, torch
        where = [sys.executable, "-c", "import importlib.util; print(importlib.util.find_spec('torch').origin)"]
        print(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip() == sys.argv[1], "torch._C" in sys.modules)
    """
    torch = pytest.importorskip("torch", reason="there is nothing to leave alone")
    assert printed(text, folder, torch.__file__) == ["True False"]


WORKERS = """
    import multiprocessing, sys
    import torch
    import torch.multiprocessing as mp
    from torch.utils.data import DataLoader, Dataset

    class Squares(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return torch.tensor([float(i * i)]), type(torch.nn.Linear(1, 1)).__module__

    def work(rank, queue):
        import torch.nn.functional as F
        queue.put((rank, F.relu(torch.tensor(-1.0)).item(), torch.__name__))

    if __name__ == "__main__":
        for x, name in DataLoader(Squares(), batch_size=2, num_workers=2, multiprocessing_context=sys.argv[1]):
            print(x.flatten().tolist(), set(name))
        if sys.argv[1] == "spawn":
            queue = multiprocessing.get_context("spawn").SimpleQueue()
            mp.spawn(work, args=(queue,), nprocs=1)
            print(queue.get())
"""


@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_worker_processes_get_it_too(start, folder):
    name = "{'minitorch.nn.linear'}"
    expected = [f"[0.0, 1.0] {name}", f"[4.0, 9.0] {name}", f"[16.0] {name}"]
    assert printed(WORKERS, folder, start) == expected + ["(0, 0.0, 'minitorch')"] * (start == "spawn")


def test_objects_survive_pickling(folder):
    text = """
        import pickle, torch
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
        again = pickle.loads(pickle.dumps(model))
        print(type(again) is torch.nn.Sequential, torch.equal(again[0].weight, model[0].weight))
        print(all(pickle.loads(pickle.dumps(x)) == x for x in (torch.float32, torch.device("cpu"), torch.Size([2]), torch.relu)))
    """
    assert printed(text, folder) == ["True True", "True"]


# ------------------------------------------------------------------------------------------------------- what isn't there

ERRORS = [
    ("torch.zeroes(2)", "AttributeError: module 'torch' has no attribute 'zeroes'", "PyTorch has no such name either; nearest here: torch.zeros"),
    ("from torch.nn import ReLu", "ImportError: cannot import name 'ReLu' from 'torch.nn'", "nearest here: torch.nn.ReLU,"),
    ("import torch.fx.proxy", "ModuleNotFoundError: No module named 'torch.fx'", "left out: it belongs to PyTorch's inner program"),
    ("torch.ones(2).to_sparse_bsc()", "AttributeError: 'Tensor' object has no attribute 'to_sparse_bsc'", "left out: sparse tensors aren't here"),
    ("torch.ones(2).smu()", "AttributeError: 'Tensor' object has no attribute 'smu'", "Did you mean: 'smm'?"),
]  # fmt: skip


@pytest.mark.parametrize("statement, first_line, advice", ERRORS, ids=[row[0] for row in ERRORS])
def test_a_name_that_is_lacking_is_explained(statement, first_line, advice, folder):
    (folder / "script.py").write_text(f"import torch\n{statement}\n")
    code, _, complaint = call([*RUN, "script.py"], folder)
    assert code == 1 and f'File "{folder}/script.py", line 2, in <module>\n    {statement}' in complaint
    assert f"\n{first_line}" in complaint and advice in complaint
    assert "/cli/program.py" not in complaint
