"""Numbers that decide something and are the same at each call: masks, lengths, counts. A program is right while they are these.

Whoever writes to their memory, by whatever name, is noticed: the numbers are compared before each call. Where they are others each
time, the function runs eagerly, with one warning that names the line.
"""

import warnings

import numpy
import pytest
import torch as theirs
from oracle import assert_same, plain

import minitorch as ours

DATA = {
    "m": [True, False, True, True, False, True], "k": [1, 0, 2, 2, 4, 1], "sizes": [1, 2, 3], "w": 0.75, "lengths": [1, 2, 1],
    "labels": [1, 2, 1], "times": [2, 2, 2], "ones": [1, 1, 1], "offsets": [0, 2, 3],
}  # fmt: skip

DECIDED = {
    "a mask": "x[m]",
    "a mask and targets": "t.nn.functional.cross_entropy(x[m], k[m] % 3)",
    "of rows and a column": "x[m, 1]",
    "not the mask": "x[~m]",
    "two masks": "x[m & (k > 1)]",
    "through data": "x[m.data]",
    "changed where it is": "x.index_put((m,), x[m] * 2)",
    "nonzero": "x[m.nonzero()[:, 0]] * 2",
    "argwhere": "x[t.argwhere(m)[:, 0]]",
    "masked_select": "x.masked_select(m[:, None])",
    "where with one argument": "x[t.where(m)[0]]",
    "unique": "t.unique(k) * x.sum()",
    "unique, inverse": "x.new_zeros(len(t.unique(k)), 3).index_add(0, t.unique(k, return_inverse=True)[1], x)",
    "unique_consecutive": "t.unique_consecutive(k) * x.sum()",
    "bincount": "t.bincount(k) * x.sum()",
    "one_hot": "t.nn.functional.one_hot(k) * x[:, :1]",
    "repeat_interleave": "x.repeat_interleave(k, 0)",
    "split": "t.cat([p.sum(0, keepdim=True) for p in x.split(sizes.tolist())])",
    "item": "x[: k.max().item()]",
    "int()": "x[: int(k.max()) + 1]",
    "an index": "x[lengths[1]] + x[: lengths[0]].sum()",
    "a size": "t.zeros(k.max() + 1, 3).index_add(0, k, x)",
    "a branch on a number": "x * (2 if w.item() > 0.5 else 3)",
    "a branch": "x * 2 if m[1] else x * 3",
    "equal": "x * 2 if t.equal(k, k.sort()[0]) else x",
    "a loop": "sum(x[i] * (n + 1) for n, i in enumerate(k))",
    "a loop over lengths": "t.stack([x[i, : n + 1].sum() for i, n in enumerate(k.clamp(max=1).tolist())])",
    "a copy": "m.new_tensor([k[0].item()]) * x",
    "packed": "t.nn.utils.rnn.pack_padded_sequence(x.reshape(3, 2, 3), lengths, batch_first=True, enforce_sorted=False).data",
    "padded again": "t.nn.utils.rnn.pad_packed_sequence(t.nn.utils.rnn.pack_padded_sequence(x.reshape(3, 2, 3), lengths, True, False))[0]",
    "ctc": "t.nn.functional.ctc_loss(x.reshape(2, 3, 3).log_softmax(-1), labels, times, ones, reduction='sum')",
    "embedding_bag": "t.nn.functional.embedding_bag(k, x, offsets, mode='mean')",
    "embedding_bag, padding": "t.nn.functional.embedding_bag(k, x, offsets, mode='sum', padding_idx=2)",
}
"""Expressions of x, which is another at each call, and of tensors that stay."""


