"""NumPy's numbers and arrays where PyTorch takes Python's and its own: as operands, dims, sizes and data."""

import pickle
import warnings

import numpy
import pytest
import torch
from oracle import Raised, agree, outcome

import minitorch

NUMBERS = [
    "x * f", "f * x", "x + i", "i - x", "k * f", "k + i", "f ** x", "x // f", "x > f", "i == k", "x.clamp(f, i)", "x.clamp(max=f)", "x.clamp(d, None)", "k.clamp(min=f)", "x.add(x, alpha=f)", "t.add(x, x, alpha=i)", "k.add(k, alpha=i)", "x.sub(x, alpha=f)",
    "x.addcmul(x, x, value=f)", "x.lerp(x, f)", "x.masked_fill(x > 2, f)", "t.where(x > 2, f, x)", "x.half() * d", "t.full((2,), f)", "t.full((i,), i)", "t.full_like(x, f)", "t.full([i, 3], d)", "x.new_full((2,), f)", "t.arange(i)", "t.arange(0, i, f)", "t.arange(d)",
    "t.linspace(f, i, 3)", "t.zeros(i, j)", "t.zeros((i, j))", "t.eye(i)", "x.view(j, 2)", "x.view(n * 6)", "x.view(-1, j)", "x.reshape(i, -1)", "x.repeat(i, 1)", "t.tensor(f)", "t.tensor(i)", "t.tensor([f, f])", "t.tensor([i, d])", "t.as_tensor(j)",
]  # fmt: skip
DIMS = [
    "x.sum(n)", "x.mean(dim=n)", "x.std(n)", "x.var(n, unbiased=False)", "x.any(n)", "x.logsumexp(n)", "x.amax(n)", "x.max(n)", "x.min(dim=n)", "x.argmax(n)", "x.norm(2, n)", "x.softmax(n)", "x.cumsum(n)", "x.squeeze(n)", "x.unsqueeze(n)", "x.transpose(n, 0)", "x.movedim(n, 0)", "x.movedim((n,), (0,))", "x.flip(n)",
    "x.roll(n)", "x.roll(n, n)", "x.chunk(i)", "x.chunk(i, 1)", "x.topk(i)", "x.kthvalue(n)", "x.repeat_interleave(i)", "x.repeat_interleave(i, n)", "x.unbind(n)", "t.cat([x, x], n)", "t.stack([x, x], n)", "x.select(n, 0)", "x[n]", "x[:, n:]", "x[n, n]", "x.size(n)",
    "t.linalg.matrix_norm(x)", "t.nn.functional.normalize(x, dim=n)", "t.cosine_similarity(x, x, n)", "t.nn.LayerNorm(i + 1)(x)", "t.nn.Linear(i, j).weight.shape",
]  # fmt: skip
ARRAYS = [
    "np.sqrt(x)", "np.exp(x.sum())", "np.abs(-x)", "np.isnan(x)", "np.maximum(x, 2)", "np.transpose(x)", "np.argmax(x)", "np.clip(x, 2, 3)", "np.asarray(x).sum()", "np.arange(6)[k[0]].tolist()", "t.tensor(a.view(np.matrix))", "t.as_tensor(a.view(np.matrix))", "t.from_numpy(a.view(np.matrix))",
    "t.from_numpy(np.arange(3).astype('>i4'))", "t.tensor(np.arange(3).astype('>i4'))", "t.tensor(np.array([1, 'a'], dtype=object))", "t.tensor(np.array(['a']))", "t.from_numpy(np.float32(1))", "t.from_numpy([1])", "x.__setitem__(0, a)", "t.zeros(2).__setitem__(slice(None), np.ones(2))",
    "t.full((1,), a)", "t.relu(a)",
]  # fmt: skip


def program(text):
    def run(t):
        x, k = t.arange(1.0, 7.0).reshape(2, 3), t.arange(6).reshape(2, 3)
        numbers = dict(f=numpy.float32(0.5), d=numpy.float64(0.5), i=numpy.int64(2), j=numpy.int32(3), n=numpy.int64(1), a=numpy.ones((2, 3)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "__array_wrap__ must accept context", DeprecationWarning)  # PyTorch's takes fewer
            return eval(text, {"t": t, "np": numpy, "x": x, "k": k, **numbers})

    return run


@pytest.mark.parametrize("text", NUMBERS + DIMS)
def test_a_number_of_numpy_s_counts_as_python_s(text):
    expected = agree(program(text))
    assert not isinstance(expected, Raised), expected


@pytest.mark.parametrize("text", ARRAYS)
def test_an_array(text):
    expected, got = [outcome(program(text), lib)[0] for lib in (torch, minitorch)]
    if isinstance(expected, Raised):
        assert expected.kind == got.kind and expected.line.split(". The only")[0].startswith(got.line.split(". The only")[0])
    else:
        agree(program(text))


def test_an_array_mapped_from_a_file_is_shared(tmp_path):
    numpy.arange(6, dtype=numpy.float32).tofile(tmp_path / "numbers.bin")

    def mapped(t):
        array = numpy.memmap(tmp_path / "numbers.bin", dtype=numpy.float32, mode="r+")
        x, y = t.from_numpy(array[2:]), t.as_tensor(array)
        array[3] = 10
        return x, y, type(x.numpy()).__name__

    agree(mapped)
    assert mapped(minitorch)[0].tolist() == [2, 10, 4, 5]


@pytest.mark.parametrize("text", ["x.max(1)", "x.topk(1)", "x.sort()", "t.linalg.qr(x)", "t.histogram(x, 2)", "x.aminmax(dim=1)"])
def test_several_results_print_and_pickle_as_in_pytorch(text):
    def printed(t):
        result = program(text)(t)
        assert type(pickle.loads(pickle.dumps(result))) is type(result)
        entries = [t.tensor(i) for i in range(len(result))]
        return repr(type(result)(entries) if t is torch else type(result)(*entries))

    agree(printed)


def test_a_size_of_numpy_s_for_the_oldest_constructors():
    agree(lambda t: (t.FloatTensor(numpy.int64(3)).shape, t.LongTensor(numpy.int64(2), 3).shape, t.ones(1).new(numpy.int32(4)).shape))
