"""A plan becomes a program: text for all kernels, one main function, a table of pointers, one arena.

    table   one row of pointers for each kernel: arena addresses, written once, and those of inputs and outputs, at each call
    main    for each kernel: its row of the table to the kernel, by one thread or by all

Kernels that look the same are one function, called with other rows. A row that NumPy runs (kernels.Foreign) ends a stretch
of native code; the program is then several of them with NumPy between.

torch: torch/_inductor/codegen/wrapper.py, codecache.py
"""

import builtins
import ctypes
import hashlib
import re
from functools import cached_property, partial

from ..backends import for_device
from ..backends.memory import lying, pages
from ..device import CPU
from ..dtypes import uint8
from ..native.entry import DATA
from ..native.mathematics import support
from ..native.text import Text
from ..native.threads import SCRATCH, runner, runtime_symbols, team
from ..promotion import explained
from .graph import Step, meaning
from .kernels import Native

__all__ = ["Modules", "Program", "modules_of", "texts_of"]

MODULE = 12_000
"""Characters of loops in a module: of more modules each takes its own time, of fewer there is less for a second process to claim."""

DECLARATION = re.compile(r"^declare .*\n", re.MULTILINE)


class Program:
    """What runs: ``run(*arguments)`` where all is native, else ``run_between(inputs, outputs)``.

    Who calls it has written into ``table``, at ``slots[kind, number]``, the id of the array for each input and output; the
    main function finds the data behind it.   foreign: whether there are steps that NumPy runs.
    """

    straight = True  # whether a short program may leave out ``minitorch_parallel``

    def __init__(self, image, link, parts):
        """link: symbols → Library.   parts: the Parts that it was made of, or a function that makes them when they are asked for."""
        self.image, self.link, self.slots = image, link, image.slots
        self.made_of = parts
        self.foreign = image.foreign
        self.table = (ctypes.c_void_p * image.words)()
        self.address, self.checks = ctypes.addressof(self.table), []
        self.meanings, self.standing = {}, {}
        self.lay_out()
        self.library = link(runtime_symbols()) if image.stretches else None
        self.segments, self.are_early = self.divided()
        self.run, self.arguments = (None, ()) if self.foreign or not self.segments else self.called()

    @cached_property
    def parts(self):
        """How it came about. A program doesn't know by itself, until somebody wants to see it."""
        return self.made_of() if callable(self.made_of) else self.made_of

    def forget(self, parts, link):
        """Keep nothing of how it came about but functions that make it again: of a GPT's step that would be 8 MB."""
        self.made_of, self.link = parts, link
        vars(self).pop("parts", None)

    graph = property(lambda self: self.parts.graph)
    found = property(lambda self: self.parts.found)
    kernels = property(lambda self: self.parts.kernels)
    plan = property(lambda self: self.parts.plan)

    # ----------------------------------------------------------------------------------------------------------- memory

    def lay_out(self):
        """Make the arena, and write into the table what doesn't change. Who holds what lay in an older arena, keeps that."""
        image, xp = self.image, for_device(CPU)
        self.pages = pages(image.size)  # which begin at the begin of one, and so does any vector
        self.arena = lying(self.pages, 0, (image.size,), xp.array_dtype(uint8))
        self.standing.clear()
        base = self.arena.ctypes.data
        for entry, at in image.pointers:
            self.table[entry] = base + at
        for entry, number in image.numbers:
            self.table[entry] = number
        self.checks[:] = [
            (self.arena[at : at + 8].view("int64").reshape(()), getattr(builtins, error), message) for at, error, message in image.checks
        ]  # fmt: skip

    def addresses_of_checks(self):
        """Where the table says where each check lies, which is elsewhere in another arena."""
        end = self.image.words - 1
        return [self.address + 8 * entry for entry in range(end - len(self.checks), end)]

    def lent(self, facts):
        """The arrays that lie in the arena, of results of these (shape, dtype): as many as are lent, the first ones."""
        places, xp = dict(self.image.lent), for_device(CPU)
        return [lying(self.pages, places[k], shape, xp.array_dtype(dtype)) for k, (shape, dtype) in enumerate(facts) if k in places]

    @cached_property
    def moves(self):
        """The steps that are nothing but another look at memory."""
        return {s.out: s for s in self.graph.steps if self.found[s.out].base is not s.out}

    def seen(self, x, inputs, outputs):
        """A Value as an array on the memory that it lies in. One in the arena stands from call to call."""
        if x in self.standing:
            return self.standing[x]
        if x in self.moves:
            step = self.moves[x]
            sources = [self.seen(y, inputs, outputs) for y in step.reads]
            array = self.meaning(step)(*sources)
            if all([y in self.standing for y in step.reads]) and for_device(CPU).may_share_memory(array, self.arena):
                self.standing[x] = array
            return array
        place = self.plan.places[x]
        if place.kind != "arena":
            array = (inputs if place.kind == "input" else outputs)[place.at]
            return array if array.shape == x.shape else array.reshape(x.shape)  # what it is returned as may be a reshape of it
        dtype = for_device(CPU).array_dtype(x.dtype)
        array = self.arena[place.at : place.at + x.size * x.dtype.itemsize].view(dtype)
        order = sorted(range(x.ndim), key=lambda d: -self.found[x].strides[d])  # that of memory, where heads go within rows
        self.standing[x] = array.reshape([x.shape[d] for d in order]).transpose([order.index(d) for d in range(x.ndim)])
        return self.standing[x]

    # -------------------------------------------------------------------------------------------------------------- runs

    def divided(self):
        """The program as a list of native stretches and steps that NumPy runs; and which of them run before the checks."""
        image = self.image
        native = [runner(self.library.address(f"main{k}"), image.scratch, image.shared) for k in range(image.stretches)]
        if not self.foreign:
            return native, [True] * len(native)
        segments, early, started, native = [], [], False, iter(native)
        for k, kernel in enumerate(self.kernels):
            if kernel.__class__ is not Native or not started:
                early.append(k < self.parts.laid.early)
                segments.append(next(native) if kernel.__class__ is Native else kernel.steps[0])
            started = kernel.__class__ is Native
        return segments, early

    def called(self):
        """What a call of an all native program is: a function, and what it is given. A small one is called without detours."""
        if self.image.shared:
            return self.segments[0], (self.address,)
        self.team = team(self.image.scratch)
        self.main = self.library.address("straight" if self.image.short and self.straight else "main0")
        kind = ctypes.PYFUNCTYPE if self.image.short else ctypes.CFUNCTYPE  # which lets other threads of Python run meanwhile
        return kind(None, ctypes.c_void_p, ctypes.c_void_p)(self.main), (self.team.address, self.address)

    def run_between(self, inputs, outputs):
        """Run the stretches, and NumPy's steps between them, on arrays."""
        for segment, early in zip(self.segments, self.are_early):
            if segment.__class__ is Step:
                if not early and any([array for array, *_ in self.checks]):
                    return
                self.run_step(segment, inputs, outputs)
            else:
                segment(self.address)

    def run_step(self, step, inputs, outputs):
        """Let NumPy run a step."""
        arrays = [self.seen(x, inputs, outputs) for x in step.reads]
        try:
            result = self.meaning(step)(*arrays)
        except Exception as error:
            told = explained(step.row, arrays, error)
            if step.line:
                told.add_note(f"computed at {step.line}, in a compiled function")
            raise told from None
        if step.out in self.plan.places:
            for_device(CPU).copyto(self.seen(step.out, inputs, outputs), result)

    def meaning(self, step):
        """What computes a step, as a function of arrays."""
        found = self.meanings.get(step)
        if found is None:
            found = self.meanings[step] = meaning(step)
        return found

    def refuse(self):
        """Raise what a check found."""
        for array, error, message in self.checks:
            if array:
                raise error(message)

    def call(self, inputs, outputs):
        """Run on arrays: ``inputs`` as the graph's, ``outputs`` to be filled."""
        self.point(inputs, outputs)
        self.run_between(inputs, outputs)
        self.refuse()

    def point(self, inputs, outputs):
        """Tell the table where the inputs and outputs are."""
        for (kind, number), slot in self.slots.items():
            self.table[slot] = id((inputs if kind == "input" else outputs)[number])


