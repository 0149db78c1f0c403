"""The native function that answers calls: it walks through a list of rows, which say what to look at and what to do.

    named       globals  "model"  values 0          the name still stands for what it stood for, or: MISS
    given       0  facts  …                         the first argument is a tensor of that shape, and no part of what is written
    made        register 1  …                       memory for what is returned, as a tensor
    run         main  pool  table                   the program
    bump        parameter                           the version of its memory is one more
    back        register 1                          give that back

A row is a kind and five operands, words of 8 bytes. There is one such function in the process, whatever is compiled, so a
new program costs no compiling here: ``answer_rows.py`` writes its rows. Each kind is one function below, which writes its LLVM
text. It runs with Python's lock from the first row to the last, so no other thread sees what it is in the middle of.

torch: torch/csrc/dynamo/guards.cpp, a tree of such questions
"""

from functools import lru_cache

from ..backends import for_device
from ..device import CPU
from ..engine import Tensor
from ..graph import Storage
from ..native.entry import DATA, declared, python_symbols
from ..native.link import host, job_of, load, object_of
from ..native.text import Text
from ..native.worklist import EXPECTED
from .answering import MISS
from .object_layout import ALONE, BASE, DTYPE, ITEMS, KIND, NDIM, SHAPE, SIZE, STRIDES, VERSION, places

__all__ = ["CONSTANTS", "REGISTERS", "ROWS", "WIDTH", "walker"]

WIDTH = 6
"""Words in a row."""

REGISTERS = 24
"""Objects that an answer may hold until it is done."""

CONSTANTS = {
    "miss": MISS, "none": None, "tensor": Tensor, "array": type(for_device(CPU).empty((), Tensor(0).dtype)), "storage": Storage,
    "zero": 0, "tuple": tuple,
}  # fmt: skip
"""Objects that each list begins with the addresses of."""

CALLED = [
    "PyDict_GetItem", "PyDict_Next", "PyDict_Size", "PyFloat_FromDouble", "PyLong_AsLongLong", "PyLong_FromLongLong",
    "PyObject_CallNoArgs", "PyObject_GetAttr", "PyObject_IsTrue", "PyObject_Vectorcall", "PyTuple_New", "PyType_GenericAlloc",
    "Py_DecRef", "Py_IncRef",
]  # fmt: skip


