"""Recompute: what follows quickly from a value that is kept anyway isn't kept as well.

    kernel 1  h = x + b;  e = erf(h);  y = h * e        keeps h and e for kernel 9, and y
    kernel 9  … e * g …                           →     keeps h; kernel 9 computes e = erf(h) once more

To fetch a number from memory costs as much as to compute a dozen, and what isn't kept needs no memory from the forward pass
to the backward pass. Only elementwise steps are repeated, and only where all that they need is kept, or read there anyway.

Who reads a value in another order, as a product does, can't compute it on the way. But if that is much later, a kernel that
reads all that is needed shortly before can lay it down anew:

    kernel 1  h = x + b;  y = gelu(h)                   keeps h and y
    kernel 2  product of y                              reads y, soon
    kernel 8  product of y                        →     reads y', after kernel 9
    kernel 9  … h …                                     computes y' = gelu(h) as well; and reads it, if it read y

Of a value of which only a part is read later, as of a recurrent layer's gates, that part alone is kept: who reads it soon copies it.

torch: torch/_functorch/partitioners.py (min_cut_rematerialization_partition)
"""

from .. import primitives as rows
from .access import Access, contiguous
from .dependencies import draws_before, leads
from .gather_scatter import TAKE
from .graph import Step, Value
from .kernels import Foreign, Loops, Member

__all__ = ["recompute"]

MOST = 12
"""Steps that are repeated for one value at most."""
SMALL, LEAST = 4096, 512
"""Elements from which on a value is worth it; and one that ``QUICK`` rows make, or a copy."""
QUICK = frozenset([rows.add, rows.sub, rows.mul, rows.neg, rows.where, rows.cast])
ROW = 4
"""By how many times fewer elements count as little beside a value: one number for each row, of rows of at least so many."""
LATER = 32
"""Steps of the graph between two uses of a value in which its memory is worth more than to compute it again."""


def recompute(kernels, found, graph, on_gpu=False):
    """(kernels, found): others, of which some repeat steps, so that fewer values go from kernel to kernel; not yet in order.

    on_gpu: where arithmetic is cheap, what is summed up is repeated too; and nothing is laid down anew, which saves memory only.

    >>> from minitorch.compiler.access import accesses
    >>> from minitorch.compiler.fuse import fuse
    >>> from minitorch.compiler.simplify import simplify
    >>> from minitorch.compiling.tracing import traced
    >>> from minitorch.compiler.writable import writable
    >>> graph = simplify(traced(lambda x, w: (x.exp() * 2 @ w) * x.exp() + x, torch.ones(64, 64), torch.ones(64, 64)))
    >>> found = accesses(graph, {})
    >>> kernels = fuse(graph, found, writable)
    >>> kernels
    [loops over (64, 64), reducing []: exp mul, product float32[64, 64], loops over (64, 64), reducing []: mul add]
    >>> recompute(kernels, found, graph)[0]
    [loops over (64, 64), reducing []: exp mul, product float32[64, 64], loops over (64, 64), reducing []: exp mul add]
    """
    kernels, found = [kernel.copy() for kernel in kernels], dict(found)
    kept = {found[x].base for x in (*graph.outputs, *[value for value, *_ in graph.checks])}
    readers: dict = {}
    for kernel in kernels:
        for step in kernel.steps:
            for x in step.reads:
                readers.setdefault(found[x].base, []).append((kernel, x, step))
    for kernel in kernels:
        if kernel.__class__ is Loops:
            spare = [x for x in kernel.outputs if x not in kept and spared(kernel, x, readers, on_gpu)]
            anchor(kernel, [x for x in spare if not on_gpu or borrowed(kernel, x, readers, found, on_gpu) is None], found)
            for value in spare if on_gpu else reversed(spare):
                repeat(kernel, value, readers, found, on_gpu)
    renewing = Renewing(kernels, found, graph)
    for kernel in () if on_gpu else kernels:
        if kernel.__class__ is Loops:
            for value in [x for x in kernel.outputs if x not in kept and x.size >= SMALL and x in renewing.number]:
                renewing.renew(kernel, value)
    for kernel in () if on_gpu else kernels:
        for value in [x for x in kernel.outputs if x not in kept and x.size >= min(SMALL, LEAST)]:
            renewing.trim(kernel, value)
    return kernels, found


def spared(kernel, value, readers, sums):
    """Whether all that read a value could compute it themselves."""
    outside = [(other, x, step) for other, x, step in readers.get(value, ()) if other is not kernel]
    return value.size >= min(SMALL, LEAST) and bool(outside) and all([
        other.__class__ is Loops and x is value and (whole(step, value) or (sums and adds_up(step, value, other)))
        for other, x, step in outside
    ])  # fmt: skip


