"""Attention strip by strip: PyTorch's numbers, however it is cut, and what it leaves in memory."""

import gc
import math
import tracemalloc

import numpy
import pytest
import torch

import minitorch
from minitorch.autograd import attention_strips as attention
from minitorch.backends.once import ONCE

SHAPES = {
    "heads": [(3, 2, 20, 8)] * 3,
    "across": [(3, 2, 20, 8), (3, 2, 33, 8), (3, 2, 33, 5)],
    "more queries than keys": [(2, 40, 8), (2, 17, 8), (2, 17, 8)],
    "one matrix": [(50, 4)] * 3,
    "five dims": [(2, 1, 3, 16, 4)] * 3,
}
CUTS = {"one strip": 1 << 18, "some of a batch": 1300, "a matrix": 700, "some queries": 150, "single queries": 1}


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    monkeypatch.setattr(attention, "ENOUGH", 1)


@pytest.fixture
def strips(monkeypatch):
    """How many strips there were."""
    found, cut = [], attention.strips

    def watched(*args):
        for strip in cut(*args):
            found.append(strip)
            yield strip

    monkeypatch.setattr(attention, "strips", watched)
    return found


def given(library, shapes):
    source = numpy.random.default_rng(0)
    return [library.tensor(source.standard_normal(shape).astype("float32"), requires_grad=True) for shape in shapes]


def trained(library, inputs, **options):
    for x in inputs:
        x.grad = None
    out = library.nn.functional.scaled_dot_product_attention(*inputs, **options)
    out.sin().sum().backward()
    return [out, *[x.grad for x in inputs]]


def mask_of(library, name, shape):
    """One of (*, L, S), or fewer; the first query, or the keys of a batch, may all be hidden."""
    places = numpy.arange(numpy.prod(shape)).reshape(shape) * 7919 % 13
    seen = places > 4
    seen[..., 3, :] = False
    numbers = numpy.where(seen, -0.25 * places, -numpy.inf).astype("float32")
    found = {
        "of all": seen, "of a head": seen[:, :1], "of a query": seen[0, 0], "of keys": seen[:, :1, 2:3],
        "numbers of all": numbers, "numbers of a query": numbers[0, 0], "far below": numpy.maximum(numbers, -1e9), "one": seen[0, 0, :1, :1],
    }  # fmt: skip
    return library.tensor(found[name])


MASKS = ["of all", "of a head", "of a query", "of keys", "numbers of all", "numbers of a query", "far below", "one"]


def compare(ours, theirs, tolerance=1e-5):
    for x, y in zip(ours, theirs, strict=True):
        x, y = x.detach().numpy(), y.detach().numpy()
        numpy.testing.assert_allclose(x, y, tolerance, tolerance * max(1, abs(y).max()))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", SHAPES)
def test_numbers_and_gradients_are_pytorchs(name, cut, causal, strips, monkeypatch):
    monkeypatch.setattr(attention, "SCORES", CUTS[cut])
    ours, theirs = [trained(t, given(t, SHAPES[name]), is_causal=causal, scale=0.3) for t in (minitorch, torch)]
    compare(ours, theirs)
    assert (len(strips) > 2) == (cut != "one strip")


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", MASKS)
def test_masks(name, cut, strips, monkeypatch):
    monkeypatch.setattr(attention, "SCORES", CUTS[cut])
    q, k, v = SHAPES["across"]
    ours, theirs = [trained(t, given(t, (q, k, v)), attn_mask=mask_of(t, name, (*q[:-1], k[-2]))) for t in (minitorch, torch)]
    compare(ours, theirs)
    assert (len(strips) > 2) == (cut != "one strip")


@pytest.mark.parametrize("name", MASKS)
def test_heads_in_groups(name, strips):
    q, k, v = (2, 6, 20, 8), (2, 3, 33, 8), (2, 3, 33, 5)
    options = [{"attn_mask": mask_of(t, name, (*q[:-1], k[-2])), "enable_gqa": True} for t in (minitorch, torch)]
    ours, theirs = [trained(t, given(t, (q, k, v)), **o) for t, o in zip((minitorch, torch), options)]
    compare(ours, theirs)
    assert strips


def test_keys_that_a_batch_shares(strips):
    shapes = [(3, 2, 20, 8), (1, 2, 33, 8), (1, 1, 33, 5)]
    compare(*[trained(t, given(t, shapes), scale=0.2) for t in (minitorch, torch)])
    assert strips


