"""Derivatives of functions: Jacobians and Hessians, whole or times a vector.

With J = ∂f/∂x and H = ∂²f/∂x², backward computes vᵀJ, a row of J at a time. The other side, J v, comes of it by going
back twice: vᵀJ is linear in v, so its derivative by v, times another vector u, is J u ("the double backward trick").

Here ``inputs`` and what ``func`` returns are one tensor or a tuple of them, and the results are shaped alike.
``create_graph`` keeps the results differentiable; ``strict`` makes it an error where they would be zero because an output
doesn't depend on an input.   torch: torch/autograd/functional.py
"""

from ..absent import absent
from ..creation import zeros_like
from ..engine import Tensor
from ..modes import MODE, enable_grad, set_grad_enabled
from ..ops.joining import stack
from .reverse import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

__getattr__ = absent(__name__)


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """``func(*inputs)``, and vᵀJ, the gradient of Σ v · output.   torch: autograd.functional.vjp

    >>> output, product = torch.autograd.functional.vjp(torch.exp, torch.zeros(2), torch.ones(2))
    >>> product
    tensor([1., 1.])
    """
    with enable_grad():
        xs, many_in = _taken(inputs, "inputs", "vjp", create_graph)
        outputs, many_out = _called(func, xs, "vjp", strict)
        if v is not None:
            v = _vector(v, outputs, many_out, "vjp", create_graph)
        elif len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single Tensor with a single element."
            )

    with set_grad_enabled(create_graph or MODE.grad):
        product = _gradients(outputs, xs, v, create_graph)
        product = _filled(product, xs, strict, create_graph, JACOBIAN)
    return _given(outputs, many_out, create_graph), _given(product, many_in, create_graph)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """``func(*inputs)``, and J v, how the output changes along v.   torch: autograd.functional.jvp

    >>> output, product = torch.autograd.functional.jvp(lambda x: x * x, tensor([1., 2.]), torch.ones(2))
    >>> product
    tensor([2., 4.])
    """
    with enable_grad():
        xs, many_in = _taken(inputs, "inputs", "jvp", create_graph)
        v = _input_vector(v, xs, many_in, "jvp", create_graph)
        outputs, many_out = _called(func, xs, "jvp", strict)

        any_v = tuple([zeros_like(output, requires_grad=True) for output in outputs])  # vᵀJ is linear: where doesn't matter
        back = _gradients(outputs, xs, any_v, True)
        _check(back, GRADIENT, strict)

    with set_grad_enabled(create_graph or MODE.grad):
        product = _gradients(back, any_v, v, create_graph)
        product = _filled(product, outputs, strict, create_graph, TRICK)
    return _given(outputs, many_out, create_graph), _given(product, many_out, create_graph)


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """∂output / ∂input, of shape (*output, *input); a tuple of them, or of tuples, if there are several.

    It is always computed a row at a time, whatever ``vectorize`` and ``strategy``.   torch: autograd.functional.jacobian

    >>> torch.autograd.functional.jacobian(lambda x: x * x, tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    with enable_grad():
        xs, many_in = _taken(inputs, "inputs", "jacobian", create_graph)
        outputs, many_out = _called(func, xs, "jacobian", strict)
        blocks = tuple([_rows(output, i, xs, create_graph, strict) for i, output in enumerate(outputs)])
    blocks = tuple([_given(row, many_in, create_graph) for row in blocks])
    return blocks if many_out else blocks[0]


def _rows(output, i, xs, create_graph, strict):
    """The Jacobians of one output by each of xs."""
    columns = [[] for _ in xs]
    for element in output.reshape(-1).unbind() if output.numel() else ():
        gradients = _gradients((element,), xs, None, create_graph, retain_graph=True)
        for column, x, g, j in zip(columns, xs, gradients, range(len(xs)), strict=True):
            if g is None and strict:
                raise RuntimeError(
                    f"Output {i} of the user-provided function is independent of input {j}. This is not allowed in strict mode."
                )
            if g is not None and strict and create_graph and not g.requires_grad:
                raise RuntimeError(JACOBIAN_GRAPH.format(i=i))
            column.append(zeros_like(x) if g is None else g)
    return tuple(
        [
            stack(column).view(output.shape + x.shape) if column else x.new_zeros(output.shape + x.shape)
            for column, x in zip(columns, xs, strict=True)
        ]
    )


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"):
    """The second derivatives of a function with one number as result: the Jacobian of its gradient.

    Of shape (*input, *input), or a tuple of tuples of them.   torch: autograd.functional.hessian

    >>> torch.autograd.functional.hessian(lambda x: (x ** 3).sum(), tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    xs, many = _as_tuple(inputs, "inputs", "hessian")

    def gradient(*xs):
        slopes = jacobian(lambda *xs: _number(func(*xs), "hessian", strict), xs, create_graph=True)
        _check(slopes, HESSIAN_JACOBIAN, strict)
        return slopes

    blocks = jacobian(gradient, xs, create_graph=create_graph, strict=strict)
    return blocks if many else blocks[0][0]


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """``func(*inputs)``, one number, and vᵀH, by going back twice.   torch: autograd.functional.vhp"""
    with enable_grad():
        xs, many_in = _taken(inputs, "inputs", "vhp", create_graph)
        v = _input_vector(v, xs, many_in, "vhp", create_graph)
        output = func(*xs)
        slopes = _gradients((_number(output, "vhp", strict),), xs, None, True)
        _check(slopes, HESSIAN_JACOBIAN, strict)

    with set_grad_enabled(create_graph or MODE.grad):
        product = _gradients(slopes, xs, v, create_graph)
        product = _filled(product, xs, strict, create_graph, HESSIAN)
    return _given((output,), False, create_graph), _given(product, many_in, create_graph)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """``func(*inputs)``, one number, and H v, by going back three times. H is symmetric: ``vhp`` is the faster way.

    torch: autograd.functional.hvp
    """
    with enable_grad():
        xs, many_in = _taken(inputs, "inputs", "hvp", create_graph)
        v = _input_vector(v, xs, many_in, "hvp", create_graph)
        output = func(*xs)
        slopes = _gradients((_number(output, "hvp", strict),), xs, None, True)
        _check(slopes, HESSIAN_JACOBIAN, strict)

        any_v = tuple([zeros_like(x, requires_grad=True) for x in xs])
        back = _gradients(slopes, xs, any_v, True)
        _check(slopes, HESSIAN, strict)

    with set_grad_enabled(create_graph or MODE.grad):
        product = _gradients(back, any_v, v, create_graph)
        product = _filled(product, xs, strict, create_graph, HESSIAN_TRICK)
    return _given((output,), False, create_graph), _given(product, many_in, create_graph)


# ------------------------------------------------------------------------------------------------ what goes in, what comes out


def _as_tuple(value, name, function):
    """A tensor or a tuple of tensors as a tuple, and whether it was one."""
    many = isinstance(value, tuple)
    for i, x in enumerate(value if many else (value,)):
        if not isinstance(x, Tensor):
            which = f"the value at index {i} has type" if many else f"the given {name} has type"
            raise TypeError(
                f"The {name} given to {function} must be either a Tensor or a tuple of Tensors but {which} {type(x)}."
            )
    return (value if many else (value,)), many


def _taken(inputs, name, function, create_graph, wanted=True):
    """The inputs as new tensors: what ``func`` does with the old ones behind our back is none of its arguments."""
    xs, many = _as_tuple(inputs, name, function)
    fresh = [x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_(wanted) for x in xs]
    return tuple(fresh), many


def _called(func, xs, function, strict):
    outputs, many = _as_tuple(func(*xs), "outputs of the user-provided function", function)
    _check(outputs, OUTPUT, strict)
    return outputs, many


def _number(output, function, strict):
    """The output, which has to be a single number."""
    outputs, many = _as_tuple(output, "outputs of the user-provided function", function)
    _check(outputs, OUTPUT, strict)
    if many:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if output.numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
    return output.squeeze()


def _input_vector(v, xs, many, function, create_graph):
    if v is not None:
        return _vector(v, xs, many, function, create_graph)
    if len(xs) != 1 or xs[0].numel() != 1:
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single Tensor with a single element."
        )
    return None


