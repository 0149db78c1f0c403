"""A formula of a composite, computed by the table's rows: strip by strip, so that what lies between is never there as a whole.

    for a few rows at a time     every step of the formula on these, then the result's part

torch: nothing of its own; TensorIterator goes through memory so
"""

from ..table import TABLE

__all__ = ["in_strips"]

STRIP = 1 << 14
"""Numbers of a matrix that are taken at a time, if a row isn't longer."""

REDUCTIONS = ("sum", "mean", "amax")


def in_strips(xp, formula, arrays, shape, grid):
    """What a formula (native/rowformula.py) gives for arrays: (what each is, steps, the result, what that is).

    shape: that of its matrices; grid: (parts, rows, columns) of them, or None where no row is summed over.
    """
    kinds, steps, result, to = formula
    parts, count, columns = grid or (1, arrays[kinds.index("matrix")].size, 1)
    layouts = {"matrix": (parts, count, columns), "row": (1, 1, columns), "column": (1, count, 1)}
    arrays = [x.reshape(layouts[kind]) for x, kind in zip(arrays, kinds, strict=True)]
    dtype = xp.dtype_of(arrays[0])
    out = xp.full((1, 1, columns), 0, dtype) if to == "total" else xp.empty(layouts[to], dtype)
    strip = max(1, STRIP // (parts * columns))
    for start in range(0, count, strip):
        here = slice(start, min(start + strip, count))
        wide = parts, here.stop - start, columns
        known = {f"a{k}": x if kind == "row" else x[:, here] for k, (x, kind) in enumerate(zip(arrays, kinds, strict=True))}
        known["inverse"] = 1 / (parts * columns)
        for k, (name, operands) in enumerate(steps):
            values = [known.get(x, x) for x in operands]
            if name in REDUCTIONS:
                known[f"t{k}"] = TABLE[name].forward(xp, xp.expand(values[0], wide), (0, 2), True)
            else:
                known[f"t{k}"] = TABLE[name].forward(xp, *values)
        if to == "total":
            out += TABLE["sum"].forward(xp, xp.expand(known[result], wide), (0, 1), True)
        else:
            out[:, here] = known[result]
    return out.reshape(shape if to == "matrix" else -1)
