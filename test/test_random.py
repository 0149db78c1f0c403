"""PyTorch's random numbers, draw for draw: recorded ones, and PyTorch itself beside us.

``data/rng`` holds recorded cases: a seed, an expression, its values and a hash of the generator's state after it. They
came from PyTorch 2.13 on a CPU with AVX2. Where float64 values come of a logarithm or a sine, NumPy's vector kernels may
differ from the C library in the last bit; everything else is the same to the last bit.
"""

import copy
import hashlib
import json
import math
import pickle
import random
import subprocess
import sys
import warnings
from fractions import Fraction
from pathlib import Path

import numpy
import pytest
import torch

import minitorch
from minitorch.backends import mt19937
from minitorch.backends.mt19937 import Stream
from minitorch.backends.normals import fused64

DATA = Path(__file__).parent / "data" / "rng"

torch.set_num_threads(1)


def array(x):
    """A tensor of either library as an array; bfloat16, which NumPy lacks, as its bits."""
    x = x.detach()
    if str(x.dtype) == "torch.bfloat16":
        return x.view(torch.int16).numpy() if isinstance(x, torch.Tensor) else x._array.view(numpy.int16)
    return x.numpy()


def state(lib):
    return lib.get_rng_state().numpy()


def assert_same(expected, actual, tolerance=0.0):
    expected, actual = numpy.asarray(expected), numpy.asarray(actual)
    assert (expected.dtype, expected.shape) == (actual.dtype, actual.shape)
    if tolerance and expected.dtype == numpy.float64:
        numpy.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    else:
        numpy.testing.assert_array_equal(actual, expected)


def agree(run, seed=0, tolerance=1e-13):
    """``run(lib)`` gives the same tensor in both libraries, and leaves their generators in the same state."""
    torch.manual_seed(seed), minitorch.manual_seed(seed)
    expected, actual = run(torch), run(minitorch)
    assert_same(array(expected), array(actual), tolerance)
    assert expected.stride() == actual.stride() or 1 in expected.shape or not expected.numel()
    assert_same(state(torch), state(minitorch))


# ---------------------------------------------------------------------------------------------------------
# Recorded

VECTORS = json.loads((DATA / "vectors.json").read_text())["cases"]
VALUES = dict(numpy.load(DATA / "vectors.npz"))


def evaluated(expression):
    """The values of a recorded expression, as arrays by name."""
    names = {"torch": minitorch, "math": math, "f64": minitorch.float64, "f16": minitorch.float16}
    if "nn." in expression or "Fn." in expression:
        names |= {"nn": minitorch.nn, "Fn": minitorch.nn.functional}
    loaders = ("DataLoader", "RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler", "random_split")
    names |= {name: getattr(minitorch.utils.data, name) for name in loaders if name in expression}

    result = eval(expression, names)
    parts = result if isinstance(result, dict) else {"out": result}
    return {name: array(x) if isinstance(x, minitorch.Tensor) else numpy.asarray(x) for name, x in parts.items()}


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")  # PyTorch's advice on encoders, which we give too
@pytest.mark.parametrize("case", VECTORS, ids=[f"{case[1]}-{case[2]}"[:60] for case in VECTORS])
def test_recorded(case):
    op, seed, expression, match, tolerance, outputs, end = case
    minitorch.manual_seed(seed)
    found = evaluated(expression)
    assert set(found) == {output[0] for output in outputs}
    for name, dtype, shape, offset, *digest in outputs:
        value = found[name]
        assert (value.dtype.name, list(value.shape)) == (dtype, shape)
        flat = value.reshape(-1)
        shown = numpy.concatenate((flat[:12], flat[-12:])) if digest else flat
        expected = VALUES[dtype][offset : offset + shown.size]
        if match == "tolerance" or op == "alpha_dropout":
            numpy.testing.assert_allclose(shown, expected, rtol=tolerance, atol=tolerance)
            continue
        assert_same(expected, shown, tolerance)
        if digest and not (match == "libm" and dtype == "float64"):
            assert digest[0] == hashlib.sha256(value.tobytes()).hexdigest()[:16]

    left, following, cached, digest = end
    blob = state(minitorch)
    assert (left, following, cached) == (
        int.from_bytes(blob[8:12], "little"), int.from_bytes(blob[16:24], "little"), blob[5040],
    )  # fmt: skip
    assert digest == hashlib.sha256(blob.tobytes()).hexdigest()[:12]


# ---------------------------------------------------------------------------------------------------------
# Beside PyTorch: every draw

