"""Names for annotations.   torch: torch/types.py"""

from typing import TypeAlias

from .absent import absent
from .device import device
from .dtypes import dtype
from .engine import Tensor
from .layout import layout
from .storage import TypedStorage, UntypedStorage

__all__ = ["Device", "Number", "Storage", "Tensor", "device", "dtype", "layout"]

__getattr__ = absent(__name__)

Number: TypeAlias = int | float | bool
Device: TypeAlias = device | str | int | None
Storage: TypeAlias = TypedStorage | UntypedStorage
