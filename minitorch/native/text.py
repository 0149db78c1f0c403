"""LLVM text, written line by line: names that never repeat, and loops.

    text = Text()
    with text.function("void @double(ptr %p, i64 %n)"):
        with text.loop("i", 0, "%n") as i:
            place = text.at("%p", i, "float")
            x = text.load("float", place)
            text.store("float", text.let("y", f"fadd float {x}, {x}"), place)
    print(text)

A register is a string like ``%x.3``; a Python number stands for itself, so what is known beforehand is computed here
and not in the program. LLVM turns loops that count in memory order into vector code; the text may hold vectors itself.

torch: torch/_inductor/codegen/cpp.py writes C++ this way
"""

from contextlib import contextmanager

__all__ = ["Text"]

LINE = 64
"""Bytes of a cache line."""


class Loop:
    """A loop that is being written: its index, where it is formatted, and the values it carries from turn to turn."""

    def __init__(self, index, values):
        self.index, self.values, self.following = index, values, values

    def __str__(self):
        return self.index

    def carry(self, *values):
        """What ``values`` will be in the next turn."""
        self.following = list(values)


class Text:
    """The lines of a module, or a piece of one. An instruction goes to the end of the block that is open."""

    def __init__(self):
        self.lines, self.count, self.block = [], 0, "entry"

    def __str__(self):
        return "\n".join(self.lines) + "\n"

    # ------------------------------------------------------------------------------------------------------- lines

    def name(self, hint):
        """A register's name that nobody has.

        >>> Text().name("x")
        '%x.1'
        """
        self.count += 1
        return f"%{hint}.{self.count}"

    def do(self, instruction):
        """An instruction without a result."""
        self.lines.append("  " + instruction)

    def let(self, hint, instruction):
        """An instruction's result: the register it gets.

        >>> text = Text()
        >>> text.let("sum", "fadd float %a, %b")
        '%sum.1'
        """
        register = self.name(hint)
        self.lines.append(f"  {register} = {instruction}")
        return register

    def open(self, label):
        """From here on instructions go to the block ``label``."""
        self.lines.append(f"{label}:")
        self.block = label

    def cut(self):
        """End the block, and go on in a new one."""
        label = self.name("then")[1:]
        self.do(f"br label %{label}")
        self.open(label)

    # ----------------------------------------------------------------------------------------------------- numbers

    def add(self, a, b):
        """a + b of two indices, registers or numbers.

        >>> text = Text()
        >>> text.add(2, 3), text.add("%i", 0), text.add("%i", 3)
        (5, '%i', '%add.1')
        """
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if b == 0:
            return a
        return b if a == 0 else self.let("add", f"add nsw i64 {a}, {b}")

    def subtract(self, a, b):
        """a - b."""
        if isinstance(a, int) and isinstance(b, int):
            return a - b
        return a if b == 0 else self.let("subtract", f"sub nsw i64 {a}, {b}")

    def multiply(self, a, b):
        """a * b."""
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if a == 0 or b == 0:
            return 0
        if b == 1:
            return a
        return b if a == 1 else self.let("multiply", f"mul nsw i64 {a}, {b}")

    def divide(self, a, b):
        """(a // b, a % b), for a that isn't negative and a positive b."""
        if isinstance(a, int) and isinstance(b, int):
            return a // b, a % b
        if b == 1:
            return a, 0
        quotient = self.let("quotient", f"udiv i64 {a}, {b}")
        return quotient, self.let("rest", f"sub nsw i64 {a}, {self.multiply(quotient, b)}")

    def minimum(self, a, b):
        """The smaller of a and b."""
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return self.let("minimum", f"call i64 @llvm.smin.i64(i64 {a}, i64 {b})")

    def maximum(self, a, b):
        """The larger of a and b."""
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return self.let("maximum", f"call i64 @llvm.smax.i64(i64 {a}, i64 {b})")

    def unknown(self, pointer):
        """The same address, of which LLVM doesn't know that it is: what is loaded from there is loaded anew."""
        return self.let("again", f'call ptr asm sideeffect "", "=r,0,~{{memory}}"(ptr {pointer})')

    # ------------------------------------------------------------------------------------------------------ memory

    def at(self, pointer, index, kind):
        """The address of element ``index``, of the LLVM type ``kind``, counted from ``pointer``.

        >>> text = Text()
        >>> text.at("%p", 0, "float"), text.at("%p", "%i", "float")
        ('%p', '%at.1')
        """
        return pointer if index == 0 else self.let("at", f"getelementptr {kind}, ptr {pointer}, i64 {index}")

    def load(self, kind, pointer, align=None):
        """The value at an address. A vector that isn't aligned to its own size needs ``align``, in bytes."""
        return self.let("load", f"load {kind}, ptr {pointer}" + (f", align {align}" if align else ""))

    def store(self, kind, value, pointer, align=None):
        """Put a value at an address."""
        self.do(f"store {kind} {value}, ptr {pointer}" + (f", align {align}" if align else ""))

    def fetch(self, pointer, size):
        """Ask for ``size`` bytes, line by line, before they are needed."""
        with self.loop("line", 0, size, LINE) as line:
            self.do(f"call void @llvm.prefetch.p0(ptr {self.at(pointer, line, 'i8')}, i32 0, i32 2, i32 1)")

    # ------------------------------------------------------------------------------------------------------- flow

    def leave(self, result="void"):
        """Return from here; what follows is another block, for the code around to end."""
        self.do(f"ret {result}")
        self.open(self.name("never")[1:])

    @contextmanager
    def function(self, signature, attributes="nounwind", result="void"):
        """The body of a function that ends with ``result``: nothing, or a type and a register."""
        self.lines.append(f"define {signature} {attributes} {{")
        self.open("entry")
        yield
        self.do(f"ret {result}")
        self.lines.append("}")

    @contextmanager
    def loop(self, hint, begin, end, step=1, carry=()):
        """``for i in range(begin, end, step)``. The Loop it gives formats as the index.

        ``carry`` lists (type, initial value): inside the block ``loop.values`` are the values of this turn, and
        ``loop.carry(...)`` says those of the next; after the block ``loop.values`` are the last ones.

            head:   i = phi (begin from before, i + step from the body);   i < end?
            body:   ...; to head
            after:
        """
        before, index = self.block, self.name(hint)
        head, body, after = (f"{index[1:]}.{part}" for part in ("head", "body", "after"))
        loop = Loop(index, [self.name(hint + ".carry") for _ in carry])

        self.do(f"br label %{head}")
        self.open(head)
        place = len(self.lines)  # the phis go here, when the end of the body is known
        more = self.let("more", f"icmp slt i64 {index}, {end}")
        self.do(f"br i1 {more}, label %{body}, label %{after}")
        self.open(body)
        yield loop

        following = self.let(hint, f"add nsw i64 {index}, {step}")
        kinds, first = ["i64", *(kind for kind, _ in carry)], [begin, *(value for _, value in carry)]
        registers, last = [index, *loop.values], [following, *loop.following]
        self.lines[place:place] = [
            f"  {register} = phi {kind} [ {a}, %{before} ], [ {b}, %{self.block} ]"
            for register, kind, a, b in zip(registers, kinds, first, last)
        ]
        self.do(f"br label %{head}")
        self.open(after)

    @contextmanager
    def when(self, condition):
        """``if condition:``, for an i1."""
        inside = self.name("when")[1:]
        self.do(f"br i1 {condition}, label %{inside}, label %{inside}.after")
        self.open(inside)
        yield
        self.do(f"br label %{inside}.after")
        self.open(f"{inside}.after")

    @contextmanager
    def whilst(self, condition):
        """``while condition():``; the function writes what is asked before each turn, and gives an i1."""
        head = self.name("while")[1:]
        self.do(f"br label %{head}")
        self.open(head)
        more = condition()
        self.do(f"br i1 {more}, label %{head}.body, label %{head}.after")
        self.open(f"{head}.body")
        yield
        self.do(f"br label %{head}")
        self.open(f"{head}.after")
