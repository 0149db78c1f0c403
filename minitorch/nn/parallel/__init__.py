"""One model on several devices or processes: here there is one of each.   torch: torch.nn.parallel"""

from ...absent import absent
from . import distributed, scatter_gather
from .data_parallel import DataParallel, data_parallel
from .distributed import DistributedDataParallel
from .scatter_gather import gather, parallel_apply, replicate, scatter

__all__ = [
    "DataParallel", "DistributedDataParallel", "data_parallel", "distributed", "gather", "parallel_apply", "replicate",
    "scatter", "scatter_gather",
]  # fmt: skip

__getattr__ = absent(__name__)
