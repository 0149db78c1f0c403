"""The walk of a sketch with machine code in it: the function of ``replay_python.py``, faster, for graphs of small arrays.

What the vjps of one Node run is a unit. Units that follow each other and have an exact spelling become one call
(``one_call.py``); the others remain tapes. Mostly one call is all:

    def again(n0, g0, keep):
        …                                               is it that graph? The call asks for shapes and dtypes
        t5 = new((1, 16), float32)
        t6 = new((1,), float32)
        if run0(g0, a0_1, a0_2, a1_1, a1_2, t5, t6) is None: return plainly(n0, g0, keep)
        if not keep: n0.saved = n1.saved = None
        return (n2, n3, ), (t5, t6, ), True
"""

from typing import NamedTuple

from . import primitives
from .backends import ARRAY_TYPES
from .dtypes import float64
from .one_call import in_one_call, may_be_one_call
from .replay_python import function, nodes_behind, tape_of
from .replay_sketch import array_names
from .tape import Listening
from .tape import written as tape_of_steps

__all__ = ["in_machine_code"]

LEAST, MOST, CALLS = 4, 128, 8
"""Rows that are worth a call; those that one call is made of at most, or compiling takes long; and calls in one function."""


class Unit(NamedTuple):
    """A part of a walk.   steps: what passed the gate.   reads: the tensors it was given.   makes: those it gave, None where there
    is none.   tape, which is called ``name``: the same as a function (xp, *arrays)."""

    steps: list
    reads: list
    makes: list
    name: str
    tape: object


def in_machine_code(sketch, root, g, plainly):
    """The function of a sketch, with such a graph at hand; ``plainly`` is the one without machine code, which runs where that
    refuses. None if nothing is gained."""
    if any([step is not None and step.row is primitives.slice for step in sketch.steps]):
        return None
    names, arrived, units = passed(sketch, nodes_behind(root), g)
    leaves = [k for k, step in enumerate(sketch.steps) if step is None and k in arrived]
    writing = Writing(names, ARRAY_TYPES[g._array.__class__])
    last_reader = {id(x): i for i, unit in enumerate(units) for x in unit.reads} | {id(arrived[k]): len(units) for k in leaves}
    done = 0
    for part in parted(units):
        done += len(part)
        if not writing.one_call(part, {key for key, reader in last_reader.items() if reader >= done}):
            for unit in part:
                writing.by_itself(unit)
    if not writing.calls:
        return None
    writing.scope["plainly"] = plainly
    new = all([id(arrived[k]) in writing.made for k in leaves])
    gradients = [names[id(arrived[k])] for k in leaves]
    return function(sketch, writing.scope, writing.lines, leaves, gradients, new, shapes=writing.tapes > 0)


def passed(sketch, nodes, g):
    """Go back through a graph with tensors: names for what is read there, by identity; the gradients that arrive, by position;
    and the units."""
    names, arrived, units = {id(g): "g0"}, {0: g}, []
    for k in sketch.order:
        step = sketch.steps[k]
        if step is None or k not in arrived:
            continue
        values = nodes[k].unpack(g)
        saved = [x for x, (kind, *_) in zip(values, step.saved) if kind is tuple]
        names.update(zip(map(id, saved), array_names(k, step)))
        tape, _ = tape_of(nodes[k], arrived[k]._array, g._wrap)
        with Listening() as steps:
            results = nodes[k].vector_jacobian_products(step.wanted, arrived[k], values)
        units.append(Unit(steps, [arrived[k], *saved], results, f"tape{k}", tape))
        for edge, d in zip(step.edges, results):
            if d is None or edge < 0:
                continue
            if edge in arrived:
                units.append(total(arrived[edge], d))
                (d,) = units[-1].makes
            arrived[edge] = d
    return names, arrived, units


def total(x, y):
    """The unit of a second gradient that arrives."""
    with Listening() as steps:
        both = x + y
    return Unit(steps, [x, y], [both], "added", lambda xp, x, y: (xp.asarray(xp.add(x, y)),))


def parted(units):
    """The units in lists: those that may become one call in one list, any other by itself."""
    parts, last = [], False
    for unit in units:
        fit = may_be_one_call(once(unit.reads), unit.steps, [x for x in unit.makes if x is not None])
        if fit and last and sum([len(u.steps) for u in parts[-1]]) < MOST:
            parts[-1].append(unit)
        else:
            parts.append([unit])
        last = fit
    return parts


def once(tensors):
    """The same list, each of them once."""
    return list({id(x): x for x in tensors}.values())


class Writing:
    """The lines that are being written.

    names: of the tensors that stand for arrays, by identity.   calls: how many lines call machine code, which is how the
    arrays ``made`` were made.   tapes: how many don't.
    """

    def __init__(self, names, xp):
        self.names, self.xp, self.scope, self.lines = names, xp, {"xp": xp, "new": xp.room}, []
        self.calls, self.tapes, self.made = 0, 0, set()

    def by_itself(self, unit):
        """One unit by its tape."""
        self.scope[unit.name] = unit.tape
        targets = ["_" if x is None else self.names.setdefault(id(x), f"t{len(self.names)}") for x in unit.makes]
        arrays = [self.names[id(x)] for x in unit.reads]
        self.lines.append(f"{', '.join(targets)}, = {unit.name}(xp, {', '.join(arrays)})")
        self.tapes += 1

    def one_call(self, part, wanted):
        """Units by one call, which leaves what is ``wanted`` of it. False if there can't be one, or it isn't worth it."""
        steps = [step for unit in part for step in unit.steps]
        made = {id(x): x for unit in part for x in unit.makes if x is not None and id(x) not in self.names}
        reads = [x for x in once([x for unit in part for x in unit.reads]) if id(x) not in made]
        results = [x for key, x in made.items() if key in wanted]
        worth = len(steps) >= LEAST and results and self.calls < CALLS
        run = in_one_call(reads, (), steps, results) if worth else None
        if run is None or not agrees(run, reads, steps, results, self.xp):
            return False
        name = f"run{self.calls}"
        self.scope[name] = run
        for x in results:
            self.names[id(x)] = f"t{len(self.names)}"
            self.scope.update({f"shape{len(self.names)}": x._array.shape, f"dtype{len(self.names)}": x._array.dtype})
            self.lines.append(f"{self.names[id(x)]} = new(shape{len(self.names)}, dtype{len(self.names)})")
        arrays = ", ".join([self.names[id(x)] for x in (*reads, *results)])
        self.lines.append(f"if {name}({arrays}) is None: return plainly(n0, g0, keep)")
        self.made |= {id(x) for x in results}
        self.calls += 1
        return True


def agrees(run, read, steps, results, xp):
    """Whether machine code gives NumPy's bits, for numbers that have nothing to do with each other."""
    arrays, made = [], [xp.room(x._array.shape, x._array.dtype) for x in results]
    for i, x in enumerate(read):
        arrays.append(x._array.copy("K"))
        wave = xp.sin(xp.multiply(xp.arange(1 + i, 1, x._array.size, float64), 1.7))
        xp.copyto(arrays[-1], wave.reshape(x._array.shape), "same_kind")
    tape = tape_of_steps({f"v{i}": x for i, x in enumerate(read)}, steps, results)
    if tape is None or run(*arrays, *made) is None:
        return False
    return all([xp.asarray(a).tobytes() == b.tobytes() for a, b in zip(tape(xp, *arrays), made)])
