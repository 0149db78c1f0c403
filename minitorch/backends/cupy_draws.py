"""Random numbers on a GPU: PyTorch's own there, made by kernels that write them where they are wanted.

A ``Stream`` is a seed and an offset (philox.py); nothing of it lies on the GPU, and no draw waits for it. At the same seed it
gives the numbers that PyTorch gives on a GPU with as many multiprocessors, bit for bit, and leaves PyTorch's state behind.
docs/gpu.md lists the draws that are not PyTorch's.

torch: aten/src/ATen/native/cuda/Distributions.cu, Randperm.cu, MultinomialKernel.cu
"""

import math
from functools import cache

import cupy
import numpy

from ..native.cuda import PRELUDE
from ..native.philox import DRAWS, PHILOX, TYPES, filling, lanes_of, numbers_of, types_of
from .cupy_launch import Kernel, in_order
from .mt19937 import DEFAULT_SEED
from .philox import EACH, THREADS, Generator, Machine, halves

__all__ = ["Stream", "default_stream", "machine"]

NARROW = ("float16", "bfloat16")
BOUNDS = {
    name: (2.0**-low, 1 - 2.0**-digits)
    for name, low, digits in (("float16", 14, 10), ("bfloat16", 126, 7), ("float32", 126, 23), ("float64", 1022, 52))
}
"""Dtype, by name → the smallest normal number, and 1 less the resolution."""
LEAST = {"float32": "0x1p-126f", "float64": "0x1p-1022", "float16": "0x1p-14f", "bfloat16": "0x1p-126f"}
"""The former in C."""
PLACE = "const int64 i = int64(blockIdx.x) * blockDim.x + threadIdx.x;\n    if (i >= n) return;"

# Draws that read an array ``a``, element by element: what becomes of an element.
READING = {
    "bernoulli_each": "T(unit_of(philox(seed, i / 4, offset / 4).at[i % 4]) <= a[i])",
    "standard_gamma": "T(larger(Wide(gamma_draw<T, Wide>(a[i], drawn)), Wide({least})))",
    "poisson": "T(Wide(poisson_draw(a[i], drawn)))",
}  # fmt: skip

# 1024 elements a block: each thread draws eight, one after the other.
BINOMIAL = """
    Sequence drawn(seed, int64(blockIdx.x) * 128 + threadIdx.x, offset);
    for (int64 k = 0, i = int64(blockIdx.x) * 1024 + threadIdx.x; k < 8 && i < n; ++k, i += 128)
        out[i] = binomial_draw<T, Wide>(a[i], b[i], drawn);
"""

# Where the keys of neighbours are equal, the first of them shuffles them all. Durstenfeld 1964
ISLANDS = """
    if (i >= n - 1 || keys[i] != keys[i + 1] || (i && keys[i] == keys[i - 1])) return;
    int64 size = 2;
    while (i + size < n && keys[i + size] == keys[i]) ++size;
    Sequence drawn(seed, i, offset);
    for (int64 k = size - 1; k > 0; --k) {
        const int64 other = drawn.word() % unsigned(k + 1);
        const T kept = out[i + k];
        out[i + k] = out[i + other];
        out[i + other] = kept;
    }
"""

# The first category whose cumulated share reaches a uniform number, or the last one before it that has a share.
SAMPLES = """
    const int64 sample = blockIdx.x % across * blockDim.x + threadIdx.x, thread = int64(blockIdx.x) * blockDim.x + threadIdx.x;
    uint64 turn = offset / 4;
    for (int64 row = blockIdx.x / across; row < rows && sample < n; row += down) {
        const SHARE aim = unit_of(philox(seed, thread, turn++).at[0]);
        const SHARE *upto = sums + row * categories, *share = shares + row * categories;
        int64 first = 0, last = categories;
        while (first < last) {
            const int64 middle = first + (last - first) / 2;
            if (upto[middle] < aim) first = middle + 1;
            else last = middle;
        }
        if (first == categories) --first;
        while (first >= 1 && share[first] == 0) --first;
        out[row * n + sample] = first;
    }
"""


@cache
def machine(number):
    """The GPU with that number."""
    found = cupy.cuda.runtime.getDeviceProperties(number)
    return Machine(found["multiProcessorCount"], found["maxThreadsPerMultiProcessor"])


@cache
def kernel(name, dtype, parameters, body, threads=THREADS):
    """A function of ``out``, ``parameters``, ``n``, ``seed`` and ``offset``, arrays by their addresses; ``out`` has that dtype, by name.

    A product and a sum may be rounded together, as in PyTorch's kernels.
    """
    every = ["T* out", *parameters, "int64 n", "uint64 seed", "uint64 offset"]
    layout = "".join(["Q" if "*" in x or x.startswith("uint64") else "q" if x.startswith("int64") else "d" for x in every])
    text = f'extern "C" __global__ void __launch_bounds__({threads}) {name}({", ".join(every)}) {{\n{body}\n}}\n'
    return Kernel("".join([PRELUDE, PHILOX, types_of(dtype), text]), name, layout, options=("-std=c++17",))


