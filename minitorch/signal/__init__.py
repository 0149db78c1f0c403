"""torch.signal: windows.   torch: torch/signal/__init__.py"""

from ..absent import absent
from . import windows

__all__ = ["windows"]

__getattr__ = absent(__name__)
