"""A plan becomes a program: text for all kernels, one main function, a table of pointers, one arena.

    table   one row of pointers for each kernel: arena addresses, written once, and those of inputs and outputs, at each call
    main    for each kernel: its row of the table to the kernel, by one thread or by all

Kernels that look the same are one function, called with other rows. A row that NumPy runs (kernels.Foreign) ends a stretch
of native code; the program is then several of them with NumPy between.

torch: torch/_inductor/codegen/wrapper.py, codecache.py
"""

import ctypes
import hashlib

from ..backends import for_device
from ..device import CPU
from ..native.entry import DATA
from ..native.mathematics import support
from ..native.text import Text
from ..native.threads import runner, runtime_symbols, team
from .graph import Step, evaluate
from .kernels import ALIGNMENT, Native

__all__ = ["Program"]


class Program:
    """What runs: ``run(*arguments)`` where all is native, else ``run_between(inputs, outputs)``.

    Who calls it has written into ``table``, at ``slots[kind, number]``, the id of the array for each input and output; the
    main function finds the data behind it.   foreign: whether there are steps that NumPy runs.   built: how long that took.
    """

    def __init__(self, kernels, plan, found, graph, link):
        """kernels: Native ones, and Foreign ones between them.   link: ([(text, level)], symbols) → Library."""
        self.kernels, self.plan, self.found, self.graph = kernels, plan, found, graph
        self.link, self.built = link, None
        self.moves = {s.out: s for s in graph.steps if found[s.out].base is not s.out}
        native = [k for k in kernels if k.__class__ is Native]
        self.foreign = len(native) < len(kernels)
        self.rows, count = [], 0
        for kernel in kernels:
            self.rows.append(count)
            count += len(kernel.buffers) + len(kernel.numbers) if kernel.__class__ is Native else 0
        self.early = sum([(k.kernel if k.__class__ is Native else k) in plan.early for k in kernels])
        self.lay_out(count)
        self.scratch = max([k.scratch for k in native], default=0)
        self.shared = any([k.shared for k in native])
        self.library = link(self.texts(), runtime_symbols()) if native else None
        self.segments = self.divided()
        self.checks = [(self.seen(value, (), ()), error, message) for value, error, message in graph.checks]
        self.run, self.arguments = (None, ()) if self.foreign or not native else self.called()

    # ----------------------------------------------------------------------------------------------------------- memory

    def lay_out(self, count):
        """Make the table, whose first ``count`` entries are the kernels' rows, and the arena, and tell each row of it.

        given: for each slot of an array object the entries of rows that get the address of its data.   checked: the entries
        that say where the graph's checks lie.
        """
        xp = for_device(CPU)
        self.arena = xp.zeros(self.plan.size + ALIGNMENT, "uint8")
        start = -self.arena.ctypes.data % ALIGNMENT
        self.arena = self.arena[start : start + self.plan.size]
        base, self.slots, self.given, entries = self.arena.ctypes.data, {}, {}, {}
        for kernel, row in zip(self.kernels, self.rows):
            for k, number in enumerate(kernel.numbers if kernel.__class__ is Native else (), row):
                entries[len(kernel.buffers) + k] = number
            for k, place in enumerate(kernel.buffers if kernel.__class__ is Native else ()):
                if place.kind == "arena":
                    entries[row + k] = base + place.at
                else:
                    slot = self.slots.setdefault((place.kind, place.at), count + len(self.slots))
                    self.given.setdefault(slot, []).append(row + k)
        checked = [self.plan.places[self.found[value].base] for value, *_ in self.graph.checks]
        self.checked = {count + len(self.slots) + k: base + place.at for k, place in enumerate(checked)}
        entries.update(self.checked)
        self.table = (ctypes.c_void_p * (count + len(self.slots) + len(checked) + 1))()
        self.address = ctypes.addressof(self.table)
        for entry, address in entries.items():
            self.table[entry] = address

    def seen(self, x, inputs, outputs):
        """A Value as an array on the memory that it lies in."""
        if x in self.moves:
            step = self.moves[x]
            return evaluate(step, [self.seen(y, inputs, outputs) for y in step.reads])
        place = self.plan.places[x]
        if place.kind != "arena":
            array = (inputs if place.kind == "input" else outputs)[place.at]
            return array.reshape(x.shape)  # what it is returned as may be a reshape of it
        dtype = for_device(CPU).array_dtype(x.dtype)
        return self.arena[place.at : place.at + x.size * x.dtype.itemsize].view(dtype).reshape(x.shape)

    # ------------------------------------------------------------------------------------------------------------- text

    def texts(self):
        """The texts of the program, each with its level: products stand alone, so that other programs find them compiled."""
        names: dict = {}
        texts, alone, mains, calls, early = [], [], [], [], 0
        for k, (kernel, row) in enumerate(zip([*self.kernels, None], [*self.rows, 0])):
            if kernel.__class__ is not Native:
                if calls:
                    mains.append(main_text(len(mains), calls, early, self.given, self.checked))
                calls, early = [], 0
                continue
            early += k < self.early
            name = names.get(kernel.text)
            if name is None:
                name = names[kernel.text] = named(kernel, len(names))
                own = kernel.text.replace("@NAME", f"@{name}")
                if kernel.level == "loops":
                    texts.append(own)
                else:
                    alone.append((own, kernel.level))
                    texts.append(f"declare void @{name}(ptr, ptr, i64, i64)\n")
            calls.append((name, row, kernel))
        body = "\n".join([*texts, *mains])
        head = "declare void @minitorch_parallel(ptr, ptr, ptr, i64, i64)\n"
        return [(head + support(body) + body, "loops"), *alone]

    # -------------------------------------------------------------------------------------------------------------- runs

    def divided(self):
        """The program as a list of native stretches, functions of the table's address, and steps that NumPy runs."""
        segments, started, count, self.are_early = [], False, 0, []
        for k, kernel in enumerate(self.kernels):
            if kernel.__class__ is not Native or not started:
                self.are_early.append(k < self.early)
            if kernel.__class__ is Native and not started:
                segments.append(runner(self.library.address(f"main{count}"), self.scratch, self.shared))
                count += 1
            elif kernel.__class__ is not Native:
                segments.append(kernel.steps[0])
            started = kernel.__class__ is Native
        return segments

    def called(self):
        """What a call of an all native program is: a function, and what it is given. A small one is called without detours."""
        if self.shared:
            return self.segments[0], (self.address,)
        self.team = team(self.scratch)
        return ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(self.library.address("main0")), (self.team.address, self.address)

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
        result = evaluate(step, [self.seen(x, inputs, outputs) for x in step.reads])
        if step.out in self.plan.places:
            for_device(CPU).copyto(self.seen(step.out, inputs, outputs), result)

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
        run_calls(text, number, 0, len(calls) if not checked else early)
        if checked and early < len(calls):
            total = "0"
            for entry in checked:
                wrong = text.load("i64", text.load("ptr", text.at("%p", entry, "ptr")))
                total = text.let("wrong", f"or i64 {total}, {wrong}")
            with text.when(text.let("sound", f"icmp eq i64 {total}, 0")):
                run_calls(text, number, early, len(calls))
    return str(text)


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