FLOATS = ["float32", "float64", "float16", "bfloat16"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8"]
SIZES = [0, 1, 2, 7, 15, 16, 17, 31, 100, 624, 625, 16384, 16391, 16397, 40001]


def random_layouts(lib, dtype, size):
    """Tensors of about that size, in memory in this order and that."""
    n = max(math.isqrt(size), 1)
    return [
        lib.zeros(size, dtype=dtype), lib.zeros(n, n + 1, dtype=dtype).t(), lib.zeros(size, 2, dtype=dtype)[:, 0],
        lib.zeros(2, n, 3, dtype=dtype).permute(2, 0, 1), lib.zeros(2, n, 3, dtype=dtype).permute(1, 2, 0)[:, ::2],
    ]  # fmt: skip


def dtype_draws(r):
    """A draw into tensors of every dtype that has it: (dtypes, function of a tensor)."""
    low, high = sorted((r.uniform(-3, 3), r.uniform(-3, 3)))
    mean, std, p = r.uniform(-2, 2), r.choice([0.0, 1.0, r.uniform(0.1, 2)]), r.uniform(0.2, 0.9)
    first, last = sorted(r.sample(range(100), 2))
    return [
        (FLOATS, lambda x: x.uniform_()), (FLOATS, lambda x: x.uniform_(low, high)),
        (FLOATS, lambda x: x.normal_()), (FLOATS, lambda x: x.normal_(mean, std)),
        (FLOATS, lambda x: x.log_normal_(mean, 0.5)), (FLOATS, lambda x: x.exponential_(p)),
        (FLOATS, lambda x: x.cauchy_(mean, p)), ([*FLOATS, *INTEGERS], lambda x: x.geometric_(p)),
        ([*FLOATS, *INTEGERS, "bool"], lambda x: x.bernoulli_(p)), ([*FLOATS, *INTEGERS, "bool"], lambda x: x.random_()),
        ([*FLOATS, *INTEGERS], lambda x: x.random_(last)), ([*FLOATS, *INTEGERS], lambda x: x.random_(first, last)),
        (["int64"], lambda x: x.random_(-(2**62), r.choice([2**28 - 2**62, 2**28 - 1 - 2**62, 5, 2**63 - 1]))),
        (["int64"], lambda x: x.random_(-(2**63), None)), (["int64", "int32", "uint8"], lambda x: x.random_(first, None)),
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, "bool"])
def test_fills_any_layout_in_memory_order(dtype):
    r = random.Random(dtype)
    for size in SIZES:
        for dtypes, fill in dtype_draws(r):
            if dtype not in dtypes:
                continue
            for k in range(5 if size < 1000 else 2):
                r.setstate(before := r.getstate())

                def run(lib, k=k, fill=fill, before=before, size=size):
                    r.setstate(before)
                    return fill(random_layouts(lib, getattr(lib, dtype), size)[k])

                agree(run, seed=r.randrange(2**64), tolerance=1e-12)


