"""The table's elementwise rows in CUDA's words, one a line, and the functions that kernels share.

    "sub": "{0} - {1}"      →      const float t2 = t0 - t1;

A spelling is an expression of the operands. CUDA's functions are overloaded, so one line serves float and double. Narrow
types (float16, bfloat16) are two bytes in memory and a float in a register; only casts and copies know of them.

``PRELUDE`` stands above all kernels. It is plain C++ but for a few words that only a GPU has (shuffles, barriers, atomics, the
conversion of narrow types, products on tensor cores); who defines those can run the kernels anywhere, as the tests do.

torch: c10/cuda, ATen/native/cuda, torch/_inductor/codegen/triton.py
"""

import math

from .mathematics import rounded

__all__ = [
    "COMBINED", "KINDS", "MEMORY", "NARROW", "PRELUDE", "SIZES", "SPELLINGS", "constant", "converted", "named", "next_power",
    "spell", "spelled", "stored",
]  # fmt: skip

KINDS = {
    "float32": "float", "float64": "double", "int64": "int64", "int32": "int", "int16": "short", "int8": "int8",
    "uint8": "uint8", "bool": "bool", "float16": "float", "bfloat16": "float",
}  # fmt: skip
"""Our dtypes → what a register holds."""
NARROW = ("float16", "bfloat16")
MEMORY = {**KINDS, "float16": "float16", "bfloat16": "bfloat16"}
"""Our dtypes → what lies in memory."""
SIZES = {"float": 4, "double": 8, "int64": 8, "int": 4, "short": 2, "int8": 1, "uint8": 1, "bool": 1, "float16": 2, "bfloat16": 2}
"""Bytes of each."""
FLOATS = ("float", "double")

SPELLINGS = {
    "add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "neg": "-{0}",
    "abs": "abs({0})", "sign": "({0} > 0) - ({0} < 0)", "reciprocal": "1 / {0}",
    "maximum": "larger({0}, {1})", "minimum": "smaller({0}, {1})", "relu": "larger({0}, {kind}(0))",
    "keep": "{1} <= 0 ? {kind}(0) : {0}", "pow": "pow({0}, {1})", "sqrt": "sqrt({0})", "exp": "exp({0})", "log": "log({0})",
    "tanh": "tanh({0})", "erf": "erf({0})", "erfc": "erfc({0})", "sigmoid": "1 / (1 + exp(-{0}))", "exp2": "exp2({0})",
    "expm1": "expm1({0})", "log1p": "log1p({0})", "log2": "log2({0})", "log10": "log10({0})", "sin": "sin({0})",
    "cos": "cos({0})", "tan": "tan({0})", "asin": "asin({0})", "acos": "acos({0})", "atan": "atan({0})", "sinh": "sinh({0})",
    "cosh": "cosh({0})", "asinh": "asinh({0})", "acosh": "acosh({0})", "atanh": "atanh({0})", "atan2": "atan2({0}, {1})",
    "hypot": "hypot({0}, {1})", "floor": "floor({0})", "ceil": "ceil({0})", "trunc": "trunc({0})", "round": "rint({0})",
    "where": "{1} ? {0} : {2}", "isnan": "{0} != {0}", "eq": "{0} == {1}", "ne": "{0} != {1}", "lt": "{0} < {1}",
    "le": "{0} <= {1}", "gt": "{0} > {1}", "ge": "{0} >= {1}", "logical_and": "({0} != 0) && ({1} != 0)",
    "logical_or": "({0} != 0) || ({1} != 0)", "logical_xor": "({0} != 0) != ({1} != 0)", "logical_not": "{0} == 0",
    "bitwise_and": "{0} & {1}", "bitwise_or": "{0} | {1}", "bitwise_xor": "{0} ^ {1}",
    "bitwise_not": "{0} ^ {kind}(-1)", "copy": "{0}", "fmod": "rest<{kind}>({0}, {1})", "remainder": "rest_below<{kind}>({0}, {1})",
    "floor_divide": "times_below<{kind}>({0}, {1})", "div_floor": "times_below<{kind}>({0}, {1})",
}  # fmt: skip
"""Row → its spelling: the rows of ``mathematics.SPELLINGS``, and divisions. On a processor those raise an error where they divide by 0."""

POWERS = {2.0: "{0} * {0}", 3.0: "{0} * {0} * {0}", 0.5: "sqrt({0})"}
"""Exponents that programs use → what they come to."""

