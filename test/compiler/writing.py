"""Graphs that tests write by hand."""

from minitorch import primitives as rows
from minitorch.compiler.graph import Graph, Step, Value, check
from minitorch.dtypes import float32

__all__ = ["Writing"]


class Writing:
    """A graph that is being written, of ``given`` inputs."""

    def __init__(self, *shapes):
        self.given, self.steps = [Value(shape, float32) for shape in shapes], []

    def step(self, row, inputs, shape, *params):
        self.steps.append(Step(row, tuple(inputs), params, Value(shape, float32)))
        return self.steps[-1].out

    def turned(self, x):
        return self.step(rows.permute, (x,), x.shape[::-1], (1, 0))

    def graph(self, *outputs):
        return check(Graph(self.given, self.steps, outputs))
