"""``explain``: what it says of kernels is true, and saying it changes nothing."""

import itertools
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy
import pytest

import minitorch as torch
from minitorch import nn, optim
from minitorch import primitives as rows
from minitorch.compiler import timing
from minitorch.compiler.graph import Step, Value
from minitorch.compiler.pseudocode import readable
from minitorch.compiling import explaining, measuring
from minitorch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]


def explained(function, *args, calls=3, measure=False):
    compiled = torch.compile(function)
    for _ in range(calls):
        compiled(*args)
    return compiled.explain(measure)


# ------------------------------------------------------------------------------------------------------------- numbers


def test_a_product_is_counted_exactly():
    x, w = torch.ones(8, 16), torch.ones(16, 4)
    (kernel,) = explained(lambda x, w: x @ w, x, w).kernels
    assert (kernel.flops, kernel.read, kernel.written) == (2 * 8 * 16 * 4, 4 * (8 * 16 + 16 * 4), 4 * 8 * 4)
    assert kernel.loop == ["result0 (8, 4) = x (8, 16) @ w (16, 4)"] and kernel.rows == ["matmul"]


def test_a_convolution_and_its_gradients_cost_the_same():
    conv, x = nn.Conv2d(2, 6, 3), torch.ones(4, 2, 8, 8, requires_grad=True)
    kernels = explained(lambda x: conv(x).exp().sum().backward(), x).kernels
    counts = {k.rows[0]: k.flops for k in kernels if k.rows[0].startswith("conv")}
    assert counts == dict.fromkeys(["conv", "conv_input_grad", "conv_weight_grad"], 2 * (4 * 6 * 6 * 6) * (2 * 3 * 3))


def test_what_stays_in_registers_is_no_traffic():
    (kernel,) = explained(lambda x: (x.exp() * 2 + 1).sum(), torch.ones(10, 10)).kernels
    assert (kernel.read, kernel.written, kernel.flops) == (400, 4, 4 * 100)


def test_repeated_elements_count_once():
    (kernel,) = explained(lambda x, y: x + y, torch.ones(10, 10), torch.ones(10)).kernels
    assert (kernel.read, kernel.written) == (440, 400)


def test_it_measures_every_kernel():
    found = explained(lambda x: x.softmax(1) @ x.T, torch.ones(64, 64), measure=True)
    (part,) = found.answers[0].parts
    assert len(found.kernels) == 2 and all(k.seconds > 0 and k.share > 0 and k.bound in ("memory", "arithmetic") for k in found.kernels)
    assert part.seconds > 0 and found.peaks[0] > 1e8


# --------------------------------------------------------------------------------------------------- nothing is changed


