"""torch.compile and TorchScript's names: the call forms, and that numbers stay."""

import warnings

import pytest
from oracle import agree, same_first_line

import minitorch
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


def test_errors():
    same_first_line(lambda t: t.compile(lambda x: x, mode="default", options={}))


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
