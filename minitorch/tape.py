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

from functools import update_wrapper

from .backends import ARRAY_TYPES
from .modes import MODE, all_compile, tracer
from .one_call import in_one_call
from .promotion import forward_for

__all__ = ["LARGE", "Listening", "TAPED", "known_by_array", "needed", "recorded", "taped", "written"]

TAPED = frozenset("fdeE")
"""The dtypes (dtype.char) that tapes are made for: all floating-point ones."""

LARGE = 1 << 14
"""Elements from which a temporary is worth writing over."""

BLOCK = 1 << 14
"""Elements that a long elementwise update takes at a time, so that they stay in the cache from one row to the next."""

TAPES = 256
"""How many tapes of one function are kept."""

LATER = 64
"""How often calls that can't be done at once are to come again before that is tried again."""

RUNS, ROWS = 8, 16
"""The same, of those for several calls at once; and how many these are at most."""


class Listening:
    """Writes down what passes the gate in this block."""

    def __enter__(self):
        self.steps = []
        self.before, MODE.listeners = MODE.listeners, (self.write_down,)
        return self.steps

    def write_down(self, *step):
        self.steps.append(step)

    def __exit__(self, *exception):
        MODE.listeners = self.before


def recorded(run, g, values):
    """What ``run(g, values)`` returns; the tape of it, a function (xp, g, *saved arrays), or None if there can be none; and
    whether it ran elementwise rows only, so that the tape holds no shape."""
    with Listening() as steps:
        results = run(g, values)
    saved = [value for value in values if hasattr(value, "_array")]
    tape = written({"g": g, **{f"v{i}": value for i, value in enumerate(saved)}}, steps, results)
    return results, tape, all([row.kind == "elementwise" for row, *_ in steps])


class taped:
    """A function of tensors and floats that writes to its tensors and returns nothing, replayed from its second call on.

    Its tensors, of which one comes first, have one shape and dtype. What it does may depend on these; never on the numbers
    in a tensor, nor on a float but by passing it on to operations as it is.
    """

    def __init__(self, function):
        update_wrapper(self, function)
        self.function, self.tapes, self.runs, self.came = function, {}, [], 0

    def __call__(self, first, *rest):
        mode = MODE
        if mode.grad or mode.listeners:
            return self.function(first, *rest)
        array = first._array
        tape = self.tapes.get((array.shape, array.dtype, array.__class__))
        if tape is not None:
            return tape(ARRAY_TYPES[array.__class__], first, *rest)
        if len(self.tapes) >= TAPES:
            self.tapes.clear()
        self.tapes[array.shape, array.dtype, array.__class__] = recorded_update(self.function, (first, *rest))

    def each(self, rows):
        """Call it with each of the rows, tuples of arguments: small tensors by one call of machine code if they come often."""
        mode = MODE
        if mode.grad or mode.listeners or not rows:
            recording = tracer() if all_compile() and not mode.grad else None
            if recording is not None:
                recording.repeat(self.function, rows)
                return
            for row in rows:
                self.function(*row)
            return
        if len(rows) > ROWS:
            for start in range(0, len(rows), ROWS):
                self.each(rows[start : start + ROWS])
            return
        for run in self.runs:
            if run(rows):
                return
        self.came += 1
        if self.came > ARRAY_TYPES[rows[0][0]._array.__class__].patience():
            run = recorded_rows(self.function, rows)
            self.came = 0 if run is not None else -LATER
            self.runs = [run, *self.runs[: RUNS - 1]] if run is not None else self.runs
            return
        for row in rows:
            self(*row)


def recorded_rows(function, rows):
    """Call ``function`` with each of the rows; what does so at once from then on, or None if these calls don't tell."""
    special = any([x in (0.0, 1.0, -1.0) for row in rows for x in row if x.__class__ is float])
    rows = [[float.fromhex(x.hex()) if x.__class__ is float else x for x in row] for row in rows]
    cuts = []
    with Listening() as steps:
        for row in rows:
            cuts.append(len(steps))
            function(*row)
    values = [x for row in rows for x in row]
    tensors, numbers = [[x for x in values if (x.__class__ is float) is number] for number in (False, True)]
    native = None if special else in_one_call(tensors, numbers, steps, (), tuple(cuts))
    return None if native is None else at_once(native, rows, {id(out) for *_, out, in_place in steps if in_place})


