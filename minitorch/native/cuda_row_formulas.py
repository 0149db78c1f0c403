"""Formulas over the rows of a matrix (``rowformula.py`` says what they are) as kernels for a GPU.

    x / Σ x         for each row, by a team of threads:
             →          x0[turn] = a0[…]                 each thread keeps its numbers of the row
                        t0 = Σ x0[turn], over the team
                        a1[…] = x0[turn] / t0

A row that a team can hold in its registers is read once: a warp takes a short row, a block a longer one. Where rows are too
long for that, or too few to keep a GPU busy, several blocks share each row, in a launch for each way along it; they leave
partial sums, which each block of the next launch adds up for itself. All sums have an order that depends on shapes alone.

torch: ATen/native/cuda/layer_norm_kernel.cu, Normalization.cuh, SoftMax.cu
"""

import math
from typing import NamedTuple

from .cuda import COMBINED, constant
from .cuda_formulas import WORDS, Spelling, loaded, stored
from .steps import reductions, rounds

__all__ = ["BUSY", "Formula", "block_of", "held_text", "reduced_text", "stored_text", "team_for"]

WARP, BLOCK = 32, 256
"""Threads of a warp; of a block, where they needn't be more."""
TURNS = {32: 16, 128: 8, 256: 8, 512: 8, 1024: 8}
"""Threads of a team → how many numbers of each array a thread keeps at most."""
BUSY = 528
"""Blocks that keep a large GPU busy: four for each of its processors."""
LEAST = 4096
"""Numbers of a row from which several blocks share it, where there are few rows."""
MOST = 1024
"""Blocks that share a row at most."""


class Formula(NamedTuple):
    """kind: "float" or "double";   dtypes: what lies in each array's memory;   arrays: what each is, see ``rowformula.py``, the
    last of them the result;   steps;   result: the operand that is stored."""

    kind: str
    dtypes: tuple
    arrays: tuple
    steps: tuple
    result: object

    @property
    def ways(self):
        """How many ways along a row there are before the one that stores."""
        return max([rounds(self.steps, x) for x in self.reductions()], default=0)

    def reductions(self):
        """All of them, by name."""
        return reductions(self.steps, [self.result])

    def on_way(self, way):
        """What is summed up on one way."""
        return [x for x in self.reductions() if rounds(self.steps, x) == way]

    def read(self, operands):
        """The arrays that are needed for the operands, what they are sums of apart."""
        found, todo = set(), list(operands)
        sums = set(self.reductions())
        while todo:
            x = todo.pop()
            if x.__class__ is str and x[0] == "a":
                found.add(int(x[1:]))
            elif x.__class__ is str and x[0] == "t" and x not in sums:
                todo += self.steps[int(x[1:])][1]
        return sorted(found)


class Team(NamedTuple):
    """threads: how many take a row together;   turns: how many numbers of it each keeps, 0 if none;   blocks: how many share it."""

    threads: int
    turns: int
    blocks: int


