"""What follows a product is done with it, before a number goes to memory: on a GPU by the library in the same call, on a CPU by
its tiles (a bias and relu, where no loop follows anyway).

    %3 = matmul %0 %1
    %4 = reshape %3                         %3 = matmul+bias+relu %0 %1 %2
    %5 = add %4 %2                   →      %6 = reshape %3
    %6 = relu %5
    return %6                               return %6

A bias is added to each row, a matrix of the same shape (what goes past a residual block, another gradient) to it all; then comes
relu, and the rounding to a narrow type. So a product of bfloat16 with a bias is stored in two bytes a number, not in four, for
the next kernel to add to. What is added should be in memory anyway, or its kernel had to write it for the product to read.

torch: torch/_inductor/fx_passes/post_grad.py (addmm), ATen/native/cuda/Blas.cpp (addmm_out_cuda_impl)
"""

from dataclasses import dataclass, replace

from .. import primitives as rows
from ..backends.matrices import laid
from ..tables import windows
from .access import accesses, contiguous, is_contiguous
from .attention import ATTENDING
from .gather_scatter import Row
from .graph import Graph, Step, Value

__all__ = ["FINISHED", "SMALL", "finished"]

SMALL = 1 << 16
"""Multiplications up to which a tile of our own is as good as the library."""
ALONE = (rows.matmul, *ATTENDING, windows.conv, windows.conv_input_grad, windows.conv_weight_grad)
"""Rows that are kernels of their own: their results are in memory."""


def finishing(bias, adds, relu):
    """The row of a product with what follows it: x y + bias + other, perhaps its positive part, in a dtype."""

    def forward(xp, x, y, *rest):
        *more, dtype = rest
        x, y, *more = [xp.widen(a) if xp.dtype_of(a).name in xp.NARROW else a for a in (x, y, *more)]
        out = xp.matmul(x, y)
        for a in more:
            out = xp.add(out, a)
        return xp.cast(xp.relu(out) if relu else out, dtype)

    return Row("+".join(["matmul", *["bias"] * bias, *["add"] * adds, *["relu"] * relu]), forward)


FINISHED = {
    finishing(*what): what for what in ((b, a, r) for b in (True, False) for a in (True, False) for r in (True, False)) if any(what)
}  # fmt: skip
"""Each such row → (whether a bias is added, whether a matrix is, whether relu follows)."""


@dataclass(frozen=True)
class End:
    """How far a product goes: up to ``value``.   bias, other: what is added;   passed: the Values before."""

    value: Value
    bias: Value | None = None
    other: Value | None = None
    relu: bool = False
    passed: tuple = ()

    def on(self, value, **more):
        """The same, one step further."""
        return replace(self, value=value, passed=(*self.passed, self.value), **more)


def finished(graph, strides, into, on_gpu=True):
    """The graph, whose products do what follows them.

    strides: of the inputs that don't lie in order.   into: the outputs that go to where an input is: a call can't be told to
    leave those as they are, if a check finds something.

    A processor's products do only what would be a loop of its own else, and add no matrix: loops read one quicker than tiles do.

    >>> from minitorch.compiler.simplify import dead, simplify
    >>> from minitorch.compiling.tracing import traced
    >>> graph = simplify(traced(lambda x, w, b: (x @ w + b).relu(), torch.ones(64, 256), torch.ones(256, 64), torch.ones(64)))
    >>> print(dead(finished(graph, {}, [], on_gpu=False)))
    %0: float32[64, 256], %1: float32[256, 64], %2: float32[64]
    %3: float32[64, 64] = matmul+bias+relu %0 %1 %2 {float32}
    return %3
    """
    search = Search(graph, accesses(graph, strides), into, on_gpu)
    ends = {}
    for step in graph.steps:
        end = search.end(step) if step.row is rows.matmul else None
        if end is not None:
            ends[end.value] = step, end
            search.stored.add(end.value)
    gone = {x for _, end in ends.values() for x in end.passed}
    steps: list = []
    for step in graph.steps:
        if step.out in ends:
            steps += written(*ends[step.out])
        elif step.out not in gone:
            steps.append(step)
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def written(step, end):
    """The steps that come where the path of a product ends."""
    row = next(row for row, what in FINISHED.items() if what == (end.bias is not None, end.other is not None, end.relu))
    shape, dtype, added, steps = step.out.shape, end.value.dtype, [end.bias, end.other], []
    if end.other is not None and end.other.shape != shape:
        added[1] = Value(shape, dtype)
        steps.append(Step(rows.reshape, (end.other,), (shape,), added[1], step.line))
    out = end.value if end.value.shape == shape else Value(shape, dtype)
    steps.append(Step(row, (*step.inputs, *[x for x in added if x is not None]), (dtype,), out, step.line))
    if out is not end.value:
        steps.append(Step(rows.reshape, (out,), (end.value.shape,), end.value, step.line))
    return steps


