"""``minitorch convert SOURCE TARGET``: a state dict from one file format to another."""

import os
import pickle

import click

from ..backends.npz import read_npz, write_npz
from ..creation import from_numpy
from ..engine import Tensor
from ..serialization import load, save
from ..serialization.replacing import replaced_when_complete
from ..serialization.safetensors import SafetensorError, load_file, save_file

__all__ = ["convert"]

PROBLEMS = (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, TypeError, KeyError, SafetensorError)
"""What reading and writing may raise; the text says what is wrong."""


@click.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False))
@click.argument("target", type=click.Path(dir_okay=False))
@click.option("--key", multiple=True, help="The part of a checkpoint to take, such as model. Repeat it to go deeper.")
@click.option("--strip", default="", help="A beginning to take off the names, such as module. or _orig_mod.")
@click.option("--copy-shared", is_flag=True, help="Give each tensor memory of its own, also those that share it.")
def convert(source, target, key, strip, copy_shared):
    """Write the tensors of SOURCE, by name, to TARGET. The formats are those of the names' ends:

    .safetensors, .npz, and for all others PyTorch's own.

    Of nested dicts the names are joined with dots. Nothing in SOURCE is run, and TARGET is replaced when it is complete.
    """
    try:
        tensors = renamed(flat(part(read(source), key)), strip)
        if copy_shared:
            tensors = {name: tensor.clone() for name, tensor in tensors.items()}
        if ending(target) == ".safetensors":
            tensors = {name: tensor if tensor.is_contiguous() else tensor.contiguous() for name, tensor in tensors.items()}
        write(tensors, target)
    except PROBLEMS as error:
        raise click.ClickException(f"{source}: {error}") from None
    click.echo(f"{target}: {len(tensors)} tensors")


def ending(path):
    return os.path.splitext(path)[1].lower()


def read(path):
    if ending(path) == ".safetensors":
        return load_file(path)
    if ending(path) == ".npz":
        return {name: from_numpy(array) for name, array in read_npz(path).items()}
    return load(path, map_location="cpu")


def write(tensors, path):
    if ending(path) == ".safetensors":
        save_file(tensors, path)
    elif ending(path) == ".npz":
        with replaced_when_complete(path) as file:
            write_npz(file, {name: tensor.detach().numpy() for name, tensor in tensors.items()})
    else:
        save(tensors, path)


def part(content, keys):
    """What lies under these keys."""
    for key in keys:
        if not isinstance(content, dict) or key not in content:
            there = ", ".join(map(str, content)) if isinstance(content, dict) else f"a {type(content).__name__}"
            raise ValueError(f"there is no {key!r} in it, but {there}")
        content = content[key]
    return content


def flat(content):
    """The tensors in nested dicts, by their names joined with dots. Raises ValueError where something else is."""
    if not isinstance(content, dict):
        raise ValueError(f"a dict of tensors is needed, but it is a {type(content).__name__}")
    found = [*leaves(content)]
    others = [name for name, value in found if not isinstance(value, Tensor)]
    if others:
        listed = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
        raise ValueError(f"these are no tensors: {listed}\nthe state dict may be a part of it: name that with --key")
    return unique(((name, tensor.detach()) for name, tensor in found), "two tensors have one name")


def leaves(content, prefix=""):
    for key, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def renamed(tensors, strip):
    pairs = ((name.removeprefix(strip), tensor) for name, tensor in tensors.items())
    return unique(pairs, f"without {strip!r} two tensors have one name")


def unique(pairs, problem):
    found = {}
    for name, tensor in pairs:
        if name in found:
            raise ValueError(f"{problem}: {name}")
        found[name] = tensor
    return found