def test_nan_stays_beside_queries_that_see_nothing(strips):
    def found(library):
        q, k, v = given(library, SHAPES["heads"])
        with library.no_grad():
            q[0, 0, 5] = math.nan
        return library.nn.functional.scaled_dot_product_attention(q, k, v, mask_of(library, "of a query", (3, 2, 20, 20))).detach()

    ours, theirs = found(minitorch), found(torch)
    assert ours[0, 0, 3].count_nonzero() == 0 and ours[0, 0, 5].isnan().all()
    compare([ours], [theirs])
    assert strips


def test_numbers_that_want_a_gradient_get_one(strips):
    def found(library):
        inputs = given(library, SHAPES["heads"])
        mask = library.ones(20, 20, requires_grad=True)
        return [*trained(library, inputs, attn_mask=mask), mask.grad]

    compare(found(minitorch), found(torch))
    assert not strips


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"attn_mask": "of a head"}, {"attn_mask": "numbers of all"}], ids=str)
def test_second_derivatives(options):
    def second(library):
        inputs, name = given(library, SHAPES["heads"]), options.get("attn_mask")
        more = {**options, "attn_mask": name and mask_of(library, name, (3, 2, 20, 20))}
        out = library.nn.functional.scaled_dot_product_attention(*inputs, **more)
        slopes = library.autograd.grad(out.sin().sum(), inputs, create_graph=True)
        return library.autograd.grad(sum([x.square().sum() for x in slopes]), inputs)

    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        theirs = second(torch)
    compare(second(minitorch), theirs, 1e-4)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_compiled(name, causal, strips):
    inputs = given(minitorch, SHAPES[name])
    step = minitorch.compile(lambda *inputs: trained(minitorch, inputs, is_causal=causal), fullgraph=True)
    expected = trained(torch, given(torch, SHAPES[name]), is_causal=causal)
    for _ in range(4):
        compare(step(*inputs), expected)
    assert len(strips) == 4  # of the two runs that are recorded, forth and back


@pytest.mark.parametrize("name", MASKS)
def test_compiled_with_masks(name, strips):
    q, k, v = SHAPES["across"]
    inputs, mask = given(minitorch, (q, k, v)), mask_of(minitorch, name, (*q[:-1], k[-2]))
    step = minitorch.compile(lambda mask, *inputs: trained(minitorch, inputs, attn_mask=mask), fullgraph=True)
    expected = trained(torch, given(torch, (q, k, v)), attn_mask=mask_of(torch, name, (*q[:-1], k[-2])))
    for _ in range(4):
        compare(step(mask, *inputs), expected)
    assert len(strips) == 4
    (program,) = [program for signature in step.signatures.values() for program in signature.programs]
    assert sum([repr(kernel).startswith("attend") for kernel in program.native.plan.kernels]) == 2


def test_gradients_of_the_program_are_attentions_own():
    """What was recorded as strips is known as attention again: no scores are in the program's memory."""
    inputs = given(minitorch, [(4, 4, 64, 16)] * 3)
    step = minitorch.compile(lambda *inputs: trained(minitorch, inputs, is_causal=True)[0], fullgraph=True)
    for _ in range(3):
        step(*inputs)
    (program,) = [program for signature in step.signatures.values() for program in signature.programs]
    plan = program.native.plan
    assert plan.size - 4 * sum([x.size for x in plan.lent]) < 4 * 4 * 64 * 64 * 4


def test_a_query_that_is_passed_thrice():
    def both(library):
        (x,) = given(library, SHAPES["heads"][:1])
        return trained(library, [x, x, x])

    compare(both(minitorch), both(torch))


def test_what_reads_only_one_gradient():
    def of_values(library):
        q, k, v = given(library, SHAPES["heads"])
        return trained(library, [q.detach(), k.detach(), v])[::3]

    compare(of_values(minitorch), of_values(torch))


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("name", [None, "of a head", "numbers of a query"])
def test_scores_are_not_kept(name, once, monkeypatch):
    shape = (2, 4, 512, 16)
    inputs, scores = given(minitorch, [shape] * 3), 2 * 4 * 512 * 512 * 4
    mask = name and mask_of(minitorch, name, (*shape[:-1], 512))
    trained(minitorch, inputs, attn_mask=mask)
    monkeypatch.setattr(ONCE, "running", once)
    gc.collect()
    tracemalloc.start()
    trained(minitorch, inputs, attn_mask=mask)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < scores
