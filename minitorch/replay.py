"""A backward pass over a graph that looks like one seen before, as one function.

A training step leaves the same graph each time, with other numbers in it. Once it came often enough its walk back is written
down, node after node, from the tapes of the rows (``tape.py``); here of a mean of squared errors after one linear layer:

    def again(n0, g0, keep):
        …                                               is it that graph (sketch.py)? If not: return False
        g1, = tape0(xp, g0, a0_1, a0_2)
        g2, g3, = tape1(xp, g1, a1_1, a1_2)
        if not keep: n0.saved = n1.saved = None
        return (n2, n3, ), (g2, g3, ), False

From then on that function runs in place of the walk. It does the same arithmetic in the same order. Hooks, listeners,
functions of the user's own and whatever else isn't a plain row leave everything to the walk.

A graph of small arrays that comes a thousand times more has all its rows done by one call of machine code (``together.py``):

    def again(n0, g0, keep):
        …                                               is it that graph? The call asks for shapes and dtypes
        r0 = empty((1, 16), float32); r1 = empty((1,), float32)
        if run(g0, a0_1, a0_2, a1_1, a1_2, r0, r1) is None: return plainly(n0, g0, keep)
        if not keep: n0.saved = n1.saved = None
        return (n2, n3, ), (r0, r1, ), True
"""

from sys import getrefcount

from . import primitives
from .backends import ARRAY_TYPES
from .dtypes import float64
from .graph import Node
from .modes import MODE
from .sketch import Recognition, sketched
from .tape import TAPED, Listening
from .tape import written as tape_of_steps
from .together import in_one_call

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

    It is None as long as it isn't written; False if it can't be. After ``left`` runs more it is tried in machine code.
    """

    def __init__(self, sketch):
        self.sketch, self.seed, self.came, self.again, self.left = sketch, sketch.seed, 1, None, 0

    def write(self, root, g):
        """Write the function, with such a graph at hand."""
        self.again = unrecorded(written, self.sketch, root, g)
        self.left = ARRAY_TYPES[g._array.__class__].patience()

    def hasten(self, root, g):
        """Put machine code in the function's place, if there can be any."""
        self.again = unrecorded(in_machine_code, self.sketch, root, g, self.again) or self.again


def replayed(root, g, retain_graph):
    """Go back from the Node ``root`` with the gradient ``g`` by a function, and return True; False if there is none."""
    array = g._array
    if root.__class__ is not Node or array.dtype.char not in TAPED:
        return False
    entry = known.get(root.row)
    if entry is None:
        entry = known[root.row] = Entry()
    seed = array.shape, array.dtype, array.__class__
    for replay in entry.found:
        if replay.again and replay.seed == seed:
            if not replay.left:
                replay.hasten(root, g)
            done = replay.again(root, array, retain_graph)
            if done:
                entry.misses = 0
                replay.left -= 1
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
                replay.write(root, g)
            return
    entry.found = [Replay(sketch), *entry.found[: SKETCHES - 1]]


def deliver(leaves, gradients, new, wrap):
    """Add each of the arrays to the gradient of its leaf; memory that nobody else holds becomes the gradient itself.

    new: whether all of it is that.
    """
    for i, node in enumerate(leaves):
        leaf = node.leaf()
        if leaf is None:
            continue
        array = gradients[i]
        if leaf._grad is not None:
            unrecorded(leaf._grad._write, primitives.add, (leaf._grad, wrap(array)))
        elif new or (array.base is None and array.flags.c_contiguous and held(gradients, i) == ALONE):
            leaf._grad = wrap(array)
        else:
            leaf._grad = wrap(array.copy("C"))


