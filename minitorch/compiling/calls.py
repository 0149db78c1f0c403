"""A compiled function: which program answers a call, and what happens where none does.

The first call with a signature runs the function, the second one is recorded, from the third on the program runs. A
signature is what a program takes for granted: shapes, strides and dtypes of the tensors, the form of the arguments, grad
mode; and ``Watch`` looks after everything that the function reaches otherwise.
"""

import warnings
from functools import partial
from types import MethodType

from ..compiler.facade import COMPILED, STANCE
from ..compiler.trace import Unfollowed, owner_of
from ..engine import MODE
from ..profiler import only_profilers
from .answering import MISS
from .explaining import Explanation
from .profiling import profiled
from .program import Program
from .recording import Incomplete, record
from .tree import flattened

__all__ = ["Compiled", "MADE"]

MADE: list = []
"""Functions that are called with each compiled function when it is made."""

TRIES = 4
"""Recordings in a row that may fail before a signature stays eager."""
VARIANTS = 4
"""Programs of one signature at most, of which each was right until something changed: with more, it stays eager."""
PROGRAMS = 8
"""Programs of one function at most: of more signatures than these, the later ones stay eager."""


class Signature:
    """All that is known of one signature: its programs, the latest first, or how often it was tried to make one.

    There are several where what the function reaches goes back and forth, as ``training`` does.   why: it runs eagerly.
    """

    def __init__(self):
        self.calls, self.failures, self.leaves, self.programs, self.eager, self.why = 0, 0, [], [], False, ""
        self.constants = None

    def stay_eager(self, why):
        """Make no more programs, and use none."""
        self.eager, self.why = True, why

    def believes(self, constants):
        """Whether the constants are those of the run before: the same bytes."""
        now = [(x.shape, x.dtype, x.tobytes()) for x in constants]
        before, self.constants = self.constants, now
        return not now or before == now


class Compiled:
    """``function``, answered by programs where that is possible."""

    def __init__(self, function, fullgraph=False, check=False):
        self.function, self.fullgraph, self.check = function, fullgraph, check
        self.forget()
        COMPILED.add(self)
        for told in MADE:
            told(self)

    def forget(self):
        """Have no programs."""
        self.signatures, self.answers, self.warned = {}, (), False

    def __get__(self, instance, owner=None):
        """As a method: whoever it is called on is its first argument."""
        return self if instance is None else MethodType(self, instance)

    def explain(self, measure=True):
        """What became of the function so far: an Explanation, to be printed, drawn and looked into.

        measure: run the programs, on copies, to see how long each kernel takes.

        >>> double = torch.compile(lambda x: x * 2)
        >>> for _ in range(2):
        ...     y = double(torch.ones(4))
        >>> (kernel,) = double.explain().kernels
        >>> kernel.loop
        ['for i in 4:', '    result0[i] = x[i] * 2']
        >>> kernel.flops, kernel.read, kernel.written
        (4, 16, 16)
        """
        return Explanation(self, measure)

    def __call__(self, *args, **kwargs):
        for answer in self.answers:
            result = answer(args, kwargs)
            if result is not MISS:
                return result
        return self.slowly(args, kwargs)

    def slowly(self, args, kwargs):
        """Find or make the program for a call that no answer fits as things are."""
        mode = MODE
        if (mode.listeners and only_profilers() is None) or mode.eager or STANCE[0] == "force_eager":
            return self.function(*args, **kwargs)
        tensors, form = flattened((args, kwargs))
        described = tuple([described_as(x) for x in tensors])
        key = form, mode.grad, mode.inference, mode.autocast, described, aliases(tensors)
        signature = self.signatures.get(key)
        if signature is None:
            signature = self.signatures[key] = Signature()
            if len(self.signatures) > PROGRAMS:
                signature.stay_eager(f"it was called with more than {PROGRAMS} signatures before")
        if signature.eager or any([program.lock.locked() for program in signature.programs]):
            return self.function(*args, **kwargs)
        for program in signature.programs:
            answer = partial(profiled, program) if mode.listeners else program.answer
            result = answer(args, kwargs) if program.still_fits() else MISS
            if result is not MISS:
                return result
        if STANCE[0] == "fail_on_recompile":
            raise RuntimeError(recompiled(self.function))
        if STANCE[0] == "eager_on_recompile":
            return self.function(*args, **kwargs)
        signature.calls += 1
        return self.recorded(signature, key, args, kwargs)

    def recorded(self, signature, key, args, kwargs):
        """Run the function while a tracer listens; make a program of what it heard."""
        mode = MODE.grad, MODE.inference, MODE.autocast
        result, recording, why = record(self.function, args, kwargs, signature.leaves)
        if recording is not None:
            if signature.calls == 1 and recording.changes_state:
                signature.leaves += [x for x, *_ in recording.gradients]
                return result
            if not signature.believes(recording.constants):
                other = Unfollowed("it makes tensors of numbers, and they are others each time")
                return result if signature.calls <= 2 else self.failed(signature, other, result)
            signature.programs.insert(0, Program(recording, self.function, mode, key))
            signature.failures = 0
            if len(signature.programs) > VARIANTS:
                signature.stay_eager(f"what it reaches was changed more than {VARIANTS} times: no program is right for long")
            self.answers = tuple([p.answer for known in self.signatures.values() for p in known.programs[:VARIANTS]])
            return result
        reason, leaves = why
        signature.leaves += leaves
        if signature.calls == 1:
            return result  # a first run makes what later ones find: states of optimizers, gradients
        return self.failed(signature, reason, result)

    def failed(self, signature, reason, result):
        """A run that can't become a program: after some in a row the signature stays eager. Gives ``result``."""
        signature.failures, signature.why = signature.failures + 1, str(reason)
        if reason.__class__ is not Incomplete and self.fullgraph:
            raise RuntimeError(f"the function can't be compiled as a whole\n{reason}")
        if signature.failures >= TRIES:
            signature.stay_eager(str(reason))
            if not self.warned:
                self.warned = True
                warnings.warn(f"{named(self.function)} runs eagerly: {reason}", stacklevel=5)
        return result


def named(function):
    return getattr(function, "__qualname__", type(function).__name__)


def recompiled(function):
    """What is raised where no program fits and none may be made."""
    code = getattr(function, "__code__", None) or type(function).__call__.__code__
    return (
        f"Detected recompile when torch.compile stance is 'fail_on_recompile'. filename: '{code.co_filename}', "
        f"function name: '{code.co_name}', line number: {code.co_firstlineno}\n"
        "call it as often as it takes before the stance is set: the third call with a signature is answered by a program"
    )


def described_as(tensor):
    """What a program takes for granted of a tensor."""
    array = tensor._array
    return array.shape, array.dtype, array.strides, tensor.requires_grad


def aliases(tensors):
    """Which of the tensors share memory: for each, the first with the same owner."""
    owners = [id(owner_of(x._array)) for x in tensors]
    return () if len(set(owners)) == len(owners) else tuple([owners.index(x) for x in owners])
