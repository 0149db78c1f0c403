"""Trace: one real run of a step, written down as a graph.

While a ``Tracer`` listens at the gate, each row that runs becomes a step of the graph. Four things are not as plain:

- *Names are memory.* Tensors come and go, and several may see the same memory. So what is known by name here is memory
  (by the array that owns it), with the value that it holds at the moment; a tensor is a region of it. To write a region is
  to give the memory a new value, ``write(old, new; path)``; the other tensors that see it are read from that when next used.
- *Where values come from.* Memory that is older than the run is an *external*: an argument, a parameter, a buffer, an
  optimizer's state. Draws, and numbers such as lr, are *sources*: functions that are called anew at each replay.
- *Leaves.* Where gradients arrive must be known before a run: what they were then decides what it means. A run that meets
  others is over for the graph; from there on only more of them are looked for, which costs next to nothing.
- *What leaves.* A value that becomes a Python number, is printed, or decides a shape can't be followed: ``left`` says
  where that happened.

torch: torch/_dynamo (how a step is captured), torch/_functorch/_aot_autograd/functional_utils.py (how writes are removed)
"""

import contextlib
import sys
from functools import partial
from pathlib import Path
from sys import intern
from weakref import ref

from .. import primitives
from ..backends import backend_of, for_device
from ..backends.once import ONCE
from ..backward import backward
from ..device import CPU
from ..dtypes import float64, int64
from ..engine import AccumulateGrad, create, edge_of
from ..modes import MODE
from ..native.heap import give_back
from ..promotion import widened
from ..size import broadcast_shape
from ..symbolic import Given, GivenInt, is_given
from ..tables.strides import as_strided
from .deferred import Deferred
from .escape_analysis import passes_on
from .graph import Graph, Step, Value
from .repeated_rows import repeat
from .settled import relies, settled
from .symbolic_operands import met, without_givens
from .traced_memory import External, Memory, Source, covers, layout, looks_of, owner_of, seen_by, whole_of
from .traced_numbers import Calls, Number, number_of, without_numbers

__all__ = ["OURS", "PACKAGE", "Tracer", "Unfollowed"]

WALK, BACKWARD = backward.__code__, ", backward"
PACKAGE = str(Path(__file__).resolve().parent.parent)


class Ours(dict):
    """Whether a file is one of this library's, or passes calls on to it, by its name: found out once for each."""

    def __missing__(self, name):
        ours = self[name] = name.startswith((PACKAGE, contextlib.__file__))
        return ours


OURS = Ours()
ASKING = ("item", "tolist", "as_float")
"""Functions by which Python asks for numbers that may be Deferred: all but those whose answer must be of a class of its own."""
COPIED = ("item", "tolist", "a copy")
"""What gives numbers away that are nobody's memory: of those that are the same at each call, a program may be made."""
ROOM = 32 << 20
"""Bytes that a run makes until the heap gives back what is free: between large arrays of several sizes that may be half of it.
What was given back must be asked for again, page by page."""
SHAPED_BY_DATA = frozenset(["nonzero"])
"""Rows whose result has a shape that depends on numbers: no graph can hold them, but of what never changes it is a constant."""


class Looking:
    """Listens in the rest of a run that won't be a graph: only looks for leaves."""

    compiles = True

    def __init__(self, tracer):
        self.tracer = tracer

    def __call__(self, row, inputs, params, out, written):
        for x in (*inputs, out) if written else inputs:
            if hasattr(x, "_array"):
                self.tracer.note(x if x._base is None else x._base)