def trained(explain):
    """Losses, states and draws of a model with all kinds of state, explained between two steps or not."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    x = torch.randn(6, 4)

    @torch.compile(fullgraph=True)
    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    losses = []
    for k in range(6):
        losses.append(step(x).item())
        if explain and k == 3:
            step.explain()
    states = [s for state in optimizer.state.values() for s in state.values()]
    return [torch.tensor(losses), *model.state_dict().values(), *states, *[p.grad for p in model.parameters()], torch.get_rng_state()]


def test_measuring_changes_no_state():
    for expected, found in zip(trained(False), trained(True), strict=True):
        assert (expected == found).all()


# -------------------------------------------------------------------------------------------------------------- the text


def test_a_kernel_names_the_lines_it_came_from():
    def function(x):
        y = x.exp()
        return y * 3

    (kernel,) = explained(function, torch.ones(3)).kernels
    (where, first), (_, second) = kernel.lines
    line = function.__code__.co_firstlineno + 1
    assert where.endswith(f"test_explain.py:{line}") and [first, second] == ["y = x.exp()", "return y * 3"]


def test_a_gradient_names_the_line_that_it_is_the_gradient_of():
    w = torch.ones(4, 4, requires_grad=True)

    def step(x):
        w.grad = None
        y = x @ w
        loss = y.exp().sum()
        loss.backward()
        return loss

    first = step.__code__.co_firstlineno
    (gradient,) = [k for k in explained(step, torch.ones(3, 4)).kernels if k.loop[0].startswith("w.grad")]
    assert [(where.split("test_explain.py:")[1], text) for where, text in gradient.lines] == [(f"{first + 2}, backward", "y = x @ w")]


def test_every_kernel_of_a_training_step_names_a_line_and_every_value_has_a_name():
    model, x = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.randn(3, 4, 8)
    optimizer = optim.AdamW(model.parameters())

    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    found = explained(step, x)
    assert len(found.kernels) > 10 and not found.eager
    assert all(k.lines and "?" not in str(k.loop) for k in found.kernels)


def test_values_are_called_as_the_program_calls_them():
    class Cache:
        def __init__(self):
            self.keys = torch.zeros(3)

    cache, scales, one, two = Cache(), [torch.ones(3)], nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)

    def function(x, *, more):
        cache.keys.copy_(x * scales[0] + more["y"])
        return one(x) + two(x)

    compiled = torch.compile(function)
    with torch.no_grad():
        for _ in range(3):
            compiled(torch.ones(3), more={"y": torch.ones(3)})
    text = "\n".join([line for k in compiled.explain(measure=False).kernels for line in k.loop])
    assert "cache.keys[i] = x[i] * scales[0][i] + more['y'][i]" in text and "one.weight" in text and "two.weight" in text


def executed(nest, arrays):
    """Run a nest's text as Python, on flat arrays: b0, b1 …"""
    lines = readable(nest, [f"b{k}" for k in range(len(nest.buffers))])
    text = "\n".join(lines).replace("  (columns, side by side)", "")
    text = re.sub(r"\b(\d+)([i-w])\b", r"\1 * \2", text)  # 8i
    text = re.sub(r"(\d) (b\d)", r"\1 * \2", text)
    totals = sorted(set(re.findall(r"\b[smp]\d+\b", text)))
    first = "; ".join([f"{name} = {dict(s='0', m='-inf', p='1')[name[0]]}" for name in totals]) or "pass"
    kept = "; ".join([f"{name} = {{}}" for name in set(re.findall(r"(\bt\d+)\[", text))]) or "pass"
    made = [f"{first}; {kept}"]
    for line in text.splitlines():
        loop = re.match(r"( *)for ([^:]*):(.*)", line)
        if loop is None:
            made.append(line)
            continue
        margin, dims, rest = loop.groups()
        dims = [dim.split(" in ") for dim in dims.split(", ")]
        ranges = ", ".join([f"range({n})" for _, n in dims])
        made.append(f"{margin}for {', '.join([d for d, _ in dims])}, in product({ranges}):{rest}")
        if not margin and nest.outer:
            made.append(f"    {first}; {kept}")
    functions = {name: getattr(math, name) for name in ("exp", "log", "sqrt", "erf")}
    numbers = {"inf": math.inf, "product": itertools.product, "relu": lambda x: max(x, 0.0), "int64": int, "float32": float, "reciprocal": lambda x: 1 / x}
    exec("\n".join(made), {**functions, **numbers, **{f"b{k}": a for k, a in enumerate(arrays)}})


