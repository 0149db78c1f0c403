"""Every layer against PyTorch's: text, parameters, output, gradients, running statistics; in training and evaluation."""

import warnings

import numpy
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import minitorch
from minitorch import nn

TOLERANCE = {"float32": {"rtol": 3e-5, "atol": 3e-6}, "float64": {"rtol": 1e-10, "atol": 1e-12}}

IMAGE = (2, 4, 6, 5)
VOLUME = (2, 4, 4, 3, 5)
LAYERS = [
    # a constructor, and the shapes of its inputs
    ("nn.Identity(3, key=4)", [(2, 3)]),
    ("nn.Linear(3, 4)", [(2, 3)]),
    ("nn.Linear(3, 4)", [(3,)]),
    ("nn.Linear(3, 4, bias=False)", [(2, 5, 3)]),
    ("nn.Linear(3, 4)", [(0, 3)]),
    ("nn.Bilinear(3, 4, 5)", [(2, 3), (2, 4)]),
    ("nn.Bilinear(3, 4, 5, bias=False)", [(2, 6, 3), (2, 6, 4)]),
    ("nn.Flatten()", [IMAGE]),
    ("nn.Flatten(0, 2)", [IMAGE]),
    ("nn.Unflatten(1, (2, 2))", [IMAGE]),
    ("nn.Unflatten(1, [-1, 2])", [IMAGE]),
    ("nn.Conv1d(4, 6, 3)", [(2, 4, 9)]),
    ("nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False)", [(2, 4, 9)]),
    ("nn.Conv2d(4, 6, 3)", [IMAGE]),
    ("nn.Conv2d(4, 6, 3)", [IMAGE[1:]]),
    ("nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2))", [IMAGE]),
    ("nn.Conv2d(4, 4, 3, padding='same', groups=4)", [IMAGE]),
    ("nn.Conv2d(4, 6, (2, 3), padding='same', dilation=2)", [IMAGE]),
    ("nn.Conv2d(4, 6, 3, padding='valid')", [IMAGE]),
    ("nn.Conv2d(4, 6, 3, padding=1, padding_mode='reflect')", [IMAGE]),
    ("nn.Conv2d(4, 6, 3, padding=(2, 1), padding_mode='replicate')", [IMAGE]),
    ("nn.Conv2d(4, 6, 2, padding='same', padding_mode='circular')", [IMAGE]),
    ("nn.Conv3d(4, 2, 2, padding=1)", [VOLUME]),
    ("nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1)", [(2, 4, 5)]),
    ("nn.ConvTranspose2d(4, 6, 3)", [IMAGE]),
    ("nn.ConvTranspose2d(4, 6, (3, 2), stride=2, padding=1, output_padding=(1, 0), groups=2, dilation=2)", [IMAGE]),
    ("nn.ConvTranspose3d(4, 2, 2, stride=2, bias=False)", [VOLUME]),
    ("nn.MaxPool1d(3, stride=2, padding=1)", [(2, 4, 9)]),
    ("nn.MaxPool2d(2)", [IMAGE]),
    ("nn.MaxPool2d((3, 2), stride=(2, 1), padding=1, ceil_mode=True)", [IMAGE]),
    ("nn.MaxPool2d(2, dilation=2, return_indices=True)", [IMAGE]),
    ("nn.MaxPool3d(2)", [VOLUME]),
    ("nn.AvgPool1d(3, stride=2, padding=1)", [(2, 4, 9)]),
    ("nn.AvgPool2d(2)", [IMAGE]),
    ("nn.AvgPool2d((3, 2), stride=2, padding=1, ceil_mode=True, count_include_pad=False)", [IMAGE]),
    ("nn.AvgPool2d(2, divisor_override=3)", [IMAGE]),
    ("nn.AvgPool3d(2)", [VOLUME]),
    ("nn.LPPool1d(2, 3, stride=2)", [(2, 4, 9)]),
    ("nn.LPPool2d(2, (2, 3))", [IMAGE]),
    ("nn.LPPool3d(2, 2)", [VOLUME]),
    ("nn.AdaptiveAvgPool1d(4)", [(2, 4, 9)]),
    ("nn.AdaptiveAvgPool2d((None, 2))", [IMAGE]),
    ("nn.AdaptiveAvgPool2d(1)", [IMAGE]),
    ("nn.AdaptiveAvgPool3d(2)", [VOLUME]),
    ("nn.AdaptiveMaxPool1d(4)", [(2, 4, 9)]),
    ("nn.AdaptiveMaxPool2d((3, 2), return_indices=True)", [IMAGE]),
    ("nn.AdaptiveMaxPool3d(2)", [VOLUME]),
    ("nn.ZeroPad1d((1, 2))", [(2, 4, 9)]),
    ("nn.ZeroPad2d((1, -1, 0, 2))", [IMAGE]),
    ("nn.ZeroPad3d(1)", [VOLUME]),
    ("nn.ConstantPad1d(2, 1.5)", [(2, 4, 9)]),
    ("nn.ConstantPad2d((1, 2, 3, 4), -1.5)", [IMAGE]),
    ("nn.ConstantPad3d(1, 0.5)", [VOLUME]),
    ("nn.ReflectionPad1d((3, 1))", [(2, 4, 9)]),
    ("nn.ReflectionPad2d((1, 2, 3, 0))", [IMAGE]),
    ("nn.ReflectionPad3d(1)", [VOLUME]),
    ("nn.ReplicationPad1d(12)", [(2, 4, 9)]),
    ("nn.ReplicationPad2d((1, 2, -1, 4))", [IMAGE]),
    ("nn.ReplicationPad3d(1)", [VOLUME]),
    ("nn.CircularPad1d((3, 1))", [(2, 4, 9)]),
    ("nn.CircularPad2d((1, 2, 3, 4))", [IMAGE]),
    ("nn.CircularPad3d(1)", [VOLUME]),
    ("nn.BatchNorm1d(4)", [(5, 4)]),
    ("nn.BatchNorm1d(4, eps=1e-3, momentum=0.3)", [(5, 4, 3)]),
    ("nn.BatchNorm1d(4, momentum=None)", [(5, 4)]),
    ("nn.BatchNorm1d(4, track_running_stats=False)", [(5, 4)]),
    ("nn.BatchNorm2d(4)", [IMAGE]),
    ("nn.BatchNorm2d(4, affine=False)", [IMAGE]),
    ("nn.BatchNorm2d(4, bias=False)", [IMAGE]),
    ("nn.BatchNorm3d(4)", [VOLUME]),
    ("nn.InstanceNorm1d(4)", [(5, 4, 3)]),
    ("nn.InstanceNorm2d(4, affine=True, track_running_stats=True)", [IMAGE]),
    ("nn.InstanceNorm2d(4)", [IMAGE[1:]]),
    ("nn.InstanceNorm3d(4, affine=True)", [VOLUME]),
    ("nn.LayerNorm(5)", [IMAGE]),
    ("nn.LayerNorm((6, 5), eps=1e-3, bias=False)", [IMAGE]),
    ("nn.LayerNorm([5], elementwise_affine=False)", [IMAGE]),
    ("nn.RMSNorm(5)", [IMAGE]),
    ("nn.RMSNorm((6, 5), eps=1e-3, elementwise_affine=False)", [IMAGE]),
    ("nn.GroupNorm(2, 4)", [IMAGE]),
    ("nn.GroupNorm(4, 4, affine=False)", [IMAGE]),
    ("nn.GroupNorm(1, 4, bias=False)", [(3, 4)]),
    ("nn.LocalResponseNorm(3)", [IMAGE]),
    ("nn.LocalResponseNorm(2, alpha=0.1, beta=0.5, k=2.0)", [(2, 4, 3)]),
    ("nn.Dropout()", [(4, 5)]),
    ("nn.Dropout(0.2, inplace=True)", [(4, 5)]),
    ("nn.Dropout(1.0)", [(4, 5)]),
    ("nn.Dropout(0.0)", [(4, 5)]),
    ("nn.Dropout1d(0.3)", [(4, 5, 3)]),
    ("nn.Dropout1d(0.3)", [(5, 3)]),
    ("nn.Dropout2d(0.3)", [IMAGE]),
    ("nn.Dropout3d(0.3)", [VOLUME]),
    ("nn.Dropout3d(0.3)", [VOLUME[1:]]),
    ("nn.AlphaDropout(0.3)", [(4, 5)]),
    ("nn.FeatureAlphaDropout(0.3)", [IMAGE]),
    ("nn.ReLU()", [(4, 5)]),
    ("nn.ReLU(inplace=True)", [(4, 5)]),
    ("nn.ReLU6()", [(4, 5)]),
    ("nn.LeakyReLU(0.2)", [(4, 5)]),
    ("nn.PReLU()", [(4, 5)]),
    ("nn.PReLU(4, init=0.1)", [IMAGE]),
    ("nn.RReLU()", [(4, 5)]),
    ("nn.ELU(0.5)", [(4, 5)]),
    ("nn.SELU()", [(4, 5)]),
    ("nn.CELU(0.5)", [(4, 5)]),
    ("nn.GELU()", [(4, 5)]),
    ("nn.GELU('tanh')", [(4, 5)]),
    ("nn.SiLU(inplace=True)", [(4, 5)]),
    ("nn.Mish()", [(4, 5)]),
    ("nn.Sigmoid()", [(4, 5)]),
    ("nn.LogSigmoid()", [(4, 5)]),
    ("nn.Tanh()", [(4, 5)]),
    ("nn.Tanhshrink()", [(4, 5)]),
    ("nn.Softplus()", [(4, 5)]),
    ("nn.Softplus(2, 1)", [(4, 5)]),
    ("nn.Softshrink(0.3)", [(4, 5)]),
    ("nn.Hardshrink(0.3)", [(4, 5)]),
    ("nn.Hardtanh(-0.5, 0.7)", [(4, 5)]),
    ("nn.Hardsigmoid()", [(4, 5)]),
    ("nn.Hardswish()", [(4, 5)]),
    ("nn.Softsign()", [(4, 5)]),
    ("nn.Threshold(0.1, 20.0)", [(4, 5)]),
    ("nn.Threshold(0.1, 20.0, inplace=True)", [(4, 5)]),
    ("nn.GLU()", [(3, 4)]),
    ("nn.GLU(1)", [IMAGE]),
    ("nn.Softmax(dim=1)", [(4, 5)]),
    ("nn.Softmin(dim=0)", [(4, 5)]),
    ("nn.LogSoftmax(dim=-1)", [(4, 5)]),
    ("nn.Softmax2d()", [IMAGE]),
    ("nn.PairwiseDistance()", [(4, 5), (4, 5)]),
    ("nn.PairwiseDistance(p=1, eps=0.1, keepdim=True)", [(4, 5), (4, 5)]),
    ("nn.CosineSimilarity()", [(4, 5), (4, 5)]),
    ("nn.CosineSimilarity(dim=0)", [(4, 5), (4, 1)]),
]


