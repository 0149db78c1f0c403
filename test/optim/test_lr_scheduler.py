"""Every schedule against PyTorch's: the very same floats, epoch by epoch, and state_dicts both ways."""

import copy
import gc
import warnings
import weakref

import pytest
import torch

import minitorch as mt

torch.set_num_threads(1)

LIBRARIES = (torch, mt)


class Bump:
    """A function with a state, which a state_dict must carry."""

    def __init__(self, height):
        self.height, self.last = height, None

    def __call__(self, x):
        self.last = x
        return self.height / (1 + x)


def halves(epoch):
    return 0.5**epoch


def wave(epoch):
    return 1.0 + 0.1 * (-1) ** epoch


# One row: a name, the optimizer that it needs (else SGD), and what makes the schedule of it.
SCHEDULES = {
    "lambda": lambda s, o: s.LambdaLR(o, halves),
    "lambda each": lambda s, o: s.LambdaLR(o, [halves, wave]),
    "lambda object": lambda s, o: s.LambdaLR(o, [Bump(0.7), wave]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, wave),
    "multiplicative each": lambda s, o: s.MultiplicativeLR(o, (wave, Bump(3.0))),
    "step": lambda s, o: s.StepLR(o, 7),
    "step of 3": lambda s, o: s.StepLR(o, step_size=3, gamma=0.7),
    "multistep": lambda s, o: s.MultiStepLR(o, [5, 12, 12, 30], gamma=0.3),
    "constant": lambda s, o: s.ConstantLR(o),
    "constant half": lambda s, o: s.ConstantLR(o, factor=0.47, total_iters=9),
    "linear": lambda s, o: s.LinearLR(o),
    "linear down": lambda s, o: s.LinearLR(o, start_factor=0.9, end_factor=0.07, total_iters=23),
    "exponential": lambda s, o: s.ExponentialLR(o, gamma=0.93),
    "polynomial": lambda s, o: s.PolynomialLR(o),
    "polynomial 1.7": lambda s, o: s.PolynomialLR(o, total_iters=31, power=1.7),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=50),
    "cosine again": lambda s, o: s.CosineAnnealingLR(o, T_max=7, eta_min=1e-3),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 9),
    "restarts longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=4, T_mult=3, eta_min=0.01),
    "cyclic": lambda s, o: s.CyclicLR(o, base_lr=0.01, max_lr=0.3, step_size_up=7),
    "cyclic each": lambda s, o: s.CyclicLR(
        o, [0.01, 0.02], [0.3, 0.1], 5, 9, mode="triangular2", base_momentum=[0.7, 0.6], max_momentum=0.97
    ),
    "cyclic exp": lambda s, o: s.CyclicLR(o, 0.01, 0.3, 6, mode="exp_range", gamma=0.97, cycle_momentum=False),
    "cyclic own": lambda s, o: s.CyclicLR(o, 0.01, 0.3, 6, scale_fn=wave, scale_mode="iterations"),
    "cyclic object": lambda s, o: s.CyclicLR(o, 0.01, 0.3, 6, scale_fn=Bump(0.9)),
    "cyclic adam": lambda s, o: s.CyclicLR(o, 0.01, 0.3, 6),
    "onecycle": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=60),
    "onecycle linear": lambda s, o: s.OneCycleLR(o, [0.5, 0.3], epochs=6, steps_per_epoch=11, anneal_strategy="linear"),
    "onecycle three": lambda s, o: s.OneCycleLR(
        o, 0.5, total_steps=61, three_phase=True, pct_start=0.41, div_factor=7.0, final_div_factor=13.0
    ),
    "onecycle still": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=60, cycle_momentum=False),
    "onecycle adam": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=60, base_momentum=0.6),
    "sequential": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, total_iters=20), s.ExponentialLR(o, 0.9)], milestones=[11]
    ),
    "sequential of three": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.01, total_iters=8), s.CosineAnnealingLR(o, 20), s.StepLR(o, 4)], milestones=[8, 28]
    ),
    "sequential of lambda": lambda s, o: s.SequentialLR(o, [s.LambdaLR(o, Bump(1.0)), s.PolynomialLR(o, 30)], [9]),
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, total_iters=4), s.ExponentialLR(o, 0.9)]),
    "chained of sequential": lambda s, o: s.ChainedScheduler(
        [s.SequentialLR(o, [s.LinearLR(o), s.StepLR(o, 9)], [5]), s.MultiplicativeLR(o, wave)], optimizer=o
    ),
}