# ----------------------------------------------------------------------------------------------------------------- text


class Modules:
    """The modules of a program's kernels. ``add`` takes a kernel; ``ready`` is told of each module, (text, level), once it is whole.

    Products are alone, so that other programs find them compiled. Loops are several to a module: so many that two processes have
    their share, and no more.   names: text of a kernel → its function.
    """

    def __init__(self, ready=None):
        self.names, self.texts, self.ready = {}, [], ready
        self.group, self.room = [], 0

    def add(self, kernel):
        if kernel.__class__ is not Native or kernel.text in self.names:
            return
        name = self.names[kernel.text] = named(kernel, len(self.names))
        text = kernel.text.replace("@NAME", f"@{name}")
        if kernel.level != "loops":
            self.give(text, kernel.level)
            return
        if len(text) > self.room:
            self.close()
            self.room = MODULE
        self.group.append(text)
        self.room -= len(text)

    def close(self):
        """No more loops in this module."""
        if self.group:
            body = "\n".join(self.group)
            self.group = []
            self.give(declared_once(support(body) + body), "loops")

    def give(self, text, level):
        self.texts.append((text, level))
        if self.ready is not None:
            self.ready(text, level)


def modules_of(kernels):
    made = Modules()
    for kernel in kernels:
        made.add(kernel)
    return made


