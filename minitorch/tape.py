"""The gate's answers, written down: what a function of tensors did, as a flat function of arrays to replay.

Passing the gate costs more than the arithmetic of small tensors. But for the same shapes and dtypes some functions always
run the same rows: the vjps of the table, and the updates of optimizers. The first time they run with tensors, while a
listener writes down what passes the gate; of that is made a function on arrays, here of tanh's vjp, ``g * (1 - out * out)``:

    def tape(xp, g, v0):
        t0 = f0(xp, v0, v0)
        t1 = f1(xp, 1, t0, out=t0)
        t2 = f2(xp, g, t1, out=t1)
        return (t2,)

Large temporaries that nobody reads any more are written over (``out=``). There is no second set of formulas: this is the
same one, with the gate's questions answered in advance. When gradients are recorded or somebody listens, tensors run.
"""

from functools import wraps

from .backends import ARRAY_TYPES
from .modes import MODE

__all__ = ["LARGE", "TAPED", "recorded", "taped"]

TAPED = frozenset("fd")
"""The dtypes (dtype.char) that tapes are made for: those that pass the gate as they are."""

LARGE = 1 << 14
"""Elements from which a temporary is worth writing over."""

BLOCK = 1 << 14
"""Elements that a long elementwise update takes at a time, so that they stay in the cache from one row to the next."""

TAPES = 256
"""How many tapes of one function are kept."""


class Listening:
    """Writes down what passes the gate in this block."""

    def __enter__(self):
        self.steps = []
        MODE.listeners = (self.write_down,)
        return self.steps

    def write_down(self, *step):
        self.steps.append(step)

    def __exit__(self, *exception):
        MODE.listeners = ()


def recorded(run, g, values):
    """What ``run(g, values)`` returns; the tape of it, a function (xp, g, *saved arrays), or None if there can be none; and
    whether it ran elementwise rows only, so that the tape holds no shape."""
    with Listening() as steps:
        results = run(g, values)
    saved = [value for value in values if hasattr(value, "_array")]
    tape = written({"g": g, **{f"v{i}": value for i, value in enumerate(saved)}}, steps, results)
    return results, tape, all([row.kind == "elementwise" for row, *_ in steps])


def taped(function):
    """A function of tensors and floats that writes to its tensors and returns nothing, replayed from its second call on.

    What it does may depend on its tensors' shapes and dtypes; never on the numbers in a tensor, nor on a float but by
    passing it on to operations as it is.
    """
    tapes = {}

    @wraps(function)
    def replayed(*args):
        if MODE.grad or MODE.listeners:
            return function(*args)
        arrays, key = [], []
        for x in args:
            if x.__class__ is not float:
                x = x._array
                key += x.shape, x.dtype
            arrays.append(x)
        tape = tapes.get(tuple(key))
        if tape is not None:
            return tape(args, arrays)
        if len(tapes) >= TAPES:
            tapes.clear()
        tapes[tuple(key)] = recorded_update(function, args)

    return replayed


def recorded_update(function, args):
    """Call ``function(*args)``; what to call with (args, arrays) from then on, or None if this call doesn't tell."""
    if any(x in (0.0, 1.0, -1.0) for x in args if x.__class__ is float):
        function(*args)  # for such a number operations may take a short cut: wait for another
        return None
    args = [float.fromhex(x.hex()) if x.__class__ is float else x for x in args]  # each an object of its own
    with Listening() as steps:
        function(*args)
    tensors = [x for x in args if x.__class__ is not float]
    if any(x._array.dtype.char not in TAPED for x in tensors):
        return Directly(function)
    tape = written({f"a{i}": x for i, x in enumerate(args)}, steps, ())
    if tape is None:
        return Directly(function)
    places = [i for i, x in enumerate(args) if any(in_place and out is x for *_, out, in_place in steps)]
    one_shape = len({x._array.shape for x in tensors}) == 1 and all(row.kind == "elementwise" for row, *_ in steps)
    if one_shape and tensors[0]._array.size > 2 * BLOCK:
        tape = in_blocks(tape)
    return Update(tape, places)