def at_once(native, rows, written):
    """The function that takes such rows to machine code and counts the writes; False if they are others than they were."""
    kinds = [["n" if x.__class__ is float else "x" for x in row] for row in rows]
    names = [[f"{kind}{i}_{k}" for k, kind in enumerate(row)] for i, row in enumerate(kinds)]
    flat = [name for row in names for name in row]
    arguments = [*[f"{name}._array" for name in flat if name[0] == "x"], *[name for name in flat if name[0] == "n"]]
    places = [name for row, named in zip(rows, names) for x, name in zip(row, named) if id(x) in written]
    lines = [
        "try:", f"    {', '.join(['(' + ', '.join(row) + ',)' for row in names])}, = rows", "except ValueError:", "    return False",
        f"if native({', '.join(arguments)}) is None: return False",
        *[f"{name}._storage.version += 1" for name in places], "return True",
    ]  # fmt: skip
    scope = {"native": native}
    exec("def run(rows):\n    " + "\n    ".join(lines), scope)
    return scope.pop("run")  # among its own globals it would be a circle


def recorded_update(function, args):
    """Call ``function(*args)``; what to call with (xp, *args) from then on, or None if this call doesn't tell."""
    if any(x in (0.0, 1.0, -1.0) for x in args if x.__class__ is float):
        function(*args)  # for such a number operations may take a short cut: wait for another
        return None
    args = [float.fromhex(x.hex()) if x.__class__ is float else x for x in args]  # each an object of its own
    with Listening() as steps:
        function(*args)
    tensors = [x for x in args if x.__class__ is not float]
    kinds = {(x._array.shape, x._array.dtype, x._array.__class__) for x in tensors}
    if len(kinds) != 1 or tensors[0]._array.dtype.char not in TAPED:
        return lambda xp, *args: function(*args)
    named = {f"a{i}": x for i, x in enumerate(args)}
    places = [name for name, x in named.items() if any(in_place and out is x for *_, out, in_place in steps)]
    size = tensors[0]._array.size if all(row.kind == "elementwise" for row, *_ in steps) else 0
    tape = written(named, steps, (), places)
    if tape is None:
        return lambda xp, *args: function(*args)
    part = in_machine_code(named, steps) if size else None
    if part is None and size <= 2 * BLOCK:
        return tape
    part = part or in_blocks(written(named, steps, ()))
    return on_arrays(tape, part, [int(name[1:]) for name in places])


def on_arrays(whole, part, places):
    """An elementwise update of tensors: ``part`` does it on contiguous arrays, and the tape ``whole`` on others.

    places: which arguments are written to.
    """

    def update(xp, *args):
        arrays = [x if x.__class__ is float else x._array for x in args]
        if not all_contiguous(arrays):
            return whole(xp, *args)
        part(xp, arrays)
        for i in places:
            args[i]._storage.version += 1

    return update


def all_contiguous(arrays):
    return all([x.flags.c_contiguous for x in arrays if x.__class__ is not float])


def in_blocks(tape):
    """A tape, block after block of its arrays, so that what one row writes the next finds in the cache."""

    def blockwise(xp, arrays):
        flat = [x if x.__class__ is float else x.reshape(-1) for x in arrays]
        for start in range(0, arrays[0].size, BLOCK):
            stop = start + BLOCK
            tape(xp, *[x if x.__class__ is float else x[start:stop] for x in flat])

    return blockwise


def in_machine_code(named, steps):
    """The same in one loop of machine code; None if there is none that gives the same bits.

    Its formula (native/formula.py) names the arrays a0, a1, …, the floats n0, n1, … and what step k gave t<k>.
    """
    tensors, floats = [[x for x in named.values() if (x.__class__ is float) is of_float] for of_float in (False, True)]
    names = {id(x): f"a{i}" for i, x in enumerate(tensors)} | {id(x): f"n{i}" for i, x in enumerate(floats)}
    places, stores, rows, first = dict(names), {}, [], tensors[0]._array
    for k, (row, inputs, params, out, _) in enumerate(steps):
        operands = [names.get(id(x), x if x.__class__ in (float, int) else None) for x in (*inputs, *params)]
        if None in operands or out._array.shape != first.shape or out._array.dtype is not first.dtype:
            return None
        rows.append((row.name, tuple(operands)))
        if id(out) in places:
            stores[int(places[id(out)][1:])] = f"t{k}"
        names[id(out)] = f"t{k}"

    xp = ARRAY_TYPES[first.__class__]
    formula = len(tensors), len(floats), tuple(rows), tuple(stores.items())
    found = xp.exact_formula(first.dtype.char, first.size, *formula)
    if found is None:
        return None

    def run(_, arrays):
        numbers = tuple([x for x in arrays if x.__class__ is float])
        found(*[x for x in arrays if x.__class__ is not float], numbers=numbers)

    return run


