"""Convolutions for a GPU: a kernel becomes the functions of native/cuda_convolution.py; what follows one is done at its end.

    %3 = conv %0 %1
    %4 = reshape %2 {(64, 1, 1)}            %6 = conv relu %0 %1 %2
    %5 = add %3 %4                    →
    %6 = relu %5

torch: torch/_inductor/kernel/conv.py
"""

import math

from .. import primitives as rows
from ..backends import cudnn
from ..native.cuda_convolution import FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, convolution, on_cores
from ..native.cuda_pooling import returned
from ..tables import windows
from .graph import Graph, Step, Value, uses_of
from .largest import POOL_RETURN
from .launches import PARTIALS, Launch
from .places import Row

__all__ = ["CONV_RELU", "ended", "slid"]


def conv_relu(xp, x, weight, *rest):
    """conv, then relu."""
    return xp.relu(windows.conv.forward(xp, x, weight, *rest))


CONV_RELU = Row("conv relu", conv_relu)


def ended(graph):
    """The graph, whose convolutions add their bias and apply relu themselves, where nobody else reads what is between."""
    uses, makers = uses_of(graph), {step.out: step for step in graph.steps}
    readers = {x: step for step in graph.steps for x in step.reads}
    made: dict = {}
    for step in graph.steps:
        if step.row is not windows.conv or not ends(step):
            continue
        last, bias, relu = step, None, False
        reader = readers.get(step.out) if uses.get(step.out) == 1 else None
        if reader is not None and reader.row is rows.add:
            bias = bias_of(reader, step, makers)
            last = reader if bias is not None else step
            reader = readers.get(last.out) if bias is not None and uses.get(last.out) == 1 else None
        if reader is not None and reader.row is rows.relu:
            last, relu = reader, True
        if last is not step:
            inputs = step.inputs if bias is None else (*step.inputs, bias)
            made[last.out] = Step(CONV_RELU if relu else windows.conv, inputs, step.params, last.out, step.line)
    return Graph(graph.inputs, [made.get(step.out, step) for step in graph.steps], graph.outputs, graph.checks)


def ends(step):
    """Whether what computes it can do more at its end."""
    dtype = step.inputs[0].dtype
    told = *shapes_of(step), step.params[-1], (dtype.name, dtype.name), cudnn.allow_tf32
    return dtype is step.out.dtype and len(step.inputs) == 2 and on_cores(FORWARD, *told)


def bias_of(add, conv, makers):
    """What is added to each feature of a convolution, or None if that isn't a number each."""
    x, y = add.inputs
    other = y if x is conv.out else x
    step = makers.get(other) if other.__class__ is Value else None
    features = conv.out.shape[1]
    shaped = step is not None and step.row is rows.reshape and step.inputs[0].shape == (features,)
    wanted = (features, *(1,) * (conv.out.ndim - 2))
    return step.inputs[0] if shaped and add.out.shape == conv.out.shape and other.shape in (wanted, (1, *wanted)) else None


KINDS = {
    windows.conv: FORWARD, CONV_RELU: FORWARD, windows.conv_input_grad: INPUT_GRADIENT, windows.conv_weight_grad: WEIGHT_GRADIENT,
}  # fmt: skip


def shapes_of(step):
    """The shapes of what the forward product reads and makes: x, the weight, the result."""
    first, second, out = step.inputs[0].shape, step.inputs[1].shape, step.out.shape
    return {FORWARD: (first, second, out), INPUT_GRADIENT: (out, second, first), WEIGHT_GRADIENT: (first, out, second)}[KINDS[step.row]]


def functions_of(step, aligned):
    """(the Functions of a step, the names of what they read)."""
    dtype, out = step.inputs[0].dtype.name, step.out
    if step.row is POOL_RETURN:
        shape, dims, geometry = step.params
        sizes = shape[out.ndim - dims :]
        return [returned(out.size // math.prod(sizes), sizes, geometry, dtype)], ("g", "index")
    functions = convolution(
        KINDS[step.row], *shapes_of(step), step.params[-1], (dtype, out.dtype.name), cudnn.allow_tf32, aligned, len(step.inputs) == 3,
        step.row is CONV_RELU,
    )  # fmt: skip
    return functions, ("left", "right", "bias")


def slid(kernel, found, plan):
    """The Launches of a convolution, of one of its gradients, or of a pool's. All that it reads lies in order."""
    (step,) = kernel.steps
    offsets = [found[x].offset for x in step.inputs]
    functions, names = functions_of(step, not any([offset % 4 for offset in offsets]))
    places = {name: plan.places[found[x].base] for name, x in zip(names, step.inputs)}
    places |= {"out": plan.places[step.out], "partials": PARTIALS}
    moves = "".join([f"    {name} += {offset};\n" for name, offset in zip(names, offsets) if offset])
    return [launched(function, places, moves if names[0] in function.parameters else "", kernel) for function in functions]


def launched(function, places, moves, kernel):
    names = list(function.parameters)
    writes = frozenset([k for k, name in enumerate(names) if name == "out"])
    return Launch(
        list(function.parameters.values()), moves + function.body, [places[name] for name in names], function.grid, function.block,
        kernel, writes, function.partials, shared=function.shared, lives=function.lives,
    )  # fmt: skip
