"""A convolution kernel as text: the rows conv, conv_input_grad and conv_weight_grad, given to convolution.py."""

from ..native.convolution import forward_text, input_gradient_text, supports
from ..native.convolution_geometry import Conv
from ..native.convolution_weight import weight_gradient_text
from ..native.mathematics import KINDS
from ..native.target import SIZES
from ..native.text import Text
from ..tables import windows
from .kernels import Native

__all__ = ["SLIDING", "slides", "sliding"]

SLIDING = (windows.conv, windows.conv_input_grad, windows.conv_weight_grad)
"""Rows of convolution: all of their inputs must lie in order."""

PARALLEL = 1 << 18
"""Multiplications from which several threads are worth waking."""


def conv_of(step):
    """The convolution that a step belongs to."""
    *_, geometry = step.params
    stride, padding, dilation, groups = geometry
    if step.row is windows.conv:
        x, weight = step.inputs[0].shape, step.inputs[1].shape
    elif step.row is windows.conv_input_grad:
        x, weight = step.out.shape, step.inputs[1].shape
    else:
        x, weight = step.inputs[0].shape, step.out.shape
    return Conv(
        x[0], x[1], weight[0], tuple(x[2:]), tuple(weight[2:]), tuple(stride), tuple([before for before, _ in padding]),
        tuple(dilation), groups, KINDS[step.out.dtype.name], tuple([after for _, after in padding]),
    )  # fmt: skip


def slides(step):
    """Whether the compiler can write a convolution."""
    if len(step.inputs) != 2 or not 3 <= step.inputs[0].ndim <= 5 or any([x.size == 0 for x in (*step.reads, step.out)]):
        return False
    conv = conv_of(step)
    if conv.out != (1,) * (5 - step.inputs[0].ndim) + shape_of_out(step)[2:]:
        return False
    return supports(conv)


def shape_of_out(step):
    """The shape of the convolution's result: where the step is a gradient, that of the gradient that it gets."""
    return {windows.conv: step.out, windows.conv_input_grad: step.inputs[0]}.get(step.row, step.inputs[1]).shape


TEXTS = {windows.conv: forward_text, windows.conv_input_grad: input_gradient_text, windows.conv_weight_grad: weight_gradient_text}


def sliding(kernel, found, plan, target):
    """The Native kernel of a convolution."""
    (step,) = kernel.steps
    conv, text, places = conv_of(step), Text(), []
    for number, (name, x) in enumerate(zip("ABC", (*step.inputs, step.out))):
        access = found[x]
        places.append(plan.places[access.base])
        start = text.load("ptr", text.at("%p", number, "ptr"))
        text.do(f"%{name} = getelementptr i8, ptr {start}, i64 {access.offset * SIZES[conv.kind]}")
    code = TEXTS[step.row]("NAME", conv, target, "\n".join(text.lines))
    shared = conv.flops // 2 >= PARALLEL and code.chunks > 1
    return Native(code.text, places, code.chunks, code.grain, shared, code.scratch, "vectors", kernel)
