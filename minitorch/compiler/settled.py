"""Numbers that Python takes out of tensors, though no program may decide anything by them: when they are the same in each run.

    pairs = torch.triu_indices(3, 3)         made of constants: the same at each replay, with nothing to ask
    loss(out[mask], y[mask])                 the mask is a tensor that nothing in the run writes to: what is chosen is a constant
                                             of the program, which is right while the mask has these very numbers
    out[out > 0]                             of what is computed from weights nothing is taken for granted

What is asked before a call is asked of the numbers, byte by byte: of memory that NumPy or another tensor may write to, nothing else tells.

torch: torch/_dynamo/variables/tensor.py breaks the graph at each of these
"""

from ..backends import backend_of
from ..dtypes import int64
from ..engine import edge_of
from .traced_memory import owner_of

__all__ = ["Relied", "numbers_of", "relies", "settled"]

MOST = 16 << 20
"""Bytes that a program relies on at most: to compare them takes a millisecond, and what is larger is rather computed with."""


class Relied:
    """The numbers of an External that a run relied on, as bytes, in order.   line: where it first did."""

    __slots__ = ("external", "line", "numbers")

    def __init__(self, external, line):
        self.external, self.line, self.numbers = external, line, numbers_of(external.tensor._array)


def numbers_of(array):
    """The numbers of an array as bytes, in order, wherever it lies."""
    return backend_of((array,)).to_cpu(array).tobytes()


def settled(tracer, value):
    """Whether a Value was made of constants in the run: then each replay would see the same numbers."""
    memories = origins(tracer, [value])
    return memories is not None and not memories


def relies(tracer, values):
    """Whether Values were made of constants, and of memory older than the run that has what it had when the run began.

    Then the tracer notes the numbers of that memory: the program is right while they are these.
    """
    memories = None if tracer.lost is not None else origins(tracer, values)
    if memories is None:
        return False
    new = [x for x in memories if id(x) not in tracer.relied]
    bytes_of = sum([x.tensor._array.nbytes for x in (*new, *[relied.external for relied in tracer.relied.values()])])
    if bytes_of > MOST or not all(map(lies_still, new)):
        return False
    line = tracer.line()
    tracer.relied.update({id(x): Relied(x, line) for x in new})
    return True


def lies_still(external):
    """Whether memory older than the run may be compared before each call: what isn't learned, nor written to so far.

    Of arguments those that hold no floats: what a function is called on is rarely the same twice, a mask or lengths are.
    """
    place = "tensor" if external.place is None else external.place[0]
    kind = place == "tensor" or (place == "argument" and external.value.dtype.category <= int64.category)
    there = owner_of(external.tensor._array) is external.memory.owner  # and not where ``x.data = new`` has put it
    return kind and there and not external.memory.writes and edge_of(external.tensor) is None


def origins(tracer, values):
    """The externals that Values were made of, but for constants; None if anything else had a part in it, as a draw."""
    makers, constants = {step.out: step for step in tracer.steps}, {x.value for x in tracer.made}
    externals, found, seen, todo = {x.value: x for x in tracer.externals}, [], set(), list(values)
    while todo:
        value = todo.pop()
        if value in seen or value in constants:
            continue
        seen.add(value)
        step = makers.get(value)
        if value in externals:
            found.append(externals[value])
        elif step is None or step.row.kind == "random":
            return None
        else:
            todo += step.reads
    return found