PLATEAUS = {
    "plateau": {},
    "plateau patient": {"patience": 2, "factor": 0.3, "cooldown": 3},
    "plateau max": {"mode": "max", "patience": 1},
    "plateau abs": {"threshold_mode": "abs", "threshold": 0.05, "patience": 1, "min_lr": [0.02, 0.001]},
    "plateau max abs": {"mode": "max", "threshold_mode": "abs", "threshold": 0.05, "patience": 0, "min_lr": 0.01},
    "plateau eps": {"patience": 0, "eps": 0.01},
}

METRICS = [1.0, 0.9, 0.91, 0.89, 0.895, 0.8995, 0.7, 0.71, 0.72, 0.69, 0.6899999, 0.7, 0.8, 0.9, 1.0, 0.2] * 4


def optimizer_for(lib, name, **options):
    a, b = [lib.ones(n).requires_grad_() for n in (2, 3)]
    algorithm = lib.optim.Adam if "adam" in name else lib.optim.SGD
    if algorithm is lib.optim.SGD:
        options.setdefault("momentum", 0.9)
    return algorithm([{"params": [a]}, {"params": [b], "lr": 0.05}], **{"lr": 0.2, **options})


def made(lib, name, **options):
    optimizer = optimizer_for(lib, name, **options)
    if name in PLATEAUS:
        return optimizer, lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **PLATEAUS[name])
    return optimizer, SCHEDULES[name](lib.optim.lr_scheduler, optimizer)


def numbers(optimizer, schedule):
    """All that a schedule may have written."""
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    return groups, schedule.get_last_lr(), schedule.__dict__.get("last_epoch")


def course(optimizer, schedule, steps, start=0):
    for i in range(start, start + steps):
        optimizer.step()
        if "Plateau" in type(schedule).__name__:
            schedule.step(METRICS[i])
        else:
            schedule.step()
        yield copy.deepcopy(numbers(optimizer, schedule))


ALL = [*SCHEDULES, *PLATEAUS]


@pytest.mark.parametrize("name", ALL)
def test_every_float_is_pytorchs(name):
    expected, actual = made(torch, name), made(mt, name)
    assert numbers(*expected) == numbers(*actual)

    steps = 59 if "onecycle" in name else 64
    seen = set()
    for e, a in zip(course(*expected, steps), course(*actual, steps), strict=True):
        assert e == a
        seen.add(tuple(e[1]))
    assert len(seen) > 1


def plain(tree):
    """A state_dict with the methods in it (PyTorch keeps some) left out."""
    if isinstance(tree, dict):
        return {k: plain(v) for k, v in tree.items() if not callable(v)}
    if isinstance(tree, list):
        return [plain(v) for v in tree]
    return tree


@pytest.mark.parametrize("name", ALL)
def test_state_dicts_go_both_ways(name):
    theirs, ours = made(torch, name), made(mt, name)
    list(course(*theirs, 13))
    list(course(*ours, 13))
    saved = [copy.deepcopy(plain(schedule.state_dict())) for _, schedule in (theirs, ours)]
    assert saved[0] == saved[1]

    # Each goes on, in new objects, from what the other one saved.
    expected = list(course(*made(torch, name), 33))[13:]
    for lib, state, other in (mt, saved[0], theirs), (torch, saved[1], ours):
        optimizer, schedule = made(lib, name)
        for group, old in zip(optimizer.param_groups, other[0].param_groups, strict=True):
            group.update({k: copy.deepcopy(v) for k, v in old.items() if k != "params"})
        unchanged = copy.deepcopy(state)
        schedule.load_state_dict(state)
        assert state == unchanged or lib is torch
        assert list(course(optimizer, schedule, 20, start=13)) == expected


CLOSED = ["step", "step of 3", "multistep", "constant half", "linear down", "exponential", "polynomial 1.7", "cosine",
          "cosine again", "lambda", "cyclic", "onecycle"]  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_stepping_to_an_epoch(name):
    results = []
    for lib in LIBRARIES:
        optimizer, schedule = made(lib, name)
        optimizer.step()
        results.append([])
        for epoch in (4, 9, 2, 0, 25):
            with pytest.warns(UserWarning, match=r"The epoch parameter in `scheduler.step\(\)` was not necessary"):
                schedule.step(epoch)
            results[-1].append(numbers(optimizer, schedule))
    assert results[0] == results[1]


def test_restarts_step_by_fractions_of_an_epoch():
    for name in "restarts", "restarts longer":
        results = []
        for lib in LIBRARIES:
            optimizer, schedule = made(lib, name)
            results.append([])
            for i in range(120):
                schedule.step(i / 3)
                results[-1].append((numbers(optimizer, schedule), schedule.T_cur, schedule.T_i))
        assert results[0] == results[1]


def test_plateau_with_an_epoch_and_a_tensor():
    results = []
    for lib in LIBRARIES:
        optimizer, schedule = made(lib, "plateau patient")
        for epoch in range(5):
            with pytest.warns(UserWarning, match="The epoch parameter"):
                schedule.step(lib.tensor(1.0), epoch=3 * epoch)
        results.append((numbers(optimizer, schedule), schedule.in_cooldown))
    assert results[0] == results[1]


