"""What is said of a compiled function: what it is called, where it stands, and what to do about one that runs eagerly."""

import re
from functools import partial

from .state_threading import unthreaded

__all__ = ["advised", "named", "place_of", "recompiled"]

PLACED = re.compile(r", in .+:\d+")
"""A reason that names a line."""

WAYS = {
    " looks at a tensor's values": "a program can't ask Python in between: choose by torch.where, or return it and look outside",
    "it changes ": "a program wouldn't change it again: keep it in a tensor, or change it outside the function",
    "it draws from a generator of random numbers": "draw by torch.rand, or pass the number as an argument",
    "it asks for the time": "a program would have the time of its recording: pass it as an argument",
    "it returns a ": "return tensors and numbers, in tuples, lists or dicts that it makes; and compile a module, not its class",
    " signatures": "each shape is a program, and each mode: pad to a few shapes, or compile a function for each kind of call",
}
"""Words of a reason → what to do."""


def advised(why, function):
    """A reason, with the function's place if it names no line, and below it what to do, if that is known.

    >>> print(advised("it asks for the time, in train.py:3", None))
    it asks for the time, in train.py:3
    a program would have the time of its recording: pass it as an argument
    """
    if "\n" in why:
        return why
    told = why if PLACED.search(why) else f"{why}, {place_of(function)}"
    return "\n".join([told, *[way for words, way in WAYS.items() if words in why][:1]])


def own(function):
    """The user's own function, behind a ``partial`` of it too."""
    function = unthreaded(function)
    while function.__class__ is partial:
        function = function.func
    return function


def named(function):
    """What a function is called, or the class of an object."""
    function = own(function)
    return getattr(function, "__qualname__", type(function).__qualname__)


def code_of(function):
    """The code that a call runs, or that makes an object of a class; None if it isn't Python's."""
    function = own(function)
    kind, default = (function, "__init__") if isinstance(function, type) else (type(function), "__call__")
    called = getattr(kind, "forward", getattr(kind, default))
    return getattr(function, "__code__", None) or getattr(called, "__code__", None)


def place_of(function):
    """Where a function is defined, as words."""
    code = code_of(function)
    return f"in {named(function)}" if code is None else f"in {code.co_filename}:{code.co_firstlineno}"


def recompiled(function):
    """What is raised where no program fits and none may be made."""
    code = code_of(function)
    file, name, line = ("", named(function), 0) if code is None else (code.co_filename, code.co_name, code.co_firstlineno)
    return (
        f"Detected recompile when torch.compile stance is 'fail_on_recompile'. filename: '{file}', "
        f"function name: '{name}', line number: {line}\n"
        "call it as often as it takes before the stance is set: the third call with a signature is answered by a program"
    )
