"""What a compiled function returns: views of each other and of what it was given, and numbers that ``item`` gave."""

import math
import random
from functools import partial

import numpy
import pytest
from everything import outcome

import minitorch as torch
from minitorch import nn

torch.manual_seed(0)
LAYER = nn.Linear(3, 3)
BUFFER = torch.zeros(4, 3)
PLACES = torch.tensor([3, 0, 0])


def without_grad(x):
    y = LAYER(x)
    with torch.no_grad():
        return y, y[0]


ALIASED = {
    "the same twice": lambda x: [LAYER(x)] * 2,
    "a part": lambda x: (y := LAYER(x), y[0]),
    "a part of a part": lambda x: (y := LAYER(x), y[1:].t()[0]),
    "the part first": lambda x: ((y := LAYER(x))[0], y),
    "detached": lambda x: (y := LAYER(x).sum(), y.detach()),
    "detached part": lambda x: (y := LAYER(x), y[0].detach()),
    "two parts": lambda x: ((y := LAYER(x))[0], y[1:]),
    "pieces": lambda x: LAYER(x).chunk(2),
    "one of several": lambda x: (x * 2).unbind(0)[:2],
    "without grad": without_grad,
    "transposed": lambda x: LAYER(x).t(),
    "of an argument": lambda x: x[1:],
    "an argument transposed": lambda x: (x + 1, x.t()),
    "an argument detached": lambda x: x.detach(),
    "of a parameter": lambda x: (x @ LAYER.weight, LAYER.weight.t()),
    "of a parameter, detached": lambda x: (LAYER.weight.detach()[0], LAYER.weight.detach().t()),
    "of a buffer": lambda x: (BUFFER.add_(x.detach()), BUFFER[0]),
    "of a constant": lambda x: torch.tensor([[1.0, 2.0], [3.0, 4.0]]).t(),
}  # fmt: skip
"""Name → a function of a matrix, whose results share memory."""


def described(results, x):
    """Values, strides, and whose memory: what is to be the same eagerly and compiled."""
    tensors = [results] if isinstance(results, torch.Tensor) else list(results)
    known = [*tensors, x, BUFFER, LAYER.weight]
    shares = [[a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr() for b in known] for a in tensors]
    return [a.tolist() for a in tensors], [(a.stride(), a.requires_grad) for a in tensors], shares, len({id(a) for a in tensors})


def called_often(function, wants):
    """What a function gives, call after call, and the gradients that go back through all of it."""
    torch.manual_seed(1)
    BUFFER.zero_()
    found = []
    for _ in range(5):
        x = torch.randn(4, 3, requires_grad=wants)
        results = function(x)
        found.append(described(results, x))
        tensors = [y for y in ([results] if isinstance(results, torch.Tensor) else results) if y.requires_grad]
        if tensors:
            ends = [LAYER.weight, *([x] if wants else [])]
            total = sum([(y * y * (k + 1)).sum() for k, y in enumerate(tensors)])
            first = torch.autograd.grad(total, ends, create_graph=True, allow_unused=True)
            found.append([g.tolist() for g in first if g is not None])
            second = torch.autograd.grad(sum([g.square().sum() for g in first if g is not None]), ends, allow_unused=True)
            found.append([g.tolist() for g in second if g is not None])
    return found


@pytest.mark.parametrize("wants", [False, True])
@pytest.mark.parametrize("name", ALIASED)
def test_results_that_share_memory_do_so_compiled(name, wants):
    run = torch.compile(ALIASED[name], fullgraph=True)
    assert close(called_often(run, wants), called_often(ALIASED[name], wants))
    assert outcome(run) == "whole"


def close(a, b):
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, torch.Tensor):
        return close(a.tolist(), b.tolist())
    if isinstance(a, dict):
        return list(a) == list(b) and close(list(a.values()), list(b.values()))
    return type(a) is type(b) and (a == b or (isinstance(a, float) and math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-5)))


