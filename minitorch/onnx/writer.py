"""Nodes of an ONNX graph, as the spellings say them.

    o.Add(x, y)                      a node; what is returned is the name of its output
    o.Softmax(x, axis=1)             keywords are the node's attributes
    o.ReduceSum(x, [0, 2])           a list is a constant vector of integers; a Size in it is computed from the inputs
    o.Mul(x, 0.5)                    a Python number is a constant of the dtype that the row computes in, ``o.dtype``

A node that has been said before isn't written again: the answer is the first one's name.
"""

from functools import partial
from typing import NamedTuple

from .. import dtypes
from ..creation import tensor
from .errors import OnnxExporterError, UnsupportedOperatorError
from .sizes import Size

__all__ = ["CODES", "Value", "Writer"]

CODES = {
    "float32": 1, "uint8": 2, "int8": 3, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11,
    "complex64": 14, "complex128": 15, "bfloat16": 16,
}  # fmt: skip
"""The numbers of the element types (TensorProto.DataType)."""


SAY_OTHERWISE = (
    "this row of the table has no spelling in ONNX. Compute it outside of the exported model, or of other operations"
)


class Value(NamedTuple):
    """A tensor of the graph. ``shape`` has a Size where it isn't fixed."""

    name: str
    dtype: object
    shape: tuple


class Node(NamedTuple):
    """A node, before it is made one of ONNX's."""

    kind: str
    inputs: tuple
    outputs: tuple
    attributes: dict
    scope: str
    place: str


