"""PyTorch's random numbers on the CPU, draw for draw, as flat NumPy arrays.

A ``Stream`` is one Mersenne twister (MT19937). Everything random is made of its 32-bit words:

    raw32      one word                         raw64      first word << 32 | second word
    float32    (raw32 & 2²⁴-1) · 2⁻²⁴           float64    (raw64 & 2⁵³-1) · 2⁻⁵³

and every distribution says how many of these it takes, and in which order. The same seed therefore gives PyTorch's
numbers (bit for bit; float64 transcendentals within one unit in the last place of the C library's) and leaves
PyTorch's state behind. A draw returns a fresh flat array; laying it out in a tensor's memory is the caller's part.

The words come from NumPy's own MT19937 in blocks of 624, of which one is kept, so that a small draw is a slice.
Streams take no lock: two threads that draw at once from the same one should each have their own.

torch: aten/src/ATen/CPUGeneratorImpl.cpp, aten/src/ATen/core/DistributionsHelper.h, aten/src/ATen/native/cpu/DistributionTemplates.h
Matsumoto & Nishimura 1998, doi:10.1145/272991.272995
"""

import math

import numpy as np

from .normals import TWO_PI, box_muller32, box_muller64, fused32, fused64

__all__ = ["DEFAULT_SEED", "STATE_BYTES", "Stream", "default_stream"]

DEFAULT_SEED = 67280421310721  # the seed of a generator that nobody seeded
WORDS = 624  # the words of one block, and of the twister's state

# A draw above this many elements is made piece by piece, so that the temporaries stay in the cache. Even, and a
# multiple of 16, so that pairs and blocks of normals are never cut.
PIECE = 16384

UNIT32 = np.float32(2.0**-24)
UNIT64 = 2.0**-53

NO_WEIGHT = (
    "invalid multinomial distribution (sum of probabilities <= 0)\nsome category in each row needs a weight above 0"
)

