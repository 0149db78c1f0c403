"""A compiled function: which program answers a call, and what happens where none does.

The first call with a signature runs the function, the second one is recorded, from the third on the program runs. A
signature is what a program takes for granted: shapes, strides and dtypes of the tensors, the form of the arguments, grad
mode; and ``Watch`` looks after everything that the function reaches otherwise.
"""

import sys
import warnings
from functools import partial
from types import MethodType

from ..backends import backend_of
from ..compiler.facade import COMPILED, STANCE
from ..compiler.trace import OURS, Unfollowed
from ..compiler.traced_memory import owner_of
from ..dtypes import get_default_dtype
from ..engine import MODE
from ..native.heap import give_back, uncollected
from ..native.worklist import WORK, helped
from ..profiler import only_profilers
from .aliased_gradients import unfindable
from .answering import MISS, aliases, kind_of_history
from .explaining import Explanation
from .kept_numbers import Places, floats_again, plain_again
from .profiling import profiled
from .program import Program
from .recording import Incomplete, StillHeld, record
from .side_effects import Chances, given_back, made_anew
from .state_threading import StateThread, Threaded, kept_by
from .symbolic_arguments import UNSEEN, SymbolicNumbers, of_call
from .tree import Kept, flattened, others
from .watching import Watch
from .wording import advised, named, recompiled

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
        self.constants, self.watch = {}, None

    def stay_eager(self, why):
        """Make no more programs."""
        self.eager, self.why, self.watch = True, why, None

    @property
    def rests(self):
        """Whether no program will answer: there is none, or too many were made to look at."""
        return self.eager and not 0 < len(self.programs) <= VARIANTS

    def believes(self, recording):
        """Whether a run's constants are those of the run before: the same bytes, and the same beside numbers among its results.

        Of runs that relied on the numbers of tensors those count that relied on the same ones.
        """
        now = [*[(x.shape, x.dtype, backend_of((x,)).to_cpu(x).tobytes()) for x in recording.constants], *map(repr, recording.believed)]
        relied = hash(tuple([(k, numbers) for k, numbers, _ in recording.relied]))
        before = self.constants.pop(relied, None)
        self.constants[relied] = now
        if len(self.constants) > VARIANTS:
            del self.constants[next(iter(self.constants))]
        return before == now or not (now or recording.relied)


class Moving:
    """The numbers of optimizers' groups that were seen to change, as a cycle's momentum: programs read them anew.

    names: {id of a group: names}.
    """

    def __init__(self):
        self.names, self.seen = {}, {}

    def look(self, groups):
        """Compare the groups' numbers with what they were when last looked at."""
        for group in groups:
            now = {key: x for key, x in group.items() if are_numbers(x)}
            _, before = self.seen.get(id(group), (group, now))
            self.names.setdefault(id(group), set()).update([key for key, x in now.items() if key in before and before[key] != x])
            self.seen[id(group)] = group, now  # held, or its id might become another's


def are_numbers(x):
    """Whether something is a number, or a tuple of such."""
    return x.__class__ in (int, float) or (x.__class__ is tuple and all([v.__class__ in (int, float) for v in x]))


