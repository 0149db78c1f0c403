"""What stands around the training loop. torch: torch.utils"""

from ..absent import absent
from . import benchmark, checkpoint, data, dlpack, hooks

__all__ = ["benchmark", "checkpoint", "data", "dlpack", "hooks"]

__getattr__ = absent(__name__)
