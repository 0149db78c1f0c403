"""PyTorch's code generator by its inner name: ``torch._inductor.config.coordinate_descent_tuning = True`` and the like.

What is set is kept, and changes nothing: there are no such choices here.   torch: torch/_inductor
"""

import sys
from types import ModuleType

from .absent import absent

__all__ = ["config"]

__getattr__ = absent(__name__)

config = ModuleType(f"{__name__}.config", "Settings without effect.")
sys.modules[config.__name__] = config
