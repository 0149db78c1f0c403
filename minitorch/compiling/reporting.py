"""An Explanation as text."""

__all__ = ["report"]

MOST = 40
"""Rows of the table of memory: the largest values."""


def report(explanation):
    """The whole of it."""
    lines = [explanation.name, "=" * len(explanation.name)]
    for answer in explanation.answers:
        lines += ["", *of_answer(answer, explanation)]
    if explanation.eager:
        lines += ["", "runs eagerly"]
        for signature, why in explanation.eager:
            reason, *way = why.splitlines()[:2]
            lines += [f"  {signature}: {reason}", *[f"    {line}" for line in way]]
    if not explanation.answers and not explanation.eager:
        lines += ["", "it wasn't called yet"]
    return "\n".join(lines)


def of_answer(answer, explanation):
    yield f"program for {answer.signature}"
    kernels = sum([len(part.kernels) for part in answer.parts])
    yield f"  {answer.steps} recorded steps became {counted(kernels, 'kernel')}"
    if explanation.peaks:
        operations, moved = explanation.peaks
        threads = counted(explanation.threads, "thread")
        yield f"  this machine, {threads}: {number(operations)}FLOP/s, {number(moved)}B/s from memory"
    yield f"  recorded in {seconds(answer.tracing)}"
    yield f"  a call is looked at by {f'Python: {answer.slower}' if answer.slower else 'native code'}"
    for part in answer.parts:
        yield from ("", *of_part(part))


def of_part(part):
    """Of native code: when it was made, its kernels as a table, then one by one, and its memory."""
    if part.title:
        yield part.title
    stages = ", ".join([f"{stage} {seconds(time)}" for stage, time in part.stages.items()])
    objects = f"{part.cached} of {counted(part.cached + part.compiled, 'object')} from the cache on disk"
    yield f"  compiled in {seconds(sum(part.stages.values()))}: {stages}; {objects}"
    if part.seconds is not None:
        inside = sum([k.seconds or 0 for k in part.kernels])
        yield f"  a run takes {seconds(part.seconds)}{f', its kernels together {seconds(inside)}' if inside else ''}"
    foreign = [k for k in part.kernels if k.numpy]
    if foreign:
        yield f"  NumPy runs {len(foreign)} of them:"
        yield from [f"    kernel {k.number}, {k.rows[0]}: {k.numpy}" for k in foreign]
    if part.kernels:
        yield ""
        yield from table(part)
    for kernel in part.kernels:
        yield from ("", *of_kernel(kernel))
    yield from ("", *of_memory(part))


def table(part):
    yield f"  {'kernel':>6} {'time':>9} {'%':>5} {'of best':>8} {'FLOPs':>8} {'read':>8} {'written':>8}  what"
    total = sum([k.seconds or 0 for k in part.kernels]) or 1
    for k in part.kernels:
        timed = k.seconds is not None
        time, share = (seconds(k.seconds), f"{100 * k.seconds / total:.1f}") if timed else ("", "")
        best = f"{100 * k.share:.0f} %" if timed else ""
        sizes = " ".join([f"{number(n):>8}" for n in (k.flops, k.read, k.written)])
        yield f"  {k.number:>6} {time:>9} {share:>5} {best:>8} {sizes}  {'numpy: ' if k.numpy else ''}{shortened(' '.join(k.rows))}"


def of_kernel(kernel):
    yield f"  kernel {kernel.number}: {shortened(' '.join(kernel.rows), 90)}"
    yield from [f"    {place:<24}  {source}".rstrip() for place, source in kernel.lines]
    yield from [f"        {line}" for line in kernel.loop]


def of_memory(part):
    if not part.regions:
        yield "  memory: nothing lies between the kernels"
        return
    lying = counted(len(part.regions), "value")
    yield f"  memory: {lying} of {number(part.values)}B in an arena of {number(part.arena)}B"
    yield f"  {'start':>12} {'bytes':>12}  {'kernels':<11}  value"
    largest = sorted(sorted(part.regions, key=lambda r: -r.size)[:MOST], key=lambda r: (r.start, r.first))
    yield from [f"  {r.start:>12,} {r.size:>12,}  {f'{r.first} to {r.last}':<11}  {r.name}" for r in largest]
    if len(part.regions) > MOST:
        yield f"  and {len(part.regions) - MOST} smaller ones"


# -------------------------------------------------------------------------------------------------------------- words


def counted(n, word):
    return f"{n} {word}{'' if n == 1 else 's'}"


def shortened(text, width=60):
    return text if len(text) <= width else f"{text[: width - 1]}…"


def number(n):
    """A count with at most four digits.

    >>> number(999), number(12_345), number(3.2e9)
    ('999 ', '12.3 k', '3.2 G')
    """
    for unit in ("", "k", "M", "G"):
        if n < 1000 or unit == "G":
            return f"{n:.3g} {unit}" if n < 100 else f"{n:.0f} {unit}"
        n /= 1000


def seconds(s):
    """A time.

    >>> seconds(0.25), seconds(3.5e-5)
    ('250 ms', '35 us')
    """
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if s * factor >= 1 or unit == "us":
            return f"{s * factor:.3g} {unit}"
