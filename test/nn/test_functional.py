"""torch.nn.functional against PyTorch's: values, first and second derivatives, kinks, extremes, errors and warnings."""

import math
import warnings

import numpy
import pytest
import torch
from numpy.testing import assert_allclose

import minitorch

TOLERANCE = {"float32": {"rtol": 3e-5, "atol": 3e-6}, "float64": {"rtol": 1e-9, "atol": 1e-11}}
INF, NAN = math.inf, math.nan


def numbers(*shape, seed=0, dtype="float64"):
    return numpy.random.default_rng(seed).standard_normal(shape).astype(dtype)


def whole(*shape, high, seed=0):
    return numpy.random.default_rng(seed).integers(0, high, size=shape)


def assert_same(expected, found, what="", **tolerance):
    """Equal in type, shape and (about) value."""
    if expected is None:
        assert found is None, what
        return
    assert str(found.dtype) == str(expected.dtype), what
    assert tuple(found.shape) == tuple(expected.shape), what
    close = TOLERANCE.get(str(expected.dtype).removeprefix("torch."), {"rtol": 0, "atol": 0})
    assert_allclose(found.detach().numpy(), expected.numpy(force=True), err_msg=what, **(tolerance or close))


def run(library, program, arrays, wanted, order):
    """What program(F, *tensors) gives, and the gradients of the first ``wanted`` inputs, to the given order."""
    tensors = [library.tensor(x) for x in arrays]
    leaves = [x.requires_grad_() for x in tensors[:wanted] if x.is_floating_point()]
    out = program(library.nn.functional, *tensors)
    cotangent = library.tensor(numbers(*out.shape, seed=5, dtype=str(out.dtype).removeprefix("torch.")))
    grads = library.autograd.grad((out * cotangent).sum(), leaves, allow_unused=True, create_graph=order > 1)
    smooth = [g for g in grads if g is not None and g.requires_grad]
    if order == 1 or not smooth:
        return [out, *grads, *[None] * (len(leaves) * (order - 1))]
    slope = sum((g * g).sum() for g in smooth)
    return [out, *grads, *library.autograd.grad(slope, leaves, allow_unused=True)]


def assert_agrees(program, *arrays, wanted=9, order=1, **tolerance):
    """Equal results. A gradient that one of the two doesn't have is zero in the other."""
    torch.manual_seed(3)
    expected = run(torch, program, arrays, wanted, order)
    minitorch.manual_seed(3)
    found = run(minitorch, program, arrays, wanted, order)
    assert len(found) == len(expected)
    for i, (e, f) in enumerate(zip(expected, found, strict=True)):
        if e is None:
            assert f is None or not f.any(), i
        elif f is None:
            assert not e.any(), i
        else:
            assert_same(e, f, f"result {i}", **tolerance)


def outcome(call):
    """(type, first line) of what ``call`` raises, and the warnings' first lines."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
            error = None
        except Exception as e:
            error = type(e), str(e).split("\n")[0].rstrip()
    return error, [(w.category, str(w.message).split("\n")[0]) for w in caught]


# ----------------------------------------------------------------------------------------------------------- activations

ACTIVATIONS = {
    "relu": lambda F, x: F.relu(x),
    "leaky_relu": lambda F, x: F.leaky_relu(x, 0.2),
    "rrelu": lambda F, x: F.rrelu(x),
    "elu": lambda F, x: F.elu(x),
    "elu alpha": lambda F, x: F.elu(x, 0.7),
    "selu": lambda F, x: F.selu(x),
    "celu": lambda F, x: F.celu(x, 2.0),
    "hardtanh": lambda F, x: F.hardtanh(x),
    "relu6": lambda F, x: F.relu6(x),
    "hardsigmoid": lambda F, x: F.hardsigmoid(x),
    "hardswish": lambda F, x: F.hardswish(x),
    "hardshrink": lambda F, x: F.hardshrink(x),
    "softshrink": lambda F, x: F.softshrink(x),
    "threshold": lambda F, x: F.threshold(x, 0.5, 9.0),
    "sigmoid": lambda F, x: F.sigmoid(x),
    "tanh": lambda F, x: F.tanh(x),
    "logsigmoid": lambda F, x: F.logsigmoid(x),
    "softplus": lambda F, x: F.softplus(x),
    "softplus beta": lambda F, x: F.softplus(x, beta=3, threshold=5),
    "silu": lambda F, x: F.silu(x),
    "mish": lambda F, x: F.mish(x),
    "gelu": lambda F, x: F.gelu(x),
    "gelu tanh": lambda F, x: F.gelu(x, approximate="tanh"),
    "softsign": lambda F, x: F.softsign(x),
    "tanhshrink": lambda F, x: F.tanhshrink(x),
    "softmax": lambda F, x: F.softmax(x, dim=-1),
    "softmin": lambda F, x: F.softmin(x, dim=-1),
    "log_softmax": lambda F, x: F.log_softmax(x, dim=-1),
    "prelu": lambda F, x: F.prelu(x, x.new_ones(1) * 0.2),
}
KINKS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, 2.0, -7.0]
ONE_SIXTH = {"rtol": 1e-6, "atol": 1e-7}  # PyTorch's own 1/6 has float32's precision in hardsigmoid's gradient


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_and_its_derivatives(name, dtype):
    tolerance = ONE_SIXTH if name == "hardsigmoid" else {}
    assert_agrees(ACTIVATIONS[name], numbers(3, 7, dtype=dtype) * 3, **tolerance)
    assert_agrees(ACTIVATIONS[name], numpy.array(KINKS, dtype), **tolerance)
    for shape in ((), (0,), (2, 0)):
        assert_agrees(ACTIVATIONS[name], numbers(*shape, dtype=dtype), **tolerance)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_to_second_order(name):
    if name == "hardsigmoid":
        pytest.skip("PyTorch has no second derivative of it")
    assert_agrees(ACTIVATIONS[name], numbers(3, 7) * 3, order=2)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_at_the_extremes(name):
    """Large numbers, infinities and nan: the values are PyTorch's; the gradients of finite numbers are too."""
    large = numpy.array([1e4, -1e4, 100.0, -100.0, 89.0, -89.0, 20.5, -20.5], "float32")
    assert_agrees(ACTIVATIONS[name], large, **(ONE_SIXTH if name == "hardsigmoid" else {}))
    if "gelu" in name:
        return  # PyTorch has nan even for inf
    beyond = numpy.array([INF, -INF, NAN], "float32")
    expected = ACTIVATIONS[name](torch.nn.functional, torch.tensor(beyond))
    assert_same(expected, ACTIVATIONS[name](minitorch.nn.functional, minitorch.tensor(beyond)))
    if name == "softplus":
        assert_agrees(ACTIVATIONS[name], beyond)  # between probabilities and their logarithms