class Compiled:
    """``function``, answered by programs where that is possible."""

    def __init__(self, function, fullgraph=False):
        self.function, self.fullgraph = function, fullgraph
        self.forget()
        COMPILED.add(self)
        for told in MADE:
            told(self)

    def __reduce__(self):
        """Copied and stored as the function alone: programs belong to the process that made them."""
        return type(self), (self.function, self.fullgraph)

    def forget(self, left=()):
        """Have no programs.   left: groups of optimizers that are known to be left to schedulers."""
        self.signatures, self.quick, self.answers, self.warned, self.moving, self.symbolic = {}, (), (), False, Moving(), {}
        self.places, self.counting, self.thread = Places(left), {}, None

    def __get__(self, instance, owner=None):
        """As a method: whoever it is called on is its first argument."""
        return self if instance is None else MethodType(self, instance)

    def __repr__(self):
        return f"<compiled {named(self.function)}>"

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
        inner = self
        while inner.thread is not None:
            inner = inner.thread.compiled
        return Explanation(inner, measure)

    def __call__(self, *args, **kwargs):
        for answer in self.quick:
            result = answer(args, kwargs)
            if result is not MISS:
                return result
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
        key = form, mode.grad, mode.inference, mode.autocast, get_default_dtype(), described, aliases(tensors)  # [1:5]: Program's mode
        key, symbolic = of_call(self.symbolic, key)
        signature = self.signatures.get(key)
        if signature is None:
            if len(self.signatures) > PROGRAMS:  # not even remembered: what it was given would be held for ever
                return self.function(*args, **kwargs)
            signature = self.signatures[key] = Signature()
            if len(self.signatures) > PROGRAMS:
                self.give_up(signature, f"it was called with more than {PROGRAMS} signatures")
        if signature.rests or any([program.lock.locked() for program in signature.programs]):
            return self.function(*args, **kwargs)
        for program in signature.programs:
            answer = partial(profiled, program) if mode.listeners else program.answer
            result = answer(args, kwargs) if program.still_fits() else MISS
            if result is not MISS:
                return result
        if signature.eager:
            return self.function(*args, **kwargs)
        for program in signature.programs:
            self.places.note(program.watch)
        if STANCE[0] == "fail_on_recompile":
            raise RuntimeError(recompiled(self.function))
        if STANCE[0] == "eager_on_recompile":
            return self.function(*args, **kwargs)
        signature.calls += 1
        return self.recorded(signature, key, args, kwargs, symbolic)

    @uncollected()
    @helped()
    def recorded(self, signature, key, args, kwargs, symbolic):
        """Run the function while a tracer listens; make a program of what it heard.   symbolic: if numbers among its arguments move."""
        watch = Watch((self.function, *others(key[0])), apart=getattr(self.function, "apart", None))
        if not watch.whole:
            return self.reaching_too_much(signature, args, kwargs)
        self.moving.look(watch.groups)
        if signature.watch is not None:
            self.places.note(signature.watch)
        signature.watch = watch
        symbolic = self.with_kept(key, symbolic)
        if symbolic is not None and (watch.asks_types or not UNSEEN.isdisjoint(watch.theirs)):
            symbolic.settle()
            return self.function(*args, **kwargs)
        chances = Chances(watch, (args, kwargs))
        result, recording, why = self.listened(signature, watch, args, kwargs, symbolic, chances.takes)
        self.moving.look(watch.groups)
        if self.begins_anew(signature, watch, recording, why):
            return result
        if recording is None:
            reason, leaves = why
            signature.leaves += leaves  # a first run makes what later ones find: states of optimizers, gradients
            return result if signature.calls == 1 else self.failed(signature, reason, result)
        changed = watch.changed(recording.rates_of_effects() | recording.numbers_of_others())
        if changed is not None and not recording.has_effects and self.places.note(watch):
            return result  # the next run finds Givens there
        if signature.calls == 1 and recording.changes_state:
            signature.leaves += [x for x, *_ in recording.gradients]
            return result
        moved = None if symbolic is None else set(symbolic.moving)
        fixed = {} if symbolic is None else symbolic.proven(recording)
        if fixed is None and symbolic.moving != moved:
            self.drop(key)
            return result
        if not signature.believes(recording):
            other = Unfollowed(others_each_time(recording))
            return result if signature.calls <= 2 else self.failed(signature, other, result)
        other = f"it changes {changed} as it runs" if changed is not None else chances.taken()
        other = other or self.unrepeatable(recording, watch, args, kwargs, result)
        if other is not None:
            return result if signature.calls == 1 else self.failed(signature, Unfollowed(other), result)
        return result if fixed is None else self.programmed(signature, (recording, self.function, key[1:5], key, fixed), result)

    def reaching_too_much(self, signature, args, kwargs):
        """Run a function that reaches more than can be looked at before each call."""
        why = "it reaches more things than can be looked at before each call"
        if self.fullgraph:
            raise RuntimeError(f"the function can't be compiled as a whole\n{advised(why, self.function)}")
        self.give_up(signature, why)
        return self.function(*args, **kwargs)

    def begins_anew(self, signature, watch, recording, why):
        """Whether a run showed what the function keeps, so that all later ones go about it in another way."""
        left = recording is not None and recording.has_effects and self.places.leave(watch.groups)
        if left:
            self.forget(self.places.left)
        threaded = signature.calls > 1 and (recording is not None or why[0].__class__ is StillHeld) and self.thread_kept(watch)
        floats_again(watch)
        return left or threaded

    def unrepeatable(self, recording, watch, args, kwargs, result):
        """Words for something that a replay wouldn't find or give back as the run did; or None. Notes the arguments that are held."""
        recording.held = held_arguments(self.function, args, kwargs, watch)
        result = result[0] if self.function.__class__ is Threaded else result
        found = made_anew(recording.form, watch.seen) or unfindable(recording, watch, args, kwargs)
        return found or given_back(result, (args, kwargs), watch.seen)

    def thread_kept(self, watch):
        """Whether a run put tensors where they are kept, which are threaded through the calls from now on. A first run may fill a cache."""
        kept = kept_by(self.function, watch)
        if kept is None:
            return False
        self.forget()
        self.thread = StateThread(type(self)(Threaded(self.function, *kept), self.fullgraph))
        self.quick = (self.thread.answer,)
        return True

    def with_kept(self, key, symbolic):
        """What is known of the numbers of a call, of those that Python keeps as well; None if none of them move."""
        numbers = self.places.numbers()
        if not numbers:
            return symbolic
        symbolic = symbolic or self.counting.setdefault(key, SymbolicNumbers())
        symbolic.keep(numbers)
        return symbolic if symbolic.moving else None

    def listened(self, signature, watch, args, kwargs, symbolic, takes):
        """What ``record`` gives of a run that finds Givens instead of numbers that move; then there are plain numbers again."""
        questions, given, kept = None, {}, []
        if symbolic is not None:
            args, kwargs, questions, given = symbolic.handed(args, kwargs)
        self.places.put(given)
        try:
            known = self.moving.names, questions, takes, watch.reads_rates()
            result, recording, why = record(self.function, args, kwargs, signature.leaves, *known)
        finally:
            kept = self.places.taken(given)
            if symbolic is not None:
                plain_again(watch)
        if recording is not None and symbolic is not None and symbolic.strays(recording.asked):
            return result, None, (Unfollowed("it looks at a number that changes, with which it only computes at other calls"), [])
        if recording is not None:
            recording.kept = kept
        return result, recording, why

    def programmed(self, signature, of, result):
        """Make a program of a recording and all that belongs to it. Gives ``result``."""
        if any([program.recording.own != of[0].own for program in signature.programs]):
            self.give_up(signature, "it goes backward to an argument, which is another one each time")
            return result
        give_back()  # what the run took, before the compiler asks for as much again
        try:
            program = Program(*of)
        except Exception as error:  # whatever the compiler can't do, the user's step goes on
            return self.failed(signature, Unfollowed(f"the compiler failed, {type(error).__name__}: {error}"), result)
        WORK.end()
        self.add(signature, program)
        return result

    def add(self, signature, program):
        """Answer calls with this signature by a program, and by those from before."""
        signature.programs.insert(0, program)
        signature.failures, signature.watch = 0, None
        if len(signature.programs) > VARIANTS:
            self.give_up(signature, f"what it reaches was changed more than {VARIANTS} times: no program is right for long")
        self.list_answers()

    def drop(self, key):
        """Forget a signature: what its programs took for granted is in doubt."""
        del self.signatures[key]
        self.list_answers()

    def list_answers(self):
        """All that may answer a call."""
        programs = [p for known in self.signatures.values() for p in known.programs[:VARIANTS]]
        self.quick = tuple([p.quick for p in programs if p.quick is not None])
        self.answers = tuple([p.answer for p in programs])

    def failed(self, signature, reason, result):
        """A run that can't become a program: after some in a row the signature stays eager. Gives ``result``."""
        signature.failures, signature.why = signature.failures + 1, advised(str(reason), self.function)
        if reason.__class__ is not Incomplete and self.fullgraph:
            raise RuntimeError(f"the function can't be compiled as a whole\n{signature.why}")
        if signature.failures >= TRIES:
            self.give_up(signature, str(reason))
        return result

    def give_up(self, signature, why):
        """Run calls with this signature eagerly from now on, but for those that its programs answer; the first time with a warning."""
        why = advised(why, self.function)
        signature.stay_eager(why)
        if not self.warned:
            self.warned = True
            now = "runs eagerly" if signature.rests else "runs eagerly now and then"
            warnings.warn(f"{named(self.function)} {now}: {why}", stacklevel=frames_of_ours())


