"""embedding_bag, fractional pooling, pdist, linear_cross_entropy, and torch's own names, against PyTorch's."""

import numpy
import pytest
from oracle import agree, expression

import minitorch as torch

TABLE, INDICES = numpy.random.default_rng(0).standard_normal((6, 3)), numpy.array([4, 1, 0, 4, 5, 2, 2])


def seeded(program):
    return lambda t: (t.manual_seed(7), program(t))[1]


def bag(text):
    return expression(f"t.nn.functional.embedding_bag({text})", w=TABLE, i=INDICES, o=numpy.array([0, 2, 2, 5]), p=numpy.linspace(-1, 1, 7))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("text", [
    "i, w, o", "i.int(), w, o.int()", "i[:6].view(2, 3), w", "i, w, o, padding_idx=2", "i[:6].view(3, 2), w, padding_idx=-2", "i, w, o, include_last_offset=True",
    "i, w.detach().clone(), o, max_norm=1.0", "i, w.detach().float(), o", "i[:0], w, o[:1]", "i[:0].view(0, 4), w",
])  # fmt: skip
def test_bags(text, mode):
    agree(bag(f"{text}, mode='{mode}'"))


@pytest.mark.parametrize("text", [
    "i, w, o, mode='sum', per_sample_weights=p", "i[:6].view(3, 2), w, mode='sum', per_sample_weights=p[:6].view(3, 2), padding_idx=1",
    "i, w", "i.float(), w, o", "i, w, o, mode='median'", "i, w, o + 1", "i, w, o * 9", "i + 3, w, o", "i, w, o.view(2, 2)", "i.view(1, 7), w, o", "i.view(1, 7, 1), w", "i, w[0], o",
    "i, w, o, padding_idx=7", "i, w, o, mode='sum', per_sample_weights=p[:3]", "i, w, o, per_sample_weights=p", "i, w, o, mode='sum', per_sample_weights=p.float()",
    "i, w, o, mode='max', scale_grad_by_freq=True", "i, w, o, mode='max', sparse=True", "i, w.long(), o", "i, w, o[:0], include_last_offset=True", "i[:0].view(2, 0), w",
])  # fmt: skip
def test_bags_weighed_and_refused(text):
    agree(bag(text))


def test_the_layer():
    def program(t):
        t.manual_seed(3)
        layer = t.nn.EmbeddingBag(6, 3, mode="sum", padding_idx=-1)
        out = layer(t.tensor(INDICES), t.tensor([0, 3]))
        out.sum().backward()
        made = t.nn.EmbeddingBag.from_pretrained(t.ones(2, 3), mode="max", max_norm=1.0)
        return out, layer.weight, layer.weight.grad, repr(layer), repr(made), made.weight.requires_grad

    agree(program)


def test_a_compiled_step_takes_other_offsets_and_looks_at_them():
    layer = torch.nn.EmbeddingBag(6, 3)

    @torch.compile(fullgraph=True)
    def step(index, offsets):
        layer.zero_grad()
        out = layer(index, offsets)
        out.square().sum().backward()
        return out

    index = torch.tensor(INDICES)
    for offsets in ([0, 2, 5], [0, 2, 5], [0, 3, 3], [0, 0, 7]):
        found = step(index, torch.tensor(offsets)), layer.weight.grad.clone()
        layer.zero_grad()
        wanted = layer(index, torch.tensor(offsets))
        wanted.square().sum().backward()
        assert torch.allclose(found[0], wanted) and torch.allclose(found[1], layer.weight.grad)
    with pytest.raises(RuntimeError, match=r"offsets\[0\] has to be 0.*However, got 1"):
        step(index, torch.tensor([1, 2, 5]))
    with pytest.raises(RuntimeError, match="can not be greater than input's length 7 but got offsets.* of 8"):
        step(index, torch.tensor([0, 2, 8]))


# ------------------------------------------------------------------------------------------------- windows at random