@pytest.mark.parametrize("name", ["relu", "relu6", "hardtanh", "threshold"])
def test_activations_that_take_integers(name):
    program = {**ACTIVATIONS, "threshold": lambda F, x: F.threshold(x, 1, 2)}[name]
    values = numpy.array([-3, 0, 1, 2, 9])
    expected = program(torch.nn.functional, torch.tensor(values))
    assert_same(expected, program(minitorch.nn.functional, minitorch.tensor(values)))


MORE = {
    "glu": (lambda F, x: F.glu(x, 0), [(4, 3)]),
    "prelu a channel": (lambda F, x, w: F.prelu(x, w), [(2, 3, 4), (3,)]),
    "rrelu drawn": (lambda F, x: F.rrelu(x, training=True), [(5, 4)]),
    "gumbel_softmax": (lambda F, x: F.gumbel_softmax(x, tau=0.7), [(5, 4)]),
    "gumbel_softmax hard": (lambda F, x: F.gumbel_softmax(x, hard=True, dim=0), [(5, 4)]),
    "gumbel_softmax transposed": (lambda F, x: F.gumbel_softmax(x.t(), tau=0.7), [(5, 4)]),
    "softmax as": (lambda F, x: F.softmax(x.float(), dim=0, dtype=x.dtype), [(5, 4)]),
    "linear": (lambda F, x, w, b: F.linear(x, w, b), [(2, 5, 3), (4, 3), (4,)]),
    "bilinear": (lambda F, x, y, w: F.bilinear(x, y, w), [(2, 3), (2, 4), (5, 3, 4)]),
    "cosine_similarity": (lambda F, x, y: F.cosine_similarity(x, y), [(5, 3, 2), (5, 3, 2)]),
    "cosine_similarity broadcast": (lambda F, x, y: F.cosine_similarity(x, y, dim=-1), [(5, 1, 3), (4, 3)]),
    "cosine_similarity of integers": (lambda F, x: F.cosine_similarity(x, (x.detach() * 3).int()), [(5, 3)]),
    "cosine_similarity of two dtypes": (lambda F, x: F.cosine_similarity((x.detach() > 0), x), [(5, 3)]),
    "pairwise_distance": (lambda F, x, y: F.pairwise_distance(x, y), [(5, 3), (5, 3)]),
    "pairwise_distance 3": (lambda F, x, y: F.pairwise_distance(x, y, p=3.0, keepdim=True), [(5, 3), (1, 3)]),
    "pairwise_distance inf": (lambda F, x, y: F.pairwise_distance(x, y, p=INF), [(5, 3), (5, 3)]),
    "normalize": (lambda F, x: F.normalize(x), [(5, 3)]),
    "normalize 1": (lambda F, x: F.normalize(x, p=1, dim=0), [(5, 3)]),
    "pad": (lambda F, x: F.pad(x, (1, 2, 0, 3), value=0.5), [(2, 3, 4)]),
    "pad cut": (lambda F, x: F.pad(x, (-1, 2, 1, -2)), [(2, 3, 4)]),
    "pad reflect": (lambda F, x: F.pad(x, (3, 2), mode="reflect"), [(3, 4)]),
    "pad replicate": (lambda F, x: F.pad(x, (5, -1, 2, 0), mode="replicate"), [(2, 3, 4)]),
    "pad circular": (lambda F, x: F.pad(x, (4, 2, 1, 3), mode="circular"), [(1, 2, 3, 4)]),
    "layer_norm": (lambda F, x, w, b: F.layer_norm(x, (4,), w, b), [(2, 3, 4), (4,), (4,)]),
    "layer_norm list": (lambda F, x, w: F.layer_norm(x, [3, 4], w, eps=0.1), [(2, 3, 4), (3, 4)]),
    "rms_norm": (lambda F, x, w: F.rms_norm(x, (4,), w), [(2, 3, 4), (4,)]),
    "group_norm": (lambda F, x, w, b: F.group_norm(x, 2, w, b), [(3, 4, 5), (4,), (4,)]),
    "batch_norm": (lambda F, x, w, b: F.batch_norm(x, None, None, w, b, training=True), [(3, 4, 5), (4,), (4,)]),
    "batch_norm of given": (
        lambda F, x, w, b: F.batch_norm(x, w.detach(), w.detach() ** 2, w, b),
        [(3, 4, 5), (4,), (4,)],
    ),
    "instance_norm": (lambda F, x, w, b: F.instance_norm(x, weight=w, bias=b), [(3, 4, 5), (4,), (4,)]),
    "local_response_norm": (lambda F, x: F.local_response_norm(x, 3, alpha=0.5), [(2, 5, 3)]),
    "dropout": (lambda F, x: F.dropout(x, 0.3), [(5, 4)]),
    "dropout2d": (lambda F, x: F.dropout2d(x, 0.3), [(5, 4, 2, 2)]),
    "alpha_dropout": (lambda F, x: F.alpha_dropout(x, 0.3, training=True), [(5, 4)]),
    "alpha_dropout all": (lambda F, x: F.alpha_dropout(x, 1.0, training=True), [(5, 4)]),
    "feature_alpha_dropout": (lambda F, x: F.feature_alpha_dropout(x, 0.3, training=True), [(5, 4, 3)]),
    "conv2d": (lambda F, x, w, b: F.conv2d(x, w, b, stride=2, padding=1), [(2, 3, 5, 5), (4, 3, 3, 3), (4,)]),
    "conv_transpose1d": (lambda F, x, w: F.conv_transpose1d(x, w, stride=2, output_padding=1), [(2, 3, 5), (3, 4, 3)]),
    "max_pool2d": (lambda F, x: F.max_pool2d(x, 2), [(2, 3, 5, 5)]),
    "avg_pool1d": (lambda F, x: F.avg_pool1d(x, 3, 2, 1), [(2, 3, 7)]),
    "adaptive_avg_pool2d": (lambda F, x: F.adaptive_avg_pool2d(x, (2, None)), [(2, 3, 5, 4)]),
    "lp_pool1d": (lambda F, x: F.lp_pool1d(x * x + 0.1, 3, 2), [(2, 3, 7)]),
    "unfold": (lambda F, x: F.unfold(x, (2, 3), padding=1), [(2, 3, 5, 4)]),
    "fold": (lambda F, x: F.fold(x, (4, 5), (2, 2)), [(2, 12, 12)]),
}


