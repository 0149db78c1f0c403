"""Tensors that a compiled function holds, or is given, and that somebody gives other memory, another shape or another class."""

import pytest
from courses import agrees, attempt

pytestmark = pytest.mark.usefixtures("answers")


def square(torch):
    return torch.arange(6.0).reshape(2, 3)


def history(torch):
    return torch.ones(2, requires_grad=True) * 2


CHANGES = {
    "unsqueeze_": (lambda torch, x: x.unsqueeze_(0), square),
    "squeeze_": (lambda torch, x: x.squeeze_(0), lambda torch: torch.ones(1, 2)),
    "t_": (lambda torch, x: x.t_(), square),
    "transpose_": (lambda torch, x: x.transpose_(0, 1), square),
    "resize_": (lambda torch, x: x.resize_(2, 2), square),
    "set_": (lambda torch, x: x.set_(torch.ones(4)), square),
    "data": (lambda torch, x: setattr(x, "data", torch.ones(2, 3) * 7), square),
    "data of another dtype": (lambda torch, x: setattr(x, "data", torch.ones(2, 3, dtype=torch.float64)), square),
    "swap_tensors": (lambda torch, x: torch.utils.swap_tensors(x, torch.ones(2, 3) * 7), square),
    "requires_grad_": (lambda torch, x: x.requires_grad_(), square),
    "requires_grad": (lambda torch, x: setattr(x, "requires_grad", True), square),
    "requires no grad": (lambda torch, x: x.requires_grad_(False), lambda torch: torch.ones(2, requires_grad=True)),
    "detach_": (lambda torch, x: x.detach_(), history),
}
"""What may be done to a tensor but for its numbers, and a tensor to do it to."""


def facts(x):
    return list(x.shape), list(x.stride()), x.requires_grad, x.is_leaf


def to_an_argument(change, make):
    def course(torch, compiled):
        def f(x):
            change(torch, x)
            return x * 2

        f = compiled(f)
        for _ in range(5):
            x = make(torch)
            yield attempt(lambda x=x: f(x)), facts(x)

    return course


def to_what_it_holds(change, make):
    def course(torch, compiled):
        held = make(torch)

        def f(x):
            change(torch, held)
            return x.sum() + held * 2

        f = compiled(f)
        for _ in range(5):
            yield attempt(lambda: f(torch.ones(2))), facts(held)

    return course


def between_calls(change, make):
    """To a tensor, which may be a view, that a function holds; with and without its base."""

    def course(torch, compiled):
        for whole in (False, True):
            held = make(torch).clone() if whole else make(torch)
            f = compiled(lambda x, held=held: (x * held.sum(), held * 2))
            for k in range(8):
                if k == 4:
                    change(torch, held)
                if k == 6:
                    held.data.add_(1)
                yield attempt(lambda f=f: f(torch.ones(2))), facts(held)

    return course


def a_base_by_itself(change, make):
    def course(torch, compiled):
        base = make(torch).clone()
        held = base.view(-1)
        f = compiled(lambda x: (x + held[:2], base * 2, held * 3))
        for k in range(8):
            if k == 4:
                change(torch, base)
            if k == 6:
                held.add_(1)
            yield attempt(lambda: f(torch.ones(2)))

    return course


def moved_to_shared_memory(torch, compiled):
    held = square(torch)
    f = compiled(lambda x: x * held.sum())
    for k in range(8):
        if k == 4:
            held.share_memory_()
        if k == 6:
            held.add_(1)
        yield f(torch.ones(2))


# -------------------------------------------------------------------------------------------- arguments that are held as well


def given_what_it_holds(torch, compiled):
    held = torch.ones(3)
    f = compiled(lambda x: x * 2 + held)
    for k in range(12):
        yield f(held if k < 5 or k > 9 else torch.ones(3) * k)


def given_a_parameter_that_it_holds(torch, compiled):
    layer, other = torch.nn.Linear(2, 2, bias=False), torch.ones(2, 2, requires_grad=True)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(4.0).reshape(2, 2))
    f = compiled(lambda x: (layer(torch.ones(2, 2)) * x).sum())
    for k in range(12):
        layer.weight.grad = other.grad = None
        loss = f(layer.weight if k < 5 or k > 9 else other)
        loss.backward()
        yield loss, layer.weight.grad, other.grad


def written_to_what_it_holds(torch, compiled):
    held = torch.ones(3)

    def f(x):
        x.add_(1)
        return held * 2

    f = compiled(f)
    for k in range(12):
        yield f(held if 3 < k < 8 else torch.zeros(3)), held


# ------------------------------------------------------------------------------------------------------ what an argument is


def a_parameter_or_not(torch, compiled):
    f = compiled(lambda x: x * (2 if isinstance(x, torch.nn.Parameter) else 3))
    for k in range(12):
        yield f(torch.nn.Parameter(torch.ones(2)) if 3 < k < 8 else torch.ones(2, requires_grad=True))
    for k in range(12):
        yield f(torch.nn.Parameter(torch.ones(2), requires_grad=False) if 3 < k < 8 else torch.ones(2))


def a_leaf_or_not(torch, compiled):
    leaf = torch.ones(2, requires_grad=True)
    f = compiled(lambda x: x * (2 if x.is_leaf else 3))
    for k in range(12):
        yield f(leaf * 1 if 3 < k < 8 else leaf)


def of_another_class(torch, compiled):
    class Twice(torch.Tensor):
        def twice(self):
            return self.as_subclass(torch.Tensor) * 2

    f = compiled(lambda x: x.twice() if hasattr(x, "twice") else x * 100)
    for k in range(12):
        yield f(torch.ones(2).as_subclass(Twice) if 3 < k < 8 else torch.ones(2))


def differentiated_by(torch, compiled):
    """An argument that the function itself wants a gradient of, another one at each call."""
    m = torch.nn.Linear(3, 1)

    def slope(x):
        x.requires_grad_()
        return torch.autograd.grad(m(x).square().sum(), x)[0]

    slope = compiled(slope)
    for k in range(6):
        x = torch.arange(6.0).reshape(2, 3) * k
        yield slope(x), x.requires_grad, x.is_leaf, x.grad is None
    if hasattr(slope, "explain"):
        assert slope.explain(measure=False).answers


SOME = [name for name in CHANGES if name not in ("detach_", "requires no grad", "requires_grad")]
COURSES = {
    **{f"{name}, of an argument": to_an_argument(*CHANGES[name]) for name in CHANGES},
    **{f"{name}, of what it holds": to_what_it_holds(*CHANGES[name]) for name in CHANGES},
    **{f"{name}, between calls": between_calls(*CHANGES[name]) for name in SOME},
    **{f"{name}, of a base": a_base_by_itself(*CHANGES[name]) for name in ("t_", "resize_", "data", "unsqueeze_")},
    **{course.__name__: course for course in (
        moved_to_shared_memory, given_what_it_holds, given_a_parameter_that_it_holds, written_to_what_it_holds, a_parameter_or_not,
        a_leaf_or_not, of_another_class, differentiated_by,
    )},
}  # fmt: skip


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_agrees_with_pytorch(course):
    agrees(course)