class Walk:
    """The text of the function, row by row."""

    def __init__(self):
        self.text, self.at = Text(), places()

    # ------------------------------------------------------------------------------------------------------ vocabulary

    def operand(self, k, kind="ptr"):
        """An operand of the row: the address of an object, or a number."""
        return self.text.load(kind, self.text.at("%row", 1 + k, "i64"))

    def part(self, thing, place, kind="ptr"):
        """What lies at a place in an object."""
        return self.text.load(kind, self.text.at(thing, place, "i8"))

    def element(self, row, k, kind="ptr"):
        """Element k of words behind each other."""
        return self.text.load(kind, self.text.at(row, k, "i64"))

    def item(self, things, k):
        """Element k of a list."""
        return self.element(self.part(things, ITEMS), k)

    def call(self, name, *arguments, result="ptr"):
        """What one of CPython's functions gives."""
        listed = ", ".join([x if " " in x else f"ptr {x}" for x in arguments])
        if result == "void":
            return self.text.do(f"call void @{name}({listed})")
        return self.text.let("found", f"call {result} @{name}({listed})")

    def test(self, a, b, kind="ptr", word="eq"):
        return self.text.let("test", f"icmp {word} {kind} {a}, {b}")

    def go(self, condition, otherwise):
        """Go on if it is true; else to the block ``otherwise``."""
        label = self.text.name("on")[1:]
        self.text.do(f"br i1 {condition}, label %{label}, label %{otherwise}")
        self.text.open(label)

    def need(self, a, b, kind="ptr", word="eq"):
        """Nothing fits unless these are the same."""
        self.go(self.test(a, b, kind, word), "miss")

    def sound(self, thing):
        """An object, which CPython made, unless it raised something."""
        self.go(self.test(thing, "null", word="ne"), "error")
        return thing

    def register(self, k):
        """Where the object lies that an operand is the number of."""
        return self.text.at("%registers", self.operand(k, "i64"), "ptr")

    def hold(self, thing, k):
        """Keep an object that counts as ours in the register that an operand is the number of."""
        self.text.store("ptr", thing, self.register(k))

    def constant(self, name):
        return self.element("%words", 1 + list(CONSTANTS).index(name))

    # -------------------------------------------------------------------------------------------------------- questions

    def named(self):
        """dict, name, list, k: the name stands for element k."""
        self.need(self.call("PyDict_GetItem", self.operand(0), self.operand(1)), self.item(self.operand(2), self.operand(3, "i64")))

    def cell(self):
        """cell, list, k: the cell holds element k."""
        self.need(self.part(self.operand(0), self.at.cell), self.item(self.operand(1), self.operand(2, "i64")))

    def part_of(self):
        """thing, place, word: the 8 bytes at that place in the thing are what they were."""
        self.need(self.part(self.operand(0), self.operand(1, "i64")), self.operand(2))

    def first(self):
        """list, list: both begin with one object."""
        self.need(self.item(self.operand(0), 0), self.item(self.operand(1), 0))

    def version(self):
        """class, list: the class wasn't changed since it had the number that the list begins with."""
        number = self.call("PyLong_AsLongLong", self.item(self.operand(1), 0), result="i64")
        now = self.text.let("now", f"zext i32 {self.part(self.operand(0), VERSION or 0, 'i32')} to i64")
        self.need(now, number, "i64")
        self.need(now, 0, "i64", "ne")

    def items(self):
        """list, list: the same objects in order."""
        one, other = self.operand(0), self.operand(1)
        count = self.part(one, SIZE, "i64")
        self.need(count, self.part(other, SIZE, "i64"), "i64")
        with self.text.loop("k", 0, count) as k:
            self.need(self.item(one, k), self.item(other, k))

    def size(self):
        """dict, list: the dict has as many entries as the list's first element says."""
        number = self.call("PyLong_AsLongLong", self.item(self.operand(1), 0), result="i64")
        self.need(self.call("PyDict_Size", self.operand(0), result="i64"), number, "i64")

    def values(self):
        """dict, list, function: the dict's values are the list's elements; or else the function says that it is well."""
        self.alike_or_asked(self.part(self.operand(1), SIZE, "i64"), with_keys=False)

    def entries(self):
        """The same, but the list holds the dict's keys first."""
        count = self.part(self.operand(1), SIZE, "i64")
        self.alike_or_asked(self.text.let("count", f"lshr i64 {count}, 1"), with_keys=True)

    def alike_or_asked(self, count, with_keys):
        text, space, expected = self.text, self.operand(0), self.operand(1)
        same = self.test(count, self.call("PyDict_Size", space, result="i64"), "i64")
        text.store("i64", 0, "%position")
        with text.loop("k", 0, text.let("count", f"select i1 {same}, i64 {count}, i64 0"), carry=[("i1", same)]) as k:
            self.call("PyDict_Next", space, "%position", "%key", "%value", result="i32")
            alike = self.test(text.load("ptr", "%value"), self.item(expected, text.add(k, count) if with_keys else k))
            if with_keys:
                alike = text.let("same", f"and i1 {alike}, {self.test(text.load('ptr', '%key'), self.item(expected, k))}")
            k.carry(text.let("same", f"and i1 {alike}, {k.values[0]}"))
        with text.when(text.let("other", f"xor i1 {k.values[0]}, true")):
            function = self.operand(2)
            self.need(function, "null", word="ne")
            self.ask(function)

    def asked(self):
        """function: it says that all is well."""
        self.ask(self.operand(0))

    def denied(self):
        """function: it says no."""
        self.ask(self.operand(0), 0)

    def ask(self, function, expected=1):
        """A call of Python from here: it may do anything, but nothing was done yet."""
        said = self.sound(self.call("PyObject_CallNoArgs", function))
        well = self.call("PyObject_IsTrue", said, result="i32")
        self.call("Py_DecRef", said, result="void")
        self.need(well, expected, "i32")

    def modes(self):
        """thing, "__dict__": from here on ``mode`` rows look in its attributes. They are another dict in each thread."""
        found = self.sound(self.call("PyObject_GetAttr", self.operand(0), self.operand(1)))
        self.call("Py_DecRef", found, result="void")  # the thread holds it
        self.text.store("ptr", found, "%modes")

    def mode(self):
        """name, value, default: the attribute is that value; where there is none it counts as the default."""
        found = self.call("PyDict_GetItem", self.text.load("ptr", "%modes"), self.operand(0))
        missing = self.test(found, "null")
        self.need(self.text.let("value", f"select i1 {missing}, ptr {self.operand(2)}, ptr {found}"), self.operand(1))

    def leaf(self):
        """leaf, 0 or 1: whether it has a gradient."""
        has = self.test(self.part(self.operand(0), self.at.grad), self.constant("none"), word="ne")
        self.need(self.text.let("has", f"zext i1 {has} to i64"), self.operand(1, "i64"), "i64")

    def gradients(self):
        """leaves, tensors, arrays, lists: each leaf has its tensor as gradient, that its array; and nobody else holds these."""
        leaves, tensors, arrays = [self.operand(k) for k in range(3)]
        with self.text.loop("k", 0, self.part(leaves, SIZE, "i64")) as k:
            tensor, array = self.item(tensors, k), self.item(arrays, k)
            self.need(self.part(self.item(leaves, k), self.at.grad), tensor)
            self.need(self.part(tensor, KIND), self.constant("tensor"))
            self.need(self.part(tensor, self.at.array), array)
            for thing in (tensor, array):
                self.need(self.text.load("i32", thing), ALONE, "i32")

    # -------------------------------------------------------------------------------------------------------- arguments

    def count(self):
        """number, number: so many arguments by position, and so many by name."""
        self.need(self.part("%args", KIND), self.constant("tuple"))
        self.need(self.part("%args", SIZE, "i64"), self.operand(0, "i64"), "i64")
        self.need(self.call("PyDict_Size", "%kwargs", result="i64"), self.operand(1, "i64"), "i64")

    def argument(self):
        """The argument that the first operand is the number of; or if the last one is a name, the one of that name."""
        text, name = self.text, self.operand(4)
        by_name = self.test(name, "null", word="ne")
        with text.when(by_name):
            text.store("ptr", self.call("PyDict_GetItem", "%kwargs", name), "%value")
        by_place = text.at(text.at("%args", self.at.element, "i8"), self.operand(0, "i64"), "ptr")
        found = text.load("ptr", text.let("place", f"select i1 {by_name}, ptr %value, ptr {by_place}"))
        self.need(found, "null", word="ne")
        return found

    def kept(self):
        """k, object, 0, 0, name: argument k, or that of the name, is that object."""
        self.need(self.argument(), self.operand(1))

    def given(self):
        """k, facts, owners, register, name: argument k is a tensor without history, as the facts say, in nobody's memory of these.

        facts: the number of dims, dtype, shape, strides.   owners: how many, and the arrays whose memory the program writes to.
        """
        x, facts = self.argument(), self.operand(1)
        self.need(self.part(x, KIND), self.constant("tensor"))
        array = self.part(x, self.at.array)
        self.need(self.part(array, KIND), self.constant("array"))
        ndim = self.element(facts, 0, "i64")
        self.need(self.text.let("ndim", f"zext i32 {self.part(array, NDIM, 'i32')} to i64"), ndim, "i64")
        self.need(self.part(array, DTYPE), self.element(facts, 1))
        shape, strides = self.part(array, SHAPE), self.part(array, STRIDES)
        expected = self.text.at(facts, 2, "i64")
        with self.text.loop("d", 0, ndim) as d:
            self.need(self.element(shape, d, "i64"), self.element(expected, d, "i64"), "i64")
            stride = self.element(expected, self.text.add(d, ndim), "i64")
            self.need(self.element(strides, d, "i64"), stride, "i64")
        self.without_history(x)
        owner, owners = self.owner(array), self.operand(2)
        with self.text.loop("k", 0, self.element(owners, 0, "i64")) as k:
            self.need(owner, self.element(owners, self.text.add(k, 1)), word="ne")
        self.call("Py_IncRef", array, result="void")
        self.hold(array, 3)

    def without_history(self, x):
        """A tensor that wants no gradient; if it is a view, nor did its base ever."""
        none = self.constant("none")
        self.need(self.part(x, self.at.node), none)
        view = self.part(x, self.at.view)
        with self.text.when(self.test(view, none, word="ne")):
            self.need(self.part(view, self.at.seen), none)
            self.need(self.part(self.part(view, self.at.base), self.at.node), none)

    def array(self):
        """register, tensor: its array is kept there."""
        array = self.part(self.operand(1), self.at.array)
        self.need(self.part(array, KIND), self.constant("array"))
        self.call("Py_IncRef", array, result="void")
        self.hold(array, 0)

    def alike(self):
        """register, address, number: the array there has the same numbers, in order, as lie at the address, so many bytes."""
        text, size, other = self.text, self.operand(2, "i64"), self.operand(1)
        data, differ = self.part(text.load("ptr", self.register(0)), DATA), 0
        words = text.let("words", f"and i64 {size}, -8")
        for begin, end, step, kind in ((0, words, 8, "i64"), (words, size, 1, "i8")):
            with text.loop("k", begin, end, step, carry=[("i64", differ)]) as k:
                a, b = [text.load(kind, text.at(x, k, "i8"), 1) for x in (data, other)]
                found = text.let("differ", f"xor {kind} {a}, {b}")
                found = text.let("differ", f"zext i8 {found} to i64") if kind == "i8" else found
                k.carry(text.let("differ", f"or i64 {found}, {k.values[0]}"))
            differ = k.values[0]
        self.need(differ, 0, "i64")

    def owner(self, array):
        """The array that owns the memory of another."""
        text, kind = self.text, self.constant("array")
        before, (look, up, end) = text.block, [text.name(hint)[1:] for hint in ("look", "up", "owner")]
        text.do(f"br label %{look}")
        text.open(look)
        at = len(text.lines)
        base = self.part(f"%{end}.array", BASE)
        text.do(f"br i1 {self.test(base, 'null')}, label %{end}, label %{up}")
        text.open(up)
        text.do(f"br i1 {self.test(self.part(base, KIND), kind)}, label %{look}, label %{end}")
        text.lines.insert(at, f"  %{end}.array = phi ptr [ {array}, %{before} ], [ {base}, %{up} ]")
        text.open(end)
        return f"%{end}.array"

    # ------------------------------------------------------------------------------------------------------------- deeds

    def made(self):
        """register, function, its two arguments, node, kind of storage: a tensor on the array that the function makes."""
        array = self.sound(self.call("PyObject_Vectorcall", self.operand(1), self.operand(2), "i64 2", "null"))
        self.text.store("ptr", array, "%spare")  # until the tensor holds it
        storage = self.sound(self.call("PyType_GenericAlloc", self.operand(4), "i64 0"))
        with self.text.when(self.test(self.operand(4), self.constant("storage"))):  # others don't count
            self.call("Py_IncRef", self.constant("zero"), result="void")
            self.text.store("ptr", self.constant("zero"), self.text.at(storage, self.at.version, "i8"))
        tensor = self.sound(self.call("PyType_GenericAlloc", self.constant("tensor"), "i64 0"))
        self.text.store("ptr", "null", "%spare")
        none, node = self.constant("none"), self.operand(3)
        for thing in (node, none, none):
            self.call("Py_IncRef", thing, result="void")
        parts = {
            self.at.array: array, self.at.storage: storage, self.at.node: node, self.at.view: none, self.at.grad: none
        }  # fmt: skip
        for place, thing in parts.items():
            self.text.store("ptr", thing, self.text.at(tensor, place, "i8"))
        self.hold(tensor, 0)

    def point(self):
        """place, register, 0 or 1: the place gets the address of that array, or the tensor's; and the row what was there."""
        place, thing = self.operand(0), self.text.load("ptr", self.register(1))
        self.text.store("ptr", self.text.load("ptr", place), self.text.at("%row", 4, "i64"))
        inner = self.part(thing, self.at.array)
        is_tensor = self.test(self.operand(2, "i64"), 1, "i64")
        self.text.store("ptr", self.text.let("array", f"select i1 {is_tensor}, ptr {inner}, ptr {thing}"), place)

    def restore(self):
        """number: the place gets back what it had before that row, a ``point``."""
        row = self.text.at("%first", self.text.multiply(self.operand(0, "i64"), WIDTH), "i64")
        self.text.store("ptr", self.element(row, 4), self.element(row, 1))

    def run(self):
        """main, pool, table: the program."""
        main, pool, table = [self.operand(k) for k in range(3)]
        self.text.do(f"call void {main}(ptr {pool}, ptr {table})")

    def bump(self):
        """tensor: its memory was written to once more. Numbers that were one object before are one object again."""
        place = self.text.at(self.part(self.operand(0), self.at.storage), self.at.version, "i8")
        old = self.text.load("ptr", place)
        with self.text.when(self.test(old, "null", word="ne")):  # storages of inference mode don't count
            again = self.test(old, self.text.load("ptr", "%old"))
            with self.text.when(again):
                self.call("Py_IncRef", self.text.load("ptr", "%new"), result="void")
            with self.text.when(self.text.let("other", f"xor i1 {again}, true")):
                more = self.text.add(self.call("PyLong_AsLongLong", old, result="i64"), 1)
                self.text.store("ptr", self.call("PyLong_FromLongLong", f"i64 {more}"), "%new")
                self.text.store("ptr", old, "%old")
            self.text.store("ptr", self.text.load("ptr", "%new"), place)
            self.call("Py_DecRef", old, result="void")

    def check(self):
        """place: at the address that is there, there is a 0. Else nothing was written, and the answer in Python looks into it."""
        self.need(self.text.load("i64", self.text.load("ptr", self.operand(0))), 0, "i64")

    def same(self):
        """register, object: that is to be given back."""
        thing = self.operand(1)
        self.call("Py_IncRef", thing, result="void")
        self.hold(thing, 0)

    def number(self):
        """register, array: its one number, a double, is to be given back as a float."""
        value = self.part(self.part(self.operand(1), DATA), 0, "double")
        self.hold(self.sound(self.call("PyFloat_FromDouble", f"double {value}")), 0)

    def gradient(self):
        """register, leaf: the leaf's gradient is to be given back."""
        thing = self.part(self.operand(1), self.at.grad)
        self.call("Py_IncRef", thing, result="void")
        self.hold(thing, 0)

    def back(self):
        """register: that is the answer."""
        thing = self.text.load("ptr", self.register(0))
        self.call("Py_IncRef", thing, result="void")
        self.answer(thing)

    def several(self):
        """register, number: a tuple of so many is the answer."""
        count, first = self.operand(1, "i64"), self.register(0)
        made = self.sound(self.call("PyTuple_New", f"i64 {count}"))
        with self.text.loop("k", 0, count) as k:
            thing = self.element(first, k)
            self.call("Py_IncRef", thing, result="void")
            self.text.store("ptr", thing, self.text.at(self.text.at(made, self.at.element, "i8"), k, "ptr"))
        self.answer(made)

    def answer(self, thing):
        """The end."""
        self.text.store("ptr", thing, "%result")
        self.text.do("br label %end")
        self.text.open(self.text.name("never")[1:])

    # -------------------------------------------------------------------------------------------------------- the whole

    def write(self):
        """The function: row after row, until one is the answer, or doesn't fit; then nothing is held any more."""
        text = self.text
        text.lines.append(declared(*CALLED))
        with text.function("ptr @walk(ptr %self, ptr %arguments, i64 %two)", result="ptr %answer"):
            words = [(name, "i64") for name in ("position", "key", "value", "modes", "old", "new", "result")]
            for name, kind in (("registers", f"[{REGISTERS} x ptr]"), *words):
                text.do(f"%{name} = alloca {kind}")
            text.do(f"%spare = getelementptr ptr, ptr %registers, i64 {REGISTERS - 1}")
            text.do(f"%words = load ptr, ptr {text.at('%self', DATA, 'i8')}")
            used = text.load("i64", "%words")
            with text.loop("k", 0, used) as k:
                text.store("ptr", "null", text.at("%registers", k, "ptr"))
            text.store("ptr", "null", "%spare")
            text.store("ptr", "null", "%old")
            text.do("%args = load ptr, ptr %arguments")
            text.do(f"%kwargs = load ptr, ptr {text.at('%arguments', 1, 'ptr')}")
            text.do(f"%first = getelementptr i64, ptr %words, i64 {1 + len(CONSTANTS)}")
            before = text.block
            text.do("br label %walk")
            text.open("walk")
            text.do(f"%row = phi ptr [ %first, %{before} ], [ %row.next, %done ]")
            kind = text.load("i64", "%row")
            cases = " ".join([f"i64 {k}, label %row.{name}" for k, name in enumerate(ROWS)])
            text.do(f"switch i64 {kind}, label %miss [ {cases} ]")
            for name in ROWS:
                text.open(f"row.{name}")
                getattr(self, name)()
                text.do("br label %done")
            text.open("done")
            text.do(f"%row.next = getelementptr i64, ptr %row, i64 {WIDTH}")
            text.do("br label %walk")
            self.write_end(used)
        return str(text)

    def write_end(self, used):
        """What all that ends comes to."""
        text = self.text
        text.open("error")
        text.store("ptr", "null", "%result")
        text.do("br label %end")
        text.open("miss")
        miss = self.constant("miss")
        self.call("Py_IncRef", miss, result="void")
        text.store("ptr", miss, "%result")
        text.do("br label %end")
        text.open("end")
        with text.loop("k", 0, used) as k:
            self.let_go(text.load("ptr", text.at("%registers", k, "ptr")))
        self.let_go(text.load("ptr", "%spare"))
        text.do("%answer = load ptr, ptr %result")

    def let_go(self, thing):
        """Hold an object no more, if there is one."""
        with self.text.when(self.test(thing, "null", word="ne")):
            self.call("Py_DecRef", thing, result="void")


ROWS = (
    "named", "size", "cell", "part_of", "first", "version", "items", "values", "entries", "asked", "denied", "modes", "mode", "leaf",
    "gradients", "count", "kept", "given", "array", "alike", "made", "point", "restore", "run", "check", "bump", "same",
    "number", "gradient", "back", "several",
)  # fmt: skip
"""The kinds, by number."""


@lru_cache(None)
def walker():
    """The library with the function ``walk``; None where native code can't look at objects."""
    if places() is None:
        return None
    return load([object_of(Walk().write(), host(), "vectors")], python_symbols(*CALLED))


EXPECTED.append(lambda: job_of(Walk().write(), host(), "vectors") if places() is not None else None)
