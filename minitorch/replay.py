"""A backward pass over a graph that looks like one seen before, as one function.

A training step leaves the same graph each time, with other numbers in it. Its second walk back is written down, node after
node, from the tapes of the rows (``tape.py``); here of a mean of squared errors after one linear layer:

    def program(xp, g0, v):
        (g1,) = tape0(xp, g0, v[0], v[1])
        g2, g3 = tape1(xp, g1, v[2], v[3])
        return (g2, g3)

From then on a graph is held against that sketch, which also collects the saved arrays ``v``; if it fits in all that a tape
depends on, the function runs in place of the walk. It does the same arithmetic in the same order. Hooks, listeners,
functions of the user's own and whatever else isn't a plain row leave everything to the walk.
"""

from sys import getrefcount

from . import primitives
from .backends import ARRAY_TYPES
from .graph import AccumulateGrad, Node, Stub
from .modes import MODE
from .tape import TAPED

__all__ = ["replayed"]

NODES = 512
"""The largest graph that is sketched: in larger ones the arithmetic weighs more than the walk."""
SKETCHES = 8
"""How many are kept for each row that a graph may end in."""
MISSES = 32
"""After so many graphs in a row that fit no sketch, those that end in that row aren't sketched any more."""

known: dict = {}
"""Row → [sketches, the latest first; graphs in a row that fitted none]."""


class Step:
    """What of one Node a tape depends on, and which Nodes of the sketch its inputs came from (-1: none)."""

    __slots__ = ("edges", "params", "row", "saved", "shapes", "wanted")

    def __init__(self, node, edges):
        self.row, self.params, self.wanted, self.shapes, self.edges = node.row, node.params, node.wanted, node.shapes, edges
        self.saved = [(x[0].shape, x[0].dtype) if x.__class__ is tuple else x for x in node.saved]


class Sketch:
    """How a graph looks: a Step for each Node, in the order in which they are met; None for the leaves.

    order: the Nodes, by position, newest first. program: None as long as it isn't written; False if it can't be.
    """

    def __init__(self, steps, order, seed):
        self.steps, self.order, self.seed = steps, order, seed
        self.program, self.leaves = None, ()


def replayed(root, g, retain_graph):
    """Go back from the Node ``root`` with the gradient ``g`` by a program, and return True; False if there is none."""
    array = g._array
    if root.__class__ is not Node or array.dtype.char not in TAPED:
        return False
    entry = known.get(root.row)
    if entry is None:
        entry = known[root.row] = [[], 0]
    seed = array.shape, array.dtype
    for sketch in entry[0]:
        found = fitting(sketch, root) if sketch.seed == seed else None
        if found is not None:
            entry[1] = 0
            return run(sketch, *found, g, retain_graph)
    if entry[1] < MISSES:
        entry[1] += 1
        sketch = sketched(root, seed)
        if sketch is not None:
            entry[0] = [sketch, *entry[0][: SKETCHES - 1]]
    return False


def sketched(root, seed):
    """How the graph behind ``root`` looks; None if it is too large, or holds what only the walk knows to treat."""
    nodes, place, steps = [root], {root: 0}, []
    for node in nodes:
        if node.__class__ is AccumulateGrad:
            steps.append(None)
            continue
        if node.__class__ is not Node or node.hooked or node.saved is None:
            return None
        numbers = (*node.params, *[x for x in node.saved if x.__class__ is float])
        if len(nodes) > NODES or any([x.__class__ is float and x == 0 for x in numbers]):
            return None  # 0.0 and -0.0 would look the same
        for edge in node.edges:
            if edge is not None and edge not in place:
                place[edge] = len(nodes)
                nodes.append(edge)
        steps.append(Step(node, [-1 if edge is None else place[edge] for edge in node.edges]))
    order = sorted([k for k, step in enumerate(steps) if step is not None], key=lambda k: -nodes[k].number)
    return Sketch(steps, order, seed)


def fitting(sketch, root):
    """The Nodes behind ``root`` and what they saved, as arrays, if the graph looks like the sketch; else None."""
    nodes, arrays = [root], []
    met = 1
    for i, step in enumerate(sketch.steps):
        node = nodes[i]
        if step is None:
            if node.__class__ is not AccumulateGrad or node.hooked:
                return None
            continue
        if (
            node.__class__ is not Node or node.row is not step.row or node.wanted != step.wanted or node.hooked
            or node.saved is None or node.params != step.params or node.shapes != step.shapes
            or len(node.edges) != len(step.edges)
        ):  # fmt: skip
            return None
        for edge, k in zip(node.edges, step.edges):
            if k == met and edge is not None:
                nodes.append(edge)
                met += 1
            elif edge is not (nodes[k] if 0 <= k < met else None) or k >= met:
                return None
        if not saved_alike(node.saved, step.saved, arrays):
            return None
    if len(set(nodes)) < met:  # what the sketch takes for two is one here
        return None
    numbers = [nodes[k].number for k in sketch.order]
    return (nodes, arrays) if numbers == sorted(numbers, reverse=True) else None


