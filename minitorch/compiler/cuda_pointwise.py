"""CUDA: what happens at each point of a nest, and whole kernels where that is all: loops without reductions.

    for i in 96, j in 128:  y[128i + j] = exp(x[128i + j])
                                                                const int i = blockIdx.x * 256 + threadIdx.x
        a thread takes 4 points that lie side by side     →     const Pack<float, 4> t1 = …x…
                                                                y0.at[v] = exp(t1.at[v])        for each of the four

torch: torch/_inductor/codegen/triton.py (TritonKernel)
"""

import math

from ..native.cuda import KINDS, MEMORY, NARROW, SIZES, constant, converted, spell, stored
from ..native.philox import alone, lanes_of, of_number
from .launches import Launch, Source
from .nest import Count, Load, Op

__all__ = ["Flat", "THREADS", "Writing", "in_packs", "packed"]

THREADS = 256
"""Of a block."""
BLOCKS = 8192
"""Of a loop over points at most: beyond that each thread takes several."""
PACK, MOST, SMALL = 16, 8, 1 << 13
"""Bytes that a thread fetches at once; points that this may be; and how many there must be for it to pay."""


class Writing:
    """What all arrangements share.   index: the expression of each dim's index;   wide: the type of indices.

    pack: how many points that lie side by side along the last dim a thread takes at once;   fetched: what it has of them, by
    Load;   going: where what it stores of them is gathered, by Store.   guard: the condition under which it may store.
    ahead: the line before which goes what is made once for a pack, ``start`` the index of its first point; packs: a draw's
    numbers that were.
    """

    def __init__(self, nest, kernel, pack):
        self.nest, self.kernel, self.source, self.index, self.pack = nest, kernel, Source(), {}, pack
        self.fetched, self.going, self.guard, self.ahead = {}, {}, "", None
        self.wide = "int" if reach(nest) < 1 << 31 else "int64"
        self.writes = frozenset([s.buffer for s in nest.stores])
        self.extra, self.partials = {}, 0

    def finished(self, grid, block):
        kinds = kinds_of(self.nest)
        parameters = [f"{'' if k in self.writes else 'const '}{kinds[k]}* __restrict__ b{k}" for k in range(len(self.nest.buffers))]
        buffers = [*self.nest.buffers, *self.extra.values()]
        return Launch(
            [*parameters, *self.extra], str(self.source), buffers, grid, block, self.kernel, self.writes, self.partials, self.nest
        )

    def split(self, name, dims, extents):
        """Let the index of each of ``dims`` be found from one number that counts their points."""
        rest = 1
        for d, n in zip(reversed(dims), reversed(extents)):
            part = name if rest == 1 else f"{name} / {rest}"
            self.index[d] = name if len(dims) == 1 else self.source.let(self.wide, part if d == dims[0] else f"{part} % {n}")
            rest *= n

    def position(self, strides, offset):
        """Where an element lies, as an expression."""
        terms = [self.index[d] if s == 1 else f"{self.index[d]} * {s}" for d, s in enumerate(strides) if s]
        return " + ".join([*terms, *([str(offset)] if offset or not terms else [])]).replace("+ -", "- ")

    def value(self, x, memo, kind=None):
        """The name of an Op, Load or Count at the present point; a number as a constant of ``kind``."""
        if x.__class__ not in (Op, Load, Count):
            return constant(x, kind)
        if x not in memo:
            find = self.load if x.__class__ is Load else self.counted if x.__class__ is Count else self.computed
            memo[x] = find(x, memo)
        return memo[x]

    def load(self, load, memo):
        place = f"b{load.buffer}[{self.position(load.strides, load.offset)}]"
        return self.source.let(KINDS[load.dtype], f"{self.fetched[load]}.at[v]" if load in self.fetched else place)

    def counted(self, count, memo):
        """start + step * position."""
        kind = KINDS[count.dtype]
        at = f"{kind}({self.position(count.strides, count.offset)})"
        at = at if count.step == 1 else f"{at} * {constant(count.step, kind)}"
        return self.source.let(kind, f"{constant(count.start, kind)} + {at}" if count.start else at)

    def placed(self, index, size, stride, memo):
        """How far an index leads. It was checked; but memory outside must not be touched before the program says so."""
        i = self.value(index, memo, "int64")
        place = self.source.let(self.wide, f"(unsigned long long){i} < {size} ? {i} : {size - 1}")
        return place if stride == 1 else f"{place} * {stride}"

    def taken(self, op, memo):
        *indices, source = op.args
        at = [self.placed(index, size, stride, memo) for index, (size, stride) in zip(indices, op.params)]
        return self.source.let(KINDS[source.dtype], f"b{source.buffer}[{' + '.join([self.position(source.strides, source.offset), *at])}]")

    def drawn(self, op, memo):
        """A number of a draw, from seed, offset and its place in the draw; numbers that are made together once for a pack."""
        name, constants, _, threads, n = op.params
        seed, offset, place, *p = op.args
        lanes = lanes_of(name)
        if lanes > 1 and self.even(place, min(lanes, 4)):
            given = [f"{self.drawn_ahead(op)}.at[v]", *[self.value(x, memo) for x in p]]
            return self.source.let(KINDS[op.dtype], f"{of_number(name, op.dtype, constants)}({', '.join(given)})")
        at = ", ".join([self.value(x, memo, "int64") for x in op.args])
        return self.source.let(KINDS[op.dtype], f"{alone(name, op.dtype, constants, n, threads)}({at})")

    def even(self, place, count):
        """Whether a pack begins where ``count`` numbers begin that are made together, and has no part of others."""
        *outer, along = place.strides
        return self.ahead is not None and self.pack % count == 0 and along == 1 and not any([s % count for s in (*outer, place.offset)])

    def drawn_ahead(self, op):
        """The name of a pack of a draw's numbers, which are made before the points of it are gone through."""
        if op not in self.packs:
            (name, _, _, threads, n), (seed, offset, place, *_) = op.params, op.args
            wide = "unsigned" if n < 1 << 32 else "uint64"
            last = len(self.nest.shape) - 1
            before, self.index[last] = self.index[last], self.start
            at = ", ".join([f"b{x.buffer}[{self.position(x.strides, x.offset)}]" for x in (seed, offset)])
            at = f"{at}, {wide}({self.position(place.strides, place.offset)}), {wide}({threads})"
            self.index[last] = before
            self.packs[op] = f"x{len(self.packs)}"
            text = f"const Pack<float, {self.pack}> {self.packs[op]} = side_by_side<{lanes_of(name)}, {self.pack}>({at});"
            self.source.lines.insert(self.ahead, "    " * (self.source.depth - 1) + text + "\n")
            self.ahead += 1
        return self.packs[op]

    def computed(self, op, memo):
        if op.name == "take":
            return self.taken(op, memo)
        if op.name == "drawn":
            return self.drawn(op, memo)
        if op.name in ("full", "arange"):
            x = self.value(op.args[0], memo, KINDS[op.dtype])
            return f"rounded<{op.dtype}>({x})" if op.dtype in NARROW else x
        if op.name == "cast":
            return self.source.let(KINDS[op.dtype], converted(self.value(op.args[0], memo, KINDS[op.params[0]]), *op.params))
        kind = KINDS[op.operands]
        kinds = [kind] * (len(op.args) + len(op.params))
        if op.name == "where":
            kinds[1] = "bool"
        values = [self.value(x, memo, k) for x, k in zip((*op.args, *op.params), kinds)]
        return values[0] if op.name == "copy" else self.source.let(KINDS[op.dtype], spell(op.name, kind, values))

    def store_all(self, stores, memo):
        """Store several values: all are computed before memory changes."""
        values = [self.value(s.op, memo) for s in stores]
        places = [[self.position(s.strides, s.offset), *[self.placed(i, n, step, memo) for i, n, step in s.at]] for s in stores]
        for s, x, place in zip(stores, values, places):
            self.store(s, stored(x, s.op.dtype), f"b{s.buffer}[{' + '.join(place)}]")

    def store(self, store, x, place):
        if store in self.going:
            self.source.do(f"{self.going[store]}.at[v] = {x};")
        elif store.at and store.adds:
            self.source.do(f"add_at(&{place}, {x});")
        elif store.adds:
            self.source.do(f"{place} = {stored(f'{place} + {x}', store.op.dtype)};")
        else:
            self.source.do(f"{self.guard}{place} = {x};")

    # ---------------------------------------------------------------------------------------------- points side by side

    def each_point(self, loads, stores, body):
        """``body()`` at each point of a pack: what it reads is fetched before, what it stores goes to memory at the end."""
        if self.pack == 1:
            return body()
        last, source = len(self.nest.shape) - 1, self.source
        group = self.index[last]
        self.index[last] = f"{group} * {self.pack}"
        self.fetched = {x: self.fetch(x) for x in loads if x.strides[last]}
        wholes = [f"*({self.pack_of(s.op.dtype)}*)(b{s.buffer} + {self.position(s.strides, s.offset)})" for s in stores]
        self.going = {s: f"y{k}" for k, s in enumerate(stores)}
        for s, name in self.going.items():
            source.do(f"{self.pack_of(s.op.dtype)} {name};")
        self.start, self.ahead, self.packs = self.index[last], len(source.lines), {}
        source.do("#pragma unroll")
        source.open(f"for (int v = 0; v < {self.pack}; ++v)")
        self.index[last] = f"({group} * {self.pack} + v)"
        body()
        source.close()
        for name, whole in zip(self.going.values(), wholes):
            source.do(f"{self.guard}{whole} = {name};")
        self.fetched, self.going, self.ahead = {}, {}, None

    def pack_of(self, dtype):
        return f"Pack<{MEMORY[dtype]}, {self.pack}>"

    def fetch(self, load):
        pack = self.pack_of(load.dtype)
        return self.source.let(pack, f"*(const {pack}*)(b{load.buffer} + {self.position(load.strides, load.offset)})")


