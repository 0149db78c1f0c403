"""Attention, strip by strip: softmax(scale · Q Kᵀ) V and its gradients, of whose scores a few are in memory at a time.

    strip    some matrices of the batch, or some queries of one; where query i sees the keys 0 … i, the keys behind the last of them
             are left out

Going back, a strip's weights P are computed once more; see native/attention.py for the formulas, and for the same in machine code.
"""

import math
from itertools import product

from ..dtypes import int64

__all__ = ["ENOUGH", "attention_in_strips", "attention_in_strips_back"]

ENOUGH = 1 << 16
"""Scores from which attention goes in strips: from so many on softmax has machine code for its rows."""

SCORES = 1 << 18
"""Scores of a strip. With fewer there are more calls than need be: a quarter of them takes a third longer for 1,024 queries."""


def attention_in_strips(xp, q, k, v, scale, causal):
    """(*, L, E), (*, S, E), (*, S, F) → (*, L, F), with the same dims before the last two. scale: a number."""
    out = xp.room((*q.shape[:-1], v.shape[-1]), q.dtype)
    for rows, keys in strips(q.shape[:-1], k.shape[-2], causal):
        out[rows] = xp.matmul(weights(xp, q[rows], k[keys], rows[-1], scale, causal), v[keys])
    return out


def attention_in_strips_back(xp, g, q, k, v, scale, causal):
    """The gradients of q, k and v one after the other, in one dimension."""
    gradients, start, parts = xp.zeros(q.size + k.size + v.size, q.dtype), 0, []
    for x in (q, k, v):
        parts.append(gradients[start : start + x.size].reshape(x.shape))
        start += x.size
    for rows, keys in strips(q.shape[:-1], k.shape[-2], causal):
        p = weights(xp, q[rows], k[keys], rows[-1], scale, causal)
        slopes = xp.softmax_grad(xp.matmul(g[rows], v[keys].swapaxes(-1, -2)), p, -1)
        slopes *= scale
        parts[0][rows] = xp.matmul(slopes, k[keys])
        parts[1][keys] += xp.matmul(slopes.swapaxes(-1, -2), q[rows])
        parts[2][keys] += xp.matmul(p.swapaxes(-1, -2), g[rows])
    return gradients


def weights(xp, q, k, rows, scale, causal):
    """The softmax of a strip's scores; ``rows``: which queries it has."""
    scores = xp.matmul(q * scale, k.swapaxes(-1, -2))
    if causal:
        queries, keys = [xp.arange(start, 1, n, int64) for start, n in ((rows.start, q.shape[-2]), (0, k.shape[-2]))]
        xp.copyto(scores, -math.inf, where=keys > queries.reshape(-1, 1))
    return xp.softmax(scores, -1)


def strips(shape, count, causal):
    """(where the queries of a strip are, where the keys that they see), each as slices of all dims but the last.

    shape: (*, L) of the queries; count: of keys.

    >>> from minitorch.autograd.attention_strips import strips
    >>> [rows for rows, _ in strips((5, 4, 128), 512, False)][-1]
    (slice(4, 5, None), slice(0, 4, None), slice(0, 128, None))
    >>> list(strips((2, 512), 1024, True))[1]
    ((slice(0, 1, None), slice(256, 512, None)), (slice(0, 1, None), slice(0, 512, None)))
    """
    dim = next((d for d in range(len(shape)) if math.prod(shape[d + 1 :]) * count <= SCORES), len(shape) - 1)
    size = max(1, SCORES // (math.prod(shape[dim + 1 :]) * count))
    inner = [slice(0, n) for n in shape[dim + 1 :]]
    for outer in product(*[range(n) for n in shape[:dim]]):
        for start in range(0, shape[dim], size):
            rows = (*[slice(i, i + 1) for i in outer], slice(start, min(start + size, shape[dim])), *inner)
            seen = min(rows[-1].stop, count) if causal else count
            yield rows, (*rows[:-1], slice(0, seen))
