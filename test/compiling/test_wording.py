"""What a user is told: by warnings, by errors, and by names."""

import functools
import random
import time
import warnings

import pytest

import minitorch as torch

HERE = r".*test_wording.py:\d+"


def doubled(factor, x):
    return x * factor


@pytest.mark.parametrize("function", [functools.partial(doubled, 2), abs], ids=["partial", "builtin"])
def test_a_function_without_code_of_its_own_may_have_many_signatures(function):
    """It raised AttributeError at the ninth."""
    compiled = torch.compile(function)
    with pytest.warns(UserWarning, match=rf"({HERE}|in abs)\n.*pad to a few shapes") as told:
        for n in range(1, 12):
            assert compiled(torch.ones(n)).tolist() == function(torch.ones(n)).tolist()
    assert len(told) == 1
    with torch.compiler.set_stance("fail_on_recompile"), pytest.raises(RuntimeError, match="Detected recompile .*'(doubled|abs)'"):
        torch.compile(function)(torch.ones(1))


def test_a_partial_is_called_as_its_function():
    compiled = torch.compile(functools.partial(doubled, 2))
    compiled(torch.ones(1))
    assert repr(compiled) == "<compiled doubled>" and compiled.explain(measure=False).name == "doubled"


counts = [0]


def counted(x):
    counts[0] += 1
    return x + counts[0]


MISTAKES = {
    "branch": (lambda x: x * 2 if x.sum() > 0 else x, "item looks at a tensor's values", "choose by torch.where"),
    "print": (lambda x: f"{x}", "print looks at a tensor's values", "return it and look outside"),
    "counter": (counted, "it changes a list as it runs", "keep it in a tensor"),
    "random": (lambda x: x + random.random(), "it draws from a generator of random numbers that isn't torch's", "draw by torch.rand"),
    "time": (lambda x: x + time.time(), "it asks for the time", "pass it as an argument"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_who_makes_a_mistake_is_told_where_and_what_to_do(name):
    function, reason, way = MISTAKES[name]
    x = torch.ones(3)
    with pytest.raises(RuntimeError, match=rf"the function can't be compiled as a whole\n{reason}, in {HERE}\n.*{way}"):
        whole = torch.compile(function, fullgraph=True)
        for _ in range(6):
            whole(x)
    compiled = torch.compile(function)
    with pytest.warns(UserWarning, match=rf"runs eagerly: {reason}, in {HERE}\n.*{way}") as told:
        for _ in range(8):
            compiled(x)
    assert len(told) == 1
    explained = compiled.explain(measure=False)
    assert explained.eager[0][1].startswith(reason) and way in str(explained)


def test_a_reason_without_a_line_has_the_function_s():
    @torch.compile
    def function(x):
        kept = [x * 2]
        return (y for y in kept)

    with pytest.warns(UserWarning, match=rf"still held by somebody after it returned, in {HERE}"):
        for _ in range(6):
            function(torch.ones(1))


def test_a_class_is_no_function():
    """Its place was said twice, and was none."""

    @torch.compile
    class Layer(torch.nn.Module):
        def forward(self, x):
            return x * 2

    with pytest.warns(UserWarning, match=rf"Layer runs eagerly: it returns a Layer that it makes, in {HERE}\n.*not its class$"):
        for _ in range(6):
            Layer()


def test_choices_that_there_are_not():
    with pytest.raises(RuntimeError, match="^Invalid backend: 'inducter', see .*\n.*leave backend out"):
        torch.compile(doubled, backend="inducter")
    with pytest.raises(AssertionError, match="^A callable function is expected.*\npass a function or a Module"):
        torch.compile(3)
    with pytest.raises(RuntimeError, match="nothing is compiled by this backend\n"):
        torch.compile(torch.nn.Linear(1, 1), backend="eager").explain()


def test_what_compiles_says_nothing():
    compiled = torch.compile(functools.partial(doubled, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            compiled(torch.ones(2))
    assert len(compiled.explain(measure=False).answers) == 1
