"""Memory for time: what a part of the model computed is forgotten, and computed again in the backward pass.

In a compiled step that is so as well, unless the part draws random numbers, which a program would draw anew. Its compiler computes
once what is computed twice; so the second time the part's inputs depend, in name, on a gradient that arrives only then.

torch: torch/utils/checkpoint.py.   Chen et al. 2016, arXiv:1604.06174
"""

import warnings
from contextlib import nullcontext
from functools import partial
from types import CellType, FunctionType

from ..absent import absent
from ..autograd.function import Gradients, OutputNode
from ..engine import MODE, AccumulateGrad, Node, Tensor, backward, edge_of, enable_grad, no_grad
from ..mixed_precision import enter_autocast, leave_autocast
from ..modes import tracer
from ..random import set_states_of_all, states_of_all

__all__ = ["checkpoint", "checkpoint_sequential"]

__getattr__ = absent(__name__)

UNSAID = (
    "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting in PyTorch 2.9, calling checkpoint without "
    "use_reentrant will raise an exception. use_reentrant=False is recommended, but if you need to preserve the current default behavior, "
    "you can pass use_reentrant=True. Refer to docs for more details on the differences between the two variants."
)


class Begin(Node):
    """Where the graph of a part begins that is computed once more."""

    __slots__ = ()


class Later:
    """Called with a tensor, gives another of the same numbers, which a program can't have before ``gradient`` arrives.

    ends: the Node that each edge of such a tensor stands for.
    """

    def __init__(self, gradient):
        first = gradient.detach().flatten()[:1].sum()
        self.arrived, self.made, self.ends = first == first, {}, {}

    def __call__(self, x):
        if not isinstance(x, Tensor):
            return x
        if id(x) not in self.made:
            with no_grad():
                y = self.made[id(x)] = x.where(self.arrived, x)  # the same either way
            if edge_of(x) is not None:
                y._node = Begin(None, (), (), None)
                self.ends[y._node] = edge_of(x)
        return self.made[id(x)]


def same(x):
    return x


class Recomputed(Node):
    """The step that backward undoes by running a function again. Its edges lead to whatever the function's graph led to.

    again: runs it, given how its inputs are to be seen.   saved: what it will read, as other Nodes have it.
    """

    __slots__ = ("again", "label", "outputs")

    def __init__(self, edges, again, outputs, label, saved):
        super().__init__(None, (), edges, saved, 0)
        self.again, self.outputs, self.label = again, outputs, label

    def pull(self, g, useful=None):
        if self.again is None:
            raise RuntimeError("Trying to backward through the graph a second time\npass retain_graph=True the first time")
        create_graph, given = MODE.grad, g.of if isinstance(g, Gradients) else {0: g}
        seen = same if create_graph or tracer() is None else Later(next(iter(given.values())))
        with enable_grad():
            made = tensors_of(self.again(seen))
        roots, ends = [edge_of(made[self.outputs[i]]) for i in given], {} if seen is same else seen.ends
        found = backward(tuple(roots), tuple(given.values()), create_graph, create_graph, {*self.edges, *ends}, False, False)
        for node, edge in ends.items():
            if node in found:
                found[edge] = found[edge] + found[node] if edge in found else found[node]
        return [found.get(edge) for edge in self.edges]

    def free(self):
        self.again = self.saved = None

    def output(self, i):
        """The Node of the i-th result that has a gradient."""
        return self if len(self.outputs) == 1 else OutputNode(self, i)

    def name(self):
        return self.label


def tensors_of(made):
    return [x for x in (made if isinstance(made, (tuple, list)) else [made]) if isinstance(x, Tensor)]


def boundary(roots, start):
    """The Nodes at which the graph of ``roots`` begins: leaves, and all that is older than ``start``."""
    seen, waiting, found = set(roots), list(roots), []
    while waiting:
        node = waiting.pop()
        if node.__class__ is AccumulateGrad or node.number <= start:
            found.append(node)
            continue
        for edge in node.edges:
            if edge is not None and edge not in seen:
                seen.add(edge)
                waiting.append(edge)
    return found


