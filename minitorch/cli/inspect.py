"""``minitorch inspect FILE``: the tensors in a file, by name, without reading them."""

import json
import pickle
from collections import Counter

import click

from ..serialization.describing import describe
from ..serialization.safetensors import SafetensorError

__all__ = ["inspect"]

UNITS = ("bytes", "KB", "MB", "GB", "TB")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(file, as_json):
    """List the tensors in FILE: names, types, shapes and sizes, and which of them share memory.

    FILE is what torch.save wrote, in the zip format or the older one, or a .safetensors or .npz file. Only its pickle or
    headers are read, and nothing in it is run.
    """
    try:
        found = describe(file)
    except (pickle.UnpicklingError, RuntimeError, EOFError, SafetensorError) as error:
        raise click.ClickException(f"{file}: {error}") from None
    click.echo(as_object(found) if as_json else "\n".join(lines(file, found)))


def as_object(found):
    tensors = [entry._asdict() for entry in found.tensors]
    total = sum(found.memories.values())
    return json.dumps({**found._asdict(), "tensors": tensors, "total_bytes": total}, indent=1)


def lines(file, found):
    """What is printed."""
    yield f"{file}: {found.format}"
    for name, text in found.metadata.items():
        yield f"  {name}: {text}"

    users = Counter(entry.memory for entry in found.tensors)
    rows = [
        (entry.name or "(the file's only object)", entry.dtype, str(entry.shape), size(entry.nbytes), shares(entry, users))
        for entry in found.tensors
    ]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip()

    for name, text in found.values.items():
        yield f"{name} = {text}" if name else text
    memories = count(len(found.memories), "memory", "memories")
    yield f"{count(len(found.tensors), 'tensor', 'tensors')}, {size(sum(found.memories.values()))} in {memories}"


def shares(entry, users):
    return f"in memory {entry.memory}, with {users[entry.memory] - 1} more" if users[entry.memory] > 1 else ""


def count(number, one, many):
    return f"{number} {one if number == 1 else many}"


def size(number):
    """A number of bytes, as "1.5 MB"."""
    power = min(max(number.bit_length() - 1, 0) // 10, len(UNITS) - 1)
    return count(number, "byte", "bytes") if power == 0 else f"{number / 1024**power:.1f} {UNITS[power]}"
