"""Collation: the same batch, of the same types, as PyTorch's."""

from collections import OrderedDict, UserDict, UserList, defaultdict, namedtuple
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pytest
import torch

import minitorch as mt

Point = namedtuple("Point", ["x", "y"])


class Tagged(dict):
    """A mapping with something of its own, which the batch keeps."""

    tag = None


class Frozen(Sequence):
    """A sequence that can't be made from a list."""

    def __init__(self, a, b):
        self.items = (a, b)

    def __getitem__(self, i):
        return self.items[i]

    def __len__(self):
        return len(self.items)


class View(Mapping):
    """A mapping that can't be changed."""

    def __init__(self, items):
        self.items_ = dict(items)

    def __getitem__(self, key):
        return self.items_[key]

    def __iter__(self):
        return iter(self.items_)

    def __len__(self):
        return len(self.items_)


def tagged(value):
    sample = Tagged(x=value)
    sample.tag = "mine"
    return sample


def shown(value):
    """The types of everything in a batch, beside its contents."""
    kind = type(value).__name__
    if isinstance(value, (torch.Tensor, mt.Tensor)):
        return kind, str(value.dtype), tuple(value.shape), value.tolist()
    if isinstance(value, Mapping):
        return kind, getattr(value, "tag", None), {key: shown(value[key]) for key in value}
    if isinstance(value, (Sequence, UserList)) and not isinstance(value, (str, bytes, bytearray)):
        return kind, [shown(item) for item in value]
    if isinstance(value, np.ndarray):
        return kind, str(value.dtype), value.tolist()
    return kind, value


BATCHES = {
    "tensors": lambda lib: [lib.tensor([1.0, 2.0]), lib.tensor([3.0, 4.0])],
    "0-d tensors": lambda lib: [lib.tensor(1), lib.tensor(2)],
    "empty tensors": lambda lib: [lib.zeros(0, 2), lib.zeros(0, 2)],
    "tensors of other sizes": lambda lib: [lib.zeros(3), lib.zeros(4)],
    "bool tensors": lambda lib: [lib.tensor([True]), lib.tensor([False])],
    "arrays": lambda lib: [np.arange(3), np.arange(3) + 1],
    "float32 arrays": lambda lib: [np.ones((2, 2), np.float32)] * 3,
    "float16 arrays": lambda lib: [np.ones(2, np.float16)] * 2,
    "0-d arrays": lambda lib: [np.array(1.5), np.array(2.5)],
    "text arrays": lambda lib: [np.array(["a", "b"])] * 2,
    "object arrays": lambda lib: [np.array([None, 1])] * 2,
    "numpy floats": lambda lib: [np.float64(1.5), np.float64(2)],
    "numpy float32s": lambda lib: [np.float32(1.5), np.float32(2)],
    "numpy ints": lambda lib: [np.int8(1), np.int8(2)],
    "numpy bools": lambda lib: [np.bool_(True), np.bool_(False)],
    "numpy texts": lambda lib: [np.str_("a"), np.str_("b")],
    "ints": lambda lib: [1, 2, 3],
    "bools": lambda lib: [True, False],
    "floats": lambda lib: [0.5, 1.5],
    "ints and floats": lambda lib: [1, 2.5],
    "floats and ints": lambda lib: [2.5, 1],
    "texts": lambda lib: ["a", "b"],
    "bytes": lambda lib: [b"a", b"b"],
    "none": lambda lib: [None, None],
    "sets": lambda lib: [{1}, {2}],
    "objects": lambda lib: [slice(1), slice(2)],
    "pairs": lambda lib: [(1, 2.0), (3, 4.0)],
    "lists": lambda lib: [[1, "a"], [3, "b"]],
    "empty lists": lambda lib: [[], []],
    "ranges": lambda lib: [range(3), range(3)],
    "uneven": lambda lib: [[1, 2], [3]],
    "uneven pairs": lambda lib: [(1, 2), (3,)],
    "namedtuples": lambda lib: [Point(1, 2.0), Point(3, 4.0)],
    "dicts": lambda lib: [{"a": 1, "b": lib.zeros(2)}, {"a": 2, "b": lib.ones(2)}],
    "more keys in the second": lambda lib: [{"a": 1}, {"a": 2, "b": 3}],
    "fewer keys in the second": lambda lib: [{"a": 1, "b": 3}, {"a": 2}],
    "ordered dicts": lambda lib: [OrderedDict(b=1, a=2), OrderedDict(a=3, b=4)],
    "default dicts": lambda lib: [defaultdict(list, a=1), defaultdict(list, a=2)],
    "user dicts": lambda lib: [UserDict(a=1), UserDict(a=2)],
    "tagged dicts": lambda lib: [tagged(1), tagged(2)],
    "views": lambda lib: [View({"a": 1}), View({"a": 2})],
    "proxies": lambda lib: [MappingProxyType({"a": 1}), MappingProxyType({"a": 2})],
    "user lists": lambda lib: [UserList([1, 2]), UserList([3, 4])],
    "frozen sequences": lambda lib: [Frozen(1, 2), Frozen(3, 4)],
    "nested": lambda lib: [{"a": [(1, {"b": Point(0.5, "x")})]}, {"a": [(2, {"b": Point(1.5, "y")})]}],
    "nothing": lambda lib: [],
}


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_default_collate(batch, agree):
    agree(lambda lib, data: shown(data.default_collate(batch(lib))))


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_default_convert(batch, agree):
    agree(lambda lib, data: shown(data.default_convert(batch(lib))))


def test_what_was_given_is_not_changed():
    samples = [tagged(np.arange(2)), tagged(np.arange(2))]
    mt.utils.data.default_collate(samples)
    mt.utils.data.default_convert(samples)
    assert all(type(sample["x"]) is np.ndarray for sample in samples)


def test_a_converted_array_shares_its_memory():
    array = np.zeros(3)
    converted = mt.utils.data.default_convert(array)
    array[1] = 5
    assert converted.tolist() == [0, 5, 0]


def test_a_table_of_ones_own():
    from minitorch.utils.data.collate import collate, default_collate_fn_map

    def longest(batch, *, collate_fn_map):
        return max(len(text) for text in batch)

    batch = collate([("a", 1), ("bcd", 2)], collate_fn_map={**default_collate_fn_map, str: longest})
    assert batch[0] == 3 and batch[1].tolist() == [1, 2]
    with pytest.raises(TypeError, match="found <class 'int'>"):
        collate([1, 2])


def test_the_error_says_what_to_do():
    with pytest.raises(RuntimeError, match="give the DataLoader a collate_fn"):
        mt.utils.data.default_collate([[1, 2], [3]])
    with pytest.raises(TypeError, match="give the DataLoader a collate_fn"):
        mt.utils.data.default_collate([None])
