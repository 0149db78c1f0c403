"""Products of matrices on a GPU: each way that they may lie in memory, and what the library is asked for."""

import importlib

import numpy
import pytest

import minitorch as torch
from minitorch import dtypes
from minitorch.backends.matrices import Product, laid

SHAPES = [
    ((3, 4), (4, 5)), ((1, 7), (7, 1)), ((64, 48), (48, 56)), ((6, 40, 50), (6, 50, 60)), ((6, 40, 50), (50, 60)), ((40, 50), (6, 50, 60)),
    ((2, 1, 9, 8), (1, 3, 8, 10)), ((5, 1, 8), (8, 3)), ((0, 4), (4, 5)), ((3, 0), (0, 5)), ((2, 3, 0, 4), (4, 2)),
    ((4, 5, 33, 16), (4, 5, 16, 31)),
]  # fmt: skip
NAMES = ["float32", "float64", "float16", "bfloat16", "complex64", "complex128", "int64"]


def rows(x):
    return x


def turned(x):
    return x.mT.contiguous().mT


def sparse(x):
    """Only each second number of a row is its own."""
    return torch.stack([x, x], -1).flatten(-2)[..., ::2]


def within(x):
    """A part of larger rows, not at their begin."""
    return torch.cat([x, x, x], -1)[..., x.shape[-1] : 2 * x.shape[-1]]


def heads(x):
    """The dims of a batch change places in memory."""
    return x.transpose(-3, -4).contiguous().transpose(-3, -4) if x.ndim > 3 else x


LAYOUTS = [rows, turned, sparse, within, heads]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_products_of_all_dtypes_and_layouts(shapes, name, device):
    random = numpy.random.default_rng(0)
    numbers = [random.integers(-3, 4, shape) for shape in shapes]
    expected = torch.tensor(numpy.matmul(*numbers)).to(getattr(torch, name))
    for first in LAYOUTS:
        for second in LAYOUTS:
            x, y = [
                lies(torch.tensor(a).to(getattr(torch, name)).to(device)) for a, lies in zip(numbers, (first, second), strict=True)
            ]
            assert x.matmul(y).cpu().equal(expected), f"{first.__name__} by {second.__name__}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lies", LAYOUTS)
def test_a_bias_is_part_of_the_call(name, lies, device):
    dtype = getattr(torch, name)
    random = numpy.random.default_rng(0)
    x, w, b = [torch.tensor(random.integers(-3, 4, shape)).to(dtype) for shape in ((2, 5, 8), (6, 8), (12,))]
    b = b[::2]
    got = torch.nn.functional.linear(lies(x.to(device)), lies(w.to(device)), b.to(device))
    assert got.cpu().equal(x @ w.t() + b)
    empty = torch.nn.functional.linear(x[:, :, :0].to(device), w[:, :0].to(device), b.to(device))
    assert empty.cpu().equal(b.expand(2, 5, 6))


@pytest.fixture
def library(device, request):
    if request.node.callspec.params["device"] == "gpu":
        pytest.skip("a GPU's library doesn't tell what it was asked for")
    torch.zeros(1, device=device)
    module = importlib.import_module("minitorch.backends.cupy_products")
    asked = module.library().functions["Matmul"].function.__self__.asked
    asked.clear()
    return asked


def test_what_the_library_is_asked_for(library, device):
    """By columns: the second factor first, without a copy of what lies in columns here."""
    x, w, b = torch.ones(7, 16, device=device), torch.ones(5, 16, device=device), torch.ones(5, device=device)
    torch.nn.functional.linear(x, w, b)
    ((said, first, second, result),) = library
    assert (said["compute"], said["scale"], said[3], said[4], said[7]) == (68, 0, 1, 0, 4)
    assert [(a["rows"], a["columns"], a["step"]) for a in (first, second, result)] == [(16, 5, 16), (16, 7, 16), (5, 7, 5)]


@pytest.mark.parametrize("name", NAMES)
def test_a_bias_is_added_before_the_sum_is_rounded(name, library, device):
    """But for complex numbers, where no algorithm adds one; integers aren't the library's."""
    x = torch.ones(4, 4, device=device, dtype=getattr(torch, name))
    torch.nn.functional.linear(x, x, x[0])
    assert [said.get(7) for said, *_ in library] == {"complex64": [None], "complex128": [None], "int64": []}.get(name, [4])


