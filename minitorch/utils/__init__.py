"""What stands around the training loop. torch: torch.utils"""

from . import data

__all__ = ["data"]
