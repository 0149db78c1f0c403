"""Matrix products and convolutions: ours, PyTorch's and NumPy's, in GFLOP/s, and as a share of what this core can do.

    .venv/bin/python bench/products.py                          # one thread and two, about six minutes
    .venv/bin/python bench/products.py --threads 1 --only conv

Each library has a process of its own, and they take short rounds in turn. A figure is the best round: others on the machine
only ever add time. With one thread it is the processor's time and not the clock's, so a busy machine hardly changes it.
The peak is what a loop of independent multiply-adds on registers reaches, on one core.

A row of products is ``m x n x k``, then n or t for A, n or t for B (transposed), and a dtype if it isn't float32: "nt" is a Linear
layer's forward. Sums of bfloat16 are float32; PyTorch rounds them.
"""

import argparse
import ctypes
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PRODUCTS = [
    "32x64x64 nt", "100x16x16 nt", "128x256x784 nt", "256x784x128 tn", "128x10x256 nt", "10x256x128 tn",
    "768x512x128 nt", "768x128x512 nt", "768x128x512 nn", "128x512x768 tn", "48*64x64x32 nt", "48*64x32x64 nn",
    "64x128x9216 nt", "64x9216x128 nn", "128x9216x64 tn", "32x512x128 nt", "512x128x32 tn", "1x512x128 nt",
    "512x512x512 nn", "1024x1024x1024 nn", "1024x1024x1024 nt", "1024x1024x1024 tn",
    "1x4096x4096 nt", "1x4096x4096 nn", "3x1024x1024 nt", "8x512x2048 nt", "8x4096x4096 nt", "16x64x65536 nt", "65536x64x16 nn",
    "4096*3x3x3 nn", "513x513x513 nn", "768x50257x128 nt", "512x512x512 nt int64", "128x256x784 nt float64", "128x256x784 nt bfloat16",
    "256x784x128 tn bfloat16", "768x512x128 nt bfloat16", "1024x1024x1024 nn bfloat16", "8x4096x4096 nt bfloat16",
    "1024x1024x8 nn", "1024x1024x16 nn", "2048x512x8 nt", "512x512x1 nn",
]  # fmt: skip

