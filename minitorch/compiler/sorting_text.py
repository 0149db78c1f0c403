"""An Ordering kernel as text: the rows argsort and topk_places along the last dim, given to native/sorting.py.

One text for each type of numbers: how many there are stands in the table, so all programs share its machine code.

torch: torch/_inductor/lowering.py has sort for GPUs, and calls what eager mode does otherwise
"""

from .. import primitives as rows
from ..native.mathematics import KINDS
from ..native.sorting import ELEMENT, WORDS, heaped, sorting_text
from ..native.target import SIZES
from .kernels import Native

__all__ = ["RANKING", "ordering", "ranks"]

RANKING = (rows.argsort, rows.topk_places)
"""Rows that give the places of numbers in order: their input must lie in order."""

WORTH_SHARING = 1 << 13
"""Numbers from which several threads are worth waking."""


def ranks(step):
    """Whether the compiler can write such a step."""
    (x,), dim = step.inputs, step.params[1 if step.row is rows.topk_places else 0]
    return x.ndim > 0 and dim % x.ndim == x.ndim - 1 and KINDS[x.dtype.name] in ELEMENT


def ordering(kernel, found, plan):
    """The Native kernel of an argsort or of topk_places."""
    (step,) = kernel.steps
    (x,), smallest = step.inputs, step.row is rows.topk_places
    n, k, kind, access = x.shape[-1], step.out.shape[-1], KINDS[x.dtype.name], found[x]
    lines = x.size // n
    descending, in_order = step.params[2:4] if smallest else (step.params[1], True)
    words = dict(zip(WORDS, (lines, n, k, -int(descending), int(not heaped(k, n)), int(in_order)), strict=True))
    start = access.offset * SIZES[kind]
    places = [plan.places[base] for base in (access.base, step.out)]
    grain = max(1, WORTH_SHARING // n)
    return Native(
        sorting_text(smallest, kind, start), places, lines, grain, lines > grain, 2 * n * ELEMENT[kind], "loops", kernel,
        numbers=tuple(words.values()),
    )  # fmt: skip
