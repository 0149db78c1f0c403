"""Order along rows as kernels: all of a row's places in order, or those of its k smallest numbers.

A number and its place become one integer, the element, whose upper half is the number's rank: unsigned, rising with the number,
the same for 0 and -0, and the largest for NaN; complemented where the largest shall come first. So one text serves every type:

    float32   bits of x, all turned over if x is negative, else the sign alone        rank i32, element i64
    float64, int64                                                                    rank i64, element i128

``order`` sorts by bytes from the lowest up (Seward 1954), each pass keeping what the one before did, so equal numbers stay in
order; few are inserted one after the other. ``smallest`` takes the first k in no order but what its steps leave among equal
ones, so these steps are those of C++'s library, which PyTorch calls: the places of equal numbers are then the same.

    k small beside n   a heap of k, whose root is the worst of them, and one look at all others (Floyd 1964); then the heap's sort
    else               quickselect by the median of three (Hoare 1961, Musser 1997), then quicksort of what is before the k-th

torch: ATen/native/TopKImpl.h, ATen/native/cpu/SortingKernel.cpp
"""

from functools import lru_cache

from .constants import constant
from .gemm import Code
from .kernel import Kernel
from .link import Written
from .text import Text

__all__ = ["ELEMENT", "WORDS", "heaped", "ranked", "sorting_text"]

WORDS = "rows", "n", "k", "flip", "quick", "in_order"
"""What a kernel is told. flip: -1 where the largest come first; quick, in_order: of ``smallest``, whether by quickselect, and
whether what it finds is to be in order."""

ELEMENT = {"float": 8, "i32": 8, "double": 16, "i64": 16}
"""LLVM's kind of numbers → bytes of an element."""

INSERTED = 48
"""Numbers that are inserted one after the other: for fewer it isn't worth to count bytes."""

BLOCK = 64
"""Numbers that are compared with a heap's root at once."""

AT_ONCE = 1 << 13
"""Numbers for which Python's lock is kept."""

SHORT = 16
"""Elements that quicksort leaves to insertion, and C++'s library too."""


def heaped(k, n):
    """Whether the k smallest of n numbers are found by a heap: as PyTorch chooses, or equal numbers would have other places."""
    return 64 * k <= n


class Cell:
    """A number that changes, in memory; LLVM makes a register of it."""

    def __init__(self, text, kind="i64"):
        self.text, self.kind = text, kind
        self.place = text.let("cell", f"alloca {kind}")

    def get(self):
        return self.text.load(self.kind, self.place)

    def set(self, value):
        self.text.store(self.kind, value, self.place)


