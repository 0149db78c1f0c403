"""A linear layer and cross entropy in one, some samples at a time.   torch: nn/modules/linear_cross_entropy.py"""

import dataclasses
import warnings

from ...autograd.function import Function
from ...autograd.reverse import grad
from ...dtypes import bfloat16, dtype, float16, float32, float64, int64
from ...engine import enable_grad, is_grad_enabled
from .classification import cross_entropy
from .linear import linear

__all__ = ["LinearCrossEntropyOptions", "linear_cross_entropy"]

POLICIES = ("auto", "accurate", "balanced", "compact")


@dataclasses.dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How ``linear_cross_entropy`` goes through the samples.   torch: nn.LinearCrossEntropyOptions

    batch_chunk_size: so many samples at a time; or chunking_method: 'aspect_ratio', as many as make the scores of a chunk
    as large as the input, 'aspect_ratio:2', half of them, … ('auto' is the latter).
    acc_dtype: the type to compute in, for an input in half precision. acc_policy and allow_retain_graph are checked, and
    change nothing here: gradients are exact, and can be taken again.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: dtype | None = None

    def __post_init__(self):
        if self.acc_policy not in POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}\nit is one of {POLICIES}")
        if self.chunking_method not in (None, "auto") and not self._divisor():
            raise ValueError(f"invalid chunking_method: {self.chunking_method!r}\nsuch as 'aspect_ratio:2'")
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size!r}\nit counts samples")
        if self.acc_dtype not in (None, float16, bfloat16, float32, float64):
            raise ValueError(
                "acc_dtype must be one of {None, torch.float16, torch.bfloat16, torch.float32, torch.float64}, got "
                f"{self.acc_dtype!r}. Pass acc_dtype=None to let the op pick automatically."
            )

    def _divisor(self):
        """The number in chunking_method, 1 if there is none; 0 if it isn't one."""
        name, colon, number = ("aspect_ratio:2" if self.chunking_method == "auto" else self.chunking_method).partition(
            ":"
        )
        number = number if colon else "1"
        return int(number) if name == "aspect_ratio" and number.isdigit() else 0

    def chunk_size(self, samples, features, classes):
        """How many samples to take at a time."""
        method, size = self.chunking_method, self.batch_chunk_size
        if method is None or (method == "auto" and size is not None):
            return max(1, min(samples if size is None else size, samples))
        wanted = -(-samples // -(-classes // features))
        found = min((1 << (wanted - 1).bit_length()) // self._divisor(), samples)
        if size is not None and min(size, samples) != found:
            raise ValueError(
                f"batch_chunk_size (={size}) and chunking_method ('{method}') give different chunk sizes ({size} vs {found}); pass "
                "only one."
            )
        return max(1, found)


def linear_cross_entropy(
    input, linear_weight, target, *, linear_bias=None, weight=None, reduction="mean", ignore_index=None,
    label_smoothing=0.0, options=None,
):  # fmt: skip
    """cross_entropy(linear(input, linear_weight, linear_bias), target, …).   torch: F.linear_cross_entropy

    input: (N, in) or (in), linear_weight: (C, in) or (C, d1, …, in): then the scores are (N, C, d1, …).
    options: a ``LinearCrossEntropyOptions``, to compute the scores of some samples at a time. None are kept for the way
    back, they are computed again: of a large vocabulary the scores are most of the memory of a training step.

    >>> F.linear_cross_entropy(tensor([[1., 0.]]), torch.zeros(2, 2), tensor([0]))
    tensor(0.6931)
    """
    shape = _scores_shape(input, linear_weight, linear_bias)
    if target.shape == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities\n"
                           "set the rows to ignore to zero instead")  # fmt: skip
    ignore_index = -100 if ignore_index is None else ignore_index
    more = shape[input.ndim :]
    if options is not None:
        chunked = not more and reduction in ("mean", "sum", "none") and not label_smoothing and target.dtype is int64
        if chunked:
            return _by_chunks(input, linear_weight, target, linear_bias, weight, reduction, ignore_index, options)
        warnings.warn(
            "linear_cross_entropy: ``options`` ignored; chunked path needs reduction in {'mean','sum','none'}, label_smoothing == 0, "
            f"target.dtype == int64, out_features == (). Got reduction={reduction!r}, label_smoothing={label_smoothing}, "
            f"target.dtype={target.dtype}, out_features={tuple(more)}, tracing=False, "
            f"linear_bias.shape={None if linear_bias is None else tuple(linear_bias.shape)}.",
            stacklevel=2,
        )
    if more:
        linear_weight = linear_weight.reshape(-1, linear_weight.shape[-1])
        linear_bias = None if linear_bias is None else linear_bias.reshape(-1)
    scores = linear(input, linear_weight, linear_bias).reshape(shape)
    return cross_entropy(
        scores, target, weight=weight, reduction=reduction, ignore_index=ignore_index, label_smoothing=label_smoothing
    )


def _by_chunks(input, linear_weight, target, linear_bias, weight, reduction, ignore_index, options):
    """The same, of some samples at a time; the mean is the sum of all divided by what counts."""
    if input.ndim == 1:
        more = reduction, ignore_index, options
        out = _by_chunks(input.unsqueeze(0), linear_weight, target.unsqueeze(0), linear_bias, weight, *more)
        return out.squeeze(0) if reduction == "none" else out
    wide = options.acc_dtype or (float32 if input.dtype in (float16, bfloat16) else input.dtype)
    operands = [x if x is None else x.to(wide) for x in (linear_weight, linear_bias, weight)]
    size = options.chunk_size(*input.shape, linear_weight.shape[0])
    each = "none" if reduction == "none" else "sum"
    losses = [
        _Chunk.apply(x, operands[0], operands[1], t, operands[2], ignore_index, each)
        for x, t in zip(input.to(wide).split(size), target.split(size), strict=True)
    ]
    if reduction == "none":
        return input._cat(losses, 0).to(input.dtype)
    total = input._stack(losses, 0).sum()
    if reduction == "mean":
        valid = target != ignore_index
        if weight is None:
            total = total / valid.sum()
        else:
            total = total / operands[2].index_select(0, target.where(valid, 0)).where(valid, 0).sum()
    return total.to(input.dtype)


class _Chunk(Function):
    """The loss of some samples. Their scores aren't kept for the way back, but computed again."""

    @staticmethod
    def forward(ctx, x, linear_weight, linear_bias, *settings):
        ctx.save_for_backward(x, linear_weight, linear_bias)
        ctx.settings = settings
        return _loss(x, linear_weight, linear_bias, *settings)

    @staticmethod
    def backward(ctx, g):
        inputs = ctx.saved_tensors
        wanting = [i for i, wanted in enumerate(ctx.needs_input_grad[:3]) if wanted]
        with enable_grad():
            loss = _loss(*inputs, *ctx.settings)
        found = dict(
            zip(wanting, grad([loss], [inputs[i] for i in wanting], [g], create_graph=is_grad_enabled()), strict=True)
        )
        return *[found.get(i) for i in range(3)], *[None] * len(ctx.settings)


def _loss(x, linear_weight, linear_bias, target, weight, ignore_index, reduction):
    return cross_entropy(
        linear(x, linear_weight, linear_bias), target, weight, ignore_index=ignore_index, reduction=reduction
    )


def _scores_shape(input, weight, bias):
    """The shape of the scores. Raises RuntimeError if input, weight and bias don't go together."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}\nit is (N, in) or (in)")
    if weight.ndim < 2:
        raise RuntimeError(
            f"expected linear_weight with dimensionality at least 2, got {weight.ndim}\nit is (C, *, in)"
        )
    if input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            f"expected equal input and linear_weight last dimensions (in_features), got {input.shape[-1]} and {weight.shape[-1]}, "
            "respectively\nlinear_weight is (C, *, in)"
        )
    out = tuple(weight.shape[:-1])
    if bias is not None and tuple(bias.shape) != out:
        raise RuntimeError(
            f"expected linear_bias shape {out}, got {tuple(bias.shape)}\nthat of linear_weight without its last dim"
        )
    if len(out) > 1 and input.ndim == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} requires batched input, (N, "
            f"{input.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
    return (*input.shape[:-1], *out)
