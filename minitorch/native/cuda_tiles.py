"""Products in CUDA, by tiles: what a block multiplies lies in the memory that its threads share.

    for k0 in 0, 16, 32, …:                          a tile of C for a block of 256 threads
        a, b  =  tiles of A and B                    each number is fetched once for the tile, and used 64 times or more
        sum  +=  a b                                 every thread, or tensor core, has its part of the tile's sums

While a tile is multiplied the next one is on its way. A and B are told as code that fetches one number, so that a convolution
is a product whose A is never laid out. Where C is small and k long, several blocks share the sum of each tile: each leaves its
part, and another function adds them up in order.

float64, and float32 where it is to be exact, are multiplied by the threads, 4 x 4 sums each. float16, bfloat16 and TF32 (float32
whose factors are rounded to 10 bits) go to the tensor cores: a warp has 32 rows of the tile, and multiplies 16 x 8 pieces of A by
8 x 8 pieces of B, the numbers of a piece spread over its threads as the instruction wants them.

torch: cutlass.   Implicit products: Chetlur et al. 2014, arXiv:1410.0759.   Where the numbers of a piece go: the PTX manual, mma
"""

import math
from dataclasses import dataclass, replace

from .cuda import KINDS, MEMORY, NARROW, stored

__all__ = ["BLOCK", "BUSY", "Tiled", "added_up", "tiled"]

BLOCK = 256
"""Threads of a block."""
EACH = 4
"""Rows and columns of sums that a thread has, where threads multiply."""
BUSY, LONG = 264, 256
"""Blocks that keep a large GPU busy; and the shortest sum that is worth a block of its own."""


