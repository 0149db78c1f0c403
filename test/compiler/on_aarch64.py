"""Compiled programs on 64-bit ARM: written and linked here, run by an emulator, against the reference interpreter.

    python test/compiler/on_aarch64.py                  # all of them; or those that are named, as "MLP" "masked attention"

It needs qemu-aarch64 and aarch64-linux-gnu-gcc (Debian: qemu-user, gcc-aarch64-linux-gnu, libc6-dev-arm64-cross), and says so if they
aren't here. The compiler of C links and is the program's surroundings: no code of a kernel comes from it.
"""

import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

import minitorch as torch
from minitorch import nn
from minitorch.compiler import build
from minitorch.compiler.graph import run
from minitorch.native.entry import DATA
from minitorch.native.link import called, object_of
from minitorch.native.target import Target
from minitorch.nn import functional as F

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from recorded import Recorded, training  # noqa: E402
from targets import PROGRAMS  # noqa: E402

TARGET = Target.aarch64()
GIVEN = {"minitorch_parallel", "memcpy", "memmove", "memset"}
"""What code may call that isn't ours: the threads, and three functions of any C library."""
EMULATOR, COMPILER = "qemu-aarch64", "aarch64-linux-gnu-gcc"

SURROUNDINGS = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void kernel(void **table, char *scratch, int64_t begin, int64_t end);
extern void main0(void *pool, void **table);
static char *scratch;

void minitorch_parallel(void *pool, kernel *run, void **table, int64_t chunks, int64_t grain) {
    for (int64_t begin = 0; begin < chunks; begin += grain)
        run(table, scratch, begin, begin + grain < chunks ? begin + grain : chunks);
}

static char *room(int64_t size) {   /* ends where nobody may write; begins at a cache line */
    return aligned_alloc(64, (size + 127) / 64 * 64);
}

