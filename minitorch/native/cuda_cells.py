"""A step of a recurrent layer's formula (cells.py) as a kernel for a GPU: a thread for each hidden number of each sequence.

    ("i", "sigmoid", "zi")     →     const float t0 = 1 / (1 + exp(-a2));

The product of the step isn't in it: that is the library's.   torch: ATen/native/cuda/RNN.cu
"""

from .cuda import PRELUDE, constant, spell

__all__ = ["THREADS", "cell_text"]

THREADS = 256


def cell_text(step, planes, kind):
    """(text, names of the arrays that it takes) of a Pass: ``cell(arrays…, start, count, rows, batch, hidden)``.

    start, count: the step's first row and how many sequences it has;   rows: of the packed sequences;   batch: how many there are.
    """
    places, steps, stores = step.formula(planes)
    arrays, lines = list(dict.fromkeys([place.array for place in places])), []
    for k, place in enumerate(places):
        index = {"row": "start + sequence", "sequence": "sequence", "all": "0", "state": "rows + sequence"}[place.by]
        if place.array == "planes":
            index = f"(rows + batch) * {place.plane} + {index}"
        lines.append(f"{kind}* const p{k} = {place.array} + (({index}) * {place.width} + {place.part}) * hidden + column;")
    read = {x for _, operands in steps for x in operands} | {x for _, x in stores}
    lines += [f"const {kind} a{k} = *p{k};" for k in range(len(places)) if f"a{k}" in read]
    for k, (row, operands) in enumerate(steps):
        values = [x if x.__class__ is str else constant(x, kind) for x in operands]
        lines.append(f"const {kind} t{k} = {spell(row, kind, values)};")
    lines += [f"*p{k} = {x};" for k, x in stores]
    words = [f"int64 {name}" for name in ("start", "count", "rows", "batch", "hidden")]
    parameters = ", ".join([*[f"{kind}* {name}" for name in arrays], *words])
    body = "\n    ".join([
        f"const int64 i = int64(blockIdx.x) * {THREADS} + threadIdx.x, sequence = i / hidden, column = i % hidden;",
        "if (i >= count * hidden) return;", *lines,
    ])  # fmt: skip
    text = f'extern "C" __global__ void __launch_bounds__({THREADS}) cell({parameters}) {{\n    {body}\n}}\n'
    return PRELUDE + text, arrays