@pytest.mark.parametrize("name", MORE)
def test_function_and_its_derivatives(name):
    program, shapes = MORE[name]
    arrays = [numbers(*shape, seed=i) for i, shape in enumerate(shapes)]
    assert_agrees(program, *arrays, order=2, rtol=1e-7, atol=1e-9)
    assert_agrees(program, *[x.astype("float32") for x in arrays], rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "smooth_l1_loss"])
def test_losses_broadcast_before_they_take_a_dtype(loss):
    def program(t):
        one, many = t.tensor(2.0, dtype=t.float64), t.arange(6.0).reshape(2, 3)
        with warnings.catch_warnings(action="ignore"):
            return [getattr(t.nn.functional, loss)(x, y, reduction="none") for x, y in ((one, many), (many, one), (one.float(), many.double()))]

    for expected, found in zip(program(torch), program(minitorch)):
        assert_same(expected, found)


def test_directions_of_nothing():
    """The gradient of a norm at 0 is 0, so that of x / max(|x|, eps) is 1 / eps."""
    zero = numpy.zeros((2, 3))
    assert_agrees(lambda F, x, y: F.cosine_similarity(x, y), zero, numbers(2, 3))
    assert_agrees(lambda F, x: F.normalize(x), zero)


def test_dropout_without_dropping():
    x = minitorch.ones(3)
    F = minitorch.nn.functional
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 0.0) is x
    state = minitorch.get_rng_state()
    assert F.dropout(x, 1.0).tolist() == [0.0] * 3
    assert minitorch.equal(minitorch.get_rng_state(), state)  # nothing was drawn


def test_running_statistics_of_batch_norm():
    x = numbers(6, 3, 2, dtype="float32")
    results = []
    for library in (torch, minitorch):
        mean, var = library.zeros(3), library.ones(3)
        library.nn.functional.batch_norm(library.tensor(x), mean, var, training=True, momentum=0.3)
        library.nn.functional.instance_norm(library.tensor(x), mean, var, momentum=0.3)
        results.append((mean, var))
    for expected, found in zip(*results, strict=True):
        assert_same(expected, found)


@pytest.mark.parametrize("classes", [-1, 7])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)], ids=str)
def test_one_hot(shape, classes):
    x = whole(*shape, high=5)
    expected = torch.nn.functional.one_hot(torch.tensor(x), classes)
    assert_same(expected, minitorch.nn.functional.one_hot(minitorch.tensor(x), classes))
    assert tuple(minitorch.nn.functional.one_hot(minitorch.zeros(0, dtype=minitorch.int64), 3).shape) == (0, 3)


