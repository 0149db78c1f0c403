"""``minitorch explain``: a program is run, and what became of its compiled functions is told at the end."""

import sys
from pathlib import Path

import click

from ..compiling.calls import MADE
from .program import run_program, use_minitorch

__all__ = []


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--svg", "folder", type=click.Path(file_okay=False), help="Draw the memory plans into files in this folder.")
@click.option("--no-times", is_flag=True, help="Don't measure how long each kernel takes.")
@click.option("-m", "as_module", is_flag=True, help="SCRIPT is the name of a module, as after python -m.")
@click.argument("script")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def explain(folder, no_times, as_module, script, args):
    """Run a program as `minitorch run` does, and explain its compiled functions.

    At the end it prints for each function that the program gave to torch.compile: its kernels with the lines that they come
    from, their loops, sizes and times, the memory plan, and what runs eagerly or by NumPy and why.
    """
    use_minitorch()
    made: list = []
    MADE.append(made.append)
    try:
        code = run_program(script, args, as_module)
    except SystemExit as end:
        code = end.code
    MADE.remove(made.append)
    for number, compiled in enumerate(made):
        told = compiled.explain(not no_times)
        click.echo(f"\n{told}")
        for k, answer in enumerate(told.answers if folder else ()):
            for part in range(len(answer.parts)):
                Path(folder).mkdir(parents=True, exist_ok=True)
                Path(folder, f"{number}-{k}-{part}.svg").write_text(told.svg(k, part))
    if not made:
        click.echo("\nnothing was given to torch.compile")
    sys.exit(code)
