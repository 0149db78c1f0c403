"""How a graph looks: all that its backward pass depends on, but for the numbers in its arrays.

Two graphs whose sketches are equal are gone through in the same way, by the same tapes. A training step leaves such a
graph each time, so what its sketch says is written out as a function that asks nothing else, here of a mean of squares:

    try:
        if n0.__class__ is not Node or n0.row is not row0 or n0.wanted != 1 or n0.hooked …: return False
        (n1,) = n0.edges
        _, (a0, s, version) = n0.saved
        if a0.shape != shape0 or a0.dtype is not dtype0 or s.version != version: return False
        …
        if not (n0.number > n1.number > n2.number): return False
    except (TypeError, ValueError):
        return False

The numbers tell the order of creation, which is the order of the walk; and that what the sketch takes for two is not one.
"""

from typing import NamedTuple

from . import primitives
from .graph import AccumulateGrad, Node, Stub
from .recompute import Remade

__all__ = ["Recognition", "array_names", "sketched"]

NODES = 512
"""The largest graph that is sketched: in larger ones the arithmetic weighs more than the walk."""


class Step(NamedTuple):
    """What of one Node a tape depends on, and which Nodes of the sketch its inputs came from (-1: none)."""

    row: object
    params: tuple
    wanted: int
    shapes: tuple | None
    edges: tuple
    saved: tuple


class Sketch(NamedTuple):
    """seed: shape and dtype of the gradient it begins with.   steps: a Step for each Node, in the order in which they are
    met; None for a leaf.   order: their positions, newest first; leaves come last.
    """

    seed: tuple
    steps: tuple
    order: tuple


def sketched(root, seed):
    """How the graph behind ``root`` looks; None if it is too large, or holds what only the walk knows to treat."""
    nodes, place, steps = [root], {root: 0}, []
    for node in nodes:
        if node.__class__ is AccumulateGrad and not node.hooked:
            steps.append(None)
            continue
        if node.__class__ is not Node or node.hooked or node.saved is None or node.row is primitives.move:
            return None
        numbers = (*node.params, *[x for x in node.saved if x.__class__ is float])
        if len(nodes) > NODES or any([x.__class__ is float and x == 0 for x in numbers]):
            return None  # 0.0 and -0.0 would look the same
        if any([x.__class__ is Remade for x in node.saved]):
            return None
        for edge in node.edges:
            if edge is not None and edge not in place:
                place[edge] = len(nodes)
                nodes.append(edge)
        edges = tuple([-1 if edge is None else place[edge] for edge in node.edges])
        saved = tuple([described(x) for x in node.saved])
        steps.append(Step(node.row, node.params, node.wanted, node.shapes, edges, saved))
    order = sorted(range(len(nodes)), key=lambda k: -nodes[k].number)
    return Sketch(seed, tuple(steps), tuple(order))


def described(x):
    """What a Node saved: an array or a Stub by shape and dtype, anything else by itself."""
    if x.__class__ is tuple:
        return tuple, x[0].shape, x[0].dtype
    return (Stub, x.shape, x.dtype) if x.__class__ is Stub else (x.__class__, x)


def array_names(k, step):
    """What the arrays are called that step ``k`` of a sketch saved, in the function that recognises it."""
    return [f"a{k}_{i}" for i, (kind, *_) in enumerate(step.saved) if kind is tuple]


class Recognition:
    """Writes out the question whether the graph behind a Node ``n0`` looks like a sketch: ``lines`` that return False if not.

    They name the Nodes n0, n1, … and the saved arrays.   scope: gets what they compare with.   shapes: whether they ask of
    what shape and dtype the arrays are.
    """

    def __init__(self, sketch, scope, shapes=True):
        self.sketch, self.scope, self.shapes, self.lines, self.met = sketch, scope, shapes, [], 1
        scope.update(Node=Node, Leaf=AccumulateGrad, Stub=Stub)
        for k, step in enumerate(sketch.steps):
            if step is None:
                self.refuse_if(f"n{k}.__class__ is not Leaf or n{k}.hooked")
            else:
                self.node(k, step)
        self.refuse_if(f"not {' > '.join([f'n{k}.number' for k in sketch.order])}")

    def know(self, thing):
        """A name for something."""
        name = f"k{len(self.scope)}"
        self.scope[name] = thing
        return name

    def refuse_if(self, condition):
        self.lines.append(f"if {condition}: return False")

    def node(self, k, step):
        """Node ``k``, and names for the Nodes that its inputs came from."""
        node, shapes = f"n{k}", step.shapes
        self.refuse_if(
            f"{node}.__class__ is not Node or {node}.row is not {self.know(step.row)} or {node}.wanted != {step.wanted}"
            f" or {node}.hooked or {node}.params != {self.know(step.params)}"
            f" or {node}.shapes {'is not None' if shapes is None else f'!= {self.know(shapes)}'}"
        )
        names, others = [], []
        for i, edge in enumerate(step.edges):
            names.append(f"n{edge}" if edge == self.met else f"e{i}")
            if edge == self.met:
                self.met += 1
            else:
                others.append(f"e{i} is not {'None' if edge < 0 else f'n{edge}'}")
        self.lines.append(f"{', '.join(names)}, = n{k}.edges")
        if others:
            self.refuse_if(" or ".join(others))
        self.saved(k, step.saved)

    def saved(self, k, saved):
        """What Node ``k`` saved. An array that was written to since is refused: the walk says what is wrong."""
        names, unlike = [], []
        for i, (kind, *facts) in enumerate(saved):
            x = f"x{i}"
            if kind is tuple:
                x = f"a{k}_{i}"
                unlike.append(f"s{i}.version != v{i}")
                if self.shapes:
                    unlike.append(f"{x}.shape != {self.know(facts[0])} or {x}.dtype is not {self.know(facts[1])}")
                x = f"({x}, s{i}, v{i})"
            elif kind is Stub:
                shape, dtype = self.know(facts[0]), self.know(facts[1])
                unlike.append(f"{x}.__class__ is not Stub or {x}.shape != {shape} or {x}.dtype is not {dtype}")
            elif facts[0] is None:
                unlike.append(f"{x} is not None")
            else:
                value = self.know(facts[0])
                unlike.append(f"{x} is not {value} and ({x}.__class__ is not {self.know(kind)} or {x} != {value})")
            names.append(x)
        self.lines.append(f"{', '.join(names)}, = n{k}.saved")
        if unlike:
            self.refuse_if(" or ".join(unlike))