def reach(nest):
    """The largest number that an index may become."""
    places = [x for op in nest.ops for x in op.args if x.__class__ in (Load, Count)] + nest.stores
    far = [abs(p.offset) + sum([abs(s) * (n - 1) for s, n in zip(p.strides, nest.shape)]) for p in places]
    far += [size * stride for s in nest.stores for _, size, stride in s.at]
    far += [size * stride for op in nest.ops if op.name == "take" for size, stride in op.params]
    return sum(sorted(far)[-2:]) + math.prod(nest.shape)


def kinds_of(nest):
    """What lies in each buffer."""
    loads = [x for op in nest.ops for x in op.args if x.__class__ is Load]
    loads += [x for s in nest.stores for x, *_ in s.at if x.__class__ is Load]
    return {**{x.buffer: MEMORY[x.dtype] for x in loads}, **{s.buffer: MEMORY[s.op.dtype] for s in nest.stores}}


# --------------------------------------------------------------------------------------------- loops without reductions


class Flat(Writing):
    """A thread takes a point after the other, or a pack of them."""

    def __init__(self, nest, kernel):
        super().__init__(nest, kernel, packed(nest, range(len(nest.shape))))

    def launch(self):
        points = math.prod(self.nest.shape) // self.pack
        blocks = min(-(-points // THREADS), BLOCKS)
        self.source.do(f"const {self.wide} first = {self.wide}(blockIdx.x) * {THREADS} + threadIdx.x;")
        self.source.open(f"for ({self.wide} i = first; i < {points}; i += {blocks * THREADS})")
        self.split("i", range(len(self.nest.shape)), in_packs(self.nest.shape, self.pack))
        stores = self.nest.stores
        self.each_point(loads_of(self.nest), stores, lambda: self.store_all(stores, {}))
        self.source.close()
        return self.finished((blocks, 1, 1), THREADS)


def in_packs(extents, pack):
    """How many packs there are along each dim.

    >>> in_packs((3, 8), 4)
    (3, 2)
    """
    return (*extents[:-1], extents[-1] // pack) if pack > 1 else tuple(extents)


def loads_of(nest):
    """What is fetched from places that are known: not what a take finds."""
    found = [x for op in nest.ops for x in (op.args[:-1] if op.name == "take" else op.args) if x.__class__ is Load]
    return dict.fromkeys([*found, *[x for s in nest.stores for x, *_ in s.at if x.__class__ is Load]])


def packed(nest, dims):
    """How many points a thread takes at once: several, where what it reads and writes along ``dims`` lies side by side."""
    places = [p for p in (*loads_of(nest), *nest.stores) if any([p.strides[d] for d in dims])]
    if math.prod(nest.shape) < SMALL or any([s.at or s.adds for s in nest.stores]):
        return 1
    kinds = kinds_of(nest)
    pack = min(PACK // max([SIZES[kinds[p.buffer]] for p in places], default=1), MOST)
    even = nest.shape[-1] % pack == 0 and all([
        p.strides[-1] == 0 or (p.strides[-1] == 1 and not any([n % pack for n in (*p.strides[:-1], p.offset)])) for p in places
    ])  # fmt: skip
    return pack if even and all([place.at % PACK == 0 for place in nest.buffers if place.kind == "arena"]) else 1
