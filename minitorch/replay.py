"""A backward pass over a graph that looks like one seen before, as one function.

A training step leaves the same graph each time, with other numbers in it. Once it came often enough its walk back is written
down, node after node, from the tapes of the rows (``tape.py``); here of a mean of squared errors after one linear layer:

    def again(n0, g0, keep):
        …                                               is it that graph (sketch.py)? If not: return False
        g1, = tape0(xp, g0, a0_1, a0_2)
        g2, g3, = tape1(xp, g1, a1_1, a1_2)
        if not keep: n0.saved = n1.saved = None
        return (n2, n3, ), (g2, g3, )

From then on that function runs in place of the walk. It does the same arithmetic in the same order. Hooks, listeners,
functions of the user's own and whatever else isn't a plain row leave everything to the walk.
"""

from sys import getrefcount

from . import primitives
from .backends import ARRAY_TYPES
from .graph import Node
from .modes import MODE
from .sketch import Recognition, sketched
from .tape import TAPED

__all__ = ["replayed"]

WORTH = 16
"""How often a graph comes until its function is written: that takes as long as 20 to 60 walks."""
SKETCHES = 8
"""How many are kept for each row that a graph may end in."""
MISSES = 32
"""After so many graphs in a row that were like none before, those that end in that row aren't sketched any more."""

known: dict = {}
"""Row → its Entry."""


class Entry:
    """The graphs that end in a row. found: the latest first; misses: graphs in a row that were like none before."""

    def __init__(self):
        self.found, self.misses = [], 0


class Replay:
    """What is known of the graphs that look alike: their sketch, how often they ``came``, and the function ``again``.

    It is None as long as it isn't written; False if it can't be.
    """

    def __init__(self, sketch):
        self.sketch, self.seed, self.came, self.again = sketch, sketch.seed, 1, None


def replayed(root, g, retain_graph):
    """Go back from the Node ``root`` with the gradient ``g`` by a function, and return True; False if there is none."""
    array = g._array
    if root.__class__ is not Node or array.dtype.char not in TAPED:
        return False
    entry = known.get(root.row)
    if entry is None:
        entry = known[root.row] = Entry()
    seed = array.shape, array.dtype
    for replay in entry.found:
        if replay.again and replay.seed == seed:
            done = replay.again(root, array, retain_graph)
            if done:
                entry.misses = 0
                deliver(*done, g._wrap)
                return True
    if entry.misses < MISSES:
        noticed(entry, root, g, seed)
    return False


def noticed(entry, root, g, seed):
    """Remember how the graph behind ``root`` looks; write its function if it came often enough."""
    entry.misses += 1
    sketch = sketched(root, seed)
    if sketch is None:
        return
    for replay in entry.found:
        if replay.sketch == sketch:
            entry.misses = 0
            replay.came += 1
            if replay.came >= WORTH and replay.again is None:
                replay.again = written(sketch, root, g)
            return
    entry.found = [Replay(sketch), *entry.found[: SKETCHES - 1]]


def deliver(leaves, gradients, wrap):
    """Add each of the arrays to the gradient of its leaf; memory that nobody else holds becomes the gradient itself."""
    for i, node in enumerate(leaves):
        leaf = node.leaf()
        if leaf is None:
            continue
        array = gradients[i]
        if leaf._grad is not None:
            add_to(leaf._grad, wrap(array))
        elif array.base is None and array.flags.c_contiguous and held(gradients, i) == ALONE:
            leaf._grad = wrap(array)
        else:
            leaf._grad = wrap(array.copy("C"))


def add_to(gradient, more):
    """``gradient += more``, unrecorded."""
    mode = MODE
    before, mode.grad = mode.grad, False
    try:
        gradient._write(primitives.add, (gradient, more))
    finally:
        mode.grad = before


def held(gradients, i):
    """How many hold an array, besides the caller; in a measure of its own: compare with ``ALONE``."""
    return getrefcount(gradients[i])


def measured():
    gradients = (object(),)
    array = gradients[0]  # as ``deliver`` does
    return held(gradients, 0) if array is not None else 0


ALONE = measured()
"""What ``held`` says of an array that only its tuple and its caller hold. Measured: Python's versions count differently."""


# ------------------------------------------------------------------------------------------------- writing the function


def written(sketch, root, g):
    """The function of a sketch, made by going through such a graph once with the tapes; False if one of them can't be had."""
    mode = MODE
    before, mode.grad = mode.grad, False
    try:
        nodes, writing = nodes_behind(root), Writing(sketch, g._array)
        for k in sketch.order:
            if sketch.steps[k] is None or k not in writing.arrived or writing.adds_to_whole(k):
                continue
            found = tape_of(nodes[k], writing.arrived[k], g._wrap)
            if found is None:
                return False
            writing.step(k, *found)
        return writing.finished()
    finally:
        mode.grad = before


def nodes_behind(root):
    """The Nodes of a graph, in the order in which ``sketched`` meets them."""
    nodes = {root: None}
    waiting = [root]
    for node in waiting:
        for edge in node.edges:
            if edge is not None and edge not in nodes:
                nodes[edge] = None
                waiting.append(edge)
    return waiting


def tape_of(node, g, wrap):
    """The tape that goes back through a Node, and the arrays that it takes; None if there can't be one."""
    if g.dtype.char not in TAPED:
        return None
    arrays, key = node.arrays_and_key(g, node.wanted)
    if key not in node.row.tapes:
        node.pull(wrap(g))
        arrays, key = node.arrays_and_key(g, node.wanted)
    tape = node.row.tapes.get(key)
    return None if tape is None else (tape, arrays)


class Writing:
    """A function that is being written. ``arrived``: by position, the gradients that have arrived so far."""

    def __init__(self, sketch, seed):
        self.sketch, self.xp, self.arrived = sketch, ARRAY_TYPES[seed.__class__], {0: seed}
        self.scope = {"take": primitives.slice.forward, "xp": self.xp}
        self.recognition = Recognition(sketch, self.scope)
        self.lines, self.wholes = [], set()

    def step(self, k, tape, arrays):
        """Go back through Node ``k``."""
        step = self.sketch.steps[k]
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
        saved = "".join(f", {name}" for name in self.recognition.arrays[k])
        self.lines += [f"{', '.join(names)}, = tape{k}(xp, g{k}{saved})", *sums]

    def adds_to_whole(self, k):
        """Whether ``k`` is a slice of what other slices already sent a gradient to, memory of the function's own: then its
        gradient is added there, at its place."""
        step = self.sketch.steps[k]
        whole = step.edges[0] if step.row is primitives.slice else None
        if whole not in self.wholes:
            return False
        self.scope[f"key{k}"] = step.params
        self.lines += [f"place = take(xp, g{whole}, *key{k})", f"xp.add(place, g{k}, place)"]
        return True

    def finished(self):
        """The function (root, seed, whether the graph is kept) → its leaves, their gradients; False for another graph."""
        leaves = [k for k, step in enumerate(self.sketch.steps) if step is None and k in self.arrived]
        spent = "".join([f"n{k}.saved = " for k, arrays in enumerate(self.recognition.arrays) if arrays])
        lines = [
            "try:", *[f"    {line}" for line in self.recognition.lines], "except (TypeError, ValueError):", "    return False",
            *self.lines, *([f"if not keep: {spent}None"] if spent else []),
            f"return ({''.join(f'n{k}, ' for k in leaves)}), ({''.join(f'g{k}, ' for k in leaves)})",
        ]  # fmt: skip
        exec("def again(n0, g0, keep):\n    " + "\n    ".join(lines), self.scope)
        return self.scope["again"]
