"""Patchwork: a value that was laid together region by region is a concatenation.

    %3 = embed %1 {(4, 8) at columns 4 to 8}
    %4 = embed %2 {(4, 8) at columns 2 to 4}
    %5 = add %3 %4                                         %8 = cat %0 %2 %1 {1}
    %6 = slice %5 {columns 0 to 2}                  →
    %7 = add %6 %0
    %8 = write %5 %7 {columns 0 to 2}

That is how the gradients of the parts of a split, or of a loop over the steps of a sequence, come together: each region is
written once, and what is added to it before is 0. As a concatenation it is made once; and mostly by those who make the parts.

torch: torch/_inductor/fx_passes/split_cat.py
"""

from .. import primitives as rows
from ..dtypes import float32
from ..native.narrow import NARROW
from .graph import Graph, Step, Value

__all__ = ["patched"]


def patched(graph):
    """The graph, in which whatever reads a patchwork without gaps reads a concatenation. What nobody reads now remains."""
    work = Patchwork()
    for step in graph.steps:
        work.take(step)
    outputs = [work.laid(x) for x in graph.outputs]
    checks = [(work.laid(x), error, message) for x, error, message in graph.checks]
    return Graph(graph.inputs, work.steps, outputs, checks)


class Patchwork:
    """The steps so far, and what is known of Values.

    patches: Value → (dim, {(start, stop): what lies there}), zeros elsewhere.   zeros: of the gaps.
    same: Value → another that is the same.   made: patchwork → its concatenation.   wide: float32 → what it was widened of.
    """

    def __init__(self):
        self.steps, self.patches, self.zeros, self.same, self.made, self.wide = [], {}, set(), {}, {}, {}

    def take(self, step):
        """Note what a step makes if it is a patchwork or a part of one; any other step reads them laid together."""
        rule = RULES.get(step.row)
        if rule is None or not rule(self, step, *[self.same.get(x, x) if x.__class__ is Value else x for x in step.inputs]):
            step = step.having([self.laid(x, step.line) if x.__class__ is Value else x for x in step.inputs])
        self.steps.append(step)

    def laid(self, x, line=None):
        """A Value as others may read it, in ``line``: a patchwork without gaps is a concatenation."""
        x = self.same.get(x, x)
        if x in self.patches and x not in self.made:
            dim, parts = self.patches[x]
            order = sorted(parts)
            starts, stops = [a for a, _ in order], [b for _, b in order]
            self.made[x] = x
            if len(order) > 1 and [*starts, x.shape[dim]] == [0, *stops]:
                self.made[x] = Value(x.shape, x.dtype)
                self.steps.append(Step(rows.cat, [self.laid(parts[place], line) for place in order], (dim,), self.made[x], line))
        return self.made.get(x, x)

    # Rules: each takes a step and its inputs, and says whether it noted what the step makes.

    def embed(self, step, x):
        place = band(step.params[0], step.params[1])
        if place is not None:
            self.patches[step.out] = place[0], {place[1:]: x}
        return place is not None

    def add(self, step, x, y):
        for one, other in ((x, y), (y, x)):
            if one in self.zeros and other.__class__ is Value and (other.shape, other.dtype) == (step.out.shape, step.out.dtype):
                self.same[step.out] = other
                return True
        if x not in self.patches or y not in self.patches or self.patches[x][0] != self.patches[y][0]:
            return False
        dim, parts = self.patches[x]
        others = self.patches[y][1]
        if not apart([*parts, *others]):
            return False
        self.patches[step.out] = dim, {**parts, **others}
        return True

    def cast(self, step, x):
        """Narrow numbers are added in float32: what is added to 0 comes back as it was."""
        source = self.wide.get(x)
        if x in self.zeros:
            self.zeros.add(step.out)
        elif source is not None and source.dtype is step.out.dtype:
            self.same[step.out] = source
        else:
            if x.dtype.name in NARROW and step.out.dtype is float32:
                self.wide[step.out] = x
            return False
        return True

    def slice(self, step, x):
        if x not in self.patches:
            return False
        dim, parts = self.patches[x]
        place = band(x.shape, ((rows.slice, step.params),))
        if place is None or place[0] != dim:
            return False
        if place[1:] in parts:
            self.same[step.out] = self.same.get(parts[place[1:]], parts[place[1:]])
        elif apart([*parts, place[1:]]):
            self.zeros.add(step.out)
        else:
            return False
        return True

    def cat(self, step, *parts):
        """A concatenation is made all the same, if anybody reads it; who reads one of its parts needs only that."""
        dim, start, places = step.params[0], 0, {}
        for x in parts:
            places[start, start + x.shape[dim]] = x
            start += x.shape[dim]
        if all([x.dtype is step.out.dtype and x.size for x in parts]):
            self.patches[step.out], self.made[step.out] = (dim, places), step.out
        return False

    def write(self, step, x, y):
        if x not in self.patches or y.__class__ is not Value:
            return False
        dim, parts = self.patches[x]
        place = band(x.shape, step.params[0])
        if place is None or place[0] != dim or not apart([*parts, place[1:]] if place[1:] not in parts else list(parts)):
            return False
        self.patches[step.out] = dim, {**parts, place[1:]: y}
        return True


RULES = {
    rows.embed: Patchwork.embed, rows.add: Patchwork.add, rows.slice: Patchwork.slice, rows.write: Patchwork.write,
    rows.cast: Patchwork.cast, rows.cat: Patchwork.cat,
}  # fmt: skip


def band(shape, path):
    """(dim, start, stop) of a region that is whole in all other dims, or None.

    >>> band((4, 8), ((rows.slice, (((0, 4, 1), (2, 6, 1)),)),))
    (1, 2, 6)
    """
    if len(path) != 1 or path[0][0] is not rows.slice:
        return None
    (key,) = path[0][1]
    if any([entry.__class__ is not tuple for entry in key]):
        return None
    ranges = [range(*slice(*entry).indices(n)) for entry, n in zip(key, shape)]
    cut = [(dim, r) for dim, (r, n) in enumerate(zip(ranges, shape)) if r != range(n)]
    if len(cut) != 1 or cut[0][1].step != 1 or not cut[0][1]:
        return None
    return cut[0][0], cut[0][1].start, cut[0][1].stop


def apart(places):
    """Whether no two of the bands overlap.

    >>> apart([(0, 2), (4, 6), (2, 4)]), apart([(0, 2), (1, 3)])
    (True, False)
    """
    order = sorted(places)
    return all([stop <= start for (_, stop), (start, _) in zip(order, order[1:])])
