"""Convolutions in machine code, one kernel for each shape: what convolution.py uses for all but small work.

A kernel is compiled when its shape is first met, in some hundredths of a second, and kept on disk (native/cache.py). So
that images of ever new sizes don't compile for ever, a layer gets kernels for its first ``SHAPES`` shapes only.

What is used depends on shapes alone, never on time or on what the cache holds: the same program gives the same bits.
"""

from functools import lru_cache

from ..native.convolution import forward_text, input_gradient_text, supports
from ..native.convolution_geometry import Conv
from ..native.convolution_product import is_product, product_text
from ..native.convolution_weight import weight_gradient_text
from ..native.kernel import Kernel, code_of, preamble
from ..native.link import host
from ..native.vectors import Vectors
from .keeping import keep_freed_memory

__all__ = ["KINDS", "conv_kernel"]

KINDS = {"f": "float", "d": "double"}
"""NumPy's dtype.char → LLVM's kind."""

SHAPES = 8

TEXTS = {"forward": forward_text, "input": input_gradient_text, "weight": weight_gradient_text}

met: dict = {}
"""The layers: (weight's shape, geometry, kind) → the shapes of input that they met."""


@lru_cache(1024)
def conv_kernel(way, x_shape, weight_shape, geometry, char, bias=False):
    """What computes a convolution, "forward", or its gradient of "input" or "weight": a function of the three arrays, the
    one to fill last, and of the bias; all contiguous. None if there can be none."""
    stride, padding, dilation, groups = geometry
    if char not in KINDS:
        return None
    conv = Conv(
        x_shape[0], x_shape[1], weight_shape[0], x_shape[2:], weight_shape[2:], stride, tuple([before for before, _ in padding]),
        dilation, groups, KINDS[char], tuple([after for _, after in padding]),
    )  # fmt: skip
    shapes = met.setdefault((weight_shape, geometry, char), set())
    if x_shape not in shapes and (len(shapes) >= SHAPES or not supports(conv)):
        return None
    shapes.add(x_shape)
    keep_freed_memory()
    try:
        return Kernel(code_of(lambda: written(way, conv, bias), "convolution", way, conv, bias), 4 if bias else 3)
    except ImportError:
        return None


def written(way, conv, bias):
    """The Code of a convolution for this machine."""
    if bias and is_product(conv):
        found = preamble("ABCD") + "\n  %BIAS = getelementptr i8, ptr %D, i64 0"
        return product_text(way, "kernel", conv, host(), found, bias=True)
    more = {"epilogue": adding_bias(conv)} if bias else {}
    return TEXTS[way]("kernel", conv, host(), preamble("ABCD" if bias else "ABC"), **more)


def adding_bias(conv):
    """An epilogue: D, a number for each output channel, added to what was just computed, while it is in the cache."""
    lanes, out = host().lanes(conv.kind), conv.out
    row = out[1] * out[2] if out[0] > 1 else out[2]
    plane = out[0] * out[1] * out[2]

    def epilogue(text, image, c0, c1, r0, r1):
        v = Vectors(text, conv.kind, lanes)
        begin, end = text.multiply(r0, row), text.multiply(r1, row)
        whole = text.add(begin, text.multiply(text.divide(text.subtract(end, begin), lanes)[0], lanes))
        with text.loop("c", c0, c1) as c:
            number = text.load(conv.kind, text.at("%D", c, conv.kind))
            everywhere = v.spread(number)
            channel = text.add(text.multiply(image, conv.outputs), c)
            start = text.at("%C", text.multiply(channel, plane), conv.kind)
            with text.loop("i", begin, whole, lanes) as i:
                place = text.at(start, i, conv.kind)
                v.store(v.add(v.load(place), everywhere), place)
            with text.loop("i", whole, end) as i:
                place = text.at(start, i, conv.kind)
                total = text.let("y", f"fadd {conv.kind} {text.load(conv.kind, place)}, {number}")
                text.store(conv.kind, total, place)

    return epilogue
