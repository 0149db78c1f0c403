"""Products of 16-bit numbers: on their way into a panel they get the form that is multiplied, and sums are float32.

    pairs       bfloat16, where a processor adds the products of two of them to a float32 at once: two rows of B as one,
                b[2p][0] b[2p+1][0] │ b[2p][1] b[2p+1][1] │ …       a unit of 32 bits for each column
    widened     float16, and on other processors: a float32 for each, which is a unit too

So a panel of units is as a panel of float32, and the tiles of gemm.py run over it.

torch: ATen/native/mkldnn/Matmul.cpp   Intel, bfloat16: hardware numerics definition, 2018
"""

from .link import SHARED
from .mathematics import constant
from .narrow import narrowed, widened
from .text import Text
from .vectors import Vectors

__all__ = ["Narrow", "pack", "pack_rows", "write_pack", "write_rows"]


def alike(number, lanes):
    """A constant of as many i32."""
    return f"<{', '.join([f'i32 {number}'] * lanes)}>"


class Narrow(Vectors):
    """Vectors of float32 that know 16-bit numbers of type ``source`` in memory; ``per``: how many of them are a unit, 1 or 2."""

    def __init__(self, text, source, lanes, per):
        super().__init__(text, "float", lanes)
        self.source, self.per, self.element, self.reach = source, per, "i16", lanes * per

    def bits(self, pointer, lanes, count):
        """The first ``count`` numbers from memory as they are; the others are 0."""
        kind = f"<{lanes} x i16>"
        if count == lanes:
            return self.text.load(kind, pointer, 2)
        mask = ", ".join(f"i1 {int(lane < count)}" for lane in range(lanes))
        where = f"ptr {pointer}, i32 2, <{lanes} x i1> <{mask}>, {kind} zeroinitializer"
        return self.text.let("bits", f"call {kind} @llvm.masked.load.v{lanes}i16.p0({where})")

    def below_of(self, lanes, count):
        """A mask of ``lanes`` lanes whose number is below ``count``, which only the program knows."""
        text, kind = self.text, f"<{lanes} x i16>"
        least = text.let("least", f"trunc i64 {text.minimum(count, lanes)} to i16")
        one = text.let("one", f"insertelement {kind} poison, i16 {least}, i64 0")
        limit = text.let("limit", f"shufflevector {kind} {one}, {kind} poison, <{lanes} x i32> zeroinitializer")
        return text.let("mask", f"icmp slt {kind} <{', '.join([f'i16 {lane}' for lane in range(lanes)])}>, {limit}")

    def bits_where(self, pointer, lanes, mask):
        """The numbers of a mask from memory as they are; the others are 0."""
        where = f"ptr {pointer}, i32 2, <{lanes} x i1> {mask}, <{lanes} x i16> zeroinitializer"
        return self.text.let("bits", f"call <{lanes} x i16> @llvm.masked.load.v{lanes}i16.p0({where})")

    def store_bits(self, bits, pointer, mask):
        """Write the lanes of a mask, with its type, or all."""
        if mask is None:
            return self.text.store(f"<{self.lanes} x i16>", bits, pointer, 2)
        where = f"ptr {pointer}, i32 2, {mask}"
        self.text.do(f"call void @llvm.masked.store.v{self.lanes}i16.p0(<{self.lanes} x i16> {bits}, {where})")

    def store_rounded(self, value, pointer, count):
        """Write the first ``count`` lanes of a vector of float32 as 16-bit numbers."""
        bits = self.rounded(value)
        if count == 1:  # LLVM 22 writes four bytes for a mask of one such lane
            number = self.text.let("first", f"extractelement <{self.lanes} x i16> {bits}, i64 0")
            return self.text.store("i16", number, pointer)
        return self.store_bits(bits, pointer, None if count == self.lanes else self.mask(count))

    def fetch(self, pointer, count=None):
        return self.units(self.bits(pointer, self.reach, self.reach if count is None else count))

    def units(self, bits):
        """A vector of units of numbers that lie side by side along k."""
        return self.widened(bits) if self.per == 1 else self.cast(f"<{self.reach} x i16>", bits, self.type)

    def cast(self, old, x, new):
        return self.text.let("cast", f"bitcast {old} {x} to {new}")

    def widened(self, bits):
        """The numbers of a vector of bits. Those of float16 are moved to where float32 has its fraction, and scaled; processors with
        longer vectors know them."""
        text, lanes = self.text, self.lanes
        if self.source == "float16" and lanes > 4:
            half = self.cast(f"<{lanes} x i16>", bits, f"<{lanes} x half>")
            return text.let("wide", f"fpext <{lanes} x half> {half} to {self.type}")
        ints = f"<{lanes} x i32>"
        wide = text.let("wide", f"zext <{lanes} x i16> {bits} to {ints}")
        if self.source == "bfloat16":
            return self.cast(ints, text.let("upper", f"shl {ints} {wide}, {alike(16, lanes)}"), self.type)
        size = text.let("size", f"and {ints} {wide}, {alike(0x7FFF, lanes)}")
        sign = text.let("sign", f"shl {ints} {text.let('bit', f'and {ints} {wide}, {alike(0x8000, lanes)}')}, {alike(16, lanes)}")
        small = self.cast(ints, text.let("moved", f"shl {ints} {size}, {alike(13, lanes)}"), self.type)
        scale = f"<{', '.join([f'float {constant(2.0**112, self.kind)}'] * lanes)}>"
        value = self.cast(self.type, text.let("value", f"fmul {self.type} {small}, {scale}"), ints)
        endless = text.let("endless", f"icmp uge {ints} {size}, {alike(0x7C00, lanes)}")
        raised = text.let("raised", f"or {ints} {value}, {alike(255 << 23, lanes)}")
        value = text.let("value", f"select <{lanes} x i1> {endless}, {ints} {raised}, {ints} {value}")
        return self.cast(ints, text.let("signed", f"or {ints} {value}, {sign}"), self.type)

    def rounded(self, value):
        """A vector of float32 as the bits of the nearest 16-bit numbers, as narrow.py's ``narrowed`` does it; where a processor may
        not know float16, by that for each number."""
        text, lanes = self.text, self.lanes
        ints, bits = f"<{lanes} x i32>", f"<{lanes} x i16>"
        if self.source == "float16" and lanes <= 4:
            found = "poison"
            for lane in range(lanes):
                number = narrowed(text, text.let("x", f"extractelement {self.type} {value}, i64 {lane}"), self.source)
                found = text.let("bits", f"insertelement {bits} {found}, i16 {number}, i64 {lane}")
            return found
        if self.source == "float16":
            half = text.let("half", f"fptrunc {self.type} {value} to <{lanes} x half>")
            return self.cast(f"<{lanes} x half>", half, bits)
        whole = self.cast(self.type, value, ints)
        upper = text.let("upper", f"lshr {ints} {whole}, {alike(16, lanes)}")
        odd = text.let("odd", f"and {ints} {upper}, {alike(1, lanes)}")
        raised = text.let("raised", f"add {ints} {text.let('half', f'add {ints} {whole}, {alike(0x7FFF, lanes)}')}, {odd}")
        near = text.let("near", f"lshr {ints} {raised}, {alike(16, lanes)}")
        strange = text.let("strange", f"fcmp uno {self.type} {value}, {value}")
        nan = text.let("nan", f"or {ints} {upper}, {alike(0x7FC0, lanes)}")
        near = text.let("near", f"select <{lanes} x i1> {strange}, {ints} {nan}, {ints} {near}")
        return text.let("bits", f"trunc {ints} {near} to {bits}")

    def united(self, first, second=None):
        """A vector of units of a row of numbers and the next one."""
        if self.per == 1:
            return self.widened(first)
        order = ", ".join(f"i32 {lane}, i32 {self.lanes + lane}" for lane in range(self.lanes))
        kind = f"<{self.lanes} x i16>"
        mixed = self.text.let("mixed", f"shufflevector {kind} {first}, {kind} {second}, <{self.reach} x i32> <{order}>")
        return self.cast(f"<{self.reach} x i16>", mixed, self.type)

    def multiply_add(self, a, b, c):
        """a * b + c of units: of a pair both products are added."""
        if self.per == 1:
            return super().multiply_add(a, b, c)
        pairs = f"<{self.reach} x bfloat>"
        a, b = self.cast(self.type, a, pairs), self.cast(self.type, b, pairs)
        name = f"llvm.x86.avx512bf16.dpbf16ps.{32 * self.lanes}"
        return self.text.let("sum", f"call {self.type} @{name}({self.type} {c}, {pairs} {a}, {pairs} {b})")


