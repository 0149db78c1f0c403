"""A program run as Python itself runs it: as ``__main__``, with its own arguments, path and exit code."""

import atexit
import builtins
import importlib.util
import os
import signal
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

from ..absent import remark
from ..standing_in import FOLDER

__all__ = ["run_program", "use_minitorch"]

ROOT = str(Path(__file__).parents[2])
BEFORE_THE_PROGRAM = (__file__, "<frozen", importlib.util.__file__)
"""Files whose frames lie between Python's start and the program's own."""


class CannotRun(Exception):
    """Why there is nothing to run, as Python words it, and its exit code for that."""

    def __init__(self, text, code=1):
        super().__init__(f"{sys.executable}: {text}")
        self.code = code


def use_minitorch():
    """From now on ``import torch`` gives minitorch, here and in worker processes."""
    first = 0 if sys.flags.safe_path else 1  # where Python hasn't put the program's place, or this command's instead
    if ROOT in sys.path[:first] and ROOT not in sys.path[first:]:
        sys.path.append(ROOT)  # we were found in the entry that is about to become the program's
    sys.path.insert(first, FOLDER)


def run_program(target, args=(), as_module=False):
    """Run a script, a folder or zip file with a ``__main__.py``, "-" for standard input, or a module by its name.

    Returns the exit code. As in Python, SystemExit passes, and any other exception is printed: without the frames that
    lie before the program's.
    """
    main = ModuleType("__main__")
    vars(main).update(__builtins__=builtins, __cached__=None)
    sys.modules["__main__"], sys.argv[:] = main, [target, *args]
    interrupts = []
    atexit.register(end_by_interrupt, interrupts)  # before the program's own: it is the last to be called
    try:
        exec(code_of(target, as_module, main), vars(main))
    except SystemExit:
        raise
    except CannotRun as error:
        print(error, file=sys.stderr)
        return error.code
    except BaseException as error:
        report(error)
        interrupts += [error] * isinstance(error, KeyboardInterrupt)
        return 1
    return 0


# ------------------------------------------------------------------------------------------------------ what is to be run


def code_of(target, as_module, main):
    """The code, with ``main`` and the path made as it expects them."""
    if as_module:
        return code_of_module(target, main)
    if target == "-":
        use_path("")
        return compile(sys.stdin.buffer.read(), "<stdin>", "exec")
    path = os.path.join(os.getcwd(), target)
    spec = PathFinder.find_spec("__main__", [path])
    if spec is not None:  # in a folder or a zip file
        use_path(path)
        return code_of_spec(spec, main)
    return code_of_script(path, main)


def code_of_script(path, main):
    if os.path.isdir(path):
        raise CannotRun(f"can't find '__main__' module in {path!r}")
    loader = SourceFileLoader("__main__", path)
    try:
        source = loader.get_data(path)
    except OSError as error:
        raise CannotRun(f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}", 2) from None
    use_path(os.path.dirname(os.path.realpath(path)))
    main.__file__, main.__loader__ = path, loader
    return loader.source_to_code(source, path)


def code_of_module(name, main):
    use_path(os.getcwd())
    spec = spec_of(name)
    if spec.submodule_search_locations is not None:
        spec = spec_of(f"{name}.__main__", f"; {name!r} is a package and cannot be directly executed")
    sys.argv[0] = spec.origin
    return code_of_spec(spec, main)


def spec_of(name, explanation=""):
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        text = f"Error while finding module specification for {name!r} ({type(error).__name__}: {error})"
        raise CannotRun(text) from None
    if spec is None:
        raise CannotRun(f"No module named {name}{explanation}")
    return spec


def code_of_spec(spec, main):
    main.__spec__, main.__loader__, main.__package__ = spec, spec.loader, spec.parent
    main.__file__, main.__cached__ = spec.origin, spec.cached
    code = spec.loader.get_code(spec.name)
    if code is None:
        raise CannotRun(f"No code object available for {spec.name}")
    return code


def use_path(place):
    """``place`` instead of where this command line came from."""
    if not sys.flags.safe_path:
        sys.path[0] = place


# ----------------------------------------------------------------------------------------------------------- how it ended


def report(error):
    """Print an exception that the program didn't catch, by its own hook if it has set one."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(BEFORE_THE_PROGRAM):
        trace = trace.tb_next
    said = remark(error)
    if said is not None:
        error.add_note(said)
    sys.excepthook(type(error), error.with_traceback(trace), trace)


def end_by_interrupt(interrupts):
    """If the program was interrupted, end as Python then ends: by the signal itself, so that a shell's loop stops too."""
    if interrupts:
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
