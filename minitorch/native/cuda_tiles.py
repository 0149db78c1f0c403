"""Products in CUDA, by tiles: what a block multiplies lies in the memory that its threads share.

    for k0 in 0, 16, 32, …:                          a 64 x 64 tile of C, by 256 threads with 4 x 4 sums each
        a[16][64], b[16][64]  =  tiles of A and B    each number is fetched once for the tile, and used 64 times
        sum[4][4] += a[k][4] * b[k][4]               for the 16 k

A and B are told as code that fetches one number, so that a convolution is a product whose A is never laid out. Where C is
small and k long, several blocks share the sum of each tile: each leaves its part, and another function adds them up in order.

torch: cutlass;  implicit products: Chetlur et al. 2014, arXiv:1410.0759
"""

from dataclasses import dataclass

from .cuda import KINDS, stored

__all__ = ["BLOCK", "Tiled", "added_up", "tiled"]

SIDE, DEPTH, EACH = 64, 16, 4
BLOCK = (SIDE // EACH) ** 2
"""Threads of a block."""


@dataclass(frozen=True)
class Tiled:
    """C = A B, ``batch`` times: A is m by k, B k by n.

    a, b: lines of code that set ``x`` to A's number at (m, k), and B's at (k, n), of product number ``z``.   c: the place of
    (m, n) in C.   rows_first: whether numbers that follow each other along m in A, or n in B, lie side by side; else those
    along k.   splits: how many blocks share a sum.
    """

    m: int
    n: int
    k: int
    batch: int
    dtype: str
    a: tuple
    b: tuple
    c: str
    rows_first: tuple
    splits: int = 1

    @property
    def grid(self):
        return -(-self.m // SIDE), -(-self.n // SIDE), self.batch * self.splits

    @property
    def partials(self):
        """Bytes that the blocks leave, where several share a sum."""
        return self.splits * self.batch * self.m * self.n * 8 if self.splits > 1 else 0


def tiled(product, names):
    """The body of a function that computes a Tiled product into the buffer ``names[2]``."""
    kind, part = KINDS[product.dtype], -(-product.k // (product.splits * DEPTH)) * DEPTH
    first, last = f"blockIdx.z % {product.splits} * {part}", f"min({product.k}, first + {part})"
    return f"""\
    __shared__ {kind} a[{DEPTH}][{SIDE + EACH}], b[{DEPTH}][{SIDE + EACH}];
    const int m0 = blockIdx.x * {SIDE}, n0 = blockIdx.y * {SIDE}, z = blockIdx.z / {product.splits};
    const int row = threadIdx.x / {SIDE // EACH} * {EACH}, column = threadIdx.x % {SIDE // EACH} * {EACH};
    const int first = {first if product.splits > 1 else 0}, last = {last if product.splits > 1 else product.k};
    {kind} sum[{EACH}][{EACH}] = {{}};
    for (int k0 = first; k0 < last; k0 += {DEPTH}) {{
{fetching("a", "m", product.m, product.rows_first[0], kind, product.a)}\
{fetching("b", "n", product.n, product.rows_first[1], kind, product.b)}\
        __syncthreads();
        #pragma unroll
        for (int k = 0; k < {DEPTH}; ++k) {{
            #pragma unroll
            for (int i = 0; i < {EACH}; ++i) {{
                #pragma unroll
                for (int j = 0; j < {EACH}; ++j) sum[i][j] += a[k][row + i] * b[k][column + j];
            }}
        }}
        __syncthreads();
    }}
    #pragma unroll
    for (int i = 0; i < {EACH}; ++i) {{
        #pragma unroll
        for (int j = 0; j < {EACH}; ++j) {{
            const int m = m0 + row + i, n = n0 + column + j;
            if (m < {product.m} && n < {product.n}) {left(product, names)};
        }}
    }}
"""


def fetching(tile, side, extent, rows_first, kind, code):
    """A loop by which the threads fetch a tile: those that follow each other take numbers that lie side by side."""
    along, across = (f"e % {SIDE}", f"e / {SIDE}") if rows_first else (f"e / {DEPTH}", f"e % {DEPTH}")
    lines = "".join([f"                {line}\n" for line in code])
    return f"""\
        #pragma unroll
        for (int e = threadIdx.x; e < {SIDE * DEPTH}; e += {BLOCK}) {{
            const int {side} = {side}0 + {along}, k = k0 + {across};
            {kind} x = 0;
            if ({side} < {extent} && k < last) {{
{lines}            }}
            {tile}[{across}][{along}] = x;
        }}
"""


def left(product, names):
    """What becomes of a sum."""
    if product.splits > 1:
        count = product.m * product.n
        part = f"blockIdx.z % {product.splits} * {product.batch} + z"
        return f"(({KINDS[product.dtype]}*)partials)[int64({part}) * {count} + m * {product.n} + n] = sum[i][j]"
    return f"{names[2]}[{product.c}] = {stored('sum[i][j]', product.dtype)}"


def added_up(product, name):
    """The body of a function that adds the parts up, a thread for each number of C."""
    kind, count = KINDS[product.dtype], product.m * product.n
    return f"""\
    const int i = blockIdx.x * {BLOCK} + threadIdx.x;
    if (i >= {product.batch * count}) return;
    const int z = i / {count}, m = i % {count} / {product.n}, n = i % {product.n};
    {kind} sum = 0;
    for (int part = 0; part < {product.splits}; ++part) sum += ((const {kind}*)partials)[int64(part) * {product.batch * count} + i];
    {name}[{product.c}] = {stored('sum', product.dtype)};
"""
