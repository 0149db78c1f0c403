"""What a compiled function holds on to."""

import gc
import tracemalloc
import weakref
from functools import partial

import pytest

import minitorch as torch


def longest(x):
    for _ in range(20):
        x = x + 1
    return x


def peak_of(function, x):
    tracemalloc.start()
    try:
        function(x)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True, scope="module")
def loaded():
    """What is imported when it is first needed is here, or its source would be counted."""
    compiled = torch.compile(longest)
    for _ in range(3):
        compiled(torch.ones(4))


def test_a_run_that_is_recorded_frees_what_it_no_longer_needs():
    x = torch.ones(1 << 20)
    compiled = torch.compile(longest)
    for _ in range(2):
        assert peak_of(compiled, x) < 4 * x.nbytes


def test_the_heap_gives_back_what_is_free_while_a_run_is_recorded(monkeypatch):
    """Once for each 32 MB that the run makes: here of 20 arrays of 8 MB each."""
    given = []
    monkeypatch.setattr("minitorch.compiler.trace.give_back", lambda: given.append(True))
    compiled, x = torch.compile(longest), torch.ones(1 << 21)
    compiled(x)
    assert 4 <= len(given) <= 6


@pytest.fixture
def generations():
    """The generations of objects that Python looks through for circles; it would look through all at every chance."""
    seen = []

    def note(phase, info):
        if phase == "start":
            seen.append(info["generation"])

    before = gc.get_threshold()
    gc.set_threshold(700, 0, 0)
    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)
    gc.set_threshold(*before)


def test_python_looks_for_circles_among_what_a_recorded_run_made_and_no_further(generations):
    """It looked through all that there was in the process: that took 28 ms of a small GPT's 250 until its program ran."""
    model = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for _ in range(30)])
    optimizer, x = torch.optim.Adam(model.parameters()), torch.ones(2, 4)

    @torch.compile
    def step(x):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()

    gc.collect()
    generations.clear()
    for _ in range(2):
        step(x)
    assert set(generations) == {0}


def test_a_run_that_is_recorded_takes_no_more_than_an_eager_one():
    nn = torch.nn
    model = nn.Sequential(*[nn.Sequential(nn.LayerNorm(256), nn.Linear(256, 256), nn.GELU()) for _ in range(4)])
    x = torch.randn(1024, 256)

    def step(x):
        model.zero_grad()
        model(x).square().mean().backward()

    step(x)
    eager, compiled = peak_of(step, x), torch.compile(step, fullgraph=True)
    for _ in range(2):
        assert peak_of(compiled, x) < 1.1 * eager


def test_the_steps_of_a_chain_take_no_memory():
    x = torch.ones(1 << 20)
    compiled = torch.compile(longest)
    for _ in range(2):
        compiled(x)
    assert peak_of(compiled, x) < 1.5 * x.nbytes  # the result


def trained(width=64):
    model = torch.nn.Linear(width, width)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return model, torch.compile(step), torch.ones(8, width)


def arrays_of(model):
    return [id(p.grad._array) for p in model.parameters()]


def test_gradients_of_the_recorded_run_are_written_over():
    model, step, x = trained()
    while not [program for signature in step.signatures.values() for program in signature.programs]:
        step(x)
    recorded = arrays_of(model)
    step(x)
    assert arrays_of(model) == recorded


HOLDS = {
    "it": lambda grad: grad,
    "its array": lambda grad: grad.numpy(),
    "a row": lambda grad: grad[1:3],
    "a row of its array": lambda grad: grad.numpy()[1:3].T,
    "another name of it": lambda grad: grad.detach(),
    "as a parameter": lambda grad: torch.nn.Parameter(grad),
}


@pytest.mark.parametrize("hold", HOLDS.values(), ids=list(HOLDS))
@pytest.mark.parametrize("calls", [2, 3, 6])
def test_a_gradient_that_somebody_holds_is_not_written_over(hold, calls):
    model, step, x = trained()
    for _ in range(calls):
        step(x)
    held = hold(model.weight.grad)
    before = torch.as_tensor(held).detach().clone()
    for _ in range(3):
        step(x)
        assert torch.equal(torch.as_tensor(held), before)
    assert not torch.equal(torch.as_tensor(hold(model.weight.grad)), before)  # the steps went on


def program_of(step):
    (program,) = [program for signature in step.signatures.values() for program in signature.programs]
    return program


def test_gradients_lie_where_other_values_lay_before():
    """Six layers' inputs, and then six weights' gradients, of the same size: the arena has room for eight."""
    nn, width = torch.nn, 128
    model = nn.Sequential(*[nn.Sequential(nn.Linear(width, width), nn.Tanh()) for _ in range(6)])
    x = torch.randn(width, width)
    step = torch.compile(trained_on(model), fullgraph=True)
    for _ in range(3):
        step(x)
    native = program_of(step).native
    assert len(native.plan.lent) == 12 and native.plan.size < 8.2 * x.nbytes
    assert all([p.grad._array.base is native.pages for p in model.parameters()])


def test_who_holds_a_gradient_lets_the_others_have_memory_of_their_own():
    model, step, x = trained()
    for _ in range(3):
        step(x)
    held, native = model.bias.grad, program_of(step).native
    assert held._array.base is native.pages
    step(x)
    assert held._array.base is not native.pages and model.bias.grad._array.base is None


