"""Elementwise formulas (``formula.py`` says what they are) as kernels for a GPU, for arrays of any length.

    m ← m + w (g - m)       float x0 = a0[i], x1 = a1[i];
                       →    const float t0 = lerped(x0, x1, n0);
                            a0[i] = t0;

Two kinds of kernel: one for arrays of one size, and one that does the same with many rows of arrays in one launch, as an
optimizer needs it: which row a block belongs to, it finds in a list. Numbers are in float64 and rounded where they are used.
Arrays of narrow types are computed with in float32 and rounded once. Nothing is contracted (``cupy_launch.OPTIONS``), so
the bits are those of one kernel for each row.

torch: ATen/native/cuda/CUDALoops.cuh, MultiTensorApply.cuh
"""

from .cuda import NARROW, PRELUDE, SPELLINGS, constant, spell

__all__ = [
    "CHUNK", "Spelling", "THREADS", "WORDS", "broadcast_text", "elementwise_text", "has_words", "loaded", "many_text", "stored",
]  # fmt: skip

THREADS = 256
PACK = 4
"""Elements that a thread takes at once."""
CHUNK = THREADS * PACK
"""Elements that a block of the kernel for many rows takes."""

LONGER = {
    "lerp": "lerped({0}, {1}, {2})", "addcmul": "{0} + {1} * {2} * {3}", "addcdiv": "{0} + {1} / {2} * {3}",
    "add_scaled": "{0} + {1} * {2}", "rsqrt": "1 / sqrt({0})", "square": "{0} * {0}",
    "assign": "{1}",
}  # fmt: skip
"""Rows that are several operations → their spellings."""

WORDS = PRELUDE + r"""
// x + w (y - x) from the nearer end.
template <class T> __device__ inline T lerped(T x, T y, double w) {
    const T difference = y - x;
    return w < 0.5 && w > -0.5 ? x + difference * T(w) : y - difference * T(1 - w);
}
"""
"""What these kernels share."""


def has_words(row):
    """Whether a formula may have this row.

    >>> has_words("lerp"), has_words("sort")
    (True, False)
    """
    return row in LONGER or (row in SPELLINGS and not row.startswith("bitwise"))


def loaded(text, dtype, kind):
    """What lies in memory, as it is computed with."""
    return f"{kind}({text})" if dtype in NARROW else text


def stored(text, dtype):
    """What was computed, as it goes to memory."""
    return f"{dtype}({text})"


class Spelling:
    """The lines that find a formula's values.   known: operand → how it is written."""

    def __init__(self, kind, steps, known):
        self.kind, self.steps, self.known, self.lines = kind, steps, dict(known), []

    def value(self, operand):
        """An operand, with all that it needs before it."""
        if operand.__class__ is not str:
            return constant(operand, self.kind)
        if operand not in self.known:
            row, operands = self.steps[int(operand[1:])]
            self.lines.append(f"const {self.kind} {operand} = {self.expression(row, operands)};")
            self.known[operand] = operand
        return self.known[operand]

    def expression(self, row, operands):
        if row == "lerp":
            x, y, weight = operands
            return LONGER[row].format(self.value(x), self.value(y), weight if weight.__class__ is str else constant(weight, "double"))
        values = [self.value(x) for x in operands]
        return LONGER[row].format(*values) if row in LONGER else spell(row, self.kind, values)


def arrays_read(steps, stores):
    """The numbers of the arrays that a formula reads."""
    operands = [x for _, operands in steps for x in operands] + [x for _, x in stores]
    return sorted({int(x[1:]) for x in operands if x.__class__ is str and x[0] == "a"})


def at_one_place(kind, dtypes, numbers, steps, stores, load, store):
    """The lines for one element: what is read there, computed, and stored. ``load`` and ``store``: how a place is written."""
    read = arrays_read(steps, stores)
    lines = [f"const {kind} x{k} = {loaded(load(k), dtypes[k], kind)};" for k in read]
    known = {f"a{k}": f"x{k}" for k in read} | {f"n{j}": f"{kind}(n{j})" for j in range(numbers)}
    spelling = Spelling(kind, steps, known)
    values = [spelling.value(operand) for _, operand in stores]
    lines += spelling.lines
    return lines + [f"{store(k)} = {stored(x, dtypes[k])};" for (k, _), x in zip(stores, values, strict=True)]


