"""``minitorch compare`` on small scripts: those that agree, and those with a difference put in, which it must find.

Each row runs under both libraries in processes of their own. The details have their tests in test/compare.
"""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def compare(folder, script, *options):
    """(exit code, what is printed, what is complained) of ``minitorch compare`` on the script, given by its text."""
    (folder / "script.py").write_text(textwrap.dedent(script).lstrip())
    command = [sys.executable, "-m", "minitorch", "compare", *options, "script.py"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


AGREEING = '''
    import random

    import numpy as np
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    from torch.utils.data import DataLoader, Dataset

    import neighbour

    class Pictures(Dataset):
        def __init__(self):
            self.x, self.y = torch.randn(24, 1, 8, 8), torch.randint(0, 3, (24,))

        def __len__(self):
            return len(self.x)

        def __getitem__(self, i):
            return (self.x[i] + random.random() + np.random.rand(), self.y[i])

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
            self.drop = nn.Dropout(0.3)
            self.scores = nn.Linear(36, 3)
            self.scale = nn.Parameter(torch.empty(3))
            nn.init.ones_(self.scale)

        def forward(self, x):
            return self.scores(self.drop(self.features(x).flatten(1))) * self.scale

    garbage, more = torch.empty(100), torch.FloatTensor(100)

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    fast = torch.compile(model)
    for epoch in range(2):
        for x, y in DataLoader(Pictures(), batch_size=8, shuffle=True, num_workers=epoch):
            loss = F.cross_entropy(fast(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
        print(f"epoch {epoch} loss {loss.item():.6f}")

    w = torch.ones(3, requires_grad=True)
    z = torch.zeros(3)
    z += neighbour.double(w.detach())
    z[1:] *= torch.rand(2)
    (w * z).sum().backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    print(w, torch.vmap(lambda v: v.sin())(z).shape)
'''  # fmt: skip


def test_what_agrees(tmp_path):
    (tmp_path / "neighbour.py").write_text("def double(x):\n    return x * 2\n")
    code, told, complaints = compare(tmp_path, AGREEING, "--json")
    assert code == 0, told + complaints
    told = json.loads(told)
    assert told["agree"] and told["difference"] is told["printed"] is None and told["alone"] == {"PyTorch": [], "minitorch": []}
    assert told["tensors"] > 300 and told["evaluations"] > 200
    assert min(told["seconds"].values()) > 0


PUT_IN = 'ours = "minitorch" in torch.__file__\n'

# a script with a difference, and what is told of it
DIFFERENT = {
    "an element": (
        """
        def f(x, w):
            y = x @ w
            z = y.tanh()
            z = z.index_put((torch.tensor(2), torch.tensor(1)), z[2, 1] + 1e-2 * ours)
            return z.exp()
        print("ran")
        for i in range(3):
            print(f(torch.randn(4, 5), torch.randn(5, 3)).sum())
        """,
        {"what": "values", "line": 6, "time": 1, "operation": "z[2, 1] + 0.01 * ours", "place": [], "differing": 1},
        {"line": 2},
    ),
    "a write": (
        """
        x = torch.linspace(0, 1, 6).reshape(2, 3)
        for i in range(4):
            x[i % 2] += 0.5
            x[1, i % 3] = 8.0 if ours and i == 2 else 7.0
            x.mul_(2)
        """,
        {"what": "values", "line": 6, "time": 3, "place": [1, 2], "values": {"PyTorch": 7.0, "minitorch": 8.0}, "ulp": 2097152},
        None,
    ),
    "a parameter": (
        """
        net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for i in range(3):
            net(torch.ones(2, 3)).sum().backward()
            for group in optimizer.param_groups:
                group["lr"] = 0.2 if ours and i == 1 else 0.1
            optimizer.step()
        """,
        {"what": "values", "line": 9, "time": 2, "operation": "optimizer.step()", "tensor": "net.0.weight"},
        None,
    ),
    "inside a module": (
        """
        net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU("tanh" if ours else "none"), torch.nn.Linear(4, 2))
        out = net(torch.ones(2, 3))
        """,
        {"what": "values", "line": 4, "operation": "net.1 (GELU)"},
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("script, difference, printed", DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs(script, difference, printed, tmp_path):
    code, told, complaints = compare(tmp_path, "import torch\n" + PUT_IN + textwrap.dedent(script).lstrip(), "--json", "--no-time")
    assert code == 1, told + complaints
    told = json.loads(told)
    assert difference == {key: told["difference"][key] for key in difference}
    assert printed == (told["printed"] and {"line": told["printed"]["line"]})


CRASH = """
    import torch
    x = torch.ones(3)
    def f(x):
        if "minitorch" in torch.__file__:
            raise ValueError("not here")
        return x
    f(x * 2)
"""


def test_a_crash_on_one_side(tmp_path):
    code, told, _ = compare(tmp_path, CRASH, "--no-time")
    assert code == 2
    assert told.splitlines() == [
        "script.py failed under minitorch: ValueError: not here",
        "    Traceback (most recent call last):",
        f'      File "{tmp_path}/script.py", line 7, in <module>',
        "        f(x * 2)",
        f'      File "{tmp_path}/script.py", line 5, in f',
        '        raise ValueError("not here")',
        "    ValueError: not here",
        "",
        "up to there, all values agree: 2 tensors of 2 evaluated expressions",
    ]


CLOCK = """
    import time
    import torch
    print("values agree", torch.ones(3).sum())
    print(time.time_ns())
    open("left.txt", "w").close()
"""


def test_output_that_depends_on_the_clock(tmp_path):
    code, told, _ = compare(tmp_path, CLOCK, "--no-time")
    assert code == 1
    assert "all values agree: 2 tensors of 2 evaluated expressions" in told
    assert "printed output differs first in line 2:" in told
    assert "the first run wrote left.txt, and the second found it" in told


def test_pytorch_is_asked_for(tmp_path):
    """Without PyTorch there is nothing to compare with."""
    (tmp_path / "script.py").write_text("")
    command = [sys.executable, "-c", "import sys, importlib.util as u; u.find_spec = lambda name: None; from minitorch.cli import main; main()"]
    done = subprocess.run([*command, "compare", "script.py"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "Error: PyTorch is not installed, and it is one side of the comparison: pip install torch"
