"""The weights of convolutions in another memory format.   torch: nn/utils/memory_format.py"""

from ..conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def convert_conv2d_weight_memory_format(module, memory_format):
    """``module``, in which the weights of all two-dimensional convolutions are now in ``memory_format``.

    torch: nn.utils.convert_conv2d_weight_memory_format
    """
    return converted(module, (Conv2d, ConvTranspose2d), memory_format)


def convert_conv3d_weight_memory_format(module, memory_format):
    """``module``, in which the weights of all three-dimensional convolutions are now in ``memory_format``.

    torch: nn.utils.convert_conv3d_weight_memory_format
    """
    return converted(module, (Conv3d, ConvTranspose3d), memory_format)


def converted(module, layers, memory_format):
    for layer in module.modules():
        if isinstance(layer, layers):
            layer.weight.data = layer.weight.detach().clone(memory_format=memory_format)
    return module
