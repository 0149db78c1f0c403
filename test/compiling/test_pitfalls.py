"""Where compiling by recording gives a silently wrong number, unless somebody thought of it: each trap, eager and compiled."""

import contextlib
import copy
import dataclasses
import itertools
import pickle
import random
import threading
import warnings
from collections import OrderedDict, defaultdict, namedtuple
from functools import partial

import numpy
import pytest

import minitorch as torch
from minitorch import nn, optim
from minitorch.utils.data import DataLoader

pytestmark = pytest.mark.usefixtures("answers")


def values(x):
    """Plain numbers of whatever a program found, to compare."""
    if isinstance(x, torch.Tensor):
        return [list(x.shape), x.detach().double().flatten().tolist()]
    if isinstance(x, dict):
        return {key: values(v) for key, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [values(v) for v in x]
    return x


def close(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(close, a, b))
    return b == pytest.approx(a, rel=2e-5, abs=2e-6, nan_ok=True) if isinstance(a, float) else a == b


def alike(course, **options):
    """``course(wrap)`` gives the same for functions left as they are and for compiled ones, and leaves the same generator."""
    found = []
    for wrap in (lambda f: f, lambda f: torch.compile(f, **options)):
        torch.manual_seed(3)
        found.append((values(course(wrap)), torch.get_rng_state().tolist()))
    assert close(found[0][0], found[1][0]), f"eager {found[0][0]}\ncompiled {found[1][0]}"
    assert found[0][1] == found[1][1], "the generators differ"


@contextlib.contextmanager
def eagerly():
    """A block in which compiled functions may say that they run eagerly."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*runs eagerly")
        yield


# ---------------------------------------------------------------------------------------------- memory, and who else holds it


def test_arguments_that_alias_and_then_do_not():
    def course(wrap):
        def f(p, q):
            p.mul_(2)
            return p + q

        f, found = wrap(f), []
        for _ in range(4):
            z = torch.ones(2)
            found.append(f(z, z))
        for _ in range(4):
            found.append(f(torch.ones(2), torch.full((2,), 3.0)))
        z = torch.ones(2)
        return [*found, f(z, z), f(z, torch.ones(2))]

    alike(course, fullgraph=True)


def test_views_of_one_memory_as_arguments():
    def course(wrap):
        def f(p, q):
            return p * 2 + q

        f, base = wrap(f), torch.arange(6.0)
        return [f(base[:3], base[3:]) for _ in range(4)] + [f(base[:3], base[:3]), f(base[:3], base[1:4])]

    alike(course)


def test_a_write_to_a_region_that_another_argument_sees():
    def course(wrap):
        def f(p, q):
            p.add_(1)
            return q * 1

        f, found = wrap(f), []
        for _ in range(7):
            base = torch.arange(4.0)
            found += [f(base[:3], base[1:]), base]
        return found

    with pytest.warns(UserWarning, match="runs eagerly: .*another region is an argument"):
        alike(course)


def test_a_temporary_that_accumulates():
    def course(wrap):
        def f(x):
            acc = torch.zeros(2)
            acc.add_(x)
            acc.add_(x)
            return acc

        f = wrap(f)
        return [f(torch.ones(2)) for _ in range(5)]

    alike(course, fullgraph=True)


def test_what_is_appended_to_a_list_stays_right():
    def course(wrap):
        kept = []

        def f(x):
            y = x * 2
            kept.append(y)
            return y + 1

        f = wrap(f)
        found = [f(torch.full((2,), float(k))) for k in range(7)]
        return found, kept

    alike(course)


def test_an_argument_written_in_place():
    def course(wrap):
        def f(x, y):
            x.add_(y)
            x[0] = 5
            x[1:].mul_(2)
            return x.sum()

        f, x = wrap(f), torch.arange(4.0)
        return [(f(x, torch.ones(4)), x.clone()) for _ in range(5)]

    alike(course, fullgraph=True)


def test_results_that_are_the_same():
    def course(wrap):
        def f(x):
            y = x + 1
            return y, [y]

        f, found = wrap(f), []
        for _ in range(5):
            y, (again,) = f(torch.zeros(2, 2))
            y.mul_(3)
            found += [y, again, again is y]
        return found

    alike(course, fullgraph=True)


def test_results_that_share_memory():
    def course(wrap):
        def f(x):
            y = x + 1
            return y, y[0]

        f, found = wrap(f), []
        for _ in range(7):
            y, first = f(torch.zeros(2, 2))
            y.mul_(3)
            found += [y, first]
        return found

    alike(course, fullgraph=True)


def test_a_returned_argument_is_the_argument():
    def course(wrap):
        f, x = wrap(lambda x: (x.mul_(2), x)), torch.ones(2)
        found = []
        for _ in range(5):
            a, b = f(x)
            found += [a is x, b is x, x.clone()]
        return found

    alike(course, fullgraph=True)


def test_a_returned_view_of_an_argument_shares_its_memory():
    def course(wrap):
        f, x, found = wrap(lambda x: x[1:]), torch.arange(3.0), []
        for _ in range(6):
            f(x).add_(1)
            found.append(x.clone())
        return found

    alike(course, fullgraph=True)


def test_a_returned_parameter_is_the_parameter():
    layer = nn.Linear(2, 2)
    f = torch.compile(lambda: layer.weight)
    assert all([f() is layer.weight for _ in range(5)])


def test_results_own_their_memory():
    f = torch.compile(lambda x: (x + 1) * 2, fullgraph=True)
    results = [f(torch.full((3,), float(k))) for k in range(6)]
    assert [r[0].item() for r in results] == [2.0 * (k + 1) for k in range(6)]


# ---------------------------------------------------------------------------------------------------------- forms of results

Pair = namedtuple("Pair", "a b")


@dataclasses.dataclass
class Output:
    loss: torch.Tensor
    extra: dict


def test_results_keep_their_form():
    def course(wrap):
        f = wrap(lambda x: {"pair": Pair(x + 1, 3), "out": Output(x.sum(), {"k": [x * 2, None]}), "none": None})
        found = [f(torch.arange(3.0)) for _ in range(5)]
        assert all(type(r["pair"]) is Pair and type(r["out"]) is Output for r in found)
        return [(list(r), r["pair"].a, r["pair"].b, r["out"].loss, r["out"].extra) for r in found]

    alike(course, fullgraph=True)


def test_arguments_in_forms():
    def course(wrap):
        f = wrap(lambda batch, *rest, scale=1.0, **more: batch["x"] * scale + rest[0][1] + more.get("y", 0))
        found = []
        for scale in (1.0, 2.0):
            for _ in range(4):
                found.append(f({"x": torch.ones(2)}, (1, torch.ones(2)), scale=scale))
                found.append(f({"x": torch.ones(2)}, (1, torch.ones(2)), scale=scale, y=torch.ones(1)))
        return found

    alike(course, fullgraph=True)


# ------------------------------------------------------------------------------------------------------------ state, and grad


def trained(wrap, make, steps=8, clear="none", between=lambda k, model, optimizer: None, scheduler=None, inside=False):
    """A step over a small network, and what it leaves after each call."""
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = make(model.parameters())
    schedule = scheduler and scheduler(optimizer)

    def step(x):
        if clear in ("none", "zero"):
            optimizer.zero_grad(set_to_none=clear == "none")
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        if inside:
            schedule.step()
        return loss

    step, found = wrap(step), []
    for k in range(steps):
        between(k, model, optimizer)
        found.append(step(torch.randn(4, 3)))
        if schedule and not inside:
            schedule.step()
        found += [[p.clone() for p in model.parameters()], [p.grad for p in model.parameters()][0], optimizer.param_groups[0]["lr"]]
    return found


def momentum(p):
    return optim.SGD(p, lr=0.1, momentum=0.9)


@pytest.mark.parametrize("clear", ["none", "zero", "never"])
def test_gradients_none_zeroed_and_accumulated(clear):
    alike(lambda wrap: trained(wrap, momentum, clear=clear), fullgraph=True)


def test_gradients_of_arguments():
    """Each call's own argument gets its gradient: a leaf that stays, others, and what was computed of others."""

    def course(wrap):
        f, found = wrap(lambda x: (x * x).sum().backward()), []
        g = wrap(lambda x: x * 2 if x.grad is None else x * x.grad)
        stays = torch.ones(2, requires_grad=True)
        for k in range(16):
            leaf = stays if k < 5 else torch.full((2,), float(k), requires_grad=True)
            before = stays.grad.clone() if k else None
            x = leaf if k < 11 else leaf * 3
            x.retain_grad()
            if k % 2:
                found.append(g(x))
            f(x)
            found += [x.grad.clone(), leaf.grad.clone(), before, g(x)]
        return found

    with eagerly():
        alike(course)


def test_gradients_beyond_arguments():
    def course(wrap):
        f, found = wrap(lambda x: (x * x).sum().backward()), []
        leaves = [torch.ones(2, requires_grad=True) for _ in range(2)]
        for k in range(12):
            f(leaves[k // 6] * k)
            found += [None if x.grad is None else x.grad.clone() for x in leaves]
        return found

    with eagerly():
        alike(course)


def test_steps_that_are_compiled_alone():
    """Whether a parameter has a gradient is asked by the step, and is another answer now and then."""

    def course(wrap):
        model, found = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), []
        optimizer = optim.AdamW(model.parameters(), lr=0.1)
        step, clear = wrap(optimizer.step), wrap(optimizer.zero_grad)
        for k in range(18):
            clear()
            model(torch.ones(1, 2)).sum().backward()
            if k in (6, 7, 12):
                model[0].weight.grad = None
            step()
            found += [p.detach().clone() for p in model.parameters()]
        return found

    alike(course)


def test_lazy_layers_have_no_gradient_yet():
    def course(wrap):
        model, idle, found = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d()), nn.LazyLinear(2), []

        def step(x):
            for p in (*model.parameters(), *idle.parameters()):
                p.grad = None
            loss = model(x).square().sum()
            loss.backward()
            return loss

        step = wrap(step)
        for _ in range(5):
            found += [step(torch.arange(8.0).view(4, 2)), model[0].weight.grad.clone()]
        return found

    alike(course)


def test_whether_there_is_a_gradient():
    def course(wrap):
        p, found = nn.Parameter(torch.ones(2)), []
        f = wrap(lambda: torch.zeros(2) if p.grad is None else p.grad * 2)
        for k in range(12):
            p.grad = None if k % 4 < 2 else torch.full((2,), float(k))
            found.append(f())
        return found

    with eagerly():
        alike(course)


def test_gradients_taken_away_by_hand():
    def between(k, model, optimizer):
        if k in (3, 4, 6):
            model[0].weight.grad = None
        if k == 5:
            model[2].weight.grad = torch.ones(1, 8)

    alike(lambda wrap: trained(wrap, momentum, clear="never", between=between))


def test_a_gradient_that_somebody_keeps_is_not_overwritten():
    def course(wrap):
        layer, kept = nn.Linear(2, 2), []

        def step(x):
            layer.zero_grad()
            layer(x).sum().backward()

        step = wrap(step)
        for k in range(6):
            step(torch.full((1, 2), float(k)))
            kept.append(layer.weight.grad)
        return kept

    alike(course, fullgraph=True)


def test_lr_and_settings_changed_by_hand():
    def between(k, model, optimizer):
        optimizer.param_groups[0]["lr"] = 0.1 / (k + 1)
        if k >= 4:
            optimizer.param_groups[0]["weight_decay"] = 0.01 * k
        if k == 6:
            optimizer.param_groups[0]["momentum"] = 0.5

    with eagerly():  # each other weight_decay is another program
        alike(lambda wrap: trained(wrap, momentum, between=between))


SCHEDULERS = {
    "step": lambda o: optim.lr_scheduler.StepLR(o, 2, 0.5),
    "cosine": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 5),
    "lambda": lambda o: optim.lr_scheduler.LambdaLR(o, lambda k: 1 / (k + 1)),
    "one cycle": lambda o: optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=12),
    "sequence": lambda o: optim.lr_scheduler.SequentialLR(o, [optim.lr_scheduler.ConstantLR(o), optim.lr_scheduler.ExponentialLR(o, 0.9)], [3]),
}  # fmt: skip


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers(name, inside):
    for make in (momentum, lambda p: optim.Adam(p, lr=0.01)):
        with eagerly() if name == "one cycle" else contextlib.nullcontext():  # it moves the momentum, which a program holds
            alike(lambda wrap, make=make: trained(wrap, make, steps=10, scheduler=SCHEDULERS[name], inside=inside))