@dataclass(frozen=True)
class Tiled:
    """C = A B, ``batch`` times: A is m by k, B k by n.

    a, b: lines of code that set ``x`` to A's number at (m, k), and B's at (k, n), of product number ``z``.   c: the place of
    (m, n) in C.   rows_first: whether numbers that follow each other along m in A, or n in B, lie side by side; else those
    along k.   dtypes: of the factors and of C, by name; narrow numbers are added up in float32.   rounds: float32 goes to the
    tensor cores.   splits: how many blocks share a sum.
    """

    m: int
    n: int
    k: int
    batch: int
    dtypes: tuple
    a: tuple
    b: tuple
    c: str
    rows_first: tuple
    rounds: bool = False
    splits: int = 1

    @property
    def cores(self):
        """Whether tensor cores multiply."""
        return self.dtypes[0] in NARROW or (self.rounds and self.dtypes[0] == "float32")

    @property
    def sides(self):
        """Rows and columns of a tile."""
        return (128, 32 if self.n <= 32 else 64) if self.cores else (64, 64)

    @property
    def depth(self):
        return 32 if self.dtypes[0] in NARROW else 16

    @property
    def grid(self):
        rows, columns = self.sides
        return -(-self.m // rows), -(-self.n // columns), self.batch * self.splits

    @property
    def partials(self):
        """Bytes that the blocks leave, where several share a sum."""
        return self.splits * self.batch * self.m * self.n * 8 if self.splits > 1 else 0

    def shared(self):
        """The product by so many blocks that the GPU is busy."""
        splits = min(-(-BUSY // math.prod(self.grid)), self.k // LONG, 64)
        return self if splits < 2 else replace(self, splits=splits)


def tiled(product, names):
    """The body of a function that computes a Tiled product into the buffer ``names[2]``."""
    rows, columns = product.sides
    depth, part = product.depth, -(-product.k // (product.splits * product.depth)) * product.depth
    first, last = (f"blockIdx.z % {product.splits} * {part}", f"min({product.k}, first + {part})") if product.splits > 1 else (0, product.k)
    a, b = Side("a", "m", rows, product.m, product), Side("b", "n", columns, product.n, product)
    who = (Cores if product.cores else Threads)(product, a, b)
    return f"""\
    {a.declared()}
    {b.declared()}
    const int m0 = blockIdx.x * {rows}, n0 = blockIdx.y * {columns}, z = blockIdx.z / {product.splits};
    const int first = {first}, last = {last};
{who.begin()}\
    auto fetch = [&](int k0) {{
{a.fetched(product.a)}{b.fetched(product.b)}\
    }};
    fetch(first);
    for (int k0 = first; k0 < last; k0 += {depth}) {{
{a.shared()}{b.shared()}\
        __syncthreads();
        if (k0 + {depth} < last) fetch(k0 + {depth});
        #pragma unroll
{who.multiply()}\
        __syncthreads();
    }}
{who.end(names)}"""


class Side:
    """One of the two tiles that are multiplied: its ``width`` numbers along m (or n), ``depth`` along k.

    It lies in the order in which it is fetched. The odd ends of its rows let all threads of a warp read at once.
    """

    def __init__(self, name, along, width, extent, product):
        self.name, self.along, self.width, self.extent, self.depth = name, along, width, extent, product.depth
        self.rows_first = product.rows_first[name == "b"]
        self.kind = MEMORY[product.dtypes[0]]
        self.word = "unsigned short" if product.dtypes[0] in NARROW else "unsigned" if product.cores else self.kind
        self.count = width * self.depth // BLOCK
        self.ways = {"unsigned short": "x.bits", "unsigned": "to_tf32(x)"}.get(self.word, "x")

    def declared(self):
        words = 8 if self.word == "unsigned short" else 4
        shape = f"[{self.depth}][{self.width + 8}]" if self.rows_first else f"[{self.width}][{self.depth + words}]"
        return f"__shared__ {self.word} {self.name}{shape}; {self.word} next_{self.name}[{self.count}];"

    def at(self, along, k):
        """The number at a place of the tile."""
        return f"{self.name}[{k}][{along}]" if self.rows_first else f"{self.name}[{along}][{k}]"

    def place(self):
        """Which of its numbers a thread fetches: threads that follow each other take numbers that lie side by side."""
        at, side = f"(threadIdx.x + i * {BLOCK})", self.width if self.rows_first else self.depth
        found = f"{at} % {side}", f"{at} / {side}"
        return found if self.rows_first else found[::-1]

    def fetched(self, code):
        """A loop by which a thread gets its numbers of the next tile."""
        (along, k), name = self.place(), self.along
        lines = "".join([f"                {line}\n" for line in code])
        nothing = f"{self.kind} x = {self.kind}(0);" if self.word != "unsigned short" else f"{self.kind} x; x.bits = 0;"
        return f"""\
        #pragma unroll
        for (int i = 0; i < {self.count}; ++i) {{
            const int {name} = {name}0 + {along}, k = k0 + {k};
            {nothing}
            if ({name} < {self.extent} && k < last) {{
{lines}            }}
            next_{self.name}[i] = {self.ways};
        }}
"""

    def shared(self):
        """A loop by which a thread lays its numbers down for the others."""
        return f"""\
        #pragma unroll
        for (int i = 0; i < {self.count}; ++i) {self.at(*self.place())} = next_{self.name}[i];
"""


# -------------------------------------------------------------------------------------------------- who multiplies


class Threads:
    """Each thread has 4 x 4 sums."""

    def __init__(self, product, a, b):
        self.product, self.a, self.b, self.across = product, a, b, product.sides[1] // EACH

    def begin(self):
        return f"""\
    const int row = threadIdx.x / {self.across} * {EACH}, column = threadIdx.x % {self.across} * {EACH};
    {KINDS[self.product.dtypes[0]]} sum[{EACH}][{EACH}] = {{}};
"""

    def multiply(self):
        return f"""\
        for (int k = 0; k < {self.product.depth}; ++k) {{
            #pragma unroll
            for (int i = 0; i < {EACH}; ++i) {{
                #pragma unroll
                for (int j = 0; j < {EACH}; ++j) sum[i][j] += {self.a.at("row + i", "k")} * {self.b.at("column + j", "k")};
            }}
        }}
"""

    def end(self, names):
        product = self.product
        return f"""\
    #pragma unroll
    for (int i = 0; i < {EACH}; ++i) {{
        #pragma unroll
        for (int j = 0; j < {EACH}; ++j) {{
            const int m = m0 + row + i, n = n0 + column + j;
            if (m < {product.m} && n < {product.n}) {left(product, names, "sum[i][j]")};
        }}
    }}
"""


class Cores:
    """Each of 4 x 2 warps has 32 rows and half of the columns, in pieces of 16 x 8 sums, for its tensor core."""

    def __init__(self, product, a, b):
        self.product, self.a, self.b = product, a, b
        self.narrow, self.half = product.dtypes[0] in NARROW, product.sides[1] // 2
        self.pieces, self.step = self.half // 8, 16 if self.narrow else 8

    def begin(self):
        return f"""\
    const int lane = threadIdx.x % 32, group = lane / 4, four = lane % 4;
    const int row = threadIdx.x / 64 * 32, column = threadIdx.x / 32 % 2 * {self.half};
    float sum[2][{self.pieces}][4] = {{}};
"""

    def word(self, side, along, k):
        """32 bits of a piece: a number, or two narrow ones."""
        if not self.narrow:
            return side.at(along, f"{k} + four")
        pair = [side.at(along, f"{k} + four * 2 + {e}") for e in (0, 1)]
        return f"{pair[0]} | unsigned({pair[1]}) << 16"

    def multiply(self):
        a, b, far = self.a, self.b, f"k + {self.step // 2}"
        return f"""\
        for (int k = 0; k < {self.product.depth}; k += {self.step}) {{
            unsigned p[2][4], q[{self.pieces}][2];
            #pragma unroll
            for (int i = 0; i < 2; ++i) {{
                const int m = row + i * 16 + group;
                p[i][0] = {self.word(a, "m", "k")};
                p[i][1] = {self.word(a, "m + 8", "k")};
                p[i][2] = {self.word(a, "m", far)};
                p[i][3] = {self.word(a, "m + 8", far)};
            }}
            #pragma unroll
            for (int j = 0; j < {self.pieces}; ++j) {{
                const int n = column + j * 8 + group;
                q[j][0] = {self.word(b, "n", "k")};
                q[j][1] = {self.word(b, "n", far)};
            }}
            #pragma unroll
            for (int i = 0; i < 2; ++i) {{
                #pragma unroll
                for (int j = 0; j < {self.pieces}; ++j) multiply_{self.product.dtypes[0] if self.narrow else "tf32"}(sum[i][j], p[i], q[j]);
            }}
        }}
"""

    def end(self, names):
        product = self.product
        return f"""\
    #pragma unroll
    for (int i = 0; i < 2; ++i) {{
        #pragma unroll
        for (int j = 0; j < {self.pieces}; ++j) {{
            #pragma unroll
            for (int e = 0; e < 4; ++e) {{
                const int m = m0 + row + i * 16 + group + e / 2 * 8, n = n0 + column + j * 8 + four * 2 + e % 2;
                if (m < {product.m} && n < {product.n}) {left(product, names, "sum[i][j][e]")};
            }}
        }}
    }}
"""


# ------------------------------------------------------------------------------------------------ what becomes of sums


def left(product, names, total):
    """Where a sum goes: to C, or to the parts that are still to be added up."""
    if product.splits == 1:
        return f"{names[2]}[{product.c}] = {stored(total, product.dtypes[1])}"
    part = f"blockIdx.z % {product.splits} * {product.batch} + z"
    return f"(({KINDS[product.dtypes[0]]}*)partials)[int64({part}) * {product.m * product.n} + m * {product.n} + n] = {total}"


def added_up(product, name):
    """The body of a function that adds the parts up, a thread for each number of C."""
    kind, count = KINDS[product.dtypes[0]], product.m * product.n
    return f"""\
    const int i = blockIdx.x * {BLOCK} + threadIdx.x;
    if (i >= {product.batch * count}) return;
    const int z = i / {count}, m = i % {count} / {product.n}, n = i % {product.n};
    {kind} sum = 0;
    for (int part = 0; part < {product.splits}; ++part) sum += ((const {kind}*)partials)[int64(part) * {product.batch * count} + i];
    {name}[{product.c}] = {stored("sum", product.dtypes[1])};
"""
