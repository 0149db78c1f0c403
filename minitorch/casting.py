"""Autocast: while it is on, products are computed in bfloat16 and what would suffer from that in float32.

Where it is done costs nothing while it is off. The rows below are told that they are ready for no dtype, so the gate asks
``fit`` about each of their inputs, and there the casts are made, as rows, so that gradients come back in float32. Functions
that are several rows (the losses) get a door before them.

torch: aten/src/ATen/autocast_mode.h, its lists for the CPU
"""

import threading
from functools import wraps

from . import primitives as rows
from .dtypes import float32, float64
from .modes import MODE
from .tables.windows import conv, conv_input_grad

__all__ = ["FUNCTIONAL", "READY", "TORCH", "autocast_doors", "cast_for", "enter_autocast", "leave_autocast"]

LOWER = (rows.matmul, rows.linear, conv, conv_input_grad)
RAISED = (rows.prod,)
READY = {row: row.ready for row in (*LOWER, *RAISED)}
"""What these rows are ready for, while they themselves say "nothing"."""

FUNCTIONAL = {
    name: False
    for name in """
        adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d binary_cross_entropy binary_cross_entropy_with_logits
        cosine_embedding_loss cross_entropy ctc_loss grid_sample hinge_embedding_loss huber_loss kl_div l1_loss
        margin_ranking_loss max_pool3d mse_loss multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss
        smooth_l1_loss soft_margin_loss triplet_margin_loss
    """.split()
} | {
    name: True
    for name in """
        conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d prelu scaled_dot_product_attention
    """.split()
} | {"bilinear": None}
TORCH = {name: False for name in "cdist nanquantile quantile trace".split()}
"""The functions of nn.functional and of torch that have a door: whether they lower their inputs, raise them, or (None) neither."""

LOCK = threading.Lock()
blocks = [0]


def enter_autocast(dtype):
    """Cast to ``dtype`` in this thread from now on, or not at all if it is None. Returns what was before."""
    before, MODE.autocast = MODE.autocast, dtype
    watch(1)
    return before


def leave_autocast(before):
    """Go back to what ``enter_autocast`` returned."""
    MODE.autocast = before
    watch(-1)


def watch(change):
    """One block more or less, in whichever thread: the rows are asked about only while there is one."""
    with LOCK:
        blocks[0] += change
        for row, ready in READY.items():
            row.ready = frozenset() if blocks[0] else ready


def cast_for(row, inputs):
    """``inputs`` of one of these rows, cast as autocast wants them."""
    return [cast(x, MODE.autocast if row in LOWER else float32) for x in inputs]


def cast(x, dtype):
    """Floating-point tensors in ``dtype``; float64 stays, and so does all else."""
    if hasattr(x, "_array") and x.dtype is not dtype and x.is_floating_point() and x.dtype is not float64:
        return x._apply(rows.cast, (x,), (dtype,))
    return x


def autocast_doors(namespace, names):
    """Those functions of a ``namespace``, a dict, that have one of the ``names``, each with its door."""
    return {name: with_door(namespace[name], lower) for name, lower in names.items() if name in namespace}


def with_door(function, lower):
    @wraps(function)
    def autocast_first(*args, **kwargs):
        wanted = MODE.autocast
        if wanted is None:
            return function(*args, **kwargs)
        if lower is not None:
            dtype = wanted if lower else float32
            args = [cast(x, dtype) for x in args]
            kwargs = {name: cast(x, dtype) for name, x in kwargs.items()}
        MODE.autocast = None
        try:
            return function(*args, **kwargs)
        finally:
            MODE.autocast = wanted

    return autocast_first