def anchor(kernel, spare, found):
    """Keep one value more, if several others follow from it: the earliest that most follow from, in as few bytes as it can be had."""
    best, most = None, 1
    for member in kernel.members:
        value = member.step.out
        if value in kernel.outputs or not member.full or member.step.row.kind != "elementwise" or value.size < SMALL:
            continue
        kernel.outputs.append(value)
        count = len([x for x in spare if needed(kernel, x, found) is not None])
        kernel.outputs.remove(value)
        if count > most or (best is not None and count == most and value.dtype.itemsize < best.dtype.itemsize):
            best, most = value, count
    if best is not None and most > len([x for x in spare if needed(kernel, x, found) is not None]):
        kernel.outputs.append(best)


def repeat(kernel, value, readers, found, on_gpu):
    """Let the readers of a value compute it themselves, if what they need is kept, or can be had."""
    steps = needed(kernel, value, found)
    if steps is None:
        steps = borrowed(kernel, value, readers, found, on_gpu)
    if steps is None or (value.size < SMALL and not all([step.row in QUICK for step in steps])):
        return
    keep_rows(kernel, steps, found)
    outside = [(other, x, step) for other, x, step in readers.get(value, ()) if other is not kernel]
    for other in dict.fromkeys([other for other, *_ in outside]):
        bring_in(other, value, steps, readers, found)
    kernel.outputs.remove(value)
    readers[value] = [r for r in readers[value] if r[0] is kernel]


def whole(step, value):
    """Whether a step reads a value element by element."""
    return step.row is not TAKE and step.row.kind == "elementwise" and step.out.shape == value.shape


def adds_up(step, value, kernel):
    """Whether a step of a kernel takes the elements of a value together, one after the other."""
    return step.row.kind == "reduction" and kernel.shape == value.shape


def borrowed(kernel, value, readers, found, on_gpu):
    """The steps that make a value of anything that its kernel reads, and its readers as well: None if there is more that they had
    to fetch. On a GPU that may be less than it takes to write the value down, once, and to fetch that."""
    steps = needed(kernel, value, found, True)
    made = {m.step.out for m in kernel.members} - set(kernel.outputs)
    bases = {found[x].base for step in steps or () for x in step.reads} - made
    others = {other for other, *_ in readers[value] if other is not kernel}
    more = [x for other in others for x in bases - {found[y].base for step in other.steps for y in step.reads}]
    if not on_gpu:
        return None if any([x.size * ROW > value.size for x in more]) else steps
    dear = sum([x.size * x.dtype.itemsize for x in more]) >= (1 + len(others)) * value.size * value.dtype.itemsize
    return None if dear else steps


def needed(kernel, value, found, borrows=False):
    """The steps that make a value of others that its kernel keeps (or of single rows of numbers); None if there are too many.

    borrows: whether they may be of anything that its kernel reads.
    """
    members = {m.step.out: m for m in kernel.members}
    todo, steps = [value], {}
    while todo:
        x = todo.pop()
        member = members[x]
        if not member.full and x is not value and x.size * ROW <= value.size:
            continue  # one number for each row: it is kept as well
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
            elif base.size * ROW > value.size and not borrows:
                return None  # memory that nobody would keep otherwise
    return [m.step for m in kernel.members if m.step.out in steps]


def keep_rows(kernel, steps, found):
    """Keep what steps need that is one number for each row."""
    made = {m.step.out for m in kernel.members} - {step.out for step in steps}
    for base in [found[x].base for step in steps for x in step.reads]:
        if base in made and base not in kernel.outputs:
            kernel.outputs.append(base)


def copies_of(steps, found):
    """The same steps once more, with Values of their own: {the old Value: the step that makes its copy}."""
    copies: dict = {}
    for step in steps:
        out = Value(step.out.shape, step.out.dtype)
        found[out] = Access(out, out.shape, found[step.out].strides)
        inputs = [copies[x].out if x in copies else x for x in step.inputs]
        copies[step.out] = type(step)(step.row, inputs, step.params, out, step.line)
    return copies


def bring_in(kernel, value, steps, readers, found):
    """Members of a kernel that compute a value, before the first that reads it; the readers then read theirs."""
    first = next(k for k, m in enumerate(kernel.members) if value in m.step.inputs)
    reader, copies = kernel.members[first], copies_of(steps, found)
    labels = labels_of(value) if reader.step.row.kind == "reduction" else reader.labels
    for copy in copies.values():
        for x in copy.reads:
            readers.setdefault(found[x].base, []).append((kernel, x, copy))
    for member in kernel.members:
        if value in member.step.inputs:
            old = member.step
            member.step = old.having([copies[value].out if x is value else x for x in old.inputs])
            replace_reader(readers, found, kernel, old, member.step)
    kernel.members[first:first] = [Member(copy, labels, True) for copy in copies.values()]


def replace_reader(readers, found, kernel, old, new):
    """``new`` reads in the place of ``old``."""
    for x in old.reads:
        readers[found[x].base] = [r for r in readers[found[x].base] if r[2] is not old]
    for x in new.reads:
        readers.setdefault(found[x].base, []).append((kernel, x, new))


