"""Convolutions of every kind, and both their gradients, against PyTorch; on every machine that this one can be."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from machine import RUNNABLE, Kernel, guarded, preamble

from minitorch.native.convolution import arranged, flat, forward_text, input_gradient_text, sliding_text, supports
from minitorch.native.convolution_channels import channels_in_lanes, channels_text
from minitorch.native.convolution_columns import columns_cost, columns_text, pays_by_columns
from minitorch.native.convolution_dense import cost, dense
from minitorch.native.convolution_depthwise import depthwise_text, is_depthwise
from minitorch.native.convolution_geometry import Conv, sliding_backward, sliding_forward
from minitorch.native.convolution_images import images_text, side_by_side
from minitorch.native.convolution_outputs import outputs_in_lanes, outputs_text
from minitorch.native.convolution_product import is_product
from minitorch.native.convolution_weight import places_cost, places_text, weight_gradient_text
from minitorch.native.link import assembly, host
from minitorch.native.target import Target

MARGIN = 64


def lanes_text(name, conv, target, preamble):
    return outputs_text(name, outputs_in_lanes(conv, target), conv.flops, preamble)


WEIGHTS = {"weight": places_text, "columns": columns_text, "lanes": lanes_text}
"""The ways to a weight's gradient, whichever of them would be taken; rows of many taps have too many sums for the third."""
SLIDING = {"flat": flat, "dense": dense}
"""The two ways of the other passes."""


