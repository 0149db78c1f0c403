"""Are the derivatives right? Asked of finite differences, element by element.

    numerical[i, j] = (f(x + ε eᵢ)ⱼ - f(x - ε eᵢ)ⱼ) / 2ε          analytical[:, j] = backward from eⱼ

Complex outputs are looked at as two reals each; a complex input is moved in both directions, by ε and by εi, and the two
differences are the parts of its gradient.

Use float64: with float32 the difference drowns in rounding.   torch: torch/autograd/gradcheck.py
"""

import warnings

from ..creation import empty, zeros, zeros_like
from ..dtypes import complex128, float64
from ..engine import Tensor
from ..modes import no_grad
from ..ops.complex import complex, view_as_complex, view_as_real
from ..ops.joining import stack
from .reverse import grad

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A derivative isn't what finite differences say.   torch: autograd.gradcheck.GradcheckError"""


def gradcheck(
    func,
    inputs,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_batched_forward_grad=False,
    check_forward_ad=False,
    check_backward_ad=True,
    fast_mode=False,
    masked=None,
):
    """True if backward through ``func(*inputs)`` agrees with finite differences; else GradcheckError, or False.

    Every element is looked at, in ``fast_mode`` too. The other ``check_…`` options have no effect.
    torch: autograd.gradcheck

    >>> x = tensor([1., 2.], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(torch.exp, x)
    True
    """
    inputs = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    try:
        _check_inputs(inputs)
        outputs = _real_outputs(func, inputs)
        numerical = _numerical_jacobians(func, inputs, outputs, eps)
        _compare(inputs, outputs, numerical, atol, rtol, nondet_tol, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func,
    inputs,
    grad_outputs=None,
    *,
    eps=1e-6,
    atol=1e-5,
    rtol=1e-3,
    gen_non_contig_grad_outputs=False,
    raise_exception=True,
    nondet_tol=0.0,
    check_undefined_grad=True,
    check_grad_dtypes=False,
    check_batched_grad=False,
    check_fwd_over_rev=False,
    check_rev_over_rev=True,
    fast_mode=False,
    masked=False,
):
    """``gradcheck`` of the gradients: True if backward through backward agrees with finite differences.

    The gradients to begin with are random, unless ``grad_outputs`` gives them.   torch: autograd.gradgradcheck

    >>> x = tensor([1., 2.], dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradgradcheck(torch.exp, x)
    True
    """
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    wanted = [i for i, _ in _wanted(inputs)]
    if grad_outputs is None:
        grad_outputs = [_drawn(x) for x in _outputs(func(*inputs))]
        if gen_non_contig_grad_outputs:
            grad_outputs = [stack([g, g], -1)[..., 0] for g in grad_outputs]
        grad_outputs = [g.detach().requires_grad_() for g in grad_outputs]
    grad_outputs = tuple(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)

    def gradients(*arguments):
        xs, seeds = arguments[: len(inputs)], arguments[len(inputs) :]
        pairs = [(x, g) for x, g in zip(_outputs(func(*xs)), seeds, strict=True) if x.requires_grad]
        found = grad(
            [x for x, _ in pairs], [xs[i] for i in wanted], [g for _, g in pairs], create_graph=True, allow_unused=True
        )
        return tuple([g for g in found if g is not None])

    return gradcheck(
        gradients, (*inputs, *grad_outputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_grad_dtypes=check_grad_dtypes,
    )  # fmt: skip


def _outputs(outputs):
    """The outputs that have a derivative."""
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return tuple([y for y in outputs if y.is_floating_point() or y.is_complex()])


def _real_outputs(func, inputs):
    """The outputs that have a derivative, the complex ones as pairs of reals."""
    return tuple([view_as_real(y) if y.is_complex() else y for y in _outputs(func(*inputs))])


def _drawn(like):
    """Numbers between -1 and 1 in the shape of an output."""
    if like.is_complex():
        return view_as_complex(empty((*like.shape, 2), dtype=like.dtype.to_real(), device=like.device).uniform_(-1, 1))
    return empty(like.shape, dtype=like.dtype, device=like.device).uniform_(-1, 1)


def _wanted(inputs):
    """The inputs that want a gradient, with their positions. Raises ValueError if there is none."""
    wanted = [(i, x) for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    return wanted


def _check_inputs(inputs):
    for i, x in _wanted(inputs):
        if x.dtype not in (float64, complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. "
                "This check will likely fail if all the inputs are not of double precision floating point or complex. ",
                stacklevel=3,
            )
        if x.numel() and any(step == 0 and size > 1 for step, size in zip(x.stride(), x.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping to be "
                "able to compute the numerical gradients correctly. You should call .contiguous on the input before passing "
                "it to gradcheck."
            )


def _positions(shape):
    """All indices of a shape, in order."""
    positions = [()]
    for size in shape:
        positions = [(*position, i) for position in positions for i in range(size)]
    return positions


def _numerical_jacobians(func, inputs, outputs, eps):
    """For each input that wants a gradient, by output: (input elements, output elements)."""
    jacobians = []
    for x in inputs:
        if not (isinstance(x, Tensor) and x.requires_grad):
            continue
        rows = [[] for _ in outputs]
        for position in _positions(x.shape):
            differences = _differences(func, inputs, x, position, eps)
            if x.is_complex():
                others = _differences(func, inputs, x, position, eps * 1j)
                differences = [complex(a, b) for a, b in zip(differences, others, strict=True)]
            for row, difference in zip(rows, differences, strict=True):
                row.append(difference)
        jacobians.append([_stacked(row, (x.numel(), y.numel()), x) for row, y in zip(rows, outputs, strict=True)])
    return jacobians


def _differences(func, inputs, x, position, step):
    """(f(x + step) - f(x - step)) / 2 |step| for one element of x, by output."""
    place = x.data  # no version: writing here is not noticed by backward
    before = place[position].item()
    place[position] = before + step
    above = [y.detach().clone() for y in _real_outputs(func, inputs)]
    place[position] = before - step
    below = [y.detach().clone() for y in _real_outputs(func, inputs)]
    place[position] = before
    return [((a - b) / (2 * abs(step))).reshape(-1) for a, b in zip(above, below, strict=True)]


def _stacked(rows, shape, like):
    return stack(rows) if rows else zeros(shape, dtype=like.dtype, device=like.device)


def _analytical_jacobians(output, xs):
    """For each of xs: (input elements, output elements), and the dtypes of the gradients."""
    columns, dtypes = [[] for _ in xs], set()
    for position in _positions(output.shape):
        seed = zeros_like(output)
        seed[position] = 1
        for column, x, g in zip(columns, xs, grad(output, xs, seed, retain_graph=True, allow_unused=True), strict=True):
            if g is not None and g.shape != x.shape:
                raise GradcheckError("Analytical gradient has incorrect size")
            dtypes |= set() if g is None else {g.dtype is x.dtype}
            column.append(zeros_like(x).reshape(-1) if g is None else g.detach().clone().reshape(-1))
    with no_grad():
        jacobians = [
            stack(column, 1) if column else zeros((x.numel(), 0), dtype=x.dtype, device=x.device)
            for column, x in zip(columns, xs, strict=True)
        ]
    return jacobians, all(dtypes)


def _compare(inputs, outputs, numerical, atol, rtol, nondet_tol, check_grad_dtypes):
    xs = [x for _, x in _wanted(inputs)]
    differentiable = [j for j, y in enumerate(outputs) if y.requires_grad]
    if not differentiable:
        if any(bool((block != 0).any()) for blocks in numerical for block in blocks):
            raise GradcheckError("Numerical gradient for function expected to be zero\nbut the output doesn't require grad")
        return

    for k, j in enumerate(differentiable):
        analytical, same_dtypes = _analytical_jacobians(outputs[j], xs)
        again, _ = _analytical_jacobians(outputs[j], xs)
        if check_grad_dtypes and not same_dtypes:
            raise GradcheckError("Gradient has dtype mismatch")
        if any(a.numel() and (a - b).abs().max().item() > nondet_tol for a, b in zip(analytical, again, strict=True)):
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives "
                "different values, although analytical gradient matches numerical gradient."
                f"The tolerance for nondeterminism was {nondet_tol}."
            )
        for i, (a, blocks) in enumerate(zip(analytical, numerical, strict=True)):
            n = blocks[j]
            wide = complex128 if a.is_complex() else float64
            if not a.to(wide).allclose(n.to(wide), rtol, atol):
                raise GradcheckError(
                    f"Jacobian mismatch for output {k} with respect to input {i},\nnumerical:{n}\nanalytical:{a}\n"
                )
    _check_linear([outputs[j] for j in differentiable], xs)


def _check_linear(outputs, xs):
    """Gradients of zero go back to gradients of zero."""
    found = grad(outputs, xs, [zeros_like(y) for y in outputs], retain_graph=True, allow_unused=True)
    if any(g is not None and bool((g != 0).any()) for g in found):
        raise GradcheckError("backward not multiplied by grad_output\nit isn't zero where grad_output is")