# The state as PyTorch serialises it: little endian, each word widened to 64 bits, and three fields always zero.
STATE = np.dtype(
    [
        ("initial_seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("words", "<u8", WORDS),
        ("normal_x", "<f8"),
        ("normal_y", "<f8"),
        ("normal_rho", "<f8"),
        ("normal_is_valid", "<i4"),
        ("padding", "u1", 12),
    ]
)
STATE_BYTES = STATE.itemsize


class Stream:
    """One MT19937 stream, its cached normal, and the distributions drawn from it."""

    __slots__ = ("__weakref__", "_block", "_next", "_normal", "_twister", "initial_seed")

    from .rejection import binomial, dirichlet, poisson, standard_gamma

    def __init__(self, seed=DEFAULT_SEED):
        self._twister = None  # made by the first draw: numpy.random is slow to import
        self.manual_seed(seed)

    # ---- seeding and state

    def manual_seed(self, seed):
        """Start again from ``seed`` (0 ≤ seed < 2⁶⁴); the twister itself sees the low 32 bits."""
        self.initial_seed = seed
        self._block = np.empty(0, np.uint32)  # empty until the first draw
        self._next = WORDS
        self._normal = None
        if self._twister is not None:
            self._twister.seed(seed & 0xFFFFFFFF)

    def get_state(self):
        """The stream as PyTorch's 5056 bytes (uint8)."""
        untouched = self._block.size == 0
        state = np.zeros((), STATE)
        state["initial_seed"] = self.initial_seed
        state["left"] = WORDS + 1 - self._next
        state["seeded"] = 1
        state["next"] = 0 if untouched else self._next
        state["words"] = self._started().get_state(legacy=False)["state"]["key"]
        if self._normal is not None:
            state["normal_y"] = self._normal
            state["normal_is_valid"] = 1
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def set_state(self, blob):
        """Continue from PyTorch's 5056 bytes."""
        state = np.frombuffer(blob if blob.__class__ is bytes else np.ascontiguousarray(blob).tobytes(), STATE)[0]
        if state["seeded"] != 1 or not 0 < state["left"] <= WORDS or state["next"] > WORDS:
            raise RuntimeError(
                "Invalid mt19937 state\nthese bytes don't come from get_state() or get_rng_state() of a CPU generator"
            )
        words = state["words"].astype(np.uint32)
        self.initial_seed = int(state["initial_seed"])
        self._started().set_state(("MT19937", words, WORDS))
        self._next = WORDS + 1 - int(state["left"])
        untouched = state["next"] == 0
        self._block = np.empty(0, np.uint32) if untouched else _tempered(words)
        self._normal = float(state["normal_y"]) if state["normal_is_valid"] else None

    def place(self):
        """Where the stream is, for ``go_back``: what a draw would have to change, at no cost."""
        return self._block, self._next, self._normal

    def go_back(self, place):
        """Go on from a place where the stream was before, since it was last seeded or set."""
        block, self._next, self._normal = place
        if block is not self._block and block.size:
            self._started().set_state(("MT19937", _untempered(block), WORDS))
        elif block is not self._block:
            self._started().seed(self.initial_seed & 0xFFFFFFFF)
        self._block = block

    def copy(self):
        """A second stream that goes on with the same numbers."""
        twin = Stream(self.initial_seed)
        twin.set_state(self.get_state())
        return twin

    def __reduce__(self):
        return _restored, (self.get_state().tobytes(),)

    def _started(self):
        if self._twister is None:
            self._twister = np.random.RandomState(self.initial_seed & 0xFFFFFFFF)
        return self._twister

    # ---- words

    def raw32(self, n):
        """The next ``n`` words (uint32). May be a view of the kept block: read it, don't write it."""
        start, stop = self._next, self._next + n
        if stop <= WORDS:
            self._next = stop
            return self._block[start:stop]

        left = self._block[start:]
        missing = n - left.size
        blocks = -(-missing // WORDS)
        fresh = self._started().randint(0, 2**32, size=blocks * WORDS, dtype=np.uint32)
        self._block = fresh if blocks == 1 else fresh[-WORDS:].copy()
        self._next = missing - (blocks - 1) * WORDS
        return np.concatenate((left, fresh[:missing])) if left.size else fresh[:missing]

    def raw64(self, n):
        """The next ``n`` pairs of words as one number each (uint64)."""
        words = self.raw32(2 * n)
        out = words[0::2].astype(np.uint64)
        out <<= np.uint64(32)
        out |= words[1::2]
        return out

    def uniform32(self, n):
        """``n`` float32 in [0, 1), of 24 random bits each."""
        bits = self.raw32(n) & np.uint32(2**24 - 1)
        out = bits.view(np.int32).astype(np.float32)  # signed: the conversion has an instruction
        out *= UNIT32
        return out

    def uniform64(self, n):
        """``n`` float64 in [0, 1), of 53 random bits each."""
        words = self.raw32(2 * n)
        high = words[0::2] & np.uint32(2**21 - 1)
        out = high.view(np.int32) * 2.0**-21
        out += words[1::2] * UNIT64  # the two parts have no bit in common: the sum is exact
        return out

    # ---- distributions over the reals

    def uniform(self, n, dtype, low=0.0, high=1.0):
        """low + (high - low) · u, fused. Half types are computed in float32; a value rounded up to ``high`` is ``low``."""
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            return self.uniform(2 * n, _real(dtype), low, high).view(dtype)
        if dtype.itemsize > 2 and low == 0 and high == 1:
            return _in_pieces(n, dtype, self.uniform32 if dtype.itemsize == 4 else self.uniform64)
        if dtype.itemsize == 8:
            return _in_pieces(n, dtype, lambda m: _wrap(fused64(self.uniform64(m), high - low, low), low, high))

        start, span = np.float32(low), np.float32(high) - np.float32(low)
        low, high = dtype.type(low), dtype.type(high)

        def draw(m):
            return _wrap(fused32(self.uniform32(m), span, start).astype(dtype, copy=False), low, high)

        return _in_pieces(n, dtype, draw)

    def normal(self, n, dtype, mean=0.0, std=1.0, scattered=False):
        """mean + std · z with z standard normal (Box & Muller 1958).

        Sixteen or more elements that lie side by side are made in blocks of 16; fewer, or ``scattered`` ones, in pairs,
        of which an odd one out is kept for the next such draw.
        """
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            return self.normal(2 * n, _real(dtype), mean, std / math.sqrt(2), scattered).view(dtype)
        with np.errstate(all="ignore"):  # a float16 may overflow
            if n < 16 or scattered:
                return _in_pieces(n, dtype, lambda m: _rounded(fused64(self._pairs(m), std, mean), dtype))
            return self._blocks(n, dtype, mean, std)

    def log_normal(self, n, dtype, mean, std):
        """exp(mean + std · z), z in pairs."""
        with np.errstate(all="ignore"):
            return _in_pieces(n, dtype, lambda m: _rounded(np.exp(fused64(self._pairs(m), std, mean)), dtype))

    def exponential(self, n, dtype, rate):
        """-log(1 - u) / rate"""
        scale = -1.0 / rate
        with np.errstate(all="ignore"):
            return _in_pieces(n, dtype, lambda m: _rounded(scale * np.log1p(-self.uniform64(m)), dtype))

    def cauchy(self, n, dtype, median, sigma):
        """median + sigma · tan(π (u - ½))"""

        def draw(m):
            return fused64(np.tan(np.pi * (self.uniform64(m) - 0.5)), sigma, median)

        with np.errstate(all="ignore"):
            return _in_pieces(n, dtype, lambda m: _rounded(draw(m), dtype))

    # ---- distributions over the integers

    def bernoulli(self, n, dtype, p):
        """1 with probability ``p`` (a number), else 0."""
        return _in_pieces(n, dtype, lambda m: (self.uniform64(m) < p).astype(dtype))

    def bernoulli_each(self, p, dtype):
        """1 with probability p[i], else 0; p: flat. The type of ``p`` decides what is drawn."""
        if not ((p >= 0) & (p <= 1)).all():
            raise RuntimeError(
                "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  "
                "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)\n"
                "each element is the probability of a one"
            )
        if p.dtype == np.float64:
            return (self.uniform64(p.size) < p).astype(dtype)
        return (self.uniform32(p.size) < p.astype(np.float32)).astype(dtype)

    def geometric(self, n, dtype, p):
        """⌈log u / log(1 - p)⌉, the trials up to and with the first success."""
        scale = math.log1p(-p)
        with np.errstate(all="ignore"):  # log 0
            return _in_pieces(n, dtype, lambda m: _rounded(np.ceil(np.log(self.uniform64(m)) / scale), dtype))

    def integers(self, n, dtype, low, span, wide):
        """low + (a word modulo ``span``): of 64 bits if ``wide``, else of 32. No rejection, so slightly uneven."""
        if not wide:
            span = np.uint32(span)

            def draw(m):
                words = self.raw32(m)
                return words - words // span * span  # % by the division that NumPy vectorises

        elif span < 2**64:

            def draw(m):
                return self.raw64(m) % np.uint64(span)

        else:
            draw = self.raw64

        # Two's complement throughout: adding a negative low to a large residue may wrap, as it does in C.
        low = np.int64(low)
        return _in_pieces(n, dtype, lambda m: (draw(m).astype(np.int64) + low).astype(dtype, copy=False))

    def permutation(self, n, dtype):
        """0 … n-1 shuffled: Fisher & Yates forward, one word a step (two, and inside out, for enormous ``n``)."""
        if n >= (2**32 - 1) // 20:
            return self._inside_out(n).astype(dtype, copy=False)

        steps = np.arange(max(n - 1, 0), dtype=np.uint32)
        targets = self.raw32(steps.size) % (np.uint32(n) - steps)
        targets += steps
        shuffle = _shuffled_by_loop if n < 2000 else _shuffled_at_once
        return shuffle(targets, n).astype(dtype, copy=False)

    def multinomial(self, p, times, samples):
        """Indices of ``samples`` different categories, likely in proportion to p: (…, categories).

        A race: category i arrives after times()[i] / p[i], exponential times, and the sample is the first that arrive.
        """
        if not ((p >= 0) & (p < np.inf)).all():
            raise RuntimeError(
                "probability tensor contains either `inf`, `nan` or element < 0\nweights are finite, and none is negative"
            )
        if not p.any(axis=-1).all():
            raise RuntimeError(NO_WEIGHT)
        with np.errstate(all="ignore"):
            speed = p / times()
        if samples == 1:
            return speed.argmax(axis=-1)[..., None]
        return (-speed).argsort(axis=-1, kind="stable")[..., :samples].copy()

    def multinomial_with_replacement(self, p, samples):
        """Indices of ``samples`` categories: the first whose cumulated share of p: (…, categories) reaches a uniform."""
        if not (p >= 0).all():
            raise RuntimeError(
                "invalid multinomial distribution (encountering probability entry < 0)\nweights are finite, and none is negative"
            )
        if not (p < np.inf).all():
            raise RuntimeError(
                "invalid multinomial distribution (encountering probability entry = infinity or NaN)\nweights are finite"
            )
        shares = p.cumsum(axis=-1, dtype=p.dtype).reshape(-1, p.shape[-1])
        out = np.empty((len(shares), samples), np.int64)
        for row, share in enumerate(shares):
            if not share[-1] > 0:
                raise RuntimeError(NO_WEIGHT)
            share /= share[-1]
            share[-1] = 1
            out[row] = share.astype(np.float64).searchsorted(self.uniform64(samples))
        return out.reshape(*p.shape[:-1], samples)

    # ---- the normal's two ways

    def _pairs(self, n):
        """``n`` standard normals in float64, two from each pair of uniforms."""
        out = np.empty(n + 1)
        start = 0
        if n and self._normal is not None:
            out[0], self._normal, start = self._normal, None, 1

        pairs = (n - start + 1) // 2
        u = self.uniform64(2 * pairs)
        radius = np.sqrt(-2.0 * np.log1p(-u[1::2]))
        angle = TWO_PI * u[0::2]
        stop = start + 2 * pairs
        out[start:stop:2] = radius * np.cos(angle)
        out[start + 1 : stop : 2] = radius * np.sin(angle)
        if stop > n:  # the kept one is part of the state: by the C library, so that all its bits are right
            self._normal = math.sqrt(-2.0 * math.log1p(-u[-1])) * math.sin(TWO_PI * u[-2])
        return out[:n]

    def _blocks(self, n, dtype, mean, std):
        """Normals in blocks of 16: the first 8 uniforms give the radii, the last 8 the angles.

        When 16 does not divide n, the last 16 places are drawn once more as a block of their own. float32 and float64
        have by then drawn n uniforms, the rest of 16 for nothing; the half types have not.
        """
        if dtype == np.float64:
            uniform, box_muller = self.uniform64, box_muller64
        else:
            uniform, box_muller = self.uniform32, box_muller32
            mean, std = np.float32(mean), np.float32(std)

        def draw(m):
            rest = m % 16
            u = uniform(m - rest if dtype.itemsize == 2 else m)[: m - rest]
            if rest:
                u = np.concatenate((u, uniform(16)))
            out = box_muller(u.reshape(-1, 16), mean, std).reshape(-1)
            if rest:
                out = np.concatenate((out[: m - 16], out[-16:]))
            return out.astype(dtype, copy=False)

        head = (n - 16) // PIECE * PIECE  # leaves at least the last block
        if not head:
            return draw(n)
        out = np.empty(n, dtype)
        out[:head] = _in_pieces(head, dtype, draw)
        out[head:] = draw(n - head)
        return out

    def _inside_out(self, n):
        out = np.arange(n)
        for i, word in enumerate(self.raw64(n).tolist()):
            chosen = word % (i + 1)
            out[i] = out[chosen]
            out[chosen] = i
        return out


default_stream = Stream()


def _restored(blob):
    stream = Stream()
    stream.set_state(np.frombuffer(blob, np.uint8))
    return stream


def _tempered(words):
    """The twister's state as its output: a bijection of each word."""
    out = words ^ words >> np.uint32(11)
    out ^= out << np.uint32(7) & np.uint32(0x9D2C5680)
    out ^= out << np.uint32(15) & np.uint32(0xEFC60000)
    out ^= out >> np.uint32(18)
    return out


def _untempered(words):
    """The twister's state that has this output."""
    out = words ^ words >> np.uint32(18)
    out ^= out << np.uint32(15) & np.uint32(0xEFC60000)
    known = out
    for _ in range(4):  # each time seven more bits from below are right
        known = out ^ (known << np.uint32(7) & np.uint32(0x9D2C5680))
    return known ^ known >> np.uint32(11) ^ known >> np.uint32(22)


def _in_pieces(n, dtype, draw):
    """draw(n), made of draws of at most PIECE elements."""
    if n <= PIECE:
        return draw(n)
    out = np.empty(n, dtype)
    for start in range(0, n, PIECE):
        stop = min(start + PIECE, n)
        out[start:stop] = draw(stop - start)
    return out


def _real(dtype):
    return np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)


def _rounded(x, dtype):
    """float64 to dtype; to a half type through float32, as in C++."""
    dtype = np.dtype(dtype)
    return (x.astype(np.float32) if dtype.itemsize == 2 and dtype.kind not in "iu" else x).astype(dtype, copy=False)


def _wrap(x, low, high):
    """The interval is half open: what rounding pushed onto its end goes to its start."""
    at_end = x == high
    if at_end.any():
        x[at_end] = low
    return x


# ---- shuffles: at step i the elements at i and targets[i] ≥ i change places


def _shuffled_by_loop(targets, n):
    out = list(range(n))
    for i, j in enumerate(targets.tolist()):
        out[i], out[j] = out[j], out[i]
    return np.array(out, np.int64)


def _shuffled_at_once(targets, n):
    """The same without a loop over steps: follow each element back to where it started.

    Before step i, place j holds what the last earlier step that aimed at j put there, namely what place k held before
    that step k; and so on down to a place nobody had aimed at, which holds its own number.
    """
    steps = np.arange(n)
    aims = np.append(targets.astype(np.int64), n - 1)

    source = steps.copy()
    moved = aims > steps
    source[aims[moved]] = steps[moved]  # of several steps with the same aim the last stays
    while True:
        further = source[source]
        if np.array_equal(further, source):
            break
        source = further

    # The latest earlier step with the same aim is the neighbour on the left when sorted by (aim, step).
    keys = np.sort(aims << 32 | steps)
    aim, step = keys >> 32, keys & 0xFFFFFFFF
    repeated = aim[1:] == aim[:-1]
    out = aims
    out[step[1:][repeated]] = source[step[:-1][repeated]]
    return out
