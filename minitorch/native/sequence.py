"""Rows one after another on small arrays, as one function that Python enters at once.

A sequence is what a formula (formula.py) is, for arrays of different shapes, that are known; here the gradients of a product
x y, by both, of which array 2 is the gradient g:

    inputs   (((32, 2), (2, 1)), ((2, 16), (16, 1)), ((32, 16), (16, 1)))          shape and strides of each array
    steps    (("permute", ("a1",), ((1, 0),), (16, 2)),                            row, operands, params, shape of the result
              ("matmul", ("a2", "t0"), (), (32, 2)), …)
    outputs  ("t1", "t3")                                                          new arrays, given with the call
    stores   ()                                                                    as in a formula: what gets written over
    cuts     ()                                                                    steps that no loop may share with those before

For small arrays NumPy needs more time to begin than to compute: some microsecond a row, where its loops take a tenth. The
function asks each array that is given whether it is one of the dtype, shape and strides it was written for, and does
nothing if one isn't. Elementwise rows that follow each other become one loop.

Its results are NumPy's, bit for bit: arithmetic is rounded after each operation, and products are made by the same function
of the same BLAS, chosen as NumPy chooses it.   torch: none; a step of PyTorch's dispatches each row by itself
"""

import math
from functools import lru_cache
from typing import NamedTuple

from .arrays import ALIGNED, WRITEABLE, Asking
from .blas import COLUMN_MAJOR, PLAIN, ROW_MAJOR, TURNED, Blas, Unfit
from .entry import AVAILABLE, declared, entry, python_symbols
from .formula import EXACT, Writer
from .link import host, load, object_of
from .mathematics import constant, support
from .text import Text

__all__ = ["is_exact", "sequence"]

ELEMENTWISE = EXACT | {"copy", "fill", "keep"}
"""Rows that give NumPy's bits here."""

SCRATCH = 1 << 16
"""Bytes of intermediate results at most: they lie on the stack."""

ROWS = 256
"""How many rows are added up at most: NumPy's backend makes other sums of more."""

SIZES = {"float": 4, "double": 8}


class Place(NamedTuple):
    """Where a value lies: the first element's address, its shape, and its strides in elements."""

    pointer: str
    shape: tuple
    strides: tuple

    @property
    def size(self):
        return math.prod(self.shape)

    @property
    def rising(self):
        """Whether its elements lie behind each other, the last dim's next to each other (NumPy: C-contiguous)."""
        return follow(self.shape, self.strides)

    @property
    def falling(self):
        """The same, the first dim's next to each other."""
        return follow(self.shape[::-1], self.strides[::-1])

    @property
    def form(self):
        """How NumPy sees a factor of a product: "matrix", "row", "column" or "scalar"; a vector is a column."""
        if len(self.shape) == 1 or self.shape[1] == 1:
            return "column" if self.shape[0] > 1 else "scalar"
        return "matrix" if self.shape[0] > 1 else "row"


def follow(shape, strides):
    step = 1
    for n, stride in zip(reversed(shape), reversed(strides)):
        if n > 1 and stride != step:
            return False
        step *= n
    return True


def contiguous(shape):
    """The strides of a new array.

    >>> contiguous((2, 3, 4))
    (12, 4, 1)
    """
    return tuple([math.prod(shape[d + 1 :]) for d in range(len(shape))])


def grouped(steps, cuts):
    """The numbers of the steps, those in one list that become one loop: elementwise rows of one shape, one after another."""
    groups = []
    for k, (row, _, _, shape) in enumerate(steps):
        first = steps[groups[-1][0]] if groups else (None, None, None, None)
        if row in ELEMENTWISE and first[0] in ELEMENTWISE and first[3] == shape and k not in cuts:
            groups[-1].append(k)
        else:
            groups.append([k])
    return groups


