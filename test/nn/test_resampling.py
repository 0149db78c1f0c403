"""Other sizes, other places, shuffled channels: against PyTorch's."""

import itertools

import numpy
import pytest
import torch
from oracle import TOLERANCE, agree, expression

import minitorch


def image(*shape, seed=0, dtype="float64"):
    return numpy.random.default_rng(seed).standard_normal(shape).astype(dtype)


HOW = ["align_corners=True", "align_corners=False", "antialias=True", ""]
RESIZED = [
    f"t.nn.functional.interpolate(x, {size}, mode='{mode}'{', ' * bool(how)}{how})"
    for mode, how in [
        *itertools.product(("nearest", "nearest-exact", "area"), [""]), *itertools.product(("bilinear", "bicubic"), HOW), ("lanczos", "antialias=True"),
    ]
    for size in ("(3, 9)", "(10, 12)", "scale_factor=(1.7, 0.6)", "scale_factor=2", "scale_factor=0.5", "scale_factor=(1.3, 2.4), recompute_scale_factor=True")
]  # fmt: skip


@pytest.mark.parametrize("text", RESIZED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_of_another_size(text, dtype):
    if "recompute" in text and "lanczos" in text:
        pytest.skip("where a size stays, PyTorch leaves the dim alone on the way there, and not on the way back")
    agree(expression(text, x=image(2, 3, 5, 6, dtype=dtype)), {**TOLERANCE, "float32": (1e-4, 5e-6)})


@pytest.mark.parametrize("text", [
    "t.nn.functional.interpolate(x, 7, mode='linear')", "t.nn.functional.interpolate(x, scale_factor=3)",
    # detached, for PyTorch's way back takes no account of such a scale
    "t.nn.functional.interpolate(x.detach(), scale_factor=2.1)", "t.nn.functional.interpolate(x.detach(), scale_factor=1.1)",
    "t.nn.functional.interpolate(x.unsqueeze(2), scale_factor=(1.5, 2.1))",
    "t.nn.functional.interpolate(x.detach().reshape(1, 1, 2, 3, 6), scale_factor=(1.2, 2.1, 1.1))", "t.nn.functional.interpolate(x, scale_factor=0.5, mode='area')",
    "t.nn.functional.interpolate(x.unsqueeze(2).unsqueeze(2), (2, 3, 4), mode='trilinear')", "t.nn.functional.interpolate(x.unsqueeze(2), (4, 12), mode='nearest')",
    "t.nn.functional.interpolate(x[:0], 7, mode='linear')", "t.nn.functional.interpolate(x.transpose(0, 2).half(), 7, mode='linear')",
    "t.nn.functional.interpolate((x.unsqueeze(2) * 50 + 100).byte(), scale_factor=2)", "t.nn.Upsample(scale_factor=2)(x)", "t.nn.UpsamplingBilinear2d((4, 5))(x.unsqueeze(1))",
    "t.nn.UpsamplingNearest2d(scale_factor=2)(x.unsqueeze(1))", "(repr(t.nn.Upsample(size=(2, 3), mode='bilinear')), repr(t.nn.UpsamplingNearest2d(scale_factor=(2, 3))))",
])  # fmt: skip
def test_sequences_and_volumes(text):
    agree(expression(text, x=image(2, 3, 6)))


@pytest.mark.parametrize("odd", [numpy.inf, numpy.nan])
@pytest.mark.parametrize("text", ["interpolate(x, (10, 12), mode='bilinear')", "interpolate(x, (3, 9), mode='bicubic')", "adaptive_avg_pool2d(x, (3, 5))"])
def test_what_is_not_finite_stays_in_its_neighbourhood(text, odd):
    x = image(2, 3, 5, 6, dtype="float32")
    x[0, 1, 2, 3], x[1, 0, 0, 5] = odd, -odd
    agree(expression(f"t.nn.functional.{text}", x=x), {**TOLERANCE, "float32": (1e-4, 5e-6)})


def test_bytes_are_rounded_to_about_what_pytorch_s_fixed_point_gives():
    x = numpy.random.default_rng(0).integers(0, 256, (1, 3, 9, 8)).astype("uint8")
    exact = minitorch.nn.functional.interpolate(minitorch.tensor(x.astype("float64")), (13, 5), mode="bilinear").numpy()
    got = minitorch.nn.functional.interpolate(minitorch.tensor(x), (13, 5), mode="bilinear").numpy()
    assert got.dtype == numpy.uint8
    assert abs(got - exact).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("text", [
    "(x, 2, 2.0)", "(x)", "(x, (2, 3, 4))", "(x, (2.5, 3))", "(x, scale_factor=(1, 2, 3))", "(x, 2, mode='linear')", "(x[0], 2, mode='bilinear')", "(x, 2, mode='sharp')",
    "(x[0, 0], ())", "(x, 2, align_corners=True)", "(x, 2, recompute_scale_factor=True)", "(x, 2, antialias=True)", "(x, 0)", "(x[:, :, :0], 2, mode='bicubic')",
    "(x[:, :0], 2)", "(x, 2, mode='lanczos')", "(x, 2, mode='lanczos', align_corners=True, antialias=True)", "(x.long(), 2)", "(x.long(), 2, mode='bilinear')",
    "(x[0].long(), 2)", "(x.long(), 2, mode='bicubic')",
])  # fmt: skip
def test_refused_sizes(text):
    agree(expression(f"t.nn.functional.interpolate{text}", x=image(2, 3, 4, 5)))


# ------------------------------------------------------------------------------------------------------ other places


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample(mode, padding, align):
    text = f"t.nn.functional.grid_sample(x, g{{}}, '{mode}', '{padding}', {align})"
    flat = {"x": image(2, 3, 4, 5), "g": 1.5 * image(2, 3, 2, 2, seed=1)}
    agree(expression(text.format(""), **flat))
    if mode == "bilinear":
        agree(expression(text.format(""), x=image(2, 2, 3, 4, 2), g=1.5 * image(2, 2, 1, 3, 3, seed=1)))


@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 3, 1, 5), (2, 1, 2, 3, 4)])
@pytest.mark.parametrize("align", [False, True, None])
def test_affine_grid(size, align):
    n = len(size) - 2
    agree(expression(f"t.nn.functional.affine_grid(x, {size}, {align})", x=image(2, n, n + 1)))


