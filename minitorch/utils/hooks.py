"""Handles of hooks.   torch: torch/utils/hooks.py"""

from ..nn.hooks import RemovableHandle

__all__ = ["RemovableHandle"]