def test_plateau_outside():
    def course(wrap):
        model = nn.Linear(2, 1)
        optimizer = optim.SGD(model.parameters(), lr=0.5)
        schedule = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).abs().mean()
            loss.backward()
            optimizer.step()
            return loss

        step, found = wrap(step), []
        for _ in range(8):
            loss = step(torch.randn(4, 2))
            schedule.step(loss.item())
            found += [loss, optimizer.param_groups[0]["lr"]]
        return found

    alike(course, fullgraph=True)


def test_scaled_and_clipped():
    def course(wrap):
        model = nn.Linear(3, 2)
        optimizer, scaler = optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=3)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            scaler.step(optimizer)
            scaler.update()
            return loss, norm

        step, found = wrap(step), []
        for k in range(9):
            x = torch.randn(4, 3)
            if k == 5:
                x[0] = float("inf")
            found += [step(x), model.weight.clone(), scaler.get_scale()]
        return found

    with eagerly():
        alike(course)


def test_accumulation_by_two_functions():
    def course(wrap):
        model = nn.Linear(3, 1)
        optimizer = optim.Adam(model.parameters(), lr=0.01)

        def accumulate(x):
            loss = model(x).square().mean() / 2
            loss.backward()
            return loss

        def update():
            optimizer.step()
            optimizer.zero_grad()

        accumulate, update, found = wrap(accumulate), wrap(update), []
        for _ in range(8):
            found += [accumulate(torch.randn(4, 3)) for _ in range(2)]
            update()
            found.append(model.weight.clone())
        return found

    alike(course, fullgraph=True)