class Tracer:
    """Listens in a block, and writes down what passes the gate.

    sources, externals, steps: what it found.   made: the externals that are constants.   numbers: what ``item`` gave; deferred:
    what was given where numbers only pass on, by id, and Deferred for it.
    relied: {id of an external: the Relied} of those whose numbers decided something.
    xp: the backend that computes, a GPU's if a tensor is there.   checks: as Graph has them.   spans: see ``span``.
    left: (why, line) of each time that the graph lost sight of the run.
    lost: the Unfollowed after which it wrote nothing more.   drawn: whether a draw has read a tensor. It is a step then, and so
    is each draw after it, since sources are called before all steps. On a GPU all draws are steps.
    moving: {id of an optimizer's group: the names of numbers in it that are inputs}.
    leaves: where gradients may arrive, as known before the run; strangers: the ends of the graph at those that it met beside them.
    """

    compiles = True

    def __init__(self, moving=None, takes=None, reads_rates=False):
        """moving: {id of an optimizer's group: the names of numbers in it that are inputs}.   takes: as Calls has it.

        reads_rates: the user's code may read the numbers of groups as well, so that they are constants, or Givens.
        """
        self.moving, self.leaves, self.strangers, self.dtypes, self.reads_rates = moving or {}, {}, {}, {}, reads_rates
        self.memories, self.externals, self.sources, self.steps = {}, [], [], []
        self.xp = for_device(CPU)
        self.origins: dict = {}  # number of a Node → the line of the row that left it
        self.left, self.places, self.ends, self.made, self.lost, self.drawn = [], {}, [], [], None, False
        self.room, self.relied = ROOM, {}
        self.views: dict = {}  # id of a tensor: (a weak reference, the Memory, how it looked), see ``see``
        self.asked: dict = {}  # of tensors whose gradients somebody asked for, by id
        self.numbers, self.deferred, self.calls, self.checks, self.spans = [], {}, Calls(self, PACKAGE, takes), [], {}

    def __enter__(self):
        self.before, ONCE.running = (MODE.listeners, MODE.readers, ONCE.running), True
        MODE.listeners, MODE.readers = (*MODE.listeners, self), (*MODE.readers, self.leave)
        self.calls.begin()
        return self

    def __exit__(self, *exception):
        MODE.listeners, MODE.readers, ONCE.running = self.before
        self.calls.end()

    # ---------------------------------------------------------------------------------------------------- what is told

    def __call__(self, row, inputs, params, out, written):
        """A row ran: what the gate tells its listeners. What can't be followed ends the tracing, and not the run."""
        if self.lost is not None:
            return
        if not self.strangers:
            try:
                self.follow(row, inputs, params, out, written)
            except Unfollowed as reason:
                self.lost = reason
        if self.strangers:
            look = Looking(self)
            MODE.listeners = tuple([look if x is self else x for x in MODE.listeners])
            look(row, inputs, params, out, written)

    def note(self, tensor):
        """See whether a tensor is a leaf that wasn't known."""
        node = edge_of(tensor)
        if node.__class__ is AccumulateGrad and tensor not in self.leaves:
            self.strangers[node] = None

    def follow(self, row, inputs, params, out, written):
        """Write down that a row ran."""
        if out._array.__class__ is not self.xp.ndarray and self.xp.SYNCHRONOUS:
            self.xp = backend_of((out._array,))
        if row is primitives.move:
            if out._array.__class__ is not self.xp.ndarray:
                raise Unfollowed("it moves a tensor to the CPU")
            row, params = primitives.copy, ()
        if row.name in SHAPED_BY_DATA:
            if relies(self, [self.read(x) for x in inputs]):
                return self.make(out)
            self.leave(row.name)
        classes = {type(x) for x in (*inputs, *params)}
        if Number in classes:
            self.look([x.value for x in (*inputs, *params) if x.__class__ is Number])
            inputs, params = without_numbers(inputs), without_numbers(params)
        if not inputs and not written:
            params = params[:-1]  # the device, which ``create`` adds
        if Given in classes or GivenInt in classes:
            value = met(self, row, inputs, params, out)
            if value is not None:
                return self.made_by(row, out, value, written)
            inputs, params = without_givens(inputs), without_givens(params)
        draws = row.kind == "random" and row is not primitives.unmoved
        xp = backend_of((out._array,))
        self.drawn = self.drawn or (draws and xp.SYNCHRONOUS and any([hasattr(x, "_array") for x in inputs]))
        if draws and not self.drawn and xp.SYNCHRONOUS:
            value = self.source(out._array, partial(row.forward, xp, *params))
        else:
            value = self.step(row, [self.read(x) if hasattr(x, "_array") else x for x in inputs], params, out, written)
        self.made_by(row, out, value, written)

    def made_by(self, row, out, value, written):
        """A row made a Value: ``out`` holds it now."""
        if written:
            self.write(out, value)
        elif row.view and self.known(out._array) is not None:
            memory = self.known(out._array)
            memory.seen[layout(out._array)] = (value, memory.writes)
        else:
            self.bear(out, value)
        if out._node is not None:
            step = self.steps[-1] if self.steps else None
            self.origins[out._node.number] = step.line if step is not None and step.out is value else self.line()

    def source(self, array, function):
        """The Value of an array, or of a number, that ``function`` makes anew at each replay."""
        return self.source_of(function, Value(array.shape, backend_of((array,)).dtype_of(array)))

    def source_of(self, function, value):
        """Write down that a Value comes from a source."""
        self.sources.append(Source(function, value))
        return value

    def moves(self, group, name):
        """Whether a number of an optimizer's group was another when an earlier run was recorded."""
        return name in self.moving.get(id(group), ())

    def rate_of(self, tensor):
        """A number of an optimizer's group that is a Tensor, as a 0-d float64 one: memory, which replays read anew anyway."""
        if any([source.value is None for source in self.sources]) and self.lost is None:
            self.lost = Unfollowed("an optimizer steps after its scheduler")
        return tensor.squeeze().double()

    def rate(self, group, name):
        """A number of an optimizer's group, as a 0-d float64 Tensor; replays read it anew. A name may be (name, place)."""
        value = group[name] if name.__class__ is str else group[name[0]][name[1]]
        tensor = create(primitives.full, ((), value if is_given(value) else float(value), float64))
        if self.lost is None and not is_given(value) and not self.reads_rates:
            memory = self.known(tensor._array)
            self.steps.pop()
            self.sources.append(Source((group, name), memory.value))
        return tensor

    def aside(self, function):
        """Do something that each replay must do as well, beside the graph: a scheduler's step."""
        if self.reads_rates:
            self.interrupt("it may ask for a number that a scheduler's step changes, as a learning rate")
        with self.unheard():
            function()
        self.sources.append(Source(function, None))

    @contextlib.contextmanager
    def unheard(self):
        """A block to which it doesn't listen."""
        listeners, MODE.listeners = MODE.listeners, tuple([x for x in MODE.listeners if x is not self])
        try:
            yield
        finally:
            MODE.listeners = listeners

    def repeat(self, function, rows):
        """Call ``function`` with each of the rows: those that look alike are written down once, and copied (repeated_rows.py)."""
        repeat(self, function, rows)

    def followed(self, tensors):
        """The Values that tensors hold now; None if it has lost sight of the run."""
        try:
            values = None if self.lost is not None else [self.read(x) for x in tensors]
        except Unfollowed as reason:
            self.lost, values = reason, None
        return None if self.strangers else values

    def leave(self, what, tensor=None, result=None):
        """A value leaves the graph: by ``item``, ``numpy``, ``print`` …; ``result`` is the number that it became.

        A float that the user's code asks for is given as a Number, which tells what becomes of it; other numbers as Deferred
        ones, if they only pass on to what the function returns. Of what is made of constants it is another constant, and of
        what is the same at each call as well.
        """
        held = None if tensor is None else self.held_by(tensor)
        if held is not None and settled(self, held):
            return None
        asks = sys._getframe(3).f_code.co_filename
        if what == "item" and result.__class__ is float and self.lost is None and not asks.startswith(PACKAGE) and self.calls.count():
            return number_of(self, self.fitted(self.reshaped(self.read(tensor)), (), float64), result)
        name = "" if self.lost is not None else self.defers(tensor, result)
        if not name:
            return self.look([held], what) if what in COPIED else self.interrupt(f"{what} looks at a tensor's values")
        value, result = self.read(tensor), float(result) if name == "as_float" else result
        if result.__class__ is not list:
            value = self.fitted(self.reshaped(value), (), float64) if result.__class__ is float else self.reshaped(value)
        deferred = Deferred(self, [value], result)
        self.deferred[id(deferred)] = deferred
        if result.__class__ is float:  # Python wants just such an object, and passes it on as it is
            self.deferred[id(result)] = deferred
            return result
        return deferred

    def look(self, values, what="item"):
        """Python decides by the numbers of some Values, or may: the run is over for the graph, unless they are the same each time."""
        if None in values or not relies(self, values):
            self.interrupt(f"{what} looks at a tensor's values")

    def held_by(self, tensor):
        """The Value that a tensor holds now, or None if that can't be said."""
        try:
            return None if self.lost is not None or self.strangers else self.read(tensor)
        except Unfollowed:
            return None

    def defers(self, tensor, result):
        """By which function Python asks for a number that is known to go nowhere but to what the function returns; or ""."""
        frame, name = sys._getframe(3), ""
        while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
            frame, name = frame.f_back, frame.f_code.co_name
        if frame is None or name not in ASKING or (tensor is not None and tensor.dtype.is_complex):
            return ""
        return name if passes_on(frame, PACKAGE, name == "item" and result.__class__ is int) else ""

    def reshaped(self, value):
        """A Value of one element, without dims."""
        return self.add(primitives.reshape, (value,), ((),), (), value.dtype) if value.shape else value

    def interrupt(self, why):
        """Something happens that no replay would do."""
        self.left.append((why, self.line()))

    def line(self):
        """The line of the user's program that is running, "file:line".

        In the walk back it is the one whose gradient is being computed, "file:line, backward", if that was seen.
        """
        frame, ours = sys._getframe(1), OURS
        while frame is not None and ours[(code := frame.f_code).co_filename]:
            if code is WALK:
                origin = self.origins.get(getattr(frame.f_locals.get("node"), "number", None))
                if origin is not None:
                    return origin if origin.endswith(BACKWARD) else intern(origin + BACKWARD)
            frame = frame.f_back
        return None if frame is None else intern(f"{frame.f_code.co_filename}:{frame.f_lineno}")

    @contextlib.contextmanager
    def unless(self, condition, tensors):
        """A block of which nothing that it writes remains where a 0-d Tensor is true.   tensors: what it may write to.

        It is run either way, to be written down.
        """
        kept = [(x, x._array.copy()) for x in tensors] if condition._array else []
        before = {id(memory): memory.value for found in self.memories.values() for memory in found}
        yield
        for x, array in kept:
            x._array[...] = array
        if self.lost is not None:
            return
        holds, first = self.read(condition), {id(x.memory): x.value for x in self.externals}
        for memory in [memory for found in self.memories.values() for memory in found]:
            old = before.get(id(memory), first.get(id(memory)))
            if old is not None and old is not memory.value:
                memory.value = self.add(primitives.where, (old, holds, memory.value), (), old.shape, old.dtype)
                memory.writes += 1
                memory.seen[memory.root] = (memory.value, memory.writes)

    def span(self, thing, fresh, ends):
        """Something of Python's goes through stages in this run: ``fresh`` at its beginning, over if it ``ends``."""
        if id(thing) not in self.spans and not fresh and self.lost is None:
            self.lost = Unfollowed(f"a {type(thing).__name__} is in the middle of a step when it begins")
        self.spans[id(thing)] = thing, ends

    # -------------------------------------------------------------------------------------------------- steps and memory

    def step(self, row, values, params, out, written):
        """The Value that a row makes. What is stored in place has the shape and dtype of the place."""
        array = out._array
        shape, dtype = array.shape, backend_of((array,)).dtype_of(array)
        if row is primitives.assign:  # nothing of the old value is left
            return self.fitted(values[1], shape, dtype)
        if not written or row.kind != "elementwise":
            return self.add(row, values, params, shape, dtype)
        made = self.made_of(backend_of((array,)), row, values, params)
        wide = {x.shape for x in values if x.__class__ is Value}
        return self.fitted(self.add(row, values, params, wide.pop() if len(wide) == 1 else broadcast_shape(wide), made), shape, dtype)

    def made_of(self, xp, row, values, params):
        """The dtype that an elementwise row makes of such values, found out on single numbers."""
        key = row, repr(params), *[x.dtype if x.__class__ is Value else x.__class__ for x in values]
        found = self.dtypes.get(key)
        if found is None:
            dtypes = [x.dtype for x in values if x.__class__ is Value and x.dtype.name in xp.NARROW]
            forward = widened(row, dtypes[0]) if dtypes and row.name not in xp.NATIVE else row.forward
            probe = forward(xp, *[xp.full((), 1, x.dtype) if x.__class__ is Value else x for x in values], *params)
            found = self.dtypes[key] = xp.dtype_of(xp.asarray(probe))
        return found

    def add(self, row, values, params, shape, dtype):
        value = Value(shape, dtype)
        self.steps.append(Step(row, values, params, value, self.line()))
        return value

    def fitted(self, value, shape, dtype):
        """A Value, or a number, cast and expanded to what a place holds."""
        if value.__class__ is not Value:
            return self.add(primitives.full, (), (shape, value, dtype), shape, dtype)
        if value.dtype is not dtype:
            value = self.add(primitives.cast, (value,), (dtype,), value.shape, dtype)
        if value.shape != tuple(shape):
            value = self.add(primitives.expand, (value,), (tuple(shape),), shape, dtype)
        return value

    def known(self, array):
        """The Memory that an array lies in, or None. Arguments may be several regions of one owner's."""
        owner = owner_of(array)
        found = self.memories.get(id(owner), ())
        for memory in found:
            memory.look(owner)
        if len(found) == 1 and (found[0].born or found[0].is_all(array) or covers(found[0].root, array)):
            return found[0]
        key = layout(array)
        for memory in found:
            if memory.root == key or key in memory.seen:
                return memory
        for memory in found:
            if covers(memory.root, array):
                return memory
        return None

    def keep(self, memory):
        self.memories.setdefault(memory.key, []).append(memory)
        return memory

    def bear(self, tensor, value):
        """A tensor is made in the run, and its memory with it."""
        array, memories = tensor._array, self.memories
        self.room -= array.nbytes
        if self.room < 0:
            self.room = ROOM
            give_back()
        memory = self.keep(Memory(array, value, ref(tensor._storage), True))
        self.ends.append(ref(owner_of(array), lambda _: memories.pop(memory.key, None)))

    def expect(self, array, place):
        """Let an array of before the run be found at a replay as ``place`` says, if it is met; it may end without that."""
        owner, places = owner_of(array), self.places
        key = id(owner)
        places[key] = place
        self.ends.append(ref(owner, lambda _: places.pop(key, None)))

    def check(self, wrong, error, message):
        """A truth that replays look at: ``error(message)`` is to be raised if it holds."""
        if self.lost is None:
            self.checks.append((self.fitted(self.read(wrong), (), int64), error, message))

    def make(self, tensor):
        """A tensor is made of Python's data: of a constant, if later runs make the same. Replays have a copy of it."""
        if self.lost is None:
            kept = tensor._wrap(tensor._array.copy())
            self.bear(tensor, self.meet(kept, ("tensor", kept)).value)
            self.made.append(self.externals[-1])

    def show(self, tensor):
        """Memory is about to be seen by another name, as ``data`` gives: the tensor that replays find it by is this one."""
        if self.lost is None and not self.strangers and self.known(tensor._array) is None:
            self.meet(whole_of(tensor))

    def turn(self, tensor):
        """A tensor takes another shape in place. What was made in the run is no concern of replays."""
        memory = self.known(tensor._array)
        if memory is None or not memory.born:
            self.interrupt("a tensor that it didn't make takes another shape in place")

    def ask(self, tensor):
        """Somebody asks whether a tensor has a gradient, or sets it. What was made in the run is no concern of replays."""
        try:
            memory = self.known(tensor._array)
        except ValueError:  # of a lazy layer's parameter, which has no memory yet
            memory = None
        if memory is None or not memory.born:
            self.asked[id(tensor)] = ref(tensor)

    def meet(self, tensor, place=None):
        """A tensor that is older than the run: an external. ``place`` is how a replay finds it, if not by being the same."""
        array = tensor._array
        value = Value(array.shape, backend_of((array,)).dtype_of(array))
        memory = self.keep(Memory(array, value, ref(tensor._storage), False))
        self.externals.append(External(tensor, value, memory, place or self.places.get(memory.key)))
        self.note(tensor)
        return memory

    def all_of(self, array):
        """The Memory that an array is all of, as its owner or as it was met: what most are, and soon found out. None if it isn't so."""
        found = self.memories.get(id(array if array.base is None else owner_of(array)), ())
        return found[0] if len(found) == 1 and found[0].is_all(array) else None

    def is_all(self, array):
        """Whether an array is all that is known of its memory: to write to it gives that another Value, and does nothing else."""
        if self.all_of(array) is not None:
            return True
        memory = self.known(array)
        return memory.root == layout(array) and len(self.memories[memory.key]) == 1

    def read(self, tensor):
        """The Value that a tensor holds now."""
        array = tensor._array
        memory = self.all_of(array)
        if memory is not None:
            self.see(tensor, memory)
            return memory.value
        memory = self.known(array)
        if memory is None:
            memory = self.meet(whole_of(tensor))
        self.see(tensor, memory)
        key = layout(array)
        value, writes = memory.seen.get(key, (None, -1))
        if writes == memory.writes:
            return value
        value = memory.value
        if key != memory.root:
            for row, params in self.path(tensor, memory):
                value = self.viewed(value, row, params)
            if (value.shape, value.dtype) != (array.shape, backend_of((array,)).dtype_of(array)):
                raise Unfollowed("a tensor sees memory in a way that can't be followed")
        memory.seen[key] = (value, memory.writes)
        return value

    def see(self, tensor, memory):
        """Note a tensor in memory older than the run, by which replays don't find that: it may come to lie elsewhere."""
        if not memory.born and memory.met != id(tensor):
            known = self.views.get(id(tensor))
            if known is None or known[0]() is not tensor:  # of one that ended another may have the id
                self.views[id(tensor)] = ref(tensor), memory, looks_of(tensor)

    def viewed(self, value, row, params):
        """A view row on a Value; what shape it makes is found out on memory without extent."""
        xp = backend_of(())
        shape = row.forward(xp, xp.expand(xp.zeros((1,) * value.ndim, xp.array_dtype(value.dtype)), value.shape), *params).shape
        return self.add(row, (value,), params, shape, value.dtype)

    def path(self, tensor, memory):
        """The view rows that lead from the root of a memory to a tensor."""
        view = tensor._view
        if view is not None and layout(view.base._array) == memory.root and layout(seen_by(view)) == layout(tensor._array):
            return view.path
        address, shape, strides, dtype = layout(tensor._array)
        start, _, root_strides, root_dtype = memory.root
        size = dtype.itemsize
        if dtype != root_dtype or (address - start) % size or not owner_of(tensor._array).flags.c_contiguous:
            raise Unfollowed("two tensors see the same memory, and neither is a view of the other")
        strided = tuple([s // size for s in root_strides])
        return (((as_strided), (shape, tuple([s // size for s in strides]), (address - start) // size, (strided, 0))),)

    def write(self, tensor, value):
        """A tensor was written to: the memory it lies in has a new value."""
        self.read(tensor)  # it may be met here for the first time
        memory = self.all_of(tensor._array)
        if memory is not None:
            memory.value = value
            memory.writes += 1
            if memory.seen is not None:
                memory.seen[memory.root] = (value, memory.writes)
            return
        memory, key = self.known(tensor._array), layout(tensor._array)
        if len(self.memories[memory.key]) > 1:
            raise Unfollowed("a region of memory is written to, of which another region is an argument as well")
        if key == memory.root:
            memory.value = value
        else:
            path = tuple(self.path(tensor, memory))
            old = memory.value
            memory.value = self.add(primitives.write, (old, value), (path,), old.shape, old.dtype)
        memory.writes += 1
        memory.seen[memory.root] = (memory.value, memory.writes)
        memory.seen[key] = (value, memory.writes)

    # ------------------------------------------------------------------------------------------------------ what came of it

    def written(self):
        """(external, the Value it holds at the end) of those that were written to."""
        return [(x, x.memory.value) for x in self.externals if x.memory.writes]

    def graph(self, outputs):
        """The graph that makes the Values ``outputs``."""
        inputs = [x.value for x in self.externals] + [s.value for s in self.sources if s.value is not None]
        return Graph(inputs, self.steps, outputs, self.checks)


class Unfollowed(Exception):
    """What happened to memory can't be said as a graph."""
