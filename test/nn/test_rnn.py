"""RNN, LSTM, GRU, their cells and packed sequences against PyTorch's, to second order, by the row and step by step."""

import copy
import itertools
import pickle
import warnings

import numpy
import pytest
import torch
from oracle import agree, same_first_line

import minitorch
from minitorch.modes import MODE
from minitorch.tables.recurrent import BACKWARD, FORWARD

TOLERANCE = {"float32": (1e-4, 1e-5), "float64": (1e-8, 1e-10)}
KINDS = ("LSTM", "GRU", "RNN_TANH", "RNN_RELU")
WITH_PROJECTION = [*[(kind, 0) for kind in KINDS], ("LSTM", 2)]


def numbers(t, *shape, seed=0, dtype="float64"):
    drawn = numpy.random.default_rng((seed, *shape)).standard_normal(shape).astype(dtype)
    return t.tensor(drawn).requires_grad_()


def layer(t, kind, *args, dtype="float64", **options):
    name, _, nonlinearity = kind.partition("_")
    if nonlinearity:
        options["nonlinearity"] = nonlinearity.lower()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(t.nn, name)(*args, **options).to(getattr(t, dtype))


def states(t, kind, *shape, dtype="float64", proj_size=0):
    """(h, c) for an LSTM, h for the others."""
    h = numbers(t, *shape[:-1], proj_size or shape[-1], seed=1, dtype=dtype)
    return (h, numbers(t, *shape, seed=2, dtype=dtype)) if kind.startswith("LSTM") else h


def called(m, *args):
    """``m(*args)``, without PyTorch's word that oneDNN has no projections."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LSTM with projections")
        return m(*args)


def flat(value):
    return [x for item in value for x in flat(item)] if isinstance(value, (list, tuple)) else [value]


def with_gradients(t, outputs, leaves, order=1):
    """The outputs, and the gradients of the leaves by a fixed direction; with order 2 those of their squares' sum too."""
    outputs = flat(outputs)
    total = sum([(y.double() * t.cos(t.arange(1.0, y.numel() + 1, dtype=t.float64)).reshape(y.shape)).sum() for y in outputs])
    first = t.autograd.grad(total, leaves, create_graph=order > 1)
    found = [*outputs, *first]
    if order > 1:
        found += t.autograd.grad(sum([(g * g).sum() for g in first]), leaves, materialize_grads=True)
    return [x.detach() for x in found]


# ----------------------------------------------------------------------------------------------------------- the layers