# ----------------------------------------------------------------------------------------------------- into a panel


def write_pack(text, name, v, steps, width, columns):
    """The function ``@name``: ``columns`` of a matrix in rows of units, ``width`` apart. It is told how many numbers each has.

    steps: from a number to the next along k, and from column to column. A pair's second number is 0 where there is none.
    """
    with text.function(f"internal fastcc void @{name}(ptr %b, ptr %to, i64 %k)", "noinline nounwind"):
        if steps[1] == 1:
            pack_across(text, v, steps[0], width, columns)
        elif steps[0] != 1:
            pack_singly(text, v, steps, width, (0, columns), 0)
        else:
            pack_along(text, v, steps[1], width, columns)


def pack(text, v, across, step, width, columns):
    """The same, within a function, of a number of columns that comes with the call; ``across``: rows are contiguous, or else columns.

    What is behind the last column, up to a whole vector, becomes 0.
    """
    if not across:
        return pack_along(text, v, step, width, columns)
    whole = text.multiply(text.divide(columns, v.lanes)[0], v.lanes)
    mask = v.below_of(v.lanes, text.subtract(columns, whole))

    def row(p, number):
        to = text.at("%to", text.multiply(text.divide(p, v.per)[0], width), v.kind)
        rows = [text.at("%b", text.multiply(text.add(p, each), step), "i16") for each in range(number)]
        for begin, end in ((0, whole), (whole, columns)):
            with text.loop("j", begin, end, v.lanes) as j:
                places = [text.at(row, j, "i16") for row in rows]
                found = [v.bits(x, v.lanes, v.lanes) if end is whole else v.bits_where(x, v.lanes, mask) for x in places]
                v.store(v.united(*found, *[v.zero] * (v.per - number)), text.at(to, j, v.kind))

    paired = text.multiply(text.divide("%k", v.per)[0], v.per)
    with text.loop("p", 0, paired, v.per) as p:
        row(p, v.per)
    if v.per == 2:
        with text.loop("p", paired, "%k", v.per) as p:
            row(p, 1)


