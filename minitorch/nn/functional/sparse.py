"""Rows picked by number.   torch: aten/src/ATen/native/Embedding.cpp"""

import math

from ...creation import zeros
from ...dtypes import int32, int64
from ...engine import no_grad
from ...ops.index_checks import within

__all__ = ["embedding", "one_hot", "renormalize", "scaled_gradient"]


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """weight[input]: one row for each index.   input: (*) integers, weight: (V, D) → (*, D).   torch: F.embedding

    The row ``padding_idx`` gets no gradient. Rows longer than ``max_norm`` are shortened to it, in place, when they are
    used. ``scale_grad_by_freq`` divides a row's gradient by how often the row is in the input. ``sparse`` is accepted;
    gradients are dense.

    >>> F.embedding(tensor([2, 0]), tensor([[1., 2.], [3., 4.], [5., 6.]]))
    tensor([[5., 6.],
            [1., 2.]])
    """
    _check_embedding(input, weight)
    if padding_idx is not None:
        rows = weight.shape[0]
        assert -rows <= padding_idx < rows, "Padding_idx must be within num_embeddings"
        padding_idx %= rows

    if max_norm is None and padding_idx is None and not scale_grad_by_freq:
        if not within(input, weight.shape[0]):
            raise _bad_index(input, weight)
        return weight.index_at((input,), (0,))
    index = input.reshape(-1)
    try:
        if max_norm is not None:
            renormalize(weight, index, max_norm, norm_type)
        out = weight.index_select(0, index)
    except (IndexError, RuntimeError):
        raise _bad_index(index, weight) from None
    if padding_idx is not None or scale_grad_by_freq:
        out = scaled_gradient(out, index, weight.shape[0], padding_idx, scale_grad_by_freq)
    return out.view(*input.shape, weight.shape[1])


def renormalize(weight, index, max_norm, norm_type):
    """Shorten the rows in use. A row that is used twice is written twice, with the same values."""
    with no_grad():
        rows = weight.index_select(0, index)
        norms = rows.norm(norm_type, 1, keepdim=True)
        weight[index] = rows * (max_norm / (norms + 1e-7)).masked_fill(norms <= max_norm, 1)


def scaled_gradient(out, index, rows, padding_idx, by_frequency):
    """``out`` itself, with each row's gradient multiplied by a number: x·s - (x·s without trace) is 0 with slope s."""
    if by_frequency:
        ones = out.new_ones(index.shape[0])
        scale = 1 / out.new_zeros(rows).index_add(0, index, ones).index_select(0, index)
    else:
        scale = out.new_ones(index.shape[0])
    if padding_idx is not None:
        scale = scale.masked_fill(index == padding_idx, 0)
    scaled = out * scale.unsqueeze(1)
    return out.detach() + (scaled - scaled.detach())


def _check_embedding(input, weight):
    if input.dtype not in (int64, int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"torch.{input._type_name()}Tensor instead (while checking arguments for embedding)\n"
            "indices are integers: input.long()"
        )
    if weight.ndim != 2:
        raise RuntimeError(
            f"'weight' must be 2-D\nit has shape {tuple(weight.shape)}: one row for each index is wanted"
        )


def _bad_index(index, weight):
    rows = weight.shape[0]
    worst = index[(index < 0) | (index >= rows)]
    if worst.numel() == 0:
        raise  # it wasn't the index: let the original speak
    return IndexError(f"index out of range in self\nindex {int(worst[0])} in a table of {rows} rows, 0 to {rows - 1}")


def one_hot(tensor, num_classes=-1):
    """A new last dimension with a 1 at each index, else 0.   (*) → (*, num_classes), int64.   torch: F.one_hot

    >>> F.one_hot(tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.dtype != int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.\nuse tensor.long()")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.\ngive num_classes")
        return zeros(*tensor.shape, num_classes, dtype=int64, device=tensor.device)
    if not within(tensor, math.inf):
        raise RuntimeError(f"Class values must be non-negative.\nthe least is {int(tensor.min())}")
    if num_classes == -1:
        num_classes = int(tensor.max()) + 1
    elif not within(tensor, num_classes):
        raise RuntimeError("Class values must be smaller than num_classes.\n"
                           f"the largest is {int(tensor.max())}, num_classes is {num_classes}")  # fmt: skip
    out = zeros(*tensor.shape, num_classes, dtype=int64, device=tensor.device)
    return out.scatter_(-1, tensor.unsqueeze(-1), 1)