OPTIONS = [
    {"num_layers": layers, "bidirectional": both, "batch_first": first, "bias": bias, "dropout": 0.4 if layers > 1 else 0.0}
    for layers, both, first, bias in itertools.product((1, 2), (False, True), (False, True), (False, True))
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind, proj_size", WITH_PROJECTION)
def test_layer_is_pytorchs(kind, proj_size, dtype):
    options = [{**o, "proj_size": proj_size} if proj_size else o for o in OPTIONS]
    for o, batched, given, training in itertools.product(options, (False, True), (False, True), (False, True)):

        def program(t, o=o, batched=batched, given=given, training=training):
            t.manual_seed(3)
            m = layer(t, kind, 3, 4, dtype=dtype, **o).train(training)
            shape = ((2, 5) if o.get("batch_first") else (5, 2)) if batched else (5,)
            x = numbers(t, *shape, 3, dtype=dtype)
            count = o["num_layers"] * (1 + o["bidirectional"])
            hx = states(t, kind, count, *((2,) if batched else ()), 4, dtype=dtype, proj_size=proj_size) if given else None
            leaves = [x, *(flat(hx) if given else ()), *m.parameters()]
            return repr(m), m.state_dict(), with_gradients(t, called(m, x, hx), leaves)

        agree(program, TOLERANCE)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("kind, proj_size", WITH_PROJECTION)
def test_packed_sequences_to_second_order(kind, proj_size, both, in_order):
    for layers in (1, 2):

        def program(t, layers=layers):
            t.manual_seed(4)
            options = {"proj_size": proj_size} if proj_size else {}
            m = layer(t, kind, 3, 4, num_layers=layers, bidirectional=both, dropout=0.3 if layers > 1 else 0.0, **options)
            lengths = [5, 4, 4, 2, 1] if in_order else [2, 5, 1, 4, 4]
            sequences = [numbers(t, n, 3, seed=i) for i, n in enumerate(lengths)]
            hx = states(t, kind, layers * (1 + both), 5, 4, proj_size=proj_size)
            packed = t.nn.utils.rnn.pack_sequence(sequences, enforce_sorted=in_order)
            output, h = m(packed, hx)
            padded, found = t.nn.utils.rnn.pad_packed_sequence(output, batch_first=True, padding_value=-1.0)
            leaves = [*sequences, *flat(hx), *m.parameters()]
            return found, output.batch_sizes, output.sorted_indices, with_gradients(t, (padded, h), leaves, 2)

        agree(program, TOLERANCE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_cell_is_pytorchs(kind, bias, dtype):
    for batched, given in itertools.product((False, True), (False, True)):

        def program(t, batched=batched, given=given):
            t.manual_seed(5)
            m = layer(t, kind.replace("_", "Cell_") if "_" in kind else kind + "Cell", 3, 4, bias=bias, dtype=dtype)
            batch = (2,) if batched else ()
            x, hx = numbers(t, *batch, 3, dtype=dtype), states(t, kind, *batch, 4, dtype=dtype) if given else None
            leaves = [x, *(flat(hx) if given else ()), *m.parameters()]
            return repr(m), m.state_dict(), with_gradients(t, m(x, hx), leaves, 2)

        agree(program, TOLERANCE)


# --------------------------------------------------------------------------------------------- the row and the steps


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_row_is_the_steps(kind, reverse):
    """Somebody who listens gets the steps, with the same numbers."""

    def program(listened):
        minitorch.manual_seed(6)
        m = layer(minitorch, kind, 3, 4, bidirectional=reverse)
        x, hx = numbers(minitorch, 5, 2, 3), states(minitorch, kind, 1 + reverse, 2, 4)
        heard = []
        if listened:
            MODE.listeners = (lambda row, *_: heard.append(row),)
        try:
            found = with_gradients(minitorch, m(x, hx), [x, *flat(hx), *m.parameters()])
        finally:
            MODE.listeners = ()
        return found, heard

    (quick, _), (slow, heard) = program(False), program(True)
    assert heard and not set(heard) & {*FORWARD.values(), *BACKWARD.values()}
    for a, b in zip(quick, slow, strict=True):
        numpy.testing.assert_allclose(a.numpy(), b.numpy(), 1e-10, 1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_without_gradients(kind):
    def program(t):
        t.manual_seed(6)
        m, x = layer(t, kind, 3, 4, num_layers=2), numbers(t, 5, 2, 3)
        with t.no_grad():
            output, h = m(x)
            output += 1  # its memory is its own
        return output, h, output.is_contiguous()

    agree(program, TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
def test_results_may_be_written_to(kind):
    def program(t):
        t.manual_seed(6)
        m, x = layer(t, kind, 3, 4), numbers(t, 5, 2, 3)
        output, h = m(x)
        output.mul_(2)
        for s in flat(h):
            s.add_(1)
        return with_gradients(t, (output, h), [x, *m.parameters()])

    agree(program, TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_some_inputs_only(kind):
    def program(t):
        t.manual_seed(6)
        m, hx = layer(t, kind, 3, 4), states(t, kind, 1, 2, 4)
        m.requires_grad_(False)
        output, h = m(numbers(t, 5, 2, 3).detach(), hx)
        return with_gradients(t, flat(h)[-1], flat(hx))

    agree(program, TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_types(kind, dtype):
    def program(t):
        t.manual_seed(6)
        output, h = layer(t, kind, 3, 4, dtype=dtype)(t.ones(5, 2, 3, dtype=getattr(t, dtype)))
        return output.detach(), [s.detach() for s in flat(h)]

    agree(program, {dtype: (2e-2, 2e-2)})


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", [*KINDS, "LSTMCell", "GRUCell", "RNNCell_TANH"])
def test_autocast(kind, dtype):
    """Of what comes out only the numbers are compared: by the kernel that it takes, PyTorch returns one dtype or the other."""

    def program(t):
        t.manual_seed(6)
        m = layer(t, kind, 3, 4, dtype="float32")
        x = numbers(t, *((5, 3) if "Cell" in kind else (5, 2, 3)), dtype="float32").detach()
        with t.autocast("cpu", dtype=t.bfloat16):
            output = flat(m(x.to(getattr(t, dtype))))[0]
        return with_gradients(t, output.float(), list(m.parameters()))

    agree(program, {"float32": (5e-2, 5e-2)})


@pytest.mark.parametrize("kind", KINDS)
def test_batch_of_nobody(kind):
    agree(lambda t: layer(t, kind, 3, 4)(t.zeros(2, 0, 3, dtype=t.float64)))


def test_weights_are_there_under_pytorchs_names():
    def program(t):
        m = t.nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
        m.flatten_parameters()
        names = [name for name, _ in m.named_parameters()]
        return names, m._flat_weights_names, [[list(w.shape) for w in ws] for ws in m.all_weights], m.mode

    agree(program)


def test_state_travels_both_ways():
    theirs, ours = torch.nn.LSTM(3, 4, 2), minitorch.nn.LSTM(3, 4, 2)
    ours.load_state_dict({name: minitorch.tensor(x.numpy()) for name, x in theirs.state_dict().items()})
    back = torch.nn.LSTM(3, 4, 2)
    back.load_state_dict({name: torch.tensor(x.numpy()) for name, x in ours.state_dict().items()})
    x = torch.ones(5, 2, 3)
    assert torch.equal(theirs(x)[0], back(x)[0])


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("constructor", ["LSTM(3, 4, 2)", "GRU(3, 4)", "RNN(3, 4)", "LSTMCell(3, 4)"])
def test_copies(constructor, again):
    m = eval(f"nn.{constructor}", {"nn": minitorch.nn})
    other, x = again(m), minitorch.ones(2, 3) if "Cell" in constructor else minitorch.ones(5, 2, 3)
    assert repr(other) == repr(m)
    assert bool((flat(m(x))[0] == flat(other(x))[0]).all())
    with minitorch.no_grad():
        for p in other.parameters():
            p.zero_()
    assert not bool((flat(m(x))[0] == flat(other(x))[0]).all())


# ------------------------------------------------------------------------------------------------------ packing, padding

PACKING = [
    "R.pack_padded_sequence(t.arange(24.).view(4, 3, 2), [3, 2, 1])",
    "R.pack_padded_sequence(t.arange(24.).view(4, 3, 2), t.tensor([3.0, 2, 1]))",
    "R.pack_padded_sequence(t.arange(24.).view(3, 4, 2), [2, 4, 1], batch_first=True, enforce_sorted=False)",
    "R.pack_padded_sequence(t.arange(12).view(4, 3), [4, 4, 4])",
    "R.pad_packed_sequence(R.pack_sequence([t.ones(3), t.ones(2)]), padding_value=7.0)",
    "R.pad_packed_sequence(R.pack_sequence([t.ones(3, 2), t.ones(2, 2)]), batch_first=True, total_length=5)",
    "R.pad_packed_sequence(R.pack_sequence([t.ones(1), t.zeros(2)], enforce_sorted=False))",
    "R.pad_sequence([t.ones(2), t.ones(3)])",
    "R.pad_sequence([t.ones(2, 2), t.ones(3, 2), t.ones(0, 2)], batch_first=True, padding_value=1.5, padding_side='left')",
    "R.pad_sequence([t.ones(2, 3), t.ones(3)])",
    "R.pad_sequence([t.ones(2), t.ones(3).double()])",
    "R.pad_sequence(t.ones(2, 3))",
    "R.unpack_sequence(R.pack_sequence([t.ones(2), t.zeros(3)], enforce_sorted=False))",
    "R.unpad_sequence(t.arange(12.).view(3, 2, 2), t.tensor([3, 1]))",
    "R.unpad_sequence(t.arange(12.).view(3, 2, 2), t.tensor([1, 2, 2]), batch_first=True)",
    "R.invert_permutation(t.tensor([2, 0, 1]))",
    "R.invert_permutation(None)",
    "list(R.pack_sequence([t.ones(2), t.ones(1)]).double())",
    "R.pack_sequence([t.ones(2), t.ones(1)]).long().data",
    "repr(R.pack_sequence([t.ones(2), t.ones(1)]))",
    "list(R.PackedSequence((t.ones(3), t.tensor([2, 1]))))",
]
WRONG_PACKING = [
    "R.pack_padded_sequence(t.zeros(4, 3, 2), [4, 2, 0])",
    "R.pack_padded_sequence(t.zeros(4, 3, 2), [2, 4, 1])",
    "R.pack_padded_sequence(t.zeros(4, 3, 2), [2, 4])",
    "R.pack_padded_sequence(t.zeros(4), [3, 2, 1])",
    "R.pack_padded_sequence(t.zeros(4, 0, 2), [])",
    "R.pack_padded_sequence(t.zeros(4, 3, 2), t.tensor([[3, 2, 1]]))",
    "R.pad_sequence([])",
    "R.pad_sequence(3)",
    "R.pad_sequence([t.zeros(2, 3), t.zeros(3, 4)])",
    "R.pad_sequence([t.zeros(2)], padding_side='up')",
    "R.pad_packed_sequence(R.pack_sequence([t.zeros(3), t.zeros(2)]), total_length=2)",
    "R.PackedSequence(t.zeros(3))",
    "R.pack_sequence([t.zeros(2), t.zeros(3)])",
]


@pytest.mark.parametrize("text", PACKING)
def test_packing(text):
    agree(lambda t: eval(text, {"t": t, "R": t.nn.utils.rnn}))


@pytest.mark.parametrize("text", WRONG_PACKING)
def test_packing_complains_as_pytorch_does(text):
    same_first_line(lambda t: eval(text, {"t": t, "R": t.nn.utils.rnn}))


# --------------------------------------------------------------------------------------------------------------- errors

WRONG = [
    "t.nn.RNN(3, 4, nonlinearity='x')",
    "t.nn.RNN(3, 4, proj_size=2)",
    "t.nn.GRU(3, 4, proj_size=2)",
    "t.nn.LSTM(3, 4, proj_size=-1)",
    "t.nn.LSTM(3, 4, proj_size=4)",
    "t.nn.LSTM(3.0, 4)",
    "t.nn.LSTM(3, 4.0)",
    "t.nn.LSTM(0, 4)",
    "t.nn.LSTM(3, 0)",
    "t.nn.LSTM(3, 4, num_layers=0)",
    "t.nn.LSTM(3, 4, bias=1)",
    "t.nn.LSTM(3, 4, batch_first=1)",
    "t.nn.LSTM(3, 4, dropout=2)",
    "t.nn.LSTM(3, 4, dropout=True)",
    "t.nn.RNNBase('X', 3, 4)",
    "t.nn.RNN(3, 4)(t.zeros(2))",
    "t.nn.LSTM(3, 4)(t.zeros(2))",
    "t.nn.GRU(3, 4)(t.zeros(2, 5, 3, 1))",
    "t.nn.RNN(3, 4)(t.zeros(2, 5, 3).double())",
    "t.nn.RNN(3, 4)(t.zeros(2, 5, 4))",
    "t.nn.GRU(3, 4)(t.zeros(0, 5, 3))",
    "t.nn.GRU(3, 4)(t.zeros(2, 5, 3), t.zeros(1, 5, 4).double())",
    "t.nn.GRU(3, 4)(t.zeros(2, 5, 3), t.zeros(5, 4))",
    "t.nn.GRU(3, 4)(t.zeros(2, 3), t.zeros(1, 1, 4))",
    "t.nn.GRU(3, 4)(t.zeros(2, 5, 3), t.zeros(1, 4, 4))",
    "t.nn.LSTM(3, 4)(t.zeros(2, 5, 3), (t.zeros(5, 4), t.zeros(5, 4)))",
    "t.nn.LSTM(3, 4)(t.zeros(2, 3), (t.zeros(1, 1, 4), t.zeros(1, 4)))",
    "t.nn.LSTM(3, 4)(t.zeros(2, 5, 3), (t.zeros(1, 4, 4), t.zeros(1, 5, 4)))",
    "t.nn.LSTM(3, 4)(t.zeros(2, 5, 3), (t.zeros(1, 5, 4), t.zeros(1, 4, 4)))",
    "t.nn.LSTM(3, 4)(t.zeros(2, 5, 3), (t.zeros(1, 5, 4),))",
    "t.nn.GRU(3, 4)(t.nn.utils.rnn.pack_sequence([t.zeros(3)]))",
    "t.nn.RNNCell(3, 4, nonlinearity='x')(t.zeros(2, 3))",
    "t.nn.RNNCell(3, 4)(t.zeros(2, 5))",
    "t.nn.RNNCell(3, 4)(t.zeros(2, 3, 1))",
    "t.nn.RNNCell(3, 4)(t.zeros(2, 3), t.zeros(2, 3, 4))",
    "t.nn.RNNCell(3, 4)(t.zeros(2, 3), t.zeros(3, 4))",
    "t.nn.RNNCell(3, 4)(t.zeros(3), t.zeros(2, 4))",
    "t.nn.GRUCell(3, 4)(t.zeros(2, 3), t.zeros(2, 5))",
    "t.nn.GRUCell(3, 4)(t.zeros(2, 3).double())",
    "t.nn.LSTMCell(3, 4)(t.zeros(2, 3), (t.zeros(2, 4), t.zeros(3, 4)))",
    "t.nn.LSTMCell(3, 4)(t.zeros(2, 3), (t.zeros(2, 4), t.zeros(2, 5)))",
    "t.nn.LSTMCell(3, 4)(t.zeros(2, 3), (t.zeros(2, 4),))",
    "t.nn.LSTMCell(3, 4)(t.zeros(2, 3), t.zeros(2, 4))",
    "t.nn.LSTMCell(3, 4)(t.zeros(2, 3, 4))",
    "t.nn.LSTMCell(3, 4)(t.zeros(2, 3), (t.zeros(2, 4, 4), t.zeros(2, 5)))",
]


@pytest.mark.parametrize("text", WRONG)
def test_complains_as_pytorch_does(text):
    same_first_line(lambda t: eval(text, {"t": t}))


def test_dropout_of_one_layer_warns():
    agree(lambda t: repr(t.nn.LSTM(3, 4, dropout=0.5)))
