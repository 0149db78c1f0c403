"""Which kernel must run before which, and an order that keeps to it.

    needs    {kernel: those that must run before it}        first    {kernel: the number of its first step}
"""

__all__ = ["draws_before", "in_turn", "leads"]


def draws_before(kernels, first):
    """{kernel that draws: the one that draws before it, as it was recorded}: the generator goes on with each."""
    draws = sorted([k for k in kernels if any([step.row.kind == "random" for step in k.steps])], key=first.__getitem__)
    return dict(zip(draws[1:], draws))


def in_turn(kernels, needs, first):
    """The kernels in an order in which they can run: each as early as its first step was recorded, right behind what it needs.

    needs: kernel → those that must run before it.   first: kernel → the number of its first step.

    >>> in_turn("abc", {"a": {"c"}, "b": set(), "c": set()}, {"a": 0, "b": 1, "c": 2})
    ['c', 'a', 'b']
    """
    order, placed, waiting = [], set(), set()
    for kernel in sorted(kernels, key=first.__getitem__):
        todo = [kernel]
        while todo:
            missing = sorted(needs[todo[-1]] - placed, key=first.__getitem__, reverse=True)
            if missing and not waiting.isdisjoint(missing):
                raise ValueError(f"kernels need each other: {missing}")
            if missing:
                waiting.add(todo[-1])
                todo += missing
                continue
            done = todo.pop()
            waiting.discard(done)
            if done not in placed:
                placed.add(done)
                order.append(done)
    return order


def leads(needs, first, last):
    """Whether a kernel is needed by another, perhaps through others.

    >>> leads({"a": set(), "b": {"a"}, "c": {"b"}}, "a", "c")
    True
    """
    todo, seen = [last], {last}
    while first not in seen and todo:
        more = needs[todo.pop()] - seen
        seen |= more
        todo += more
    return first in seen
