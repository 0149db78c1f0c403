"""A recording: what one run of a step did, as a graph and as a list of what must be found, made and left behind.

    inputs       externals (arguments, parameters, buffers, states), then sources (draws, rates)
    graph        the arithmetic between them
    effects      memory that was written to, gradients that were set, what was returned

A run that can't be told so raises Unfollowed, with the reason; ``Incomplete`` means that the next run may succeed.
"""

import gc
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from functools import partial
from weakref import ref

from ..backends import backend_of, for_device
from ..backward import backward, reachable
from ..compiler.composed import without_composites
from ..compiler.deferred import Deferred
from ..compiler.graph import Graph, uses_of
from ..compiler.simplify import dead, shared
from ..compiler.trace import Tracer, Unfollowed
from ..compiler.traced_memory import layout, looks_of, owner_of
from ..compiler.traced_numbers import Number
from ..device import CPU
from ..engine import AccumulateGrad, Tensor, edge_of
from ..symbolic import Given, GivenInt, Questions, Reading, is_given, mathematics
from .aliased_gradients import entangled
from .holders import ALONE, ARRAY_ALONE, UNSHARED, array_holders, holders, sharers
from .left_history import history_of
from .results import alive, roots_of, views_among
from .tree import Kept, flattened, others, rebuilt

__all__ = ["Incomplete", "Recording", "SPENT", "StillHeld", "WANTING", "base_name", "hooked", "record"]


NUMBERS = Number, Deferred, Given, GivenInt
CPU_ARRAY = for_device(CPU).ndarray
WANTING = "wanting"
"""Of a result: it has no graph and wants its gradient."""

SPENT = "spent"
"""Of a result: its graph was used up by a backward within the run."""


class Incomplete(Exception):
    """The run met what it hadn't known of beforehand; another one will tell."""


class StillHeld(Unfollowed):
    """The run made a tensor that somebody keeps, beside what it returned."""