def samples(conv):
    """(x, weight, gradient of the output) and what PyTorch makes of them: (output, gradient of x, of the weight)."""
    generator = torch.Generator().manual_seed(0)
    dtype = torch.float32 if conv.kind == "float" else torch.float64
    x, weight, dy = (
        torch.randn(shape, generator=generator, dtype=dtype)
        for shape in [
            (conv.batch, conv.channels, *conv.size),
            (conv.outputs, conv.channels // conv.groups, *conv.kernel),
            (conv.batch, conv.outputs, *conv.out),
        ]
    )
    options = {"stride": conv.stride, "dilation": conv.dilation, "groups": conv.groups}
    x.requires_grad_(), weight.requires_grad_()
    widths = [n for pair in zip(conv.padding[::-1], (conv.after or conv.padding)[::-1]) for n in pair]
    y = torch.nn.functional.conv3d(torch.nn.functional.pad(x, widths), weight, **options)
    assert tuple(y.shape[2:]) == conv.out
    y.backward(dy)
    return [guarded(each.detach().numpy()) for each in (x, weight, dy)] + [each.detach().numpy() for each in (y, x.grad, weight.grad)]


def result(kernel, a, b, shape, ranges=None):
    """What the kernel makes of two arrays, in the midst of a buffer of NaN that must stay what it is."""
    size = int(np.prod(shape))
    buffer = np.full(size + 2 * MARGIN, np.nan, a.dtype)
    kernel(a, b, buffer[MARGIN:], ranges=ranges)
    assert np.isnan(buffer[:MARGIN]).all() and np.isnan(buffer[-MARGIN:]).all()
    return buffer[MARGIN:-MARGIN].reshape(shape)


def close(actual, expected, terms):
    tolerance = (4e-6 if actual.dtype == np.float32 else 1e-14) * max(1, terms) ** 0.5
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def check(conv, target=None, passes="forward input weight columns lanes"):
    x, weight, dy, y, dx, dw = samples(conv)
    machine, names = target or host(), preamble("A", "B", "C")
    for arrange in SLIDING.values():
        if "forward" in passes:
            text = sliding_text("conv", arrange(sliding_forward, conv, machine), conv.flops, machine, names)
            close(result(Kernel("conv", text, target), x, weight, y.shape), y, weight[0].size)
        if "input" in passes:
            text = sliding_text("conv", arrange(sliding_backward, conv, machine), conv.flops, machine, names)
            close(result(Kernel("conv", text, target), dy, weight, dx.shape), dx, weight.size)
    if is_depthwise(conv, machine):
        for way, a, expected in (("forward", x, y), ("input", dy, dx)):
            kernel = Kernel("conv", depthwise_text(way, "conv", conv, machine, names), target)
            close(result(kernel, a, weight, expected.shape), expected, weight[0].size)
    for way, a, expected in (("forward", x, y), ("input", dy, dx)):
        images = side_by_side(way, conv, machine)
        if images is not None and way in passes:
            kernel = Kernel("conv", images_text("conv", images, conv.flops, machine, names), target)
            close(result(kernel, a, weight, expected.shape), expected, weight.size)
        channels = channels_in_lanes(way, conv, machine)
        if channels is not None and way in passes:
            kernel = Kernel("conv", channels_text("conv", channels, conv.flops, machine, names), target)
            close(result(kernel, a, weight, expected.shape), expected, weight.size)
    for each, write in WEIGHTS.items():
        if each in passes and (each != "lanes" or outputs_in_lanes(conv, machine) is not None):
            kernel = Kernel("conv", write("conv", conv, machine, names), target)
            close(result(kernel, x, dy, dw.shape), dw, dy.size)


@pytest.mark.parametrize("kind", ["float", "double"])
def test_a_kernel_as_large_as_the_image_is_a_product(kind):
    conv, names = Conv(6, 7, 18, (4, 5), (4, 5), kind=kind), preamble("A", "B", "C")
    x, weight, dy, y, dx, dw = samples(conv)
    assert is_product(conv) and not is_product(replace(conv, padding=(0, 1, 0)))
    for write, a, b, expected in ((forward_text, x, weight, y), (input_gradient_text, dy, weight, dx), (weight_gradient_text, x, dy, dw)):
        close(result(Kernel("conv", write("conv", conv, host(), names)), a, b, expected.shape), expected, weight.size)


def axes(values, rank):
    return st.tuples(*[st.sampled_from(values)] * rank)


@st.composite
def convolutions(draw):
    rank, groups = draw(st.sampled_from([1, 2, 2, 3])), draw(st.sampled_from([1, 1, 2, 3]))
    conv = Conv(
        draw(st.sampled_from([1, 2, 5, 16])), groups * draw(st.integers(1, 9)), groups * draw(st.sampled_from([1, 2, 3, 8, 17])),
        draw(axes([1, 2, 3, 5, 8, 12, 13, 16, 20, 33], rank)), draw(axes([1, 2, 3, 3, 5], rank)),
        draw(axes([1, 1, 2, 3], rank)), draw(axes([0, 0, 1, 2, 4], rank)), draw(axes([1, 1, 2], rank)), groups,
        draw(st.sampled_from(["float", "float", "double"])), draw(st.one_of(st.none(), axes([0, 1, 2, 5], rank))),
    )  # fmt: skip
    assume(min(conv.out) > 0)
    return conv


@settings(max_examples=55, deadline=None, derandomize=True)
@given(conv=convolutions(), machine=st.sampled_from([None, *RUNNABLE]))
def test_any_convolution(conv, machine):
    assert supports(conv)
    check(conv, machine)


NAMED = {
    "MNIST, first": Conv(5, 1, 32, (28, 28), (3, 3)),
    "MNIST, second": Conv(2, 32, 64, (26, 26), (3, 3)),
    "residual": Conv(3, 16, 16, (32, 32), (3, 3), padding=(1, 1)),
    "residual, halved": Conv(3, 16, 32, (32, 32), (3, 3), (2, 2), (1, 1)),
    "shortcut": Conv(3, 16, 32, (16, 16), (1, 1), (2, 2)),
    "1 x 1": Conv(3, 16, 40, (9, 9), (1, 1)),
    "depthwise": Conv(3, 24, 24, (16, 16), (3, 3), padding=(1, 1), groups=24),
    "depthwise, dilated": Conv(2, 5, 5, (20, 37), (5, 3), padding=(4, 1), dilation=(2, 1), groups=5),
    "depthwise, a larger result": Conv(1, 3, 3, (4, 6), (3, 3), padding=(3, 4), groups=3),
    "depthwise, a kernel like the image": Conv(2, 6, 6, (7, 7), (7, 7), padding=(3, 3), groups=6),
    "depthwise, a signal": Conv(2, 4, 4, (40,), (3,), padding=(1,), groups=4),
    "depthwise, a long signal": Conv(2, 3, 3, (500,), (15,), padding=(7,), groups=3),
    "depthwise, halved": Conv(3, 6, 6, (33, 41), (5, 5), (2, 2), (2, 2), groups=6),
    "depthwise, halved, small": Conv(4, 6, 6, (14, 14), (5, 3), (2, 2), (2, 1), groups=6),
    "depthwise, halved, wide": Conv(1, 3, 3, (7, 310), (3, 4), (2, 2), (1, 2), dilation=(2, 1), groups=3),
    "depthwise, every third": Conv(2, 3, 3, (14, 140), (2, 4), (4, 3), (0, 2), groups=3),
    "depthwise, two for each": Conv(3, 8, 16, (10, 10), (3, 3), padding=(1, 1), groups=8),
    "small planes": Conv(9, 40, 48, (4, 4), (3, 3), padding=(1, 1)),
    "many images": Conv(16, 5, 9, (7, 6), (3, 3), padding=(1, 1)),
    "many images, two vectors": Conv(32, 40, 20, (7, 7), (3, 3), padding=(1, 1)),
    "many images, halved": Conv(16, 6, 20, (7, 8), (3, 3), (2, 2), (1, 1)),
    "many images, in groups": Conv(16, 6, 8, (4, 5), (3, 2), padding=(2, 0), dilation=(2, 1), groups=2),
    "many volumes": Conv(16, 3, 5, (3, 4, 3), (2, 3, 2), (1, 2, 1), (1, 1, 0)),
    "same, an even kernel": Conv(3, 8, 20, (14, 15), (4, 2), padding=(1, 0), after=(2, 1)),
    "same, an even kernel, depthwise": Conv(2, 8, 8, (14, 35), (4, 2), padding=(1, 0), groups=8, after=(2, 1)),
    "one place": Conv(3, 20, 20, (5, 5), (5, 5)),
    "small planes, halved": Conv(16, 20, 40, (7, 7), (3, 3), (2, 2), (1, 1)),
    "columns in several turns": Conv(8, 30, 100, (13, 13), (5, 5), padding=(2, 2)),
    "small planes, many": Conv(17, 9, 130, (4, 4), (3, 3), padding=(1, 1)),
    "small, under a large kernel": Conv(6, 20, 40, (7, 7), (5, 5), padding=(2, 2)),
    "small, one image": Conv(1, 24, 40, (24, 20), (5, 3), (2, 1), (2, 1)),
    "small volumes": Conv(2, 17, 33, (4, 5, 6), (3, 3, 3), padding=(1, 2, 1)),
    "every seventh": Conv(3, 20, 16, (40, 37), (7, 7), (7, 7), (3, 3)),
    "a signal in stretches": Conv(2, 9, 20, (400,), (5,), (3,), (2,)),
    "large kernel": Conv(1, 2, 3, (25, 25), (11, 11), padding=(5, 5)),
    "wide kernel row": Conv(1, 2, 3, (1, 60), (1, 33)),
    "few outputs of a large image": Conv(1, 128, 3, (96, 70), (1, 1)),
    "few outputs of a large volume": Conv(1, 64, 8, (12, 20, 17), (1, 1, 1)),
    "dilated": Conv(2, 3, 5, (30, 30), (3, 3), padding=(4, 4), dilation=(4, 4)),
    "four apart": Conv(2, 3, 20, (21, 77), (5, 5), (2, 4), (2, 2)),
    "eight apart": Conv(2, 3, 4, (16, 140), (3, 9), (8, 8), (0, 3)),
    "stride larger than the kernel": Conv(2, 3, 5, (30, 30), (2, 2), (5, 3)),
    "more padding than kernel": Conv(2, 3, 5, (6, 6), (2, 2), padding=(5, 3)),
    "wide": Conv(1, 2, 3, (5, 300), (3, 3), padding=(1, 1)),
    "a long signal": Conv(2, 4, 6, (500,), (7,), (2,), (3,)),
    "three dimensions": Conv(2, 3, 4, (8, 9, 10), (3, 3, 3), (1, 2, 1), (1, 1, 0)),
    "patches": Conv(3, 3, 40, (32, 48), (16, 16), (16, 16)),
    "patches that overlap": Conv(17, 6, 34, (9, 13), (3, 11), (2, 4), (1, 5), groups=2),
    "patches of volumes": Conv(5, 3, 33, (4, 5, 20), (2, 2, 9), (1, 2, 1), (1, 0, 4)),
    "one large image": Conv(1, 8, 16, (120, 100), (3, 3), padding=(1, 1)),
    "one large image, halved": Conv(1, 8, 16, (120, 101), (3, 3), (2, 2), (1, 1)),
}


@pytest.mark.parametrize("name", NAMED)
def test_named(name):
    check(NAMED[name])


def test_channels_by_themselves_need_masks():
    conv = NAMED["depthwise"]
    assert is_depthwise(conv, Target.avx2()) and not is_depthwise(conv, Target.generic())
    assert is_depthwise(replace(conv, stride=(1, 2, 2)), Target.avx512())
    assert not is_depthwise(replace(conv, stride=(1, 4, 4)), Target.avx512())  # more phases than registers for their sums
    assert not is_depthwise(NAMED["depthwise, two for each"], Target.avx512())


def test_panels_of_rows_need_masks_and_rows():
    for target, name, direct in [
        (Target.avx512(), "patches", True), (Target.avx2(), "patches", True), (Target.generic(), "patches", False),
        (Target.avx512(), "residual", False), (Target.avx512(), "dilated", False),
    ]:  # fmt: skip
        text = columns_text("conv", NAMED[name], target, preamble("A", "B", "C")).text
        assert (text.count("@conv.run(") > 0) == direct == (text.count("@conv.column(") == 0)


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: str(target.width))
@pytest.mark.parametrize("name", ["residual", "depthwise, dilated", "many images", "residual, halved", "shortcut", "patches that overlap", "three dimensions"])
def test_every_machine(name, target):
    check(NAMED[name], target)
    check(replace(NAMED[name], kind="double"), target)


