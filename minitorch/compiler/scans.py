"""Running sums and products: a loop that stores its total at every turn.

    %1 = cumsum %0 {1}   (32, 64, 16) float32     →     %2 = running_sum %0 {1}   float64;   %1 = cast %2

Such a step runs along one dim of the kernel's space as a reduction does, and gives a number for each point as an elementwise
step does. Down columns, many run side by side, and what is computed before and after joins them. Along the last dim a row's
numbers wait for each other: there a kernel does nothing but this, so that LLVM makes vectors of the rest.

Single precision adds up in double, integers in int64, as eager mode's.

torch: aten/src/ATen/native/cpu/ReduceOpsKernel.cpp (cumsum_cpu_kernel); torch/_inductor has them for GPUs (associative_scan)
"""

import math

from .. import primitives as rows
from ..dtypes import bool as bool_dtype
from ..dtypes import float32, float64, int32, int64
from .decompositions import Writer
from .gather_scatter import Row
from .graph import Graph

__all__ = ["RUNNING", "along_rows", "has_scans", "running"]

SUM = Row("running_sum", lambda xp, x, dim: xp.cumsum(xp.cast(x, WIDE[x.dtype.name]), dim), "scan")
PRODUCT = Row("running_product", lambda xp, x, dim: xp.cumprod(xp.cast(x, WIDE[x.dtype.name]), dim), "scan")
RUNNING = {SUM: "add", PRODUCT: "mul"}
"""Row → how a number joins its total."""

SCANS = {rows.cumsum: SUM, rows.cumprod: PRODUCT}
WIDE = {x.name: wide for wide, kinds in {float64: (float32, float64), int64: (bool_dtype, int32, int64)}.items() for x in kinds}


def running(graph):
    """The graph with what eager mode's scans are made of.

    >>> from minitorch.compiling.tracing import traced
    >>> print(running(traced(lambda x: x.cumsum(0), torch.ones(3, 2))))
    %0: float32[3, 2]
    %1: float64[3, 2] = running_sum %0 {0}
    %2: float32[3, 2] = cast %1 {float32}
    return %2
    """
    steps = []
    for step in graph.steps:
        scan, wide = SCANS.get(step.row), WIDE.get(step.inputs[0].dtype.name) if step.row in SCANS else None
        if wide is None or not step.out.size or not step.out.ndim:
            steps.append(step)
            continue
        (x,), dim = step.inputs, step.params[0] % step.out.ndim
        w = Writer(step.line)
        if x.shape[dim] == 1:
            w.step(rows.cast, (x,), (step.out.dtype,), x.shape, step.out.dtype, step.out)
        elif wide is step.out.dtype:
            w.step(scan, (x,), (dim,), x.shape, wide, step.out)
        else:
            w.step(rows.cast, (w.step(scan, (x,), (dim,), x.shape, wide),), (step.out.dtype,), x.shape, step.out.dtype, step.out)
        steps += w.steps
    return Graph(graph.inputs, steps, graph.outputs, graph.checks)


def has_scans(kernel):
    """Whether a kernel has running totals."""
    return any([step.row in RUNNING for step in kernel.steps])


def along_rows(kernel):
    """Whether a kernel has running totals along the last of its dims."""
    return has_scans(kernel) and math.prod(kernel.shape[max(kernel.reduced) + 1 :]) == 1
