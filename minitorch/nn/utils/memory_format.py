"""How a weight lies in memory: here always as its shape says.   torch: nn/utils/memory_format.py"""

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def convert_conv2d_weight_memory_format(module, memory_format):
    """``module`` as it is: there is one memory format.   torch: nn.utils.convert_conv2d_weight_memory_format"""
    return module


def convert_conv3d_weight_memory_format(module, memory_format):
    """``module`` as it is: there is one memory format.   torch: nn.utils.convert_conv3d_weight_memory_format"""
    return module
