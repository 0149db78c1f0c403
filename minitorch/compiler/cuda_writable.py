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
from .gather_scatter import PUT
from .max_pooling import POOL_RETURN
from .writable import LOOPS, decided

__all__ = ["SLIDING", "writable_on_gpu"]

FLOATS = ("float32", "float64", "float16", "bfloat16")
ADDED = (*FLOATS, "int32", "int64")
"""Dtypes that are summed, and that many threads may add to one place."""
SLIDING = (CONV_RELU, CONV_INPUT_GRAD_KEEP, POOL_RETURN, windows.conv, windows.conv_input_grad, windows.conv_weight_grad)
"""Rows of convolution: all of their inputs must lie in order."""


def writable_on_gpu(step):
    """Whether a step can be written in CUDA."""
    return decided(step, RULES, KINDS, spelled)


def put(step, dtypes):
    """Threads add floats as they come; where that may not be, the backend adds them."""
    return not step.params[1] or (dtypes[0] in ADDED and not (SETTINGS.deterministic and dtypes[0] in FLOATS))


def multiplied(step, dtypes):
    a, b, *_, c = dtypes
    return a == b and a in FLOATS and c in (a, "float32")


def slides(step, dtypes):
    return 3 <= step.inputs[0].ndim <= 5 and multiplied(step, [*dtypes[:2], dtypes[-1]])


RULES = {
    **LOOPS, **dict.fromkeys(SLIDING, slides), **dict.fromkeys((POOL_RETURN, *ATTENDING), lambda step, dtypes: True), PUT: put,
    **dict.fromkeys((rows.matmul, *FINISHED), multiplied), DRAWN: lambda step, dtypes: not stands_alone(step),
}  # fmt: skip
"""Row → whether it can be written, of a step and the dtypes of what it reads and makes. Other rows: if they are spelled."""