int main(int count, char **names) {
    FILE *file = fopen(names[1], "rb");
    int64_t head[6], pair[2];       /* words, arena, scratch, pointers, numbers, arrays */
    if (fread(head, 8, 6, file) != 6) return 2;
    void **table = calloc(head[0] + 1, 8);
    char *arena = room(head[1]);
    memset(arena, 0xff, head[1]);   /* NaN: what isn't written first is seen */
    scratch = room(head[2]);
    memset(scratch, 0xff, head[2]);
    for (int64_t k = 0; k < head[3] + head[4]; k++) {
        if (fread(pair, 8, 2, file) != 2) return 2;
        table[pair[0]] = k < head[3] ? arena + pair[1] : (void *)pair[1];
    }
    char **arrays = calloc(head[5] + 1, 8);
    int64_t *sizes = calloc(head[5] + 1, 8);
    for (int64_t k = 0; k < head[5]; k++) {
        if (fread(pair, 8, 2, file) != 2) return 2;   /* slot or -1, bytes */
        char **object = calloc(1, DATA + 8);
        arrays[k] = room(pair[1]);
        sizes[k] = pair[1];
        memcpy((char *)object + DATA, &arrays[k], 8);
        if (pair[0] >= 0) table[pair[0]] = object;
    }
    for (int64_t k = 0; k < head[5]; k++)
        if (fread(arrays[k], 1, sizes[k], file) != (size_t)sizes[k]) return 2;
    main0(0, table);
    file = fopen(names[2], "wb");
    for (int64_t k = 0; k < head[5]; k++) fwrite(arrays[k], 1, sizes[k], file);
    return fclose(file);
}
"""


# ---------------------------------------------------------------------------------------------------------
# What is compiled, beside the programs of test_targets


class Small(nn.Module):
    """A transformer of one layer, as GPTs have it."""

    def __init__(self, mask=None, dropout=0.0):
        super().__init__()
        self.embedding, self.mask, self.dropout = nn.Embedding(11, 16), mask, dropout
        self.inputs, self.outputs = nn.Linear(16, 48), nn.Linear(16, 11)
        self.norm, self.rest = nn.LayerNorm(16), nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x):
        x = self.embedding(x)
        q, k, v = [part.view(*x.shape[:2], 2, 8).transpose(1, 2) for part in self.inputs(self.norm(x)).split(16, -1)]
        y = F.scaled_dot_product_attention(q, k, v, self.mask, self.dropout, is_causal=self.mask is None)
        x = x + y.transpose(1, 2).reshape(x.shape)
        return self.outputs(x + self.rest(x)).flatten(0, 1)


def letters(model):
    return training(model, F.cross_entropy, torch.randint(11, (3, 20)), torch.randint(11, (60,)))


def masked():
    mask = torch.rand(20, 20) > 0.3
    return letters(Small(mask))


def recurrent():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.LSTM(5, 9, batch_first=True)

        def forward(self, x):
            return self.layer(x)[0][:, -1]

    return training(Last(), F.mse_loss, torch.randn(4, 7, 5), torch.randn(4, 9))


def adam():
    model, x, y = nn.Linear(9, 3), torch.randn(8, 9), torch.randn(8, 3)
    optimizer = torch.optim.AdamW(model.parameters())

    def step(x, y):
        optimizer.zero_grad()
        loss = F.huber_loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        return loss

    return step, (x, y)


def narrow(dtype):
    def make():
        model = nn.Sequential(nn.Linear(20, 50), nn.Tanh(), nn.Linear(50, 7)).to(dtype)
        return training(model, F.mse_loss, torch.randn(33, 20, dtype=dtype), torch.randn(33, 7, dtype=dtype))

    return make


def doubles():
    def function(x, y):
        return (x @ y).softmax(-1), (x.exp() / y.t().cosh()).sum(0), x.atan2(y.t()), (x.abs() ** 1.5).log1p(), x.sin() + x.cos()

    return function, (torch.randn(37, 21, dtype=torch.float64), torch.randn(21, 37, dtype=torch.float64))


def integers():
    def function(x, y):
        return (x & 5) ^ y, x.clamp(-3, 5), (x > y).sum(0), x.argmax(1), x.float().round().int(), x.to(torch.uint8)

    return function, (torch.randint(-50, 50, (13, 37)), torch.randint(1, 9, (13, 37)))


MORE = {
    "GPT": lambda: letters(Small()), "masked attention": masked, "dropout": lambda: letters(Small(dropout=0.2)),
    "LSTM": recurrent, "AdamW": adam, "float16": narrow(torch.float16), "bfloat16": narrow(torch.bfloat16), "doubles": doubles,
    "integers": integers,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------
# How it is run


class Nowhere:
    """A library of no code."""

    def address(self, name):
        return 0


def written(recorded):
    """(a program for the other machine, its objects)."""
    texts = []
    program = build(recorded.graph, recorded.strides, recorded.places, TARGET, lambda found, _: texts.extend(found) or Nowhere())
    assert not program.foreign and program.image.stretches == 1, "NumPy runs a part of it"
    objects = [object_of(text, TARGET, level) for text, level in texts]
    return program, objects + [object_of(text, TARGET, "vectors") for text in called(objects).values()]


def asked(data):
    """The names that an object has from elsewhere."""
    start, size, count = struct.unpack_from("<40xQ10xHH", data)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, start + k * size) for k in range(count)]
    table = next(section for section in sections if section[1] == 2)
    words = data[sections[table[6]][4] :]
    symbols = struct.iter_unpack("<IBBHQQ", data[table[4] : table[4] + table[5]])
    return {words[name : words.index(0, name)].decode() for name, _, _, section, *_ in symbols if name and section == 0}


def linked(folder, objects):
    """The file of a program that an emulator can run."""
    names = [folder / f"{k}.o" for k in range(len(objects))]
    for name, data in zip(names, objects, strict=True):
        name.write_bytes(data)
    source, made = folder / "surroundings.c", folder / "program"
    source.write_text(f"#define DATA {DATA}\n{SURROUNDINGS}")
    subprocess.run([COMPILER, "-O1", "-static", "-o", made, source, *names, "-lm"], check=True)
    return made


def ran(folder, recorded):
    """The results of a program, by the emulator."""
    program, objects = written(recorded)
    command, image = linked(folder, objects), program.image
    arrays, fresh = [x.copy() for x in recorded.arrays], recorded.fresh()
    slots = [image.slots.get(("input", k), -1) for k in range(len(arrays))]
    slots += [image.slots.get(("output", k), -1) for k in range(len(fresh))]
    everything = [numpy.ascontiguousarray(x) if x.flags.c_contiguous else whole(x) for x in (*arrays, *fresh)]
    head = [image.words, image.size, image.scratch, len(image.pointers), len(image.numbers), len(everything)]
    pairs = [*image.pointers, *image.numbers, *zip(slots, [x.nbytes for x in everything], strict=True)]
    words = [*head, *[word for pair in pairs for word in pair]]
    given, got = folder / "given", folder / "got"
    given.write_bytes(struct.pack(f"<{len(words)}q", *words) + b"".join([x.tobytes() for x in everything]))
    subprocess.run([EMULATOR, command, given, got], check=True)
    data, at = got.read_bytes(), 0
    for x, flat in zip((*arrays, *fresh), everything, strict=True):
        made = numpy.frombuffer(data, x.dtype, flat.size, at)
        x[...] = numpy.lib.stride_tricks.as_strided(made, x.shape, x.strides)
        at += flat.nbytes
    return recorded.results(arrays, fresh)


def whole(x):
    """The memory of an array that doesn't lie in order, as far as it reaches."""
    count = 1 + sum([(n - 1) * s for n, s in zip(x.shape, x.strides, strict=True)]) // x.itemsize
    return numpy.lib.stride_tricks.as_strided(x, (count,), (x.itemsize,))


def missing():
    """What isn't installed of what this needs, as words; "" if all is here."""
    return " and no ".join([tool for tool in (EMULATOR, COMPILER) if shutil.which(tool) is None])


def compared(make):
    """How many results agree. AssertionError if one doesn't."""
    recorded = Recorded(make)
    expected = run(recorded.graph, [x.copy() for x in recorded.arrays])
    tolerance = 2e-2 if any([x.dtype.itemsize == 2 for x in recorded.graph.inputs]) else 1e-4
    with tempfile.TemporaryDirectory() as folder:
        made = ran(Path(folder), recorded)
    for a, b in zip(expected, made, strict=True):
        numpy.testing.assert_allclose(b.astype(float), a.astype(float), rtol=tolerance, atol=tolerance / 10)
    return len(made)


def main(wanted):
    if missing():
        print(f"skipped: no {missing()} here")
        return 0
    wrong = 0
    for name, make in (PROGRAMS | MORE).items():
        if wanted and name not in wanted:
            continue
        try:
            print(f"{name:20} agrees: {compared(make)} results", flush=True)
        except (AssertionError, subprocess.CalledProcessError) as error:
            wrong += 1
            print(f"{name:20} {type(error).__name__}: {error}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
