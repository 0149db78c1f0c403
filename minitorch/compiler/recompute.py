"""Recompute: what follows quickly from a value that is kept anyway isn't kept as well.

    kernel 1  h = x + b;  e = erf(h);  y = h * e        keeps h and e for kernel 9, and y
    kernel 9  … e * g …                           →     keeps h; kernel 9 computes e = erf(h) once more

To fetch a number from memory costs as much as to compute a dozen, and what isn't kept needs no memory from the forward pass
to the backward pass. Only elementwise steps are repeated, and only where all that they need is there.

torch: torch/_functorch/partitioners.py (min_cut_rematerialization_partition)
"""

from .graph import Value
from .kernels import Loops, Member
from .places import TAKE

__all__ = ["recompute"]

MOST = 12
"""Steps that are repeated for one value at most."""
SMALL = 4096
"""Elements up to which a value isn't worth it."""


def recompute(kernels, found, graph):
    """The kernels, some of which repeat steps of others, so that fewer values go from kernel to kernel."""
    kept = {found[x].base for x in (*graph.outputs, *[value for value, *_ in graph.checks])}
    readers: dict = {}
    for kernel in kernels:
        for step in kernel.steps:
            for x in step.reads:
                readers.setdefault(found[x].base, []).append((kernel, x, step))
    for kernel in kernels:
        if kernel.__class__ is Loops:
            spare = [x for x in kernel.outputs if x not in kept and spared(kernel, x, readers)]
            anchor(kernel, spare, found)
            for value in reversed(spare):
                repeat(kernel, value, readers, found)
    return kernels


def spared(kernel, value, readers):
    """Whether all that read a value could compute it themselves."""
    outside = [(other, x, step) for other, x, step in readers.get(value, ()) if other is not kernel]
    return value.size >= SMALL and bool(outside) and all([
        other.__class__ is Loops and x is value and whole(step, value) for other, x, step in outside
    ])  # fmt: skip


def anchor(kernel, spare, found):
    """Keep one value more, if several others follow from it: the earliest that most follow from."""
    best, most = None, 1
    for member in kernel.members:
        value = member.step.out
        if value in kernel.outputs or not member.full or member.step.row.kind != "elementwise" or value.size < SMALL:
            continue
        kernel.outputs.append(value)
        count = len([x for x in spare if needed(kernel, x, found) is not None])
        kernel.outputs.remove(value)
        if count > most:
            best, most = value, count
    if best is not None and most > len([x for x in spare if needed(kernel, x, found) is not None]):
        kernel.outputs.append(best)


def repeat(kernel, value, readers, found):
    """Let the readers of a value compute it themselves, if what they need is kept."""
    steps = needed(kernel, value, found)
    if steps is None:
        return
    outside = [(other, x, step) for other, x, step in readers.get(value, ()) if other is not kernel]
    for other in dict.fromkeys([other for other, *_ in outside]):
        bring_in(other, value, steps, readers, found)
    kernel.outputs.remove(value)
    readers[value] = [r for r in readers[value] if r[0] is kernel]


def whole(step, value):
    """Whether a step reads a value element by element."""
    return step.row is not TAKE and step.row.kind == "elementwise" and step.out.shape == value.shape


def needed(kernel, value, found):
    """The steps that make a value of others that its kernel keeps (or of single rows of numbers); None if there are too many."""
    members = {m.step.out: m for m in kernel.members}
    todo, steps = [value], {}
    while todo:
        x = todo.pop()
        member = members[x]
        if not member.full or member.step.row.kind != "elementwise" or len(steps) == MOST:
            return None
        steps[x] = member.step
        for y in member.step.reads:
            base = found[y].base
            if base in steps or (base in kernel.outputs and base is y and base is not value):
                continue
            if base in members:
                if base is not y:
                    return None
                todo.append(base)
            elif base.size * 4 > value.size:
                return None  # memory that nobody would keep otherwise
    return [m.step for m in kernel.members if m.step.out in steps]


def bring_in(kernel, value, steps, readers, found):
    """Members of a kernel that compute a value, before the first that reads it; the readers then read theirs."""
    first = next(k for k, m in enumerate(kernel.members) if value in m.step.inputs)
    labels, same, made = kernel.members[first].labels, {}, []
    for step in steps:
        out = Value(step.out.shape, step.out.dtype)
        found[out] = type(found[step.out])(out, out.shape, found[step.out].strides)
        copy = type(step)(step.row, [same.get(x, x) if x.__class__ is Value else x for x in step.inputs], step.params, out, step.line)
        for x in copy.reads:
            readers.setdefault(found[x].base, []).append((kernel, x, copy))
        same[step.out] = out
        made.append(Member(copy, labels, True))
    for member in kernel.members:
        if value in member.step.inputs:
            old = member.step
            member.step = old.having([same[value] if x is value else x for x in old.inputs])
            replace_reader(readers, found, kernel, old, member.step)
    kernel.members[first:first] = made


def replace_reader(readers, found, kernel, old, new):
    """``new`` reads in the place of ``old``."""
    for x in old.reads:
        readers[found[x].base] = [r for r in readers[found[x].base] if r[2] is not old]
    for x in new.reads:
        readers.setdefault(found[x].base, []).append((kernel, x, new))


