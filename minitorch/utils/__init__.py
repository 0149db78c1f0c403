"""What stands around the training loop. torch: torch.utils"""

from ..absent import absent
from . import benchmark, checkpoint, data, dlpack, hooks
from .swapping import swap_tensors

__all__ = ["benchmark", "checkpoint", "data", "dlpack", "hooks", "swap_tensors"]

__getattr__ = absent(__name__)
