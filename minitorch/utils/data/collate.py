"""From a list of samples to one batch: numbers and tensors become tensors, the structure around them stays.

torch: torch/utils/data/_utils/collate.py
"""

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence

from ...backends.numpy import numpy
from ...creation import as_tensor, tensor
from ...dtypes import float64
from ...engine import Tensor
from ...ops.joining import stack

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert", "tensors_are_stacked"]


def default_collate(batch):
    """One batch out of a list of samples, stacked along a new first dimension. torch: utils.data.default_collate

    A sample may be a tensor, a NumPy array, a number, or a mapping, a tuple or a list of such; strings stay as they
    are. A batch of tuples is a list of batches: ``for x, y in loader``.

    >>> torch.utils.data.default_collate([(tensor([1., 2.]), 0), (tensor([3., 4.]), 1)])
    [tensor([[1., 2.],
            [3., 4.]]), tensor([0, 1])]
    >>> torch.utils.data.default_collate([{"name": "a", "size": 0.5}, {"name": "b", "size": 1.5}])
    {'name': ['a', 'b'], 'size': tensor([0.5000, 1.5000], dtype=torch.float64)}
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch, *, collate_fn_map=None):
    """``default_collate`` with another table of what to do with which type.

    A function of the table is called as ``function(batch, collate_fn_map=collate_fn_map)``.
    torch: torch/utils/data/_utils/collate.py, collate
    """
    first = batch[0]
    function = _function_for(first, collate_fn_map or {})
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        columns = {key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map) for key in first}
        return _mapping_like(first, columns)

    if not isinstance(first, Sequence):
        raise _unknown(type(first))

    sizes = {len(sample) for sample in batch}
    if len(sizes) > 1 and not _is_namedtuple(first):
        raise RuntimeError(
            "each element in list of batch should be of equal size\n"
            f"the samples have {sorted(sizes)} elements: pad them, or give the DataLoader a collate_fn"
        )
    columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=False)]
    return _sequence_like(first, columns)


def default_convert(data):
    """NumPy arrays and scalars become tensors, the structure around them stays; all else is left alone.

    What a DataLoader without batches (``batch_size=None``) does to a sample. torch: utils.data.default_convert

    >>> import numpy
    >>> torch.utils.data.default_convert({"x": numpy.arange(3), "n": 3})
    {'x': tensor([0, 1, 2]), 'n': 3}
    """
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, numpy.ndarray):
        return data if data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, numpy.generic):
        return as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence):
        return _sequence_like(data, [default_convert(item) for item in data])
    return data


# ------------------------------------------------------------------------------------------- what each type becomes


def _collate_tensors(batch, *, collate_fn_map=None):
    return stack(batch, 0)


def _collate_arrays(batch, *, collate_fn_map=None):
    if batch[0].dtype.kind in "SUO":  # text or objects: nothing a tensor could hold
        raise _unknown(batch[0].dtype)
    return collate([as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def _collate_numpy_scalars(batch, *, collate_fn_map=None):
    return as_tensor(numpy.array(batch))


def _collate_floats(batch, *, collate_fn_map=None):
    return tensor(batch, dtype=float64)  # a Python float has double precision


def _collate_integers(batch, *, collate_fn_map=None):
    return tensor(batch)


def _collate_texts(batch, *, collate_fn_map=None):
    return batch


default_collate_fn_map = {
    Tensor: _collate_tensors,
    numpy.ndarray: _collate_arrays,
    (numpy.bool_, numpy.number, numpy.object_): _collate_numpy_scalars,  # before float: a numpy.float64 is one
    float: _collate_floats,
    int: _collate_integers,
    str: _collate_texts,
    bytes: _collate_texts,
}
"""What ``default_collate`` does with samples of a type, subclasses included; the first match counts. Yours to extend."""


def tensors_are_stacked():
    """Whether the table still says so."""
    return default_collate_fn_map.get(Tensor) is _collate_tensors


def _function_for(sample, table):
    exact = table.get(type(sample))
    if exact is not None:
        return exact
    return next((function for kind, function in table.items() if isinstance(sample, kind)), None)


def _unknown(kind):
    return TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {kind}\n"
        "return something else from the dataset, or give the DataLoader a collate_fn"
    )


# -------------------------------------------------------------------------------------------------- keeping structure


def _is_namedtuple(value):
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _mapping_like(original, values):
    """The values in a mapping of the original's type, with its other attributes; a dict where that can't be."""
    try:
        if not isinstance(original, MutableMapping):
            return type(original)(values)
        clone = copy.copy(original)
        clone.update(values)
        return clone
    except TypeError:
        return values


def _sequence_like(original, values):
    """The values in a sequence of the original's type; a list for plain tuples, and where that can't be."""
    if _is_namedtuple(original):
        return type(original)(*values)
    if isinstance(original, tuple):
        return values
    try:
        if not isinstance(original, MutableSequence):
            return type(original)(values)
        clone = copy.copy(original)
        for i, value in enumerate(values):
            clone[i] = value
        return clone
    except TypeError:
        return values
