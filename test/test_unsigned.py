"""uint16, uint32 and uint64, in which files of tokens come: made, stored, converted and refused as by PyTorch."""

import io

import numpy
import pytest
from oracle import agree


def words(t, values=(1, 2, 60000)):
    return t.tensor(values, dtype=t.uint16)


def read_back(t, x):
    file = io.BytesIO()
    t.save(x, file)
    file.seek(0)
    return t.load(file)


PROGRAMS = [
    lambda t: [t.from_numpy(numpy.arange(3, dtype=d)) for d in ("uint16", "uint32", "uint64")],
    lambda t: [t.tensor(numpy.arange(3, dtype="uint16"), dtype=d) for d in (None, t.int64, t.float32)],
    lambda t: [t.tensor([numpy.uint16(3)]), t.tensor(numpy.uint32(3)), t.as_tensor(numpy.arange(2, dtype="uint16"), dtype=t.int64)],
    lambda t: [t.tensor(x, dtype=t.uint16) for x in ([-1], [True, 2], 65535)] + [t.full((1,), -1, dtype=t.uint32), t.tensor([2**64 - 1], dtype=t.uint64)],
    lambda t: t.tensor([70000], dtype=t.uint16), lambda t: t.tensor([-70000], dtype=t.uint16), lambda t: t.tensor([-1], dtype=t.uint64),
    lambda t: [t.tensor([1.5, 300.0, -1.0]).to(t.uint16), t.tensor([True, False]).to(t.uint64), t.tensor(1e19).to(t.uint64), t.ones(2).type("torch.UInt16Tensor")],
    lambda t: [words(t).long(), words(t).float(), words(t).bool(), words(t).view(t.int16), t.tensor([1.0, 2.0]).view(t.uint32), words(t).type()],
    lambda t: [words(t)[0], words(t)[1:], words(t)[t.tensor([0, 2])], t.cat([words(t), words(t)]), t.stack([words(t)]), words(t).roll(1), words(t).repeat(2)],
    lambda t: [words(t) * words(t), words(t) / words(t), words(t) == words(t), words(t) & 3, words(t) * 2.5, words(t) * t.ones(3), words(t).sum(), words(t).prod(), words(t).cumsum(0)],
    lambda t: [words(t).tolist(), words(t).numpy().dtype, words(t)[2].item(), words(t).nbytes, str(words(t)), words(t).unique(), words(t).any(), words(t).equal(words(t))],
    lambda t: [t.iinfo(d) and (str(t.iinfo(d)), t.iinfo(d).max, d.is_signed, d.itemsize) for d in (t.uint16, t.uint32, t.uint64, t.int64)],
    lambda t: words(t) + words(t).int(), lambda t: t.promote_types(t.int8, t.uint32), lambda t: t.promote_types(t.uint16, t.uint64), lambda t: words(t) + t.ones(3, dtype=t.complex64),
    lambda t: [str(t.promote_types(t.uint16, d)) for d in (t.float16, t.bfloat16, t.float64, t.uint16)], lambda t: [t.can_cast(t.uint16, t.int8), t.can_cast(t.float32, t.uint16)],
    lambda t: (t.manual_seed(0), t.randint(0, 60000, (3,), dtype=t.uint16))[1], lambda t: t.randint(0, 70000, (2,), dtype=t.uint16),
    lambda t: read_back(t, words(t)), lambda t: read_back(t, {"part": words(t)[1:], "weight": t.nn.Parameter(words(t), requires_grad=False)}),
    lambda t: t.tensor(numpy.array(["a"])), lambda t: t.tensor(numpy.array([1, None])), lambda t: t.from_numpy(numpy.array([1, 2], dtype=">i4")), lambda t: words(t)[:, t.newaxis],
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_unsigned_types_are_pytorch_s(program):
    agree(program)


@pytest.mark.parametrize("writer, reader", [("torch", "minitorch"), ("minitorch", "torch")])
def test_files_go_both_ways(writer, reader):
    writer, reader = map(pytest.importorskip, (writer, reader))
    file = io.BytesIO()
    writer.save({"tokens": words(writer)[1:]}, file)
    file.seek(0)
    assert reader.load(file, weights_only=True)["tokens"].tolist() == [2, 60000]