@pytest.mark.parametrize("text", [
    "2d(x, 3, output_size=(4, 5))", "2d(x, (2, 3), output_ratio=(0.5, 0.6), return_indices=True)", "2d(x[0], 2, output_size=1)", "2d(x.half(), 2, output_size=3)",
    "2d_with_indices(x, 1, output_size=(7, 8))", "3d(x.unsqueeze(2).expand(2, 3, 4, 7, 8), 2, output_size=(2, 4, 3))", "3d(x, 2, output_ratio=(0.5, 0.5, 0.5), return_indices=True)",
    "2d(x, 3)", "2d(x, 3, output_size=7)", "2d(x[0, 0], 3, output_size=2)", "2d(x, 3, output_size=2, _random_samples=t.rand(2, 3, 3).double())", "2d(x, (1, 2, 3), output_size=2)",
    "2d(x, 3, output_size=2, _random_samples=t.rand(2, 3, 2))", "2d(x[:, :0], 3, output_size=2)", "2d(x, 2, output_ratio=(1, 1, 1))", "3d(x, 3, output_size=6)",
])  # fmt: skip
def test_fractional_pooling(text):
    agree(seeded(expression(f"t.nn.functional.fractional_max_pool{text}", x=numpy.random.default_rng(1).standard_normal((2, 3, 7, 8)))))


# --------------------------------------------------------------------------------------------------- other functions

POINTS = numpy.array([[1.0, 2.0], [1.0, 2.0], [3.0, 4.0], [0.5, 7.0]])


@pytest.mark.parametrize("text", [*(f"t.pdist(x, {p})" for p in (0, 0.5, 1, 1.5, 2, 3, "float('inf')")), "t.pdist(x[:1])", "t.pdist(x.detach()[:0])", "t.pdist(x.detach()[:, :0])", "t.pdist(x[0])", "t.pdist(x, -1)",
                                  "t.pdist(x.long())", "t.pdist(x.half())"])  # fmt: skip
def test_pdist(text):
    agree(expression(text, x=POINTS))


LINEAR = numpy.random.default_rng(2)
LINEAR = {"x": LINEAR.standard_normal((5, 3)), "w": LINEAR.standard_normal((4, 3)), "b": LINEAR.standard_normal(4), "c": 0.5 + LINEAR.random(4), "y": numpy.array([0, 3, 2, 1, 3])}


@pytest.mark.parametrize("options", ["", ", options=t.nn.LinearCrossEntropyOptions(batch_chunk_size=2)", ", options=t.nn.LinearCrossEntropyOptions(chunking_method='aspect_ratio')"])
@pytest.mark.parametrize("text", [
    "x, w, y", "x, w, y, linear_bias=b, weight=c.detach(), ignore_index=3", "x, w, y, reduction='none'", "x[0], w, y[0], reduction='sum'", "x, w, y, label_smoothing=0.1",
    "x, w.view(2, 2, 3), (y % 2).unsqueeze(1).expand(5, 2)", "x, w, (x @ w.t()).softmax(1).detach()", "x.unsqueeze(0), w, y", "x, w[0], y", "x, w[:, :2], y", "x, w, y, linear_bias=b[:2]",
    "x[0], w.view(2, 2, 3), y", "x, w, (x @ w.t()).softmax(1), ignore_index=1",
])  # fmt: skip
def test_linear_cross_entropy(text, options):
    agree(expression(f"t.nn.functional.linear_cross_entropy({text}{options})", **LINEAR))


@pytest.mark.parametrize("text", ["acc_policy='fast'", "chunking_method='half'", "chunking_method='aspect_ratio:0'", "batch_chunk_size=0", "acc_dtype=t.int64", ""])
def test_options(text):
    agree(lambda t: repr(eval(f"t.nn.LinearCrossEntropyOptions({text})", {"t": t})).replace("'", '"'))


# ------------------------------------------------------------------------------------------------------ torch's own names

