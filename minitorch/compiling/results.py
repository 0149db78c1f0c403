"""What a run returned: tensors with memory of their own, and views of those or of what it was given.

    return y, y[0], x.t()         y is made anew at each call; y[0] and x.t() are then taken of y and of x, as the run did

A view that nobody else sees the memory of is made as a tensor of its own: then there is nothing to share.

torch: torch/_functorch/_aot_autograd/schemas.py (OutputType)
"""

from dataclasses import dataclass, replace

from .. import primitives as rows
from ..backends import backend_of
from ..backward import reachable
from ..compiler.trace import Unfollowed
from ..compiler.traced_memory import layout
from ..engine import MODE, AccumulateGrad, Node, Tensor, edge_of, enable_grad, no_grad
from ..graph import GRAD, stale
from ..tables.strides import as_strided

__all__ = ["Seen", "alive", "roots_of", "views_among"]


@dataclass(frozen=True)
class Seen:
    """A result that is a view: ``path``, rows with their params, leads to it from ``base``.

    made: as in graph.View.   output: what a view that is one of several is called.
    """

    base: Tensor | None
    path: tuple
    made: str
    output: object

    def path_alone(self):
        """The same without the tensors of this run."""
        return replace(self, base=None)

    def of(self, base):
        """The same view of another base."""
        with enable_grad() if self.made == GRAD or (self.made == "several" and MODE.grad) else no_grad():
            made = base
            for row, params in self.path:
                made = made._apply(row, (made,), counted_in(made._array, params) if row is as_strided else params)
        if self.made == "several" and made._view is not None:
            made._view.unfit(self.made, self.output)
        return made


def counted_in(array, params):
    """The params of an ``as_strided`` of an array that may begin elsewhere in its memory than in the run: a part of a larger one."""
    shape, strides, offset, (own, before) = params
    here, begin = backend_of((array,)).geometry(array)
    return (shape, strides, offset + begin - before, (here, begin)) if here == own else params


def views_among(tracer, tensors):
    """{id of a result: how it is Seen}, of the results that are made as views."""
    found: dict = {}
    groups: dict = {}
    for x in {id(x): x for x in tensors}.values():
        tracer.read(x)  # what is only returned is met here
        memory = tracer.known(x._array)
        groups.setdefault(id(memory), (memory, []))[1].append(x)
    for memory, group in groups.values():
        base = base_of(tracer, memory, group)
        found.update({id(x): seen(tracer, memory, x, base) for x in group if base is not None and x is not base})
    return found


def base_of(tracer, memory, group):
    """The tensor that the results in one memory are views of; None if the only one there may have memory of its own."""
    if not memory.born:
        return next(x.tensor for x in tracer.externals if x.memory is memory)
    whole = sorted([x for x in group if layout(x._array) == memory.root and x._view is None], key=lambda x: x._node is None)
    bases = [*whole, *[x._view.base for x in group if x._view is not None and layout(x._view.base._array) == memory.root]]
    if len(group) == 1:
        (x,) = group
        alone = x._array.flags.c_contiguous or x._view is None or x._array.size < bases[0]._array.size if bases else True
        return None if alone else bases[0]
    if not bases:
        raise Unfollowed("two of its results share their memory, and neither is a view of the other")
    return bases[0]


def seen(tracer, memory, x, base):
    """How a result is Seen in the memory that belongs to ``base``."""
    view = x._view
    if view is not None and view.made is not GRAD and MODE.grad and stale(x, view):
        raise Unfollowed("one of its results is a view that can't follow what was written to its memory later")
    node = edge_of(x)
    if node.__class__ is AccumulateGrad or (node is not None and view is None) or x._storage is not base._storage:
        raise Unfollowed("one of its results shares its memory with another, and has a history of its own")
    path = () if layout(x._array) == memory.root and view is None else tuple(tracer.path(x, memory))
    if view is None:
        path = (*path, (rows.detach, ()))
    elif node is None and view.made == GRAD and edge_of(base) is not None:  # of something detached
        path = ((rows.detach, ()), *path)
    if memory.born and not base._array.flags.c_contiguous and not is_view_in_order(path, base):
        raise Unfollowed("two of its results share their memory, only since that isn't in order")
    return Seen(base, path, GRAD if view is None else view.made, getattr(view, "output", None))


def is_view_in_order(path, like):
    """Whether a path leads to a view also of an array that lies in order, as all do that a replay makes, and not as ``like`` does."""
    xp = backend_of((like._array,))
    begin = end = xp.empty(like._array.shape, like.dtype)
    for row, params in path:
        end = row.forward(xp, end, *params)
    return xp.same_memory(begin, end)


def roots_of(results, views, went_back):
    """The tensors that a backward from outside may begin at: [(tensor, the result's number, whether it is that one's base)]."""
    found: dict = {}
    for k, x in enumerate(results):
        root = views[id(x)].base if id(x) in views else x
        if found.get(id(root), (None, None, True))[2]:  # rather the tensor itself
            found[id(root)] = root, k, root is not x
    wanted = [(x, k, base) for x, k, base in found.values() if (node := edge_of(x)) is not None and node.__class__ is not AccumulateGrad]
    return [root for root in wanted if alive(edge_of(root[0]), went_back)]


def alive(node, went_back):
    """Whether a graph can still go backward. One of which no step saved anything always can: what the step did then counts."""
    graph = reachable([node])
    saved = [x for x in graph if x.__class__ is Node and x.row.wants]
    if any([x.saved is None for x in saved]) or any([getattr(x, "again", x) is None for x in graph]):  # freed: a backward has been there
        return False
    if any([v.__class__ is tuple for x in saved for v in x.saved]):
        return True
    return not went_back
