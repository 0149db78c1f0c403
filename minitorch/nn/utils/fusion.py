"""A batch normalization in evaluation is a scale and a shift: the layer before it can do both.   torch: nn/utils/fusion.py"""

import copy

from ..parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def fuse_conv_bn_eval(conv, bn, transpose=False):
    """One convolution that does what ``bn(conv(x))`` does in evaluation.   torch: nn.utils.fuse_conv_bn_eval"""
    fused = _ready_for_fusion(conv, bn)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_conv_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, transpose=False):
    """w · s and (b - mean) · s + shift, where s = scale / √(var + eps).   torch: nn.utils.fuse_conv_bn_weights"""
    bn_w = bn_rm.ones_like() if bn_w is None else bn_w
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    return _fused(conv_w, conv_b, bn_rm, bn_w * (bn_rv + bn_eps).rsqrt(), bn_b, shape)


def fuse_linear_bn_eval(linear, bn):
    """One linear layer that does what ``bn(linear(x))`` does in evaluation.   torch: nn.utils.fuse_linear_bn_eval"""
    fused = _ready_for_fusion(linear, bn)
    if bn.num_features not in (linear.out_features, 1):
        raise AssertionError(
            f"To fuse, linear.out_features == bn.num_features or bn.num_features == 1, "
            f"got linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


def fuse_linear_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b):
    """As ``fuse_conv_bn_weights``, for a weight (out, in).   torch: nn.utils.fuse_linear_bn_weights"""
    return _fused(linear_w, linear_b, bn_rm, bn_w * (bn_rv + bn_eps).rsqrt(), bn_b, [-1, 1])


def _ready_for_fusion(layer, bn):
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!\ncall eval() on both first")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    return copy.deepcopy(layer)


def _fused(weight, bias, mean, scale, shift, shape):
    given = mean.zeros_like() if bias is None else bias
    new_bias = (given - mean) * scale
    new_bias = (new_bias if shift is None else new_bias + shift).to(weight.dtype if bias is None else bias.dtype)
    new_weight = (weight * scale.reshape(shape)).to(weight.dtype)
    return Parameter(new_weight, weight.requires_grad), Parameter(new_bias, given.requires_grad)
