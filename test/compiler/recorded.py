"""Graphs of what users compile: a function, recorded as ``torch.compile`` does, with the arrays that it was given."""

import numpy

import minitorch as torch
from minitorch.compiler import Place

__all__ = ["Recorded", "training"]


class Recorded:
    """The graph of a compiled function, where its results go, and arrays to run it on."""

    def __init__(self, make):
        """make() gives the function and its arguments."""
        torch.manual_seed(0)
        function, arguments = make()
        compiled = torch.compile(function, fullgraph=True)
        for _ in range(3):
            compiled(*arguments)
        ((program, *_),) = [x.programs for x in compiled.signatures.values()]
        recording = program.recording
        self.graph, self.strides = recording.graph, recording.strides
        self.arrays = [
            arguments[which]._array if kind == "argument" else which._grad._array if kind == "grad" else array
            for (kind, which), array in zip(recording.externals, program.held)
        ]
        made = [source for source, makes in recording.sources if makes]
        held = program.held[len(recording.externals) :]
        self.arrays += [numpy.asarray(source()) if array is None else array for source, array in zip(made, held)]
        count = len(recording.written)
        self.places = [Place("input", k) for k in recording.written]
        self.places += [Place("output", k) for k in range(len(self.graph.outputs) - count)]

    def fresh(self):
        """Arrays for the outputs."""
        made = [x for x, place in zip(self.graph.outputs, self.places) if place.kind == "output"]
        return [numpy.full(x.shape, 77).astype(array_dtype(x.dtype)) for x in made]

    def results(self, arrays, fresh):
        """Where the outputs are."""
        return [(arrays if place.kind == "input" else fresh)[place.at] for place in self.places]


def array_dtype(dtype):
    return torch.empty(0, dtype=dtype)._array.dtype


def training(model, loss_of, *data, device="cpu"):
    """A step of SGD, and its data."""
    model, data = model.to(device), [x.to(device) for x in data]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step, data