# ------------------------------------------------------------------------------------------------------------- attention

ATTENTION = {
    "plain": {},
    "scale": {"scale": 0.3},
    "causal": {"is_causal": True},
    "drop": {"dropout_p": 0.3},
}


@pytest.mark.parametrize("kwargs", ATTENTION.values(), ids=ATTENTION)
@pytest.mark.parametrize("lead", [(2,), (2, 3), ()], ids=str)
def test_attention(lead, kwargs):
    if kwargs.get("dropout_p") and lead == ():
        pytest.skip("PyTorch draws the mask of a batch only")
    arrays = [numbers(*lead, 4, 6), numbers(*lead, 5, 6, seed=1), numbers(*lead, 5, 3, seed=2)]
    assert_agrees(lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, **kwargs), *arrays, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mask", ["some", "row", "number", "broadcast"])
def test_attention_with_a_mask(mask):
    arrays = [numbers(2, 3, 4, 6), numbers(2, 3, 5, 6, seed=1), numbers(2, 3, 5, 3, seed=2)]
    masks = {"some": numbers(4, 5) > 0, "row": numpy.arange(20).reshape(4, 5) % 15 > 4, "number": numbers(4, 5),
             "broadcast": numbers(2, 1, 1, 5, seed=4) > -0.5}  # fmt: skip
    assert mask != "row" or not masks["row"].any(1).all()  # a query that may look nowhere gets zeros
    arrays.append(masks[mask])
    assert_agrees(lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), *arrays, rtol=1e-6, atol=1e-8)


def test_attention_with_fewer_heads_of_keys():
    arrays = [numbers(2, 6, 4, 3), numbers(2, 2, 5, 3, seed=1), numbers(2, 2, 5, 3, seed=2)]
    assert_agrees(
        lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True), *arrays, rtol=1e-6, atol=1e-8
    )


# ---------------------------------------------------------------------------------------------------------------- losses

REDUCTIONS = ["mean", "sum", "none"]
XY = [(4, 3), (4, 3)]
REGRESSION = {
    "mse": (lambda F, x, y, r: F.mse_loss(x, y, reduction=r), XY),
    "mse 0-d": (lambda F, x, y, r: F.mse_loss(x, y, reduction=r), [(), ()]),
    "mse weight": (lambda F, x, y, w, r: F.mse_loss(x, y, reduction=r, weight=w), XY + XY[:1]),
    "l1": (lambda F, x, y, r: F.l1_loss(x, y, reduction=r), XY),
    "l1 weight": (lambda F, x, y, w, r: F.l1_loss(x, y, reduction=r, weight=w), XY + XY[:1]),
    "smooth_l1": (lambda F, x, y, r: F.smooth_l1_loss(x, y, reduction=r), XY),
    "smooth_l1 beta": (lambda F, x, y, r: F.smooth_l1_loss(x, y, reduction=r, beta=0.3), XY),
    "smooth_l1 line": (lambda F, x, y, r: F.smooth_l1_loss(x, y, reduction=r, beta=0.0), XY),
    "huber": (lambda F, x, y, r: F.huber_loss(x, y, reduction=r), XY),
    "huber delta": (lambda F, x, y, r: F.huber_loss(x, y, reduction=r, delta=0.4), XY),
    "huber weight": (lambda F, x, y, w, r: F.huber_loss(x, y, reduction=r, weight=w), XY + XY[:1]),
    "kl_div log": (lambda F, x, y, r: F.kl_div(x, y, reduction=r, log_target=True), XY),
    "gaussian_nll": (lambda F, x, y, v, r: F.gaussian_nll_loss(x, y, v.abs() + 0.1, reduction=r), XY + XY[:1]),
    "gaussian_nll full": (lambda F, x, y, v, r: F.gaussian_nll_loss(x, y, v.abs() + 0.1, True, 0.5, r), [*XY, (4, 1)]),
    "gaussian_nll row": (lambda F, x, y, v, r: F.gaussian_nll_loss(x, y, v.abs() + 0.1, reduction=r), [*XY, (4,)]),
    "gaussian_nll number": (lambda F, x, y, r: F.gaussian_nll_loss(x, y, 0.5, reduction=r), XY),
    "poisson_nll": (lambda F, x, y, r: F.poisson_nll_loss(x, y.abs(), reduction=r), XY),
    "poisson_nll full": (lambda F, x, y, r: F.poisson_nll_loss(x, y.abs() * 3, full=True, reduction=r), XY),
    "poisson_nll plain": (lambda F, x, y, r: F.poisson_nll_loss(x.abs(), y.abs(), log_input=False, reduction=r), XY),
    "bce": (lambda F, x, y, r: F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), reduction=r), XY),
    "bce weight": (lambda F, x, y, w, r: F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), w, reduction=r), XY + [(3,)]),
    "bce logits": (lambda F, x, y, r: F.binary_cross_entropy_with_logits(x, y.sigmoid(), reduction=r), XY),
    "bce logits weight": (
        lambda F, x, y, w, p, r: F.binary_cross_entropy_with_logits(x, y.sigmoid(), w, reduction=r, pos_weight=p),
        [*XY, (4, 1), (3,)],
    ),
    "soft_margin": (lambda F, x, y, r: F.soft_margin_loss(x, y.sign(), reduction=r), XY),
    "cosine_embedding": (lambda F, x, y, t, r: F.cosine_embedding_loss(x, y, t.sign(), 0.1, reduction=r), [*XY, (4,)]),
    "hinge_embedding": (lambda F, x, y, r: F.hinge_embedding_loss(x, y.sign(), 0.7, reduction=r), XY),
    "margin_ranking": (lambda F, x, y, t, r: F.margin_ranking_loss(x, y, t.sign(), 0.3, reduction=r), XY + XY[:1]),
    "triplet": (lambda F, x, y, z, r: F.triplet_margin_loss(x, y, z, reduction=r), XY + XY[:1]),
    "triplet swap": (lambda F, x, y, z, r: F.triplet_margin_loss(x, y, z, 2.0, 1, swap=True, reduction=r), XY + XY[:1]),
    "triplet distance": (
        lambda F, x, y, z, r: F.triplet_margin_with_distance_loss(
            x, y, z, distance_function=lambda a, b: 1 - F.cosine_similarity(a, b), swap=True, reduction=r
        ),
        XY + XY[:1],
    ),
    "multilabel_soft_margin": (
        lambda F, x, y, w, r: F.multilabel_soft_margin_loss(x, y.sigmoid(), w, reduction=r),
        [*XY, (3,)],
    ),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", REGRESSION)
