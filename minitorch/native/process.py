"""A second process that compiles, since LLVM in one process does one thing at a time.

    our process        a text   ── standard input ──→
    the other one      emit.py, as a program of its own: Python and llvmlite, and nothing else of the library
                       an object ── standard output ─→

It is started by its file's name, so nothing that the user wrote runs in it; it has no file of ours open, and is in a group of
its own, so a Ctrl-C doesn't reach it. It ends when its input is closed, which the system does when we are gone, however that
came about. Started it is where Python can be: ``sys.executable`` may be a program that Python is a part of, and to start
that would be to start the user's program again.

torch: torch/_inductor/compile_worker/subproc_pool.py
"""

import os
import re
import signal
import sys
import threading

from . import emit
from .emit import received, send, versions

__all__ = ["Process"]

PYTHON = re.compile(r"python[\d.]*[a-z]?")
"""What a Python calls itself."""


def python():
    """The Python to start. OSError if there is none that is known to be one, or none can be started from here."""
    program = sys.executable or ""
    if not hasattr(os, "posix_spawn") or not os.path.isdir("/dev/fd"):
        raise OSError("processes start in another way here")
    if getattr(sys, "frozen", False) or not PYTHON.fullmatch(os.path.basename(program)):
        raise OSError(f"not known as a Python: {program}")
    if not os.path.isfile(emit.__file__):
        raise OSError(f"not a file: {emit.__file__}")
    return program


def pipes():
    """Two pipes, (to read, to write) each. OSError where one would be a standard stream, which the user closed."""
    made = [*os.pipe(), *os.pipe()]
    if min(made) <= 2:
        for pipe in made:
            os.close(pipe)
        raise OSError("no standard streams")
    return made


class Process:
    """The other process. Its methods are one thread's, but for ``kill``. OSError if it can't be started."""

    def __init__(self):
        import llvmlite

        folder, program = os.path.dirname(os.path.dirname(llvmlite.__file__)), python()
        theirs_in, self.questions, self.answers, theirs_out = pipes()
        self.turn, self.pid = threading.Lock(), None
        streams = [(os.POSIX_SPAWN_DUP2, theirs_in, 0), (os.POSIX_SPAWN_DUP2, theirs_out, 1)]
        streams += [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
        words = [program, "-I", "-S", emit.__file__, folder]  # without the user's variables and folders
        try:
            self.pid = os.posix_spawn(program, words, os.environ, file_actions=streams, setpgroup=0, setsigmask=())
        except OSError:
            self.end()
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)

    def greeted(self):
        """Wait until it can be asked. EOFError if it isn't what it should be."""
        if received(self.answers) != versions().encode():
            raise EOFError("another program, or another LLVM")

    def emitted(self, text, words, level):
        """The object of a text, as emit.py has it; None if LLVM refuses it. OSError or EOFError if the process is gone."""
        send(self.questions, "\0".join([level, *words, text]).encode())
        answer = received(self.answers)
        if answer is None:
            raise EOFError("it ended")
        return answer or None

    def kill(self):
        """End it, whatever it is at. Who waits for its answer then gets an EOFError."""
        with self.turn:
            if self.runs():
                os.kill(self.pid, signal.SIGKILL)

    def runs(self):
        """Whether it is still there: its number is nobody else's as long as nobody waited for it, as we do here."""
        try:
            ended = self.pid is None or os.waitpid(self.pid, os.WNOHANG)[0]
        except ChildProcessError:
            ended = True  # the user waits for all processes
        if ended:
            self.pid = None
        return not ended

    def end(self):
        """End it, and wait until it is gone."""
        self.kill()
        with self.turn:
            try:
                if self.pid is not None:
                    os.waitpid(self.pid, 0)
            except ChildProcessError:
                pass
            self.pid = None
        os.close(self.questions)
        os.close(self.answers)