def unrecorded(function, *arguments):
    """Call it as the walk runs: what passes the gate is neither recorded nor cast."""
    mode = MODE
    before, mode.grad, mode.autocast = (mode.grad, mode.autocast), False, None
    try:
        return function(*arguments)
    finally:
        mode.grad, mode.autocast = before


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
    nodes, writing = nodes_behind(root), Writing(sketch, g._array)
    for k in sketch.order:
        if sketch.steps[k] is None or k not in writing.arrived or writing.adds_to_whole(k):
            continue
        found = tape_of(nodes[k], writing.arrived[k], g._wrap)
        if found is None:
            return False
        writing.step(k, *found)
    return writing.finished()


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

    def __init__(self, sketch, seed, shapes=True):
        self.sketch, self.xp, self.arrived = sketch, ARRAY_TYPES[seed.__class__], {0: seed}
        self.scope = {"take": primitives.slice.forward, "xp": self.xp}
        self.recognition = Recognition(sketch, self.scope, shapes)
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
        """The function (root, seed, whether the graph is kept) → what ``deliver`` takes; False for another graph."""
        leaves = self.leaves()
        return self.function(self.lines, leaves, [f"g{k}" for k in leaves], new=False)

    def leaves(self):
        return [k for k, step in enumerate(self.sketch.steps) if step is None and k in self.arrived]

    def function(self, lines, leaves, gradients, new):
        """The function that asks if it is that graph, runs the lines, and returns what ``deliver`` takes."""
        spent = "".join([f"n{k}.saved = " for k, arrays in enumerate(self.recognition.arrays) if arrays])
        lines = [
            "try:", *[f"    {line}" for line in self.recognition.lines], "except (TypeError, ValueError):", "    return False",
            *lines, *([f"if not keep: {spent}None"] if spent else []),
            f"return ({''.join([f'n{k}, ' for k in leaves])}), ({''.join([f'{name}, ' for name in gradients])}), {new}",
        ]  # fmt: skip
        exec("def again(n0, g0, keep):\n    " + "\n    ".join(lines), self.scope)
        return self.scope["again"]


# -------------------------------------------------------------------------------------------------------- machine code


def in_machine_code(sketch, root, g, plainly):
    """The function of a sketch with all its rows in one call; where that refuses, ``plainly`` runs. None if there can't be one."""
    if any([step is not None and step.row is primitives.slice for step in sketch.steps]):
        return None
    arrived, read, steps = passed(sketch, nodes_behind(root), g)
    writing = Writing(sketch, g._array, shapes=False)
    writing.arrived = arrived
    leaves = writing.leaves()
    results = [arrived[k] for k in leaves]
    run = in_one_call(read, (), steps, results)
    if run is None or not agrees(run, read, steps, results, writing.xp):
        return None
    writing.scope.update(run=run, plainly=plainly, new=writing.xp.room)
    saved = [name for k in sketch.order if k in arrived for name in writing.recognition.arrays[k]]
    names = [f"r{i}" for i in range(len(results))]
    kinds = [(writing.recognition.know(x._array.shape), writing.recognition.know(x._array.dtype)) for x in results]
    lines = [
        *[f"{name} = new({shape}, {dtype})" for name, (shape, dtype) in zip(names, kinds)],
        f"if run({', '.join(['g0', *saved, *names])}) is None: return plainly(n0, g0, keep)",
    ]
    return writing.function(lines, leaves, names, new=True)


def passed(sketch, nodes, g):
    """Go back through a graph with tensors: the gradients that arrive, by position; what they were computed from; and what
    passed the gate."""
    arrived, read = {0: g}, [g]
    with Listening() as steps:
        for k in sketch.order:
            step = sketch.steps[k]
            if step is None or k not in arrived:
                continue
            values = nodes[k].unpack(g)
            read += [x for x in values if hasattr(x, "_array")]
            for edge, d in zip(step.edges, nodes[k].vector_jacobian_products(step.wanted, arrived[k], values)):
                if d is not None and edge >= 0:
                    arrived[edge] = arrived[edge] + d if edge in arrived else d
    return arrived, read, steps


def agrees(run, read, steps, results, xp):
    """Whether machine code gives NumPy's bits, for numbers that have nothing to do with each other."""
    arrays, made = [], [xp.room(x._array.shape, x._array.dtype) for x in results]
    for i, x in enumerate(read):
        arrays.append(x._array.copy("K"))
        wave = xp.sin(xp.multiply(xp.arange(1 + i, 1, x._array.size, float64), 1.7))
        xp.copyto(arrays[-1], wave.reshape(x._array.shape), "same_kind")
    tape = tape_of_steps({f"v{i}": x for i, x in enumerate(read)}, steps, results)
    if tape is None or run(*arrays, *made) is None:
        return False
    return all([xp.asarray(a).tobytes() == b.tobytes() for a, b in zip(tape(xp, *arrays), made)])
