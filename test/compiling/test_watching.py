"""What a compiled function reaches, changed in every way that Python knows: the next call sees it. And what doesn't matter
to it, changed at each call: the program stays."""

import copy
import functools
import io
import types
import warnings
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass

import numpy as np
import pytest
import torch as oracle

import minitorch as torch
from minitorch import nn, optim

X = torch.arange(4.0)


def ones():
    return torch.ones(4)


def zeros():
    return torch.zeros(4)


def made(text, **scope):
    """A module of functions, written down here."""
    module = types.ModuleType("written")
    module.__dict__.update(scope)
    exec(text, module.__dict__)
    return module


# ------------------------------------------------------------------------------------------- a thing, and what changes it


def a_list():
    held = [ones(), 2.0]
    return lambda x: x * held[0] * held[1], [lambda: held.__setitem__(0, zeros()), lambda: held.__setitem__(1, 5.0)]


def a_dict():
    held = {"w": ones(), "k": 2.0, "inner": {"w": ones()}, "rows": [[ones()]]}
    changes = [
        lambda: held.update(w=zeros()),
        lambda: held.__setitem__("k", 5.0),
        lambda: held["inner"].update(w=zeros()),
        lambda: held["rows"][0].__setitem__(0, zeros()),
    ]
    return lambda x: x * held["w"] * held["k"] + held["inner"]["w"] * held["rows"][0][0], changes


def a_growing_list():
    held = [ones(), ones()]
    return lambda x: functools.reduce(torch.add, held, x), [lambda: held.append(ones()), lambda: held.pop()]


def a_dict_by_tensors():
    w, held = ones(), defaultdict(list)
    held[w].append(ones())
    return lambda x: x * held[w][0], [lambda: held[w].__setitem__(0, zeros())]


def a_deque():
    held = deque([ones()])
    return lambda x: x * held[0], [lambda: held.__setitem__(0, zeros())]


@dataclass
class Settings:
    w: object
    k: float


def an_object():
    thing = Settings(ones(), 2.0)
    return lambda x: x * thing.w * thing.k, [lambda: setattr(thing, "w", zeros()), lambda: setattr(thing, "k", 5.0)]


def an_object_in_an_object():
    thing = types.SimpleNamespace(config=types.SimpleNamespace(k=2.0))
    return lambda x: x * thing.config.k, [lambda: setattr(thing.config, "k", 3.0)]


def slots():
    class Thing:
        __slots__ = ("w",)

    thing = Thing()
    thing.w = ones()
    return lambda x: x * thing.w, [lambda: setattr(thing, "w", zeros())]


def what_a_class_holds():
    class Thing:
        w, k = ones(), 2.0

    return lambda x: x * Thing.w * Thing.k, [lambda: setattr(Thing, "w", zeros()), lambda: setattr(Thing, "k", 7.0)]


def what_an_object_hides_of_its_class():
    class Thing:
        k = 2.0

    thing = Thing()
    return lambda x: x * thing.k, [lambda: setattr(thing, "k", 7.0)]


def a_name_asked_for():
    thing = types.SimpleNamespace()
    return lambda x: x * 3 if hasattr(thing, "extra") else x, [lambda: setattr(thing, "extra", 1)]


def made_up_names():
    class Thing:
        def __init__(self):
            self.held = {"k": 2.0}

        def __getattr__(self, name):
            return self.__dict__["held"][name]

    thing = Thing()
    return lambda x: x * thing.k, [lambda: thing.held.update(k=4.0)]


def a_method_of_a_method():
    module = made("class T:\n def step(s, x): return s.other(x)\n def other(s, x): return x * k", k=2.0)
    return module.T().step, [lambda: setattr(module, "k", 9.0)]


def a_call_of_an_object():
    module = made("class T:\n def __call__(s, x): return x * k", k=2.0)
    thing = module.T()
    return lambda x: thing(x), [lambda: setattr(module, "k", 9.0)]


def a_property():
    module = made("class T:\n @property\n def k(s): return factor", factor=2.0)
    thing = module.T()
    return lambda x: x * thing.k, [lambda: setattr(module, "factor", 9.0)]