#             batch, channels, outputs, size, kernel, stride, padding, dilation, groups
CONVOLUTIONS = {
    "MNIST 1-32, 28": (64, 1, 32, (28, 28), (3, 3)),
    "MNIST 32-64, 26": (64, 32, 64, (26, 26), (3, 3)),
    "3-16, 32": (32, 3, 16, (32, 32), (3, 3), (1, 1), (1, 1)),
    "16-16, 32": (32, 16, 16, (32, 32), (3, 3), (1, 1), (1, 1)),
    "16-32, 32, stride 2": (32, 16, 32, (32, 32), (3, 3), (2, 2), (1, 1)),
    "32-32, 16": (32, 32, 32, (16, 16), (3, 3), (1, 1), (1, 1)),
    "64-64, 8": (32, 64, 64, (8, 8), (3, 3), (1, 1), (1, 1)),
    "512-512, 4": (32, 512, 512, (4, 4), (3, 3), (1, 1), (1, 1)),
    "512-512, 7": (32, 512, 512, (7, 7), (3, 3), (1, 1), (1, 1)),
    "64-128, 14": (32, 64, 128, (14, 14), (3, 3), (1, 1), (1, 1)),
    "64-64, 16, 1x1": (32, 64, 64, (16, 16), (1, 1)),
    "64, 16, depthwise": (32, 64, 64, (16, 16), (3, 3), (1, 1), (1, 1), (1, 1), 64),
    "3-64, 112, 7x7, stride 2": (2, 3, 64, (112, 112), (7, 7), (2, 2), (3, 3)),
    "64-64, 56, one image": (1, 64, 64, (56, 56), (3, 3), (1, 1), (1, 1)),
    "512-512, 7, one image": (1, 512, 512, (7, 7), (3, 3), (1, 1), (1, 1)),
    "128-256, 28, stride 2": (8, 128, 256, (28, 28), (3, 3), (2, 2), (1, 1)),
    "512-2048, 7, 1x1": (16, 512, 2048, (7, 7), (1, 1)),
    "256-128, 56, 1x1, stride 2": (4, 256, 128, (56, 56), (1, 1), (2, 2)),
    "144, 56, depthwise": (4, 144, 144, (56, 56), (3, 3), (1, 1), (1, 1), (1, 1), 144),
    "768, 7, 7x7, depthwise": (8, 768, 768, (7, 7), (7, 7), (1, 1), (3, 3), (1, 1), 768),
    "6-16, 14, 5x5": (64, 6, 16, (14, 14), (5, 5)),
    "256-256, 28, dilation 4": (2, 256, 256, (28, 28), (3, 3), (1, 1), (4, 4), (4, 4)),
    "128-128, 56, 32 groups": (2, 128, 128, (56, 56), (3, 3), (1, 1), (1, 1), (1, 1), 32),
    "256-512, 8, 4x4, stride 2": (32, 256, 512, (8, 8), (4, 4), (2, 2), (1, 1)),
    "16-16, 28, 256 images": (256, 16, 16, (28, 28), (3, 3), (1, 1), (1, 1)),
    "3-768, 224, patches of 16": (2, 3, 768, (224, 224), (16, 16), (16, 16)),
    "64-2, 128, 1x1": (4, 64, 2, (128, 128), (1, 1)),
    "64-1, 128, 1x1": (4, 64, 1, (128, 128), (1, 1)),
    "144, 56, 5x5, stride 2, depthwise": (4, 144, 144, (56, 56), (5, 5), (2, 2), (2, 2), (1, 1), 144),
    "256, signal of 1000, 31, depthwise": (4, 256, 256, (1000,), (31,), (1,), (15,), (1,), 256),
    "512-192, 26, stride 3": (3, 512, 192, (26, 26), (3, 3), (3, 3), (1, 1)),
    "96-16, 48, patches of 7": (10, 96, 16, (48, 48), (7, 7), (7, 7), (3, 3)),
    "64-16, 7, 5x5": (128, 64, 16, (7, 7), (5, 5), (1, 1), (2, 2)),
    "64-48, 14, 7x7": (3, 64, 48, (14, 10), (7, 7), (1, 1), (1, 1)),
    "512-512, 7, 4x4, 32 groups": (4, 512, 512, (7, 7), (4, 4), (2, 2), (1, 1), (1, 1), 32),
    "256-768, 8, small volume": (1, 256, 768, (8, 8, 8), (3, 3, 3)),
    "64-128, signal of 1000": (16, 64, 128, (1000,), (3,), (1,), (1,)),
    "8-16, 16, volume": (8, 8, 16, (16, 16, 16), (3, 3, 3), (1, 1, 1), (1, 1, 1)),
}
PASSES = ["forward", "input", "weight"]
ROWS = [*PRODUCTS, *(f"conv {name}: {which}" for name in CONVOLUTIONS for which in PASSES)]


def product_of(row):
    """(batch, m, n, k, whether A is transposed, B) of "48*64x64x32 nt"."""
    sizes, way = row.split()[:2]
    batch, sizes = sizes.split("*") if "*" in sizes else ("1", sizes)
    m, n, k = map(int, sizes.split("x"))
    return int(batch), m, n, k, way[0] == "t", way[1] == "t"


def dtype_of(row):
    return (row.split()[2:] or ["float32"])[0]


def convolution_of(row):
    """(the arguments of Conv, which pass)."""
    name, which = row.removeprefix("conv ").rsplit(": ", 1)
    return CONVOLUTIONS[name], which


# ---------------------------------------------------------------------------------------------------------
# Ours

PREAMBLE = "\n  ".join(f"%{x}.at = getelementptr ptr, ptr %p, i64 {i}\n  %{x} = load ptr, ptr %{x}.at" for i, x in enumerate("ABC"))

MAIN = """
declare void @minitorch_parallel(ptr, ptr, ptr, i64, i64)
declare void @kernel(ptr, ptr, i64, i64)
define void @main(ptr %pool, ptr %p) {{
  call void @minitorch_parallel(ptr %pool, ptr @kernel, ptr %p, i64 {chunks}, i64 {grain})
  ret void
}}
"""


