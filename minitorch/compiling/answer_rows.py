"""A program's answer as rows for native code, where it is of the usual form; ``answering.py`` says the same in Python.

The usual form is a step on tensors that the caller has made, that leaves nothing to go backward through: arguments by
position or name, parameters and states written in place, gradients made or written over, tensors and floats returned. What is rarer (draws,
nested arguments, a backward from outside, steps that NumPy runs, work for several threads) is left to the answer in Python. So is
each call that a row doesn't fit: it finds out why, and does what is to be done.
"""

import ctypes

from ..backends import for_device
from ..compiler.access import contiguous
from ..device import CPU
from ..dtypes import float64, get_default_dtype
from ..engine import MODE, Tensor
from ..graph import CHANGES, InferenceStorage, Storage
from ..modes import Mode
from ..native.entry import entry
from .answering import SPENT_NODE
from .native_answer import CONSTANTS, REGISTERS, ROWS, WIDTH, walker
from .recording import SPENT, WANTING
from .tree import COUNTED, GIVEN, LEAF, Kept

__all__ = ["quick_answer"]


LONG = 1 << 20
"""Bytes that are compared while other threads wait."""


class Unusual(Exception):
    """The program isn't of the usual form."""


def quick_answer(program, form, described, shared):
    """(the answer of ``program`` as a builtin function of (args, kwargs), ""); or None, and why there can't be one."""
    why = unusual(program, shared)
    if why:
        return None, why
    try:
        return Rows(program).written(form, described), ""
    except Unusual as reason:
        return None, str(reason)


def unusual(program, shared):
    """Why a program isn't of the usual form, as far as that can be told at once; else "".   shared: aliases among arguments."""
    if not program.recording.graph.steps:
        return "there is nothing to compute"
    if program.native.run is None:
        return "not all of it is native code of this processor"
    if not program.native.image.short:
        return "it is work for too long, or for several threads"
    if shared:
        return "its arguments share memory"
    if program.recording.held:
        return "it is given what it holds"
    if program.recording.backward is not None:
        return "backward is called from outside"
    if program.recording.replaced:
        return "it leaves tensors in new memory"
    if program.recording.kept:
        return "it changes numbers that Python keeps"
    return "this Python's objects can't be looked at" if walker() is None else ""


