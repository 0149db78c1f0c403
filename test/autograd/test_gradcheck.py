"""gradcheck: what it accepts, and what it finds."""

import pytest

import minitorch as mt


def double(lib, *values):
    return lib.tensor(values or (1.0, 2.0), dtype=lib.float64, requires_grad=True)


def wrong(lib, factor=1.0):
    """x ** 3 with a derivative that is wrong by a factor."""

    class Wrong(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x**2 * factor

    return Wrong.apply


def wrong_second(lib):
    """x ** 3 whose derivative is right and can't be differentiated, without saying so."""

    class Wrong(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 3 * x.detach() ** 2

    return Wrong.apply


def unsteady(lib):
    class Unsteady(lib.autograd.Function):
        calls = 0

        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            Unsteady.calls += 1
            return g * 2 + Unsteady.calls * 1e-9

    return Unsteady.apply


def checked(check, function, *inputs, **options):
    def program(lib):
        made = [x(lib) if callable(x) else x for x in inputs]
        return getattr(lib.autograd, check)(function(lib), *made, **options)

    return program


def plain(function):
    return lambda lib: function


RIGHT = {
    "square": plain(lambda x: x * x),
    "several outputs": plain(lambda x: (x * x, x.sum(), x.exp())),
    "0-d": plain(lambda x: x.sum()),
    "through a view": plain(lambda x: x.reshape(2, 1) * x),
    "written in place": plain(lambda x: (x * 1).mul_(x)),
    "nearly right": lambda lib: wrong(lib, 1.0001),
    "an output without gradient": plain(lambda x: (x * 2, x.detach())),
    "integers": plain(lambda x: (x * 2).long()),
}


@pytest.mark.parametrize("function", RIGHT.values(), ids=RIGHT)
def test_what_is_right(function, agree):
    assert agree(checked("gradcheck", function, lambda lib: (double(lib),)))[0] is True


FOUND = {
    "wrong": ("gradcheck", lambda lib: wrong(lib, 2.0), {}),
    "wrong, false": ("gradcheck", lambda lib: wrong(lib, 2.0), {"raise_exception": False}),
    "nearly right, strictly": ("gradcheck", lambda lib: wrong(lib, 1.0001), {"rtol": 1e-7, "atol": 1e-7}),
    "cut off": ("gradcheck", plain(lambda x: x.detach() * x), {}),
    "cut off whole": ("gradcheck", plain(lambda x: x.detach() * 2), {}),
    "unsteady": ("gradcheck", unsteady, {}),
    "unsteady, allowed": ("gradcheck", unsteady, {"nondet_tol": 1e-3}),
    "not smooth": ("gradcheck", plain(lambda x: x.floor()), {}),
    "second": ("gradgradcheck", wrong_second, {}),
    "second, right": ("gradgradcheck", wrong, {}),
    "second, some outputs": ("gradgradcheck", plain(lambda x: (x**3, x.detach(), x.exp().sum())), {}),
    "second, not contiguous": ("gradgradcheck", plain(lambda x: x**3), {"gen_non_contig_grad_outputs": True}),
    "second, false": ("gradgradcheck", wrong_second, {"raise_exception": False}),
}


@pytest.mark.parametrize("check, function, options", FOUND.values(), ids=FOUND)
def test_what_is_found(check, function, options, agree):
    agree(checked(check, function, lambda lib: (double(lib),), **options))


def two(lib):
    return double(lib), double(lib, 3.0, 4.0)


INPUTS = {
    "one": lambda lib: double(lib),
    "list": lambda lib: [double(lib)],
    "with a number": lambda lib: (double(lib), 3.0),
    "with what needs none": lambda lib: (double(lib), lib.ones(2).double()),
    "two": two,
    "none wants": lambda lib: lib.ones(2).double(),
    "expanded": lambda lib: lib.ones(1).double().expand(2).requires_grad_(),
    "transposed": lambda lib: lib.arange(6.0).double().reshape(2, 3).T.requires_grad_(),
    "empty": lambda lib: lib.zeros(0, 2).double().requires_grad_(),
    "0-d": lambda lib: lib.tensor(2.0).double().requires_grad_(),
    "not a leaf": lambda lib: double(lib) * 2,
}


@pytest.mark.parametrize("check", ["gradcheck", "gradgradcheck"])
@pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)
def test_inputs(inputs, check, agree):
    agree(checked(check, plain(lambda x, y=1: x * x * y), inputs))


def test_single_precision_is_warned_of(agree):
    def program(lib):
        return lib.autograd.gradcheck(lambda x: x * 0.5, lib.ones(2, requires_grad=True), atol=1, rtol=1)

    assert len(agree(program)[1]) == 1


def test_gradients_to_begin_with(agree):
    agree(lambda lib: lib.autograd.gradgradcheck(lambda x: x**3, double(lib), double(lib, 3.0, 4.0)))
    agree(lambda lib: lib.autograd.gradgradcheck(lambda x: (x**3, x), double(lib), [double(lib), double(lib)]))


def test_nothing_is_left_behind(agree):
    """The inputs are as they were, no gradient is added, and as many random numbers are drawn as by PyTorch."""

    def program(lib):
        lib.manual_seed(0)
        x = double(lib)
        for name in ("gradcheck", "gradgradcheck"):
            getattr(lib.autograd, name)(lambda x: x**3, x)
        return x, x.grad, x._version, lib.rand(2)

    agree(program)


def test_the_error_shows_both():
    with pytest.raises(mt.autograd.GradcheckError) as caught:
        mt.autograd.gradcheck(wrong(mt, 2.0), double(mt))
    text = str(caught.value)
    assert "numerical:tensor" in text and "analytical:tensor" in text
    assert "12.0000" in text and "24." in text  # 3 x², and twice that
