"""Attention.   torch: aten/src/ATen/native/transformers/attention.cpp"""

import math

from ...creation import ones
from ...dtypes import bool as bool_
from .dropout import dropout

__all__ = ["scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """softmax(scale · Q Kᵀ + mask) V.   torch: F.scaled_dot_product_attention.   Vaswani et al. 2017, arXiv:1706.03762

    query: (*, L, E), key: (*, S, E), value: (*, S, F) → (*, L, F); scale: 1/√E unless given. attn_mask broadcasts
    against (*, L, S): boolean, True where a query may look, or a number to add. A query that may look nowhere gets zeros.
    is_causal: query i sees the keys 0 … i. enable_gqa: fewer heads in key and value than in query, each used by several.

    >>> F.scaled_dot_product_attention(torch.zeros(1, 2), torch.zeros(2, 2), tensor([[1., 2.], [3., 4.]]))
    tensor([[2., 3.]])
    """
    _check_attention(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = _repeated_heads(key, query), _repeated_heads(value, query)

    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale).matmul(key.mT)  # (*, L, S)
    if is_causal:
        attn_mask = ones(*scores.shape[-2:], dtype=bool_, device=query.device).tril()
        weights = scores.where(attn_mask, -math.inf).softmax(-1)
    elif attn_mask is None:
        weights = scores.softmax(-1)
    else:
        weights = _masked_softmax(scores, attn_mask)
    return dropout(weights, dropout_p).matmul(value)


def _masked_softmax(scores, mask):
    """A softmax that gives a row of zeros, and not of nan, where everything is masked."""
    scores = scores.where(mask, -math.inf) if mask.dtype == bool_ else scores + mask
    seen = (scores != -math.inf).any(-1, keepdim=True)
    return scores.where(seen, 0).softmax(-1).where(seen, 0)


def _repeated_heads(x, query):
    """(*, heads, S, E) with each head as often as the query has heads for it."""
    times = query.shape[-3] // x.shape[-3]
    if times * x.shape[-3] != query.shape[-3]:
        raise RuntimeError("Number of heads in key and value must divide the number of heads in \n"
                           f"the query: it has {query.shape[-3]}, they have {x.shape[-3]}")  # fmt: skip
    if times == 1:
        return x
    return x.unsqueeze(-3).expand(*x.shape[:-2], times, *x.shape[-2:]).flatten(-4, -3)


def _c_name(x):
    name = x._type_name("c")
    return "long int" if name == "long" else name


def _check_attention(query, key, value, attn_mask, is_causal):
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {_c_name(query)} key.dtype: "
            f"{_c_name(key)} and value.dtype: {_c_name(value)} instead.\ncast them to one: x.to(query.dtype)"
        )
    if query.ndim < 2 or key.ndim < 2 or value.ndim < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead.\nthey are (*, length, features)"
        )
    if attn_mask is None:
        return
    if attn_mask.dtype not in (bool_, query.dtype) and not attn_mask.dtype.is_floating_point:
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{_c_name(attn_mask)} and  query.dtype: {_c_name(query)} instead.\nTrue means: may be looked at"
        )
    if is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True\n"
                           "put the triangle into the mask: mask & ones(L, S, dtype=bool).tril()")  # fmt: skip
