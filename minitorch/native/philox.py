"""Random numbers on a GPU, in CUDA's words: the generator Philox4x32-10, and the distributions made of its words.

    philox(seed, thread, turn)     four words of 32 bits: a function of three numbers, with no state that goes on
    Units, Normals, Words …        what four words are made into: ``COUNT`` numbers ``at[k]``
    fill<Units>(…)                 threads × turns × COUNT numbers, one for each element of a draw
    Sequence                       the words of one thread one after the other, for draws that are accepted or rejected

So each number of a draw can be computed alone, and by any thread. Which thread and turn an element has is PyTorch's, and so
are the numbers. The text stands below ``cuda.PRELUDE``, and is plain C++ but for the quick functions that only a GPU has.

Salmon, Moraes, Dror & Shaw 2011, doi:10.1145/2063384.2063405. Box & Muller 1958

torch: aten/src/ATen/native/cuda/DistributionTemplates.h, Dropout.cu, aten/src/ATen/core/TransformationHelper.h
"""

from .cuda import constant

__all__ = ["DRAWS", "PHILOX", "TYPES", "alone", "assigned", "filling", "lanes_of", "numbers_of", "of_number", "types_of"]

TYPES = {
    "float32": "float", "float64": "double", "float16": "float16", "bfloat16": "bfloat16", "int64": "int64", "int32": "int",
    "int16": "short", "int8": "int8", "uint8": "uint8", "bool": "bool", "uint16": "unsigned short", "uint32": "unsigned",
    "uint64": "uint64",
}  # fmt: skip
"""The dtypes that can be drawn, by name → C's."""

DRAWS = {
    "uniform": ("Units<Wide>", ("double low", "double high"), "between<T>(x, low, high)"),
    "normal": ("Normals<Wide>", ("double mean", "double std"), "T(fma(x, Wide(std), Wide(mean)))"),
    "log_normal": ("Normals<Wide>", ("double mean", "double std"), "T(quick_exp(fma(x, Wide(std), Wide(mean))))"),
    "exponential": ("Units<Wide>", ("double rate",), "T(Wide(-1) / Wide(rate) * log_of(x))"),
    "cauchy": ("Units<Wide>", ("double median", "double sigma"), "T(Wide(median) + Wide(sigma) * quick_tan(half_turn(x)))"),
    "geometric": ("Units<Wide>", ("double p",), "T(ceil(quick_log(x) / quick_log1p(-Wide(p))))"),
    "bernoulli": ("Units<Wide>", ("double p",), "T(x < Wide(p))"),
    **{f"kept{lanes}": ("Units<float>", ("double p",), "T(x < Wide(p))") for lanes in (1, 2, 4, 8)},
    "bernoulli_each": ("Units<float>", (), "T(x <= Wide(p))"),
    "words": ("Words", ("int64 low", "uint64 span"), "T(int64((span ? x % span : x) + low))"),
    "double_words": ("DoubleWords", ("int64 low", "uint64 span"), "T(int64((span ? x % span : x) + low))"),
}  # fmt: skip
"""Draw → what four words are made into, its parameters, and the element that a number ``x`` of them becomes. ``T`` is the
element's type, ``Wide`` the type that is computed in. A span of 0 is all that the words can be. ``kept4`` is dropout's, for which
a thread takes four elements that lie side by side; so it does for ``bernoulli_each``, which has a ``p`` for each."""


def types_of(dtype):
    """The definitions of ``T`` and ``Wide`` for elements of a dtype, by name.

    >>> types_of("float16")
    'typedef float16 T; typedef float Wide; '
    """
    return f"typedef {TYPES[dtype]} T; typedef {'double' if dtype == 'float64' else 'float'} Wide; "


def numbers_of(name, dtype):
    """How many elements a thread makes of four words.

    >>> numbers_of("uniform", "float32"), numbers_of("uniform", "float64"), numbers_of("double_words", "int64")
    (4, 2, 2)
    """
    return 2 if name == "double_words" or (dtype == "float64" and "Wide" in DRAWS[name][0]) else 4


def lanes_of(name):
    """How many elements side by side a thread takes."""
    return int(name[4:]) if name.startswith("kept") else 4 if name == "bernoulli_each" else 1