class Search:
    """made: Value → its step;   readers: Value → the steps that read it;   stored: what is in memory anyway.

    first: Value → the first step that computes something of its memory.
    """

    def __init__(self, graph, found, into, on_gpu):
        self.on_gpu, self.found, self.readers, self.first = on_gpu, found, {}, {}
        self.made = {step.out: step for step in graph.steps}
        for step in graph.steps:
            for x in step.reads:
                self.readers.setdefault(x, []).append(step)
                if found[step.out].base is step.out:
                    self.first.setdefault(found[x].base, step)
        self.kept = {*graph.outputs, *[x for x, *_ in graph.checks]}
        self.into = {found[x].base for x in into}
        self.stored = {*graph.inputs, *[step.out for step in graph.steps if step.row in ALONE]}

    def end(self, step):
        """The last End that the library can compute, or None."""
        end, last = End(step.out) if self.called(step) else None, None
        while end is not None:
            last = self.possible(end) or last
            end = self.next(end, step.inputs[0].dtype)
        return last

    def called(self, step):
        """Whether a product is the library's."""
        *batch, m, n = step.out.shape
        k = step.inputs[0].shape[-1]
        strides = [self.found[x].broadcast((*batch, *x.shape[-2:])).strides for x in step.inputs]
        return m * n * k > SMALL and laid(batch, (m, n, k), [*strides, contiguous(step.out.shape)]) is not None

    def next(self, end, narrow):
        """The End behind the only step that reads a value, or None.   narrow: what factors are, and results may be rounded to."""
        x, reader = end.value, self.only_reader(end.value)
        if reader is None or reader.out.shape[-1:] != x.shape[-1:]:
            return None
        rounds = self.on_gpu and reader.row is rows.cast and x.dtype is not narrow and reader.out.dtype is narrow
        if reader.row is rows.reshape or rounds:
            return end.on(reader.out)
        if reader.row is rows.relu and not end.relu:
            return end.on(reader.out, relu=True)
        if reader.row is rows.cast and x.dtype is narrow and not end.relu:
            return self.rounded_before(end, reader, narrow)
        if reader.row is rows.add and reader.out.shape == x.shape and not end.relu:
            return self.adding(end, *[y for y in reader.inputs if y is not x], reader.out)
        return None

    def rounded_before(self, end, cast, narrow):
        """The End behind relu of what was rounded: to round and to take the positive part may change places."""
        relu = self.only_reader(cast.out)
        last = None if relu is None or relu.row is not rows.relu else self.only_reader(relu.out)
        if last is None or last.row is not rows.cast or last.out.dtype is not narrow:
            return None
        return end.on(cast.out).on(relu.out, relu=True).on(last.out)

    def adding(self, end, other, out):
        """The End behind a sum, if ``other`` is a vector for each row, or as large as the product."""
        if other.__class__ is not Value:
            return None
        if end.bias is None and other.size == out.shape[-1] and other.shape[-1:] == out.shape[-1:]:
            return end.on(out, bias=other)
        return end.on(out, other=other) if self.on_gpu and end.other is None and other.shape == out.shape else None

    def only_reader(self, x):
        """The step that reads a Value, if it is the only one, and reads it once."""
        readers = self.readers.get(x, ())
        return readers[0] if len(readers) == 1 and x not in self.kept else None

    def possible(self, end):
        """The End, with what is added in the dtype of the result; None if that isn't in memory so, or if there is nothing to do."""
        base = self.found[end.value].base
        if base in self.into or (end.bias is None and end.other is None and not end.relu):
            return None
        if not self.on_gpu and self.goes_on(base):
            return None
        bias, other = [self.in_dtype(x, end.value.dtype) for x in (end.bias, end.other)]
        if (bias is None) is not (end.bias is None) or (other is None) is not (end.other is None):
            return None
        if bias is not None and self.found[bias].strides[-1] != 1:
            return None
        if other is not None and not (is_contiguous(self.found[other]) and self.lies(other)):
            return None
        return replace(end, bias=bias, other=other)

    def goes_on(self, value):
        """Whether a loop follows, in which there is room for more."""
        step = self.first.get(value)
        return step is not None and step.row not in ALONE and step.row.kind in ("elementwise", "reduction")

    def in_dtype(self, x, dtype):
        """A Value as it was before it was widened, if that is its dtype."""
        if x is None or x.dtype is dtype:
            return x
        step = self.made.get(x)
        return step.inputs[0] if step is not None and step.row is rows.cast and step.inputs[0].dtype is dtype else None

    def lies(self, x):
        """Whether a Value is in memory even if no product reads it: others make it so, or several read it."""
        base = self.found[x].base
        return base in self.stored or len(self.readers.get(base, ())) > 1
