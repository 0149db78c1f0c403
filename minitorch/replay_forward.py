"""Functions of several rows in one go on plain arrays, where no gradient is recorded: for small tensors the gate costs more than
the arithmetic.

    layer_norm = replayed(lambda x, weight, bias, eps: …)

The first times it is called for some shapes it runs as it is. When it came often enough, a listener writes down which rows
pass the gate; of that a flat function on arrays is made (tape.py), which runs from then on: the same rows, with the same bits.
Where gradients are recorded, or somebody listens, it is the function itself.

torch: none, as its gate costs a tenth of ours; CUDA graphs are the same idea
"""

from functools import update_wrapper

from .backends import ARRAY_TYPES
from .graph import InferenceStorage
from .modes import MODE
from .tape import TAPED, Listening, written

__all__ = ["replayed"]

WORTH = 8
"""How often such arguments come until a tape is made: that takes as long as ten calls."""
KINDS = 256
"""How many kinds of arguments are remembered, of each function."""
KNOWN = TAPED | {"?"}
"""The dtypes of tensors, as dtype.char, that tapes are made for."""
VALUES = frozenset([bool, float, int, type(None), tuple])
"""The classes of arguments that aren't tensors."""


class replayed:
    """A function of tensors and other values that gives one new tensor.

    What it does may depend on shapes, dtypes and the other values; never on the numbers in a tensor, nor on how they lie in memory.
    """

    def __init__(self, function):
        update_wrapper(self, function)
        self.function, self.tapes = function, {}

    def __call__(self, *args):
        mode = MODE
        if mode.grad or mode.listeners or mode.autocast is not None:
            return self.function(*args)
        key, arrays = [], []
        for x in args:
            kind = x.__class__
            if kind in VALUES:
                key += (kind, x)
            else:
                array = getattr(x, "_array", None)
                if array is None:
                    return self.function(*args)
                key += (array.shape, array.dtype.char, array.__class__)
                arrays.append(array)
        key = tuple(key)
        tape = self.tapes.get(key, 0)
        if tape is None:
            return self.function(*args)
        if tape.__class__ is int:
            return self.counted(key, tape, args)
        array = tape(ARRAY_TYPES[arrays[0].__class__], *arrays)[0]
        return args[0]._wrap(array, InferenceStorage() if mode.inference else None)

    def counted(self, key, came, args):
        """What the function gives; its tape is made if it came often enough."""
        if came == WORTH:
            result, self.tapes[key] = recorded(self.function, args)
            return result
        if len(self.tapes) >= KINDS and not came:
            self.tapes.clear()
        self.tapes[key] = came + 1
        return self.function(*args)


def recorded(function, args):
    """What the function gives, and its tape; None if there can be none."""
    copies = [x if x.__class__ in VALUES else x._wrap(x._array, x._storage) for x in args]  # what is passed twice is two
    with Listening() as steps:
        result = function(*copies)
    for x, copy in zip(args, copies):
        if result is copy:
            return x, None
    tensors = [x for x in copies if x.__class__ not in VALUES]
    alike = len({x._array.__class__ for x in tensors}) == 1 and all([x._array.dtype.char in KNOWN for x in tensors])
    zero = any([x.__class__ is float and x == 0 for x in args])  # 0.0 and -0.0 would be one key
    if not alike or zero or result._view is not None:
        return result, None
    return result, written({f"a{i}": x for i, x in enumerate(tensors)}, steps, (result,))