def loops(kind, dtypes, numbers, steps, stores, first, every):
    """The loops over ``size`` elements of a0, a1, …: in packs, if all arrays begin at places for that, and the rest one by one."""
    reads, writes = arrays_read(steps, stores), [k for k, _ in stores]
    packs = {k: f"Pack<{dtypes[k]}, {PACK}>" for k in sorted({*reads, *writes})}
    together = at_one_place(kind, dtypes, numbers, steps, stores, lambda k: f"p{k}.at[v]", lambda k: f"p{k}.at[v]")
    apart = at_one_place(kind, dtypes, numbers, steps, stores, lambda k: f"a{k}[i]", lambda k: f"a{k}[i]")
    return [
        f"const bool aligned = (({' | '.join([f'(int64)a{k}' for k in packs])}) & 15) == 0;",
        f"const int64 packs = aligned ? size / {PACK} : 0;",
        f"for (int64 i = {first}; i < packs; i += {every}) {{",
        *[f"    {pack} p{k}{f' = (({pack}*)a{k})[i]' if k in reads else ''};" for k, pack in packs.items()],
        "    #pragma unroll", f"    for (int v = 0; v < {PACK}; ++v) {{", *[f"        {line}" for line in together], "    }",
        *[f"    (({packs[k]}*)a{k})[i] = p{k};" for k in writes], "}",
        f"for (int64 i = packs * {PACK} + {first}; i < size; i += {every}) {{", *[f"    {line}" for line in apart], "}",
    ]  # fmt: skip


def kernel_text(parameters, lines):
    """The text with the kernel ``formula``."""
    body = "\n".join([f"    {line}" for line in lines])
    head = f'extern "C" __global__ void __launch_bounds__({THREADS}) formula({", ".join(parameters)}) {{'
    return f"{WORDS}\n{head}\n{body}\n}}\n"


def elementwise_text(kind, dtypes, numbers, steps, stores):
    """The kernel of a formula. Its arguments: the arrays' addresses, their size, and the numbers as their bits.

    dtypes: what lies in each array's memory, "float" or "bfloat16" …
    """
    parameters = [*[f"{dtype}* a{k}" for k, dtype in enumerate(dtypes)], "int64 size", *[f"int64 bits{j}" for j in range(numbers)]]
    lines = [f"const double n{j} = __longlong_as_double(bits{j});" for j in range(numbers)]
    lines += [f"const int64 first = int64(blockIdx.x) * {THREADS} + threadIdx.x, every = int64(gridDim.x) * {THREADS};"]
    return kernel_text(parameters, lines + loops(kind, dtypes, numbers, steps, stores, "first", "every"))


def broadcast_text(kind, dtypes, numbers, steps, stores, dims):
    """The same for arrays that are broadcast to a new one, of less than 2³¹ elements. After the size come, for each dim, its size
    and the strides of all arrays but the last, which lies in order."""
    arrays = len(dtypes) - 1
    parameters = [*[f"{dtype}* a{k}" for k, dtype in enumerate(dtypes)], "int64 size"]
    for d in range(dims):
        parameters += [f"int64 size{d}", *[f"int64 step{d}_{k}" for k in range(arrays)]]
    parameters += [f"int64 bits{j}" for j in range(numbers)]
    lines = [f"const double n{j} = __longlong_as_double(bits{j});" for j in range(numbers)]
    lines += [f"for (int64 i = int64(blockIdx.x) * {THREADS} + threadIdx.x; i < size; i += int64(gridDim.x) * {THREADS}) {{"]
    lines += ["    unsigned left = i, at;", *[f"    int64 i{k} = 0;" for k in range(arrays)]]
    for d in reversed(range(dims)):
        lines += [f"    at = left % unsigned(size{d});", f"    left /= unsigned(size{d});"] if d else ["    at = left;"]
        lines += [f"    i{k} += at * step{d}_{k};" for k in range(arrays)]
    place = [*[f"i{k}" for k in range(arrays)], "i"]
    body = at_one_place(kind, dtypes, numbers, steps, stores, *[lambda k: f"a{k}[{place[k]}]"] * 2)
    return kernel_text(parameters, [*lines, *[f"    {line}" for line in body], "}"])


def many_text(kind, dtypes, numbers, steps, stores, rows):
    """The kernel that does it to ``rows`` rows at most. Its argument is a struct: how many rows there are, and of each the
    addresses, the numbers, the size, and the first of its blocks; each block takes ``CHUNK`` elements."""
    arrays = len(dtypes)
    wide = arrays + numbers + 2
    lines = [
        "int row = int(given.at[0]) - 1;", f"while (blockIdx.x < given.at[{wide} * row + {wide}]) --row;",
        f"const int64* words = given.at + {wide} * row + 1;",
        *[f"{dtype}* a{k} = ({dtype}*)words[{k}];" for k, dtype in enumerate(dtypes)],
        *[f"const double n{j} = __longlong_as_double(words[{arrays + j}]);" for j in range(numbers)],
        f"const int64 begin = (blockIdx.x - words[{wide - 1}]) * {CHUNK}, left = words[{wide - 2}] - begin;",
        *[f"a{k} += begin;" for k in range(arrays)], f"const int64 size = left < {CHUNK} ? left : {CHUNK};",
    ]  # fmt: skip
    lines += loops(kind, dtypes, numbers, steps, stores, "threadIdx.x", THREADS)
    text = kernel_text(["const __grid_constant__ Words given"], lines)
    return f"struct Words {{ long long at[{1 + rows * wide}]; }};\n{text}"
