"""``torch.compile(…, check=True)``: each answer of a program is compared with an eager run from the same state.

    before      what the program is about to write: memory, gradients, the generator
    program     its result, and what it left there
    eagerly     the state is put back and the function runs; that is what counts, and what the program is compared with

It finds what no replay can see: a counter of Python's, a file, the time of day.   torch: torch/_dynamo/repro
"""

from math import isclose, isnan

from ..engine import Tensor
from ..random import get_rng_state, set_rng_state
from .answering import MISS
from .calls import Compiled
from .tree import Kept, flattened

__all__ = ["Checked"]

TOLERANCE = {"float64": (1e-8, 1e-10), "float32": (1e-3, 1e-5), "bfloat16": (5e-2, 1e-2), "float16": (1e-2, 1e-3)}
"""By dtype, the relative and absolute difference that another order of computing may make; others must be equal."""


class State:
    """What a program may change: tensors, the gradients of leaves, and generators; as it is now."""

    def __init__(self, program, arguments):
        recording = program.recording
        self.leaves = [leaf for leaf, *_ in recording.gradients]
        self.tensors = [found(recording.externals[k], arguments) for k in recording.written]
        self.tensors = [x for x in self.tensors if x is not None]
        self.copies = [x._array.copy() for x in self.tensors]
        self.gradients = [x._grad for x in self.leaves]
        self.values = [None if g is None else g._array.copy() for g in self.gradients]
        self.generator = get_rng_state()
        self.streams = {stream: stream.get_state() for stream in recording.streams()}

    def put_back(self):
        for x, copy in zip(self.tensors, self.copies):
            x._array[...] = copy
        for leaf, g, value in zip(self.leaves, self.gradients, self.values):
            leaf._grad = g
            if g is not None:
                g._array[...] = value
        set_rng_state(self.generator)
        for stream, state in self.streams.items():
            stream.set_state(state)

    def named(self, result):
        """(name, Tensor or None) of everything that can be compared, on memory of its own."""
        tensors, _ = flattened(result)
        parts = [(f"result {k}", x) for k, x in enumerate(tensors)]
        parts += [(f"the tensor that it writes to, number {k},", x) for k, x in enumerate(self.tensors)]
        parts += [(f"the gradient of leaf {k}", leaf._grad) for k, leaf in enumerate(self.leaves)]
        parts.append(("the generator's state", get_rng_state()))
        return [(name, None if x is None else x._wrap(x._array.copy())) for name, x in parts]


def found(external, arguments):
    """The tensor behind an external; None for a gradient, which is looked at as such."""
    kind, which = external
    return arguments[which] if kind == "argument" else None if kind == "grad" else which


class Checked(Compiled):
    """A compiled function that runs eagerly as well, and compares."""

    def __call__(self, *args, **kwargs):
        if self.thread is not None:
            return self.thread.answer(args, kwargs)
        tensors, _ = flattened((args, kwargs))
        for (*_, described, _), signature in list(self.signatures.items()):
            for program in signature.programs if len(described) == len(tensors) else ():
                if not (program.recording.has_effects or program.recording.kept) and program.still_fits():
                    state = State(program, tensors)
                    result = program.answer(args, kwargs)
                    if result is not MISS:
                        return self.compared(state, result, args, kwargs)
        return self.slowly(args, kwargs)

    def compared(self, state, result, args, kwargs):
        """What an eager run gives. Raises RuntimeError where the program's result is another."""
        got, forms = state.named(result), [flattened(result)[1]]
        state.put_back()
        eager = self.function(*args, **kwargs)
        forms.append(flattened(eager)[1])
        for (name, a), (_, b) in zip(state.named(eager), got):
            if not alike(a, b):
                raise RuntimeError(f"{name} of the compiled function is another than in an eager run\n{told(a, b)}{ADVICE}")
        if not same_form(*forms):
            raise RuntimeError(f"the result of the compiled function has another form than in an eager run\n{ADVICE}")
        return eager


ADVICE = "a program can't see a Python number that changes between calls: pass it as an argument, or keep it in a tensor"


def same_form(a, b):
    """Whether two forms are the same; floats in them, which ``item`` may have given, as far as rounding goes."""
    if a.__class__ is tuple and b.__class__ is tuple:
        return len(a) == len(b) and all(map(same_form, a, b))
    if a.__class__ is Kept and b.__class__ is Kept and a.value.__class__ is b.value.__class__ is float:
        return a == b or isclose(a.value, b.value, rel_tol=1e-3, abs_tol=1e-5) or (isnan(a.value) and isnan(b.value))
    return a == b


def alike(a, b):
    if a is None or b is None:
        return a is b
    if a.shape != b.shape or a.dtype is not b.dtype:
        return False
    rtol, atol = TOLERANCE.get(a.dtype.name, (0, 0))
    return a.allclose(b, rtol, atol, equal_nan=True) if a.is_floating_point() else bool((a == b).all())


def told(a, b):
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or a.shape != b.shape or not a.numel():
        return ""
    return f"they are up to {(a.double() - b.double()).abs().max().item():.3g} apart\n"
