"""One run of a model, written down: which row ran on which arrays, and where in the program that was said.

A listener at the gate numbers the arrays as they come: first the inputs, then the model's parameters and buffers, then
what is computed. Here of ``x.mm(w).relu()``, with x number 0 and w number 1:

    Step(matmul, (Ref(0), Ref(1)), (), 2)
    Step(relu, (Ref(2),), (), 3)

Arrays are told apart by identity and kept, so that no other can come to stand in the same place. An array is *live* if it
depends on an input. Python may not read a live array, for the model that comes of this would keep that one answer.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from .. import dtypes
from .. import primitives as rows
from ..backends.memory import owner
from ..func.tree import flatten
from ..modes import MODE, no_grad
from .errors import OnnxExporterError

__all__ = ["Ref", "Step", "Trace", "tensors_in"]

PACKAGE = str(Path(__file__).resolve().parent.parent)


class Ref(NamedTuple):
    """The array of that number."""

    number: int


class Step(NamedTuple):
    """A row that ran. ``constant``: the bytes of what it made if that depends on no input and no weight."""

    row: object
    operands: tuple  # Refs and Python's numbers
    params: tuple
    out: int
    written: bool  # in place: ``out`` was there before
    shared: bool  # ``out`` is a view of the first operand
    constant: object
    place: str


class Trace:
    """``model(*args, **kwargs)``, run and written down.

    steps: in order. shapes, dtypes: of the arrays, by number. inputs: the numbers of the arguments ``examples``.
    weights: number → (name, array) of parameters and buffers. outside: number → what an array from elsewhere held.
    result: what the model returned; results: the numbers of its tensors.
    """

    def __init__(self, model, args, kwargs):
        self.arrays, self.steps, self.numbers = [], [], {}
        self.outside, self.live, self.owners, self.storages = {}, set(), set(), {}  # held, for another may get a freed one's id
        self.laid_out = {}  # tensors that were laid out anew, and what came of it, by their storages
        self.paths = {id(m): path for path, m in model.named_modules()} if hasattr(model, "named_modules") else {}
        self.inputs = [self.begin(x) for x in tensors_in((args, kwargs))]
        self.examples = [x.clone() for x in tensors_in((args, kwargs))]
        self.weights = {self.number_of(x._array): (name, x._array) for name, x in reversed(members(model))}
        self.depending = {*self.inputs, *self.weights}
        self.result = self.followed(model, args, kwargs)
        self.results = [self.reference(x).number for x in tensors_in(self.result)]
        self.shapes = [tuple(array.shape) for array in self.arrays]
        self.dtypes = [getattr(dtypes, str(array.dtype)) for array in self.arrays]
        self.arrays, self.numbers, self.paths = [], {}, {}  # the large arrays may go now

    def followed(self, model, args, kwargs):
        """What the model returns; meanwhile this trace listens. Running statistics are afterwards what they were."""
        before = [(x, x._array.copy(), x._storage.version) for _, x in members(model)]
        self.frame = sys._getframe()
        listeners, readers = MODE.listeners, MODE.readers
        MODE.listeners, MODE.readers = (self.listen,), (self.refuse,)
        try:
            with no_grad():
                return model(*args, **kwargs)
        finally:
            MODE.listeners, MODE.readers = listeners, readers
            self.frame = None
            for x, array, version in before:
                if x._storage.version != version and x._array.shape == array.shape:
                    x._array[...] = array

    def begin(self, tensor):
        """The number of an input."""
        self.live.add(id(tensor._array))
        self.owners.add(id(owner(tensor._array)))
        self.storages[id(tensor._storage)] = tensor._storage
        return self.number_of(tensor._array)

    def number_of(self, array):
        number = self.numbers.get(id(array))
        if number is None:
            number = self.numbers[id(array)] = len(self.arrays)
            self.arrays.append(array)
        return number

    def is_live(self, tensor):
        return id(tensor._array) in self.live or id(tensor._storage) in self.storages

    def reference(self, x):
        """An operand as it is written down. What nobody has seen yet came from outside, and is a constant."""
        if not hasattr(x, "_array"):
            return x
        array = x._array
        if id(array) not in self.numbers:
            if id(owner(array)) in self.owners:
                raise OnnxExporterError(
                    "the memory of a tensor is seen in a way that passes no gate, such as view(dtype)\n" + self.place()
                )
            dims = permutation(array)
            if dims is not None and id(array.base) in self.numbers:  # zeros_like lays a fresh tensor out like another
                made = Ref(self.numbers[id(array.base)]), self.number_of(array)
                self.steps.append(Step(rows.permute, made[:1], (dims,), made[1], False, False, array.copy(), self.place()))
                return Ref(made[1])
            self.outside[self.number_of(array)] = array.copy()
        return Ref(self.numbers[id(array)])

    def listen(self, row, inputs, params, out, written):
        shared = not written and bool(inputs) and hasattr(inputs[0], "_storage") and out._storage is inputs[0]._storage
        operands = tuple([self.reference(x) for x in inputs])
        known = [x.number for x in operands if x.__class__ is Ref]
        if written:
            self.reference(out)
        if any([self.is_live(x) for x in inputs if hasattr(x, "_array")]):
            self.live.add(id(out._array))
            self.owners.add(id(owner(out._array)))
            self.storages[id(out._storage)] = out._storage
        if row is rows.contiguous and not written:
            return self.lay_out(inputs[0], out)
        if written and id(out._storage) in self.laid_out:
            raise OnnxExporterError(f"what contiguous() copied, or gave, is written to\n{self.place()}: copy it with clone()")
        number = self.number_of(out._array)
        if row.kind == "random" or self.is_live(out) or any([n in self.depending for n in known]):
            self.depending.add(number)
        constant = None if number in self.depending or self.is_live(out) else out._array.copy()
        self.steps.append(Step(row, operands, params, number, written, shared, constant, self.place()))

    def lay_out(self, x, out):
        """The same numbers in another order in memory, of which ONNX knows nothing: whether that is needed may depend on sizes."""
        self.numbers[id(out._array)] = self.reference(x).number
        self.laid_out.update({id(y._storage): y for y in (x, out)})

    def refuse(self, _what, tensor, _result):
        """Stop where Python reads what depends on the inputs."""
        if self.is_live(tensor):
            raise OnnxExporterError(
                "Python reads the elements of a tensor that depends on the inputs (item, bool, int, tolist, numpy, nonzero …)\n"
                f"{self.place()}: the exported model would keep the answer of the example. Say it in tensors, such as torch.where"
            )

    def place(self):
        """Where in the program this is: the innermost line that isn't the library's, and the innermost module."""
        line = module = None
        frame = sys._getframe(2)
        while frame is not self.frame and frame is not None and (line is None or module is None):
            code = frame.f_code
            if line is None and not code.co_filename.startswith(PACKAGE):
                line = f"{Path(code.co_filename).name}, line {frame.f_lineno}"
            if module is None and code.co_name == "forward" and code.co_argcount:
                module = self.paths.get(id(frame.f_locals.get(code.co_varnames[0])))
            frame = frame.f_back
        return " in ".join([text for text in (line, f"module '{module}'" if module else "the model") if text])


def permutation(array):
    """The order in which an array sees the dims of the one that it is made of; None if it is no such thing.

    >>> import numpy
    >>> permutation(numpy.zeros((2, 3, 4)).transpose(2, 0, 1))
    (2, 0, 1)
    """
    base = array.base
    if base is None or base.__class__ is not array.__class__ or base.ndim != array.ndim:
        return None
    left = dict(enumerate(zip(base.shape, base.strides)))
    dims = [next((k for k, x in left.items() if x == pair and left.pop(k)), None) for pair in zip(array.shape, array.strides)]
    return None if None in dims else tuple(dims)


def members(model):
    """The parameters and buffers of a model, with their names; of a function none."""
    if not hasattr(model, "named_parameters"):
        return []
    return [*model.named_parameters(), *model.named_buffers()]


def tensors_in(tree):
    """All tensors in nested lists, tuples and dicts, in order."""
    return [x for x in flatten(tree) if hasattr(x, "_array")]