class Recording:
    """What a replay needs to know.

    strides    of the inputs that don't lie in order, in elements
    externals  (kind, which): ("argument", position), ("tensor", it), ("grad", the leaf)
    sources    functions, (group, name) or a Reading, one for each further input of ``graph``; None marks an effect
    asked      what was asked of numbers that it was given: {text: the answer}
    kept       (dict, name, class, text) of numbers that Python keeps: what the next one is worked out by (kept_numbers.py)
    relied     (position among the externals, the numbers that they must have, as bytes, where that matters)
    graph      its outputs are: ``written``, then ``gradients``, then ``returned``, then ``replaced``
    written    positions among the externals
    turned     positions among the externals of arguments that want a gradient from now on, as ``x.requires_grad_()`` leaves them
    gradients  (leaf, whether there is one at the start, None or "none" or "same" or "new")
    views      (tensor, position among the externals) of other tensors from before the run that lie in their memory
    held       (position, argument as it is) of those that the function reaches by another name too: a program is for these alone
    replaced   positions among the externals of those in new memory, as ``x.data = new`` leaves them: the last outputs
    returned   ("same", position among them) | ("external", position) | ("gradient", leaf) |
               ("new", position among the outputs, its graph: None, WANTING, SPENT, or
               the number of its seed) | ("view", position among them, how it is Seen) |
               ("number", position among the outputs), what ``item`` gave |
               ("deferred", positions among the outputs, what Python makes of their numbers) | ("given", its text).
               Behind the results come tensors that others are views of.

    xp         the backend that computes: a GPU's, if any tensor is there
    believed   plain values that stand beside such numbers among the results: they may follow from them
    own        the arguments whose own gradients are among those, by position: a program is for these alone
    seconds    how long the run took

    Where a graph is left to go backward through, from outside: ``backward`` is the Graph of that, of the Values ``saved``
    (outputs of ``graph``, after the others, or inputs of it) and of seeds, and ``ends`` are the externals whose gradients it gives;
    ``leads``: for each the numbers of the seeds that lead to it.   ``history``: the LeftHistory.
    ``roots``: for each seed the number of the result that it is the gradient of, and whether it is that of the result's base.
    """

    @property
    def changes_state(self):
        """Whether the next run may find something else than this one did."""
        return bool(self.written or self.gradients or self.replaced)

    @property
    def has_effects(self):
        """Whether a replay does something beside the graph."""
        return any([not made for _, made in self.sources])

    def unrepeatable(self):
        """Why the function can't be run again for the very same results; or "".

        What it writes may be put back, unless results come of what was there before.
        """
        if self.kept or any([source.__class__ not in (tuple, Reading) for source, _ in self.sources]):
            return "it draws random numbers, or keeps numbers from call to call"
        written, makers = {self.graph.inputs[k] for k in self.written}, {step.out: step for step in self.graph.steps}
        seen, todo = set(), list(self.graph.outputs[len(self.written) :])
        while todo:
            value = todo.pop()
            if value not in seen:
                seen.add(value)
                todo += makers[value].reads if value in makers else []
        random = any([step.row.kind == "random" for step in self.graph.steps])
        lost = not written.isdisjoint(seen) or any([self.externals[k][0] == "argument" for k in self.written])
        return "it draws random numbers" if random else "it writes to what its results come of" if lost else ""

    def streams(self):
        """The streams of random numbers that a program draws from, in order."""
        params = [source.args for source, _ in self.sources if source.__class__ is partial]
        params += [step.params for step in self.graph.steps if step.row.kind == "random"]
        return list(dict.fromkeys([x for found in params for x in found if hasattr(x, "set_state")]))

    def hosts(self, arguments):
        """The numbers of the inputs that lie on the CPU while the program computes elsewhere.   arguments: their arrays' types."""
        if self.xp.ndarray is CPU_ARRAY:
            return []
        kinds = [arguments[x] if kind == "argument" else x._array.__class__ for kind, x in self.externals]
        kinds += [CPU_ARRAY if source.__class__ in (tuple, Reading) else None for source, made in self.sources if made]
        return [k for k, kind in enumerate(kinds) if kind is CPU_ARRAY]

    def numbers_of_others(self):
        """{id of a dict: the names in it whose numbers replays read and set}."""
        found: dict = {}
        for space, name, *_ in self.kept:
            found.setdefault(id(space), set()).add(name)
        return found

    def rates_of_effects(self):
        """{id of an optimizer's group: the numbers of it that are read anew}, if schedulers step in a replay as well."""
        found: dict = {}
        for source, _ in self.sources if self.has_effects else ():
            if source.__class__ is tuple:
                found.setdefault(id(source[0]), {"initial_lr"}).add(base_name(source[1]))
        return found

    __slots__ = (
        "asked", "backward", "believed", "constants", "ends", "externals", "form", "gradients", "graph", "held", "history", "kept",
        "leads", "own", "relied", "replaced", "returned", "roots", "saved", "seconds", "seeds", "sources", "strides", "turned", "views",
        "written", "xp",
    )  # fmt: skip


