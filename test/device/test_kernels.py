"""The GPU's own kernels: functions of several rows, sums, losses, updates and narrow types, against what the CPU makes of them.

Shapes decide how the work is shared, so there are some for each way: rows for a warp, for a block, for several blocks.
"""

import importlib
import itertools
import sys
from pathlib import Path

import pytest

import minitorch as t
from minitorch.backends import gpu_backend
from minitorch.nn import functional as F

sys.path.append(str(Path(__file__).parent.parent / "compiler"))
ordered_sums = importlib.import_module("ordered_sums")

ROWS = (3, 7), (5, 700), (2, 9000), (2, 3, 17)
IMAGES = (4, 3, 5, 5), (2, 2, 80, 40)
LABELS = t.randint(0, 7, (5, 4, 3), generator=t.Generator().manual_seed(3))
LABELS[0, 0] = -100

ALONG_ROWS = {
    "gelu": F.gelu, "gelu's approximation": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu,
    "softmax": lambda x: F.softmax(x, -1), "log_softmax": lambda x: F.log_softmax(x, -1), "softmax, the first dim": lambda x: F.softmax(x, 0),
    "layer_norm": lambda x, w, b: F.layer_norm(x, x.shape[-1:], w, b), "rms_norm": lambda x, w: F.rms_norm(x, x.shape[-1:], w),
}  # fmt: skip


def outcome(function, shapes, place, dtype=t.float32):
    """What a function makes of random tensors, and its gradients for a random one of its result."""
    t.manual_seed(0)
    inputs = [t.randn(shape).to(dtype).to(place).requires_grad_() for shape in shapes]
    out = function(*inputs)
    out.backward(t.randn(tuple(out.shape)).to(out.dtype).to(place))
    assert out.device.type == place
    return [out.detach().cpu(), *[x.grad.cpu() for x in inputs]]


def compare(function, shapes, device, dtype=t.float32, tolerance=1e-5):
    for expected, got in zip(outcome(function, shapes, "cpu", dtype), outcome(function, shapes, device, dtype), strict=True):
        assert expected.dtype is got.dtype and expected.shape == got.shape
        assert ((expected - got).abs().max() <= tolerance * (1 + expected.abs().max())).item()


@pytest.mark.parametrize("name", ALONG_ROWS)
def test_along_rows(name, device):
    for shape in ROWS if name in ("layer_norm", "softmax") else ROWS[:2]:
        compare(ALONG_ROWS[name], [shape, *[shape[-1:]] * (ALONG_ROWS[name].__code__.co_argcount - 1 if "norm" in name else 0)], device)


def test_along_channels(device):
    for shape in IMAGES:
        compare(lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [shape, shape[1:2], shape[1:2]], device)


@pytest.mark.parametrize("how", ["mean", "sum", "none"])
def test_losses(how, device):
    compare(lambda x: F.cross_entropy(x, LABELS.to(x.device), reduction=how), [(5, 7, 4, 3)], device)
    many = t.arange(9000) % 7
    compare(lambda x: F.cross_entropy(x, many.to(x.device), reduction=how), [(9000, 7)], device)
    compare(lambda x, y: F.mse_loss(x, y, reduction=how), [(40, 50), (40, 50)], device)


def test_a_label_that_no_class_has_shows(device):
    x = t.randn(3, 4, device=device, requires_grad=True)
    loss = F.cross_entropy(x, t.tensor([0, 9, 1], device=device))
    loss.backward()
    assert loss.isnan().item() and x.grad.isfinite().all().item()


def test_an_embedding_s_gradient(device):
    compare(lambda w: F.embedding(LABELS.clamp(0).to(w.device), w), [(7, 9)], device)


@pytest.mark.parametrize(("rows", "count", "columns", "dtype"), [(3, 5, 7, t.float32), (4, 300, 3, t.float32), (50, 70, 140, t.float64), (9, 33, 2, t.bfloat16)])
def test_rows_are_added_in_an_order_that_their_labels_decide(rows, count, columns, dtype, device):
    t.manual_seed(1)
    labels, y = t.randint(0, rows, (count,)), t.randn(count, columns).to(dtype)
    got = t.zeros(rows, columns, dtype=dtype, device=device).index_put_((labels.to(device),), y.to(device), accumulate=True)
    assert got.cpu().equal(t.from_numpy(ordered_sums.in_chunks(labels.numpy(), (y.float() if dtype is t.bfloat16 else y).numpy(), rows)).to(dtype))