def a_static_method():
    module = made("class T:\n @staticmethod\n def f(x): return x * k", k=2.0)
    return lambda x: module.T.f(x), [lambda: setattr(module, "k", 9.0)]


def another_file():
    module = made("def f(x): return x * k", k=2.0, j=1.0)
    return lambda x: module.f(x) + module.j, [lambda: setattr(module, "k", 9.0), lambda: setattr(module, "j", 2.0)]


def a_function_around():
    k = [2.0]

    def helper(x):
        return x * k[0]

    return lambda x: helper(x) + 1, [lambda: k.__setitem__(0, 4.0)]


def a_default():
    f = made("def f(x, w=[ones]): return x * w[0]", ones=ones()).f
    return f, [lambda: f.__defaults__[0].__setitem__(0, zeros())]


def a_part_of_a_call():
    held = {"k": 2.0}
    return functools.partial(lambda x, c: x * c["k"], c=held), [lambda: held.update(k=4.0)]


def numbers_of_numpy():
    copied, row, rows = np.ones(4, "f4"), [1.0, 1.0, 1.0, 1.0], np.ones((2, 4))
    changes = [lambda: copied.fill(5), lambda: row.__setitem__(0, 3.0), lambda: rows[0].fill(2)]
    return lambda x: x * float(rows[0, 0]) + torch.tensor(copied) * torch.tensor(row), changes


def memory_of_numpy():
    shared = np.ones(4, "f4")
    w = torch.from_numpy(shared)
    return lambda x: x * w, [lambda: shared.fill(3)]


class Layer(nn.Module):
    scale = 2.0

    def __init__(self):
        super().__init__()
        self.inner, self.extra, self.config = nn.Linear(4, 4), [ones()], {"k": 2.0}

    def forward(self, x):
        return self.scaled(self.inner(x)) * self.config["k"] + self.extra[0]

    def scaled(self, x):
        return x * self.scale


def a_module():
    class Mine(Layer):
        pass

    module = Mine()
    changes = [
        lambda: module.extra.__setitem__(0, zeros()),
        lambda: module.config.update(k=3.0),
        lambda: setattr(Mine, "scale", 3.0),
    ]
    return module, changes


def what_a_module_registers():
    module = Layer()
    changes = [
        lambda: module.inner._parameters.update(weight=nn.Parameter(torch.zeros(4, 4))),
        lambda: module._modules.update(inner=nn.Linear(4, 4)),
        lambda: setattr(module, "scaled", lambda x: x),
    ]
    return module, changes


def modules_that_grow():
    model = nn.ModuleDict({"a": nn.Sequential(nn.Linear(4, 4)), "b": nn.ModuleList([nn.Tanh()])})
    changes = [
        lambda: model.a.append(nn.Sigmoid()),
        lambda: model.a.insert(0, nn.Sigmoid()),
        lambda: model.b.append(nn.Sigmoid()),
        lambda: model.b.extend([nn.Sigmoid()]),
        lambda: model.update({"c": nn.Sigmoid()}),
        lambda: model.pop("a"),
    ]

    def through(x):
        for part in model.values():
            for layer in [part] if isinstance(part, nn.Sequential) or not hasattr(part, "__len__") else part:
                x = layer(x)
        return x

    return through, changes


def parameters_in_one_memory():
    one, two = nn.Linear(4, 4), nn.Linear(4, 4)
    two.weight.data = one.weight.data
    changes = [
        lambda: setattr(two.weight, "data", two.weight.data.t()),
        lambda: setattr(two.weight, "data", torch.ones(4, 4)),
        lambda: setattr(one.weight, "data", torch.ones(4, 4)),
        lambda: one.weight.add_(1),
    ]
    return lambda x: two(one(x)), changes


def a_parameter_in_other_strides():
    layer, wide = nn.Linear(4, 4), torch.randn(8, 8)
    layer.weight.data = wide[::2, ::2]
    return layer, [lambda: setattr(layer.weight, "data", wide.t()[::2, ::2]), lambda: setattr(layer.weight, "data", wide[:4, :4])]


