"""Answers in native code: they are taken where they should be, by nothing that they don't fit, and keep or lose no reference."""

import collections
import contextlib
import gc
import sys
import threading
import tracemalloc
import warnings

import pytest

import minitorch as torch
from minitorch import nn, optim
from minitorch.compiling import answer_rows, native_answer, object_layout
from minitorch.compiling.answering import MISS
from minitorch.compiling.object_layout import places

pytestmark = pytest.mark.skipif(places() is None, reason="native code can't look at this Python's objects")


class Steps:
    """A small training step and all that it reaches."""

    def __init__(self, kind=optim.SGD, criterion=nn.functional.mse_loss, **options):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3))
        self.optimizer = kind(self.model.parameters(), lr=0.1, **options)
        self.x, self.y = torch.randn(8, 2), torch.randn(8, 3)
        self.criterion, self.scale, self.sizes, self.kinds, self.named = criterion, 1.0, [1.0], {1}, {"one": 1.0}

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(x) * self.scale * self.sizes[0] * len(self.kinds) * self.named["one"], y)
        loss.backward()
        self.optimizer.step()
        return loss

    def alone(self):
        return self.step(self.x, self.y)

    def state(self):
        """All numbers and counters."""
        things = [*self.model.parameters(), *[p.grad for p in self.model.parameters() if p.grad is not None]]
        return [(x.tolist(), x._version if x.requires_grad else 0, x.requires_grad) for x in things]


def quickly(compiled, *args, **kwargs):
    """What the answers in native code say: a result, or MISS."""
    found = [answer(args, kwargs) for answer in compiled.quick]
    return next((x for x in found if x is not MISS), MISS)


def warmed(function, *args):
    compiled = torch.compile(function)
    for _ in range(4):
        compiled(*args)
    return compiled


# --------------------------------------------------------------------------------------------------------- it is taken

TAKEN = {
    "a step": lambda: (Steps().step, (torch.ones(8, 2), torch.ones(8, 3))),
    "Adam": lambda: (Steps(optim.Adam).step, (torch.ones(8, 2), torch.ones(8, 3))),
    "momentum": lambda: (Steps(momentum=0.9).step, (torch.ones(8, 2), torch.ones(8, 3))),
    "classes": lambda: (Steps(criterion=nn.functional.cross_entropy).step, (torch.ones(8, 2), torch.ones(8).long())),
    "several": lambda: (lambda x, y: (x + y, x * y), (torch.ones(2), torch.ones(2))),
    "a number besides": lambda: (lambda x, k: x * k, (torch.ones(2), 3)),
    "no argument": lambda: (Steps().alone, ()),
    "a slice": lambda: (lambda x: x * 2, (torch.ones(4, 2)[1:3],)),
    "no dims": lambda: (lambda x: x * 2, (torch.tensor(2.0),)),
}  # fmt: skip
LEFT = {
    "draws": lambda: (lambda x: x + torch.rand(2), (torch.ones(2),)),
    "a backward from outside": lambda: (lambda x: x * 2, (torch.ones(2, requires_grad=True),)),
    "a list": lambda: (lambda x: [x * 2], (torch.ones(2),)),
    "an argument that is written to": lambda: (lambda x: (x.mul_(1), x + 1)[1], (torch.ones(2),)),
}  # fmt: skip