def checkpoint(
    function, *args, use_reentrant=None, context_fn=None, determinism_check="default", debug=False, early_stop=True,
    preserve_rng_state=True, **kwargs,
):  # fmt: skip
    """``function(*args, **kwargs)``, keeping only its inputs and outputs: backward runs it again, with the same draws.

    use_reentrant: with True the result has a gradient only if some argument has one; PyTorch recommends False.
    context_fn: returns two blocks, to run the function in at first and again.   torch: utils.checkpoint.checkpoint
    """
    if use_reentrant is None:
        warnings.warn(UNSAID, UserWarning, stacklevel=2)
        use_reentrant = True
    first, again = (nullcontext(), nullcontext()) if context_fn is None else context_fn()
    wanting = [x for x in args if isinstance(x, Tensor) and x.requires_grad]
    if use_reentrant and not wanting and MODE.grad:
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", UserWarning, stacklevel=2)
    if not MODE.grad or (use_reentrant and not wanting):
        with no_grad(), first:
            return function(*args, **kwargs)

    traced = tracer() is not None
    state, autocast = states_of_all() if preserve_rng_state or traced else None, (MODE.autocast, MODE.autocast_on)
    start = Node(None, (), (), None).number
    with first:
        made = function(*args, **kwargs)
    if traced and states_of_all() != state:
        return made

    def run(seen=same):
        now, before = states_of_all(), enter_autocast(*autocast)
        try:
            if state is not None:
                set_states_of_all(state)
            with again:
                return function(*map(seen, args), **{name: seen(x) for name, x in kwargs.items()})
        finally:
            leave_autocast(before)
            if state is not None:
                set_states_of_all(now)

    read = [(x._array, x._storage, x._storage.version) for x in within((function, args, kwargs), set())]
    return forgetful(made, run, start, "CheckpointFunctionBackward" if use_reentrant else "CheckpointBackward", read)


def within(thing, seen):
    """The tensors in a tuple, a list or a dict, and those that a function closes over.   seen: ids of what was looked into."""
    if isinstance(thing, Tensor):
        return [thing]
    if id(thing) in seen:
        return []
    seen.add(id(thing))
    if isinstance(thing, partial):
        thing = thing.func, thing.args, thing.keywords
    elif isinstance(thing, FunctionType):
        thing = [cell.cell_contents for cell in thing.__closure__ or () if cell != CellType()]
    parts = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (tuple, list)) else ()
    return [x for part in parts for x in within(part, seen)]


def forgetful(made, run, start, label, saved):
    """What a function returned, with one Node in the place of its graph."""
    positions = [i for i, x in enumerate(tensors_of(made)) if edge_of(x) is not None and edge_of(x).number > start]
    if not positions:
        return made
    results = tensors_of(made)
    node = Recomputed(boundary([edge_of(results[i]) for i in positions], start), run, positions, label, saved)
    for order, i in enumerate(positions):
        results[i] = results[i].detach()
        results[i]._node = node.output(order)
    if isinstance(made, Tensor):
        return results[0]
    results = iter(results)
    replaced = [next(results) if isinstance(x, Tensor) else x for x in made]
    return type(made)(*replaced) if hasattr(made, "_fields") else type(made)(replaced)


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """A Sequential, or a list of modules, in ``segments`` parts of which all but the last are checkpointed.

    torch: utils.checkpoint.checkpoint_sequential
    """
    if use_reentrant is None:
        warnings.warn(UNSAID.replace("checkpoint:", "checkpoint.checkpoint_sequential:", 1), UserWarning, stacklevel=2)
        use_reentrant = True
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(functions) // segments

    def part(start, end):
        def run(x):
            for function in functions[start:end]:
                x = function(x)
            return x

        return run

    for i in range(segments - 1):
        input = checkpoint(part(i * size, (i + 1) * size), input, use_reentrant=use_reentrant, **kwargs)
    return part(size * (segments - 1), len(functions))(input)