def an_attribute_of_a_function():
    def f(x):
        return x * f.scale

    f.scale = 2.0
    return f, [lambda: setattr(f, "scale", 3.0)]


def groups_of_an_optimizer():
    optimizer = optim.SGD([nn.Parameter(ones())], lr=0.1)
    (group,) = optimizer.param_groups
    changes = [lambda: group.update(lr=0.5), lambda: group["params"].__setitem__(0, nn.Parameter(zeros()))]
    return lambda x: x * group["lr"] * optimizer.param_groups[0]["params"][0].detach(), changes


def which_groups_an_optimizer_has():
    held = [[nn.Parameter(ones() * k)] for k in range(1, 4)]
    optimizer = optim.SGD([{"params": p, "lr": k + 0.5} for k, p in enumerate(held)])
    groups = optimizer.param_groups
    changes = [
        lambda: groups.pop(0),
        lambda: groups.__delitem__(slice(1, 3)),
        lambda: groups.__setitem__(0, {**groups[0], "lr": 7.0}),
        lambda: setattr(optimizer, "param_groups", groups[1:]),
    ]
    return lambda x: x + sum([group["lr"] * group["params"][0].detach() for group in optimizer.param_groups]), changes


def hooks_of_a_module():
    module = nn.Linear(4, 4)
    module.register_forward_hook(lambda module, given, out: out * 2)
    module.register_forward_pre_hook(lambda module, given: (given[0] + 1,))
    changes = [
        module._forward_hooks.clear,
        module._forward_pre_hooks.popitem,
        lambda: setattr(module, "_forward_hooks", OrderedDict()),
        lambda: module.register_forward_hook(lambda module, given, out: out + 1),
    ]
    return lambda x: module(x), changes


THINGS = [
    a_list, a_dict, a_growing_list, a_dict_by_tensors, a_deque, an_object, an_object_in_an_object, slots, what_a_class_holds,
    what_an_object_hides_of_its_class, a_name_asked_for, made_up_names, a_method_of_a_method, a_call_of_an_object, a_property,
    a_static_method, another_file, a_function_around, a_default, a_part_of_a_call, numbers_of_numpy, memory_of_numpy, a_module,
    what_a_module_registers, modules_that_grow, parameters_in_one_memory, a_parameter_in_other_strides, an_attribute_of_a_function,
    groups_of_an_optimizer, which_groups_an_optimizer_has, hooks_of_a_module,
]  # fmt: skip


@pytest.mark.parametrize("thing", THINGS, ids=lambda f: f.__name__)
def test_a_change_is_seen(thing):
    for k in range(len(thing()[1])):
        function, changes = thing()
        compiled = torch.compile(function)
        with torch.no_grad():
            before = [compiled(X) for _ in range(4)]
            assert len(programs(compiled)) == 1
            changes[k]()
            assert not torch.equal(before[0], function(X))
            for _ in range(4):
                assert torch.allclose(compiled(X), function(X), atol=1e-6)


def a_large_vocabulary():
    places, first, last = {f"word {k}": k for k in range(20_000)}, [1.0], [2.0]
    changes = [lambda: places.update({"word 5": 7}), lambda: first.__setitem__(0, 3.0), lambda: last.__setitem__(0, 3.0)]
    return lambda x: x * first[0] * last[0] + places["word 5"], changes


def test_beside_a_large_vocabulary_a_change_is_seen():
    test_a_change_is_seen(a_large_vocabulary)


def test_what_reaches_more_than_can_be_looked_at_runs_eagerly():
    first, rows, last = [1.0], [[k] for k in range(8_000)], [2.0]
    compiled = torch.compile(lambda x: x * first[0] * rows[5][0] * last[0])
    with pytest.warns(UserWarning, match="runs eagerly: it reaches more things than can be looked at before each call"):
        assert compiled(X)[1] == 10
    for held in (first, rows[5], last):
        held[0] = 3.0
        assert compiled(X)[1] == first[0] * rows[5][0] * last[0]
    whole = torch.compile(lambda x: x * rows[5][0], fullgraph=True)
    with pytest.raises(RuntimeError, match="can't be compiled as a whole"):
        whole(X)


