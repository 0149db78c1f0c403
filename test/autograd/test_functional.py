"""autograd.functional: the same derivatives, structures and complaints as PyTorch's."""

import pytest

import minitorch as mt

NAMES = ["vjp", "jvp", "jacobian", "hessian", "vhp", "hvp"]


def x2(lib):
    return lib.tensor([[0.5, -1.0], [2.0, 1.5]])


def x1(lib):
    return lib.tensor([0.3, 0.7])


FUNCTIONS = {
    "square": (lambda x: x * x, lambda lib: x2(lib)),
    "matrix times vector": (lambda x, y: x @ y, lambda lib: (x2(lib), x1(lib))),
    "several outputs": (lambda x: (x.exp(), x.sum()), lambda lib: x1(lib)),
    "several of both": (lambda x, y: (x * y, y.sum()), lambda lib: (x2(lib), x1(lib))),
    "independent of one": (lambda x, y: (x * 2).sum(), lambda lib: (x2(lib), x1(lib))),
    "constant": (lambda x: x.new_ones(()), lambda lib: x1(lib)),
    "linear": (lambda x: (x * 3).sum(), lambda lib: x1(lib)),
    "number": (lambda x: (x**3).sum(), lambda lib: x2(lib)),
    "number of two": (lambda x, y: (x.exp() @ y).prod(), lambda lib: (x2(lib), x1(lib))),
    "0-d": (lambda x: x**3, lambda lib: lib.tensor(2.0)),
    "one element": (lambda x: x**3, lambda lib: lib.tensor([2.0])),
    "tuple of one": (lambda x: (x.sin().sum(),), lambda lib: (x1(lib),)),
    "wants its gradient": (lambda x: (x**3).sum(), lambda lib: x1(lib).requires_grad_()),
    "not a tensor": (lambda x: 3, lambda lib: x1(lib)),
    "not all tensors": (lambda x: (x, 3), lambda lib: x1(lib)),
    "not given a tensor": (lambda x: x, lambda lib: 3),
    "not given all tensors": (lambda x, y: x, lambda lib: (x1(lib), 3)),
}


def vectors(lib, name, function, inputs):
    """One vector of the right shape for a product, and some of the wrong."""
    if name in ("jacobian", "hessian"):
        return [None]
    example = inputs
    if name == "vjp":
        try:
            example = function(*(inputs if isinstance(inputs, tuple) else (inputs,)))
        except TypeError:
            return [None]

    def like(x):
        return lib.arange(float(x.numel())).reshape(x.shape) + 1 if hasattr(x, "numel") else x

    right = tuple(map(like, example)) if isinstance(example, tuple) else like(example)
    return [None, right, lib.ones(5), (lib.ones(5), lib.ones(5))]


OPTIONS = [{}, {"create_graph": True}, {"strict": True}, {"create_graph": True, "strict": True}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("case", FUNCTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_as_in_torch(name, case, options, agree):
    function, make = FUNCTIONS[case]
    for i in range(len(vectors(mt, name, function, make(mt)))):

        def program(lib, i=i):
            inputs = make(lib)
            v = vectors(lib, name, function, inputs)[i]
            extra = {} if name in ("jacobian", "hessian") else {"v": v}
            return getattr(lib.autograd.functional, name)(function, inputs, **extra, **options)

        agree(program)


def test_create_graph_goes_back_to_the_inputs(agree):
    def program(lib):
        x = x1(lib).requires_grad_()
        results = []
        for name in NAMES:
            extra = {} if name in ("jacobian", "hessian") else {"v": lib.ones(()) if name == "vjp" else lib.ones(2)}
            result = getattr(lib.autograd.functional, name)(lambda x: (x**4).sum(), x, create_graph=True, **extra)
            result = result[1] if isinstance(result, tuple) else result
            results.append(lib.autograd.grad(result.sum(), x))
        return results

    agree(program)


@pytest.mark.parametrize("name", NAMES)
def test_no_grad_outside(name, agree):
    def program(lib):
        with lib.no_grad():
            extra = {} if name in ("jacobian", "hessian") else {"v": lib.ones(()) if name == "vjp" else lib.ones(2)}
            return getattr(lib.autograd.functional, name)(lambda x: (x**4).sum(), x1(lib), **extra)

    agree(program)


def test_vectorized_or_not(agree):
    agree(lambda lib: lib.autograd.functional.jacobian(lambda x: x.exp(), x1(lib), vectorize=True))
    agree(lambda lib: lib.autograd.functional.hessian(lambda x: x.exp().sum(), x1(lib), vectorize=True))


def test_strategy(agree):
    for name in ("jacobian", "hessian"):
        option = {"strategy" if name == "jacobian" else "outer_jacobian_strategy": "sideways"}

        def program(lib, name=name, option=option):
            try:
                getattr(lib.autograd.functional, name)(lambda x: x.sum(), x1(lib), **option)
            except AssertionError as error:
                return str(error).split(" Hint")[0]

        agree(program)


def test_of_nothing():
    jacobian = mt.autograd.functional.jacobian(lambda x: (x * 2, x.new_zeros(0, 3)), mt.zeros(0))
    assert [tuple(block.shape) for block in jacobian] == [(0, 0), (0, 3, 0)]