@pytest.mark.parametrize("write", [forward_text, input_gradient_text, places_text, columns_text, lanes_text])
def test_arm_gets_vectors(write):
    text = write("conv", NAMED["residual"], Target.aarch64(), preamble("A", "B", "C")).text
    assert assembly(text, Target.aarch64(), "vectors").count("fmla\tv") >= 9


@pytest.mark.parametrize(
    "name",
    ["one large image", "residual", "depthwise", "MNIST, second", "small, one image", "small planes, many", "columns in several turns", "many images, two vectors", "patches"],
)
def test_any_split_of_the_chunks_gives_the_same(name):
    conv = NAMED[name]
    x, weight, dy, y, dx, dw = samples(conv)
    for write, a, b, expected in [
        (forward_text, x, weight, y), (input_gradient_text, dy, weight, dx), (places_text, x, dy, dw), (columns_text, x, dy, dw),
        (lanes_text, x, dy, dw),
    ]:  # fmt: skip
        kernel = Kernel("conv", write("conv", conv, host(), preamble("A", "B", "C")))
        whole = result(kernel, a, b, expected.shape)
        single = result(kernel, a, b, expected.shape, [(i, i + 1) for i in reversed(range(kernel.code.chunks))])
        np.testing.assert_array_equal(whole, single)


