"""Attention.   torch: aten/src/ATen/native/transformers/attention.cpp"""

import math
import warnings

from ...autograd.attention import attention_weights, fused_attention
from ...creation import zeros_like
from ...dtypes import bool as bool_
from ...dtypes import float32
from ...ops.joining import cat
from .dropout import dropout
from .linear import linear

__all__ = ["canonical_mask", "multi_head_attention_forward", "scaled_dot_product_attention"]


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
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if enable_gqa:
        times = [_times(x, query) for x in (key, value)]
        if max(times) > 1 and times[0] == times[1] and not query.is_cuda:
            query, key, value, attn_mask = _in_groups(query, key, value, attn_mask, times[0])
            return scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale).flatten(-4, -3)
        key, value = [_repeated_heads(x, n) for x, n in zip((key, value), times)]
    if dropout_p:
        return dropout(attention_weights(query, key, scale, is_causal, attn_mask), dropout_p).matmul(value)
    return fused_attention(query, key, value, scale, is_causal, attn_mask)


def _times(x, query):
    """How many heads of the query use each of x."""
    times = query.shape[-3] // x.shape[-3]
    if times * x.shape[-3] != query.shape[-3]:
        raise RuntimeError("Number of heads in key and value must divide the number of heads in \n"
                           f"the query: it has {query.shape[-3]}, they have {x.shape[-3]}")  # fmt: skip
    return times


def _in_groups(query, key, value, mask, times):
    """The query's heads in groups (*, heads, times, L, E), and a head of key and value for each, (*, heads, 1, S, E): no copies."""
    if mask is not None and mask.ndim > 2:
        mask = mask.unsqueeze(-3) if mask.shape[-3] == 1 else mask.unflatten(-3, (-1, times))
    return query.unflatten(-3, (-1, times)), key.unsqueeze(-3), value.unsqueeze(-3), mask


def _repeated_heads(x, times):
    """(*, heads, S, E) with each head so often: what a GPU's kernel reads."""
    return x if times == 1 else x.unsqueeze(-3).expand(*x.shape[:-2], times, *x.shape[-2:]).flatten(-4, -3)


def _check_attention(query, key, value, attn_mask, is_causal):
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {query._type_name('c')} key.dtype: "
            f"{key._type_name('c')} and value.dtype: {value._type_name('c')} instead.\ncast them to one: x.to(query.dtype)"
        )
    if query.ndim < 2 or key.ndim < 2 or value.ndim < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead.\nthey are (*, length, features)"
        )
    if attn_mask is None:
        return
    if attn_mask.dtype not in (bool_, float32, query.dtype):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{attn_mask._type_name('c')} and  query.dtype: {query._type_name('c')} instead.\nTrue means: may be looked at"
        )
    if is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True\n"
                           "put the triangle into the mask: mask & ones(L, S, dtype=bool).tril()")  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- many heads