def pack_rows(text, v, step, width):
    """``%rows`` of ``%k`` numbers that lie side by side, ``step`` apart, as rows of units, ``width`` apart: whole vectors of them."""
    whole = text.multiply(text.divide("%k", v.reach)[0], v.reach)
    mask = v.below_of(v.reach, text.subtract("%k", whole))
    with text.loop("i", 0, "%rows") as i:
        row, to = text.at("%b", text.multiply(i, step), "i16"), text.at("%to", text.multiply(i, width), v.kind)
        with text.loop("p", 0, whole, v.reach) as p:
            v.store(v.fetch(text.at(row, p, "i16")), text.at(to, text.divide(p, v.per)[0], v.kind))
        with text.loop("p", whole, "%k", v.reach) as p:
            bits = v.bits_where(text.at(row, p, "i16"), v.reach, mask)
            v.store(v.units(bits), text.at(to, text.divide(p, v.per)[0], v.kind))


def write_rows(text, name, v, step, width, rest):
    """The function ``@name``: rows of numbers that lie side by side, ``step`` apart, as rows of units, ``width`` apart.

    rest: how many numbers the last vector of a row has, if not all.
    """
    with text.function(f"internal fastcc void @{name}(ptr %a, ptr %to, i64 %k, i64 %rows)", "noinline nounwind"):
        with text.loop("i", 0, "%rows") as i:
            row, to = text.at("%a", text.multiply(i, step), "i16"), text.at("%to", text.multiply(i, width), v.kind)
            whole = text.multiply(text.divide("%k", v.reach)[0], v.reach)
            for begin, end, count in ((0, whole, None), (whole, "%k", rest)):
                with text.loop("p", begin, end, v.reach) as p:
                    v.store(v.fetch(text.at(row, p, "i16"), count), text.at(to, text.divide(p, v.per)[0], v.kind))