class Directly:
    """Stands where there can be no tape."""

    __slots__ = ("function",)

    def __init__(self, function):
        self.function = function

    def __call__(self, args, arrays):
        self.function(*args)


class Update:
    """A tape that writes to its arguments at ``places``: runs it and counts the writes."""

    __slots__ = ("places", "tape")

    def __init__(self, tape, places):
        self.tape, self.places = tape, places

    def __call__(self, args, arrays):
        self.tape(ARRAY_TYPES[arrays[0].__class__], *arrays)
        for i in self.places:
            args[i]._storage.version += 1


def in_blocks(tape):
    """An elementwise tape, run block after block, so that what one row writes the next finds in the cache."""

    def blockwise(xp, *arrays):
        if not all_contiguous(arrays):
            return tape(xp, *arrays)
        flat = [x if x.__class__ is float else x.reshape(-1) for x in arrays]
        for start in range(0, arrays[0].size, BLOCK):
            stop = start + BLOCK
            tape(xp, *[x if x.__class__ is float else x[start:stop] for x in flat])

    return blockwise


def all_contiguous(arrays):
    return all([x.flags.c_contiguous for x in arrays if x.__class__ is not float])


def written(named, steps, results):
    """The function of the ``named`` tensors and floats that repeats ``steps``; None if one can't be repeated on arrays."""
    names = {id(x): name for name, x in named.items()}
    last = last_reads(named, steps, results)
    lines, known, temporaries = [], {}, set()
    for k, (row, inputs, params, out, in_place) in enumerate(steps):
        tensors = [x for x in inputs if hasattr(x, "_array")]
        if any(id(x) not in names for x in tensors) or (in_place and id(out) not in names):
            return None
        if row.kind == "random":
            return None
        params = params[:-1] if row.kind == "creation" else params  # the last one is the device
        known[f"f{k}"] = row.forward
        arguments = ["xp"]
        for j, x in enumerate((*inputs, *params)):
            if id(x) not in names or not (hasattr(x, "_array") or x.__class__ is float):
                known[f"c{k}_{j}"] = x
                arguments.append(f"c{k}_{j}")
            else:
                arguments.append(names[id(x)])
        spent = [x for x in tensors if id(x) in temporaries and last[id(x)] == k and same_kind(x, out)]
        if in_place and row.writes:
            arguments.append(f"out={names[id(out)]}")
        elif spent and row.writes:
            arguments.append(f"out={names[id(spent[0])]}")
        call = f"f{k}({', '.join(arguments)})"
        if in_place:
            lines.append(call if row.writes and row.name not in COPIES else f"xp.copyto({names[id(out)]}, {call})")
            continue
        names[id(out)] = f"t{k}"
        lines.append(f"t{k} = {call}" if out.ndim else f"t{k} = xp.asarray({call})")
        if out._array.base is not None:
            temporaries.difference_update([id(x) for x in tensors])  # a view of it lives on
        elif row.kind in ("elementwise", "contraction") and out._array.size >= LARGE:
            temporaries.add(id(out))

    if any(x is not None and id(x) not in names for x in results):
        return None
    returned = "".join(f"{names[id(x)]}, " if x is not None else "None, " for x in results)
    source = "\n    ".join([f"def tape({', '.join(['xp', *named])}):", *lines, f"return ({returned})"])
    exec(source, known)
    return known["tape"]


COPIES = ("cast", "where")
"""Rows that take ``out`` and leave the copying to who asked."""


def last_reads(named, steps, results):
    """The last step that reads each tensor, by identity; beyond them all for what is returned or came from outside."""
    last = {id(x): len(steps) for x in (*named.values(), *results)}
    for k, (_, inputs, _, out, in_place) in enumerate(steps):
        for x in (*inputs, out) if in_place else inputs:
            last[id(x)] = max(last.get(id(x), 0), k)
    return last


def same_kind(x, out):
    """Whether the memory of ``x`` can hold ``out``."""
    return x._array.shape == out._array.shape and x._array.dtype is out._array.dtype and x._array.flags.c_contiguous