def ours(row, threads):
    """(a function that computes it, floating-point operations)."""
    import numpy

    from minitorch.backends.threads import set_num_threads
    from minitorch.native.convolution import forward_text, input_gradient_text
    from minitorch.native.convolution_geometry import Conv
    from minitorch.native.convolution_weight import weight_gradient_text
    from minitorch.native.gemm import Gemm, gemm_text
    from minitorch.native.link import host, load, object_of
    from minitorch.native.mathematics import KINDS
    from minitorch.native.narrow import NARROW
    from minitorch.native.threads import runner, runtime_symbols

    set_num_threads(threads)
    if row.startswith("conv"):
        arguments, which = convolution_of(row)
        conv = Conv(*arguments)
        write = {"forward": forward_text, "input": input_gradient_text, "weight": weight_gradient_text}[which]
        code, flops = write("kernel", conv, host(), PREAMBLE), conv.flops
        x = conv.batch * conv.channels * math.prod(conv.size)
        w = conv.outputs * conv.channels // conv.groups * math.prod(conv.kernel)
        y = conv.batch * conv.outputs * math.prod(conv.out)
        sizes = {"forward": (x, w, y), "input": (y, w, x), "weight": (x, y, w)}[which]
    else:
        batch, m, n, k, *transposed = product_of(row)
        dtype = dtype_of(row)
        narrow = dtype if dtype in NARROW else None
        gemm = Gemm.of(m, n, k, *transposed, batch, kind="float" if narrow else KINDS[dtype], narrow=narrow)
        code, flops = gemm_text("kernel", gemm, host(), PREAMBLE), gemm.flops
        sizes = batch * m * k, batch * k * n, batch * m * n

    objects = [object_of(code.text, host(), "vectors"), object_of(MAIN.format(chunks=code.chunks, grain=code.grain), host())]
    library = load(objects, runtime_symbols())
    run = runner(library.address("main"), code.scratch)
    dtypes = ["float32"] * 3 if row.startswith("conv") else in_memory(dtype_of(row))
    arrays = [aligned(numpy, size, kind) for size, kind in zip(sizes, dtypes)]
    table = (ctypes.c_void_p * 3)(*[array.ctypes.data for array in arrays])
    address = ctypes.addressof(table)
    return lambda kept=(library, arrays, table): run(address), flops


def in_memory(dtype):
    """What A, B and C are as NumPy calls them, which has no name for bfloat16."""
    return ("uint16", "uint16", "float32") if dtype == "bfloat16" else (dtype,) * 3


def aligned(numpy, size, dtype):
    """Random numbers that begin at a cache line, as in a program's arena."""
    room = numpy.random.default_rng(0).standard_normal(size + 32).astype("float32")
    room = (room.view("uint32") >> 16).astype(dtype) if dtype == "uint16" else room.astype(dtype)
    start = -room.ctypes.data % 64 // room.itemsize
    return room[start : start + size]


def peak():
    """GFLOP/s of one core: a loop over 24 independent multiply-adds."""
    from minitorch.native.link import host, link
    from minitorch.native.text import Text
    from minitorch.native.vectors import Vectors

    text, sums = Text(), host().registers - 6
    v = Vectors(text, "float", host().lanes("float"))
    with text.function("void @peak(ptr %p, i64 %n)"):
        x = v.load("%p")
        with text.loop("i", 0, "%n", carry=[(v.type, x)] * sums) as i:
            i.carry(*[v.multiply_add(x, x, value) for value in i.values])
        for number, value in enumerate(i.values):
            v.store(value, text.at("%p", number * v.lanes, "float"))
    library = link(str(text), level="vectors")
    room, turns = (ctypes.c_float * (sums * v.lanes))(), 100_000
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(library.address("peak"))
    best = min(measure(lambda: function(ctypes.addressof(room), turns), time.process_time, 1) for _ in range(30))
    return 2 * turns * sums * v.lanes / best / 1e9


# ---------------------------------------------------------------------------------------------------------
# Theirs