SEEN = [
    "one large image", "one large image, halved", "residual", "depthwise", "three dimensions", "small planes, halved",
    "many images, two vectors", "small, under a large kernel", "small, one image", "small volumes", "every seventh",
]  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("forward", [True, False], ids=["forward", "input"])
def test_an_epilogue_sees_each_output_once(name, forward):
    """Here it adds 1000 to all of C, number by number."""
    conv = NAMED[name]
    x, weight, dy, y, dx, _ = samples(conv)
    out, channels = (conv.out, conv.outputs) if forward else (conv.size, conv.channels)
    row = int(np.prod(out[1:] if out[0] > 1 else out[2:]))
    plane = int(np.prod(out))

    def epilogue(text, image, c0, c1, r0, r1):
        with text.loop("c", c0, c1) as c, text.loop("i", text.multiply(r0, row), text.multiply(r1, row)) as i:
            place = text.add(text.multiply(text.add(text.multiply(image, channels), c), plane), i)
            place = text.at("%C", place, "float")
            text.store("float", text.let("y", f"fadd float {text.load('float', place)}, 1000.0"), place)

    write = forward_text if forward else input_gradient_text
    kernel = Kernel("conv", write("conv", conv, host(), preamble("A", "B", "C"), epilogue))
    expected = y if forward else dx
    actual = result(kernel, x if forward else dy, weight, expected.shape)
    np.testing.assert_allclose(actual, expected + 1000, rtol=1e-5)