def pack_across(text, v, step, width, columns):
    """Rows are contiguous."""
    counts = [(start, min(v.lanes, columns - start)) for start in range(0, columns, v.lanes)]

    def row(p, whole):
        source, to = text.at("%b", text.multiply(p, step), "i16"), text.at("%to", text.multiply(text.divide(p, v.per)[0], width), v.kind)
        for start, count in counts:
            first = v.bits(text.at(source, start, "i16"), v.lanes, count)
            second = v.bits(text.at(source, start + step, "i16"), v.lanes, count) if whole else v.zero
            v.store(v.united(first, second), text.at(to, start, v.kind))

    whole = text.multiply(text.divide("%k", v.per)[0], v.per)
    with text.loop("p", 0, whole, v.per) as p:
        row(p, v.per == 2)
    if v.per == 2:
        with text.loop("p", whole, "%k", v.per) as p:
            row(p, False)


def pack_along(text, v, step, width, columns):
    """Columns are contiguous: by the function that turns squares, if they are long."""
    long = text.let("long", f"icmp sge i64 %k, {v.reach}")
    whole = text.multiply(text.divide("%k", v.per)[0], v.per)
    with text.when(long):
        symbol = turning_name(v.source, v.lanes, v.per)
        declared = f"declare void @{symbol}(ptr, i64, ptr, i64, i64, i64)"
        if declared not in text.lines:
            text.lines.insert(0, declared)
        text.do(f"call void @{symbol}(ptr %b, i64 {step}, ptr %to, i64 {width}, i64 {columns}, i64 {whole})")
    begin = text.let("begin", f"select i1 {long}, i64 {whole}, i64 0")
    pack_singly(text, v, (1, step), width, (0, columns), begin)


def pack_singly(text, v, steps, width, columns, begin):
    """Number by number, from a place along k on."""
    with text.loop("p", begin, "%k", v.per) as p, text.loop("j", *columns) as j:
        column = text.at("%b", text.multiply(j, steps[1]), "i16")
        to = text.at("%to", text.add(text.multiply(text.divide(p, v.per)[0], width), j), v.kind)
        pack_unit(text, v, column, steps[0], p, to)


def pack_unit(text, v, column, step, p, to):
    """The unit that begins with number p along k."""
    first = text.load("i16", text.at(column, text.multiply(p, step), "i16"))
    if v.per == 1:
        text.store(v.kind, widened(text, first, v.source), to)
    else:
        text.store("i16", first, to)
        text.store("i16", following(text, column, p, step), text.at(to, 1, "i16"))


def following(text, column, p, step):
    """The number behind number p along k; 0 where that is the last."""
    q = text.add(p, 1)
    inside = text.let("inside", f"icmp slt i64 {q}, %k")
    place = text.let("place", f"select i1 {inside}, i64 {q}, i64 {p}")
    number = text.load("i16", text.at(column, text.multiply(place, step), "i16"))
    return text.let("second", f"select i1 {inside}, i16 {number}, i16 0")


def turning_name(source, lanes, per):
    return f"minitorch_turn_{source}_{lanes}_{per}"


def turning_text(source, lanes, per):
    """What transpose.py's function is for float32: columns are contiguous, k is a multiple of ``per`` and at least as long as a vector."""
    text = Text()
    v = Narrow(text, source, lanes, per)
    parameters = "ptr %b, i64 %step, ptr %to, i64 %width, i64 %columns, i64 %k"
    with text.function(f"void @{turning_name(source, lanes, per)}({parameters})", "nounwind"):
        final, bottom = text.subtract("%columns", 1), text.subtract("%k", v.reach)
        with text.loop("p", 0, "%k", v.reach) as turn, text.loop("s", 0, "%columns", lanes) as start:
            p, squares = text.minimum(turn, bottom), []
            for lane in range(lanes):
                column = text.minimum(text.add(start, lane), final)
                squares.append(v.fetch(text.at("%b", text.add(text.multiply(column, "%step"), p), "i16")))
            corner = text.at("%to", text.add(text.multiply(text.divide(p, per)[0], "%width"), start), v.kind)
            for i, row in enumerate(v.transpose(squares)):
                v.store(row, text.at(corner, text.multiply("%width", i), v.kind))
    return str(text)


SHARED.update({
    turning_name(source, lanes, per): (turning_text, source, lanes, per)
    for source in ("bfloat16", "float16") for lanes in (4, 8, 16) for per in (1, 2)
})  # fmt: skip
