"""What native code asks of the arrays that it is given, where Python enters it (entry.py).

    asking = Asking(text, 3)                      inside the function, that is to be bound to ``words``
    asking.array("%x", ALIGNED | CONTIGUOUS)      None is returned to Python from here unless x is such an array
    rows = asking.size("%x", 0)

An array object keeps what there is to know of it at fixed places (PyArrayObject_fields in NumPy's ndarraytypes.h); whether
it does is asked once, in ``backends/small.py``.
"""

from .entry import DATA

__all__ = ["ALIGNED", "Asking", "CONTIGUOUS", "WRITEABLE"]

CLASS, RANK, SIZES, STRIDES, DTYPE, FLAGS = DATA - 8, DATA + 8, DATA + 16, DATA + 24, DATA + 40, DATA + 48
"""Where the class lies, the number of dims, the addresses of the sizes and of the strides, the dtype and the flags."""

CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400
"""NumPy's flags of an array."""


class Asking:
    """Writes questions into a function ``ptr @f(ptr %self, ptr %arguments, i64 %count)`` of so many arguments.

    It is bound to the addresses of NumPy's class of arrays, of a dtype, and of None: ``words``.
    """

    def __init__(self, text, count):
        self.text = text
        words = text.load("ptr", text.at("%self", DATA, "i8"))
        self.array_class, self.dtype, self.none = [text.load("ptr", text.at(words, k, "ptr")) for k in range(3)]
        self.expect("i64", "%count", count)
        self.given = [text.load("ptr", text.at("%arguments", k, "ptr")) for k in range(count)]

    def expect(self, kind, found, value):
        """Return None to Python unless what was found is the value."""
        with self.text.when(self.text.let("other", f"icmp ne {kind} {found}, {value}")):
            self.answer(self.none)

    def field(self, kind, x, where):
        return self.text.load(kind, self.text.at(x, where, "i8"))

    def array(self, x, rank, flags):
        """``x`` must be an array of that dtype, with so many dims, that has these flags."""
        self.expect("ptr", self.field("ptr", x, CLASS), self.array_class)
        self.expect("ptr", self.field("ptr", x, DTYPE), self.dtype)
        self.expect("i32", self.field("i32", x, RANK), rank)
        self.expect("i32", self.text.let("flags", f"and i32 {self.field('i32', x, FLAGS)}, {flags}"), flags)

    def size(self, x, dim):
        """The size of a dim of an array."""
        return self.field("i64", self.field("ptr", x, SIZES), 8 * dim)

    def stride(self, x, dim):
        """The bytes from one element to the next."""
        return self.field("i64", self.field("ptr", x, STRIDES), 8 * dim)

    def data(self, x):
        """The address of an array's first element."""
        return self.field("ptr", x, DATA)

    def answer(self, x):
        """Return an object from here."""
        self.text.do(f"call void @Py_IncRef(ptr {x})")
        self.text.leave(f"ptr {x}")
