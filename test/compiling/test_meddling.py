"""What somebody may do around a compiled function, or what it may do to others: PyTorch's numbers, eager and compiled.

Each course is told of a library and of a way to compile, and gives what it sees, step by step.
"""

import asyncio
import dataclasses
import os

import pytest
from courses import agrees

import minitorch

pytestmark = pytest.mark.usefixtures("answers")


# ----------------------------------------------------------------------------------------------------------- gradients


def a_gradient_that_is_the_parameter(torch, compiled):
    w = torch.nn.Parameter(torch.ones(4))

    def step(x):
        (w * x).sum().backward()
        with torch.no_grad():
            w.sub_(w.grad, alpha=0.1)

    step = compiled(step)
    for k in range(9):
        if k == 4:
            w.grad = w.data
        if k == 6:
            w.grad = None
        step(torch.arange(4.0))
        yield w, w.grad


def one_gradient_of_two_parameters(torch, compiled):
    a, b = (torch.nn.Parameter(torch.full((4,), x)) for x in (1.0, 2.0))
    step = compiled(lambda x: (a * b * x).sum().backward())
    for k in range(12):
        if k in (0, 8):
            a.grad = b.grad = torch.zeros(4)
        if k == 4:
            a.grad, b.grad = torch.zeros(4), torch.zeros(4)
        step(torch.arange(4.0))
        yield a.grad, b.grad


def gradients_in_one_array(torch, compiled):
    model, flat = torch.nn.Linear(4, 3), torch.zeros(15)
    model.weight.grad, model.bias.grad = flat[:12].view(3, 4), flat[12:]

    def step(x):
        flat.zero_()
        model(x).square().sum().backward()
        return flat.norm()

    step = compiled(step)
    for _ in range(5):
        yield step(torch.ones(2, 4)), flat, model.weight.grad


def gradients_moved_into_one_array(torch, compiled):
    a, b = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    step = compiled(lambda x: (a * b.square() * x).sum().backward())
    for k in range(8):
        if k == 5:
            flat = torch.zeros(3)
            a.grad, b.grad = flat[:2], flat[1:]
        step(torch.arange(2.0) + 1)
        yield a.grad, b.grad


def a_gradient_with_another_name(torch, compiled):
    w = torch.ones(3, requires_grad=True)
    w.grad = torch.ones(3)
    held = [w.grad]

    def step(x):
        (w * x).sum().backward()
        return held[0] * 2

    step = compiled(step)
    for k in range(8):
        if k == 5:
            w.grad = torch.zeros(3)
        yield step(torch.ones(3) * k), w.grad


def gradients_for_some_parameters(torch, compiled):
    model, hooked = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1)), []
    with torch.no_grad():
        for k, p in enumerate(model.parameters()):
            p.fill_(0.1 * k + 0.1)
    model[2].bias.register_hook(lambda g: hooked.append(g.item()))
    f = compiled(model)
    for k in range(9):
        model.zero_grad()
        loss = f(torch.arange(6.0).view(2, 3) * k).sum()
        if k % 3 == 2:
            yield torch.autograd.grad(loss, model[2].weight)
        else:
            loss.backward(inputs=[model[0].weight] if k % 3 else None)
        yield [p.grad for p in model.parameters()], hooked


def gradients_of_some_results(torch, compiled):
    w, v = torch.ones(4, requires_grad=True), torch.ones(4, requires_grad=True)

    def f(x):
        h = (x * w).relu()
        a = h * v
        return a.sum(), a.log(), (h / h).sum(), torch.cat([a, a.sqrt()]), h.reshape(2, 2).softmax(0)

    f = compiled(f)
    for k in range(12):
        w.grad = v.grad = None
        results = f(torch.tensor([0.0, 1.0, 2.0, 3.0]))
        results[k % 5].sum().backward(retain_graph=True)
        if k % 2:
            results[(k + 2) % 5].square().sum().backward()
        yield w.grad, v.grad


