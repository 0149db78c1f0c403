"""Image: what a program needs to run, as plain numbers and names. It can be kept on disk, and says nothing of how it came about.

    table   kernel 0: its buffers, its numbers │ kernel 1 … │ the array objects of inputs and outputs │ where the checks lie
    arena   one block of memory for all that only the program sees

Of the table's entries some are places in the arena, some numbers; those are written once. What is left are the ids of the
arrays that come with each call, and the addresses of their data, which the main function finds (program.py).

torch: torch/_inductor/output_code.py (CompiledFxGraph)
"""

from dataclasses import dataclass

from .costs import estimate
from .graph import Graph
from .kernels import Native

__all__ = ["Image", "Parts", "laid"]

SHORT = 200_000
"""Nanoseconds: a program that takes less keeps Python's lock while it runs. Python itself lets others wait for 5 000 000."""


class Image:
    """size: of the arena, in bytes; words: of the table.   slots: (kind, number) of an input or output → the entry for its id.

    pointers, numbers: (entry, byte of the arena), (entry, number).   checks: (byte of the arena, name of the error, message).
    scratch: bytes that a thread needs; shared: whether any kernel is for several threads; short: whether all is done so soon
    that nobody should wait for it.   lent: (number of a result, byte of the arena where its array begins).   stretches: how many of
    native code there are; foreign: whether there is something for NumPy between them.
    """

    def __init__(self, size, words, pointers, numbers, slots, checks, lent, scratch, shared, short, stretches, foreign):
        self.size, self.words, self.pointers, self.numbers, self.slots = size, words, pointers, numbers, slots
        self.checks, self.lent, self.scratch, self.shared = checks, lent, scratch, shared
        self.short, self.stretches, self.foreign = short, stretches, foreign


class Laid:
    """An ``image``, and what the text of the program is written from.

    rows: the first entry of each kernel.   given: for each slot the entries that get the address of the data.   checked: the
    entries that say where the checks lie.   early: how many kernels run before these are looked at.
    """

    def __init__(self, image, rows, given, checked, early):
        self.image, self.rows, self.given, self.checked, self.early = image, rows, given, checked, early


@dataclass
class Parts:
    """What the stages made of a graph.   kernels: as texts, and those that NumPy runs.   laid: their Laid."""

    graph: Graph
    found: dict
    kernels: list
    plan: object
    laid: Laid


def laid(kernels, plan, found, graph):
    """How the table and the arena of a program are laid out.   kernels: Native ones, and Foreign ones between them."""
    native = [k for k in kernels if k.__class__ is Native]
    rows, count = [], 0
    for kernel in kernels:
        rows.append(count)
        count += len(kernel.buffers) + len(kernel.numbers) if kernel.__class__ is Native else 0

    pointers, numbers, slots, given = [], [], {}, {}
    for kernel, row in zip(kernels, rows):
        if kernel.__class__ is not Native:
            continue
        numbers += [(entry, number) for entry, number in enumerate(kernel.numbers, row + len(kernel.buffers))]
        for entry, place in enumerate(kernel.buffers, row):
            if place.kind == "arena":
                pointers.append((entry, place.at))
            else:
                slot = slots.setdefault((place.kind, place.at), count + len(slots))
                given.setdefault(slot, []).append(entry)

    checked = {count + len(slots) + k: plan.places[found[x].base].at for k, (x, *_) in enumerate(graph.checks)}
    pointers += checked.items()
    checks = [(at, error.__name__, message) for at, (_, error, message) in zip(checked.values(), graph.checks)]
    stretches = sum([k.__class__ is Native and (j == 0 or kernels[j - 1].__class__ is not Native) for j, k in enumerate(kernels)])
    early = sum([(k.kernel if k.__class__ is Native else k) in plan.early for k in kernels])
    words = count + len(slots) + len(checked) + 1
    scratch, shared = max([k.scratch for k in native], default=0), any([k.shared for k in native])
    short, foreign = not shared and estimate(graph) < SHORT, len(native) < len(kernels)
    lent = [(plan.places[x].at, at) for x, at in plan.lent.items()]
    image = Image(plan.size, words, pointers, numbers, slots, checks, lent, scratch, shared, short, stretches, foreign)
    return Laid(image, rows, given, list(checked), early)
