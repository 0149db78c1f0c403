"""The programs of test/programs, with each model compiled: they print what they print eagerly.

    python test/compiling/programs.py vae graph_convolution       # those; all of test/programs if none is named

A module that is called from outside of any other is answered by ``torch.compile`` of it, without a change to the program.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE.parent / "programs"
ROOT = HERE.parents[1]


def compile_models():
    """From now on each outermost call of a module is a compiled one."""
    from minitorch.compiling.calls import Compiled
    from minitorch.nn.module import Module

    plain, within = Module.__call__, []

    def call(self, *args, **kwargs):
        if within:
            return plain(self, *args, **kwargs)
        within.append(self)
        try:
            if "_as_program" not in self.__dict__:
                self.__dict__["_as_program"] = Compiled(lambda *args, **kwargs: plain(self, *args, **kwargs))
            return self.__dict__["_as_program"](*args, **kwargs)
        finally:
            within.pop()

    Module.__call__ = call


def printed(program, compiled):
    """(exit code, what a program prints)."""
    command = [sys.executable, __file__, "--inside"] if compiled else [sys.executable, "-m", "minitorch", "run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run([*command, str(PROGRAMS / f"{program}.py")], capture_output=True, text=True, env=environment, cwd=folder)
    return ended.returncode, ended.stdout if ended.returncode == 0 else ended.stderr[-2000:]


def main(names):
    sys.path[:0] = [str(PROGRAMS)]
    from test_programs import PROGRAMS as ROWS
    from test_programs import assert_alike

    wrong = 0
    for name in names or [row[0] for row in ROWS]:
        (_, expected), (code, got) = printed(name, False), printed(name, True)
        try:
            assert code == 0, got[-600:]
            assert_alike(expected, got, 1e-3)
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
