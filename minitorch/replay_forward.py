"""Functions of several rows in one go on plain arrays, with one Node for them all: for small tensors the gate costs more than the
arithmetic.

    layer_norm = replayed(lambda x, weight, bias, eps: …)

The first times it is called for some shapes it runs as it is. When it came often enough, a listener writes down which rows
pass the gate, forward and back; of that flat functions on arrays are made (``replay_piece.py``), which run from then on: the same
rows, with the same bits. Where somebody listens, or autocast is on, it is the function itself.

torch: none, as its gate costs a tenth of ours; ATen/native has kernels by hand, and CUDA graphs are the same idea
"""

from functools import cache, wraps

from .graph import edge_of
from .modes import MODE
from .replay_piece import piece_of

__all__ = ["FUNCTIONAL", "LINALG", "METHODS", "replay_doors", "replayed"]

WORTH = 8
"""How often such arguments come until they are written down: that takes as long as ten calls."""
KINDS = 256
"""How many kinds of arguments are remembered, of each function."""
VALUES = frozenset([bool, float, int, str, type(None), tuple])
"""The classes of arguments that aren't tensors."""


SMALL, MIDDLE = (1 << 12) - 1, 1 << 16
"""Elements up to which that pays for functions that have a kernel for more (autograd/composite.py), and for others: above, the time
goes into the arithmetic, and writing it down takes memory."""

METHODS = ("logsumexp", "norm", "std", "var")
LINALG = ("norm", "vector_norm")
FUNCTIONAL = (
    "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "group_norm",
    "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "nll_loss", "normalize", "pairwise_distance",
    "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss",
)  # fmt: skip
"""The methods of Tensor, and the functions of linalg and nn.functional, that are replayed for small tensors."""

HAVE_KERNELS = ("binary_cross_entropy_with_logits", "group_norm", "huber_loss", "kl_div", "smooth_l1_loss")

LABELS = {"cross_entropy": "NllLoss", "norm": "LinalgVectorNorm", "vector_norm": "LinalgVectorNorm"}
"""What PyTorch calls their gradients, where it isn't their name."""


def replay_doors(namespace, names):
    """Those functions of a ``namespace``, a dict, that have one of the ``names``, each with its door."""
    return {name: with_door(namespace[name]) for name in names if name in namespace}


@cache
def with_door(function):
    """A function as it is replayed for small tensors; of each there is one, by whatever module."""
    name = function.__name__
    return replayed(function, LABELS.get(name, name.title().replace("_", "")), SMALL if name in HAVE_KERNELS else MIDDLE)


def replayed(function, label=None, below=None):
    """The function, of tensors and other values, that gives one new tensor.

    What it does may depend on shapes, dtypes, the other values, and which tensors want a gradient; never on the numbers in a
    tensor, nor on how they lie in memory. It draws no numbers.   label: what PyTorch calls its gradient, as in a Primitive.
    below: for larger tensors it runs as it is.
    """
    pieces: dict = {}
    label = label or function.__name__

    @wraps(function)
    def again(*args, **kwargs):
        mode = MODE
        if mode.listeners or mode.autocast is not None:
            return function(*args, **kwargs)
        grad, key, tensors, edges, wanted = mode.grad, [], [], [], 0
        for x in (*args, *kwargs, *kwargs.values()) if kwargs else args:
            if x.__class__ in VALUES:
                key += (x.__class__, x or repr(x))  # 0.0 and -0.0 are two
                continue
            array = getattr(x, "_array", None)
            if array is None or (below is not None and array.size > below):
                return function(*args, **kwargs)
            key += (array.shape, array.dtype.char, array.__class__)
            if grad:
                edge = x._node if x._view is None else edge_of(x)
                if edge is not None:
                    wanted |= 1 << len(tensors)
                edges.append(edge)
            tensors.append(x)
        key = (*key, wanted)
        piece = pieces.get(key, 0)
        if piece is None:
            return function(*args, **kwargs)
        if piece.__class__ is int:
            if len(pieces) >= KINDS and not piece:
                pieces.clear()
            pieces[key] = piece + 1 if piece < WORTH else piece_of(function, label, args, kwargs, wanted)
            return function(*args, **kwargs)
        if wanted and piece.call.twice:
            return function(*args, **kwargs)
        try:
            return piece(tensors, edges, wanted)
        except Exception:
            return function(*args, **kwargs)  # which says what is wrong

    again.pieces = pieces
    return again
