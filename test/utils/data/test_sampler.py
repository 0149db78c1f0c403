"""Samplers: the same order as PyTorch's at the same seed, and the same state of the generator afterwards."""

import pytest
import torch

import minitorch as mt

SEEDS = [0, 1, 12345, 2**63 - 1]


def epochs(make, generator):
    """Three epochs of a sampler, and what the streams give then."""

    def program(lib, data):
        runs = []
        for seed in SEEDS:
            lib.manual_seed(seed)
            private = lib.Generator().manual_seed(seed + 1 if seed < 2**62 else 7) if generator else None
            sampler = make(lib, data, private)
            runs.append([list(sampler) for _ in range(3)])
            runs.append([len(sampler), lib.rand(2)] + ([lib.rand(2, generator=private)] if generator else []))
        return runs

    return program


MAKERS = {
    "sequential": lambda lib, data, g: data.SequentialSampler(range(7)),
    "random": lambda lib, data, g: data.RandomSampler(range(50), generator=g),
    "random, one": lambda lib, data, g: data.RandomSampler(range(1), generator=g),
    "random, fewer": lambda lib, data, g: data.RandomSampler(range(50), num_samples=20, generator=g),
    "random, more": lambda lib, data, g: data.RandomSampler(range(9), num_samples=20, generator=g),
    "random, twice": lambda lib, data, g: data.RandomSampler(range(10), num_samples=20, generator=g),
    "replaced": lambda lib, data, g: data.RandomSampler(range(50), replacement=True, generator=g),
    "replaced, 32": lambda lib, data, g: data.RandomSampler(range(9), True, 32, generator=g),
    "replaced, 100": lambda lib, data, g: data.RandomSampler(range(9), True, 100, generator=g),
    "subset": lambda lib, data, g: data.SubsetRandomSampler([3, 1, 4, 1, 5, 9, 2, 6], generator=g),
    "subset, none": lambda lib, data, g: data.SubsetRandomSampler([], generator=g),
    "weighted": lambda lib, data, g: data.WeightedRandomSampler([0.1, 0.9, 0.4, 0.0, 3.0], 40, generator=g),
    "weighted, one": lambda lib, data, g: data.WeightedRandomSampler([0.1, 0.9, 0.4], 1, generator=g),
    "weighted, once each": lambda lib, data, g: data.WeightedRandomSampler([0.1, 0.9, 0.4, 1], 3, False, generator=g),
    "weighted, tensor": lambda lib, data, g: data.WeightedRandomSampler(lib.ones(5), 9, generator=g),
    "batches": lambda lib, data, g: data.BatchSampler(data.RandomSampler(range(10), generator=g), 4, False),
    "batches, whole": lambda lib, data, g: data.BatchSampler(data.RandomSampler(range(10), generator=g), 4, True),
    "batches, exact": lambda lib, data, g: data.BatchSampler(data.RandomSampler(range(8), generator=g), 4, True),
    "batches of anything": lambda lib, data, g: data.BatchSampler("abcde", 2, False),
    "batches too large": lambda lib, data, g: data.BatchSampler(range(3), 5, True),
}


@pytest.mark.parametrize("generator", [False, True], ids=["default stream", "generator"])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_order(make, generator, agree):
    agree(epochs(make, generator))


ERRORS = {
    "abstract": lambda lib, data: iter(data.Sampler()),
    "abstract, length": lambda lib, data: len(data.Sampler()),
    "abstract, argument": lambda lib, data: type(data.Sampler([1])),
    "nothing to sample": lambda lib, data: data.RandomSampler([]),
    "no samples": lambda lib, data: data.RandomSampler([1], num_samples=0),
    "half a sample": lambda lib, data: data.RandomSampler([1], num_samples=0.5),
    "replacement": lambda lib, data: data.RandomSampler([1], replacement=1),
    "weighted, samples": lambda lib, data: data.WeightedRandomSampler([1.0], 0),
    "weighted, true samples": lambda lib, data: data.WeightedRandomSampler([1.0], True),
    "weighted, replacement": lambda lib, data: data.WeightedRandomSampler([1.0], 1, replacement=0),
    "weighted, table": lambda lib, data: data.WeightedRandomSampler([[1.0, 2.0]], 1),
    "weighted, too many": lambda lib, data: list(data.WeightedRandomSampler([1.0, 2.0], 3, replacement=False)),
    "batch size": lambda lib, data: data.BatchSampler([1], 0, False),
    "true batch size": lambda lib, data: data.BatchSampler([1], True, False),
    "drop_last": lambda lib, data: data.BatchSampler([1], 2, 0),
}


@pytest.mark.parametrize("program", ERRORS.values(), ids=ERRORS)
def test_errors(program, agree):
    kind, _ = agree(program)
    assert kind.endswith("Error")


def test_batches_are_drawn_one_at_a_time():
    for data in (torch.utils.data, mt.utils.data):
        endless = iter(data.BatchSampler(iter(int, 1), 3, False))
        assert [next(endless), next(endless)] == [[0, 0, 0], [0, 0, 0]]