COMBINED = {"sum": "Sum", "prod": "Product", "amax": "Larger", "amin": "Smaller"}
"""Reduction → the function of two totals, see ``PRELUDE``."""

FLOAT_ONLY = frozenset([
    "div", "reciprocal", "pow", "sqrt", "exp", "log", "tanh", "erf", "erfc", "sigmoid", "exp2", "expm1", "log1p", "log2",
    "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "atan2", "hypot",
    "floor", "ceil", "trunc", "round",
])  # fmt: skip
NO_BOOLS = frozenset([
    "add", "sub", "mul", "neg", "abs", "sign", "maximum", "minimum", "relu", "keep", "lt", "le", "gt", "ge", "fmod", "remainder",
    "floor_divide", "div_floor",
])  # fmt: skip


def spelled(name, dtypes):
    """Whether a row can be written for operands of these dtypes (by name).

    >>> spelled("exp", ["float32"]), spelled("exp", ["int64"])
    (True, False)
    """
    if any([d not in KINDS for d in dtypes]):
        return False
    if name in ("cast", "copy"):
        return True
    operands = dtypes if name != "where" else dtypes[::2]
    if name not in SPELLINGS or any([d in NARROW for d in operands]):
        return False
    if name in FLOAT_ONLY:
        return all([KINDS[d] in FLOATS for d in operands])
    return not ("bool" in operands and name in NO_BOOLS)


def spell(name, kind, values):
    """What a row makes of ``values``, as an expression.

    >>> spell("maximum", "float", ["x", "0.5f"])
    'larger(x, 0.5f)'
    """
    if name == "pow":
        return POWERS.get(exponent(values[1]), SPELLINGS["pow"]).format(*values)
    return SPELLINGS[name].format(*values, kind=kind)


def exponent(text):
    """The number that a constant is, or None."""
    try:
        return float(text.rstrip("f"))
    except ValueError:
        return None


def constant(number, kind):
    """A Python number as C++ writes one of that kind.

    >>> constant(0.1, "float"), constant(2, "double"), constant(True, "bool"), constant(3, "int64")
    ('0.1f', '2.0', 'true', 'int64(3)')
    """
    if kind == "bool":
        return "true" if number else "false"
    if kind in FLOATS:
        return floating(float(number), kind)
    if int(number) == -(1 << 63):
        return "(int64(-0x7fffffffffffffff) - 1)"
    return f"{kind}({int(number)})"


def floating(x, kind):
    """The shortest decimal that is read back as the same number."""
    x = rounded(x, kind)
    if math.isnan(x):
        return f"{kind}(NAN)"
    if math.isinf(x):
        return f"{kind}({'-' * (x < 0)}INFINITY)"
    written = shortest(x) + "f" if kind == "float" else repr(x)
    return f"({written})" if x < 0 or written[0] == "-" else written


def shortest(x):
    """A float32 in as few digits as tell it from its neighbours.

    >>> shortest(0.10000000149011612)
    '0.1'
    """
    for digits in range(6, 10):
        text = f"{x:.{digits}g}"
        if rounded(float(text), "float") == x:
            break
    return text if "." in text or "e" in text else text + ".0"


def converted(x, source, target):
    """A value of one dtype (by name) in another, as C and NumPy convert it."""
    a, b = KINDS[source], KINDS[target]
    if target == "bool":
        return x if source == "bool" else f"{x} != 0"
    if target in NARROW and source != target:
        return f"rounded<{target}>({b}({x}))"
    if a == b:
        return x
    return f"{b}(int64({x}))" if a in FLOATS and b not in FLOATS else f"{b}({x})"


def stored(x, dtype):
    """A register's value as it goes to memory."""
    return f"{dtype}({x})" if dtype in NARROW else x


def next_power(n):
    """The power of two from n on.

    >>> next_power(1), next_power(5), next_power(8)
    (1, 8, 8)
    """
    return 1 << (n - 1).bit_length() if n > 1 else 1


def named(text, name):
    """The text of a kernel, whose name was left open.

    >>> named("void NAME()", "kernel0")
    'void kernel0()'
    """
    return text.replace("NAME", name)


