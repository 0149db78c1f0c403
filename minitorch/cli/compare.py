"""``minitorch compare script.py``: run it under PyTorch and under minitorch, and tell the first tensor that differs."""

import json
from importlib.util import find_spec

import click

from ..compare import Allowed
from ..compare import compare as compared

__all__ = ["compare"]


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--seed", default=0, show_default=True, help="Seeds torch, random and numpy before the script starts.")
@click.option("--rtol", type=float, help="Relative tolerance [default: 3e-5 for float32, and more by each step]")
@click.option("--atol", type=float, help="Absolute tolerance [default: a tenth of that]")
@click.option("--ulp", type=int, help="Instead of both: at most so many units in the last place.")
@click.option("--limit", default=2048, show_default=True, help="Megabytes that a record may take.")
@click.option("--copy", is_flag=True, help="Run in copies of the current folder, so that no run finds another's files.")
@click.option("--no-time", is_flag=True, help="Don't run it once more under each for the time.")
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON.")
@click.argument("script", type=click.Path(exists=True, dir_okay=False))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def compare(ctx, seed, rtol, atol, ulp, limit, copy, no_time, as_json, script, arguments):
    """Run SCRIPT under PyTorch and under minitorch; tell the first tensor that differs, or that all agree.

    Exit code 0: they agree. 1: they differ. 2: the script failed under one of them.
    """
    if find_spec("torch") is None:
        raise click.UsageError("PyTorch is not installed, and it is one side of the comparison: pip install torch")
    outcome = compared(
        script, arguments, seed=seed, allowed=Allowed(rtol, atol, ulp), limit=limit * 2**20, copy=copy, timed=not no_time,
        told=lambda text: click.echo(text, err=True),
    )  # fmt: skip
    click.echo(json.dumps(outcome.data(), indent=2) if as_json else outcome.text())
    ctx.exit(outcome.code)