def team_for(rows, length):
    """Who takes a row of so many numbers.

    >>> team_for(16384, 384), team_for(16, 1 << 19)
    (Team(threads=32, turns=16, blocks=1), Team(threads=256, turns=0, blocks=33))
    """
    if length <= max([threads * turns for threads, turns in TURNS.items()]) and (length < LEAST or rows >= BUSY // 4):
        threads = min([threads for threads, turns in TURNS.items() if threads * turns >= length])
        turns = 1 << max(-(-length // threads) - 1, 0).bit_length()
        return Team(threads, turns, 1)
    return Team(BLOCK, 0, max(1, min(-(-BUSY // rows), length // (LEAST // 2), MOST)))


class Writing:
    """The lines of one kernel of a Formula.   parted: whether a row lies in several parts."""

    def __init__(self, formula, parted):
        self.formula, self.parted, self.lines, self.depth = formula, parted, [], 1

    def do(self, *lines):
        self.lines += ["    " * self.depth + line for line in lines]

    def open(self, line):
        self.do(f"{line} {{")
        self.depth += 1

    def close(self):
        self.depth -= 1
        self.do("}")

    def place(self, k, j="j"):
        """Where number ``j`` of the row is in array ``k``."""
        if self.formula.arrays[k] == "column":
            return f"a{k}[row]"
        if self.formula.arrays[k] == "row":
            return f"a{k}[{j}]"
        if self.parted:
            return f"a{k}[(int64({j} / wide) * rows + row) * wide + {j} % wide]"
        return f"a{k}[row * columns + {j}]"

    def loaded(self, k):
        return loaded(self.place(k), self.formula.dtypes[k], self.formula.kind)

    def columns(self, known):
        """What is the same in all of a row."""
        for k, what in enumerate(self.formula.arrays[:-1]):
            if what == "column":
                self.do(f"const {self.formula.kind} x{k} = {self.loaded(k)};")
                known[f"a{k}"] = f"x{k}"

    def evaluated(self, operands, known):
        """How the operands are written, after the lines that find them."""
        spelling = Spelling(self.formula.kind, self.formula.steps, known)
        values = [spelling.value(x) for x in operands]
        self.do(*spelling.lines)
        return values

    def begin(self, names):
        """Variables for sums, as they begin."""
        for x in names:
            first = -math.inf if self.row(x) == "amax" else 0
            self.do(f"{self.formula.kind} s{x} = {constant(first, self.formula.kind)};")

    def add(self, names, known):
        """One number's part in each of the sums."""
        values = self.evaluated([self.formula.steps[int(x[1:])][1][0] for x in names], known)
        self.do(*[f"s{x} = {self.combined(x)}()(s{x}, {value});" for x, value in zip(names, values, strict=True)])

    def end(self, names, across, known):
        """The sums of a whole team."""
        for x in names:
            total = f"{across}({self.combined(x)}(), s{x})"
            self.do(f"const {self.formula.kind} {x} = {total}{' / count' if self.row(x) == 'mean' else ''};")
            known[x] = x

    def row(self, x):
        return self.formula.steps[int(x[1:])][0]

    def combined(self, x):
        return COMBINED["amax" if self.row(x) == "amax" else "sum"]

    def text(self, name, threads, more=()):
        """The kernel: its arguments are the arrays' addresses, how many rows, columns and parts there are, and ``more``."""
        formula = self.formula
        parameters = [*[f"{dtype}* a{k}" for k, dtype in enumerate(formula.dtypes)], "int64 rows", "int64 columns", "int64 parts", *more]
        head = f'extern "C" __global__ void __launch_bounds__({threads}) {name}({", ".join(parameters)}) {{'
        first = f"    const int wide = columns, length = parts * columns;\n    const {formula.kind} count = length, inverse = 1 / count;"
        return "\n".join([head, first, *self.lines, "}\n"])


# ---------------------------------------------------------------------------------------------- rows held in registers


def block_of(team):
    """How many threads a block has: those of a team, or of several if they are warps."""
    return BLOCK if team.threads == WARP else team.threads


def held_text(formula, team, parted):
    """The kernel ``formula``: a team takes ``tall`` rows, one after the other. A "total" gets a row from each block."""
    writing = Writing(formula, parted)
    threads, last = block_of(team), len(formula.arrays) - 1
    total = formula.arrays[last] == "total"
    writing.do(
        f"const int lane = threadIdx.x % {team.threads};",
        f"const int64 number = int64(blockIdx.x) * {threads // team.threads} + threadIdx.x / {team.threads}, begin = number * tall;",
        *([f"{formula.kind} total[{team.turns}] = {{}};"] if total else ()),
    )
    writing.open("for (int64 row = begin; row < begin + tall && row < rows; ++row)")
    known = {"inverse": "inverse"}
    writing.columns(known)
    for k in [k for k, what in enumerate(formula.arrays[:-1]) if what != "column"]:
        writing.do(f"{formula.kind} x{k}[{team.turns}];")
        each_turn(writing, team, [f"x{k}[turn] = {writing.loaded(k)};"])
        known[f"a{k}"] = f"x{k}[turn]"
    for way in range(1, formula.ways + 1):
        names = formula.on_way(way)
        writing.begin(names)
        open_turns(writing, team)
        writing.add(names, known)
        close_turns(writing)
        writing.end(names, f"across_{'warp' if team.threads == WARP else 'block'}<{team.threads}>", known)
    if formula.arrays[last] == "column":
        (value,) = writing.evaluated([formula.result], known)
        writing.do(f"if (lane == 0) {writing.place(last)} = {stored(value, formula.dtypes[last])};")
    else:
        open_turns(writing, team)
        (value,) = writing.evaluated([formula.result], known)
        writing.do(f"total[turn] += {value};" if total else f"{writing.place(last)} = {stored(value, formula.dtypes[last])};")
        close_turns(writing)
    writing.close()
    if total:
        block_total(writing, team, f"a{last}[blockIdx.x * columns + j]")
    return WORDS + writing.text("formula", threads, ["int64 tall"])


def block_total(writing, team, place):
    """What a block stores of a "total": the sum of its teams' own."""
    if team.threads != WARP:
        each_turn(writing, team, [f"{place} = total[turn];"])
        return
    warps, kind = BLOCK // WARP, writing.formula.kind
    writing.do(f"__shared__ {kind} totals[{warps}][{WARP * team.turns}];")
    each_turn(writing, team, [f"totals[threadIdx.x / {WARP}][j] = total[turn];"])
    writing.do("__syncthreads();")
    writing.open(f"for (int j = threadIdx.x; j < length; j += {BLOCK})")
    writing.do(f"{kind} sum = totals[0][j];", f"for (int warp = 1; warp < {warps}; ++warp) sum += totals[warp][j];", f"{place} = sum;")
    writing.close()


def open_turns(writing, team):
    writing.do("#pragma unroll")
    writing.open(f"for (int turn = 0; turn < {team.turns}; ++turn)")
    writing.do(f"const int j = lane + turn * {team.threads};")
    writing.open("if (j < length)")


def close_turns(writing):
    writing.close()
    writing.close()


def each_turn(writing, team, lines):
    open_turns(writing, team)
    writing.do(*lines)
    close_turns(writing)


# ----------------------------------------------------------------------------------------- rows that several blocks share

SHARED = ("int64 blocks", "void* partials")
"""What such kernels know beside: how many blocks share a row, and where they leave their sums, ``rows * blocks`` of each."""


def earlier(writing, operands, way):
    """Begins a kernel: which row and part of it a block has, and the sums of earlier ways that the operands need."""
    formula = writing.formula
    writing.do("const int64 row = blockIdx.x / blocks, part = blockIdx.x % blocks;", "const int lane = threadIdx.x;")
    known = {"inverse": "inverse"}
    writing.columns(known)
    names = [x for x in reductions(formula.steps, operands) if rounds(formula.steps, x) < way]
    writing.begin(names)
    for x in names:
        part = partial(formula, x, "b")
        writing.do(f"for (int b = lane; b < blocks; b += {BLOCK}) s{x} = {writing.combined(x)}()(s{x}, {part});")
    writing.end(names, f"across_block<{BLOCK}>", known)
    return known


def partial(formula, x, part):
    """The place of one block's part of a sum."""
    return f"(({formula.kind}*)partials)[({formula.reductions().index(x)} * rows + row) * blocks + {part}]"


def open_part(writing, operands, known):
    """The loop over a block's part of its row; what the operands need of the arrays is read in it."""
    writing.do("const int size = (length + int(blocks) - 1) / int(blocks), begin = part * size;")
    writing.do("#pragma unroll 4")
    writing.open(f"for (int j = begin + lane; j < begin + size && j < length; j += {BLOCK})")
    for k in writing.formula.read(operands):
        if writing.formula.arrays[k] != "column":
            writing.do(f"const {writing.formula.kind} x{k} = {writing.loaded(k)};")
            known[f"a{k}"] = f"x{k}"
    return known


def reduced_text(formula, way, parted):
    """The kernel ``way<k>``: the sums that are taken on one way along the rows."""
    writing, names = Writing(formula, parted), formula.on_way(way)
    operands = [formula.steps[int(x[1:])][1][0] for x in names]
    known = earlier(writing, operands, way)
    writing.begin(names)
    writing.add(names, open_part(writing, operands, dict(known)))
    writing.close()
    for x in names:
        writing.do(f"s{x} = across_block<{BLOCK}>({writing.combined(x)}(), s{x});")
        writing.do(f"if (lane == 0) {partial(formula, x, 'part')} = s{x};")
    return writing.text(f"way{way}", BLOCK, SHARED)


def stored_text(formula, parted):
    """The kernel ``ending``, which stores."""
    writing, last = Writing(formula, parted), len(formula.arrays) - 1
    known = earlier(writing, [formula.result], formula.ways + 1)
    if formula.arrays[last] == "column":
        (value,) = writing.evaluated([formula.result], known)
        writing.do(f"if (lane == 0 && part == 0) {writing.place(last)} = {stored(value, formula.dtypes[last])};")
    else:
        known = open_part(writing, [formula.result], known)
        (value,) = writing.evaluated([formula.result], known)
        writing.do(f"{writing.place(last)} = {stored(value, formula.dtypes[last])};")
        writing.close()
    return writing.text("ending", BLOCK, SHARED)
