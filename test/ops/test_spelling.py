"""NumPy's names of arguments, ``axis`` and ``keepdims``, where PyTorch takes them."""

import pytest
from oracle import agree, same_first_line

TEXTS = """
x.sum(axis=1), x.sum(axis=(0, 1)), x.sum(axis=1, keepdims=True), x.sum(0, keepdims=True), x.sum(axis=0, dtype=t.float64)
x.mean(axis=-1), x.mean(axis=(0, 1), keepdims=True), x.prod(axis=1), x.std(axis=0), x.var(axis=1, keepdims=True)
x.max(axis=1), x.min(axis=0, keepdims=True), x.argmax(axis=1), x.argmin(axis=0), x.amax(axis=1), x.amin(axis=(0, 1))
x.all(axis=1), x.any(axis=0), x.median(axis=1), x.nansum(axis=1), x.nanmean(axis=0), x.count_nonzero(axis=1)
x.softmax(axis=1), x.log_softmax(axis=0), x.cumsum(axis=1), x.cumprod(axis=0), x.squeeze(axis=0), x.unsqueeze(axis=1)
t.sum(x, axis=1, keepdims=True), t.mean(x, axis=0), t.max(x, axis=1), t.argmax(x, axis=1), t.unbind(x, axis=1)
t.cat([x, x], axis=1), t.stack([x, x], axis=1), t.squeeze(x, axis=0), t.cumsum(x, axis=1)
""".strip().splitlines()


@pytest.mark.parametrize("text", TEXTS)
def test_as_in_pytorch(text):
    agree(lambda t: eval(text, {"t": t, "x": t.arange(6.0).reshape(2, 3)}))


@pytest.mark.parametrize("text", ["x.sum(dims=1)", "x.mean(axes=1)"])
def test_other_names(text):
    def program(t):
        try:
            eval(text, {"t": t, "x": t.arange(6.0).reshape(2, 3)})
        except TypeError:
            return "refused"

    agree(program)


def test_no_dim_where_one_is_needed():
    for text in ("x.unsqueeze()", "x.cumsum()"):
        agree(lambda t, text=text: type(kind_of(lambda: eval(text, {"x": t.ones(2)}))).__name__)
    same_first_line(lambda t: t.ones(2).sum(axis=3))


def kind_of(call):
    try:
        return call()
    except Exception as error:
        return error