CREATED = {
    "rand": lambda m: m.rand(2, 3),
    "rand of a tuple": lambda m: m.rand((4,)),
    "rand of a list": lambda m: m.rand([2, 1]),
    "rand size=": lambda m: m.rand(size=(3, 2)),
    "rand 0-d": lambda m: m.rand(()),
    "rand f64": lambda m: m.rand(9, dtype=m.float64),
    "rand complex": lambda m: m.rand(9, dtype=m.complex64),
    "rand out": lambda m: m.rand(2, 3, out=m.empty(2, 3)),
    "rand resized out": lambda m: m.rand(2, 3, out=m.empty(0)),
    "rand f64 out": lambda m: m.rand(2, out=m.empty(2, dtype=m.float64)),
    "randn": lambda m: m.randn(7, 5),
    "randn 0-d": lambda m: m.randn(()),
    "randn half": lambda m: m.randn(50, dtype=m.float16),
    "randn complex": lambda m: m.randn(33, dtype=m.complex128),
    "randn few complex": lambda m: m.randn(3, dtype=m.complex64),
    "randn generator": lambda m: m.randn(20, generator=m.Generator().manual_seed(5)),
    "rand unseeded generator": lambda m: m.rand(20, generator=m.Generator()),
    "randint": lambda m: m.randint(10, (3, 4)),
    "randint low": lambda m: m.randint(-5, 10, (20,)),
    "randint names": lambda m: m.randint(low=3, high=9, size=(5,)),
    "randint high=": lambda m: m.randint(high=9, size=[5]),
    "randint float": lambda m: m.randint(7, (5,), dtype=m.float32),
    "randint wide": lambda m: m.randint(-(2**63), 2**63 - 1, (40,)),
    "randint uint8": lambda m: m.randint(0, 256, (40,), dtype=m.uint8),
    "randint bool": lambda m: m.randint(2, (40,), dtype=m.bool),
    "randint out": lambda m: m.randint(5, (3,), out=m.empty(3, dtype=m.int32)),
    "randperm": lambda m: m.randperm(100),
    "randperm 0": lambda m: m.randperm(0),
    "randperm 1": lambda m: m.randperm(1),
    "randperm at once": lambda m: m.randperm(5000),
    "randperm int32": lambda m: m.randperm(50, dtype=m.int32),
    "randperm float": lambda m: m.randperm(50, dtype=m.float32),
    "randperm int8": lambda m: m.randperm(128, dtype=m.int8),
    "randperm half": lambda m: m.randperm(2049, dtype=m.float16),
    "normal numbers": lambda m: m.normal(1.0, 2.0, (3, 7)),
    "normal names": lambda m: m.normal(mean=0, std=1, size=(2,)),
    "normal f64": lambda m: m.normal(0.0, 1.0, (20,), dtype=m.float64),
    "normal mean": lambda m: m.normal(m.linspace(-1, 1, 20), 0.3),
    "normal mean only": lambda m: m.normal(m.zeros(5)),
    "normal std": lambda m: m.normal(2.0, m.linspace(0, 1, 20)),
    "normal both": lambda m: m.normal(m.zeros(3, 1), m.ones(4)),
    "normal f32, f64": lambda m: m.normal(m.zeros(3), m.ones(3, dtype=m.float64)),
    "normal transposed": lambda m: m.normal(m.zeros(4, 5).t(), m.ones(4, 5).t()),
    "bernoulli": lambda m: m.bernoulli(m.linspace(0, 1, 50)),
    "bernoulli f64": lambda m: m.bernoulli(m.linspace(0, 1, 50, dtype=m.float64)),
    "bernoulli half": lambda m: m.bernoulli(m.linspace(0, 1, 50).half()),
    "bernoulli p": lambda m: m.bernoulli(m.zeros(50), 0.3),
    "bernoulli transposed": lambda m: m.bernoulli(m.full((4, 5), 0.4).t()),
    "bernoulli p transposed": lambda m: m.zeros(4, 5).t().bernoulli(0.4),
    "bernoulli out": lambda m: m.bernoulli(m.full((4,), 0.4), out=m.empty(4)),
    "bernoulli_ tensor": lambda m: m.empty(3, 4).bernoulli_(m.tensor([0.1, 0.5, 0.7, 0.9])),
    "bernoulli_ tensor f64": lambda m: m.empty(4, 3).t().bernoulli_(m.tensor([0.1, 0.5, 0.7, 0.9], dtype=m.float64)),
    "bernoulli_ 0-d": lambda m: m.empty(20).bernoulli_(m.tensor(0.5)),
    "bernoulli_ of ints": lambda m: m.empty(9, dtype=m.int64).bernoulli_(m.tensor(0.5)),
    "rand_like": lambda m: m.rand_like(m.zeros(3, 4)),
    "rand_like transposed": lambda m: m.rand_like(m.zeros(3, 4).t()),
    "rand_like gaps": lambda m: m.rand_like(m.zeros(4, 6).t()[::2]),
    "rand_like expanded": lambda m: m.rand_like(m.zeros(3, 1).expand(3, 4)),
    "rand_like dtype": lambda m: m.rand_like(m.zeros(3, dtype=m.int64), dtype=m.float64),
    "randn_like transposed": lambda m: m.randn_like(m.zeros(5, 7).t()),
    "randn_like gaps": lambda m: m.randn_like(m.zeros(40, 2)[:, 0]),
    "randn_like permuted": lambda m: m.randn_like(m.zeros(2, 3, 4).permute(2, 0, 1)),
    "randn_like contiguous": lambda m: m.randn_like(m.zeros(5, 7).t(), memory_format=m.contiguous_format),
    "zeros_like transposed": lambda m: m.zeros_like(m.zeros(5, 7).t()).normal_(),
    "ones_like permuted": lambda m: m.ones_like(m.zeros(2, 3, 4).permute(2, 0, 1)).uniform_(),
    "randint_like": lambda m: m.randint_like(m.zeros(9), 5),
    "randint_like low": lambda m: m.randint_like(m.zeros(9, dtype=m.int32), 2, 5),
    "randint_like names": lambda m: m.randint_like(m.zeros(9), low=2, high=5),
    "randint_like dtype": lambda m: m.randint_like(m.zeros(9), 5, dtype=m.int64),
    "multinomial one": lambda m: m.multinomial(m.arange(1.0, 11.0), 1),
    "multinomial": lambda m: m.multinomial(m.arange(1.0, 11.0), 4),
    "multinomial all": lambda m: m.multinomial(m.arange(1.0, 101.0), 100),
    "multinomial zeros": lambda m: m.multinomial(m.tensor([0.0, 1, 0, 3]), 2),
    "multinomial rows": lambda m: m.multinomial(m.arange(1.0, 31.0).reshape(3, 10), 5),
    "multinomial transposed": lambda m: m.multinomial(m.arange(1.0, 31.0).reshape(3, 10).t(), 2),
    "multinomial repeated": lambda m: m.multinomial(m.arange(1.0, 31.0).reshape(3, 10), 50, True),
    "multinomial one repeated": lambda m: m.multinomial(m.arange(1.0, 11.0), 1, replacement=True),
    "multinomial f64": lambda m: m.multinomial(m.arange(1.0, 11.0, dtype=m.float64), num_samples=20, replacement=True),
    "multinomial half": lambda m: m.multinomial(m.arange(1.0, 11.0).half(), 20, True),
    "multinomial bfloat16": lambda m: m.multinomial(m.arange(1.0, 11.0).bfloat16(), 20, True),
    "multinomial half, once": lambda m: m.multinomial(m.arange(1.0, 11.0).half(), 4),
    "multinomial no rows": lambda m: m.multinomial(m.ones(0, 3), 1),
    "random_ to=": lambda m: m.empty(5).random_(to=3),
    "random_ from=": lambda m: m.empty(5).random_(**{"from": 3, "to": 9}),
    "normal_ names": lambda m: m.empty(5).normal_(mean=1, std=2),
    "normal_ 0-d std": lambda m: m.empty(5).normal_(std=m.tensor(2.0)),
    "uniform_ complex": lambda m: m.empty(5, dtype=m.complex64).uniform_(0, 2),
    "normal_ complex": lambda m: m.empty(5, dtype=m.complex64).normal_(1, 2),
    "exponential_ names": lambda m: m.empty(5).exponential_(lambd=2),
    "cauchy_ names": lambda m: m.empty(5).cauchy_(median=1, sigma=2),
    "uniform_ one value": lambda m: m.empty(5).uniform_(2.0, 2.0),
    "float16 overflows": lambda m: m.empty(50, dtype=m.float16).log_normal_(9, 3),
    "normal_ generator": lambda m: m.empty(5).normal_(generator=m.Generator().manual_seed(1)),
}


