"""Collections of samples, and how they are joined, cut and stacked.

A map-style dataset answers ``dataset[i]`` and usually ``len(dataset)``; an iterable one only knows how to go through
itself. ``__getitems__(indices)``, where a dataset has it, fetches a whole batch in one call.

torch: torch/utils/data/dataset.py
"""

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable
from types import GenericAlias

from ...random import randperm

__all__ = [
    "ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
    "gathered", "random_split", "samples_of",
]  # fmt: skip


class Dataset:
    """A map from keys, usually 0 … len-1, to samples: write ``__getitem__`` and ``__len__``. torch: utils.data.Dataset

    >>> class Squares(torch.utils.data.Dataset):
    ...     def __len__(self):
    ...         return 5
    ...     def __getitem__(self, i):
    ...         return i * i
    >>> Squares()[3], len(Squares() + Squares())
    (9, 10)
    """

    __class_getitem__ = classmethod(GenericAlias)  # Dataset[Tensor], for annotations and as a base class

    def __getitem__(self, index):
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other):
        return ConcatDataset([self, other])


class IterableDataset(Dataset, Iterable):
    """A stream of samples: write ``__iter__``. torch: utils.data.IterableDataset

    Each worker process of a DataLoader has a copy of its own and goes through all of it, so either split the work
    in ``__iter__`` with ``get_worker_info()``, or receive each sample once per worker.

    >>> class Count(torch.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(3))
    >>> list(torch.utils.data.DataLoader(Count() + Count(), batch_size=4))
    [tensor([0, 1, 2, 0]), tensor([1, 2])]
    """

    def __add__(self, other):
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """``dataset[i]`` is ``(x[i], y[i], …)`` for tensors of one first size. torch: utils.data.TensorDataset

    >>> torch.utils.data.TensorDataset(tensor([1., 2.]), tensor([0, 1]))[1]
    (tensor(2.), tensor(1))
    """

    def __init__(self, *tensors):
        if any(tensors[0].size(0) != t.size(0) for t in tensors):
            raise AssertionError(
                "Size mismatch between tensors\n"
                f"the first sizes are {[t.size(0) for t in tensors]}: each tensor needs one row per sample"
            )
        self.tensors = tensors

    def __getitem__(self, index):
        return tuple(t[index] for t in self.tensors)

    def __len__(self):
        return self.tensors[0].size(0)


class StackDataset(Dataset):
    """Datasets side by side: ``dataset[i]`` is a tuple of their i-th samples, or a dict if they are given by name.

    torch: utils.data.StackDataset

    >>> torch.utils.data.StackDataset(image=[10, 11], label=["a", "b"])[1]
    {'image': 11, 'label': 'b'}
    """

    def __init__(self, *args, **kwargs):
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or"
                "``dict``- (via ``kwargs``) like input/output, but both types are given.\n"
                "name all of the datasets or none of them"
            )
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")

        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in self._parts()]
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between datasets\ntheir lengths are {lengths}")
        self._length = lengths[0]

    def _parts(self):
        return self.datasets.values() if isinstance(self.datasets, dict) else self.datasets

    def _sample(self, parts):
        return dict(zip(self.datasets, parts, strict=True)) if isinstance(self.datasets, dict) else tuple(parts)

    def __getitem__(self, index):
        return self._sample([dataset[index] for dataset in self._parts()])

    def __getitems__(self, indices):
        columns = [samples_of(dataset, indices) for dataset in self._parts()]
        for column in columns:
            if len(column) != len(indices):
                raise ValueError(
                    f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(column)}\n"
                    "its __getitems__ has to return one sample per index"
                )
        return [self._sample(row) for row in zip(*columns, strict=True)]

    def __len__(self):
        return self._length