def record(function, args, kwargs, leaves, moving=None, questions=None, takes=None, reads_rates=False):
    """(what ``function`` returned, the Recording or None, why not). ``leaves``: the tensors whose ``.grad`` may change.

    moving: {id of an optimizer's group: the names of numbers in it that are inputs}, beside the rates.   questions: those of
    the numbers among the arguments that stand for others.   takes: see Calls.   reads_rates: see Tracer.
    """
    tracer, asking, questions = Tracer(moving, takes, reads_rates), questions is not None, questions or Questions()
    arguments, _ = flattened((args, kwargs))
    leaves = dict.fromkeys([*leaves, *[x for x in arguments if edge_of(x).__class__ is AccumulateGrad]])
    tracer.leaves = leaves
    for position, tensor in enumerate(arguments):
        if tracer.known(tensor._array) is None or tracer.known(tensor._array).root[1:] != root_of(tensor):
            tracer.meet(tensor, ("argument", position))
    before = {x: None if x._grad is None else ref(x._grad) for x in leaves}  # what the run lets go, ends
    shared, given = entangled(leaves, arguments)
    for x, gradient in before.items():
        if gradient is not None:
            tracer.expect(gradient()._array, ("grad", x))
    beyond = [edge for x in arguments if is_history(edge := edge_of(x)) and alive(edge, False)]  # the run may go back through these
    begin = time.perf_counter()
    try:
        with tracer, mathematics() if asking else nullcontext():
            result = function(*args, **kwargs)
            if tracer.lost is not None:
                raise tracer.lost
            if tracer.strangers:
                raise Incomplete("it met parameters for the first time")
            if not (shared.isdisjoint(tracer.memories) and given.isdisjoint(asked_for(tracer, ()))):
                raise Unfollowed("a gradient lies in memory that has another use")
            if asked_for(tracer, flattened(result)[0]).difference(leaves):
                raise Incomplete("it asked for gradients for the first time")
            views = views_among(tracer, flattened(result)[0])
            if tracer.strangers:  # which it only returns
                raise Incomplete("it met parameters for the first time")
            split, back = len(tracer.steps), gone_back(tracer, flattened(result)[0], views, before)
        recording = told(tracer, result, views, before, split, back)
        recording.seconds = time.perf_counter() - begin
        recording.own, recording.asked = own_leaves(recording, arguments, beyond), questions.asked
        recording.kept, recording.held = [], []
        return plain(tracer, result, questions), recording, None
    except (Unfollowed, Incomplete) as reason:
        reason.with_traceback(None)  # or it would hold what it was raised in, and all that was recorded there
        return plain(tracer, result, questions), None, (reason, met_leaves(tracer, flattened(result)[0]))
    finally:
        questions.end()  # also where the function raised something


def own_leaves(recording, arguments, beyond):
    """[(position, argument as it is)] of those whose own gradients the run asked for or set: a replay does that to the very same tensors.

    Raises Unfollowed if it went backward beyond what it was given, through what happened before the run.
    """
    beyond = [*beyond, *[edge for kind, x in recording.externals if kind == "tensor" and is_history(edge := edge_of(x))]]
    if beyond:
        written = [recording.externals[k] for k in recording.written]
        changed = {x._grad if kind == "grad" else x for kind, x in written if kind != "argument"}
        changed |= {x._grad for x, _, state in recording.gradients if state == "new"}
        leaves = [node.variable for node in reachable(beyond) if node.__class__ is AccumulateGrad]
        if not changed.isdisjoint([x._grad for x in leaves if x is not None and x._grad is not None]):
            raise Unfollowed("it goes backward beyond what it was given, to what that came of")
    asked = {x for x, *_ in recording.gradients}
    return [(k, Kept(x)) for k, x in enumerate(arguments) if x in asked]


def is_history(edge):
    """Whether an edge leads back to how a tensor was made."""
    return edge is not None and edge.__class__ is not AccumulateGrad


def plain(tracer, result, questions):
    """A result with floats in place of its Numbers and Givens, which end here."""
    questions.end()
    for number in (*tracer.numbers, *tracer.deferred.values()):
        number.tracer = None
    leaves, form = flattened(result, lambda x: isinstance(x, (Tensor, *NUMBERS)))
    if not any([type(x) in NUMBERS for x in leaves]):
        return result
    return rebuilt(form, iter([x.now if x.__class__ is Deferred else plain_number(x) for x in leaves]))


def plain_number(x):
    """What is given back for a number of a run: a plain one."""
    return x.plain() if is_given(x) else float(x) if x.__class__ is Number else x


def base_name(name):
    """The name in a group of a number that is read anew: "betas" of ("betas", 0)."""
    return name if name.__class__ is str else name[0]


