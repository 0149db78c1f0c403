"""CUDA: a large draw as a kernel of its own.

Each of a GPU's threads makes four numbers of a turn, which lie far apart. As long as there are no more elements than threads, one
of the four is used, and it costs nothing to make it where it is read. Of a larger draw each thread uses all four; made where they
are read, they would each be made of four words again. So such a draw is written down.

Dropout's numbers lie side by side, and are always made where they are read.

torch: aten/src/ATen/native/cuda/DistributionTemplates.h
"""

from ..backends.philox import THREADS
from ..native.cuda import MEMORY
from ..native.philox import assigned, filling, lanes_of, types_of
from .draws import DRAWN
from .launches import Launch

__all__ = ["drawing", "stands_alone"]


def stands_alone(step):
    """Whether a draw is a kernel of its own."""
    if step.row is not DRAWN:
        return False
    name, _, order, threads = step.params
    return lanes_of(name) == 1 and order is None and step.out.size > threads


def drawing(kernel, found, laid):
    """The Launch of a draw."""
    (step,) = kernel.steps
    name, constants, _, threads = step.params
    dtype = step.out.dtype.name
    lines = [
        types_of(dtype), f"const int64 n = {step.out.size};", "const uint64 seed = *b0, offset = *b1;", "T* out = b2;",
        assigned(name, constants), filling(name),
    ]  # fmt: skip
    buffers = [laid.places[found[x].base] for x in (*step.inputs, step.out)]
    parameters = ["const int64* __restrict__ b0", "const int64* __restrict__ b1", f"{MEMORY[dtype]}* __restrict__ b2"]
    body = "".join([f"    {line}\n" for line in lines])
    return [Launch(parameters, body, buffers, (threads // THREADS, 1, 1), THREADS, kernel, frozenset([2]))]
