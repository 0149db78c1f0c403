"""Autocast: while it is on, products are computed in a narrow dtype and what would suffer from that in float32.

Where it is done costs nothing while it is off. The rows below are told that they are ready for no dtype, so the gate asks
``fit`` about each of their inputs, and there the casts are made, as rows, so that gradients come back in float32. Functions
that are several rows get a door before them. Nearly every training step ends with one of two losses, so they have none, and
ask ``BLOCKS`` instead.

A block is about the tensors of one kind of device, and PyTorch has a list for each: on a GPU, exponentials, logarithms,
powers and sums are raised too. Of blocks for both, one inside the other, the inner one counts.

torch: aten/src/ATen/autocast_mode.h
"""

import threading
from functools import cache, wraps

from . import primitives as rows
from .backends import ARRAY_TYPES
from .dtypes import float32
from .modes import MODE
from .tables.special import erfinv
from .tables.windows import conv, conv_input_grad

__all__ = [
    "BLOCKS", "FUNCTIONAL", "LINALG", "METHODS", "READY", "TORCH", "autocast_doors", "cast_for", "enter_autocast",
    "leave_autocast", "raised", "switch_autocast",
]  # fmt: skip

LOWER = frozenset([rows.matmul, rows.linear, conv, conv_input_grad])
RAISED = (rows.prod,)
RAISED_ON_GPU = (
    rows.acos, rows.asin, rows.cosh, rows.cumprod, rows.cumsum, rows.exp, rows.expm1, rows.log, rows.log10, rows.log1p, rows.log2,
    rows.log_softmax, rows.pow, rows.reciprocal, rows.rsqrt, rows.sinh, rows.softmax, rows.square, rows.sum, rows.tan,
    erfinv,
)  # fmt: skip
READY = {row: row.ready for row in (*LOWER, *RAISED, *RAISED_ON_GPU)}
"""What these rows are ready for, while they themselves say "nothing"."""
ASKED = {"cpu": frozenset([*LOWER, *RAISED]), "cuda": frozenset(READY)}
"""By kind of device, the rows that a block is about."""

CAST = frozenset("feE")
"""The dtypes (dtype.char) that are cast: float64 stays."""

WIDEST = "widest"
FUNCTIONAL: dict[str, bool | str | None] = {
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
} | {"bilinear": WIDEST}
ON_CPU = frozenset("adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d ctc_loss grid_sample max_pool3d nanquantile quantile trace".split())
ON_GPU_RAISED = frozenset("cosine_similarity dist group_norm interpolate layer_norm norm pdist renorm softplus".split())
ON_GPU_AS_IT_IS = frozenset("elu logaddexp logsigmoid nanmean nansum rms_norm std var".split())
ON_GPU_LOWERED = frozenset("addmv addr mv".split())
ON_GPU_LINALG = frozenset("matrix_norm vector_norm".split())
ON_GPU = ON_GPU_RAISED | ON_GPU_AS_IT_IS | ON_GPU_LOWERED | ON_GPU_LINALG | {"inner", "logsumexp", "tensordot"}
"""Those of them that only the CPU's list has, and only the GPU's. All others are in both. Some stay as they are, though rows that
they are made of are raised."""
FUNCTIONAL |= {name: False for name in ON_GPU_RAISED - {"dist", "norm", "renorm"}}
FUNCTIONAL |= {"elu": None, "logsigmoid": None, "rms_norm": None}
TORCH: dict[str, bool | str | None] = {name: False for name in "cdist dist logsumexp nanquantile norm quantile renorm trace".split()}
TORCH |= {name: None for name in ON_GPU_AS_IT_IS} | {name: True for name in ON_GPU_LOWERED} | {"inner": WIDEST, "tensordot": WIDEST}
LINALG = {"matrix_norm": False, "norm": False, "vecdot": True, "vector_norm": False}
METHODS = {
    "addmv": True, "addr": True, "inner": WIDEST, "logaddexp": None, "logsumexp": False, "mv": True, "nanmean": None, "nansum": None,
    "norm": False, "renorm": False, "std": None, "var": None,
}  # fmt: skip
"""The functions of nn.functional, torch and linalg, and the methods of Tensor that have a door: whether they lower their inputs,
raise them, bring them to the widest dtype among them, or (None) neither."""
UNSAFE = {
    "binary_cross_entropy": "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.\n"
    "take binary_cross_entropy_with_logits, of what goes into the sigmoid"
}
"""What isn't to be called in a GPU's block, and the text of the exception."""

