"""Steps that keep books: lists of losses, meters, counts in variables around them, a line printed now and then. PyTorch's numbers, eager and
compiled, and in a program, where the books aren't read.

Each course is told of a library and of a way to compile, and gives what it sees, step by step.
"""

import contextlib
import io

import pytest
from courses import agrees, is_a_program

pytestmark = pytest.mark.usefixtures("answers")


def learner(torch):
    """(a function that learns from a batch and gives its loss, a function that makes the batch of a step)."""
    w = (torch.arange(3.0) * 0.7).cos().requires_grad_()

    def learn(x):
        loss = (x @ w).square().mean()
        loss.backward()
        with torch.no_grad():
            w.sub_(0.1 * w.grad)
        w.grad = None
        return loss.detach()

    return learn, lambda k: (torch.arange(12.0).reshape(4, 3) * 0.1 + k * 0.05).sin()


def a_list_of_losses(torch, compiled):
    (learn, batch), losses, results = learner(torch), [], []

    def step(x):
        loss = learn(x)
        losses.append(loss.item())
        results.append((loss, 2.0))
        return loss

    step = compiled(step)
    for k in range(9):
        yield step(batch(k)), list(losses), [x for x, _ in results], {type(x) for x in losses} == {float}
        if k == 5:
            losses.clear()


def lists_in_a_dict(torch, compiled):
    (learn, batch), history = learner(torch), {"loss": [], "mean": [], "steps": 0}

    def step(x):
        loss = learn(x)
        history["loss"].append(loss.item())
        history["mean"].append(x.mean().item())
        history["steps"] += 1
        return loss * history["steps"]

    step = compiled(step)
    for k in range(9):
        yield step(batch(k)), {**history, "loss": list(history["loss"]), "mean": list(history["mean"])}


def variables_around_it(torch, compiled):
    (learn, batch), steps, total, best = learner(torch), 0, 0.0, None

    def step(x):
        nonlocal steps, total, best
        loss = learn(x)
        steps += 1
        total += loss.item()
        best = x * steps
        return loss

    step = compiled(step)
    for k in range(9):
        yield step(batch(k)), steps, total, best
        if k == 5:
            steps, total = 10, 1.5


class Meter:
    """What training scripts take the mean of numbers by."""

    def __init__(self):
        self.val = self.avg = self.sum = self.count = 0

    def update(self, val, n=1):
        self.val = val
        self.sum += val * n
        self.count += n
        self.avg = self.sum / self.count


def meters(torch, compiled):
    (learn, batch), losses, means = learner(torch), Meter(), Meter()

    def step(x):
        loss = learn(x)
        losses.update(loss.item(), len(x))
        means.update((x > 0).float().mean().item())
        return loss

    step = compiled(step)
    for k in range(12):
        yield step(batch(k)), vars(losses).copy(), vars(means).copy()


def a_line_now_and_then(torch, compiled):
    (learn, batch), meter, steps = learner(torch), Meter(), 0

    def step(x):
        nonlocal steps
        loss = learn(x)
        meter.update(loss.item())
        steps += 1
        if steps % 4 == 0:
            print(f"{steps}: {meter.avg:.3f}")
        return loss

    step = compiled(step)
    for k in range(28):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            loss = step(batch(k))
        yield loss, said.getvalue()