class Renewing:
    """Values that are laid down anew for those who read them much later.

    needs: kernel → those that must run before it.   readers: Value → the kernels that read its memory.
    """

    def __init__(self, kernels, found, graph):
        self.found, self.readers = found, {}
        self.number = {step.out: k for k, step in enumerate(graph.steps)}
        self.first = {k: min([self.number.get(step.out, len(graph.steps)) for step in k.steps]) for k in kernels}
        self.maker = {step.out: kernel for kernel in kernels for step in kernel.steps}
        self.needs, self.drawn = {}, draws_before(kernels, self.first)
        for kernel in kernels:
            self.note(kernel)

    def note(self, kernel):
        """What a kernel reads."""
        bases = {self.found[x].base for step in kernel.steps for x in step.reads}
        self.needs[kernel] = {self.maker.get(base) for base in bases} | {self.drawn.get(kernel)}
        self.needs[kernel] -= {None, kernel}
        for base in bases:
            self.readers.setdefault(base, set()).add(kernel)

    def in_order(self, kernels):
        return sorted(kernels, key=self.first.__getitem__)

    def renew(self, kernel, value):
        """Let a kernel that reads what a value follows from lay it down anew, for itself and for all that need it only then."""
        steps = needed(kernel, value, self.found, True)
        if steps is None:
            return
        inner = {m.step.out for m in kernel.members} - set(kernel.outputs)
        kept = {x for x in {self.found[x].base for step in steps for x in step.reads} - inner if x.size * ROW > value.size}
        hosts = set.intersection(*[self.readers.get(x, set()) for x in kept]) if kept else ()
        readers = self.in_order(self.readers.get(value, set()) - {kernel})
        for host in self.in_order([k for k in hosts if k is not kernel and self.fits(k, value)]):
            begin = self.first[host]
            late = [k for k in readers if k is host or (self.first[k] > begin - LATER and not leads(self.needs, k, host))]
            turn = max([self.number[value], *[self.first[k] for k in readers if k not in late]])
            if late != [host] * len(late) and begin - turn >= LATER and not any([k.__class__ is Foreign for k in late]):
                keep_rows(kernel, steps, self.found)
                return self.lay_down(host, value, steps, late)

    def fits(self, host, value):
        """Whether a kernel runs over a value's elements, and reads it in no other way."""
        if host.__class__ is not Loops or host.shape != value.shape:
            return False
        labels = labels_of(value)
        if any([self.found[x].base is value and not (x is value and whole(step, value)) for step in host.steps for x in step.reads]):
            return False
        return any([member.full and member.labels == labels and member.step.out.shape == value.shape for member in host.members])

    def trim(self, kernel, value):
        """Let a kernel that reads a part of a value soon copy it, if nothing else of it is read much later."""
        readers = self.in_order(self.readers.get(value, set()) - {kernel})
        early = [k for k in readers if self.first[k] < self.first[kernel] + LATER]
        late = [k for k in readers if k not in early]
        parts = list(dict.fromkeys([x for k in late for step in k.steps for x in step.reads if self.found[x].base is value]))
        places = {(self.found[x].shape, self.found[x].strides, self.found[x].offset) for x in parts}
        if len(places) != 1 or any([k.__class__ is Foreign for k in late]):
            return
        part = parts[0]
        if part.size * 2 > value.size:
            return
        for host in [k for k in early if k.__class__ is Loops]:
            member = next((m for m in host.members if m.full and part in m.step.inputs and whole(m.step, part)), None)
            if member is not None and not any([leads(self.needs, k, host) for k in late]):
                return self.copied(host, part, member.labels, late)

    def copied(self, host, part, labels, late):
        """A part of a value, copied by ``host`` for those that read it ``late``."""
        copy = Step(rows.copy, (part,), (), Value(part.shape, part.dtype), None)
        base, self.maker[copy.out] = self.found[part].base, host
        self.found[copy.out] = Access(copy.out, part.shape, contiguous(part.shape))
        host.members.append(Member(copy, labels, True))
        host.outputs.append(copy.out)
        self.read_instead(late, base, lambda x: copy.out)

    def lay_down(self, host, value, steps, late):
        copies = copies_of(steps, self.found)
        out = copies[value].out
        host.members[:0] = [Member(copy, labels_of(value), True) for copy in copies.values()]
        host.outputs.append(out)
        self.maker.update({copy.out: host for copy in copies.values()})
        self.read_instead(late, value, lambda x: self.seen(x, out))
        self.note(host)

    def read_instead(self, kernels, base, other):
        """Let kernels read ``other(x)`` where they read x, of the memory of ``base``."""
        for kernel in kernels:
            for k, step in enumerate(kernel.steps):
                seen = {x: other(x) for x in step.reads if self.found[x].base is base}
                if seen:
                    kernel.put(k, step.having([seen.get(x, x) for x in step.inputs]))
            self.readers[base].discard(kernel)
            self.note(kernel)

    def seen(self, x, out):
        """A Value that is to ``out`` what ``x`` is to the value that it stands for."""
        twin, access = Value(x.shape, x.dtype), self.found[x]
        self.found[twin] = Access(out, access.shape, access.strides, access.offset)
        return out if x.shape == out.shape and self.found[twin] == self.found[out] else twin


def labels_of(value):
    return tuple([None if n == 1 else d for d, n in enumerate(value.shape)])
