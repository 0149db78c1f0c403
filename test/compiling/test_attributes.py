"""What of an object is watched: whatever the code in reach may look up by name, and no counters beside it."""

import math
import types
from dataclasses import dataclass
from functools import cached_property, partial

import pytest

import minitorch as torch
from minitorch import nn

helpers = types.ModuleType("helpers")
exec("def scaled(x, of):\n    return x * deeper(of)\ndef deeper(of):\n    return of.hidden", vars(helpers))


def outside(of):
    return of.scale


@dataclass
class Settings:
    scale: float = 2.0
    rounds: int = 1


class Callable:
    def __init__(self):
        self.scale = 2.0

    def __call__(self, x):
        return x * self.scale


class Holder:
    """Something with numbers, which each way below looks up by other means."""

    def __init__(self):
        self.scale = self.hidden = self.steps = 2.0
        self.settings, self.called, self.bound = Settings(), Callable(), partial(Holder.plain, self)
        self.function = lambda x: x * self.hidden
        self.kept = {"scale": 2.0}

    @property
    def doubled(self):
        return self.hidden * 2

    @cached_property
    def once(self):
        return 3.0

    def __mul__(self, x):
        return x * self.hidden

    def plain(self, x):
        return x * self.scale

    def by_method(self, x):
        return self.plain(x)

    def by_property(self, x):
        return x * self.doubled

    def by_cached_property(self, x):
        return x * self.once * self.scale

    def by_operator(self, x):
        return self * x

    def by_function(self, x):
        return x * outside(self)

    def by_lambda(self, x):
        return self.function(x)

    def by_module(self, x):
        return helpers.scaled(x, self)

    def by_settings(self, x):
        return x * self.settings.scale

    def by_called(self, x):
        return self.called(x)

    def by_partial(self, x):
        return self.bound(x)

    def by_getattr(self, x):
        return x * getattr(self, "sca" + "le")

    def by_dict(self, x):
        return x * self.__dict__["scale"]

    def by_nested(self, x):
        return [x * self.scale for _ in range(1)][0]

    def by_entry(self, x):
        return x * self.kept["scale"]

    def by_builtin(self, x):
        return x * math.sqrt(self.scale)

    def by_class(self, x):
        return Reader(self).read(x)

    def by_subclass(self, x):
        return Below().scaled(x, self)


class Indexed(Holder):
    def __getitem__(self, key):
        return vars(self)[key]

    def by_item(self, x):
        return x * self["scale"]


class Reader:
    def __init__(self, of):
        self.number = of.hidden

    def read(self, x):
        return x * self.number


class Above:
    def scaled(self, x, of):
        return x * of.scale


class Below(Above):
    def scaled(self, x, of):
        return super().scaled(x, of)


WAYS = [name for name in dir(Indexed) if name.startswith("by_")]
CHANGES = {
    "by_property": "hidden", "by_operator": "hidden", "by_lambda": "hidden", "by_module": "hidden", "by_class": "hidden",
    "by_settings": "settings.scale", "by_called": "called.scale", "by_entry": "kept[scale]",
}  # fmt: skip


def set_to(holder, place, value):
    if place.endswith("]"):
        holder.kept["scale"] = value
        return
    *path, name = place.split(".")
    for part in path:
        holder = getattr(holder, part)
    setattr(holder, name, value)


@pytest.mark.parametrize("way", WAYS)
def test_a_number_that_is_looked_up_is_watched(way):
    kind, x = Indexed if way == "by_item" else Holder, torch.ones(2)
    holder = kind()
    run = torch.compile(getattr(holder, way))
    for _ in range(4):
        run(x)
    for value in (5.0, 7.0):
        set_to(holder, CHANGES.get(way, "scale"), value)
        assert torch.equal(run(x), getattr(holder, way)(x))
    assert run(x)[0].item() != getattr(kind(), way)(x)[0].item()


class Trainer:
    """With counters that only its own loop knows."""

    def __init__(self):
        self.net, self.count, self.losses, self.epoch = nn.Linear(2, 1), 0, [], {"number": 0}
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.1)
        self.step = torch.compile(self._step, fullgraph=True)

    def _step(self, x):
        loss = self.net(x).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self, rounds):
        for _ in range(rounds):
            self.count += 1
            self.losses.append(self.step(torch.ones(3, 2)))
            self.epoch["number"] = self.count
            self.latest = self.losses[-1]


def test_counters_that_no_code_in_reach_names_change_nothing():
    trainer = Trainer()
    trainer.fit(12)
    (signature,) = trainer.step.signatures.values()
    assert len(signature.programs) == 1 and trainer.count == 12 and trainer.losses[-1] < trainer.losses[0]


class Counted(nn.Module):
    """A module with a counter that only its caller knows, and a number that its forward reads."""

    def __init__(self):
        super().__init__()
        self.layer, self.global_step, self.scale = nn.Linear(2, 2), 0, 2.0

    def forward(self, x):
        return self.layer(x) * self.scale


def test_counters_in_modules_change_nothing_either():
    module, x = Counted(), torch.ones(1, 2)
    run = torch.compile(module, fullgraph=True)
    for _ in range(12):
        run(x)
        module.global_step += 1
    (signature,) = run._compiled.signatures.values()
    assert len(signature.programs) == 1
    module.scale = 5.0
    assert torch.allclose(run(x), module(x))


def test_a_counter_that_a_forward_counts_is_counted():
    class Counting(Counted):
        def forward(self, x):
            self.global_step += 1
            return super().forward(x)

    module = Counting()
    run = torch.compile(module)
    for _ in range(8):
        run(torch.ones(1, 2))
    assert module.global_step == 8


def test_an_attribute_that_the_function_makes_is_noticed():
    class Keeper:
        def step(self, x):
            self.latest = x * 2
            return self.latest + 1

    keeper = Keeper()
    run = torch.compile(keeper.step)
    for k in range(8):
        assert run(torch.full((1,), float(k))).item() == 2 * k + 1
        assert keeper.latest.item() == 2 * k
    assert run.explain(measure=False).answers