def pytorch(row, threads):
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    if row.startswith("conv"):
        (batch, channels, outputs, size, kernel, *more), which = convolution_of(row)
        ones = (1,) * len(size)
        stride, padding, dilation, groups = (*more, *[ones, (0,) * len(size), ones, 1][len(more) :])
        convolve = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}[len(size)]
        x, w = torch.randn(batch, channels, *size), torch.randn(outputs, channels // groups, *kernel)
        y = convolve(x, w, None, stride, padding, dilation, groups)
        if which == "forward":
            return lambda: convolve(x, w, None, stride, padding, dilation, groups)
        mask = (which == "input", which == "weight", False)
        gradients, settings = torch.ops.aten.convolution_backward, (stride, padding, dilation, False, (0,) * len(size), groups, mask)
        return lambda: gradients(y, x, w, None, *settings)
    batch, m, n, k, *transposed = product_of(row)
    dtype = getattr(torch, dtype_of(row))
    a, b = (torch.randn(batch, *shape).to(dtype) for shape in operands(m, n, k, transposed))
    a, b = (x.transpose(1, 2) if way else x for x, way in zip((a, b), transposed))
    out = torch.empty(batch, m, n, dtype=dtype)
    if batch > 1:
        return lambda: torch.bmm(a, b, out=out)
    a, b, out = a[0], b[0], out[0]
    return lambda: torch.mm(a, b, out=out)


def operands(m, n, k, transposed):
    """The shapes of A and B in memory."""
    return ((k, m) if transposed[0] else (m, k)), ((n, k) if transposed[1] else (k, n))


def numpys(row, threads):
    import numpy

    if row.startswith("conv") or dtype_of(row) == "bfloat16":
        return None
    batch, m, n, k, *transposed = product_of(row)
    generator = numpy.random.default_rng(0)
    a, b = (generator.standard_normal((batch, *shape)).astype(dtype_of(row)) for shape in operands(m, n, k, transposed))
    a, b = (x.transpose(0, 2, 1) if way else x for x, way in zip((a, b), transposed))
    out = numpy.empty((batch, m, n), dtype_of(row))
    if batch == 1:
        a, b, out = a[0], b[0], out[0]
    return lambda: numpy.matmul(a, b, out=out)


# ---------------------------------------------------------------------------------------------------------
# In turn


def measure(run, clock, repeats):
    start = clock()
    for _ in range(repeats):
        run()
    return (clock() - start) / repeats


def side(library, threads):
    """A process: for each line with a row's name it prepares that row, for each line with a number it runs so long."""
    make = {"ours": lambda row, threads: ours(row, threads)[0], "PyTorch": pytorch, "NumPy": numpys}[library]
    clock = time.process_time if threads == 1 else time.perf_counter
    for line in sys.stdin:
        command = json.loads(line)
        if isinstance(command, str):
            run, best = make(command, threads), None
            if run is not None:
                run()
                repeats = max(1, round(0.002 / max(1e-7, measure(run, time.perf_counter, 3))))
        elif run is not None:
            end = time.perf_counter() + command
            while time.perf_counter() < end:
                taken = measure(run, clock, repeats)
                best = taken if best is None else min(best, taken)
        print(json.dumps(best), flush=True)


class Side:
    def __init__(self, library, threads):
        limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, __file__, "--side", library, "--threads", str(threads)]
        environment = {**os.environ, **limits, "PYTHONPATH": path}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


def flops_of(row):
    if row.startswith("conv"):
        from minitorch.native.convolution_geometry import Conv

        return Conv(*convolution_of(row)[0]).flops
    batch, m, n, k, *_ = product_of(row)
    return 2 * batch * m * n * k


def compare(threads, only, rounds, best_possible):
    sides = {library: Side(library, threads) for library in ("ours", "PyTorch", "NumPy")}
    print(f"\n{threads} thread{'s' * (threads > 1)}, GFLOP/s; a core's peak is {best_possible:.0f}")
    print(f"{'':38} {'ours':>7} {'PyTorch':>7} {'NumPy':>7}   of the peak   against PyTorch")
    for row in ROWS:
        if only and only not in row:
            continue
        for each in sides.values():
            each.ask(row)
        for _ in range(rounds):
            found = {library: each.ask(0.1) for library, each in sides.items()}
        speeds = {library: flops_of(row) / seconds / 1e9 if seconds else None for library, seconds in found.items()}
        cells = " ".join(f"{speed:7.1f}" if speed else f"{'':7}" for speed in speeds.values())
        share = speeds["ours"] / best_possible / threads
        print(f"{row:38} {cells}   {share:11.0%}   {speeds['ours'] / speeds['PyTorch']:15.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        return side(arguments.side, arguments.threads[0])
    best_possible = peak()
    for threads in arguments.threads:
        compare(threads, arguments.only, arguments.rounds, best_possible)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
