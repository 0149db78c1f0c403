"""A compiled forward whose backward is called from outside: one Node joins the two programs.

    y = compiled(x)            runs the forward program, which leaves what backward needs in a block of its own
    (y * 2).sum().backward()   the walk back meets the Node, which runs the backward program on that block

Two forwards before one backward have two blocks. A block returns to the pool when its graph is freed. Under
``create_graph``, and where a result that another comes of is hooked, the Node runs the function again, eagerly, and goes back
through that.

torch: torch/_functorch/_aot_autograd/runtime_wrappers.py (AOTDispatchAutograd)
"""

import time
from weakref import ref

from ..autograd.function import Gradients, OutputNode
from ..backward import backward
from ..compiler import Place, native_of, timed
from ..compiler.simplify import dead
from ..compiler.zero_inputs import without
from ..engine import edge_of, wrap
from ..errors import FREED, overwritten_error
from ..graph import Node
from ..modes import MODE
from .locks import lock
from .profiling import tell

__all__ = ["Backward"]

BLOCKS = 2
"""Blocks that are kept for another forward."""


class Backward:
    """The backward program of a recording.

    saved: for each input ("made", number among the fresh arrays of forward) or ("input", number); then come the seeds.
    kept: how many arrays forward makes for it alone.   roots, leads, history, unrepeatable: see Recording.   within: results that lie on
    the way from others.   title: for profilers.
    """

    def __init__(self, recording, fresh, title, of=None):
        """``of``: a Backward of the same, of which this is the twin that notes when each kernel runs."""
        self.title, self.of = title, of
        graph, forward = recording.backward, recording.graph
        inner = [x for x in recording.saved if x not in forward.inputs and x not in recording.seeds]
        self.kept = len(inner)
        self.facts, first = fresh[len(fresh) - self.kept :], len(fresh) - self.kept
        self.saved = [
            ("input", forward.inputs.index(x)) if x in forward.inputs else ("made", first + inner.index(x))
            for x in recording.saved if x not in recording.seeds
        ]  # fmt: skip
        self.seeds = [(recording.seeds.index(x), x.shape, x.dtype) for x in recording.saved if x in recording.seeds]
        order = [x for x in recording.saved if x not in recording.seeds] + [x for x in recording.saved if x in recording.seeds]
        self.results = [(x.shape, x.dtype) for x in graph.outputs]
        self.strides = {x: recording.strides[x] for x in order if x in recording.strides and x not in recording.seeds}
        self.xp, self.graph, self.parts = recording.xp, graph.having_inputs(order), {}
        self.native = self.native_of(self.graph) if of is None else timed(of.native)
        self.count, self.lock, self.pool = len(recording.seeds), lock(), []
        self.roots, self.leads, self.history = recording.roots, recording.leads, recording.history
        self.within, self.unrepeatable = frozenset().union(*self.history.inner), recording.unrepeatable()

    def native_of(self, graph):
        places = [Place("output", k) for k in range(len(self.results))]
        return native_of(graph, self.strides, places, self.xp)

    def native_for(self, gradients):
        """The program for gradients of some results only, by number. What comes of the others alone isn't computed."""
        missing = frozenset([k for k, *_ in self.seeds if k not in gradients])
        if not missing:
            return self.native
        if missing not in self.parts and self.of is not None:
            self.parts[missing] = timed(self.of.native_for(gradients))
        if missing not in self.parts:
            seeds = dict(zip([k for k, *_ in self.seeds], self.graph.inputs[len(self.saved) :], strict=True))
            self.parts[missing] = self.native_of(dead(without(self.graph, seeds.values(), [seeds[k] for k in missing])))
        return self.parts[missing]

    def block(self):
        """Memory for what one forward saves."""
        if self.pool:
            return self.pool.pop()
        return [self.xp.empty(shape, dtype) for shape, dtype in self.facts]

    def node(self, *parts):
        return CompiledNode(self, *parts)

    def run(self, arrays, gradients):
        """The gradients of the ends, for what was saved and the gradients of the results, by number. None where none of these leads."""
        xp = self.xp
        seeds = [
            xp.ascontiguousarray(gradients[k]._array) if k in gradients else xp.empty((), dtype)  # nobody reads it
            for k, _, dtype in self.seeds
        ]  # fmt: skip
        results = [xp.empty(shape, dtype) for shape, dtype in self.results]
        with self.lock:
            native = self.native_for(gradients)
            begin = time.perf_counter_ns()
            native.call([*arrays, *seeds], results)
            if MODE.listeners:
                tell(self.title, native, begin)
        return [None if seeds.isdisjoint(gradients) else wrap(x) for x, seeds in zip(results, self.leads, strict=True)]