def multi_head_attention_forward(
    query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k, bias_v, add_zero_attn,
    dropout_p, out_proj_weight, out_proj_bias, training=True, key_padding_mask=None, need_weights=True, attn_mask=None,
    use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, static_k=None,
    static_v=None, average_attn_weights=True, is_causal=False,
):  # fmt: skip
    """Attention by several heads, each on its own projection of query, key and value: what ``nn.MultiheadAttention`` does.

    query: (L, N, E), key: (S, N, E_k), value: (S, N, E_v), or without N → (L, N, E), and the heads' weights (N, L, S), their
    mean, or (N, heads, L, S), or None. Masks: True, or -inf, where nobody may look; key_padding_mask: (N, S), attn_mask:
    (L, S) or (N · heads, L, S).   torch: F.multi_head_attention_forward.   Vaswani et al. 2017, arXiv:1706.03762
    """
    batched = _check_ranks(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    attn_mask, key_padding_mask, is_causal = _masks(query, attn_mask, key_padding_mask, is_causal, need_weights)
    head_dim = _check_sizes(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected(query, key, value, weights, in_proj_bias)

    (length, batch, embed_dim), heads = query.shape, query.shape[1] * num_heads
    attn_mask = _in_three_dims(attn_mask, (length, key.shape[0]), heads)
    extra = 0
    if bias_k is not None or bias_v is not None:
        _check_bias(bias_k, bias_v, static_k, static_v)
        k, v = cat([k, bias_k.repeat(1, batch, 1)]), cat([v, bias_v.repeat(1, batch, 1)])
        extra += 1
    q = q.reshape(length, heads, head_dim).transpose(0, 1)  # (N · heads, L, E / heads)
    k = _by_head(k, static_k, "static_k", heads, head_dim)
    v = _by_head(v, static_v, "static_v", heads, head_dim)
    if add_zero_attn:
        k, v = [cat([x, x.new_zeros((heads, 1, head_dim))], 1) for x in (k, v)]
        extra += 1
    attn_mask = _merged(_widened(attn_mask, extra), _widened(key_padding_mask, extra), (batch, num_heads, k.shape[1]))

    seen = _looked(q, k, v, attn_mask, is_causal, dropout_p if training else 0.0, need_weights, (batch, num_heads))
    output = linear(seen[0].transpose(0, 1).reshape(length * batch, embed_dim), out_proj_weight, out_proj_bias)
    output, weights = output.view(length, batch, output.shape[1]), seen[1]
    if weights is not None and average_attn_weights:
        weights = weights.mean(1)
    if not batched:
        output, weights = output.squeeze(1), weights if weights is None else weights.squeeze(0)
    return output, weights


def _looked(q, k, v, mask, is_causal, dropout_p, need_weights, split):
    """The heads' attention, (N · heads, L, E / heads); and if asked for its weights, (N, heads, L, S)."""
    if not need_weights:
        q, k, v = [x.unflatten(0, split) for x in (q, k, v)]
        if mask is not None:
            mask = mask.unsqueeze(0) if mask.shape[0] == 1 else mask.unflatten(0, split)
        return scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal).flatten(0, 1), None
    if is_causal and mask is None:
        raise AssertionError("FIXME: is_causal not implemented for need_weights\npass attn_mask as well")
    scores = (q * math.sqrt(1 / q.shape[-1])).bmm(k.mT)
    weights = dropout((scores if mask is None else scores + mask).softmax(-1), dropout_p)
    return weights.bmm(v), weights.unflatten(0, split)


def canonical_mask(mask, mask_name, other_type, other_name, target_type, check_other=True):
    """A mask as numbers to add: 0, and -inf where it was True.   torch: F._canonical_mask"""
    if mask is None:
        return None
    if mask.dtype is not bool_ and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {mask_name} are supported\nTrue means: don't look there")
    if check_other and other_type is not None and mask.dtype is not other_type:
        warnings.warn(
            f"Support for mismatched {mask_name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    if mask.is_floating_point():
        return mask
    return zeros_like(mask, dtype=target_type).masked_fill_(mask, -math.inf)


def _masks(query, attn_mask, key_padding_mask, is_causal, need_weights):
    """Both masks as numbers to add, and whether the triangle is left to the attention itself."""
    other = None if attn_mask is None else attn_mask.dtype
    key_padding_mask = canonical_mask(key_padding_mask, "key_padding_mask", other, "attn_mask", query.dtype)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and key_padding_mask is None and not need_weights:
        return None, None, True
    attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, check_other=False)
    return attn_mask, key_padding_mask, is_causal and key_padding_mask is None


def _projected(query, key, value, weights, bias):
    """Query, key and value by their weights, (E, E_·) each, or all in one (3 E, E)."""
    if weights is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    if isinstance(weights, tuple):
        for name, weight in zip("qkv", weights, strict=True):
            if weight is None:
                raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        _check_projections(query, key, value, weights, biases)
        return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]
    e = query.shape[-1]
    if key is value and query is key:
        return linear(query, weights, bias).chunk(3, -1)
    if key is value:
        (w, w_kv), (b, b_kv) = weights.split([e, 2 * e]), (None, None) if bias is None else bias.split([e, 2 * e])
        return (linear(query, w, b), *linear(key, w_kv, b_kv).chunk(2, -1))
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights.chunk(3), biases, strict=True)]