def test_a_band_that_is_read_once_is_not_copied():
    for name in ("few outputs of a large image", "few outputs of a large volume"):
        conv = NAMED[name]
        few, many = [flat(sliding_forward, each, Target.avx512()) for each in (conv, replace(conv, outputs=64))]
        assert few.bands > 1 and few.bare and not many.bare


def test_a_large_image_is_cut_into_bands():
    assert arranged(sliding_forward, NAMED["one large image"], host()).bands > 1


def test_small_images_are_taken_together():
    assert flat(sliding_forward, NAMED["small planes"], Target.avx512()).fold == 3
    assert dense(sliding_forward, NAMED["small planes, halved"], Target.avx512()).fold > 1


def test_columns_are_written_where_that_costs_less():
    target = Target.avx512()
    for conv, columns in {NAMED["columns in several turns"]: True, NAMED["residual"]: False}.items():
        assert (arranged(sliding_forward, conv, target).deep > 0) == columns
        assert (cost(dense(sliding_forward, conv, target), target) < cost(flat(sliding_forward, conv, target), target)) == columns
    assert dense(sliding_forward, NAMED["columns in several turns"], target).deep < 30


@pytest.mark.parametrize("way", SLIDING)
def test_nan_and_infinity_stay_where_they_are(way):
    conv = Conv(2, 3, 8, (10, 10), (3, 3), padding=(1, 1))
    x, weight, *_ = samples(conv)
    x = x.copy()
    x[0, 1, 0, 5, 9] = np.inf
    x[1, 2, 0, 0, 0] = np.nan
    expected = torch.nn.functional.conv3d(torch.from_numpy(x), torch.from_numpy(weight), padding=conv.padding).numpy()
    sliding = SLIDING[way](sliding_forward, conv, host())
    channels, names = channels_in_lanes("forward", conv, host()), preamble("A", "B", "C")
    ways = [(sliding_text, sliding), (channels_text, channels)]
    for text in [write("conv", found, conv.flops, host(), names) for write, found in ways]:
        np.testing.assert_allclose(result(Kernel("conv", text), x, weight, expected.shape), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["same 3x3", "small planes", "strided", "groups", "odd"])
@pytest.mark.parametrize("odd", [np.inf, np.nan])
def test_a_weight_s_gradient_is_nan_only_where_it_is_reached(name, odd):
    conv = {
        "same 3x3": Conv(2, 3, 5, (10, 10), (3, 3), padding=(1, 1)), "small planes": Conv(3, 20, 20, (4, 4), (3, 3), padding=(1, 1)),
        "strided": Conv(2, 4, 6, (9, 9), (3, 3), (2, 2), (1, 1)), "groups": Conv(2, 4, 8, (7, 7), (3, 3), padding=(2, 2), groups=2),
        "odd": Conv(1, 3, 4, (5, 11), (2, 5), padding=(0, 3), dilation=(1, 2)),
    }[name]  # fmt: skip
    x, weight, dy, *_ = samples(conv)
    x = x.copy()
    x[0, 1, 0, 0, 0], x[-1, 2, 0, 3, -1] = odd, odd
    expected = torch.nn.grad.conv3d_weight(
        torch.from_numpy(x), weight.shape, torch.from_numpy(dy), conv.stride, conv.padding, conv.dilation, conv.groups
    ).numpy()
    for write in WEIGHTS.values():
        kernel = Kernel("conv", write("conv", conv, host(), preamble("A", "B", "C")))
        np.testing.assert_allclose(result(kernel, x, dy, expected.shape), expected, rtol=1e-4, atol=1e-4)


