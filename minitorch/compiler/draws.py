"""Draws on a GPU become arithmetic: each number is a function of where the generator is, and of its place in the draw.

    %2 = uniform {generator, (64, 128), float32, 0.0, 1.0}         %3, %4: int64 seed and offset, two more inputs
    %5 = mul %0 %2                                           →     %2 = drawn %3 %4 {uniform, 0.0, 1.0}
                                                                   %5 = mul %0 %2

So a draw is fused with what reads it, like any elementwise row; a mask that is needed again may be drawn again, to the same
numbers. How far the generator goes on is known beforehand: the program itself leaves the offsets as the next call needs them.

torch: torch/_inductor/lowering.py (inductor_random), c10/cuda/CUDAGraphsUtils.cuh
"""

from .. import primitives as rows
from ..backends import for_device
from ..backends.philox import EACH, THREADS, halves
from ..device import CPU
from ..dtypes import int64
from ..native.cuda import KINDS
from ..native.philox import numbers_of
from .graph import Graph, Step, Value
from .kernels import Place
from .launches import Launch

__all__ = ["DRAWN", "Generators", "as_arithmetic"]

SLOT = 16
"""Bytes by which the seeds and the offsets lie apart: behind each stands by how much it grows in a call."""
TABLE = Place("generators", 0)
"""The memory of them."""

NAMES = {
    rows.uniform: lambda low, high: ("uniform", low, high),
    rows.normal: lambda mean, std, _scattered: ("normal", mean, std),
    rows.log_normal: lambda mean, std: ("log_normal", mean, std),
    rows.exponential: lambda rate: ("exponential", rate),
    rows.cauchy: lambda median, sigma: ("cauchy", median, sigma),
    rows.bernoulli: lambda p, lanes=0: (f"kept{lanes}" if lanes else "bernoulli", p),
    rows.bernoulli_each: lambda: ("bernoulli_each",),
    rows.geometric: lambda p: ("geometric", p),
    rows.random: lambda low, span, wide: ("double_words" if wide else "words", low, span % 2**64),
}
"""Row → the name of its draw (native/philox.py), and the parameters that remain."""


class Drawn:
    """``drawn(seed, offset; name, order, constants, threads)``: the row that draws come down to. Only kernels know it."""

    name, kind, view, vjps, ready = "drawn", "elementwise", False, (), None

    def forward(self, xp, *rest):
        raise NotImplementedError("a draw's numbers are made by kernels\nbuild the graph for a GPU")


DRAWN = Drawn()


def as_arithmetic(graph, machine):
    """(the graph with its draws spelled out, [(generator, by how much it goes on)] for each of them).

    The graph's new inputs are the seed of each generator, then the offset of each draw. It is the graph itself where it has a
    draw of another kind, which the backend makes: the generator then goes on from one to the next.
    """
    draws = [step for step in graph.steps if step.row.kind == "random"]
    if not all([spelled(step) for step in draws]):
        return graph, []
    seeds = {step.params[0]: Value((), int64) for step in draws}
    offsets = {step: Value((), int64) for step in draws}
    steps = [drawn(step, seeds[step.params[0]], offsets[step], machine) if step in offsets else step for step in graph.steps]
    going = [(step.params[0], words_for(step, machine)) for step in draws]
    return Graph([*graph.inputs, *seeds.values(), *offsets.values()], steps, graph.outputs, graph.checks), going


def spelled(step):
    """Whether a kernel can make each of a draw's numbers alone."""
    if step.row not in NAMES or any([x.dtype.name not in KINDS for x in (*step.reads, step.out)]) or not step.out.size:
        return False
    return halves(step.out.size, step.out.dtype.itemsize) is None


def named(step):
    """(name, constants) of a draw."""
    name, *constants = NAMES[step.row](*step.params[3 if step.inputs else 4 :])
    return name, tuple(constants)


def words_for(step, machine):
    """By how much a draw lets the generator go on."""
    name, _ = named(step)
    return EACH if step.inputs else machine.words_for(step.out.size, numbers_of(name, step.out.dtype.name))


def drawn(step, seed, offset, machine):
    """A draw as a function of seed and offset, and of what it reads."""
    order = step.params[1 if step.inputs else 2]
    threads = step.out.size if step.inputs else machine.blocks_for(step.out.size) * THREADS
    return Step(DRAWN, (seed, offset, *step.inputs), (*named(step), order, threads), step.out, step.line)


class Generators:
    """Where the generators are, for the GPU.   arrays: the program's inputs from there, in the order of ``as_arithmetic``.

    going_on: the launch that ends a call: each offset is where the next call's draw begins. So they go over again only if
    somebody else has drawn in between, or a generator was seeded.   there: what the GPU then has of each, seed and offset.
    """

    def __init__(self, driver, going):
        self.driver, self.streams = driver, list(dict.fromkeys([stream for stream, _ in going]))
        count = len(self.streams) + len(going)
        self.table, self.ahead, self.total = for_device(CPU).zeros((count, SLOT // 8), "uint64"), [], []
        self.began, self.there = [], None
        for stream in self.streams:
            taken, places = 0, []
            for k, (other, words) in enumerate(going, len(self.streams)):
                if other is stream:
                    places.append((k, taken))
                    taken += words
            self.ahead.append(places)
            self.total.append(taken)
            for k, _ in places:
                self.table[k, 1] = taken
        self.memory = driver.allocate(max(count, 1) * SLOT)
        self.arrays = [driver.array(self.memory, k * SLOT, (), (), int64) for k in range(count)]
        body = f"    const int i = int(blockIdx.x) * {THREADS} + threadIdx.x;\n    if (i < {count}) b0[2 * i] += b0[2 * i + 1];\n"
        blocks = -(-count // THREADS), 1, 1
        self.going_on = [Launch(["int64* __restrict__ b0"], body, [TABLE], blocks, THREADS, None, frozenset([0]))] if going else []

    def place(self):
        """See that the GPU knows where each draw of this call begins, and let the generators go on behind them."""
        if not self.streams:
            return
        found = [(stream.seed, stream.taken(total)) for stream, total in zip(self.streams, self.total, strict=True)]
        if found != self.there:
            for k, ((seed, first), places) in enumerate(zip(found, self.ahead, strict=True)):
                self.table[k, 0] = seed
                for at, ahead in places:
                    self.table[at, 0] = first + ahead
            self.driver.upload(self.memory, self.table.reshape(-1).view("uint8"))
        self.began, self.there = found, None

    def gone_on(self):
        """A call ran to its end, and with it what lets the GPU's offsets go on."""
        self.there = [(seed, first + total) for (seed, first), total in zip(self.began, self.total, strict=True)]
