"""Tensors that a step keeps: attention maps, hidden states, averages, activations that hooks note. PyTorch's numbers, eager and compiled,
and in a program, where it can be one.

Each course is told of a library and of a way to compile, and gives what it sees, step by step.
"""


import pytest
from courses import agrees, is_a_program

pytestmark = pytest.mark.usefixtures("answers")


class Batches:
    """Inputs and labels, others at each call."""

    def __init__(self, torch, n=4):
        self.torch, self.n = torch, n

    def __iter__(self):
        for k in range(9):
            x = (self.torch.arange(self.n * 3.0).reshape(self.n, 3) * 0.1 + k * 0.05).sin()
            yield k, x, (self.torch.arange(self.n) + k) % 3


def attending(torch):
    class Attending(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.project, self.out, self.weights = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3), None

        def forward(self, x):
            y = self.project(x)
            self.weights = (y @ y.t()).softmax(-1)
            return self.out(self.weights @ x)

    return weighted(torch, Attending())


def weighted(torch, model):
    """The same small numbers in both libraries."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_((torch.arange(float(p.numel())) * 0.7).cos().reshape(p.shape) * 0.5)
    return model


def trained(torch, compiled, model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return compiled(step)


def a_map_of_attention(torch, compiled):
    model = attending(torch)
    step, before = trained(torch, compiled, model), None
    for _, x, y in Batches(torch):
        loss = step(x, y)
        yield loss, model.weights, model.weights.requires_grad, before, model.weights is before
        before = model.weights


def a_map_that_others_read(torch, compiled):
    model = attending(torch)
    step, look = trained(torch, compiled, model), compiled(lambda: model.weights.detach() * 2)
    for _, x, y in Batches(torch):
        yield step(x, y), look()


def a_map_of_a_model_that_goes_backward_outside(torch, compiled):
    model = attending(torch)
    net = compiled(model)
    for _, x, y in Batches(torch):
        loss = torch.nn.functional.cross_entropy(net(x), y) + model.weights.square().sum()
        loss.backward()
        yield loss, [p.grad for p in model.parameters()]
        model.zero_grad()


def a_map_that_is_looked_at_backward(torch, compiled):
    model = attending(torch)
    net = compiled(model)
    for k, x, _ in Batches(torch):
        out = net(x)
        (out.sum() if k % 2 else model.weights.square().sum()).backward()
        yield [p.grad for p in model.parameters()]


def recurrent(torch, buffer=False):
    class Recurrent(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = torch.nn.GRUCell(3, 3)
            if buffer:
                self.register_buffer("hidden", torch.zeros(4, 3))
            else:
                self.hidden = None

        def forward(self, x):
            hidden = torch.zeros(x.shape[0], 3) if self.hidden is None else self.hidden.detach()
            self.hidden = self.cell(x, hidden)
            return self.hidden

    return weighted(torch, Recurrent())


def a_hidden_state(torch, compiled):
    model = recurrent(torch)
    step = trained(torch, compiled, model)
    for k, x, y in Batches(torch):
        if k == 5:
            model.hidden = None
        if k == 7:
            model.hidden = torch.ones(4, 3)
        yield step(x, y), model.hidden
        if k == 6:
            with torch.no_grad():
                model.hidden.zero_()


def a_buffer_that_is_another_each_time(torch, compiled):
    model = recurrent(torch, buffer=True)
    step = trained(torch, compiled, model)
    for _, x, y in Batches(torch):
        yield step(x, y), model.hidden, model.state_dict()["hidden"]


def a_state_of_two(torch, compiled):
    cell, kept = weighted(torch, torch.nn.LSTMCell(3, 3)), {"state": (torch.zeros(4, 3), torch.zeros(4, 3)), "calls": "some"}

    def step(x):
        kept["state"] = cell(x, kept["state"])
        return kept["state"][0].sum()

    step = compiled(step)
    with torch.no_grad():
        for _, x, _ in Batches(torch):
            yield step(x), kept["state"][0], kept["state"][1], type(kept["state"]) is tuple


def what_hooks_note(torch, compiled):
    model, noted = weighted(torch, torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))), {}
    for name, layer in model.named_children():
        layer.register_forward_hook(lambda module, args, out, name=name: noted.__setitem__(name, out.detach()))
    step = trained(torch, compiled, model)
    for k, x, y in Batches(torch):
        yield step(x, y), dict(noted)
        if k == 6:
            noted["more"] = torch.zeros(1)


class Average:
    """Of weights, kept as new tensors."""

    def __init__(self, torch, model):
        self.torch, self.model, self.mean, self.calls = torch, model, torch.zeros(3, 3), 0

    def update(self):
        self.mean = self.mean * 0.9 + self.model.weight.detach() * 0.1
        self.calls += 1

    def step(self, x):
        with self.torch.no_grad():
            self.model.weight.mul_(0.9).add_(x.mean(), alpha=0.1)
        self.update()
        return self.mean.sum()


def an_average_of_an_object(torch, compiled):
    average = Average(torch, weighted(torch, torch.nn.Linear(3, 3)))
    step = compiled(average.step)
    for _, x, _ in Batches(torch):
        yield step(x), average.mean, average.calls


def two_objects_of_one_method(torch, compiled):
    step = compiled(Average.step)
    both = [Average(torch, weighted(torch, torch.nn.Linear(3, 3))) for _ in range(2)]
    for k, x, _ in Batches(torch):
        yield step(both[k % 2], x), both[0].mean, both[1].mean


def places_that_come_later(torch, compiled):
    class Kept:
        first = second = None

    kept = Kept()

    def f(x, also):
        kept.first = x * 2
        if also:
            kept.second = x + (kept.second if kept.second is not None else 1)
        return x.sum()

    f = compiled(f)
    for k, x, _ in Batches(torch):
        yield f(x, k > 3), kept.first, kept.second


def what_it_is_given_is_kept(torch, compiled):
    class Kept:
        last = None

    kept = Kept()

    def f(x):
        y = x - kept.last if kept.last is not None else x
        kept.last = x
        return y

    f = compiled(f)
    for k, x, _ in Batches(torch):
        yield f(x), kept.last is x
        if k == 5:
            yield f(x), kept.last is x
            x.add_(1)


def a_view_and_what_it_is_of(torch, compiled):
    class Kept:
        whole = row = None

    kept = Kept()

    def f(x):
        kept.whole = x * 3
        kept.row = kept.whole[0]
        return kept.row.sum()

    f = compiled(f)
    for _, x, _ in Batches(torch):
        y = f(x)
        kept.whole[0, 0] = 7
        yield y, kept.row, kept.whole


def a_place_that_is_emptied(torch, compiled):
    class Kept:
        pass

    kept = Kept()

    def f(x):
        if hasattr(kept, "y"):
            x = x + kept.y
            del kept.y
        else:
            kept.y = x * 2
        return x

    f = compiled(f)
    for _, x, _ in Batches(torch):
        yield f(x), getattr(kept, "y", None)


def a_history(torch, compiled):
    losses, model = [], recurrent(torch)

    def f(x):
        y = model(x).sum()
        losses.append(y.detach())
        return y.detach()

    f = compiled(f)
    for _, x, _ in Batches(torch):
        yield f(x), list(losses)


def a_step_that_fails(torch, compiled):
    model = recurrent(torch)

    def f(x, i):
        y = model(x).detach()
        return torch.nn.functional.embedding(i, y)

    f = compiled(f)
    for k, x, _ in Batches(torch):
        try:
            yield f(x, torch.tensor([9 if k == 6 else 1])), model.hidden
        except IndexError:
            yield "IndexError", model.hidden


def what_is_made_once(torch, compiled):
    class Places:
        angles = None

    places = Places()

    def f(x):
        if places.angles is None:
            places.angles = torch.arange(3.0).cos()
        return x * places.angles

    f, first = compiled(f), None
    for _, x, _ in Batches(torch):
        yield f(x), first is None or places.angles is first
        first = places.angles


def another_batch_at_the_end(torch, compiled):
    model = attending(torch)
    step = trained(torch, compiled, model)
    for n in (4, 4, 4, 2, 4, 2, 4):
        for _, x, y in Batches(torch, n):
            yield step(x, y), model.weights


def trained_and_tested_by_turns(torch, compiled):
    model = weighted(torch, torch.nn.Sequential(torch.nn.Linear(3, 3, bias=False), torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5)))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def train(x, y):
        model.train()
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    @torch.no_grad()
    def test(x):
        model.eval()
        return model(x).sum().item()

    train, test = compiled(train), compiled(test)
    for k, x, y in Batches(torch):
        yield train(x, y), model.training, model[2].training
        yield train(x, y), test(x), model.training, model[2].training, test(x)
        if k == 5:
            model[2].train()
            yield model(x), test(x), model[2].training


def a_flag_that_turns(torch, compiled):
    class Turning:
        odd = done = False

    thing = Turning()

    def f(x):
        thing.odd = not thing.odd
        return x * 2 if thing.odd else x * 3

    f, read = compiled(f), compiled(lambda x: x + 1 if thing.odd else x - 1)
    for k, x, _ in Batches(torch):
        yield f(x), thing.odd, read(x)
        if k == 6:
            thing.odd = not thing.odd


ONE_PROGRAM = [
    trained_and_tested_by_turns, a_flag_that_turns,
    a_map_of_attention, a_map_of_a_model_that_goes_backward_outside, a_map_that_is_looked_at_backward, a_hidden_state, a_state_of_two,
    what_hooks_note, an_average_of_an_object, another_batch_at_the_end, a_buffer_that_is_another_each_time,
    what_is_made_once, a_history,
]  # fmt: skip
COURSES = [
    *ONE_PROGRAM, a_map_that_others_read, two_objects_of_one_method, places_that_come_later, what_it_is_given_is_kept, a_view_and_what_it_is_of,
    a_place_that_is_emptied, a_step_that_fails,
]  # fmt: skip


@pytest.mark.parametrize("course", COURSES)
def test_agrees_with_pytorch(course):
    agrees(course, checked=True)


@pytest.mark.parametrize("course", ONE_PROGRAM)
def test_is_a_program(course):
    is_a_program(course)
