"""Autocast: while it is on, products are computed in bfloat16 and what would suffer from that in float32.

Where it is done costs nothing while it is off. The rows below are told that they are ready for no dtype, so the gate asks
``fit`` about each of their inputs, and there the casts are made, as rows, so that gradients come back in float32. Functions
that are several rows get a door before them. Nearly every training step ends with one of two losses, so they have none, and
ask ``BLOCKS`` instead.

torch: aten/src/ATen/autocast_mode.h, its lists for the CPU
"""

import threading
from functools import wraps

from . import primitives as rows
from .dtypes import float32, float64
from .modes import MODE
from .tables.windows import conv, conv_input_grad

__all__ = [
    "BLOCKS", "FUNCTIONAL", "READY", "TORCH", "autocast_doors", "cast_for", "enter_autocast", "leave_autocast", "raised",
    "switch_autocast",
]  # fmt: skip

LOWER = (rows.matmul, rows.linear, conv, conv_input_grad)
RAISED = (rows.prod,)
READY = {row: row.ready for row in (*LOWER, *RAISED)}
"""What these rows are ready for, while they themselves say "nothing"."""

FUNCTIONAL = {
    name: False
    for name in """
        adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d binary_cross_entropy binary_cross_entropy_with_logits
        cosine_embedding_loss ctc_loss grid_sample hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss
        max_pool3d multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss
        triplet_margin_loss
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
BLOCKS: list = []
"""An entry for each block that is open, in whichever thread: the rows are asked about only while there is one."""
SWITCHED = "switched on, by no block"


def enter_autocast(dtype):
    """Cast to ``dtype`` in this thread from now on, or not at all if it is None. Returns what was before."""
    before, MODE.autocast = MODE.autocast, dtype
    with LOCK:
        BLOCKS.append(dtype)
        watch()
    return before


def leave_autocast(before):
    """Go back to what ``enter_autocast`` returned."""
    MODE.autocast = before
    with LOCK:
        BLOCKS.pop()
        watch()


def switch_autocast(dtype):
    """``enter_autocast`` without an end: from the first time on, the rows are asked about for good."""
    MODE.autocast = dtype
    with LOCK:
        if dtype is not None and SWITCHED not in BLOCKS:
            BLOCKS.insert(0, SWITCHED)
            watch()


def watch():
    """Let the gate ask about the rows, if a block is open."""
    for row, ready in READY.items():
        row.ready = frozenset() if BLOCKS else ready


def cast_for(row, inputs):
    """``inputs`` of one of these rows, cast as autocast wants them."""
    return [cast(x, MODE.autocast if row in LOWER else float32) for x in inputs]


def cast(x, dtype):
    """Floating-point tensors in ``dtype``; float64 stays, and so does all else."""
    if hasattr(x, "_array") and x.dtype is not dtype and x.is_floating_point() and x.dtype is not float64:
        return x._apply(rows.cast, (x,), (dtype,))
    return x


def raised(*inputs):
    """``inputs``, tensors or None, in float32 if this thread is in a block."""
    return inputs if MODE.autocast is None else [cast(x, float32) for x in inputs]


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
