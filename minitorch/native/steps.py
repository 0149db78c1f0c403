"""Which steps of a formula over rows (``rowformula.py``) rest on which sums: what is to be known before what.

    t0 = amax(x)    t1 = x - t0    t2 = exp(t1)    t3 = sum(t2)    t4 = t2 / t3
    the maximum is known after one way along the row, the sum after two: t4 is found on the third
"""

__all__ = ["REDUCTIONS", "reductions", "rounds"]

REDUCTIONS = frozenset(["sum", "mean", "amax"])


def rounds(steps, operand):
    """How many loops must have ended before an operand is known everywhere in its row.

    >>> steps = ("sum", ("a0",)), ("div", ("a0", "t0")), ("amax", ("t1",))
    >>> [rounds(steps, t) for t in ("a0", "t1", "t2")]
    [0, 1, 2]
    """
    if operand.__class__ is not str or operand[0] != "t":
        return 0
    row, operands = steps[int(operand[1:])]
    return max([rounds(steps, x) for x in operands]) + (row in REDUCTIONS)


def reductions(steps, operands):
    """The steps that are reductions, among those that the operands need.

    >>> reductions((("sum", ("a0",)), ("div", ("a0", "t0"))), ["t1"])
    ['t0']
    """
    found, seen, todo = set(), set(), list(operands)
    while todo:
        operand = todo.pop()
        if operand.__class__ is str and operand[0] == "t" and operand not in seen:
            seen.add(operand)
            row, needed = steps[int(operand[1:])]
            todo += needed
            if row in REDUCTIONS:
                found.add(operand)
    return sorted(found, key=lambda t: int(t[1:]))