LABELLED = {  # what is added to x: (40, 5) at i and j: (200,), and where that is
    "in two dims": (lambda x, i, j, y: x.index_put_((i, j), y, accumulate=True), lambda i, j: i * 5 + j),
    "along the second": (lambda x, i, j, y: x.index_put_((t.arange(40, device=x.device)[:, None], j.view(40, 5)), y.view(40, 5), accumulate=True),
                         lambda i, j: t.arange(200) // 5 * 5 + j),
    "scattered": (lambda x, i, j, y: x.scatter_add_(0, i.view(40, 5), y.view(40, 5)), lambda i, j: i * 5 + t.arange(200) % 5),
}  # fmt: skip


@pytest.mark.parametrize("name", LABELLED)
def test_numbers_are_added_in_one_order_if_that_is_asked_for(name, device, monkeypatch):
    t.manual_seed(1)
    i, j, y = t.randint(0, 40, (200,)), t.randint(0, 5, (200,)), t.randn(200)
    add, where = LABELLED[name]
    t.use_deterministic_algorithms(True)
    try:
        results = []
        for few in (1 << 15, 100):  # labels that our kernel sorts; CuPy sorts more
            monkeypatch.setattr(importlib.import_module("minitorch.backends.cupy_labels"), "FEW", few)
            results.append(add(t.zeros(40, 5, device=device), i.to(device), j.to(device), y.to(device)).cpu())
    finally:
        t.use_deterministic_algorithms(False)
    expected = t.from_numpy(ordered_sums.in_chunks(where(i, j).numpy(), y[:, None].numpy(), 200)).view(40, 5)
    assert results[0].equal(expected) and results[1].equal(expected)


def test_trigamma_is_rounded_as_on_the_cpu(device):
    """Near a pole one sees how πx was rounded: in float32, and not in more."""
    x = t.tensor([-3.0001, -1.4, -0.0002, 0.3, 0.4999, 0.7, 3.0, 50.0, 1e5])
    for n in range(4):
        expected, got = t.polygamma(n, x), t.polygamma(n, x.to(device)).cpu()
        assert expected.allclose(got, rtol=1e-5)


SHAPES = (7,), (140, 33), (2, 3, 4), (3, 140, 3), (3, 4, 5, 6), (9000,)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int64"])
def test_sums(dtype, device):
    for shape in SHAPES if dtype == "float32" else SHAPES[:3]:
        x = (t.randn(*shape, generator=t.Generator().manual_seed(1)) * 3).to(getattr(t, dtype))
        for count in range(1, len(shape) + 1):
            for number, dims in enumerate(itertools.combinations(range(len(shape)), count)):
                name = "mean" if number % 2 and x.is_floating_point() else "sum"
                expected, got = [getattr(y, name)(dims, keepdim=number % 3 == 1) for y in (x, x.to(device))]
                assert expected.dtype is got.dtype and expected.shape == got.shape
                difference = (expected - got.cpu()).abs().max()
                assert (difference <= TOLERANCE[dtype] * (1 + expected.abs().max())).item()


TOLERANCE = {"float32": 1e-5, "float64": 1e-12, "bfloat16": 1e-2, "int64": 0}

NARROW = {
    "add": lambda x, y: x + y, "multiply": lambda x, y: x * y * 0.3, "compare": lambda x, y: (x > y).float(), "choose": lambda x, y: t.where(x > 0, x, y),
    "powers": lambda x, y: x**2 + y**3, "functions": lambda x, y: x.exp() + y.tanh(), "maximum": t.maximum, "turned": lambda x, y: (1 - y).relu() + x,
    "between": lambda x, y: t.lerp(x, y, 0.3), "addcmul": lambda x, y: t.addcmul(x, x, y, value=0.5), "rounded": lambda x, y: (x * 3).round() + y,
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", NARROW)
def test_narrow_types(name, dtype, device):
    for shape, other in ((3, 5), (3, 5)), ((2, 3, 4, 5), (3, 1, 1)), ((2000,), (1,)):
        x, y = [t.randn(*s, generator=t.Generator().manual_seed(k)).to(getattr(t, dtype)) for k, s in enumerate((shape, other))]
        expected, got = NARROW[name](x, y), NARROW[name](x.to(device), y.to(device))
        assert expected.dtype is got.dtype and expected.shape == got.shape
        assert expected.float().allclose(got.cpu().float(), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("name, options", [("Adam", {}), ("AdamW", {"weight_decay": 0.1}), ("SGD", {"momentum": 0.9}), ("RMSprop", {})])
def test_updates_of_many_tensors(name, options, device):
    def outcome(place):
        t.manual_seed(2)
        tensors = [t.randn(shape).to(place).requires_grad_() for shape in [(3, 5), (), (1025,), (20, 60), (7,)] * 4]
        optimizer = getattr(t.optim, name)(tensors, lr=0.01, **options)
        for _ in range(6):
            optimizer.zero_grad()
            sum([(x * x).sum() + x.sum() for x in tensors]).backward()
            optimizer.step()
        return [x.detach().cpu() for x in tensors]

    for expected, got in zip(outcome("cpu"), outcome(device), strict=True):
        assert expected.allclose(got, rtol=1e-5, atol=1e-6)


JOINED = {
    "three of a row": (lambda x, y, z: t.cat([x, y, z], -1), [(3, 4), (3, 8), (3, 2)]),
    "of odd widths": (lambda x, y, z: t.cat([x, y, z], 1), [(2, 3, 5), (2, 1, 5), (2, 2, 5)]),
    "in front": (lambda x, y: t.cat([x, y]), [(3, 300), (70, 300)]),
    "a new dim": (lambda x, y: t.stack([x, y], 1), [(5, 7), (5, 7)]),
    "a new last dim": (lambda x, y: t.stack([x, y], -1), [(5, 7), (5, 7)]),
    "more than eight": (lambda x: t.cat([x] * 9), [(2, 3)]),
    "turned": (lambda x, y: t.cat([x.t(), y], 1), [(4, 3), (3, 2)]),
    "nothing in between": (lambda x, y, z: t.cat([x, y, z]), [(4, 3), (0, 3), (2, 3)]),
}


@pytest.mark.parametrize("dtype", [t.float64, t.float32, t.bfloat16, t.uint8, t.complex128], ids=str)
@pytest.mark.parametrize("name", JOINED)
def test_joining(name, dtype, device):
    function, shapes = JOINED[name]
    t.manual_seed(0)
    inputs = [(9 * t.randn(shape)).to(t.int32).to(dtype) for shape in shapes]
    got = function(*[x.to(device) for x in inputs])
    assert got.dtype is dtype and t.equal(got.cpu(), function(*inputs))


def test_casts_in_one_launch(device):
    sizes = [0, 1, 7, 5000, 0, 3, 2049] * 6
    given = [t.randn(n).bfloat16() for n in sizes]
    got = gpu_backend().casts([x.to(device)._array for x in given], t.float32)
    for x, array in zip(given, got, strict=True):
        assert t.equal(t.zeros(0, device=device)._wrap(array).cpu(), x.float())
