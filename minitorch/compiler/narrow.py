"""Products of narrow numbers stay products of narrow numbers: that is what a machine is quickest at.

    %2: float32 = cast %0                      (%0, %1: bfloat16)
    %3: float32 = cast %1
    %4: float32 = permute %3            →      %4: bfloat16 = permute %1
    %5: float32 = matmul %2 %4                 %6: bfloat16 = matmul %0 %4
    %6: bfloat16 = cast %5

``simplify`` widens what is computed with narrow types. Products multiply them as they are, half as many bytes, and add up in
float32, to the same result. Where that is rounded at once a GPU stores it so; a processor too, if sums are short: most of the time
goes to memory then. It leaves others to the loop that follows.

torch: ATen/native/cuda/Blas.cpp (gemm_and_bias)
"""

from .. import primitives as rows
from ..dtypes import float32
from ..native.narrow import NARROW
from ..tables import windows
from .graph import Graph, Step, Value, uses_of

__all__ = ["narrow_products"]

PRODUCTS = (rows.matmul, windows.conv, windows.conv_input_grad, windows.conv_weight_grad)
MOVED = (rows.permute, rows.reshape, rows.expand, rows.slice)


def narrow_products(graph, on_gpu=True):
    """The graph, whose products read narrow numbers where they were widened for that. What nobody reads now remains.

    >>> from minitorch.compiler.simplify import dead, simplify
    >>> from minitorch.compiling.tracing import traced
    >>> graph = simplify(traced(lambda x: x @ x, torch.ones(512, 512, dtype=torch.bfloat16)))
    >>> print(dead(narrow_products(graph, on_gpu=False)))
    %0: bfloat16[512, 512]
    %1: float32[512, 512] = matmul %0 %0
    %2: bfloat16[512, 512] = cast %1 {bfloat16}
    return %2
    """
    products = PRODUCTS if on_gpu else PRODUCTS[:1]
    makers, uses, steps = {step.out: step for step in graph.steps}, uses_of(graph), []
    readers = {x: step for step in graph.steps for x in step.reads if uses[x] == 1}
    made: set = set()
    for step in graph.steps:
        sources = [chain(x, makers) for x in step.inputs] if step.row in products and step.out.dtype is float32 else [None]
        if step.out in made:
            continue  # moved or rounded behind a product that is made narrow
        if None in sources or len({path[0].dtype for path in sources}) > 1:
            steps.append(step)
            continue
        inputs = [moved(path, steps) for path in sources]
        *moves, cast = ((on_gpu or short(step)) and rounding(step.out, readers, inputs[0].dtype)) or [step]
        if cast is step:
            steps.append(step.having(inputs))
            continue
        made.update([move.out for move in (*moves, cast)])
        x = Value(step.out.shape, cast.out.dtype) if moves else cast.out
        steps.append(Step(step.row, inputs, step.params, x, step.line))
        for move in moves:
            y = cast.out if move is moves[-1] else Value(move.out.shape, x.dtype)
            steps.append(Step(move.row, (x,), move.params, y, move.line))
            x = y
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


SHORT = 256
"""Numbers of a sum, at most, that a tile adds up without storing anything between."""


def short(step):
    """Whether sums are so short that they are better rounded before they are stored."""
    return step.inputs[0].shape[-1] <= SHORT


def rounding(x, readers, dtype):
    """The steps that move a value and then round it to a narrow dtype, if nobody else sees what is between; else None."""
    path: list = []
    while x in readers and readers[x].row in MOVED:
        path.append(readers[x])
        x = readers[x].out
    last = readers.get(x)
    return [*path, last] if last is not None and last.row is rows.cast and last.out.dtype is dtype else None


def chain(x, makers):
    """[a narrow Value, the steps that move it until it is ``x`` but for its dtype], or None."""
    path: list = []
    while x.__class__ is Value and x in makers and makers[x].row in MOVED:
        path.insert(0, makers[x])
        x = makers[x].inputs[0]
    step = makers.get(x) if x.__class__ is Value else None
    if step is None or step.row is not rows.cast or step.inputs[0].dtype.name not in NARROW:
        return None
    return [step.inputs[0], *path]


def moved(path, steps):
    """The narrow Value, moved."""
    x, *moves = path
    for step in moves:
        steps.append(Step(step.row, (x,), step.params, Value(step.out.shape, x.dtype), step.line))
        x = steps[-1].out
    return x
