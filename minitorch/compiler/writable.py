"""Which steps the compiler can write in loops, or has a kernel for. NumPy runs the others, in their place among them."""

from .. import primitives as rows
from ..native.mathematics import KINDS, spelled
from ..native.narrow import NARROW
from .attention import ATTEND, ATTEND_GRAD
from .convolution_text import SLIDING, slides
from .epilogues import FINISHED
from .gather_scatter import PUT, TAKE
from .kernels import REDUCTIONS
from .pieces import laid_together
from .pools import FOLD
from .scans import RUNNING
from .sorting_text import RANKING, ranks

__all__ = ["LOOPS", "decided", "writable"]

SUMMED = ("float32", "float64", "int64", "int32")
COUNTED = ("int64", "int32", "float32", "float64")


def writable(step):
    """Whether the compiler can write a step in LLVM's words."""
    return decided(step, RULES, KINDS, spelled)


def decided(step, rules, kinds, spelled):
    """Whether a step can be written, where there are such ``kinds`` of numbers.

    rules: row → a function of the step and the dtypes that it reads and makes.   spelled(name, dtypes): of other elementwise rows.
    """
    values = (*step.reads, step.out)
    dtypes = [x.dtype.name for x in values]
    if any([name not in kinds for name in dtypes]) or any([0 in x.shape for x in values]):
        return False
    rule = rules.get(step.row)
    if rule is not None:
        return bool(rule(step, dtypes))
    if step.row.kind != "elementwise":
        return False
    operands = dtypes if step.row is rows.cast else dtypes[:-1]
    return spelled(step.row.name, operands or [dtypes[-1]])


def always(step, dtypes):
    return True


def reduced(step, dtypes):
    return dtypes[0] == dtypes[1] and dtypes[0] in SUMMED


def pieced(step, dtypes):
    return len(set(dtypes)) == 1 and laid_together(step) is not None


def padded(step, dtypes):
    """Only numbers that loops compute with have a place in their text."""
    return pieced(step, dtypes) and (dtypes[-1] not in NARROW or step.params[1] == 0)


def slid(step, dtypes):
    return len(set(dtypes)) == 1 and dtypes[0] in ("float32", "float64") and slides(step)


def multiplied(step, dtypes):
    """Factors of one dtype; what is made, and added, is of it as well, or float32 where that is narrow and nothing else is made."""
    factors, others = set(dtypes[:2]), set(dtypes[2:])
    if len(factors) == 1 and factors <= NARROW:
        return others == {"float32"} or (others == factors and len(dtypes) == 3)
    return len(factors | others) == 1 and dtypes[0] in SUMMED


LOOPS = {
    rows.arange: lambda step, dtypes: dtypes[-1] in COUNTED,
    rows.full: lambda step, dtypes: step.params[1].__class__ in (int, float, bool),
    **dict.fromkeys(REDUCTIONS, reduced), **dict.fromkeys((rows.cat, rows.embed, rows.write, rows.pad, FOLD), pieced), TAKE: always,
}  # fmt: skip
"""The rules of what loops say in any language."""

RULES = {
    **LOOPS, rows.pad: padded, **dict.fromkeys(RUNNING, always), **dict.fromkeys(SLIDING, slid),
    **dict.fromkeys(RANKING, lambda step, dtypes: ranks(step)), **dict.fromkeys((PUT, ATTEND, ATTEND_GRAD), always),
    **dict.fromkeys((rows.matmul, *FINISHED), multiplied),
}  # fmt: skip