FUNCTIONS = {
    "chain": lambda x: ((x + 1) * 2 - x / 3).relu(),
    "softmax": lambda x: x.softmax(1),
    "softmax of columns": lambda x: x.softmax(0),
    "layer norm": lambda x: F.layer_norm(x, (5,)),
    "gelu": F.gelu,
    "sum of columns": lambda x: (x * x).sum(0),
    "where": lambda x: torch.where((x > 0) & (x < 1), -(x - 1), 2 - (x + 3)),
    "comparisons": lambda x: ((x > 0) == (x < 1)) * 2.0,
    "rows": lambda x: x[torch.arange(3)] * 2,
    "log softmax": lambda x: x.log_softmax(1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_text_of_a_loop_computes_what_the_loop_does(name):
    torch.manual_seed(0)
    x = torch.randn(4, 5)
    compiled = torch.compile(FUNCTIONS[name], fullgraph=True)
    for _ in range(3):
        expected = compiled(x)
    native = next(iter(compiled.signatures.values())).programs[0].native
    memory = {place: numpy.zeros(100) for kernel in native.kernels for place in kernel.buffers}
    for place in memory:
        if place.kind == "input":
            memory[place][: x.numel()] = x.numpy().ravel()
    for kernel in native.kernels:
        executed(kernel.nest, [IntegersWhereWhole(memory[place]) for place in kernel.buffers])
    found = next(array for place, array in memory.items() if place.kind == "output")
    numpy.testing.assert_allclose(found[: expected.numel()].reshape(expected.shape), expected.numpy(), rtol=1e-4, atol=1e-5)


class IntegersWhereWhole:
    """An array whose whole numbers are read as ints, so that they may be indices."""

    def __init__(self, array):
        self.array = array

    def __getitem__(self, k):
        x = self.array[k].item()
        return int(x) if x == x and abs(x) < 1e9 and x == int(x) else x

    def __setitem__(self, k, x):
        self.array[k] = x


def test_what_runs_eagerly_and_what_numpy_runs_has_a_reason():
    with pytest.warns(UserWarning, match="runs eagerly"):
        (_, why), = explained(lambda x: x + x.sum().item(), torch.ones(2), calls=8).eager
    assert why.startswith("item looks at a tensor's values, in ") and "test_explain.py:" in why
    found = explained(lambda x: x.sort(0)[0], torch.ones(4, 4))
    assert [k.numpy for k in found.kernels if k.numpy] == ["no native code for argsort of float32 in this form"]
    assert torch.compile(lambda x: x).explain().kernels == []
    assert "it wasn't called yet" in str(torch.compile(lambda x: x).explain())


def test_a_module_has_a_forward_and_a_backward():
    model = torch.compile(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)))
    for _ in range(3):
        model(torch.ones(5, 3)).sum().backward()
    found = model.explain()
    assert [part.title for part in found.answers[0].parts] == ["forward", "backward"]
    assert "2.weight.grad (1, 4) = result0.grad (1, 5) @ saved0 (5, 4)" in str(found)
    assert model.training and set(model.state_dict()) == {f"_orig_mod.{k}" for k in ("0.weight", "0.bias", "2.weight", "2.bias")}


def test_it_can_be_printed_drawn_and_stored(monkeypatch):
    monkeypatch.setenv("MINITORCH_CACHE", "0")
    found = explained(lambda x: (x @ x).exp() @ x, torch.ones(16, 16), measure=True)
    text, regions = str(found), found.answers[0].parts[0].regions
    assert all(f"{r.size:,}  {r.first} to {r.last}" in text for r in regions) and regions and "compiled in" in text
    shapes = ElementTree.fromstring(found.svg()).iter("{http://www.w3.org/2000/svg}rect")
    assert len(list(shapes)) == 1 + len(regions)
    stored = json.loads(json.dumps(found.to_dict()))
    assert [k["flops"] for k in stored["answers"][0]["parts"][0]["kernels"]] == [k.flops for k in found.kernels]
    assert list(stored["answers"][0]["parts"][0]["stages"]) == ["look up", "simplify", "fuse", "recompute", "schedule", "plan", "lower", "llvm", "link"]


NOTHING_NATIVE = {
    "its argument": (lambda x: x, 4),
    "no elements": (lambda x: x + 1, 0),
    "NumPy alone": (lambda x: x.sort()[1], 4),
    "a draw": (lambda x: torch.rand(3), 4),
}


@pytest.mark.parametrize("name", NOTHING_NATIVE)
def test_programs_without_native_code_are_explained_too(name):
    function, size = NOTHING_NATIVE[name]
    found = explained(function, torch.ones(size), measure=True)
    assert len(found.answers) == 1 and "compiled in" in str(found) and found.svg()


def test_where_native_code_has_no_clock_kernels_have_no_times(monkeypatch):
    monkeypatch.setattr(timing, "CLOCK", None)
    found = explained(lambda x: x * 2, torch.ones(4), measure=True)
    assert [k.seconds for k in found.kernels] == [None] and found.answers[0].parts[0].seconds > 0 and "a run takes" in str(found)


