"""Writing where a mask holds stays in the graph, whatever the mask: the shape doesn't depend on it. Where it does, nothing is compiled,
unless the mask is a constant."""

import warnings

import pytest
import torch as theirs
from oracle import assert_same, plain

import minitorch as ours

WRITES = {
    "a number": "x[x > 0] = 2.0",
    "a 0-d tensor": "x[x > 0] = x.sum()",
    "another dtype": "x[x > 0] = t.tensor(3)",
    "where it is NaN": "x[(x - 1).log().isnan()] = 0",
    "rows": "x[x[..., 0] > 0] = v",
    "rows, a column": "x[x.sum((1, 2)) > 0, 1] = v",
    "rows, of each the end": "x[x[..., 0] > 0, 2:] = v[2:]",
    "columns": "x[..., v > 0] = 1.0",
    "columns of a row": "x[0, :, v > 0] = 1.0",
    "a new dim": "x[x[..., 0] > 0, None] = v",
    "between": "x[:, x[0, :, 0] > 0] = v",
    "a value of one row": "x[x[..., 0] > 0] = v[None]",
    "a value with a dim before": "x[:, x[0, :, 0] > 0] = v.sum() + x[:, :1]",
    "of a view": "x.transpose(0, 2)[v > 0] = 1.0",
    "through a view": "x[1][x[1] > 0] = x[0].sum()",
    "index_put_": "x.index_put_((x > 0,), v.sum())",
    "index_put_, rows": "x.index_put_((x[..., 0] > 0,), v)",
    "index_put": "x = x.index_put((x > 0,), v.sum())",
    "masked_fill_": "x.masked_fill_(x > 0, v.sum())",
    "several": "x[x > 1] = 1.0; x[x < -1] = -1.0",
}
DEPENDS = {
    "what is chosen": "x = x[x > 0]",
    "a sum of it": "x = x[x > 0].sum()",
    "masked_select": "x = x.masked_select(x > 0)",
    "changed where it is": "x[x > 0] *= 2",
    "a value for each place": "x[x > 0] = x[x > 0].flip(0)",
    "places": "x = (x > 0).nonzero()",
    "places in two": "x = x[t.where(x > 0)]",
    "which there are": "x = t.unique((x * 2).long())",
    "added at places": "x = x.index_put((x > 0,), v.sum(), accumulate=True)",
}


CONSTANT = {
    "a triangle's places": "a, b = t.triu_indices(3, 4, 1); x = x[:, a, b]",
    "a triangle": "x = x[:, t.ones(3, 4).tril().bool()]",
    "places that numbers have": "x = x[..., t.tensor([1.0, 0.0, 2.0, 0.0]).nonzero()[:, 0]]",
}


def step_of(t, text):
    """A step that writes so, and goes back through it."""
    code = compile(text, __file__, "exec")

    def step(leaf, v):
        names = {"t": t, "x": leaf * 1, "v": v}
        exec(code, names)
        x = names["x"]
        if x.requires_grad:
            leaf.grad = v.grad = None
            (x * x).sum().backward()
        return x.detach(), leaf.grad, v.grad

    return step


def inputs(t, seed):
    """Others at each call: what a mask chooses must be found out anew."""
    theirs.manual_seed(seed)
    return [t.tensor(theirs.randn(*shape).tolist(), requires_grad=True) for shape in ((2, 3, 4), (4,))]


def calls(t, step):
    """What it gives at each of some calls; gradients are left as they are, so that there is one signature."""
    leaf, v = inputs(t, 0)
    found = []
    for seed in range(6):
        with t.no_grad():
            for x, new in zip((leaf, v), inputs(t, seed), strict=True):
                x.copy_(new)
        found.append(plain(step(leaf, v)))
    return found


@pytest.mark.parametrize("text", WRITES.values(), ids=WRITES)
def test_a_write_under_a_mask_stays_in_the_graph(text):
    step = ours.compile(step_of(ours, text))
    assert_same(calls(theirs, step_of(theirs, text)), calls(ours, step))
    assert [len(signature.programs) for signature in step.signatures.values() if signature.calls > 1] == [1]


@pytest.mark.parametrize("text", CONSTANT.values(), ids=CONSTANT)
def test_a_shape_that_constants_decide_stays_in_the_graph(text):
    step = ours.compile(step_of(ours, text), fullgraph=True)
    assert_same(calls(theirs, step_of(theirs, text)), calls(ours, step))
    assert [len(signature.programs) for signature in step.signatures.values() if signature.calls > 1] == [1]


@pytest.mark.parametrize("text", DEPENDS.values(), ids=DEPENDS)
def test_a_shape_that_a_mask_decides_ends_the_graph(text):
    step = ours.compile(step_of(ours, text))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = calls(ours, step)
    assert_same(calls(theirs, step_of(theirs, text)), found)
    assert len(said) == 1 and "test_masks.py:1" in str(said[0].message) and "looks at a tensor's values" in str(said[0].message)