@cache
def drawing(name, dtype):
    """(the kernel of a draw of a given number, how many elements a thread makes of four words, whether halves are drawn apart)"""
    draw = kernel(name, dtype, DRAWS[name][1], filling(name))
    return draw, numbers_of(name, dtype), lanes_of(name) == 1


def real_of(dtype):
    """The dtype of the parts of complex numbers."""
    return numpy.dtype(f"f{dtype.itemsize // 2}")


class Stream(Generator):
    """A stream of random numbers with the distributions of ``mt19937.Stream``, as flat arrays on the GPU."""

    __slots__ = ()

    def __init__(self, seed=DEFAULT_SEED):
        super().__init__(seed)

    def copy(self):
        """A second stream that goes on with the same numbers."""
        made = Stream(self.seed)
        made.offset = self.offset
        return made

    def __reduce__(self):
        return _restored, (self.seed, self.offset)

    def get_state(self):
        """Seed and offset as PyTorch's 16 bytes, in the CPU's memory."""
        return numpy.frombuffer(super().get_state(), numpy.uint8).copy()

    def set_state(self, blob):
        """Go on from PyTorch's 16 bytes."""
        super().set_state(blob if blob.__class__ is bytes else numpy.ascontiguousarray(blob).tobytes())

    def into(self, out):
        """The same stream, whose next draw is written into ``out``, a flat array."""
        return Into(self, out)

    def _room(self, n, dtype):
        return cupy.empty(n, dtype)

    # ------------------------------------------------------------------------------------------------ of a given number

    def _fill(self, name, out, *values):
        """``out``, a flat array, with the elements of a draw."""
        n = out.size
        if not n:
            return out
        gpu, (draw, each, apart) = machine(cupy.cuda.runtime.getDevice()), drawing(name, out.dtype.name)
        offset = self.taken(gpu.words_for(n, each))
        if apart and (parts := halves(n, out.itemsize)) is not None:
            self._fill(name, out[: parts[0]], *values)
            self._fill(name, out[parts[0] :], *values)
        else:
            draw(gpu.blocks_for(n), THREADS, out.data.ptr, *values, n, self.seed, offset)
        return out

    def uniform(self, n, dtype, low=0.0, high=1.0):
        """low + (high - low) u, of u on (0, 1]; what comes out as ``high`` is ``low``."""
        dtype = numpy.dtype(dtype)
        if dtype.kind == "c":
            return self.uniform(2 * n, real_of(dtype), low, high).view(dtype)
        return self._fill("uniform", self._room(n, dtype), float(low), float(high))

    def normal(self, n, dtype, mean=0.0, std=1.0, scattered=False):
        """mean + std z, z in pairs. Box & Muller 1958"""
        dtype = numpy.dtype(dtype)
        if dtype.kind == "c":
            return self.normal(2 * n, real_of(dtype), mean, std / math.sqrt(2)).view(dtype)
        return self._fill("normal", self._room(n, dtype), float(mean), float(std))

    def log_normal(self, n, dtype, mean, std):
        """exp(mean + std z)"""
        return self._fill("log_normal", self._room(n, dtype), float(mean), float(std))

    def exponential(self, n, dtype, rate):
        """-ln u / rate"""
        return self._fill("exponential", self._room(n, dtype), float(rate))

    def cauchy(self, n, dtype, median, sigma):
        """median + sigma tan(π (u - ½))"""
        return self._fill("cauchy", self._room(n, dtype), float(median), float(sigma))

    def bernoulli(self, n, dtype, p, lanes=0):
        """1 with probability ``p``, else 0.   lanes: how many elements side by side a thread draws, for dropout."""
        return self._fill(f"kept{lanes}" if lanes else "bernoulli", self._room(n, dtype), float(p))

    def geometric(self, n, dtype, p):
        """⌈ln u / ln (1 - p)⌉"""
        return self._fill("geometric", self._room(n, dtype), float(p))

    def integers(self, n, dtype, low, span, wide):
        """low + (a word modulo ``span``): of 64 bits if ``wide``, else of 32."""
        name = "double_words" if wide else "words"
        return self._fill(name, self._room(n, dtype), low, span % 2**64)

    # --------------------------------------------------------------------------------------- with arrays as parameters

    def _each(self, name, a, dtype, words):
        """One element for each of ``a``, in the order of its indices."""
        out = cupy.empty(a.shape, dtype)
        if not a.size:
            return out
        offset, dtype = self.taken(words), out.dtype.name
        reads = "Wide" if name == "bernoulli_each" else "T"
        sequence = "" if name == "bernoulli_each" else "    Sequence drawn(seed, i, offset);\n"
        body = f"    {PLACE}\n{sequence}    out[i] = {READING[name].format(least=LEAST.get(dtype))};"
        draw = kernel(name, dtype, (f"const {reads}* a",), body)
        a = in_order(a)
        draw(-(-a.size // THREADS), THREADS, out.data.ptr, a.data.ptr, a.size, self.seed, offset)
        return out

    def bernoulli_each(self, p, dtype):
        """1 with probability p[i], else 0; p: flat."""
        wide = numpy.float64 if numpy.dtype(dtype) == numpy.float64 else numpy.float32
        return self._each("bernoulli_each", p.astype(wide), dtype, EACH)

    def poisson(self, rate):
        """How many events of that rate there are in a unit of time."""
        return self._each("poisson", rate, rate.dtype, 20)

    def standard_gamma(self, concentration):
        """Gamma with rate 1. Never 0."""
        return self._each("standard_gamma", concentration, concentration.dtype, 10)

    def dirichlet(self, concentration):
        """Shares of gammas in their sum: (…, categories). Never 0 or 1."""
        gammas = self.standard_gamma(concentration)
        narrow = gammas.dtype.name in NARROW
        wide = gammas.astype(numpy.float32) if narrow else gammas
        total = wide.sum(-1, None, None, True)
        if narrow:
            total = total.astype(gammas.dtype).astype(numpy.float32)
        least, most = [wide.dtype.type(x) for x in BOUNDS[gammas.dtype.name]]
        return cupy.minimum(cupy.maximum(wide / total, least), most).astype(gammas.dtype)

    def binomial(self, count, p):
        """How many of ``count`` trials succeed."""
        shape = numpy.broadcast_shapes(count.shape, p.shape)
        count, p = [in_order(cupy.broadcast_to(x, shape)) for x in (count, p)]
        out = cupy.empty(shape, count.dtype)
        if out.size:
            draw = kernel("binomial", out.dtype.name, ("const T* a", "const T* b"), BINOMIAL, 128)
            places = [x.data.ptr for x in (out, count, p)]
            draw(-(-out.size // 1024), 128, *places, out.size, self.seed, self.taken(42))
        return out

    # -------------------------------------------------------------------------------------- permutations and categories

    def permutation(self, n, dtype):
        """0 … n-1 in the order of random keys, which have so many bits that they are most likely all different."""
        if n == 0:
            return cupy.empty(0, dtype)
        bits = min(64, math.ceil(math.log2(n - (6 * n * n + 1) / (12 * math.log(0.9)))))
        size = 32 if bits <= 32 else 64
        keys = self.integers(n, f"i{size // 8}", -(2 ** (size - 1)), 2**size - 1, True).view(f"u{size // 8}")
        keys = keys ^ keys.dtype.type(1 << (size - 1)) if bits == size else keys & keys.dtype.type((1 << bits) - 1)
        order = keys.argsort(kind="stable")
        out, keys = order.astype(dtype), keys[order]
        draw = kernel("islands", out.dtype.name, (f"const {TYPES[keys.dtype.name]}* keys",), f"    {PLACE}{ISLANDS}")
        draw(-(-n // THREADS), THREADS, out.data.ptr, keys.data.ptr, n, self.seed, self.taken(n))
        return out

    def multinomial(self, p, times, samples):
        """Indices of ``samples`` different categories; ``times()`` are those of the race between them."""
        narrow = p.dtype.name in NARROW
        times = times()
        speed = p.astype(numpy.float32) / times.astype(numpy.float32) if narrow else p / times
        if samples == 1:
            return speed.argmax(-1)[..., None]
        return cupy.ascontiguousarray((-speed).argsort(-1)[..., :samples])

    def multinomial_with_replacement(self, p, samples):
        """Indices of ``samples`` categories: the first whose cumulated share of p: (…, categories) reaches a uniform number."""
        wide = cupy.ascontiguousarray(p.astype(numpy.float32) if p.dtype.name in NARROW else p)
        shares = wide / wide.sum(-1, None, None, True)
        rows, categories = math.prod(p.shape[:-1]), p.shape[-1]
        out = cupy.empty((*p.shape[:-1], samples), numpy.int64)
        if out.size:
            across, down = -(-samples // 128), min(rows, 65535)
            offset = self.taken(((rows - 1) // down + 1) * 4)
            share = TYPES[shares.dtype.name]
            reads = (f"const {share}* sums", f"const {share}* shares", "int64 rows", "int64 categories", "int64 across", "int64 down")
            draw, sums = kernel("samples", "int64", reads, SAMPLES.replace("SHARE", share), 128), shares.cumsum(-1)
            places = [x.data.ptr for x in (out, sums, shares)]
            draw(across * down, 128, *places, rows, categories, across, down, samples, self.seed, offset)
        return out


class Into(Stream):
    """A stream that writes its draw into an array that is there."""

    __slots__ = ("out", "stream")

    def __init__(self, stream, out):
        super().__init__(stream.seed)
        self.stream, self.out = stream, out

    def taken(self, words):
        return self.stream.taken(words)

    def _room(self, n, dtype):
        return self.out if self.out.dtype == dtype else self.out.view(dtype)


def _restored(seed, offset):
    """A stream as it was pickled."""
    made = Stream(seed)
    made.offset = offset
    return made


default_stream = Stream()
"""What draws on the GPU without ``generator=`` come from."""
