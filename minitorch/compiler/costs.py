"""What a kernel has to do, counted from its steps: floating-point operations, and bytes of memory.

    %2 = matmul %0 %1      (32, 64) times (64, 16)     2 * 32 * 16 * 64 operations
    %3 = relu %2                                       32 * 16; %2 isn't read from memory, if one kernel makes both

An element of each elementwise row counts as one operation, exp as well as add; what moves or converts numbers counts as
none. Of each place in memory that a kernel touches, every byte counts once: that much must come from somewhere.
"""

import math

from .. import primitives as rows
from ..tables import windows
from .attention import ATTEND, ATTEND_TOTALS, ATTENDING
from .cuda_convolution import CONV_INPUT_GRAD_KEEP, CONV_RELU
from .epilogues import FINISHED
from .gather_scatter import PUT, TAKE
from .kernels import Loops
from .pools import FOLD

__all__ = ["estimate", "flops", "traffic"]

FREE = (rows.cast, rows.copy, rows.full, rows.arange, rows.where)
"""Rows that compute nothing."""


def flops(step):
    """Operations of one step on floating-point numbers."""
    row, out = step.row, step.out
    if row is rows.matmul or row in FINISHED:
        return 2 * out.size * step.inputs[0].shape[-1] + out.size * (row is not rows.matmul)
    if row is ATTEND_TOTALS:
        return 0  # of the scores that the step beside it has
    if row in ATTENDING:
        return attention_flops(step)
    if row in (windows.conv, CONV_RELU):
        return 2 * out.size * math.prod(step.inputs[1].shape[1:])
    if row in (windows.conv_input_grad, CONV_INPUT_GRAD_KEEP):
        return 2 * step.inputs[0].size * math.prod(step.inputs[1].shape[1:])
    if row is windows.conv_weight_grad:
        return 2 * step.inputs[1].size * math.prod(out.shape[1:])
    if not out.dtype.name.startswith(("float", "bfloat")) or row in FREE:
        return 0
    if row.kind in ("reduction", "scan"):
        return step.inputs[0].size
    if row is FOLD:
        return sum([x.size for x in step.reads])
    if row is PUT:
        return step.inputs[1].size if step.params[1] else 0
    return out.size if row.kind == "elementwise" else 0


def estimate(graph):
    """About how many nanoseconds a graph takes on one thread: a product does fifty operations in one, other rows one. To rank a
    number takes ten."""
    return sum([nanoseconds(step) for step in graph.steps])


def nanoseconds(step):
    if step.row in (rows.argsort, rows.topk_places):
        return 10 * step.inputs[0].size
    return max(flops(step), step.out.size) if step.row.kind in ("elementwise", "reduction", "scan") else flops(step) / 50


def attention_flops(step):
    """The scores and what is made of them; of the gradients, the query's counts for what all three need."""
    q, k, v = step.inputs[-3:]
    causal = step.params[-2]
    scores = math.prod(step.out.shape[:-2]) * q.shape[-2] * k.shape[-2] // (2 if causal else 1)
    if step.row is ATTEND:
        return 2 * scores * (q.shape[-1] + v.shape[-1])
    return 2 * scores * (q.shape[-1] + v.shape[-1] + q.shape[-1], q.shape[-1], v.shape[-1])[step.params[0]]


def traffic(kernel, found, constants=()):
    """(bytes read, bytes written) by a kernel.

    found: the Access of each Value.   constants: Values that loops write down instead of reading them.
    """
    made = {step.out for step in kernel.steps}
    touched: dict = {}
    for step in kernel.steps:
        for k, x in enumerate(step.reads):
            base, size = found[x].base, footprint(found[x])
            if base in made or (kernel.__class__ is Loops and base in constants):
                continue
            if step.row is TAKE and k == 0:
                size = min(step.out.size, size)
            touched.setdefault(base, {})[found[x]] = size
    read = sum([min(base.size, sum(parts.values())) * base.dtype.itemsize for base, parts in touched.items()])
    return read, sum([x.size * x.dtype.itemsize for x in kernel.outputs])


def footprint(access):
    """How many elements of memory an Access sees: what is repeated counts once."""
    return math.prod([n for n, s in zip(access.shape, access.strides) if s != 0])
