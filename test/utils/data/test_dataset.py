"""Datasets: what they hold, how they are joined and cut, and what they say when it can't be done."""

import pytest
import torch

import minitorch as mt

from_torch, from_ours = torch.utils.data, mt.utils.data


def batched(data, tail):
    """A dataset that fetches many samples in one call, and ``tail`` more than it should."""

    class Batched(data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            raise AssertionError("one by one")

        def __getitems__(self, indices):
            return [10 * i for i in indices] + tail

    return Batched()


def stream(data, n, sized=True):
    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter(range(n))

    class Sized(Stream):
        def __len__(self):
            return n

    return (Sized if sized else Stream)()


def half_overridden(lib, data):
    class Half(data.Subset):
        def __getitem__(self, i):
            return 0

    return Half([1], [0])


def fully_overridden(lib, data):
    class Full(data.Subset):
        def __getitem__(self, i):
            return -super().__getitem__(i)

        def __getitems__(self, indices):
            return [self[i] for i in indices]

    return list(data.DataLoader(Full([1, 2, 3], [2, 0])))


def subscripted(lib, data):
    class Typed(data.Dataset[int]):
        def __getitem__(self, i):
            return i

    class Endless(data.IterableDataset[int]):
        def __iter__(self):
            return iter(())

    return Typed()[3], list(Endless()), isinstance(Endless(), data.Dataset)


def split_lengths(fractions, n):
    def program(lib, data):
        return [len(part) for part in data.random_split(range(n), fractions)]

    return program


def split_order(lengths, n, seed):
    def program(lib, data):
        lib.manual_seed(seed)
        parts = data.random_split(range(n), lengths)
        private = lib.Generator().manual_seed(seed)
        again = data.random_split(range(n), lengths, generator=private)
        return [list(part) for part in parts + again], lib.rand(3), lib.rand(3, generator=private)

    return program


PROGRAMS = {
    "tensors": lambda lib, data: list(data.TensorDataset(lib.arange(6.0).reshape(3, 2), lib.tensor([3, 4, 5]))),
    "tensors, length": lambda lib, data: len(data.TensorDataset(lib.zeros(3, 2))),
    "tensors, slice": lambda lib, data: data.TensorDataset(lib.arange(6))[1:3],
    "tensors, last": lambda lib, data: data.TensorDataset(lib.arange(6))[-1],
    "tensors, beyond": lambda lib, data: data.TensorDataset(lib.arange(6))[6],
    "tensors, sizes": lambda lib, data: data.TensorDataset(lib.zeros(3), lib.zeros(4)),
    "tensors, none": lambda lib, data: len(data.TensorDataset().tensors),
    "abstract": lambda lib, data: data.Dataset()[0],
    "abstract, length": lambda lib, data: len(data.Dataset()),
    "subscripted": subscripted,
    "sum": lambda lib, data: list(data.TensorDataset(lib.arange(2)) + data.TensorDataset(lib.arange(3))),
    "concat": lambda lib, data: list(data.ConcatDataset(["ab", "", "cde"])),
    "concat, ends": lambda lib, data: data.ConcatDataset(["ab", "", "cde"]).cumulative_sizes,
    "concat, from the end": lambda lib, data: [data.ConcatDataset(["ab", "cde"])[-i] for i in range(1, 6)],
    "concat, too far back": lambda lib, data: data.ConcatDataset(["ab", "cde"])[-6],
    "concat, beyond": lambda lib, data: data.ConcatDataset(["ab", "cde"])[5],
    "concat, none": lambda lib, data: data.ConcatDataset([]),
    "concat, stream": lambda lib, data: data.ConcatDataset([stream(data, 3)]),
    "concat, generator": lambda lib, data: len(data.ConcatDataset(part for part in ("ab", "cde"))),
    "chain": lambda lib, data: list(data.ChainDataset([stream(data, 3), stream(data, 2)])),
    "chain, by sum": lambda lib, data: list(stream(data, 3) + stream(data, 2)),
    "chain, length": lambda lib, data: len(stream(data, 3) + stream(data, 2)),
    "chain, no length": lambda lib, data: len(stream(data, 3) + stream(data, 2, sized=False)),
    "chain, map": lambda lib, data: list(data.ChainDataset([[1, 2]])),
    "chain, map, length": lambda lib, data: len(data.ChainDataset([[1, 2]])),
    "subset": lambda lib, data: list(data.Subset("abcdef", [4, 0, 0])),
    "subset, list": lambda lib, data: data.Subset(data.TensorDataset(lib.arange(9)), [4, 8, 0])[[2, 0]],
    "subset, together": lambda lib, data: data.Subset(batched(data, []), [3, 1]).__getitems__([1, 0]),
    "subset of subset": lambda lib, data: list(data.Subset(data.Subset("abcdef", [4, 0, 5]), [2, 1])),
    "subset, half overridden": half_overridden,
    "subset, overridden": fully_overridden,
    "stack": lambda lib, data: list(data.StackDataset("ab", [1, 2])),
    "stack, named": lambda lib, data: list(data.StackDataset(x="ab", y=[1, 2])),
    "stack, length": lambda lib, data: len(data.StackDataset(x="ab", y=[1, 2])),
    "stack, both": lambda lib, data: data.StackDataset("ab", y=[1, 2]),
    "stack, none": lambda lib, data: data.StackDataset(),
    "stack, sizes": lambda lib, data: data.StackDataset("ab", [1, 2, 3]),
    "stack, named sizes": lambda lib, data: data.StackDataset(x="ab", y=[1, 2, 3]),
    "stack, together": lambda lib, data: data.StackDataset("abcd", batched(data, [])).__getitems__([3, 1]),
    "stack, named together": lambda lib, data: data.StackDataset(x="abcd", y=batched(data, [])).__getitems__([3, 1]),
    "stack, too many": lambda lib, data: data.StackDataset("abcd", batched(data, [0])).__getitems__([3, 1]),
    "split, wrong sum": lambda lib, data: data.random_split(range(5), [2, 2]),
    "split, fraction above one": lambda lib, data: data.random_split(range(5), [1.5, -0.5]),
    "split, fraction below zero": lambda lib, data: data.random_split(range(5), [-0.5, 1.5]),
    "split, fractions above one": lambda lib, data: data.random_split(range(5), [0.6, 0.6]),
    "split, empty part": lambda lib, data: [len(p) for p in data.random_split(range(3), [0.1, 0.9])],
    "split, an empty part on request": lambda lib, data: [len(p) for p in data.random_split(range(3), [0, 3])],
    "split, nothing": lambda lib, data: [len(p) for p in data.random_split([], [])],
    "split, thirds": split_lengths([1 / 3, 1 / 3, 1 / 3], 20),
    "split, tenths": split_lengths([0.1] * 10, 57),
    "split, uneven": split_lengths([0.7, 0.2, 0.1], 33),
    "split, nearly one": split_lengths([0.3, 0.3, 0.3999999999], 10),
    "split, all": split_lengths([1], 1),
    "split, order": split_order([3, 7], 10, 0),
    "split, order by fractions": split_order([0.5, 0.3, 0.2], 101, 2**40 + 3),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_as_in_torch(program, agree):
    agree(program)


def test_an_iterable_dataset_needs_an_order():
    for data in (from_torch, from_ours):

        class Empty(data.IterableDataset):
            pass

        with pytest.raises(TypeError, match="abstract"):
            Empty()


def test_errors_say_what_to_do():
    with pytest.raises(AssertionError, match=r"\[3, 4\]"):
        from_ours.TensorDataset(mt.zeros(3), mt.zeros(4))
    with pytest.raises(ValueError, match=r"\[2, 2\] sum to 4, the dataset has 5 samples"):
        from_ours.random_split(range(5), [2, 2])
    with pytest.raises(IndexError, match="got index 5 and 5 samples"):
        from_ours.ConcatDataset(["ab", "cde"])[5]
