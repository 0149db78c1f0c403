"""The walk back through a graph, written down: a function for all graphs of one sketch (replay_sketch.py).

It calls the tapes of the rows (``tape.py``) in the walk's order; here of a mean of squared errors after one linear layer:

    def again(n0, g0, keep):
        …                                               is it that graph? If not: return False
        g1, = tape0(xp, g0, a0_1, a0_2)
        g2, g3, = tape1(xp, g1, a1_1, a1_2)
        if not keep: n0.saved = n1.saved = None
        return (n2, n3, ), (g2, g3, ), False

What is large is let go of as soon as it was read, as in the walk.
"""

from . import primitives
from .backends import ARRAY_TYPES
from .replay_sketch import Recognition, array_names
from .tape import LARGE, TAPED

__all__ = ["function", "nodes_behind", "tape_of", "written"]


def written(sketch, root, g):
    """The function of a sketch, made by going through such a graph once with the tapes; False if one of them can't be had."""
    nodes, writing = nodes_behind(root), Writing(sketch, g._array)
    for k in sketch.order:
        if sketch.steps[k] is None or k not in writing.arrived or writing.done_elsewhere(k):
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


def function(sketch, scope, lines, leaves, gradients, new=False, shapes=True):
    """The function (root, seed, whether the graph is kept) that asks if it is such a graph, and if not returns False; then runs
    the lines, and returns its leaves' Nodes, their gradients, and whether these are ``new`` memory that nobody else holds.

    scope: what the lines know.   leaves: their positions.   gradients: the names of theirs.   shapes: as in Recognition.
    """
    scope = dict(scope)
    asked = Recognition(sketch, scope, shapes).lines
    spent = "".join([f"n{k}.saved = " for k, step in enumerate(sketch.steps) if step is not None and array_names(k, step)])
    lines = [
        "try:", *[f"    {line}" for line in asked], "except (TypeError, ValueError):", "    return False",
        *lines, *([f"if not keep: {spent}None"] if spent else []),
        f"return ({''.join([f'n{k}, ' for k in leaves])}), ({''.join([f'{name}, ' for name in gradients])}), {new}",
    ]  # fmt: skip
    exec("def again(n0, g0, keep):\n    " + "\n    ".join(lines), scope)
    return scope.pop("again")  # among its own globals it would be a circle


def made_of(sketch):
    """Node → those that were made of it; all by position."""
    made: dict = {}
    for k, step in enumerate(sketch.steps):
        for edge in () if step is None else step.edges:
            made.setdefault(edge, []).append(k)
    return made


def parts(sketch, made):
    """The Nodes of which nothing was made but slices side by side, all of it: of each the dim and the slices in order."""
    found = {}
    for whole, slices in made.items():
        steps = {k: sketch.steps[k] for k in slices}
        if whole >= 0 and all([step.row is primitives.slice for step in steps.values()]):
            shape = steps[slices[0]].saved[1][1]
            dim = split_dim([step.params[0] for step in steps.values()], shape)
            if dim is not None:
                found[whole] = dim, sorted(slices, key=lambda k, dim=dim, steps=steps: steps[k].params[0][dim])
    return found


def split_dim(keys, shape):
    """The dim along which slices by these keys make up a tensor of that shape; None if they don't.

    >>> from minitorch.replay_python import split_dim
    >>> split_dim([((0, 2, 1), (0, 3, 1)), ((0, 2, 1), (3, 5, 1))], (2, 5))
    1
    """
    if any([len(key) != len(shape) for key in keys]):  # with a new dim
        return None
    dims = {dim for key in keys for dim, taken in enumerate(key) if taken != (0, shape[dim], 1)}
    spans = sorted([key[dim] for key in keys for dim in dims if key[dim].__class__ is tuple])
    if len(dims) != 1 or len(spans) != len(keys) or any([step != 1 for *_, step in spans]):
        return None
    (dim,) = dims
    return dim if [0, *[stop for _, stop, _ in spans]] == [*[start for start, *_ in spans], shape[dim]] else None


class Writing:
    """A function that is being written. ``arrived``: by position, the gradients that have arrived so far."""

    def __init__(self, sketch, seed):
        self.sketch, self.xp, self.arrived = sketch, ARRAY_TYPES[seed.__class__], {0: seed}
        self.scope = {"take": primitives.slice.forward, "join": primitives.cat.forward, "xp": self.xp}
        self.lines, self.wholes, self.made, self.joined, self.casts = [], set(), made_of(sketch), set(), {}
        self.parts = parts(sketch, self.made)

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
        saved = "".join([f", {name}" for name in array_names(k, step)])
        self.lines += [f"{', '.join(names)}, = tape{k}(xp, g{k}{saved})", *sums]
        if self.arrived[k].size >= LARGE:
            spent = f"g{k}", *array_names(k, step), *[f"d{i}" for i in range(len(sums))]
            self.lines += [f"if not keep: n{k}.saved = None", f"del {', '.join(spent)}"]

    def done_elsewhere(self, k):
        """Whether Node ``k`` isn't gone through by a line of its own."""
        return self.joins(k) or self.adds_to_whole(k) or self.casts_at_the_end(k)

    def casts_at_the_end(self, k):
        """Whether ``k`` is a cast of a leaf on a GPU, and all that was made of it: what arrives at such leaves is cast together."""
        step, (edge, *_) = self.sketch.steps[k], self.sketch.steps[k].edges
        if self.xp.SYNCHRONOUS or step.row is not primitives.cast or self.sketch.steps[edge] is not None or self.made[edge] != [k]:
            return False
        (_, _, dtype), g = step.saved[1], self.arrived[k]
        if g.dtype.char not in TAPED or not dtype.is_floating_point:
            return False
        self.casts.setdefault(dtype, []).append((k, edge))
        self.arrived[edge] = self.xp.cast(g, dtype)
        return True

    def joins(self, k):
        """Whether ``k`` is one of the parts that a whole was split in: the whole's gradient is theirs side by side."""
        whole = self.sketch.steps[k].edges[0]
        if whole in self.joined:
            return True
        dim, split = self.parts.get(whole, (0, ()))
        if k not in split or not all([i in self.arrived for i in split]):
            return False
        self.joined.add(whole)
        self.arrived[whole] = primitives.cat.forward(self.xp, *[self.arrived[i] for i in split], dim)
        self.lines.append(f"g{whole} = join(xp, {', '.join([f'g{i}' for i in split])}, {dim})")
        self.lines.append(f"del {', '.join([f'g{i}' for i in split])}")
        return True

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
        for dtype, pairs in self.casts.items():
            given, made = ["".join([f"g{pair[i]}, " for pair in pairs]) for i in (0, 1)]
            self.scope[f"to_{dtype.name}"] = dtype
            self.lines.append(f"{made}= xp.casts(({given}), to_{dtype.name})")
        leaves = [k for k, step in enumerate(self.sketch.steps) if step is None and k in self.arrived]
        return function(self.sketch, self.scope, self.lines, leaves, [f"g{k}" for k in leaves])
