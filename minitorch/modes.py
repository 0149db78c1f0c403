"""What each thread switches on and off: whether gradients are recorded, and who listens at the gate.

torch: c10/core/GradMode.h, torch/autograd/grad_mode.py
"""

import threading
from functools import wraps

from .backends import ARRAY_TYPES

__all__ = [
    "MODE", "Mode", "all_compile", "ask", "beside", "demand", "enable_grad", "inference_mode", "is_grad_enabled",
    "is_inference_mode_enabled", "leave", "no_grad", "set_grad_enabled", "show", "steer", "tell", "tracer", "turn",
]  # fmt: skip


class Mode(threading.local):
    """Each thread's own switches: whether gradients are recorded, and who listens at the gate."""

    grad = True
    inference = False
    autocast = None  # the dtype that products are computed in, see mixed_precision.py
    autocast_on = "cpu"  # the kind of device whose tensors it is about
    casts = None  # those of weights that are kept in the block
    eager = False  # whether a function runs that isn't to be compiled, nor what it calls
    listeners = ()  # each is called with (row, inputs, params, output, whether it was written in place)
    begun = 0  # when the row began of which they are told, in ns of time.perf_counter
    readers = ()  # each is called with (what, tensor, result) where Python reads elements: there a listener loses sight

    def __init__(self):
        for backend in ARRAY_TYPES.values():
            backend.quiet()


MODE = Mode()


def all_compile():
    """Whether nobody listens but who records for the compiler: to that, rows that exist for speed say as much as what they stand for."""
    return all([getattr(listener, "compiles", False) for listener in MODE.listeners])


def tell(row, inputs, params, out, written):
    """Tell the listeners."""
    for listener in MODE.listeners:
        listener(row, inputs, params, out, written)


def tracer():
    """The listener that writes this run down as a graph (compiler/trace.py), or None."""
    for listener in MODE.listeners:
        if hasattr(listener, "rate"):
            return listener
    return None


def beside(tensor):
    """``tensor``, which was made of Python's data and not by a row: who writes this run down is told."""
    if MODE.listeners and (recording := tracer()) is not None:
        recording.make(tensor)
    return tensor


def ask(tensor):
    """Tell who writes this run down that somebody looks at a tensor's gradient, or sets it: whether there is one then matters.

    Gives the tensor.
    """
    recording = tracer()
    if recording is not None:
        recording.ask(tensor)
    return tensor


def show(tensor):
    """Tell who writes this run down of a tensor, before its memory is seen by another name. Gives the tensor."""
    if MODE.listeners and (recording := tracer()) is not None:
        recording.show(tensor)
    return tensor


def turn(tensor):
    """Tell who writes this run down that a tensor becomes one of another shape, which no replay makes of what it is given. Gives it."""
    if MODE.listeners and (recording := tracer()) is not None:
        recording.turn(tensor)
    return tensor


def steer(generator):
    """Tell who writes this run down that a generator of random numbers is made, looked at or set anew, which no replay does. Gives it."""
    if MODE.listeners and (recording := tracer()) is not None:
        recording.interrupt("it looks at a generator of random numbers, or sets it")
    return generator


def demand(condition, error, message, found):
    """Raise ``error(message)`` unless all of a Tensor is true, and say in further lines what there is: ``found``, a Tensor.

    A program that is recorded asks anew, and raises without those lines.
    """
    if not MODE.listeners and condition._array.all():
        return
    wrong = condition.all().logical_not()
    recording = tracer() if MODE.listeners else None
    if recording is not None:
        recording.check(wrong, error, f"{message}\nthe same call, not compiled, prints them")
    if wrong._array:
        raise error(f"{message}\n{found}")


def leave(what, tensor, result=None):
    """Tell the readers that Python looks at the values of ``tensor``, by ``what``: no graph can follow them from there.

    Gives ``result``, or the number that a reader wants in its place.
    """
    for reader in MODE.readers:
        given = reader(what, tensor, result)
        result = result if given is None else given
    return result


GENERATOR = 0x20
"""The flag of a generator function's code (inspect.CO_GENERATOR)."""


class GradMode:
    """A block, or a function decorated with it, in which gradients are recorded (``enabled``) or not."""

    enabled = True
    inference = None

    def __call__(self, function):
        if isinstance(function, type):
            raise TypeError(f"{type(self).__name__} decorates functions, not classes")
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & GENERATOR:
            return self.generator(function)

        @wraps(function)
        def in_mode(*args, **kwargs):
            with self.again():
                return function(*args, **kwargs)

        return in_mode

    def generator(self, function):
        """A generator function whose body, and not its consumer's, runs in the mode."""

        @wraps(function)
        def in_mode(*args, **kwargs):
            with self.again():
                generator = function(*args, **kwargs)
            sent = None
            while True:
                try:
                    with self.again():
                        item = generator.send(sent)
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield item
                except GeneratorExit:
                    generator.close()
                    raise
                except BaseException as error:
                    with self.again():
                        sent = generator.throw(error)

        return in_mode

    def again(self):
        """A fresh block of the same kind: blocks keep what they restore, so each is entered once at a time."""
        return type(self)()

    def __enter__(self):
        self.before = MODE.grad, MODE.inference
        MODE.grad = self.enabled
        if self.inference is not None:
            MODE.inference = self.inference

    def __exit__(self, *exception):
        MODE.grad, MODE.inference = self.before


class no_grad(GradMode):
    """In this block, or in the function that it decorates, nothing is recorded.   torch: no_grad

    >>> x = torch.tensor([1.0], requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    enabled = False

    def __new__(cls, function=None):
        made = object.__new__(cls)
        return made if function is None else made(function)


class enable_grad(no_grad):
    """Inside ``no_grad``, a block that is recorded after all.   torch: enable_grad"""

    enabled = True


class set_grad_enabled(GradMode):
    """Record or not, from now on or as a block.   torch: set_grad_enabled"""

    def __init__(self, mode):
        self.enabled = bool(mode)
        self.before = MODE.grad, MODE.inference
        MODE.grad = self.enabled

    def __call__(self, function):
        MODE.grad = self.before[0]
        return GradMode.__call__(self, function)

    def again(self):
        return set_grad_enabled(self.enabled)

    def __enter__(self):
        MODE.grad = self.enabled


class inference_mode(GradMode):
    """Like ``no_grad``; its tensors may not be used in recorded computations either.   torch: inference_mode"""

    def __new__(cls, mode=True):
        made = object.__new__(cls)
        made.enabled = made.inference = None
        if callable(mode):
            made.set(True)
            return made(mode)
        made.set(mode)
        return made

    def set(self, mode):
        self.enabled, self.inference = (False, True) if mode else (MODE.grad, False)

    def again(self):
        return inference_mode(self.inference)


def is_grad_enabled():
    """Whether gradients are recorded in this thread.   torch: is_grad_enabled"""
    return MODE.grad


def is_inference_mode_enabled():
    """Whether this thread is in an ``inference_mode`` block.   torch: is_inference_mode_enabled"""
    return MODE.inference
