"""The command line: ``minitorch``, or ``python -m minitorch``. A file for each command, loaded when it is asked for."""

from importlib import import_module

import click

__all__ = ["main"]

COMMANDS = ("check", "compare", "convert", "explain", "inspect", "run")
"""Each is in the file of its name, under its name."""


class Commands(click.Group):
    """The commands above."""

    def list_commands(self, ctx):
        return COMMANDS

    def get_command(self, ctx, cmd_name):
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f".{cmd_name}", __name__), cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytorch-mini", prog_name="minitorch")
def main():
    """PyTorch, small enough to read: the same API, the same numbers."""