def test_a_write_to_one_result_is_seen_in_the_other():
    run, x = torch.compile(lambda x: (y := x * 2, y[0]), fullgraph=True), torch.ones(2, 2)
    for _ in range(4):
        whole, part = run(x)
    part.add_(1)
    assert whole.tolist() == [[3.0, 3.0], [2.0, 2.0]] and part._base is whole and whole._version == 1
    before = whole
    assert run(x)[0].tolist() == [[2.0, 2.0]] * 2 and before.tolist()[0] == [3.0, 3.0]


def test_what_is_made_of_pythons_numbers_is_made_anew():
    def counted(x):
        total = torch.tensor([1.0, 2.0])
        total.add_(x)
        return total, torch.tensor([5.0])

    run = torch.compile(counted, fullgraph=True)
    for _ in range(6):
        total, five = run(torch.ones(2))
        assert total.tolist() == [2.0, 3.0] and five.tolist() == [5.0]
        five.add_(1)
    drawn = torch.compile(lambda x: (x * 2, torch.tensor(random.random())))
    with pytest.warns(UserWarning, match="others each time"):
        assert len({drawn(torch.ones(2))[1].item() for _ in range(8)}) == 8


# ------------------------------------------------------------------------------------------------------------- numbers


def mean(x):
    return LAYER(x).mean()


def running(x):
    total = 0.0
    for k in range(3):
        total += mean(x * k).item()
    return total / 3


def listed(x):
    values = []
    for k in range(3):
        values.append((mean(x) * k).item())
    return values, sum(values)


def nested(x):
    def value(y):
        return y.square().sum().item()

    return {"a": [value(x), (value(x * 2),)], "kind": "none", "count": 3}


def positive(x):
    return (x > 0).sum().item()


def counted(x):
    """As a step of training counts what it got right."""
    right, seen = 0, 0
    for part in x:
        right += (part > 0).sum().item()
        seen += len(part)
    return mean(x), right, right / seen, (right - 1) % 5


def told(x):
    count, some = positive(x), (x > 2).any().item()
    share = 100.0 * positive(x) / x.shape[0]
    return {"count": count, "some": some, "share": share, "both": [count, (share,)]}


@torch.no_grad()
def judged(x):
    return (total := (x > 0).sum().item()), total + 1, mean(x).item() + total


class Counter:
    def __init__(self):
        self.limit = 0.5

    def above(self, x):
        return (x > self.limit).sum().item()

    @torch.no_grad()
    def __call__(self, x):
        first = self.above(x)
        return first, self.above(-x)