def test_running_statistics_and_flips_of_training():
    def course(wrap):
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step, found = wrap(step), []
        for k in range(12):
            model.train(k % 5 != 4)
            found += [step(torch.randn(6, 3)), model[1].running_mean.clone(), model[1].num_batches_tracked.clone()]
        model[2].eval()
        return [*found, *[step(torch.randn(6, 3)) for _ in range(4)]]

    alike(course)


def test_frozen_and_thawed():
    def course(wrap):
        model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()

        step, found = wrap(step), []
        for k in range(14):
            model[0].requires_grad_(k // 5 % 2 == 0)
            step(torch.randn(4, 3))
            found += [model[0].weight.clone(), model[1].weight.clone(), model[0].weight.grad is None]
        return found

    alike(course)


def test_a_group_added_later():
    def course(wrap):
        a, b = nn.Linear(2, 2), nn.Linear(2, 2)
        optimizer = optim.SGD(a.parameters(), lr=0.1, momentum=0.9)

        def step(x):
            optimizer.zero_grad()
            b(a(x)).square().mean().backward()
            optimizer.step()

        step, found = wrap(step), []
        for k in range(10):
            if k == 5:
                optimizer.add_param_group({"params": b.parameters(), "lr": 0.05})
            step(torch.randn(4, 2))
            found += [a.weight.clone(), b.weight.clone()]
        return found

    alike(course)


def test_a_state_loaded_in_between():
    def course(wrap):
        model = nn.Linear(3, 1)
        optimizer = optim.Adam(model.parameters(), lr=0.05)

        def step(x):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()

        step, found, saved = wrap(step), [], None
        for k in range(12):
            if k == 4:
                saved = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
            if k == 8:
                model.load_state_dict(saved[0])
                optimizer.load_state_dict(saved[1])
            step(torch.randn(4, 3))
            found.append(model.weight.clone())
        return found

    alike(course)


# -------------------------------------------------------------------------------------------------------- what is reached by name


def test_replaced_parameters_attributes_and_cells():
    def course(wrap):
        class Scaled(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner, self.scale, self.sizes = nn.Linear(2, 2), 2.0, [1, 2]
                self.register_buffer("offset", torch.zeros(2))

            def forward(self, x):
                return self.inner(x) * self.scale + self.offset + self.sizes[0]

        model = Scaled()
        f, x, found = wrap(model), torch.ones(1, 2), []

        def four():
            found.extend([f(x) for _ in range(4)])

        four()
        model.scale = 3.0
        four()
        model.inner.weight = nn.Parameter(torch.ones(2, 2))
        four()
        model.offset = torch.full((2,), 7.0)
        four()
        model.sizes[0] = 9
        four()
        model.inner = nn.Linear(2, 2)
        four()
        model.inner.bias.data = torch.zeros(2)
        four()
        return found

    with eagerly():  # after so many changes
        alike(course)


def test_a_cell_and_a_global_that_change():
    def course(wrap):
        w, table = torch.ones(2), {"k": 1.0}
        scope = {"factor": 1.0}

        def f(x):
            return x * w * table["k"]

        exec("def g(x): return x * factor", scope)
        g, f, found = wrap(scope["g"]), wrap(f), []
        for k in range(12):
            if k == 4:
                w = torch.full((2,), 3.0)
            if k == 6:
                table["k"] = 5.0
            if k == 8:
                scope["factor"] = 4.0
            if k == 10:
                w.add_(1)
            found += [f(torch.ones(2)), g(torch.ones(2))]
        return found

    alike(course)


def test_attributes_of_plain_objects():
    def course(wrap):
        class Config:
            def __init__(self):
                self.factor = 2.0

        class Trainer:
            def __init__(self):
                self.config, self.hidden = Config(), torch.zeros(2)

            def step(self, x):
                return x * self.config.factor + self.hidden

        trainer = Trainer()
        step, found = wrap(trainer.step), []
        for k in range(12):
            if k == 4:
                trainer.config.factor = 3.0
            if k == 8:
                trainer.hidden = torch.ones(2)
            found.append(step(torch.ones(2)))
        return found

    alike(course)


def test_a_hidden_state_rebound_at_each_call():
    def course(wrap):
        class Cell(nn.Module):
            def __init__(self):
                super().__init__()
                self.h = torch.zeros(2)

            def forward(self, x):
                self.h = self.h * 0.5 + x
                return self.h * 2

        cell = Cell()
        f = wrap(cell)
        return [(f(torch.ones(2)), cell.h.clone()) for _ in range(8)]

    with eagerly():
        alike(course)


def test_a_counter_that_no_replay_would_advance():
    """A plain number that the function itself changes: it is seen, or it is one of the listed blind spots."""

    def course(wrap):
        class Counter(nn.Module):
            def __init__(self):
                super().__init__()
                self.calls = 0

            def forward(self, x):
                self.calls += 1
                return x * self.calls

        counter = Counter()
        f = wrap(counter)
        return [f(torch.ones(1)) for _ in range(8)] + [counter.calls]

    with eagerly():
        alike(course)


def drawing_of_python(wrap):
    random.seed(0)
    f = wrap(lambda x: x.flip(0) if random.random() < 0.5 else x * random.choice([1, 2, 3]))
    return [f(torch.arange(3.0)) for _ in range(12)]


def drawing_of_numpy(wrap):
    numpy.random.seed(0)
    f = wrap(lambda x: x * float(numpy.random.rand()))
    return [f(torch.ones(2)) for _ in range(8)]


def drawing_of_generators_of_one_s_own(wrap):
    mine, theirs = random.Random(0), numpy.random.default_rng(0)
    f = wrap(lambda x: x * mine.random() + theirs.random())
    return [f(torch.ones(2)) for _ in range(8)]


def stepping_an_iterator(wrap):
    counts, batches = iter(range(100)), iter(DataLoader(torch.arange(16.0), 2))
    f = wrap(lambda x: x * next(counts) + next(batches))
    return [f(torch.ones(2)) for _ in range(8)]


def given_an_iterator(wrap):
    counts = itertools.count()
    f = wrap(lambda x, counter: x * next(counter))
    return [f(torch.ones(2), counts) for _ in range(8)]


def giving_a_generator(wrap):
    def each(x):
        for k in range(3):
            yield x * k

    f = wrap(each)
    return [y for _ in range(6) for y in f(torch.ones(2))]


def giving_a_set(wrap):
    f, found = wrap(lambda x: (x * 2, {1, 2})), []
    for k in range(8):
        y, numbers = f(torch.ones(2))
        numbers.add(k + 5)
        found.append((y, sorted(numbers)))
    return found


@pytest.mark.parametrize("course", [
    drawing_of_python, drawing_of_numpy, drawing_of_generators_of_one_s_own, stepping_an_iterator, given_an_iterator,
    giving_a_generator, giving_a_set,
], ids=lambda f: f.__name__)  # fmt: skip
def test_what_python_gives_anew(course):
    """Numbers that others than torch draw, iterators, objects: no replay would give them again."""
    with eagerly():
        alike(course)


def test_a_file_that_is_written_to_is_no_iterator(tmp_path):
    with open(tmp_path / "log", "w") as log:
        f = torch.compile(lambda x: (x * 2, log.flush())[0], fullgraph=True)
        found = [f(torch.ones(2)).tolist() for _ in range(6)]
    assert found == [[2.0, 2.0]] * 6 and len(f.signatures) == 1


@pytest.mark.parametrize("zeros", [(0.0, -0.0), (-0.0, 0.0), (complex(0, -0.0), complex(0, 0))], ids=str)
def test_zeros_of_two_signs_are_two(zeros):
    def course(wrap):
        held = [zeros[0]]
        f, g = wrap(lambda x, by: 1 / (x * by)), wrap(lambda x: 1 / (x * held[0]))
        found = []
        for k in range(12):
            held[0] = zeros[k % 4 // 2]
            found += [torch.view_as_real(y) if y.is_complex() else y for y in (f(torch.ones(1), zeros[k % 2]), g(torch.ones(1)))]
        return found

    alike(course)


def test_hooks_are_not_forgotten():
    def course(wrap):
        layer, seen = nn.Linear(2, 2), []
        f, found = wrap(layer), []
        for k in range(10):
            if k == 4:
                handle = layer.register_forward_hook(lambda m, i, o: o * 2)
            if k == 8:
                handle.remove()
            found.append(f(torch.ones(1, 2)))
        return found, seen

    alike(course)


def test_hooks_that_keep_what_they_see():
    def course(wrap):
        layer, seen, means = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), {}, []
        layer[0].register_forward_hook(lambda m, i, o: seen.update(out=o.detach()))
        layer[1].register_forward_pre_hook(lambda m, i: means.append(i[0].mean().item()))
        f, found = wrap(layer), []
        for k in range(8):
            f(torch.full((1, 2), float(k)))
            found.append(seen["out"].clone())
        return found, means

    with eagerly():
        alike(course)


def test_arguments_of_other_kinds():
    """A dict, then nothing, a list, a tensor, a dict of another class."""

    def course(wrap):
        def f(x, extra):
            if extra is None:
                return x
            if isinstance(extra, dict):
                return x + extra["a"] * (1 if type(extra) is dict else 10)
            return x * (len(extra) if isinstance(extra, list) else extra)

        f, one = wrap(f), torch.ones(2)
        kinds = [{"a": one}, None, ["a"], {"a": one}, one, OrderedDict(a=one), defaultdict(list, a=one), [one], 3]
        return [f(one, extra) for extra in kinds * 3]

    with eagerly():
        alike(course)


def test_facts_among_the_results():
    f = torch.compile(lambda x: (x * 2, x.shape, x.dtype, x.device, x.stride()), fullgraph=True)
    for _ in range(4):
        y, *facts = f(torch.ones(2, 3))
        assert facts == [torch.Size([2, 3]), torch.float32, torch.device("cpu"), (3, 1)] and type(facts[0]) is torch.Size


def test_where_memory_is_ends_the_graph():
    def course(wrap):
        f, a, b = wrap(lambda x, y: x + 1 if x.data_ptr() == y.data_ptr() else x - 1), torch.ones(2), torch.ones(2)
        return [f(a, a if k % 2 else b) for k in range(10)]

    with eagerly():
        alike(course)


def test_gradient_hooks_run():
    def course(wrap):
        layer, seen = nn.Linear(2, 2), []

        def step(x):
            layer.zero_grad()
            layer(x).sum().backward()
            return layer.weight.grad

        step, found = wrap(step), []
        for k in range(10):
            if k == 4:
                handle = layer.weight.register_hook(lambda g: g * 3)
            if k == 8:
                handle.remove()
            found.append(step(torch.ones(1, 2)).clone())
        return found, seen

    with eagerly():
        alike(course)


# ------------------------------------------------------------------------------------------------------------- caches, positions


def cached(wrap, write, positions):
    keys = torch.zeros(8, 2)

    def f(x, position):
        write(keys, x, position)
        return keys.sum(0)

    f = wrap(f)
    return [(f(torch.full((1, 2), float(k + 1)), position), keys.clone()) for k, position in enumerate(positions)]


def test_a_cache_written_at_a_position_that_is_a_tensor():
    def write(keys, x, position):
        keys.index_copy_(0, position, x)

    alike(lambda wrap: cached(wrap, write, [torch.tensor([k]) for k in range(8)]), fullgraph=True)


def test_a_cache_written_at_plain_positions():
    def write(keys, x, position):
        keys.narrow(0, position, 1).copy_(x)

    alike(lambda wrap: cached(wrap, write, [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]), fullgraph=True)


def test_many_plain_positions_end_eagerly_with_one_warning():
    def f(x, position):
        return x[:position].sum()

    compiled = torch.compile(f)
    with pytest.warns(UserWarning, match="eagerly") as told:
        for position in range(20):
            for _ in range(3):
                assert compiled(torch.ones(20), position).item() == position
    assert len(told) == 1 and "test_pitfalls.py" in told[0].filename


# ------------------------------------------------------------------------------------------------------------ leaving the graph


def leaving(x):
    return {
        "item": lambda: x * x.sum().item(),
        "float": lambda: x * float(x.sum()),
        "bool": lambda: x * 2 if x.sum() > 1 else x,
        "tolist": lambda: x * x.tolist()[0],
        "numpy": lambda: torch.from_numpy(x.numpy() * 2),
        "nonzero": lambda: x[x > 1] * 2,
        "format": lambda: f"{x.sum():.1f}",
        "print": lambda: str(x),
    }


@pytest.mark.parametrize("name", leaving(None))
def test_leaving_the_graph(name):
    x = torch.tensor([1.0, 2.0])

    def f(x):
        return leaving(x)[name]()

    whole = torch.compile(f, fullgraph=True)
    whole(x)
    with pytest.raises(RuntimeError, match=r"the function can't be compiled as a whole\n.*test_pitfalls.py:\d+"):
        whole(x)

    def course(wrap):
        g = wrap(lambda x: leaving(x)[name]())
        return [g(torch.tensor([1.0, float(k)])) for k in range(8)]

    with pytest.warns(UserWarning, match=r"runs eagerly: .*test_pitfalls.py:\d+") as told:
        alike(course)
    assert len(told) == 1


def test_the_loss_as_a_number():
    """It may be returned; if the function uses it in an ``if``, it runs eagerly."""

    def course(wrap, looks=False):
        f = wrap(lambda x: ((y := (x * 2).sum().item()), looks and y > 3))
        return [f(torch.full((2,), float(k)))[0] for k in range(8)]

    alike(course, fullgraph=True)
    with pytest.warns(UserWarning, match="runs eagerly: item looks at"):
        alike(partial(course, looks=True))


# ----------------------------------------------------------------------------------------------------------------------- errors


def test_an_error_in_the_function_is_the_function_s_own():
    def course(wrap):
        state = torch.zeros(2)

        def f(x, bad):
            state.add_(1)
            if bad:
                raise ValueError("bad")
            return state + torch.rand(2)

        f, found = wrap(f), []
        for k in range(10):
            try:
                found.append(f(torch.ones(2), k % 3 == 2))
            except ValueError as error:
                found.append(str(error))
            found.append(state.clone())
        return found

    alike(course)


def test_an_index_out_of_range_changes_nothing():
    table, f = torch.ones(3, 2), torch.compile(lambda t, i: t[i] * 2, fullgraph=True)
    for _ in range(4):
        f(table, torch.tensor([0, 2]))
    with pytest.raises(IndexError, match="index"):
        f(table, torch.tensor([0, 7]))
    assert f(table, torch.tensor([0, -1])).tolist() == [[2.0, 2.0]] * 2


def test_a_failed_step_leaves_parameters_alone():
    def course(wrap):
        model, table = nn.Linear(2, 2), nn.Embedding(4, 2)
        optimizer = optim.SGD([*model.parameters(), *table.parameters()], lr=0.1)

        def step(i):
            optimizer.zero_grad()
            loss = model(table(i)).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step, found = wrap(step), []
        for k in range(8):
            try:
                found.append(step(torch.tensor([0, 9 if k == 5 else 1])))
            except IndexError:
                found.append("out of range")
            found += [model.weight.clone(), table.weight.clone()]
        return found

    alike(course)


# ------------------------------------------------------------------------------------------------------- threads, processes, forms


def test_threads_call_one_function_at_once():
    layer = nn.Linear(16, 16)
    f = torch.compile(lambda x: layer(x).tanh().sum(1), fullgraph=True)
    inputs = [torch.randn(8, 16) for _ in range(4)]
    expected = [layer(x).tanh().sum(1) for x in inputs]
    with torch.no_grad():
        for _ in range(3):
            f(inputs[0])
    wrong = []

    def work(k):
        with torch.no_grad():
            for _ in range(60):
                if not torch.allclose(f(inputs[k]), expected[k], atol=1e-5):
                    wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_threads_record_at_once():
    functions = [torch.compile(lambda x, k=k: x * k + 1, fullgraph=True) for k in range(4)]
    wrong = []

    def work(k):
        for n in range(30):
            x = torch.full((n % 3 + 1,), float(n))
            if functions[k](x).tolist() != [n * k + 1.0] * (n % 3 + 1):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_recursion():
    def course(wrap):
        def f(x, depth):
            return x if depth == 0 else again(x * 2, depth - 1) + 1

        again = wrap(f)
        return [again(torch.ones(2), 3) for _ in range(6)]

    alike(course)


def test_a_compiled_function_within_another():
    def course(wrap):
        layer = wrap(nn.Linear(2, 2))
        inner = wrap(lambda x: layer(x).relu())
        outer = wrap(lambda x: inner(x) * 2)
        return [outer(torch.ones(1, 2)) for _ in range(5)] + [inner(torch.ones(1, 2)) for _ in range(5)]

    alike(course, fullgraph=True)


def test_methods():
    def course(wrap):
        class Model:
            def __init__(self, k):
                self.k = torch.full((2,), float(k))

            @wrap
            def forward(self, x):
                return x * self.k

            @wrap
            @torch.no_grad()
            def infer(self, x):
                return x + self.k

        a, b = Model(2), Model(3)
        return [m.forward(torch.ones(2)) for m in (a, b, a, b, a, b, a, b)] + [m.infer(torch.ones(2)) for m in (a, b, a, b, a, b)]

    alike(course)


def test_a_compiled_function_in_a_fork():
    class Data(torch.utils.data.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, k):
            return f(torch.full((2,), float(k)))

    f = torch.compile(lambda x: x * 2 + 1, fullgraph=True)
    for _ in range(4):
        f(torch.ones(2))
    found = [batch for batch in torch.utils.data.DataLoader(Data(), batch_size=4, num_workers=1)]
    assert torch.cat(found)[:, 0].tolist() == [2.0 * k + 1 for k in range(8)]


def test_modules_are_copied_saved_and_pickled():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    compiled, x = torch.compile(net), torch.ones(1, 2)
    for _ in range(4):
        expected = compiled(x)
    assert list(compiled.state_dict()) == [f"_orig_mod.{name}" for name in net.state_dict()]
    twin = copy.deepcopy(compiled)
    assert twin._orig_mod is not net and torch.equal(twin(x), expected)
    with torch.no_grad():
        twin._orig_mod[0].weight.zero_()
    assert torch.equal(compiled(x), expected) and not torch.equal(twin(x), expected)
    again = pickle.loads(pickle.dumps(compiled))
    assert all([torch.equal(again(x), expected) for _ in range(4)])
    compiled.load_state_dict({name: torch.zeros_like(value) for name, value in compiled.state_dict().items()})
    assert compiled(x).item() == 0


def test_attributes_of_a_compiled_module_are_the_module_s():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.scale = nn.Linear(2, 2), 2.0
            self.register_buffer("shift", torch.ones(2))

        def forward(self, x):
            return self.inner(x) * self.scale + self.shift

    def course(wrap):
        model, x = Scaled(), torch.ones(1, 2)
        run, found = wrap(model), []
        changes = {
            3: lambda: setattr(run, "scale", 3.0), 6: lambda: setattr(run, "inner", nn.Linear(2, 2)),
            9: lambda: setattr(run, "shift", torch.zeros(2)), 12: lambda: setattr(run, "training", False),
        }  # fmt: skip
        for k in range(15):
            changes.get(k, lambda: None)()
            found.append((run(x), model.scale, model.training, run.training))
        run.later = 1
        del run.later
        return found, hasattr(model, "later"), model.train().training is run.training

    with eagerly():
        alike(course)


def test_disable_reset_and_is_compiling():
    seen = []

    def f(x):
        seen.append(torch.compiler.is_compiling())
        return x * 2

    g = torch.compile(f, disable=True)
    assert g(torch.ones(1)).item() == 2 and seen == [False]
    assert torch.compiler.disable(f)(torch.ones(1)).item() == 2
    torch.compiler.reset()
    with torch.compiler.set_stance("force_eager"):
        compiled = torch.compile(lambda x: x + 1)
        assert [compiled(torch.ones(1)).item() for _ in range(4)] == [2.0] * 4
    module = torch.compile(nn.Linear(1, 1), disable=True)
    assert [module(torch.ones(1, 1)).shape for _ in range(4)] == [(1, 1)] * 4


def test_modes_are_part_of_the_signature():
    def course(wrap):
        layer = nn.Linear(2, 2)
        f, x, found = wrap(layer), torch.ones(1, 2), []
        for k in range(16):
            if k % 4 == 0:
                found += [f(x), f(x).requires_grad]
            elif k % 4 == 1:
                with torch.no_grad():
                    found += [f(x), f(x).requires_grad]
            elif k % 4 == 2:
                with torch.inference_mode():
                    found += [f(x), f(x).is_inference()]
            else:
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    found += [f(x).float(), str(f(x).dtype)]
        return found

    alike(course)


def test_default_dtype_is_part_of_the_signature():
    def course(wrap):
        f, found = wrap(lambda x: x * torch.ones(2)), []
        try:
            for k in range(12):
                torch.set_default_dtype(torch.float64 if k // 4 % 2 else torch.float32)
                out = f(torch.ones(2, dtype=torch.float32))
                found += [out, str(out.dtype)]
        finally:
            torch.set_default_dtype(torch.float32)
        return found

    alike(course)


def test_draws_follow_the_generator_of_the_moment():
    def course(wrap):
        f, found = wrap(lambda x: x + torch.rand(2) + torch.randn_like(x)), []
        for k in range(8):
            if k in (3, 6):
                torch.manual_seed(k)
            found.append(f(torch.ones(2)))
        with torch.random.fork_rng():
            torch.manual_seed(1)
            found.append(f(torch.ones(2)))
        return [*found, f(torch.ones(2))]

    alike(course, fullgraph=True)


def test_a_generator_of_one_s_own():
    def course(wrap):
        own = torch.Generator().manual_seed(4)
        f = wrap(lambda x: x + torch.rand(2, generator=own))
        return [f(torch.ones(2)) for _ in range(8)] + [own.get_state().tolist()]

    alike(course)


def test_draws_of_other_kinds():
    def course(wrap):
        def f(x):
            return torch.randint(0, 9, (3,)), torch.randperm(5), torch.empty(3).uniform_(), x.normal_(), torch.bernoulli(torch.full((4,), 0.5), 0.3)

        f = wrap(f)
        return [f(torch.ones(4)) for _ in range(6)]

    alike(course, fullgraph=True)


def test_draws_that_read_tensors():
    p = torch.tensor([0.1, 0.2, 0.7])

    def course(wrap):
        alone, among = wrap(lambda p: torch.multinomial(p, 2)), wrap(lambda p: (torch.rand(2), torch.bernoulli(p), torch.rand(2)))
        return [(alone(p), among(p)) for _ in range(8)]

    alike(course, fullgraph=True)


def test_strides_and_dtypes_are_part_of_the_signature():
    def course(wrap):
        f, found = wrap(lambda x: (x * 2).sum(0)), []
        for _ in range(4):
            x = torch.arange(6.0).reshape(2, 3)
            found += [f(x), f(x.t()), f(x[:, ::2]), f(x.double()), f(x.to(torch.int64)), f(x[:0]), f(x.expand(2, 2, 3))]
        return found

    alike(course, fullgraph=True)


# ---------------------------------------------------------------------------------------------------- forward here, backward there


def test_two_forwards_before_one_backward():
    def course(wrap):
        layer = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Dropout(0.3), nn.Linear(4, 1))
        f, found = wrap(layer), []
        for _ in range(6):
            x = torch.randn(3, 2, requires_grad=True)
            a, b, c = f(x), f(x * 2), f(x + 1)
            layer.zero_grad()
            (b.sum() * 2).backward(retain_graph=True)
            (a * b).sum().backward()
            found += [x.grad, layer[0].weight.grad.clone(), c]
        return found

    alike(course, fullgraph=True)


def test_one_of_several_results_goes_backward():
    """What the others alone lead to gets no gradient, not one of zeros: an optimizer with weight decay leaves it alone."""

    def course(wrap):
        one, other, found = nn.Linear(2, 2), nn.Linear(2, 2), []
        f = wrap(lambda x: (one(x), other(x), x * 3))
        for k in range(12):
            x = torch.ones(1, 2, requires_grad=True)
            one.weight.grad = other.weight.grad = None
            f(x)[k % 3].sum().backward()
            found.append((one.weight.grad, other.weight.grad, x.grad))
        return found

    alike(course)


def test_results_with_a_graph_own_their_memory():
    def course(wrap):
        f, kept = wrap(nn.Linear(2, 2)), []
        for k in range(6):
            y = f(torch.full((1, 2), float(k)))
            y.sum().backward()
            kept.append(y)
        return kept

    alike(course, fullgraph=True)


def test_hooks_on_parameters_outside():
    def course(wrap):
        layer, seen = nn.Linear(2, 1), []
        f = wrap(layer)
        layer.weight.register_hook(lambda g: g * 2)
        layer.bias.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.item()))
        for _ in range(5):
            layer.zero_grad()
            f(torch.ones(3, 2)).sum().backward()
            seen.append(layer.weight.grad.clone())
        return seen

    alike(course)


