"""What a GPU's program does on the CPU: single numbers that live there are brought over, and updated there.

    a learning rate, steps that an optimizer counts       CPU tensors of one number: all go to the GPU in one piece
    count = count + 1                                     a graph of its own, which a native program runs

An optimizer counts its steps on the CPU, as PyTorch's do, while what follows from the count is needed on the GPU. So the GPU
computes it again from the old count, and nothing ever comes back.

torch: torch/optim/optimizer.py (capturable)
"""

from ..backends import for_device
from ..device import CPU
from .access import contiguous
from .graph import Graph
from .kernels import Place

__all__ = ["Bridge", "parted"]

APART = 16
"""Bytes by which numbers lie apart."""


def parted(graph, destinations, hosts):
    """(graph, destinations) for the GPU and for the CPU; the latter are those that end up in inputs that lie there, ``hosts``.

        %2 = add %0 1; %3 = mul %1 %2; return %2 to input 0, %3 to input 1, of which 0 lies on the CPU
            → %2 = add %0 1; %3 = mul %1 %2; return %3 to input 1              → %2 = add %0 1; return %2 to input 0

    Raises ValueError where such a number depends on the GPU's.
    """
    pairs = list(zip(graph.outputs, destinations, strict=True))
    here = [(x, place) for x, place in pairs if place.kind == "input" and place.at in hosts]
    there = [(x, place) for x, place in pairs if (x, place) not in here]
    inputs, needed, steps = [graph.inputs[k] for k in hosts], {x for x, _ in here}, []
    for step in reversed(graph.steps):
        if step.out in needed:
            needed.update(step.reads)
            steps.insert(0, step)
    if needed - {*inputs, *[step.out for step in steps]}:
        raise ValueError("a tensor on the CPU is made of tensors on the GPU")
    beside = Graph(inputs, steps, [x for x, _ in here])
    gpu = Graph(graph.inputs, graph.steps, [x for x, _ in there], graph.checks)
    places = [Place("input", list(hosts).index(place.at)) for _, place in here]
    return (gpu, [place for _, place in there]), (beside, places)


class Bridge:
    """Numbers of the CPU's on the GPU.   arrays: where each of ``values``, Place → Value, is there."""

    def __init__(self, driver, values):
        xp, at = for_device(CPU), 0
        self.driver, self.views, self.arrays, places = driver, {}, {}, {}
        for place, value in values.items():
            places[place] = at
            at += -(-max(value.size, 1) * value.dtype.itemsize // APART) * APART
        self.bytes, self.memory = xp.zeros(max(at, 1), "uint8"), driver.allocate(max(at, 1))
        for place, value in values.items():
            start, size = places[place], value.size * value.dtype.itemsize
            self.views[place] = self.bytes[start : start + size].view(xp.array_dtype(value.dtype)).reshape(value.shape)
            self.arrays[place] = driver.array(self.memory, start, value.shape, contiguous(value.shape), value.dtype)

    def cross(self, arrays):
        """Bring them over, as they are now."""
        for place, view in self.views.items():
            view[...] = arrays[place]
        if self.views:
            self.driver.upload(self.memory, self.bytes)