def _vector(v, others, many, function, create_graph):
    """v as a tuple, once its shapes are those of ``others``."""
    v, _ = _taken(v, "v", function, create_graph, wanted=False)
    if len(v) != len(others):
        if many:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(others)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (part, other) in enumerate(zip(v, others, strict=True)):
        if part.shape != other.shape:
            where = f"Entry {i} in " if many else ""
            raise RuntimeError(f"{where}v has invalid size: should be {other.shape} but got {part.shape}.")
    return v


def _given(results, many, create_graph):
    """The results, without history unless it was asked for; a single one not in a tuple unless the other side was."""
    results = results if create_graph else tuple([x.detach() for x in results])
    return results if many else results[0]


def _gradients(outputs, xs, v, create_graph, retain_graph=None):
    """``grad``, of those outputs that have one; None where there is none."""
    v = (None,) * len(outputs) if v is None else v
    pairs = [(x, seed) for x, seed in zip(outputs, v, strict=True) if x is not None and x.requires_grad]
    if not pairs:
        return (None,) * len(xs)
    outputs, seeds = zip(*pairs, strict=True)
    return grad(outputs, xs, seeds, retain_graph, create_graph, allow_unused=True)


# ------------------------------------------------------------------------------------------------------------------ strictness

STRICT = "This is not allowed in strict mode."
OUTPUT = (
    "Output {i} of the user-provided function does not require gradients. The outputs must be computed in a differentiable "
    "manner from the input when running in strict mode."
)
GRADIENT = f"The gradient with respect to input {{i}} is independent of the inputs of the user-provided function. {STRICT}"
HESSIAN_JACOBIAN = (
    "While computing the hessian, found that the jacobian of the user-provided function with respect to input {i} is "
    f"independent of the input. {STRICT} You should ensure that your function is twice differentiable and that the jacobian "
    "depends on the inputs (this would be violated by a linear function for example)."
)
NO_OUTPUT = f"The output of the user-provided function is independent of input {{i}}. {STRICT}"
JACOBIAN_GRAPH = (
    "The jacobian of the user-provided function is independent of input {i}. "
    "This is not allowed in strict mode when create_graph=True."
)
HESSIAN_GRAPH = JACOBIAN_GRAPH.replace("jacobian", "hessian")

