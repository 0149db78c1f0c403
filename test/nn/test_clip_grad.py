"""nn.utils: gradient clipping, and parameters as one vector, against PyTorch's."""

import math

import pytest

INF = math.inf


def parameters(lib, dtype="float32", values=None):
    """Some parameters, one of them without a gradient."""
    values = values or [[3.0, -4.0], [[0.5, 0.25], [-12.0, 1.0]], 2.0]
    made = [lib.nn.Parameter(lib.zeros(3))]
    for value in values:
        gradient = lib.tensor(value, dtype=getattr(lib, dtype))
        made.append(lib.nn.Parameter(lib.zeros(gradient.shape, dtype=gradient.dtype)))
        made[-1].grad = gradient
    return made


def rounded(values, digits=5):
    if isinstance(values, list):
        return [rounded(v, digits) for v in values]
    return float(f"{values:.{digits}g}")


def gradients(params):
    return [None if p.grad is None else rounded(p.grad.tolist()) for p in params]


@pytest.mark.parametrize("norm_type", [2, 2.0, 1, 3, 0.5, INF, "inf", -INF, 0, -1])
@pytest.mark.parametrize("max_norm", [1.0, 5, 1e6, 0.0])
def test_norm(agree, max_norm, norm_type):
    def program(lib):
        params = parameters(lib)
        before = [p.grad for p in params]
        total = lib.nn.utils.clip_grad_norm_(params, max_norm, norm_type)
        same = [p.grad is g for p, g in zip(params, before, strict=True)]
        return rounded(total.item()), str(total.dtype), tuple(total.shape), total.requires_grad, gradients(params), same

    agree(program)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
@pytest.mark.parametrize("norm_type", [2.0, 1.0, INF])
def test_norm_of_other_dtypes(agree, dtype, norm_type):
    def program(lib):
        params = parameters(lib, dtype)
        total = lib.nn.utils.clip_grad_norm_(params, 1.0, norm_type)
        return rounded(total.item()), str(total.dtype), [rounded(p.grad.float().tolist(), 2) for p in params[1:]]

    agree(program)


def test_norm_of_mixed_dtypes(agree):
    def program(lib):
        params = [*parameters(lib), *parameters(lib, "float64")]
        total = lib.nn.utils.clip_grad_norm_(params, 1.0)
        return rounded(total.item()), str(total.dtype), gradients(params), [str(p.dtype) for p in params]

    agree(program)


@pytest.mark.parametrize("bad", [INF, -INF, math.nan])
@pytest.mark.parametrize("options", [
    {}, {"error_if_nonfinite": True}, {"norm_type": INF, "error_if_nonfinite": True},
], ids=str)  # fmt: skip
def test_norm_that_is_not_finite(agree, bad, options):
    def program(lib):
        params = parameters(lib, values=[[1.0, bad], [2.0]])
        total = lib.nn.utils.clip_grad_norm_(params, 1.0, **options)
        return repr(total), [repr(p.grad) for p in params]

    agree(program)


@pytest.mark.parametrize("program", [
    lambda lib: lib.nn.utils.clip_grad_norm_(parameters(lib)[1], 1.0),
    lambda lib: lib.nn.utils.clip_grad_norm_((p for p in parameters(lib)), 1.0).item() > 0,
    lambda lib: lib.nn.utils.clip_grad_norm_([], 1.0),
    lambda lib: lib.nn.utils.clip_grad_norm_((p for p in []), 1.0),
    lambda lib: lib.nn.utils.clip_grad_norm_([lib.nn.Parameter(lib.ones(2))], 1.0),
    lambda lib: lib.nn.utils.clip_grad_norm_(parameters(lib)[1], max_norm=1, norm_type=2, foreach=False),
    lambda lib: lib.nn.utils.clip_grad_norm(parameters(lib)[1], 1.0),
    lambda lib: lib.nn.utils.get_total_norm([lib.tensor([3.0, 4.0])]),
    lambda lib: lib.nn.utils.get_total_norm(lib.tensor([3.0, 4.0]), INF),
    lambda lib: lib.nn.utils.get_total_norm([]),
    lambda lib: lib.nn.utils.get_total_norm([lib.tensor([3.0]), lib.tensor([INF])], error_if_nonfinite=True),
    lambda lib: lib.nn.utils.clip_grads_with_norm_(parameters(lib), 1.0, lib.tensor(10.0)),
    lambda lib: lib.nn.utils.clip_grad_value_(parameters(lib), 1.0),
])  # fmt: skip
def test_forms_errors_and_warnings(agree, program):
    agree(program)


@pytest.mark.parametrize("clip_value", [1.0, 3, 100.0, 0.0])
def test_value(agree, clip_value):
    def program(lib):
        params = parameters(lib)
        before = [p.grad for p in params]
        lib.nn.utils.clip_grad_value_(params, clip_value)
        lib.nn.utils.clip_grad_value_(params[1], clip_value)
        return gradients(params), [p.grad is g for p, g in zip(params, before, strict=True)]

    agree(program)


def test_with_a_given_norm(agree):
    def program(lib):
        params = parameters(lib)
        lib.nn.utils.clip_grads_with_norm_(params, 1.0, lib.tensor(10.0))
        return gradients(params)

    agree(program)


def test_parameters_as_a_vector_and_back(agree):
    def program(lib):
        params = [lib.nn.Parameter(lib.tensor([[1.0, 2.0], [3.0, 4.0]])), lib.nn.Parameter(lib.tensor(5.0))]
        vector = lib.nn.utils.parameters_to_vector(params)
        before = list(params)
        lib.nn.utils.vector_to_parameters(vector.detach() * 2, params)
        same = [p is q for p, q in zip(params, before, strict=True)]
        return vector.detach(), vector.requires_grad, params, same

    agree(program)


def test_a_vector_that_is_none(agree):
    agree(lambda lib: lib.nn.utils.vector_to_parameters([1.0], [lib.nn.Parameter(lib.ones(1))]))
