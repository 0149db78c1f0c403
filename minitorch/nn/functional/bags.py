"""Sums, means and maxima of rows of a table, bag by bag.   torch: aten/src/ATen/native/EmbeddingBag.cpp"""

import math
import warnings

from ...dtypes import int32, int64
from ...ops.index_checks import within
from ...tables.bags import bag_numbers
from .sparse import renormalize, scaled_gradient

__all__ = ["MODES", "embedding_bag", "mixed_bags"]

MODES = ("sum", "mean", "max")
"""In the order of the numbers that ``torch.embedding_bag`` takes."""


def embedding_bag(
    input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, mode="mean", sparse=False,
    per_sample_weights=None, include_last_offset=False, padding_idx=None,
):  # fmt: skip
    """The sum, mean or max of weight[i] over the indices i of each bag.   torch: F.embedding_bag

    input: (B, L), B bags of L indices, or (n), where bag b begins at offsets[b] and ends before the next; weight: (V, D)
    → (B, D). An empty bag gives zeros.
    per_sample_weights: like input; what each row counts, for mode='sum'. include_last_offset: the last of the offsets
    begins no bag, it is the end of the last one. The index ``padding_idx`` isn't counted. The other arguments are those of ``embedding``.

    >>> F.embedding_bag(tensor([2, 0, 1]), tensor([[1., 2.], [3., 4.], [5., 6.]]), tensor([0, 2]))
    tensor([[3., 4.],
            [3., 4.]])
    """
    if weight.dtype is int64 and input.is_floating_point():
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is deprecated, "
            "and should now be `embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        weight, input = input, weight
    _check_shapes(input, weight, offsets, per_sample_weights)
    _check_mode(mode, scale_grad_by_freq, sparse)
    width = None
    if input.ndim == 2:
        width, include_last_offset = input.shape[1], False
        offsets = input._arange(input.shape[0]) * width
        if not width:
            raise RuntimeError("step must be nonzero\nthe bags are empty: the input has shape " f"{tuple(input.shape)}")  # fmt: skip
        input = input.reshape(-1)
        per_sample_weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    if max_norm is not None:
        renormalize(weight, input, max_norm, norm_type)
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            f"mode='{mode}'). Please open a feature request on GitHub."
        )
    given = weight, input, offsets, scale_grad_by_freq, mode, per_sample_weights, include_last_offset, padding_idx
    return mixed_bags(*given, width=width)[0]


def mixed_bags(
    weight, index, offsets, by_frequency, mode, per_sample_weights, include_last_offset, padding_idx, width=None
):
    """What ``torch.embedding_bag`` gives: the bags, the bag of each index, the size of each bag, where its maxima were.

    width: the size of all bags, if it is known.
    """
    _check_values(weight, index, offsets, per_sample_weights, include_last_offset, padding_idx)
    count = offsets.shape[0] - bool(include_last_offset)
    index, bag = index.long(), None
    if width is None or padding_idx is not None or mode == "max":
        bag = offsets._apply(bag_numbers, (offsets.long(),), (count, index.shape[0]))
    if padding_idx is not None:
        kept = index != padding_idx % weight.shape[0]
        index, bag, width = index[kept], bag[kept], None
        per_sample_weights = None if per_sample_weights is None else per_sample_weights[kept]

    rows = weight.index_select(0, index)
    if by_frequency:
        rows = scaled_gradient(rows, index, weight.shape[0], None, True)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(1)
    sizes = offsets.long().full_like(width) if bag is None else _sizes(bag, offsets, count, padding_idx is None)
    if mode == "max":
        out, places = _largest(rows, index, bag, sizes)
        return out, bag, sizes, places
    if width is not None:
        total = rows.reshape(count, width, rows.shape[1]).sum(1)
    else:
        total = rows.new_zeros(count, rows.shape[1]).index_add(0, bag, rows)
    if mode == "mean":
        total = total / sizes.clamp(min=1).to(total.dtype).unsqueeze(1)
    return total, bag if bag is not None else index._arange(index.shape[0]) // width, sizes, sizes


