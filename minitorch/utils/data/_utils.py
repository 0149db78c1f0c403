"""PyTorch's inner paths to what workers and batches are made by.   torch: torch/utils/data/_utils"""

from ...absent import absent
from ...paths import path
from . import collate as collate_file
from . import worker as worker_file

__all__: list[str] = []

__getattr__ = absent(__name__)

collate = path(f"{__name__}.collate", collate_file)
worker = path(f"{__name__}.worker", worker_file)