def test_loss_and_its_derivatives(name, reduction):
    program, shapes = REGRESSION[name]
    wanted = {"soft_margin": 1, "multilabel_soft_margin": 2}.get(name, 2 if "weight" in name else 9)
    arrays = [numbers(*shape, seed=i) for i, shape in enumerate(shapes)]

    def reduced(F, *inputs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # kl_div's about 'mean'
            return program(F, *inputs, reduction)

    assert_agrees(reduced, *arrays, wanted=wanted, order=2, rtol=1e-8, atol=1e-10)
    single = [x.astype("float32") for x in arrays]
    assert_agrees(reduced, *single, wanted=wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["mse", "l1", "smooth_l1", "huber", "hinge_embedding"])
def test_loss_at_its_kinks(name):
    program = REGRESSION[name][0]
    x, y = numpy.array([0.0, 1.0, -1.0, 2.0, 0.7]), numpy.array([0.0, 0.0, 0.0, 1.0, -1.0])
    assert_agrees(lambda F, *x: program(F, *x, "none"), x, y)
    assert_agrees(lambda F, *x: program(F, *x, "sum"), numpy.array([1.0, NAN]), numpy.array([0.0, 0.0]))  # none is hidden by a 0


@pytest.mark.parametrize("reduction", ["sum", "none", "batchmean"])
def test_kl_div_of_probabilities(reduction):
    target = numpy.array([[0.5, 0.0, 0.5], [0.1, 0.9, 0.0]])
    assert_agrees(lambda F, x, y: F.kl_div(x, y, reduction=reduction), numbers(2, 3), target, wanted=1)


CLASSES = [(), (6,), (6, 2), (2, 3, 2), (2, 2, 2, 2)]
"""Shapes of targets; the input has 5 classes more, in dimension 1 (or alone)."""


def scores(target_shape, dtype="float64"):
    return numbers(*target_shape[:1], 5, *target_shape[1:], dtype=dtype)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.2}, {"ignore_index": 2}, {"ignore_index": -1}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", CLASSES, ids=str)
def test_cross_entropy(shape, weighted, options, reduction):
    target = whole(*shape, high=5, seed=1)
    if options.get("ignore_index") == -1 and shape:
        target[0] = -1
    weight = [numpy.array([0.5, 1.0, 2.0, 0.0, 3.0])] if weighted else []

    def program(F, x, t, w=None):
        return F.cross_entropy(x, t, w, reduction=reduction, **options)

    assert_agrees(program, scores(shape), target, *weight, wanted=1, order=2)
    single = [w.astype("float32") for w in weight]
    assert_agrees(program, scores(shape, "float32"), target, *single, wanted=1, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", CLASSES, ids=str)
def test_cross_entropy_with_probabilities(shape, weighted, smoothing, reduction):
    x = scores(shape)
    target = numpy.abs(numbers(*x.shape, seed=1))
    weight = [numpy.array([0.5, 1.0, 2.0, 0.0, 3.0])] if weighted else []

    def program(F, x, t, w=None):
        return F.cross_entropy(x, t, w, reduction=reduction, label_smoothing=smoothing)

    assert_agrees(program, x, target, *weight, wanted=1, order=2)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignore", [-100, 2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", CLASSES, ids=str)
def test_nll(shape, weighted, ignore, reduction):
    target = whole(*shape, high=5, seed=1)
    weight = [numpy.array([0.5, 1.0, 2.0, 0.25, 3.0])] if weighted else []

    def program(F, x, t, w=None):
        return F.nll_loss(x, t, w, ignore_index=ignore, reduction=reduction)

    assert_agrees(program, scores(shape), target, *weight, wanted=1)


def test_targets_of_one_byte():
    x, target = scores((6,)), whole(6, high=5).astype("uint8")
    assert_agrees(lambda F, x, t: F.cross_entropy(x, t), x, target)


