"""A compiled function: which program answers a call, and what happens where none does.

The first call with a signature runs the function, the second one is recorded, from the third on the program runs. A
signature is what a program takes for granted: shapes, strides and dtypes of the tensors, the form of the arguments, grad
mode; and ``Watch`` looks after everything that the function reaches otherwise.
"""

import threading
import warnings

from ..compiler import Place, build
from ..compiler.access import contiguous
from ..compiler.trace import owner_of
from ..engine import MODE
from ..graph import CHANGES
from .answering import MISS, Rates, answer_of
from .recording import Incomplete, record
from .tree import flattened
from .watching import Watch

__all__ = ["Compiled", "Program"]

TRIES = 4
"""Recordings in a row that may fail before a signature stays eager."""
PROGRAMS = 8
"""Programs of one function at most: of more signatures than these, the later ones stay eager."""


class Signature:
    """All that is known of one signature: its program, or how often it was tried to make one."""

    def __init__(self):
        self.calls, self.failures, self.leaves, self.program, self.eager = 0, 0, set(), None, False


class Compiled:
    """``function``, answered by programs where that is possible."""

    def __init__(self, function, fullgraph=False, check=False):
        self.function, self.fullgraph, self.check = function, fullgraph, check
        self.signatures, self.answers, self.warned = {}, (), False

    def __call__(self, *args, **kwargs):
        for answer in self.answers:
            result = answer(args, kwargs)
            if result is not MISS:
                return result
        return self.slowly(args, kwargs)

    def slowly(self, args, kwargs):
        """Find or make the program for a call that no answer fits as things are."""
        mode = MODE
        if mode.listeners:
            return self.function(*args, **kwargs)
        tensors, form = flattened((args, kwargs))
        described = tuple([described_as(x) for x in tensors])
        key = form, mode.grad, mode.inference, mode.autocast, described, aliases(tensors)
        signature = self.signatures.get(key)
        if signature is None:
            signature = self.signatures[key] = Signature()
            signature.eager = len(self.signatures) > PROGRAMS
        program = signature.program
        if signature.eager or (program is not None and program.lock.locked()):
            return self.function(*args, **kwargs)
        if program is not None:
            if program.still_fits():
                result = program.answer(args, kwargs)
                if result is not MISS:
                    return result
            self.forget(signature)
        signature.calls += 1
        if signature.calls == 1 and not signature.leaves:
            return self.function(*args, **kwargs)
        return self.recorded(signature, key, args, kwargs)

    def forget(self, signature):
        """A program that doesn't fit any more makes room."""
        self.answers = tuple([a for a in self.answers if a is not signature.program.answer])
        signature.program, signature.calls = None, 1

    def recorded(self, signature, key, args, kwargs):
        """Run the function while a tracer listens; make a program of what it heard."""
        mode = MODE.grad, MODE.inference, MODE.autocast
        result, recording, why = record(self.function, args, kwargs, signature.leaves)
        if recording is not None:
            signature.program, signature.failures = Program(recording, self.function, mode, key), 0
            self.answers = (signature.program.answer, *self.answers)
            return result
        reason, leaves = why
        signature.leaves |= leaves
        signature.failures += 1
        if reason.__class__ is not Incomplete and self.fullgraph:
            raise RuntimeError(f"the function can't be compiled as a whole\n{reason}")
        if signature.failures >= TRIES:
            signature.eager = True
            if not self.warned:
                self.warned = True
                warnings.warn(f"{named(self.function)} runs eagerly: {reason}", stacklevel=4)
        return result


def named(function):
    return getattr(function, "__qualname__", type(function).__name__)


def described_as(tensor):
    """What a program takes for granted of a tensor."""
    array = tensor._array
    return array.shape, array.dtype, array.strides, tensor.requires_grad


def aliases(tensors):
    """Which of the tensors share memory: for each, the first with the same owner."""
    owners = [id(owner_of(x._array)) for x in tensors]
    return () if len(set(owners)) == len(owners) else tuple([owners.index(x) for x in owners])


class Program:
    """A recording, compiled.   answer(args, kwargs): what it gives, or MISS.

    watch: what the function reaches; seen: the count of changes up to which that was looked at.   rates: the numbers that
    are read anew, by the id of their group.   fresh: (shape, dtype) of the arrays that it makes.
    """

    def __init__(self, recording, function, mode, key):
        self.recording, self.mode, self.seen, self.lock = recording, mode, [CHANGES[0]], threading.Lock()
        moving: dict = {}
        for source, _ in recording.sources:
            if source.__class__ is tuple:
                moving.setdefault(id(source[0]), (source[0], set()))[1].add(source[1])
        self.rates = {k: Rates(group, names) for k, (group, names) in moving.items()}
        self.watch = Watch(function, self.rates)
        self.writes_arguments = any([recording.externals[k][0] == "argument" for k in recording.written])
        written = [recording.externals[k] for k in recording.written]
        self.written_owners = {id(owner_of(x._array)) for kind, x in written if kind == "tensor"}
        if self.writes_arguments and not self.written_owners:
            self.written_owners = {0}
        places = [Place("input", k) for k in recording.written]
        self.fresh = [(x.shape, x.dtype) for x in recording.graph.outputs[len(places) :]]
        self.native = build(recording.graph, recording.strides, places + [Place("output", k) for k in range(len(self.fresh))])
        self.bind()
        form, *_, described, shared = key
        self.answer = answer_of(self, form, described, shared)

    def bind(self):
        """Point the program to what stays from call to call: parameters, states, and arrays of rates."""
        table, slots = self.native.table, self.native.slots
        self.held = [x._array if kind == "tensor" else None for kind, x in self.recording.externals]
        for source, made in self.recording.sources:
            if made:
                self.held.append(self.rates[id(source[0])].arrays[source[1]] if source.__class__ is tuple else None)
        for k, array in enumerate(self.held):
            slot = slots.get(("input", k))
            if array is not None and slot is not None:
                table[slot] = id(array)

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

    def alike(self):
        """Whether the externals still look as they did, wherever their memory is now."""
        found = [(x, v) for (kind, x), v in zip(self.recording.externals, self.recording.graph.inputs) if kind == "tensor"]
        return all([
            x._array.shape == v.shape and x.dtype is v.dtype and x._array.flags.c_contiguous == self.ordered(v) for x, v in found
        ])  # fmt: skip

    def ordered(self, value):
        """Whether a value lay in order when it was recorded."""
        return self.recording.strides[value] == contiguous(value.shape)