def test_a_matrix_for_a_whole_batch_is_one_product(library, device):
    torch.ones(6, 4, 5, device=device) @ torch.ones(5, 3, device=device)
    torch.ones(6, 4, 5, device=device) @ torch.ones(6, 5, 3, device=device)
    together, each = library
    assert (together[3]["columns"], together[3].get(5, 1)) == (24, 1) and (each[3]["columns"], each[3][5], each[3][6]) == (4, 6, 12)


def test_tf32_where_it_is_allowed(library, device):
    x = torch.ones(4, 4, device=device)
    try:
        for precision in ("highest", "high"):
            torch.set_float32_matmul_precision(precision)
            for dtype in (torch.float32, torch.float64, torch.bfloat16):
                x.to(dtype) @ x.to(dtype)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert [said["compute"] for said, *_ in library] == [68, 70, 68, 77, 70, 68]


def test_plans_are_made_once_for_addresses_that_are_aligned_alike(library, device):
    cublas_shim = importlib.import_module("cublas_shim")
    cublas = importlib.import_module("minitorch.backends.cublas")
    known = cublas_shim.Library()
    made = cublas.CublasLt(known)
    product = Product(dtypes=("float32", "float32"), **laid((), (2, 3, 4), [(4, 1), (3, 1), (3, 1)]))
    plans = [made.plan(product, [4096, 8192, at]) for at in (512, 1024, 1028, 2052)]
    assert plans[0] is plans[1] and plans[2] is plans[3] and plans[0] is not plans[2]
    count = len(known.made)
    del plans, product
    assert (count, len(known.made)) == (9, 1)  # two times a product and three matrices; the library itself stays


@pytest.mark.parametrize(("times", "chosen"), [([2.0, 1.0], 1), ([1.0, 2.0], 0), ([1.02, 1.0], 0), ([None, 1.0], 1)])
def test_of_the_proposed_algorithms_the_quickest_is_kept(times, chosen, library, device):
    made = importlib.import_module("minitorch.backends.cublas").CublasLt(importlib.import_module("cublas_shim").Library())
    plan = made.plan(Product(dtypes=("float32",) * 2, **laid((), (2, 3, 4), [(4, 1), (3, 1), (3, 1)])), [4096, 8192, 512])
    first, second = plan.candidates

    def seconds():
        found = times[plan.algorithm is second]
        if found is None:
            raise RuntimeError("CUDA error")
        return found

    plan.settle(seconds)
    assert plan.algorithm is (first, second)[chosen] and plan.candidates == [plan.algorithm]
    assert plan.workspace == (96, 0)[chosen]


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_product_that_comes_often_is_timed_once(deterministic, library, device):
    module = importlib.import_module("minitorch.backends.cupy_products")
    x, y, out = [torch.ones(shape, device=device) for shape in ((2, 4), (4, 3), (2, 3))]
    product = Product(dtypes=("float32",) * 2, **laid((), (2, 3, 4), [(4, 1), (3, 1), (3, 1)]))
    counts = []
    torch.use_deterministic_algorithms(deterministic)
    try:
        for _ in range(2):
            library.clear()
            module.multiply_often(product, [t.data_ptr() for t in (x, y, out)], module.Workspace(), lambda work: work)
            counts.append(len(library))
    finally:
        torch.use_deterministic_algorithms(False)
    assert counts == ([1, 1] if deterministic else [2 * (1 + module.TRIALS * module.RUNS) + 1, 1]) and out.tolist() == [[4.0] * 3] * 2


def test_what_the_library_refuses_is_an_error(library, device):
    cublas = importlib.import_module("minitorch.backends.cublas")
    made = cublas.CublasLt(importlib.import_module("cublas_shim").Library())
    with pytest.raises(RuntimeError, match="CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasLtMatrixLayoutCreate`"):
        made.made("MatrixLayoutCreate", 0, 5, 4, 3)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_autocast_attention(name, device):
    """Batches of narrow matrices, turned and not."""
    q, k, v = [torch.randn(2, 3, 16, 8, device=device) for _ in range(3)]
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    with torch.autocast("cuda", dtype=getattr(torch, name)):
        got = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert got.dtype is getattr(dtypes, name)
    numpy.testing.assert_allclose(got.float().cpu().numpy(), expected.cpu().numpy(), atol=0.05)
