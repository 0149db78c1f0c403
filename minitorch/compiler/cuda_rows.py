"""Which steps a GPU's program has kernels for. The backend runs the others, in their place among them."""

from .. import primitives as rows
from ..native.cuda import KINDS, spelled
from ..settings import SETTINGS
from ..tables import windows
from .attention import ATTENDING
from .cuda_convolution import CONV_INPUT_GRAD_KEEP, CONV_RELU
from .cuda_draws import stands_alone
from .draws import DRAWN
from .epilogues import FINISHED
from .gather_scatter import PUT, TAKE
from .max_pooling import POOL_RETURN
from .pieces import laid_together
from .pools import FOLD

__all__ = ["SLIDING", "writable_on_gpu"]

FLOATS = ("float32", "float64", "float16", "bfloat16")
ADDED = (*FLOATS, "int32", "int64")
"""Dtypes that are summed, and that many threads may add to one place."""
SLIDING = (CONV_RELU, CONV_INPUT_GRAD_KEEP, POOL_RETURN, windows.conv, windows.conv_input_grad, windows.conv_weight_grad)
"""Rows of convolution: all of their inputs must lie in order."""


def writable_on_gpu(step):
    """Whether a step can be written in CUDA."""
    dtypes = [x.dtype.name for x in (*step.reads, step.out)]
    if any([name not in KINDS for name in dtypes]) or any([x.size == 0 for x in (*step.reads, step.out)]):
        return False
    rule = RULES.get(step.row)
    if rule is not None:
        return bool(rule(step, dtypes))
    if step.row.kind != "elementwise":
        return False
    operands = dtypes if step.row is rows.cast else dtypes[:-1]
    return spelled(step.row.name, operands or [dtypes[-1]])


def reduced(step, dtypes):
    return dtypes[0] == dtypes[1] and dtypes[0] in ("float32", "float64", "int64", "int32")


def pieced(step, dtypes):
    return len(set(dtypes)) == 1 and laid_together(step) is not None


def put(step, dtypes):
    """Threads add floats as they come; where that may not be, the backend adds them."""
    return not step.params[1] or (dtypes[0] in ADDED and not (SETTINGS.deterministic and dtypes[0] in FLOATS))


def multiplied(step, dtypes):
    a, b, *_, c = dtypes
    return a == b and a in FLOATS and c in (a, "float32")


def slides(step, dtypes):
    return 3 <= step.inputs[0].ndim <= 5 and multiplied(step, [*dtypes[:2], dtypes[-1]])


RULES = {
    rows.arange: lambda step, dtypes: dtypes[-1] in ("int64", "int32", "float32", "float64"),
    rows.full: lambda step, dtypes: step.params[1].__class__ in (int, float, bool),
    **dict.fromkeys((rows.sum, rows.amax, rows.amin, rows.prod), reduced),
    **dict.fromkeys((rows.cat, rows.embed, rows.write, rows.pad, FOLD), pieced),
    **dict.fromkeys(SLIDING, slides), POOL_RETURN: lambda step, dtypes: True, PUT: put, TAKE: lambda step, dtypes: True,
    **dict.fromkeys((rows.matmul, *FINISHED), multiplied), **dict.fromkeys(ATTENDING, lambda step, dtypes: True),
    DRAWN: lambda step, dtypes: not stands_alone(step),
}  # fmt: skip
"""Row → whether it can be written, of a step and the dtypes of what it reads and makes. Other rows: if they are spelled."""