class Writer:
    """Writes the functions for an LLVM kind of numbers. ``%a``: an array of elements."""

    def __init__(self, kind):
        self.kind, self.bits = kind, 4 * ELEMENT[kind]
        self.rank, self.element = f"i{self.bits}", f"i{2 * self.bits}"
        self.text = Text()

    # ------------------------------------------------------------------------------------------------------- elements

    def load(self, index, array="%a"):
        return self.text.load(self.element, self.text.at(array, index, self.element), 8)

    def store(self, value, index, array="%a"):
        self.text.store(self.element, value, self.text.at(array, index, self.element), 8)

    def exchange(self, i, j):
        x, y = self.load(i), self.load(j)
        self.store(y, i)
        self.store(x, j)

    def rank_of(self, element):
        return self.text.let("rank", f"lshr {self.element} {element}, {self.bits}")

    def before(self, x, y):
        """Whether an element's number comes before another's."""
        return self.text.let("before", f"icmp ult {self.element} {self.rank_of(x)}, {self.rank_of(y)}")

    def less(self, a, b):
        return self.text.let("less", f"icmp slt i64 {a}, {b}")

    def number_rank(self, x, i):
        """The rank of the number at ``i``."""
        text, rank, sign = self.text, self.rank, -1 << (self.bits - 1)
        number = text.load(self.kind, text.at(x, i, self.kind))
        if self.kind in ("i32", "i64"):
            found = text.let("rank", f"xor {rank} {number}, {sign}")
        else:
            plain = text.let("plain", f"fadd {self.kind} {number}, {constant(0, self.kind)}")  # -0 becomes 0
            bits = text.let("bits", f"bitcast {self.kind} {plain} to {rank}")
            turned = text.let("turned", f"or {rank} {text.let('negative', f'ashr {rank} {bits}, {self.bits - 1}')}, {sign}")
            nan = text.let("nan", f"fcmp uno {self.kind} {number}, {number}")
            found = text.let("rank", f"select i1 {nan}, {rank} -1, {rank} {text.let('rank', f'xor {rank} {bits}, {turned}')}")
        return text.let("rank", f"xor {rank} {found}, %flip")

    def joined(self, rank, i):
        """The element of a rank and a place."""
        text, element = self.text, self.element
        high = text.let("high", f"shl {element} {text.let('wide', f'zext {self.rank} {rank} to {element}')}, {self.bits}")
        place = i if self.bits == 32 else text.let("place", f"zext i64 {i} to {element}")
        return text.let("element", f"or {element} {high}, {place}")

    def place_of(self, element):
        text = self.text
        if self.bits == 64:
            return text.let("place", f"trunc i128 {element} to i64")
        return text.let("place", f"and i64 {element}, {(1 << 32) - 1}")

    def fill(self, x, n):
        """``%a`` becomes the elements of the first n numbers."""
        with self.text.loop("i", 0, n) as i:
            self.store(self.joined(self.number_rank(x, i), i), i)

    # ------------------------------------------------------------------------------------------------- few: insertion

    def insertion(self):
        """``@insertion``: elements first to last, each moved down to its place among those before it."""
        text = self.text
        with text.function("internal fastcc void @insertion(ptr %a, i64 %first, i64 %last)"):
            j = Cell(text)
            with text.loop("i", text.add("%first", 1), "%last") as i:
                value = self.load(i)
                j.set(i)

                def further():
                    below = text.let("inside", f"icmp sgt i64 {j.get()}, %first")
                    previous = text.let("j", f"select i1 {below}, i64 {text.subtract(j.get(), 1)}, i64 %first")
                    return text.let("further", f"and i1 {below}, {self.before(value, self.load(previous))}")

                with text.whilst(further):
                    self.store(self.load(text.subtract(j.get(), 1)), j.get())
                    j.set(text.subtract(j.get(), 1))
                self.store(value, j.get())

    # ------------------------------------------------------------------------------------------------------ all: bytes

    def by_bytes(self):
        """``ptr @by_bytes``: sorts n elements of ``%a`` with the help of ``%b``, and says which of the two has them."""
        text, digits = self.text, self.bits // 8
        with text.function("internal fastcc ptr @by_bytes(ptr %a, ptr %b, i64 %n)", result="ptr %found"):
            counts = text.let("counts", f"alloca [{digits * 256} x i64], align 64")
            source, target = Cell(text, "ptr"), Cell(text, "ptr")
            source.set("%a")
            target.set("%b")
            text.do(f"call void @llvm.memset.p0.i64(ptr {counts}, i8 0, i64 {digits * 2048}, i1 false)")
            with text.loop("i", 0, "%n") as i:
                element = self.load(i)
                for digit in range(digits):
                    place = self.counter(counts, digit, element)
                    text.store("i64", text.add(text.load("i64", place), 1), place)
            for digit in range(digits):
                of_first = text.load("i64", self.counter(counts, digit, self.load(0)))
                with text.when(text.let("differ", f"icmp ne i64 {of_first}, %n")):
                    self.by_byte(text.at(counts, 256 * digit, "i64"), digit, source, target)
            text.do(f"%found = load ptr, ptr {source.place}")

    def counter(self, counts, digit, element):
        text = self.text
        shifted = text.let("byte", f"lshr {self.element} {element}, {self.bits + 8 * digit}")
        byte = text.let("byte", f"trunc {self.element} {shifted} to i8")
        return text.at(counts, text.add(text.let("byte", f"zext i8 {byte} to i64"), 256 * digit), "i64")

    def by_byte(self, counts, digit, source, target):
        """One pass: counts become places, and each element goes to the next of its byte's."""
        text, a, b = self.text, source.get(), target.get()
        with text.loop("byte", 0, 256, carry=[("i64", 0)]) as byte:
            place = text.at(counts, byte, "i64")
            number = text.load("i64", place)
            text.store("i64", byte.values[0], place)
            byte.carry(text.add(byte.values[0], number))
        with text.loop("i", 0, "%n") as i:
            element = self.load(i, a)
            place = self.counter(counts, 0, text.let("moved", f"lshr {self.element} {element}, {8 * digit}"))
            to = text.load("i64", place)
            text.store("i64", text.add(to, 1), place)
            self.store(element, to, b)
        source.set(b)
        target.set(a)

    # ---------------------------------------------------------------------------------------------------------- heaps

    def heap(self):
        """``@sink``: ``%value`` goes where ``%hole`` is: the hole moves down to a leaf, past the later child, then up as far as it
        must. ``@heap``: n elements become a heap. ``@unheap``: they come in order."""
        text = self.text
        with text.function(f"internal fastcc void @sink(ptr %a, i64 %start, i64 %n, {self.element} %value)"):
            hole = Cell(text)
            hole.set("%start")
            inner = text.let("inner", f"sdiv i64 {text.subtract('%n', 1)}, 2")
            with text.whilst(lambda: self.less(hole.get(), inner)):
                right = text.add(text.multiply(hole.get(), 2), 2)
                left = text.subtract(right, 1)
                child = text.let("child", f"select i1 {self.before(self.load(right), self.load(left))}, i64 {left}, i64 {right}")
                self.store(self.load(child), hole.get())
                hole.set(child)
            even = text.let("even", f"icmp eq i64 {text.let('odd', 'and i64 %n, 1')}, 0")
            final = text.let("final", f"sdiv i64 {text.subtract('%n', 2)}, 2")
            last = text.let("last", f"icmp eq i64 {hole.get()}, {final}")
            with text.when(text.let("single", f"and i1 {even}, {last}")):
                child = text.add(text.multiply(hole.get(), 2), 1)
                self.store(self.load(child), hole.get())
                hole.set(child)

            def parent():
                return text.let("parent", f"ashr i64 {text.subtract(hole.get(), 1)}, 1")

            def rises():
                inside = text.let("inside", f"icmp sgt i64 {hole.get()}, %start")
                above = text.let("above", f"select i1 {inside}, i64 {parent()}, i64 %start")
                return text.let("rises", f"and i1 {inside}, {self.before(self.load(above), '%value')}")

            with text.whilst(rises):
                self.store(self.load(parent()), hole.get())
                hole.set(parent())
            self.store("%value", hole.get())

        with text.function("internal fastcc void @heap(ptr %a, i64 %n)"):
            half = text.let("half", "ashr i64 %n, 1")
            with text.loop("i", 0, half) as i:
                start = text.subtract(text.subtract(half, 1), i)
                self.sink("%a", start, "%n", self.load(start))

        with text.function("internal fastcc void @unheap(ptr %a, i64 %n)"):
            with text.loop("i", 1, "%n") as i:
                last = text.subtract("%n", i)
                value = self.load(last)
                self.store(self.load(0), last)
                self.sink("%a", 0, last, value)

    def sink(self, a, start, n, value):
        self.text.do(f"call fastcc void @sink(ptr {a}, i64 {start}, i64 {n}, {self.element} {value})")

    def leave_behind(self):
        """``@leave``: a heap of the first k elements, and each later one that comes before its root takes the root's place."""
        text = self.text
        with text.function("internal fastcc void @leave(ptr %a, i64 %k, i64 %n)"):
            text.do("call fastcc void @heap(ptr %a, i64 %k)")
            with text.loop("i", "%k", "%n") as i:
                value, root = self.load(i), self.load(0)
                with text.when(self.before(value, root)):
                    self.store(root, i)
                    self.sink("%a", 0, "%k", value)

    def stream(self):
        """``@stream``: the same from numbers that aren't elements yet. Most blocks of them have none that is wanted."""
        text = self.text
        with text.function(f"internal fastcc void @stream(ptr noalias %x, ptr noalias %a, i64 %k, i64 %n, {self.rank} %flip)"):
            self.fill("%x", "%k")
            text.do("call fastcc void @heap(ptr %a, i64 %k)")
            blocks, rest = text.divide(text.subtract("%n", "%k"), BLOCK)
            with text.loop("block", 0, blocks) as block:
                first = text.add("%k", text.multiply(block, BLOCK))
                root = self.root_rank()
                with text.loop("i", 0, BLOCK, carry=[("i32", 0)]) as i:
                    earlier = text.let("earlier", f"icmp ult {self.rank} {self.number_rank('%x', text.add(first, i))}, {root}")
                    i.carry(text.let("some", f"or i32 {i.values[0]}, {text.let('one', f'zext i1 {earlier} to i32')}"))
                with text.when(text.let("some", f"icmp ne i32 {i.values[0]}, 0")):
                    self.offer(first, text.add(first, BLOCK))
            self.offer(text.subtract("%n", rest), "%n")

    def root_rank(self):
        return self.text.let("root", f"trunc {self.element} {self.rank_of(self.load(0))} to {self.rank}")

    def offer(self, first, last):
        """Numbers to a heap, one after the other."""
        text = self.text
        with text.loop("i", first, last) as i:
            rank = self.number_rank("%x", i)
            with text.when(text.let("earlier", f"icmp ult {self.rank} {rank}, {self.root_rank()}")):
                self.sink("%a", 0, "%k", self.joined(rank, i))

    # -------------------------------------------------------------------------------------------------------- quickly

    def partition(self):
        """``i64 @partition``: elements first to last around the median of three of them, which goes to the first place; where the
        second part begins."""
        text = self.text
        with text.function("internal fastcc i64 @partition(ptr %a, i64 %first, i64 %last)", result="i64 %cut"):
            low, high = Cell(text), Cell(text)
            size = text.subtract("%last", "%first")
            middle = text.add("%first", text.let("half", f"ashr i64 {size}, 1"))
            places = text.add("%first", 1), middle, text.subtract("%last", 1)
            self.exchange("%first", self.median(places))
            pivot = self.load("%first")
            low.set(text.add("%first", 1))
            high.set("%last")

            def advance():
                with text.whilst(lambda: self.before(self.load(low.get()), pivot)):
                    low.set(text.add(low.get(), 1))
                high.set(text.subtract(high.get(), 1))
                with text.whilst(lambda: self.before(pivot, self.load(high.get()))):
                    high.set(text.subtract(high.get(), 1))
                return self.less(low.get(), high.get())

            with text.whilst(advance):
                self.exchange(low.get(), high.get())
                low.set(text.add(low.get(), 1))
            text.do(f"%cut = load i64, ptr {low.place}")

    def median(self, places):
        """The place, of three, of the element that is between the others'."""
        text = self.text
        x, y, z = [self.load(place) for place in places]
        a, b, c = places
        xy, yz, xz = self.before(x, y), self.before(y, z), self.before(x, z)

        def choose(condition, yes, no):
            return text.let("place", f"select i1 {condition}, i64 {yes}, i64 {no}")

        return choose(xy, choose(yz, b, choose(xz, c, a)), choose(xz, a, choose(yz, c, b)))

    def quickselect(self):
        """``@select``: the element that is number ``%nth`` in order goes there, those before it before it. What takes too many
        turns is left to a heap."""
        text = self.text
        with text.function("internal fastcc void @select(ptr %a, i64 %nth, i64 %n)"):
            first, last, turns = Cell(text), Cell(text), Cell(text)
            first.set(0)
            last.set("%n")
            turns.set(self.twice_log("%n"))
            with text.whilst(lambda: text.let("many", f"icmp sgt i64 {text.subtract(last.get(), first.get())}, 3")):
                with text.when(text.let("over", f"icmp eq i64 {turns.get()}, 0")):
                    start = first.get()
                    to = text.at("%a", start, self.element)
                    k = text.add(text.subtract("%nth", start), 1)
                    text.do(f"call fastcc void @leave(ptr {to}, i64 {k}, i64 {text.subtract(last.get(), start)})")
                    self.exchange(start, "%nth")
                    text.leave()
                turns.set(text.subtract(turns.get(), 1))
                cut = text.let("cut", f"call fastcc i64 @partition(ptr %a, i64 {first.get()}, i64 {last.get()})")
                is_low = text.let("low", f"icmp sle i64 {cut}, %nth")
                first.set(text.let("first", f"select i1 {is_low}, i64 {cut}, i64 {first.get()}"))
                last.set(text.let("last", f"select i1 {is_low}, i64 {last.get()}, i64 {cut}"))
            text.do(f"call fastcc void @insertion(ptr %a, i64 {first.get()}, i64 {last.get()})")

    def quicksort(self):
        """``@parts``: elements first to last, in order but within SHORT of them. ``@quicksort``: n elements in order."""
        text = self.text
        with text.function("internal fastcc void @parts(ptr %a, i64 %first, i64 %end, i64 %turns)"):
            last, turns = Cell(text), Cell(text)
            last.set("%end")
            turns.set("%turns")
            with text.whilst(lambda: text.let("many", f"icmp sgt i64 {text.subtract(last.get(), '%first')}, {SHORT}")):
                with text.when(text.let("over", f"icmp eq i64 {turns.get()}, 0")):
                    whole = f"(ptr {text.at('%a', '%first', self.element)}, i64 {text.subtract(last.get(), '%first')})"
                    text.do(f"call fastcc void @heap{whole}")
                    text.do(f"call fastcc void @unheap{whole}")
                    text.leave()
                turns.set(text.subtract(turns.get(), 1))
                cut = text.let("cut", f"call fastcc i64 @partition(ptr %a, i64 %first, i64 {last.get()})")
                text.do(f"call fastcc void @parts(ptr %a, i64 {cut}, i64 {last.get()}, i64 {turns.get()})")
                last.set(cut)
        with text.function("internal fastcc void @quicksort(ptr %a, i64 %n)"):
            text.do(f"call fastcc void @parts(ptr %a, i64 0, i64 %n, i64 {self.twice_log('%n')})")
            text.do("call fastcc void @insertion(ptr %a, i64 0, i64 %n)")

    def twice_log(self, n):
        """2 floor(log2 n), for n > 0."""
        zeros = self.text.let("zeros", f"call i64 @llvm.ctlz.i64(i64 {n}, i1 false)")
        return self.text.multiply(self.text.subtract(63, zeros), 2)

    # --------------------------------------------------------------------------------------------------------- kernels

    def order(self):
        """``@row``: all places of a row in order, to ``%out``."""
        text = self.text
        self.insertion()
        self.by_bytes()
        with text.function(f"internal fastcc void @row(ptr %x, ptr %a, ptr %out, i64 %n, {self.rank} %flip)"):
            found = Cell(text, "ptr")
            found.set("%a")
            self.fill("%x", "%n")
            few = text.let("few", f"icmp sle i64 %n, {INSERTED}")
            with text.when(few):
                text.do("call fastcc void @insertion(ptr %a, i64 0, i64 %n)")
            with text.when(text.let("many", f"xor i1 {few}, true")):
                other = text.at("%a", "%n", self.element)
                found.set(text.let("found", f"call fastcc ptr @by_bytes(ptr %a, ptr {other}, i64 %n)"))
            self.give(found.get(), "%n")

    def smallest(self):
        """``@row``: the places of the k smallest, to ``%out``."""
        text = self.text
        for write in (self.insertion, self.heap, self.leave_behind, self.stream, self.partition, self.quickselect, self.quicksort):
            write()
        with text.function(
            f"internal fastcc void @row(ptr %x, ptr %a, ptr %out, i64 %n, i64 %k, {self.rank} %flip, i1 %quick, i1 %in_order)"
        ):
            with text.when("%quick"):
                self.fill("%x", "%n")
                before = text.subtract("%k", 1)
                with text.when(text.let("not_all", "icmp sgt i64 %n, 0")):
                    text.do(f"call fastcc void @select(ptr %a, i64 {before}, i64 %n)")
                with text.when(text.let("some", f"and i1 %in_order, {text.let('more', 'icmp sgt i64 %k, 1')}")):
                    text.do(f"call fastcc void @quicksort(ptr %a, i64 {before})")
            with text.when(text.let("slowly", "xor i1 %quick, true")):
                text.do(f"call fastcc void @stream(ptr %x, ptr %a, i64 %k, i64 %n, {self.rank} %flip)")
                text.do("call fastcc void @unheap(ptr %a, i64 %k)")
            self.give("%a", "%k")

    def give(self, elements, count):
        with self.text.loop("i", 0, count) as i:
            self.text.store("i64", self.place_of(self.load(i, elements)), self.text.at("%out", i, "i64"))

    def kernel(self, smallest, start, entries):
        """``@NAME``: a chunk is a row. entries: where the table has the pointers to numbers, room for elements (None: it is a
        thread's scratch memory) and places, and where its words begin. start: the byte at which the numbers begin."""
        text, (numbers, room, places, words) = self.text, entries
        with text.function("void @NAME(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
            x, out = (text.load("ptr", text.at("%p", entry, "ptr")) for entry in (numbers, places))
            x = text.at(x, start, "i8")
            work = "%scratch" if room is None else text.load("ptr", text.at("%p", room, "ptr"))
            w = {name: text.load("i64", text.at("%p", words + i, "i64")) for i, name in enumerate(WORDS)}
            flip = w["flip"] if self.bits == 64 else text.let("flip", f"trunc i64 {w['flip']} to i32")
            more = ""
            if smallest:
                quick, in_order = (text.let(name, f"icmp ne i64 {w[name]}, 0") for name in ("quick", "in_order"))
                more = f", i1 {quick}, i1 {in_order}"
            with text.loop("row", "%begin", "%end") as row:
                numbers = text.at(x, text.multiply(row, w["n"]), self.kind)
                places = text.at(out, text.multiply(row, w["k"]), "i64")
                count = f", i64 {w['k']}" if smallest else ""
                given = f"ptr {numbers}, ptr {work}, ptr {places}, i64 {w['n']}{count}, {self.rank} {flip}{more}"
                text.do(f"call fastcc void @row({given})")


def sorting_text(smallest, kind, start=0, entries=(0, None, 1, 2)):
    """The text of a kernel ``@NAME`` whose chunks are rows: ``smallest``, or else ``order``. See Writer.kernel."""
    writer = Writer(kind)
    (writer.smallest if smallest else writer.order)()
    writer.kernel(smallest, start, entries)
    return str(writer.text)


@lru_cache(None)
def ranked(smallest, kind):
    """The function (x, work, out, *WORDS) for contiguous rows: ``out`` becomes places, (rows, k) int64, and ``work`` is room for
    two elements for each number of a row. None without a compiler.

    >>> import numpy
    >>> x, work, out = numpy.array([[3, 1, 2]], "float32"), numpy.empty(6, "int64"), numpy.empty((1, 3), "int64")
    >>> ranked(False, "float")(x, work, out, 1, 3, 3, 0, 0, 0)
    >>> out.tolist()
    [[1, 2, 0]]
    """
    try:
        text = Written(lambda: sorting_text(smallest, kind, 0, (3, 4, 5, 8)).replace("@NAME", "@kernel"), "sorting", smallest, kind)
        kernel = Kernel(Code(text, None, None, 0), 3, "loops", 2 + len(WORDS))
    except ImportError:
        return None

    def run(x, work, out, rows, *words):
        given = (rows, rows, rows, *words)  # all in one claim: there is room for one row
        if kernel.enter is not None and x.size <= AT_ONCE:
            kernel.enter(x, work, out, *given)
        else:
            kernel(x, work, out, words=given, shared=False)

    return run
