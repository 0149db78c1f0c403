"""Recurrent layers over a whole sequence as kernels: each thread takes some of the batch's sequences through all steps.

    forward     for each step   z = h Wᵀ + what there is, then the cell's formula (cells.py)
    back        for each step   the cell's formula, backwards, then dh = d_gates W + what there is

Sequences don't meet, so nobody waits between two steps, and numbers don't depend on who takes which. The weight comes in
panels (``in_panels``), so the product of a step and a chunk is one tile of product.py for each panel. Then the formula goes
over the hidden numbers in one loop, from the gates to what is kept for the way back.

torch: ATen/native/RNN.cpp, and the fused cells of its libraries
"""

from functools import lru_cache

from .cells import BACKWARD, FORWARD
from .formula import write_body
from .gemm import Code, pieces
from .kernel import Kernel
from .link import host
from .mathematics import support
from .product import TILE, Writer
from .text import Text

__all__ = ["recurrent"]

TALL = 8
"""Sequences in a chunk, at most: the rows of a tile."""

WORDS = "chunks", "grain", "steps", "batch", "hidden", "rows", "tall", "backwards"
"""What comes with a call. rows: of the packed sequences; backwards: whether the last step comes first."""


class Driver:
    """Writes the kernel of a Pass around its formula; ``planes``: how many of them there are."""

    def __init__(self, step, planes, columns):
        self.step, self.columns = step, columns
        self.places, self.steps, self.stores = step.formula(planes)
        self.text = Text()

    def address(self, place, row, sequence):
        """Where a place begins, for a row of the packed sequences and the sequence that it is of."""
        text, w = self.text, self.words
        index = {"row": row, "sequence": sequence, "all": 0}.get(place.by)
        if place.array == "planes":
            index = text.add(w["rows"], sequence) if place.by == "state" else row
            index = text.add(text.multiply(text.add(w["rows"], w["batch"]), place.plane), index)
        number = text.add(text.multiply(index, place.width), place.part)
        return text.at(self.pointers[place.array], text.multiply(number, w["hidden"]), "float")

    def distance(self, place):
        """From one row's to the next one's."""
        return 0 if place.by == "all" else self.text.multiply(self.words["hidden"], place.width)

    def write(self):
        text, count = self.text, len(self.step.arrays)
        text.lines += [TILE, f"@zeros = internal constant [{self.columns} x float] zeroinitializer, align 64"]
        write_body(text, "float", len(self.places), 0, self.steps, self.stores, apart=True)
        with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
            self.pointers = {name: text.load("ptr", text.at("%p", count + i, "ptr")) for i, name in enumerate(self.step.arrays)}
            self.words = w = {name: text.load("i64", text.at("%p", 2 * count + i, "i64")) for i, name in enumerate(WORDS)}
            is_back = text.let("back", f"icmp ne i64 {w['backwards']}, 0")
            with text.loop("chunk", "%begin", "%end") as chunk, text.loop("turn", 0, w["steps"]) as turn:
                other = text.subtract(text.subtract(w["steps"], 1), turn)
                t = text.let("t", f"select i1 {is_back}, i64 {other}, i64 {turn}")
                start, stop = (text.load("i64", text.at(self.pointers["starts"], text.add(t, i), "i64")) for i in (0, 1))
                first = text.multiply(chunk, w["tall"])
                number = text.minimum(text.subtract(text.subtract(stop, start), first), w["tall"])
                with text.when(text.let("some", f"icmp sgt i64 {number}, 0")):
                    parts = [self.product, self.formula]
                    for part in parts if self.step.product_first else reversed(parts):
                        part(text.add(start, first), first, number)
        return support(str(text)) + str(text)

    def product(self, row, sequence, number):
        """A tile for each panel of W."""
        text, product, hidden = self.text, self.step.product, self.words["hidden"]
        a, c = (self.address(place, row, sequence) for place in (product.a, product.c))
        k, n = text.multiply(hidden, product.a_parts), text.multiply(hidden, product.c_parts)
        if product.add is None:
            add, add_step = "@zeros", 0
        else:
            add, add_step = self.address(product.add, row, sequence), self.distance(product.add)
        with text.loop("j", 0, n, self.columns) as j:
            count = text.minimum(text.subtract(n, j), self.columns)
            panel = text.at(self.pointers["packed"], text.multiply(j, k), "float")
            there = add if add == "@zeros" else text.at(add, j, "float")
            arguments = f"ptr {a}, i64 {self.distance(product.a)}, i64 1, ptr {panel}, ptr {there}, i64 {add_step}"
            to = f"ptr {text.at(c, j, 'float')}, i64 {self.distance(product.c)}"
            text.do(f"call void @one(i64 {number}, {arguments}, {to}, i64 {k}, i64 {count})")

    def formula(self, row, sequence, number):
        """The formula for each row."""
        text = self.text
        with text.loop("i", 0, number) as i:
            places = [self.address(place, text.add(row, i), text.add(sequence, i)) for place in self.places]
            arguments = ", ".join([*[f"ptr {place}" for place in places], "i64 0", f"i64 {self.words['hidden']}"])
            text.do(f"call void @body({arguments})")


class Recurrent:
    """``pass_(arrays, sizes, backwards)``: arrays by the names of its Pass, but for ``starts``, contiguous and in float32.

    columns: how wide a panel of W is.
    """

    def __init__(self, step, planes):
        tiles = Writer("float", (True, True), host(), range(TALL, 0, -1))
        self.step, self.columns, self.most = step, tiles.columns, tiles.rows[0]
        text = Driver(step, planes, self.columns).write()
        self.kernel = Kernel(Code(text, None, None, 0), len(step.arrays), "loops", len(WORDS), more=tiles.tiles())

    def __call__(self, arrays, rows, batch, hidden, backwards):
        tall = pieces(batch, self.most)
        words = (-(-batch // tall), 1, arrays["starts"].size - 1, batch, hidden, rows, tall, backwards)
        self.kernel(*[arrays[name] for name in self.step.arrays], words=words)


@lru_cache(None)
def recurrent(mode, back, planes):
    """The Recurrent of a layer's mode, forward or back, with so many planes; None without a compiler."""
    try:
        return Recurrent((BACKWARD if back else FORWARD)[mode], planes)
    except ImportError:
        return None
