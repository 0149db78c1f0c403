"""torch.compile and TorchScript's names: the call forms, and that numbers stay."""

import collections
import copy
import pickle
import warnings

import pytest
import torch
from oracle import agree, same_first_line

import minitorch
from minitorch.compiling.answering import MISS
from minitorch.utils import model_zoo


def quiet(text):
    def program(t):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return eval(text, {"t": t})

    return program


@pytest.mark.parametrize(
    "text",
    [
        "t.compiler.is_compiling(), t.compiler.is_dynamo_compiling(), t.compiler.reset(), t.compiler.disable(lambda: 1)()",
        "t._dynamo.is_compiling(), t._dynamo.allow_in_graph(abs) is abs, \"inductor\" in t._dynamo.list_backends()",
        "t.jit.is_scripting(), t.jit.is_tracing(), t.jit.annotate(int, 3), t.jit.isinstance(3, int)",
        "t.jit.export(lambda: 3)(), t.jit.ignore(lambda: 3)(), t.jit.unused(lambda: 3)(), t.jit.fork(lambda: 3).wait()",
        "t.nn.attention.SDPBackend.MATH.name, t.nn.attention.SDPBackend.FLASH_ATTENTION.value",
        "list(t.compile(t.nn.Linear(1, 1)).state_dict()), repr(t.compile(t.nn.Linear(2, 1))), t.compile(t.nn.Linear(2, 1)).in_features",
    ],
)
def test_as_in_pytorch(text):
    agree(quiet(text))


def test_call_forms_of_compile():
    @minitorch.compile
    def double(x):
        """Twice."""
        return x * 2

    @minitorch.compile(fullgraph=True, mode="max-autotune")
    def triple(x):
        return x * 3

    x = minitorch.ones(1)
    assert double(x).item() == 2 and triple(x).item() == 3 and double.__doc__ == "Twice." and double.__name__ == "double"
    net = minitorch.nn.Sequential(minitorch.nn.Linear(1, 1), minitorch.nn.Dropout())
    compiled = minitorch.compile(net)
    assert minitorch.equal(compiled.eval()(x), net(x)) and not net.training and compiled._orig_mod is net
    assert compiled[0] is net[0] if hasattr(compiled, "__getitem__") else True


def answered(compiled, *args):
    """Whether a program answers the call; if so, it does."""
    return any([answer(args, {}) is not MISS for answer in compiled.answers])


def warm(function, *args):
    """The function, compiled, and called until a program answers."""
    compiled = minitorch.compile(function)
    for _ in range(3):
        compiled(*args)
    assert answered(compiled, *args)
    return compiled


def double(x):
    return x * 2


class Count:
    """Counts up, where nobody watches for changes: in a list that a builtin method has."""

    def __init__(self):
        self.tick = [].append

    def up(self):
        self.tick(None)

    @property
    def n(self):
        return len(self.tick.__self__)


def test_a_module_compiled_in_place():
    layer, x = minitorch.nn.Linear(2, 3), minitorch.randn(4, 2)
    expected, calls = layer(x), Count()
    layer.register_forward_hook(lambda module, args, output: calls.up())
    assert layer.compile() is None
    for _ in range(5):
        assert minitorch.allclose(layer(x), expected)
    assert answered(layer._compiled_call_impl, x) and calls.n < 6, "the hook is part of what was recorded"
    layer(x).sum().backward()
    assert minitorch.equal(layer.bias.grad, minitorch.full((3,), 4.0))
    assert list(layer.state_dict()) == ["weight", "bias"] and repr(layer) == repr(minitorch.nn.Linear(2, 3))
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(minitorch.nn.Linear(2, 3)))):
        assert copied._compiled_call_impl is None


def test_gradients_that_add_up():
    x, y = minitorch.ones(2, requires_grad=True), minitorch.ones(2)

    def step():
        loss = (x * y).square().sum()
        loss.backward()
        return loss

    compiled = minitorch.compile(step)
    for n in range(1, 7):
        compiled()
        assert minitorch.equal(x.grad, minitorch.full((2,), 2.0 * n))
    assert answered(compiled)


GROWING = {"list": list.append, "deque": collections.deque.append, "set": set.add, "dict": lambda kept, n: kept.update({n: n})}


@pytest.mark.parametrize("kind", GROWING)
def test_what_was_empty_may_grow(kind):
    kept = {"list": [], "deque": collections.deque(), "set": set(), "dict": {}}[kind]

    def step(x):
        GROWING[kind](kept, len(kept))
        return x + len(kept)

    compiled = minitorch.compile(step)
    with pytest.warns(UserWarning, match="runs eagerly: it changes a"):
        assert [compiled(minitorch.zeros(1)).item() for _ in range(8)] == list(range(1, 9))


def test_what_is_recorded_can_tell():
    seen = []

    def step(x):
        seen.append((minitorch.compiler.is_compiling(), minitorch.compiler.is_dynamo_compiling()))
        return x + 1

    compiled = minitorch.compile(step)
    for _ in range(3):
        compiled(minitorch.ones(2))
    step(minitorch.ones(2))
    assert seen[0] == (True, True) and seen[-1] == (False, False) and not minitorch.compiler.is_compiling()


