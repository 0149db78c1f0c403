"""Arrays of 16-bit numbers made float32, and the other way, as kernels for any length: ``narrow.py`` number by number, in vectors.

torch: ATen/native/cpu/CopyKernel.cpp
"""

from functools import lru_cache

from .gemm import Code
from .kernel import Kernel
from .mathematics import KINDS
from .narrow import NARROW, narrowed, widened
from .text import Text

__all__ = ["conversion"]

BLOCK = 1 << 14
"""Elements in a chunk."""


def conversion_text(source, target):
    """The kernel of a conversion between float32 and a type of 16 bits, as text."""
    text = Text()
    with text.function("void @kernel(ptr %p, ptr %scratch, i64 %begin, i64 %end)"):
        x, out = (text.load("ptr", text.at("%p", 2 + k, "ptr")) for k in range(2))
        length = text.load("i64", text.at("%p", 6, "i64"))
        with text.loop("i", text.multiply("%begin", BLOCK), text.minimum(text.multiply("%end", BLOCK), length)) as i:
            number = text.load(KINDS[source], text.at(x, i, KINDS[source]))
            number = narrowed(text, number, target) if target in NARROW else widened(text, number, source)
            text.store(KINDS[target], number, text.at(out, i, KINDS[target]))
    return str(text)


@lru_cache(None)
def conversion(source, target):
    """``convert(x, out)`` for contiguous arrays of the two dtypes, by their names; None where there is no compiler.

    >>> import numpy
    >>> x, out = numpy.array([1.5, -2], "float16"), numpy.empty(2, "float32")
    >>> conversion("float16", "float32")(x, out)
    >>> out.tolist()
    [1.5, -2.0]
    """
    try:
        kernel = Kernel(Code(conversion_text(source, target), None, None, 0), 2, "loops", 3)
    except ImportError:
        return None

    def convert(x, out):
        chunks = -(-x.size // BLOCK)
        kernel(x, out, words=(chunks, max(1, chunks // 8), x.size), shared=chunks > 8)

    return convert
