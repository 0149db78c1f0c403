"""Where the numbers of a GPU's draws come from: which threads make them, and how far the generator goes on.

The generator is Philox4x32-10 (native/philox.py). It has no state but a seed and an offset, which counts the words that each
thread has used. A draw of n elements is made by ``blocks_for(n)`` blocks of 256 threads, as many as the GPU holds at once;
each thread makes ``count`` numbers in a turn, of four words. Then the offset goes on by four for each turn.

torch: aten/src/ATen/cuda/CUDAGeneratorImpl.cpp, aten/src/ATen/native/cuda/DistributionTemplates.h
"""

from dataclasses import dataclass

__all__ = ["EACH", "Generator", "Machine", "THREADS", "halves", "lanes_of"]

THREADS = 256
"""Threads of a block."""
STATE_BYTES = 16
EACH = 12
"""By how much a draw with a probability for each element lets the generator go on: 10 words, in fours."""
FURTHEST = 2**31 - 1
"""Bytes that PyTorch's kernels reach from one address: what is larger is drawn as two halves."""


@dataclass(frozen=True)
class Machine:
    """What of a GPU decides which thread draws which element: its multiprocessors, and the threads that each holds."""

    multiprocessors: int
    threads: int

    def blocks_for(self, n):
        """How many blocks draw n elements."""
        return min(self.multiprocessors * (self.threads // THREADS), -(-n // THREADS))

    def words_for(self, n, count):
        """By how much the offset goes on, if each thread makes ``count`` elements of four words.

        >>> Machine(132, 2048).words_for(1000, 4), Machine(132, 2048).words_for(1081345, 4)
        (4, 8)
        """
        return ((n - 1) // (THREADS * self.blocks_for(n) * count) + 1) * 4


class Generator:
    """A seed and an offset, a multiple of four."""

    __slots__ = ("__weakref__", "offset", "seed")

    def __init__(self, seed):
        self.manual_seed(seed)

    def manual_seed(self, seed):
        """Start again from ``seed``, 0 ≤ seed < 2⁶⁴."""
        self.seed, self.offset = seed, 0

    @property
    def initial_seed(self):
        """The seed that it started from."""
        return self.seed

    def taken(self, words):
        """The offset of a draw that takes so many words of each thread; the generator goes on behind them."""
        offset = self.offset
        self.offset = offset + of_four(words)
        return offset

    def set_offset(self, offset):
        """Go on from there."""
        if offset % 4:
            raise RuntimeError("offset must be a multiple of 4\na thread draws four words at a time")
        self.offset = offset

    def get_state(self):
        """Seed and offset as PyTorch's 16 bytes."""
        return self.seed.to_bytes(8, "little") + self.offset.to_bytes(8, "little")

    def set_state(self, state):
        """Go on from PyTorch's 16 bytes; of eight, which are a seed, from its beginning."""
        if len(state) not in (8, STATE_BYTES):
            raise RuntimeError("RNG state is wrong size\npass what get_state() or cuda.get_rng_state() returned")
        self.manual_seed(int.from_bytes(state[:8], "little"))
        self.set_offset(int.from_bytes(state[8:], "little"))


def of_four(words):
    """The multiple of four from ``words`` on."""
    return (words + 3) // 4 * 4


def halves(n, itemsize):
    """The sizes of the parts in which n elements are drawn, or None if they are drawn at once.

    >>> halves(1000, 4), halves(3 * 2**29, 4)
    (None, (805306368, 805306368))
    """
    return None if (n - 1) * itemsize + 1 <= FURTHEST and n <= FURTHEST else (n // 2, n - n // 2)


def lanes_of(n, itemsize, start=0):
    """How many elements side by side a thread of dropout takes: 16 bytes of them if it can, starting at element ``start``.

    >>> lanes_of(1000, 4), lanes_of(1000, 2), lanes_of(1002, 4), lanes_of(1001, 4), lanes_of(1000, 4, start=2)
    (4, 8, 2, 1, 2)
    """
    lanes = 16 // itemsize
    while n % lanes or start % lanes:
        lanes //= 2
    return lanes