@pytest.mark.parametrize("run", CREATED.values(), ids=CREATED)
def test_agrees_with_torch(run):
    for seed in (0, 1, 2**64 - 1):
        agree(run, seed)


def random_sequence(seed, lib, steps=60):
    """Draws of all kinds from one generator, and what it is made to do in between; a list of arrays."""
    r, found = random.Random(seed), []
    g = lib.Generator().manual_seed(seed)
    for _ in range(steps):
        n, kind = r.choice([0, 1, 3, 15, 16, 17, 40, 625]), r.randrange(14)
        double = r.choice([lib.float32, lib.float64])
        if kind < 10:
            x = lib.empty(n, dtype=double)
            p = r.uniform(0.1, 0.9)
            fills = ("uniform_", "normal_", "bernoulli_", "exponential_", "log_normal_")
            fill = fills[kind % 5]
            found.append(array(getattr(x, fill)(*((p,) if kind in (2, 7, 3, 8) else ()), generator=g)))
        elif kind == 10:
            found.append(array(lib.randperm(n, generator=g)))
        elif kind == 11:
            found.append(array(lib.randint(r.choice([5, 2**28, 2**40]), (n,), generator=g)))
        elif kind == 12:
            saved = g.get_state()
            lib.randn(n, generator=g)
            g.set_state(saved)
        else:
            g = g.clone_state()
        found.append(array(g.get_state()))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_a_sequence_of_draws(seed):
    for expected, actual in zip(random_sequence(seed, torch), random_sequence(seed, minitorch), strict=True):
        assert_same(expected, actual, 1e-13)


# ---------------------------------------------------------------------------------------------------------
# Generators


