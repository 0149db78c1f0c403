// CUDA's words in plain C++, so that kernels can be run and debugged without a GPU: one block after the other, and the
// threads of a block as fibers that take turns at barriers.

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmath>
#include <type_traits>
#include <utility>
using std::abs;
using std::acos; using std::acosh; using std::asin; using std::asinh; using std::atan; using std::atan2; using std::atanh;
using std::ceil; using std::cos; using std::cosh; using std::erf; using std::erfc; using std::exp; using std::exp2;
using std::expm1; using std::floor; using std::fma; using std::hypot; using std::log; using std::log10; using std::log1p; using std::log2;
using std::pow; using std::rint; using std::sin; using std::sinh; using std::sqrt; using std::tan; using std::tanh;
using std::trunc;
inline int min(int x, int y) { return x < y ? x : y; }

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)
#define __grid_constant__

struct Dims { unsigned x, y, z; };
static Dims threadIdx, blockIdx, blockDim, gridDim;

inline unsigned __float_as_uint(float x) { unsigned bits; memcpy(&bits, &x, 4); return bits; }
inline float __uint_as_float(unsigned bits) { float x; memcpy(&x, &bits, 4); return x; }
inline double __longlong_as_double(long long bits) { double x; memcpy(&x, &bits, 8); return x; }
inline float from_float16(unsigned short bits) { _Float16 x; memcpy(&x, &bits, 2); return float(x); }
inline unsigned short to_float16(float x) { _Float16 y = _Float16(x); unsigned short bits; memcpy(&bits, &y, 2); return bits; }

inline unsigned short to_bfloat16(float x) {
    unsigned all = __float_as_uint(x);
    return x != x ? 0x7fff : (all + 0x7fff + (all >> 16 & 1)) >> 16;
}
inline unsigned near_tf32(unsigned word) { return __float_as_uint(__uint_as_float(word) * 1.00032552f) & 0xffffe000; }
inline unsigned to_tf32(float x) { return x != x ? 0x7fffffff : __float_as_uint(x) + 0x1000 & 0xffffe000; }

inline void sine_cosine(float x, float* sine, float* cosine) { *sine = sinf(x); *cosine = cosf(x); }
inline void sine_cosine_pi(double x, double* sine, double* cosine) { *sine = sin(M_PI * x); *cosine = cos(M_PI * x); }
inline float quick_log(float x) { return logf(x); }
inline float quick_exp(float x) { return expf(x); }
inline float quick_tan(float x) { return tanf(x); }

template <class T> T atomicAdd(T* place, T x) { T old = *place; *place = old + x; return old; }
template <class T> T atomicCAS(T* place, T expected, T x) { T old = *place; if (old == expected) *place = x; return old; }

alignas(16) static unsigned shared_words[1 << 16];
#define SHARED_WORDS(name) unsigned* name = shared_words
inline void copy_word(unsigned* place, const float* source, bool there) { *place = there ? __float_as_uint(*source) : 0; }
inline void copy_two(unsigned* place, const float* source, bool there) { for (int i = 0; i < 2; ++i) copy_word(place + i, source + i, there); }
inline void copy_four(unsigned* place, const float* source, bool there) { for (int i = 0; i < 4; ++i) copy_word(place + i, source + i, there); }
inline void commit_copies() {}
template <int LATER> void wait_copies() {}

// ------------------------------------------------------------------------------------------------------------- fibers

namespace shim {

const int MOST = 1024;
const size_t STACK = 1 << 17;
struct Fiber { ucontext_t start; jmp_buf at; bool begun, done; char* stack; };
struct Barrier { int arrived, generation; };

static Fiber fibers[MOST];
static jmp_buf home;
static int current, count, living;
static Barrier all, warps[MOST / 32];
static double values[MOST];
static void (*body)(void*);
static void* argument;

inline void enter(int next) {
    current = next;
    threadIdx.x = next;
    if (fibers[next].begun) _longjmp(fibers[next].at, 1);
    fibers[next].begun = true;
    setcontext(&fibers[next].start);
}

inline int following() {
    int next = current;
    do next = (next + 1) % count; while (fibers[next].done && next != current);
    return next;
}

inline void yield() {
    int next = following();
    if (next != current && _setjmp(fibers[current].at) == 0) enter(next);
}

inline void release(Barrier& barrier) { barrier.arrived = 0; ++barrier.generation; }

inline void wait(Barrier& barrier, int needed) {
    int generation = barrier.generation;
    if (++barrier.arrived == needed) release(barrier);
    else while (barrier.generation == generation) yield();
}

static void run_fiber() {
    body(argument);
    fibers[current].done = true;
    if (--living == 0) _longjmp(home, 1);
    if (all.arrived == living) release(all);
    enter(following());
}

// The threads of a block: in turns where they wait for each other, else simply one after the other.
inline void run_block(int threads, bool together) {
    if (!together) {
        for (int thread = 0; thread < threads; ++thread) {
            threadIdx.x = thread;
            body(argument);
        }
        return;
    }
    count = living = threads;
    all.arrived = 0;
    for (Barrier& barrier : warps) barrier.arrived = 0;
    for (int thread = 0; thread < threads; ++thread) {
        Fiber& fiber = fibers[thread];
        if (!fiber.stack) fiber.stack = (char*)malloc(STACK);
        fiber.begun = fiber.done = false;
        getcontext(&fiber.start);
        fiber.start.uc_stack.ss_sp = fiber.stack;
        fiber.start.uc_stack.ss_size = STACK;
        fiber.start.uc_link = nullptr;
        makecontext(&fiber.start, run_fiber, 0);
    }
    if (_setjmp(home) == 0) enter(0);
}

template <class F> void run(F work, const int* grid, int threads, bool together) {
    argument = &work;
    body = [](void* given) { (*(F*)given)(); };
    gridDim = {unsigned(grid[0]), unsigned(grid[1]), unsigned(grid[2])};
    blockDim = {unsigned(threads), 1, 1};
    for (blockIdx.z = gridDim.z; blockIdx.z-- > 0;)  // the last block first: no order of blocks may matter
        for (blockIdx.y = gridDim.y; blockIdx.y-- > 0;)
            for (blockIdx.x = gridDim.x; blockIdx.x-- > 0;) run_block(threads, together);
}

// An argument of a kernel: an address or a number; or a struct, of which there is the address.
template <class A> A given(void* word) {
    if constexpr (std::is_class_v<A>) return *(A*)word;
    else if constexpr (std::is_floating_point_v<A>) { A x; memcpy(&x, &word, sizeof(x)); return x; }
    else return (A)word;
}

template <class... A, size_t... I> void call(void (*kernel)(A...), void** pointers, std::index_sequence<I...>) {
    kernel(given<A>(pointers[I])...);
}

template <class... A> void launch(void (*kernel)(A...), void** pointers, const int* grid, int threads, bool together) {
    run([=] { call(kernel, pointers, std::make_index_sequence<sizeof...(A)>()); }, grid, threads, together);
}

}  // namespace shim