def texts_of(kernels, laid, modules):
    """The texts of a program, each with its level: the main function's, which is as it shall be, and those of its kernels' modules."""
    mains, calls, early = [], [], 0
    for k, (kernel, row) in enumerate(zip([*kernels, None], [*laid.rows, 0])):
        if kernel.__class__ is not Native:
            if calls:
                mains.append(main_text(len(mains), calls, early, laid.given, laid.checked))
                if laid.image.short and not laid.image.foreign:
                    mains.append(straight_text(calls, early, laid.given, laid.checked))
            calls, early = [], 0
            continue
        early += k < laid.early
        calls.append((modules.names[kernel.text], row, kernel))
    modules.close()
    known = [f"declare void @{name}(ptr, ptr, i64, i64)\n" for name in modules.names.values()]
    main = "".join(["declare void @minitorch_parallel(ptr, ptr, ptr, i64, i64)\n", *known, *mains])
    return [(main, "vectors"), *modules.texts]


def declared_once(text):
    """A module in which each declaration stands once: its kernels were written each by itself.

    >>> declared_once("declare void @f()\\ndeclare void @f()\\n; the rest")
    'declare void @f()\\n; the rest'
    """
    declared = dict.fromkeys(DECLARATION.findall(text))
    return "".join(declared) + DECLARATION.sub("", text)


def named(kernel, number):
    """A name for a kernel's function: for one that stands alone it says what is in it, and nothing of where it is used."""
    if kernel.level == "loops":
        return f"kernel{number}"
    return f"product_{hashlib.sha256(kernel.text.encode()).hexdigest()[:16]}"


def main_text(number, calls, early, given, checked):
    """The main function of a stretch of kernels, and what it goes through: short however many there are.

    First it finds the data of the array objects, for each (slot, entry) of ``given``; then it runs each (kernel, row of the
    table, chunks, grain); but after the first ``early`` only if all checks, whose places ``checked`` entries tell, are 0.
    """
    pairs = [(slot, entry) for slot, entries in given.items() for entry in entries] if number == 0 else []
    text = Text()
    text.lines.append(constants(f"given{number}", "[2 x i64]", [f"[i64 {slot}, i64 {entry}]" for slot, entry in pairs]))
    rows = []
    for name, row, kernel in calls:
        grain = kernel.grain if kernel.shared else kernel.chunks
        rows.append(f"{{ptr, i64, i64, i64}} {{ptr @{name}, i64 {row}, i64 {kernel.chunks}, i64 {grain}}}")
    text.lines.append(constants(f"calls{number}", "{ptr, i64, i64, i64}", rows, typed=True))
    with text.function(f"void @main{number}(ptr %pool, ptr %p)"):
        if pairs:
            with text.loop("pair", 0, len(pairs)) as k:
                pair = text.at(f"@given{number}", text.multiply(k, 2), "i64")
                array = text.load("ptr", text.at("%p", text.load("i64", pair), "ptr"))
                data = text.load("ptr", text.at(array, DATA, "i8"))
                text.store("ptr", data, text.at("%p", text.load("i64", text.at(pair, 1, "i64")), "ptr"))
        run_all(text, len(calls), early, checked, partial(run_calls, text, number))
    return str(text)


def straight_text(calls, early, given, checked):
    """The main function of a short program once more, written out: one thread goes from kernel to kernel, and nothing is looked up."""
    text = Text()

    def run(begin, end):
        for name, row, kernel in calls[begin:end]:
            table = text.at("%p", row, "ptr")
            text.do(f"call void @{name}(ptr {table}, ptr %scratch, i64 0, i64 {kernel.chunks}) noinline")

    with text.function("void @straight(ptr %pool, ptr %p)"):
        text.do(f"%scratch = load ptr, ptr {text.at('%pool', SCRATCH, 'i64')}")
        for slot, entries in given.items():
            data = text.load("ptr", text.at(text.load("ptr", text.at("%p", slot, "ptr")), DATA, "i8"))
            for entry in entries:
                text.store("ptr", data, text.at("%p", entry, "ptr"))
        run_all(text, len(calls), early, checked, run)
    return str(text)


def run_all(text, count, early, checked, run):
    """Run the calls from 0 to ``count`` by ``run(begin, end)``: after the first ``early`` only if all checks are 0."""
    run(0, early if checked else count)
    if checked and early < count:
        total = "0"
        for entry in checked:
            wrong = text.load("i64", text.load("ptr", text.at("%p", entry, "ptr")))
            total = text.let("wrong", f"or i64 {total}, {wrong}")
        with text.when(text.let("sound", f"icmp eq i64 {total}, 0")):
            run(early, count)


def run_calls(text, number, begin, end):
    """A loop over some of the calls of a main function."""
    if begin < end:
        with text.loop("call", begin, end) as k:
            call = text.at(f"@calls{number}", text.multiply(k, 4), "i64")
            kernel = text.load("ptr", call)
            row, chunks, grain = [text.load("i64", text.at(call, field, "i64")) for field in (1, 2, 3)]
            table = text.at("%p", row, "ptr")
            text.do(f"call void @minitorch_parallel(ptr %pool, ptr {kernel}, ptr {table}, i64 {chunks}, i64 {grain})")


def constants(name, kind, values, typed=False):
    """A row of constants."""
    listed = ", ".join(values if typed else [f"{kind} {x}" for x in values])
    return f"@{name} = internal constant [{len(values)} x {kind}] [{listed}]"