LOCK = threading.Lock()
BLOCKS: list = []
"""For each block that is open, in whichever thread, its kind of device, and whether it is none but was switched on: the rows are
asked about only while there is one."""


def enter_autocast(dtype, kind="cpu", keeps=True):
    """Cast a kind of device's tensors to ``dtype`` in this thread from now on, or not at all if it is None. Returns what was
    before.   keeps: whether casts of weights are kept until the outermost block ends."""
    before = MODE.autocast, MODE.autocast_on, MODE.casts
    MODE.autocast, MODE.autocast_on = dtype, kind
    MODE.casts = None if not keeps else {} if MODE.casts is None else MODE.casts
    with LOCK:
        BLOCKS.append((kind, False))
        watch()
    return before


def leave_autocast(before):
    """Go back to what ``enter_autocast`` returned."""
    kind = MODE.autocast_on
    MODE.autocast, MODE.autocast_on, MODE.casts = before
    with LOCK:
        BLOCKS.remove((kind, False))
        watch()


def switch_autocast(dtype, kind="cpu"):
    """``enter_autocast`` without an end: from the first time on, the rows are asked about for good."""
    MODE.autocast, MODE.autocast_on = dtype, kind
    with LOCK:
        if dtype is not None and (kind, True) not in BLOCKS:
            BLOCKS.append((kind, True))
            watch()


def watch():
    """Let the gate ask about the rows that open blocks are about."""
    asked = {row for kind, _ in BLOCKS for row in ASKED[kind]}
    for row, ready in READY.items():
        row.ready = frozenset() if row in asked else ready


def cast_for(row, inputs):
    """``inputs`` of one of these rows, cast as autocast wants them."""
    if row not in ASKED[MODE.autocast_on]:
        return inputs
    dtype = MODE.autocast if row in LOWER else float32
    return [cast(x, dtype) for x in inputs]


def cast(x, dtype):
    """Floating-point tensors of the block's kind of device in ``dtype``; float64 stays, and so does all else."""
    array = getattr(x, "_array", None)
    if array is None or array.dtype.char not in CAST:
        return x
    xp = ARRAY_TYPES[array.__class__]
    if xp.dtype_of(array) is dtype or xp.device_of(array).type != MODE.autocast_on:
        return x
    node, casts = x._node, MODE.casts
    if casts is None or node is None or node.number > 0 or dtype is float32 or MODE.listeners:
        return x._apply(rows.cast, (x,), (dtype,))
    return weight_cast(x, dtype, casts)


def weight_cast(x, dtype, casts):
    """The cast of a leaf that wants its gradient (such Nodes have numbers below 0): made once in a block, and anew after a write."""
    array, key = x._array, (x._storage.version, dtype, MODE.grad)
    kept = casts.get(id(x))
    if kept is None or kept[1] is not array or kept[2] != key:
        kept = casts[id(x)] = x, array, key, x._apply(rows.cast, (x,), (dtype,))  # with x, so that its id isn't another's
    return kept[3]


def raised(*inputs):
    """``inputs``, tensors or None, in float32 if this thread is in a block."""
    return inputs if MODE.autocast is None else [cast(x, float32) for x in inputs]


def autocast_doors(namespace, names):
    """Those functions of a ``namespace``, a dict, that have one of the ``names``, each with its door."""
    return {name: with_door(namespace[name], name, lower) for name, lower in names.items() if name in namespace}


def widest(narrow, args):
    """float32 if there is a tensor of that among the arguments, else the block's own dtype."""
    return float32 if any([hasattr(x, "_array") and x.dtype is float32 for x in args]) else narrow


@cache
def with_door(function, name, lower):
    """A function that autocast casts for; of each there is one, by whatever module. ``lower`` is as in the lists above."""
    missing = "cuda" if name in ON_CPU else "cpu" if name in ON_GPU else None  # from the list of that kind of device

    @wraps(function)
    def autocast_first(*args, **kwargs):
        wanted = MODE.autocast
        if wanted is None or MODE.autocast_on == missing:
            return function(*args, **kwargs)
        if name in UNSAFE and MODE.autocast_on == "cuda" and args[0].is_cuda:
            raise RuntimeError(UNSAFE[name])
        if lower is not None:
            dtype = widest(wanted, args) if lower == WIDEST else wanted if lower else float32
            args = [cast(x, dtype) for x in args]
            kwargs = {name: cast(x, dtype) for name, x in kwargs.items()}
        MODE.autocast = None
        try:
            return function(*args, **kwargs)
        finally:
            MODE.autocast = wanted

    return autocast_first