def others_each_time(recording):
    """Why the constants of a run aren't believed to be those of the next one."""
    if not recording.relied:
        return "it makes tensors of numbers, and they are others each time"
    return f"it decides by the numbers of a tensor, which are others each time, in {recording.relied[0][2]}"


def frames_of_ours():
    """How far from the caller the first frame is that isn't the library's, nor of a decorator of Python's."""
    frame, count = sys._getframe(1), 1
    while frame.f_back is not None and OURS[frame.f_code.co_filename]:
        frame, count = frame.f_back, count + 1
    return count


def held_arguments(function, args, kwargs, watch):
    """[(position, argument as it is)] of tensors that the function reaches by another name as well, or whose memory it does."""
    threaded = flattened(args[: len(function.places)])[0] if function.__class__ is Threaded else []
    tensors, _ = flattened((args, kwargs))
    there = [x for x in watch.tensors.values() if not hasattr(x, "materialize")]
    owners = {id(owner_of(x._array)) for x in there} - {id(owner_of(x._array)) for x in threaded}
    return [(k, Kept(x)) for k, x in enumerate(tensors) if id(owner_of(x._array)) in owners]


def described_as(tensor):
    """What a program takes for granted of a tensor."""
    array = tensor._array
    return array.shape, array.dtype, array.strides, kind_of_history(tensor), array.__class__, tensor.__class__


