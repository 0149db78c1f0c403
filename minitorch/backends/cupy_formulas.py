"""Formulas on CuPy's arrays: several rows of the table in one kernel, made by native/cuda_formulas.py and cuda_row_formulas.py.

Functions of several rows (autograd/composite.py), softmax and its relatives, and optimizers' updates, all of an optimizer's
tensors in one launch. Kernels are made for a formula, not for shapes, so there are few of them.
"""

from functools import lru_cache

import cupy
import numpy

from ..native import cuda_formulas, cuda_row_formulas
from ..native.cuda_formulas import CHUNK, THREADS, has_words
from ..native.cuda_row_formulas import BUSY, Formula, team_for
from ..native.steps import REDUCTIONS
from .cupy_columns import KINDS, MEMORY, WIDE, down_columns
from .cupy_launch import Kernel, in_order, room

__all__ = [
    "COMPOSED", "ENOUGH_FOR_COMPOSITES", "ENOUGH_TO_RECORD", "NARROWEST", "along_rows", "composite_kernel", "exact_formula",
    "log_softmax", "log_softmax_grad", "patience", "sequence", "softmax", "softmax_grad",
]  # fmt: skip

ENOUGH_FOR_COMPOSITES = ENOUGH_TO_RECORD = 1
"""Elements from which a function of several rows runs as one kernel: a launch costs the same for any number."""

COMPOSED = "feE"
"""The dtypes (dtype.char) that do: narrow ones are computed with in float32 and rounded once."""

NARROWEST = 1
"""How many numbers of a row must lie side by side: a GPU fetches them wherever they are."""

MOST_BLOCKS, MOST_PLANS = 2112, 256
"""Blocks of an elementwise kernel: sixteen for each processor of a large GPU; they take turns. And grids that are remembered."""


@lru_cache(256)
def composite_kernel(char, arrays, steps, result, to="matrix"):
    """A formula (native/rowformula.py) as a function of ``arrays`` and the ``grid`` (parts, rows, columns) that the first of
    them is, which gives a new array: a matrix of that shape, a "column", or a "total" over all rows. None if it can't be.

    char: the arrays' dtype.char; arrays: whether each is a "matrix", a "row" or a "column"; result: the operand to give.
    """
    if char not in KINDS or not all([row in REDUCTIONS or has_words(row) for row, _ in steps]):
        return None
    kind, memory = KINDS[char], MEMORY[char]
    if all([what == "matrix" for what in (*arrays, to)]) and not any([row in REDUCTIONS for row, _ in steps]):
        return elementwise_kernel(kind, memory, len(arrays), steps, result)
    return along_rows(Formula(kind, (memory,) * (len(arrays) + 1), (*arrays, to), steps, result))