def test_states_go_both_ways():
    for draws in (0, 1, 3, 16, 311, 312, 623, 624, 625, 2000):
        torch.manual_seed(draws), minitorch.manual_seed(draws + 1)
        torch.rand(draws), torch.randn(3)
        blob = torch.get_rng_state()
        minitorch.set_rng_state(minitorch.from_numpy(blob.numpy().copy()))
        assert_same(blob.numpy(), state(minitorch))
        assert minitorch.initial_seed() == torch.initial_seed() == draws
        assert_same(torch.randn(1).numpy(), minitorch.randn(1).numpy())  # the kept normal
        assert_same(torch.rand(700).numpy(), minitorch.rand(700).numpy())

        minitorch.rand(draws)
        torch.set_rng_state(torch.from_numpy(state(minitorch)))
        assert_same(torch.rand(700).numpy(), minitorch.rand(700).numpy())


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**63, 2**64 - 1, -1, -(2**63), True, 2.0, torch.tensor(3)], ids=str)
def test_seeds(seed):
    expected = torch.manual_seed(seed).initial_seed()
    assert minitorch.manual_seed(seed) is minitorch.default_generator
    assert expected == minitorch.initial_seed()
    assert_same(torch.rand(5).numpy(), minitorch.rand(5).numpy())
    assert_same(state(torch), state(minitorch))


def test_a_process_that_seeds_nothing_begins_anywhere():
    said = "import minitorch; print(minitorch.initial_seed())"
    found = [subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert found[0] != found[1]


def test_unseeded_generators():
    assert torch.Generator().initial_seed() == minitorch.Generator().initial_seed()
    assert_same(torch.Generator().get_state().numpy(), minitorch.Generator().get_state().numpy())
    assert minitorch.random.default_generator is minitorch.default_generator
    assert (
        minitorch.Generator("cpu").device
        == minitorch.Generator(minitorch.device("cpu")).device
        == minitorch.device("cpu")
    )


def test_seed_is_fresh():
    g = minitorch.Generator()
    seeds = [g.seed(), g.seed(), minitorch.seed()]
    assert len(set(seeds)) == 3 and all(0 <= seed < 2**64 for seed in seeds)
    assert g.initial_seed() == seeds[1] and minitorch.initial_seed() == seeds[2]


def test_a_generator_is_a_stream_of_its_own():
    minitorch.manual_seed(0)
    g = minitorch.Generator().manual_seed(0)
    expected = minitorch.rand(4).tolist()
    minitorch.rand(9)
    assert expected == minitorch.rand(4, generator=g).tolist()


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)), lambda g: g.clone_state()]
)
def test_copies_of_a_generator_go_on_alone(copied):
    g = minitorch.Generator().manual_seed(2**40)
    minitorch.randn(3, generator=g)
    twin = copied(g)
    expected = [minitorch.randn(1, generator=g).item(), minitorch.rand(1, generator=g).item()]
    assert expected == [minitorch.randn(1, generator=twin).item(), minitorch.rand(1, generator=twin).item()]
    assert twin.initial_seed() == 2**40


def test_fork_rng():
    minitorch.manual_seed(3)
    minitorch.randn(3)
    before = state(minitorch)
    with pytest.raises(KeyError), minitorch.random.fork_rng():
        minitorch.rand(2000)
        raise KeyError
    assert_same(before, state(minitorch))

    with minitorch.random.fork_rng(enabled=False):
        minitorch.rand(1)
    assert (before != state(minitorch)).any()


@pytest.mark.parametrize("before", [None, 5, 624, 2000])
@pytest.mark.parametrize("count", [0, 3, 5000])
def test_a_stream_goes_back(before, count):
    stream, float32 = Stream(7), numpy.dtype("float32")
    if before is not None:
        stream.uniform(before, float32)
        stream.normal(1, float32)
    begin, place = stream.get_state(), stream.place()
    first = stream.uniform(count, float32).tolist(), stream.normal(7, float32).tolist()
    end = stream.get_state()
    stream.go_back(place)
    assert stream.get_state().tolist() == begin.tolist()
    assert (stream.uniform(count, float32).tolist(), stream.normal(7, float32).tolist()) == first
    assert stream.get_state().tolist() == end.tolist()


def test_a_failed_check_draws_nothing():
    minitorch.manual_seed(3)
    before = state(minitorch)
    for wrong in (lambda: minitorch.empty(3).normal_(0, -1), lambda: minitorch.multinomial(minitorch.tensor([1.0, -1.0]), 1),
                  lambda: minitorch.randint(3, 3, (2,)), lambda: minitorch.bernoulli(minitorch.tensor([2.0]))):  # fmt: skip
        with pytest.raises(RuntimeError):
            wrong()
    assert_same(before, state(minitorch))


# ---------------------------------------------------------------------------------------------------------
# Gradients

FILLS = {
    "uniform_": (), "normal_": (), "bernoulli_": (), "exponential_": (), "cauchy_": (), "log_normal_": (), "random_": (),
    "geometric_": (0.5,),
}  # fmt: skip