def test_a_parameter_that_is_written_between_forward_and_backward():
    layer = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    f = torch.compile(layer)
    for _ in range(4):
        f(torch.ones(1, 2)).sum().backward()
    y = f(torch.ones(1, 2)).sum()
    with torch.no_grad():
        layer[1].weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_batch_norm_in_a_module():
    def course(wrap):
        net = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2))
        f, optimizer, found = wrap(net), optim.Adam(net.parameters(), lr=0.1), []
        for k in range(9):
            net.train(k % 4 != 3)
            optimizer.zero_grad()
            f(torch.randn(2, 1, 6, 6)).square().mean().backward()
            optimizer.step()
            found += [net[0].weight.clone(), net[1].running_var.clone(), net[1].num_batches_tracked.clone()]
        return found

    alike(course)


def test_gradients_of_gradients_outside():
    def course(wrap):
        net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
        f, found = wrap(net), []
        for _ in range(5):
            x = torch.randn(3, 2, requires_grad=True)
            (g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
            net.zero_grad()
            (g.norm() - 1).square().backward()
            found += [g, net[0].weight.grad.clone()]
        return found

    alike(course)


# ------------------------------------------------------------------------------------------------------------------------- check


def test_check_finds_what_a_replay_cannot_see():
    count = iter(range(100)).__next__

    def f(x):
        return x * count()

    checked = torch.compile(f, check=True)
    with pytest.raises(RuntimeError, match="result"):
        for _ in range(6):
            checked(torch.ones(2))


def test_check_passes_whole_steps():
    def course(wrap):
        return trained(wrap, lambda p: optim.Adam(p, lr=0.01))

    alike(course, check=True)