IMAGE = {"x": numpy.random.default_rng(3).standard_normal((2, 4, 6, 5)), "w": numpy.linspace(0.5, 2, 4), "b": numpy.linspace(-1, 1, 4), "y": numpy.random.default_rng(4).random((2, 4, 6, 5))}
NAMES = [
    "batch_norm(x, w, b, (b * 0).detach(), (w * w).detach(), False, 0.1, 1e-5, True)", "batch_norm(x, w, b, None, None, True, 0.1, 1e-5, True)", "instance_norm(x, w, b, None, None, True, 0.1, 1e-5, True)",
    "layer_norm(x, (5,), eps=1e-3)", "group_norm(x, 2, w, b)", "rms_norm(x, (6, 5))", "native_batch_norm(x, w, b, None, None, True, 0.1, 1e-5)", "native_layer_norm(x, (6, 5), None, None, 1e-5)[0]",
    "native_group_norm(x, w, b, 2, 4, 30, 2, 1e-5)", "native_batch_norm(x, w, b, (b * 0).detach(), (w * w).detach(), False, 0.1, 1e-5)", "norm_except_dim(x, 2, 1)", "norm_except_dim(x, 1, -1)",
    "dropout(x, 0.4, True)", "alpha_dropout(x, 0.4, True)", "feature_dropout(x, 0.4, True)", "feature_alpha_dropout(x, 0.4, True)", "native_dropout(x, 0.4, True)", "native_dropout(x, 0.4, False)[1]",
    "dropout_(x * 1, 0.4, True)", "rrelu(x, 0.1, 0.3, True)", "rrelu_(x * 1)", "celu_(x * 1)", "selu_(x * 1)", "threshold_(x * 1, 0.1, 20.0)", "prelu(x, w)", "hardshrink(x)", "Tensor.prelu(x, w[:1])", "Tensor.hardshrink(x, 0.2)", "celu(x)", "selu(x)",
    "binary_cross_entropy_with_logits(x, y, None, None, 2)", "cosine_embedding_loss(x[0, 0], y[0, 0], t.tensor([1, -1, 1, -1, 1, 1]), 0.1, 1)", "hinge_embedding_loss(x, y.round() * 2 - 1)", "kl_div(x, y, 0)",
    "margin_ranking_loss(x, y, y.detach().sign(), 0.5)", "poisson_nll_loss(x, y, True, False, 1e-8, 1)", "triplet_margin_loss(x, y, y * 2)", "pairwise_distance(x, y)", "cosine_similarity(x, y, 2)",
    "embedding(x[0, 0], t.tensor([1, 5, 1]))", "embedding_bag(x[0, 0], t.tensor([1, 5, 1]), t.tensor([0, 1]), mode=2)", "embedding_bag(x[0, 0], t.tensor([1, 5, 1]), t.tensor([0, 1]))[0]",
    "embedding_renorm_(x[0, 0].detach().clone(), t.tensor([1, 2]), 1.0, 2.0)", "grid_sampler(x, y[:, :2, :, :2], 0, 1, True)", "grid_sampler_2d(x, y[:, :2, :, :2], 2, 0, False)",
    "grid_sampler_3d(x.unsqueeze(2), y[:, :1, :, :3].unsqueeze(1), 0, 0, True)", "affine_grid_generator(x[:, 0, :2, :3], (2, 1, 3, 2), True)", "adaptive_max_pool1d(x[0], 2)", "adaptive_avg_pool1d(x[0], 2)",
    "constant_pad_nd(x, (1, 2, -1, 0), 3.0)", "conv2d(x, y[:, :, :3, :2])", "conv_transpose2d(x, y.transpose(0, 1))", "conv1d(x[0], y[0, :, :, :3])", "conv_tbc(x[0], y[0, :3].permute(0, 2, 1), y[0, 0, :, 0])",
    "convolution(x, y[:, :, :3, :2], None, [1, 2], [1, 0], [1, 1], False, [0, 0], 1)", "convolution(x, y.transpose(0, 1), None, [2, 1], [1, 0], [1, 1], True, [1, 0], 1)", "max_pool2d(x, 2)", "max_pool1d(x[0], 2)",
    "max_pool1d_with_indices(x[0], 2)", "avg_pool1d(x[0], 2)", "max_pool3d(x, 2)", "bilinear(x[0], y[0], x[:, 0, :5].detach())",
]  # fmt: skip


@pytest.mark.parametrize("text", NAMES)
def test_names_of_torch(text):
    agree(seeded(expression(f"t.{text}", **IMAGE)))


@pytest.mark.parametrize("name", ["max_pool1d", "max_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d"])
def test_with_indices(name):
    agree(expression(f"t.nn.functional.{name}_with_indices(x[0], 2)", **IMAGE))