@pytest.mark.parametrize("name", FILLS)
def test_a_filled_tensor_has_no_past(name):
    for lib in (torch, minitorch):
        x = lib.ones(3, requires_grad=True)
        y = x * 2
        assert getattr(y, name)(*FILLS[name]) is y
        assert y.requires_grad
        y.sum().backward()
        assert x.grad.tolist() == [0.0, 0.0, 0.0]

        with lib.no_grad():
            getattr(x, name)(*FILLS[name])
        assert x.is_leaf and x.requires_grad


def test_bernoulli_has_gradient_zero():
    for lib in (torch, minitorch):
        p = lib.full((3,), 0.5, requires_grad=True)
        (lib.bernoulli(p) * 3).sum().backward()
        assert p.grad.tolist() == [0.0, 0.0, 0.0]


def test_new_tensors_ask_for_a_gradient_only_on_demand():
    for lib in (torch, minitorch):
        made = [
            lib.rand(2, requires_grad=True),
            lib.randn(2, requires_grad=True),
            lib.rand_like(lib.ones(2), requires_grad=True),
        ]
        made += [lib.normal(0.0, 1.0, (2,), requires_grad=True)]
        assert all(x.requires_grad and x.is_leaf for x in made)
        x = lib.ones(2, requires_grad=True)
        assert not any(y.requires_grad for y in (lib.rand_like(x), lib.randn_like(x), lib.multinomial(x, 1)))


def test_a_write_is_noticed():
    for lib in (torch, minitorch):
        x = lib.ones(3, requires_grad=True)
        y = x.exp()
        y.detach().uniform_()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


# ---------------------------------------------------------------------------------------------------------
# Errors: PyTorch's type and first line

