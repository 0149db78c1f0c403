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
from .graph import evaluate
from .kernels import ALIGNMENT, Native
from .mathematics import support
from .threads import runner, runtime_symbols

__all__ = ["Program"]


class Program:
    """What runs. ``call(inputs, outputs)`` takes arrays, in the order of the graph's inputs and of the plan's outputs."""

    def __init__(self, kernels, plan, found, graph, link):
        """kernels: Native ones, and Foreign ones between them.   link: ([(text, level)], symbols) → Library."""
        self.kernels, self.plan = kernels, plan
        self.moves = {s.out: s for s in graph.steps if found[s.out].base is not s.out}
        native = [k for k in kernels if k.__class__ is Native]
        self.rows, count = [], 0
        for kernel in kernels:
            self.rows.append(count)
            count += len(kernel.buffers) if kernel.__class__ is Native else 0
        self.scratch = max([k.scratch for k in native], default=0)
        self.shared = any([k.shared for k in native])
        self.table = (ctypes.c_void_p * (count + 1))()
        self.address = ctypes.addressof(self.table)
        self.library = link(self.texts(), runtime_symbols()) if native else None
        self.segments = self.divided()
        self.lay_out()

    # ------------------------------------------------------------------------------------------------------------- text

    def texts(self):
        """The texts of the program, each with its level: products stand alone, so that other programs find them compiled."""
        names: dict = {}
        texts, alone, mains, calls = [], [], [], []
        for kernel, row in zip([*self.kernels, None], [*self.rows, 0]):
            if kernel.__class__ is not Native:
                if calls:
                    mains.append(main_text(len(mains), calls))
                calls = []
                continue
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

    def divided(self):
        """The program as a list of native stretches and steps that NumPy runs."""
        segments, started, count = [], False, 0
        for kernel in self.kernels:
            if kernel.__class__ is Native:
                if not started:
                    segments.append(runner(self.library.address(f"main{count}"), self.scratch, self.shared))
                    count += 1
                started = True
            else:
                segments.append(kernel)
                started = False
        return segments

    # ----------------------------------------------------------------------------------------------------------- memory

    def lay_out(self):
        """Make the arena, and write its addresses into the table. ``given``: slots that each call fills, by Place."""
        xp = for_device(CPU)
        self.arena = xp.zeros(self.plan.size + ALIGNMENT, "uint8")
        start = -self.arena.ctypes.data % ALIGNMENT
        self.arena = self.arena[start : start + self.plan.size]
        base = self.arena.ctypes.data
        self.given: dict = {}
        for kernel, row in zip(self.kernels, self.rows):
            if kernel.__class__ is not Native:
                continue
            for k, place in enumerate(kernel.buffers):
                if place.kind == "arena":
                    self.table[row + k] = base + place.at
                else:
                    self.given.setdefault(place, []).append(row + k)

    def seen(self, x, inputs, outputs):
        """A Value as an array on the memory that it lies in."""
        if x in self.moves:
            step = self.moves[x]
            return evaluate(step, [self.seen(y, inputs, outputs) for y in step.reads])
        place = self.plan.places[x]
        if place.kind != "arena":
            return (inputs if place.kind == "input" else outputs)[place.at]
        dtype = for_device(CPU).array_dtype(x.dtype)
        return self.arena[place.at : place.at + x.size * x.dtype.itemsize].view(dtype).reshape(x.shape)

    def call(self, inputs, outputs):
        """Run on arrays: ``inputs`` as the graph's, ``outputs`` to be filled."""
        table = self.table
        for place, slots in self.given.items():
            address = (inputs if place.kind == "input" else outputs)[place.at].ctypes.data
            for slot in slots:
                table[slot] = address
        for segment in self.segments:
            if segment.__class__ is type(runner):
                segment(self.address)
            else:
                self.run_foreign(segment.steps[0], inputs, outputs)

    def run_foreign(self, step, inputs, outputs):
        result = evaluate(step, [self.seen(x, inputs, outputs) for x in step.reads])
        if step.out in self.plan.places:
            for_device(CPU).copyto(self.seen(step.out, inputs, outputs), result)


def named(kernel, number):
    """A name for a kernel's function: for one that stands alone it says what is in it, and nothing of where it is used."""
    if kernel.level == "loops":
        return f"kernel{number}"
    return f"product_{hashlib.sha256(kernel.text.encode()).hexdigest()[:16]}"


def main_text(number, calls):
    """The main function of a stretch of kernels."""
    lines = [f"define void @main{number}(ptr %pool, ptr %p) nounwind {{"]
    for k, (name, row, kernel) in enumerate(calls):
        grain = kernel.grain if kernel.shared else kernel.chunks
        lines.append(f"  %row{k} = getelementptr ptr, ptr %p, i64 {row}")
        lines.append(f"  call void @minitorch_parallel(ptr %pool, ptr @{name}, ptr %row{k}, i64 {kernel.chunks}, i64 {grain})")
    return "\n".join([*lines, "  ret void", "}"])
