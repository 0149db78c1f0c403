"""What a run takes from Python, or gives to it, that a replay wouldn't take or give again.

    if random.random() < 0.5: x = x.flip(0)        a number drawn by Python or NumPy
    x, y = next(batches)                           an iterator that is one further now
    scale = time.time() - begin                    the time
    scale = float(open(path).read())               what is in a file
    return {1, 2}                                  an object made at each call

Such a function runs eagerly. Draws of this library's own generators are inputs of a program, and need none of this.
"""

import io
import os
import pickle
import random
import sys
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import date
from enum import Enum
from types import AsyncGeneratorType, CoroutineType, FunctionType

from ..compiler.trace import PACKAGE
from ..compiler.traced_numbers import is_tool
from ..dtypes import get_default_dtype
from ..modes import MODE
from .tree import PLAIN, containers, flattened, others
from .watching import ARRAY, ours, settled, settled_file

__all__ = ["Chances", "given_back", "made_anew"]

ANEW = (set, bytearray, deque, ARRAY, CoroutineType, AsyncGeneratorType)
"""What can be changed by whoever got it, or used up: a second call must not give the same one."""


CLOCKS = frozenset([x for name, x in vars(time).items() if callable(x) and name.startswith((
    "time", "perf_counter", "monotonic", "process_time", "thread_time", "localtime", "gmtime", "ctime", "asctime", "strftime"
))])  # fmt: skip
"""Functions that tell the time."""

NOW = ("now", "utcnow", "today")
"""Those of dates that do."""

OUTSIDE = {os.urandom: "it asks the system for random numbers", open: "it opens a file", input: "it asks for a line of text"}
"""Functions that no program calls, and why."""

WARY = frozenset([
    "time", "secrets", "uuid", "datetime", "urandom", "SystemRandom", "open", "input", "pathlib", "posix", "nt", "load",
])  # fmt: skip
"""Names of files and functions: where none is said, and nothing of theirs reached, none of the above is called."""

WITHIN = tuple([os.path.join(PACKAGE, part) for part in ("backends", "native", "compiler", "compiling")])
"""Where our own files open others for their own ends."""


def takes(frame, function):
    """Why a builtin function that is called in a frame gives something else each time; None if it doesn't, or the user's code didn't ask.

    Who logs is told the time by Python's own ``logging``, and who counts by a progress bar: that is no concern of the step.
    """
    owner = getattr(function, "__self__", None)
    if function in CLOCKS or (function.__name__ in NOW and isinstance(owner, type) and issubclass(owner, date)):
        file = frame.f_code.co_filename
        return None if settled_file(file) or file.startswith(PACKAGE) else "it asks for the time"
    if function not in OUTSIDE:
        return None
    while frame is not None and is_tool(frame.f_code.co_filename):
        frame = frame.f_back
    return None if frame is None or frame.f_code.co_filename.startswith(WITHIN) else OUTSIDE[function]


class Chances:
    """Python's and NumPy's generators of random numbers, and those that a Watch reaches, the modes, and what a call is ``given``, as
    they are before a run.

    takes: the function of that name, if anything of the sort is in sight; else None.
    """

    def __init__(self, watch, given):
        things, self.given, self.arguments, self.modes = watch.kept, given, seen_now(given), modes()
        self.takes = takes if watch.wary(WARY) else None
        self.generators = [x for x in things if isinstance(x, random.Random) or type(x).__module__.startswith("numpy.random")]
        self.generators = [x for x in self.generators if not isinstance(x, random.SystemRandom)]  # it has no state
        self.iterator = next((x for x in things if steps(x)), None)
        self.before = self.states()

    def states(self):
        numpy = sys.modules.get("numpy.random")  # who hasn't loaded it can't have drawn from it
        theirs = numpy and numpy.get_state(legacy=False)
        return [random.getstate(), *[pickle.dumps(x) for x in (theirs, *self.generators)]]

    def taken(self):
        """What the run took that the next one would find otherwise, in words; or None."""
        if self.iterator is not None:
            return f"it reaches a {type(self.iterator).__name__}, which may give something else each time"
        if modes() != self.modes:
            return "it leaves another mode, as of gradients, or another default dtype than it found"
        if seen_now(self.given) != self.arguments:
            return "it changes a list, a dict or an object that it is given"
        return None if self.states() == self.before else "it draws from a generator of random numbers that isn't torch's"


def modes():
    return MODE.grad, MODE.inference, MODE.autocast, get_default_dtype()


def seen_now(given):
    """What is in arguments: their form, which tensors they hold, and what attributes somebody gave to these."""
    tensors, form = flattened(given)
    return form, [*map(id, tensors)], [dict(vars(x)) for x in tensors]


def steps(thing):
    """Whether something is an iterator that moves on unseen; of a class of the user's own, attributes are watched."""
    if not isinstance(thing, Iterator) or isinstance(thing, io.IOBase):
        return False
    return ours(type(thing)) or settled(type(thing))


def made_anew(form, seen):
    """A word for something among the results that a run makes and that a second call must not give again; or None.

    seen: ids of what was there before the run.
    """
    for x in others(form):
        cls = type(x)
        if x is defaultdict:
            return "it returns a defaultdict that it makes"
        lasts = cls in PLAIN or isinstance(x, (Enum, FunctionType, type)) or ours(cls) or settled(cls)
        if id(x) not in seen and (isinstance(x, ANEW) or steps(x) or not lasts):
            return f"it returns a {cls.__name__} that it makes"
    return None


def given_back(result, given, seen):
    """A word for a list, a dict or the like that a run returned and that was there before; or None. A replay would return another one.

    given: the arguments.   seen: ids of what else was there.
    """
    known = seen | {id(x) for x in containers(given)}
    for x in containers(result):
        if id(x) in known:
            return f"it returns a {type(x).__name__} that it was given, or that it holds"
    return None
