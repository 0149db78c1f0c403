"""Convolutions as products by tiles (cuda_tiles.py): any number of dims, any dtype that is added up.

A convolution is a product whose left matrix, the windows side by side, is never laid out: a tile's numbers are fetched from
where the windows see them.

torch: ATen/native/cuda/im2col.cuh
"""

import math

from .cuda_tiles import Tiled

__all__ = ["Sliding"]


class Sliding:
    """A convolution, told as extents and as code.   x, weight, out: the shapes of what ``conv`` reads and makes.

    dtypes: of the factors and of what is computed.   rounds: see ``Tiled``.   image, window, seen: the extents of x, the
    weight and the result.
    """

    def __init__(self, x, weight, out, geometry, dtypes, rounds):
        self.stride, padding, self.dilation, self.groups = geometry
        self.before = [before for before, _ in padding]
        self.count, self.channels, *self.image = x
        self.features, self.depth, *self.window = weight  # depth: channels that a feature sees
        self.seen, self.dtypes, self.rounds = out[2:], dtypes, rounds
        self.each = self.features // self.groups
        self.pixels, self.taps, self.places = math.prod(self.image), math.prod(self.window), math.prod(self.seen)

    def split(self, name, extents, letter):
        """Code that names the index along each dim of a flat one."""
        steps = [math.prod(extents[d + 1 :]) for d in range(len(extents))]
        return [f"const int {letter}{d} = {name} / {s} % {n};" for d, (s, n) in enumerate(zip(steps, extents))]

    def fetched(self, buffer, lead, extents, letter):
        """Code that sets x to the number at these indices, if they lie within ``extents``."""
        inside = " && ".join([f"{letter}{d} >= 0 && {letter}{d} < {n}" for d, n in enumerate(extents)])
        at = " + ".join([f"{letter}{d} * {math.prod(extents[d + 1 :])}" for d in range(len(extents))])
        return f"if ({inside}) x = {buffer}[int64({lead}) * {math.prod(extents)} + {at}];"

    def looked_at(self, place, tap, image, channel):
        """Code for the number of x that a tap of the window sees at a place of the result."""
        code = [*self.split(place, self.seen, "o"), *self.split(tap, self.window, "w")]
        code += [
            f"const int i{d} = o{d} * {s} - {p} + w{d} * {step};"
            for d, (s, p, step) in enumerate(zip(self.stride, self.before, self.dilation))
        ]
        lead = f"({image}) * {self.channels} + z * {self.depth} + {channel}"
        return (*code, self.fetched("left", lead, self.image, "i"))

    def forward(self):
        a = self.looked_at(f"m % {self.places}", f"k % {self.taps}", f"m / {self.places}", f"k / {self.taps}")
        k = self.depth * self.taps
        c = f"(int64(m / {self.places}) * {self.features} + z * {self.each} + n) * {self.places} + m % {self.places}"
        b = (f"x = right[(z * {self.each} + n) * {k} + k];",)
        return self.product(self.count * self.places, self.each, k, a, b, c, (True, False))

    def input_gradient(self):
        """Each pixel gathers from the places whose windows see it."""
        pixel, tap = f"m % {self.pixels}", f"k % {self.taps}"
        code = [*self.split(pixel, self.image, "i"), *self.split(tap, self.window, "w")]
        aligned = []
        for d, (s, p, step) in enumerate(zip(self.stride, self.before, self.dilation)):
            code.append(f"const int s{d} = i{d} + {p} - w{d} * {step}, o{d} = s{d} < 0 ? -1 : s{d} / {s};")
            aligned += [f"s{d} % {s} == 0"] if s > 1 else []
        lead = f"m / {self.pixels} * {self.features} + z * {self.each} + k / {self.taps}"
        fetch = self.fetched("left", lead, self.seen, "o")
        a = (*code, f"if ({' && '.join(aligned)}) {fetch}" if aligned else fetch)
        b = (f"x = right[((z * {self.each} + k / {self.taps}) * {self.depth} + n) * {self.taps} + {tap}];",)
        c = f"(int64(m / {self.pixels}) * {self.channels} + z * {self.depth} + n) * {self.pixels} + {pixel}"
        return self.product(self.count * self.pixels, self.depth, self.each * self.taps, a, b, c, (True, False))

    def weight_gradient(self):
        n = self.depth * self.taps
        a = (f"x = right[(int64(k / {self.places}) * {self.features} + z * {self.each} + m) * {self.places} + k % {self.places}];",)
        b = self.looked_at(f"k % {self.places}", f"n % {self.taps}", f"k / {self.places}", f"n / {self.taps}")
        c = f"(z * {self.each} + m) * {n} + n"
        return self.product(self.each, n, self.count * self.places, a, b, c, (False, False))

    def product(self, m, n, k, a, b, c, rows_first):
        return Tiled(m, n, k, self.groups, self.dtypes, a, b, c, rows_first, self.rounds).shared()