NUMBERS = {
    "an integer": lambda x: (x > 0).sum().item(),
    "a truth": lambda x: (x > 1.5).any().item(),
    "integers of other types": lambda x: (x.argmax().item(), x.int().sum(dtype=torch.int32).item(), (x > 0)[0, 0].to(torch.uint8).item()),
    "float()": lambda x: float(mean(x)),
    "float() of an integer, and of bfloat16": lambda x: [float((x > 0).sum()), float(x.sum().bfloat16())],
    "a list": lambda x: x.tolist(),
    "lists": lambda x: {"x": x[0].tolist(), "one": mean(x).tolist(), "truths": (x > 0).tolist(), "narrow": x.bfloat16().tolist()},
    "the same list twice": lambda x: (y := x[:1].tolist(), y),
    "an integer from within": lambda x: (positive(x), positive(-x)),
    "arithmetic of integers": lambda x: (3 - 2 * positive(x), positive(x) // 2, 1.5 * positive(x) + 2, positive(x) / x.size(0)),
    "what was counted": counted, "told in a dict": told, "decorated": judged, "methods": Counter(),
    "alone": lambda x: mean(x).item(),
    "beside its tensor": lambda x: (y := mean(x), y.item()),
    "in a dict": lambda x: {"loss": mean(x).item(), "share": (x > 0).float().mean().item()},
    "of one element": lambda x: x[:1, :1].item(),
    "bfloat16": lambda x: x.bfloat16().sum().item(),
    "arithmetic": lambda x: 1 - 2 * mean(x).item() / 4 + 3,
    "of two": lambda x: mean(x).item() - mean(x + 1).item() * mean(x * 2).item(),
    "before rows of a table, and half of a matrix": lambda x: (mean(x).item(), nn.functional.embedding(PLACES, x).sum(), x.tril()),
    "a running total": running, "a list and its sum": listed, "nested": nested,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True")
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_only_returned_is_read_after_the_program(name):
    torch.manual_seed(2)
    run = torch.compile(NUMBERS[name], fullgraph=True)
    for _ in range(6):
        x = torch.randn(4, 3)
        assert close(run(x), NUMBERS[name](x))
    assert outcome(run) == "whole"


def exponential(x):
    value = mean(x).item()
    return value, math.exp(value)


def refused(x):
    value = mean(x).item()
    return None if numpy.isnan(value) else value


def branch(x):
    count = positive(x)
    if count > 6:
        return count, "many"
    return count, "few"


def two(x):
    return positive(x), positive(-x)


def unpacked(x):
    first, _ = two(x)
    return first


def default(x):
    count = positive(x)

    def given(n=count):
        return n + 1 > 5

    return given()


def enclosed(x):
    count = positive(x)
    return (lambda: count > 5)()


def grown(x):
    counts = []
    counts.append(positive(x))
    return counts[0] + 1


def generated(x):
    yield (x > 0).sum().item()


LOOKS = {
    "a branch": lambda x: (value := mean(x).item(), "up" if value > 0 else "down"),
    "a builtin function": exponential, "a function of NumPy's": refused,
    "a mean of NumPy's": lambda x: (value := mean(x).item(), float(numpy.mean([value, 2.0]))),
    "text": lambda x: (value := mean(x).item(), f"{value:.3f}"),
    "old text": lambda x: (value := mean(x).item(), "%.3f" % value),  # noqa: UP031
    "rounded": lambda x: round(mean(x).item(), 3),
    "the largest": lambda x: max([mean(x).item(), mean(-x).item()]),
    "an operand": lambda x: (value := mean(x).item(), x * value),
    "a limit": lambda x: (value := mean(x).abs().item(), x.clamp(max=value)),
    "a divisor": lambda x: 1 / mean(x).item(),
    "a power": lambda x: mean(x).item() ** 2,
    "a key": lambda x: {mean(x).item(): 1},
    "a method": lambda x: (value := mean(x).item(), value.is_integer()),
    "an index": lambda x: ["none", "one", "some", *"abcdefghijk"][positive(x)],
    "a slice": lambda x: "abcdefghijkl"[: positive(x)],
    "a range": lambda x: list(range(positive(x))),
    "how often": lambda x: [0] * positive(x),
    "a branch on an integer": branch,
    "a comparison": lambda x: (n := positive(x), n > 6),
    "an integer as text": lambda x: f"{positive(x)}",
    "an integer as old text": lambda x: "%d" % positive(x),  # noqa: UP031
    "the largest of integers": lambda x: max(positive(x), positive(-x)),
    "asked for by others": lambda x: max(map(torch.Tensor.item, (x > 0).sum(1))),
    "a key of a sort": lambda x: sorted([x, -x, x * 0], key=positive)[0].sum().item(),
    "the answer of a sort": lambda x: sorted([1, 2], key=lambda n: positive(x * n))[0],
    "called by others": lambda x: sum(map(positive, [x, -x])),
    "an operand that is an integer": lambda x: x * positive(x),
    "a divisor that is an integer": lambda x: 1 / (positive(x) + 1),
    "divided by each other": lambda x: (positive(x) + 1) / (positive(-x) + 1),
    "a size": lambda x: x.new_zeros(positive(x)).sum(),
    "an integer as a key": lambda x: {positive(x): 1},
    "an integer in a set": lambda x: {positive(x)},
    "an integer that is unpacked": unpacked,
    "what a default is": default,
    "what a closure sees": enclosed,
    "int()": lambda x: int(mean(x) * 10),
    "bool()": lambda x: bool((x > 0).any()),
    "float() in a sum": lambda x: 1 + float(mean(x)),
    "float() in a branch": lambda x: "up" if float(mean(x)) > 0 else "down",
    "an argument": lambda x: round(positive(x)),
    "a list that grows": grown,
    "part of a list": lambda x: x[0].tolist()[0],
    "one of a generator": lambda x: list(generated(x)),
    "a squared truth": lambda x: (x > 0).any().item() + 1,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True")
@pytest.mark.parametrize("name", LOOKS)
def test_a_number_that_python_looks_at_ends_the_graph(name):
    torch.manual_seed(3)
    run = torch.compile(LOOKS[name])
    with pytest.warns(UserWarning, match=r"runs eagerly: (\w+ looks at a tensor's values, in .*\.py:\d+|it makes tensors of numbers)"):
        for _ in range(8):
            x = torch.randn(4, 3)
            assert repr(run(x)) == repr(LOOKS[name](x))


def test_a_profiler_keeps_its_place():
    """One who wants to be told of calls is; then nobody can see whether a number is looked at, and the function runs eagerly."""
    import sys

    heard, run = [], torch.compile(lambda x: x.sum().item() + 0)
    with pytest.warns(UserWarning, match="item looks at"):
        sys.setprofile(lambda *event: heard.append(event[1]))
        try:
            assert [run(torch.ones(2)) for _ in range(6)] == [2.0] * 6
        finally:
            sys.setprofile(None)
    assert "c_call" in heard


def test_checked_numbers_agree():
    run = torch.compile(lambda x: {"loss": mean(x).item()}, check=True)
    for _ in range(5):
        x = torch.randn(4, 3)
        assert close(run(x), {"loss": mean(x).item()})


def packed(x):
    """Lengths that are written in the program."""
    steps = nn.utils.rnn.pack_padded_sequence(x, [2, 4, 3], batch_first=True, enforce_sorted=False)
    return nn.utils.rnn.pad_packed_sequence(steps, batch_first=True)[0] * 2


def written(x):
    counts = torch.zeros(3)
    counts[1] = 2
    return x[:, : int(counts.cumsum(0)[-1].item())] * counts.tolist()[1]


@pytest.mark.parametrize("function", [packed, written])
def test_constants_may_be_looked_at(function):
    run = torch.compile(function, fullgraph=True)
    for _ in range(4):
        x = torch.randn(3, 4, 2)
        assert close(run(x), function(x))


def test_what_follows_from_an_argument_is_no_constant():
    run = torch.compile(lambda x: x * (torch.zeros(2) + x[0]).tolist()[0])
    with pytest.warns(UserWarning, match="tolist looks at a tensor's values"):
        for _ in range(8):
            x = torch.randn(2)
            assert close(run(x), x * x[0])


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_argument_may_have_come_of_the_same_parameter(create_graph):
    """What goes back through the argument does so once, by the graph from before the call."""

    def gradients(function):
        torch.manual_seed(0)
        layer, found = torch.nn.Linear(3, 3), []
        run = function(lambda h: layer(h).tanh().square().sum())
        for _ in range(4):
            x = torch.ones(2, 3, requires_grad=True)
            first = torch.autograd.grad(run(layer(x)), [x, *layer.parameters()], create_graph=create_graph)
            second = torch.autograd.grad(sum([g.square().sum() for g in first]), layer.weight) if create_graph else ()
            found.append([g.tolist() for g in (*first, *second)])
        return found

    assert close(gradients(partial(torch.compile, fullgraph=True)), gradients(lambda function: function))


MADE_WITHIN = {
    "closed over": lambda m: lambda h: h.tanh() * m,
    "in a list": lambda m: (lambda ms: lambda h: h.tanh() * ms[0] * ms[1]["m"])([m, {"m": m.exp()}]),
    "in a partial": lambda m: partial(lambda h, m: h.tanh() * m, m=m),
    "the argument itself": lambda m: partial(lambda h, other: h.tanh() * other, m.exp()),
}


@pytest.mark.parametrize("part", MADE_WITHIN.values(), ids=list(MADE_WITHIN))
def test_a_checkpointed_part_may_read_what_the_run_made(part):
    def function(x):
        h = LAYER(x)
        return torch.utils.checkpoint.checkpoint(part(h.exp()), h, use_reentrant=False).sum()

    run = torch.compile(function, fullgraph=True)
    assert close(called_often(run, True), called_often(function, True))
    assert outcome(run) == "whole"


def test_a_leaf_that_is_made_wants_its_gradient_at_each_call():
    """Weights that go in and out: the next call goes backward to them."""

    @torch.compile
    def step(w, x):
        (g,) = torch.autograd.grad((w * x).square().sum(), [w])
        return (w - 0.1 * g).detach().requires_grad_(), w.detach() * 2

    w, plain = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    for k in range(6):
        x = torch.full((3,), 1.0 + k % 2)
        (w, double), (plain, expected) = step(w, x), step.function(plain, x)
        assert w.requires_grad and w.is_leaf and w.grad is None and not double.requires_grad
        torch.testing.assert_close((w, double), (plain, expected))
    w.sum().backward()
    assert w.grad.tolist() == [1.0] * 3 and [len(s.programs) for s in step.signatures.values()] == [1]


def test_a_parameter_that_is_only_returned():
    """It is met when the results are looked at; the graph of the others, which is recorded after that, must still be heard."""
    weight, other = torch.ones(4, requires_grad=True), torch.arange(12.0).reshape(3, 4).sin().requires_grad_()
    step = torch.compile(lambda: [weight.flatten(), other.amin(0)])
    for call in range(6):
        returned, least = step()
        (returned.sum() + (least * (call + 2)).sum()).backward()
        assert other.grad.sum(0).tolist() == [call + 2.0] * 4
        other.grad = None


PARTS = {
    "a row": lambda x: x[1],
    "itself and turned": lambda x: (x, x.mT),
    "two parts": lambda x: (x[:2].mul_(1), x[2:]),
    "with something new": lambda x: (x.flatten(), x.exp()),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("first", [0, 1], ids=["from the first", "from another"])
def test_parts_of_a_batch_that_is_a_slice(name, first):
    """At each call the batch begins elsewhere in the data, and what is written to a result is written there."""
    data, function = torch.randn(30, 4, 4), PARTS[name]
    compiled = torch.compile(function)
    for call in range(first, 6):
        batch = data[4 * call : 4 * call + 4]
        for x, expected in zip(flat(compiled(batch)), flat(function(batch)), strict=True):
            assert owned(x, data) == owned(expected, data)
            assert not owned(x, data) or x.data_ptr() == expected.data_ptr()
            torch.testing.assert_close(x, expected, rtol=0, atol=1e-5)


def owned(x, data):
    return x.untyped_storage().data_ptr() == data.untyped_storage().data_ptr()


def flat(found):
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("view", [lambda y: y.mT.reshape(-1), lambda y: y.as_strided((2, 2), (1, 2))], ids=["flat", "strided"])
def test_a_view_only_of_how_the_run_s_memory_lay(view):
    """What a program makes lies in order, so there it would be a copy."""
    compiled = torch.compile(lambda x: (y := x * 2, view(y)))
    for _ in range(4):
        whole, part = compiled(torch.randn(4, 5).mT)
        whole.fill_(7)
        assert part.tolist() == torch.full(part.shape, 7.0).tolist()