def filling(name):
    """The body of a kernel that gives ``out`` the ``n`` elements of a draw, from ``seed`` and ``offset`` on."""
    raw, _, element = DRAWS[name]
    how = f"fill<{raw}>" if lanes_of(name) == 1 else f"fill_side_by_side<{lanes_of(name)}>"
    return f"{how}(n, seed, offset, [=](int64 i, auto x) {{ out[i] = {element}; }});"


def alone(name, dtype, constants, n, threads):
    """A function of ``seed``, ``offset`` and ``i`` (and ``p``): element i of a draw of n, that so many threads would make.

    constants: the draw's parameters.
    """
    raw, _, element = DRAWS[name]
    lanes, each = lanes_of(name), numbers_of(name, dtype)
    group = f"(i / {lanes})" if lanes > 1 else "i"
    thread, row = (f"{group} % {threads}", f"{group} / {threads}") if n > threads * lanes else (group, "0")
    if lanes > 1:
        turn, number = f"{row} * {-(-lanes // 4)} + i % {lanes} / 4", f"i % {min(lanes, 4)}"
    else:
        turn, number = f"{row} / {each}", f"{row} % {each}"
    given = assigned(name, constants)
    index = "unsigned" if n < 1 << 32 else "uint64"
    words = f"philox(seed, {thread}, offset / 4 + {turn})"
    more = ", double p" if name == "bernoulli_each" else ""
    head = f"[](uint64 seed, uint64 offset, {index} i{more}) {{ {types_of(dtype)}{given}"
    return f"{head}const auto x = {raw}::one({words}, {number}); return {element}; }}"


def of_number(name, dtype, constants):
    """A function of a number ``x`` (and ``p``): the element of a draw that it becomes."""
    more = ", double p" if name == "bernoulli_each" else ""
    return f"[](auto x{more}) {{ {types_of(dtype)}{assigned(name, constants)}return {DRAWS[name][2]}; }}"


def assigned(name, constants):
    """The parameters of a draw, as constants."""
    return "".join([f"const {x} = {written(c, x)}; " for x, c in zip(DRAWS[name][1], constants, strict=True)])


def written(number, declared):
    """A constant in C, by how it is declared."""
    if declared.startswith("uint64"):
        return f"{number}ull"
    return constant(number, declared.partition(" ")[0])


