"""The kernels of convolution and pooling on plain arrays, in all their ways: whole, in pieces, and shared by threads."""

import os
import threading

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minitorch.backends import convolution, native_convolution, pooling, threads

WAYS = {
    "whole": (1 << 20, 1 << 40, 1 << 40), "in pieces": (300, 1 << 40, 1 << 40), "shared": (1 << 20, 0, 1 << 40),
    "in pieces and shared": (300, 0, 1 << 40), "in machine code": (1 << 20, 1 << 40, 0),
}  # fmt: skip


@pytest.fixture(params=WAYS, ids=str)
def way(request, monkeypatch):
    """How much memory columns may take, and from how much work on threads share it, or machine code does it."""
    column_bytes, worth_sharing, worth_compiling = WAYS[request.param]
    monkeypatch.setattr(convolution, "WORTH_COMPILING", worth_compiling)
    monkeypatch.setattr(convolution, "COLUMN_BYTES", column_bytes)
    monkeypatch.setattr(pooling, "MAP_BYTES", column_bytes)
    for module in (convolution, pooling):
        monkeypatch.setattr(module, "WORTH_SHARING", worth_sharing)


@pytest.fixture
def three_threads():
    before = threads.get_num_threads()
    threads.set_num_threads(3)
    yield
    threads.set_num_threads(before)


def normal(*shape, seed=0, dtype="float64"):
    return numpy.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


CASES = [
    ((9, 3, 6, 7), (4, 3, 3, 2), (1, 1), (1, 0), (1, 1), 1),
    ((9, 3, 6, 7), (4, 3, 3, 2), (2, 1), (0, 1), (1, 2), 1),
    ((2, 12, 8, 8), (2, 12, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 2, 8, 8), (12, 2, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 12, 8, 8), (12, 6, 3, 3), (1, 1), (0, 0), (2, 2), 2),
    ((17, 8, 5, 5), (8, 1, 3, 3), (1, 1), (1, 1), (1, 1), 8),
    ((17, 8, 16, 8), (16, 1, 1, 1), (1, 1), (0, 0), (1, 1), 8),
    ((3, 4, 5, 5), (6, 4, 1, 1), (2, 2), (1, 1), (1, 1), 1),
    ((3, 20, 11), (5, 20, 4), (1,), (2,), (2,), 1),
    ((3, 2, 4, 5, 6), (3, 2, 2, 3, 2), (1, 2, 1), (1, 0, 1), (1, 1, 2), 1),
]


@pytest.mark.parametrize("shape, weight_shape, stride, padding, dilation, groups", CASES)
def test_convolution_and_its_gradients(shape, weight_shape, stride, padding, dilation, groups, way, three_threads):
    x, weight, bias = normal(*shape), normal(*weight_shape, seed=1), normal(weight_shape[0], seed=2)
    tensors = [torch.from_numpy(array) for array in (x, weight, bias)]
    n = len(stride)
    out = torch.convolution(*tensors, stride, padding, dilation, False, [0] * n, groups)
    g = normal(*out.shape, seed=3)
    wanted = torch.ops.aten.convolution_backward(
        torch.from_numpy(g), *tensors[:2], None, stride, padding, dilation, False, [0] * n, groups, [True, True, False]
    )

    geometry = stride, tuple((p, p) for p in padding), dilation, groups
    close = {"rtol": 1e-10, "atol": 1e-10}
    numpy.testing.assert_allclose(convolution.conv(x, weight, bias, geometry), out.numpy(), **close)
    numpy.testing.assert_allclose(convolution.conv_input_grad(g, weight, shape, geometry), wanted[0].numpy(), **close)
    numpy.testing.assert_allclose(convolution.conv_weight_grad(x, g, weight_shape, geometry), wanted[1].numpy(), **close)


def forward(batch, weight_shape=(5, 3, 3, 3), dtype="float32"):
    """A convolution of some images, of which only every second column is used; and what PyTorch says."""
    x, weight, bias = normal(batch, 3, 9, 18), normal(*weight_shape, seed=1), normal(5, seed=2)
    x, weight, bias = [array.astype(dtype) for array in (x, weight, bias)]
    x = x[..., ::2]
    wanted = torch.conv2d(torch.from_numpy(x.copy()), torch.from_numpy(weight), torch.from_numpy(bias), padding=1)
    found = convolution.conv(x, weight, bias, ((1, 1), ((1, 1), (1, 1)), (1, 1), 1))
    numpy.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-5)


@pytest.fixture
def compiled(monkeypatch):
    """Kernels in machine code for work of any size; the shapes that they were asked for."""
    monkeypatch.setattr(convolution, "WORTH_COMPILING", 0)
    monkeypatch.setattr(native_convolution, "met", {})
    native_convolution.conv_kernel.cache_clear()
    yield native_convolution.met
    native_convolution.conv_kernel.cache_clear()


@pytest.mark.parametrize("size", [(5, 5), (9, 9), (6, 5)])
def test_bias_is_added_in_machine_code(compiled, size):
    """One of the images is as large as the kernel: then it is a product."""
    generator = numpy.random.default_rng(0)
    x, weight, bias = (generator.standard_normal(shape).astype("float32") for shape in ((3, 4, *size), (7, 4, 5, 5), (7,)))
    wanted = torch.conv2d(*map(torch.from_numpy, (x, weight, bias))).numpy()
    found = convolution.conv(x, weight, bias, ((1, 1), ((0, 0), (0, 0)), (1, 1), 1))
    numpy.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert compiled