class Writing:
    """A function that is being written: ``places`` of the values by name, and ``scratch`` bytes given away so far."""

    def __init__(self, kind, inputs, numbers, steps, outputs, stores, cuts, blas):
        self.kind, self.inputs, self.numbers, self.steps, self.outputs = kind, inputs, numbers, steps, outputs
        self.stores, self.cuts, self.text, self.places, self.scratch, self.ones = stores, cuts, Text(), {}, 0, 0
        self.blas = Blas(self.text, kind, blas)
        if 0 in [n for shape in [*[shape for shape, _ in inputs], *[step[3] for step in steps]] for n in shape]:
            raise Unfit

    def written(self):
        """The whole module."""
        body, count = self.text, len(self.inputs)
        data = [f"ptr %d{i}" for i in range(count + len(self.outputs))]
        arguments = ", ".join([*data, *[f"double %n{j}" for j in range(self.numbers)], "ptr %scratch"])
        for i, (shape, strides) in enumerate(self.inputs):
            self.places[f"a{i}"] = Place(f"%d{i}", shape, strides)
        with body.function(f"internal void @body({arguments})"):
            for group in grouped(self.steps, self.cuts):
                if self.steps[group[0]][0] in ELEMENTWISE:
                    self.loop(group)
                else:
                    self.single(group[0])
            self.copies()
        if self.scratch > SCRATCH:
            raise Unfit
        main = self.entrance()
        ones = ", ".join([f"{self.kind} {constant(1, self.kind)}"] * self.ones)
        constants = f"@ones = internal constant [{self.ones} x {self.kind}] [{ones}]\n" if self.ones else ""
        return constants + "".join(sorted(self.blas.called)) + support(str(body)) + str(body) + main

    # ------------------------------------------------------------------------------------------------------------ memory

    def place(self, k):
        """Where step k puts its result: in the array that it is to be returned in, or between."""
        shape, name = self.steps[k][3], f"t{k}"
        if name in self.outputs:
            pointer = f"%d{len(self.inputs) + self.outputs.index(name)}"
        else:
            pointer = self.text.at("%scratch", self.scratch, "i8")
            self.scratch += -(-math.prod(shape) * SIZES[self.kind] // 64) * 64
        self.places[name] = Place(pointer, shape, contiguous(shape))
        return self.places[name]

    def copies(self):
        """Outputs that no step could write where they belong: inputs, views, and what is returned twice."""
        for i, name in enumerate(self.outputs):
            place, pointer = self.places[name], f"%d{len(self.inputs) + i}"
            if place.pointer != pointer:
                to = Place(pointer, place.shape, contiguous(place.shape))
                with self.nest(place.shape, [place, to]) as (source, target):
                    self.text.store(self.kind, self.text.load(self.kind, source), target)

    # ------------------------------------------------------------------------------------------------------------- loops

    def nest(self, shape, places):
        """A block that is gone through for each element of ``shape``, with its address at each of the places."""
        return Nest(self.text, self.kind, shape, places)

    def loop(self, group):
        """Elementwise steps, as one loop."""
        shape, made = self.steps[group[0]][3], {f"t{k}" for k in group}
        read = {x for k in group for x in self.steps[k][1] if x.__class__ is str and x[0] != "n"} - made
        later = {x for k, step in enumerate(self.steps) if k > group[-1] for x in step[1]} | set(self.outputs)
        targets = {f"t{k}": self.place(k) for k in group if f"t{k}" in later}
        written = {f"a{i}": name for i, name in self.stores if name in made}
        names = [*sorted(read | set(written)), *targets]
        with self.nest(shape, [self.places[name] for name in names]) as addresses:
            at = dict(zip(names, addresses))
            writer = Writer(self.text, self.kind, {f"n{j}": f"%n{j}" for j in range(self.numbers)})
            for name in sorted(read):
                writer.values[name] = self.text.load(self.kind, at[name])
            for k in group:
                row, operands, _, _ = self.steps[k]
                same = row in ("copy", "fill")
                writer.values[f"t{k}"] = writer.value(operands[0]) if same else writer.step(row, operands)
            for name, value in [*[(x, x) for x in targets], *written.items()]:
                self.text.store(self.kind, writer.values[value], at[name])

    # ------------------------------------------------------------------------------------------------------------ others

    def single(self, k):
        """A step that is no loop: a view, which costs nothing, or a product."""
        row, operands, params, shape = self.steps[k]
        x = self.places[operands[0]]
        if row == "permute":
            (dims,) = params
            self.places[f"t{k}"] = Place(x.pointer, shape, tuple([x.strides[d] for d in dims]))
        elif row == "reshape" and x.rising:
            self.places[f"t{k}"] = Place(x.pointer, shape, contiguous(shape))
        elif row == "expand":
            added = len(shape) - len(x.shape)
            strides = [0 if n != m else s for n, m, s in zip(x.shape, shape[added:], x.strides)]
            self.places[f"t{k}"] = Place(x.pointer, shape, (*[0] * added, *strides))
        elif row == "matmul":
            self.product(x, self.places[operands[1]], self.place(k))
        elif row == "sum" and len(x.shape) == 2:
            self.sum(x, *params, self.place(k))
        else:
            raise Unfit

    def sum(self, x, dims, keepdim, out):
        """The sums along one dim of a matrix: its product with ones, as in the backend."""
        if keepdim or len(dims) > 1 or x.shape[dims[0]] > ROWS:
            raise Unfit
        (dim,), n = dims, x.shape[dims[0]]
        self.ones = max(self.ones, n)
        ones = Place("@ones", (n,), (1,))
        self.product(x, ones, out) if dim else self.product(ones, x, out)

    def product(self, x, y, out):
        """x y, by the function of BLAS that NumPy calls for it (cblas_matrixproduct in numpy/_core/src/common/cblasfuncs.c)."""
        forms = x.form, y.form
        if max(len(x.shape), len(y.shape)) > 2 or "scalar" in forms:
            raise Unfit
        if x.pointer == y.pointer or not all([z.rising or z.falling for z in (x, y)]):
            raise Unfit  # of a matrix and its transpose NumPy computes one half
        if forms[1] == "column" and forms[0] != "matrix":
            self.text.store(self.kind, self.blas.dot(x.size, x.pointer, along(x), y.pointer, along(y)), out.pointer)
        elif forms[0] == "matrix" and forms[1] != "matrix":
            self.times_vector(x, y, out)
        elif forms[0] != "matrix" and forms[1] == "matrix":
            self.times_vector(Place(y.pointer, y.shape[::-1], y.strides[::-1]), x, out)
        else:
            self.blas.matrices(x.shape[0], y.shape[1], x.shape[1], factor(x), factor(y), out.pointer)

    def times_vector(self, x, y, out):
        """x y for a vector y."""
        order, distance = (ROW_MAJOR, x.shape[1]) if x.rising else (COLUMN_MAJOR, x.shape[0])
        self.blas.vector(order, *x.shape, x.pointer, distance, y.pointer, along(y), out.pointer)

    # ---------------------------------------------------------------------------------------------------------- entering

    def entrance(self):
        """The function that Python enters. It returns its last argument; or None, if an array isn't what it was written for."""
        text, arrays = Text(), len(self.inputs) + len(self.outputs)
        text.lines.append(declared("Py_IncRef", "PyFloat_AsDouble").rstrip())
        with text.function("ptr @enter(ptr %self, ptr %arguments, i64 %count)", result="ptr null"):
            text.do(f"%scratch = alloca [{max(self.scratch, 1)} x i8], align 64")
            asking = Asking(text, arrays + self.numbers)
            for i, (shape, strides) in enumerate(self.inputs):
                x = asking.given[i]
                asking.array(x, len(shape), ALIGNED | WRITEABLE * (i in dict(self.stores)))
                for d, (n, stride) in enumerate(zip(shape, strides)):
                    asking.expect("i64", asking.size(x, d), n)
                    if n > 1:
                        asking.expect("i64", asking.stride(x, d), SIZES[self.kind] * stride)
            values = [f"ptr {asking.data(x)}" for x in asking.given[:arrays]]
            for x in asking.given[arrays:]:
                values.append(f"double {text.let('number', f'call double @PyFloat_AsDouble(ptr {x})')}")
            text.do(f"call void @body({', '.join([*values, 'ptr %scratch'])})")
            asking.answer(asking.given[-1])
        return str(text)


def factor(x):
    """How it is taken, its address, and the distance of its rows as it lies. NumPy looks first if columns lie behind each other."""
    return (TURNED, x.pointer, x.shape[0]) if x.falling else (PLAIN, x.pointer, x.shape[1])


def along(x):
    """The distance of a vector's elements."""
    return x.strides[-1] if x.form == "row" else x.strides[0]


class Nest:
    """``with Nest(text, kind, shape, places) as addresses``: loops over all elements, one loop where that suffices."""

    def __init__(self, text, kind, shape, places):
        self.text, self.kind, self.places, self.blocks = text, kind, places, []
        self.strides = [aligned(place, shape) for place in places]
        flat = all([follow(shape, strides) or not any(strides) for strides in self.strides])
        self.shape = (math.prod(shape),) if flat else shape
        if flat:
            self.strides = [(int(any(strides)),) for strides in self.strides]

    def __enter__(self):
        indices = []
        for n in self.shape:
            self.blocks.append(self.text.loop("i", 0, n))
            indices.append(self.blocks[-1].__enter__())
        addresses = []
        for place, strides in zip(self.places, self.strides):
            offset = 0
            for index, stride in zip(indices, strides):
                offset = self.text.add(offset, self.text.multiply(str(index), stride))
            addresses.append(self.text.at(place.pointer, offset, self.kind))
        return addresses

    def __exit__(self, *exception):
        for block in reversed(self.blocks):
            block.__exit__(*exception)


def aligned(place, shape):
    """The strides of a place within a larger shape, that it is broadcast to: 0 where it is."""
    added = len(shape) - len(place.shape)
    return (*[0] * added, *[0 if n == 1 else s for n, s in zip(place.shape, place.strides)])


def is_exact(kind, inputs, numbers, steps, outputs, stores, cuts, blas):
    """Whether a sequence has an exact spelling."""
    try:
        Writing(kind, inputs, numbers, steps, outputs, stores, cuts, dict(blas)).written()
    except Unfit:
        return False
    return True


@lru_cache(128)
def sequence(kind, inputs, numbers, steps, outputs, stores, cuts, blas, identities):
    """The sequence as a builtin function of its input arrays, then its output arrays, then its numbers. It returns the last of
    these; None if an input isn't what it was written for. None if it has no exact spelling, or there is no way to enter it.

    blas: (name, (symbol, address, bits of its integers)), ….   identities: the addresses of NumPy's array type and of the dtype.
    """
    if not AVAILABLE:
        return None
    functions = dict(blas)
    try:
        text = Writing(kind, inputs, numbers, steps, outputs, stores, cuts, functions).written()
        compiled = object_of(text, host(), "loops")
    except (Unfit, ImportError):
        return None
    symbols = {symbol: address for symbol, address, _ in functions.values()}
    library = load([compiled], {**symbols, **python_symbols("Py_IncRef", "PyFloat_AsDouble")})
    return entry(library, "enter", (*identities, id(None)))