def answers_of(t, text, by_argument):
    """What an expression gives at nine calls, between which what decides changes once; and the function."""
    code, data = compile(text, __file__, "eval"), {name: t.tensor(x) for name, x in DATA.items()}

    def reached(x):
        return eval(code, {"t": t, "x": x, **data})

    def given(x, **data):
        return eval(code, {"t": t, "x": x, **data})

    step = given if by_argument else reached
    step = t.compile(step) if t is ours else step
    found = []
    for seed in range(9):
        theirs.manual_seed(seed)
        x = t.tensor(theirs.randn(6, 3).tolist())
        found.append(plain(step(x, **{name: x.clone() for name, x in data.items()}) if by_argument else step(x)))
        if seed == 5:
            data["m"][1], data["k"][0], data["w"][()] = True, 3, 0.25
    return found, step


@pytest.mark.parametrize("by_argument", [False, True], ids=["reached", "given"])
@pytest.mark.parametrize("text", DECIDED.values(), ids=DECIDED)
def test_what_is_the_same_each_time_may_decide(text, by_argument):
    if by_argument and "w.item" in text:
        text = text.replace("w.item() > 0.5", "m[1].item()")  # floats that are given may be others
    found, step = answers_of(ours, text, by_argument)
    assert_same(answers_of(theirs, text, by_argument)[0], found)
    assert [s.eager for s in step.signatures.values()] == [False] and 1 <= len(next(iter(step.signatures.values())).programs) <= 2


# --------------------------------------------------------------------------------------------------- who may write to a mask


class Holder:
    """What a data set gives: an object with attributes."""


def numpy_view(t, data):
    data.m.numpy()[1:] ^= True


def replaced(t, data):
    data.m = ~data.m


def new_data(t, data):
    data.m.data = ~data.m


def swapped(t, data):
    other = ~data.m
    data.m.set_(other.untyped_storage(), 0, other.shape, other.stride())


def in_inference_mode(t, data):
    with t.no_grad():
        data.m.detach().logical_not_()


def by_a_program(t, data):
    flip = getattr(t, "compile", lambda f: f)(lambda x: x.logical_not_()) if t is ours else lambda x: x.logical_not_()
    for _ in range(3):
        flip(data.m)


WRITERS = {
    "in place": lambda t, data: data.m.logical_not_(),
    "an element": lambda t, data: data.m.__setitem__(2, ~data.m[2]),
    "a view": lambda t, data: data.m[1:4].logical_not_(),
    "another dtype's view": lambda t, data: data.m.view(t.uint8)[:3].bitwise_xor_(1),
    "data": lambda t, data: data.m.data.logical_not_(),
    "detached": lambda t, data: data.m.detach().logical_not_(),
    "its NumPy array": numpy_view,
    "the array that it was made of": lambda t, data: data.array.__setitem__(slice(0, 3), ~data.array[:3]),
    "another name": replaced,
    "other memory": new_data,
    "another storage": swapped,
    "without gradients": in_inference_mode,
    "a compiled function": by_a_program,
    "nobody": lambda t, data: None,
}


def under_a_writer(t, name, how):
    """Losses and weights of a network whose mask is written to between some calls."""
    net, data = t.nn.Linear(4, 3), Holder()
    theirs.manual_seed(0)
    data.array = numpy.array([True, False, True, True, False, True])
    data.m = t.from_numpy(data.array) if name != "another storage" else t.tensor(data.array)
    data.x, data.y = t.tensor(theirs.randn(6, 4).tolist()), t.tensor([0, 1, 2, 0, 1, 2])
    with t.no_grad():
        for p in net.parameters():
            p.copy_(t.tensor(theirs.randn(*p.shape).tolist()))
    optimizer = t.optim.SGD(net.parameters(), lr=0.1)

    def step(m=None):
        m = data.m if m is None else m
        optimizer.zero_grad()
        loss = t.nn.functional.cross_entropy(net(data.x)[m], data.y[m])
        loss.backward()
        optimizer.step()
        return loss

    step = t.compile(step) if t is ours else step
    found = []
    for k in range(16):
        loss = step(data.m) if how == "given" else step(data.m[::1][:]) if how == "a view" else step()
        found.append(plain((loss.detach(), net.weight.detach().clone())))
        if k in (4, 9, 10):
            WRITERS[name](t, data)
    return found, step


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("how", ["reached", "given", "a view"])
@pytest.mark.parametrize("name", WRITERS)
def test_whoever_writes_to_a_mask_is_noticed(name, how):
    found, step = under_a_writer(ours, name, how)
    assert_same(under_a_writer(theirs, name, how)[0], found)
    assert any([s.programs for s in step.signatures.values()])