def test_plateau_after_a_group_was_added():
    results = []
    for lib in LIBRARIES:
        optimizer, schedule = made(lib, "plateau max abs")
        optimizer.add_param_group({"params": [lib.ones(4).requires_grad_()], "lr": 0.7})
        for value in (1.0, 1.0, 1.0):
            schedule.step(value)
        results.append(numbers(optimizer, schedule))
    assert results[0] == results[1]


LAST_EPOCH = {
    "lambda": lambda s, o: s.LambdaLR(o, halves, last_epoch=6),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, wave, last_epoch=6),
    "step of 3": lambda s, o: s.StepLR(o, 3, 0.7, last_epoch=6),
    "multistep": lambda s, o: s.MultiStepLR(o, [7, 12], last_epoch=6),
    "constant": lambda s, o: s.ConstantLR(o, total_iters=8, last_epoch=6),
    "linear": lambda s, o: s.LinearLR(o, total_iters=12, last_epoch=6),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9, last_epoch=6),
    "polynomial 1.7": lambda s, o: s.PolynomialLR(o, 20, 1.7, last_epoch=6),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 20, last_epoch=6),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, last_epoch=6),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.3, 6, last_epoch=6),
    "onecycle": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=60, last_epoch=6),
}


@pytest.mark.parametrize("name", LAST_EPOCH)
def test_going_on_from_last_epoch(name):
    results = []
    for lib in LIBRARIES:
        optimizer = optimizer_for(lib, name)
        for group in optimizer.param_groups:
            group.update(initial_lr=0.4, max_lr=0.5, min_lr=1e-4, base_momentum=0.8, max_momentum=0.95)
        schedule = LAST_EPOCH[name](lib.optim.lr_scheduler, optimizer)
        results.append([numbers(optimizer, schedule), *course(optimizer, schedule, 20)])
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ["lambda", "step of 3", "linear", "exponential", "cosine again", "plateau patient",
                                  "sequential", "chained", "restarts"])  # fmt: skip
def test_a_rate_that_is_a_tensor_is_written_in_place(name):
    results = []
    for lib in LIBRARIES:
        rate = lib.tensor(0.25, dtype=lib.float64)
        optimizer = lib.optim.SGD([lib.ones(2).requires_grad_()], lr=rate)
        make = SCHEDULES.get(name) or (lambda s, o: s.ReduceLROnPlateau(o, **PLATEAUS[name]))
        schedule = make(lib.optim.lr_scheduler, optimizer)
        results.append([])
        for i in range(20):
            optimizer.step()
            schedule.step(*[METRICS[i]] * (name in PLATEAUS))
            assert optimizer.param_groups[0]["lr"] is rate
            assert schedule.get_last_lr()[0] is not rate
            results[-1].append((rate.item(), schedule.get_last_lr()[0].item()))
    for e, a in zip(*results, strict=True):
        assert a == pytest.approx(e, rel=1e-14)


# ------------------------------------------------------------------------------------------------------------- warnings


def messages(lib, use):
    optimizer = optimizer_for(lib, "sgd")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        use(optimizer, lib.optim.lr_scheduler)
    return [(w.category, str(w.message).split(". ")[0].split("` before `")[0]) for w in found]


def in_order(optimizer, s):
    schedule = s.StepLR(optimizer, 3)
    optimizer.step()
    schedule.step()
    schedule.step()


def too_early(optimizer, s):
    schedule = s.StepLR(optimizer, 3)
    schedule.step()
    schedule.step()


def stepped_before(optimizer, s):
    optimizer.step()
    s.StepLR(optimizer, 3).step()


def second_schedule(optimizer, s):
    s.StepLR(optimizer, 3)
    optimizer.step()
    s.ExponentialLR(optimizer, 0.9).step()


def step_replaced(optimizer, s):
    schedule = s.StepLR(optimizer, 3)
    optimizer.step = lambda: None
    optimizer.step()
    schedule.step()


def get_lr_outside(optimizer, s):
    s.StepLR(optimizer, 3).get_lr()
    s.LambdaLR(optimizer, halves).get_lr()


@pytest.mark.parametrize("use", [in_order, too_early, stepped_before, second_schedule, step_replaced, get_lr_outside])
def test_warnings(use):
    assert messages(torch, use) == messages(mt, use)


# --------------------------------------------------------------------------------------------------------------- errors