def numbers(*shape, seed=0, dtype="float32"):
    return numpy.random.default_rng(seed).standard_normal(shape).astype(dtype)


def assert_same(expected, found, what="", **tolerance):
    """Equal in type, shape and (about) value."""
    if isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for i, (e, f) in enumerate(zip(expected, found, strict=True)):
            assert_same(e, f, f"{what} {i}", **tolerance)
        return
    if expected is None:
        assert found is None, what
        return
    assert str(found.dtype) == str(expected.dtype), what
    assert tuple(found.shape) == tuple(expected.shape), what
    close = TOLERANCE.get(str(expected.dtype).removeprefix("torch."), {"rtol": 0, "atol": 0})
    assert_allclose(found.detach().numpy(), expected.detach().numpy(), err_msg=what, **(tolerance or close))


def outcome(call):
    """(type, first line) of what ``call`` raises, and the warnings' first lines."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
            error = None
        except Exception as e:
            error = type(e), str(e).split("\n")[0]
    return error, [(w.category, str(w.message).split("\n")[0]) for w in caught]


def pair(constructor, dtype="float32"):
    """The layer in both libraries, from the same seed."""
    minitorch.manual_seed(7)
    ours = eval(constructor, {"nn": nn})
    torch.manual_seed(7)
    theirs = eval(constructor, {"nn": torch.nn})
    return ours.to(getattr(minitorch, dtype)), theirs.to(getattr(torch, dtype))


def assert_same_state(theirs, ours, exact=False):
    expected, found = theirs.state_dict(), ours.state_dict()
    assert list(found) == list(expected)
    for name, value in expected.items():
        if exact:
            assert_array_equal(found[name].numpy(), value.numpy(), name)
        assert_same(value, found[name], name)


def run(library, module, arrays):
    """The outputs, and the gradients of inputs and parameters."""
    library.manual_seed(11)
    leaves = [library.tensor(x).requires_grad_() for x in arrays]
    outputs = module(*(x + 0 for x in leaves))  # not the leaves themselves: some layers write into their input
    first = outputs[0] if isinstance(outputs, tuple) else outputs
    cotangent = library.tensor(numbers(*first.shape, seed=9, dtype=str(arrays[0].dtype)))
    (first * cotangent).sum().backward()

    gradients = [x.grad for x in leaves] + [p.grad for p in module.parameters()]
    for p in module.parameters():
        p.grad = None
    return outputs, gradients


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("constructor, shapes", LAYERS, ids=str)
def test_layer_is_pytorchs(constructor, shapes, dtype):
    ours, theirs = pair(constructor, dtype)
    assert repr(ours) == repr(theirs)
    assert_same_state(theirs, ours, exact=True)

    for step, training in enumerate((True, True, False)):
        ours.train(training)
        theirs.train(training)
        arrays = [numbers(*shape, seed=10 * step + i, dtype=dtype) for i, shape in enumerate(shapes)]
        expected, expected_gradients = run(torch, theirs, arrays)
        found, gradients = run(minitorch, ours, arrays)
        assert_same(expected, found)
        assert_same(expected_gradients, gradients, **gradient_tolerance(dtype, constructor))
        assert_same_state(theirs, ours)


def gradient_tolerance(dtype, constructor):
    loose = {"rtol": 2e-4, "atol": 2e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-11}
    if "Hardsigmoid" in constructor:
        return {"rtol": 1e-6}  # PyTorch's own 1/6 has float32's precision
    return loose if "Norm" in constructor else {**TOLERANCE[dtype], "atol": TOLERANCE[dtype]["atol"] * 3}


EMBEDDINGS = [
    "nn.Embedding(7, 3)",
    "nn.Embedding(7, 3, padding_idx=2)",
    "nn.Embedding(7, 3, padding_idx=-1)",
    "nn.Embedding(7, 3, max_norm=1.0)",
    "nn.Embedding(7, 3, max_norm=1.0, norm_type=1.0)",
    "nn.Embedding(7, 3, scale_grad_by_freq=True, padding_idx=0)",
]


@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize("shape", [(5,), (2, 4), (), (0,)], ids=str)
@pytest.mark.parametrize("constructor", EMBEDDINGS)
def test_embedding(constructor, shape, dtype):
    ours, theirs = pair(constructor)
    assert repr(ours) == repr(theirs)
    assert_same_state(theirs, ours, exact=True)

    index = numpy.random.default_rng(0).integers(0, 7, size=shape).astype(dtype)
    expected, found = theirs(torch.tensor(index)), ours(minitorch.tensor(index))
    assert_same(expected, found)
    cotangent = numbers(*expected.shape, seed=3)
    (expected * torch.tensor(cotangent)).sum().backward()
    (found * minitorch.tensor(cotangent)).sum().backward()
    assert_same(theirs.weight.grad, ours.weight.grad)
    assert_same_state(theirs, ours)  # max_norm has changed the rows in use


def test_embedding_of_a_given_table():
    table = numbers(4, 3)
    for freeze in (True, False):
        ours = nn.Embedding.from_pretrained(minitorch.tensor(table), freeze=freeze, padding_idx=1)
        theirs = torch.nn.Embedding.from_pretrained(torch.tensor(table), freeze=freeze, padding_idx=1)
        assert repr(ours) == repr(theirs)
        assert ours.weight.requires_grad == theirs.weight.requires_grad
        assert_same(theirs(torch.tensor([1, 3])), ours(minitorch.tensor([1, 3])))


@pytest.mark.parametrize("size", [None, (12, 9), (2, 6, 11, 10)], ids=str)
def test_transposed_convolution_to_a_wanted_size(size):
    ours, theirs = pair("nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1)")
    x = numbers(*IMAGE)
    assert_same(theirs(torch.tensor(x), output_size=size), ours(minitorch.tensor(x), output_size=size))


@pytest.mark.parametrize("n, shape", [(1, (2, 3, 8)), (2, (2, 3, 6, 8)), (3, (2, 3, 4, 4, 6)), (2, (3, 6, 8))], ids=str)
def test_unpooling(n, shape):
    ours, theirs = pair(f"nn.MaxUnpool{n}d(2)")
    assert repr(ours) == repr(theirs)
    x, y = minitorch.tensor(numbers(*shape)).requires_grad_(), torch.tensor(numbers(*shape)).requires_grad_()
    found = ours(*getattr(nn, f"MaxPool{n}d")(2, return_indices=True)(x))
    expected = theirs(*getattr(torch.nn, f"MaxPool{n}d")(2, return_indices=True)(y))
    assert_same(expected, found)
    expected.square().sum().backward()
    found.square().sum().backward()
    assert_same(y.grad, x.grad)


@pytest.mark.parametrize("name", ["RReLU", "ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "Hardtanh", "Hardsigmoid",
                                  "Hardswish", "Mish", "SiLU"])  # fmt: skip
def test_in_place_activations_write_their_input(name):
    results = []
    for library in (torch, minitorch):
        library.manual_seed(3)
        leaf = library.tensor(numbers(3, 4)).requires_grad_()
        middle = leaf * 2
        out = getattr(library.nn, name)(inplace=True)(middle)
        assert out is middle
        (out * out).sum().backward()
        results.append((out, leaf.grad))
    assert_same(results[0], results[1])


def test_running_statistics_of_half_precision_stay_in_float32():
    x, y = minitorch.tensor(numbers(8, 4)), torch.tensor(numbers(8, 4))
    ours, theirs = nn.BatchNorm1d(4), torch.nn.BatchNorm1d(4)
    found, expected = ours(x.to(minitorch.bfloat16)), theirs(y.to(torch.bfloat16))
    assert str(found.dtype) == str(expected.dtype)
    assert_same(expected.float(), found.float(), rtol=1e-2, atol=1e-2)
    assert_same_state(theirs, ours)


def test_statistics_that_are_no_longer_tracked_stay():
    for library in (minitorch, torch):
        norm = library.nn.BatchNorm1d(4)
        norm(library.ones(3, 4))
        norm.track_running_stats = False
        norm(library.zeros(3, 4))
        assert norm.num_batches_tracked.item() == 1 and norm.running_mean.tolist() == pytest.approx([0.1] * 4)


def test_old_state_without_a_count_loads():
    ours = nn.BatchNorm1d(2)
    ours.num_batches_tracked.add_(5)
    state = {"weight": minitorch.ones(2), "bias": minitorch.ones(2), "running_mean": minitorch.ones(2),
             "running_var": minitorch.ones(2)}  # fmt: skip
    ours.load_state_dict(state)
    assert ours.num_batches_tracked.item() == 5


ERRORS = [
    "nn.Linear(3, 4)(torch.zeros(2, 2))",
    "nn.Linear(3, 4)(torch.zeros(2))",
    "nn.Linear(3, 4)(torch.zeros(2, 2, 2))",
    "nn.Bilinear(0, 4, 3)",
    "nn.Bilinear(2, 4, 3)(torch.zeros(5, 3), torch.zeros(5, 4))",
    "nn.Bilinear(2, 4, 3)(torch.zeros(5, 2), torch.zeros(5, 3))",
    "nn.Bilinear(2, 4, 3)(torch.zeros(5, 2), torch.zeros(6, 4))",
    "nn.Unflatten(1, 'a')",
    "nn.Unflatten(1, (2, 'a'))",
    "nn.Conv2d(3, 4, 3, groups=2)",
    "nn.Conv2d(4, 3, 3, groups=2)",
    "nn.Conv2d(4, 3, 3, groups=0)",
    "nn.Conv2d(4, 3, 3, padding='same', stride=2)",
    "nn.ConvTranspose2d(4, 3, 3, padding_mode='reflect')",
    "nn.ConvTranspose2d(4, 3, 3)(torch.zeros(2, 4, 5, 5), output_size=[3])",
    "nn.ConvTranspose2d(4, 3, 3, stride=2)(torch.zeros(2, 4, 5, 5), output_size=[30, 30])",
    "nn.ReflectionPad2d(3)(torch.zeros(2, 2, 2, 2))",
    "nn.BatchNorm1d(3)(torch.zeros(1, 3))",
    "nn.BatchNorm1d(3)(torch.zeros(2, 4))",
    "nn.BatchNorm1d(3)(torch.zeros(2, 3, 4, 5))",
    "nn.BatchNorm2d(3)(torch.zeros(2, 3, 4))",
    "nn.BatchNorm3d(3)(torch.zeros(2, 3, 4))",
    "nn.BatchNorm1d(3, eps=0)(torch.zeros(2, 3))",
    "nn.InstanceNorm1d(3)(torch.zeros(2, 3, 1))",
    "nn.InstanceNorm2d(3)(torch.zeros(2, 4, 2, 2))",
    "nn.InstanceNorm2d(3, affine=True)(torch.zeros(2, 4, 2, 2))",
    "nn.InstanceNorm2d(3)(torch.zeros(2, 4))",
    "nn.GroupNorm(3, 4)",
    "nn.LocalResponseNorm(3)(torch.zeros(3, 4))",
    "nn.Dropout(1.5)",
    "nn.Hardtanh(2, 1)",
    "nn.Hardtanh(min_value=2, max_value=3)",
    "nn.Softmax()(torch.zeros(2, 3))",
    "nn.Softmax2d()(torch.zeros(2, 3))",
    "nn.Embedding(4, 3, padding_idx=5)",
    "nn.Embedding(4, 3, _weight=torch.zeros(3, 4))",
    "nn.Embedding.from_pretrained(torch.zeros(4))",
    "nn.Embedding(4, 3)(torch.tensor([0, 4]))",
    "nn.Embedding(4, 3)(torch.tensor([-1]))",
    "nn.MSELoss(size_average=False)",
    "nn.MSELoss(reduce=False)",
    "nn.MultiMarginLoss(p=3)",
    "nn.TripletMarginLoss(margin=-1)",
    "nn.TripletMarginWithDistanceLoss(margin=-1)",
]


@pytest.mark.parametrize("program", ERRORS)
def test_complains_as_pytorch_does(program):
    expected = outcome(lambda: eval(program, {"nn": torch.nn, "torch": torch}))
    assert expected != (None, [])
    assert outcome(lambda: eval(program, {"nn": nn, "torch": minitorch})) == expected


@pytest.mark.parametrize("library", [torch.nn, nn])
def test_paddings_by_name_are_checked(library):
    """PyTorch lists the possible ones in any order: it prints a set."""
    with pytest.raises(ValueError, match=r"Invalid padding string 'some', should be one of \{"):
        library.Conv2d(4, 3, 3, padding="some")
    with pytest.raises(ValueError, match=r"padding_mode must be one of \{.*\}, but got padding_mode='mirror'"):
        library.Conv2d(4, 3, 3, padding_mode="mirror")
