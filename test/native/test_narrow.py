"""float16 and bfloat16 in native code: every number of theirs widened, and other numbers rounded to them, as NumPy has it."""

import numpy
import pytest

from minitorch.backends import for_device
from minitorch.compiler import Place, build
from minitorch.compiler.graph import Graph, Step, Value, run
from minitorch.device import CPU
from minitorch.dtypes import bfloat16, float16, float32, float64, int64
from minitorch.primitives import cast

XP = for_device(CPU)
XP.quiet()
ALL = numpy.arange(1 << 16, dtype=numpy.uint16)


def every(dtype):
    """All numbers of a narrow type."""
    return ALL.view(XP.array_dtype(dtype))


def between():
    """float64 numbers: what lies halfway between neighbours of either type, just beside that, and what is at the ends."""
    found = [numpy.array([0.0, -0.0, 65519.999, 65520, 1e300, -1e-300, numpy.inf, -numpy.inf, numpy.nan])]
    for dtype in (float16, bfloat16):
        x = numpy.sort(every(dtype).astype(numpy.float64))
        middle = (x[:-1] + x[1:]) / 2
        found += [middle, numpy.nextafter(middle, numpy.inf), numpy.nextafter(middle, -numpy.inf)]
    return numpy.concatenate(found)


SOURCES = {
    "float16": lambda: (every(float16), float16), "bfloat16": lambda: (every(bfloat16), bfloat16), "float64": lambda: (between(), float64),
    "float32": lambda: (between().astype(numpy.float32), float32), "int64": lambda: (numpy.arange(-70000, 70000, 7) << 11, int64),
}  # fmt: skip
CASES = [(source, target) for source in SOURCES for target in (float16, bfloat16)] + [("float16", float32), ("bfloat16", float32), ("bfloat16", float64)]


@pytest.mark.parametrize(("source", "target"), CASES, ids=str)
def test_a_cast_gives_numpys_bits(source, target):
    array, dtype = SOURCES[source]()
    x, out = Value(array.shape, dtype), Value(array.shape, target)
    graph = Graph([x], [Step(cast, (x,), (target,), out)], [out])
    program, (expected,) = build(graph, {}, [Place("output", 0)]), run(graph, [array])
    assert not program.foreign
    got = numpy.empty_like(expected)
    program.call([array], [got])
    bits = f"u{expected.itemsize}"
    odd = numpy.isnan(expected.astype(numpy.float64))
    assert numpy.array_equal(numpy.isnan(got.astype(numpy.float64)), odd)
    assert numpy.array_equal(got.view(bits)[~odd], expected.view(bits)[~odd])
