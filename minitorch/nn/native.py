"""The functions of ``torch`` that are those of ``torch.nn.functional`` with other arguments, and some that layers are made of.

    torch.batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled)

Here a reduction is a number, 0 none, 1 mean, 2 sum, and is none unless given. What says whether cuDNN is used is accepted,
and changes nothing.

torch: aten/src/ATen/native/native_functions.yaml
"""

from ..creation import empty
from ..dtypes import bfloat16, float16, float32
from ..dtypes import bool as bool_dtype
from . import functional as F
from .functional.bags import MODES, mixed_bags
from .functional.dropout import drop_features, dropout_on_gpu
from .functional.padding import pad_constant
from .functional.sparse import renormalize
from .functional.vision import affine_grid_generator, grid_sampler

__all__ = [
    "adaptive_max_pool1d", "affine_grid_generator", "alpha_dropout", "alpha_dropout_", "batch_norm",
    "binary_cross_entropy_with_logits", "constant_pad_nd", "convolution", "cosine_embedding_loss", "ctc_loss", "dropout",
    "dropout_", "embedding", "embedding_bag", "embedding_renorm_", "feature_alpha_dropout", "feature_alpha_dropout_",
    "feature_dropout", "feature_dropout_", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "group_norm",
    "hinge_embedding_loss", "instance_norm", "kl_div", "layer_norm", "margin_ranking_loss", "native_batch_norm",
    "native_dropout", "native_group_norm", "native_layer_norm", "norm_except_dim", "poisson_nll_loss", "rrelu", "rrelu_",
    "triplet_margin_loss",
]  # fmt: skip

REDUCTIONS = ("none", "mean", "sum")

# --------------------------------------------------------------------------------------------------------------- norms


def batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled=True):
    """``F.batch_norm``.   torch: torch.batch_norm"""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled=True
):
    """``F.instance_norm``.   torch: torch.instance_norm"""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):
    """``F.layer_norm``.   torch: torch.layer_norm"""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True):
    """``F.group_norm``.   torch: torch.group_norm"""
    return F.group_norm(input, num_groups, weight, bias, eps)


def _wide(x):
    return x.to(float32) if x.dtype in (float16, bfloat16) else x


def _moments(x, dims, eps):
    """The mean, and 1 / sqrt(var + eps), over ``dims``."""
    mean = x.mean(dims, keepdim=True)
    return mean, ((x - mean).square().mean(dims, keepdim=True) + eps).rsqrt()


def native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps):
    """``batch_norm``; in training also the batch's mean, and 1 / sqrt(var + eps).   torch: torch.native_batch_norm"""
    if not training:
        out = F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
        return out, input.new_empty(0), input.new_empty(0)
    mean, scale = _moments(_wide(input.detach()), (0, *range(2, input.ndim)), eps)
    out = F.batch_norm(input, running_mean, running_var, weight, bias, True, momentum, eps)
    return out, mean.reshape(-1), scale.reshape(-1)


def native_layer_norm(input, normalized_shape, weight, bias, eps):
    """``layer_norm``, the mean, and 1 / sqrt(var + eps).   torch: torch.native_layer_norm"""
    out = F.layer_norm(input, normalized_shape, weight, bias, eps)
    mean, scale = _moments(_wide(input.detach()), tuple(range(-len(normalized_shape), 0)), eps)
    return out, mean.to(input.dtype), scale.to(input.dtype)