def _in_three_dims(mask, size, heads):
    """attn_mask as (1, L, S) or (N · heads, L, S)."""
    if mask is None:
        return None
    wanted = tuple(size) if mask.ndim == 2 else (heads, *size)
    if tuple(mask.shape) != wanted:
        raise RuntimeError(f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {wanted}.")
    return mask.unsqueeze(0) if mask.ndim == 2 else mask


def _by_head(x, static, name, heads, head_dim):
    """(S, N, E) as (N · heads, S, E / heads); or what is given in its place."""
    if static is None:
        return x.reshape(x.shape[0], heads, head_dim).transpose(0, 1)
    for dim, wanted in ((0, heads), (2, head_dim)):
        if static.shape[dim] != wanted:
            raise AssertionError(f"expecting {name}.size({dim}) of {wanted}, but got {static.shape[dim]}")
    return static


def _widened(mask, extra):
    """The mask with keys more at its end, at which everybody may look."""
    if mask is None or not extra:
        return mask
    return mask.pad_widths([*[(0, 0)] * (mask.ndim - 1), (0, extra)], 0)


def _merged(attn_mask, key_padding_mask, sizes):
    """Both masks in one, (N · heads, L or 1, S)."""
    if key_padding_mask is None:
        return attn_mask
    batch, num_heads, length = sizes
    for dim, wanted in enumerate((batch, length)):
        if key_padding_mask.shape[dim] != wanted:
            got = key_padding_mask.shape[dim]
            raise AssertionError(f"Expected key_padded_mask.shape[{dim}] to be {wanted}, but got {got}")
    padding = key_padding_mask.view(batch, 1, 1, length).expand(-1, num_heads, -1, -1).reshape(batch * num_heads, 1, length)
    return padding if attn_mask is None else attn_mask + padding


def _check_ranks(query, key, value, key_padding_mask, attn_mask, num_heads):
    """Whether there is a batch dim. Raises AssertionError where ranks don't belong together."""
    if query.ndim not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor")
    batched = query.ndim == 3
    kind = "batched (3-D)" if batched else "unbatched (2-D)"
    if key.ndim != query.ndim or value.ndim != query.ndim:
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {query.ndim}-D but found {key.ndim}-D and {value.ndim}-D "
            "tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.ndim != query.ndim - 1:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {query.ndim - 1}-D but found "
            f"{key_padding_mask.ndim}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.ndim not in (2, 3):
        raise AssertionError(
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.ndim}-D tensor instead"
        )
    if attn_mask is not None and not batched and attn_mask.ndim == 3:
        wanted = (num_heads, query.shape[0], key.shape[0])
        if tuple(attn_mask.shape) != wanted:
            raise AssertionError(f"Expected `attn_mask` shape to be {wanted} but got {attn_mask.shape}")
    return batched


def _check_sizes(query, key, value, embed_dim, num_heads, separate):
    """The features of each head. Raises AssertionError where sizes don't belong together."""
    found = query.shape[-1]
    if found != embed_dim:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim}, but got {found}")
    head_dim = found // num_heads
    if head_dim * num_heads != found:
        raise AssertionError(f"embed_dim {found} not divisible by num_heads {num_heads}")
    if separate and key.shape[:2] != value.shape[:2]:
        raise AssertionError(f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}")
    if not separate and key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
    return head_dim


def _check_projections(query, key, value, weights, biases):
    e = query.shape[-1]
    names = ("query", "key", "value")
    for name, x, weight in zip(names, (query, key, value), weights, strict=True):
        if tuple(weight.shape) != (e, x.shape[-1]):
            raise AssertionError(f"expecting {name} weights shape of {(e, x.shape[-1])}, but got {weight.shape}")
    for name, bias in zip(names, biases, strict=True):
        if bias is not None and tuple(bias.shape) != (e,):
            raise AssertionError(f"expecting {name} bias shape of {(e,)}, but got {bias.shape}")


def _check_bias(bias_k, bias_v, static_k, static_v):
    if bias_k is None or bias_v is None:
        raise AssertionError("bias_k is set but bias_v is None" if bias_v is None else "bias_v is set but bias_k is None")
    if static_k is not None or static_v is not None:
        raise AssertionError(f"bias cannot be added to static {'value' if static_k is None else 'key'}.")
