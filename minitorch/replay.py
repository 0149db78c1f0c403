"""A backward pass over a graph that looks like one seen before, as one function.

A training step leaves the same graph each time, with other numbers in it. Once it came often enough its walk back is written
down as a function (``replay_python.py``), and from then on that function runs in place of the walk. It does the same arithmetic in
the same order. Hooks, listeners, functions of the user's own and whatever else isn't a plain row leave everything to the
walk. A graph of small arrays that comes a thousand times more goes to machine code (``replay_native.py``).
"""

from sys import getrefcount

from . import primitives
from .backends import ARRAY_TYPES
from .graph import Node
from .modes import MODE
from .replay_native import in_machine_code
from .replay_python import written
from .replay_sketch import sketched
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

    It is None as long as it isn't written; False if it can't be. After ``left`` runs more it is tried in machine code, at a
    graph that looks so: not every one that ends so does.
    """

    def __init__(self, sketch):
        self.sketch, self.seed, self.came, self.again, self.left = sketch, sketch.seed, 1, None, 0

    def write(self, root, g):
        """Write the function, with such a graph at hand."""
        self.again = unrecorded(written, self.sketch, root, g)
        self.left = ARRAY_TYPES[g._array.__class__].patience()

    def hasten(self, root, g):
        """Put machine code in the function's place, if there can be any, and if such a graph is at hand; else try again later."""
        if sketched(root, self.seed) != self.sketch:
            self.left = ARRAY_TYPES[g._array.__class__].patience()
            return
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