def native_group_norm(input, weight, bias, N, C, HxW, group, eps):
    """``group_norm``, and each group's mean and 1 / sqrt(var + eps), (N, group).   torch: torch.native_group_norm"""
    out = F.group_norm(input, group, weight, bias, eps)
    mean, scale = _moments(_wide(input).reshape(N, group, C // group * HxW), (-1,), eps)
    return out, mean.squeeze(-1).to(input.dtype), scale.squeeze(-1).to(input.dtype)


def norm_except_dim(v, pow=2, dim=0):
    """The norm over all dims but ``dim``, which stay; over all of them for -1.   torch: torch.norm_except_dim"""
    if dim == -1:
        return v.norm(pow)
    return v.norm(pow, [d for d in range(v.ndim) if d != dim], keepdim=True)


# ------------------------------------------------------------------------------------------------------------- dropout


def dropout(input, p, train):
    """``F.dropout``.   torch: torch.dropout"""
    return F.dropout(input, p, train)


def dropout_(input, p, train):
    """``dropout`` in place.   torch: torch.dropout_"""
    return F.dropout(input, p, train, inplace=True)


def alpha_dropout(input, p, train):
    """``F.alpha_dropout``.   torch: torch.alpha_dropout"""
    return F.alpha_dropout(input, p, train)


def alpha_dropout_(input, p, train):
    """``alpha_dropout`` in place.   torch: torch.alpha_dropout_"""
    return F.alpha_dropout(input, p, train, inplace=True)


def feature_alpha_dropout(input, p, train):
    """``F.feature_alpha_dropout``.   torch: torch.feature_alpha_dropout"""
    return F.feature_alpha_dropout(input, p, train)


def feature_alpha_dropout_(input, p, train):
    """``feature_alpha_dropout`` in place.   torch: torch.feature_alpha_dropout_"""
    return F.feature_alpha_dropout(input, p, train, inplace=True)


def feature_dropout(input, p, train):
    """Dropout of whole channels of (N, C, *).   torch: torch.feature_dropout"""
    return drop_features(input, p, train, False)


def feature_dropout_(input, p, train):
    """``feature_dropout`` in place.   torch: torch.feature_dropout_"""
    return drop_features(input, p, train, True)


def native_dropout(input, p, train):
    """``dropout``, and where it kept the input.   torch: torch.native_dropout"""
    if train is False:
        return input, input.full_like(True, dtype=bool_dtype)
    if input.is_cuda and 0 <= p < 1 and input.numel():
        out, kept = dropout_on_gpu(input, 1 - p)
        return out, kept.bool()
    kept = empty(input.shape, dtype=bool_dtype, device=input.device).bernoulli_(1 - p)
    return input * kept * (0 if p == 1 else 1 / (1 - p)), kept


def rrelu(input, lower=1 / 8, upper=1 / 3, training=False, generator=None):
    """``F.rrelu``.   torch: torch.rrelu"""
    return F.rrelu(input, lower, upper, training)


def rrelu_(input, lower=1 / 8, upper=1 / 3, training=False, generator=None):
    """``rrelu`` in place.   torch: torch.rrelu_"""
    return F.rrelu(input, lower, upper, training, inplace=True)


# -------------------------------------------------------------------------------------------------------------- losses


def binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction=0):
    """``F.binary_cross_entropy_with_logits``.   torch: torch.binary_cross_entropy_with_logits"""
    return F.binary_cross_entropy_with_logits(
        input, target, weight, pos_weight=pos_weight, reduction=REDUCTIONS[reduction]
    )


def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction=0):
    """``F.cosine_embedding_loss``.   torch: torch.cosine_embedding_loss"""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=REDUCTIONS[reduction])


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction=0, zero_infinity=False):
    """``F.ctc_loss``.   torch: torch.ctc_loss"""
    lengths = input_lengths, target_lengths
    return F.ctc_loss(log_probs, targets, *lengths, blank, REDUCTIONS[reduction], zero_infinity)


def hinge_embedding_loss(input, target, margin=1.0, reduction=0):
    """``F.hinge_embedding_loss``.   torch: torch.hinge_embedding_loss"""
    return F.hinge_embedding_loss(input, target, margin, reduction=REDUCTIONS[reduction])


def kl_div(input, target, reduction=0, *, log_target=False):
    """``F.kl_div``.   torch: torch.kl_div"""
    return F.kl_div(input, target, reduction=REDUCTIONS[reduction], log_target=log_target)


def margin_ranking_loss(input1, input2, target, margin=0.0, reduction=0):
    """``F.margin_ranking_loss``.   torch: torch.margin_ranking_loss"""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=REDUCTIONS[reduction])


def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """``F.poisson_nll_loss``.   torch: torch.poisson_nll_loss"""
    return F.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=REDUCTIONS[reduction])


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction=0):
    """``F.triplet_margin_loss``.   torch: torch.triplet_margin_loss"""
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=REDUCTIONS[reduction])


# --------------------------------------------------------------------------------------------------- tables and images


def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """``F.embedding``; padding_idx=-1 is none.   torch: torch.embedding"""
    padding_idx = None if padding_idx < 0 else padding_idx
    return F.embedding(indices, weight, padding_idx, None, 2.0, scale_grad_by_freq, sparse)


def embedding_renorm_(input, indices, max_norm, norm_type):
    """Shorten the rows at ``indices`` to ``max_norm``, in place.   torch: torch.embedding_renorm_"""
    renormalize(input, indices.reshape(-1), max_norm, norm_type)
    return input


def embedding_bag(
    weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False, per_sample_weights=None,
    include_last_offset=False, padding_idx=None,
):  # fmt: skip
    """The bags, the bag of each index, the size of each bag, and where the maxima were.   torch: torch.embedding_bag

    mode: 0 sum, 1 mean, 2 max.
    """
    how = scale_grad_by_freq, MODES[mode], per_sample_weights, include_last_offset, padding_idx
    return mixed_bags(weight, indices, offsets, *how)


def grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners):
    """``grid_sampler`` of images.   torch: torch.grid_sampler_2d"""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(input, grid, interpolation_mode, padding_mode, align_corners):
    """``grid_sampler`` of volumes.   torch: torch.grid_sampler_3d"""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def adaptive_max_pool1d(input, output_size):
    """``F.adaptive_max_pool1d``, and where the maxima are.   torch: torch.adaptive_max_pool1d"""
    return F.adaptive_max_pool1d(input, output_size, return_indices=True)


def constant_pad_nd(input, pad, value=0):
    """``F.pad`` with a constant.   torch: torch.constant_pad_nd"""
    return pad_constant(input, pad, value)


def convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """A convolution of as many dims as there are strides, or its transpose.   torch: torch.convolution"""
    n = weight.ndim - 2
    if transposed:
        turned = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[n - 1]
        return turned(input, weight, bias, stride, padding, output_padding, groups, dilation)
    return (F.conv1d, F.conv2d, F.conv3d)[n - 1](input, weight, bias, stride, padding, dilation, groups)
