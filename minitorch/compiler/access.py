"""How a value is read from memory: movement as arithmetic on strides, without a copy.

    %1 = permute %0 {(1, 0)}          an element of %1 at (i, j) is that of %0 at (j, i): offset 0, strides (1, 16)

``Access(base, shape, strides, offset)``: element (i, j, …) lies at ``offset + i * strides[0] + j * strides[1] + …`` in the
memory of ``base``, counted in elements. A movement row changes these numbers; where it can't (a reshape of what isn't in
order), the value must be laid out anew.

torch: aten/src/ATen/native/TensorShape.cpp, ATen/TensorUtils.cpp (computeStride)
"""

from dataclasses import dataclass

from .. import primitives as rows
from .attention import ATTEND_TOTALS, ATTENDING, heads_within_rows, matrices_of
from .graph import Graph, Step, Value

__all__ = ["Access", "accesses", "contiguous", "drops_ones", "in_order", "is_contiguous", "region", "reshaped"]


@dataclass(frozen=True)
class Access:
    """Where the elements of a value lie in the memory of ``base``."""

    base: Value
    shape: tuple
    strides: tuple
    offset: int = 0

    def broadcast(self, shape):
        """The same, read in a larger shape: what is repeated has stride 0."""
        more = len(shape) - len(self.shape)
        strides = [0 if m == 1 and n != 1 else s for m, s, n in zip(self.shape, self.strides, shape[more:])]
        return Access(self.base, tuple(shape), (0,) * more + tuple(strides), self.offset)


def contiguous(shape):
    """The strides of an array whose elements lie in order.

    >>> contiguous((2, 3))
    (3, 1)
    """
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def is_contiguous(access):
    """Whether the elements lie in order, without gaps, from ``offset`` on."""
    return all([n == 1 or s == c for n, s, c in zip(access.shape, access.strides, contiguous(access.shape))])


def in_rows(access):
    """Whether the elements along the last dim lie side by side."""
    return access.strides[-1] == 1


def permuted(access, dims):
    return tuple([access.shape[d] for d in dims]), tuple([access.strides[d] for d in dims]), access.offset


def expanded(access, shape):
    wide = access.broadcast(shape)
    return wide.shape, wide.strides, wide.offset


def sliced(access, key):
    shape, strides, offset, d = [], [], access.offset, 0
    for entry in key:
        if entry is None:
            shape.append(1)
            strides.append(0)
            continue
        n, s = access.shape[d], access.strides[d]
        d += 1
        if entry.__class__ is tuple:
            start, stop, step = slice(*entry).indices(n)
            count = len(range(start, stop, step))
            offset += start * s if count else 0
            shape.append(count)
            strides.append(step * s)
        else:
            offset += (entry % n) * s
    return tuple(shape) + access.shape[d:], tuple(strides) + access.strides[d:], offset


def flipped(access, dims):
    dims = {d % len(access.shape) for d in dims}
    strides = tuple([-s if d in dims else s for d, s in enumerate(access.strides)])
    offset = access.offset + sum([(access.shape[d] - 1) * access.strides[d] for d in dims if access.shape[d]])
    return access.shape, strides, offset


def diagonal(access, offset, dim1, dim2):
    """Both dims are walked in step, in a new last dim; a positive ``offset`` begins so far along the second."""
    dims = [d % len(access.shape) for d in (dim1, dim2)]
    (m, n), steps = [access.shape[d] for d in dims], [access.strides[d] for d in dims]
    count = max(0, min(m, n - offset) if offset >= 0 else min(m + offset, n))
    start = access.offset + (offset * steps[1] if offset >= 0 else -offset * steps[0]) * (count > 0)
    others = [(n, s) for d, (n, s) in enumerate(zip(access.shape, access.strides)) if d not in dims]
    return (*[n for n, _ in others], count), (*[s for _, s in others], sum(steps)), start


def windows(access, dim, size, step):
    count = (access.shape[dim] - size) // step + 1
    shape, strides = list(access.shape), list(access.strides)
    window = strides[dim]
    shape[dim], strides[dim] = count, window * step
    return (*shape, size), (*strides, window), access.offset