def elementwise_kernel(kind, memory, count, steps, result):
    """The same without rows and their lengths."""
    text = cuda_formulas.elementwise_text(kind, (memory,) * (count + 1), 0, steps, ((count, result),))
    kernel = Kernel(text, "formula", "Q" * (count + 1) + "q")

    def run(*given, grid=None):
        given = [in_order(x) for x in given]
        first = given[0]
        out, size = room(first.shape, first.dtype), first.size
        kernel(min(-(-size // CHUNK), MOST_BLOCKS), THREADS, *[x.data.ptr for x in given], out.data.ptr, size)
        return out

    return run


class AlongRows:
    """A Formula over rows as a function of arrays and their ``grid``. What is launched for a grid is worked out once."""

    def __init__(self, formula):
        self.formula, self.to, self.plans = formula, formula.arrays[-1], {}

    def __call__(self, *given, grid):
        given = [in_order(x) for x in given]
        first, (_, rows, columns) = given[0], grid
        if self.to == "total":
            return self.total(given, rows, columns)
        out = room(first.shape if self.to == "matrix" else (rows,), first.dtype)
        if first.size:
            self.launch([x.data.ptr for x in (*given, out)], grid)
        return out

    def launch(self, addresses, grid):
        """Run it on arrays at these addresses, the last of which is the result."""
        plan = self.plans.get(grid)
        if plan is None:
            if len(self.plans) > MOST_PLANS:
                self.plans.clear()
            plan = self.plans[grid] = self.planned(*grid)
        kernels, blocks, threads, numbers, partials = plan
        if not partials:
            kernels[0](blocks, threads, *addresses, *numbers)
            return
        left = room((partials,), WIDE[self.formula.kind])
        for kernel in kernels:
            kernel(blocks, threads, *addresses, *numbers, left.data.ptr)

    def planned(self, parts, rows, columns):
        """(kernels, blocks, threads, numbers, how many partial sums they leave): one kernel; or one for each way along the rows,
        where several blocks share a row."""
        team = team_for(rows, parts * columns)
        if team.turns:
            threads = cuda_row_formulas.block_of(team)
            kernel = held_kernel(self.formula, team, parts > 1)
            return [kernel], -(-rows * team.threads // threads), threads, (rows, columns, parts, 1), 0
        kernels = shared_kernels(self.formula, parts > 1)
        partials = max(len(self.formula.reductions()), 1) * rows * team.blocks
        return kernels, rows * team.blocks, THREADS, (rows, columns, parts, team.blocks), partials

    def total(self, given, rows, columns):
        """The sum over all rows: each block adds up some, and then the blocks' sums are added up."""
        first, formula = given[0], self.formula
        out = room((columns,), first.dtype)
        if not out.size:
            return out
        if formula.result.__class__ is str and formula.result[0] == "a":
            down_columns(given[int(formula.result[1:])], out, (1, rows, columns), 1)
            return out
        team = team_for(BUSY, columns)
        if not team.turns or not rows:
            whole = along_rows(formula._replace(arrays=(*formula.arrays[:-1], "matrix")))(*given, grid=(1, rows, columns))
            down_columns(whole, out, (1, rows, columns), 1)
            return out
        threads = cuda_row_formulas.block_of(team)
        together = threads // team.threads
        blocks = min(BUSY, -(-rows // together))
        tall = -(-rows // (blocks * together))
        sums = room((blocks, columns), WIDE[formula.kind])
        kernel = held_kernel(formula._replace(dtypes=(*formula.dtypes[:-1], formula.kind)), team, False)
        kernel(blocks, threads, *[x.data.ptr for x in (*given, sums)], rows, columns, 1, tall)
        down_columns(sums, out, (1, blocks, columns), 1)
        return out


@lru_cache(256)
def along_rows(formula):
    """The AlongRows of a Formula."""
    return AlongRows(formula)


@lru_cache(256)
def held_kernel(formula, team, parted):
    text = cuda_row_formulas.held_text(formula, team, parted)
    return Kernel(text, "formula", "Q" * len(formula.arrays) + "qqqq")


@lru_cache(256)
def shared_kernels(formula, parted):
    """The kernels of all ways, and the one that stores."""
    layout = "Q" * len(formula.arrays) + "qqqqQ"
    texts = [cuda_row_formulas.reduced_text(formula, way + 1, parted) for way in range(formula.ways)]
    text = cuda_formulas.WORDS + "".join([*texts, cuda_row_formulas.stored_text(formula, parted)])
    return [Kernel(text, name, layout) for name in (*[f"way{way + 1}" for way in range(formula.ways)], "ending")]


# ------------------------------------------------------------------------------------------------- softmax, its relatives

SOFTMAX = ("amax", ("a0",)), ("sub", ("a0", "t0")), ("exp", ("t1",)), ("sum", ("t2",)), ("div", ("t2", "t3"))
LOG_SOFTMAX = ("amax", ("a0",)), ("sub", ("a0", "t0")), ("exp", ("t1",)), ("sum", ("t2",)), ("log", ("t3",)), ("sub", ("t1", "t4"))
SOFTMAX_GRAD = ("mul", ("a0", "a1")), ("sum", ("t0",)), ("sub", ("a0", "t1")), ("mul", ("a1", "t2"))
LOG_SOFTMAX_GRAD = ("sum", ("a0",)), ("exp", ("a1",)), ("mul", ("t1", "t0")), ("sub", ("a0", "t2"))


@lru_cache(64)
def of_dtype(steps, char, count):
    """A formula along the rows of ``count`` matrices; None for what it isn't made for."""
    return composite_kernel(char, ("matrix",) * count, steps, f"t{len(steps) - 1}")


def along_dim(steps, dim, *arrays):
    """A formula along a dim of arrays of one shape; None for what it isn't made for."""
    first = arrays[0]
    if not first.ndim or not first.size or any([x.shape != first.shape or x.dtype is not first.dtype for x in arrays]):
        return None
    kernel = of_dtype(steps, first.dtype.char, len(arrays))
    if kernel is None:
        return None
    last = dim in (-1, first.ndim - 1)
    if not last:
        arrays = [cupy.moveaxis(x, dim, -1) for x in arrays]
    columns = arrays[0].shape[-1]
    found = kernel(*arrays, grid=(1, first.size // columns, columns))
    return found if last else in_order(cupy.moveaxis(found, -1, dim))


def softmax(x, dim):
    """e^x / Σ e^x, shifted by the maximum, which changes nothing but overflow."""
    found = along_dim(SOFTMAX, dim, x)
    if found is None:
        e = cupy.exp(x - x.max(dim, None, True))
        found = e / e.sum(dim, None, None, True)
    return found


def log_softmax(x, dim):
    """x - ln Σ e^x, shifted likewise."""
    found = along_dim(LOG_SOFTMAX, dim, x)
    if found is None:
        shifted = x - x.max(dim, None, True)
        found = shifted - cupy.log(cupy.exp(shifted).sum(dim, None, None, True))
    return found


def softmax_grad(g, y, dim):
    """y (g - Σ g y)"""
    found = along_dim(SOFTMAX_GRAD, dim, g, y)
    return y * (g - (g * y).sum(dim, None, None, True)) if found is None else found


def log_softmax_grad(g, y, dim):
    """g - e^y Σ g"""
    found = along_dim(LOG_SOFTMAX_GRAD, dim, g, y)
    return g - cupy.exp(y) * g.sum(dim, None, None, True) if found is None else found


# ------------------------------------------------------------------------------------------------------------- updates

ROWS = 16
"""Rows of tensors that one launch updates at most."""
MOST_WORDS = 500
"""Words of 8 bytes that a launch may bring along: 4 KB."""


def patience():
    """How often the same updates are to have run before they are worth one kernel."""
    return 2


@lru_cache(256)
def many_kernel(kind, arrays, numbers, steps, stores):
    """The kernel of an update, of ``ROWS`` rows at most; None if it can't be."""
    wide = arrays + numbers + 2
    if 1 + ROWS * wide > MOST_WORDS or not all([has_words(row) for row, _ in steps]):
        return None
    row = "Q" * arrays + "d" * numbers + "qq"
    text = cuda_formulas.many_text(kind, (kind,) * arrays, numbers, steps, stores, ROWS)
    return Kernel(text, "formula", "q" + row * ROWS, whole=True), (0,) * wide


def exact_formula(char, size, arrays, numbers, steps, stores):
    """An update of contiguous arrays of one size in one kernel, a function (*arrays, numbers=…); None if it can't be."""
    found = many_kernel(KINDS[char], arrays, numbers, steps, stores) if char in "fd" else None
    if found is None:
        return None
    kernel, nothing = found
    nothing *= ROWS - 1

    def run(*given, numbers=()):
        kernel(-(-size // CHUNK), THREADS, 1, *[x.data.ptr for x in given], *numbers, size, 0, *nothing)

    return run


def sequence(char, inputs, numbers, steps, outputs, stores, cuts, made=True):
    """Updates of several rows of tensors, all alike but for their shapes, in one launch: a function (*arrays, *numbers) that
    returns None if the arrays are others than those were. None if that isn't what the steps are.

    The arguments are those of ``small.sequence``.
    """
    if outputs or not cuts or len(cuts) > ROWS or char not in "fd":
        return None
    rows = apart(inputs, numbers, steps, stores, cuts, numpy.dtype(char).itemsize)
    if rows is None:
        return None
    (formula,) = {row[:-1] for row in rows} if len({row[:-1] for row in rows}) == 1 else (None,)
    found = formula and many_kernel(KINDS[char], *formula)
    if not found:
        return None
    if not made:
        return True
    return together(*found, [shape for shape, _ in inputs], len(inputs) // len(rows), numbers // len(rows), numpy.dtype(char))


def apart(inputs, numbers, steps, stores, cuts, itemsize):
    """(arrays, numbers, steps, stores, size) of each row, named as a formula of its own; None if they aren't of one kind."""
    count = len(cuts)
    if len(inputs) % count or numbers % count:
        return None
    wide, many = len(inputs) // count, numbers // count
    rows = []
    for i, (begin, end) in enumerate(zip(cuts, [*cuts[1:], len(steps)], strict=True)):
        (shape, _), *_ = own = inputs[i * wide : (i + 1) * wide]
        if any([x[0] != shape or not is_contiguous(*x, itemsize) for x in own]) or any([s[3] != shape for s in steps[begin:end]]):
            return None
        names = {f"a{i * wide + k}": f"a{k}" for k in range(wide)} | {f"n{i * many + k}": f"n{k}" for k in range(many)}
        names |= {f"t{begin + k}": f"t{k}" for k in range(end - begin)}
        if any([x.__class__ is str and x not in names for s in steps[begin:end] for x in s[1]]) or any([s[2] for s in steps[begin:end]]):
            return None
        formula = tuple([(name, tuple([names.get(x, x) for x in operands])) for name, operands, *_ in steps[begin:end]])
        stored = tuple([(k - i * wide, names[x]) for k, x in stores if i * wide <= k < (i + 1) * wide])
        rows.append((wide, many, formula, stored, shape))
    return rows


def is_contiguous(shape, strides, itemsize):
    """Whether an array of that shape and those strides, in bytes, lies in order."""
    expected = itemsize
    for n, s in zip(reversed(shape), reversed(strides), strict=True):
        if n != 1 and s != expected:
            return False
        expected *= n
    return True


def together(kernel, nothing, shapes, arrays, numbers, dtype):
    """The function that does it, with what each launch brings along worked out."""
    sizes = [numpy.prod(shape, dtype=int).item() for shape in shapes[::arrays]]
    firsts, blocks = [], 0
    for size in sizes:
        firsts.append(blocks)
        blocks += -(-size // CHUNK)
    count, ends = len(sizes), list(zip(sizes, firsts, strict=True))
    rest = nothing * (ROWS - count)

    def run(*given):
        tensors, floats = given[: count * arrays], given[count * arrays :]
        for x, shape in zip(tensors, shapes, strict=True):
            if x.__class__ is not room or x.shape != shape or x.dtype is not dtype or not x._c_contiguous:
                return None
        words = []
        for i, end in enumerate(ends):
            words += [x.data.ptr for x in tensors[i * arrays : (i + 1) * arrays]]
            words += floats[i * numbers : (i + 1) * numbers]
            words += end
        kernel(blocks, THREADS, count, *words, *rest)
        return True

    return run
