"""A recording, compiled: the native program, and what has to be so for it to answer a call."""

import ctypes

from ..backends import for_device
from ..compiler import Place, native_of, timed
from ..compiler.access import contiguous
from ..compiler.trace import Unfollowed
from ..compiler.traced_memory import layout, owner_of
from ..device import CPU
from ..dtypes import float64
from ..engine import wrap
from ..graph import CHANGES
from ..native.heap import give_back
from ..nn.module import Module
from ..symbolic import Reading
from .answer_rows import quick_answer
from .answering import Rates, aliases, answer_of
from .gradients import replaced
from .locks import lock
from .outside_backward import Backward
from .recording import hooked
from .tree import others
from .watching import Watch, switches_of_gpus
from .wording import named

__all__ = ["Program"]


class Program:
    """A recording, compiled.   answer(args, kwargs): what it gives, or MISS.   quick: the same in native code, or None;
    slower: why there is none.

    readings: {text: the array of an input that is worked out so}, if they may be the same at each call.
    watch: what the function reaches; seen: the count of changes up to which that was looked at.   rates: the numbers that
    are read anew, by the id of their group.   fresh: (shape, dtype) of the arrays that it makes, of which the last ``kept``
    are for ``backward``, if it leaves a graph behind.
    """

    def __init__(self, recording, function, mode, key, fixed=None, of=None):
        """fixed: {place: number} of those that it is given, and that must be just these.

        of: a Program of the same, of which this is the twin that notes when each kernel runs.
        """
        self.fixed, self.function, self.key, self.timed = fixed or {}, function, key, None
        self.title = f"compiled {named(function)}"
        self.recording, self.mode, self.seen, self.lock = recording, mode, [CHANGES[0]], lock()
        moving: dict = {}
        for source, _ in recording.sources:
            if source.__class__ is tuple:
                moving.setdefault(id(source[0]), (source[0], set()))[1].add(source[1])
        apart = recording.numbers_of_others()
        self.rates = {k: Rates(group, names, apart.get(k, ())) for k, (group, names) in moving.items()}
        form, *_, described, shared = key
        texts = [source.text for source, _ in recording.sources if source.__class__ is Reading]
        self.readings = {text: for_device(CPU).full((), 0.0, float64) for text in texts}
        self.watch = Watch((function, *others(form)), self.rates, joined(apart, getattr(function, "apart", {})))
        if not self.watch.whole:
            raise Unfollowed("it reaches too many things")
        self.watch.often += [] if recording.xp.SYNCHRONOUS else switches_of_gpus()
        self.tied = self.tied_to(self.tensors())
        self.wanting, self.lying, self.looks = self.wants(), self.lies(), self.looks_of_views()
        self.writes_arguments = any([recording.externals[k][0] == "argument" for k in recording.written])
        self.still_owners, self.written_owners, self.owners = set(), set(), (ctypes.c_int64 * (len(recording.written) + 1))()
        places = [Place("input", k) for k in recording.written]
        self.fresh = [(x.shape, x.dtype) for x in recording.graph.outputs[len(places) :]]
        new, reused = replaced(recording)
        lent = len(new) if reused and recording.xp.SYNCHRONOUS else 0
        places += [Place("lent" if k < lent else "output", k) for k in range(len(self.fresh))]
        hosts = recording.hosts([kind for *_, kind, _ in described])
        self.native = native_of(recording.graph, recording.strides, places, recording.xp, hosts) if of is None else timed(of.native)
        self.backward = None
        if recording.backward is not None:
            self.backward = Backward(recording, self.fresh, f"{self.title}, backward", None if of is None else of.backward)
        self.kept = 0 if self.backward is None else self.backward.kept
        self.bind()
        self.answer = answer_of(self, form, described, shared)
        self.quick, self.slower = quick_answer(self, form, described, shared) if of is None else (None, "")
        give_back()

    def twin(self):
        """The same program for profilers. To be asked for while everything is as it was when this one was recorded."""
        if not self.recording.xp.SYNCHRONOUS:
            return self  # a GPU's kernels are timed by its own tools
        if self.timed is None:
            self.timed = Program(self.recording, self.function, self.mode, self.key, self.fixed, self)
        return self.timed

    def bind(self):
        """Point the program to what stays from call to call: parameters, states, and arrays of rates."""
        table, slots = self.native.table, self.native.slots
        self.held = [x._array if kind == "tensor" else None for kind, x in self.recording.externals]
        for source, made in self.recording.sources:
            if made:
                reading = self.readings[source.text] if source.__class__ is Reading and not self.backward else None
                self.held.append(self.rates[id(source[0])].arrays[source[1]] if source.__class__ is tuple else reading)
        for k, array in enumerate(self.held):
            slot = slots.get(("input", k))
            if array is not None and slot is not None:
                table[slot] = id(array)
        self.note_owners()

    def replace(self, *arrays):
        """Let tensors lie in new memory, as the run did by ``x.data = new``. Who else reads them looks at everything again."""
        for k, array in zip(self.recording.replaced, arrays, strict=True):
            _, x = self.recording.externals[k]
            x._array, x._storage = array, wrap(array)._storage
        CHANGES[0] += 1
        self.bind()
        self.seen[0] += 1

    def note_owners(self):
        """The arrays whose memory is written to: no argument may be part of it.   owners: how many they are, and their ids."""
        written = [self.recording.externals[k] for k in self.recording.written]
        still = {id(owner_of(x._array)) for x in self.tensors()}
        self.still_owners.clear()
        self.still_owners.update(still)  # the answer holds this very set, and the other
        found = {id(owner_of(x._array)) for kind, x in written if kind == "tensor"}
        self.owners[: len(found) + 1] = [len(found), *found]
        if self.writes_arguments:  # none of them may be memory that the program knows by another name
            found |= {0, *still}
        self.written_owners.clear()
        self.written_owners.update(found)

    def tensors(self):
        """Those that stay from call to call."""
        return [x for kind, x in self.recording.externals if kind == "tensor"]

    def still_fits(self):
        """Whether all that the function reaches is as it was when it was recorded; then look from here on."""
        if not self.watch.still_holds():
            return False
        if CHANGES[0] != self.seen[0]:
            if not self.alike():
                return False
            self.bind()
            self.seen[0] = CHANGES[0]
        return True

    def wants(self):
        """Which of the tensors that stay want a gradient."""
        return [x.requires_grad for x in self.tensors()]

    def tied_to(self, tensors):
        """What modules hold in the memory of other tensors, as ``a.weight.data = b.weight.data`` leaves it."""
        known, owners = set(map(id, tensors)), {id(owner_of(x._array)) for x in tensors}
        books = [book for x in self.watch.kept if isinstance(x, Module) for book in (x._parameters, x._buffers)]
        held = [x for book in books for x in book.values() if x is not None and id(x) not in known]
        return [x for x in held if not hasattr(x, "materialize") and id(owner_of(x._array)) in owners]

    def lies(self):
        """How the tensors share memory, and those that are tied to others lie in it."""
        return aliases([*self.tensors(), *self.tied]), [(x._array.shape, x._array.strides) for x in self.tied]

    def looks_of_views(self):
        """Of each tensor that lies in another's memory: whether it still does, and where."""
        found = [(x, self.recording.externals[k]) for x, k in self.recording.views]
        owned = [(x, owner_of(x._array), owner_of(of._array) if kind == "tensor" else None) for x, (kind, of) in found]
        return [
            (owner is other or other is None, layout(x._array)[0] - layout(owner)[0], *layout(x._array)[1:], x.requires_grad)
            for x, owner, other in owned
        ]  # fmt: skip

    def alike(self):
        """Whether the externals still look as they did, wherever their memory is now."""
        if self.wanting != self.wants() or any([hooked(x) for x, *_ in self.recording.gradients]):
            return False
        if self.lying != self.lies() or self.looks != self.looks_of_views():
            return False
        found = [(x, v) for (kind, x), v in zip(self.recording.externals, self.recording.graph.inputs) if kind == "tensor"]
        return all([x._array.shape == v.shape and x.dtype is v.dtype and self.lies_alike(x._array, v) for x, v in found])

    def lies_alike(self, array, value):
        """Whether an array lies in memory as a value did when it was recorded: in order, or by the same strides."""
        strides = self.recording.strides[value]
        if strides == contiguous(value.shape):
            return array.flags.c_contiguous
        return array.strides == tuple([s * array.dtype.itemsize for s in strides])


def joined(a, b):
    """{key: the members of both} of dicts of sets."""
    return {key: {*a.get(key, ()), *b.get(key, ())} for key in a.keys() | b.keys()}
