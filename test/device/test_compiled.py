"""Compiled steps on a GPU do what they do eagerly there. On the stand-in the kernels run as plain C++."""

import ctypes
import importlib
import sys
import types
import warnings
from pathlib import Path

import numpy
import pytest

import minitorch as torch
from minitorch import backends, nn
from minitorch.nn import functional as F

sys.path.append(str(Path(__file__).parent.parent / "compiler"))
gpu_programs = importlib.import_module("gpu_programs")


@pytest.fixture
def drivers(device, request, monkeypatch):
    """The drivers of the programs that are made in a test; none on a real GPU, where CuPy's are used."""
    made: list = []
    if request.node.callspec.params["device"] == "stand-in":
        shim = importlib.import_module("shim_driver")
        if shim.COMPILER is None:
            pytest.skip("g++ compiles the kernels for the CPU, and isn't installed")
        torch.zeros(1, device="cuda")
        (xp,) = backends.ACCELERATORS
        monkeypatch.setattr(xp, "driver", lambda: made.append(shim.Driver(xp)) or made[-1])
    return made


def numbers(x):
    return x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x


def trained(make, compiled, device, steps=6):
    """The results of some steps, and the function that ran them."""
    torch.manual_seed(0)
    step, arguments = make(device)
    run = torch.compile(step, fullgraph=True) if compiled else step
    losses = [float(numbers(run(*arguments))) for _ in range(steps)]
    return losses, run


@pytest.mark.parametrize("name", ["the tour's network", "MNIST CNN", "GPT"])
def test_training(drivers, device, name):
    expected, _ = trained(gpu_programs.PROGRAMS[name], False, device)
    got, compiled = trained(gpu_programs.PROGRAMS[name], True, device)
    numpy.testing.assert_allclose(got, expected, rtol=2e-3 if name == "MNIST CNN" else 1e-4)
    assert [len(x.programs) for x in compiled.signatures.values()] == [1]
    assert all([(d.captured, d.replayed) == (1, 2) for d in drivers])


def test_gradients_are_written_where_they_are(drivers, device):
    torch.manual_seed(0)
    layer = nn.Linear(3, 2).to(device)
    x = torch.randn(4, 3).to(device)

    @torch.compile
    def step(x):
        layer.zero_grad()
        (layer(x) ** 2).sum().backward()

    for _ in range(4):
        step(x)
    before = layer.weight.grad.data_ptr()
    step(x)
    assert layer.weight.grad.data_ptr() == before
    assert all([(d.captured, d.replayed) == (1, 2) for d in drivers])  # of three calls the first only noticed where things are
    numpy.testing.assert_allclose(numbers(layer.weight.grad), 2 * numbers(layer(x)).T @ numbers(x), rtol=1e-5, atol=1e-6)


def test_backward_from_outside(drivers, device):
    torch.manual_seed(0)
    weight = torch.randn(3, 3).to(device).requires_grad_()
    compiled = torch.compile(lambda x: (x @ weight).tanh())
    x = torch.randn(2, 3).to(device)
    for _ in range(4):
        weight.grad = None
        compiled(x).sum().backward()
    expected = numbers(x).T @ (1 - numpy.tanh(numbers(x) @ numbers(weight)) ** 2)
    numpy.testing.assert_allclose(numbers(weight.grad), expected, rtol=1e-5, atol=1e-6)
    assert len(drivers) in (0, 2)


def test_steps_are_counted_on_the_cpu(drivers, device):
    """Adam's state says how many steps it made, and learning rates may change."""
    weight = torch.ones(3, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.1)

    @torch.compile
    def step():
        optimizer.zero_grad()
        (weight**2).sum().backward()
        optimizer.step()

    for _ in range(6):
        step()
    state = optimizer.state[weight]
    assert state["step"].device.type == "cpu" and state["step"].item() == 6
    before = numbers(weight).copy()
    optimizer.param_groups[0]["lr"] = 0.0
    step()
    assert numpy.array_equal(numbers(weight), before) and state["step"].item() == 7


