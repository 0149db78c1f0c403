"""Order along rows: native/sorting.py, in eager mode and in programs, against PyTorch; also which of equal numbers is taken."""

import numpy
import pytest
import torch

import minitorch
from minitorch.backends.ordering import argsort, topk_places
from minitorch.native.sorting import heaped

KINDS = "float32", "float64", "int32", "int64"
LENGTHS = 1, 2, 3, 5, 17, 48, 49, 130, 200, 1000


def numbers(kind, n, spread):
    """Three rows with equal numbers among them; of floats also both zeros and NaN."""
    x = numpy.random.default_rng(n).integers(-spread, spread, (3, n)).astype(kind)
    if kind.startswith("float"):
        x[x == 1] = numpy.nan
        x[:, ::2] *= -1
        x[0, :1] = numpy.inf
    return x


def killer(n):
    """What quicksort by the median of three is slowest for (Musser 1997)."""
    x, half = numpy.empty(n), n // 2
    for i in range(1, half + 1):
        if i % 2:
            x[i - 1], x[i] = i, half + i
        x[half + i - 1] = 2 * i
    return x[None]


INPUTS = [(kind, n, spread) for kind in KINDS for n in LENGTHS for spread in (2, 5, 10**6)]


@pytest.mark.parametrize(("kind", "n", "spread"), INPUTS)
def test_order(kind, n, spread):
    x = numbers(kind, n, spread)
    for descending in (False, True):
        expected = torch.sort(torch.from_numpy(x), stable=True, descending=descending).indices
        assert argsort(numpy.concatenate([x] * 400), 1, descending)[:3].tolist() == expected.tolist()  # NumPy does few


@pytest.mark.parametrize(("kind", "n", "spread"), INPUTS)
def test_equal_numbers_have_the_places_that_pytorch_gives_them(kind, n, spread):
    x = numbers(kind, n, spread)
    for k in {1, max(1, n // 64), max(1, n // 2), n}:
        for largest, in_order in ((True, True), (True, False), (False, True), (False, False)):
            expected = torch.topk(torch.from_numpy(x), k, largest=largest, sorted=in_order).indices
            assert topk_places(x, k, 1, largest, in_order).tolist() == expected.tolist(), (k, largest, in_order)


@pytest.mark.parametrize("x", [killer(4096), numpy.arange(4096.0)[None], numpy.concatenate([numpy.arange(2000.0), numpy.arange(2000.0)[::-1]])[None]])
def test_what_is_slow_is_left_to_a_heap(x):
    for k in (40, 1000, 2048, x.size):
        for largest in (False, True):
            assert topk_places(x, k, 1, largest, True).tolist() == torch.topk(torch.from_numpy(x), k, largest=largest).indices.tolist()


def test_both_ways_are_taken():
    assert heaped(3, 200) and not heaped(4, 200)


ROWS = """
torch.topk(x, 2); torch.topk(x, 3, largest=False); torch.topk(x, 5, sorted=False); x.sort(stable=True); x.argsort(descending=True, stable=True)
x[1:, 2:].topk(2); x.T.contiguous().T.topk(3); x.sort(dim=0, stable=True); x.topk(1, 0); (x * 2).topk(x.shape[1]); x[0].topk(1).indices + 1
"""


@pytest.mark.parametrize("text", [row.strip() for row in ROWS.replace("\n", ";").split(";") if row.strip()])
@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "int32", "bfloat16", "uint8"])
def test_in_a_program(text, kind):
    def results(library):
        run = eval(f"lambda x: {text}", {"torch": library})
        found = (torch.arange(24).reshape(3, 8) * 7 % 5).tolist()
        compiled = run if library is torch else library.compile(run)
        for _ in range(3):
            made = compiled(library.tensor(found, dtype=getattr(library, kind)))
        return [x.tolist() for x in (made if isinstance(made, tuple) else [made])]

    assert results(minitorch) == results(torch)


def test_the_gradient_goes_to_the_places_that_were_taken():
    def gradient(library):
        x = library.tensor([[3.0, 1.0, 3.0, 2.0], [0.0, 0.0, 5.0, 0.0]], requires_grad=True)
        step = (lambda f: f) if library is torch else library.compile
        weighed = step(lambda x: (x.topk(2).values * library.tensor([1.0, 2.0])).sum() + (x.sort(stable=True).values ** 2).sum())
        for _ in range(3):
            x.grad = None
            weighed(x).backward()
        return x.grad.tolist()

    assert gradient(minitorch) == gradient(torch)


def test_a_program_of_topk_is_all_native():
    step = minitorch.compile(lambda x: x.log_softmax(-1).view(-1).topk(4))
    for _ in range(3):
        step(minitorch.randn(4, 50))
    assert not [kernel for kernel in step.explain().kernels if kernel.numpy]