def a_schedule_and_a_count(torch, compiled):
    model, steps = torch.nn.Linear(3, 1), 0
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(0.3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=30)
    _, batch = learner(torch)

    def step(x):
        nonlocal steps
        steps += 1
        loss = model(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        return loss.detach()

    step = compiled(step)
    for k in range(14):
        yield step(batch(k)), steps, [optimizer.param_groups[0][name] for name in ("lr", "momentum")]


def a_rate_of_texts(torch, compiled):
    (learn, batch), lines = learner(torch), []

    def step(x):
        loss = learn(x * 0)  # the same text at each call, at first
        lines.append("%.3f" % (loss.item() + x.sum().item()))
        return loss

    step = compiled(step)
    for k in (0, 0, 0, 0, 0, 1, 2, 3):
        yield step(batch(k)), list(lines)


# ------------------------------------------------------------------------------------------------------- books that are read

READS = {
    "its length": lambda kept, x: kept["all"].append(x.sum().item()) or x * len(kept["all"]),
    "its end": lambda kept, x: kept["all"].append(x.sum().item()) or x * kept["all"][-1],
    "its end, before": lambda kept, x: x * (kept["all"][-1] if kept["all"] else 1) if kept["all"].append(x[0].item()) is None else x,
    "another name": lambda kept, x: [x * len(y) for y in (kept["all"],) if y.append(x.sum().item()) is None][0],
    "all entries": lambda kept, x: x * sum([len(y) for y in kept.values()]) if kept["all"].append(x.sum().item()) is None else x,
    "as an argument": lambda kept, x: x * sum(kept["all"]) if kept["all"].append(x.sum().item()) is None else x,
    "a name made up": lambda kept, x: x * len(kept["a" + "ll"]) if kept["all"].append(x.sum().item()) is None else x,
    "get": lambda kept, x: x * len(kept.get("all")) if kept["all"].append(x.sum().item()) is None else x,
    "whether it is empty": lambda kept, x: x * (2 if kept["all"] else 3) if kept["all"].append(x.sum().item()) is None else x,
}


@pytest.mark.parametrize("read", READS)
def test_a_list_that_is_read(read):
    def course(torch, compiled):
        kept = {"all": []}
        f = compiled(lambda x: READS[read](kept, x))
        for k in range(8):
            yield f(torch.arange(3.0) + k), list(kept["all"])

    agrees(course, checked=True)


class Books:
    """A list that a class keeps, that stands for two things, or that objects lead to."""

    shared: list = []

    def __init__(self):
        self.losses, self.nested, self.shared = [], [[]], []
        self.same = self.losses


def by_two_names(torch, compiled):
    books = Books()

    def f(x):
        books.losses.append(x.sum().item())
        return x * len(books.same)

    f = compiled(f)
    for k in range(8):
        yield f(torch.arange(3.0) + k), list(books.losses)


def in_another_list(torch, compiled):
    books = Books()

    def f(x):
        books.nested[0].append(x.sum().item())
        return x * len(books.nested[0])

    f = compiled(f)
    for k in range(8):
        yield f(torch.arange(3.0) + k), [list(x) for x in books.nested]


def by_getattr(torch, compiled):
    books = Books()

    def f(x, name):
        books.losses.append(x.sum().item())
        return x * len(getattr(books, name))

    f = compiled(f)
    for k in range(8):
        yield f(torch.arange(3.0) + k, "losses"), list(books.losses)


def of_a_class(torch, compiled):
    Books.shared = []

    def f(x):
        Books.shared.append(x.sum().item())
        return x * len(Books.shared)

    f = compiled(f)
    for k in range(8):
        yield f(torch.arange(3.0) + k), list(Books.shared)


def replaced_by_another(torch, compiled):
    losses = []

    def f(x):
        losses.append(x.sum().item())
        return x * 2

    f = compiled(f)
    for k in range(12):
        yield f(torch.arange(3.0) + k), list(losses)
        if k == 7:
            losses = ["new"]


def a_step_that_fails(torch, compiled):
    losses, count = [], 0

    def f(x, i):
        nonlocal count
        count += 1
        losses.append(x.sum().item())
        return torch.nn.functional.embedding(i, x)

    f = compiled(f)
    for k in range(9):
        try:
            yield f(torch.ones(3, 2) * k, torch.tensor([9 if k == 6 else 1])), list(losses), count
        except IndexError:
            yield "IndexError", list(losses), count


ONE_PROGRAM = [a_list_of_losses, lists_in_a_dict, variables_around_it, meters, a_line_now_and_then, a_schedule_and_a_count]
COURSES = [
    *ONE_PROGRAM, a_rate_of_texts, by_two_names, in_another_list, by_getattr, of_a_class, replaced_by_another, a_step_that_fails,
]  # fmt: skip


@pytest.mark.parametrize("course", COURSES)
def test_agrees_with_pytorch(course):
    agrees(course, checked=True)


@pytest.mark.parametrize("course", ONE_PROGRAM)
def test_is_a_program(course):
    is_a_program(course, ".* runs eagerly now and then: item looks")
