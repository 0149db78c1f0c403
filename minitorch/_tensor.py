"""``from torch._tensor import Tensor``, as some programs have it.   torch: torch/_tensor.py"""

from .absent import absent
from .engine import Tensor

__all__ = ["Tensor"]

__getattr__ = absent(__name__)