NAN, INF = math.nan, math.inf
ERRORS = [
    lambda m: m.manual_seed(2**64),
    lambda m: m.manual_seed(-(2**63) - 1),
    lambda m: m.Generator().manual_seed(2**64),
    lambda m: m.Generator().manual_seed(1.5),
    lambda m: m.manual_seed("a"),
    lambda m: m.set_rng_state(m.zeros(5056)),
    lambda m: m.set_rng_state(m.zeros(10, dtype=m.uint8)),
    lambda m: m.Generator().set_state(m.zeros(5056, dtype=m.uint8)),
    lambda m: m.Generator().set_state(1),
    lambda m: m.empty(3).normal_(0, -1),
    lambda m: m.empty(3).normal_(0, -1.5),
    lambda m: m.empty(0).normal_(0, -1),
    lambda m: m.empty(3).normal_(0, NAN),
    lambda m: m.empty(3, dtype=m.int64).normal_(),
    lambda m: m.randn(3, dtype=m.int64),
    lambda m: m.normal(0.0, -1.0, (3,)),
    lambda m: m.normal(m.zeros(3), -1.0),
    lambda m: m.normal(0.0, m.tensor([1.0, -1])),
    lambda m: m.normal(m.zeros(2), m.tensor([1.0, -1])),
    lambda m: m.normal(m.zeros(3), m.ones(4)),
    lambda m: m.normal(m.zeros(3, dtype=m.int64), 1.0),
    lambda m: m.empty(3).uniform_(1, 0),
    lambda m: m.empty(3).uniform_(2.5, 0),
    lambda m: m.empty(3).uniform_(0, INF),
    lambda m: m.empty(3).uniform_(NAN, 1),
    lambda m: m.empty(3).uniform_(-3e38, 3e38),
    lambda m: m.empty(3).uniform_(0, 1e39),
    lambda m: m.empty(2, dtype=m.float16).uniform_(0, 65505),
    lambda m: m.empty(2, dtype=m.bfloat16).uniform_(0, 1e39),
    lambda m: m.empty(2, dtype=m.float64).uniform_(-1.7e308, 1.7e308),
    lambda m: m.empty(3, dtype=m.int64).uniform_(),
    lambda m: m.empty(3, dtype=m.bool).uniform_(),
    lambda m: m.rand(2, dtype=m.int64),
    lambda m: m.empty(2).uniform_("a"),
    lambda m: m.empty(3).bernoulli_(1.5),
    lambda m: m.empty(3).bernoulli_(-0.1),
    lambda m: m.empty(3).bernoulli_(NAN),
    lambda m: m.bernoulli(m.tensor([1.5])),
    lambda m: m.bernoulli(m.tensor([NAN])),
    lambda m: m.bernoulli(m.tensor([1, 0])),
    lambda m: m.empty(2, 2).bernoulli_(m.tensor([0.3, 0.4, 0.5])),
    lambda m: m.empty(2).bernoulli_(m.tensor([0, 1])),
    lambda m: m.empty(2, dtype=m.complex64).bernoulli_(),
    lambda m: m.empty(2).exponential_(0),
    lambda m: m.empty(2).exponential_(-1.5),
    lambda m: m.empty(2).exponential_(NAN),
    lambda m: m.empty(2, dtype=m.int64).exponential_(),
    lambda m: m.empty(2, dtype=m.complex64).exponential_(),
    lambda m: m.empty(2).cauchy_(0, 0),
    lambda m: m.empty(2).cauchy_(0, -1),
    lambda m: m.empty(2, dtype=m.int64).cauchy_(),
    lambda m: m.empty(2).log_normal_(0, 0),
    lambda m: m.empty(2, dtype=m.int64).log_normal_(),
    lambda m: m.empty(2).geometric_(0),
    lambda m: m.empty(2).geometric_(1),
    lambda m: m.empty(2, dtype=m.bool).geometric_(0.5),
    lambda m: m.empty(2).random_(3, 3),
    lambda m: m.empty(2).random_(5, 3),
    lambda m: m.empty(2).random_(0),
    lambda m: m.empty(2, dtype=m.uint8).random_(0, 300),
    lambda m: m.empty(2, dtype=m.int8).random_(-200, 3),
    lambda m: m.empty(2, dtype=m.bool).random_(0, 3),
    lambda m: m.empty(2, dtype=m.float16).random_(0, 100000),
    lambda m: m.empty(2, dtype=m.complex64).random_(),
    lambda m: m.empty(2, dtype=m.int64).random_(0, 2**63),
    lambda m: m.randint(3, 3, (2,)),
    lambda m: m.randint(5, 3, (2,)),
    lambda m: m.randint(0, (2,)),
    lambda m: m.randint(-2, (2,)),
    lambda m: m.randint(300, (2,), dtype=m.uint8),
    lambda m: m.randint(1.5, (2,)),
    lambda m: m.randint(10, 2),
    lambda m: m.randint(0, 2**63, (2,)),
    lambda m: m.randint(10),
    lambda m: m.randperm(-1),
    lambda m: m.randperm(3.5),
    lambda m: m.randperm(300, dtype=m.uint8),
    lambda m: m.randperm(3, dtype=m.bool),
    lambda m: m.randperm(2050, dtype=m.float16),
    lambda m: m.rand(2, -1),
    lambda m: m.rand(1.5),
    lambda m: m.rand("a"),
    lambda m: m.rand(),
    lambda m: m.randn(),
    lambda m: m.rand_like([1]),
    lambda m: m.rand_like(m.zeros(2, dtype=m.int64)),
    lambda m: m.zeros(1, 3).expand(4, 3).uniform_(),
    lambda m: m.zeros(1, 3).expand(4, 3).normal_(),
    lambda m: m.multinomial(m.ones(3), 4),
    lambda m: m.multinomial(m.ones(3), 0),
    lambda m: m.multinomial(m.ones(3), -1),
    lambda m: m.multinomial(m.tensor([1.0, -1]), 1),
    lambda m: m.multinomial(m.tensor([1.0, -1]), 3, True),
    lambda m: m.multinomial(m.tensor([0.0, 0]), 1),
    lambda m: m.multinomial(m.tensor([0.0, 0]), 3, True),
    lambda m: m.multinomial(m.tensor([1.0, NAN]), 1),
    lambda m: m.multinomial(m.tensor([1.0, INF]), 1),
    lambda m: m.multinomial(m.tensor([1.0, NAN]), 3, True),
    lambda m: m.multinomial(m.tensor([1.0, INF]), 3, True),
    lambda m: m.multinomial(m.tensor([[1.0, 1], [0, 0]]), 3, True),
    lambda m: m.multinomial(m.tensor([1, 2]), 1),
    lambda m: m.multinomial(m.ones(2, 2, 2), 1),
    lambda m: m.multinomial(m.tensor(1.0), 1),
    lambda m: m.multinomial(m.ones(3, 0), 1),
    lambda m: m.multinomial(m.ones(2), 2.0),
    lambda m: m.zeros(3, requires_grad=True).uniform_(),
    lambda m: m.zeros(3, requires_grad=True).normal_(),
    lambda m: m.zeros(3, requires_grad=True).bernoulli_(),
    lambda m: m.zeros(3, requires_grad=True).random_(),
    lambda m: m.zeros(3, requires_grad=True)[:2].uniform_(),
]


@pytest.mark.parametrize("wrong", ERRORS, ids=range(len(ERRORS)))
def test_errors(wrong):
    with pytest.raises(Exception) as expected:
        wrong(torch)
    with pytest.raises(expected.type) as actual:
        wrong(minitorch)
    first, *advice = str(actual.value).split("\n")
    # a long sentence of PyTorch's may go on where ours ends
    assert str(expected.value).split("\n")[0].startswith(first)
    assert len(first) > 15


