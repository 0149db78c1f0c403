"""From a collection of samples to a stream of batches.

    dataset ──> sampler ──> batches of indices ──> samples ──> collate ──> a batch of tensors
                (which, in what order)             (here, or in worker processes)

dataset      what has ``dataset[i]`` and ``len(dataset)``, or only an order of its own (IterableDataset)
sampler      the order in which indices are visited: this is where the random numbers are drawn
collate      a list of samples becomes one batch: tensors are stacked, structure is kept
dataloader   puts these together
worker       the same work done by other processes, ahead of time

torch: torch.utils.data
"""

from ...absent import absent
from . import collate, dataloader, dataset, distributed, sampler, worker
from .collate import default_collate, default_convert
from .dataloader import DataLoader
from .dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from .distributed import DistributedSampler
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .worker import get_worker_info

__all__ = [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler", "IterableDataset",
    "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset", "SubsetRandomSampler", "TensorDataset",
    "WeightedRandomSampler", "collate", "dataloader", "dataset", "default_collate", "default_convert", "distributed",
    "get_worker_info", "random_split", "sampler", "worker",
]  # fmt: skip

__getattr__ = absent(__name__)
