"""What ``torch.compile`` returns: it looks and behaves as the function that it was given, as a method too."""

import gc
import pickle
from weakref import ref

import pytest

import minitorch as torch
from minitorch import nn
from minitorch.backends.once import ONCE
from minitorch.compiler.trace import Tracer
from minitorch.optim import Adam

pytestmark = pytest.mark.usefixtures("answers")


def test_it_looks_like_the_function():
    @torch.compile
    def double(x):
        """Twice x."""
        return x * 2

    assert (double.__name__, double.__doc__, double.__module__) == ("double", "Twice x.", __name__)
    assert double.__wrapped__(torch.ones(1)).item() == 2.0
    assert repr(double) == "<compiled test_it_looks_like_the_function.<locals>.double>"


def test_arrays_that_came_by_pickle_are_as_others():
    """Their dtypes are equal to NumPy's own, but no longer the same objects: so they come from a DataLoader's workers."""

    @torch.compile(fullgraph=True)
    def double(x):
        return x * 2

    for k in range(4):
        array = pickle.loads(pickle.dumps(torch.full((3,), float(k)).numpy()))
        assert array.dtype is not torch.ones(1).numpy().dtype
        assert double(torch.from_numpy(array)).tolist() == [2.0 * k] * 3
        assert double(torch.ones(3)).tolist() == [2.0] * 3
    assert len(double.signatures) == len(double.answers) == 1


def test_a_method_gets_its_instance_and_sees_it_change():
    class Scaled:
        def __init__(self, scale):
            self.scale = scale

        @torch.compile(fullgraph=True)
        def of(self, x):
            return x * self.scale

    two, three, x = Scaled(2.0), Scaled(3.0), torch.ones(1)
    assert [[two.of(x).item(), three.of(x).item()] for _ in range(4)] == [[2.0, 3.0]] * 4
    two.scale = 5.0
    assert [two.of(x).item(), three.of(x).item()] == [5.0, 3.0]


def test_a_model_that_is_an_argument_is_watched():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = 2.0

        def forward(self, x):
            return x * self.scale

    model, x = Scaled(), torch.ones(1)
    apply = torch.compile(lambda model, x: model(x), fullgraph=True)
    assert [apply(model, x).item() for _ in range(3)] == [2.0] * 3
    model.scale = 4.0
    assert apply(model, x).item() == 4.0


def adam_step(model):
    optimizer = Adam(model.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def test_the_first_run_does_as_eager_mode_and_only_looks_for_parameters(monkeypatch):
    followed, follow = [], Tracer.follow
    monkeypatch.setattr(Tracer, "follow", lambda self, row, *rest: followed.append(row.name) or follow(self, row, *rest))
    losses = []
    for compiling in (False, True):
        torch.manual_seed(0)
        step, x = adam_step(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4))), torch.ones(2, 3)
        step = torch.compile(step, fullgraph=True) if compiling else step
        losses.append([step(x).item()])
        assert followed == ["linear"] * compiling  # there it met the first of them
        losses[-1].append(step(x).item())  # the second run tells what the first one did to the parameters
    assert losses[0] == losses[1]
    assert len(followed) > 20 and next(iter(step.signatures.values())).programs


def test_a_leaf_that_a_run_makes_is_not_kept():
    weight, made = nn.Parameter(torch.ones(3)), []

    @torch.compile
    def step(x):
        own = torch.ones(3, requires_grad=True)
        made.append(ref(own))
        return (x * weight * own).sum()

    step(torch.ones(3))
    assert made[0]() is None


def test_a_program_goes_with_its_function():
    """At once: what it holds on a GPU is memory that Python's collector doesn't see."""
    model = nn.Linear(3, 1)

    def step(x):
        model.zero_grad()
        model(x).sum().backward()

    compiled = torch.compile(step)
    for _ in range(6):
        compiled(torch.ones(2, 3))
    answers = [ref(answer) for answer in compiled.answers]
    gc.collect()
    gc.disable()
    try:
        del compiled
        assert answers and not any([answer() for answer in answers])
    finally:
        gc.enable()


def test_a_tensor_that_only_a_circle_holds_is_no_state():
    @torch.compile(fullgraph=True)
    def step(x):
        circle = [x * 2]
        circle.append(circle)
        return circle[0].sum()

    assert [step(torch.ones(3)).item() for _ in range(4)] == [6.0] * 4
    assert len(step.answers) == 1 and gc.isenabled()


def test_who_switched_python_s_collector_off_finds_it_so():
    step = torch.compile(lambda x: x * 2, fullgraph=True)
    gc.disable()
    try:
        step(torch.ones(1)), step(torch.ones(1))
        assert len(step.answers) == 1 and not gc.isenabled()
    finally:
        gc.enable()


def test_for_a_run_that_is_recorded_softmax_compiles_no_kernel(monkeypatch):
    asked = []
    monkeypatch.setattr("minitorch.native.rowwise.rowwise", lambda name: asked.append(name))
    x = torch.randn(64, 2048)
    compiled = torch.compile(lambda x: (x.softmax(-1), x.log_softmax(-1)), fullgraph=True)
    made = [compiled(x) for _ in range(3)]
    assert asked == []
    expected = x.softmax(-1), x.log_softmax(-1)
    assert asked == ["softmax", "log_softmax"]
    for found in made:
        torch.testing.assert_close(found, expected)


def test_after_a_run_that_fails_kernels_are_worth_it_again():
    def failing(x):
        assert ONCE.running
        raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        torch.compile(failing)(torch.ones(2))
    assert not ONCE.running