# ------------------------------------------------------------------------------------------------------- the command line

SCRIPT = """
import torch, sys

def main():
    @torch.compile
    def twice(x):
        return x * 2
    for _ in range(3):
        twice(torch.ones(4))
    print("done", sys.argv[1])

main()
sys.exit(3)
"""


def test_the_command_explains_what_a_program_compiled(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "minitorch", "explain", "--svg", "plans", "script.py", "--now"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("done --now\n\nmain.<locals>.twice\n") and "script.py:7" in done.stdout
    assert [file.name for file in (tmp_path / "plans").iterdir()] == ["0-0-0.svg"]


def test_what_has_no_program_has_no_picture():
    with pytest.raises(RuntimeError, match="has no program to draw"):
        torch.compile(lambda x: x).explain(measure=False).svg()


def test_what_computes_nothing_says_so():
    same = torch.compile(lambda x: x)
    for _ in range(3):
        same(torch.ones(2))
    assert "a call is looked at by Python: there is nothing to compute" in str(same.explain(measure=False))


def test_the_line_of_a_module_of_ours_is_that_of_the_call():
    model = torch.compile(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()))
    for _ in range(3):
        model(torch.ones(2, 3))
    lines = {line for kernel in model.explain(measure=False).kernels for line in kernel.lines}
    assert {source for _, source in lines} == {"model(torch.ones(2, 3))"}


@pytest.mark.parametrize("dots, size", [(True, 2), (False, 4)])
def test_products_of_bfloat16_are_held_against_what_the_machine_does_of_them(monkeypatch, dots, size):
    monkeypatch.setattr(explaining, "host", lambda: SimpleNamespace(dots=dots))
    a, b, out = [Value((2, 2), dtype) for dtype in (torch.bfloat16, torch.bfloat16, torch.float32)]
    assert explaining.size_of_operations([Step(rows.matmul, (a, b), (), out)]) == size
    assert explaining.size_of_operations([Step(rows.add, (out, out), (), out)]) == 4


def test_bytes_that_lie_between_two_measured_sizes_have_a_rate_between_theirs(monkeypatch):
    monkeypatch.setattr(measuring, "rates", lambda threads: [8e9, 4e9, 5e9, 2e9, 1e9])  # the third was measured in a quieter moment
    first, second, third, *_ = measuring.SIZES
    sizes = [1, first, first + 1, second - 1, second, second + 1, third, third + 1, math.inf]
    found = [measuring.bandwidth(size) for size in sizes]
    assert found == sorted(found, reverse=True) and (found[0], found[6], found[-1]) == (8e9, 5e9, 1e9)
    assert 7e9 < found[2] < 8e9 and 5e9 <= found[5] < 5.1e9


def test_nothing_is_said_to_be_quicker_than_the_machine(monkeypatch):
    monkeypatch.setattr(explaining, "bandwidth", lambda size: 1.0)
    compiled = torch.compile(lambda x: x * 2 + 1)
    for _ in range(3):
        compiled(torch.ones(1000))
    assert [k.share for k in compiled.explain().kernels] == [1.0]


def test_what_numpy_refuses_in_a_program_names_the_line():
    def factor(x):
        return torch.linalg.cholesky(x * 2)  # here

    compiled = torch.compile(factor)
    for _ in range(3):
        compiled(torch.eye(3))
    with pytest.raises(torch.linalg.LinAlgError, match="not positive-definite") as caught:
        compiled(-torch.eye(3))
    source = Path(__file__).read_text().splitlines()
    line = 1 + next(k for k, text in enumerate(source) if text.endswith("# here"))
    assert caught.value.__notes__ == [f"computed at {__file__}:{line}, in a compiled function"]


def test_a_truth_is_written_as_one():
    """The triangle of a causal mask was "1 if j - i <= 0 else False"."""
    (kernel,) = explained(lambda x: torch.ones(8, 8, dtype=torch.bool).tril().logical_and(x > 0), torch.ones(8, 8)).kernels
    assert "True if " in " ".join(kernel.loop) and "1 if" not in " ".join(kernel.loop)