def gone_back(tracer, results, views, before):
    """Go backward through the graph that a run leaves behind, while the tracer still listens, with seeds as externals.

    Gives [(external, Value of its gradient, numbers of the seeds that lead to it)], what has a seed, as ``roots_of`` gives it, and
    the LeftHistory; None if no graph is left.
    """
    went_back = any([not is_still(x._grad, old) for x, old in before.items()])
    roots = roots_of(results, views, went_back)
    if not roots:
        return None
    if went_back:
        raise Unfollowed("it goes backward, and what it returns still has a graph to go backward through")
    ends = {edge: x for x in reversed(tracer.externals) if (edge := edge_of(x.tensor)) is not None}
    edges = [edge_of(x) for x, *_ in roots]
    if any([edge in ends for edge in edges]):
        raise Unfollowed("it returns something that it was given")
    refuse_hooks(edges, ends)
    reached = [until(ends, edge) for edge in edges]
    history = history_of(reached, edges, results, [x.tensor for x in tracer.externals])
    seeds = []
    for k, (x, *_) in enumerate(roots):
        seeds.append(x._wrap(backend_of((x._array,)).full(x._array.shape, 1, x.dtype)))
        tracer.meet(seeds[-1], ("seed", k))
    with unhooked(ends):
        try:
            found = backward(edges, seeds, True, False, set(ends), False, False)
        except RuntimeError as error:  # whoever calls it will hear of that
            raise Unfollowed("it returns something that no gradient can go back from") from error
    return [
        (ends[end], tracer.read(g), {k for k, nodes in enumerate(reached) if end in nodes}) for end, g in found.items() if end in ends
    ], roots, history  # fmt: skip


@contextmanager
def unhooked(ends):
    """A block in which hooks on the gradients of ``ends`` rest: the walk that meets the compiled Node runs them, each time."""
    before = {node: node.tensor_hooks for node in ends}
    try:
        for node in ends:
            node.tensor_hooks = ()
        yield
    finally:
        for node, hooks in before.items():
            node.tensor_hooks = hooks


def refuse_hooks(roots, ends):
    """A graph with hooks in it runs the user's code when it goes backward."""
    for node in set().union(*[until(ends, root) for root in roots]) - ends.keys():
        if node.tensor_hooks or node.prehooks or node.posthooks:
            raise Unfollowed("a tensor or a module in it has a backward hook")


def until(ends, root):
    """The Nodes from a root back to ``ends``, and those of these that it leads to."""
    todo, seen = [root], set()
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += [edge for edge in node.edges if edge is not None] if node not in ends else []
    return seen


