"""A compiled forward whose backward is called from outside: one Node joins the two programs.

    y = compiled(x)            runs the forward program, which leaves what backward needs in a block of its own
    (y * 2).sum().backward()   the walk back meets the Node, which runs the backward program on that block

Two forwards before one backward have two blocks. A block returns to the pool when its graph is freed. Under
``create_graph`` the Node runs the function again, eagerly, and differentiates that.

torch: torch/_functorch/_aot_autograd/runtime_wrappers.py (AOTDispatchAutograd)
"""

import time

from ..autograd.function import Gradients, OutputNode
from ..backward import backward
from ..compiler import Place, native_of, timed
from ..compiler.simplify import dead
from ..compiler.zero_inputs import without
from ..engine import edge_of, enable_grad, wrap
from ..errors import FREED
from ..graph import Node
from ..modes import MODE
from .locks import lock
from .profiling import tell
from .tree import flattened

__all__ = ["Backward"]

BLOCKS = 2
"""Blocks that are kept for another forward."""


class Backward:
    """The backward program of a recording.

    saved: for each input ("made", number among the fresh arrays of forward) or ("input", number); then come the seeds.
    kept: how many arrays forward makes for it alone.   roots, leads: see Recording.   title: for profilers.
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
        self.roots, self.leads = recording.roots, recording.leads

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

    def node(self, edges, saved, block, again):
        return CompiledNode(self, edges, saved, block, again)

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
    """The step from the results of a compiled forward back to what gradients are wanted of."""

    __slots__ = ("again", "block", "of")

    def __init__(self, of, edges, saved, block, again):
        Node.__init__(self, None, (), edges, saved, (1 << len(edges)) - 1)
        self.of, self.block, self.again = of, block, again

    def output(self, k):
        """The Node of the result with that number."""
        return self if self.of.count == 1 else OutputNode(self, k)

    def pull(self, g, useful=None):
        if self.saved is None:
            raise RuntimeError(FREED)
        gradients = g.of if g.__class__ is Gradients else {0: g}
        if MODE.grad:
            return self.once_more(gradients)
        arrays = []
        for array, *storage in self.saved:
            if storage and storage[0].version != storage[1]:
                raise self.overwritten_input(array, *storage)
            arrays.append(array)
        return self.of.run(arrays, gradients)

    def overwritten_input(self, array, storage, version):
        """The exception for an input that was written to since."""
        self.saved = [(array, storage, version)]
        return self.overwritten(0)

    def once_more(self, gradients):
        """The gradients as part of a graph of their own: of the function, run again eagerly."""
        function, args, kwargs = self.again
        with enable_grad():
            results, _ = flattened(function(*args, **kwargs))
        roots = [results[k]._view.base if is_base else results[k] for k, is_base in self.of.roots]
        edges = [edge_of(roots[k]) for k in gradients]
        found = backward(edges, list(gradients.values()), True, True, set(self.edges), False, False)
        return [found.get(edge) for edge in self.edges]

    def free(self):
        if self.saved:
            self.saved = None
        if self.block is not None and len(self.of.pool) < BLOCKS:
            self.of.pool.append(self.block)
        self.block = self.again = None

    def name(self):
        return "CompiledFunctionBackward"
