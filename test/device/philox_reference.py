"""The draws of a GPU in NumPy, from the definitions: what the kernels are held to where there is no PyTorch with a GPU.

    numbers, words = REFERENCE["normal"](seed, offset, n, float32, Machine(132, 2048), 0.0, 1.0)
"""

import numpy

__all__ = ["KNOWN", "REFERENCE", "philox"]

# Random123's published answers (kat_vectors, philox4x32 10): counter, key, four words
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


def philox(seed, thread, turn):
    """Four words for each thread and turn: (…, 4), as uint64."""
    thread, turn = numpy.broadcast_arrays(numpy.asarray(thread, "uint64"), numpy.asarray(turn, "uint64"))
    low, half = numpy.uint64(0xFFFFFFFF), numpy.uint64(32)
    c = [turn & low, turn >> half, thread & low, thread >> half]
    keys = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        x, y = numpy.uint64(0xD2511F53) * c[0], numpy.uint64(0xCD9E8D57) * c[2]
        c = [(y >> half) ^ c[1] ^ numpy.uint64(keys[0]), y & low, (x >> half) ^ c[3] ^ numpy.uint64(keys[1]), x & low]
        keys = [(keys[0] + 0x9E3779B9) % 2**32, (keys[1] + 0xBB67AE85) % 2**32]
    return numpy.stack(c, -1)


# -------------------------------------------------------------------------------------------------------- four words


def units(w, dtype):
    """Uniform on (0, 1]: four float32, or two float64."""
    if dtype != "float64":
        return (w.astype("float32") * numpy.float32(2**-32) + numpy.float32(2**-33)).astype("float32")
    return (w[..., ::2] ^ (w[..., 1::2] << numpy.uint64(21))).astype("float64") * 2**-53 + 2**-54


def normals(w, dtype):
    """Standard normals: four float32, or two float64."""
    if dtype == "float64":
        u = units(w, dtype)
        turn = 2 * numpy.pi * u[..., 1:]
        return numpy.sqrt(-2 * numpy.log(u[..., :1])) * numpy.concatenate([numpy.sin(turn), numpy.cos(turn)], -1)
    radius = numpy.sqrt(-2 * numpy.log(units(w, dtype)[..., ::2].astype("float64")))
    step = numpy.float64(numpy.float32(2**-32) * numpy.float32(6.2831855))
    turn = w[..., 1::2].astype("float32") * step + step / 2
    both = numpy.stack([radius * numpy.sin(turn), radius * numpy.cos(turn)], -1)
    return both.reshape(w.shape).astype("float32")


def double_words(w, dtype):
    return w[..., ::2] << numpy.uint64(32) | w[..., 1::2]


# ---------------------------------------------------------------------------------------------- who draws which element


def apart(raw, seed, offset, n, dtype, machine):
    """n numbers, those of a turn all threads apart; and how many words of each thread they take."""
    threads = 256 * min(machine.multiprocessors * (machine.threads // 256), -(-n // 256))
    one = raw(philox(seed, 0, 0), dtype).shape[-1]
    i = numpy.arange(n)
    found = raw(philox(seed, i % threads, offset // 4 + i // threads // one), dtype)
    return found[i, i // threads % one], (n - 1) // (threads * one) * 4 + 4


def beside(lanes):
    """The same for dropout: so many elements side by side belong to one thread."""

    def numbers(raw, seed, offset, n, dtype, machine):
        threads = 256 * min(machine.multiprocessors * (machine.threads // 256), -(-n // 256))
        i, turns = numpy.arange(n), -(-lanes // 4)
        group, lane = i // lanes, i % lanes
        found = raw(philox(seed, group % threads, offset // 4 + group // threads * turns + lane // 4), "float32")
        return found[i, lane % 4], (n - 1) // (threads * 4) * 4 + 4

    return numbers


def draw(raw, element, place=apart):
    def reference(seed, offset, n, dtype, machine, *parameters):
        numbers, words = place(raw, seed, offset, n, dtype, machine)
        wide = numpy.float64 if dtype == "float64" else numpy.float32
        with numpy.errstate(all="ignore"):
            return element(numbers, wide, numpy.dtype(dtype), *parameters).astype(dtype), words

    return reference


def fused(x, factor, term, wide):
    """x factor + term, rounded once where that is float32."""
    return (x.astype("float64") * wide(factor) + wide(term)).astype(wide)


def between(x, wide, dtype, low, high):
    low, high = numpy.array(low).astype(wide).astype(dtype), numpy.array(high).astype(wide).astype(dtype)
    span = (high.astype(wide) - low.astype(wide)).astype(dtype).astype(wide)
    found = fused(x, span, low.astype(wide), wide).astype(dtype)
    return numpy.where(found == high, low, found)


def exponential(x, wide, dtype, rate):
    edge = wide(1 - numpy.finfo(wide).epsneg)
    log = numpy.where(x >= edge, wide(-numpy.finfo(wide).epsneg), numpy.log(x))
    return wide(-1) / wide(rate) * log


def cauchy(x, wide, dtype, median, sigma):
    if wide is numpy.float32:
        x = numpy.clip(x, numpy.finfo(wide).eps, 1 - numpy.finfo(wide).eps)
    return wide(median) + wide(sigma) * numpy.tan(wide(numpy.pi) * (x - wide(0.5)))


def integers(x, wide, dtype, low, span):
    return ((x % numpy.uint64(span) if span else x) + numpy.uint64(low % 2**64)).astype("int64")


REFERENCE = {
    "uniform": draw(units, between),
    "normal": draw(normals, lambda x, wide, dtype, mean, std: fused(x, std, mean, wide)),
    "log_normal": draw(normals, lambda x, wide, dtype, mean, std: numpy.exp(fused(x, std, mean, wide))),
    "exponential": draw(units, exponential),
    "cauchy": draw(units, cauchy),
    "geometric": draw(units, lambda x, wide, dtype, p: numpy.ceil(numpy.log(x) / numpy.log(1 - wide(p)))),
    "bernoulli": draw(units, lambda x, wide, dtype, p: x < wide(p)),
    "words": draw(lambda w, dtype: w, integers),
    "double_words": draw(double_words, integers),
    **{
        f"kept{lanes}": draw(lambda w, dtype: units(w, "float32"), lambda x, wide, dtype, p: x < wide(p), beside(lanes) if lanes > 1 else apart)
        for lanes in (1, 2, 4, 8)
    },
}
"""Draw → a function of (seed, offset, n, dtype's name, the GPU, its parameters): the elements, and the words that each thread used."""
