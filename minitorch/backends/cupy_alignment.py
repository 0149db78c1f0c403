"""Connectionist temporal classification on a GPU: a block of threads goes along the frames of a sequence, a thread for each state.

What is computed is said in ctc.py; here too in float64, and rounded once. On the way back a second walk goes from the last frame
to the first, and then each frame of each sequence is a block of its own.

torch: ATen/native/cuda/LossCTC.cu
"""

from functools import lru_cache

import numpy

from ..native.cuda import PRELUDE
from . import ctc
from .cupy_launch import Kernel, in_order, room

__all__ = ["ctc_loss", "ctc_loss_grad"]

THREADS = 256
KINDS = {"f": "float", "d": "double"}

TEXT = r"""
__device__ inline double log_sum(double x, double y) {
    const double high = larger(x, y), low = smaller(x, y);
    return low == -INFINITY || high != high ? high : high + log1p(exp(low - high));
}

__device__ inline bool infinite(double x) { return x == INFINITY || x == -INFINITY; }

// What all kernels are told of the batch: N targets of S labels at most, T frames, C classes. room: two rows of states for each.
struct Words {
    const F* log_p;
    const int64 *targets, *frames, *lengths;
    int64 T, N, C, S, blank, zero;
    double *alpha, *losses, *room;
    const F* g;
    F* out;

    __device__ int64 label(int64 n, int64 s) const { return s % 2 ? targets[n * S + s / 2] : blank; }
    __device__ double seen(int64 t, int64 n, int64 s) const {
        const int64 c = label(n, s);
        return c < 0 || c >= C ? double(NAN) : double(log_p[(t * N + n) * C + c]);
    }
    __device__ double* row(int64 t, int64 n) const { return alpha + (t * N + n) * (2 * S + 1); }
};

// The log-probability of all ways to be in each state at each time, and the loss.
extern "C" __global__ void __launch_bounds__(256) walk(const __grid_constant__ Words b) {
    const int64 n = blockIdx.x, states = 2 * b.S + 1, frames = b.frames[n], length = b.lengths[n];
    for (int64 t = 0; t < frames; ++t) {
        const double* const before = b.row(t - 1, n);
        for (int64 s = threadIdx.x; s < states; s += 256) {
            double x = s < 2 ? 0 : -INFINITY;
            if (t > 0) {
                x = log_sum(before[s], s > 0 ? before[s - 1] : -INFINITY);
                if (s > 1 && b.label(n, s) != b.label(n, s - 2)) x = log_sum(x, before[s - 2]);
            }
            b.row(t, n)[s] = x + b.seen(t, n, s);
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        double loss = length ? INFINITY : 0;
        if (frames > 0) {
            const double* const last = b.row(frames - 1, n);
            loss = -(length ? log_sum(last[2 * length], last[2 * length - 1]) : last[0]);
        }
        b.losses[n] = loss;
        if (b.out) b.out[n] = F(b.zero && infinite(loss) ? 0 : loss);
    }
}

// From the end: alpha becomes the logarithm of how likely each state is at each time, given that the target is spelled.
extern "C" __global__ void __launch_bounds__(256) walk_back(const __grid_constant__ Words b) {
    const int64 n = blockIdx.x, states = 2 * b.S + 1, frames = b.frames[n], used = 2 * b.lengths[n] + 1;
    for (int64 t = frames - 1; t >= 0; --t) {
        double *const after = b.room + (n * 2 + (t + 1) % 2) * states, *const now = b.room + (n * 2 + t % 2) * states;
        for (int64 s = threadIdx.x; s < used; s += 256) {
            double x = s + 2 < used ? -INFINITY : 0;
            if (t < frames - 1) {
                x = log_sum(after[s], s + 1 < used ? after[s + 1] : -INFINITY);
                if (s + 2 < used && b.label(n, s) != b.label(n, s + 2)) x = log_sum(x, after[s + 2]);
            }
            now[s] = x + b.seen(t, n, s);
            b.row(t, n)[s] += x + b.losses[n];
        }
        __syncthreads();
    }
}

// g (exp(log_p) - the share of each label), for one frame of one sequence.
extern "C" __global__ void __launch_bounds__(256) shared_out(const __grid_constant__ Words b) {
    const int64 t = blockIdx.x / b.N, n = blockIdx.x % b.N, used = 2 * b.lengths[n] + 1;
    const F* const log_p = b.log_p + (t * b.N + n) * b.C;
    F* const to = b.out + (t * b.N + n) * b.C;
    const bool there = t < b.frames[n], never = infinite(b.losses[n]);
    const double scale = b.g[n], *const at = b.row(t, n);
    for (int64 c = threadIdx.x; c < b.C; c += 256) {
        to[c] = F(!there ? 0 : never ? (b.zero ? 0 * scale : double(NAN)) : exp(double(log_p[c])) * scale);
    }
    if (!there || never) return;
    double blanks = 0;
    for (int64 s = threadIdx.x; s < used; s += 256) {
        if (b.label(n, s) == b.blank && at[s] == at[s]) blanks += exp(at[s]);
    }
    blanks = across_block<256>(Sum(), blanks);
    if (threadIdx.x == 0) to[b.blank] = F((exp(double(log_p[b.blank])) - blanks) * scale);
    for (int64 s = 2 * threadIdx.x + 1; s < used; s += 512) {
        const int64 label = b.label(n, s);
        bool first = label != b.blank && label >= 0 && label < b.C;
        for (int64 k = 1; k < s && first; k += 2) first = b.label(n, k) != label;
        if (!first) continue;
        double share = 0;
        for (int64 k = s; k < used; k += 2) {
            if (b.label(n, k) == label && at[k] == at[k]) share += exp(at[k]);
        }
        to[label] = F((exp(double(log_p[label])) - share) * scale);
    }
}
"""