def written(named, steps, results, places=None):
    """The function of the ``named`` tensors and floats that repeats ``steps``; None if one can't be repeated on arrays.

    It takes arrays; with ``places``, the names of what it writes to, it takes tensors and counts the writes.
    """
    steps, results = seen_once(steps, results)
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
        forward = known[f"f{k}"] = forward_for(row, inputs)
        writes = row.writes and forward is row.forward
        arguments = ["xp", *spelled((*inputs, *params), names, known, f"c{k}_")]
        spent = [x for x in tensors if id(x) in temporaries and last[id(x)] == k and same_kind(x, out)]
        if in_place and writes:
            arguments.append(f"out={names[id(out)]}")
        elif spent and writes:
            arguments.append(f"out={names[id(spent[0])]}")
        call = f"f{k}({', '.join(arguments)})"
        if in_place:
            lines.append(call if writes and row.name not in COPIES else f"xp.copyto({names[id(out)]}, {call})")
            continue
        names[id(out)] = f"t{k}"
        lines += [f"t{k} = {call}" if out.ndim else f"t{k} = xp.asarray({call})", *dropped(steps, k, names, last)]
        if out._array.base is not None:
            temporaries.difference_update([id(x) for x in tensors])  # a view of it lives on
        elif row.kind in ("elementwise", "contraction") and out._array.size >= LARGE:
            temporaries.add(id(out))

    if any(x is not None and id(x) not in names for x in results):
        return None
    returned = "".join(f"{names[id(x)]}, " if x is not None else "None, " for x in results)
    if places is not None:
        tensors = [name for name, x in named.items() if hasattr(x, "_array")]
        before = [f"{name}_storage, {name} = {name}._storage, {name}._array" for name in tensors]
        lines = [*before, *lines, *(f"{name}_storage.version += 1" for name in places)]
    source = "\n    ".join([f"def tape({', '.join(['xp', *named])}):", *lines, f"return ({returned})"])
    exec(source, known)
    return known.pop("tape")


def known_by_array(tensors, steps):
    """A function that gives, of a tensor, that of the ``tensors`` or of what the steps made which is on the same array."""
    first = {}
    for x in (*tensors, *[out for *_, out, _ in steps]):
        first.setdefault(id(x._array), x)
    return lambda x: first.get(id(x._array), x) if hasattr(x, "_array") else x


def needed(steps, results):
    """The same without steps that nobody reads, if nothing is written to."""
    if any([in_place for *_, in_place in steps]):
        return steps
    read, kept = {id(x) for x in results}, []
    for step in reversed(steps):
        if id(step[3]) in read:
            read.update(map(id, step[1]))
            kept.append(step)
    return kept[::-1]


def seen_once(steps, results):
    """The same without views that an earlier step made of the same tensor, if nothing is written to."""
    if any([in_place for *_, in_place in steps]):
        return steps, results
    first, seen, kept = {}, {}, []
    for row, inputs, params, out, in_place in steps:
        inputs = [first.get(id(x), x) for x in inputs]
        sight = (row, id(inputs[0]), params) if row.view else None
        if sight in seen:
            first[id(out)] = seen[sight]
            continue
        if row.view:
            seen[sight] = out
        kept.append((row, inputs, params, out, in_place))
    return kept, [first.get(id(x), x) for x in results]


def spelled(values, names, known, prefix):
    """The values as arguments: by name if they have one, else as constants, which are added to what is ``known``."""
    texts = []
    for j, x in enumerate(values):
        if id(x) in names and (hasattr(x, "_array") or x.__class__ is float):
            texts.append(names[id(x)])
        else:
            known[f"{prefix}{j}"] = x
            texts.append(f"{prefix}{j}")
    return texts


def dropped(steps, k, names, last):
    """The line that lets go of large results that step k is the last to read; a function would hold them until it returns."""
    _, inputs, _, out, _ = steps[k]
    ours = {names[id(x)] for x in (*inputs, out) if hasattr(x, "_array") and x._array.size >= LARGE and last.get(id(x), k) == k}
    ours = sorted([name for name in ours if name[0] == "t"])
    return [f"del {', '.join(ours)}"] if ours else []


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
