"""torch.signal: windows.   torch: torch/signal/__init__.py"""

from . import windows

__all__ = ["windows"]