class ConcatDataset(Dataset):
    """Datasets one after another. torch: utils.data.ConcatDataset

    >>> list(torch.utils.data.ConcatDataset(["ab", "cde"]))
    ['a', 'b', 'c', 'd', 'e']
    """

    def __init__(self, datasets):
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset\nuse ChainDataset for streams")
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence):
        """Lengths summed up: where each dataset ends."""
        return list(itertools.accumulate(len(dataset) for dataset in sequence))

    def __len__(self):
        return self.cumulative_sizes[-1]

    def __getitem__(self, index):
        if index < 0:
            if -index > len(self):
                raise ValueError(
                    "absolute value of index should not exceed dataset length\n"
                    f"got index {index} and {len(self)} samples"
                )
            index += len(self)

        which = bisect.bisect_right(self.cumulative_sizes, index)
        if which == len(self.datasets):
            raise IndexError(f"list index out of range\ngot index {index} and {len(self)} samples")
        start = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - start]


class ChainDataset(IterableDataset):
    """Streams one after another. torch: utils.data.ChainDataset"""

    def __init__(self, datasets):
        self.datasets = datasets

    def _streams(self):
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset\nuse ConcatDataset for the others")
            yield dataset

    def __iter__(self):
        for dataset in self._streams():
            yield from dataset

    def __len__(self):
        return sum(len(dataset) for dataset in self._streams())


class Subset(Dataset):
    """The samples of a dataset at some indices. torch: utils.data.Subset

    >>> list(torch.utils.data.Subset("abcdef", [4, 0]))
    ['e', 'a']
    """

    def __init__(self, dataset, indices):
        cls = type(self)
        if cls.__getitem__ is not Subset.__getitem__ and cls.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{cls.__name__} overrides __getitem__ but not __getitems__. When subclassing Subset and overriding "
                "__getitem__, you must also override __getitems__ to ensure DataLoader works correctly with your "
                "custom logic. A simple implementation:\n\n"
                "def __getitems__(self, indices):\n"
                "    return [self.__getitem__(idx) for idx in indices]"
            )
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index):
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices):
        return samples_of(self.dataset, [self.indices[i] for i in indices])

    def __len__(self):
        return len(self.indices)


def samples_of(dataset, indices):
    """``[dataset[i] for i in indices]``, in one call if the dataset can."""
    together = getattr(dataset, "__getitems__", None)
    if callable(together):
        return together(indices)
    return [dataset[i] for i in indices]


def gathered(dataset, indices):
    """The batch that ``default_collate`` would make of a TensorDataset's samples, by one indexing for each tensor.

    It saves a view for every sample and the stacking of all of them. None for other datasets, and for other indices.
    """
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or not all([type(i) is int for i in indices]):
        return None
    return [t[indices] for t in dataset.tensors]


def random_split(dataset, lengths, generator=None):
    """Parts of the given lengths, or of the given fractions (which sum to 1), without overlap, in random order.

    A fraction's length is rounded down; what remains is dealt out one by one from the first part on.
    torch: utils.data.random_split

    >>> train, test = torch.utils.data.random_split(range(10), [0.75, 0.25], torch.Generator().manual_seed(0))
    >>> len(train), len(test)
    (8, 2)
    """
    total = sum(lengths)
    if math.isclose(total, 1) and total <= 1:
        lengths = _lengths_of_fractions(lengths, len(dataset))
        for i, length in enumerate(lengths):
            if length == 0:
                message = f"Length of split at index {i} is 0. This might result in an empty dataset."
                warnings.warn(message, stacklevel=2)

    if sum(lengths) != len(dataset):
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset!\n"
            f"the lengths {list(lengths)} sum to {sum(lengths)}, the dataset has {len(dataset)} samples"
        )
    order = randperm(sum(lengths), generator=generator).tolist()
    ends = itertools.accumulate(lengths)
    return [Subset(dataset, order[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


def _lengths_of_fractions(fractions, n):
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1\ngot {fraction}")

    lengths = [math.floor(n * fraction) for fraction in fractions]
    for i in range(n - sum(lengths)):
        lengths[i % len(lengths)] += 1
    return lengths
