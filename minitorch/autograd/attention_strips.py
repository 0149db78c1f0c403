"""Attention, strip by strip: softmax(scale · Q Kᵀ + mask) V and its gradients, of whose scores a few are in memory at a time.

    strip    some queries of some matrices of the batch; where query i sees the keys 0 … i, the keys behind the last of them are left out

Going back, a strip's weights P are computed once more; see native/attention.py for the formulas, and for the same in machine code.
Keys, values and a mask may have a size of 1 where the queries have more: it is the same one for all of these.
"""

import math
from itertools import product

from ..dtypes import int64

__all__ = [
    "ENOUGH", "attention_in_strips", "attention_in_strips_back", "masked_attention_in_strips", "masked_attention_in_strips_back",
]  # fmt: skip

ENOUGH = 1 << 16
"""Scores from which attention goes in strips: from so many on softmax has machine code for its rows."""

SCORES = 1 << 18
"""Scores of a strip. With fewer there are more calls than need be: a quarter of them takes a third longer for 1,024 queries."""

FEWEST = 64
"""Queries of a strip that is cut for the sake of a triangle."""


def attention_in_strips(xp, q, k, v, scale, causal):
    """(*, L, E), (*, S, E), (*, S, F) → (*, L, F). scale: a number."""
    return forth(xp, q, k, v, Cover(xp, None, causal), scale)


def masked_attention_in_strips(xp, q, k, v, mask, scale):
    """The same with truths that say which scores are seen, or numbers to add. A query that sees nothing gets zeros."""
    return forth(xp, q, k, v, Cover(xp, mask), scale)


def attention_in_strips_back(xp, g, q, k, v, scale, causal):
    """The gradients of q, k and v one after the other, in one dimension."""
    return back(xp, g, q, k, v, Cover(xp, None, causal), scale)


def masked_attention_in_strips_back(xp, g, q, k, v, mask, scale):
    return back(xp, g, q, k, v, Cover(xp, mask), scale)


def forth(xp, q, k, v, cover, scale):
    out = xp.room((*q.shape[:-1], v.shape[-1]), q.dtype)
    for rows, keys in strips(q.shape[:-1], k.shape[-2], cover.causal):
        weights, _ = weights_of(xp, part(q, rows), part(k, keys), cover, rows, keys, scale)
        out[rows] = xp.matmul(weights, part(v, keys))
    return out


def back(xp, g, q, k, v, cover, scale):
    gradients, start, parts = xp.zeros(q.size + k.size + v.size, q.dtype), 0, []
    for x in (q, k, v):
        parts.append(gradients[start : start + x.size].reshape(x.shape))
        start += x.size
    for rows, keys in strips(q.shape[:-1], k.shape[-2], cover.causal):
        mine, theirs, given = part(q, rows), part(k, keys), g[rows]
        p, seen = weights_of(xp, mine, theirs, cover, rows, keys, scale)
        slopes = xp.softmax_grad(xp.matmul(given, part(v, keys).swapaxes(-1, -2)), p, -1)
        if seen is not None:
            xp.put_elsewhere(slopes, seen, 0)
        slopes *= scale
        parts[0][rows] = xp.matmul(slopes, theirs)
        add(parts[1], keys, xp.matmul(slopes.swapaxes(-1, -2), mine))
        add(parts[2], keys, xp.matmul(p.swapaxes(-1, -2), given))
    return gradients


class Cover:
    """What lies over the scores: the triangle that lets query i see the keys 0 … i (``causal``), or a mask, or nothing."""

    def __init__(self, xp, mask, causal=False):
        self.xp, self.mask, self.causal = xp, mask, causal

    def over(self, scores, rows, keys):
        """Lay it over a strip's scores; gives which of them are seen, None if that isn't said by truths."""
        if self.causal:
            queries, columns = [self.xp.arange(x.start, 1, x.stop - x.start, int64) for x in (rows[-1], keys[-1])]
            seen = columns <= queries.reshape(-1, 1)
        elif self.mask is None:
            return None
        else:
            seen = part(self.mask, (*rows, keys[-1])[-self.mask.ndim :])
            if seen.dtype.char != "?":
                scores += seen
                return None
        self.xp.put_elsewhere(scores, seen, -math.inf)
        return seen


def weights_of(xp, q, k, cover, rows, keys, scale):
    """(the softmax of a strip's scores, which of them take a gradient: None for all)"""
    scores = xp.matmul(q * scale, k.swapaxes(-1, -2))
    seen = cover.over(scores, rows, keys)
    weights = xp.softmax(scores, -1)
    if cover.mask is not None and xp.isnan(weights[..., 0]).any():  # a softmax that fails does so in all of its row
        some = (scores != -math.inf).any(-1, keepdims=True)
        xp.put_elsewhere(weights, some, 0)
        seen = some if seen is None else xp.logical_and(seen, some)
    return weights, seen


def part(x, where):
    """A part of an array, cut by slices of all dims, or all but the last; where its size is 1 it isn't cut."""
    return x[tuple([slice(None) if n == 1 else cut for n, cut in zip(x.shape, where)])]


def add(whole, where, x):
    """Add to a part of an array, the sum of what belongs to the same place."""
    dims = tuple([dim for dim, n in enumerate(whole.shape) if n == 1 and x.shape[dim] > 1])
    place = part(whole, where)
    place += x.sum(dims, keepdims=True) if dims else x


def strips(shape, count, causal):
    """(where the queries of a strip are, where the keys that they see), each as slices of all dims but the last.

    shape: (*, L) of the queries; count: of keys. With a triangle the queries are cut in four first: the earlier see fewer keys.

    >>> from minitorch.autograd.attention_strips import strips
    >>> [rows for rows, _ in strips((5, 4, 128), 512, False)][-1]
    (slice(4, 5, None), slice(0, 4, None), slice(0, 128, None))
    >>> list(strips((2, 512), 1024, True))[1]
    ((slice(0, 2, None), slice(128, 256, None)), (slice(0, 2, None), slice(0, 256, None)))
    """
    *batch, queries = shape
    block = max(FEWEST, -(-queries // 4)) if causal else queries
    for first in range(0, queries, block):
        last = min(first + block, queries)
        for *others, mine in cuts((*batch, last - first), min(last, count) if causal else count):
            rows = slice(first + mine.start, first + mine.stop)
            yield (*others, rows), (*others, slice(0, min(rows.stop, count) if causal else count))


def cuts(shape, count):
    """Slices of all dims of queries, who see so many keys, for strips of about SCORES scores."""
    dim = next((d for d in range(len(shape)) if math.prod(shape[d + 1 :]) * count <= SCORES), len(shape) - 1)
    size = max(1, SCORES // (math.prod(shape[dim + 1 :]) * count))
    inner = [slice(0, n) for n in shape[dim + 1 :]]
    for outer in product(*[range(n) for n in shape[:dim]]):
        for start in range(0, shape[dim], size):
            yield *[slice(i, i + 1) for i in outer], slice(start, min(start + size, shape[dim])), *inner