@lru_cache(8)
def kernel(name, kind):
    """One of the kernels, for numbers of a kind."""
    return Kernel(f"{PRELUDE}\ntypedef {kind} F;\n{TEXT}", name, "q" * 15, whole=True)


class Batch:
    """What the kernels are told, and the arrays that hold it. Raises RuntimeError for lengths that can't be."""

    def __init__(self, log_p, targets, input_lengths, target_lengths, blank, zero_infinity):
        ctc.check(len(log_p), targets.shape[1], input_lengths.tolist(), target_lengths.tolist())
        self.arrays = [in_order(log_p), *[in_order(x.astype(numpy.int64, copy=False)) for x in (targets, input_lengths, target_lengths)]]
        frames, batch, _ = log_p.shape
        rows = 2 * targets.shape[1] + 1
        self.frames, self.batch, self.kind = frames, batch, KINDS[log_p.dtype.char]
        self.arrays += [room(shape, numpy.float64) for shape in ((frames, batch, rows), (batch,), (batch, 2, rows))]
        there = [x.data.ptr for x in self.arrays]
        self.words = [*there[:4], *log_p.shape, targets.shape[1], blank, int(zero_infinity), *there[4:]]

    def run(self, name, blocks, g, out):
        """Run one of the kernels; g and out may be None."""
        kernel(name, self.kind)(blocks, THREADS, *self.words, *[0 if x is None else x.data.ptr for x in (g, out)])


def ctc_loss(log_p, *more):
    batch, out = Batch(log_p, *more), room((log_p.shape[1],), log_p.dtype)
    batch.run("walk", batch.batch, None, out)
    return out


def ctc_loss_grad(g, log_p, *more):
    batch, g, out = Batch(log_p, *more), in_order(g), room(log_p.shape, log_p.dtype)
    batch.run("walk", batch.batch, None, None)
    batch.run("walk_back", batch.batch, None, None)
    batch.run("shared_out", batch.frames * batch.batch, g, out)
    return out