WHY = {
    "draws": "it draws numbers, or steps a schedule", "a backward from outside": "backward is called from outside",
    "a list": "what it gives back isn't a tensor or a tuple of some", "an argument that is written to": "it writes to an argument",
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_native_code_answers(name):
    function, args = TAKEN[name]()
    assert quickly(warmed(function, *args), *args) is not MISS


@pytest.mark.parametrize("name", LEFT)
def test_what_is_rarer_is_left_to_python(name):
    function, args = LEFT[name]()
    compiled = warmed(function, *args)
    assert compiled.quick == () and compiled.answers != ()
    (answer,) = compiled.explain(measure=False).answers
    assert answer.slower in str(compiled.explain(measure=False)) and answer.slower == WHY[name]


def test_it_answers_as_python_does():
    """Numbers, versions, gradients, history of the result, and objects that stay the same, over many calls."""
    found = []
    for quickly in (False, True):
        steps = Steps(optim.Adam)
        compiled = warmed(steps.step, steps.x, steps.y)
        if not quickly:
            compiled.quick = ()
        losses = [compiled(steps.x, steps.y) for _ in range(300)]  # versions pass 256, where Python's small numbers end
        grads = [id(p.grad) for p in steps.model.parameters()]
        compiled(steps.x, steps.y)
        assert [id(p.grad) for p in steps.model.parameters()] == grads
        with pytest.warns(UserWarning, match="not a leaf"):
            found.append([steps.state(), [(x.item(), x._version, x.grad_fn.name(), x.grad, x.is_leaf, x.dtype) for x in losses]])
    assert found[0] == found[1]


def test_a_gradient_that_somebody_holds_is_not_written_over():
    steps = Steps()
    compiled = warmed(steps.step, steps.x, steps.y)
    held, alias = steps.model[0].weight.grad, steps.model[2].weight.grad.detach()
    before = held.tolist(), alias.tolist()
    assert quickly(compiled, steps.x, steps.y) is MISS
    compiled(steps.x, steps.y)
    assert (held.tolist(), alias.tolist()) == before and steps.model[0].weight.grad is not held
    del held, alias
    compiled(steps.x, steps.y)
    assert quickly(compiled, steps.x, steps.y) is not MISS


def test_what_an_optimizer_group_says_is_read_anew():
    steps = Steps()
    compiled = warmed(steps.step, steps.x, steps.y)
    for rate in (0.0, 0.5, 0.5, 0.25):
        steps.optimizer.param_groups[0]["lr"] = rate
        before = steps.model[2].bias.detach().clone()
        assert quickly(compiled, steps.x, steps.y) is not MISS
        torch.testing.assert_close(before - steps.model[2].bias.detach(), rate * steps.model[2].bias.grad, rtol=1e-4, atol=1e-6)
    steps.optimizer.param_groups[0]["weight_decay"] = 0.1
    assert quickly(compiled, steps.x, steps.y) is MISS


# -------------------------------------------------------------------------------------------------------- it doesn't fit


def setting(thing, name, value):
    """A change, to be made."""
    return lambda steps: setattr(thing(steps), name, value)


@contextlib.contextmanager
def default_dtype(d):
    before = torch.get_default_dtype()
    torch.set_default_dtype(d)
    yield
    torch.set_default_dtype(before)


CHANGES = {
    "an attribute": setting(lambda s: s, "scale", 2.0),
    "a list": lambda s: s.sizes.__setitem__(0, 2.0),
    "a longer list": lambda s: s.sizes.append(2.0),
    "a set": lambda s: s.kinds.add(2),
    "a dict": lambda s: s.named.__setitem__("one", 2.0),
    "a longer dict": lambda s: s.named.__setitem__("two", 2.0),
    "a shorter dict": lambda s: s.__dict__.__setitem__("extra", 1) or s.__dict__.__delitem__("extra") or s.named.__setitem__("one", 3.0),
    "training": lambda s: s.model.eval(),
    "a frozen parameter": lambda s: s.model[0].weight.requires_grad_(False),
    "a parameter's memory": lambda s: setattr(s.model[0].weight, "data", torch.ones(4, 2)),
    "another parameter": lambda s: setattr(s.model[0], "bias", nn.Parameter(torch.ones(4))),
    "a gradient less": lambda s: setattr(s.model[0].weight, "grad", None),
    "another gradient": lambda s: setattr(s.model[0].weight, "grad", torch.ones(4, 2)),
    "a hook": lambda s: s.model[0].register_forward_hook(lambda *of: None),
    "a group": lambda s: s.optimizer.param_groups[0].__setitem__("momentum", 0.9),
    "a criterion": setting(lambda s: s, "criterion", nn.functional.l1_loss),
}
ARGUMENTS = {
    "fewer rows": lambda s: (s.x[:4], s.y[:4]),
    "another order": lambda s: (torch.randn(2, 8).t(), s.y),
    "another dtype": lambda s: (s.x, s.y.double()),
    "one that wants a gradient": lambda s: (s.x.clone().requires_grad_(), s.y),
    "one with history": lambda s: (s.x.clone().requires_grad_() * 2, s.y),
    "a view of one with history": lambda s: ((s.x.clone().requires_grad_() * 2)[:], s.y),
    "a parameter": lambda s: (s.x, nn.Parameter(s.y)),
    "another number of dims": lambda s: (s.x[None], s.y[None]),
    "one of a larger memory": lambda s: (torch.randn(8, 4)[:, ::2], s.y),
}
MODES = {
    "no_grad": torch.no_grad, "inference_mode": torch.inference_mode, "autocast": lambda: torch.autocast("cpu"),
    "another default": lambda: default_dtype(torch.float64),
    "profiler": lambda: torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(name):
    found = []
    for wrap in (lambda f: f, torch.compile):
        steps = Steps()
        step, losses = wrap(steps.step), []
        for _ in range(4):
            losses.append(step(steps.x, steps.y).item())
        CHANGES[name](steps)
        if wrap is torch.compile:
            assert step.quick
            assert quickly(step, steps.x, steps.y) is MISS
        for _ in range(4):
            losses.append(step(steps.x, steps.y).item())
        found.append([losses, steps.state()])
    torch.testing.assert_close(torch.tensor(found[1][0]), torch.tensor(found[0][0]), rtol=1e-5, atol=1e-6)
    assert [version for _, version, _ in found[1][1]] == [version for _, version, _ in found[0][1]]


def test_a_dict_or_list_of_another_class_is_asked_itself():
    class Turned(list):
        turned = False

        def __iter__(self):
            return iter([self[1], self[0]] if self.turned else [self[0], self[1]])

    names, weights = collections.OrderedDict(a=1.0, b=2.0), Turned([3.0, 5.0])
    compiled = warmed(lambda x: x * next(iter(names.values())) + next(iter(weights)), torch.ones(1))
    assert quickly(compiled, torch.ones(1)).item() == 4.0
    names.move_to_end("a")
    assert quickly(compiled, torch.ones(1)) is MISS
    assert compiled(torch.ones(1)).item() == 5.0
    weights.turned = True
    assert compiled(torch.ones(1)).item() == 7.0


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_argument_that_does_not_fit_is_refused(name):
    steps = Steps()
    compiled = warmed(steps.step, steps.x, steps.y)
    assert quickly(compiled, *ARGUMENTS[name](steps)) is MISS
    compiled(steps.x, steps.y)  # a tensor that began to want a gradient counts as a change: that is looked into
    assert quickly(compiled, steps.x, steps.y) is not MISS


@pytest.mark.parametrize("name", MODES)
def test_a_mode_is_seen(name):
    steps = Steps()
    compiled = warmed(steps.step, steps.x, steps.y)
    with MODES[name]():
        assert quickly(compiled, steps.x, steps.y) is MISS
    assert quickly(compiled, steps.x, steps.y) is not MISS


def test_memory_that_is_written_to_is_no_argument():
    weight = torch.ones(2, 2)

    def grow(x):
        weight.add_(x)
        return x * 2

    compiled = warmed(grow, torch.ones(2, 2))
    assert quickly(compiled, torch.ones(2, 2)) is not MISS
    for own in (weight, weight.view(4).view(2, 2), weight.detach()[:]):
        assert quickly(compiled, own) is MISS


@pytest.mark.usefixtures("answers")
def test_memory_that_a_parameter_was_given_is_no_argument_either():
    weight = torch.ones(2, 2)

    def grow(x):
        y = x * 2
        weight.add_(x)
        return y + x

    compiled = warmed(grow, torch.ones(2, 2))
    weight.data = torch.full((2, 2), 3.0)
    compiled(torch.zeros(2, 2))
    assert compiled(weight).tolist() == [[12.0] * 2] * 2
    assert weight.tolist() == [[6.0] * 2] * 2


@pytest.mark.usefixtures("answers")
def test_parameters_that_were_given_one_memory_are_one():
    one, other = torch.ones(2), torch.ones(2)

    def grow(x):
        y = one * 2
        other.add_(x)
        return y + one

    found = []
    for wrap in (lambda f: f, torch.compile):
        one.data, other.data, step = torch.ones(2), torch.ones(2), wrap(grow)
        for _ in range(4):
            step(torch.ones(2))
        one.data = other.detach()
        found.append([step(torch.ones(2)).tolist() for _ in range(6)])
    assert found[0] == found[1]


@pytest.mark.parametrize("call", [lambda f, x: f(x=x), lambda f, x: f((x,)), lambda f, x: f(x, x), lambda f, x: f(1), lambda f, x: f()])
def test_other_forms_of_a_call_are_refused(call):
    compiled, x = warmed(lambda x: x * 2, torch.ones(2)), torch.ones(2)
    (answer,) = compiled.quick
    assert call(lambda *args, **kwargs: answer(args, kwargs), x) is MISS


def test_an_index_out_of_bounds_is_refused_and_nothing_is_done():
    steps = Steps(criterion=nn.functional.cross_entropy)
    y = torch.ones(8).long()
    compiled = warmed(steps.step, steps.x, y)
    before = steps.state()
    (answer,) = compiled.quick
    for _ in range(3):
        assert answer((steps.x, y + 6), {}) is MISS
        with pytest.raises(IndexError, match="Target 7 is out of bounds"):
            compiled(steps.x, y + 6)
    assert [x for x, *_ in steps.state()][:4] == [x for x, *_ in before][:4]
    for _ in range(2):  # they make the gradients that the refused step dropped
        compiled(steps.x, y)
    assert answer((steps.x, y), {}) is not MISS


def test_what_a_question_raises_is_raised():
    class Angry:
        def __bool__(self):
            raise RuntimeError("no")

    def fails():
        raise KeyError("lost")

    for function, error in ((fails, KeyError), (lambda: False, None)):
        rows = [native_answer.ROWS.index("asked"), id(function), 0, 0, 0, 0]
        answer = answer_rows.entry(native_answer.walker(), "walk", [0, *map(id, native_answer.CONSTANTS.values()), *rows], function)
        if error is None:
            assert answer((), {}) is MISS
        else:
            with pytest.raises(error):
                answer((), {})


@pytest.mark.parametrize("part", ["as_expected", "place_of", "place_in_cell", "place_in_tuple"])
def test_without_a_place_for_each_part_there_are_none(part, monkeypatch):
    assert object_layout.places.__wrapped__() == object_layout.places()
    monkeypatch.setattr(object_layout, part, lambda *of: None)
    assert object_layout.places.__wrapped__() is None


def test_without_places_python_answers(monkeypatch):
    monkeypatch.setattr(answer_rows, "walker", lambda: None)
    steps = Steps()
    compiled = warmed(steps.step, steps.x, steps.y)
    assert compiled.quick == () and len(compiled.answers) == 1
    assert compiled.answers[0]((steps.x, steps.y), {}) is not MISS


def six_times_tanh(x):
    for _ in range(6):
        x = x.tanh() + 1
    return x


def test_only_short_programs_keep_python_s_lock():
    """A ctypes function with the flag 4 keeps it; what takes longer lets other threads run."""
    for size, short in ((10, True), (30_000, False)):
        x = torch.ones(size)
        compiled = warmed(six_times_tanh, x)
        (program,) = next(iter(compiled.signatures.values())).programs
        assert program.native.image.short is short and bool(program.native.run._flags_ & 4) is short
        assert len(compiled.quick) == short
        torch.testing.assert_close(compiled(x), six_times_tanh(x))


# ------------------------------------------------------------------------------------------------- references, and threads


def test_no_reference_is_lost_or_kept_in_many_calls():
    steps = Steps(optim.Adam)
    compiled = warmed(steps.step, steps.x, steps.y)
    (answer,) = compiled.quick
    state = [x for s in steps.optimizer.state.values() for x in s.values()]
    things = [steps.x, steps.x._array, steps.y, *steps.model.parameters(), *state, MISS, None, torch.Tensor, *native_answer.CONSTANTS.values()]
    things += [x._array for x in steps.model.parameters()]
    arguments, short, none = (steps.x, steps.y), (steps.x[:2], steps.y), {}
    for _ in range(10):
        answer(arguments, none), answer(short, none)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    before, memory = [sys.getrefcount(x) for x in things], tracemalloc.get_traced_memory()[0]
    for _ in range(100_000):
        answer(arguments, none)
    for _ in range(1000):
        answer(short, none)
    after, grown = [sys.getrefcount(x) for x in things], tracemalloc.get_traced_memory()[0] - memory
    tracemalloc.stop()
    gc.enable()
    assert [(type(x), b - a) for x, a, b in zip(things, before, after) if abs(b - a) > 5] == []
    assert grown < 10_000


def test_threads_that_call_at_once_get_their_own_results():
    """Some come by native code, some by Python, in one program; each gives twice what it was given."""
    compiled, wrong = warmed(lambda x: x * 2 + 0, torch.ones(3)), []

    def work(value, answers):
        x = torch.full((3,), float(value))
        for _ in range(3000):
            for answer in answers:
                result = answer((x,), {})
                if result is not MISS and result.tolist() != [2.0 * value] * 3:
                    wrong.append(value)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=work, args=(k, (compiled.quick, compiled.answers)[k % 2])) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(interval)
    assert wrong == []


def test_many_shapes_have_their_own_programs():
    compiled = torch.compile(lambda x: x.sum() * 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            assert [compiled(torch.ones(n)).item() for n in (1, 2, 3)] == [2.0, 4.0, 6.0]
    assert len(compiled.quick) == 3


def test_arguments_by_name():
    """In whatever order; each is looked at as one by position is."""

    def function(x, y=None, *, scale=2.0, shift=None):
        return x * scale - y + shift

    compiled, x, y, z = torch.compile(function), torch.ones(3), torch.arange(3.0), torch.full((3,), 5.0)
    for _ in range(4):
        compiled(x, y=y, scale=3.0, shift=z)
    others = [((x, y), {"scale": 3.0, "shift": z}), ((x,), {"y": y, "shift": z}), ((x,), {"y": y, "scale": 2.0, "shift": z})]
    others += [((x,), {"y": y, "scale": 3.0, "drift": z}), ((x,), {"y": y[:2], "scale": 3.0, "shift": z}), ((), {})]
    others += [((x,), {"y": y, "scale": 3.0, "shift": torch.ones(3, requires_grad=True)})]
    compiled(x, y=y, scale=3.0, shift=z)  # which looks once more, since there is another leaf
    references = sys.getrefcount(x), sys.getrefcount(y)
    for _ in range(3):
        assert quickly(compiled, x, y=y, scale=3.0, shift=z).tolist() == [8.0, 7.0, 6.0]
        assert quickly(compiled, x, shift=y, scale=3.0, y=z).tolist() == [-2.0, -1.0, 0.0]
        assert all([quickly(compiled, *args, **kwargs) is MISS for args, kwargs in others])
    assert (sys.getrefcount(x), sys.getrefcount(y)) == references
    assert compiled(x, y=y, scale=2.0, shift=z).tolist() == [7.0, 6.0, 5.0]
    with pytest.raises(TypeError):
        compiled(x, y=y, scale=3.0, drift=z)


def test_floats_are_given_back():
    """Each call makes new ones, which belong to the caller alone."""
    steps, twin = Steps(), Steps()

    def step(x, y):
        loss = steps.step(x, y)
        return loss.item(), loss.detach(), loss.item() * 2

    compiled = warmed(step, steps.x, steps.y)
    for _ in range(4):
        twin.step(twin.x, twin.y)
    tracemalloc.start()
    memory = 0
    for k in range(2000):
        number, loss, double = quickly(compiled, steps.x, steps.y)
        if k < 5:
            assert number == loss.item() == double / 2 == pytest.approx(twin.step(twin.x, twin.y).item(), rel=1e-5)
        assert number.__class__ is double.__class__ is float and sys.getrefcount(number) == 2
        memory = tracemalloc.get_traced_memory()[0] if k == 1000 else memory
    grown = tracemalloc.get_traced_memory()[0] - memory
    tracemalloc.stop()
    assert grown < 5000
    alone = warmed(lambda x: x.sum().item(), torch.ones(3))
    assert [quickly(alone, torch.full((3,), float(k))) for k in range(4)] == [0.0, 3.0, 6.0, 9.0]
    assert quickly(warmed(lambda x: (x > 0).sum().item(), torch.ones(3)), torch.ones(3)) is MISS  # integers are Python's work