def test_a_scaler_decides_whether_steps_are_counted(drivers, device):
    """The counts are the CPU's, whether they go on is known on the GPU."""

    def course(wrap):
        weight = torch.ones(3, device=device, requires_grad=True)
        bias = torch.ones((), device=device, requires_grad=True)
        optimizer, scaler = torch.optim.Adam([weight, bias], lr=0.1), torch.amp.GradScaler("cuda", init_scale=8.0, growth_interval=3)

        def step(x):
            optimizer.zero_grad()
            loss = ((weight * x).sum() + bias) ** 2
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            return loss

        run, found = wrap(step), []
        for k in range(9):
            run(torch.full((3,), float("inf") if k in (5, 7) else 1.0 + k, device=device))
            found += [*weight.tolist(), bias.item(), scaler.get_scale(), *[x["step"].item() for x in optimizer.state.values()]]
        return found, run

    expected, _ = course(lambda step: step)
    got, compiled = course(torch.compile)
    assert expected[-2:] == [7, 7]
    numpy.testing.assert_allclose(got, expected, rtol=1e-5)
    assert [len(x.programs) for x in compiled.signatures.values()] == [1]


def test_what_goes_to_the_cpu_runs_eagerly(drivers, device):
    compiled = torch.compile(lambda x: (x * 2).cpu() + 1)
    x = torch.ones(3, device=device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = [compiled(x) for _ in range(6)]
    assert {r.device.type for r in results} == {"cpu"} and results[-1].tolist() == [3, 3, 3]
    ((signature),) = compiled.signatures.values()
    assert "moves a tensor to the CPU" in signature.why


def test_a_program_of_the_gpu_s_is_not_for_the_cpu_s_tensors(drivers, device):
    compiled = torch.compile(lambda x: x.exp() * 2)
    for place in (device, "cpu", device, "cpu") * 2:
        x = torch.ones(5, device=place)
        y = compiled(x)
        assert y.device.type == torch.device(place).type
        numpy.testing.assert_allclose(numbers(y), 2 * numpy.e, rtol=1e-6)
    assert len(compiled.signatures) == 2


def test_an_index_out_of_range_is_an_error_and_changes_nothing(drivers, device):
    weight = torch.ones(4, 2, device=device)

    @torch.compile
    def step(index):
        weight.mul_(0.5)
        return F.embedding(index, weight)

    for _ in range(4):
        step(torch.tensor([1, 3], device=device))
    before = numbers(weight).copy()
    with pytest.raises(IndexError, match="index out of range"):
        for index in ([1, 4], [1, 3]):  # a GPU tells when it has come so far
            step(torch.tensor(index, device=device))
            torch.cuda.synchronize()
    assert numpy.array_equal(numbers(weight), before) or not drivers


def test_what_a_check_found_is_heard_however_far_ahead_the_cpu_is(device, request, monkeypatch):
    if request.node.callspec.params["device"] == "gpu":
        pytest.skip("a GPU's copies come when they come")
    torch.zeros(1, device=device)
    module, under_way = importlib.import_module("minitorch.backends.cupy_driver"), []

    def arrive():
        for target, number in under_way:
            ctypes.memmove(target, number, len(number))
        under_way.clear()

    def copy(target, source, size, *_):
        under_way.append((target, ctypes.string_at(source, size)))

    monkeypatch.setattr(module, "runtime", types.SimpleNamespace(memcpyAsync=copy, memcpyDeviceToHost=2))
    monkeypatch.setattr(module.cupy.cuda, "alloc_pinned_memory", bytearray, raising=False)
    monkeypatch.setattr(module.cupy.cuda, "get_current_stream", lambda: types.SimpleNamespace(ptr=0, synchronize=arrive))
    wrong = torch.zeros((), dtype=torch.int64, device=device)
    flag, found = module.Flag(wrong._array), []
    for call in range(2 * module.CALLS):
        wrong.fill_(call in (3, 70))
        flag.fetch()
        found.append(flag.heard())
    arrive()
    assert [call for call, number in enumerate(found) if number] == [module.CALLS]  # when the CPU has to wait
    assert [flag.heard(), flag.heard()] == [1, 0] and len(flag.free) == module.CALLS


def test_a_program_is_explained(drivers, device):
    scale, shift = torch.ones(7, device=device), torch.ones(5, device=device)
    compiled = torch.compile(lambda x: ((x @ x.T).softmax(-1), scale * 2, shift + 1))
    for _ in range(3):
        compiled(torch.ones(4, 4, device=device))
    told = compiled.explain(measure=False)
    words = [word for kernel in told.kernels for word in kernel.rows]
    assert sorted(words) == ["add", "amax", "div", "exp", "matmul", "mul", "sub", "sum"]
    assert "s1 += t1[j]" in str(told)


def test_a_layer_is_explained_as_one_kernel(drivers, device):
    weight, bias = torch.ones(60, 50, device=device), torch.ones(60, device=device)
    compiled = torch.compile(lambda x: F.linear(x, weight, bias).relu())
    for _ in range(3):
        compiled(torch.ones(40, 50, device=device))
    told = compiled.explain(measure=False)
    assert [kernel.rows for kernel in told.kernels] == [["matmul+bias+relu"]]
    assert "= relu(x (40, 50) @ weightᵀ (50, 60) + bias (60))" in str(told)


def test_numbers_of_the_cpu_s_are_computed_there(drivers, device):
    """A count that a step reads before and after it goes on; powers of it are no kernel of the GPU's."""
    results = []
    for compiling in (False, True):
        x, count = torch.arange(3.0, device=device), torch.ones(())

        def step(x, count=count):
            before = x * count
            count.add_(1)
            after = x + 0.5**count
            return before, after, x.sum() * (count * 2 - 1)

        run = torch.compile(step, fullgraph=True) if compiling else step
        results.append([[part.tolist() for part in run(x)] for _ in range(6)] + [count.item()])
    assert results[0] == results[1]
    (program,) = [p for signature in run.signatures.values() for p in signature.programs]
    assert len(program.native.ahead) == 3  # the count before, a power of the one after it, and what the sum is multiplied by
    steps = [step.row.name for kernel in program.native.kernels for step in getattr(kernel, "kernel", kernel).steps]
    assert "mul" in steps and "pow" not in steps


SWITCHES = {"products": (torch.backends.cuda.matmul, False), "convolutions": (torch.backends.cudnn, True)}
"""Where ``allow_tf32`` is, and what it is as long as nobody sets it."""


@pytest.mark.parametrize("name", SWITCHES)
def test_a_program_is_for_the_precision_that_it_was_compiled_with(drivers, device, name):
    (place, usual), which = SWITCHES[name], list(SWITCHES).index(name)
    torch.manual_seed(0)
    x, w, image = [torch.randn(*shape).to(device) for shape in ((64, 64), (16, 16, 3, 3), (4, 16, 8, 8))]
    compiled = torch.compile(lambda x: (x @ x, F.conv2d(image, w)))
    try:
        found = []
        for place.allow_tf32 in (usual, not usual, usual):
            found.append([numbers(compiled(x)[which]) for _ in range(5)][-1])
    finally:
        place.allow_tf32 = usual
    exact = F.conv2d(image.double(), w.double()) if which else x.double() @ x.double()
    errors = [abs(y - numbers(exact)).max() for y in found]
    assert errors[0] == errors[2] and min(errors) < 1e-4 < 5e-4 < max(errors) and (errors[1] > errors[0]) is not usual
    ((signature),) = compiled.signatures.values()
    assert len(signature.programs) == 2


@pytest.mark.parametrize("flag", ["capturable", "fused", "foreach"])
def test_flags_of_optimizers_on_a_gpu(drivers, device, flag):
    """They choose between kernels in PyTorch: here the numbers are those without."""
    found = []
    for options in ({}, {flag: True}):
        weight = torch.arange(4.0, device=device).requires_grad_()
        optimizer = torch.optim.AdamW([weight], lr=0.1, **options)

        @torch.compile
        def step(weight=weight, optimizer=optimizer):
            optimizer.zero_grad()
            (weight**2).sum().backward()
            optimizer.step()

        for _ in range(5):
            step()
        found.append(weight.tolist())
    assert found[0] == found[1] != [0.0, 1.0, 2.0, 3.0]
