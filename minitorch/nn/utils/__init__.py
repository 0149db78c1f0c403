"""Tools for models: gradients clipped, parameters as one vector, weights computed from others.   torch: nn.utils

    clip_grad  convert_parameters                     gradients clipped, parameters as one vector
    parametrize  parametrizations                     a parameter that is computed from another
    weight_norm  spectral_norm                        the same by hooks, as before PyTorch 1.9
    prune                                             weights set to zero (imported by its own name)
    rnn                                               sequences of different lengths in one tensor
    fusion  init  memory_format  stateless            one layer for two, no first values, a call with other tensors
"""

from ...absent import absent
from . import parametrizations, parametrize, rnn, stateless
from .clip_grad import clip_grad_norm, clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .convert_parameters import parameters_to_vector, vector_to_parameters
from .fusion import fuse_conv_bn_eval, fuse_conv_bn_weights, fuse_linear_bn_eval, fuse_linear_bn_weights
from .init import skip_init
from .memory_format import convert_conv2d_weight_memory_format, convert_conv3d_weight_memory_format
from .spectral_norm import remove_spectral_norm, spectral_norm
from .weight_norm import remove_weight_norm, weight_norm

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_",
    "convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format", "fuse_conv_bn_eval",
    "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights", "get_total_norm", "parameters_to_vector",
    "parametrizations", "parametrize", "remove_spectral_norm", "remove_weight_norm", "rnn", "skip_init",
    "spectral_norm", "stateless", "vector_to_parameters", "weight_norm",
]  # fmt: skip

__getattr__ = absent(__name__)
