"""``minitorch run``: any PyTorch program, unchanged."""

import sys

import click

from .program import run_program, use_minitorch

__all__ = []


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-m", "as_module", is_flag=True, help="SCRIPT is the name of a module, as after python -m.")
@click.argument("script")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def run(as_module, script, args):
    """Run a PyTorch program: `import torch` gives minitorch.

    SCRIPT is a file, a folder or zip file with a __main__.py, or - for standard input; ARGS are its own. All else is as if
    Python ran it: __main__, sys.path, the exit code, a traceback. PyTorch need not be installed; where it is, it isn't
    touched. Worker processes get minitorch too.
    """
    use_minitorch()
    sys.exit(run_program(script, args, as_module))