def saved_alike(saved, like, arrays):
    """Whether the values that a Node saved look like those of a Step; adds the arrays among them to ``arrays``.

    One that was written to since doesn't: the walk says so.
    """
    for value, known_as in zip(saved, like):
        if value.__class__ is tuple:
            array, storage, version = value
            if known_as.__class__ is not tuple or storage.version != version:
                return False
            if array.shape != known_as[0] or array.dtype is not known_as[1]:
                return False
            arrays.append(array)
        elif value.__class__ is not known_as.__class__:
            return False
        elif value.__class__ is Stub:
            if value.shape != known_as.shape or value.dtype is not known_as.dtype:
                return False
        elif value is not known_as and value != known_as:
            return False
    return True


# ------------------------------------------------------------------------------------------------------------ programs


def run(sketch, nodes, arrays, g, retain_graph):
    """Run the program, written first if need be, and give the leaves their gradients; False if there can be none."""
    mode = MODE
    before, mode.grad = mode.grad, False
    try:
        if sketch.program is None:
            sketch.program = written(sketch, nodes, g)
        if not sketch.program:
            return False
        array = g._array
        gradients = sketch.program(ARRAY_TYPES[array.__class__], array, arrays)
        if not retain_graph:
            for k in sketch.order:
                nodes[k].free()
        deliver(gradients, [nodes[k] for k in sketch.leaves], g._wrap)
    finally:
        mode.grad = before
    return True


def deliver(gradients, leaves, wrap):
    """Add each of the arrays to the gradient of its leaf; memory that nobody else holds becomes the gradient itself."""
    for i, node in enumerate(leaves):
        leaf = node.leaf()
        if leaf is None:
            continue
        array = gradients[i]
        if leaf._grad is not None:
            leaf._grad._write(primitives.add, (leaf._grad, wrap(array)))
        elif array.base is None and array.flags.c_contiguous and held(gradients, i) == ALONE:
            leaf._grad = wrap(array)
        else:
            leaf._grad = wrap(array.copy("C"))


def held(gradients, i):
    """How many hold an array, besides the caller; in a measure of its own: compare with ``ALONE``."""
    return getrefcount(gradients[i])


def measured():
    gradients = (object(),)
    array = gradients[0]  # as ``deliver`` does
    return held(gradients, 0) if array is not None else 0


ALONE = measured()
"""What ``held`` says of an array that only its tuple and its caller hold. Measured: Python's versions count differently."""


def written(sketch, nodes, g):
    """The program of a sketch, made by going through the graph once with the tapes; False if one of them can't be had."""
    wrap = g._wrap
    writing = Writing(sketch, g._array, ARRAY_TYPES[g._array.__class__])
    for k in sketch.order:
        if k not in writing.arrived or writing.adds_to_whole(k):
            continue
        node, g = nodes[k], writing.arrived[k]
        if g.dtype.char not in TAPED:
            return False
        arrays, key = node.arrays_and_key(g, node.wanted)
        if key not in node.row.tapes:
            node.pull(wrap(g))
            arrays, key = node.arrays_and_key(g, node.wanted)
        tape = node.row.tapes.get(key)
        if tape is None:
            return False
        writing.step(k, tape, arrays)
    sketch.leaves = [k for k, step in enumerate(sketch.steps) if step is None and k in writing.arrived]
    return writing.finished(sketch.leaves)


class Writing:
    """A program that is being written. ``arrived``: by position, the gradients that have arrived so far."""

    def __init__(self, sketch, seed, xp):
        self.sketch, self.xp, self.arrived = sketch, xp, {0: seed}
        self.lines, self.scope, self.wholes, self.start = [], {"take": primitives.slice.forward}, set(), []
        count = 0
        for step in sketch.steps:
            self.start.append(count)
            count += 0 if step is None else sum([x.__class__ is tuple for x in step.saved])

    def step(self, k, tape, arrays):
        """Go back through Node ``k``."""
        step = self.sketch.steps[k]
        saved = "".join(f", v[{self.start[k] + i}]" for i in range(len(arrays)))
        names, sums = [], []
        for edge, d in zip(step.edges, tape(self.xp, self.arrived[k], *arrays)):
            if d is None or edge < 0:
                names.append("_")
            elif edge not in self.arrived:
                names.append(f"g{edge}")
                self.arrived[edge] = d
                if step.row is primitives.slice:
                    self.wholes.add(edge)
            else:
                names.append(f"d{len(sums)}")
                total = f"xp.add(g{edge}, d{len(sums)})"
                sums.append(f"g{edge} = {total if d.ndim else f'xp.asarray({total})'}")
                self.arrived[edge] = self.xp.asarray(self.xp.add(self.arrived[edge], d))
                self.wholes.discard(edge)
        self.scope[f"tape{k}"] = tape
        self.lines += [f"{', '.join(names)}, = tape{k}(xp, g{k}{saved})", *sums]

    def adds_to_whole(self, k):
        """Whether ``k`` is a slice of what other slices already sent a gradient to, memory of the program's own: then its
        gradient is added there, at its place."""
        step = self.sketch.steps[k]
        whole = step.edges[0] if step.row is primitives.slice else None
        if whole not in self.wholes:
            return False
        self.scope[f"key{k}"] = step.params
        self.lines += [f"place = take(xp, g{whole}, *key{k})", f"xp.add(place, g{k}, place)"]
        return True

    def finished(self, leaves):
        lines = [*self.lines, f"return ({''.join(f'g{k}, ' for k in leaves)})"]
        exec("def program(xp, g0, v):\n    " + "\n    ".join(lines), self.scope)
        return self.scope["program"]