def test_the_way_to_a_weight_s_gradient_that_is_taken():
    target, names = Target.avx512(), preamble("A", "B", "C")
    for name, write in {"patches": columns_text, "depthwise, a signal": places_text, "MNIST, first": places_text}.items():
        assert pays_by_columns(NAMED[name], target) == (write is columns_text)
        assert weight_gradient_text("conv", NAMED[name], target, names) == write("conv", NAMED[name], target, names)
    for name in ("small planes", "residual", "every seventh"):
        conv = NAMED[name]
        outputs = outputs_in_lanes(conv, target)
        assert outputs.cost < min(columns_cost(conv, target), places_cost(conv, target))
        assert weight_gradient_text("conv", conv, target, names) == outputs_text("conv", outputs, conv.flops, names)
    lines = outputs_in_lanes(Conv(1, 8, 8, (4, 4), (3, 3), padding=(1, 1)), target).lines
    assert [len(line) for line in lines] == [3, 4, 3]


def test_many_small_images_are_taken_side_by_side():
    target, names = Target.avx512(), preamble("A", "B", "C")
    conv = NAMED["many images, two vectors"]
    for way, sliding_of, write in [("forward", sliding_forward, forward_text), ("input", sliding_backward, input_gradient_text)]:
        images = side_by_side(way, conv, target)
        assert images.cost < cost(arranged(sliding_of, conv, target), target)
        assert write("conv", conv, target, names) == images_text("conv", images, conv.flops, target, names)
    assert side_by_side("forward", NAMED["residual"], target) is None  # three images
    taps = sum(len(kind) for kind in side_by_side("forward", replace(NAMED["many images"], size=(1, 2, 2)), target).kinds)
    assert taps == 4 * 4  # of 4 places and 9 taps


def test_outputs_are_lanes_where_a_kernel_sees_more_border_than_image():
    target, names = Target.avx512(), preamble("A", "B", "C")
    conv = NAMED["small, under a large kernel"]
    for way, sliding_of, write in [("forward", sliding_forward, forward_text), ("input", sliding_backward, input_gradient_text)]:
        channels = channels_in_lanes(way, conv, target)
        assert channels.cost < cost(arranged(sliding_of, conv, target), target)
        assert write("conv", conv, target, names) == channels_text("conv", channels, conv.flops, target, names)
    assert channels_in_lanes("forward", NAMED["small, one image"], target).bands > 1
    assert channels_in_lanes("forward", NAMED["depthwise"], target).cost > cost(arranged(sliding_forward, NAMED["depthwise"], target), target)
    for length, taken in ((16000, True), (4000, False)):  # of a signal that no cache holds, the layout isn't there when it is read
        conv = Conv(4, 128, 12, (length,), (15,), (2,), (7,))
        assert (channels_in_lanes("forward", conv, target).cost < cost(arranged(sliding_forward, conv, target), target)) == taken
    lines = channels_in_lanes("forward", Conv(1, 8, 8, (4, 4), (3, 3), padding=(1, 1)), target).lines
    assert [len(line) for line in lines] == [2, 3, 3, 2]


def test_what_is_not_supported():
    assert not supports(Conv(1, 3, 4, (2, 2), (3, 3)))
    assert not supports(Conv(0, 3, 4, (5, 5), (3, 3)))
    assert not supports(Conv(1, 64, 4, (10_000_000,), (3,)))
