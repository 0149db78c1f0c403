"""A small sample of random programs on each run, and those that once went wrong, as small as they could be made."""

import pytest
from fuzz_programs import difference, told_of
from random_programs import Given, Program, grown


def some(name, shape, layout="plain", dtype="float32", kept=False, wants=False):
    return Given(name, shape, dtype, layout, "normal", kept, wants)


WEIGHT, MATRIX, ROWS = some("p", (3, 4), kept=True, wants=True), some("a", (3, 4)), some("a", (3, 4), "expanded")

FOUND = {
    "the gradient of a product of one number": (["v1 = p.prod()"], [some("p", (1,), kept=True, wants=True)], "outside"),
    "a part without elements of a number": (["v1 = a.sum()", "v1.view(-1)[1:].mul_(2)"], [MATRIX], "plain"),
    "a concatenation with an empty part": (["v1 = t.cat([a[:0], a.flip(0)])", "v2 = v1.sin()"], [MATRIX], "plain"),
    "a part without elements, of 16 bits": (["v1 = (a[:0] * 2).sum(0)", "v2 = a.exp()"], [some("a", (3, 4), dtype="bfloat16")], "plain"),
    "a number written where NumPy writes": (["v1 = a.clone().as_strided((2, 2), (1, 2))", "v1[0] = 1"], [some("a", (5,))], "plain"),
    "one of several views of a weight that the optimizer moves": (["v1 = p.split(2)[0]"], [WEIGHT], "step"),
    "an argument takes another shape": (["a.transpose_(0, 1)", "v1 = a.sum(0)"], [MATRIX], "plain"),
    "an argument gets another size": (["a.resize_((4, 3))"], [MATRIX], "plain"),
    "a view of before takes another shape": (["q.t_()", "v1 = q.sum(0)"], [MATRIX, some("q", (3, 4), "transposed", kept=True)], "plain"),
    "an argument wants a gradient": (["a.requires_grad_()", "v1 = a.sin()"], [MATRIX], "plain"),
    "an argument wants none any more": (["a.detach_()", "v1 = a.sin()"], [MATRIX._replace(wants_gradient=True)], "plain"),
    "a row of an expanded argument": (["a[0] = 3", "v1 = a.sum()"], [ROWS], "plain"),
    "a graph that nobody can go back through": (["v1 = p.amax(1)", "v1.add_(1)"], [WEIGHT, MATRIX], "plain"),
    "a leaf is transposed in place": (["p.t_()", "v1 = p.sin()"], [WEIGHT, MATRIX], "inference"),
    "odd powers": (["v1 = F.lp_pool1d(a[None], 3, 2)"], [MATRIX], "plain"),
    "pixels of one": (["v1 = F.pixel_unshuffle(a, 2)", "v1.mul_(2)"], [some("a", (2, 3, 2, 2))], "plain"),
    "half precision has no 1e-12": (
        ["v1 = F.binary_cross_entropy(p.sigmoid(), p.detach().sigmoid().round())"], [WEIGHT._replace(dtype="float16"), MATRIX], "outside",
    ),
    "products of a permuted batch lie in order": (["v1 = (a @ a.mT).view(-1)"], [some("a", (5, 3, 4, 2), "transposed")], "plain"),
    "sums of what is permuted lie in order": (["v1 = a.sum(0).view(-1)", "v2 = a.amax(1).view(-1)", "v3 = a.prod(1, keepdim=True).view(-1)"], [some("a", (5, 3, 4, 2), "transposed")], "plain"),
    "so do norms and running sums": (["v1 = F.layer_norm(a, (2,)).view(-1)", "v2 = a.softmax(0).view(-1)", "v3 = a.cumsum(1).view(-1)"], [some("a", (5, 3, 4, 2), "transposed")], "plain"),
    "an expanded tensor in any order, written to": (["v1 = a.permute(0, 1, 3, 2) * 2", "v2 = v1.expand(2, 3, 4, 2, 5)", "v1.add_(1)", "v3 = v2.sum(-1)"], [some("a", (3, 4, 5, 2))], "plain"),
    "a part of a slice": (["v1 = a[1]", "v2 = a.mT"], [some("a", (3, 4), "offset")], "plain"),
    "the mean of a number is another number": (["v1 = t.var_mean(a, correction=0)[1]", "v1.mul_(2)"], [some("a", ())], "plain"),
    "the maxima so far of nothing": (["v1 = a.cummax(0)[0]"], [some("a", (0, 3))], "plain"),
    "axes swapped in place": (["v1 = a * 2", "v1.swapaxes_(0, 1)"], [MATRIX], "plain"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_went_wrong_once(name):
    lines, inputs, use = FOUND[name]
    program = Program(inputs, lines, use, "SGD(held,lr=0.1)", (), 0)
    found, _ = difference(program)
    assert found is None, told_of(program, found)


@pytest.mark.parametrize("seed", range(12))
def test_a_random_program(seed):
    program = grown(seed)
    found, _ = difference(program)
    assert found is None, told_of(program, found)
