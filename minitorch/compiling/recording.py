"""A recording: what one run of a step did, as a graph and as a list of what must be found, made and left behind.

    inputs       externals (arguments, parameters, buffers, states), then sources (draws, rates)
    graph        the arithmetic between them
    effects      memory that was written to, gradients that were set, what was returned

A run that can't be told so raises Unfollowed, with the reason; ``Incomplete`` means that the next run may succeed.
"""


from ..backward import reachable
from ..compiler.trace import Tracer, Unfollowed, owner_of
from ..engine import AccumulateGrad, Node, edge_of
from .tree import flattened

__all__ = ["Incomplete", "Recording", "record"]


class Incomplete(Exception):
    """The run met what it hadn't known of beforehand; another one will tell."""


class Recording:
    """What a replay needs to know.

    strides    of the inputs that don't lie in order, in elements
    externals  (kind, which): ("argument", position), ("tensor", it), ("grad", the leaf)
    sources    functions or (group, name), one for each further input of ``graph``; None marks an effect
    graph      its outputs are: ``written``, then ``gradients``, then ``returned``
    written    positions among the externals
    gradients  (leaf, whether there is one at the start, None or "none" or "same" or "new")
    returned   ("external", position) | ("new", position among the outputs) | ("item", …) | ("gradient", leaf)
    """

    __slots__ = ("destinations", "externals", "form", "gradients", "graph", "returned", "sources", "strides", "written")


def record(function, args, kwargs, leaves):
    """(what ``function`` returned, the Recording or None, why not). ``leaves``: the tensors whose ``.grad`` may change."""
    tracer = Tracer()
    arguments, _ = flattened((args, kwargs))
    for position, tensor in enumerate(arguments):
        if tracer.known(tensor._array) is None or tracer.known(tensor._array).root[1:] != root_of(tensor):
            tracer.meet(tensor, ("argument", position))
    leaves = {*leaves, *[x for x in arguments if edge_of(x).__class__ is AccumulateGrad]}
    before = {x: x._grad for x in leaves}
    for x, gradient in before.items():
        if gradient is not None:
            tracer.places[id(owner_of(gradient._array))] = ("grad", x)
    with tracer:
        result = function(*args, **kwargs)
    try:
        return result, told(tracer, result, before), None
    except (Unfollowed, Incomplete) as reason:
        return result, None, (reason, met_leaves(tracer))


def strides_of(external):
    """In elements. Raises Unfollowed for memory that isn't laid out in whole elements."""
    _, _, strides, dtype = external.memory.root
    if any([s % dtype.itemsize for s in strides]):
        raise Unfollowed("a tensor's elements lie at odd addresses")
    return tuple([s // dtype.itemsize for s in strides])


def root_of(tensor):
    array = tensor._array
    return array.shape, array.strides, array.dtype


def met_leaves(tracer):
    """The externals that gradients may arrive at."""
    return {x.tensor for x in tracer.externals if edge_of(x.tensor).__class__ is AccumulateGrad}


def told(tracer, result, before):
    """The Recording of what the tracer heard."""
    if met_leaves(tracer) - set(before):
        raise Incomplete("it met parameters for the first time")
    made = Recording()
    made.externals = [x.place or ("tensor", x.tensor) for x in tracer.externals]
    made.sources = [(s.function, s.value is not None) for s in tracer.sources]

    written = tracer.written()
    made.written = [tracer.externals.index(x) for x, _ in written]
    outputs = [value for _, value in written]

    made.gradients = []
    for x, old in before.items():
        state = "none" if x._grad is None else "same" if x._grad is old else "new"
        if state == "new":
            outputs.append(tracer.read(x._grad))
        if old is not None or state != "none":
            made.gradients.append((x, old is not None, state))

    tensors, form = flattened(result)
    made.form, made.returned = form, []
    for tensor in tensors:
        made.returned.append(returned(tracer, tensor, before, outputs))
    refuse_what_left(tracer)
    refuse_what_stays(tracer, tensors, before)
    made.graph = tracer.graph(outputs)
    made.strides = {x.value: strides_of(x) for x in tracer.externals}
    return made


def returned(tracer, tensor, before, outputs):
    """How a replay makes one of the tensors that were returned."""
    for x, _ in before.items():
        if x._grad is tensor:
            return "gradient", x
    value = tracer.read(tensor)
    memory = tracer.known(tensor._array)
    if not memory.born:
        for position, external in enumerate(tracer.externals):
            if external.tensor is tensor:
                return "external", position
        raise Unfollowed("it returns another view of memory that it was given")
    node = edge_of(tensor)
    if node is not None and alive(node, any([x._grad is not old for x, old in before.items()])):
        raise Unfollowed("what it returns still has a graph to go backward through")
    outputs.append(value)
    return "new", len(outputs) - 1, node is not None


def alive(node, went_back):
    """Whether a graph can still go backward. One of which no step saved anything always can: what the step did then counts."""
    saved = [x for x in reachable([node]) if x.__class__ is Node and x.row.wants]
    if any([x.saved is not None and any([v.__class__ is tuple for v in x.saved]) for x in saved]):
        return True
    return not went_back


def refuse_what_left(tracer):
    for what, line in tracer.left:
        raise Unfollowed(f"{what} looks at a tensor's values, in {line}")


def refuse_what_stays(tracer, tensors, before):
    """Memory that was made in the run and is still held, though it wasn't returned, is state that no replay would renew."""
    kept = {id(owner_of(x._array)) for x in (*tensors, *[y._grad for y in before if y._grad is not None])}
    for found in tracer.memories.values():
        for memory in found:
            if memory.born and id(memory.owner) not in kept and memory.storage() is not None:
                raise Unfollowed("a tensor that it made is still held by somebody after it returned")
