"""What a GPU's program does on the CPU: single numbers that live there are brought over, and updated there.

    a learning rate, steps that an optimizer counts       CPU tensors of one number: all go to the GPU in one piece
    count = count + 1, rate / (1 - beta ** count)         a graph of its own, which a native program runs

An optimizer counts its steps on the CPU, as PyTorch's do, while what follows from the count is needed on the GPU. What follows
from the CPU's numbers alone is computed there, and goes over with them: a GPU takes longer for one power than for an update of
a hundred thousand parameters. What comes back is what depends on the GPU's: whether a step was taken, if a scaler decides that.
The call waits for it then, as PyTorch does.

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
    """((graph, destinations) for the GPU, for the CPU, {Place: number of an input}) of a graph whose inputs ``hosts`` lie on the CPU.

    What ends up in one of those, or follows from them, is computed there. The GPU's graph has inputs for what the CPU's leaves to it,
    behind the others.

        %2 = add %0 1; %3 = pow 0.9 %2; %4 = mul %1 %3; return %2 to input 0, %4 to input 1, of which 0 lies on the CPU
            → (%3 is an input) %4 = mul %1 %3; return %4 to input 1       → %2 = add %0 1; %3 = pow 0.9 %2; return %2 to input 0, %3

    What ends up there and depends on the GPU's numbers is an output of the GPU's graph, whose Place the last part tells.
    """
    pairs = list(zip(graph.outputs, destinations, strict=True))
    here = [(x, place) for x, place in pairs if place.kind == "input" and place.at in hosts]
    there = [(x, place) for x, place in pairs if (x, place) not in here]
    inputs, steps, back = [graph.inputs[k] for k in hosts], [], {}
    alone = followed(graph.steps, inputs)
    for x, place in [(x, place) for x, place in here if x not in alone]:
        here.remove((x, place))
        at = Place("output", sum([place.kind == "output" for _, place in there]))
        there.append((x, at))
        back[at] = place.at
    ready = computed(graph.steps, inputs, {*[x for x, _ in there], *[x for x, *_ in graph.checks]})
    rest = [step for step in graph.steps if step.out not in ready]
    wanted = {x for step in rest for x in step.reads}
    over = [step.out for step in graph.steps if step.out in ready and step.out in wanted]
    needed = {*over, *[x for x, _ in here]}
    for step in reversed(graph.steps):
        if step.out in needed:
            needed.update(step.reads)
            steps.insert(0, step)
    beside = Graph(inputs, steps, [*[x for x, _ in here], *over])
    gpu = Graph([*graph.inputs, *over], rest, [x for x, _ in there], graph.checks)
    places = [Place("input", list(hosts).index(place.at)) for _, place in here] + [Place("output", k) for k in range(len(over))]
    return (gpu, [place for _, place in there]), (beside, places), back


def followed(steps, inputs):
    """What follows from ``inputs`` and constants alone."""
    known = set(inputs)
    for step in steps:
        if known.issuperset(step.reads):
            known.add(step.out)
    return known


def computed(steps, inputs, asked):
    """The single numbers that follow from ``inputs`` alone, but for those that are ``asked`` for on the GPU."""
    known = set(inputs)
    for step in steps:
        single = step.out.size == 1 and step.out not in asked and step.row.kind == "elementwise"
        if single and step.reads and known.issuperset(step.reads):
            known.add(step.out)
    return known.difference(inputs)


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

    def take(self, arrays):
        """Note those of the numbers that are in ``arrays``, as they are now."""
        for place, view in self.views.items():
            if place in arrays:
                view[...] = arrays[place]

    def cross(self):
        """Bring all over, as they were taken."""
        if self.views:
            self.driver.upload(self.memory, self.bytes)

    def come(self):
        """Wait for all, and bring them back into ``views``."""
        self.driver.download(self.bytes, self.memory)