def test_everything_ignored_is_nan():
    for x, target in (
        (scores((3,)), numpy.full(3, -100)),
        (scores(()), numpy.array(-100)),
        (scores((0,)), whole(0, high=5)),
    ):
        assert_agrees(lambda F, x, t: F.cross_entropy(x, t), x, target)
        assert_agrees(lambda F, x, t: F.cross_entropy(x, t, reduction="sum"), x, target)


def test_an_ignored_target_hides_an_infinite_loss():
    x = numpy.array([[0.0, -INF], [-INF, 0.0]])
    assert_agrees(lambda F, x, t: F.nll_loss(x, t, ignore_index=1, reduction="none"), x, numpy.array([0, 1]))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("p", [1, 2])
def test_multi_margin(p, reduction):
    x, target, weight = numbers(4, 5), whole(4, high=5), numbers(5, seed=2) ** 2

    def program(F, x, t, w=None):
        return F.multi_margin_loss(x, t, p=p, margin=0.7, weight=w, reduction=reduction)

    assert_agrees(program, x, target)
    assert_agrees(program, x, target, weight, wanted=1)
    assert_agrees(program, x[0], target[0])


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_multilabel_margin(reduction):
    target = numpy.array([[3, 0, -1, 1], [-1, 2, 1, 0], [0, 1, 2, 3], [2, -1, -1, -1]])

    def program(F, x, t):
        return F.multilabel_margin_loss(x, t, reduction=reduction)

    assert_agrees(program, numbers(4, 4), target)
    assert_agrees(program, numbers(4, 4)[0], target[0])


# ------------------------------------------------------------------------------------------------------------- stability


def test_large_logits():
    x, y = numpy.array([[1e4, -1e4, 0.0], [0.0, 1e4, 1e4]], "float32"), numpy.array([1, 0])
    assert_agrees(lambda F, x, t: F.cross_entropy(x, t, reduction="none"), x, y)
    target = numpy.array([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]], "float32")
    assert_agrees(lambda F, x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none"), x, target, wanted=1)
    assert_agrees(lambda F, x, t: F.multilabel_soft_margin_loss(x, t, reduction="none"), x, target, wanted=1)


def test_binary_cross_entropy_at_its_ends():
    """Log 0 counts as -100, and the gradient is bounded by 1e12: PyTorch's numbers."""
    x = numpy.array([0.0, 0.0, 1.0, 1.0, 0.5, 1e-20, 1e-13], "float32")
    y = numpy.array([0.0, 1.0, 0.0, 1.0, 0.3, 1.0, 0.0], "float32")
    assert_agrees(lambda F, x, y: F.binary_cross_entropy(x, y, reduction="none"), x, y, wanted=1)


def test_soft_margin_does_not_overflow():
    """PyTorch's does: log(1 + exp(1e4)) is infinite there."""
    x = minitorch.tensor([1e4, -1e4]).requires_grad_()
    loss = minitorch.nn.functional.soft_margin_loss(x, minitorch.ones(2), reduction="none")
    assert loss.tolist() == [0.0, 1e4]
    loss.sum().backward()
    assert x.grad.tolist() == [0.0, -1.0]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "name", ["layer_norm", "rms_norm", "group_norm", "softmax", "gelu", "silu", "cross_entropy", "mse_loss"]
)
def test_half_precision(name, dtype):
    programs = {
        "layer_norm": lambda F, x: F.layer_norm(x, (8,)),
        "rms_norm": lambda F, x: F.rms_norm(x, (8,)),
        "group_norm": lambda F, x: F.group_norm(x, 2),
        "softmax": lambda F, x: F.softmax(x, -1),
        "gelu": lambda F, x: F.gelu(x),
        "silu": lambda F, x: F.silu(x),
        "cross_entropy": lambda F, x: F.cross_entropy(x, x.argmax(1)),
        "mse_loss": lambda F, x: F.mse_loss(x, x * x),
    }
    results = []
    for library in (torch, minitorch):
        x = library.tensor(numbers(4, 8, dtype="float32")).to(getattr(library, dtype))
        results.append(programs[name](library.nn.functional, x))
    expected, found = results
    assert str(found.dtype) == str(expected.dtype)
    unit = 2**-10 if dtype == "float16" else 2**-7
    assert_same(expected.float(), found.float(), rtol=3 * unit, atol=unit)


# ---------------------------------------------------------------------------------------------------- errors and warnings

