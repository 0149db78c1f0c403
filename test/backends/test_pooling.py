"""Max pooling in machine code: the indices and gradients that NumPy finds, and PyTorch; and means over whole maps."""

import math

import numpy
import pytest
import torch

import minitorch
from minitorch.backends import native_pooling, pooling, threads


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    monkeypatch.setattr(pooling, "WORTH_COMPILING", 1)


def images(*shape, dtype="float32"):
    """Few different numbers, so that several are largest; and windows of NaN, of -inf and of both."""
    x = numpy.random.default_rng(0).integers(-4, 5, shape).astype(dtype)
    if x.dtype.kind == "f" and x.size > 200:
        x[0, 0, :4, :4], x[0, 0, 4:6] = -numpy.inf, numpy.nan
        x.reshape(-1)[::37], x.reshape(-1)[::53] = numpy.nan, -numpy.inf
    return x


#         kernel, stride, dilation
WINDOWS = [((2, 2), (2, 2), (1, 1)), ((3, 3), (2, 2), (1, 1)), ((2, 3), (1, 3), (2, 1)), ((1, 1), (1, 1), (1, 1)), ((5, 4), (5, 4), (1, 2))]


def geometry_of(window, sizes):
    kernel, stride, dilation = window
    positions = tuple([(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True)])
    return kernel, stride, (0, 0), dilation, positions


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(2, 3, 24, 24), (1, 2, 13, 17), (3, 1, 40, 9)], ids=str)
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_indices_and_gradients(window, shape, dtype, monkeypatch):
    x, geometry = images(*shape, dtype=dtype), geometry_of(window, shape[2:])
    found = pooling.max_pool_index(x, geometry)
    g = numpy.random.default_rng(1).standard_normal(found.shape).astype(dtype)
    assert native_pooling.largest_index(pooling.maps_of(x, 2), geometry) is not None
    _, wanted = torch.nn.functional.max_pool2d(torch.from_numpy(x), window[0], window[1], 0, window[2], return_indices=True)
    numpy.testing.assert_array_equal(found, wanted.numpy())
    apart = all([s >= d * (k - 1) + 1 for k, s, d in zip(*window, strict=True)])
    back = pooling.pool_scatter(g, found, shape, 2, not apart)
    monkeypatch.setattr(pooling, "WORTH_COMPILING", 1 << 62)
    numpy.testing.assert_array_equal(pooling.max_pool_index(x, geometry), found)
    numpy.testing.assert_array_equal(pooling.pool_scatter(g, found, shape, 2, not apart), back)


@pytest.mark.parametrize("shape", [(2, 3, 24, 24), (1, 2, 13, 17), (3, 1, 40, 3), (2, 2, 3, 50)], ids=str)
@pytest.mark.parametrize("window", [((3, 3), (2, 2), (1, 1)), ((2, 3), (1, 3), (1, 0)), ((3, 2), (3, 2), (1, 1)), ((4, 2), (3, 2), (2, 1)), ((3, 3), (1, 4), (0, 0))], ids=str)
def test_windows_that_reach_beyond_a_map(window, shape, monkeypatch):
    x, (kernel, stride, padding) = images(*shape), window
    y, wanted = torch.nn.functional.max_pool2d(torch.from_numpy(x), kernel, stride, padding, ceil_mode=True, return_indices=True)
    geometry = kernel, stride, padding, (1, 1), tuple(wanted.shape[2:])
    assert native_pooling.largest_index(pooling.maps_of(x, 2), geometry) is not None
    found = pooling.max_pool_index(x, geometry)
    numpy.testing.assert_array_equal(found, wanted.numpy())
    numpy.testing.assert_array_equal(pooling.pool_gather(x, found, 2), y.numpy())
    monkeypatch.setattr(pooling, "WORTH_COMPILING", 1 << 62)
    numpy.testing.assert_array_equal(pooling.max_pool_index(x, geometry), found)