ERRORS = {
    "not an optimizer": lambda s, o: s.StepLR("sgd", 3),
    "plateau: not an optimizer": lambda s, o: s.ReduceLROnPlateau(3),
    "cyclic: not an optimizer": lambda s, o: s.CyclicLR(None, 0.1, 0.2),
    "onecycle: not an optimizer": lambda s, o: s.OneCycleLR(None, 0.1, 10),
    "no initial_lr": lambda s, o: s.StepLR(o, 3, last_epoch=4),
    "base": lambda s, o: s.LRScheduler(o),
    "lambda: lengths": lambda s, o: s.LambdaLR(o, [halves]),
    "multiplicative: lengths": lambda s, o: s.MultiplicativeLR(o, [halves] * 3),
    "multiplicative: a number": lambda s, o: s.MultiplicativeLR(o, 0.5),
    "verbose is gone": lambda s, o: s.StepLR(o, 3, verbose=True),
    "constant": lambda s, o: s.ConstantLR(o, factor=1.5),
    "linear start": lambda s, o: s.LinearLR(o, start_factor=0),
    "linear end": lambda s, o: s.LinearLR(o, end_factor=-1),
    "restarts T_0": lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
    "restarts T_mult": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=1.5),
    "restarts eta_min": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, eta_min="0"),
    "restarts epoch": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3).step(-1),
    "cyclic mode": lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="round"),
    "cyclic lengths": lambda s, o: s.CyclicLR(o, [0.1], 0.2),
    "onecycle steps": lambda s, o: s.OneCycleLR(o, 0.1),
    "onecycle total": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=0),
    "onecycle epochs": lambda s, o: s.OneCycleLR(o, 0.1, epochs=-1, steps_per_epoch=3),
    "onecycle per epoch": lambda s, o: s.OneCycleLR(o, 0.1, epochs=1, steps_per_epoch=2.5),
    "onecycle pct": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=5, pct_start=2),
    "onecycle strategy": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=5, anneal_strategy="log"),
    "onecycle lengths": lambda s, o: s.OneCycleLR(o, [0.1] * 3, total_steps=5),
    "onecycle too far": lambda s, o: [s.OneCycleLR(o, 0.1, total_steps=5, last_epoch=-1)._update_lr(6)],
    "plateau factor": lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
    "plateau mode": lambda s, o: s.ReduceLROnPlateau(o, mode="mean"),
    "plateau threshold": lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"),
    "plateau lengths": lambda s, o: s.ReduceLROnPlateau(o, min_lr=[1]),
    "sequential none": lambda s, o: s.SequentialLR(o, [], []),
    "sequential milestones": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 3)], [2]),
    "sequential part": lambda s, o: s.SequentialLR(o, [3], []),
    "sequential plateau": lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
    "sequential other": lambda s, o: s.SequentialLR(type(o)(o.param_groups[0]["params"]), [s.StepLR(o, 3)], []),
    "chained none": lambda s, o: s.ChainedScheduler([]),
    "chained plateau": lambda s, o: s.ChainedScheduler([s.StepLR(o, 3), s.ReduceLROnPlateau(o)]),
}


def raised(lib, case):
    with pytest.raises(Exception) as found:  # noqa: B017  (which one is what is compared)
        ERRORS[case](lib.optim.lr_scheduler, optimizer_for(lib, "sgd"))
    return found.type, str(found.value).replace("\\n", "\n").split("\n")[0]


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    assert raised(torch, case) == raised(mt, case)


def test_momentum_is_needed_to_cycle_it():
    for lib in LIBRARIES:
        optimizer = lib.optim.Adagrad([lib.ones(2).requires_grad_()])
        for make in (lambda s, o: s.CyclicLR(o, 0.1, 0.2), lambda s, o: s.OneCycleLR(o, 0.1, 10)):
            with pytest.raises(ValueError, match="optimizer must support momentum or beta1 with `cycle_momentum`"):
                make(lib.optim.lr_scheduler, optimizer)


def test_a_schedule_of_ones_own():
    """Written as PyTorch's users do it, over get_lr."""
    results = []
    for lib in LIBRARIES:

        class Warm(lib.optim.lr_scheduler._LRScheduler):
            def __init__(self, optimizer, n):
                self.n = n
                super().__init__(optimizer)

            def get_lr(self):
                return [lr * min(1.0, (self.last_epoch + 1) / self.n) for lr in self.base_lrs]

        optimizer = optimizer_for(lib, "sgd")
        results.append([*course(optimizer, Warm(optimizer, 4), 6)])
    assert results[0] == results[1]


def test_schedules_make_no_cycle():
    gc.disable()
    try:
        optimizer, schedule = made(mt, "cosine")
        list(course(optimizer, schedule, 3))
        references = weakref.ref(optimizer), weakref.ref(schedule)
        del optimizer, schedule
        assert [r() for r in references] == [None, None]
    finally:
        gc.enable()
