"""Averaged weights against PyTorch's: the averages, the schedule's floats, batch norms' statistics, state_dicts both ways."""

import copy

import numpy
import pytest
import torch
from oracle import agree

import minitorch as mt

LIBRARIES = (torch, mt)


def network(lib):
    model = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4), lib.nn.Linear(4, 2)).double()
    filled = numpy.random.default_rng(0)
    with lib.no_grad():
        for p in model.parameters():
            p.copy_(lib.from_numpy(filled.standard_normal(tuple(p.shape))))
    return model


def train(lib, model, averaged, steps=6):
    optimizer = lib.optim.SGD(model.parameters(), lr=0.1)
    x = lib.linspace(-1, 1, 15, dtype=lib.float64).reshape(5, 3)
    for i in range(steps):
        optimizer.zero_grad()
        (model(x + i) ** 2).mean().backward()
        optimizer.step()
        averaged.update_parameters(model)


AVERAGES = {
    "plain": lambda u: {},
    "buffers too": lambda u: {"use_buffers": True},
    "swa": lambda u: {"avg_fn": u.get_swa_avg_fn()},
    "swa lists": lambda u: {"multi_avg_fn": u.get_swa_multi_avg_fn()},
    "ema": lambda u: {"avg_fn": u.get_ema_avg_fn(0.7)},
    "ema buffers": lambda u: {"avg_fn": u.get_ema_avg_fn(0.7), "use_buffers": True},
    "ema lists": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.9), "use_buffers": True},
    "largest": lambda u: {"avg_fn": lambda average, new, n: average.maximum(new) + 0 * n},
}


@pytest.mark.parametrize("name", AVERAGES)
def test_averages(name):
    def program(lib):
        model = network(lib)
        averaged = lib.optim.swa_utils.AveragedModel(model, **AVERAGES[name](lib.optim.swa_utils))
        train(lib, model, averaged)
        state = dict(averaged.state_dict())
        return state, averaged.eval()(lib.ones(2, 3).double()).detach(), [n for n, _ in averaged.named_parameters()]

    agree(program)


def test_batch_norms_get_the_averages_statistics():
    def program(lib):
        model = network(lib)
        averaged = lib.optim.swa_utils.AveragedModel(model)
        train(lib, model, averaged)
        averaged.eval()
        batches = [lib.arange(12.0, dtype=lib.float64).reshape(4, 3) * i for i in (1, -2, 3)]
        lib.optim.swa_utils.update_bn([(batches[0], "label"), [batches[1]], batches[2]], averaged)
        return dict(averaged.state_dict()), averaged.training, averaged.module[1].momentum

    agree(program)


def test_without_batch_norm_nothing_is_run():
    model = mt.nn.Linear(2, 2)
    mt.optim.swa_utils.update_bn([None], model)  # would raise if it were


def made(lib, *arguments, **options):
    weights = [lib.ones(n).requires_grad_() for n in (2, 3)]
    optimizer = lib.optim.SGD([{"params": weights[:1]}, {"params": weights[1:], "lr": 0.05}], lr=0.2)
    return optimizer, lib.optim.swa_utils.SWALR(optimizer, *arguments, **options)


SCHEDULES = [
    {"swa_lr": 0.03}, {"swa_lr": [0.03, 0.3], "anneal_epochs": 7}, {"swa_lr": 0.03, "anneal_strategy": "linear"},
    {"swa_lr": (0.01, 0.02), "anneal_strategy": "linear", "anneal_epochs": 1}, {"swa_lr": 0.5, "anneal_epochs": 0},
]  # fmt: skip


@pytest.mark.parametrize("options", SCHEDULES, ids=str)
def test_every_float_of_the_schedule(options):
    courses = []
    for lib in LIBRARIES:
        optimizer, schedule = made(lib, **options)
        courses.append([schedule.get_last_lr()])
        for _ in range(30):
            optimizer.step()
            schedule.step()
            courses[-1].append((schedule.get_last_lr(), [group["swa_lr"] for group in optimizer.param_groups]))
    assert courses[0] == courses[1]


@pytest.mark.parametrize("options", SCHEDULES, ids=str)
def test_the_schedules_state_goes_both_ways(options):
    sides = [made(lib, **options) for lib in LIBRARIES]
    for optimizer, schedule in sides:
        for _ in range(4):
            optimizer.step()
            schedule.step()
    states = [copy.deepcopy(schedule.state_dict()) for _, schedule in sides]
    assert states[0] == states[1]
    for (_, schedule), state in zip(sides, reversed(states), strict=True):
        schedule.load_state_dict(state)
    for _ in range(9):
        for optimizer, schedule in sides:
            optimizer.step()
            schedule.step()
        assert sides[0][1].get_last_lr() == sides[1][1].get_last_lr()


ERRORS = {
    "strategy": lambda lib: made(lib, 0.1, anneal_strategy="square"),
    "epochs": lambda lib: made(lib, 0.1, anneal_epochs=-1),
    "epochs not whole": lambda lib: made(lib, 0.1, anneal_epochs=1.5),
    "decay": lambda lib: lib.optim.swa_utils.get_ema_avg_fn(1.5),
    "decay of lists": lambda lib: lib.optim.swa_utils.get_ema_multi_avg_fn(-0.1),
    "two functions": lambda lib: lib.optim.swa_utils.AveragedModel(lib.nn.Linear(1, 1), avg_fn=max, multi_avg_fn=max),
    "rates for three": lambda lib: made(lib, [0.1, 0.2, 0.3]),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    agree(ERRORS[case])
