"""Attention in CUDA, on tensor cores: softmax(scale · Q Kᵀ) V and its gradients, without a matrix of all scores.

A warp has 16 rows and goes along the others a tile at a time, which the four warps of a block share:

    attend          16 queries    along the keys       S = Q Kᵀ,  P = exp(S - m),  O += P V         m: the largest so far
    attend_back     16 queries    along the keys       P = exp(S - total),  dS = P (G Vᵀ - Σ G O),  dQ += dS K
    attend_across   16 keys       along the queries    the same, turned: dV += Pᵀ G,  dK += dSᵀ Q

Whenever a larger score is met, what there is of O shrinks by exp(old m - new m); in the end it is divided by Σ P. The way back
knows each query's total, log Σ exp S, so it makes the P of any tile anew. Each gradient is added up by one warp, always in the
same order; that S and G Vᵀ are computed twice is the price.

The sums that a tensor core leaves in a thread's registers are laid out as it wants the numbers of a left factor: P goes
from one product into the next without leaving the registers. While a tile is multiplied, the next one is on its way.

torch: ATen/native/transformers/cuda/flash_attn.   Dao et al. 2022, arXiv:2205.14135; Dao 2023, arXiv:2307.08691
"""

import math
from dataclasses import dataclass

from .cuda import constant

__all__ = ["ATTENTION", "AttentionShape", "Operand", "PACK", "THREADS", "attention_kernel"]

THREADS, ROWS = 128, 64
"""Of a block, and queries (or keys) that it has: 16 for each warp."""
PACK = 16
"""Bytes that are fetched at once."""


@dataclass(frozen=True)
class AttentionShape:
    """``queries`` x ``keys`` scores of ``features`` numbers each, ``values`` numbers to each key.   packs: whether all rows
    begin at multiples of 16 bytes.   kind: as it lies in memory.

    >>> AttentionShape(256, 256, 64, 64, True, True, "bfloat16").arguments
    '<bfloat16, 256, 256, 64, 64, true, true>'
    """

    queries: int
    keys: int
    features: int
    values: int
    causal: bool
    packs: bool
    kind: str

    @property
    def arguments(self):
        """Of the templates below."""
        flags = ", ".join([str(flag).lower() for flag in (self.causal, self.packs)])
        return f"<{self.kind}, {self.queries}, {self.keys}, {self.features}, {self.values}, {flags}>"


@dataclass(frozen=True)
class Operand:
    """Where an operand's numbers lie.   kind: as they lie in memory; None if it isn't there.   made: whether they are written.

    batch: steps between the matrices, along each extent of the batch.   row: step from row to row; None if a row has one number.
    """

    kind: str | None
    made: bool = False
    batch: tuple = ()
    row: int | None = None
    offset: int = 0

    def start(self, name, extents):
        """Code for where the matrix number ``matrix`` begins."""
        terms, rest = [name], 1
        for n, step in zip(reversed(extents), reversed(self.batch)):
            if step and n > 1:
                terms.append(f"int64(matrix / {rest} % {n}) * {step}")
            rest *= n
        return " + ".join([*terms, *([str(self.offset)] if self.offset else [])])


