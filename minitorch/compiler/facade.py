"""What programs ask of PyTorch's compiler, in its call form: ``torch.compiler.…``.

What is asked here, compiling/calls.py answers to: ``STANCE`` says how compiled functions behave, ``COMPILED`` are those that
there are, and ``MODE.eager`` is on in this thread while a function runs that isn't to be compiled.

torch: torch/compiler, torch/_dynamo/decorators.py
"""

from contextlib import ContextDecorator
from functools import partial, wraps
from weakref import WeakSet

from ..absent import absent
from ..graph import CHANGES
from ..modes import MODE, tracer

__all__ = [
    "COMPILED", "STANCE", "allow_in_graph", "assume_constant_result", "cudagraph_mark_step_begin", "disable",
    "is_compiling", "is_dynamo_compiling", "is_exporting", "list_backends", "reset", "set_stance",
]  # fmt: skip

__getattr__ = absent(__name__)

STANCE = ["default"]
"""The one that holds, for all threads."""

STANCES = (
    "default", "force_eager", "eager_on_recompile", "fail_on_recompile", "eager_then_compile", "aot_eager_then_compile",
)  # fmt: skip

COMPILED = WeakSet()
"""Every compiled function: ``reset`` has each of them ``forget()`` its programs."""


def is_compiling():
    """Whether this run is being recorded, to become a program.   torch: compiler.is_compiling

    >>> torch.compiler.is_compiling()
    False
    """
    return tracer() is not None and not MODE.eager


def is_dynamo_compiling():
    """Whether this run is being recorded.   torch: compiler.is_dynamo_compiling"""
    return is_compiling()


def is_exporting():
    """No: ``torch.export`` isn't here.   torch: compiler.is_exporting"""
    return False


def disable(fn=None, recursive=True, *, reason=None):
    """A function that always runs eagerly, and what it calls too; so whatever calls it does, if that was to be compiled.

    Raises AssertionError for what can't be called, NotImplementedError for a module or a class.   torch: compiler.disable
    """
    if fn is None:
        return partial(disable, recursive=recursive, reason=reason)
    if not callable(fn):
        raise AssertionError(f"fn must be callable\ngot {type(fn).__name__}: pass a function")
    if isinstance(fn, type) or hasattr(fn, "_modules"):
        raise NotImplementedError("compiler.disable of a module or a class isn't here\ndecorate its forward")

    def eagerly(*args, **kwargs):
        recording, before = tracer(), MODE.eager
        if recording is not None:
            recording.interrupt(f"{getattr(fn, '__qualname__', type(fn).__name__)} isn't to be compiled")
        MODE.eager = before or recursive
        try:
            return fn(*args, **kwargs)
        finally:
            MODE.eager = before

    return wraps(fn)(eagerly) if hasattr(fn, "__name__") else eagerly


def allow_in_graph(fn):
    """The function itself: what it computes is recorded anyway. A list of functions gives a list.

    Raises AssertionError for what can't be called.   torch: compiler.allow_in_graph
    """
    if isinstance(fn, (list, tuple)):
        return [allow_in_graph(x) for x in fn]
    if not callable(fn):
        raise AssertionError(f"allow_in_graph expects a callable\ngot {type(fn).__name__}")
    return fn


def assume_constant_result(fn):
    """The function itself: a Python value that it gives is recorded as it was.   torch: compiler.assume_constant_result"""
    return fn


def reset():
    """Forget every program: compiled functions are recorded anew.   torch: compiler.reset"""
    for compiled in list(COMPILED):
        compiled.forget()


def cudagraph_mark_step_begin():
    """Nothing: what a program returns has memory of its own at each call.   torch: compiler.cudagraph_mark_step_begin"""


def list_backends(exclude_tags=("debug", "experimental")):
    """The compilers that ``torch.compile(backend=…)`` may name: there is one.   torch: compiler.list_backends"""
    return ["inductor"]


class set_stance(ContextDecorator):
    """How compiled functions behave from now on, in a block, or in the function that it decorates.

    "default"              as ``torch.compile`` says; "eager_then_compile" is the same, for every first call is eager
    "force_eager"          they run eagerly
    "eager_on_recompile"   programs that are there answer; what none of them fits runs eagerly
    "fail_on_recompile"    what none of them fits raises RuntimeError

    Raises RuntimeError for another stance, and within a compiled function.   torch: compiler.set_stance
    """

    def __init__(self, stance="default", *, skip_guard_eval_unsafe=False, force_backend=None):
        if force_backend is not None:
            if stance != "default":
                raise RuntimeError("non-default stance cannot have force_backend set")
            raise NotImplementedError("force_backend isn't here\nthere is one compiler: leave it out")
        if stance not in STANCES:
            raise RuntimeError(f"invalid torch.compile stance '{stance}'\nit is one of {', '.join(STANCES)}")
        self.stance, self.before = stance, STANCE[0]
        take(stance)

    def __call__(self, function):
        take(self.before)
        return super().__call__(function)

    def __enter__(self):
        take(self.stance)

    def __exit__(self, *exception):
        take(self.before)


def take(stance):
    """The stance that holds from here on: programs look around before they next answer, as after any change."""
    if is_compiling():
        raise RuntimeError("attempted to set_stance in a torch.compile region")
    STANCE[0] = stance
    CHANGES[0] += 1