def gradients_of_some_results_of_a_checkpoint(torch, compiled):
    w = torch.ones(3, requires_grad=True)

    def block(x):
        y = (x * w).tanh()
        return y, y.square()

    def f(x):
        a, b = torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False)
        return a.sum(), b.log().sum()

    f = compiled(f)
    for k in range(8):
        w.grad = None
        f(torch.arange(3.0) + k // 4)[k % 2].backward()
        yield w.grad


def an_argument_written_to_that_a_gradient_goes_back_through(torch, compiled):
    f = compiled(lambda x: x.relu_().sum())
    for _ in range(5):
        leaf = torch.tensor([-1.0, 2.0], requires_grad=True)
        x = leaf * 2
        f(x).backward()
        yield leaf.grad, x


def memory_that_comes_to_have_a_gradient(torch, compiled):
    w, memory = torch.ones(3, requires_grad=True), torch.zeros(4)

    def f(x):
        memory[1:] = x * w
        return memory.sum()

    f = compiled(f)
    for _ in range(5):
        f(torch.arange(3.0)).backward()
        yield w.grad, memory
        memory.detach_()


# ----------------------------------------------------------------------------------------- functions, and what they hold


def other_defaults(torch, compiled):
    def scaled(x, by=2.0, *, more=0.0):
        return x * by + more

    g = compiled(scaled)
    for k in range(12):
        if k == 4:
            scaled.__defaults__ = (5.0,)
        if k == 8:
            scaled.__kwdefaults__["more"] = 7.0
        yield g(torch.ones(2))


def other_code(torch, compiled):
    def double(x):
        return x * 2

    g = compiled(lambda x: double(x) + 1)
    for k in range(8):
        if k == 4:
            double.__code__ = (lambda x: x * 3).__code__
        yield g(torch.ones(2))


def compiled_functions_in_compiled_functions(torch, compiled):
    scale = [2.0]
    inner = compiled(lambda x: x * scale[0])
    outer = compiled(lambda x: inner(x) + 1)
    for k in range(8):
        if k == 4:
            scale[0] = 3.0
        yield outer(torch.ones(2)), inner(torch.ones(2))


def a_forward_that_comes_and_goes(torch, compiled):
    model = torch.nn.Linear(4, 3)
    with torch.no_grad():
        model.weight.fill_(0.5)
        model.bias.fill_(1.0)
    f = compiled(model)
    for k in range(9):
        if k == 3:
            model.forward = lambda x: x * 2
        if k == 6:
            del model.forward
        yield f(torch.ones(2, 4))


def a_method_further_up(torch, compiled):
    class Double(torch.nn.Module):
        def forward(self, x):
            return x * 2

    class More(Double):
        def forward(self, x):
            return super().forward(x) + 1

    f = compiled(More())
    for k in range(8):
        if k == 4:
            Double.forward = lambda self, x: x * 9
        yield f(torch.ones(2))


def attributes_of_a_parameter(torch, compiled):
    w = torch.ones(2, requires_grad=True)
    w.scale = 2.0
    model = torch.nn.Linear(2, 2, bias=False)
    model.weight.scale = 1.0
    f = compiled(lambda x: x * w.detach() * w.scale + sum(p.scale for p in model.parameters()))
    for k in range(9):
        if k == 3:
            w.scale = 3.0
        if k == 6:
            model.weight.scale = 5.0
        yield f(torch.ones(2))


def attributes_of_an_argument(torch, compiled):
    f = compiled(lambda x: x * x.scale)
    for k in range(5):
        x = torch.ones(2)
        x.scale = k
        yield f(x)


def attributes_that_it_gives(torch, compiled):
    w = torch.ones(2)
    w.calls = 0

    def f(x):
        w.calls += 1
        x.seen = True
        return x * w

    f = compiled(f)
    for _ in range(5):
        x = torch.ones(2)
        yield f(x), w.calls, x.seen


def the_environment(torch, compiled):
    f = compiled(lambda x: x * float(os.environ["SCALE_OF_A_TEST"]))
    try:
        for k in range(8):
            os.environ["SCALE_OF_A_TEST"] = str(1 + k // 4)
            yield f(torch.ones(2))
    finally:
        del os.environ["SCALE_OF_A_TEST"]


# ------------------------------------------------------------------------------------------- arguments that are changed


def an_entry_more(torch, compiled):
    def f(entries):
        entries["y"] = entries["x"] * 2
        return {**entries, "z": entries["y"] + 1}

    f = compiled(f)
    for k in range(5):
        entries = {"x": torch.ones(2) * k}
        yield f(entries), entries


def a_number_that_counts(torch, compiled):
    def f(entries):
        entries["n"] += 1
        return entries["x"] * 2

    f = compiled(f)
    for k in range(5):
        entries = {"x": torch.ones(2) * k, "n": 4}
        yield f(entries), entries


def an_entry_taken(torch, compiled):
    f = compiled(lambda entries: entries.pop("x") * 2)
    for k in range(5):
        entries = {"x": torch.ones(2) * k, "n": 4}
        yield f(entries), entries


def a_place_in_a_list(torch, compiled):
    def f(pair):
        pair[0] = pair[1]
        return pair[1] * 2

    f = compiled(f)
    for k in range(5):
        pair = [torch.zeros(2), torch.ones(2) * k]
        yield f(pair), pair


@dataclasses.dataclass
class Pair:
    x: object
    y: object = None


def a_field(torch, compiled):
    def f(pair):
        pair.y = pair.x
        return pair.x + 1

    f = compiled(f)
    for k in range(5):
        pair = Pair(torch.ones(2) * k)
        yield f(pair), pair.y


# ---------------------------------------------------------------------------------------------------- what it leaves behind


def gradients_switched_off(torch, compiled):
    def f(x):
        torch.set_grad_enabled(False)
        return x * 2

    f = compiled(f)
    for _ in range(5):
        with torch.enable_grad():
            yield f(torch.ones(2, requires_grad=True)), torch.is_grad_enabled()


def another_default_dtype(torch, compiled):
    def f(x):
        torch.set_default_dtype(torch.float64)
        return x + 1

    f = compiled(f)
    try:
        for _ in range(5):
            torch.set_default_dtype(torch.float32)
            yield f(torch.ones(2)), torch.zeros(1)
    finally:
        torch.set_default_dtype(torch.float32)


def a_coroutine(torch, compiled):
    async def f(x):
        return x * 2

    f = compiled(f)
    for k in range(5):
        yield asyncio.run(f(torch.ones(2) * k))


def a_leaf_that_it_makes(torch, compiled):
    f = compiled(lambda x: (x * 2).requires_grad_())
    for k in range(5):
        y = f(torch.ones(2) * k)
        (y * 3).sum().backward()
        yield y, y.is_leaf, y.grad


def a_parameter_that_it_makes(torch, compiled):
    f = compiled(lambda x: torch.nn.Parameter(x * 2))
    for k in range(5):
        y = f(torch.ones(2) * k)
        yield y, isinstance(y, torch.nn.Parameter)


# ------------------------------------------------------------------------------------------------------------- generators


def seeded_in_the_step(torch, compiled):
    def f(x):
        torch.manual_seed(7)
        return torch.rand(3) * x

    f = compiled(f)
    for _ in range(5):
        yield f(torch.ones(3)), torch.rand(2)


def forked_in_the_step(torch, compiled):
    def f(x):
        with torch.random.fork_rng(devices=[]):
            y = torch.rand(3) * x
        return y + torch.rand(3)

    f = compiled(f)
    for _ in range(5):
        yield f(torch.ones(3)), torch.rand(2)


def made_in_the_step(torch, compiled):
    f = compiled(lambda x: torch.rand(3, generator=torch.Generator().manual_seed(3)) * x)
    for _ in range(5):
        yield f(torch.ones(3))


def asked_in_the_step(torch, compiled):
    f = compiled(lambda x: (x * 2, torch.get_rng_state()))
    for _ in range(5):
        yield f(torch.ones(3))[1].sum(), torch.rand(3)


# ---------------------------------------------------------------------------------------------- places that aren't there


def outside(function):
    """A course: places that are there, and then some that aren't. Errors are seen as their type and first line."""

    def course(torch, compiled):
        f = compiled(lambda x, i: function(torch, x, i))
        for places in ([0, 1, 3], [3, 0, 0], [1, 1, 2], [0, 4, 1], [0, -1, 1], [0, -5, 1], [2, 1, 0], [2**40, 0, 0]):
            x = torch.arange(12.0).reshape(4, 3)
            try:
                yield f(x, torch.tensor(places))
            except (IndexError, RuntimeError) as error:
                yield type(error).__name__, str(error).split("\n")[0]
            yield x

    return course


def across(i):
    return i.unsqueeze(1).expand(3, 3)


OUTSIDE = {
    "index": lambda torch, x, i: x[i],
    "index twice": lambda torch, x, i: x[i, i.clamp(-3, 2)],
    "index_select": lambda torch, x, i: x.index_select(0, i),
    "gather": lambda torch, x, i: x.gather(0, across(i)),
    "embedding": lambda torch, x, i: torch.nn.functional.embedding(i, x),
    "take": lambda torch, x, i: x.take(i),
    "take_along_dim": lambda torch, x, i: x.take_along_dim(i.unsqueeze(1), 0),
    "one_hot": lambda torch, x, i: torch.nn.functional.one_hot(i, 4),
    "scatter": lambda torch, x, i: torch.zeros(4, 3).scatter(0, across(i), x[:3]),
    "scatter_add": lambda torch, x, i: torch.zeros(4, 3).scatter_add(0, across(i), x[:3]),
    "scatter_reduce": lambda torch, x, i: x.scatter_reduce(0, across(i), x[:3], "amax"),
    "index_add": lambda torch, x, i: x.index_add(0, i, x[:3]),
    "index_add scaled": lambda torch, x, i: x.index_add(0, i, x[:3], alpha=2),
    "index_copy": lambda torch, x, i: x.index_copy(0, i, x[:3] * 2),
    "index_fill": lambda torch, x, i: x.index_fill(0, i, 7.0),
    "index_put": lambda torch, x, i: x.index_put((i,), torch.ones(3)),
    "index_put added": lambda torch, x, i: x.index_put((i,), torch.ones(3), accumulate=True),
    "written, then read": lambda torch, x, i: x.mul_(2)[i],
    "cross_entropy": lambda torch, x, i: torch.nn.functional.cross_entropy(x.t(), i),
    "put": lambda torch, x, i: x.put(i, torch.ones(3)),
}


def no_rows_at_all(torch, compiled):
    f = compiled(lambda x, i: torch.nn.functional.cross_entropy(x, i, reduction="none"))
    for _ in range(4):
        yield f(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))


# -------------------------------------------------------------------------------------------------------------------- all

COURSES = [
    a_gradient_that_is_the_parameter, one_gradient_of_two_parameters, gradients_in_one_array, gradients_moved_into_one_array,
    a_gradient_with_another_name, gradients_for_some_parameters, gradients_of_some_results, gradients_of_some_results_of_a_checkpoint,
    an_argument_written_to_that_a_gradient_goes_back_through, memory_that_comes_to_have_a_gradient, a_method_further_up, other_defaults, other_code, compiled_functions_in_compiled_functions,
    a_forward_that_comes_and_goes, attributes_of_a_parameter, attributes_of_an_argument, attributes_that_it_gives,
    the_environment, an_entry_more, a_number_that_counts, an_entry_taken, a_place_in_a_list, a_field, gradients_switched_off,
    another_default_dtype, a_coroutine, a_leaf_that_it_makes, a_parameter_that_it_makes, seeded_in_the_step,
    forked_in_the_step, made_in_the_step, asked_in_the_step, no_rows_at_all,
]  # fmt: skip


@pytest.mark.parametrize("course", [*COURSES, *map(outside, OUTSIDE.values())], ids=[*[x.__name__ for x in COURSES], *OUTSIDE])
def test_agrees_with_pytorch(course):
    agrees(course)


# ------------------------------------------------------------------------------------------------------------------ checked


def test_a_checked_function_may_be_called_with_fewer_tensors():
    def f(x, y=None):
        if y is not None:
            y.add_(1)
        return x * 2

    checked, x = minitorch.compile(f, check=True), minitorch.ones(2)
    for k in range(9):
        assert checked(*([x, x.clone()] if k < 4 or k == 8 else [x])).tolist() == [2, 2]


def test_a_checked_function_may_draw_from_a_generator_of_its_own():
    plain, checked = [minitorch.Generator().manual_seed(1) for _ in range(2)]
    f = minitorch.compile(lambda x: minitorch.rand(3, generator=checked) * x, check=True)
    for _ in range(5):
        assert f(minitorch.ones(3)).tolist() == minitorch.rand(3, generator=plain).tolist()


def test_a_place_is_looked_for_in_the_arena_that_is_used_now():
    table, layer = minitorch.nn.Embedding(4, 3), minitorch.nn.Linear(3, 2)
    optimizer = minitorch.optim.SGD([*table.parameters(), *layer.parameters()], lr=0.1)

    def step(places):
        optimizer.zero_grad()
        loss = layer(table(places)).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    compiled, held = minitorch.compile(step), []
    for k in range(12):
        if k in (5, 8, 11):
            before = [x.tolist() for x in optimizer.param_groups[0]["params"]]
            with pytest.raises(IndexError, match="index out of range in self"):
                compiled(minitorch.tensor([0, 4]))
            assert [x.tolist() for x in optimizer.param_groups[0]["params"]] == before
        compiled(minitorch.tensor([0, 1]))
        held.append(layer.weight.grad)  # so the program must take another arena
    assert len({tuple(map(tuple, x.tolist())) for x in held}) == len(held)