def test_a_layer_gets_kernels_for_its_first_shapes_only(compiled, monkeypatch):
    monkeypatch.setattr(native_convolution, "SHAPES", 2)
    for batch in (1, 2, 3, 2):
        forward(batch)
    assert [sorted(shapes) for shapes in compiled.values()] == [[(1, 3, 9, 9), (2, 3, 9, 9)]]


def test_without_a_compiler_numpy_convolves(compiled, monkeypatch):
    def missing():
        raise ImportError("No module named 'llvmlite'")

    monkeypatch.setattr(native_convolution, "host", missing)
    forward(2)
    assert native_convolution.conv_kernel.cache_info().currsize == 1


def test_small_work_is_not_compiled(compiled, monkeypatch):
    monkeypatch.setattr(convolution, "WORTH_COMPILING", 1 << 22)
    forward(2)
    assert not compiled


def test_kernels_serve_several_threads_at_once(compiled):
    failures = []

    def work():
        try:
            for _ in range(20):
                forward(2)
        except AssertionError as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []


@given(st.data())
def test_the_gradients_are_adjoints(data):
    """<conv(x, w), g> = <x, conv_input_grad(g, w)> = <w, conv_weight_grad(x, g)>, with any padding before and after."""
    n, groups = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))

    def numbers(low, high):
        return tuple(data.draw(st.integers(low, high)) for _ in range(n))

    kernel, dilation, stride = numbers(1, 3), numbers(1, 2), numbers(1, 2)
    sizes = tuple(m + d * (k - 1) for m, d, k in zip(numbers(1, 4), dilation, kernel, strict=True))
    geometry = stride, tuple(zip(numbers(0, 3), numbers(0, 3), strict=True)), dilation, groups
    x, weight = normal(3, 2 * groups, *sizes), normal(3 * groups, 2, *kernel, seed=1)
    out = convolution.conv(x, weight, None, geometry)
    g = normal(*out.shape, seed=2)

    expected = numpy.vdot(out, g)
    assert numpy.isclose(expected, numpy.vdot(x, convolution.conv_input_grad(g, weight, x.shape, geometry)))
    assert numpy.isclose(expected, numpy.vdot(weight, convolution.conv_weight_grad(x, g, weight.shape, geometry)))


def test_pooling_in_all_ways(way, three_threads):
    x = numpy.random.default_rng(0).integers(-3, 3, (5, 4, 9, 8)).astype("float64")
    out, index = torch.nn.functional.max_pool2d(torch.from_numpy(x), 3, 2, 1, ceil_mode=True, return_indices=True)
    geometry = (3, 3), (2, 2), (1, 1), (1, 1), out.shape[2:]
    found = pooling.max_pool_index(x, geometry)
    numpy.testing.assert_array_equal(found, index.numpy())
    numpy.testing.assert_array_equal(pooling.pool_gather(x, found, 2), out.numpy())

    mean = torch.nn.functional.avg_pool2d(torch.from_numpy(x), 3, 2, 1, divisor_override=9).numpy()
    geometry = (3, 3), (2, 2), (1, 1), (1, 1), mean.shape[2:]
    numpy.testing.assert_allclose(pooling.avg_pool(x, geometry, 9), mean)
    g = normal(*mean.shape)
    adjoint = numpy.vdot(x, pooling.avg_pool_grad(g, x.shape, geometry, 9))
    assert numpy.isclose(numpy.vdot(mean, g), adjoint)


def test_weight_gradients_dont_depend_on_the_threads(monkeypatch, three_threads):
    monkeypatch.setattr(convolution, "WORTH_SHARING", 0)
    x, g = normal(32, 4, 8, 8, dtype="float32"), normal(32, 8, 6, 6, seed=1, dtype="float32")
    geometry = (1, 1), ((0, 0), (0, 0)), (1, 1), 1
    shared = [convolution.conv_weight_grad(x, g, (8, 4, 3, 3), geometry) for _ in range(5)]
    threads.set_num_threads(1)
    alone = convolution.conv_weight_grad(x, g, (8, 4, 3, 3), geometry)
    for one in shared:
        numpy.testing.assert_array_equal(one, alone)


# ------------------------------------------------------------------------------------------------------------- threads


def test_every_piece_is_done_once(three_threads):
    for size in (0, 1, 2, 100):
        done = []
        threads.share(range(size), lambda done=done: done.append)
        assert sorted(done) == list(range(size))


def test_an_error_in_a_piece_arrives(three_threads):
    def work(piece):
        if piece == 7:
            raise ValueError("seven")

    for _ in range(20):
        with pytest.raises(ValueError, match="seven"):
            threads.share(range(10), lambda: work)
    done = []
    threads.share(range(10), lambda: done.append)
    assert len(done) == 10


def test_work_inside_of_work_and_from_many_threads(three_threads):
    totals = []

    def outer():
        done = []
        threads.share(range(20), lambda: lambda piece: threads.share(range(3), lambda: done.append))
        totals.append(len(done))

    callers = [threading.Thread(target=outer) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert totals == [60] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_its_own_threads(three_threads):
    threads.share(range(10), lambda: lambda piece: None)
    child = os.fork()
    if child == 0:
        done = []
        threads.share(range(10), lambda: done.append)
        os._exit(0 if sorted(done) == list(range(10)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_blas_gets_its_threads_back(three_threads):
    blas = threads.POOL.blas
    if blas.get is None:
        pytest.skip("this BLAS can't be told")
    seen = []
    threads.share(range(10), lambda: lambda piece: seen.append(blas.get()))
    assert set(seen) == {1}
    assert blas.get() == threads.get_num_threads()