def test_gradients_of_two_programs_take_turns():
    """Each lets go of the other's: there is nothing that would have to be kept."""
    model, step, x = trained()
    other = torch.ones(4, 64)
    for y in (x, other) * 3:
        step(y)
    programs = [program for signature in step.signatures.values() for program in signature.programs]
    for y, program in zip((x, other) * 2, programs * 2):
        step(y)
        assert model.weight.grad._array.base is program.native.pages


def test_a_recorded_run_lets_go_of_the_gradients_from_before():
    """What it needs at a time is one new gradient, and the update that is taken from the weight."""
    model, step, x = trained(width=512)
    tracemalloc.start()
    try:
        step(x)
        tracemalloc.reset_peak()
        step(x)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * model.weight.nbytes
    finally:
        tracemalloc.stop()


def test_a_program_keeps_nothing_of_how_it_came_about():
    _, step, x = trained()
    for _ in range(3):
        step(x)
    (program,) = [program for signature in step.signatures.values() for program in signature.programs]
    assert "parts" not in vars(program.native)
    assert program.native.kernels and "parts" in vars(program.native)  # asked for, it is made again


def arena_of(step, *inputs):
    """The bytes of a compiled function's arena."""
    compiled = torch.compile(step, fullgraph=True)
    for _ in range(3):
        compiled(*inputs)
    (program,) = [program for signature in compiled.signatures.values() for program in signature.programs]
    return program.native.plan.size


def trained_on(model):
    def step(x):
        model.zero_grad()
        model(x).square().mean().backward()

    return step


@pytest.mark.parametrize("activation", [torch.nn.ReLU(), torch.nn.Sigmoid(), torch.nn.GELU()], ids=repr)
def test_of_a_layer_with_a_batch_norm_one_value_is_kept(activation):
    """What the activation made is laid down again by the kernel that goes back through it, which reads it as well."""
    nn, layers = torch.nn, 8
    model = nn.Sequential(*[nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), activation) for _ in range(layers)])
    x = torch.randn(4, 8, 16, 16)
    assert arena_of(trained_on(model), x) < (layers + 3.2) * x.nbytes


def test_of_a_recurrent_layers_gates_what_is_read_later_is_kept():
    """For each step the gates r and u, the new part n, the state's part of that, h less n: 5 numbers, where all of W h would be 7."""
    length, batch, size = 40, 32, 64
    layer = torch.nn.GRU(size, size)
    x, one = torch.randn(length, batch, size), batch * size * 4

    def step(x):
        layer.zero_grad()
        layer(x)[0].square().mean().backward()

    assert arena_of(step, x) < 12 * length * one


BLOCKS = {
    "products": lambda nn: nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64)),
    "a norm first": lambda nn: nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64)),
    "a layer twice": lambda nn: nn.Sequential(*[nn.Linear(64, 64)] * 4, nn.Tanh()),
}


def deep(block, compiles, checkpoint):
    """(the compiled function, what is called with x) of six such blocks, whose loss goes backward within or outside."""
    torch.manual_seed(0)
    model = torch.nn.ModuleList([block(torch.nn) for _ in range(6)])

    def forward(x):
        for part in model:
            x = x + checkpoint(part, x)
        return x.square().mean()

    run = torch.compile(forward, fullgraph=True) if compiles == "forward" else forward

    def step(x):
        model.zero_grad()
        loss = run(x)
        loss.backward()
        return loss.detach()

    return model, run, torch.compile(step, fullgraph=True) if compiles == "step" else step


@pytest.mark.parametrize("block", BLOCKS.values(), ids=list(BLOCKS))
@pytest.mark.parametrize("compiles", ["step", "forward"])
def test_a_checkpoint_is_one_in_a_program_as_well(block, compiles):
    """What a part of the model computed is made again in the backward pass, from its input alone, and comes to the same."""
    x, found = torch.randn(512, 64), []
    for checkpoint in (lambda part, x: part(x), partial(torch.utils.checkpoint.checkpoint, use_reentrant=False)):
        model, run, step = deep(block, compiles, checkpoint)
        losses = [step(x) for _ in range(3)]
        if compiles == "forward":
            size = sum([torch.empty(shape).nbytes for shape, _ in program_of(run).backward.facts])
        else:
            size = program_of(step).native.plan.size - sum([p.nbytes for p in model.parameters()])
        found.append((size, losses, [p.grad for p in model.parameters()]))
    (kept, *numbers), (again, *others) = found
    assert again <= (6 if compiles == "forward" else 20) * x.nbytes and again < kept / 1.5
    torch.testing.assert_close(others, numbers)


def test_what_functions_are_given_is_not_held_for_ever():
    class Batch:
        def __init__(self, x):
            self.x = x

    compiled, alive = torch.compile(lambda batch, scale: batch.x * scale), []
    with pytest.warns(UserWarning, match="more than 8 signatures"):
        for k in range(60):
            batch = Batch(torch.ones(2))
            compiled(batch, float(k))
            alive.append(weakref.ref(batch))
    del batch
    assert sum(known() is not None for known in alive) < 40
    assert len(compiled.signatures) < 10