def reshaped(access, shape):
    """A reshape by strides, or None: each run of dims that lie in order may be cut anew.

    >>> reshaped(Access(None, (2, 3, 4), (12, 4, 1)), (6, 4))
    ((6, 4), (4, 1), 0)
    """
    old = [(n, s) for n, s in zip(access.shape, access.strides) if n != 1]
    if 0 in access.shape or 0 in shape:
        return tuple(shape), contiguous(shape), access.offset
    runs: list = []  # (elements, stride of the last dim): dims that lie in order, taken together
    for n, s in old:
        if runs and runs[-1][1] == n * s:
            runs[-1] = (runs[-1][0] * n, s)
        else:
            runs.append((n, s))
    strides, todo = [], list(runs)
    room, step = 1, 0
    for n in reversed(shape):
        if n == 1:
            strides.append(0)
            continue
        if room == 1:
            if not todo:
                return None
            room, step = todo.pop()
        if room % n:
            return None
        strides.append(step)
        room, step = room // n, step * n
    return (tuple(shape), tuple(reversed(strides)), access.offset) if room == 1 and not todo else None


MOVES = {
    rows.permute: permuted, rows.expand: expanded, rows.slice: sliced, rows.flip: flipped, rows.unfold: windows,
    rows.reshape: reshaped, rows.diagonal: diagonal,
}  # fmt: skip
"""Movement row → (access, *params) → (shape, strides, offset) or None."""


def accesses(graph, strides):
    """How each Value is read: of its own memory, or of another's. ``strides``: those of inputs that aren't in order.

    >>> from minitorch.compiling.tracing import traced
    >>> graph = traced(lambda x: x.t()[1:], torch.ones(2, 3))
    >>> [(access.shape, access.strides, access.offset) for access in accesses(graph, {}).values()]
    [((2, 3), (3, 1), 0), ((3, 2), (1, 3), 0), ((2, 2), (1, 3), 1)]
    """
    found = {x: Access(x, x.shape, strides.get(x) or contiguous(x.shape)) for x in graph.inputs}
    for step in graph.steps:
        move, moved = MOVES.get(step.row), None
        if move is not None:
            source = found[step.inputs[0]]
            moved = move(source, *step.params)
        found[step.out] = Access(step.out, step.out.shape, laid_out(step)) if moved is None else Access(source.base, *moved)
    return found


def laid_out(step):
    """The strides in which a step lays down what it makes: in order, but for attention whose heads go within rows."""
    swapped = step.row in ATTENDING and step.row is not ATTEND_TOTALS and step.params[-1]
    return heads_within_rows(step.out.shape) if swapped else contiguous(step.out.shape)


def in_order(graph, strides, wants_order=()):
    """The graph, with a copy before each reshape that strides can't express, and before rows whose inputs must lie in order.

    Of attention's inputs only the numbers of each row must.

        %1 = permute %0 {(1, 0)}             %1 = permute %0 {(1, 0)}
        %2 = reshape %1 {(512)}        →     %3 = copy %1
                                             %2 = reshape %3 {(512)}
    """
    found, steps, laid = accesses(graph, strides), [], {}

    def in_line(x, step):
        """A copy of a value whose elements lie in order: one for all that want it."""
        if x not in laid:
            laid[x] = Value(x.shape, x.dtype)
            steps.append(Step(rows.copy, (x,), (), laid[x], step.line))
        return laid[x]

    for step in graph.steps:
        wants, given = is_contiguous if step.row in wants_order else None, step.inputs
        if step.row in ATTENDING:
            wants, given = in_rows, matrices_of(step)
        if wants is not None:
            wrong = [x for x in given if x.__class__ is Value and not wants(found[x])]
            step = step.having([in_line(x, step) if x in wrong else x for x in step.inputs])
        if step.row is rows.reshape and found[step.out].base is step.out:
            step = step.having([in_line(step.inputs[0], step)])
        steps.append(step)
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def region(value, path):
    """The part of a value's own memory that a path of view rows leads to, or None if strides can't tell."""
    access = Access(value, value.shape, contiguous(value.shape))
    for row, params in path:
        moved = MOVES[row](access, *params) if row in MOVES else None
        if moved is None:
            return None
        access = Access(value, *moved)
    return access


def drops_ones(old, new):
    """Whether two shapes differ in dims of size 1 only."""
    return [n for n in old if n != 1] == [n for n in new if n != 1]