# What was looked for: the complaint if there is no way to it, and if there is no way on from it.
JACOBIAN = NO_OUTPUT, JACOBIAN_GRAPH
TRICK = (
    "The gradient with respect to the input is independent of entry {i} in the grad_outputs when using the double backward "
    f"trick to compute forward mode gradients. {STRICT}",
    JACOBIAN_GRAPH,
)
HESSIAN = f"The jacobian of the user-provided function is independent of input {{i}}. {STRICT}", HESSIAN_GRAPH
HESSIAN_TRICK = (
    "The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. This is not allowed in "
    "strict mode as it prevents from using the double backward trick to replace forward mode AD.",
    HESSIAN_GRAPH,
)


def _check(tensors, complaint, strict):
    """In strict mode: each of ``tensors`` has to depend on the inputs."""
    for i, x in enumerate(tensors if strict else ()):
        if x is None:
            raise RuntimeError(NO_OUTPUT.format(i=i))
        if not x.requires_grad:
            text = complaint if isinstance(complaint, str) else SECOND
            raise RuntimeError(text.format(i=i))


SECOND = (
    f"The hessian of the user-provided function with respect to input {{i}} is independent of the input. {STRICT} You should "
    "ensure that your function is thrice differentiable and that the hessian depends on the inputs."
)


def _filled(gradients, like, strict, create_graph, complaints):
    """The gradients with zeros for those that are None, which in strict mode is an error."""
    missing, fixed = complaints
    filled = []
    for i, (g, x) in enumerate(zip(gradients, like, strict=True)):
        if strict and g is None:
            raise RuntimeError(missing.format(i=i))
        if strict and create_graph and g is not None and not g.requires_grad:
            raise RuntimeError(fixed.format(i=i))
        filled.append(zeros_like(x) if g is None else g)
    return tuple(filled)
