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
from .gather_scatter import Row
from .graph import Graph, Step, Value, uses_of
from .launches import PARTIALS, Launch
from .max_pooling import POOL_RETURN

__all__ = ["CONV_INPUT_GRAD_KEEP", "CONV_RELU", "ended", "slid"]


def conv_relu(xp, x, weight, *rest):
    """conv, then relu."""
    return xp.relu(windows.conv.forward(xp, x, weight, *rest))


def conv_input_grad_keep(xp, g, weight, sign, *rest):
    """conv_input_grad, then what relu lets through of it, where its result is ``sign``."""
    return xp.keep(windows.conv_input_grad.forward(xp, g, weight, *rest), sign)


CONV_RELU, CONV_INPUT_GRAD_KEEP = Row("conv relu", conv_relu), Row("conv_input_grad keep", conv_input_grad_keep)


def ended(graph):
    """The graph, whose convolutions do themselves what follows them, where nobody else reads what is between."""
    uses, makers, readers = uses_of(graph), {step.out: step for step in graph.steps}, {}
    for step in graph.steps:
        for x in step.reads:
            readers.setdefault(x, []).append(step)
    made: dict = {}

    def reader(x):
        """The step that alone reads a Value."""
        return readers[x][0] if uses.get(x) == 1 and x in readers else None

    for step in graph.steps:
        if step.row is windows.conv and ends(step, FORWARD):
            last, bias = step, bias_of(reader(step.out), step, makers)
            if bias is not None:
                last = reader(step.out)
            end = reader(last.out)
            relu = end is not None and end.row is rows.relu
            last = end if relu else last
            inputs = step.inputs if bias is None else (*step.inputs, bias)
            made[last.out] = Step(CONV_RELU if relu else windows.conv, inputs, step.params, last.out, step.line)
        elif step.row is windows.conv_input_grad and ends(step, INPUT_GRADIENT):
            end = reader(step.out)
            if end is not None and kept(end, step, made, readers):
                made[end.out] = Step(CONV_INPUT_GRAD_KEEP, (*step.inputs, end.inputs[1]), step.params, end.out, step.line)
    return Graph(graph.inputs, [made.get(step.out, step) for step in graph.steps], graph.outputs, graph.checks)


def ends(step, kind):
    """Whether what computes it can do more at its end."""
    dtype = step.inputs[0].dtype
    told = *shapes_of(step), step.params[-1], (dtype.name, dtype.name), cudnn.allow_tf32
    return dtype is step.out.dtype and len(step.inputs) == 2 and on_cores(kind, *told)


def kept(end, step, made, readers):
    """Whether a step keeps of a gradient what relu lets through, for nobody but kernels that would otherwise wait for another.

    Others had better do it themselves, as they read it. The result of relu must lie in memory anyway.
    """
    if end.row is not rows.keep or end.inputs[0] is not step.out or end.inputs[1] not in made:
        return False
    alone = (windows.conv_input_grad, windows.conv_weight_grad, rows.sum)
    return end.out.dtype is step.out.dtype and all([x.row in alone for x in readers.get(end.out, [])])


def bias_of(add, conv, makers):
    """What is added to each feature of a convolution, or None if that isn't a number each."""
    if add is None or add.row is not rows.add:
        return None
    x, y = add.inputs
    other = y if x is conv.out else x
    step = makers.get(other) if other.__class__ is Value else None
    features = conv.out.shape[1]
    shaped = step is not None and step.row is rows.reshape and step.inputs[0].shape == (features,)
    wanted = (features, *(1,) * (conv.out.ndim - 2))
    return step.inputs[0] if shaped and add.out.shape == conv.out.shape and other.shape in (wanted, (1, *wanted)) else None


KINDS = {
    windows.conv: FORWARD, CONV_RELU: FORWARD, windows.conv_input_grad: INPUT_GRADIENT, CONV_INPUT_GRAD_KEEP: INPUT_GRADIENT,
    windows.conv_weight_grad: WEIGHT_GRADIENT,
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
    bias, relu = step.row is not CONV_INPUT_GRAD_KEEP and len(step.inputs) == 3, step.row in (CONV_RELU, CONV_INPUT_GRAD_KEEP)
    told = *shapes_of(step), step.params[-1], (dtype, out.dtype.name)
    functions = convolution(KINDS[step.row], *told, cudnn.allow_tf32, aligned, bias, relu)
    return functions, ("left", "right", "bias" if bias else "sign")


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
