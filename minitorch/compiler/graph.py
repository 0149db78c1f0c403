"""The graph that every stage of the compiler reads and rewrites: rows of the table, in the order in which they run.

    %0: float32[32, 2], %1: float32[16, 2], %2: float32[16]
    %3: float32[32, 16] = linear %0 %1 %2
    %4: float32[32, 16] = relu %3
    return %4

A value is made once and never changes (single static assignment): what wrote to memory when it was recorded is here a
step that makes a new value. So a stage is a function from graphs to graphs, and ``run`` says what any graph means:
``run(stage(g), arrays) == run(g, arrays)`` is the test that all stages share.

torch: torch/fx/graph.py.   The form is that of Radul et al., "Autodidax"; Cytron et al. 1991 for SSA
"""

from operator import is_

from ..backends import for_device
from ..device import CPU
from ..promotion import widened
from ..table import Primitive

__all__ = ["Graph", "Step", "Value", "check", "evaluate", "meaning", "run", "uses_of"]


class Value:
    """What a step makes, or a graph is given: an array of one ``shape`` and ``dtype``. ``name`` is for reading only."""

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, shape, dtype, name=""):
        self.shape, self.dtype, self.name = tuple(shape), dtype, name

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        size = 1
        for n in self.shape:
            size *= n
        return size

    def __repr__(self):
        return f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"


class Step:
    """``out`` is what ``row`` makes of ``inputs``, Values or Python numbers, and ``params``.

    line: where in the user's program it came from, "file:line" or "file:line, backward", or None.
    """

    __slots__ = ("inputs", "line", "out", "params", "row")

    def __init__(self, row: Primitive, inputs, params, out, line=None):
        self.row, self.inputs, self.params, self.out, self.line = row, tuple(inputs), tuple(params), out, line

    @property
    def reads(self):
        """The Values among the inputs."""
        return [x for x in self.inputs if x.__class__ is Value]

    def having(self, inputs):
        """The same step of other inputs; itself, if they are the ones that it has."""
        if len(inputs) == len(self.inputs) and all(map(is_, inputs, self.inputs)):
            return self
        return Step(self.row, inputs, self.params, self.out, self.line)


class Graph:
    """Steps that make ``outputs`` of ``inputs``, all of them Values. Nobody changes a Graph: stages make new ones.

    checks: (Value, exception, message); the exception is to be raised if that number isn't 0.
    """

    __slots__ = ("checks", "inputs", "outputs", "steps")

    def __init__(self, inputs, steps, outputs, checks=()):
        self.inputs, self.steps, self.outputs, self.checks = tuple(inputs), tuple(steps), tuple(outputs), tuple(checks)

    def having_inputs(self, inputs):
        """The same graph, whose inputs are given in another order."""
        return Graph(inputs, self.steps, self.outputs, self.checks)

    def __str__(self):
        names: dict = {}
        for value in (*self.inputs, *[step.out for step in self.steps]):
            names[value] = f"%{len(names)}"

        def typed(value):
            return f"{names[value]}: {value!r}"

        lines = [", ".join([typed(value) for value in self.inputs])]
        for step in self.steps:
            words = [names.get(x) or number(x) for x in step.inputs]
            options = f" {{{', '.join([shown(p) for p in step.params])}}}" if step.params else ""
            lines.append(f"{typed(step.out)} = {' '.join([step.row.name, *words])}{options}")
        lines.append(" ".join(["return", *[names[value] for value in self.outputs]]))
        return "\n".join(lines)


def number(x):
    return f"{x!r}"


def shown(param):
    """A parameter as it is printed: rows by name, objects by kind."""
    if param.__class__ in (tuple, list):
        return f"({', '.join([shown(p) for p in param])})"
    if isinstance(param, Primitive):
        return param.name
    return repr(param) if param.__class__ in (int, float, complex, bool, str) or param is None else type_name(param)


def type_name(param):
    return getattr(param, "name", None) or type(param).__name__


# ----------------------------------------------------------------------------------------------------------- its meaning


def evaluate(step, arrays, xp=None):
    """What a step makes of ``arrays``, one for each input that is a Value; numbers are taken as they stand.

    As at the gate, narrow types are computed with in float32, and the result is rounded once.   xp: the backend, else NumPy's.
    """
    return meaning(step, xp)(*arrays)


def meaning(step, xp=None):
    """``evaluate`` of a step as a function of the arrays."""
    xp, forward, widens = xp or for_device(CPU), step.row.forward, False
    narrow = next((x.dtype for x in step.reads if x.dtype.name in xp.NARROW), None)
    if narrow is not None and step.row.kind == "contraction" and step.out is not None and step.out.dtype.name not in xp.NARROW:
        widens = True  # a product whose sums aren't rounded
    elif narrow is not None and step.row.ready is not None and xp.array_dtype(narrow).char not in step.row.ready:
        forward = widened(step.row, narrow)
    numbers, params = len(step.reads) < len(step.inputs), step.params

    def made(*arrays):
        if widens:
            arrays = [xp.widen(x) for x in arrays]
        if numbers:
            found = iter(arrays)
            arrays = [next(found) if x.__class__ is Value else x for x in step.inputs]
        return xp.asarray(forward(xp, *arrays, *params))

    return made


def run(graph, arrays):
    """The outputs of a graph for ``arrays``, one for each of its inputs: the reference that all compiled code is held to."""
    known = dict(zip(graph.inputs, arrays, strict=True))
    for step in graph.steps:
        known[step.out] = evaluate(step, [known[x] for x in step.reads])
    for value, error, message in graph.checks:
        if known[value]:
            raise error(message)
    return [known[value] for value in graph.outputs]


def uses_of(graph):
    """How often each Value is read, as an input of a step or an output of the graph."""
    uses: dict = {}
    for step in graph.steps:
        for x in step.reads:
            uses[x] = uses.get(x, 0) + 1
    for value in graph.outputs:
        uses[value] = uses.get(value, 0) + 1
    return uses


def check(graph):
    """The graph itself. Raises AssertionError where it isn't one: a value read before it is made, or made twice."""
    made = set(graph.inputs)
    assert len(made) == len(graph.inputs), "an input stands twice"
    for step in graph.steps:
        for x in step.reads:
            assert x in made, f"{step.row.name} reads a value that isn't made yet:\n{graph}"
        assert step.out not in made, f"{step.row.name} makes a value that is there already:\n{graph}"
        made.add(step.out)
    for value in graph.outputs:
        assert value in made, f"an output is never made:\n{graph}"
    return graph