PRELUDE = r"""
typedef long long int64;
typedef signed char int8;
typedef unsigned char uint8;

#ifdef __CUDACC__
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#ifndef NAN
#define NAN __int_as_float(0x7fffffff)
#endif
__device__ inline float from_float16(unsigned short bits) {
    float x;
    asm("{ .reg .b16 h; mov.b16 h, %1; cvt.f32.f16 %0, h; }" : "=f"(x) : "h"(bits));
    return x;
}
__device__ inline unsigned short to_float16(float x) {
    unsigned short bits;
    asm("{ .reg .b16 h; cvt.rn.f16.f32 h, %1; mov.b16 %0, h; }" : "=h"(bits) : "f"(x));
    return bits;
}
__device__ inline unsigned short to_bfloat16(float x) {
    unsigned short bits;
    asm("{ .reg .b16 h; cvt.rn.bf16.f32 h, %1; mov.b16 %0, h; }" : "=h"(bits) : "f"(x));
    return bits;
}
__device__ inline unsigned to_tf32(float x) {
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}

// A tensor core reads TF32 by cutting 13 bits off. A number made larger by 2/3 of half of what is cut is on average neither too
// small nor too large then, as if it were rounded: one multiplication, where rounding takes four times as long.
__device__ inline unsigned near_tf32(unsigned word) { return __float_as_uint(__uint_as_float(word) * 1.00032552f); }

// sum += a b on a tensor core, by all threads of a warp: a of 16 rows, b of 8 columns.
#define MULTIPLY(name, shape, type)                                                                                   \
    __device__ inline void multiply_##name(float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {         \
        asm("mma.sync.aligned." shape ".row.col.f32." type "." type ".f32 "                                           \
            "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                                         \
            : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])                                                  \
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                                      \
    }
MULTIPLY(tf32, "m16n8k8", "tf32")
MULTIPLY(float16, "m16n8k16", "f16")
MULTIPLY(bfloat16, "m16n8k16", "bf16")

// Memory that the threads of a block share, as much of it as the launch says.
#define SHARED_WORDS(name) extern __shared__ __align__(16) unsigned name[]

// Copies to shared memory that are on their way while others work; zeros where there is nothing to copy.
__device__ inline void copy_word(unsigned* place, const float* source, bool there) {
    unsigned to = __cvta_generic_to_shared(place);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(source), "r"(there ? 4 : 0) : "memory");
}
__device__ inline void copy_two(unsigned* place, const float* source, bool there) {
    unsigned to = __cvta_generic_to_shared(place);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(to), "l"(source), "r"(there ? 8 : 0) : "memory");
}
__device__ inline void copy_four(unsigned* place, const float* source, bool there) {
    unsigned to = __cvta_generic_to_shared(place);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(source), "r"(there ? 16 : 0) : "memory");
}
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int LATER> __device__ inline void wait_copies() { asm volatile("cp.async.wait_group %0;" ::"n"(LATER) : "memory"); }
#endif

// Two bytes in memory, a float in a register.
struct float16 {
    unsigned short bits;
    float16() = default;
    __device__ explicit float16(float x) : bits(to_float16(x)) {}
    __device__ operator float() const { return from_float16(bits); }
};

// The upper half of a float.
struct bfloat16 {
    unsigned short bits;
    bfloat16() = default;
    __device__ explicit bfloat16(float x) : bits(to_bfloat16(x)) {}
    __device__ operator float() const { return __uint_as_float((unsigned int)bits << 16); }
};

// Two narrow numbers as a word; a number that isn't there is 0.
template <class T> __device__ inline void copy_pair(unsigned* place, const T* source, int64 gap, bool there, bool both) {
    *place = (there ? source[0].bits : 0u) | (both ? (unsigned)source[gap].bits << 16 : 0u);
}

template <class T> __device__ inline float rounded(float x) { return float(T(x)); }

// N elements side by side, fetched at once.
template <class T, int N> struct alignas(sizeof(T) * N) Pack { T at[N]; };

template <class T> __device__ inline T larger(T x, T y) { return x > y || x != x ? x : y; }
template <class T> __device__ inline T smaller(T x, T y) { return x < y || x != x ? x : y; }

// What x leaves when it is divided by y: with the sign of x, or of y. Integers divided by 0 give 0.
template <class T> __device__ inline T rest(T x, T y) { return y == T(0) || y == T(-1) ? T(0) : T(x % y); }
template <> __device__ inline float rest(float x, float y) { return fmodf(x, y); }
template <> __device__ inline double rest(double x, double y) { return fmod(x, y); }
template <class T> __device__ inline bool between(T r, T y) { return r != 0 && (r < 0) != (y < 0); }
template <class T> __device__ inline T rest_below(T x, T y) {
    const T r = rest<T>(x, y);
    return between(r, y) ? T(r + y) : r;
}

// How many times y goes into x, rounded down.
template <class T> __device__ inline T times_below(T x, T y) {
    return y == T(0) ? T(0) : y == T(-1) ? T(-x) : T(x / y - between(T(x % y), y));
}
template <class T> __device__ inline T real_times_below(T x, T y) {
    if (y == 0) return x / y;
    const T r = rest<T>(x, y), q = (x - r) / y - between(r, y), down = floor(q);
    return q - down > T(0.5) ? down + 1 : down;
}
template <> __device__ inline float times_below(float x, float y) { return real_times_below(x, y); }
template <> __device__ inline double times_below(double x, double y) { return real_times_below(x, y); }

struct Sum { template <class T> __device__ T operator()(T x, T y) const { return x + y; } };
struct Product { template <class T> __device__ T operator()(T x, T y) const { return x * y; } };
struct Larger { template <class T> __device__ T operator()(T x, T y) const { return larger(x, y); } };
struct Smaller { template <class T> __device__ T operator()(T x, T y) const { return smaller(x, y); } };

// A total of all WIDTH neighbours in a warp, in each of them.
template <int WIDTH, class F, class T> __device__ inline T across_warp(F combine, T x) {
    for (int d = WIDTH / 2; d > 0; d /= 2) x = combine(x, __shfl_xor_sync(0xffffffff, x, d));
    return x;
}

// A total of all threads of a block, in each of them: always taken in the same order.
template <int THREADS, class F, class T> __device__ inline T across_block(F combine, T x) {
    __shared__ T totals[THREADS / 32];
    x = across_warp<32>(combine, x);
    if (threadIdx.x % 32 == 0) totals[threadIdx.x / 32] = x;
    __syncthreads();
    x = totals[0];
    for (int warp = 1; warp < THREADS / 32; ++warp) x = combine(x, totals[warp]);
    __syncthreads();
    return x;
}

// A total of the threads that stand in one column of a block, WIDTH threads wide.
template <int THREADS, int WIDTH, class F, class T> __device__ inline T down_block(F combine, T x) {
    __shared__ T totals[THREADS];
    totals[threadIdx.x] = x;
    __syncthreads();
    x = totals[threadIdx.x % WIDTH];
    for (int row = 1; row < THREADS / WIDTH; ++row) x = combine(x, totals[row * WIDTH + threadIdx.x % WIDTH]);
    __syncthreads();
    return x;
}

// Totals of columns, WIDTH threads with PACK of them side by side, in the thread whose number a column has.
template <int THREADS, int WIDTH, int PACK, class F, class T> __device__ inline T down_columns(F combine, const T (&x)[PACK]) {
    __shared__ T totals[THREADS * PACK];
    for (int v = 0; v < PACK; ++v) totals[threadIdx.x * PACK + v] = x[v];
    __syncthreads();
    const int column = threadIdx.x % (WIDTH * PACK);
    T total = totals[column];
    for (int row = 1; row < THREADS / WIDTH; ++row) total = combine(total, totals[row * WIDTH * PACK + column]);
    __syncthreads();
    return total;
}

// What another block has left.
template <class T> __device__ inline T left(const T* place) { return __ldcg(place); }

// Whether this block is the last of so many to come here: then it sees what the others left.
__device__ inline bool last_of(unsigned* count, int blocks) {
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(count, 1u) == blocks - 1;
        if (last) *count = 0;
    }
    __syncthreads();
    if (last) __threadfence();
    return last;
}

// Add to memory where other threads may add at the same time.
template <class T> __device__ inline void add_at(T* place, T x) { atomicAdd(place, x); }
__device__ inline void add_at(int64* place, int64 x) { atomicAdd((unsigned long long*)place, (unsigned long long)x); }
template <class T> __device__ inline void add_narrow(T* place, float x) {
    unsigned short* bits = (unsigned short*)place;
    unsigned short seen = *bits, before;
    do {
        before = seen;
        T old;
        old.bits = before;
        seen = atomicCAS(bits, before, T(float(old) + x).bits);
    } while (seen != before);
}
__device__ inline void add_at(float16* place, float16 x) { add_narrow(place, float(x)); }
__device__ inline void add_at(bfloat16* place, bfloat16 x) { add_narrow(place, float(x)); }
"""
"""What all kernels share."""
