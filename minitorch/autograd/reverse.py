"""Gradients on request: of which outputs, by which inputs, from which gradients on.

torch: torch/autograd/__init__.py
"""

import warnings
from collections.abc import Mapping

from .. import backward as walk
from .. import errors
from ..creation import ones_like, zeros_like
from ..engine import Tensor, edge_of
from ..ops.joining import stack

__all__ = ["Variable", "backward", "grad"]


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None):
    """The gradients of several tensors at once, added to ``.grad`` of what they came from, or of ``inputs`` only.

    grad_tensors: where each starts, None for a single number. The rest is as in ``Tensor.backward``.
    torch: autograd.backward

    >>> x = tensor([1., 2.], requires_grad=True)
    >>> torch.autograd.backward([(x * x).sum(), x * 3], [None, torch.ones(2)])
    >>> x.grad
    tensor([5., 7.])
    """
    if grad_variables is not None:
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        grad_tensors = grad_variables
    outputs = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    wanted = None if inputs is None else _as_inputs(inputs, "backward")

    nodes, seeds = _roots(outputs, _as_gradients(grad_tensors, len(outputs)))
    targets = None
    if wanted is not None:
        for x in wanted:
            if not (x.is_leaf and x.requires_grad):
                x.retain_grad()
        targets = {edge_of(x) for x in wanted}
    walk.backward(nodes, seeds, create_graph if retain_graph is None else retain_graph, create_graph, targets)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
):
    """The gradients of ``outputs`` by each of ``inputs``, as a tuple; no ``.grad`` is touched.

        gᵢ = Σⱼ grad_outputsⱼ · ∂outputsⱼ / ∂inputsᵢ

    grad_outputs: 1 for single numbers. create_graph: the result can be differentiated again. allow_unused: None for an
    input that doesn't matter, materialize_grads: zeros for it. is_grads_batched: grad_outputs has a batch of them along
    a new first dim, and so has the result. A dict of inputs gives a dict.   torch: autograd.grad

    >>> x = tensor(2., requires_grad=True)
    >>> slope, = torch.autograd.grad(x ** 3, x, create_graph=True)
    >>> curvature, = torch.autograd.grad(slope, x)
    >>> slope.item(), curvature.item()
    (12.0, 12.0)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if not only_inputs:
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True).", FutureWarning, stacklevel=2)
    outputs = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    wanted = _as_inputs(inputs, "grad")
    seeds = _as_gradients(grad_outputs, len(outputs))
    retain = create_graph if retain_graph is None else retain_graph

    if is_grads_batched:
        found = _batched(outputs, wanted, seeds, retain, create_graph)
    else:
        found = _gradients(outputs, wanted, seeds, retain, create_graph)

    for i, g in enumerate(found):
        if g is None and materialize_grads:
            found[i] = zeros_like(wanted[i], requires_grad=create_graph)
        elif g is None and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {i} appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior.\n"
                "it may be that it was used through a detached copy, or that another tensor of the same value was"
            )
    return dict(zip(inputs, found, strict=True)) if isinstance(inputs, dict) else tuple(found)


def _gradients(outputs, inputs, seeds, retain_graph, create_graph):
    """The gradient by each input, None where there is no way to it."""
    nodes, seeds = _roots(outputs, seeds)
    edges = [_edge(x, "One of the differentiated Tensors does not require grad") for x in inputs]
    found = walk.backward(nodes, seeds, retain_graph, create_graph, set(edges), accumulate=False)
    return [found.get(edge) for edge in edges]


def _batched(outputs, inputs, seeds, retain_graph, create_graph):
    """``_gradients`` for each of a batch of seeds, stacked."""
    for i, (output, seed) in enumerate(zip(outputs, seeds, strict=True)):
        if seed is not None and seed.shape[1:] != output.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch dimension. The "
                "sizes of the remaining dimensions are expected to match the shape of corresponding output, but a mismatch was "
                f"detected: grad_output[{i}] has a shape of {seed.shape} and output[{i}] has a shape of {output.shape}."
            )
    rows = [
        _gradients(outputs, inputs, row, True, create_graph)
        for row in zip(*[seed if seed is not None else [None] for seed in seeds], strict=True)
    ]
    if not retain_graph:
        for output in outputs:
            _free(output)
    return [None if column[0] is None else stack(column) for column in zip(*rows, strict=True)]


def _free(output):
    for node in walk.reachable((edge_of(output),)):
        node.free()


def _roots(outputs, seeds):
    """The Nodes to start from, and the gradient of each: given, or 1 for a single number."""
    started = []
    for i, (output, seed) in enumerate(zip(outputs, seeds, strict=True)):
        if seed is None and output.requires_grad:
            if output.numel() != 1:
                raise RuntimeError(
                    "grad can be implicitly created only for scalar outputs\n"
                    f"this tensor has shape {tuple(output.shape)}: call .sum() first, or pass its gradient"
                )
            if output.is_complex():
                raise errors.complex_seed_error(output.dtype)
            seed = ones_like(output)
        elif seed is not None and not isinstance(seed, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(seed).__name__}")
        elif seed is not None and seed.shape != output.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {seed.shape} and output[{i}] has a shape of {output.shape}."
            )
        elif seed is not None:
            errors.check_seed(i, seed, output)
        started.append(seed if seed is None else seed.to(output.dtype))

    nodes = [
        _edge(output, f"element {i} of tensors does not require grad and does not have a grad_fn\n"
              "nothing that it was computed from has requires_grad=True, or it was computed under no_grad")
        for i, output in enumerate(outputs)
    ]  # fmt: skip
    return nodes, started


def _edge(x, complaint):
    edge = edge_of(x)
    if edge is None:
        raise RuntimeError(complaint)
    return edge


def _as_gradients(gradients, count):
    if gradients is None:
        return (None,) * count
    gradients = (gradients,) if isinstance(gradients, Tensor) else tuple(gradients)
    if len(gradients) < count:
        raise RuntimeError(f"got {count} tensors and {len(gradients)} gradients\ngive one to each tensor, or None to a number")
    return gradients[:count]


def _as_inputs(inputs, function):
    if isinstance(inputs, Tensor):
        return (inputs,)
    if isinstance(inputs, Mapping) and type(inputs) is not dict:
        raise TypeError(
            f"`inputs` argument to `{function}()` must be a dict, not {type(inputs).__name__}. "
            "Other Mapping types are not supported."
        )
    inputs = tuple(inputs.values()) if isinstance(inputs, dict) else tuple(inputs)
    if not inputs:
        raise RuntimeError(f"`inputs` argument to `{function}()` cannot be empty.")
    return inputs


class VariableMeta(type):
    """The class of Variable: every tensor is one."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor)


class Variable(Tensor, metaclass=VariableMeta):
    """What tensors that want gradients were called before 2018: ``Variable(x)`` is ``x`` without history.

    torch: autograd.Variable
    """

    def __new__(cls, data=None, requires_grad=False, volatile=None):
        if volatile is not None:
            message = "volatile was removed and now has no effect. Use `with torch.no_grad():` instead."
            warnings.warn(message, stacklevel=2)
        return data.detach().requires_grad_(requires_grad)