inline void __threadfence() {}
template <class T> T __ldcg(const T* place) { return *place; }
inline void __syncthreads() { shim::wait(shim::all, shim::living); }

inline void __syncwarp() {
    int first = threadIdx.x / 32 * 32;
    shim::wait(shim::warps[first / 32], min(32, shim::count - first));
}

template <class T> T __shfl_xor_sync(unsigned, T x, int distance) {
    int first = threadIdx.x / 32 * 32, lanes = min(32, shim::count - first);
    memcpy(&shim::values[threadIdx.x], &x, sizeof(T));
    shim::wait(shim::warps[first / 32], lanes);
    int other = threadIdx.x ^ distance;
    memcpy(&x, &shim::values[other < first + lanes ? other : threadIdx.x], sizeof(T));
    shim::wait(shim::warps[first / 32], lanes);
    return x;
}

// ------------------------------------------------------------------------------------------------------- tensor cores

namespace shim {

static unsigned pieces[MOST][6];

// Sums of a 16 x 8 piece: lane 4g + t has rows g and g + 8, columns 2t and 2t + 1; PER numbers of each factor lie in a word.
template <int PER, class F> void multiply(float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2], F number) {
    int first = threadIdx.x / 32 * 32, lane = threadIdx.x % 32, group = lane / 4, four = lane % 4;
    memcpy(pieces[threadIdx.x], a, 16);
    memcpy(pieces[threadIdx.x] + 4, b, 8);
    wait(warps[first / 32], 32);
    for (int e = 0; e < 4; ++e) {
        int row = group + e / 2 * 8, column = four * 2 + e % 2;
        for (int k = 0; k < 8 * PER; ++k) {
            int word = k / PER, part = k % PER;
            unsigned left = pieces[first + row % 8 * 4 + word % 4][row / 8 + word / 4 * 2];
            unsigned right = pieces[first + column * 4 + word % 4][4 + word / 4];
            sum[e] += number(left, part) * number(right, part);
        }
    }
    wait(warps[first / 32], 32);
}

}  // namespace shim

#define MULTIPLY(name, per, number)                                                                       \
    inline void multiply_##name(float (&sum)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {        \
        shim::multiply<per>(sum, a, b, [](unsigned word, int part) { return number; });                   \
    }
MULTIPLY(tf32, 1, __uint_as_float(word))
MULTIPLY(float16, 2, from_float16((unsigned short)(word >> 16 * part)))
MULTIPLY(bfloat16, 2, __uint_as_float(word >> 16 * part << 16))

// --------------------------------------------------------------------------------------------------- tiles of attention

namespace shim {

static const unsigned short* named_rows[MOST];

// Four 8 x 8 matrices: lane 4g + t has (g, 2t) and (g, 2t + 1) of each; or, turned, (2t, g) and (2t + 1, g).
inline void load(unsigned (&x)[4], const void* row, bool turned) {
    int first = threadIdx.x / 32 * 32, lane = threadIdx.x % 32, group = lane / 4, four = lane % 4;
    named_rows[threadIdx.x] = (const unsigned short*)row;
    wait(warps[first / 32], 32);
    for (int m = 0; m < 4; ++m) {
        const unsigned short** rows = named_rows + first + m * 8;
        x[m] = turned ? rows[four * 2][group] | unsigned(rows[four * 2 + 1][group]) << 16
                      : rows[group][four * 2] | unsigned(rows[group][four * 2 + 1]) << 16;
    }
    wait(warps[first / 32], 32);
}

}  // namespace shim

inline void load_matrices(unsigned (&x)[4], const void* row) { shim::load(x, row, false); }
inline void load_turned(unsigned (&x)[4], const void* row) { shim::load(x, row, true); }
inline void send(void* to, const void* from, bool there) { there ? memcpy(to, from, 16) : memset(to, 0, 16); }
inline void sent() {}
template <int BUT> void arrived() {}
inline float power_of_two(float x) { return exp2(x); }
template <class T> unsigned paired(T, float x, float y) { return T(x).bits | unsigned(T(y).bits) << 16; }