PHILOX = r"""
typedef unsigned long long uint64;

#ifdef __CUDACC__
__device__ inline void sine_cosine(float x, float* sine, float* cosine) { __sincosf(x, sine, cosine); }
__device__ inline void sine_cosine_pi(double x, double* sine, double* cosine) { sincospi(x, sine, cosine); }
__device__ inline float quick_log(float x) { return __logf(x); }
__device__ inline float quick_exp(float x) { return __expf(x); }
__device__ inline float quick_tan(float x) { return __tanf(x); }
#endif
__device__ inline double quick_log(double x) { return log(x); }
__device__ inline double quick_exp(double x) { return exp(x); }
__device__ inline double quick_tan(double x) { return tan(x); }
__device__ inline float quick_log1p(float x) { return quick_log(1.0f + x); }
__device__ inline double quick_log1p(double x) { return log1p(x); }

// ------------------------------------------------------------------------------------------------------- the generator

struct Four { unsigned at[4]; };

// Ten rounds: two words are multiplied, and the halves of the products change places with the others, mixed with the key.
__device__ inline Four philox(uint64 seed, uint64 thread, uint64 turn) {
    unsigned a = unsigned(turn), b = unsigned(turn >> 32), c = unsigned(thread), d = unsigned(thread >> 32);
    unsigned key = unsigned(seed), second = unsigned(seed >> 32);
    #pragma unroll
    for (int round = 0; round < 10; ++round) {
        const uint64 x = uint64(0xD2511F53u) * a, y = uint64(0xCD9E8D57u) * c;
        a = unsigned(y >> 32) ^ b ^ key;
        b = unsigned(y);
        c = unsigned(x >> 32) ^ d ^ second;
        d = unsigned(x);
        key += 0x9E3779B9u;
        second += 0xBB67AE85u;
    }
    return {{a, b, c, d}};
}

// ---------------------------------------------------------------------------------------- what four words are made into

// Uniform on (0, 1], of one word; of 53 bits of two.
__device__ inline float unit_of(unsigned word) { return word * 0x1p-32f + 0x1p-33f; }
__device__ inline uint64 bits53(unsigned low, unsigned high) { return uint64(low) ^ (uint64(high) << 21); }
__device__ inline double unit_of(unsigned low, unsigned high) { return bits53(low, high) * 0x1p-53 + 0x1p-54; }

// Two standard normals of two words, or of four.
__device__ inline void normals_of(unsigned first, unsigned second, float* out) {
    const float turn = 0x1p-32f * 6.2831855f;
    const float radius = sqrtf(-2.0f * logf(unit_of(first)));
    sine_cosine(fma(float(second), turn, turn / 2), out, out + 1);
    out[0] *= radius;
    out[1] *= radius;
}
__device__ inline void normals_of(Four words, double* out) {
    const double radius = sqrt(-2.0 * log(unit_of(words.at[0], words.at[1])));
    sine_cosine_pi(bits53(words.at[2], words.at[3]) * 0x1p-52 + 0x1p-53, out, out + 1);
    out[0] *= radius;
    out[1] *= radius;
}

// What a word, or several, are made into: COUNT numbers at a time, or one of them alone.
__device__ inline unsigned one_of(Four words, int k) {
    return k & 2 ? k & 1 ? words.at[3] : words.at[2] : k & 1 ? words.at[1] : words.at[0];
}

struct Words {
    enum { COUNT = 4 };
    unsigned at[4];
    __device__ explicit Words(Four words) { for (int k = 0; k < 4; ++k) at[k] = words.at[k]; }
    __device__ static unsigned one(Four words, int k) { return one_of(words, k); }
};
struct DoubleWords {
    enum { COUNT = 2 };
    uint64 at[2];
    __device__ explicit DoubleWords(Four words) { for (int k = 0; k < 2; ++k) at[k] = one(words, k); }
    __device__ static uint64 one(Four words, int k) { return uint64(one_of(words, 2 * k)) << 32 | one_of(words, 2 * k + 1); }
};
template <class T> struct Units {
    enum { COUNT = 4 };
    float at[4];
    __device__ explicit Units(Four words) { for (int k = 0; k < 4; ++k) at[k] = unit_of(words.at[k]); }
    __device__ static float one(Four words, int k) { return unit_of(one_of(words, k)); }
};
template <> struct Units<double> {
    enum { COUNT = 2 };
    double at[2];
    __device__ explicit Units(Four words) { for (int k = 0; k < 2; ++k) at[k] = one(words, k); }
    __device__ static double one(Four words, int k) { return unit_of(one_of(words, 2 * k), one_of(words, 2 * k + 1)); }
};
template <class T> struct Normals {
    enum { COUNT = 4 };
    float at[4];
    __device__ explicit Normals(Four words) {
        normals_of(words.at[0], words.at[1], at);
        normals_of(words.at[2], words.at[3], at + 2);
    }
    __device__ static float one(Four words, int k) {
        float both[2];
        normals_of(one_of(words, k & 2), one_of(words, (k & 2) + 1), both);
        return k & 1 ? both[1] : both[0];
    }
};
template <> struct Normals<double> {
    enum { COUNT = 2 };
    double at[2];
    __device__ explicit Normals(Four words) { normals_of(words, at); }
    __device__ static double one(Four words, int k) {
        double both[2];
        normals_of(words, both);
        return k ? both[1] : both[0];
    }
};

// put(i, number) for each of n elements: the numbers of a turn go to elements that lie all threads apart.
template <class Raw, class F> __device__ inline void fill(int64 n, uint64 seed, uint64 offset, F put) {
    const int64 thread = int64(blockIdx.x) * blockDim.x + threadIdx.x, threads = int64(gridDim.x) * blockDim.x;
    uint64 turn = offset / 4;
    for (int64 first = thread; first < n; first += threads * Raw::COUNT, ++turn) {
        const Raw raw(philox(seed, thread, turn));
        #pragma unroll
        for (int k = 0; k < Raw::COUNT; ++k) {
            const int64 i = first + k * threads;
            if (i < n) put(i, raw.at[k]);
        }
    }
}

// put(i, number) likewise, as dropout takes them: LANES elements side by side in each turn of a thread, each with a float.
template <int LANES, class F> __device__ inline void fill_side_by_side(int64 n, uint64 seed, uint64 offset, F put) {
    const int64 thread = int64(blockIdx.x) * blockDim.x + threadIdx.x, threads = int64(gridDim.x) * blockDim.x;
    uint64 turn = offset / 4;
    for (int64 first = thread * LANES; first < n; first += threads * LANES) {
        for (int lane = 0; lane < LANES; lane += 4) {
            const Units<float> raw(philox(seed, thread, turn++));
            #pragma unroll
            for (int k = 0; k < 4 && k < LANES; ++k) put(first + lane + k, raw.at[k]);
        }
    }
}

// The numbers of COUNT elements from element i on, as so many threads would take them by LANES side by side.
template <int LANES, int COUNT, class I> __device__ inline Pack<float, COUNT> side_by_side(uint64 seed, uint64 offset, I i, I threads) {
    const int EACH = LANES < 4 ? LANES : 4;
    Pack<float, COUNT> out;
    #pragma unroll
    for (int first = 0; first < COUNT; first += EACH) {
        const I group = (i + first) / LANES;
        const Four words = philox(seed, group % threads, offset / 4 + group / threads * ((LANES + 3) / 4) + (i + first) % LANES / 4);
        #pragma unroll
        for (int k = 0; k < EACH; ++k) out.at[first + k] = unit_of(words.at[k]);
    }
    return out;
}

// ------------------------------------------------------------------------------------------- what the numbers become

// low + (high - low) x in the element's type, where x is on (0, 1]; what comes out as high is low.
template <class T, class Wide> __device__ inline T between(Wide x, double from, double to) {
    const T low = T(Wide(from)), high = T(Wide(to));
    const Wide span = Wide(T(Wide(high) - Wide(low)));
    const T found = T(fma(x, span, Wide(low)));
    return Wide(found) == Wide(high) ? low : found;
}

// ln x of a uniform number: never 0.
__device__ inline float log_of(float x) { return x >= 1 - 0x1p-24f ? -0x1p-24f : quick_log(x); }
__device__ inline double log_of(double x) { return x >= 1 - 0x1p-53 ? -0x1p-53 : log(x); }

// From -π/2 to π/2.
__device__ inline float half_turn(float x) {
    x = x > 1 - 0x1p-23f ? 1 - 0x1p-23f : x;
    x = x < 0x1p-23f ? 0x1p-23f : x;
    return 3.14159265f * (x - 0.5f);
}
__device__ inline double half_turn(double x) { return 3.141592653589793 * (x - 0.5); }

// ---------------------------------------------------------------------------------------- draws of unknown many numbers

struct Sequence {
    uint64 seed, thread, turn;
    Four words;
    int next;
    bool paired;
    float second;

    __device__ Sequence(uint64 seed, uint64 thread, uint64 offset)
        : seed(seed), thread(thread), turn(offset / 4), words(philox(seed, thread, offset / 4)), next(0), paired(false), second(0) {}
    __device__ unsigned word() {
        if (next == 4) {
            words = philox(seed, thread, ++turn);
            next = 0;
        }
        return words.at[next++];
    }
    __device__ float unit() { return unit_of(word()); }
    __device__ float unit24() { return (word() & 0xffffff) * 0x1p-24f; }  // on [0, 1)
    __device__ float normal() {
        if (!paired) {
            float both[2];
            const unsigned first = word();
            normals_of(first, word(), both);
            second = both[1];
            paired = true;
            return both[0];
        }
        paired = false;
        return second;
    }
};

// Gamma with rate 1. Marsaglia & Tsang 2000: d (1 + c z)³ with d = a - 1/3 is nearly that for a normal z.
template <class T, class Wide> __device__ inline T gamma_draw(T shape, Sequence& drawn) {
    Wide scale = 1;
    if (shape < 1) {
        if (shape == 0) return T(Wide(0));
        scale = pow(1 - Wide(drawn.unit()), 1 / Wide(shape));
        shape = T(Wide(shape) + 1);
    }
    const Wide d = Wide(shape) - 1.0f / 3.0f, c = 1 / sqrt(9 * d);
    while (true) {
        Wide z, root;
        do {
            z = drawn.normal();
            root = 1 + c * z;
        } while (root <= 0);
        const Wide cube = root * root * root, u = 1 - Wide(drawn.unit()), square = z * z;
        if (u < 1 - 0.0331f * square * square) return T(scale * d * cube);
        if (log(u) < 0.5f * square + d * (1 - cube + log(cube))) return T(scale * d * cube);
    }
}

// As many uniforms as can be multiplied before the product falls to exp(-rate). Knuth 1969
__device__ inline unsigned few_events(float rate, Sequence& drawn) {
    float product = expf(rate);
    unsigned count = 0;
    do {
        ++count;
        product *= drawn.unit();
    } while (product > 1);
    return count - 1;
}

// Transformed rejection. Hörmann 1993, PTRS
__device__ inline double many_events(double rate, Sequence& drawn) {
    const double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    const double inverse = 1.1239 + 1.1328 / (b - 3.4), bound = 0.9277 - 3.6224 / (b - 2);
    while (true) {
        const double u = drawn.unit() - 0.5, v = drawn.unit(), near = 0.5 - fabs(u), k = floor((2 * a / near + b) * u + rate + 0.43);
        if (near >= 0.07 && v <= bound) return k;
        if (!(k >= 0) || (near < 0.013 && v > near)) continue;
        if (log(v) + log(inverse) - log(a / (near * near) + b) <= k * log(rate) - rate - lgamma(k + 1)) return k;
    }
}

__device__ inline double poisson_draw(double rate, Sequence& drawn) {
    if (rate < 64) return few_events(float(rate), drawn);
    if (!(rate > 4000)) return many_events(rate, drawn);
    double both[2];
    normals_of(drawn.words, both);
    return unsigned(sqrt(rate) * both[0] + rate + 0.5);
}

// ln k! - Stirling's formula.
template <class Wide> __device__ inline Wide tail(Wide k) {
    const Wide small[] = {
        Wide(0.0810614667953272), Wide(0.0413406959554092), Wide(0.0276779256849983), Wide(0.02079067210376509), Wide(0.0166446911898211),
        Wide(0.0138761288230707), Wide(0.0118967099458917), Wide(0.0104112652619720), Wide(0.00925546218271273), Wide(0.00833056343336287)};
    if (k <= 9) return small[int(k)];
    const Wide square = (k + 1) * (k + 1);
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
}

// Hörmann 1993, BTRS
template <class T, class Wide> __device__ inline T many_successes(Wide n, Wide p, Sequence& drawn) {
    const Wide std = sqrt(n * p * (1 - p));
    const Wide b = 1.15 + 2.53 * std, a = -0.0873 + 0.0248 * b + 0.01 * p, middle = n * p + 0.5, bound = 0.92 - 4.2 / b;
    const Wide odds = p / (1 - p), alpha = (2.83 + 5.1 / b) * std, mode = floor((n + 1) * p);
    while (true) {
        const Wide u = drawn.unit24() - 0.5, near = 0.5 - abs(u);
        Wide v = drawn.unit24();
        const T drawn_k = T(floor((2 * a / near + b) * u + middle));
        const Wide k = drawn_k;
        if (k < 0 || k > n) continue;
        if (near >= 0.07 && v <= bound) return drawn_k;
        v = log(v * alpha / (a / (near * near) + b));
        const Wide most = (mode + 0.5) * log((mode + 1) / (odds * (n - mode + 1))) + (n + 1) * log((n - mode + 1) / (n - k + 1))
            + (k + 0.5) * log(odds * (n - k + 1) / (k + 1)) + tail(mode) + tail(n - mode) - tail(k) - tail(n - k);
        if (v <= most) return drawn_k;
    }
}

// The trials from one success to the next are geometric: count those that fit. Kemp 1986
template <class Wide> __device__ inline Wide few_successes(Wide n, Wide p, Sequence& drawn) {
    Wide done = 0, count = 0, scale = log1p(-p);
    while (true) {
        done += ceil(log(Wide(drawn.unit24())) / scale);
        if (done > n) return count;
        count += 1;
    }
}

template <class T, class Wide> __device__ inline Wide successes(Wide n, Wide p, Sequence& drawn) {
    return n * p >= 10 ? Wide(many_successes<T>(n, p, drawn)) : few_successes(n, p, drawn);
}

template <class T, class Wide> __device__ inline T binomial_draw(Wide n, Wide p, Sequence& drawn) {
    if (n <= 0 || p <= 0) return T(Wide(0));
    if (p >= 1) return T(n);
    if (p <= 0.5) return T(successes<T>(n, p, drawn));
    return p > 0.5 ? T(n - successes<T>(n, Wide(1.0 - p), drawn)) : T(Wide(NAN));
}
"""
"""The generator and the distributions."""