def test_what_is_disabled_runs_at_each_call():
    for disable in (minitorch.compiler.disable, minitorch.compiler.disable(), minitorch.compiler.disable(reason="it prints")):
        seen, inner = [], warm(double, minitorch.ones(2))

        @disable
        def outside(x, seen=seen, inner=inner):
            seen.append((minitorch.compiler.is_compiling(), answered(inner, x)))
            return inner(x) + len(seen)

        assert outside.__name__ == "outside"
        compiled = minitorch.compile(lambda x, outside=outside: outside(x) * 10)
        with pytest.warns(UserWarning, match=r"outside isn't to be compiled, in .*test_compiling.py:\d+"):
            values = [compiled(minitorch.ones(2))[0].item() for _ in range(6)]
        assert values == [30, 40, 50, 60, 70, 80] and seen == [(False, False)] * 6
        assert answered(inner, minitorch.ones(2)), "only what it calls runs eagerly"
    with pytest.raises(RuntimeError, match="isn't to be compiled"):
        whole = minitorch.compile(lambda x: outside(x), fullgraph=True)
        [whole(minitorch.ones(2)) for _ in range(2)]
    same_first_line(lambda t: t.compiler.disable(3))
    same_first_line(lambda t: t.compiler.allow_in_graph(3))
    with pytest.raises(NotImplementedError, match="decorate its forward"):
        minitorch.compiler.disable(minitorch.nn.Linear(1, 1))


def test_disabled_alone_what_it_calls_is_compiled():
    inner = warm(double, minitorch.ones(2))
    alone = minitorch.compiler.disable(lambda x: answered(inner, x), recursive=False)
    assert alone(minitorch.ones(2))


def test_reset_forgets_programs():
    compiled, x = warm(double, minitorch.ones(2)), minitorch.ones(2)
    minitorch.compiler.reset()
    assert not answered(compiled, x)
    assert [compiled(x)[0].item() for _ in range(3)] == [2, 2, 2] and answered(compiled, x)


def test_stances():
    compiler, x, other = minitorch.compiler, minitorch.ones(2), minitorch.ones(3)
    calls = Count()

    def step(x):
        calls.up()
        return x * 2

    compiled = warm(step, x)
    ran = calls.n
    with compiler.set_stance("force_eager"):
        assert not answered(compiled, x) and compiled(x)[0].item() == 2
    assert calls.n == ran + 1 and compiled(x)[0].item() == 2 and calls.n == ran + 1
    with compiler.set_stance("fail_on_recompile"):
        assert compiled(x)[0].item() == 2 and calls.n == ran + 1
        with pytest.raises(RuntimeError, match=r"Detected recompile .*test_compiling.py', function name: 'step', line number: \d+"):
            compiled(other)
    with compiler.set_stance("eager_on_recompile"):
        for _ in range(4):
            compiled(other)
    assert calls.n == ran + 5 and not answered(compiled, other)

    @compiler.set_stance("force_eager")
    def inside():
        return answered(compiled, x)

    assert not inside() and compiled(x)[0].item() == 2 and answered(compiled, x)
    compiler.set_stance("force_eager")
    assert not answered(compiled, x)
    compiler.set_stance("default")
    with pytest.raises(RuntimeError, match="attempted to set_stance in a torch.compile region"):
        minitorch.compile(lambda x: compiler.set_stance("default"))(x)
    same_first_line(lambda t: t.compiler.set_stance("force_eager", force_backend="eager"))
    with pytest.raises(RuntimeError, match="invalid torch.compile stance 'nope'"):
        compiler.set_stance("nope")
    with pytest.raises(NotImplementedError, match="force_backend"):
        compiler.set_stance(force_backend="eager")
    assert set(compiler.list_backends()) <= set(torch.compiler.list_backends())


def test_errors():
    same_first_line(lambda t: t.compile(lambda x: x, mode="default", options={}))
    same_first_line(lambda t: t.compile(lambda x: x, mode="nope"))
    same_first_line(lambda t: t.compile(lambda x: x, backend="nope"))
    with pytest.raises(NotImplementedError, match="of one's own"):
        minitorch.compile(double, backend=lambda graph, inputs: graph)


def test_backends_that_compile_nothing():
    agree(quiet("t.compile(lambda x: x + 1, backend='eager')(t.ones(1)), list(t.compile(t.nn.Linear(1, 1), disable=True).state_dict())"))
    calls = Count()
    compiled = minitorch.compile(lambda x: calls.up(), backend="eager")
    [compiled(minitorch.ones(1)) for _ in range(4)]
    layer = minitorch.compile(minitorch.nn.Linear(1, 1), backend="aot_eager")
    assert calls.n == 4 and list(layer.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]
    assert minitorch.equal(layer(minitorch.ones(1)), layer._orig_mod(minitorch.ones(1)))


def test_torchscript_says_that_it_is_not_there():
    def f(x):
        return x + 1

    with pytest.warns(UserWarning, match="TorchScript isn't here"):
        assert minitorch.jit.script(f) is f
    with pytest.warns(UserWarning, match="TorchScript isn't here"):
        assert minitorch.jit.trace(f, (minitorch.ones(1),)) is f
    for call in (lambda: minitorch.jit.save(f, "x"), lambda: minitorch.jit.load("x"), minitorch.jit.ScriptModule):
        with pytest.raises(NotImplementedError, match="TorchScript isn't here"):
            call()


def test_what_is_left_out_names_itself():
    calls = {
        "sparse tensors": [minitorch.sparse_coo_tensor, minitorch.sparse_csr_tensor, minitorch.sparse.mm, minitorch.spmm],
        "quantized tensors": [minitorch.quantize_per_tensor, minitorch.dequantize],
        "nothing is downloaded": [minitorch.hub.load, minitorch.hub.load_state_dict_from_url, model_zoo.load_url],
    }
    for words, functions in calls.items():
        for function in functions:
            with pytest.raises(NotImplementedError, match=words):
                function()


def test_attention_ways():
    def program(t):
        a = t.nn.attention
        with a.sdpa_kernel(a.SDPBackend.MATH):
            inside = t.backends.cuda.math_sdp_enabled(), t.backends.cuda.flash_sdp_enabled()
        return inside, t.backends.cuda.flash_sdp_enabled(), a.SDPBackend.MATH.name

    agree(program)
