"""A compiled function: which program answers a call, and what happens where none does.

The first call with a signature runs the function, the second one is recorded, from the third on the program runs. A
signature is what a program takes for granted: shapes, strides and dtypes of the tensors, the form of the arguments, grad
mode; and ``Watch`` looks after everything that the function reaches otherwise.
"""

import warnings

from .. import primitives
from ..backends import for_device
from ..compiler import Place, build
from ..compiler.trace import owner_of
from ..device import CPU
from ..dtypes import float64
from ..engine import MODE, wrap
from ..graph import CHANGES, Node
from .recording import Incomplete, record
from .tree import flattened, rebuilt
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
        self.signatures, self.warned = {}, False

    def __call__(self, *args, **kwargs):
        mode = MODE
        if mode.listeners:
            return self.function(*args, **kwargs)
        tensors, form = flattened((args, kwargs))
        key = form, mode.grad, mode.inference, mode.autocast, tuple([described(x) for x in tensors]), aliases(tensors)
        signature = self.signatures.get(key)
        if signature is None:
            signature = self.signatures[key] = Signature()
            signature.eager = len(self.signatures) > PROGRAMS
        if signature.eager:
            return self.function(*args, **kwargs)
        program = signature.program
        if program is not None:
            if program.fits():
                return program.call(tensors)
            signature.program = None
            signature.calls = 1
        signature.calls += 1
        if signature.calls == 1 and not signature.leaves:
            return self.function(*args, **kwargs)
        return self.recorded(signature, args, kwargs)

    def recorded(self, signature, args, kwargs):
        """Run the function while a tracer listens; make a program of what it heard."""
        result, recording, why = record(self.function, args, kwargs, signature.leaves)
        if recording is not None:
            signature.program, signature.failures = Program(recording, self.function), 0
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
                warnings.warn(f"{named(self.function)} runs eagerly: {reason}", stacklevel=3)
        return result


def named(function):
    return getattr(function, "__qualname__", type(function).__name__)


def described(tensor):
    """What a program takes for granted of a tensor."""
    array = tensor._array
    return array.shape, array.dtype, array.strides, tensor.requires_grad


def aliases(tensors):
    """Which of the tensors share memory: for each, the first with the same owner."""
    owners = [id(owner_of(x._array)) for x in tensors]
    return () if len(set(owners)) == len(owners) else tuple([owners.index(x) for x in owners])


class Program:
    """A recording, compiled and ready to be replayed."""

    def __init__(self, recording, function):
        self.recording = recording
        moving: dict = {}
        for source, _ in recording.sources:
            if source.__class__ is tuple:
                moving.setdefault(id(source[0]), set()).add(source[1])
        self.watch, self.changes = Watch(function, moving), CHANGES[0]
        places = [Place("input", k) for k in recording.written]
        self.fresh = [(x.shape, x.dtype) for x in recording.graph.outputs[len(places) :]]
        self.native = build(recording.graph, recording.strides, places + [Place("output", k) for k in range(len(self.fresh))])

    def fits(self):
        """Whether all is as it was when the recording was made, but for the arguments."""
        if not self.watch.holds():
            return False
        if CHANGES[0] != self.changes:
            if not self.watch.still_holds():
                return False
            self.changes = CHANGES[0]
        return all([(x._grad is not None) is there for x, there, _ in self.recording.gradients])

    def call(self, arguments):
        """Run, and leave behind what the recorded run left behind."""
        recording = self.recording
        xp = for_device(CPU)
        tensors = [arguments[w] if k == "argument" else w._grad if k == "grad" else w for k, w in recording.externals]
        inputs = [x._array for x in tensors]
        for source, made in recording.sources:
            if source.__class__ is tuple:
                inputs.append(xp.full((), float(source[0][source[1]]), float64))
            elif made:
                inputs.append(xp.ascontiguousarray(source()))
            else:
                source()
        outputs = [xp.empty(shape, dtype) for shape, dtype in self.fresh]
        self.native.call(inputs, outputs)
        for k in recording.written:
            tensors[k]._storage.version += 1
        fresh = iter(outputs)
        for x, _, state in recording.gradients:
            if state != "same":
                x._grad = wrap(next(fresh)) if state == "new" else None
        leaves = []
        for kind, which, *wanting in recording.returned:
            if kind == "external":
                leaves.append(tensors[which])
            elif kind == "gradient":
                leaves.append(which._grad)
            else:
                leaves.append(wrap(outputs[which - len(recording.written)]))
                if wanting[0]:
                    leaves[-1]._node = spent()
        return rebuilt(recording.form, iter(leaves))


def spent():
    """The Node of a result whose graph was used up by a backward within the step."""
    return Node(primitives.neg, (), (), None)