@pytest.mark.parametrize(
    "draw", [lambda g: minitorch.rand(2, generator=g), lambda g: minitorch.empty(2).normal_(generator=g)]
)
def test_something_else_as_generator(draw):
    with pytest.raises(TypeError, match="torch.Generator, not int"):
        draw(5)


# ---------------------------------------------------------------------------------------------------------
# The streams themselves


@pytest.mark.parametrize("n", [1, 2, 3, 10, 700, 3000])
def test_both_shuffles_are_one(n):
    for seed in range(20):
        r = numpy.random.RandomState(seed)
        targets = numpy.array([r.randint(i, n) for i in range(n - 1)], numpy.uint32)
        expected = mt19937._shuffled_by_loop(targets, n)
        assert sorted(expected) == list(range(n))
        assert_same(expected, mt19937._shuffled_at_once(targets, n))


def test_words_come_in_the_same_order_in_any_portions():
    r = random.Random(0)
    expected = numpy.random.RandomState(5).randint(0, 2**32, size=100_000, dtype=numpy.uint32)
    stream, position = Stream(5), 0
    while position < 90_000:
        n = r.choice([0, 1, 2, 100, 623, 624, 625, 1248, 5000])
        assert_same(expected[position : position + n], stream.raw32(n))
        position += n
        if r.random() < 0.2:
            stream = stream.copy()


def test_fused_arithmetic_rounds_once():
    r = numpy.random.RandomState(0)
    a = numpy.concatenate((r.uniform(-10, 10, 300), [0.0, 1e-300, 1e300, -1.0]))
    for b, c in [(0.3, 0.1), (1 / 3, -1 / 3), (1.0, 0.1), (7.0, 0.0), (-2.5, 1e-17), (1e-5, 1e5)]:
        expected = [float(Fraction(x) * Fraction(b) + Fraction(c)) for x in a.tolist()]
        assert_same(numpy.array(expected), fused64(a, b, c))
    # PyTorch allows bounds too large to split
    assert numpy.isfinite(fused64(r.uniform(size=9), 1.7e308, -1e307)).all()


def test_pieces_do_not_show(monkeypatch):
    draws = [
        lambda stream: stream.uniform(5000, "f4"),
        lambda stream: stream.normal(5007, "f4"),
        lambda stream: stream.normal(5007, "f8"),
        lambda stream: stream.normal(5007, "f8", scattered=True),
        lambda stream: stream.geometric(5001, "f4", 0.3),
    ]
    whole = [draw(Stream(1)) for draw in draws]
    monkeypatch.setattr(mt19937, "PIECE", 64)
    for draw, expected in zip(draws, whole, strict=True):
        assert_same(expected, draw(Stream(1)), 1e-14)


def test_an_enormous_permutation_is_shuffled_inside_out():
    minitorch.manual_seed(0)
    out = numpy.arange(50)
    for i, word in enumerate(Stream(0).raw64(50).tolist()):
        out[i], out[word % (i + 1)] = out[word % (i + 1)], i
    assert_same(out, Stream(0)._inside_out(50))


def test_a_draw_owns_its_memory():
    stream = Stream(0)
    stream.raw32(10)
    before = stream.get_state()
    for draw in (
        lambda: stream.uniform(4, "f4"),
        lambda: stream.bernoulli(4, "f4", 0.5),
        lambda: stream.integers(4, "i8", 0, 9, False),
    ):
        draw()[:] = 0
    stream.set_state(before)
    assert_same(stream.uniform(600, "f4"), restored(before).uniform(600, "f4"))


def restored(blob):
    stream = Stream()
    stream.set_state(blob)
    return stream


def test_no_warning_even_where_the_caller_wants_them():
    with warnings.catch_warnings(), numpy.errstate(all="warn"):
        warnings.simplefilter("error")
        stream = Stream(0)
        stream.log_normal(100, "f2", 9.0, 5.0)
        stream.normal(100, "f2", 0.0, 1e6)
        stream.cauchy(1000, "f2", 0.0, 1e4)
        stream.exponential(100, "f4", 1e-45)
        stream.geometric(100, "f2", 1e-9)
        stream.multinomial(numpy.array([0.0, 1.0, 1e-45], numpy.float32), lambda: numpy.zeros(3, numpy.float32), 2)


def test_numpy_random_is_loaded_by_the_first_draw():
    script = "import minitorch.random, sys; before = 'numpy.random' in sys.modules; minitorch.rand(1); print(before)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=DATA.parents[2]
    )
    assert done.stdout == "False\n"