def test_masks_that_take_turns_have_a_program_each():
    """One for training, one for what is held back, one for the end; then a fourth that is another at each call."""
    net, x = ours.nn.Linear(3, 2), ours.randn(6, 3)
    masks = [ours.arange(6) % 3 == k for k in range(3)]

    @ours.compile
    def accuracy(mask):
        return net(x)[mask].argmax(1).sum().item()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            assert [accuracy(m) for m in masks] == [accuracy.function(m) for m in masks]
    (signature,) = accuracy.signatures.values()
    assert len(signature.programs) == 3 and not signature.eager


def test_lengths_that_are_others_each_time_end_eagerly_with_one_warning():
    x = ours.randn(6, 3)
    chosen = ours.compile(lambda m: x[m].sum(0))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for k in range(1, 20):
            m = ours.tensor([bool(k >> bit & 1) for bit in range(6)])
            assert chosen(m).tolist() == chosen.function(m).tolist()
    (signature,) = chosen.signatures.values()
    assert signature.eager and not signature.programs
    assert len(said) == 1 and "numbers of a tensor, which are others each time" in str(said[0].message)
    assert "test_settled.py" in str(said[0].message) and "test_settled.py" in said[0].filename


def test_a_program_that_is_right_stays_when_other_masks_run_eagerly():
    x, stays = ours.randn(6, 3), ours.tensor([True, True, False, False, False, True])
    chosen = ours.compile(lambda m: x[m].sum(0))
    with pytest.warns(UserWarning, match="runs eagerly"):
        for k in range(1, 40):
            for m in (stays, ours.tensor([bool(k >> bit & 1) for bit in range(6)])):
                assert chosen(m).tolist() == chosen.function(m).tolist()
    assert any([answer((stays,), {}) is not None and answer((stays,), {}).tolist() for answer in chosen.quick or chosen.answers])


DEPENDS = {
    "what it writes": "m.logical_not_(); y = x[m]",
    "what it writes then": "y = x[m]; m.logical_not_()",
    "a count": "n.add_(1); y = x[: n.item() % 3]",
    "a count, then": "y = x[: n.item() % 3]; n.add_(1)",
    "a draw": "y = x[t.rand(6) > 0.5]",
    "weights": "y = x[(x @ p)[:, 0] > 0]",
    "what it is called on": "y = x[x[:, 0] > 0]",
}


@pytest.mark.parametrize("text", DEPENDS.values(), ids=DEPENDS)
def test_what_a_run_changes_decides_anew(text):
    def answers(t, compiled):
        theirs.manual_seed(0)
        code, names = compile(text, __file__, "exec"), {"t": t, "m": t.tensor(DATA["m"]), "n": t.tensor(0)}
        names["p"] = t.tensor(theirs.randn(3, 1).tolist(), requires_grad=True)

        def step(x):
            space = {**names, "x": x}
            exec(code, space)
            return space["y"].detach()

        step, found = t.compile(step) if compiled else step, []
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*runs eagerly")
            for seed in range(12):
                t.manual_seed(seed)
                theirs.manual_seed(seed)
                found.append(plain(step(t.tensor(theirs.randn(6, 3).tolist()))))
        return found

    assert_same(answers(ours, False), answers(ours, True))


def test_nothing_of_a_tensor_is_part_of_it():
    """What has no elements lies where it would begin."""
    x = ours.randn(6, 3)
    for chosen in (lambda: x[:0].sum(), lambda: x[6:] * 2, lambda: x[ours.zeros(6) > 0].sum()):
        step = ours.compile(chosen, fullgraph=True)
        assert [step().tolist() for _ in range(4)] == [chosen().tolist()] * 4
