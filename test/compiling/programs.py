"""The programs of test/programs, with each model compiled: they print what they print eagerly.

    python test/compiling/programs.py vae graph_convolution       # those; all of test/programs if none is named

A module that is called from outside of any other is answered by ``torch.compile`` of it, without a change to the program.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from weakref import WeakKeyDictionary

HERE = Path(__file__).parent
PROGRAMS = HERE.parent / "programs"
ROOT = HERE.parents[1]


def compile_models():
    """From now on each outermost call of a module is a compiled one."""
    from minitorch.compiling.calls import Compiled
    from minitorch.nn.module import Module

    plain, within, programs = Module.__call__, [], WeakKeyDictionary()  # not in the modules, which some programs store

    def call(self, *args, **kwargs):
        if within:
            return plain(self, *args, **kwargs)
        within.append(self)
        try:
            if self not in programs:
                programs[self] = Compiled(lambda *args, **kwargs: plain(self, *args, **kwargs))
            return programs[self](*args, **kwargs)
        finally:
            within.pop()

    Module.__call__ = call


def printed(program, commands, compiled):
    """(exit code, what a program prints that is run with each of the commands' arguments, in one folder)."""
    command = [sys.executable, __file__, "--inside"] if compiled else [sys.executable, "-m", "minitorch", "run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    said = ""
    with tempfile.TemporaryDirectory() as folder:
        for words in commands:
            whole = [*command, str(PROGRAMS / f"{program}.py"), *words.split()]
            ended = subprocess.run(whole, capture_output=True, text=True, env=environment, cwd=folder)
            if ended.returncode:
                return ended.returncode, ended.stderr[-2000:]
            said += ended.stdout
    return 0, said


def main(names):
    sys.path[:0] = [str(PROGRAMS)]
    from test_programs import PROGRAMS as ROWS
    from test_programs import assert_alike

    wrong = 0
    for name, commands, tolerance in [row for row in ROWS if not names or row[0] in names]:
        (_, expected), (code, got) = printed(name, commands, False), printed(name, commands, True)
        try:
            assert code == 0, got[-600:]
            assert_alike(expected, got, max(tolerance, 1e-3))
            print(f"{name:24} agrees", flush=True)
        except AssertionError as error:
            wrong += 1
            print(f"{name:24} DIFFERS: {error}", flush=True)
    return wrong


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        from minitorch.cli.program import run_program, use_minitorch

        use_minitorch()
        compile_models()
        sys.exit(run_program(sys.argv[2], sys.argv[3:]))
    sys.exit(main(sys.argv[1:]))
