"""Together: small kernels that don't depend on each other are one launch.

    w1 = w1 - lr g1        1 block                      a launch of 1 + 49 + 49 blocks:
    w2 = w2 - lr g2       49 blocks             →           if (blockIdx.x < 1) { the first one's text }
    w3 = w3 - lr g3       49 blocks                         else { that of the others, part = (blockIdx.x - 1) / 49 }

To start a kernel takes as long as a small one runs, and a small one leaves most of a GPU idle. The updates of many parameters
are such kernels. A launch may run earlier than it stands if nothing between touches what it touches. Those that differ in
nothing but where their numbers lie share one text.

torch: torch/_inductor/codegen/triton_combo_kernel.py
"""

import re

from .kernels import Foreign
from .launches import Launch

__all__ = ["clash", "together", "touches"]

FEW = 2048
"""Blocks up to which a launch is small: with more of them, what is lost at its ends is little."""
MOST, FAR, POINTERS = 64, 64, 480
"""Kernels of one launch, how far ahead they are looked for, and how many pointers a launch may be given: 4096 bytes, or some less."""


def together(launches, found, plan, checked):
    """The launches, of which some are one.   checked: the Places that those read which write to inputs."""
    todo, made, known = list(launches), [], {}

    def touched(launch):
        if launch not in known:
            known[launch] = touches(launch, found, plan, checked)
        return known[launch]

    while todo:
        first, skipped = todo.pop(0), []
        group = [first]
        while small(first) and todo and len(group) < MOST and len(skipped) < FAR and todo[0].__class__ is not Foreign:
            other = todo.pop(0)
            fits = small(other) and other.block == first.block and sum([len(x.buffers) for x in (*group, other)]) <= POINTERS
            if fits and not any([clash(touched(other), touched(x)) for x in (*group, *skipped)]):
                group.append(other)
            else:
                skipped.append(other)
        todo = skipped + todo
        made.append(joined(group) if len(group) > 1 else first)
    return made


def small(launch):
    """Whether it is a nest's, in one row of few blocks, and needs no memory that others use too."""
    if launch.__class__ is not Launch or launch.nest is None or launch.partials:
        return False
    return launch.grid[0] <= FEW and launch.grid[1:] == (1, 1)


def touches(launch, found, plan, checked):
    """(what a launch reads, what it writes): (kind of place, first byte, last byte) each; an input or output as a whole."""
    kernel = launch.kernel if launch.__class__ is not Foreign else launch
    within = {step.out for step in kernel.steps} - set(kernel.outputs)
    reads = [found[x].base for step in kernel.steps for x in step.reads]
    read = [extent(x, found, plan) for x in reads if x not in within and x in plan.places]
    written = [extent(x, found, plan) for x in kernel.outputs if x in plan.places]
    if any([kind == "input" for kind, *_ in written]):
        read += [(place.kind, place.at, place.at + 8) for place in checked]
    if getattr(launch, "partials", 0):
        written.append(("partials", 0, 1))
    return read, written


def extent(x, found, plan):
    place, strides = plan.places[x], found[x].strides
    if place.kind != "arena":
        return place.kind, place.at, place.at + 1
    span = 1 + sum([(n - 1) * abs(s) for n, s in zip(x.shape, strides) if n])
    return place.kind, place.at, place.at + span * x.dtype.itemsize


def clash(one, other):
    """Whether one writes what the other reads or writes."""
    return any([
        a[0] == b[0] and a[1] < b[2] and b[1] < a[2]
        for mine, theirs in ((one[1], [*other[0], *other[1]]), (one[0], other[1])) for a in mine for b in theirs
    ])  # fmt: skip


def joined(group):
    """Several launches as one."""
    parameters, buffers, writes, body, blocks = [], [], [], [], 0
    alike: dict = {}
    for launch in group:
        alike.setdefault((tuple(launch.parameters), launch.body, launch.grid), []).append(launch)
    for parts in alike.values():
        starts = []
        for launch in parts:
            starts.append(len(buffers))
            parameters += [renamed(p, names_from(launch, len(buffers))) for p in launch.parameters]
            writes += [len(buffers) + k for k in launch.writes]
            buffers += launch.buffers
        text = branch(parts[0], starts, blocks)
        blocks += parts[0].grid[0] * len(parts)
        head = f"if (blockIdx.x < {blocks}) {{" if len(buffers) < sum([len(launch.buffers) for launch in group]) else "{"
        body.append(f"    {'else ' if body else ''}{head}\n{text}    }}\n")
    first = group[0]
    return Launch(parameters, "".join(body), buffers, (blocks, 1, 1), first.block, first.kernel, frozenset(writes), parts=tuple(group))


def names_from(launch, start):
    """The names of a launch's buffers, if others come before them."""
    return {f"b{k}": f"b{start + k}" for k in range(len(launch.buffers))}


def branch(launch, starts, blocks):
    """The text of one launch, or of several alike: the buffers of each begin at one of ``starts``, its blocks behind ``blocks``."""
    block = f"(blockIdx.x - {blocks})" if blocks else "blockIdx.x"
    if len(starts) == 1:
        return renamed(launch.body, names_from(launch, starts[0])).replace("blockIdx.x", block)
    each, lines = launch.grid[0], [f"        const int part = {block}{f' / {launch.grid[0]}' if launch.grid[0] > 1 else ''};\n"]
    for k, parameter in enumerate(launch.parameters):
        chosen = "".join([f"part == {n} ? b{start + k} : " for n, start in enumerate(starts[:-1])])
        lines.append(f"        {renamed(parameter, {f'b{k}': f'w{k}'})} = {chosen}b{starts[-1] + k};\n")
    names = {f"b{k}": f"w{k}" for k in range(len(launch.buffers))}
    return "".join([*lines, renamed(launch.body, names).replace("blockIdx.x", f"({block} % {each})")])


def renamed(text, names):
    return re.sub(r"\bb\d+\b", lambda match: names[match[0]], text)