@pytest.mark.parametrize("size", [(1, 1, 28, 28), (1, 1, 16, 33), (1, 1, 3, 10, 7)])
@pytest.mark.parametrize("align", [False, True])
def test_affine_grid_of_no_map_is_pytorch_s_to_the_last_bit(size, align):
    """Else places come to lie on other sides of pixels, where gradients are others."""
    n = len(size) - 2
    expected, got = [t.nn.functional.affine_grid(t.eye(n, n + 1)[None], size, align) for t in (torch, minitorch)]
    assert expected.numpy().tobytes() == got.numpy().tobytes()


@pytest.mark.parametrize("text", [
    "grid_sample(x, g.float())", "grid_sample(x.long(), g.long())", "grid_sample(x, g[:1])", "grid_sample(x, g[..., :1])", "grid_sample(x[:, :, :0], g)",
    "grid_sample(x, g, 'cubic')", "grid_sample(x, g, padding_mode='ones')", "grid_sample(x.unsqueeze(2), t.zeros(2, 1, 1, 1, 3), 'bicubic')",
    "affine_grid(x, (2, 3, 4, 5), False)", "affine_grid(x[0].long(), (3, 3, 4, 5), False)", "affine_grid(x[0], (2, 3, 4), False)", "affine_grid(x[:, 0, :2, :3], (2, 1, 0, 3), False)",
])  # fmt: skip
def test_refused_places(text):
    agree(expression(f"t.nn.functional.{text}", x=image(2, 3, 4, 5), g=image(2, 3, 2, 2)))


# ------------------------------------------------------------------------------------------------ channels and pixels


@pytest.mark.parametrize("text", [
    "t.pixel_shuffle(x, 2)", "t.pixel_shuffle(x[0], 1)", "t.pixel_unshuffle(x, 2)", "t.nn.PixelUnshuffle(3)(x.transpose(2, 3))", "t.nn.PixelShuffle(2)(x.long())",
    "t.channel_shuffle(x, 4)", "t.nn.ChannelShuffle(2)(x)", "t.nn.functional.native_channel_shuffle(x.detach(), 8)", "t.pixel_shuffle(x, 3)", "t.pixel_shuffle(x, 0)", "t.pixel_shuffle(x[0, 0], 1)",
    "t.pixel_unshuffle(x, 4)", "t.pixel_unshuffle(x[..., :5], 2)", "t.pixel_unshuffle(x, -1)", "t.channel_shuffle(x, 3)", "t.channel_shuffle(x, 0)", "t.channel_shuffle(x[0, 0], 1)",
    "repr([t.nn.PixelShuffle(2), t.nn.PixelUnshuffle(3), t.nn.ChannelShuffle(4), t.nn.Fold((4, 5), 2), t.nn.Unfold((2, 1), padding=1)])",
    "t.nn.Fold((7, 8), 2)(t.nn.Unfold(2)(x))",
])  # fmt: skip
def test_shuffles(text):
    agree(expression(text, x=image(2, 8, 6, 6)[..., :6, :] if "Fold" not in text else image(2, 8, 7, 8)))