def programs(compiled):
    """All programs of a compiled function or module."""
    compiled = compiled._compiled if isinstance(compiled, nn.Module) else compiled
    return [program for signature in compiled.signatures.values() for program in signature.programs]


# ----------------------------------------------------------------------------------------------------------- optimizers

STATES = {
    "cleared": lambda state, p: state.clear(),
    "one forgotten": lambda state, p: state.pop(p),
    "deleted": lambda state, p: state.__delitem__(p),
    "emptied": lambda state, p: state[p].clear(),
    "another tensor": lambda state, p: state[p].update(exp_avg=torch.ones(3, 2)),
    "another step": lambda state, p: state[p].__setitem__("step", torch.tensor(100.0)),
    "written to": lambda state, p: state[p]["exp_avg"].zero_(),
    "all others": lambda state, p: state.update({p: {k: x.clone() + 1 for k, x in state[p].items()}}),
}


def course(how, wrap):
    """The losses of ten steps; after six of them the state is changed."""
    torch.manual_seed(0)
    model = nn.Linear(2, 3)
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    @wrap
    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    losses = []
    for k in range(10):
        if k == 6:
            STATES[how](optimizer.state, model.weight)
        losses.append(step(torch.ones(4, 2) * (k + 1)).item())
    return losses


@pytest.mark.parametrize("how", STATES)
def test_what_an_optimizer_remembers_may_be_changed(how):
    assert course(how, torch.compile) == pytest.approx(course(how, lambda step: step), rel=1e-5)


@pytest.mark.parametrize("every", [False, True], ids=["its own", "of all optimizers"])
def test_a_hook_around_steps_is_seen(every):
    def course(wrap):
        p, found = nn.Parameter(torch.ones(2)), []
        optimizer = optim.SGD([p], lr=0.1)
        place = optim.optimizer.register_optimizer_step_post_hook if every else optimizer.register_step_pre_hook

        @wrap
        def step():
            p.grad = None
            p.square().sum().backward()
            optimizer.step()

        for k in range(10):
            if k == 4:
                handle = place(lambda *of: p.data.mul_(2).sum().item() and None)
            if k == 7:
                handle.remove()
            step()
            found += p.tolist()
        return found

    assert course(torch.compile) == pytest.approx(course(lambda step: step), rel=1e-5)


def test_what_an_optimizer_remembers_is_stored_as_plain_dicts():
    p = nn.Parameter(torch.ones(2))
    optimizer = optim.Adam([p])
    p.grad = torch.ones(2)
    optimizer.step()
    assert type(optimizer.state_dict()["state"][0]) is dict
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    assert oracle.load(file, weights_only=True)["state"][0]["step"] == 1
    other = copy.deepcopy(optimizer)
    (q,) = other.param_groups[0]["params"]
    before = other.state.changes[0]
    other.state[q]["step"] = torch.tensor(5.0)
    assert other.state.changes[0] == before + 1 and optimizer.state[p]["step"].item() == 1
    assert repr(optimizer.state).startswith("defaultdict(<class 'dict'>, {")
    assert optimizer.state.setdefault(q, {}) == {} and optimizer.state.popitem()[0] is q
    optimizer.state[p] |= {"more": 1}
    assert optimizer.state[p]["more"] == 1 and isinstance(OrderedDict(optimizer.state), dict)


# ------------------------------------------------------------------------------------------------- what doesn't matter


class Trainer:
    def __init__(self):
        self.model, self.losses, self.count, self.best = Layer(), [], 0, None
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.01)
        self.step = torch.compile(self.train)

    def train(self, x):
        self.optimizer.zero_grad()
        loss = self.model(x).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss


def test_a_trainer_that_counts_its_steps_keeps_its_program():
    trainer = Trainer()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in range(12):
            trainer.losses.append(trainer.step(X).item())
            trainer.count, trainer.best, trainer.model.calls = k, min(trainer.losses), k
    assert len(programs(trainer.step)) == 1