def strides_of(external):
    """In elements. Raises Unfollowed for memory that isn't laid out in whole elements."""
    _, _, strides, dtype = external.memory.root
    if any([s % dtype.itemsize for s in strides]):
        raise Unfollowed("a tensor's elements lie at odd addresses")
    return tuple([s // dtype.itemsize for s in strides])


def root_of(tensor):
    array = tensor._array
    return array.shape, array.strides, array.dtype


def parted(graph, outputs, split, gradients, seeds):
    """A joint graph as two: forward, whose outputs are ``outputs`` and what backward reads of it, and backward.

        %2 = mul %0 %1          forward: %2 = mul %0 %1; return %2
        %4 = mul %3 %1     →    backward of %1 (an external, saved as it is) and %3 (a seed): %4 = mul %3 %1; return %4
    """
    first, second = without_composites(graph.steps[:split]), without_composites(graph.steps[split:])
    joint = shared(Graph(graph.inputs, [*first, *second], [*outputs, *gradients], graph.checks))
    split = len(shared(Graph(graph.inputs, first, ())).steps)  # what is computed twice stays where it is first
    outputs, gradients = joint.outputs[: len(outputs)], joint.outputs[len(outputs) :]
    first, second = joint.steps[:split], joint.steps[split:]
    made = {step.out for step in first}
    back = dead(Graph((), second, gradients))
    needed = uses_of(back)
    given = {step.out for step in back.steps}
    saved = [x for x in (*graph.inputs, *seeds, *[step.out for step in first]) if x in needed]
    assert all([x in given or x in saved for x in needed]), "backward reads what nobody makes"
    inner = [x for x in saved if x in made]
    return Graph(graph.inputs, first, [*outputs, *inner], joint.checks), Graph(saved, back.steps, gradients), saved


def constants(tracer, results):
    """The values of tensors that the run made beside the gate, of Python's data: ``torch.tensor(0.5)``.

    Nobody else holds such a tensor. A program keeps a copy; but only two runs that made the same are believed. Raises
    Unfollowed where somebody else holds the memory: it is an array of NumPy's that may say something else next time.
    """
    found = [x.tensor._array for x in tracer.made]
    graph = reachable([edge for x in results if (edge := edge_of(x)) is not None])
    saved = Counter([id(x[0]) for node in graph for x in node.saved or () if x.__class__ is tuple])
    for x in tracer.externals:
        if x.place is None and holders(x) == ALONE:
            if array_holders(x) - saved[x.memory.key] > ARRAY_ALONE:
                raise Unfollowed("it makes a tensor of an array of NumPy's, which may hold something else next time")
            kept = x.tensor._wrap(x.tensor._array.copy())
            x.place = "tensor", kept
            found.append(kept._array)
    return found


def asked_for(tracer, results):
    """The tensors from before the run whose gradients it asked for or set. A view that it made and dropped is gone by now."""
    return {x for known in tracer.asked.values() if (x := known()) is not None}.difference(results)


def met_leaves(tracer, results):
    """The tensors from before the run that gradients may arrive at, in the order in which they were met; and those that were asked."""
    known = [x.tensor for x in tracer.externals if edge_of(x.tensor).__class__ is AccumulateGrad]
    strangers = [leaf for node in tracer.strangers if (leaf := node.variable) is not None]
    return list(dict.fromkeys([*known, *strangers, *asked_for(tracer, results)]))


def told(tracer, result, views, before, split, back):
    """The Recording of what the tracer heard."""
    made = Recording()
    refuse_late_rates(tracer)
    made.constants = constants(tracer, flattened(result)[0])
    made.externals = [x.place or ("tensor", x.tensor) for x in tracer.externals]
    made.xp = tracer.xp
    refuse_two_devices(tracer, flattened(result)[0])
    made.sources = [(s.function, s.value is not None) for s in tracer.sources]
    relied = [(tracer.externals.index(x.external), x) for x in tracer.relied.values()]
    made.relied = [(k, x.numbers, x.line) for k, x in relied if x.external.place is None or x.external.place[0] == "argument"]

    written = written_to(tracer)
    made.written = [tracer.externals.index(x) for x, _ in written]
    outputs, made.turned = [value for _, value in written], turned(tracer)

    made.gradients = gradients(tracer, before, asked_for(tracer, ()), outputs)
    leaves, made.form = flattened(result, lambda x: isinstance(x, (Tensor, *NUMBERS)) or id(x) in tracer.deferred)
    leaves = [tracer.deferred.get(id(x), x) for x in leaves]
    roots = [] if back is None else back[1]
    made.roots = [(k, is_base) for _, k, is_base in roots]
    made.returned = all_returned(tracer, leaves, views, before, outputs, [x for x, *_ in roots])
    made.believed = others(made.form) if tracer.numbers or tracer.deferred else []
    tensors = [x for x in leaves if type(x) not in NUMBERS]
    moved = replaced(tracer, tensors, before, back)
    made.replaced = [tracer.externals.index(x) for x in moved]
    made.views = others_in_memory(tracer, tensors)
    outputs += [tracer.read(x.tensor) for x in moved]
    refuse_what_left(tracer)
    refuse_what_stays(tracer, [*tensors, *[x.tensor for x in moved]], before)
    made.graph = tracer.graph(outputs)
    made.backward = made.ends = made.history = None
    made.seeds = [x.value for x in tracer.externals if x.place is not None and x.place[0] == "seed"]
    made.externals = [x for x in made.externals if x[0] != "seed"]
    if back is not None:
        joint = Graph([x for x in made.graph.inputs if x not in made.seeds], made.graph.steps, outputs, made.graph.checks)
        made.graph, made.backward, made.saved = parted(joint, outputs, split, [value for _, value, _ in back[0]], made.seeds)
        made.history = back[2]
        made.ends, made.leads = [tracer.externals.index(x) for x, *_ in back[0]], [seeds for *_, seeds in back[0]]
    made.strides = {x.value: strides_of(x) for x in tracer.externals}
    return made


def written_to(tracer):
    """(external, the Value it holds at the end) of those that were written to, where a replay can do the same."""
    written = tracer.written()
    if any([edge_of(x.tensor).__class__ not in (type(None), AccumulateGrad) for x, _ in written]):
        raise Unfollowed("it writes to a tensor that a gradient goes back through")
    if any([x.overlaps() for x, _ in written]):
        raise Unfollowed("it writes to a part of an expanded tensor")
    return written


def turned(tracer):
    """Positions among the externals of arguments that want a gradient from now on."""
    found = [(k, x) for k, x in enumerate(tracer.externals) if (x.tensor._node is not None) != x.wants]
    if any([x.wants or x.place is None or x.place[0] != "argument" or not x.tensor.is_leaf for _, x in found]):
        raise Unfollowed("a tensor that it didn't make wants a gradient from now on, or no longer")
    return [k for k, _ in found]


def refuse_two_devices(tracer, results):
    """What a program makes lies where it computes."""
    if any([x._array.__class__ is not tracer.xp.ndarray and tracer.known(x._array).born for x in results]):
        raise Unfollowed("it makes tensors on two devices")


def hooked(leaf):
    """Whether somebody wants to see the gradients that arrive at a leaf."""
    node = leaf._node
    return node is not None and bool(node.tensor_hooks or getattr(node, "after_hooks", ()))


def refuse_late_rates(tracer):
    """Rates are read before anything else: a scheduler's step may come after all uses of them only."""
    kinds = [x.function.__class__ is tuple for x in tracer.sources if x.value is None or x.function.__class__ is tuple]
    if kinds != sorted(kinds, reverse=True):
        raise Unfollowed("an optimizer steps after its scheduler")


def is_still(gradient, old):
    """Whether a leaf's gradient is what it was.   old: a weak reference to that, or None."""
    return gradient is (old if old is None else old()) and (gradient is None) is (old is None)


def gradients(tracer, before, asked, outputs):
    """What became of the leaves' gradients, and of those ``asked`` for: see Recording. The Values of new ones are added to ``outputs``."""
    found = []
    for x, old in before.items():
        state = "none" if x._grad is None else "same" if is_still(x._grad, old) else "new"
        if state == "new":
            outputs.append(tracer.read(x._grad))
        if state != "none" and hooked(x):
            raise Unfollowed("a tensor whose gradient it computes has a hook")
        if old is not None or state != "none" or x in asked:
            found.append((x, old is not None, state))
    return found


def all_returned(tracer, leaves, views, before, outputs, roots):
    """How a replay makes each of the results, and behind them each tensor that others are views of."""
    found, everything = [], [*leaves, *[seen.base for seen in views.values()]]
    places = {id(x): k for k, x in reversed(list(enumerate(everything)))}
    for k, x in enumerate(everything):
        if places[id(x)] < k:
            found.append(("same", places[id(x)]))
        elif id(x) in views:
            found.append(("view", places[id(views[id(x)].base)], views[id(x)].path_alone()))
        elif x.__class__ is Number:
            outputs.append(x.value)
            found.append(("number", len(outputs) - 1))
        elif is_given(x):
            found.append(("given", x.text))
        elif x.__class__ is Deferred:
            found.append(("deferred", list(range(len(outputs), len(outputs) + len(x.parts))), x.make))
            outputs += x.parts
        else:
            found.append(returned(tracer, x, before, outputs, roots))
    return found


def returned(tracer, tensor, before, outputs, roots):
    """How a replay makes one of the tensors that were returned."""
    for x, _ in before.items():
        if x._grad is tensor:
            return "gradient", x
    value = tracer.read(tensor)
    memory = tracer.known(tensor._array)
    if not memory.born:
        return "external", [x.tensor is tensor for x in tracer.externals].index(True)
    if vars(tensor):
        raise Unfollowed("it returns a tensor that it makes and gives attributes to")
    leaf = edge_of(tensor).__class__ is AccumulateGrad
    if tensor.__class__ is not Tensor or (leaf and (hooked(tensor) or tensor._grad is not None)):
        raise Unfollowed(f"it returns a {'leaf with a gradient' if leaf else tensor.__class__.__name__} that it makes")
    outputs.append(value)
    if leaf:
        return "new", len(outputs) - 1, WANTING
    for k, root in enumerate(roots):
        if root is tensor:
            return "new", len(outputs) - 1, k
    return "new", len(outputs) - 1, None if edge_of(tensor) is None else SPENT


def replaced(tracer, results, before, back):
    """The externals whose tensors lie in memory that the run made, as ``x.data = new`` leaves them.   back: what ``gone_back`` gave.

    Raises Unfollowed where anybody else knows that memory, or it doesn't lie in order: a replay gives each an array of its own.
    """
    found = [x for x in tracer.externals if owner_of(x.tensor._array) is not x.memory.owner]
    if any([layout(x.tensor._array) != x.memory.root for x in tracer.externals if x not in found]):
        raise Unfollowed("a tensor that it didn't make takes another shape in place")
    others = {id(owner_of(x._array)) for x in (*results, *[y._grad for y in before if y._grad is not None])}
    for x in found:
        alone = sharers(x.tensor) == UNSHARED and x.place is None
        array, memory = x.tensor._array, tracer.known(x.tensor._array)
        alone = alone and id(array) not in others and memory is not None and memory.born
        like = x.memory.root == (x.memory.root[0], *layout(array)[1:]) and array.base is None and array.flags.c_contiguous
        if not (alone and like and back is None and tracer.xp.SYNCHRONOUS):
            raise Unfollowed("a tensor that it was given lies in memory that has another use")
    return found


def others_in_memory(tracer, results):
    """What Recording says of ``views``. Raises Unfollowed if the run changed how one of them looks, as ``x.t_()`` does."""
    found = [(x, memory, looks) for known, memory, looks in tracer.views.values() if (x := known()) is not None]
    found = [(x, memory, looks) for x, memory, looks in found if not any([x is y for y in results])]
    if any([looks_of(x) != looks for x, _, looks in found]):
        raise Unfollowed("a tensor that it didn't make takes another shape in place, or wants a gradient from now on, or no longer")
    places = {id(x.memory): k for k, x in enumerate(tracer.externals)}
    return [(x, places[id(memory)]) for x, memory, _ in found]


def refuse_what_left(tracer):
    for thing, over in tracer.spans.values():
        if not over:
            raise Unfollowed(f"a {type(thing).__name__} is in the middle of a step when it ends")
    for why, line in tracer.left:
        raise Unfollowed(f"{why}, in {line}")


def refuse_what_stays(tracer, tensors, before):
    """Memory that was made in the run and is still held, though it wasn't returned, is state that no replay would renew."""
    kept = {id(owner_of(x._array)) for x in (*tensors, *[y._grad for y in before if y._grad is not None])}
    for node in reachable([edge for x in tensors if (edge := edge_of(x)) is not None]):  # a graph that is left keeps some
        kept.update([id(owner_of(x[0])) for x in node.saved or () if x.__class__ is tuple])
    if held(tracer, kept):
        gc.collect()  # by objects in a circle, it may be, that nobody else holds
        if held(tracer, kept):
            raise StillHeld("a tensor that it made is still held by somebody after it returned")


def held(tracer, kept):
    """Whether somebody holds memory that was made in the run, beside that of ``kept`` owners."""
    born = [x for found in list(tracer.memories.values()) for x in found if x.born]  # what ends meanwhile goes from it
    return any([x.key not in kept and x.storage() is not None for x in born])
