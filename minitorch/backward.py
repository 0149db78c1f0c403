"""Backward: the walk back through the graph that operations left behind.

It takes the Nodes in the order of their creation, newest first; when one's turn comes, all that it fed has been seen, so
there is no recursion and no counting. A graph that looks like one seen before is gone through by one function
(``replay.py``).

torch: torch/csrc/autograd/engine.cpp
"""

from heapq import heappop, heappush

from . import primitives
from .graph import AccumulateGrad, fresh
from .modes import MODE
from .replay import replayed

__all__ = ["backward", "reachable"]


def backward(roots, gradients, retain_graph=False, create_graph=False, targets=None, accumulate=True, beyond=True):
    """Send ``gradients`` back from the Nodes ``roots``: newest Node first, each once, when all that it fed has been seen.

    Gradients arrive at the leaves' ``.grad`` if ``accumulate``. With ``targets``, a set of Nodes, only the ways there
    are taken, and the gradients that arrive at them are returned, by Node; and from one target on to another only if
    ``beyond``. ``create_graph`` records all this again.
    """
    direct = accumulate and targets is None and not create_graph
    if direct and len(roots) == 1 and not MODE.listeners and replayed(roots[0], gradients[0], retain_graph):
        return {}
    running, useful = (None, None) if targets is None else leading_to(targets, sorted(reachable(roots), key=newest), beyond)
    pending, owned, found, heap, started = {}, set(), {}, [], set()
    mode = MODE
    before, mode.grad, mode.autocast = (mode.grad, mode.autocast), create_graph, None
    try:
        for node, g in zip(roots, gradients, strict=True):
            deposit(pending, owned, heap, node, g, g)
        while heap:
            node = heappop(heap)[1]
            g = pending.pop(node)
            if node.tensor_hooks:
                g = hooked(node, g)
                owned.discard(node)
            if targets is not None:
                if node in targets:
                    found[node] = g
                if node not in running and node.__class__ is not AccumulateGrad:
                    continue
            if node.__class__ is AccumulateGrad:
                if accumulate:
                    node.accumulate(g, node in owned)
                continue
            if node.row is primitives.slice and added_to_whole(node, g, pending, owned, started):
                continue
            arriving = node.pull(g, useful) if not (node.prehooks or node.posthooks) else pulled(node, g, useful)
            if not retain_graph:
                node.free()
            for edge, d in zip(node.edges, arriving, strict=True):
                if d is None or edge is None or (useful is not None and edge not in useful):
                    continue  # a Node of somebody's own gives all of its gradients
                if direct and edge.__class__ is AccumulateGrad and edge.takes(d, g, started):
                    continue
                deposit(pending, owned, heap, edge, d, g)
    finally:
        mode.grad, mode.autocast = before
    return found


def newest(node):
    return node.number


def reachable(roots):
    """Every Node from which a root came, once."""
    seen = set(roots)
    waiting = list(seen)
    found = []
    while waiting:
        node = waiting.pop()
        found.append(node)
        for edge in node.edges:
            if edge is not None and edge not in seen:
                seen.add(edge)
                waiting.append(edge)
    return found


def leading_to(targets, oldest_first, beyond=True):
    """The Nodes to run so that gradients reach ``targets``, and with them the targets themselves.

    beyond: targets may be run as well, if they lead to others.
    """
    running, useful = set(), set(targets)
    for node in oldest_first:
        if (beyond or node not in targets) and any([edge in useful for edge in node.edges]):
            running.add(node)
            useful.add(node)
    return running, useful


def hooked(node, g):
    """``g`` after the hooks of the tensor that it is the gradient of."""
    for hook in node.tensor_hooks:
        g = replaced(hook(g), g)
    return g


def pulled(node, g, useful):
    """The gradients of a Node's inputs, through its hooks."""
    for hook in node.prehooks:
        (g,) = replaced(hook((g,)), (g,))
    arriving = node.pull(g, useful)
    for hook in node.posthooks:
        arriving = replaced(hook(tuple(arriving), (g,)), arriving)
    return arriving


def replaced(new, old):
    """What a hook returned, or what it was given if it returned None."""
    return old if new is None else new


def deposit(pending, owned, heap, edge, d, g):
    """Add ``d`` to what has arrived at ``edge``: in place, if that memory is nobody else's."""
    old = pending.get(edge)
    if old is None:
        pending[edge] = d
        heappush(heap, (-edge.number, edge))
        if hasattr(d, "_array") and fresh(d, g):
            owned.add(edge)
    elif edge in owned and not MODE.grad:
        old._write(primitives.add, (old, d))
    else:
        pending[edge] = old + d
        if hasattr(old, "_array"):
            owned.add(edge)


def added_to_whole(node, g, pending, owned, started):
    """Add ``g``, the gradient of a slice, at its place in what has arrived for the whole; False if that can't be.

    Else each step of a sequence would bring a whole of zeros, with its own gradient in it, to be added.
    """
    edge = node.edges[0]
    whole = getattr(edge.leaf(), "_grad", None) if edge in started else pending.get(edge) if edge in owned else None
    if whole is None or MODE.grad or node.prehooks or node.posthooks:
        return False
    place = whole._apply(node.row, (whole,), node.params)
    place._write(primitives.add, (place, g))
    return True