class CompiledNode(Node):
    """The step from the results of a compiled forward back to what gradients are wanted of.

    saved: arrays.   kept: (storage, version) of each tensor that the recorded graph kept, in the order of the LeftHistory.
    again: an Again (run_again.py), and the leaves of the call.   outputs: weak references to the Nodes of results that lie on the way
    from others, by number.   went: where the last gradients came from; spent: the results that can't go backward again.
    """

    __slots__ = ("again", "block", "kept", "leaves", "of")
    outputs, spent, went = None, frozenset(), (0,)

    def __init__(self, of, edges, saved, block, again, leaves):
        Node.__init__(self, None, (), edges, saved, (1 << len(edges)) - 1)
        self.of, self.block, self.again, self.leaves = of, block, again, leaves

    def output(self, k):
        """The Node of the result with that number."""
        if self.of.count == 1:
            return self
        node = OutputNode(self, k)
        if k in self.of.within:
            self.outputs = {**(self.outputs or {}), k: ref(node)}
        return node

    def pull(self, g, useful=None):
        gradients = g.of if g.__class__ is Gradients else {0: g}
        if self.saved is None or not self.spent.isdisjoint(gradients):
            raise RuntimeError(FREED)
        for storage, version in self.kept:
            if storage.version != version:
                self.refuse(gradients)
        hooks = self.outputs and self.hooks_within(gradients)
        if self.of.count > 1:
            self.went = tuple(gradients)
        if MODE.grad or hooks:
            return self.once_more(gradients, hooks or {})
        return self.of.run(self.saved, gradients)

    def refuse(self, gradients):
        """Raise for a tensor that was written to, if these gradients go back through what kept it."""
        for (storage, version), seen in zip(self.kept, self.of.history.kept, strict=True):
            if storage.version != version and not seen.roots.isdisjoint(gradients):
                raise overwritten_error(*seen.facts, storage.version, version)

    def hooks_within(self, gradients):
        """{number: hooks} of results that lie on the way back from others, and are hooked."""
        inner = {k for number in gradients for k in self.of.history.inner[number]}
        nodes = {k: node for k, known in self.outputs.items() if k in inner and (node := known()) is not None}
        return {k: node.tensor_hooks for k, node in nodes.items() if node.tensor_hooks}

    def once_more(self, gradients, hooks):
        """The gradients by the function itself, run again eagerly: as part of a graph of their own, or through hooks."""
        results, create_graph = self.again.run(self.leaves, self.of.unrepeatable), MODE.grad
        roots = [results[k]._view.base if is_base else results[k] for k, is_base in self.of.roots]
        for k, found in hooks.items():
            edge_of(roots[k]).tensor_hooks = found
        edges = [edge_of(roots[k]) for k in gradients]
        found = backward(edges, list(gradients.values()), create_graph, create_graph, set(self.edges), False, False)
        return [found.get(edge) for edge in self.edges]

    def free(self):
        self.spent = self.spent.union(*[self.of.history.frees[k] for k in self.went])
        if len(self.spent) < self.of.count:
            return
        self.saved = None
        if self.block is not None and len(self.of.pool) < BLOCKS:
            self.of.pool.append(self.block)
        self.block = self.again = self.leaves = None

    def name(self):
        return "CompiledFunctionBackward"