def _sizes(bag, offsets, count, whole):
    """How many indices each bag has; if all are still there, by where the next one begins."""
    if not whole:
        return bag.bincount(minlength=count)
    begin = offsets[:count].long()
    return begin._cat([begin[1:], begin.new_full((min(count, 1),), bag.shape[0])], 0) - begin


def _largest(rows, index, bag, sizes):
    """The maxima, and the index of the row that each came from: the first of equal ones, which has the gradient."""
    widest = max(sizes.tolist(), default=0)
    if not widest:
        nothing = rows.sum(0) * 0  # zeros, and a part of the graph
        return nothing.expand(sizes.shape[0], -1).clone(), sizes.new_zeros(sizes.shape[0], rows.shape[1])
    within = index._arange(bag.shape[0]) - (sizes.cumsum(0) - sizes)[bag]
    place = sizes.new_zeros(sizes.shape[0], widest).index_put((bag, within), index._arange(bag.shape[0]))
    outside = (index._arange(widest) >= sizes.unsqueeze(1)).unsqueeze(-1)
    seen = rows[place].masked_fill(outside, -math.inf)  # (bags, widest, D)
    best = seen.argmax(1, keepdim=True)
    empty = (sizes == 0).unsqueeze(1)
    out = seen.gather(1, best).squeeze(1).masked_fill(empty, 0)
    return out, index[place.gather(1, best.squeeze(1))].masked_fill(empty, 0)


# -------------------------------------------------------------------------------------------------------------- checks


def _check_shapes(input, weight, offsets, per_sample_weights):
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have the same shape as "
            f"the input ({input.shape})\nthere is one weight for each index"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}\nits rows are mixed")
    if input.ndim not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}\nor flatten it, with offsets")
    if input.ndim == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. However, "
            "found offsets of type <class 'torch.Tensor'>"
        )
    if input.ndim == 1 and offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None\nthey say where each bag begins")
    if input.ndim == 1 and offsets.ndim != 1:
        raise ValueError(f"offsets has to be a 1D Tensor\nit has shape {tuple(offsets.shape)}")


def _check_mode(mode, by_frequency, sparse):
    if mode not in MODES:
        raise ValueError(f"mode has to be one of sum, mean or max\ngot {mode!r}")
    if mode == "max" and by_frequency:
        raise ValueError("max mode does not support scaling the gradient by the frequency\nuse mode='sum' or 'mean'")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights\nuse mode='sum' or 'mean'")


def _check_values(weight, index, offsets, per_sample_weights, include_last_offset, padding_idx):
    where = "(while checking arguments for embedding_bag)"
    for name, x, types in (("indices", index, (int64, int32)), ("offsets", offsets, (int64, int32))):
        if x.dtype not in types:
            raise RuntimeError(
                f"Expected tensor for argument #1 '{name}' to have one of the following scalar types: Long, Int; but got "
                f"torch.{x._type_name()}Tensor instead {where}\nindices are integers: x.long()"
            )
    if not weight.is_floating_point():
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, BFloat16, Float, Double; but "
            f"got torch.{weight._type_name()}Tensor instead {where}"
        )
    if per_sample_weights is not None and per_sample_weights.dtype != weight.dtype:
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have the same type as tensor for argument #1 'per_sample_weights'; but type "
            f"torch.{weight._type_name()}Tensor does not equal torch.{per_sample_weights._type_name()}Tensor {where}"
        )
    v = weight.shape[0]
    if include_last_offset and offsets.shape[0] == 0:
        raise RuntimeError("include_last_offset: number of offset should be at least 1\nthe last one is the end")
    if padding_idx is not None and not -v <= padding_idx < v:
        raise RuntimeError(
            f"padding_idx must be within the number of embeddings, {-v} through {v - 1}, but got {padding_idx}"
        )
    if not within(index, v):
        outside = ((index < 0) | (index >= v)).nonzero()
        raise RuntimeError(
            "embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be "
            f"{int(index[int(outside[0])])}\nthe table has {v} rows"
        )
