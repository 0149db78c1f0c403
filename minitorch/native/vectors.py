"""Vectors in LLVM text: as many numbers as a register holds, or fewer, next to each other in memory or apart.

    v = Vectors(text, "float", 16)
    row = v.load("%p", 10)              ten numbers; the other six lanes are 0
    v.store(row, "%q", 10, stride=4)    written four apart

Where fewer than all lanes are meant, their number is known when the text is written: the mask is a constant, and no
address outside is touched.
"""

from .target import SIZES

__all__ = ["Vectors"]


class Vectors:
    """Writes instructions on vectors of ``lanes`` numbers of one LLVM type into a text."""

    def __init__(self, text, kind, lanes):
        self.text, self.kind, self.lanes = text, kind, lanes
        self.type = f"<{lanes} x {kind}>"
        self.size, self.whole = SIZES[kind], kind.startswith("i")
        self.suffix = f"v{lanes}{'i' if self.whole else 'f'}{8 * self.size}"
        self.zero, self.element, self.reach = "zeroinitializer", kind, lanes

    def mask(self, count, skip=0):
        """True for the first ``count`` lanes, but for ``skip`` of them."""
        bits = ", ".join(f"i1 {int(skip <= lane < count)}" for lane in range(self.lanes))
        return f"<{self.lanes} x i1> <{bits}>"

    def places(self, pointer, stride):
        """The addresses of lanes that lie ``stride`` apart."""
        offsets = ", ".join(f"i64 {lane * stride}" for lane in range(self.lanes))
        return self.text.let("places", f"getelementptr {self.kind}, ptr {pointer}, <{self.lanes} x i64> <{offsets}>")

    def load(self, pointer, count=None, stride=1, skip=0):
        """The first ``count`` lanes from memory, but for ``skip`` of them; the others are 0."""
        count = self.lanes if count is None else count
        if stride == 1 and count == self.lanes and not skip:
            return self.text.load(self.type, pointer, self.size)
        if 1 < stride < self.lanes:
            return (self.load_picked if stride % 2 else self.load_second)(pointer, count, stride, skip)
        where = f"{self.mask(count, skip)}, {self.type} {self.zero})"
        if stride == 1:
            call = f"call {self.type} @llvm.masked.load.{self.suffix}.p0(ptr {pointer}, i32 {self.size}, {where}"
        else:
            pointers = f"<{self.lanes} x ptr> {self.places(pointer, stride)}"
            call = f"call {self.type} @llvm.masked.gather.{self.suffix}.v{self.lanes}p0({pointers}, i32 {self.size}, {where}"
        return self.text.let("v", call)

    def fetch(self, pointer, count=None):
        """What is multiplied of the first ``count`` numbers of type ``element`` in memory: at most ``reach``."""
        return self.load(pointer, count)

    def below(self, count):
        """A mask of the lanes whose number is below ``count``, which only the program knows."""
        one = self.text.let("one", f"insertelement <{self.lanes} x i64> poison, i64 {count}, i64 0")
        zeros = f"<{self.lanes} x i32> zeroinitializer"
        limit = self.text.let("limit", f"shufflevector <{self.lanes} x i64> {one}, <{self.lanes} x i64> poison, {zeros}")
        numbers = ", ".join(f"i64 {lane}" for lane in range(self.lanes))
        return self.text.let("mask", f"icmp slt <{self.lanes} x i64> <{numbers}>, {limit}")

    def load_where(self, pointer, mask):
        """The lanes of a mask from memory; the others are 0."""
        where = f"ptr {pointer}, i32 {self.size}, <{self.lanes} x i1> {mask}"
        return self.text.let("v", f"call {self.type} @llvm.masked.load.{self.suffix}.p0({where}, {self.type} {self.zero})")

    def store_where(self, value, pointer, mask):
        """Write the lanes of a mask."""
        where = f"ptr {pointer}, i32 {self.size}, <{self.lanes} x i1> {mask}"
        self.text.do(f"call void @llvm.masked.store.{self.suffix}.p0({self.type} {value}, {where})")

    def load_second(self, pointer, count, stride, skip):
        """Every second number of two vectors with half the stride: a shuffle. A gather would take ten times as long."""
        end, halves = 2 * count - 1, []
        for start in (0, self.lanes):
            place = self.text.at(pointer, start * stride // 2, self.kind)
            halves.append(
                self.load(place, min(end - start, self.lanes), stride // 2, max(2 * skip - start, 0))
                if end > start
                else self.zero
            )
        return self.shuffle(*halves, range(0, 2 * self.lanes, 2))

    def load_picked(self, pointer, count, stride, skip):
        """The same for an odd stride: from one vector after the other, the lanes that are asked of it."""
        begin, end, found = skip * stride, (count - 1) * stride + 1, self.zero
        for start in range(begin // self.lanes * self.lanes, end, self.lanes):
            place = self.text.at(pointer, start, self.kind)
            vector = self.load(place, min(end - start, self.lanes), 1, max(begin - start, 0))
            order = [lane * stride - start for lane in range(self.lanes)]
            found = self.shuffle(found, vector, [self.lanes + at if 0 <= at < self.lanes else i for i, at in enumerate(order)])
        return found

    def shuffle(self, a, b, order):
        """A vector of those lanes of a and b, counted through."""
        lanes = ", ".join(f"i32 {index}" for index in order)
        return self.text.let("mixed", f"shufflevector {self.type} {a}, {self.type} {b}, <{self.lanes} x i32> <{lanes}>")

    def joined(self, a, b):
        """A vector of twice as many lanes: those of a, then those of b."""
        order = ", ".join(f"i32 {lane}" for lane in range(2 * self.lanes))
        return self.text.let("joined", f"shufflevector {self.type} {a}, {self.type} {b}, <{2 * self.lanes} x i32> <{order}>")

    def half(self, a, number):
        """The first (0) or second (1) half of a vector's lanes."""
        first, count = number * (self.lanes // 2), self.lanes // 2
        order = ", ".join(f"i32 {lane}" for lane in range(first, first + count))
        return self.text.let("half", f"shufflevector {self.type} {a}, {self.type} poison, <{count} x i32> <{order}>")

    def load_runs(self, pointers):
        """A vector of as many numbers from each place: lanes / len(pointers)."""
        length = self.lanes // len(pointers)
        runs = [self.text.load(f"<{length} x {self.kind}>", pointer, self.size) for pointer in pointers]
        while len(runs) > 1:
            order = ", ".join(f"i32 {lane}" for lane in range(2 * length))
            kind, mask = f"<{length} x {self.kind}>", f"<{2 * length} x i32> <{order}>"
            pairs = zip(runs[::2], runs[1::2])
            runs = [self.text.let("joined", f"shufflevector {kind} {a}, {kind} {b}, {mask}") for a, b in pairs]
            length *= 2
        return runs[0]

    def store(self, value, pointer, count=None, stride=1):
        """Write the first ``count`` lanes."""
        count = self.lanes if count is None else count
        if stride == 1 and count == self.lanes:
            self.text.store(self.type, value, pointer, self.size)
        elif stride == 1:
            arguments = f"{self.type} {value}, ptr {pointer}, i32 {self.size}, {self.mask(count)}"
            self.text.do(f"call void @llvm.masked.store.{self.suffix}.p0({arguments})")
        else:
            pointers = f"<{self.lanes} x ptr> {self.places(pointer, stride)}"
            arguments = f"{self.type} {value}, {pointers}, i32 {self.size}, {self.mask(count)}"
            self.text.do(f"call void @llvm.masked.scatter.{self.suffix}.v{self.lanes}p0({arguments})")

    def spread(self, number):
        """A number in all lanes."""
        one = self.text.let("one", f"insertelement {self.type} poison, {self.kind} {number}, i64 0")
        zeros = f"<{self.lanes} x i32> zeroinitializer"
        return self.text.let("all", f"shufflevector {self.type} {one}, {self.type} poison, {zeros}")

    def multiply_add(self, a, b, c):
        """a * b + c, rounded once where the machine can; of integers the last bits, as everywhere."""
        if self.whole:
            return self.add(self.text.let("product", f"mul {self.type} {a}, {b}"), c)
        arguments = ", ".join(f"{self.type} {value}" for value in (a, b, c))
        return self.text.let("sum", f"call {self.type} @llvm.fmuladd.{self.suffix}({arguments})")

    def add(self, a, b):
        """a + b."""
        return self.text.let("sum", f"{'add' if self.whole else 'fadd'} {self.type} {a}, {b}")

    def larger(self, a, b):
        """The larger of a and b; NaN where one of them is."""
        name = f"llvm.{'smax' if self.whole else 'maximum'}.{self.suffix}"
        return self.text.let("larger", f"call {self.type} @{name}({self.type} {a}, {self.type} {b})")

    def interleave(self, a, *more):
        """a0 b0 a1 b1 …, in two vectors; or of three vectors in three, and so on."""
        found, number = [], 1 + len(more)
        for start in range(0, number * self.lanes, self.lanes):
            lanes, mixed = range(start, start + self.lanes), a
            order = [i // number for i in lanes]
            for other, vector in enumerate(more, 1):
                order = [self.lanes + i // number if i % number == other else at for i, at in zip(lanes, order)]
                mixed, order = self.shuffle(mixed, vector, order), range(self.lanes)
            found.append(mixed)
        return found

    def transpose(self, rows):
        """The columns of a square of ``lanes`` vectors. Each round interleaves row i with row i + lanes / 2.

        A round is a block of its own: within one LLVM tries to merge shuffles, which takes twice as long to compile
        and finds nothing.
        """
        half = self.lanes // 2
        for _ in range(half.bit_length()):
            rows = [vector for i in range(half) for vector in self.interleave(rows[i], rows[i + half])]
            self.text.cut()
        return rows

    def sums(self, rows):
        """The sum of each of ``lanes`` vectors, in one. Each round interleaves as ``transpose`` does, and adds."""
        while len(rows) > 1:
            half = len(rows) // 2
            rows = [self.add(*self.interleave(rows[i], rows[i + half])) for i in range(half)]
            self.text.cut()
        return rows[0]
