"""Rows that passed the gate, written down to be done together, in one piece of machine code.

A tape (``tape.py``) calls NumPy row by row. Where the same rows run on the same small shapes again and again, that is most of
their time; what is written here becomes one call (``backends/small.py``), with the same bits. Three rows as they passed the
gate, and as they are written down:

    m.lerp_(g, w)                  ("lerp", ("a2", "a1", "n0"), (), (16, 2))
    v = m * 2                      ("mul", ("t0", 2), (), (16, 2))
    v.t()                          ("permute", ("t1",), ((1, 0),), (2, 16))
"""

from .backends import ARRAY_TYPES

__all__ = ["in_one_call", "may_be_one_call"]


def in_one_call(tensors, numbers, steps, results=(), cuts=()):
    """A function that repeats ``steps``, what passed the gate while these tensors and numbers were worked on: it takes their
    arrays, then new arrays for the results, then numbers, and returns None if the arrays are others than those were.
    None if there can't be one.

    numbers: floats, each an object of its own.   cuts: the steps that begin something independent of what went before.
    """
    found = written(tensors, numbers, steps, results, cuts)
    return None if found is None else ARRAY_TYPES[tensors[0]._array.__class__].sequence(*found)


def may_be_one_call(tensors, steps, results):
    """Whether that would be a function, but for its size: without making it."""
    found = written(tensors, (), steps, results, ())
    return found is not None and ARRAY_TYPES[tensors[0]._array.__class__].sequence(*found, made=False) is not None


def written(tensors, numbers, steps, results, cuts):
    """What ``sequence`` takes (backends/small.py); None if a step can't be written down."""
    writing = Written(tensors, numbers)
    if len(writing.names) < len(tensors) + len(numbers) or not all([writing.step(*step) for step in steps]):
        return None
    outputs = tuple([writing.names.get(id(x)) for x in results])
    if None in outputs:
        return None
    first = tensors[0]._array
    inputs = tuple([(x._array.shape, x._array.strides) for x in tensors])
    return first.dtype.char, inputs, len(numbers), tuple(writing.rows), outputs, tuple(writing.stores.items()), cuts


class Written:
    """Steps as they are written down. names: of the tensors and numbers, by identity.   stores: what an input gets last."""

    def __init__(self, tensors, numbers):
        self.dtype = tensors[0]._array.dtype
        self.names = {id(x): f"a{i}" for i, x in enumerate(tensors)} | {id(x): f"n{i}" for i, x in enumerate(numbers)}
        self.places = {id(x): i for i, x in enumerate(tensors)}
        self.rows, self.stores, self.shared = [], {}, set()
        self.alike = all([x._array.dtype is self.dtype for x in tensors])

    def step(self, row, inputs, params, out, in_place):
        """Write one step down; False if it can't be."""
        if not self.alike or out._array.dtype is not self.dtype or (in_place and row.kind != "elementwise"):
            return False
        name, operands = row.name, inputs
        if row.kind == "elementwise":
            operands, params = (*inputs, *params), ()
        elif row.name == "full":
            name, operands, params = "fill", (params[1],), ()
        operands = tuple([self.operand(x) for x in operands])
        if None in operands or (in_place and not self.may_be_written(out)):
            return False
        if row.view:
            self.shared |= {id(out), id(inputs[0])}
        if in_place and id(out) in self.places:
            self.stores[self.places[id(out)]] = f"t{len(self.rows)}"
        self.names[id(out)] = f"t{len(self.rows)}"
        self.rows.append((name, operands, params, out._array.shape))
        return True

    def may_be_written(self, x):
        """Whether it is known here, and nobody sees a part of it by another name."""
        return id(x) in self.names and id(x) not in self.shared and (id(x) in self.places or x._array.base is None)

    def operand(self, x):
        """A name, or a number that is a constant; None for anything else."""
        name = self.names.get(id(x))
        return x if name is None and x.__class__ in (float, int) else name