class Rows:
    """The rows of one answer, in the order in which they are walked through."""

    def __init__(self, program):
        self.program, self.rows, self.held, self.registers = program, [], [program.native, CONSTANTS], 0
        self.arrays = []  # for each tensor among the arguments the register of its array
        self.points, self.numbers = [], {}

    def add(self, kind, *operands):
        """A row. Operands are numbers; an object is one by ``of``."""
        self.rows.append([ROWS.index(kind), *operands, *[0] * (WIDTH - 1 - len(operands))])

    def of(self, thing):
        """The address of an object, which is kept alive."""
        self.held.append(thing)
        return id(thing)

    def row_of(self, numbers):
        """The address of a row of words."""
        made = (ctypes.c_int64 * max(len(numbers), 1))(*numbers)
        self.held.append(made)
        return ctypes.addressof(made)

    def register(self):
        """The number of a register for one more object."""
        self.registers += 1
        if self.registers >= REGISTERS:
            raise Unusual("it is given and gives back too many tensors")
        return self.registers - 1

    def written(self, form, described):
        """All of them, as a function."""
        self.ground()
        self.arguments(form, described)
        result = self.outputs()
        self.inputs()
        self.run()
        self.result(*result)
        words = [self.registers, *map(id, CONSTANTS.values()), *[x for row in self.rows for x in row]]
        return entry(walker(), "walk", words, self.held)

    # ---------------------------------------------------------------------------------------- what is taken for granted

    def ground(self):
        """Groups of optimizers, modes, the counter of changes, what the function reaches by name, and gradients."""
        program = self.program
        for rates in program.rates.values():
            if rates.group.__class__ is not dict:
                raise Unusual("an optimizer's group is a dict of another class")
            self.add("values", self.of(rates.group), self.of(rates.values), self.of(rates.renewed))
        self.add("modes", self.of(MODE), self.of("__dict__"))
        grad, inference, autocast, default = program.mode
        modes = {"grad": grad, "inference": inference, "autocast": autocast, "listeners": (), "eager": False}
        for name, value in modes.items():
            self.add("mode", self.of(name), self.of(value), self.of(getattr(Mode, name)))
        self.add("first", self.of(CHANGES), self.of(program.seen))
        self.add("named", self.of(get_default_dtype.__globals__), self.of("_default"), self.of([default]), 0)
        for names in program.watch.often:
            for kind, *operands in names.rows():
                self.add(kind, *[x if x.__class__ is int else self.of(x) for x in operands])
        self.gradients()

    def gradients(self):
        """Those that the last call left behind are written over, if nobody else holds them."""
        for leaf, there, state in self.program.recording.gradients:
            if state == "none" and there:
                raise Unusual("it takes gradients away")
            if state != "new":
                self.add("leaf", self.of(leaf), int(there))
        made = self.program.answer.made
        if made is not None:
            if not made.reused:
                raise Unusual("it makes gradients where there were none, or adds to them")
            self.add("gradients", self.of(made.leaves), self.of(made.tensors), self.of(made.arrays))

    def arguments(self, form, described):
        """Compare the arguments with what was recorded."""
        _, args, kwargs = form
        if args[0] is not tuple or kwargs[0] is not dict:
            raise Unusual("arguments are in something else than a tuple and a dict")
        names, owners, facts = kwargs[1], self.program.owners, iter(described)
        self.add("count", len(args) - 1, len(names))
        self.held.append(owners)
        for k, part in [*enumerate(args[1:]), *zip(names, kwargs[2:], strict=True)]:
            k, name = (0, self.of(k)) if k.__class__ is str else (k, 0)
            if part.__class__ is Kept:
                self.add("kept", k, self.of(part.value), 0, 0, name)
            elif part is LEAF:
                shape, dtype, strides, history, _, cls = next(facts)
                if history or cls is not Tensor:
                    raise Unusual("an argument wants a gradient, or is of a class of its own")
                self.arrays.append(self.register())
                looks = self.row_of([len(shape), self.of(dtype), *shape, *strides])
                self.add("given", k, looks, ctypes.addressof(owners), self.arrays[-1], name)
            else:
                raise Unusual("a number among its arguments moves" if part in (COUNTED, GIVEN) else "an argument holds tensors")

        self.relied()

    def relied(self):
        """Compare the numbers that decided something."""
        for k, numbers, _ in self.program.recording.relied:
            kind, which = self.program.recording.externals[k]
            value = self.program.recording.graph.inputs[k]
            if len(numbers) > LONG or self.program.recording.strides[value] != contiguous(value.shape):
                raise Unusual("the numbers that decide something are too many, or don't lie in order")
            register = self.arrays[which] if kind == "argument" else self.register()
            if kind == "tensor":
                self.add("array", register, self.of(which))
            kept = ctypes.create_string_buffer(numbers, len(numbers))
            self.held.append(kept)
            self.add("alike", register, ctypes.addressof(kept), len(numbers))

    # -------------------------------------------------------------------------------------------------- what it runs on

    def outputs(self):
        """Memory for what is returned. Gives the registers of all that is, and the place of each that is new in the table."""
        recording, xp = self.program.recording, for_device(CPU)
        returned = [self.register() for _ in recording.returned]
        for register, (kind, which, *wanting) in zip(returned, recording.returned):
            if kind == "new":
                number = which - len(recording.written)
                shape, dtype = self.program.fresh[number]
                facts = self.row_of([self.of(shape), self.of(xp.array_dtype(dtype))])
                if wanting[0] == WANTING:
                    raise Unusual("it gives back leaves that it makes")
                node = SPENT_NODE if wanting[0] == SPENT else None
                storage = InferenceStorage if self.program.mode[1] else Storage
                self.add("made", register, self.of(xp.room), facts, self.of(node), self.of(storage))
                self.points.append((("output", number), register, 1))
            elif kind == "number":  # an array of its own holds it until it is a float: this lock is held so long
                self.numbers[register] = array = xp.empty((), float64)
                holder = self.register()
                self.add("same", holder, self.of(array))
                self.points.append((("output", which - len(recording.written)), holder, 0))
            elif kind in ("deferred", "given"):
                raise Unusual("Python works out what it gives back")
            elif kind != "gradient" and (kind != "external" or recording.externals[which][0] != "tensor"):
                raise Unusual("it gives an argument back")
        return returned, recording.returned

    def inputs(self):
        """Externals that may be others at each call. What stays was pointed to beforehand."""
        recording = self.program.recording
        for k, (kind, which) in enumerate(recording.externals):
            if kind == "grad":
                raise Unusual("it adds to gradients")
            if kind == "argument":
                self.points.append((("input", k), self.arrays[which], 0))
        if any([source.__class__ is not tuple for source, _ in recording.sources]):
            raise Unusual("it draws numbers, or steps a schedule")

    def run(self):
        """Point to inputs and outputs, run, and leave the table as it was: an answer in Python may be about to use it."""
        native, table = self.program.native, self.program.native.address
        if native.checks:
            self.add("denied", self.of(self.program.lock.locked))  # an answer in Python may be about to read them
        points, begin = [(native.slots[place], *rest) for place, *rest in self.points if place in native.slots], len(self.rows)
        for slot, register, is_tensor in points:
            self.add("point", table + 8 * slot, register, is_tensor)
        self.add("run", native.main, *native.arguments)
        for number in range(begin, begin + len(points)):
            self.add("restore", number)
        for place in native.addresses_of_checks():
            self.add("check", place)
        written = [self.program.recording.externals[k] for k in self.program.recording.written]
        if any([kind != "tensor" for kind, _ in written]):
            raise Unusual("it writes to an argument")
        if self.program.recording.turned:
            raise Unusual("an argument wants a gradient from now on")
        for tensor in sorted([x for _, x in written], key=version_of):  # those with one number behind each other
            self.add("bump", self.of(tensor))

    # ---------------------------------------------------------------------------------------------------- what it returns

    def result(self, registers, returned):
        """Give back what the function returned."""
        form = self.program.recording.form
        for register, (kind, which, *_) in zip(registers, returned):
            if kind == "gradient":
                self.add("gradient", register, self.of(which))
            elif kind == "number":
                self.add("number", register, self.of(self.numbers[register]))
            elif kind == "external":
                self.add("same", register, self.of(self.program.recording.externals[which][1]))
        if form is LEAF:
            self.add("back", registers[0])
        elif form.__class__ is Kept:
            register = self.register()
            self.add("same", register, self.of(form.value))
            self.add("back", register)
        elif form[0] is tuple and all([part is LEAF for part in form[1:]]):
            self.add("several", registers[0] if registers else 0, len(registers))
        else:
            raise Unusual("what it gives back isn't a tensor or a tuple of some")


def version_of(tensor):
    return 0 if tensor._storage.inference else tensor._storage.version