ERRORS = """
F.cross_entropy(zeros(3, 5), zeros(3))
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.int32))
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.bool))
F.cross_entropy(zeros(3, 5), tensor([0, 1, 5]))
F.cross_entropy(zeros(3, 5), tensor([0, 1, -1]))
F.cross_entropy(zeros(3, 5), zeros(4, dtype=torch.long))
F.cross_entropy(zeros(3, 5), zeros(3, 5, dtype=torch.long))
F.cross_entropy(zeros(3, 5), zeros(3, 1))
F.cross_entropy(zeros(3, 5), zeros(3, 1, dtype=torch.long))
F.cross_entropy(zeros(5), tensor(7))
F.cross_entropy(zeros(5), tensor([2, 3]))
F.cross_entropy(zeros(()), tensor(2))
F.cross_entropy(zeros(2, 3, 4, 4), zeros(2, 4, 5, dtype=torch.long))
F.cross_entropy(zeros(2, 3, 4, 4), zeros(2, 4, dtype=torch.long))
F.cross_entropy(zeros(2, 3, 4, 4), zeros(2, 4, 4, dtype=torch.long) + 3)
F.cross_entropy(zeros(2, 3, 4), zeros(2, 5, dtype=torch.long))
F.cross_entropy(zeros(2, 3, 4), zeros(2, 4, dtype=torch.long) + 9)
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.long), weight=zeros(4))
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.long), weight=zeros(5).double())
F.cross_entropy(zeros(3, 5), zeros(3, 5), ignore_index=3)
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.long), label_smoothing=1.3)
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.long) + 7, label_smoothing=0.1)
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.long), reduction='some')
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.long), size_average=True)
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.long), size_average=False)
F.cross_entropy(zeros(3, 5), zeros(3, dtype=torch.long), reduce=False)
F.nll_loss(zeros(3, 5), zeros(3))
F.nll_loss(zeros(3, 5), zeros(4, dtype=torch.long))
F.nll_loss(zeros(2, 3, 4), zeros(2, 4))
F.nll_loss(zeros(3, 5), zeros(3, 5, dtype=torch.long))
F.nll_loss(zeros(()), zeros((), dtype=torch.long))
F.nll_loss(zeros(2, 3, 4, 5, 6), zeros(2, 4, 5, 7, dtype=torch.long))
F.mse_loss(zeros(3, 1), zeros(3))
F.mse_loss(zeros(3, 2), zeros(4, 2))
F.mse_loss(zeros(3), zeros(3), reduction='some')
F.mse_loss(zeros(3), zeros(3), weight=zeros(2))
F.l1_loss(zeros(3, 1), zeros(3))
F.smooth_l1_loss(zeros(3, 1), zeros(3))
F.smooth_l1_loss(zeros(3), zeros(3), beta=-1)
F.huber_loss(zeros(3, 1), zeros(3))
F.huber_loss(zeros(3), zeros(3), delta=0.0)
F.binary_cross_entropy(zeros(3, 1), zeros(3))
F.binary_cross_entropy(zeros(3) + 0.5, zeros(3).double())
F.binary_cross_entropy(zeros(3) + 1.5, zeros(3))
F.binary_cross_entropy(zeros(3) - 1e-10, zeros(3))
F.binary_cross_entropy(zeros(3) * float("nan"), zeros(3))
F.binary_cross_entropy(zeros(3) + 0.5, zeros(3) + 2)
F.binary_cross_entropy(zeros(3) + 0.5, zeros(3).long())
F.binary_cross_entropy_with_logits(zeros(3, 1), zeros(3))
F.binary_cross_entropy_with_logits(zeros(3), zeros(3).long())
F.kl_div(zeros(3), zeros(3))
F.cosine_embedding_loss(zeros(3, 4), zeros(3, 4), zeros(3, 1))
F.cosine_embedding_loss(zeros(3, 4), zeros(3, 5), zeros(3))
F.cosine_embedding_loss(zeros(4), zeros(4), zeros(3))
F.margin_ranking_loss(zeros(3, 4), zeros(3, 4), zeros(3))
F.multi_margin_loss(zeros(3, 4), zeros(3, 5))
F.multi_margin_loss(zeros(3, 4), zeros(4, dtype=torch.long))
F.multi_margin_loss(zeros(3, 4), zeros(3, dtype=torch.long) + 4)
F.multi_margin_loss(zeros(3, 4), zeros(3, dtype=torch.long), p=3)
F.multi_margin_loss(zeros(3, 4), zeros(3, dtype=torch.long), weight=zeros(3))
F.multi_margin_loss(zeros(3, 4), zeros(3))
F.multilabel_margin_loss(zeros(3, 4), zeros(3, 5, dtype=torch.long))
F.multilabel_margin_loss(zeros(3, 4), zeros(3, 4, dtype=torch.long) + 4)
F.multilabel_margin_loss(zeros(3, 4), zeros(3, 4))
F.multilabel_soft_margin_loss(zeros(3, 4), zeros(3, 4), reduction='some')
F.triplet_margin_loss(zeros(3, 4), zeros(3, 4), zeros(3))
F.triplet_margin_loss(zeros(3, 4), zeros(3, 4), zeros(3, 4), margin=-1)
F.gaussian_nll_loss(zeros(3, 4), zeros(3, 4), zeros(3, 2))
F.gaussian_nll_loss(zeros(3, 4), zeros(3, 4), zeros(3, 4) - 1)
F.gaussian_nll_loss(zeros(3, 4), zeros(3, 4), -1.0)
F.gaussian_nll_loss(zeros(3, 4), zeros(3, 4), zeros(3, 4), reduction='some')
F.poisson_nll_loss(zeros(3, 4), zeros(3, 4), reduction='some')
F.embedding(tensor([5]), zeros(4, 3))
F.embedding(tensor([-1]), zeros(4, 3))
F.embedding(zeros(2), zeros(4, 3))
F.embedding(zeros(2, dtype=torch.long), zeros(4))
F.embedding(zeros(2, dtype=torch.long), zeros(4, 3), padding_idx=4)
F.one_hot(tensor([5]), 3)
F.one_hot(tensor([-5]), 3)
F.one_hot(zeros(3))
F.one_hot(zeros(0, dtype=torch.long))
F.batch_norm(zeros(2, 3), None, None)
F.batch_norm(zeros(2, 3), zeros(4), zeros(3))
F.batch_norm(zeros(2, 3), zeros(3), zeros(4))
F.batch_norm(zeros(2, 3), zeros(3), zeros(3), zeros(4))
F.batch_norm(zeros(2, 3), zeros(3), zeros(3), zeros(3), zeros(5))
F.layer_norm(zeros(2, 3), (4,))
F.layer_norm(zeros(2, 3), (3,), zeros(4))
F.layer_norm(zeros(2, 3), (3,), zeros(3), zeros(4))
F.layer_norm(zeros(2, 3), ())
F.rms_norm(zeros(2, 3), (4,))
F.rms_norm(zeros(2, 3), (3,), zeros(4))
F.group_norm(zeros(2, 3), 2)
F.group_norm(zeros(1, 3), 3)
F.group_norm(zeros(3), 3)
F.group_norm(zeros(2, 4), 2, zeros(3))
F.local_response_norm(zeros(2, 3), 2)
F.dropout(zeros(2), 1.5)
F.dropout1d(zeros(2))
F.dropout2d(zeros(2, 3), training=False)
F.dropout2d(zeros(2, 3, 4), training=False)
F.dropout3d(zeros(2, 3), training=False)
F.alpha_dropout(zeros(2), 1.5)
F.feature_alpha_dropout(zeros(2), 0.5, True)
F.softmax(zeros(2, 3))
F.log_softmax(zeros(2, 3, 4))
F.softmin(zeros(2, 3))
F.glu(zeros(2, 3))
F.glu(zeros(()))
F.prelu(zeros(2, 3), zeros(2))
F.prelu(zeros(2, 3), zeros(3, 1))
F.prelu(zeros(3), zeros(3))
F.gelu(zeros(2, 3), approximate='some')
F.hardtanh(zeros(2, 3), 2, 1)
F.celu(zeros(2, 3), 0.0)
F.rrelu(zeros(2, 3), 2.0, 1.0)
F.gumbel_softmax(zeros(3, 4), eps=1e-5)
F.pad(zeros(2, 3), (1,))
F.pad(zeros(2, 3), (1, 1, 1, 1, 1, 1))
F.pad(zeros(2, 3), (-4, 0))
F.pad(zeros(2, 3), (1, 1), mode='some')
F.pad(zeros(2, 3), (3, 1), mode='reflect')
F.pad(zeros(2, 3), (1, 1, 1, 1), mode='reflect')
F.pad(zeros(2, 2, 3), (1, 1), mode='reflect', value=3)
F.pad(zeros(2, 2, 3, 4), (1, 1, 3, 3), mode='reflect')
F.pad(zeros(2, 3), (-4, 1), mode='replicate')
F.pad(zeros(2, 3), (4, 1), mode='circular')
F.bilinear(zeros(5, 3), zeros(5, 4), zeros(3, 2, 4))
F.cosine_similarity(zeros(3, 4), zeros(5, 4))
F.pairwise_distance(zeros(3, 4), zeros(3, 5))
F.scaled_dot_product_attention(zeros(2, 3, 4), zeros(2, 3, 4), zeros(2, 3, 4), attn_mask=zeros(3, 3), is_causal=True)
F.scaled_dot_product_attention(zeros(2, 3, 4), zeros(2, 3, 4).double(), zeros(2, 3, 4))
F.scaled_dot_product_attention(zeros(2, 3, 4), zeros(2, 3, 4), zeros(2, 3, 4), attn_mask=zeros(3, 3).long())
F.scaled_dot_product_attention(zeros(2, 3, 4), zeros(2, 3, 4), zeros(2, 3, 4), attn_mask=zeros(3, 3).double())
F.scaled_dot_product_attention(zeros(2, 300, 4), zeros(2, 300, 4), zeros(2, 90, 4))
F.softplus(zeros(3).long())
F.scaled_dot_product_attention(zeros(4), zeros(4), zeros(2, 3, 4))
F.scaled_dot_product_attention(zeros(2, 8, 3, 4), zeros(2, 3, 3, 4), zeros(2, 3, 3, 4), enable_gqa=True)
F.max_unpool2d(zeros(2, 3, 4, 4), zeros(2, 3, 4, 4, dtype=torch.long) + 900, 2)
""".strip().splitlines()


@pytest.mark.parametrize("program", ERRORS)
def test_complains_as_pytorch_does(program):
    def names(library):
        return {"F": library.nn.functional, "torch": library, "zeros": library.zeros, "tensor": library.tensor}

    expected = outcome(lambda: eval(program, names(torch)))
    assert expected != (None, [])
    assert outcome(lambda: eval(program, names(minitorch))) == expected


def test_a_broadcast_loss_says_how_to_mend_it():
    with pytest.warns(UserWarning, match=r"target.reshape\(3, 1\) has the input's shape"):
        minitorch.nn.functional.mse_loss(minitorch.zeros(3, 1), minitorch.zeros(3))
