"""A formula of a composite, computed by the table's rows, strip by strip: what lies between is never there as a whole.

    for a few rows at a time     every step of the formula on these, then their part of the result

torch: nothing of its own; TensorIterator cuts up what it goes through in the same way
"""

from ..table import TABLE

__all__ = ["in_strips"]

STRIP = 1 << 16
"""Numbers of a matrix that are taken at a time, if a row isn't longer: from so many on the backend has kernels for single rows."""

REDUCTIONS = ("sum", "mean", "amax")


def in_strips(xp, formula, arrays, shape, grid):
    """What a formula (native/rowformula.py) gives for arrays: (what each is, steps, result, what that is).

    shape: that of its matrices; grid: (parts, rows, columns) of them, or None where no row is summed over.
    """
    kinds, steps, result, to = formula
    parts, count, columns = grid or (1, arrays[kinds.index("matrix")].size, 1)
    layouts = {"matrix": (parts, count, columns), "row": (1, 1, columns), "column": (1, count, 1)}
    arrays = [x.reshape(layouts[kind]) for x, kind in zip(arrays, kinds, strict=True)]
    dtype = xp.dtype_of(arrays[0])
    out = xp.full((1, 1, columns), 0, dtype) if to == "total" else xp.empty(layouts[to], dtype)
    steps, strip = needed(steps, result), max(1, STRIP // (parts * columns))
    for start in range(0, count, strip):
        here = slice(start, start + strip)
        wide = parts, min(strip, count - start), columns
        known = {f"a{k}": x if kind == "row" else x[:, here] for k, (x, kind) in enumerate(zip(arrays, kinds, strict=True))}
        known["inverse"] = 1 / (parts * columns)
        for made, name, operands, ending in steps:
            values = [known.get(x, x) for x in operands]
            if name in REDUCTIONS:
                known[made] = TABLE[name].forward(xp, expanded(xp, values[0], wide), (0, 2), True)
            else:
                known[made] = TABLE[name].forward(xp, *values)
            for x in ending:
                del known[x]
        if to == "total":
            out += TABLE["sum"].forward(xp, expanded(xp, known[result], wide), (0, 1), True)
        else:
            out[:, here] = known[result]
    return out.reshape(shape if to == "matrix" else -1)


def needed(steps, result):
    """(its name, row, operands, what is read there for the last time) of each step that a result comes of: a gradient's formula
    begins with all of the forward's.

    >>> needed((("exp", ("a0",)), ("neg", ("a0",)), ("mul", ("t0", "a1"))), "t2")
    [('t0', 'exp', ('a0',), []), ('t2', 'mul', ('t0', 'a1'), ['t0'])]
    """
    found, read = [], {result}
    for k, (name, operands) in reversed(list(enumerate(steps))):
        if f"t{k}" in read:
            ending = [x for x in dict.fromkeys(operands) if x.__class__ is str and x[0] == "t" and x not in read]
            read.update(operands)
            found.append((f"t{k}", name, operands, ending))
    return found[::-1]


def expanded(xp, x, shape):
    return x if x.shape == shape else xp.expand(x, shape)