@pytest.mark.parametrize("shape", [(400,), (40, 24), (12, 8, 12)], ids=str)
def test_large_windows_side_by_side_are_rows(shape, monkeypatch):
    x, sizes = images(2, 3, math.prod(shape), 1).reshape(2, 3, *shape), shape
    kernel = tuple([n // 2 if i == 0 else n for i, n in enumerate(sizes)])
    asked, tiles = [], pooling.largest_of_tiles
    monkeypatch.setattr(pooling, "largest_of_tiles", lambda *given: asked.append(given) or tiles(*given))
    geometry = kernel, kernel, (0,) * len(sizes), (1,) * len(sizes), (2, *(1,) * (len(sizes) - 1))
    pool = getattr(torch.nn.functional, f"max_pool{len(sizes)}d")
    _, wanted = pool(torch.from_numpy(x), kernel, return_indices=True)
    numpy.testing.assert_array_equal(pooling.max_pool_index(x, geometry), wanted.numpy())
    assert asked


@pytest.mark.parametrize("window", [(4, 4, 1), (3, 1, 2), (5, 2, 1)], ids=str)
def test_signals_are_images_of_one_row(window, monkeypatch):
    x, (kernel, stride, dilation) = images(2, 3, 8, 50)[:, 0], window
    geometry = (kernel,), (stride,), (0,), (dilation,), ((50 - dilation * (kernel - 1) - 1) // stride + 1,)
    asked, largest = [], native_pooling.largest_index
    monkeypatch.setattr(native_pooling, "largest_index", lambda *given: asked.append(given) or largest(*given))
    found = pooling.max_pool_index(x, geometry)
    _, wanted = torch.nn.functional.max_pool1d(torch.from_numpy(x), kernel, stride, 0, dilation, return_indices=True)
    numpy.testing.assert_array_equal(found, wanted.numpy())
    assert len(asked) == 1 and asked[0][0].shape == (16, 1, 50)


LAYERS = [
    "MaxPool2d(2)", "MaxPool2d(3, 2)", "MaxPool2d(3, 2, 1)", "MaxPool2d(2, ceil_mode=True)", "MaxPool2d((1, 7), dilation=2)", "AdaptiveMaxPool2d(4)",
    "AdaptiveAvgPool2d(1)", "AvgPool2d(19)",
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("layout", ["plain", "transposed", "channels last"])
def test_layers_agree_with_torch(layer, layout):
    results = []
    for library in (minitorch, torch):
        x = library.tensor(images(2, 3, 23, 19), requires_grad=True)
        given = {"plain": x, "transposed": x.transpose(2, 3), "channels last": x.to(memory_format=library.channels_last)}[layout]
        out = eval(f"library.nn.{layer}", {"library": library})(given)
        (out.nan_to_num(0, 0, 0) * library.arange(out.numel()).reshape(out.shape)).sum().backward()
        results.append((out.detach().numpy(), x.grad.numpy()))
    for found, wanted in zip(*results, strict=True):
        numpy.testing.assert_array_equal(found, wanted)


def test_an_index_outside_is_refused_and_not_followed():
    g, index = numpy.ones((1, 2, 2, 2), "float32"), numpy.arange(8).reshape(1, 2, 2, 2)
    for place in (9, 1 << 40, -(1 << 40)):
        index[0, 1, 1, 1] = place
        assert native_pooling.placed(g.reshape(2, 4), index.reshape(2, 4), 9) is None
    index[0, 1, 1, 1] = 99
    assert native_pooling.picked(g.reshape(2, 4), index.reshape(2, 4)) is None
    with pytest.raises(IndexError):
        pooling.pool_scatter(g, index, (1, 2, 3, 3), 2, False)
    with pytest.raises(IndexError):
        pooling.pool_gather(g, index, 2)


def test_what_is_left_to_numpy():
    maps = images(1, 4, 9, 9)[0]
    assert native_pooling.largest_index(maps, ((3, 3), (3, 3), (1, 1), (2, 1), (3, 4))) is None  # dilated, and beyond the edge
    assert native_pooling.largest_index(maps, ((9, 9), (1, 1), (0, 0), (1, 1), (1, 1))) is None  # a large window
    assert native_pooling.largest_index(maps.astype("int64"), geometry_of(WINDOWS[0], (9, 9))) is None


def test_numbers_do_not_depend_on_the_threads():
    before, found = threads.get_num_threads(), []
    x, geometry = images(40, 8, 24, 24), geometry_of(WINDOWS[0], (24, 24))
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            index = pooling.max_pool_index(x, geometry)
            found.append((index, pooling.pool_scatter(index.astype("float32"), index, x.shape, 2, False)))
    finally:
        threads.set_num_threads(before)
    for others in found[1:]:
        for a, b in zip(others, found[0], strict=True):
            numpy.testing.assert_array_equal(a, b)
