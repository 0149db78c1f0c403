"""PyTorch's tracer by its inner name: ``torch._dynamo.config.suppress_errors = True`` and the like.

What is set is kept, and changes nothing: there are no such choices here.   torch: torch/_dynamo
"""

import sys
from types import ModuleType

from .absent import absent
from .compiler import allow_in_graph, disable, is_compiling, list_backends, reset

__all__ = ["allow_in_graph", "config", "disable", "is_compiling", "list_backends", "reset"]

__getattr__ = absent(__name__)

config = ModuleType(f"{__name__}.config", "Settings without effect.")
sys.modules[config.__name__] = config