class Writer:
    """Collects nodes and constants. Of the row that is being said it knows ``dtype``, ``operands``, ``out`` and ``place``.

    axes: dynamic axis → (name of an input, which of its dims). runs: how many sizes were tried.
    """

    def __init__(self, spellings, opset, axes, runs):
        self.spellings, self.opset, self.axes, self.runs = spellings, opset, axes, runs
        self.nodes, self.constants, self.said, self.taken = [], {}, {}, set()
        self.seen: dict = {}  # Size → (name of a value, which of its dims)
        self.maxima: dict = {}  # (map, where its windows' maxima are) → the maxima: ONNX finds both at once
        self.scope, self.place = "", "the model"
        self.dtype, self.operands, self.out = None, (), None

    # -------------------------------------------------------------------------------------------------------- nodes

    def say(self, row, operands, params, dtype, shape):
        """What ``row`` makes of the operands, Values and numbers: a Value of that dtype and shape."""
        spelling = self.spellings.get(row.name)
        if spelling is None:
            raise UnsupportedOperatorError(f"aten::{row.name}", self.opset, None, f"{self.place}: {SAY_OTHERWISE}")
        before = self.dtype, self.operands, self.out
        values = [x for x in operands if isinstance(x, Value)]
        mixed = [x for i, x in enumerate(operands) if isinstance(x, Value) and (row.mixes is None or i in row.mixes)]
        self.dtype = (mixed or values)[0].dtype if values else dtype
        self.operands, self.out = values, Value("", dtype, shape)
        if isinstance(spelling, str):
            made = self.node(spelling, *operands, *params)
        else:
            made = spelling(self, *operands, *params)
        name = self.named(made)
        self.dtype, self.operands, self.out = before
        for d, n in enumerate(shape):
            if isinstance(n, Size):
                self.seen.setdefault(n, (name, d))
        return Value(name, dtype, shape)

    def __getattr__(self, kind):
        if not kind[0].isupper():
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {kind!r}")
        return partial(self.node, kind)

    def node(self, kind, *inputs, outputs=1, fresh=False, **attributes):
        """The name of the output, or a list of several. ``fresh``: it isn't the same as one said before, for it draws."""
        names = tuple([self.named(x) for x in inputs])
        key = (kind, names, outputs, repr(sorted(attributes.items())))
        if key not in self.said or fresh:
            made = tuple([self.free(f"{self.scope}{kind}") for _ in range(outputs)])
            self.nodes.append(Node(kind, names, made, attributes, self.scope, self.place))
            self.said[key] = made[0] if outputs == 1 else list(made)
        return self.said[key]

    def named(self, x):
        """The name of an input of a node."""
        if x is None:
            return ""
        if isinstance(x, (str, Value)):
            return x if isinstance(x, str) else x.name
        if isinstance(x, list):
            return self.ints(x)
        return self.number(x, self.dtype)

    def free(self, name):
        """``name``, with a number behind it if it is taken."""
        found, k = name, 0
        while found in self.taken:
            k += 1
            found = f"{name}_{k}"
        self.taken.add(found)
        return found

    # ---------------------------------------------------------------------------------------------------- constants

    def constant(self, data, dtype=None):
        """A constant: a tensor, or nested lists of numbers in ``dtype``."""
        made = data if hasattr(data, "_array") else tensor(data, dtype=dtype)
        return self.array(made._array)

    def array(self, array, name=None):
        """A constant of that array, under a name of its own or one for all that are equal."""
        key = name or (array.tobytes(), str(array.dtype), array.shape)
        if key not in self.said:
            self.said[key] = self.free(name or "constant")
            self.constants[self.said[key]] = array
        return self.said[key]

    def ints(self, numbers):
        """A vector of integers, some of them Sizes."""
        if not any([isinstance(n, Size) for n in numbers]):
            return self.constant(list(numbers), dtypes.int64)
        parts, fixed = [], []
        for n in [*numbers, None]:
            if isinstance(n, int):
                fixed.append(n)
                continue
            if fixed:
                parts.append(self.constant(fixed, dtypes.int64))
                fixed = []
            if n is not None:
                parts.append(self.size(n))
        return parts[0] if len(parts) == 1 else self.Concat(*parts, axis=0)

    def number(self, x, dtype):
        """A 0-d tensor of a Python number or a Size."""
        if not isinstance(x, Size):
            return self.constant(x, dtype)
        inverse = x.told is not None and x.told[2]
        whole = self.Cast(self.Squeeze(self.size(x), [0]), to=CODES[dtype.name])
        return self.Reciprocal(whole) if inverse else whole

    # -------------------------------------------------------------------------------------------------------- sizes

    def size(self, size):
        """A Size as a vector of one integer: computed from the inputs' dims, or that of a dim of some tensor."""
        if size.told is not None:
            return self.computed(*size.told[:2])
        known = [(v.name, v.shape.index(size)) for v in self.operands if size in v.shape]
        known += [self.seen[size]] if size in self.seen else []
        if known and self.runs == 2 + 2 * len(self.axes):  # else it may be another that looks the same in these runs
            name, d = known[0]
            return self.Shape(name, start=d, end=d + 1)
        raise OnnxExporterError(
            f"a size can't be told from the sizes of the inputs\n{self.place}: it was {', '.join(map(str, size.values))} for "
            f"{self.runs} sizes of {' and '.join([repr(axis) for axis in self.axes])}. Leave the axis fixed"
        )

    def computed(self, terms, plus):
        """A sum of multiples of products of axes, from the inputs' shapes."""
        total = self.ints([plus]) if plus or not terms else None
        for factor, axes in terms:
            found = None
            for axis in axes:
                name, d = self.axes[axis]
                length = self.Shape(name, start=d, end=d + 1)
                found = length if found is None else self.Mul(found, length)
            found = found if factor == 1 else self.Mul(found, self.ints([factor]))
            total = found if total is None else self.Add(found, total)
        return total

    def each(self, n):
        """A number or Size, as its values in each run."""
        return n.values if isinstance(n, Size) else (n,) * self.runs

    def fixed(self, *numbers):
        """The numbers. Raises OnnxExporterError if one is a Size: the row has a spelling for fixed sizes only."""
        for n in numbers:
            if isinstance(n, Size):
                raise OnnxExporterError(
                    f"a dynamic axis can't be kept: this operation has a spelling in ONNX for fixed sizes only\n{self.place}: "
                    f"a size here is {n}. Leave that axis fixed"
                )
        return numbers

    # ---------------------------------------------------------------------------------------------- small vocabulary

    def cast(self, x, dtype):
        return self.Cast(x, to=CODES[dtype.name])

    def reshape(self, x, shape):
        """``x`` in another shape; a Size in it is left open (-1), kept from the input (0), or computed."""
        if 0 in shape or not any([isinstance(n, Size) for n in shape]):
            return self.Reshape(x, list(shape), allowzero=int(0 in shape))
        before = x.shape if isinstance(x, Value) else ()
        kept = [0 if isinstance(n, Size) and before[i : i + 1] == (n,) else n for i, n in enumerate(shape)]
        if sum([isinstance(n, Size) for n in kept]) <= 1:
            kept = [-1 if isinstance(n, Size) else n for n in kept]
        return self.Reshape(x, kept)

    def transpose(self, x, dims):
        return x if list(dims) == list(range(len(dims))) else self.Transpose(x, perm=list(dims))

    def moved(self, x, rank, source, target):
        """``x`` with one dim moved to another place."""
        dims = [d for d in range(rank) if d != source]
        dims.insert(target, source)
        return self.transpose(x, dims)

    def range(self, count):
        """0, 1, … ``count`` - 1: a constant unless count is a Size."""
        if not isinstance(count, Size):
            return self.constant(list(range(count)), dtypes.int64)
        zero, one = self.constant(0, dtypes.int64), self.constant(1, dtypes.int64)
        return self.Range(zero, self.Squeeze(self.size(count), [0]), one)
