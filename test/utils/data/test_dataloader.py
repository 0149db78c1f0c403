"""DataLoader: the order of samples, the state of the generators, lengths, errors and warnings are PyTorch's.

A program here runs with PyTorch's tensors and loader, then with ours, from the same seed.
"""

import os
import pickle
import warnings

import pytest
import torch

import minitorch as mt

SEEDS = [0, 7, 2**40 + 5]


def squares(data, n):
    class Squares(data.Dataset):
        def __len__(self):
            return n

        def __getitem__(self, i):
            return i, i * i

    return Squares()


def stream(data, n, length=None):
    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter(range(n))

    class Sized(Stream):
        def __len__(self):
            return length

        def __repr__(self):
            return "stream"

    return Stream() if length is None else Sized()


def split_stream(data, n):
    class Split(data.IterableDataset):
        """Each worker gives its own part; the parts are of different lengths."""

        def __iter__(self):
            info = data.get_worker_info()
            return iter(range(n)) if info is None else iter(range(info.id, n // (1 + info.id), info.num_workers))

    return Split()


def eager_sampler(lib, n):
    """A sampler that draws when it begins, and not at its first index."""

    class Eager:
        def __iter__(self):
            return iter([[i] for i in lib.randperm(n).tolist()])

    return Eager()


# ---------------------------------------------------------------------------------------------------- order, in epochs

ORDERS = {
    "plain": {},
    "batches": {"batch_size": 4},
    "whole batches": {"batch_size": 4, "drop_last": True},
    "one batch": {"batch_size": 100},
    "shuffled": {"shuffle": True},
    "shuffled batches": {"batch_size": 4, "shuffle": True},
    "shuffled whole batches": {"batch_size": 4, "shuffle": True, "drop_last": True},
    "no batches": {"batch_size": None},
    "no batches, shuffled": {"batch_size": None, "shuffle": True},
    "own sampler": {"batch_size": 3, "sampler": lambda lib: [5, 3, 1, 1]},
    "own sampler, no batches": {"batch_size": None, "sampler": lambda lib: [[5], [3, 1]][0]},
    "own batches": {"batch_sampler": lambda lib: [[5, 3], [1], [0, 0, 0]]},
    "own batches, drawn at once": {"batch_sampler": lambda lib: eager_sampler(lib, 9)},
    "weighted": {"batch_size": 3, "sampler": lambda lib: lib.utils.data.WeightedRandomSampler([1.0, 2.0, 0.5], 10)},
    "replaced": {"batch_size": 3, "sampler": lambda lib: lib.utils.data.RandomSampler(range(9), replacement=True)},
    "own collation": {"batch_size": 4, "shuffle": True, "collate_fn": lambda lib: lambda samples: len(samples)},
}

# num_workers and what goes with it
CREWS = {
    "here": {},
    "1 worker": {"num_workers": 1},
    "2 workers": {"num_workers": 2, "prefetch_factor": 3},
    "2 workers, persistent": {"num_workers": 2, "persistent_workers": True},
}


def epochs(options, seed, generator, count=3):
    """Some epochs, with draws of the program's own between the batches, and the streams' state at the end."""

    def program(lib, data):
        lib.manual_seed(seed)
        own = {"generator": lib.Generator().manual_seed(seed + 1)} if generator else {}
        made = {key: value(lib) if key in ("sampler", "batch_sampler", "collate_fn") else value
                for key, value in options.items()}  # fmt: skip
        loader = data.DataLoader(squares(data, 10), **made, **own)

        seen = []
        for _ in range(count):
            for batch in loader:
                seen.append((batch, lib.rand(1)))
        return seen, lib.rand(2), [lib.rand(2, generator=g) for g in own.values()]

    return program


@pytest.mark.parametrize("generator", [False, True], ids=["default stream", "generator"])
@pytest.mark.parametrize("options", ORDERS.values(), ids=ORDERS)
def test_order(options, generator, agree):
    for seed in SEEDS:
        agree(epochs(options, seed, generator))


@pytest.mark.parametrize("crew", list(CREWS)[1:])
@pytest.mark.parametrize("order", ["whole batches", "shuffled batches", "no batches, shuffled",
                                   "own batches, drawn at once", "replaced"])  # fmt: skip
def test_order_with_workers(order, crew, agree):
    agree(epochs({**ORDERS[order], **CREWS[crew]}, 3, generator=False, count=2))


@pytest.mark.parametrize("crew", list(CREWS)[1:])
def test_order_with_workers_and_generator(crew, agree):
    agree(epochs({**ORDERS["shuffled batches"], **CREWS[crew]}, 3, generator=True, count=3))


TENSORS = {
    "tensors": lambda lib, data, sets: sets,
    "subset": lambda lib, data, sets: data.Subset(sets, [6, 0, 3, 3, -1, 5]),
    "split": lambda lib, data, sets: data.random_split(sets, [3, 4])[1],
    "subset by tensor": lambda lib, data, sets: data.Subset(sets, lib.tensor([6, 0, 3])),
    "joined": lambda lib, data, sets: sets + sets,
    "beyond": lambda lib, data, sets: data.Subset(sets, [1, 9]),
}


@pytest.mark.parametrize("make", TENSORS.values(), ids=TENSORS)
def test_datasets_of_tensors(make, agree):
    """Batches that are gathered at once are those that would be stacked."""

    def program(lib, data):
        lib.manual_seed(0)
        sets = data.TensorDataset(lib.arange(14.0).reshape(7, 2), lib.arange(7), lib.zeros(7, 0, 2))
        dataset = make(lib, data, sets)
        try:
            return [list(data.DataLoader(dataset, 4, shuffle=s, num_workers=w)) for s, w in ((False, 0), (True, 0), (True, 1))]
        except IndexError:
            return "IndexError"

    agree(program)


def test_a_batch_is_a_copy(agree):
    def program(lib, data):
        x = lib.zeros(4)
        for (batch,) in data.DataLoader(data.TensorDataset(x), 4):
            batch += 1
        return x

    agree(program)


def test_a_table_of_ones_own_counts_for_tensors(monkeypatch):
    table = mt.utils.data.collate.default_collate_fn_map
    monkeypatch.setitem(table, mt.Tensor, lambda batch, *, collate_fn_map: len(batch))
    assert list(mt.utils.data.DataLoader(mt.utils.data.TensorDataset(mt.zeros(5)), 4)) == [[4], [1]]


def test_order_does_not_depend_on_the_workers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # three workers may be more than there are cores
        loaders = [mt.utils.data.DataLoader(range(23), 4, shuffle=True, num_workers=n) for n in (0, 1, 2, 3)]
    orders = []
    for loader in loaders:
        mt.manual_seed(5)
        orders.append([batch.tolist() for _ in range(2) for batch in loader])
    assert orders[1:] == orders[:1] * 3


def test_half_an_epoch(agree):
    """Leaving early leaves the streams as PyTorch leaves them: what was fetched ahead was drawn."""

    def program(lib, data):
        seen = []
        for crew in CREWS.values():
            lib.manual_seed(1)
            sampler = data.RandomSampler(range(9), replacement=True, num_samples=70)
            own = lib.Generator().manual_seed(2)
            loader = data.DataLoader(range(9), 5, sampler=sampler, generator=own, **crew)
            for _ in range(2):
                seen += [batch for batch, _ in zip(loader, range(3), strict=False)]
            seen.append((lib.rand(1), lib.rand(1, generator=own)))
        return seen

    agree(program)


# ----------------------------------------------------------------------------------------------------- streams of data


@pytest.mark.parametrize("crew", CREWS)
@pytest.mark.parametrize("batch", [{"batch_size": 4}, {"batch_size": 4, "drop_last": True}, {"batch_size": None}],
                         ids=["batches", "whole batches", "no batches"])  # fmt: skip
def test_streams(batch, crew, agree):
    def program(lib, data):
        loaders = [data.DataLoader(make(data, 11), **batch, **CREWS[crew]) for make in (stream, split_stream)]
        return [list(loader) for loader in loaders for _ in range(2)]

    agree(program)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_longer_than_it_says(workers, agree):
    def program(lib, data):
        loader = data.DataLoader(stream(data, 5, length=3), batch_size=None, num_workers=workers)
        return len(loader), list(loader)

    (length, _), told = agree_on_start(agree, program)
    assert length == 3
    assert all("Length of IterableDataset stream was reported to be 3" in message for message in told)
    assert len(told) == (2 if workers == 0 else 7)


def agree_on_start(agree, program):
    """PyTorch's warning goes on in the same line, with other words than ours."""

    def shortened(lib, data):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = program(lib, data)
        return value, [str(warning.message).split(" samples have been fetched.")[0] for warning in caught]

    return agree(shortened)[0]


# -------------------------------------------------------------------------------------------------- lengths and errors

LENGTHS = {
    "plain": lambda lib, data: len(data.DataLoader(range(10))),
    "batches": lambda lib, data: len(data.DataLoader(range(10), 4)),
    "whole batches": lambda lib, data: len(data.DataLoader(range(10), 4, drop_last=True)),
    "no batches": lambda lib, data: len(data.DataLoader(range(10), None)),
    "own sampler": lambda lib, data: len(data.DataLoader(range(10), 4, sampler=[1, 2, 3, 4, 5])),
    "own batches": lambda lib, data: len(data.DataLoader(range(10), batch_sampler=[[1], [2, 3]])),
    "empty": lambda lib, data: len(data.DataLoader([], 4)),
    "stream": lambda lib, data: len(data.DataLoader(stream(data, 10, length=10), 4)),
    "stream, whole batches": lambda lib, data: len(data.DataLoader(stream(data, 10, length=10), 4, drop_last=True)),
    "stream, no batches": lambda lib, data: len(data.DataLoader(stream(data, 10, length=10), None)),
    "stream, unknown": lambda lib, data: len(data.DataLoader(stream(data, 10))),
    "unknown sampler": lambda lib, data: len(data.DataLoader(range(10), sampler=iter([1]))),
    "iterator": lambda lib, data: len(iter(data.DataLoader(range(10), 4))),
    "no __len__": lambda lib, data: len(data.DataLoader(data.Dataset())),
}

ERRORS = {
    "workers": lambda lib, data: data.DataLoader([1], num_workers=-1),
    "timeout": lambda lib, data: data.DataLoader([1], timeout=-1),
    "prefetch without workers": lambda lib, data: data.DataLoader([1], prefetch_factor=2),
    "prefetch": lambda lib, data: data.DataLoader([1], num_workers=1, prefetch_factor=-2),
    "persistent": lambda lib, data: data.DataLoader([1], persistent_workers=True),
    "sampler and shuffle": lambda lib, data: data.DataLoader([1], shuffle=True, sampler=[0]),
    "batches and shuffle": lambda lib, data: data.DataLoader([1], shuffle=True, batch_sampler=[[0]]),
    "batches and batch size": lambda lib, data: data.DataLoader([1], batch_size=2, batch_sampler=[[0]]),
    "batches and sampler": lambda lib, data: data.DataLoader([1], sampler=[0], batch_sampler=[[0]]),
    "batches and drop_last": lambda lib, data: data.DataLoader([1], drop_last=True, batch_sampler=[[0]]),
    "no batches and drop_last": lambda lib, data: data.DataLoader([1], batch_size=None, drop_last=True),
    "batch size": lambda lib, data: data.DataLoader([1], batch_size=0),
    "shuffle nothing": lambda lib, data: data.DataLoader([], shuffle=True),
    "stream, shuffle": lambda lib, data: data.DataLoader(stream(data, 3), shuffle=True),
    "stream, shuffle 1": lambda lib, data: data.DataLoader(stream(data, 3), shuffle=1),
    "stream, sampler": lambda lib, data: data.DataLoader(stream(data, 3), sampler=[1]),
    "stream, empty sampler": lambda lib, data: data.DataLoader(stream(data, 3), sampler=[]),
    "stream, batches": lambda lib, data: data.DataLoader(stream(data, 3), batch_sampler=[[1]]),
    "context without workers": lambda lib, data: data.DataLoader([1], multiprocessing_context="fork"),
    "unknown context": lambda lib, data: data.DataLoader([1], num_workers=1, multiprocessing_context="knife"),
    "context": lambda lib, data: data.DataLoader([1], num_workers=1, multiprocessing_context=3),
    "set later": lambda lib, data: setattr(data.DataLoader([1]), "batch_size", 3),
    "set the dataset later": lambda lib, data: setattr(data.DataLoader([1]), "dataset", []),
    "too many arguments": lambda lib, data: data.DataLoader(*[None] * 14),
    "sampler fails": lambda lib, data: list(data.DataLoader([1], sampler=(1 // 0 for _ in range(1)))),
    "dataset fails": lambda lib, data: list(data.DataLoader([1], sampler=[0, 1])),
    "collation fails": lambda lib, data: list(data.DataLoader([None])),
}


@pytest.mark.parametrize("program", LENGTHS.values(), ids=LENGTHS)
def test_lengths(program, agree):
    agree(program)


@pytest.mark.parametrize("program", ERRORS.values(), ids=ERRORS)
def test_errors(program, agree):
    kind, _ = agree(program)
    assert kind.endswith("Error")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # PyTorch's half-made iterator
def test_prefetching_nothing(agree):
    agree(lambda lib, data: iter(data.DataLoader([1], num_workers=1, prefetch_factor=0)))


def test_options_that_change_nothing_or_are_kept(agree):
    def program(lib, data):
        loader = data.DataLoader([1, 2], 2, False, None, None, 0, None, False, True, 0, None, None, None, in_order=False)
        loader.collate_fn = len
        loader.num_workers = 0
        names = ["batch_size", "num_workers", "pin_memory", "drop_last", "timeout", "prefetch_factor", "in_order",
                 "persistent_workers", "pin_memory_device", "multiprocessing_context", "worker_init_fn"]  # fmt: skip
        crew = data.DataLoader([1, 2], num_workers=2, multiprocessing_context="spawn")
        facts = [crew.prefetch_factor, crew.multiprocessing_context.get_start_method(), type(crew.sampler).__name__]
        return [getattr(loader, name) for name in names], list(loader), facts, type(loader.batch_sampler).__name__

    agree(program)


def test_pinned_memory_is_ignored_with_a_word(agree):
    agree(lambda lib, data: list(data.DataLoader([1, 2], pin_memory=True)))


def test_more_workers_than_cores(agree):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    def program(lib, data):
        with pytest.warns(UserWarning) as caught:
            data.DataLoader([1], num_workers=cores + 1)
        return str(caught[0].message).split("going to create")[0]

    assert f"is {cores}, which is smaller" in agree(program)[0]


def test_an_iterator_is_not_pickled():
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        pickle.dumps(iter(mt.utils.data.DataLoader([1])))


def test_a_loader_can_be_pickled_and_annotated():
    data = mt.utils.data
    loader = pickle.loads(pickle.dumps(data.DataLoader(list(range(5)), 2)))
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4]]
    assert data.DataLoader[int].__origin__ is data.DataLoader


def test_names_that_programs_import():
    from minitorch.utils.data.dataloader import DataLoader, default_collate
    from minitorch.utils.data.dataset import IterableDataset, Subset
    from minitorch.utils.data.sampler import Sampler

    data = mt.utils.data
    assert (DataLoader, default_collate) == (data.DataLoader, data.default_collate)
    assert (IterableDataset, Subset, Sampler) == (data.IterableDataset, data.Subset, data.Sampler)
    pipes = {"DFIterDataPipe", "DataChunk", "_DatasetKind", "IterDataPipe", "MapDataPipe", "argument_validation", "functional_datapipe",
             "guaranteed_datapipes_determinism", "non_deterministic", "runtime_validation",
             "runtime_validation_disabled"}  # fmt: skip
    assert set(torch.utils.data.__all__) - pipes - set(data.__all__) == set()