def attention_kernel(function, shape, operands, extents, scale):
    """(parameters, body, how many blocks, of which so many should live on a processor) of a kernel: one of the functions below.

    operands: an Operand for each pointer that it takes; b0, b1, … are those that are there.   extents: of the batch.
    """
    parameters, pointers = [], []
    for x in operands:
        name = f"b{len(parameters)}"
        pointers.append("nullptr" if x.kind is None else x.start(name, extents))
        parameters += [] if x.kind is None else [f"{'' if x.made else 'const '}{x.kind}* __restrict__ {name}"]
    steps = [str(x.row) for x in operands if x.row is not None]
    matrices, rows = math.prod(extents), shape.keys if function == "attend_across" else shape.queries
    lives = 3 if function == "attend_across" and max(shape.features, shape.values) <= 64 else 0
    body = f"""\
    const int matrix = blockIdx.x % {matrices}, turn = blockIdx.x / {matrices};
    {function}{shape.arguments}({", ".join([*pointers, *steps, "turn", constant(scale, "float")])});
"""
    return parameters, body, matrices * -(-rows // ROWS), lives


ATTENTION = r"""
#ifdef __CUDACC__
// Four 8 x 8 matrices of narrow numbers lie in a warp's registers; each thread names one row.
__device__ inline void load_matrices(unsigned (&x)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"((unsigned)__cvta_generic_to_shared(row)) : "memory");
}
// The same, each matrix turned.
__device__ inline void load_turned(unsigned (&x)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"((unsigned)__cvta_generic_to_shared(row)) : "memory");
}
// 16 bytes set out for shared memory, or zeros; they are there when ``arrived`` has waited for them.
__device__ inline void send(void* to, const void* from, bool there) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
        :: "r"((unsigned)__cvta_generic_to_shared(to)), "l"(from), "r"(there ? 16 : 0) : "memory");
}
__device__ inline void sent() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int BUT> __device__ inline void arrived() { asm volatile("cp.async.wait_group %0;" :: "n"(BUT) : "memory"); }
// Two narrow numbers in a word.
__device__ inline unsigned paired(float16, float x, float y) {
    unsigned bits;
    asm("cvt.rn.f16x2.f32 %0, %2, %1;" : "=r"(bits) : "f"(x), "f"(y));
    return bits;
}
__device__ inline unsigned paired(bfloat16, float x, float y) {
    unsigned bits;
    asm("cvt.rn.bf16x2.f32 %0, %2, %1;" : "=r"(bits) : "f"(x), "f"(y));
    return bits;
}
__device__ inline float power_of_two(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
#endif

#define LOG2E 1.44269504f

__device__ inline void multiply(float16, float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) { multiply_float16(sum, a, b); }
__device__ inline void multiply(bfloat16, float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) { multiply_bfloat16(sum, a, b); }

// The products of two pairs, added up.
template <class T> __device__ inline float dot(unsigned x, unsigned y) {
    T a[2], b[2];
    #pragma unroll
    for (int e = 0; e < 2; ++e) {
        a[e].bits = x >> 16 * e;
        b[e].bits = y >> 16 * e;
    }
    return float(a[0]) * float(b[0]) + float(a[1]) * float(b[1]);
}

__device__ constexpr int up(int n, int step) { return (n + step - 1) / step * step; }
__device__ constexpr int tile_rows(int width) { return width <= 64 ? 64 : 32; }

// Rows in shared memory. The odd ends let all threads of a warp read at once.
template <class T, int HEIGHT, int WIDTH> struct alignas(16) Tile { T at[HEIGHT][WIDTH + 8]; };

// Rows ``first`` to first + HEIGHT of a matrix are sent for; what lies outside of it is 0.
template <bool PACKS, class T, int HEIGHT, int WIDTH>
__device__ inline void fetch(Tile<T, HEIGHT, WIDTH>& tile, const T* from, int step, int first, int rows, int columns) {
    #pragma unroll
    for (int i = threadIdx.x; i < HEIGHT * WIDTH / 8; i += 128) {
        const int row = i / (WIDTH / 8), column = i % (WIDTH / 8) * 8;
        const bool there = first + row < rows && column < columns;
        const T* place = from + int64(first + row) * step + column;
        if (PACKS) send(&tile.at[row][column], there ? place : from, there);
        else for (int e = 0; e < 8; ++e) tile.at[row][column + e] = there && column + e < columns ? place[e] : T(0.0f);
    }
}

// 16 rows of a matrix as left factors, in the registers of a warp.
template <class T, int WIDTH> struct Left {
    unsigned at[WIDTH / 16][4];

    template <bool PACKS> __device__ void fetch(const T* from, int step, int first, int rows, int columns) {
        const int group = threadIdx.x % 32 / 4, four = threadIdx.x % 4;
        #pragma unroll
        for (int k = 0; k < WIDTH / 16; ++k) {
            #pragma unroll
            for (int e = 0; e < 4; ++e) {
                const int row = first + group + e % 2 * 8, column = k * 16 + e / 2 * 8 + four * 2;
                const T* place = from + int64(row) * step + column;
                at[k][e] = 0;
                if (row < rows && column < columns) {
                    if (PACKS) at[k][e] = *(const unsigned*)place;
                    else at[k][e] = place->bits | (column + 1 < columns ? unsigned(place[1].bits) << 16 : 0);
                }
            }
        }
    }

    // sum = rows times the rows of a tile.
    template <int HEIGHT> __device__ void times_rows(float (&sum)[HEIGHT / 8][4], const Tile<T, HEIGHT, WIDTH>& tile) const {
        const int lane = threadIdx.x % 32;
        #pragma unroll
        for (int n = 0; n < HEIGHT / 8; n += 2) {
            #pragma unroll
            for (int e = 0; e < 4; ++e) sum[n][e] = sum[n + 1][e] = 0;
            #pragma unroll
            for (int k = 0; k < WIDTH / 16; ++k) {
                unsigned x[4];
                load_matrices(x, &tile.at[n * 8 + lane / 16 * 8 + lane % 8][k * 16 + lane / 8 % 2 * 8]);
                multiply(T(), sum[n], at[k], {x[0], x[1]});
                multiply(T(), sum[n + 1], at[k], {x[2], x[3]});
            }
        }
    }
};

// sum += p times a tile: p as another product has left it.
template <class T, int HEIGHT, int WIDTH>
__device__ inline void add_product(float (&sum)[WIDTH / 8][4], const float (&p)[HEIGHT / 8][4], const Tile<T, HEIGHT, WIDTH>& tile) {
    const int lane = threadIdx.x % 32;
    #pragma unroll
    for (int k = 0; k < HEIGHT / 16; ++k) {
        unsigned a[4];
        #pragma unroll
        for (int e = 0; e < 4; ++e) a[e] = paired(T(), p[k * 2 + e / 2][e % 2 * 2], p[k * 2 + e / 2][e % 2 * 2 + 1]);
        #pragma unroll
        for (int n = 0; n < WIDTH / 8; n += 2) {
            unsigned x[4];
            load_turned(x, &tile.at[k * 16 + lane % 16][n * 8 + lane / 16 * 8]);
            multiply(T(), sum[n], a, {x[0], x[1]});
            multiply(T(), sum[n + 1], a, {x[2], x[3]});
        }
    }
}

// 16 rows of sums go to memory, each row times its factor: by way of two tiles that nobody needs any more, for there the numbers
// of a row come together.
template <bool PACKS, class T, int HEIGHT, int WIDTH>
__device__ inline void put(
    const float (&sum)[WIDTH / 8][4], const float (&factor)[2], Tile<T, HEIGHT, WIDTH> (&tiles)[2],
    T* to, int step, int first, int rows, int columns
) {
    const int lane = threadIdx.x % 32, group = lane / 4, four = lane % 4, within = threadIdx.x / 32 * 16 % HEIGHT;
    Tile<T, HEIGHT, WIDTH>& tile = tiles[threadIdx.x / 32 * 16 / HEIGHT % 2];
    for (int turn = 0; turn * 2 * HEIGHT < 64; ++turn) {  // all warps at once, where there is room for their rows
        if (threadIdx.x / 32 * 16 / (2 * HEIGHT) == turn) {
            #pragma unroll
            for (int n = 0; n < WIDTH / 8; ++n) {
                #pragma unroll
                for (int half = 0; half < 2; ++half) {
                    const float x = sum[n][half * 2] * factor[half], y = sum[n][half * 2 + 1] * factor[half];
                    *(unsigned*)&tile.at[within + group + half * 8][n * 8 + four * 2] = paired(T(), x, y);
                }
            }
            __syncwarp();
            for (int i = lane; i < 16 * WIDTH / 8; i += 32) {
                const int row = i / (WIDTH / 8), column = i % (WIDTH / 8) * 8;
                if (first + row >= rows || column >= columns) continue;
                T* place = to + int64(first + row) * step + column;
                const T* here = &tile.at[within + row][column];
                if (PACKS) *(Pack<T, 8>*)place = *(const Pack<T, 8>*)here;
                else for (int e = 0; e < 8 && column + e < columns; ++e) place[e] = here[e];
            }
        }
        __syncthreads();
    }
}

struct Largest { __device__ float operator()(float x, float y) const { return fmaxf(x, y); } };

template <class F> __device__ inline float across_four(F combine, float x) { return across_warp<4>(combine, x); }

template <class T, int QUERIES, int KEYS, int FEATURES, int VALUES, bool CAUSAL, bool PACKS>
__device__ inline void attend(
    const T* q, const T* k, const T* v, T* o, float* totals,
    int q_step, int k_step, int v_step, int o_step, int turned, float scale
) {
    constexpr int D = up(FEATURES, 16), E = up(VALUES, 16), N = tile_rows(D > E ? D : E);
    __shared__ Tile<T, N, D> ks[2];
    __shared__ Tile<T, N, E> vs[2];
    const int block = (QUERIES - 1) / 64 - turned;  // where all see what is before them, those that have most to do begin
    const int first = block * 64 + threadIdx.x / 32 * 16, group = threadIdx.x % 32 / 4, four = threadIdx.x % 4;
    const int end = CAUSAL ? min(KEYS, block * 64 + 64) : KEYS;
    auto ask = [&](int j, int turn) {
        fetch<PACKS>(ks[turn], k, k_step, j, KEYS, FEATURES);
        fetch<PACKS>(vs[turn], v, v_step, j, KEYS, VALUES);
        sent();
    };
    ask(0, 0);
    Left<T, D> queries;
    queries.template fetch<PACKS>(q, q_step, first, QUERIES, FEATURES);
    float out[E / 8][4] = {}, most[2] = {-INFINITY, -INFINITY}, total[2] = {};
    for (int j = 0, turn = 0; j < end; j += N, turn ^= 1) {
        if (j + N < end) ask(j + N, turn ^ 1);
        else sent();
        arrived<1>();
        __syncthreads();
        float p[N / 8][4];
        queries.times_rows(p, ks[turn]);
        if (j + N > KEYS || (CAUSAL && j + N > first + 1)) {
            #pragma unroll
            for (int n = 0; n < N / 8; ++n) {
                #pragma unroll
                for (int e = 0; e < 4; ++e) {
                    const int key = j + n * 8 + four * 2 + e % 2;
                    if (key >= KEYS || (CAUSAL && key > first + group + e / 2 * 8)) p[n][e] = -INFINITY;
                }
            }
        }
        #pragma unroll
        for (int half = 0; half < 2; ++half) {
            float seen = most[half];
            #pragma unroll
            for (int n = 0; n < N / 8; ++n) seen = fmaxf(fmaxf(p[n][half * 2], p[n][half * 2 + 1]), seen);
            seen = across_four(Largest(), seen);
            const float shrunk = power_of_two((most[half] - seen) * (scale * LOG2E)), base = seen * (scale * LOG2E);
            most[half] = seen;
            total[half] *= shrunk;
            #pragma unroll
            for (int n = 0; n < N / 8; ++n) {
                #pragma unroll
                for (int e = half * 2; e < half * 2 + 2; ++e) total[half] += p[n][e] = power_of_two(p[n][e] * (scale * LOG2E) - base);
            }
            #pragma unroll
            for (int n = 0; n < E / 8; ++n) {
                out[n][half * 2] *= shrunk;
                out[n][half * 2 + 1] *= shrunk;
            }
        }
        add_product(out, p, vs[turn]);
        __syncthreads();
    }
    float share[2];
    #pragma unroll
    for (int half = 0; half < 2; ++half) {
        total[half] = across_four(Sum(), total[half]);
        share[half] = 1 / total[half];
        const int query = first + group + half * 8;
        if (totals && four == 0 && query < QUERIES) totals[query] = most[half] * scale + log(total[half]);
    }
    put<PACKS>(out, share, vs, o, o_step, first, QUERIES, VALUES);
}

template <class T, int QUERIES, int KEYS, int FEATURES, int VALUES, bool CAUSAL, bool PACKS>
__device__ inline void attend_back(
    const T* g, const T* q, const T* k, const T* v, const T* o, const float* totals, float* sums, T* dq,
    int g_step, int q_step, int k_step, int v_step, int o_step, int dq_step, int turned, float scale
) {
    constexpr int D = up(FEATURES, 16), E = up(VALUES, 16), N = tile_rows(D > E ? D : E);
    __shared__ Tile<T, N, D> ks[2];
    __shared__ Tile<T, N, E> vs[2];
    const int block = (QUERIES - 1) / 64 - turned;  // where all see what is before them, those that have most to do begin
    const int first = block * 64 + threadIdx.x / 32 * 16, group = threadIdx.x % 32 / 4, four = threadIdx.x % 4;
    const int end = CAUSAL ? min(KEYS, block * 64 + 64) : KEYS;
    auto ask = [&](int j, int turn) {
        fetch<PACKS>(ks[turn], k, k_step, j, KEYS, FEATURES);
        fetch<PACKS>(vs[turn], v, v_step, j, KEYS, VALUES);
        sent();
    };
    ask(0, 0);
    Left<T, D> queries;
    queries.template fetch<PACKS>(q, q_step, first, QUERIES, FEATURES);
    Left<T, E> slopes, outs;
    slopes.template fetch<PACKS>(g, g_step, first, QUERIES, VALUES);
    outs.template fetch<PACKS>(o, o_step, first, QUERIES, VALUES);
    float less[2], base[2];
    #pragma unroll
    for (int half = 0; half < 2; ++half) {
        float sum = 0;
        #pragma unroll
        for (int n = 0; n < E / 16; ++n) {
            #pragma unroll
            for (int e = half; e < 4; e += 2) sum += dot<T>(slopes.at[n][e], outs.at[n][e]);
        }
        less[half] = across_four(Sum(), sum);
        const int query = first + group + half * 8;
        base[half] = query < QUERIES ? totals[query] * LOG2E : 0;
        if (four == 0 && query < QUERIES) sums[query] = less[half];
    }
    float out[D / 8][4] = {};
    for (int j = 0, turn = 0; j < end; j += N, turn ^= 1) {
        if (j + N < end) ask(j + N, turn ^ 1);
        else sent();
        arrived<1>();
        __syncthreads();
        float p[N / 8][4], s[N / 8][4];
        queries.times_rows(p, ks[turn]);
        slopes.times_rows(s, vs[turn]);
        #pragma unroll
        for (int n = 0; n < N / 8; ++n) {
            #pragma unroll
            for (int e = 0; e < 4; ++e) {
                const int key = j + n * 8 + four * 2 + e % 2;
                const float x = power_of_two(p[n][e] * (scale * LOG2E) - base[e / 2]) * (s[n][e] - less[e / 2]);
                p[n][e] = key < KEYS && !(CAUSAL && key > first + group + e / 2 * 8) ? x : 0;
            }
        }
        add_product(out, p, ks[turn]);
        __syncthreads();
    }
    if (dq) put<PACKS>(out, {scale, scale}, ks, dq, dq_step, first, QUERIES, FEATURES);
}

template <class T, int QUERIES, int KEYS, int FEATURES, int VALUES, bool CAUSAL, bool PACKS>
__device__ inline void attend_across(
    const T* g, const T* q, const T* k, const T* v, const float* totals, const float* sums, T* dk, T* dv,
    int g_step, int q_step, int k_step, int v_step, int dk_step, int dv_step, int block, float scale
) {
    constexpr int D = up(FEATURES, 16), E = up(VALUES, 16), N = tile_rows(D > E ? D : E) / 2;
    __shared__ Tile<T, N, D> qs[2];
    __shared__ Tile<T, N, E> gs[2];
    const int first = block * 64 + threadIdx.x / 32 * 16, group = threadIdx.x % 32 / 4, four = threadIdx.x % 4;
    auto ask = [&](int i, int turn) {
        fetch<PACKS>(qs[turn], q, q_step, i, QUERIES, FEATURES);
        fetch<PACKS>(gs[turn], g, g_step, i, QUERIES, VALUES);
        sent();
    };
    const int begin = CAUSAL ? block * 64 : 0;
    ask(begin, 0);
    Left<T, D> keys;
    keys.template fetch<PACKS>(k, k_step, first, KEYS, FEATURES);
    Left<T, E> values;
    values.template fetch<PACKS>(v, v_step, first, KEYS, VALUES);
    float to_key[D / 8][4] = {}, to_value[E / 8][4] = {};
    for (int i = begin, turn = 0; i < QUERIES; i += N, turn ^= 1) {
        if (i + N < QUERIES) ask(i + N, turn ^ 1);
        else sent();
        arrived<1>();
        __syncthreads();
        float p[N / 8][4], s[N / 8][4];
        keys.times_rows(p, qs[turn]);
        values.times_rows(s, gs[turn]);
        #pragma unroll
        for (int n = 0; n < N / 8; ++n) {
            #pragma unroll
            for (int part = 0; part < 2; ++part) {
                const int query = i + n * 8 + four * 2 + part;
                const bool there = query < QUERIES;
                const float base = there ? totals[query] * LOG2E : 0, less = there ? sums[query] : 0;
                #pragma unroll
                for (int e = part; e < 4; e += 2) {
                    const bool seen = there && !(CAUSAL && first + group + e / 2 * 8 > query);
                    p[n][e] = seen ? power_of_two(p[n][e] * (scale * LOG2E) - base) : 0;
                    s[n][e] = seen ? p[n][e] * (s[n][e] - less) : 0;
                }
            }
        }
        add_product(to_value, p, gs[turn]);
        add_product(to_key, s, qs[turn]);
        __syncthreads();
    }
    if (dk) put<PACKS>(to_key, {scale, scale}, qs, dk, dk_step, first, KEYS, FEATURES);
    if (dv) put<PACKS>(to_value, {1.0f, 1.0f}, gs, dv, dv_step, first, KEYS, VALUES);
}
"""
