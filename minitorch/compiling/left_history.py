"""What a run leaves to go backward through, as far as others can see it: what it keeps, what is freed, what lies on its way.

    y = (x * w).exp()              y is kept: whoever writes to it before backward comes is to hear of it
    return a.loss, b.loss          two graphs: when backward has been through one, the other can still be gone through
    return h, (h * h).sum()        h lies on the way from the second: its hooks are to be called

One program stands for all of it, and asks these questions of tables.

torch: torch/csrc/autograd/saved_variable.cpp says the same of each Node by itself
"""

from typing import NamedTuple

from ..autograd.function import FunctionNode
from ..backends import backend_of
from ..graph import producer
from ..recompute import Remade

__all__ = ["LeftHistory", "history_of"]


class Seen(NamedTuple):
    """A tensor that is kept for backward, and that somebody else may write to.

    kind, which: "result", its position among those; or "external", its position.   roots: the numbers of those from which it is met.
    facts: name of its dtype, shape, and what it came of, for an error.
    """

    kind: str
    which: int
    roots: frozenset
    facts: tuple


class LeftHistory(NamedTuple):
    """kept: Seen, of each tensor that others know.   inner: for each root the others on its way.

    frees: for each root those that can't go backward again when it has been gone through.
    """

    kept: tuple
    frees: tuple
    inner: tuple


def history_of(paths, edges, results, externals):
    """The LeftHistory of a graph.   paths: for each root the Nodes that lead back from it, a set; edges: the roots' own.

    results, externals: the tensors.
    """
    storages = [("result", k, x._storage) for k, x in enumerate(results)] + [("external", k, x._storage) for k, x in enumerate(externals)]
    known = {id(storage): (kind, k) for kind, k, storage in reversed(storages)}
    found, keepers = {}, []
    for number, path in enumerate(paths):
        keepers.append(set())
        for node in path:
            saved = saved_by(node)
            if saved:
                keepers[-1].add(node)
            for storage, facts in saved:
                if id(storage) in known:
                    found.setdefault(id(storage), (facts, set()))[1].add(number)
    kept = tuple([Seen(*known[key], frozenset(roots), facts) for key, (facts, roots) in found.items()])
    frees = tuple([frozenset([k for k, other in enumerate(keepers) if not own.isdisjoint(other)]) for own in keepers])
    inner = tuple([frozenset([k for k, edge in enumerate(edges) if edge in path and edge is not own]) for path, own in zip(paths, edges)])
    return LeftHistory(kept, frees, inner)


def saved_by(node):
    """[(storage, facts)] of the tensors that a Node keeps."""
    if node.__class__ is FunctionNode:
        saved = [x for x in node.ctx._saved or () if x is not None]
        return [(x._storage, (x.dtype.name, x._array.shape, None if isinstance(of, int) else producer(of))) for x, _, of in saved]
    found = []
    for i, value in enumerate(node.saved or ()):
        of = producer(node.edges[i - 1] if 0 < i <= len(node.edges) else node)
        if value.__class__ is Remade:
            found.append((value.storage, (value.dtype.name, value.shape, of)))
        elif value.__class__ is tuple:
            array, storage, _ = value
            found.append((storage, (backend_of((array,)).dtype_of(array).name, array.shape, of)))
    return found
